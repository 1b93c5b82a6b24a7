"""Read a CVXPY problem: linear rows, bounds, wholeness, alpha-fair terms, and its Parameters.

CVXPY itself says which linear map an affine expression is, with the Parameters kept apart (that is
what DPP means); alpha-fair terms stay symbolic: in the objective, each ``log(u)`` and
``power(u, p)`` is replaced by a placeholder variable that stands for U_alpha(u), alpha = 1 - p.

A row whose left (or right) side has no variables is bounded by that side, `sum >= minimum` from
below; in any other row both sides are brought to the left. Everything that is not linear rows and
alpha-fair terms is a FormError. May import CVXPY, `librex_models.errors` and `solvers`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cvxpy
import numpy as np
from cvxpy.atoms.affine.affine_atom import AffAtom
from cvxpy.atoms.affine.binary_operators import DivExpression
from cvxpy.constraints import Equality, Inequality, NonNeg, NonPos, Zero
from cvxpy.cvxcore.python.canonInterface import get_problem_matrix
from cvxpy.lin_ops.lin_op import CONSTANT_ID
from cvxpy.settings import COO_CANON_BACKEND, PARAM_PREFIX, VAR_PREFIX
from scipy import sparse

from librex_models.errors import FormError
from solvers.parametric import ParametricProgram
from solvers.program import AlphaFairTerms, Block, Booleans, Floats, Integers, Program

# CVXPY declares its expressions and operators without types.
Expression = Any

Labels = Mapping[str, Sequence[Hashable]]

HANDLED = (
    "linear constraints, a linear objective, and alpha-fair terms weight @ log(u) or "
    "weight @ power(u, p) / p of plain variables u in a maximised objective"
)
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
    rows = [_row(constraint) for constraint in problem.constraints]
    _check_names([row.name for row in rows], "constraints", "labels")
    terms: list[_Term] = []
    welfare = _without_terms(problem.objective.args[0], terms)
    _check_objective(problem.objective, welfare, terms)
    reader = _Reader(variables, [term.placeholder for term in terms], parameters)
    body, objective = reader.read([row.body for row in rows]), reader.read([welfare])
    alpha_fair = _alpha_fair_terms(terms, objective, reader)
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
class _Affine:
    """Numbers = constant + slope @ parameters."""

    constant: Floats
    slope: sparse.csr_array


@dataclass(frozen=True, kw_only=True, eq=False)
class _AffineMap:
    """Affine expressions: numbers at (row, column), each times a parameter or a constant.

    The column behind the last one holds what no variable multiplies, the parameter behind the
    last one is the constant 1.
    """

    n_rows: int
    n_columns: int
    n_parameters: int
    row: Integers
    column: Integers
    parameter: Integers
    number: Floats

    def numbers(self, place: Integers, chosen: Booleans, size: int) -> _Affine:
        """Return `size` numbers, the chosen ones at `place` and zeros elsewhere."""
        is_constant = chosen & (self.parameter == self.n_parameters)
        is_slope = chosen & (self.parameter < self.n_parameters)
        constant = np.zeros(size)
        constant[place[is_constant]] = self.number[is_constant]
        slope = sparse.csr_array(
            (self.number[is_slope], (place[is_slope], self.parameter[is_slope])),
            shape=(size, self.n_parameters),
        )
        return _Affine(constant=constant, slope=slope)

    def offset(self) -> _Affine:
        """Return what no variable multiplies, a number for each row."""
        return self.numbers(self.row, self.column == self.n_columns, self.n_rows)

    def numbers_of_columns(self, start: int, stop: int) -> _Affine:
        """Return the coefficients of some columns, for a map of one row."""
        chosen = (self.column >= start) & (self.column < stop)
        return self.numbers(self.column - start, chosen, stop - start)

    def _places(self) -> tuple[Integers, Integers]:
        """Return the distinct places of the coefficients, and which one each number has."""
        place = self.column * max(self.n_rows, 1) + self.row
        places = np.unique(place[self.column < self.n_columns])
        return places, np.searchsorted(places, place)

    def matrix_numbers(self) -> _Affine:
        """Return the stored entries of the matrix."""
        places, which = self._places()
        return self.numbers(which, self.column < self.n_columns, len(places))

    def matrix(self, entries: Floats) -> sparse.csc_array:
        """Return the matrix with these stored entries."""
        places, _ = self._places()
        column, row = np.divmod(places, max(self.n_rows, 1))
        starts = np.searchsorted(column, np.arange(self.n_columns + 1))
        return sparse.csc_array((entries, row, starts), shape=(self.n_rows, self.n_columns))


class _Reader:
    """Asks CVXPY for the linear maps that expressions are, over columns and parameters in order.

    Parameters
    ----------
    variables, placeholders : lists of cvxpy.Variable
        The columns of the Program, and behind them those that stand for alpha-fair terms.
    parameters : list of cvxpy.Parameter
    """

    def __init__(
        self,
        variables: list[cvxpy.Variable],
        placeholders: list[cvxpy.Variable],
        parameters: list[cvxpy.Parameter],
    ) -> None:
        self._variables = variables
        self.n_columns = sum(variable.size for variable in variables)
        self._column_of: dict[int, int] = {}
        self._n_all_columns = _stack(self._column_of, [*variables, *placeholders])
        self._parameter_of: dict[int, int] = {}
        self.n_parameters = _stack(self._parameter_of, parameters)
        self._size_of = {parameter.id: parameter.size for parameter in parameters}
        self.places = {
            one.name(): slice(self._parameter_of[one.id], self._parameter_of[one.id] + one.size)
            for one in parameters
        }

    def variable_at(self, column: int) -> str:
        """Return the name of the variable that a column belongs to."""
        ends = np.cumsum([variable.size for variable in self._variables])
        return str(self._variables[int(np.searchsorted(ends, column, side="right"))].name())

    def read(self, expressions: list[Expression]) -> _AffineMap:
        """Return the linear map of affine expressions, one below the other."""
        n_rows = sum(expression.size for expression in expressions)
        shape = (n_rows * (self._n_all_columns + 1), self.n_parameters + 1)
        tensor: Any = sparse.coo_array(shape)
        if n_rows:
            # What CVXPY's own reductions ask; its order is column after column, constants last.
            tensor = get_problem_matrix(
                [expression.canonical_form[0] for expression in expressions],
                self._n_all_columns,
                self._column_of,
                self._size_of | {CONSTANT_ID: 1},
                self._parameter_of | {CONSTANT_ID: self.n_parameters},
                n_rows,
                # Of the backends the one for many Parameters: 40 times as fast with 5,000.
                COO_CANON_BACKEND,
            )
        entries = sparse.coo_array(tensor)
        entries.sum_duplicates()
        entries.eliminate_zeros()
        place, parameter = entries.coords
        column, row = np.divmod(place.astype(np.int64), max(n_rows, 1))
        # Placeholders exist in the objective only: elsewhere constants come behind the columns.
        has_placeholders = bool(((column >= self.n_columns) & (column < self._n_all_columns)).any())
        n_columns = self._n_all_columns if has_placeholders else self.n_columns
        return _AffineMap(
            n_rows=n_rows,
            n_columns=n_columns,
            n_parameters=self.n_parameters,
            row=row,
            column=np.where(column == self._n_all_columns, n_columns, column),
            parameter=parameter.astype(np.int64),
            number=entries.data.astype(np.float64),
        )


def _stack(places: dict[int, int], leaves: Iterable[Any]) -> int:
    """Fill in where each leaf begins when they stand one behind the other; return their length."""
    start = 0
    for leaf in leaves:
        places[leaf.id] = start
        start += leaf.size
    return start


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
    _check_affine(body, where)
    return _Row(
        name=name, shape=constraint.shape, body=body, bounded_above=above, bounded_below=below
    )


def _check_affine(expression: Expression, where: str) -> None:
    _check_atoms(expression, where)
    if not expression.is_affine():
        raise FormError(f"{where} is not linear in the variables; handled are {HANDLED}")
    if not expression.is_dpp():
        raise FormError(
            f"{where} is not affine in the Parameters (not DPP): make each product of Parameters, "
            "or function of one, a Parameter of its own"
        )
    if expression.is_complex():
        raise FormError(f"{where} is complex; handled are {HANDLED}")


def _check_atoms(expression: Expression, where: str) -> None:
    # Without variables and Parameters it is a number, whatever its atoms.
    if not expression.variables() and not expression.parameters():
        return
    if expression.args and not isinstance(expression, AffAtom):
        raise FormError(
            f"{where} holds the atom {type(expression).__name__} ({expression}); handled are "
            f"{HANDLED}"
        )
    for argument in expression.args:
        _check_atoms(argument, where)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Term:
    """The terms U_alpha(argument), and the variable that stands for them."""

    placeholder: cvxpy.Variable
    argument: Expression
    alpha: float


def _without_terms(expression: Expression, terms: list[_Term]) -> Expression:
    """Return the expression with placeholders for its alpha-fair terms.

    The terms are added to `terms`.
    """
    if not expression.variables() or not expression.args:
        return expression
    if isinstance(expression, cvxpy.log):
        return _placeholder(expression.args[0], 1.0, terms)
    if isinstance(expression, cvxpy.Power):
        exponent = _exponent(expression)
        if exponent == 1:
            return _without_terms(expression.args[0], terms)
        # u^p = p U_alpha(u)
        return float(exponent) * _placeholder(expression.args[0], float(1 - exponent), terms)
    if isinstance(expression, DivExpression) and isinstance(expression.args[0], cvxpy.Power):
        power, divisor = expression.args
        exponent = _exponent(power)
        # Not p * U / p, which may be another number than U.
        if exponent != 1 and _is_number(divisor, float(exponent)):
            return _placeholder(power.args[0], float(1 - exponent), terms)
    if not isinstance(expression, AffAtom):
        raise FormError(
            f"the objective holds the atom {type(expression).__name__} ({expression}); handled are "
            f"{HANDLED}"
        )
    return expression.copy([_without_terms(argument, terms) for argument in expression.args])


def _is_number(expression: Expression, number: float) -> bool:
    is_fixed = not expression.variables() and not expression.parameters()
    return is_fixed and bool(np.all(expression.value == number))


def _placeholder(argument: Expression, alpha: float, terms: list[_Term]) -> cvxpy.Variable:
    if terms and terms[0].alpha != alpha:
        raise FormError(
            f"the objective has alpha-fair terms with alpha {terms[0].alpha} and {alpha} "
            f"({argument}): all terms must have the same"
        )
    _check_affine(argument, f"the alpha-fair term of {argument}")
    placeholder = cvxpy.Variable(argument.shape)
    terms.append(_Term(placeholder=placeholder, argument=argument, alpha=alpha))
    return placeholder


def _exponent(power: Any) -> Fraction:
    """Return the exponent as it was given, before CVXPY approximates it."""
    exponent: Any = power.get_data()[0]
    if isinstance(exponent, cvxpy.Constant):
        exponent = float(exponent.value)
    if isinstance(exponent, cvxpy.Expression):
        raise FormError(f"the exponent of {power} is {exponent}, expected a number")
    return Fraction(exponent)


def _check_objective(objective: Any, welfare: Expression, terms: list[_Term]) -> None:
    _check_affine(welfare, "the objective")
    if not terms:
        return
    if not isinstance(objective, cvxpy.Maximize):
        raise FormError("the objective minimises alpha-fair terms: it must maximise them")
    if not objective.is_dcp():
        raise FormError(
            f"the objective {objective.args[0]} is not concave by CVXPY's rules: are the weights "
            "of its terms numbers of at least zero, or Parameters with nonneg=True?"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _AlphaFair:
    """The columns and weights of all terms."""

    columns: Integers
    weight: _Affine
    alpha: float

    def terms(self) -> AlphaFairTerms:
        return AlphaFairTerms(columns=self.columns, weight=self.weight.constant, alpha=self.alpha)


def _alpha_fair_terms(
    terms: list[_Term], objective: _AffineMap, reader: _Reader
) -> _AlphaFair | None:
    if not terms:
        return None
    column_of_entry = np.concatenate([_plain_columns(term, reader) for term in terms])
    n_entries = len(column_of_entry)
    weight = objective.numbers_of_columns(reader.n_columns, reader.n_columns + n_entries)
    # An objective may leave entries out, as log(u)[0] does.
    used = np.flatnonzero((weight.constant != 0.0) | (np.diff(weight.slope.indptr) > 0))
    used = used[np.argsort(column_of_entry[used])]
    columns = column_of_entry[used]
    repeated = np.flatnonzero(np.diff(columns) == 0)
    if repeated.size:
        variable = reader.variable_at(int(columns[repeated[0]]))
        raise FormError(
            f"two alpha-fair terms are functions of one entry of variable {variable!r}: write them "
            "as one term with the sum of their weights"
        )
    slope = sparse.csr_array(weight.slope[used])
    weight = _Affine(constant=weight.constant[used], slope=slope)
    return _AlphaFair(columns=columns, weight=weight, alpha=terms[0].alpha)


def _plain_columns(term: _Term, reader: _Reader) -> Integers:
    """Return the columns that the entries of a term's argument are."""
    argument = reader.read([term.argument])
    every_entry = np.arange(argument.n_rows)
    order = np.argsort(argument.row, kind="stable")
    is_plain = (
        np.array_equal(argument.row[order], every_entry)
        and bool((argument.column < reader.n_columns).all())
        and bool((argument.parameter == argument.n_parameters).all())
        and bool((argument.number == 1.0).all())
    )
    if not is_plain:
        raise FormError(
            f"the alpha-fair term of {term.argument} is not of plain variables: name the "
            "expression by a variable and an equality constraint"
        )
    return argument.column[order]


