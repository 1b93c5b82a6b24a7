"""Pyomo expressions as bilinear forms in (1, variables) and (1, mutable Params).

    sum_v (constant_v + sum_p slope_vp p) v  +  (constant_0 + sum_p slope_0p p)

and summands that are not linear in the variables, which are kept as they stand. What is neither is
refused. May import Pyomo, the refusals and the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

import numpy as np
from pyomo.core.base.expression import NamedExpressionData
from pyomo.core.base.param import ParamData
from pyomo.core.base.var import VarData
from pyomo.core.expr import (
    DivisionExpression,
    MaxExpression,
    MinExpression,
    NegationExpression,
    PowExpression,
    ProductExpression,
    SumExpression,
    UnaryFunctionExpression,
)
from pyomo.core.expr.numvalue import NumericConstant

from librex_models.forms.pyomo_numbers import (
    MINUS_ONE,
    ONE,
    ZERO,
    Number,
    Params,
    product,
    quotient,
    value_of,
)
from librex_models.forms.pyomo_refusals import refuse


@dataclass(frozen=True)
class Part:
    """The summand factor * node / product of divisors of an expression."""

    node: Any
    factor: Number
    divisors: tuple[Number, ...]

    def of(self, node: Any, factor: Number | None = None) -> Part:
        """Return this part with a node, times a factor, in place of its own."""
        scaled = self.factor if factor is None else product(self.factor, factor)
        return Part(node, scaled, self.divisors)

    def scaled(self, number: Number) -> Number:
        """Return factor * number / divisors."""
        return quotient(product(self.factor, number), self.divisors)


@dataclass
class Form:
    """An expression as read: a coefficient for each column, a constant part, nonlinear summands."""

    coefficients: dict[int, Number] = field(default_factory=dict)
    constant: Number = ZERO
    nonlinear: list[Part] = field(default_factory=list)

    @property
    def is_number(self) -> bool:
        """Whether no variable is in it."""
        return not self.coefficients and not self.nonlinear

    def add_multiple(self, column: int, coefficient: Number) -> None:
        """Add coefficient * column."""
        if not isfinite(coefficient.constant):
            refuse(f"the coefficient {coefficient.constant}")
        if column in self.coefficients:
            coefficient = self.coefficients.pop(column).plus(coefficient)
        if coefficient != ZERO:
            self.coefficients[column] = coefficient

    def add(self, other: Form, part: Part) -> None:
        """Add the factor of a part * other / the divisors of the part."""
        for column, coefficient in other.coefficients.items():
            self.add_multiple(column, part.scaled(coefficient))
        self.constant = self.constant.plus(part.scaled(other.constant))
        for inner in other.nonlinear:
            divisors = (*inner.divisors, *part.divisors)
            self.nonlinear.append(Part(inner.node, product(part.factor, inner.factor), divisors))


class Reader:
    """Reads expressions of a model into forms."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.params = Params(root)
        self._columns: dict[int, int] = {}

    def add_column(self, variable: Any) -> None:
        """Give a variable the next column."""
        self._columns[id(variable)] = len(self._columns)

    def form(self, expression: Any) -> Form:
        """Return an expression as a form; summands are added from left to right."""
        form = Form()
        parts = [Part(expression, ONE, ())]
        while parts:
            part = parts.pop()
            parts.extend(reversed(self._read(form, part)))
        return form

    def number(self, expression: Any) -> Number:
        """Return an expression without variables."""
        if isinstance(expression, ParamData):
            # The shortest way for the most frequent case, Param * variable.
            return self._param(expression)
        form = self.form(expression)
        if not form.is_number:
            refuse(f"variables in {expression}, where only numbers and Params can be")
        return form.constant

    def column(self, expression: Any) -> int:
        """Return the column of an expression that is a single variable."""
        form = self.form(expression)
        for column in form.coefficients:
            if form == Form(coefficients={column: ONE}):
                return column
        return refuse(
            f"a logarithm, power or quotient of {expression}; give that a variable of its own, "
            "tied by a constraint"
        )

    def _read(self, form: Form, part: Part) -> Sequence[Part]:
        """Add a part to the form, or return the parts that it is made of."""
        node = part.node
        match node:
            case int() | float() | np.number() if not isnan(node):
                form.constant = form.constant.plus(part.scaled(Number(float(node))))
            case NumericConstant():
                return [part.of(node.value)]
            case ParamData():
                form.constant = form.constant.plus(part.scaled(self._param(node)))
            case VarData():
                form.add_multiple(self._column_of(node), part.scaled(ONE))
            case NamedExpressionData():
                return [part.of(node.expr)]
            case SumExpression():
                return [part.of(summand) for summand in node.args]
            case NegationExpression():
                return [part.of(node.args[0], MINUS_ONE)]
            case ProductExpression():
                return self._read_product(form, part)
            case DivisionExpression():
                return self._read_division(form, part)
            case MaxExpression() | MinExpression():
                return [part.of(self._extreme(node))]
            case PowExpression() | UnaryFunctionExpression() if _may_vary(node):
                form.nonlinear.append(part)
            case _:
                refuse(f"the expression {node}, which is not affine in variables and Params")
        return []

    def _param(self, entry: Any) -> Number:
        if not entry.parent_component().mutable:
            return Number(value_of(entry))
        return Number(0.0, {self.params.position(entry): 1.0})

    def _column_of(self, variable: Any) -> int:
        column = self._columns.get(id(variable))
        if column is None:
            refuse(f"the variable {variable.name!r}, which is outside of the active model")
        return column

    def _read_product(self, form: Form, part: Part) -> Sequence[Part]:
        first, second = part.node.args
        if not _may_vary(first):
            return [part.of(second, self.number(first))]
        if not _may_vary(second):
            return [part.of(first, self.number(second))]
        # Named Expressions may or may not hold variables.
        left, right = self.form(first), self.form(second)
        if left.is_number:
            form.add(right, part.of(None, left.constant))
        elif right.is_number:
            form.add(left, part.of(None, right.constant))
        else:
            refuse(f"the product of variables {part.node}")
        return []

    def _read_division(self, form: Form, part: Part) -> Sequence[Part]:
        numerator, denominator = part.node.args
        divisor = self.form(denominator)
        if divisor.is_number:
            return [Part(numerator, part.factor, (*part.divisors, divisor.constant))]
        form.nonlinear.append(part.of(part.node, self.number(numerator)))
        return []

    def _extreme(self, node: Any) -> float:
        """Return the tighter of a bound and the bound of the domain, which are numbers mostly."""
        numbers = [self.number(argument) for argument in node.args]
        if not all(number.is_constant for number in numbers):
            refuse(
                f"the expression {node}; a bound with a mutable Param needs a domain without a "
                "bound on that side, such as Reals"
            )
        choose = max if isinstance(node, MaxExpression) else min
        return choose(number.constant for number in numbers)


def _may_vary(node: Any) -> bool:
    return not isinstance(node, (int, float, np.number)) and bool(node.is_potentially_variable())
