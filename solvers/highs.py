"""HiGHS, through highspy: linear programs and whole columns, changed in place.

Huangfu & Hall (2018), Math. Program. Comput. 10, 119-142. May import this package; loads highspy
when a session is opened.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse

from solvers.capability import Availability, Capability
from solvers.changes import changes_between, check_same_shape
from solvers.counts import Counts
from solvers.errors import CapabilityError, OptionError, UpdateError
from solvers.highs_doubt import agreed, claiming_less, contradicts_itself, without_columns
from solvers.highs_found import Information, information_of
from solvers.highs_native import Listener, loaded_version, native, new_highs, pristine_highs
from solvers.highs_options import UNLIMITED, WrittenOptions
from solvers.highs_program import HeldProgram
from solvers.installation import installed
from solvers.interrupt import keyboard_interrupt
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import (
    Floats,
    Program,
    check_no_perspectives,
    check_objective,
    has_only_another_objective,
    has_wide_rows,
)

LOGGER = logging.getLogger(__name__)
OLDEST_VERSION = (1, 15)
# Linear programs of no more entries are solved before anybody has made up their mind to stop them.
FEW_ENTRIES = 10_000

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
        asks_often = program.has_integers or program.matrix.nnz > FEW_ENTRIES
        self._highs = new_highs(self._listener, asks_often)
        self._options = WrittenOptions(self._highs)
        self._has_run = False
        self._is_open = True
        self._held = HeldProgram(self._highs, program)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        if has_only_another_objective(program, self._program):
            check_objective(program)
            self.counts = self.counts.updated(self._held.change_objective(program))
            return
        _check_program(program)
        check_same_shape(self._program, program)
        changes = changes_between(self._program, program)
        reason = self._held.why_rebuild(changes, program, forbid_rebuild)
        if reason is None:
            self._held.change(changes, program)
            self.counts = self.counts.updated(changes.words)
        else:
            self._held.rebuild(program)
            self.counts = self.counts.rebuilt(reason)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._held.add_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what HiGHS claims."""
        self._check_open()
        start = time.perf_counter()
        outcome = self._solve(options, start)
        if self._contradicts_itself(outcome) or self._is_denial_without_proof(outcome):
            outcome = self._solve_without_presolve(options, start)
        if self._is_doubtful(outcome, options):
            outcome = self._second_opinion(outcome, options, start)
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

    @property
    def _program(self) -> Program:
        return self._held.program

    def _solve(self, options: SolveOptions, start: float) -> Outcome:
        self._options.write(self._program, options)
        self._run(options)
        return self._read(time.perf_counter() - start)

    def _solve_without_presolve(self, options: SolveOptions, start: float) -> Outcome:
        """Solve again in a way that has never been seen to be wrong, and claim no more than it."""
        LOGGER.warning("HiGHS cannot be believed; solving again without its presolve")
        limit = options.time_limit_seconds
        left = None if limit is None else max(limit - (time.perf_counter() - start), 0.0)
        again = replace(
            options, native={**options.native, "presolve": "off"}, time_limit_seconds=left
        )
        outcome = self._solve(again, start)
        if self._contradicts_itself(outcome):
            return claiming_less(self._program, outcome)
        return outcome

    def _is_denial_without_proof(self, outcome: Outcome) -> bool:
        """Return whether a linear program is called infeasible, and no multipliers prove it.

        The presolve was seen to say so where a bound is as tight as rows make it.
        """
        is_denied = outcome.status is Status.INFEASIBLE and outcome.infeasibility_ray is None
        return is_denied and not self._program.has_integers and self._program.n_columns > 0

    def _is_doubtful(self, outcome: Outcome, options: SolveOptions) -> bool:
        """Return whether a claim is about rows on which HiGHS is wrong with and without presolve.

        Not often on the same: what both ways agree on is believed.
        """
        is_claim = outcome.status in (Status.OPTIMAL, Status.INFEASIBLE)
        program = self._program
        is_wide = is_claim and program.has_integers and has_wide_rows(program)
        return is_wide and "presolve" not in options.native

    def _second_opinion(self, outcome: Outcome, options: SolveOptions, start: float) -> Outcome:
        """Return what HiGHS still claims after it has solved again, with its presolve."""
        limit = options.time_limit_seconds
        left = None if limit is None else max(limit - (time.perf_counter() - start), 0.0)
        again = replace(
            options, native={**options.native, "presolve": "choose"}, time_limit_seconds=left
        )
        second = self._solve(again, start)
        asked = self._options
        relative, absolute = asked["mip_rel_gap"], asked["mip_abs_gap"]
        return agreed(self._program, outcome, second, relative, absolute)

    def _contradicts_itself(self, outcome: Outcome) -> bool:
        asked = self._options
        return contradicts_itself(
            self._program, outcome, asked["mip_rel_gap"], asked["mip_abs_gap"]
        )

    def _run(self, options: SolveOptions) -> None:
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
            return without_columns(self._program, seconds)
        model_status = self._highs.getModelStatus()
        information = information_of(self._highs)
        name = _status_names()[int(model_status)]
        limit = None
        if name in FAILED or not self._has_run:
            status = Status.NUMERICAL_FAILURE
        elif name in SETTLED:
            status = SETTLED[name]
        else:
            limit = self._limit(STOPPED[name], information.nodes)
            status = Status.FEASIBLE if information.has_point else Status.NO_SOLUTION_FOUND
        return Outcome(
            status=status,
            limit=limit,
            bound=self._bound(status, information),
            infeasibility_ray=self._ray() if status is Status.INFEASIBLE else None,
            nodes=information.nodes,
            iterations=information.iterations,
            seconds=seconds,
            message=_message(name),
            **self._point(status, information),
        )

    def _limit(self, limit: Limit, nodes: int) -> Limit:
        if limit is not Limit.SOLUTIONS:
            return limit
        asked = self._options
        is_by_solutions = asked["mip_max_improving_sols"] < UNLIMITED
        return limit if is_by_solutions and nodes < asked["mip_max_nodes"] else Limit.NODES

    def _bound(self, status: Status, information: Information) -> float:
        if self._held.loses_entries:
            # A program that is tighter without some of its entries bounds nothing.
            return np.inf if self._program.maximise else -np.inf
        if self._program.has_integers:
            if status in (Status.OPTIMAL, Status.FEASIBLE, Status.NO_SOLUTION_FOUND):
                return information.dual_bound
        elif status is Status.OPTIMAL:
            return information.objective
        return np.inf if self._program.maximise else -np.inf

    def _point(self, status: Status, information: Information) -> dict[str, Any]:
        if not status.has_point:
            return {}
        solution = self._held.solution()
        found: dict[str, Any] = {"point": solution.point, "objective": information.objective}
        is_linear = status is Status.OPTIMAL and not self._program.has_integers
        if is_linear and self._highs.getSolution().dual_valid:
            found["row_dual"] = solution.row_dual
            found["reduced_cost"] = solution.reduced_cost
        return found

    def _ray(self) -> Floats | None:
        if self._program.has_integers:
            return None
        done, has_ray, ray = self._highs.getDualRay()
        if done != native().HighsStatus.kOk or not has_ray:
            return None
        # HiGHS weighs lower sides positively; our convention weighs upper sides positively.
        return -np.array(ray)[: self._program.n_rows]


@cache
def _message(status: str) -> str:
    """Return HiGHS's words for a native status."""
    number = native().HighsModelStatus.__members__[status]
    return f"HiGHS: {pristine_highs().modelStatusToString(number)}"


@cache
def _status_names() -> dict[int, str]:
    """Return the names of native statuses by number: a name takes highspy long to find."""
    return {int(one): name for name, one in native().HighsModelStatus.__members__.items()}


def _check_program(program: Program) -> None:
    if program.terms is not None:
        raise CapabilityError(
            "HiGHS has linear rows only, and the program has alpha-fair terms: open it with "
            "solvers.outer_approximation.open_under_lines, or with a solver that takes them"
        )
    check_no_perspectives(program, "HiGHS")
    # HiGHS takes a NaN in the objective without a word.
    program.check()


__all__ = ["FAILED", "SETTLED", "STOPPED", "Highs", "HighsSession"]
