"""By how much a decision breaks the rules of its problem, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from librex_models.problem import AllocationProblem, Grouping
from librex_models.problem.fairness_limits import FairnessLimits
from librex_models.verification.exact_budgets import broken_budgets

Floats = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Bounds, limits and minimums hold to this much, absolute below 1 and relative above."""

WHOLENESS_TOLERANCE = 1e-9
"""Whole decisions are handed out as whole numbers; this is for decisions that others bring."""


def violations(
    problem: AllocationProblem, decision: Floats, grouping: Grouping | None = None
) -> dict[str, float]:
    """Return the largest violation of each kind; all are zero for a decision that keeps every rule.

    Returns
    -------
    dict
        ``budget``: the excess over a budget as a share of it (exact: any excess counts);
        ``bounds``, ``agent_limit``, ``agent_minimum``, ``extra_rows``: excess as a share of
        max(1, side), and where limits are demanded of utilities ``floor``, ``ceiling``,
        ``spread_cap``, and ``gini_cap`` as a share of max(1, n times the sum of utilities);
        ``wholeness``: distance to the next whole number.
    """
    bounds = max(_excess(problem.lower, decision), _excess(decision, problem.upper))
    over, short = _of_agents(problem, decision, bounds)
    found = {
        "budget": _budget_excess(problem, decision),
        "bounds": bounds,
        "agent_limit": over,
        "agent_minimum": short,
        "extra_rows": _extra_excess(problem, decision),
        "wholeness": _distance_to_whole(problem, decision),
    }
    if grouping is not None and grouping.limits is not None:
        reward = problem.known_reward
        found |= _of_limits(grouping.limits, grouping.utility(reward, decision))
    return found


def is_feasible(found: Mapping[str, float]) -> bool:
    """Return whether violations are within the stated tolerances, and no budget is exceeded.

    Examples
    --------
    >>> is_feasible({"budget": 1e-17, "wholeness": 0.0})
    False
    """
    if not any(found.values()):
        return True
    tolerance = {"budget": 0.0, "wholeness": WHOLENESS_TOLERANCE}
    return all(amount <= tolerance.get(kind, TOLERANCE) for kind, amount in found.items())


def _distance_to_whole(problem: AllocationProblem, decision: Floats) -> float:
    if not problem.has_integers:
        return 0.0
    whole = decision[problem.integer]
    return float(np.abs(whole - np.rint(whole)).max())


def _of_agents(problem: AllocationProblem, decision: Floats, bounds: float) -> tuple[float, float]:
    """Return by how much agents exceed their limits and miss their minimums."""
    if bounds == 0.0 and problem.once("agents are free", lambda: _agents_are_free(problem)):
        return 0.0, 0.0
    per_agent = _sums(problem, decision)
    return _excess(per_agent, problem.agent_limit), _excess(problem.agent_minimum, per_agent)


def _agents_are_free(problem: AllocationProblem) -> bool:
    """Return whether no agent has a limit or a minimum of its own."""
    return bool(np.isinf(problem.agent_limit).all() and not problem.agent_minimum.any())


def _sums(problem: AllocationProblem, decision: Floats) -> Floats:
    if problem.n_agents == problem.n_options:
        # Agents stand in the order of their options.
        return decision
    return np.bincount(problem.agent_of_option, decision, minlength=problem.n_agents).astype(
        np.float64, copy=False
    )


def _excess(value: Floats, side: Floats) -> float:
    if (value <= side).all():
        return 0.0
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


def _of_limits(limits: FairnessLimits, utility: Floats) -> dict[str, float]:
    n_groups, total = len(utility), float(utility.sum())
    apart = float((2.0 * np.arange(1, n_groups + 1) - n_groups - 1.0) @ np.sort(utility))
    unequal = apart - n_groups * limits.gini_cap * total
    spread = float(utility.max() - utility.min())
    return {
        "floor": _excess(limits.floor, utility),
        "ceiling": _excess(utility, limits.ceiling),
        "spread_cap": _excess(np.array([spread]), np.array([limits.spread_cap])),
        "gini_cap": max(unequal, 0.0) / max(1.0, n_groups * total) if n_groups > 1 else 0.0,
    }


def _budget_excess(problem: AllocationProblem, decision: Floats) -> float:
    broken = broken_budgets(problem, decision)
    if not broken.any():
        return 0.0
    used = problem.usage @ decision
    excess = used[broken] - problem.budget[broken]
    smallest = np.spacing(problem.budget[broken])
    scale = np.where(problem.budget[broken] > 0, problem.budget[broken], 1.0)
    return float((np.maximum(excess, smallest) / scale).max())
