"""The search for a point and a bound: attempt after attempt, each in rounds of its own scaling.

The first references of a scaling come from a linear program, the largest z with
v_t >= z (weight_t m_t)^(1 / alpha), where m_t is the most that v_t can be; a program that turns out
badly scaled is solved again with the utilities that were found. An answer is claimed to be optimal
where our own bound proves it. May import the conic modules and what gives tasks to CVXPY.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from solvers.central_path import central_point
from solvers.conic_bound import bound_of, gap_of, proof_of_infeasibility
from solvers.conic_program import Task, level_task, relaxed
from solvers.conic_scaling import (
    ScaledTask,
    finer_reference,
    guessed_utilities,
    is_near,
    larger_factor,
    scaled_task,
    value_of,
)
from solvers.cvxpy_cones import Answer, NativeSolver, solve_cones
from solvers.options import SolveOptions
from solvers.outcome import Limit, Status
from solvers.program import Floats

# Violations of rows that a claimed point may have, relative to what its columns could bring.
FEASIBLE = 1e-7
# A gap that no further round need improve, and one that is enough for a claim of optimality.
PROVEN = 1e-9
ENOUGH = 1e-7
# Of that, what the central path is followed to.
SHARE_OF_GAP = 0.25
MOST_ROUNDS = 4
# What is tried in turn until our bound proves an answer: by how much the rows give way, how much
# the objective is magnified, and which of the solver's sets of settings is used.
# * Where there is no point strictly inside its rows, as with a budget that is 0 or used up by
#   minimums, an interior-point method needs rows that give way a little.
# * With few terms and thousands of columns Clarabel often stops after some six iterations; whether
#   it does is a matter of luck, which another scale and shorter steps change.
ATTEMPTS = (
    (0.0, 1.0, 0),
    (0.0, 100.0, 1),
    (1e-9, 1.0, 2),
    (1e-8, 10.0, 1),
    (1e-9, 1000.0, 0),
    (1e-8, 1e4, 2),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """A point, a bound and their gap; all but `point` in the units of one scaling.

    The gap is infinite where the point is not feasible.
    """

    scaled: ScaledTask
    y: Floats
    point: Floats
    multiplier: Floats
    bound: float
    gap: float


class Search:
    """Solves a task in rounds, each scaled by what the one before has found."""

    def __init__(self, task: Task, native: NativeSolver, options: SolveOptions) -> None:
        self.start = time.perf_counter()
        self.iterations = 0
        self.words: list[str] = []
        self.best: Found | None = None
        # The last feasible point.
        self.feasible: Floats | None = None
        # Multipliers that prove infeasibility.
        self.ray: Floats | None = None
        self._task = task
        self._native = native
        self._options = options
        self._interrupted = False
        self._relaxation = 0.0
        self._manner = 0
        self._reference: Floats | None = None
        self._has_level = True
        # What ended the search, if anything did: a limit, or a claim without a point.
        self._limit: Limit | None = None
        self._claim: Status | None = None

    def interrupt(self) -> None:
        """Stop at the next iteration."""
        self._interrupted = True

    def go(self) -> None:
        """Solve, in one attempt after the other, the second along the central path."""
        for number, attempt in enumerate(ATTEMPTS):
            self._relaxation, magnification, self._manner = attempt
            self._solve_in_rounds(magnification)
            if not number and not self._is_settled:
                self._follow_central_path()
            if self._is_settled:
                return

    def status(self) -> tuple[Status, Limit | None]:
        """Return what can be claimed, and the limit that ended the search, if one did."""
        if self._has_optimum:
            return Status.OPTIMAL, None
        if self._claim is not None:
            return self._claim, None
        if self._limit is not None and self.feasible is None:
            return Status.NO_SOLUTION_FOUND, self._limit
        if self.feasible is not None:
            # Without a limit of ours the solver stopped short of the gap for its own reasons.
            return Status.FEASIBLE, self._limit or Limit.OTHER
        return Status.NUMERICAL_FAILURE, None

    def _solve_in_rounds(self, magnification: float) -> None:
        """Solve, until our bound proves the answer or scaling anew does not help."""
        reference = self._first_reference()
        for _ in range(MOST_ROUNDS):
            scaled = scaled_task(self._task, reference, magnification)
            answer = None if self._is_over else self._run(scaled)
            if answer is None:
                return
            found = self._take(scaled, answer)
            finer = finer_reference(self._task, found.point, reference)
            larger = magnification * larger_factor(
                scaled, value_of(scaled.task, found.y), found.bound
            )
            is_well_scaled = larger == magnification and is_near(finer, reference)
            if found.gap <= PROVEN or is_well_scaled:
                return
            reference, magnification = finer, larger

    def _follow_central_path(self) -> None:
        """Look for the optimum of terms along the central path, from what is known."""
        task = self._task
        if not task.has_terms:
            return
        known = task.least if self.feasible is None else self.feasible
        known = np.where(np.isfinite(known), known, 0.0)
        central = central_point(task, known, SHARE_OF_GAP * ENOUGH, self._has_no_time)
        if central is None or not self._keep(task.polished(central.point)):
            return
        self.words.append("the central path was followed")
        if self.best is None or central.gap < self.best.gap:
            self.best = Found(
                scaled=central.scaled,
                y=central.point / central.scaled.column_unit,
                point=central.point,
                multiplier=central.multiplier,
                bound=central.bound,
                gap=central.gap,
            )

    def _has_no_time(self) -> bool:
        limit = self._options.time_limit_seconds
        passed = time.perf_counter() - self.start
        return self._interrupted or (limit is not None and passed >= limit)

    @property
    def _is_settled(self) -> bool:
        return self._is_over or (self.best is not None and self.best.gap <= ENOUGH)

    @property
    def _has_optimum(self) -> bool:
        wanted = max(self._options.relative_gap, ENOUGH)
        return self.best is not None and self.best.gap <= wanted

    @property
    def _is_over(self) -> bool:
        return self._limit is not None or self._claim is not None

    def _first_reference(self) -> Floats:
        """Return a utility for each term, of the size of the optimal ones."""
        task = self._task
        if not task.has_terms:
            return np.zeros(0)
        if self._reference is not None:
            return self._reference
        reach = task.most[task.columns]
        if task.alpha >= 1.0 and not reach.min() > 0:
            self._claim = Status.INFEASIBLE
            self.words.append("a column with an alpha-fair term cannot be above zero")
            return np.ones(len(reach))
        reach = np.where(np.isfinite(reach) & (reach > 0), reach, 1.0)
        guess = guessed_utilities(task, reach)
        most = float((reach / guess).min())
        scaled = scaled_task(level_task(task, guess, most), np.zeros(0))
        answer = self._run(scaled)
        level = 0.0 if answer is None else float(answer.point[-1] * scaled.column_unit[-1])
        self._has_level = level > 1e-7 * most
        reference: Floats = guess * (level if level > 1e-12 * most else most / len(guess))
        if answer is not None and answer.claim is Status.OPTIMAL:
            self._reference = reference
        return reference

    def _run(self, scaled: ScaledTask) -> Answer | None:
        """Return an answer with a point, or None where there is none."""
        answer = self._ask(relaxed(scaled.task, self._relaxation))
        if answer is None:
            return None
        # The task may be ours with rows and columns behind it.
        n_rows, n_columns = self._task.matrix.shape
        point = (answer.point * scaled.column_unit)[:n_columns]
        multiplier = (answer.multiplier * scaled.row_factor)[:n_rows]
        has_point = bool(np.isfinite(point).all())
        if has_point:
            self._keep(self._task.polished(point))
        if answer.limit is not None:
            self._limit = answer.limit
        elif answer.claim is Status.INFEASIBLE:
            self._settle_infeasible(multiplier)
        elif answer.claim is Status.UNBOUNDED:
            if not self._task.is_bounded:
                self._settle_unbounded(scaled)
        elif has_point:
            return answer
        return None

    def _ask(self, task: Task) -> Answer | None:
        """Ask the solver with what is left of time and iterations; None if nothing is left."""
        options = self._options
        iterations, seconds = options.iteration_limit, options.time_limit_seconds
        if self._interrupted:
            self._limit = Limit.INTERRUPT
        if iterations is not None:
            iterations -= self.iterations
            if iterations <= 0:
                self._limit = Limit.ITERATIONS
        if seconds is not None:
            seconds -= time.perf_counter() - self.start
            if seconds <= 0:
                self._limit = Limit.TIME
        if self._limit is not None:
            return None
        settings = self._native.settings(options, self._manner, iterations, seconds)
        answer = solve_cones(task, self._native, settings, lambda: self._interrupted)
        self.iterations += answer.iterations
        self.words.append(f"{answer.status} after {answer.iterations} iterations")
        if options.log is not None:
            for line in answer.log:
                options.log(line)
        return answer

    def _settle_infeasible(self, multiplier: Floats) -> None:
        """Claim infeasibility if arithmetic proves it, or if giving way does not help."""
        self.ray = proof_of_infeasibility(self._task, multiplier)
        is_last = self._relaxation == max(relaxation for relaxation, _, _ in ATTEMPTS)
        if self.ray is not None or (is_last and self.feasible is None):
            self._claim = Status.INFEASIBLE
        elif self._task.alpha >= 1.0 and self.feasible is not None and not self._has_level:
            # There are points, but none with a finite welfare.
            self._claim = Status.INFEASIBLE

    def _settle_unbounded(self, scaled: ScaledTask) -> None:
        """Claim that a program with an unbounded direction is unbounded, if it has a point."""
        feasible = self._ask(replace(scaled.task, cost=np.zeros_like(scaled.task.cost)))
        if feasible is None:
            return
        if feasible.limit is not None:
            self._limit = feasible.limit
        elif feasible.claim is Status.OPTIMAL:
            self._claim = Status.UNBOUNDED
        elif feasible.claim is Status.INFEASIBLE:
            self._claim = Status.INFEASIBLE
            self.ray = proof_of_infeasibility(self._task, feasible.multiplier * scaled.row_factor)
        else:
            self._claim = Status.INFEASIBLE_OR_UNBOUNDED

    def _take(self, scaled: ScaledTask, answer: Answer) -> Found:
        """Return the answer with our bound; keep it if it is the best."""
        point = self._task.polished(answer.point * scaled.column_unit)
        y = point / scaled.column_unit
        value, bound = value_of(scaled.task, y), bound_of(scaled.task, answer.multiplier)
        # Without finite bounds of the columns there is only the solver's word.
        bound = bound if np.isfinite(bound) else answer.bound
        gap = gap_of(scaled, value, bound) if self._keep(point) else np.inf
        found = Found(
            scaled=scaled,
            y=y,
            point=point,
            multiplier=answer.multiplier,
            bound=max(bound, value),
            gap=gap,
        )
        if self.best is None or found.gap < self.best.gap:
            self.best = found
        return found

    def _keep(self, point: Floats) -> bool:
        """Keep a point if it is feasible, and return whether it is."""
        is_feasible = self._task.violation(point) <= FEASIBLE
        if is_feasible:
            self.feasible = point
        return is_feasible
