"""One budget: the parts of decisions that buy utility, each at one rate.

A segment raises one option from its lower bound to its upper; or, where an agent may take only so
much in all, moves the agent from one of its options to the next dearer one that is worth it: the
upper hull of reward over cost. Whoever fills the segments of a group in the order of their rates
makes the best of what the group spends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.families import AlphaFairness, MaxMinFairness, TotalReward
from librex_models.problem import AllocationProblem
from librex_models.routes.route import Floats, Question
from librex_models.verification import Region, region
from solvers.program import Booleans, Integers

NOTHING = -1


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
    option, before : integer arrays of shape (n_segments,)
        The option that it raises, and the one that it takes the place of, or NOTHING.
    amount : array of shape (n_segments,)
        By how much decisions move over the segment.
    start, end : arrays of shape (n_segments,)
        The utility of the group before and after it.
    decision : array of shape (n_options,)
        What is decided before anything is spent.
    resource : int
        Whose budget it is.
    room : float
        What of it can be spent; negative where lower bounds alone exceed it.
    """

    group: Integers
    rate: Floats
    cost: Floats
    option: Integers
    before: Integers
    amount: Floats
    start: Floats
    end: Floats
    decision: Floats
    resource: int
    room: float

    def decided(self, spent: Floats) -> Floats:
        """Return the decision where so much is spent on each segment, shape (n_options,)."""
        n_options = len(self.decision)
        moved = self.amount * np.divide(
            spent, self.cost, out=np.zeros(len(spent)), where=self.cost > 0
        )
        replaced = self.before != NOTHING
        up = np.bincount(self.option, moved, minlength=n_options)
        down = np.bincount(self.before[replaced], moved[replaced], minlength=n_options)
        return self.decision + up - down


def why_not_one_budget(question: Question) -> str:
    """Return why a question is not one of a single budget with simple agents; empty if it is."""
    problem, family = question.problem, question.family
    if not isinstance(family, (AlphaFairness, MaxMinFairness, TotalReward)):
        return f"{family.key} models are no water to fill"
    if problem.integer.any():
        return "decisions are whole"
    if len(problem.extra_rows):
        return "the problem has rows of its own"
    if question.grouping.limits is not None:
        return "utilities have limits"
    if question.grouping.shared_reward is not None:
        return "options serve several groups"
    own = region(problem)
    if len(_binding(problem, own)) > 1:
        return "more than one budget can bind"
    per_agent = np.bincount(problem.agent_of_option, minlength=problem.n_agents)
    least = np.bincount(problem.agent_of_option, own.lower, minlength=problem.n_agents)
    lacks = (per_agent > 1) & (own.agent_minimum > least)
    if lacks.any():
        agent = problem.agents[int(np.flatnonzero(lacks)[0])]
        return f"agent {agent!r} has a minimum over several options"
    limited = _limited(problem, own)
    bounded = (problem.lower > 0) | (problem.upper < own.agent_limit[problem.agent_of_option])
    crowded = np.flatnonzero(limited[problem.agent_of_option] & bounded)
    if crowded.size:
        option = problem.options[int(crowded[0])]
        return f"option {option!r} has bounds of its own beside the limit of its agent"
    return ""


