"""A Program whose numbers are affine in parameters.

    number = constant + slope . parameters

The slopes are sparse matrices compiled once; writing a parameter is one sparse product for each
part of the Program that it touches, and the untouched parts stay the same arrays.
May import numpy, scipy.sparse and `solvers.program`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from solvers.entries import with_entries
from solvers.errors import UpdateError
from solvers.program import Floats, Program

PARTS = (
    "objective",
    "objective_constant",
    "matrix",
    "row_lower",
    "row_upper",
    "column_lower",
    "column_upper",
    "term_weight",
)
"""The parts of a Program that parameters may touch; `matrix` means its stored entries."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ParametricProgram:
    """A Program and how its numbers depend on named parameters.

    Parameters
    ----------
    constant : Program
        The numbers that parameters do not touch, zero (or the constant part) where they do.
        The stored pattern of its matrix is the pattern for every value of the parameters.
    parameters : mapping of str to slice
        Where each parameter lies in the vector of all parameters.
    slope : mapping of str to scipy.sparse.csr_array of shape (n_numbers, n_parameters), or to str
        For each touched part (see `PARTS`) its slope, or the name of the parameter whose entries
        are its numbers, one by one.
    """

    constant: Program
    parameters: Mapping[str, slice]
    slope: Mapping[str, sparse.csr_array | str]

    def program(self, values: Mapping[str, Floats]) -> Program:
        """Return the Program at the given values of all parameters."""
        return self.write(self.constant, set(self.parameters), values)

    def write(self, program: Program, changed: set[str], values: Mapping[str, Floats]) -> Program:
        """Return `program` with the parts that `changed` parameters touch computed anew.

        Parameters
        ----------
        program : Program
            The Program at the old values.
        changed : set of str
            Names of the parameters whose values differ from the old ones.
        values : mapping of str to array
            The new values of all parameters.
        """
        given = self._checked(values)
        touched = self.touched(changed)
        is_product = any(not isinstance(self._slope[part], str) for part in touched)
        vector = np.concatenate(list(given.values())) if is_product else np.zeros(0)
        numbers: dict[str, Floats] = {}
        for part in touched:
            slope = self._slope[part]
            moved = _kept(given[slope]) if isinstance(slope, str) else slope @ vector
            if part not in self._without_constants:
                moved = _constant_numbers(self.constant, part) + moved
            numbers[part] = moved
        return _with_numbers(program, numbers)

    def touched(self, names: set[str]) -> set[str]:
        """Return the parts of the Program in which a number depends on one of the parameters."""
        unknown = names - self.parameters.keys()
        if unknown:
            raise UpdateError(
                f"there is no parameter {min(unknown)!r}, only {', '.join(self.parameters)}; "
                "nothing was changed"
            )
        return {part for name in names for part in self._parts_of[name]}

    @cached_property
    def _parts_of(self) -> dict[str, list[str]]:
        """For each parameter the parts of the Program in which a number depends on it."""
        return {
            name: [part for part, slope in self._slope.items() if _depends(slope, name, place)]
            for name, place in self.parameters.items()
        }

    @cached_property
    def _slope(self) -> dict[str, sparse.csr_array | str]:
        """The slopes, by name where they only copy a parameter."""
        return {part: self._name_of_copied(slope) or slope for part, slope in self.slope.items()}

    @cached_property
    def _without_constants(self) -> set[str]:
        """The parts whose numbers are the parameters alone."""
        return {part for part in self.slope if not _constant_numbers(self.constant, part).any()}

    def _name_of_copied(self, slope: sparse.csr_array | str) -> str | None:
        """Return which parameter a slope copies, None where it does anything else."""
        if isinstance(slope, str):
            return slope
        copied = _copied_place(slope)
        return next((name for name, place in self.parameters.items() if place == copied), None)

    def _checked(self, values: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the values of all parameters, in the order in which they lie."""
        given: dict[str, Floats] = {}
        for name, place in self.parameters.items():
            if name not in values:
                raise UpdateError(f"parameter {name!r} has no value; nothing was changed")
            value = np.asarray(values[name], dtype=np.float64)
            if value.shape != (place.stop - place.start,):
                raise UpdateError(
                    f"parameter {name!r} has shape {value.shape}, "
                    f"expected {(place.stop - place.start,)}; nothing was changed"
                )
            given[name] = value
        return given


def _kept(numbers: Floats) -> Floats:
    """Return an array that nobody else changes, nor what it is a view of."""
    part: Any = numbers
    while isinstance(part, np.ndarray) and not part.flags.writeable:
        part = part.base
    return numbers if part is None else numbers.copy()


def _depends(slope: sparse.csr_array | str, name: str, place: slice) -> bool:
    if isinstance(slope, str):
        return slope == name
    return bool(((slope.indices >= place.start) & (slope.indices < place.stop)).any())


def _copied_place(slope: sparse.csr_array) -> slice | None:
    """Return where the parameters lie that a slope copies, None where it does anything else."""
    size = slope.shape[0]
    if size == 0 or slope.nnz != size:
        return None
    first = int(slope.indices[0])
    is_copy = (
        (slope.data == 1.0).all()
        and np.array_equal(slope.indptr, np.arange(size + 1))
        and np.array_equal(slope.indices, np.arange(first, first + size))
    )
    return slice(first, first + size) if is_copy else None


def _constant_numbers(program: Program, part: str) -> Floats:
    if part == "objective_constant":
        return np.array([program.objective_constant])
    if part == "matrix":
        numbers: Floats = program.matrix.data
    elif part == "term_weight":
        if program.terms is None:
            raise UpdateError("the program has no alpha-fair terms, yet a slope for their weights")
        numbers = program.terms.weight
    else:
        numbers = getattr(program, part)
    return numbers


def _with_numbers(program: Program, numbers: Mapping[str, Floats]) -> Program:
    changes: dict[str, Any] = dict(numbers)
    if "objective_constant" in changes:
        changes["objective_constant"] = float(changes["objective_constant"][0])
    if "matrix" in changes:
        changes["matrix"] = with_entries(program.matrix, changes["matrix"])
    if "term_weight" in changes:
        weight = changes.pop("term_weight")
        changes["terms"] = None if program.terms is None else replace(program.terms, weight=weight)
    return program.with_numbers(**changes) if changes else program
