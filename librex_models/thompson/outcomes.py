"""Outcomes that were seen: of which option, how many rounds ago, in which context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models.problem.labels import Floats, Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """A list of outcomes.

    Attributes
    ----------
    option : array of int, shape (n_outcomes,)
    outcome : array of shape (n_outcomes,)
    rounds_ago : array of int, shape (n_outcomes,)
    features : array of shape (n_outcomes, n_features)
        Without columns where rewards depend on no context.
    """

    option: Integers
    outcome: Floats
    rounds_ago: Integers
    features: Floats

    def where(self, is_kept: npt.NDArray[np.bool_]) -> Outcomes:
        """Return some of the outcomes, in their order."""
        if is_kept.all():
            return self
        return Outcomes(
            option=self.option[is_kept],
            outcome=self.outcome[is_kept],
            rounds_ago=self.rounds_ago[is_kept],
            features=self.features[is_kept],
        )

    def later(self, rounds: int) -> Outcomes:
        """Return the outcomes as they stand some rounds later."""
        return replace(self, rounds_ago=self.rounds_ago + rounds)

    def without(self, removed: Integers, n_options: int) -> Outcomes:
        """Return the outcomes of the options that stay, under the numbers they then have."""
        stays = np.ones(n_options, dtype=bool)
        stays[removed] = False
        new_number = np.cumsum(stays) - 1
        left = self.where(stays[self.option])
        return replace(left, option=new_number[left.option])

    def to_dict(self) -> dict[str, Any]:
        """Return lists of numbers."""
        lists = {
            "options": self.option.tolist(),
            "outcomes": self.outcome.tolist(),
            "rounds_ago": self.rounds_ago.tolist(),
        }
        if self.features.shape[1]:
            lists["features"] = self.features.tolist()
        return lists


def none_yet(n_features: int) -> Outcomes:
    """Return an empty list of outcomes."""
    nothing = np.zeros(0, dtype=np.int64)
    return Outcomes(
        option=nothing,
        outcome=np.zeros(0),
        rounds_ago=nothing,
        features=np.zeros((0, n_features)),
    )


def joined(lists: Sequence[Outcomes]) -> Outcomes:
    """Return one list of all outcomes, in their order."""
    if len(lists) == 1:
        return lists[0]
    return Outcomes(
        option=np.concatenate([one.option for one in lists]),
        outcome=np.concatenate([one.outcome for one in lists]),
        rounds_ago=np.concatenate([one.rounds_ago for one in lists]),
        features=np.concatenate([one.features for one in lists]),
    )
