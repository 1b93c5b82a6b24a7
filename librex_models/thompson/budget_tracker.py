"""How much of the budgets was used, round by round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import Floats, as_numbers


class BudgetTracker:
    """Adds up what was used and what there was.

    Examples
    --------
    >>> tracker = BudgetTracker()
    >>> tracker.record({0: [1.0, 2.0]}, budget=[4.0, 2.0])
    >>> tracker.record({0: [1.0, 0.0], 1: [2.0, 0.0]}, budget=[4.0, 2.0])
    >>> tracker.get_utilization()
    array([0.5, 0.5])
    >>> tracker.get_utilization([3.0, 1.0])
    array([1., 0.])
    """

    def __init__(self) -> None:
        self._used: Floats | None = None
        self._available: Floats | None = None
        self._last: Floats | None = None
        self._rounds = 0

    @property
    def rounds(self) -> int:
        """How many rounds were recorded."""
        return self._rounds

    def record(self, allocations: Mapping[Any, Any], budget: Any) -> None:
        """Add a round.

        Parameters
        ----------
        allocations : {agent: array_like of shape (n_resources,)}
        budget : array_like of shape (n_resources,)
            Of this round.

        Raises
        ------
        ShapeError, ParameterError
            Naming the agent; nothing was added.
        """
        available = amounts(budget, None, "budget")
        if self._available is not None:
            available = amounts(budget, len(self._available), "budget")
        used = np.zeros(len(available))
        for agent, vector in allocations.items():
            used += amounts(vector, len(available), f"the allocation of agent {agent!r}")
        self._used = used if self._used is None else self._used + used
        self._available = available if self._available is None else self._available + available
        self._last, self._rounds = used, self._rounds + 1

    def get_utilization(self, budget: Any = None) -> Floats:
        """Return which part was used of each resource, shape (n_resources,).

        Parameters
        ----------
        budget : array_like of shape (n_resources,), optional
            Then what the last round used of this budget; by default what all rounds used of all
            their budgets. Of nothing, nothing is used: 0.

        Raises
        ------
        ParameterError
            If no round was recorded and no budget says how many resources there are.
        """
        if budget is None:
            if self._used is None or self._available is None:
                raise ParameterError("no round was recorded yet: give a budget, or record a round")
            return used_part(self._used, self._available)
        available = amounts(budget, None if self._last is None else len(self._last), "budget")
        used = np.zeros(len(available)) if self._last is None else self._last
        return used_part(used, available)


def used_part(used: Floats, available: Floats) -> Floats:
    """Return which part of each resource was used; 0 of what there is nothing of."""
    return np.divide(used, available, out=np.zeros(len(used)), where=available > 0.0)


def amounts(value: Any, n_resources: int | None, name: str) -> Floats:
    """Return how much there is of each resource, in a fresh array, checked.

    Raises
    ------
    ShapeError, ParameterError
        By the name.
    """
    numbers = as_numbers(value, name)
    if numbers.ndim != 1 or (n_resources is not None and len(numbers) != n_resources):
        expected = "(n_resources,)" if n_resources is None else f"({n_resources},)"
        raise ShapeError(f"{name} has shape {numbers.shape}, expected {expected}")
    bad = np.flatnonzero(~((numbers >= 0.0) & (numbers < np.inf)))
    if bad.size:
        raise ParameterError(
            f"{name} holds {numbers[bad[0]]} at resource {bad[0]}, expected a number of at least 0"
        )
    return numbers