def segments_of(question: Question) -> Segments:
    """Return the segments of a question for which `why_not_one_budget` has nothing to say."""
    problem, grouping, reward = question.problem, question.grouping, question.reward
    own = region(problem)
    binding = _binding(problem, own)
    resource = int(binding[0]) if len(binding) else 0
    # Where no budget can bind, nothing costs anything.
    cost = problem.usage[binding, :].toarray().sum(axis=0)
    lower = own.lower.copy()
    alone = np.bincount(problem.agent_of_option, minlength=problem.n_agents) == 1
    single = alone[problem.agent_of_option]
    minimum = own.agent_minimum[problem.agent_of_option]
    lower[single] = np.maximum(lower, minimum)[single]
    limited = _limited(problem, own)[problem.agent_of_option]
    simple = np.flatnonzero(~limited & (reward > 0) & (own.upper > lower))
    parts = [
        _Part(
            option=simple,
            before=np.full(len(simple), NOTHING),
            amount=(own.upper - lower)[simple],
            cost=cost[simple],
            gain=reward[simple],
        ),
        _hulls(problem, np.flatnonzero(limited & (reward > 0)), own, cost, reward),
    ]
    part = _joined(parts)
    free = part.cost <= 0
    decision = lower.copy()
    np.add.at(decision, part.option[free], part.amount[free])
    paid = part.where(~free)
    group = grouping.of_option[paid.option]
    share = grouping.share[group]
    # In this order: products of large and small numbers meet late.
    rate = paid.gain / paid.cost * share
    order = np.lexsort((-rate, group))
    gained = (paid.gain * share * paid.amount)[order]
    base = grouping.utility(reward, decision)
    start, end = _utilities(group[order], gained, base)
    with np.errstate(over="ignore"):
        return Segments(
            group=group[order],
            rate=rate[order],
            cost=(paid.cost * paid.amount)[order],
            option=paid.option[order],
            before=paid.before[order],
            amount=paid.amount[order],
            start=start,
            end=end,
            decision=decision,
            resource=resource,
            room=float(problem.budget[resource] - cost @ lower) if len(binding) else np.inf,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Moves of decisions, cost and gain being those of a unit moved."""

    option: Integers
    before: Integers
    amount: Floats
    cost: Floats
    gain: Floats

    def where(self, kept: Booleans) -> _Part:
        return _Part(
            option=self.option[kept],
            before=self.before[kept],
            amount=self.amount[kept],
            cost=self.cost[kept],
            gain=self.gain[kept],
        )


def _joined(parts: list[_Part]) -> _Part:
    return _Part(
        option=np.concatenate([one.option for one in parts]),
        before=np.concatenate([one.before for one in parts]),
        amount=np.concatenate([one.amount for one in parts]),
        cost=np.concatenate([one.cost for one in parts]),
        gain=np.concatenate([one.gain for one in parts]),
    )


def _binding(problem: AllocationProblem, own: Region) -> Integers:
    """Return the resources that could be used up, by what bounds alone allow."""
    with np.errstate(over="ignore", invalid="ignore"):
        most = problem.usage @ own.upper
    # A hair below, for rounding: a budget that just suffices binds nobody by more than that.
    return np.flatnonzero(np.isfinite(problem.budget) & ~(most < problem.budget * (1 - 1e-12)))


def _limited(problem: AllocationProblem, own: Region) -> Booleans:
    """Return the agents with several options whose limit is less than their bounds add up to."""
    several = np.bincount(problem.agent_of_option, minlength=problem.n_agents) > 1
    most = np.bincount(problem.agent_of_option, own.upper, minlength=problem.n_agents)
    is_limited: Booleans = several & (most > own.agent_limit)
    return is_limited


def _hulls(
    problem: AllocationProblem, options: Integers, own: Region, cost: Floats, reward: Floats
) -> _Part:
    """Return the moves along the upper hulls of agents that may take only so much in all."""
    agent = problem.agent_of_option[options]
    order = np.lexsort((-reward[options], cost[options], agent))
    option: list[int] = []
    before: list[int] = []
    hull: list[int] = []
    last = NOTHING
    for j, i in zip(options[order].tolist(), agent[order].tolist(), strict=True):
        if i != last:
            _take(hull, option, before)
            last = i
        _extend(hull, j, cost, reward)
    _take(hull, option, before)
    to, past = np.array(option, dtype=np.int64), np.array(before, dtype=np.int64)
    replaced = past != NOTHING
    return _Part(
        option=to,
        before=past,
        amount=own.agent_limit[problem.agent_of_option[to]],
        cost=cost[to] - np.where(replaced, cost[past], 0.0),
        gain=reward[to] - np.where(replaced, reward[past], 0.0),
    )


def _extend(hull: list[int], j: int, cost: Floats, reward: Floats) -> None:
    """Put an option at the end of a hull, without those that it makes useless."""
    if hull and reward[j] <= reward[hull[-1]]:
        return
    while hull:
        top = hull[-1]
        below = hull[-2] if len(hull) > 1 else NOTHING
        c, r = (cost[below], reward[below]) if below != NOTHING else (0.0, 0.0)
        # Reward per cost from below to the top, and from the top to the new one.
        first = (reward[top] - r) * (cost[j] - cost[top])
        second = (reward[j] - reward[top]) * (cost[top] - c)
        if first > second:
            break
        hull.pop()
    hull.append(j)


def _take(hull: list[int], option: list[int], before: list[int]) -> None:
    """Move a finished hull to the lists of moves."""
    option.extend(hull)
    before.extend([NOTHING, *hull[:-1]] if hull else [])
    hull.clear()


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
