"""Solution files of SCIP: ``writeBestSol``, or ``write solution`` in its shell.

Zeros are left out.
"""

from __future__ import annotations

import re

from librex_models.problem.plain_text import number_in
from librex_models.solution_files.solution_file import (
    FULL_DIGITS,
    Claim,
    Lines,
    SolutionFile,
    Values,
    quoted,
    rounding_of,
    with_a_point,
)
from solvers import Limit, Status

STATUS, OBJECTIVE, NOTHING = "solution status:", "objective value:", "no solution available"

CLAIMS: dict[str, Claim] = {
    "optimal solution found": (Status.OPTIMAL, None),
    "infeasible": (Status.INFEASIBLE, None),
    "unbounded": (Status.UNBOUNDED, None),
    "infeasible or unbounded": (Status.INFEASIBLE_OR_UNBOUNDED, None),
    "time limit reached": (Status.FEASIBLE, Limit.TIME),
    "node limit reached": (Status.FEASIBLE, Limit.NODES),
    "total node limit reached": (Status.FEASIBLE, Limit.NODES),
    "stall node limit reached": (Status.FEASIBLE, Limit.NODES),
    "memory limit reached": (Status.FEASIBLE, Limit.MEMORY),
    "solution limit reached": (Status.FEASIBLE, Limit.SOLUTIONS),
    "solution improvement limit reached": (Status.FEASIBLE, Limit.SOLUTIONS),
    "gap limit reached": (Status.FEASIBLE, Limit.OTHER),
    "primal limit reached": (Status.FEASIBLE, Limit.OTHER),
    "dual limit reached": (Status.FEASIBLE, Limit.OTHER),
    "restart limit reached": (Status.FEASIBLE, Limit.OTHER),
    "user interrupt": (Status.FEASIBLE, Limit.INTERRUPT),
    "termination signal received": (Status.FEASIBLE, Limit.INTERRUPT),
    "unknown": (Status.FEASIBLE, Limit.OTHER),
}
_COST = re.compile(r"\(obj:(.*)\)")


def is_scip(first: str, second: str) -> bool:  # noqa: ARG001
    """Return whether the first line is that of a file of SCIP."""
    return first.startswith((STATUS, OBJECTIVE)) or first == NOTHING


def read_scip(path: str, text: str) -> SolutionFile:
    """Read a file of SCIP."""
    lines = Lines(path, text)
    line = lines.next_that_says("'objective value:'")
    # Without a status nothing is claimed of the point but that it is one.
    said, claim = "", CLAIMS["unknown"]
    if line.startswith(STATUS):
        said = line.removeprefix(STATUS).strip()
        claim = lines.claim(said, CLAIMS)
        line = lines.next_that_says("'objective value:'")
    values, costs = Values(lines), dict[str, float]()
    objective = None
    if line != NOTHING:
        if not line.startswith(OBJECTIVE):
            raise lines.error(f"expected '{OBJECTIVE}', found {quoted(line)}")
        objective = lines.value(line.removeprefix(OBJECTIVE).strip(), "the objective")
        while not lines.is_at_end():
            _add(lines, values, costs)
    return SolutionFile(
        path=path,
        solver="scip",
        claim=with_a_point(claim, objective is not None),
        values=values.values,
        lines=values.lines,
        leaves_out_zeros=True,
        objective=objective,
        objective_error=rounding_of(objective, FULL_DIGITS),
        costs=costs,
        message=said or line,
    )


def _add(lines: Lines, values: Values, costs: dict[str, float]) -> None:
    name, value, *rest = lines.words("a column with its value", 2, 3)
    values.add(name, value)
    cost = _COST.fullmatch(rest[0]) if rest else None
    number = None if cost is None else number_in(cost[1])
    if number is not None:
        costs[name] = number
    elif rest:
        raise lines.error(f"expected the cost of a column, found {quoted(rest[0])}")
