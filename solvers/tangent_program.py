"""A Program whose alpha-fair terms became linear columns under tangents.

    welfare_of[g]    a column up to the most, which counts weight_g times in the objective
    tangent[g_k]     welfare_of_g - slope_gk utility_g <= constant_gk

Where slopes are small, rows are multiplied by a power of two: readers drop entries below 1e-9.

May import the Program, and what else is under lines.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from solvers.program import Block, Floats, Program, with_rows
from solvers.program_under_lines import with_columns_for_terms

SMALL = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class TangentsOfTerm:
    """Lines above one term, in the units of its column.

    Parameters
    ----------
    slope, constant : arrays of shape (n_lines,)
        The term is at most slope * column + constant, for each.
    most : float
        And at most this.
    """

    slope: Floats
    constant: Floats
    most: float


def under_tangents(
    program: Program, lines: Sequence[TangentsOfTerm], labels: Sequence[Hashable]
) -> Program:
    """Return the linear Program in which each term is at most its tangents.

    Parameters
    ----------
    program : Program
        With alpha-fair terms.
    lines : sequence of TangentsOfTerm
        Those of each term.
    labels : sequence of hashable
        One for each term.

    Raises
    ------
    ValueError
        If there are no terms.
    """
    terms = program.terms
    if terms is None:
        raise ValueError("the Program has no terms")
    linear = with_columns_for_terms(program, [line.most for line in lines], labels)
    counts = [len(line.slope) for line in lines]
    term = np.repeat(np.arange(len(lines)), counts)
    n_lines = len(term)
    slope = np.concatenate([line.slope for line in lines])
    constant = np.concatenate([line.constant for line in lines])
    scale = _scale(slope)
    row = np.tile(np.arange(n_lines), 2)
    column = np.concatenate([program.n_columns + term, terms.columns[term]])
    entries = np.concatenate([scale, -scale * slope])
    below = sparse.csc_array((entries, (row, column)), shape=(n_lines, linear.n_columns))
    number = [k for count in counts for k in range(1, count + 1)]
    names = [f"{labels[g]}_{k}" for g, k in zip(term.tolist(), number, strict=True)]
    block = Block(name="tangent", labels=names)
    return with_rows(linear, below, np.full(n_lines, -np.inf), scale * constant, block)


def _scale(slope: Floats) -> Floats:
    """Return 1, or powers of two that bring small slopes and 1 equally far from 1."""
    is_small = (slope > 0.0) & (slope < SMALL)
    halves = np.where(is_small, -0.5 * np.log2(np.where(is_small, slope, 1.0)), 0.0)
    scale: Floats = 2.0 ** np.rint(halves)
    return scale
