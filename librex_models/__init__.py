"""Fair, budget-constrained resource allocation: models, solvers at run time, verified answers.

    import librex_models as lm

    problem = lm.AllocationProblem(requests, budget, reward)
    allocation = lm.Proportional(problem).solve()

Every name loads when it is first used; the problem and the models load numpy and scipy.sparse,
Pyomo, CVXPY, pydantic and the solvers wait until something is done with them.
"""

from typing import TYPE_CHECKING

from solvers.names_on_demand import names_on_demand

if TYPE_CHECKING:
    from librex_models import errors
    from librex_models import thompson as thompson
    from librex_models import torch as torch
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
    from librex_models.thompson import Alloc, BudgetTracker, ResourceManager
    from librex_models.verification import Certificate, Verdict
else:
    __getattr__, __dir__ = names_on_demand(
        "librex_models",
        modules=["errors", "thompson", "torch"],
        names={
            "allocation": ["Allocation"],
            "analysis.gradients": ["gradient"],
            "analysis.solution_checks": ["read_solution", "verify"],
            "analysis.solver_comparison": ["Comparison", "compare"],
            "analysis.solver_plans": ["Plan", "plan"],
            "model": ["Model"],
            "models": [
                "AlphaFair",
                "BudgetOnly",
                "GroupAlphaFair",
                "MaxMin",
                "OrderedWeighted",
                "PiecewiseLinear",
                "Proportional",
            ],
            "problem": ["AllocationProblem", "Rows"],
            "problem.files": ["read_problem", "write_problem"],
            "routes.closed_form": ["BudgetShares", "share_budget"],
            "session": ["Session"],
            "thompson": ["Alloc", "BudgetTracker", "ResourceManager"],
            "verification": ["Certificate", "Verdict"],
        },
    )

# Without the modules `thompson` and `torch`: `from librex_models import *` neither loads nor hides
# PyTorch.
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
