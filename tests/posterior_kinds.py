"""One posterior of each kind, with outcomes that it can count: what all of them must do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models import thompson

N_OPTIONS = 4
FEATURES = np.array([[1.0, 0.5], [1.0, -1.5], [1.0, 2.0], [1.0, 0.0]])

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of posterior.

    Attributes
    ----------
    make : function of discount and window
        Returns the posterior of four options.
    outcomes : function of a generator and a number
        Returns so many outcomes.
    is_exact : bool
        Whether a batch has the very bits of its sequence.
    more : mapping
        What three options that are added must be given.
    """

    make: Callable[..., Any]
    outcomes: Callable[[np.random.Generator, int], Array]
    is_exact: bool
    more: dict[str, Any]


def numbers(generator: np.random.Generator, count: int) -> Array:
    return generator.normal(3.0, 2.0, count)


KINDS: dict[str, Kind] = {
    "beta_bernoulli": Kind(
        make=lambda **how: thompson.BetaBernoulli(N_OPTIONS, alpha=1.5, beta=0.75, **how),
        outcomes=lambda generator, count: generator.integers(0, 2, count).astype(np.float64),
        is_exact=True,
        more={},
    ),
    "beta_bernoulli of fractions": Kind(
        make=lambda **how: thompson.BetaBernoulli(
            N_OPTIONS, alpha=[1.0, 2.0, 3.0, 0.3], rewards="fractional", **how
        ),
        outcomes=lambda generator, count: generator.random(count),
        is_exact=True,
        more={"alpha": [0.5, 1.5, 2.5]},
    ),
    "gamma_poisson": Kind(
        make=lambda **how: thompson.GammaPoisson(N_OPTIONS, shape=2.0, rate=0.5, **how),
        outcomes=lambda generator, count: generator.poisson(3.0, count).astype(np.float64),
        is_exact=True,
        more={},
    ),
    "gaussian": Kind(
        make=lambda **how: thompson.Gaussian(
            N_OPTIONS, mean=-1.0, pseudo_count=0.5, shape=2.5, scale=[1.0, 2.0, 3.0, 4.0], **how
        ),
        outcomes=numbers,
        is_exact=False,
        more={"scale": 0.1},
    ),
    "gaussian of a known variance": Kind(
        make=lambda **how: thompson.Gaussian(
            N_OPTIONS, mean=1.0, variance=2.0, clip_at_zero=True, **how
        ),
        outcomes=numbers,
        is_exact=False,
        more={},
    ),
    "bayesian_linear": Kind(
        make=lambda **how: thompson.BayesianLinear(N_OPTIONS, 2, features=FEATURES, **how),
        outcomes=numbers,
        is_exact=False,
        more={"features": [[1.0, 1.0], [0.0, 1.0], [1.0, -3.0]]},
    ),
    "bayesian_linear of a known variance": Kind(
        make=lambda **how: thompson.BayesianLinear(
            N_OPTIONS,
            2,
            features=FEATURES,
            mean=[0.5, -0.5],
            precision=[[2.0, 0.5], [0.5, 1.0]],
            variance=4.0,
            **how,
        ),
        outcomes=numbers,
        is_exact=False,
        more={"features": [[1.0, 1.0], [0.0, 1.0], [1.0, -3.0]]},
    ),
}

MEMORIES: dict[str, dict[str, Any]] = {
    "all": {},
    "discount": {"discount": 0.75},
    "window": {"window": 3},
}


def some_outcomes(kind: Kind, seed: int, count: int = 40) -> tuple[npt.NDArray[np.int64], Array]:
    """Return options, some of them several times, and an outcome of each."""
    generator = np.random.default_rng([seed, count])
    return generator.integers(0, N_OPTIONS, count), kind.outcomes(generator, count)


def learned(kind: Kind, memory: dict[str, Any], seed: int = 0, rounds: int = 5) -> Any:
    """Return a posterior that has seen some rounds of outcomes."""
    posterior = kind.make(**memory)
    for one in range(rounds):
        posterior.update(*some_outcomes(kind, seed + one, 7))
        posterior.advance()
    posterior.update(*some_outcomes(kind, seed + rounds, 3))
    return posterior


def seen(posterior: Any) -> Array:
    """Return what a posterior says: mean, interval and a draw, shape (4, n_options)."""
    draw = posterior.draw(np.random.default_rng(7))
    return np.stack([posterior.mean(), *posterior.interval(0.9), draw])
