"""A Program: what every solver is handed.

    maximise (or minimise)   objective . v + objective_constant + sum_t weight_t
    U_alpha(v_column(t)) subject to               row_lower <= matrix v <= row_upper
                             column_lower <= v <= column_upper,   v_j whole where integer_j

    U_alpha(u) = log u (alpha = 1),  u^(1 - alpha) / (1 - alpha) (alpha != 1)

Alpha-fair terms appear in maximised programs only, where they are concave. Rows may be perspectives
of such terms, too (see `perspectives`). May import numpy, scipy.sparse, the perspectives and the
errors of this package.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.errors import CapabilityError, ProgramError
from solvers.perspectives import Perspectives

WIDEST_ROW = 1e6

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows or columns that bear one name, told apart by their labels.

    Parameters
    ----------
    name : str
        The name they share, such as ``x`` or ``budget_limit``.
    labels : sequence of hashable, or None
        One label for each member, or None for a single member without a label.
    """

    name: str
    labels: Sequence[Hashable] | None = None

    @property
    def size(self) -> int:
        """Number of rows or columns in the block."""
        return 1 if self.labels is None else len(self.labels)

    def names(self) -> list[str]:
        """Return the full names, such as ``x[job_17]``."""
        if self.labels is None:
            return [self.name]
        return [f"{self.name}[{label}]" for label in self.labels]


@dataclass(frozen=True, kw_only=True, eq=False)
class AlphaFairTerms:
    """Separable alpha-fair terms of a maximised objective: sum weight * U_alpha(column).

    Parameters
    ----------
    columns : integer array of shape (n_terms,)
        The column each term is a function of; no column twice.
    weight : array of shape (n_terms,)
        At least zero.
    alpha : float
        Aversion to inequality, above zero and finite.
    """

    columns: Integers
    weight: Floats
    alpha: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """Linear rows, bounds, wholeness, names, and alpha-fair terms.

    Crossed sides or bounds are no contradiction: such a Program is infeasible.

    Parameters
    ----------
    objective : array of shape (n_columns,)
    objective_constant : float
    matrix : scipy.sparse.csc_array of shape (n_rows, n_columns)
    row_lower, row_upper : arrays of shape (n_rows,)
        Either may be infinite.
    column_lower, column_upper : arrays of shape (n_columns,)
        Either may be infinite.
    integer : boolean array of shape (n_columns,)
    row_blocks, column_blocks : tuples of Block
        Their sizes add up to n_rows and n_columns.
    terms : AlphaFairTerms or None
    perspectives : Perspectives or None
    maximise : bool
    """

    objective: Floats
    objective_constant: float = 0.0
    matrix: sparse.csc_array
    row_lower: Floats
    row_upper: Floats
    column_lower: Floats
    column_upper: Floats
    integer: Booleans
    row_blocks: tuple[Block, ...]
    column_blocks: tuple[Block, ...]
    terms: AlphaFairTerms | None = None
    perspectives: Perspectives | None = None
    maximise: bool = True

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.row_lower)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.objective)

    @cached_property
    def has_integers(self) -> bool:
        """Whether any column must be whole."""
        return bool(self.integer.any())

    @property
    def row_names(self) -> list[str]:
        """Names of the rows, in order."""
        return [name for block in self.row_blocks for name in block.names()]

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [name for block in self.column_blocks for name in block.names()]

    def rows_of(self, block: str) -> slice:
        """Return the positions of the rows of a block, empty where it is absent."""
        return self._row_positions.get(block, slice(0, 0))

    def columns_of(self, block: str) -> slice:
        """Return the positions of the columns of a block, empty where it is absent."""
        return self._column_positions.get(block, slice(0, 0))

    @cached_property
    def _row_positions(self) -> dict[str, slice]:
        return _positions(self.row_blocks)

    @cached_property
    def _column_positions(self) -> dict[str, slice]:
        return _positions(self.column_blocks)

    def with_numbers(self, **numbers: Any) -> Program:
        """Return the Program with other numbers in some of its parts; wholeness stays.

        Much faster than a copy of all parts, which session after session is asked for.
        """
        changed = object.__new__(Program)
        changed.__dict__.update(self.__dict__, **numbers)
        return changed

    def check(self, known: Program | None = None) -> None:
        """Raise ProgramError where lengths, names or numbers contradict each other.

        Parameters
        ----------
        known : Program, optional
            One that was checked before. Where all but the objective is the same, that suffices.
        """
        if known is not None and has_only_another_objective(self, known):
            check_objective(self)
            return
        _check_layout(self.matrix)
        _check_lengths(self)
        _check_numbers(self)
        for kind, blocks in (("row", self.row_blocks), ("column", self.column_blocks)):
            names = [block.name for block in blocks]
            if len(set(names)) < len(names):
                raise ProgramError(f"{kind}_blocks holds a name twice: {', '.join(names)}")
        if self.terms is not None:
            _check_terms(self, self.terms)
        if self.perspectives is not None:
            self.perspectives.check(self.n_columns, self.column_lower)


