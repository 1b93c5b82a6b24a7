"""A Program inside Gurobi: built from arrays, changed in place.

Gurobi's rows have one sense. A row of two sides becomes two rows: the one that every row has, and
a second one for the lower side; its dual is the sum of both. May import this package.

Alpha-fair terms become columns of their own, with terms in ratios, see `term_scaling`:

    maximise  ... + sum_t weight_t p_t,      p_t = V(s_t),
    V(s) = (s^(1 - alpha) - 1) / (1 - alpha),   log s for alpha = 1
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.changes import Changes
from solvers.errors import SolverFailure
from solvers.gurobi_arrays import native_arrays
from solvers.gurobi_native import NativeModel, failures, native
from solvers.infinite_numbers import check_finite
from solvers.program import AlphaFairTerms, Booleans, Floats, Program

# Numbers from here on are infinite to Gurobi.
INFINITE = 1e20
LESS, GREATER, EQUAL = "<", ">", "="
Senses = npt.NDArray[np.str_]


class HeldProgram:
    """A Gurobi model that holds a Program.

    Parameters
    ----------
    owner : NativeModel
    program : Program
    """

    def __init__(self, owner: NativeModel, program: Program) -> None:
        check_finite(program, "Gurobi", INFINITE)
        self.program = program
        self.model = owner.renew()
        with failures("take the program"):
            self.columns = self._new_columns(program)
            self._terms = self._declare_terms(program.terms)
            self._write_sense(program)
            matrix = sparse.csr_array(program.matrix)
            sense, side = _first_rows(program.row_lower, program.row_upper)
            self.rows = self.model.addMConstr(matrix, self.columns, sense, side)
            self._second = np.full(program.n_rows, -1)
            self._second_rows: list[Any] = []
            self._add_second_rows(program)
            self.model.update()
        self._arrays = native_arrays(self.model)
        self.added: list[Any] = []
        self._keys: tuple[list[Any], list[Any]] | None = None

    def dispose(self) -> None:
        """Free the native model."""
        self.model.dispose()

    def n_native_rows(self, program: Program) -> int:
        """Return how many rows Gurobi would hold."""
        is_new = _has_two_sides(program.row_lower, program.row_upper) & (self._second < 0)
        return program.n_rows + len(self._second_rows) + int(is_new.sum())

    def change(self, changes: Changes, program: Program) -> None:
        """Write what differs into Gurobi; rows that were added are dropped."""
        with failures("take the new numbers"):
            for rows in self.added:
                self.model.remove(rows)
            self.added = []
            if changes.objective.size:
                self._change_costs(changes.objective, program.objective)
            if changes.constant:
                self.model.setAttr("ObjCon", program.objective_constant)
            if changes.weights and program.terms is not None:
                self._terms.setAttr("Obj", program.terms.weight)
            if changes.columns.size:
                places = changes.columns
                self.columns[places].setAttr("LB", program.column_lower[places])
                self.columns[places].setAttr("UB", program.column_upper[places])
            self._change_entries(changes)
            if changes.rows.size:
                self._change_sides(changes.rows, program)
            self.model.update()
        self.program = program

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows that the next change drops."""
        two = _has_two_sides(lower, upper)
        sense, side = _first_rows(lower, upper)
        with failures("add rows"):
            self.added.append(self.model.addMConstr(matrix, self.columns, sense, side))
            if two.any():
                more = self.model.addMConstr(matrix[two], self.columns, GREATER, lower[two])
                self.added.append(more)
            self.model.update()

    def write_objective(self, factor: float) -> None:
        """Write the objective's coefficients times a factor, zero to ask for feasibility only."""
        self.columns.setAttr("Obj", factor * self.program.objective)
        if self.program.terms is not None:
            self._terms.setAttr("Obj", factor * self.program.terms.weight)

    def of_rows(self, attribute: str) -> Floats:
        """Return an attribute of the Program's rows, summed over those that stand for one."""
        numbers = self._of_first(attribute, self.rows, self.program.n_rows)
        if self._second_rows:
            has_second = self._second >= 0
            seconds = np.array(self.model.getAttr(attribute, self._second_rows))
            numbers[has_second] += seconds[self._second[has_second]]
        return numbers

    def added_are_used(self, attribute: str) -> bool:
        """Return whether an attribute of a row that was added is not zero."""
        return any(np.any(rows.getAttr(attribute)) for rows in self.added)

    def of_columns(self, attribute: str) -> Floats:
        """Return an attribute of the Program's columns."""
        return self._of_first(attribute, self.columns, self.program.n_columns)

    # The type is that of gurobipy.
    def _of_first(self, attribute: str, held: Any, n_first: int) -> Floats:
        """Return an attribute of the rows or columns that stand before all others."""
        numbers = None if self._arrays is None else self._arrays.read(attribute, n_first)
        return np.array(held.getAttr(attribute), dtype=np.float64) if numbers is None else numbers

    def _new_columns(self, program: Program) -> Any:
        kinds = np.where(program.integer, "I", "C")
        return self.model.addMVar(
            program.n_columns,
            lb=program.column_lower,
            ub=program.column_upper,
            obj=program.objective,
            vtype=kinds,
        )

    def _declare_terms(self, terms: AlphaFairTerms | None) -> Any:
        if terms is None:
            return None
        below = self.model.addMVar(len(terms.columns), lb=-np.inf, obj=terms.weight)
        columns = self.columns.tolist()
        for value, place in zip(below.tolist(), terms.columns.tolist(), strict=True):
            self.model.addGenConstrNL(value, _scaled_utility(columns[place], terms.alpha))
        return below

    def _write_sense(self, program: Program) -> None:
        senses = native().GRB
        self.model.setAttr("ModelSense", senses.MAXIMIZE if program.maximise else senses.MINIMIZE)
        self.model.setAttr("ObjCon", program.objective_constant)

    def _add_second_rows(self, program: Program) -> None:
        """Add the second rows that are missing."""
        needed = _has_two_sides(program.row_lower, program.row_upper) & (self._second < 0)
        places = np.flatnonzero(needed)
        if not places.size:
            return
        matrix = sparse.csr_array(program.matrix)[places]
        side = program.row_lower[places]
        rows = self.model.addMConstr(matrix, self.columns, GREATER, side)
        self._second[places] = len(self._second_rows) + np.arange(len(places))
        self._second_rows += rows.tolist()

    def _change_sides(self, places: npt.NDArray[np.int64], program: Program) -> None:
        lower, upper = program.row_lower[places], program.row_upper[places]
        sense, side = _first_rows(lower, upper)
        # Arrays of one text are refused where they are set by arrays of rows.
        self.model.setAttr("Sense", self.rows[places].tolist(), sense.tolist())
        self.rows[places].setAttr("RHS", side)
        # A second row that is not needed any more has no side.
        second = np.where(_has_two_sides(lower, upper), lower, -np.inf)
        has_second = self._second[places] >= 0
        if has_second.any():
            rows = [self._second_rows[i] for i in self._second[places[has_second]]]
            self.model.setAttr("RHS", rows, second[has_second].tolist())
        self._add_second_rows(program)

    def _change_costs(self, places: npt.NDArray[np.int64], objective: Floats) -> None:
        """Write the costs of some columns, and with them of those that lie between."""
        if self._arrays is None:
            self.columns[places].setAttr("Obj", objective[places])
            return
        first, last = int(places[0]), int(places[-1])
        if not self._arrays.write("Obj", first, objective[first : last + 1]):
            raise SolverFailure("Gurobi could not take the objective")

    def _change_entries(self, changes: Changes) -> None:
        """Write entries of the matrix, and those of second rows, which are the same."""
        if not changes.entry_value.size:
            return
        second = self._second[changes.entry_row]
        twice = np.flatnonzero(second >= 0)
        columns = np.concatenate([changes.entry_column, changes.entry_column[twice]])
        values = np.concatenate([changes.entry_value, changes.entry_value[twice]])
        if self._arrays is not None:
            others = [self._second_rows[row].index for row in second[twice].tolist()]
            rows = np.concatenate([changes.entry_row, np.array(others, dtype=np.int64)])
            if not self._arrays.change_entries(rows, columns, values):
                raise SolverFailure("Gurobi could not take entries of the matrix")
            return
        if self._keys is None:
            self._keys = (self.rows.tolist(), self.columns.tolist())
        held = [self._keys[0][row] for row in changes.entry_row.tolist()]
        held += [self._second_rows[row] for row in second[twice].tolist()]
        for row, column, value in zip(held, columns.tolist(), values.tolist(), strict=True):
            self.model.chgCoeff(row, self._keys[1][column], value)


def _has_two_sides(lower: Floats, upper: Floats) -> Booleans:
    has_two: Booleans = np.isfinite(lower) & np.isfinite(upper) & (lower != upper)
    return has_two


def _first_rows(lower: Floats, upper: Floats) -> tuple[Senses, Floats]:
    """Return the sense and side of the row that every row has."""
    only_lower = np.isinf(upper) & np.isfinite(lower)
    sense = np.where(lower == upper, EQUAL, np.where(only_lower, GREATER, LESS))
    return sense, np.where(only_lower, lower, upper)


# The types are those of gurobipy.
def _scaled_utility(column: Any, alpha: float) -> Any:
    if alpha == 1.0:
        return native().nlfunc.log(column)
    factor = 1.0 / (1.0 - alpha)
    return factor * column ** (1.0 - alpha) - factor


def n_rows_needed(program: Program) -> int:
    """Return how many rows of one sense stand for those of a Program."""
    return program.n_rows + int(_has_two_sides(program.row_lower, program.row_upper).sum())
