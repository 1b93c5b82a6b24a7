"""Which parts of an optimum are the same in all optimal points, and in all optimal multipliers.

Around a point in the middle of all optimal ones they are those directions of the free coordinates
that change no row and no utility; multipliers likewise, over the rows of coordinates without price.

May import the standard form and its optimum.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from librex_models.analysis.optimum_equations import LARGEST_DENSE, solved
from librex_models.analysis.sharp_optimum import SharpOptimum
from librex_models.analysis.standard_form import Booleans, StandardForm

LEAST_SINGULAR = 1e-9
MOVES = 1e-6


def unique_point(form: StandardForm, optimum: SharpOptimum) -> Booleans:
    """Return which coordinates have one value in all optimal points."""
    may_move = optimum.is_free.copy()
    may_move[form.terms] = False
    is_unique = np.ones(len(may_move), dtype=np.bool_)
    is_unique[may_move] = ~_moves(sparse.csc_array(form.matrix[:, np.flatnonzero(may_move)]))
    return is_unique


def unique_multiplier(form: StandardForm, optimum: SharpOptimum) -> Booleans:
    """Return which rows have one multiplier in all optimal ones."""
    without_price = np.flatnonzero(~optimum.is_held)
    return ~_moves(sparse.csc_array(form.matrix[:, without_price].T))


def _moves(matrix: sparse.csc_array) -> Booleans:
    """Return which entries are not zero for all v with matrix v = 0."""
    n_rows, n = matrix.shape
    if n == 0 or n_rows == 0:
        return np.ones(n, dtype=np.bool_)
    if n_rows + n <= LARGEST_DENSE:
        dense = matrix.toarray()
        _, size, directions = np.linalg.svd(dense, full_matrices=True)
        rank = int((size > LEAST_SINGULAR * max(1.0, size.max(initial=0.0))).sum())
        return np.asarray(np.abs(directions[rank:]).max(axis=0, initial=0.0) > MOVES)
    # The part of a drawn vector that the rows leave as it is: with one that is drawn, none of the
    # entries that can be other than zero is zero.
    drawn = np.random.default_rng(0).normal(size=n)
    kept, _ = solved(matrix, np.ones(n), drawn, np.zeros(n_rows))
    return np.asarray(np.abs(kept) > MOVES)
