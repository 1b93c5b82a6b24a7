"""Cases of updates: solving again equals a fresh solve, there and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.adapter import Adapter, SolverSession
from solvers.capability import Capability
from solvers.conformance.case import (
    expect,
    expect_error,
    expect_near,
    solved,
    sound,
    statement,
)
from solvers.conformance.programs import INFINITY, covering, knapsack, packing, program_of
from solvers.errors import UpdateError
from solvers.options import SolveOptions
from solvers.outcome import Status
from solvers.program import Program


def _expect_fresh(adapter: Adapter, session: SolverSession, program: Program, what: str) -> None:
    """Fail where the session's answer is not that of a new session."""
    again = sound(program, session.solve(SolveOptions()))
    fresh = solved(adapter, program)
    expect(
        again.status is fresh.status,
        f"{what}: {again.status.value} after the update, {fresh.status.value} afresh",
    )
    if fresh.objective is not None:
        expect_near(again.objective, fresh.objective, f"{what}: the objective")


def _there_and_back(adapter: Adapter, programs: Sequence[Program], what: str) -> None:
    """Go through the programs and back in one session."""
    session = adapter.open(programs[0])
    _expect_fresh(adapter, session, programs[0], what)
    for program in (*programs[1:], *reversed(programs[:-1])):
        session.update(program)
        _expect_fresh(adapter, session, program, what)
    session.close()


def _programs(adapter: Adapter) -> list[Program]:
    """Return a linear program in each sense, and a whole one."""
    found = [packing(5, whole=False), covering(5)]
    return [*found, packing(5)] if Capability.WHOLE in adapter.capabilities else found


def another_objective_equals_a_fresh_solve(adapter: Adapter) -> None:
    """One coefficient, all of them, the constant, all zero; there and back."""
    for program in _programs(adapter):
        one = program.objective.copy()
        one[2] *= -3.0
        _there_and_back(
            adapter,
            [
                program,
                replace(program, objective=one),
                replace(program, objective=program.objective[::-1].copy()),
                replace(program, objective_constant=-50.0),
                replace(program, objective=np.zeros(program.n_columns)),
            ],
            "another objective",
        )


def another_side_equals_a_fresh_solve(adapter: Adapter) -> None:
    """One side, all, none, sides that become equal and equal ones that open.

    Trap: SCIP takes a side that changes after a solve, and returns the old optimum.
    """
    for program in _programs(adapter):
        upper, lower = program.row_upper, program.row_lower
        middle = np.where(np.isfinite(upper), upper, lower)
        _there_and_back(
            adapter,
            [
                program,
                replace(program, row_upper=0.5 * upper, row_lower=0.5 * lower),
                replace(program, row_upper=np.where(np.arange(len(upper)) == 1, 2 * upper, upper)),
                replace(program, row_upper=np.full(len(upper), INFINITY)),
                replace(program, row_lower=0.7 * middle, row_upper=0.9 * middle),
            ],
            "another side",
        )


def another_bound_equals_a_fresh_solve(adapter: Adapter) -> None:
    """Fixed columns, wider ones, negative ones, and 0/1 columns that may be more."""
    for program in _programs(adapter):
        n = program.n_columns
        _there_and_back(
            adapter,
            [
                program,
                replace(program, column_lower=np.ones(n)),
                replace(program, column_upper=np.full(n, 3.0)),
                replace(program, column_upper=np.where(np.arange(n) < 3, 0.0, 2.0)),
                replace(program, column_lower=np.full(n, -1.0)),
            ],
            "another bound",
        )


def other_entries_equal_a_fresh_solve(adapter: Adapter) -> None:
    """One entry, all of them, one that becomes zero and comes back."""
    for program in _programs(adapter):
        dense = program.matrix.toarray()
        one, gone = dense.copy(), dense.copy()
        one[1, 2] += 7.0
        gone[0, :4] = 0.0
        _there_and_back(
            adapter,
            [
                program,
                replace(program, matrix=sparse.csc_array(one)),
                replace(program, matrix=sparse.csc_array(gone)),
                replace(program, matrix=sparse.csc_array(1.5 * dense[::-1])),
            ],
            "other entries",
        )


def another_sense_or_wholeness_equals_a_fresh_solve(adapter: Adapter) -> None:
    """Maximised and minimised, whole and fractional in turn."""
    program = packing(8, whole=False)
    programs = [program, replace(program, maximise=False), program]
    if Capability.WHOLE in adapter.capabilities:
        programs.append(replace(program, integer=np.ones(program.n_columns, dtype=np.bool_)))
        programs.append(replace(program, integer=np.arange(program.n_columns) < 4))
    _there_and_back(adapter, programs, "another sense or wholeness")


