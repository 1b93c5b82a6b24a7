"""MathOpt of OR-tools with the HiGHS that OR-tools ships, by an incremental solver."""

from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class MathOptModel:
    """Variables and rows, coefficient by coefficient, and a solver that follows them."""

    def __init__(self, arrays: UserArrays) -> None:
        from ortools.math_opt.python import mathopt

        self._model: Any = mathopt.Model()
        self._variables = [
            self._model.add_variable(lb=0.0, ub=1.0) for _ in range(len(arrays.reward))
        ]
        # Coefficients one by one take half as long as expressions.
        for requests, budget in zip(arrays.requests.T, arrays.budget.tolist(), strict=True):
            row = self._model.add_linear_constraint(ub=budget)
            for variable, amount in zip(self._variables, requests.tolist(), strict=True):
                row.set_coefficient(variable, amount)
        self._model.objective.is_maximize = True
        self._set(arrays.reward)
        self._solver: Any = mathopt.IncrementalSolver(self._model, mathopt.SolverType.HIGHS)

    def _set(self, reward: Floats) -> None:
        objective = self._model.objective
        for variable, weight in zip(self._variables, reward.tolist(), strict=True):
            objective.set_linear_coefficient(variable, weight)

    def resolve(self, reward: Floats) -> Floats:
        """Change the coefficients, which the incremental solver collects, and solve."""
        from ortools.math_opt.python import mathopt

        self._set(reward)
        result = self._solver.solve()
        if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
            raise PeerFailed(f"MathOpt ended with {result.termination}")
        return np.array(result.variable_values(self._variables))

    def close(self) -> None:
        """Free the solver."""
        self._solver.close()


PEER = Peer(
    name="MathOpt",
    packages=("ortools",),
    build=MathOptModel,
    updates="coefficients changed, incremental HiGHS",
    module=__name__,
)
