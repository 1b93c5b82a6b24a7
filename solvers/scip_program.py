"""A Program as one SCIP object holds it: handed over whole, and changed number by number.

May import numpy, scipy.sparse, the Program and its changes, and the native SCIP object.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from solvers.changes import Changes
from solvers.infinite_numbers import check_finite
from solvers.program import Floats, Program, with_rows
from solvers.scip_native import expressions, failures, new_model
from solvers.scip_terms import declare_terms
from solvers.whole_bounds import whole_bounds

# From here on SCIP takes a number for infinite (numerics/infinity).
INFINITE = 1e20
STAGE_OF_PROBLEMS = 1
# Changing one entry takes as long as writing this many into a new row: SCIP looks for it from the
# start of the row. Where more change, the row is written anew, which is always less than a rebuild.
ENTRIES_PER_CHANGE = 30.0


class HeldProgram:
    """A SCIP object, and its columns and rows in the order of the Program.

    Built column by column and entry by entry: 10,000 columns and 4 rows take 37 ms, 33 of them in
    `addVar`, which every way of pyscipopt calls; `addMatrixVar` and `addMatrixCons` take 57 ms, and
    rows from expressions 52 ms.

    Parameters
    ----------
    program : Program

    Attributes
    ----------
    program : Program
    model : SCIP object
    columns, rows, added : lists of SCIP's columns and rows
    term_columns : list of SCIP's columns
        One for each alpha-fair term, see `scip_terms`.
    with_added_rows : Program
        The Program with the rows that were added.
    is_linear : bool
        Whether no column is whole and there are no terms.

    Raises
    ------
    SolverFailure
        If SCIP does not take the Program.
    """

    def __init__(self, program: Program) -> None:
        check_finite(program, "SCIP", INFINITE)
        self.program = self.with_added_rows = program
        self.is_linear = not program.has_integers and program.terms is None
        self.model = new_model()
        with failures("take the program"):
            self.columns = self._new_columns(program)
            self.term_columns = declare_terms(self.model, self.columns, program)
            self._write_sense(program)
            self.rows = self._new_rows(
                sparse.csr_array(program.matrix), program.row_lower, program.row_upper
            )
        self.added: list[Any] = []
        self._keys: list[Any] = []

    def change(self, changes: Changes, program: Program) -> None:
        """Write what differs into SCIP; rows that were added are dropped."""
        self.free_solve()
        with failures("take the new numbers"):
            for row in self.added:
                self.model.delCons(row)
            self.added = []
            self._change_objective(changes, program)
            self._change_sides(changes, program)
            self._change_bounds(changes, program)
            self._change_entries(changes, program)
        self.program = self.with_added_rows = program

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows, until the next change."""
        self.free_solve()
        with failures("add rows"):
            self.added += self._new_rows(matrix, lower, upper)
        self.with_added_rows = with_rows(self.with_added_rows, matrix, lower, upper)

    def free_solve(self) -> None:
        """Forget the last solve.

        SCIP accepts changes after a solve but keeps the old optimum unless the transformed problem
        is freed first (measured with 10.0, see test_a_side_is_not_stale).
        """
        if self.model.getStage() > STAGE_OF_PROBLEMS:
            self.model.freeTransform()

    def free(self) -> None:
        """Free the native memory."""
        self.model.free()

    def _new_columns(self, program: Program) -> list[Any]:
        add = self.model.addVar
        numbers = zip(
            np.where(program.integer, "I", "C").tolist(),
            *_bounds(program),
            program.objective.tolist(),
            strict=True,
        )
        return [
            add(f"c{column}", kind, lower, upper, cost)
            for column, (kind, lower, upper, cost) in enumerate(numbers)
        ]

    def _new_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> list[Any]:
        code, model, columns = expressions(), self.model, self.columns
        add = model.addCoefLinear
        # SCIP makes a bound of a row with one entry, unless there might be more entries later, and
        # then there are no multipliers for the row.
        is_linear = self.is_linear
        ends = matrix.indptr.tolist()
        sides = zip(*_ends(lower, upper), strict=True)
        rows = []
        for (least, most), first, last in zip(sides, ends[:-1], ends[1:], strict=True):
            row = model.addCons(code.ExprCons(code.Expr(), least, most), modifiable=is_linear)
            places, entries = matrix.indices[first:last], matrix.data[first:last]
            for place, entry in zip(places.tolist(), entries.tolist(), strict=True):
                add(row, columns[place], entry)
            rows.append(row)
        return rows

    def _write_sense(self, program: Program) -> None:
        if program.maximise:
            self.model.setMaximize()
        else:
            self.model.setMinimize()
        self.model.addObjoffset(program.objective_constant - self.model.getObjoffset())

    def _change_objective(self, changes: Changes, program: Program) -> None:
        """Write the objective of the columns that changed, some 0.5 us each."""
        code = expressions()
        if changes.objective.size and not self._keys:
            self._keys = [code.Term(column) for column in self.columns]
        costs = {
            self._keys[column]: float(program.objective[column])
            for column in changes.objective.tolist()
        }
        if changes.weights and program.terms is not None:
            weights = program.terms.weight.tolist()
            for column, weight in zip(self.term_columns, weights, strict=True):
                costs[code.Term(column)] = weight
        if costs:
            # There is no chgVarObj; without `clear` the other columns keep theirs.
            sense = "maximize" if program.maximise else "minimize"
            self.model.setObjective(code.Expr(costs), sense, clear=False)
        if changes.constant:
            self._write_sense(program)

    def _change_sides(self, changes: Changes, program: Program) -> None:
        lower, upper = _ends(program.row_lower, program.row_upper)
        for row in changes.rows.tolist():
            self.model.chgLhs(self.rows[row], lower[row])
            self.model.chgRhs(self.rows[row], upper[row])

    def _change_bounds(self, changes: Changes, program: Program) -> None:
        lower, upper = _bounds(program)
        for column in changes.columns.tolist():
            self._widen_binary(column, lower[column], upper[column])
            self.model.chgVarLb(self.columns[column], lower[column])
            self.model.chgVarUb(self.columns[column], upper[column])

    def _widen_binary(self, column: int, lower: float, upper: float) -> None:
        """Make a whole column that SCIP holds as binary one that may have these bounds.

        SCIP takes every whole column within 0 and 1 for binary, takes wider bounds for it without
        a word, and breaks down when it solves.
        """
        held = self.columns[column]
        if held.vtype() == "BINARY" and (lower < 0.0 or upper > 1.0):
            self.model.chgVarType(held, "I")

    def _change_entries(self, changes: Changes, program: Program) -> None:
        """Write single entries into rows where few have changed, and other rows anew."""
        if not changes.entry_value.size:
            return
        matrix = sparse.csr_array(program.matrix)
        changed = np.bincount(changes.entry_row, minlength=program.n_rows)
        is_new = changed * ENTRIES_PER_CHANGE > np.diff(matrix.indptr)
        places = np.flatnonzero(is_new)
        new = self._new_rows(
            sparse.csr_array(matrix[places]), program.row_lower[places], program.row_upper[places]
        )
        for row, constraint in zip(places.tolist(), new, strict=True):
            self.model.delCons(self.rows[row])
            self.rows[row] = constraint
        alone = ~is_new[changes.entry_row]
        entries = zip(
            changes.entry_row[alone].tolist(),
            changes.entry_column[alone].tolist(),
            changes.entry_value[alone].tolist(),
            strict=True,
        )
        for row, column, value in entries:
            self.model.chgCoefLinear(self.rows[row], self.columns[column], value)


def are_crossed(program: Program) -> bool:
    """Return whether a lower side or bound is above its upper one, or no whole number between.

    SCIP breaks down over such a program, with words on the console.
    """
    lower, upper = whole_bounds(program)
    return bool((lower > upper).any() or (program.row_lower > program.row_upper).any())


def _bounds(program: Program) -> tuple[list[float], list[float]]:
    """Return bounds that SCIP can hold, for crossed ones the nearest."""
    return _ends(program.column_lower, program.column_upper)


def _ends(lower: Floats, upper: Floats) -> tuple[list[float], list[float]]:
    """Return lower and upper numbers that SCIP can hold, for crossed ones the nearest."""
    least = np.clip(lower, -INFINITE, INFINITE)
    most = np.maximum(np.clip(upper, -INFINITE, INFINITE), least)
    return least.tolist(), most.tolist()
