"""pywraplp of OR-tools with SCIP, built anew for every solve, as is common practice."""

from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class PywraplpModel:
    """The problem as pywraplp holds it; other rewards make another one."""

    def __init__(self, arrays: UserArrays) -> None:
        self._arrays = arrays
        self._build(arrays.reward)

    def _build(self, reward: Floats) -> None:
        from ortools.linear_solver import pywraplp

        self._solver: Any = pywraplp.Solver.CreateSolver("SCIP")
        self._variables = [self._solver.NumVar(0.0, 1.0, "") for _ in range(len(reward))]
        budgets = self._arrays.budget.tolist()
        for requests, budget in zip(self._arrays.requests.T, budgets, strict=True):
            row = self._solver.Constraint(-self._solver.infinity(), budget)
            for variable, amount in zip(self._variables, requests.tolist(), strict=True):
                row.SetCoefficient(variable, amount)
        objective = self._solver.Objective()
        for variable, weight in zip(self._variables, reward.tolist(), strict=True):
            objective.SetCoefficient(variable, weight)
        objective.SetMaximization()

    def resolve(self, reward: Floats) -> Floats:
        """Build the problem with other rewards, and solve it."""
        self._build(reward)
        status = self._solver.Solve()
        if status != self._solver.OPTIMAL:
            raise PeerFailed(f"pywraplp ended with status {status}")
        return np.array([variable.solution_value() for variable in self._variables])

    def close(self) -> None:
        """Free the solver."""
        self._solver.Clear()


PEER = Peer(
    name="pywraplp + SCIP",
    packages=("ortools",),
    build=PywraplpModel,
    updates="built anew each time, SCIP",
    builds=False,
    module=__name__,
)
