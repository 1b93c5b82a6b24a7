"""Max-min fairness, its first level: the largest utility per weight that everybody gets.

    max  worst      with  weight_g worst <= utility_g for every g,  over the shared feasible set

The lexicographic continuation (leximin) is a sequence of such models. Rawls (1971), A Theory of
Justice; Ogryczak (1997), Eur. J. Oper. Res. 97, 148-155.

Majorant: for multipliers y >= 0 with sum_g y_g weight_g = 1, min_g utility_g / weight_g <= y .
utility.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.families.family import Floats, Majorant, OwnMeasure
from librex_models.problem import Grouping
from solvers.builder import Affine, ProgramBuilder, constant, copied
from solvers.program import Block, Booleans


@dataclass(frozen=True)
class MaxMinFairness(OwnMeasure):
    """The smallest utility per weight."""

    key: str = "max_min"
    compares_utilities: bool = True
    lexicographic: bool = True

    @property
    def alpha(self) -> float:
        """Infinity, where alpha-fairness becomes max-min."""
        return np.inf

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise worst, with weight_g worst - utility_g <= 0."""
        self.declare_in_arrays(builder, "utility", grouping.labels)

    def declare_in_arrays(
        self, builder: ProgramBuilder, utility: str, labels: Sequence[Hashable]
    ) -> None:
        """Maximise the same over the columns that stand for utilities."""
        n_groups = len(labels)
        builder.add_columns(Block(name="worst"), np.array([-np.inf]), np.array([np.inf]))
        nothing = np.full(n_groups, -np.inf)
        builder.add_rows(
            Block(name="worst_limit", labels=labels),
            constant(nothing),
            constant(np.zeros(n_groups)),
        )
        one_column = sparse.csc_array(np.ones((n_groups, 1)))
        weight = copied("weight", n_groups)
        builder.add_entries("worst_limit", "worst", one_column, weight)
        diagonal = sparse.eye_array(n_groups, format="csc")
        minus_one = Affine(constant=-np.ones(n_groups))
        builder.add_entries("worst_limit", utility, diagonal, minus_one)
        builder.maximise("worst", constant(np.ones(1)))

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise worst, with weight_g worst <= utility_g."""
        self.declare_in_pyomo(model, model.utility, model.groups)

    def declare_in_pyomo(self, model: Any, utility: Any, groups: Any) -> None:
        """Maximise the same over the variables that stand for utilities."""
        import pyomo.environ as pyomo

        model.worst = pyomo.Var()
        model.worst_limit = pyomo.Constraint(groups)
        for g in groups:
            model.worst_limit[g] = model.weight[g] * model.worst <= utility[g]
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

    def log_unit(self, reference: float) -> float:
        """Return its logarithm: welfare grows with utilities."""
        return float(np.log(reference))

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


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxMinLevel(MaxMinFairness):
    """The smallest utility per weight of some, where the others keep what they have.

    Majorant: for multipliers y >= 0 whose sum of y_g weight_g over those who are open is 1, the
    smallest of these is at most y . utility - the sum of y_g kept_g over the others.

    Parameters
    ----------
    is_open : boolean array of shape (n_groups,)
    kept : array of shape (n_groups,)
        What the others have at least.
    """

    is_open: Booleans
    kept: Floats

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return the smallest utility per weight; nothing where somebody has less than is kept."""
        is_kept = bool((utility >= self.kept)[~self.is_open].all())
        return float((utility / weight)[self.is_open].min()) if is_kept else 0.0

    def majorant(
        self, weight: Floats, utility: Floats, multiplier: Floats | None = None
    ) -> Majorant:
        """Return the function above for the multipliers, or for those who are worst off alike."""
        share = np.zeros(len(weight)) if multiplier is None else np.maximum(multiplier, 0.0)
        counted = np.where(self.is_open, weight, 0.0)
        if share @ counted <= 0:
            level = np.where(self.is_open, utility / weight, np.inf)
            share = (level <= level.min()).astype(np.float64)
        rounding = 4 * np.finfo(float).eps * len(weight)
        slope = share / (share @ counted) * (1 + rounding)
        kept = float(np.where(self.is_open, 0.0, slope * self.kept).sum())
        return Majorant(slope=slope, constant=-kept * (1 - 2 * rounding), to_equivalent=float)
