"""What is demanded of utilities beside the welfare: floors, ceilings, and caps on inequality.

May import `librex_models.errors` and the labels of this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypedDict

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats, Integers, Labels, as_vector, check_range


class Demanded(TypedDict, total=False):
    """What is demanded of utilities, beside the welfare, by all fairness families.

    floor, ceiling : float, array_like of shape (n_groups,) or {label: number}
        The least and the most that each utility may be; by label those that are left out are free.
    gini_cap : float
        The largest Gini coefficient of the utilities, from 0 to 1.
    spread_cap : float
        The largest difference between two utilities.
    """

    floor: Any
    ceiling: Any
    gini_cap: float | None
    spread_cap: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class FairnessLimits:
    """Side constraints on utilities.

    Parameters
    ----------
    floor, ceiling : arrays of shape (n_groups,)
        The least and the most that each utility may be; zero and infinite where there is none.
    spread_cap : float
        The largest difference between two utilities; infinite where there is none.
    gini_cap : float
        The largest Gini coefficient of the utilities; 1 where there is none.
    """

    floor: Floats
    ceiling: Floats
    spread_cap: float
    gini_cap: float

    @property
    def with_floor(self) -> Integers:
        """Who has a floor."""
        return np.flatnonzero(self.floor > 0.0)

    @property
    def with_ceiling(self) -> Integers:
        """Who has a ceiling."""
        return np.flatnonzero(np.isfinite(self.ceiling))

    @property
    def has_spread_cap(self) -> bool:
        """Whether differences are limited."""
        return self.spread_cap < np.inf and len(self.floor) > 1

    @property
    def has_gini_cap(self) -> bool:
        """Whether the Gini coefficient is limited."""
        return self.gini_cap < 1.0 and len(self.floor) > 1

    def words(self, labels: Labels) -> str:
        """Return what is demanded as arguments, such as ``, floor={'a': 1.0}``."""
        floor = {labels[g]: float(self.floor[g]) for g in self.with_floor.tolist()}
        ceiling = {labels[g]: float(self.ceiling[g]) for g in self.with_ceiling.tolist()}
        said = f", floor={floor}" if floor else ""
        said += f", ceiling={ceiling}" if ceiling else ""
        said += f", gini_cap={self.gini_cap:g}" if self.gini_cap < 1.0 else ""
        return said + (f", spread_cap={self.spread_cap:g}" if self.spread_cap < np.inf else "")

    def same_as(self, other: FairnessLimits | None) -> bool:
        """Return whether the other limits are these."""
        return (
            other is not None
            and np.array_equal(self.floor, other.floor)
            and np.array_equal(self.ceiling, other.ceiling)
            and self.spread_cap == other.spread_cap
            and self.gini_cap == other.gini_cap
        )


def check_demanded(demanded: Iterable[str], model: str) -> None:
    """Raise ParameterError where something is demanded under a name that nobody knows."""
    known = list(Demanded.__annotations__)
    for name in demanded:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ParameterError(f"{model} has no argument {name!r}; {hint}")


def checked_limits(
    labels: Labels, kind: str, floor: Any, ceiling: Any, gini_cap: Any, spread_cap: Any
) -> FairnessLimits | None:
    """Return the limits of utilities with these labels, None where nothing is demanded.

    Parameters
    ----------
    labels : sequence of hashable
    kind : str
        ``group`` or ``agent``, for messages.
    floor, ceiling : float, array_like of shape (n_groups,) or {label: number}, or None
        By label those that are left out have none.
    gini_cap, spread_cap : float or None

    Raises
    ------
    ShapeError, ParameterError
        Naming the argument, and the group or agent.
    """
    if all(one is None for one in (floor, ceiling, gini_cap, spread_cap)):
        return None
    limits = FairnessLimits(
        floor=_of_each(floor, labels, "floor", kind, 0.0),
        ceiling=_of_each(ceiling, labels, "ceiling", kind, np.inf),
        spread_cap=_number(spread_cap, "spread_cap", np.inf),
        gini_cap=_number(gini_cap, "gini_cap", 1.0),
    )
    if limits.gini_cap > 1.0:
        raise ParameterError(f"gini_cap is {gini_cap}, expected a number from 0 to 1")
    crossed = np.flatnonzero(limits.floor > limits.ceiling)
    if crossed.size:
        g = int(crossed[0])
        raise ParameterError(
            f"{kind} {labels[g]!r} has the floor {limits.floor[g]:g} above its ceiling "
            f"{limits.ceiling[g]:g}"
        )
    return limits


def _of_each(given: Any, labels: Labels, name: str, kind: str, default: float) -> Floats:
    if given is None:
        return np.full(len(labels), default)
    if isinstance(given, Mapping):
        unknown = [label for label in given if label not in set(labels)]
        if unknown:
            raise ParameterError(
                f"{name} names {kind} {unknown[0]!r}, which the problem does not have"
            )
        given = {label: given.get(label, default) for label in labels}
    numbers = as_vector(given, labels, name, kind, scalar=True)
    check_range(numbers, labels, name, kind, infinite=default == np.inf)
    return numbers


def _number(given: Any, name: str, default: float) -> float:
    if given is None:
        return default
    is_number = isinstance(given, (int, float, np.integer, np.floating))
    if not is_number or isinstance(given, bool) or not given >= 0.0:
        raise ParameterError(f"{name} is {given!r}, expected a number of at least zero")
    return float(given)
