"""A keyboard interrupt that stops a solver instead of raising. Imports nothing of this package."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

# What `signal` itself calls, after it has looked each handler up among the names of some: with
# Python 3.11 that takes a tenth of the time of a small solve. Untyped, as it is not documented.
_native: Any = import_module("_signal")


# The types are those of `signal`.
def handler_of(number: int) -> Any:
    """Return the handler of a signal, None where something other than Python set it."""
    return _native.getsignal(number)


@contextmanager
def keyboard_interrupt(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt` instead of raising KeyboardInterrupt, in the main thread only."""
    is_main = threading.current_thread() is threading.main_thread()
    previous = handler_of(signal.SIGINT) if is_main else None
    if previous is None:
        yield
        return
    _native.signal(signal.SIGINT, lambda *_: interrupt())
    try:
        yield
    finally:
        _native.signal(signal.SIGINT, previous)
