"""What a solution file says, and the lines it is read from.

May import numpy, `solvers`, `librex_models.errors` and the plain texts of `librex_models.problem`.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from librex_models.errors import FileError
from librex_models.problem.plain_text import content_of, number_in, text_of
from solvers import Limit, Status

GZIP = b"\x1f\x8b"
FULL_DIGITS = 15
"""What a double is printed with at least, where it is not cut short."""

Claim = tuple[Status, Limit | None]

# Of what stands in no text: everything below the blank but tabs and line ends.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONGEST_QUOTE = 40
INFINITE = 1e20
"""From here on solvers take numbers for infinite."""


class Naming(Enum):
    """How values are told apart."""

    NAMES = "names"
    """By the names of columns in the exported file."""
    POSITIONS = "positions"
    """By their place among the columns of the exported file, from 1."""
    LABELS = "labels"
    """By the texts of options."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SolutionFile:
    """What a solution file says; nothing of it is checked against a model yet.

    Parameters
    ----------
    path : str
    solver : str
        Whose format it is.
    claim : (Status, Limit or None)
    naming : Naming
    values : mapping of str to float
        Of columns; empty where the claim has no point.
    lines : mapping of str to int
        In which line each value stands.
    leaves_out_zeros : bool
        Whether a column that is not there is zero.
    digits : int
        Significant digits of the values.
    n_columns, n_rows : int or None
        Of the model that was solved, where names do not say it.
    objective : float or None
        As the solver had it.
    objective_error : float
        By how much its digits may be off.
    equivalent : float or None
        The equivalent utility, of our own results only.
    bound : float or None
        The solver's own, in units of the objective.
    is_maximised : bool or None
        None where the file does not say.
    costs : mapping of str to float
        Objective coefficients of columns, where the file has them.
    row_duals : mapping of str to float
        The change of the objective per unit of right-hand side.
    prices : mapping of str to float or None
        Welfare per unit of budget by resource, of our own results only.
    said : mapping of str to (object, int)
        What our own results say of their model, and in which line.
    message : str
        The solver's own words.
    """

    path: str
    solver: str
    claim: Claim
    values: Mapping[str, float]
    lines: Mapping[str, int]
    naming: Naming = Naming.NAMES
    leaves_out_zeros: bool = False
    digits: int = FULL_DIGITS
    n_columns: int | None = None
    n_rows: int | None = None
    objective: float | None = None
    objective_error: float = 0.0
    equivalent: float | None = None
    bound: float | None = None
    is_maximised: bool | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    row_duals: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, float] | None = None
    said: Mapping[str, tuple[object, int]] = field(default_factory=dict)
    message: str = ""

    @property
    def precision(self) -> float:
        """By how much a value may be off for its digits, relative."""
        return 0.5 * 10.0 ** (1 - self.digits)

    def error(self, message: str, name: str | None = None) -> FileError:
        """Return an error that names the file, and the line of a value, else the last of one."""
        last = max(self.lines.values(), default=1)
        line = last if name is None else self.lines.get(name, last)
        return FileError(f"{self.path}, line {line}: {message}")


def rounding_of(number: float | None, digits: int) -> float:
    """Return by how much a number with so many significant digits may be off; 0 without one.

    Examples
    --------
    >>> rounding_of(200.0, 6)
    0.001
    """
    return 0.0 if number is None else abs(number) * 0.5 * 10.0 ** (1 - digits)


def solution_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a solution file, which may be compressed.

    Raises
    ------
    FileError
        If it cannot be read, is empty, or is no text; the message names file and line.
    """
    content = content_of(path)
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise FileError(f"{path}: cannot be decompressed: {error}") from None
    text = text_of(content, path)
    binary = _BINARY.search(text)
    if binary is not None:
        line = text.count("\n", 0, binary.start()) + 1
        raise FileError(f"{path}, line {line}: not a text: it holds byte {ord(binary[0]):#04x}")
    if not text.strip():
        raise FileError(f"{path}, line 1: the file is empty")
    return text


class Lines:
    """The lines of a file, read one after the other.

    Parameters
    ----------
    path : str
        For messages.
    text : str
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._lines = [line.rstrip() for line in text.split("\n")]
        self._is_ended = text.endswith("\n")
        self.number = 0
        """The line that was read last, counted from 1."""

    def next(self, what: str) -> str:
        """Return the next line.

        Raises
        ------
        FileError
            If there is none, or it may go on; `what` says what was expected.
        """
        if self.number >= len(self._lines) - 1:
            # The last line ends, so that behind it nothing is left.
            self.number = len(self._lines) - self._is_ended
            raise self.error(f"the file ends where {what} should be: it is not complete")
        self.number += 1
        return self._lines[self.number - 1]

    def next_that_says(self, what: str) -> str:
        """Return the next line that is not empty."""
        while not (line := self.next(what)):
            pass
        return line

    def is_at_end(self) -> bool:
        """Return whether nothing but empty lines follows, and skip these."""
        rest = self._lines[self.number :]
        if any(rest) or not self._is_ended:
            return False
        self.number = len(self._lines)
        return True

    def peek(self) -> str:
        """Return the line after the present one, empty at the end of the file."""
        return self._lines[self.number] if self.number < len(self._lines) else ""

    def error(self, message: str) -> FileError:
        """Return an error that names the file and the present line."""
        return FileError(f"{self.path}, line {max(self.number, 1)}: {message}")

    def value(self, text: str, what: str) -> float:
        """Return the finite number that a text of the present line is."""
        found = number_in(text)
        if found is None or abs(found) >= INFINITE:
            raise self.error(f"{what} is {quoted(text)}, expected a finite number")
        return found

    def count(self, text: str, what: str) -> int:
        """Return the whole number, at least zero, that a text of the present line is."""
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise self.error(f"{what} is {quoted(text)}, expected a whole number")
        return int(text)

    def words(self, what: str, least: int, most: int) -> list[str]:
        """Return the words of the next line, of which there are so many."""
        line = self.next(what)
        found = line.split()
        if not least <= len(found) <= most:
            raise self.error(f"expected {what}, found {quoted(line)}")
        return found

    def claim(self, said: str, claims: Mapping[str, Claim]) -> Claim:
        """Return what a solver's words mean."""
        if said not in claims:
            raise self.error(f"the status {quoted(said)} is not known")
        return claims[said]


class Values:
    """Values by name, each of them once.

    Parameters
    ----------
    lines : Lines
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.values: dict[str, float] = {}
        self.lines: dict[str, int] = {}

    def add(self, name: str, text: str) -> None:
        """Take the value of the present line.

        Raises
        ------
        FileError
            If it is no finite number, or the name has one already.
        """
        value = self._lines.value(text, f"the value of {quoted(name)}")
        if name in self.values:
            raise self._lines.error(f"{quoted(name)} stands in line {self.lines[name]} already")
        self.values[name] = value
        self.lines[name] = self._lines.number

    def clear(self) -> None:
        """Forget all values."""
        self.values, self.lines = {}, {}


def with_a_point(claim: Claim, has_point: bool) -> Claim:
    """Return a claim that fits whether there is a point: stopped with or without one."""
    status, limit = claim
    if not status.is_stopped:
        return claim
    return (Status.FEASIBLE if has_point else Status.NO_SOLUTION_FOUND), limit


def quoted(text: str) -> str:
    """Return a text of a file for a message, cut to a size."""
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}...")
