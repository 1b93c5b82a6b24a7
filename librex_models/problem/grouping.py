"""Who shares a utility: the groups of a problem, or every agent on its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem.fairness_limits import FairnessLimits


class Links(NamedTuple):
    """Which option serves whom, and what a unit of it earns them; arrays of shape (n_links,)."""

    option: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    earned: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Grouping:
    """The utilities that a fairness family compares.

        utility_g = history_g + share_g * sum over the options j of g of reward_j x_j

    or where options serve several of them

        utility_g = history_g + sum_j reward_jg x_j

    Parameters
    ----------
    labels : sequence of hashable
        The groups, or the agents.
    of_option : integer array of shape (n_options,)
        Which of them each option serves; no place at all where it serves several.
    share : array of shape (n_groups,)
        1 / number of agents for means, 1 for sums and for agents.
    weight : array of shape (n_groups,), or of `weighted`
        Above zero.
    history : array of shape (n_groups,)
        Utility earned before, at least zero.
    kind : str
        ``group`` or ``agent``, for messages.
    limits : FairnessLimits or None
        What is demanded of the utilities beside the welfare.
    shared_reward : scipy.sparse.csr_array of shape (n_groups, n_options) or None
        The rewards of options that serve several.
    weighted : sequence of hashable or None
        Where a family nests those that are compared: the groups of them that have the weights.
    """

    labels: Sequence[Hashable]
    of_option: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    history: npt.NDArray[np.float64]
    kind: str
    limits: FairnessLimits | None = None
    shared_reward: sparse.csr_array | None = None
    weighted: Sequence[Hashable] | None = None

    @cached_property
    def least_weight(self) -> float:
        """The smallest of the weights."""
        return float(self.weight.min())

    def __len__(self) -> int:
        """Return the number of utilities."""
        return len(self.labels)

    @property
    def compared(self) -> Sequence[Hashable]:
        """Whose weights count: the utilities themselves, or the groups of them that are nested."""
        return self.labels if self.weighted is None else self.weighted

    def utility(
        self, reward: npt.NDArray[np.float64], decision: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return the utilities of a decision, shape (n_groups,)."""
        if self.shared_reward is not None:
            return np.asarray(self.history + self.shared_reward @ decision)
        if len(self) == 1:
            return self.history + self.share * (reward @ decision)
        earned = np.bincount(self.of_option, reward * decision, minlength=len(self))
        return self.history + self.share * earned

    def earnings(self, reward: npt.NDArray[np.float64]) -> sparse.csr_array:
        """Return what a unit of each decision adds to each utility, (n_groups, n_options)."""
        if self.shared_reward is not None:
            return self.shared_reward
        n_options = len(self.of_option)
        return sparse.csr_array(
            (self.share[self.of_option] * reward, (self.of_option, np.arange(n_options))),
            shape=(len(self), n_options),
        )

    def links(self, reward: npt.NDArray[np.float64]) -> Links:
        """Return who is served by what, link by link in the order of options."""
        if self.shared_reward is None:
            every = np.arange(len(self.of_option))
            return Links(every, self.of_option, self.share[self.of_option] * reward)
        by_option = sparse.csr_array(self.shared_reward.T)
        option = np.repeat(np.arange(by_option.shape[0]), np.diff(by_option.indptr))
        return Links(option, by_option.indices.astype(np.int64), by_option.data)

    def worth(
        self, reward: npt.NDArray[np.float64], slope: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return what a unit of each decision is worth where utilities count by their slopes."""
        if self.shared_reward is not None:
            return np.asarray(self.shared_reward.T @ slope)
        if len(self) == 1:
            factor = float(slope[0] * self.share[0])
            return reward if factor == 1.0 else factor * reward
        return np.asarray((slope * self.share)[self.of_option] * reward)
