"""One budget without a solver: exact over many decades, proven, and left to a solver where it ends.

The oracle works in 40 digits by bisection; see `one_budget_oracle`.
"""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest

import librex_models as lm
from librex_models import AllocationProblem, AlphaFair, BudgetOnly, GroupAlphaFair, MaxMin, Verdict
from librex_models.errors import UnsolvableError
from solvers import Status
from tests.one_budget_oracle import equivalent, optimal_utilities
from tests.random_examples import examples
from tests.random_problems import random_problem

PRECISION = 1e-9


def wide_problem(generator: np.random.Generator) -> AllocationProblem:
    """Return one budget with rewards and costs over six orders of magnitude."""
    n_options = int(generator.integers(5, 61))
    n_groups = int(generator.integers(1, min(n_options, 12) + 1))
    group = np.concatenate(
        [np.arange(n_groups), generator.integers(0, n_groups, n_options - n_groups)]
    )
    capped = generator.random(n_options) < generator.choice([0.0, 0.5, 1.0])
    weight = 10.0 ** generator.uniform(-1, 1, n_groups) * generator.choice([0.0, 1.0])
    has_history = generator.random(n_groups) < generator.choice([0.0, 0.5])
    return AllocationProblem(
        10.0 ** generator.uniform(-3, 3, (n_options, 1)),
        [10.0 ** generator.uniform(-2, 4)],
        10.0 ** generator.uniform(-3, 3, n_options),
        group=group,
        weight=dict(enumerate(np.where(weight > 0, weight, 1.0).tolist())),
        history=dict(
            enumerate(np.where(has_history, 10.0 ** generator.uniform(-3, 3, n_groups), 0.0))
        ),
        upper=np.where(capped, 10.0 ** generator.uniform(-2, 2, n_options), 1e9),
        group_utility="sum",
    )


def exact_utilities(problem: AllocationProblem, alpha: float) -> list[Decimal]:
    grouping = problem.grouping("groups")
    return optimal_utilities(
        np.asarray(problem.reward),
        np.asarray(problem.requests)[:, 0],
        problem.upper,
        grouping.of_option,
        grouping.weight,
        grouping.history,
        float(problem.budget[0]),
        alpha,
    )


def assert_close(found: np.ndarray, exact: list[Decimal]) -> None:
    expected = np.array([float(one) for one in exact])
    # What is nothing beside the others is nothing to any of them.
    matters = expected > 1e-200
    assert found[matters] == pytest.approx(expected[matters], rel=PRECISION, abs=0.0)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_alpha_fair_welfare_is_right_over_six_orders_of_magnitude(seed: int) -> None:
    generator = np.random.default_rng([5, seed])
    problem = wide_problem(generator)
    alpha = 1.0 if seed % 6 == 0 else float(10.0 ** generator.uniform(-2, 2))
    allocation = GroupAlphaFair(problem, alpha).solve(solver="auto")
    exact = exact_utilities(problem, alpha)
    assert (allocation.solver, allocation.route) == ("librex", "water_filling")
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.gap <= PRECISION
    assert_close(allocation.utility, exact)
    best = float(equivalent(exact, problem.grouping("groups").weight, alpha))
    assert allocation.equivalent == pytest.approx(best, rel=PRECISION)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_max_min_levels_are_right_over_six_orders_of_magnitude(seed: int) -> None:
    problem = wide_problem(np.random.default_rng([6, seed]))
    allocation = MaxMin(problem).solve(solver="auto")
    assert allocation.route == "water_filling"
    assert_close(allocation.utility, exact_utilities(problem, np.inf))
    # A hard budget leaves 1e-14 of itself; to somebody who lives on as little that is much.
    assert allocation.gap <= 1e-3
    assert all(one.bound == pytest.approx(one.value) for one in allocation.certificate.levels)


