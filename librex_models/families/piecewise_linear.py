"""Concave piecewise-linear welfare: diminishing returns, coverage, harmonic utilities.

    max  sum_g weight_g f_g(utility_g)      over the shared feasible set

f_g(0) = 0, with slope_g0 up to the first breakpoint, slope_g1 up to the next, and so on; slopes
fall. Each utility is cut into the parts between breakpoints, so the model is linear, and exact on
every solver of linear programs:

    sum_p part_gp <= utility_g,   0 <= part_gp <= breakpoint_g(p+1) - breakpoint_gp

Slopes 1, 0 with the breakpoint 1 are coverage (Chamberlin & Courant 1983), slopes 1, 1/2, 1/3, ...
at 1, 2, ... harmonic utilities (proportional approval voting; Thiele 1895).

Majorant: for any slopes y, weight f(u) <= y u + max over breakpoints b of (weight f(b) - y b),
where y is at least the last slope. The gap is that of the welfare itself: where a function is
flat, no utility stands for its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.errors import ParameterError, ShapeError
from librex_models.families.family import Floats, Majorant, OwnMeasure
from librex_models.problem import Grouping
from librex_models.problem.labels import Labels, as_numbers
from solvers.builder import ProgramBuilder, constant, entries_of
from solvers.program import Block, Integers

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class PiecewiseLinearWelfare(OwnMeasure):
    """The sum of concave piecewise-linear functions of utilities.

    Parameters
    ----------
    breakpoints : array of shape (n_groups, n_breakpoints)
        Above zero, rising.
    slopes : array of shape (n_groups, n_breakpoints + 1)
        At least zero, not rising.
    """

    breakpoints: Floats
    slopes: Floats
    key: str = "piecewise_linear"
    compares_utilities: bool = True

    def __eq__(self, other: object) -> bool:
        """Whether the other functions are these."""
        if not isinstance(other, PiecewiseLinearWelfare):
            return NotImplemented
        return np.array_equal(self.breakpoints, other.breakpoints) and np.array_equal(
            self.slopes, other.slopes
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def lengths(self) -> Floats:
        """How long each part is, the last one infinite; shape (n_groups, n_breakpoints + 1)."""
        first = np.zeros((len(self.breakpoints), 1))
        last = np.full((len(self.breakpoints), 1), np.inf)
        return np.diff(np.hstack([first, self.breakpoints, last]), axis=1)

    def _owners(self) -> Integers:
        """Return whose each part is, part by part, group after group."""
        return np.repeat(np.arange(len(self.slopes)), self.slopes.shape[1])

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise sum_g weight_g sum_p slope_gp part_gp."""
        owner, n_parts = self._owners(), self.slopes.size
        builder.add_columns(
            Block(name="part", labels=range(n_parts)), np.zeros(n_parts), self.lengths.ravel()
        )
        nothing = np.full(len(grouping), -np.inf)
        builder.add_rows(
            Block(name="parts_of", labels=grouping.labels),
            constant(nothing),
            constant(np.zeros(len(grouping))),
        )
        parts = sparse.csc_array(
            (np.ones(n_parts), owner, np.arange(n_parts + 1)), shape=(len(grouping), n_parts)
        )
        builder.add_entries("parts_of", "part", parts, constant(parts.data))
        minus_one = sparse.csc_array(-sparse.eye_array(len(grouping), format="csc"))
        builder.add_entries("parts_of", "utility", minus_one, constant(minus_one.data))
        builder.maximise("part", entries_of("weight", owner, self.slopes.ravel()))

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise sum_g weight_g sum_p slope_gp part_gp."""
        import pyomo.environ as pyomo

        groups, n_each = list(model.groups), self.slopes.shape[1]
        lengths, slopes = self.lengths.ravel().tolist(), self.slopes.ravel().tolist()
        model.parts = pyomo.Set(initialize=list(range(self.slopes.size)))
        bounds = {p: (0.0, None if np.isinf(most) else most) for p, most in enumerate(lengths)}
        model.part = pyomo.Var(model.parts, bounds=bounds)
        model.parts_of = pyomo.Constraint(model.groups)
        for place, g in enumerate(groups):
            own = range(place * n_each, (place + 1) * n_each)
            total = pyomo.quicksum(model.part[p] for p in own)
            model.parts_of[g] = total - model.utility[g] <= 0.0
        terms = (
            slope * model.weight[groups[p // n_each]] * model.part[p]
            for p, slope in enumerate(slopes)
        )
        model.welfare = pyomo.Objective(expr=pyomo.quicksum(terms), sense=pyomo.maximize)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise sum_g weight_g sum_p slope_gp part_gp."""
        import cvxpy

        owner, n_parts = self._owners(), self.slopes.size
        part = cvxpy.Variable(
            n_parts, name="part", bounds=[np.zeros(n_parts), self.lengths.ravel()]
        )
        shape = (len(self.slopes), n_parts)
        parts = sparse.csr_array((np.ones(n_parts), (owner, np.arange(n_parts))), shape=shape)
        parts_of = parts @ part - variables["utility"] <= 0.0
        parts_of.label = "parts_of"
        of_group = sparse.csr_array((self.slopes.ravel(), (owner, np.arange(n_parts))), shape=shape)
        return cvxpy.Maximize(parameters["weight"] @ (of_group @ part)), [parts_of]

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return sum_g weight_g f_g(utility_g)."""
        return float(weight @ self._values(utility[:, np.newaxis])[:, 0])

    def majorant(
        self, weight: Floats, utility: Floats, multiplier: Floats | None = None
    ) -> Majorant:
        """Return the majorant with the multipliers as slopes, or those right of the utilities."""
        rises = np.hstack([self.breakpoints <= utility[:, np.newaxis], np.zeros((len(weight), 1))])
        place = rises.argmin(axis=1)
        slope = weight * self.slopes[np.arange(len(weight)), place]
        if multiplier is not None:
            slope = np.maximum(multiplier, 0.0)
        slope = np.maximum(slope, weight * self.slopes[:, -1])
        at = np.hstack([np.zeros((len(weight), 1)), self.breakpoints])
        values = weight[:, np.newaxis] * self._values(at)
        taken = slope[:, np.newaxis] * at
        rounding = 8 * EPSILON * self.slopes.shape[1] * (values + taken).max(axis=1)
        most = (values - taken).max(axis=1) + rounding
        return Majorant(slope=slope, constant=float(most.sum()), to_equivalent=float)

    def _values(self, utility: Floats) -> Floats:
        """Return f_g at utilities of shape (n_groups, n)."""
        start = np.hstack([np.zeros((len(self.breakpoints), 1)), self.breakpoints])
        inside = np.clip(
            utility[:, :, np.newaxis] - start[:, np.newaxis, :],
            0.0,
            self.lengths[:, np.newaxis, :],
        )
        return np.asarray((inside * self.slopes[:, np.newaxis, :]).sum(axis=2))


def checked_functions(
    breakpoints: Any, slopes: Any, labels: Labels, kind: str
) -> PiecewiseLinearWelfare:
    """Return the family of one function for all, or of one for each utility.

    Parameters
    ----------
    breakpoints : array_like of shape (n_breakpoints,) or (n_groups, n_breakpoints)
    slopes : array_like of shape (n_breakpoints + 1,) or (n_groups, n_breakpoints + 1)
    labels : sequence of hashable
    kind : str
        ``group`` or ``agent``, for messages.

    Raises
    ------
    ShapeError, ParameterError
        Naming the argument, and the group or agent.
    """
    n_groups = len(labels)
    numbers = {}
    for name, given in (("breakpoints", breakpoints), ("slopes", slopes)):
        found = as_numbers(given, name)
        if found.ndim == 1:
            found = np.tile(found, (n_groups, 1))
        if found.ndim != 2 or len(found) != n_groups:
            raise ShapeError(
                f"{name} has shape {found.shape}, expected one list for all, or one row for each "
                f"{kind}: {n_groups} rows"
            )
        numbers[name] = found
    at, slope = numbers["breakpoints"], numbers["slopes"]
    if slope.shape[1] != at.shape[1] + 1:
        raise ShapeError(
            f"there are {slope.shape[1]} slopes for {at.shape[1]} breakpoints, expected one more "
            "slope than breakpoints"
        )
    rising = np.diff(np.hstack([np.zeros((n_groups, 1)), at]), axis=1)
    steps = -np.diff(np.hstack([slope, np.zeros((n_groups, 1))]), axis=1)
    for name, values, wrong, rule in (
        ("breakpoints", at, ~(np.isfinite(at) & (rising > 0)), "finite, above zero and rising"),
        ("slopes", slope, ~(np.isfinite(slope) & (steps >= 0)), "at least zero and not rising"),
    ):
        if wrong.any():
            g = int(np.flatnonzero(wrong.any(axis=1))[0])
            raise ParameterError(
                f"{name} of {kind} {labels[g]!r} are {values[g].tolist()}, expected numbers {rule}"
            )
    return PiecewiseLinearWelfare(breakpoints=at, slopes=slope)
