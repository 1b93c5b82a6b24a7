"""One model by every solver in every form: as tables and as what JSON can hold."""

from __future__ import annotations

from typing import Any

from librex_models.analysis.solver_comparison import Comparison
from librex_models.report.json_report import json_number
from librex_models.report.measures import two_digits
from librex_models.report.tables import Cell, Part, Table

ANSWER = ("solver", "form", "route", "status", "limit", "verdict", "objective", "bound")


def comparison_report(comparison: Comparison) -> list[Part]:
    """Return the answers side by side, why others have none, and what contradicts."""
    parts: list[Part] = []
    rows = [
        (*(cells[name] for name in ANSWER), _short(cells["gap"]), _short(cells["seconds"]))
        for cells in (row.cells() for row in comparison.rows if row.is_answered)
    ]
    if rows:
        columns = (*ANSWER, "gap", "seconds")
        parts.append(Table(title="The answers", columns=columns, rows=rows))
    without = list(comparison.unanswered.items())
    if without:
        parts.append(Table(title="Without an answer", columns=("solver", "why"), rows=without))
    if comparison.differences:
        parts.append("\n".join(["What contradicts:", *comparison.differences]))
    return [*parts, comparison.sentence]


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return the same as a dictionary: ``rows``, ``best``, ``differences`` and ``agrees``."""
    best = comparison.best
    return {
        "rows": [
            {
                name: value if isinstance(value, str) else json_number(value)
                for name, value in row.cells().items()
            }
            for row in comparison.rows
        ],
        "best": None if best is None else {"solver": best.solver, "form": best.form},
        "differences": list(comparison.differences),
        "agrees": comparison.agrees,
    }


def _short(value: Cell) -> Cell:
    return two_digits(value) if isinstance(value, float) else value
