"""Arrays handed to Gurobi and taken from it by its C interface, without one object a number.

gurobipy takes and gives 1,000 numbers in 0.2 ms, half the time of a small solve; the C interface of
the library that it has loaded copies arrays in 1% of that. It wants the native model, which
gurobipy keeps in a capsule of Python: it is taken where all about it is as expected, and everywhere
else the calls of gurobipy serve. May import gurobipy and the Program.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from solvers.gurobi_native import native
from solvers.loaded_library import loaded_library, place_of
from solvers.program import Floats, Integers

# Of gurobipy that were looked into, and the library that each brings along.
LIBRARY_OF = {(13, 0): "libgurobi130.so"}
FUNCTIONS = ("GRBgetintattr", "GRBgetdblattrarray", "GRBsetdblattrarray", "GRBchgcoeffs")


class NativeArrays:
    """One native Gurobi model behind its C interface.

    Parameters
    ----------
    library : ctypes library
    address : int
    """

    # The type is that of ctypes, whose functions are found by their names.
    def __init__(self, library: Any, address: int) -> None:
        self._library = library
        self._address = ctypes.c_void_p(address)

    def n_columns(self) -> int:
        """Return the number of columns, -1 where Gurobi does not say."""
        found = ctypes.c_int(-1)
        done = self._library.GRBgetintattr(self._address, b"NumVars", ctypes.byref(found))
        return found.value if done == 0 else -1

    def write(self, attribute: str, first: int, numbers: Floats) -> bool:
        """Write an attribute of columns that lie together, and return whether Gurobi takes it."""
        given = np.ascontiguousarray(numbers, dtype=np.float64)
        done = self._library.GRBsetdblattrarray(
            self._address, attribute.encode(), first, len(given), place_of(given)
        )
        return bool(done == 0)

    def change_entries(self, rows: Integers, columns: Integers, values: Floats) -> bool:
        """Write entries of the matrix, and return whether Gurobi takes them."""
        places = [np.ascontiguousarray(place, dtype=np.intc) for place in (rows, columns)]
        given = np.ascontiguousarray(values, dtype=np.float64)
        done = self._library.GRBchgcoeffs(
            self._address, len(given), *map(place_of, places), place_of(given)
        )
        return bool(done == 0)

    def read(self, attribute: str, n_first: int) -> Floats | None:
        """Return an attribute of the first columns or rows, None where Gurobi has none."""
        found = np.empty(n_first)
        done = self._library.GRBgetdblattrarray(
            self._address, attribute.encode(), 0, n_first, place_of(found)
        )
        return found if done == 0 else None


# The type is that of gurobipy.
def native_arrays(model: Any) -> NativeArrays | None:
    """Return the arrays of a Gurobi model, None where it is not built as is known.

    Parameters
    ----------
    model : Gurobi model
        Without changes that wait for its `update`.
    """
    library = _library()
    address = None if library is None else _address_in(getattr(model, "_cmodel", None))
    if address is None:
        return None
    arrays = NativeArrays(library, address)
    return arrays if arrays.n_columns() == model.NumVars else None


@cache
def _library() -> Any:
    """Return the library in gurobipy's folder, None where that one is not loaded."""
    name = LIBRARY_OF.get(native().gurobi.version()[:2])
    if name is None:
        return None
    return loaded_library(Path(native().__file__).parent / ".libs" / name, FUNCTIONS)


def _address_in(capsule: object) -> int | None:
    """Return the address that a capsule without a name holds."""
    if type(capsule).__name__ != "PyCapsule":
        return None
    holds = ctypes.pythonapi.PyCapsule_IsValid
    holds.argtypes, holds.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_int
    if not holds(capsule, None):
        return None
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    address: int | None = get(capsule, None)
    return address
