"""Native Gurobi objects: environments, errors, and what Gurobi calls back while it runs.

Loads gurobipy when first used. May import the errors of this package.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from solvers.errors import LicenceError, SolverFailure, UpdateError
from solvers.interrupt import handler_of

# The first version that was seen to call from chosen places only.
CHOOSES_WHERES = (13, 0, 0)
HOW_TO_GO_ON = "get a licence at gurobi.com, or solve with highs"


# gurobipy has types for less than what is used here.
@cache
def native() -> Any:
    """Return the package gurobipy."""
    import gurobipy

    return gurobipy


def loaded_version() -> str | None:
    """Return the version of gurobipy, None where it is not loaded."""
    loaded = sys.modules.get("gurobipy")
    if loaded is None:
        return None
    return ".".join(map(str, loaded.gurobi.version()))


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Turn errors of gurobipy into those of this package, with its words inside."""
    try:
        yield
    except native().GurobiError as error:
        codes = native().GRB.Error
        if error.errno in (codes.NO_LICENSE, codes.SIZE_LIMIT_EXCEEDED, codes.CLOUD):
            raise LicenceError(f"Gurobi could not {what}: {error}; {HOW_TO_GO_ON}") from error
        raise SolverFailure(f"Gurobi could not {what}: {error}") from error


class Listener:
    """What Gurobi calls back while it runs: it hands over lines, and is told to stop.

    Knows no session, so that a session that nobody closed can still be freed.
    """

    def __init__(self) -> None:
        self._message = native().GRB.Callback.MESSAGE
        self._message_text = native().GRB.Callback.MSG_STRING
        self.listen(None)

    def wheres(self) -> tuple[list[int], ...]:
        """Return from where Gurobi is to call, as a further argument; nothing stands for always.

        Of each line that nobody reads Gurobi tells otherwise, half of all its calls.
        """
        return () if self._log is not None else _wheres_without_lines()

    def listen(self, log: Callable[[str], None] | None) -> None:
        """Begin anew."""
        self._log = log
        self._begun = ""
        self._is_first = True
        self._is_stopped = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Stop Gurobi when it calls next."""
        self._is_stopped = True

    @property
    def is_stopped(self) -> bool:
        """Whether Gurobi was told to stop."""
        return self._is_stopped

    def finish(self) -> None:
        """Hand over a last line that did not end, and raise what `log` raised, if it did."""
        if self._begun:
            self._take("\n")
        if self._error is not None:
            raise self._error

    # The types are those of gurobipy.
    def __call__(self, model: Any, where: int) -> None:
        """Take a line, or stop Gurobi."""
        if self._is_first:
            self._is_first = False
            take_interrupts_back()
        if where == self._message and self._log is not None:
            self._take(model.cbGet(self._message_text))
        if self._is_stopped:
            model.terminate()

    def _take(self, text: str) -> None:
        *lines, self._begun = (self._begun + text).split("\n")
        if self._log is None or self._error is not None:
            return
        try:
            for line in lines:
                self._log(line)
        except BaseException as error:
            # Raised through Gurobi's own frames it would be printed and forgotten.
            self._error = error
            self._is_stopped = True


@cache
def _wheres_without_lines() -> tuple[list[int], ...]:
    if native().gurobi.version() < CHOOSES_WHERES:
        return ()
    codes = native().GRB.Callback
    return ([codes.POLLING, codes.PRESOLVE, codes.SIMPLEX, codes.BARRIER, codes.MIP],)


@cache
def _handler_of_python() -> int | None:
    """Return the function by which Python hears of interrupts, None where it does not listen."""
    if not callable(handler_of(signal.SIGINT)):
        return None
    get = ctypes.pythonapi.PyOS_getsig
    get.argtypes, get.restype = [ctypes.c_int], ctypes.c_void_p
    handler: int | None = get(signal.SIGINT)
    return handler


def take_interrupts_back() -> None:
    """Put Python's own handling of interrupts back, in any thread.

    While Gurobi runs it has a handler of its own, which prints to standard output, stops whatever
    session it likes, and stays when sessions in two threads overlap.
    """
    handler = _handler_of_python()
    if handler is not None and callable(handler_of(signal.SIGINT)):
        _put_handler()(signal.SIGINT, handler)


# The type is that of ctypes.
@cache
def _put_handler() -> Any:
    put = ctypes.pythonapi.PyOS_setsig
    put.argtypes, put.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    return put


def new_environment() -> Any:
    """Return a started, silent environment.

    Raises
    ------
    LicenceError
        If there is no licence that allows one.
    """
    # Found before Gurobi runs, and never while it does.
    _handler_of_python()
    with failures("start"):
        environment = native().Env(empty=True)
        environment.setParam("OutputFlag", 0)
        environment.setParam("LogToConsole", 0)
        environment.start()
    return environment


class NativeModel:
    """A model in an environment of its own; both are freed when closed or forgotten."""

    def __init__(self) -> None:
        self._environment = new_environment()
        self._model: Any = None
        self._free = weakref.finalize(self, _dispose, self._environment)

    def renew(self) -> Any:
        """Free the model that there was, and return a new one."""
        if not self._free.alive:
            raise UpdateError("the session is closed; open a new one")
        with failures("begin a model"):
            # Models hold the environment, which is freed after the last of them.
            return native().Model(env=self._environment)

    def close(self) -> None:
        """Free the licence; a second call does nothing."""
        self._free()


# The type is that of gurobipy.
def _dispose(environment: Any) -> None:
    environment.dispose()
