"""What arithmetic proves of fractional alpha-fair terms, whatever a solver claims of them.

First the tangent at the best point, one linear program: its multipliers often bound the optimum
near enough, and it shows the way to better points. Where a gap is left, the central path. May
import both, the conic program with its scaling and bounds, and Programs in ratios.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solvers.adapter import SolverSession
from solvers.central_path import central_point
from solvers.conic_bound import bound_of, gap_of
from solvers.conic_program import Task
from solvers.conic_scaling import ScaledTask, value_of
from solvers.options import SolveOptions
from solvers.program import Floats, Program
from solvers.term_tangent import tangent_at

SHARE_OF_GAP = 0.25
"""Of the wanted gap: what is proven here is proven again elsewhere, of rounded numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """What no point exceeds, in the units of one scaling.

    Parameters
    ----------
    scaled : ScaledTask
    number : float
    multiplier : array of shape (n_rows,) or None
        Multipliers of the rows that prove it, where it is arithmetic.
    """

    scaled: ScaledTask
    number: float
    multiplier: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Proof:
    """A point, in the units of the task, and a bound."""

    point: Floats
    bound: Bound


def proof_of(
    scaled: ScaledTask,
    task: Task,
    point: Floats | None,
    wanted: float,
    options: SolveOptions,
    open_session: Callable[[Program], SolverSession],
    is_over: Callable[[], bool],
) -> Proof | None:
    """Return the best that can be proven, None where nothing can.

    Parameters
    ----------
    scaled : ScaledTask
        The task in units of its own, without whole columns.
    task : Task
        With terms.
    point : array of shape (n_columns,) or None
        The best point that is known, in the units of the task.
    wanted : float
        The gap, of the equally-distributed equivalent, that is enough.
    options : SolveOptions
        For a linear program.
    open_session : callable of Program
        Opens a solver of linear programs.
    is_over : callable
        Whether there is no time left.
    """
    enough = SHARE_OF_GAP * wanted
    by_tangent = None if point is None else _by_tangent(scaled, point, options, open_session)
    if by_tangent is not None and by_tangent.bound.multiplier is not None:
        best = value_of(scaled.task, by_tangent.point / scaled.column_unit)
        if gap_of(scaled, best, by_tangent.bound.number) <= enough:
            return by_tangent
    if is_over():
        return by_tangent
    known = task.least if point is None else point
    central = central_point(task, np.where(np.isfinite(known), known, 0.0), enough, is_over)
    if central is None:
        return by_tangent
    bound = Bound(scaled=central.scaled, number=central.bound, multiplier=central.multiplier)
    return Proof(point=central.point, bound=bound)


def _by_tangent(
    scaled: ScaledTask,
    point: Floats,
    options: SolveOptions,
    open_session: Callable[[Program], SolverSession],
) -> Proof | None:
    tangent = tangent_at(scaled, point / scaled.column_unit, options, open_session)
    if tangent is None:
        return None
    bound = Bound(scaled=scaled, number=tangent.bound)
    if tangent.multiplier is not None:
        number = bound_of(scaled.task, tangent.multiplier)
        if np.isfinite(number):
            bound = Bound(scaled=scaled, number=number, multiplier=tangent.multiplier)
    return Proof(point=tangent.point * scaled.column_unit, bound=bound)
