"""Entries so small that a solver drops them. May import numpy and the Program of this package."""

from __future__ import annotations

import numpy as np

from solvers.entries import of_columns
from solvers.program import Program


def loses_entries(program: Program, smallest: float) -> bool:
    """Return whether rows get looser or tighter in a way that matters without small entries.

    A row of upper sides only, over columns at least zero, is looser without a positive entry: what
    is optimal without it bounds what is optimal with it. Any other row may be tighter.
    """
    matrix = program.matrix
    if matrix.data.min(initial=np.inf) >= smallest:
        return False
    is_lost = (matrix.data != 0) & (np.abs(matrix.data) < smallest)
    if not is_lost.any():
        return False
    column = of_columns(matrix, np.arange(program.n_columns))[is_lost]
    row = matrix.indices[is_lost]
    only_upper = np.isinf(program.row_lower[row]) & (program.column_lower[column] >= 0)
    return not bool((only_upper & (matrix.data[is_lost] > 0)).all())
