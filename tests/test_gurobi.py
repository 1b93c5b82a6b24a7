"""The adapter of Gurobi against its contract: statuses, limits, bounds, duals, rays, licences."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

import solvers
from solvers import Limit, Outcome, Program, SolveOptions, Status, gurobi_licence
from solvers.capability import Availability, Readiness
from solvers.errors import LicenceError, OptionError, ProgramError, SolverFailure, UpdateError
from solvers.gurobi import FAILED, SETTLED, STOPPED, Gurobi, GurobiSession
from solvers.gurobi_options import option_names
from tests.fair_programs import ALPHAS, best_whole, equivalent_of, fair
from tests.random_examples import examples
from tests.test_highs import (
    assert_is_feasible,
    best_by_enumeration,
    covering,
    hard,
    larger,
    packing,
    value_of,
)
from tests.test_program import program_of

Floats = npt.NDArray[np.float64]
INFINITY = np.inf
REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _needs_gurobi(require_solver: Callable[[str], None]) -> None:
    require_solver("gurobi")


@pytest.fixture
def opened() -> Iterator[Callable[[Program], GurobiSession]]:
    """Return a function that opens a session, which is closed after the test."""
    sessions: list[GurobiSession] = []

    def open_session(program: Program) -> GurobiSession:
        sessions.append(GurobiSession(program))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def solved(program: Program, **options: Any) -> Outcome:
    session = Gurobi().open(program)
    try:
        return session.solve(SolveOptions(**options))
    finally:
        session.close()


# Statuses.


def test_every_native_status_is_in_exactly_one_table() -> None:
    import gurobipy

    known = [name for name in dir(gurobipy.GRB.Status) if not name.startswith("_")]
    assert sorted([*SETTLED, *STOPPED, *FAILED]) == sorted(known)


@pytest.mark.parametrize("seed", range(examples(60)))
def test_a_whole_program_has_the_optimum_of_enumeration(seed: int) -> None:
    program = packing(seed)
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL
    assert_is_feasible(program, outcome.point)
    best = best_by_enumeration(program)
    # The relative gap asked for is 1e-6.
    assert outcome.objective == pytest.approx(best, rel=1e-6)
    assert outcome.objective == pytest.approx(value_of(program, outcome.point))
    assert outcome.bound == pytest.approx(best, rel=1e-6)
    assert outcome.row_dual is None


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_an_unbounded_program_is_said_to_be(maximise: bool, whole: bool) -> None:
    sign = 1.0 if maximise else -1.0
    program = program_of(
        [sign], [[-1.0]], -INFINITY, 3.0, 0.0, INFINITY, integer=whole, maximise=maximise
    )
    outcome = solved(program)
    assert outcome.status is Status.UNBOUNDED
    assert outcome.bound == sign * INFINITY


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_a_ray_without_a_point_is_infeasible(maximise: bool) -> None:
    # Gurobi itself says UNBOUNDED: x + y = 1 and x + y = 3 leave the objective a direction.
    program = program_of(
        [1.0, 0.5], [[1.0, 1.0], [1.0, 1.0]], [1, 3], [1, 3], -INFINITY, INFINITY, False, maximise
    )
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    assert_ray_proves(program, outcome.infeasibility_ray)


def test_the_objective_is_back_after_it_was_asked_for_a_point(
    opened: Callable[[Program], GurobiSession],
) -> None:
    free = program_of([1.0], [[1.0]], 0.0, INFINITY, 0.0, INFINITY)
    session = opened(free)
    assert session.solve(SolveOptions()).status is Status.UNBOUNDED
    session.update(replace(free, row_upper=np.array([5.0])))
    assert session.solve(SolveOptions()).objective == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("lower", "upper", "status"),
    [(-1.0, 1.0, Status.OPTIMAL), (1.0, 2.0, Status.INFEASIBLE), (0.0, 0.0, Status.OPTIMAL)],
)
def test_rows_without_columns_are_judged_by_their_sides(
    lower: float, upper: float, status: Status
) -> None:
    program = program_of([], np.zeros((1, 0)), lower, upper, objective_constant=2.5)
    outcome = solved(program)
    assert outcome.status is status
    if status is Status.OPTIMAL:
        assert outcome.objective == outcome.bound == pytest.approx(2.5)


@pytest.mark.parametrize("part", ["row_upper", "column_upper"])
def test_crossed_sides_are_infeasible(part: str) -> None:
    program = packing(0, whole=False)
    crossed = replace(program, **{part: np.full_like(getattr(program, part), -1.0)})
    assert solved(replace(crossed, row_lower=crossed.row_lower * 1.0)).status is Status.INFEASIBLE


def test_numbers_that_gurobi_takes_for_infinite_are_refused() -> None:
    with pytest.raises(SolverFailure, match=r"row_upper holds 1e\+25"):
        GurobiSession(program_of([1.0], [[1.0]], -INFINITY, 1e25))


def test_a_program_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ProgramError):
        GurobiSession(program_of([np.nan], [[1.0]], 0.0, 1.0))


# Limits.

WITHOUT_A_POINT: dict[str, tuple[Program, Limit, dict[str, Any]]] = {
    "no time, whole": (covering(3, whole=True), Limit.TIME, {"time_limit_seconds": 0.0}),
    "no time, linear": (covering(3), Limit.TIME, {"time_limit_seconds": 0.0}),
    "simplex": (
        larger(False),
        Limit.ITERATIONS,
        {"iteration_limit": 3, "native": {"Presolve": 0, "Method": 1}},
    ),
    "interior point": (
        covering(3, 40, 15),
        Limit.ITERATIONS,
        {"iteration_limit": 1, "native": {"Presolve": 0, "Method": 2}},
    ),
}
WITH_A_POINT: dict[str, tuple[Program, Limit, dict[str, Any]]] = {
    "time": (hard(), Limit.TIME, {"time_limit_seconds": 0.3}),
    "nodes": (hard(), Limit.NODES, {"node_limit": 1}),
    "solutions": (larger(True), Limit.SOLUTIONS, {"solution_limit": 1}),
    "a target": (larger(True), Limit.OTHER, {"native": {"BestObjStop": 5.0}}),
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
    best = solved(program).bound
    assert outcome.bound >= best if program.maximise else outcome.bound <= best


@pytest.mark.parametrize(("program", "limit", "options"), WITH_A_POINT.values(), ids=WITH_A_POINT)
def test_a_limit_with_a_point_hands_over_a_feasible_one(
    program: Program, limit: Limit, options: dict[str, Any]
) -> None:
    outcome = solved(program, start=np.zeros(program.n_columns), **options)
    assert (outcome.status, outcome.limit) == (Status.FEASIBLE, limit)
    assert_is_feasible(program, outcome.point)
    assert outcome.objective == pytest.approx(value_of(program, outcome.point))
    assert outcome.objective is not None
    assert outcome.bound >= outcome.objective


def test_a_memory_limit_is_kept() -> None:
    outcome = solved(hard(), memory_limit_mb=0.001)
    assert outcome.limit is Limit.MEMORY


# Duals and rays.


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_a_dual_is_the_change_of_the_optimum_per_unit_of_its_side(maximise: bool) -> None:
    program = packing(5, whole=False) if maximise else covering(5)
    side = "row_upper" if maximise else "row_lower"
    outcome = solved(program)
    assert outcome.row_dual is not None
    step = 1e-3
    for row in range(program.n_rows):
        moved = getattr(program, side).copy()
        moved[row] += step
        more = solved(replace(program, **{side: moved})).objective
        assert more is not None
        assert outcome.objective is not None
        assert (more - outcome.objective) / step == pytest.approx(outcome.row_dual[row], abs=1e-6)


def test_a_row_times_minus_one_flips_its_dual() -> None:
    program = packing(5, whole=False)
    flipped = replace(
        program,
        matrix=sparse.csc_array(-program.matrix),
        row_lower=-program.row_upper,
        row_upper=-program.row_lower,
    )
    plain, other = solved(program).row_dual, solved(flipped).row_dual
    assert plain is not None
    assert other is not None
    np.testing.assert_allclose(other, -plain, atol=1e-9)


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_a_row_of_two_sides_has_one_dual(maximise: bool) -> None:
    program = program_of([2.0, 1.0], [[1.0, 1.0]], 1.0, 3.0, 0.0, 9.0, maximise=maximise)
    outcome = solved(program)
    # The dearer column serves the upper side, the cheaper one the lower side.
    assert outcome.objective == pytest.approx(6.0 if maximise else 1.0)
    assert outcome.row_dual == pytest.approx([2.0 if maximise else 1.0])
    assert outcome.reduced_cost is not None
    assert outcome.row_dual is not None
    charge = program.matrix.T @ outcome.row_dual
    np.testing.assert_allclose(outcome.reduced_cost, program.objective - charge)


def assert_ray_proves(program: Program, ray: Floats | None) -> None:
    assert ray is not None
    weighed = program.matrix.T @ ray
    side = np.where(ray > 0, program.row_upper, program.row_lower)
    used = ray != 0
    bound = np.where(weighed > 0, program.column_lower, program.column_upper)
    is_moved = np.abs(weighed) > 1e-9
    assert np.isfinite(side[used]).all()
    assert np.isfinite(bound[is_moved]).all()
    assert ray[used] @ side[used] < weighed[is_moved] @ bound[is_moved] - 1e-9


@pytest.mark.parametrize("presolve", [0, 2])
@pytest.mark.parametrize("seed", range(examples(40)))
def test_multipliers_prove_infeasibility(seed: int, presolve: int) -> None:
    program = packing(seed, whole=False)
    # No vector between 0 and 1 uses more than all.
    lower = np.full(program.n_rows, -INFINITY)
    lower[seed % program.n_rows] = 2.0 * program.matrix.sum(axis=1)[seed % program.n_rows]
    upper = np.where(np.isinf(lower), program.row_upper, INFINITY)
    infeasible = replace(program, row_lower=lower, row_upper=upper)
    outcome = solved(infeasible, native={"Presolve": presolve})
    assert outcome.status is Status.INFEASIBLE
    assert_ray_proves(infeasible, outcome.infeasibility_ray)


# Options.


@pytest.mark.parametrize(("name", "near"), [("TimeLimitt", "TimeLimit"), ("Presolv", "Presolve")])
def test_an_unknown_option_is_refused(name: str, near: str) -> None:
    with pytest.raises(OptionError, match=f"Gurobi has no option '{name}'; did you mean '{near}'"):
        solved(packing(0), native={name: 1})


@pytest.mark.parametrize(
    "native", [{"Presolve": "perhaps"}, {"Presolve": 3}, {"Threads": 1.5}, {"MIPGap": object()}]
)
def test_a_value_that_gurobi_does_not_take_is_refused(native: dict[str, Any]) -> None:
    with pytest.raises(
        OptionError, match=f"does not take .* for its option '{next(iter(native))}'"
    ):
        solved(packing(0), native=native)


def test_native_options_hold_for_one_solve(opened: Callable[[Program], GurobiSession]) -> None:
    session = opened(covering(3, 40, 15))
    limited = session.solve(SolveOptions(native={"IterationLimit": 1, "Presolve": 0}))
    assert limited.limit is Limit.ITERATIONS
    assert session.solve(SolveOptions()).status is Status.OPTIMAL


def test_native_options_win_over_the_common_ones() -> None:
    outcome = solved(hard(), time_limit_seconds=60.0, native={"timelimit": 0.0})
    assert outcome.limit is Limit.TIME


def test_options_have_names() -> None:
    assert {"TimeLimit", "MIPGap", "Threads"} <= set(option_names())


def test_a_start_is_used() -> None:
    program = larger(True)
    best = solved(program)
    given = best.point
    assert given is not None
    outcome = solved(program, start=given, solution_limit=1, native={"Heuristics": 0})
    assert outcome.objective == pytest.approx(best.objective)


def test_a_start_that_fits_no_column_is_refused() -> None:
    with pytest.raises(OptionError, match=r"start has shape \(2,\)"):
        solved(packing(0), start=np.zeros(2))


def test_log_gets_every_line_and_gurobi_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    solved(larger(True), log=lines.append)
    solved(larger(True))
    assert any("Best objective" in line for line in lines)
    assert not any("\n" in line for line in lines)
    assert capfd.readouterr() == ("", "")


def test_an_error_of_log_comes_out(opened: Callable[[Program], GurobiSession]) -> None:
    def log(line: str) -> None:
        raise ZeroDivisionError(line)

    session = opened(larger(True))
    with pytest.raises(ZeroDivisionError):
        session.solve(SolveOptions(log=log))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL


# Updates.


def random_change(program: Program, generator: np.random.Generator) -> Program:
    """Return a Program with other numbers of one kind."""
    kind = generator.choice(["objective", "upper", "both", "bounds", "entries", "fewer"])
    factor = generator.uniform(0.7, 1.4, program.n_rows)
    if kind == "objective":
        return replace(program, objective=program.objective * generator.uniform(0.5, 2.0))
    if kind == "upper":
        return replace(program, row_upper=program.row_upper * factor)
    if kind == "both":
        lower = np.where(generator.random(program.n_rows) < 0.5, -INFINITY, 1.0)
        return replace(program, row_lower=lower)
    if kind == "bounds":
        upper = generator.integers(1, 3, program.n_columns).astype(np.float64)
        return replace(program, column_upper=upper)
    matrix = program.matrix.copy()
    if kind == "entries":
        matrix.data *= generator.uniform(0.8, 1.2, matrix.nnz)
    else:
        matrix.data[generator.integers(matrix.nnz)] = 0.0
    return replace(program, matrix=matrix)


def assert_equals_fresh(outcome: Outcome, program: Program) -> None:
    fresh = solved(program)
    assert outcome.status is fresh.status
    # Whole programs are solved to a relative gap of 1e-6.
    assert outcome.bound == pytest.approx(fresh.bound, rel=2e-6)
    if fresh.status is Status.OPTIMAL:
        assert outcome.objective == pytest.approx(value_of(program, outcome.point))
        assert_is_feasible(program, outcome.point)


@pytest.mark.parametrize("seed", range(examples(40)))
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "fractional"])
def test_updates_equal_fresh_solves(
    opened: Callable[[Program], GurobiSession], whole: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    program = packing(seed, whole=whole)
    session = opened(program)
    for _ in range(8):
        program = random_change(program, generator)
        session.update(program)
        assert_equals_fresh(session.solve(SolveOptions()), program)
    session.update(packing(seed, whole=whole))
    assert_equals_fresh(session.solve(SolveOptions()), packing(seed, whole=whole))


def test_a_basis_that_became_singular_is_forgotten(
    opened: Callable[[Program], GurobiSession],
) -> None:
    # Found at random: the basis after this step has no inverse for the entries of the next.
    generator = np.random.default_rng(36)
    program = packing(36, whole=False)
    session = opened(program)
    for _ in range(8):
        program = random_change(program, generator)
        session.update(program)
        assert_equals_fresh(session.solve(SolveOptions()), program)


def test_one_row_may_change_its_kind(opened: Callable[[Program], GurobiSession]) -> None:
    program = program_of([2.0, 1.0], [[1.0, 1.0]], -INFINITY, 1.0)
    session = opened(program)
    for lower, upper in (
        (0.5, 0.5),
        (0.2, 0.7),
        (-INFINITY, INFINITY),
        (0.3, INFINITY),
        (0.1, 1.5),
    ):
        changed = replace(program, row_lower=np.array([lower]), row_upper=np.array([upper]))
        session.update(changed, forbid_rebuild=True)
        assert_equals_fresh(session.solve(SolveOptions()), changed)
    assert session.counts.rebuilds == 0


def test_an_infeasible_step_leaves_no_trace(opened: Callable[[Program], GurobiSession]) -> None:
    program = packing(2, whole=False)
    session = opened(program)
    session.update(replace(program, row_upper=np.full(program.n_rows, -1.0)))
    assert session.solve(SolveOptions()).status is Status.INFEASIBLE
    session.update(program)
    assert_equals_fresh(session.solve(SolveOptions()), program)


def test_a_solve_after_a_limit_goes_on(opened: Callable[[Program], GurobiSession]) -> None:
    session = opened(larger(True))
    session.solve(SolveOptions(time_limit_seconds=0.0))
    assert_equals_fresh(session.solve(SolveOptions()), larger(True))


def test_a_rebuild_can_be_forbidden(opened: Callable[[Program], GurobiSession]) -> None:
    program = packing(0)
    session = opened(program)
    with pytest.raises(UpdateError, match=r"need a rebuild: the sense .* nothing was changed"):
        session.update(replace(program, maximise=False), forbid_rebuild=True)
    assert_equals_fresh(session.solve(SolveOptions()), program)


def test_added_rows_hold_until_the_next_update(opened: Callable[[Program], GurobiSession]) -> None:
    program = packing(2, whole=False)
    session = opened(program)
    row = sparse.csr_array(np.ones((1, program.n_columns)))
    session.add_rows(row, np.array([0.5]), np.array([1.0]))
    outcome = session.solve(SolveOptions())
    assert outcome.point is not None
    assert outcome.point.sum() <= 1 + 1e-6
    assert outcome.row_dual is not None
    assert outcome.row_dual.shape == (program.n_rows,)
    session.update(program)
    assert_equals_fresh(session.solve(SolveOptions()), program)


# Sessions.


def test_sessions_in_two_threads_solve_at_once() -> None:
    found: dict[int, Outcome] = {}

    def run(seed: int) -> None:
        found[seed] = solved(packing(seed))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        assert found[seed].objective == pytest.approx(best_by_enumeration(packing(seed)))


def test_a_closed_session_does_nothing_but_close_again() -> None:
    session = GurobiSession(packing(0))
    session.close()
    session.close()
    with pytest.raises(UpdateError, match="closed"):
        session.solve(SolveOptions())


def test_a_forgotten_session_frees_its_environment() -> None:
    session = GurobiSession(packing(0))
    free = session._native._free
    del session
    gc.collect()
    assert not free.alive


INTERRUPTED = textwrap.dedent("""
    import os, signal
    import numpy as np
    from solvers import Limit, SolveOptions, Status
    from solvers.gurobi import GurobiSession
    from tests.test_highs import assert_is_feasible, hard
    state = {"in_table": False, "sent": False}
    def log(line):
        if state["in_table"] and not state["sent"]:
            state["sent"] = True
            os.kill(os.getpid(), signal.SIGINT)
        state["in_table"] |= "Expl Unexpl" in line
    program = hard()
    outcome = GurobiSession(program).solve(SolveOptions(time_limit_seconds=45, log=log))
    assert (outcome.status, outcome.limit) == (Status.FEASIBLE, Limit.INTERRUPT), outcome
    assert_is_feasible(program, outcome.point)
    print("done")
