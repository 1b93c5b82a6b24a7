"""Alpha-fair welfare as linear rows whose error is proven to be within a gap. For `linear_model`.

Let v be the utilities of a good answer and B a bound on the tangent plane of the welfare W at v.
Where one utility u_g alone makes W fall short of that plane by more than D,

    W(u)  <=  plane(u) - fall_g(u_g)  <=  B - D
    fall_g(u)  =  w_g [V(v_g) + V'(v_g) (u - v_g) - V(u)]

so that wherever W > B - D, each u_g is in an interval, fall_g(u_g) <= D. Tangents spread over these
intervals, with one at v_g, exceed W by at most an error there, and stay below B - D + error
outside: there they are concave, and fall from the plane at least as far as at the interval's end.
Where V is nearly as high as it can get, that height takes the place of tangents.

Where all options that earn for a group are whole, and few, chords between what its utility can be
are exact. Where they are many, it is its least one, or that and the smallest reward at least: the
chord between these two is above V wherever utilities can be, and touches it at both, even where V'
is infinite at the first. With alpha < 1 continuous utilities get
such a chord where slopes leave what solvers can work with: between its ends, which are zero and a
negligible utility, V is more than the rows say.
D is as large as a fair number of tangents allows, so that the rows hold for more than the optimum,
and never smaller than the known answer needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.families import AlphaFairness
from librex_models.families.alpha_fair import ratio_of_scaled
from librex_models.routes.plain import Plain
from librex_models.routes.route import Floats, Question
from librex_models.verification import Region, budget_rows, price_bound, region
from solvers.program import Booleans
from solvers.scaled_utility import ratio_of, scaled_utility
from solvers.tangent_program import TangentsOfTerm
from solvers.tangents import error_of, length_of, points_between, tangents_at

MOST_TANGENTS = 1.4
"""Times 1 / sqrt(gap): tangents for each utility that are spent on more than the optimum needs."""
MOST_ROWS = 30.0
"""Times 1 / sqrt(gap): the same over all utilities."""
STEEPEST = 1e6
"""Slopes, in those at the reference, beyond which no tangents are taken that are not needed."""
FLAT = 0.2
"""Of the error: for where V is nearly as high as it can get."""
LEVEL = 1e-14
"""Slopes below this are none: V is as high as it can get."""
MORE = 1.05
HALVINGS = 60
NEARLY = 1.0 - 1e-9
"""Below a utility by more than its rounding."""
SPARE = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class TangentModel:
    """Tangents of each utility, and for what they are good.

    Parameters
    ----------
    lines : list of TangentsOfTerm
        In ratios of V, over utilities as they are.
    reference : float
        The utility at which V is 0.
    least_equivalent : float
        The gap is kept wherever the best equivalent utility is at least this,
    negligible : float
        and no utility of the best decision is between the least one and this.
    is_exact : bool
        Whether there is no gap at all.
    """

    lines: list[TangentsOfTerm]
    reference: float
    least_equivalent: float
    negligible: float
    is_exact: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Welfare:
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
    def tightest(self) -> float:
        """The equivalent, of those the optimum may have, at which a gap is the least welfare."""
        highest = self.equivalent(self.bound)
        if self.alpha >= 1.0:
            return highest
        return 0.5 * highest if np.isinf(self.value) else self.equivalent(self.value)

    def error_within(self, relative_gap: float) -> float:
        """Return the welfare that is the gap in equivalent utility, wherever the optimum is."""
        whole = np.array([self.tightest, self.tightest * (1.0 - relative_gap)])
        above, below = scaled_utility(whole, self.alpha)
        return SPARE * self.total * float(above - below)

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


def tangent_model(
    question: Question,
    few: list[Floats | None],
    around: Floats,
    known: Floats | None,
    price: Floats | None,
    relative_gap: float,
) -> TangentModel:
    """Return tangents whose optimum is within a gap of the best alpha-fair decision.

    Parameters
    ----------
    question : Question
        Alpha-fair, with an alpha above zero.
    few : list of array or None, of length n_groups
        All that each utility can be, where that is little, as by `attainable`.
    around : array of shape (n_options,)
        The best decision without wholeness, or one near it.
    known : array of shape (n_options,) or None
        The best feasible decision that is known. Without one the gap may not be kept at the
        optimum, but only from `least_equivalent` on.
    price : array of shape (n_resources,) or None
        Prices of the budgets in units of the majorant at `around`; any are right.
    relative_gap : float
        In equivalent utility, between 0 and 1.
    """
    welfare = _welfare(question, few, around, known, price)
    error = welfare.error_within(relative_gap)
    needed = 2.0 * error
    if known is not None:
        needed += max(welfare.bound - welfare.value, 0.0)
    n_groups = len(welfare.weight)
    is_exact = all(some is not None for some in welfare.few)
    most = min(MOST_TANGENTS, MOST_ROWS / n_groups) / np.sqrt(relative_gap)
    depth = _deepest(welfare, needed, error, most)
    flat = FLAT * error
    points = _points(welfare, *welfare.range_of_tangents(depth, flat), error - flat)
    has_chord = welfare.has_chord(depth)
    return TangentModel(
        lines=[_lines(welfare, points[g], g, bool(has_chord[g])) for g in range(n_groups)],
        reference=welfare.reference,
        is_exact=is_exact,
        least_equivalent=(
            0.0 if is_exact else welfare.reference * welfare.least_equivalent(depth, error)
        ),
        negligible=welfare.reference * welfare.negligible(depth),
    )


def _welfare(
    question: Question,
    few: list[Floats | None],
    around: Floats,
    known: Floats | None,
    price: Floats | None,
) -> _Welfare:
    problem, grouping, family = question.problem, question.grouping, question.family
    if not isinstance(family, AlphaFairness):
        raise TypeError(f"{family.key} is not an alpha-fair family")
    utility = question.utility(around)
    majorant = family.majorant(grouping.weight, utility)
    reference = majorant.reference
    # The point at which the majorant touches, which is not at zero.
    centre = (majorant.slope * reference / grouping.weight) ** (-1.0 / family.alpha)
    own = region(problem, by_budgets=True)
    prices = np.zeros(problem.n_resources) if price is None else price
    linear = Plain().linear_welfare(question, utility, None)
    plane = price_bound(linear.coefficient, budget_rows(problem), prices, own) + linear.constant
    if not np.isfinite(plane):
        # Nobody can decide at all: whatever is said of welfare is right.
        plane = 0.0
    least, most = question.utility(own.lower) / reference, question.utility(own.upper) / reference
    step = _smallest_gain(question, own) / reference
    is_few = np.array([some is not None for some in few])
    is_fixed = np.isinf(step)
    # The majorant says too much where a utility is what it is.
    slope, constant = tangents_at(centre[is_fixed], family.alpha)
    excess = slope * least[is_fixed] + constant - scaled_utility(least[is_fixed], family.alpha)
    nearest, furthest = np.minimum(least, centre), np.maximum(most, centre)
    first = np.where(
        step > 0.0, (least + step) * NEARLY, _not_negligible(nearest, most, family.alpha)
    )
    return _Welfare(
        alpha=family.alpha,
        reference=reference,
        weight=grouping.weight,
        centre=np.where(is_few, 1.0, centre),
        least=np.where(is_few, 1.0, nearest),
        first=np.where(is_few, 1.0, first),
        most=np.where(is_few, 1.0, furthest),
        is_continuous=step == 0.0,
        few=[None if some is None else some / reference for some in few],
        highest=float(furthest.max()),
        bound=plane - float(grouping.weight[is_fixed] @ excess),
        value=-np.inf if known is None else _value(question, known, reference, family.alpha),
    )


def _not_negligible(least: Floats, most: Floats, alpha: float) -> Floats:
    """Return from which ratios on slopes are not too steep, or the least where that is lower."""
    if alpha >= 1.0:
        return least
    steep = STEEPEST ** (-1.0 / alpha)
    return np.where((least < steep) & (steep < most), steep, least)


def _smallest_gain(question: Question, own: Region) -> Floats:
    """Return what groups can earn above their least utility at least: 0 if continuous."""
    problem, grouping = question.problem, question.grouping
    earned = grouping.share[grouping.of_option] * question.reward
    earns = (earned > 0.0) & (own.upper > own.lower)
    smallest = np.full(len(grouping), np.inf)
    np.minimum.at(smallest, grouping.of_option[earns], earned[earns])
    continuous = np.unique(grouping.of_option[earns & ~problem.integer])
    smallest[continuous] = 0.0
    return smallest


def _value(question: Question, decision: Floats, reference: float, alpha: float) -> float:
    """Return the welfare of a decision in terms of V around a reference."""
    ratio = question.utility(decision) / reference
    return float(question.grouping.weight @ scaled_utility(ratio, alpha))


def _deepest(welfare: _Welfare, needed: float, error: float, most: float) -> float:
    """Return the largest depth that so many tangents allow, at least what is needed."""

    def is_affordable(depth: float) -> bool:
        low, high = welfare.range_of_tangents(depth, FLAT * error)
        return (
            welfare.steepest(low) <= STEEPEST and _numbers(welfare, low, high, error).max() <= most
        )

    depth = needed
    while is_affordable(2.0 * depth) and not welfare.is_all(depth):
        depth *= 2.0
    return depth


def _numbers(welfare: _Welfare, low: Floats, high: Floats, error: float) -> Floats:
    """Return how many tangents each utility needs, about: together as few as can be."""
    share = np.cbrt(welfare.weight * length_of(low, high, welfare.alpha) ** 2)
    if not share.any():
        return share
    number: Floats = share * np.sqrt(welfare.alpha * share.sum() / (8.0 * error))
    return number


def _points(welfare: _Welfare, low: Floats, high: Floats, error: float) -> list[Floats]:
    """Return the points of each utility, so many that their errors are within one together."""
    number = np.maximum(np.ceil(_numbers(welfare, low, high, error)), 1.0)
    while True:
        points = [
            points_between(first, last, int(n_points), welfare.alpha)
            for first, last, n_points in zip(low.tolist(), high.tolist(), number, strict=True)
        ]
        errors = [
            error_of(some, first, last, welfare.alpha)
            for some, first, last in zip(points, low.tolist(), high.tolist(), strict=True)
        ]
        if float(welfare.weight @ np.array(errors)) <= error:
            return points
        number = np.ceil(MORE * number)


def _lines(welfare: _Welfare, points: Floats, group: int, has_chord: bool) -> TangentsOfTerm:
    """Return tangents at points and at the centre, and a chord, in units of the utility."""
    few = welfare.few[group]
    if few is not None:
        return _chords(few, welfare)
    alpha, first = welfare.alpha, float(welfare.first[group])
    centre = welfare.centre[group]
    if points[-1] >= centre >= (first if has_chord else 0.0):
        points = np.append(points, centre)
    if has_chord and first <= points[-1]:
        points = np.append(points, first)
    slope, constant = tangents_at(np.unique(points), alpha)
    ends = np.array([welfare.least[group], first])
    below, above = scaled_utility(ends, alpha)
    if has_chord and np.isfinite(below) and ends[0] < points[-1]:
        steep = (above - below) / (ends[1] - ends[0])
        slope = np.append(slope, steep)
        constant = np.append(constant, below - steep * ends[0])
    most = float(scaled_utility(welfare.most[group : group + 1], alpha)[0])
    return _in_utilities(slope, constant, most, welfare.reference)


def _chords(few: Floats, welfare: _Welfare) -> TangentsOfTerm:
    """Return the chords between all ratios that there are, in units of the utility."""
    height = scaled_utility(few, welfare.alpha)
    is_finite = np.isfinite(height)
    few, height = few[is_finite], height[is_finite]
    slope = np.diff(height) / np.diff(few)
    constant = height[:-1] - slope * few[:-1]
    return _in_utilities(slope, constant, float(height[-1]), welfare.reference)


def _in_utilities(slope: Floats, constant: Floats, most: float, reference: float) -> TangentsOfTerm:
    """Return lines over ratios as lines over utilities, without those that are level."""
    is_seen = slope >= LEVEL
    return TangentsOfTerm(slope=slope[is_seen] / reference, constant=constant[is_seen], most=most)
