"""Decisions that others bring, made exact within their tolerances: never by more.

Solvers accept a budget that is exceeded by a millionth, a bound that is missed by as much, and a
whole number that is nearly one; files round. What is within these is repaired, and what is beyond
stays as it was brought, for the certificate to refute.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from librex_models.problem import AllocationProblem
from librex_models.verification import scaled_back
from librex_models.verification.violations import TOLERANCE

Floats = npt.NDArray[np.float64]

WHOLENESS = 1e-6
"""Whole decisions this near to a whole number are taken for it."""


def handed_out(problem: AllocationProblem, brought: Floats, precision: float) -> Floats:
    """Return the decision that is handed out: whole, within bounds and exactly within budgets.

    Parameters
    ----------
    problem : AllocationProblem
    brought : array of shape (n_options,)
        Finite.
    precision : float
        By how much each entry may be off, relative.

    Returns
    -------
    array of shape (n_options,)
        As it was brought in all that is further from the rules than the tolerances.
    """
    whole = np.rint(brought)
    is_whole = problem.integer & (np.abs(brought - whole) <= WHOLENESS)
    decision = np.where(is_whole, whole, brought)
    decision = _within(decision, problem.lower, problem.upper, precision)
    used, budget = problem.usage @ decision, problem.budget
    allowed = TOLERANCE * np.maximum(1.0, budget) + precision * (problem.usage @ np.abs(decision))
    if (used - budget > allowed).any():
        return decision
    # What is below its lower bound, or not whole, is not scaled; then nothing is.
    if (decision < problem.lower).any():
        return decision
    return scaled_back(problem, decision)[0]


def _within(decision: Floats, lower: Floats, upper: Floats, precision: float) -> Floats:
    """Return the decision with what misses a bound by no more than a tolerance put on it."""
    clipped = np.clip(decision, lower, upper)
    # An infinite bound clips nothing.
    size = np.maximum(1.0, np.abs(clipped))
    near = np.abs(decision - clipped) <= (TOLERANCE + precision) * size
    # Adding zero turns -0.0 into 0.0.
    return np.where(near, clipped, decision) + 0.0
