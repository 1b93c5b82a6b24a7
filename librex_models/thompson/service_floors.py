"""Floors of service: at any time t everybody has been served at least floor(rate t) times.

Some rounds serve n at most, and several may fall due together, so they are served ahead. With
served_i services so far, the floors can be kept from round t on exactly if for every later round s

    sum over i of max(floor(rate_i s) - served_i, 0)  <=  n (s - t + 1)

so whatever exceeds n (s - t) has to be served now, the earliest due first. Nobody needs more than
one service in a round for that: floors rise by one a round at most.

Patil, Ghalme, Nair & Narahari (2021), "Achieving fairness in the stochastic multi-armed bandit
problem", J. Mach. Learn. Res. 22; Liu & Layland (1973), J. ACM 20, 46-61, for the earliest due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem import AllocationProblem
from librex_models.problem.labels import Floats, Integers, as_vector
from librex_models.thompson.arguments import as_count

FURTHEST = 10_000
"""Rounds that are looked ahead."""
ROUNDING = 1e-9
"""Of rates as decimals: 0.29 in 100 rounds is 29 services."""


@dataclass(frozen=True, eq=False)
class ServiceFloors:
    """How often agents are to be served.

    Parameters
    ----------
    rate : array of shape (n_agents,)
        Services a round, from 0 to 1.
    per_round : int
        How many can be served in one round.
    """

    rate: Floats
    per_round: int

    def minimum(self, served: Floats, round_number: int) -> Floats:
        """Return what each agent has to get in a round, shape (n_agents,).

        Parameters
        ----------
        served : array of shape (n_agents,)
            Before this round; fractions count.
        round_number : int
            From 1 on.
        """
        must = self._must_now(served, round_number)
        least = np.zeros(len(self.rate))
        if must <= 0:
            return least
        # In which round the next service of each is due.
        following = np.floor(served + ROUNDING) + 1.0
        with np.errstate(divide="ignore"):
            due = np.ceil(following / self.rate - ROUNDING)
        first = np.argsort(due, kind="stable")[:must]
        first = first[self.rate[first] > 0.0]
        least[first] = following[first] - served[first]
        return least

    def _must_now(self, served: Floats, round_number: int) -> int:
        last = self._last_round(served, round_number)
        if last > round_number + FURTHEST:
            # No round can be missed, or nobody can tell yet.
            return self.per_round
        later = np.arange(round_number, last + 1)
        due = np.floor(np.multiply.outer(later, self.rate) + ROUNDING)
        lacking = np.ceil(np.maximum(due - served, 0.0) - ROUNDING).sum(axis=1)
        must = lacking - self.per_round * (later - round_number)
        return int(min(must.max(initial=0.0), self.per_round))

    def _last_round(self, served: Floats, round_number: int) -> float:
        """Return the round from which on nothing can become tight."""
        spare = self.per_round - float(self.rate.sum())
        if spare <= ROUNDING:
            return np.inf
        # What somebody has beyond its rate helps nobody else.
        helps = np.minimum(np.floor(served + ROUNDING), self.rate * round_number)
        missed = self.per_round * round_number - float(helps.sum())
        return max(float(round_number), float(np.ceil(missed / spare)) + 1.0)


def service_floors(
    problem: AllocationProblem, rate: object, per_round: object = 1
) -> ServiceFloors:
    """Return floors of service, checked.

    Parameters
    ----------
    problem : AllocationProblem
    rate : number, array_like of shape (n_agents,) or {agent: number}
        Agents that are not named have no floor.
    per_round : int

    Raises
    ------
    ParameterError
        If a rate is not from 0 to 1, or more is promised than rounds can serve.
    """
    count = as_count(per_round, "services_per_round")
    if isinstance(rate, dict):
        unknown = [agent for agent in rate if agent not in set(problem.agents)]
        if unknown:
            raise ParameterError(f"service_floors names {unknown[0]!r}, which is no agent")
        rate = {agent: rate.get(agent, 0.0) for agent in problem.agents}
    numbers = as_vector(rate, problem.agents, "service_floors", "agent", scalar=True)
    bad = np.flatnonzero(~((numbers >= 0.0) & (numbers <= 1.0)))
    if bad.size:
        agent = problem.agents[int(bad[0])]
        raise ParameterError(
            f"service_floors of agent {agent!r} is {numbers[bad[0]]}, expected from 0 to 1 "
            "services a round"
        )
    if numbers.sum() > count + ROUNDING:
        raise ParameterError(
            f"service_floors promise {numbers.sum():g} services a round, and services_per_round "
            f"is {count}: not all can be kept"
        )
    return ServiceFloors(numbers, count)


def services(problem: AllocationProblem, decision: Floats) -> Floats:
    """Return how much of its options each agent gets, shape (n_agents,)."""
    agent: Integers = problem.agent_of_option
    served = np.bincount(agent, decision, minlength=problem.n_agents)
    return served.astype(np.float64, copy=False)
