"""Which rounds are remembered, and which outcomes were counted: each once, however often it comes.

An outcome is known by its round and its option, or by an event of the user's own. Of both the last
ones are kept, so that memory does not grow.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import Floats, Integers
from solvers.program import Booleans

KEPT_ROUNDS = 100
KEPT_EVENTS = 100_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Decided:
    """What was drawn and decided in one round.

    Parameters
    ----------
    number : int
        Of the round, from 1 on.
    draw : array of shape (n_options,)
        The rewards that were believed in.
    decision : array of shape (n_options,)
    features : array of shape (n_options, n_features) or None
    is_counted : boolean array of shape (n_options,)
        Whose outcomes have come.
    """

    number: int
    draw: Floats
    decision: Floats
    features: Floats | None
    is_counted: Booleans


@dataclass
class Ledger:
    """The rounds and events that are remembered.

    Parameters
    ----------
    keep_rounds, keep_events : int
    rounds : dict of {int: Decided}
        The last ones, in order.
    events : dict of {event: None}
        The last ones that were counted, in order.
    """

    keep_rounds: int = KEPT_ROUNDS
    keep_events: int = KEPT_EVENTS
    rounds: dict[int, Decided] = field(default_factory=dict)
    events: dict[Hashable, None] = field(default_factory=dict)

    def take(self, decided: Decided) -> None:
        """Remember a round, and forget the oldest one where there are too many."""
        self.rounds[decided.number] = decided
        while len(self.rounds) > self.keep_rounds:
            del self.rounds[next(iter(self.rounds))]

    def new_of_rounds(self, option: Integers, number: Integers, is_asked: Booleans) -> Booleans:
        """Return which outcomes, of a round each, were not counted before.

        Those that are not asked for are not new, and their rounds may be forgotten.

        Raises
        ------
        ParameterError
            If a round is not remembered, or did not choose the option.
        """
        is_new = np.zeros(len(option), dtype=np.bool_)
        first: set[tuple[int, int]] = set()
        for place, (j, t) in enumerate(zip(option.tolist(), number.tolist(), strict=True)):
            if not is_asked[place]:
                continue
            decided = self._round(t, place)
            if decided.decision[j] <= 0.0:
                raise ParameterError(
                    f"the outcome at position {place} is of option {j} in round {t}, which did "
                    "not choose it"
                )
            is_new[place] = not decided.is_counted[j] and (j, t) not in first
            first.add((j, t))
        return is_new

    def new_of_events(self, events: Sequence[Hashable]) -> Booleans:
        """Return which events were not counted before."""
        first: set[Hashable] = set()
        is_new = np.zeros(len(events), dtype=np.bool_)
        for place, event in enumerate(events):
            is_new[place] = event not in self.events and event not in first
            first.add(event)
        return is_new

    def count_rounds(self, option: Integers, number: Integers) -> None:
        """Remember that the outcomes of options of rounds were counted."""
        for j, t in zip(option.tolist(), number.tolist(), strict=True):
            self.rounds[t].is_counted[j] = True

    def count_events(self, events: Iterable[Hashable]) -> None:
        """Remember events, and forget the oldest where there are too many."""
        self.events.update(dict.fromkeys(events))
        while len(self.events) > self.keep_events:
            del self.events[next(iter(self.events))]

    def _round(self, number: int, place: int) -> Decided:
        decided = self.rounds.get(number)
        if decided is None:
            kept = f"rounds {min(self.rounds)} to {max(self.rounds)}" if self.rounds else "no round"
            raise ParameterError(
                f"the outcome at position {place} is of round {number}, and {kept} are remembered: "
                "keep_rounds says how many"
            )
        return decided


def checked_events(events: Any, n_outcomes: int) -> list[Hashable]:
    """Return the events, one for each outcome, that files can hold."""
    if isinstance(events, (str, int)):
        events = [events]
    if not isinstance(events, Iterable) or isinstance(events, (bytes, Mapping)):
        raise ParameterError(f"events is {events!r}, expected one event for each outcome")
    found = list(events)
    if len(found) != n_outcomes:
        raise ShapeError(f"events has {len(found)} entries, options {n_outcomes}: one for each")
    for place, event in enumerate(found):
        if isinstance(event, np.integer):
            found[place] = int(event)
        elif isinstance(event, bool) or not isinstance(event, (str, int)):
            raise ParameterError(
                f"the event at position {place} is {event!r}, expected a text or a whole number"
            )
    return found
