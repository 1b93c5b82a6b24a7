"""Rounds of agents: they say what they need, the allocator decides, they report what came of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats
from librex_models.thompson.alloc import Alloc, Outcome
from librex_models.thompson.budget_tracker import BudgetTracker

Estimate = Callable[[], Any]
Work = Callable[[Floats], Outcome]


@dataclass(frozen=True, kw_only=True)
class Worker:
    """An agent of a manager.

    Parameters
    ----------
    name : hashable
    estimate : callable or None
        Returns what it needs in the next round, array_like of shape (n_resource_types,), or None.
    work : callable of an array of shape (n_resource_types,), or None
        Works with what it got and returns its outcome, ``{"success": ...}`` or ``{"reward": ...}``.
    """

    name: Hashable
    estimate: Estimate | None
    work: Work | None


class ResourceManager:
    """Lets an allocator decide for agents with names.

    Parameters
    ----------
    alloc : Alloc
        Of as many agents as will be registered at most.

    Examples
    --------
    >>> manager = ResourceManager(Alloc(n_agents=1, n_resource_types=1, seed=0))
    >>> manager.register("writer", estimate=lambda: [2.0], work=lambda got: {"success": True})
    >>> manager.run_round(budget=[1.0])
    {'writer': array([1.])}
    >>> manager.utilization()
    array([1.])
    """

    def __init__(self, alloc: Alloc) -> None:
        if not isinstance(alloc, Alloc):
            raise ParameterError(f"alloc is {type(alloc).__name__}, expected an Alloc")
        self.alloc = alloc
        self._workers: dict[Hashable, tuple[int, Worker]] = {}

    @property
    def tracker(self) -> BudgetTracker:
        """The allocator's, with what was used of all budgets."""
        return self.alloc.tracker

    def register(
        self, name: Hashable, *, estimate: Estimate | None = None, work: Work | None = None
    ) -> None:
        """Add an agent; without functions, `decide` and `report` are told what they would say.

        Raises
        ------
        ParameterError
            If there is one of this name, or the allocator has no agent left.
        """
        if name in self._workers:
            raise ParameterError(f"agent {name!r} is registered already")
        if len(self._workers) == self.alloc.n_agents:
            raise ParameterError(
                f"agent {name!r} is one too many: the allocator has {self.alloc.n_agents} agents"
            )
        worker = Worker(name=name, estimate=estimate, work=work)
        self._workers[name] = (len(self._workers), worker)

    def needs(self) -> dict[Hashable, Any]:
        """Return what the agents say that they need; those who need nothing are left out."""
        said = {
            name: worker.estimate()
            for name, (_, worker) in self._workers.items()
            if worker.estimate is not None
        }
        return {name: vector for name, vector in said.items() if vector is not None}

    def decide(self, needs: Mapping[Hashable, Any], budget: Any) -> dict[Hashable, Floats]:
        """Return who gets what.

        Raises
        ------
        ParameterError, ShapeError
            Naming the agent.
        """
        place = {name: self._place(name) for name in needs}
        names = {number: name for name, number in place.items()}
        granted = self.alloc.allocate({place[name]: needs[name] for name in needs}, budget)
        return {names[number]: vector for number, vector in granted.items()}

    def report(self, name: Hashable, outcome: Outcome) -> None:
        """Tell the allocator what an agent made of its part.

        Raises
        ------
        ParameterError
            If there is no such agent, or the outcome is something else.
        """
        self.alloc.update(self._place(name), outcome)

    def run_round(self, budget: Any) -> dict[Hashable, Floats]:
        """Ask, decide, let all work who got something, and learn; return who got what."""
        granted = self.decide(self.needs(), budget)
        for name, vector in granted.items():
            work = self._workers[name][1].work
            if work is not None and vector.any():
                self.report(name, work(vector.copy()))
        return granted

    def utilization(self) -> Floats:
        """Return which part of all budgets was used, shape (n_resource_types,)."""
        return self.tracker.get_utilization()

    def _place(self, name: Hashable) -> int:
        if name not in self._workers:
            known = ", ".join(repr(one) for one in self._workers) or "none yet"
            raise ParameterError(f"agent {name!r} is not registered; there are: {known}")
        return self._workers[name][0]
