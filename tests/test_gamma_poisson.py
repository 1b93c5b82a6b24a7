"""Gamma posteriors of numbers of events.

Oracles: fractions, the definition of the posterior by integration, moments of scipy.stats.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from librex_models import thompson
from librex_models.errors import ParameterError

# Of fixed seeds: a right sampler has a smaller one at one seed in a thousand.
LEAST_P_VALUE = 1e-3


@given(
    counts=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1000)), max_size=60),
    prior=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_means_are_quotients_of_counts(
    counts: list[tuple[int, int]], prior: tuple[int, int]
) -> None:
    posterior = thompson.GammaPoisson(3, *prior)
    posterior.update([option for option, _ in counts], [count for _, count in counts])
    for option, mean in enumerate(posterior.mean().tolist()):
        of_option = [count for one, count in counts if one == option]
        assert mean == float(Fraction(prior[0] + sum(of_option), prior[1] + len(of_option)))


@given(
    rounds=st.lists(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), max_size=4), max_size=12
    )
)
def test_discounted_counts_are_sums_by_powers(rounds: list[list[tuple[int, int]]]) -> None:
    # Halves have no roundings.
    posterior = thompson.GammaPoisson(2, discount=0.5)
    total, number = [Fraction(1), Fraction(1)], [Fraction(1), Fraction(1)]
    for present, batch in enumerate(rounds):
        posterior.advance()
        posterior.update([option for option, _ in batch], [count for _, count in batch])
        weight = Fraction(1, 2) ** (len(rounds) - 1 - present)
        for option, count in batch:
            total[option] += weight * count
            number[option] += weight
    assert posterior.mean().tolist() == [float(total[0] / number[0]), float(total[1] / number[1])]


def test_the_posterior_is_prior_times_likelihood() -> None:
    posterior = thompson.GammaPoisson(1, shape=2.5, rate=0.5)
    posterior.update([0, 0, 0], [4, 0, 2])

    def density(rate: float) -> float:
        prior = rate**1.5 * np.exp(-0.5 * rate)
        return float(prior * np.prod(stats.poisson.pmf([4, 0, 2], rate)))

    def mass(first: float, last: float) -> float:
        return float(integrate.quad(density, first, last, epsabs=1e-14)[0])

    total = mass(0, 60)
    mean = integrate.quad(lambda rate: rate * density(rate), 0, 60, epsabs=1e-14)[0] / total
    assert posterior.mean()[0] == pytest.approx(mean, rel=1e-9)
    lower, upper = posterior.interval(0.8)
    tails = [mass(0, lower[0]) / total, mass(upper[0], 60) / total]
    assert tails == pytest.approx([0.1, 0.1], rel=1e-8)


@pytest.mark.parametrize(("shape", "rate"), [(1.0, 1.0), (0.3, 0.2), (7.0, 2.0), (900.0, 4.0)])
def test_draws_have_the_gamma_distribution(shape: float, rate: float) -> None:
    posterior = thompson.GammaPoisson(20_000, shape, rate)
    posterior.update(np.repeat(np.arange(20_000), 2), np.tile([3, 0], 20_000))
    draws = posterior.draw(np.random.default_rng(1))
    expected = stats.gamma(shape + 3, scale=1 / (rate + 2))
    assert stats.kstest(draws, expected.cdf).pvalue > LEAST_P_VALUE
    # The mean of the draws is off by more than four of its standard errors once in 15,000 times.
    assert draws.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / 20_000**0.5)


@pytest.mark.parametrize("count", [-1, 0.5])
def test_what_is_no_number_of_events_is_refused(count: float) -> None:
    posterior = thompson.GammaPoisson(3)
    message = f"the outcome of option 2 at position 1 is {count:.1f}, expected a number of events"
    with pytest.raises(ParameterError, match=message):
        posterior.update([0, 2], [1, count])
