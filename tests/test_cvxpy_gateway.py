"""The gateway to CVXPY: accuracy against closed forms, duals, claims, and what it refuses."""

import json
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import clarabel
import cvxpy
import numpy as np
import pytest
from scipy import sparse

from librex_models.families import (
    AlphaFairness,
    Family,
    MaxMinFairness,
    ProportionalFairness,
    TotalReward,
)
from librex_models.forms.arrays_form import arrays_form
from librex_models.problem import AllocationProblem
from solvers.capability import Capability, Readiness
from solvers.cvxpy_gateway import FAILED, SETTLED, SOLVERS, STOPPED, CvxpyGateway, CvxpySession
from solvers.errors import CapabilityError, OptionError, ProgramError, UpdateError
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import AlphaFairTerms, Block, Floats, Program
from tests.random_examples import examples
from tests.random_problems import random_problem

ALPHAS = (0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0)


def program_of(problem: AllocationProblem, family: Family) -> Program:
    grouping = problem.grouping("groups")
    values = {
        "reward": problem.reward,
        "budget": problem.budget,
        "history": grouping.history,
        "weight": grouping.weight,
    }
    return arrays_form(problem, grouping, family).program(values)  # type: ignore[arg-type]


def opened(program: Program) -> CvxpySession:
    return CvxpyGateway("CLARABEL").open(program)


def solved(program: Program, **options: Any) -> Outcome:
    return opened(program).solve(SolveOptions(**options))


def linear(
    objective: list[float],
    matrix: list[list[float]],
    row_lower: list[float],
    row_upper: list[float],
    upper: float = np.inf,
    maximise: bool = True,
) -> Program:
    n_rows, n_columns = len(row_lower), len(objective)
    return Program(
        objective=np.array(objective, dtype=np.float64),
        matrix=sparse.csc_array(np.array(matrix, dtype=np.float64).reshape(n_rows, n_columns)),
        row_lower=np.array(row_lower, dtype=np.float64),
        row_upper=np.array(row_upper, dtype=np.float64),
        column_lower=np.zeros(n_columns),
        column_upper=np.full(n_columns, upper),
        integer=np.zeros(n_columns, dtype=np.bool_),
        row_blocks=(Block(name="row", labels=range(n_rows)),),
        column_blocks=(Block(name="v", labels=range(n_columns)),),
        maximise=maximise,
    )


def small_program(alpha: float = 2.0) -> Program:
    problem = AllocationProblem([[1.0], [2.0]], [1.0], reward=[1.0, 3.0])
    return program_of(problem, AlphaFairness(alpha))


def fair_cases() -> list[str]:
    """Return the names of the cases with a finite alpha; the file has 14 cases in all."""
    linear_networks = [f"linear_L{n}_{what}" for n in (2, 3) for what in ("util", "alpha0.5")]
    linear_networks += [f"linear_L{n}_alpha{alpha}" for n in (2, 3) for alpha in (1, 2, 5)]
    return [*linear_networks, "srikant_pf"]


@pytest.mark.parametrize("name", fair_cases())
def test_textbook_cases(name: str, shared_data: Path) -> None:
    cases = json.loads((shared_data / "fair_cases" / "cases.json").read_text())["cases"]
    finite = {case["name"]: case for case in cases if case["alpha"] != "inf"}
    assert finite.keys() == set(fair_cases())
    case = finite[name]
    usage = np.array(case["usage"], dtype=np.float64).T
    problem = AllocationProblem(usage, case["capacity"], np.ones(len(usage)), upper=np.inf)
    outcome = solved(program_of(problem, AlphaFairness(float(case["alpha"]))))
    assert outcome.status is Status.OPTIMAL
    assert outcome.point is not None
    # A gap of 1e-9 in welfare is about its root in the rates, where welfare is curved.
    assert outcome.point[: len(usage)] == pytest.approx(case["expected"], abs=1e-4)


def one_budget(seed: int, spread: float) -> tuple[AllocationProblem, Floats, float]:
    """Return a problem with one budget, what each group earns per unit of it, and the budget."""
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 12))
    reward = generator.uniform(0.1, 2.0, size) * 10.0 ** generator.uniform(-spread, spread, size)
    cost, weight = generator.uniform(0.1, 2.0, size), generator.uniform(0.2, 3.0, size)
    budget = float(generator.uniform(0.5, 5.0))
    problem = AllocationProblem(
        cost[:, np.newaxis], [budget], reward=reward, weight=weight, upper=np.inf
    )
    return problem, reward / cost, budget


