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
are exact, see `chords`. Where they are many, it is its least one, or that and the smallest reward
at least: the chord between these two is above V wherever utilities can be, and touches it at both,
even where V' is infinite at the first. With alpha < 1 continuous utilities get such a chord where
slopes leave what solvers can work with: between its ends, which are zero and a negligible utility,
V is more than the rows say.
D is as large as a fair number of tangents allows, so that the rows hold for more than the optimum,
and never smaller than the known answer needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.chords import STEEPEST, chords
from librex_models.families import AlphaFairness
from librex_models.routes.plain import Plain
from librex_models.routes.route import Floats, Question
from librex_models.verification import Region, coupling_rows, price_bound, region
from librex_models.welfare_intervals import Welfare
from solvers.scaled_utility import scaled_utility
from solvers.tangent_program import TangentsOfTerm
from solvers.tangents import chords_between, error_of, length_of, points_between, tangents_at

MOST_TANGENTS = 1.4
"""Times 1 / sqrt(gap): tangents for each utility that are spent on more than the optimum needs."""
MOST_ROWS = 30.0
"""Times 1 / sqrt(gap): the same over all utilities."""
FLAT = 0.2
"""Of the error: for where V is nearly as high as it can get."""
LEVEL = 1e-14
"""Slopes below this are none: V is as high as it can get."""
MORE = 1.05
NEARLY = 1.0 - 1e-9
"""Below a utility by more than its rounding."""


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


