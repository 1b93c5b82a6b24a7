"""Random allocation problems: small enough to enumerate, odd enough to break things.

A hidden decision is drawn first, and budgets, given limits and minimums are drawn around it, so
that nearly every problem has a feasible one. With `tight` budgets in tenths the hidden decision
uses a budget up exactly in decimal arithmetic, which in doubles may be a rounding error too much.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from librex_models.problem import AllocationProblem

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

Whole = Literal["none", "all", "mixed"]
Numbers = Literal["tenths", "whole", "continuous"]
Names = Literal["positions", "strings", "odd"]
Limits = Literal["none", "default", "given"]
Choice = TypeVar("Choice")

WHOLE: tuple[Whole, ...] = ("none", "all", "mixed")
NUMBERS: tuple[Numbers, ...] = ("tenths", "whole", "continuous")
NAMES: tuple[Names, ...] = ("positions", "strings", "odd")
LIMITS: tuple[Limits, ...] = ("none", "default", "given")


def random_problem(
    generator: np.random.Generator,
    *,
    n_options: int | None = None,
    n_resources: int | None = None,
    several_options: bool | None = None,
    several_agents: bool | None = None,
    group_utility: Literal["mean", "sum"] | None = None,
    weights: bool | None = None,
    history: bool | None = None,
    limits: Limits | None = None,
    minimums: bool | None = None,
    bounds: bool | None = None,
    infinite_upper: bool = False,
    infinite_budget: bool | None = None,
    tight: bool | None = None,
    integer: Whole | None = None,
    numbers: Numbers | None = None,
    names: Names | None = None,
    fairness: bool = False,
) -> AllocationProblem:
    """Return a random problem; what is None is drawn as well.

    Parameters
    ----------
    generator : numpy.random.Generator
    n_options, n_resources : int
        By default 1 to 8 and 1 to 3.
    several_options, several_agents : bool
        Whether agents may have several options, and groups several agents.
    group_utility : "mean" or "sum"
    weights, history : bool
        Whether groups (and agents) have weights other than 1, and utility earned before. History
        goes to groups only.
    limits : "none", "default" or "given"
        The limits of agents: all infinite, those of the constructor, or drawn.
    minimums : bool
        Whether agents have a minimum.
    bounds : bool
        Whether decisions have bounds other than 0 and 1. The upper ones are at most 3.
    infinite_upper : bool
        Whether some decisions have no upper bound; only where a finite budget binds.
    infinite_budget : bool
        Whether some budgets are infinite.
    tight : bool
        Whether the hidden feasible decision uses every finite budget up.
    integer : "none", "all" or "mixed"
        Which decisions are whole.
    numbers : "tenths", "whole" or "continuous"
        What requests, budgets, rewards and history are made of.
    names : "positions", "strings" or "odd"
        Labels; the odd ones hold blanks, brackets, tuples and letters outside ASCII.
    fairness : bool
        Whether rewards are at least zero.
    """
    draw = _Draw(generator, _given_or_one_of(generator, numbers, NUMBERS))
    n_options = int(generator.integers(1, 9)) if n_options is None else n_options
    n_resources = int(generator.integers(1, 4)) if n_resources is None else n_resources
    agent = draw.owners(n_options, draw.decide(several_options))
    n_agents = int(agent.max()) + 1
    group = draw.owners(n_agents, draw.decide(several_agents))
    n_groups = int(group.max()) + 1
    mask = draw.mask(n_options, _given_or_one_of(generator, integer, WHOLE))
    limited = _given_or_one_of(generator, limits, LIMITS)
    lower, upper = draw.bounds(mask, draw.decide(bounds))
    hidden = draw.decision(lower, upper, mask, agent, limited)
    requests = draw.requests(n_options, n_resources)
    budget = draw.budget(requests, hidden, draw.decide(tight), draw.decide(infinite_budget))
    if infinite_upper:
        binds = (requests[:, np.isfinite(budget)] > 0).any(axis=1)
        upper = np.where(binds & draw.mask(n_options, "mixed"), np.inf, upper)
    total = np.bincount(agent, hidden, minlength=n_agents).astype(np.float64)
    kind = _given_or_one_of(generator, names, NAMES)
    agents, groups = _labels("agent", n_agents, kind), _labels("group", n_groups, kind)
    return AllocationProblem(
        requests,
        budget,
        draw.reward(n_options, fairness),
        agent=[agents[i] for i in agent],
        group=[groups[g] for g in group],
        weight=draw.weight(n_groups, draw.decide(weights)),
        history=draw.amounts(n_groups) * draw.decide(history),
        agent_weight=draw.weight(n_agents, draw.decide(weights)),
        lower=lower,
        upper=upper,
        agent_limit=draw.limit(total, limited),
        agent_minimum=draw.minimum(total, limited, draw.decide(minimums)),
        integer=mask,
        group_utility=_given_or_one_of(generator, group_utility, ("mean", "sum")),
        option_names=_labels("option", n_options, kind),
        resource_names=_labels("resource", n_resources, kind),
    )


@dataclass(frozen=True)
class _Draw:
    """Draws the parts of a problem."""

    generator: np.random.Generator
    numbers: Numbers

    def decide(self, wanted: bool | None) -> bool:
        return bool(self.generator.integers(2)) if wanted is None else wanted

    def amounts(self, *shape: int) -> Floats:
        """Return numbers from 0 to 2, or whole ones from 0 to 9."""
        if self.numbers == "whole":
            return self.generator.integers(0, 10, shape).astype(np.float64)
        if self.numbers == "tenths":
            return self.generator.integers(0, 21, shape) / 10
        return self.generator.uniform(0.0, 2.0, shape)

    def rounded(self, numbers: Floats) -> Floats:
        if self.numbers == "continuous":
            return numbers
        return np.round(numbers, 1 if self.numbers == "tenths" else 0)

    def owners(self, size: int, several: bool) -> Integers:
        """Return who owns each, numbered in order of first appearance."""
        if not several:
            return np.arange(size)
        drawn = self.generator.integers(0, max(1, size // 2 + 1), size)
        code: dict[int, int] = {}
        return np.array([code.setdefault(owner, len(code)) for owner in drawn.tolist()])

    def mask(self, size: int, which: Whole) -> npt.NDArray[np.bool_]:
        if which == "mixed":
            return self.generator.integers(0, 2, size).astype(np.bool_)
        return np.full(size, which == "all")

    def bounds(self, mask: npt.NDArray[np.bool_], unusual: bool) -> tuple[Floats, Floats]:
        """Return lower and upper bounds, with a whole number between them where `mask` is."""
        size = len(mask)
        lower, upper = np.zeros(size), np.ones(size)
        if unusual:
            upper = self.generator.integers(0, 7, size) / 2
            raised = self.generator.integers(0, 4, size) == 0
            lower = np.where(raised, np.minimum(upper, 0.5), lower)
            upper = np.where(mask, np.maximum(upper, np.ceil(lower)), upper)
        return lower, upper

    def decision(
        self,
        lower: Floats,
        upper: Floats,
        mask: npt.NDArray[np.bool_],
        agent: Integers,
        limits: Limits,
    ) -> Floats:
        """Return a decision between the bounds, whole where `mask` is."""
        part = self.generator.integers(0, 5, len(mask)) / 4
        if limits == "default":
            # That limit is 1, so only the first option of an agent is above its lower bound.
            first = np.unique(agent, return_index=True)[1]
            part[~np.isin(np.arange(len(mask)), first)] = 0.0
        fractional = lower + part * (upper - lower)
        least, most = np.ceil(lower), np.floor(upper)
        return np.where(mask, least + np.floor(part * (most - least)), fractional)

    def requests(self, n_options: int, n_resources: int) -> Floats:
        """Return requests, about a quarter of them zero."""
        wanted = self.generator.integers(0, 4, (n_options, n_resources)) > 0
        return self.amounts(n_options, n_resources) * wanted

    def budget(self, requests: Floats, hidden: Floats, tight: bool, infinite: bool) -> Floats:
        """Return budgets that the hidden decision respects."""
        needed, asked = hidden @ requests, requests.sum(axis=0)
        spare = np.maximum(asked - needed, 0.0) * self.generator.uniform(0.0, 0.7, len(asked))
        budget = self.rounded(needed if tight else needed + spare)
        if self.numbers == "tenths":
            budget = np.maximum(budget, np.ceil(needed * 10 - 1e-6) / 10)
        elif self.numbers == "whole":
            budget = np.maximum(budget, np.ceil(needed - 1e-6))
        unlimited = infinite & (self.generator.integers(0, 3, len(budget)) == 0)
        return np.where(unlimited, np.inf, budget)

    def reward(self, size: int, fairness: bool) -> Floats:
        reward = self.amounts(size)
        if fairness:
            return reward
        return reward * np.where(self.generator.integers(0, 5, size) == 0, -1.0, 1.0)

    def weight(self, size: int, unusual: bool) -> Floats:
        if not unusual:
            return np.ones(size)
        if self.numbers == "continuous":
            return self.generator.uniform(0.1, 3.0, size)
        return self.generator.integers(1, 31, size) / 10

    def limit(self, total: Floats, limits: Limits) -> Floats | None:
        """Return limits that a decision with these sums respects, or None for the default."""
        if limits == "default":
            return None
        if limits == "none":
            return np.full(len(total), np.inf)
        limit = total + self.generator.integers(0, 5, len(total)) / 2
        return np.where(self.generator.integers(0, 4, len(total)) == 0, np.inf, limit)

    def minimum(self, total: Floats, limits: Limits, present: bool) -> Floats:
        """Return minimums that a decision with these sums respects."""
        if not present:
            return np.zeros(len(total))
        minimum = total * self.generator.integers(0, 3, len(total)) / 2
        return np.minimum(minimum, 1.0) if limits == "default" else minimum


def _given_or_one_of(
    generator: np.random.Generator, given: Choice | None, choices: Sequence[Choice]
) -> Choice:
    return choices[int(generator.integers(len(choices)))] if given is None else given


def _labels(kind: str, size: int, names: Names) -> list[Hashable]:
    if names == "positions":
        return list(range(size))
    if names == "strings":
        return [f"{kind}_{position}" for position in range(size)]
    odd: list[Hashable] = [("a", 1), ("a", 2), f"{kind} b", f"{kind}[1]", "Größe", -7, "e1", "x.y"]
    return [*odd[:size], *range(len(odd), size)]
