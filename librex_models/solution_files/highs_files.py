"""Solution files of HiGHS: raw (styles 0, 4 and 5 of ``write_solution_style``) and pretty (1).

Styles 2 and 3 are those of GLPK, see `glpk_files`. Raw files have 13 digits, pretty ones 6.
"""

from __future__ import annotations

from librex_models.solution_files.solution_file import (
    Claim,
    Lines,
    SolutionFile,
    Values,
    quoted,
    rounding_of,
    with_a_point,
)
from solvers import Limit, Status

RAW_DIGITS, PRETTY_DIGITS = 13, 6

CLAIMS: dict[str, Claim] = {
    "Optimal": (Status.OPTIMAL, None),
    "Infeasible": (Status.INFEASIBLE, None),
    "Unbounded": (Status.UNBOUNDED, None),
    "Primal infeasible or unbounded": (Status.INFEASIBLE_OR_UNBOUNDED, None),
    "Time limit reached": (Status.FEASIBLE, Limit.TIME),
    "Iteration limit reached": (Status.FEASIBLE, Limit.ITERATIONS),
    "Solution limit reached": (Status.FEASIBLE, Limit.SOLUTIONS),
    "Memory limit reached": (Status.FEASIBLE, Limit.MEMORY),
    "Interrupted by user": (Status.FEASIBLE, Limit.INTERRUPT),
    "Interrupted by HiGHS": (Status.FEASIBLE, Limit.OTHER),
    "Bound on objective reached": (Status.FEASIBLE, Limit.OTHER),
    "Target for objective reached": (Status.FEASIBLE, Limit.OTHER),
    "Unknown": (Status.FEASIBLE, Limit.OTHER),
    "Not Set": (Status.FEASIBLE, Limit.OTHER),
    "Empty": (Status.FEASIBLE, Limit.OTHER),
    "Load error": (Status.NUMERICAL_FAILURE, None),
    "Model error": (Status.NUMERICAL_FAILURE, None),
    "Presolve error": (Status.NUMERICAL_FAILURE, None),
    "Solve error": (Status.NUMERICAL_FAILURE, None),
    "Postsolve error": (Status.NUMERICAL_FAILURE, None),
}

POINTS = ("None", "Unknown", "Infeasible", "Feasible")


def is_raw(first: str, second: str) -> bool:  # noqa: ARG001
    """Return whether the first lines are those of a raw file."""
    return first == "Model status"


def is_pretty(first: str, second: str) -> bool:
    """Return whether the first lines are those of a pretty file."""
    return first == "Columns" and second.split()[:2] == ["Index", "Status"]


def read_raw(path: str, text: str) -> SolutionFile:
    """Read a raw file."""
    lines = Lines(path, text)
    lines.next_that_says("'Model status'")
    said = lines.next("the status")
    claim = lines.claim(said, CLAIMS)
    _expect(lines, "# Primal solution values")
    point = _point(lines)
    values, objective, is_sparse = Values(lines), None, False
    if point != "None":
        _, number = lines.words("'Objective' with its value", 2, 2)
        objective = _objective(lines, number)
        values, is_sparse = _columns(lines)
    duals = _duals(lines) if not is_sparse else {}
    if claim[0].is_stopped and point != "Feasible":
        values.clear()
    claim = with_a_point(claim, point == "Feasible")
    return SolutionFile(
        path=path,
        solver="highs",
        claim=claim,
        values=values.values,
        lines=values.lines,
        leaves_out_zeros=is_sparse,
        digits=RAW_DIGITS,
        objective=objective,
        objective_error=rounding_of(objective, RAW_DIGITS),
        row_duals=duals,
        message=said,
    )


def _objective(lines: Lines, number: str) -> float | None:
    """Return the objective, infinite where HiGHS has none."""
    return None if number in ("inf", "-inf") else lines.value(number, "the objective")


