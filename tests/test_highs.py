"""The adapter of HiGHS against its contract: statuses, limits, bounds, duals, rays, updates."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

import librex_models as lm
import solvers
from solvers import Block, Limit, Outcome, Program, SolveOptions, Status
from solvers.errors import (
    CapabilityError,
    OptionError,
    ProgramError,
    SolverFailure,
    UpdateError,
)
from solvers.highs import FAILED, SETTLED, STOPPED, HighsSession
from solvers.highs_doubt import agreed, claiming_less, contradicts_itself
from solvers.highs_options import WrittenOptions
from solvers.program import AlphaFairTerms
from tests.random_examples import examples
from tests.test_program import program_of

highspy = pytest.importorskip("highspy")

Floats = npt.NDArray[np.float64]
INFINITY = np.inf
REPOSITORY = Path(__file__).resolve().parent.parent

# HiGHS allows this much in rows, bounds and reduced costs (primal_feasibility_tolerance).
TOLERANCE = 1e-6


@pytest.fixture
def opened() -> Iterator[Callable[[Program], HighsSession]]:
    """Return a function that opens a session, which is closed after the test."""
    sessions: list[HighsSession] = []

    def open_session(program: Program) -> HighsSession:
        sessions.append(HighsSession(program))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def solved(program: Program, **options: Any) -> Outcome:
    session = HighsSession(program)
    try:
        return session.solve(SolveOptions(**options))
    finally:
        session.close()


def packing(seed: int, n_columns: int = 9, n_rows: int = 4, whole: bool = True) -> Program:
    """Return a knapsack with several rows; the zero vector is feasible."""
    generator = np.random.default_rng(seed)
    request = generator.integers(5, 99, (n_rows, n_columns)).astype(np.float64)
    reward = request.mean(axis=0) + generator.integers(1, 20, n_columns)
    side = np.floor(request.sum(axis=1) / 2)
    return program_of(reward, request, -INFINITY, side, integer=whole, objective_constant=3.0)


def covering(seed: int, n_columns: int = 12, n_rows: int = 4, whole: bool = False) -> Program:
    """Return a minimised program whose zero vector is infeasible."""
    generator = np.random.default_rng(seed)
    request = generator.integers(0, 9, (n_rows, n_columns)).astype(np.float64)
    cost = generator.integers(1, 30, n_columns).astype(np.float64)
    side = request.sum(axis=1) / 3
    return program_of(cost, request, side, INFINITY, integer=whole, maximise=False)


def hard() -> Program:
    """Return a program whose gap stays open for minutes."""
    return packing(1, n_columns=100, n_rows=40)


def assert_is_feasible(program: Program, point: Floats | None) -> None:
    assert point is not None
    use = program.matrix @ point
    size = 1 + abs(program.matrix) @ np.abs(point)
    assert (use <= program.row_upper + TOLERANCE * size).all()
    assert (use >= program.row_lower - TOLERANCE * size).all()
    assert (point <= program.column_upper + TOLERANCE).all()
    assert (point >= program.column_lower - TOLERANCE).all()
    whole = point[program.integer]
    assert (np.abs(whole - np.rint(whole)) <= TOLERANCE).all()


def value_of(program: Program, point: Floats | None) -> float:
    assert point is not None
    return float(program.objective @ point) + program.objective_constant


def best_by_enumeration(program: Program) -> float:
    """Return the optimum of a 0/1 packing program."""
    n = program.n_columns
    points = ((np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1).astype(np.float64)
    fits = (points @ program.matrix.T.toarray() <= program.row_upper).all(axis=1)
    return float((points[fits] @ program.objective).max()) + program.objective_constant


# Statuses.


def test_every_native_status_is_in_exactly_one_table() -> None:
    tables = [*SETTLED, *STOPPED, *FAILED]
    assert sorted(tables) == sorted(highspy.HighsModelStatus.__members__)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_a_whole_program_has_the_optimum_of_enumeration(seed: int) -> None:
    program = packing(seed)
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL
    assert outcome.limit is None
    assert_is_feasible(program, outcome.point)
    best = best_by_enumeration(program)
    # The relative gap asked for is 1e-6.
    assert outcome.objective == pytest.approx(best, rel=1e-6)
    assert outcome.objective == pytest.approx(value_of(program, outcome.point))
    assert outcome.bound == pytest.approx(best, rel=1e-6)
    assert outcome.row_dual is None
    assert outcome.reduced_cost is None


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_an_unbounded_program_is_said_to_be(maximise: bool) -> None:
    cost = [1.0, 1.0] if maximise else [-1.0, -1.0]
    program = program_of(
        cost, [[1.0, -1.0]], -INFINITY, 1.0, column_upper=INFINITY, maximise=maximise
    )
    outcome = solved(program)
    assert outcome.status is Status.UNBOUNDED
    assert outcome.bound == (INFINITY if maximise else -INFINITY)
    assert outcome.point is None


def test_an_unbounded_whole_program_is_not_called_solved() -> None:
    program = program_of(
        [1.0, 1.0], [[1.0, -1.0]], -INFINITY, 1.0, column_upper=INFINITY, integer=True
    )
    outcome = solved(program)
    assert outcome.status in (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED)
    assert outcome.point is None


def test_a_program_without_rows_is_solved_by_its_bounds() -> None:
    program = program_of(
        [1.0, -2.0], np.zeros((0, 2)), [], [], [0.0, -1.0], [4.0, 1.0], objective_constant=3.0
    )
    for candidate in (program, replace(program, integer=np.ones(2, dtype=np.bool_))):
        outcome = solved(candidate)
        assert outcome.point is not None
        assert outcome.point.tolist() == [4.0, -1.0]
        assert (outcome.objective, outcome.bound) == (9.0, 9.0)


@pytest.mark.parametrize(
    ("lower", "upper", "ray"),
    [
        pytest.param([-1.0, 0.0], [INFINITY, 0.0], None, id="feasible"),
        pytest.param([-1.0, 1.0], [1.0, 2.0], [0.0, -1.0], id="a lower side above zero"),
        pytest.param([-5.0, 0.0], [-1.0, 2.0], [1.0, 0.0], id="an upper side below zero"),
    ],
)
def test_rows_without_columns_are_judged_by_their_sides(
    lower: list[float], upper: list[float], ray: list[float] | None
) -> None:
    program = program_of([], np.zeros((2, 0)), lower, upper, objective_constant=3.0)
    outcome = solved(program)
    if ray is None:
        assert outcome.status is Status.OPTIMAL
        assert (outcome.objective, outcome.bound) == (3.0, 3.0)
    else:
        assert outcome.status is Status.INFEASIBLE
        assert outcome.infeasibility_ray is not None
        assert outcome.infeasibility_ray.tolist() == ray
        assert_ray_proves(program, outcome.infeasibility_ray)


def test_nothing_at_all_is_worth_its_constant() -> None:
    outcome = solved(program_of([], np.zeros((0, 0)), [], [], objective_constant=3.0))
    assert (outcome.status, outcome.objective, outcome.bound) == (Status.OPTIMAL, 3.0, 3.0)
    assert outcome.iterations == 0


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
def test_fixed_columns_stay_where_they_are(whole: bool) -> None:
    program = program_of(
        [5.0, 1.0, 1.0], [[1.0, 1.0, 1.0]], -INFINITY, 4.0, [2.0, 0.0, 0.0], [2.0, 1.0, 9.0], whole
    )
    outcome = solved(program)
    assert outcome.point is not None
    assert outcome.point[0] == 2.0
    assert outcome.objective == 12.0


def test_free_columns_may_be_negative() -> None:
    program = program_of(
        [1.0, 2.0], [[1.0, 1.0]], -3.0, INFINITY, -INFINITY, [INFINITY, INFINITY], maximise=False
    )
    bounded = replace(program, column_lower=np.array([-INFINITY, -10.0]))
    assert solved(program).status is Status.UNBOUNDED
    outcome = solved(replace(bounded, objective=np.array([1.0, 0.5])))
    assert outcome.status is Status.UNBOUNDED
    outcome = solved(replace(bounded, objective=np.array([1.0, 1.0])))
    assert outcome.objective == pytest.approx(-3.0)
    outcome = solved(bounded)
    assert outcome.point is not None
    assert outcome.point.tolist() == pytest.approx([7.0, -10.0])


def test_alpha_fair_terms_are_refused(opened: Callable[[Program], HighsSession]) -> None:
    program = packing(0, whole=False)
    terms = AlphaFairTerms(columns=np.array([0]), weight=np.ones(1), alpha=1.0)
    with pytest.raises(CapabilityError, match="alpha-fair terms"):
        opened(replace(program, terms=terms))
    session = opened(program)
    with pytest.raises(CapabilityError, match="alpha-fair terms"):
        session.update(replace(program, terms=terms))


def test_a_program_that_contradicts_itself_is_refused(
    opened: Callable[[Program], HighsSession],
) -> None:
    program = packing(0, whole=False)
    # HiGHS itself takes a NaN in the objective, and calls the result optimal.
    bad = replace(program, objective=np.full(program.n_columns, np.nan))
    with pytest.raises(ProgramError, match="objective"):
        opened(bad)
    session = opened(program)
    before = session.solve(SolveOptions())
    with pytest.raises(ProgramError, match="objective"):
        session.update(bad)
    assert session.solve(SolveOptions()).objective == before.objective


# Limits. Each is reached in a real run.

DUAL = {"presolve": "off", "simplex_strategy": 1}
PRIMAL = {"presolve": "off", "simplex_strategy": 4}


def larger(whole: bool) -> Program:
    return packing(3, n_columns=30, n_rows=6, whole=whole)


WITHOUT_A_POINT: dict[str, tuple[Program, Limit, dict[str, Any]]] = {
    "no time, whole": (larger(True), Limit.TIME, {"time_limit_seconds": 0.0}),
    "no time, whole, minimise": (
        covering(3, whole=True),
        Limit.TIME,
        {"time_limit_seconds": 0.0},
    ),
    "no time, linear": (covering(3), Limit.TIME, {"time_limit_seconds": 0.0}),
    "no nodes": (
        larger(True),
        Limit.NODES,
        {"node_limit": 0, "native": {"presolve": "off"}},
    ),
    "no nodes by a native option": (larger(True), Limit.NODES, {"native": {"mip_max_nodes": 0}}),
    "dual simplex": (
        larger(False),
        Limit.ITERATIONS,
        {"iteration_limit": 3, "native": DUAL},
    ),
    "dual simplex, minimise": (
        covering(3, 40, 15),
        Limit.ITERATIONS,
        {"iteration_limit": 3, "native": DUAL},
    ),
    "interior point": (
        covering(3, 40, 15),
        Limit.ITERATIONS,
        {"iteration_limit": 1, "native": {"solver": "ipm"}},
    ),
}
WITH_A_POINT: dict[str, tuple[Program, Limit, dict[str, Any]]] = {
    "time": (hard(), Limit.TIME, {"time_limit_seconds": 0.3}),
    "time with a start": (
        hard(),
        Limit.TIME,
        {"time_limit_seconds": 0.05, "start": np.zeros(100)},
    ),
    "nodes": (larger(True), Limit.NODES, {"node_limit": 1}),
    "nodes, and solutions not reached": (
        larger(True),
        Limit.NODES,
        {"node_limit": 1, "solution_limit": 10_000},
    ),
    "solutions": (larger(True), Limit.SOLUTIONS, {"solution_limit": 1}),
    "solutions, and nodes not reached": (
        larger(True),
        Limit.SOLUTIONS,
        {"solution_limit": 1, "node_limit": 10_000},
    ),
    "a target": (larger(True), Limit.OTHER, {"native": {"objective_target": 5.0}}),
    "primal simplex": (
        larger(False),
        Limit.ITERATIONS,
        {"iteration_limit": 3, "native": PRIMAL},
    ),
    "primal simplex, minimise": (
        covering(3, 40, 15),
        Limit.ITERATIONS,
        {"iteration_limit": 2, "native": PRIMAL},
    ),
}


def assert_bound_is_honest(program: Program, outcome: Outcome) -> None:
    """Compare with the optimum, or for the hard program with the best point that is known."""
    known = solved(program, time_limit_seconds=0.3)
    assert known.objective is not None
    slack = 1e-6 * abs(known.objective)
    if program.maximise:
        assert outcome.bound >= known.objective - slack
    else:
        assert outcome.bound <= known.objective + slack


@pytest.mark.parametrize(
    ("program", "limit", "options"), WITHOUT_A_POINT.values(), ids=WITHOUT_A_POINT
)
def test_a_limit_without_a_point_claims_nothing(
    program: Program, limit: Limit, options: dict[str, Any]
) -> None:
    outcome = solved(program, **options)
    assert (outcome.status, outcome.limit) == (Status.NO_SOLUTION_FOUND, limit)
    assert outcome.point is None
    assert outcome.objective is None
    assert outcome.row_dual is None
    assert_bound_is_honest(program, outcome)


@pytest.mark.parametrize(("program", "limit", "options"), WITH_A_POINT.values(), ids=WITH_A_POINT)
def test_a_limit_with_a_point_hands_over_a_feasible_one(
    program: Program, limit: Limit, options: dict[str, Any]
) -> None:
    outcome = solved(program, **options)
    assert (outcome.status, outcome.limit) == (Status.FEASIBLE, limit)
    assert_is_feasible(program, outcome.point)
    assert outcome.objective == pytest.approx(value_of(program, outcome.point))
    assert outcome.row_dual is None
    assert_bound_is_honest(program, outcome)


@pytest.mark.parametrize("seed", range(examples(100)))
@pytest.mark.parametrize("native", [DUAL, PRIMAL], ids=["dual", "primal"])
def test_a_point_of_a_limited_linear_program_is_feasible(seed: int, native: dict[str, Any]) -> None:
    for program in (packing(seed, 30, 12, whole=False), covering(seed, 30, 12)):
        for iterations in (0, 1, 2, 4, 8):
            outcome = solved(program, iteration_limit=iterations, native=native)
            if outcome.status.has_point:
                assert_is_feasible(program, outcome.point)
            assert_bound_is_honest(program, outcome)


def test_limits_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(OptionError, match="no iteration limit for whole columns: use node_limit"):
        solved(packing(0), iteration_limit=5)
    with pytest.raises(OptionError, match="no memory limit"):
        solved(packing(0), memory_limit_mb=100.0)


def test_a_huge_limit_is_no_limit() -> None:
    outcome = solved(packing(0), node_limit=2**40, solution_limit=2**40, seed=2**40)
    assert outcome.status is Status.OPTIMAL


@pytest.mark.parametrize(
    "options",
    [{"time_limit_seconds": 0.2}, {"native": {"time_limit": 0.2}}],
    ids=["common", "native"],
)
def test_the_time_limit_counts_for_each_solve(
    opened: Callable[[Program], HighsSession], options: dict[str, Any]
) -> None:
    # HiGHS adds up the time of all linear programs of one object.
    program = covering(0, 60, 40)
    session = opened(program)
    generator = np.random.default_rng(0)
    start = time.perf_counter()
    solves = 0
    while time.perf_counter() - start < 0.5:
        session.update(replace(program, objective=program.objective * generator.uniform(1, 2, 60)))
        outcome = session.solve(SolveOptions(**options))
        assert outcome.status is Status.OPTIMAL
        solves += 1
    assert solves > 3
    outcome = session.solve(SolveOptions(time_limit_seconds=0.0, native={"presolve": "off"}))
    assert outcome.status in (Status.OPTIMAL, Status.NO_SOLUTION_FOUND)


def test_the_time_limit_of_whole_programs_counts_for_each_solve(
    opened: Callable[[Program], HighsSession],
) -> None:
    session = opened(hard())
    for _ in range(3):
        outcome = session.solve(SolveOptions(time_limit_seconds=0.2))
        assert outcome.limit is Limit.TIME
        assert 0.15 < outcome.seconds < 2.0


# Duals.


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_a_dual_is_the_change_of_the_optimum_per_unit_of_its_side(
    seed: int, maximise: bool
) -> None:
    program = packing(seed, 10, 4, whole=False) if maximise else covering(seed, 10, 4)
    side = "row_upper" if maximise else "row_lower"
    # Sides that are no whole numbers: a degenerate vertex has a dual for either direction.
    odd = np.random.default_rng(seed).uniform(0.1, 0.9, program.n_rows)
    program = replace(program, **{side: getattr(program, side) + odd})
    outcome = solved(program)
    assert outcome.row_dual is not None
    assert outcome.objective is not None
    step = 1e-4
    for row in range(program.n_rows):
        moved = getattr(program, side).copy()
        moved[row] += step
        after = solved(replace(program, **{side: moved}))
        assert after.objective is not None
        # Objectives are exact to 1e-9 or so.
        slope = (after.objective - outcome.objective) / step
        assert outcome.row_dual[row] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_a_row_times_minus_one_flips_its_dual(maximise: bool) -> None:
    program = packing(5, 10, 4, whole=False) if maximise else covering(5, 10, 4)
    before = solved(program)
    sign = np.array([1.0, -1.0, 1.0, -1.0])
    matrix = sparse.csc_array(sparse.diags_array(sign) @ program.matrix)
    lower = np.where(sign < 0, -program.row_upper, program.row_lower)
    upper = np.where(sign < 0, -program.row_lower, program.row_upper)
    after = solved(replace(program, matrix=matrix, row_lower=lower, row_upper=upper))
    assert before.row_dual is not None
    assert after.row_dual is not None
    assert np.abs(before.row_dual).max() > 0.1
    assert after.row_dual == pytest.approx(sign * before.row_dual)


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_reduced_costs_are_the_objective_less_what_the_rows_charge(maximise: bool) -> None:
    program = packing(5, 10, 4, whole=False) if maximise else covering(5, 10, 4)
    outcome = solved(program)
    assert outcome.row_dual is not None
    assert outcome.reduced_cost is not None
    charge = program.matrix.T @ outcome.row_dual
    assert outcome.reduced_cost == pytest.approx(program.objective - charge, abs=TOLERANCE)
    # A column at its upper bound gains from more room, in the sense of the objective.
    assert outcome.point is not None
    gain = outcome.reduced_cost if maximise else -outcome.reduced_cost
    assert (gain[outcome.point > 1 - 1e-9] >= -TOLERANCE).all()
    assert (gain[outcome.point < 1e-9] <= TOLERANCE).all()


def test_duals_cover_the_rows_of_the_program_only(
    opened: Callable[[Program], HighsSession],
) -> None:
    session = opened(program_of([1.0], [[1.0]], -INFINITY, 0.9))
    session.add_rows(sparse.csr_array(np.ones((1, 1))), np.array([-INFINITY]), np.array([0.5]))
    outcome = session.solve(SolveOptions())
    assert outcome.row_dual is not None
    assert outcome.row_dual.tolist() == [0.0]


# Infeasibility.


def assert_ray_proves(program: Program, ray: Floats | None) -> None:
    """Check the multipliers by arithmetic, by the convention of `Outcome`."""
    assert ray is not None
    assert ray.shape == (program.n_rows,)
    weighed = ray != 0
    side = np.where(ray > 0, program.row_upper, program.row_lower)[weighed]
    assert np.isfinite(side).all()
    coefficient = ray @ program.matrix.toarray()
    coefficient[np.abs(coefficient) < 1e-9] = 0.0
    used = coefficient != 0
    cheapest = np.where(coefficient > 0, program.column_lower, program.column_upper)[used]
    least = float(coefficient[used] @ cheapest)
    assert float(ray[weighed] @ side) < least - 1e-9


IMPOSSIBLE: dict[str, Program] = {
    "a lower side": program_of([1.0, 1.0], [[1.0, 1.0]], 3.0, INFINITY),
    "an upper side": program_of([1.0, 1.0], [[1.0, 1.0]], -INFINITY, -1.0),
    "an equality": program_of([1.0, 1.0], [[1.0, 1.0]], 3.0, 3.0),
    "a lower against an upper side": program_of(
        [1.0, 1.0], [[1.0, 1.0], [2.0, 2.0]], [-INFINITY, 4.0], [1.5, INFINITY]
    ),
    "two equalities": program_of(
        [1.0, 1.0], [[1.0, 2.0], [1.0, 2.0]], [1.0, 2.0], [1.0, 2.0], -INFINITY, INFINITY
    ),
    "all kinds": program_of(
        [1.0, 2.0, 0.0],
        [[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 2.0, -1.0], [1.0, 0.0, 0.0]],
        [-INFINITY, 0.25, 2.5, 0.0],
        [1.0, 0.25, INFINITY, 9.0],
    ),
}


@pytest.mark.parametrize("presolve", ["on", "off"])
@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
@pytest.mark.parametrize("program", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_multipliers_prove_infeasibility(program: Program, maximise: bool, presolve: str) -> None:
    program = replace(program, maximise=maximise)
    outcome = solved(program, native={"presolve": presolve})
    assert outcome.status is Status.INFEASIBLE
    assert outcome.point is None
    assert outcome.bound == (INFINITY if maximise else -INFINITY)
    assert_ray_proves(program, outcome.infeasibility_ray)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_multipliers_prove_random_infeasibility(seed: int) -> None:
    generator = np.random.default_rng(seed)
    program = covering(seed, 8, 5)
    upper = np.where(generator.integers(0, 2, 5) > 0, program.row_lower, INFINITY)
    most = abs(program.matrix).sum(axis=1)
    lower = np.where(generator.integers(0, 3, 5) == 0, most + 1.0, program.row_lower)
    lower[0] = most[0] + 0.5
    program = replace(program, row_lower=lower, row_upper=np.maximum(upper, lower))
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert_ray_proves(program, outcome.infeasibility_ray)


def test_a_whole_program_that_is_infeasible_brings_no_multipliers() -> None:
    program = program_of([1.0, 1.0], [[2.0, 2.0]], 1.0, 1.0, integer=True)
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert outcome.infeasibility_ray is None


# Options.


@pytest.mark.parametrize(
    ("name", "near"),
    [("time_limitt", "time_limit"), ("presolv", "presolve"), ("__class__", "")],
)
def test_an_unknown_option_is_refused(name: str, near: str) -> None:
    hint = f"; did you mean '{near}'" if near else ""
    with pytest.raises(OptionError, match=f"HiGHS has no option '{name}'{hint}"):
        solved(packing(0), native={name: 1.0})


# highspy's own class of options lacks the second and third.
@pytest.mark.parametrize(
    "native",
    [{"mip_max_leaves": 10_000}, {"mip_allow_restart": False}, {"mip_max_start_nodes": 100}],
)
def test_every_option_of_highs_can_be_set_and_taken_back(
    opened: Callable[[Program], HighsSession], native: dict[str, Any]
) -> None:
    session = opened(packing(0))
    assert session.solve(SolveOptions(native=native)).status is Status.OPTIMAL
    assert session.solve(SolveOptions()).status is Status.OPTIMAL


@pytest.mark.parametrize(
    "native",
    [
        {"presolve": "perhaps"},
        {"presolve": 3},
        {"presolve": object},
        {"time_limit": "x"},
        {"mip_rel_gap": -1.0},
        {"simplex_strategy": 99},
        {"threads": 1.5},
        {"random_seed": 2**40},
    ],
    ids=str,
)
def test_a_value_that_highs_does_not_take_is_refused(
    opened: Callable[[Program], HighsSession], native: dict[str, Any]
) -> None:
    session = opened(packing(0, whole=False))
    with pytest.raises(
        OptionError, match=f"does not take .* for its option '{next(iter(native))}'"
    ):
        session.solve(SolveOptions(native=native))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL


def test_native_options_hold_for_one_solve(opened: Callable[[Program], HighsSession]) -> None:
    session = opened(larger(False))
    limited = session.solve(SolveOptions(native={"simplex_iteration_limit": 1, **DUAL}))
    assert limited.limit is Limit.ITERATIONS
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    lines: list[str] = []
    session.update(replace(larger(False), objective=np.arange(30.0)))
    session.solve(SolveOptions(native={"solver": "ipm"}, log=lines.append))
    assert any("IPX" in line or "ipm" in line.lower() for line in lines)
    lines.clear()
    session.update(larger(False))
    session.solve(SolveOptions(log=lines.append))
    assert not any("IPX" in line for line in lines)


def test_options_are_written_again_after_others_were_refused() -> None:
    highs, program = highspy._core._Highs(), program_of([1.0], [[1.0]], -INFINITY, [1.0])
    written, usual = WrittenOptions(highs), SolveOptions()
    written.write(program, usual)
    with pytest.raises(OptionError, match="presolve"):
        written.write(program, SolveOptions(seed=7, native={"presolve": 3}))
    written.write(program, usual)
    assert highs.getOptionValue("random_seed")[1] == 0


def test_native_options_win_over_the_common_ones() -> None:
    outcome = solved(hard(), time_limit_seconds=60.0, native={"time_limit": 0.0})
    assert outcome.limit is Limit.TIME
    assert outcome.seconds < 5.0


def test_the_number_of_threads_may_change_in_any_thread() -> None:
    # HiGHS keeps one pool of threads for each thread that calls it, and fails with another number.
    program = packing(2)
    best = solved(program).objective
    found: list[float | None] = []

    def solve_with(threads: int) -> None:
        found.append(solved(program, threads=threads).objective)

    for threads in (1, 2, 1):
        solve_with(threads)
        other = threading.Thread(target=solve_with, args=(2,))
        other.start()
        other.join()
    found.append(solved(program, native={"threads": 2}).objective)
    assert found == [best] * 7


# Start, seed, log.


def test_a_start_is_used() -> None:
    program = larger(True)
    best = solved(program, node_limit=1)
    lines: list[str] = []
    outcome = solved(program, node_limit=0, start=best.point, log=lines.append)
    assert outcome.status is Status.FEASIBLE
    assert outcome.objective == pytest.approx(best.objective)
    assert any("MIP start solution is feasible" in line for line in lines)


def test_a_start_outside_the_bounds_is_moved_to_them() -> None:
    program = replace(larger(True), row_upper=np.full(6, INFINITY))
    outcome = solved(program, node_limit=0, start=np.full(30, 7.0), native={"presolve": "off"})
    assert outcome.objective == pytest.approx(value_of(program, np.ones(30)))


def test_a_start_that_is_infeasible_does_no_harm() -> None:
    program = packing(0)
    outcome = solved(program, start=np.ones(9))
    assert outcome.objective == pytest.approx(best_by_enumeration(program))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.zeros(8), r"start has shape \(8,\), expected \(9,\)"),
        (np.zeros((9, 1)), r"start has shape \(9, 1\)"),
    ],
)
def test_a_start_that_fits_no_column_is_refused(start: Floats, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        solved(packing(0), start=start)


def test_a_start_may_leave_columns_open() -> None:
    program = packing(0)
    start = np.full(9, np.nan)
    start[:2] = 0.0
    outcome = solved(program, start=start)
    assert outcome.objective == pytest.approx(best_by_enumeration(program))


@pytest.mark.parametrize("seed", [0, 17])
def test_the_same_seed_gives_the_same_decision(seed: int) -> None:
    program = larger(True)
    first, second = (solved(program, seed=seed, node_limit=20) for _ in range(2))
    assert first.point is not None
    assert second.point is not None
    assert first.point.tobytes() == second.point.tobytes()
    assert (first.bound, first.nodes, first.iterations) == (
        second.bound,
        second.nodes,
        second.iterations,
    )


def test_log_gets_every_line_and_only_when_asked(
    opened: Callable[[Program], HighsSession], capfd: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    session = opened(packing(0))
    session.solve(SolveOptions(log=lines.append))
    assert any("Solving report" in line for line in lines)
    assert not any("\n" in line for line in lines)
    count = len(lines)
    session.solve(SolveOptions())
    assert len(lines) == count
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_log_comes_out_and_leaves_the_session_usable(
    opened: Callable[[Program], HighsSession], threads: int
) -> None:
    def log(line: str) -> None:
        raise ValueError(line)

    session = opened(packing(0))
    with pytest.raises(ValueError, match="MIP has"):
        session.solve(SolveOptions(log=log, threads=threads))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL


def test_one_solve_writes_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        solved(packing(0))
    records = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.name for record in records] == ["solvers.highs"]
    assert "HiGHS: optimal" in records[0].getMessage()


def test_one_solve_of_a_model_writes_one_line_for_each_package(
    caplog: pytest.LogCaptureFixture,
) -> None:
    problem = lm.AllocationProblem([[2.0], [1.0]], [2.0], reward=[3.0, 2.0])
    with caplog.at_level(logging.INFO):
        lm.BudgetOnly(problem).solve(solver="highs")
    names = [record.name for record in caplog.records if record.levelno >= logging.INFO]
    assert [name.partition(".")[0] for name in names] == ["solvers", "librex_models"]


# Updates.


def changed(program: Program, generator: np.random.Generator, kind: str) -> Program:
    n_columns, n_rows = program.n_columns, program.n_rows
    if kind == "objective":
        factor = generator.uniform(0.5, 2.0, n_columns)
        return replace(program, objective=program.objective * factor, objective_constant=-1.5)
    if kind == "sides":
        factor = generator.uniform(0.5, 1.2, n_rows)
        lower, upper = program.row_lower * factor, program.row_upper * factor
        return replace(program, row_lower=lower, row_upper=upper)
    if kind == "bounds":
        upper = generator.integers(1, 4, n_columns).astype(np.float64)
        lower = np.minimum(generator.integers(0, 5, n_columns) == 0, upper).astype(np.float64)
        return replace(program, column_lower=lower, column_upper=upper)
    matrix = program.matrix.copy()
    if kind == "entry":
        matrix.data[generator.integers(matrix.nnz)] *= 1.25
    else:
        matrix.data *= generator.uniform(0.8, 1.25, matrix.nnz)
    return replace(program, matrix=matrix)


def assert_equals_fresh(outcome: Outcome, program: Program) -> None:
    fresh = solved(program)
    assert outcome.status is fresh.status
    # Whole programs are solved to a relative gap of 1e-6.
    assert outcome.bound == pytest.approx(fresh.bound, rel=2e-6)
    if fresh.status is Status.OPTIMAL:
        assert outcome.objective == pytest.approx(fresh.objective, rel=2e-6)
        assert outcome.objective == pytest.approx(value_of(program, outcome.point))
        assert_is_feasible(program, outcome.point)
    if outcome.infeasibility_ray is not None:
        assert_ray_proves(program, outcome.infeasibility_ray)


IN_PLACE = ("objective", "sides", "bounds")


@pytest.mark.parametrize("seed", range(examples(200)))
@pytest.mark.parametrize("kind", ["whole", "linear", "covering"])
def test_updates_equal_fresh_solves(
    opened: Callable[[Program], HighsSession], kind: str, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    first = covering(seed) if kind == "covering" else packing(seed, whole=kind == "whole")
    session = opened(first)
    assert_equals_fresh(session.solve(SolveOptions()), first)
    program, rebuilds, in_place = first, 0, 0
    for _ in range(8):
        what = str(generator.choice([*IN_PLACE, "matrix", "entry", "back"]))
        old = program
        program = first if what == "back" else changed(program, generator, what)
        # Some programs are changed by a single entry, or by all of them.
        is_rebuild = int((program.matrix.data != old.matrix.data).sum()) > 11
        session.update(program)
        rebuilds, in_place = rebuilds + is_rebuild, in_place + (not is_rebuild)
        if generator.integers(0, 3):
            assert_equals_fresh(session.solve(SolveOptions()), program)
    assert (session.counts.rebuilds, session.counts.updates_in_place) == (rebuilds, in_place)
    assert sum(session.counts.times.values()) == 8


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("kind", IN_PLACE)
def test_there_and_back_again(
    opened: Callable[[Program], HighsSession], kind: str, whole: bool
) -> None:
    program = packing(4, whole=whole)
    session = opened(program)
    before = session.solve(SolveOptions())
    step = changed(program, np.random.default_rng(1), kind)
    session.update(step)
    assert_equals_fresh(session.solve(SolveOptions()), step)
    session.update(program)
    assert session.solve(SolveOptions()).objective == pytest.approx(before.objective)
    assert (session.counts.updates_in_place, session.counts.rebuilds) == (2, 0)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("crossed", [True, False], ids=["crossed bounds", "rows"])
def test_an_infeasible_step_leaves_no_trace(
    opened: Callable[[Program], HighsSession], whole: bool, crossed: bool
) -> None:
    program = packing(4, whole=whole)
    session = opened(program)
    session.solve(SolveOptions())
    if crossed:
        session.update(replace(program, column_lower=np.full(9, 2.0)))
    else:
        session.update(replace(program, row_lower=np.full(4, 1e4), row_upper=np.full(4, 1e5)))
    assert session.solve(SolveOptions()).status is Status.INFEASIBLE
    session.update(program)
    assert_equals_fresh(session.solve(SolveOptions()), program)


@pytest.mark.parametrize(
    ("whole", "options"),
    [
        (True, {"node_limit": 0}),
        (True, {"time_limit_seconds": 0.0}),
        (True, {"solution_limit": 1}),
        (False, {"iteration_limit": 1, "native": DUAL}),
        (False, {"time_limit_seconds": 0.0}),
    ],
)
def test_a_solve_after_a_limit_goes_on(
    opened: Callable[[Program], HighsSession], whole: bool, options: dict[str, Any]
) -> None:
    program = packing(3, n_columns=15, n_rows=5, whole=whole)
    session = opened(program)
    assert session.solve(SolveOptions(**options)).status.is_stopped
    assert_equals_fresh(session.solve(SolveOptions()), program)
    other = replace(program, row_upper=program.row_upper * 0.8)
    session.update(other)
    assert session.solve(SolveOptions(**options)).status.is_stopped
    session.update(program)
    assert_equals_fresh(session.solve(SolveOptions()), program)


def test_a_rebuild_says_why(opened: Callable[[Program], HighsSession]) -> None:
    program = packing(0, whole=False)
    session = opened(program)
    steps = [
        replace(program, matrix=program.matrix * 1.5),
        replace(program, integer=np.ones(9, dtype=np.bool_)),
        replace(program, maximise=False),
    ]
    for step in steps:
        session.update(step)
        assert_equals_fresh(session.solve(SolveOptions()), step)
        session.update(program)
        assert_equals_fresh(session.solve(SolveOptions()), program)
    assert session.counts.rebuilds == 6
    assert session.counts.reasons == (
        "rebuilt: so many entries of the matrix changed that this is cheaper (2 times)",
        "rebuilt: the columns that are whole changed (2 times)",
        "rebuilt: the sense of the objective changed (2 times)",
    )


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
def test_a_rebuild_can_be_forbidden(opened: Callable[[Program], HighsSession], whole: bool) -> None:
    program = packing(0, whole=whole)
    session = opened(program)
    scaled = replace(program, matrix=program.matrix * 1.5)
    session.update(scaled, forbid_rebuild=True)
    assert_equals_fresh(session.solve(SolveOptions()), scaled)
    with pytest.raises(UpdateError, match=r"need a rebuild: the sense .* nothing was changed"):
        session.update(replace(program, maximise=False), forbid_rebuild=True)
    assert_equals_fresh(session.solve(SolveOptions()), scaled)
    tiny = program.matrix.copy()
    tiny.data[0] = 1e-11
    with pytest.raises(UpdateError, match=r"need a rebuild: an entry .* so small"):
        session.update(replace(program, matrix=tiny), forbid_rebuild=True)
    assert_equals_fresh(session.solve(SolveOptions()), scaled)
    assert (session.counts.updates_in_place, session.counts.rebuilds) == (1, 0)


def test_entries_come_and_go_in_place(opened: Callable[[Program], HighsSession]) -> None:
    program = packing(2, n_columns=40, n_rows=5, whole=False)
    sparser = program.matrix.tolil()
    sparser[2, 3] = 0.0
    without = replace(program, matrix=sparse.csc_array(sparser))
    assert without.matrix.nnz == program.matrix.nnz - 1
    session = opened(program)
    for step in (without, program, without):
        session.update(step)
        assert_equals_fresh(session.solve(SolveOptions()), step)
    assert session.counts.updates_in_place == 3
    assert session.counts.reasons == ("in place: entries of the matrix (3 times)",)


def test_a_zero_that_is_stored_or_not_is_no_difference(
    opened: Callable[[Program], HighsSession],
) -> None:
    program = packing(2, n_columns=40, n_rows=5, whole=False)
    stored = program.matrix.copy()
    stored.data[0] = 0.0
    dropped = stored.copy()
    dropped.eliminate_zeros()
    session = opened(replace(program, matrix=stored))
    for matrix in (dropped, stored):
        session.update(replace(program, matrix=matrix))
        assert_equals_fresh(session.solve(SolveOptions()), replace(program, matrix=dropped))
    assert session.counts.rebuilds == 0


def test_a_rebuild_keeps_the_basis(opened: Callable[[Program], HighsSession]) -> None:
    program = packing(0, n_columns=200, n_rows=30, whole=False)
    session = opened(program)
    cold = session.solve(SolveOptions()).iterations
    nearly = program.matrix.copy()
    nearly.data[0] *= 1.0001
    session.update(replace(program, matrix=nearly))
    assert session.solve(SolveOptions()).iterations < cold / 4


def test_an_update_of_another_shape_is_refused(
    opened: Callable[[Program], HighsSession],
) -> None:
    session = opened(packing(0))
    with pytest.raises(UpdateError, match=r"\(4, 13\).*\(4, 9\); nothing was changed"):
        session.update(packing(0, n_columns=13))
    assert_equals_fresh(session.solve(SolveOptions()), packing(0))


def test_a_matrix_that_highs_refuses_leaves_the_old_numbers(
    opened: Callable[[Program], HighsSession],
) -> None:
    program = packing(0)
    huge = program.matrix.copy()
    # From 1e15 on HiGHS takes no entry.
    huge.data[0] = 1e16
    with pytest.raises(SolverFailure, match="could not take the program"):
        opened(replace(program, matrix=huge))
    session = opened(program)
    with pytest.raises(UpdateError, match="the old numbers are back"):
        session.update(replace(program, matrix=huge))
    assert_equals_fresh(session.solve(SolveOptions()), program)
    assert session.counts.rebuilds == 0


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("kind", ["objective", "matrix", "nothing"])
def test_added_rows_hold_until_the_next_update(
    opened: Callable[[Program], HighsSession], kind: str, whole: bool
) -> None:
    program = packing(4, whole=whole)
    session = opened(program)
    session.solve(SolveOptions())
    rows = sparse.csr_array(np.vstack([np.ones(9), np.eye(9)[3]]))
    lower, upper = np.array([-INFINITY, 0.0]), np.array([2.0, 0.0])
    session.add_rows(rows, lower, upper)
    outcome = session.solve(SolveOptions())
    assert outcome.point is not None
    assert outcome.point.sum() <= 2.0 + TOLERANCE
    assert outcome.point[3] == pytest.approx(0.0, abs=TOLERANCE)
    session.add_rows(sparse.csr_array(np.ones((1, 9))), np.array([-INFINITY]), np.array([1.0]))
    outcome = session.solve(SolveOptions())
    assert outcome.point is not None
    assert outcome.point.sum() <= 1.0 + TOLERANCE
    if kind != "nothing":
        program = changed(program, np.random.default_rng(0), kind)
    session.update(program)
    assert_equals_fresh(session.solve(SolveOptions()), program)


# Sessions.


def test_two_sessions_know_nothing_of_each_other(
    opened: Callable[[Program], HighsSession],
) -> None:
    programs = [packing(1), packing(2, whole=False)]
    sessions = [opened(program) for program in programs]
    sessions[0].solve(SolveOptions(native={"presolve": "off"}, node_limit=0))
    for _ in range(2):
        for session, program in zip(sessions, programs, strict=True):
            assert_equals_fresh(session.solve(SolveOptions()), program)
    sessions[0].close()
    assert_equals_fresh(sessions[1].solve(SolveOptions()), programs[1])


def test_sessions_in_two_threads_solve_at_once() -> None:
    found: dict[int, float | None] = {}

    def solve(seed: int) -> None:
        for _ in range(3):
            found[seed] = solved(packing(seed)).objective

    threads = [threading.Thread(target=solve, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: solved(packing(seed)).objective for seed in range(4)}


def test_a_closed_session_does_nothing_but_close_again() -> None:
    session = HighsSession(packing(0))
    session.solve(SolveOptions())
    session.close()
    session.close()
    one_row = sparse.csr_array(np.ones((1, 9)))
    attempts: list[Callable[[], object]] = [
        lambda: session.solve(SolveOptions()),
        lambda: session.update(packing(0)),
        lambda: session.add_rows(one_row, np.zeros(1), np.ones(1)),
    ]
    for attempt in attempts:
        with pytest.raises(UpdateError, match="the session is closed"):
            attempt()


def test_an_outcome_outlives_its_session() -> None:
    program = packing(0, whole=False)
    session = HighsSession(program)
    outcome = session.solve(SolveOptions())
    session.close()
    assert_is_feasible(program, outcome.point)


# Ctrl-C. The signal comes in the table of a run that would take minutes, after a first point.

INTERRUPTED = textwrap.dedent("""
    import os, signal
    import numpy as np
    import librex_models as lm
    from solvers import Limit, SolveOptions, Status
    from solvers.highs import HighsSession
    from tests.test_highs import assert_is_feasible, hard, value_of

    # A parent may have had it ignored.
    handler = signal.default_int_handler
    signal.signal(signal.SIGINT, handler)
    state = {"in_table": False, "sent": False}

    def log(line):
        if state["in_table"] and not state["sent"]:
            state["sent"] = True
            os.kill(os.getpid(), signal.SIGINT)
        state["in_table"] |= line.startswith("Src  Proc")

    program = hard()
    start = np.zeros(program.n_columns)
