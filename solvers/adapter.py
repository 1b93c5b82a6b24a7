"""The two protocols that an adapter of a solver fulfils."""

from __future__ import annotations

from typing import Protocol

from scipy import sparse

from solvers.capability import Availability, Capability
from solvers.counts import Counts
from solvers.options import SolveOptions
from solvers.outcome import Outcome
from solvers.program import Floats, Program


class SolverSession(Protocol):
    """A solver that holds one Program, solves it, and takes changes of its numbers."""

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and the program handed over again, and why."""

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped.

        Raises
        ------
        UpdateError
            If the shape is another, or a rebuild is needed and forbidden; nothing was changed.
        """

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what the solver claims. Row duals cover the Program's rows only."""

    def close(self) -> None:
        """Free what the solver holds; a second call does nothing."""


class Adapter(Protocol):
    """A solver as the registry knows it."""

    @property
    def name(self) -> str:
        """Its name in the registry."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""

    def availability(self, probe: bool = False) -> Availability:
        """Return whether the solver can be used here."""

    def open(self, program: Program) -> SolverSession:
        """Open a session that holds the Program."""
