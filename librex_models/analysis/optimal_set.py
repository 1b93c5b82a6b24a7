"""Which parts of an optimum are the same in all optimal points, and in all optimal multipliers.

Around a point in the middle of all optimal ones they are those directions of the free coordinates
that change no row and no utility; multipliers likewise, over the rows of coordinates without price.
A vector that is drawn is brought near to what moves: with one that is drawn, none of the entries
that can be other than zero is zero.

May import the standard form, its equations and its optimum.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from librex_models.analysis.optimum_equations import Equations
from librex_models.analysis.sharp_optimum import SharpOptimum
from librex_models.analysis.standard_form import Booleans, StandardForm
from solvers.program import Floats

MOVES = 1e-6
TIED = 1e-22
"""The square of the singular value below which a direction is taken to change nothing."""


def unique_point(form: StandardForm, optimum: SharpOptimum) -> Booleans:
    """Return which coordinates have one value in all optimal points."""
    may_move = optimum.is_free.copy()
    may_move[form.terms] = False
    stiffness = np.where(may_move, 1.0, 1.0 / TIED)
    drawn = np.where(may_move, _drawn(len(may_move)), 0.0)
    n_rows = form.matrix.shape[0]
    slack = np.full(n_rows, 1.0 / TIED)
    moved, _ = _relaxed(form, stiffness, slack, drawn, np.zeros(n_rows))
    return ~(may_move & (np.abs(moved) > MOVES))


def unique_multiplier(form: StandardForm, optimum: SharpOptimum) -> Booleans:
    """Return which rows have one multiplier in all optimal ones."""
    n_rows, n = form.matrix.shape
    stiffness = np.where(optimum.is_held, 1.0 / TIED, TIED)
    _, kept = _relaxed(form, stiffness, np.ones(n_rows), np.zeros(n), _drawn(n_rows))
    return np.asarray(np.abs(kept) <= MOVES)


def _relaxed(
    form: StandardForm, stiffness: Floats, slack: Floats, force: Floats, missing: Floats
) -> tuple[Floats, Floats]:
    """Return how coordinates move, and what is left to a slack in every row."""
    n_rows, n = form.matrix.shape
    whole = sparse.csc_array(sparse.hstack([form.matrix, sparse.eye_array(n_rows)]))
    equations = Equations(whole).of(np.concatenate([stiffness, slack]))
    dw, _ = equations.solve(np.concatenate([force, np.zeros(n_rows)]), missing)
    return dw[:n], dw[n:]


def _drawn(size: int) -> Floats:
    return np.random.default_rng(0).normal(size=size)
