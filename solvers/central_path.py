"""The optimum of fractional alpha-fair terms to many digits, and multipliers that prove it.

Points and multipliers follow the central path of the task's barrier, see `term_barrier`, from one
point with room on all sides. What is claimed of them is arithmetic: the points keep the rules, and
multipliers bound the optimum, see `conic_bound`. May import the conic program with its scaling and
bounds, the barrier and its start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.central_start import start_with_room
from solvers.conic_bound import bound_of, gap_of
from solvers.conic_program import Task
from solvers.conic_scaling import ScaledTask, scaled_task, value_of
from solvers.errors import SolverFailure
from solvers.program import Floats
from solvers.scaled_utility import ratio_of, scaled_utility
from solvers.term_barrier import Barrier, Iterate

MOST_STEPS = 300
MOST_UNITS = 30
FAR_IN_WELFARE = 5.0
"""How many e-foldings of welfare a point may be better than the unit of utility, from alpha = 1."""
FIRST_MU = 1.0
"""In units of the largest coefficient of the objective."""
LEAST_MU = 1e-16
FALL = 0.1
"""What mu falls by; also what it is to leave of the gap that is proven."""
CENTRED = 3.0
"""Where the barrier function could fall by no more times mu, mu falls."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Central:
    """A point with multipliers, and what they prove.

    Parameters
    ----------
    scaled : ScaledTask
        The units of all but the point.
    point : array of shape (n_columns,)
        In the units of the task.
    multiplier : array of shape (n_rows,)
    bound, gap : float
    """

    scaled: ScaledTask
    point: Floats
    multiplier: Floats
    bound: float
    gap: float


def central_point(
    task: Task, known: Floats, wanted: float, is_over: Callable[[], bool] = lambda: False
) -> Central | None:
    """Return a point near the optimum with its proof, None where there is no way to it.

    Without a point that has room on all sides there is no central path.

    Parameters
    ----------
    task : Task
        With terms, without whole columns.
    known : array of shape (n_columns,)
        A point within the bounds, the nearer to the optimum the better.
    wanted : float
        The gap, of the equally-distributed equivalent, that is enough.
    is_over : callable
        Whether to stop where one is.
    """
    with np.errstate(all="ignore"):
        start = start_with_room(task, known)
        for _ in range(MOST_UNITS):
            unit = np.inf if start is None else _equivalent(task, start)
            if start is None or not 0.0 < unit < np.inf:
                return None
            path = _Path(scaled_task(task, np.full(len(task.columns), unit)))
            if not path.leads_on(start, wanted, is_over):
                return path.best
            start = path.known
    return path.best


def _equivalent(task: Task, point: Floats) -> float:
    """Return the equally-distributed equivalent utility of a point."""
    utility = point[task.columns]
    size = float(utility.min() if task.alpha > 1.0 else utility.max())
    mean = task.weight @ scaled_utility(utility / size, task.alpha) / task.weight.sum()
    return size * float(ratio_of(np.array([mean]), task.alpha)[0])


class _Path:
    """The way in one unit of utility."""

    def __init__(self, scaled: ScaledTask) -> None:
        self.best: Central | None = None
        self._scaled = scaled
        self._task = scaled.task
        self._barrier = Barrier(scaled.task)
        self._bound, self._row = np.inf, np.zeros(len(scaled.task.row_lower))
        self._value, self._point = -np.inf, np.zeros(0)

    @property
    def known(self) -> Floats:
        """The best point, in the units of the task."""
        return self._point * self._scaled.column_unit

    def leads_on(self, start: Floats, wanted: float, is_over: Callable[[], bool]) -> bool:
        """Follow the path, and return whether it should be followed in the unit of its end."""
        v = self._barrier.free(start / self._scaled.column_unit)
        at = self._barrier.start(v, FIRST_MU)
        rooms = self._barrier.rooms(at.v, at.s)
        has_room = np.isfinite(rooms).all() and (rooms > 0).all()
        return bool(has_room) and self._follow(at, wanted, is_over)

    def _follow(self, at: Iterate, wanted: float, is_over: Callable[[], bool]) -> bool:
        """Take steps until the gap is proven, they lead nowhere, or out of the unit."""
        mu, count = FIRST_MU, self._barrier.n_rooms
        for _ in range(MOST_STEPS):
            try:
                step = self._barrier.step(at, mu)
            except SolverFailure:
                return False
            self._take_row(step.row)
            length = self._barrier.length(at, step, mu)
            if length > 0.0:
                at = self._barrier.moved(at, step, length, mu)
                self._take_point(at.v)
            self._keep()
            is_proven = self.best is not None and self.best.gap <= wanted
            if is_proven or is_over():
                return False
            if self._is_far:
                return True
            if -step.slope <= CENTRED * mu or length == 0.0:
                if mu == LEAST_MU:
                    return False
                gap = self._bound - self._value
                mu = max(LEAST_MU, FALL * min(gap / count, mu))
        return False

    @property
    def _is_far(self) -> bool:
        """Whether the best point is so much better than the unit that its welfare is lost."""
        if self._task.alpha <= 1.0 or not np.isfinite(self._value):
            return False
        ratio = self._point[self._task.columns]
        own = -self._task.alpha * np.log(ratio) + np.log(ratio)
        mean = float(self._task.weight @ np.exp(own)) / float(self._task.weight.sum())
        return bool(mean < np.exp(-FAR_IN_WELFARE))

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
            self.best = Central(
                scaled=self._scaled,
                point=self.known,
                multiplier=self._row,
                bound=self._bound,
                gap=gap_of(self._scaled, self._value, self._bound),
            )
