"""The decision of an earlier solve as the start of the next one, made to keep the rules of now.

A start saves a solver of whole decisions the search for a first good one. It claims nothing: what
is found from it is bounded and verified like any other answer.
"""

from __future__ import annotations

import numpy as np

from librex_models.routes.route import Floats, Question
from librex_models.verification import scaled_back, violations
from librex_models.verification.violations import is_feasible
from solvers.program import Booleans

# Given up beside what exceeds a budget: at first nothing, then more than sums are rounded by.
MARGINS = (0.0, 1e-9)


def start_from(question: Question, decision: Floats) -> Floats | None:
    """Return the start that an earlier decision gives, None where it gives none.

    Where a program has columns beside decisions, only what is whole of these, NaN for the rest:
    solvers find that to tolerances of their own, and with ours HiGHS was seen to call a start
    optimal that was not.

    Parameters
    ----------
    question : Question
        As it is now.
    decision : array of shape (n_options,)
    """
    kept = repaired(question, decision)
    if kept is None or not question.family.compares_utilities:
        return kept
    return np.where(question.problem.integer, kept, np.nan)


def repaired(question: Question, decision: Floats) -> Floats | None:
    """Return a decision made to keep the rules of a question, None where that fails.

    Decisions are moved within their bounds. Of the whole ones, those that earn least for what they
    use of a budget are given up until it holds; fractional ones are scaled back.
    """
    problem = question.problem
    lower = np.where(problem.integer, np.ceil(problem.lower), problem.lower)
    upper = np.where(problem.integer, np.floor(problem.upper), problem.upper)
    within = np.minimum(np.maximum(decision, lower), upper)
    fitting, broken = scaled_back(problem, within)
    for margin in MARGINS:
        if not broken.any():
            break
        within = _given_up(question, within, lower, broken, margin)
        fitting, broken = scaled_back(problem, within)
    is_kept = is_feasible(violations(problem, fitting, question.grouping))
    return fitting if is_kept and not broken.any() else None


def _given_up(
    question: Question, decision: Floats, lower: Floats, broken: Booleans, margin: float
) -> Floats:
    """Return the decision without those whole options that earn least of what breaks budgets."""
    problem, reward, left = question.problem, question.reward, decision.copy()
    for resource in np.flatnonzero(broken).tolist():
        request = np.asarray(problem.usage[[resource], :].toarray()).ravel()
        # Fractional decisions can be scaled back to their lower bounds.
        used = float(request @ np.where(problem.integer, left, lower))
        excess = used - float(problem.budget[resource]) * (1.0 - margin)
        options = np.flatnonzero(problem.integer & (left > lower) & (request > 0))
        if excess <= 0.0 or not options.size:
            continue
        order = options[np.argsort(reward[options] / request[options], kind="stable")]
        freed = np.cumsum(request[order] * (left - lower)[order])
        given_up = order[: int(np.searchsorted(freed, excess)) + 1]
        left[given_up] = lower[given_up]
    return left
