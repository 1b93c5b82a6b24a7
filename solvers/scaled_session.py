"""A session that scales what it hands to a solver, and scales the answers back.

May import this package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.changes import check_may_rebuild, check_same_shape
from solvers.counts import Counts
from solvers.entries import products, with_entries
from solvers.errors import OptionError
from solvers.options import SolveOptions
from solvers.outcome import Outcome
from solvers.program import Booleans, Floats, Program
from solvers.scaling import (
    Scaling,
    finite_side,
    scaled_alone,
    scaled_objective,
    scaled_program,
    scaling_of,
    unscaled_outcome,
)

# A scale is kept while the side it was made for has moved by less than this factor.
KEPT_WITHIN = 1024.0
# And while no entry has moved by more than this: looking at how sizes follow from entries takes
# three times as long as scaling them.
ENTRIES_KEPT_WITHIN = 2.0


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
        self._scaling, self._scaled = scaled_alone(program, keeps_columns)
        self._scaled_for, self._entries_for = finite_side(program), program.matrix.data
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
            sizes, entries = finite_side(program), program.matrix.data
        self._session.update(scaled, forbid_rebuild)
        self._program, self._scaling, self._scaled = program, scaling, scaled
        self._scaled_for, self._entries_for = sizes, entries

    def vary(self, program: Program) -> None:
        """Take a Program of the same matrix and other sides, bounds and objective, as it is scaled.

        For programs that follow from one another: what a column can reach may be less in each, and
        nothing is gained by other factors.
        """
        scaling = self._scaling
        objective, factor = scaled_objective(program, scaling.column)
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
        same = (
            program.maximise == old.maximise
            and program.matrix.indices is old.matrix.indices
            and program.matrix.indptr is old.matrix.indptr
            and program.integer is old.integer
            and program.column_lower is old.column_lower
            and program.column_upper is old.column_upper
        )
        if same and program.matrix.data is not old.matrix.data:
            same = not program.has_integers and _are_near(self._entries_for, program.matrix.data)
        sides_are_old = program.row_upper is old.row_upper and program.row_lower is old.row_lower
        if not same or sides_are_old:
            return same
        before = self._scaled_for * self._scaling.row
        after = finite_side(program) * self._scaling.row
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
            return replace(present, objective=scaled_objective(program, present.column)[1])
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
            changes["objective"], factor = scaled_objective(program, scaling.column)
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
