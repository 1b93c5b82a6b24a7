"""Starts that leave columns open, completed where rows say what these are.

For solvers that complete a start by programs of their own, at a price. May import numpy and the
Program of this package.
"""

from __future__ import annotations

import numpy as np

from solvers.entries import of_columns
from solvers.program import Booleans, Floats, Integers, Program

# A column may follow from one that follows from another.
PASSES = 4


def completed(program: Program, start: Floats) -> Floats:
    """Return the start with the open columns that follow from others, NaN for those that do not.

    A column follows from a row of two equal sides in which all others are known. Where at last all
    columns that are open stand alone in their rows, each is as large or as small as rows and bounds
    allow, whatever the objective wants.

    Parameters
    ----------
    program : Program
        Linear.
    start : array of shape (n_columns,)
        NaN for columns that are open.
    """
    point = start.copy()
    is_equation = program.row_lower == program.row_upper
    matrix = program.matrix
    column_of = of_columns(matrix, np.arange(program.n_columns))
    for _ in range(PASSES):
        entries, is_alone, rest = _open_entries(program, column_of, point)
        tied = entries[is_alone & is_equation[matrix.indices[entries]]]
        if not tied.size:
            break
        row = matrix.indices[tied]
        point[column_of[tied]] = (program.row_upper[row] - rest[row]) / matrix.data[tied]
    if np.isnan(point).any() and is_alone.all():
        _take_best(program, column_of, point, entries, rest)
    return point


def _open_entries(
    program: Program, column_of: Integers, point: Floats
) -> tuple[Integers, Booleans, Floats]:
    """Return the entries of open columns, which are alone in their rows, and what others are."""
    matrix, is_open = program.matrix, np.isnan(point)
    entries = np.flatnonzero(is_open[column_of] & (matrix.data != 0))
    count = np.bincount(matrix.indices[entries], minlength=program.n_rows)
    is_alone: Booleans = count[matrix.indices[entries]] == 1
    return entries, is_alone, np.asarray(matrix @ np.where(is_open, 0.0, point))


def _take_best(
    program: Program, column_of: Integers, point: Floats, entries: Integers, rest: Floats
) -> None:
    """Write the best that open columns can be, each of which is alone in its rows."""
    row, column = program.matrix.indices[entries], column_of[entries]
    entry = program.matrix.data[entries]
    first, second = (
        (side[row] - rest[row]) / entry for side in (program.row_lower, program.row_upper)
    )
    least, most = program.column_lower.copy(), program.column_upper.copy()
    np.maximum.at(least, column, np.minimum(first, second))
    np.minimum.at(most, column, np.maximum(first, second))
    wants_more = program.objective > 0 if program.maximise else program.objective < 0
    best = np.where(wants_more, most, least)
    is_open = np.isnan(point) & np.isfinite(best)
    point[is_open] = best[is_open]
