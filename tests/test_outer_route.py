"""Alpha-fair models on solvers with linear rows only, verified and to the gap asked for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models.allocation import Allocation
from librex_models.errors import ParameterError
from librex_models.problem import AllocationProblem
from librex_models.routes.planning import OUTER_APPROXIMATION, Exactness
from librex_models.routes.solvable import check_solvable
from solvers import Limit, Status
from tests.random_problems import Whole, random_problem
from tests.test_random_answers import (
    check_infeasible,
    check_rules,
    each_random_problem,
    equivalent,
    utilities,
    whole_decisions,
)
from tests.ways import require_ready

ALPHAS = [0.01, 0.3, 0.5, 0.9, 1.0, 1.5, 2.0, 5.0, 10.0]
# Solvers without alpha-fair terms, and two with them that have another route.
SOLVERS = ["highs", "pyomo:glpk", "pyomo:cbc", "cvxpy:HIGHS", "scip", "gurobi"]
GAP = {"whole": 1e-4, "fractional": 1e-6}


def solved(problem: AllocationProblem, alpha: float, solver: str, **options: Any) -> Allocation:
    model = lm.GroupAlphaFair(problem, alpha)
    return model.solve(solver, route=OUTER_APPROXIMATION, **options)


def draw(
    generator: np.random.Generator, alpha: float, integer: Whole, n_options: int | None = None
) -> AllocationProblem:
    """Return a random problem in which everybody can earn what the family needs."""
    while True:
        problem = random_problem(
            generator, integer=integer, fairness=True, history=None, n_options=n_options
        )
        try:
            check_solvable(lm.GroupAlphaFair(problem, alpha).question())
        except ParameterError:
            continue
        return problem


def decades(problem: AllocationProblem, generator: np.random.Generator) -> AllocationProblem:
    """Return the problem with rewards and weights over four orders of magnitude."""
    assert problem.reward is not None
    return problem.replace(
        reward=problem.reward * 10.0 ** generator.uniform(-2, 2, problem.n_options),
        weight=10.0 ** generator.uniform(-2, 2, problem.n_groups),
    )


@pytest.fixture(params=SOLVERS)
def solver(request: pytest.FixtureRequest) -> str:
    require_ready(request.param)
    return str(request.param)


def check_whole(problem: AllocationProblem, alpha: float, solver: str) -> None:
    allocation = solved(problem, alpha, solver, relative_gap=GAP["whole"])
    assert allocation.verdict is not lm.Verdict.REFUTED, allocation.certificate
    assert allocation.route == OUTER_APPROXIMATION
    decisions = whole_decisions(problem)
    worth = equivalent(problem.weight, utilities(problem, "groups", decisions), alpha)
    best = float(np.max(worth, initial=0.0))
    if best == 0.0 and (len(decisions) == 0 or alpha >= 1.0):
        check_infeasible(allocation)
        return
    check_rules(allocation)
    assert allocation.verdict is lm.Verdict.OPTIMAL, allocation.certificate
    assert best * (1.0 - GAP["whole"]) <= allocation.equivalent <= best * (1.0 + 1e-9)
    assert allocation.certificate.bound >= best * (1.0 - 1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_whole_answers_are_those_of_enumeration(alpha: float, solver: str) -> None:
    check = partial(check_whole, alpha=alpha, solver=solver)
    each_random_problem(50, 41, partial(draw, alpha=alpha, integer="all"), check)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_whole_answers_are_right_where_rewards_and_weights_differ_by_decades(alpha: float) -> None:
    def wide(generator: np.random.Generator) -> AllocationProblem:
        return decades(draw(generator, alpha, "all"), generator)

    each_random_problem(100, 42, wide, partial(check_whole, alpha=alpha, solver="highs"))


def check_fractional(problem: AllocationProblem, alpha: float, solver: str) -> None:
    allocation = solved(problem, alpha, solver)
    conic = lm.GroupAlphaFair(problem, alpha).solve("cvxpy:CLARABEL")
    assert allocation.verdict is not lm.Verdict.REFUTED, allocation.certificate
    if not conic.has_point:
        assert not allocation.has_point
        return
    check_rules(allocation)
    assert allocation.verdict is lm.Verdict.OPTIMAL, allocation.certificate
    assert allocation.gap <= GAP["fractional"]
    # Each is as near to the optimum as it says, and no further above the other's bound.
    assert allocation.equivalent <= conic.certificate.bound * (1.0 + 1e-9) + 1e-12
    assert conic.equivalent <= allocation.certificate.bound * (1.0 + 1e-9) + 1e-12


@pytest.mark.parametrize("alpha", ALPHAS)
def test_fractional_answers_agree_with_those_of_a_conic_solver(alpha: float, solver: str) -> None:
    check = partial(check_fractional, alpha=alpha, solver=solver)
    each_random_problem(50, 43, partial(draw, alpha=alpha, integer="none"), check)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_fractional_answers_agree_where_rewards_and_weights_differ_by_decades(
    alpha: float,
) -> None:
    def wide(generator: np.random.Generator) -> AllocationProblem:
        return decades(draw(generator, alpha, "none"), generator)

    each_random_problem(100, 44, wide, partial(check_fractional, alpha=alpha, solver="highs"))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_mixed_answers_are_as_good_as_they_say(alpha: float) -> None:
    def check(problem: AllocationProblem) -> None:
        first = solved(problem, alpha, "highs", relative_gap=GAP["whole"])
        other = lm.GroupAlphaFair(problem, alpha).solve("scip", relative_gap=GAP["whole"])
        assert first.verdict is not lm.Verdict.REFUTED, first.certificate
        assert first.has_point == other.has_point
        if first.has_point:
            check_rules(first)
            assert first.equivalent <= other.certificate.bound * (1.0 + 1e-6)
            assert other.equivalent <= first.certificate.bound * (1.0 + 1e-6)

    each_random_problem(50, 45, partial(draw, alpha=alpha, integer="mixed"), check)


def groups(integer: Any, n: int = 18, n_groups: int = 4) -> AllocationProblem:
    """Return a problem of groups that have several options each."""
    generator = np.random.default_rng(5)
    requests = generator.uniform(1.0, 10.0, (n, 3))
    reward = generator.uniform(1.0, 20.0, n)
    group = np.arange(n) % n_groups
    return AllocationProblem(
        requests, 0.4 * requests.sum(axis=0), reward, group=group, integer=integer
    )


@pytest.mark.parametrize(
    "integer", [True, False, np.arange(18) % 2 == 0], ids=["whole", "fractional", "mixed"]
)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["scip", "gurobi"])
def test_native_terms_and_tangents_agree(
    name: str, alpha: float, integer: Any, require_solver: Callable[[str], None]
) -> None:
    require_solver(name)
    model = lm.GroupAlphaFair(groups(integer), alpha)
    native = model.solve(name, route="plain", relative_gap=1e-6)
    tangents = model.solve(name, route=OUTER_APPROXIMATION, relative_gap=1e-6)
    assert (native.route, tangents.route) == ("plain", OUTER_APPROXIMATION)
    assert native.verdict is tangents.verdict is lm.Verdict.OPTIMAL
    assert tangents.equivalent == pytest.approx(native.equivalent, rel=2e-6)


@pytest.mark.parametrize("integer", [True, False], ids=["whole", "fractional"])
def test_without_time_there_is_no_decision_or_a_verified_one(integer: bool, solver: str) -> None:
    allocation = solved(groups(integer), 2.0, solver, time_limit_seconds=0.0)
    assert allocation.limit is Limit.TIME
    assert allocation.status in (Status.NO_SOLUTION_FOUND, Status.FEASIBLE)
    if allocation.has_point:
        check_rules(allocation)


@pytest.mark.parametrize("nodes", [0, 1, 5])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_a_node_limit_leaves_a_true_bound(alpha: float, nodes: int) -> None:
    problem = groups(True)
    best = solved(problem, alpha, "highs", relative_gap=1e-6)
    stopped = solved(problem, alpha, "highs", node_limit=nodes)
    assert stopped.certificate.bound >= best.equivalent * (1.0 - 1e-9)
    if stopped.has_point:
        check_rules(stopped)
        assert stopped.equivalent <= best.certificate.bound


@pytest.mark.parametrize("integer", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_answers_after_writes_equal_fresh_ones(alpha: float, integer: bool) -> None:
    generator = np.random.default_rng(8)
    problem = groups(integer)
    with lm.GroupAlphaFair(problem, alpha).open("highs", route=OUTER_APPROXIMATION) as session:
        for _ in range(4):
            written = {
                "reward": generator.uniform(1.0, 20.0, problem.n_options),
                "budget": problem.budget * generator.uniform(0.5, 1.2, 3),
                "history": generator.uniform(0.0, 3.0, problem.n_groups),
                "weight": generator.uniform(0.5, 2.0, problem.n_groups),
            }
            session.write(**written)
            again = session.solve()
            fresh = solved(problem.replace(**written), alpha, "highs")
            assert again.verdict is fresh.verdict is lm.Verdict.OPTIMAL
            assert again.equivalent == pytest.approx(fresh.equivalent, rel=2e-6)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_who_cannot_all_be_served_is_told_what_to_do(alpha: float) -> None:
    # Two groups of two choices each, and a budget for one choice.
    problem = AllocationProblem(
        [[1.0]] * 4, [1.0], [1.0, 2.0, 3.0, 4.0], group=[0, 0, 1, 1], integer=True
    )
    allocation = lm.GroupAlphaFair(problem, alpha).solve("highs")
    assert allocation.route == OUTER_APPROXIMATION
    assert allocation.status is Status.INFEASIBLE
    assert "give the groups a history" in allocation.certificate.sentence
    with_history = lm.GroupAlphaFair(problem.replace(history=[1.0, 1.0]), alpha).solve("highs")
    assert with_history.verdict is lm.Verdict.OPTIMAL
    assert with_history.utility.tolist() == [1.0, 3.0]


def test_a_decision_cut_off_by_an_exact_budget_is_not_the_last(solver: str) -> None:
    # 0.2 + 1.9 is more than 2.1 in doubles; the next best leaves a group of many options little.
    problem = AllocationProblem(
        [[0.0, 0.9], [0.2, 0.0], [0.2, 1.5], [1.9, 1.3]],
        [2.1, 1.3],
        [0.0334, 12.26, 0.0793, 35.13],
        agent=[0, 1, 0, 0],
        agent_limit=np.inf,
        upper=[2, 2, 2, 1],
        weight=[35.06, 9.496],
        integer=True,
    )
    check_whole(problem, 1.0, solver)


def test_rewards_over_many_decades_are_right_on_highs() -> None:
    # Value by SCIP, Gurobi and GLPK; HiGHS alone stops at 1.65 without its presolve.
    generator = np.random.default_rng(1092)
    problem = random_problem(
        generator,
        fairness=True,
        n_options=int(generator.integers(10, 40)),
        infinite_upper=bool(generator.integers(4) == 0),
    )
    assert generator.integers(3) == 0
    assert problem.reward is not None
    problem = problem.replace(
        reward=problem.reward * 10.0 ** generator.uniform(-3, 3, problem.n_options),
        weight=10.0 ** generator.uniform(-2, 2, problem.n_groups),
    )
    allocation = solved(problem, 0.9, "highs", relative_gap=1e-4)
    assert allocation.equivalent == pytest.approx(4.693003005520023, rel=1e-4)


def test_linear_solvers_take_the_route_by_themselves() -> None:
    plans = {one.solver: one for one in lm.plan(lm.Proportional(groups(True))).solvers}
    for name in ("highs", "pyomo:glpk", "pyomo:cbc", "cvxpy:HIGHS"):
        assert plans[name].route == OUTER_APPROXIMATION
        assert plans[name].exactness is Exactness.TO_A_GAP
        assert "tangents" in plans[name].why
    assert plans["scip"].route == "plain"
    assert plans["cvxpy:OSQP"].exactness is Exactness.NOT_AT_ALL


def test_who_stops_far_from_optima_proves_no_gap_by_tangents() -> None:
    plans = {one.solver: one for one in lm.plan(lm.Proportional(groups(False))).solvers}
    assert "too far from the optimum" in plans["cvxpy:OSQP"].why


def test_a_licence_too_small_for_terms_suffices_for_tangents() -> None:
    if solvers.availability("gurobi").readiness is not solvers.Readiness.SIZE_LIMITED:
        pytest.skip("the licence of Gurobi has no limit here")
    model = lm.Proportional(groups(True, n=230))
    plan = lm.plan(model, solver="gurobi")
    assert plan.chosen is not None
    assert plan.chosen.route == OUTER_APPROXIMATION
    assert "the licence ends at" in plan.chosen.why
    allocation = model.solve("gurobi", relative_gap=1e-3)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.route == OUTER_APPROXIMATION


def test_a_linear_model_has_no_such_route() -> None:
    with pytest.raises(lm.errors.UnsolvableError, match="linear as it is"):
        lm.BudgetOnly(groups(True)).solve("highs", route=OUTER_APPROXIMATION)


def test_a_process_of_its_own_gives_the_same_answer() -> None:
    problem = groups(True)
    here = solved(problem, 2.0, "highs")
    there = solved(problem, 2.0, "highs", isolate=True)
    assert there.decision.tolist() == here.decision.tolist()


def test_one_seed_gives_one_decision_and_the_start_is_taken() -> None:
    problem = groups(True)
    first, second = (solved(problem, 0.5, "highs", seed=3) for _ in range(2))
    assert first.decision.tolist() == second.decision.tolist()
    started = solved(problem, 0.5, "highs", start=first.decision, node_limit=0)
    assert started.has_point


@pytest.mark.parametrize(("seed", "n_options", "n_groups"), [(16, 27, 5), (1, 40, 8)])
def test_no_optimum_is_cut_off_where_scip_completes_a_start(
    seed: int, n_options: int, n_groups: int
) -> None:
    """It is asked for more than one decision, each time with the best one to begin from."""
    generator = np.random.default_rng(seed)
    requests = generator.uniform(0.1, 1.0, (n_options, 3))
    problem = AllocationProblem(
        requests,
        requests.sum(axis=0) * 0.4,
        generator.uniform(0.5, 3.0, n_options),
        group=[j % n_groups for j in range(n_options)],
        integer=True,
    )
    model = lm.Proportional(problem)
    other = model.solve("highs", relative_gap=1e-3)
    found = model.solve("scip", route=OUTER_APPROXIMATION, relative_gap=1e-3)
    assert found.certificate.bound >= other.equivalent * (1.0 - 1e-9), found.certificate
    assert found.verdict is lm.Verdict.OPTIMAL
