"""One call to a solver in a process of its own, and what happens until its reply is there.

May import this package.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Event
from typing import NoReturn

from solvers.errors import SolverFailure
from solvers.isolated_child import Call, Reply
from solvers.messages import Incoming, packed
from solvers.solver_process import SolverProcess

# How long a solver may go on that was told to stop.
SECONDS_TO_STOP = 30.0
# An interrupt that comes before the solver listens is lost, so it is sent again.
SECONDS_BETWEEN_INTERRUPTS = 0.5

DOING = {
    "open": "opening a session",
    "update": "taking other numbers",
    "add_rows": "adding rows",
    "solve": "solving",
    "close": "closing a session",
}
"""What a solver does, by the call."""


class Exchange:
    """One call, and what happens until its reply is there.

    Parameters
    ----------
    process : SolverProcess
    who : str
        The solver's name.
    log : callable of str, or None
        Called with each line that arrives.
    interrupted : Event or None
        Set by whoever wants the solver to be interrupted.
    """

    def __init__(
        self,
        process: SolverProcess,
        who: str,
        log: Callable[[str], None] | None = None,
        interrupted: Event | None = None,
    ) -> None:
        self._process = process
        self._who = who
        self._until = math.inf
        self._why = ""
        self._log = log
        self._interrupted = interrupted
        self._is_told = False
        self._next_interrupt = 0.0
        self._error: BaseException | None = None

    def wait_for(self, seconds: float, why: str) -> None:
        """End the process if there is no reply by then, and say why.

        Parameters
        ----------
        seconds : float
            From now; the time that `log` takes is added.
        why : str
            What the solver has failed to do.
        """
        self._until = time.monotonic() + seconds
        self._why = why

    def run(self, call: Call) -> Reply:
        """Return the reply to a call.

        Whatever `log` raises comes out after the solver has stopped.

        Raises
        ------
        SolverFailure
            If the process ends, or does not answer in time and is ended.
        """
        self._outgoing = packed(call)
        try:
            reply = self._reply(call)
        except BaseException as error:
            # A process whose reply nobody has read is out of step.
            self._process.kill()
            raise (self._error or error) from error.__cause__
        if self._error is not None:
            raise self._error
        return reply

    def _reply(self, call: Call) -> Reply:
        while True:
            incoming = Incoming()
            try:
                while not self._process.look(self._outgoing, incoming):
                    self._look_around(call)
            except EOFError:
                why = self._process.why_ended()
                raise SolverFailure(f"{self._who}, {DOING[call.method]}, {why}") from None
            message = incoming.message()
            if isinstance(message, Reply):
                return message
            self._hand_over(message)

    def _hand_over(self, line: str) -> None:
        """Log a line, and tell the solver whether to go on."""
        start = time.monotonic()
        try:
            if self._log is not None and self._error is None:
                self._log(line)
        except BaseException as error:
            self._error = error
            self._expect_stop()
        # The solver waits meanwhile.
        self._until += time.monotonic() - start
        self._outgoing = packed(self._error is None)

    def _look_around(self, call: Call) -> None:
        now = time.monotonic()
        if now > self._until:
            self._give_up(call)
        if self._interrupted is not None and self._interrupted.is_set():
            self._expect_stop()
            if now >= self._next_interrupt:
                self._process.interrupt()
                self._next_interrupt = now + SECONDS_BETWEEN_INTERRUPTS

    def _expect_stop(self) -> None:
        """Begin to count the seconds that a solver is given which was told to stop."""
        if not self._is_told:
            self._is_told = True
            if time.monotonic() + SECONDS_TO_STOP < self._until:
                self.wait_for(
                    SECONDS_TO_STOP, f"was told to stop and did not within {SECONDS_TO_STOP:g} s"
                )

    def _give_up(self, call: Call) -> NoReturn:
        words = self._process.last_words()
        raise SolverFailure(
            f"{self._who}, {DOING[call.method]}, {self._why}; its process was ended{words}"
        )
