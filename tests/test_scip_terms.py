"""SCIP solves alpha-fair terms itself, fractional and whole."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import solvers
from solvers import Limit, Outcome, Program, SolveOptions, Status
from solvers.errors import UpdateError
from solvers.scip import Scip
from tests.fair_programs import ALPHAS, best_whole, equivalent_of, fair, rows_without_options


def solved(program: Program) -> Outcome:
    session = Scip().open(program)
    try:
        return session.solve(SolveOptions())
    finally:
        session.close()


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
    assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("whole", [True, False])
def test_terms_without_time_have_no_point_or_a_feasible_one(whole: bool) -> None:
    program = fair(0, 2.0, whole)
    outcome = Scip().open(program).solve(SolveOptions(time_limit_seconds=0.0))
    assert outcome.limit is Limit.TIME
    if outcome.point is not None:
        used = program.matrix @ outcome.point
        assert (used <= program.row_upper + 1e-6).all()
        assert (used >= program.row_lower - 1e-6).all()


def test_a_term_that_cannot_be_above_zero_is_infeasible() -> None:
    program = fair(0, 1.0, whole=True)
    upper = program.column_upper.copy()
    upper[10] = 0.0
    outcome = solved(
        replace(program, column_upper=upper, row_lower=np.full(program.n_rows, -np.inf))
    )
    assert outcome.status is Status.INFEASIBLE
    assert outcome.point is None


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_updates_there_and_back_equal_fresh_solves(alpha: float, whole: bool) -> None:
    first, second = fair(0, alpha, whole), fair(1, alpha, whole)
    session = Scip().open(first)
    for program in (first, second, first):
        session.update(program)
        outcome = session.solve(SolveOptions())
        fresh = equivalent_of(program, solved(program).point)
        assert equivalent_of(program, outcome.point) == pytest.approx(fresh, rel=1e-6)
    session.close()


def test_added_rows_hold_until_the_next_update() -> None:
    program = fair(0, 2.0, whole=True)
    session = Scip().open(program)
    best = equivalent_of(program, session.solve(SolveOptions()).point)
    session.add_rows(*rows_without_options(program))
    outcome = session.solve(SolveOptions())
    assert equivalent_of(program, outcome.point) == pytest.approx(1.0, rel=1e-6)
    session.update(program)
    outcome = session.solve(SolveOptions())
    assert equivalent_of(program, outcome.point) == pytest.approx(best, rel=1e-6)
    session.close()


def test_an_update_cannot_take_the_terms_away() -> None:
    program = fair(0, 2.0, whole=True)
    session = Scip().open(program)
    with pytest.raises(UpdateError, match="alpha-fair terms"):
        session.update(replace(program, terms=None))
    session.close()


def test_many_solves_in_a_row_leave_the_process_alive() -> None:
    """SCIP crashes where a 64th thread takes derivatives; the process is one of its own."""
    script = """
    from solvers import SolveOptions
    from solvers.scip import Scip
    from tests.fair_programs import fair

    for number in range(40):
        session = Scip().open(fair(number, 5.0, whole=False))
        for _ in range(2):
            outcome = session.solve(SolveOptions())
        session.close()
    print(number, outcome.status.value)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "39 optimal\n"), done.stderr
