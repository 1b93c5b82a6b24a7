"""What multipliers of rows prove, by our own arithmetic.

May import numpy, scipy.sparse, the conic proofs, the Program, and the native SCIP object.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.conic_bound import dot, proof_of_infeasibility
from solvers.conic_program import task_of
from solvers.program import Block, Floats, Program
from solvers.scip_native import failures, native

# Multipliers whose bound is further from the optimum than this, relative to what they weigh, are
# not those of the optimum.
ENOUGH = 1e-6
# What SCIP states where it has no multipliers is 1e99.
INVALID = 1e20
# Multipliers that are but rounding errors of the largest one.
NOISE = 1e-9


def with_rows(program: Program, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> Program:
    """Return the Program with more rows behind its own."""
    block = Block(name="rows added", labels=range(len(lower)))
    return replace(
        program,
        matrix=sparse.csc_array(sparse.vstack([program.matrix, matrix], format="csc")),
        row_lower=np.concatenate([program.row_lower, lower]),
        row_upper=np.concatenate([program.row_upper, upper]),
        row_blocks=(*program.row_blocks, block),
    )


def prove_optimum(
    program: Program, row_dual: Floats, reduced_cost: Floats, objective: float
) -> bool:
    """Return whether multipliers bound a linear program by the objective of its optimum."""
    if (np.abs(row_dual) >= INVALID).any():
        return False
    sense = 1.0 if program.maximise else -1.0
    total, size = program.objective_constant, abs(objective)
    for multiplier, lower, upper in (
        (row_dual, program.row_lower, program.row_upper),
        (reduced_cost, program.column_lower, program.column_upper),
    ):
        scale = np.abs(multiplier).max(initial=0.0)
        weighed = np.where(np.abs(multiplier) > NOISE * scale, multiplier, 0.0)
        side = np.where(sense * weighed > 0, upper, lower)
        total += dot(weighed, side)
        size += abs(dot(np.abs(weighed), np.abs(side)))
    return abs(total - objective) <= ENOUGH * size


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
