"""Solvers that CVXPY reaches, from a Program: fractional columns, alpha-fair terms by exact cones.

With a reference of the size of each utility the cones (see `cvxpy_cones`) are well conditioned for
every alpha and size. Bounds are ours, by weak duality from the solver's multipliers: they hold
whatever the solver's tolerances are, and an answer is claimed to be optimal where they prove it.
Where the solver is stuck, it is tried in other ways; utilities that differ by more than some six
powers of ten within one program may defeat it, with alpha of 5 and more, which is then said
(FEASIBLE, with the bound).

May import this package; loads CVXPY when a session first solves.
"""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from solvers import clarabel
from solvers.capability import Availability, Capability
from solvers.changes import check_may_rebuild, check_same_shape
from solvers.conic_program import Task, task_of
from solvers.conic_scaling import times_exp
from solvers.conic_search import Found, Search
from solvers.counts import Counts
from solvers.cvxpy_cones import NativeSolver
from solvers.errors import CapabilityError, UpdateError
from solvers.installation import installed
from solvers.interrupt import keyboard_interrupt
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Floats, Program, check_no_perspectives

LOGGER = logging.getLogger(__name__)
OLDEST_CVXPY = (1, 9)
REBUILT = "CVXPY is given the program anew at every solve"

# Clarabel's statuses by name: the claim, or the limit, or that it stopped short of its tolerances.
# An almost solved program meets what the options ask for, see `clarabel.settings`.
SETTLED = {
    "Solved": Status.OPTIMAL,
    "AlmostSolved": Status.OPTIMAL,
    "PrimalInfeasible": Status.INFEASIBLE,
    # The program is unbounded if it is feasible, which is then asked.
    "DualInfeasible": Status.UNBOUNDED,
}
STOPPED = {
    "MaxIterations": Limit.ITERATIONS,
    "MaxTime": Limit.TIME,
    "CallbackTerminated": Limit.INTERRUPT,
}
FAILED = {
    "Unsolved",
    "AlmostPrimalInfeasible",
    "AlmostDualInfeasible",
    "NumericalError",
    "InsufficientProgress",
}

SOLVERS = {
    "CLARABEL": NativeSolver(
        name="CLARABEL",
        package="clarabel",
        oldest_version=(0, 11),
        settled=SETTLED,
        stopped=STOPPED,
        check=clarabel.check,
        settings=clarabel.settings,
        run=clarabel.run,
    ),
}
"""The solvers that the gateway offers, by their names in CVXPY."""


class CvxpyGateway:
    """The adapter of a solver that CVXPY reaches.

    Parameters
    ----------
    solver : str
        Its name in CVXPY, such as ``CLARABEL``.

    Raises
    ------
    CapabilityError
        If the gateway does not offer it.
    """

    capabilities = frozenset(
        {
            Capability.ALPHA_FAIR_TERMS,
            Capability.ROW_DUALS,
            Capability.INFEASIBILITY_RAYS,
            Capability.TIME_LIMIT,
            Capability.ITERATION_LIMIT,
            Capability.INTERRUPT,
            Capability.DETERMINISTIC_SEED,
            Capability.THREADS,
            Capability.LOG,
            Capability.PRECISE,
            Capability.PRICES_OF_TERMS,
        }
    )

    def __init__(self, solver: str) -> None:
        if solver not in SOLVERS:
            raise CapabilityError(
                f"the gateway to CVXPY does not offer {solver!r}; it offers {', '.join(SOLVERS)}"
            )
        self.name = f"cvxpy:{solver}"
        self._native = SOLVERS[solver]

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return whether CVXPY and the solver are installed and new enough."""
        cvxpy = installed("cvxpy", OLDEST_CVXPY)
        native = installed(self._native.package, self._native.oldest_version)
        for found in (cvxpy, native):
            if not found.is_ready:
                return found
        return replace(native, sentence=f"{native.sentence}, through CVXPY {cvxpy.version}")

    def open(self, program: Program) -> CvxpySession:
        """Open a session that holds the Program.

        Raises
        ------
        CapabilityError
            If a column must be whole.
        """
        return CvxpySession(program, self.name, self._native)


class CvxpySession:
    """A Program, given to CVXPY anew at every solve."""

    def __init__(self, program: Program, name: str, native: NativeSolver) -> None:
        self.counts = Counts()
        self._name = name
        self._native = native
        self._is_open = True
        self._task: Task
        self._build(program)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        check_same_shape(self._program, program)
        check_may_rebuild(REBUILT, forbid_rebuild)
        self._build(program)
        self.counts = self.counts.rebuilt(REBUILT)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._task = self._task.with_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what the solver claims."""
        self._check_open()
        self._native.check(self._name, options)
        if not self._program.n_columns:
            return _without_columns(self._program, self._task)
        if self._is_crossed():
            bound = np.inf if self._program.maximise else -np.inf
            words = "a lower side or bound is above its upper one"
            return Outcome(status=Status.INFEASIBLE, bound=bound, message=words)
        search = Search(self._task, self._native, options)
        with keyboard_interrupt(search.interrupt), warnings.catch_warnings():
            # CVXPY warns of what the statuses say.
            warnings.simplefilter("ignore")
            self._solve(search)
        outcome = self._read(search)
        LOGGER.info(
            "%s: %s in %.3f s, objective %s, bound %s",
            self._name,
            outcome.status.value,
            outcome.seconds,
            outcome.objective,
            outcome.bound,
        )
        return outcome

    def close(self) -> None:
        """Forget the Program; a second call does nothing."""
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")

    def _is_crossed(self) -> bool:
        task = self._task
        return bool((task.lower > task.upper).any() or (task.row_lower > task.row_upper).any())

    def _build(self, program: Program) -> None:
        program.check()
        check_no_perspectives(program, self._name)
        if program.has_integers:
            raise CapabilityError(
                f"{self._name} has no whole columns, and the program has "
                f"{int(program.integer.sum())}: solve it with highs"
            )
        self._program = program
        self._task = task_of(program)

    def _solve(self, search: Search) -> None:
        from cvxpy.error import SolverError

        try:
            search.go()
        except SolverError as error:
            search.words.append(str(error))

    def _read(self, search: Search) -> Outcome:
        program, best, (status, limit) = self._program, search.best, search.status()
        point = best.point if best is not None and np.isfinite(best.gap) else search.feasible
        return Outcome(
            status=status,
            limit=limit,
            bound=_bound(program, best),
            infeasibility_ray=search.ray,
            iterations=search.iterations,
            seconds=time.perf_counter() - search.start,
            message="; ".join(search.words),
            **_claims_of_point(program, point, best, status),
        )


