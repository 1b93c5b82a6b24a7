"""Solvers in a process of their own: what a solver does to its process, the caller survives.

    with Child() as child:
        session = child.opener("highs")(program)
        outcome = session.solve(SolveOptions())

A session is used as any other (see `adapter`). If its process ends, the call under way raises
SolverFailure; the next call starts a new process, in which the session is opened again with the
numbers it had. May import this package; starts no process before a session is opened.
"""

from __future__ import annotations

import logging
import math
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from types import TracebackType
from typing import Any

from scipy import sparse

from solvers import errors
from solvers.adapter import Adapter
from solvers.capability import Availability, Capability
from solvers.changes import check_may_rebuild
from solvers.counts import Counts
from solvers.errors import CapabilityError, SolverFailure, UpdateError
from solvers.exchange import SECONDS_TO_STOP, Exchange
from solvers.interrupt import keyboard_interrupt
from solvers.isolated_child import Call, Reply
from solvers.options import SolveOptions
from solvers.outcome import Outcome
from solvers.program import Floats, Program
from solvers.registry import find_adapter
from solvers.sendable import can_travel, changed_parts, sendable, with_plain_labels
from solvers.solver_process import SolverProcess

LOGGER = logging.getLogger(__name__)

# A solver that goes on for this much longer than its time limit ignores it.
GRACE_SECONDS, GRACE_SHARE = 10.0, 0.5
ENDED = "the process of the solver had ended"


class Child:
    """A process of its own for the sessions of one or more solvers; use it as a context manager.

    It starts when the first session is opened, and again after it has ended. Its sessions take
    turns: a call waits while another runs.
    """

    def __init__(self) -> None:
        self._in_use = threading.RLock()
        self._is_asking = False
        self._is_open = True
        self._numbers = count()
        self._process: SolverProcess | None = None
        self._end: Callable[[], object] = _nothing

    @property
    def process_id(self) -> int | None:
        """The number by which the system knows the process, None where none runs."""
        process = self._process
        return process.process_id if process is not None and self.runs(process) else None

    def opener(self, solver: str | Adapter) -> Callable[[Program], IsolatedSession]:
        """Return a function that opens sessions of a solver in this process.

        Parameters
        ----------
        solver : str or Adapter
            Its name in the registry, or an adapter that can be pickled.

        Raises
        ------
        CapabilityError
            If no solver has this name, or the adapter cannot be pickled.
        """
        adapter = find_adapter(solver) if isinstance(solver, str) else solver
        if adapter is solver and not can_travel(adapter):
            raise CapabilityError(
                f"the adapter of {adapter.name} cannot be sent to a process of its own: it has to "
                "stand in a module that can be imported, and what it holds has to be picklable"
            )

        def open_session(program: Program) -> IsolatedSession:
            return IsolatedSession(self, solver, adapter, program)

        return open_session

    def close(self) -> None:
        """End the process and with it all sessions; a second call does nothing."""
        with self._in_use:
            self._is_open = False
            self._end()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def new_number(self) -> int:
        """Return a number for a session that no other has here."""
        return next(self._numbers)

    def runs(self, process: SolverProcess | None) -> bool:
        """Return whether this is the process, and runs."""
        return process is not None and process is self._process and process.is_running

    @contextmanager
    def running(self) -> Iterator[SolverProcess]:
        """Yield the process, started if need be, for one call at a time."""
        with self._in_use:
            if not self._is_open:
                raise UpdateError("the process of the solver is closed; open a new one")
            if self._is_asking:
                raise UpdateError("the solver is asked from within a call of its own")
            if self._process is None or not self._process.is_running:
                self._end()
                self._process = SolverProcess()
                # Also if nobody closes this, and at the end of the interpreter.
                self._end = weakref.finalize(self, self._process.end)
            self._is_asking = True
            try:
                yield self._process
            finally:
                self._is_asking = False


def _nothing() -> None:
    """Do nothing: no process has been started."""


