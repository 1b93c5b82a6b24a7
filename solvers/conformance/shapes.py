"""Cases of programs of odd shape: empty, fixed, free, huge, tiny, duplicate, degenerate."""

from __future__ import annotations

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import (
    expect,
    expect_near,
    objective_of,
    solved,
    statement,
)
from solvers.conformance.programs import INFINITY, knapsack, packing, program_of
from solvers.outcome import Status


def a_program_without_columns_is_decided_by_its_rows(adapter: Adapter) -> None:
    """Rows that hold nothing hold zero."""
    nothing = program_of([], np.zeros((1, 0)), row_lower=-1.0, row_upper=1.0, constant=5.0)
    expect_near(solved(adapter, nothing).objective, 5.0, "the objective")
    broken = program_of([], np.zeros((1, 0)), row_lower=1.0, row_upper=2.0)
    status = solved(adapter, broken).status
    expect(status is Status.INFEASIBLE, f"the status is {status.value}")


def a_program_without_rows_is_decided_by_its_bounds(adapter: Adapter) -> None:
    """Every column goes to the bound that its objective asks for."""
    for maximise, expected in ((True, 3.0), (False, -2.0)):
        program = program_of([3.0, -2.0], np.zeros((0, 2)), maximise=maximise)
        expect_near(solved(adapter, program).objective, expected, "the objective")


def fixed_columns_keep_their_value(adapter: Adapter) -> None:
    """One column fixed at a half, one at a negative number."""
    fixed = [0.5, -2.0, 0.0]
    program = program_of(
        [1.0, 1.0, 1.0],
        [[1.0, 1.0, 1.0]],
        row_upper=9.0,
        column_lower=fixed,
        column_upper=[0.5, -2.0, 1.0],
    )
    expect_near(solved(adapter, program).objective, -0.5, "the objective")


def free_columns_may_be_negative(adapter: Adapter) -> None:
    """Two free columns between equalities and inequalities, in both senses."""
    for maximise, expected in ((True, 7.0), (False, -5.0)):
        program = program_of(
            [1.0, 0.0],
            [[1.0, 1.0], [1.0, -1.0]],
            row_lower=[2.0, -12.0],
            row_upper=[2.0, 12.0],
            column_lower=-INFINITY,
            column_upper=INFINITY,
            maximise=maximise,
        )
        expect_near(solved(adapter, program).objective, expected, "the objective")


def large_and_small_numbers_are_what_they_are(adapter: Adapter) -> None:
    """Objectives of a million and of a millionth, sides of a million."""
    for factor in (1e6, 1e-4):
        program = program_of([3.0 * factor, 2.0 * factor], [[1.0, 1.0]], row_upper=1.5)
        value = solved(adapter, program).objective
        expect(value is not None and abs(value - 4.0 * factor) <= 1e-6 * factor, f"{value!r}")
    wide = program_of([1.0, 1.0], [[1.0, 2.0]], row_upper=1e6, column_upper=1e6)
    expect_near(solved(adapter, wide).objective, 1e6, "the objective")


def duplicate_rows_and_columns_change_nothing(adapter: Adapter) -> None:
    """Every row and every column of a packing program twice, the columns' bounds halved."""
    once = packing(7, whole=False)
    matrix = once.matrix.toarray()
    twice = program_of(
        np.tile(once.objective, 2),
        np.tile(matrix, (2, 2)),
        row_upper=np.tile(once.row_upper, 2),
        column_upper=0.5,
        constant=once.objective_constant,
    )
    expected = solved(adapter, once).objective
    expect_near(solved(adapter, twice).objective, expected or 0.0, "the objective")


def degenerate_corners_are_solved(adapter: Adapter) -> None:
    """Many rows through one corner, and ties in the objective."""
    rows = [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [1.0, 2.0], [3.0, 3.0]]
    program = program_of(
        [1.0, 1.0], rows, row_upper=[2.0, 1.0, 1.0, 3.0, 3.0, 6.0], column_upper=INFINITY
    )
    expect_near(solved(adapter, program).objective, 2.0, "the objective")


def ranges_equalities_and_empty_rows_hold(adapter: Adapter) -> None:
    """A row with two sides, an equality, a row without sides and one without entries."""
    program = program_of(
        [1.0, -1.0],
        [[1.0, 1.0], [1.0, -1.0], [5.0, 5.0], [0.0, 0.0]],
        row_lower=[1.0, 0.25, -INFINITY, 0.0],
        row_upper=[1.25, 0.25, INFINITY, 0.0],
    )
    outcome = solved(adapter, program)
    expect_near(outcome.objective, 0.25, "the objective")


def an_empty_row_that_cannot_hold_is_infeasible(adapter: Adapter) -> None:
    """A row without entries that is to be one."""
    program = program_of([1.0], [[0.0]], row_lower=1.0, row_upper=1.0)
    status = solved(adapter, program).status
    expect(status is Status.INFEASIBLE, f"the status is {status.value}")


def a_column_that_nothing_needs_has_a_value(adapter: Adapter) -> None:
    """A column in no row and not in the objective, with bounds above zero."""
    program = program_of(
        [3.0, 0.0], [[1.0, 0.0]], row_upper=0.5, column_lower=[0.0, 2.0], column_upper=[1.0, 4.0]
    )
    outcome = solved(adapter, program)
    expect(outcome.point is not None, "there is no point")
    expect_near(outcome.objective, 1.5, "the objective")


def an_objective_of_zero_asks_for_any_point(adapter: Adapter) -> None:
    """Feasibility alone, in both senses."""
    for maximise in (True, False):
        program = program_of([0.0, 0.0], [[1.0, 1.0]], 1.5, 1.75, maximise=maximise)
        outcome = solved(adapter, program)
        expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
        expect_near(outcome.objective, 0.0, "the objective")


def labels_do_no_harm(adapter: Adapter) -> None:
    """Labels of 300 characters, with blanks, brackets, quotes and letters outside ASCII.

    Trap: names over 255 characters and blanks break files and solvers elsewhere.
    """
    from dataclasses import replace

    from solvers.program import Block

    labels = ['a b[1] "x"', "Größe\n" + "x" * 300]
    program = knapsack()
    named = replace(
        program,
        column_blocks=(Block(name="e1 inf", labels=labels),),
        row_blocks=(Block(name="st end", labels=["-1 >="]),),
    )
    outcome = solved(adapter, named)
    point = outcome.point
    expect(point is not None and abs(objective_of(program, point) - 4.0) < 1e-5, "another optimum")


CASES = tuple(
    statement(check, Capability.PRECISE)
    for check in (
        a_program_without_columns_is_decided_by_its_rows,
        a_program_without_rows_is_decided_by_its_bounds,
        fixed_columns_keep_their_value,
        free_columns_may_be_negative,
        large_and_small_numbers_are_what_they_are,
        duplicate_rows_and_columns_change_nothing,
        degenerate_corners_are_solved,
        ranges_equalities_and_empty_rows_hold,
        an_empty_row_that_cannot_hold_is_infeasible,
        a_column_that_nothing_needs_has_a_value,
        an_objective_of_zero_asks_for_any_point,
        labels_do_no_harm,
    )
)
