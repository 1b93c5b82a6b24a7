"""The end of the central path of a standard form, in the middle of all its optima.

Primal-dual interior points lead to the middle of all optimal points and of all optimal prices
(Guler & Ye 1993, Math. Program. 60, 309-321). With price z of each coordinate w that has a sign,
and marginal utility q of each term,

    w_i z_i = mu_i,   log q_t = log weight_t - alpha log w_t,   matrix' y = cost + q + z

Newton's method on the logarithm of q goes over any alpha in steps of its own size. For large alpha
the prices that count go over many decades, from those who have least to those who have most: mu
falls until it is small in the units of every price, and what is smaller than the rounding of the
numbers that it is the difference of is taken for zero, lest the rounding of large prices hide small
ones.

May import the standard form and its equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from librex_models.analysis.coupled_equations import coupled, coupling
from librex_models.analysis.optimum_equations import Equations
from librex_models.analysis.standard_form import Booleans, StandardForm
from solvers.program import Floats

FIRST_MU = 1e-2
SMALL = 1e-15
"""What mu is at the end, in the unit of a price."""
OF_LITTLE = 1e-24
"""The same for decisions where alpha < 1: however little is decided, its price is zero."""
NEAR_CENTRE = 1e3
MOST_STEPS = 500
TO_THE_EDGE = 0.995
FLAT = 1e-30
"""The stiffness of columns that have neither sign nor curvature."""
ROUNDING = 1e-15
NEAR_MARGINAL = 1e-6
VANISHING = 1e-20
"""The share of welfare of a utility that goes to zero, for alpha < 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Middle:
    """The end of the central path.

    Parameters
    ----------
    point, price, scale, small : arrays of shape (n_coordinates,)
        The scale is what is much of a price; small is what a coordinate times its price is, where
        the price is in that unit.
    multiplier : array of shape (n_rows,)
    """

    point: Floats
    price: Floats
    scale: Floats
    small: Floats
    multiplier: Floats


@dataclass
class _Iterate:
    """Where a path is: point, prices of signs, marginal utilities and multipliers."""

    w: Floats
    z: Floats
    q: Floats
    y: Floats


@np.errstate(all="ignore")
def end_of_path(form: StandardForm, equations: Equations, near: Floats) -> Middle | None:
    """Return point, multipliers and prices at the end of the central path, None without one.

    Parameters
    ----------
    form : StandardForm
    equations : Equations
        Of its matrix.
    near : array of shape (n_coordinates,)
        A point near it.
    """
    sign, mu = _moving_signs(form), FIRST_MU
    w = np.where(sign, np.maximum(near, mu), np.where(form.is_forced, 0.0, near))
    y = np.zeros(len(form.right_hand_side))
    at = _Iterate(w=w, z=np.where(sign, mu / w, 0.0), q=form.marginal(w), y=y)
    goal = np.full(len(w), mu)
    small = np.full(len(w), SMALL)
    small[: form.n_columns] = OF_LITTLE if form.can_vanish else SMALL
    size_of = abs(form.matrix)
    for _ in range(MOST_STEPS):
        try:
            lengths, surprise = _step(form, equations, size_of, at, goal)
        except RuntimeError:
            return None
        if not (np.isfinite(at.w).all() and np.isfinite(at.y).all()):
            return None
        scale, _ = price_scales(form, at.q, at.y)
        if min(lengths) > 0.5:
            least = float((small * scale)[sign].min(initial=SMALL))
            if mu <= least and surprise < NEAR_MARGINAL:
                product = (at.w * at.z / goal)[sign]
                if ((product > 1.0 / NEAR_CENTRE) & (product < NEAR_CENTRE)).all():
                    return _with_forced(form, at, small)
            mu = max(min(mu, least), (0.1 if min(lengths) > 0.9 else 0.5) * mu)
        # Without room inside of the rows prices go to infinity, and the goal stays.
        goal = np.maximum(mu, small * np.minimum(scale, 1.0))
    return None


