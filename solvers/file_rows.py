"""The rows of a Program as files have them: one side each. May import the Program and file names.

A row with two sides becomes two, for most readers of LP files take one side a row, and the range of
an MPS file may lose the last bit of the other. A row without any side says nothing and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from solvers.file_names import LOWER_SIDE
from solvers.program import Floats, Program


@dataclass(frozen=True, kw_only=True, eq=False)
class FileRows:
    """Rows with one side each, in the order of the Program.

    Parameters
    ----------
    names : list of str
    matrix : scipy.sparse.csc_array of shape (n_file_rows, n_columns)
    kind : list of str
        "L", "G" or "E": at most, at least, equal.
    side : array of shape (n_file_rows,)
    """

    names: list[str]
    matrix: sparse.csc_array
    kind: list[str]
    side: Floats


def file_rows(program: Program, names: list[str]) -> FileRows:
    """Return the rows of a Program with one side each.

    Parameters
    ----------
    program : Program
    names : list of str
        Of the Program's rows, as they are in the file.
    """
    lower, upper = program.row_lower, program.row_upper
    is_equal = (lower == upper) & np.isfinite(lower)
    has_upper = np.isfinite(upper)
    has_lower = np.isfinite(lower) & ~is_equal
    # Row by row, the upper side comes before the lower one.
    wanted = np.column_stack([has_upper, has_lower])
    row, is_lower = np.nonzero(wanted)
    is_second = is_lower.astype(np.bool_) & has_upper[row]
    side = np.where(is_lower == 1, lower[row], upper[row])
    kind = np.where(is_lower == 1, "G", np.where(is_equal[row], "E", "L"))
    matrix = sparse.csc_array(program.matrix)
    if not np.array_equal(row, np.arange(program.n_rows)):
        matrix = sparse.csc_array(sparse.csr_array(matrix)[row])
    return FileRows(
        names=[
            f"{names[place]}{LOWER_SIDE}" if second else names[place]
            for place, second in zip(row.tolist(), is_second.tolist(), strict=True)
        ],
        matrix=matrix,
        kind=kind.tolist(),
        side=side + 0.0,
    )
