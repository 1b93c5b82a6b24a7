"""How often a session's program was changed in place and handed over again, and why.

Imports nothing of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How often a program was changed in place and handed over again, and why.

    Parameters
    ----------
    updates_in_place, rebuilds : int
    times : mapping of str to int
        How often each reason was given.

    Examples
    --------
    >>> counts = Counts().updated("objective").updated("objective").rebuilt("the sense changed")
    >>> counts.updates_in_place, counts.rebuilds
    (2, 1)
    >>> counts.reasons
    ('in place: objective (2 times)', 'rebuilt: the sense changed')
    """

    updates_in_place: int = 0
    rebuilds: int = 0
    times: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep a copy of the mapping that nobody writes to."""
        object.__setattr__(self, "times", MappingProxyType(dict(self.times)))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as plain numbers: a view of a mapping cannot be pickled."""
        return _counts, (self.updates_in_place, self.rebuilds, dict(self.times))

    def updated(self, what: str) -> Counts:
        """Return these counts and one more update in place of what is named."""
        # Asked for at every solve: not checked again, and not copied.
        counts = object.__new__(Counts)
        counts.__dict__.update(
            updates_in_place=self.updates_in_place + 1,
            rebuilds=self.rebuilds,
            times=MappingProxyType(self._times_and(f"in place: {what}")),
        )
        return counts

    def rebuilt(self, reason: str) -> Counts:
        """Return these counts and one more rebuild."""
        return Counts(
            updates_in_place=self.updates_in_place,
            rebuilds=self.rebuilds + 1,
            times=self._times_and(f"rebuilt: {reason}"),
        )

    def plus(self, other: Counts) -> Counts:
        """Return the sum of both."""
        times = dict(self.times)
        for reason, count in other.times.items():
            times[reason] = times.get(reason, 0) + count
        return Counts(
            updates_in_place=self.updates_in_place + other.updates_in_place,
            rebuilds=self.rebuilds + other.rebuilds,
            times=times,
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each reason once, in order of first appearance, with how often it was given."""
        return tuple(
            reason if count == 1 else f"{reason} ({count} times)"
            for reason, count in self.times.items()
        )

    def _times_and(self, reason: str) -> dict[str, int]:
        return {**self.times, reason: self.times.get(reason, 0) + 1}


def _counts(updates_in_place: int, rebuilds: int, times: dict[str, int]) -> Counts:
    return Counts(updates_in_place=updates_in_place, rebuilds=rebuilds, times=times)
