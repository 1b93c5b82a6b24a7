"""One budget: what it buys for each group, in the order of falling rates.

A segment is what is equally good for a group: moves of decisions that buy utility at one rate. They
are bought together, each in the same part, so that a tie is never decided by chance. Whoever fills
the segments of a group in the order of their rates makes the best of what the group spends.

A floor is bought before all else, at any price; a ceiling cuts the segments off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from librex_models.routes.closed_form import AS_GOOD
from librex_models.routes.moves import Moves, offer_of
from librex_models.routes.route import Floats, Question
from solvers.program import Booleans, Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class Segments:
    """What one budget can buy, in the order of groups and of falling rates.

    Parameters
    ----------
    group : integer array of shape (n_segments,)
    rate : array of shape (n_segments,)
        Utility per unit of the budget.
    cost : array of shape (n_segments,)
        What all of a segment costs.
    start, end : arrays of shape (n_segments,)
        The utility of the group before and after it.
    room : float
        What can be spent; negative where what is decided before exceeds the budget.
    """

    group: Integers
    rate: Floats
    cost: Floats
    start: Floats
    end: Floats
    room: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """What one budget can buy, and by which moves.

    Parameters
    ----------
    segments : Segments
    moves : Moves
        That cost something.
    segment_of_move : integer array of shape (n_moves,)
    decision : array of shape (n_options,)
        What is decided before anything is spent: lower bounds, minimums, and what costs nothing.
    twin : integer array of shape (n_options,)
        The option that stands for others of its agent which cost and earn the same.
    base : array of shape (n_groups,)
        The utilities of what is decided before.
    is_satiated : boolean array of shape (n_groups,)
        Who could have more for nothing, but for a ceiling.
    resource : int
        Whose budget it is.
    """

    segments: Segments
    moves: Moves
    segment_of_move: Integers
    decision: Floats
    twin: Integers
    base: Floats
    is_satiated: Booleans
    resource: int

    def decided(self, spent: Floats) -> Floats:
        """Return the decision where so much is spent on each segment, shape (n_options,)."""
        cost = self.segments.cost
        part = np.divide(spent, cost, out=np.zeros(len(spent)), where=cost > 0)
        decision = self.moves.moved(self.decision, np.minimum(part, 1.0)[self.segment_of_move])
        n_twins = np.bincount(self.twin, minlength=len(decision))
        return (decision / np.maximum(n_twins, 1))[self.twin]

    def tied_options(self, spent: Floats, decision: Floats) -> Integers:
        """Return the options that are equally good for a group which has a part of them only."""
        several = np.bincount(self.segment_of_move, minlength=len(spent)) > 1
        is_part = several & (spent > 0) & (spent < self.segments.cost)
        is_tied = np.bincount(self.twin, minlength=len(decision)) > 1
        is_tied[self.moves.option[is_part[self.segment_of_move]]] = True
        return np.flatnonzero(is_tied[self.twin] & (decision > 0))


def market_of(question: Question) -> Market:
    """Return what a question's budget can buy."""
    grouping, reward = question.grouping, question.reward
    offer = offer_of(question)
    is_free = offer.moves.cost <= 0
    free, paid = offer.moves.where(is_free), offer.moves.where(~is_free)
    decision, is_satiated = _with_what_is_free(question, free, offer.decision)
    group = grouping.of_option[paid.option]
    share = grouping.share[group]
    # In this order: products of large and small numbers meet late.
    rate = paid.gain / paid.cost * share
    order = np.lexsort((-rate, group))
    group, rate = group[order], rate[order]
    with np.errstate(over="ignore"):
        cost = (paid.cost * paid.amount)[order]
        gained = (paid.gain * share * paid.amount)[order]
    is_new = np.diff(group, prepend=-1) != 0
    is_new[1:] |= rate[1:] < rate[:-1] * (1.0 - AS_GOOD)
    segment_of_move = np.cumsum(is_new) - 1
    first = np.flatnonzero(is_new)
    base = grouping.utility(reward, decision)
    start, end = _utilities(group[first], _sums(gained, segment_of_move), base)
    segments = Segments(
        group=group[first],
        rate=rate[first],
        cost=_sums(cost, segment_of_move),
        start=start,
        end=end,
        room=offer.room,
    )
    return Market(
        segments=segments,
        moves=paid.where(order),
        segment_of_move=segment_of_move,
        decision=decision,
        twin=offer.twin,
        base=base,
        is_satiated=is_satiated,
        resource=offer.resource,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Limited:
    """Segments between floors and ceilings.

    Parameters
    ----------
    segments : Segments
        As many as without, those cut away at no cost; the room is what floors leave, and may be
        negative.
    due : array of shape (n_segments,)
        What has to be spent on each segment for the floors.
    within : array of shape (n_segments,)
        The most that may be spent on it.
    """

    segments: Segments
    due: Floats
    within: Floats

    def in_all(self, spent: Floats) -> Floats:
        """Return what is spent on each segment with what is due."""
        # What is taken apart does not always add up to the same.
        return np.where(spent < self.segments.cost, self.due + spent, self.within)

    def at_a_floor(self, spent: Floats, n_groups: int) -> Booleans:
        """Return who gets what is due and no more."""
        by_group = self.segments.group
        due = np.bincount(by_group, self.due, minlength=n_groups)
        is_at: Booleans = (due > 0) & (np.bincount(by_group, spent, minlength=n_groups) == 0)
        return is_at

    def at_a_ceiling(self, whole: Segments, spent: Floats, n_groups: int) -> Booleans:
        """Return who could buy more, but for a ceiling."""
        by_group = self.segments.group
        is_cut = np.bincount(by_group, self.within < whole.cost, minlength=n_groups) > 0
        is_left = np.bincount(by_group, spent < self.segments.cost, minlength=n_groups) > 0
        is_at: Booleans = is_cut & ~is_left
        return is_at


def between_limits(segments: Segments, floor: Floats, ceiling: Floats) -> Limited:
    """Return the segments between floors and ceilings, arrays of shape (n_groups,)."""
    least, most = floor[segments.group], ceiling[segments.group]
    end = np.minimum(segments.end, np.maximum(most, segments.start))
    within = np.where(
        end < segments.end,
        np.minimum((end - segments.start) / segments.rate, segments.cost),
        np.where(most > segments.start, segments.cost, 0.0),
    )
    start = np.clip(least, segments.start, end)
    due = np.where(
        start < end, np.minimum((start - segments.start) / segments.rate, within), within
    )
    # Where no floor reaches, nothing is due: not even what costs too little to earn anything.
    due = np.where(least > segments.start, due, 0.0)
    left = replace(
        segments,
        cost=within - due,
        start=np.where(due > 0, start, segments.start),
        end=end,
        room=segments.room - math.fsum(due.tolist()),
    )
    return Limited(segments=left, due=due, within=within)


def _with_what_is_free(
    question: Question, free: Moves, decision: Floats
) -> tuple[Floats, Booleans]:
    """Return the decision with all that costs nothing, up to ceilings, and whom they stop."""
    grouping = question.grouping
    group = grouping.of_option[free.option]
    part = np.ones(len(grouping))
    if grouping.limits is not None and len(group):
        base = grouping.utility(question.reward, decision)
        gained = free.gain * grouping.share[group] * free.amount
        most = np.bincount(group, gained, minlength=len(grouping))
        room = np.maximum(grouping.limits.ceiling - base, 0.0)
        np.divide(room, most, out=part, where=most > room)
    return free.moved(decision, part[group]), part < 1.0


def _sums(amount: Floats, place: Integers) -> Floats:
    return np.bincount(place, amount).astype(np.float64, copy=False)


def _utilities(group: Integers, gained: Floats, base: Floats) -> tuple[Floats, Floats]:
    """Return the utilities of groups before and after each of their segments, in order."""
    start = base[group]
    end = start + gained
    first = np.flatnonzero(np.diff(group, prepend=-1))
    last = np.append(first[1:], len(group))
    several = np.flatnonzero(last - first > 1)
    for a, b in zip(first[several].tolist(), last[several].tolist(), strict=True):
        reached = np.cumsum(np.concatenate([start[a : a + 1], gained[a:b]]))
        start[a:b], end[a:b] = reached[:-1], reached[1:]
    return start, end
