"""Lexicographic max-min between groups that are fair inside: one nested program a level.

    max worst    with  weight_g worst <= group_utility_g for all who are open,
                       group_utility_g >= kept_g for all who are settled

Each is solved under tangents (see `routes.nested`), which all levels share, and proven by prices:
multipliers of members add up to those of their groups. Whoever has a positive one cannot get more
without less for somebody who is no better off, and is settled. Whole ones: `routes.leximin_whole`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from librex_models.families import MaxMinLevel, NestedFairness
from librex_models.routes.endings import broken_down
from librex_models.routes.leximin import (
    LEAST_GAP,
    LEVEL_SHARE,
    WholeLevel,
    best_with_whole_part,
    unfinished,
    whole_answer,
    with_all_levels,
)
from librex_models.routes.leximin_steps import gap_of_level, most_of_settled
from librex_models.routes.leximin_whole import WholeLadder
from librex_models.routes.limits import Deadline
from librex_models.routes.nested import Nested, nested_family
from librex_models.routes.nested_rows import most_of_groups
from librex_models.routes.route import Answer, Floats, Opener, Question
from librex_models.routes.solving import RouteSession
from librex_models.verification import (
    Certificate,
    Level,
    Verdict,
)
from solvers import Counts, Limit, Outcome, Program, SolveOptions, Status
from solvers.errors import SolverFailure
from solvers.program import Booleans

SLACK = 1e-9
"""Proofs count on this much less than what is kept: programs are off by roundings."""
PART_OF_SLACK = 0.25
HALVINGS = 60
TRACE = 1e-9
"""A share of this much of the largest is a rounding: it settles nobody."""
SETTLED = 0.3
"""Times the wanted gap: who could get no more than this above a level is settled there."""


class NestedLevel(RouteSession):
    """One level of fractional decisions.

    A solver's decision leaves those who are better off at a corner, where tangents say little. So
    the best between it and the best one before is taken, and both get tangents.
    """

    worth: Floats
    """What more utility of each group is worth, shape (n_groups,)."""
    best: Floats | None = None
    """The best decision before."""

    def update(self, question: Question, program: Program, forbid_rebuild: bool = False) -> None:
        """Take new numbers."""
        self.best = None
        super().update(question, program, forbid_rebuild)

    def _fractional_answer(
        self, outcome: Outcome, decision: Floats, options: SolveOptions
    ) -> Answer:
        dual = outcome.row_dual
        if dual is None:
            dual = self._prover.relax(Deadline.after(None)).row_dual
        family = nested_family(self._question)
        self.worth = np.zeros(len(family.groups))
        if dual is not None:
            multiplier = np.maximum(dual[self._program.rows_of("utility_of")], 0.0)
            self.worth = family.worth_of_groups(multiplier)
        if self.best is not None:
            self._reformulation.refined(self._question, decision, np.inf)
            decision = best_between(self._question, self.best, decision)
        self.best = decision
        return super()._fractional_answer(self._lifted(outcome, decision), decision, options)

    def _lifted(self, outcome: Outcome, decision: Floats) -> Outcome:
        """Return the outcome with a bound that is not below what comes of keeping less.

        The program keeps all, the decision all but a slack, and the optimum is concave in what is
        kept: no more can come of it than what the reduced costs say.
        """
        if outcome.reduced_cost is None:
            return outcome
        question, groups = self._question, self._program.columns_of("group_utility")
        kept = np.maximum(self._program.column_lower[groups], 0.0)
        more = 2.0 * SLACK * float(np.abs(outcome.reduced_cost[groups]) @ kept)
        value = question.family.welfare(question.grouping.weight, question.utility(decision))
        objective = value / self._reformulation.equivalent(question, 1.0)
        is_explained = outcome.bound < objective <= outcome.bound + more
        return replace(outcome, bound=objective) if is_explained else outcome


def best_between(question: Question, first: Floats, second: Floats) -> Floats:
    """Return the best decision on the way from the first, which keeps what is kept, to another."""
    family, weight = _keeping_more(nested_family(question)), question.grouping.weight
    before, after = question.utility(first), question.utility(second)

    def value(part: float) -> float:
        return family.welfare(weight, before + part * (after - before))

    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        # Welfare is concave along the way, but for its end where somebody loses what was kept.
        left, right = (2.0 * low + high) / 3.0, (low + 2.0 * high) / 3.0
        if value(left) < value(right):
            low = left
        else:
            high = right
    part = max((0.0, 1.0, low, high), key=value)
    return first + part * (second - first)


def _keeping_more(family: NestedFairness) -> NestedFairness:
    """Return the family with a part of the slack kept, so that roundings do not lose the rest."""
    level = family.outer
    if not isinstance(level, MaxMinLevel):
        return family
    return replace(family, outer=replace(level, kept=level.kept * (1.0 + PART_OF_SLACK * SLACK)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step:
    """A level, or a part.

    Parameters
    ----------
    is_open : boolean array of shape (n_groups,)
    kept : array of shape (n_groups,)
        What the proof counts on for the others.
    settled : boolean array of shape (n_groups,)
    share : array of shape (n_groups,)
        The mean of open utilities per weight, weighed by this, is at most the bound.
    certificate : Certificate
        Of the level.
    """

    is_open: Booleans
    kept: Floats
    settled: Booleans
    share: Floats
    certificate: Certificate


class NestedLeximinSession:
    """A question of lexicographic max-min between nested groups; see `RouteSession`."""

    def __init__(
        self,
        question: Question,
        program: Program,
        tangents: Nested,
        opener: Opener,
        linear_opener: Opener,
    ) -> None:
        self._opener, self._linear_opener = opener, linear_opener
        self._tangents = tangents
        self._question, self._program = question, program
        first = _first_level(question, program)
        self._first = NestedLevel(*first, self._tangents, opener, linear_opener)

    @property
    def counts(self) -> Counts:
        """How often the program of the first level was changed in place, and handed over."""
        return self._first.counts

    def update(self, question: Question, program: Program, forbid_rebuild: bool = False) -> None:
        """Take new numbers; see `RouteSession.update`."""
        self._first.update(*_first_level(question, program), forbid_rebuild)
        self._question, self._program = question, program

    def solve(self, options: SolveOptions) -> Answer:
        """Solve level by level, and verify."""
        deadline = Deadline.after(options.time_limit_seconds)
        gap = max(LEVEL_SHARE * options.relative_gap, min(LEAST_GAP, options.relative_gap))
        tighter = replace(options, relative_gap=gap)
        first = self._first.solve(deadline.options(tighter))
        if first.decision is None or first.certificate.verdict is Verdict.REFUTED:
            return first
        if first.status is not Status.OPTIMAL:
            return unfinished(first)
        if self._question.problem.integer.any():
            return self._climbed_whole(first, deadline, tighter, options)
        return self._climbed(first, deadline, tighter, options)

    def close(self) -> None:
        """Free what the solvers hold."""
        self._first.close()

    def _climbed(
        self, first: Answer, deadline: Deadline, tighter: SolveOptions, options: SolveOptions
    ) -> Answer:
        is_open = _can_have_something(self._question)
        kept = np.zeros(len(is_open))
        steps = [] if is_open.all() else [_step_of_nothing(first.certificate, ~is_open)]
        answer, worth, rounds, nodes = first, self._first.worth, first.rounds, first.nodes
        while answer.decision is not None and answer.certificate.verdict is not Verdict.REFUTED:
            best = answer
            utility = self._utility(answer.decision)
            step = self._step(answer.certificate, utility, worth, is_open, kept, options)
            steps.append(step)
            weight = self._question.grouping.weight
            is_open = is_open & ~step.settled
            kept = np.where(
                step.settled, np.minimum(weight * answer.certificate.value, utility), kept
            )
            if not is_open.any() or answer.status is not Status.OPTIMAL:
                break
            answer, worth = self._next(is_open, kept, best.decision, deadline.options(tighter))
            rounds, nodes = rounds + answer.rounds, nodes + answer.nodes
        found = self._proven(first, best, steps, options)
        found = replace(found, rounds=rounds, nodes=nodes)
        if not is_open.any():
            return found
        return unfinished(found, answer.limit or Limit.OTHER, answer.message)

    def _climbed_whole(
        self, first: Answer, deadline: Deadline, tighter: SolveOptions, options: SolveOptions
    ) -> Answer:
        question, openers = self._question, (self._opener, self._linear_opener)

        def solve(program: Program, nodes: int) -> Answer:
            left = replace(tighter.after(nodes=nodes), start=None)
            try:
                level = WholeLevel(question, program, self._tangents, *openers)
                answer = level.solve(deadline.options(left))
                level.close()
            except SolverFailure as failure:
                # The levels before are known.
                return broken_down(str(failure))
            return answer

        def opened(left: Question, linear: Program) -> NestedLeximinSession:
            return NestedLeximinSession(left, linear, Nested(name="leximin"), *openers)

        def best_around(decision: Floats) -> Floats:
            return best_with_whole_part(question, self._program, decision, opened, deadline)

        ladder = WholeLadder(question, self._program, solve, best_around, options.relative_gap)
        return whole_answer(question, first, ladder.climb(first), options)

    def _next(
        self, is_open: Booleans, kept: Floats, best: Floats | None, options: SolveOptions
    ) -> tuple[Answer, Floats]:
        question = _level_question(self._question, is_open, kept * (1.0 - SLACK))
        program = _level_program(self._program, is_open, kept)
        openers = self._opener, self._linear_opener
        try:
            level = NestedLevel(question, program, self._tangents, *openers)
            level.best = best
            answer = level.solve(replace(options, start=None))
            level.close()
        except SolverFailure as failure:
            return broken_down(str(failure)), np.zeros(len(kept))
        return answer, level.worth if answer.decision is not None else np.zeros(len(kept))

    def _step(
        self,
        certificate: Certificate,
        utility: Floats,
        worth: Floats,
        is_open: Booleans,
        kept: Floats,
        options: SolveOptions,
    ) -> _Step:
        """Return who is settled at a level: those who could get no more than it, nearly."""
        weight = self._question.grouping.weight
        share = np.where(is_open, worth * weight, 0.0)
        if not share.any():
            # Without multipliers, those who are worst off.
            level = np.where(is_open, utility / weight, np.inf)
            share = (level <= level.min()).astype(np.float64)
        share = np.where(share > TRACE * share.max(), share, 0.0)
        share = share / share.sum()
        most = most_of_settled(share, certificate.value, certificate.bound)
        most = np.where(is_open, most, np.inf)
        near = certificate.value * (1.0 + SETTLED * options.relative_gap)
        return _Step(
            is_open=is_open,
            kept=kept * (1.0 - SLACK),
            settled=is_open & ((most <= near) | (most <= most.min())),
            share=share,
            certificate=certificate,
        )

    def _utility(self, decision: Floats) -> Floats:
        return nested_family(self._question).group_utility(self._question.utility(decision))

    def _proven(
        self, first: Answer, last: Answer, steps: Sequence[_Step], options: SolveOptions
    ) -> Answer:
        """Return the answer of the last level with what is known of all."""
        if last.decision is None:
            return first
        utility = self._utility(last.decision)
        levels = tuple(self._level(step, utility) for step in steps)
        return with_all_levels(self._question, first, last.decision, levels, options)

    def _level(self, step: _Step, utility: Floats) -> Level:
        family, per_weight = nested_family(self._question), utility / self._question.grouping.weight
        value = float(per_weight[step.is_open].min())
        is_kept = bool((utility >= step.kept)[~step.is_open].all())
        bound = step.certificate.bound if is_kept else np.inf
        if step.certificate.value <= value < bound * (1.0 + SLACK):
            bound = max(bound, value)
        share, got = step.share[step.settled], per_weight[step.settled]
        return Level(
            value=value,
            bound=bound,
            gap=gap_of_level(share, value, bound, got),
            bound_from=step.certificate.bound_from if is_kept else "none",
            settled=tuple(family.groups[g] for g in np.flatnonzero(step.settled).tolist()),
        )


def _can_have_something(question: Question) -> Booleans:
    """Return whose utility can be positive within bounds and budgets; all where nobody's can.

    Solvers would say that the others get 1e-17 at most, which is no proof.
    """
    can = most_of_groups(question, nested_family(question)) > 0.0
    is_fractional = not question.problem.integer.any()
    return can if can.any() and is_fractional else np.ones_like(can)


def _first_level(question: Question, program: Program) -> tuple[Question, Program]:
    is_open = _can_have_something(question)
    nothing = np.zeros(len(is_open))
    return _level_question(question, is_open, nothing), _level_program(program, is_open, nothing)


def _step_of_nothing(certificate: Certificate, settled: Booleans) -> _Step:
    """Return the step that settles who can have nothing."""
    return _Step(
        is_open=np.ones_like(settled),
        kept=np.zeros(len(settled)),
        settled=settled,
        share=settled / settled.sum(),
        certificate=replace(certificate, value=0.0, bound=0.0, bound_from="arithmetic"),
    )


def _level_question(question: Question, is_open: Booleans, kept: Floats) -> Question:
    level = MaxMinLevel(is_open=is_open, kept=kept)
    return replace(question, family=replace(nested_family(question), outer=level))


def _level_program(program: Program, is_open: Booleans, kept: Floats) -> Program:
    lower, upper = program.column_lower.copy(), program.row_upper.copy()
    groups = program.columns_of("group_utility")
    lower[groups] = np.maximum(lower[groups], np.where(is_open, 0.0, kept))
    upper[program.rows_of("worst_limit")] = np.where(is_open, 0.0, np.inf)
    return replace(program, column_lower=lower, row_upper=upper)
