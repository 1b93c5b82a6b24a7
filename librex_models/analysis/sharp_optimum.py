"""The optimum of a standard form to rounding, and which inequalities are active and priced.

At the end of its central path a coordinate with a sign is one of three:

    free      above zero, its price zero;
    held      zero, its price above zero;
    on edge   zero, and its price zero as well: strict complementarity fails.

Newton's method on what is free then gives point and multipliers to rounding.

May import the standard form, its path and its equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.analysis.coupled_equations import CoupledFactors, coupled, coupling
from librex_models.analysis.end_of_path import Middle, price_scales, without_rounding
from librex_models.analysis.optimum_equations import Equations, Factors
from librex_models.analysis.standard_form import Booleans, StandardForm
from solvers.program import Floats

APART = 1e4
"""How many times larger than its price a coordinate is that is free, and the other way round."""
ACCURATE = 1e-9
EXACT = 3e-3
"""What is not more than this share of where the path leaves it is on edge."""
ROUNDS = 6
NEWTON_STEPS = 8
DUAL_STEPS = 2
EASY = 1e-25
"""The stiffness of what is free and has no curvature, and 1 / that of what is held."""
CALM = 1e-10
"""The same on the way there, where rounding must not move what is optimal anywhere."""


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
    row_scale : array of shape (n_rows,)
        What is much of each multiplier.
    curvature : array of shape (n_coordinates,)
    factors : Factors or CoupledFactors
        The equations of the optimum, differentiated, where what is not free stays.
    """

    point: Floats
    price: Floats
    multiplier: Floats
    is_free: Booleans
    is_held: Booleans
    is_on_edge: Booleans
    row_scale: Floats
    curvature: Floats
    factors: Factors | CoupledFactors


@np.errstate(all="ignore")
def sharp_optimum(form: StandardForm, equations: Equations, middle: Middle) -> SharpOptimum | None:
    """Return the optimum to rounding, None where the equations do not lead there.

    What the path leaves open is taken to be what it is nearer to, and the other, or on edge, where
    Newton's method finds that it is.
    """
    sign = form.has_sign
    relative = middle.price / middle.scale
    is_free, is_held = ~sign | (middle.point > relative), sign & (middle.point <= relative)
    is_open = sign & (middle.point < APART * relative) & (relative < APART * middle.point)
    exact = EXACT * np.sqrt(middle.small)
    for _ in range(ROUNDS):
        w, y = np.where(is_free, middle.point, 0.0), middle.multiplier
        found = _newton(form, equations, w, y, is_free)
        if found is not None and not (is_free | is_held).all():
            y = _priced_by_the_held(form, equations, found, is_held)
            found = _newton(form, equations, found.point, y, is_free)
        if found is None:
            return None
        w, price = found.point, found.price / found.scale
        to_hold = is_open & is_free & (w < -exact)
        to_free = is_open & is_held & (price < -exact)
        on_edge = np.where(is_free, np.abs(w), np.abs(price)) <= exact
        on_edge &= is_open & (is_free | is_held)
        if not (to_hold.any() or to_free.any() or on_edge.any()):
            return _checked(form, equations, found, is_free, is_held)
        is_free = (is_free & ~to_hold & ~on_edge) | to_free
        is_held = (is_held & ~to_free & ~on_edge) | to_hold
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """What Newton's method finds where it is known what is free."""

    point: Floats
    multiplier: Floats
    price: Floats
    scale: Floats
    row_scale: Floats
    curvature: Floats
    missing: Floats


def _newton(
    form: StandardForm, equations: Equations, w: Floats, y: Floats, is_free: Booleans
) -> _Found | None:
    size_of = abs(form.matrix)
    for step in range(NEWTON_STEPS + 1):
        if not (np.isfinite(w).all() and (w[form.terms] > 0).all()):
            return None
        marginal = form.marginal(w)
        scale, row_scale = price_scales(form, marginal, y)
        curvature = form.curvature(w, marginal)
        gradient, pull = form.gradient(marginal), form.matrix.T @ y
        rounding = np.abs(gradient) + size_of.T @ np.abs(y)
        force = without_rounding(np.where(is_free, gradient - pull, 0.0), rounding)
        rounding = np.abs(form.right_hand_side) + size_of @ np.abs(w)
        missing = without_rounding(form.right_hand_side - form.matrix @ w, rounding)
        if step == NEWTON_STEPS or not (force.any() or missing.any()):
            break
        factors = _factors(equations, is_free, curvature, scale, CALM)
        dw, dy = coupled(factors, coupling(form, w, marginal)).solve(force, missing)
        w, y = np.where(is_free, w + dw, 0.0), y + dy
    return _Found(
        point=w,
        multiplier=y,
        price=np.asarray(pull - gradient),
        scale=scale,
        row_scale=row_scale,
        curvature=curvature,
        missing=missing,
    )


def _priced_by_the_held(
    form: StandardForm, equations: Equations, found: _Found, is_held: Booleans
) -> Floats:
    """Return multipliers by which nothing has a price but what is held, where there are such."""
    y, scale = found.multiplier, found.scale
    none = np.zeros(len(scale))
    factors = _factors(equations, ~is_held, none, scale, CALM)
    gradient = form.gradient(form.marginal(found.point))
    for _ in range(DUAL_STEPS):
        force = np.where(is_held, 0.0, gradient - form.matrix.T @ y)
        y = y + factors.solve(force, np.zeros(len(y)))[1]
    return y


def _checked(
    form: StandardForm, equations: Equations, found: _Found, is_free: Booleans, is_held: Booleans
) -> SharpOptimum | None:
    w, price, scale = found.point, found.price, found.scale
    is_exact = (
        (np.abs(price[~is_held]) <= ACCURATE * scale[~is_held]).all()
        and (np.abs(found.missing) <= ACCURATE).all()
        and (w[is_free & form.has_sign] > 0).all()
        and (price[is_held] > 0).all()
    )
    if not is_exact:
        return None
    factors = _factors(equations, is_free, found.curvature, scale, EASY)
    return SharpOptimum(
        point=w,
        price=np.where(is_held, price, 0.0),
        multiplier=found.multiplier,
        is_free=is_free,
        is_held=is_held,
        is_on_edge=~is_free & ~is_held,
        row_scale=found.row_scale,
        curvature=found.curvature,
        factors=coupled(factors, coupling(form, w, form.marginal(w))),
    )


def _factors(
    equations: Equations, is_free: Booleans, curvature: Floats, scale: Floats, easy: float
) -> Factors:
    return equations.of(np.where(is_free, np.maximum(curvature, easy * scale), scale / easy))
