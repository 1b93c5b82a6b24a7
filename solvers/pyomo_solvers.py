"""Any solver of Pyomo, from a Program, and what is known of each.

Linear rows and whole columns go to all of them, alpha-fair terms to those that take logarithms and
powers. Pyomo and its solvers hold process-wide state (its persistent HiGHS in two threads is a
deadlock every time), so one session solves at a time, and another thread is told so at once. Bynum
et al. (2021), Pyomo. May import this package; loads Pyomo when a session first solves.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from solvers.adapter import SolverSession
from solvers.capability import Availability, Capability, Readiness
from solvers.errors import LicenceError, OptionError, SolverFailure
from solvers.gateway import NEARLY_ALL, Reply, open_behind
from solvers.installation import installed
from solvers.option_values import check_native
from solvers.options import LONGEST_SECONDS, SolveOptions
from solvers.outcome import Limit, Status
from solvers.program import Floats, Program
from solvers.pyomo_program import pyomo_model
from solvers.pyomo_table import KNOWN, Known
from solvers.whole_bounds import whole_bounds

OLDEST_PYOMO = (6, 9)
_IN_USE = threading.Lock()

# Pyomo's termination conditions by name: the claim, or the limit. All others claim nothing.
SETTLED = {
    "optimal": Status.OPTIMAL,
    "globallyOptimal": Status.OPTIMAL,
    "locallyOptimal": Status.OPTIMAL,
    "infeasible": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "infeasibleOrUnbounded": Status.INFEASIBLE_OR_UNBOUNDED,
}
STOPPED = {
    "maxTimeLimit": Limit.TIME,
    "maxIterations": Limit.ITERATIONS,
    "maxEvaluations": Limit.OTHER,
    "minFunctionValue": Limit.OTHER,
    "feasible": Limit.OTHER,
    "userInterrupt": Limit.INTERRUPT,
    "resourceInterrupt": Limit.OTHER,
    "intermediateNonInteger": Limit.OTHER,
}


def through_pyomo(solver: str) -> PyomoSolver:
    """Return the adapter of a solver of Pyomo."""
    return PyomoSolver(solver)


class PyomoSolver:
    """The adapter of a solver that Pyomo reaches.

    Parameters
    ----------
    solver : str
        Its name in Pyomo.
    """

    tolerance = 1e-7

    def __init__(self, solver: str) -> None:
        self.name = f"pyomo:{solver}"
        self._solver = solver
        self._known = KNOWN.get(solver)
        known = self._known or Known()
        self.capabilities = known.capabilities
        self._usual = known

    def availability(self, probe: bool = False) -> Availability:
        """Return whether Pyomo and the solver are installed; a licence is that of its adapter."""
        pyomo = installed("pyomo", OLDEST_PYOMO)
        if not pyomo.is_ready:
            return pyomo
        known = self._known
        if known is None:
            return _asked_of_pyomo(self._solver, pyomo)
        if known.package == "gurobipy":
            from solvers.gurobi import Gurobi

            return Gurobi().availability(probe)
        if known.package:
            found = installed(known.package, (0, 0))
            sentence = f"{found.sentence}, through Pyomo {pyomo.version}"
            return Availability(readiness=found.readiness, sentence=sentence, version=found.version)
        if shutil.which(known.executable) is None:
            return Availability(
                readiness=Readiness.NOT_INSTALLED,
                sentence=f"there is no program {known.executable} in the search path",
            )
        sentence = f"{known.executable}, through Pyomo {pyomo.version}"
        return Availability(readiness=Readiness.READY, sentence=sentence)

    def open(self, program: Program) -> SolverSession:
        """Open a session that holds the Program.

        Raises
        ------
        CapabilityError
            If the solver lacks what the Program needs.
        """
        return open_behind(self, program)

    def check_native(self, options: SolveOptions) -> None:
        """Raise OptionError for options the solver does not have, or take, where that is known."""
        known = self._known
        if known is not None and known.names is not None and options.native:
            check_native(self.name, known.names(), known.takes, options)

    def ask(self, program: Program, options: SolveOptions) -> Reply:
        """Solve a Program whose terms, if any, mean weight * V(s).

        Raises
        ------
        SolverFailure
            If a session of Pyomo solves in another thread, or the solver breaks down.
        """
        if not _IN_USE.acquire(blocking=False):
            raise SolverFailure(
                f"{self.name}: Pyomo solves in another thread, and is safe in one at a time; use a "
                "solver of our own, such as highs, for several threads"
            )
        try:
            with _quiet(), _failures(self.name, options):
                return self._answer(program, options)
        finally:
            _IN_USE.release()

    def _answer(self, program: Program, options: SolveOptions) -> Reply:
        from pyomo.opt import SolverFactory, SolverStatus

        has_duals = Capability.ROW_DUALS in self.capabilities and not program.has_integers
        model = pyomo_model(program, has_duals)
        solver = SolverFactory(self._solver)
        for name, value in self._native(program, options).items():
            solver.options[name] = value
        start = time.perf_counter()
        results = solver.solve(
            model, load_solutions=False, tee=False, **self._limit_for_pyomo(options)
        )
        seconds = time.perf_counter() - start
        condition = str(results.solver.termination_condition)
        if len(results.solution):
            # Else Pyomo refuses to hand over the point of a solver that was stopped.
            results.solver.status = SolverStatus.ok
            model.solutions.load_from(results)
        return Reply(
            status=SETTLED.get(condition),
            limit=_limit_of(condition, options, seconds),
            point=_values(model, program),
            row_dual=_duals(model, program) if has_duals else None,
            bound=_bound(results, program, condition) if self._usual.states_bounds else None,
            message=f"Pyomo: {condition}",
        )

    def _native(self, program: Program, options: SolveOptions) -> dict[str, Any]:
        common: dict[str, Any] = {}
        usual, limit = self._usual, options.time_limit_seconds
        common |= usual.always
        if program.terms is not None:
            common |= usual.for_terms
        if usual.gap and program.has_integers:
            common[usual.gap] = options.relative_gap
        if usual.time and limit is not None and limit <= LONGEST_SECONDS:
            is_any = usual.least_seconds == 0.0
            common[usual.time] = limit if is_any else math.ceil(limit / usual.least_seconds)
        return common | dict(options.native)

    def _limit_for_pyomo(self, options: SolveOptions) -> dict[str, Any]:
        """Return the time limit as Pyomo takes it, for solvers without a name for it."""
        limit = options.time_limit_seconds
        is_given = limit is not None and limit <= LONGEST_SECONDS
        return {"timelimit": limit} if is_given and not self._usual.time else {}


def _limit_of(condition: str, options: SolveOptions, seconds: float) -> Limit | None:
    """Return which limit has stopped the solver, None where it was done or broke down."""
    wanted = options.time_limit_seconds
    if condition in SETTLED:
        return None
    limit = STOPPED.get(condition)
    is_over = wanted is not None and seconds >= NEARLY_ALL * wanted
    # CBC says that it is out of iterations, too.
    return limit if limit is Limit.INTERRUPT or not is_over else Limit.TIME


def _values(model: Any, program: Program) -> Floats | None:
    """Return the values of the columns, None where one has none.

    A column that is in no row with a side and not in the objective is left out of what some solvers
    get.
    """
    values = np.array([variable.value for variable in model.x.values()], dtype=np.float64)
    has_side = np.isfinite(program.row_lower) | np.isfinite(program.row_upper)
    column = np.repeat(np.arange(program.n_columns), np.diff(program.matrix.indptr))
    counts = (program.matrix.data != 0.0) & has_side[program.matrix.indices]
    used = np.bincount(column[counts], minlength=program.n_columns) > 0
    unused = ~used & (program.objective == 0.0)
    nearest = np.clip(0.0, *whole_bounds(program))
    values = np.where(np.isnan(values) & unused, nearest, values)
    return None if np.isnan(values).any() else values


def _duals(model: Any, program: Program) -> Floats | None:
    multiplier = np.zeros(program.n_rows)
    for row, constraint in model.rows.items():
        value = model.dual.get(constraint)
        if value is None:
            return None
        multiplier[row] = value
    return multiplier


def _bound(results: Any, program: Program, condition: str) -> float | None:
    """Return the solver's own bound, None where it has none that is one."""
    problem = results.problem
    stated = problem.upper_bound if program.maximise else problem.lower_bound
    if condition not in STOPPED and condition not in SETTLED:
        return None
    is_number = isinstance(stated, (int, float)) and np.isfinite(stated)
    return float(stated) if is_number else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Pyomo logs and warns of, which the statuses say, from the terminal."""
    logger = logging.getLogger("pyomo")
    before = logger.disabled, logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled, level = before
        logger.setLevel(level)


@contextmanager
def _failures(name: str, options: SolveOptions) -> Iterator[None]:
    """Raise what Pyomo and its solvers raise as errors of ours."""
    try:
        yield
    # The solvers behind Pyomo raise errors of any class.
    except Exception as error:
        words = str(error)
        if "license" in words.lower():
            raise LicenceError(f"{name}: {words}") from error
        if options.native:
            names = ", ".join(options.native)
            raise OptionError(
                f"{name} could not solve with its options {names}: {words}"
            ) from error
        raise SolverFailure(f"{name} could not solve the program: {words}") from error


def _asked_of_pyomo(solver: str, pyomo: Availability) -> Availability:
    """Return whether Pyomo itself finds a solver of which nothing is known here."""
    from pyomo.opt import SolverFactory

    with _quiet():
        found = SolverFactory(solver)
        is_there = bool(found.available(exception_flag=False))
    if is_there:
        sentence = f"{solver}, through Pyomo {pyomo.version}"
        return Availability(readiness=Readiness.READY, sentence=sentence)
    return Availability(
        readiness=Readiness.NOT_INSTALLED,
        sentence=f"Pyomo {pyomo.version} finds no {solver} here; known are {', '.join(KNOWN)}",
    )
