"""The page of the reference on solvers, from a run of the suite."""

from __future__ import annotations

from collections.abc import Sequence

from solvers.capability import Capability
from solvers.conformance.running import SUBJECTS, Report
from solvers.registry import find_adapter

HEAD = """# Solvers

What each solver can do, and which statements of the conformance suite hold for it. Made by

    python -m solvers.conformance {names} --write docs/reference/solvers.md

with {versions}.

## Capabilities

{capabilities}

## The conformance suite

A statement is checked by a case, on programs whose answers are known by enumeration, closed forms
or duality. `-` means that the case was skipped, since the solver does not declare a capability that
the case needs; such a request is then refused, which is a statement of its own.

{statements}

## What the cases do
{situations}"""


def page(reports: Sequence[Report]) -> str:
    """Return the page, in Markdown."""
    names = [report.name for report in reports]
    return HEAD.format(
        names=" ".join(names),
        versions=", ".join(f"{one.name} {one.available.version}" for one in reports),
        capabilities=_capabilities(names),
        statements=_statements(reports),
        situations=_situations(),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _capabilities(names: Sequence[str]) -> str:
    can = [find_adapter(name).capabilities for name in names]
    rows = [
        [one.value, *("yes" if one in capabilities else "-" for capabilities in can)]
        for one in Capability
    ]
    return _table(["", *names], rows)


def _statements(reports: Sequence[Report]) -> str:
    words = {"passed": "yes", "failed": "**no**", "skipped": "-"}
    rows = [
        [first.case.name, *(words[report.results[place].outcome] for report in reports)]
        for place, first in enumerate(reports[0].results)
    ]
    return _table(["", *(report.name for report in reports)], rows)


def _situations() -> str:
    lines = []
    for subject, statements in SUBJECTS.items():
        lines.append(f"\n### {subject.capitalize()}\n")
        lines += [f"- *{one.name}*: {one.situation}" for one in statements]
    return "\n".join(lines) + "\n"
