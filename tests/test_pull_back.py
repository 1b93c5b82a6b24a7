"""Vector-Jacobian products equal the Jacobian, transposed, times the vector."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import librex_models as lm
from librex_models.errors import NotDifferentiable
from librex_models.model import Model
from tests.test_gradients import general, one_budget, three_budgets
from tests.test_gradients_of_large_alpha import capped
from tests.test_gradients_of_shared_options import public_goods

BY: tuple[Literal["reward", "budget"], ...] = ("reward", "budget")
MODELS: dict[str, Model] = {
    "one budget": lm.GroupAlphaFair(one_budget(1), 2.0),
    "one budget, alpha = 1": lm.GroupAlphaFair(one_budget(1), 1.0),
    "one budget, max-min": lm.GroupAlphaFair(one_budget(1), float("inf")),
    "three budgets": lm.GroupAlphaFair(three_budgets(4), 0.5),
    "a vertex": lm.BudgetOnly(three_budgets(4)),
    "caps, alpha = 100": lm.GroupAlphaFair(capped(3), 100.0),
    "public goods": lm.Proportional(public_goods(1)),
}


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("name", MODELS)
def test_a_vector_pulled_back_is_the_transposed_jacobian_times_it(
    name: str, by: Literal["reward", "budget"]
) -> None:
    model = MODELS[name]
    gradient = lm.gradient(model, model.solve())
    vector = np.random.default_rng(0).normal(size=model.problem.n_options)
    expected = gradient.decision[by].T @ vector
    size = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(gradient.pull_back(by, vector), expected, atol=1e-11 * size)


@pytest.mark.parametrize("by", BY)
def test_the_closed_form_pulls_back_what_the_equations_do(by: Literal["reward", "budget"]) -> None:
    model = MODELS["one budget"]
    allocation = model.solve()
    vector = np.random.default_rng(1).normal(size=model.problem.n_options)
    closed = lm.gradient(model, allocation).pull_back(by, vector)
    np.testing.assert_allclose(closed, general(model, allocation).pull_back(by, vector), atol=1e-11)


@pytest.mark.parametrize("by", BY)
def test_where_there_is_no_jacobian_nothing_is_pulled_back(by: Literal["reward", "budget"]) -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], [2.0, 2.0], option_names=["a", "b"])
    model = lm.BudgetOnly(problem)
    with pytest.raises(NotDifferentiable, match="'a', 'b'"):
        lm.gradient(model, model.solve()).pull_back(by, np.ones(2))
