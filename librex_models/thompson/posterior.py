"""What every posterior does: it draws, it counts outcomes, it forgets, it is saved."""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from librex_models.problem.labels import Floats, Integers


@runtime_checkable
class Posterior(Protocol):
    """What is believed about the expected reward of each option.

    Time is counted in rounds, by `advance` alone: all outcomes between two calls belong to one
    round, in however many batches they come. `advance` is called when a round's draw has been
    taken, before its outcomes come, so that the outcomes of the last round weigh fully in the
    next draw (Garivier & Moulines 2011, "On upper-confidence bound policies for switching bandit
    problems", ALT, 174-188).

    Options are numbered 0, 1, ...; arrays that are handed in are copied, and an update that is
    refused changes nothing.
    """

    @property
    def n_options(self) -> int:
        """How many options there are."""
        ...

    def draw(self, rng: np.random.Generator, features: Any = None) -> Floats:
        """Return one draw of the expected reward of each option, shape (n_options,).

        Parameters
        ----------
        rng : numpy.random.Generator
        features : array_like of shape (n_options, n_features), optional
            The context of this round, where rewards depend on one.
        """
        ...

    def update(
        self,
        options: Any,
        outcomes: Any,
        *,
        features: Any = None,
        rounds_ago: Any = 0,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Count outcomes. A batch equals its sequence.

        Parameters
        ----------
        options : array_like of int, shape (n_outcomes,)
            An option may stand more than once.
        outcomes : array_like of shape (n_outcomes,)
        features : array_like of shape (n_outcomes, n_features), optional
            The context in which each option was chosen, where rewards depend on one.
        rounds_ago : int or array_like of int, shape (n_outcomes,)
            How many rounds before the present one each option was chosen: a late outcome weighs
            as if it had come in time.
        rng : numpy.random.Generator, optional
            Where rewards are counted by a trial.
        """
        ...

    def advance(self, rounds: int = 1) -> None:
        """Begin the next round: what is discounted fades, what is out of the window leaves."""
        ...

    def fit(
        self,
        options: Any,
        outcomes: Any,
        *,
        features: Any = None,
        rounds_ago: Any = 0,
        rng: np.random.Generator | None = None,
    ) -> Self:
        """Forget every outcome, count a history in their place, and return the posterior."""
        ...

    def mean(self) -> Floats:
        """Return the expected reward of each option, shape (n_options,)."""
        ...

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Return the ends of the central credible intervals, two arrays of shape (n_options,)."""
        ...

    def add_options(self, count: int) -> Integers:
        """Add options behind those that are there, and return their numbers."""
        ...

    def remove_options(self, options: Any) -> None:
        """Remove options; those behind them move up, as in `numpy.delete`."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the state, of what JSON can hold; finite numbers only, which lose no bit."""
        ...

    @classmethod
    def from_dict(cls, state: Any) -> Self:
        """Return the posterior of a state."""
        ...
