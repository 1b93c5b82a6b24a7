"""DeDe: budgets on one side, bounds on the other, in turns until a turn brings less than 1 %.

In an environment of its own: it asks for older versions of numpy and CVXPY than Librex.
"""

import os
from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, UserArrays


class DeDeModel:
    """A problem of DeDe and its workers, which are processes."""

    def __init__(self, arrays: UserArrays) -> None:
        # Or its workers leave a token in the home folder.
        os.environ["RAY_AUTH_MODE"] = "disabled"
        import dede

        self._decision = dede.Variable(len(arrays.reward), nonneg=True)
        self._reward = dede.Parameter(len(arrays.reward), value=arrays.reward)
        welfare = dede.Variable(nonneg=True)
        budgets = [
            requests @ self._decision <= budget
            for requests, budget in zip(arrays.requests.T, arrays.budget, strict=True)
        ]
        # Parameters of an objective never reach its workers, those of a row do.
        self._problem: Any = dede.Problem(
            dede.Maximize(welfare),
            [*budgets, welfare <= self._reward @ self._decision],
            [self._decision <= 1],
        )

    def resolve(self, reward: Floats) -> Floats:
        """Change the parameter and take turns from the last point on."""
        self._reward.value = reward
        self._problem.solve(num_cpus=os.cpu_count())
        return self._within_bounds()

    def _within_bounds(self) -> Floats:
        """Return the point of the budgets' side, cut to bounds: DeDe hands back its value only."""
        import ray

        workers = self._problem._subprob_cache.probs
        asked = [worker.get_solution_idx_r.remote() for worker in workers]
        places = [place for of_worker in ray.get(asked) for place in of_worker]
        decision = np.zeros(self._decision.size)
        for (variable, position), value in zip(places, self._problem.sol_r, strict=True):
            if variable == self._decision.id:
                decision[position] = value
        return np.clip(decision, 0.0, 1.0)

    def close(self) -> None:
        """End its workers."""
        import ray

        ray.shutdown()


PEER = Peer(
    name="DeDe",
    packages=("dede",),
    build=DeDeModel,
    updates="parameter of a row changed, alternating directions, all cores",
    # It stops when a turn brings less than 1 %.
    tolerance=5e-2,
    builds=False,
    most_options=1_000,
    beyond="OSQP, which it calls, fails on 10,000",
    module=__name__,
    environment=".venv-dede",
)
