"""One budget under nested fairness: how much of it goes to each segment.

The best nested welfare is the best alpha-fair welfare over all members, for the inner aversion b,
where each counts with the weight of its group

    omega_g = weight_g group_utility_g^(b - alpha) / (size of g)

at the optimum itself: there both have the same slopes. At a price of the budget e^(-h) a member is
filled until utility^b = e^z_g rate, with

    z_g - (b - alpha) log group_utility_g(z_g) = log(weight_g / size of g) + h,

whose left side rises by no less than min(1, alpha / b) and no more than max(1, alpha / b): one
number for each group, by Newton's method between bounds; and h is where the budget is spent. The
weights that follow are filled once more, to the last unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.families import NestedFairness
from librex_models.routes.filling import Filling, filled
from librex_models.routes.route import Floats
from librex_models.routes.segments import Segments
from solvers.errors import SolverFailure

MOST_STEPS = 200
HUGE = 1e100
HIGHEST = 1e6
"""The logarithm of a price: beyond, nothing changes."""
HALVINGS = 60
HALVING = 4
"""After so many steps, one that halves what is left."""
CLOSE = 4 * float(np.finfo(np.float64).eps)
WORTHLESS = -1e4
"""The logarithm of the weight of a group that can never have anything."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Levels:
    """What members reach at the levels z of their groups.

    Parameters
    ----------
    log_utility : array of shape (n_groups,)
        Of the groups.
    elasticity : array of shape (n_groups,)
        By how much it rises with z.
    spending : float
    """

    log_utility: Floats
    elasticity: Floats
    spending: float


def nested_filled(
    segments: Segments, family: NestedFairness, weight: Floats, base: Floats
) -> Filling:
    """Return how the room is spent; alpha and the inner aversion are finite and above zero.

    Parameters
    ----------
    segments : Segments
        Of the members.
    family : NestedFairness
    weight : array of shape (n_groups,)
    base : array of shape (n_members,)
        The utilities before anything is spent.

    Raises
    ------
    SolverFailure
        If the levels are not found.
    """
    log_weight = np.log(weight)
    if family.has_terms:
        log_weight = log_weight - np.log(family.size)
    group = family.members[segments.group]
    if segments.cost.sum() <= segments.room or not len(group):
        return filled(segments, log_weight[group], family.inner_alpha)
    search = _Search if family.has_terms else _LevelSearch
    log_omega = search(segments, family, log_weight, base).at_the_room(max(segments.room, 0.0))
    return filled(segments, log_omega[group], family.inner_alpha)


def worth_of_members(segments: Segments, family: NestedFairness, utility: Floats) -> Floats:
    """Return in proportion to what more utility of each member is worth to its group.

    In a group without anything that is in proportion to what utility costs: nobody of it is then
    better than another.
    """
    cost = np.zeros(len(utility))
    first = np.flatnonzero(np.diff(segments.group, prepend=-1) != 0)
    cost[segments.group[first]] = 1.0 / segments.rate[first]
    has_nothing = (family.group_utility(utility) <= 0.0)[family.members]
    worth = np.where(has_nothing, cost, family.slope(utility))
    # Whoever can never have anything may be worth any amount.
    is_hopeless = (cost == 0.0) & (utility <= 0.0)
    return np.where(is_hopeless, HUGE * worth.max(initial=1.0), worth)


