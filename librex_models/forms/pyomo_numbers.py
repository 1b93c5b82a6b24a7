"""Numbers that are affine in the mutable Params of a Pyomo model, and those Params.

May import the refusals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from librex_models.errors import FormError
from librex_models.forms.pyomo_refusals import refuse


@dataclass(frozen=True)
class Number:
    """A constant plus a sum of slope * entry of the Params; slopes are never zero."""

    constant: float = 0.0
    slope: Mapping[int, float] = field(default_factory=dict)

    @property
    def is_constant(self) -> bool:
        """Whether no Param is in it."""
        return not self.slope

    def plus(self, other: Number) -> Number:
        """Return the sum of two numbers."""
        slope = dict(self.slope)
        for entry, coefficient in other.slope.items():
            slope[entry] = slope.get(entry, 0.0) + coefficient
        return _number(self.constant + other.constant, slope)

    def times(self, factor: float) -> Number:
        """Return a multiple."""
        return _number(self.constant * factor, {p: c * factor for p, c in self.slope.items()})

    def over(self, divisor: float) -> Number:
        """Return a quotient, which may differ from the multiple by 1 / divisor in the last bit."""
        return _number(self.constant / divisor, {p: c / divisor for p, c in self.slope.items()})


def _number(constant: float, slope: dict[int, float]) -> Number:
    return Number(constant, {entry: c for entry, c in slope.items() if c != 0.0})


ZERO, ONE, MINUS_ONE = Number(0.0), Number(1.0), Number(-1.0)


def product(first: Number, second: Number) -> Number:
    """Return the product of two numbers, of which one has to be constant."""
    if first is ONE or second is ONE:
        return second if first is ONE else first
    if second.is_constant:
        return first.times(second.constant)
    if first.is_constant:
        return second.times(first.constant)
    return refuse("a product of two mutable Params; make one of them immutable")


def quotient(number: Number, divisors: tuple[Number, ...]) -> Number:
    """Return a number over constant divisors, one after the other."""
    if number == ZERO:
        return number
    for divisor in divisors:
        if not divisor.is_constant:
            refuse("a division by a mutable Param; make it immutable")
        if divisor.constant == 0.0:
            refuse("a division by zero")
        number = number.over(divisor.constant)
    return number


class Params:
    """Numbers the entries of the mutable Params of a model as they are met."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._position: dict[int, int] = {}
        self.entries: list[Any] = []
        self.places: dict[str, slice] = {}
        self.frozen: set[int] = set()
        """Positions of the entries whose current value went into alpha."""

    def position(self, entry: Any) -> int:
        """Return the position of an entry of a Param in the vector of all Params."""
        if id(entry) not in self._position:
            self._register(entry.parent_component())
        return self._position[id(entry)]

    def _register(self, component: Any) -> None:
        block = component.parent_block()
        while block is not None and block is not self._root:
            block = block.parent_block()
        if block is None:
            refuse(f"the Param {component.name!r}, which is declared outside of the model")
        start = len(self.entries)
        self.entries += entries_of(component)
        self.places[name_of(component, self._root)] = slice(start, len(self.entries))
        for position in range(start, len(self.entries)):
            self._position[id(self.entries[position])] = position

    def freeze(self, number: Number) -> None:
        """Remember that the current value of a number went into alpha."""
        self.frozen.update(number.slope)

    def value(self, number: Number) -> float | None:
        """Return a number at the current values, None where a Param has no value."""
        total = number.constant
        for position, coefficient in number.slope.items():
            value = self.entries[position](exception=False)
            if value is None:
                return None
            total += coefficient * value
        return total


def entries_of(component: Any) -> list[Any]:
    """Return the entries of a mutable Param in the order of its index set."""
    return list(component.values()) if component.is_indexed() else [component]


def value_of(entry: Any) -> float:
    """Return the current value of an entry of a Param."""
    value = entry(exception=False)
    if not isinstance(value, (int, float, np.number)):
        raise FormError(f"Param {entry.name!r} has the value {value!r}, expected a number: set it")
    return float(value)


def name_of(component: Any, root: Any) -> str:
    """Return the name of a component relative to the model or block that is read."""
    return str(component.getname(fully_qualified=True, relative_to=root))
