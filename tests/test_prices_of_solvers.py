"""The price of a budget is the same from gradients, the closed form, filling and every solver."""

from __future__ import annotations

import numpy as np
import pytest

import librex_models as lm
import solvers
from tests.test_gradients import ALPHAS, one_budget

SOLVERS = ["highs", "scip", "gurobi", "cvxpy:CLARABEL"]
GAP = 1e-9


def three_scarce_budgets(seed: int) -> lm.AllocationProblem:
    """Return a problem of three budgets, with weights, in which all budgets are used up."""
    generator = np.random.default_rng([81, seed])
    requests = generator.uniform(0.1, 0.4, (6, 3))
    # Two options request much of each budget.
    requests[np.arange(6), np.arange(6) % 3] += 1.0
    return lm.AllocationProblem(
        requests,
        generator.uniform(0.8, 1.2, 3),
        generator.uniform(0.8, 1.25, 6),
        weight=generator.uniform(0.5, 2.0, 6),
        upper=50.0,
    )


PROBLEMS = {"one budget": one_budget(2), "three budgets": three_scarce_budgets(0)}


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_price_is_every_solvers_dual(name: str, solver: str, alpha: float) -> None:
    if not solvers.availability(solver).is_ready:
        pytest.skip(f"{solver} cannot be used here")
    problem = PROBLEMS[name]
    model = lm.GroupAlphaFair(problem, alpha)
    price = lm.gradient(model, model.solve(relative_gap=GAP)).welfare["budget"]
    route = "leximin" if np.isinf(alpha) else "auto"
    allocation = model.solve(solver=solver, route=route, relative_gap=GAP)
    assert allocation.solver == solver
    assert allocation.price is not None
    # Utilities are right to the root of the gap where welfare is curved, and marginal utilities
    # move by alpha times as much: sqrt(alpha gap) of themselves.
    curved = alpha if np.isfinite(alpha) else 0.0
    tolerance = 1e-6 + 10.0 * np.sqrt(curved * GAP)
    np.testing.assert_allclose(allocation.price, price, atol=tolerance * price.max())


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_price_of_filling_and_of_the_closed_form_is_that_of_gradients(alpha: float) -> None:
    problem = PROBLEMS["one budget"]
    model = lm.GroupAlphaFair(problem, alpha)
    allocation = model.solve()
    assert allocation.price is not None
    gradient = lm.gradient(model, allocation)
    closed = gradient.welfare["budget"]
    assert gradient._closed is not None
    np.testing.assert_allclose(allocation.price, closed, rtol=1e-9)
    other = lm.gradient(model, allocation)
    other.__dict__["_closed"] = None
    np.testing.assert_allclose(other.welfare["budget"], closed, rtol=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_price_is_what_a_unit_of_the_budget_adds(name: str, alpha: float) -> None:
    problem = PROBLEMS[name]
    model = lm.GroupAlphaFair(problem, alpha)
    gradient = lm.gradient(model, model.solve(relative_gap=GAP))
    price = gradient.welfare["budget"]
    assert (price > 0).any()

    def welfare(budget: np.ndarray) -> float:
        moved = lm.GroupAlphaFair(problem.replace(budget=budget), alpha)
        decision = lm.gradient(moved, moved.solve(relative_gap=GAP)).optimum
        question = moved.question()
        return float(question.family.welfare(question.grouping.weight, question.utility(decision)))

    step = 1e-5 / max(1.0, alpha if np.isfinite(alpha) else 1.0)
    for k in range(problem.n_resources):
        move = np.zeros(problem.n_resources)
        move[k] = step
        expected = (welfare(problem.budget + move) - welfare(problem.budget - move)) / (2.0 * step)
        np.testing.assert_allclose(price[k], expected, atol=1e-6 * price.max())
