"""The feasible set in Pyomo: to read, to extend, and to embed in a bigger model.

    budget_limit[k]     sum_j request_jk x_j <= budget_k
    agent_limit[i]      sum over the options of i of x_j <= limit_i       where it can bind
    agent_minimum[i]    sum over the options of i of x_j >= minimum_i     where it can bind
    extra_limit[r], extra_minimum[r], extra_equality[r]                   the user's own rows
    utility_of[g]       utility_g == history_g + share_g sum over g of reward_j x_j

`arrays_form` says the same with the same names. Mutable Params: ``reward``, ``budget``,
``request``, ``limit``, ``minimum``, and for families that compare utilities ``history`` and
``weight``. They are declared exactly where the model has a number to change: ``request`` where it
is not zero, ``limit`` and ``minimum`` for the agents that have a constraint.

Pyomo is loaded when a form is built.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from librex_models.errors import FormError
from librex_models.families import Family
from librex_models.forms.arrays_form import agents_with_limit, agents_with_minimum, extra_parts
from librex_models.forms.pyomo_limits import limits_in_pyomo
from librex_models.problem import AllocationProblem, Grouping
from solvers.program import Floats, Integers

if TYPE_CHECKING:
    import pyomo.environ as pyomo

Labels = Sequence[Hashable]


def pyomo_form(
    problem: AllocationProblem, grouping: Grouping, family: Family
) -> pyomo.ConcreteModel:
    """Return the Pyomo model of a family on a problem.

    Parameters
    ----------
    problem : AllocationProblem
        Where it has no rewards, the Param ``reward`` has no values yet.
    grouping : Grouping
        Whose utilities the family compares.
    family : Family

    Raises
    ------
    FormError
        If a label cannot be an index in Pyomo, such as a tuple that holds a tuple.

    Examples
    --------
    >>> from librex_models.families import TotalReward
    >>> problem = AllocationProblem([[2.0], [1.0]], [2.0], reward=[3.0, 2.0])
    >>> model = pyomo_form(problem, problem.grouping("groups"), TotalReward())
    >>> print(model.budget_limit[0].expr)
    request[0,0]*x[0] + request[1,0]*x[1]  <=  budget[0]
    """
    import pyomo.environ as pyomo

    model = pyomo.ConcreteModel(name=family.key)
    _declare(model, problem, grouping, family)
    return model


def pyomo_block(problem: AllocationProblem, grouping: Grouping, family: Family) -> pyomo.Block:
    """Return the same as a Pyomo Block, to embed in a bigger model.

    Its objective is active: where the bigger model has an objective of its own, deactivate
    ``block.welfare``.

    Parameters
    ----------
    problem : AllocationProblem
    grouping : Grouping
    family : Family

    Raises
    ------
    FormError
        If a label cannot be an index in Pyomo, such as a tuple that holds a tuple.
    """
    import pyomo.environ as pyomo

    block = pyomo.Block(concrete=True)
    _declare(block, problem, grouping, family)
    return block


def _declare(block: Any, problem: AllocationProblem, grouping: Grouping, family: Family) -> None:
    _declare_decisions(block, problem)
    _declare_budgets(block, problem)
    _declare_agents(block, problem)
    _declare_extra_rows(block, problem)
    if family.compares_utilities:
        _declare_utilities(block, problem, grouping)
        limits_in_pyomo(block, grouping)
    family.welfare_in_pyomo(block)


def _declare_decisions(block: Any, problem: AllocationProblem) -> None:
    """Declare lower_j <= x_j <= upper_j, whole where integer_j, and reward_j."""
    import pyomo.environ as pyomo

    options = problem.options
    block.options = _set_of(options, "option")
    bounds = zip(problem.lower.tolist(), problem.upper.tolist(), strict=True)
    domain = {True: pyomo.NonNegativeIntegers, False: pyomo.NonNegativeReals}
    block.x = pyomo.Var(
        block.options,
        within=_by_label(options, [domain[whole] for whole in problem.integer.tolist()]),
        bounds=_by_label(options, bounds),
    )
    reward = {} if problem.reward is None else _by_label(options, problem.reward.tolist())
    block.reward = pyomo.Param(block.options, initialize=reward, mutable=True)


def _declare_budgets(block: Any, problem: AllocationProblem) -> None:
    """Declare sum_j request_jk x_j <= budget_k."""
    import pyomo.environ as pyomo

    resources = problem.resources
    block.resources = _set_of(resources, "resource")
    budget = _by_label(resources, problem.budget.tolist())
    block.budget = pyomo.Param(block.resources, initialize=budget, mutable=True)
    usage = sparse.coo_array(problem.usage)
    requested = [
        (problem.options[j], resources[k])
        for k, j in zip(*(places.tolist() for places in usage.coords), strict=True)
    ]
    block.requested = _set_of([_flat(pair) for pair in requested], "option and resource")
    request = _by_label(block.requested, usage.data.tolist())
    block.request = pyomo.Param(block.requested, initialize=request, mutable=True)

    options_of: dict[Hashable, list[Hashable]] = {resource: [] for resource in resources}
    for option, resource in requested:
        options_of[resource].append(option)
    block.budget_limit = pyomo.Constraint(block.resources)
    for k in resources:
        used = pyomo.quicksum(block.request[j, k] * block.x[j] for j in options_of[k])
        block.budget_limit[k] = used <= block.budget[k]


def _declare_agents(block: Any, problem: AllocationProblem) -> None:
    """Declare minimum_i <= sum over the options of i of x_j <= limit_i, where they can bind."""
    import pyomo.environ as pyomo

    options_of = _members(problem.options, problem.agents, problem.agent_of_option)
    block.agents = _set_of(problem.agents, "agent")

    limit = _some(problem.agents, problem.agent_limit, agents_with_limit(problem))
    block.limited_agents = _set_of(list(limit), "agent")
    block.limit = pyomo.Param(block.limited_agents, initialize=limit, mutable=True)
    block.agent_limit = pyomo.Constraint(block.limited_agents)
    for i in limit:
        block.agent_limit[i] = pyomo.quicksum(block.x[j] for j in options_of[i]) <= block.limit[i]

    minimum = _some(problem.agents, problem.agent_minimum, agents_with_minimum(problem))
    block.obliged_agents = _set_of(list(minimum), "agent")
    block.minimum = pyomo.Param(block.obliged_agents, initialize=minimum, mutable=True)
    block.agent_minimum = pyomo.Constraint(block.obliged_agents)
    for i in minimum:
        total = pyomo.quicksum(block.x[j] for j in options_of[i])
        block.agent_minimum[i] = total >= block.minimum[i]


def _declare_extra_rows(block: Any, problem: AllocationProblem) -> None:
    """Declare the user's own rows, by what bounds them."""
    import pyomo.environ as pyomo

    for part in extra_parts(problem):
        declared = pyomo.Constraint(_set_of(part.labels, "extra row"))
        block.add_component(part.name, declared)
        for i, label in enumerate(part.labels):
            place = slice(int(part.matrix.indptr[i]), int(part.matrix.indptr[i + 1]))
            terms = zip(
                part.matrix.data[place].tolist(), part.matrix.indices[place].tolist(), strict=True
            )
            body = pyomo.quicksum(number * block.x[problem.options[j]] for number, j in terms)
            lower, upper = float(part.lower[i]), float(part.upper[i])
            if part.name == "extra_equality":
                declared[label] = body == lower
            else:
                declared[label] = body <= upper if part.name == "extra_limit" else body >= lower


