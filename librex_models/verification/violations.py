"""By how much a decision breaks the rules of its problem, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from librex_models.problem import AllocationProblem
from librex_models.verification.exact_budgets import broken_budgets

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Bounds, limits and minimums hold to this much, absolute below 1 and relative above."""

WHOLENESS_TOLERANCE = 1e-9
"""Whole decisions are handed out as whole numbers; this is for decisions that others bring."""


def violations(problem: AllocationProblem, decision: Floats) -> dict[str, float]:
    """Return the largest violation of each kind; all are zero for a decision that keeps every rule.

    Returns
    -------
    dict
        ``budget``: the excess over a budget as a share of it (exact: any excess counts);
        ``bounds``, ``agent_limit``, ``agent_minimum``, ``extra_rows``: excess as a share of
        max(1, side);
        ``wholeness``: distance to the next whole number.
    """
    per_agent = _sums(problem, decision)
    whole = decision[problem.integer]
    return {
        "budget": _budget_excess(problem, decision),
        "bounds": max(
            _excess(problem.lower, decision),
            _excess(decision, problem.upper),
        ),
        "agent_limit": _excess(per_agent, problem.agent_limit),
        "agent_minimum": _excess(problem.agent_minimum, per_agent),
        "extra_rows": _extra_excess(problem, decision),
        "wholeness": float(np.abs(whole - np.rint(whole)).max(initial=0.0)),
    }


def is_feasible(found: Mapping[str, float]) -> bool:
    """Return whether violations are within the stated tolerances, and no budget is exceeded.

    Examples
    --------
    >>> is_feasible({"budget": 1e-17, "wholeness": 0.0})
    False
    """
    tolerance = {"budget": 0.0, "wholeness": WHOLENESS_TOLERANCE}
    return all(amount <= tolerance.get(kind, TOLERANCE) for kind, amount in found.items())


def _sums(problem: AllocationProblem, decision: Floats) -> Floats:
    return np.bincount(problem.agent_of_option, decision, minlength=problem.n_agents).astype(
        np.float64, copy=False
    )


def _excess(value: Floats, side: Floats) -> float:
    # One of the two is finite; the scale is the side's, or the value's for lower sides.
    with np.errstate(invalid="ignore"):
        scale = np.maximum(1.0, np.minimum(np.abs(value), np.abs(side)))
        return float(np.maximum((value - side) / scale, 0.0).max(initial=0.0))


def _extra_excess(problem: AllocationProblem, decision: Floats) -> float:
    rows = problem.extra_rows
    if not len(rows):
        return 0.0
    value = rows.matrix @ decision
    return max(_excess(rows.lower, value), _excess(value, rows.upper))


def _budget_excess(problem: AllocationProblem, decision: Floats) -> float:
    broken = broken_budgets(problem, decision)
    if not broken.any():
        return 0.0
    used = problem.usage @ decision
    excess = used[broken] - problem.budget[broken]
    smallest = np.spacing(problem.budget[broken])
    scale = np.where(problem.budget[broken] > 0, problem.budget[broken], 1.0)
    return float((np.maximum(excess, smallest) / scale).max())
