"""Cases of limits: each with a point and without one, and what is claimed then."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import (
    expect,
    expect_error,
    expect_near,
    fail,
    solved,
    sound,
    statement,
)
from solvers.conformance.programs import (
    best_by_enumeration,
    covering,
    hard,
    knapsack,
    long,
    packing,
    program_of,
)
from solvers.errors import LicenceError
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Program

# A megabyte, which no solver of a hard program makes do with.
LITTLE_MEMORY = 1.0
SECONDS = 0.5
PATIENCE = 20.0


def _stopped(outcome: Outcome, limit: Limit) -> None:
    expect(outcome.status.is_stopped, f"the status is {outcome.status.value}")
    expect(outcome.limit is limit, f"the limit is {outcome.limit}, expected {limit.value}")


def no_time_claims_nothing(adapter: Adapter) -> None:
    """A time limit of zero on a feasible, an infeasible, an empty and a hard program.

    Trap: a limit reached with nothing found gives zeros, "ok" or a crash elsewhere.
    """
    infeasible = program_of([1.0, 1.0], [[1.0, 1.0]], row_lower=5.0)
    programs = [knapsack(), long(), covering(1), infeasible]
    if Capability.WHOLE in adapter.capabilities:
        programs += [hard(), packing(2), covering(1, whole=True)]
    for program in programs:
        outcome = solved(adapter, program, time_limit_seconds=0.0)
        is_honest = outcome.status in (Status.INFEASIBLE, Status.OPTIMAL)
        if program is not infeasible:
            expect(outcome.status is not Status.INFEASIBLE, "a feasible program is infeasible")
        if not is_honest:
            expect(outcome.status.is_stopped, f"the status is {outcome.status.value}")
            expect(outcome.limit is Limit.TIME, f"the limit is {outcome.limit}")


def a_time_limit_returns_the_best_point_and_a_bound(adapter: Adapter) -> None:
    """A hard whole program for half a second."""
    outcome = solved(adapter, hard(), time_limit_seconds=SECONDS)
    _stopped(outcome, Limit.TIME)
    if outcome.objective is None:
        fail("no point was found in half a second")
    expect(outcome.bound > outcome.objective, "the gap is closed, and the status is not optimal")


def the_time_of_every_solve_counts_alone(adapter: Adapter) -> None:
    """Four solves of one session, each with a time limit that all of them together exceed.

    Trap: HiGHS counts over all runs of one object, from the third run on it stops at once.
    """
    session = adapter.open(long())
    sound(long(), session.solve(SolveOptions()))
    for number in range(4):
        session.update(_other(number))
        outcome = sound(_other(number), session.solve(SolveOptions(time_limit_seconds=PATIENCE)))
        expect(outcome.status is Status.OPTIMAL, f"solve {number}: {outcome.status.value}")
    session.close()


def _other(number: int) -> Program:
    program = long()
    program.objective[number] *= 2.0
    return program


def a_node_limit_stops_with_a_valid_bound(adapter: Adapter) -> None:
    """Few nodes for a hard program, and for small ones whose optima are known."""
    outcome = solved(adapter, hard(), node_limit=1)
    _stopped(outcome, Limit.NODES)
    for seed in range(3):
        program = packing(seed)
        stopped = solved(adapter, program, node_limit=1)
        best = best_by_enumeration(program)
        if best is None:
            fail("the program of the case is infeasible")
        expect(
            stopped.bound >= best - 1e-6 * abs(best), f"{stopped.bound!r} is no bound of {best!r}"
        )


def no_node_is_no_optimum(adapter: Adapter) -> None:
    """A node limit of zero on a hard program."""
    _stopped(solved(adapter, hard(), node_limit=0), Limit.NODES)


def an_iteration_limit_leaves_no_stale_point(adapter: Adapter) -> None:
    """One iteration for a linear program that needs hundreds, in both senses.

    Trap: HiGHS and Gurobi let a point be read then that is wrong, with a bound of zero.
    """
    for program in (long(), covering(4, n_columns=200, n_rows=60)):
        outcome = solved(adapter, program, iteration_limit=1)
        _stopped(outcome, Limit.ITERATIONS)


def a_solution_limit_stops_at_a_point(adapter: Adapter) -> None:
    """One improving point of a hard program."""
    outcome = solved(adapter, hard(), solution_limit=1, time_limit_seconds=PATIENCE)
    _stopped(outcome, Limit.SOLUTIONS)
    expect(outcome.point is not None, "there is no point")


def a_memory_limit_stops_the_solver(adapter: Adapter) -> None:
    """A megabyte for a hard program."""
    outcome = solved(adapter, hard(), memory_limit_mb=LITTLE_MEMORY, time_limit_seconds=PATIENCE)
    _stopped(outcome, Limit.MEMORY)


def a_keyboard_interrupt_returns_the_best_point(adapter: Adapter) -> None:
    """A real SIGINT to this process during a hard solve: no exception, but the limit says so."""
    if threading.current_thread() is not threading.main_thread():
        fail("signals arrive in the main thread: run this case there")
    session = adapter.open(_interruptible(adapter))
    timer = threading.Timer(SECONDS, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        outcome = session.solve(SolveOptions(time_limit_seconds=PATIENCE))
    finally:
        timer.join()
        session.close()
    sound(_interruptible(adapter), outcome)
    expect(outcome.limit is Limit.INTERRUPT, f"the limit is {outcome.limit}")


def _interruptible(adapter: Adapter) -> Program:
    if Capability.WHOLE in adapter.capabilities:
        return hard()
    return packing(5, n_columns=6_000, n_rows=600, whole=False)


def after_a_limit_the_optimum_is_that_of_a_fresh_solve(adapter: Adapter) -> None:
    """No time first, then all the time, in one session."""
    program = long()
    session = adapter.open(program)
    session.solve(SolveOptions(time_limit_seconds=0.0))
    outcome = sound(program, session.solve(SolveOptions()))
    session.close()
    fresh = solved(adapter, program)
    expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
    expect_near(outcome.objective, fresh.objective or 0.0, "the objective")


def what_a_licence_does_not_allow_is_told_before_it_is_solved(adapter: Adapter) -> None:
    """A program of 2,100 columns: solved, or refused with LicenceError and the reason.

    Trap: Gurobi's free licence ends at 2,000 columns and rows.
    """
    # All columns differ: of equal ones SCIP, left alone, makes a million rows in seconds.
    program = program_of(np.linspace(0.0, 1.0, 2_100), np.ones((1, 2_100)), row_upper=1.0)
    limit = adapter.availability().size_limit
    if limit is None or limit.columns >= 2_100:
        expect_near(solved(adapter, program).objective, 1.0, "the objective")
        return
    words = expect_error(LicenceError, "2,100 columns", lambda: adapter.open(program))
    expect("2,100" in words, f"the error does not name the size: {words}")


CASES = (
    statement(what_a_licence_does_not_allow_is_told_before_it_is_solved, Capability.PRECISE),
    statement(no_time_claims_nothing),
    statement(
        a_time_limit_returns_the_best_point_and_a_bound, Capability.TIME_LIMIT, Capability.WHOLE
    ),
    statement(the_time_of_every_solve_counts_alone, Capability.TIME_LIMIT, Capability.PRECISE),
    statement(a_node_limit_stops_with_a_valid_bound, Capability.NODE_LIMIT, Capability.WHOLE),
    statement(no_node_is_no_optimum, Capability.NODE_LIMIT, Capability.WHOLE),
    statement(an_iteration_limit_leaves_no_stale_point, Capability.ITERATION_LIMIT),
    statement(a_solution_limit_stops_at_a_point, Capability.SOLUTION_LIMIT, Capability.WHOLE),
    statement(a_memory_limit_stops_the_solver, Capability.MEMORY_LIMIT, Capability.WHOLE),
    statement(a_keyboard_interrupt_returns_the_best_point, Capability.INTERRUPT),
    statement(after_a_limit_the_optimum_is_that_of_a_fresh_solve, Capability.PRECISE),
)
