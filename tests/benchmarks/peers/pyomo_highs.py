"""Pyomo with its persistent HiGHS, told that only parameters change."""

from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class PyomoModel:
    """A concrete model whose rewards are mutable parameters."""

    def __init__(self, arrays: UserArrays) -> None:
        import pyomo.environ as pyomo
        from pyomo.contrib.appsi.solvers import Highs

        options = range(len(arrays.reward))
        columns, budget = arrays.requests.T.tolist(), arrays.budget.tolist()
        self._model: Any = pyomo.ConcreteModel()
        self._model.decision = pyomo.Var(options, bounds=(0, 1))
        self._model.reward = pyomo.Param(
            options, mutable=True, initialize=_by_number(arrays.reward)
        )
        decisions = list(self._model.decision.values())
        self._model.budget = pyomo.Constraint(
            range(len(budget)),
            rule=lambda _, k: pyomo.sum_product(columns[k], decisions, index=options) <= budget[k],
        )
        self._model.welfare = pyomo.Objective(
            expr=pyomo.sum_product(self._model.reward, self._model.decision), sense=pyomo.maximize
        )
        self._decisions = decisions
        self._solver: Any = Highs()
        self._solver.config.load_solution = False
        self._solver.highs_options = {"threads": 1}
        self._solver.set_instance(self._model)
        self._look_at_parameters_only()

    def _look_at_parameters_only(self) -> None:
        updates = self._solver.update_config
        for what in updates:
            updates[what] = what in ("update_params", "treat_fixed_vars_as_params")

    def resolve(self, reward: Floats) -> Floats:
        """Change the parameters; the persistent solver writes their costs into HiGHS."""
        self._model.reward.store_values(_by_number(reward))
        result = self._solver.solve(self._model)
        if result.termination_condition.name != "optimal":
            raise PeerFailed(f"Pyomo ended with {result.termination_condition}")
        values = result.solution_loader.get_primals()
        return np.array([values[decision] for decision in self._decisions])

    def close(self) -> None:
        """Drop the solver; Pyomo has no call that frees it."""
        del self._solver


def _by_number(values: Floats) -> dict[int, float]:
    return dict(enumerate(values.tolist()))


PEER = Peer(
    name="Pyomo",
    packages=("pyomo",),
    build=PyomoModel,
    updates="parameters changed, persistent HiGHS",
)
