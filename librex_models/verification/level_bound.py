"""An upper bound on a level of a lexicographic max-min decision, recomputed in numpy.

Let S hold those whom lower levels have settled, at utilities of at least floor_g, and O the others.
For any slopes s >= 0 and prices lam >= 0, every decision that keeps the floors has

    (sum of s_g weight_g over O) min over O of utility_g / weight_g + sum of s_g floor_g over S
        <=  sum over all g of s_g utility_g  <=  price bound of s . utility

so no such decision gives all of O more than what remains, divided by the first sum.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from librex_models.problem import AllocationProblem, Grouping
from librex_models.verification.price_bound import (
    EPSILON,
    Region,
    budget_rows,
    price_bound,
)

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


def level_bound(
    problem: AllocationProblem,
    grouping: Grouping,
    slope: Floats,
    price: Floats,
    is_open: Booleans,
    floor: Floats,
    own: Region,
) -> float:
    """Return what the smallest utility per weight among those who are open cannot exceed.

    Parameters
    ----------
    problem, grouping
        With a reward.
    slope : array of shape (n_groups,)
        At least zero.
    price : array of shape (n_resources,)
        Any numbers; negative and non-finite ones count as zero.
    is_open : boolean array of shape (n_groups,)
    floor : array of shape (n_groups,)
        What those who are not open get at least; not read for the others.
    own : Region

    Returns
    -------
    float
        Infinite where the slopes of all who are open are zero.
    """
    total = math.fsum((slope[is_open] * grouping.weight[is_open]).tolist())
    usable = total > 0.0 and np.isfinite(slope).all()
    if problem.reward is None or not usable:
        return np.inf
    worth = (slope * grouping.share)[grouping.of_option] * problem.reward
    earned = price_bound(worth, budget_rows(problem), price, own)
    before = slope * grouping.history
    taken = np.where(is_open, 0.0, slope * floor)
    # The sum is rounded once, every product too, and the divisor and its quotient a few times.
    most = math.fsum([earned, *before.tolist(), *(-taken).tolist()])
    rounding = 2.0 * EPSILON * (abs(earned) + float(before.sum() + np.abs(taken).sum()))
    return float((most + rounding) / total * (1.0 + np.sign(most) * 4 * EPSILON))
