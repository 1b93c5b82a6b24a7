"""Gradients where limits meet: degenerate corners, what can only be zero, rows that repeat."""

from __future__ import annotations

import numpy as np
import pytest

import librex_models as lm
from librex_models.errors import NotDifferentiable


def test_a_cap_and_a_budget_that_end_together_leave_one_price() -> None:
    # log x + log(1 + y) at x + y <= 1, x <= 1: x = 1, and a unit more is worth 1 to either.
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], [1.0, 1.0], history=[0.0, 1.0])
    model = lm.Proportional(problem)
    gradient = lm.gradient(model, model.solve())
    np.testing.assert_allclose(gradient.welfare["budget"], [1.0], atol=1e-12)
    np.testing.assert_allclose(gradient.welfare["reward"], [1.0, 0.0], atol=1e-12)
    with pytest.raises(NotDifferentiable) as caught:
        _ = gradient.decision["budget"]
    assert caught.value.options == (0, 1)


def test_a_group_whose_agent_may_have_nothing_is_left_out() -> None:
    # The limit of agent "b" is zero: its utility counts for nothing, whatever its reward is.
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]],
        [1.0],
        [1.0, 5.0, 4.0],
        agent=["a", "b", "c"],
        agent_limit=[1.0, 0.0, 1.0],
    )
    model = lm.AlphaFair(problem, 0.5)
    gradient = lm.gradient(model, model.solve())
    # 2 sqrt(x) + 2 sqrt(4 y): spending is as 1 to 4, and dW/dr = x / sqrt(r x).
    np.testing.assert_allclose(gradient.optimum, [0.2, 0.0, 0.8], atol=1e-12)
    expected = [np.sqrt(0.2), 0.0, 0.8 / np.sqrt(3.2)]
    np.testing.assert_allclose(gradient.welfare["reward"], expected, atol=1e-12)


def test_the_same_row_twice_changes_no_derivative() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0], [1.0]], [2.0], [2.0, 1.0, 3.0])
    rows = lm.Rows([[1.0, -1.0, 0.0], [2.0, -2.0, 0.0]], lower=[0.0, 0.0], upper=[0.0, 0.0])
    model = lm.Proportional(problem.replace(extra_rows=rows))
    gradient = lm.gradient(model, model.solve())
    np.testing.assert_allclose(gradient.welfare["budget"], [1.5], atol=1e-12)
    np.testing.assert_allclose(gradient.decision["budget"], np.full((3, 1), 1.0 / 3.0), atol=1e-12)
