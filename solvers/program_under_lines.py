"""A Program in ratios with a linear column in the place of each alpha-fair term.

    welfare_of[t]    counts weight_t in the objective, and is below lines that are above V

Lines are rows that come and go. May import the Program and the lines of terms.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.program import Block, Floats, Program
from solvers.scaling import LARGEST_ENTRY_OF_MIXED_ROWS
from solvers.term_lines import Curve


def n_terms(program: Program) -> int:
    """Return how many alpha-fair terms a Program has."""
    return 0 if program.terms is None else len(program.terms.columns)


def with_columns_for_terms(
    program: Program, most: Sequence[float], labels: Sequence[Hashable]
) -> Program:
    """Return the linear Program with a column ``welfare_of`` for each term, up to its most.

    Parameters
    ----------
    program : Program
        With alpha-fair terms.
    most : sequence of float, of length n_terms
    labels : sequence of hashable, of length n_terms

    Raises
    ------
    ValueError
        If there are no terms.
    """
    terms = program.terms
    if terms is None:
        raise ValueError("the Program has no terms")
    n_columns = len(terms.columns)
    matrix = sparse.hstack([program.matrix, sparse.csc_array((program.n_rows, n_columns))])
    return replace(
        program,
        objective=np.append(program.objective, terms.weight),
        matrix=sparse.csc_array(matrix),
        column_lower=np.append(program.column_lower, np.full(n_columns, -np.inf)),
        column_upper=np.append(program.column_upper, most),
        integer=np.append(program.integer, np.zeros(n_columns, dtype=np.bool_)),
        column_blocks=(*program.column_blocks, Block(name="welfare_of", labels=labels)),
        terms=None,
    )


def without_terms(program: Program, curves: list[Curve]) -> Program:
    """Return the linear Program with a column for each term, as yet below its most only."""
    terms = program.terms
    if terms is None:
        return program
    lower = program.column_lower.copy()
    lower[terms.columns] = [curve.low for curve in curves]
    raised = replace(program, column_lower=lower)
    return with_columns_for_terms(raised, [curve.most for curve in curves], range(len(curves)))


def rows_of(
    program: Program, term: list[int], slope: Floats, constant: Floats
) -> tuple[sparse.csr_array, Floats, Floats]:
    """Return the rows z - slope s <= constant, scaled so that they count for a solver."""
    n_rows = len(term)
    shape = (n_rows, program.n_columns + n_terms(program))
    if program.terms is None or not n_rows:
        return sparse.csr_array(shape), np.zeros(0), np.zeros(0)
    far = np.maximum(slope, 1.0)
    size = LARGEST_ENTRY_OF_MIXED_ROWS if program.has_integers else 1.0
    scale = size * 2.0 ** np.rint(-0.5 * np.log2(far))
    row, place = np.arange(n_rows), np.array(term)
    matrix = sparse.csr_array(
        (
            np.concatenate([scale, -scale * slope]),
            (
                np.concatenate([row, row]),
                np.concatenate([program.n_columns + place, program.terms.columns[place]]),
            ),
        ),
        shape=shape,
    )
    matrix.eliminate_zeros()
    return matrix, np.full(n_rows, -np.inf), scale * constant


def service(program: Program, curves: list[Curve]) -> tuple[sparse.csr_array, Floats, Floats]:
    """Return rows by which columns of terms that must not be zero are not: one whole column is.

    From alpha = 1 on; a bound below a solver's tolerance does not exclude zero.
    """
    alpha = 0.0 if program.terms is None else program.terms.alpha
    served = [
        curve.tie.columns
        for curve in curves
        if alpha >= 1.0 and curve.tie is not None and curve.tie.least <= 0.0
    ]
    of_row = np.repeat(np.arange(len(served)), [len(columns) for columns in served])
    column = np.concatenate([np.zeros(0, dtype=np.int64), *served])
    lower = np.ones(len(served))
    np.add.at(lower, of_row, program.column_lower[column])
    matrix = sparse.csr_array(
        (np.ones(len(column)), (of_row, column)),
        shape=(len(served), program.n_columns + n_terms(program)),
    )
    return matrix, lower, np.full(len(served), np.inf)
