"""The user's own linear rows over decisions: lower <= matrix @ x <= upper.

May import `librex_models.errors` and the labels and arguments of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.arguments import is_sparse
from librex_models.problem.labels import (
    LARGEST_NUMBER,
    Floats,
    Integers,
    Labels,
    as_labels,
    as_numbers,
    as_vector,
    check_range,
    check_unique,
)


@dataclass(frozen=True, eq=False)
class Rows:
    """Linear rows over decisions, ``lower <= matrix @ decision <= upper``.

    Parameters
    ----------
    matrix : array_like or scipy.sparse array of shape (n_rows, n_options)
        Or a list of {option: coefficient}, one for each row. Of either sign.
    lower, upper : float, array_like of shape (n_rows,) or {row: number}
        At least one of the two is finite; a row with both the same is an equation.
    names : sequence of labels of shape (n_rows,), optional
        By default positions.

    Examples
    --------
    >>> from librex_models import AllocationProblem, BudgetOnly
    >>> rows = Rows([{"a": 1.0, "b": -1.0}], upper=0.0, names=["no more of a than of b"])
    >>> problem = AllocationProblem(
    ...     [[1.0], [1.0]], [1.0], [3.0, 1.0], option_names=["a", "b"], extra_rows=rows
    ... )
    >>> BudgetOnly(problem).solve().decision
    array([0.5, 0.5])
    """

    matrix: Any
    lower: Any = -np.inf
    upper: Any = np.inf
    names: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ExtraRows:
    """The rows of a problem, checked.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of shape (n_rows, n_options)
    lower, upper : arrays of shape (n_rows,)
    names : sequence of labels
    """

    matrix: sparse.csr_array
    lower: Floats
    upper: Floats
    names: Labels

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.names)

    @property
    def with_upper(self) -> Integers:
        """The rows that are bounded above and are no equations."""
        return np.flatnonzero(np.isfinite(self.upper) & (self.lower < self.upper))

    @property
    def with_lower(self) -> Integers:
        """The rows that are bounded below and are no equations."""
        return np.flatnonzero(np.isfinite(self.lower) & (self.lower < self.upper))

    @property
    def equations(self) -> Integers:
        """The rows whose two sides are the same."""
        return np.flatnonzero(self.lower == self.upper)

    def same_as(self, other: ExtraRows) -> bool:
        """Return whether the other rows are these."""
        if self.matrix.shape != other.matrix.shape:
            return False
        different: Any = self.matrix != other.matrix
        return (
            list(self.names) == list(other.names)
            and np.array_equal(self.lower, other.lower)
            and np.array_equal(self.upper, other.upper)
            and different.nnz == 0
        )


def checked_rows(rows: Any, options: Labels) -> ExtraRows:
    """Return the rows of a problem with these options; none for None.

    Raises
    ------
    ShapeError, ParameterError
        Naming the row, and the option where there is one.
    """
    if rows is None:
        nothing = np.zeros(0)
        matrix = sparse.csr_array((0, len(options)))
        return ExtraRows(matrix=matrix, lower=nothing, upper=nothing, names=range(0))
    if isinstance(rows, ExtraRows):
        rows = Rows(rows.matrix, rows.lower, rows.upper, rows.names)
    if not isinstance(rows, Rows):
        raise ParameterError(
            f"extra_rows is a {type(rows).__name__}, expected lm.Rows(matrix, lower, upper, names)"
        )
    matrix = _matrix(rows.matrix, options)
    n_rows = matrix.shape[0]
    names: Labels = range(n_rows)
    if rows.names is not None:
        names = as_labels(rows.names, "names of extra_rows", n_rows)
    check_unique(names, "extra row")
    lower, upper = (
        as_vector(side, names, f"{name} of extra_rows", "extra row", scalar=True)
        for name, side in (("lower", rows.lower), ("upper", rows.upper))
    )
    _check(matrix, lower, upper, names, options)
    return ExtraRows(matrix=matrix, lower=lower, upper=upper, names=names)


def _matrix(given: Any, options: Labels) -> sparse.csr_array:
    is_list = isinstance(given, (list, tuple))
    if is_list and given and all(isinstance(row, Mapping) for row in given):
        return _by_option(given, options)
    if is_sparse(given):
        matrix = sparse.csr_array(given, dtype=np.float64, copy=True)
    else:
        numbers = as_numbers(given, "matrix of extra_rows")
        if numbers.ndim != 2:
            raise ShapeError(
                f"matrix of extra_rows has shape {numbers.shape}, expected (n_rows, "
                f"{len(options)}): one row for each, one column for each option"
            )
        matrix = sparse.csr_array(numbers)
    if matrix.shape[1] != len(options):
        raise ShapeError(
            f"matrix of extra_rows has shape {matrix.shape}, expected (n_rows, {len(options)}): "
            "one column for each option"
        )
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _by_option(given: Any, options: Labels) -> sparse.csr_array:
    place = {label: j for j, label in enumerate(options)}
    row, column, data = [], [], []
    for i, coefficients in enumerate(given):
        for option, number in coefficients.items():
            if option not in place:
                raise ParameterError(
                    f"extra_rows names option {option!r}, which the problem does not have"
                )
            row.append(i)
            column.append(place[option])
            data.append(number)
    numbers = as_numbers(data, "matrix of extra_rows")
    matrix = sparse.csr_array((numbers, (row, column)), shape=(len(given), len(options)))
    matrix.eliminate_zeros()
    return matrix


def _check(
    matrix: sparse.csr_array, lower: Floats, upper: Floats, names: Labels, options: Labels
) -> None:
    bad = np.flatnonzero(~(np.abs(matrix.data) <= LARGEST_NUMBER))
    if bad.size:
        row = int(np.searchsorted(matrix.indptr, bad[0], side="right")) - 1
        raise ParameterError(
            f"extra row {names[row]!r} has the coefficient {matrix.data[bad[0]]} for option "
            f"{options[int(matrix.indices[bad[0]])]!r}, expected a finite number of at most "
            f"{LARGEST_NUMBER:g}"
        )
    for name, side in (("lower", lower), ("upper", upper)):
        check_range(side, names, name, "extra row", signed=True, infinite=True)
    for row, label in enumerate(names):
        least, most = lower[row], upper[row]
        if matrix.indptr[row] == matrix.indptr[row + 1]:
            raise ParameterError(f"extra row {label!r} has no coefficients: leave it out")
        if not (least < np.inf and most > -np.inf and least <= most):
            raise ParameterError(f"extra row {label!r} has lower {least} and upper {most}")
        if least == -np.inf and most == np.inf:
            raise ParameterError(f"extra row {label!r} has neither lower nor upper: give one")
