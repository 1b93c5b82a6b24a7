"""What is asked of a conic solver: a maximised Program with the bounds that its rows imply.

May import the Program and its implied bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from solvers.implied_bounds import implied_bounds
from solvers.program import AlphaFairTerms, Floats, Integers, Program


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A maximised Program with the bounds that its rows imply.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of shape (n_rows, n_columns)
    row_lower, row_upper, lower, upper, cost : arrays
    least, most : arrays of shape (n_columns,)
        Bounds that rows and bounds imply together: valid, not needed for feasibility.
    columns, weight, alpha
        The alpha-fair terms of positive weight; alpha is 1 where there are none.
    tied_row, tied_column, tied_entry : arrays
        The equality rows that tie a term's column to columns without terms.
    """

    matrix: sparse.csr_array
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    cost: Floats
    least: Floats
    most: Floats
    columns: Integers
    weight: Floats
    alpha: float
    tied_row: Integers
    tied_column: Integers
    tied_entry: Floats

    @cached_property
    def row_size(self) -> Floats:
        """The most that one column can bring to each row, at least its side."""
        reach = np.maximum(np.abs(self.least), np.abs(self.most))
        reach = np.where(np.isfinite(reach), reach, 1.0)
        size = np.zeros(len(self.row_lower))
        for side in (self.row_lower, self.row_upper):
            size = np.maximum(size, np.where(np.isfinite(side), np.abs(side), 0.0))
        size = np.maximum(size, largest_in_rows(self.matrix, reach))
        return np.where(size > 0, size, 1.0)

    def with_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> Task:
        """Return the task with more rows."""
        return replace(
            self,
            matrix=sparse.csr_array(sparse.vstack([self.matrix, matrix], format="csr")),
            row_lower=np.concatenate([self.row_lower, lower]),
            row_upper=np.concatenate([self.row_upper, upper]),
        )

    @property
    def has_terms(self) -> bool:
        """Whether there are alpha-fair terms."""
        return self.columns.size > 0

    @property
    def is_bounded(self) -> bool:
        """Whether bounds and rows bound the objective by arithmetic."""
        best = np.where(self.cost > 0, self.most, np.where(self.cost < 0, self.least, 0.0))
        return bool(np.isfinite(best).all() and np.isfinite(self.most[self.columns]).all())

    def violation(self, point: Floats) -> float:
        """Return the largest violation of a row, relative to what its columns could bring."""
        activity = self.matrix @ point
        excess = np.maximum(activity - self.row_upper, self.row_lower - activity)
        broken = excess > 0
        return float((excess[broken] / self.row_size[broken]).max(initial=0.0))

    def polished(self, point: Floats) -> Floats:
        """Return the point within the bounds of columns, its terms' columns from their rows.

        A term's column that an equality row ties to others is what that row says.
        """
        point = np.clip(np.clip(point, self.least, self.most), self.lower, self.upper)
        row, column = self.tied_row, self.tied_column
        missing = self.row_lower[row] - self.matrix[row] @ point
        point[column] += missing / self.tied_entry
        return np.clip(point, self.lower, self.upper)


def task_of(program: Program) -> Task:
    """Return a Program without whole columns as a task."""
    matrix = sparse.csr_array(program.matrix)
    matrix.eliminate_zeros()
    terms = program.terms
    if terms is None:
        terms = AlphaFairTerms(columns=np.zeros(0, np.int64), weight=np.zeros(0), alpha=1.0)
    lower = program.column_lower.copy()
    # The terms are functions of what is at least zero.
    lower[terms.columns] = np.maximum(lower[terms.columns], 0.0)
    least, most = implied_bounds(
        matrix, program.row_lower, program.row_upper, lower, program.column_upper
    )
    # Terms whose column is always zero count only where that is minus infinity.
    counts = (terms.weight > 0) & ((most[terms.columns] > 0) | (terms.alpha >= 1.0))
    row, column, entry = _ties(matrix, program, terms.columns[counts])
    return Task(
        matrix=matrix,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
        lower=program.column_lower,
        upper=program.column_upper,
        cost=program.objective if program.maximise else -program.objective,
        least=least,
        most=most,
        columns=terms.columns[counts],
        weight=terms.weight[counts],
        alpha=terms.alpha,
        tied_row=row,
        tied_column=column,
        tied_entry=entry,
    )


def _ties(
    matrix: sparse.csr_array, program: Program, columns: Integers
) -> tuple[Integers, Integers, Floats]:
    """Return row, column and entry where an equality row holds one of these columns only."""
    of_terms = matrix[:, columns].tocoo()
    row, place = of_terms.coords
    is_alone = np.bincount(row, minlength=program.n_rows)[row] == 1
    is_tied = is_alone & (program.row_lower[row] == program.row_upper[row])
    # One row for each column.
    _, first = np.unique(place[is_tied], return_index=True)
    return row[is_tied][first], columns[place[is_tied][first]], of_terms.data[is_tied][first]


def relaxed(task: Task, relaxation: float) -> Task:
    """Return a scaled task whose rows give way by this much."""
    if relaxation == 0.0:
        return task
    slack = relaxation * task.row_size
    return replace(task, row_lower=task.row_lower - slack, row_upper=task.row_upper + slack)


def level_task(task: Task, guess: Floats, most: float) -> Task:
    """Return the linear task of the largest z <= most with every term's column >= z guess."""
    n_rows, n_columns = task.matrix.shape
    n_terms = len(guess)
    picked = sparse.csr_array(
        (np.ones(n_terms), (np.arange(n_terms), task.columns)), shape=(n_terms, n_columns)
    )
    matrix = sparse.block_array(
        [[task.matrix, sparse.csr_array((n_rows, 1))], [picked, sparse.csr_array(-guess[:, None])]]
    )
    return replace(
        task,
        matrix=sparse.csr_array(matrix),
        row_lower=np.append(task.row_lower, np.zeros(n_terms)),
        row_upper=np.append(task.row_upper, np.full(n_terms, np.inf)),
        lower=np.append(task.lower, 0.0),
        upper=np.append(task.upper, most),
        least=np.append(task.least, 0.0),
        most=np.append(task.most, most),
        cost=np.append(np.zeros(n_columns), 1.0),
        columns=np.zeros(0, dtype=np.int64),
        weight=np.zeros(0),
    )


def largest_in_rows(matrix: sparse.csr_array, unit: Floats) -> Floats:
    """Return the largest entry of each row, each entry times the unit of its column."""
    entries = matrix.tocoo()
    row, column = entries.coords
    largest = np.zeros(matrix.shape[0])
    np.maximum.at(largest, row, np.abs(entries.data) * unit[column])
    return largest
