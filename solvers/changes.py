"""What differs between two Programs of the same rows and columns.

An adapter writes the differences into its solver, or hands the new Program over whole: whichever
is cheaper by count. May import numpy, scipy.sparse, the Program and the errors of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.errors import UpdateError
from solvers.perspectives import perspective_differences
from solvers.program import Booleans, Floats, Integers, Program

# What a rebuild costs beside its numbers: calls, and the factors of the last basis.
NUMBERS_PER_REBUILD = 1000

_NOTHING: Integers = np.zeros(0, dtype=np.int64)
_NO_NUMBERS: Floats = np.zeros(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """The places in which a Program differs from the one before.

    Parameters
    ----------
    objective : integer array
        Columns with another coefficient in the objective.
    constant : bool
        Whether the objective's constant is another.
    rows, columns : integer arrays
        Rows with another side, columns with another bound.
    entry_row, entry_column : integer arrays
        Entries of the matrix that are others, also those that are new or gone.
    entry_value : array
        Their new values, zero for those that are gone.
    weights : bool
        Whether alpha-fair terms have other weights.
    structure : str or None
        What is not a number: the sense, the columns that are whole, the terms.
    """

    objective: Integers
    constant: bool
    rows: Integers
    columns: Integers
    entry_row: Integers
    entry_column: Integers
    entry_value: Floats
    weights: bool
    structure: str | None

    @property
    def words(self) -> str:
        """What differs, such as "objective, sides of rows"; "nothing" where nothing does."""
        said = {
            "objective": self.objective.size > 0,
            "objective's constant": self.constant,
            "sides of rows": self.rows.size > 0,
            "bounds of columns": self.columns.size > 0,
            "entries of the matrix": self.entry_value.size > 0,
            "weights of terms": self.weights,
        }
        return ", ".join(part for part, is_new in said.items() if is_new) or "nothing"


def changes_between(old: Program, new: Program) -> Changes:
    """Return what differs between two Programs of the same rows and columns."""
    row, column, value = _entries(old.matrix, new.matrix)
    return Changes(
        objective=differing(old.objective, new.objective),
        constant=old.objective_constant != new.objective_constant,
        rows=_either(old.row_lower, new.row_lower, old.row_upper, new.row_upper),
        columns=_either(old.column_lower, new.column_lower, old.column_upper, new.column_upper),
        entry_row=row,
        entry_column=column,
        entry_value=value,
        weights=_has_other_weights(old, new),
        structure=_other_structure(old, new),
    )


def check_same_shape(old: Program, new: Program) -> None:
    """Raise UpdateError where the new Program has other rows or columns than the open one."""
    if new.matrix.shape != old.matrix.shape:
        raise UpdateError(
            f"the new program has {new.matrix.shape} rows and columns, the open one "
            f"{old.matrix.shape}; nothing was changed"
        )


def why_rebuild(
    changes: Changes, program: Program, numbers_per_entry: float, forbid_rebuild: bool
) -> str | None:
    """Return why a Program is handed over whole, or None where it is changed in place.

    Parameters
    ----------
    changes : Changes
    program : Program
        The new one.
    numbers_per_entry : float
        How many numbers are handed over in the time in which one entry is changed in place.
    forbid_rebuild : bool
        Change in place whatever it costs.

    Raises
    ------
    UpdateError
        If a rebuild is forbidden and needed; nothing was changed.
    """
    if changes.structure is not None:
        check_may_rebuild(changes.structure, forbid_rebuild)
        return changes.structure
    n_entries = changes.entry_value.size
    all_numbers = program.matrix.nnz + 4 * program.n_columns + 2 * program.n_rows
    all_numbers += NUMBERS_PER_REBUILD
    if forbid_rebuild or n_entries * numbers_per_entry <= all_numbers:
        return None
    return "so many entries of the matrix changed that this is cheaper"


def check_may_rebuild(reason: str, forbid_rebuild: bool) -> None:
    """Raise UpdateError where a rebuild is needed and forbidden."""
    if forbid_rebuild:
        raise UpdateError(f"the update would need a rebuild: {reason}; nothing was changed")


def differing(old: Floats, new: Floats) -> Integers:
    """Return the places in which two arrays differ."""
    return _NOTHING if new is old else np.flatnonzero(new != old)


def _either(old_lower: Floats, lower: Floats, old_upper: Floats, upper: Floats) -> Integers:
    if lower is old_lower and upper is old_upper:
        return _NOTHING
    differs: Booleans = (lower != old_lower) | (upper != old_upper)
    return np.flatnonzero(differs)


def _entries(
    old: sparse.csc_array, new: sparse.csc_array
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Return row, column and new value of the entries that differ."""
    if new is old or new.data is old.data:
        same = new.indices is old.indices and new.indptr is old.indptr
        if new is old or same:
            return _NOTHING, _NOTHING, _NO_NUMBERS
    if _is_same(new.indptr, old.indptr) and _is_same(new.indices, old.indices):
        place = np.flatnonzero(new.data != old.data)
        column = np.searchsorted(new.indptr, place, side="right") - 1
        return new.indices[place].astype(np.int64), column, new.data[place]
    # Arrays of their own: a difference sorts the entries of what it subtracts.
    differs = sparse.csc_array(new.copy() - old.copy())
    differs.eliminate_zeros()
    if not differs.nnz:
        # Patterns may differ by zeros that are stored; no entry read is no array, for scipy.
        return _NOTHING, _NOTHING, _NO_NUMBERS
    entries = differs.tocoo()
    row, column = (place.astype(np.int64) for place in entries.coords)
    by_place = sparse.csr_array(new)
    value = np.asarray(by_place[row, column], dtype=np.float64).ravel()
    return row, column, value


def _is_same(new: npt.NDArray[np.int32], old: npt.NDArray[np.int32]) -> bool:
    return new is old or np.array_equal(new, old)


def _has_other_weights(old: Program, new: Program) -> bool:
    if old.terms is None or new.terms is None:
        return False
    return not np.array_equal(old.terms.weight, new.terms.weight)


def _other_structure(old: Program, new: Program) -> str | None:
    if new.maximise != old.maximise:
        return "the sense of the objective changed"
    if new.integer is not old.integer and not np.array_equal(new.integer, old.integer):
        return "the columns that are whole changed"
    if (old.terms is None) != (new.terms is None):
        return "the alpha-fair terms changed"
    if old.terms is not None and new.terms is not None:
        same_columns = np.array_equal(old.terms.columns, new.terms.columns)
        if not same_columns or old.terms.alpha != new.terms.alpha:
            return "the alpha-fair terms changed"
    if perspective_differences(old.perspectives, new.perspectives):
        return "the perspectives of alpha-fair terms changed"
    return None
