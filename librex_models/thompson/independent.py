"""Posteriors that learn about each option from its own outcomes alone.

Prior and sums are one number for each option, so that options come and go without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats, Integers
from librex_models.thompson.arguments import (
    as_count,
    prior_of_options,
    removable,
    shared_number,
)
from librex_models.thompson.conjugate import ConjugatePosterior, Sums
from librex_models.thompson.written_state import entries, finite_array


class IndependentPosterior(ConjugatePosterior):
    """A posterior that is one of each option.

    Parameters
    ----------
    n_options : int
    prior : mapping of name to float or array_like of shape (n_options,)
        Names in `signed` may be below zero.
    choices : mapping of name to what JSON can hold
    discount : float
    window : int, optional
    """

    sums: ClassVar[tuple[str, ...]]
    priors: ClassVar[tuple[tuple[str, ...], ...]]
    """The names that a prior may have, one tuple for each kind of prior."""
    choices: ClassVar[tuple[str, ...]] = ()
    """The arguments that are neither the prior nor common to all posteriors."""
    signed: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        n_options: int,
        *,
        prior: Mapping[str, Any],
        choices: Mapping[str, Any],
        discount: float,
        window: int | None,
    ) -> None:
        super().__init__(n_options, discount=discount, window=window)
        self._choices = dict(choices)
        self._prior = {
            name: prior_of_options(value, self._n_options, name, name in self.signed)
            for name, value in prior.items()
        }
        # What options that are added later have, unless they are given their own.
        self._shared = {name: shared_number(value) for name, value in prior.items()}

    def remove_options(self, options: Any) -> None:
        """Remove options; those behind them move up, as in `numpy.delete`.

        Parameters
        ----------
        options : array_like of int
        """
        removed = removable(options, self._n_options)
        self._prior = {name: np.delete(one, removed) for name, one in self._prior.items()}
        self._known_sums = {name: np.delete(one, removed) for name, one in self._sums.items()}
        self._recent = [one.without(removed, self._n_options) for one in self._recent]
        self._n_options -= len(removed)

    def _with_options(self, count: int, given: Mapping[str, Any]) -> Integers:
        """Add options by their priors, where None stands for the prior that all share."""
        added = as_count(count, "count")
        prior = {}
        for name, one in self._prior.items():
            value = self._shared[name] if given[name] is None else given[name]
            if value is None:
                raise ParameterError(
                    f"{name} differs between options: add_options needs {name} of the new ones"
                )
            new = prior_of_options(value, added, name, name in self.signed)
            prior[name] = np.concatenate([one, new])
        nothing = np.zeros(added)
        self._known_sums = {
            name: np.concatenate([one, nothing]) for name, one in self._sums.items()
        }
        self._prior = prior
        self._n_options += added
        return np.arange(self._n_options - added, self._n_options)

    def _no_sums(self) -> Sums:
        return {name: np.zeros(self._n_options) for name in self.sums}

    def _faded(self, sums: Sums, factor: float) -> Sums:
        return {name: one * factor for name, one in sums.items()}

    def _check_sums(self, sums: Sums) -> None:
        for name, one in sums.items():
            negative = np.flatnonzero(one < 0.0)
            if negative.size and name not in self.signed:
                raise ParameterError(
                    f"{name} of option {negative[0]} in the state is {one[negative[0]]}, expected "
                    "at least zero"
                )

    def _arguments(self) -> dict[str, Any]:
        return {
            "n_options": self._n_options,
            "prior": {name: one.tolist() for name, one in self._prior.items()},
            "shared_prior": dict(self._shared),
            "choices": dict(self._choices),
        }

    @classmethod
    def _from_arguments(cls, arguments: Any, discount: Any, window: Any) -> Self:
        what = "'arguments' of the state"
        names = ("n_options", "prior", "shared_prior", "choices")
        found = entries(arguments, names, what)
        n_options = as_count(found["n_options"], "n_options of the state")
        prior = _prior_of_state(found["prior"], cls.priors, n_options)
        shared = entries(found["shared_prior"], prior, f"'shared_prior' in {what}")
        choices = entries(found["choices"], cls.choices, f"'choices' in {what}")
        # Every class names the parameters of its prior one by one.
        given: dict[str, Any] = {**prior, **choices}
        made = cls(n_options, discount=discount, window=window, **given)
        for name, value in shared.items():
            if value is not None:
                signed = name in cls.signed
                made._shared[name] = float(prior_of_options(value, 1, name, signed)[0])
        return made


def _prior_of_state(
    prior: Any, known: tuple[tuple[str, ...], ...], n_options: int
) -> dict[str, Floats]:
    what = "'prior' in 'arguments' of the state"
    names = known[0]
    for one in known[1:]:
        if isinstance(prior, Mapping) and set(one) == set(prior):
            names = one
    found = entries(prior, names, what)
    return {name: finite_array(found[name], (n_options,), name) for name in names}
