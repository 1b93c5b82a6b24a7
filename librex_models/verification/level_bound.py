"""An upper bound on a level of a lexicographic max-min decision, recomputed in numpy.

Let S hold those whom lower levels have settled, at utilities of at least floor_g, and O the others.
For any slopes s >= 0 and prices lam >= 0, every decision that keeps the floors has

    (sum of s_g weight_g over O) min over O of utility_g / weight_g + sum of s_g floor_g over S
        <=  sum over all g of s_g utility_g  <=  price bound of s . utility

so no such decision gives all of O more than what remains, divided by the first sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from librex_models.problem import AllocationProblem, Grouping
from librex_models.verification.coupling_rows import coupling_rows
from librex_models.verification.price_bound import (
    EPSILON,
    CouplingRows,
    Region,
    best_alone,
    most_decided,
    price_bound,
)

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.longdouble]

LONG_EPSILON = float(np.finfo(np.longdouble).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """The utilities that a max-min decision compares: those of labels, or of groups of them.

    Parameters
    ----------
    of_label : integer array of shape (n_labels,)
        For each label the place of the utility that it is part of.
    weight : array of shape (n_compared,)
    utility : array of shape (n_compared,)
        Of the decision.
    alone : array of shape (n_compared,)
        What each can have at most if nobody else gets anything.
    worth : array of shape (n_compared,)
        So much times the utility is at most the sum of slopes times utilities of its labels.
    level : integer array of shape (n_compared,)
        On which level each is, 0 being the lowest.
    """

    of_label: npt.NDArray[np.int64]
    weight: Floats
    utility: Floats
    alone: Floats
    worth: Floats
    level: npt.NDArray[np.int64]


def level_bound(
    problem: AllocationProblem,
    grouping: Grouping,
    slope: Floats,
    price: Floats,
    is_open: Booleans,
    floor: Floats,
    own: Region,
    rows: CouplingRows,
) -> float:
    """Return what the smallest utility per weight among those who are open cannot exceed.

    Parameters
    ----------
    problem, grouping
        With a reward.
    slope : array of shape (n_groups,)
        At least zero.
    price : array of shape (n_rows,)
        Any numbers; negative and non-finite ones count as zero.
    is_open : boolean array of shape (n_groups,)
    floor : array of shape (n_groups,)
        What those who are not open get at least; not read for the others.
    own : Region
    rows : CouplingRows
        Those of the problem.

    Returns
    -------
    float
        Infinite where the slopes of all who are open are zero.
    """
    total = math.fsum((slope[is_open] * grouping.weight[is_open]).tolist())
    usable = total > 0.0 and np.isfinite(slope).all()
    if problem.reward is None or not usable:
        return np.inf
    worth = grouping.worth(problem.reward, slope)
    earned = price_bound(worth, rows, price, own)
    before = slope * grouping.history
    taken = np.where(is_open, 0.0, slope * floor)
    # The sum is rounded once, every product too, and the divisor and its quotient a few times.
    most = math.fsum([earned, *before.tolist(), *(-taken).tolist()])
    rounding = 2.0 * EPSILON * (abs(earned) + float(before.sum() + np.abs(taken).sum()))
    return float((most + rounding) / total * (1.0 + np.sign(most) * 4 * EPSILON))


def bounds_of_levels(
    problem: AllocationProblem,
    grouping: Grouping,
    slope: Floats,
    price: Floats,
    compared: Compared,
    own: Region,
    floor: Floats,
) -> tuple[Floats, Floats]:
    """Return what `level_bound` says of every level, for one price and all levels at once.

    The slopes of a level are those of its own utilities and of lower ones, and zero above, where
    no floor has to be paid for; or those of its own alone, at no price: what they can get if nobody
    else gets anything.

    Parameters
    ----------
    problem, grouping
        With a reward.
    slope : array of shape (n_labels,)
        At least zero.
    price : array of shape (n_resources,)
        At least zero.
    compared : Compared
    own : Region
    floor : array of shape (n_labels,)
        What the utility of each is at least in every decision.

    Returns
    -------
    bound : array of shape (n_levels,)
        On the smallest utility per weight among those that are not on lower levels.
    most : array of shape (n_compared,)
        On each utility per weight, where nobody on a level above falls below its own level.
    """
    level = compared.level
    alone = compared.alone / compared.weight * (1.0 + 4 * EPSILON)
    together = _together(problem, grouping, slope, price, compared, own, floor)
    part = compared.worth.astype(np.longdouble) * compared.weight
    total = _sums(part, level, len(together))
    per_weight = compared.utility.astype(np.longdouble) / compared.weight
    value = np.full(len(together), np.inf, dtype=np.longdouble)
    np.minimum.at(value, level, per_weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.where(part > 0, (together - value)[level] * total[level] / part, np.inf)
    most = np.minimum(alone, value[level] + np.maximum(beyond, 0.0))
    np.minimum.at(together, level, alone)
    return _rounded_up(together), _rounded_up(most)


def most_alone(problem: AllocationProblem, grouping: Grouping, own: Region) -> Floats:
    """Return what each utility can be at most if nobody else gets anything, (n_labels,)."""
    earned = grouping.share[grouping.of_option] * problem.known_reward
    alone = grouping.history + np.bincount(
        grouping.of_option, earned * best_alone(earned, own)[0], minlength=len(grouping)
    )
    return np.asarray(alone * (1.0 + (8.0 + np.log2(1.0 + problem.n_options)) * EPSILON))


def _rounded_up(numbers: Longs) -> Floats:
    """Return the smallest doubles that are not below the numbers."""
    rounded = numbers.astype(np.float64)
    return np.where(rounded < numbers, np.nextafter(rounded, np.inf), rounded)


def _together(
    problem: AllocationProblem,
    grouping: Grouping,
    slope: Floats,
    price: Floats,
    compared: Compared,
    own: Region,
    floor: Floats,
) -> Longs:
    """Return the bounds by the slopes of each level and of those below it.

    Who is above pays at least for what lower bounds and minimums ask for, or for the floor. In long
    doubles: what is left of a budget for the last level may be a small part of it.
    """
    rows = coupling_rows(problem, replace(grouping, limits=None))
    reward = problem.known_reward
    paid = np.longdouble(price @ np.where(price > 0, problem.budget, 0.0))
    charge = rows.charge(price)[0].astype(np.longdouble)
    share = (slope.astype(np.longdouble) * grouping.share)[grouping.of_option]
    worth = share * reward - charge
    gross = share * np.abs(reward) + charge
    best, is_tied = best_alone(worth.astype(np.float64), own)
    unit = (16.0 + rows.most_of_an_option + 2.0 * np.log2(1.0 + len(worth))) * LONG_EPSILON
    error = unit * gross
    decided = most_decided(worth, best, is_tied, error, own)
    counted = _sums(worth * best, grouping.of_option, len(grouping)) + slope * grouping.history
    cheapest = best_alone(-charge.astype(np.float64), own)[0]
    without = -_sums(charge * cheapest, grouping.of_option, len(grouping))
    kept = slope.astype(np.longdouble) * floor
    without = np.where(floor > 0, np.minimum(without, counted - kept), without)
    worth_of = compared.worth.astype(np.longdouble)
    taken, level = worth_of * compared.utility, compared.level
    of_label = level[compared.of_label]
    n_levels = int(level.max(initial=-1)) + 1
    below = _sums(taken, level, n_levels).cumsum() - _sums(taken, level, n_levels)
    lower = _sums(without, of_label, n_levels)
    above = lower.sum() - lower.cumsum()
    most = paid + _sums(counted, of_label, n_levels).cumsum() + above - below
    # As in price_bound, with the sums over groups and levels.
    rounding = unit * (gross @ decided + paid + np.abs(without).sum() + 2.0 * taken.sum())
    total = _sums(worth_of * compared.weight, level, n_levels)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (most + rounding) / total * (1.0 + unit), np.inf)


def _sums(amount: npt.NDArray[np.floating], place: npt.NDArray[np.int64], n_places: int) -> Longs:
    """Return the sums of the amounts of each place."""
    total = np.zeros(n_places, dtype=np.longdouble)
    np.add.at(total, place, amount.astype(np.longdouble))
    return total
