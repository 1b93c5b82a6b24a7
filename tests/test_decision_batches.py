"""Decisions of batches: each row is its optimum, and what is pulled back are its differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.analysis.decision_batches import (
    backward,
    check_differentiable_model,
    forward,
)
from librex_models.analysis.standing_session import StandingSession
from librex_models.errors import (
    NoAllocationError,
    NotDifferentiable,
    ParameterError,
    ShapeError,
)
from librex_models.model import Model
from librex_models.verification import broken_budgets
from tests.layer_problems import budgets, capped, rewards

Floats = npt.NDArray[np.float64]

STEP = 1e-5


def open_for(model: Model) -> StandingSession:
    return StandingSession(model)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_each_row_is_the_optimum_at_its_numbers(alpha: float) -> None:
    problem = capped(1)
    reward, budget = rewards(1, 3), budgets(1, problem, 3)
    found = forward(open_for(lm.AlphaFair(problem, alpha)), reward, budget).decision
    for of_row, r, b in zip(found, reward, budget, strict=True):
        alone = lm.AlphaFair(problem.replace(reward=r, budget=b), alpha)
        # Gaps of 1e-11 and less allow differences of their square root.
        np.testing.assert_allclose(of_row, alone.solve(relative_gap=1e-8).decision, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("by", ["reward", "budget"])
def test_what_is_pulled_back_agrees_with_central_differences(by: str, alpha: float) -> None:
    problem = capped(2)
    numbers = {"reward": rewards(2, 2), "budget": budgets(2, problem, 2)}
    session = open_for(lm.AlphaFair(problem, alpha))
    cotangent = np.random.default_rng(2).normal(size=(2, 6))
    pulled = backward(
        forward(session, **numbers), "reward" if by == "reward" else "budget", cotangent
    )
    expected = np.empty_like(pulled)
    # No row of a batch depends on the numbers of another: all are moved at once.
    for column in range(pulled.shape[1]):
        sides = []
        for sign in (1.0, -1.0):
            moved = {name: one.copy() for name, one in numbers.items()}
            moved[by][:, column] += sign * STEP
            sides.append((forward(session, **moved).decision * cotangent).sum(axis=1))
        expected[:, column] = (sides[0] - sides[1]) / (2.0 * STEP)
    # Errors of the differences: third derivatives times 1e-10, rounding 1e-15 / STEP.
    np.testing.assert_allclose(pulled, expected, atol=1e-7)


def test_without_a_solver_too() -> None:
    # One budget, x_j = Q (r_j / c_j) / sum r / c / c_j at alpha = 1/2.
    problem = lm.AllocationProblem([[1.0], [2.0]], [6.0], upper=100.0)
    session = open_for(lm.AlphaFair(problem, 0.5))
    batch = forward(session, np.array([[1.0, 4.0]]))
    np.testing.assert_allclose(batch.decision, [[2.0, 2.0]], atol=1e-12)
    # d x_0 / d r_0 = Q (4 / 2) / 9, d x_0 / d r_1 = - Q (1 / 2) / 9; d x_0 / d Q = 1 / 3.
    only_first = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(backward(batch, "reward", only_first), [[4 / 3, -1 / 3]], atol=1e-12)
    np.testing.assert_allclose(backward(batch, "budget", only_first), [[1 / 3]], atol=1e-12)


def test_decisions_fit_into_hard_budgets() -> None:
    problem = capped(3)
    reward, budget = rewards(3, 5), budgets(3, problem, 5)
    found = forward(open_for(lm.AlphaFair(problem, 2.0)), reward, budget).decision
    for of_row, b in zip(found, budget, strict=True):
        assert not broken_budgets(problem.replace(budget=b), of_row).any()
        assert ((of_row >= problem.lower) & (of_row <= problem.upper)).all()


def test_a_budget_of_an_earlier_call_does_not_stay() -> None:
    problem = capped(4)
    session, reward = open_for(lm.AlphaFair(problem, 2.0)), rewards(4, 1)
    before = forward(session, reward).decision
    forward(session, reward, 0.5 * problem.budget[np.newaxis])
    np.testing.assert_allclose(forward(session, reward).decision, before, atol=1e-12)


def test_an_empty_batch_has_no_rows() -> None:
    problem = capped(4)
    batch = forward(open_for(lm.AlphaFair(problem, 2.0)), np.empty((0, 6)))
    assert batch.decision.shape == (0, 6)
    assert backward(batch, "reward", np.empty((0, 6))).shape == (0, 6)
    assert backward(batch, "budget", np.empty((0, 6))).shape == (0, 3)


def test_a_tie_is_raised_where_it_is_asked_for_and_names_row_and_options() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0], [1.0]], [1.5], option_names=["a", "b", "c"])
    reward = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 2.0]])
    batch = forward(open_for(lm.BudgetOnly(problem)), reward)
    cotangent = np.ones((2, 3))
    with pytest.raises(NotDifferentiable) as caught:
        backward(batch, "budget", cotangent)
    assert caught.value.options == ("b", "c")
    assert caught.value.__notes__ == ["in row 1 of the batch of 2"]
    # A loss that does not depend on the second row asks for no derivative of it.
    cotangent[1] = 0.0
    np.testing.assert_allclose(backward(batch, "budget", cotangent), [[1.0], [0.0]], atol=1e-12)


def test_whole_decisions_are_found_but_not_differentiated() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], integer=True)
    batch = forward(open_for(lm.BudgetOnly(problem)), np.array([[3.0, 2.0]]))
    np.testing.assert_array_equal(batch.decision, [[1.0, 0.0]])
    with pytest.raises(NotDifferentiable) as caught:
        backward(batch, "reward", np.ones((1, 2)))
    assert caught.value.options == (0, 1)


@pytest.mark.parametrize(
    ("reward", "budget", "message"),
    [
        (np.ones(6), None, "reward has shape"),
        (np.ones((2, 5)), None, r"reward has shape \(2, 5\), expected \(2, 6\)"),
        (np.ones((2, 6)), np.ones((1, 3)), r"budget has shape \(1, 3\), expected \(2, 3\)"),
        (np.ones((2, 6)), np.ones((2, 4)), r"budget has shape \(2, 4\), expected \(2, 3\)"),
    ],
)
def test_wrong_shapes_are_refused(reward: Floats, budget: Floats | None, message: str) -> None:
    session = open_for(lm.AlphaFair(capped(1), 2.0))
    with pytest.raises(ShapeError, match=message):
        forward(session, reward, budget)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_a_bad_number_names_its_option_and_row(bad: float) -> None:
    session = open_for(lm.AlphaFair(capped(1), 2.0))
    reward = rewards(1, 3)
    reward[2, 4] = bad
    with pytest.raises(ParameterError, match="'job 4'") as caught:
        forward(session, reward)
    assert caught.value.__notes__ == ["in row 2 of the batch of 3"]
    # The session goes on.
    assert forward(session, rewards(1, 3)).decision.shape == (3, 6)


def test_a_bad_budget_names_its_resource() -> None:
    problem = capped(1)
    budget = budgets(1, problem, 1)
    budget[0, 1] = -1.0
    with pytest.raises(ParameterError, match="'resource 1'") as caught:
        forward(open_for(lm.AlphaFair(problem, 2.0)), rewards(1, 1), budget)
    assert not hasattr(caught.value, "__notes__")


def test_what_is_not_proven_optimal_is_refused() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.5], agent_minimum=[1.0, 1.0])
    with pytest.raises(NoAllocationError):
        forward(open_for(lm.BudgetOnly(problem)), np.array([[3.0, 2.0]]))


def test_a_stopped_solver_is_no_optimum() -> None:
    generator = np.random.default_rng(0)
    requests = generator.uniform(1.0, 2.0, (60, 3))
    problem = lm.AllocationProblem(requests, requests.sum(axis=0) / 3, integer=True)
    session = StandingSession(
        lm.BudgetOnly(problem), solver="scip", solution_limit=1, relative_gap=0.0
    )
    with pytest.raises(NoAllocationError, match="expected OPTIMAL"):
        forward(session, requests.sum(axis=1)[np.newaxis])


def test_options_that_serve_several_groups_are_refused() -> None:
    shared = lm.AllocationProblem([[1.0], [1.0]], [1.0], [[1.0, 2.0], [2.0, 1.0]], group=["g", "h"])
    with pytest.raises(ParameterError, match="serve several groups"):
        check_differentiable_model(lm.Proportional(shared))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ParameterError, match="model is a AllocationProblem, expected a model"):
        check_differentiable_model(capped(1))
