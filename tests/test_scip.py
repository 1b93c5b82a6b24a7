"""The adapter of SCIP against its contract: statuses, limits, bounds, duals, rays, updates."""

import itertools
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
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from solvers import Limit, Outcome, Program, SolveOptions, Status
from solvers.errors import OptionError, ProgramError, SolverFailure, UpdateError
from solvers.scip import FAILED, SETTLED, STOPPED, Scip, ScipSession
from solvers.scip_options import parameters
from tests.random_examples import examples
from tests.test_highs import (
    IMPOSSIBLE,
    INFINITY,
    REPOSITORY,
    TOLERANCE,
    Floats,
    assert_bound_is_honest,
    assert_is_feasible,
    assert_ray_proves,
    best_by_enumeration,
    changed,
    covering,
    hard,
    larger,
    packing,
    value_of,
)
from tests.test_program import program_of

pyscipopt = pytest.importorskip("pyscipopt")


@pytest.fixture(autouse=True)
def _required(require_solver: Callable[[str], None]) -> None:
    require_solver("scip")


@pytest.fixture
def opened() -> Iterator[Callable[[Program], ScipSession]]:
    """Return a function that opens a session, which is closed after the test."""
    sessions: list[ScipSession] = []

    def open_session(program: Program) -> ScipSession:
        sessions.append(ScipSession(program))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def solved(program: Program, **options: Any) -> Outcome:
    session = ScipSession(program)
    try:
        return session.solve(SolveOptions(**options))
    finally:
        session.close()


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


# Statuses.


def test_every_native_status_is_in_exactly_one_table() -> None:
    tables = [*SETTLED, *STOPPED, *FAILED]
    known = [name.lower() for name in dir(pyscipopt.SCIP_STATUS) if name.isupper()]
    assert sorted(tables) == sorted(known)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_a_whole_program_has_the_optimum_of_enumeration(seed: int) -> None:
    program = packing(seed)
    outcome = solved(program)
    assert (outcome.status, outcome.limit) == (Status.OPTIMAL, None)
    assert_is_feasible(program, outcome.point)
    best = best_by_enumeration(program)
    # The relative gap asked for is 1e-6.
    assert outcome.objective == pytest.approx(best, rel=1e-6)
    assert outcome.objective == pytest.approx(value_of(program, outcome.point))
    assert outcome.bound == pytest.approx(best, rel=1e-6)
    assert outcome.row_dual is None
    assert outcome.reduced_cost is None


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_an_unbounded_program_is_said_to_be(maximise: bool, whole: bool) -> None:
    cost = [1.0, 1.0] if maximise else [-1.0, -1.0]
    program = program_of(
        cost, [[1.0, -1.0]], -INFINITY, 1.0, 0.0, INFINITY, whole, maximise=maximise
    )
    outcome = solved(program)
    assert outcome.status in (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED)
    assert outcome.bound == (INFINITY if maximise else -INFINITY)
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
    ("lower", "upper", "is_feasible"),
    [
        pytest.param([-1.0, 0.0], [INFINITY, 0.0], True, id="feasible"),
        pytest.param([-1.0, 1.0], [1.0, 2.0], False, id="a lower side above zero"),
        pytest.param([-5.0, 0.0], [-1.0, 2.0], False, id="an upper side below zero"),
    ],
)
def test_rows_without_columns_are_judged_by_their_sides(
    lower: list[float], upper: list[float], is_feasible: bool
) -> None:
    program = program_of([], np.zeros((2, 0)), lower, upper, objective_constant=3.0)
    outcome = solved(program)
    if is_feasible:
        assert (outcome.status, outcome.objective) == (Status.OPTIMAL, 3.0)
    else:
        assert outcome.status is Status.INFEASIBLE
        assert_ray_proves(program, outcome.infeasibility_ray)


def test_nothing_at_all_is_worth_its_constant() -> None:
    outcome = solved(program_of([], np.zeros((0, 0)), [], [], objective_constant=3.0))
    assert (outcome.status, outcome.objective, outcome.bound) == (Status.OPTIMAL, 3.0, 3.0)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
