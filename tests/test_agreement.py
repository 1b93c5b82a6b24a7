"""All solvers and forms that can be used here agree on random problems, and nothing is refuted.

What one solver reached is never above what another has proven to be the most, and where one says
that there is no decision, no other has found one.
"""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models.allocation import Allocation
from librex_models.errors import ParameterError
from librex_models.model import Model
from librex_models.problem import AllocationProblem
from librex_models.routes.planning import Exactness, plan_for
from librex_models.routes.solvable import check_solvable
from librex_models.verification import Verdict
from solvers import Status
from tests.random_problems import random_problem
from tests.test_random_answers import each_random_problem

FORMS = ("arrays", "pyomo", "cvxpy")
# What bounds may be below values of others: prices are arithmetic, solvers have tolerances.
SLACK = {"prices": 1e-9, "enumeration": 1e-9, "solver": 2e-6}

FAMILIES: dict[str, Callable[[AllocationProblem], Model]] = {
    "budget_only": lm.BudgetOnly,
    "proportional": lm.Proportional,
    "max_min": lambda problem: lm.MaxMin(problem, lexicographic=False),
    "max_min_agents": lambda problem: lm.MaxMin(problem, over="agents", lexicographic=False),
    "alpha_fair_half": lambda problem: lm.AlphaFair(problem, 0.5),
    "alpha_fair_2": lambda problem: lm.AlphaFair(problem, 2.0),
    "group_alpha_fair_0": lambda problem: lm.GroupAlphaFair(problem, 0.0),
    "group_alpha_fair_2": lambda problem: lm.GroupAlphaFair(problem, 2.0),
    "group_alpha_fair_5": lambda problem: lm.GroupAlphaFair(problem, 5.0),
}


def able_solvers(model: Model) -> list[str]:
    """Return the solvers that can be used here and solve the model."""
    question = model.question()
    plans = [plan_for(question, name) for name in solvers.names()]
    return [
        plan.solver
        for plan in plans
        if plan.exactness is not Exactness.NOT_AT_ALL and solvers.availability(plan.solver).is_ready
    ]


def in_equivalents(allocation: Allocation, welfare: float) -> float:
    """Return the welfare in the units in which gaps are measured."""
    return allocation.family.equivalent_of_welfare(allocation.grouping.weight, welfare)


def check_agreement(allocations: dict[str, Allocation]) -> None:
    for name, allocation in allocations.items():
        assert allocation.verdict is not Verdict.REFUTED, f"{name}: {allocation.certificate}"
        assert allocation.status is not Status.NUMERICAL_FAILURE, f"{name}: {allocation.attempts}"
    for (name, one), (other_name, other) in itertools.permutations(allocations.items(), 2):
        if not one.has_point:
            continue
        said = f"{name} has {one.objective!r}, {other_name} says "
        assert other.status is not Status.INFEASIBLE, f"{said}infeasible"
        value = in_equivalents(one, one.objective)
        bound = in_equivalents(other, other.bound)
        slack = SLACK[other.certificate.bound_from or "solver"]
        if any(one.certificate.violations.values()):
            slack = SLACK["solver"]
        assert value <= bound + slack * max(1e-3, abs(bound), abs(value)), f"{said}{other.bound!r}"


def draw_for(family: str, generator: np.random.Generator) -> AllocationProblem:
    """Return a random problem in which everybody can earn what the family needs."""
    history = None if family in ("proportional", "max_min") or "group" in family else False
    while True:
        problem = random_problem(generator, fairness=family != "budget_only", history=history)
        try:
            check_solvable(FAMILIES[family](problem).question())
        except ParameterError:
            continue
        return problem


@pytest.mark.parametrize("family", FAMILIES)
def test_all_solvers_and_forms_agree_on_random_problems(family: str) -> None:
    def check(problem: AllocationProblem) -> None:
        model = FAMILIES[family](problem)
        allocations = {
            f"{solver} from {form}": model.solve(solver=solver, form=form)
            for solver in able_solvers(model)
            for form in FORMS
        }
        assert allocations
        check_agreement(allocations)

    salt = 300 + list(FAMILIES).index(family)
    each_random_problem(56, salt, partial(draw_for, family), check)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_every_solver_of_fractional_terms_tells_the_price_of_the_budget(alpha: float) -> None:
    """One budget without limits has a closed form: the price is (1 - alpha) welfare / budget."""
    cost, reward, budget = np.array([[1.0], [2.0], [0.5]]), np.array([1.0, 3.0, 2.0]), 4.0
    problem = AllocationProblem(cost, [budget], reward, upper=np.inf)
    model = lm.AlphaFair(problem, alpha)
    for solver in able_solvers(model):
        allocation = model.solve(solver=solver)
        expected = 3.0 if alpha == 1.0 else (1.0 - alpha) * allocation.objective
        assert allocation.price is not None, solver
        assert allocation.price[0] == pytest.approx(expected / budget, rel=1e-3), solver