def _row_bounds(rows: list[_Row], body: _AffineMap) -> dict[str, _Affine]:
    """Return what the bodies without their constants are bounded by."""
    offset = body.offset()
    sizes = [row.body.size for row in rows]
    above = np.repeat([row.bounded_above for row in rows], sizes).astype(np.bool_)
    below = np.repeat([row.bounded_below for row in rows], sizes).astype(np.bool_)
    return {
        "row_upper": _Affine(
            constant=np.where(above, 0.0 - offset.constant, np.inf),
            slope=_rows_where(above, -offset.slope),
        ),
        "row_lower": _Affine(
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


def _column_bounds(variables: list[cvxpy.Variable], reader: _Reader) -> dict[str, _Affine]:
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


def _bound_numbers(variable: cvxpy.Variable, bound: Expression, reader: _Reader) -> _Affine:
    if not isinstance(bound, cvxpy.Expression):
        numbers = np.broadcast_to(bound, variable.shape).flatten(order="F")
        return _Affine(
            constant=numbers, slope=sparse.csr_array((variable.size, reader.n_parameters))
        )
    _check_affine(bound, f"the bound of variable {variable.name()!r}")
    return reader.read([cvxpy.broadcast_to(bound, variable.shape)]).offset()


def _stacked(parts: list[_Affine], reader: _Reader) -> _Affine:
    if not parts:
        return _Affine(constant=np.zeros(0), slope=sparse.csr_array((0, reader.n_parameters)))
    slope = sparse.vstack([part.slope for part in parts], format="csr")
    constant = _concatenated([part.constant for part in parts], np.float64)
    return _Affine(constant=constant, slope=sparse.csr_array(slope))


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
