"""The classic interface: agents ask for bundles, an allocator that learns decides.

Each agent that asks has one option, its bundle, of which it gets a part between 0 and 1, or all or
nothing. What the part is worth is drawn from a Beta posterior of the agent's success.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np

from librex_models.allocation import Allocation
from librex_models.errors import ParameterError
from librex_models.model import Model
from librex_models.models import AlphaFair, BudgetOnly, MaxMin, Proportional, check_alpha
from librex_models.problem import AllocationProblem
from librex_models.problem.labels import Floats
from librex_models.thompson.arguments import as_count, checked_truth, generator_of
from librex_models.thompson.beta_bernoulli import BetaBernoulli
from librex_models.thompson.budget_tracker import BudgetTracker, amounts, used_part
from librex_models.verification import fairness_measures

FairnessMode = Literal["none", "proportional", "maxmin", "alpha"]
Outcome = Mapping[str, Any]

HEAD_START = 1e-3
"""Utility that everybody begins with, so that fairness can be asked before the first round."""


class Alloc:
    """An allocator that learns how well agents use what they get.

    Fairness is over all rounds: what agents have earned so far, by their outcomes, counts.

    Parameters
    ----------
    n_agents : int
        Agents are 0, 1, ...
    n_resource_types : int
    fairness_mode : "none", "proportional", "maxmin" or "alpha"
        `BudgetOnly`, `Proportional`, lexicographic `MaxMin` or `AlphaFair`, over agents.
    alpha : float, optional
        For "alpha", which needs it.
    alpha_prior, beta_prior : float or array_like of shape (n_agents,)
        Of the Beta prior of success.
    solver : str
    whole : bool
        Whether a bundle is given as a whole or not at all; by default parts of it can be.
    seed : int or None
    **options
        What `Model.solve` takes, such as ``relative_gap``.

    Attributes
    ----------
    posterior : BetaBernoulli
        Of the agents' success.
    tracker : BudgetTracker
    last : Allocation or None
        The verified allocation of the last round; None if nobody asked.

    Examples
    --------
    >>> alloc = Alloc(n_agents=2, n_resource_types=1, fairness_mode="maxmin", seed=0)
    >>> granted = alloc.allocate({0: [2.0], 1: [2.0]}, budget=[3.0])
    >>> sum(float(vector[0]) for vector in granted.values()) <= 3.0
    True
    >>> alloc.update(0, {"success": True})
    >>> alloc.update(1, {"reward": 0.7})
    """

    def __init__(
        self,
        n_agents: int,
        n_resource_types: int,
        fairness_mode: FairnessMode = "none",
        alpha_prior: Any = 1.0,
        beta_prior: Any = 1.0,
        solver: str = "auto",
        *,
        alpha: float | None = None,
        whole: bool = False,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self._n_agents = as_count(n_agents, "n_agents")
        self._n_resources = as_count(n_resource_types, "n_resource_types")
        if fairness_mode not in get_args(FairnessMode):
            modes = ", ".join(get_args(FairnessMode))
            raise ParameterError(f"fairness_mode is {fairness_mode!r}, expected one of {modes}")
        if (alpha is None) == (fairness_mode == "alpha"):
            need = "needs alpha=" if alpha is None else "takes no alpha"
            raise ParameterError(f"fairness_mode {fairness_mode!r} {need}")
        self._mode, self._alpha = fairness_mode, alpha
        self._whole = checked_truth(whole, "whole")
        if alpha is not None:
            check_alpha("alpha", alpha)
        self._solve_with = {"solver": solver, **options}
        self._generator = generator_of(seed)
        self.posterior = BetaBernoulli(
            self._n_agents, alpha=alpha_prior, beta=beta_prior, rewards="fractional"
        )
        self.tracker = BudgetTracker()
        self.last: Allocation | None = None
        self._part = np.zeros(self._n_agents)
        self._earned = np.zeros(self._n_agents)
        self._share = np.zeros(self._n_agents)

    @property
    def n_agents(self) -> int:
        """How many agents there are."""
        return self._n_agents

    @property
    def earned(self) -> Floats:
        """What each agent has earned: outcomes times the parts that it had, (n_agents,)."""
        return self._earned.copy()

    def allocate(self, requests: Mapping[int, Any], budget: Any) -> dict[int, Floats]:
        """Decide who gets how much of what it asks for.

        Parameters
        ----------
        requests : {agent: array_like of shape (n_resource_types,)}
        budget : array_like of shape (n_resource_types,)

        Returns
        -------
        {agent: array of shape (n_resource_types,)}
            For all who asked; their sum never exceeds the budget.

        Raises
        ------
        ShapeError, ParameterError
            Naming the agent.
        NoAllocationError
            If there is none; nothing was counted.
        """
        available = amounts(budget, self._n_resources, "budget")
        agents = [self._agent(agent) for agent in requests]
        asked = [
            amounts(requests[i], self._n_resources, f"the request of agent {i}") for i in agents
        ]
        if not agents:
            self.tracker.record({}, available)
            self._part[:], self.last = 0.0, None
            return {}
        before = self._generator.bit_generator.state
        reward = self.posterior.draw(self._generator)[agents]
        allocation = self._model(agents, np.array(asked), available, reward).solve(
            **self._solve_with
        )
        if not allocation.has_point:
            self._generator.bit_generator.state = before
        # It says why there is none.
        decision = allocation.decision
        granted = dict(zip(agents, (row.copy() for row in allocation.allocated), strict=True))
        self.tracker.record(granted, available)
        self._part[:] = 0.0
        self._part[agents] = decision
        for i, vector in granted.items():
            self._share[i] += used_part(vector, available).mean()
        self.last = allocation
        return granted

    def update(self, agent: int, outcome: Outcome) -> None:
        """Learn from what an agent made of its part of the last round.

        Parameters
        ----------
        agent : int
        outcome : {"success": bool} or {"reward": number from 0 to 1}

        Raises
        ------
        ParameterError
            If there is no such agent, or the outcome is something else.
        """
        place, value = self._agent(agent), _value(agent, outcome)
        self.posterior.update([place], [value])
        self._earned[place] += value * self._part[place]

    def compute_fairness_metrics(self) -> dict[str, float]:
        """Return how evenly the budgets of all rounds were shared.

        Of the share of each agent, the mean over resources of what it got of the budget, added up.

        Returns
        -------
        dict
            ``gini``, 0 where all have the same; ``allocation_variance``; ``min_allocation_ratio``,
            the smallest share by the largest, 1 before anybody has any.
        """
        measures, most = fairness_measures(self._share), float(self._share.max())
        return {
            "gini": measures["gini"] if most > 0.0 else 0.0,
            "allocation_variance": float(self._share.var()),
            "min_allocation_ratio": float(self._share.min()) / most if most > 0.0 else 1.0,
        }

    def _model(self, agents: list[int], requests: Floats, budget: Floats, reward: Floats) -> Model:
        problem = AllocationProblem(
            requests,
            budget,
            reward,
            agent=agents,
            agent_history=self._earned[agents] + HEAD_START,
            agent_limit=1.0,
            integer=self._whole,
        )
        if self._mode == "none":
            return BudgetOnly(problem)
        if self._mode == "proportional":
            return Proportional(problem, over="agents")
        if self._mode == "maxmin" or self._alpha is None:
            return MaxMin(problem, over="agents")
        return AlphaFair(problem, self._alpha)

    def _agent(self, agent: Any) -> int:
        is_number = isinstance(agent, (int, np.integer)) and not isinstance(agent, bool)
        if not is_number or not 0 <= agent < self._n_agents:
            raise ParameterError(f"agent {agent!r} is not one of 0 to {self._n_agents - 1}")
        return int(agent)


def _value(agent: Any, outcome: Outcome) -> float:
    if not isinstance(outcome, Mapping) or len(outcome) != 1:
        raise ParameterError(
            f"the outcome of agent {agent!r} is {outcome!r}, expected {{'success': True or False}} "
            "or {'reward': a number from 0 to 1}"
        )
    ((name, value),) = outcome.items()
    if name == "success" and isinstance(value, (bool, np.bool_)):
        return float(value)
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    if name == "reward" and is_number and not isinstance(value, bool) and 0.0 <= value <= 1.0:
        return float(value)
    raise ParameterError(
        f"the outcome of agent {agent!r} has {name!r}: {value!r}, expected 'success': True or "
        "False, or 'reward': a number from 0 to 1"
    )