def closed_form(weight: Floats, rate: Floats, alpha: float, budget: float) -> Floats:
    """Return the optimal utilities: the budget by softmax(log w / a + (1 / a - 1) log p)."""
    logarithm = np.log(weight) / alpha + (1 / alpha - 1) * np.log(rate)
    share = np.exp(logarithm - logarithm.max())
    return np.asarray(rate * budget * share / share.sum())


@pytest.mark.parametrize("spread", [0.0, 3.0])
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(examples(250)))
def test_one_budget_has_a_closed_form(seed: int, alpha: float, spread: float) -> None:
    problem, rate, budget = one_budget(seed, spread)
    family, weight = AlphaFairness(alpha), problem.weight
    outcome = solved(program_of(problem, family))
    assert outcome.status is Status.OPTIMAL
    assert outcome.point is not None
    utility = problem.grouping("groups").utility(
        np.asarray(problem.reward), outcome.point[: problem.n_options]
    )
    expected = family.equivalent(weight, closed_form(weight, rate, alpha, budget))
    assert family.equivalent(weight, utility) == pytest.approx(expected, rel=1e-7)
    if np.isfinite(outcome.bound):
        bound = family.equivalent_of_welfare(weight, outcome.bound)
        # The gap is proven to 1e-9 or better; plain welfare loses digits for alpha near 1.
        assert expected * (1 - 1e-9) <= bound <= expected * (1 + 1e-7)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 2.0, 100.0])
@pytest.mark.parametrize("size", [8e-4, 1.0, 30.0])
def test_welfare_and_its_equivalent_are_inverse(alpha: float, size: float) -> None:
    family, weight = AlphaFairness(alpha), np.array([0.4, 0.3, 0.05])
    welfare = family.welfare_of_equivalent(weight, size)
    assert family.equivalent_of_welfare(weight, welfare) == pytest.approx(size, rel=1e-9)


def test_the_equivalent_of_a_welfare_near_the_largest_double() -> None:
    # 1 - alpha times the welfare is more than a double can hold; decimals hold it.
    expected = (Decimal("1e307") * 99) ** (Decimal(-1) / 99)
    equivalent = AlphaFairness(100.0).equivalent_of_welfare(np.array([0.75, 0.25]), -1e307)
    assert equivalent == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_dual_of_the_budget_is_its_price(alpha: float) -> None:
    problem, rate, budget = one_budget(3, 0.0)
    family = AlphaFairness(alpha)
    outcome = solved(program_of(problem, family))
    welfare = family.welfare(problem.weight, closed_form(problem.weight, rate, alpha, budget))
    price = problem.weight.sum() / budget if alpha == 1 else (1 - alpha) * welfare / budget
    assert outcome.row_dual is not None
    assert outcome.row_dual[0] == pytest.approx(price, rel=1e-4)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_size_of_utilities_does_not_matter(alpha: float, factor: float) -> None:
    problem = random_problem(
        np.random.default_rng(7), n_options=8, n_resources=2, integer="none", fairness=True
    ).replace(history=None, upper=1.0, lower=0.0, agent_limit=None, agent_minimum=None)
    problem = problem.replace(reward=np.asarray(problem.reward) + 0.1)
    larger = problem.replace(reward=np.asarray(problem.reward) * factor)
    family = AlphaFairness(alpha)
    found = []
    for each in (problem, larger):
        outcome = solved(program_of(each, family))
        assert outcome.status is Status.OPTIMAL
        assert outcome.point is not None
        grouping = each.grouping("groups")
        utility = grouping.utility(np.asarray(each.reward), outcome.point[: each.n_options])
        found.append(family.equivalent(grouping.weight, utility))
    assert found[1] == pytest.approx(factor * found[0], rel=1e-7)


