"""A keyboard interrupt that stops a solver instead of raising. Imports nothing of this package."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keyboard_interrupt(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt` instead of raising KeyboardInterrupt, in the main thread only."""
    is_main = threading.current_thread() is threading.main_thread()
    # None where the handler was set by something other than Python.
    previous = signal.getsignal(signal.SIGINT) if is_main else None
    if previous is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
