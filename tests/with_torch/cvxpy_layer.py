"""The layer of cvxpylayers for alpha-fair welfare, as its users would write it.

Agrawal, Amos, Barratt, Boyd, Diamond & Kolter (2019), NeurIPS 32.
"""

from __future__ import annotations

from typing import Any

import cvxpy
from cvxpylayers.torch import CvxpyLayer

import librex_models as lm


def cvxpy_layer(problem: lm.AllocationProblem, alpha: float) -> Any:
    """Return a layer from reward and budget to decisions, each option an agent of its own."""
    decision = cvxpy.Variable(problem.n_options)
    utility = cvxpy.Variable(problem.n_options)
    reward = cvxpy.Parameter(problem.n_options, nonneg=True)
    budget = cvxpy.Parameter(problem.n_resources, nonneg=True)
    # weight * U(reward x) would not be DPP: utility is a variable of its own.
    constraints = [
        utility == cvxpy.multiply(reward, decision),
        problem.requests.T @ decision <= budget,
        decision >= problem.lower,
        decision <= problem.upper,
    ]
    value = (
        cvxpy.log(utility) if alpha == 1.0 else cvxpy.power(utility, 1.0 - alpha) / (1.0 - alpha)
    )
    welfare = cvxpy.Maximize(problem.agent_weight @ value)
    return CvxpyLayer(cvxpy.Problem(welfare, constraints), [reward, budget], [decision])
