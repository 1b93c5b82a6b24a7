"""A Program as an NL file, the text that AMPL hands to solvers, with alpha-fair terms as they are.

Gay (2005), Writing .nl files, Sandia report 2005-7907P. Columns stand in the order that the format
wants: those of the terms, then continuous, 0/1 and other whole ones, each kind in the order of the
Program. Names are in two files beside it, one a line. May import the Program and what files are
made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.file_names import OBJECTIVE, Names
from solvers.file_numbers import shortest
from solvers.program import AlphaFairTerms, Booleans, Floats, Integers, Program

PLUS, TIMES, POWER, LOG, SUM = "o0", "o2", "o5", "o43", "o54"


def nl_parts(program: Program, names: Names) -> Iterator[str]:
    """Yield the text of the file, in parts."""
    order = column_order(program)
    ordered = _in_order(program, order)
    yield _header(ordered, names)
    yield "".join(f"C{row}\nn0\n" for row in range(program.n_rows))
    yield f"O0 {int(program.maximise)}\n{_expression(ordered)}"
    if program.n_rows:
        yield "r\n"
        yield _sides(program.row_lower, program.row_upper)
    yield "b\n"
    yield _sides(ordered.column_lower, ordered.column_upper)
    yield from _matrix(ordered)
    gradient = np.flatnonzero(_in_objective(ordered))
    if gradient.size:
        yield f"G0 {gradient.size}\n"
        yield _entries(gradient, ordered.objective[gradient])


def column_names(program: Program, names: Names) -> Iterator[str]:
    """Yield the text of the file of column names."""
    yield "".join(f"{names.columns[place]}\n" for place in column_order(program).tolist())


def row_names(names: Names) -> Iterator[str]:
    """Yield the text of the file of row names, the objective's behind them."""
    yield "".join(f"{name}\n" for name in (*names.rows, OBJECTIVE))


def column_order(program: Program) -> Integers:
    """Return the columns of a Program in the order of the file."""
    in_terms = np.zeros(program.n_columns, dtype=np.bool_)
    if program.terms is not None:
        in_terms[program.terms.columns] = True
    return np.lexsort((_is_binary(program) < program.integer, program.integer, ~in_terms))


def _is_binary(program: Program) -> Booleans:
    zero_or_one = (program.column_lower == 0.0) & (program.column_upper == 1.0)
    found: Booleans = program.integer & zero_or_one
    return found


def _in_order(program: Program, order: Integers) -> Program:
    """Return the Program with its columns in another order, and its terms in that of columns."""
    terms = program.terms
    if terms is not None:
        place = np.argsort(order)[terms.columns]
        first = np.argsort(place)
        terms = AlphaFairTerms(columns=place[first], weight=terms.weight[first], alpha=terms.alpha)
    return replace(
        program,
        objective=program.objective[order],
        matrix=sparse.csc_array(program.matrix[:, order]),
        column_lower=program.column_lower[order],
        column_upper=program.column_upper[order],
        integer=program.integer[order],
        terms=terms,
    )


def _header(program: Program, names: Names) -> str:
    """Return the ten lines of counts."""
    lower, upper = program.row_lower, program.row_upper
    is_equal = (lower == upper) & np.isfinite(lower)
    is_range = np.isfinite(lower) & np.isfinite(upper) & ~is_equal
    columns = np.zeros(0, dtype=np.int64) if program.terms is None else program.terms.columns
    whole_in_terms = int(program.integer[columns].sum())
    binary = _is_binary(program)
    binary[columns] = False
    other_whole = int(program.integer.sum() - binary.sum()) - whole_in_terms
    longest = [max(map(len, some), default=0) for some in (names.rows, names.columns)]
    lines = [
        f"g3 1 1 0 # {OBJECTIVE}",
        f" {program.n_columns} {program.n_rows} 1 {is_range.sum()} {is_equal.sum()}"
        " # columns, rows, objectives, ranges, equations",
        f" 0 {int(columns.size > 0)} # nonlinear rows, objectives",
        " 0 0 # network rows: nonlinear, linear",
        f" 0 {columns.size} 0 # nonlinear columns in rows, objectives, both",
        " 0 0 0 1 # linear network columns; functions; arithmetic, flags",
        f" {binary.sum()} {other_whole} 0 0 {whole_in_terms} # whole: 0/1, others, in terms",
        f" {program.matrix.nnz} {_in_objective(program).sum()} # entries of rows, of objectives",
        f" {longest[0]} {longest[1]} # longest names: rows, columns",
        " 0 0 0 0 0 # common expressions",
    ]
    return "".join(f"{line}\n" for line in lines)


def _in_objective(program: Program) -> Booleans:
    found: Booleans = program.objective != 0.0
    if program.terms is not None:
        found[program.terms.columns] = True
    return found


def _expression(program: Program) -> str:
    """Return what is not linear of the objective, and its constant."""
    summands = [] if program.terms is None else list(_summands(program.terms))
    if program.objective_constant or not summands:
        summands.append(f"n{program.objective_constant!r}\n")
    if len(summands) == 1:
        return summands[0]
    head = f"{PLUS}\n" if len(summands) == 2 else f"{SUM}\n{len(summands)}\n"
    return head + "".join(summands)


def _summands(terms: AlphaFairTerms) -> Iterator[str]:
    """Yield weight * log(column), or weight / (1 - alpha) * column^(1 - alpha)."""
    exponent = 1.0 - terms.alpha
    for column, weight in zip(terms.columns.tolist(), terms.weight.tolist(), strict=True):
        if terms.alpha == 1.0:
            yield f"{TIMES}\nn{weight!r}\n{LOG}\nv{column}\n"
        else:
            yield f"{TIMES}\nn{weight / exponent!r}\n{POWER}\nv{column}\nn{exponent!r}\n"


def _sides(lower: Floats, upper: Floats) -> str:
    """Return a line for each pair: 0 both, 1 at most, 2 at least, 3 free, 4 equal."""
    infinity = float("inf")
    lines = []
    for low, high in zip(lower.tolist(), upper.tolist(), strict=True):
        if low == high:
            lines.append(f"4 {low!r}\n")
        elif low == -infinity:
            lines.append("3\n" if high == infinity else f"1 {high!r}\n")
        else:
            lines.append(f"2 {low!r}\n" if high == infinity else f"0 {low!r} {high!r}\n")
    return "".join(lines)


def _matrix(program: Program) -> Iterator[str]:
    """Yield how many entries stand up to each column but the last, and the rows."""
    yield f"k{program.n_columns - 1}\n"
    yield "".join(f"{count}\n" for count in program.matrix.indptr[1:-1].tolist())
    matrix = sparse.csr_array(program.matrix)
    matrix.sort_indices()
    ends = matrix.indptr.tolist()
    for row in range(program.n_rows):
        entries = slice(ends[row], ends[row + 1])
        if ends[row] < ends[row + 1]:
            yield f"J{row} {ends[row + 1] - ends[row]}\n"
            yield _entries(matrix.indices[entries], matrix.data[entries])


def _entries(places: npt.NDArray[np.integer], numbers: Floats) -> str:
    pairs = zip(places.tolist(), shortest(numbers), strict=True)
    return "".join(f"{place} {number}\n" for place, number in pairs)
