"""Money for many rounds: what is not spent carries over, and is paced.

With even pacing a round may spend what is left divided by the rounds that are left. With pacing by
price it may spend up to `most` times that, and each reward is reduced by what the option costs at a
price of the budget, so that money waits for rounds in which it buys more. The price follows the
spending, by multiplicative steps:

    price <- price exp(step (spent / even part - 1))

Balseiro & Gur (2019), Manag. Sci. 65, 3952-3968; Badanidiyuru, Kleinberg & Slivkins (2018), J. ACM
65, 13 (bandits with knapsacks).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem import AllocationProblem
from librex_models.problem.labels import Floats, as_numbers, as_vector, check_range
from librex_models.thompson.arguments import as_count

Pacing = Literal["even", "price"]
STEEPEST = 2.0
"""No step of the price is larger, as a logarithm."""
CRUMB = 1e-12
"""Of the money of all rounds: less is what roundings left over, and no solver takes it."""


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """Money for many rounds.

    Parameters
    ----------
    rounds : int
    budget : array_like of shape (n_resources,) or {resource: amount}
        For all rounds together.
    pacing : "even" or "price"
        By price is for `BudgetOnly`, whose welfare is counted in rewards.
    most : float
        Times an even part, the most that a round may spend when paced by price; at least 1.
    """

    rounds: int
    budget: Any
    pacing: Pacing = "even"
    most: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense, and let nobody change the budget later."""
        object.__setattr__(self, "budget", deepcopy(self.budget))
        as_count(self.rounds, "horizon.rounds")
        if self.pacing not in get_args(Pacing):
            raise ParameterError(
                f"horizon.pacing is {self.pacing!r}, expected one of {', '.join(get_args(Pacing))}"
            )
        most = as_numbers(self.most, "horizon.most")
        if most.ndim or not 1.0 <= most < np.inf:
            raise ParameterError(f"horizon.most is {self.most!r}, expected a number of at least 1")

    def to_dict(self, problem: AllocationProblem) -> dict[str, Any]:
        """Return the keywords, of what JSON can hold."""
        return {
            "rounds": self.rounds,
            "budget": self.purse(problem).left.tolist(),
            "pacing": self.pacing,
            "most": float(self.most),
        }

    def purse(self, problem: AllocationProblem) -> Purse:
        """Return the money before the first round."""
        left = as_vector(self.budget, problem.resources, "horizon.budget", "resource")
        check_range(left, problem.resources, "horizon.budget", "resource")
        return Purse(
            horizon=self,
            budget=left,
            left=left,
            rounds_left=self.rounds,
            price=np.zeros(len(left)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Purse:
    """What is left of the money.

    Parameters
    ----------
    horizon : Horizon
    budget : array of shape (n_resources,)
        What there was before the first round.
    left : array of shape (n_resources,)
        Never more than was there less what was handed out, by no rounding error.
    rounds_left : int
    price : array of shape (n_resources,)
        Reward per unit.
    """

    horizon: Horizon
    budget: Floats
    left: Floats
    rounds_left: int
    price: Floats

    @property
    def awaits_price(self) -> bool:
        """Whether a price is still to be taken from a solver."""
        return self.horizon.pacing == "price" and not self.price.all()

    @property
    def at_hand(self) -> Floats:
        """What a round may spend at most, shape (n_resources,): what is left, but for crumbs."""
        return np.where(self.left > CRUMB * self.budget, self.left, 0.0)

    @property
    def even_part(self) -> Floats:
        """What is left divided by the rounds that are left, shape (n_resources,)."""
        return self.left / max(self.rounds_left, 1)

    @property
    def allowance(self) -> Floats:
        """What the next round may spend, shape (n_resources,)."""
        if self.rounds_left <= 1 or self.horizon.pacing == "even":
            return np.minimum(self.even_part, self.at_hand)
        return np.minimum(self.horizon.most * self.even_part, self.at_hand)

    def net_reward(self, problem: AllocationProblem, reward: Floats) -> Floats:
        """Return the rewards less what options cost at the price, shape (n_options,)."""
        is_last = self.rounds_left <= 1
        if self.horizon.pacing == "even" or is_last or not self.price.any():
            # What is left after the last round is of no use.
            return reward
        return np.asarray(reward - problem.usage.T @ self.price)

    def after(self, spent: Floats, price: Floats | None) -> Purse:
        """Return what is left after a round.

        Parameters
        ----------
        spent : array of shape (n_resources,)
            At least what was handed out.
        price : array of shape (n_resources,) or None
            Of the budgets in the round, reward per unit; begun with where there is none yet.
        """
        return replace(
            self,
            left=_less(self.left, spent),
            rounds_left=max(self.rounds_left - 1, 0),
            price=self._next_price(spent, price),
        )

    def _next_price(self, spent: Floats, price: Floats | None) -> Floats:
        if self.horizon.pacing == "even":
            return self.price
        begun = self.price if price is None else np.where(self.price > 0.0, self.price, price)
        even = self.even_part
        ratio = np.divide(spent, even, out=np.ones(len(even)), where=even > 0.0)
        step = (ratio - 1.0) / np.sqrt(self.horizon.rounds)
        return np.where(
            self.price > 0.0, self.price * np.exp(np.clip(step, -STEEPEST, STEEPEST)), begun
        )


def _less(amount: Floats, taken: Floats) -> Floats:
    """Return differences of at least zero, rounded down: up would be money from nowhere.

    By the error of the rounded difference, which is a double itself (Knuth, TAOCP 2, 4.2.2).
    """
    difference = amount - taken
    back = difference - amount
    error = (amount - (difference - back)) - (taken + back)
    rounded_down = np.where(error < 0.0, np.nextafter(difference, -np.inf), difference)
    return np.maximum(rounded_down, 0.0)
