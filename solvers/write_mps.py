"""A Program as a free MPS file that HiGHS, SCIP, Gurobi, GLPK and CBC read alike.

The first line says that the format is free, which CBC has to be told. Every reader minimises: GLPK
takes no section for the sense, CBC ignores it. So a maximised objective is written as the negative
one, in a row that is called so. A constant is the cost of a column that is fixed at 1, since
readers differ about its sign elsewhere. May import the Program and what files are made of.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from solvers.file_names import CONSTANT, OBJECTIVE, Names
from solvers.file_numbers import shortest
from solvers.file_rows import FileRows, file_rows
from solvers.program import Floats, Program


def mps_parts(program: Program, names: Names) -> Iterator[str]:
    """Yield the text of the file, in parts."""
    rows = file_rows(program, names.rows)
    objective = OBJECTIVE
    if program.maximise:
        objective = f"minus_{OBJECTIVE}"
        yield f"* maximise {OBJECTIVE}: minimise {objective}\n"
    yield f"NAME librex FREE\nROWS\n N {objective}\n"
    yield "".join(f" {kind} {name}\n" for kind, name in zip(rows.kind, rows.names, strict=True))
    yield "COLUMNS\n"
    yield from _columns(program, names.columns, rows, objective)
    yield "RHS\n"
    sides = zip(rows.names, rows.side.tolist(), strict=True)
    yield "".join(f" RHS {name} {side!r}\n" for name, side in sides if side)
    yield "BOUNDS\n"
    yield "".join(_bounds(program, names.columns))
    yield "ENDATA\n"


def _columns(program: Program, columns: list[str], rows: FileRows, objective: str) -> Iterator[str]:
    """Yield the entries column by column, between markers where columns are whole."""
    sign = -1.0 if program.maximise else 1.0
    entries = _with_objective(sign * program.objective + 0.0, rows.matrix)
    row_texts = np.array([f"{name} " for name in (objective, *rows.names)], dtype=object)
    column_texts = np.array([f"\n {name} " for name in columns], dtype=object)
    # Three texts an entry: column, row and number. Joined they are the lines.
    texts = [""] * (3 * entries.nnz)
    texts[0::3] = np.repeat(column_texts, np.diff(entries.indptr)).tolist()
    texts[1::3] = row_texts[entries.indices].tolist()
    texts[2::3] = shortest(entries.data)
    turns = np.flatnonzero(np.diff(program.integer.astype(int), prepend=0, append=0))
    before = 0
    for number, place in enumerate(turns.tolist()):
        end = 3 * int(entries.indptr[place])
        yield _lines(texts[before:end])
        yield f" MARKER 'MARKER' '{'INTEND' if number % 2 else 'INTORG'}'\n"
        before = end
    yield _lines(texts[before:])
    if program.objective_constant:
        yield f" {CONSTANT} {objective} {sign * program.objective_constant!r}\n"


def _lines(texts: list[str]) -> str:
    """Return texts that begin with line ends as whole lines."""
    return f"{''.join(texts)[1:]}\n" if texts else ""


def _with_objective(objective: Floats, matrix: sparse.csc_array) -> sparse.csc_array:
    """Return the matrix behind the objective as its first row.

    A column without any entry has one of zero there, for it has to be seen all the same.
    """
    is_empty = np.diff(matrix.indptr) == 0
    has_cost = (objective != 0.0) | is_empty
    ends = matrix.indptr + np.concatenate([[0], np.cumsum(has_cost)])
    firsts = ends[:-1][has_cost]
    is_entry = np.ones(ends[-1], dtype=np.bool_)
    is_entry[firsts] = False
    data, indices = np.zeros(ends[-1]), np.zeros(ends[-1], dtype=np.int64)
    data[firsts] = objective[has_cost]
    data[is_entry] = matrix.data
    indices[is_entry] = matrix.indices + 1
    shape = (matrix.shape[0] + 1, matrix.shape[1])
    return sparse.csc_array((data, indices, ends), shape=shape)


def _bounds(program: Program, columns: list[str]) -> Iterator[str]:
    """Yield the bounds; readers differ about what whole columns have by default."""
    infinity = float("inf")
    bounds = zip(
        columns,
        program.column_lower.tolist(),
        program.column_upper.tolist(),
        program.integer.tolist(),
        strict=True,
    )
    for name, lower, upper, whole in bounds:
        if lower == upper:
            yield f" FX BND {name} {lower!r}\n"
            continue
        if lower == -infinity:
            yield f" FR BND {name}\n" if upper == infinity else f" MI BND {name}\n"
        elif lower != 0.0 or whole or upper <= 0.0:
            yield f" LO BND {name} {lower!r}\n"
        if upper != infinity:
            yield f" UP BND {name} {upper!r}\n"
        elif whole and lower != -infinity:
            yield f" PL BND {name}\n"
    if program.objective_constant:
        yield f" FX BND {CONSTANT} 1.0\n"
