"""One budget with floors, ceilings and minimums over several options, without a solver.

Oracles: bisection on the price in 40 digits, and HiGHS.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from librex_models import AllocationProblem, AlphaFair, BudgetOnly, GroupAlphaFair, MaxMin, Verdict
from librex_models.errors import UnsolvableError
from librex_models.problem.fairness_limits import Demanded
from solvers import Status
from tests.one_budget_oracle import optimal_utilities
from tests.random_examples import examples
from tests.test_water_filling import PRECISION, wide_problem


def limits_about(problem: AllocationProblem, generator: np.random.Generator) -> Demanded:
    """Return floors and ceilings about what utilities are without them; some floors are equal."""
    free = MaxMin(problem).solve(solver="auto").utility
    n, history = problem.n_groups, problem.grouping("groups").history
    has_floor, has_ceiling = generator.random((2, n)) < generator.choice([0.3, 0.8])
    floor = np.where(has_floor, free * 10.0 ** generator.uniform(-2, 0.5, n), 0.0)
    most = free * 10.0 ** generator.uniform(-2, 2, n)
    ceiling = np.maximum(np.maximum(most, floor), history * (1.0 + generator.random(n)))
    if generator.random() < 0.2:
        floor = np.where(has_floor & has_ceiling, ceiling, floor)
    return {
        "floor": {g: float(floor[g]) for g in np.flatnonzero(floor > 0).tolist()},
        "ceiling": {g: float(ceiling[g]) for g in np.flatnonzero(has_ceiling).tolist()},
    }


def share_that_floors_cost(problem: AllocationProblem, floor: np.ndarray) -> float:
    """Return what the cheapest way to all floors costs of the budget; infinite without one."""
    cost, reward = np.asarray(problem.requests)[:, 0], problem.known_reward
    grouping = problem.grouping("groups")
    total = Decimal(0)
    for g, least in enumerate(floor):
        left = Decimal(float(least)) - Decimal(float(grouping.history[g]))
        options = np.flatnonzero(np.asarray(grouping.of_option == g))
        for j in options[np.argsort(-reward[options] / cost[options])].tolist():
            taken = max(min(left / Decimal(reward[j]), Decimal(problem.upper[j])), Decimal(0))
            total += taken * Decimal(cost[j])
            left -= taken * Decimal(reward[j])
        if left > Decimal("1e-12") * Decimal(float(least)):
            return np.inf
    return float(total / Decimal(float(problem.budget[0])))


@pytest.mark.parametrize("seed", range(examples(200)))
def test_limits_are_kept_and_the_rest_is_right_over_six_orders_of_magnitude(seed: int) -> None:
    generator = np.random.default_rng([8, seed])
    problem = wide_problem(generator)
    demand = limits_about(problem, generator)
    n = problem.n_groups
    floor = np.array([demand["floor"].get(g, 0.0) for g in range(n)])
    ceiling = np.array([demand["ceiling"].get(g, np.inf) for g in range(n)])
    alpha = [1.0, np.inf, np.inf, float(10.0 ** generator.uniform(-2, 2))][seed % 4]
    model = GroupAlphaFair(problem, alpha, **demand)
    allocation = model.solve(solver="auto")
    assert [attempt.route for attempt in allocation.attempts] == ["water_filling"]
    share = share_that_floors_cost(problem, floor)
    if share > 1.0 + 1e-12:
        assert allocation.verdict is Verdict.INFEASIBLE
        return
    grouping = problem.grouping("groups")
    exact = optimal_utilities(
        np.asarray(problem.reward),
        np.asarray(problem.requests)[:, 0],
        problem.upper,
        grouping.of_option,
        grouping.weight,
        grouping.history,
        float(problem.budget[0]),
        alpha,
        floor,
        ceiling,
    )
    expected = np.array([float(one) for one in exact])
    matters = expected > 1e-200
    assert allocation.utility[matters] == pytest.approx(expected[matters], rel=PRECISION, abs=0.0)
    # A hard budget leaves 1e-14 of itself; to somebody who lives on as little that is much.
    assert allocation.gap <= 1e-3


def ruled_problem(generator: np.random.Generator) -> AllocationProblem:
    """Return one budget with agents that must take, or may take, so much of several options."""
    n_agents = int(generator.integers(1, 7))
    n_options = n_agents + int(generator.integers(0, 14))
    others = generator.integers(0, n_agents, n_options - n_agents)
    agent = np.concatenate([np.arange(n_agents), others])
    limit = generator.uniform(0.5, 3.0, n_agents)
    limit[generator.random(n_agents) < 0.5] = np.inf
    minimum = generator.uniform(0.0, 1.0, n_agents) * np.minimum(limit, 2.0)
    minimum *= generator.random(n_agents) < generator.choice([0.0, 0.6])
    # Small whole numbers, so that there are ties and options that cost nothing.
    cost = generator.integers(0 if generator.random() < 0.3 else 1, 5, n_options).astype(float)
    bounded = np.isinf(limit[agent]) & (cost == 0.0)
    return AllocationProblem(
        cost[:, np.newaxis],
        [float(generator.choice([0.0, 1.0, 3.0, 8.0, 30.0]))],
        generator.integers(0, 5, n_options).astype(float),
        agent=agent,
        group=generator.integers(0, 3, n_agents),
        weight=None,
        history=None,
        agent_limit=limit,
        agent_minimum=minimum,
        upper=np.where(bounded, 2.0, np.inf),
        group_utility="sum",
    )


def some_limits(problem: AllocationProblem, generator: np.random.Generator) -> Demanded:
    """Return floors for some groups, and where nobody has a minimum ceilings above for others."""
    chosen = generator.random((2, problem.n_groups)) < 0.5
    chosen[1] &= not problem.agent_minimum.any()
    floor = generator.uniform(0.0, 6.0, problem.n_groups)
    ceiling = floor + generator.choice([0.0, 0.5, 3.0], problem.n_groups) + 0.5
    low, high = (np.flatnonzero(one).tolist() for one in chosen)
    return {
        "floor": {problem.groups[g]: float(floor[g]) for g in low},
        "ceiling": {problem.groups[g]: float(ceiling[g]) for g in high},
    }


@pytest.mark.parametrize("seed", range(examples(300)))
def test_minimums_over_several_options_are_filled_as_a_solver_does(seed: int) -> None:
    generator = np.random.default_rng([9, seed])
    problem = ruled_problem(generator)
    demanded: Demanded = some_limits(problem, generator) if seed % 2 else {}
    model = MaxMin(problem, **demanded)
    try:
        mine = model.solve(route="water_filling")
    except UnsolvableError:
        return
    other = model.solve(solver="highs")
    assert (mine.verdict is Verdict.INFEASIBLE) == (other.status is Status.INFEASIBLE)
    if mine.has_point:
        assert [one.solver for one in mine.attempts] == ["librex"]
        assert mine.verdict is Verdict.OPTIMAL
        assert np.sort(mine.utility) == pytest.approx(np.sort(other.utility), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_floors_and_minimums_beside_welfare_are_filled_as_a_solver_does(
    seed: int, alpha: float
) -> None:
    generator = np.random.default_rng([10, seed])
    problem = ruled_problem(generator)
    problem = problem.replace(history=dict.fromkeys(problem.groups, 0.5))
    model = GroupAlphaFair(problem, alpha, **some_limits(problem, generator))
    try:
        mine = model.solve(route="water_filling")
    except UnsolvableError:
        return
    other = model.solve(solver="highs")
    assert (mine.verdict is Verdict.INFEASIBLE) == (other.status is Status.INFEASIBLE)
    if mine.has_point:
        assert [one.solver for one in mine.attempts] == ["librex"]
        assert mine.verdict is Verdict.OPTIMAL
        assert mine.equivalent == pytest.approx(other.equivalent, rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(examples(100)))
def test_minimums_are_filled_where_rewards_may_be_negative(seed: int) -> None:
    generator = np.random.default_rng([11, seed])
    problem = ruled_problem(generator)
    reward = np.asarray(problem.reward) - generator.integers(0, 5)
    model = BudgetOnly(problem.replace(reward=reward))
    try:
        mine = model.solve(route="water_filling")
    except UnsolvableError:
        return
    other = model.solve(solver="highs")
    assert (mine.verdict is Verdict.INFEASIBLE) == (other.status is Status.INFEASIBLE)
    if mine.has_point:
        assert mine.objective == pytest.approx(other.objective, rel=1e-9, abs=1e-9)


def four(**changed: Any) -> AllocationProblem:
    given: dict[str, Any] = {"upper": 9.0, **changed}
    return AllocationProblem([[1.0], [2.0], [4.0], [1.0]], [8.0], [1.0, 2.0, 2.0, 3.0], **given)


def test_floors_are_bought_first_and_the_rest_is_shared() -> None:
    # Agent 2 has two units for four of the budget; the others share four, 4/3 each.
    allocation = AlphaFair(four(), 1.0, floor={2: 2.0}).solve()
    assert allocation.route == "water_filling"
    assert allocation.allocated[:, 0] == pytest.approx([4 / 3, 4 / 3, 4.0, 4 / 3])
    assert allocation.price == pytest.approx([3 / 4])


def test_what_a_ceiling_keeps_from_one_goes_to_the_others() -> None:
    allocation = AlphaFair(four(), 1.0, ceiling={0: 0.5, 3: 3.0}).solve()
    assert allocation.allocated[:, 0] == pytest.approx([0.5, 3.25, 3.25, 1.0])
    assert allocation.verdict is Verdict.OPTIMAL


def test_levels_of_max_min_stand_between_floors_and_ceilings() -> None:
    # A level of t costs t, t, 2 t and t / 3; one stops at 1, another begins at 2.5.
    allocation = MaxMin(four(), floor={2: 2.5}, ceiling={0: 1.0}).solve()
    assert allocation.utility == pytest.approx([1.0, 1.5, 2.5, 1.5])
    assert allocation.levels == pytest.approx((1.0, 1.5, 1.5, 2.5))
    assert [one.settled for one in allocation.certificate.levels] == [(0,), (1, 3), (2,)]
    assert allocation.gap <= PRECISION


def test_a_floor_equal_to_the_ceiling_settles_a_utility() -> None:
    for alpha in (2.0, np.inf):
        allocation = AlphaFair(four(), alpha, floor=1.5, ceiling=1.5).solve()
        assert allocation.utility == pytest.approx([1.5] * 4)
        assert allocation.verdict is Verdict.OPTIMAL


def test_a_floor_below_the_history_asks_for_nothing() -> None:
    problem = four(agent_history=[5.0, 0.0, 0.0, 0.0])
    with_floor = AlphaFair(problem, 2.0, floor={0: 4.0}).solve()
    assert with_floor.decision == pytest.approx(AlphaFair(problem, 2.0).solve().decision)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, np.inf])
def test_floors_beyond_the_budget_are_infeasible_with_a_proof(alpha: float) -> None:
    # Together 1 + 1 + 2 + 1/3 for one unit of utility each.
    allocation = AlphaFair(four(), alpha, floor=1.9).solve()
    assert allocation.verdict is Verdict.INFEASIBLE
    assert [attempt.solver for attempt in allocation.attempts] == ["librex"]
    assert "Proven by multipliers" in allocation.certificate.sentence


def test_a_floor_that_nobody_can_buy_is_infeasible() -> None:
    allocation = MaxMin(four(upper=1.0), floor={1: 2.5}).solve()
    assert allocation.verdict is Verdict.INFEASIBLE
    assert [attempt.solver for attempt in allocation.attempts] == ["librex"]


def test_a_ceiling_below_what_is_given_at_least_is_infeasible() -> None:
    given = AlphaFair(four(lower=[1.0, 0.0, 0.0, 0.0]), 1.0, ceiling={0: 0.5}).solve()
    earned = AlphaFair(four(agent_history=[1.0, 0.0, 0.0, 0.0]), 1.0, ceiling={0: 0.5}).solve()
    for allocation in (given, earned):
        assert allocation.verdict is Verdict.INFEASIBLE
        assert [attempt.solver for attempt in allocation.attempts] == ["librex"]


def test_floors_that_cost_the_whole_budget_are_met() -> None:
    # In doubles .1 + .2 is more than .3.
    problem = AllocationProblem([[1.0], [1.0]], [0.3], [1.0, 1.0])
    allocation = MaxMin(problem, floor=[0.1, 0.2]).solve()
    assert [attempt.solver for attempt in allocation.attempts] == ["librex"]
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.utility == pytest.approx([0.1, 0.2])


def test_who_gets_nothing_beside_floors_that_cost_all_is_proven() -> None:
    problem = AllocationProblem([[1.0], [1.0], [3.0]], [0.3], np.ones(3))
    allocation = MaxMin(problem, floor=[0.1, 0.2, 0.0]).solve()
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.utility == pytest.approx([0.1, 0.2, 0.0])


def test_a_ceiling_stops_what_costs_nothing() -> None:
    problem = AllocationProblem([[0.0], [0.0], [1.0]], [1.0], np.ones(3), group=["a", "a", "b"])
    problem = problem.replace(upper=[1.0, 3.0, 9.0])
    for model in (GroupAlphaFair(problem, 0.5, ceiling=0.5), MaxMin(problem, ceiling=0.5)):
        allocation = model.solve()
        # The mean of two people, who take the same part of what each could.
        assert allocation.decision == pytest.approx([0.25, 0.75, 0.5])
        assert allocation.verdict is Verdict.OPTIMAL


def test_equals_stay_equal_at_a_ceiling_and_at_a_floor() -> None:
    problem = AllocationProblem(
        np.ones((3, 1)), [5.0], np.ones(3), group=["a", "a", "b"], upper=[4.0, 2.0, 9.0]
    )
    stopped = GroupAlphaFair(problem, 2.0, ceiling={"a": 0.75}).solve().decision
    assert stopped == pytest.approx([1.0, 0.5, 3.5])
    raised = GroupAlphaFair(problem, 2.0, floor={"a": 2.25}).solve().decision
    assert raised == pytest.approx([3.0, 1.5, 0.5])


def test_a_minimum_begins_with_the_cheapest_and_climbs() -> None:
    # Exactly one unit: of the cheap option, of the dear one, or some of each.
    problem = AllocationProblem(
        [[1.0], [2.0], [3.0], [1.0]],
        [3.0],
        [0.0, 0.5, 8.0, 1.0],
        agent=["a", "a", "a", "b"],
        agent_limit={"a": 1.0, "b": np.inf},
        agent_minimum={"a": 1.0, "b": 0.0},
        upper=np.inf,
    )
    allocation = MaxMin(problem).solve()
    assert allocation.route == "water_filling"
    # Beyond the first unit 4 for each unit of the budget, and 1 for the other: 2 units in all.
    assert allocation.utility == pytest.approx([1.6, 1.6])
    assert allocation.decision == pytest.approx([0.8, 0.0, 0.2, 1.6])


def test_minimums_beyond_the_budget_are_infeasible_with_a_proof() -> None:
    problem = AllocationProblem(
        [[2.0], [3.0]], [1.0], [1.0, 1.0], agent=["a", "a"], agent_minimum=1.0, agent_limit=1.0
    )
    allocation = AlphaFair(problem, 2.0).solve()
    assert allocation.verdict is Verdict.INFEASIBLE
    assert [attempt.solver for attempt in allocation.attempts] == ["librex"]


def test_a_minimum_beside_a_ceiling_is_left_to_a_solver() -> None:
    problem = AllocationProblem(
        [[1.0], [2.0]], [2.0], [5.0, 1.0], agent=["a", "a"], agent_minimum=1.0, agent_limit=1.0
    )
    with pytest.raises(UnsolvableError, match="agent 'a' has a minimum over several options"):
        MaxMin(problem, ceiling=3.0).solve(route="water_filling")
    assert MaxMin(problem, ceiling=3.0).solve().utility == pytest.approx([3.0])


def test_capped_differences_are_left_to_a_solver() -> None:
    with pytest.raises(UnsolvableError, match="differences between utilities are limited"):
        MaxMin(four(), spread_cap=1.0).solve(route="water_filling")


def test_a_session_is_filled_between_the_same_limits_again() -> None:
    with AlphaFair(four(), 1.0, floor={2: 2.0}).open(solver="auto") as session:
        session.write(budget=[16.0])
        allocation = session.solve()
    assert [attempt.solver for attempt in allocation.attempts] == ["librex"]
    assert allocation.allocated[:, 0] == pytest.approx([4.0] * 4)
