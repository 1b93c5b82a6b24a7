"""A Program as a free MPS file that HiGHS, SCIP, Gurobi, GLPK and CBC read alike.

Every reader minimises: GLPK takes no section for the sense, CBC ignores it. So a maximised
objective is written as the negative one, in a row that is called so. A constant is the cost of a
column that is fixed at 1, since readers differ about its sign elsewhere. May import the Program and
its names in files.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from solvers.file_names import CONSTANT, OBJECTIVE, Names
from solvers.program import Floats, Program


def mps_parts(program: Program, names: Names) -> Iterator[str]:
    """Yield the text of the file, in parts."""
    objective = f"minus_{OBJECTIVE}" if program.maximise else OBJECTIVE
    if program.maximise:
        yield f"* maximise {OBJECTIVE}, written as minimise minus_{OBJECTIVE}\n"
    yield "NAME librex\nROWS\n"
    yield f" N {objective}\n"
    kind, side, span = _sides(program)
    yield "".join(f" {one} {name}\n" for one, name in zip(kind, names.rows, strict=True))
    yield "COLUMNS\n"
    yield from _columns(program, names, objective)
    yield "RHS\n"
    yield "".join(f" RHS {names.rows[row]} {number!r}\n" for row, number in _present(side))
    if np.any(span):
        yield "RANGES\n"
        yield "".join(f" RNG {names.rows[row]} {number!r}\n" for row, number in _present(span))
    yield "BOUNDS\n"
    yield "".join(_bounds(program, names))
    yield "ENDATA\n"


def _present(numbers: Floats) -> Iterator[tuple[int, float]]:
    places = np.flatnonzero(numbers)
    return zip(places.tolist(), numbers[places].tolist(), strict=True)


def _sides(program: Program) -> tuple[list[str], Floats, Floats]:
    """Return the kinds of the rows, their sides, and the range of those with two sides."""
    lower, upper = program.row_lower, program.row_upper
    has_lower, has_upper = np.isfinite(lower), np.isfinite(upper)
    is_equal = lower == upper
    kind = np.where(has_upper, "L", np.where(has_lower, "G", "N"))
    kind = np.where(is_equal & has_upper, "E", kind)
    side = np.where(has_upper, upper, np.where(has_lower, lower, 0.0))
    two = has_lower & has_upper & ~is_equal
    span = np.where(two, np.subtract(upper, lower, where=two, out=np.zeros_like(upper)), 0.0)
    return kind.tolist(), side, span


def _columns(program: Program, names: Names, objective: str) -> Iterator[str]:
    """Yield the entries column by column, between markers where columns are whole."""
    sign = -1.0 if program.maximise else 1.0
    entries = _with_objective(program, sign)
    rows = np.array([f"{row} " for row in (objective, *names.rows)], dtype=object)
    columns = np.array([f" {name} " for name in names.columns], dtype=object)
    # Four texts an entry: column, row, number and line end. Joined they are the lines.
    texts = ["\n"] * (4 * entries.nnz)
    texts[0::4] = np.repeat(columns, np.diff(entries.indptr)).tolist()
    texts[1::4] = rows[entries.indices].tolist()
    texts[2::4] = shortest(entries.data)
    turns = np.flatnonzero(np.diff(program.integer.astype(int), prepend=0, append=0))
    before = 0
    for number, place in enumerate(turns.tolist()):
        end = 4 * int(entries.indptr[place])
        yield "".join(texts[before:end])
        yield f" MARKER 'MARKER' '{'INTEND' if number % 2 else 'INTORG'}'\n"
        before = end
    yield "".join(texts[before:])
    if program.objective_constant:
        yield f" {CONSTANT} {objective} {sign * program.objective_constant!r}\n"


def shortest(numbers: Floats) -> list[str]:
    """Return numbers in the fewest digits that read back to the same doubles."""
    # The list's own text is several times faster than one call a number.
    return repr(numbers.tolist())[1:-1].split(", ") if numbers.size else []


def _with_objective(program: Program, sign: float) -> sparse.csc_array:
    """Return the matrix behind the objective as its first row.

    A column without any entry has one of zero there, for it has to be seen all the same.
    """
    matrix = sparse.csc_array(program.matrix)
    is_empty = np.diff(matrix.indptr) == 0
    has_cost = (program.objective != 0.0) | is_empty
    ends = matrix.indptr + np.concatenate([[0], np.cumsum(has_cost)])
    firsts = ends[:-1][has_cost]
    is_entry = np.ones(ends[-1], dtype=np.bool_)
    is_entry[firsts] = False
    data, indices = np.zeros(ends[-1]), np.zeros(ends[-1], dtype=np.int64)
    data[firsts] = sign * program.objective[has_cost] + 0.0
    data[is_entry] = matrix.data
    indices[is_entry] = matrix.indices + 1
    shape = (program.n_rows + 1, program.n_columns)
    return sparse.csc_array((data, indices, ends), shape=shape)


def _bounds(program: Program, names: Names) -> Iterator[str]:
    """Yield the bounds; readers differ about what whole columns have by default."""
    bounds = zip(
        names.columns,
        program.column_lower.tolist(),
        program.column_upper.tolist(),
        program.integer.tolist(),
        strict=True,
    )
    infinity = float("inf")
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
