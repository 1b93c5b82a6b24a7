"""The stored entries of a matrix, with one number for each row or each column.

A matrix that stores all its entries, in few rows, is read row by row: its pattern says nothing.
May import numpy and scipy.sparse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]

FEW_ROWS = 32
"""Rows of more than these lie so far apart in memory that reading them in turn gains nothing."""

COLUMNS_AT_ONCE = 2**16


def with_entries(matrix: sparse.csc_array, entries: Floats) -> sparse.csc_array:
    """Return a matrix of the same pattern, which shares its arrays, with other entries."""
    other = sparse.csc_array((entries, matrix.indices, matrix.indptr), shape=matrix.shape)
    # Not views of them, so that it can be seen that they are the same.
    other.data, other.indices, other.indptr = entries, matrix.indices, matrix.indptr
    other.has_canonical_format = matrix.has_canonical_format
    other.has_sorted_indices = matrix.has_sorted_indices
    return other


def of_columns(matrix: sparse.csc_array, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return, for each stored entry, the number of its column."""
    return np.repeat(numbers, np.diff(matrix.indptr))


def by_column(matrix: sparse.csc_array) -> Floats | None:
    """Return the entries, shape (n_columns, n_rows), or None where not all of them are stored."""
    n_rows, n_columns = matrix.shape
    if matrix.nnz != n_rows * n_columns or not matrix.has_sorted_indices:
        return None
    entries: Floats = matrix.data.reshape(n_columns, n_rows)
    return entries


def least_of_columns(matrix: sparse.csc_array, numbers: Floats) -> Floats:
    """Return the least of one number for each stored entry, column by column."""
    starts = matrix.indptr
    has_entries = np.diff(starts) > 0
    least = np.full(matrix.shape[1], np.inf)
    if has_entries.any():
        least[has_entries] = np.minimum.reduceat(numbers, starts[:-1][has_entries])
    return least


def least_quotients(of_row: Floats, matrix: sparse.csc_array) -> Floats:
    """Return, for each column, the least of the numbers of its rows over its entries."""
    full = _few_full_rows(matrix)
    if full is None:
        return least_of_columns(matrix, of_row[matrix.indices] / matrix.data)
    least = np.full(matrix.shape[1], np.inf)
    rows = np.flatnonzero(of_row < np.inf).tolist()
    for part in _parts(len(full)):
        for row in rows:
            np.fmin(least[part], of_row[row] / full[part, row], out=least[part])
    return least


def products(matrix: sparse.csc_array, of_row: Floats, of_column: Floats) -> Floats:
    """Return each stored entry, times the number of its row, times that of its column."""
    full = _few_full_rows(matrix)
    if full is None:
        scaled: Floats = matrix.data * of_row[matrix.indices] * of_columns(matrix, of_column)
        return scaled
    product = np.empty_like(full)
    for part in _parts(len(full)):
        for row, factor in enumerate(of_row.tolist()):
            np.multiply(full[part, row] * factor, of_column[part], out=product[part, row])
    return product.ravel()


def _parts(n_columns: int) -> list[slice]:
    """Return columns in parts that stay near the processor while each row is read."""
    starts = range(0, n_columns, COLUMNS_AT_ONCE)
    return [slice(start, start + COLUMNS_AT_ONCE) for start in starts]


def _few_full_rows(matrix: sparse.csc_array) -> Floats | None:
    return by_column(matrix) if matrix.shape[0] <= FEW_ROWS else None
