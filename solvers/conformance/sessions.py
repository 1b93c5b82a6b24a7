"""Cases of sessions: several at once, in several threads, and closed ones."""

from __future__ import annotations

import threading
import time

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import expect, expect_error, expect_near, solved, sound, statement
from solvers.conformance.programs import INFINITY, hard, knapsack, long, packing, program_of
from solvers.errors import UpdateError
from solvers.options import SolveOptions
from solvers.outcome import Outcome
from solvers.program import Program

SECONDS = 0.7


def two_sessions_know_nothing_of_each_other(adapter: Adapter) -> None:
    """Opened, updated and solved in turn."""
    first, second = adapter.open(knapsack()), adapter.open(knapsack(worth=5.0))
    expect_near(first.solve(SolveOptions()).objective, 4.0, "the first")
    expect_near(second.solve(SolveOptions()).objective, 6.0, "the second")
    first.update(knapsack(worth=7.0))
    expect_near(second.solve(SolveOptions()).objective, 6.0, "the second, after the first changed")
    second.close()
    expect_near(first.solve(SolveOptions()).objective, 8.0, "the first, after the second closed")
    first.close()


def a_closed_session_says_so(adapter: Adapter) -> None:
    """Closed twice, then asked."""
    session = adapter.open(knapsack())
    session.close()
    session.close()
    expect_error(UpdateError, "solving", lambda: session.solve(SolveOptions()))
    expect_error(UpdateError, "updating", lambda: session.update(knapsack()))


def many_sessions_in_a_row_work(adapter: Adapter) -> None:
    """Eighty of them, each solved and closed.

    Trap: SCIP's derivatives end the process in the 64th thread that ever took some.
    """
    for number in range(80):
        expect_near(solved(adapter, knapsack()).objective, 4.0, f"session {number}")


def two_threads_solve_at_once(adapter: Adapter) -> None:
    """A session in each of two threads: both right, and together faster than one by one.

    Trap: Pyomo's persistent HiGHS in two threads is a deadlock, pyscipopt's optimize holds the
    interpreter's lock.
    """
    is_whole = Capability.WHOLE in adapter.capabilities
    program = hard() if is_whole else long()
    options = SolveOptions(time_limit_seconds=SECONDS if is_whole else None)
    found: list[tuple[float, Outcome]] = []

    def work() -> None:
        session = adapter.open(program)
        start = time.perf_counter()
        outcome = session.solve(options)
        found.append((time.perf_counter() - start, outcome))
        session.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    elapsed = time.perf_counter() - start
    expect(len(found) == 2, "a thread did not come to an end within a minute, or failed")
    for _, outcome in found:
        sound(program, outcome)
    if is_whole:
        alone = sum(seconds for seconds, _ in found)
        expect(elapsed < alone, f"{elapsed:.2f} s together, {alone:.2f} s one by one")


def sessions_in_threads_are_right(adapter: Adapter) -> None:
    """Small programs in four threads, ten each."""
    programs = [packing(seed, whole=False) for seed in range(5)] + [_ranged(n) for n in range(5)]
    expected = [solved(adapter, program).objective or 0.0 for program in programs]
    wrong: list[str] = []

    def work(number: int) -> None:
        for program, right in zip(programs, expected, strict=True):
            value = solved(adapter, program).objective
            if value is None or abs(value - right) > 1e-4:
                wrong.append(f"thread {number}: {value!r}, alone {right!r}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    expect(not wrong, "; ".join(wrong))


def _ranged(seed: int) -> Program:
    return program_of([1.0, -1.0, 2.0], [[1.0, 1.0, 1.0]], -INFINITY, 0.2 + 0.1 * seed)


CASES = (
    statement(two_sessions_know_nothing_of_each_other, Capability.PRECISE),
    statement(a_closed_session_says_so),
    statement(many_sessions_in_a_row_work, Capability.PRECISE),
    statement(two_threads_solve_at_once, Capability.PARALLEL_SESSIONS),
    statement(sessions_in_threads_are_right, Capability.PARALLEL_SESSIONS),
)
