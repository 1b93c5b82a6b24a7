"""What runs in the process of its own: sessions of solvers, asked one call at a time.

The other side is `solver_process`. May import this package; a solver loads when a session is
opened.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from scipy import sparse

from solvers import errors
from solvers.adapter import Adapter, SolverSession
from solvers.counts import Counts
from solvers.errors import SolverError
from solvers.messages import receive, send
from solvers.options import SolveOptions
from solvers.outcome import Outcome
from solvers.program import Floats, Program
from solvers.registry import find_adapter


class Call(NamedTuple):
    """What is asked for: a method of `Sessions`, the number of a session, arguments."""

    method: str
    session: int
    arguments: tuple[Any, ...] = ()


class Reply(NamedTuple):
    """What came of a call.

    Parameters
    ----------
    value : object
        What the method returned.
    error : (str, str) or None
        Class in `solvers.errors` and words of what it raised.
    counts : Counts
        Those of the session.
    """

    value: Any
    error: tuple[str, str] | None
    counts: Counts


class Stopped(Exception):
    """The function that the other process logs to has raised; the solve is to end."""


@dataclass
class _Hosted:
    """A session and the Program it holds."""

    session: SolverSession
    program: Program


class Sessions:
    """The sessions of this process by their numbers.

    Parameters
    ----------
    log : callable of str
        Hands a line over to the other process.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._hosted: dict[int, _Hosted] = {}

    def counts(self, number: int) -> Counts:
        """Return the counts of a session, zeros where it does not exist."""
        hosted = self._hosted.get(number)
        return Counts() if hosted is None else hosted.session.counts

    def open(self, number: int, solver: str | Adapter, program: Program) -> None:
        """Open a session."""
        self.close(number)
        adapter = find_adapter(solver) if isinstance(solver, str) else solver
        self._hosted[number] = _Hosted(adapter.open(program), program)

    def update(self, number: int, changed: Mapping[str, Any], forbid_rebuild: bool) -> None:
        """Replace some parts of a session's Program."""
        hosted = self._hosted[number]
        program = replace(hosted.program, **changed)
        hosted.session.update(program, forbid_rebuild)
        hosted.program = program

    def add_rows(self, number: int, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows to a session."""
        self._hosted[number].session.add_rows(matrix, lower, upper)

    def solve(self, number: int, options: Mapping[str, Any], has_log: bool) -> Outcome | None:
        """Return the outcome of a session, None where the other process stopped it by its log."""
        log = self._log if has_log else None
        try:
            return self._hosted[number].session.solve(SolveOptions(**options, log=log))
        except Stopped:
            return None

    def close(self, number: int) -> None:
        """Close a session."""
        hosted = self._hosted.pop(number, None)
        if hosted is not None:
            hosted.session.close()

    def close_all(self) -> None:
        """Close what is open."""
        for number in list(self._hosted):
            self.close(number)


def answer(sessions: Sessions, call: Call) -> Reply:
    """Return what comes of a call; what is no error of ours ends this process."""
    value, error = None, None
    try:
        value = getattr(sessions, call.method)(call.session, *call.arguments)
    except SolverError as raised:
        error = (_class_in_errors(raised), str(raised))
    return Reply(value, error, sessions.counts(call.session))


def _class_in_errors(error: SolverError) -> str:
    """Return the class in `solvers.errors` that the class of an error is, or is derived from."""
    return next(one.__name__ for one in type(error).__mro__ if one.__module__ == errors.__name__)


def main(channel: socket.socket, life: int) -> None:
    """Answer calls until the other process closes the channel, or ends.

    Parameters
    ----------
    channel : socket
    life : int
        Descriptor of a pipe that nobody writes to; it ends when the other process does.
    """
    _end_with(life)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # A keyboard interrupt that comes when nothing is solved has come too early or too late.
    signal.signal(signal.SIGINT, lambda *_: None)
    one_line = threading.Lock()

    def log(line: str) -> None:
        # Solvers call from threads of theirs.
        with one_line:
            send(channel, line)
            if not receive(channel):
                raise Stopped

    sessions = Sessions(log)
    while True:
        try:
            call = receive(channel)
        except (EOFError, ConnectionError):
            break
        send(channel, answer(sessions, call))
    sessions.close_all()


def _end_with(life: int) -> None:
    """End this process when the pipe ends, whatever a solver is doing."""

    def wait() -> None:
        os.read(life, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with the other process").start()
    if sys.platform == "linux":
        import fcntl

        # The thread needs the interpreter, which a solver may hold: SIGIO ends a process without.
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
