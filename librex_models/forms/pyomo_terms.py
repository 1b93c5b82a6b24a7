"""Concave powers and logarithms in a Pyomo objective as alpha-fair terms.

    weight log v,   weight v^(1 - alpha) / (1 - alpha),   c v^e with e < 1 and c e >= 0

of single variables v; alpha is 1 - e at the current values of the Params in the exponent. May
import Pyomo, and its expressions as read.
"""

from __future__ import annotations

from math import isfinite

from pyomo.core.expr import DivisionExpression, PowExpression

from librex_models.forms.pyomo_expressions import Part, Reader
from librex_models.forms.pyomo_numbers import MINUS_ONE, ONE, Number, Params, quotient
from librex_models.forms.pyomo_refusals import refuse


def read_term(reader: Reader, part: Part) -> tuple[int, float, Number]:
    """Return column, alpha and weight of a concave term."""
    column, alpha, weight = _read_power(reader, part)
    value = reader.params.value(weight)
    if value is not None and value < 0.0:
        refuse(f"the term {part.node} with the weight {value} below zero, which is not concave")
    return column, alpha, weight


def _read_power(reader: Reader, part: Part) -> tuple[int, float, Number]:
    """Return column, alpha and weight of a logarithm or a power."""
    node = part.node
    if isinstance(node, PowExpression):
        base, exponent = node.args[0], reader.number(node.args[1])
    elif isinstance(node, DivisionExpression):
        base, exponent = node.args[1], MINUS_ONE
        if isinstance(base, PowExpression):
            base, exponent = base.args[0], reader.number(base.args[1]).times(-1.0)
    elif node.getname() == "sqrt":
        base, exponent = node.args[0], Number(0.5)
    elif node.getname() == "log":
        return reader.column(node.args[0]), 1.0, part.scaled(ONE)
    else:
        refuse(f"the nonlinear expression {node}")
    return reader.column(base), *_alpha_and_weight(reader.params, part, exponent)


def _alpha_and_weight(params: Params, part: Part, exponent: Number) -> tuple[float, Number]:
    """Return alpha and the weight w in factor * power / divisors = w * power / exponent."""
    # Symbolically, so that alpha in 1 - alpha comes back to the last bit.
    alpha = params.value(ONE.plus(exponent.times(-1.0)))
    if alpha is None or not isfinite(alpha):
        refuse(f"the power {part.node}, whose exponent has no finite value")
    if alpha == 1.0:
        refuse(f"the power {part.node}, whose exponent is 0; at alpha = 1 write a logarithm")
    if alpha < 0.0:
        refuse(f"the power {part.node}, whose exponent is above 1")
    params.freeze(exponent)
    if exponent in part.divisors:
        divisors = list(part.divisors)
        divisors.remove(exponent)
        return alpha, quotient(part.factor, tuple(divisors))
    if not exponent.is_constant:
        refuse(f"the power {part.node}, which is not divided by its exponent")
    return alpha, part.scaled(exponent)
