"""Arrays in, outcome out: Programs, and the solvers that take them.

Imports nothing from `librex_models` and can be used alone. Every name loads when it is first used,
a solver when a session is opened.
"""

from typing import TYPE_CHECKING

from solvers.names_on_demand import names_on_demand

if TYPE_CHECKING:
    from solvers import conformance, errors
    from solvers.adapter import Adapter, SolverSession
    from solvers.capability import Availability, Capability, Readiness, SizeLimit
    from solvers.counts import Counts
    from solvers.options import SolveOptions
    from solvers.outcome import Limit, Outcome, Status
    from solvers.parametric import ParametricProgram
    from solvers.program import AlphaFairTerms, Block, Program
    from solvers.registry import availability, capabilities, find_adapter, names
else:
    __getattr__, __dir__ = names_on_demand(
        "solvers",
        modules=["conformance", "errors"],
        names={
            "adapter": ["Adapter", "SolverSession"],
            "capability": ["Availability", "Capability", "Readiness", "SizeLimit"],
            "counts": ["Counts"],
            "options": ["SolveOptions"],
            "outcome": ["Limit", "Outcome", "Status"],
            "parametric": ["ParametricProgram"],
            "program": ["AlphaFairTerms", "Block", "Program"],
            "registry": ["availability", "capabilities", "find_adapter", "names"],
        },
    )

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
