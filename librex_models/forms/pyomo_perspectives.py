"""Perspectives of alpha-fair terms in a Pyomo model's constraints.

    below <= scale * log(argument / scale)
    below <= scale * (((argument / scale) ** (1 - alpha) - 1) / (1 - alpha))

of single variables. May import Pyomo, and its expressions as read.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from pyomo.core.base.var import VarData
from pyomo.core.expr import (
    DivisionExpression,
    InequalityExpression,
    PowExpression,
    ProductExpression,
    SumExpression,
    UnaryFunctionExpression,
)

from librex_models.errors import FormError
from librex_models.forms.pyomo_expressions import Reader
from librex_models.forms.pyomo_numbers import MINUS_ONE, ONE
from solvers.perspectives import Perspectives


@dataclass(frozen=True)
class Perspective:
    """One row, by its columns."""

    below: int
    scale: int
    argument: int
    alpha: float


def read_perspective(reader: Reader, relation: Any) -> Perspective | None:
    """Return the perspective that a relation says, None where it is of another kind."""
    if not isinstance(relation, InequalityExpression) or len(relation.args) != 2:
        return None
    below, product = relation.args
    is_one = isinstance(below, VarData) and isinstance(product, ProductExpression)
    if not is_one or not isinstance(product.args[0], VarData):
        return None
    scale, function = product.args
    if isinstance(function, UnaryFunctionExpression) and function.getname() == "log":
        ratio, alpha = function.args[0], 1.0
    else:
        ratio, alpha = _power(reader, function)
    if not isinstance(ratio, DivisionExpression) or ratio.args[1] is not scale:
        return None
    return Perspective(
        below=reader.column(below),
        scale=reader.column(scale),
        argument=reader.column(ratio.args[0]),
        alpha=alpha,
    )


def _power(reader: Reader, function: Any) -> tuple[Any, float]:
    """Return the ratio and alpha of (ratio ** (1 - alpha) - 1) / (1 - alpha), else nothing."""
    if isinstance(function, DivisionExpression) and isinstance(function.args[0], SumExpression):
        summands, divisor = function.args[0].args, reader.number(function.args[1])
        is_pair = len(summands) == 2 and isinstance(summands[0], PowExpression)
        if is_pair and reader.number(summands[1]) == MINUS_ONE:
            exponent = reader.number(summands[0].args[1])
            alpha = reader.params.value(ONE.plus(exponent.times(-1.0)))
            if exponent == divisor and alpha is not None and isfinite(alpha) and alpha > 0.0:
                reader.params.freeze(exponent)
                return summands[0].args[0], alpha
    return None, 0.0


def collected(found: list[Perspective]) -> Perspectives | None:
    """Return the rows of a Program, None where there are none."""
    if not found:
        return None
    alphas = {one.alpha for one in found}
    if len(alphas) > 1:
        raise FormError(f"constraints are perspectives with several alpha, {sorted(alphas)}")
    return Perspectives(
        below=np.array([one.below for one in found], dtype=np.int64),
        scale=np.array([one.scale for one in found], dtype=np.int64),
        argument=np.array([one.argument for one in found], dtype=np.int64),
        alpha=alphas.pop(),
    )