def _step(
    form: StandardForm, equations: Equations, size_of: sparse.csc_array, at: _Iterate, goal: Floats
) -> tuple[tuple[float, float], float]:
    """Move an iterate by a step of Newton's method; return its lengths, and how far q was off."""
    sign, terms = _moving_signs(form), form.terms
    pull = np.where(sign, at.z / at.w, 0.0)
    curvature = form.curvature(at.w, at.q)
    stiffness = curvature + pull
    stiffness = np.where(stiffness > 0, stiffness, FLAT)
    stiffness = np.where(form.is_forced, 1.0 / FLAT, stiffness)
    log_q, log_w = np.log(at.q), np.log(at.w[terms])
    log_u, raised = form.alpha * log_w, form.log_raised(log_w)
    surprise = without_rounding(
        log_q + log_u - raised - form.log_weight,
        4.0 * (1.0 + np.abs(log_q) + np.abs(log_u) + np.abs(raised)),
    )
    gradient = form.gradient(at.q)
    lacking = gradient + at.z - form.matrix.T @ at.y
    force = without_rounding(lacking, np.abs(gradient) + at.z + size_of.T @ np.abs(at.y))
    to_centre = np.where(sign, goal / at.w - at.z, 0.0)
    force += to_centre
    force[terms] -= at.q * surprise
    force[form.is_forced] = 0.0
    missing = without_rounding(
        form.right_hand_side - form.matrix @ at.w,
        np.abs(form.right_hand_side) + size_of @ np.abs(at.w),
    )
    groups = coupling(form, at.w, at.q)
    dw, dy = coupled(equations.of(stiffness), groups).solve(force, missing)
    dw[form.is_forced] = 0.0
    dz = to_centre - pull * dw
    dq = -at.q * surprise - curvature[terms] * dw[terms]
    if groups is not None:
        dq += groups.pulled(dw)[terms]
    length = min(_longest(at.w[sign], dw[sign]), _longest(at.w[terms], dw[terms]))
    price_length = min(_longest(at.z[sign], dz[sign]), _longest(at.q, dq))
    at.w = at.w + length * dw
    at.z, at.q = at.z + price_length * dz, at.q + price_length * dq
    at.y = at.y + price_length * dy
    counts = ~_vanishing(form, at.w)
    return (length, price_length), float(np.abs(surprise[counts]).max(initial=0.0))


def _moving_signs(form: StandardForm) -> Booleans:
    return form.has_sign & ~form.is_forced


def _with_forced(form: StandardForm, at: _Iterate, small: Floats) -> Middle:
    """Return the end of the path; what is forced to zero gets prices well above zero.

    Rows that force it leave no room for a path. Any price that is high enough is optimal.
    """
    y, forced = at.y.copy(), form.is_forced
    if forced.any():
        rows = sparse.csr_array(form.matrix)
        lacking = np.where(forced, form.gradient(at.q) - form.matrix.T @ y, 0.0)
        scale, _ = price_scales(form, at.q, y)
        forcing = np.flatnonzero((abs(rows) @ (~forced).astype(np.float64) == 0) & _used(rows))
        for row in forcing.tolist():
            inside = slice(rows.indptr[row], rows.indptr[row + 1])
            column, entry = rows.indices[inside], rows.data[inside]
            wanted = (lacking[column] + scale[column]) / np.maximum(entry, 1e-300)
            y[row] += max(0.0, float(wanted[entry > 0].max(initial=0.0)))
    scale, _ = price_scales(form, at.q, y)
    price = np.where(forced, scale, at.z)
    return Middle(point=at.w, price=price, scale=scale, small=small, multiplier=y)


def _used(rows: sparse.csr_array) -> Booleans:
    return np.asarray(np.diff(rows.indptr) > 0)


def _vanishing(form: StandardForm, w: Floats) -> Booleans:
    """Return which terms go to zero and count for nothing there; they never come to an end."""
    return np.asarray(form.log_importance(w) < np.log(VANISHING))


def price_scales(form: StandardForm, marginal: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return what is much of the price of each coordinate, and of each multiplier.

    Of a column it is the largest number in its equation; of a row, what is felt by one of its
    columns; and of a slack, what its row's is.
    """
    n, matrix = form.n_columns, form.matrix
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    size = np.abs(matrix.data)
    scale = np.abs(form.gradient(marginal))
    np.maximum.at(scale, column, size * np.abs(y)[matrix.indices])
    least = min(1.0, float(marginal.min(initial=1.0)))
    scale = np.maximum(scale, least)
    row_scale = np.full(matrix.shape[0], np.inf)
    inside = (column < n) & (size > 0)
    felt = scale[column[inside]] / size[inside]
    np.minimum.at(row_scale, matrix.indices[inside], felt)
    row_scale = np.where(np.isfinite(row_scale), row_scale, least)
    slack = column >= n
    scale[column[slack]] = size[slack] * row_scale[matrix.indices[slack]]
    return np.maximum(scale, least), row_scale


def without_rounding(numbers: Floats, size: Floats) -> Floats:
    """Return differences, those that are less than the rounding of their size as zero."""
    return np.where(np.abs(numbers) > ROUNDING * size, numbers, 0.0)


def _longest(numbers: Floats, changes: Floats) -> float:
    """Return the part of a step, at most 1, that leaves numbers well above zero."""
    falls = changes < 0
    return min(1.0, TO_THE_EDGE * float((-numbers[falls] / changes[falls]).min(initial=np.inf)))
