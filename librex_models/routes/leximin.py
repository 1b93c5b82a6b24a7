"""Lexicographic max-min: the largest smallest utility per weight, then the next, and so on.

Fractional decisions take one linear program a level, the first of which is the plain route's. Every
level is proven by prices that are recomputed outside the solver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from librex_models.routes.leximin_ladder import Ladder
from librex_models.routes.leximin_steps import levels_of
from librex_models.routes.leximin_whole import WholeClimb, WholeLadder
from librex_models.routes.limits import Deadline
from librex_models.routes.plain import Plain
from librex_models.routes.route import Answer, Floats, Opener, OpenRoute, Question
from librex_models.routes.solving import RouteSession
from librex_models.verification import (
    Certificate,
    Level,
    Verdict,
    broken_budgets,
    region,
    scaled_back,
    violations,
)
from librex_models.verification.certificate import CLAIM_TOLERANCE
from librex_models.verification.price_bound import loosened
from solvers import Block, Limit, Outcome, Program, SolveOptions, SolverSession, Status
from solvers.program import Booleans
from solvers.scaled_session import ScaledSession
from solvers.sifting import SiftedSession, has_many_columns

LEVEL_SHARE = 0.01
"""Of the wanted gap, that is left at levels of whole decisions."""
LEAST_GAP = 1e-8


@dataclass
class Lexicographic(Plain):
    """The first level, with columns for the programs that follow.

    Parameters
    ----------
    above_unit : float
        The columns ``above[g]``, what a utility per weight has above a level, are measured in it.
    """

    name: str = "leximin"
    above_unit: float = 1.0

    def program(self, question: Question, program: Program) -> Program:
        """Return the Program with columns ``above``, which are zero in it."""
        if program.has_integers:
            return program
        grouping = question.grouping
        most = grouping.utility(question.reward, region(question.problem).upper) / grouping.weight
        self.above_unit = float(2.0 ** np.rint(np.log2(most.max() or 1.0)))
        return _with_columns(
            program,
            Block(name="above", labels=grouping.labels),
            program.rows_of("worst_limit"),
            grouping.weight * self.above_unit,
        )

    def refined(self, question: Question, decision: Floats, bound: float) -> bool:  # noqa: ARG002
        """Return that it cannot: what lies above the first level is needed."""
        return False


def _with_columns(program: Program, block: Block, rows: slice, entry: Floats) -> Program:
    """Return the Program with one column at zero, of one entry, for each of some rows."""
    matrix, n = program.matrix, block.size
    ends = matrix.indptr[-1] + np.arange(1, n + 1)
    nothing = np.zeros(n)
    return replace(
        program,
        objective=np.concatenate([program.objective, nothing]),
        matrix=sparse.csc_array(
            (
                np.concatenate([matrix.data, entry]),
                np.concatenate([matrix.indices, np.arange(rows.start, rows.stop)]),
                np.concatenate([matrix.indptr, ends]),
            ),
            shape=(program.n_rows, program.n_columns + n),
        ),
        column_lower=np.concatenate([program.column_lower, nothing]),
        column_upper=np.concatenate([program.column_upper, nothing]),
        integer=np.concatenate([program.integer, nothing.astype(np.bool_)]),
        column_blocks=(*program.column_blocks, block),
    )


class WholeLevel(RouteSession):
    """One level of whole decisions; its fractional part is made best after the last."""

    def _whole_decision(self, point: Floats) -> tuple[Floats, Booleans]:
        return scaled_back(self._question.problem, self._within_bounds(point))


class LeximinSession(RouteSession):
    """A question of lexicographic max-min, with its solver open; see `RouteSession`."""

    _scaled: ScaledSession

    def __init__(
        self, question: Question, program: Program, opener: Opener, linear_opener: Opener
    ) -> None:
        self._lexicographic = Lexicographic()
        self._deadline = Deadline.after(None)
        super().__init__(question, program, self._lexicographic, opener, linear_opener)

    def _open(self, program: Program, opener: Opener) -> SolverSession:
        self._scaled = ScaledSession(_sifting(opener), program)
        return self._scaled

    def _solve_once(self, deadline: Deadline, options: SolveOptions) -> Answer:
        self._deadline = deadline
        return super()._solve_once(deadline, options)

    def _fractional_answer(
        self, outcome: Outcome, decision: Floats, options: SolveOptions
    ) -> Answer:
        """Go on from the first level, and prove all that were found."""
        if outcome.status is not Status.OPTIMAL:
            return unfinished(super()._fractional_answer(outcome, decision, options))
        climb = self._ladder(options).climb(outcome)
        # The next solve starts from the first level again.
        self._scaled.vary(self._program)
        decision, _ = scaled_back(self._question.problem, self._within_bounds(climb.point))
        answer = super()._fractional_answer(outcome, decision, options)
        problem = self._question.problem
        own = loosened(region(problem), violations(problem, decision, self._question.grouping))
        levels = levels_of(self._question, climb.steps, decision, own)
        certificate = with_levels(answer.certificate, levels, options)
        answer = replace(answer, certificate=certificate, rounds=climb.rounds)
        if climb.stopped is None:
            return answer
        # A solver that breaks down, or denies what it has found, leaves off here.
        return unfinished(answer, climb.stopped.limit or Limit.OTHER, climb.stopped.message)

    def _solve_whole(self, deadline: Deadline, options: SolveOptions) -> Answer:
        """Go on from the first level of whole decisions."""
        # What is above a level depends on it: each is found to more than was asked for.
        gap = max(LEVEL_SHARE * options.relative_gap, min(LEAST_GAP, options.relative_gap))
        tighter = replace(options, relative_gap=gap)
        first = super()._solve_whole(deadline, tighter)
        if first.decision is None or first.certificate.verdict is Verdict.REFUTED:
            return first
        if first.status is not Status.OPTIMAL:
            return unfinished(first)

        def solve(program: Program, nodes: int) -> Answer:
            level = WholeLevel(self._question, program, Plain(), self._opener, self._linear_opener)
            left = replace(tighter.after(nodes=nodes), start=None)
            answer = level.solve(deadline.options(left))
            level.close()
            return answer

        ladder = WholeLadder(
            self._question, self._program, solve, self._best_around, options.relative_gap
        )
        climb = ladder.climb(first)
        return whole_answer(self._question, first, climb, options)

    def _best_around(self, decision: Floats) -> Floats:
        """Return the best decision with the same whole part."""

        def opened(question: Question, linear: Program) -> LeximinSession:
            return LeximinSession(question, linear, self._linear_opener, self._linear_opener)

        return best_with_whole_part(
            self._question, self._declared, decision, opened, self._deadline
        )

    def _ladder(self, options: SolveOptions) -> Ladder:
        without_start = replace(options, start=None)

        def solve(program: Program) -> Outcome:
            self._scaled.vary(program)
            return self._scaled.solve(self._deadline.options(without_start))

        def by(opener: Opener, program: Program) -> Outcome:
            session = ScaledSession(_sifting(opener), program)
            outcome = session.solve(self._deadline.options(without_start))
            session.close()
            return outcome

        return Ladder(
            self._question,
            self._program,
            self._lexicographic.above_unit,
            solve,
            lambda program: by(self._opener, program),
            lambda program: by(self._linear_opener, program),
        )


def _sifting(opener: Opener) -> Opener:
    """Return an opener that gives its solver the columns that matter, where there are many."""

    def sifted(program: Program) -> SolverSession:
        return SiftedSession(opener, program) if has_many_columns(program) else opener(program)

    return sifted


def best_with_whole_part(
    question: Question,
    program: Program,
    decision: Floats,
    opened: Callable[[Question, Program], OpenRoute],
    deadline: Deadline,
) -> Floats:
    """Return the best decision with the same whole part, by a session of what is left."""
    if question.problem.integer.all():
        return decision
    session = opened(*_with_whole_part_fixed(question, program, decision))
    found = session.solve(deadline.options(SolveOptions())).decision
    session.close()
    is_worse = found is None or broken_budgets(question.problem, found).any()
    return decision if found is None or is_worse else found


def _with_whole_part_fixed(
    question: Question, program: Program, decision: Floats
) -> tuple[Question, Program]:
    """Return the question of fractional decisions that is left where whole ones are taken."""
    problem = question.problem
    lower = np.where(problem.integer, decision, problem.lower)
    upper = np.where(problem.integer, decision, problem.upper)
    fixed = problem.replace(lower=lower, upper=upper, integer=False)
    column_lower, column_upper = program.column_lower.copy(), program.column_upper.copy()
    x = program.columns_of("x")
    column_lower[x], column_upper[x] = lower, upper
    linear = replace(
        program,
        column_lower=column_lower,
        column_upper=column_upper,
        integer=np.zeros(program.n_columns, dtype=np.bool_),
    )
    return replace(question, problem=fixed), linear


def whole_answer(
    question: Question, first: Answer, climb: WholeClimb, options: SolveOptions
) -> Answer:
    """Return the answer of a first level with the levels that were climbed from it."""
    answer = with_all_levels(question, first, climb.decision, climb.levels, options)
    answer = replace(answer, rounds=climb.rounds, nodes=climb.nodes)
    if climb.stopped is None:
        return answer
    return unfinished(answer, climb.stopped.limit or Limit.OTHER, climb.stopped.message)


def with_all_levels(
    question: Question,
    first: Answer,
    decision: Floats,
    levels: tuple[Level, ...],
    options: SolveOptions,
) -> Answer:
    """Return the answer of a first level with the decision of the last, and the proof of all."""
    verdict = first.certificate.verdict
    certificate = replace(
        first.certificate,
        # The gaps of the levels, the first among them, decide whether it is less.
        verdict=Verdict.OPTIMAL if verdict is Verdict.FEASIBLE else verdict,
        violations=violations(question.problem, decision, question.grouping),
        value=levels[0].value,
        bound=levels[0].bound,
        gap=levels[0].gap,
    )
    certificate = with_levels(certificate, levels, options)
    return replace(first, decision=decision, certificate=certificate)


def with_levels(
    certificate: Certificate, levels: tuple[Level, ...], options: SolveOptions
) -> Certificate:
    """Return the certificate of a first level with all levels; the gap is the largest of them."""
    certificate = replace(certificate, levels=levels)
    if certificate.verdict is Verdict.REFUTED:
        return certificate
    for number, level in enumerate(levels, start=1):
        if level.bound < level.value - CLAIM_TOLERANCE * abs(level.value):
            sentence = (
                f"The bound of level {number}, {level.bound:.12g}, is below the verified value "
                f"{level.value:.12g}."
            )
            return replace(certificate, verdict=Verdict.REFUTED, sentence=sentence)
    gap = max([certificate.gap, *(level.gap for level in levels)])
    is_proven = all(
        level.gap <= options.relative_gap or level.bound - level.value <= options.absolute_gap
        for level in levels
    )
    verdict = certificate.verdict if is_proven else Verdict.FEASIBLE
    degree = "optimal" if verdict is Verdict.OPTIMAL else "feasible"
    count = f"{len(levels)} levels" if len(levels) > 1 else "1 level"
    source = {level.bound_from for level in levels}
    by = {"solver": "the solver's own bounds", "none": "nothing at all"}
    words = "prices, recomputed outside the solver"
    for name, other in by.items():
        words = other if name in source else words
    sentence = f"Verified {degree}: {count}, with a gap of {gap:.2g} at most, by {words}."
    return replace(certificate, gap=gap, verdict=verdict, sentence=sentence)


def unfinished(answer: Answer, limit: Limit | None = None, message: str = "") -> Answer:
    """Return the answer of which only the first levels are known."""
    certificate = answer.certificate
    if certificate.verdict is Verdict.OPTIMAL:
        certificate = replace(certificate, verdict=Verdict.FEASIBLE)
    known = len(certificate.levels)
    sentence = f"{certificate.sentence} What lies above level {known} was not maximised."
    certificate = replace(certificate, gap=np.inf, sentence=sentence)
    answer = replace(answer, certificate=certificate)
    if limit is None:
        return answer
    return replace(answer, status=Status.FEASIBLE, limit=limit, message=message)
