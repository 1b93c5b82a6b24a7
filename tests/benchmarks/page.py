"""The page of the documentation: what was measured, row by row, with the command that repeats it.

`python -m tests.benchmarks.page JSON PAGE` writes it again from numbers that were measured before.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from tests.benchmarks.measuring import Measurement
from tests.benchmarks.table import figure, ratio_of
from tests.benchmarks.targets import reason_of, target_of

HEAD = """# Benchmarks

Written by `make bench`, with the [numbers](benchmarks.json) beside it. Times are medians; each way
and the one that it is compared with take turns, so that a busy machine slows down both, and their
ratio is what counts: how many times as long as the other one. Answers are compared in every round.
A target that is missed stays here, with the reason. Ways that could not be measured stay as well.

One row is repeated by its name, case and way, after `make bench` has installed the peers:

```console
$ .venv/bin/python -m tests.benchmarks build --case "N = 100,000" --peer linopy
```
"""

COLUMNS = ("case", "way", "takes", "compared with", "ratio", "target", "remark")


def to_json(
    machine: Mapping[str, str], about: Mapping[str, str], measurements: Iterable[Measurement]
) -> str:
    """Return all that the page shows, as JSON."""
    rows = [_row_of_json(measurement) for measurement in measurements]
    given = {"machine": dict(machine), "benchmarks": dict(about), "measurements": rows}
    return json.dumps(given, indent=2, ensure_ascii=False) + "\n"


def page(written: str) -> str:
    """Return the page of numbers that were written as JSON."""
    given = json.loads(written)
    names = {field.name for field in fields(Measurement)}
    measurements = [
        Measurement(**{name: value for name, value in row.items() if name in names})
        for row in given["measurements"]
    ]
    parts = [HEAD, _machine(given["machine"])]
    for benchmark, text in given["benchmarks"].items():
        rows = [one for one in measurements if one.benchmark == benchmark]
        if rows:
            parts.append(_section(benchmark, text, rows))
    return "\n".join(parts)


def _row_of_json(measurement: Measurement) -> dict[str, object]:
    target = target_of(measurement)
    return asdict(measurement) | {
        "ratio": measurement.ratio,
        "target": None if target is None else target.text(measurement.unit),
        "met": None if target is None else target.is_met_by(measurement),
        "command": command_of(measurement),
    }


def command_of(measurement: Measurement) -> str:
    """Return what repeats a row."""
    return (
        f".venv/bin/python -m tests.benchmarks {measurement.benchmark}"
        f' --case "{measurement.case}" --peer "{measurement.way}"'
    )


def _machine(machine: Mapping[str, str]) -> str:
    return "## Machine and versions\n\n" + _table(("what", "value"), machine.items())


def _section(benchmark: str, text: str, rows: Sequence[Measurement]) -> str:
    pattern = f'`.venv/bin/python -m tests.benchmarks {benchmark} --case "CASE" --peer "WAY"`'
    table = _table(COLUMNS, [_cells(row) for row in rows])
    return f"## {benchmark}\n\n{text}\n\nOne row again: {pattern}\n\n{table}"


def _cells(row: Measurement) -> tuple[str, ...]:
    target, reason = target_of(row), reason_of(row)
    shown = "" if target is None else target.text(row.unit)
    if target is not None and target.is_met_by(row) is not None:
        shown += " missed" if reason else " met"
    beside = "" if row.bare is None else f"{row.against}: {figure(row.bare, row.unit)}"
    remark = "; ".join(part for part in (reason, row.remark) if part)
    return row.case, row.way, figure(row.value, row.unit), beside, ratio_of(row), shown, remark


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main(source: str, target: str) -> None:
    """Write the page again."""
    Path(target).write_text(page(Path(source).read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
