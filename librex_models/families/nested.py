"""Nested fairness: alpha-fair over groups whose utility is fair among their members.

    max  sum_g weight_g U_alpha(group_utility_g)
    group_utility_g = M_b(utility_i : i in g),   M_b(u) = (mean u_i^(1 - b))^(1 / (1 - b))

M_b is the equally-distributed equivalent for the inner aversion b > 0: the geometric mean at b = 1,
the smallest utility at b = infinity; b = 0 would be the mean, which is `AlphaFairness` over groups.
With b = alpha this is alpha-fairness over all members, each with weight_g / (size of g).
Atkinson (1970), J. Econ. Theory 2, 244-263; Foster, Lopez-Calva & Szekely (2005), J. Hum. Dev. 6.

M_b is concave, and is said by columns ``member_part``, one a member, that are below perspectives of
U_b (see `solvers.perspectives` and `families.nested_forms`). At alpha = infinity the smallest
group_utility_g / weight_g is maximised, then the next.

Majorant: M_b is homogeneous, hence M_b(u) <= sum_i m_i u_i for its slopes (M_b(v) / v_i)^b / n at
any v > 0, and as well for any m > 0 at whose prices 1 buys no more than M_b = 1.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from librex_models.errors import ParameterError
from librex_models.families.alpha_fair import NEAREST, AlphaFairness
from librex_models.families.family import Family, Floats, Majorant
from librex_models.families.max_min import MaxMinFairness
from librex_models.families.nested_forms import tie_in_arrays, tie_in_pyomo, tied_in_cvxpy
from librex_models.problem import AllocationProblem, Grouping
from solvers.builder import ProgramBuilder, entries_of
from solvers.program import Booleans, Integers
from solvers.scaled_utility import ratio_of, scaled_utility

SMALLEST_SHARE = 1e-250
"""Of the steepest slope in a group: none is smaller."""
ROUNDINGS = 4096.0
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class NestedFairness:
    """Alpha-fair welfare of the equally-distributed equivalents of groups, or their max-min.

    Parameters
    ----------
    outer : AlphaFairness or MaxMinFairness
        Over the groups.
    inner_alpha : float
        Aversion to inequality inside of groups, in (0, inf].
    groups : tuple of hashable
        Their labels.
    group_of_member : tuple of int
        For each agent the place of its group.
    """

    outer: AlphaFairness | MaxMinFairness
    inner_alpha: float
    groups: tuple[Hashable, ...]
    group_of_member: tuple[int, ...]
    compares_utilities: bool = True

    @property
    def is_smooth(self) -> bool:
        """Whether welfare is strictly concave along every group: alpha above 0, both finite."""
        return self.has_terms and bool(np.isfinite(self.inner_alpha))

    @property
    def has_terms(self) -> bool:
        """Whether the welfare of groups is curved: alpha is above 0 and finite."""
        return 0.0 < self.outer.alpha < np.inf

    @property
    def needs_every_group(self) -> bool:
        """Whether a group without anything makes welfare minus infinity."""
        return 1.0 <= self.outer.alpha < np.inf

    @property
    def key(self) -> str:
        """The name of the outer family."""
        return self.outer.key

    @cached_property
    def members(self) -> Integers:
        """For each agent the place of its group, as an array."""
        return np.array(self.group_of_member, dtype=np.int64)

    @cached_property
    def size(self) -> Floats:
        """How many members each group has."""
        return np.bincount(self.members, minlength=len(self.groups)).astype(np.float64)

    def group_utility(self, utility: Floats) -> Floats:
        """Return the utilities of groups, shape (n_groups,), from those of members.

        Examples
        --------
        >>> outer = AlphaFairness(alpha=2.0)
        >>> nested = NestedFairness(outer, 1.0, ("a", "b"), (0, 0, 1))
        >>> nested.group_utility(np.array([1.0, 4.0, 3.0])).round(9)
        array([2., 3.])
        """
        least = self._least(utility)
        if np.isinf(self.inner_alpha):
            return least
        # Around the smallest for steep functions, around the mean for others, and none for nothing.
        middle = self._mean(utility)
        reference = least if self.inner_alpha > 1.0 else middle
        is_nothing = (reference <= 0.0) | ((least <= 0.0) & (self.inner_alpha >= 1.0))
        safe = np.where(is_nothing, 1.0, reference)
        with np.errstate(over="ignore"):
            ratio = np.where(is_nothing[self.members], 1.0, utility / safe[self.members])
        scaled = scaled_utility(ratio, self.inner_alpha)
        mean = self._mean(scaled)
        return np.where(is_nothing, 0.0, safe * ratio_of(mean, self.inner_alpha))

    def log_group_utility(self, log_utility: Floats) -> Floats:
        """Return the logarithms of groups' utilities from those of members, inner aversion finite.

        Members may have nothing, minus infinity.
        """
        b = self.inner_alpha
        if b == 1.0:
            return self._mean(log_utility)
        powers = (1.0 - b) * log_utility
        top = np.full(len(self.groups), -np.inf)
        np.maximum.at(top, self.members, powers)
        # Nobody has anything, or somebody nothing where that is the end of all.
        is_known = np.isfinite(top)
        around = np.where(is_known, top, 0.0)
        with np.errstate(over="ignore", divide="ignore"):
            log_mean = self._log_mean(powers - around[self.members])
        return np.where(is_known, around / (1.0 - b) + log_mean / (1.0 - b), -np.inf)

    def slope(self, utility: Floats, multiplier: Floats | None = None) -> Floats:
        """Return m with group_utility <= the sums of m_i utility_i, whatever the utilities are.

        Parameters
        ----------
        utility : array of shape (n_members,)
            Where it touches, without multipliers.
        multiplier : array of shape (n_members,), optional
            What more utility of each member is worth: m is in proportion to it in each group.
        """
        worth = self._own_slope(utility)
        if multiplier is not None:
            most = self._largest(multiplier)[self.members]
            is_known = np.isfinite(multiplier).all() and (most > 0.0)
            raised = np.maximum(multiplier, SMALLEST_SHARE * most)
            worth = np.where(is_known, raised, worth)
        slope = worth * self.bought_for_one(worth)[self.members]
        # Rounded up, so that the inequality holds in doubles.
        return np.asarray(slope * (1.0 + ROUNDINGS * EPSILON))

    def worth_of_groups(self, multiplier: Floats) -> Floats:
        """Return what more utility of each group is worth, from what that of its members is.

        The most that is below the multipliers: sum_i multiplier_i utility_i >= worth_g M_b(u), but
        for members whose multiplier is nothing beside the others of their group.
        """
        most = self._largest(multiplier)
        is_known = most > 0.0
        raised = np.maximum(multiplier, SMALLEST_SHARE * most[self.members])
        raised = np.where(is_known[self.members], raised, 1.0)
        return np.where(is_known, 1.0 / self.bought_for_one(raised), 0.0)

    def bought_for_one(self, cost: Floats) -> Floats:
        """Return what 1 spent on a group buys at most, at a cost of each member's utility.

        Infinite costs count where the aversion is below 1: such a member has nothing.

        (sum_i cost_i^(1 - 1 / b))^(b / (1 - b)) n^(-1 / (1 - b)); exp(-mean log cost) / n at b = 1.
        """
        b, log_cost = self.inner_alpha, np.log(cost)
        if b == 1.0:
            return np.asarray(np.exp(-self._mean(log_cost)) / self.size)
        exponent = 1.0 if np.isinf(b) else 1.0 - 1.0 / b
        powers = exponent * log_cost
        top = np.full(len(self.groups), -np.inf)
        np.maximum.at(top, self.members, powers)
        log_mean = self._log_mean(powers - top[self.members])
        # b / (1 - b) = -1 / exponent
        return np.asarray(np.exp(-top / exponent - log_mean / exponent) / self.size)

    def utility_of_marginal(self, weight: Floats, marginal: Floats) -> Floats:
        """Return utilities of members, alike in each group, at which welfare has this slope.

        Infinite where nothing more is worth anything, and where slopes say nothing: alpha is 0 or
        infinite.
        """
        if not self.has_terms:
            return np.full(len(marginal), np.inf)
        most = self._largest(marginal)[self.members]
        is_known = most > 0.0
        raised = np.maximum(marginal, SMALLEST_SHARE * most)
        log_of_group = -np.log(self.bought_for_one(np.where(is_known, raised, 1.0)))
        utility = np.exp((np.log(weight) - log_of_group) / self.outer.alpha)[self.members]
        return np.where(is_known, utility, np.inf)

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise the welfare of columns ``group_utility``, which are tied to those of members."""
        tie_in_arrays(builder, self, grouping.labels)
        n_groups = len(self.groups)
        if isinstance(self.outer, MaxMinFairness):
            self.outer.declare_in_arrays(builder, "group_utility", self.groups)
            return
        weight = entries_of("weight", np.arange(n_groups), np.ones(n_groups))
        if self.outer.alpha == 0.0:
            builder.maximise("group_utility", weight)
        else:
            builder.add_terms("group_utility", weight, self.outer.alpha)

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise the welfare of ``group_utility``, tied to ``utility`` by ``member_part``."""
        tie_in_pyomo(model, self)
        self.outer.declare_in_pyomo(model, model.group_utility, model.weighted)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise the welfare of ``group_utility``, tied to ``utility`` by cones."""
        group_utility, rows = tied_in_cvxpy(variables["utility"], self)
        objective, further = self.outer.welfare_in_cvxpy({"utility": group_utility}, parameters)
        return objective, [*rows, *further]

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return the welfare of the members' utilities."""
        return self.outer.welfare(weight, self.group_utility(utility))

    def equivalent(self, weight: Floats, utility: Floats) -> float:
        """Return the utility that, given to every member, has the same welfare."""
        return self.outer.equivalent(weight, self.group_utility(utility))

    def welfare_of_equivalent(self, weight: Floats, equivalent: float) -> float:
        """Return the welfare when every member has the equivalent utility."""
        return self.outer.welfare_of_equivalent(weight, equivalent)

    def equivalent_of_welfare(self, weight: Floats, welfare: float) -> float:
        """Return the equivalent utility of a welfare."""
        return self.outer.equivalent_of_welfare(weight, welfare)

    def log_unit(self, reference: float) -> float:
        """Return the outer family's."""
        return self.outer.log_unit(reference)

    def majorant(
        self,
        weight: Floats,
        utility: Floats,
        multiplier: Floats | None = None,
        is_stuck: Booleans | None = None,
    ) -> Majorant:
        """Return the outer tangent of the inner slopes; it is one of members' utilities.

        Groups that are stuck can never have anything.
        """
        group, inner = self.group_utility(utility), self.slope(utility, multiplier)
        if isinstance(self.outer, MaxMinFairness):
            worth = None if multiplier is None else self.worth_of_groups(multiplier)
            over_groups = self.outer.majorant(weight, group, worth)
        else:
            over_groups = self.outer.majorant(weight, group, is_stuck=is_stuck)
        return replace(over_groups, slope=over_groups.slope[self.members] * inner)

    def _own_slope(self, utility: Floats) -> Floats:
        """Return numbers in proportion to the slopes at a point, moved away from zero.

        Any point gives a majorant. At infinity only those count who are worst off.
        """
        if np.isinf(self.inner_alpha):
            worst = utility <= self._least(utility)[self.members]
            return np.where(worst, 1.0, SMALLEST_SHARE)
        top = self._largest(utility)[self.members]
        at = np.where(utility > 0.0, utility, NEAREST * top)
        at = np.where(top > 0.0, at, 1.0)
        # The steepest slope of each group is 1.
        least = self._least(at)[self.members]
        logarithm = -self.inner_alpha * (np.log(at) - np.log(least))
        return np.exp(np.maximum(logarithm, np.log(SMALLEST_SHARE)))

    def _mean(self, numbers: Floats) -> Floats:
        return np.bincount(self.members, numbers, minlength=len(self.groups)) / self.size

    def _log_mean(self, logarithms: Floats) -> Floats:
        """Return the logarithms of means, right to the last digits where all are close to 0."""
        missing = self._mean(np.expm1(logarithms))
        is_close = missing > -0.5
        plain = np.where(is_close, 1.0, self._mean(np.exp(logarithms)))
        return np.where(is_close, np.log1p(np.where(is_close, missing, 0.0)), np.log(plain))

    def _least(self, utility: Floats) -> Floats:
        least = np.full(len(self.groups), np.inf)
        np.minimum.at(least, self.members, utility)
        return least

    def _largest(self, utility: Floats) -> Floats:
        largest = np.zeros(len(self.groups))
        np.maximum.at(largest, self.members, utility)
        return largest


def outer_of(family: Family) -> Family:
    """Return the family over groups where one is nested, else the family itself."""
    return family.outer if isinstance(family, NestedFairness) else family


def compared_utility(family: Family, utility: Floats) -> Floats:
    """Return the utilities that a family compares: those given, or of the groups they nest."""
    return family.group_utility(utility) if isinstance(family, NestedFairness) else utility


def members_of(problem: AllocationProblem) -> Grouping:
    """Return the utilities of all members, in the units of their groups.

    A group's history is that of each of its members. Where utilities of groups are sums, a member's
    counts as often as the group has members: M_b of these is that of sums.

    Raises
    ------
    ParameterError
        If options serve several groups.
    """
    if problem.shared_reward is not None:
        raise ParameterError(
            "rewards are given for groups, and inner_alpha compares the agents inside of them: "
            "give rewards of options, or leave inner_alpha at 0"
        )
    over_groups = problem.grouping("groups")
    group = problem.group_of_agent
    size = np.bincount(group, minlength=problem.n_groups)
    return Grouping(
        labels=problem.agents,
        of_option=problem.agent_of_option,
        share=(over_groups.share * size)[group],
        weight=over_groups.weight,
        history=over_groups.history[group],
        kind="agent",
        weighted=problem.groups,
    )
