"""Solvers in a process of their own: the same answers, and a caller that survives anything."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import solvers
from solvers import Limit, Outcome, Program, SolveOptions, Status
from solvers.errors import CapabilityError, OptionError, ProgramError, SolverFailure, UpdateError
from solvers.highs import Highs
from solvers.isolation import Child, isolated
from tests.test_highs import assert_is_feasible, hard, packing
from tests.test_program import program_of
from tests.troubled_adapters import Aborts, AbortsAtOpening, FailsToOpen, Sleeps, Unlicensed

INFINITY = float("inf")
REPOSITORY = Path(__file__).parent.parent


def small(worth: float = 3.0) -> Program:
    return program_of([worth, 2.0], [[1.0, 1.0]], -INFINITY, 1.5)


def after(seconds: float, do: Callable[[], object]) -> None:
    threading.Timer(seconds, do).start()


def children() -> set[int]:
    """Return the processes that this one has started and that are not reaped."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields_of_stat = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields_of_stat[1]) == os.getpid():
            found.add(int(entry.parent.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Check that no process and no descriptor is left behind."""
    gc.collect()
    before, descriptors = children(), len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert children() <= before
    assert len(os.listdir("/proc/self/fd")) <= descriptors


# The same answers.


@pytest.mark.parametrize("name", ["highs", "scip", "gurobi", "cvxpy:CLARABEL"])
def test_outcomes_are_those_of_the_same_process(name: str) -> None:
    options = SolveOptions()
    here = solvers.find_adapter(name).open(small())
    there = isolated(name).open(small())
    expected, found = here.solve(options), there.solve(options)
    here.close()
    there.close()
    for field in fields(Outcome):
        if field.name != "seconds":
            np.testing.assert_equal(getattr(found, field.name), getattr(expected, field.name))


def test_a_session_is_updated_as_any_other() -> None:
    session = isolated("highs").open(small())
    assert session.solve(SolveOptions()).objective == pytest.approx(4.0)
    session.update(small(worth=5.0), forbid_rebuild=True)
    assert session.solve(SolveOptions()).objective == pytest.approx(6.0)
    session.add_rows(
        sparse.csr_array(np.array([[1.0, 0.0]])), np.array([-INFINITY]), np.array([0.5])
    )
    assert session.solve(SolveOptions()).objective == pytest.approx(4.5)
    session.update(small())
    assert session.solve(SolveOptions()).objective == pytest.approx(4.0)
    assert session.counts.updates_in_place == 2
    session.close()


def test_one_process_holds_several_sessions() -> None:
    with Child() as child:
        first = child.opener("highs")(small())
        second = child.opener("scip")(small(worth=5.0))
        number = child.process_id
        assert first.solve(SolveOptions()).objective == pytest.approx(4.0)
        assert second.solve(SolveOptions()).objective == pytest.approx(6.0)
        assert child.process_id == number
        first.close()
        assert second.solve(SolveOptions()).objective == pytest.approx(6.0)


def test_an_adapter_that_is_not_registered_is_sent_over() -> None:
    session = isolated(Highs()).open(small())
    assert session.solve(SolveOptions()).objective == pytest.approx(4.0)
    session.close()


def test_an_adapter_that_cannot_be_sent_is_refused() -> None:
    class Local(FailsToOpen):
        name = "local"

    with pytest.raises(CapabilityError, match="local cannot be sent"):
        isolated(Local()).open(small())


def test_what_the_solver_does_is_what_the_adapter_declares() -> None:
    adapter, plain = isolated("scip"), solvers.find_adapter("scip")
    assert adapter.name == plain.name
    assert adapter.capabilities == plain.capabilities
    assert adapter.availability() == plain.availability()


# Errors, logs, interrupts.


def test_errors_come_out_as_they_are() -> None:
    session = isolated("highs").open(small())
    with pytest.raises(OptionError, match="did you mean 'presolve'"):
        session.solve(SolveOptions(native={"presolv": "on"}))
    with pytest.raises(UpdateError):
        session.update(program_of([1.0], [[1.0]], -INFINITY, 1.0))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.close()
    with pytest.raises(UpdateError, match="closed"):
        session.solve(SolveOptions())


def test_a_program_that_is_refused_leaves_no_process() -> None:
    with pytest.raises(ProgramError):
        isolated("highs").open(program_of([float("nan")], [[1.0]], -INFINITY, 1.0))


def test_a_session_that_does_not_open_says_why() -> None:
    with pytest.raises(SolverFailure, match="it is out of memory"):
        isolated(FailsToOpen()).open(small())
    with pytest.raises(solvers.errors.LicenceError, match="ended yesterday"):
        isolated(Unlicensed()).open(small())


def test_lines_of_the_log_come_while_the_solver_runs() -> None:
    times: list[float] = []
    session = isolated("highs").open(hard())
    session.solve(SolveOptions(time_limit_seconds=0.7, log=lambda _: times.append(time.time())))
    session.close()
    assert len(times) > 5
    assert times[-1] - times[0] > 0.2


def test_without_a_log_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    session = isolated("scip").open(small())
    session.solve(SolveOptions())
    session.close()
    assert capfd.readouterr() == ("", "")


def test_what_a_log_raises_stops_the_solve_and_comes_out() -> None:
    def log(line: str) -> None:
        raise RuntimeError(f"no more of {line[:3]}")

    session = isolated("highs").open(hard())
    start = time.time()
    with pytest.raises(RuntimeError, match="no more"):
        session.solve(SolveOptions(log=log))
    assert time.time() - start < 20.0
    session.update(hard())
    assert session.solve(SolveOptions(time_limit_seconds=0.2)).limit is Limit.TIME
    session.close()


@pytest.mark.parametrize("name", ["highs", "scip"])
def test_a_keyboard_interrupt_ends_the_solve_with_the_best_point(name: str) -> None:
    session = isolated(name).open(hard())
    after(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    outcome = session.solve(SolveOptions(time_limit_seconds=60.0))
    session.close()
    assert outcome.limit is Limit.INTERRUPT
    assert_is_feasible(hard(), outcome.point)


# The end of the process.


def test_a_killed_process_is_told_of_and_replaced() -> None:
    """A real SIGKILL in the middle of a real solve."""
    program = packing(2, n_columns=12, n_rows=3)
    with Child() as child:
        other = child.opener("highs")(program)
        best = other.solve(SolveOptions()).objective
        session = child.opener("highs")(hard())
        first = child.process_id
        assert first is not None
        after(0.7, lambda: os.kill(first, signal.SIGKILL))
        with pytest.raises(SolverFailure, match=r"highs, solving, was ended by SIGKILL"):
            session.solve(SolveOptions(time_limit_seconds=60.0))
        # Both sessions go on in a new process, with the numbers they had.
        assert other.solve(SolveOptions()).objective == pytest.approx(best)
        assert child.process_id not in (None, first)
        assert session.solve(SolveOptions(time_limit_seconds=0.3)).limit is Limit.TIME
        assert session.counts.rebuilds == 1
        assert "the process of the solver had ended" in " ".join(session.counts.reasons)


def test_added_rows_are_there_again_after_the_end_of_the_process() -> None:
    with Child() as child:
        session = child.opener("highs")(small())
        session.add_rows(
            sparse.csr_array(np.array([[1.0, 0.0]])), np.array([-INFINITY]), np.array([0.5])
        )
        assert child.process_id is not None
        os.kill(child.process_id, signal.SIGKILL)
        time.sleep(0.2)
        assert session.solve(SolveOptions()).objective == pytest.approx(3.5)


def test_forbid_rebuild_refuses_a_new_process() -> None:
    with Child() as child:
        session = child.opener("highs")(small())
        assert child.process_id is not None
        os.kill(child.process_id, signal.SIGKILL)
        time.sleep(0.2)
        with pytest.raises(UpdateError, match="process of the solver had ended"):
            session.update(small(worth=5.0), forbid_rebuild=True)
        assert session.solve(SolveOptions()).objective == pytest.approx(4.0)


def test_an_adapter_that_aborts_its_process_is_told_of() -> None:
    session = isolated(Aborts()).open(small())
    with pytest.raises(SolverFailure, match=r"aborts, solving, was ended by SIGABRT") as raised:
        session.solve(SolveOptions())
    session.close()
    assert "assertion failed in presolve" in str(raised.value)


def test_an_adapter_that_aborts_when_it_opens_is_told_of() -> None:
    with pytest.raises(SolverFailure, match=r"opening a session, was ended by SIGABRT"):
        isolated(AbortsAtOpening()).open(small())


def test_a_solver_that_ignores_its_time_limit_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.isolation.GRACE_SECONDS", 0.5)
    session = isolated(Sleeps()).open(small())
    start = time.time()
    with pytest.raises(SolverFailure, match=r"did not stop at its time limit of 0\.2 s"):
        session.solve(SolveOptions(time_limit_seconds=0.2))
    assert time.time() - start < 10.0
    session.close()


def test_many_sessions_leave_nothing_behind() -> None:
    for _ in range(10):
        session = isolated("highs").open(small())
        session.solve(SolveOptions())
        session.close()
        session.close()


def test_a_session_that_nobody_closes_ends_with_its_object() -> None:
    session = isolated("highs").open(small())
    session.solve(SolveOptions())
    del session


def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, signal, sys, threading
            from solvers import SolveOptions
            from solvers.isolation import Child
            from tests.test_highs import hard

            child = Child()
            session = child.opener("highs")(hard())
            print(child.process_id, flush=True)
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
            session.solve(SolveOptions())
            """
        )
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    number = int(done.stdout)
    for _ in range(50):
        if not Path(f"/proc/{number}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the process of the solver outlives its parent")


# Where it works.

SCRIPT = """
import numpy as np
from solvers import SolveOptions
from solvers.isolation import isolated
from tests.test_isolation import small

session = isolated("highs").open(small())
print(session.solve(SolveOptions()).objective)
session.close()
"""


@pytest.mark.parametrize("way", ["file", "standard input", "argument"])
def test_it_works_from_a_script_without_a_main_guard(way: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = {"file": ["script.py"], "standard input": ["-"], "argument": ["-c", SCRIPT]}[way]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=SCRIPT if way == "standard input" else None,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert (done.stdout, done.stderr) == ("4.0\n", "")


def test_two_threads_use_a_process_each_at_once() -> None:
    """A second process solves and ends while the first is at work."""
    with Child() as child:
        long = child.opener("highs")(hard())
        number = child.process_id
        assert number is not None
        has_begun, has_ended = threading.Event(), threading.Event()

        def work() -> None:
            with pytest.raises(SolverFailure, match="SIGKILL"):
                long.solve(SolveOptions(log=lambda _: has_begun.set()))
            has_ended.set()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            assert has_begun.wait(60.0)
            other = isolated("highs").open(small())
            assert other.solve(SolveOptions()).objective == pytest.approx(4.0)
            other.close()
            assert not has_ended.is_set()
        finally:
            os.kill(number, signal.SIGKILL)
            thread.join()
        assert has_ended.is_set()
