"""Options that come and go while a sampler learns: what was learned moves with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from librex_models.errors import ParameterError
from librex_models.model import Model
from librex_models.problem.labels import Floats, Integers
from librex_models.thompson.learned_state import Learned, Tally
from librex_models.thompson.ledger import Decided, Ledger
from librex_models.thompson.posterior import Posterior
from librex_models.thompson.service_floors import ServiceFloors
from librex_models.thompson.setting import Setting


def carried_over(
    setting: Setting, learned: Learned, model: Model, prior: dict[str, Any]
) -> tuple[Setting, Learned]:
    """Return what is set up and known for a model with other options.

    Parameters
    ----------
    setting : Setting
    learned : Learned
        Its posterior is changed; with a copy, nothing else notices.
    model : Model
        Options that stay keep their order, new ones come behind them.
    prior : dict
        Of new options, the keywords of the posterior's ``add_options``.

    Raises
    ------
    ParameterError
        If resources or the order of options differ.
    """
    old, new = setting.model.problem, model.problem
    if list(old.resources) != list(new.resources):
        raise ParameterError("the resources of the new model differ, and money is counted in them")
    before = setting.grouping.labels
    option = _places(old.options, new.options)
    _move_options(learned.posterior, option, list(new.options), prior)
    floors = setting.floors
    agent = _places(old.agents, new.agents)
    if floors is not None:
        floors = ServiceFloors(_moved(floors.rate, agent), floors.per_round)
    changed = replace(setting, model=model, floors=floors)
    utility = _places(before, changed.grouping.labels)
    tally = learned.tally
    moved = Tally(
        round=tally.round,
        purse=tally.purse,
        earned=_moved(tally.earned, utility),
        served=_moved(tally.served, agent),
    )
    ledger = Ledger(
        keep_rounds=setting.keep_rounds,
        keep_events=setting.keep_events,
        rounds={t: _moved_round(one, option) for t, one in learned.ledger.rounds.items()},
        events=dict(learned.ledger.events),
    )
    return changed, replace(learned, tally=moved, ledger=ledger)


def _places(old: Sequence[Any], new: Sequence[Any]) -> Integers:
    """Return for each new label the place of the old one, -1 where there is none."""
    place = {label: k for k, label in enumerate(old)}
    return np.array([place.get(label, -1) for label in new], dtype=np.int64)


def _move_options(
    posterior: Posterior, place: Integers, labels: Sequence[Any], prior: dict[str, Any]
) -> None:
    stays = place[place >= 0]
    is_behind = (place[: len(stays)] >= 0).all()
    if not is_behind or (np.diff(stays) <= 0).any():
        first = labels[int(np.argmax(place < 0)) if not is_behind else 0]
        raise ParameterError(
            f"options that stay keep their order, and new ones come behind them: see {first!r}"
        )
    if not stays.size:
        raise ParameterError("no option of the old model is left: begin another sampler")
    gone = np.setdiff1d(np.arange(posterior.n_options), stays)
    n_new = len(place) - len(stays)
    if n_new:
        posterior.add_options(n_new, **prior)
    elif prior:
        raise ParameterError(f"a prior is given ({', '.join(prior)}), and no option is new")
    if gone.size:
        posterior.remove_options(gone)


def _moved(numbers: Floats, place: Integers) -> Floats:
    return np.where(place >= 0, numbers[place], 0.0)


def _moved_round(decided: Decided, place: Integers) -> Decided:
    features = decided.features
    if features is not None:
        features = np.where((place >= 0)[:, np.newaxis], features[place], 0.0)
    return replace(
        decided,
        draw=_moved(decided.draw, place),
        decision=_moved(decided.decision, place),
        features=features,
        is_counted=(place >= 0) & decided.is_counted[place],
    )
