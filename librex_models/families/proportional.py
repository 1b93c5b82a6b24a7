"""Proportional fairness: the largest sum of weighted logarithms of utilities.

    max  sum_g weight_g log utility_g      over the shared feasible set

The alpha-fair family at alpha = 1, whose algebra it shares. Kelly, Maulloo & Tan (1998), J. Oper.
Res. Soc. 49, 237-252; Nash (1950), Econometrica 18, 155-162.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from librex_models.families.alpha_fair import AlphaFairness
from librex_models.problem import Grouping
from solvers.builder import ProgramBuilder, entries_of


@dataclass(frozen=True)
class ProportionalFairness(AlphaFairness):
    """The sum of weighted logarithms."""

    alpha: float = 1.0
    key: str = "proportional"

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise sum_g weight_g log utility_g."""
        n_groups = len(grouping)
        weight = entries_of("weight", np.arange(n_groups), np.ones(n_groups))
        builder.add_terms("utility", weight, alpha=1.0)

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise sum_g weight_g log utility_g."""
        import pyomo.environ as pyomo

        terms = (model.weight[g] * pyomo.log(model.utility[g]) for g in model.groups)
        model.welfare = pyomo.Objective(expr=pyomo.quicksum(terms), sense=pyomo.maximize)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise sum_g weight_g log utility_g."""
        import cvxpy

        return cvxpy.Maximize(parameters["weight"] @ cvxpy.log(variables["utility"])), []
