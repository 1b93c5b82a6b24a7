"""Gaussian: the mean of outcomes that scatter, by a variance that is known or learned as well.

    variance_j ~ InverseGamma(shape_j, scale_j),   mu_j ~ N(mean_j, variance_j / pseudo_count_j)
    outcome ~ N(mu_j, variance_j)

With n outcomes of mean y and sum of squared deviations S, by option:

    k = pseudo_count + n,   m = mean + (n / k) (y - mean)
    a = shape + n / 2,      b = scale + S / 2 + (pseudo_count n / k) (y - mean)^2 / 2
    mu | outcomes ~ Student's t of 2a degrees of freedom about m, scaled by sqrt(b / (a k));
    with a known variance, ~ N(m, variance / k)

Murphy (2007), "Conjugate Bayesian analysis of the Gaussian distribution". Sums of batches are put
together as by Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", The
American Statistician 37, 242-247: nothing is lost where outcomes are far from zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import LARGEST_NUMBER, Floats, Integers
from librex_models.thompson.arguments import (
    checked_generator,
    checked_tail,
    checked_truth,
    finished_draw,
    finished_interval,
)
from librex_models.thompson.conjugate import Sums
from librex_models.thompson.independent import IndependentPosterior
from librex_models.thompson.outcomes import Outcomes


class Gaussian(IndependentPosterior):
    """Posteriors of the means of outcomes, with normal-inverse-gamma priors.

    Parameters
    ----------
    n_options : int
    mean, pseudo_count : float or array_like of shape (n_options,)
        The prior: the mean that is believed in beforehand, and as how many outcomes it counts.
    shape, scale : float or array_like of shape (n_options,), optional
        The prior of the variance, inverse-gamma; 1 where not given.
    variance : float or array_like of shape (n_options,), optional
        The variance of outcomes where it is known, instead of `shape` and `scale`.
    clip_at_zero : bool
        Whether draws below zero become zero, for models that take no negative reward. Means and
        intervals stay as they are.
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
    Murphy (2007), "Conjugate Bayesian analysis of the Gaussian distribution". Discount and window:
    Garivier & Moulines (2011), "On upper-confidence bound policies for switching bandit problems",
    ALT, 174-188.

    Examples
    --------
    >>> from librex_models import thompson
    >>> posterior = thompson.Gaussian(2, mean=0.0, pseudo_count=1.0)
    >>> posterior.update(options=[0, 0], outcomes=[4.0, 5.0])
    >>> posterior.mean()
    array([3., 0.])
    """

    kind = "gaussian"
    sums = ("count", "outcome_mean", "squares")
    priors = (
        ("mean", "pseudo_count", "shape", "scale"),
        ("mean", "pseudo_count", "variance"),
    )
    choices = ("clip_at_zero",)
    signed = ("mean", "outcome_mean")

    def __init__(
        self,
        n_options: int,
        mean: Any = 0.0,
        pseudo_count: Any = 1.0,
        shape: Any = None,
        scale: Any = None,
        *,
        variance: Any = None,
        clip_at_zero: bool = False,
        discount: float = 1.0,
        window: int | None = None,
    ) -> None:
        prior = {"mean": mean, "pseudo_count": pseudo_count}
        super().__init__(
            n_options,
            prior=prior | prior_of_variance(shape, scale, variance),
            choices={"clip_at_zero": checked_truth(clip_at_zero, "clip_at_zero")},
            discount=discount,
            window=window,
        )

    def draw(self, rng: np.random.Generator, features: Any = None) -> Floats:
        """Return one draw of the mean outcome of each option.

        Parameters
        ----------
        rng : numpy.random.Generator
        features : None
            Means depend on no context.

        Returns
        -------
        array of shape (n_options,)
            At least zero with `clip_at_zero`.
        """
        self._refuse_features(features)
        generator = checked_generator(rng)
        center, spread, freedom = self._distribution()
        if freedom is None:
            deviation = generator.standard_normal(self._n_options)
        else:
            deviation = generator.standard_t(freedom)
        return finished_draw(center + spread * deviation, self._choices["clip_at_zero"])

    def mean(self) -> Floats:
        """Return the expected mean outcome of each option, shape (n_options,).

        It is the median as well, and only that where `shape` + n / 2 is at most 1/2.
        """
        return self._distribution()[0]

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Return the central credible intervals of the mean outcomes.

        Parameters
        ----------
        level : float
            The probability that an interval holds, between 0 and 1.

        Returns
        -------
        lower, upper : arrays of shape (n_options,)
        """
        center, spread, freedom = self._distribution()
        half = spread * distance_to_tail(checked_tail(level), freedom)
        return finished_interval(center - half, center + half)

    def add_options(
        self,
        count: int,
        *,
        mean: Any = None,
        pseudo_count: Any = None,
        shape: Any = None,
        scale: Any = None,
        variance: Any = None,
    ) -> Integers:
        """Add options behind those that are there.

        Parameters
        ----------
        count : int
        mean, pseudo_count, shape, scale, variance : float or array_like of shape (count,), optional
            Their prior, of the kind of the other options; that of these where they share one.

        Returns
        -------
        array of int, shape (count,)
            Their numbers.
        """
        given = {
            "mean": mean,
            "pseudo_count": pseudo_count,
            "shape": shape,
            "scale": scale,
            "variance": variance,
        }
        for name, value in given.items():
            if value is not None and name not in self._prior:
                knows = "known" if "variance" in self._prior else "learned"
                raise ParameterError(f"{name} is given for options whose variance is {knows}")
        return self._with_options(count, given)

    def _distribution(self) -> tuple[Floats, Floats, Floats | None]:
        """Return center, spread, and degrees of freedom where the variance is not known."""
        prior, sums = self._prior, self._sums
        count = prior["pseudo_count"] + sums["count"]
        share = sums["count"] / count
        away = sums["outcome_mean"] - prior["mean"]
        center = prior["mean"] + share * away
        if "variance" in prior:
            return center, np.sqrt(prior["variance"] / count), None
        shape = prior["shape"] + 0.5 * sums["count"]
        squares = sums["squares"] + prior["pseudo_count"] * share * away**2
        scale = prior["scale"] + 0.5 * squares
        return center, np.sqrt(scale / shape) / np.sqrt(count), 2.0 * shape

    def _faded(self, sums: Sums, factor: float) -> Sums:
        # What fades are weights; a mean stays where it is.
        return {name: one if name == "outcome_mean" else one * factor for name, one in sums.items()}

    def _counted(self, sums: Sums, batch: Outcomes, weight: Floats) -> Sums:
        touched, place = np.unique(batch.option, return_inverse=True)
        added, mean, squares = _sums_by_place(place, touched.size, batch.outcome, weight)
        count, old_mean = sums["count"][touched], sums["outcome_mean"][touched]
        total = count + added
        away = mean - old_mean
        result = {name: one.copy() for name, one in sums.items()}
        result["count"][touched] = total
        result["outcome_mean"][touched] = old_mean + away * (added / total)
        result["squares"][touched] += squares + away**2 * (added / total) * count
        return result


