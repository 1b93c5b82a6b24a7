"""Posteriors of coefficients of features.

Oracles: normal equations in fractions, the Gaussian posterior, moments of scipy.stats.
"""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from librex_models import thompson
from librex_models.errors import ParameterError, ProblemError, ShapeError

Array = npt.NDArray[np.float64]
Exact = npt.NDArray[np.object_]

# Of fixed seeds: a right sampler has a smaller one at one seed in a thousand.
LEAST_P_VALUE = 1e-3
CONTEXTS = np.array([[1.0, 0.0, 0.0], [0.5, -1.0, 2.0], [1.0, 3.0, 0.25], [0.0, 0.0, 0.0]])
PRIOR_MEAN = np.array([0.5, -1.0, 2.0])
PRECISION = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.25], [0.0, -0.25, 0.75]])
SHAPE, SCALE = 1.5, 0.75


def fractions(values: Any) -> Exact:
    array = np.asarray(values, dtype=object)
    return np.array([Fraction(one) for one in array.ravel()], dtype=object).reshape(array.shape)


def solved(matrix: Exact, right_hand_side: Exact) -> Exact:
    """Return the solution of linear equations by Gauss and Jordan, without a rounding."""
    rows = np.column_stack([matrix, right_hand_side])
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i, k] != 0)
        rows[[k, pivot]] = rows[[pivot, k]]
        rows[k] = rows[k] / rows[k, k]
        for i in range(len(rows)):
            if i != k:
                rows[i] = rows[i] - rows[i, k] * rows[k]
    return np.asarray(rows[:, len(rows) :].reshape(right_hand_side.shape))


class NormalEquations:
    """The posterior by the normal equations, in fractions."""

    def __init__(
        self, rows: Any, outcomes: Any, weights: Any = None, precision: Any = PRECISION
    ) -> None:
        x, y = fractions(rows).reshape(-1, 3), fractions(outcomes)
        weight = fractions(np.ones(len(y)) if weights is None else weights)
        prior, mean = fractions(precision), fractions(PRIOR_MEAN)
        self.precision = prior + x.T @ (weight[:, np.newaxis] * x)
        self.coefficients = solved(self.precision, prior @ mean + x.T @ (weight * y))
        residual, away = y - x @ self.coefficients, self.coefficients - mean
        self.shape = Fraction(SHAPE) + weight.sum() / 2
        squares = (weight * residual * residual).sum() + away @ prior @ away
        self.scale = Fraction(SCALE) + squares / 2

    def distribution(self, context: Any, variance: float | None = None) -> Any:
        """Return the distribution of the expected reward in a context."""
        x = fractions(context)
        center, length = float(x @ self.coefficients), float(x @ solved(self.precision, x))
        if variance is not None:
            return stats.norm(center, (variance * length) ** 0.5)
        spread = (float(self.scale / self.shape) * length) ** 0.5
        return stats.t(2 * float(self.shape), center, spread)


def linear(**how: Any) -> thompson.BayesianLinear:
    given: dict[str, Any] = {"mean": PRIOR_MEAN, "precision": PRECISION, "features": CONTEXTS}
    if "variance" not in how:
        given |= {"shape": SHAPE, "scale": SCALE}
    return thompson.BayesianLinear(4, 3, **(given | how))


def assert_is(posterior: thompson.BayesianLinear, exact: NormalEquations, rel: float) -> None:
    low, high = posterior.interval(0.9)
    expected = np.array([exact.distribution(x).interval(0.9) for x in CONTEXTS[:3]])
    assert posterior.coefficients() == pytest.approx(exact.coefficients.astype(float), rel, rel)
    assert posterior.mean() == pytest.approx(
        (fractions(CONTEXTS) @ exact.coefficients).astype(float), rel, rel
    )
    assert np.column_stack([low, high])[:3] == pytest.approx(expected, rel, rel)
    # Nothing but zeros: no doubt that it earns nothing.
    assert low[3] == high[3] == 0.0


some_outcomes = st.lists(st.tuples(st.integers(0, 3), st.floats(-50, 50)), max_size=25)


@given(pairs=some_outcomes)
def test_the_posterior_is_that_of_the_normal_equations(pairs: list[tuple[int, float]]) -> None:
    options, outcomes = [option for option, _ in pairs], [one for _, one in pairs]
    posterior = linear()
    posterior.update(options, outcomes)
    assert_is(posterior, NormalEquations(CONTEXTS[options], outcomes), 1e-11)


