"""What the gateways to modelling layers have in common: a session, and what it claims.

A solver behind a modelling layer is asked anew at every solve, and its answer is read with
suspicion: a point counts if it keeps the rules by our own check, an optimum of a linear program is
claimed where multipliers prove it by our own arithmetic, or where the solver is precise.
May import the Program, options and proofs of this package.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.capability import Availability, Capability
from solvers.changes import check_may_rebuild, check_same_shape
from solvers.counts import Counts
from solvers.errors import CapabilityError, LicenceError, OptionError, UpdateError
from solvers.linear_proofs import dual_bound
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Floats, Program, check_no_perspectives, with_rows
from solvers.term_program import value_in_ratios
from solvers.term_scaling import ScaledTermsSession

LOGGER = logging.getLogger(__name__)
REBUILT = "the solver is given the program anew at every solve"

# By how much a point may break a row, relative to what goes into the row, and a whole column its
# wholeness.
FEASIBLE = 1e-6
WHOLE = 1e-5
# The smallest gap that an optimum is asked for.
ENOUGH = 1e-6
# The share of its time after which a solver without a point has been stopped by its limit: CBC and
# others then say "infeasible", or that they failed.
NEARLY_ALL = 0.9

NEEDS = {
    "time_limit_seconds": Capability.TIME_LIMIT,
    "node_limit": Capability.NODE_LIMIT,
    "iteration_limit": Capability.ITERATION_LIMIT,
    "solution_limit": Capability.SOLUTION_LIMIT,
    "memory_limit_mb": Capability.MEMORY_LIMIT,
    "start": Capability.START,
    "log": Capability.LOG,
}
"""What a solver has to be able to, for an option to be given at all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reply:
    """What a solver behind a modelling layer answers.

    Parameters
    ----------
    status : Status or None
        What it claims, None where it claims nothing.
    limit : Limit or None
        What stopped it.
    point : array of shape (n_columns,) or None
    row_dual : array of shape (n_rows,) or None
        In either sign.
    bound : float or None
        Its own.
    message : str
        Its words.
    iterations : int
    """

    status: Status | None
    limit: Limit | None = None
    point: Floats | None = None
    row_dual: Floats | None = None
    bound: float | None = None
    message: str = ""
    iterations: int = 0


