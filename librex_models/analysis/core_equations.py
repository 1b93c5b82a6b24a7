"""The equations of an optimum between columns and the rows that couple them.

    diag(stiffness) dw + matrix' y = force,   matrix dw - ease y = missing

that is, the least of sum stiffness_i (v_i - force_i / stiffness_i)^2 over what rows demand, each
row with a slack of stiffness 1 / ease. Over dozens of decades of stiffness the sums matrix
diag(1 / stiffness) matrix' keep nothing of what is stiff. So the rows are solved for the softest
columns first, by elimination with pivoting of the matrix in units in which all columns are equally
stiff; then no factor is above 1, and what is left is a least-squares problem near the identity
(Powell & Reid 1969; Bjorck 1996, Numerical Methods for Least Squares Problems, 2.7 and 4.4).

May import the types of a Program.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy import sparse

from solvers.program import Floats

MOST_DENSE = 2e9
"""Operations of an elimination above which matrices are kept sparse."""
SMALL = 200
"""The order of a system that is solved as it is, without an identity for its inverse."""
GIVE = 1e-16
"""What is added to a sparse diagonal, so that rows that depend on each other can be solved."""
REFINED = 2
DEPENDENT = 1e-11


class Core(Protocol):
    """Equations that are ready to be solved."""

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats, Floats]:
        """Return dw, y and what the slacks of rows give; right-hand sides have columns."""
        ...


def core(matrix: sparse.csr_array, stiffness: Floats, ease: Floats) -> Core:
    """Return the equations, ready to be solved.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of shape (n_rows, n)
    stiffness : array of shape (n,)
        Above zero.
    ease : array of shape (n_rows,)
        At least zero.

    Raises
    ------
    RuntimeError
        If a sparse system is singular.
    """
    n_rows, n = matrix.shape
    if n_rows == 0:
        return _Uncoupled(stiffness)
    if float(n + n_rows) * n_rows**2 <= MOST_DENSE:
        return _Dense(matrix, stiffness, ease)
    return _Sparse(matrix, stiffness, ease)


class _Uncoupled:
    def __init__(self, stiffness: Floats) -> None:
        self._stiffness = stiffness

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats, Floats]:
        return force / self._stiffness[:, np.newaxis], missing, missing


class _Dense:
    """Elimination of the softest columns, with pivoting."""

    def __init__(self, matrix: sparse.csr_array, stiffness: Floats, ease: Floats) -> None:
        from scipy.linalg.lapack import dgetrf

        self._kept = _independent(matrix, ease)
        matrix, ease = sparse.csr_array(matrix[self._kept]), ease[self._kept]
        n_rows, n = matrix.shape
        self._n = n
        self._given = np.flatnonzero(ease > 0)
        self._root = np.sqrt(np.concatenate([stiffness, 1.0 / ease[self._given]]))
        whole = np.zeros((len(self._root), n_rows))
        whole[:n] = matrix.toarray().T
        whole[n + np.arange(len(self._given)), self._given] = 1.0
        whole /= self._root[:, np.newaxis]
        size = np.abs(whole).max(axis=0)
        self._row = np.where(size > 0, size, 1.0)
        factors, swaps, _ = dgetrf(whole / self._row, overwrite_a=True)
        order = np.arange(len(self._root))
        for i, other in enumerate(swaps.tolist()):
            order[i], order[other] = order[other], order[i]
        self._soft, self._stiff = order[:n_rows], order[n_rows:]
        self._upper = factors[:n_rows]
        self._across = self._lower(factors[n_rows:].T, transposed=True).T
        self._inverse = _near_identity(self._across)

    def _lower(self, right: Floats, transposed: bool = False) -> Any:
        return _triangular(self._upper, right, transposed, lower=True, unit_diagonal=True)

    def _high(self, right: Floats, transposed: bool = False) -> Any:
        return _triangular(self._upper, right, transposed)

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats, Floats]:
        n, root = self._n, self._root[:, np.newaxis]
        row = self._row[:, np.newaxis]
        wish = np.zeros((len(root), force.shape[1]))
        wish[:n] = force / root[:n]
        needed = self._lower(
            self._high(missing[self._kept] / row, transposed=True), transposed=True
        )
        of_soft = wish[self._soft]
        of_stiff = self._inverse(wish[self._stiff] + self._across @ (needed - of_soft))
        v = np.empty_like(wish)
        v[self._stiff] = of_stiff
        v[self._soft] = needed - self._across.T @ of_stiff
        y, given = np.zeros_like(missing), np.zeros_like(missing)
        y[self._kept] = self._high(self._lower(of_soft - v[self._soft])) / row
        v = v / root
        given[self._kept[self._given]] = v[n:]
        return v[:n], y, given


def _triangular(matrix: Floats, right: Floats, transposed: bool, **kind: bool) -> Any:
    # The types of scipy's stubs do not cover keywords that are passed on.
    from scipy import linalg

    solve: Any = linalg.solve_triangular
    return solve(matrix, right, trans=1 if transposed else 0, check_finite=False, **kind)


def _independent(matrix: sparse.csr_array, ease: Floats) -> Any:
    """Return rows that do not depend on each other; those that give way never do."""
    firm = np.flatnonzero(ease <= 0)
    if len(firm) < 2:
        return np.arange(len(ease))
    from scipy.linalg import qr

    corner, order = qr(matrix[firm].toarray().T, mode="r", pivoting=True)
    size = np.abs(np.diag(corner))
    rank = int((size > DEPENDENT * size.max(initial=0.0)).sum())
    return np.sort(np.concatenate([np.flatnonzero(ease > 0), firm[order[:rank]]]))


def _near_identity(across: Floats) -> Any:
    """Return what solves 1 + across across'."""
    from scipy.linalg import cho_factor, cho_solve

    n_stiff, n_soft = across.shape
    if n_stiff == 0:
        return lambda right: right
    if n_stiff <= max(n_soft, SMALL):
        factor = cho_factor(np.eye(n_stiff) + across @ across.T, check_finite=False)
        return lambda right: cho_solve(factor, right, check_finite=False)
    factor = cho_factor(np.eye(n_soft) + across.T @ across, check_finite=False)

    def inverse(right: Floats) -> Any:
        return right - across @ cho_solve(factor, across.T @ right, check_finite=False)

    return inverse


