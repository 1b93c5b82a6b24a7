"""Rows, columns and objective scaled by powers of two, so that a solver's tolerances are relative.

A solver allows an absolute error of some 1e-7 in every row and reduced cost. Where budgets are
1e-9, or rewards 1e9, that is nonsense. Columns are scaled to the size they can reach, rows to the
size of what they limit, the objective to its largest entry. Powers of two change no digit. Whole
columns stay as they are, and so do rows of whole numbers on whole columns: there the tolerance
means something already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from solvers.entries import (
    by_column,
    least_of_columns,
    least_quotients,
    of_columns,
    products,
    with_entries,
)
from solvers.outcome import Outcome
from solvers.program import Booleans, Floats, Program

PASSES = 3
LARGEST_WHOLE_ENTRY = 1e9
# Reduced costs, and what a whole solver discards, are then small against the objective.
LARGEST_OBJECTIVE_ENTRY = 4096.0
LARGEST_ENTRY_OF_MIXED_ROWS = 4096.0
# A whole solver discards what is better by less than 1e-6, and still calls its bound the value.
CUTOFF = 2e-6
# Numbers of a Program times a few of these factors stay far from overflow.
LARGEST_EXPONENT = 480
SMALLEST_POWER, LARGEST_POWER = 2.0**-LARGEST_EXPONENT, 2.0**LARGEST_EXPONENT
EXPONENT_BITS = np.int64(0x7FF0_0000_0000_0000)
SMALLEST_REACH = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaling:
    """Factors, all powers of two.

    Parameters
    ----------
    row : array of shape (n_rows,)
        Rows are multiplied by it.
    column : array of shape (n_columns,)
        Columns are measured in it: v = column * v_scaled.
    objective : float
        The objective is multiplied by it.
    """

    row: Floats
    column: Floats
    objective: float


def scaling_of(program: Program, keeps_columns: bool = False) -> Scaling:
    """Return the factors for a Program without alpha-fair terms, those of columns perhaps 1."""
    row, column = _of_rows_and_columns(program, keeps_columns)
    return Scaling(row=row, column=column, objective=scaled_objective(program, column)[1])


def scaled_alone(program: Program, keeps_columns: bool = False) -> tuple[Scaling, Program]:
    """Return the factors for a Program as `scaling_of` does, and the Program scaled by them."""
    row, column = _of_rows_and_columns(program, keeps_columns)
    objective, factor = scaled_objective(program, column)
    scaling = Scaling(row=row, column=column, objective=factor)
    return scaling, _in_units(program, scaling, objective)


def _of_rows_and_columns(program: Program, keeps_columns: bool) -> tuple[Floats, Floats]:
    size = _sizes(program.matrix)
    column = np.ones(program.n_columns) if keeps_columns else _column_sizes(program, size)
    total = _totals(size, column)
    side = finite_side(program)
    limited = np.where(side > 0, np.minimum(side, total), total)
    row = _row_size(program) / _rounded_to_powers(limited)
    return np.where(_rows_of_whole_numbers(program), 1.0, row), column


def _column_sizes(program: Program, size: sparse.csc_array) -> Floats:
    column = _rounded_to_powers(_reach(program, size))
    if program.has_integers:
        column[program.integer] = 1.0
    return column


def _sizes(matrix: sparse.csc_array) -> sparse.csc_array:
    """Return the matrix with the sizes of its entries."""
    # What is over -0.0 is less than nothing.
    if matrix.data.min(initial=np.inf) > 0.0:
        return matrix
    # abs(matrix) would sort the entries of the Program itself.
    return with_entries(matrix, np.abs(matrix.data))


def _totals(size: sparse.csc_array, column: Floats) -> Floats:
    """Return what all columns together put into each row."""
    full = by_column(size)
    totals: Floats = size @ column if full is None else column @ full
    return totals


def _row_size(program: Program) -> Floats:
    """Return what the largest entry of each row becomes.

    In whole programs a solver lets rows be off by 1e-6, too much for rows of utilities.
    """
    if not program.has_integers:
        return np.ones(program.n_rows)
    fractional = of_columns(program.matrix, ~program.integer)
    has_fractional = np.bincount(program.matrix.indices[fractional], minlength=program.n_rows) > 0
    return np.where(has_fractional, LARGEST_ENTRY_OF_MIXED_ROWS, 1.0)


def scaled_objective(program: Program, column: Floats) -> tuple[Floats, float]:
    """Return the objective in scaled columns, and the factor that it holds."""
    objective = program.objective * column
    is_free = program.column_lower < program.column_upper
    free = objective if is_free.all() else objective * is_free
    largest = max(float(free.max(initial=0.0)), -float(free.min(initial=0.0)))
    factor = LARGEST_OBJECTIVE_ENTRY
    if 0.0 < largest < math.inf:
        exponent = min(max(math.frexp(largest)[1] - 1, -LARGEST_EXPONENT), LARGEST_EXPONENT)
        factor /= math.ldexp(1.0, exponent)
    objective *= factor
    return objective, factor


def _reach(program: Program, size: sparse.csc_array) -> Floats:
    """Return how large each column can get, zero or infinite where that is not known.

    `size` holds the absolute entries of the matrix.
    """
    upper = program.row_upper
    # A row of positive entries over columns >= 0 limits each of them on its own.
    limits = _is_packing(program) & np.isfinite(upper) & (upper > 0)
    most = np.where(limits, upper, np.inf)
    with np.errstate(over="ignore", divide="ignore"):
        # What a row lets a column have is positive, also where the quotient underflows.
        reach = least_quotients(most, size)
        np.maximum(reach, SMALLEST_REACH, out=reach)
        np.minimum(reach, _largest_bound(program), out=reach)
        for _ in range(PASSES):
            if not np.isinf(reach).any():
                break
            reach = np.minimum(reach, _tied_to_others(program, size, reach))
    return reach


def _largest_bound(program: Program) -> Floats:
    """Return how large the bounds of each column let it be."""
    lower, upper = program.column_lower, program.column_upper
    if lower.min(initial=0.0) >= 0.0 and upper.min(initial=0.0) >= 0.0:
        return upper
    return np.maximum(np.abs(lower), np.abs(upper))


def _is_packing(program: Program) -> Booleans:
    """Return the rows without negative entries, over columns that are at least zero."""
    is_below = program.column_lower < 0
    if program.matrix.data.min(initial=0.0) >= 0.0 and not is_below.any():
        return np.ones(program.n_rows, dtype=np.bool_)
    negative = program.matrix.data < 0
    if is_below.any():
        negative |= of_columns(program.matrix, is_below)
    counts = np.bincount(program.matrix.indices[negative], minlength=program.n_rows)
    is_packing: Booleans = counts == 0
    return is_packing


def _tied_to_others(program: Program, size: sparse.csc_array, reach: Floats) -> Floats:
    """Return how large the one column of a row can get whose others have a known reach."""
    row_of = size.indices
    is_open = of_columns(size, np.isinf(reach)) & (size.data > 0)
    side = np.where(np.isfinite(program.row_upper), program.row_upper, program.row_lower)
    total = size @ np.where(np.isinf(reach), 0.0, reach)
    total += np.where(np.isfinite(side), np.abs(side), 0.0)
    n_open = np.bincount(row_of[is_open], minlength=program.n_rows)
    alone = is_open & (n_open[row_of] == 1)
    most = np.full(len(row_of), np.inf)
    np.divide(total[row_of], size.data, out=most, where=alone)
    return least_of_columns(size, most)


def finite_side(program: Program) -> Floats:
    """Return the size of the larger finite side of each row, zero where it has none."""
    upper = np.where(np.isfinite(program.row_upper), program.row_upper, 0.0)
    lower = np.where(np.isfinite(program.row_lower), program.row_lower, 0.0)
    return np.maximum(np.abs(upper), np.abs(lower))


def _rows_of_whole_numbers(program: Program) -> Booleans:
    if not program.has_integers:
        return np.zeros(program.n_rows, dtype=np.bool_)
    entries = program.matrix.data
    other = ~of_columns(program.matrix, program.integer) | (entries != np.rint(entries))
    other |= np.abs(entries) > LARGEST_WHOLE_ENTRY
    counts = np.bincount(program.matrix.indices[other], minlength=program.n_rows)
    stays: Booleans = counts == 0
    return stays


def _rounded_to_powers(size: Floats) -> Floats:
    """Round sizes down to powers of two in their own array, those without a size up to 1."""
    is_usable = (size > 0) & (size < np.inf)
    np.clip(size, SMALLEST_POWER, LARGEST_POWER, out=size)
    # A double without its fraction.
    size.view(np.int64)[:] &= EXPONENT_BITS
    if not is_usable.all():
        size[~is_usable] = 1.0
    return size


def scaled_program(program: Program, scaling: Scaling) -> Program:
    """Return the Program in scaled rows, columns and objective."""
    objective = program.objective * scaling.column
    objective *= scaling.objective
    return _in_units(program, scaling, objective)


def _in_units(program: Program, scaling: Scaling, objective: Floats) -> Program:
    entries = products(program.matrix, scaling.row, scaling.column)
    return replace(
        program,
        objective=objective,
        objective_constant=program.objective_constant * scaling.objective,
        matrix=with_entries(program.matrix, entries),
        row_lower=program.row_lower * scaling.row,
        row_upper=program.row_upper * scaling.row,
        column_lower=program.column_lower / scaling.column,
        column_upper=program.column_upper / scaling.column,
    )


def unscaled_outcome(outcome: Outcome, scaling: Scaling, program: Program) -> Outcome:
    """Return the Outcome in the units of the unscaled Program.

    The bound of a whole program is moved outwards by what the solver may have discarded.
    """
    cutoff = CUTOFF if _may_discard(program) else 0.0
    bound = outcome.bound + (cutoff if program.maximise else -cutoff)
    row, column, objective = scaling.row, scaling.column, scaling.objective

    def times(numbers: Floats | None, factor: Floats) -> Floats | None:
        return None if numbers is None else numbers * factor

    reduced_cost = outcome.reduced_cost
    return outcome.with_numbers(
        point=times(outcome.point, column),
        objective=None if outcome.objective is None else outcome.objective / objective,
        bound=bound / objective,
        row_dual=times(outcome.row_dual, row / objective),
        reduced_cost=None if reduced_cost is None else reduced_cost / (column * objective),
        infeasibility_ray=times(outcome.infeasibility_ray, row),
    )


def _may_discard(program: Program) -> bool:
    """Return whether a solver of whole columns leaves out what is hardly better."""
    if not program.has_integers:
        return False
    is_free = program.column_lower < program.column_upper
    return bool((program.objective[is_free] != 0).any())
