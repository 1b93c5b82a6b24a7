"""The linear equations of an optimum that is moved, or sharpened.

    diag(curvature) dw + matrix' y = force,   matrix dw = missing

Curvatures go over many decades, of prices above zero towards infinity: columns and rows are solved
in units in which they are about 1. May import the types of a Program.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from solvers.program import Floats

GIVE = 1e-16
"""What is added to the diagonal, so that rows that depend on each other can be solved."""
REFINED = 2
SMALL = 150
"""Equations that are solved dense."""
LARGEST_DENSE = 800
"""Equations whose singular values are looked at."""
LEAST_SINGULAR = 1e-11
LEAST_ROW = 1e-140


def solved(
    matrix: sparse.csc_array, curvature: Floats, force: Floats, missing: Floats
) -> tuple[Floats, Floats]:
    """Return dw and y.

    Parameters
    ----------
    matrix : scipy.sparse.csc_array of shape (n_rows, n)
    curvature : array of shape (n,)
        At least zero.
    force, missing : arrays of shape (n,) and (n_rows,), or with one column for each of several
        right-hand sides

    Raises
    ------
    RuntimeError
        If a sparse system is singular; of a dense one the answer is no numbers then.
    """
    shrink = 1.0 / np.sqrt(np.maximum(curvature, 1.0))
    n_rows, n = matrix.shape
    own: Any = matrix @ sparse.diags_array(shrink) if n + n_rows > SMALL else matrix.toarray()
    own = own if n + n_rows > SMALL else own * shrink
    stretch = _stretch(own)
    give = np.concatenate([np.full(n, GIVE), np.full(n_rows, -GIVE)])
    if n + n_rows <= SMALL:
        exact = _dense(own * stretch[:, np.newaxis], curvature * shrink**2)
        inverse = _inverse_of_dense(exact + np.diag(give))
    else:
        exact = _sparse(sparse.diags_array(stretch) @ own, curvature * shrink**2)
        inverse = _inverse_of_sparse(exact + sparse.diags_array(give))
    right, column, row = _right(force, missing, shrink, stretch)
    solution = inverse(right)
    for _ in range(REFINED):
        solution = solution + inverse(right - exact @ solution)
    return solution[:n] * column, solution[n:] * row


def least_solved(
    matrix: sparse.csc_array, curvature: Floats, force: Floats, missing: Floats
) -> tuple[Floats, Floats]:
    """Return the same; where there are several solutions, the one that is nearest to zero."""
    n_rows, n = matrix.shape
    if n_rows + n > LARGEST_DENSE:
        return solved(matrix, curvature, force, missing)
    shrink = 1.0 / np.sqrt(np.maximum(curvature, 1.0))
    own = matrix.toarray() * shrink
    stretch = _stretch(own)
    whole = _dense(own * stretch[:, np.newaxis], curvature * shrink**2)
    right, column, row = _right(force, missing, shrink, stretch)
    solution = np.linalg.lstsq(whole, right, rcond=LEAST_SINGULAR)[0]
    return solution[:n] * column, solution[n:] * row


def _stretch(own: Any) -> Floats:
    """Return what makes the rows of a matrix about 1."""
    size = np.sqrt(np.asarray((own * own).sum(axis=1)).ravel())
    return np.asarray(1.0 / np.where(size > LEAST_ROW, size, 1.0))


def _dense(own: Floats, diagonal: Floats) -> Any:
    n_rows, n = own.shape
    whole = np.zeros((n + n_rows, n + n_rows))
    whole[:n, n:], whole[n:, :n] = own.T, own
    whole[np.arange(n), np.arange(n)] = diagonal
    return whole


def _sparse(own: Any, diagonal: Floats) -> Any:
    corner = sparse.csc_array((own.shape[0], own.shape[0]))
    blocks: Any = [[sparse.diags_array(diagonal), own.T], [own, corner]]
    return sparse.block_array(blocks, format="csc")


def _inverse_of_dense(whole: Floats) -> Callable[[Floats], Floats]:
    from scipy.linalg import lu_factor, lu_solve

    factors = lu_factor(whole, check_finite=False)
    return lambda right: np.asarray(lu_solve(factors, right, check_finite=False))


def _inverse_of_sparse(whole: Any) -> Callable[[Floats], Floats]:
    from scipy.sparse.linalg import splu

    factors = splu(sparse.csc_array(whole))
    return lambda right: np.asarray(factors.solve(right))


def _right(
    force: Floats, missing: Floats, shrink: Floats, stretch: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the right-hand sides in units, and the units of columns and rows."""
    column, row = shrink, stretch
    if force.ndim > 1:
        column, row = shrink[:, np.newaxis], stretch[:, np.newaxis]
    return np.concatenate([force * column, missing * row]), column, row
