"""One native SCIP object, and how it runs. Loads pyscipopt when first used.

SCIP solves in a thread of its own and without the interpreter's lock. So several sessions solve at
once, and the calling thread is free to take a keyboard interrupt, which Python hands to the main
thread only, and to hand over lines, which SCIP writes into a file: its message handler would call
back into Python without the lock.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

from solvers.errors import SolverFailure
from solvers.interrupt import keyboard_interrupt

# How often lines are handed over, and an interrupt is repeated that came before SCIP began.
SECONDS_BETWEEN_LOOKS = 0.02
# SCIP's derivatives (CppAD) number every thread that ever took one, and the 64th ends the process.
# So threads are used again; with more sessions at once than these, some wait.
MOST_THREADS = 32
# The stages in which SCIP may be told to stop: while it presolves, is between, and solves.
INTERRUPTIBLE = (4, 5, 6, 7, 9)
LOG_FILE = "scip.log"
NO_LOG = None


# pyscipopt's types do not cover what is used here.
@cache
def native() -> Any:
    """Return the package pyscipopt."""
    import pyscipopt

    return pyscipopt


@cache
def expressions() -> Any:
    """Return the module of pyscipopt that holds its expressions."""
    import pyscipopt.scip

    return pyscipopt.scip


def loaded_version() -> str | None:
    """Return the version of pyscipopt, None where it is not loaded."""
    loaded = sys.modules.get("pyscipopt")
    return None if loaded is None else str(loaded.__version__)


def new_model() -> Any:
    """Return a silent SCIP object that leaves signals alone."""
    model = native().Model()
    model.hideOutput()
    model.setParam("misc/catchctrlc", False)
    return model


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Raise what SCIP reports as SolverFailure, with its words."""
    try:
        yield
    # pyscipopt raises nothing narrower for the return codes of SCIP.
    except Exception as error:
        if type(error) not in (Exception, MemoryError, OSError, ValueError, KeyError):
            raise
        raise SolverFailure(f"SCIP could not {what}: {error}") from error


def run(model: Any, log: Callable[[str], None] | None) -> bool:
    """Solve, and return whether a keyboard interrupt came meanwhile.

    Raises
    ------
    SolverFailure
        If SCIP breaks down.
    """
    failed: list[SolverFailure] = []
    stopped, done = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with failures("solve the program"):
                model.optimizeNogil()
        except SolverFailure as failure:
            failed.append(failure)
        finally:
            done.set()

    with ExitStack() as stack:
        lines = None if log is None else stack.enter_context(_lines_of(model, log))
        stack.enter_context(keyboard_interrupt(stopped.set))
        _workers(os.getpid()).submit(work)
        # Whatever is raised meanwhile, by `log` or by a signal, comes out after SCIP has stopped.
        stack.callback(_stop, model, done)
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            if stopped.is_set():
                _interrupt(model)
            if lines is not None:
                lines.hand_over()
        if lines is not None:
            # What came between the last look and the end.
            lines.hand_over()
    if failed:
        raise failed[0]
    return stopped.is_set()


@cache
def _workers(process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    """Return the threads of a process, which a fork of it does not have."""
    return ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="SCIP")


def _stop(model: Any, done: threading.Event) -> None:
    # Not by Thread.join and is_alive: in Python 3.11 a signal that raises during join marks the
    # thread as finished while it runs.
    while not done.is_set():
        _interrupt(model)
        done.wait(SECONDS_BETWEEN_LOOKS)


def _interrupt(model: Any) -> None:
    """Tell SCIP to stop, where it can be told; whoever calls tells it again."""
    if model.getStage() not in INTERRUPTIBLE:
        return
    try:
        model.interruptSolve()
    # The class that pyscipopt raises: SCIP has gone on to a stage where it cannot be told.
    except Exception as error:
        if type(error) is not Exception:
            raise


class _Lines:
    """The lines of a file that grows."""

    def __init__(self, file: IO[bytes], log: Callable[[str], None]) -> None:
        self._file = file
        self._log = log
        self._begun = b""

    def hand_over(self) -> None:
        """Call `log` with each line that is complete."""
        *complete, self._begun = (self._begun + self._file.read()).split(b"\n")
        for line in complete:
            self._log(line.decode(errors="replace"))


@contextmanager
def _lines_of(model: Any, log: Callable[[str], None]) -> Iterator[_Lines]:
    """Have SCIP write its lines into a file while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="scip") as folder:
        path = Path(folder, LOG_FILE)
        path.touch()
        model.setLogfile(str(path))
        try:
            with path.open("rb") as file:
                lines = _Lines(file, log)
                yield lines
        finally:
            model.setLogfile(NO_LOG)
