"""The search for the best point of alpha-fair terms: rounds of solves, each in ratios of its own.

The first references come from the largest z with v_t >= z (weight_t m_t)^(1 / alpha), where m_t is
the most that v_t can be; the point that has it is an incumbent, and a start. Where utilities turn
out far from their references, the program is solved again with what was found. May import the conic
program with its scaling, Programs in ratios, options and outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from solvers.adapter import SolverSession
from solvers.conic_bound import gap_of, proof_of_infeasibility
from solvers.conic_program import Task, level_task
from solvers.conic_scaling import (
    FAR,
    ScaledTask,
    finer_reference,
    is_near,
    scaled_task,
    value_of,
)
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.program import Booleans, Floats, Program
from solvers.term_means import Means
from solvers.term_program import (
    floor_of_ratios,
    least_ratios,
    most_below,
    most_of_objective,
    program_in_ratios,
    rounded,
)
from solvers.term_proof import Bound, Proof, proof_of
from solvers.term_references import (
    first_reference,
    guess_of,
    proportional_reference,
    within_reach,
)

MOST_ROUNDS = 4
# Violations of rows that a point may have, relative to what its columns could bring.
FEASIBLE = 1e-6
# By how much bounds give way: of a tangent, a linear program, and of arithmetic.
LINEAR = 1e-9
ROUNDING = 1e-13
# Bounds give way to the tolerances of solvers, so that no smaller gap can be proven.
SMALLEST_GAP = 1e-7
# The share of the wanted gap that the solver is asked for, for the margins of its bound; less in
# each round.
SHARE_OF_GAP = 0.5
# Where references keep their proportions, a claim in units this far from the point that was found
# is made again in its own: SCIP was seen to miss an optimum in units five times too small.
FAR_IN_PROPORTION = 2.0
# Levels below this part of the highest that bounds of columns allow are those of zero.
NO_LEVEL = 1e-9

Open = Callable[[Program], SolverSession]
HandOver = Callable[[ScaledTask, Floats], SolverSession]


class TermSearch:
    """One solve of a task with terms.

    Parameters
    ----------
    task : Task
    integer : boolean array of shape (n_columns,)
    options : SolveOptions
        The start is in the columns of the task.
    tolerance : float
        By how much the solver may break a row.
    reference : array of shape (n_terms,) or None
        About what the utilities are, where that is known.
    incumbent : array of shape (n_columns,) or None
        A point that may be feasible.
    enough_nodes : int or None
        Without whole columns: after so many the solver's answer is taken as it is, and proven.
    """

    def __init__(
        self,
        task: Task,
        integer: Booleans,
        options: SolveOptions,
        tolerance: float,
        reference: Floats | None,
        incumbent: Floats | None,
        enough_nodes: int | None = None,
    ) -> None:
        self.means = Means(options, enough_nodes)
        self.reference = reference
        # The best point, in the units of the task.
        self.point: Floats | None = None
        self.bound: Bound | None = None
        self.ray: Floats | None = None
        self._task = task
        self._integer = integer
        self._options = options
        self._tolerance = tolerance
        self._interrupted = False
        self._is_concave = task.has_terms and not bool(integer.any())
        self._is_proven = False
        self._has_level = False
        self._share = SHARE_OF_GAP
        self._nudge = 1.0
        self._limit: Limit | None = None
        self._claim: Status | None = None
        # There is no point to clip into such bounds.
        self._is_crossed = bool((task.lower > task.upper).any())
        for candidate in (incumbent, options.start):
            if candidate is not None and not self._is_crossed:
                self._offer(np.asarray(candidate, dtype=np.float64))

    def interrupt(self) -> None:
        """Stop before the next solve."""
        self._interrupted = True

    def go(self, open_session: Open, hand_over: HandOver) -> None:
        """Solve in rounds, with a session for the level and one for the task itself."""
        task = self._task
        if self._is_crossed:
            self._claim = Status.INFEASIBLE
            self.means.words.append("a lower bound is above its upper one")
            return
        if task.alpha >= 1.0 and not (task.most[task.columns] > 0).all():
            self._claim = Status.INFEASIBLE
            self.means.words.append("a column with an alpha-fair term cannot be above zero")
            return
        if self.reference is None and task.has_terms:
            self._find_level(open_session)
        for number in range(MOST_ROUNDS):
            if self._interrupted:
                self._limit = Limit.INTERRUPT
            if self._claim is not None or self._limit is not None or self._is_proven:
                return
            # Where the level took all the time, the solver still looks at the options.
            if number and self.means.seconds_left() == 0.0:
                self._limit = Limit.TIME
            elif self._solve(open_session, hand_over):
                return
        self._limit = self._limit or Limit.OTHER

    def status(self) -> tuple[Status, Limit | None]:
        """Return what can be claimed, and the limit that ended the search, if one did."""
        if self.point is not None:
            if self.gap() <= self._wanted():
                return Status.OPTIMAL, None
            return Status.FEASIBLE, self._limit or Limit.OTHER
        if self._claim is not None:
            return self._claim, None
        return Status.NO_SOLUTION_FOUND, self._limit or Limit.OTHER

    def gap(self) -> float:
        """Return the gap in the equally-distributed equivalent; infinite where nothing is known."""
        if self.point is None or self.bound is None:
            return np.inf
        scaled = self.bound.scaled
        return gap_of(scaled, self._value(scaled, self.point), self.bound.number)

    def _solve(self, open_session: Open, hand_over: HandOver) -> bool:
        """Solve in the units of the current references, and return whether this ends the search."""
        reference = self._current_reference()
        scaled = scaled_task(self._task, reference, whole=self._integer)
        value = -np.inf if self.point is None else self._value(scaled, self.point)
        least, floor = least_ratios(scaled, value), floor_of_ratios(self._task.alpha)
        cut = most_below(scaled.task, least, floor)
        session = hand_over(scaled, np.maximum(least, floor))
        outcome = self.means.ask(session, self._options_of(scaled, value))
        if outcome.point is not None:
            self._offer(outcome.point * scaled.column_unit)
        is_capped = self._is_concave and self.means.are_left_after(outcome)
        if outcome.limit is not None and not is_capped:
            self._keep_bound(scaled, outcome.bound + self._margin(scaled, self._tolerance), cut)
            self._limit = outcome.limit
            return True
        proof = self._prove(scaled, open_session)
        is_refuted = proof is not None and self._is_refuted(scaled, outcome)
        if is_refuted:
            self.means.words.append("which a better point refutes")
        elif proof is None or proof.bound.multiplier is None:
            self._keep_bound(scaled, outcome.bound + self._margin(scaled, self._tolerance), cut)
        if proof is not None:
            self._take_proof(proof, cut)
        if self._is_proven:
            return True
        self.means.need_more_nodes()
        if is_refuted:
            self._nudge /= 2.0
            return False
        if is_capped:
            return False
        if outcome.point is None:
            return self._settle(outcome, open_session)
        self._share /= 4.0
        return self.gap() <= self._wanted() and self._is_well_scaled(reference)

    def _prove(self, scaled: ScaledTask, open_session: Open) -> Proof | None:
        """Return what can be proven of concave terms, and take the better points it leads to."""
        if not self._is_concave:
            return None
        proof = proof_of(
            scaled,
            self._task,
            self.point,
            self._wanted(),
            self.means.left(),
            open_session,
            self._is_over,
        )
        if proof is not None:
            self._offer(proof.point)
        return proof

    def _take_proof(self, proof: Proof, cut: float) -> None:
        """Keep the bound of a proof; the optimum is proven where its arithmetic is enough."""
        bound, margin = proof.bound, self._margin(proof.bound.scaled, LINEAR)
        if bound.multiplier is not None:
            cut, margin = -np.inf, self._margin(bound.scaled, ROUNDING)
        self._keep_bound(bound.scaled, bound.number + margin, cut, bound.multiplier)
        self._is_proven = bound.multiplier is not None and self.gap() <= self._wanted()

    def _is_over(self) -> bool:
        return self._interrupted or self.means.seconds_left() == 0.0

    def _is_refuted(self, scaled: ScaledTask, outcome: Outcome) -> bool:
        """Return whether a point is better than a claim, after which other units may help."""
        if self.point is None:
            return False
        claimed = -np.inf if outcome.status is Status.INFEASIBLE else outcome.bound
        return self._value(scaled, self.point) > claimed + self._margin(scaled, self._tolerance)

    def _settle(self, outcome: Outcome, open_session: Open) -> bool:
        """Take a claim without a point, and return whether it ends the search."""
        if outcome.status is Status.INFEASIBLE and self.point is None:
            if self._task.alpha >= 1.0 and not self._has_level:
                # Perhaps a utility has to be further below its reference than solvers can tell.
                self._find_level(open_session)
                return self.point is None
            self._claim = Status.INFEASIBLE
        elif outcome.status is Status.INFEASIBLE:
            # A point is known: in other units the solver may see that too.
            self._nudge /= 2.0
            return False
        elif outcome.status in (Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED):
            is_wrong = self._task.is_bounded or self.point is not None
            self._claim = Status.NUMERICAL_FAILURE if is_wrong else outcome.status
        else:
            self._claim = Status.NUMERICAL_FAILURE
        return True

    def _find_level(self, open_session: Open) -> None:
        """Find the largest z with every utility at least z times its guess, and so references."""
        task, self._has_level = self._task, True
        guess, most = guess_of(task)
        leveled = level_task(task, guess, most)
        integer = np.append(self._integer, np.False_)
        scaled = scaled_task(leveled, np.zeros(0), whole=integer)
        program, _ = program_in_ratios(scaled, integer, np.zeros(0), len(leveled.row_lower))
        session = open_session(program)
        try:
            outcome = self.means.ask(session, self.means.for_level(bool(self._integer.any())))
        finally:
            session.close()
        if outcome.status is Status.INFEASIBLE:
            self._claim_infeasible(scaled, open_session, "")
            if not self._integer.any() and outcome.infeasibility_ray is not None:
                ray = outcome.infeasibility_ray * scaled.row_factor
                self.ray = proof_of_infeasibility(task, ray[: len(task.row_lower)])
            return
        if outcome.limit is Limit.INTERRUPT:
            self._limit = Limit.INTERRUPT
        level = 0.0
        if outcome.point is not None:
            point = rounded(
                task, (outcome.point * scaled.column_unit)[:-1], self._integer, FEASIBLE
            )
            self._offer(point)
            level = float((point[task.columns] / guess).min())
            highest = outcome.bound * scaled.column_unit[-1] * np.exp(scaled.log_unit)
            if task.alpha >= 1.0 and max(level, highest) <= NO_LEVEL * most:
                words = "some alpha-fair term's column is zero at every point"
                self._claim_infeasible(scaled, open_session, words)
        is_usable = level > NO_LEVEL * most
        self.reference = guess * (level if is_usable else most / len(guess))

    def _claim_infeasible(self, scaled: ScaledTask, open_session: Open, words: str) -> None:
        """Claim that there is no point of finite welfare, unless concave terms have one."""
        proof = self._prove(scaled, open_session)
        if proof is not None:
            self._take_proof(proof, -np.inf)
        if self.point is None:
            self._claim = Status.INFEASIBLE
            self.means.words.extend([words] if words else [])

    def _current_reference(self) -> Floats:
        """Return the references, none of them out of reach."""
        reference = first_reference(self._task) if self.reference is None else self.reference
        if self.point is not None:
            reference = self._finer(reference)
        self.reference = within_reach(self._task, reference * self._nudge)
        return self.reference

    def _is_well_scaled(self, reference: Floats) -> bool:
        if self.point is None:
            return True
        far = FAR_IN_PROPORTION if self._keeps_proportions else FAR
        return is_near(self._finer(reference), reference, far)

    @property
    def _keeps_proportions(self) -> bool:
        return bool(self._integer.any()) and self._task.has_terms and self._task.alpha > 1.0

    def _finer(self, reference: Floats) -> Floats:
        """Return references of the size of the best point."""
        task = self._task
        if self.point is None:
            return reference
        if self._keeps_proportions:
            return proportional_reference(task, self.point)
        return finer_reference(task, self.point, reference)

    def _offer(self, point: Floats) -> None:
        """Keep a point if it is feasible, has a finite welfare, and none better is known."""
        task = self._task
        if not np.isfinite(point).all():
            return
        point = rounded(task, point, self._integer, FEASIBLE)
        strays = np.abs(point - np.rint(point))[self._integer].max(initial=0.0)
        utility = point[task.columns]
        if task.violation(point) > FEASIBLE or strays > FEASIBLE or (utility < 0).any():
            return
        if task.alpha >= 1.0 and not (utility > 0).all():
            return
        if self.point is not None:
            # One unit for all: in several, terms of one point may be lost beside those of another.
            size = utility.min(initial=np.inf) if task.alpha > 1.0 else utility.max(initial=0.0)
            reference = np.full(len(utility), size if size > 0.0 else 1.0)
            scaled = scaled_task(task, reference, whole=self._integer)
            if self._value(scaled, point) <= self._value(scaled, self.point):
                return
        self.point = point

    def _value(self, scaled: ScaledTask, point: Floats) -> float:
        return value_of(scaled.task, point / scaled.column_unit)

    def _keep_bound(
        self, scaled: ScaledTask, number: float, cut: float, multiplier: Floats | None = None
    ) -> None:
        """Keep the bound of a solve, moved outwards, if it is the best."""
        most, of_rest = most_of_objective(scaled.task)
        number = min(max(number, cut), float(most.sum()) + of_rest)
        if not np.isfinite(number):
            return
        before, self_gap = self.bound, self.gap()
        self.bound = Bound(scaled=scaled, number=number, multiplier=multiplier)
        if before is not None and self.gap() > self_gap:
            self.bound = before

    def _margin(self, scaled: ScaledTask, tolerance: float) -> float:
        """Return by how much a tolerance of rows may move the objective."""
        return float(scaled.task.weight.sum()) * tolerance

    def _wanted(self) -> float:
        return max(self._options.relative_gap, SMALLEST_GAP)

    def _start_of(self, point: Floats) -> Floats:
        """Return a start of whole columns only: solvers complete it to their own tolerances.

        With ours HiGHS was seen to call a start optimal that was not.
        """
        if not self._integer.any():
            return point
        return np.where(self._integer, np.rint(point), np.nan)

    def _options_of(self, scaled: ScaledTask, value: float) -> SolveOptions:
        """Return the options of a solve in ratios, the gap as one of the objective.

        Near the references, dE / E = d objective / sum of weights.
        """
        task, options = scaled.task, self._options
        start = self.point if self.point is not None else options.start
        total = float(task.weight.sum())
        size = 1.0
        if np.isfinite(value) and task.alpha != 1.0:
            size = min(1.0, (value + scaled.shift) * (1.0 - task.alpha) / total)
        wanted = self._share * self._wanted() * total * max(size, 0.0)
        return replace(
            self.means.before_proof() if self._is_concave else self.means.left(),
            start=None if start is None else self._start_of(start / scaled.column_unit),
            relative_gap=0.0 if task.has_terms else options.relative_gap,
            absolute_gap=wanted,
        )
