"""Beta posteriors of success.

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
    successes=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60),
    prior=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_means_are_quotients_of_counts(
    successes: list[tuple[int, bool]], prior: tuple[int, int]
) -> None:
    posterior = thompson.BetaBernoulli(3, *prior)
    posterior.update([option for option, _ in successes], [is_one for _, is_one in successes])
    for option, mean in enumerate(posterior.mean().tolist()):
        of_option = [is_one for one, is_one in successes if one == option]
        exact = Fraction(prior[0] + sum(of_option), sum(prior) + len(of_option))
        assert mean == float(exact)


@given(
    rounds=st.lists(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), max_size=4), max_size=12
    )
)
def test_discounted_counts_are_sums_by_powers(rounds: list[list[tuple[int, int]]]) -> None:
    # Halves and eighths have no roundings.
    posterior = thompson.BetaBernoulli(2, rewards="fractional", discount=0.5)
    success, failure = [Fraction(1), Fraction(1)], [Fraction(1), Fraction(1)]
    for present, batch in enumerate(rounds):
        posterior.advance()
        posterior.update([option for option, _ in batch], [one / 8 for _, one in batch])
        weight = Fraction(1, 2) ** (len(rounds) - 1 - present)
        for option, one in batch:
            success[option] += weight * Fraction(one, 8)
            failure[option] += weight * (1 - Fraction(one, 8))
    exact = [float(a / (a + b)) for a, b in zip(success, failure, strict=True)]
    assert posterior.mean().tolist() == exact


def test_the_posterior_is_prior_times_likelihood() -> None:
    posterior = thompson.BetaBernoulli(1, alpha=2.5, beta=1.5)
    posterior.update([0, 0, 0, 0], [1, 0, 0, 1])

    def density(p: float) -> float:
        return float(p**1.5 * (1 - p) ** 0.5 * p * (1 - p) * (1 - p) * p)

    total = integrate.quad(density, 0, 1, epsabs=1e-13)[0]
    mean = integrate.quad(lambda p: p * density(p), 0, 1, epsabs=1e-13)[0] / total
    assert posterior.mean()[0] == pytest.approx(mean, rel=1e-9)
    lower, upper = posterior.interval(0.8)
    below = integrate.quad(density, 0, lower[0], epsabs=1e-13)[0] / total
    above = integrate.quad(density, upper[0], 1, epsabs=1e-13)[0] / total
    assert [below, above] == pytest.approx([0.1, 0.1], rel=1e-8)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.3, 0.2), (7.0, 2.0), (900.0, 4000.0)])
def test_draws_have_the_beta_distribution(alpha: float, beta: float) -> None:
    posterior = thompson.BetaBernoulli(20_000, alpha, beta)
    posterior.update(np.repeat(np.arange(20_000), 3), np.tile([1, 1, 0], 20_000))
    draws = posterior.draw(np.random.default_rng(1))
    expected = stats.beta(alpha + 2, beta + 1)
    assert stats.kstest(draws, expected.cdf).pvalue > LEAST_P_VALUE
    # The mean of the draws is off by more than four of its standard errors once in 15,000 times.
    assert draws.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / 20_000**0.5)


def test_options_are_drawn_independently() -> None:
    posterior = thompson.BetaBernoulli(2)
    rng = np.random.default_rng(2)
    first, second = np.array([posterior.draw(rng) for _ in range(4_000)]).T
    assert stats.spearmanr(first, second).pvalue > LEAST_P_VALUE


def test_tiny_priors_are_nearly_a_trial() -> None:
    posterior = thompson.BetaBernoulli(20_000, 3e-100, 1e-100)
    draws = posterior.draw(np.random.default_rng(3))
    assert set(np.unique(draws)) == {0.0, 1.0}
    # Four standard errors.
    assert draws.mean() == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 20_000) ** 0.5)


def test_fractions_keep_the_order_that_rounding_reverses() -> None:
    # Always .55, and half of the time .45, half 1: rounded at one half, 1.0 and .50.
    posterior = thompson.BetaBernoulli(2, rewards="fractional")
    posterior.update(np.repeat([0, 1], 400), [0.55] * 400 + [0.45, 1.0] * 200)
    assert posterior.mean() == pytest.approx([(1 + 220) / 402, (1 + 290) / 402])


def test_trials_keep_the_order_that_rounding_reverses() -> None:
    posterior = thompson.BetaBernoulli(2, rewards="trial")
    rng = np.random.default_rng(4)
    posterior.update(np.repeat([0, 1], 4_000), [0.55] * 4_000 + [0.45, 1.0] * 2_000, rng=rng)
    # Four standard errors of 4,000 trials.
    assert posterior.mean() == pytest.approx([0.55, 0.725], abs=4 * 0.5 / 4_000**0.5)


def test_trials_of_a_batch_are_those_of_its_sequence() -> None:
    rewards = np.random.default_rng(5).random(50).round(1)
    options = np.arange(50) % 4
    at_once, in_turn = (thompson.BetaBernoulli(4, rewards="trial") for _ in range(2))
    at_once.update(options, rewards, rng=np.random.default_rng(6))
    rng = np.random.default_rng(6)
    for option, reward in zip(options, rewards, strict=True):
        in_turn.update([option], [reward], rng=rng)
    assert at_once.to_dict() == in_turn.to_dict()


def test_a_trial_counts_whole_successes() -> None:
    posterior = thompson.BetaBernoulli(1, rewards="trial")
    posterior.update([0] * 30, [0.4] * 30, rng=np.random.default_rng(7))
    sums = posterior.to_dict()["sums"]
    assert sums["successes"][0] % 1 == 0
    assert sums["successes"][0] + sums["failures"][0] == 30


@pytest.mark.parametrize("rewards", [None, "trial", "fractional"])
def test_zeros_and_ones_are_counted_as_they_are(rewards: str | None) -> None:
    posterior = thompson.BetaBernoulli(2, rewards=rewards)
    posterior.update([0, 0, 1], [True, 1.0, 0])
    assert posterior.mean().tolist() == [3 / 4, 1 / 3]


def test_a_refused_trial_takes_no_random_number() -> None:
    posterior = thompson.BetaBernoulli(2, rewards="trial")
    rng = np.random.default_rng(8)
    with pytest.raises(ParameterError):
        posterior.update([0, 1], [0.5, 1.5], rng=rng)
    with pytest.raises(ParameterError):
        posterior.update([0, 1], [0.5, 0.5], rounds_ago=[0, -1], rng=rng)
    assert rng.random() == np.random.default_rng(8).random()


@pytest.mark.parametrize(
    ("rewards", "outcome", "message"),
    [
        (None, 0.7, "the outcome of option 2 at position 1 is 0.7, expected 0 or 1; rewards='tr"),
        (None, 1.7, "the outcome of option 2 at position 1 is 1.7, expected a number from 0 to 1"),
        ("trial", -0.1, "the outcome of option 2 at position 1 is -0.1, expected a number from 0"),
        ("fractional", 1.1, "the outcome of option 2 at position 1 is 1.1, expected a number fro"),
        ("trial", 0.7, "the outcome 0.7 of option 2 is put to a trial, which takes a generator"),
    ],
)
def test_an_outcome_that_cannot_be_counted_is_refused(
    rewards: str | None, outcome: float, message: str
) -> None:
    posterior = thompson.BetaBernoulli(3, rewards=rewards)
    with pytest.raises(ParameterError, match=message):
        posterior.update([0, 2], [1.0, outcome])
    assert posterior.mean().tolist() == [0.5, 0.5, 0.5]
