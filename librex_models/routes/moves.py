"""One budget: the moves of decisions that earn something, each at one cost and one gain.

A move raises one option from its lower bound to its upper; or, where an agent may take only so much
in all, moves the agent from one of its options to the next dearer one that is worth it: the upper
hull of reward over cost. An agent that must take a least amount m of several options begins with m
of the cheapest and climbs the hull with it as far as the option with the most reward per cost; of
that one it takes more, up to its limit, and climbs on with all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.families import AlphaFairness, MaxMinFairness, NestedFairness, TotalReward
from librex_models.problem import AllocationProblem
from librex_models.routes.route import Floats, Question
from librex_models.verification import Region, region
from solvers.program import Booleans, Integers

NOTHING = -1
SMALLEST_INNER = 1e-3
"""Of inner_alpha: with less, all that a group can do is nearly as good, and doubles cannot tell."""
STEEPEST = 1e5
"""Alpha per inner_alpha: where it is more, doubles do not tell the levels of groups well enough."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves:
    """Moves of decisions; arrays of shape (n_moves,).

    Parameters
    ----------
    option, before : integer arrays
        The option that it raises, and the one that it takes the place of, or NOTHING.
    amount : array
        By how much decisions move.
    cost, gain : arrays
        What a unit moved costs, and what reward it adds.
    """

    option: Integers
    before: Integers
    amount: Floats
    cost: Floats
    gain: Floats

    def where(self, kept: Booleans | Integers) -> Moves:
        """Return some of the moves."""
        return Moves(
            option=self.option[kept],
            before=self.before[kept],
            amount=self.amount[kept],
            cost=self.cost[kept],
            gain=self.gain[kept],
        )

    def moved(self, decision: Floats, part: Floats) -> Floats:
        """Return the decision after such a part of each move."""
        n_options, amount = len(decision), self.amount * part
        replaced = self.before != NOTHING
        up = np.bincount(self.option, amount, minlength=n_options)
        down = np.bincount(self.before[replaced], amount[replaced], minlength=n_options)
        return decision + up - down


@dataclass(frozen=True, kw_only=True, eq=False)
class Offer:
    """What one budget can buy.

    Parameters
    ----------
    moves : Moves
    decision : array of shape (n_options,)
        What is decided before anything is bought: lower bounds and minimums.
    twin : integer array of shape (n_options,)
        The option that stands for all of an agent with a limit or a minimum that cost and earn the
        same; each for itself elsewhere.
    resource : int
        Whose budget it is.
    room : float
        What of it can be spent, infinite where none binds; negative where what is decided before
        exceeds it.
    """

    moves: Moves
    decision: Floats
    twin: Integers
    resource: int
    room: float


def why_not_one_budget(question: Question) -> str:
    """Return why a question is not one of a single budget with simple agents; empty if it is."""
    problem, family = question.problem, question.family
    if not isinstance(family, (AlphaFairness, MaxMinFairness, NestedFairness, TotalReward)):
        return f"{family.key} models are no water to fill"
    if isinstance(family, NestedFairness):
        alpha, inner = family.outer.alpha, family.inner_alpha
        if alpha == 0.0 or np.isinf(inner) or inner < SMALLEST_INNER:
            return f"inner_alpha is {inner:g} and alpha {alpha:g}"
        if np.isfinite(alpha) and alpha > STEEPEST * inner:
            return f"alpha is more than {STEEPEST:g} times inner_alpha, {inner:g}"
    if problem.integer.any():
        return "decisions are whole"
    if len(problem.extra_rows):
        return "the problem has rows of its own"
    limits = question.grouping.limits
    if limits is not None and (limits.has_spread_cap or limits.has_gini_cap):
        return "differences between utilities are limited"
    if question.grouping.shared_reward is not None:
        return "options serve several groups"
    own = region(problem)
    if len(_binding(problem, own)) > 1:
        return "more than one budget can bind"
    return _why_not_simple(question, own)


def _why_not_simple(question: Question, own: Region) -> str:
    """Return which agent's rules leave more than one way to its utilities; empty if none does."""
    problem, limits = question.problem, question.grouping.limits
    is_short = _short(problem, own)
    if limits is not None and is_short.any():
        # Below what the cheapest way to a minimum earns, less utility would cost more.
        has_ceiling = np.isfinite(limits.ceiling)[question.grouping.of_option]
        met = np.flatnonzero(is_short[problem.agent_of_option] & has_ceiling)
        if met.size:
            agent = problem.agents[int(problem.agent_of_option[met[0]])]
            return f"agent {agent!r} has a minimum over several options beside a ceiling"
    limit = own.agent_limit[problem.agent_of_option]
    is_ruled = (_limited(problem, own) | is_short)[problem.agent_of_option]
    crowded = np.flatnonzero(is_ruled & ((problem.lower > 0) | (problem.upper < limit)))
    if crowded.size:
        j = int(crowded[0])
        rule = "minimum" if is_short[problem.agent_of_option[j]] else "limit"
        return f"option {problem.options[j]!r} has bounds of its own beside the {rule} of its agent"
    return ""


