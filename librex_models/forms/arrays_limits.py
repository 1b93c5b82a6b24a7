"""Floors, ceilings and caps on inequality in arrays: rows over the columns ``utility``.

    utility_floor[g]     utility_g >= floor_g         where there is one
    utility_ceiling[g]   utility_g <= ceiling_g       where there is one
    below_highest[g]     utility_g - highest <= 0
    above_lowest[g]      utility_g - lowest >= 0
    spread_limit         highest - lowest <= spread_cap
    difference_of[p]     utility_g - utility_h - difference_p <= 0      p the pairs g before h
    place_of[q]          ... - place_q = 0              of many groups only, see below
    gini_limit           sum_p (2 difference_p - utility_g + utility_h)
                             <= n gini_cap sum_g utility_g

The last two say that the sum of all differences is at most n gini_cap times the sum of utilities,
since |a - b| = 2 max(a - b, 0) - (a - b). Of many groups not all pairs are compared, but those of a
sorting network, with what earlier differences have moved to a place; see `problem.gini_rows`.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from librex_models.problem import Grouping
from librex_models.problem.fairness_limits import FairnessLimits
from librex_models.problem.gini_rows import gini_rows
from solvers.builder import ProgramBuilder, constant
from solvers.program import Block, Floats


def limits_in_arrays(builder: ProgramBuilder, grouping: Grouping) -> None:
    """Declare what is demanded of utilities."""
    limits = grouping.limits
    if limits is None:
        return
    _declare_sides(builder, grouping, limits)
    if limits.has_spread_cap:
        _declare_spread(builder, grouping, limits)
    if limits.has_gini_cap:
        _declare_gini(builder, grouping, limits)


def _declare_sides(builder: ProgramBuilder, grouping: Grouping, limits: FairnessLimits) -> None:
    unbounded = np.full(len(grouping), np.inf)
    sides = (
        ("utility_floor", limits.with_floor, limits.floor, unbounded),
        ("utility_ceiling", limits.with_ceiling, -unbounded, limits.ceiling),
    )
    for name, who, lower, upper in sides:
        if who.size:
            labels = [grouping.labels[g] for g in who.tolist()]
            builder.add_rows(
                Block(name=name, labels=labels), constant(lower[who]), constant(upper[who])
            )
            chosen = sparse.csc_array(sparse.eye_array(len(grouping), format="csr")[who])
            builder.add_entries(name, "utility", chosen, constant(chosen.data))


def _declare_spread(builder: ProgramBuilder, grouping: Grouping, limits: FairnessLimits) -> None:
    n_groups = len(grouping)
    identity = sparse.eye_array(n_groups, format="csc")
    minus_one = sparse.csc_array(-np.ones((n_groups, 1)))
    unbounded, nothing = constant(np.full(n_groups, np.inf)), constant(np.zeros(n_groups))
    opposite = constant(np.full(n_groups, -np.inf))
    for column, row, lower, upper in (
        ("highest", "below_highest", opposite, nothing),
        ("lowest", "above_lowest", nothing, unbounded),
    ):
        builder.add_columns(Block(name=column), np.zeros(1), np.full(1, np.inf))
        builder.add_rows(Block(name=row, labels=grouping.labels), lower, upper)
        builder.add_entries(row, "utility", identity, constant(identity.data))
        builder.add_entries(row, column, minus_one, constant(minus_one.data))
    builder.add_rows(
        Block(name="spread_limit"),
        constant(np.full(1, -np.inf)),
        constant(np.array([limits.spread_cap])),
    )
    for column, sign in (("highest", 1.0), ("lowest", -1.0)):
        single = sparse.csc_array(np.array([[sign]]))
        builder.add_entries("spread_limit", column, single, constant(single.data))


def _declare_gini(builder: ProgramBuilder, grouping: Grouping, limits: FairnessLimits) -> None:
    n_groups = len(grouping)
    rows = gini_rows(n_groups)
    blocks = [("difference", "difference_of", rows.difference_of, -np.inf)]
    if rows.n_places:
        blocks.append(("place", "place_of", rows.place_of, 0.0))
    for column, row, matrices, least in blocks:
        size = matrices["utility"].shape[0]
        unbounded, nothing = np.full(size, np.inf), np.zeros(size)
        builder.add_columns(Block(name=column, labels=range(size)), nothing, unbounded)
        block = Block(name=row, labels=range(size))
        builder.add_rows(block, constant(np.full(size, least)), constant(nothing))
    for _, row, matrices, _ in blocks:
        for column, matrix in matrices.items():
            if matrix.shape[1]:
                by_column = sparse.csc_array(matrix)
                builder.add_entries(row, column, by_column, constant(by_column.data))
    builder.add_rows(Block(name="gini_limit"), constant(np.full(1, -np.inf)), constant(np.zeros(1)))
    # Dense, so that entries that happen to be zero are there in all forms.
    own = _dense_row(rows.of_utilities(limits.gini_cap))
    builder.add_entries("gini_limit", "utility", own, constant(own.data))
    twice = _dense_row(rows.twice)
    builder.add_entries("gini_limit", "difference", twice, constant(twice.data))


def _dense_row(numbers: Floats) -> sparse.csc_array:
    n = len(numbers)
    return sparse.csc_array((numbers, np.zeros(n, dtype=np.int64), np.arange(n + 1)), shape=(1, n))
