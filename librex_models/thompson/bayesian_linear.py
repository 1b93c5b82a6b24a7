"""Bayesian linear regression: expected rewards that are linear in features.

    variance ~ InverseGamma(shape, scale),   w ~ N(mean, variance precision^-1)
    outcome ~ N(x w, variance),   x the features of the option in its context

With R^T R = precision + X^T X, the posterior is that of least squares on the outcomes y beside
the prior as rows of data, of which the QR factors keep everything:

    Q^T [R_0  R_0 mean]  =  [R  z  ]      w = R^-1 z,   shape + n / 2,   scale + rho^2 / 2
        [X    y       ]     [0  rho]

R is the Cholesky factor of the precision. It is never squared: rho is the residual itself, not a
difference of large squares. What is kept of the outcomes is the triangle of [X y]; a discount gamma
shrinks it by sqrt(gamma).

Murphy (2007), "Conjugate Bayesian analysis of the Gaussian distribution"; Gelman, Carlin, Stern,
Dunson, Vehtari & Rubin (2013), "Bayesian data analysis", chapter 14; draws of the coefficients:
Agrawal & Goyal (2013), "Thompson sampling for contextual bandits with linear payoffs", ICML,
127-135. QR: Golub & Van Loan (2013), "Matrix computations", section 6.5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats, Integers
from librex_models.thompson.arguments import (
    as_count,
    checked_generator,
    checked_rows,
    checked_tail,
    checked_truth,
    finished_draw,
    finished_interval,
    positive_number,
    removable,
)
from librex_models.thompson.conjugate import ConjugatePosterior, Sums
from librex_models.thompson.gaussian import distance_to_tail, prior_of_variance
from librex_models.thompson.outcomes import Outcomes
from librex_models.thompson.triangles import (
    check_independent,
    grown_triangle,
    numbers_of_features,
    precision_and_root,
    solve,
)
from librex_models.thompson.written_state import entries, finite_array

STATED = (
    "n_options",
    "n_features",
    "features",
    "mean",
    "precision",
    "shape",
    "scale",
    "variance",
    "clip_at_zero",
)
"""The arguments that stand in a state."""


class BayesianLinear(ConjugatePosterior):
    """The posterior of coefficients that turn features of options into expected rewards.

    Parameters
    ----------
    n_options, n_features : int
    features : array_like of shape (n_options, n_features), optional
        Of the options, where they stay the same. Contexts that change are given with each draw
        and each update. A column of ones makes a constant term.
    mean : float or array_like of shape (n_features,)
        The prior: the coefficients that are believed in beforehand.
    precision : float or array_like of shape (n_features,) or (n_features, n_features)
        The prior: how firmly, as the inverse of their covariance by the variance of outcomes. One
        number or one for each feature stands for a diagonal matrix.
    shape, scale : float, optional
        The prior of the variance of outcomes, inverse-gamma; 1 where not given.
    variance : float, optional
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
        Naming the argument and the place.

    Notes
    -----
    Agrawal & Goyal (2013), "Thompson sampling for contextual bandits with linear payoffs", ICML,
    127-135; Gelman et al. (2013), "Bayesian data analysis", chapter 14. The outcomes of an option
    that is removed go on telling about the coefficients.

    Examples
    --------
    >>> from librex_models import thompson
    >>> posterior = thompson.BayesianLinear(3, 1, features=[[1.0], [2.0], [3.0]])
    >>> posterior.update(options=[0, 1], outcomes=[3.0, 6.0])
    >>> posterior.mean()
    array([2.5, 5. , 7.5])
    """

    kind = "bayesian_linear"

    def __init__(
        self,
        n_options: int,
        n_features: int,
        *,
        features: Any = None,
        mean: Any = 0.0,
        precision: Any = 1.0,
        shape: Any = None,
        scale: Any = None,
        variance: Any = None,
        clip_at_zero: bool = False,
        discount: float = 1.0,
        window: int | None = None,
    ) -> None:
        columns = as_count(n_features, "n_features")
        self._mean = numbers_of_features(mean, columns, "mean")
        self._precision, root = precision_and_root(precision, columns)
        super().__init__(n_options, n_features=columns, discount=discount, window=window)
        self._features = None
        if features is not None:
            self._features = checked_rows(features, self._n_options, columns, "option")
        self._prior_rows = np.column_stack([root, root @ self._mean])
        self._variance = {
            name: positive_number(value, name)
            for name, value in prior_of_variance(shape, scale, variance).items()
        }
        self._clip_at_zero = checked_truth(clip_at_zero, "clip_at_zero")
        # The triangle of prior and outcomes, and of which outcomes it is.
        self._triangle: tuple[Sums | None, Floats] = (None, self._prior_rows)

    @property
    def n_features(self) -> int:
        """How many features there are."""
        return self._n_features

    def draw(self, rng: np.random.Generator, features: Any = None) -> Floats:
        """Draw coefficients, and return the expected reward of each option under them.

        Parameters
        ----------
        rng : numpy.random.Generator
        features : array_like of shape (n_options, n_features), optional
            The context of this round; the features that the options have where not given.

        Returns
        -------
        array of shape (n_options,)
            At least zero with `clip_at_zero`.
        """
        generator = checked_generator(rng)
        rows = self._rows(features)
        root, target, squares, shape = self._least_squares()
        variance = self._variance.get("variance")
        if variance is None:
            scaled_precision = float(generator.standard_gamma(shape))
            # Outcomes of 1e100 have squares of 1e200.
            if squares >= 1e300 * scaled_precision:
                raise ParameterError("a draw of the variance is without bounds: raise shape")
            variance = squares / scaled_precision
        noise = np.sqrt(variance) * generator.standard_normal(self._n_features)
        drawn = rows @ solve(root, target + noise)
        return finished_draw(drawn, self._clip_at_zero)

    def mean(self, features: Any = None) -> Floats:
        """Return the expected reward of each option, shape (n_options,).

        Parameters
        ----------
        features : array_like of shape (n_options, n_features), optional
            As in `draw`.
        """
        return self._rows(features) @ self.coefficients()

    def coefficients(self) -> Floats:
        """Return the expected coefficients, shape (n_features,)."""
        root, target, _, _ = self._least_squares()
        return solve(root, target)

    def interval(self, level: float, features: Any = None) -> tuple[Floats, Floats]:
        """Return the central credible intervals of the expected rewards.

        Parameters
        ----------
        level : float
            The probability that an interval holds, between 0 and 1.
        features : array_like of shape (n_options, n_features), optional
            As in `draw`.

        Returns
        -------
        lower, upper : arrays of shape (n_options,)
        """
        tail = checked_tail(level)
        rows = self._rows(features)
        root, target, squares, shape = self._least_squares()
        freedom, variance = None, self._variance.get("variance")
        if variance is None:
            freedom, variance = np.array(2.0 * shape), squares / shape
        # x precision^-1 x^T is the squared length of R^-T x^T.
        length = np.linalg.norm(solve(root, rows.T, transposed=True), axis=0)
        half = np.sqrt(variance) * length * distance_to_tail(tail, freedom)
        center = rows @ solve(root, target)
        return finished_interval(center - half, center + half)

    def add_options(self, count: int, *, features: Any = None) -> Integers:
        """Add options behind those that are there.

        Parameters
        ----------
        count : int
        features : array_like of shape (count, n_features), optional
            Theirs, where the options have features.

        Returns
        -------
        array of int, shape (count,)
            Their numbers.
        """
        added = as_count(count, "count")
        if (features is None) != (self._features is None):
            raise ParameterError(
                "add_options needs the features of the new options"
                if features is None
                else "features are given to new options, but those that are there have none"
            )
        if self._features is not None:
            rows = checked_rows(features, added, self._n_features, "new option")
            self._features = np.concatenate([self._features, rows])
        self._n_options += added
        return np.arange(self._n_options - added, self._n_options)

    def remove_options(self, options: Any) -> None:
        """Remove options; those behind them move up, as in `numpy.delete`.

        Parameters
        ----------
        options : array_like of int
        """
        removed = removable(options, self._n_options)
        if self._features is not None:
            self._features = np.delete(self._features, removed, axis=0)
        self._n_options -= len(removed)

    def _rows(self, features: Any) -> Floats:
        if features is not None:
            return checked_rows(features, self._n_options, self._n_features, "option")
        if self._features is None:
            raise ParameterError("features are missing: the options have none of their own")
        return self._features

    def _least_squares(self) -> tuple[Floats, Floats, float, float]:
        """Return R, z, and the scale and shape of the variance.

        With a known variance the last two mean nothing.
        """
        sums = self._sums
        if self._triangle[0] is not sums:
            triangle = grown_triangle(sums["triangle"], self._prior_rows)
            check_independent(triangle[:-1, :-1])
            self._triangle = (sums, triangle)
        triangle = self._triangle[1]
        scale = self._variance.get("scale", 0.0) + 0.5 * float(triangle[-1, -1]) ** 2
        shape = self._variance.get("shape", 0.0) + 0.5 * float(sums["count"][0])
        return triangle[:-1, :-1], triangle[:-1, -1], scale, shape

    def _checked(self, *arguments: Any) -> Outcomes:
        # Features say all there is to say about an outcome: its option may be removed later.
        batch = super()._checked(*arguments)
        return replace(batch, option=np.zeros_like(batch.option))

    def _checked_features(self, features: Any, option: Integers) -> Floats:
        if features is not None:
            return checked_rows(features, len(option), self._n_features, "outcome")
        return self._rows(None)[option]

    def _no_sums(self) -> Sums:
        size = self._n_features + 1
        return {"count": np.zeros(1), "triangle": np.zeros((size, size))}

    def _counted(self, sums: Sums, batch: Outcomes, weight: Floats) -> Sums:
        rows = np.column_stack([batch.features, batch.outcome]) * np.sqrt(weight)[:, np.newaxis]
        return {
            "count": sums["count"] + weight.sum(),
            "triangle": grown_triangle(sums["triangle"], rows),
        }

    def _faded(self, sums: Sums, factor: float) -> Sums:
        return {"count": sums["count"] * factor, "triangle": sums["triangle"] * np.sqrt(factor)}

    def _check_sums(self, sums: Sums) -> None:
        if sums["count"][0] < 0.0:
            raise ParameterError(f"count of the state is {sums['count'][0]}, expected at least 0")
        if np.tril(sums["triangle"], -1).any():
            raise ParameterError("triangle of the state has entries below its diagonal")

    def _arguments(self) -> dict[str, Any]:
        return {
            "n_options": self._n_options,
            "n_features": self._n_features,
            "features": None if self._features is None else self._features.tolist(),
            "mean": self._mean.tolist(),
            "precision": self._precision.tolist(),
            **{name: self._variance.get(name) for name in ("shape", "scale", "variance")},
            "clip_at_zero": self._clip_at_zero,
        }

    @classmethod
    def _from_arguments(cls, arguments: Any, discount: Any, window: Any) -> Self:
        found = entries(arguments, STATED, "'arguments' of the state")
        n_features = as_count(found["n_features"], "n_features of the state")
        found["mean"] = finite_array(found["mean"], (n_features,), "mean")
        return cls(**found, discount=discount, window=window)