def tangent_model(
    question: Question,
    few: list[Floats | None],
    around: Floats,
    known: Floats | None,
    price: Floats | None,
    relative_gap: float,
    most_equivalent: float = np.inf,
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
        The best feasible decision that is known, whole where it has to be. Without one the gap may
        not be kept at the optimum, but only from `least_equivalent` on.
    price : array of shape (n_resources,) or None
        Prices of the budgets in units of the majorant at `around`; any are right.
    relative_gap : float
        In equivalent utility, between 0 and 1.
    most_equivalent : float
        What is known to be the best equivalent utility at most.
    """
    welfare = _welfare(question, few, around, known, price, most_equivalent)
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
    least = welfare.least_of_chords()
    if not is_exact:
        least = max(least, welfare.least_equivalent(depth, error))
    return TangentModel(
        lines=[_lines(welfare, points[g], g, bool(has_chord[g])) for g in range(n_groups)],
        reference=welfare.reference,
        is_exact=is_exact,
        least_equivalent=welfare.reference * least,
        negligible=welfare.reference * welfare.negligible(depth),
    )


def _welfare(
    question: Question,
    few: list[Floats | None],
    around: Floats,
    known: Floats | None,
    price: Floats | None,
    most_equivalent: float,
) -> Welfare:
    family, weight = _family(question), question.grouping.weight
    majorant = family.majorant(weight, question.utility(around))
    reference = _reference(question, known, majorant.reference)
    # The point at which the majorant touches, which is not at zero.
    touched = (majorant.slope * majorant.reference / weight) ** (-1.0 / family.alpha)
    centre = touched * (majorant.reference / reference)
    own = region(question.problem, by_budgets=True)
    least, most = question.utility(own.lower) / reference, question.utility(own.upper) / reference
    step = _smallest_gain(question, own) / reference
    is_few = np.array([some is not None for some in few])
    nearest, furthest = np.minimum(least, centre), np.maximum(most, centre)
    first = np.where(
        step > 0.0, (least + step) * NEARLY, _not_negligible(nearest, most, family.alpha)
    )
    bound = _in_reference(
        _plane(question, own, around, price), weight, majorant.reference / reference, family.alpha
    )
    # The majorant says too much where a utility is what it is.
    is_fixed = np.isinf(step)
    slope, constant = tangents_at(centre[is_fixed], family.alpha)
    excess = slope * least[is_fixed] + constant - scaled_utility(least[is_fixed], family.alpha)
    return Welfare(
        alpha=family.alpha,
        reference=reference,
        weight=weight,
        centre=np.where(is_few, 1.0, centre),
        least=np.where(is_few, 1.0, nearest),
        first=np.where(is_few, 1.0, first),
        most=np.where(is_few, 1.0, furthest),
        is_continuous=step == 0.0,
        few=[None if some is None else some / reference for some in few],
        highest=min(float(furthest.max()), most_equivalent / reference),
        bound=bound - float(weight[is_fixed] @ excess),
        value=-np.inf if known is None else _value(question, known, reference, family.alpha),
    )


def _family(question: Question) -> AlphaFairness:
    family = question.family
    if not isinstance(family, AlphaFairness):
        raise TypeError(f"{family.key} is not an alpha-fair family")
    return family


def _reference(question: Question, known: Floats | None, reference: float) -> float:
    """Return a reference at which V and its slopes have the size that they have at the optimum.

    With a large alpha that is much lower where the best whole decision is worse than fractions.
    """
    family = _family(question)
    if known is None or family.alpha <= 1.0:
        return reference
    equivalent = family.equivalent(question.grouping.weight, question.utility(known))
    return min(reference, equivalent) if equivalent > 0.0 else reference


def _plane(question: Question, own: Region, around: Floats, price: Floats | None) -> float:
    """Return the bound on the tangent plane, in terms of V around the reference of the majorant."""
    problem = question.problem
    prices = np.zeros(problem.n_resources) if price is None else price
    linear = Plain().linear_welfare(question, question.utility(around), None)
    rows = coupling_rows(problem, question.grouping)
    plane = price_bound(linear.coefficient, rows, prices, own) + linear.constant
    # If it is infinite nobody can decide at all: whatever is said of welfare is right.
    return float(plane) if np.isfinite(plane) else 0.0


def _in_reference(welfare: float, weight: Floats, share: float, alpha: float) -> float:
    """Return welfare in terms of V around a reference of which the former is a multiple."""
    if share == 1.0:
        return welfare
    constant = float(weight.sum() * scaled_utility(np.array(share), alpha))
    return welfare * float(share ** (1.0 - alpha)) + constant


def _not_negligible(least: Floats, most: Floats, alpha: float) -> Floats:
    """Return from which ratios on slopes are not too steep, or the least where that is lower."""
    if alpha >= 1.0:
        return least
    steep = STEEPEST ** (-1.0 / alpha)
    return np.where((least < steep) & (steep < most), steep, least)


def _smallest_gain(question: Question, own: Region) -> Floats:
    """Return what groups can earn above their least utility at least: 0 if continuous."""
    problem, grouping = question.problem, question.grouping
    option, group, earned = grouping.links(question.reward)
    earns = (earned > 0.0) & (own.upper > own.lower)[option]
    smallest = np.full(len(grouping), np.inf)
    np.minimum.at(smallest, group[earns], earned[earns])
    continuous = np.unique(group[earns & ~problem.integer[option]])
    smallest[continuous] = 0.0
    return smallest


def _value(question: Question, decision: Floats, reference: float, alpha: float) -> float:
    """Return the welfare of a decision in terms of V around a reference."""
    ratio = question.utility(decision) / reference
    return float(question.grouping.weight @ scaled_utility(ratio, alpha))


def _deepest(welfare: Welfare, needed: float, error: float, most: float) -> float:
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


def _numbers(welfare: Welfare, low: Floats, high: Floats, error: float) -> Floats:
    """Return how many tangents each utility needs, about: together as few as can be."""
    share = np.cbrt(welfare.weight * length_of(low, high, welfare.alpha) ** 2)
    if not share.any():
        return share
    number: Floats = share * np.sqrt(welfare.alpha * share.sum() / (8.0 * error))
    return number


def _points(welfare: Welfare, low: Floats, high: Floats, error: float) -> list[Floats]:
    """Return the points of each utility, so many that their errors are within one together."""
    number = np.maximum(np.ceil(_numbers(welfare, low, high, error)), 1.0)
    while True:
        # Where an interval ends at zero, all of V is as high as it can get to the error.
        points = [
            points_between(first, last, int(n_points), welfare.alpha) if last > 0.0 else most
            for first, last, n_points, most in zip(
                low.tolist(), high.tolist(), number, welfare.most[:, None], strict=True
            )
        ]
        errors = [
            error_of(some, first, last, welfare.alpha) if last > 0.0 else 0.0
            for some, first, last in zip(points, low.tolist(), high.tolist(), strict=True)
        ]
        if float(welfare.weight @ np.array(errors)) <= error:
            return points
        number = np.ceil(MORE * number)


def _lines(welfare: Welfare, points: Floats, group: int, has_chord: bool) -> TangentsOfTerm:
    """Return tangents at points and at the centre, and a chord, in units of the utility."""
    alpha, few = welfare.alpha, welfare.few[group]
    if few is not None:
        slope, constant, _ = chords(few, alpha, float(welfare.floor[group]))
        return _in_utilities(slope, constant, float(welfare.top[group]), welfare.reference)
    first = float(welfare.first[group])
    centre = welfare.centre[group]
    if points[-1] >= centre >= (first if has_chord else 0.0):
        points = np.append(points, centre)
    if has_chord and first <= points[-1]:
        points = np.append(points, first)
    slope, constant = tangents_at(np.unique(points), alpha)
    ends = np.array([welfare.least[group], first])
    heights = scaled_utility(ends, alpha)
    if has_chord and np.isfinite(heights[0]) and ends[0] < points[-1]:
        steep, below = chords_between(ends, heights)
        slope, constant = np.append(slope, steep), np.append(constant, below)
    most = float(scaled_utility(welfare.most[group : group + 1], alpha)[0])
    return _in_utilities(slope, constant, most, welfare.reference)


def _in_utilities(slope: Floats, constant: Floats, most: float, reference: float) -> TangentsOfTerm:
    """Return lines over ratios as lines over utilities, without those that are level."""
    is_seen = slope >= LEVEL
    return TangentsOfTerm(slope=slope[is_seen] / reference, constant=constant[is_seen], most=most)