def bound_by_prices(problem: AllocationProblem, family: AlphaFairness, outcome: Outcome) -> float:
    """Return the largest equivalent utility that the duals of the rows leave possible.

    Written for problems whose only rows are budgets. Tangents are taken where the dual of
    utility_of is the slope: at the utilities found, those that hardly count are too inexact.
    """
    assert outcome.row_dual is not None
    grouping, reward = problem.grouping("groups"), np.asarray(problem.reward)
    price = np.maximum(outcome.row_dual[: problem.n_resources], 0.0)
    slope = outcome.row_dual[problem.n_resources :]
    # A slope below that of the largest utility has its tangent there.
    most = grouping.utility(reward, problem.upper)
    slope = np.maximum(slope, grouping.weight * most**-family.alpha)
    tangent = (grouping.weight / slope) ** (1 / family.alpha)
    gain = (slope * grouping.share)[grouping.of_option] * reward - problem.requests @ price
    best = np.maximum(gain, 0.0) @ problem.upper + slope @ (grouping.history - tangent)
    welfare = family.welfare(grouping.weight, tangent) + price @ problem.budget + best
    return family.equivalent_of_welfare(grouping.weight, float(welfare))


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 20.0])
@pytest.mark.parametrize("seed", range(examples(250)))
def test_prices_prove_the_answer(seed: int, alpha: float) -> None:
    generator = np.random.default_rng(seed)
    n_options, n_groups = int(generator.integers(4, 40)), int(generator.integers(2, 5))
    requests = generator.uniform(0.0, 2.0, (n_options, 3)) * [1e-3, 1.0, 1e3]
    rewards = generator.uniform(0.1, 2.0, n_options) * 10.0 ** generator.uniform(-1, 1, n_options)
    problem = AllocationProblem(
        requests,
        requests.sum(axis=0) * generator.uniform(0.05, 0.5, 3),
        reward=rewards,
        group=np.append(np.arange(n_groups), generator.integers(0, n_groups, n_options - n_groups)),
        weight=generator.uniform(0.2, 3.0, n_groups),
        history=generator.uniform(0.0, 1.0, n_groups) * generator.integers(0, 2, n_groups),
    )
    family, grouping = AlphaFairness(alpha), problem.grouping("groups")
    outcome = solved(program_of(problem, family))
    assert outcome.point is not None
    utility = grouping.utility(rewards, np.maximum(outcome.point[:n_options], 0.0))
    value = family.equivalent(grouping.weight, utility)
    assert bound_by_prices(problem, family, outcome) <= value * (1 + 1e-7)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_few_groups_may_have_many_options(alpha: float) -> None:
    generator = np.random.default_rng(0)
    size = 2000
    problem = AllocationProblem(
        generator.uniform(size=(size, 4)),
        generator.uniform(0.1, 1.0, 4) * size / 4,
        reward=generator.uniform(size=size),
        group=np.arange(size) % 10,
        weight=generator.uniform(1.0, 2.0, 10),
    )
    family, grouping = AlphaFairness(alpha), problem.grouping("groups")
    outcome = solved(program_of(problem, family))
    assert outcome.status is Status.OPTIMAL
    assert outcome.point is not None
    utility = grouping.utility(np.asarray(problem.reward), outcome.point[:size])
    value = family.equivalent(grouping.weight, utility)
    assert bound_by_prices(problem, family, outcome) <= value * (1 + 1e-6)


@pytest.mark.parametrize("maximise", [True, False])
@pytest.mark.parametrize("side", ["upper", "lower", "equal"])
def test_duals_are_changes_of_the_optimum(maximise: bool, side: str) -> None:
    # One column, its coefficient 2 or -2 so that the side binds: the optimum is +-side / 2.
    sign = 1.0 if maximise == (side != "lower") else -1.0
    objective, lower, upper = [5.0 * sign], [-np.inf], [np.inf]
    if side != "upper":
        lower = [6.0]
    if side != "lower":
        upper = [6.0]
    outcome = solved(linear(objective, [[2.0]], lower, upper, maximise=maximise))
    assert outcome.status is Status.OPTIMAL
    assert outcome.row_dual is not None
    assert outcome.reduced_cost is not None
    assert outcome.objective == pytest.approx(15.0 * sign, rel=1e-7)
    assert outcome.bound == pytest.approx(15.0 * sign, rel=1e-7)
    assert outcome.row_dual[0] == pytest.approx(2.5 * sign, rel=1e-6)
    assert outcome.reduced_cost[0] == pytest.approx(0.0, abs=1e-6)


