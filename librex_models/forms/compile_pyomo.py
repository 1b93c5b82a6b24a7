"""Read a Pyomo model into a Program whose numbers are affine in its mutable Params.

Every linear expression is a bilinear form in (1, variables) and (1, Params):

    sum_v (constant_v + sum_p slope_vp p) v  +  (constant_0 + sum_p slope_0p p)

A relation whose one side has no variables is bounded by that side; otherwise its body is the left
side less the right side. The constant part of the body moves to the bounds. In a maximised
objective, concave powers and logarithms of single variables become alpha-fair terms,

    weight log v,   weight v^(1 - alpha) / (1 - alpha),   c v^e with e < 1 and c e >= 0,

all with one alpha, which is 1 - e at the current values of the Params in the exponent.

Nothing is guessed: what is not handled raises FormError with the name of the component. The file
reads from the outside in: program, components, alpha-fair terms, expressions, numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf, isfinite, isnan
from typing import Any, NoReturn

import numpy as np
import pyomo.environ as pyomo
from pyomo.core.base.expression import NamedExpressionData
from pyomo.core.base.param import ParamData
from pyomo.core.base.var import VarData
from pyomo.core.expr import (
    DivisionExpression,
    EqualityExpression,
    MaxExpression,
    MinExpression,
    NegationExpression,
    PowExpression,
    ProductExpression,
    RangedExpression,
    SumExpression,
    UnaryFunctionExpression,
)
from pyomo.core.expr.numvalue import NumericConstant
from scipy import sparse

from librex_models.errors import FormError
from solvers.parametric import ParametricProgram
from solvers.program import AlphaFairTerms, Block, Booleans, Floats, Integers, Program

HANDLED = (
    "handled are linear constraints, and a linear objective with, where it is maximised, terms "
    "weight * log(u), weight * u**(1 - alpha) / (1 - alpha) and c * u**e of single variables u"
)
READ = (pyomo.Var, pyomo.Constraint, pyomo.Objective)
"""The kinds of components that become columns, rows and the objective."""

WITHOUT_MEANING = (pyomo.Set, pyomo.RangeSet, pyomo.Param, pyomo.Expression, pyomo.Suffix)
"""The kinds that mean nothing by themselves; those that others use are read there."""


def compile_pyomo(model: Any) -> ParametricProgram:
    """Return the Program that a Pyomo model says, affine in its mutable Params.

    Parameters
    ----------
    model : pyomo.ConcreteModel or pyomo.Block
        Active blocks inside are read too; names are relative to the model. All variables of active
        blocks become columns, fixed ones with both bounds at their value.

    Returns
    -------
    ParametricProgram
        Its parameters are the mutable Params that occur, by name, with one entry for each index in
        the order of the index set. Params in the exponent of an alpha-fair term are no parameters:
        their current value gives alpha, and a new one needs a new compilation.

    Raises
    ------
    FormError
        Naming the component that is not handled, and saying what is.

    Examples
    --------
    >>> model = pyomo.ConcreteModel()
    >>> model.price = pyomo.Param(initialize=3.0, mutable=True)
    >>> model.x = pyomo.Var(bounds=(0, 1))
    >>> model.income = pyomo.Objective(expr=2 * model.price * model.x, sense=pyomo.maximize)
    >>> parametric = compile_pyomo(model)
    >>> parametric.program({"price": np.array([5.0])}).objective
    array([10.])
    """
    components = _components(model)
    reader = _Reader(model)
    columns = _read_columns(reader, components[pyomo.Var])
    rows = _read_rows(reader, components[pyomo.Constraint])
    objective = _only_objective(components[pyomo.Objective])
    with _naming("objective", objective):
        welfare = _read_objective(reader, objective)
    pattern, entries = _pattern(rows.coefficients, len(columns.integer))
    numbers = {
        "objective": [welfare.coefficients.get(j, ZERO) for j in range(len(columns.integer))],
        "objective_constant": [welfare.constant],
        "matrix": entries,
        "row_lower": rows.lower,
        "row_upper": rows.upper,
        "column_lower": columns.lower,
        "column_upper": columns.upper,
        "term_weight": list(welfare.weights.values()),
    }
    constant = {part: np.array([one.constant for one in numbers[part]]) for part in numbers}
    terms = AlphaFairTerms(
        columns=np.array(list(welfare.weights), dtype=np.int64),
        weight=constant["term_weight"],
        alpha=welfare.alpha,
    )
    indices, starts = pattern
    shape = (len(rows.lower), len(columns.integer))
    program = Program(
        objective=constant["objective"],
        objective_constant=float(constant["objective_constant"][0]),
        matrix=sparse.csc_array((constant["matrix"], indices, starts), shape=shape),
        row_lower=constant["row_lower"],
        row_upper=constant["row_upper"],
        column_lower=constant["column_lower"],
        column_upper=constant["column_upper"],
        integer=columns.integer,
        row_blocks=rows.blocks,
        column_blocks=columns.blocks,
        terms=terms if welfare.weights else None,
        maximise=welfare.is_maximised,
    )
    program.check()
    return _with_parameters(program, numbers, reader.params)


def parameter_values(model: Any) -> dict[str, Floats]:
    """Return the current values of all mutable Params of a model, by name.

    Parameters
    ----------
    model : pyomo.ConcreteModel or pyomo.Block

    Returns
    -------
    dict of str to array
        Each in the order that `compile_pyomo` gives it; also Params that no expression uses.

    Raises
    ------
    FormError
        Naming a Param that has no value, or one that is not a number.
    """
    return {
        _name(component, model): np.array(
            [_value(entry) for entry in _entries(component)], dtype=np.float64
        )
        for component in model.component_objects(pyomo.Param)
        if component.mutable
    }


# ---------------------------------------------------------------------------------------------
# Components


@dataclass(frozen=True)
class _Columns:
    blocks: tuple[Block, ...]
    lower: list[_Number]
    upper: list[_Number]
    integer: Booleans


@dataclass(frozen=True)
class _Rows:
    blocks: tuple[Block, ...]
    lower: list[_Number]
    upper: list[_Number]
    coefficients: list[dict[int, _Number]]
    """For each row the coefficient of each column."""


@dataclass(frozen=True)
class _Welfare:
    coefficients: dict[int, _Number]
    constant: _Number
    weights: dict[int, _Number]
    """The weight of the alpha-fair term of each column that has one."""
    alpha: float
    is_maximised: bool


def _components(model: Any) -> dict[Any, list[Any]]:
    """Return the active variables, constraints and objectives in the order of declaration."""
    if model.is_indexed() or not model.is_constructed():
        raise FormError(
            f"{model.name!r} is not one constructed model: pass a ConcreteModel, one Block, or "
            "what create_instance returns"
        )
    found: dict[Any, list[Any]] = {kind: [] for kind in READ}
    for block in model.block_data_objects(active=True):
        for component in block.component_objects(descend_into=False, active=True):
            kind = component.ctype
            if kind in READ:
                # A Reference shows what is declared elsewhere.
                if not component.is_reference():
                    found[kind].append(component)
            elif kind not in WITHOUT_MEANING and kind is not pyomo.Block:
                raise FormError(
                    f"component {component.name!r} is a {kind.__name__}, which is not handled; "
                    f"{HANDLED}"
                )
    return found


def _read_columns(reader: _Reader, components: list[Any]) -> _Columns:
    variables = [variable for component in components for variable in component.values()]
    for variable in variables:
        reader.add_column(variable)
    bounds = []
    for variable in variables:
        with _naming("variable", variable):
            bounds.append(_read_bounds(reader, variable))
    return _Columns(
        blocks=tuple(_block(one, reader.root, list(one.keys())) for one in components),
        lower=[lower for lower, _, _ in bounds],
        upper=[upper for _, upper, _ in bounds],
        integer=np.array([is_whole for _, _, is_whole in bounds], dtype=np.bool_),
    )


def _read_bounds(reader: _Reader, variable: Any) -> tuple[_Number, _Number, bool]:
    """Return lower and upper bound of a variable, and whether it is whole."""
    start, _, step = variable.domain.get_interval()
    if step not in (0, 1) or (step == 1 and start is not None and start != int(start)):
        _refuse("a domain that is neither an interval nor the whole numbers of one")
    if variable.fixed:
        if variable.value is None:
            _refuse("no value although it is fixed")
        value = _Number(float(variable.value))
        return value, value, step == 1
    lower, upper = variable.lower, variable.upper
    return (
        _Number(-inf) if lower is None else reader.number(lower),
        _Number(inf) if upper is None else reader.number(upper),
        step == 1,
    )


def _read_rows(reader: _Reader, components: list[Any]) -> _Rows:
    blocks, relations = [], []
    for component in components:
        active = {label: row for label, row in component.items() if row.active}
        blocks.append(_block(component, reader.root, list(active)))
        for constraint in active.values():
            with _naming("constraint", constraint):
                relations.append(_read_relation(reader, constraint.expr))
    return _Rows(
        blocks=tuple(blocks),
        lower=[lower for lower, _, _ in relations],
        upper=[upper for _, upper, _ in relations],
        coefficients=[body.coefficients for _, _, body in relations],
    )


def _read_relation(reader: _Reader, relation: Any) -> tuple[_Number, _Number, _Form]:
    """Return lower bound, upper bound and body of a row."""
    if isinstance(relation, RangedExpression):
        least, middle, most = relation.args
        lower, body, upper = reader.number(least), reader.form(middle), reader.number(most)
    else:
        left, right = (reader.form(side) for side in relation.args)
        is_equality = isinstance(relation, EqualityExpression)
        if right.is_number:
            body, upper = left, right.constant
            lower = upper if is_equality else _Number(-inf)
        elif left.is_number:
            body, lower = right, left.constant
            upper = lower if is_equality else _Number(inf)
        else:
            body, upper = left, ZERO
            body.add(right, _Part(None, MINUS_ONE, ()))
            lower = upper if is_equality else _Number(-inf)
    if body.nonlinear:
        _refuse(f"the nonlinear expression {body.nonlinear[0].node}")
    return _less(lower, body.constant), _less(upper, body.constant), body


def _less(bound: _Number, constant: _Number) -> _Number:
    """Return the bound of a row once the constant part of its body has moved there."""
    is_no_bound = bound.is_constant and not isfinite(bound.constant)
    return bound if is_no_bound else bound.plus(constant.times(-1.0))


def _only_objective(components: list[Any]) -> Any:
    active = [one for component in components for one in component.values() if one.active]
    if not active:
        raise FormError("the model has no active objective; declare one, or activate it")
    if len(active) > 1:
        names = ", ".join(repr(one.name) for one in active)
        raise FormError(f"the objectives {names} are all active; deactivate all but one")
    return active[0]


def _read_objective(reader: _Reader, objective: Any) -> _Welfare:
    is_maximised = objective.sense == pyomo.maximize
    form = reader.form(objective.expr)
    if form.nonlinear and not is_maximised:
        _refuse(f"the nonlinear expression {form.nonlinear[0].node}, and is minimised")
    weights: dict[int, _Number] = {}
    alphas: set[float] = set()
    for part in form.nonlinear:
        column, alpha, weight = _read_term(reader, part)
        if alpha == 0.0:
            form.add_multiple(column, weight)
        else:
            alphas.add(alpha)
            weights[column] = weights.get(column, ZERO).plus(weight)
    if len(alphas) > 1:
        _refuse(f"terms with several alpha, {sorted(alphas)}; all must share one")
    alpha = alphas.pop() if alphas else 0.0
    return _Welfare(form.coefficients, form.constant, weights, alpha, is_maximised)


def _block(component: Any, root: Any, labels: list[Hashable]) -> Block:
    return Block(name=_name(component, root), labels=labels if component.is_indexed() else None)


def _name(component: Any, root: Any) -> str:
    return str(component.getname(fully_qualified=True, relative_to=root))


# ---------------------------------------------------------------------------------------------
# Alpha-fair terms


def _read_term(reader: _Reader, part: _Part) -> tuple[int, float, _Number]:
    """Return column, alpha and weight of a concave term."""
    column, alpha, weight = _read_power(reader, part)
    value = reader.params.value(weight)
    if value is not None and value < 0.0:
        _refuse(f"the term {part.node} with the weight {value} below zero, which is not concave")
    return column, alpha, weight


def _read_power(reader: _Reader, part: _Part) -> tuple[int, float, _Number]:
    """Return column, alpha and weight of a logarithm or a power."""
    node = part.node
    if isinstance(node, PowExpression):
        base, exponent = node.args[0], reader.number(node.args[1])
    elif isinstance(node, DivisionExpression):
        base, exponent = node.args[1], MINUS_ONE
        if isinstance(base, PowExpression):
            base, exponent = base.args[0], reader.number(base.args[1]).times(-1.0)
    elif node.getname() == "sqrt":
        base, exponent = node.args[0], _Number(0.5)
    elif node.getname() == "log":
        return reader.column(node.args[0]), 1.0, part.scaled(ONE)
    else:
        _refuse(f"the nonlinear expression {node}")
    return reader.column(base), *_alpha_and_weight(reader.params, part, exponent)


def _alpha_and_weight(params: _Params, part: _Part, exponent: _Number) -> tuple[float, _Number]:
    """Return alpha and the weight w in factor * power / divisors = w * power / exponent."""
    # Symbolically, so that alpha in 1 - alpha comes back to the last bit.
    alpha = params.value(ONE.plus(exponent.times(-1.0)))
    if alpha is None or not isfinite(alpha):
        _refuse(f"the power {part.node}, whose exponent has no finite value")
    if alpha == 1.0:
        _refuse(f"the power {part.node}, whose exponent is 0; at alpha = 1 write a logarithm")
    if alpha < 0.0:
        _refuse(f"the power {part.node}, whose exponent is above 1")
    params.freeze(exponent)
    if exponent in part.divisors:
        divisors = list(part.divisors)
        divisors.remove(exponent)
        return alpha, _quotient(part.factor, tuple(divisors))
    if not exponent.is_constant:
        _refuse(f"the power {part.node}, which is not divided by its exponent")
    return alpha, part.scaled(exponent)


# ---------------------------------------------------------------------------------------------
# Expressions


@dataclass(frozen=True)
class _Number:
    """A constant plus a sum of slope * entry of the Params; slopes are never zero."""

    constant: float = 0.0
    slope: Mapping[int, float] = field(default_factory=dict)

    @property
    def is_constant(self) -> bool:
        return not self.slope

    def plus(self, other: _Number) -> _Number:
        slope = dict(self.slope)
        for entry, coefficient in other.slope.items():
            slope[entry] = slope.get(entry, 0.0) + coefficient
        return _number(self.constant + other.constant, slope)

    def times(self, factor: float) -> _Number:
        return _number(self.constant * factor, {p: c * factor for p, c in self.slope.items()})

    def over(self, divisor: float) -> _Number:
        return _number(self.constant / divisor, {p: c / divisor for p, c in self.slope.items()})


def _number(constant: float, slope: dict[int, float]) -> _Number:
    return _Number(constant, {entry: c for entry, c in slope.items() if c != 0.0})


ZERO, ONE, MINUS_ONE = _Number(0.0), _Number(1.0), _Number(-1.0)


def _product(first: _Number, second: _Number) -> _Number:
    if first is ONE or second is ONE:
        return second if first is ONE else first
    if second.is_constant:
        return first.times(second.constant)
    if first.is_constant:
        return second.times(first.constant)
    return _refuse("a product of two mutable Params; make one of them immutable")


def _quotient(number: _Number, divisors: tuple[_Number, ...]) -> _Number:
    if number == ZERO:
        return number
    for divisor in divisors:
        if not divisor.is_constant:
            _refuse("a division by a mutable Param; make it immutable")
        if divisor.constant == 0.0:
            _refuse("a division by zero")
        number = number.over(divisor.constant)
    return number


@dataclass(frozen=True)
class _Part:
    """The summand factor * node / product of divisors of an expression."""

    node: Any
    factor: _Number
    divisors: tuple[_Number, ...]

    def of(self, node: Any, factor: _Number | None = None) -> _Part:
        """Return this part with a node, times a factor, in place of its own."""
        scaled = self.factor if factor is None else _product(self.factor, factor)
        return _Part(node, scaled, self.divisors)

    def scaled(self, number: _Number) -> _Number:
        """Return factor * number / divisors."""
        return _quotient(_product(self.factor, number), self.divisors)


@dataclass
class _Form:
    """An expression as read: a coefficient for each column, a constant part, nonlinear summands."""

    coefficients: dict[int, _Number] = field(default_factory=dict)
    constant: _Number = ZERO
    nonlinear: list[_Part] = field(default_factory=list)

    @property
    def is_number(self) -> bool:
        """Whether no variable is in it."""
        return not self.coefficients and not self.nonlinear

    def add_multiple(self, column: int, coefficient: _Number) -> None:
        """Add coefficient * column."""
        if not isfinite(coefficient.constant):
            _refuse(f"the coefficient {coefficient.constant}")
        if column in self.coefficients:
            coefficient = self.coefficients.pop(column).plus(coefficient)
        if coefficient != ZERO:
            self.coefficients[column] = coefficient

    def add(self, other: _Form, part: _Part) -> None:
        """Add the factor of a part * other / the divisors of the part."""
        for column, coefficient in other.coefficients.items():
            self.add_multiple(column, part.scaled(coefficient))
        self.constant = self.constant.plus(part.scaled(other.constant))
        for inner in other.nonlinear:
            divisors = (*inner.divisors, *part.divisors)
            self.nonlinear.append(_Part(inner.node, _product(part.factor, inner.factor), divisors))


class _Reader:
    """Reads expressions of a model into forms."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.params = _Params(root)
        self._columns: dict[int, int] = {}

    def add_column(self, variable: Any) -> None:
        """Give a variable the next column."""
        self._columns[id(variable)] = len(self._columns)

    def form(self, expression: Any) -> _Form:
        """Return an expression as a form; summands are added from left to right."""
        form = _Form()
        parts = [_Part(expression, ONE, ())]
        while parts:
            part = parts.pop()
            parts.extend(reversed(self._read(form, part)))
        return form

    def number(self, expression: Any) -> _Number:
        """Return an expression without variables."""
        if isinstance(expression, ParamData):
            # The shortest way for the most frequent case, Param * variable.
            return self._param(expression)
        form = self.form(expression)
        if not form.is_number:
            _refuse(f"variables in {expression}, where only numbers and Params can be")
        return form.constant

    def column(self, expression: Any) -> int:
        """Return the column of an expression that is a single variable."""
        form = self.form(expression)
        for column in form.coefficients:
            if form == _Form(coefficients={column: ONE}):
                return column
        return _refuse(
            f"a logarithm, power or quotient of {expression}; give that a variable of its own, "
            "tied by a constraint"
        )

    def _read(self, form: _Form, part: _Part) -> Sequence[_Part]:
        """Add a part to the form, or return the parts that it is made of."""
        node = part.node
        match node:
            case int() | float() | np.number() if not isnan(node):
                form.constant = form.constant.plus(part.scaled(_Number(float(node))))
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
                _refuse(f"the expression {node}, which is not affine in variables and Params")
        return []

    def _param(self, entry: Any) -> _Number:
        if not entry.parent_component().mutable:
            return _Number(_value(entry))
        return _Number(0.0, {self.params.position(entry): 1.0})

    def _column_of(self, variable: Any) -> int:
        column = self._columns.get(id(variable))
        if column is None:
            _refuse(f"the variable {variable.name!r}, which is outside of the active model")
        return column

    def _read_product(self, form: _Form, part: _Part) -> Sequence[_Part]:
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
            _refuse(f"the product of variables {part.node}")
        return []

    def _read_division(self, form: _Form, part: _Part) -> Sequence[_Part]:
        numerator, denominator = part.node.args
        divisor = self.form(denominator)
        if divisor.is_number:
            return [_Part(numerator, part.factor, (*part.divisors, divisor.constant))]
        form.nonlinear.append(part.of(part.node, self.number(numerator)))
        return []

    def _extreme(self, node: Any) -> float:
        """Return the tighter of a bound and the bound of the domain, which are numbers mostly."""
        numbers = [self.number(argument) for argument in node.args]
        if not all(number.is_constant for number in numbers):
            _refuse(
                f"the expression {node}; a bound with a mutable Param needs a domain without a "
                "bound on that side, such as Reals"
            )
        choose = max if isinstance(node, MaxExpression) else min
        return choose(number.constant for number in numbers)


