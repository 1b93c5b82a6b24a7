"""Alpha-fair terms in ratios, for native sessions that have nonlinear rows (SCIP, Gurobi).

A native session gets a Program whose terms' columns are ratios s of utilities to references, and
whose terms are to be read as weight * V(s), see `term_program`; unscaled, U_alpha overflows or
loses digits. Its outcome is turned back: points, objectives and bounds of welfare itself. Gaps are
those of the equally-distributed equivalent. May import the search and what it imports.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.changes import changes_between, check_same_shape
from solvers.conic_program import task_of
from solvers.conic_scaling import ScaledTask, scaled_task, times_exp
from solvers.counts import Counts
from solvers.errors import OptionError, UpdateError
from solvers.interrupt import keyboard_interrupt
from solvers.options import SolveOptions
from solvers.outcome import Outcome, Status
from solvers.program import Floats, Program
from solvers.term_lines import least_above_zero
from solvers.term_program import floor_of_ratios, least_ratios, program_in_ratios, with_own_columns
from solvers.term_proof import Bound
from solvers.term_references import first_reference, within_reach
from solvers.term_search import TermSearch

ENOUGH_NODES = 100
"""Of fractional columns: beyond, solvers were seen to branch for minutes and find nothing."""


class ScaledTermsSession:
    """A session of a Program with alpha-fair terms, around a native one in ratios.

    Parameters
    ----------
    opener : callable
        Opens a native session of a Program whose terms mean weight * V(s).
    program : Program
        With alpha-fair terms.
    tolerance : float
        By how much the native session may break a row.
    enough_nodes : int or None
        Without whole columns: after so many nodes its answer is taken as it is, and proven.
    """

    def __init__(
        self,
        opener: Callable[[Program], SolverSession],
        program: Program,
        tolerance: float,
        enough_nodes: int | None = None,
    ) -> None:
        program.check()
        self.counts = Counts()
        self._opener = opener
        self._tolerance = tolerance
        self._enough_nodes = enough_nodes
        self._is_open = True
        self._reference: Floats | None = None
        self._incumbent: Floats | None = None
        held = _Held(program)
        self._native = opener(held.in_units_of(first_reference(held.task)))
        self._held = held

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        program.check()
        check_same_shape(self._held.program, program)
        if program.terms is None:
            raise UpdateError(
                "the open program has alpha-fair terms and the new one has none: open another "
                "session for it; nothing was changed"
            )
        self._update(program, forbid_rebuild)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._held = self._held.with_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, in rounds, and return what is claimed of welfare itself."""
        self._check_open()
        held = self._held
        search = TermSearch(
            task=held.task,
            integer=held.integer,
            options=replace(options, start=held.start(options.start)),
            tolerance=self._tolerance,
            reference=self._reference,
            incumbent=self._incumbent,
            enough_nodes=self._enough_nodes,
        )
        with keyboard_interrupt(search.interrupt):
            search.go(self._opener, self._hand_over)
        self._reference, self._incumbent = search.reference, search.point
        return self._read(search)

    def close(self) -> None:
        """Free the native memory; a second call does nothing."""
        self._native.close()
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")

    def _update(self, program: Program, forbid_rebuild: bool) -> None:
        old, held = self._held, _Held(program)
        is_alike = np.array_equal(old.task.columns, held.task.columns)
        reference = self._reference if is_alike else None
        first = first_reference(held.task) if reference is None else reference
        before = self._native.counts
        self._native.update(held.in_units_of(within_reach(held.task, first)), forbid_rebuild)
        self._held, self._reference = held, reference
        # A point of the Program before may do for this one.
        self._incumbent = self._incumbent if is_alike else None
        self.counts = _counted(self.counts, before, self._native.counts, old.program, program)

    def _hand_over(self, scaled: ScaledTask, least: Floats) -> SolverSession:
        """Write a Program in ratios into the native session, and the rows that were added."""
        program, rows = program_in_ratios(scaled, self._held.integer, least, self._held.n_rows)
        self._native.update(program)
        if rows[0].shape[0]:
            self._native.add_rows(*rows)
        return self._native

    def _read(self, search: TermSearch) -> Outcome:
        program, (status, limit) = self._held.program, search.status()
        point = objective = None
        if status.has_point and search.point is not None:
            point = search.point[: program.n_columns]
            objective = welfare_of(program, point)
        return Outcome(
            status=status,
            limit=limit,
            point=point,
            objective=objective,
            bound=_bound(program, search.bound, objective, status),
            row_dual=_row_dual(program, search.bound) if status is Status.OPTIMAL else None,
            infeasibility_ray=None if search.ray is None else search.ray[: program.n_rows],
            nodes=search.means.nodes,
            iterations=search.means.iterations,
            seconds=time.perf_counter() - search.means.start,
            message="; ".join(search.means.words),
        )