def an_infeasible_step_leaves_nothing_behind(adapter: Adapter) -> None:
    """Feasible, infeasible, unbounded, feasible."""
    program = knapsack()
    unbounded = program_of([3.0, 2.0], [[1.0, -1.0]], row_upper=1.5, column_upper=INFINITY)
    session = adapter.open(program)
    for number in range(2):
        expect_near(session.solve(SolveOptions()).objective, 4.0, f"round {number}: the objective")
        session.update(replace(program, row_lower=np.array([5.0]), row_upper=np.array([6.0])))
        status = session.solve(SolveOptions()).status
        expect(status is Status.INFEASIBLE, f"round {number}: {status.value}")
        session.update(unbounded)
        status = session.solve(SolveOptions()).status
        expect(not status.has_point, f"round {number}: {status.value}")
        session.update(program)
    expect_near(session.solve(SolveOptions()).objective, 4.0, "the objective at the end")
    session.close()


def random_updates_in_a_row_equal_fresh_solves(adapter: Adapter) -> None:
    """Twelve programs of one shape, drawn anew in every part."""
    generator = np.random.default_rng(77)
    programs = [_drawn(adapter, generator) for _ in range(12)]
    session = adapter.open(programs[0])
    for number, program in enumerate(programs):
        session.update(program)
        _expect_fresh(adapter, session, program, f"program {number}")
    session.close()


def _drawn(adapter: Adapter, generator: np.random.Generator) -> Program:
    side = generator.integers(0, 9, 3).astype(np.float64)
    whole = Capability.WHOLE in adapter.capabilities
    return program_of(
        generator.integers(-5, 6, 5),
        generator.integers(-3, 4, (3, 5)),
        row_lower=np.where(generator.random(3) < 0.5, -INFINITY, side - 6.0),
        row_upper=side,
        column_lower=generator.integers(-1, 1, 5),
        column_upper=generator.integers(0, 4, 5),
        integer=(generator.random(5) < 0.5) & whole,
        maximise=bool(generator.integers(2)),
    )


def added_rows_hold_until_the_next_update(adapter: Adapter) -> None:
    """Rows are added twice, and are gone after an update."""
    session = adapter.open(knapsack())
    first, second = (
        sparse.csr_array(np.array([[1.0, 0.0]])),
        sparse.csr_array(np.array([[0.0, 1.0]])),
    )
    session.add_rows(first, np.array([-INFINITY]), np.array([0.5]))
    expect_near(session.solve(SolveOptions()).objective, 3.5, "with one row")
    session.add_rows(second, np.array([0.0]), np.array([0.25]))
    outcome = session.solve(SolveOptions())
    expect_near(outcome.objective, 2.0, "with two rows")
    dual = outcome.row_dual
    expect(dual is None or dual.shape == (1,), "duals of rows that are not the Program's")
    session.update(knapsack())
    expect_near(session.solve(SolveOptions()).objective, 4.0, "after the update")
    session.close()


def an_update_of_another_shape_is_refused_and_changes_nothing(adapter: Adapter) -> None:
    """One row more, one column more."""
    session = adapter.open(knapsack())
    for other in (
        program_of([3.0, 2.0], [[1.0, 1.0], [1.0, 1.0]], row_upper=0.5),
        program_of([3.0, 2.0, 1.0], [[1.0, 1.0, 1.0]], row_upper=0.5),
    ):
        expect_error(UpdateError, "another shape", lambda: session.update(other))  # noqa: B023
    expect_near(session.solve(SolveOptions()).objective, 4.0, "the objective afterwards")
    session.close()


def forbid_rebuild_changes_in_place_or_not_at_all(adapter: Adapter) -> None:
    """With it, an update counts as one in place, or raises UpdateError and changes nothing."""
    session = adapter.open(knapsack())
    session.solve(SolveOptions())
    other, expected = knapsack(worth=5.0), 4.0
    try:
        session.update(other, forbid_rebuild=True)
    except UpdateError:
        expect(Capability.IN_PLACE_UPDATES not in adapter.capabilities, "it declares it can")
    else:
        expected = 6.0
        expect(session.counts.updates_in_place == 1, f"counted: {session.counts}")
    expect_near(session.solve(SolveOptions()).objective, expected, "the objective")
    expect(session.counts.rebuilds == 0, f"counted: {session.counts}")
    session.update(knapsack(worth=7.0))
    expect(
        session.counts.updates_in_place + session.counts.rebuilds >= 1,
        "an update that nobody counts",
    )
    expect(session.counts.reasons, "an update without a reason")
    session.close()


CASES = (
    *(
        statement(check, Capability.PRECISE)
        for check in (
            another_objective_equals_a_fresh_solve,
            another_side_equals_a_fresh_solve,
            another_bound_equals_a_fresh_solve,
            other_entries_equal_a_fresh_solve,
            another_sense_or_wholeness_equals_a_fresh_solve,
            an_infeasible_step_leaves_nothing_behind,
            random_updates_in_a_row_equal_fresh_solves,
            added_rows_hold_until_the_next_update,
            an_update_of_another_shape_is_refused_and_changes_nothing,
            forbid_rebuild_changes_in_place_or_not_at_all,
        )
    ),
)
