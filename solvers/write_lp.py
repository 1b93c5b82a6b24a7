"""A Program as an LP file that HiGHS, SCIP, Gurobi, GLPK and CBC read alike.

A row with two sides is written as two, since most readers take one side a row. A constant is the
cost of a column that is fixed at 1. May import the Program and its names in files.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from solvers.file_names import CONSTANT, OBJECTIVE, Names
from solvers.program import Program

TERMS_A_LINE = 8


def lp_parts(program: Program, names: Names) -> Iterator[str]:
    """Yield the text of the file, in parts."""
    yield "Maximize\n" if program.maximise else "Minimize\n"
    costs = [
        _term(cost, name)
        for cost, name in zip(program.objective.tolist(), names.columns, strict=True)
    ]
    if program.objective_constant:
        costs.append(_term(program.objective_constant, CONSTANT))
    yield f" {OBJECTIVE}: {_sum(costs)}\nSubject To\n"
    yield from _rows(program, names)
    yield "Bounds\n"
    yield "".join(_bounds(program, names))
    whole = [name for name, one in zip(names.columns, program.integer, strict=True) if one]
    if whole:
        yield "General\n"
        yield "".join(f" {name}\n" for name in whole)
    yield "End\n"


def _term(number: float, name: str) -> str:
    return f"- {-number!r} {name}" if number < 0.0 else f"+ {number + 0.0!r} {name}"


def _sum(terms: list[str]) -> str:
    lines = [
        " ".join(terms[first : first + TERMS_A_LINE])
        for first in range(0, len(terms), TERMS_A_LINE)
    ]
    return "\n  ".join(lines)


def _rows(program: Program, names: Names) -> Iterator[str]:
    matrix = sparse.csr_array(program.matrix)
    ends = matrix.indptr.tolist()
    sides = zip(program.row_lower.tolist(), program.row_upper.tolist(), strict=True)
    for row, (lower, upper) in enumerate(sides):
        place = slice(ends[row], ends[row + 1])
        terms = [
            _term(entry, names.columns[column])
            for entry, column in zip(
                matrix.data[place].tolist(), matrix.indices[place].tolist(), strict=True
            )
        ]
        # A row has to hold something, and a Program has columns where it has rows.
        activity = _sum(terms or [_term(0.0, names.columns[0])])
        name = names.rows[row]
        if lower == upper:
            yield f" {name}: {activity} = {lower!r}\n"
            continue
        if np.isfinite(upper):
            yield f" {name}: {activity} <= {upper!r}\n"
        if np.isfinite(lower):
            other = f"{name}~lower" if np.isfinite(upper) else name
            yield f" {other}: {activity} >= {lower!r}\n"


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
