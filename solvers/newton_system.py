"""Newton's equations with rows, solved by a sparse factorisation in units of about 1.

    diag(curvature) dv + matrix' row = force,      matrix dv - diag(give) row = missing

May import the types of a Program and errors.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from solvers.errors import SolverFailure
from solvers.program import Floats

LEAST_SQUARE = 1e-280
"""Nothing is divided by the root of less."""


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
        size = self._n_rows + self._n_columns
        place = self._n_columns + self._row
        # The pattern, and where in it the entries are that change.
        rows = np.concatenate([np.arange(size), place, self._column])
        columns = np.concatenate([np.arange(size), self._column, place])
        order = np.lexsort((rows, columns))
        self._order = order
        starts = np.searchsorted(columns[order], np.arange(size + 1))
        self._pattern = rows[order].astype(np.int32), starts.astype(np.int32)

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
        from scipy.sparse.linalg import splu

        of_columns = 1.0 / np.sqrt(np.maximum(curvature, LEAST_SQUARE))
        data = self._data * of_columns[self._column]
        squares = np.bincount(self._row, data**2, minlength=self._n_rows) + give
        of_rows = 1.0 / np.sqrt(np.maximum(squares, LEAST_SQUARE))
        data = data * of_rows[self._row]
        numbers = np.concatenate([np.ones(self._n_columns), -give * of_rows**2, data, data])
        size = self._n_rows + self._n_columns
        system = sparse.csc_array((numbers[self._order], *self._pattern), shape=(size, size))
        right = np.concatenate([force * of_columns, missing * of_rows])
        if not (np.isfinite(numbers).all() and np.isfinite(right).all()):
            raise SolverFailure("a Newton step has numbers that are too large")
        try:
            factors = splu(system)
        except RuntimeError as error:
            raise SolverFailure(f"a Newton step cannot be solved: {error}") from error
        solution = factors.solve(right)
        solution += factors.solve(right - system @ solution)
        return solution[: self._n_columns] * of_columns, solution[self._n_columns :] * of_rows
