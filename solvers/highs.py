"""HiGHS, through highspy: linear programs and whole columns, changed in place.

Huangfu & Hall (2018), Math. Program. Comput. 10, 119-142. May import this package; loads highspy
when a session is opened.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
from scipy import sparse

from solvers.capability import Availability, Capability
from solvers.changes import (
    Changes,
    changes_between,
    check_may_rebuild,
    check_same_shape,
    why_rebuild,
)
from solvers.counts import Counts
from solvers.errors import CapabilityError, OptionError, SolverFailure, UpdateError
from solvers.highs_native import Listener, loaded_version, native, new_highs
from solvers.highs_options import UNLIMITED, WrittenOptions
from solvers.installation import installed
from solvers.interrupt import keyboard_interrupt
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Floats, Program

LOGGER = logging.getLogger(__name__)
OLDEST_VERSION = (1, 15)

# Native model statuses by name: the claim, or the limit, or that the solver broke down.
SETTLED = {
    "kOptimal": Status.OPTIMAL,
    "kModelEmpty": Status.OPTIMAL,
    "kInfeasible": Status.INFEASIBLE,
    "kUnbounded": Status.UNBOUNDED,
    "kUnboundedOrInfeasible": Status.INFEASIBLE_OR_UNBOUNDED,
}
STOPPED = {
    "kTimeLimit": Limit.TIME,
    "kIterationLimit": Limit.ITERATIONS,
    # Node, leaf and improving-solution limits all end here; see _limit.
    "kSolutionLimit": Limit.SOLUTIONS,
    "kMemoryLimit": Limit.MEMORY,
    "kInterrupt": Limit.INTERRUPT,
    "kHighsInterrupt": Limit.INTERRUPT,
    "kObjectiveBound": Limit.OTHER,
    "kObjectiveTarget": Limit.OTHER,
}
FAILED = {
    "kNotset",
    "kLoadError",
    "kModelError",
    "kPresolveError",
    "kSolveError",
    "kPostsolveError",
    "kUnknown",
}

COLUMNWISE = 1
# HiGHS drops entries below the first, and if told below the second, which makes it fail more often.
SMALL_ENTRY, SMALLEST_ENTRY = 1e-9, 1e-12
# From here on it takes none.
LARGEST_ENTRY = 1e15
MAXIMISE, MINIMISE = -1, 1
# Changing one entry in place takes as long as handing over some 100 numbers of a program.
NUMBERS_PER_ENTRY = 100.0


class Highs:
    """The adapter of HiGHS."""

    name = "highs"
    capabilities = frozenset(
        {
            Capability.WHOLE,
            Capability.ROW_DUALS,
            Capability.INFEASIBILITY_RAYS,
            Capability.IN_PLACE_UPDATES,
            Capability.START,
            Capability.TIME_LIMIT,
            Capability.NODE_LIMIT,
            Capability.ITERATION_LIMIT,
            Capability.SOLUTION_LIMIT,
            Capability.INTERRUPT,
            Capability.THREADS,
            Capability.DETERMINISTIC_SEED,
            Capability.LOG,
            Capability.PARALLEL_SESSIONS,
            Capability.PRECISE,
        }
    )

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return whether highspy is installed and new enough; it needs no licence."""
        return installed("highspy", OLDEST_VERSION, loaded_version())

    def open(self, program: Program) -> HighsSession:
        """Open a session that holds the Program.

        Raises
        ------
        CapabilityError
            If the Program has alpha-fair terms.
        ProgramError
            If the Program contradicts itself.
        """
        return HighsSession(program)