@given(
    rounds=st.lists(some_outcomes.map(lambda pairs: pairs[:4]), max_size=8),
    discount=st.floats(0.05, 1.0),
)
def test_discounted_outcomes_have_the_weights_of_powers(
    rounds: list[list[tuple[int, float]]], discount: float
) -> None:
    posterior = linear(discount=discount)
    options, outcomes, weights = [], [], []
    for present, batch in enumerate(rounds):
        posterior.advance()
        posterior.update([option for option, _ in batch], [one for _, one in batch])
        options += [option for option, _ in batch]
        outcomes += [one for _, one in batch]
        weights += [Fraction(discount) ** (len(rounds) - 1 - present)] * len(batch)
    assert_is(posterior, NormalEquations(CONTEXTS[options], outcomes, weights), 1e-11)


@pytest.mark.parametrize("parts", [1, 6, 60])
def test_contexts_that_nearly_agree_are_told_apart(parts: int) -> None:
    # Squares of features would lose the 1e-7 by which they differ.
    generator = np.random.default_rng(1)
    rows = np.column_stack([np.ones(60), 1.0 + 1e-7 * generator.standard_normal(60), np.ones(60)])
    outcomes = 1e7 * (rows[:, 1] - 1.0) + generator.standard_normal(60)
    precision = 1e-8 * np.eye(3)
    posterior = linear(features=None, precision=precision)
    for part in np.array_split(np.arange(60), parts):
        posterior.update([0] * len(part), outcomes[part], features=rows[part])
    exact = NormalEquations(rows, outcomes, precision=precision)
    contexts = np.array([[1.0, 1.0 + 1e-7, 1.0], [1.0, 1.0, 1.0], [0.0, 1e-7, 0.0], [0, 0, 0]])
    low, high = posterior.interval(0.9, contexts)
    expected = np.array([exact.distribution(x).interval(0.9) for x in contexts[:3]])
    assert np.column_stack([low, high])[:3] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("columns", [1, 9, 70, 120])
def test_many_rows_at_once_are_those_one_part_at_a_time(columns: int) -> None:
    generator = np.random.default_rng(2)
    rows, outcomes = generator.standard_normal((600, columns)), generator.standard_normal(600)
    posterior = thompson.BayesianLinear(1, columns, features=rows[:1])
    posterior.update([0] * 600, outcomes, features=rows)
    expected = np.linalg.solve(rows.T @ rows + np.eye(columns), rows.T @ outcomes)
    assert posterior.coefficients() == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("variance", [None, 2.5])
def test_draws_have_the_distribution_of_the_posterior(variance: float | None) -> None:
    options, outcomes = [0, 1, 2, 1, 0], [1.0, 4.0, -2.0, 5.5, 0.5]
    posterior = linear() if variance is None else linear(variance=variance)
    posterior.update(options, outcomes)
    exact = NormalEquations(CONTEXTS[options], outcomes)
    rng = np.random.default_rng(3)
    draws = np.array([posterior.draw(rng) for _ in range(8_000)])
    for option in range(3):
        expected = exact.distribution(CONTEXTS[option], variance)
        assert stats.kstest(draws[:, option], expected.cdf).pvalue > LEAST_P_VALUE
    # How options go together, by a fourth one that is the difference of two.
    expected = exact.distribution(CONTEXTS[1] - CONTEXTS[2], variance)
    assert stats.kstest(draws[:, 1] - draws[:, 2], expected.cdf).pvalue > LEAST_P_VALUE


def test_one_feature_for_each_option_is_the_gaussian_posterior() -> None:
    pseudo_count, mean = [1.0, 2.0, 0.5], [0.0, 1.0, -1.0]
    apart = thompson.Gaussian(3, mean, pseudo_count, variance=2.0)
    together = thompson.BayesianLinear(
        3, 3, features=np.eye(3), mean=mean, precision=pseudo_count, variance=2.0
    )
    for posterior in (apart, together):
        posterior.update([0, 1, 1, 0, 0], [1.0, 2.0, 3.0, 4.0, 5.0])
    assert together.mean() == pytest.approx(apart.mean(), rel=1e-14)
    assert np.array(together.interval(0.8)) == pytest.approx(np.array(apart.interval(0.8)), 1e-13)


def test_a_context_of_the_round_stands_for_the_features_of_options() -> None:
    standing, changing = linear(), linear(features=None)
    options, outcomes = np.array([1, 2, 0]), [1.0, 2.0, 3.0]
    standing.update(options, outcomes)
    changing.update(options, outcomes, features=CONTEXTS[options])
    assert np.array_equal(changing.mean(CONTEXTS), standing.mean())
    assert np.array_equal(changing.interval(0.9, CONTEXTS), standing.interval(0.9))
    draws = [
        posterior.draw(np.random.default_rng(4), context)
        for posterior, context in ((standing, None), (changing, CONTEXTS))
    ]
    assert np.array_equal(draws[0], draws[1])


