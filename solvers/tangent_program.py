"""A Program whose alpha-fair terms became linear columns under tangents.

    welfare_of[g]    a column up to the most, which counts weight_g times in the objective
    tangent[g_k]     welfare_of_g - slope_gk utility_g <= constant_gk

Where slopes are small, rows are multiplied by a power of two: readers drop entries below 1e-9.

May import the Program, its blocks and errors.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from solvers.program import Block, Floats, Program

SMALL = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class TangentsOfTerm:
    """Lines above one term, in the units of its column.

    Parameters
    ----------
    slope, constant : arrays of shape (n_lines,)
        The term is at most slope * column + constant, for each.
    most : float
        And at most this.
    """

    slope: Floats
    constant: Floats
    most: float


def under_tangents(
    program: Program,
    lines: Sequence[TangentsOfTerm],
    weight: Floats,
    labels: Sequence[Hashable],
) -> Program:
    """Return the linear Program in which each term is at most its tangents.

    Parameters
    ----------
    program : Program
        With alpha-fair terms.
    lines : sequence of TangentsOfTerm
        Those of each term.
    weight : array of shape (n_terms,)
        What each counts in the objective.
    labels : sequence of hashable
        One for each term.
    """
    terms = program.terms
    if terms is None:
        raise ValueError("the Program has no terms")
    n_terms, counts = len(lines), [len(line.slope) for line in lines]
    term = np.repeat(np.arange(n_terms), counts)
    n_lines = len(term)
    rows = np.arange(n_lines)
    slope = np.concatenate([line.slope for line in lines])
    constant = np.concatenate([line.constant for line in lines])
    scale = _scale(slope)
    shape = (n_lines, program.n_columns)
    of_columns = sparse.csc_array((-scale * slope, (rows, terms.columns[term])), shape=shape)
    of_welfare = sparse.csc_array((scale, (rows, term)), shape=(n_lines, n_terms))
    above = sparse.hstack([program.matrix, sparse.csc_array((program.n_rows, n_terms))])
    below = sparse.hstack([of_columns, of_welfare])
    number = [k for count in counts for k in range(1, count + 1)]
    names = [f"{labels[g]}_{k}" for g, k in zip(term.tolist(), number, strict=True)]
    return replace(
        program,
        objective=np.concatenate([program.objective, weight]),
        matrix=sparse.csc_array(sparse.vstack([above, below])),
        row_lower=np.concatenate([program.row_lower, np.full(n_lines, -np.inf)]),
        row_upper=np.concatenate([program.row_upper, scale * constant]),
        column_lower=np.concatenate([program.column_lower, np.full(n_terms, -np.inf)]),
        column_upper=np.concatenate([program.column_upper, [line.most for line in lines]]),
        integer=np.concatenate([program.integer, np.zeros(n_terms, dtype=np.bool_)]),
        row_blocks=(*program.row_blocks, Block(name="tangent", labels=names)),
        column_blocks=(*program.column_blocks, Block(name="welfare_of", labels=labels)),
        terms=None,
    )


def _scale(slope: Floats) -> Floats:
    """Return 1, or powers of two that bring small slopes and 1 equally far from 1."""
    is_small = (slope > 0.0) & (slope < SMALL)
    halves = np.where(is_small, -0.5 * np.log2(np.where(is_small, slope, 1.0)), 0.0)
    scale: Floats = 2.0 ** np.rint(halves)
    return scale
