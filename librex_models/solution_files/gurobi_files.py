"""Solution files of Gurobi: ``.sol``, which names all columns, and ``.json``, with the status.

JSON solutions leave out zeros unless ``JSONSolDetail`` is 1, which adds duals.
"""

from __future__ import annotations

import math
from typing import Any

from librex_models.solution_files.json_text import JsonFile
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

OBJECTIVE = "# Objective value ="
# From here on Gurobi means infinite.
INFINITE = 1e100

CLAIMS: dict[int, Claim] = {
    1: (Status.FEASIBLE, Limit.OTHER),
    2: (Status.OPTIMAL, None),
    3: (Status.INFEASIBLE, None),
    4: (Status.INFEASIBLE_OR_UNBOUNDED, None),
    5: (Status.UNBOUNDED, None),
    6: (Status.FEASIBLE, Limit.OTHER),
    7: (Status.FEASIBLE, Limit.ITERATIONS),
    8: (Status.FEASIBLE, Limit.NODES),
    9: (Status.FEASIBLE, Limit.TIME),
    10: (Status.FEASIBLE, Limit.SOLUTIONS),
    11: (Status.FEASIBLE, Limit.INTERRUPT),
    12: (Status.NUMERICAL_FAILURE, None),
    13: (Status.FEASIBLE, Limit.OTHER),
    14: (Status.FEASIBLE, Limit.OTHER),
    15: (Status.FEASIBLE, Limit.OTHER),
    16: (Status.FEASIBLE, Limit.OTHER),
    17: (Status.FEASIBLE, Limit.MEMORY),
}


def is_gurobi(first: str, second: str) -> bool:
    """Return whether the first lines are those of a .sol file of Gurobi."""
    return first.startswith(OBJECTIVE) or (
        first.startswith("# Solution for model") and second.startswith(OBJECTIVE)
    )


def read_gurobi(path: str, text: str) -> SolutionFile:
    """Read a .sol file of Gurobi."""
    lines = Lines(path, text)
    while not (line := lines.next(f"'{OBJECTIVE}'")).startswith(OBJECTIVE):
        pass
    objective = lines.value(line.removeprefix(OBJECTIVE).strip(), "the objective")
    values = Values(lines)
    while not lines.is_at_end():
        if lines.peek().startswith("#"):
            lines.next("a comment")
            continue
        values.add(*lines.words("a column with its value", 2, 2))
    return SolutionFile(
        path=path,
        solver="gurobi",
        claim=(Status.FEASIBLE, Limit.OTHER),
        values=values.values,
        lines=values.lines,
        objective=objective,
        objective_error=rounding_of(objective, FULL_DIGITS),
    )


def read_gurobi_json(file: JsonFile) -> SolutionFile:
    """Read a JSON solution of Gurobi."""
    info = file.table(file.content["SolutionInfo"], "SolutionInfo")
    code = info.get("Status")
    if not isinstance(code, float) or code not in CLAIMS:
        raise file.error(f"the status {quoted(str(code))} is not known", "Status")
    objective = _optional(file, info, "ObjVal")
    variables = _list(file, "Vars")
    # Gurobi lists none where all are zero.
    has_point = objective is not None
    claim = with_a_point(CLAIMS[int(code)], has_point)
    values = _by_name(file, variables, "VarName", "X") if has_point else {}
    duals = [one for one in _list(file, "Constrs") if isinstance(one, dict) and "Pi" in one]
    return SolutionFile(
        path=file.path,
        solver="gurobi",
        claim=claim,
        values=values,
        lines=file.lines(list(values)),
        leaves_out_zeros=True,
        objective=objective,
        objective_error=rounding_of(objective, FULL_DIGITS),
        bound=_optional(file, info, "ObjBound"),
        row_duals=_by_name(file, duals, "ConstrName", "Pi"),
        message=f"status {int(code)}",
    )


def _optional(file: JsonFile, info: dict[str, Any], key: str) -> float | None:
    if key not in info:
        return None
    number = file.number(info[key], key, key, most=math.inf)
    return number if abs(number) < INFINITE else None


def _list(file: JsonFile, key: str) -> list[Any]:
    found = file.content.get(key, [])
    if not isinstance(found, list):
        raise file.error(f"{key} is {quoted(str(found))}, expected a list", key)
    return found


def _by_name(file: JsonFile, entries: list[Any], name_key: str, key: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in entries:
        name = entry.get(name_key) if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise file.error(f"expected objects with {name_key} and {key}, found {entry!r:.60}")
        if name in found:
            raise file.error(f"{quoted(name)} stands there twice", name)
        found[name] = file.number(entry.get(key), f"{key} of {quoted(name)}", name)
    return found
