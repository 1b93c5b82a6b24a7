"""A Program inside HiGHS: built from arrays, changed in place. May import this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.changes import Changes, check_may_rebuild, differing, why_rebuild
from solvers.errors import SolverFailure, UpdateError
from solvers.highs_arrays import native_arrays
from solvers.highs_found import Solution, solution_of
from solvers.highs_native import native
from solvers.lost_entries import loses_entries
from solvers.program import Floats, Integers, Program
from solvers.whole_bounds import whole_bounds

COLUMNWISE = 1
# HiGHS drops entries below the first, and if told below the second, which makes it fail more often.
SMALL_ENTRY, SMALLEST_ENTRY = 1e-9, 1e-12
# From here on it takes none.
LARGEST_ENTRY = 1e15
MAXIMISE, MINIMISE = -1, 1
# Changing one entry in place takes as long as handing over some 50 numbers of a program, and having
# HiGHS look at them anew: measured for 1,000, 10,000 and 50,000 columns of max-min fairness.
NUMBERS_PER_ENTRY = 50.0
COLUMNS_AT_ONCE = 1000


class HeldProgram:
    """A HiGHS object that holds a Program.

    Parameters
    ----------
    highs : HiGHS object
    program : Program
    """

    # The type is that of highspy, which has none for its native part.
    def __init__(self, highs: Any, program: Program) -> None:
        self._highs = highs
        self.program = program
        self._build(program)
        self._arrays = native_arrays(highs)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, which the next change drops."""
        _check_done(
            self._highs.addRows(
                matrix.shape[0],
                lower,
                upper,
                matrix.nnz,
                matrix.indptr[:-1].astype(np.int32),
                matrix.indices.astype(np.int32),
                matrix.data,
            ),
            "add rows",
        )
        self._n_added += matrix.shape[0]

    def why_rebuild(self, changes: Changes, program: Program, forbidden: bool) -> str | None:
        """Return why a Program has to be handed over again, None where it can be changed in place.

        Raises
        ------
        UpdateError
            If it has to, and that is forbidden.
        """
        reason = why_rebuild(changes, program, NUMBERS_PER_ENTRY, forbidden)
        if reason is None and _has_unusual_entries(changes):
            reason = "an entry of the matrix is so small or large that HiGHS may not take it"
            check_may_rebuild(reason, forbidden)
        return reason

    def change(self, changes: Changes, program: Program) -> None:
        """Write what differs into HiGHS; rows that were added are dropped.

        Raises
        ------
        UpdateError
            If HiGHS does not take it; the old numbers are back.
        """
        self._take(program, lambda: self._change(changes, program))

    def change_objective(self, program: Program) -> str:
        """Write another objective into HiGHS, and return what differs in words.

        Raises
        ------
        UpdateError
            If HiGHS does not take it; the old numbers are back.
        """
        columns = differing(self.program.objective, program.objective)
        is_other = program.objective_constant != self.program.objective_constant
        self._take(program, lambda: self._change_objective(columns, is_other, program))
        words = ["objective"] * (columns.size > 0) + ["objective's constant"] * is_other
        return ", ".join(words) or "nothing"

    def _take(self, program: Program, write: Callable[[], None]) -> None:
        """Write a program into HiGHS, or leave the old numbers there."""
        try:
            self._drop_added_rows()
            write()
        except SolverFailure as failure:
            self._build(self.program)
            raise UpdateError(f"{failure}; the old numbers are back") from failure
        self.program = program

    def rebuild(self, program: Program) -> None:
        """Hand a Program over again, and with it the basis, which is as good for the new one.

        Raises
        ------
        UpdateError
            If HiGHS does not take it; the old numbers are back.
        """
        old = self.program
        basis = None if old.has_integers or program.has_integers else self._highs.getBasis()
        try:
            self._build(program)
        except SolverFailure as failure:
            self._build(old)
            raise UpdateError(f"{failure}; the old numbers are back") from failure
        if basis is not None and basis.valid:
            self._highs.setBasis(basis)

    def solution(self) -> Solution:
        """Return the solution of the last run, with the duals of its own rows only."""
        n_rows = self.program.n_rows
        if self._arrays is not None:
            found = self._arrays.solution(n_rows + self._n_added)
        else:
            found = solution_of(self._highs, None if self._n_added else self.program)
        return found if not self._n_added else found._replace(row_dual=found.row_dual[:n_rows])

    def _build(self, program: Program) -> None:
        matrix = program.matrix
        loses_small = loses_entries(program, SMALL_ENTRY)
        smallest = SMALLEST_ENTRY if loses_small else SMALL_ENTRY
        self._highs.setOptionValue("small_matrix_value", smallest)
        lower, upper = whole_bounds(program)
        done = self._highs.passModel(
            program.n_columns,
            program.n_rows,
            matrix.nnz,
            COLUMNWISE,
            MAXIMISE if program.maximise else MINIMISE,
            program.objective_constant,
            program.objective,
            lower,
            upper,
            program.row_lower,
            program.row_upper,
            matrix.indptr.astype(np.int32, copy=False),
            matrix.indices.astype(np.int32, copy=False),
            matrix.data,
            program.integer.astype(np.int32),
        )
        _check_done(done, "take the program")
        self.loses_entries = loses_small and loses_entries(program, SMALLEST_ENTRY)
        self.program = program
        self._n_added = 0

    def _change(self, changes: Changes, program: Program) -> None:
        """Write what differs into HiGHS."""
        highs = self._highs
        self._change_objective(changes.objective, changes.constant, program)
        if changes.rows.size:
            rows = changes.rows.astype(np.int32)
            lower, upper = program.row_lower[rows], program.row_upper[rows]
            _check_done(
                highs.changeRowsBounds(len(rows), rows, lower, upper), "take the sides of rows"
            )
        if changes.columns.size:
            lower, upper = whole_bounds(program)
            for columns in _in_parts(changes.columns):
                done = highs.changeColsBounds(len(columns), columns, lower[columns], upper[columns])
                _check_done(done, "take the bounds of columns")
        self._change_entries(changes)

    def _change_objective(self, columns: Integers, has_constant: bool, program: Program) -> None:
        if columns.size:
            self._change_costs(columns, program.objective)
        if has_constant:
            done = self._highs.changeObjectiveOffset(program.objective_constant)
            _check_done(done, "take the objective's constant")

    def _change_costs(self, columns: Integers, objective: Floats) -> None:
        """Write the costs of some columns, and with them of those that lie between."""
        if self._arrays is not None:
            first, last = int(columns[0]), int(columns[-1])
            if not self._arrays.change_costs(first, objective[first : last + 1]):
                raise SolverFailure("HiGHS could not take the objective")
            return
        for part in _in_parts(columns):
            done = self._highs.changeColsCost(len(part), part, objective[part])
            _check_done(done, "take the objective")

    def _change_entries(self, changes: Changes) -> None:
        """Write entries of the matrix one at a time, as HiGHS takes them."""
        if not changes.entry_value.size:
            return
        entries = zip(
            changes.entry_row.tolist(),
            changes.entry_column.tolist(),
            changes.entry_value.tolist(),
            strict=True,
        )
        change, failed = self._highs.changeCoeff, native().HighsStatus.kError
        for row, column, value in entries:
            if change(row, column, value) == failed:
                raise SolverFailure("HiGHS could not take an entry of the matrix")

    def _drop_added_rows(self) -> None:
        if self._n_added:
            first = self.program.n_rows
            rows = np.arange(first, first + self._n_added, dtype=np.int32)
            self._highs.deleteRows(self._n_added, rows)
            self._n_added = 0


def _in_parts(columns: Integers) -> list[npt.NDArray[np.int32]]:
    """Return columns in parts of the size in which HiGHS, which sorts them, takes them fastest."""
    numbers = columns.astype(np.int32)
    starts = range(0, len(numbers), COLUMNS_AT_ONCE)
    return [numbers[start : start + COLUMNS_AT_ONCE] for start in starts]


def _check_done(done: Any, what: str) -> None:
    if done == native().HighsStatus.kError:
        raise SolverFailure(f"HiGHS could not {what}")


def _has_unusual_entries(changes: Changes) -> bool:
    if not changes.entry_value.size:
        return False
    size = np.abs(changes.entry_value)
    is_small = (size > 0) & (size < SMALL_ENTRY)
    return bool((is_small | (size >= LARGEST_ENTRY)).any())
