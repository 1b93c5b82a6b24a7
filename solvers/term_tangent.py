"""What the tangent of concave terms at a point says: a bound, and where to find better points.

    W(y) <= W(x) + grad W(x) . (y - x)    for every y,

so that one linear program bounds the optimum of fractional columns, whatever a solver of nonlinear
rows claims; and if W rises from x towards its optimum, x is not the best (Frank and Wolfe, 1956).
May import the conic program with its scaling, Programs in ratios, options and outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from solvers.adapter import SolverSession
from solvers.conic_program import Task
from solvers.conic_scaling import ScaledTask, value_of
from solvers.options import SolveOptions
from solvers.outcome import Status
from solvers.program import Floats, Program
from solvers.term_program import program_in_ratios

# A gradient that spans more is of no use to a solver of linear programs.
STEEPEST = 1e9
HALVINGS = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Tangent:
    """What the tangent at a point says, in the units of a scaled task.

    Parameters
    ----------
    bound : float
        What no point exceeds.
    point : array of shape (n_columns,)
        The best between the point and the optimum of its tangent.
    multiplier : array of shape (n_rows,) or None
        The solver's duals of the rows, where it has them.
    """

    bound: float
    point: Floats
    multiplier: Floats | None


def tangent_at(
    scaled: ScaledTask,
    point: Floats,
    options: SolveOptions,
    open_session: Callable[[Program], SolverSession],
) -> Tangent | None:
    """Return what the tangent at a point says, None where it could not be solved.

    Parameters
    ----------
    scaled : ScaledTask
        Without whole columns.
    point : array of shape (n_columns,)
        In the units of the scaled task.
    options : SolveOptions
    open_session : callable of Program
        Opens a solver of linear programs.
    """
    task = scaled.task
    gradient = gradient_at(task, point)
    if not np.isfinite(gradient).all() or np.abs(gradient).max(initial=0.0) > STEEPEST:
        return None
    n_rows, nothing_whole = len(task.row_lower), np.zeros(len(task.cost), dtype=np.bool_)
    least = np.maximum(task.least[task.columns], 0.0)
    program, _ = program_in_ratios(scaled, nothing_whole, least, n_rows)
    session = open_session(replace(program, objective=gradient, terms=None))
    try:
        outcome = session.solve(options)
    finally:
        session.close()
    if outcome.status is not Status.OPTIMAL or outcome.point is None:
        return None
    bound = value_of(task, point) + outcome.bound - float(gradient @ point)
    return Tangent(
        bound=bound,
        point=best_between(task, point, outcome.point),
        multiplier=outcome.row_dual,
    )


def gradient_at(task: Task, point: Floats) -> Floats:
    """Return the gradient of a scaled task's objective."""
    gradient = task.cost.copy()
    with np.errstate(divide="ignore", over="ignore"):
        gradient[task.columns] += task.weight * np.maximum(point[task.columns], 0.0) ** -task.alpha
    return gradient


def best_between(task: Task, first: Floats, last: Floats) -> Floats:
    """Return the best point between two, by halving where the objective still rises."""
    step = last - first
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        rises = float(gradient_at(task, first + middle * step) @ step) > 0.0
        low, high = (middle, high) if rises else (low, middle)
    return first + low * step
