"""What the posteriors share: sums of outcomes beside a prior, which fade or leave.

A posterior is its prior and the sums of its outcomes. An outcome of s rounds ago weighs discount^s;
with a window of W rounds it weighs 1 while s < W, and then leaves. Within a window the sums are
taken anew from the outcomes in it, so that nothing is left behind of those that have left.

Garivier & Moulines (2011), "On upper-confidence bound policies for switching bandit problems",
ALT, 174-188.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats, Integers
from librex_models.thompson.arguments import (
    as_count,
    checked_discount,
    checked_outcomes,
    checked_rounds,
    option_numbers,
)
from librex_models.thompson.outcomes import Outcomes, joined, none_yet
from librex_models.thompson.written_state import VERSION, check_kind, entries, finite_array

Sums = Mapping[str, Floats]
"""Sums over outcomes, by name. Never changed in place."""


class ConjugatePosterior(ABC):
    """A prior beside sums of outcomes.

    Parameters
    ----------
    n_options : int
    n_features : int
        Columns of the context that each outcome comes with, 0 for none.
    discount : float
    window : int, optional
    """

    kind: ClassVar[str]

    def __init__(
        self, n_options: int, *, n_features: int = 0, discount: float, window: int | None
    ) -> None:
        self._n_options = as_count(n_options, "n_options")
        self._n_features = n_features
        self._discount, self._window = checked_discount(discount, window)
        # The outcomes in the window. Without a window only their sums are kept.
        self._recent: list[Outcomes] = [none_yet(n_features)]
        # None where they are yet to be taken from the outcomes in the window.
        self._known_sums: Sums | None = self._no_sums()

    @property
    def n_options(self) -> int:
        """How many options there are."""
        return self._n_options

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

        Raises
        ------
        ShapeError, ParameterError
            Naming the option and its value; nothing is changed.
        """
        batch = self._checked(options, outcomes, features, rounds_ago, rng)
        if self._window is None:
            self._known_sums = self._with(self._sums, batch)
        else:
            self._recent.append(batch.where(batch.rounds_ago < self._window))
            self._known_sums = None

    def fit(
        self,
        options: Any,
        outcomes: Any,
        *,
        features: Any = None,
        rounds_ago: Any = 0,
        rng: np.random.Generator | None = None,
    ) -> Self:
        """Forget every outcome, count a history in their place, and return the posterior.

        The arguments are those of `update`.
        """
        kept = self._recent, self._known_sums
        self._recent, self._known_sums = [none_yet(self._n_features)], self._no_sums()
        try:
            self.update(options, outcomes, features=features, rounds_ago=rounds_ago, rng=rng)
        except BaseException:
            self._recent, self._known_sums = kept
            raise
        return self

    def advance(self, rounds: int = 1) -> None:
        """Begin the next round: what is discounted fades, what is out of the window leaves.

        Parameters
        ----------
        rounds : int
            How many rounds pass.
        """
        passed = as_count(rounds, "rounds", least=0)
        if not passed:
            return
        if self._discount < 1.0:
            self._known_sums = self._faded(self._sums, self._discount**passed)
        if self._window is not None:
            before = joined(self._recent).later(min(passed, self._window))
            after = before.where(before.rounds_ago < self._window)
            if after is not before:
                self._known_sums = None
            self._recent = [after]

    def to_dict(self) -> dict[str, Any]:
        """Return the state, of what JSON can hold; finite numbers only, which lose no bit."""
        sums, recent = None, None
        if self._window is None:
            sums = {name: one.tolist() for name, one in self._sums.items()}
        else:
            recent = joined(self._recent).to_dict()
        return {
            "posterior": self.kind,
            "version": VERSION,
            "arguments": self._arguments(),
            "discount": self._discount,
            "window": self._window,
            "sums": sums,
            "recent": recent,
        }

    @classmethod
    def from_dict(cls, state: Any) -> Self:
        """Return the posterior of a state, equal bit for bit.

        Raises
        ------
        ShapeError, ParameterError
            If it is of another posterior, or broken.
        """
        check_kind(state, cls.kind)
        names = ("posterior", "version", "arguments", "discount", "window", "sums", "recent")
        found = entries(state, names, "the state")
        made = cls._from_arguments(found["arguments"], found["discount"], found["window"])
        made._take(found["sums"], found["recent"])
        return made

    def _take(self, sums: Any, recent: Any) -> None:
        if self._window is None:
            if recent is not None:
                raise ParameterError("the state holds 'recent' outcomes, but has no window")
            nothing = self._no_sums()
            found = entries(sums, nothing, "'sums' of the state")
            taken = {
                name: finite_array(found[name], like.shape, name) for name, like in nothing.items()
            }
            self._check_sums(taken)
            self._known_sums = taken
            return
        if sums is not None:
            raise ParameterError("the state holds 'sums', but has a window")
        self.update(**entries(recent, self._recent[0].to_dict(), "'recent' of the state"))

    @property
    def _sums(self) -> Sums:
        if self._known_sums is None:
            self._recent = [joined(self._recent)]
            self._known_sums = self._with(self._no_sums(), self._recent[0])
        return self._known_sums

    def _with(self, sums: Sums, batch: Outcomes) -> Sums:
        """Return the sums with more outcomes counted."""
        if self._discount == 1.0:
            return self._counted(sums, batch, np.ones(len(batch.outcome)))
        weight = np.power(self._discount, batch.rounds_ago, dtype=np.float64)
        counts = weight > 0.0
        return self._counted(sums, batch.where(counts), weight[counts])

    def _checked(
        self,
        options: Any,
        outcomes: Any,
        features: Any,
        rounds_ago: Any,
        rng: np.random.Generator | None,
    ) -> Outcomes:
        """Return what is to be counted."""
        option = option_numbers(options, self._n_options)
        outcome = checked_outcomes(outcomes, option)
        rounds = checked_rounds(rounds_ago, option)
        rows = self._checked_features(features, option)
        outcome = self._checked_rewards(outcome, option, rng)
        return Outcomes(option=option, outcome=outcome, rounds_ago=rounds, features=rows)

    def _checked_features(self, features: Any, option: Integers) -> Floats:
        self._refuse_features(features)
        return np.zeros((len(option), 0))

    def _refuse_features(self, features: Any) -> None:
        if features is not None:
            raise ParameterError(
                f"{type(self).__name__} learns from no features; BayesianLinear does"
            )

    def _checked_rewards(
        self,
        outcome: Floats,
        option: Integers,  # noqa: ARG002
        rng: np.random.Generator | None,  # noqa: ARG002
    ) -> Floats:
        """Return the outcomes as they are counted, in a fresh array."""
        return outcome

    @abstractmethod
    def _no_sums(self) -> Sums:
        """Return the sums of no outcomes."""

    @abstractmethod
    def _counted(self, sums: Sums, batch: Outcomes, weight: Floats) -> Sums:
        """Return new sums, to which outcomes are added by weights above zero."""

    @abstractmethod
    def _faded(self, sums: Sums, factor: float) -> Sums:
        """Return the sums of outcomes whose weights have shrunk by a factor."""

    @abstractmethod
    def _check_sums(self, sums: Sums) -> None:
        """Raise ParameterError where no outcomes have these sums."""

    @abstractmethod
    def _arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor, for JSON."""

    @classmethod
    @abstractmethod
    def _from_arguments(cls, arguments: Any, discount: Any, window: Any) -> Self:
        """Return the posterior of these arguments, without outcomes."""
