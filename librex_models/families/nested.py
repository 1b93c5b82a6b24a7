"""Nested fairness: alpha-fair over groups whose utility is fair among their members.

    max  sum_g weight_g U_alpha(group_utility_g)
    group_utility_g = M_b(utility_i : i in g),   M_b(u) = (mean u_i^(1 - b))^(1 / (1 - b))

M_b is the equally-distributed equivalent for the inner aversion b > 0: the geometric mean at b = 1,
the smallest utility at b = infinity; b = 0 would be the mean, which is `AlphaFairness` over groups.
With b = alpha this is alpha-fairness over all members, each with weight_g / (size of g).
Atkinson (1970), J. Econ. Theory 2, 244-263; Foster, Lopez-Calva & Szekely (2005), J. Hum. Dev. 6.

M_b is concave, and is said by columns ``member_part``, one a member, that are below perspectives of
U_b (see `solvers.perspectives`):

    part_i <= group_utility_g V_b(utility_i / group_utility_g),   sum over i in g of part_i >= 0

or at b = infinity by group_utility_g <= utility_i.

Majorant: M_b is homogeneous, hence M_b(u) <= sum_i m_i u_i for its slopes (M_b(v) / v_i)^b / n at
any v > 0, and as well for any m > 0 at whose prices 1 buys no more than M_b = 1.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.errors import ParameterError
from librex_models.families.alpha_fair import NEAREST, AlphaFairness
from librex_models.families.family import Floats, Majorant
from librex_models.problem import AllocationProblem, Grouping
from solvers.builder import ProgramBuilder, constant, entries_of
from solvers.perspective_cones import cone_of_perspective
from solvers.program import Block, Booleans, Integers
from solvers.scaled_utility import ratio_of, scaled_utility

SMALLEST_SHARE = 1e-250
"""Of the steepest slope in a group: none is smaller."""
ROUNDINGS = 4096.0
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class NestedFairness:
    """Alpha-fair welfare of the equally-distributed equivalents of groups.

    Parameters
    ----------
    outer : AlphaFairness
        Over the groups.
    inner_alpha : float
        Aversion to inequality inside of groups, in (0, inf].
    groups : tuple of hashable
        Their labels.
    group_of_member : tuple of int
        For each agent the place of its group.
    """

    outer: AlphaFairness
    inner_alpha: float
    groups: tuple[Hashable, ...]
    group_of_member: tuple[int, ...]
    compares_utilities: bool = True

    @property
    def is_smooth(self) -> bool:
        """Whether welfare is strictly concave along every group: alpha above 0, b finite."""
        return self.outer.alpha > 0.0 and bool(np.isfinite(self.inner_alpha))

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

        Infinite where nothing more is worth anything, and for alpha = 0, where slopes say nothing.
        """
        if self.outer.alpha == 0.0:
            return np.full(len(marginal), np.inf)
        most = self._largest(marginal)[self.members]
        is_known = most > 0.0
        raised = np.maximum(marginal, SMALLEST_SHARE * most)
        log_of_group = -np.log(self.bought_for_one(np.where(is_known, raised, 1.0)))
        utility = np.exp((np.log(weight) - log_of_group) / self.outer.alpha)[self.members]
        return np.where(is_known, utility, np.inf)

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise the welfare of columns ``group_utility``, which are tied to those of members."""
        n_groups, n_members = len(self.groups), len(self.members)
        builder.add_columns(
            Block(name="group_utility", labels=self.groups),
            np.zeros(n_groups),
            np.full(n_groups, np.inf),
        )
        if np.isinf(self.inner_alpha):
            self._least_in_arrays(builder, grouping)
        else:
            builder.add_columns(
                Block(name="member_part", labels=grouping.labels),
                np.full(n_members, -np.inf),
                np.full(n_members, np.inf),
            )
            builder.add_rows(
                Block(name="mean_of", labels=self.groups),
                constant(np.zeros(n_groups)),
                constant(np.full(n_groups, np.inf)),
            )
            ones = np.ones(n_members)
            builder.add_entries("mean_of", "member_part", self._membership(), constant(ones))
            builder.add_perspectives(
                "member_part", "group_utility", "utility", self.members, self.inner_alpha
            )
        weight = entries_of("weight", np.arange(n_groups), np.ones(n_groups))
        if self.outer.alpha == 0.0:
            builder.maximise("group_utility", weight)
        else:
            builder.add_terms("group_utility", weight, self.outer.alpha)

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise the welfare of ``group_utility``, tied to ``utility`` by ``member_part``."""
        import pyomo.environ as pyomo

        members = list(model.groups)
        groups = list(model.weighted)
        group_of = {i: groups[g] for i, g in zip(members, self.group_of_member, strict=True)}
        model.group_utility = pyomo.Var(model.weighted, within=pyomo.NonNegativeReals)
        if np.isinf(self.inner_alpha):
            model.member_limit = pyomo.Constraint(model.groups)
            for i in members:
                model.member_limit[i] = model.group_utility[group_of[i]] - model.utility[i] <= 0.0
        else:
            self._parts_in_pyomo(model, group_of)
        self.outer.declare_in_pyomo(model, model.group_utility, groups)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise the welfare of ``group_utility``, tied to ``utility`` by cones."""
        import cvxpy

        utility = variables["utility"]
        group_utility = cvxpy.Variable(len(self.groups), name="group_utility", nonneg=True)
        objective, further = self.outer.welfare_in_cvxpy({"utility": group_utility}, parameters)
        of_member = group_utility[self.members]
        if np.isinf(self.inner_alpha):
            limit = of_member - utility <= 0.0
            limit.label = "member_limit"
            return objective, [limit, *further]
        part = cvxpy.Variable(len(self.members), name="member_part")
        mean_of = self._membership() @ part >= 0.0
        mean_of.label = "mean_of"
        cone = cone_of_perspective(part, of_member, utility, self.inner_alpha)
        cone.label = "member_part_limit"
        return objective, [mean_of, cone, *further]

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
        over_groups = self.outer.majorant(weight, self.group_utility(utility), is_stuck=is_stuck)
        inner = self.slope(utility, multiplier)
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

    def _membership(self) -> sparse.csc_array:
        """Return ones where a member is of a group, shape (n_groups, n_members)."""
        n_members = len(self.members)
        return sparse.csc_array(
            (np.ones(n_members), self.members, np.arange(n_members + 1)),
            shape=(len(self.groups), n_members),
        )

    def _least_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        n_members = len(self.members)
        builder.add_rows(
            Block(name="member_limit", labels=grouping.labels),
            constant(np.full(n_members, -np.inf)),
            constant(np.zeros(n_members)),
        )
        ones = np.ones(n_members)
        of_group = sparse.csc_array(self._membership().T)
        own = sparse.eye_array(n_members, format="csc")
        builder.add_entries("member_limit", "group_utility", of_group, constant(ones))
        builder.add_entries("member_limit", "utility", own, constant(-ones))

    def _parts_in_pyomo(self, model: Any, group_of: Mapping[Hashable, Hashable]) -> None:
        import pyomo.environ as pyomo

        model.member_part = pyomo.Var(model.groups)
        model.mean_of = pyomo.Constraint(model.weighted)
        members_of: dict[Hashable, list[Any]] = {g: [] for g in model.weighted}
        for i, g in group_of.items():
            members_of[g].append(model.member_part[i])
        for g, parts in members_of.items():
            model.mean_of[g] = pyomo.quicksum(parts) >= 0.0
        is_log = self.inner_alpha == 1.0
        # Where it does not appear, changing it would change nothing.
        model.inner_alpha = pyomo.Param(initialize=self.inner_alpha, mutable=not is_log)
        model.member_part_limit = pyomo.Constraint(model.groups)
        for i, g in group_of.items():
            ratio = model.utility[i] / model.group_utility[g]
            if is_log:
                function = model.group_utility[g] * pyomo.log(ratio)
            else:
                power = ratio ** (1 - model.inner_alpha)
                function = model.group_utility[g] * ((power - 1) / (1 - model.inner_alpha))
            model.member_part_limit[i] = model.member_part[i] <= function


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
