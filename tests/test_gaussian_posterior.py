"""Posteriors of means of outcomes that scatter.

Oracles: Murphy's formulas in fractions, the definition of the posterior by integration, moments of
scipy.stats.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from librex_models import thompson
from librex_models.errors import ParameterError

# Of fixed seeds: a right sampler has a smaller one at one seed in a thousand.
LEAST_P_VALUE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Murphy (2007), section 6, by weighted sums without a rounding."""

    center: Fraction
    count: Fraction
    shape: Fraction
    scale: Fraction

    def interval(self, level: float) -> tuple[float, float]:
        spread = float(self.scale / (self.shape * self.count)) ** 0.5
        low, high = stats.t.interval(level, 2 * float(self.shape), float(self.center), spread)
        return float(low), float(high)


def exact(
    outcomes: list[float], weights: list[Fraction], prior: tuple[float, float, float, float]
) -> Exact:
    mean, pseudo_count, shape, scale = (Fraction(one) for one in prior)
    pairs = [(weight, Fraction(one)) for weight, one in zip(weights, outcomes, strict=True)]
    number = sum(weights, Fraction(0))
    count = pseudo_count + number
    center = (pseudo_count * mean + sum(weight * one for weight, one in pairs)) / count
    # The sum of squares about the posterior mean, the prior's outcomes among them.
    squares = sum((weight * (one - center) ** 2 for weight, one in pairs), Fraction(0))
    squares += pseudo_count * (mean - center) ** 2
    return Exact(center=center, count=count, shape=shape + number / 2, scale=scale + squares / 2)


@given(
    outcomes=st.lists(st.floats(-50, 50), max_size=30),
    prior=st.tuples(st.floats(-5, 5), st.floats(0.1, 9), st.floats(0.6, 9), st.floats(0.01, 9)),
)
def test_means_and_intervals_are_those_of_the_formulas(
    outcomes: list[float], prior: tuple[float, float, float, float]
) -> None:
    posterior = thompson.Gaussian(2, *prior)
    posterior.update([1] * len(outcomes), outcomes)
    expected = exact(outcomes, [Fraction(1)] * len(outcomes), prior)
    found = [posterior.mean()[1], *(end[1] for end in posterior.interval(0.9))]
    wanted = [float(expected.center), *expected.interval(0.9)]
    # Roundings of numbers up to 50 in size.
    assert found == pytest.approx(wanted, rel=1e-11, abs=1e-12)


