"""Gurobi, through gurobipy: linear programs, whole columns and alpha-fair terms, changed in place.

Gurobi Optimization (2025), "Gurobi Optimizer Reference Manual", version 13. May import this
package; loads gurobipy when a session is opened.

A start is used for whole columns and terms; a linear program begins from the last basis.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.capability import Availability, Capability, Readiness, SizeLimit
from solvers.changes import changes_between, check_may_rebuild, check_same_shape
from solvers.counts import Counts
from solvers.errors import LicenceError, SolverFailure, UpdateError
from solvers.gurobi_licence import FREE_SIZE_IN_WORDS, licensed
from solvers.gurobi_native import (
    HOW_TO_GO_ON,
    Listener,
    NativeModel,
    failures,
    loaded_version,
    native,
    new_environment,
    take_interrupts_back,
)
from solvers.gurobi_options import (
    TOLERANCE_OF_TERMS,
    WrittenOptions,
    is_linear,
    start_values,
)
from solvers.gurobi_program import INFINITE, HeldProgram, n_rows_needed
from solvers.infinite_numbers import check_finite
from solvers.installation import installed
from solvers.interrupt import keyboard_interrupt
from solvers.lost_entries import loses_entries
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Floats, Program, check_no_perspectives
from solvers.term_scaling import ENOUGH_NODES, ScaledTermsSession

LOGGER = logging.getLogger(__name__)
OLDEST_VERSION = (12, 0)

# Native statuses by name: the claim, or the limit, or that the solver broke down.
SETTLED = {
    "OPTIMAL": Status.OPTIMAL,
    "INFEASIBLE": Status.INFEASIBLE,
    "UNBOUNDED": Status.UNBOUNDED,
    "INF_OR_UNBD": Status.INFEASIBLE_OR_UNBOUNDED,
}
STOPPED = {
    "TIME_LIMIT": Limit.TIME,
    "NODE_LIMIT": Limit.NODES,
    "ITERATION_LIMIT": Limit.ITERATIONS,
    "SOLUTION_LIMIT": Limit.SOLUTIONS,
    "MEM_LIMIT": Limit.MEMORY,
    "INTERRUPTED": Limit.INTERRUPT,
    "CUTOFF": Limit.OTHER,
    "USER_OBJ_LIMIT": Limit.OTHER,
    "WORK_LIMIT": Limit.OTHER,
    "SUBOPTIMAL": Limit.OTHER,
    "LOCALLY_OPTIMAL": Limit.OTHER,
    "LOCALLY_INFEASIBLE": Limit.OTHER,
}
FAILED = {"LOADED", "INPROGRESS", "NUMERIC"}

# Gurobi drops entries of the matrix below.
SMALL_ENTRY = 1e-13
COUNTED_TWICE = "rows of one side were rows of two sides, which count twice"


class Gurobi:
    """The adapter of Gurobi."""

    name = "gurobi"
    capabilities = frozenset(
        {
            Capability.WHOLE,
            Capability.ALPHA_FAIR_TERMS,
            Capability.ROW_DUALS,
            Capability.INFEASIBILITY_RAYS,
            Capability.IN_PLACE_UPDATES,
            Capability.START,
            Capability.TIME_LIMIT,
            Capability.NODE_LIMIT,
            Capability.ITERATION_LIMIT,
            Capability.SOLUTION_LIMIT,
            Capability.MEMORY_LIMIT,
            Capability.INTERRUPT,
            Capability.THREADS,
            Capability.DETERMINISTIC_SEED,
            Capability.LOG,
            Capability.PARALLEL_SESSIONS,
            Capability.PRECISE,
        }
    )

    def availability(self, probe: bool = False) -> Availability:
        """Return whether gurobipy is installed and what its licence allows, as files tell.

        With `probe` an environment is started, which may take a licence for a moment.
        """
        found = installed("gurobipy", OLDEST_VERSION, loaded_version())
        if not found.is_ready:
            return found
        found = licensed(found)
        if not probe:
            return found
        try:
            new_environment().dispose()
        except (LicenceError, SolverFailure) as error:
            return Availability(
                readiness=Readiness.NO_LICENCE, sentence=str(error), version=found.version
            )
        return found

    def open(self, program: Program) -> SolverSession:
        """Open a session that holds the Program.

        Raises
        ------
        LicenceError
            If there is no licence, or the Program is larger than it allows.
        ProgramError
            If the Program contradicts itself.
        SolverFailure
            If it holds a number that Gurobi takes for infinite.
        """
        check_no_perspectives(program, self.name)
        if program.terms is None:
            return GurobiSession(program)
        return ScaledTermsSession(GurobiSession, program, TOLERANCE_OF_TERMS, ENOUGH_NODES)


class GurobiSession:
    """One Gurobi model that holds a Program; terms mean weight * V(s), see `term_scaling`."""

    def __init__(self, program: Program) -> None:
        program.check()
        # The licence is that of the environment, and stays while it does.
        self._limit = Gurobi().availability().size_limit
        check_size(program, n_rows_needed(program), self._limit)
        self.counts = Counts()
        self._listener = Listener()
        self._native = NativeModel()
        self._is_open = True
        self._build(program)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        program.check(known=self._held.program)
        check_same_shape(self._held.program, program)
        self._update(program, forbid_rebuild)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._held.add_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what Gurobi claims."""
        self._check_open()
        start = time.perf_counter()
        name = self._solve(options)
        if name == "NUMERIC" and is_linear(self._held.program):
            # The last basis may have become singular.
            self._held.model.reset()
            name = self._solve(_with_the_rest(options, start))
        outcome = self._read(name, start)
        if outcome.status in (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED):
            outcome = self._tell_apart(outcome, options, start)
        LOGGER.info(
            "Gurobi: %s in %.3f s, objective %s, bound %s",
            outcome.status.value,
            outcome.seconds,
            outcome.objective,
            outcome.bound,
        )
        return outcome

    def close(self) -> None:
        """Free the native memory and the licence; a second call does nothing."""
        if self._is_open:
            self._held.dispose()
            self._native.close()
            self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")

    def _build(self, program: Program) -> None:
        self._held = HeldProgram(self._native, program)
        self._options = WrittenOptions(self._held.model)
        self._loses_entries = loses_entries(program, SMALL_ENTRY)

    def _update(self, program: Program, forbid_rebuild: bool) -> None:
        held = self._held
        changes = changes_between(held.program, program)
        may_be_larger = changes.rows.size > 0 or changes.structure is not None
        if may_be_larger:
            check_size(program, n_rows_needed(program), self._limit)
        # Whatever number of entries changed: a new model takes longer, even where gurobipy writes
        # each entry by a call of its own, and begins without the last basis.
        reason = changes.structure
        if reason is None and may_be_larger:
            n_rows = held.n_native_rows(program)
            is_larger = is_too_large(program, n_rows, self._limit)
            reason = COUNTED_TWICE if is_larger else None
        if reason is not None:
            check_may_rebuild(reason, forbid_rebuild)
            self._build(program)
            held.dispose()
            self.counts = self.counts.rebuilt(reason)
            return
        check_finite(program, "Gurobi", INFINITE, known=held.program)
        try:
            held.change(changes, program)
        except SolverFailure as failure:
            self._build(held.program)
            raise UpdateError(f"{failure}; the old numbers are back") from failure
        self._loses_entries = loses_entries(program, SMALL_ENTRY)
        self.counts = self.counts.updated(changes.words)

    def _solve(self, options: SolveOptions) -> str:
        """Solve, and return the name of Gurobi's status."""
        held, listener = self._held, self._listener
        # A linear program uses no start, but a wrong one is refused.
        is_used = options.start is not None or not is_linear(held.program)
        start = start_values(held.program, options) if is_used else None
        self._options.write(held.program, options)
        with failures("solve"):
            if not is_linear(held.program):
                held.columns.setAttr("Start", start)
            listener.listen(options.log)
            with keyboard_interrupt(listener.stop):
                try:
                    held.model.optimize(listener, *listener.wheres())
                finally:
                    take_interrupts_back()
            listener.finish()
            return _status_names()[held.model.Status]

    def _tell_apart(self, outcome: Outcome, options: SolveOptions, start: float) -> Outcome:
        """Return whether there is a feasible point, which Gurobi's UNBOUNDED does not say."""
        held = self._held
        # The objective is zero, so that any gap is closed and any point is optimal.
        held.write_objective(0.0)
        try:
            again = self._read(self._solve(_with_the_rest(options, start)), start)
        finally:
            held.write_objective(1.0)
        status, ray = Status.INFEASIBLE_OR_UNBOUNDED, None
        if again.status is Status.INFEASIBLE:
            status, ray = again.status, again.infeasibility_ray
        elif again.status.has_point:
            status = Status.UNBOUNDED
        return replace(
            again,
            status=status,
            limit=None,
            point=None,
            objective=None,
            bound=outcome.bound,
            row_dual=None,
            reduced_cost=None,
            infeasibility_ray=ray,
            nodes=outcome.nodes + again.nodes,
            iterations=outcome.iterations + again.iterations,
            message=f"{outcome.message}; with an objective of zero {again.message}",
        )

    def _read(self, name: str, start: float) -> Outcome:
        model = self._held.model
        # At a limit a linear program has an X that is no feasible point, and SolCount is 0.
        has_point = model.SolCount > 0
        limit = STOPPED.get(name)
        if limit is not None:
            status = Status.FEASIBLE if has_point else Status.NO_SOLUTION_FOUND
        else:
            status = SETTLED.get(name, Status.NUMERICAL_FAILURE)
            if status.has_point and not has_point:
                status = Status.NUMERICAL_FAILURE
        return Outcome(
            status=status,
            limit=limit,
            bound=self._bound(status),
            infeasibility_ray=self._ray() if status is Status.INFEASIBLE else None,
            nodes=int(model.NodeCount),
            iterations=int(model.IterCount) + int(model.BarIterCount),
            seconds=time.perf_counter() - start,
            message=f"Gurobi: {name}",
            **(self._claims_of_point(status) if status.has_point else {}),
        )

    def _bound(self, status: Status) -> float:
        program, model = self._held.program, self._held.model
        unknown = np.inf if program.maximise else -np.inf
        # A program that is tighter without some of its entries bounds nothing.
        if self._loses_entries:
            return unknown
        if is_linear(program):
            return float(model.ObjVal) if status is Status.OPTIMAL else unknown
        if status is not Status.OPTIMAL and not status.is_stopped:
            return unknown
        bound = float(_attribute(model, "ObjBound", unknown))
        return bound if abs(bound) < native().GRB.INFINITY else unknown

    def _claims_of_point(self, status: Status) -> dict[str, Any]:
        held = self._held
        claims: dict[str, Any] = {
            "point": held.of_columns("X"),
            "objective": float(held.model.ObjVal),
        }
        if status is Status.OPTIMAL and is_linear(held.program):
            claims["row_dual"] = held.of_rows("Pi")
            claims["reduced_cost"] = held.of_columns("RC")
        return claims

    def _ray(self) -> Floats | None:
        """Return the multipliers that Gurobi states, which weigh upper sides positively."""
        held = self._held
        if not is_linear(held.program):
            return None
        try:
            if held.added_are_used("FarkasDual"):
                return None
            return held.of_rows("FarkasDual")
        except (native().GurobiError, AttributeError):
            # There are none, for instance where the bounds of a column cross.
            return None


