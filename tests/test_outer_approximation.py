"""Alpha-fair terms on solvers that have linear rows only, at the level of Programs."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import solvers
from solvers import Capability, Limit, Outcome, Program, SolveOptions, SolverSession, Status
from solvers.errors import UpdateError
from solvers.outer_approximation import open_under_lines
from tests.fair_programs import best_whole, equivalent_of, fair, rows_without_options
from tests.random_examples import examples

ALPHAS = [0.01, 0.3, 0.5, 0.9, 1.0, 1.5, 2.0, 5.0, 10.0]
SOLVERS = ["highs", "scip", "gurobi"]


def opened(program: Program, name: str = "highs") -> SolverSession:
    adapter = solvers.find_adapter(name)
    return open_under_lines(adapter.open, Capability.START in adapter.capabilities, program)


def solved(program: Program, name: str = "highs", **options: Any) -> Outcome:
    session = opened(program, name)
    try:
        return session.solve(SolveOptions(**options))
    finally:
        session.close()


@pytest.fixture(params=SOLVERS)
def name(request: pytest.FixtureRequest, require_solver: Callable[[str], None]) -> str:
    require_solver(request.param)
    return str(request.param)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_whole_terms_have_the_optimum_of_enumeration(alpha: float, name: str) -> None:
    for seed in range(examples(50)):
        program = fair(seed, alpha, whole=True)
        outcome = solved(program, name)
        best = best_whole(program)
        assert outcome.status is Status.OPTIMAL, seed
        assert equivalent_of(program, outcome.point) == pytest.approx(best, rel=1e-6), seed
        assert outcome.objective is not None
        assert outcome.bound >= outcome.objective


@pytest.mark.parametrize("alpha", ALPHAS)
def test_fractional_terms_agree_with_a_conic_solver(
    alpha: float, name: str, require_solver: Callable[[str], None]
) -> None:
    require_solver("cvxpy")
    for seed in range(examples(50)):
        program = fair(seed, alpha, whole=False)
        conic = solvers.find_adapter("cvxpy:CLARABEL").open(program).solve(SolveOptions())
        outcome = solved(program, name)
        expected = equivalent_of(program, conic.point)
        assert outcome.status is Status.OPTIMAL, seed
        assert equivalent_of(program, outcome.point) == pytest.approx(expected, rel=2e-6), seed


@pytest.mark.parametrize("whole", [True, False])
def test_terms_without_time_have_no_point_or_a_feasible_one(whole: bool, name: str) -> None:
    program = fair(0, 2.0, whole)
    outcome = solved(program, name, time_limit_seconds=0.0)
    assert outcome.limit is Limit.TIME
    if outcome.point is not None:
        used = program.matrix @ outcome.point
        assert (used <= program.row_upper + 1e-6).all()
        assert (used >= program.row_lower - 1e-6).all()


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_a_limit_leaves_a_true_bound(alpha: float, name: str) -> None:
    for seed, nodes in itertools.product(range(3), (0, 1, 2)):
        program = fair(seed, alpha, whole=True, n_agents=6)
        best = best_whole(program)
        outcome = solved(program, name, node_limit=nodes)
        assert program.terms is not None
        total = float(program.terms.weight.sum())
        value = np.log(best) if alpha == 1.0 else best ** (1.0 - alpha) / (1.0 - alpha)
        assert outcome.bound >= total * value - 1e-6 * abs(total * value)
        if outcome.point is not None:
            assert equivalent_of(program, outcome.point) <= best * (1.0 + 1e-6)


def test_a_term_that_cannot_be_above_zero_is_infeasible() -> None:
    program = fair(0, 1.0, whole=True)
    upper = program.column_upper.copy()
    upper[10] = 0.0
    free = np.full(program.n_rows, -np.inf)
    outcome = solved(replace(program, column_upper=upper, row_lower=free))
    assert outcome.status is Status.INFEASIBLE
    assert outcome.point is None


def test_contradicting_rows_are_infeasible() -> None:
    program = fair(0, 2.0, whole=True)
    lower = program.row_lower.copy()
    lower[-1] = program.row_upper[-1] + 1.0
    assert solved(replace(program, row_lower=lower)).status is Status.INFEASIBLE


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_updates_there_and_back_equal_fresh_solves(alpha: float, whole: bool, name: str) -> None:
    first, second = fair(0, alpha, whole), fair(1, alpha, whole)
    session = opened(first, name)
    for program in (first, second, first):
        session.update(program)
        outcome = session.solve(SolveOptions())
        fresh = equivalent_of(program, solved(program, name).point)
        assert equivalent_of(program, outcome.point) == pytest.approx(fresh, rel=2e-6)
    session.close()


def test_weights_of_zero_come_and_go() -> None:
    program = fair(0, 2.0, whole=True)
    assert program.terms is not None
    weight = program.terms.weight.copy()
    weight[0] = 0.0
    without = replace(program, terms=replace(program.terms, weight=weight))
    session = opened(program)
    for one in (program, without, program):
        session.update(one)
        outcome = session.solve(SolveOptions())
        assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(best_whole(program), rel=1e-6)
    session.close()


def test_added_rows_hold_until_the_next_update() -> None:
    program = fair(0, 2.0, whole=True)
    session = opened(program)
    best = equivalent_of(program, session.solve(SolveOptions()).point)
    session.add_rows(*rows_without_options(program))
    outcome = session.solve(SolveOptions())
    assert equivalent_of(program, outcome.point) == pytest.approx(1.0, rel=1e-6)
    session.update(program)
    outcome = session.solve(SolveOptions())
    assert equivalent_of(program, outcome.point) == pytest.approx(best, rel=1e-6)
    session.close()


def test_a_program_without_terms_is_the_solvers_own() -> None:
    program = replace(fair(0, 2.0, whole=True), terms=None)
    session = opened(program)
    assert type(session) is type(solvers.find_adapter("highs").open(program))
    session.close()


def test_an_update_cannot_take_the_terms_away() -> None:
    program = fair(0, 2.0, whole=True)
    session = opened(program)
    with pytest.raises(UpdateError, match="alpha-fair terms"):
        session.update(replace(program, terms=None))
    session.close()
    with pytest.raises(UpdateError, match="closed"):
        session.solve(SolveOptions())
