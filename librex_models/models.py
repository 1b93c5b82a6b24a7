"""The models, one a family: what is maximised, over whom, and what is demanded beside it."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from librex_models.errors import ParameterError
from librex_models.families import (
    AlphaFairness,
    Family,
    MaxMinFairness,
    NestedFairness,
    ProportionalFairness,
    TotalReward,
)
from librex_models.families.ordered_weighted import checked_owa_weights
from librex_models.families.piecewise_linear import checked_functions
from librex_models.model import Model
from librex_models.problem import AllocationProblem
from librex_models.problem.allocation_problem import Over
from librex_models.problem.fairness_limits import Demanded
from librex_models.problem.labels import Labels


class BudgetOnly(Model):
    """The largest sum of rewards within the budgets.

    Parameters
    ----------
    problem : AllocationProblem

    Examples
    --------
    >>> problem = AllocationProblem([[2.0], [1.0]], [2.0], reward=[3.0, 2.0])
    >>> BudgetOnly(problem).solve().decision
    array([0.5, 1. ])
    """

    def __init__(self, problem: AllocationProblem) -> None:
        super().__init__(problem, TotalReward())


class Proportional(Model):
    """Proportional fairness: the largest sum of weighted logarithms of utilities.

    Parameters
    ----------
    problem : AllocationProblem
    over : "groups" or "agents"
    **demanded
        ``floor``, ``ceiling``, ``gini_cap``, ``spread_cap``: see `Demanded`.
    """

    says_over = True

    def __init__(
        self,
        problem: AllocationProblem,
        over: Over = "groups",
        **demanded: Unpack[Demanded],
    ) -> None:
        super().__init__(problem, ProportionalFairness(), over, **demanded)


class MaxMin(Model):
    """Lexicographic max-min fairness of utilities per weight.

    Parameters
    ----------
    problem : AllocationProblem
    over : "groups" or "agents"
    lexicographic : bool
        Whether to go on after the first level: the largest smallest utility per weight, then the
        next smallest, and so on. `Allocation.levels` holds them all.
    inner_alpha : float
        Of groups: aversion to inequality inside of each, see `GroupAlphaFair`.
    **demanded
        ``floor``, ``ceiling``, ``gini_cap``, ``spread_cap``: see `Demanded`; where `inner_alpha` is
        0.
    """

    says_over = True

    def __init__(
        self,
        problem: AllocationProblem,
        over: Over = "groups",
        lexicographic: bool = True,
        inner_alpha: float = 0.0,
        **demanded: Unpack[Demanded],
    ) -> None:
        family = _outer_or_nested(
            problem, MaxMinFairness(lexicographic=lexicographic), inner_alpha, demanded
        )
        if over == "agents" and isinstance(family, NestedFairness):
            raise ParameterError(
                f"inner_alpha is {inner_alpha:g} and over is 'agents': there is nothing inside of "
                "an agent, use over='groups'"
            )
        super().__init__(problem, family, over, **demanded)


class AlphaFair(Model):
    """Alpha-fair welfare over agents.

    Parameters
    ----------
    problem : AllocationProblem
    alpha : float
        In [0, inf]; 0 is total utility, 1 proportional fairness, infinity lexicographic max-min.
    **demanded
        ``floor``, ``ceiling``, ``gini_cap``, ``spread_cap``: see `Demanded`.
    """

    def __init__(
        self, problem: AllocationProblem, alpha: float, **demanded: Unpack[Demanded]
    ) -> None:
        super().__init__(problem, _alpha_family(alpha, "alpha_fair"), "agents", **demanded)


class GroupAlphaFair(Model):
    """Alpha-fair welfare over groups, whose utility is the mean (or sum) of their options'.

    Parameters
    ----------
    problem : AllocationProblem
    alpha : float
        In [0, inf]; 0 is total utility, 1 proportional fairness, infinity lexicographic max-min.
    inner_alpha : float
        Aversion to inequality inside of a group, in [0, inf]: a group's utility is the
        equally-distributed equivalent of its agents', from their mean at 0 over the geometric mean
        at 1 to that of the worst off at infinity.
    **demanded
        ``floor``, ``ceiling``, ``gini_cap``, ``spread_cap``: see `Demanded`; where `inner_alpha` is
        0.

    Notes
    -----
    With `inner_alpha` 0, who inside a group gets the money is decided by reward per cost alone:
    two people of 5,000 may receive everything. With `inner_alpha` equal to `alpha` the model is
    `AlphaFair` with agents of equal weight in each group. A group's history counts as that of each
    of its agents.

    Examples
    --------
    >>> problem = AllocationProblem([[1.0], [1.0], [1.0]], [3.0], [2.0, 1.0, 1.0],
    ...                             group=["a", "a", "b"], upper=3.0)
    >>> GroupAlphaFair(problem, alpha=1.0).solve().decision.round(6)
    array([1.5, 0. , 1.5])
    >>> nested = GroupAlphaFair(problem, alpha=1.0, inner_alpha=1.0)
    >>> nested.solve().decision.round(4)
    array([0.75, 0.75, 1.5 ])
    """

    def __init__(
        self,
        problem: AllocationProblem,
        alpha: float,
        inner_alpha: float = 0.0,
        **demanded: Unpack[Demanded],
    ) -> None:
        outer = _alpha_family(alpha, "group_alpha_fair")
        family = _outer_or_nested(problem, outer, inner_alpha, demanded)
        super().__init__(problem, family, "groups", **demanded)


class OrderedWeighted(Model):
    """The ordered weighted sum of utilities per weight (generalised Gini).

    Parameters
    ----------
    problem : AllocationProblem
    owa_weights : array_like of shape (n_groups,)
        At least zero and not rising: the weight of the worst off first.
    over : "groups" or "agents"
    **demanded
        ``floor``, ``ceiling``, ``gini_cap``, ``spread_cap``: see `Demanded`.

    Examples
    --------
    >>> problem = AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 1.0])
    >>> OrderedWeighted(problem, [3.0, 1.0]).solve().utility.round(6)
    array([0.75, 0.75])
    """

    says_over = True

    def __init__(
        self,
        problem: AllocationProblem,
        owa_weights: Any,
        over: Over = "groups",
        **demanded: Unpack[Demanded],
    ) -> None:
        n_utilities = len(_labels(problem, over))
        super().__init__(problem, checked_owa_weights(owa_weights, n_utilities), over, **demanded)


class PiecewiseLinear(Model):
    """The sum of concave piecewise-linear functions of utilities: diminishing returns.

    Parameters
    ----------
    problem : AllocationProblem
    breakpoints : array_like of shape (n_breakpoints,) or (n_groups, n_breakpoints)
        Above zero and rising, for all or for each.
    slopes : array_like of shape (n_breakpoints + 1,) or (n_groups, n_breakpoints + 1)
        At least zero and not rising: up to the first breakpoint, to the next, and so on.
    over : "groups" or "agents"
    **demanded
        ``floor``, ``ceiling``, ``gini_cap``, ``spread_cap``: see `Demanded`.

    Examples
    --------
    >>> problem = AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 1.0])
    >>> PiecewiseLinear(problem, breakpoints=[1.5], slopes=[1.0, 0.2]).solve().utility
    array([1.5, 0.5])
    """

    says_over = True

    def __init__(
        self,
        problem: AllocationProblem,
        breakpoints: Any,
        slopes: Any,
        over: Over = "groups",
        **demanded: Unpack[Demanded],
    ) -> None:
        kind = "agent" if over == "agents" else "group"
        family = checked_functions(breakpoints, slopes, _labels(problem, over), kind)
        super().__init__(problem, family, over, **demanded)


def _labels(problem: AllocationProblem, over: Over) -> Labels:
    """Return who is compared; of what is no problem, nobody: the model says so."""
    if not isinstance(problem, AllocationProblem):
        return ()
    return problem.agents if over == "agents" else problem.groups


def _alpha_family(alpha: float, key: str) -> AlphaFairness | MaxMinFairness:
    check_alpha("alpha", alpha)
    if np.isinf(alpha):
        return MaxMinFairness()
    return AlphaFairness(float(alpha), key=key)


def check_alpha(name: str, alpha: float) -> None:
    """Raise ParameterError where an aversion to inequality is no number from 0 to infinity."""
    is_number = isinstance(alpha, (int, float, np.floating, np.integer))
    if not is_number or isinstance(alpha, bool) or not alpha >= 0:
        raise ParameterError(f"{name} is {alpha!r}, expected a number in [0, inf]")


def _outer_or_nested(
    problem: AllocationProblem,
    outer: AlphaFairness | MaxMinFairness,
    inner_alpha: float,
    demanded: Demanded,
) -> Family:
    """Return the family, with an aversion to inequality inside of groups where there is one.

    Raises
    ------
    ParameterError
        For what is not offered with it.
    """
    check_alpha("inner_alpha", inner_alpha)
    if inner_alpha == 0.0 or not isinstance(problem, AllocationProblem):
        return outer
    for name in Demanded.__annotations__:
        if demanded.get(name) is not None:
            raise ParameterError(
                f"{name} is given together with inner_alpha, which is not offered: use extra_rows, "
                "or leave inner_alpha at 0"
            )
    return NestedFairness(
        outer=outer,
        inner_alpha=float(inner_alpha),
        groups=tuple(problem.groups),
        group_of_member=tuple(problem.group_of_agent.tolist()),
    )
