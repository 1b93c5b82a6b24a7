"""Random problems of nested fairness, and their welfare by the formula, in exact arithmetic."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product

import numpy as np
import numpy.typing as npt

import librex_models as lm

Floats = npt.NDArray[np.float64]

DIGITS = 50


def nested_problem(rng: np.random.Generator, whole: bool = False) -> lm.AllocationProblem:
    """Return a problem of a few members in up to three groups."""
    n, n_groups = int(rng.integers(3, 8 if whole else 12)), int(rng.integers(1, 4))
    n_resources = int(rng.integers(1, 4))
    labels = [f"g{i % n_groups}" for i in range(n)]
    groups = labels[: min(n, n_groups)]
    history = rng.uniform(0.1, 1.0, len(groups)) * (rng.random() < 0.5)
    return lm.AllocationProblem(
        rng.uniform(0.2, 2.0, (n, n_resources)).round(2),
        rng.uniform(2.0, 6.0, n_resources).round(2),
        rng.uniform(0.3, 3.0, n).round(2),
        group=labels,
        weight=dict(zip(groups, rng.uniform(0.5, 2.0, len(groups)).tolist(), strict=True)),
        history=dict(zip(groups, history.tolist(), strict=True)),
        upper=2.0 if whole else float(rng.uniform(0.5, 5.0)),
        integer=whole,
        group_utility=rng.choice(["mean", "sum"]),
    )


def group_utilities(
    problem: lm.AllocationProblem, inner_alpha: float, decision: Floats
) -> list[Decimal]:
    """Return the equally-distributed equivalents, each agent having one option."""
    with localcontext() as context:
        context.prec = DIGITS
        return [_of_group(problem, inner_alpha, decision, g) for g in range(problem.n_groups)]


def _of_group(
    problem: lm.AllocationProblem, inner_alpha: float, decision: Floats, g: int
) -> Decimal:
    members = np.flatnonzero(problem.group_of_agent == g).tolist()
    reward = problem.reward
    assert reward is not None
    size = len(members) if problem.group_utility == "sum" else 1
    utility = [
        Decimal(float(problem.history[g]))
        + size * Decimal(float(reward[i])) * Decimal(float(decision[i]))
        for i in members
    ]
    if np.isinf(inner_alpha):
        return min(utility)
    b = Decimal(inner_alpha)
    if b >= 1 and min(utility) <= 0:
        return Decimal(0)
    if b == 1:
        return (sum((one.ln() for one in utility), Decimal(0)) / len(utility)).exp()
    mean = sum((one ** (1 - b) if one else Decimal(0) for one in utility), Decimal(0))
    return Decimal(mean / len(utility)) ** (1 / (1 - b)) if mean else Decimal(0)


def nested_welfare(
    problem: lm.AllocationProblem, alpha: float, inner_alpha: float, decision: Floats
) -> float:
    """Return the welfare; minus infinity where a group has nothing and alpha is at least 1."""
    total = Decimal(0)
    with localcontext() as context:
        context.prec = DIGITS
        a = Decimal(alpha)
        for g, utility in enumerate(group_utilities(problem, inner_alpha, decision)):
            if utility == 0 and alpha >= 1.0:
                return -np.inf
            term = utility.ln() if alpha == 1.0 else utility ** (1 - a) / (1 - a) if utility else 0
            total += Decimal(float(problem.weight[g])) * term
    return float(total)


def fits_exactly(problem: lm.AllocationProblem, chosen: Sequence[int]) -> bool:
    """Return whether a whole decision is within the budgets, in rational numbers."""
    requests = problem.usage.toarray().tolist()
    return all(
        sum((x * Fraction(one) for x, one in zip(chosen, row, strict=True)), Fraction(0))
        <= Fraction(side)
        for row, side in zip(requests, problem.budget.tolist(), strict=True)
    )


def best_whole_welfare(problem: lm.AllocationProblem, alpha: float, inner_alpha: float) -> float:
    """Return the largest welfare of whole decisions that fit exactly, by enumeration."""
    best = -np.inf
    for chosen in product(*(range(int(top) + 1) for top in problem.upper.tolist())):
        if fits_exactly(problem, chosen):
            decision = np.array(chosen, dtype=np.float64)
            best = max(best, nested_welfare(problem, alpha, inner_alpha, decision))
    return best
