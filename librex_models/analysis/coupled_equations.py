"""The equations of an optimum in which the members of groups pull on each other.

    diag(stiffness) dw - sum_g pull_g (along_g . dw) + matrix' y = force,   matrix dw = missing

One small system, as large as there are groups, gives how far each moves along (Sherman, Morrison &
Woodbury; Golub & Van Loan 2013, Matrix Computations, 2.1.4); with what that pulls as a force, the
equations without groups are solved.

May import the equations of an optimum, and the standard form.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from librex_models.analysis.optimum_equations import Factors
from librex_models.analysis.standard_form import StandardForm
from solvers.program import Floats

AT_ONCE = 500


class CoupledFactors:
    """The equations of one matrix and one stiffness, with groups.

    Parameters
    ----------
    factors : Factors
        Those without groups.
    pull, along : scipy.sparse.csc_array of shape (n, n_groups)
    """

    def __init__(self, factors: Factors, pull: sparse.csc_array, along: sparse.csc_array) -> None:
        self._factors, self._pull, self._along = factors, pull, along
        n_rows, n_groups = factors.n_rows, pull.shape[1]
        self._system = np.eye(n_groups)
        for start in range(0, n_groups, AT_ONCE):
            force = pull[:, start : start + AT_ONCE].toarray()
            moved, _ = factors.solve(force, np.zeros((n_rows, force.shape[1])))
            self._system[:, start : start + AT_ONCE] -= along.T @ moved

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats]:
        """Return dw and y, as `Factors.solve` does."""
        alone, _ = self._factors.solve(force, missing)
        together = np.linalg.solve(self._system, self._along.T @ alone)
        return self._factors.solve(force + self._pull @ together, missing)


def coupled(
    form: StandardForm, factors: Factors, w: Floats, marginal: Floats
) -> Factors | CoupledFactors:
    """Return the equations with the groups of nested fairness, where there are any.

    Parameters
    ----------
    form : StandardForm
    factors : Factors
        Those whose stiffness is that of terms on their own.
    w : array of shape (n_coordinates,)
    marginal : array of shape (n_terms,)
    """
    nested = form.nested
    if nested is None or nested.strength == 0.0:
        return factors
    group, n_groups = nested.group, len(nested.size)
    at = w[form.terms]
    # In the middle between the two, lest the numbers of groups be decades apart.
    size = np.sqrt(np.bincount(group, marginal * at, minlength=n_groups))[group]
    share = np.exp(nested.log_shares(np.log(at)))
    shape, places = (len(form.cost), n_groups), (form.terms, group)
    pull = sparse.csc_array((nested.strength * marginal / size, places), shape=shape)
    along = sparse.csc_array((share / at * size, places), shape=shape)
    return CoupledFactors(factors, pull, along)
