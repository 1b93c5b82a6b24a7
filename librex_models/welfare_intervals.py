"""How far utilities can be from those of a good answer where welfare is nearly the best.

See `tangent_model`, which it is for; all utilities are ratios to a reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.chords import STEEPEST, chords
from librex_models.families.alpha_fair import ratio_of_scaled
from librex_models.routes.route import Floats
from solvers.program import Booleans
from solvers.scaled_utility import ratio_of, scaled_utility
from solvers.tangents import tangents_at

HALVINGS = 60
SPARE = 0.9
LOW = -1e6
"""V below this is left out of steep chords where no decision is known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Welfare:
    """W = sum_g weight_g V(utility_g / reference), and what is known about its optimum.

    Parameters
    ----------
    alpha, reference : float
    weight, centre : arrays of shape (n_groups,)
        The centre in ratios.
    least, first, most : arrays of shape (n_groups,)
        What utilities are ever between, in ratios, and the smallest above the least: the same where
        utilities are continuous, or what is no longer negligible.
    is_continuous : array of shape (n_groups,)
    few : list of array or None, of length n_groups
        All ratios that there are, where these are few. The numbers above are 1 for these.
    highest : float
        The largest ratio of all.
    bound, value : float
        On the tangent plane at the centre, and of the best known answer: minus infinity without.
    """

    alpha: float
    reference: float
    weight: Floats
    centre: Floats
    least: Floats
    first: Floats
    most: Floats
    is_continuous: Booleans
    few: list[Floats | None]
    highest: float
    bound: float
    value: float

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weight.sum())

    def equivalent(self, welfare: float) -> float:
        """Return the ratio that has this welfare for everybody, at most the largest there is."""
        found = ratio_of_scaled(welfare / self.total, self.alpha)
        return min(found, self.highest)

    @property
    def top(self) -> Floats:
        """Return the largest V of each utility."""
        most = [
            most if some is None else float(some[-1])
            for some, most in zip(self.few, self.most.tolist(), strict=True)
        ]
        top: Floats = scaled_utility(np.array(most), self.alpha)
        return top

    @property
    def floor(self) -> Floats:
        """Return the V of each utility below which no decision is as good as the known one."""
        own = self.weight * self.top
        if np.isinf(self.value):
            return np.minimum(LOW, self.top - 1.0)
        # Further down by what makes the equivalent clearly worse.
        floor: Floats = (self.value - self.total - (own.sum() - own)) / self.weight
        return floor

    def least_of_chords(self) -> float:
        """Return from which equivalent on chords are exact."""
        own = self.weight * self.top
        limit = self.weight * self.floor + (own.sum() - own)
        is_cut = [
            some is not None and chords(some, self.alpha, floor)[2]
            for some, floor in zip(self.few, self.floor.tolist(), strict=True)
        ]
        return self.equivalent(float(limit[is_cut].max())) if any(is_cut) else 0.0

    @property
    def tightest(self) -> float:
        """The equivalent, of those the optimum may have, at which a gap is the least welfare."""
        highest = self.equivalent(self.bound)
        if self.alpha >= 1.0:
            return highest
        return 0.5 * highest if np.isinf(self.value) else self.equivalent(self.value)

    @property
    def growth(self) -> float:
        """Return `tightest`^(1 - alpha), also where that itself is too small for a double."""
        if self.alpha >= 1.0:
            return float(self.tightest ** (1.0 - self.alpha))
        known, highest = (
            max(1.0 + (1.0 - self.alpha) * welfare / self.total, 0.0)
            for welfare in (self.value, self.bound)
        )
        return known or float(0.5 ** (1.0 - self.alpha)) * highest or 1.0

    def error_within(self, relative_gap: float) -> float:
        """Return the welfare that is the gap in equivalent utility, wherever the optimum is."""
        # V(t) - V(t (1 - gap)) = t^(1 - alpha) (-V(1 - gap)). A gap with which slopes that are too
        # steep for readers would matter is made smaller.
        left = max(1.0 - relative_gap, STEEPEST ** (-1.0 / self.alpha))
        lost = -float(scaled_utility(np.array(left), self.alpha))
        return SPARE * self.total * self.growth * lost

    def least_equivalent(self, depth: float, error: float) -> float:
        """Return from which equivalent of the optimum on the gap is kept."""
        least = self.equivalent(self.bound - depth + error)
        if self.alpha >= 1.0:
            return least
        # Below this the error is more than the gap.
        return max(least, self.tightest * float(SPARE ** (1.0 / (1.0 - self.alpha))))

    def interval(self, depth: float) -> tuple[Floats, Floats]:
        """Return between which ratios each utility is where the welfare is within a depth."""
        return self._end(self.least, depth), self._end(self.most, depth)

    def has_chord(self, depth: float) -> Booleans:
        """Return whose utility may be the least or the first above, with nothing in between."""
        low, _ = self.interval(depth)
        found: Booleans = (self.least < self.first) & (low <= self.first)
        return found

    def negligible(self, depth: float) -> float:
        """Return below which ratio a continuous utility counts for too little; 0 if none does."""
        return float(self.first[self.has_chord(depth) & self.is_continuous].max(initial=0.0))

    def range_of_tangents(self, depth: float, flat: float) -> tuple[Floats, Floats]:
        """Return the intervals, without what is under a chord, or under the most to an error."""
        low, high = self.interval(depth)
        low = np.where(self.has_chord(depth), self.first, low)
        height = scaled_utility(self.most, self.alpha) - flat / (len(self.weight) * self.weight)
        nearly_most = ratio_of(height, self.alpha)
        return np.minimum(low, nearly_most), np.minimum(np.maximum(low, high), nearly_most)

    def steepest(self, low: Floats) -> float:
        """Return the largest slope from these ratios on, in that at the reference or the centre."""
        with np.errstate(divide="ignore", over="ignore"):
            return float(((low / np.minimum(self.centre, 1.0)) ** -self.alpha).max())

    def is_all(self, depth: float) -> bool:
        """Return whether the intervals hold all utilities that there are."""
        low, high = self.interval(depth)
        return bool((low <= self.least).all() and (high >= self.most).all())

    def _end(self, furthest: Floats, depth: float) -> Floats:
        """Return how far each utility is from the centre, towards an end, within a depth."""
        near, far = self.centre.copy(), furthest.copy()
        inside = self._fall(far) <= depth
        for _ in range(HALVINGS):
            middle = np.where(
                near * far > 0.0, np.sqrt(near) * np.sqrt(far), 0.5 * np.maximum(near, far)
            )
            within = self._fall(middle) <= depth
            near, far = np.where(within, middle, near), np.where(within, far, middle)
        # The outer of the two: the interval may be too large, but not too small.
        return np.where(inside, furthest, far)

    def _fall(self, ratio: Floats) -> Floats:
        slope, constant = tangents_at(self.centre, self.alpha)
        return self.weight * (slope * ratio + constant - scaled_utility(ratio, self.alpha))