class BehindLayer(Protocol):
    """A solver behind a modelling layer, and its adapter."""

    @property
    def name(self) -> str:
        """Its name in the registry."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""

    @property
    def tolerance(self) -> float:
        """By how much it may break a row that belongs to an alpha-fair term."""

    def availability(self, probe: bool = False) -> Availability:
        """Return whether it can be used here."""

    def check_native(self, options: SolveOptions) -> None:
        """Raise OptionError for native options that it does not have."""

    def ask(self, program: Program, options: SolveOptions) -> Reply:
        """Solve a Program whose terms, if any, mean weight * V(s), see `term_scaling`."""


def open_behind(solver: BehindLayer, program: Program) -> SolverSession:
    """Open a session of a solver behind a modelling layer.

    Raises
    ------
    CapabilityError
        If the solver lacks what the Program needs.
    ProgramError
        If the Program contradicts itself.
    LicenceError
        If the solver's licence is not for so large a Program, as far as that is known.
    """
    program.check()
    _check_can(solver, program)
    limit = solver.availability().size_limit
    if limit is not None:
        too_large = limit.why_too_large(program.n_rows, program.n_columns, 0)
        if too_large is not None:
            raise LicenceError(f"{solver.name}: {too_large}")
    if program.terms is None:
        return GatewaySession(solver, program)
    return ScaledTermsSession(
        lambda native: GatewaySession(solver, native, is_inner=True), program, solver.tolerance
    )


def _check_can(solver: BehindLayer, program: Program) -> None:
    check_no_perspectives(program, solver.name)
    for is_needed, capability, words in (
        (program.has_integers, Capability.WHOLE, "whole columns"),
        (program.terms is not None, Capability.ALPHA_FAIR_TERMS, "alpha-fair terms"),
    ):
        if is_needed and capability not in solver.capabilities:
            raise CapabilityError(
                f"{solver.name} has no {words}, and the program does: solve it with another solver"
            )


def check_options(solver: BehindLayer, options: SolveOptions) -> None:
    """Raise OptionError for what the solver cannot honour.

    A time limit of zero needs no solver, and every seed is one of a solver without randomness.
    """
    for name, capability in NEEDS.items():
        value = getattr(options, name)
        is_given = value is not None and not (name == "time_limit_seconds" and value == 0.0)
        if is_given and capability not in solver.capabilities:
            raise OptionError(f"{solver.name} has no {name}: leave it out")
    if options.seed and Capability.DETERMINISTIC_SEED not in solver.capabilities:
        raise OptionError(f"{solver.name} has no seed: leave it out")
    solver.check_native(options)


class GatewaySession:
    """A Program, given to a modelling layer anew at every solve.

    Parameters
    ----------
    solver : BehindLayer
    program : Program
        Whose terms, if any, mean weight * V(s), see `term_scaling`.
    is_inner : bool
        Whether it is asked by a search that knows what to do with a start itself.
    """

    def __init__(self, solver: BehindLayer, program: Program, is_inner: bool = False) -> None:
        program.check()
        _check_can(solver, program)
        self.counts = Counts()
        self._solver = solver
        self._is_inner = is_inner
        self._is_open = True
        self._program = self._with_added_rows = program

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        program.check()
        check_same_shape(self._program, program)
        _check_can(self._solver, program)
        check_may_rebuild(REBUILT, forbid_rebuild)
        self._program = self._with_added_rows = program
        self.counts = self.counts.rebuilt(REBUILT)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._with_added_rows = with_rows(self._with_added_rows, matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what can be claimed."""
        self._check_open()
        if self._is_inner:
            options = replace(options, start=None)
        check_options(self._solver, options)
        start, program = time.perf_counter(), self._with_added_rows
        reply = _without_solver(program, options) or self._ask(program, options, start)
        is_precise = Capability.PRECISE in self._solver.capabilities
        outcome = outcome_of(program, reply, options, is_precise)
        dual = outcome.row_dual
        outcome = replace(
            outcome,
            row_dual=None if dual is None else dual[: self._program.n_rows],
            seconds=time.perf_counter() - start,
        )
        LOGGER.info(
            "%s: %s in %.3f s, objective %s, bound %s",
            self._solver.name,
            outcome.status.value,
            outcome.seconds,
            outcome.objective,
            outcome.bound,
        )
        return outcome

    def _ask(self, program: Program, options: SolveOptions, start: float) -> Reply:
        """Ask the solver; where there may be no point in an unbounded program, ask for one."""
        reply = _at_limit(self._solver.ask(program, options), options, start)
        doubtful = (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED)
        if reply.status not in doubtful or program.terms is not None:
            return reply
        anything = replace(program, objective=np.zeros(program.n_columns))
        again = _at_limit(self._solver.ask(anything, options), options, start)
        if again.status is Status.INFEASIBLE:
            return again
        has_point = _feasible_point(anything, again.point) is not None
        status = Status.UNBOUNDED if has_point else Status.INFEASIBLE_OR_UNBOUNDED
        return replace(reply, status=status)

    def close(self) -> None:
        """Forget the Program; a second call does nothing."""
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")


def _without_solver(program: Program, options: SolveOptions) -> Reply | None:
    """Return the reply where none has to be asked for."""
    crossed = (program.column_lower > program.column_upper).any()
    if crossed or (program.row_lower > program.row_upper).any():
        return Reply(
            status=Status.INFEASIBLE, message="a lower side or bound is above its upper one"
        )
    entries = program.matrix.data != 0.0
    is_empty = np.bincount(program.matrix.indices[entries], minlength=program.n_rows) == 0
    if (is_empty & ((program.row_lower > 0.0) | (program.row_upper < 0.0))).any():
        return Reply(status=Status.INFEASIBLE, message="a row without entries is not zero")
    if program.n_columns == 0:
        nothing, dual = np.zeros(0), np.zeros(program.n_rows)
        return Reply(status=Status.OPTIMAL, point=nothing, row_dual=dual, message="no columns")
    if options.time_limit_seconds == 0.0:
        return Reply(status=None, limit=Limit.TIME, message="no time was given")
    return None


def _at_limit(reply: Reply, options: SolveOptions, start: float) -> Reply:
    """Return the reply, which claims nothing where time is over and there is no point."""
    limit = options.time_limit_seconds
    has_point = reply.limit is not None or (reply.status is not None and reply.status.has_point)
    if limit is None or has_point or time.perf_counter() - start < NEARLY_ALL * limit:
        return reply
    return replace(reply, status=None, limit=Limit.TIME)


