"""The optimum of a standard form to rounding, and which inequalities are active and priced.

Primal-dual interior points lead to the middle of all optimal points and of all optimal prices
(Guler & Ye 1993, Math. Program. 60, 309-321). There, a coordinate with a sign is one of three:

    free      above zero, its price zero;
    held      zero, its price above zero;
    on edge   zero, and its price zero as well: strict complementarity fails.

Newton's method on what is free then gives point and multipliers to rounding.

May import the standard form and its equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from librex_models.analysis.optimum_equations import least_solved, solved
from librex_models.analysis.standard_form import Booleans, StandardForm
from solvers.program import Floats

FIRST_MU = 1e-2
LEAST_MU = 1e-15
APART = 1e4
"""How many times larger than its price a coordinate is that is free, and the other way round."""
NEAR_CENTRE = 1e3
MOST_STEPS = 200
TO_THE_EDGE = 0.995
ACCURATE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Middle:
    """The end of the central path.

    Parameters
    ----------
    point, price : arrays of shape (n_coordinates,)
    multiplier : array of shape (n_rows,)
    """

    point: Floats
    price: Floats
    multiplier: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class SharpOptimum:
    """A point and multipliers of a standard form in the middle of all that are optimal.

    Parameters
    ----------
    point, price : arrays of shape (n_coordinates,)
        The price of a coordinate is what forcing it up by 1 costs.
    multiplier : array of shape (n_rows,)
        Welfare per unit of right-hand side.
    is_free, is_held, is_on_edge : boolean arrays of shape (n_coordinates,)
        Coordinates without a sign are free.
    """

    point: Floats
    price: Floats
    multiplier: Floats
    is_free: Booleans
    is_held: Booleans
    is_on_edge: Booleans


@np.errstate(all="ignore")
def end_of_path(form: StandardForm, near: Floats) -> Middle | None:
    """Return point, multipliers and prices at the end of the central path, None without one.

    Parameters
    ----------
    form : StandardForm
    near : array of shape (n_coordinates,)
        A point near it.
    """
    sign, mu = form.has_sign, FIRST_MU
    w = np.where(sign, np.maximum(near, FIRST_MU), near)
    unit = np.where(sign, form.price_unit, 0.0)
    z = np.where(sign, mu * unit / w, 0.0)
    y = np.zeros(len(form.right_hand_side))
    for _ in range(MOST_STEPS):
        pull = np.where(sign, z / w, 0.0)
        gradient = form.gradient(w)
        curvature = form.curvature(w) + pull
        missing = form.right_hand_side - form.matrix @ w
        of_price = np.where(sign, mu * unit / w, 0.0)
        try:
            dw, y_new = solved(form.matrix, curvature, gradient + of_price, missing)
        except RuntimeError:
            return None
        if not (np.isfinite(dw).all() and np.isfinite(y_new).all()):
            return None
        dz = np.where(sign, of_price - z - pull * dw, 0.0)
        length = _length(form, w, dw)
        price_length = min(1.0, TO_THE_EDGE * _longest(z[sign], dz[sign]))
        w, z = w + length * dw, z + price_length * dz
        y = y + price_length * (y_new - y)
        if min(length, price_length) > 0.5:
            if mu <= LEAST_MU and _is_central(w[sign], z[sign] / form.price_unit[sign], mu):
                return Middle(point=w, multiplier=y, price=z)
            mu = max(LEAST_MU, (0.1 if min(length, price_length) > 0.9 else 0.5) * mu)
    return None


def _is_central(w: Floats, z: Floats, mu: float) -> bool:
    """Return whether products are near mu; rounding keeps some from it where there is no room."""
    product = w * z / mu
    return bool(((product > 1.0 / NEAR_CENTRE) & (product < NEAR_CENTRE)).all())


def _length(form: StandardForm, w: Floats, dw: Floats) -> float:
    """Return how much of a step leaves signs, and what is known of terms, as they are."""
    length = min(1.0, TO_THE_EDGE * _longest(w[form.has_sign], dw[form.has_sign]))
    if len(form.terms):
        change = np.abs(dw[form.terms] / w[form.terms]).max()
        length = min(length, min(0.9, 2.0 / form.alpha) / max(float(change), 1e-300))
    return length


def _longest(numbers: Floats, changes: Floats) -> float:
    falls = changes < 0
    return float((-numbers[falls] / changes[falls]).min(initial=np.inf))


@np.errstate(all="ignore")
def sharp_optimum(form: StandardForm, middle: Middle) -> SharpOptimum | None:
    """Return the optimum to rounding, None where the equations do not lead there."""
    sign = form.has_sign
    w, y, z = middle.point, middle.multiplier, middle.price
    relative = z / form.price_unit
    is_free = ~sign | (w > APART * relative)
    is_held = sign & (relative > APART * w)
    free = np.flatnonzero(is_free)
    own = sparse.csc_array(form.matrix[:, free])
    w = np.where(is_free, w, 0.0)
    for _ in range(8):
        if not (np.isfinite(w).all() and (w[form.terms] > 0).all()):
            return None
        force = form.gradient(w)[free] - own.T @ y
        missing = form.right_hand_side - own @ w[free]
        try:
            dw, dy = least_solved(own, form.curvature(w)[free], force, missing)
        except RuntimeError:
            return None
        w[free] += dw
        y = y + dy
    pulls = form.matrix.T @ y
    price = np.asarray(pulls - form.gradient(w))
    size = abs(form.matrix).T @ np.abs(y) + np.abs(form.gradient(w))
    is_exact = (
        (np.abs(price[~is_held]) <= ACCURATE * np.maximum(size[~is_held], 1.0)).all()
        and (np.abs(form.right_hand_side - form.matrix @ w) <= ACCURATE).all()
        and (w[is_free & sign] > 0).all()
        and (price[is_held] > 0).all()
    )
    if not is_exact:
        return None
    return SharpOptimum(
        point=w,
        price=np.where(is_held, price, 0.0),
        multiplier=y,
        is_free=is_free,
        is_held=is_held,
        is_on_edge=~is_free & ~is_held,
    )
