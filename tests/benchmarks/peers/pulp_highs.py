"""PuLP with HiGHS in memory, which is filled anew for every solve."""

from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class PulpModel:
    """Expressions of PuLP, and a HiGHS object made of them."""

    def __init__(self, arrays: UserArrays) -> None:
        import pulp

        self._problem: Any = pulp.LpProblem("allocation", pulp.LpMaximize)
        self._variables = [
            self._problem.add_variable(f"decision_{number}", 0, 1)
            for number in range(len(arrays.reward))
        ]
        self._solver: Any = pulp.HiGHS(msg=False, threads=1)
        self._set(arrays.reward)
        for requests, budget in zip(arrays.requests.T, arrays.budget.tolist(), strict=True):
            self._problem += self._sum(requests) <= budget
        self._solver.createAndConfigureSolver(self._problem)
        self._solver.buildSolverModel(self._problem)

    def _sum(self, weights: Floats) -> Any:
        import pulp

        return pulp.LpAffineExpression(zip(self._variables, weights.tolist(), strict=True))

    def _set(self, reward: Floats) -> None:
        self._problem.setObjective(self._sum(reward))

    def resolve(self, reward: Floats) -> Floats:
        """Replace the objective; PuLP makes another HiGHS object of it."""
        import pulp

        self._set(reward)
        if self._problem.solve(self._solver) != pulp.LpStatusOptimal:
            raise PeerFailed(f"PuLP ended with {pulp.LpStatus[self._problem.status]}")
        return np.array([variable.varValue for variable in self._variables])

    def close(self) -> None:
        """Free HiGHS."""
        self._problem.solverModel.clear()


PEER = Peer(
    name="PuLP",
    packages=("pulp",),
    build=PulpModel,
    updates="objective replaced, HiGHS built anew",
)
