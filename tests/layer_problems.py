"""Problems that a layer differentiates: several budgets, of which some bind, and caps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import librex_models as lm

Floats = npt.NDArray[np.float64]


def capped(seed: int, n: int = 6, n_resources: int = 3) -> lm.AllocationProblem:
    """Return a problem without rewards in which some decisions reach their caps."""
    generator = np.random.default_rng([71, seed])
    requests = generator.uniform(0.1, 2.0, (n, n_resources))
    return lm.AllocationProblem(
        requests,
        requests.sum(axis=0) * generator.uniform(0.3, 0.6, n_resources),
        upper=generator.uniform(0.4, 1.0, n),
        agent_weight=generator.uniform(0.5, 2.0, n),
        option_names=[f"job {j}" for j in range(n)],
        resource_names=[f"resource {k}" for k in range(n_resources)],
    )


def rewards(seed: int, n_rows: int, n: int = 6) -> Floats:
    """Return a batch of rewards."""
    return np.random.default_rng([72, seed]).uniform(0.5, 2.0, (n_rows, n))


def budgets(seed: int, problem: lm.AllocationProblem, n_rows: int) -> Floats:
    """Return a batch of budgets."""
    shares = np.random.default_rng([73, seed]).uniform(0.8, 1.2, (n_rows, problem.n_resources))
    return problem.budget * shares
