"""Linear programs solved more precisely than the solver's tolerances: what is left, magnified.

Around a point c that is right to the tolerance, the same program in d = factor (v - c),

    factor (row_lower - matrix c) <= matrix d <= factor (row_upper - matrix c)
    factor (column_lower - c)     <=        d <= factor (column_upper - c)

has the same duals, and an error of d is one of v that is smaller by the factor.

Gleixner, Steffy & Wolter (2016), INFORMS J. Comput. 28, 449-464, on the primal side.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.counts import Counts
from solvers.options import SolveOptions
from solvers.outcome import Outcome, Status
from solvers.program import Floats, Program
from solvers.scaled_session import ScaledSession

FACTORS = (2.0**13, 2.0**26)


class MagnifiedSession:
    """A session of linear programs that looks at its optimum through a magnifying glass.

    Parameters
    ----------
    opener : callable of Program
        Opens the solver's own session.
    program : Program
        Linear, without whole columns.
    """

    def __init__(self, opener: Callable[[Program], SolverSession], program: Program) -> None:
        self._program = program
        self._session = ScaledSession(opener, program)

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and the program handed over again, and why."""
        return self._session.counts

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns."""
        self._session.update(program, forbid_rebuild)
        self._program = program

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._session.add_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, then what is left around the answer; where that fails, the answer stays."""
        start = time.perf_counter()
        outcome = self._session.solve(options)
        for factor in FACTORS:
            if outcome.status is not Status.OPTIMAL or outcome.point is None:
                break
            left = _left(options, time.perf_counter() - start)
            around = np.clip(outcome.point, self._program.column_lower, self._program.column_upper)
            self._session.vary(magnified(self._program, around, factor))
            nearer = self._session.solve(left)
            if nearer.status is not Status.OPTIMAL or nearer.point is None:
                break
            outcome = self._unmagnified(outcome, nearer, around, factor)
        self._session.vary(self._program)
        return outcome

    def close(self) -> None:
        """Free what the solver holds."""
        self._session.close()

    def _unmagnified(
        self, before: Outcome, nearer: Outcome, around: Floats, factor: float
    ) -> Outcome:
        program = self._program
        point = around if nearer.point is None else around + nearer.point / factor
        point = np.clip(point, program.column_lower, program.column_upper)
        value = float(program.objective @ point) + program.objective_constant
        moved = (nearer.bound - program.objective_constant) / factor
        return replace(
            nearer,
            point=point,
            # Some solvers have no duals where they need no iteration.
            row_dual=before.row_dual if nearer.row_dual is None else nearer.row_dual,
            reduced_cost=before.reduced_cost if nearer.row_dual is None else nearer.reduced_cost,
            objective=value,
            bound=float(program.objective @ around) + program.objective_constant + moved,
            iterations=before.iterations + nearer.iterations,
            seconds=before.seconds + nearer.seconds,
        )


def magnified(program: Program, around: Floats, factor: float) -> Program:
    """Return the program of the distances from a point, times a factor."""
    at = program.matrix @ around
    return replace(
        program,
        row_lower=factor * (program.row_lower - at),
        row_upper=factor * (program.row_upper - at),
        column_lower=factor * (program.column_lower - around),
        column_upper=factor * (program.column_upper - around),
    )


def _left(options: SolveOptions, seconds: float) -> SolveOptions:
    limit = options.time_limit_seconds
    left = None if limit is None else max(limit - seconds, 0.0)
    return replace(options, start=None, time_limit_seconds=left)
