"""The optimum of fractional alpha-fair terms to many digits, and multipliers that prove it.

Points and multipliers follow the central path of the task's barrier, see `term_barrier`, from one
point with room on all sides. What is claimed of them is arithmetic: a point keeps the rules, and
its multipliers bound the optimum, see `conic_bound`. May import the conic program with its scaling
and bounds, and the barrier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.conic_bound import bound_of, gap_of
from solvers.conic_program import Task
from solvers.conic_scaling import ScaledTask, value_of
from solvers.errors import SolverFailure
from solvers.program import Floats
from solvers.term_barrier import Barrier, Iterate, Step

MOST_STEPS = 300
FIRST_MU = 1.0
"""Of the objective in units in which its largest coefficient is 1."""
LEAST_MU = 1e-16
SHARE_OF_GAP = 0.1
"""Of the gap that is proven, that mu is to bring about."""
CENTRED = 10.0
"""Where the gap is at most this many times that of the central path, mu falls."""
NEAR = 0.1
"""The part of a point with room that the start has, where the rest is a known point."""
SHRINKS = 60
ARMIJO = 1e-4
TO_THE_EDGE = 0.99


@dataclass(frozen=True, kw_only=True, eq=False)
class Central:
    """A point with multipliers of rows, in the units of a scaled task, and what they prove."""

    point: Floats
    multiplier: Floats
    bound: float
    gap: float


def central_point(scaled: ScaledTask, known: Floats, wanted: float) -> Central | None:
    """Return a point near the optimum with its proof, None where no point has room on all sides.

    Parameters
    ----------
    scaled : ScaledTask
        Without whole columns, with terms in units of about their size at `known`.
    known : array of shape (n_columns,)
        A feasible point.
    wanted : float
        The gap, of the equally-distributed equivalent, that ends the search.
    """
    path = _Path(scaled)
    with np.errstate(all="ignore"):
        start = path.start(known)
        if start is None:
            return None
        path.follow(start, wanted)
    return path.best


class _Path:
    def __init__(self, scaled: ScaledTask) -> None:
        self.best: Central | None = None
        self._scaled = scaled
        self._task: Task = scaled.task
        self._barrier = Barrier(scaled.task)
        self._bound, self._row = np.inf, np.zeros(len(scaled.task.row_lower))
        self._value, self._point = -np.inf, np.zeros(0)

    def start(self, known: Floats) -> Iterate | None:
        """Return a point with room: mostly the known one, and a little of one near the bounds."""
        barrier, share = self._barrier, 1.0
        width = np.where(np.isfinite(barrier.most), barrier.most - barrier.least, 1.0)
        inner = barrier.least
        for _ in range(SHRINKS):
            share *= 0.5
            inner = self._tied(barrier.least + share * width)
            if barrier.has_room(inner):
                break
        else:
            return None
        own = np.clip(barrier.free(known), barrier.least, barrier.most)
        of_inner = NEAR
        for _ in range(SHRINKS):
            v = self._tied((1.0 - of_inner) * own + of_inner * inner)
            if barrier.has_room(v):
                return self._usable(barrier.start(v, FIRST_MU))
            of_inner = 1.0 - (1.0 - of_inner) / 1.5
        return self._usable(barrier.start(inner, FIRST_MU))

    def _usable(self, start: Iterate) -> Iterate | None:
        rooms = self._barrier.rooms(start.v, start.s)
        return start if np.isfinite(rooms).all() and (rooms > 0).all() else None

    def _tied(self, v: Floats) -> Floats:
        """Return columns of which those of terms are what their rows say."""
        task, point = self._task, self._barrier.point(v)
        missing = task.row_lower[task.tied_row] - task.matrix[task.tied_row] @ point
        point[task.tied_column] += missing / task.tied_entry
        return self._barrier.free(point)

    def follow(self, at: Iterate, wanted: float) -> None:
        """Take steps until the gap is proven, or they lead nowhere."""
        mu, count = FIRST_MU, self._barrier.n_rooms
        for _ in range(MOST_STEPS):
            try:
                step = self._barrier.step(at, mu)
            except SolverFailure:
                return
            self._take_row(step.row)
            length = self._length(at, step, mu)
            if length > 0.0:
                at = self._barrier.moved(at, step, length, mu)
                self._take_point(at.v)
            self._keep()
            if self.best is not None and self.best.gap <= wanted:
                return
            gap = self._bound - self._value
            is_central = -step.slope <= mu
            if is_central or length == 0.0:
                mu = max(LEAST_MU, min(SHARE_OF_GAP * gap / count, SHARE_OF_GAP * mu))
                if mu == LEAST_MU and length == 0.0:
                    return

    def _length(self, at: Iterate, step: Step, mu: float) -> float:
        """Return how far to go: to where the barrier function falls enough, 0 if nowhere."""
        barrier = self._barrier
        length = min(1.0, TO_THE_EDGE * barrier.longest(at, step))
        before = barrier.value(at.v, at.s, mu)
        # What rounding may hide.
        blur = 1e-13 * (abs(before) + mu * barrier.n_rooms * 40.0)
        for _ in range(SHRINKS):
            after = barrier.value(*barrier.ahead(at, step, length), mu)
            if after <= before + ARMIJO * length * step.slope + blur:
                return length
            length *= 0.5
        return 0.0

    def _take_row(self, row: Floats) -> None:
        bound = bound_of(self._task, row)
        if bound < self._bound:
            self._bound, self._row = bound, row

    def _take_point(self, v: Floats) -> None:
        point = self._barrier.point(v)
        value = value_of(self._task, point)
        if value > self._value:
            self._value, self._point = value, point

    def _keep(self) -> None:
        if np.isfinite(self._value) and np.isfinite(self._bound):
            gap = gap_of(self._scaled, self._value, self._bound)
            self.best = Central(
                point=self._point, multiplier=self._row, bound=self._bound, gap=gap
            )
