"""Random models that linear files hold, with hostile labels."""

from collections.abc import Callable, Hashable

import numpy as np

from librex_models import AllocationProblem, AlphaFair, BudgetOnly, MaxMin, Model, Proportional
from tests.random_problems import Whole, random_problem
from tests.test_export import HOSTILE

# None is no label of an option, and 3.0 is 3.
LABELS: list[Hashable] = [label for label in dict.fromkeys(HOSTILE) if label is not None]


def with_hostile_labels(
    problem: AllocationProblem, generator: np.random.Generator
) -> AllocationProblem:
    """Return the problem with other names of options and resources."""

    def chosen(size: int) -> list[Hashable]:
        return [LABELS[place] for place in generator.choice(len(LABELS), size, replace=False)]

    return problem.replace(
        option_names=chosen(problem.n_options), resource_names=chosen(problem.n_resources)
    )


def budget_only(seed: int) -> Model:
    """Return whole, fractional or mixed decisions."""
    generator = np.random.default_rng([seed, 11])
    return BudgetOnly(with_hostile_labels(random_problem(generator, bounds=False), generator))


def max_min(seed: int) -> Model:
    """Return the first level of max-min."""
    generator = np.random.default_rng([seed, 12])
    whole: Whole = "all" if seed % 3 == 0 else "none"
    problem = random_problem(generator, integer=whole, bounds=False, fairness=True)
    return MaxMin(with_hostile_labels(problem, generator), lexicographic=False)


def _single_choices(generator: np.random.Generator, alpha: float) -> AllocationProblem:
    """Return 0/1 options, of which each agent gets one at most, with room for everybody's."""
    n_options = int(generator.integers(2, 9))
    agent = np.sort(generator.integers(0, n_options // 2 + 1, n_options)).tolist()
    n_agents = len(set(agent))
    requests = generator.integers(1, 10, (n_options, 2)) / 2
    budget = requests.sum(axis=0) * (0.5 if alpha < 1.0 else 0.8)
    history = np.ones(n_agents) if alpha >= 1.0 else np.zeros(n_agents)
    problem = AllocationProblem(
        requests,
        budget,
        generator.uniform(0.5, 2.0, n_options),
        agent=agent,
        agent_history=history,
        agent_limit=1,
        integer=True,
    )
    return with_hostile_labels(problem, generator)


def alpha_fair(seed: int) -> Model:
    """Return whole single choices, whose welfare is linear for any alpha."""
    generator = np.random.default_rng([seed, 13])
    alpha = float(generator.choice([0.5, 2.0, 5.0]))
    return AlphaFair(_single_choices(generator, alpha), alpha)


def proportional(seed: int) -> Model:
    """Return whole single choices."""
    generator = np.random.default_rng([seed, 14])
    return Proportional(_single_choices(generator, 1.0), over="agents")


FAMILIES: dict[str, Callable[[int], Model]] = {
    "budget only": budget_only,
    "max-min": max_min,
    "alpha-fair": alpha_fair,
    "proportional": proportional,
}
