"""Whether arithmetic contradicts a solver that says there is no decision, or no best one."""

from __future__ import annotations

import numpy as np

from librex_models.routes.route import Floats, Question
from librex_models.verification import region, scaled_back, violations
from solvers import Status

DENIED = {
    Status.INFEASIBLE: "there is no decision",
    Status.UNBOUNDED: "there is no best decision",
    Status.INFEASIBLE_OR_UNBOUNDED: "there is no decision, or no best one",
}


def refutation_of_denial(question: Question, status: Status) -> str:
    """Return what contradicts a solver's denial, in words; an empty text where nothing plain does.

    A decision that keeps every rule contradicts "infeasible"; finite bounds on all decisions
    contradict "unbounded".

    Parameters
    ----------
    question : Question
    status : Status
        What the solver claims.
    """
    if status not in DENIED:
        return ""
    is_bounded = bool(np.isfinite(region(question.problem, by_budgets=True).upper).all())
    is_unbounded_wrong = is_bounded and status is not Status.INFEASIBLE
    words = _plain_decision(question) if status is not Status.UNBOUNDED else ""
    because = {
        Status.INFEASIBLE: words,
        Status.UNBOUNDED: "every decision is bounded" if is_unbounded_wrong else "",
        Status.INFEASIBLE_OR_UNBOUNDED: words if is_unbounded_wrong else "",
    }[status]
    return f"The solver says that {DENIED[status]}, yet {because}." if because else ""


def _plain_decision(question: Question) -> str:
    """Return which decision keeps every rule, of two that need no solver; empty where none does."""
    problem = question.problem
    lower = np.where(problem.integer, np.ceil(problem.lower), problem.lower)
    if _is_answer(question, lower):
        return "the lower bounds are a decision that keeps every rule"
    movable = ~problem.integer & (problem.upper > lower)
    most = np.minimum(problem.upper, region(problem, by_budgets=True).upper)
    with np.errstate(invalid="ignore"):
        step = np.where(movable, (most - lower) / (1 + problem.n_options), 0.0)
    if not np.isfinite(step).all():
        return ""
    decision, broken = scaled_back(problem, lower + np.maximum(step, 0.0))
    if broken.any() or not _is_answer(question, decision):
        return ""
    return "a little of every option is a decision that keeps every rule"


def _is_answer(question: Question, decision: Floats) -> bool:
    """Return whether a decision keeps every rule exactly, and has a welfare that is a number.

    Where somebody's utility is zero under alpha >= 1, there is nothing to maximise for a solver.
    """
    found = violations(question.problem, decision, question.grouping)
    if any(amount > 0.0 for amount in found.values()):
        return False
    utility = question.utility(decision)
    return bool(np.isfinite(question.family.welfare(question.grouping.weight, utility)))