""")
IN_A_THREAD = textwrap.dedent("""
    import os, signal, threading
    from solvers import Limit, SolveOptions
    from solvers.gurobi import GurobiSession
    from tests.test_highs import hard
    begun, found = threading.Event(), []
    def log(line):
        if "Expl Unexpl" in line:
            begun.set()
    def run():
        options = SolveOptions(time_limit_seconds=1.5, log=log)
        found.append(GurobiSession(hard()).solve(options))
    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    try:
        os.kill(os.getpid(), signal.SIGINT)
        thread.join()
    except KeyboardInterrupt:
        thread.join()
        assert found[0].limit is Limit.TIME, found
        print("done")
""")


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to oneself on POSIX only")
@pytest.mark.parametrize("script", [INTERRUPTED, IN_A_THREAD], ids=["solve", "thread"])
def test_ctrl_c_is_heard_where_it_belongs(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


# Licences.


def availability_with(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Availability:
    file = tmp_path / "gurobi.lic"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("GRB_LICENSE_FILE", str(file))
    return Gurobi().availability()


@pytest.mark.parametrize(
    ("text", "readiness", "said"),
    [
        ("# by hand\nTYPE=NODE\nEXPIRATION=2999-01-31\n", Readiness.READY, "type NODE"),
        ("TYPE=NODE\nEXPIRATION=2001-01-31\n", Readiness.NO_LICENCE, "expired on 2001-01-31"),
        ("TOKENSERVER=house\n", Readiness.READY, "a token server house"),
        ("WLSACCESSID=a\nWLSSECRET=hidden\n", Readiness.READY, "the web licence service"),
        ("", Readiness.NO_LICENCE, "no entries"),
    ],
)
def test_licence_files_are_read(
    text: str,
    readiness: Readiness,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = availability_with(text, tmp_path, monkeypatch)
    assert found.readiness is readiness
    assert said in found.sentence
    assert "hidden" not in found.sentence


def without_a_licence_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRB_LICENSE_FILE", raising=False)
    monkeypatch.setattr(gurobi_licence, "usual_places", list)


def test_without_a_file_the_free_licence_limits_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_licence_file(monkeypatch)
    found = Gurobi().availability()
    assert found.readiness is Readiness.SIZE_LIMITED
    assert "2,000 columns and 2,000 rows, and 200 columns" in found.sentence


def test_the_free_licence_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_licence_file(monkeypatch)
    monkeypatch.setattr(gurobi_licence, "today", lambda: date(2999, 1, 1))
    found = Gurobi().availability()
    assert found.readiness is Readiness.NO_LICENCE
    assert "expired" in found.sentence


def test_a_probe_tells_that_a_file_is_no_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    availability_with("TYPE=NODE\nEXPIRATION=2999-01-31\n", tmp_path, monkeypatch)
    assert Gurobi().availability(probe=True).readiness is Readiness.NO_LICENCE


def test_a_program_beyond_the_free_licence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_licence_file(monkeypatch)
    program = program_of(np.ones(3000), np.ones((1, 3000)), -INFINITY, 1.0)
    with pytest.raises(LicenceError, match=r"3,000 columns, .* or solve with highs"):
        Gurobi().open(program)


# Alpha-fair terms.


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(2))
def test_whole_terms_have_the_optimum_of_enumeration(alpha: float, seed: int) -> None:
    program = fair(seed, alpha, whole=True)
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(best_whole(program), rel=1e-6)
    assert outcome.objective is not None
    assert outcome.bound >= outcome.objective


@pytest.mark.parametrize("alpha", ALPHAS)
def test_fractional_terms_agree_with_a_conic_solver(
    alpha: float, require_solver: Callable[[str], None]
) -> None:
    require_solver("cvxpy")
    program = fair(0, alpha, whole=False)
    conic = solvers.find_adapter("cvxpy:CLARABEL").open(program).solve(SolveOptions())
    outcome = solved(program)
    expected = equivalent_of(program, conic.point)
    assert equivalent_of(program, outcome.point) == pytest.approx(expected, rel=1e-6)


def test_terms_beyond_the_free_licence_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_licence_file(monkeypatch)
    with pytest.raises(LicenceError, match=r"60 alpha-fair terms, .* 200 columns"):
        Gurobi().open(fair(0, 1.0, whole=False, n_agents=60))


def test_terms_without_time_claim_nothing() -> None:
    outcome = solved(fair(0, 1.0, whole=True), time_limit_seconds=0.0)
    assert outcome.status in (Status.NO_SOLUTION_FOUND, Status.FEASIBLE)
    assert outcome.limit is Limit.TIME
