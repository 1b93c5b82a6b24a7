"""Solution files of GLPK: ``--output`` for people, and ``--write`` for programs.

HiGHS writes both too (styles 3 and 2), with the objective as one more row. What is written for
people has 6 digits, and a name longer than 12 characters stands on a line of its own. What is
written for programs has no names: columns are told apart by their places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from librex_models.solution_files.solution_file import (
    Claim,
    Lines,
    Naming,
    SolutionFile,
    Values,
    quoted,
    rounding_of,
)
from solvers import Limit, Status

DIGITS_FOR_PEOPLE = 6
DIGITS_OF_OBJECTIVE = 10
# HiGHS has no more where it writes in this way.
DIGITS_FOR_PROGRAMS = 13

CLAIMS: dict[str, Claim] = {
    "OPTIMAL": (Status.OPTIMAL, None),
    "FEASIBLE": (Status.FEASIBLE, Limit.OTHER),
    "INFEASIBLE (INTERMEDIATE)": (Status.NO_SOLUTION_FOUND, Limit.OTHER),
    "INFEASIBLE (FINAL)": (Status.INFEASIBLE, None),
    "UNBOUNDED": (Status.UNBOUNDED, None),
    "UNDEFINED": (Status.NO_SOLUTION_FOUND, Limit.OTHER),
    "INTEGER OPTIMAL": (Status.OPTIMAL, None),
    "INTEGER NON-OPTIMAL": (Status.FEASIBLE, Limit.OTHER),
    "INTEGER EMPTY": (Status.INFEASIBLE, None),
    "INTEGER UNDEFINED": (Status.NO_SOLUTION_FOUND, Limit.OTHER),
}
# Of a basis, by its primal and dual state; of an interior point and of whole columns.
OF_A_BASIS: dict[str, Claim] = {
    "f f": (Status.OPTIMAL, None),
    "f n": (Status.UNBOUNDED, None),
    "f i": (Status.FEASIBLE, Limit.OTHER),
    "f u": (Status.FEASIBLE, Limit.OTHER),
    **{f"n {dual}": (Status.INFEASIBLE, None) for dual in "finu"},
    **{f"i {dual}": (Status.NO_SOLUTION_FOUND, Limit.OTHER) for dual in "finu"},
    **{f"u {dual}": (Status.NO_SOLUTION_FOUND, Limit.OTHER) for dual in "finu"},
}
OF_ANY: dict[str, Claim] = {
    "o": (Status.OPTIMAL, None),
    "f": (Status.FEASIBLE, Limit.OTHER),
    "i": (Status.NO_SOLUTION_FOUND, Limit.OTHER),
    "n": (Status.INFEASIBLE, None),
    "u": (Status.NO_SOLUTION_FOUND, Limit.OTHER),
}


@dataclass(frozen=True)
class _Layout:
    """Where the words of a kind of point stand that is written for programs.

    Parameters
    ----------
    n_words : int
        Of the first line.
    size : int
        Words of a row or column.
    value, dual : int
        Their places among these.
    """

    n_words: int
    size: int
    value: int
    dual: int | None


_LAYOUTS = {
    "bas": _Layout(n_words=7, size=5, value=3, dual=4),
    "ipt": _Layout(n_words=6, size=4, value=2, dual=3),
    "mip": _Layout(n_words=6, size=3, value=2, dual=None),
}
_SENSES = {"MINimum": False, "MAXimum": True}
# HiGHS leaves out the name of an objective that is zero in an LP file.
_OBJECTIVE = re.compile(r"(?:c )?Objective:(?:.* =)?\s+(?P<value>\S+)\s+\((?P<sense>\w+)\)")
_STATUS = re.compile(r"(?:c )?Status:\s+(?P<said>.+)")
_SIZE = re.compile(r"(?:Rows|Columns):\s+([0-9]{1,9})\b.*")
_END_OF_OUTPUT, _END_OF_FILE = "End of output", "e o f"
_NOTHING = "< eps"


def is_for_people(first: str, second: str) -> bool:
    """Return whether the first lines are those of what is written for people."""
    return first.startswith("Problem:") and second.startswith("Rows:")


def is_for_programs(first: str, second: str) -> bool:  # noqa: ARG001
    """Return whether the first line is one of what is written for programs."""
    return first.startswith(("c ", "s bas ", "s ipt ", "s mip ")) or first == "c"


def read_for_people(path: str, text: str) -> SolutionFile:
    """Read what is written for people."""
    lines = Lines(path, text)
    lines.next_that_says("'Problem:'")
    n_rows, n_columns = _size(lines), _size(lines)
    lines.next("'Non-zeros:'")
    said = _matched(lines, _STATUS, "'Status:'")["said"]
    claim = lines.claim(said, CLAIMS)
    objective = _matched(lines, _OBJECTIVE, "'Objective:'")
    values, duals = Values(lines), dict[str, float]()
    if claim[0].has_point:
        _, duals = _table(lines, n_rows)
        values, _ = _table(lines, n_columns)
        while lines.next_that_says(f"'{_END_OF_OUTPUT}'") != _END_OF_OUTPUT:
            pass
    number = lines.value(objective["value"], "the objective") if claim[0].has_point else None
    return SolutionFile(
        path=path,
        solver="glpk",
        claim=claim,
        values=values.values,
        lines=values.lines,
        digits=DIGITS_FOR_PEOPLE,
        objective=number,
        objective_error=rounding_of(number, DIGITS_OF_OBJECTIVE),
        is_maximised=_SENSES.get(objective["sense"]),
        row_duals=duals,
        message=said,
    )


def _matched(lines: Lines, pattern: re.Pattern[str], what: str) -> re.Match[str]:
    line = lines.next(what)
    found = pattern.fullmatch(line)
    if found is None:
        raise lines.error(f"expected {what}, found {quoted(line)}")
    return found


def _size(lines: Lines) -> int:
    return int(_matched(lines, _SIZE, "the size of the model")[1])


def _table(lines: Lines, size: int) -> tuple[Values, dict[str, float]]:
    """Return the values and duals of a table whose places are under dashes."""
    if not lines.next_that_says("the heading of a table").lstrip().startswith("No."):
        raise lines.error("expected the heading of a table")
    places = [match.span() for match in re.finditer("-+", lines.next("dashes"))]
    # Number, name, perhaps the state in the basis, activity, bounds, perhaps the dual.
    n_numbers = sum(last - first == 13 for first, last in places)
    if n_numbers not in (3, 4):
        raise lines.error("expected dashes under a heading")
    values, duals = Values(lines), dict[str, float]()
    first, last = places[-n_numbers]
    for place in range(1, size + 1):
        line = lines.next("a line of the table")
        number, name = _numbered(lines, line, places)
        if number != place:
            raise lines.error(f"expected number {place}, found {number}")
        if len(name) > places[1][1] - places[1][0]:
            # A long name has pushed its numbers onto the next line.
            line = lines.next("the numbers of a line")
        values.add(name, line[first:last].strip())
        if n_numbers == 4:
            worth = line[slice(*places[-1])].strip()
            is_none = worth in ("", _NOTHING)
            duals[name] = 0.0 if is_none else lines.value(worth, f"the dual of {quoted(name)}")
    return values, duals


def _numbered(lines: Lines, line: str, places: list[tuple[int, int]]) -> tuple[int, str]:
    words = line.split(maxsplit=2)
    if len(words) < 2 or len(line[: places[1][0]].split()) != 1:
        raise lines.error(f"expected a number and a name, found {quoted(line)}")
    return lines.count(words[0], "the number of the line"), words[1]


def read_for_programs(path: str, text: str) -> SolutionFile:
    """Read what is written for programs."""
    lines = Lines(path, text)
    said, is_maximised = "", None
    while (line := lines.next_that_says("the line that begins with 's'"))[0] == "c":
        status, objective = _STATUS.fullmatch(line), _OBJECTIVE.fullmatch(line)
        said = status["said"] if status else said
        is_maximised = _SENSES.get(objective["sense"]) if objective else is_maximised
    words = line.split()
    layout = _LAYOUTS.get(words[1]) if len(words) > 1 and words[0] == "s" else None
    if layout is None or len(words) != layout.n_words:
        raise lines.error(
            f"expected 's bas ROWS COLUMNS f f VALUE' or its like, found {line!r:.60}"
        )
    n_rows = lines.count(words[2], "the number of rows")
    n_columns = lines.count(words[3], "the number of columns")
    state = " ".join(words[4:-1])
    claim = lines.claim(state, OF_A_BASIS if words[1] == "bas" else OF_ANY)
    if not claim[0].has_point and said in CLAIMS and not CLAIMS[said][0].has_point:
        # HiGHS says "u u" where the words above say what it knows.
        claim = CLAIMS[said]
    values, duals, value = Values(lines), dict[str, float](), None
    if claim[0].has_point:
        value = lines.value(words[-1], "the objective")
        _, duals = _places(lines, "i", n_rows, layout)
        values, _ = _places(lines, "j", n_columns, layout)
        if lines.next_that_says(f"'{_END_OF_FILE}'") != _END_OF_FILE:
            raise lines.error(f"expected '{_END_OF_FILE}'")
    return SolutionFile(
        path=path,
        solver="glpk",
        claim=claim,
        naming=Naming.POSITIONS,
        values=values.values,
        lines=values.lines,
        digits=DIGITS_FOR_PROGRAMS,
        n_columns=n_columns,
        n_rows=n_rows,
        objective=value,
        objective_error=rounding_of(value, DIGITS_FOR_PROGRAMS),
        is_maximised=is_maximised,
        row_duals=duals,
        message=said or state,
    )


def _places(
    lines: Lines, letter: str, size: int, layout: _Layout
) -> tuple[Values, dict[str, float]]:
    """Return the values and duals of lines that begin with a letter and their number."""
    values, duals = Values(lines), dict[str, float]()
    for place in range(1, size + 1):
        words = lines.words(f"'{letter} {place}' and its value", layout.size, layout.size)
        if words[:2] != [letter, str(place)]:
            raise lines.error(f"expected '{letter} {place}', found {' '.join(words[:2])!r:.60}")
        values.add(words[1], words[layout.value])
        if layout.dual is not None:
            duals[words[1]] = lines.value(words[layout.dual], f"the dual of {words[1]}")
    return values, duals
