"""A Program as an LP file that HiGHS, SCIP, Gurobi, GLPK and CBC read alike.

A constant is the cost of a column that is fixed at 1, which all of them take. May import the
Program and what files are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from solvers.file_names import CONSTANT, OBJECTIVE, Names
from solvers.file_numbers import shortest
from solvers.file_rows import FileRows, file_rows
from solvers.program import Floats, Program

TERMS_A_LINE = 8
RELATIONS = {"L": "<=", "G": ">=", "E": "="}


def lp_parts(program: Program, names: Names) -> Iterator[str]:
    """Yield the text of the file, in parts."""
    yield "Maximize\n" if program.maximise else "Minimize\n"
    costs = _terms(program.objective, names.columns)
    if program.objective_constant:
        costs += _terms(np.array([program.objective_constant]), [CONSTANT])
    yield f" {OBJECTIVE}: {_sum(costs)}\nSubject To\n"
    yield from _rows(file_rows(program, names.rows), names.columns)
    yield "Bounds\n"
    yield "".join(_bounds(program, names))
    whole = [name for name, one in zip(names.columns, program.integer, strict=True) if one]
    if whole:
        yield "General\n"
        yield "".join(f" {name}\n" for name in whole)
    yield "End\n"


def _terms(numbers: Floats, columns: Sequence[str]) -> list[str]:
    """Return numbers times columns, each with its sign."""
    signs = np.where(numbers < 0.0, "-", "+").tolist()
    sizes = shortest(np.abs(numbers))
    return [f"{sign} {size} {name}" for sign, size, name in zip(signs, sizes, columns, strict=True)]


def _sum(terms: list[str]) -> str:
    lines = [
        " ".join(terms[first : first + TERMS_A_LINE])
        for first in range(0, len(terms), TERMS_A_LINE)
    ]
    return "\n  ".join(lines)


def _rows(rows: FileRows, columns: list[str]) -> Iterator[str]:
    # The section, and a row, have to hold something.
    zero = f"+ 0.0 {columns[0]}"
    if not rows.names:
        yield f" nothing: {zero} <= 0.0\n"
    matrix = sparse.csr_array(rows.matrix)
    ends = matrix.indptr.tolist()
    terms = _terms(matrix.data, np.array(columns, dtype=object)[matrix.indices].tolist())
    lines = zip(rows.names, rows.kind, rows.side.tolist(), strict=True)
    for row, (name, kind, side) in enumerate(lines):
        activity = _sum(terms[ends[row] : ends[row + 1]] or [zero])
        yield f" {name}: {activity} {RELATIONS[kind]} {side!r}\n"


def _bounds(program: Program, names: Names) -> Iterator[str]:
    infinity = float("inf")
    for name, lower, upper in zip(
        names.columns, program.column_lower.tolist(), program.column_upper.tolist(), strict=True
    ):
        if lower == upper:
            yield f" {name} = {lower!r}\n"
        elif lower == -infinity and upper == infinity:
            yield f" {name} free\n"
        elif lower == -infinity:
            yield f" -inf <= {name} <= {upper!r}\n"
        elif upper != infinity:
            yield f" {lower!r} <= {name} <= {upper!r}\n"
        else:
            yield f" {name} >= {lower!r}\n"
    if program.objective_constant:
        yield f" {CONSTANT} = 1.0\n"
