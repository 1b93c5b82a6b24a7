"""One process of its own for solvers: started, asked, watched and ended.

It is a new interpreter, never a copy of this process, so it works from a script without a main
guard, from a notebook, from any thread. What it prints stays off this process's terminal; the last
lines of it are told when it dies. May import this package.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from solvers.errors import CapabilityError, SolverFailure
from solvers.messages import Incoming

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_TO_END = 5.0
# A program that has asked to be ended by SIGPIPE does not mean the end of this process.
NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)
BYTES_OF_OUTPUT, LINES_OF_OUTPUT = 4000, 10
BYTES_AT_ONCE = 65536

# Descriptors and the search path come as arguments. -P keeps modules of the current folder out
# before the search path is set.
PROGRAM = """
import sys
channel, life = int(sys.argv[1]), int(sys.argv[2])
sys.path[:] = sys.argv[3:]
import os, socket
os.set_inheritable(channel, False)
os.set_inheritable(life, False)
from solvers.isolated_child import main
main(socket.socket(fileno=channel), life)
"""


class SolverProcess:
    """A process that holds sessions of solvers, running from its construction to its `end`.

    Raises
    ------
    CapabilityError
        If this system has no such processes.
    SolverFailure
        If it cannot be started.
    """

    def __init__(self) -> None:
        if os.name != "posix" or not sys.executable:
            raise CapabilityError(
                "a solver in a process of its own needs POSIX and an interpreter to start: "
                "leave isolation out"
            )
        self._owner = os.getpid()
        self._has_group = True
        self._channel, theirs = socket.socketpair()
        life, self._life = os.pipe()
        self._output, output = os.pipe()
        try:
            self._process = _started(theirs.fileno(), life, output)
        except OSError as error:
            self._close_descriptors()
            raise SolverFailure(f"no process could be started for a solver: {error}") from error
        finally:
            theirs.close()
            os.close(life)
            os.close(output)
        self._channel.setblocking(False)
        os.set_blocking(self._output, False)
        self._printed = b""
        self._poll = select.poll()
        self._poll.register(self._channel, select.POLLIN)
        self._poll.register(self._output, select.POLLIN)

    @property
    def process_id(self) -> int:
        """The number by which the system knows it."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it can be asked: it has not ended, and was not started by a process before."""
        return self._owner == os.getpid() and self._exit_status() is None

    def end(self) -> None:
        """End it: at its own pace first, then at once, with what it has started itself."""
        # A copy of the process that started it has copies of the descriptors only.
        if self._owner == os.getpid():
            self._channel.close()
            self._killed(SECONDS_TO_END)
        self._close_descriptors()

    def kill(self) -> None:
        """End it at once, with what it has started itself."""
        self._killed(0.0)
        self._close_descriptors()

    def why_ended(self) -> str:
        """Return how it ended by itself, and the last that it printed."""
        code = self._killed(SECONDS_TO_END)
        self._take_output()
        return _way(code) + self.last_words()

    def interrupt(self) -> None:
        """Send it a keyboard interrupt."""
        if self._exit_status() is None:
            os.kill(self._process.pid, signal.SIGINT)

    def look(self, outgoing: list[memoryview], incoming: Incoming) -> bool:
        """Send and receive what can be, and return whether the message has arrived.

        Raises
        ------
        EOFError
            If the process has ended.
        """
        wanted = select.POLLIN | (select.POLLOUT if outgoing else 0)
        self._poll.modify(self._channel, wanted)
        ready = dict(self._poll.poll(SECONDS_BETWEEN_LOOKS * 1000))
        if self._output in ready:
            self._take_output()
        events = ready.get(self._channel.fileno(), 0)
        try:
            # What it said before it ended is taken first.
            if events & ~select.POLLOUT:
                return self._receive(incoming)
            if events:
                self._send(outgoing)
        except BlockingIOError:
            return False
        except ConnectionError as error:
            raise EOFError(str(error)) from error
        if not events and self._exit_status() is not None:
            raise EOFError("it has ended, and something that it started has not")
        return False

    def _take_output(self) -> None:
        """Keep the end of what the process has printed."""
        if self._output < 0:
            return
        with suppress(BlockingIOError):
            while printed := os.read(self._output, BYTES_AT_ONCE):
                self._printed = (self._printed + printed)[-BYTES_OF_OUTPUT:]
                if len(printed) < BYTES_AT_ONCE:
                    return
            # Nobody can print any more.
            self._poll.unregister(self._output)
            os.close(self._output)
            self._output = -1

    def last_words(self) -> str:
        """Return the last lines that it printed, to be put behind a sentence without its stop."""
        lines = self._printed.decode(errors="replace").strip().splitlines()
        if not lines:
            return ""
        return "; the last that it printed:\n" + "\n".join(lines[-LINES_OF_OUTPUT:])

    def _receive(self, incoming: Incoming) -> bool:
        while n_bytes := self._channel.recv_into(incoming.space):
            if incoming.advance(n_bytes):
                return True
        raise EOFError("it has closed its side")

    def _send(self, outgoing: list[memoryview]) -> None:
        while outgoing:
            sent = self._channel.send(outgoing[0], NO_SIGNAL)
            outgoing[0] = outgoing[0][sent:]
            if not outgoing[0].nbytes:
                del outgoing[0]

    def _exit_status(self) -> int | None:
        """Return how it ended, None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._end_group()
        return code

    def _killed(self, patience: float) -> int:
        """Wait for the end, bring it about if it does not come, and return the exit status."""
        if patience > 0:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self._end_group()
        return self._process.wait()

    def _end_group(self) -> None:
        """End it and what it has started, once: later its number may be that of another."""
        if self._has_group:
            self._has_group = False
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _close_descriptors(self) -> None:
        self._channel.close()
        for descriptor in (self._life, self._output):
            if descriptor >= 0:
                os.close(descriptor)
        self._life = self._output = -1


def _started(channel: int, life: int, output: int) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parent.parent)
    path = [entry for entry in sys.path if isinstance(entry, str)]
    arguments = [str(channel), str(life), *path, *([] if root in path else [root])]
    return subprocess.Popen(
        [sys.executable, "-u", "-P", "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=(channel, life),
        # A terminal's keyboard interrupt goes to its foreground; this one is told by us.
        start_new_session=True,
    )


def _way(code: int) -> str:
    """Return how a process ended, in words."""
    if code >= 0:
        return f"ended its process with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (the system may have run out of memory)" if -code == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"
