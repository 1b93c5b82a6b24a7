"""Floors, ceilings and caps on inequality in CVXPY; `arrays_limits` says the same in arrays."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import cvxpy
from scipy import sparse

from librex_models.problem import Grouping
from librex_models.problem.gini_rows import gini_rows

# CVXPY declares its operators without types.
Expression = Any


def limits_in_cvxpy(grouping: Grouping, utility: cvxpy.Variable) -> list[Expression]:
    """Return what is demanded of utilities as constraints with labels."""
    limits = grouping.limits
    if limits is None:
        return []
    constraints = []
    identity = sparse.eye_array(len(grouping), format="csr")
    who = limits.with_floor
    if who.size:
        least = identity[who] @ utility >= limits.floor[who]
        constraints.append(labelled("utility_floor", least))
    who = limits.with_ceiling
    if who.size:
        most = identity[who] @ utility <= limits.ceiling[who]
        constraints.append(labelled("utility_ceiling", most))
    if limits.has_spread_cap:
        constraints += _spread(utility, limits.spread_cap)
    if limits.has_gini_cap:
        constraints += _gini(grouping, utility, limits.gini_cap)
    return constraints


def labels_of_limits(grouping: Grouping) -> dict[str, Sequence[Hashable]]:
    """Return the labels of those constraints that are not about everybody."""
    limits, labels = grouping.limits, grouping.labels
    if limits is None:
        return {}
    return {
        "utility_floor": [labels[g] for g in limits.with_floor.tolist()],
        "utility_ceiling": [labels[g] for g in limits.with_ceiling.tolist()],
        "below_highest": labels,
        "above_lowest": labels,
    }


def _spread(utility: cvxpy.Variable, cap: float) -> list[Expression]:
    highest = cvxpy.Variable(name="highest", nonneg=True)
    lowest = cvxpy.Variable(name="lowest", nonneg=True)
    return [
        labelled("below_highest", utility - highest <= 0.0),
        labelled("above_lowest", utility - lowest >= 0.0),
        labelled("spread_limit", highest - lowest <= cap),
    ]


def _gini(grouping: Grouping, utility: cvxpy.Variable, cap: float) -> list[Expression]:
    rows = gini_rows(len(grouping))
    difference = cvxpy.Variable(len(rows.twice), name="difference", nonneg=True)
    columns = {"utility": utility, "difference": difference}
    constraints = []
    if rows.n_places:
        columns["place"] = cvxpy.Variable(rows.n_places, name="place", nonneg=True)
        constraints.append(labelled("place_of", _sum_of(rows.place_of, columns) == 0.0))
    constraints.append(labelled("difference_of", _sum_of(rows.difference_of, columns) <= 0.0))
    own = rows.of_utilities(cap) @ utility
    constraints.append(labelled("gini_limit", own + rows.twice @ difference <= 0.0))
    return constraints


def _sum_of(
    matrices: Mapping[str, sparse.csr_array], columns: Mapping[str, cvxpy.Variable]
) -> Expression:
    return sum(matrices[name] @ column for name, column in columns.items())


def labelled(label: str, constraint: Expression) -> Expression:
    """Return the constraint under a label."""
    constraint.label = label
    return constraint
