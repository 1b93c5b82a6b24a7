"""Linear programs with far more columns than rows, by a few of the columns at a time.

A session holds the columns that may matter, solves, prices all others by the duals, takes in those
that would be worth it, and solves again until there are none: its optimum is that of the whole.

Bixby, Gregory, Lustig, Marsten & Shanno (1992), Oper. Res. 40, 885-897. May import this package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.adapter import SolverSession
from solvers.changes import check_may_rebuild, check_same_shape
from solvers.counts import Counts
from solvers.errors import CapabilityError
from solvers.options import SolveOptions
from solvers.outcome import Outcome, Status
from solvers.program import Block, Booleans, Floats, Integers, Program

MANY_COLUMNS = 50_000
COLUMNS_PER_ROW = 20
FIRST_OF_A_ROW = 8
NEXT_OF_A_ROW = 4
MOST_ROUNDS = 100
TOLERANCE = 1e-9
"""A reduced cost of this much of what was added up to it is none."""

Opener = Callable[[Program], SolverSession]


def has_many_columns(program: Program) -> bool:
    """Return whether a Program is linear and has so many columns that sifting pays."""
    is_linear = program.terms is None and not program.has_integers and program.maximise
    most = max(MANY_COLUMNS, COLUMNS_PER_ROW * program.n_rows)
    return is_linear and program.n_columns > most


class SiftedSession:
    """A session that gives its solver some of the columns; the others are at zero.

    Parameters
    ----------
    opener : callable of Program
        Opens the solver's own session.
    program : Program
        Linear and maximised.
    """

    def __init__(self, opener: Opener, program: Program) -> None:
        self._opener = opener
        self._program = program
        self._held = _first_columns(program)
        self._counts = Counts()
        self._session = opener(_restricted(program, self._held))

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and the program handed over again, and why."""
        return self._counts.plus(self._session.counts)

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns."""
        check_same_shape(self._program, program)
        missing = _cannot_be_zero(program)
        missing[self._held] = False
        if missing.any():
            reason = "columns that were at zero can no longer be"
            check_may_rebuild(reason, forbid_rebuild)
            self._program = program
            self._take_in(np.flatnonzero(missing), reason)
            return
        self._session.update(_restricted(program, self._held), forbid_rebuild)
        self._program = program

    def add_rows(
        self,
        matrix: sparse.csr_array,  # noqa: ARG002
        lower: Floats,  # noqa: ARG002
        upper: Floats,  # noqa: ARG002
    ) -> None:
        """Refuse: duals cover the Program's rows only, and columns could not be priced."""
        raise CapabilityError("rows cannot be added to a program whose columns are sifted")

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve by as many columns as it takes."""
        start = time.perf_counter()
        for _ in range(MOST_ROUNDS):
            outcome = self._session.solve(self._options(options, start))
            if outcome.status.is_stopped:
                return self._outcome(replace(outcome, bound=np.inf))
            if outcome.status is not Status.OPTIMAL or outcome.row_dual is None:
                break
            worth, gross = self._priced(outcome.row_dual)
            worth[self._held] = 0.0
            better = np.flatnonzero(worth > TOLERANCE * gross)
            if better.size == 0:
                return self._outcome(outcome)
            best = _best_of_rows(self._program, better, worth[better], NEXT_OF_A_ROW)
            self._take_in(best, "columns came to be worth it")
        self._take_in(np.arange(self._program.n_columns), "some columns do not suffice")
        return self._outcome(self._session.solve(self._options(options, start)))

    def close(self) -> None:
        """Free what the solver holds."""
        self._session.close()

    def _options(self, options: SolveOptions, start: float) -> SolveOptions:
        changes: dict[str, object] = {}
        if options.time_limit_seconds is not None:
            left = options.time_limit_seconds - (time.perf_counter() - start)
            changes["time_limit_seconds"] = max(left, 0.0)
        if options.start is not None:
            changes["start"] = options.start[self._held]
        return replace(options, **changes) if changes else options  # type: ignore[arg-type]

    def _priced(self, row_dual: Floats) -> tuple[Floats, Floats]:
        """Return the reduced costs of all columns, and the size of what was added up to them."""
        program = self._program
        by_column = program.matrix.T
        worth = program.objective - by_column @ row_dual
        size = sparse.csc_array(
            (np.abs(program.matrix.data), program.matrix.indices, program.matrix.indptr),
            shape=program.matrix.shape,
        )
        return worth, np.abs(program.objective) + size.T @ np.abs(row_dual)

    def _take_in(self, columns: Integers, reason: str) -> None:
        held = np.union1d(self._held, columns)
        self._counts = self.counts.rebuilt(reason)
        self._session.close()
        self._held = held
        self._session = self._opener(_restricted(self._program, held))

    def _outcome(self, outcome: Outcome) -> Outcome:
        """Return an outcome over all columns."""
        changes: dict[str, object] = {}
        if outcome.point is not None:
            point = np.zeros(self._program.n_columns)
            point[self._held] = outcome.point
            changes["point"] = point
        if outcome.reduced_cost is not None and outcome.row_dual is not None:
            reduced = self._priced(outcome.row_dual)[0]
            reduced[self._held] = outcome.reduced_cost
            changes["reduced_cost"] = reduced
        return replace(outcome, **changes) if changes else outcome  # type: ignore[arg-type]


def _cannot_be_zero(program: Program) -> Booleans:
    """Return the columns that must be held: they have a value, or a worth, of their own."""
    cannot: Booleans = (program.column_lower != 0.0) | (program.objective != 0.0)
    return cannot


def _first_columns(program: Program) -> Integers:
    """Return the columns to begin with: of each row those with the largest entries."""
    columns = np.arange(program.n_columns)
    column = np.repeat(columns, np.diff(program.matrix.indptr))
    size = np.bincount(column, np.abs(program.matrix.data), minlength=program.n_columns)
    best = _best_of_rows(program, columns, size.astype(np.float64), FIRST_OF_A_ROW)
    return np.union1d(best, np.flatnonzero(_cannot_be_zero(program)))


def _best_of_rows(program: Program, columns: Integers, worth: Floats, n_of_a_row: int) -> Integers:
    """Return of each row the columns that are worth most."""
    part = program.matrix[:, columns]
    column = np.repeat(np.arange(len(columns)), np.diff(part.indptr))
    order = np.lexsort((-worth[column], part.indices))
    row = part.indices[order]
    starts = np.flatnonzero(np.append(True, row[1:] != row[:-1])) if row.size else np.zeros(0, int)
    rank = np.arange(len(row)) - np.repeat(starts, np.diff(np.append(starts, len(row))))
    return np.unique(columns[column[order[rank < n_of_a_row]]])


def _restricted(program: Program, held: Integers) -> Program:
    """Return the Program with the columns that are held."""
    return replace(
        program,
        objective=program.objective[held],
        matrix=sparse.csc_array(program.matrix[:, held]),
        column_lower=program.column_lower[held],
        column_upper=program.column_upper[held],
        integer=program.integer[held],
        column_blocks=(Block(name="column", labels=held.tolist()),),
    )
