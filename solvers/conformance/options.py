"""Cases of options: each is honoured or refused, none is ignored."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import expect, expect_error, expect_near, solved, statement
from solvers.conformance.programs import knapsack, packing
from solvers.errors import OptionError
from solvers.options import SolveOptions
from solvers.outcome import Status
from solvers.program import Program

NEEDS: dict[str, tuple[object, Capability]] = {
    "node_limit": (5, Capability.NODE_LIMIT),
    "iteration_limit": (1_000_000, Capability.ITERATION_LIMIT),
    "solution_limit": (1_000, Capability.SOLUTION_LIMIT),
    "memory_limit_mb": (64_000.0, Capability.MEMORY_LIMIT),
    "time_limit_seconds": (600.0, Capability.TIME_LIMIT),
    "start": (np.zeros(2), Capability.START),
    "log": (str, Capability.LOG),
}
"""A value of each option that changes nothing here, and what an adapter needs for it."""


def what_an_adapter_does_not_have_is_refused_by_name(adapter: Adapter) -> None:
    """Every limit, a start and a log: taken where they are declared, else OptionError."""
    for name, (value, capability) in NEEDS.items():
        options = {name: value}
        if capability in adapter.capabilities:
            expect_near(solved(adapter, knapsack(), **options).objective, 4.0, f"with {name}")
        else:
            words = expect_error(OptionError, name, lambda: solved(adapter, knapsack(), **options))  # noqa: B023
            expect(name in words, f"the error does not name {name}: {words}")


def an_unknown_native_option_is_refused_by_name(adapter: Adapter) -> None:
    """An option that no solver has.

    Trap: HiGHS returns an error code and goes on.
    """
    name = "no_such_option_exists"
    words = expect_error(OptionError, name, lambda: solved(adapter, knapsack(), native={name: 1}))
    expect(name in words, f"the error does not name the option: {words}")


def an_option_that_was_refused_leaves_the_session_as_it_was(adapter: Adapter) -> None:
    """A solve with a wrong option, then one without."""
    session = adapter.open(knapsack())
    options = SolveOptions(native={"no_such_option_exists": 1})
    expect_error(OptionError, "a wrong option", lambda: session.solve(options))
    expect_near(session.solve(SolveOptions()).objective, 4.0, "the objective afterwards")
    session.close()


def several_threads_are_at_most_that_many(adapter: Adapter) -> None:
    """Two threads for a solver that may have only one."""
    expect_near(solved(adapter, knapsack(), threads=2).objective, 4.0, "with two threads")


def a_gap_that_is_asked_for_is_enough(adapter: Adapter) -> None:
    """A relative gap of a tenth, and an absolute one of half the value."""
    for options in ({"relative_gap": 0.1}, {"relative_gap": 0.0, "absolute_gap": 2.0}):
        program = packing(4)
        outcome = solved(adapter, program, **options)
        expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
        value = outcome.objective or 0.0
        gap = outcome.bound - value
        wanted = max(0.1 * abs(outcome.bound) if "absolute_gap" not in options else 2.0, 1e-6)
        expect(gap <= wanted * (1 + 1e-6), f"the gap is {gap!r}, {wanted!r} was asked for")


def lines_go_to_the_log_and_nowhere_else(adapter: Adapter) -> None:
    """What the solver prints comes line by line, without line ends."""
    lines: list[str] = []
    with printed() as output:
        solved(adapter, _logged(adapter), log=lines.append)
    expect(lines, "no line came")
    expect(all("\n" not in line for line in lines), "a line holds a line end")
    expect(output == [b""], f"printed beside the log: {output}")


def without_a_log_nothing_is_printed(adapter: Adapter) -> None:
    """Neither by Python nor by native code, which writes to the descriptors themselves."""
    with printed() as output:
        solved(adapter, _logged(adapter))
        solved(adapter, knapsack())
    expect(output == [b""], f"printed: {output}")


def what_the_log_raises_comes_out(adapter: Adapter) -> None:
    """An error of the caller's function ends the solve and reaches the caller."""

    class Enough(Exception):
        """The case's own error."""

    def log(_: str) -> None:
        raise Enough

    session = adapter.open(_logged(adapter))
    expect_error(Enough, "the log", lambda: session.solve(SolveOptions(log=log)))
    expect(session.solve(SolveOptions()).status is Status.OPTIMAL, "the session is broken after it")
    session.close()


def the_same_seed_gives_the_same_decision(adapter: Adapter) -> None:
    """Two solves of one program with one seed."""
    program = _logged(adapter)
    first, second = (solved(adapter, program, seed=7).point for _ in range(2))
    expect(first is not None and second is not None, "there is no point")
    expect(np.array_equal(np.asarray(first), np.asarray(second)), "the points differ")


def _logged(adapter: Adapter) -> Program:
    return packing(6, n_columns=14, whole=Capability.WHOLE in adapter.capabilities)


@contextmanager
def printed() -> Iterator[list[bytes]]:
    """Yield a list that holds, when the context ends, what this process printed, natively too."""
    found: list[bytes] = []
    with tempfile.TemporaryFile() as file:
        kept = [os.dup(descriptor) for descriptor in (1, 2)]
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            yield found
        finally:
            for descriptor, saved in zip((1, 2), kept, strict=True):
                os.dup2(saved, descriptor)
                os.close(saved)
            file.seek(0)
            found.append(file.read())


CASES = (
    statement(what_an_adapter_does_not_have_is_refused_by_name, Capability.PRECISE),
    statement(an_unknown_native_option_is_refused_by_name),
    statement(an_option_that_was_refused_leaves_the_session_as_it_was, Capability.PRECISE),
    statement(several_threads_are_at_most_that_many, Capability.PRECISE),
    statement(a_gap_that_is_asked_for_is_enough, Capability.WHOLE),
    statement(lines_go_to_the_log_and_nowhere_else, Capability.LOG),
    statement(without_a_log_nothing_is_printed),
    statement(what_the_log_raises_comes_out, Capability.LOG),
    statement(the_same_seed_gives_the_same_decision, Capability.DETERMINISTIC_SEED),
)
