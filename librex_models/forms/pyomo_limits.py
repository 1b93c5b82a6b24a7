"""Floors, ceilings and caps on inequality in Pyomo; `arrays_limits` says the same in arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy import sparse

from librex_models.problem import Grouping
from librex_models.problem.fairness_limits import FairnessLimits
from librex_models.problem.gini_rows import gini_rows


def limits_in_pyomo(block: Any, grouping: Grouping) -> None:
    """Declare what is demanded of utilities on a block that has ``utility``."""
    limits = grouping.limits
    if limits is None:
        return
    _declare_sides(block, grouping, limits)
    if limits.has_spread_cap:
        _declare_spread(block, limits)
    if limits.has_gini_cap:
        _declare_gini(block, grouping, limits)


def _declare_sides(block: Any, grouping: Grouping, limits: FairnessLimits) -> None:
    import pyomo.environ as pyomo

    labels = grouping.labels
    if limits.with_floor.size:
        floor = {labels[g]: float(limits.floor[g]) for g in limits.with_floor.tolist()}
        block.utility_floor = pyomo.Constraint(block.groups)
        for g, least in floor.items():
            block.utility_floor[g] = block.utility[g] >= least
    if limits.with_ceiling.size:
        ceiling = {labels[g]: float(limits.ceiling[g]) for g in limits.with_ceiling.tolist()}
        block.utility_ceiling = pyomo.Constraint(block.groups)
        for g, most in ceiling.items():
            block.utility_ceiling[g] = block.utility[g] <= most


def _declare_spread(block: Any, limits: FairnessLimits) -> None:
    import pyomo.environ as pyomo

    block.highest = pyomo.Var(within=pyomo.NonNegativeReals)
    block.lowest = pyomo.Var(within=pyomo.NonNegativeReals)
    block.below_highest = pyomo.Constraint(block.groups)
    block.above_lowest = pyomo.Constraint(block.groups)
    for g in block.groups:
        block.below_highest[g] = block.utility[g] - block.highest <= 0.0
        block.above_lowest[g] = block.utility[g] - block.lowest >= 0.0
    block.spread_limit = pyomo.Constraint(expr=block.highest - block.lowest <= limits.spread_cap)


def _declare_gini(block: Any, grouping: Grouping, limits: FairnessLimits) -> None:
    import pyomo.environ as pyomo

    labels, n_groups = grouping.labels, len(grouping)
    rows = gini_rows(n_groups)
    columns = {"utility": [block.utility[g] for g in labels]}
    block.pairs = pyomo.Set(initialize=list(range(len(rows.twice))))
    block.difference = pyomo.Var(block.pairs, within=pyomo.NonNegativeReals)
    columns["difference"] = list(block.difference.values())
    if rows.n_places:
        block.places = pyomo.Set(initialize=list(range(rows.n_places)))
        block.place = pyomo.Var(block.places, within=pyomo.NonNegativeReals)
        columns["place"] = list(block.place.values())
        block.place_of = pyomo.Constraint(block.places)
        for q in block.places:
            block.place_of[q] = _sum_of(rows.place_of, q, columns) == 0.0
    block.difference_of = pyomo.Constraint(block.pairs)
    for p in block.pairs:
        block.difference_of[p] = _sum_of(rows.difference_of, p, columns) <= 0.0
    coefficient = rows.of_utilities(limits.gini_cap).tolist()
    own = pyomo.quicksum(c * block.utility[g] for c, g in zip(coefficient, labels, strict=True))
    twice = pyomo.quicksum(c * block.difference[p] for p, c in enumerate(rows.twice.tolist()))
    block.gini_limit = pyomo.Constraint(expr=own + twice <= 0.0)


def _sum_of(
    matrices: Mapping[str, sparse.csr_array], row: int, columns: Mapping[str, list[Any]]
) -> Any:
    """Return a row as an expression of the columns of each block."""
    import pyomo.environ as pyomo

    terms = []
    for name, among in columns.items():
        matrix = matrices[name]
        place = slice(matrix.indptr[row], matrix.indptr[row + 1])
        pairs = zip(matrix.indices[place].tolist(), matrix.data[place].tolist(), strict=True)
        terms += [number * among[column] for column, number in pairs]
    return pyomo.quicksum(terms)
