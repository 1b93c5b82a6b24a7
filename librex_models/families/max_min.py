"""Max-min fairness, its first level: the largest utility per weight that everybody gets.

    max  worst      with  weight_g worst <= utility_g for every g,  over the shared feasible set

The lexicographic continuation (leximin) is a sequence of such models. Rawls (1971), A Theory of
Justice; Ogryczak (1997), Eur. J. Oper. Res. 97, 148-155.

Majorant: for multipliers y >= 0 with sum_g y_g weight_g = 1, min_g utility_g / weight_g <= y .
utility.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.families.family import Floats, Majorant, OwnMeasure
from librex_models.problem import Grouping
from solvers.builder import Affine, ProgramBuilder, constant, entries_of
from solvers.program import Block


@dataclass(frozen=True)
class MaxMinFairness(OwnMeasure):
    """The smallest utility per weight."""

    key: str = "max_min"
    compares_utilities: bool = True
    lexicographic: bool = True

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise worst, with weight_g worst - utility_g <= 0."""
        n_groups = len(grouping)
        builder.add_columns(Block(name="worst"), np.array([-np.inf]), np.array([np.inf]))
        nothing = np.full(n_groups, -np.inf)
        builder.add_rows(
            Block(name="worst_limit", labels=grouping.labels),
            constant(nothing),
            constant(np.zeros(n_groups)),
        )
        one_column = sparse.csc_array(np.ones((n_groups, 1)))
        weight = entries_of("weight", np.arange(n_groups), np.ones(n_groups))
        builder.add_entries("worst_limit", "worst", one_column, weight)
        diagonal = sparse.eye_array(n_groups, format="csc")
        minus_one = Affine(constant=-np.ones(n_groups))
        builder.add_entries("worst_limit", "utility", diagonal, minus_one)
        builder.maximise("worst", constant(np.ones(1)))

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise worst, with weight_g worst <= utility_g."""
        import pyomo.environ as pyomo

        model.worst = pyomo.Var()
        model.worst_limit = pyomo.Constraint(model.groups)
        for g in model.groups:
            model.worst_limit[g] = model.weight[g] * model.worst <= model.utility[g]
        model.welfare = pyomo.Objective(expr=model.worst, sense=pyomo.maximize)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise worst, with weight_g worst <= utility_g."""
        import cvxpy

        worst = cvxpy.Variable(name="worst")
        worst_limit = parameters["weight"] * worst <= variables["utility"]
        worst_limit.label = "worst_limit"
        return cvxpy.Maximize(worst), [worst_limit]

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return the smallest utility per weight."""
        return float((utility / weight).min())

    def majorant(
        self, weight: Floats, utility: Floats, multiplier: Floats | None = None
    ) -> Majorant:
        """Return y . utility for the multipliers, or for those that are worst off alike."""
        share = np.zeros(len(weight)) if multiplier is None else np.maximum(multiplier, 0.0)
        if share @ weight <= 0:
            level = utility / weight
            share = (level <= level.min()).astype(np.float64)
        # Rounded up: sum y w >= 1 is all that the inequality needs where utilities are >= 0.
        slope = share / (share @ weight) * (1 + 4 * np.finfo(float).eps * len(weight))
        return Majorant(slope=slope, constant=0.0, to_equivalent=float)
