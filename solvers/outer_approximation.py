"""Outer approximation: alpha-fair terms for any solver with linear rows, to a proven gap.

Each term weight * V(s), in ratios as `term_program` writes it, becomes a column z of that weight
below lines that are nowhere below V. The linear program bounds the optimum; the value of its point
is V itself, and the lines at that point make the next program sharper (Kelley 1960, SIAM J. 8,
703-712; Duran & Grossmann 1986, Math. Program. 36, 307-339). With whole columns the lines around
the best point of the relaxation come first, which costs linear programs only.

References, points of known value, bounds of ratios and gaps in the equally-distributed equivalent
are those of `term_scaling`, as for solvers that have such terms. May import this package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.changes import check_may_rebuild, check_same_shape
from solvers.counts import Counts
from solvers.interrupt import keyboard_interrupt
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Floats, Program
from solvers.program_under_lines import n_terms, rows_of, service, without_terms
from solvers.scaled_session import ScaledSession
from solvers.term_lines import Curve, curves_of
from solvers.term_program import value_in_ratios
from solvers.term_scaling import ScaledTermsSession

TOLERANCE = 1e-7
"""By how much solvers of linear programs may break a row."""
MOST_ROUNDS = 100
STALLED_ROUNDS = 12
"""After so many rounds in which the gap did not fall by a tenth, no more lines are added."""
MOST_RELAXED_ROUNDS = 12
SHARE_OF_RELAXATION = 0.25
"""Of the time, that the relaxation may take."""
LOOSE = 10.0
"""Times the share below: how near the first whole program is solved."""
SHARE_OF_GAP = 0.3
"""Of the wanted gap, that the solver of whole programs may leave; the lines have the rest."""
NEXT_SHARE = 0.1
"""Of the gap that is left, that it may leave in the next round."""

Opener = Callable[[Program], SolverSession]


def open_under_lines(opener: Opener, takes_start: bool, program: Program) -> SolverSession:
    """Open a session of a Program with or without alpha-fair terms on a solver without them.

    Parameters
    ----------
    opener : callable of Program
        Opens a solver that has linear rows.
    takes_start : bool
        Whether it takes a point to begin from.
    program : Program
    """

    def scaled(linear: Program) -> SolverSession:
        if linear.terms is None:
            return ScaledSession(opener, linear)
        return LinesSession(opener, takes_start, linear)

    if program.terms is None:
        return opener(program)
    return ScaledTermsSession(scaled, program, TOLERANCE)


class LinesSession:
    """A Program in ratios whose terms, which mean weight * V(s), are put under lines.

    Parameters
    ----------
    opener : callable of Program
        Opens a solver that has linear rows.
    takes_start : bool
    program : Program
        With terms.
    """

    def __init__(self, opener: Opener, takes_start: bool, program: Program) -> None:
        self._opener = opener
        self._takes_start = takes_start
        self._before = Counts()
        self._interrupted = False
        self._relaxed: SolverSession | None = None
        curves = curves_of(program)
        linear = without_terms(program, curves)
        self._set(program, curves, linear)
        self._session: SolverSession = ScaledSession(opener, linear, keeps_columns=True)

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and the program handed over again, and why."""
        return self._before.plus(self._session.counts)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        check_same_shape(self._program, program)
        curves = curves_of(program)
        linear = without_terms(program, curves)
        if n_terms(program) == n_terms(self._program):
            self._session.update(linear, forbid_rebuild)
        else:
            reason = "other columns have alpha-fair terms"
            check_may_rebuild(reason, forbid_rebuild)
            self._before = self.counts.rebuilt(reason)
            self._session.close()
            self._session = ScaledSession(self._opener, linear, keeps_columns=True)
        self._set(program, curves, linear)
        self._close_relaxed()

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        empty = sparse.csr_array((matrix.shape[0], n_terms(self._program)))
        wider = sparse.csr_array(sparse.hstack([matrix, empty], format="csr"))
        self._hand_over(wider, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve in rounds until the gap, absolute and in units of V, is proven."""
        self._interrupted = False
        run = _Run(self._program, options)
        with keyboard_interrupt(self._interrupt):
            self._start_lines()
            if self._program.has_integers:
                self._relax(run)
            last = self._go(run)
        return run.outcome(last)

    def close(self) -> None:
        """Free what the solvers hold."""
        self._session.close()
        self._close_relaxed()

    def _interrupt(self) -> None:
        self._interrupted = True

    def _close_relaxed(self) -> None:
        if self._relaxed is not None:
            self._relaxed.close()
            self._relaxed = None

    def _set(self, program: Program, curves: list[Curve], linear: Program) -> None:
        self._program, self._curves, self._linear = program, curves, linear
        self._known: set[tuple[int, float]] = set()
        self._rows: list[tuple[sparse.csr_array, Floats, Floats]] = []

    def _hand_over(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows over all columns, those of the terms last."""
        if matrix.shape[0] == 0:
            return
        self._rows.append((matrix, lower, upper))
        self._session.add_rows(matrix, lower, upper)
        if self._relaxed is not None:
            self._relaxed.add_rows(matrix, lower, upper)

    def _start_lines(self) -> None:
        """Put every term under its first lines, once for each Program."""
        if self._known:
            return
        self._known.add((-1, 0.0))
        self._hand_over(*service(self._program, self._curves))
        self._add({g: curve.first_lines() for g, curve in enumerate(self._curves)})

    def _add_at(self, point: Floats) -> bool:
        """Add the lines that touch V at a point, and return whether any are new."""
        terms = self._program.terms
        if terms is None:
            return False
        ratio = np.maximum(point[terms.columns], 0.0).tolist()
        return self._add({g: curve.lines_at(ratio[g]) for g, curve in enumerate(self._curves)})

    def _add(self, lines: dict[int, tuple[Floats, Floats]]) -> bool:
        """Add rows z <= slope s + constant, and return whether any are new."""
        term, slope, constant = [], [], []
        for g, (slopes, constants) in lines.items():
            for one, other in zip(slopes.tolist(), constants.tolist(), strict=True):
                key = g, float(f"{one:.9e}")
                if key not in self._known:
                    self._known.add(key)
                    term.append(g)
                    slope.append(one)
                    constant.append(other)
        self._hand_over(*rows_of(self._program, term, np.array(slope), np.array(constant)))
        return bool(term)

    def _relax(self, run: _Run) -> None:
        """Find the lines around the best point without wholeness."""
        if self._relaxed is None:
            nothing_whole = np.zeros_like(self._linear.integer)
            relaxed = replace(self._linear, integer=nothing_whole)
            self._relaxed = ScaledSession(self._opener, relaxed, keeps_columns=True)
            for rows in self._rows:
                self._relaxed.add_rows(*rows)
        for _ in range(MOST_RELAXED_ROUNDS):
            if self._interrupted or run.share_of_time > SHARE_OF_RELAXATION:
                return
            outcome = self._relaxed.solve(replace(run.left(), node_limit=None, solution_limit=None))
            if outcome.status is not Status.OPTIMAL or outcome.point is None:
                return
            run.count(outcome)
            run.bound = min(run.bound, outcome.bound)
            above = outcome.bound - value_in_ratios(self._program, run.own(outcome.point))
            if above <= run.wanted or not self._add_at(outcome.point):
                return

    def _go(self, run: _Run) -> Outcome:
        """Solve and add lines until the gap is proven, and return the last outcome."""
        smallest = SHARE_OF_GAP * run.wanted
        asked = LOOSE * smallest
        gaps: list[float] = []
        for _ in range(MOST_ROUNDS):
            options = replace(run.left(), absolute_gap=asked if run.is_whole else 0.0)
            outcome = self._session.solve(self._started(options, run))
            run.take(outcome)
            is_stopped = outcome.point is None or outcome.limit is not None
            if is_stopped or run.gap <= run.wanted or self._interrupted:
                break
            gaps.append(run.gap)
            if len(gaps) > STALLED_ROUNDS and run.gap > 0.9 * gaps[-1 - STALLED_ROUNDS]:
                break
            is_sharper = outcome.point is not None and self._add_at(outcome.point)
            if not is_sharper and (asked <= smallest or not run.is_whole):
                break
            asked = max(smallest, min(asked, NEXT_SHARE * run.gap))
        if self._interrupted:
            return replace(outcome, limit=Limit.INTERRUPT)
        return outcome

    def _started(self, options: SolveOptions, run: _Run) -> SolveOptions:
        """Return the options with the whole columns of the best point as a start.

        Solvers complete it to their own tolerances, see `term_search`.
        """
        point = run.point if run.point is not None else run.start
        if point is None or not (self._takes_start and run.is_whole):
            return options
        start = np.full(self._linear.n_columns, np.nan)
        whole = np.flatnonzero(self._program.integer)
        start[whole] = np.rint(point[whole])
        return replace(options, start=start)


class _Run:
    """What one solve has found so far.

    Parameters
    ----------
    program : Program
        In ratios.
    options : SolveOptions
        The absolute gap is in units of V.
    """

    def __init__(self, program: Program, options: SolveOptions) -> None:
        self.point: Floats | None = None
        self.bound = np.inf
        self.start = options.start
        self.wanted = options.absolute_gap
        self.is_whole = program.has_integers
        self._program = program
        self._options = options
        self._began = time.perf_counter()
        self._value = -np.inf
        self._nodes = self._iterations = self._rounds = 0

    @property
    def gap(self) -> float:
        """The gap that is left, in units of V."""
        return self.bound - self._value

    @property
    def share_of_time(self) -> float:
        """The share of the time that has passed."""
        limit = self._options.time_limit_seconds
        if limit is None:
            return 0.0
        return (time.perf_counter() - self._began) / limit if limit > 0.0 else np.inf

    def own(self, point: Floats) -> Floats:
        """Return a point of the linear program in the columns of the Program."""
        return point[: self._program.n_columns]

    def left(self) -> SolveOptions:
        """Return the options, with what is left of their limits."""
        passed = time.perf_counter() - self._began
        left = self._options.after(passed, self._nodes, self._iterations)
        return replace(left, start=None, relative_gap=0.0, absolute_gap=0.0)

    def count(self, outcome: Outcome) -> None:
        """Count what a round took."""
        self._rounds += 1
        self._nodes += outcome.nodes
        self._iterations += outcome.iterations

    def take(self, outcome: Outcome) -> None:
        """Take the bound and the point of a round."""
        self.count(outcome)
        if outcome.status.has_point or outcome.status.is_stopped:
            self.bound = min(self.bound, outcome.bound)
        if outcome.point is None:
            return
        point = self.own(outcome.point)
        value = value_in_ratios(self._program, point)
        if value > self._value or self.point is None:
            self.point, self._value = point, value

    def outcome(self, last: Outcome) -> Outcome:
        """Return what can be claimed after the last round."""
        status, limit = last.status, last.limit
        if self.point is not None:
            if not status.has_point and limit is None:
                # The point denies what is claimed.
                limit = Limit.OTHER
            status = Status.OPTIMAL if limit is None else Status.FEASIBLE
        elif limit is not None:
            status = Status.NO_SOLUTION_FOUND
        is_known = status.has_point or status.is_stopped
        return Outcome(
            status=status,
            limit=limit,
            point=self.point,
            objective=None if self.point is None else self._value,
            bound=self.bound if is_known else np.inf,
            nodes=self._nodes,
            iterations=self._iterations,
            seconds=time.perf_counter() - self._began,
            message=f"{last.message} ({self._rounds} rounds of tangents)",
        )
