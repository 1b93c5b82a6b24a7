"""Solvers by name, chosen when the program runs.

An adapter loads when it is first asked for. Other packages add theirs by entry points of the group
``librex.solvers``: the name is the solver's, the value an adapter or its class.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import sys
from functools import cache
from typing import NoReturn

from solvers.adapter import Adapter
from solvers.capability import Availability, Capability, Readiness
from solvers.errors import CapabilityError

ENTRY_POINTS = "librex.solvers"
"""The group of entry points by which other packages add solvers."""

ADAPTER_PARTS = ("name", "capabilities", "availability", "open")
"""What an adapter has, see `adapter.Adapter`."""

_BUILT_IN = {
    "highs": "solvers.highs:Highs",
    "scip": "solvers.scip:Scip",
    "gurobi": "solvers.gurobi:Gurobi",
}
_GATEWAYS = {
    "cvxpy": "solvers.cvxpy_solvers:through_cvxpy",
    "pyomo": "solvers.pyomo_solvers:through_pyomo",
}
# The solvers of the gateways that are listed; the gateways take others too.
_THROUGH_GATEWAYS = (
    "cvxpy:CLARABEL",
    "cvxpy:SCS",
    "cvxpy:OSQP",
    "cvxpy:HIGHS",
    "cvxpy:SCIPY",
    "cvxpy:SCIP",
    "cvxpy:GUROBI",
    "pyomo:glpk",
    "pyomo:cbc",
    "pyomo:highs",
    "pyomo:appsi_highs",
    "pyomo:gurobi_direct",
    "pyomo:scip_direct",
)


class BrokenAdapter:
    """What stands in the list for an entry point that cannot be loaded.

    Parameters
    ----------
    name : str
    reason : str
        Why it cannot be loaded.
    """

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return that it is not installed as it should be."""
        return Availability(readiness=Readiness.NOT_INSTALLED, sentence=self._reason)

    def open(self, program: object) -> NoReturn:  # noqa: ARG002
        """Raise CapabilityError."""
        raise CapabilityError(f"{self.name} cannot be used: {self._reason}")


def names() -> list[str]:
    """Return the names of all known solvers, installed or not.

    The gateways take more than are listed: any solver of CVXPY as ``cvxpy:NAME``,
    any of Pyomo as ``pyomo:NAME``.

    Examples
    --------
    >>> names()[0]
    'highs'
    """
    listed = [*_BUILT_IN, *_THROUGH_GATEWAYS]
    return listed + [name for name in _entry_points() if name not in listed]


def find_adapter(name: str) -> Adapter:
    """Return the adapter of a solver.

    Raises
    ------
    CapabilityError
        If no solver has this name; the message names those there are.
    """
    if name in _BUILT_IN:
        return _adapter(_BUILT_IN[name])
    gateway, colon, solver = name.partition(":")
    if colon and solver and gateway in _GATEWAYS:
        return _gateway(gateway, solver)
    if name in _entry_points():
        return _third_party(name)
    known = names()
    nearest = _nearest(name, known)
    hint = "." if nearest is None else f"; did you mean {nearest!r}?"
    raise CapabilityError(f"there is no solver {name!r}{hint} Known are: {', '.join(_kinds())}")


def availability(name: str, probe: bool = False) -> Availability:
    """Return whether a solver can be used here, in a word and in a sentence.

    Parameters
    ----------
    name : str
    probe : bool
        Whether to start the solver's environment, which may take a licence; without, licences are
        read and not taken.
    """
    adapter = find_adapter(name)
    if name not in _entry_points():
        return adapter.availability(probe)
    try:
        return adapter.availability(probe)
    # Of other packages anything may come, and one of them must not be the end of all lists.
    except Exception as error:
        sentence = f"{name} breaks down when it is asked whether it can be used: {error!r}"
        return Availability(readiness=Readiness.NOT_INSTALLED, sentence=sentence)


def capabilities(name: str) -> frozenset[Capability]:
    """Return what a solver can do."""
    return find_adapter(name).capabilities


def _kinds() -> list[str]:
    """Return the known names, one word standing for all solvers of a gateway."""
    return [*_BUILT_IN, *(f"{gateway}:NAME" for gateway in _GATEWAYS), *_entry_points()]


def _nearest(name: str, known: list[str]) -> str | None:
    """Return the known name that is most like this one, with or without its gateway."""
    plain = {one.partition(":")[2].lower(): one for one in known if ":" in one}
    plain |= {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), list(plain), n=1)
    return plain[near[0]] if near else None


@cache
def _adapter(place: str) -> Adapter:
    module, _, attribute = place.partition(":")
    adapter: Adapter = getattr(importlib.import_module(module), attribute)()
    return adapter


@cache
def _gateway(gateway: str, solver: str) -> Adapter:
    module, _, attribute = _GATEWAYS[gateway].partition(":")
    adapter: Adapter = getattr(importlib.import_module(module), attribute)(solver)
    return adapter


def _entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    return _entry_points_on(tuple(sys.path))


@cache
def _entry_points_on(path: tuple[str, ...]) -> dict[str, importlib.metadata.EntryPoint]:  # noqa: ARG001
    """Return the entry points of a search path, which reading takes some milliseconds."""
    found = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return {point.name: point for point in found if point.name not in _BUILT_IN}


@cache
def _third_party(name: str) -> Adapter:
    point = _entry_points()[name]
    try:
        loaded = point.load()
        adapter: Adapter = loaded() if isinstance(loaded, type) else loaded
        missing = [part for part in ADAPTER_PARTS if not hasattr(adapter, part)]
    # Whatever a package raises when it is imported, the other solvers can be used.
    except Exception as error:
        reason = str(error) or type(error).__name__
        return BrokenAdapter(name, f"the entry point {point.value!r} cannot be loaded: {reason}")
    if missing:
        lacks = f"it has no {' and no '.join(missing)}"
        return BrokenAdapter(name, f"the entry point {point.value!r} is no adapter: {lacks}")
    return adapter
