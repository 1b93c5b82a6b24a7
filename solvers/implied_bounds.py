"""Bounds of columns that follow from rows and bounds together, by arithmetic alone.

May import the arrays' types of this package.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from solvers.program import Floats, Integers


def implied_bounds(
    matrix: sparse.csr_array, row_lower: Floats, row_upper: Floats, lower: Floats, upper: Floats
) -> tuple[Floats, Floats]:
    """Return bounds of the columns that follow from rows and bounds, rounded outwards."""
    entries = matrix.tocoo()
    row, column = (place.astype(np.int64) for place in entries.coords)
    entry = entries.data
    least, most = lower.copy(), upper.copy()
    # Decisions are bounded by budgets, then utilities by decisions, then what is below utilities.
    for _ in range(3):
        ends = np.stack([entry * least[column], entry * most[column]])
        above = _room(row_upper, ends.min(axis=0), row)
        below = -_room(-row_lower, -ends.max(axis=0), row)
        high = np.where(entry > 0, above, below) / entry
        low = np.where(entry > 0, below, above) / entry
        np.minimum.at(most, column, _raised(high))
        np.maximum.at(least, column, -_raised(-low))
    # Where rows contradict each other, the solver is to say so.
    crossed = least > most
    return np.where(crossed, lower, least), np.where(crossed, upper, most)


def _room(side: Floats, smallest: Floats, row: Integers) -> Floats:
    """Return what an upper side leaves to each entry, the others of its row at their smallest."""
    is_finite = np.isfinite(smallest)
    number = np.where(is_finite, smallest, 0.0)
    total = np.bincount(row, number, minlength=len(side))[row]
    size = np.bincount(row, np.abs(number), minlength=len(side))[row]
    n_infinite = np.bincount(row, ~is_finite, minlength=len(side))[row]
    room = side[row] - (total - number)
    # What is but a rounding error of the numbers in the row is nothing.
    room[np.abs(room) <= 1e-13 * (np.abs(side[row]) + size)] = 0.0
    room[n_infinite - ~is_finite > 0] = np.inf
    room[np.isinf(side[row])] = np.inf
    return room


def _raised(numbers: Floats) -> Floats:
    """Return numbers a little larger, for rounding errors."""
    return np.where(np.isfinite(numbers), numbers + 1e-9 * np.abs(numbers), numbers)
