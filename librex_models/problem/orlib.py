"""Multi-dimensional knapsacks in the text format of the OR-Library.

    max sum_j profit_j x_j     subject to  sum_j weight_kj x_j <= capacity_k,   x_j 0 or 1

Beasley (1990), "OR-Library: distributing test problems by electronic mail", J. Oper. Res. Soc. 41,
1069-1072.

A problem is ``n m optimum``, n profits, m rows of n weights and m capacities: a stream of numbers
with line breaks anywhere. Optimum 0 means that it is not known. A file is either

- the number of problems, then these problems (``mknap1.txt``, ``mknapcb1.txt``), or
- one problem (``mknap2/*.dat``), whose optimum may be left out if the first line is ``n m``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from librex_models.errors import FileError, ProblemError
from librex_models.problem.allocation_problem import AllocationProblem
from librex_models.problem.labels import Floats, plural
from librex_models.problem.plain_text import number_in, read_text


@dataclass(frozen=True, kw_only=True)
class KnapsackInstance:
    """One problem of an OR-Library file, with the answer that the file states.

    Parameters
    ----------
    problem : AllocationProblem
        Options ``item_1``, ``item_2``, ...; resources ``knapsack_1``, ...; all decisions 0 or 1.
    optimum : float or None
        The best total profit according to the file.
    """

    problem: AllocationProblem
    optimum: float | None


def read_knapsacks(path: str | os.PathLike[str]) -> list[KnapsackInstance]:
    """Return the problems of an OR-Library file of multi-dimensional knapsacks.

    Raises
    ------
    FileError
        If the file cannot be read, holds something else than numbers, or too many or too few of
        them; the message names the file and the line.
    """
    reader = _Reader(path)
    if not _is_collection(reader):
        knapsacks = [_read_one(reader, _states_optimum(reader))]
    else:
        count = reader.take_count("number of problems")
        knapsacks = [_read_one(reader, True) for _ in range(count)]
    reader.check_nothing_is_left()
    return knapsacks


class _Reader:
    """The numbers of a file, taken one after the other, each with its line."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.numbers: list[float] = []
        self.lines: list[int] = []
        self.place = 0
        for line, words in enumerate(read_text(path).split("\n"), start=1):
            for word in words.split():
                number = number_in(word)
                if number is None:
                    raise FileError(f"{path}, line {line}: found {word!r}, expected a number")
                self.numbers.append(number)
                self.lines.append(line)
        if not self.numbers:
            raise FileError(f"{path}: the file is empty, expected numbers")

    @property
    def line(self) -> int:
        """The line of the next number, at the end that of the last one."""
        return self.lines[min(self.place, len(self.lines) - 1)]

    def take(self, count: int, what: str) -> Floats:
        taken = self.numbers[self.place : self.place + count]
        if len(taken) < count:
            raise FileError(
                f"{self.path}, line {self.lines[-1]}: the file ends after {len(taken)} of {count} "
                f"numbers ({what})"
            )
        self.place += count
        return np.array(taken)

    def take_count(self, what: str) -> int:
        line = self.line
        [number] = self.take(1, what)
        if not _is_count(number):
            raise FileError(
                f"{self.path}, line {line}: {what} is {number:g}, expected a whole number of at "
                "least 1"
            )
        return int(number)

    def check_nothing_is_left(self) -> None:
        left = len(self.numbers) - self.place
        if left:
            raise FileError(
                f"{self.path}, line {self.line}: {plural(left, 'number')} too many for the sizes "
                f"in the file, from {self.numbers[self.place]:g} on; an optimum stands after the "
                "sizes, in the same line"
            )


def _read_one(reader: _Reader, states_optimum: bool) -> KnapsackInstance:
    line = reader.line
    n_items = reader.take_count("number of items")
    n_knapsacks = reader.take_count("number of knapsacks")
    [optimum] = reader.take(1, "optimum") if states_optimum else [0.0]
    profit = reader.take(n_items, "profits")
    weight = reader.take(n_items * n_knapsacks, "weights").reshape(n_knapsacks, n_items)
    capacity = reader.take(n_knapsacks, "capacities")
    try:
        problem = AllocationProblem(
            weight.T,
            capacity,
            reward=profit,
            integer=True,
            option_names=[f"item_{j}" for j in range(1, n_items + 1)],
            resource_names=[f"knapsack_{k}" for k in range(1, n_knapsacks + 1)],
        )
    except ProblemError as error:
        raise FileError(f"{reader.path}, problem from line {line} on: {error}") from error
    return KnapsackInstance(problem=problem, optimum=float(optimum) if optimum else None)


def _is_collection(reader: _Reader) -> bool:
    # The first line tells: it holds the number of problems and nothing else. Line breaks may stand
    # anywhere, though: where the file is not as long as that calls for, the other reading is tried.
    likely = reader.lines.count(reader.lines[0]) == 1
    numbers = reader.numbers
    fits_collection = _end_of_collection(numbers) == len(numbers)
    fits_single = _end_of_one(numbers, 0, 3 if _states_optimum(reader) else 2) == len(numbers)
    return fits_collection if fits_collection != fits_single else likely


def _states_optimum(reader: _Reader) -> bool:
    # Only a first line "n m" says that there is none. The length of the file must not: a file with
    # an optimum that has lost its last number is as long as one without.
    return reader.lines.count(reader.lines[0]) != 2


def _end_of_collection(numbers: Sequence[float]) -> int | None:
    if not _is_count(numbers[0]):
        return None
    end = 1
    for _ in range(int(numbers[0])):
        after = _end_of_one(numbers, end, 3)
        if after is None:
            return None
        end = after
    return end


def _end_of_one(numbers: Sequence[float], start: int, n_head: int) -> int | None:
    """Return where a problem ends whose head has `n_head` numbers, None where no problem starts."""
    sizes = numbers[start : start + 2]
    if len(sizes) < 2 or not all(_is_count(size) for size in sizes):
        return None
    n_items, n_knapsacks = (int(size) for size in sizes)
    return start + n_head + n_items + n_items * n_knapsacks + n_knapsacks


def _is_count(number: float) -> bool:
    return number >= 1 and number == int(number)
