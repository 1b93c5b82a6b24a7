"""The linear equations of an optimum that is moved, or sharpened.

    diag(stiffness) dw + matrix' y = force,   matrix dw = missing

Stiffness goes over many decades: it is the curvature of what is free, next to nothing where there
is none, and next to infinity for what is held. Columns that are in one row only (utilities, slacks)
and rows that then hold one column (upper bounds, utilities of one option) are eliminated by sums of
numbers of one sign; what is left has about as many rows as there are budgets and limits of agents.

May import the core of the equations.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.analysis.core_equations import Core, core
from solvers.program import Floats, Integers


class Equations:
    """The equations of one matrix, of which any stiffness can be asked.

    Parameters
    ----------
    matrix : scipy.sparse.csc_array of shape (n_rows, n)
    """

    def __init__(self, matrix: sparse.csc_array) -> None:
        self.matrix = sparse.csc_array(matrix, copy=True)
        self.matrix.eliminate_zeros()
        n_rows = self.matrix.shape[0]
        count = np.diff(self.matrix.indptr)
        self.single, self.other = np.flatnonzero(count == 1), np.flatnonzero(count != 1)
        place = self.matrix.indptr[self.single]
        self.single_row = self.matrix.indices[place].astype(np.int64)
        self.single_entry = self.matrix.data[place]
        has_single = np.bincount(self.single_row, minlength=n_rows) > 0
        self.rest = sparse.csr_array(self.matrix[:, self.other])
        left = np.diff(self.rest.indptr)
        self.bare = np.flatnonzero((left == 0) & has_single)
        self.thin = np.flatnonzero((left == 1) & has_single)
        self.coupling = np.flatnonzero((left > 1) | ((left == 1) & ~has_single))
        place = self.rest.indptr[self.thin]
        self.thin_column = self.rest.indices[place].astype(np.int64)
        self.thin_entry = self.rest.data[place]
        self.coupled = sparse.csr_array(self.rest[self.coupling])

    def of(self, stiffness: Floats) -> Factors:
        """Return the equations of a stiffness, ready to be solved.

        Parameters
        ----------
        stiffness : array of shape (n,)
            Above zero.
        """
        return Factors(self, stiffness)


class Factors:
    """The equations of one matrix and one stiffness."""

    def __init__(self, equations: Equations, stiffness: Floats) -> None:
        own = self._equations = equations
        self._stiffness = stiffness
        n_rows = self.n_rows = own.matrix.shape[0]
        # What the singles of a row give way to its multiplier.
        self._ease = _sums(own.single_row, own.single_entry**2 / stiffness[own.single], n_rows)
        self._thin_stiffness = own.thin_entry**2 / self._ease[own.thin]
        self._total = stiffness[own.other] + _sums(
            own.thin_column, self._thin_stiffness, len(own.other)
        )
        self._softest = self._softest_singles()
        self._leads = _leading(own.thin_column, self._thin_stiffness, self._total)
        self._core: Core = core(own.coupled, self._total, self._ease[own.coupling])

    def _softest_singles(self) -> Integers:
        """Return the places of singles that are softer than all else in their rows."""
        own = self._equations
        rest = own.rest
        most = np.zeros(own.matrix.shape[0])
        row = np.repeat(np.arange(len(most)), np.diff(rest.indptr))
        np.maximum.at(most, row, rest.data**2 / self._stiffness[own.other][rest.indices])
        gives = own.single_entry**2 / self._stiffness[own.single]
        order = np.lexsort((gives, own.single_row))
        last = np.append(np.diff(own.single_row[order]) > 0, True)[: len(order)]
        chosen = order[last]
        return np.asarray(chosen[gives[chosen] > most[own.single_row[chosen]]])

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats]:
        """Return dw and y.

        Parameters
        ----------
        force, missing : arrays of shape (n,) and (n_rows,), or with one column for each of several
            right-hand sides
        """
        if force.ndim == 1:
            dw, y = self.solve(force[:, np.newaxis], missing[:, np.newaxis])
            return dw[:, 0], y[:, 0]
        own, single = self._equations, self._equations.single
        # What softest singles are pushed by is taken over by their rows' multipliers.
        first = np.zeros_like(missing)
        soft = self._softest
        first[own.single_row[soft]] = force[single[soft]] / own.single_entry[soft, np.newaxis]
        force = force - own.matrix.T @ first
        force[single[soft]] = 0.0
        alone = force[single] / self._stiffness[single][:, np.newaxis]
        entry = own.single_entry[:, np.newaxis]
        wanting = missing - _sums(own.single_row, entry * alone, len(missing))
        pushed = self._thin_stiffness[:, np.newaxis] * wanting[own.thin]
        pushed = pushed / own.thin_entry[:, np.newaxis]
        pull = force[own.other] + _sums(own.thin_column, pushed, len(own.other))
        moved, y_core, given = self._core.solve(pull, wanting[own.coupling])
        y, slack = np.zeros_like(missing), np.zeros_like(missing)
        y[own.coupling], slack[own.coupling] = y_core, given
        slack[own.bare] = wanting[own.bare]
        y[own.bare] = -slack[own.bare] / self._ease[own.bare][:, np.newaxis]
        self._solve_thin(force, wanting, moved, y, slack)
        dw = np.empty_like(force)
        dw[own.other] = moved
        share = own.single_entry / self._stiffness[single] / self._ease[own.single_row]
        dw[single] = alone + share[:, np.newaxis] * slack[own.single_row]
        return dw, first + y

    def _solve_thin(
        self, force: Floats, wanting: Floats, moved: Floats, y: Floats, slack: Floats
    ) -> None:
        """Fill in y and slack of the rows with one column.

        Where such a row decides on its column, what its singles do is a difference of numbers
        that are nearly the same: its multiplier is then what the equation of the column leaves to
        it. Of these two the one counts that rounding can tell less about.
        """
        own, thin = self._equations, self._equations.thin
        ease, entry = self._ease[thin][:, np.newaxis], own.thin_entry[:, np.newaxis]
        slack[thin] = wanting[thin] - entry * moved[own.thin_column]
        y[thin] = -slack[thin] / ease
        doubt = (np.abs(wanting[thin]) + np.abs(entry * moved[own.thin_column])) / ease
        leads = self._leads
        row, at = thin[leads], own.thin_column[leads]
        ease, entry, doubt = ease[leads], entry[leads], doubt[leads]
        before = y[row]
        y[row] = 0.0
        stiffness = self._stiffness[own.other][at][:, np.newaxis]
        rest, pushed = own.rest[:, at], force[own.other][at]
        left = (pushed - stiffness * moved[at] - rest.T @ y) / entry
        size = np.abs(pushed) + np.abs(stiffness * moved[at]) + abs(rest).T @ np.abs(y)
        y[row] = np.where(size / np.abs(entry) < doubt, left, before)
        slack[row] = np.where(size / np.abs(entry) < doubt, -ease * left, slack[row])


def _leading(column: Integers, stiffness: Floats, total: Floats) -> npt.NDArray[np.bool_]:
    """Return which thin rows may decide on their columns, at most one for each column."""
    order = np.lexsort((stiffness, column))
    last = np.append(np.diff(column[order]) > 0, True)[: len(order)]
    leads = np.zeros(len(column), dtype=np.bool_)
    leads[order[last]] = True
    return leads & (stiffness > 0.25 * total[column])


def _sums(place: Integers, numbers: Floats, size: int) -> Floats:
    """Return the sums of numbers by place; of columns of numbers, column by column."""
    if numbers.ndim == 1:
        return np.asarray(np.bincount(place, numbers, minlength=size), dtype=np.float64)
    gather = sparse.csr_array(
        (np.ones(len(place)), (place, np.arange(len(place)))), shape=(size, len(place))
    )
    return np.asarray(gather @ numbers)
