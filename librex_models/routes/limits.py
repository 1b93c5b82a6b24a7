"""Limits shared out over the solver runs of one solve."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from solvers import SolveOptions


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """The moment at which a solve must end; the only place where the clock is read."""

    moment: float

    @staticmethod
    def after(seconds: float | None) -> Deadline:
        """Return the deadline that is so many seconds away."""
        return Deadline(moment=math.inf if seconds is None else time.perf_counter() + seconds)

    def options(self, options: SolveOptions) -> SolveOptions:
        """Return the options with the time that is left."""
        if math.isinf(self.moment):
            return options
        return replace(options, time_limit_seconds=max(self.moment - time.perf_counter(), 0.0))

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return time.perf_counter() >= self.moment