class HighsSession:
    """One HiGHS object that holds a Program."""

    def __init__(self, program: Program) -> None:
        _check_program(program)
        self.counts = Counts()
        self._listener = Listener()
        self._highs = new_highs(self._listener)
        self._options = WrittenOptions(self._highs)
        self._has_run = False
        self._is_open = True
        self._build(program)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        _check_program(program)
        check_same_shape(self._program, program)
        self._update(program, forbid_rebuild)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
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

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what HiGHS claims."""
        self._check_open()
        start = time.perf_counter()
        self._options.write(self._program, options)
        self._solve(options)
        outcome = self._read(time.perf_counter() - start)
        LOGGER.info(
            "HiGHS: %s in %.3f s, objective %s, bound %s",
            outcome.status.value,
            outcome.seconds,
            outcome.objective,
            outcome.bound,
        )
        return outcome

    def close(self) -> None:
        """Free the native memory; a second call does nothing."""
        if self._is_open:
            self._highs.clear()
            self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")

    def _build(self, program: Program) -> None:
        matrix = program.matrix
        smallest = SMALLEST_ENTRY if _loses_entries(program, SMALL_ENTRY) else SMALL_ENTRY
        self._highs.setOptionValue("small_matrix_value", smallest)
        done = self._highs.passModel(
            program.n_columns,
            program.n_rows,
            matrix.nnz,
            COLUMNWISE,
            MAXIMISE if program.maximise else MINIMISE,
            program.objective_constant,
            program.objective,
            program.column_lower,
            program.column_upper,
            program.row_lower,
            program.row_upper,
            matrix.indptr.astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
            program.integer.astype(np.int32),
        )
        _check_done(done, "take the program")
        self._loses_entries = _loses_entries(program, smallest)
        self._program = program
        self._transposed = matrix.T
        self._n_added = 0

    def _update(self, program: Program, forbid_rebuild: bool) -> None:
        changes = changes_between(self._program, program)
        reason = self._why_rebuild(changes, program, forbid_rebuild)
        if reason is not None:
            self._rebuild(program, reason)
            return
        old = self._program
        try:
            self._change(changes, program)
        except SolverFailure as failure:
            self._build(old)
            raise UpdateError(f"{failure}; the old numbers are back") from failure
        if changes.entry_value.size:
            self._transposed = program.matrix.T
        self._program = program
        self.counts = self.counts.updated(changes.words)

    def _change(self, changes: Changes, program: Program) -> None:
        """Write what differs into HiGHS."""
        highs = self._highs
        self._drop_added_rows()
        if changes.objective.size:
            columns = changes.objective.astype(np.int32)
            done = highs.changeColsCost(len(columns), columns, program.objective[columns])
            _check_done(done, "take the objective")
        if changes.constant:
            done = highs.changeObjectiveOffset(program.objective_constant)
            _check_done(done, "take the objective's constant")
        if changes.rows.size:
            rows = changes.rows.astype(np.int32)
            lower, upper = program.row_lower[rows], program.row_upper[rows]
            _check_done(
                highs.changeRowsBounds(len(rows), rows, lower, upper), "take the sides of rows"
            )
        if changes.columns.size:
            columns = changes.columns.astype(np.int32)
            lower, upper = program.column_lower[columns], program.column_upper[columns]
            done = highs.changeColsBounds(len(columns), columns, lower, upper)
            _check_done(done, "take the bounds of columns")
        self._change_entries(changes)

    def _why_rebuild(self, changes: Changes, program: Program, forbidden: bool) -> str | None:
        reason = why_rebuild(changes, program, NUMBERS_PER_ENTRY, forbidden)
        if reason is None and _has_unusual_entries(changes):
            reason = "an entry of the matrix is so small or large that HiGHS may not take it"
            check_may_rebuild(reason, forbidden)
        return reason

    def _change_entries(self, changes: Changes) -> None:
        """Write entries of the matrix one at a time, as HiGHS takes them."""
        entries = zip(
            changes.entry_row.tolist(),
            changes.entry_column.tolist(),
            changes.entry_value.tolist(),
            strict=True,
        )
        for row, column, value in entries:
            _check_done(self._highs.changeCoeff(row, column, value), "take an entry of the matrix")

    def _rebuild(self, program: Program, reason: str) -> None:
        old = self._program
        # Handing the program over loses the basis, which is as good for the new one.
        basis = None if old.has_integers or program.has_integers else self._highs.getBasis()
        try:
            self._build(program)
        except SolverFailure as failure:
            self._build(old)
            raise UpdateError(f"{failure}; the old numbers are back") from failure
        if basis is not None and basis.valid:
            self._highs.setBasis(basis)
        self.counts = self.counts.rebuilt(reason)

    def _drop_added_rows(self) -> None:
        if self._n_added:
            first = self._program.n_rows
            rows = np.arange(first, first + self._n_added, dtype=np.int32)
            self._highs.deleteRows(self._n_added, rows)
            self._n_added = 0

    def _solve(self, options: SolveOptions) -> None:
        highs, listener, failed = self._highs, self._listener, native().HighsStatus.kError
        if options.start is not None:
            self._write_start(options.start)
        listener.listen(options.log)
        with keyboard_interrupt(listener.stop):
            done = highs.run()
            if done == failed:
                # HiGHS refuses to run with other threads than those of the pool that it once
                # started for the calling thread, whoever asked for it: a new pool, once more.
                native()._core._Highs.resetGlobalScheduler(True)
                done = highs.run()
        # After a failed run the model status may be that of the run before.
        self._has_run = done != failed
        listener.raise_error()

    def _write_start(self, start: Floats) -> None:
        program = self._program
        point = np.asarray(start, dtype=np.float64)
        if point.shape != (program.n_columns,):
            raise OptionError(f"start has shape {point.shape}, expected ({program.n_columns},)")
        # HiGHS ignores a point outside the bounds altogether.
        within = np.clip(point, program.column_lower, program.column_upper)
        given = np.flatnonzero(~np.isnan(point)).astype(np.int32)
        self._highs.setSolution(len(given), given, within[given])

    def _read(self, seconds: float) -> Outcome:
        if self._program.n_columns == 0:
            return _without_columns(self._program, seconds)
        model_status = self._highs.getModelStatus()
        information = self._highs.getInfo()
        name = model_status.name
        nodes = max(int(information.mip_node_count), 0)
        limit = None
        if name in FAILED or not self._has_run:
            status = Status.NUMERICAL_FAILURE
        elif name in SETTLED:
            status = SETTLED[name]
        else:
            limit = self._limit(STOPPED[name], nodes)
            feasible = native().SolutionStatus.kSolutionStatusFeasible
            has_point = information.primal_solution_status == int(feasible)
            status = Status.FEASIBLE if has_point else Status.NO_SOLUTION_FOUND
        return Outcome(
            status=status,
            limit=limit,
            bound=self._bound(status, information),
            infeasibility_ray=self._ray() if status is Status.INFEASIBLE else None,
            nodes=nodes,
            iterations=max(int(information.simplex_iteration_count), 0)
            + max(int(information.ipm_iteration_count), 0),
            seconds=seconds,
            message=f"HiGHS: {self._highs.modelStatusToString(model_status)}",
            **self._point(status, information),
        )

    def _limit(self, limit: Limit, nodes: int) -> Limit:
        if limit is not Limit.SOLUTIONS:
            return limit
        asked = self._options
        is_by_solutions = asked["mip_max_improving_sols"] < UNLIMITED
        return limit if is_by_solutions and nodes < asked["mip_max_nodes"] else Limit.NODES

    def _bound(self, status: Status, information: Any) -> float:
        if self._loses_entries:
            # A program that is tighter without some of its entries bounds nothing.
            return np.inf if self._program.maximise else -np.inf
        if self._program.has_integers:
            if status in (Status.OPTIMAL, Status.FEASIBLE, Status.NO_SOLUTION_FOUND):
                return float(information.mip_dual_bound)
        elif status is Status.OPTIMAL:
            return float(information.objective_function_value)
        return np.inf if self._program.maximise else -np.inf

    def _point(self, status: Status, information: Any) -> dict[str, Any]:
        if not status.has_point:
            return {}
        solution = self._highs.getSolution()
        found: dict[str, Any] = {
            "point": _array(solution.col_value),
            "objective": float(information.objective_function_value),
        }
        if status is Status.OPTIMAL and not self._program.has_integers and solution.dual_valid:
            row_dual = _array(solution.row_dual)
            found["row_dual"] = row_dual[: self._program.n_rows]
            found["reduced_cost"] = self._reduced_cost(solution, row_dual)
        return found

    def _reduced_cost(self, solution: Any, row_dual: Floats) -> Floats:
        if self._n_added:
            return _array(solution.col_dual)
        # The same numbers, and faster than one Python number for each column.
        charge: Floats = self._transposed @ row_dual
        return self._program.objective - charge

    def _ray(self) -> Floats | None:
        if self._program.has_integers:
            return None
        done, has_ray, ray = self._highs.getDualRay()
        if done != native().HighsStatus.kOk or not has_ray:
            return None
        # HiGHS weighs lower sides positively; our convention weighs upper sides positively.
        return -np.array(ray)[: self._program.n_rows]


def _array(numbers: list[float]) -> Floats:
    return np.fromiter(numbers, dtype=np.float64, count=len(numbers))


def _without_columns(program: Program, seconds: float) -> Outcome:
    """Return the outcome of rows without columns, which HiGHS calls empty whatever their sides."""
    too_high, too_low = program.row_lower > 0, program.row_upper < 0
    common: dict[str, Any] = {"seconds": seconds, "message": "a program without columns"}
    if too_high.any() or too_low.any():
        return Outcome(
            status=Status.INFEASIBLE,
            bound=np.inf if program.maximise else -np.inf,
            infeasibility_ray=np.where(too_high, -1.0, np.where(too_low, 1.0, 0.0)),
            **common,
        )
    return Outcome(
        status=Status.OPTIMAL,
        point=np.zeros(0),
        objective=program.objective_constant,
        bound=program.objective_constant,
        row_dual=np.zeros(program.n_rows),
        reduced_cost=np.zeros(0),
        **common,
    )


def _loses_entries(program: Program, smallest: float) -> bool:
    """Return whether HiGHS drops entries without which rows are tighter than they were.

    A row of upper sides only, over columns at least zero, is looser without a positive entry.
    """
    matrix = program.matrix
    is_lost = (matrix.data != 0) & (np.abs(matrix.data) < smallest)
    if not is_lost.any():
        return False
    column = np.repeat(np.arange(program.n_columns), np.diff(matrix.indptr))[is_lost]
    row = matrix.indices[is_lost]
    only_upper = np.isinf(program.row_lower[row]) & (program.column_lower[column] >= 0)
    return not bool((only_upper & (matrix.data[is_lost] > 0)).all())


def _check_program(program: Program) -> None:
    if program.terms is not None:
        raise CapabilityError(
            "HiGHS has linear rows only, and the program has alpha-fair terms: solve it with "
            "cvxpy:CLARABEL, or (whole, one option a group) by the exact linear form"
        )
    # HiGHS takes a NaN in the objective without a word.
    program.check()


def _check_done(done: Any, what: str) -> None:
    if done == native().HighsStatus.kError:
        raise SolverFailure(f"HiGHS could not {what}")


def _has_unusual_entries(changes: Changes) -> bool:
    size = np.abs(changes.entry_value)
    is_small = (size > 0) & (size < SMALL_ENTRY)
    return bool((is_small | (size >= LARGEST_ENTRY)).any())


__all__ = ["FAILED", "SETTLED", "STOPPED", "Highs", "HighsSession"]
