"""The levels of a filling for max-min, each proven by prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from librex_models.families import (
    Family,
    MaxMinFairness,
    NestedFairness,
    compared_utility,
    outer_of,
)
from librex_models.families.nested import ROUNDINGS
from librex_models.problem import Grouping
from librex_models.routes.filled import HAIR, Filled
from librex_models.routes.leximin import with_levels
from librex_models.routes.nested_filling import worth_of_members
from librex_models.routes.route import Floats
from librex_models.verification import (
    Certificate,
    Compared,
    Evidence,
    Level,
    Region,
    bound_from_prices,
    bounds_of_levels,
    certify,
    coupling_rows,
    most_alone,
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
SAME_NESTED_LEVEL = 1e-11
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
    slope, level = _slope(found, HAIR), _level_of_each(found)
    per_weight, of_label = _per_weight(found), _of_label(found)
    worst = int(np.argmin(np.where(level == 0, per_weight, np.inf)))
    together = np.where(level[of_label] == 0, slope, 0.0)
    alone = np.where(of_label == worst, slope if slope[of_label == worst].any() else 1.0, 0.0)
    tried = [_multipliers(found, y) for y in (together, alone)]
    # Who has nearly all that is possible needs no budget to be the worst off.
    evidence, price = tried[-1]
    if evidence.price is not None:
        free = replace(evidence, price=np.zeros_like(evidence.price))
        tried.append((free, np.zeros_like(price)))
    certificate, price = best_proof(found, tried, options)
    outer = outer_of(found.question.family)
    if isinstance(outer, MaxMinFairness) and outer.lexicographic:
        certificate = with_levels(certificate, _levels(found, level), options)
    return certificate, price


def is_max_min(family: Family) -> bool:
    """Return whether a family compares the lowest utility per weight, of groups or of agents."""
    return isinstance(outer_of(family), MaxMinFairness)


def _of_label(found: Filled) -> Integers:
    """Return for each label the place of the utility that is compared."""
    family = found.question.family
    return family.members if isinstance(family, NestedFairness) else np.arange(len(found.utility))


def _per_weight(found: Filled) -> Floats:
    question = found.question
    return compared_utility(question.family, found.utility) / question.grouping.weight


def _worth(found: Filled, slope: Floats) -> Floats:
    """Return what those that are compared are worth at slopes of labels."""
    family = found.question.family
    if not isinstance(family, NestedFairness):
        return slope
    return family.worth_of_groups(slope) * (1.0 - ROUNDINGS * EPSILON)


def _multipliers(found: Filled, share: Floats) -> tuple[Evidence, Floats]:
    """Return the evidence by multipliers of the utilities, and the price of the budget."""
    total = float(_worth(found, share) @ found.question.grouping.weight)
    y = share / total if total > 0.0 else share
    return found.evidence(y, y)


def _slope(found: Filled, hair: float) -> Floats:
    """Return slopes of utilities at which the budget costs 1; shape (n_labels,).

    Members of a nested group are worth what they are to it, at the highest price that was paid.
    """
    cost, family = _cost_of_utility(found, hair), found.question.family
    if not isinstance(family, NestedFairness):
        return cost
    segments = found.market.segments
    worth = worth_of_members(segments, family, found.utility)
    has_bought = np.zeros(len(worth), dtype=np.bool_)
    has_bought[segments.group[found.spent > 0]] = True
    n_groups, price = len(family.groups), cost / worth
    # Whoever has bought nothing yet would pay no less than that.
    highest, lowest = np.zeros(n_groups), np.full(n_groups, np.inf)
    np.maximum.at(highest, family.members[has_bought], price[has_bought])
    can_buy = ~has_bought & (cost > 0.0)
    np.minimum.at(lowest, family.members[can_buy], price[can_buy])
    paid = np.where(highest > 0.0, highest, np.where(np.isfinite(lowest), lowest, 0.0))
    return np.asarray(paid[family.members] * worth)


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
    per_weight = _per_weight(found)
    rising = _of_label(found)[found.market.segments.group[found.filling.is_rising]]
    is_nested = isinstance(found.question.family, NestedFairness)
    if rising.size and not is_nested:
        # They are one level but for roundings. A member may rise in a group that hardly does.
        per_weight[rising] = per_weight[rising].min()
    order = np.argsort(per_weight, kind="stable")
    ordered = per_weight[order]
    same = SAME_NESTED_LEVEL if is_nested else SAME_LEVEL
    is_new = np.diff(ordered, prepend=ordered[:1]) > same * ordered
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


def _compared(found: Filled, slope: Floats, alone: Floats, level: Integers) -> Compared:
    family = found.question.family
    up = 1.0 + ROUNDINGS * EPSILON if isinstance(family, NestedFairness) else 1.0
    return Compared(
        of_label=_of_label(found),
        weight=found.question.grouping.weight,
        utility=compared_utility(family, found.utility),
        alone=up * compared_utility(family, alone),
        worth=_worth(found, slope),
        level=level,
    )


def _levels(found: Filled, level: Integers) -> tuple[Level, ...]:
    question = found.question
    problem, grouping = question.problem, question.grouping
    own = _with_minimums_as_bounds(loosened(region(problem), violations(problem, found.decision)))
    price = np.zeros(problem.n_resources)
    if found.is_scarce:
        price[found.market.resource] = 1.0
    # Levels are bounded in long doubles: no more is lost than slopes are rounded.
    slope = _slope(found, LONG_HAIR)
    floor, ceiling = _kept(grouping, found.utility)
    compared = _compared(
        found, slope, np.minimum(most_alone(problem, grouping, own), ceiling), level
    )
    bound, most = bounds_of_levels(problem, grouping, slope, price, compared, own, floor)
    nothing = rounding_of_nothing(problem, grouping)
    per_weight = _per_weight(found)
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
                settled=tuple(grouping.compared[g] for g in members.tolist()),
            )
        )
    return tuple(levels)
