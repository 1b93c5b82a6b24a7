"""An adapter as another package would bring it: scipy's linear and whole programs.

In that package's pyproject.toml:

    [project.entry-points."librex.solvers"]
    scipy_milp = "example_adapter:ScipyMilp"
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from scipy import optimize, sparse

import solvers
from solvers import (
    Availability,
    Capability,
    Counts,
    Limit,
    Outcome,
    Program,
    Readiness,
    SolveOptions,
    Status,
)
from solvers.errors import CapabilityError, OptionError, UpdateError
from solvers.options import unknown_option
from solvers.program import Floats

# What `optimize.milp` says by number.
SETTLED = {0: Status.OPTIMAL, 2: Status.INFEASIBLE, 3: Status.UNBOUNDED}
STOPPED = {1: Limit.TIME}
NATIVE = ("presolve", "node_limit")
REBUILT = "scipy is given the program anew at every solve"


class ScipyMilp:
    """The adapter."""

    name = "scipy_milp"
    capabilities = frozenset(
        {
            Capability.WHOLE,
            Capability.TIME_LIMIT,
            Capability.DETERMINISTIC_SEED,
            Capability.PRECISE,
        }
    )

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return that it is there: scipy always is."""
        return Availability(readiness=Readiness.READY, sentence="scipy's own solver")

    def open(self, program: Program) -> ScipyMilpSession:
        """Open a session that holds the Program."""
        return ScipyMilpSession(program)


class ScipyMilpSession:
    """A Program, given to scipy anew at every solve."""

    def __init__(self, program: Program) -> None:
        _check(program)
        self.counts = Counts()
        self._is_open = True
        self._program = program
        self._added: list[optimize.LinearConstraint] = []

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        _check(program)
        if program.matrix.shape != self._program.matrix.shape:
            raise UpdateError("the new program has other rows or columns; nothing was changed")
        if forbid_rebuild:
            raise UpdateError(f"the update would need a rebuild: {REBUILT}; nothing was changed")
        self._program, self._added = program, []
        self.counts = self.counts.rebuilt(REBUILT)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._added.append(optimize.LinearConstraint(matrix, lower, upper))

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what scipy claims."""
        self._check_open()
        # scipy's HiGHS is wrong about some mixed programs after presolving, see the suite.
        native = {"presolve": not self._program.has_integers} | _native(options)
        program, start = self._program, time.perf_counter()
        claim = _without_solver(program, options)
        if claim is not None:
            return claim
        sense = -1.0 if program.maximise else 1.0
        found = optimize.milp(
            sense * program.objective,
            integrality=program.integer.astype(int),
            bounds=optimize.Bounds(program.column_lower, program.column_upper),
            constraints=[
                optimize.LinearConstraint(program.matrix, program.row_lower, program.row_upper),
                *self._added,
            ],
            options=cast(Any, native),
        )
        return _outcome(program, found, sense, time.perf_counter() - start)

    def close(self) -> None:
        """Forget the Program; a second call does nothing."""
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")


def _check(program: Program) -> None:
    program.check()
    if program.terms is not None:
        raise CapabilityError("scipy_milp has no alpha-fair terms")


def _native(options: SolveOptions) -> dict[str, Any]:
    """Return scipy's options, or raise OptionError for what it does not have."""
    for name in ("node_limit", "iteration_limit", "solution_limit", "memory_limit_mb", "start"):
        if getattr(options, name) is not None:
            raise OptionError(f"scipy_milp has no {name}: leave it out")
    if options.log is not None:
        raise OptionError("scipy_milp has no log: leave it out")
    for name in options.native:
        if name not in NATIVE:
            raise unknown_option("scipy_milp", name, NATIVE)
    limit = options.time_limit_seconds
    seconds = {} if limit is None else {"time_limit": limit}
    # An absolute gap cannot be asked for: it is proven with none.
    return {"mip_rel_gap": options.relative_gap} | seconds | dict(options.native)


def _without_solver(program: Program, options: SolveOptions) -> Outcome | None:
    """Return the outcome where scipy need not, or cannot, be asked."""
    unknown = np.inf if program.maximise else -np.inf
    crossed = (program.column_lower > program.column_upper).any()
    if crossed or (program.row_lower > program.row_upper).any():
        return Outcome(status=Status.INFEASIBLE, bound=unknown)
    if options.time_limit_seconds == 0.0:
        return Outcome(status=Status.NO_SOLUTION_FOUND, limit=Limit.TIME, bound=unknown)
    if program.n_columns:
        return None
    holds = (program.row_lower <= 0.0).all() and (program.row_upper >= 0.0).all()
    if not holds:
        return Outcome(status=Status.INFEASIBLE, bound=unknown)
    value = program.objective_constant
    return Outcome(status=Status.OPTIMAL, point=np.zeros(0), objective=value, bound=value)


def _outcome(program: Program, found: Any, sense: float, seconds: float) -> Outcome:
    unknown = -sense * np.inf
    limit = STOPPED.get(found.status)
    status = SETTLED.get(found.status, Status.NUMERICAL_FAILURE)
    if found.status == 4 and "unbounded or infeasible" in found.message.lower():
        status = Status.INFEASIBLE_OR_UNBOUNDED
    if limit is not None:
        status = Status.NO_SOLUTION_FOUND if found.x is None else Status.FEASIBLE
    words = str(found.message)
    if not status.has_point:
        return Outcome(status=status, limit=limit, bound=unknown, seconds=seconds, message=words)
    point = np.clip(found.x, program.column_lower, program.column_upper)
    point = np.where(program.integer, np.rint(point), point)
    value = float(program.objective @ point) + program.objective_constant
    bound = value
    if found.mip_dual_bound is not None and program.has_integers:
        bound = sense * float(found.mip_dual_bound) + program.objective_constant
    elif limit is not None:
        bound = unknown
    bound = max(bound, value) if program.maximise else min(bound, value)
    return Outcome(
        status=status,
        limit=limit,
        point=point,
        objective=value,
        bound=bound,
        seconds=seconds,
        message=words,
    )


# Their types are those of the protocol.
ADAPTER: solvers.Adapter = ScipyMilp()
OPEN: Callable[[Program], solvers.SolverSession] = ScipyMilp().open
