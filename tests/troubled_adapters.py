"""Adapters in trouble, one kind each: HiGHS does their work until then.

Registered as other packages register theirs, by entry points; see the fixture `troubled`.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from scipy import sparse

from solvers import (
    Availability,
    Counts,
    Limit,
    Outcome,
    Program,
    Readiness,
    SolveOptions,
    SolverSession,
    Status,
)
from solvers.errors import LicenceError, SolverFailure, UpdateError
from solvers.highs import Highs
from solvers.program import Floats


class TroubledSession:
    """A session of HiGHS whose solve is replaced."""

    def __init__(self, session: SolverSession) -> None:
        self._session = session

    @property
    def counts(self) -> Counts:
        return self._session.counts

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        self._session.update(program, forbid_rebuild)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        self._session.add_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        return self._session.solve(options)

    def close(self) -> None:
        self._session.close()


class Troubled:
    """HiGHS under another name, with sessions of a class of their own."""

    name = "troubled"
    capabilities = Highs.capabilities
    session: type[TroubledSession] = TroubledSession

    def availability(self, probe: bool = False) -> Availability:
        return Highs().availability(probe)

    def open(self, program: Program) -> SolverSession:
        return self.session(Highs().open(program))


class NotInstalled(Troubled):
    name = "not_installed"

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        return Availability(readiness=Readiness.NOT_INSTALLED, sentence="nobody installed it")


class Unlicensed(Troubled):
    name = "unlicensed"

    def open(self, program: Program) -> NoReturn:  # noqa: ARG002
        raise LicenceError("the licence ended yesterday")


class FailsToOpen(Troubled):
    name = "fails_to_open"

    def open(self, program: Program) -> NoReturn:  # noqa: ARG002
        raise SolverFailure("it is out of memory")


class _FailingSession(TroubledSession):
    def solve(self, options: SolveOptions) -> NoReturn:  # noqa: ARG002
        raise SolverFailure("it fell over")


class BreaksDown(Troubled):
    name = "breaks_down"
    session = _FailingSession


class _WrongNumbersSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:  # noqa: ARG002
        return Outcome(status=Status.NUMERICAL_FAILURE, bound=np.inf, message="singular")


class FailsNumerically(Troubled):
    name = "fails_numerically"
    session = _WrongNumbersSession


class _EmptySession(TroubledSession):
    limit = Limit.TIME

    def solve(self, options: SolveOptions) -> Outcome:  # noqa: ARG002
        return Outcome(status=Status.NO_SOLUTION_FOUND, limit=self.limit, bound=np.inf)


class StopsEmpty(Troubled):
    name = "stops_empty"
    session = _EmptySession


class _InterruptedSession(_EmptySession):
    limit = Limit.INTERRUPT


class Interrupted(Troubled):
    name = "interrupted"
    session = _InterruptedSession


class _LyingSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:
        outcome = super().solve(options)
        assert outcome.point is not None
        return Outcome(status=Status.OPTIMAL, point=outcome.point + 5.0, objective=9e9, bound=9e9)


class Lies(Troubled):
    name = "lies"
    session = _LyingSession


class _PessimisticSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:  # noqa: ARG002
        return Outcome(status=Status.INFEASIBLE, bound=-np.inf)


class SaysInfeasible(Troubled):
    name = "says_infeasible"
    session = _PessimisticSession


class _StubbornSession(TroubledSession):
    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        if forbid_rebuild:
            raise UpdateError("it would need a rebuild; nothing was changed")
        super().update(program, forbid_rebuild)


class Stubborn(Troubled):
    name = "stubborn"
    session = _StubbornSession


class _AbortingSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:  # noqa: ARG002
        print("assertion failed in presolve", flush=True)
        os.abort()


class Aborts(Troubled):
    name = "aborts"
    session = _AbortingSession


class AbortsAtOpening(Troubled):
    name = "aborts_at_opening"

    def open(self, program: Program) -> NoReturn:  # noqa: ARG002
        os.abort()


class _SleepingSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:
        time.sleep(60.0)
        return super().solve(options)


class Sleeps(Troubled):
    name = "sleeps"
    session = _SleepingSession


ADAPTERS = (
    NotInstalled,
    Unlicensed,
    FailsToOpen,
    BreaksDown,
    FailsNumerically,
    StopsEmpty,
    Interrupted,
    Lies,
    SaysInfeasible,
    Stubborn,
    Aborts,
    AbortsAtOpening,
    Sleeps,
)


def register(
    folder: Path, monkeypatch: pytest.MonkeyPatch, adapters: Iterable[type[Troubled]] = ADAPTERS
) -> None:
    """Register adapters as an installed package would, for the time of a test."""
    installed = folder / "site" / "troubled-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: troubled\nVersion: 1.0\n")
    lines = [f"{one.name} = {one.__module__}:{one.__name__}" for one in adapters]
    text = "[librex.solvers]\n" + "\n".join(lines) + "\n"
    (installed / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(folder / "site"))
