"""Whole decisions whose requests span many decades, such as bytes beside gigabytes.

HiGHS 1.15 presolves such rows wrongly; see `solvers.program.has_wide_rows`.
"""

import itertools
from fractions import Fraction

import numpy as np
import pytest

import librex_models as lm
from solvers import Limit, Outcome, Status
from solvers.highs import HighsSession
from tests.random_examples import examples


def best_by_enumeration(problem: lm.AllocationProblem) -> float:
    """Return the largest total reward of 0/1 decisions within the budgets, by exact sums."""
    requests = [[Fraction(float(a)) for a in row] for row in np.asarray(problem.requests)]
    budget = [Fraction(float(b)) for b in problem.budget]
    best = 0.0
    for chosen in itertools.product((0, 1), repeat=problem.n_options):
        rows = [row for row, is_chosen in zip(requests, chosen, strict=True) if is_chosen]
        if all(
            sum(column) <= b for column, b in zip(zip(*rows, strict=True), budget, strict=False)
        ):
            best = max(best, float(np.asarray(problem.reward) @ np.array(chosen)))
    return best


@pytest.mark.parametrize(
    ("requests", "budget", "reward"),
    [
        ([10000003, 4, 10000002], 10000004, [6.557, 672.616, 6.128]),
        ([1, 1e-8, 1], 1, [1, 1, 1000]),
        ([1, 1 / 3e7, 1], 1, [1, 1, 1000]),
        ([1e7, 1e7, 20000002, 1, 40000001, 4e7, 0], 40000001, [9.2, 97, 57.3, 3.4, 0.3, 0.3, 566]),
    ],
)
def test_rows_that_span_many_decades_are_right(
    requests: list[float], budget: float, reward: list[float]
) -> None:
    problem = lm.AllocationProblem([[a] for a in requests], [budget], reward, integer=True)
    allocation = lm.BudgetOnly(problem).solve()
    best = best_by_enumeration(problem)
    assert allocation.status is Status.OPTIMAL
    assert allocation.objective == pytest.approx(best, rel=1e-9)
    assert allocation.bound >= best


def test_bytes_beside_gigabytes_never_pass_for_proven_when_they_are_not() -> None:
    for seed in range(examples(1000)):
        generator = np.random.default_rng([77, seed])
        shape = (int(generator.integers(2, 8)), int(generator.integers(1, 3)))
        large = generator.integers(1, 5, shape) * 10.0 ** int(generator.integers(5, 13))
        requests = np.where(generator.random(shape) < 0.5, large, 0.0)
        requests += np.where(generator.random(shape) < 0.6, generator.integers(0, 5, shape), 0)
        budget = requests[generator.random(shape[0]) < 0.5].sum(axis=0)
        reward = np.round(generator.random(shape[0]) * 10.0 ** generator.integers(0, 4), 3)
        problem = lm.AllocationProblem(requests, budget, reward, integer=True)
        allocation, best = lm.BudgetOnly(problem).solve(), best_by_enumeration(problem)
        assert allocation.verdict in (
            lm.Verdict.OPTIMAL,
            lm.Verdict.FEASIBLE,
            lm.Verdict.UNDECIDED,
        ), f"seed {seed}"
        assert allocation.bound >= best * (1 - 1e-9), f"seed {seed}"
        if allocation.verdict is lm.Verdict.OPTIMAL:
            assert allocation.objective >= best * (1 - 1e-6), f"seed {seed}"


@pytest.mark.parametrize(("large", "is_known"), [(1e7, False), (10.0, True)])
def test_a_bound_on_wide_rows_without_a_decision_is_not_claimed(
    monkeypatch: pytest.MonkeyPatch, large: float, is_known: bool
) -> None:
    stopped = Outcome(status=Status.NO_SOLUTION_FOUND, limit=Limit.NODES, bound=1.5)
    monkeypatch.setattr(HighsSession, "solve", lambda *_: stopped)
    problem = lm.AllocationProblem([[large], [2.0]], [large], [1.0, 1.0], integer=True)
    allocation = lm.BudgetOnly(problem).solve(solver="highs")
    assert not allocation.has_point
    assert np.isfinite(allocation.bound) == is_known