def _may_vary(node: Any) -> bool:
    return not isinstance(node, (int, float, np.number)) and bool(node.is_potentially_variable())


# ---------------------------------------------------------------------------------------------
# Params


class _Params:
    """Numbers the entries of the mutable Params of a model as they are met."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._position: dict[int, int] = {}
        self.entries: list[Any] = []
        self.places: dict[str, slice] = {}
        self.frozen: set[int] = set()
        """Positions of the entries whose current value went into alpha."""

    def position(self, entry: Any) -> int:
        """Return the position of an entry of a Param in the vector of all Params."""
        if id(entry) not in self._position:
            self._register(entry.parent_component())
        return self._position[id(entry)]

    def _register(self, component: Any) -> None:
        block = component.parent_block()
        while block is not None and block is not self._root:
            block = block.parent_block()
        if block is None:
            _refuse(f"the Param {component.name!r}, which is declared outside of the model")
        start = len(self.entries)
        self.entries += _entries(component)
        self.places[_name(component, self._root)] = slice(start, len(self.entries))
        for position in range(start, len(self.entries)):
            self._position[id(self.entries[position])] = position

    def freeze(self, number: _Number) -> None:
        """Remember that the current value of a number went into alpha."""
        self.frozen.update(number.slope)

    def value(self, number: _Number) -> float | None:
        """Return a number at the current values, None where a Param has no value."""
        total = number.constant
        for position, coefficient in number.slope.items():
            value = self.entries[position](exception=False)
            if value is None:
                return None
            total += coefficient * value
        return total


def _entries(component: Any) -> list[Any]:
    """Return the entries of a mutable Param in the order of its index set."""
    return list(component.values()) if component.is_indexed() else [component]


def _value(entry: Any) -> float:
    value = entry(exception=False)
    if not isinstance(value, (int, float, np.number)):
        raise FormError(f"Param {entry.name!r} has the value {value!r}, expected a number: set it")
    return float(value)


# ---------------------------------------------------------------------------------------------
# Numbers


def _pattern(
    rows: list[dict[int, _Number]], n_columns: int
) -> tuple[tuple[Integers, Integers], list[_Number]]:
    """Return the compressed columns of a matrix, row indices and starts, and its numbers."""
    entries = [
        (column, row, number)
        for row, coefficients in enumerate(rows)
        for column, number in coefficients.items()
    ]
    entries.sort(key=lambda entry: entry[:2])
    column_of = np.array([column for column, _, _ in entries], dtype=np.int64)
    counts = np.bincount(column_of, minlength=n_columns)
    indices = np.array([row for _, row, _ in entries], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return (indices, starts), [number for _, _, number in entries]


def _with_parameters(
    program: Program, numbers: Mapping[str, list[_Number]], params: _Params
) -> ParametricProgram:
    """Return the program with the slopes of the Params that occur in its numbers."""
    touched = {position for part in numbers.values() for one in part for position in one.slope}
    for position in sorted(touched & params.frozen):
        raise FormError(
            f"Param {params.entries[position].name!r} stands in the exponent of an alpha-fair term "
            "and elsewhere too; use a Param of its own for alpha"
        )
    parameters: dict[str, slice] = {}
    moved = np.full(len(params.entries), -1)
    size = 0
    for name, place in params.places.items():
        if not touched.isdisjoint(range(place.start, place.stop)):
            end = size + place.stop - place.start
            parameters[name] = slice(size, end)
            moved[place] = np.arange(size, end)
            size = end
    slope = {
        name: _slope(part, moved, size)
        for name, part in numbers.items()
        if any(one.slope for one in part)
    }
    return ParametricProgram(constant=program, parameters=parameters, slope=slope)


def _slope(numbers: list[_Number], moved: Integers, size: int) -> sparse.csr_array:
    """Return the slopes of numbers; Params at position i are at `moved[i]` among the parameters."""
    positions = [position for number in numbers for position in number.slope]
    coefficients = [c for number in numbers for c in number.slope.values()]
    starts = np.concatenate([[0], np.cumsum([len(number.slope) for number in numbers])])
    return sparse.csr_array(
        (np.array(coefficients), moved[np.array(positions, dtype=np.int64)], starts),
        shape=(len(numbers), size),
    )


# ---------------------------------------------------------------------------------------------
# Refusals


class _NotHandledError(Exception):
    """Something that the reader does not handle, said as what the component holds."""


def _refuse(what: str) -> NoReturn:
    raise _NotHandledError(what)


@contextmanager
def _naming(kind: str, component: Any) -> Iterator[None]:
    """Turn a refusal into a FormError that names the component."""
    try:
        yield
    except _NotHandledError as reason:
        raise FormError(f"{kind} {component.name!r} holds {reason}; {HANDLED}") from None
