"""Alpha-fair welfare, over agents (AlphaFair) or over groups (GroupAlphaFair).

    max  sum_g weight_g U_alpha(utility_g)      over the shared feasible set
    U_alpha(u) = log u (alpha = 1),   u^(1 - alpha) / (1 - alpha) (alpha != 1)

Mo & Walrand (2000), IEEE/ACM Trans. Netw. 8, 556-567; Atkinson (1970), J. Econ. Theory 2, 244-263.
alpha = 0 is total utility, alpha = 1 proportional fairness, alpha = infinity max-min by definition.

Over groups, the utility of a group is the mean (or sum) of what its options earn: who inside the
group gets the money is decided by reward per cost alone, and two people of 5,000 may receive
everything.

Welfare itself overflows for large alpha and loses its digits near 1, so everything that is
compared is computed from the scaled terms

    V(u) = ((u / v)^(1 - alpha) - 1) / (1 - alpha),   V(u) = log(u / v) (alpha = 1)

with a reference utility v; the equally-distributed equivalent E solves sum_g weight_g V(u_g) =
(sum_g weight_g) V(E) and does not depend on v. Majorant: each V lies below its tangents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from librex_models.families.family import Floats, Majorant
from librex_models.problem import Grouping
from solvers.builder import ProgramBuilder, copied
from solvers.program import Booleans
from solvers.scaled_utility import scaled_utility

# Instead of at zero, tangents are taken at this share of the reference; nowhere are they steeper
# than this many decades.
NEAREST = 1e-9
LARGEST_DECADES = 100.0


def ratio_of_scaled(value: float, alpha: float) -> float:
    """Return the ratio u / v at which V is `value`; infinite where V never gets so large."""
    if alpha == 1.0:
        return float(np.exp(min(value, 700.0)))
    inner = (1.0 - alpha) * value
    if inner <= -1.0:
        return np.inf if alpha > 1.0 else 0.0
    return float(np.exp(min(np.log1p(inner) / (1.0 - alpha), 700.0)))


def plain_utility(utility: Floats, alpha: float) -> Floats:
    """Return U_alpha itself, which may overflow to infinity, and is no number below zero.

    Examples
    --------
    >>> plain_utility(np.array([1.0, 4.0]), 0.5)
    array([2., 4.])
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if alpha == 1.0:
            return np.log(utility)
        return np.power(utility, 1.0 - alpha) / (1.0 - alpha)


