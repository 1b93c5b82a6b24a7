"""Hard budgets: nothing that is handed out exceeds a budget, not by a rounding error.

Requests such as .1, .2 and .3 against budgets that are their sums are where solvers and doubles
disagree. The best whole decision under the exact rule is enumerated, or found by a dynamic program
over exact sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest

from librex_models.allocation import Allocation
from librex_models.model import Model
from librex_models.models import BudgetOnly, GroupAlphaFair, MaxMin, Proportional
from librex_models.problem import AllocationProblem
from librex_models.routes import solving
from librex_models.routes.hard_budgets import tightened
from librex_models.verification import Verdict, broken_budgets, scaled_back
from solvers import Block, Status
from tests.random_examples import examples
from tests.random_problems import random_problem
from tests.test_program import program_of
from tests.test_random_answers import (
    check_mixed,
    check_proof,
    close,
    dense_requests,
    each_random_problem,
    exact_use,
    keeps_every_rule,
    total_reward,
    whole_decisions,
)

Floats = npt.NDArray[np.float64]


def check_handed_out(allocation: Allocation) -> None:
    """Assert that sums in every order keep the budgets, taken for what they are in doubles."""
    problem, decision, handed_out = allocation.problem, allocation.decision, allocation.allocated
    assert (handed_out.sum(axis=0) <= problem.budget).all(), "allocated.sum(axis=0)"
    for k, budget in enumerate(problem.budget.tolist()):
        assert math.fsum(handed_out[:, k].tolist()) <= budget, f"fsum of resource {k}"
        if budget < math.inf:
            used = exact_use(problem, decision.tolist(), k)
            assert used <= Fraction(budget), f"exact sum of resource {k}"
            # What is handed out is what was asked for, but for roundings.
            assert abs(handed_out[:, k].sum() - float(used)) <= 1e-13 * float(used)
    if not problem.integer.any():
        assert (np.asarray(problem.requests.T @ decision) <= problem.budget).all(), "requests.T @ x"


# Fractional decisions.


def linear_models(problem: AllocationProblem) -> list[Model]:
    models: list[Model] = [BudgetOnly(problem)]
    assert problem.reward is not None
    if (problem.reward >= 0).all():
        models += [MaxMin(problem, lexicographic=False), GroupAlphaFair(problem, 0.0)]
    return models


def test_fractional_decisions_keep_budgets_in_every_order_of_summation() -> None:
    def check(problem: AllocationProblem) -> None:
        for model in linear_models(problem):
            allocation = model.solve()
            if allocation.has_point:
                check_proof(allocation)
                check_handed_out(allocation)

    def draw(generator: np.random.Generator) -> AllocationProblem:
        return random_problem(
            generator, integer="none", tight=True, fairness=bool(generator.integers(2))
        )

    each_random_problem(300, 41, draw, check)


@pytest.mark.parametrize("n_options", [60, 1000])
def test_fractional_decisions_of_many_options_keep_budgets(n_options: int) -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        kind = int(generator.integers(3))
        requests = generator.integers(1, 10, (n_options, 4)) / 10
        if kind == 1:
            requests = generator.uniform(0.0, 1.0, (n_options, 4))
        if kind == 2:
            requests = 10.0 ** generator.uniform(-6.0, 6.0, (n_options, 4))
        return AllocationProblem(
            requests,
            requests.sum(axis=0) * generator.choice([0.1, 0.5, 1.0], 4),
            generator.uniform(0.0, 1.0, n_options),
            agent=generator.integers(0, n_options // 3, n_options).tolist(),
            agent_limit=np.inf,
        )

    def check(problem: AllocationProblem) -> None:
        for model in linear_models(problem)[:1]:
            allocation = model.solve()
            check_proof(allocation)
            check_handed_out(allocation)

    each_random_problem(60, 42, draw, check)


def test_proportional_decisions_keep_budgets() -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        size = int(generator.integers(2, 9))
        requests = generator.integers(1, 10, (size, 2)) / 10
        budget = np.round(requests.sum(axis=0) * generator.choice([0.3, 0.5, 1.0], 2), 1)
        return AllocationProblem(requests, budget + 0.1, generator.integers(1, 10, size) / 10)

    def check(problem: AllocationProblem) -> None:
        allocation = Proportional(problem).solve()
        check_proof(allocation)
        check_handed_out(allocation)

    each_random_problem(60, 43, draw, check)


def test_scaling_back_loses_next_to_nothing() -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        size = int(generator.integers(1, 40))
        requests = generator.integers(0, 10, (size, 3)) / 10
        return AllocationProblem(
            requests,
            np.zeros(3),
            upper=3.0,
            lower=generator.integers(0, 2, size) / 10,
            integer=(generator.integers(0, 3, size) == 0) & bool(generator.integers(2)),
        )

    def check(problem: AllocationProblem) -> None:
        generator = np.random.default_rng([44, problem.n_options])
        drawn = generator.uniform(problem.lower, problem.upper)
        decision = np.where(problem.integer, np.ceil(drawn), drawn)
        used = [exact_use(problem, decision.tolist(), k) for k in range(3)]
        # Budgets are the sums, rounded, and a few last bits less.
        for bits in (0, 1, 4):
            budget = np.array([float(amount) for amount in used])
            for _ in range(bits):
                budget = np.nextafter(budget, 0.0)
            tight = problem.replace(budget=budget)
            movable = ~problem.integer & (decision > problem.lower)
            found, broken = scaled_back(tight, decision)
            exceeded = [
                exact_use(tight, found.tolist(), k) > Fraction(float(budget[k])) for k in range(3)
            ]
            assert broken.tolist() == exceeded
            assert broken_budgets(tight, found).tolist() == exceeded
            assert (found[~movable] == decision[~movable]).all()
            assert (found >= problem.lower).all()
            assert (found <= decision).all()
            uses_movable = (dense_requests(problem)[movable] > 0).any(axis=0)
            if not (broken & uses_movable).any():
                assert (found >= decision * (1 - 1e-12) - 1e-12).all()
                lost = np.asarray(problem.requests.T @ (decision - found))
                room = np.array([float(amount) for amount in used]) * 1e-12 + 1e-300
                assert (lost <= room).all()

    each_random_problem(400, 44, draw, check)


@pytest.mark.parametrize("excess", [1e-15, 1e-12, 1e-9, 1e-7])
def test_scaling_back_takes_no_more_than_was_too_much(excess: float) -> None:
    for index in range(examples(100)):
        generator = np.random.default_rng([45, index])
        size = int(generator.integers(1, 30))
        requests = generator.uniform(0.1, 1.0, (size, 2))
        decision = generator.uniform(0.1, 0.9, size)
        problem = AllocationProblem(requests, requests.T @ decision / (1 + excess))
        found, broken = scaled_back(problem, decision)
        assert not broken.any(), f"seed {[45, index]}"
        assert (found >= decision * (1 - excess) * (1 - 1e-12)).all(), f"seed {[45, index]}"
        for k in range(2):
            assert exact_use(problem, found.tolist(), k) <= Fraction(float(problem.budget[k]))


# Whole decisions.


def tight_whole(generator: np.random.Generator, most: int = 1) -> AllocationProblem:
    """Return requests in tenths (or thirds), budgets that are sums of some, exact or rounded."""
    size = int(generator.integers(3, 9 if most > 1 else 13))
    n_resources = int(generator.integers(1, 4))
    scale = float(generator.choice([10.0, 10.0, 100.0, 3.0, 7.0]))
    requests = generator.integers(1, 12, (size, n_resources)) / scale
    hidden = generator.integers(0, most + 1, size).astype(np.float64)
    kind = int(generator.integers(3))
    if kind == 0:
        # What somebody writes down, such as .3 for .1 + .2.
        budget = np.round(requests * scale).T @ hidden / scale
    elif kind == 1:
        budget = np.array([math.fsum(column) for column in (requests * hidden[:, None]).T.tolist()])
    else:
        budget = np.cumsum(requests * hidden[:, None], axis=0)[-1]
        budget = np.where(budget > 0, np.nextafter(budget, generator.choice([0.0, np.inf])), 0.0)
    return AllocationProblem(
        requests,
        budget,
        # Rewards near the requests: then many decisions are nearly as good.
        np.round(requests.mean(axis=1) * generator.uniform(0.9, 1.1, size), 3),
        upper=float(most),
        integer=True,
    )


ROUNDS: list[int] = []


def check_tight_whole(problem: AllocationProblem) -> None:
    allocation = BudgetOnly(problem).solve(relative_gap=1e-9, time_limit_seconds=30.0)
    check_proof(allocation, 1e-9)
    check_handed_out(allocation)
    ROUNDS.append(allocation.attempts[0].rounds)
    decisions = whole_decisions(problem)
    best = float(total_reward(problem, decisions).max())
    assert close(allocation.objective, best, 1e-9), f"best {best!r}, {allocation.objective!r}"


@pytest.mark.parametrize("most", [1, 3], ids=["binary", "general"])
def test_whole_optima_under_tight_budgets_are_those_of_enumeration(most: int) -> None:
    draw = partial(tight_whole, most=most)
    each_random_problem(300, 46 + most, draw, check_tight_whole)


def with_requests_that_have_no_unit(problem: AllocationProblem) -> AllocationProblem:
    """Return the problem in another currency: requests no longer whole multiples of a unit."""
    rate = 1 / 1.37
    requests = dense_requests(problem) * rate
    return problem.replace(requests=requests, budget=problem.budget * rate)


@pytest.mark.parametrize("most", [1, 3], ids=["binary", "general"])
def test_whole_optima_in_another_currency_are_those_of_enumeration(most: int) -> None:
    ROUNDS.clear()

    def draw(generator: np.random.Generator) -> AllocationProblem:
        return with_requests_that_have_no_unit(tight_whole(generator, most))

    each_random_problem(200, 50 + most, draw, check_tight_whole)
    assert len(ROUNDS) < 20 or max(ROUNDS) > 1, "no test needed a cut"


# .1 + .2 is above .3, and .1 * 3 is above .3, in doubles taken for what they are.
TRAPS: dict[str, tuple[list[float], float, list[float], int, list[float]]] = {
    "0.1 + 0.2 > 0.3": ([0.1, 0.2], 0.3, [1.0, 1.5], 1, [0.0, 1.0]),
    "3 * 0.1 > 0.3": ([0.1], 0.3, [1.0], 3, [2.0]),
    "0.1 + 0.1 == 0.2": ([0.1, 0.1], 0.2, [1.0, 1.0], 1, [1.0, 1.0]),
    "0.3 + 0.6 < 0.9": ([0.3, 0.6], 0.9, [1.0, 1.0], 1, [1.0, 1.0]),
    "0.7 + 0.1 < 0.8": ([0.7, 0.1], 0.8, [1.0, 1.0], 1, [1.0, 1.0]),
}


@pytest.mark.parametrize("name", TRAPS)
def test_decimal_traps(name: str) -> None:
    request, budget, reward, most, expected = TRAPS[name]
    problem = AllocationProblem(
        np.array(request)[:, np.newaxis], [budget], reward, upper=float(most), integer=True
    )
    assert keeps_every_rule(problem, expected)
    allocation = BudgetOnly(problem).solve()
    check_proof(allocation)
    check_handed_out(allocation)
    assert allocation.decision.tolist() == expected


def binary_cut_problem() -> AllocationProblem:
    """Return requests whose full sum exceeds the budget by one last bit, without a common unit."""
    request = np.array([[1 / 1.37], [1 / 2.57], [1 / 3.77], [1 / 0.91]])
    total = sum((Fraction(a) for a in request[:, 0].tolist()), Fraction(0))
    budget = float(total)
    while Fraction(budget) >= total:
        budget = math.nextafter(budget, 0.0)
    return AllocationProblem(request, [budget], [1.0, 2.0, 3.0, 4.0], integer=True)


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_whole_decisions_leave_out_the_smallest_while_they_are_a_trace(seed: int) -> None:
    generator = np.random.default_rng([31, seed])
    request = generator.permutation(10.0 ** -generator.uniform(0.0, 12.0, 30))
    problem = program_of(np.ones(30), [request], -np.inf, 1.0, integer=True)
    program = replace(problem, row_blocks=(Block(name="budget_limit", labels=range(1)),))
    left, total = set(range(30)), Fraction(0)
    for place in sorted(left, key=lambda one: float(request[one])):
        total += Fraction(float(request[place]))
        if total > Fraction(1e-6):
            break
        left.remove(place)
    kept = tightened(program).matrix.toarray()[0]
    assert set(np.flatnonzero(kept).tolist()) == left
    assert 0 < len(left) < 30
    assert all(kept[place] == request[place] for place in left)


def test_a_binary_decision_that_exceeds_by_a_last_bit_is_cut_off() -> None:
    allocation = BudgetOnly(binary_cut_problem()).solve()
    assert allocation.decision.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert allocation.attempts[0].rounds == 2
    check_proof(allocation)
    check_handed_out(allocation)


def test_a_general_whole_decision_that_exceeds_by_a_last_bit_is_stepped_down() -> None:
    problem = binary_cut_problem()
    total = sum((3 * Fraction(a) for a in dense_requests(problem)[:, 0].tolist()), Fraction(0))
    budget = float(total)
    while Fraction(budget) >= total:
        budget = math.nextafter(budget, 0.0)
    problem = problem.replace(budget=[budget], upper=3.0)
    allocation = BudgetOnly(problem).solve()
    assert allocation.decision.tolist() == [2.0, 3.0, 3.0, 3.0]
    assert allocation.attempts[0].rounds >= 2
    check_proof(allocation)
    check_handed_out(allocation)


@pytest.mark.parametrize("form", ["arrays", "pyomo", "cvxpy"])
def test_a_step_down_is_one_of_the_decisions_in_every_form(form: str) -> None:
    """In the CVXPY form of max-min models the decisions are not the first columns."""
    request, budget = 0.7719969357998664, 2.315990807399599
    problem = AllocationProblem([[request]], [budget], [1.0], upper=3.0, integer=True)
    assert 3 * Fraction(request) > Fraction(budget)
    allocation = MaxMin(problem, lexicographic=False).solve(form=form)
    assert allocation.decision.tolist() == [2.0]


def test_cuts_are_made_anew_after_a_write() -> None:
    problem = binary_cut_problem()
    tight = problem.budget
    for start in (problem, problem.replace(upper=2.0, agent_limit=1.0)):
        with BudgetOnly(start).open() as session:
            assert session.solve().decision.tolist() == [0.0, 1.0, 1.0, 1.0]
            # One last bit more, and everything fits: no cut may be left over.
            session.write(budget=tight * (1 + 1e-12))
            assert session.solve().decision.tolist() == [1.0, 1.0, 1.0, 1.0]
            session.write(budget=tight)
            assert session.solve().decision.tolist() == [0.0, 1.0, 1.0, 1.0]


def ties_of_many(generator: np.random.Generator) -> AllocationProblem:
    """Return up to 60 options in cents, and a budget that is a rounded sum of a subset of them."""
    size = int(generator.integers(20, 61))
    cents = generator.integers(1, 60, size)
    requests = cents / 100
    subset = generator.integers(0, 2, size).astype(np.bool_)
    budget = [
        float(cents[subset].sum() / 100),
        math.fsum(requests[subset].tolist()),
        float(np.sum(requests[subset])),
        float(np.cumsum(np.append(0.0, requests[subset]))[-1]),
    ][int(generator.integers(4))]
    reward = (
        cents.astype(np.float64)
        if generator.integers(2)
        else cents + generator.integers(0, 5, size)
    )
    return AllocationProblem(requests[:, np.newaxis], [budget], reward, integer=True)


def knapsack(problem: AllocationProblem) -> int:
    """Return the best total reward under one budget by a dynamic program over exact sums.

    For each total reward the smallest exact sum of requests; rewards are whole.
    """
    assert problem.reward is not None
    reward = [int(number) for number in problem.reward.tolist()]
    # Doubles are whole multiples of 2^-60 here: sums of Python's whole numbers are exact.
    unit = 2**60
    request = [int(Fraction(number) * unit) for number in dense_requests(problem)[:, 0].tolist()]
    budget = int(Fraction(float(problem.budget[0])) * unit)
    assert Fraction(budget, unit) == Fraction(float(problem.budget[0]))
    smallest = [0, *([budget + 1] * sum(reward))]
    for gain, need in zip(reward, request, strict=True):
        for total in range(len(smallest) - 1, gain - 1, -1):
            smallest[total] = min(smallest[total], smallest[total - gain] + need)
    return max(total for total, need in enumerate(smallest) if need <= budget)


def test_many_options_with_ties_are_those_of_a_dynamic_program() -> None:
    def check(problem: AllocationProblem) -> None:
        allocation = BudgetOnly(problem).solve(relative_gap=1e-9, time_limit_seconds=30.0)
        check_proof(allocation, 1e-9)
        check_handed_out(allocation)
        best = knapsack(problem)
        assert allocation.objective == best, f"best {best}, found {allocation.objective}"

    each_random_problem(100, 54, ties_of_many, check)


def test_many_options_in_another_currency_are_those_of_a_dynamic_program() -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        problem = ties_of_many(generator)
        # A currency of few bits, so that sums stay multiples of 2^-60.
        rate = float(np.float32(1 / 1.37))
        requests = np.float64(np.float32(dense_requests(problem) * rate))
        budget = float(np.float32(problem.budget[0] * rate))
        return problem.replace(requests=requests, budget=[budget])

    def check(problem: AllocationProblem) -> None:
        allocation = BudgetOnly(problem).solve(relative_gap=1e-9, time_limit_seconds=20.0)
        check_handed_out(allocation)
        best = knapsack(problem)
        if allocation.status is Status.OPTIMAL:
            check_proof(allocation, 1e-9)
            assert allocation.objective == best, f"best {best}, found {allocation.objective}"
        assert allocation.bound >= best

    each_random_problem(20, 55, draw, check)


def test_mixed_decisions_under_tight_budgets_are_those_of_enumeration() -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        problem = tight_whole(generator)
        problem = problem if generator.integers(2) else with_requests_that_have_no_unit(problem)
        mask = generator.integers(0, 2, problem.n_options).astype(np.bool_)
        mask[0], mask[1] = True, False
        return problem.replace(integer=mask)

    def check(problem: AllocationProblem) -> None:
        check_mixed(problem)
        check_handed_out(BudgetOnly(problem).solve())

    each_random_problem(150, 56, draw, check)


def test_what_whole_decisions_use_up_is_not_taken_from_the_others() -> None:
    # The first option uses resource 0 up to the last bit; the second has room in resource 1.
    for budget in (0.1, 0.3, 1 / 3):
        problem = AllocationProblem(
            [[budget, 1.1], [0.0, 1.7]],
            [budget, 1.1 + 1.7 / 2],
            [2.0, 1.0],
            integer=[True, False],
        )
        allocation = BudgetOnly(problem).solve()
        check_proof(allocation)
        check_handed_out(allocation)
        assert allocation.decision == pytest.approx([1.0, 0.5], rel=1e-12)


def whole_models(problem: AllocationProblem) -> dict[str, Callable[[], Model]]:
    return {
        "worst": lambda: MaxMin(problem, lexicographic=False),
        "weighted": lambda: GroupAlphaFair(problem, 0.0),
        "square_root": lambda: GroupAlphaFair(problem, 0.5),
        "proportional": lambda: Proportional(problem.replace(history=np.ones(problem.n_groups))),
    }


@pytest.mark.parametrize("name", ["worst", "weighted", "square_root", "proportional"])
def test_whole_decisions_of_every_family_keep_tight_budgets(name: str) -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        problem = tight_whole(generator)
        return problem if generator.integers(2) else with_requests_that_have_no_unit(problem)

    def check(problem: AllocationProblem) -> None:
        allocation = whole_models(problem)[name]().solve()
        check_proof(allocation)
        check_handed_out(allocation)

    each_random_problem(50, 57, draw, check)


def test_giving_up_on_cuts_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "MOST_ROUNDS", 1)
    allocation = BudgetOnly(binary_cut_problem()).solve()
    assert allocation.status is Status.NO_SOLUTION_FOUND
    assert allocation.verdict is Verdict.UNDECIDED
    assert not allocation.has_point
    assert allocation.bound >= 9.0
