"""Gradients where marginal utilities are dozens of decades apart, against solutions of 40 digits.

Every option requests one of three budgets, and has a cap: then each budget is bisected on its own,
in decimal arithmetic, and decisions follow from Lagrange's conditions. The budgets' prices, and the
marginal utilities beside caps, are up to a hundred decades apart at alpha = 100.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.analysis.gradients import Gradient
from tests.random_examples import examples
from tests.random_problems import random_problem

Floats = npt.NDArray[np.float64]
Decimals = list[Decimal]

ALPHAS = [0.01, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0]
N = 9
STEP = Decimal("1e-12")


def capped(seed: int) -> lm.AllocationProblem:
    """Return a problem of three budgets, weights, history and caps, some of them reached."""
    generator = np.random.default_rng([61, seed])
    requests = np.zeros((N, 3))
    requests[np.arange(N), np.arange(N) % 3] = generator.uniform(0.5, 2.0, N)
    upper = np.where(generator.uniform(size=N) < 0.4, generator.uniform(0.05, 0.3, N), 5.0)
    return lm.AllocationProblem(
        requests,
        generator.uniform(0.3, 2.0, 3),
        generator.uniform(0.5, 2.0, N),
        weight=generator.uniform(0.5, 2.0, N),
        history=generator.uniform(0.0, 0.3, N) * (generator.uniform(size=N) < 0.5),
        upper=upper,
    )


class Oracle:
    """The optimum in decimal numbers, budget by budget."""

    def __init__(self, problem: lm.AllocationProblem, alpha: float) -> None:
        self.alpha = Decimal(alpha)
        self.cost = decimals(problem.usage.toarray().sum(axis=0))
        self.weight, self.history = decimals(problem.weight), decimals(problem.history)
        self.upper = decimals(problem.upper)
        self.reward = decimals(problem.reward if problem.reward is not None else [])
        self.budget = decimals(problem.budget)
        self._known: list[tuple[Decimals, Decimal]] = []
        self._found: list[Decimals] = []

    def decision(self, reward: Decimals, budget: Decimals) -> Decimals:
        answer = [Decimal(0)] * N
        for k in range(3):
            if (reward[k::3], budget[k]) not in self._known:
                self._known.append((reward[k::3], budget[k]))
                self._found.append(self._of_budget(k, reward, budget[k]))
            answer[k::3] = self._found[self._known.index((reward[k::3], budget[k]))]
        return answer

    def _of_budget(self, k: int, reward: Decimals, budget: Decimal) -> Decimals:
        mine = range(k, N, 3)
        low, high = Decimal(-3000), Decimal(3000)
        for _ in range(145):
            middle = (low + high) / 2
            spent = sum(self.cost[j] * self._wanted(j, reward, middle) for j in mine)
            low, high = (middle, high) if spent > budget else (low, middle)
        return [self._wanted(j, reward, high) for j in mine]

    def _wanted(self, j: int, reward: Decimals, log_price: Decimal) -> Decimal:
        log_utility = (self.weight[j] * reward[j] / self.cost[j]).ln() - log_price
        utility = (log_utility / self.alpha).exp()
        return min(max((utility - self.history[j]) / reward[j], Decimal(0)), self.upper[j])

    def log_marginal(self, decision: Decimals, j: int) -> Decimal:
        utility = self.history[j] + self.reward[j] * decision[j]
        return self.weight[j].ln() - self.alpha * utility.ln()


def decimals(numbers: Sequence[float] | Floats) -> Decimals:
    return [Decimal(float(number)) for number in numbers]


def differences(value: Callable[[Decimals], Decimals], at: Decimals) -> Floats:
    """Return central differences, one column for each parameter; their errors are about 1e-20."""
    columns = []
    for place in range(len(at)):
        up, down = list(at), list(at)
        up[place], down[place] = at[place] + STEP, at[place] - STEP
        moved = zip(value(up), value(down), strict=True)
        columns.append([float((more - less) / (2 * STEP)) for more, less in moved])
    return np.array(columns).T


def close(found: Floats, expected: Floats, alpha: float) -> None:
    """Compare each row in the unit of its largest number.

    For alpha < 1 decisions next to zero are left out, whose derivatives are next to zero as well.
    """
    size = np.maximum(np.abs(expected).max(axis=1, keepdims=True), 1e-3 if alpha < 1.0 else 1e-12)
    np.testing.assert_allclose(found / size, expected / size, atol=1e-7)


def gradient_of(problem: lm.AllocationProblem, alpha: float) -> Gradient:
    model = lm.GroupAlphaFair(problem, alpha)
    return lm.gradient(model, model.solve())


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(examples(150)))
def test_decisions_agree_with_central_differences_of_40_digits(seed: int, alpha: float) -> None:
    problem = capped(seed)
    gradient = gradient_of(problem, alpha)
    with localcontext() as context:
        context.prec = 40
        oracle = Oracle(problem, alpha)
        by_reward = differences(lambda r: oracle.decision(r, oracle.budget), oracle.reward)
        by_budget = differences(lambda b: oracle.decision(oracle.reward, b), oracle.budget)
    close(gradient.decision["reward"].toarray(), by_reward, alpha)
    close(gradient.decision["budget"], by_budget, alpha)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(examples(150)))
def test_welfare_agrees_with_lagranges_conditions_of_40_digits(seed: int, alpha: float) -> None:
    problem = capped(seed)
    gradient = gradient_of(problem, alpha)
    with localcontext() as context:
        context.prec = 40
        oracle = Oracle(problem, alpha)
        decision = oracle.decision(oracle.reward, oracle.budget)
        marginal = [oracle.log_marginal(decision, j).exp() for j in range(N)]
        by_reward = [float(marginal[j] * decision[j]) for j in range(N)]
        # The price of a budget is what it is worth to any whose decision is between its bounds.
        price = [0.0, 0.0, 0.0]
        for j in range(N):
            if 0 < decision[j] < oracle.upper[j]:
                price[j % 3] = float(marginal[j] * oracle.reward[j] / oracle.cost[j])
    # For alpha < 1 utilities next to zero are left out; for others all numbers count.
    least = 1e-12 if alpha < 1.0 else 0.0
    np.testing.assert_allclose(gradient.welfare["reward"], by_reward, rtol=1e-7, atol=least)
    np.testing.assert_allclose(gradient.welfare["budget"], price, rtol=1e-7)


@pytest.mark.parametrize("alpha", [20.0, 100.0])
def test_the_costs_of_a_column_sum_to_zero_beside_caps(alpha: float) -> None:
    problem = capped(0)
    jacobian = gradient_of(problem, alpha).decision["reward"].toarray()
    np.testing.assert_allclose(problem.usage.toarray() @ jacobian, 0.0, atol=1e-12)


@pytest.mark.parametrize("alpha", [20.0, 100.0])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_prices_of_wild_problems_satisfy_lagranges_conditions(seed: int, alpha: float) -> None:
    generator = np.random.default_rng(seed)
    problem = random_problem(
        generator, integer="none", fairness=True, numbers="continuous", limits="none",
        minimums=False, n_options=int(generator.integers(2, 12)),
    )  # fmt: skip
    model = lm.GroupAlphaFair(problem, alpha)
    allocation = model.solve()
    if allocation.verdict is not lm.Verdict.OPTIMAL:
        pytest.skip("some have no utility at all, whatever is decided")
    at = lm.gradient(model, allocation)._at
    grouping = at.question.grouping
    reward, x = problem.reward, at.decision
    assert reward is not None
    group = grouping.of_option
    # All in logarithms, and in units of what an option is worth.
    log_marginal = np.log(grouping.weight) - alpha * np.log(grouping.utility(reward, x))
    earned = grouping.share[group] * reward
    counts = earned > 0
    log_worth = np.log(earned[counts]) + log_marginal[group[counts]]
    price = at.multiplier("budget_limit")
    with np.errstate(divide="ignore"):
        log_cost = np.log(problem.usage.toarray().T[counts] * price)
    ratio = np.exp(np.minimum(log_cost - log_worth[:, np.newaxis], 50.0)).sum(axis=1)
    lower, upper, x = problem.lower[counts], problem.upper[counts], x[counts]
    inside = (x > lower + 1e-6) & (x < upper - 1e-6)
    np.testing.assert_allclose(ratio[inside], 1.0, atol=1e-9)
    assert (ratio[(x >= upper - 1e-6) & (upper > lower)] <= 1.0 + 1e-9).all()
    assert (ratio[(x <= lower + 1e-6) & (upper > lower)] >= 1.0 - 1e-9).all()
    spare = problem.budget - problem.usage @ at.decision
    assert (spare >= -1e-12 * np.maximum(1.0, problem.budget)).all()
    assert (np.abs(spare[price > 0]) <= 1e-9).all()