class _Search:
    """The levels of groups at a price, and the price of a room."""

    def __init__(
        self, segments: Segments, family: NestedFairness, log_weight: Floats, base: Floats
    ) -> None:
        self._segments, self._family, self._log_weight = segments, family, log_weight
        self._b, self._alpha = family.inner_alpha, family.outer.alpha
        with np.errstate(divide="ignore"):
            self._log_rate = np.log(segments.rate)
            self._log_start, self._log_end = np.log(segments.start), np.log(segments.end)
            self._log_base = np.log(base)
        self._group = family.members[segments.group]
        self._z = log_weight.copy()

    def at_the_room(self, room: float) -> Floats:
        """Return the levels of groups where the room is spent: log weights, but for a factor.

        The levels themselves: from utilities, weights would be less precise by alpha / b.
        """
        low, high = self._around(room)
        for _ in range(MOST_STEPS):
            middle = 0.5 * (low + high)
            levels = self._at(middle)
            if levels.spending > room:
                high = middle
            else:
                low = middle
            if high - low <= CLOSE * max(1.0, abs(low)):
                return np.where(np.isfinite(levels.log_utility), self._z, WORTHLESS)
        raise SolverFailure("not filled: no price of the budget was found")

    def _around(self, room: float) -> tuple[float, float]:
        """Return heights at which less and more than the room is spent."""
        low = high = 0.0
        step = 1.0
        while low > -HIGHEST and self._at(low).spending > room:
            low, step = low - step, 2.0 * step
        step = 1.0
        while self._at(high).spending <= room:
            if high > HIGHEST:
                # All is bought, but for a rounding error.
                return high, high
            high, step = high + step, 2.0 * step
        return low, high

    def _at(self, height: float) -> _Levels:
        """Return what is reached at a height, beginning with the levels before."""
        slopes = sorted((1.0, self._alpha / self._b))
        wanted = self._log_weight + height
        low, high = np.full_like(wanted, -np.inf), np.full_like(wanted, np.inf)
        z = self._z
        for number in range(MOST_STEPS):
            levels = self._reached(z)
            known = np.where(np.isfinite(levels.log_utility), levels.log_utility, 0.0)
            above = z - (self._b - self._alpha) * known - wanted
            low = np.maximum(low, np.where(above < 0.0, z - above / slopes[1], -np.inf))
            low = np.maximum(low, np.where(above > 0.0, z - above / slopes[0], -np.inf))
            high = np.minimum(high, np.where(above > 0.0, z - above / slopes[1], np.inf))
            high = np.minimum(high, np.where(above < 0.0, z - above / slopes[0], np.inf))
            error = CLOSE * (1.0 + np.abs(z) + np.abs(self._b - self._alpha) * np.abs(known))
            # Where utilities are much steeper than levels, doubles say no more of a level.
            width = CLOSE * (1.0 + np.abs(z))
            is_narrow = (high - low <= width) & (np.abs(z - low) <= width)
            is_found = (np.abs(above) <= error) | is_narrow
            if is_found.all():
                break
            slope = 1.0 - (self._b - self._alpha) * levels.elasticity
            step = z - above / np.minimum(np.maximum(slope, slopes[0]), slopes[1])
            if number % HALVING == HALVING - 1:
                is_between = np.isfinite(low) & np.isfinite(high)
                step[is_between] = 0.5 * (low[is_between] + high[is_between])
            z = np.where(is_found, z, np.minimum(np.maximum(step, low), high))
        self._z = z
        return levels

    def _reached(self, z: Floats) -> _Levels:
        segments, family, b = self._segments, self._family, self._b
        level = (z[self._group] + self._log_rate) / b
        is_begun = level > self._log_start
        with np.errstate(over="ignore"):
            reached = np.where(is_begun, np.minimum(level, self._log_end), -np.inf)
            gained = np.where(is_begun, np.exp(reached) - segments.start, 0.0)
            spent = np.minimum(gained / segments.rate, segments.cost)
        log_own = self._log_base.copy()
        np.maximum.at(log_own, segments.group, reached)
        is_filling = np.zeros(len(log_own), dtype=np.bool_)
        is_filling[segments.group[is_begun & (level < self._log_end)]] = True
        log_utility = family.log_group_utility(log_own)
        # Who can never have anything is bought nothing in the end.
        spent = np.where(np.isfinite(log_utility)[self._group], spent, 0.0)
        of_member = log_utility[family.members]
        with np.errstate(over="ignore", invalid="ignore"):
            share = np.exp((1.0 - b) * (log_own - of_member))
        share = np.where(is_filling & np.isfinite(of_member), share, 0.0)
        total = np.bincount(family.members, share, minlength=len(z)) / family.size
        return _Levels(
            log_utility=log_utility,
            elasticity=np.minimum(total, 1.0) / b,
            spending=float(spent.sum()),
        )