class IsolatedSession:
    """A session of a solver that is held by a process of its own.

    Parameters
    ----------
    child : Child
    solver : str or Adapter
        As the process finds it.
    adapter : Adapter
    program : Program
    """

    def __init__(
        self,
        child: Child,
        solver: str | Adapter,
        adapter: Adapter,
        program: Program,
    ) -> None:
        self._child = child
        self._solver = solver
        self._name = adapter.name
        self._can_interrupt = Capability.INTERRUPT in adapter.capabilities
        self._owns_child = False
        self._is_open = True
        self._program = program
        self._added: list[tuple[sparse.csr_array, Floats, Floats]] = []
        self._counts_before = self._counts = Counts()
        self._number = child.new_number()
        self._process: SolverProcess | None = None
        with child.running() as process:
            self._open(process)

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and the program handed over again, and why."""
        return self._counts_before.plus(self._counts)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        with self._here(forbid_rebuild) as process:
            changed = changed_parts(self._program, program)
            self._ask(Exchange(process, self._name), "update", changed, forbid_rebuild)
            self._program, self._added = program, []

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        with self._here() as process:
            self._ask(Exchange(process, self._name), "add_rows", matrix, lower, upper)
            self._added.append((matrix, lower, upper))

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what the solver claims.

        Raises
        ------
        SolverFailure
            If the process ends meanwhile, or goes on long after the time limit.
        OptionError
            If a native option cannot be sent to the process.
        """
        parts = sendable(options)
        interrupted = threading.Event()
        with self._here() as process, ExitStack() as stack:
            if self._can_interrupt:
                stack.enter_context(keyboard_interrupt(interrupted.set))
            exchange = Exchange(process, self._name, options.log, interrupted)
            _set_patience(exchange, options)
            outcome: Outcome = self._ask(exchange, "solve", parts, options.log is not None)
        LOGGER.info(
            "%s, in process %d: %s in %.3f s",
            self._name,
            process.process_id,
            outcome.status.value,
            outcome.seconds,
        )
        return outcome

    def own_child(self) -> None:
        """Close the process with the session."""
        self._owns_child = True

    def close(self) -> None:
        """Free what the solver holds; a second call does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._close()
        finally:
            if self._owns_child:
                self._child.close()

    def _close(self) -> None:
        if not self._child.runs(self._process):
            return
        with self._child.running() as process:
            exchange = Exchange(process, self._name)
            exchange.wait_for(SECONDS_TO_STOP, f"did not close within {SECONDS_TO_STOP:g} s")
            try:
                reply = exchange.run(Call("close", self._number))
            except SolverFailure as failure:
                # The process is gone, and with it what was to be closed.
                LOGGER.warning("%s", failure)
                return
        _raise_error(reply)

    @contextmanager
    def _here(self, forbid_rebuild: bool = False) -> Iterator[SolverProcess]:
        """Yield the process that holds this session; a new one, if the old one has ended."""
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")
        with self._child.running() as process:
            if process is not self._process:
                check_may_rebuild(ENDED, forbid_rebuild)
                before = self.counts
                self._open(process)
                self._counts_before = before.rebuilt(ENDED)
            yield process

    def _open(self, process: SolverProcess) -> None:
        program = with_plain_labels(self._program)
        self._ask(Exchange(process, self._name), "open", self._solver, program)
        for rows in self._added:
            self._ask(Exchange(process, self._name), "add_rows", *rows)
        self._process = process

    def _ask(self, exchange: Exchange, method: str, *arguments: Any) -> Any:
        reply = exchange.run(Call(method, self._number, arguments))
        _raise_error(reply)
        self._counts = reply.counts
        return reply.value


class Isolated:
    """The adapter of a solver each of whose sessions has a process of its own.

    Parameters
    ----------
    solver : str or Adapter
        Its name in the registry, or an adapter that can be pickled.
    """

    def __init__(self, solver: str | Adapter) -> None:
        self._solver = solver
        self._adapter = find_adapter(solver) if isinstance(solver, str) else solver

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return self._adapter.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return self._adapter.capabilities

    def availability(self, probe: bool = False) -> Availability:
        """Return whether the solver can be used here."""
        return self._adapter.availability(probe)

    def open(self, program: Program) -> IsolatedSession:
        """Open a session, and a process for it."""
        child = Child()
        try:
            session = child.opener(self._solver)(program)
        except BaseException:
            child.close()
            raise
        session.own_child()
        return session


def isolated(solver: str | Adapter) -> Adapter:
    """Return the adapter of a solver each of whose sessions has a process of its own.

    Parameters
    ----------
    solver : str or Adapter
        Its name in the registry, or an adapter that can be pickled.

    Raises
    ------
    CapabilityError
        If no solver has this name.
    """
    return Isolated(solver)


def _raise_error(reply: Reply) -> None:
    """Raise what the solver raised."""
    if reply.error is not None:
        name, words = reply.error
        raise getattr(errors, name)(words)


def _set_patience(exchange: Exchange, options: SolveOptions) -> None:
    limit = options.time_limit_seconds
    if limit is not None and math.isfinite(limit):
        grace = GRACE_SECONDS + GRACE_SHARE * limit
        exchange.wait_for(
            limit + grace,
            f"did not stop at its time limit of {limit:g} s, nor in the {grace:g} s after it",
        )
