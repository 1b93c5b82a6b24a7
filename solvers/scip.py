"""SCIP, through pyscipopt: linear programs, whole columns and alpha-fair terms, changed in place.

Bolusani et al. (2024), "The SCIP Optimization Suite 9.0", arXiv 2402.17702. May import this
package; loads pyscipopt when a session is opened.

A Program of fractional columns without terms is solved as one linear program at the root, with
presolving off, so that the multipliers of its rows are those of the Program. (pyscipopt's class
`LP` solves 10,000 columns again in 3 ms instead of 80, but holds the interpreter's lock meanwhile,
cannot be interrupted, and has no log.)
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.capability import Availability, Capability
from solvers.changes import changes_between, check_may_rebuild, check_same_shape
from solvers.completed_start import completed
from solvers.counts import Counts
from solvers.errors import OptionError, SolverFailure, UpdateError
from solvers.infinite_numbers import check_finite
from solvers.installation import installed
from solvers.lost_entries import loses_entries
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Floats, Program, begins_steeply, check_no_perspectives
from solvers.scip_native import loaded_version, run
from solvers.scip_options import TOLERANCE_OF_TERMS, WrittenOptions
from solvers.scip_program import INFINITE, HeldProgram, are_crossed
from solvers.scip_proofs import infeasibility_ray, prove_optimum
from solvers.scip_terms import values_of_terms
from solvers.term_scaling import ENOUGH_NODES, ScaledTermsSession

LOGGER = logging.getLogger(__name__)
OLDEST_VERSION = (6, 3)

# Native statuses by name: the claim, or the limit, or that the solver broke down.
SETTLED = {
    "optimal": Status.OPTIMAL,
    # The gap that was asked for, as relative_gap or under its native name.
    "gaplimit": Status.OPTIMAL,
    "infeasible": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "inforunbd": Status.INFEASIBLE_OR_UNBOUNDED,
}
STOPPED = {
    "timelimit": Limit.TIME,
    "nodelimit": Limit.NODES,
    "totalnodelimit": Limit.NODES,
    "stallnodelimit": Limit.NODES,
    "sollimit": Limit.SOLUTIONS,
    "bestsollimit": Limit.SOLUTIONS,
    "memlimit": Limit.MEMORY,
    "userinterrupt": Limit.INTERRUPT,
    "restartlimit": Limit.OTHER,
    "primallimit": Limit.OTHER,
    "duallimit": Limit.OTHER,
}
FAILED = {"unknown"}

# SCIP drops entries below (numerics/epsilon).
SMALL_ENTRY = 1e-9
MOST_PARTIAL_STARTS = 10
"""SCIP keeps so many starts that leave columns open, for good, and breaks down at one more."""

STEEP = 0.75


class Scip:
    """The adapter of SCIP."""

    name = "scip"
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
            Capability.SOLUTION_LIMIT,
            Capability.MEMORY_LIMIT,
            Capability.INTERRUPT,
            Capability.DETERMINISTIC_SEED,
            Capability.LOG,
            Capability.PARALLEL_SESSIONS,
            Capability.PRECISE,
        }
    )

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return whether pyscipopt is installed and new enough; it needs no licence."""
        return installed("pyscipopt", OLDEST_VERSION, loaded_version())

    def open(self, program: Program) -> SolverSession:
        """Open a session that holds the Program.

        Raises
        ------
        ProgramError
            If the Program contradicts itself.
        SolverFailure
            If it holds a number that SCIP takes for infinite.
        """
        check_no_perspectives(program, self.name)
        if program.terms is None:
            return ScipSession(program)
        return ScaledTermsSession(ScipSession, program, TOLERANCE_OF_TERMS, ENOUGH_NODES)