def _declare_utilities(block: Any, problem: AllocationProblem, grouping: Grouping) -> None:
    """Declare utility_g == history_g + share_g sum over g of reward_j x_j, and weight_g."""
    import pyomo.environ as pyomo

    groups = grouping.labels
    block.groups = _set_of(groups, grouping.kind)
    block.utility = pyomo.Var(block.groups, within=pyomo.NonNegativeReals)
    share = _by_label(groups, grouping.share.tolist())
    block.share = pyomo.Param(block.groups, initialize=share)
    history = _by_label(groups, grouping.history.tolist())
    block.history = pyomo.Param(block.groups, initialize=history, mutable=True)
    weighted = groups if grouping.weighted is None else grouping.weighted
    if grouping.weighted is not None:
        block.weighted = _set_of(weighted, "group")
    weight = _by_label(weighted, grouping.weight.tolist())
    index = block.groups if grouping.weighted is None else block.weighted
    block.weight = pyomo.Param(index, initialize=weight, mutable=True)
    block.utility_of = pyomo.Constraint(block.groups)
    if grouping.shared_reward is not None:
        _declare_shared_utilities(block, problem, grouping)
        return
    options_of = _members(problem.options, groups, grouping.of_option)
    for g in groups:
        earned = pyomo.quicksum(block.reward[j] * block.x[j] for j in options_of[g])
        block.utility_of[g] = block.utility[g] == block.history[g] + block.share[g] * earned


