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


class Readiness(Enum):
    """Whether a solver can be used here."""

    READY = "ready"
    NOT_INSTALLED = "not installed"
    VERSION_TOO_OLD = "version too old"
    NO_LICENCE = "no licence"
    SIZE_LIMITED = "size limited"


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether a solver can be used here, in a word and in a sentence."""

    readiness: Readiness
    sentence: str
    version: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether the solver can be used, if only up to a size."""
        return self.readiness in (Readiness.READY, Readiness.SIZE_LIMITED)
