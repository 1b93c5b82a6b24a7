"""Lexicographic max-min of whole decisions: how many get less than a level, and never who.

Level k, the k-th smallest utility per weight, is the largest z such that at most k - 1 get less:

    max z    with  utility_g >= weight_g z - most_g below_g,   sum of below_g <= k - 1,  0/1 below_g

and with the same two rows and columns of its own for every level before, at its value. A level that
the decision reaches already, as when several get the same, needs no program where nothing can be
better.

Ogryczak (1997), Eur. J. Oper. Res. 97, 148-155; Ogryczak & Sliwinski (2003), Eur. J. Oper. Res.
148, 80-91.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from librex_models.families import NestedFairness, compared_utility
from librex_models.routes.leximin_service import needs_service, number_left_out, service_program
from librex_models.routes.route import Answer, Floats, Question
from librex_models.verification import Level, Verdict, region, relative_gap
from librex_models.verification.certificate import CLAIM_TOLERANCE
from solvers import Block, Program, Status
from solvers.program import Integers, has_wide_rows, with_rows

ROUNDING = 1e-9
FLOOR_SLACKS = (3e-7, 1e-9, 1e-6)
"""Levels before are asked for less this much, relative: HiGHS 1.15 calls some of these programs
infeasible, with 1e-9 most of all. A decision that makes use of it is not taken; where that leaves a
gap, the second is tried, and the third where neither does."""
MOST_PROGRAMS = 5
"""For each level, if levels before it rise again and again."""


def most_per_weight(question: Question) -> Floats:
    """Return what each could have per weight, alone."""
    own = region(question.problem, by_budgets=True)
    most = question.grouping.utility(np.maximum(question.reward, 0.0), np.maximum(own.upper, 0.0))
    return compared_utility(question.family, most) / question.grouping.weight


def level_program(
    question: Question,
    program: Program,
    levels: Sequence[float],
    counts: Sequence[int],
    k: int,
    slack: float,
) -> Program:
    """Return the program of the k-th level.

    Parameters
    ----------
    question : Question
    program : Program
        Of the first level; its rows ``worst_limit`` become those of this one.
    levels, counts : sequences
        Different levels before, and how many may have less than each.
    k : int
        At least 1; k - 1 may have less than the level.
    slack : float
        Relative, of the levels before.
    """
    grouping, labels = question.grouping, question.grouping.compared
    n_groups, before = len(labels), compared_utility(question.family, grouping.history)
    most = most_per_weight(question)
    # The k-th level is at most the k-th smallest of these, and nobody is below by more than that.
    ceiling = float(np.sort(most)[k - 1])
    worst, limit = program.columns_of("worst"), program.rows_of("worst_limit")
    short = np.maximum(grouping.weight * ceiling - before, 0.0)
    upper = program.column_upper.copy()
    upper[worst] = ceiling
    extended = _with_counting(
        replace(program, column_upper=upper),
        "below",
        np.arange(limit.start, limit.stop),
        -short,
        k - 1,
    )
    for number, (level, count) in enumerate(zip(levels, counts, strict=True), start=1):
        if level <= 0.0:
            continue
        asked = grouping.weight * level * (1.0 - slack)
        short = np.maximum(asked - before, 0.0)
        first = extended.n_rows
        extended = _with_floors(extended, f"level_{number}", labels, asked)
        rows = np.arange(first, first + n_groups)
        extended = _with_counting(extended, f"below_{number}", rows, short, count)
    return extended


def _with_floors(program: Program, name: str, labels: Sequence[Hashable], floor: Floats) -> Program:
    """Return the Program with rows utility_g >= floor_g."""
    n = len(floor)
    groups = program.columns_of("group_utility")
    utility = groups if groups.stop > groups.start else program.columns_of("utility")
    columns = np.arange(utility.start, utility.stop)
    rows = sparse.csr_array((np.ones(n), (np.arange(n), columns)), shape=(n, program.n_columns))
    return with_rows(program, rows, floor, np.full(n, np.inf), Block(name=name, labels=labels))


def _with_counting(
    program: Program, name: str, rows: Integers, entry: Floats, count: int
) -> Program:
    """Return the Program with a 0/1 column in each of some rows, at most `count` of them 1."""
    n = len(rows)
    switches = sparse.csc_array((entry, (rows, np.arange(n))), shape=(program.n_rows, n))
    counting = sparse.hstack(
        [sparse.csr_array((1, program.n_columns)), sparse.csr_array(np.ones((1, n)))]
    )
    matrix = sparse.csc_array(sparse.vstack([sparse.hstack([program.matrix, switches]), counting]))
    # Who has it by history alone is never below.
    matrix.eliminate_zeros()
    return replace(
        program,
        objective=np.concatenate([program.objective, np.zeros(n)]),
        matrix=matrix,
        row_lower=np.concatenate([program.row_lower, [-np.inf]]),
        row_upper=np.concatenate([program.row_upper, [float(count)]]),
        column_lower=np.concatenate([program.column_lower, np.zeros(n)]),
        column_upper=np.concatenate([program.column_upper, np.ones(n)]),
        integer=np.concatenate([program.integer, np.ones(n, dtype=np.bool_)]),
        row_blocks=(*program.row_blocks, Block(name=f"count_{name}")),
        column_blocks=(*program.column_blocks, Block(name=name, labels=range(n))),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeClimb:
    """How far the levels of whole decisions were found.

    Parameters
    ----------
    decision : array of shape (n_options,)
    levels : tuple of Level
    stopped : Answer or None
        Of the level that was not settled; None where all are.
    rounds, nodes : int
    """

    decision: Floats
    levels: tuple[Level, ...]
    stopped: Answer | None
    rounds: int
    nodes: int


class WholeLadder:
    """Climbs from level to level, one program each.

    Parameters
    ----------
    question : Question
    program : Program
        Of the first level.
    solve : callable of Program and int
        Solves the program of a level after so many nodes.
    best_around : callable of a decision
        Returns the best decision with the same whole part, level by level.
    gap : float
        Relative, to which levels are to be proven.
    """

    def __init__(
        self,
        question: Question,
        program: Program,
        solve: Callable[[Program, int], Answer],
        best_around: Callable[[Floats], Floats],
        gap: float,
    ) -> None:
        self._question, self._program, self._gap = question, program, gap
        self._solve, self._best_around = solve, best_around
        self._ceilings = np.sort(most_per_weight(question))
        self._bounds: list[float] = []
        self._sources: list[str] = []
        self._rounds = self._nodes = 0

    def climb(self, first: Answer) -> WholeClimb:
        """Return the levels above the first, whose decision is known."""
        start = np.zeros(0) if first.decision is None else first.decision
        self._decision = self._best_around(start)
        self._reached = _sorted_levels(self._question, self._decision)
        self._bounds, self._sources = [first.certificate.bound], [first.certificate.bound_from]
        self._rounds, self._nodes = first.rounds, first.nodes
        self._prove_nothing()
        for _ in range(MOST_PROGRAMS * len(self._reached)):
            k = len(self._bounds) + 1
            if k > len(self._reached):
                break
            if self._reached[k - 1] >= self._ceilings[k - 1] * (1.0 - ROUNDING):
                self._prove(float(self._ceilings[k - 1]), "arithmetic")
                continue
            stopped = self._take_level(k)
            if stopped is not None:
                return self._climbed(stopped)
        for ceiling in self._ceilings[len(self._bounds) :].tolist():
            self._prove(ceiling, "arithmetic")
        return self._climbed(None)

    def _climbed(self, stopped: Answer | None) -> WholeClimb:
        levels = _levels(self._question, self._reached, self._bounds, self._sources)
        return WholeClimb(
            decision=self._decision,
            levels=levels,
            stopped=stopped,
            rounds=self._rounds,
            nodes=self._nodes,
        )

    def _prove(self, bound: float, source: str) -> None:
        self._bounds.append(bound)
        self._sources.append(source)

    def _prove_nothing(self) -> None:
        """Prove that levels are zero, where somebody is not served at all."""
        question = self._question
        is_nested = isinstance(question.family, NestedFairness)
        if self._reached[0] != 0.0 or is_nested or not needs_service(question).any():
            return
        answer = self._solve(service_program(question, self._program), self._nodes)
        self._rounds, self._nodes = self._rounds + answer.rounds, self._nodes + answer.nodes
        if answer.status is not Status.OPTIMAL or has_wide_rows(self._program):
            return
        n_zero = number_left_out(question, answer.certificate.solver_bound)
        if n_zero > 0:
            self._bounds, self._sources = [0.0] * n_zero, ["solver"] * n_zero

    def _take_level(self, k: int) -> Answer | None:
        """Prove level k, or go back to a level that rose; return the answer that settles nothing.

        With less slack below the levels before, a bound is lower, if the solver can do with it.
        """
        ceiling, bound = float(self._ceilings[k - 1]), np.inf
        for slack in FLOOR_SLACKS:
            if slack > FLOOR_SLACKS[0] and np.isfinite(bound):
                break
            answer, is_sure = self._solved(k, slack)
            if answer.decision is not None and self._has_risen(answer.decision, k):
                return None
            is_refuted = answer.certificate.verdict is Verdict.REFUTED
            if answer.status is Status.OPTIMAL and not is_refuted:
                proven = answer.certificate.solver_bound if is_sure else ceiling
                bound = min(bound, proven, ceiling)
            elif answer.limit is not None:
                return answer
            if relative_gap(bound, float(self._reached[k - 1])) <= self._gap:
                break
        if np.isinf(bound):
            return answer
        self._prove(bound, "solver" if bound < ceiling else "arithmetic")
        return None

    def _solved(self, k: int, slack: float) -> tuple[Answer, bool]:
        """Solve the program of a level, and return whether the solver's bound can be relied on."""
        levels, counts = _different(self._reached[: k - 1])
        program = level_program(self._question, self._program, levels, counts, k, slack)
        answer = self._solve(program, self._nodes)
        self._rounds, self._nodes = self._rounds + answer.rounds, self._nodes + answer.nodes
        return answer, not has_wide_rows(program)

    def _has_risen(self, decision: Floats, k: int) -> bool:
        """Take a decision that is better, and return whether a level before the k-th rose."""
        decision = self._best_around(decision)
        found = _sorted_levels(self._question, decision)
        rose = _first_difference(self._reached, found)
        if rose is None or found[rose] < self._reached[rose]:
            return False
        self._decision, self._reached = decision, found
        # What is above the level that rose was proven for less.
        proven = min(rose + 1, k - 1)
        is_before = proven < len(self._bounds)
        del self._bounds[proven:], self._sources[proven:]
        return is_before


