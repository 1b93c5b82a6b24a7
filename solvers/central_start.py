"""A point that has room on all sides, from which a central path begins.

Near the lower bounds of columns there mostly is one. Where rows ask for more, they are relieved by
a column, which the central path of a task without terms makes small, until the point does without.
May import the conic program and the barrier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.conic_program import Task
from solvers.errors import SolverFailure
from solvers.program import Floats
from solvers.term_barrier import Barrier

NEAR = 0.1
"""The share of a point near the bounds in the start; the rest is a known point."""
MOST_SHARES = 60
SHARE_OF_WIDTH = 0.1
"""How far from their lower bounds columns are where rows have to be relieved."""
MOST_STEPS = 100
FALL = 0.1
LEAST_MU = 1e-12
CENTRED = 3.0


def start_with_room(task: Task, known: Floats) -> Floats | None:
    """Return a point with room: mostly the known one, and a little of another; None without one.

    Parameters
    ----------
    task : Task
        Without whole columns.
    known : array of shape (n_columns,)
        Within bounds.
    """
    barrier = Barrier(task)
    inner = _near_bounds(task, barrier)
    if inner is None:
        inner = _relieved(task, barrier)
    if inner is None:
        return None
    own = np.clip(barrier.free(known), barrier.least, barrier.most)
    others = (1.0 - (1.0 - NEAR) * 0.7 ** np.arange(MOST_SHARES)).tolist()
    for share in [*others, 1.0]:
        v = _tied(task, barrier, (1.0 - share) * own + share * inner)
        if barrier.has_room(v):
            return barrier.point(v)
    return None


def _near_bounds(task: Task, barrier: Barrier) -> Floats | None:
    """Return free columns with room a little above their lower bounds, None without any."""
    shares = (0.5 ** np.arange(1.0, MOST_SHARES)).tolist()
    near = (_tied(task, barrier, barrier.least + share * _width(barrier)) for share in shares)
    return next((v for v in near if barrier.has_room(v)), None)


def _width(barrier: Barrier) -> Floats:
    return np.where(np.isfinite(barrier.most), barrier.most - barrier.least, 1.0)


def _relieved(task: Task, barrier: Barrier) -> Floats | None:
    """Return free columns with room, after the rows that had none at first were relieved."""
    v = _tied(task, barrier, barrier.least + SHARE_OF_WIDTH * _width(barrier))
    activity = task.matrix @ barrier.point(v)
    relief = _into(task) - activity
    is_tied = task.row_lower == task.row_upper
    has_room = (activity > task.row_lower) & (activity < task.row_upper)
    column = sparse.csr_array(np.where(is_tied | has_room, 0.0, relief)[:, None])
    wider = replace(
        task,
        matrix=sparse.csr_array(sparse.hstack([task.matrix, column], format="csr")),
        lower=np.append(task.lower, -1.0),
        upper=np.append(task.upper, 2.0),
        least=np.append(task.least, -1.0),
        most=np.append(task.most, 2.0),
        cost=np.append(np.zeros_like(task.cost), -1.0),
        columns=task.columns[:0],
        weight=task.weight[:0],
        alpha=1.0,
    )
    return _followed(Barrier(wider), np.append(barrier.point(v), 1.0), barrier)


def _into(task: Task) -> Floats:
    """Return an activity of each row that has room: its middle, or a little off its only side."""
    off = SHARE_OF_WIDTH * task.row_size
    has_both = np.isfinite(task.row_lower) & np.isfinite(task.row_upper)
    middle = 0.5 * np.where(has_both, task.row_lower + task.row_upper, 0.0)
    one_side = np.where(np.isfinite(task.row_lower), task.row_lower + off, task.row_upper - off)
    return np.where(has_both, middle, one_side)


def _followed(relieved: Barrier, first: Floats, barrier: Barrier) -> Floats | None:
    """Make the relief small, and return the free columns that do without it.

    Between a point with some relief and one with a negative one there is one that needs none.
    """
    v, mu = relieved.free(first), 1.0
    if not relieved.has_room(v):
        return None
    at = relieved.start(v, mu)
    for _ in range(MOST_STEPS):
        try:
            step = relieved.step(at, mu)
        except SolverFailure:
            return None
        before, length = relieved.point(at.v), relieved.length(at, step, mu)
        if length > 0.0:
            at = relieved.moved(at, step, length, mu)
        after = relieved.point(at.v)
        if after[-1] <= 0.0:
            share = before[-1] / (before[-1] - after[-1])
            found = barrier.free(((1.0 - share) * before + share * after)[:-1])
            return found if barrier.has_room(found) else None
        if -step.slope <= CENTRED * mu or length == 0.0:
            mu *= FALL
        if mu < LEAST_MU:
            return None
    return None


def _tied(task: Task, barrier: Barrier, v: Floats) -> Floats:
    """Return free columns of which those of terms are what their rows say."""
    point = barrier.point(v)
    missing = task.row_lower[task.tied_row] - task.matrix[task.tied_row] @ point
    point[task.tied_column] += missing / task.tied_entry
    return barrier.free(point)
