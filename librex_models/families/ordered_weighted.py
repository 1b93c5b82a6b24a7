"""Ordered weighted welfare (generalised Gini): weights go to places, the worst off having the most.

    max  sum_k owa_k v_(k),   v_(1) <= v_(2) <= ... the ordered utilities per weight

with owa_1 >= owa_2 >= ... >= 0; 1, 0, ..., 0 is max-min's first level, 1, 1, ..., 1 the sum. With
L_k the sum of the k smallest it is sum_k (owa_k - owa_(k+1)) L_k, and each L_k is linear:

    L_k = max  k threshold_k - sum_g shortfall_kg,   shortfall_kg >= threshold_k - v_g,
          shortfall_kg >= 0

Yager (1988), IEEE Trans. Syst. Man Cybern. 18, 183-190; Ogryczak & Sliwinski (2003), Eur. J. Oper.
Res. 148, 80-91.

Majorant: for shares q in [0, 1] that sum to at least k, L_k <= q . v, since no v is below zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.errors import ParameterError, ShapeError
from librex_models.families.family import Floats, Majorant
from librex_models.problem import Grouping
from librex_models.problem.labels import as_numbers
from solvers.builder import ProgramBuilder, constant, entries_of
from solvers.program import Block, Integers

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class OrderedWelfare:
    """The ordered weighted sum of utilities per weight.

    Parameters
    ----------
    owa_weights : tuple of float
        At least zero, not rising; one for each place, the worst off first.
    """

    owa_weights: tuple[float, ...]
    key: str = "ordered_weighted"
    compares_utilities: bool = True

    @property
    def steps(self) -> Floats:
        """What each sum of the k smallest counts, shape (n_groups,)."""
        return -np.diff(np.append(self.owa_weights, 0.0))

    @property
    def counts(self) -> Integers:
        """Of how many smallest the sums that count are."""
        return np.flatnonzero(self.steps > 0.0) + 1

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Maximise the sum of the sums that count."""
        n, counts = len(grouping), self.counts
        n_sums = len(counts)
        size = n_sums * n
        weight, step = self.steps[counts - 1], np.repeat(self.steps[counts - 1], n)
        builder.add_columns(
            Block(name="threshold", labels=range(n_sums)),
            np.full(n_sums, -np.inf),
            np.full(n_sums, np.inf),
        )
        builder.add_columns(
            Block(name="shortfall", labels=range(size)), np.zeros(size), np.full(size, np.inf)
        )
        builder.add_rows(
            Block(name="ordered_limit", labels=range(size)),
            constant(np.full(size, -np.inf)),
            constant(np.zeros(size)),
        )
        group = np.tile(np.arange(n), n_sums)
        of_threshold = sparse.csc_array(
            (np.ones(size), np.arange(size), np.arange(0, size + 1, n)), shape=(size, n_sums)
        )
        own = sparse.eye_array(size, format="csc")
        by_group = sparse.csc_array(_each_group(n, n_sums))
        builder.add_entries(
            "ordered_limit", "threshold", of_threshold, entries_of("weight", group, np.ones(size))
        )
        builder.add_entries(
            "ordered_limit", "shortfall", own, entries_of("weight", group, -np.ones(size))
        )
        builder.add_entries("ordered_limit", "utility", by_group, constant(-np.ones(by_group.nnz)))
        builder.maximise("threshold", constant(weight * counts))
        builder.maximise("shortfall", constant(-step))

    def welfare_in_pyomo(self, model: Any) -> None:
        """Maximise the sum of the sums that count."""
        import pyomo.environ as pyomo

        groups, counts = list(model.groups), self.counts.tolist()
        n = len(groups)
        model.sums = pyomo.Set(initialize=list(range(len(counts))))
        model.places = pyomo.Set(initialize=list(range(len(counts) * n)))
        model.threshold = pyomo.Var(model.sums)
        model.shortfall = pyomo.Var(model.places, within=pyomo.NonNegativeReals)
        model.ordered_limit = pyomo.Constraint(model.places)
        for p in range(len(counts) * n):
            g = groups[p % n]
            above = model.weight[g] * model.threshold[p // n]
            lacking = model.weight[g] * model.shortfall[p]
            model.ordered_limit[p] = above - lacking - model.utility[g] <= 0.0
        steps = self.steps.tolist()
        total = pyomo.quicksum(
            steps[k - 1] * k * model.threshold[s] for s, k in enumerate(counts)
        ) - pyomo.quicksum(
            steps[counts[p // n] - 1] * model.shortfall[p] for p in range(len(counts) * n)
        )
        model.welfare = pyomo.Objective(expr=total, sense=pyomo.maximize)

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Maximise the sum of the sums that count."""
        import cvxpy

        n, counts = len(self.owa_weights), self.counts
        n_sums = len(counts)
        size = n_sums * n
        weight, step = self.steps[counts - 1], np.repeat(self.steps[counts - 1], n)
        threshold = cvxpy.Variable(n_sums, name="threshold")
        shortfall = cvxpy.Variable(size, name="shortfall", nonneg=True)
        by_sum = sparse.csr_array(
            (np.ones(size), (np.arange(size), np.repeat(np.arange(n_sums), n))),
            shape=(size, n_sums),
        )
        each = _each_group(n, n_sums)
        of_group = each @ parameters["weight"]
        level = cvxpy.multiply(of_group, by_sum @ threshold)
        lacking = cvxpy.multiply(of_group, shortfall)
        limit = level - lacking - each @ variables["utility"] <= 0.0
        limit.label = "ordered_limit"
        total = (weight * counts) @ threshold - step @ shortfall
        return cvxpy.Maximize(total), [limit]

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return sum_k owa_k v_(k)."""
        return float(np.array(self.owa_weights) @ np.sort(utility / weight))

    def equivalent(self, weight: Floats, utility: Floats) -> float:
        """Return the utility per weight that, had by all, has the same welfare."""
        return self.welfare(weight, utility) / sum(self.owa_weights)

    def welfare_of_equivalent(self, weight: Floats, equivalent: float) -> float:  # noqa: ARG002
        """Return the welfare where all have the same utility per weight."""
        return equivalent * sum(self.owa_weights)

    def equivalent_of_welfare(self, weight: Floats, welfare: float) -> float:  # noqa: ARG002
        """Return the utility per weight that has the welfare."""
        return welfare / sum(self.owa_weights)

    def log_unit(self, reference: float) -> float:  # noqa: ARG002
        """Return 0: welfare is not scaled."""
        return 0.0

    def majorant(
        self, weight: Floats, utility: Floats, multiplier: Floats | None = None
    ) -> Majorant:
        """Return the sum of shares of utilities: by multipliers, or of those worst off."""
        n, counts, steps = len(weight), self.counts, self.steps[self.counts - 1]
        if multiplier is None:
            rank = np.empty(n)
            rank[np.argsort(utility / weight, kind="stable")] = np.arange(n)
            share = (rank[np.newaxis, :] < counts[:, np.newaxis]).astype(np.float64)
        else:
            share = multiplier.reshape(len(counts), n) * weight / steps[:, np.newaxis]
            share = _shares_of(share, counts)
        slope = (steps @ share) / weight * (1.0 + 4 * EPSILON * (n + len(counts)))
        total = sum(self.owa_weights)
        return Majorant(slope=slope, constant=0.0, to_equivalent=lambda value: value / total)


def _shares_of(share: Floats, counts: Integers) -> Floats:
    """Return shares in [0, 1] that sum to at least the counts, near the given ones."""
    share = np.clip(share, 0.0, 1.0)
    lacking = np.maximum(counts - share.sum(axis=1), 0.0)
    room = (1.0 - share).sum(axis=1)
    part = np.divide(lacking, room, out=np.zeros(len(room)), where=room > 0)
    return np.asarray(np.minimum(share + (1.0 - share) * part[:, np.newaxis], 1.0))


def _each_group(n: int, n_sums: int) -> sparse.csr_array:
    """Return the matrix that repeats numbers of groups for every sum, (n_sums n, n)."""
    size = n * n_sums
    return sparse.csr_array(
        (np.ones(size), (np.arange(size), np.tile(np.arange(n), n_sums))), shape=(size, n)
    )


def checked_owa_weights(given: Any, n_groups: int) -> OrderedWelfare:
    """Return the family of the weights of places.

    Raises
    ------
    ShapeError, ParameterError
        Naming the place.
    """
    numbers = as_numbers(given, "owa_weights")
    if numbers.shape != (n_groups,):
        raise ShapeError(
            f"owa_weights has shape {numbers.shape}, expected ({n_groups},): one for each place, "
            "the worst off first"
        )
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        place = int(np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))[0])
        raise ParameterError(
            f"owa_weights at place {place} is {numbers[place]}, expected a finite number of at "
            "least zero"
        )
    rises = np.flatnonzero(np.diff(numbers) > 0)
    if rises.size:
        place = int(rises[0]) + 1
        raise ParameterError(
            f"owa_weights rise at place {place}, from {numbers[place - 1]} to {numbers[place]}: "
            "whoever is worse off must count at least as much"
        )
    if not numbers.any():
        raise ParameterError("owa_weights are all zero: nothing would be maximised")
    return OrderedWelfare(owa_weights=tuple(numbers.tolist()))
