"""Cases of whole columns, against enumeration, and of points to begin from."""

from __future__ import annotations

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import expect, expect_error, expect_near, fail, solved, statement
from solvers.conformance.programs import best_by_enumeration, hard, packing, program_of
from solvers.errors import OptionError
from solvers.options import SolveOptions
from solvers.outcome import Status
from solvers.program import Program


def _expect_enumerated(adapter: Adapter, program: Program, what: str) -> None:
    best = best_by_enumeration(program)
    outcome = solved(adapter, program)
    if best is None:
        expect(outcome.status is Status.INFEASIBLE, f"{what}: {outcome.status.value}")
        return
    expect(outcome.status is Status.OPTIMAL, f"{what}: {outcome.status.value}")
    expect_near(outcome.objective, best, f"{what}: the objective")
    sense = 1.0 if program.maximise else -1.0
    slack = 1e-6 * max(1.0, abs(best))
    expect(sense * outcome.bound >= sense * best - slack, f"{what}: {outcome.bound!r} is no bound")


def knapsacks_of_several_rows_are_those_of_enumeration(adapter: Adapter) -> None:
    """Nine 0/1 columns in four rows."""
    for seed in range(4):
        _expect_enumerated(adapter, packing(seed), f"packing {seed}")


def random_whole_programs_are_those_of_enumeration(adapter: Adapter) -> None:
    """Small programs of whole numbers of either sign, some of them infeasible."""
    for seed in range(30):
        generator = np.random.default_rng([9, seed])
        n_rows, n = int(generator.integers(1, 4)), int(generator.integers(1, 5))
        side = generator.integers(-2, 7, n_rows).astype(np.float64)
        program = program_of(
            generator.integers(-5, 6, n),
            generator.integers(-3, 4, (n_rows, n)),
            row_lower=np.where(generator.random(n_rows) < 0.5, -np.inf, side - 3.0),
            row_upper=side,
            column_lower=-1.0,
            column_upper=generator.integers(0, 4, n),
            integer=True,
            maximise=bool(generator.integers(2)),
        )
        _expect_enumerated(adapter, program, f"program {seed}")


def whole_and_fractional_columns_go_together(adapter: Adapter) -> None:
    """Three whole columns beside one that fills what they leave."""
    program = program_of(
        [5.0, 4.0, 3.0, 1.0],
        [[2.0, 3.0, 1.0, 1.0], [4.0, 1.0, 2.0, 0.0]],
        row_upper=[5.5, 11.0],
        column_upper=[3.0, 3.0, 3.0, 0.75],
        integer=[True, True, True, False],
    )
    # 1, 0, 3 and half of the last.
    expect_near(solved(adapter, program).objective, 14.5, "the objective")


def a_large_coefficient_does_not_open_a_door(adapter: Adapter) -> None:
    """X of at most a million times a 0/1 column that costs 5: on, or nothing."""
    program = program_of(
        [1.0, -5.0], [[1.0, -1e4]], row_upper=0.0, column_upper=[3.0, 1.0], integer=[False, True]
    )
    expect_near(solved(adapter, program).objective, 0.0, "the objective")


def requests_of_a_tenth_fill_a_budget(adapter: Adapter) -> None:
    """.1 and .2 against .3, which in doubles is a rounding error less than their sum.

    Either answer is right to a solver; it must not be lost what is nearly feasible and better.
    """
    program = program_of([1.0, 1.0], [[0.1, 0.2]], row_upper=0.3, integer=True)
    outcome = solved(adapter, program)
    value = outcome.objective
    expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
    expect(value in (1.0, 2.0) or abs((value or 0.0) - 2.0) < 1e-5, f"the objective is {value!r}")


def an_optimum_agrees_with_its_bound(adapter: Adapter) -> None:
    """A mixed program of five columns.

    Trap: the presolve of HiGHS 1.15 calls 20 optimal, beside a bound of 20 2/3 that is attained.
    """
    program = program_of(
        [-2.0, 2.0, -2.0, 3.0, 0.0],
        [[1, 3, 1, 2, 2], [-2, -3, -1, -2, 3], [3, -3, 0, 2, -3]],
        [1.0, -np.inf, -2.0],
        [np.inf, 1.0, 1.0],
        column_upper=[4.0, 4.0, 4.0, 4.0, 1.0],
        integer=[False, True, True, False, True],
        constant=2.0,
    )
    expect_near(solved(adapter, program).objective, 62.0 / 3.0, "the objective")


def bounds_that_are_not_whole_are_rounded_inwards(adapter: Adapter) -> None:
    """A whole column between .5 and 2.7."""
    for maximise, expected in ((True, 2.0), (False, 1.0)):
        program = program_of(
            [1.0],
            [[1.0]],
            row_upper=9.0,
            column_lower=0.5,
            column_upper=2.7,
            integer=True,
            maximise=maximise,
        )
        expect_near(solved(adapter, program).objective, expected, "the objective")


def a_start_is_no_worse_than_none(adapter: Adapter) -> None:
    """A feasible start for a hard program with little time: the answer is at least as good."""
    program = hard()
    first = solved(adapter, program, solution_limit=1) if _can_stop_early(adapter) else None
    point = np.zeros(program.n_columns) if first is None or first.point is None else first.point
    value = float(program.objective @ point) + program.objective_constant
    outcome = solved(adapter, program, start=point, time_limit_seconds=0.3)
    if outcome.objective is None:
        fail("the start was lost")
    expect(outcome.objective >= value - 1e-6 * abs(value), f"{outcome.objective!r} after {value!r}")


def _can_stop_early(adapter: Adapter) -> bool:
    return Capability.SOLUTION_LIMIT in adapter.capabilities


def a_start_that_is_partial_or_infeasible_does_no_harm(adapter: Adapter) -> None:
    """Half a start, one that breaks rows, one outside of its bounds, one that is not whole."""
    program = packing(3)
    best = best_by_enumeration(program) or 0.0
    n = program.n_columns
    partial = np.where(np.arange(n) < 4, 1.0, np.nan)
    for start in (partial, np.ones(n), np.full(n, 7.0), np.full(n, 0.5), np.full(n, np.nan)):
        outcome = solved(adapter, program, start=start)
        expect_near(outcome.objective, best, f"the objective from {start[:3]}...")


def a_start_of_another_shape_is_refused(adapter: Adapter) -> None:
    """One number too few."""
    session = adapter.open(packing(3))
    options = SolveOptions(start=np.zeros(8))
    expect_error(OptionError, "a start of 8 numbers for 9 columns", lambda: session.solve(options))
    session.close()


WHOLE = Capability.WHOLE
CASES = (
    statement(knapsacks_of_several_rows_are_those_of_enumeration, WHOLE),
    statement(random_whole_programs_are_those_of_enumeration, WHOLE),
    statement(whole_and_fractional_columns_go_together, WHOLE),
    statement(a_large_coefficient_does_not_open_a_door, WHOLE),
    statement(requests_of_a_tenth_fill_a_budget, WHOLE),
    statement(an_optimum_agrees_with_its_bound, WHOLE),
    statement(bounds_that_are_not_whole_are_rounded_inwards, WHOLE),
    statement(a_start_is_no_worse_than_none, WHOLE, Capability.START, Capability.TIME_LIMIT),
    statement(a_start_that_is_partial_or_infeasible_does_no_harm, WHOLE, Capability.START),
    statement(a_start_of_another_shape_is_refused, Capability.START, WHOLE),
)