def test_reduced_costs_are_changes_of_the_optimum() -> None:
    program = linear([3.0, 1.0], [[1.0, 1.0]], [-np.inf], [1.5], upper=1.0)
    outcome = solved(program)
    assert outcome.reduced_cost == pytest.approx([2.0, 0.0], abs=1e-6)
    assert outcome.row_dual == pytest.approx([1.0], abs=1e-6)


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_the_size_of_a_linear_objective_does_not_matter(factor: float) -> None:
    outcome = solved(linear([3.0 * factor, factor], [[1.0, 1.0]], [-np.inf], [1.5], upper=1.0))
    assert outcome.status is Status.OPTIMAL
    assert outcome.objective == pytest.approx(3.5 * factor, rel=1e-8)


@pytest.mark.parametrize("family", [TotalReward(), MaxMinFairness(), AlphaFairness(0.5)])
@pytest.mark.parametrize("seed", range(examples(500)))
def test_random_problems_are_solved(seed: int, family: Family) -> None:
    problem = random_problem(
        np.random.default_rng(seed),
        integer="none",
        infinite_upper=bool(seed % 2),
        fairness=True,
    )
    program = program_of(problem, family)
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL, outcome.message
    assert outcome.point is not None
    assert outcome.objective is not None
    assert outcome.bound >= outcome.objective
    activity = program.matrix @ outcome.point
    # Rows hold to 1e-7 of what their columns could bring, which is at most some 50 here.
    assert (activity <= program.row_upper + 1e-5).all()
    assert (activity >= program.row_lower - 1e-5).all()
    assert (outcome.point >= program.column_lower).all()
    assert (outcome.point <= program.column_upper).all()


def test_every_native_status_is_read() -> None:
    native = {name for name in dir(clarabel.SolverStatus) if not name.startswith("_")}
    assert SETTLED.keys() | STOPPED.keys() | FAILED == native


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_a_time_limit_of_zero_claims_nothing(alpha: float) -> None:
    outcome = solved(small_program(alpha), time_limit_seconds=0.0)
    assert (outcome.status, outcome.limit) == (Status.NO_SOLUTION_FOUND, Limit.TIME)
    assert outcome.bound == np.inf


def test_an_iteration_limit_of_one_claims_nothing() -> None:
    outcome = solved(small_program(), iteration_limit=1)
    assert (outcome.status, outcome.limit) == (Status.NO_SOLUTION_FOUND, Limit.ITERATIONS)
    assert outcome.iterations == 1


def test_a_limit_keeps_a_feasible_point_and_no_false_bound() -> None:
    # The linear program that finds the references takes fewer than 12 iterations.
    program = small_program()
    outcome = solved(program, iteration_limit=12)
    assert (outcome.status, outcome.limit) == (Status.FEASIBLE, Limit.ITERATIONS)
    assert outcome.point is not None
    assert outcome.objective is not None
    best = solved(program).objective
    assert best is not None
    assert outcome.objective <= best <= outcome.bound
    assert (program.matrix @ outcome.point <= program.row_upper + 1e-7).all()


def assert_proves(program: Program, ray: Floats | None) -> None:
    """Assert that y . side is below the least of (y matrix) v over the bounds of the columns."""
    assert ray is not None
    weights = program.matrix.T @ ray
    ends = np.where(weights > 0, program.column_lower, program.column_upper)
    least = sum(float(w * end) for w, end in zip(weights, ends, strict=True) if w != 0)
    sides = np.where(ray > 0, program.row_upper, program.row_lower)
    assert sum(float(y * side) for y, side in zip(ray, sides, strict=True) if y != 0) < least


@pytest.mark.parametrize(
    "family", [TotalReward(), MaxMinFairness(), ProportionalFairness(), AlphaFairness(0.5)]
)
def test_infeasible_programs_are_proven_so(family: Family) -> None:
    problem = AllocationProblem(
        [[2.0, 1.0], [1.0, 3.0], [4.0, 0.0]],
        [4.0, 5.0],
        reward=[1.0, 2.0, 3.0],
        agent=["ann", "ann", "bob"],
        agent_minimum=[1.0, 1.0],
    )
    program = program_of(problem, family)
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert_proves(program, outcome.infeasibility_ray)


def test_contradicting_rows_without_room_are_infeasible() -> None:
    program = linear([1.0], [[1.0], [1.0]], [2.0, -np.inf], [np.inf, 1.0])
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert_proves(program, outcome.infeasibility_ray)


def test_a_program_may_be_unbounded() -> None:
    assert solved(linear([1.0], [[1.0]], [0.0], [np.inf])).status is Status.UNBOUNDED


