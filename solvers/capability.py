"""What a solver can do, and whether it can be used here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Capability(Enum):
    """Something a Program may need, or a caller may ask for."""

    WHOLE = "whole columns"
    ALPHA_FAIR_TERMS = "alpha-fair terms"
    ROW_DUALS = "duals of rows"
    INFEASIBILITY_RAYS = "multipliers that prove infeasibility"
    IN_PLACE_UPDATES = "updates in place"
    START = "a point to begin from"
    TIME_LIMIT = "a time limit"
    NODE_LIMIT = "a node limit"
    ITERATION_LIMIT = "an iteration limit"
    SOLUTION_LIMIT = "a solution limit"
    MEMORY_LIMIT = "a memory limit"
    INTERRUPT = "a keyboard interrupt that returns the best point"
    THREADS = "several threads"
    DETERMINISTIC_SEED = "a seed"
    LOG = "a log, line by line"
    PARALLEL_SESSIONS = "sessions in several threads at once"
    PRECISE = "linear programs to a gap of 1e-6"
    PRICES_OF_TERMS = "prices that prove the optimum of alpha-fair terms"


class Readiness(Enum):
    """Whether a solver can be used here."""

    READY = "ready"
    NOT_INSTALLED = "not installed"
    VERSION_TOO_OLD = "version too old"
    NO_LICENCE = "no licence"
    SIZE_LIMITED = "size limited"


@dataclass(frozen=True, kw_only=True)
class SizeLimit:
    """The largest program that a licence allows.

    Parameters
    ----------
    rows, columns : int
    columns_with_terms : int
        With alpha-fair terms, the columns that the solver adds for them included.
    columns_per_term : int
        How many it adds for each.
    """

    rows: int
    columns: int
    columns_with_terms: int
    columns_per_term: int

    def why_too_large(self, n_rows: int, n_columns: int, n_terms: int) -> str | None:
        """Return why a program is too large, None where it is not."""
        if n_terms and n_columns + self.columns_per_term * n_terms > self.columns_with_terms:
            return (
                f"{n_columns:,} columns and {n_terms:,} alpha-fair terms, and the licence ends at "
                f"{self.columns_with_terms:,} columns in all with such terms"
            )
        if n_rows > self.rows or n_columns > self.columns:
            return (
                f"{n_rows:,} rows and {n_columns:,} columns, and the licence ends at "
                f"{self.rows:,} and {self.columns:,}"
            )
        return None


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether a solver can be used here, in a word and in a sentence.

    Parameters
    ----------
    readiness : Readiness
    sentence : str
    version : str
    size_limit : SizeLimit or None
        Present where the licence limits the size of programs.
    """

    readiness: Readiness
    sentence: str
    version: str = ""
    size_limit: SizeLimit | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the solver can be used, if only up to a size."""
        return self.readiness in (Readiness.READY, Readiness.SIZE_LIMITED)