def _sums_by_place(
    place: Integers, n_places: int, outcome: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return sum of weights, mean, and sum of squared deviations of each place."""

    def totals(values: Floats) -> Floats:
        return np.bincount(place, values, minlength=n_places).astype(np.float64)

    count = totals(weight)
    # From the first outcome of each place on, so that sums are of small numbers.
    first = np.zeros(n_places)
    first[place[::-1]] = outcome[::-1]
    mean = first + totals(weight * (outcome - first[place])) / count
    deviation = outcome - mean[place]
    # The second term is what the rounding of the mean adds to the first.
    squares = totals(weight * deviation**2) - totals(weight * deviation) ** 2 / count
    return count, mean, np.maximum(squares, 0.0)


def prior_of_variance(shape: Any, scale: Any, variance: Any) -> dict[str, Any]:
    """Return the parameters of the variance: known, or with an inverse-gamma prior."""
    if variance is None:
        return {
            "shape": 1.0 if shape is None else shape,
            "scale": 1.0 if scale is None else scale,
        }
    for name, value in {"shape": shape, "scale": scale}.items():
        if value is not None:
            raise ParameterError(
                f"{name} is given beside variance: a variance that is known has no prior"
            )
    return {"variance": variance}


def distance_to_tail(tail: float, freedom: Floats | None) -> Any:
    """Return how far from the center the upper tail of a standard distribution begins.

    Parameters
    ----------
    tail : float
        Its probability, below one half.
    freedom : array, optional
        Degrees of freedom of Student's t; None for the normal distribution.
    """
    from scipy.special import ndtri, stdtrit

    if freedom is None:
        return -ndtri(tail)
    distance = -stdtrit(freedom, tail)
    # Beyond, stdtrit ends at limits of its own (measured with scipy 1.17: from 6.7e103 on).
    return np.where(distance < LARGEST_NUMBER, distance, np.inf)
