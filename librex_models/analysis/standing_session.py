"""A session that stands by: opened once, and again after a copy, a fork or a close.

A solver that is open cannot be copied, pickled or taken into another process; a layer of a neural
network is, all the time. Threads take turns.

May import models.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import Any

from librex_models.allocation import Allocation
from librex_models.model import Model
from librex_models.session import Session
from solvers.program import Floats


class StandingSession:
    """A model whose solver stays open between solves.

    Parameters
    ----------
    model : Model
    **options
        What `Model.open` takes.
    """

    def __init__(self, model: Model, **options: Any) -> None:
        self.model = model
        self.options = options
        self._of_other_processes: list[Session | None] = []
        self._session: Session | None = None
        self._stand_by()
        self._session = model.open(**options)

    def solve(self, reward: Floats, budget: Floats | None = None) -> Allocation:
        """Return the allocation at a reward and a budget, by default the problem's own."""
        if self._process != os.getpid():
            self._forget()
        with self._in_use:
            if self._session is None:
                self._session = self.model.open(**self.options)
            own = self.model.problem.budget
            # Both, always: what an earlier call wrote must not stay.
            self._session.write(reward=reward, budget=own if budget is None else budget)
            return self._session.solve()

    def close(self) -> None:
        """Free what the solver holds; the next solve opens it anew."""
        if self._process != os.getpid():
            self._forget()
        with self._in_use:
            if self._session is not None:
                self._session.close()
            self._session = None

    def _forget(self) -> None:
        """Leave the session to the process that opened it: what it holds is not ours to free."""
        self._of_other_processes.append(self._session)
        self._stand_by()

    def _stand_by(self) -> None:
        self._session = None
        self._in_use = Lock()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        """Return what makes another one: the model and its options."""
        return {"model": self.model, "options": self.options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Stand by; the first solve opens the solver."""
        self.__dict__.update(state)
        self._of_other_processes = []
        self._stand_by()
