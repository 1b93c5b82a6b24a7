"""Cases of what is claimed: optimal, infeasible, unbounded, and what is refused."""

from __future__ import annotations

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import expect, expect_error, expect_near, fail, solved, statement
from solvers.conformance.programs import INFINITY, knapsack, program_of
from solvers.errors import CapabilityError, ProgramError
from solvers.options import SolveOptions
from solvers.outcome import Status

DOUBTFUL = (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED)


def an_optimum_is_claimed_with_its_point_value_and_bound(adapter: Adapter) -> None:
    """A knapsack of two columns, maximised and minimised, with a constant in the objective."""
    for maximise, sign in ((True, 1.0), (False, -1.0)):
        program = knapsack(maximise=maximise)
        outcome = solved(adapter, program)
        expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
        expect(outcome.limit is None, "an optimum with a limit")
        expect_near(outcome.objective, sign * 4.0, "the objective")
        expect_near(outcome.bound, sign * 4.0, "the bound")


def a_constant_counts_in_objective_and_bound(adapter: Adapter) -> None:
    """The same knapsack with 100 more."""
    program = program_of([3.0, 2.0], [[1.0, 1.0]], row_upper=1.5, constant=100.0)
    outcome = solved(adapter, program)
    expect_near(outcome.objective, 104.0, "the objective")
    expect_near(outcome.bound, 104.0, "the bound")


def crossed_sides_and_bounds_are_infeasible(adapter: Adapter) -> None:
    """A lower side above the upper one, and a lower bound above the upper one."""
    sides = program_of([1.0], [[1.0]], row_lower=2.0, row_upper=1.0)
    bounds = program_of([1.0], [[1.0]], row_upper=5.0, column_lower=2.0, column_upper=1.0)
    for program in (sides, bounds):
        status = solved(adapter, program).status
        expect(status is Status.INFEASIBLE, f"the status is {status.value}")


def rows_that_contradict_each_other_are_infeasible(adapter: Adapter) -> None:
    """X + y of at least 3 and x - y of at least 2, within 0 and 1."""
    program = program_of([1.0, 1.0], [[1.0, 1.0], [1.0, -1.0]], row_lower=[1.5, 0.8])
    status = solved(adapter, program).status
    expect(status is Status.INFEASIBLE, f"the status is {status.value}")


def an_unbounded_program_is_no_optimum(adapter: Adapter) -> None:
    """X - y of at most 1, both without upper bound, in both senses of the objective."""
    for maximise, sign in ((True, 1.0), (False, -1.0)):
        cost = [sign * 3.0, sign * 2.0]
        program = program_of(
            cost, [[1.0, -1.0]], row_upper=1.0, column_upper=INFINITY, maximise=maximise
        )
        outcome = solved(adapter, program)
        expect(outcome.status in DOUBTFUL, f"the status is {outcome.status.value}")
        expect(outcome.bound == sign * INFINITY, f"the bound is {outcome.bound!r}")


def infeasible_with_an_unbounded_direction_is_not_unbounded(adapter: Adapter) -> None:
    """X may grow for ever, but y cannot be 2."""
    program = program_of([1.0, 0.0], [[0.0, 1.0]], row_lower=2.0, column_upper=[INFINITY, 1.0])
    status = solved(adapter, program).status
    expected = (Status.INFEASIBLE, Status.INFEASIBLE_OR_UNBOUNDED)
    expect(status in expected, f"the status is {status.value}")


def what_only_fractions_can_do_is_infeasible_for_whole_columns(adapter: Adapter) -> None:
    """Twice a whole number is one."""
    program = program_of([1.0], [[2.0]], row_lower=1.0, row_upper=1.0, integer=True)
    status = solved(adapter, program).status
    expect(status is Status.INFEASIBLE, f"the status is {status.value}")


def numbers_that_are_none_are_refused(adapter: Adapter) -> None:
    """NaN in objective, matrix, sides and bounds; infinite objective and entries."""
    nan = float("nan")
    for program in (
        program_of([nan], [[1.0]], row_upper=1.0),
        program_of([1.0], [[nan]], row_upper=1.0),
        program_of([1.0], [[1.0]], row_upper=nan),
        program_of([1.0], [[1.0]], row_upper=1.0, column_upper=nan),
        program_of([INFINITY], [[1.0]], row_upper=1.0),
        program_of([1.0], [[-INFINITY]], row_upper=1.0),
    ):
        expect_error(ProgramError, "a number that is none", lambda: adapter.open(program))  # noqa: B023


def whole_columns_are_solved_or_refused(adapter: Adapter) -> None:
    """An adapter without whole columns raises CapabilityError, it does not relax them."""
    program = program_of([1.0, 1.0], [[1.0, 1.0]], row_upper=1.5, integer=True)
    if Capability.WHOLE in adapter.capabilities:
        expect_near(solved(adapter, program).objective, 1.0, "the objective")
    else:
        expect_error(CapabilityError, "whole columns", lambda: solved(adapter, program))


def what_an_outcome_holds_outlives_its_session(adapter: Adapter) -> None:
    """Point and duals are copies, not views into the solver."""
    session = adapter.open(knapsack())
    outcome = session.solve(SolveOptions())
    if outcome.point is None:
        fail("there is no point")
    before = outcome.point.copy()
    session.update(knapsack(worth=9.0, side=0.5))
    session.solve(SolveOptions())
    session.close()
    expect(np.array_equal(outcome.point, before), "the point has changed")


CASES = (
    statement(an_optimum_is_claimed_with_its_point_value_and_bound, Capability.PRECISE),
    statement(a_constant_counts_in_objective_and_bound, Capability.PRECISE),
    statement(crossed_sides_and_bounds_are_infeasible),
    statement(rows_that_contradict_each_other_are_infeasible),
    statement(an_unbounded_program_is_no_optimum),
    statement(infeasible_with_an_unbounded_direction_is_not_unbounded),
    statement(what_only_fractions_can_do_is_infeasible_for_whole_columns, Capability.WHOLE),
    statement(numbers_that_are_none_are_refused),
    statement(whole_columns_are_solved_or_refused),
    statement(what_an_outcome_holds_outlives_its_session),
)
