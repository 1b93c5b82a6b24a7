"""A question of one budget with its filling, and the multipliers that prove it.

What a group's utility is worth lies between what its last unit cost and what the next would, both
at the price of the budget: a floor that binds adds to what it is worth to the welfare, a ceiling
takes away from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from librex_models.routes.filling import Filling
from librex_models.routes.plain import Plain
from librex_models.routes.route import Floats, Question
from librex_models.routes.segments import Limited, Market
from librex_models.verification import Evidence, region
from librex_models.verification.price_bound import EPSILON
from solvers.program import Booleans

# What is filled to a common price is worth that price but for roundings: a hair more decides.
HAIR = 256 * EPSILON


@dataclass(frozen=True, kw_only=True, eq=False)
class Filled:
    """A question with its filling.

    Parameters
    ----------
    question : Question
    market : Market
    limited : Limited
    filling : Filling
        Of what floors leave.
    decision : array of shape (n_options,)
    utility : array of shape (n_groups,)
    """

    question: Question
    market: Market
    limited: Limited
    filling: Filling
    decision: Floats
    utility: Floats

    @cached_property
    def spent(self) -> Floats:
        """What is spent on each segment, with what floors cost."""
        return self.limited.in_all(self.filling.spent)

    @property
    def is_scarce(self) -> bool:
        """Whether the budget does not last for all; where there is none, the height is -inf."""
        return self.filling.height < np.inf

    @cached_property
    def at_a_floor(self) -> Booleans:
        """Who gets what a floor asks for and no more."""
        return self.limited.at_a_floor(self.filling.spent, len(self.utility))

    @cached_property
    def at_a_ceiling(self) -> Booleans:
        """Who could have more, but for a ceiling."""
        stopped = self.limited.at_a_ceiling(
            self.market.segments, self.filling.spent, len(self.utility)
        )
        return stopped | self.market.is_satiated

    @cached_property
    def last_cost(self) -> Floats:
        """What the last unit of each utility cost; zero where nothing was bought."""
        segments, touched = self.market.segments, self.spent > 0
        # Rates fall, so the last one that was touched counts.
        last = np.zeros(len(self.utility))
        np.maximum.at(last, segments.group[touched], 1.0 / segments.rate[touched])
        return last

    @cached_property
    def next_cost(self) -> Floats:
        """What the next unit of each utility would cost, infinite where there is none."""
        segments, is_open = self.market.segments, self.spent < self.market.segments.cost
        following = np.full(len(self.utility), np.inf)
        np.minimum.at(following, segments.group[is_open], 1.0 / segments.rate[is_open])
        return np.where(self.market.is_satiated, 0.0, following)

    def price(self, slope: Floats) -> float:
        """Return the price at which nothing more is worth buying, where utilities count so much."""
        if not self.is_scarce:
            return 0.0
        segments = self.market.segments
        is_open = (self.spent < segments.cost) & ~self.at_a_ceiling[segments.group]
        marginal = slope[segments.group[is_open]] * segments.rate[is_open]
        return float(marginal.max(initial=0.0))

    def evidence(self, slope: Floats, multiplier: Floats | None) -> tuple[Evidence, Floats]:
        """Return the evidence where utilities count so much, and its price, (n_resources,)."""
        question, price = self.question, self.price(slope)
        prices = np.zeros(question.problem.n_resources)
        if self.is_scarce:
            prices[self.market.resource] = price
        rows = [prices * (1.0 + HAIR)]
        limits = question.grouping.limits
        if limits is not None:
            raised = np.where(self.at_a_floor, price * self.last_cost - slope, 0.0)
            following = np.where(self.at_a_ceiling, self.next_cost, 0.0)
            lowered = np.where(self.at_a_ceiling, slope - price * following, 0.0)
            rows += [np.maximum(raised, 0.0)[limits.with_floor]]
            rows += [np.maximum(lowered, 0.0)[limits.with_ceiling] * (1.0 + HAIR)]
        linear = Plain().linear_welfare(question, self.utility, multiplier)
        capped = np.maximum(region(question.problem, by_budgets=True).upper, linear.region.lower)
        # Roundings count by what decisions can be: by no more than the budget buys.
        own = replace(linear.region, upper=np.minimum(linear.region.upper, capped))
        evidence = Evidence(linear=replace(linear, region=own), price=np.concatenate(rows))
        return evidence, prices
