"""What a sampler has learned and spent so far, as a dictionary that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats
from librex_models.thompson.horizon import Purse
from librex_models.thompson.kinds import posterior_from_dict
from librex_models.thompson.ledger import Decided, Ledger
from librex_models.thompson.posterior import Posterior
from librex_models.thompson.written_state import entries, finite_array

VERSION = 1
NAMES = (
    "librex",
    "version",
    "model",
    "settings",
    "posterior",
    "generator",
    "round",
    "purse",
    "earned",
    "served",
    "rounds",
    "events",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """What was counted over all rounds.

    Parameters
    ----------
    round : int
        How many there were.
    purse : Purse or None
    earned : array of shape (n_utilities,)
        Utility, from outcomes.
    served : array of shape (n_agents,)
        The sum of decisions.
    """

    round: int
    purse: Purse | None
    earned: Floats
    served: Floats


@dataclass
class Learned:
    """All that a sampler has to remember.

    Parameters
    ----------
    posterior : Posterior
    generator : numpy.random.Generator
    tally : Tally
    ledger : Ledger
    """

    posterior: Posterior
    generator: np.random.Generator
    tally: Tally
    ledger: Ledger

    def with_own_posterior(self) -> Learned:
        """Return the same with a copy of the posterior."""
        return replace(self, posterior=posterior_from_dict(self.posterior.to_dict()))

    def to_dict(self, fingerprint: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state, under the fingerprint of its model, with settings of the sampler."""
        tally, purse = self.tally, self.tally.purse
        return {
            "librex": "thompson",
            "version": VERSION,
            "model": fingerprint,
            "settings": dict(settings),
            "posterior": self.posterior.to_dict(),
            "generator": self.generator.bit_generator.state,
            "round": tally.round,
            "purse": None if purse is None else purse_state(purse),
            "earned": tally.earned.tolist(),
            "served": tally.served.tolist(),
            "rounds": [_round_state(one) for one in self.ledger.rounds.values()],
            "events": list(self.ledger.events),
        }

    def restore(self, state: Any) -> None:
        """Take a state of a sampler with the same settings.

        Raises
        ------
        ParameterError, ShapeError
            If it is not one; what is wrong is named, and nothing was changed.
        """
        said = checked_state(state)
        n_options = self.posterior.n_options
        posterior = posterior_from_dict(said["posterior"])
        if posterior.n_options != n_options:
            raise ParameterError(
                f"the posterior of the state has {posterior.n_options} options, expected "
                f"{n_options}"
            )
        tally = Tally(
            round=_count(said["round"], "round"),
            purse=_purse(self.tally.purse, said["purse"]),
            earned=finite_array(said["earned"], self.tally.earned.shape, "earned"),
            served=finite_array(said["served"], self.tally.served.shape, "served"),
        )
        ledger = Ledger(keep_rounds=self.ledger.keep_rounds, keep_events=self.ledger.keep_events)
        for one in said["rounds"]:
            ledger.take(_round(one, n_options))
        ledger.count_events(said["events"])
        try:
            self.generator.bit_generator.state = said["generator"]
        except (TypeError, ValueError, KeyError) as error:
            raise ParameterError(f"the generator of the state cannot be set: {error}") from None
        self.posterior, self.tally, self.ledger = posterior, tally, ledger


def checked_state(state: Any) -> dict[str, Any]:
    """Return the entries of a state, which is one of a sampler and of this version."""
    if not isinstance(state, Mapping) or state.get("librex") != "thompson":
        raise ParameterError("this is no state of a Thompson sampler")
    if state.get("version") != VERSION:
        raise ParameterError(
            f"the state has the version {state.get('version')!r}, expected {VERSION}"
        )
    return entries(state, NAMES, "the state of the sampler")


def purse_state(purse: Purse) -> dict[str, Any]:
    """Return what is left of the money."""
    return {
        "left": purse.left.tolist(),
        "rounds_left": purse.rounds_left,
        "price": purse.price.tolist(),
    }


def _purse(purse: Purse | None, state: Any) -> Purse | None:
    if purse is None or state is None:
        if purse is None and state is None:
            return None
        raise ParameterError("the state has a horizon and the sampler none, or the other way")
    said = entries(state, ("left", "rounds_left", "price"), "the purse of the state")
    return replace(
        purse,
        left=finite_array(said["left"], purse.left.shape, "left"),
        rounds_left=_count(said["rounds_left"], "rounds_left"),
        price=finite_array(said["price"], purse.price.shape, "price"),
    )


def _round_state(decided: Decided) -> dict[str, Any]:
    return {
        "number": decided.number,
        "draw": decided.draw.tolist(),
        "decision": decided.decision.tolist(),
        "features": None if decided.features is None else decided.features.tolist(),
        "counted": np.flatnonzero(decided.is_counted).tolist(),
    }


def _round(state: Any, n_options: int) -> Decided:
    names = ("number", "draw", "decision", "features", "counted")
    said = entries(state, names, "a round of the state")
    is_counted = np.zeros(n_options, dtype=np.bool_)
    is_counted[said["counted"]] = True
    features = said["features"]
    return Decided(
        number=_count(said["number"], "number"),
        draw=finite_array(said["draw"], (n_options,), "draw"),
        decision=finite_array(said["decision"], (n_options,), "decision"),
        features=None if features is None else np.array(features, dtype=np.float64),
        is_counted=is_counted,
    )


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ParameterError(f"{name} of the state is {value!r}, expected a whole number")
    return value
