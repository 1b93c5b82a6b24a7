"""The logarithmic barrier of a concave scaled task, and Newton steps towards its central path.

    maximise  cost . v + sum_t weight_t V(v_t) + mu * sum of log(room)

over all rooms that rows and bounds leave. The terms are written so that Newton's method copes with
any alpha (self-concordant barriers; Nesterov & Nemirovskii 1994, chapter 5): up to alpha = 2 with
the room v_t, above it as weight_t times -s_t / (alpha - 1), with a column s_t of its own and the
rooms s_t and v_t - s_t^(-1 / (alpha - 1)). Each room has a multiplier near mu / room, which stands
for that number in second derivatives (Waechter & Biegler 2006, Math. Program. 106, 25-57).

May import the conic program and the Newton system.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from solvers.conic_program import Task
from solvers.newton_system import NewtonSystem
from solvers.program import Floats, Integers
from solvers.scaled_utility import scaled_utility

LARGEST_DIRECT_ALPHA = 2.0
SPREAD = 100.0
"""Multipliers stay within this factor of mu / room."""
SHORT = 0.2
SHRINKS = 60
ARMIJO = 1e-4
TO_THE_EDGE = 0.99
KEPT = 0.9
LEAST_PART = 0.01
LARGEST_COLUMN = 1e150
"""Of a term's own columns, so that its square is a number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Iterate:
    """A point with room on all sides.

    Parameters
    ----------
    v : array
        The columns that are not fixed.
    s : array
        The terms' own columns; empty up to alpha = 2.
    multiplier : array
        One for each room.
    """

    v: Floats
    s: Floats
    multiplier: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """A Newton step from an iterate.

    Parameters
    ----------
    dv, ds, d_multiplier : arrays
    slope : float
        Of the barrier function along the step, per unit of it.
    row : array of shape (n_rows,)
        What the step makes of the multipliers of rows, as `conic_bound` has them.
    """

    dv: Floats
    ds: Floats
    d_multiplier: Floats
    slope: float
    row: Floats


