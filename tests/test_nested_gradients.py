"""Derivatives of decisions under nested fairness: differences, alpha-fairness, worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.analysis.decision_batches import backward, check_differentiable_model, forward
from librex_models.analysis.standing_session import StandingSession
from librex_models.errors import NotDifferentiable, ParameterError
from tests.random_examples import examples
from tests.test_gradients import dense, sharp

Floats = npt.NDArray[np.float64]

ALPHAS = [0.01, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0]
INNER = [0.3, 0.5, 1.0, 2.0, 5.0]
BY: tuple[Literal["reward", "budget"], ...] = ("reward", "budget")
N_GROUPS = 3


def nested_problem(seed: int, n_resources: int) -> lm.AllocationProblem:
    """Return a problem with weights and caps, some of them reached; odd seeds have history."""
    rng = np.random.default_rng([81, seed])
    n = int(rng.integers(5, 9))
    requests = rng.uniform(0.2, 2.0, (n, n_resources))
    return lm.AllocationProblem(
        requests,
        requests.sum(axis=0) * rng.uniform(0.2, 0.6, n_resources),
        rng.uniform(0.5, 2.0, n),
        group=[i % N_GROUPS for i in range(n)],
        weight=rng.uniform(0.5, 2.0, N_GROUPS),
        history=rng.uniform(0.1, 0.3, N_GROUPS) * (seed % 2),
        upper=np.where(rng.random(n) < 0.4, rng.uniform(0.2, 1.0, n), 5.0),
    )


def differences(value: Callable[[Floats], Floats], at: Floats, step: float = 1e-4) -> Floats:
    """Return central differences without errors of second order, one column for each parameter."""
    columns = []
    for place in range(len(at)):
        move = step * at * (np.arange(len(at)) == place)
        once, half = (
            (value(at + part * move) - value(at - part * move)) / (2.0 * part * move[place])
            for part in (1.0, 0.5)
        )
        columns.append((4.0 * half - once) / 3.0)
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("seed", range(examples(500)))
def test_one_budget_agrees_with_differences_of_its_filling(seed: int) -> None:
    problem = nested_problem(seed, 1)
    # All pairs, every 35 seeds.
    alpha, inner = ALPHAS[seed % 7], INNER[seed % 5]
    model = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)
    allocation = model.solve()
    assert allocation.route == "water_filling"
    gradient = lm.gradient(model, allocation)
    for by in BY:

        def filled(numbers: Floats, by: str = by) -> Floats:
            changed = problem.replace(**{by: numbers})
            return lm.GroupAlphaFair(changed, alpha, inner_alpha=inner).solve().decision

        expected = differences(filled, np.asarray(getattr(problem, by)))
        # Fillings are right to about 1e-14 over steps of 1e-4.
        size = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(dense(gradient.decision[by]), expected, atol=1e-7 * size)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_three_budgets_agree_with_differences_of_the_optimum(seed: int) -> None:
    problem = nested_problem(seed, 3)
    # Solvers need long for what is next to linear: alpha = .01 is left to one budget.
    alpha, inner = [2.0, 0.5, 1.0, 0.3, 5.0, 20.0][seed % 6], INNER[seed % 5]
    model = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)
    allocation = model.solve()
    gradient = lm.gradient(model, allocation)
    for by in BY:

        def moved(numbers: Floats, by: str = by) -> Floats:
            return sharp(model, problem.replace(**{by: numbers}), allocation.decision)

        expected = differences(moved, np.asarray(getattr(problem, by)))
        size = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(dense(gradient.decision[by]), expected, atol=1e-5 * size)


@pytest.mark.parametrize(("alpha", "inner"), [(0.5, 2.0), (1.0, 5.0), (2.0, 0.5), (5.0, 1.0)])
def test_the_optimum_is_that_of_the_cones(alpha: float, inner: float) -> None:
    model = lm.GroupAlphaFair(nested_problem(1, 3), alpha, inner_alpha=inner)
    optimum = lm.gradient(model, model.solve()).optimum
    solved = model.solve(solver="cvxpy:CLARABEL", relative_gap=1e-8)
    # Welfare is curved: decisions are right to about the root of what welfare is.
    np.testing.assert_allclose(solved.decision, optimum, atol=1e-3)


@pytest.mark.parametrize("n_resources", [1, 3])
@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0, 5.0])
def test_the_same_aversion_inside_moves_decisions_as_alpha_fairness_does(
    alpha: float, n_resources: int
) -> None:
    problem = nested_problem(2, n_resources)
    group = problem.group_of_agent
    size = np.bincount(group)
    alike = lm.AllocationProblem(
        problem.usage.toarray().T,
        problem.budget,
        problem.reward,
        agent_weight=(problem.weight / size)[group],
        upper=problem.upper,
    )
    nested = lm.GroupAlphaFair(problem, alpha, inner_alpha=alpha)
    plain = lm.AlphaFair(alike, alpha)
    found, expected = (lm.gradient(one, one.solve()).decision for one in (nested, plain))
    for by in BY:
        np.testing.assert_allclose(dense(found[by]), dense(expected[by]), atol=1e-10)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("inner", [0.3, 1.0, 5.0])
def test_the_costs_of_a_column_sum_to_zero(alpha: float, inner: float) -> None:
    problem = nested_problem(4, 1)
    model = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)
    decision = lm.gradient(model, model.solve()).decision
    np.testing.assert_allclose(problem.usage @ dense(decision["reward"]), 0.0, atol=1e-11)
    np.testing.assert_allclose(problem.usage @ decision["budget"], 1.0, atol=1e-11)


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(("alpha", "inner"), [(0.5, 5.0), (5.0, 0.5), (2.0, 1.0)])
def test_a_vector_pulled_back_is_the_transposed_jacobian_times_it(
    alpha: float, inner: float, by: Literal["reward", "budget"]
) -> None:
    model = lm.GroupAlphaFair(nested_problem(5, 3), alpha, inner_alpha=inner)
    gradient = lm.gradient(model, model.solve())
    vector = np.random.default_rng(0).normal(size=model.problem.n_options)
    expected = gradient.decision[by].T @ vector
    np.testing.assert_allclose(gradient.pull_back(by, vector), expected, atol=1e-11)


def test_a_group_that_is_far_better_off_counts_all_the_same() -> None:
    # Each group has a budget of its own; marginal utilities of the first are 30 decades larger.
    # In the second utilities are reward^2 k, hence decisions reward k, for an inner aversion of .5.
    problem = lm.AllocationProblem(
        [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]],
        [20.0, 3.0],
        [1.0, 1.0, 1.0, 1.2],
        group=["a", "a", "b", "b"],
        upper=[0.05, 0.055, 9.0, 9.0],
    )
    model = lm.GroupAlphaFair(problem, 20.0, inner_alpha=0.5)
    gradient = lm.gradient(model, model.solve())
    by_budget = gradient.decision["budget"]
    np.testing.assert_allclose(by_budget[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(by_budget[:, 1], np.array([0.0, 0.0, 1.0, 1.2]) / 2.2, atol=1e-12)


def test_a_group_that_vanishes_is_left_out() -> None:
    # A unit of the budget earns 4 times as much in "b": "a" gets 4^-100 of it at alpha = .01.
    problem = lm.AllocationProblem(
        [[1.0]] * 4, [8.0], [1.0, 1.0, 4.0, 4.0], group=["a", "a", "b", "b"], upper=8.0
    )
    model = lm.GroupAlphaFair(problem, 0.01, inner_alpha=2.0)
    decision = lm.gradient(model, model.solve()).decision
    np.testing.assert_allclose(decision["budget"][:, 0], [0.0, 0.0, 0.5, 0.5], atol=1e-12)
    # 1 / utility^2 per reward is equal: x_b is as r^(-1/2), and the two share a budget.
    np.testing.assert_allclose(dense(decision["reward"])[2:, 2:], [[-0.25, 0.25], [0.25, -0.25]])


def test_a_limit_that_is_just_reached_is_named() -> None:
    # Each of the four gets 1, and option "a" may not get more.
    problem = lm.AllocationProblem(
        [[1.0]] * 4,
        [4.0],
        [1.0] * 4,
        group=["g", "g", "h", "h"],
        upper=[1.0, 5.0, 5.0, 5.0],
        option_names=["a", "b", "c", "d"],
    )
    model = lm.GroupAlphaFair(problem, 2.0, inner_alpha=0.5)
    gradient = lm.gradient(model, model.solve())
    with pytest.raises(NotDifferentiable) as caught:
        _ = gradient.decision["reward"]
    assert caught.value.options == ("a",)
    with pytest.raises(NotDifferentiable):
        gradient.pull_back("budget", np.ones(4))


def test_equal_options_of_an_agent_are_named() -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 3, [3.0], [2.0, 2.0, 1.0], agent=[0, 0, 1], group=["g", "g"], upper=9.0
    )
    model = lm.GroupAlphaFair(problem, 1.0, inner_alpha=2.0)
    with pytest.raises(NotDifferentiable) as caught:
        _ = lm.gradient(model, model.solve()).decision["budget"]
    assert caught.value.options == (0, 1)


def test_whole_decisions_have_no_derivatives() -> None:
    problem = lm.AllocationProblem([[1.0]] * 2, [2.0], [3.0, 2.0], group=[0, 0], integer=True)
    model = lm.GroupAlphaFair(problem, 1.0, inner_alpha=2.0)
    with pytest.raises(NotDifferentiable) as caught:
        lm.gradient(model, model.solve())
    assert caught.value.options == (0, 1)


def test_batches_are_pulled_back() -> None:
    problem = nested_problem(7, 1)
    model = lm.GroupAlphaFair(problem, 2.0, inner_alpha=1.0)
    reward = np.asarray(problem.reward) * np.array([[1.0], [1.1]])
    session = StandingSession(check_differentiable_model(model), relative_gap=1e-6)
    vector = np.random.default_rng(1).normal(size=reward.shape)

    def loss(rewards: Floats) -> Floats:
        batch = forward(session, rewards.reshape(reward.shape))
        return np.asarray((batch.decision * vector).sum())

    found = backward(forward(session, reward), "reward", vector)
    expected = differences(loss, reward.ravel(), 1e-3).reshape(reward.shape)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    session.close()


@pytest.mark.parametrize(("alpha", "inner"), [(0.0, 1.0), (2.0, float("inf"))])
def test_a_model_without_derivatives_makes_no_layer(alpha: float, inner: float) -> None:
    model = lm.GroupAlphaFair(nested_problem(1, 1), alpha, inner_alpha=inner)
    with pytest.raises(ParameterError, match="are not offered"):
        check_differentiable_model(model)