_BESIDE_OBJECTIVE = tuple(
    part.name for part in fields(Program) if not part.name.startswith("objective")
)


def _positions(blocks: tuple[Block, ...]) -> dict[str, slice]:
    """Return where each block stands, the first of a name."""
    positions: dict[str, slice] = {}
    start = 0
    for block in blocks:
        positions.setdefault(block.name, slice(start, start + block.size))
        start += block.size
    return positions


def _check_layout(matrix: Any) -> None:
    """Raise ProgramError where a matrix is not stored by columns, each entry once.

    Its arrays are read as such, and compared place by place with those of an update.
    """
    if getattr(matrix, "format", None) != "csc":
        raise ProgramError(
            f"matrix is a {type(matrix).__name__}, expected a scipy.sparse.csc_array: "
            "scipy.sparse.csc_array(matrix) makes one"
        )
    if not matrix.has_canonical_format:
        column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        place = column * matrix.shape[0] + matrix.indices
        if len(np.unique(place)) < len(place):
            raise ProgramError("matrix holds an entry twice: sum_duplicates() adds both")


def _check_lengths(program: Program) -> None:
    rows, columns = program.n_rows, program.n_columns
    expected: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "objective": (program.objective.shape, (columns,)),
        "matrix": (program.matrix.shape, (rows, columns)),
        "row_lower": (program.row_lower.shape, (rows,)),
        "row_upper": (program.row_upper.shape, (rows,)),
        "column_lower": (program.column_lower.shape, (columns,)),
        "column_upper": (program.column_upper.shape, (columns,)),
        "integer": (program.integer.shape, (columns,)),
        "row_blocks": ((sum(block.size for block in program.row_blocks),), (rows,)),
        "column_blocks": ((sum(block.size for block in program.column_blocks),), (columns,)),
    }
    for part, (found, wanted) in expected.items():
        if found != wanted:
            raise ProgramError(f"{part} has shape {found}, expected {wanted}")


def has_only_another_objective(program: Program, known: Program) -> bool:
    """Return whether all else of two Programs is the same arrays."""
    if program.objective.shape != known.objective.shape:
        return False
    own, others = program.__dict__, known.__dict__
    return all(own[part] is others[part] for part in _BESIDE_OBJECTIVE)


def check_objective(program: Program) -> None:
    """Raise ProgramError where the objective holds a number that is not finite."""
    if not np.isfinite(program.objective_constant):
        raise ProgramError(f"objective_constant is {program.objective_constant}")
    if not np.isfinite(program.objective).all():
        raise ProgramError("objective holds a number that is not finite")