@dataclass(frozen=True)
class AlphaFairness:
    """Weighted alpha-fair welfare for a finite alpha >= 0."""

    alpha: float
    key: str = "alpha_fair"
    compares_utilities: bool = True

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise sum_g weight_g U_alpha(utility_g)."""
        n_groups = len(grouping)
        weight = copied("weight", n_groups)
        if self.alpha == 0.0:
            builder.maximise("utility", weight)
        else:
            builder.add_terms("utility", weight, self.alpha)

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise sum_g weight_g U_alpha(utility_g)."""
        self.declare_in_pyomo(model, model.utility, model.groups)

    def declare_in_pyomo(self, model: Any, utility: Any, groups: Any) -> None:
        """Maximise the same over the variables that stand for utilities."""
        import pyomo.environ as pyomo

        # Where alpha does not appear in the welfare, changing it would change nothing.
        model.alpha = pyomo.Param(initialize=self.alpha, mutable=self.alpha not in (0.0, 1.0))

        def term(g: Any) -> Any:
            if self.alpha == 0.0:
                return utility[g]
            if self.alpha == 1.0:
                return pyomo.log(utility[g])
            return utility[g] ** (1 - model.alpha) / (1 - model.alpha)

        total = pyomo.quicksum(model.weight[g] * term(g) for g in groups)
        model.welfare = pyomo.Objective(expr=total, sense=pyomo.maximize)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise sum_g weight_g U_alpha(utility_g)."""
        import cvxpy

        utility, weight = variables["utility"], parameters["weight"]
        if self.alpha == 0.0:
            return cvxpy.Maximize(weight @ utility), []
        if self.alpha == 1.0:
            return cvxpy.Maximize(weight @ cvxpy.log(utility)), []
        # An exact fraction: the power cone and the reader then see alpha to the last bit.
        exponent = 1 - Fraction(self.alpha)
        power = cvxpy.power(utility, exponent, approx=False)
        return cvxpy.Maximize(weight @ (power / (1 - self.alpha))), []

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return sum_g weight_g U_alpha(utility_g); minus infinity for a zero if alpha >= 1."""
        with np.errstate(over="ignore"):
            return float(weight @ plain_utility(utility, self.alpha))

    def equivalent(self, weight: Floats, utility: Floats) -> float:
        """Return the utility that, given to everybody, has the same welfare."""
        reference = self._reference(weight, utility)
        if reference == 0.0 or (self.alpha >= 1.0 and utility.min() <= 0.0):
            return 0.0
        mean = float(weight @ scaled_utility(utility / reference, self.alpha)) / float(weight.sum())
        return reference * ratio_of_scaled(mean, self.alpha)

    def welfare_of_equivalent(self, weight: Floats, equivalent: float) -> float:
        """Return sum_g weight_g U_alpha(equivalent)."""
        return self.welfare(weight, np.full(len(weight), equivalent))

    def equivalent_of_welfare(self, weight: Floats, welfare: float) -> float:
        """Return U_alpha^-1(welfare / sum of weights), infinite where U_alpha is never so large."""
        total = float(weight.sum())
        if self.alpha == 1.0:
            return float(np.exp(min(welfare / total, 700.0)))
        if welfare * (1.0 - self.alpha) <= 0.0:
            return np.inf if self.alpha > 1.0 else 0.0
        # In logarithms, since |1 - alpha| times a large welfare may be no number.
        logarithm = np.log(abs(welfare)) + np.log(abs(1.0 - self.alpha)) - np.log(total)
        with np.errstate(over="ignore"):
            return float(np.exp(logarithm / (1.0 - self.alpha)))

    def log_unit(self, reference: float) -> float:
        """Return (1 - alpha) log(reference): W = reference^(1 - alpha) scaled W + a constant."""
        return (1.0 - self.alpha) * float(np.log(reference))

    def majorant(
        self,
        weight: Floats,
        utility: Floats,
        multiplier: Floats | None = None,  # noqa: ARG002
        is_stuck: Booleans | None = None,
    ) -> Majorant:
        """Return the sum of tangents at `utility`, in scaled terms.

        Whoever is stuck can never have anything, alpha being below 1: no tangent is needed.
        """
        reference = self._reference(weight, utility)
        if reference == 0.0:
            reference = 1.0
        # At zero there is no tangent, and near it one too steep to compute with; any tangent
        # further out is a majorant as well.
        ratio, nearest = utility / reference, 10.0 ** (-LARGEST_DECADES / max(self.alpha, 1.0))
        at = np.where(ratio > 0.0, np.maximum(ratio, nearest), max(NEAREST, nearest))
        with np.errstate(over="ignore"):
            slope = weight * at ** (-self.alpha) / reference
        if is_stuck is not None:
            at, slope = np.where(is_stuck, 0.0, at), np.where(is_stuck, 0.0, slope)
        constant = float(weight @ scaled_utility(at, self.alpha) - slope @ (at * reference))
        total = float(weight.sum())

        def to_equivalent(value: float) -> float:
            return reference * ratio_of_scaled(value / total, self.alpha)

        return Majorant(
            slope=slope, constant=constant, to_equivalent=to_equivalent, reference=reference
        )

    def _reference(self, weight: Floats, utility: Floats) -> float:
        """Return a utility of the size of the equivalent: the smallest, or a mean."""
        top = float(utility.max(initial=0.0))
        if top <= 0.0:
            return 0.0
        if self.alpha > 1.0 and utility.min() > 0.0:
            return float(utility.min())
        return float(weight @ utility / weight.sum())
