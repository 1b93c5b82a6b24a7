"""Budget-only allocation: the largest sum of rewards, a knapsack of many dimensions and choices.

    max  sum_j reward_j x_j      over the shared feasible set

No weights, no history, no groups. Kellerer, Pferschy & Pisinger (2004), Knapsack Problems,
Springer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from librex_models.families.family import Floats, Majorant, OwnMeasure
from librex_models.problem import Grouping
from solvers.builder import ProgramBuilder, copied


@dataclass(frozen=True)
class TotalReward(OwnMeasure):
    """The sum of rewards; its one utility is that sum."""

    key: str = "budget_only"
    compares_utilities: bool = False

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise reward . x."""
        n_options = len(grouping.of_option)
        builder.maximise("x", copied("reward", n_options))

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise reward . x."""
        import pyomo.environ as pyomo

        total = pyomo.quicksum(model.reward[j] * model.x[j] for j in model.options)
        model.welfare = pyomo.Objective(expr=total, sense=pyomo.maximize)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise reward . x."""
        import cvxpy

        return cvxpy.Maximize(parameters["reward"] @ variables["x"]), []

    def welfare(self, weight: Floats, utility: Floats) -> float:  # noqa: ARG002
        """Return the sum of rewards."""
        return float(utility.sum())

    def majorant(
        self,
        weight: Floats,  # noqa: ARG002
        utility: Floats,
        multiplier: Floats | None = None,  # noqa: ARG002
    ) -> Majorant:
        """Return the welfare itself: it is linear."""
        return Majorant(slope=np.ones(len(utility)), constant=0.0, to_equivalent=float)
