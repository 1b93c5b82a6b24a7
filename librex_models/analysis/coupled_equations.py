"""The equations of an optimum in which the members of groups pull on each other.

    (diag(stiffness) - strength sum_g along_g along_g') dw + matrix' y = force
    matrix dw = missing

One small system, as large as there are groups, gives how far each moves along (Sherman, Morrison &
Woodbury; Golub & Van Loan 2013, Matrix Computations, 2.1.4); with what that pulls as a force, the
equations without groups are solved.

Under nested fairness C_g = sum_t q_t w_t of the marginal utilities q of a group, s_t is the share
of each term in it, and along_g = C_g^(1/2) s_t / w_t: where q is not yet that of w, as if it were.

May import the equations of an optimum, and the standard form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from librex_models.analysis.optimum_equations import Factors
from librex_models.analysis.standard_form import StandardForm
from solvers.program import Floats

AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Coupling:
    """What the members of groups do to each other.

    Parameters
    ----------
    along : scipy.sparse.csc_array of shape (n, n_groups)
    strength : float
    """

    along: sparse.csc_array
    strength: float

    def pulled(self, dw: Floats) -> Floats:
        """Return the pull of groups on each coordinate where all move a little."""
        return np.asarray(self.strength * (self.along @ (self.along.T @ dw)))


class CoupledFactors:
    """The equations of one matrix and one stiffness, with groups.

    Parameters
    ----------
    factors : Factors
        Those without groups.
    coupling : Coupling
    """

    def __init__(self, factors: Factors, coupling: Coupling) -> None:
        self._factors, self._coupling = factors, coupling
        along = coupling.along
        n_rows, n_groups = factors.n_rows, along.shape[1]
        moved = np.zeros((n_groups, n_groups))
        for start in range(0, n_groups, AT_ONCE):
            force = along[:, start : start + AT_ONCE].toarray()
            dw, _ = factors.solve(force, np.zeros((n_rows, force.shape[1])))
            moved[:, start : start + AT_ONCE] = along.T @ dw
        self._system = np.eye(n_groups) - coupling.strength * moved

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats]:
        """Return dw and y, as `Factors.solve` does."""
        along, strength = self._coupling.along, self._coupling.strength
        alone, _ = self._factors.solve(force, missing)
        together = np.linalg.solve(self._system, strength * (along.T @ alone))
        return self._factors.solve(force + along @ together, missing)


def coupling(form: StandardForm, w: Floats, marginal: Floats) -> Coupling | None:
    """Return what groups do under nested fairness, None without them.

    Parameters
    ----------
    form : StandardForm
    w : array of shape (n_coordinates,)
    marginal : array of shape (n_terms,)
        Marginal utilities.
    """
    nested = form.nested
    if nested is None or nested.strength == 0.0:
        return None
    at = w[form.terms]
    value = nested.shared_out(marginal * at, np.log(at))
    root = np.sqrt(nested.sums(value)[nested.group])
    along = sparse.csc_array(
        (value / root / at, (form.terms, nested.group)), shape=(len(w), len(nested.size))
    )
    return Coupling(along=along, strength=nested.strength)


def coupled(factors: Factors, groups: Coupling | None) -> Factors | CoupledFactors:
    """Return the equations with groups, if there are any."""
    return factors if groups is None else CoupledFactors(factors, groups)
