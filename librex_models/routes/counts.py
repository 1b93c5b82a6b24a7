"""What happened to the solver's program over the life of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace

from solvers import SolverSession


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How often a solver's program was changed in place and handed over again, and why."""

    updates_in_place: int = 0
    rebuilds: int = 0
    reasons: tuple[str, ...] = ()

    def plus(self, session: SolverSession) -> Counts:
        """Return these counts and those of a session."""
        return Counts(
            updates_in_place=self.updates_in_place + session.updates_in_place,
            rebuilds=self.rebuilds + session.rebuilds,
            reasons=(*self.reasons, *session.reasons),
        )

    def and_rebuilt(self, reason: str) -> Counts:
        """Return these counts and one more rebuild."""
        return replace(
            self, rebuilds=self.rebuilds + 1, reasons=(*self.reasons, f"rebuilt: {reason}")
        )