def _declare_shared_utilities(block: Any, problem: AllocationProblem, grouping: Grouping) -> None:
    """Declare utility_g == history_g + sum_j shared_reward_gj x_j."""
    import pyomo.environ as pyomo

    links = grouping.links(np.ones(problem.n_options))
    labels = [
        _flat((grouping.labels[g], problem.options[j]))
        for j, g in zip(links.option.tolist(), links.group.tolist(), strict=True)
    ]
    block.served = _set_of(labels, "group and option")
    reward = _by_label(labels, links.earned.tolist())
    block.shared_reward = pyomo.Param(block.served, initialize=reward, mutable=True)
    earned: dict[Hashable, list[Any]] = {g: [] for g in grouping.labels}
    for label, j, g in zip(labels, links.option.tolist(), links.group.tolist(), strict=True):
        term = block.shared_reward[label] * block.x[problem.options[j]]
        earned[grouping.labels[g]].append(term)
    for g in grouping.labels:
        total = pyomo.quicksum(earned[g])
        block.utility_of[g] = block.utility[g] == block.history[g] + total


def _set_of(labels: Labels, kind: str) -> Any:
    """Return a Pyomo Set whose elements are the labels as they are."""
    import pyomo.environ as pyomo

    sizes = {
        len(label) if isinstance(label, Sequence) and not isinstance(label, (str, bytes)) else 1
        for label in labels
    }
    # Pyomo wants to know how long index tuples are; None stands for several lengths.
    declared = pyomo.Set(initialize=list(labels), dimen=sizes.pop() if len(sizes) == 1 else None)
    declared.construct()
    for label, element in zip_longest(labels, declared):
        if label != element:
            raise FormError(
                f"{kind} {label!r} cannot be a label in Pyomo, which makes {element!r} of it: "
                "use strings, numbers, or tuples of at least two of these"
            )
    return declared


def _flat(pair: tuple[Hashable, Hashable]) -> tuple[Hashable, ...]:
    """Return the index that Pyomo makes of two labels, which may be tuples."""
    first, second = ((label if isinstance(label, tuple) else (label,)) for label in pair)
    return (*first, *second)


def _by_label(labels: Iterable[Hashable], values: Iterable[Any]) -> dict[Hashable, Any]:
    return dict(zip(labels, values, strict=True))


def _some(labels: Labels, values: Floats, chosen: Integers) -> dict[Hashable, float]:
    """Return the values of the chosen positions by label."""
    return {labels[place]: float(values[place]) for place in chosen.tolist()}


def _members(options: Labels, owners: Labels, owner_of: Integers) -> dict[Hashable, list[Hashable]]:
    """Return the options of each owner."""
    members: dict[Hashable, list[Hashable]] = {owner: [] for owner in owners}
    for option, owner in zip(options, owner_of.tolist(), strict=True):
        members[owners[owner]].append(option)
    return members
