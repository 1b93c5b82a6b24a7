"""Sums that are exact, and products that only look so."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

import librex_models as lm
from librex_models.verification import allocated, broken_budgets, scaled_back
from librex_models.verification.exact_budgets import exceeds


def fractional(requests: list[list[float]], budget: list[float]) -> lm.AllocationProblem:
    return lm.AllocationProblem(requests, budget, reward=np.ones(len(requests)), upper=np.inf)


def test_a_decision_that_fits_exactly_is_left_alone() -> None:
    problem = fractional([[4.0], [1.0]], [5.0])
    decision, broken = scaled_back(problem, np.array([1.0, 1.0]))
    assert decision.tolist() == [1.0, 1.0]
    assert not broken.any()


def test_a_product_that_is_rounded_to_a_whole_number_does_not_pass_for_exact() -> None:
    # 0.8 is a little more than 4/5, so five times it is a little more than the 4.0 it rounds to.
    problem = fractional([[5.0], [1.0]], [5.0])
    assert 5.0 * 0.8 == 4.0
    assert exceeds(np.array([5.0, 1.0]), np.array([0.8, 1.0]), 5.0)
    decision, broken = scaled_back(problem, np.array([0.8, 1.0]))
    assert not broken.any()
    exact = 5 * Fraction(float(decision[0])) + Fraction(float(decision[1]))
    assert exact <= 5
    assert decision == pytest.approx([0.8, 1.0], rel=1e-13)


def test_exact_products_keep_their_digits_at_every_size() -> None:
    generator = np.random.default_rng(7)
    for size in (1e-150, 1.0, 1e150):
        request = generator.uniform(size=5) * size
        decision = generator.uniform(size=5)
        total = sum(
            (
                Fraction(float(a)) * Fraction(float(x))
                for a, x in zip(request, decision, strict=True)
            ),
            Fraction(0),
        )
        near = float(total)
        for budget in (np.nextafter(near, 0.0), near, np.nextafter(near, np.inf)):
            assert exceeds(request, decision, float(budget)) == (total > Fraction(float(budget)))


def test_stated_amounts_fit_in_every_order_of_summation() -> None:
    requests = np.array([[7.6], [9.0], [4.2], [0.4], [7.1], [5.2], [8.6], [4.6]])
    reward = np.r_[np.full(5, 9.0), np.ones(3)] * requests[:, 0]
    problem = lm.AllocationProblem(requests, [28.3], reward, integer=True)
    allocation = lm.BudgetOnly(problem).solve()
    assert not broken_budgets(problem, allocation.decision).any()
    amounts = allocated(problem, allocation.decision)
    assert amounts.sum(axis=0)[0] <= 28.3
    assert math.fsum(amounts[:, 0]) <= 28.3
    # Within a last bit of the budget of what is really handed out.
    handed_out = requests[:, 0] * allocation.decision
    assert amounts[:, 0] == pytest.approx(handed_out, abs=4 * np.spacing(28.3))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n_options", [5, 150, 700])
def test_every_sum_of_what_is_scaled_back_fits(n_options: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    requests = generator.uniform(size=(n_options, 3)) * (generator.random((n_options, 3)) < 0.7)
    lower = np.where(generator.random(n_options) < 0.3, generator.uniform(0.0, 0.2), 0.0)
    wanted = np.maximum(generator.uniform(size=n_options), lower)
    budget = (requests.T @ wanted) * generator.choice([1.0, 1.0 - 1e-9, 0.8, 2.0], 3)
    given = sparse.csr_array(requests) if seed % 3 == 0 else requests
    agent = np.arange(n_options) // 2 if seed % 2 else None
    problem = lm.AllocationProblem(
        given, budget, np.ones(n_options), agent=agent, lower=lower, agent_limit=np.inf
    )
    decision, broken = scaled_back(problem, wanted)
    assert not broken.any()
    for k in range(3):
        products = zip(requests[:, k].tolist(), decision.tolist(), strict=True)
        assert sum(Fraction(a) * Fraction(x) for a, x in products) <= Fraction(float(budget[k]))
    amounts = allocated(problem, decision)
    assert (problem.requests.T @ decision <= budget).all()
    assert (amounts.sum(axis=0) <= budget).all()
    # Nothing was taken away beyond what had to be: at most an epsilon for each option, and 64.
    used = requests.T @ decision
    is_whole = (decision >= wanted * (1.0 - 1e-12)).all()
    assert is_whole or (used >= budget * (1.0 - 4.0 * np.finfo(float).eps * (n_options + 64))).any()
