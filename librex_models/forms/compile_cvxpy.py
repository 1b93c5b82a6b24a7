"""Read a CVXPY problem: linear rows, bounds, wholeness, alpha-fair terms, and its Parameters.

CVXPY itself says which linear map an affine expression is, with the Parameters kept apart (that is
what DPP means); alpha-fair terms stay symbolic: in the objective, each ``log(u)`` and
``power(u, p)`` is replaced by a placeholder variable that stands for U_alpha(u), alpha = 1 - p.

Exponential and power cones may say perspectives of such terms (see `cvxpy_perspectives`); they are
no rows. A row whose left (or right) side has no variables is bounded by that side, `sum >= minimum`
from below; in any other row both sides are brought to the left. Everything else is a FormError.

May import CVXPY, `librex_models.errors` and `solvers`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cvxpy
import numpy as np
from cvxpy.constraints import Equality, Inequality, NonNeg, NonPos, Zero
from cvxpy.settings import PARAM_PREFIX, VAR_PREFIX
from scipy import sparse

from librex_models.errors import FormError
from librex_models.forms.cvxpy_expressions import (
    HANDLED,
    Affine,
    AffineMap,
    Expression,
    Reader,
    check_affine,
)
from librex_models.forms.cvxpy_perspectives import CONES, read_perspectives
from librex_models.forms.cvxpy_terms import Term, alpha_fair_terms, check_objective, without_terms
from solvers.parametric import ParametricProgram
from solvers.program import Block, Booleans, Floats, Program

Labels = Mapping[str, Sequence[Hashable]]

HANDLED_ATTRIBUTES = {"nonneg", "nonpos", "pos", "neg", "boolean", "integer", "bounds"}


def compile_cvxpy(problem: cvxpy.Problem, labels: Labels | None = None) -> ParametricProgram:
    """Return the Program of a CVXPY problem, affine in its Parameters.

    Parameters
    ----------
    problem : cvxpy.Problem
        DPP; variables and Parameters have names, constraints have labels.
    labels : mapping of str to sequence of hashable, optional
        Labels of the entries of variables and constraints, by name. By default positions, row and
        column for matrices, none for scalars. Names that the problem lacks are passed over.

    Returns
    -------
    ParametricProgram
        One block for each variable and constraint, entries column after column. Its parameters
        are those of `parameter_values`.

    Raises
    ------
    FormError
        Naming the constraint, variable or atom that is not handled.

    Examples
    --------
    >>> x = cvxpy.Variable(2, name="x", nonneg=True)
    >>> budget = cvxpy.Parameter(name="budget", value=4.0)
    >>> limit = (x[0] + 2 * x[1] <= budget).set_label("limit")
    >>> model = cvxpy.Problem(cvxpy.Maximize(cvxpy.sum(cvxpy.log(x))), [limit])
    >>> program = compile_cvxpy(model, {"x": ["gpu", "cpu"]}).program(parameter_values(model))
    >>> program.column_names, program.row_names, program.row_upper, program.terms.alpha
    (['x[gpu]', 'x[cpu]'], ['limit'], array([4.]), 1.0)
    """
    variables, parameters = problem.variables(), problem.parameters()
    _check_leaves(variables, parameters)
    cones = [one for one in problem.constraints if isinstance(one, CONES)]
    rows = [_row(one) for one in problem.constraints if not isinstance(one, CONES)]
    _check_names([row.name for row in rows], "constraints", "labels")
    terms: list[Term] = []
    welfare = without_terms(problem.objective.args[0], terms)
    check_objective(problem.objective, welfare, terms)
    reader = Reader(variables, [term.placeholder for term in terms], parameters)
    body, objective = reader.read([row.body for row in rows]), reader.read([welfare])
    alpha_fair = alpha_fair_terms(terms, objective, reader)
    numbers = {
        "matrix": body.matrix_numbers(),
        "objective": objective.numbers_of_columns(0, reader.n_columns),
        "objective_constant": objective.offset(),
        **_row_bounds(rows, body),
        **_column_bounds(variables, reader),
    }
    program = Program(
        objective=numbers["objective"].constant,
        objective_constant=float(numbers["objective_constant"].constant[0]),
        matrix=body.matrix(numbers["matrix"].constant),
        row_lower=numbers["row_lower"].constant,
        row_upper=numbers["row_upper"].constant,
        column_lower=numbers["column_lower"].constant,
        column_upper=numbers["column_upper"].constant,
        integer=_concatenated([_is_whole(variable) for variable in variables], np.bool_),
        row_blocks=tuple(_block(row.name, row.shape, labels) for row in rows),
        column_blocks=tuple(_block(one.name(), one.shape, labels) for one in variables),
        terms=None if alpha_fair is None else alpha_fair.terms(),
        perspectives=read_perspectives(cones, reader),
        maximise=isinstance(problem.objective, cvxpy.Maximize),
    )
    if alpha_fair is not None:
        numbers["term_weight"] = alpha_fair.weight
    slope = {part: affine.slope for part, affine in numbers.items() if affine.slope.nnz}
    return ParametricProgram(constant=program, parameters=reader.places, slope=slope)


def parameter_values(problem: cvxpy.Problem) -> dict[str, Floats]:
    """Return the values of the Parameters by name, matrices column after column.

    Raises
    ------
    FormError
        If a Parameter has no value.
    """
    values = {}
    for parameter in problem.parameters():
        if parameter.value is None:
            raise FormError(f"parameter {parameter.name()!r} has no value: set its .value")
        value = np.asarray(parameter.value, dtype=np.float64)
        values[parameter.name()] = value.flatten(order="F")
    return values


@dataclass(frozen=True, kw_only=True, eq=False)
class _Row:
    """A constraint: its body is bounded by zero from above, from below, or both."""

    name: str
    shape: tuple[int, ...]
    body: Expression
    bounded_above: bool
    bounded_below: bool


def _row(constraint: Any) -> _Row:
    if not constraint.label:
        raise FormError(f"constraint {constraint} has no label: give it one by .set_label(...)")
    name, where = constraint.label, f"constraint {constraint.label!r}"
    sides = (*constraint.args, cvxpy.Constant(0.0))[:2]
    above, below = True, True
    if isinstance(constraint, Inequality | NonPos):
        below = False
    elif isinstance(constraint, NonNeg):
        above = False
    elif not isinstance(constraint, Equality | Zero):
        kind = type(constraint).__name__
        raise FormError(f"{where} is a {kind} constraint; handled are {HANDLED}")
    left, right = sides
    if not left.variables():
        left, right, above, below = right, left, below, above
    body = left - right
    check_affine(body, where)
    return _Row(
        name=name, shape=constraint.shape, body=body, bounded_above=above, bounded_below=below
    )


def _row_bounds(rows: list[_Row], body: AffineMap) -> dict[str, Affine]:
    """Return what the bodies without their constants are bounded by."""
    offset = body.offset()
    sizes = [row.body.size for row in rows]
    above = np.repeat([row.bounded_above for row in rows], sizes).astype(np.bool_)
    below = np.repeat([row.bounded_below for row in rows], sizes).astype(np.bool_)
    return {
        "row_upper": Affine(
            constant=np.where(above, 0.0 - offset.constant, np.inf),
            slope=_rows_where(above, -offset.slope),
        ),
        "row_lower": Affine(
            constant=np.where(below, 0.0 - offset.constant, -np.inf),
            slope=_rows_where(below, -offset.slope),
        ),
    }


def _rows_where(kept: Booleans, slope: sparse.csr_array) -> sparse.csr_array:
    """Return the slope with the rows that are not kept emptied."""
    entries = slope.tocoo()
    row, column = entries.coords
    chosen = kept[row]
    return sparse.csr_array(
        (entries.data[chosen], (row[chosen], column[chosen])), shape=slope.shape
    )


def _column_bounds(variables: list[cvxpy.Variable], reader: Reader) -> dict[str, Affine]:
    lower, upper = [], []
    for variable in variables:
        least, most = _bounds_of(variable)
        lower.append(_bound_numbers(variable, least, reader))
        upper.append(_bound_numbers(variable, most, reader))
    return {"column_lower": _stacked(lower, reader), "column_upper": _stacked(upper, reader)}


def _bounds_of(variable: cvxpy.Variable) -> tuple[Expression, Expression]:
    """Return the bounds of a variable, numbers or expressions in Parameters."""
    attributes = variable.attributes
    least, most = variable.bounds or (-np.inf, np.inf)
    lower = np.full(variable.shape, -np.inf)
    upper = np.full(variable.shape, np.inf)
    if attributes["nonneg"] or attributes["pos"]:
        lower = np.zeros(variable.shape)
    if attributes["nonpos"] or attributes["neg"]:
        upper = np.zeros(variable.shape)
    if attributes["boolean"]:
        binary = _mask(variable, "boolean").reshape(variable.shape, order="F")
        lower, upper = np.where(binary, 0.0, lower), np.where(binary, 1.0, upper)
    return _tighter(variable, lower, least, np.maximum), _tighter(variable, upper, most, np.minimum)


def _tighter(variable: cvxpy.Variable, own: Floats, given: Expression, tighter: Any) -> Expression:
    if not isinstance(given, cvxpy.Expression):
        return tighter(own, given)
    if np.isfinite(own).any():
        raise FormError(
            f"variable {variable.name()!r} has a bound {given} besides its sign or boolean "
            "attribute: make one of them a constraint"
        )
    return given


def _bound_numbers(variable: cvxpy.Variable, bound: Expression, reader: Reader) -> Affine:
    if not isinstance(bound, cvxpy.Expression):
        numbers = np.broadcast_to(bound, variable.shape).flatten(order="F")
        return Affine(
            constant=numbers, slope=sparse.csr_array((variable.size, reader.n_parameters))
        )
    check_affine(bound, f"the bound of variable {variable.name()!r}")
    return reader.read([cvxpy.broadcast_to(bound, variable.shape)]).offset()


def _stacked(parts: list[Affine], reader: Reader) -> Affine:
    if not parts:
        return Affine(constant=np.zeros(0), slope=sparse.csr_array((0, reader.n_parameters)))
    slope = sparse.vstack([part.slope for part in parts], format="csr")
    constant = _concatenated([part.constant for part in parts], np.float64)
    return Affine(constant=constant, slope=sparse.csr_array(slope))


def _is_whole(variable: cvxpy.Variable) -> Booleans:
    return _mask(variable, "integer") | _mask(variable, "boolean")


def _mask(variable: cvxpy.Variable, attribute: str) -> Booleans:
    """Return which entries have the attribute `integer` or `boolean`, column after column."""
    chosen: Any = variable.attributes[attribute]
    if isinstance(chosen, bool):
        return np.full(variable.size, chosen)
    mask = np.zeros(variable.shape, dtype=np.bool_)
    mask[tuple(chosen)] = True
    return mask.flatten(order="F")


def _concatenated(parts: list[Any], kind: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def _block(name: str, shape: tuple[int, ...], labels: Labels | None) -> Block:
    size = int(np.prod(shape))
    if labels is not None and name in labels:
        if len(labels[name]) != size:
            raise FormError(
                f"{name!r} has {size} entries, but {len(labels[name])} labels are given"
            )
        return Block(name=name, labels=labels[name])
    if not shape:
        return Block(name=name)
    if len(shape) == 1:
        return Block(name=name, labels=range(size))
    positions = np.unravel_index(np.arange(size), shape, order="F")
    rows = zip(*(position.tolist() for position in positions), strict=True)
    return Block(name=name, labels=[",".join(map(str, row)) for row in rows])


def _check_leaves(variables: list[cvxpy.Variable], parameters: list[cvxpy.Parameter]) -> None:
    leaves: list[tuple[str, Any, str]] = [("variable", one, VAR_PREFIX) for one in variables]
    leaves += [("parameter", one, PARAM_PREFIX) for one in parameters]
    for kind, leaf, prefix in leaves:
        name, shape = leaf.name(), leaf.shape
        if name == f"{prefix}{leaf.id}":
            raise FormError(f"a {kind} of shape {shape} has no name: give it one by name=...")
        if len(shape) > 2:
            raise FormError(
                f"{kind} {name!r} has shape {shape}; handled are at most two dimensions"
            )
        for attribute, value in leaf.attributes.items():
            is_set = value is not None and value is not False
            if is_set and attribute not in HANDLED_ATTRIBUTES:
                raise FormError(
                    f"{kind} {name!r} is declared {attribute}; handled are "
                    f"{', '.join(sorted(HANDLED_ATTRIBUTES))}"
                )
    _check_names([variable.name() for variable in variables], "variables", "names")
    _check_names([parameter.name() for parameter in parameters], "parameters", "names")


def _check_names(names: list[str], kind: str, what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FormError(f"two {kind} bear the name {name!r}: {what} must differ")
        seen.add(name)