def test_fixed_columns_stay_where_they_are(whole: bool) -> None:
    program = program_of(
        [5.0, 1.0, 1.0], [[1.0, 1.0, 1.0]], -INFINITY, 4.0, [2.0, 0.0, 0.0], [2.0, 1.0, 9.0], whole
    )
    outcome = solved(program)
    assert outcome.point is not None
    assert outcome.point[0] == 2.0
    assert outcome.objective == pytest.approx(12.0)


def test_free_columns_may_be_negative() -> None:
    program = program_of(
        [1.0, 2.0], [[1.0, 1.0]], -3.0, INFINITY, -INFINITY, [INFINITY, INFINITY], maximise=False
    )
    bounded = replace(program, column_lower=np.array([-INFINITY, -10.0]))
    assert solved(program).status is Status.UNBOUNDED
    outcome = solved(bounded)
    assert outcome.point is not None
    assert outcome.point.tolist() == pytest.approx([7.0, -10.0])


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
def test_duplicate_columns_and_rows_do_no_harm(whole: bool) -> None:
    row = [3.0, 3.0, 3.0, 3.0]
    program = program_of([2.0] * 4, [row, row, row], -INFINITY, 6.0, integer=whole)
    outcome = solved(program)
    assert outcome.objective == pytest.approx(4.0)
    assert outcome.bound == pytest.approx(4.0)


def test_small_and_large_numbers_are_solved() -> None:
    for size in (1e-5, 1e9):
        program = program_of([size, 2 * size], [[size, size]], -INFINITY, size / 2)
        outcome = solved(program)
        assert outcome.objective == pytest.approx(size)
        assert outcome.row_dual == pytest.approx(np.array([2.0]))


@pytest.mark.parametrize(
    "part", ["objective", "row_upper", "row_lower", "column_upper", "column_lower"]
)
def test_a_number_that_scip_takes_for_infinite_is_refused(
    opened: Callable[[Program], ScipSession], part: str
) -> None:
    program = packing(0)
    numbers = getattr(program, part).copy()
    numbers[0] = -1e20 if "lower" in part else 1e20
    bad = replace(program, **{part: numbers})
    with pytest.raises(SolverFailure, match=rf"{part} holds -?1e\+20, and from 1e\+20"):
        opened(bad)
    session = opened(program)
    with pytest.raises(UpdateError, match="nothing was changed"):
        session.update(bad)
    assert_equals_fresh(session.solve(SolveOptions()), program)


def test_a_bound_is_not_claimed_where_scip_loses_an_entry() -> None:
    matrix = np.array([[1.0, 1e-11]])
    tighter = program_of([1.0, 0.0], matrix, 1.0, 1.0, -1.0, [INFINITY, 1e10])
    assert solved(tighter).bound == INFINITY
    looser = program_of([1.0, 0.0], matrix, -INFINITY, 1.0, 0.0, 5.0)
    assert solved(looser).bound == pytest.approx(1.0)


def test_a_program_that_contradicts_itself_is_refused(
    opened: Callable[[Program], ScipSession],
) -> None:
    program = packing(0, whole=False)
    bad = replace(program, objective=np.full(program.n_columns, np.nan))
    with pytest.raises(ProgramError, match="objective"):
        opened(bad)
    session = opened(program)
    before = session.solve(SolveOptions())
    with pytest.raises(ProgramError, match="objective"):
        session.update(bad)
    assert session.solve(SolveOptions()).objective == before.objective


# Limits. Each is reached in a real run.