class _Held:
    """A Program, and its task with a column of its own for each term."""

    def __init__(self, program: Program) -> None:
        self.program = program
        wider = with_own_columns(program)
        self.integer = wider.integer
        self.n_rows = wider.n_rows
        task = task_of(wider)
        above_zero = least_above_zero(wider)
        is_possible = above_zero <= task.most
        least = np.where(is_possible, np.maximum(task.least, above_zero), task.least)
        self.task = replace(task, least=least)
        terms = program.terms
        columns = np.zeros(0, dtype=np.int64) if terms is None else terms.columns
        self._doubled = columns[program.integer[columns]]

    def in_units_of(self, reference: Floats) -> Program:
        """Return the Program in ratios, with the bounds that rows and bounds imply."""
        scaled = scaled_task(self.task, reference, whole=self.integer)
        floor = floor_of_ratios(self.task.alpha)
        least = np.maximum(least_ratios(scaled, -np.inf), floor)
        return program_in_ratios(scaled, self.integer, least, self.n_rows)[0]

    def with_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> _Held:
        """Return a copy with more rows."""
        wider = copy(self)
        n_own = len(self._doubled)
        empty = sparse.csr_array((matrix.shape[0], n_own))
        rows = sparse.csr_array(sparse.hstack([matrix, empty], format="csr"))
        wider.task = self.task.with_rows(rows, lower, upper)
        return wider

    def start(self, start: Floats | None) -> Floats | None:
        """Return a start of the Program as one of the task."""
        if start is None:
            return None
        point = np.asarray(start, dtype=np.float64)
        if point.shape != (self.program.n_columns,):
            expected = f"expected ({self.program.n_columns},)"
            raise OptionError(f"start has shape {point.shape}, {expected}")
        return np.append(point, point[self._doubled])


def welfare_of(program: Program, point: Floats) -> float:
    """Return the objective of a point, with U_alpha itself, which may be minus infinity."""
    value = float(program.objective @ point) + program.objective_constant
    if program.terms is None:
        return value
    counts, alpha = program.terms.weight > 0, program.terms.alpha
    utility = point[program.terms.columns[counts]]
    with np.errstate(divide="ignore", over="ignore"):
        each = np.log(utility) if alpha == 1.0 else utility ** (1.0 - alpha) / (1.0 - alpha)
    return value + float(program.terms.weight[counts] @ each)


def _bound(program: Program, bound: Bound | None, objective: float | None, status: Status) -> float:
    """Return the bound of welfare itself, infinite where nothing is known."""
    if bound is None or not (status.has_point or status.is_stopped):
        return np.inf
    number = np.array([bound.number + bound.scaled.shift])
    stated = float(times_exp(number, bound.scaled.log_unit)[0]) + program.objective_constant
    if not np.isfinite(stated):
        return np.inf
    # Never worse than the point by rounding alone.
    return stated if objective is None else max(stated, objective)


def _row_dual(program: Program, bound: Bound | None) -> Floats | None:
    """Return the multipliers of a proof as duals, None where there are none, or they overflow."""
    if bound is None or bound.multiplier is None:
        return None
    scaled = bound.scaled
    row_dual = times_exp(bound.multiplier * scaled.row_factor, scaled.log_unit)[: program.n_rows]
    return row_dual if np.isfinite(row_dual).all() else None


def _counted(counts: Counts, before: Counts, after: Counts, old: Program, new: Program) -> Counts:
    """Return the counts with one more update, named after what changed in the Program itself."""
    if after.rebuilds == before.rebuilds:
        return counts.updated(changes_between(old, new).words)
    more = [reason for reason, n in after.times.items() if n > before.times.get(reason, 0)]
    return counts.rebuilt(more[0].partition(": ")[2])
