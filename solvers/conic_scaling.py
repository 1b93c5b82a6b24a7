"""A task in units in which its cones are well conditioned.

Terms are written in ratios s = v / reference of utilities to references of about their size,

    V(s) = (s^(1 - alpha) - 1) / (1 - alpha),   log s for alpha = 1.

The first references are what optimal utilities look like with one budget, later ones the utilities
that were found. May import the conic program.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from solvers.conic_program import Task, largest_in_rows
from solvers.program import Booleans, Floats
from solvers.scaled_utility import scaled_utility

# A utility this many times its reference, or this part of it, is badly scaled.
FAR = 16.0
LARGEST_FACTOR = 2.0**20


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaledTask:
    """A task in units of its own.

    Parameters
    ----------
    task : Task
        In the columns y = v / column_unit, rows times row_factor, and the objective over
        exp(log_unit), with terms weight * V(y) in place of weight * U_alpha(v).
    column_unit, row_factor : arrays
        Powers of two.
    log_unit : float
    shift : float
        The objective that V lacks beside U_alpha, over exp(log_unit).
    magnification : float
        How much larger the objective is than with coefficients of at most 1.
    """

    task: Task
    column_unit: Floats
    row_factor: Floats
    log_unit: float
    shift: float
    magnification: float


def scaled_task(
    task: Task,
    reference: Floats,
    magnification: float = 1.0,
    whole: Booleans | None = None,
) -> ScaledTask:
    """Return the task with terms in units of `reference`, its objective magnified.

    Columns that are `whole` keep their unit.
    """
    reach = np.maximum(np.abs(task.least), np.abs(task.most))
    # Not the size of a rounding error, where rows leave a column no room.
    declared = np.maximum(np.abs(task.lower), np.abs(task.upper))
    reach = np.where(np.isfinite(declared) & (reach < 1e-5 * declared), declared, reach)
    column_unit = _power_of_two(_enough_for_terms(task, reach, reference))
    if whole is not None:
        column_unit[whole] = 1.0
    # Exactly: rounded by a factor 0.7, u^(1 - alpha) would be 1e15 for alpha = 100.
    column_unit[task.columns] = reference
    row_factor = 1.0 / _power_of_two(largest_in_rows(task.matrix, column_unit))
    cost = task.cost * column_unit
    log_weight = np.log(task.weight) + (1.0 - task.alpha) * np.log(reference)
    with np.errstate(divide="ignore"):
        log_cost = np.log(np.abs(cost).max(initial=0.0))
    log_unit = max(log_weight.max(initial=-np.inf), log_cost)
    log_unit = (log_unit if np.isfinite(log_unit) else 0.0) - np.log(magnification)
    weight = np.exp(log_weight - log_unit)
    shift = float(weight @ np.log(reference))
    if task.alpha != 1.0:
        shift = float(weight.sum()) / (1.0 - task.alpha)
    factor = sparse.diags_array(row_factor) @ task.matrix @ sparse.diags_array(column_unit)
    return ScaledTask(
        task=replace(
            task,
            matrix=sparse.csr_array(factor),
            row_lower=task.row_lower * row_factor,
            row_upper=task.row_upper * row_factor,
            lower=task.lower / column_unit,
            upper=task.upper / column_unit,
            least=task.least / column_unit,
            most=task.most / column_unit,
            cost=times_exp(cost, -log_unit),
            weight=weight,
        ),
        column_unit=column_unit,
        row_factor=row_factor,
        log_unit=log_unit,
        shift=shift,
        magnification=magnification,
    )


def _enough_for_terms(task: Task, reach: Floats, reference: Floats) -> Floats:
    """Return the reach of columns, but no more than lifts a term far above its reference."""
    if not task.has_terms:
        return reach
    unit = reach.copy()
    unit[task.columns] = reference
    entries = task.matrix[task.tied_row].tocoo()
    place, column = entries.coords
    lift = np.abs(task.tied_entry) * unit[task.tied_column]
    is_other = column != task.tied_column[place]
    enough = FAR * lift[place] / np.abs(entries.data)
    reach = reach.copy()
    np.minimum.at(reach, column[is_other], enough[is_other])
    return reach


def value_of(task: Task, y: Floats) -> float:
    """Return the scaled objective of a point."""
    value = float(task.cost @ y)
    if task.has_terms:
        value += float(task.weight @ scaled_utility(y[task.columns], task.alpha))
    return value


def guessed_utilities(task: Task, reach: Floats) -> Floats:
    """Return what optimal utilities look like, up to a factor: (weight reach)^(1 / alpha)."""
    logarithm = (np.log(task.weight) + np.log(reach)) / task.alpha
    # For small alpha the losers get next to nothing, and matter as little.
    least = np.log(1e-3) if task.alpha < 1.0 else -600.0
    guess: Floats = np.exp(np.maximum(logarithm - logarithm.max(), least)) * reach.max()
    return guess


def finer_reference(task: Task, point: Floats, reference: Floats) -> Floats:
    """Return the utilities found, but none so small or so large that its term would not count."""
    if not task.has_terms:
        return reference
    utility = point[task.columns]
    mean = float(task.weight @ utility / task.weight.sum())
    if task.alpha <= 1.0:
        utility = np.maximum(utility, 1e-4 * mean if task.alpha < 1.0 else 1e-12 * mean)
    utility = np.where(utility > 0, utility, reference)
    if task.alpha <= 1.0:
        return utility
    log_importance = np.log(task.weight) + (1.0 - task.alpha) * np.log(utility)
    least = log_importance.max() + np.log(1e-12)
    log_most = (np.log(task.weight) - least) / (task.alpha - 1.0)
    finer: Floats = np.minimum(utility, np.exp(np.minimum(log_most, 600.0)))
    return finer


def is_near(finer: Floats, reference: Floats, far: float = FAR) -> bool:
    """Return whether references are so much alike that new ones would not help."""
    return bool((np.maximum(finer / reference, reference / finer) <= far).all())


def larger_factor(scaled: ScaledTask, value: float, bound: float) -> float:
    """Return the factor that makes a small linear objective count against the tolerances."""
    if scaled.task.has_terms or not np.isfinite(bound):
        return 1.0
    size = max(abs(value), abs(bound))
    if size == 0.0 or size >= 0.25:
        return 1.0
    return float(np.minimum(_power_of_two(np.array([1.0 / size]))[0], LARGEST_FACTOR))


def _power_of_two(numbers: Floats) -> Floats:
    """Return the nearest powers of two, 1 for what is not positive and finite."""
    usable = np.isfinite(numbers) & (numbers > 0)
    exponents = np.clip(np.round(np.log2(np.where(usable, numbers, 1.0))), -1000, 1000)
    return np.exp2(exponents)


def times_exp(numbers: Floats, exponent: float) -> Floats:
    """Return numbers * exp(exponent), infinite where that is too large."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.sign(numbers) * np.exp(np.log(np.abs(numbers)) + exponent)
