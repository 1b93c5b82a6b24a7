"""Gradients where options serve several groups: one parameter for each option and group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.analysis.gradients import Gradient
from librex_models.model import Model
from tests.random_examples import examples

Floats = npt.NDArray[np.float64]

N_GROUPS = 3
FAMILIES: dict[str, Callable[[lm.AllocationProblem], Model]] = {
    "alpha = 0.5": lambda problem: lm.GroupAlphaFair(problem, 0.5),
    "proportional": lm.Proportional,
    "alpha = 5": lambda problem: lm.GroupAlphaFair(problem, 5.0),
    "the first level of max-min": lambda problem: lm.MaxMin(problem, lexicographic=False),
    "ordered weights": lambda problem: lm.OrderedWeighted(problem, [3.0, 2.0, 1.0]),
}
CURVED = ["alpha = 0.5", "proportional", "alpha = 5"]


def public_goods(seed: int) -> lm.AllocationProblem:
    """Return a problem of two budgets whose options serve up to three groups."""
    generator = np.random.default_rng([71, seed])
    n = 5
    reward = generator.uniform(0.3, 2.0, (n, N_GROUPS))
    reward[generator.uniform(size=reward.shape) < 0.25] = 0.0
    reward[np.arange(N_GROUPS), np.arange(N_GROUPS)] = 1.0
    return lm.AllocationProblem(
        generator.uniform(0.2, 1.5, (n, 2)),
        generator.uniform(0.5, 1.5, 2),
        reward,
        weight=generator.uniform(0.5, 2.0, N_GROUPS),
        upper=generator.uniform(0.3, 1.0, n),
    )


def with_reward(problem: lm.AllocationProblem, flat: Floats) -> lm.AllocationProblem:
    return problem.replace(reward=flat.reshape(problem.n_options, N_GROUPS))


def differences(value: Callable[[Floats], Floats], at: Floats, step: float) -> Floats:
    columns = []
    for place in range(len(at)):
        move = np.zeros(len(at))
        move[place] = step
        # A reward of zero cannot fall.
        below = -move if at[place] >= step else 0.0 * move
        columns.append((value(at + move) - value(at + below)) / (move - below)[place])
    return np.stack(columns, axis=-1)


def gradient_of(model: Model) -> Gradient:
    return lm.gradient(model, model.solve(relative_gap=1e-9))


def rewards(problem: lm.AllocationProblem) -> Floats:
    assert problem.shared_reward is not None
    return np.asarray(problem.shared_reward.toarray().T.ravel())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(examples(50)))
def test_welfare_agrees_with_differences_of_solvers(seed: int, family: str) -> None:
    problem, make = public_goods(seed), FAMILIES[family]

    def welfare(flat: Floats) -> Floats:
        model = make(with_reward(problem, flat))
        return np.asarray(model.solve(relative_gap=1e-10).objective)

    gradient = gradient_of(make(problem))
    expected = differences(welfare, rewards(problem), 1e-4).reshape(-1, N_GROUPS)
    assert gradient.welfare["reward"].shape == (problem.n_options, N_GROUPS)
    # One-sided differences, of rewards of zero, are right to the step times second derivatives.
    size = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(gradient.welfare["reward"], expected, atol=2e-3 * size)


@pytest.mark.parametrize("family", CURVED)
@pytest.mark.parametrize("seed", range(examples(50)))
def test_decisions_agree_with_central_differences(seed: int, family: str) -> None:
    problem, make = public_goods(seed), FAMILIES[family]

    def decision(flat: Floats) -> Floats:
        return gradient_of(make(with_reward(problem, flat))).optimum

    found = gradient_of(make(problem)).decision["reward"].toarray()
    at = rewards(problem)
    assert found.shape == (problem.n_options, problem.n_options * N_GROUPS)
    expected = differences(decision, at, 1e-5)
    counts = at > 0
    size = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found[:, counts], expected[:, counts], atol=1e-5 * size)
    np.testing.assert_allclose(found, expected, atol=1e-3 * size)


def test_a_public_good_by_hand() -> None:
    # Option 0 serves both groups, option 1 the second only: W = log(2 x) + log(x + y), x + y = 1.
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], [[2.0, 1.0], [0.0, 1.0]])
    model = lm.Proportional(problem.replace(upper=[0.75, 1.0]))
    gradient = lm.gradient(model, model.solve())
    # x = .75 at its cap, u = (1.5, 1): dW/dr = x / u.
    expected = [[0.75 / 1.5, 0.75], [0.25 / 1.5, 0.25]]
    np.testing.assert_allclose(gradient.welfare["reward"], expected, atol=1e-12)
    np.testing.assert_allclose(gradient.welfare["budget"], [1.0], atol=1e-12)
    assert gradient.decision["reward"].shape == (2, 4)
    assert gradient.decision["reward"].nnz == 0


def test_welfare_that_compares_nobody() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.5], [[2.0, 1.0], [0.0, 2.0]])
    model = lm.BudgetOnly(problem)
    gradient = lm.gradient(model, model.solve())
    np.testing.assert_allclose(gradient.welfare["reward"], [[1.0, 1.0], [0.5, 0.5]], atol=1e-12)
    np.testing.assert_allclose(gradient.welfare["budget"], [2.0], atol=1e-12)
    assert gradient.decision["reward"].nnz == 0