def test_outcomes_of_an_option_that_is_removed_still_tell_of_coefficients() -> None:
    posterior = linear(window=3)
    posterior.update([1, 2, 1], [1.0, 2.0, 3.0])
    before = posterior.coefficients()
    posterior.remove_options([1])
    assert np.array_equal(posterior.coefficients(), before)
    assert posterior.mean() == pytest.approx(CONTEXTS[[0, 2, 3]] @ before, rel=1e-14)


def test_one_number_of_precision_stands_for_all_features() -> None:
    made = [linear(precision=one) for one in (2.0, [2.0, 2.0, 2.0], 2.0 * np.eye(3))]
    assert made[0].to_dict() == made[1].to_dict() == made[2].to_dict()


def test_draws_below_zero_stay_unless_it_is_asked_otherwise() -> None:
    draws = linear(mean=0.0).draw(np.random.default_rng(5))
    assert (draws < 0).any()
    clipped = linear(mean=0.0, clip_at_zero=True).draw(np.random.default_rng(5))
    assert np.array_equal(clipped, np.maximum(draws, 0.0))


def test_a_feature_that_only_roundings_tell_apart_is_named() -> None:
    posterior = thompson.BayesianLinear(1, 2, precision=1e-60)
    posterior.update([0, 0], [1.0, 2.0], features=[[1.0, 1.0], [3.0, 3.0]])
    with pytest.raises(ParameterError, match="feature 1 cannot be told apart from those before it"):
        posterior.draw(np.random.default_rng(6), [[1.0, 1.0]])


def test_a_variance_without_bounds_is_refused() -> None:
    posterior = linear(shape=1e-6)
    with pytest.raises(ParameterError, match="a draw of the variance is without bounds: raise sha"):
        posterior.draw(np.random.default_rng(9))


def test_options_without_features_need_a_context() -> None:
    posterior = linear(features=None)
    rng = np.random.default_rng(7)
    uses: list[Any] = [
        lambda: posterior.draw(rng),
        lambda: posterior.update([0], [1.0]),
        posterior.mean,
        lambda: posterior.interval(0.9),
    ]
    for use in uses:
        with pytest.raises(ParameterError, match="features are missing: the options have none"):
            use()


def test_new_options_have_features_where_the_others_do() -> None:
    with pytest.raises(ParameterError, match="add_options needs the features of the new options"):
        linear().add_options(1)
    with pytest.raises(ParameterError, match="those that are there have none"):
        linear(features=None).add_options(1, features=[[1.0, 2.0, 3.0]])
    posterior = linear(features=None)
    assert posterior.add_options(2).tolist() == [4, 5]
    assert posterior.mean(np.ones((6, 3))).shape == (6,)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"features": CONTEXTS[:3]}, ShapeError, r"features has shape \(3, 3\), expected \(4, 3\)"),
        ({"features": CONTEXTS * np.nan}, ParameterError, "feature 0 of option 0 is nan"),
        ({"mean": [1.0, 2.0]}, ShapeError, r"mean has shape \(2,\), expected \(3,\)"),
        ({"mean": [1.0, 2.0, np.inf]}, ParameterError, "mean of feature 2 is inf"),
        ({"precision": 0.0}, ParameterError, "precision of feature 0 is 0.0"),
        ({"precision": [1.0, -1.0, 1.0]}, ParameterError, "precision of feature 1 is -1.0"),
        ({"precision": np.eye(2)}, ShapeError, r"precision has shape \(2, 2\)"),
        ({"precision": np.triu(np.ones((3, 3)))}, ParameterError, "precision is not symmetric"),
        ({"precision": np.ones((3, 3))}, ParameterError, "precision is not positive definite"),
        ({"precision": np.diag([1, 1, np.nan])}, ParameterError, "precision has an entry that is"),
        ({"shape": 0.0}, ParameterError, "shape is 0.0, expected one number"),
        ({"variance": [1.0, 2.0]}, ParameterError, "variance is .*, expected one number"),
        ({"variance": 1.0, "scale": 2.0}, ParameterError, "scale is given beside variance"),
    ],
)
def test_a_prior_that_cannot_be_is_refused(
    how: Any, error: type[ProblemError], message: str
) -> None:
    with pytest.raises(error, match=message):
        linear(**how)


def test_a_context_of_the_wrong_shape_is_refused() -> None:
    posterior = linear()
    with pytest.raises(
        ShapeError, match=r"features has shape \(2, 3\), expected \(4, 3\): one row"
    ):
        posterior.draw(np.random.default_rng(8), CONTEXTS[:2])
    with pytest.raises(ShapeError, match=r"expected \(1, 3\): one row for each outcome"):
        posterior.update([0], [1.0], features=CONTEXTS)
    with pytest.raises(ParameterError, match="feature 1 of outcome 0 is inf"):
        posterior.update([0], [1.0], features=[[0.0, np.inf, 0.0]])
