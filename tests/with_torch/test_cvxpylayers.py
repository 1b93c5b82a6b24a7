"""Values and gradients are those of cvxpylayers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import librex_models as lm
from tests.layer_problems import budgets, capped, rewards
from tests.with_torch.cvxpy_layer import cvxpy_layer

# Tight enough to compare with. By default its gradients are found iteratively: at alpha = 5 they
# are off by .2 where these are off by 1e-5.
PRECISE = {
    "solve_method": "Clarabel",
    "tol_gap_abs": 1e-12,
    "tol_gap_rel": 1e-12,
    "tol_feas": 1e-12,
    "mode": "dense",
}


def found(layer: Any, reward: Any, budget: Any, **options: Any) -> tuple[Any, Any, Any]:
    """Return decisions, and the gradients of one function of them by both inputs."""
    asked = [one.clone().requires_grad_() for one in (reward, budget)]
    decision = layer(*asked, **options)
    decision = decision[0] if isinstance(decision, tuple) else decision
    weight = torch.linspace(-1.0, 2.0, decision.numel(), dtype=torch.float64)
    loss = (weight * decision.ravel() ** 2).sum()
    return decision.detach(), *torch.autograd.grad(loss, asked)


# Its own: how it makes arrays, powers by second-order cones, Clarabel just short of tolerances.
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning",
    "ignore:Power atom with exponent",
    "ignore:Solved/Inaccurate",
)
@pytest.mark.parametrize("alpha", [0.3, 0.5, 1.0, 2.0, 3.0, 5.0])
@pytest.mark.parametrize(("seed", "n", "n_resources"), [(1, 6, 3), (2, 6, 1), (3, 15, 4)])
def test_values_and_gradients_agree(alpha: float, seed: int, n: int, n_resources: int) -> None:
    problem = capped(seed, n, n_resources)
    reward, budget = rewards(seed, 3, n), budgets(seed, problem, 3)
    given = torch.tensor(reward), torch.tensor(budget)
    ours = found(lm.torch.AllocationLayer(lm.AlphaFair(problem, alpha)), *given)
    theirs = found(cvxpy_layer(problem, alpha), *given, solver_args=PRECISE)
    # Some caps bind and some do not, or there is little to compare.
    is_capped = ours[0].numpy() > problem.upper - 1e-6
    assert 0 < is_capped.sum() < is_capped.size
    for one, other, tolerance in zip(ours, theirs, (2e-6, 5e-5, 5e-5), strict=True):
        size = max(1.0, float(np.abs(one.numpy()).max()))
        torch.testing.assert_close(one, other, rtol=0.0, atol=tolerance * size)