SLOW_START = {"presolving/maxrounds": 0, "heuristics/trivial/freq": -1}
WITHOUT_A_POINT: dict[str, tuple[Program, Limit, dict[str, Any]]] = {
    "no time, whole": (larger(True), Limit.TIME, {"time_limit_seconds": 0.0}),
    "no time, whole, minimise": (covering(3, whole=True), Limit.TIME, {"time_limit_seconds": 0.0}),
    "no time, linear": (covering(3), Limit.TIME, {"time_limit_seconds": 0.0}),
    "no nodes, linear": (larger(False), Limit.NODES, {"node_limit": 0}),
    "no nodes by a native option": (covering(3), Limit.NODES, {"native": {"limits/nodes": 0}}),
    "no memory": (larger(True), Limit.MEMORY, {"memory_limit_mb": 0.0}),
    "no memory, linear": (larger(False), Limit.MEMORY, {"memory_limit_mb": 0.0}),
}
WITH_A_POINT: dict[str, tuple[Program, Limit, dict[str, Any]]] = {
    "time": (hard(), Limit.TIME, {"time_limit_seconds": 0.3}),
    "time with a start": (
        hard(),
        Limit.TIME,
        {"time_limit_seconds": 0.1, "start": np.zeros(100)},
    ),
    "no nodes": (larger(True), Limit.NODES, {"node_limit": 0}),
    "nodes": (hard(), Limit.NODES, {"node_limit": 1}),
    "solutions": (larger(True), Limit.SOLUTIONS, {"solution_limit": 1}),
    "memory": (hard(), Limit.MEMORY, {"memory_limit_mb": 3.0}),
    "a target": (larger(True), Limit.OTHER, {"native": {"limits/primal": 5.0}}),
}


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


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    for program in (packing(0), packing(0, whole=False)):
        with pytest.raises(OptionError, match="no iteration_limit: use node_limit"):
            solved(program, iteration_limit=5)


def test_a_huge_limit_is_no_limit() -> None:
    outcome = solved(
        packing(0),
        node_limit=2**70,
        solution_limit=2**40,
        seed=2**40,
        time_limit_seconds=1e30,
        memory_limit_mb=1e30,
        threads=64,
    )
    assert outcome.status is Status.OPTIMAL


def test_a_gap_that_is_reached_is_an_optimum_to_that_gap() -> None:
    outcome = solved(hard(), relative_gap=0.5)
    assert outcome.status is Status.OPTIMAL
    assert outcome.objective is not None
    assert outcome.objective < outcome.bound <= 2.0 * outcome.objective
    assert solved(hard(), relative_gap=0.0, absolute_gap=1e4).status is Status.OPTIMAL
    assert solved(packing(0), relative_gap=INFINITY).status is Status.OPTIMAL


def test_the_time_limit_counts_for_each_solve(opened: Callable[[Program], ScipSession]) -> None:
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


def test_degenerate_programs_have_duals_too() -> None:
    for seed in range(examples(500)):
        generator = np.random.default_rng(seed)
        matrix = generator.integers(0, 3, (5, 7)).astype(np.float64)
        program = program_of(
            generator.integers(0, 4, 7), matrix, -INFINITY, generator.integers(0, 4, 5)
        )
        outcome = solved(program, start=np.zeros(7))
        assert outcome.row_dual is not None
        assert outcome.reduced_cost is not None
        side = program.row_upper @ outcome.row_dual
        gain = np.maximum(outcome.reduced_cost, 0.0).sum()
        assert (outcome.row_dual >= -1e-9).all()
        assert side + gain == pytest.approx(outcome.objective, abs=1e-6)


def test_a_row_of_one_entry_has_a_dual() -> None:
    outcome = solved(program_of([3.0], [[2.0]], -INFINITY, 0.9))
    assert outcome.row_dual is not None
    assert outcome.row_dual.tolist() == pytest.approx([1.5])


def test_duals_cover_the_rows_of_the_program_only(opened: Callable[[Program], ScipSession]) -> None:
    session = opened(program_of([1.0], [[1.0]], -INFINITY, 0.9))
    session.add_rows(sparse.csr_array(np.ones((1, 1))), np.array([-INFINITY]), np.array([0.5]))
    outcome = session.solve(SolveOptions())
    assert outcome.row_dual is not None
    assert outcome.row_dual.tolist() == [0.0]
    assert outcome.reduced_cost is not None
    # The row that was added charges all that the column is worth.
    assert outcome.reduced_cost.tolist() == [0.0]