""")


def run_interrupted(script: str) -> None:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    assert time.perf_counter() - start < 30


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to oneself on POSIX only")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_returns_the_best_point(threads: int) -> None:
    run_interrupted(f"""
        session = HighsSession(program)
        options = SolveOptions(time_limit_seconds=45, log=log, start=start, threads={threads})
        outcome = session.solve(options)
        assert state["sent"]
        assert (outcome.status, outcome.limit) == (Status.FEASIBLE, Limit.INTERRUPT), outcome
        assert_is_feasible(program, outcome.point)
        assert outcome.bound >= outcome.objective >= value_of(program, start)
        assert signal.getsignal(signal.SIGINT) is handler
        again = session.solve(SolveOptions(time_limit_seconds=0.2))
        assert again.limit is Limit.TIME, again
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 5)
        except KeyboardInterrupt:
            print("done")
    """)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to oneself on POSIX only")
def test_ctrl_c_during_a_model_returns_a_verified_allocation() -> None:
    run_interrupted("""
        problem = lm.AllocationProblem(
            program.matrix.T.toarray(), program.row_upper, program.objective, integer=True
        )
        model = lm.BudgetOnly(problem)
        allocation = model.solve(solver="highs", time_limit_seconds=45, log=log, start=start)
        assert state["sent"]
        assert allocation.limit is Limit.INTERRUPT
        assert allocation.status is Status.FEASIBLE
        assert allocation.verdict is lm.Verdict.FEASIBLE
        assert (allocation.allocated.sum(axis=0) <= problem.budget).all()
        assert allocation.bound >= allocation.objective
        assert signal.getsignal(signal.SIGINT) is handler
        print("done")
    """)


def test_the_handler_of_the_caller_is_left_alone() -> None:
    def handler(*_: object) -> None:
        raise AssertionError("nobody sent a signal")

    before = signal.signal(signal.SIGINT, handler)
    try:
        solved(packing(0))
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def wrong_with_presolve() -> Program:
    """HiGHS 1.15 calls 20 optimal here, beside a bound of 20 2/3, which is attained."""
    return program_of(
        [-2.0, 2.0, -2.0, 3.0, 0.0],
        [[1, 3, 1, 2, 2], [-2, -3, -1, -2, 3], [3, -3, 0, 2, -3]],
        [1.0, -np.inf, -2.0],
        [np.inf, 1.0, 1.0],
        column_upper=[4.0, 4.0, 4.0, 4.0, 1.0],
        integer=[False, True, True, False, True],
        objective_constant=2.0,
    )


def test_an_optimum_that_its_own_bound_denies_is_solved_again() -> None:
    outcome = solved(wrong_with_presolve())
    assert outcome.status is Status.OPTIMAL
    assert outcome.objective == pytest.approx(62 / 3, rel=1e-9)
    assert outcome.bound == pytest.approx(62 / 3, rel=1e-6)


def test_a_second_denial_claims_less() -> None:
    program = packing(0)
    half = np.full(program.n_columns, 0.5)
    optimal = Outcome(status=Status.OPTIMAL, point=half, objective=1.0, bound=1.0)
    assert contradicts_itself(program, optimal, 1e-6, 0.0)
    assert claiming_less(program, optimal).status is Status.NUMERICAL_FAILURE
    assert claiming_less(program, optimal).bound == np.inf
    apart = Outcome(status=Status.OPTIMAL, point=np.rint(half), objective=1.0, bound=1.1)
    assert contradicts_itself(program, apart, 1e-6, 0.0)
    assert not contradicts_itself(program, apart, 0.2, 0.0)
    assert claiming_less(program, apart).limit is Limit.OTHER


def test_a_denial_without_multipliers_is_solved_again() -> None:
    """The presolve of HiGHS 1.15 calls this infeasible, whose optimum is nearly c4 = 1."""
    matrix = np.zeros((7, 5))
    matrix[0, :2] = 0.0343397601902256, 1.48732877929696
    matrix[1, :2] = 1.44048260978013, 0.794329813958976
    matrix[2, 0] = 1.0
    matrix[3, [0, 2]] = -0.00541829061876307, 1.0
    matrix[4, [1, 3]] = -0.751454613248766, 1.0
    matrix[5, [2, 4]] = 0.5, -0.833209557257329
    matrix[6, [3, 4]] = 0.5, -0.660235631947533
    sides = [2.29221573525621, 1.61055001742466, 1.6603611236716, 72.2008824149856]
    program = replace(
        packing(0),
        objective=np.array([0.0, 0.0, 0.0, 0.0, 4096.0]),
        objective_constant=0.0,
        matrix=sparse.csc_array(matrix),
        row_lower=np.array([-np.inf, -np.inf, 1.0, sides[2], sides[3], 0.0, 0.0]),
        row_upper=np.array([sides[0], sides[1], np.inf, sides[2], sides[3], np.inf, np.inf]),
        column_lower=np.zeros(5),
        column_upper=np.array([4.0, 24.0, np.inf, np.inf, 1.0]),
        integer=np.zeros(5, dtype=np.bool_),
        row_blocks=(Block(name="row", labels=range(7)),),
        column_blocks=(Block(name="column", labels=range(5)),),
    )
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL
    assert outcome.objective == pytest.approx(4096.0, rel=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "objective", "bound", "status"),
    [
        ((5.0, 5.0), (5.0, 5.0), 5.0, 5.0, Status.OPTIMAL),
        # Both are sure, one is wrong: the better point and the looser bound.
        ((5.0, 5.0), (7.0, 7.0), 7.0, 7.0, Status.OPTIMAL),
        ((7.0, 7.0), (5.0, 5.0), 7.0, 7.0, Status.OPTIMAL),
        ((5.0, 5.0), (5.0, 6.0), 5.0, 6.0, Status.FEASIBLE),
    ],
)
def test_two_ways_of_solving_claim_what_both_allow(
    first: tuple[float, float],
    second: tuple[float, float],
    objective: float,
    bound: float,
    status: Status,
) -> None:
    program = packing(0)
    point = np.zeros(program.n_columns)
    one, other = (
        Outcome(status=Status.OPTIMAL, point=point, objective=value, bound=limit, nodes=2)
        for value, limit in (first, second)
    )
    outcome = agreed(program, one, other, 1e-6, 0.0)
    assert (outcome.objective, outcome.bound, outcome.status) == (objective, bound, status)
    assert outcome.nodes == 4


def test_a_point_denies_that_there_is_none() -> None:
    program = packing(0)
    nothing = Outcome(status=Status.INFEASIBLE, bound=np.inf)
    point = np.zeros(program.n_columns)
    found = Outcome(status=Status.OPTIMAL, point=point, objective=1.0, bound=1.0)
    assert agreed(program, nothing, found, 1e-6, 0.0).status is Status.FEASIBLE
    stopped = Outcome(status=Status.NO_SOLUTION_FOUND, limit=Limit.TIME, bound=np.inf)
    assert agreed(program, found, stopped, 1e-6, 0.0).status is Status.OPTIMAL
    assert agreed(program, nothing, nothing, 1e-6, 0.0).status is Status.INFEASIBLE


def test_the_adapter_of_the_registry_opens_sessions() -> None:
    session = solvers.find_adapter("highs").open(packing(0))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.close()
