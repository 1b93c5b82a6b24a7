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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from librex_models.routes.route import Answer, Floats, Question
from librex_models.verification import Level, Verdict, region, relative_gap
from librex_models.verification.certificate import CLAIM_TOLERANCE
from solvers import Block, Program, Status
from solvers.program import Integers

ROUNDING = 1e-9
FLOOR_SLACK = 3e-7
"""Levels before are asked for less this much, relative: with 1e-9 HiGHS 1.15 calls some of these
programs infeasible. A decision that makes use of it is not taken."""


def most_per_weight(question: Question) -> Floats:
    """Return what each could have per weight, alone."""
    own = region(question.problem, by_budgets=True)
    most = question.grouping.utility(np.maximum(question.reward, 0.0), np.maximum(own.upper, 0.0))
    return most / question.grouping.weight


def level_program(
    question: Question, program: Program, levels: Sequence[float], counts: Sequence[int], k: int
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
    """
    grouping = question.grouping
    n_groups = len(grouping)
    most = most_per_weight(question)
    # The k-th level is at most the k-th smallest of these, and nobody is below by more than that.
    ceiling = float(np.sort(most)[k - 1])
    worst, limit = program.columns_of("worst"), program.rows_of("worst_limit")
    short = np.maximum(grouping.weight * ceiling - grouping.history, 0.0)
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
        asked = grouping.weight * level * (1.0 - FLOOR_SLACK)
        short = np.maximum(asked - grouping.history, 0.0)
        first = extended.n_rows
        extended = _with_floors(extended, f"level_{number}", grouping.labels, asked)
        rows = np.arange(first, first + n_groups)
        extended = _with_counting(extended, f"below_{number}", rows, short, count)
    return extended


def _with_floors(program: Program, name: str, labels: Sequence[object], floor: Floats) -> Program:
    """Return the Program with rows utility_g >= floor_g."""
    n = len(floor)
    utility = program.columns_of("utility")
    columns = np.arange(utility.start, utility.stop)
    rows = sparse.csr_array((np.ones(n), (np.arange(n), columns)), shape=(n, program.n_columns))
    return replace(
        program,
        matrix=sparse.csc_array(sparse.vstack([program.matrix, rows])),
        row_lower=np.concatenate([program.row_lower, floor]),
        row_upper=np.concatenate([program.row_upper, np.full(n, np.inf)]),
        row_blocks=(*program.row_blocks, Block(name=name, labels=list(labels))),
    )


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


def climb_whole(
    question: Question,
    program: Program,
    first: Answer,
    solve: Callable[[Program, int], Answer],
) -> WholeClimb:
    """Return the levels above the first, whose decision is known.

    Parameters
    ----------
    question : Question
    program : Program
        Of the first level.
    first : Answer
        With a decision.
    solve : callable of Program and int
        Solves the program of a level after so many nodes.
    """
    decision = np.zeros(0) if first.decision is None else first.decision
    ceilings = np.sort(most_per_weight(question))
    reached = _sorted_levels(question, decision)
    source = first.certificate.bound_from
    bounds, sources = [first.certificate.bound], [source]
    rounds, nodes = first.rounds, first.nodes
    for k in range(2, len(reached) + 1):
        if reached[k - 1] >= ceilings[k - 1] * (1.0 - ROUNDING):
            bounds.append(float(ceilings[k - 1]))
            sources.append("arithmetic")
            continue
        values, places = np.unique(reached[: k - 1], return_index=True)
        levels = level_program(question, program, values.tolist(), places.tolist(), k)
        answer = solve(levels, nodes)
        rounds, nodes = rounds + answer.rounds, nodes + answer.nodes
        if answer.decision is not None:
            found = _sorted_levels(question, answer.decision)
            if _is_better(found, reached, k):
                decision, reached = answer.decision, found
        is_settled = answer.status is Status.OPTIMAL
        if not is_settled or answer.certificate.verdict is Verdict.REFUTED:
            return WholeClimb(
                decision=decision,
                levels=_levels(question, reached, bounds, sources),
                stopped=answer,
                rounds=rounds,
                nodes=nodes,
            )
        bounds.append(min(answer.certificate.solver_bound, float(ceilings[k - 1])))
        sources.append("solver")
    return WholeClimb(
        decision=decision,
        levels=_levels(question, reached, bounds, sources),
        stopped=None,
        rounds=rounds,
        nodes=nodes,
    )


def _sorted_levels(question: Question, decision: Floats) -> Floats:
    return np.sort(question.utility(decision) / question.grouping.weight)


def _is_better(found: Floats, reached: Floats, k: int) -> bool:
    """Return whether a decision keeps the levels before the k-th, and has more there."""
    kept = found[: k - 1] >= reached[: k - 1] * (1.0 - 2.0 * ROUNDING)
    return bool(kept.all()) and bool(found[k - 1] >= reached[k - 1])


def least_positive(question: Question) -> float:
    """Return a utility per weight below which there is none but zero; 0 where there may be."""
    problem, grouping = question.problem, question.grouping
    if not problem.integer.all():
        return 0.0
    earned = (grouping.share / grouping.weight)[grouping.of_option] * question.reward
    before = grouping.history / grouping.weight
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