def test_the_reference_case_of_leximin() -> None:
    problem = AllocationProblem(
        np.ones((4, 1)), [60.0], np.ones(4), upper=[10.0, 10.05, 10.09, 100.0]
    )
    allocation = MaxMin(problem).solve(solver="auto")
    assert allocation.decision == pytest.approx([10.0, 10.05, 10.09, 29.86], rel=1e-12)
    assert allocation.levels == pytest.approx((10.0, 10.05, 10.09, 29.86), rel=1e-12)
    assert [one.settled for one in allocation.certificate.levels] == [(0,), (1,), (2,), (3,)]


def one_budget(seed: int) -> AllocationProblem:
    """Return a random problem of one budget that can be filled, with limits and minimums."""
    generator = np.random.default_rng([7, seed])
    while True:
        problem = random_problem(
            generator, n_resources=1, integer="none", infinite_budget=False, fairness=True
        )
        try:
            BudgetOnly(problem).solve(route="water_filling")
        except UnsolvableError:
            continue
        return problem


@pytest.mark.parametrize("seed", range(examples(300)))
def test_a_solver_finds_the_same_levels(seed: int) -> None:
    model = MaxMin(one_budget(seed))
    mine, other = model.solve(route="water_filling"), model.solve(solver="highs")
    if other.status is Status.INFEASIBLE:
        assert mine.status is Status.INFEASIBLE
        return
    assert mine.verdict is Verdict.OPTIMAL
    ours, theirs = np.sort(mine.utility), np.sort(other.utility)
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_a_solver_finds_the_same_welfare(seed: int, alpha: float) -> None:
    problem = one_budget(seed)
    history = dict.fromkeys(problem.groups, 0.5)
    model = GroupAlphaFair(problem.replace(history=history), alpha)
    mine, other = model.solve(route="water_filling"), model.solve(solver="highs")
    if other.status is Status.INFEASIBLE:
        assert mine.status is Status.INFEASIBLE
        return
    assert mine.verdict is Verdict.OPTIMAL
    assert mine.equivalent == pytest.approx(other.equivalent, rel=2e-6)


@pytest.mark.parametrize("seed", range(examples(100)))
def test_a_solver_finds_the_same_sum_of_rewards(seed: int) -> None:
    model = BudgetOnly(one_budget(seed))
    mine, other = model.solve(route="water_filling"), model.solve(solver="highs")
    assert mine.status is other.status
    if other.status is Status.OPTIMAL:
        assert mine.verdict is Verdict.OPTIMAL
        assert mine.objective == pytest.approx(other.objective, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0, 3.0, 30.0])