class _Sparse:
    """Elimination of columns and rows together."""

    def __init__(self, matrix: sparse.csr_array, stiffness: Floats, ease: Floats) -> None:
        from scipy.sparse.linalg import splu

        self._column = 1.0 / np.sqrt(stiffness)
        own: Any = sparse.csr_array(matrix @ sparse.diags_array(self._column))
        size = np.maximum(abs(own).max(axis=1).toarray().ravel(), np.sqrt(ease))
        self._row = 1.0 / np.where(size > 0, size, 1.0)
        self._ease = ease
        own = sparse.diags_array(self._row) @ own
        n_rows, n = own.shape
        corner = sparse.diags_array(-ease * self._row**2)
        blocks: Any = [[sparse.eye_array(n), own.T], [own, corner]]
        self._exact = sparse.block_array(blocks, format="csc")
        give = np.concatenate([np.full(n, GIVE), np.full(n_rows, -GIVE)])
        self._factors = splu(sparse.csc_array(self._exact + sparse.diags_array(give)))

    def solve(self, force: Floats, missing: Floats) -> tuple[Floats, Floats, Floats]:
        n = len(self._column)
        column, row = self._column[:, np.newaxis], self._row[:, np.newaxis]
        right = np.concatenate([force * column, missing * row])
        solution = self._factors.solve(right)
        for _ in range(REFINED):
            solution = solution + self._factors.solve(right - self._exact @ solution)
        y = solution[n:] * row
        return solution[:n] * column, y, -self._ease[:, np.newaxis] * y