@given(
    rounds=st.lists(st.lists(st.floats(-50, 50), max_size=4), min_size=1, max_size=12),
    discount=st.floats(0.05, 1.0),
)
def test_discounted_outcomes_have_the_weights_of_powers(
    rounds: list[list[float]], discount: float
) -> None:
    prior = (1.0, 0.5, 2.0, 3.0)
    posterior = thompson.Gaussian(1, *prior, discount=discount)
    outcomes, weights = [], []
    for present, batch in enumerate(rounds):
        posterior.advance()
        posterior.update([0] * len(batch), batch)
        outcomes += batch
        weights += [Fraction(discount) ** (len(rounds) - 1 - present)] * len(batch)
    expected = exact(outcomes, weights, prior)
    found = [posterior.mean()[0], *(end[0] for end in posterior.interval(0.9))]
    wanted = [float(expected.center), *expected.interval(0.9)]
    assert found == pytest.approx(wanted, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("parts", [1, 7, 500])
def test_nothing_is_lost_of_outcomes_far_from_zero(parts: int) -> None:
    # The variance is 1e-6 of 1e9, of which squares keep nothing.
    outcomes = 1e9 + 1e-3 * np.random.default_rng(1).standard_normal(500)
    prior = (1e9, 1.0, 1.0, 1e-6)
    posterior = thompson.Gaussian(1, *prior)
    for part in np.array_split(outcomes, parts):
        posterior.update([0] * len(part), part)
    expected = exact(outcomes.tolist(), [Fraction(1)] * 500, prior)
    low, high = (end[0] for end in posterior.interval(0.9))
    wanted = expected.interval(0.9)
    # A rounding of 1e9 is 1e-7, of which each part adds one at most, mostly less; the interval is
    # 1.5e-4 wide.
    assert posterior.mean()[0] == pytest.approx(float(expected.center), abs=2e-6)
    assert high - low == pytest.approx(wanted[1] - wanted[0], rel=1e-2)
    assert (low, high) == pytest.approx(wanted, abs=2e-6)


def test_the_variance_is_learned_to_the_last_digits_far_from_zero() -> None:
    # Whole numbers about 2^40: their mean and squares are exact.
    deviations = np.tile([-3.0, -1.0, 0.0, 4.0], 250)
    posterior = thompson.Gaussian(1)
    posterior.update([0] * 1000, 2.0**40 + deviations)
    sums = posterior.to_dict()["sums"]
    assert sums == {"count": [1000.0], "outcome_mean": [2.0**40], "squares": [6500.0]}


def test_the_posterior_is_prior_times_likelihood() -> None:
    mean, pseudo_count, shape, scale = 0.5, 2.0, 1.5, 0.7
    outcomes = np.array([1.0, 2.5, -0.5])
    posterior = thompson.Gaussian(1, mean, pseudo_count, shape, scale)
    posterior.update([0, 0, 0], outcomes)

    nodes, weights = np.polynomial.legendre.leggauss(200)
    log_variance = 8.0 * nodes[:, np.newaxis]
    variance = np.exp(log_variance)

    def mass(first: float, last: float) -> float:
        mu = first + (last - first) * (nodes + 1) / 2
        density = stats.invgamma.pdf(variance, shape, scale=scale) * variance
        density = density * stats.norm.pdf(mu, mean, (variance / pseudo_count) ** 0.5)
        for outcome in outcomes:
            density = density * stats.norm.pdf(outcome, mu, variance**0.5)
        return float(weights @ density @ weights * (last - first))

    center = float(posterior.mean()[0])
    lower, upper = (float(end[0]) for end in posterior.interval(0.8))
    ends = [-40.0, lower, center, upper, 40.0]
    parts = np.array([mass(*pair) for pair in pairwise(ends)])
    assert parts / parts.sum() == pytest.approx([0.1, 0.4, 0.4, 0.1], abs=1e-6)


@pytest.mark.parametrize("shape", [0.6, 2.0, 60.0])
def test_draws_have_the_distribution_of_student(shape: float) -> None:
    prior = (1.0, 0.5, shape, 3.0)
    posterior = thompson.Gaussian(20_000, *prior)
    posterior.update(np.repeat(np.arange(20_000), 3), np.tile([2.0, 5.0, 3.5], 20_000))
    draws = posterior.draw(np.random.default_rng(2))
    expected = exact([2.0, 5.0, 3.5], [Fraction(1)] * 3, prior)
    spread = float(expected.scale / (expected.shape * expected.count)) ** 0.5
    student = stats.t(2 * float(expected.shape), float(expected.center), spread)
    assert stats.kstest(draws, student.cdf).pvalue > LEAST_P_VALUE


def test_a_known_variance_weighs_prior_and_outcomes_by_precision() -> None:
    variance, variance_of_prior = 4.0, 0.5
    posterior = thompson.Gaussian(
        2, mean=1.0, pseudo_count=variance / variance_of_prior, variance=variance
    )
    posterior.update([0, 0, 0], [2.0, 5.0, 3.5])
    precision = 1 / variance_of_prior + 3 / variance
    center = (1.0 / variance_of_prior + (2.0 + 5.0 + 3.5) / variance) / precision
    assert posterior.mean() == pytest.approx([center, 1.0], rel=1e-14)
    low, high = posterior.interval(0.9)
    expected = stats.norm.interval(0.9, [center, 1.0], [precision**-0.5, 0.5**0.5])
    assert low == pytest.approx(expected[0], rel=1e-13)
    assert high == pytest.approx(expected[1], rel=1e-13)


def test_draws_of_a_known_variance_are_normal() -> None:
    posterior = thompson.Gaussian(20_000, mean=1.0, pseudo_count=2.0, variance=3.0)
    posterior.update(np.arange(20_000), np.full(20_000, 4.0))
    draws = posterior.draw(np.random.default_rng(3))
    assert stats.kstest(draws, stats.norm(2.0, 1.0).cdf).pvalue > LEAST_P_VALUE


def test_draws_below_zero_stay_unless_it_is_asked_otherwise() -> None:
    kept, clipped = (
        thompson.Gaussian(1000, variance=1.0, clip_at_zero=is_on) for is_on in (False, True)
    )
    draws = kept.draw(np.random.default_rng(4))
    assert (draws < 0).any()
    assert np.array_equal(clipped.draw(np.random.default_rng(4)), np.maximum(draws, 0.0))
    assert clipped.interval(0.9)[0][0] < 0


def test_a_draw_that_no_model_could_take_is_refused() -> None:
    posterior = thompson.Gaussian(3, shape=[1.0, 1e-6, 1.0])
    with pytest.raises(ParameterError, match=r"the draw of option 1 is -?(inf|nan): its prior is"):
        posterior.draw(np.random.default_rng(5))


def test_new_options_have_the_same_kind_of_variance() -> None:
    known, learned = thompson.Gaussian(1, variance=1.0), thompson.Gaussian(1)
    with pytest.raises(ParameterError, match="shape is given for options whose variance is known"):
        known.add_options(1, shape=1.0)
    with pytest.raises(ParameterError, match="variance is given for options whose variance is lea"):
        learned.add_options(1, variance=1.0)