def test_an_unbounded_direction_is_no_proof_of_unboundedness() -> None:
    program = linear([1.0, 0.0], [[0.0, 1.0]], [-np.inf], [-1.0])
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert_proves(program, outcome.infeasibility_ray)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 2.0])
def test_a_group_that_gets_nothing_counts_only_where_that_is_minus_infinity(alpha: float) -> None:
    problem = AllocationProblem(
        [[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]], [0.0, 1.0], reward=[1.0, 1.0, 1.0]
    )
    outcome = solved(program_of(problem, AlphaFairness(alpha)))
    assert outcome.status is (Status.OPTIMAL if alpha < 1 else Status.INFEASIBLE)
    if alpha < 1:
        assert outcome.point is not None
        rate = np.array([1.0, 0.5])
        expected = closed_form(np.ones(2), rate, alpha, 1.0)
        assert outcome.point[[4, 5]] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("family", [TotalReward(), MaxMinFairness(), AlphaFairness(2.0)])
def test_rows_may_leave_no_room(family: Family) -> None:
    # The minimum of bob uses the second budget up.
    problem = AllocationProblem(
        [[1.0, 0.1], [1.0, 0.0], [0.0, 1.6]],
        [1.5, 0.4],
        reward=[1.0, 1.0, 2.0],
        agent=["ann", "ann", "bob"],
        agent_minimum={"ann": 0.0, "bob": 0.25},
        agent_limit=np.inf,
    )
    outcome = solved(program_of(problem, family))
    assert outcome.status is Status.OPTIMAL
    assert outcome.point is not None
    # The other option of ann is bounded by its upper bound only, and free for max-min.
    assert outcome.point[[0, 2]] == pytest.approx([0.0, 0.25], abs=1e-5)


def test_options_that_it_does_not_know_are_refused() -> None:
    with pytest.raises(OptionError, match="no option 'tol_fease'; did you mean 'tol_feas'"):
        solved(small_program(), native={"tol_fease": 1e-9})
    with pytest.raises(OptionError, match="does not take 'small' for its option 'tol_feas'"):
        solved(small_program(), native={"tol_feas": "small"})


