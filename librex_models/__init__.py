"""Fair, budget-constrained resource allocation: models, solvers at run time, verified answers.

    import librex_models as lm

    problem = lm.AllocationProblem(requests, budget, reward)
    allocation = lm.Proportional(problem).solve()

Loads numpy and scipy.sparse; Pyomo, CVXPY, pydantic and the solvers load when first used.
"""

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

__all__ = [
    "Allocation",
    "AllocationProblem",
    "AlphaFair",
    "BudgetOnly",
    "BudgetShares",
    "Certificate",
    "Comparison",
    "GroupAlphaFair",
    "MaxMin",
    "Model",
    "OrderedWeighted",
    "PiecewiseLinear",
    "Plan",
    "Proportional",
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
