"""What multipliers of rows prove, by our own arithmetic.

May import numpy, scipy.sparse, the conic proofs, the Program, and the native SCIP object.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import sparse

from solvers.conic_bound import proof_of_infeasibility
from solvers.conic_program import task_of
from solvers.linear_proofs import dual_bound
from solvers.program import Floats, Program
from solvers.scip_native import failures, native

# Multipliers whose bound is further from the optimum than this, relative to what they weigh, are
# not those of the optimum.
ENOUGH = 1e-6
# What SCIP states where it has no multipliers is 1e99.
INVALID = 1e20


def prove_optimum(program: Program, row_dual: Floats, objective: float) -> bool:
    """Return whether multipliers bound a linear program by the objective of its optimum."""
    if (np.abs(row_dual) >= INVALID).any():
        return False
    total, size = dual_bound(program, row_dual)
    return abs(total - objective) <= ENOUGH * (size + abs(objective))


def infeasibility_ray(program: Program, farkas: Floats) -> Floats | None:
    """Return multipliers that prove infeasibility: those of SCIP, or of its linear solver, or None.

    SCIP has none where it saw the infeasibility by arithmetic or during strong branching.
    """
    task = task_of(program)
    if (np.abs(farkas) < INVALID).all():
        ray = proof_of_infeasibility(task, farkas)
        if ray is not None:
            return ray
    found = _ray_of_linear_solver(program)
    return None if found is None else proof_of_infeasibility(task, found)


def _ray_of_linear_solver(program: Program) -> Floats | None:
    """Return what SCIP's linear solver states for the rows when it is asked alone."""
    linear = native().LP()
    infinity = linear.infinity()
    matrix = sparse.csr_array(program.matrix)
    ends = matrix.indptr.tolist()
    entries = list(zip(matrix.indices.tolist(), matrix.data.tolist(), strict=True))

    def finite(numbers: Floats) -> list[float]:
        limited: list[float] = np.clip(numbers, -infinity, infinity).tolist()
        return limited

    n_columns = program.n_columns
    with failures("look for multipliers"):
        linear.addCols(
            [[]] * n_columns,
            [0.0] * n_columns,
            finite(program.column_lower),
            finite(program.column_upper),
        )
        linear.addRows(
            [entries[first:last] for first, last in itertools.pairwise(ends)],
            finite(program.row_lower),
            finite(program.row_upper),
        )
        linear.solve()
        ray = linear.getDualRay()
    # Our convention weighs upper sides positively.
    return None if ray is None else -np.array(ray)
