"""The options that every solver understands. May import numpy and the errors of this package."""

from __future__ import annotations

import difflib
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from solvers.errors import OptionError
from solvers.log_file import LogFile
from solvers.program import Floats

LONGEST_SECONDS = 1e9
"""Thirty years: to gateways a longer limit is none, since some solvers have no such number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SolveOptions:
    """Options common to all solvers.

    Parameters
    ----------
    relative_gap : float
        Stop when the bound is proven to be within this share of the value, at least zero.
    absolute_gap : float
        Stop when the bound is proven to be this near to the value, at least zero.
    time_limit_seconds : float or None
        Wall-clock time of one solve, at least zero.
    node_limit, iteration_limit : int or None
        Branch-and-bound nodes; simplex or interior-point iterations. At least zero.
    solution_limit : int or None
        Improving points, at least one.
    memory_limit_mb : float or None
        Only for solvers that declare the capability.
    threads : int
        At least one.
    seed : int
    start : array of shape (n_columns,) or None
        A point to begin from; NaN where nothing is given.
    log : callable of str, path of a file, or None
        Called with each line that the solver prints, or the file that takes them, begun anew; None
        keeps it silent.
    native : mapping of str to object
        Options under the solver's own names; they win over the common ones.
    """

    relative_gap: float = 1e-6
    absolute_gap: float = 0.0
    time_limit_seconds: float | None = None
    node_limit: int | None = None
    iteration_limit: int | None = None
    solution_limit: int | None = None
    memory_limit_mb: float | None = None
    threads: int = 1
    seed: int = 0
    start: Floats | None = None
    log: Callable[[str], None] | None = None
    native: Mapping[str, Any] = field(default_factory=dict)

    def after(self, seconds: float = 0.0, nodes: int = 0, iterations: int = 0) -> SolveOptions:
        """Return the options with what is left of the limits after so much."""
        limits = self.time_limit_seconds, self.node_limit, self.iteration_limit
        most_seconds, most_nodes, most_iterations = limits
        return replace(
            self,
            time_limit_seconds=None if most_seconds is None else max(most_seconds - seconds, 0.0),
            node_limit=None if most_nodes is None else max(most_nodes - nodes, 0),
            iteration_limit=(
                None if most_iterations is None else max(most_iterations - iterations, 0)
            ),
        )

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        object.__setattr__(self, "native", MappingProxyType(_by_name(self.native)))
        for name in ("relative_gap", "absolute_gap"):
            _check_number(name, getattr(self, name), least=0.0)
        for name in ("time_limit_seconds", "memory_limit_mb"):
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name), least=0.0)
        for name, least in (("node_limit", 0), ("iteration_limit", 0), ("solution_limit", 1)):
            if getattr(self, name) is not None:
                _check_count(name, getattr(self, name), least=least)
        if isinstance(self.log, (str, os.PathLike)):
            object.__setattr__(self, "log", LogFile(self.log))
        if self.log is not None and not callable(self.log):
            words = "expected a function that takes a line, or the path of a file"
            raise OptionError(f"log is {self.log!r}, {words}")
        _check_count("threads", self.threads, least=1)
        _check_count("seed", self.seed, least=0)


def _by_name(native: Any) -> dict[str, Any]:
    if not isinstance(native, Mapping):
        raise OptionError(f"native is {native!r}, expected options by their names")
    for name in native:
        if not isinstance(name, str):
            raise OptionError(f"native has an option {name!r}, expected a name")
    return dict(native)


def _check_number(name: str, value: Any, least: float) -> None:
    try:
        # math.fsum refuses texts, which float() would read.
        number = math.nan if isinstance(value, (bool, np.bool_)) else math.fsum([value])
    except (TypeError, ValueError):
        number = math.nan
    # A NaN fails the comparison too.
    if not number >= least:
        raise OptionError(f"{name} is {value!r}, expected a number of at least {least:g}")


def _check_count(name: str, value: Any, least: int) -> None:
    try:
        count = least - 1 if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        count = least - 1
    if count < least:
        raise OptionError(f"{name} is {value!r}, expected a whole number of at least {least}")


def unknown_option(solver: str, name: str, known: Iterable[str]) -> OptionError:
    """Return the error for an option that a solver does not know, with the nearest known one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return OptionError(
        f"{solver} has no option {name!r}{hint} Options common to all solvers go in under their "
        "own keywords, for instance time_limit_seconds."
    )
