"""What a sampler was set up with: the model, money for many rounds, fairness over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from librex_models.errors import ParameterError
from librex_models.families import NestedFairness
from librex_models.model import Model
from librex_models.problem import Grouping
from librex_models.problem.labels import Floats, as_vector, check_range
from librex_models.thompson.arguments import as_count, checked_truth, generator_of
from librex_models.thompson.horizon import Horizon, Purse
from librex_models.thompson.learned_state import Learned, Tally
from librex_models.thompson.ledger import Ledger
from librex_models.thompson.posterior import Posterior
from librex_models.thompson.service_floors import ServiceFloors
from librex_models.thompson.written_state import entries

NAMES = ("horizon", "cumulates", "service_floors", "keep_rounds", "keep_events", "opened_with")


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """What does not change while a sampler learns.

    Parameters
    ----------
    model : Model
    horizon : Horizon or None
    cumulates : bool
    floors : ServiceFloors or None
    keep_rounds, keep_events : int
    opened_with : mapping
        The keywords of `Model.open`.
    """

    model: Model
    horizon: Horizon | None
    cumulates: bool
    floors: ServiceFloors | None
    keep_rounds: int
    keep_events: int
    opened_with: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        as_count(self.keep_rounds, "keep_rounds")
        as_count(self.keep_events, "keep_events")
        checked_truth(self.cumulates, "cumulates")
        if self.horizon is not None and not isinstance(self.horizon, Horizon):
            raise ParameterError(f"horizon is {self.horizon!r}, expected a thompson.Horizon")
        family = self.model.family
        if self.cumulates and not family.compares_utilities:
            raise ParameterError(
                f"cumulates is True, and {family.key} compares no utilities: leave it out"
            )
        if self.cumulates and isinstance(family, NestedFairness):
            raise ParameterError(
                "cumulates is True and inner_alpha is above 0: what a group has earned is not the "
                "history of each of its members; leave inner_alpha at 0"
            )
        is_priced = self.horizon is not None and self.horizon.pacing == "price"
        if is_priced and family.compares_utilities:
            raise ParameterError(
                f"horizon.pacing is 'price', and {family.key} compares utilities, from which no "
                "price can be taken: use pacing='even', or BudgetOnly"
            )

    def is_solved_afresh(self, purse: Purse | None, reward: Floats) -> bool:
        """Return whether a solver's answer to these rewards may depend on those before.

        A linear program for the sum of rewards has one best vertex where rewards were drawn, but
        for those that are zero or equal, as draws at an end of their range are. Its prices may
        still be several.
        """
        if self.model.family.compares_utilities or self.model.problem.integer.any():
            return True
        if purse is not None and purse.awaits_price:
            return True
        return bool((reward == 0.0).any()) or np.unique(reward).size < reward.size

    @property
    def n_utilities(self) -> int:
        """How many utilities the family compares."""
        return len(self.grouping)

    @cached_property
    def grouping(self) -> Grouping:
        """Whose utilities the family compares."""
        return self.model.question().grouping

    def untaught(self, posterior: Posterior, seed: int | None) -> Learned:
        """Return what is known before the first round."""
        problem = self.model.problem
        if not isinstance(posterior, Posterior):
            raise ParameterError(
                f"posterior is {type(posterior).__name__}, expected one such as BetaBernoulli"
            )
        if posterior.n_options != problem.n_options:
            raise ParameterError(
                f"the posterior has {posterior.n_options} options, and the problem "
                f"{problem.n_options}"
            )
        return Learned(
            posterior=posterior,
            generator=generator_of(seed),
            tally=Tally(
                round=0,
                purse=None if self.horizon is None else self.horizon.purse(problem),
                earned=np.zeros(self.n_utilities),
                served=np.zeros(problem.n_agents),
            ),
            ledger=Ledger(keep_rounds=self.keep_rounds, keep_events=self.keep_events),
        )

    def written(self, tally: Tally, draw: Floats, budget: Any) -> dict[str, Any]:
        """Return what a session has to be told for the next round.

        Raises
        ------
        ParameterError
            If the horizon is over.
        """
        values: dict[str, Any] = {"reward": draw}
        problem, purse = self.model.problem, tally.purse
        if purse is not None:
            values["reward"] = purse.net_reward(problem, draw)
            values["budget"] = _allowed(purse, self._given(budget))
        elif budget is not None:
            values["budget"] = self._given(budget)
        if self.cumulates:
            values[self._history_name] = getattr(problem, self._history_name) + tally.earned
        if self.floors is not None:
            least = self.floors.minimum(tally.served, tally.round + 1)
            values["agent_minimum"] = np.maximum(problem.agent_minimum, least)
        return values

    def check_history(self, earned: Floats) -> None:
        """Raise ParameterError where outcomes leave somebody with less than nothing."""
        before = getattr(self.model.problem, self._history_name)
        below = np.flatnonzero(before + earned < 0.0)
        if below.size:
            grouping, g = self.grouping, int(below[0])
            raise ParameterError(
                f"the outcomes leave {grouping.kind} {grouping.labels[g]!r} with a utility of "
                f"{before[g] + earned[g]:g} in all, and fairness needs at least zero"
            )

    @property
    def _history_name(self) -> str:
        return "agent_history" if self.grouping.kind == "agent" else "history"

    def _given(self, budget: Any) -> Floats | None:
        if budget is None:
            return None
        resources = self.model.problem.resources
        given = as_vector(budget, resources, "budget", "resource")
        check_range(given, resources, "budget", "resource", infinite=True)
        return given

    def to_dict(self) -> dict[str, Any]:
        """Return the setting but for the model, of what JSON can hold."""
        horizon, floors = self.horizon, self.floors
        return {
            "horizon": None if horizon is None else horizon.to_dict(self.model.problem),
            "cumulates": self.cumulates,
            "service_floors": None
            if floors is None
            else {"rate": floors.rate.tolist(), "per_round": floors.per_round},
            "keep_rounds": self.keep_rounds,
            "keep_events": self.keep_events,
            "opened_with": {
                name: value for name, value in self.opened_with.items() if _is_plain(value)
            },
        }


def setting_of(state: Any, model: Model, changed: Mapping[str, Any]) -> Setting:
    """Return the setting of a state, with other keywords of `Model.open` where they are given."""
    said = entries(state, NAMES, "the settings of the state")
    floors = said["service_floors"]
    if floors is not None:
        floors = entries(floors, ("rate", "per_round"), "service_floors of the state")
        floors = ServiceFloors(np.array(floors["rate"], dtype=np.float64), floors["per_round"])
    return Setting(
        model=model,
        horizon=None if said["horizon"] is None else Horizon(**said["horizon"]),
        cumulates=said["cumulates"],
        floors=floors,
        keep_rounds=said["keep_rounds"],
        keep_events=said["keep_events"],
        opened_with={**said["opened_with"], **changed},
    )


def _allowed(purse: Purse, given: Floats | None) -> Floats:
    if purse.rounds_left == 0:
        raise ParameterError(
            f"the horizon of {purse.horizon.rounds} rounds is over: there is no money left"
        )
    return purse.allowance if given is None else np.minimum(given, purse.at_hand)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(one) for one in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, (float, np.floating)):
        return bool(np.isfinite(value))
    return value is None or isinstance(value, (bool, int, str, np.integer, np.bool_))