def _check_numbers(program: Program) -> None:
    check_objective(program)
    entries = program.matrix.data
    # A NaN is the least and the largest of all.
    if not (np.isfinite(entries.min(initial=0.0)) and np.isfinite(entries.max(initial=0.0))):
        raise ProgramError("matrix holds a number that is not finite")
    # A NaN fails these comparisons too.
    for part in ("row_lower", "column_lower"):
        if not (getattr(program, part) < np.inf).all():
            raise ProgramError(f"{part} holds a NaN or plus infinity")
    for part in ("row_upper", "column_upper"):
        if not (getattr(program, part) > -np.inf).all():
            raise ProgramError(f"{part} holds a NaN or minus infinity")
    if program.integer.dtype != np.bool_:
        raise ProgramError(f"integer is made of {program.integer.dtype}, expected truth values")


def _check_terms(program: Program, terms: AlphaFairTerms) -> None:
    if not program.maximise:
        raise ProgramError("alpha-fair terms need a maximised objective")
    if not (terms.alpha > 0 and np.isfinite(terms.alpha)):
        raise ProgramError(f"alpha is {terms.alpha}, expected a finite number above zero")
    if terms.columns.ndim != 1 or terms.weight.shape != terms.columns.shape:
        raise ProgramError(
            f"terms has columns of shape {terms.columns.shape} and weights of shape "
            f"{terms.weight.shape}, expected one weight for each column"
        )
    if not ((terms.columns >= 0) & (terms.columns < program.n_columns)).all():
        raise ProgramError(f"terms names a column outside of 0 to {program.n_columns - 1}")
    if len(np.unique(terms.columns)) < len(terms.columns):
        raise ProgramError("terms names a column twice")
    if not ((terms.weight >= 0) & (terms.weight < np.inf)).all():
        raise ProgramError("terms holds a weight that is not a finite number at least zero")


def check_no_perspectives(program: Program, solver: str) -> None:
    """Raise CapabilityError where a Program has rows that are not linear."""
    if program.perspectives is not None:
        raise CapabilityError(
            f"{solver} has no perspectives of alpha-fair terms, and the program has "
            f"{len(program.perspectives.below)}: put them under tangents with "
            "solvers.perspectives_under_lines.with_tangents"
        )


def begins_steeply(program: Program) -> bool:
    """Return whether whole columns move terms that begin at zero, where their slope is infinite.

    Solvers that keep rules to a tolerance were seen to call wrong points the optimum of these.
    """
    terms = program.terms
    if terms is None or terms.alpha >= 1.0 or not program.has_integers:
        return False
    return bool((program.column_lower[terms.columns] <= 0.0).any())


def with_rows(
    program: Program,
    matrix: sparse.sparray,
    lower: Floats,
    upper: Floats,
    block: Block | None = None,
) -> Program:
    """Return the Program with more rows behind its own, over the same columns.

    Parameters
    ----------
    matrix : scipy.sparse array of shape (n_further, n_columns)
    lower, upper : arrays of shape (n_further,)
    block : Block, optional
        What they are called; by default they are rows that were added.
    """
    added = Block(name="rows added", labels=range(len(lower))) if block is None else block
    return replace(
        program,
        matrix=sparse.csc_array(sparse.vstack([program.matrix, matrix], format="csc")),
        row_lower=np.concatenate([program.row_lower, lower]),
        row_upper=np.concatenate([program.row_upper, upper]),
        row_blocks=(*program.row_blocks, added),
    )


def has_wide_rows(program: Program) -> bool:
    """Return whether some row spans more than six decades.

    HiGHS 1.15 then presolves whole programs wrongly: it calls the row 10000003 x + 4 y + ... <= B
    infeasible, or an optimum what is far from one (tests/test_wide_rows.py).
    """
    matrix = program.matrix
    size = np.abs(matrix.data)
    used = size > 0
    row, size = matrix.indices[used], size[used]
    largest, smallest = np.zeros(program.n_rows), np.full(program.n_rows, np.inf)
    np.maximum.at(largest, row, size)
    np.minimum.at(smallest, row, size)
    return bool((largest > WIDEST_ROW * smallest).any())
