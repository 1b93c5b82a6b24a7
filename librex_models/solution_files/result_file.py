"""Our own results: what ``librex solve --json`` prints, see `librex_models.report.json_report`."""

from __future__ import annotations

import math
from typing import Any

from librex_models.solution_files.json_text import JsonFile
from librex_models.solution_files.solution_file import (
    Claim,
    Naming,
    SolutionFile,
    quoted,
    rounding_of,
)
from solvers import Limit, Status

DIGITS = 16
MODEL = ("model", "alpha", "inner_alpha", "over")


def read_result(file: JsonFile) -> SolutionFile:
    """Read a result of our own."""
    content = file.content
    claim = _claim(file)
    has_point = claim[0].has_point
    decision = content.get("decision")
    if (decision is not None) != has_point:
        there = "none" if decision is None else "one"
        raise file.error(
            f"the status {claim[0].name} and a decision do not go together: there is {there}",
            "decision",
        )
    values = _by_label(file, decision, "decision") if has_point else {}
    objective = _number(file, content.get("objective"), "objective") if has_point else None
    price = _price(file)
    return SolutionFile(
        path=file.path,
        solver=str(content.get("solver", "librex")),
        claim=claim,
        naming=Naming.LABELS,
        values=values,
        lines=_lines(file, values),
        digits=DIGITS,
        objective=objective,
        objective_error=rounding_of(objective, DIGITS),
        equivalent=_number(file, content.get("equivalent"), "equivalent") if has_point else None,
        is_maximised=True,
        prices=None if price is None else _by_label(file, price, "price", may_be_infinite=True),
        said={name: (content[name], file.line(name)) for name in MODEL if name in content},
        message="a result of librex",
    )


def _price(file: JsonFile) -> Any:
    """Return the prices, of whole decisions those of the certificate."""
    certificate = file.content.get("certificate")
    in_certificate = certificate.get("price") if isinstance(certificate, dict) else None
    return file.content.get("price") or in_certificate


def _claim(file: JsonFile) -> Claim:
    status, limit = file.content.get("status"), file.content.get("limit")
    if not isinstance(status, str) or status not in Status.__members__:
        raise file.error(f"the status {quoted(str(status))} is not known", "status")
    if limit is not None and (not isinstance(limit, str) or limit not in Limit.__members__):
        raise file.error(f"the limit {quoted(str(limit))} is not known", "limit")
    claim = Status[status], None if limit is None else Limit[limit]
    if claim[0].is_stopped != (limit is not None):
        raise file.error(f"status {status} and limit {limit} do not go together", "limit")
    return claim


def _lines(file: JsonFile, values: dict[str, float]) -> dict[str, int]:
    # Behind the key "decision", since labels stand elsewhere as well.
    return {
        name: line for name, line in file.lines(["decision", *values]).items() if name in values
    }


def _by_label(
    file: JsonFile, table: Any, what: str, may_be_infinite: bool = False
) -> dict[str, float]:
    return {
        label: float(value)
        if may_be_infinite and value in ("inf", "-inf", "nan")
        else file.number(value, f"the {what} of {quoted(label)}", label)
        for label, value in file.table(table, what).items()
    }


def _number(file: JsonFile, value: Any, key: str) -> float | None:
    """Return a number that is there, None for one that JSON does not have."""
    return (
        None
        if value in (None, "inf", "-inf", "nan")
        else file.number(value, key, key, most=math.inf)
    )
