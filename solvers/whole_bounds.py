"""Bounds of whole columns that are whole. May import the Program."""

from __future__ import annotations

import numpy as np

from solvers.program import Floats, Program

WHOLE_TOLERANCE = 1e-6
"""A bound this near to a whole number is that number."""


def whole_bounds(program: Program) -> tuple[Floats, Floats]:
    """Return the bounds of columns, those of whole ones the nearest whole numbers between.

    With others HiGHS loses optima, GLPK refuses. They cross where there is no whole number.

    Examples
    --------
    >>> from scipy import sparse
    >>> program = Program(
    ...     objective=np.ones(2),
    ...     matrix=sparse.csc_array((0, 2)),
    ...     row_lower=np.zeros(0),
    ...     row_upper=np.zeros(0),
    ...     column_lower=np.full(2, 0.5),
    ...     column_upper=np.full(2, 2.5),
    ...     integer=np.array([True, False]),
    ... )
    >>> whole_bounds(program)
    (array([1. , 0.5]), array([2. , 2.5]))
    """
    lower, upper, whole = program.column_lower, program.column_upper, program.integer
    if not program.has_integers:
        return lower, upper
    # Adding zero turns -0.0 into 0.0.
    least = np.where(whole, np.ceil(lower - WHOLE_TOLERANCE), lower) + 0.0
    most = np.where(whole, np.floor(upper + WHOLE_TOLERANCE), upper) + 0.0
    return least, most
