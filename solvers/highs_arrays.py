"""Arrays handed to HiGHS and taken from it by its C interface, without Python numbers between.

highspy gives a point as a list, one Python number for each column, and has HiGHS sort the columns
whose costs change. The C interface of the library that highspy has loaded copies arrays. It wants
the address of the native object, which highspy keeps in its own object and does not tell: it is
taken where all about it is as expected, and everywhere else the calls of highspy serve.
May import highspy and the Program.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from solvers.highs_found import Solution
from solvers.highs_native import native
from solvers.loaded_library import loaded_library, place_of
from solvers.program import Floats

LIBRARY = "libhighs.so.1"
# Of HiGHS, whose highspy was looked into; another one may be built otherwise.
KNOWN_VERSIONS = ("1.15.",)
FUNCTIONS = (
    "Highs_getSizeofHighsInt",
    "Highs_getNumRow",
    "Highs_getNumCol",
    "Highs_changeColsCostByRange",
    "Highs_getSolution",
)
# Of HiGHS's own whole numbers.
BYTES_OF_A_COUNT = 4
TWO_WORDS = ctypes.c_size_t * 2


class NativeArrays:
    """One native HiGHS object behind its C interface.

    Arrays pass through buffers: to ask numpy where an array begins takes longer than to copy it.

    Parameters
    ----------
    library : ctypes library
    address : int
    n_columns : int
    """

    # The type is that of ctypes, whose functions are found by their names.
    def __init__(self, library: Any, address: int, n_columns: int) -> None:
        self._library = library
        self._address = ctypes.c_void_p(address)
        self._cost, self._point, self._reduced = (_Buffer(n_columns) for _ in range(3))
        self._dual = _Buffer(0)

    def counts(self) -> tuple[int, int, int]:
        """Return the bytes of a whole number of HiGHS, and the numbers of rows and columns."""
        library, address = self._library, self._address
        return (
            library.Highs_getSizeofHighsInt(address),
            library.Highs_getNumRow(address),
            library.Highs_getNumCol(address),
        )

    def change_costs(self, first: int, costs: Floats) -> bool:
        """Write the costs of columns that lie together, and return whether HiGHS takes them."""
        last = first + len(costs) - 1
        self._cost.numbers[: len(costs)] = costs
        done = self._library.Highs_changeColsCostByRange(
            self._address, first, last, self._cost.place
        )
        return bool(done >= 0)

    def solution(self, n_rows: int) -> Solution:
        """Return the solution of the last run, NaN where HiGHS has none."""
        if len(self._dual.numbers) != n_rows:
            self._dual = _Buffer(n_rows)
        buffers = self._point, self._reduced, self._dual
        for buffer in buffers:
            buffer.numbers.fill(np.nan)
        places = self._point.place, self._reduced.place, None, self._dual.place
        self._library.Highs_getSolution(self._address, *places)
        point, reduced_cost, row_dual = (buffer.numbers.copy() for buffer in buffers)
        return Solution(point=point, reduced_cost=reduced_cost, row_dual=row_dual)


class _Buffer:
    """An array that C reads and writes, and where it begins."""

    def __init__(self, size: int) -> None:
        self.numbers: Floats = np.empty(size)
        self.place = place_of(self.numbers)


# The type is that of highspy, which has none for its native part.
def native_arrays(highs: Any) -> NativeArrays | None:
    """Return the arrays of a HiGHS object, None where it is not built as is known.

    Parameters
    ----------
    highs : HiGHS object of highspy
        That holds a program.
    """
    if not _is_known(highs):
        return None
    library = _library()
    address = _address_in(highs)
    if library is None or address is None:
        return None
    arrays = NativeArrays(library, address, highs.getNumCol())
    expected = BYTES_OF_A_COUNT, highs.getNumRow(), highs.getNumCol()
    return arrays if arrays.counts() == expected else None


def _is_known(highs: Any) -> bool:
    version = getattr(highs, "version", str)()
    return isinstance(version, str) and version.startswith(KNOWN_VERSIONS)


@cache
def _library() -> Any:
    """Return the library in highspy's folder, None where there is none or another one is loaded."""
    return loaded_library(Path(native().__file__).with_name(LIBRARY), FUNCTIONS)


def _address_in(highs: Any) -> int | None:
    """Return the address that a Python object of pybind11 holds twice: itself, and to free it.

    Both words lie within the object, behind what all objects begin with.
    """
    start, word = object.__basicsize__, ctypes.sizeof(ctypes.c_size_t)
    is_cpython = sys.implementation.name == "cpython"
    if not is_cpython or type(highs).__basicsize__ < start + 2 * word:
        return None
    first, second = TWO_WORDS.from_address(id(highs) + start)
    return first if first == second and first != 0 and first % word == 0 else None
