"""Bounds of whole columns that are whole. May import the Program."""

from __future__ import annotations

import numpy as np

from solvers.program import Floats, Program

WHOLE_TOLERANCE = 1e-6
"""A bound this near to a whole number is that number."""


def whole_bounds(program: Program) -> tuple[Floats, Floats]:
    """Return the bounds of columns, those of whole ones the nearest whole numbers between.

    With others HiGHS loses optima, GLPK refuses. They cross where there is no whole number.
    """
    lower, upper, whole = program.column_lower, program.column_upper, program.integer
    if not program.has_integers:
        return lower, upper
    # Adding zero turns -0.0 into 0.0.
    least = np.where(whole, np.ceil(lower - WHOLE_TOLERANCE), lower) + 0.0
    most = np.where(whole, np.floor(upper + WHOLE_TOLERANCE), upper) + 0.0
    return least, most
