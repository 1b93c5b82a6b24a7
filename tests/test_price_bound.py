"""The bound from prices, against exact optima; and certificates of answers that were damaged.

A bound must hold for any prices, not only for good ones, and to the last bit: optima are fractions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from librex_models.allocation import Allocation
from librex_models.families import AlphaFairness, MaxMinFairness
from librex_models.models import AlphaFair, BudgetOnly, MaxMin
from librex_models.problem import AllocationProblem
from librex_models.verification import (
    Certificate,
    CouplingRows,
    Evidence,
    LinearWelfare,
    Verdict,
    certify,
    certify_without_decision,
    coupling_rows,
    price_bound,
    region,
)
from tests.random_examples import examples
from tests.random_problems import Whole, random_problem
from tests.test_random_answers import (
    ALPHAS,
    dense_requests,
    each_random_problem,
    equivalent,
    exact_optimum,
    utilities,
    weights,
    whole_decisions,
    worst_utility,
)

Floats = npt.NDArray[np.float64]
Row = tuple[Sequence[float], float]


def rows_of(problem: AllocationProblem) -> CouplingRows:
    return coupling_rows(problem, problem.grouping("groups"))


def exact_best(problem: AllocationProblem, rows: Sequence[Row] = ()) -> Fraction | None:
    """Return the largest total reward over whole, mixed or fractional decisions, exactly."""
    assert problem.reward is not None
    if not problem.integer.any():
        return exact_optimum(problem, extra_rows=rows)
    if problem.integer.all():
        totals = [
            _dot(problem.reward.tolist(), decision)
            for decision in whole_decisions(problem).tolist()
            if all(_dot(entries, decision) <= Fraction(side) for entries, side in rows)
        ]
        return max(totals, default=None)
    whole = np.flatnonzero(problem.integer)
    ranges = [range(math.ceil(problem.lower[j]), math.floor(problem.upper[j]) + 1) for j in whole]
    best: Fraction | None = None
    for part in itertools.product(*ranges):
        lower, upper = problem.lower.copy(), problem.upper.copy()
        lower[whole] = upper[whole] = part
        fixed = problem.replace(lower=lower, upper=upper, agent_limit=problem.agent_limit)
        value = exact_optimum(fixed, extra_rows=rows)
        if value is not None and (best is None or value > best):
            best = value
    return best


def _dot(first: Sequence[float], second: Sequence[float]) -> Fraction:
    return sum((Fraction(a) * Fraction(b) for a, b in zip(first, second, strict=True)), Fraction(0))


def draw_problem(
    generator: np.random.Generator, integer: Whole, infinite_upper: bool = False
) -> AllocationProblem:
    size = int(generator.integers(1, 5 if integer == "mixed" else 7))
    return random_problem(generator, integer=integer, n_options=size, infinite_upper=infinite_upper)


def prices_to_try(generator: np.random.Generator, n_rows: int) -> list[Floats]:
    """Return prices of all kinds, senseless ones too."""
    ordinary = [generator.uniform(0.0, 3.0, n_rows) for _ in range(4)]
    some = generator.uniform(0.0, 3.0, n_rows) * generator.integers(0, 2, n_rows)
    size = 10.0 ** generator.uniform(-12.0, 12.0, n_rows)
    senseless = [np.full(n_rows, value) for value in (0.0, 1e12, 1e-300, -1.0, np.inf, np.nan)]
    return [*ordinary, some, size, -size, *senseless]


def holds(bound: float, best: Fraction | None) -> bool:
    """Return whether a bound is at least an exact optimum."""
    return best is None or bound == math.inf or Fraction(bound) >= best


@pytest.mark.parametrize(
    ("integer", "infinite_upper"),
    [("none", False), ("none", True), ("all", False), ("all", True), ("mixed", False)],
)
def test_the_bound_holds_for_any_prices(integer: Whole, infinite_upper: bool) -> None:
    def check(problem: AllocationProblem) -> None:
        best = exact_best(problem)
        assert problem.reward is not None
        generator = np.random.default_rng([21, problem.n_options, problem.n_resources])
        for price in prices_to_try(generator, problem.n_resources):
            bound = price_bound(
                problem.reward,
                rows_of(problem),
                price,
                region(problem),
            )
            assert holds(bound, best), f"bound {bound!r} below {best} at prices {price}"

    each_random_problem(
        100, 21, lambda generator: draw_problem(generator, integer, infinite_upper), check
    )


@pytest.mark.parametrize("integer", ["none", "all", "mixed"])
def test_the_bound_holds_with_rows_of_negative_entries(integer: Whole) -> None:
    def check(problem: AllocationProblem) -> None:
        assert problem.reward is not None
        generator = np.random.default_rng([22, problem.n_options, problem.n_resources])
        n_floors = int(generator.integers(1, 4))
        floors = -generator.integers(0, 4, (n_floors, problem.n_options)) / 2.0
        side = -generator.integers(0, 5, n_floors) / 4.0
        side[generator.integers(0, 4, n_floors) == 0] = np.inf
        rows = [
            (floors[i].tolist(), float(side[i])) for i in range(n_floors) if np.isfinite(side[i])
        ]
        best = exact_best(problem, rows)
        coupling = CouplingRows(
            matrix=sparse.csc_array(sparse.vstack([problem.usage, sparse.csc_array(floors)])),
            side=np.concatenate([problem.budget, side]),
        )
        for price in prices_to_try(generator, problem.n_resources + n_floors):
            bound = price_bound(problem.reward, coupling, price, region(problem))
            assert holds(bound, best), f"bound {bound!r} below {best} at prices {price}"

    each_random_problem(80, 22, lambda generator: draw_problem(generator, integer), check)


@pytest.mark.parametrize("seed", range(20))
def test_roundings_of_large_negative_sides_are_on_the_safe_side(seed: int) -> None:
    # What floors at these prices prove, option by option, is a sum of fractions.
    generator = np.random.default_rng([24, seed])
    n = int(generator.integers(1, 8))
    reward, upper = generator.uniform(0.0, 1.0, n), generator.uniform(0.5, 1.0, n)
    floors = -generator.uniform(0.1, 1.0, (3, n))
    side, price = -generator.uniform(1.0, 1e3, 3), generator.uniform(0.0, 3.0, 3)
    problem = AllocationProblem(np.zeros((n, 1)), [1.0], reward, upper=upper)
    rows = CouplingRows(matrix=sparse.csc_array(floors), side=side)
    paid = sum(Fraction(p) * Fraction(d) for p, d in zip(price, side, strict=True))
    earned = sum(
        (Fraction(c) - sum(Fraction(p) * Fraction(f) for p, f in zip(price, floor, strict=True)))
        * Fraction(u)
        for c, u, floor in zip(reward, upper, floors.T, strict=True)
    )
    assert Fraction(price_bound(reward, rows, price, region(problem))) >= paid + earned


def test_the_bound_at_the_prices_of_the_solver_is_the_fractional_optimum() -> None:
    def check(problem: AllocationProblem) -> None:
        allocation = BudgetOnly(problem).solve()
        if not allocation.has_point:
            return
        best = exact_optimum(problem)
        if best is None:
            return
        assert problem.reward is not None
        assert allocation.price is not None
        rows, own = rows_of(problem), region(problem)
        scale = float(np.abs(problem.reward) @ own.upper)
        bound = price_bound(problem.reward, rows, allocation.price, own)
        assert Fraction(bound) >= best
        assert bound - float(best) <= 1e-6 * abs(float(best)) + 1e-9 * scale
        for factor in (0.9, 1.1, 0.0, 1e6):
            bound = price_bound(problem.reward, rows, factor * allocation.price, own)
            assert holds(bound, best), f"bound {bound!r} below {best} at {factor} times the prices"

    each_random_problem(
        200,
        23,
        lambda generator: draw_problem(generator, "none", bool(generator.integers(2))),
        check,
    )


@pytest.mark.parametrize("integer", ["all", "mixed"])
def test_the_bound_at_the_prices_of_the_solver_holds_for_whole_decisions(integer: Whole) -> None:
    def check(problem: AllocationProblem) -> None:
        allocation = BudgetOnly(problem).solve()
        best = exact_best(problem)
        price = allocation.certificate.price
        if price is None or best is None:
            return
        assert problem.reward is not None
        for factor in (0.9, 1.0, 1.1):
            bound = price_bound(
                problem.reward,
                rows_of(problem),
                factor * price,
                region(problem),
            )
            assert holds(bound, best), f"bound {bound!r} below {best} at {factor} times {price}"
        assert allocation.certificate.price_bound >= float(best)

    each_random_problem(100, 24, lambda generator: draw_problem(generator, integer), check)


def test_the_bound_from_prices_holds_for_whole_worst_utilities() -> None:
    def check(problem: AllocationProblem) -> None:
        allocation = MaxMin(problem, lexicographic=False).solve()
        decisions = whole_decisions(problem)
        if len(decisions):
            best = float(worst_utility(problem, decisions, "groups").max())
            assert allocation.certificate.price_bound >= best * (1 - 1e-15)

    def draw(generator: np.random.Generator) -> AllocationProblem:
        return random_problem(generator, integer="all", fairness=True)

    each_random_problem(100, 25, draw, check)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_bound_from_prices_holds_for_whole_alpha_fair_welfare(alpha: float) -> None:
    def check(problem: AllocationProblem) -> None:
        allocation = AlphaFair(problem, alpha).solve()
        decisions = whole_decisions(problem)
        if len(decisions):
            utility = utilities(problem, "agents", decisions)
            best = float(equivalent(weights(problem, "agents"), utility, alpha).max())
            # The oracle's own rounding: powers of 1 - alpha lose some digits.
            assert allocation.certificate.price_bound >= best * (1 - 1e-13)

    def draw(generator: np.random.Generator) -> AllocationProblem:
        problem = random_problem(
            generator, integer="all", fairness=True, limits="default", bounds=False, history=False
        )
        return problem.replace(agent_history=generator.uniform(0.1, 2.0, problem.n_agents))

    each_random_problem(20, 26, draw, check)


@pytest.mark.parametrize("alpha", [0.0, *ALPHAS])
def test_majorants_lie_above_the_equivalent_and_touch_it(alpha: float) -> None:
    family = AlphaFairness(alpha)
    for index in range(examples(500)):
        generator = np.random.default_rng([27, index])
        n = int(generator.integers(1, 6))
        weight = generator.uniform(0.1, 3.0, n)
        at, elsewhere = 10.0 ** generator.uniform(-3.0, 3.0, (2, n))
        near = at * generator.uniform(0.9, 1.1, n)
        majorant = family.majorant(weight, at)
        touching = majorant.to_equivalent(majorant.constant + float(majorant.slope @ at))
        value = float(equivalent(weight, at, alpha))
        # Scaled terms of large alpha lose digits with the spread of utilities, never below it.
        assert touching >= value * (1 - 1e-10), f"seed {[27, index]}"
        assert touching <= value * (1 + 1e-7), f"seed {[27, index]}: {touching!r} {value!r}"
        for utility in (elsewhere, near):
            above = majorant.to_equivalent(majorant.constant + float(majorant.slope @ utility))
            value = float(equivalent(weight, utility, alpha))
            assert above >= value * (1 - 1e-10), f"seed {[27, index]}: {above!r} below {value!r}"


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.72, 0.95, 1.0, 2.0])
def test_majorants_touch_where_a_utility_is_tiny_and_counts_all_the_same(alpha: float) -> None:
    family, weight = AlphaFairness(alpha), np.array([1.0, 1.0, 1e3])
    at = np.array([1.0, 30.0, 1e-15])
    majorant = family.majorant(weight, at)
    touching = majorant.to_equivalent(majorant.constant + float(majorant.slope @ at))
    value = float(equivalent(weight, at, alpha))
    assert value * (1 - 1e-10) <= touching <= value * (1 + 1e-6)


def test_majorants_of_max_min_lie_above_the_smallest_utility() -> None:
    family = MaxMinFairness()
    for index in range(examples(500)):
        generator = np.random.default_rng([28, index])
        n = int(generator.integers(1, 6))
        weight, utility, at = generator.uniform(0.1, 3.0, (3, n))
        for multiplier in (None, generator.uniform(-1.0, 1.0, n), np.zeros(n)):
            majorant = family.majorant(weight, at, multiplier)
            above = majorant.constant + float(majorant.slope @ utility)
            assert above >= float((utility / weight).min()), f"seed {[28, index]}"


# Damage: answers that were right, and then broken a little.

DAMAGE = (1e-3, 1e-5)


def damageable(generator: np.random.Generator, integer: Whole) -> AllocationProblem:
    """Return a problem whose budget binds and whose bounds leave room on both sides."""
    size = int(generator.integers(3, 8))
    requests = generator.uniform(0.5, 2.0, (size, 2))
    budget = requests.sum(axis=0) * generator.uniform(0.3, 0.6, 2)
    return AllocationProblem(
        requests,
        # Every option fits alone, so that the best whole decision is worth something.
        np.maximum(budget, requests.max(axis=0)),
        generator.uniform(0.5, 2.0, size),
        upper=1.0 if integer == "all" else 1.5,
        integer=integer == "all",
    )


def each_damage(
    salt: int,
    integer: Whole,
    check: Callable[[AllocationProblem, Allocation, float], None],
) -> None:
    """Check every damage on random problems that were solved to a proven optimum."""

    def check_one(problem: AllocationProblem) -> None:
        allocation = BudgetOnly(problem).solve()
        assert allocation.verdict is Verdict.OPTIMAL
        for damage in DAMAGE:
            check(problem, allocation, damage)

    each_random_problem(100, salt, lambda generator: damageable(generator, integer), check_one)


def linear(problem: AllocationProblem) -> LinearWelfare:
    """Return the total reward as the linear welfare of a certificate."""
    assert problem.reward is not None
    return LinearWelfare(
        coefficient=problem.reward, constant=0.0, to_equivalent=float, region=region(problem)
    )


def judged(allocation: Allocation, decision: Floats, evidence: Evidence) -> Certificate:
    """Return the certificate of a decision under evidence, at the usual gap."""
    return certify(
        allocation.problem,
        allocation.grouping,
        allocation.family,
        decision,
        evidence,
        rows_of(allocation.problem),
        relative_gap_wanted=1e-6,
        absolute_gap_wanted=0.0,
    )


def by_prices(allocation: Allocation) -> Evidence:
    """Return the evidence of prices alone."""
    return Evidence(linear=linear(allocation.problem), price=allocation.certificate.price)


def test_an_undamaged_answer_is_optimal_by_prices_alone() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        del problem, damage
        found = judged(allocation, allocation.decision, by_prices(allocation))
        assert found.verdict is Verdict.OPTIMAL
        assert found.bound_from == "prices"

    each_damage(31, "none", check)


def test_a_decision_that_hands_out_more_is_refuted() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        binding = np.flatnonzero(allocation.decision > 0)
        for j in binding.tolist():
            decision = allocation.decision.copy()
            decision[j] *= 1 + damage
            used = problem.requests.T @ decision
            over_upper = decision[j] > problem.upper[j] * (1 + 2e-6)
            if (used > problem.budget * (1 + 1e-12)).any() or over_upper:
                found = judged(allocation, decision, by_prices(allocation))
                assert found.verdict is Verdict.REFUTED, f"option {j}, {damage}: {found}"

    each_damage(32, "none", check)


def test_a_decision_that_hands_out_less_is_not_optimal() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        assert problem.reward is not None
        for j in np.flatnonzero(allocation.decision > 0).tolist():
            decision = allocation.decision.copy()
            decision[j] *= 1 - damage
            lost = float(problem.reward @ (allocation.decision - decision))
            found = judged(allocation, decision, by_prices(allocation))
            if lost > 1.1e-6 * allocation.objective:
                assert found.verdict is Verdict.FEASIBLE, f"option {j}, {damage}: {found}"
            assert found.gap >= 0.99 * lost / allocation.objective

    each_damage(33, "none", check)


def test_damaged_prices_give_a_worse_gap() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        assert allocation.price is not None
        assert problem.reward is not None
        best, requests = exact_optimum(problem), dense_requests(problem).tolist()
        assert best is not None
        for k in np.flatnonzero(allocation.price > 0).tolist():
            for sign in (-1.0, 1.0):
                price = allocation.price.copy()
                price[k] *= 1 + sign * damage
                # The same bound by an oracle: the charged rewards without budgets.
                charged = [
                    Fraction(float(problem.reward[j])) - _dot(requests[j], price.tolist())
                    for j in range(problem.n_options)
                ]
                own = exact_optimum(
                    problem, reward=charged, budget=[math.inf] * problem.n_resources
                )
                assert own is not None
                bound = own + _dot(problem.budget.tolist(), price.tolist())
                found = judged(
                    allocation, allocation.decision, replace(by_prices(allocation), price=price)
                )
                assert abs(found.price_bound - float(bound)) <= 1e-12 * float(bound)
                # The answer itself is within 1e-9 of the best.
                if bound > best * (1 + Fraction(1.01e-6)):
                    assert found.verdict is Verdict.FEASIBLE, f"resource {k}: {found}"

    each_damage(34, "none", check)


def test_a_whole_decision_that_is_not_quite_whole_is_refuted() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        del problem
        evidence = Evidence(solver_bound=allocation.bound)
        assert judged(allocation, allocation.decision, evidence).verdict is Verdict.OPTIMAL
        for j in np.flatnonzero(allocation.decision == 1.0).tolist():
            for amount in (damage, 1e-8):
                decision = allocation.decision.copy()
                decision[j] -= amount
                found = judged(allocation, decision, evidence)
                assert found.verdict is Verdict.REFUTED, f"option {j}, {damage}: {found}"

    each_damage(35, "all", check)


def test_a_worse_whole_decision_is_not_optimal() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        del problem, damage
        for j in np.flatnonzero(allocation.decision == 1.0).tolist():
            decision = allocation.decision.copy()
            decision[j] = 0.0
            found = judged(allocation, decision, Evidence(solver_bound=allocation.bound))
            assert found.verdict is Verdict.FEASIBLE
            assert found.gap > 1e-6

    each_damage(36, "all", check)


@pytest.mark.parametrize("integer", ["none", "all"])
def test_a_damaged_bound_of_the_solver_is_refuted_or_worse(integer: Whole) -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        del problem
        value = allocation.objective
        low = judged(allocation, allocation.decision, Evidence(solver_bound=value * (1 - damage)))
        assert low.verdict is Verdict.REFUTED
        high = judged(allocation, allocation.decision, Evidence(solver_bound=value * (1 + damage)))
        assert high.verdict is Verdict.FEASIBLE
        assert high.gap == pytest.approx(damage, rel=1e-2)
        nothing = judged(allocation, allocation.decision, Evidence())
        assert nothing.verdict is Verdict.FEASIBLE
        assert nothing.bound == math.inf

    each_damage(37, integer, check)


def test_a_damaged_value_of_the_solver_is_refuted() -> None:
    def check(problem: AllocationProblem, allocation: Allocation, damage: float) -> None:
        del problem
        for factor in (1 - damage, 1 + damage):
            claimed = replace(by_prices(allocation), solver_value=allocation.objective * factor)
            found = judged(allocation, allocation.decision, claimed)
            assert found.verdict is Verdict.REFUTED

    each_damage(38, "none", check)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_decision_beyond_bounds_limits_or_minimums_is_refuted(damage: float) -> None:
    problem = AllocationProblem(
        [[1.0], [1.0], [1.0]],
        [10.0],
        [3.0, 2.0, 1.0],
        agent=["a", "a", "b"],
        lower=[0.0, 0.0, 0.5],
        upper=[2.0, 2.0, 1.0],
        agent_limit={"a": 3.0, "b": 1.0},
        agent_minimum={"a": 1.0, "b": 0.5},
    )
    allocation = BudgetOnly(problem).solve()
    evidence = by_prices(allocation)
    assert judged(allocation, np.array([2.0, 1.0, 1.0]), evidence).verdict is Verdict.OPTIMAL
    broken = {
        "upper bound": [2.0 + damage * 2, 0.9, 1.0],
        "lower bound": [2.0, 1.0, 0.5 - damage],
        "negative": [2.0, -damage, 1.0],
        "agent_limit": [2.0, 1.0 + 3 * damage, 1.0],
        "agent_minimum": [1.0 - damage, 0.0, 1.0],
    }
    for kind, decision in broken.items():
        found = judged(allocation, np.array(decision), evidence)
        assert found.verdict is Verdict.REFUTED, kind


def test_no_multipliers_prove_a_feasible_problem_infeasible() -> None:
    def check(problem: AllocationProblem) -> None:
        if exact_best(problem) is None:
            return
        generator = np.random.default_rng([39, problem.n_options])
        for price in prices_to_try(generator, problem.n_resources):
            evidence = Evidence(linear=linear(problem), price=price, infeasibility_price=price)
            found = certify_without_decision(problem, evidence, rows_of(problem), True)
            assert found.verdict is Verdict.UNDECIDED, f"prices {price}: {found}"

    def draw(generator: np.random.Generator) -> AllocationProblem:
        kinds: tuple[Whole, ...] = ("none", "all", "mixed")
        return random_problem(
            generator,
            n_options=int(generator.integers(1, 5)),
            integer=kinds[int(generator.integers(3))],
            tight=True,
            limits="given",
            minimums=True,
        )

    each_random_problem(200, 39, draw, check)


def test_damaged_multipliers_do_not_prove_infeasibility() -> None:
    # Agent a must take 2 of the first resource, agent b 1 of it; the budget is 2.5.
    problem = AllocationProblem(
        [[1.0, 0.0], [1.0, 1.0]],
        [2.5, 5.0],
        [1.0, 1.0],
        upper=3.0,
        agent_minimum=[2.0, 1.0],
    )

    def verdict(price: Sequence[float]) -> Verdict:
        evidence = Evidence(linear=linear(problem), infeasibility_price=np.array(price))
        return certify_without_decision(problem, evidence, rows_of(problem), True).verdict

    assert verdict([1.0, 0.0]) is Verdict.INFEASIBLE
    assert verdict([1.0, 0.1]) is Verdict.INFEASIBLE
    # The second budget is worth more than what is missing of the first: .5 < 4 * .2.
    assert verdict([1.0, 0.2]) is Verdict.UNDECIDED
    assert verdict([0.0, 1.0]) is Verdict.UNDECIDED
    assert verdict([-1.0, 0.0]) is Verdict.UNDECIDED
    assert verdict([np.nan, 0.0]) is Verdict.UNDECIDED
