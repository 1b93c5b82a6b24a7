"""Build a ParametricProgram block by block, every number affine in at most one parameter entry.

May import numpy, scipy.sparse and the Programs of this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from solvers.entries import with_entries
from solvers.errors import ProgramError
from solvers.parametric import ParametricProgram
from solvers.perspectives import Perspectives
from solvers.program import AlphaFairTerms, Block, Booleans, Floats, Integers, Program


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """Numbers that are constants, or these plus coefficient * parameter[index].

    Parameters
    ----------
    constant : array of shape (n_numbers,)
    parameter : str or None
        None for numbers that do not change.
    index, coefficient : arrays of shape (n_numbers,), or None
        Which entry of the parameter, and its factor; None where each number has its own entry.
    """

    constant: Floats
    parameter: str | None = None
    index: Integers | None = None
    coefficient: Floats | None = None


def constant(numbers: Floats) -> Affine:
    """Return numbers that no parameter touches."""
    return Affine(constant=np.asarray(numbers, dtype=np.float64))


def entries_of(parameter: str, index: Integers, coefficient: Floats) -> Affine:
    """Return the numbers coefficient * parameter[index]."""
    return Affine(
        constant=np.zeros(len(index)), parameter=parameter, index=index, coefficient=coefficient
    )


def copied(parameter: str, size: int) -> Affine:
    """Return numbers that are the entries of a parameter, one by one."""
    return Affine(constant=np.broadcast_to(0.0, (size,)), parameter=parameter)


class ProgramBuilder:
    """Collects columns, rows, objective and terms; `build` puts them together.

    Parameters
    ----------
    parameters : mapping of str to int
        Names and sizes of the parameters.
    """

    def __init__(self, parameters: dict[str, int]) -> None:
        self._places: dict[str, slice] = {}
        start = 0
        for name, size in parameters.items():
            self._places[name] = slice(start, start + size)
            start += size
        self._n_parameters = start
        self._columns: list[tuple[Block, Affine, Affine, Booleans]] = []
        self._rows: list[tuple[Block, Affine, Affine]] = []
        self._entries: dict[tuple[str, str], tuple[sparse.csc_array, Affine]] = {}
        self._objective: dict[str, Affine] = {}
        self._terms: tuple[str, Affine, float] | None = None
        self._perspectives: tuple[str, str, str, Integers, float] | None = None

    def add_columns(
        self, block: Block, lower: Floats, upper: Floats, integer: Booleans | None = None
    ) -> None:
        """Add columns that share a name."""
        whole = np.zeros(block.size, dtype=np.bool_) if integer is None else integer
        self._columns.append((block, constant(lower), constant(upper), whole))

    def add_rows(self, block: Block, lower: Affine, upper: Affine) -> None:
        """Add rows that share a name."""
        self._rows.append((block, lower, upper))

    def add_entries(self, rows: str, columns: str, pattern: sparse.csc_array, data: Affine) -> None:
        """Fill in the entries of a block of rows under a block of columns.

        The stored entries of `pattern`, in its order, are the places of `data`.
        """
        if (rows, columns) in self._entries:
            raise ProgramError(f"entries of rows {rows!r} under columns {columns!r} stand twice")
        self._entries[rows, columns] = (pattern, data)

    def maximise(self, columns: str, coefficient: Affine) -> None:
        """Add the linear objective of a block of columns."""
        if columns in self._objective:
            raise ProgramError(f"the objective of columns {columns!r} stands twice")
        self._objective[columns] = coefficient

    def add_terms(self, columns: str, weight: Affine, alpha: float) -> None:
        """Add one alpha-fair term for each column of a block."""
        self._terms = (columns, weight, alpha)

    def add_perspectives(
        self, below: str, scale: str, argument: str, scale_of: Integers, alpha: float
    ) -> None:
        """Add below_i <= scale_i V(argument_i / scale_i) for each column of two blocks.

        `scale_of[i]` is the place of its scale in the third.
        """
        self._perspectives = (below, scale, argument, scale_of, alpha)

    def build(self) -> ParametricProgram:
        """Return the program and its slopes.

        Raises
        ------
        ProgramError
            If entries, objective or terms name rows or columns that were not added, or differ from
            them in size.
        """
        self._check_places()
        objective = [
            self._objective.get(block.name, constant(np.zeros(block.size)))
            for block, _, _, _ in self._columns
        ]
        matrix, matrix_numbers = self._matrix()
        numbers = {
            "objective": objective,
            "matrix": matrix_numbers,
            "row_lower": [lower for _, lower, _ in self._rows],
            "row_upper": [upper for _, _, upper in self._rows],
        }
        program = Program(
            objective=_constants(objective),
            matrix=matrix,
            row_lower=_constants(numbers["row_lower"]),
            row_upper=_constants(numbers["row_upper"]),
            column_lower=_constants([lower for _, lower, _, _ in self._columns]),
            column_upper=_constants([upper for _, _, upper, _ in self._columns]),
            integer=np.concatenate(
                [np.zeros(0, dtype=np.bool_), *(whole for _, _, _, whole in self._columns)]
            ),
            row_blocks=tuple(block for block, _, _ in self._rows),
            column_blocks=tuple(block for block, _, _, _ in self._columns),
            terms=self._alpha_fair_terms(),
            perspectives=self._built_perspectives(),
        )
        slope: dict[str, sparse.csr_array | str] = {
            part: self._slope(affine)
            for part, affine in numbers.items()
            if part != "matrix" and any(one.parameter for one in affine)
        }
        if any(one.parameter for one in matrix_numbers):
            slope["matrix"] = self._matrix_slope(matrix_numbers)
        if self._terms is not None and self._terms[1].parameter is not None:
            slope["term_weight"] = self._slope([self._terms[1]])
        return ParametricProgram(constant=program, parameters=self._places, slope=slope)

    def _check_places(self) -> None:
        rows = {block.name: block.size for block, _, _ in self._rows}
        columns = {block.name: block.size for block, _, _, _ in self._columns}
        for name, coefficient in self._objective.items():
            _check_size(f"the objective of columns {name!r}", coefficient, columns.get(name))
        if self._terms is not None:
            name, weight, _ = self._terms
            _check_size(f"the terms of columns {name!r}", weight, columns.get(name))
        for (row, column), (pattern, numbers) in self._entries.items():
            what = f"the entries of rows {row!r} under columns {column!r}"
            if pattern.shape != (rows.get(row), columns.get(column)):
                raise ProgramError(
                    f"{what} have shape {pattern.shape}, but there are {rows.get(row, 'no')} such "
                    f"rows and {columns.get(column, 'no')} such columns"
                )
            _check_size(what, numbers, pattern.nnz)

    def _alpha_fair_terms(self) -> AlphaFairTerms | None:
        if self._terms is None:
            return None
        name, weight, alpha = self._terms
        return AlphaFairTerms(columns=self._column_place(name), weight=weight.constant, alpha=alpha)

    def _built_perspectives(self) -> Perspectives | None:
        if self._perspectives is None:
            return None
        below, scale, argument, scale_of, alpha = self._perspectives
        return Perspectives(
            below=self._column_place(below),
            scale=self._column_place(scale)[scale_of],
            argument=self._column_place(argument),
            alpha=alpha,
        )

    def _column_place(self, name: str) -> Integers:
        start = 0
        for block, _, _, _ in self._columns:
            if block.name == name:
                return np.arange(start, start + block.size)
            start += block.size
        raise ProgramError(f"there are no columns {name!r}")

    def _matrix(self) -> tuple[sparse.csc_array, list[Affine]]:
        """Return the matrix at the constants, and its numbers block after block.

        `_order[i]` is the place in the blocks' numbers of the i-th stored entry.
        """
        shape = (
            sum(block.size for block, _, _ in self._rows),
            sum(block.size for block, _, _, _ in self._columns),
        )
        pieces = list(self._entries.values())
        numbers = [data for _, data in pieces]
        if len(pieces) == 1 and pieces[0][0].shape == shape:
            pattern = pieces[0][0]
            self._order: Integers | None = None
            return with_entries(pattern, numbers[0].constant), numbers
        stacked, start = [], 0
        identified: dict[tuple[str, str], sparse.csc_array] = {}
        for key, (pattern, _) in self._entries.items():
            names = np.arange(start + 1, start + pattern.nnz + 1, dtype=np.float64)
            start += pattern.nnz
            identified[key] = sparse.csc_array(
                (names, pattern.indices, pattern.indptr), shape=pattern.shape
            )
        for row_block, _, _ in self._rows:
            stacked.append(
                [
                    identified.get(
                        (row_block.name, column_block.name),
                        sparse.csc_array((row_block.size, column_block.size)),
                    )
                    for column_block, _, _, _ in self._columns
                ]
            )
        matrix = (
            sparse.csc_array(sparse.block_array(stacked, format="csc"))
            if stacked
            else sparse.csc_array(shape)
        )
        matrix.sort_indices()
        self._order = matrix.data.astype(np.int64) - 1
        matrix.data = _constants(numbers)[self._order]
        return matrix, numbers

    def _matrix_slope(self, numbers: list[Affine]) -> sparse.csr_array:
        slope = self._matrix_of(numbers)
        return slope if self._order is None else sparse.csr_array(slope[self._order])

    def _slope(self, numbers: list[Affine]) -> sparse.csr_array | str:
        if len(numbers) == 1 and numbers[0].parameter is not None and numbers[0].index is None:
            return numbers[0].parameter
        return self._matrix_of(numbers)

    def _matrix_of(self, numbers: list[Affine]) -> sparse.csr_array:
        size = sum(len(one.constant) for one in numbers)
        places, indices, coefficients = [], [], []
        start = 0
        for one in numbers:
            count = len(one.constant)
            if one.parameter is not None:
                index = np.arange(count) if one.index is None else one.index
                places.append(np.arange(start, start + count))
                indices.append(index + self._places[one.parameter].start)
                coefficients.append(np.ones(count) if one.coefficient is None else one.coefficient)
            start += count
        # Every number touches at most one parameter entry, so the rows are in order already.
        counts = np.zeros(size + 1, dtype=np.int64)
        touched = np.concatenate(places)
        counts[touched + 1] = 1
        return sparse.csr_array(
            (np.concatenate(coefficients), np.concatenate(indices), np.cumsum(counts)),
            shape=(size, self._n_parameters),
        )


def _constants(numbers: list[Affine]) -> Floats:
    if len(numbers) == 1:
        return numbers[0].constant
    return np.concatenate([one.constant for one in numbers]) if numbers else np.zeros(0)


def _check_size(what: str, numbers: Affine, size: int | None) -> None:
    if size is None:
        raise ProgramError(f"{what} cannot be placed: there are no such columns")
    if len(numbers.constant) != size:
        raise ProgramError(f"{what} are {len(numbers.constant)} numbers, expected {size}")