# Infeasibility.


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
@pytest.mark.parametrize("program", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_multipliers_prove_infeasibility(program: Program, maximise: bool) -> None:
    program = replace(program, maximise=maximise)
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert outcome.point is None
    assert outcome.bound == (INFINITY if maximise else -INFINITY)
    assert_ray_proves(program, outcome.infeasibility_ray)


def test_multipliers_prove_random_infeasibility() -> None:
    found = 0
    for seed in range(examples(1000)):
        generator = np.random.default_rng(seed)
        matrix = generator.integers(-5, 6, (6, 8)).astype(np.float64)
        lower = np.where(generator.random(6) < 0.5, generator.integers(0, 12, 6), -INFINITY)
        upper = generator.integers(12, 15, 6)
        program = program_of(generator.integers(-5, 5, 8), matrix, lower, upper)
        outcome = solved(program)
        if outcome.status is Status.INFEASIBLE:
            found += 1
            assert_ray_proves(program, outcome.infeasibility_ray)
    assert found


def test_a_whole_program_that_is_infeasible_brings_no_multipliers() -> None:
    outcome = solved(program_of([1.0, 1.0], [[2.0, 2.0]], 1.0, 1.0, integer=True))
    assert outcome.status is Status.INFEASIBLE
    assert outcome.infeasibility_ray is None


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("part", ["bounds", "sides", "no whole number"])
def test_crossed_numbers_are_infeasible_and_silent(
    part: str, whole: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    program = packing(4, whole=whole)
    if part == "bounds":
        program = replace(program, column_lower=np.full(9, 2.0))
    elif part == "sides":
        program = replace(program, row_lower=program.row_upper + 5.0)
    else:
        lower, upper = np.full(9, 0.3), np.full(9, 0.6)
        program = replace(program, column_lower=lower, column_upper=upper)
    expected = Status.INFEASIBLE
    if part == "no whole number" and not whole:
        expected = Status.OPTIMAL
    assert solved(program).status is expected
    assert capfd.readouterr() == ("", "")


# Options.


@pytest.mark.parametrize(
    ("name", "near"), [("limits/tim", "limits/time"), ("limit/time", "limits/time"), ("zzz", "")]
)
def test_an_unknown_option_is_refused(name: str, near: str) -> None:
    hint = f"; did you mean '{near}'" if near else ""
    with pytest.raises(OptionError, match=f"SCIP has no option '{name}'{hint}"):
        solved(packing(0), native={name: 1.0})


def test_every_option_of_scip_is_known_and_takes_its_default() -> None:
    model = pyscipopt.Model()
    defaults = model.getParams()
    assert parameters().keys() == defaults.keys()
    refused = [name for name, value in defaults.items() if not parameters()[name].takes(value)]
    assert refused == []


@pytest.mark.parametrize(
    "native",
    [
        {"limits/time": "x"},
        {"limits/gap": -1.0},
        {"limits/gap": INFINITY},
        {"limits/nodes": 1.5},
        {"limits/nodes": 2**63},
        {"branching/scorefunc": "x"},
        {"branching/scorefunc": "sp"},
        {"branching/preferbinary": 2},
        {"randomization/randomseedshift": -1},
        {"nlp/solver": 3},
        {"limits/time": None},
        {"limits/gap": True},
    ],
    ids=str,
)
def test_a_value_that_scip_does_not_take_is_refused(
    opened: Callable[[Program], ScipSession],
    native: dict[str, Any],
    capfd: pytest.CaptureFixture[str],
) -> None:
    session = opened(packing(0, whole=False))
    with pytest.raises(
        OptionError, match=f"does not take .* for its option '{next(iter(native))}'"
    ):
        session.solve(SolveOptions(native=native))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    assert capfd.readouterr() == ("", "")


def test_native_options_hold_for_one_solve(opened: Callable[[Program], ScipSession]) -> None:
    session = opened(hard())
    limited = session.solve(SolveOptions(native={"limits/totalnodes": 1}))
    assert limited.limit is Limit.NODES
    lines: list[str] = []
    limits: dict[str, Any] = {"time_limit_seconds": 0.2}
    native = {"display/verblevel": 0}
    session.solve(SolveOptions(log=lines.append, native=native, **limits))
    assert lines == []
    outcome = session.solve(SolveOptions(log=lines.append, **limits))
    assert outcome.limit is Limit.TIME
    assert lines != []


def test_equal_columns_of_a_linear_program_get_no_rows_of_their_own() -> None:
    # Half of what all 40 would take.
    program = program_of(np.ones(40), np.ones((1, 40)), -np.inf, 20.0)
    lines: list[str] = []
    assert solved(program, log=lines.append).objective == pytest.approx(20.0)
    [size] = [line for line in lines if line.startswith("presolved problem has")]
    assert size.endswith("and 1 constraints")


def test_native_options_win_over_the_common_ones() -> None:
    outcome = solved(hard(), time_limit_seconds=60.0, native={"limits/time": 0.0})
    assert outcome.limit is Limit.TIME
    assert outcome.seconds < 5.0


# Start, seed, log.


def test_a_start_is_used() -> None:
    program = larger(True)
    best = solved(program)
    outcome = solved(program, node_limit=0, start=best.point)
    assert outcome.objective == pytest.approx(best.objective)


def test_a_start_outside_the_bounds_is_moved_to_them() -> None:
    program = replace(larger(True), row_upper=np.full(6, INFINITY))
    outcome = solved(program, node_limit=0, start=np.full(30, 7.0))
    assert outcome.objective == pytest.approx(value_of(program, np.ones(30)))


def test_a_start_that_is_infeasible_does_no_harm() -> None:
    program = packing(0)
    outcome = solved(program, start=np.ones(9))
    assert outcome.objective == pytest.approx(best_by_enumeration(program))


def test_a_start_of_a_linear_program_does_no_harm() -> None:
    program = packing(0, whole=False)
    best = solved(program)
    outcome = solved(program, start=best.point)
    assert outcome.objective == pytest.approx(best.objective)
    assert outcome.row_dual == pytest.approx(best.row_dual)


def test_a_start_may_leave_columns_open() -> None:
    program = packing(0)
    for given in (0, 2, 9):
        start = np.full(9, np.nan)
        start[:given] = 0.0
        outcome = solved(program, start=start)
        assert outcome.objective == pytest.approx(best_by_enumeration(program))


def test_any_number_of_starts_may_leave_columns_open(
    opened: Callable[[Program], ScipSession],
) -> None:
    program = packing(0, whole=True)
    session = opened(program)
    # At most two of them: the rows that were added stay.
    session.add_rows(sparse.csr_array(np.ones((1, 9))), np.array([-np.inf]), np.array([2.0]))
    best = max(
        value_of(program, np.array(point))
        for point in itertools.product([0.0, 1.0], repeat=9)
        if sum(point) <= 2.0 and (program.matrix @ np.array(point) <= program.row_upper).all()
    )
    for k in range(25):
        start = np.full(9, np.nan)
        start[k % 9] = 1.0
        assert session.solve(SolveOptions(start=start)).objective == pytest.approx(best)


@pytest.mark.parametrize("native", [0, 3])
def test_a_start_that_scip_may_not_keep_does_no_harm(
    opened: Callable[[Program], ScipSession], native: int
) -> None:
    program = packing(0, whole=True)
    session, start = opened(program), np.append(np.zeros(8), np.nan)
    options = SolveOptions(start=start, native={"limits/maxorigsol": native})
    for _ in range(5):
        assert session.solve(options).objective == pytest.approx(best_by_enumeration(program))


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.zeros(8), r"start has shape \(8,\), expected \(9,\)"),
        (np.zeros((9, 1)), r"start has shape \(9, 1\)"),
    ],
)
def test_a_start_that_fits_no_column_is_refused(start: Floats, message: str, whole: bool) -> None:
    with pytest.raises(OptionError, match=message):
        solved(packing(0, whole=whole), start=start)


