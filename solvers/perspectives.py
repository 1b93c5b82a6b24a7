"""Perspectives of scaled alpha-fair terms: rows that say an equivalent utility of several columns.

    below_i <= scale_i V(argument_i / scale_i),   V(s) = (s^(1 - alpha) - 1) / (1 - alpha), or log s

With sum_i below_i >= 0 over the arguments of one scale, that scale is at most their equally-
distributed equivalent for this alpha: the mean of the V(argument_i / scale) is at least V(1) = 0.
Each of these rows is concave and homogeneous, and below its tangents for every ratio r > 0:

    below_i <= r^(-alpha) argument_i + (V(r) - r^(1 - alpha)) scale_i

Boyd & Vandenberghe (2004), Convex Optimization, 3.2.6 (perspectives). May import numpy,
scipy.sparse, the errors and the scaled utility of this package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.errors import ProgramError
from solvers.scaled_utility import scaled_utility

SMALL = 2e-6
"""Against 1, in a row."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Perspectives:
    """Rows below_i <= scale_i V(argument_i / scale_i) over columns of a Program.

    Parameters
    ----------
    below : integer array of shape (n_perspectives,)
        The column that is bounded; none twice.
    scale, argument : integer arrays of shape (n_perspectives,)
        Columns that are at least zero.
    alpha : float
        Aversion to inequality, above zero and finite.
    """

    below: Integers
    scale: Integers
    argument: Integers
    alpha: float

    def check(self, n_columns: int, column_lower: Floats) -> None:
        """Raise ProgramError where columns or alpha make no sense."""
        if not (self.alpha > 0 and np.isfinite(self.alpha)):
            raise ProgramError(
                f"perspectives have alpha {self.alpha}, expected a finite number above zero"
            )
        for part in ("below", "scale", "argument"):
            columns = getattr(self, part)
            if columns.shape != self.below.shape or columns.ndim != 1:
                raise ProgramError(
                    f"perspectives have {part} of shape {columns.shape}, expected one column each"
                )
            if not ((columns >= 0) & (columns < n_columns)).all():
                raise ProgramError(f"perspectives name a column outside of 0 to {n_columns - 1}")
        if len(np.unique(self.below)) < len(self.below):
            raise ProgramError("perspectives bound a column twice")
        if (column_lower[self.scale] < 0).any() or (column_lower[self.argument] < 0).any():
            raise ProgramError("perspectives are of columns that may be below zero")

    def reordered(self, place: Integers) -> Perspectives:
        """Return the same rows where column j stands at place[j], sorted by what is bounded."""
        order = np.argsort(place[self.below])
        return replace(
            self,
            below=place[self.below][order],
            scale=place[self.scale][order],
            argument=place[self.argument][order],
        )


def perspective_differences(first: Perspectives | None, second: Perspectives | None) -> list[str]:
    """Return what differs between two, part by part; empty if they are equal."""
    if first is None or second is None:
        return [] if first is second else ["perspectives"]
    parts = [] if first.alpha == second.alpha else ["perspectives.alpha"]
    return parts + [
        f"perspectives.{part}"
        for part in ("below", "scale", "argument")
        if not np.array_equal(getattr(first, part), getattr(second, part))
    ]


def tangent_rows(
    perspectives: Perspectives, row: Integers, ratio: Floats, n_columns: int
) -> sparse.csr_array:
    """Return the tangents below_i - slope argument_i - constant scale_i <= 0.

    Parameters
    ----------
    perspectives : Perspectives
    row : integer array of shape (n_tangents,)
        Which of the rows each tangent is for.
    ratio : array of shape (n_tangents,)
        Where it touches; above zero.
    n_columns : int

    Returns
    -------
    scipy.sparse.csr_array of shape (n_tangents, n_columns)
        Each row in the power of two in which its largest entry is about 1.
    """
    slope, constant = _tangents(ratio, perspectives.alpha)
    largest = np.maximum(np.maximum(slope, np.abs(constant)), 1.0)
    unit = 2.0 ** -np.rint(np.log2(largest))
    n_tangents = len(row)
    columns = [perspectives.below[row], perspectives.argument[row], perspectives.scale[row]]
    entries = [unit, -slope * unit, -constant * unit]
    matrix = sparse.csr_array(
        (
            np.concatenate(entries),
            (np.tile(np.arange(n_tangents), 3), np.concatenate(columns)),
        ),
        shape=(n_tangents, n_columns),
    )
    matrix.eliminate_zeros()
    return matrix


def _tangents(ratio: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Return slopes and constants without numbers that are small against others of their row.

    On rows that span many decades solvers were seen to be wrong.
    """
    slope = ratio**-alpha
    constant = scaled_utility(ratio, alpha) - slope * ratio
    # A little further on, where the constant crosses zero.
    near = np.where(np.abs(constant) < SMALL, ratio * (1.0 - 2.0 * SMALL), ratio)
    slope = near**-alpha
    constant = scaled_utility(near, alpha) - slope * near
    if alpha <= 1.0:
        return slope, constant
    # V is never above its limit.
    is_level = slope < SMALL
    return np.where(is_level, 0.0, slope), np.where(is_level, 1.0 / (alpha - 1.0), constant)
