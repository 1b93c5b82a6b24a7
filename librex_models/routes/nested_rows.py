"""What nested fairness has beside its tangents: bounds, and what whole decisions say of nothing.

    nothing_of[i]   where all that a member can earn is whole, nothing is exactly nothing:
                    group_utility_g <= most_g sum_j x_j                           b >= 1
                    (1 - b) member_part_i + group_utility_g
                        <= most_g^b sum_j earned_j^(1 - b) x_j                    b < 1
    no_welfare      where all that a group (b < 1) or one of its members (b >= 1) can earn is
                    whole, alpha < 1:
                    (1 - alpha) welfare_of_g + 1 <= (most_g / unit)^(1 - alpha) sum_j x_j
    served[i]       sum_j x_j >= 1 over the options that earn, where welfare demands it

over the options j, if any, of a member i (or of all of a group) without history, of a group that
cannot have more than most_g; b is the inner aversion. For whole x, (sum_j earned_j x_j)^(1 - b) is
at most sum_j earned_j^(1 - b) x_j.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import sparse

from librex_models.families import NestedFairness
from librex_models.routes.leximin_service import needs_service
from librex_models.routes.route import Floats, Question
from librex_models.verification import region
from solvers import Program
from solvers.program import Block, Integers, with_rows

ROUNDING = 1e-9

Part = tuple[Integers, Integers, Floats]
"""Rows, columns and entries."""


def most_of_groups(question: Question, family: NestedFairness) -> Floats:
    """Return what the utilities of groups can be at most, within bounds and each budget alone."""
    own = region(question.problem, by_budgets=True)
    most = family.group_utility(question.utility(np.maximum(own.upper, own.lower)))
    return np.asarray(most * (1.0 + ROUNDING))


def bounded(question: Question, family: NestedFairness, program: Program, most: Floats) -> Program:
    """Return the Program with bounds of groups' utilities, and the rows at the head of this file.

    Tangents alone do not bound them, and a bound below a solver's tolerance does not exclude zero.
    """
    upper = program.column_upper.copy()
    upper[program.columns_of("group_utility")] = most
    program = replace(program, column_upper=upper)
    program = _with_rows_of_nothing(question, family, program, most)
    return _with_service(question, family, program)


def _with_rows_of_nothing(
    question: Question, family: NestedFairness, program: Program, most: Floats
) -> Program:
    option, member, earned = question.grouping.links(question.reward)
    needy = needs_service(question)
    links = np.flatnonzero(needy[member] & (earned > 0.0))
    who = np.flatnonzero(needy)
    row = np.searchsorted(who, member[links])
    group, b = family.members[who], family.inner_alpha
    if np.isinf(b) or not who.size:
        return program
    every, ones = np.arange(len(who)), np.ones(len(who))
    factor = most[group][row]
    parts = [(every, program.columns_of("group_utility").start + group, ones)]
    if b < 1.0:
        parts.append((every, program.columns_of("member_part").start + who, (1.0 - b) * ones))
        factor = factor**b * earned[links] ** (1.0 - b)
    parts.append((row, program.columns_of("x").start + option[links], -factor))
    labels = [question.grouping.labels[i] for i in who.tolist()]
    return _with_rows(program, "nothing_of", labels, parts, 0.0)


def _with_service(question: Question, family: NestedFairness, program: Program) -> Program:
    if not family.needs_every_group:
        return program
    needs = _needs(question, family)
    if not needs.labels:
        return program
    parts = [(needs.row, program.columns_of("x").start + needs.option, -np.ones(len(needs.row)))]
    return _with_rows(program, "served", needs.labels, parts, -1.0)


def with_rows_of_no_welfare(
    question: Question, family: NestedFairness, program: Program, most: Floats
) -> Program:
    """Return the linear Program in which groups without anything have exactly no welfare.

    Parameters
    ----------
    program : Program
        With columns ``welfare_of`` for V of ratios to a unit.
    most : array of shape (n_groups,)
        In that unit.
    """
    alpha, needs = family.outer.alpha, _needs(question, family)
    if alpha >= 1.0 or not needs.labels:
        return program
    welfare_of = program.columns_of("welfare_of").start + needs.group
    factor = most[needs.group][needs.row] ** (1.0 - alpha)
    every = np.arange(len(needs.labels))
    parts = [
        (every, welfare_of, np.full(len(every), 1.0 - alpha)),
        (needs.row, program.columns_of("x").start + needs.option, -factor),
    ]
    return _with_rows(program, "no_welfare", needs.labels, parts, -1.0)


class _Needs(NamedTuple):
    """Who has nothing, or whose group has nothing, without one of some whole options.

    Each row has a label and a group; each entry a row and the option that serves it.
    """

    labels: Sequence[Hashable]
    group: Integers
    row: Integers
    option: Integers


def _needs(question: Question, family: NestedFairness) -> _Needs:
    option, member, earned = question.grouping.links(question.reward)
    needy, labels, row_of = needs_service(question), question.grouping.labels, member
    group_of = family.members
    if family.inner_alpha < 1.0:
        # One of the group is enough.
        needy = np.bincount(family.members, ~needy, minlength=len(family.groups)) == 0
        labels, row_of = family.groups, family.members[member]
        group_of = np.arange(len(family.groups))
    links = np.flatnonzero((earned > 0.0) & needy[row_of])
    who, row = np.unique(row_of[links], return_inverse=True)
    named = [labels[i] for i in who.tolist()]
    return _Needs(named, group_of[who], row.astype(np.int64), option[links])


def _with_rows(
    program: Program, name: str, labels: Sequence[Hashable], parts: Sequence[Part], upper: float
) -> Program:
    """Return the Program with further rows, each at most `upper`."""
    rows, columns, entries = (np.concatenate(one) for one in zip(*parts, strict=True))
    n_rows = len(labels)
    further = sparse.csc_array((entries, (rows, columns)), shape=(n_rows, program.n_columns))
    nothing = np.full(n_rows, -np.inf)
    block = Block(name=name, labels=labels)
    return with_rows(program, further, nothing, np.full(n_rows, upper), block)