@pytest.mark.parametrize("seed", [0, 17])
def test_the_same_seed_gives_the_same_decision(seed: int) -> None:
    first, second = (solved(larger(True), seed=seed, node_limit=20) for _ in range(2))
    assert first.point is not None
    assert second.point is not None
    assert first.point.tobytes() == second.point.tobytes()
    assert (first.bound, first.nodes, first.iterations) == (
        second.bound,
        second.nodes,
        second.iterations,
    )


def test_log_gets_every_line_and_only_when_asked(
    opened: Callable[[Program], ScipSession], capfd: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    session = opened(larger(True))
    session.solve(SolveOptions(log=lines.append))
    assert any(line.startswith("presolving") for line in lines)
    assert any(line.startswith("Gap") for line in lines)
    assert not any("\n" in line for line in lines)
    count = len(lines)
    session.solve(SolveOptions())
    assert len(lines) == count
    assert capfd.readouterr() == ("", "")


def test_log_is_called_in_the_thread_of_the_caller() -> None:
    threads = set()
    solved(larger(True), log=lambda _: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


def test_an_error_of_log_comes_out_and_leaves_the_session_usable(
    opened: Callable[[Program], ScipSession],
) -> None:
    def log(line: str) -> None:
        raise ValueError(line)

    session = opened(hard())
    start = time.perf_counter()
    with pytest.raises(ValueError, match="feasible solution found by trivial"):
        session.solve(SolveOptions(log=log))
    assert time.perf_counter() - start < 5.0
    outcome = session.solve(SolveOptions(time_limit_seconds=0.1))
    assert outcome.limit is Limit.TIME


def test_one_solve_writes_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        solved(packing(0))
    records = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.name for record in records] == ["solvers.scip"]
    assert "SCIP: optimal" in records[0].getMessage()


# Updates.


def test_a_side_is_not_stale(opened: Callable[[Program], ScipSession]) -> None:
    program = program_of([1.0], [[1.0]], -INFINITY, 4.0, 0.0, 9.0, integer=True)
    session = opened(program)
    assert session.solve(SolveOptions()).objective == pytest.approx(4.0)
    session.update(replace(program, row_upper=np.array([6.0])))
    assert session.solve(SolveOptions()).objective == pytest.approx(6.0)


IN_PLACE = ("objective", "sides", "bounds", "entry", "matrix")


@pytest.mark.parametrize("seed", range(examples(200)))
@pytest.mark.parametrize("kind", ["whole", "linear", "covering"])
def test_updates_equal_fresh_solves(
    opened: Callable[[Program], ScipSession], kind: str, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    first = covering(seed) if kind == "covering" else packing(seed, whole=kind == "whole")
    session = opened(first)
    assert_equals_fresh(session.solve(SolveOptions()), first)
    program = first
    for _ in range(8):
        what = str(generator.choice([*IN_PLACE, "back"]))
        program = first if what == "back" else changed(program, generator, what)
        session.update(program)
        if generator.integers(0, 3):
            assert_equals_fresh(session.solve(SolveOptions()), program)
    assert (session.counts.rebuilds, session.counts.updates_in_place) == (0, 8)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("kind", IN_PLACE)
def test_there_and_back_again(
    opened: Callable[[Program], ScipSession], kind: str, whole: bool
) -> None:
    program = packing(4, n_columns=12 if whole else 60, whole=whole)
    session = opened(program)
    before = session.solve(SolveOptions())
    step = changed(program, np.random.default_rng(1), kind)
    session.update(step, forbid_rebuild=True)
    assert_equals_fresh(session.solve(SolveOptions()), step)
    session.update(program)
    # Whole programs are solved to a relative gap of 1e-6.
    after = session.solve(SolveOptions())
    assert after.objective == pytest.approx(before.objective, rel=2e-6)
    assert (session.counts.updates_in_place, session.counts.rebuilds) == (2, 0)


def test_entries_come_and_go_in_place(opened: Callable[[Program], ScipSession]) -> None:
    program = packing(2, n_columns=40, n_rows=5, whole=False)
    sparser = program.matrix.tolil()
    sparser[2, 3] = 0.0
    without = replace(program, matrix=sparse.csc_array(sparser))
    session = opened(program)
    for step in (without, program, without):
        session.update(step)
        assert_equals_fresh(session.solve(SolveOptions()), step)
    assert session.counts.reasons == ("in place: entries of the matrix (3 times)",)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("crossed", [True, False], ids=["crossed bounds", "rows"])
def test_an_infeasible_step_leaves_no_trace(
    opened: Callable[[Program], ScipSession], whole: bool, crossed: bool
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
        (True, {"time_limit_seconds": 0.0}),
        (True, {"memory_limit_mb": 0.0}),
        (False, {"node_limit": 0}),
        (False, {"time_limit_seconds": 0.0}),
    ],
)
def test_a_solve_after_a_limit_goes_on(
    opened: Callable[[Program], ScipSession], whole: bool, options: dict[str, Any]
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


def test_a_rebuild_says_why_and_can_be_forbidden(
    opened: Callable[[Program], ScipSession],
) -> None:
    program = packing(0, whole=False)
    session = opened(program)
    for step in (
        replace(program, integer=np.ones(9, dtype=np.bool_)),
        replace(program, maximise=False),
    ):
        with pytest.raises(UpdateError, match=r"need a rebuild: the .* nothing was changed"):
            session.update(step, forbid_rebuild=True)
        assert_equals_fresh(session.solve(SolveOptions()), program)
        session.update(step)
        assert_equals_fresh(session.solve(SolveOptions()), step)
        session.update(program)
    assert_equals_fresh(session.solve(SolveOptions()), program)
    assert session.counts.reasons == (
        "rebuilt: the columns that are whole changed (2 times)",
        "rebuilt: the sense of the objective changed (2 times)",
    )


def test_an_update_of_another_shape_is_refused(opened: Callable[[Program], ScipSession]) -> None:
    session = opened(packing(0))
    with pytest.raises(UpdateError, match=r"\(4, 13\).*\(4, 9\); nothing was changed"):
        session.update(packing(0, n_columns=13))
    assert_equals_fresh(session.solve(SolveOptions()), packing(0))


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("kind", ["objective", "matrix", "nothing"])
def test_added_rows_hold_until_the_next_update(
    opened: Callable[[Program], ScipSession], kind: str, whole: bool
) -> None:
    program = packing(4, whole=whole)
    session = opened(program)
    session.solve(SolveOptions())
    rows = sparse.csr_array(np.vstack([np.ones(9), np.eye(9)[3]]))
    session.add_rows(rows, np.array([-INFINITY, 0.0]), np.array([2.0, 0.0]))
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


def test_two_sessions_solve_at_once() -> None:
    # Each stops after this time: one after the other they would take twice as long.
    seconds = 1.0
    outcomes: list[Outcome] = []

    def solve() -> None:
        outcomes.append(solved(hard(), time_limit_seconds=seconds))

    threads = [threading.Thread(target=solve) for _ in range(2)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.perf_counter() - start < 1.8 * seconds
    assert [outcome.limit for outcome in outcomes] == [Limit.TIME] * 2


def test_sessions_in_several_threads_find_their_own_optima() -> None:
    found: dict[int, float | None] = {}

    def solve(seed: int) -> None:
        for _ in range(3):
            found[seed] = solved(packing(seed), log=lambda _: None).objective

    threads = [threading.Thread(target=solve, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: solved(packing(seed)).objective for seed in range(4)}


def test_a_closed_session_does_nothing_but_close_again() -> None:
    session = ScipSession(packing(0))
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
    outcome = solved(program)
    assert_is_feasible(program, outcome.point)


INTERRUPTED = textwrap.dedent("""
    import os, signal, threading
    import numpy as np
    from solvers import Limit, SolveOptions, Status
    from solvers.scip import ScipSession
    from tests.test_highs import assert_is_feasible, hard

    # A parent may have had it ignored.
    handler = signal.default_int_handler
    signal.signal(signal.SIGINT, handler)
    program = hard()
    session = ScipSession(program)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    options = SolveOptions(time_limit_seconds=45, start=np.zeros(program.n_columns))
    outcome = session.solve(options)
    assert (outcome.status, outcome.limit) == (Status.FEASIBLE, Limit.INTERRUPT), outcome
    assert_is_feasible(program, outcome.point)
    assert outcome.bound >= outcome.objective >= 0.0
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
def test_ctrl_c_returns_the_best_point() -> None:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("done\n", "")
    assert time.perf_counter() - start < 30


def test_a_signal_that_raises_stops_the_solver(opened: Callable[[Program], ScipSession]) -> None:
    def handler(*_: object) -> None:
        raise TimeoutError

    session = opened(hard())
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(TimeoutError):
            session.solve(SolveOptions())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert session.solve(SolveOptions(time_limit_seconds=0.1)).limit is Limit.TIME


def test_the_adapter_opens_sessions_and_says_whether_it_is_ready() -> None:
    adapter = Scip()
    assert adapter.availability().is_ready
    session = adapter.open(packing(0))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.close()
