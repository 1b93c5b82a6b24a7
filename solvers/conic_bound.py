"""Proofs by arithmetic, from the multipliers of rows: bounds by weak duality, and infeasibility.

They hold whatever the tolerances of the solver are that the multipliers come from. May import the
conic program and its scaling.
"""

from __future__ import annotations

import numpy as np

from solvers.conic_program import Task
from solvers.conic_scaling import ScaledTask
from solvers.program import Floats
from solvers.scaled_utility import scaled_utility


def bound_of(task: Task, multiplier: Floats) -> float:
    """Return what no point of a scaled task exceeds, by weak duality from multipliers of rows.

        objective <= multiplier . side + sum over columns of the most that the column can bring

    where a column brings reduced_cost y, and weight V(y) on top where it has a term.
    """
    upper, lower = np.maximum(multiplier, 0.0), np.minimum(multiplier, 0.0)
    upper[np.isinf(task.row_upper)] = 0.0
    lower[np.isinf(task.row_lower)] = 0.0
    total = dot(upper, task.row_upper) + dot(lower, task.row_lower)
    reduced_cost = task.cost - task.matrix.T @ (upper + lower)
    is_plain = np.ones(len(task.cost), dtype=np.bool_)
    is_plain[task.columns] = False
    most = np.where(reduced_cost > 0, task.most, task.least)
    total += dot(reduced_cost[is_plain], most[is_plain])
    return total + _most_of_terms(task, reduced_cost[task.columns])


def _most_of_terms(task: Task, reduced_cost: Floats) -> float:
    """Return the sum over terms of the largest weight V(y) + reduced_cost y."""
    if not task.has_terms:
        return 0.0
    least, most = task.least[task.columns], task.most[task.columns]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        best = np.where(reduced_cost < 0, (task.weight / -reduced_cost) ** (1 / task.alpha), np.inf)
    best = np.clip(best, np.maximum(least, 0.0), most)
    if not np.isfinite(best).all():
        return np.inf
    return float(task.weight @ scaled_utility(best, task.alpha) + reduced_cost @ best)


def gap_of(scaled: ScaledTask, value: float, bound: float) -> float:
    """Return the gap: of the equally-distributed equivalent, or for linear programs relative."""
    task = scaled.task
    if not np.isfinite(bound) or not np.isfinite(value):
        return np.inf
    if bound <= value:
        return 0.0
    if not task.has_terms:
        # With coefficients of at most 1, below this there are only rounding errors.
        is_rounding = bound - value < 1e-14 * scaled.magnification
        return 0.0 if is_rounding else (bound - value) / max(abs(bound), abs(value))
    if task.alpha == 1.0:
        return float(-np.expm1((value - bound) / task.weight.sum()))
    value, bound = value + scaled.shift, bound + scaled.shift
    if (bound >= 0) == (task.alpha > 1.0):
        return 1.0
    with np.errstate(divide="ignore"):
        return float(-np.expm1(np.log1p((value - bound) / bound) / (1.0 - task.alpha)))


def proof_of_infeasibility(task: Task, multiplier: Floats) -> Floats | None:
    """Return multipliers that prove infeasibility by arithmetic, None if these do not.

    With y >= 0 on upper and y <= 0 on lower sides: y . side < the least of (y matrix) v over the
    bounds of the columns. Small multipliers are noise, and are left out in turn.
    """
    largest = np.abs(multiplier).max(initial=0.0)
    if not (np.isfinite(largest) and largest > 0):
        return None
    for threshold in (0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4):
        ray = np.where(np.abs(multiplier) > threshold * largest, multiplier / largest, 0.0)
        ray[(ray > 0) & np.isinf(task.row_upper)] = 0.0
        ray[(ray < 0) & np.isinf(task.row_lower)] = 0.0
        weights = task.matrix.T @ ray
        least = dot(weights, np.where(weights > 0, task.lower, task.upper))
        side = dot(np.maximum(ray, 0.0), task.row_upper) + dot(np.minimum(ray, 0.0), task.row_lower)
        if side < least:
            return ray
    return None


def dot(numbers: Floats, sides: Floats) -> float:
    """Return the product, where 0 times infinity is 0."""
    present = numbers != 0
    return float(numbers[present] @ sides[present])
