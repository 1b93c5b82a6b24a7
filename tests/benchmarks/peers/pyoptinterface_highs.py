"""PyOptInterface: rows made of arrays inside of its own HiGHS, which stays open."""

from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class PyOptInterfaceModel:
    """Variables and rows of an open HiGHS."""

    def __init__(self, arrays: UserArrays) -> None:
        import pyoptinterface as poi
        from pyoptinterface import highs

        self._model: Any = highs.Model()
        self._model.set_model_attribute(poi.ModelAttribute.Silent, True)
        self._model.set_model_attribute(poi.ModelAttribute.NumberOfThreads, 1)
        self._variables = self._model.add_m_variables(len(arrays.reward), lb=0.0, ub=1.0)
        # From arrays at once: add_m_linear_constraints adds term by term, and is slower.
        numbers = np.array([variable.index for variable in self._variables], dtype=np.int32)
        for requests, budget in zip(arrays.requests.T, arrays.budget, strict=True):
            terms = poi.ScalarAffineFunction.from_numpy(np.ascontiguousarray(requests), numbers)
            self._model.add_linear_constraint(terms, poi.Leq, budget)
        objective = poi.ScalarAffineFunction.from_numpy(arrays.reward, numbers)
        self._model.set_objective(objective, poi.ObjectiveSense.Maximize)

    def resolve(self, reward: Floats) -> Floats:
        """Change the costs one by one, for which set_objective takes ten times as long."""
        import pyoptinterface as poi

        for variable, weight in zip(self._variables, reward.tolist(), strict=True):
            self._model.set_objective_coefficient(variable, weight)
        self._model.optimize()
        status = self._model.get_model_attribute(poi.ModelAttribute.TerminationStatus)
        if status != poi.TerminationStatusCode.OPTIMAL:
            raise PeerFailed(f"PyOptInterface ended with {status}")
        return np.array([self._model.get_value(variable) for variable in self._variables])

    def close(self) -> None:
        """Free HiGHS."""
        self._model.close()


PEER = Peer(
    name="PyOptInterface",
    packages=("pyoptinterface", "highsbox"),
    build=PyOptInterfaceModel,
    updates="costs changed in HiGHS, one by one",
)
