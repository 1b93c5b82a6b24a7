"""How much of one budget goes to each segment: water-filling, in logarithms.

Every group has a level: for alpha-fair welfare 1 / (marginal welfare per unit of budget), for
max-min the utility per weight. A segment is filled while its group's level rises from that of its
start to that of its end, and the budget is spent when all levels stand at the same height, but for
groups that start above it or are full below it. Between two neighbours among all those levels the
spending is

    sum over full segments of cost  +  sum over those being filled of (c e^height - start) / rate

with constants c, so the height follows without a search. Kelly (1998), J. Oper. Res. Soc. 49,
237-252.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from librex_models.routes.closed_form import AS_GOOD, log_of_sum, log_shares
from librex_models.routes.route import Floats
from librex_models.routes.segments import Segments
from solvers.program import Booleans

CORRECTIONS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Filling:
    """What is spent on each segment, and how high the water stands.

    Parameters
    ----------
    spent : array of shape (n_segments,)
    height : float
        The logarithm of the level at which the budget is spent; infinite where it lasts for all.
    is_rising : boolean array of shape (n_segments,)
        Which segments the next unit of the budget would go to.
    """

    spent: Floats
    height: float
    is_rising: Booleans


def filled(segments: Segments, log_weight: Floats, alpha: float) -> Filling:
    """Return how the room is spent where levels are curved: alpha above zero, or max-min.

    Parameters
    ----------
    segments : Segments
    log_weight : array of shape (n_segments,)
        Of the group.
    alpha : float
        Infinite for max-min.
    """
    room = max(segments.room, 0.0)
    if math.fsum(segments.cost.tolist()) <= room:
        nothing = np.zeros(len(segments.cost), dtype=np.bool_)
        return Filling(spent=segments.cost.copy(), height=np.inf, is_rising=nothing)
    log_rate = np.log(segments.rate)
    # The utility of a group that is filling a segment is e^(log_scale + height).
    log_scale = log_weight if np.isinf(alpha) else (log_weight + log_rate) / alpha
    unlimited = _unlimited(segments, log_rate, log_weight, alpha, room)
    if unlimited is not None:
        is_rising = unlimited > 0
        height = math.log(room) - log_of_sum((log_scale - log_rate)[is_rising])
        return Filling(spent=unlimited, height=height, is_rising=is_rising)
    with np.errstate(divide="ignore"):
        start = np.log(segments.start) - log_scale
        end = np.log(segments.end) - log_scale
    height, is_rising = _height(segments, log_scale, start, end, room)
    is_full = ~is_rising & (end <= height)
    left = room - math.fsum(segments.cost[is_full].tolist())
    spent = np.where(is_full, segments.cost, 0.0)
    spent[is_rising] = _shared(segments, log_scale, height, is_rising, left)
    return Filling(spent=spent, height=height, is_rising=is_rising)


def _unlimited(
    segments: Segments, log_rate: Floats, log_weight: Floats, alpha: float, room: float
) -> Floats | None:
    """Return the spending in closed form; None where somebody starts higher or a segment is full.

    Everybody buys of the best segment only.
    """
    is_best = np.diff(segments.group, prepend=-1) != 0
    if room == 0.0 or segments.start[is_best].any() or not (segments.cost[is_best] > 0).all():
        return None
    spent = np.zeros(len(is_best))
    spent[is_best] = room * np.exp(log_shares(log_rate[is_best], log_weight[is_best], alpha))
    fits = (spent[is_best] > 0) & (spent[is_best] < segments.cost[is_best])
    return spent if fits.all() else None


def filled_in_order(segments: Segments, worth: Floats) -> Filling:
    """Return how the room is spent where worth does not fall: alpha zero. Ties get alike.

    Parameters
    ----------
    segments : Segments
    worth : array of shape (n_segments,)
        The logarithm of welfare per unit of the budget.
    """
    room = max(segments.room, 0.0)
    order = np.argsort(-worth, kind="stable")
    before = np.cumsum(segments.cost[order])
    nothing = np.zeros(len(worth), dtype=np.bool_)
    if not len(order) or before[-1] <= room:
        return Filling(spent=segments.cost.copy(), height=np.inf, is_rising=nothing)
    ordered = worth[order]
    is_less = np.diff(ordered, prepend=ordered[:1]) < -AS_GOOD * (1.0 + np.abs(ordered))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.cumsum(is_less)
    last = rank[order[int(np.searchsorted(before, room, side="right"))]]
    is_full, is_rising = rank < last, (rank == last) & (segments.cost > 0)
    left = max(room - math.fsum(segments.cost[is_full].tolist()), 0.0)
    spent = np.where(is_full, segments.cost, 0.0)
    spent[is_rising] = _alike(segments.cost[is_rising], left)
    return Filling(spent=spent, height=-float(worth[is_rising].max()), is_rising=is_rising)


def _alike(most: Floats, amount: float) -> Floats:
    """Return equal parts of an amount, but for those who can take less; at most all they can."""
    order = np.argsort(most, kind="stable")
    ordered = most[order]
    n_others = np.arange(len(most), 0, -1)
    taken = np.cumsum(ordered) - ordered
    # Who takes all, the next ones could have an equal part of what is left.
    can_more = ordered * n_others > amount - taken
    first = int(np.argmax(can_more))
    part = (amount - taken[first]) / n_others[first] if can_more.any() else np.inf
    return np.minimum(most, part)


def _height(
    segments: Segments, log_scale: Floats, start: Floats, end: Floats, room: float
) -> tuple[float, Booleans]:
    """Return the height at which the room is spent, and the segments that are being filled."""
    heights = np.unique(np.concatenate([start, end]))
    low, high = 0, len(heights) - 1
    # At the lowest nothing is spent, at the highest more than there is.
    while high - low > 1:
        middle = (low + high) // 2
        if _spending(segments, log_scale, start, end, float(heights[middle])) <= room:
            low = middle
        else:
            high = middle
    lowest, highest = float(heights[low]), float(heights[high])
    is_rising = (start <= lowest) & (end >= highest)
    is_full = end <= lowest
    if not is_rising.any():
        return lowest, is_rising
    rate = segments.rate[is_rising]
    left = room - math.fsum(segments.cost[is_full].tolist())
    wanted = left + math.fsum((segments.start[is_rising] / rate).tolist())
    if wanted <= 0.0:
        return lowest, is_rising
    height = math.log(wanted) - log_of_sum(log_scale[is_rising] - np.log(rate))
    return min(max(height, lowest), highest), is_rising


def _spending(
    segments: Segments, log_scale: Floats, start: Floats, end: Floats, height: float
) -> float:
    """Return what is spent where the water stands at a height."""
    is_full = end <= height
    is_rising = ~is_full & (start < height)
    with np.errstate(over="ignore"):
        reached = np.exp(log_scale[is_rising] + height)
    spent = (reached - segments.start[is_rising]) / segments.rate[is_rising]
    spent = np.clip(spent, 0.0, segments.cost[is_rising])
    return math.fsum([*segments.cost[is_full].tolist(), *spent.tolist()])


def _shared(
    segments: Segments, log_scale: Floats, height: float, is_rising: Booleans, left: float
) -> Floats:
    """Return what is spent on each segment that is being filled; in all, what is left.

    Where utilities are large beside what the budget adds, their roundings are too: the remainder
    goes where it moves the level least.
    """
    reached = np.exp(log_scale[is_rising] + height)
    rate, most = segments.rate[is_rising], segments.cost[is_rising]
    spent = np.clip((reached - segments.start[is_rising]) / rate, 0.0, most)
    for _ in range(CORRECTIONS):
        remainder = left - math.fsum(spent.tolist())
        can_take = (spent < most) if remainder > 0 else (spent > 0)
        flow = np.where(can_take, reached / rate, 0.0)
        total = math.fsum(flow.tolist())
        if remainder == 0.0 or total == 0.0:
            break
        spent = np.clip(spent + remainder * (flow / total), 0.0, most)
    return spent