def outcome_of(program: Program, reply: Reply, options: SolveOptions, is_precise: bool) -> Outcome:
    """Return what can be claimed after a reply.

    Parameters
    ----------
    program : Program
    reply : Reply
    options : SolveOptions
    is_precise : bool
        Whether an optimum may be claimed on the solver's word.
    """
    unknown = np.inf if program.maximise else -np.inf
    claims_point = reply.status is None or reply.status.has_point
    point = _feasible_point(program, reply.point) if claims_point else None
    plain = (
        Outcome(
            status=Status.NO_SOLUTION_FOUND,
            limit=reply.limit,
            bound=unknown if reply.bound is None else reply.bound,
            iterations=reply.iterations,
            message=reply.message,
        )
        if reply.limit is not None
        else Outcome(
            status=reply.status if reply.status and not claims_point else Status.NUMERICAL_FAILURE,
            bound=unknown,
            iterations=reply.iterations,
            message=reply.message,
        )
    )
    if point is None:
        return plain
    value = value_in_ratios(program, point)
    found = replace(
        plain,
        status=Status.FEASIBLE,
        limit=reply.limit or Limit.OTHER,
        point=point,
        objective=value,
    )
    is_trusted = is_precise and reply.status is Status.OPTIMAL
    if not (program.has_integers or program.terms is not None):
        return _proven(program, found, reply, options, is_trusted)
    if is_trusted:
        return _claimed(program, found, reply, options)
    if program.terms is not None and reply.status is Status.OPTIMAL:
        # The tangent at the point tells the search how good it is.
        return replace(found, status=Status.OPTIMAL, limit=None)
    return found


def _claimed(program: Program, found: Outcome, reply: Reply, options: SolveOptions) -> Outcome:
    """Return the outcome of an optimum for which there is only the solver's word."""
    value = found.objective or 0.0
    sense = 1.0 if program.maximise else -1.0
    # The solver has stopped at the gap that it was asked for.
    relative = options.relative_gap * abs(value) if options.relative_gap < 1.0 else np.inf
    slack = max(relative, options.absolute_gap)
    if reply.bound is None or not np.isfinite(reply.bound):
        return replace(found, status=Status.OPTIMAL, limit=None, bound=value + sense * slack)
    bound = max(reply.bound, value) if program.maximise else min(reply.bound, value)
    if abs(bound - value) > max(slack, ENOUGH * max(abs(bound), abs(value))):
        # Its own bound denies the optimum.
        return replace(found, bound=bound)
    return replace(found, status=Status.OPTIMAL, limit=None, bound=bound)


def _proven(
    program: Program, found: Outcome, reply: Reply, options: SolveOptions, is_trusted: bool
) -> Outcome:
    """Return the outcome of a linear program, whose multipliers prove what they can."""
    value, sense = found.objective or 0.0, 1.0 if program.maximise else -1.0
    wanted = max(options.relative_gap, ENOUGH)
    best: tuple[float, Floats] | None = None
    for dual in () if reply.row_dual is None else (reply.row_dual, -reply.row_dual):
        total, size = dual_bound(program, dual)
        # Below the value by rounding, or by what breaking rows has brought, it is the value.
        is_possible = sense * (total - value) >= -ENOUGH * (size + abs(value))
        total = max(total, value) if program.maximise else min(total, value)
        if is_possible and np.isfinite(total) and (best is None or sense * (best[0] - total) > 0):
            best = total, dual
    if best is not None:
        gap = abs(best[0] - value) / max(abs(best[0]), abs(value), np.finfo(np.float64).tiny)
        if gap <= wanted or abs(best[0] - value) <= options.absolute_gap:
            return replace(
                found,
                status=Status.OPTIMAL,
                limit=None,
                bound=best[0],
                row_dual=best[1],
                reduced_cost=program.objective - program.matrix.T @ best[1],
            )
    if is_trusted:
        return replace(found, status=Status.OPTIMAL, limit=None, bound=value)
    return found if best is None else replace(found, bound=best[0])


def _feasible_point(program: Program, point: Floats | None) -> Floats | None:
    """Return the point within bounds and with whole columns whole, None where it breaks rules."""
    if point is None or not np.isfinite(point).all():
        return None
    inside = np.clip(point, program.column_lower, program.column_upper)
    whole = np.rint(inside)
    is_whole = program.integer & (np.abs(inside - whole) <= WHOLE)
    if not is_whole[program.integer].all():
        return None
    inside = np.where(program.integer, whole, inside)
    size = 1.0 + np.abs(point)
    if (np.abs(inside - point) > WHOLE * size).any():
        return None
    activity = program.matrix @ inside
    scale = np.maximum(1.0, abs(program.matrix) @ np.abs(inside))
    excess = np.maximum(activity - program.row_upper, program.row_lower - activity)
    return inside if (excess <= FEASIBLE * scale).all() else None
