"""Solution files of CBC: ``-solution FILE``, with or without ``-printi all``.

Values have 8 digits, the objective 8 decimals. Zeros are left out but where all is printed; then
rows come first, and the numbers of the lines begin anew with the columns. Two stars mark what
breaks a side.
"""

from __future__ import annotations

import re

from librex_models.solution_files.solution_file import (
    Claim,
    Lines,
    SolutionFile,
    Values,
    quoted,
    with_a_point,
)
from solvers import Limit, Status

DIGITS = 8
ERROR_OF_OBJECTIVE = 0.5e-8
CONTINUOUS = " (no integer solution - continuous used)"

CLAIMS: dict[str, Claim] = {
    "Optimal": (Status.OPTIMAL, None),
    "Optimal (within gap tolerance)": (Status.FEASIBLE, Limit.OTHER),
    "Infeasible": (Status.INFEASIBLE, None),
    "PrimalInfeasible": (Status.INFEASIBLE, None),
    "Integer infeasible": (Status.INFEASIBLE, None),
    "Unbounded": (Status.UNBOUNDED, None),
    "Stopped on time": (Status.FEASIBLE, Limit.TIME),
    "Stopped on nodes": (Status.FEASIBLE, Limit.NODES),
    "Stopped on iterations": (Status.FEASIBLE, Limit.ITERATIONS),
    "Stopped on solutions": (Status.FEASIBLE, Limit.SOLUTIONS),
    "Stopped on ctrl-c": (Status.FEASIBLE, Limit.INTERRUPT),
    "Stopped on difficulties": (Status.NUMERICAL_FAILURE, None),
    "Status unknown": (Status.FEASIBLE, Limit.OTHER),
}
_FIRST = re.compile(r"(?P<said>.+) - objective value\s+(?P<value>\S+)")


def is_cbc(first: str, second: str) -> bool:  # noqa: ARG001
    """Return whether the first line is that of a file of CBC."""
    return _FIRST.fullmatch(first) is not None


def read_cbc(path: str, text: str) -> SolutionFile:
    """Read a file of CBC."""
    lines = Lines(path, text)
    first = _FIRST.fullmatch(lines.next_that_says("the status"))
    if first is None:
        raise lines.error("expected the status and the objective")
    # What follows then is the point of the relaxation.
    is_relaxed = CONTINUOUS in first["said"]
    claim = lines.claim(first["said"].replace(CONTINUOUS, ""), CLAIMS)
    objective = lines.value(first["value"], "the objective")
    values, before, duals = _columns(lines)
    if is_relaxed:
        values.clear()
    return SolutionFile(
        path=path,
        solver="cbc",
        claim=with_a_point(claim, not is_relaxed),
        values=values.values,
        lines=values.lines,
        leaves_out_zeros=True,
        digits=DIGITS,
        objective=None if is_relaxed else objective,
        objective_error=ERROR_OF_OBJECTIVE,
        row_duals={name: duals[name] for name in before},
        message=first["said"],
    )


def _columns(lines: Lines) -> tuple[Values, dict[str, float], dict[str, float]]:
    """Return the values of columns, those of rows before them, and the duals of both."""
    values, duals = Values(lines), dict[str, float]()
    rows: dict[str, float] = {}
    last = -1
    while not lines.is_at_end():
        words = lines.words("a number, a name, a value and a dual", 4, 5)
        if len(words) == 5 and words.pop(0) != "**":
            raise lines.error(f"expected two stars, found {quoted(words[0])}")
        number, name, value, dual = words
        place = lines.count(number, "the number of the line")
        if place <= last:
            if rows:
                raise lines.error(f"the numbers of the lines begin anew a second time, at {place}")
            rows = values.values
            values.clear()
        last = place
        values.add(name, value)
        duals[name] = lines.value(dual, f"the dual of {quoted(name)}")
    return values, rows, duals
