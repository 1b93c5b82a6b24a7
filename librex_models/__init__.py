"""Fair, budget-constrained resource allocation: models, solvers at run time, verified answers.

    import librex_models as lm

    problem = lm.AllocationProblem(requests, budget, reward)
    allocation = lm.Proportional(problem).solve()

Loads numpy and scipy.sparse; Pyomo, CVXPY, pydantic, `lm.torch` and the solvers load when first
used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from librex_models import errors
from librex_models.allocation import Allocation
from librex_models.analysis.gradients import gradient
from librex_models.analysis.solution_checks import read_solution, verify
from librex_models.analysis.solver_comparison import Comparison, compare
from librex_models.analysis.solver_plans import Plan, plan
from librex_models.model import Model
from librex_models.models import (
    AlphaFair,
    BudgetOnly,
    GroupAlphaFair,
    MaxMin,
    OrderedWeighted,
    PiecewiseLinear,
    Proportional,
)
from librex_models.problem import AllocationProblem, Rows
from librex_models.problem.files import read_problem, write_problem
from librex_models.routes.closed_form import BudgetShares, share_budget
from librex_models.session import Session
from librex_models.verification import Certificate, Verdict

if TYPE_CHECKING:
    from librex_models import thompson as thompson
    from librex_models import torch as torch
    from librex_models.thompson import Alloc, BudgetTracker, ResourceManager

# The classic interface of allocators that learn lies in a module of its own.
_OF_THOMPSON = ("Alloc", "BudgetTracker", "ResourceManager")

# What few programs need, and what needs packages that are not always there: loaded when it is first
# asked for. Not in __all__, so that `from librex_models import *` neither loads nor hides PyTorch.
_LAZY = ("thompson", "torch")

__all__ = [
    "Alloc",
    "Allocation",
    "AllocationProblem",
    "AlphaFair",
    "BudgetOnly",
    "BudgetShares",
    "BudgetTracker",
    "Certificate",
    "Comparison",
    "GroupAlphaFair",
    "MaxMin",
    "Model",
    "OrderedWeighted",
    "PiecewiseLinear",
    "Plan",
    "Proportional",
    "ResourceManager",
    "Rows",
    "Session",
    "Verdict",
    "compare",
    "errors",
    "gradient",
    "plan",
    "read_problem",
    "read_solution",
    "share_budget",
    "verify",
    "write_problem",
]


def __getattr__(name: str) -> Any:
    """Load a module of the package that is not loaded with it."""
    if name in _LAZY:
        return importlib.import_module(f"librex_models.{name}")
    if name in _OF_THOMPSON:
        return getattr(importlib.import_module("librex_models.thompson"), name)
    raise AttributeError(f"module 'librex_models' has no attribute {name!r}")
