"""How the three forms tie the utility of a group to those of its members.

    part_i <= group_utility_g V_b(utility_i / group_utility_g),   sum over i in g of part_i >= 0

or group_utility_g <= utility_i where the inner aversion b is infinite.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from solvers.builder import ProgramBuilder, constant
from solvers.perspective_cones import cone_of_perspective
from solvers.program import Block, Integers


class Nesting(Protocol):
    """Groups of members, and how averse they are to inequality inside."""

    @property
    def inner_alpha(self) -> float:
        """Above zero."""

    @property
    def groups(self) -> tuple[Hashable, ...]:
        """Their labels."""

    @property
    def members(self) -> Integers:
        """For each member the place of its group."""


def tie_in_arrays(builder: ProgramBuilder, nesting: Nesting, labels: Sequence[Hashable]) -> None:
    """Add the columns ``group_utility``, tied to the columns ``utility`` of members."""
    n_groups, n_members = len(nesting.groups), len(nesting.members)
    builder.add_columns(
        Block(name="group_utility", labels=nesting.groups),
        np.zeros(n_groups),
        np.full(n_groups, np.inf),
    )
    if np.isinf(nesting.inner_alpha):
        _least_in_arrays(builder, nesting, labels)
        return
    builder.add_columns(
        Block(name="member_part", labels=labels),
        np.full(n_members, -np.inf),
        np.full(n_members, np.inf),
    )
    builder.add_rows(
        Block(name="mean_of", labels=nesting.groups),
        constant(np.zeros(n_groups)),
        constant(np.full(n_groups, np.inf)),
    )
    ones = np.ones(n_members)
    builder.add_entries("mean_of", "member_part", _membership(nesting), constant(ones))
    builder.add_perspectives(
        "member_part", "group_utility", "utility", nesting.members, nesting.inner_alpha
    )


def tie_in_pyomo(model: Any, nesting: Nesting) -> None:
    """Add the variable ``group_utility``, tied to ``utility`` of members by ``member_part``."""
    import pyomo.environ as pyomo

    groups = list(model.weighted)
    places = nesting.members.tolist()
    group_of = {i: groups[g] for i, g in zip(list(model.groups), places, strict=True)}
    model.group_utility = pyomo.Var(model.weighted, within=pyomo.NonNegativeReals)
    if np.isfinite(nesting.inner_alpha):
        _parts_in_pyomo(model, nesting.inner_alpha, group_of)
        return
    model.member_limit = pyomo.Constraint(model.groups)
    for i, g in group_of.items():
        model.member_limit[i] = model.group_utility[g] - model.utility[i] <= 0.0


def tied_in_cvxpy(utility: Any, nesting: Nesting) -> tuple[Any, list[Any]]:
    """Return the variable of groups' utilities, and what ties it to those of members."""
    import cvxpy

    group_utility = cvxpy.Variable(len(nesting.groups), name="group_utility", nonneg=True)
    of_member = group_utility[nesting.members]
    if np.isinf(nesting.inner_alpha):
        limit = of_member - utility <= 0.0
        limit.label = "member_limit"
        return group_utility, [limit]
    part = cvxpy.Variable(len(nesting.members), name="member_part")
    mean_of = _membership(nesting) @ part >= 0.0
    mean_of.label = "mean_of"
    cone = cone_of_perspective(part, of_member, utility, nesting.inner_alpha)
    cone.label = "member_part_limit"
    return group_utility, [mean_of, cone]


def _membership(nesting: Nesting) -> sparse.csc_array:
    """Return ones where a member is of a group, shape (n_groups, n_members)."""
    n_members = len(nesting.members)
    return sparse.csc_array(
        (np.ones(n_members), nesting.members, np.arange(n_members + 1)),
        shape=(len(nesting.groups), n_members),
    )


def _least_in_arrays(builder: ProgramBuilder, nesting: Nesting, labels: Sequence[Hashable]) -> None:
    n_members = len(nesting.members)
    builder.add_rows(
        Block(name="member_limit", labels=labels),
        constant(np.full(n_members, -np.inf)),
        constant(np.zeros(n_members)),
    )
    ones = np.ones(n_members)
    of_group = sparse.csc_array(_membership(nesting).T)
    own = sparse.eye_array(n_members, format="csc")
    builder.add_entries("member_limit", "group_utility", of_group, constant(ones))
    builder.add_entries("member_limit", "utility", own, constant(-ones))


def _parts_in_pyomo(model: Any, inner_alpha: float, group_of: Mapping[Hashable, Hashable]) -> None:
    import pyomo.environ as pyomo

    model.member_part = pyomo.Var(model.groups)
    model.mean_of = pyomo.Constraint(model.weighted)
    members_of: dict[Hashable, list[Any]] = {g: [] for g in model.weighted}
    for i, g in group_of.items():
        members_of[g].append(model.member_part[i])
    for g, parts in members_of.items():
        model.mean_of[g] = pyomo.quicksum(parts) >= 0.0
    is_log = inner_alpha == 1.0
    # Where it does not appear, changing it would change nothing.
    model.inner_alpha = pyomo.Param(initialize=inner_alpha, mutable=not is_log)
    model.member_part_limit = pyomo.Constraint(model.groups)
    for i, g in group_of.items():
        ratio = model.utility[i] / model.group_utility[g]
        if is_log:
            function = model.group_utility[g] * pyomo.log(ratio)
        else:
            power = ratio ** (1 - model.inner_alpha)
            function = model.group_utility[g] * ((power - 1) / (1 - model.inner_alpha))
        model.member_part_limit[i] = model.member_part[i] <= function
