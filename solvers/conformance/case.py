"""A case of the conformance suite: a statement about an adapter, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.options import SolveOptions
from solvers.outcome import Outcome
from solvers.program import Floats, Program

TOLERANCE = 1e-6
"""By how much numbers may differ, relative to their size: what the protocol asks for by default."""

Check = Callable[[Adapter], None]


class ConformanceFailure(Exception):
    """An adapter does not do what the protocol asks for."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a case says of any adapter.

    Parameters
    ----------
    name : str
        A statement, such as "a row times minus one flips its dual".
    situation : str
        What is done, in a sentence or two, and which trap it is about.
    needs : frozenset of Capability
        Without these it says nothing of an adapter.
    check : callable of Adapter
        Raises ConformanceFailure where the statement is wrong.
    """

    name: str
    situation: str
    needs: frozenset[Capability]
    check: Check


@dataclass(frozen=True, kw_only=True)
class Case:
    """A statement about one adapter.

    Parameters
    ----------
    adapter : Adapter
    statement : Statement
    """

    adapter: Adapter
    statement: Statement

    @property
    def name(self) -> str:
        """The statement."""
        return self.statement.name

    @property
    def situation(self) -> str:
        """What is done."""
        return self.statement.situation

    @property
    def needs(self) -> frozenset[Capability]:
        """What an adapter has to be able to, for the case to say something of it."""
        return self.statement.needs

    @property
    def missing(self) -> frozenset[Capability]:
        """What of it the adapter does not declare."""
        return self.needs - self.adapter.capabilities

    def run(self) -> None:
        """Check the statement.

        Raises
        ------
        ConformanceFailure
            If it is wrong.
        """
        self.statement.check(self.adapter)


def statement(check: Check, *needs: Capability) -> Statement:
    """Return what a check says: its name in words, its docstring, what it needs."""
    words = check.__name__.replace("_", " ")
    situation = " ".join((check.__doc__ or "").split())
    return Statement(name=words, situation=situation, needs=frozenset(needs), check=check)


def fail(words: str) -> NoReturn:
    """Raise ConformanceFailure."""
    raise ConformanceFailure(words)


def expect(holds: object, words: str) -> None:
    """Raise ConformanceFailure with these words where something does not hold."""
    if not holds:
        fail(words)


def expect_near(found: float | None, expected: float, what: str) -> float:
    """Return the number that was found, if it is the one that was expected."""
    if found is None or not abs(found - expected) <= TOLERANCE * max(1.0, abs(expected)):
        fail(f"{what} is {found!r}, expected {expected!r}")
    return found


def expect_error(kind: type[Exception], words: str, do: Callable[[], object]) -> str:
    """Return the message of the error that something raises; fail where it raises none."""
    try:
        do()
    except kind as error:
        return str(error)
    except Exception as error:
        fail(f"{words}: expected {kind.__name__}, found {type(error).__name__}: {error}")
    fail(f"{words}: expected {kind.__name__}, found no error")


def solved(adapter: Adapter, program: Program, **options: object) -> Outcome:
    """Return the outcome of a session of its own, if it is one that the protocol allows."""
    session = adapter.open(program)
    try:
        outcome = session.solve(SolveOptions(**options))  # type: ignore[arg-type]
    finally:
        session.close()
    return sound(program, outcome)


def sound(program: Program, outcome: Outcome) -> Outcome:
    """Return an outcome, if it does not contradict itself or the Program."""
    sense = 1.0 if program.maximise else -1.0
    expect(not np.isnan(outcome.bound), "the bound is not a number")
    if outcome.point is None:
        expect(not outcome.status.has_point, f"{outcome.status.value} without a point")
        return outcome
    expect(outcome.status.has_point, f"{outcome.status.value} with a point")
    point, value = outcome.point, outcome.objective
    expect(point.shape == (program.n_columns,), f"the point has shape {point.shape}")
    expect_feasible(program, point)
    if value is None:
        fail("a point without an objective")
    if program.terms is None:
        expect_near(value, objective_of(program, point), "the objective of the point")
    slack = TOLERANCE * max(1.0, abs(value))
    expect(
        sense * outcome.bound >= sense * value - slack,
        f"the bound {outcome.bound!r} is on the wrong side of the objective {value!r}",
    )
    return outcome


def expect_feasible(program: Program, point: Floats) -> None:
    """Fail where a point breaks a bound, a row or wholeness by more than tolerances allow."""
    size = 1.0 + np.abs(point)
    outside = np.maximum(program.column_lower - point, point - program.column_upper)
    expect((outside <= TOLERANCE * size).all(), f"the point is {outside.max(initial=0.0)!r} out")
    activity = program.matrix @ point
    scale = 1.0 + abs(program.matrix) @ np.abs(point)
    excess = np.maximum(program.row_lower - activity, activity - program.row_upper)
    broken = np.flatnonzero(excess > TOLERANCE * scale)
    if broken.size:
        row = int(broken[0])
        fail(f"row {row} is broken by {excess[row]!r}")
    strays = np.abs(point - np.rint(point))[program.integer]
    # Solvers take what is this near to a whole number for one.
    expect((strays <= 1e-5).all(), f"a whole column is {strays.max(initial=0.0)!r} off")


def objective_of(program: Program, point: Floats) -> float:
    """Return the objective of a point of a Program without terms."""
    return float(program.objective @ point) + program.objective_constant
