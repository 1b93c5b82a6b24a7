"""Arrays in, outcome out: Programs, and the solvers that take them.

Imports nothing from `librex_models` and can be used alone. A solver loads when a session is opened.
"""

from solvers import errors
from solvers.adapter import Adapter, SolverSession
from solvers.capability import Availability, Capability, Readiness, SizeLimit
from solvers.counts import Counts
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome, Status
from solvers.parametric import ParametricProgram
from solvers.program import AlphaFairTerms, Block, Program
from solvers.registry import availability, capabilities, find_adapter, names

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
    "errors",
    "find_adapter",
    "names",
]
