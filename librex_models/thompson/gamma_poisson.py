"""Gamma-Poisson: how many events options bring.

    r_j ~ Gamma(shape_j, rate_j) with mean shape_j / rate_j,   outcome ~ Poisson(r_j)
    r_j | outcomes ~ Gamma(shape_j + total of outcomes, rate_j + number of outcomes)

Gelman, Carlin, Stern, Dunson, Vehtari & Rubin (2013), "Bayesian data analysis", section 2.6. Russo,
Van Roy, Kazerouni, Osband & Wen (2018), "A tutorial on Thompson sampling", Foundations and Trends
in Machine Learning 11, 1-96.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from librex_models.problem.labels import Floats, Integers
from librex_models.thompson.arguments import (
    checked_generator,
    checked_tail,
    finished_draw,
    finished_interval,
    refuse_outcome,
)
from librex_models.thompson.conjugate import Sums
from librex_models.thompson.independent import IndependentPosterior
from librex_models.thompson.outcomes import Outcomes


class GammaPoisson(IndependentPosterior):
    """Gamma posteriors of the mean number of events of options.

    Parameters
    ----------
    n_options : int
    shape, rate : float or array_like of shape (n_options,)
        The prior, above zero: `shape` events in `rate` outcomes are believed in beforehand.
    discount : float
        The weight that outcomes keep from one round to the next, above 0; 1 forgets nothing.
    window : int, optional
        How many rounds outcomes count for, the present one included; None for all.

    Raises
    ------
    ShapeError, ParameterError
        Naming the argument and the option.

    Notes
    -----
    Gelman, Carlin, Stern, Dunson, Vehtari & Rubin (2013), "Bayesian data analysis", section 2.6.
    Discount and window: Garivier & Moulines (2011), "On upper-confidence bound policies for
    switching bandit problems", ALT, 174-188.

    Examples
    --------
    >>> from librex_models import thompson
    >>> posterior = thompson.GammaPoisson(2, shape=1.0, rate=1.0)
    >>> posterior.update(options=[0, 0], outcomes=[3, 5])
    >>> posterior.mean()
    array([3., 1.])
    """

    kind = "gamma_poisson"
    sums = ("total", "count")
    priors = (("shape", "rate"),)

    def __init__(
        self,
        n_options: int,
        shape: Any = 1.0,
        rate: Any = 1.0,
        *,
        discount: float = 1.0,
        window: int | None = None,
    ) -> None:
        super().__init__(
            n_options,
            prior={"shape": shape, "rate": rate},
            choices={},
            discount=discount,
            window=window,
        )

    def draw(self, rng: np.random.Generator, features: Any = None) -> Floats:
        """Return one draw of the mean number of events of each option.

        Parameters
        ----------
        rng : numpy.random.Generator
        features : None
            Means depend on no context.

        Returns
        -------
        array of shape (n_options,)
        """
        self._refuse_features(features)
        shape, rate = self._parameters()
        return finished_draw(checked_generator(rng).standard_gamma(shape) / rate)

    def mean(self) -> Floats:
        """Return the expected number of events of each option, shape (n_options,)."""
        shape, rate = self._parameters()
        return shape / rate

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Return the central credible intervals of the mean numbers of events.

        Parameters
        ----------
        level : float
            The probability that an interval holds, between 0 and 1.

        Returns
        -------
        lower, upper : arrays of shape (n_options,)
        """
        from scipy.special import gammainccinv, gammaincinv

        tail = checked_tail(level)
        shape, rate = self._parameters()
        lower, upper = gammaincinv(shape, tail) / rate, gammainccinv(shape, tail) / rate
        return finished_interval(lower, upper)

    def add_options(self, count: int, *, shape: Any = None, rate: Any = None) -> Integers:
        """Add options behind those that are there.

        Parameters
        ----------
        count : int
        shape, rate : float or array_like of shape (count,), optional
            Their prior; that of the other options where these share one.

        Returns
        -------
        array of int, shape (count,)
            Their numbers.
        """
        return self._with_options(count, {"shape": shape, "rate": rate})

    def _parameters(self) -> tuple[Floats, Floats]:
        sums = self._sums
        return self._prior["shape"] + sums["total"], self._prior["rate"] + sums["count"]

    def _checked_rewards(
        self,
        outcome: Floats,
        option: Integers,
        rng: np.random.Generator | None,  # noqa: ARG002
    ) -> Floats:
        is_count = (outcome >= 0.0) & (outcome == np.floor(outcome))
        refuse_outcome(~is_count, outcome, option, "a number of events: 0, 1, 2, ...")
        return outcome

    def _counted(self, sums: Sums, batch: Outcomes, weight: Floats) -> Sums:
        total, count = sums["total"].copy(), sums["count"].copy()
        # One after the other, so that a batch has the roundings of its sequence.
        np.add.at(total, batch.option, weight * batch.outcome)
        np.add.at(count, batch.option, weight)
        return {"total": total, "count": count}