def test_the_price_is_what_a_unit_of_budget_is_worth(alpha: float) -> None:
    problem = AllocationProblem(
        [[2.0], [1.0], [0.5], [4.0]],
        [3.0],
        [1.0, 3.0, 0.7, 2.0],
        group=["a", "a", "b", "c"],
        history={"a": 0.3, "b": 0.1, "c": 1.0},
        upper=[1.0, 0.4, 9.0, 9.0],
    )
    step = 1e-5

    def welfare(budget: float) -> float:
        return GroupAlphaFair(problem.replace(budget=[budget]), alpha).solve().objective

    slope = (welfare(3.0 + step) - welfare(3.0 - step)) / (2 * step)
    assert GroupAlphaFair(problem, alpha).solve().price == pytest.approx([slope], rel=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", [1e-310, 1e-200, 1e-15])
def test_an_alpha_next_to_zero_is_as_good_as_zero(alpha: float) -> None:
    problem = AllocationProblem(
        [[1.0], [2.0], [4.0]], [5.0], [1.0, 1.7, 1.0], agent_weight=[1.0, 1.0, 3.0], upper=[3, 2, 9]
    )
    allocation = AlphaFair(problem, alpha).solve()
    assert allocation.decision == pytest.approx(AlphaFair(problem, 0.0).solve().decision)
    assert allocation.verdict is Verdict.OPTIMAL


def test_the_price_of_max_min_is_that_of_the_first_level() -> None:
    problem = AllocationProblem([[2.0], [1.0]], [3.0], [1.0, 2.0], upper=9.0)
    # A level of t costs 2 t and t / 2.
    assert MaxMin(problem).solve().price == pytest.approx([1 / 2.5])
    capped = problem.replace(upper=[0.5, 9.0])
    assert MaxMin(capped).solve().price == pytest.approx([0.0])


def test_ties_are_shared_alike() -> None:
    problem = AllocationProblem([[1.0], [2.0], [4.0]], [7.0], [1.0, 2.0, 3.0], upper=np.inf)
    allocation = AlphaFair(problem, 0.0).solve()
    assert allocation.route == "water_filling"
    assert allocation.allocated[:, 0] == pytest.approx([3.5, 3.5, 0.0])


def test_equally_good_options_of_a_group_are_shared_alike() -> None:
    problem = AllocationProblem(
        [[1.0], [1.0], [2.0]], [4.0], [1.0, 1.0, 2.0], group=["a", "a", "b"], upper=9.0
    )
    allocation = GroupAlphaFair(problem, 2.0).solve()
    assert allocation.decision[0] == allocation.decision[1] > 0


def test_an_agent_with_a_limit_moves_from_option_to_option() -> None:
    # One unit in all: the cheap option, the dear one, or some of each; the one between is never
    # worth it.
    problem = AllocationProblem(
        [[1.0], [2.0], [3.0]], [2.0], [4.0, 5.0, 8.0], agent=["a"] * 3, agent_limit=1.0
    )
    allocation = BudgetOnly(problem).solve(route="water_filling")
    assert allocation.decision == pytest.approx([0.5, 0.0, 0.5])
    assert allocation.verdict is Verdict.OPTIMAL


def test_what_costs_nothing_is_given_whatever_the_budget() -> None:
    problem = AllocationProblem([[0.0], [1.0]], [0.0], [2.0, 1.0], upper=3.0, group=["a", "b"])
    allocation = AlphaFair(problem, 0.5).solve()
    assert allocation.route == "water_filling"
    assert allocation.decision == pytest.approx([3.0, 0.0])


@pytest.mark.parametrize("model", [MaxMin, lm.Proportional, BudgetOnly])
def test_without_resources_everybody_gets_all(model: Callable[..., lm.Model]) -> None:
    problem = AllocationProblem(np.zeros((2, 0)), [], [1.0, 2.0], upper=[1.0, 3.0])
    allocation = model(problem).solve(route="water_filling")
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.decision == pytest.approx([1.0, 3.0])


def test_a_budget_is_spent_to_the_last_bit_beside_large_histories() -> None:
    # What the budget adds to the utilities is lost in their roundings.
    problem = AllocationProblem(
        [[1.0], [1.0]], [1.0], [1e-6, 1e-6], agent_history={0: 1e9, 1: 1e9}, upper=9.0
    )
    allocation = AlphaFair(problem, 2.0).solve()
    assert allocation.allocated.sum() == pytest.approx(1.0, rel=1e-14)
    assert allocation.verdict is Verdict.OPTIMAL


def test_two_budgets_that_bind_are_left_to_a_solver() -> None:
    problem = AllocationProblem([[1.0, 2.0], [2.0, 1.0]], [1.0, 1.0], [1.0, 1.0])
    assert AlphaFair(problem, 2.0).solve(solver="auto").solver != "librex"
    with pytest.raises(UnsolvableError, match="more than one budget can bind"):
        AlphaFair(problem, 2.0).solve(route="water_filling")


def test_a_second_budget_that_cannot_bind_is_no_obstacle() -> None:
    problem = AllocationProblem([[1.0, 2.0], [2.0, 1.0]], [1.0, 3.5], [1.0, 1.0])
    allocation = AlphaFair(problem, 1.0).solve(solver="auto")
    assert allocation.route == "water_filling"
    assert allocation.decision == pytest.approx([0.5, 0.25])
    assert allocation.price == pytest.approx([2.0, 0.0])


def test_whole_decisions_are_not_filled() -> None:
    problem = AllocationProblem([[1.0]], [1.0], [1.0], integer=True)
    with pytest.raises(UnsolvableError, match="decisions are whole"):
        MaxMin(problem).solve(route="water_filling")


def test_bounds_beside_a_limit_are_not_filled() -> None:
    problem = AllocationProblem(
        [[1.0], [1.0]], [1.0], [1.0, 2.0], agent=["a", "a"], upper=[0.6, 1.0], agent_limit=1.0
    )
    with pytest.raises(UnsolvableError, match="option 0 has bounds of its own"):
        BudgetOnly(problem).solve(route="water_filling")


def test_a_solver_that_is_named_is_the_one_that_is_asked() -> None:
    problem = AllocationProblem([[1.0]], [1.0], [1.0])
    assert MaxMin(problem).solve(solver="scip").solver == "scip"


def test_a_form_that_is_asked_for_is_the_one_that_is_solved() -> None:
    problem = AllocationProblem([[1.0], [2.0]], [1.0], [1.0, 1.0])
    allocation = MaxMin(problem).solve(solver="auto", form="pyomo")
    assert (allocation.solver, allocation.form) == ("highs", "pyomo")


def test_a_session_is_filled_again_with_what_is_written() -> None:
    problem = AllocationProblem([[1.0], [2.0]], [1.0], [1.0, 1.0], upper=9.0)
    with AlphaFair(problem, 2.0).open(solver="auto") as session:
        first = session.solve()
        session.write(budget=[3.0])
        second = session.solve()
        assert second.route == "water_filling"
        assert second.utility == pytest.approx(3.0 * first.utility)
        assert (session.updates_in_place, session.rebuilds) == (1, 0)


def test_filling_rebuilds_nothing_where_that_is_forbidden() -> None:
    problem = AllocationProblem([[1.0], [2.0]], [1.0], [1.0, 1.0], upper=9.0)
    with AlphaFair(problem, 2.0).open(solver="auto", forbid_rebuild=True) as session:
        session.solve()
        session.write(budget=[3.0])
        assert session.solve().route == "water_filling"


def test_numbers_that_cannot_be_filled_go_to_a_solver_and_the_attempts_say_so() -> None:
    problem = AllocationProblem([[1.0, 2.0], [2.0, 1.0]], [1.0, 3.5], [1.0, 1.0])
    with AlphaFair(problem, 2.0).open(solver="auto") as session:
        assert session.solve().solver == "librex"
        session.write(budget=[1.0, 1.0])
        allocation = session.solve()
    assert allocation.solver != "librex"
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.attempts[0].solver == "librex"
    assert "more than one budget can bind" in allocation.attempts[0].message


def test_lower_bounds_beyond_the_budget_are_infeasible() -> None:
    problem = AllocationProblem([[1.0], [2.0]], [1.0], [1.0, 1.0], lower=0.5, upper=9.0)
    for model in (AlphaFair(problem, 2.0), MaxMin(problem)):
        allocation = model.solve()
        assert allocation.verdict is Verdict.INFEASIBLE
        assert [attempt.solver for attempt in allocation.attempts] == ["librex"]
        assert "the lower bounds alone exceed the budget" in allocation.certificate.sentence


def test_minimums_beyond_the_budget_are_left_to_a_solver() -> None:
    problem = AllocationProblem([[1.0], [2.0]], [1.0], [1.0, 1.0], agent_minimum=0.5)
    allocation = AlphaFair(problem, 2.0).solve()
    assert allocation.verdict is Verdict.INFEASIBLE
    assert allocation.attempts[0].solver == "librex"


@pytest.mark.filterwarnings("error")
def test_welfare_beyond_the_range_of_numbers_warns_nobody() -> None:
    problem = AllocationProblem([[1.0]], [3.0], [7e-4], lower=0.0, upper=1.0)
    allocation = AlphaFair(problem, 100.0).solve()
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.equivalent == pytest.approx(7e-4)


def test_the_plan_says_that_no_solver_is_needed() -> None:
    problem = AllocationProblem([[1.0]], [1.0], [1.0])
    chosen = lm.plan(MaxMin(problem), solver="auto").chosen
    assert chosen is not None
    assert (chosen.solver, chosen.route) == ("librex", "water_filling")