def offer_of(question: Question) -> Offer:
    """Return what can be bought where `why_not_one_budget` has nothing to say."""
    problem, reward = question.problem, question.reward
    own = region(problem)
    binding = _binding(problem, own)
    # Where no budget can bind, nothing costs anything.
    cost = problem.usage[binding, :].toarray().sum(axis=0)
    is_short = _short(problem, own)
    alone = (np.bincount(problem.agent_of_option, minlength=problem.n_agents) == 1)[
        problem.agent_of_option
    ]
    least = np.maximum(own.lower, own.agent_minimum[problem.agent_of_option])
    decision = np.where(alone, least, own.lower)
    is_ruled = (_limited(problem, own) | is_short)[problem.agent_of_option]
    simple = np.flatnonzero(~is_ruled & (reward > 0) & (own.upper > decision))
    by_itself = Moves(
        option=simple,
        before=np.full(len(simple), NOTHING),
        amount=(own.upper - decision)[simple],
        cost=cost[simple],
        gain=reward[simple],
    )
    wanted = (reward > 0) | is_short[problem.agent_of_option]
    hulls = _Hulls(problem, own, cost, reward, np.where(is_short, own.agent_minimum, 0.0))
    hulls.climb(np.flatnonzero(is_ruled & wanted))
    decision[hulls.first] = hulls.least[problem.agent_of_option[hulls.first]]
    resource = int(binding[0]) if len(binding) else 0
    return Offer(
        moves=_joined(by_itself, hulls.moves()),
        decision=decision,
        twin=hulls.twin,
        resource=resource,
        room=float(problem.budget[resource] - cost @ decision) if len(binding) else np.inf,
    )


def _joined(first: Moves, second: Moves) -> Moves:
    return Moves(
        option=np.concatenate([first.option, second.option]),
        before=np.concatenate([first.before, second.before]),
        amount=np.concatenate([first.amount, second.amount]),
        cost=np.concatenate([first.cost, second.cost]),
        gain=np.concatenate([first.gain, second.gain]),
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


def _short(problem: AllocationProblem, own: Region) -> Booleans:
    """Return the agents with several options whose lower bounds do not make their minimum."""
    several = np.bincount(problem.agent_of_option, minlength=problem.n_agents) > 1
    least = np.bincount(problem.agent_of_option, own.lower, minlength=problem.n_agents)
    is_short: Booleans = several & (own.agent_minimum > least)
    return is_short


class _Hulls:
    """The moves along the upper hulls of agents with a limit or a minimum over several options."""

    def __init__(
        self,
        problem: AllocationProblem,
        own: Region,
        cost: Floats,
        reward: Floats,
        least: Floats,
    ) -> None:
        self._agent = problem.agent_of_option
        self._most = np.where(
            np.isfinite(own.agent_limit)[self._agent], own.agent_limit[self._agent], own.upper
        )
        self._cost, self._reward = cost, reward
        self.least = least
        self.twin = np.arange(len(cost))
        self.first: list[int] = []
        self._option: list[int] = []
        self._before: list[int] = []
        self._amount: list[float] = []

    def climb(self, options: Integers) -> None:
        """Take the moves of the agents of some options."""
        agent = self._agent[options]
        order = np.lexsort((-self._reward[options], self._cost[options], agent))
        options, agent = options[order], agent[order]
        keys = np.stack([agent, self._cost[options], self._reward[options]])
        first = np.flatnonzero((np.diff(keys, axis=1, prepend=np.nan) != 0).any(axis=0))
        self.twin[options] = np.repeat(options[first], np.diff(np.append(first, len(options))))
        options, agent = options[first], agent[first]
        hull: list[int] = []
        last, has_least = NOTHING, False
        for j, i in zip(options.tolist(), agent.tolist(), strict=True):
            if i != last:
                self._take(hull)
                last, has_least = i, bool(self.least[i] > 0)
            self._extend(hull, j, has_least)
        self._take(hull)

    def moves(self) -> Moves:
        """Return the moves that were taken."""
        to, past = (np.array(one, dtype=np.int64) for one in (self._option, self._before))
        replaced = past != NOTHING
        return Moves(
            option=to,
            before=past,
            amount=np.array(self._amount),
            cost=self._cost[to] - np.where(replaced, self._cost[past], 0.0),
            gain=self._reward[to] - np.where(replaced, self._reward[past], 0.0),
        )

    def _extend(self, hull: list[int], j: int, has_least: bool) -> None:
        """Put an option at the end of a hull, without those that it makes useless.

        Hulls begin at nothing, but for agents that must take a least amount at their cheapest.
        """
        cost, reward = self._cost, self._reward
        if hull and reward[j] <= reward[hull[-1]]:
            return
        while len(hull) > has_least:
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

    def _take(self, hull: list[int]) -> None:
        """Take the moves along a finished hull, and begin another."""
        if hull:
            least = float(self.least[self._agent[hull[0]]])
            best = self._best(hull) if least > 0 else 0
            if least > 0:
                self.first.append(hull[0])
            for k in range(1, best + 1):
                self._add(hull[k], hull[k - 1], least)
            most = float(self._most[hull[best]])
            if self._reward[hull[best]] > 0:
                self._add(hull[best], NOTHING, most - least)
                least = most
            for k in range(best + 1, len(hull)):
                self._add(hull[k], hull[k - 1], least)
        hull.clear()

    def _best(self, hull: list[int]) -> int:
        """Return the place on a hull of the most reward per cost."""
        reward, cost = self._reward[hull], self._cost[hull]
        free = np.where(reward == 0.0, 0.0, np.copysign(np.inf, reward))
        return int(np.argmax(np.divide(reward, cost, out=free, where=cost > 0)))

    def _add(self, option: int, before: int, amount: float) -> None:
        if amount > 0:
            self._option.append(option)
            self._before.append(before)
            self._amount.append(amount)
