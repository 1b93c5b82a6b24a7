"""The levels of a filling for max-min, each proven by prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from librex_models.families import MaxMinFairness
from librex_models.problem import Grouping
from librex_models.routes.filled import HAIR, Filled
from librex_models.routes.leximin import with_levels
from librex_models.routes.route import Floats
from librex_models.verification import (
    Certificate,
    Evidence,
    Level,
    Region,
    bound_from_prices,
    bounds_of_levels,
    certify,
    coupling_rows,
    region,
    relative_gap,
    rounding_of_nothing,
    violations,
)
from librex_models.verification.certificate import CLAIM_TOLERANCE
from librex_models.verification.price_bound import EPSILON, loosened
from solvers import SolveOptions
from solvers.program import Integers

SAME_LEVEL = 1e-12
LONG_HAIR = 4 * EPSILON


def best_proof(
    found: Filled, tried: list[tuple[Evidence, Floats]], options: SolveOptions
) -> tuple[Certificate, Floats]:
    """Return the certificate by the evidence with the lowest bound, and its price."""
    question = found.question
    rows = coupling_rows(question.problem, question.grouping)
    evidence, price = min(tried, key=lambda one: bound_from_prices(one[0], rows))
    certificate = certify(
        question.problem,
        question.grouping,
        question.family,
        found.decision,
        evidence,
        rows,
        relative_gap_wanted=options.relative_gap,
        absolute_gap_wanted=options.absolute_gap,
    )
    return certificate, price


def certificate_of_levels(found: Filled, options: SolveOptions) -> tuple[Certificate, Floats]:
    """Return the certificate of a max-min filling, and the price of its first level."""
    question = found.question
    slope = _cost_of_utility(found, HAIR)
    level = _level_of_each(found)
    lowest = np.flatnonzero(level == 0)
    together = np.where(level == 0, slope, 0.0)
    alone = np.zeros(len(slope))
    alone[lowest[int(np.argmin((found.utility / question.grouping.weight)[lowest]))]] = 1.0
    tried = [_multipliers(found, y) for y in (together, alone)]
    certificate, price = best_proof(found, tried, options)
    family = question.family
    if isinstance(family, MaxMinFairness) and family.lexicographic:
        certificate = with_levels(certificate, _levels(found, level), options)
    return certificate, price


def _multipliers(found: Filled, share: Floats) -> tuple[Evidence, Floats]:
    """Return the evidence by multipliers of the utilities, and the price of the budget."""
    total = float(share @ found.question.grouping.weight)
    y = share / total if total > 0.0 else share
    return found.evidence(y, y)


def _cost_of_utility(found: Filled, hair: float) -> Floats:
    """Return what the last unit of each utility cost, or the next would; shape (n_groups,)."""
    segments = found.market.segments
    is_part = np.zeros(len(found.utility), dtype=np.bool_)
    is_part[segments.group[(found.spent > 0) & (found.spent < segments.cost)]] = True
    last = found.last_cost * np.where(is_part, 1.0 - hair, 1.0 + hair)
    following = np.where(np.isfinite(found.next_cost), found.next_cost * (1.0 - hair), 0.0)
    cost = np.where(last > 0, last, following)
    # What would be free, but for a ceiling, is bounded by that alone.
    return np.where(found.market.is_satiated, 0.0, cost)


def _level_of_each(found: Filled) -> Integers:
    """Return the number of the level that each utility is on, the lowest being 0."""
    per_weight = found.utility / found.question.grouping.weight
    rising = found.market.segments.group[found.filling.is_rising]
    if rising.size:
        # They are one level but for roundings.
        per_weight[rising] = per_weight[rising].min()
    order = np.argsort(per_weight, kind="stable")
    ordered = per_weight[order]
    is_new = np.diff(ordered, prepend=ordered[:1]) > SAME_LEVEL * ordered
    level = np.empty(len(order), dtype=np.int64)
    level[order] = np.cumsum(is_new)
    return level


def _with_minimums_as_bounds(own: Region) -> Region:
    """Return the region with the minimum of whoever has one option as its lower bound."""
    has_one = np.bincount(own.agent_of_option, minlength=len(own.agent_minimum)) == 1
    least = np.where(has_one, own.agent_minimum, 0.0)[own.agent_of_option]
    return replace(own, lower=np.maximum(own.lower, np.minimum(least, own.upper)))


def _kept(grouping: Grouping, utility: Floats) -> tuple[Floats, Floats]:
    """Return what every decision gives at least and at most, as far as this one keeps to it."""
    limits = grouping.limits
    if limits is None:
        return np.zeros(len(utility)), np.full(len(utility), np.inf)
    return np.minimum(limits.floor, utility), np.maximum(limits.ceiling, utility)


def _levels(found: Filled, level: Integers) -> tuple[Level, ...]:
    question = found.question
    problem, grouping = question.problem, question.grouping
    own = _with_minimums_as_bounds(loosened(region(problem), violations(problem, found.decision)))
    price = np.zeros(problem.n_resources)
    if found.is_scarce:
        price[found.market.resource] = 1.0
    # Levels are bounded in long doubles: no more is lost than slopes are rounded.
    slope = _cost_of_utility(found, LONG_HAIR)
    floor, ceiling = _kept(grouping, found.utility)
    bound, most = bounds_of_levels(
        problem, grouping, slope, price, found.utility, level, own, floor, ceiling
    )
    nothing = rounding_of_nothing(problem, grouping)
    per_weight = found.utility / grouping.weight
    most = np.where((per_weight == 0.0) & (most < nothing), 0.0, most)
    order = np.argsort(level, kind="stable")
    ends = np.searchsorted(level[order], np.arange(len(bound) + 1))
    levels = []
    for number in range(len(bound)):
        members = order[ends[number] : ends[number + 1]]
        value = float(per_weight[members].min())
        most_here = float(bound[number])
        if value == 0.0 and most_here < nothing:
            most_here = 0.0
        if most_here > value - CLAIM_TOLERANCE * abs(value):
            most_here = max(most_here, value)
        got = per_weight[members]
        beyond = np.maximum(most[members], got)
        scale = np.where(beyond > 0, beyond, 1.0)
        gap = max(relative_gap(most_here, value), float(((beyond - got) / scale).max()))
        levels.append(
            Level(
                value=value,
                bound=most_here,
                gap=gap,
                bound_from="prices",
                settled=tuple(grouping.labels[g] for g in members.tolist()),
            )
        )
    return tuple(levels)