class _LevelSearch(_Search):
    """The same for max-min: the height is the logarithm of the utility per weight."""

    def __init__(
        self, segments: Segments, family: NestedFairness, log_weight: Floats, base: Floats
    ) -> None:
        super().__init__(segments, family, log_weight, base)
        n_groups = len(log_weight)
        # Above the first and below the second, levels change nothing.
        self._full, self._nothing = np.full(n_groups, -np.inf), np.full(n_groups, np.inf)
        np.maximum.at(self._full, self._group, self._b * self._log_end - self._log_rate)
        np.minimum.at(self._nothing, self._group, self._b * self._log_start - self._log_rate)
        self._full = np.where(np.isfinite(self._full), self._full + 1.0, 0.0)
        self._nothing = np.where(np.isfinite(self._nothing), self._nothing - 1.0, WORTHLESS)
        self._nothing = np.minimum(self._nothing, self._full)
        self._log_base_utility = family.log_group_utility(self._log_base)
        self._log_most = self._reached(self._full).log_utility
        self._full = self._enough(self._full)

    def _enough(self, full: Floats) -> Floats:
        """Return the lowest levels at which groups have all that they can, but for a rounding.

        An averse group hardly gains by what is far above its least, however much that costs.
        """
        enough = self._log_most - CLOSE * (1.0 + np.abs(self._log_most))
        high, step = full, 1.0
        low = full
        for _ in range(MOST_STEPS):
            is_above = self._reached(low).log_utility >= enough
            if not (is_above & (low > self._nothing)).any():
                break
            high = np.where(is_above, low, high)
            low, step = np.where(is_above, np.maximum(low - step, self._nothing), low), 2.0 * step
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            is_above = self._reached(middle).log_utility >= enough
            low, high = np.where(is_above, low, middle), np.where(is_above, middle, high)
        return high

    def _at(self, height: float) -> _Levels:
        wanted = self._log_weight + height
        is_full, has_more = self._log_most <= wanted, self._log_base_utility >= wanted
        is_known = is_full | has_more
        ends = np.where(has_more, self._nothing, self._full)
        low, high = np.where(is_known, ends, -np.inf), np.where(is_known, ends, self._full)
        z = np.where(is_known, ends, np.clip(self._z, self._nothing, self._full))
        for number in range(MOST_STEPS):
            levels = self._reached(z)
            known = np.where(np.isfinite(levels.log_utility), levels.log_utility, -HUGE)
            above = np.where(is_known, 0.0, known - wanted)
            # It rises by no more than 1 / b.
            low = np.maximum(low, np.where(above < 0.0, z - self._b * above, -np.inf))
            high = np.minimum(high, np.where(above > 0.0, z - self._b * above, np.inf))
            is_found = np.abs(above) <= CLOSE * (1.0 + np.abs(wanted))
            width = CLOSE * (1.0 + np.abs(z))
            is_found |= (high - low <= width) & (np.abs(z - low) <= width)
            if is_found.all():
                break
            z = np.where(is_found, z, self._next(z, above, levels.elasticity, low, high, number))
        self._z = z
        return levels

    def _next(
        self, z: Floats, above: Floats, elasticity: Floats, low: Floats, high: Floats, number: int
    ) -> Floats:
        """Return a step by the slope, or to the middle, between the bounds."""
        with np.errstate(divide="ignore", invalid="ignore"):
            step = z - above / elasticity
        # What is not bounded yet is neared in steps that rounding errors do not outgrow.
        low = np.where(np.isfinite(low), low, z - 1.0 - 4.0 * self._b * np.abs(above))
        middle = 0.5 * (low + high)
        halves = number % HALVING == HALVING - 1
        step = np.where(~np.isfinite(step) | halves, middle, step)
        return np.minimum(np.maximum(step, low), high)
