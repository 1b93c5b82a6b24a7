"""Random fractional problems whose numbers spread over six decades, for alpha-fair welfare.

Rewards, requests and alpha are log-uniform; budgets are drawn from far too small to nearly enough,
so that one to three of them bind. Some problems have several options an agent, groups, weights,
history, caps, or no caps at all.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from librex_models.model import Model
from librex_models.models import AlphaFair, GroupAlphaFair
from librex_models.problem import AllocationProblem

Floats = npt.NDArray[np.float64]

SALT = 504
"""The first number of every seed; the second counts the problems."""

DECADES = 3.0
"""Rewards and requests are from 10^-3 to 10^3."""


@dataclass(frozen=True, kw_only=True)
class WideProblem:
    """A problem, and how fair it is to be."""

    problem: AllocationProblem
    alpha: float
    over: Literal["agents", "groups"]

    def model(self) -> Model:
        """Return the model."""
        kind = AlphaFair if self.over == "agents" else GroupAlphaFair
        return kind(self.problem, self.alpha)


def wide_problem(index: int) -> WideProblem:
    """Return one of the problems; the same index gives the same one."""
    generator = np.random.default_rng([SALT, index])
    n_options = int(generator.integers(5, 61))
    agent = _owners(generator, n_options)
    group = _owners(generator, int(agent.max()) + 1)
    n_agents, n_groups = len(group), int(group.max()) + 1
    requests = _log_uniform(generator, DECADES, (n_options, 3))
    if generator.integers(2):
        # Not everybody needs everything, but everybody something.
        kept = generator.integers(0, 3, requests.shape) > 0
        kept[np.arange(n_options), generator.integers(0, 3, n_options)] = True
        requests = requests * kept
    reward = _log_uniform(generator, DECADES, n_options)
    upper = _upper(generator, n_options)
    asked = np.where(np.isfinite(upper), upper, 1.0) @ requests
    over: Literal["agents", "groups"] = "agents" if generator.integers(2) else "groups"
    problem = AllocationProblem(
        requests,
        asked * 10.0 ** generator.uniform(-3.0, 0.0, 3),
        reward,
        agent=agent,
        group=group,
        upper=upper,
        agent_limit=_limit(generator, n_agents),
        weight=_weight(generator, n_groups),
        agent_weight=_weight(generator, n_agents),
        history=_history(generator, n_groups) if over == "groups" else None,
        agent_history=_history(generator, n_agents) if over == "agents" else None,
        group_utility="mean" if generator.integers(2) else "sum",
    )
    alpha = 1.0 if generator.integers(8) == 0 else float(_log_uniform(generator, 2.0, ()))
    return WideProblem(problem=problem, alpha=alpha, over=over)


def _log_uniform(
    generator: np.random.Generator, decades: float, shape: int | tuple[int, ...]
) -> Floats:
    return np.asarray(10.0 ** generator.uniform(-decades, decades, shape))


def _owners(generator: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
    """Return who owns each, in half of all cases everybody their own."""
    if generator.integers(2):
        return np.arange(size)
    drawn = generator.integers(0, max(1, size // 2), size)
    code: dict[int, int] = {}
    return np.array([code.setdefault(owner, len(code)) for owner in drawn.tolist()])


def _upper(generator: np.random.Generator, size: int) -> Floats:
    """Return upper bounds: all 1, over two decades, or none."""
    kind = generator.integers(3)
    if kind == 0:
        return np.ones(size)
    return _log_uniform(generator, 1.0, size) if kind == 1 else np.full(size, np.inf)


def _limit(generator: np.random.Generator, size: int) -> Floats | None:
    """Return limits of agents: the constructor's, none, or over two decades."""
    kind = generator.integers(3)
    if kind == 0:
        return None
    return np.full(size, np.inf) if kind == 1 else _log_uniform(generator, 1.0, size)


def _weight(generator: np.random.Generator, size: int) -> Floats:
    return _log_uniform(generator, 1.0, size) if generator.integers(2) else np.ones(size)


def _history(generator: np.random.Generator, size: int) -> Floats:
    """Return utility earned before: none, or for some, over six decades."""
    if generator.integers(2):
        return np.zeros(size)
    earned = _log_uniform(generator, DECADES, size)
    return np.where(generator.integers(0, 2, size) > 0, earned, 0.0)
