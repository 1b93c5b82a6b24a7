"""Beta-Bernoulli: how often options succeed.

    p_j ~ Beta(alpha_j, beta_j),   outcome ~ Bernoulli(p_j)
    p_j | outcomes ~ Beta(alpha_j + successes, beta_j + failures)

A reward y between 0 and 1 is either put to a trial, a success with probability y (then the mean
reward is what is learned about: Agrawal & Goyal 2012), or counted in fractions, y of a success and
1 - y of a failure. Rounding it to 0 or 1 could reverse the order of options.

Agrawal & Goyal (2012), "Analysis of Thompson sampling for the multi-armed bandit problem", COLT,
39.1-39.26. Russo, Van Roy, Kazerouni, Osband & Wen (2018), "A tutorial on Thompson sampling",
Foundations and Trends in Machine Learning 11, 1-96.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from librex_models.errors import ParameterError
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

REWARDS = (None, "trial", "fractional")


class BetaBernoulli(IndependentPosterior):
    """Beta posteriors of the probabilities of success of options.

    Parameters
    ----------
    n_options : int
    alpha, beta : float or array_like of shape (n_options,)
        The prior, above zero: successes and failures that are believed in beforehand.
    rewards : {None, "trial", "fractional"}
        What to do with an outcome strictly between 0 and 1. None refuses it. "trial" counts a
        success with that probability, which takes a generator. "fractional" counts that part of
        a success, and the rest of a failure.
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
    Agrawal & Goyal (2012), "Analysis of Thompson sampling for the multi-armed bandit problem",
    COLT, 39.1-39.26. Discount and window: Garivier & Moulines (2011), "On upper-confidence bound
    policies for switching bandit problems", ALT, 174-188.

    Examples
    --------
    >>> import numpy as np
    >>> from librex_models import thompson
    >>> posterior = thompson.BetaBernoulli(2, alpha=1.0, beta=1.0)
    >>> posterior.update(options=[0, 0, 1], outcomes=[1, 1, 0])
    >>> posterior.mean()
    array([0.75      , 0.33333333])
    >>> posterior.draw(np.random.default_rng(0)).shape
    (2,)
    """

    kind = "beta_bernoulli"
    sums = ("successes", "failures")
    priors = (("alpha", "beta"),)
    choices = ("rewards",)

    def __init__(
        self,
        n_options: int,
        alpha: Any = 1.0,
        beta: Any = 1.0,
        *,
        rewards: str | None = None,
        discount: float = 1.0,
        window: int | None = None,
    ) -> None:
        if rewards not in REWARDS:
            raise ParameterError(f"rewards is {rewards!r}, expected None, 'trial' or 'fractional'")
        super().__init__(
            n_options,
            prior={"alpha": alpha, "beta": beta},
            choices={"rewards": rewards},
            discount=discount,
            window=window,
        )

    def draw(self, rng: np.random.Generator, features: Any = None) -> Floats:
        """Return one draw of the probability of success of each option.

        Parameters
        ----------
        rng : numpy.random.Generator
        features : None
            Probabilities depend on no context.

        Returns
        -------
        array of shape (n_options,)
        """
        self._refuse_features(features)
        return finished_draw(checked_generator(rng).beta(*self._parameters()))

    def mean(self) -> Floats:
        """Return the expected probability of success of each option, shape (n_options,)."""
        successes, failures = self._parameters()
        return successes / (successes + failures)

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """Return the central credible intervals of the probabilities of success.

        Parameters
        ----------
        level : float
            The probability that an interval holds, between 0 and 1.

        Returns
        -------
        lower, upper : arrays of shape (n_options,)
        """
        from scipy.special import betainccinv, betaincinv

        tail = checked_tail(level)
        parameters = self._parameters()
        return finished_interval(betaincinv(*parameters, tail), betainccinv(*parameters, tail))

    def add_options(self, count: int, *, alpha: Any = None, beta: Any = None) -> Integers:
        """Add options behind those that are there.

        Parameters
        ----------
        count : int
        alpha, beta : float or array_like of shape (count,), optional
            Their prior; that of the other options where these share one.

        Returns
        -------
        array of int, shape (count,)
            Their numbers.
        """
        return self._with_options(count, {"alpha": alpha, "beta": beta})

    def _parameters(self) -> tuple[Floats, Floats]:
        sums = self._sums
        return self._prior["alpha"] + sums["successes"], self._prior["beta"] + sums["failures"]

    def _checked_rewards(
        self, outcome: Floats, option: Integers, rng: np.random.Generator | None
    ) -> Floats:
        refuse_outcome((outcome < 0.0) | (outcome > 1.0), outcome, option, "a number from 0 to 1")
        is_between = (outcome > 0.0) & (outcome < 1.0)
        rewards = self._choices["rewards"]
        if rewards == "fractional" or not is_between.any():
            return outcome
        if rewards is None:
            refuse_outcome(
                is_between,
                outcome,
                option,
                "0 or 1; rewards='trial' or rewards='fractional' count what lies between",
            )
        if rng is None:
            raise ParameterError(
                f"the outcome {outcome[is_between][0]} of option {option[is_between][0]} is put to "
                "a trial, which takes a generator: rng=numpy.random.default_rng(0)"
            )
        # Trials of 0 and 1 take no random number, so that these may come without a generator.
        chance = checked_generator(rng).random(int(np.count_nonzero(is_between)))
        counted = outcome.copy()
        counted[is_between] = chance < outcome[is_between]
        return counted

    def _counted(self, sums: Sums, batch: Outcomes, weight: Floats) -> Sums:
        successes, failures = sums["successes"].copy(), sums["failures"].copy()
        # One after the other, so that a batch has the roundings of its sequence.
        np.add.at(successes, batch.option, weight * batch.outcome)
        np.add.at(failures, batch.option, weight * (1.0 - batch.outcome))
        return {"successes": successes, "failures": failures}
