"""Arrays in, outcome out: Programs, and the solvers that take them.

Imports nothing from `librex_models` and can be used alone. A solver loads when a session is opened.
"""

import importlib
from typing import TYPE_CHECKING, Any

from solvers import errors
from solvers.adapter import Adapter, SolverSession
from solvers.capability import Availability, Capability, Readiness, SizeLimit
from solvers.counts import Counts
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.parametric import ParametricProgram
from solvers.program import AlphaFairTerms, Block, Program
from solvers.registry import availability, capabilities, find_adapter, names

if TYPE_CHECKING:
    from solvers import conformance

# What few programs need, loaded when it is first asked for.
_LAZY = ("conformance",)

__all__ = [
    "Adapter",
    "AlphaFairTerms",
    "Availability",
    "Block",
    "Capability",
    "Counts",
    "Limit",
    "Outcome",
    "ParametricProgram",
    "Program",
    "Readiness",
    "SizeLimit",
    "SolveOptions",
    "SolverSession",
    "Status",
    "availability",
    "capabilities",
    "conformance",
    "errors",
    "find_adapter",
    "names",
]


def __getattr__(name: str) -> Any:
    """Load a module of the package that is not loaded with it."""
    if name in _LAZY:
        return importlib.import_module(f"solvers.{name}")
    raise AttributeError(f"module 'solvers' has no attribute {name!r}")
