"""Newton's equations with rows, solved in units of about 1.

    diag(curvature) dv + matrix' row = force,      matrix dv - diag(give) row = missing

Where rows are few, they are solved first: (matrix diag(curvature)^-1 matrix' + diag(give)) row is
known, a dense system of that many equations. That squares what is nearly dependent: the solution
is improved by what it leaves, and where too much is left a sparse factorisation of all equations
takes its place. May import the types of a Program and errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from solvers.errors import SolverFailure
from solvers.program import Floats, Integers

LEAST_SQUARE = 1e-280
"""Nothing is divided by the root of less."""
FEW_ROWS = 64
IMPROVEMENTS = 2
MOST_LEFT = 1e-12
"""Of the largest number on the right-hand side."""


class NewtonSystem:
    """The equations for one matrix of rows.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of shape (n_rows, n_columns)
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        entries = matrix.tocoo()
        self._row, self._column = entries.coords
        self._data = entries.data
        self._n_rows, self._n_columns = matrix.shape
        self._starts = matrix.indptr

    def solved(
        self, curvature: Floats, give: Floats, force: Floats, missing: Floats
    ) -> tuple[Floats, Floats]:
        """Return dv and the multipliers of rows.

        Parameters
        ----------
        curvature : array of shape (n_columns,)
            Above zero.
        give : array of shape (n_rows,)
            At least zero.
        force : array of shape (n_columns,)
        missing : array of shape (n_rows,)

        Raises
        ------
        SolverFailure
            If the equations are singular, or their numbers too large.
        """
        of_columns = 1.0 / np.sqrt(np.maximum(curvature, LEAST_SQUARE))
        data = self._data * of_columns[self._column]
        squares = np.bincount(self._row, data**2, minlength=self._n_rows) + give
        of_rows = 1.0 / np.sqrt(np.maximum(squares, LEAST_SQUARE))
        data = data * of_rows[self._row]
        scaled = _Scaled(
            matrix=self._with_entries(data),
            give=give * of_rows**2,
            force=force * of_columns,
            missing=missing * of_rows,
        )
        if not scaled.is_finite:
            raise SolverFailure("a Newton step has numbers that are too large")
        found = scaled.solved_by_rows() if self._n_rows <= FEW_ROWS else None
        dv, row = self._factorised(scaled) if found is None else found
        return dv * of_columns, row * of_rows

    def _with_entries(self, data: Floats) -> sparse.csr_array:
        shape = (self._n_rows, self._n_columns)
        return sparse.csr_array((data, self._column, self._starts), shape=shape)

    def _factorised(self, scaled: _Scaled) -> tuple[Floats, Floats]:
        """Solve all equations at once, by a sparse factorisation."""
        from scipy.sparse.linalg import splu

        order, indices, starts = self._pattern
        data = scaled.matrix.data
        numbers = np.concatenate([np.ones(self._n_columns), -scaled.give, data, data])
        size = self._n_rows + self._n_columns
        system = sparse.csc_array((numbers[order], indices, starts), shape=(size, size))
        right = np.concatenate([scaled.force, scaled.missing])
        try:
            factors = splu(system)
        except RuntimeError as error:
            raise SolverFailure(f"a Newton step cannot be solved: {error}") from error
        solution = factors.solve(right)
        solution += factors.solve(right - system @ solution)
        return solution[: self._n_columns], solution[self._n_columns :]

    @cached_property
    def _pattern(self) -> tuple[Integers, Integers, Integers]:
        """The order in which the entries of all equations are stored, their rows and starts."""
        size = self._n_rows + self._n_columns
        place = self._n_columns + self._row
        rows = np.concatenate([np.arange(size), place, self._column])
        columns = np.concatenate([np.arange(size), self._column, place])
        order = np.lexsort((rows, columns))
        starts = np.searchsorted(columns[order], np.arange(size + 1))
        return order, rows[order].astype(np.int32), starts.astype(np.int32)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaled:
    """The equations in units in which the curvature is 1.

    dv + matrix' row = force,      matrix dv - diag(give) row = missing
    """

    matrix: sparse.csr_array
    give: Floats
    force: Floats
    missing: Floats

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are."""
        numbers = self.matrix.data, self.give, self.force, self.missing
        return all(bool(np.isfinite(one).all()) for one in numbers)

    def solved_by_rows(self) -> tuple[Floats, Floats] | None:
        """Return dv and row, None where too much of the right-hand side is left."""
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        dense = self.matrix.toarray()
        gram = dense @ dense.T
        gram[np.diag_indices_from(gram)] += self.give
        try:
            factor = cho_factor(gram, lower=True)
        except LinAlgError:
            return None
        dv, row = np.zeros_like(self.force), np.zeros_like(self.missing)
        for _ in range(1 + IMPROVEMENTS):
            force = self.force - dv - dense.T @ row
            missing = self.missing - dense @ dv + self.give * row
            further = cho_solve(factor, dense @ force - missing)
            row += further
            dv += force - dense.T @ further
        left = [self.force - dv - dense.T @ row, self.missing - dense @ dv + self.give * row]
        largest = max(_largest(self.force), _largest(self.missing))
        return (dv, row) if max(map(_largest, left)) <= MOST_LEFT * largest else None


def _largest(numbers: Floats) -> float:
    # A NaN is larger than what is allowed.
    size = np.abs(numbers).max(initial=0.0)
    return float(size) if size == size else np.inf
