"""The cells of the matrix: families, kinds of decisions and solvers, and their random problems."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import librex_models as lm

FAMILIES: dict[str, Callable[[lm.AllocationProblem], lm.Model]] = {
    "BudgetOnly": lm.BudgetOnly,
    "Proportional": lm.Proportional,
    "MaxMin": lm.MaxMin,
    "AlphaFair .5": lambda problem: lm.AlphaFair(problem, 0.5),
    "AlphaFair 2": lambda problem: lm.AlphaFair(problem, 2.0),
    "AlphaFair 10": lambda problem: lm.AlphaFair(problem, 10.0),
    "GroupAlphaFair .5": lambda problem: lm.GroupAlphaFair(problem, 0.5),
    "GroupAlphaFair 2": lambda problem: lm.GroupAlphaFair(problem, 2.0),
    "OrderedWeighted": lambda problem: lm.OrderedWeighted(problem, _falling(problem.n_groups)),
    "PiecewiseLinear": lambda problem: lm.PiecewiseLinear(problem, [0.2, 0.5], [2.0, 1.0, 0.1]),
    "GroupAlphaFair 1 of 2": lambda problem: lm.GroupAlphaFair(problem, 1.0, inner_alpha=2.0),
    "MaxMin of 2": lambda problem: lm.MaxMin(problem, inner_alpha=2.0),
}
"""Of what is nested, the last number is the aversion inside of groups."""
NESTED = ("GroupAlphaFair 1 of 2", "MaxMin of 2")
NESTED_PROBLEMS, NESTED_OPTIONS = 20, 30
"""Whole nested questions take long; and their tangents, more than Gurobi's free licence allows."""
KINDS = ("fractional", "whole", "several options", "mixed")
SOLVERS = ("highs", "scip", "gurobi", "cvxpy:CLARABEL")
FRACTIONAL_ONLY = ("cvxpy:CLARABEL",)
FEWEST_OPTIONS = 5


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A family with a kind of decisions by a solver.

    Parameters
    ----------
    family, kind, solver : str
    """

    family: str
    kind: str
    solver: str

    @property
    def gap(self) -> float:
        """The relative gap that is asked for."""
        return 1e-6 if self.kind == "fractional" else 1e-4

    def model(self, seed: int, most_options: int) -> lm.Model:
        """Return a random model of this cell; the same one for every solver."""
        generator = np.random.default_rng([seed, KINDS.index(self.kind)])
        problem = random_problem(generator, self.kind, most_options)
        if self.family.startswith("AlphaFair"):
            # It compares agents, who have histories of their own.
            problem = problem.replace(history=None)
        return FAMILIES[self.family](problem)


def _falling(n_groups: int) -> list[float]:
    """Return the weights of the Gini welfare: the worst off count most."""
    return [2.0 * (n_groups - k) - 1.0 for k in range(n_groups)]


def cells() -> Iterator[Cell]:
    """Yield all cells of the matrix."""
    for family in FAMILIES:
        for kind in KINDS:
            for solver in SOLVERS:
                if kind == "fractional" or solver not in FRACTIONAL_ONLY:
                    yield Cell(family=family, kind=kind, solver=solver)


def random_problem(
    generator: np.random.Generator, kind: str, most_options: int
) -> lm.AllocationProblem:
    """Return a problem in which everybody has something before, so that welfare is finite.

    Parameters
    ----------
    generator : numpy.random.Generator
    kind : str
        Of KINDS. "several options" are whole, two or three to each agent, of which it may have two.
    most_options : int
    """
    n_options = int(generator.integers(FEWEST_OPTIONS, most_options + 1))
    n_resources = int(generator.integers(1, 4))
    n_groups = int(generator.integers(2, max(3, n_options // 4 + 1)))
    has_several = kind == "several options"
    n_agents = (n_options + 2) // 3 if has_several else n_options
    agent = np.arange(n_options) % n_agents
    requests = generator.uniform(0.1, 1.0, (n_options, n_resources))
    requests *= generator.random(requests.shape) < 0.8
    integer = {"fractional": False, "mixed": generator.random(n_options) < 0.5}.get(kind, True)
    return lm.AllocationProblem(
        requests,
        requests.sum(axis=0) * generator.uniform(0.2, 0.6, n_resources),
        generator.uniform(0.1, 2.0, n_options),
        agent=agent.tolist(),
        group={owner: owner % n_groups for owner in range(n_agents)},
        weight={g: float(generator.uniform(0.5, 2.0)) for g in range(n_groups)},
        history={g: float(generator.uniform(0.05, 0.5)) for g in range(n_groups)},
        agent_history=dict(enumerate(generator.uniform(0.05, 0.5, n_agents).tolist())),
        agent_limit=2.0 if has_several else 1.0,
        integer=integer,
    )
