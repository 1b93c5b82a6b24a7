"""Whether two Programs say the same, whatever the order of their rows and columns.

May import numpy, scipy.sparse, the Program and its perspectives.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.perspectives import perspective_differences
from solvers.program import AlphaFairTerms, Block, Program


def ordered(program: Program) -> Program:
    """Return the same Program with rows and columns sorted by name and no zero entries.

    Two Programs say the same thing exactly if their ordered copies have equal numbers.
    """
    row_names, column_names = program.row_names, program.column_names
    row_order = np.array(sorted(range(len(row_names)), key=row_names.__getitem__), dtype=np.int64)
    column_order = np.array(
        sorted(range(len(column_names)), key=column_names.__getitem__), dtype=np.int64
    )
    matrix = sparse.csc_array(program.matrix[row_order][:, column_order])
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    terms, perspectives = program.terms, program.perspectives
    place = np.empty(len(column_order), dtype=np.int64)
    place[column_order] = np.arange(len(column_order))
    if terms is not None:
        moved = place[terms.columns]
        term_order = np.argsort(moved)
        terms = replace(terms, columns=moved[term_order], weight=terms.weight[term_order])
    return replace(
        program,
        objective=program.objective[column_order],
        matrix=matrix,
        row_lower=program.row_lower[row_order],
        row_upper=program.row_upper[row_order],
        column_lower=program.column_lower[column_order],
        column_upper=program.column_upper[column_order],
        integer=program.integer[column_order],
        row_blocks=tuple(Block(name=row_names[i]) for i in row_order),
        column_blocks=tuple(Block(name=column_names[j]) for j in column_order),
        terms=terms,
        perspectives=None if perspectives is None else perspectives.reordered(place),
    )


def differences(first: Program, second: Program) -> list[str]:
    """Return what differs between two Programs, part by part; empty if they are equal.

    Order and stored zeros do not count; every number counts to the last bit.
    """
    first, second = ordered(first), ordered(second)
    parts = [
        part
        for part in ("row_names", "column_names", "maximise", "objective_constant")
        if getattr(first, part) != getattr(second, part)
    ]
    arrays = ("objective", "row_lower", "row_upper", "column_lower", "column_upper", "integer")
    parts += [
        part for part in arrays if not np.array_equal(getattr(first, part), getattr(second, part))
    ]
    for part in ("indptr", "indices", "data"):
        if not np.array_equal(getattr(first.matrix, part), getattr(second.matrix, part)):
            parts.append(f"matrix.{part}")
    parts += _term_differences(first.terms, second.terms)
    return parts + perspective_differences(first.perspectives, second.perspectives)


def _term_differences(first: AlphaFairTerms | None, second: AlphaFairTerms | None) -> list[str]:
    if first is None or second is None:
        return [] if first is second else ["terms"]
    parts = [] if first.alpha == second.alpha else ["terms.alpha"]
    for part in ("columns", "weight"):
        if not np.array_equal(getattr(first, part), getattr(second, part)):
            parts.append(f"terms.{part}")
    return parts
