"""What happens to a sampler, as entries that a journal can hold: a round, or a batch of outcomes.

Whatever is live and whatever is read again from a journal is counted by the same functions, so that
both end at the same state, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from librex_models.allocation import Allocation
from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import Floats, Integers, as_numbers
from librex_models.thompson.arguments import checked_outcomes, option_numbers
from librex_models.thompson.learned_state import Learned
from librex_models.thompson.ledger import Decided, checked_events
from librex_models.thompson.service_floors import services
from librex_models.thompson.setting import Setting
from librex_models.thompson.state_file import Entry

ROUND, OUTCOMES = "round", "outcomes"


def round_entry(allocation: Allocation, features: Any, has_purse: bool) -> Entry:
    """Return what a round decided."""
    return {
        "what": ROUND,
        "features": None if features is None else as_numbers(features, "features"),
        "decision": allocation.decision,
        "spent": _at_least_spent(allocation) if has_purse else None,
        "price": _price(allocation) if has_purse else None,
    }


def _price(allocation: Allocation) -> Floats:
    """Return the prices of the budgets; without, what a unit that was spent has earned.

    Whole decisions have no prices. Each resource counts for its part of the rewards.
    """
    if allocation.price is not None:
        return allocation.price
    used = allocation.used
    part = allocation.objective / len(used)
    return np.divide(part, used, out=np.zeros(len(used)), where=used > 0.0)


def _at_least_spent(allocation: Allocation) -> Floats:
    """Return what was handed out, roundings counted as spent; no more than the budget."""
    n_options = allocation.problem.n_options
    rounding = (n_options + 4.0) * np.finfo(np.float64).eps
    return np.minimum(allocation.used * (1.0 + rounding), allocation.problem.budget)


def count_round(setting: Setting, learned: Learned, draw: Floats, entry: Entry) -> None:
    """Count a round of which the draw was taken."""
    decision = np.asarray(entry["decision"], dtype=np.float64)
    decision.setflags(write=False)
    features, tally = entry["features"], learned.tally
    purse = tally.purse
    if purse is not None:
        price = entry["price"]
        spent = np.minimum(entry["spent"], purse.left)
        purse = purse.after(spent, None if price is None else np.asarray(price))
    learned.tally = replace(
        tally,
        round=tally.round + 1,
        purse=purse,
        served=tally.served + services(setting.model.problem, decision),
    )
    learned.posterior.advance()
    learned.ledger.take(
        Decided(
            number=tally.round + 1,
            draw=draw,
            decision=decision,
            features=None if features is None else np.asarray(features, dtype=np.float64),
            is_counted=np.zeros(len(decision), dtype=np.bool_),
        )
    )


def outcomes_entry(
    learned: Learned, options: Any, outcomes: Any, rounds: Any, events: Any, features: Any
) -> Entry:
    """Return the outcomes that were not counted before.

    Raises
    ------
    ShapeError, ParameterError
        Naming option and position.
    """
    option = option_numbers(options, learned.posterior.n_options)
    outcome = checked_outcomes(outcomes, option)
    number = None if rounds is None else _round_numbers(rounds, option)
    names = None if events is None else checked_events(events, len(option))
    is_new = np.ones(len(option), dtype=np.bool_)
    if names is not None:
        is_new = learned.ledger.new_of_events(names)
    if number is not None:
        of_rounds = learned.ledger.new_of_rounds(option, number, is_new)
        is_new = of_rounds if names is None else is_new
    new = np.flatnonzero(is_new)
    rows = _rows(learned, features, option, number, new)
    return {
        "what": OUTCOMES,
        "options": option[new],
        "outcomes": outcome[new],
        "rounds": None if number is None else number[new],
        "events": None if names is None else [names[place] for place in new.tolist()],
        "features": rows,
    }


def count_outcomes(setting: Setting, learned: Learned, entry: Entry) -> None:
    """Count outcomes, all or none.

    Raises
    ------
    ShapeError, ParameterError
        If the posterior refuses one.
    """
    option = np.asarray(entry["options"], dtype=np.int64)
    outcome = np.asarray(entry["outcomes"], dtype=np.float64)
    tally, rounds = learned.tally, entry["rounds"]
    number = (
        np.full(len(option), tally.round) if rounds is None else np.asarray(rounds, dtype=np.int64)
    )
    earned = tally.earned
    if setting.cumulates:
        earned = earned + _earned(setting, learned, option, outcome, number)
        setting.check_history(earned)
    learned.posterior.update(
        option,
        outcome,
        features=entry["features"],
        rounds_ago=tally.round - number,
        rng=learned.generator,
    )
    learned.tally = replace(tally, earned=earned)
    if rounds is not None:
        learned.ledger.count_rounds(option, number)
    if entry["events"] is not None:
        learned.ledger.count_events(entry["events"])


def replay(setting: Setting, learned: Learned, entry: Entry) -> None:
    """Let happen again what a journal says.

    Raises
    ------
    LibrexError
        If it cannot have happened.
    """
    if entry["what"] == ROUND:
        draw = learned.posterior.draw(learned.generator, entry["features"])
        count_round(setting, learned, draw, entry)
    elif entry["what"] == OUTCOMES:
        count_outcomes(setting, learned, entry)
    else:
        raise ParameterError(f"{entry['what']!r} is nothing that happens to a sampler")


def _earned(
    setting: Setting, learned: Learned, option: Integers, outcome: Floats, number: Integers
) -> Floats:
    """Return by how much utilities rise: outcomes times what was decided."""
    kept = learned.ledger.rounds
    decided = np.zeros(len(option))
    for place, (j, t) in enumerate(zip(option.tolist(), number.tolist(), strict=True)):
        if t not in kept:
            raise ParameterError(
                f"the outcome at position {place} is of round {t}, which is not remembered: what "
                "it earned is not known"
            )
        decided[place] = kept[t].decision[j]
    grouping = setting.grouping
    group = grouping.of_option[option]
    earned = grouping.share[group] * outcome * decided
    return np.bincount(group, earned, minlength=len(grouping)).astype(np.float64, copy=False)


def _round_numbers(rounds: Any, option: Integers) -> Integers:
    numbers = np.array(rounds)
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise ParameterError(f"rounds holds {numbers.dtype}, expected numbers of rounds")
    if numbers.ndim == 0:
        return np.full(len(option), int(numbers))
    if numbers.shape != option.shape:
        raise ShapeError(
            f"rounds has shape {numbers.shape}, options {option.shape}: one number for each, or "
            "one for all"
        )
    return numbers.astype(np.int64)


def _rows(
    learned: Learned, features: Any, option: Integers, number: Integers | None, new: Integers
) -> Floats | None:
    """Return the contexts of new outcomes: those that are given, or those of their rounds."""
    if features is not None:
        rows = as_numbers(features, "features")
        if rows.ndim != 2 or len(rows) != len(option):
            raise ShapeError(
                f"features has shape {rows.shape}, expected ({len(option)}, n_features): one row "
                "for each outcome"
            )
        return rows[new]
    kept = learned.ledger.rounds
    if number is None:
        number = np.full(len(option), learned.tally.round)
    rows_of = [
        None if t not in kept or kept[t].features is None else kept[t].features[j]  # type: ignore[index]
        for j, t in zip(option[new].tolist(), number[new].tolist(), strict=True)
    ]
    if not rows_of or any(row is None for row in rows_of):
        return None
    return np.array(rows_of, dtype=np.float64)
