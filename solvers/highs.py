"""HiGHS, through highspy: linear programs and whole columns, changed in place.

Huangfu & Hall (2018), Math. Program. Comput. 10, 119-142. May import this package; loads highspy
when a session is opened.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse

from solvers.capability import Availability, Capability, Readiness
from solvers.errors import CapabilityError, OptionError, SolverFailure, UpdateError
from solvers.options import SolveOptions, unknown_option
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
MAXIMISE, MINIMISE = -1, 1
UNLIMITED = 2**31 - 1


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
            Capability.DETERMINISTIC_SEED,
        }
    )

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return whether highspy is installed and new enough; it needs no licence."""
        version = _installed_version()
        if version is None:
            return Availability(
                readiness=Readiness.NOT_INSTALLED,
                sentence="highspy is not installed: pip install highspy",
            )
        if _major_and_minor(version) < OLDEST_VERSION:
            oldest = ".".join(map(str, OLDEST_VERSION))
            return Availability(
                readiness=Readiness.VERSION_TOO_OLD,
                sentence=f"highspy {version} is older than {oldest}: pip install -U highspy",
                version=version,
            )
        return Availability(
            readiness=Readiness.READY, sentence=f"highspy {version}", version=version
        )

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
        self.updates_in_place = 0
        self.rebuilds = 0
        self.reasons: list[str] = []
        self._listener = _Listener()
        self._highs = _new_highs(self._listener)
        self._written: dict[str, Any] = {}
        self._has_run = False
        self._is_open = True
        self._build(program)

    def update(self, program: Program) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        _check_program(program)
        if program.matrix.shape != self._program.matrix.shape:
            raise UpdateError(
                f"the new program has {program.matrix.shape} rows and columns, the open one "
                f"{self._program.matrix.shape}; nothing was changed"
            )
        self._update(program)

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
        self._write_options(options)
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
        self._program = program
        self._transposed = matrix.T
        self._n_added = 0

    def _update(self, program: Program) -> None:
        if self._needs_rebuild(program):
            self._rebuild(program)
            return
        old, highs = self._program, self._highs
        self._drop_added_rows()
        columns = np.arange(program.n_columns, dtype=np.int32)
        if _differ(program.objective, old.objective):
            done = highs.changeColsCost(program.n_columns, columns, program.objective)
            _check_done(done, "take the objective")
        if program.objective_constant != old.objective_constant:
            done = highs.changeObjectiveOffset(program.objective_constant)
            _check_done(done, "take the objective's constant")
        if _differ(program.row_lower, old.row_lower) or _differ(program.row_upper, old.row_upper):
            rows = np.arange(program.n_rows, dtype=np.int32)
            done = highs.changeRowsBounds(
                program.n_rows, rows, program.row_lower, program.row_upper
            )
            _check_done(done, "take the sides of rows")
        if _differ(program.column_lower, old.column_lower) or _differ(
            program.column_upper, old.column_upper
        ):
            done = highs.changeColsBounds(
                program.n_columns, columns, program.column_lower, program.column_upper
            )
            _check_done(done, "take the bounds of columns")
        self._program = program
        self.updates_in_place += 1

    def _rebuild(self, program: Program) -> None:
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
        self.rebuilds += 1
        self.reasons.append(f"rebuilt: {_why_rebuilt(old, program)}")

    def _needs_rebuild(self, program: Program) -> bool:
        old = self._program
        return (
            _differ(program.matrix.data, old.matrix.data)
            or _differ(program.matrix.indices, old.matrix.indices)
            or _differ(program.matrix.indptr, old.matrix.indptr)
            or _differ(program.integer, old.integer)
            or program.maximise != old.maximise
        )

    def _drop_added_rows(self) -> None:
        if self._n_added:
            first = self._program.n_rows
            rows = np.arange(first, first + self._n_added, dtype=np.int32)
            self._highs.deleteRows(self._n_added, rows)
            self._n_added = 0

    def _write_options(self, options: SolveOptions) -> None:
        wanted = self._common_options(options)
        for name, value in options.native.items():
            _check_known(name)
            wanted[name] = value
        seconds = wanted["time_limit"]
        if isinstance(seconds, (int, float)) and not self._program.has_integers:
            # For linear programs HiGHS counts the time of all runs of one object.
            wanted["time_limit"] = seconds + self._highs.getRunTime()
        for name in self._written.keys() - wanted.keys():
            wanted[name] = _default_value(name)
        for name, value in wanted.items():
            if self._written.get(name) != value:
                self._write_option(name, value)

    def _write_option(self, name: str, value: Any) -> None:
        try:
            is_taken = self._highs.setOptionValue(name, value) == _native().HighsStatus.kOk
        except TypeError:
            is_taken = False
        if not is_taken:
            raise OptionError(f"HiGHS does not take {value!r} for its option {name!r}")
        self._written[name] = value

    def _common_options(self, options: SolveOptions) -> dict[str, Any]:
        if options.memory_limit_mb is not None:
            raise OptionError("HiGHS has no memory limit: leave memory_limit_mb out")
        if options.iteration_limit is not None and self._program.has_integers:
            raise OptionError(
                "HiGHS has no iteration limit for whole columns: use node_limit or "
                "time_limit_seconds"
            )
        seconds = options.time_limit_seconds
        iterations = _count(options.iteration_limit)
        return {
            "output_flag": options.log is not None,
            "log_to_console": False,
            "time_limit": np.inf if seconds is None else float(seconds),
            "mip_rel_gap": float(options.relative_gap),
            "mip_abs_gap": float(options.absolute_gap),
            "mip_max_nodes": _count(options.node_limit),
            "mip_max_improving_sols": _count(options.solution_limit),
            "simplex_iteration_limit": iterations,
            "ipm_iteration_limit": iterations,
            "threads": options.threads,
            "random_seed": options.seed % (UNLIMITED + 1),
        }

    def _solve(self, options: SolveOptions) -> None:
        highs, listener, failed = self._highs, self._listener, _native().HighsStatus.kError
        if options.start is not None:
            self._write_start(options.start)
        listener.listen(options.log)
        with _keyboard_interrupt(listener.stop):
            done = highs.run()
            if done == failed:
                # HiGHS refuses to run with other threads than those of the pool that it once
                # started for the calling thread, whoever asked for it: a new pool, once more.
                _native()._core._Highs.resetGlobalScheduler(True)
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
        native = _native()
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
            feasible = native.SolutionStatus.kSolutionStatusFeasible
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
        asked = self._written
        is_by_solutions = asked["mip_max_improving_sols"] < UNLIMITED
        return limit if is_by_solutions and nodes < asked["mip_max_nodes"] else Limit.NODES

    def _bound(self, status: Status, information: Any) -> float:
        if self._program.has_integers:
            if status in (Status.OPTIMAL, Status.FEASIBLE, Status.NO_SOLUTION_FOUND):
                return float(information.mip_dual_bound)
        elif status is Status.OPTIMAL:
            return float(information.objective_function_value)
        return self._trivial_bound()

    def _trivial_bound(self) -> float:
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
        if done != _native().HighsStatus.kOk or not has_ray:
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


