"""Solvers by name, chosen when the program runs."""

from __future__ import annotations

import difflib

from solvers.adapter import Adapter
from solvers.capability import Availability, Capability
from solvers.cvxpy_gateway import CvxpyGateway
from solvers.errors import CapabilityError
from solvers.highs import Highs

_ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for adapter in (Highs(), CvxpyGateway("CLARABEL"))
}


def names() -> list[str]:
    """Return the names of all known solvers, installed or not.

    Examples
    --------
    >>> names()
    ['highs', 'cvxpy:CLARABEL']
    """
    return list(_ADAPTERS)


def find_adapter(name: str) -> Adapter:
    """Return the adapter of a solver.

    Raises
    ------
    CapabilityError
        If no solver has this name; the message names those there are.
    """
    if name in _ADAPTERS:
        return _ADAPTERS[name]
    near = difflib.get_close_matches(name, list(_ADAPTERS), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise CapabilityError(f"there is no solver {name!r}{hint} Known are: {', '.join(_ADAPTERS)}")


def availability(name: str, probe: bool = False) -> Availability:
    """Return whether a solver can be used here, in a word and in a sentence."""
    return find_adapter(name).availability(probe)


def capabilities(name: str) -> frozenset[Capability]:
    """Return what a solver can do."""
    return find_adapter(name).capabilities
