"""Standard output that holds the answer and nothing else. For the command line."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


@contextlib.contextmanager
def prints_to_standard_error() -> Iterator[None]:
    """Send to standard error what solvers print past Python, whatever they are told.

    The HiGHS inside SciPy does so.
    """
    if sys.stdout is None:
        yield
        return
    _flush()
    kept = os.dup(STANDARD_OUTPUT)
    target = STANDARD_ERROR if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(target, STANDARD_OUTPUT)
        yield
    finally:
        _flush()
        os.dup2(kept, STANDARD_OUTPUT)
        os.close(kept)
        if target != STANDARD_ERROR:
            os.close(target)


def _flush() -> None:
    """Write out what Python and C hold back, to where it was printed."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