def _expect(lines: Lines, heading: str) -> None:
    found = lines.next_that_says(f"'{heading}'")
    if found != heading:
        raise lines.error(f"expected '{heading}', found {quoted(found)}")


def _point(lines: Lines) -> str:
    said = lines.next("whether there is a point")
    if said not in POINTS:
        raise lines.error(f"expected one of {', '.join(POINTS)}, found {quoted(said)}")
    return said


def _size(lines: Lines, heading: str) -> tuple[int, bool]:
    """Return how many lines follow a heading, and whether zeros are left out, as "-" says."""
    found = lines.next_that_says(f"'{heading}' with a number")
    start, _, number = found.rpartition(" ")
    if start != heading:
        raise lines.error(f"expected '{heading}' with a number, found {quoted(found)}")
    # No column at all is -0, which has no sign.
    is_sparse = number.startswith("-") or number == "0"
    return lines.count(number.removeprefix("-"), "their number"), is_sparse


def _columns(lines: Lines) -> tuple[Values, bool]:
    size, is_sparse = _size(lines, "# Columns")
    values = Values(lines)
    for _ in range(size):
        # Where zeros are left out, the place of the column comes third.
        name, value, *_ = lines.words("a column with its value", 2 + is_sparse, 2 + is_sparse)
        values.add(name, value)
    if not is_sparse:
        _named(lines, "# Rows")
    return values, is_sparse


def _named(lines: Lines, heading: str) -> dict[str, float]:
    """Return the numbers under a heading by their names."""
    size, _ = _size(lines, heading)
    values = Values(lines)
    for _ in range(size):
        values.add(*lines.words("a name with its value", 2, 2))
    return values.values


def _duals(lines: Lines) -> dict[str, float]:
    _expect(lines, "# Dual solution values")
    if _point(lines) == "None":
        return {}
    _named(lines, "# Columns")
    return _named(lines, "# Rows")


def read_pretty(path: str, text: str) -> SolutionFile:
    """Read a pretty file."""
    lines = Lines(path, text)
    _expect(lines, "Columns")
    columns, _ = _table(lines, "Rows")
    _, duals = _table(lines, "")
    said = _after(lines, "Model status:")
    number = _after(lines, "Objective value:")
    claim = with_a_point(lines.claim(said, CLAIMS), bool(columns.values))
    objective = _objective(lines, number)
    return SolutionFile(
        path=path,
        solver="highs",
        claim=claim,
        values=columns.values,
        lines=columns.lines,
        digits=PRETTY_DIGITS,
        objective=objective,
        objective_error=rounding_of(objective, RAW_DIGITS),
        row_duals=duals,
        message=said,
    )


def _after(lines: Lines, start: str) -> str:
    found = lines.next_that_says(f"'{start}'")
    if not found.startswith(start):
        raise lines.error(f"expected '{start}', found {quoted(found)}")
    return found.removeprefix(start).strip()


def _table(lines: Lines, end: str) -> tuple[Values, dict[str, float]]:
    """Return primal and dual values of a table, up to the line that ends it."""
    heading = lines.next("the heading of a table").split()
    if heading[:2] != ["Index", "Status"] or heading[-1:] != ["Name"]:
        raise lines.error("expected the heading of a table")
    after = 2 if "Type" in heading else 1
    values, duals = Values(lines), Values(lines)
    while (line := lines.next(f"'{end}'" if end else "an empty line")) != end:
        words = line.split()
        name, numbers = words[-1], words[1:-after]
        if numbers and numbers[0].isalpha() and numbers[0] != "inf":
            # The status in the basis.
            numbers = numbers[1:]
        if not 2 <= len(numbers) <= 4:
            raise lines.error(f"expected bounds, values and a name, found {quoted(line)}")
        if len(numbers) > 2:
            values.add(name, numbers[2])
        if len(numbers) > 3:
            duals.add(name, numbers[3])
    return values, duals.values
