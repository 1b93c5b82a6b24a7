"""Rows, columns and objective scaled by powers of two, so that a solver's tolerances are relative.

A solver allows an absolute error of some 1e-7 in every row and reduced cost. Where budgets are
1e-9, or rewards 1e9, that is nonsense. Columns are scaled to the size they can reach, rows to the
size of what they limit, the objective to its largest entry. Powers of two change no digit. Whole
columns stay as they are, and so do rows of whole numbers on whole columns: there the tolerance
means something already.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.changes import check_may_rebuild, check_same_shape
from solvers.counts import Counts
from solvers.entries import (
    by_column,
    least_of_columns,
    least_quotients,
    of_columns,
    products,
    with_entries,
)
from solvers.errors import OptionError
from solvers.options import SolveOptions
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
# A scale is kept while the side it was made for has moved by less than this factor.
KEPT_WITHIN = 1024.0
# And while no entry has moved by more than this: looking at how sizes follow from entries takes
# three times as long as scaling them.
ENTRIES_KEPT_WITHIN = 2.0


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
    size = _sizes(program.matrix)
    column = np.ones(program.n_columns)
    if not keeps_columns:
        column = _power_of_two(_reach(program, size))
        column[program.integer] = 1.0
    total = _totals(size, column)
    side = _finite_side(program)
    limited = np.where(side > 0, np.minimum(side, total), total)
    row = _row_size(program) / _power_of_two(limited)
    row = np.where(_rows_of_whole_numbers(program), 1.0, row)
    return Scaling(row=row, column=column, objective=_scaled_objective(program, column)[1])


def _sizes(matrix: sparse.csc_array) -> sparse.csc_array:
    """Return the matrix with the sizes of its entries."""
    if matrix.data.min(initial=0.0) >= 0.0:
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


def _scaled_objective(program: Program, column: Floats) -> tuple[Floats, float]:
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


def _finite_side(program: Program) -> Floats:
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


def _power_of_two(size: Floats) -> Floats:
    """Return the powers of two at or below sizes, 1 for sizes that are zero or not finite."""
    is_usable = (size > 0) & (size < np.inf)
    powers = np.clip(size, SMALLEST_POWER, LARGEST_POWER)
    # A double without its fraction.
    powers.view(np.int64)[:] &= EXPONENT_BITS
    powers[~is_usable] = 1.0
    return powers


def scaled_program(program: Program, scaling: Scaling) -> Program:
    """Return the Program in scaled rows, columns and objective."""
    entries = products(program.matrix, scaling.row, scaling.column)
    return replace(
        program,
        objective=program.objective * (scaling.column * scaling.objective),
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


class ScaledSession:
    """A session that scales every Program on its way in and every Outcome on its way out.

    Parameters
    ----------
    opener : callable of Program
        Opens the solver's own session.
    program : Program
        Without alpha-fair terms.
    keeps_columns : bool
        Whether columns have units already in which rows hold numbers of like sizes.
    """

    def __init__(
        self,
        opener: Callable[[Program], SolverSession],
        program: Program,
        keeps_columns: bool = False,
    ) -> None:
        self._keeps_columns = keeps_columns
        self._program = program
        self._scaling = scaling_of(program, keeps_columns)
        self._scaled_for, self._entries_for = _finite_side(program), program.matrix.data
        self._scaled = scaled_program(program, self._scaling)
        self._session = opener(self._scaled)

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and the program handed over again, and why."""
        return self._session.counts

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        check_same_shape(self._program, program)
        if self._has_old_sizes(program):
            scaling, scaled = self._rescaled_parts(program)
            sizes, entries = self._scaled_for, self._entries_for
        else:
            scaling = self._scaling_for(program, forbid_rebuild)
            scaled = scaled_program(program, scaling)
            sizes, entries = _finite_side(program), program.matrix.data
        self._session.update(scaled, forbid_rebuild)
        self._program, self._scaling, self._scaled = program, scaling, scaled
        self._scaled_for, self._entries_for = sizes, entries

    def vary(self, program: Program) -> None:
        """Take a Program of the same matrix and other sides, bounds and objective, as it is scaled.

        For programs that follow from one another: what a column can reach may be less in each, and
        nothing is gained by other factors.
        """
        scaling = self._scaling
        objective, factor = _scaled_objective(program, scaling.column)
        scaling = replace(scaling, objective=factor)
        scaled = replace(
            self._scaled,
            objective=objective,
            objective_constant=program.objective_constant * factor,
            row_lower=program.row_lower * scaling.row,
            row_upper=program.row_upper * scaling.row,
            column_lower=program.column_lower / scaling.column,
            column_upper=program.column_upper / scaling.column,
        )
        self._session.update(scaled)
        self._program, self._scaling, self._scaled = program, scaling, scaled

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        in_scaled_columns = sparse.csr_array(matrix.multiply(self._scaling.column[np.newaxis, :]))
        self._session.add_rows(in_scaled_columns, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what the solver claims, in unscaled units."""
        changes: dict[str, Any] = {}
        if options.start is not None:
            changes["start"] = self._scaled_start(options.start)
        if options.absolute_gap > 0:
            changes["absolute_gap"] = options.absolute_gap * self._scaling.objective
        outcome = self._session.solve(replace(options, **changes) if changes else options)
        return unscaled_outcome(outcome, self._scaling, self._program)

    def close(self) -> None:
        """Free what the solver holds."""
        self._session.close()

    def _scaled_start(self, start: Floats) -> Floats:
        column = self._scaling.column
        if start.shape != column.shape:
            raise OptionError(f"start has shape {start.shape}, expected {column.shape}")
        return start / column

    def _has_old_sizes(self, program: Program) -> bool:
        """Return whether bounds and pattern are old, and no side or entry is of another size."""
        old = self._program
        same = program.maximise == old.maximise and all(
            new is before
            for new, before in (
                (program.matrix.indices, old.matrix.indices),
                (program.matrix.indptr, old.matrix.indptr),
                (program.integer, old.integer),
                (program.column_lower, old.column_lower),
                (program.column_upper, old.column_upper),
            )
        )
        if same and program.matrix.data is not old.matrix.data:
            same = not program.has_integers and _are_near(self._entries_for, program.matrix.data)
        sides_are_old = program.row_upper is old.row_upper and program.row_lower is old.row_lower
        if not same or sides_are_old:
            return same
        before = self._scaled_for * self._scaling.row
        after = _finite_side(program) * self._scaling.row
        moved = (after > KEPT_WITHIN * np.maximum(before, 1.0)) | (after * KEPT_WITHIN < before)
        return not bool(moved.any())

    def _scaling_for(self, program: Program, forbid_rebuild: bool) -> Scaling:
        """Return the present factors where they still do, so that few numbers change, or new ones.

        Whole programs take new ones always: which of their rows are scaled is no matter of size.
        """
        best, present = scaling_of(program, self._keeps_columns), self._scaling
        old = np.concatenate([present.row, present.column])
        new = np.concatenate([best.row, best.column])
        is_near = (old <= KEPT_WITHIN * new) & (new <= KEPT_WITHIN * old)
        if np.array_equal(old, new) or (is_near.all() and not program.has_integers):
            return replace(present, objective=_scaled_objective(program, present.column)[1])
        check_may_rebuild("the numbers are of another size", forbid_rebuild)
        return best

    def _rescaled_parts(self, program: Program) -> tuple[Scaling, Program]:
        """Return scaling and scaled Program, computing only the parts that are new arrays."""
        old, scaling = self._program, self._scaling
        changes: dict[str, Any] = {}
        if program.matrix.data is not old.matrix.data:
            entries = products(program.matrix, scaling.row, scaling.column)
            changes["matrix"] = with_entries(program.matrix, entries)
        if program.objective is not old.objective:
            changes["objective"], factor = _scaled_objective(program, scaling.column)
            scaling = Scaling(row=scaling.row, column=scaling.column, objective=factor)
        if program.row_lower is not old.row_lower:
            changes["row_lower"] = program.row_lower * scaling.row
        if program.row_upper is not old.row_upper:
            changes["row_upper"] = program.row_upper * scaling.row
        constant = program.objective_constant * scaling.objective
        return scaling, self._scaled.with_numbers(objective_constant=constant, **changes)


def _are_near(old: Floats, new: Floats) -> bool:
    """Return whether no entry has another sign or another size."""
    less, more = old / ENTRIES_KEPT_WITHIN, old * ENTRIES_KEPT_WITHIN
    is_near: Booleans = (new >= np.minimum(less, more)) & (new <= np.maximum(less, more))
    return bool(is_near.all())