def is_too_large(program: Program, n_rows: int, limit: SizeLimit | None) -> bool:
    """Return whether a Program in so many rows is larger than the licence allows."""
    return _why_too_large(program, n_rows, limit) is not None


def check_size(program: Program, n_rows: int, limit: SizeLimit | None) -> None:
    """Raise LicenceError where a Program in so many rows is larger than the licence allows."""
    reason = _why_too_large(program, n_rows, limit)
    if reason is not None:
        raise LicenceError(
            f"{reason}: the free licence of gurobipy allows {FREE_SIZE_IN_WORDS}; {HOW_TO_GO_ON}"
        )


def _why_too_large(program: Program, n_rows: int, limit: SizeLimit | None) -> str | None:
    if limit is None:
        return None
    n_terms = 0 if program.terms is None else len(program.terms.columns)
    return limit.why_too_large(n_rows, program.n_columns, n_terms)


def _with_the_rest(options: SolveOptions, start: float) -> SolveOptions:
    """Return the options with what is left of the time since `start`."""
    limit = options.time_limit_seconds
    rest = None if limit is None else max(0.0, limit - (time.perf_counter() - start))
    return replace(options, time_limit_seconds=rest)


@cache
def _status_names() -> dict[int, str]:
    statuses = native().GRB.Status
    return {getattr(statuses, name): name for name in [*SETTLED, *STOPPED, *FAILED]}


# The types are those of gurobipy.
def _attribute(model: Any, name: str, otherwise: float) -> float:
    try:
        return float(getattr(model, name))
    except (native().GurobiError, AttributeError):
        return otherwise


__all__ = ["FAILED", "SETTLED", "STOPPED", "Gurobi", "GurobiSession"]