@pytest.mark.parametrize(
    "options",
    [
        {"node_limit": 3},
        {"solution_limit": 3},
        {"memory_limit_mb": 100.0},
        {"start": np.zeros(4)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_that_it_cannot_honour_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"cvxpy:CLARABEL has no {next(iter(options))}"):
        solved(small_program(), **options)


def test_native_options_win() -> None:
    outcome = solved(small_program(), native={"max_iter": 1})
    assert outcome.limit is Limit.ITERATIONS


def test_the_log_goes_to_the_caller_only(capfd: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    solved(small_program(), log=lines.append)
    solved(small_program())
    assert any("Clarabel" in line for line in lines)
    assert capfd.readouterr() == ("", "")


def test_a_keyboard_interrupt_stops_the_solve() -> None:
    session = opened(small_program())
    native = session._native

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return native.run(*arguments)

    session._native = replace(native, run=interrupted)
    outcome = session.solve(SolveOptions())
    assert (outcome.status, outcome.limit) == (Status.NO_SOLUTION_FOUND, Limit.INTERRUPT)


def test_an_error_of_cvxpy_is_a_numerical_failure() -> None:
    session = opened(small_program())

    def broken(*_: Any) -> Any:
        warnings.warn("not for the user", stacklevel=1)
        raise cvxpy.error.SolverError("the matrix is odd")

    session._native = replace(session._native, run=broken)
    outcome = session.solve(SolveOptions())
    assert outcome.status is Status.NUMERICAL_FAILURE
    assert "the matrix is odd" in outcome.message


def test_whole_columns_are_refused() -> None:
    problem = AllocationProblem([[1.0]], [2.0], reward=[1.0], integer=True)
    with pytest.raises(CapabilityError, match="solve it with highs"):
        opened(program_of(problem, TotalReward()))


def test_solvers_that_it_does_not_offer_are_refused() -> None:
    with pytest.raises(CapabilityError, match="does not offer 'MOSEK'; it offers CLARABEL"):
        CvxpyGateway("MOSEK")


def test_negative_weights_are_refused() -> None:
    program = small_program()
    assert program.terms is not None
    terms = replace(program.terms, weight=-program.terms.weight)
    with pytest.raises(ProgramError, match="weight"):
        opened(replace(program, terms=terms))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_weights_of_zero_count_nothing(alpha: float) -> None:
    program = small_program(alpha)
    assert program.terms is not None
    terms = replace(program.terms, weight=np.array([0.0, 1.0]))
    outcome = solved(replace(program, terms=terms))
    assert outcome.point is not None
    assert outcome.point[3] == pytest.approx(1.5, abs=1e-6)
    nothing = solved(replace(program, terms=replace(terms, weight=np.zeros(2))))
    assert (nothing.status, nothing.objective) == (Status.OPTIMAL, 0.0)


def test_linear_and_alpha_fair_parts_stand_side_by_side() -> None:
    # max 3 log v - 2 v, at v = 1.5.
    program = replace(
        linear([-2.0], [[1.0]], [-np.inf], [10.0]),
        terms=AlphaFairTerms(columns=np.array([0]), weight=np.array([3.0]), alpha=1.0),
        objective_constant=7.0,
    )
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL
    assert outcome.point == pytest.approx([1.5], rel=1e-4)
    assert outcome.objective == pytest.approx(3 * np.log(1.5) - 3 + 7, rel=1e-9)
    assert outcome.bound == pytest.approx(3 * np.log(1.5) - 3 + 7, rel=1e-7)


def test_a_program_without_columns_is_decided() -> None:
    feasible = replace(linear([], [], [-1.0], [1.0]), objective_constant=2.0)
    outcome = solved(feasible)
    assert (outcome.status, outcome.objective, outcome.bound) == (Status.OPTIMAL, 2.0, 2.0)
    infeasible = linear([], [], [1.0], [2.0])
    outcome = solved(infeasible)
    assert outcome.status is Status.INFEASIBLE
    assert_proves(infeasible, outcome.infeasibility_ray)


def test_a_program_without_rows_is_solved() -> None:
    outcome = solved(linear([1.0, -1.0], [], [], [], upper=2.0))
    assert outcome.point == pytest.approx([2.0, 0.0], abs=1e-8)


def test_updates_and_added_rows_are_as_a_fresh_start() -> None:
    first, second = small_program(0.5), small_program(2.0)
    session = opened(first)
    session.update(second)
    again = session.solve(SolveOptions())
    assert again.objective == solved(second).objective
    assert (session.counts.rebuilds, session.counts.updates_in_place) == (1, 0)
    assert session.counts.reasons == ("rebuilt: CVXPY is given the program anew at every solve",)
    # Option 0 gets at most a tenth: of the budget of 1, the rest buys .45 of option 1.
    session.add_rows(
        sparse.csr_array(np.array([[1.0, 0.0, 0.0, 0.0]])), np.array([-np.inf]), np.array([0.1])
    )
    cut = session.solve(SolveOptions())
    assert cut.point is not None
    assert cut.row_dual is not None
    assert cut.point[:2] == pytest.approx([0.1, 0.45], rel=1e-5)
    assert len(cut.row_dual) == second.n_rows
    session.update(second)
    assert session.solve(SolveOptions()).objective == again.objective


def test_a_session_refuses_another_shape_and_any_use_after_the_end() -> None:
    session = opened(small_program())
    with pytest.raises(UpdateError, match="nothing was changed"):
        session.update(linear([1.0], [[1.0]], [0.0], [1.0]))
    session.close()
    session.close()
    uses: list[Callable[[], Any]] = [
        lambda: session.solve(SolveOptions()),
        lambda: session.update(small_program()),
    ]
    for use in uses:
        with pytest.raises(UpdateError, match="closed"):
            use()


def test_the_same_question_gets_the_same_answer() -> None:
    points = [solved(small_program(), seed=seed).point for seed in (0, 0, 5)]
    assert np.array_equal(points[0], points[1])  # type: ignore[arg-type]
    assert np.array_equal(points[0], points[2])  # type: ignore[arg-type]


def test_the_adapter_says_what_it_is() -> None:
    gateway = CvxpyGateway("CLARABEL")
    assert gateway.name == "cvxpy:CLARABEL"
    assert Capability.ALPHA_FAIR_TERMS in gateway.capabilities
    assert Capability.WHOLE not in gateway.capabilities
    assert gateway.availability().readiness is Readiness.READY
    assert list(SOLVERS) == ["CLARABEL"]
