"""Corners, and solving again.

Nothing to give, nothing to earn, sizes far apart, rules that leave no room; then sessions that are
written to, whose answers are those of a fresh solve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from librex_models.allocation import Allocation
from librex_models.errors import (
    NoAllocationError,
    ParameterError,
    ProblemError,
    ShapeError,
)
from librex_models.model import Model
from librex_models.models import AlphaFair, BudgetOnly, GroupAlphaFair, MaxMin, Proportional
from librex_models.problem import AllocationProblem
from librex_models.verification import Verdict
from solvers import Status
from tests.random_examples import examples
from tests.random_problems import random_problem
from tests.test_random_answers import (
    Linear,
    best_equivalent,
    check_infeasible,
    check_proof,
    check_rules,
    close,
    dense_requests,
    each_random_problem,
    equivalent,
    exact_optimum,
    total_reward,
    utilities,
    whole_decisions,
    worst_utility,
)

Floats = npt.NDArray[np.float64]
Build = Callable[[AllocationProblem], Model]

LINEAR: dict[str, tuple[Build, Linear]] = {
    "budget_only": (BudgetOnly, Linear(kind="total")),
    "max_min": (partial(MaxMin, lexicographic=False), Linear(kind="worst")),
    "weighted_sum": (partial(GroupAlphaFair, alpha=0.0), Linear(kind="weighted")),
}
FAMILIES: dict[str, Build] = {
    **{name: build for name, (build, _) in LINEAR.items()},
    "half": partial(AlphaFair, alpha=0.5),
    "proportional": Proportional,
    "two": partial(GroupAlphaFair, alpha=2.0),
    "twenty": partial(AlphaFair, alpha=20.0),
}
NEEDS_EVERYBODY = ("proportional", "two", "twenty")


# Nothing to give, nothing to earn.


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_without_a_budget_everybody_gets_nothing(name: str, integer: bool) -> None:
    problem = AllocationProblem([[1.0], [2.0]], [0.0], [1.0, 1.0], integer=integer)
    if name in NEEDS_EVERYBODY:
        with pytest.raises(ParameterError, match="cannot earn"):
            FAMILIES[name](problem).solve()
        return
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision.tolist() == [0.0, 0.0]
    assert allocation.objective == 0.0
    assert allocation.bound == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_without_a_budget_history_remains(name: str, integer: bool) -> None:
    """With a history everybody has a welfare, whatever is handed out."""
    history: dict[str, Any] = {
        "history" if name in ("proportional", "two", "max_min") else "agent_history": [1.0, 4.0]
    }
    problem = AllocationProblem([[1.0], [2.0]], [0.0], [1.0, 1.0], integer=integer, **history)
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_without_rewards_nothing_is_gained(name: str, integer: bool) -> None:
    problem = AllocationProblem([[1.0], [2.0]], [2.0], [0.0, 0.0], integer=integer)
    if name in NEEDS_EVERYBODY:
        with pytest.raises(ParameterError, match="cannot earn"):
            FAMILIES[name](problem).solve()
        return
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.objective == 0.0
    assert allocation.bound == 0.0


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_one_agent_gets_what_fits(name: str, integer: bool) -> None:
    problem = AllocationProblem([[2.0]], [3.0], [5.0], integer=integer)
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision == pytest.approx([1.0], rel=1e-7)
    assert allocation.equivalent == pytest.approx(5.0, rel=1e-7)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_agent_gets_the_part_that_the_budget_allows(name: str) -> None:
    problem = AllocationProblem([[4.0]], [3.0], [5.0])
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision == pytest.approx([0.75], rel=1e-7)


@pytest.mark.parametrize("name", ["budget_only", "max_min", "weighted_sum", "half"])
def test_a_whole_option_larger_than_the_budget_is_left_out(name: str) -> None:
    problem = AllocationProblem([[4.0], [1.0]], [3.0], [5.0, 1.0], integer=True)
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision[0] == 0.0
    if name != "max_min":
        assert allocation.decision[1] == 1.0


@pytest.mark.parametrize("name", FAMILIES)
def test_infinite_upper_bounds(name: str) -> None:
    problem = AllocationProblem([[1.0], [1.0]], [10.0], [1.0, 1.0], upper=np.inf)
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.utility.sum() == pytest.approx(10.0, rel=1e-7)
    if name not in ("budget_only", "weighted_sum"):
        assert allocation.decision == pytest.approx([5.0, 5.0], rel=1e-3)


@pytest.mark.parametrize("name", LINEAR)
def test_infinite_upper_bounds_of_whole_decisions(name: str) -> None:
    problem = AllocationProblem([[1.0], [1.0]], [9.0], [1.0, 2.0], upper=np.inf, integer=True)
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    expected = {"budget_only": 18.0, "max_min": 6.0, "weighted_sum": 18.0}
    assert allocation.objective == expected[name]


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_infinite_budgets_bind_nothing(name: str, integer: bool) -> None:
    problem = AllocationProblem(
        [[1.0, 1.0], [1.0, 1.0]], [np.inf, np.inf], [1.0, 3.0], integer=integer
    )
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision[0] == pytest.approx(1.0, rel=1e-6)
    # For the worst off, and nearly so for a large alpha, only the first option counts.
    if name not in ("max_min", "twenty"):
        assert allocation.decision[1] == pytest.approx(1.0, rel=1e-6)
    if allocation.price is not None:
        assert allocation.price == pytest.approx([0.0, 0.0], abs=0.0)


# Sizes far apart.


def far_apart(generator: np.random.Generator, integer: bool) -> AllocationProblem:
    """Return a problem with 1e-9 beside 1e9 in requests, budgets or rewards."""
    n, n_resources = int(generator.integers(1, 7)), int(generator.integers(1, 4))

    def spread(*shape: int) -> Floats:
        return 10.0 ** generator.uniform(-9.0, 9.0, shape)

    def usual(*shape: int) -> Floats:
        return generator.uniform(0.1, 2.0, shape)

    kind = int(generator.integers(5))
    requests = {0: usual, 1: spread}.get(kind % 2, usual)(n, n_resources)
    if kind == 2:
        # One unit for every resource and one for every option, however far apart.
        requests = usual(n, n_resources) * spread(1, n_resources) * spread(n, 1)
    budget = requests.sum(axis=0) * generator.uniform(0.2, 0.8, n_resources)
    if kind == 3:
        budget = spread(n_resources)
    reward = spread(n) if kind == 4 else usual(n)
    return AllocationProblem(requests, budget, reward, integer=integer)


@pytest.mark.parametrize("name", LINEAR)
def test_fractional_answers_hold_where_sizes_are_far_apart(name: str) -> None:
    build, welfare = LINEAR[name]

    def check(problem: AllocationProblem) -> None:
        best = exact_optimum(problem, welfare)
        assert best is not None
        allocation = build(problem).solve()
        check_proof(allocation)
        found = allocation.objective
        assert close(found, float(best), 1e-6), f"best {float(best)!r}, found {found!r}"
        assert allocation.bound >= float(best) * (1 - 1e-12)

    each_random_problem(150, 61, partial(far_apart, integer=False), check)


@pytest.mark.parametrize("name", ["budget_only", "max_min"])
def test_whole_answers_hold_where_sizes_are_far_apart(name: str) -> None:
    def check(problem: AllocationProblem) -> None:
        decisions = whole_decisions(problem)
        if name == "budget_only":
            worth = total_reward(problem, decisions)
        else:
            worth = worst_utility(problem, decisions, "groups")
        best = float(worth.max())
        allocation = LINEAR[name][0](problem).solve()
        check_rules(allocation)
        assert allocation.status is Status.OPTIMAL
        # Where the best is 0 beside rewards of 1e9, the solver's bound proves nothing.
        if best > 0:
            check_proof(allocation)
        assert close(allocation.objective, best, 1.01e-6), (
            f"best {best!r}, {allocation.objective!r}"
        )
        assert allocation.bound >= best

    each_random_problem(150, 62, partial(far_apart, integer=True), check)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 20.0])
def test_fractional_alpha_fair_answers_hold_where_sizes_are_far_apart(alpha: float) -> None:
    def check(problem: AllocationProblem) -> None:
        allocation = AlphaFair(problem, alpha).solve()
        check_proof(allocation)
        # One unit for each resource: the same problem with budgets of 1, for the oracle.
        requests = dense_requests(problem) / problem.budget
        scaled = problem.replace(requests=requests, budget=np.ones(problem.n_resources))
        utility = utilities(problem, "agents", allocation.decision[np.newaxis])[0]
        found = float(equivalent(problem.agent_weight, utility, alpha))
        bound, best = best_equivalent(scaled, "agents", alpha, utility, found * (1 + 1e-6))
        assert best <= found * (1 + 1e-6), f"found {found!r}, a better point has {best!r}"
        assert bound <= found * (1 + 1e-5), f"found {found!r}, at most {bound!r}: not decided"

    def draw(generator: np.random.Generator) -> AllocationProblem:
        n, n_resources = int(generator.integers(1, 6)), int(generator.integers(1, 3))
        unit = 10.0 ** generator.uniform(-9.0, 9.0, n_resources)
        requests = generator.uniform(0.1, 2.0, (n, n_resources)) * unit
        budget = requests.sum(axis=0) * generator.uniform(0.2, 0.8, n_resources)
        reward = generator.uniform(0.1, 2.0, n) * 10.0 ** generator.uniform(-9.0, 9.0)
        return AllocationProblem(requests, budget, reward)

    each_random_problem(30, 63, draw, check)


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("budget", [5e-324, 1e-310, 1e-300])
def test_a_budget_of_next_to_nothing_is_a_budget(budget: float, name: str, integer: bool) -> None:
    problem = AllocationProblem([[1.7], [2.6]], [budget], [1.0, 2.0], integer=integer)
    allocation = LINEAR[name][0](problem).solve()
    assert allocation.status is Status.OPTIMAL
    check_rules(allocation)
    assert allocation.objective <= 4 * budget


# Rules that leave no room.

# Everybody asks for more than there is; what proves it for fractional and for whole decisions.
IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "minimum above the budget": ({"agent_minimum": 1.0, "budget": [1.5]}, "multipliers"),
    "minimums of one agent": (
        {"agent": ["a", "a"], "agent_minimum": 2.0, "agent_limit": 2.0, "budget": [1.5]},
        "multipliers",
    ),
    "minimum beyond the bounds": (
        {"agent": ["a", "a"], "agent_minimum": 2.0, "agent_limit": 3.0, "upper": 0.5},
        "arithmetic",
    ),
    "lower bounds above the limit": (
        {"agent": ["a", "a"], "lower": 1.0, "agent_limit": 1.5},
        "arithmetic",
    ),
    "lower bounds above the budget": ({"lower": 1.0, "budget": [1.5]}, "arithmetic"),
    "lower bounds a last bit above the budget": (
        {"requests": [[0.1], [0.2]], "lower": 1.0, "budget": [0.3]},
        "arithmetic",
    ),
}


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_is_impossible_is_proven_so(case: str, name: str, integer: bool) -> None:
    changes, proof = IMPOSSIBLE[case]
    arguments: dict[str, Any] = {"requests": [[1.0], [1.0]], "budget": [9.0], "reward": [1.0, 1.0]}
    problem = AllocationProblem(**(arguments | {"integer": integer} | changes))
    allocation = FAMILIES[name](problem).solve()
    check_infeasible(allocation)
    assert allocation.verdict is Verdict.INFEASIBLE
    assert proof in allocation.certificate.sentence
    with pytest.raises(NoAllocationError):
        _ = allocation.decision


@pytest.mark.parametrize("case", IMPOSSIBLE)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_what_is_impossible_is_impossible_for_alpha_fairness(case: str, alpha: float) -> None:
    changes, _ = IMPOSSIBLE[case]
    arguments: dict[str, Any] = {"requests": [[1.0], [1.0]], "budget": [9.0], "reward": [1.0, 1.0]}
    problem = AllocationProblem(**(arguments | changes))
    allocation = AlphaFair(problem, alpha).solve()
    check_infeasible(allocation)
    assert allocation.verdict is Verdict.INFEASIBLE


def test_minimums_that_only_whole_decisions_cannot_meet() -> None:
    # Half of each would do; whole ones take 2 of 1.5, or 0.
    problem = AllocationProblem(
        [[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5], [1.0, 1.0], agent=["a", "a"], agent_minimum=1.0
    )
    assert BudgetOnly(problem).solve().decision == pytest.approx([0.5, 0.5], rel=1e-9)
    check_infeasible(BudgetOnly(problem.replace(integer=True)).solve())


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_exactly_one_option_each(name: str, integer: bool) -> None:
    problem = AllocationProblem(
        [[3.0], [1.0], [2.0], [1.0]],
        [4.0],
        [3.0, 1.0, 4.0, 2.0],
        agent=["a", "a", "b", "b"],
        agent_minimum=1.0,
        agent_limit=1.0,
        integer=integer,
    )
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    decision = allocation.decision
    assert decision[:2].sum() == pytest.approx(1.0, abs=1e-6)
    assert decision[2:].sum() == pytest.approx(1.0, abs=1e-6)
    if integer:
        # (a's 3, b's 1), (a's 1, b's 2) and (a's 1, b's 1) fit.
        best = {
            "budget_only": 5.0,
            "max_min": 2.0,
            "weighted_sum": 2.5,
            "half": ((math.sqrt(3.0) + math.sqrt(2.0)) / 2) ** 2,
            "proportional": math.sqrt(6.0),
            "two": 2 / (1 / 3 + 1 / 2),
            "twenty": ((3.0**-19 + 2.0**-19) / 2) ** (-1 / 19),
        }
        assert allocation.equivalent == pytest.approx(best[name], rel=1e-9)


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_decisions_that_are_fixed(name: str, integer: bool) -> None:
    lower = [1.0, 2.0] if integer else [0.1, 0.2]
    problem = AllocationProblem(
        [[0.1], [0.1]], [0.5], [1.0, 3.0], lower=lower, upper=lower, integer=integer
    )
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    assert allocation.decision.tolist() == lower


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_many_duplicates(name: str, integer: bool) -> None:
    """A degenerate program: twenty options that are all the same, and two budgets that are."""
    n = 20
    before = "agent_history" if name in ("half", "twenty") else "history"
    history: dict[str, Any] = {before: np.ones(n)}
    problem = AllocationProblem(np.ones((n, 2)), [7.0, 7.0], np.ones(n), integer=integer, **history)
    allocation = FAMILIES[name](problem).solve()
    check_proof(allocation)
    fractional = {"budget_only": 7.0, "max_min": 1.35, "weighted_sum": 1.35}
    expected = fractional.get(name, 1.35)
    if integer and name != "budget_only":
        alpha = {"weighted_sum": 0.0, "half": 0.5, "proportional": 1.0, "two": 2.0, "twenty": 20.0}
        utility = np.repeat([1.0, 2.0], [13, 7])
        expected = 1.0
        if name != "max_min":
            expected = float(equivalent(np.ones(n), utility, alpha[name]))
    assert allocation.equivalent == pytest.approx(expected, rel=1e-6)


def test_zero_columns_and_rows() -> None:
    """An option that uses nothing is taken for free; a resource that nobody uses binds nobody."""
    problem = AllocationProblem([[0.0, 0.0], [1.0, 0.0]], [0.5, 0.0], [1.0, 1.0])
    allocation = BudgetOnly(problem).solve()
    check_proof(allocation)
    assert allocation.decision == pytest.approx([1.0, 0.5], rel=1e-13)
    assert allocation.price is not None
    assert allocation.price[0] == pytest.approx(1.0)


# Sessions: writing and solving again gives what a fresh solve gives.

ANY_SESSION: dict[str, tuple[Build, bool]] = {
    **{f"{name}-fractional": (FAMILIES[name], False) for name in FAMILIES},
    **{f"{name}-whole": (FAMILIES[name], True) for name in FAMILIES},
}


def session_problem(generator: np.random.Generator, name: str) -> AllocationProblem:
    """Return a problem whose every family can be solved, also after writes."""
    whole = ANY_SESSION[name][1]
    problem = random_problem(
        generator,
        integer="all" if whole else "none",
        fairness=True,
        several_agents=False,
        limits="default",
        bounds=False,
        minimums=False,
        history=False,
        infinite_budget=False,
    )
    agent_history = generator.uniform(0.5, 2.0, problem.n_agents)
    if name.split("-")[0] in ("half", "twenty"):
        return problem.replace(agent_history=agent_history)
    return problem.replace(history=agent_history)


def same_answer(again: Allocation, fresh: Allocation) -> None:
    """Assert that two answers to one problem agree: verdicts, and values within the gap."""
    assert again.problem == fresh.problem
    assert again.status is fresh.status, f"{again!r}, fresh {fresh!r}"
    assert again.verdict is fresh.verdict, f"{again!r}, fresh {fresh!r}"
    if fresh.has_point:
        check_proof(again)
        scale = float(
            np.abs(fresh.problem.reward if fresh.problem.reward is not None else 0.0).sum()
        )
        assert close(again.equivalent, fresh.equivalent, 2e-6, scale), f"{again!r}, {fresh!r}"


@pytest.mark.parametrize("form", ["arrays", "pyomo", "cvxpy"])
@pytest.mark.parametrize("name", ANY_SESSION)
def test_writing_and_solving_again_is_a_fresh_solve(name: str, form: str) -> None:
    build, _ = ANY_SESSION[name]

    def check(problem: AllocationProblem) -> None:
        generator = np.random.default_rng([71, problem.n_options, problem.n_resources])
        assert problem.reward is not None
        first = {"reward": problem.reward, "budget": problem.budget}
        with build(problem).open(form=form) as session:
            present = problem
            same_answer(session.solve(), build(problem).solve())
            for step in range(5):
                size = 10.0 ** generator.uniform(-3.0, 3.0) if step == 2 else 1.0
                written: dict[str, Floats] = {
                    "reward": generator.uniform(0.1, 2.0, problem.n_options) * size,
                    "budget": problem.budget * generator.uniform(0.3, 1.5)
                    + generator.uniform(0.0, 0.5),
                }
                if step == 1:
                    del written["budget"]
                if step == 3:
                    del written["reward"]
                if step == 4:
                    written = first
                session.write(**written)
                present = present.replace(**written)
                same_answer(session.solve(), build(present).solve())

    each_random_problem(8, 71, partial(session_problem, name=name), check)


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", FAMILIES)
def test_an_infeasible_step_leaves_nothing_behind(name: str, integer: bool) -> None:
    before_name = "agent_history" if name in ("half", "twenty") else "history"
    history: dict[str, Any] = {before_name: [1.0, 1.0, 1.0]}
    problem = AllocationProblem(
        [[1.0], [1.0], [2.0]],
        [3.0],
        [1.0, 2.0, 3.0],
        agent_minimum=[1.0, 0.0, 0.0],
        agent_limit=[1.0, 1.0, 1.0],
        integer=integer,
        **history,
    )
    build = FAMILIES[name]
    with build(problem).open() as session:
        before = session.solve()
        for _ in range(2):
            session.write(budget=[0.5])
            impossible = session.solve()
            check_infeasible(impossible)
            assert impossible.verdict is Verdict.INFEASIBLE
            session.write(budget=[3.0])
            same_answer(session.solve(), before)
        session.write(budget=[2.5], reward=[2.0, 2.0, 0.5])
        fresh = build(problem.replace(budget=[2.5], reward=[2.0, 2.0, 0.5])).solve()
        same_answer(session.solve(), fresh)


def test_writes_add_up_until_the_next_solve() -> None:
    problem = AllocationProblem([[1.0], [1.0]], [1.0], [1.0, 2.0])
    with BudgetOnly(problem).open() as session:
        session.solve()
        session.write(budget=[0.5])
        session.write(reward=[3.0, 2.0])
        same_answer(
            session.solve(), BudgetOnly(problem.replace(budget=[0.5], reward=[3.0, 2.0])).solve()
        )


def test_a_limit_leaves_nothing_behind() -> None:
    generator = np.random.default_rng(72)
    requests = generator.integers(10, 100, (40, 5)).astype(np.float64)
    problem = AllocationProblem(
        requests, requests.sum(axis=0) // 2, requests.sum(axis=1) + 10.0, integer=True
    )
    with BudgetOnly(problem).open(node_limit=0) as session:
        stopped = session.solve()
        assert stopped.limit is not None
        assert stopped.status in (Status.FEASIBLE, Status.NO_SOLUTION_FOUND)
        assert stopped.verdict in (Verdict.FEASIBLE, Verdict.UNDECIDED, Verdict.OPTIMAL)
        session.write(budget=np.full(5, 120.0))
        small = session.solve()
        assert (
            small.bound >= BudgetOnly(problem.replace(budget=np.full(5, 120.0))).solve().objective
        )
        session.write(budget=np.full(5, np.inf))
        same_answer(session.solve(), BudgetOnly(problem.replace(budget=np.full(5, np.inf))).solve())


def test_a_time_limit_leaves_nothing_behind_for_linear_programs() -> None:
    problem = AllocationProblem([[2.0], [1.0]], [2.0], [3.0, 2.0])
    with BudgetOnly(problem).open(time_limit_seconds=5.0) as session:
        for step in range(50):
            session.write(budget=[1.0 + step / 50])
            check_proof(session.solve())


BAD_WRITES: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "wrong shape": ({"reward": [1.0]}, ShapeError),
    "not a number": ({"reward": [1.0, np.nan]}, ParameterError),
    "infinite reward": ({"reward": [1.0, np.inf]}, ParameterError),
    "negative budget": ({"budget": [-1.0]}, ParameterError),
    "unknown name": ({"reward": [5.0, 5.0], "rewards": [1.0, 1.0]}, ParameterError),
    "good reward, bad budget": ({"reward": [5.0, 5.0], "budget": [np.nan]}, ParameterError),
    "good budget, bad reward": ({"budget": [9.0], "reward": ["a", "b"]}, ParameterError),
    "unknown label": ({"budget": {"nothing": 1.0}}, ProblemError),
}


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", ["budget_only", "max_min", "proportional"])
@pytest.mark.parametrize("case", BAD_WRITES)
def test_a_bad_write_changes_nothing(case: str, name: str, integer: bool) -> None:
    written, error = BAD_WRITES[case]
    problem = AllocationProblem(
        [[1.0], [1.0]], [1.0], [1.0, 2.0], history=[1.0, 1.0], integer=integer
    )
    with FAMILIES[name](problem).open() as session:
        before = session.solve()
        with pytest.raises((error, ProblemError, ParameterError, ShapeError)) as caught:
            session.write(**written)
        assert str(caught.value)
        counts = (session.updates_in_place, session.rebuilds)
        again = session.solve()
        assert again == before
        assert (session.updates_in_place, session.rebuilds) == counts


def test_negative_rewards_are_refused_by_families_that_compare_utilities() -> None:
    problem = AllocationProblem([[1.0], [1.0]], [1.0], [1.0, 2.0])
    with BudgetOnly(problem).open() as session:
        session.write(reward=[-1.0, 1.0])
        assert session.solve().decision == pytest.approx([0.0, 1.0], rel=1e-13)
    for name in ("max_min", "weighted_sum", "proportional"):
        with FAMILIES[name](problem).open() as session:
            before = session.solve()
            with pytest.raises(ParameterError, match="negative"):
                session.write(reward=[-1.0, 1.0])
            same_answer(session.solve(), before)


def test_the_same_question_has_the_same_answer_twice() -> None:
    for index in range(examples(100)):
        generator = np.random.default_rng([73, index])
        problem = random_problem(generator)
        first, second = BudgetOnly(problem).solve(), BudgetOnly(problem).solve()
        assert first == second, f"seed {[73, index]}"


def test_exact_optimum_of_the_oracle_is_right_on_a_hand_worked_program() -> None:
    """The oracle itself: rewards 3 and 2, requests 2 and 1, budget 2: (1/2, 1)."""
    problem = AllocationProblem([[2.0], [1.0]], [2.0], [3.0, 2.0])
    assert exact_optimum(problem) == Fraction(7, 2)
    assert exact_optimum(problem, Linear(kind="worst")) == Fraction(12, 7)
    assert exact_optimum(problem.replace(agent_minimum=[1.0, 1.0])) is None
    assert exact_optimum(problem.replace(agent_minimum=[0.75, 0.0])) == Fraction(13, 4)
