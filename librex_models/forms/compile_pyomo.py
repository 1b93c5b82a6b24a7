"""Read a Pyomo model into a Program whose numbers are affine in its mutable Params.

Every linear expression is a bilinear form in (1, variables) and (1, Params):

    sum_v (constant_v + sum_p slope_vp p) v  +  (constant_0 + sum_p slope_0p p)

A relation whose one side has no variables is bounded by that side; otherwise its body is the left
side less the right side. The constant part of the body moves to the bounds. In a maximised
objective, concave powers and logarithms of single variables become alpha-fair terms,

    weight log v,   weight v^(1 - alpha) / (1 - alpha),   c v^e with e < 1 and c e >= 0,

all with one alpha, which is 1 - e at the current values of the Params in the exponent. Constraints
may be perspectives of such terms, see `pyomo_perspectives`; they are no rows.

Nothing is guessed: what is not handled raises FormError with the name of the component. Files, from
the outside in: this one (program, components), `pyomo_terms` and `pyomo_perspectives`,
`pyomo_expressions`, `pyomo_numbers`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
import pyomo.environ as pyomo
from pyomo.core.expr import EqualityExpression, RangedExpression
from pyomo.core.expr.numvalue import is_potentially_variable
from scipy import sparse

from librex_models.errors import FormError
from librex_models.forms.pyomo_expressions import Form, Part, Reader
from librex_models.forms.pyomo_numbers import (
    MINUS_ONE,
    ZERO,
    Number,
    Params,
    entries_of,
    name_of,
    value_of,
)
from librex_models.forms.pyomo_perspectives import Perspective, collected, read_perspective
from librex_models.forms.pyomo_refusals import HANDLED, naming, refuse
from librex_models.forms.pyomo_terms import read_term
from solvers.parametric import ParametricProgram
from solvers.program import AlphaFairTerms, Block, Booleans, Floats, Integers, Program

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
    reader = Reader(model)
    columns = _read_columns(reader, components[pyomo.Var])
    rows = _read_rows(reader, components[pyomo.Constraint])
    objective = _only_objective(components[pyomo.Objective])
    with naming("objective", objective):
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
        perspectives=collected(rows.perspectives),
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
        name_of(component, model): np.array(
            [value_of(entry) for entry in entries_of(component)], dtype=np.float64
        )
        for component in model.component_objects(pyomo.Param)
        if component.mutable
    }


@dataclass(frozen=True)
class _Columns:
    blocks: tuple[Block, ...]
    lower: list[Number]
    upper: list[Number]
    integer: Booleans


@dataclass(frozen=True)
class _Rows:
    blocks: tuple[Block, ...]
    lower: list[Number]
    upper: list[Number]
    coefficients: list[dict[int, Number]]
    """For each row the coefficient of each column."""
    perspectives: list[Perspective]


@dataclass(frozen=True)
class _Welfare:
    coefficients: dict[int, Number]
    constant: Number
    weights: dict[int, Number]
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


def _read_columns(reader: Reader, components: list[Any]) -> _Columns:
    variables = [variable for component in components for variable in component.values()]
    for variable in variables:
        reader.add_column(variable)
    bounds = []
    for variable in variables:
        with naming("variable", variable):
            bounds.append(_read_bounds(reader, variable))
    return _Columns(
        blocks=tuple(_block(one, reader.root, list(one.keys())) for one in components),
        lower=[lower for lower, _, _ in bounds],
        upper=[upper for _, upper, _ in bounds],
        integer=np.array([is_whole for _, _, is_whole in bounds], dtype=np.bool_),
    )


def _read_bounds(reader: Reader, variable: Any) -> tuple[Number, Number, bool]:
    """Return lower and upper bound of a variable, and whether it is whole."""
    start, _, step = variable.domain.get_interval()
    if step not in (0, 1) or (step == 1 and start is not None and start != int(start)):
        refuse("a domain that is neither an interval nor the whole numbers of one")
    if variable.fixed:
        if variable.value is None:
            refuse("no value although it is fixed")
        value = Number(float(variable.value))
        return value, value, step == 1
    lower, upper = variable.lower, variable.upper
    return (
        Number(-inf) if lower is None else reader.number(lower),
        Number(inf) if upper is None else reader.number(upper),
        step == 1,
    )


def _read_rows(reader: Reader, components: list[Any]) -> _Rows:
    blocks, relations, perspectives = [], [], []
    for component in components:
        active = {label: row for label, row in component.items() if row.active}
        labels = []
        for label, constraint in active.items():
            with naming("constraint", constraint):
                perspective = read_perspective(reader, constraint.expr)
                if perspective is None:
                    relations.append(_read_relation(reader, constraint.expr))
                    labels.append(label)
                else:
                    perspectives.append(perspective)
        if labels or not active:
            blocks.append(_block(component, reader.root, labels))
    return _Rows(
        blocks=tuple(blocks),
        lower=[lower for lower, _, _ in relations],
        upper=[upper for _, upper, _ in relations],
        coefficients=[body.coefficients for _, _, body in relations],
        perspectives=perspectives,
    )


def _read_relation(reader: Reader, relation: Any) -> tuple[Number, Number, Form]:
    """Return lower bound, upper bound and body of a row."""
    if isinstance(relation, RangedExpression):
        least, middle, most = relation.args
        lower, body, upper = reader.number(least), reader.form(middle), reader.number(most)
    else:
        left, right = (reader.form(side) for side in relation.args)
        has_variables = [is_potentially_variable(side) for side in relation.args]
        is_equality = isinstance(relation, EqualityExpression)
        if not has_variables[1]:
            body, upper = left, right.constant
            lower = upper if is_equality else Number(-inf)
        elif not has_variables[0]:
            body, lower = right, left.constant
            upper = lower if is_equality else Number(inf)
        else:
            body, upper = left, ZERO
            body.add(right, Part(None, MINUS_ONE, ()))
            lower = upper if is_equality else Number(-inf)
    if body.nonlinear:
        refuse(f"the nonlinear expression {body.nonlinear[0].node}")
    return _less(lower, body.constant), _less(upper, body.constant), body


def _less(bound: Number, constant: Number) -> Number:
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


def _read_objective(reader: Reader, objective: Any) -> _Welfare:
    is_maximised = objective.sense == pyomo.maximize
    form = reader.form(objective.expr)
    if form.nonlinear and not is_maximised:
        refuse(f"the nonlinear expression {form.nonlinear[0].node}, and is minimised")
    weights: dict[int, Number] = {}
    alphas: set[float] = set()
    for part in form.nonlinear:
        column, alpha, weight = read_term(reader, part)
        if alpha == 0.0:
            form.add_multiple(column, weight)
        else:
            alphas.add(alpha)
            weights[column] = weights.get(column, ZERO).plus(weight)
    if len(alphas) > 1:
        refuse(f"terms with several alpha, {sorted(alphas)}; all must share one")
    alpha = alphas.pop() if alphas else 0.0
    return _Welfare(form.coefficients, form.constant, weights, alpha, is_maximised)


def _block(component: Any, root: Any, labels: list[Hashable]) -> Block:
    return Block(name=name_of(component, root), labels=labels if component.is_indexed() else None)


def _pattern(
    rows: list[dict[int, Number]], n_columns: int
) -> tuple[tuple[Integers, Integers], list[Number]]:
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
    program: Program, numbers: Mapping[str, list[Number]], params: Params
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


def _slope(numbers: list[Number], moved: Integers, size: int) -> sparse.csr_array:
    """Return the slopes of numbers; Params at position i are at `moved[i]` among the parameters."""
    positions = [position for number in numbers for position in number.slope]
    coefficients = [c for number in numbers for c in number.slope.values()]
    starts = np.concatenate([[0], np.cumsum([len(number.slope) for number in numbers])])
    return sparse.csr_array(
        (np.array(coefficients), moved[np.array(positions, dtype=np.int64)], starts),
        shape=(len(numbers), size),
    )