class Barrier:
    """The barrier function of a scaled task without whole columns, to be made small.

    Parameters
    ----------
    task : Task
        With terms. What bounds and rows fix together stays as it is.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        least, most = np.maximum(task.lower, task.least), np.minimum(task.upper, task.most)
        is_free = least < most
        self._free = np.flatnonzero(is_free)
        self._fixed = np.where(is_free, 0.0, least)
        self.least, self.most = least[self._free], most[self._free]
        is_term = is_free[task.columns]
        self._terms = np.searchsorted(self._free, task.columns[is_term])
        self._weight, self._cost = task.weight[is_term], task.cost[self._free]
        self._is_direct = task.alpha <= LARGEST_DIRECT_ALPHA
        self._set_rows()
        self._columns = self._rooms_of_columns()

    def _set_rows(self) -> None:
        task = self._task
        matrix = sparse.csr_array(task.matrix[:, self._free])
        is_held = np.isfinite(task.row_lower) | np.isfinite(task.row_upper)
        self._rows = np.flatnonzero((np.diff(matrix.indptr) > 0) & is_held)
        activity = (task.matrix @ self._fixed)[self._rows]
        lower, upper = task.row_lower[self._rows] - activity, task.row_upper[self._rows] - activity
        self._is_tied = lower == upper
        self._side = np.where(self._is_tied, lower, 0.0)
        self._matrix = sparse.csr_array(matrix[self._rows])
        self._system = NewtonSystem(self._matrix)
        lower, upper = lower.copy(), upper.copy()
        lower[self._is_tied], upper[self._is_tied] = -np.inf, np.inf
        self._sides = _Rooms.between(lower, upper)

    def _rooms_of_columns(self) -> _Rooms:
        lower = self._task.lower[self._free].copy()
        at_zero = self._terms[lower[self._terms] <= 0.0]
        lower[at_zero] = 0.0 if self._is_direct else -np.inf
        return _Rooms.between(lower, self._task.upper[self._free])

    @property
    def n_rooms(self) -> int:
        """How many rooms there are."""
        n_of_terms = 0 if self._is_direct else 2 * len(self._terms)
        return len(self._columns.sign) + len(self._sides.sign) + n_of_terms

    def point(self, v: Floats) -> Floats:
        """Return the point of the task with these free columns."""
        point = self._fixed.copy()
        point[self._free] = v
        return point

    def free(self, point: Floats) -> Floats:
        """Return the columns of a point that are not fixed."""
        return point[self._free]

    def has_room(self, v: Floats) -> bool:
        """Return whether a point has room on all sides, and keeps the equality rows."""
        activity = self._matrix @ v
        size = np.maximum(1.0, np.abs(self._side))
        is_on = np.abs(activity - self._side) <= 1e-9 * size
        has_room = (self._columns.of(v) > 0).all() and (self._sides.of(activity) > 0).all()
        return bool(has_room and is_on[self._is_tied].all() and (v[self._terms] > 0).all())

    def start(self, v: Floats, mu: float) -> Iterate:
        """Return the iterate at a point with room."""
        s = np.zeros(0)
        if not self._is_direct:
            # The larger s, the more room; where it hardly counts, as large as the barrier likes.
            with np.errstate(over="ignore", under="ignore"):
                s = (0.5 * v[self._terms]) ** -(self._task.alpha - 1.0)
            s = np.minimum(np.maximum(s, mu / (self._weight * self._power)), LARGEST_COLUMN)
        return Iterate(v=v, s=s, multiplier=mu / self.rooms(v, s))

    @cached_property
    def _power(self) -> float:
        return 1.0 / (self._task.alpha - 1.0)

    def rooms(self, v: Floats, s: Floats) -> Floats:
        """Return all rooms; those of rows behind those of columns, those of terms last."""
        rooms = [self._columns.of(v), self._sides.of(self._matrix @ v)]
        if not self._is_direct:
            rooms += [v[self._terms] - s**-self._power, s]
        return np.concatenate(rooms)

    def value(self, v: Floats, s: Floats, mu: float) -> float:
        """Return the barrier function, infinite where a room is not above zero."""
        rooms = self.rooms(v, s)
        if not (rooms > 0).all():
            return np.inf
        if self._is_direct:
            terms = -float(self._weight @ scaled_utility(v[self._terms], self._task.alpha))
        else:
            terms = self._power * float(self._weight @ s)
        return terms - float(self._cost @ v) - mu * float(np.log(rooms).sum())

    def step(self, at: Iterate, mu: float) -> Step:
        """Return the Newton step for a mu.

        Raises
        ------
        SolverFailure
            If the linear system is singular.
        """
        rooms = self.rooms(at.v, at.s)
        stiffness = at.multiplier / rooms
        n_columns, n_rows = len(self._columns.sign), len(self._sides.sign)
        places = np.split(np.arange(len(rooms)), [n_columns, n_columns + n_rows])
        gradient = self._columns.gathered(-mu / rooms[places[0]], len(at.v)) - self._cost
        curvature = self._columns.gathered_squares(stiffness[places[0]], len(at.v))
        of_rows = self._sides.gathered(-mu / rooms[places[1]], len(self._rows))
        stiffness_of_rows = self._sides.gathered_squares(stiffness[places[1]], len(self._rows))
        terms = self._terms_at(at, rooms, stiffness, mu)
        gradient[self._terms] += terms.gradient
        curvature[self._terms] += terms.curvature
        give = np.where(self._is_tied, 0.0, 1.0 / np.where(self._is_tied, 1.0, stiffness_of_rows))
        missing = np.where(self._is_tied, self._side - self._matrix @ at.v, -of_rows * give)
        dv, row = self._system.solved(curvature, give, -gradient, missing)
        ds = terms.shift
        if not self._is_direct:
            ds = ds + terms.follow * dv[self._terms]
        change = self._matrix @ dv
        d_rooms = [self._columns.along(dv), self._sides.along(change)]
        if not self._is_direct:
            d_rooms += [dv[self._terms] + self._power * at.s ** (-self._power - 1.0) * ds, ds]
        d_multiplier = mu / rooms - at.multiplier - stiffness * np.concatenate(d_rooms)
        full = np.zeros(len(self._task.row_lower))
        full[self._rows] = row
        slope = float(gradient @ dv + of_rows @ change + terms.slope)
        return Step(dv=dv, ds=ds, d_multiplier=d_multiplier, slope=slope, row=full)

    def _terms_at(self, at: Iterate, rooms: Floats, stiffness: Floats, mu: float) -> _Terms:
        """Return the derivatives of terms, their own columns eliminated."""
        n_terms, alpha, x = len(self._terms), self._task.alpha, at.v[self._terms]
        if self._is_direct:
            with np.errstate(over="ignore"):
                marginal = self._weight * x**-alpha
            nothing = np.zeros(0)
            return _Terms(
                gradient=-marginal,
                curvature=alpha * marginal / x,
                shift=nothing,
                follow=nothing,
                slope=0.0,
            )
        k, s = self._power, at.s
        room, multiplier = rooms[-2 * n_terms : -n_terms], at.multiplier[-2 * n_terms : -n_terms]
        first = -k * s ** (-k - 1.0)
        second = -(k + 1.0) * first / s
        of_s = self._weight * k + mu * first / room - mu / s
        own = multiplier * second + stiffness[-n_terms:]
        both = multiplier / room
        of_ss = both * first**2 + own
        shift, follow = -of_s / of_ss, both * first / of_ss
        return _Terms(
            gradient=-mu / room + both * first * -shift,
            curvature=both * own / of_ss,
            shift=shift,
            follow=follow,
            slope=float(of_s @ shift),
        )

    def longest(self, at: Iterate, step: Step) -> float:
        """Return how far the rooms of rows and bounds allow to go."""
        rooms = np.concatenate([self._columns.of(at.v), self._sides.of(self._matrix @ at.v)])
        change = np.concatenate(
            [self._columns.along(step.dv), self._sides.along(self._matrix @ step.dv)]
        )
        if not self._is_direct:
            room = at.v[self._terms] - at.s**-self._power
            rooms = np.concatenate([rooms, room])
            change = np.concatenate([change, self._change_of_room(at, step)])
        falls = change < 0
        return float((-rooms[falls] / change[falls]).min(initial=np.inf))

    def _change_of_room(self, at: Iterate, step: Step) -> Floats:
        return step.dv[self._terms] + self._power * at.s ** (-self._power - 1.0) * step.ds

    def ahead(self, at: Iterate, step: Step, length: float) -> tuple[Floats, Floats]:
        """Return where a step leads."""
        v, s = at.v + length * step.dv, at.s
        if self._is_direct:
            return v, s
        # Where the curve leaves less room than its tangent promised, as much as that promised.
        x, room = v[self._terms], at.v[self._terms] - s**-self._power
        promised = room + length * self._change_of_room(at, step)
        straight = np.maximum(s + length * step.ds, LEAST_PART * s)
        bent = np.maximum(x - promised, 0.0) ** (-1.0 / self._power)
        keeps = x - straight**-self._power >= KEPT * promised
        return v, np.where(keeps, straight, bent)

    def length(self, at: Iterate, step: Step, mu: float) -> float:
        """Return how far to go: to where the barrier function falls enough, 0 if nowhere."""
        length = min(1.0, TO_THE_EDGE * self.longest(at, step))
        before = self.value(at.v, at.s, mu)
        # What rounding may hide.
        blur = 1e-13 * (abs(before) + 40.0 * mu * self.n_rooms)
        for _ in range(SHRINKS):
            after = self.value(*self.ahead(at, step, length), mu)
            if after <= before + ARMIJO * length * step.slope + blur:
                return length
            length *= 0.5
        return 0.0

    def moved(self, at: Iterate, step: Step, length: float, mu: float) -> Iterate:
        """Return the iterate after a step, its multipliers near mu / room."""
        v, s = self.ahead(at, step, length)
        central = mu / self.rooms(v, s)
        falls = step.d_multiplier < 0
        longest = float((-at.multiplier[falls] / step.d_multiplier[falls]).min(initial=np.inf))
        multiplier = at.multiplier + min(1.0, 0.99 * longest) * step.d_multiplier
        spread = SPREAD if length >= SHORT else 1.0
        return Iterate(v=v, s=s, multiplier=np.clip(multiplier, central / spread, spread * central))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Terms:
    """Derivatives of terms; their own columns move by shift + follow * dv."""

    gradient: Floats
    curvature: Floats
    shift: Floats
    follow: Floats
    slope: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rooms:
    """Rooms sign * number[place] + constant above zero."""

    place: Integers
    sign: Floats
    constant: Floats

    @staticmethod
    def between(lower: Floats, upper: Floats) -> _Rooms:
        """Return the rooms between finite sides."""
        below, above = np.flatnonzero(np.isfinite(lower)), np.flatnonzero(np.isfinite(upper))
        return _Rooms(
            place=np.concatenate([below, above]),
            sign=np.concatenate([np.ones(len(below)), -np.ones(len(above))]),
            constant=np.concatenate([-lower[below], upper[above]]),
        )

    def of(self, numbers: Floats) -> Floats:
        return self.sign * numbers[self.place] + self.constant

    def along(self, changes: Floats) -> Floats:
        return self.sign * changes[self.place]

    def gathered(self, numbers: Floats, size: int) -> Floats:
        return np.bincount(self.place, self.sign * numbers, minlength=size).astype(np.float64)

    def gathered_squares(self, numbers: Floats, size: int) -> Floats:
        return np.bincount(self.place, numbers, minlength=size).astype(np.float64)
