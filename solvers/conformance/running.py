"""Run the suite on an adapter, and say what passed, what failed and what was skipped."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from solvers.adapter import Adapter
from solvers.capability import Availability
from solvers.conformance import (
    claims,
    duals,
    limits,
    options,
    sessions,
    shapes,
    terms,
    updates,
    whole,
)
from solvers.conformance.case import Case, ConformanceFailure, Statement
from solvers.registry import find_adapter

SUBJECTS: dict[str, tuple[Statement, ...]] = {
    "claims": claims.CASES,
    "limits": limits.CASES,
    "duals and proofs": duals.CASES,
    "options": options.CASES,
    "programs of odd shape": shapes.CASES,
    "whole columns": whole.CASES,
    "updates": updates.CASES,
    "sessions": sessions.CASES,
    "alpha-fair terms": terms.CASES,
}
"""The statements of the suite, by what they are about."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a case.

    Parameters
    ----------
    subject : str
    case : Case
    outcome : str
        "passed", "failed" or "skipped".
    reason : str
        Why it failed or was skipped.
    seconds : float
    """

    subject: str
    case: Case
    outcome: str
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of all cases for one adapter.

    Parameters
    ----------
    name : str
    available : Availability
        Of the solver, with its version.
    results : tuple of Result
    """

    name: str
    available: Availability
    results: tuple[Result, ...]

    def with_outcome(self, outcome: str) -> list[Result]:
        """Return the results with this outcome."""
        return [result for result in self.results if result.outcome == outcome]

    @property
    def has_passed(self) -> bool:
        """Whether no case failed, and the solver could be used."""
        return self.available.is_ready and not self.with_outcome("failed")

    def __str__(self) -> str:
        """Return every case that failed or was skipped, with its reason, and the sums."""
        lines = [f"{self.name}: {self.available.sentence}"]
        for outcome in ("failed", "skipped"):
            lines += [
                f"  {outcome}: {result.case.name} ({result.subject}): {result.reason}"
                for result in self.with_outcome(outcome)
            ]
        sums = [f"{len(self.with_outcome(one))} {one}" for one in ("passed", "failed", "skipped")]
        return "\n".join([*lines, f"  {', '.join(sums)}"])


def cases(adapter: str | Adapter, only: str = "") -> list[Case]:
    """Return the cases of an adapter, those that it lacks a capability for among them.

    Parameters
    ----------
    adapter : str or Adapter
        A name in the registry, or an adapter.
    only : str
        Words that the name or subject has to hold.

    Raises
    ------
    CapabilityError
        If no solver has this name.
    """
    return [case for _, case in _by_subject(_found(adapter), only)]


def run(adapter: str | Adapter, only: str = "") -> Report:
    """Run the suite on an adapter.

    Parameters
    ----------
    adapter : str or Adapter
        A name in the registry, or an adapter.
    only : str
        Words that the name or subject of a case has to hold.
    """
    found = _found(adapter)
    available = found.availability()
    results = []
    for subject, case in _by_subject(found, only):
        results.append(_result(subject, case, available))
    return Report(name=found.name, available=available, results=tuple(results))


def _found(adapter: str | Adapter) -> Adapter:
    return find_adapter(adapter) if isinstance(adapter, str) else adapter


def _by_subject(adapter: Adapter, only: str) -> Iterable[tuple[str, Case]]:
    for subject, statements in SUBJECTS.items():
        for one in statements:
            if only in one.name or only in subject:
                yield subject, Case(adapter=adapter, statement=one)


def _result(subject: str, case: Case, available: Availability) -> Result:
    if not available.is_ready:
        return Result(subject=subject, case=case, outcome="skipped", reason=available.sentence)
    if case.missing:
        lacks = ", ".join(sorted(one.value for one in case.missing))
        return Result(
            subject=subject,
            case=case,
            outcome="skipped",
            reason=f"the solver does not declare: {lacks}",
        )
    start = time.perf_counter()
    outcome, reason = "passed", ""
    try:
        case.run()
    except ConformanceFailure as failure:
        outcome, reason = "failed", str(failure)
    except Exception as error:
        outcome, reason = "failed", f"{type(error).__name__}: {error}"
    return Result(
        subject=subject,
        case=case,
        outcome=outcome,
        reason=reason,
        seconds=time.perf_counter() - start,
    )