class ScipSession:
    """One SCIP object that holds a Program; terms mean weight * V(s), see `term_scaling`."""

    def __init__(self, program: Program) -> None:
        program.check()
        self.counts = Counts()
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
        """Solve, and return what SCIP claims."""
        self._check_open()
        start = time.perf_counter()
        self._held.free_solve()
        options = self._with_completed_start(options)
        if options.start is not None and self._n_partial_starts >= MOST_PARTIAL_STARTS:
            self._forget_starts()
        completes_starts = self._n_partial_starts > 0 or _is_partial(options.start)
        self._options.write(self._held.program, options, completes_starts)
        if are_crossed(self._held.program):
            outcome = self._crossed()
        else:
            words = self._solve(options)
            outcome = self._read(words, time.perf_counter() - start)
        LOGGER.info(
            "SCIP: %s in %.3f s, objective %s, bound %s",
            outcome.status.value,
            outcome.seconds,
            outcome.objective,
            outcome.bound,
        )
        return outcome

    def close(self) -> None:
        """Free the native memory; a second call does nothing."""
        if self._is_open:
            self._held.free()
            self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")

    def _build(self, program: Program) -> None:
        self._held = HeldProgram(program)
        self._options = WrittenOptions(self._held.model)
        self._n_partial_starts = 0
        self._loses_entries = loses_entries(program, SMALL_ENTRY)

    def _forget_starts(self) -> None:
        """Build SCIP's object again, with the rows that were added."""
        old = self._held
        self._build(old.program)
        rows = old.with_added_rows.matrix.tocsr()[old.program.n_rows :]
        if rows.shape[0]:
            first, wider = old.program.n_rows, old.with_added_rows
            self._held.add_rows(rows, wider.row_lower[first:], wider.row_upper[first:])
        old.free()
        self.counts = self.counts.rebuilt("SCIP keeps no more starts")

    def _update(self, program: Program, forbid_rebuild: bool) -> None:
        old = self._held
        changes = changes_between(old.program, program)
        try:
            check_finite(program, "SCIP", INFINITE, known=old.program)
        except SolverFailure as failure:
            raise UpdateError(f"{failure}; nothing was changed") from failure
        if changes.structure is not None:
            check_may_rebuild(changes.structure, forbid_rebuild)
            self._build(program)
            old.free()
            self.counts = self.counts.rebuilt(changes.structure)
            return
        try:
            old.change(changes, program)
        except SolverFailure as failure:
            self._build(old.program)
            old.free()
            raise UpdateError(f"{failure}; the old numbers are back") from failure
        self._loses_entries = loses_entries(program, SMALL_ENTRY)
        self.counts = self.counts.updated(changes.words)

    def _solve(self, options: SolveOptions) -> str:
        """Solve, and return SCIP's status, or its words where it broke down."""
        if options.start is not None:
            self._write_start(options.start)
        try:
            run(self._held.model, options.log)
        except SolverFailure as failure:
            # What is left of the SCIP object is not to be trusted.
            broken = self._held
            self._build(broken.program)
            broken.free()
            return str(failure)
        return str(self._held.model.getStatus())

    def _crossed(self) -> Outcome:
        return Outcome(
            status=Status.INFEASIBLE,
            bound=np.inf if self._held.program.maximise else -np.inf,
            message="a lower side or bound is above its upper one",
        )

    def _with_completed_start(self, options: SolveOptions) -> SolveOptions:
        """Return the options with a start that leaves no column open, where that can be found."""
        program, start = self._held.program, options.start
        is_open = program.terms is None and _is_partial(start)
        if start is None or not is_open or np.shape(start) != (program.n_columns,):
            return options
        return replace(options, start=completed(program, np.asarray(start, dtype=np.float64)))

    def _write_start(self, start: Floats) -> None:
        held, program, model = self._held, self._held.program, self._held.model
        point = np.asarray(start, dtype=np.float64)
        if point.shape != (program.n_columns,):
            raise OptionError(f"start has shape {point.shape}, expected ({program.n_columns},)")
        if self._held.is_linear:
            # It would cut the optimum off before its multipliers are known.
            return
        within = np.clip(point, program.column_lower, program.column_upper)
        point = np.concatenate([within, values_of_terms(program, within)])
        columns = [*held.columns, *held.term_columns]
        given = np.flatnonzero(np.isfinite(point))
        is_partial = given.size < point.size
        if is_partial and self._n_partial_starts >= model.getParam("limits/maxorigsol"):
            LOGGER.debug("SCIP keeps no more starts")
            return
        self._n_partial_starts += is_partial
        solution = model.createPartialSol() if is_partial else model.createSol()
        for column in given.tolist():
            model.setSolVal(solution, columns[column], point[column])
        # Kept to be tried when SCIP solves; where SCIP says no, it knows a better one.
        if not model.addSol(solution):
            LOGGER.debug("SCIP does not take the start")

    def _read(self, words: str, seconds: float) -> Outcome:
        model = self._held.model
        has_run = words in SETTLED or words in STOPPED
        solution = self._solution(words) if has_run else None
        limit = STOPPED.get(words)
        if limit is not None:
            status = Status.NO_SOLUTION_FOUND if solution is None else Status.FEASIBLE
        else:
            status = SETTLED.get(words, Status.NUMERICAL_FAILURE)
            if status.has_point and solution is None:
                status = Status.NUMERICAL_FAILURE
        return Outcome(
            status=status,
            limit=limit,
            bound=self._bound(status),
            infeasibility_ray=self._ray() if status is Status.INFEASIBLE else None,
            nodes=int(model.getNTotalNodes()) if has_run else 0,
            iterations=int(model.getNLPIterations()) if has_run else 0,
            seconds=seconds,
            message=f"SCIP: {words}",
            **(self._claims_of_point(solution, status) if status.has_point else {}),
        )

    def _solution(self, words: str) -> Any:
        """Return the best point that SCIP holds; where it was stopped, one that it checks again.

        A point of the presolved program may break rows of the Program itself.
        """
        model = self._held.model
        if model.getNSols() == 0:
            return None
        if words in SETTLED:
            return model.getBestSol()
        for solution in model.getSols():
            if model.checkSol(solution, printreason=False, original=True):
                return solution
        return None

    def _bound(self, status: Status) -> float:
        unknown = np.inf if self._held.program.maximise else -np.inf
        has_bound = status is Status.OPTIMAL or (status.is_stopped and not self._held.is_linear)
        # A program that is tighter without some of its entries bounds nothing.
        if not has_bound or self._loses_entries or _begins_too_steeply(self._held.program):
            return unknown
        bound = float(self._held.model.getDualbound())
        return bound if abs(bound) < INFINITE else unknown

    def _claims_of_point(self, solution: Any, status: Status) -> dict[str, Any]:
        held = self._held
        objective = float(held.model.getSolObjVal(solution))
        claims: dict[str, Any] = {
            "point": np.array([solution[column] for column in held.columns], dtype=np.float64),
            "objective": objective,
        }
        if status is Status.OPTIMAL and self._held.is_linear:
            claims |= self._duals(objective)
        return claims

    def _duals(self, objective: float) -> dict[str, Floats]:
        """Return multipliers and reduced costs, if they prove the optimum."""
        held, program = self._held, self._held.with_added_rows
        # SCIP states them for a minimised objective.
        sense = -1.0 if program.maximise else 1.0
        dual = sense * self._of_rows(held.model.getDualsolLinear)
        reduced_cost = program.objective - program.matrix.T @ dual
        if not prove_optimum(program, dual, objective):
            return {}
        return {"row_dual": dual[: held.program.n_rows], "reduced_cost": reduced_cost}

    def _ray(self) -> Floats | None:
        """Return multipliers that prove infeasibility, if they do."""
        if not self._held.is_linear:
            return None
        # SCIP weighs lower sides positively; our convention weighs upper sides positively.
        farkas = -self._of_rows(self._held.model.getDualfarkasLinear)
        ray = infeasibility_ray(self._held.with_added_rows, farkas)
        n_rows = self._held.program.n_rows
        return None if ray is None or ray[n_rows:].any() else ray[:n_rows]

    def _of_rows(self, number_of: Any) -> Floats:
        rows = [*self._held.rows, *self._held.added]
        return np.fromiter(map(number_of, rows), dtype=np.float64, count=len(rows))


def _is_partial(start: Floats | None) -> bool:
    return start is not None and not np.isfinite(np.asarray(start, dtype=np.float64)).all()


def _begins_too_steeply(program: Program) -> bool:
    """Return whether whole columns decide on terms that leave zero faster than tolerances allow.

    At an alpha of 0.9, 1e-9 is worth an eighth of what 1 is: one in a hundred optima of SCIP 10.0
    is none.
    """
    terms = program.terms
    return terms is not None and terms.alpha > STEEP and begins_steeply(program)


__all__ = ["FAILED", "SETTLED", "STOPPED", "Scip", "ScipSession"]