def _check_program(program: Program) -> None:
    if program.terms is not None:
        raise CapabilityError(
            "HiGHS has linear rows only, and the program has alpha-fair terms: solve it with "
            "cvxpy:CLARABEL, or (whole, one option a group) by the exact linear form"
        )
    # HiGHS takes a NaN in the objective without a word.
    program.check()


def _check_done(done: Any, what: str) -> None:
    if done == _native().HighsStatus.kError:
        raise SolverFailure(f"HiGHS could not {what}")


def _count(limit: int | None) -> int:
    return UNLIMITED if limit is None else min(limit, UNLIMITED)


def _why_rebuilt(old: Program, program: Program) -> str:
    if program.maximise != old.maximise:
        return "the sense of the objective changed"
    if _differ(program.integer, old.integer):
        return "the columns that are whole changed"
    return "entries of the matrix changed"


def _check_known(name: str) -> None:
    native = _native()
    done, _ = _pristine_highs().getOptionType(name)
    if done != native.HighsStatus.kOk:
        known = [word for word in dir(native.HighsOptions()) if not word.startswith("_")]
        raise unknown_option("HiGHS", name, known)


def _default_value(name: str) -> Any:
    return _pristine_highs().getOptionValue(name)[1]


def _differ(first: Any, second: Any) -> bool:
    return first is not second and not np.array_equal(first, second)


def _installed_version() -> str | None:
    """Return the version of highspy without loading it, None where it is not installed."""
    loaded = sys.modules.get("highspy")
    if loaded is not None:
        numbers = (getattr(loaded, f"HIGHS_VERSION_{part}") for part in ("MAJOR", "MINOR", "PATCH"))
        return ".".join(map(str, numbers))
    try:
        is_there = importlib.util.find_spec("highspy") is not None
        return importlib.metadata.version("highspy") if is_there else None
    except importlib.metadata.PackageNotFoundError:
        return None


def _major_and_minor(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version, such as (1, 15) of 1.15.1rc2."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


# highspy has no types for its native part.
@cache
def _native() -> Any:
    import highspy

    return highspy


class _Listener:
    """What HiGHS calls back while it runs: it hands over lines, and asks whether to stop.

    Knows no session, so that a session that nobody closed can still be freed.
    """

    def __init__(self) -> None:
        self._logging = int(_native().cb.HighsCallbackType.kCallbackLogging)
        self.listen(None)

    def listen(self, log: Callable[[str], None] | None) -> None:
        """Begin anew."""
        self._log = log
        self._is_stopped = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Stop HiGHS when it asks next."""
        self._is_stopped = True

    def raise_error(self) -> None:
        """Raise what `log` raised, if it did."""
        if self._error is not None:
            raise self._error

    # The types are those of highspy, which has none for its native part.
    def __call__(self, kind: Any, message: str, out: Any, into: Any, _: Any) -> None:  # noqa: ARG002
        if int(kind) != self._logging:
            into.user_interrupt = self._is_stopped
        elif self._log is not None and self._error is None:
            try:
                for line in message.removesuffix("\n").split("\n"):
                    self._log(line)
            except BaseException as error:
                # Raised through HiGHS's own frames it would leave them half done.
                self._error = error
                self._is_stopped = True


def _new_highs(listener: _Listener) -> Any:
    native = _native()
    highs = native._core._Highs()
    highs.setOptionValue("output_flag", False)
    highs.setCallback(listener, None)
    kinds = native.cb.HighsCallbackType
    for kind in (
        kinds.kCallbackLogging,
        kinds.kCallbackSimplexInterrupt,
        kinds.kCallbackIpmInterrupt,
        kinds.kCallbackMipInterrupt,
    ):
        highs.startCallback(kind)
    return highs


@cache
def _pristine_highs() -> Any:
    """Return the one HiGHS object whose options nobody changes."""
    highs = _native()._core._Highs()
    highs.setOptionValue("output_flag", False)
    return highs


@contextmanager
def _keyboard_interrupt(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt` instead of raising KeyboardInterrupt, in the main thread only."""
    is_main = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGINT) if is_main else None
    if previous is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


__all__ = ["FAILED", "SETTLED", "STOPPED", "Highs", "HighsSession"]
