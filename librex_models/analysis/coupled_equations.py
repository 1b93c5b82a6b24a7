"""The equations of an optimum in which the members of groups pull on each other.

    (diag(stiffness) - strength sum_g along_g along_g') dw + matrix' y = force
    matrix dw = missing

One small system, as large as there are groups, gives what the members of each pull together
(Sherman, Morrison & Woodbury; Golub & Van Loan 2013, Matrix Computations, 2.1.4); with that as a
force, the equations without groups are solved.

May import the equations of an optimum.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from librex_models.analysis.optimum_equations import Factors
from solvers.program import Floats

AT_ONCE = 500


class CoupledFactors:
    """The equations of one matrix and one stiffness, with groups.

    Parameters
    ----------
    factors : Factors
        Those without groups.
    along : scipy.sparse.csc_array of shape (n, n_groups)
    strength : float
        Of any sign, so small that the whole has one solution.
    """

    def __init__(self, factors: Factors, along: sparse.csc_array, strength: float) -> None:
        self._factors, self._along, self._strength = factors, along, strength
        n_rows, n_groups = factors.n_rows, along.shape[1]
        given_way = np.zeros((n_groups, n_groups))
        for start in range(0, n_groups, AT_ONCE):
            force = along[:, start : start + AT_ONCE].toarray()
            moved, _ = factors.solve(force, np.zeros((n_rows, force.shape[1])))
            given_way[:, start : start + AT_ONCE] = along.T @ moved
        self._system = np.eye(n_groups) - strength * given_way

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats]:
        """Return dw and y, as `Factors.solve` does."""
        alone, _ = self._factors.solve(force, missing)
        together = self.amplified(self._strength * (self._along.T @ alone))
        return self._factors.solve(force + self._along @ together, missing)

    def amplified(self, pull: Floats) -> Floats:
        """Return what a pull along each group comes to, with all that follows from it."""
        return np.asarray(np.linalg.solve(self._system, pull))
