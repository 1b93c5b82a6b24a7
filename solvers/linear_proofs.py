"""What multipliers of rows prove about a linear program, by our own arithmetic.

May import numpy, scipy.sparse, the conic proofs and the Program.
"""

from __future__ import annotations

import numpy as np

from solvers.conic_bound import dot
from solvers.program import Floats, Program

# Multipliers that are but rounding errors of the largest one.
NOISE = 1e-9


def dual_bound(program: Program, row_dual: Floats) -> tuple[float, float]:
    """Return what multipliers bound a linear program by, and the size of the numbers in it.

    The bound is infinite, in the sense that proves nothing, where a multiplier leans on a side that
    is not there.
    """
    sense = 1.0 if program.maximise else -1.0
    reduced_cost = program.objective - program.matrix.T @ row_dual
    total, size = program.objective_constant, 0.0
    for multiplier, lower, upper in (
        (row_dual, program.row_lower, program.row_upper),
        (reduced_cost, program.column_lower, program.column_upper),
    ):
        scale = np.abs(multiplier).max(initial=0.0)
        weighed = np.where(np.abs(multiplier) > NOISE * scale, multiplier, 0.0)
        side = np.where(sense * weighed > 0, upper, lower)
        total += dot(weighed, side)
        size += abs(dot(np.abs(weighed), np.abs(side)))
    return total, size
