"""Affine CVXPY expressions as linear maps over columns and Parameters.

CVXPY itself says which linear map an affine expression is, with the Parameters kept apart (that is
what DPP means). May import CVXPY, `librex_models.errors` and `solvers`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cvxpy
import numpy as np
from cvxpy.atoms.affine.affine_atom import AffAtom
from cvxpy.cvxcore.python.canonInterface import get_problem_matrix
from cvxpy.lin_ops.lin_op import CONSTANT_ID
from cvxpy.settings import COO_CANON_BACKEND
from scipy import sparse

from librex_models.errors import FormError
from solvers.program import Booleans, Floats, Integers

# CVXPY declares its expressions and operators without types.
Expression = Any

HANDLED = (
    "linear constraints, a linear objective, and alpha-fair terms weight @ log(u) or "
    "weight @ power(u, p) / p of plain variables u in a maximised objective"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """Numbers = constant + slope @ parameters."""

    constant: Floats
    slope: sparse.csr_array


@dataclass(frozen=True, kw_only=True, eq=False)
class AffineMap:
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

    def numbers(self, place: Integers, chosen: Booleans, size: int) -> Affine:
        """Return `size` numbers, the chosen ones at `place` and zeros elsewhere."""
        is_constant = chosen & (self.parameter == self.n_parameters)
        is_slope = chosen & (self.parameter < self.n_parameters)
        constant = np.zeros(size)
        constant[place[is_constant]] = self.number[is_constant]
        slope = sparse.csr_array(
            (self.number[is_slope], (place[is_slope], self.parameter[is_slope])),
            shape=(size, self.n_parameters),
        )
        return Affine(constant=constant, slope=slope)

    def offset(self) -> Affine:
        """Return what no variable multiplies, a number for each row."""
        return self.numbers(self.row, self.column == self.n_columns, self.n_rows)

    def numbers_of_columns(self, start: int, stop: int) -> Affine:
        """Return the coefficients of some columns, for a map of one row."""
        chosen = (self.column >= start) & (self.column < stop)
        return self.numbers(self.column - start, chosen, stop - start)

    def _places(self) -> tuple[Integers, Integers]:
        """Return the distinct places of the coefficients, and which one each number has."""
        place = self.column * max(self.n_rows, 1) + self.row
        places = np.unique(place[self.column < self.n_columns])
        return places, np.searchsorted(places, place)

    def matrix_numbers(self) -> Affine:
        """Return the stored entries of the matrix."""
        places, which = self._places()
        return self.numbers(which, self.column < self.n_columns, len(places))

    def matrix(self, entries: Floats) -> sparse.csc_array:
        """Return the matrix with these stored entries."""
        places, _ = self._places()
        column, row = np.divmod(places, max(self.n_rows, 1))
        starts = np.searchsorted(column, np.arange(self.n_columns + 1))
        return sparse.csc_array((entries, row, starts), shape=(self.n_rows, self.n_columns))


class Reader:
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

    def read(self, expressions: list[Expression]) -> AffineMap:
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
        return AffineMap(
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


def check_affine(expression: Expression, where: str) -> None:
    """Raise FormError, naming `where`, unless an expression can be read as a linear map."""
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