def _different(levels: Floats) -> tuple[list[float], list[int]]:
    """Return the different levels, each with how many are below it."""
    first = [
        k
        for k, level in enumerate(levels.tolist())
        if k == 0 or level > levels[k - 1] + ROUNDING * abs(level)
    ]
    return levels[first].tolist(), first


def _first_difference(before: Floats, after: Floats) -> int | None:
    """Return the first place at which sorted levels differ by more than roundings."""
    apart = np.abs(after - before) > 2.0 * ROUNDING * np.maximum(np.abs(before), np.abs(after))
    return int(np.argmax(apart)) if apart.any() else None


def _sorted_levels(question: Question, decision: Floats) -> Floats:
    utility = compared_utility(question.family, question.utility(decision))
    return np.sort(utility / question.grouping.weight)


def least_positive(question: Question) -> float:
    """Return a utility per weight below which there is none but zero; 0 where there may be."""
    problem, grouping = question.problem, question.grouping
    if not problem.integer.all():
        return 0.0
    family, weight = question.family, grouping.weight
    if isinstance(family, NestedFairness):
        # Of a group that is served at all, one has that much at least, or all have.
        b = family.inner_alpha
        alone = family.size ** (1.0 / (1.0 - b)) if b < 1.0 else np.ones(len(weight))
        weight = (weight * alone)[family.members]
    links = grouping.links(question.reward)
    earned = links.earned / weight[links.group]
    before = grouping.history / weight
    return float(np.concatenate([earned[earned > 0.0], before[before > 0.0]]).min(initial=np.inf))


def _levels(
    question: Question, reached: Floats, bounds: Sequence[float], sources: Sequence[str]
) -> tuple[Level, ...]:
    levels, least = [], least_positive(question) * (1.0 - ROUNDING)
    for value, proven, source in zip(reached.tolist(), bounds, sources, strict=False):
        bound = 0.0 if value == 0.0 and proven < least else proven
        within = bound > value - CLAIM_TOLERANCE * max(abs(value), ROUNDING)
        most = max(bound, value) if within else bound
        gap = relative_gap(most, value)
        levels.append(Level(value=value, bound=most, gap=gap, bound_from=source))
    return tuple(levels)