def _claims_of_point(
    program: Program, point: Floats | None, best: Found | None, status: Status
) -> dict[str, Any]:
    """Return point, objective and, at an optimum, duals, as the Program states them."""
    if point is None or not status.has_point:
        return {}
    claims: dict[str, Any] = {"point": point, "objective": _objective(program, point)}
    if best is not None and status is Status.OPTIMAL:
        scaled, sense = best.scaled, 1.0 if program.maximise else -1.0
        task = scaled.task
        row_dual = times_exp(sense * best.multiplier * scaled.row_factor, scaled.log_unit)
        slope = task.cost - task.matrix.T @ best.multiplier
        with np.errstate(divide="ignore", over="ignore"):
            slope[task.columns] += task.weight * best.y[task.columns] ** -task.alpha
        reduced_cost = times_exp(sense * slope / scaled.column_unit, scaled.log_unit)
        # Numbers that overflow in plain units say nothing.
        if np.isfinite(row_dual).all():
            claims["row_dual"] = row_dual[: program.n_rows]
        if np.isfinite(reduced_cost).all():
            claims["reduced_cost"] = reduced_cost
    return claims


def _bound(program: Program, best: Found | None) -> float:
    """Return the bound in the sense of the Program, infinite where nothing is known."""
    sense = 1.0 if program.maximise else -1.0
    if best is None or not np.isfinite(best.bound):
        return sense * np.inf
    number = np.array([best.bound + best.scaled.shift])
    bound = float(times_exp(number, best.scaled.log_unit)[0])
    if not np.isfinite(bound):
        return sense * np.inf
    stated = sense * bound + program.objective_constant
    # Never worse than the point by rounding alone.
    value = _objective(program, best.point)
    return max(stated, value) if program.maximise else min(stated, value)


def _objective(program: Program, point: Floats) -> float:
    value = float(program.objective @ point) + program.objective_constant
    if program.terms is not None:
        counts = program.terms.weight > 0
        utility = point[program.terms.columns[counts]]
        value += float(program.terms.weight[counts] @ _utility(utility, program.terms.alpha))
    return value


def _utility(utility: Floats, alpha: float) -> Floats:
    """Return U_alpha itself, which may overflow to infinity."""
    with np.errstate(divide="ignore", over="ignore"):
        if alpha == 1.0:
            return np.log(utility)
        return utility ** (1.0 - alpha) / (1.0 - alpha)


def _without_columns(program: Program, task: Task) -> Outcome:
    """Return the outcome for a Program of rows alone: each holds 0, or it is infeasible."""
    ray = np.where(task.row_upper < 0, 1.0, np.where(task.row_lower > 0, -1.0, 0.0))
    if ray.any():
        bound = np.inf if program.maximise else -np.inf
        return Outcome(status=Status.INFEASIBLE, bound=bound, infeasibility_ray=ray)
    return Outcome(
        status=Status.OPTIMAL,
        point=np.zeros(0),
        objective=program.objective_constant,
        bound=program.objective_constant,
        row_dual=np.zeros(program.n_rows),
        reduced_cost=np.zeros(0),
    )
