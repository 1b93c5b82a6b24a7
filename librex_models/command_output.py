"""What commands print: the answer on standard output, complaints on standard error, the status.

Imports typer; reports load when they are printed.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

import typer

from librex_models.errors import FileError, LibrexError
from solvers.errors import SolverError

if TYPE_CHECKING:
    from librex_models.allocation import Allocation

SOLVED, NO_ALLOCATION, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


@contextlib.contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn the errors of both packages into one message and exit status 2."""
    try:
        yield
    except (LibrexError, SolverError) as error:
        complain(f"error: {error}")
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(INTERRUPTED) from None


def print_allocation(allocation: Allocation, name: str, as_json: bool, all_rows: bool) -> int:
    """Print an allocation, or why there is none to use, and return the exit status.

    Parameters
    ----------
    allocation : Allocation
    name : str
        The file that was asked about, for complaints.
    as_json : bool
    all_rows : bool
        Whether to print every row of long tables.
    """
    from librex_models.report.json_report import json_report, json_text
    from librex_models.report.measures import why_not
    from librex_models.report.tables import MOST_ROWS, allocation_report
    from librex_models.report.text import write_report

    reason = why_not(allocation)
    if as_json:
        print_answer(lambda stream: stream.write(json_text(json_report(allocation))))
    elif not reason:
        parts = allocation_report(allocation, None if all_rows else MOST_ROWS)
        print_answer(lambda stream: write_report(parts, stream))
    if not reason:
        return SOLVED
    complain(f"no allocation: {name}: {reason}")
    return NO_ALLOCATION


def complain(message: str) -> None:
    """Write a message to standard error."""
    from librex_models.report.labels import printable

    first, *others = message.split("\n")
    lines = [f"librex: {first}", *(f"  {line}" for line in others)]
    # Whoever closed standard error does not want to read it.
    with contextlib.suppress(OSError, ValueError):
        _write(sys.stderr, "".join(f"{printable(line)}\n" for line in lines))


def log_line(line: str) -> None:
    """Write a line of a solver to standard error."""
    with contextlib.suppress(OSError, ValueError):
        _write(sys.stderr, f"{line}\n")


def print_answer(write: Callable[[TextIO], object]) -> None:
    """Write to standard output; a reader that has gone away is no error, a full disk is one."""
    if sys.stdout is None:
        raise FileError("standard output is closed: nobody would see the answer")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail again when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            why = error.strerror or str(error) or "it says not why"
            raise FileError(f"standard output: cannot be written: {why}") from None


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    stream.write(text)
    stream.flush()
