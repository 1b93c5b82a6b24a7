"""The rows of a problem that tie agents together, all as matrix x <= side.

The blocks of a Program that say the same stand in COUPLING in the same order: their duals, each
with its sign, are the multipliers of these rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem import AllocationProblem
from librex_models.verification.price_bound import CouplingRows
from solvers import Program

Floats = npt.NDArray[np.float64]

COUPLING = (
    ("budget_limit", 1.0),
    ("extra_limit", 1.0),
    ("extra_minimum", -1.0),
    ("extra_equality", 1.0),
    ("extra_equality", -1.0),
)


def coupling_rows(problem: AllocationProblem) -> CouplingRows:
    """Return the budgets, which come first, and the user's own rows."""
    extra = problem.extra_rows
    if not len(extra):
        return CouplingRows(matrix=problem.usage, side=problem.budget, by_option=problem.requests)
    above, below, equal = extra.with_upper, extra.with_lower, extra.equations
    matrix = sparse.vstack(
        [
            problem.usage,
            extra.matrix[above],
            -extra.matrix[below],
            extra.matrix[equal],
            -extra.matrix[equal],
        ]
    )
    side = [problem.budget, extra.upper[above], -extra.lower[below]]
    side += [extra.upper[equal], -extra.upper[equal]]
    return CouplingRows(matrix=sparse.csc_array(matrix), side=np.concatenate(side))


def coupling_multipliers(dual: Floats, program: Program) -> Floats:
    """Return the multipliers of the coupling rows from the duals of a Program, shape (n_rows,)."""
    return np.concatenate(
        [np.maximum(sign * dual[program.rows_of(name)], 0.0) for name, sign in COUPLING]
    )
