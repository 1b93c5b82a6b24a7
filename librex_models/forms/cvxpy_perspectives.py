"""Exponential and power cones of a CVXPY problem as perspectives of alpha-fair terms.

    ExpCone(below, scale, argument)                                          alpha = 1
    PowCone3D(argument, scale, scale + (1 - alpha) below, 1 - alpha)         alpha < 1
    PowCone3D(argument, scale + (1 - alpha) below, scale, (alpha - 1) / alpha)   alpha > 1

where all arguments are entries of variables, but for this one sum of two. Of the numbers alpha that
give the same cone in doubles the simplest fraction is meant. May import CVXPY, and its affine
expressions as read.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from cvxpy.constraints import ExpCone, PowCone3D

from librex_models.errors import FormError
from librex_models.forms.cvxpy_expressions import Expression, Reader, check_affine
from solvers.perspectives import Floats, Integers, Perspectives

CONES = (ExpCone, PowCone3D)
LARGEST_DENOMINATOR = 10**6


def read_perspectives(cones: list[Any], reader: Reader) -> Perspectives | None:
    """Return what the cones say, None where there are none.

    Raises
    ------
    FormError
        If one is no perspective, or two have different alpha.
    """
    if not cones:
        return None
    found = [_read(cone, reader) for cone in cones]
    alphas = {one.alpha for one in found}
    if len(alphas) > 1:
        raise FormError(f"the cones are perspectives with several alpha, {sorted(alphas)}")
    return Perspectives(
        below=np.concatenate([one.below for one in found]),
        scale=np.concatenate([one.scale for one in found]),
        argument=np.concatenate([one.argument for one in found]),
        alpha=alphas.pop(),
    )


def _read(cone: Any, reader: Reader) -> Perspectives:
    name = f"constraint {cone.label or cone!r}"
    x, y, z = cone.args[:3]
    if isinstance(cone, ExpCone):
        below, scale, argument, alpha = x, y, z, 1.0
        return Perspectives(
            below=_entries(below, reader, name),
            scale=_entries(scale, reader, name),
            argument=_entries(argument, reader, name),
            alpha=alpha,
        )
    exponent = _exponent(cone, name)
    argument_columns = _entries(x, reader, name)
    for power, scale, alpha in ((z, y, _below_one(exponent)), (y, z, _above_one(exponent))):
        below = _below(power, scale, alpha, reader)
        if below is not None:
            return Perspectives(
                below=below,
                scale=_entries(scale, reader, name),
                argument=argument_columns,
                alpha=alpha,
            )
    raise FormError(
        f"{name} is a power cone, but no perspective of an alpha-fair term: expected "
        "PowCone3D(v, u, u + (1 - alpha) * p, 1 - alpha) or "
        "PowCone3D(v, u + (1 - alpha) * p, u, (alpha - 1) / alpha)"
    )


def _exponent(cone: Any, name: str) -> float:
    exponents = np.unique(np.asarray(cone.alpha.value, dtype=np.float64))
    if len(exponents) != 1:
        raise FormError(f"{name} has several exponents, expected one")
    return float(exponents[0])


def _below_one(exponent: float) -> float:
    """Return alpha of an exponent 1 - alpha."""
    near = (1 - Fraction(exponent)).limit_denominator(LARGEST_DENOMINATOR)
    return float(near) if 1.0 - float(near) == exponent else 1.0 - exponent


def _above_one(exponent: float) -> float:
    """Return alpha of an exponent (alpha - 1) / alpha."""
    near = float((1 / (1 - Fraction(exponent))).limit_denominator(LARGEST_DENOMINATOR))
    return near if (near - 1.0) / near == exponent else 1.0 / (1.0 - exponent)


def _entries(expression: Expression, reader: Reader, name: str) -> Integers:
    """Return the columns that the entries of an expression are."""
    columns, numbers = _summands(expression, reader, name)
    if any(len(one) != 1 for one in columns) or any(one[0] != 1.0 for one in numbers):
        raise FormError(f"{name} holds {expression}, expected entries of variables")
    return np.array([one[0] for one in columns], dtype=np.int64)


def _below(power: Expression, scale: Expression, alpha: float, reader: Reader) -> Integers | None:
    """Return the columns p of power = scale + (1 - alpha) p, None where it is no such sum."""
    columns, numbers = _summands(power, reader, "a power cone")
    of_scale, ones = _summands(scale, reader, "a power cone")
    below = []
    for place, factor, own, one in zip(columns, numbers, of_scale, ones, strict=True):
        if len(own) != 1 or one[0] != 1.0 or len(place) != 2 or own[0] not in place:
            return None
        at_scale = int(np.flatnonzero(place == own[0])[0])
        if factor[at_scale] != 1.0 or factor[1 - at_scale] != 1.0 - alpha:
            return None
        below.append(place[1 - at_scale])
    return np.array(below, dtype=np.int64)


def _summands(
    expression: Expression, reader: Reader, name: str
) -> tuple[list[Integers], list[Floats]]:
    """Return for each entry of an affine expression its columns and their factors."""
    check_affine(expression, name)
    found = reader.read([expression])
    order = np.lexsort((found.column, found.row))
    is_plain = (found.column < found.n_columns).all() and (
        found.parameter == found.n_parameters
    ).all()
    if not is_plain:
        raise FormError(f"{name} holds {expression}, expected variables without Parameters")
    ends = np.searchsorted(found.row[order], np.arange(found.n_rows + 1))
    spans = [slice(int(a), int(b)) for a, b in pairwise(ends.tolist())]
    column, number = found.column[order], found.number[order]
    return [column[span] for span in spans], [number[span] for span in spans]
