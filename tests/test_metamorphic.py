"""What an answer must do when its question is changed in a way whose effect is known.

Rewards, requests or budgets in other units, agents in another order, a group that becomes two, a
larger alpha, more budget: by every family, solver and route, fractional and whole. No oracle is
needed: each answer is compared with the other's proven bound, in equivalent utility.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import librex_models as lm
from librex_models.families import AlphaFairness
from librex_models.problem.allocation_problem import Over
from tests.random_examples import examples
from tests.ways import WAYS, solver_and_route

Floats = npt.NDArray[np.float64]

FAMILIES: dict[str, Callable[[lm.AllocationProblem], lm.Model]] = {
    "BudgetOnly": lm.BudgetOnly,
    "Proportional": lm.Proportional,
    "MaxMin": lm.MaxMin,
    "MaxMin, first level": partial(lm.MaxMin, lexicographic=False),
    "AlphaFair .5": partial(lm.AlphaFair, alpha=0.5),
    "AlphaFair 2": partial(lm.AlphaFair, alpha=2.0),
    "AlphaFair 10": partial(lm.AlphaFair, alpha=10.0),
    "GroupAlphaFair .5": partial(lm.GroupAlphaFair, alpha=0.5),
    "GroupAlphaFair 2": partial(lm.GroupAlphaFair, alpha=2.0),
}
FAIR = [name for name in FAMILIES if name != "BudgetOnly"]
CURVED = [name for name in FAIR if not name.startswith("MaxMin")]
GAP = {False: 1e-6, True: 1e-4}
STEEP_GAP = 1e-3
"""What native terms above alpha 5 may be held to."""
TOLERANCE = 1e-6
"""To which limits are kept, and to which zero is zero, of what can be reached."""
SEEDS = st.integers(0, 10**6)
FACTORS = st.sampled_from([1e-4, 0.3, 7.0, 1e4])

by_every_way = pytest.mark.parametrize("way", WAYS)
by_every_linear_way = pytest.mark.parametrize(
    "way", [way for way, (_, route) in WAYS.items() if route != "outer_approximation"]
)
some = settings(max_examples=examples(60))


def drawn(seed: int, whole: bool) -> lm.AllocationProblem:
    """Return a random problem in which everybody had something before, or can have something."""
    generator = np.random.default_rng(seed)
    n, n_resources = int(generator.integers(2, 9)), int(generator.integers(1, 4))
    agent = generator.integers(0, n, n)
    _, agent = np.unique(agent, return_inverse=True)
    n_agents = int(agent.max()) + 1
    group = {f"a{i}": f"g{i % max(1, n_agents // 2)}" for i in range(n_agents)}
    requests = generator.uniform(0.1, 1.0, (n, n_resources))
    requests *= generator.random(requests.shape) < 0.8
    had_nothing = not whole and generator.random() < 0.5

    def before(labels: set[str]) -> dict[Hashable, float]:
        amounts = generator.uniform(0.1, 1.0, len(labels)) * (0.0 if had_nothing else 1.0)
        return dict(zip(sorted(labels), amounts.tolist(), strict=True))

    def weight(labels: set[str]) -> dict[Hashable, float]:
        drawn = generator.uniform(0.5, 2.0, len(labels)).tolist()
        return dict(zip(sorted(labels), drawn, strict=True))

    return lm.AllocationProblem(
        requests,
        requests.sum(axis=0) * generator.uniform(0.2, 0.7, n_resources) + 0.05,
        generator.uniform(0.1, 2.0, n),
        agent=[f"a{i}" for i in agent],
        group=group,
        weight=weight(set(group.values())),
        history=before(set(group.values())),
        agent_weight=weight(set(group)),
        agent_history=before(set(group)),
        upper=np.ones(n) if whole else generator.choice([0.5, 1.0, 2.0], n),
        agent_limit=float(generator.choice([1.0, 1.5, np.inf])),
        integer=whole,
        group_utility=generator.choice(["mean", "sum"]),
        option_names=[f"o{j}" for j in range(n)],
        resource_names=[f"r{k}" for k in range(n_resources)],
    )


def solved(
    family: str, way: str, problem: lm.AllocationProblem, gap: float | None = None
) -> lm.Allocation:
    solver, route = solver_and_route(way)
    gap = GAP[bool(problem.integer.any())] if gap is None else gap
    route = route if family in CURVED else "auto"
    found = FAMILIES[family](problem).solve(solver, route=route, relative_gap=gap)
    assert found.verdict is not lm.Verdict.REFUTED, found.certificate
    allowed = STEEP_GAP if family.endswith(" 10") and route == "plain" else 0.0
    assert found.verdict is lm.Verdict.OPTIMAL or found.gap <= allowed, found.certificate
    return found


def families(way: str, among: list[str]) -> st.SearchStrategy[str]:
    """Return a strategy for the families that a way can solve."""
    has_terms_only = WAYS[way][1] == "outer_approximation"
    return st.sampled_from([name for name in among if name in CURVED or not has_terms_only])


def a_question(
    data: st.DataObject, way: str, among: list[str], whole: bool | None = None
) -> tuple[str, lm.AllocationProblem]:
    """Draw a family and a problem that a way can solve."""
    kinds = [False] if WAYS[way][0].startswith("cvxpy") else [False, True]
    whole = data.draw(st.sampled_from(kinds), "whole") if whole is None else whole
    family = data.draw(families(way, among), "family")
    problem = drawn(data.draw(SEEDS, "seed"), whole)
    # Who compares agents takes histories of their own.
    return family, problem.replace(history=None) if family.startswith("AlphaFair") else problem


def at_most(first: lm.Allocation, second: lm.Allocation, factor: float = 1.0) -> None:
    """Assert that what the first has is, times a factor, no more than the second could have."""
    bound = second.certificate.bound
    assert first.equivalent * factor <= bound * (1.0 + TOLERANCE), (
        first.certificate,
        second.certificate,
    )


def agree(first: lm.Allocation, second: lm.Allocation, factor: float = 1.0) -> None:
    """Assert that the second is as good as the first, times a factor."""
    at_most(first, second, factor)
    at_most(second, first, 1.0 / factor)
    if first.certificate.levels:
        assert first.levels is not None
        same_levels(second, [factor * level for level in first.levels], first.gap)


def same_levels(found: lm.Allocation, expected: list[float], gap: float) -> None:
    assert found.levels is not None
    allowed = found.gap + gap + TOLERANCE
    assert found.levels == pytest.approx(
        sorted(expected), rel=allowed, abs=TOLERANCE * max(expected)
    )


def power_of_welfare(family: str) -> float:
    """Return the power of the unit of utility that is in a price."""
    if family not in CURVED:
        return 1.0
    return 0.0 if family == "Proportional" else 1.0 - float(family.split()[1])


@by_every_way
@some
@given(data=st.data(), factor=FACTORS)
def test_rewards_and_histories_in_another_unit(
    way: str, data: st.DataObject, factor: float
) -> None:
    family, problem = a_question(data, way, list(FAMILIES))
    assert problem.reward is not None
    changed = problem.replace(
        reward=factor * problem.reward,
        history=factor * problem.history,
        agent_history=factor * problem.agent_history,
    )
    first, second = solved(family, way, problem), solved(family, way, changed)
    agree(first, second, factor)
    same_prices(first, second, factor ** power_of_welfare(family))


@by_every_way
@some
@given(data=st.data(), factor=FACTORS, resource=st.integers(0, 2))
def test_a_resource_in_another_unit(
    way: str, data: st.DataObject, factor: float, resource: int
) -> None:
    family, problem = a_question(data, way, list(FAMILIES))
    unit = np.ones(problem.n_resources)
    unit[resource % problem.n_resources] = factor
    changed = problem.replace(
        requests=np.asarray(problem.requests) * unit, budget=problem.budget * unit
    )
    first, second = solved(family, way, problem), solved(family, way, changed)
    agree(first, second)
    same_prices(first, second, 1.0 / unit)


def same_prices(first: lm.Allocation, second: lm.Allocation, factor: float | Floats) -> None:
    """Assert that budgets are worth as much in both.

    A relative gap of 1e-6 leaves utilities some 1e-3 of room, and the marginals of an alpha of 10
    ten times as much.
    """
    if first.price is None:
        assert second.price is None
        return
    assert second.price is not None
    worth = first.price * factor * second.problem.budget
    allowed = 0.05 * float(worth.sum()) + 1e-4 * marginal_worth(second)
    found = second.price * second.problem.budget
    assert found == pytest.approx(worth, rel=0.0, abs=allowed)


def marginal_worth(allocation: lm.Allocation) -> float:
    """Return the sum of utilities times their marginal welfare."""
    family, grouping = allocation.family, allocation.grouping
    if not isinstance(family, AlphaFairness):
        return allocation.equivalent
    utility = grouping.utility(np.asarray(allocation.problem.reward), allocation.decision)
    return float(grouping.weight @ utility ** (1.0 - family.alpha))


@by_every_way
@some
@given(data=st.data())
def test_agents_in_another_order(way: str, data: st.DataObject) -> None:
    family, problem = a_question(data, way, list(FAMILIES))
    order = data.draw(st.permutations(range(problem.n_options)), "order")
    agree(solved(family, way, problem), solved(family, way, permuted(problem, order)))


def permuted(problem: lm.AllocationProblem, order: list[int]) -> lm.AllocationProblem:
    """Return the problem with its options in another order, and so agents and groups."""
    return remade(
        problem,
        requests=np.asarray(problem.requests)[order],
        of_option={
            "agent": [problem.agents[i] for i in problem.agent_of_option[order].tolist()],
            "option_names": [problem.options[j] for j in order],
            **{name: getattr(problem, name)[order] for name in ("reward", "upper", "integer")},
        },
    )


def remade(
    problem: lm.AllocationProblem, requests: Floats, of_option: dict[str, Any]
) -> lm.AllocationProblem:
    """Return a problem of other options, with everything of agents and groups by label."""
    agents, groups = problem.agents, problem.groups
    of_agent = dict(zip(agents, problem.group_of_agent.tolist(), strict=True))
    known = {name: dict(zip(agents, getattr(problem, name), strict=True)) for name in OF_AGENTS}
    known |= {name: dict(zip(groups, getattr(problem, name), strict=True)) for name in OF_GROUPS}
    return lm.AllocationProblem(
        requests,
        problem.budget,
        group={agent: groups[g] for agent, g in of_agent.items()},
        group_utility=problem.group_utility,
        resource_names=problem.resources,
        **known,
        **of_option,
    )


OF_AGENTS = ("agent_weight", "agent_history", "agent_limit")
OF_GROUPS = ("weight", "history")


# One group becomes two.


@by_every_way
@some
@given(data=st.data())
def test_a_group_as_two_of_half_the_weight_that_ask_for_half_as_much(
    way: str, data: st.DataObject
) -> None:
    """A copy that gets half the budget has the utility of the whole, and the weights add up.

    Whole decisions may differ between the copies, which only adds to what is possible.
    """
    family, problem = a_question(data, way, CURVED)
    over: Over = "agents" if family.startswith("AlphaFair") else "groups"
    place = data.draw(st.integers(0, len(problem.grouping(over)) - 1), "who")
    halves = split(problem, over, place, size=0.5, room=1.0)
    first, second = solved(family, way, problem), solved(family, way, halves)
    at_most(first, second)
    if not problem.integer.any():
        at_most(second, first)
        same_prices(first, second, 1.0)


@by_every_linear_way
@some
@given(data=st.data())
def test_max_min_of_two_halves_of_a_group(way: str, data: st.DataObject) -> None:
    """Half the weight, half the utility before and to be had: utility per weight is the same."""
    family, problem = a_question(data, way, ["MaxMin", "MaxMin, first level"], whole=False)
    place = data.draw(st.integers(0, problem.n_groups - 1), "who")
    halves = split(problem, "groups", place, size=1.0, room=0.5)
    first, second = solved(family, way, problem), solved(family, way, halves)
    at_most(first, second)
    at_most(second, first)
    if first.certificate.levels:
        own = float(first.utility[place] / problem.weight[place])
        assert first.levels is not None
        same_levels(second, [*first.levels, own], first.gap)


@by_every_way
@some
@given(data=st.data())
def test_proportional_fairness_of_two_halves_of_a_group(way: str, data: st.DataObject) -> None:
    """Halves of a utility lower the sum of logarithms by weight log 2, whatever is decided."""
    family, problem = a_question(data, way, ["Proportional"], whole=False)
    place = data.draw(st.integers(0, problem.n_groups - 1), "who")
    halves = split(problem, "groups", place, size=1.0, room=0.5)
    share = float(problem.weight[place] / problem.weight.sum())
    agree(solved(family, way, problem), solved(family, way, halves), 0.5**share)


def split(
    problem: lm.AllocationProblem, over: Over, place: int, size: float, room: float
) -> lm.AllocationProblem:
    """Return the problem with two copies of half the weight in the place of a group or an agent.

    Their requests are `size` of what they were; bounds, limits and history `room` of it.
    """
    own = problem.grouping(over).of_option == place
    keep, copied = np.flatnonzero(~own), np.flatnonzero(own)
    options = np.concatenate([keep, copied, copied])
    copy = np.repeat([0, 1, 2], [len(keep), len(copied), len(copied)])
    part = np.where(copy > 0, room, 1.0)
    requests = np.asarray(problem.requests)[options] * np.where(copy > 0, size, 1.0)[:, np.newaxis]
    agents = [
        (problem.agents[i], int(c))
        for i, c in zip(problem.agent_of_option[options], copy, strict=True)
    ]
    group = {
        (agent, c): (problem.groups[problem.group_of_agent[problem.agents.index(agent)]], c)
        for agent, c in agents
    }

    def of_agents(name: str, factor: float) -> dict[Any, float]:
        number = dict(zip(problem.agents, getattr(problem, name).tolist(), strict=True))
        return {(one, c): number[one] * (factor if c else 1.0) for one, c in agents}

    def of_groups(name: str, factor: float) -> dict[Any, float]:
        number = dict(zip(problem.groups, getattr(problem, name).tolist(), strict=True))
        return {(one, c): number[one] * (factor if c else 1.0) for one, c in group.values()}

    assert problem.reward is not None
    return lm.AllocationProblem(
        requests,
        problem.budget,
        problem.reward[options],
        agent=agents,
        group=group,
        weight=of_groups("weight", 0.5),
        history=of_groups("history", room),
        agent_weight=of_agents("agent_weight", 0.5),
        agent_history=of_agents("agent_history", room),
        upper=problem.upper[options] * part,
        agent_limit=of_agents("agent_limit", room),
        integer=problem.integer[options],
        group_utility=problem.group_utility,
    )


# A larger alpha, and more budget.


@by_every_way
@some
@given(data=st.data(), seed=SEEDS)
def test_a_larger_alpha_never_lowers_the_smallest_utility(
    way: str, data: st.DataObject, seed: int
) -> None:
    """One budget, nobody's share capped, equal weights.

    A gap of 1e-6 in equivalent utility leaves the utilities themselves some 2e-3 of room.
    """
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 7))
    problem = lm.AllocationProblem(
        generator.uniform(0.5, 1.0, (n, 1)), [0.5], generator.uniform(0.1, 2.0, n)
    )
    names = ["AlphaFair .5", "Proportional", "AlphaFair 2", "AlphaFair 10"]
    if WAYS[way][1] != "outer_approximation":
        names.append("MaxMin")
    less, more = sorted(data.draw(st.permutations(range(len(names))), "alphas")[:2])
    smallest = [float(solved(names[k], way, problem).utility.min()) for k in (less, more)]
    assert smallest[1] >= smallest[0] * (1.0 - 4e-3)


@by_every_way
@some
@given(data=st.data(), growth=st.floats(0.0, 1.0))
def test_more_budget_never_lowers_welfare(way: str, data: st.DataObject, growth: float) -> None:
    """Nor does it raise welfare by more than the price says, of fractional decisions."""
    family, problem = a_question(data, way, list(FAMILIES))
    more = growth * problem.budget
    first = solved(family, way, problem)
    second = solved(family, way, problem.replace(budget=problem.budget + more))
    at_most(first, second)
    if first.certificate.levels:
        not_lower(second, first)
    if first.price is not None:
        gain = second.objective - first.objective
        allowed = TOLERANCE * 10.0 * marginal_worth(first)
        assert gain <= float(first.price @ more) * (1.0 + 1e-2) + allowed


def not_lower(found: lm.Allocation, before: lm.Allocation) -> None:
    """Assert that where levels differ for the first time, they are higher."""
    assert found.levels is not None
    assert before.levels is not None
    allowed = found.gap + before.gap + TOLERANCE
    for now, then in zip(found.levels, before.levels, strict=True):
        room = allowed * max(now, then) + TOLERANCE * max(before.levels)
        if abs(now - then) > room:
            assert now > then, (found.levels, before.levels)
            return
