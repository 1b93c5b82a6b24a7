"""Nested fairness as alpha-fairness over members whose weights move with their groups' utilities.

The marginal utility of member t of group g, M_g being the equivalent for the inner aversion b, is

    q_t = (weight_g / size of g) M_g^(b - alpha) utility_t^(-b)

and with s_t = (utility_t / M_g)^(1 - b) / (size of g), which sum to 1 in each group,

    d log q_t = (b - alpha) sum_j s_j d log utility_j - b d log utility_t.

Utilities are in units, w_t = utility_t / unit_t, and M_g in that of where all w_t are 1.

May import families.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from librex_models.families import NestedFairness
from solvers.program import Booleans, Floats, Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class NestedTerms:
    """The groups of alpha-fair terms, and the equivalents of their utilities.

    Parameters
    ----------
    group : integer array of shape (n_terms,)
    log_unit : array of shape (n_terms,)
        Logarithms of the units of utilities.
    size : array of shape (n_groups,)
        How many members each group has, those that are left out as well.
    inner_alpha, alpha : float
    """

    group: Integers
    log_unit: Floats
    size: Floats
    inner_alpha: float
    alpha: float

    @classmethod
    def of(cls, family: NestedFairness) -> NestedTerms:
        """Return those of all members, in units of 1."""
        return cls(
            group=family.members,
            log_unit=np.zeros(len(family.members)),
            size=family.size,
            inner_alpha=family.inner_alpha,
            alpha=family.outer.alpha,
        )

    def among(self, counts: Booleans, unit: Floats) -> NestedTerms:
        """Return those of some terms, in their units; the others have nothing."""
        return replace(self, group=self.group[counts], log_unit=np.log(unit))

    @property
    def strength(self) -> float:
        """The power of a group's equivalent in the marginal utilities of its members."""
        return self.inner_alpha - self.alpha

    def log_raised(self, log_w: Floats) -> Floats:
        """Return the logarithm of by what marginal utilities are raised, shape (n_terms,)."""
        return self.strength * self._log_equivalents(log_w)[self.group]

    @cached_property
    def log_raised_by_units(self) -> Floats:
        """The same of the units themselves, before they were units."""
        return self.strength * self._reference[self.group]

    def log_shares(self, log_w: Floats) -> Floats:
        """Return the logarithm of each term's share in its group, shape (n_terms,)."""
        log_utility = self.log_unit + log_w
        equivalent = (self._reference + self._log_equivalents(log_w))[self.group]
        log_size = np.log(self.size[self.group])
        return np.asarray((1.0 - self.inner_alpha) * (log_utility - equivalent) - log_size)

    def shared_out(self, value: Floats, log_w: Floats) -> Floats:
        """Return what the values of terms are where each group's sum is shared out."""
        return np.asarray(np.exp(self.log_shares(log_w)) * self.sums(value)[self.group])

    def log_importance(self, log_value: Floats, log_w: Floats) -> Floats:
        """Return the logarithm of what part of welfare a term is, as far as utilities can vanish.

        Those of groups do for alpha < 1, those of members for an inner aversion < 1.

        Parameters
        ----------
        log_value, log_w : arrays of shape (n_terms,)
            The value of a term is its marginal utility times its utility.
        """
        log_share = self.log_shares(log_w)
        of_group = log_value - log_share if self.alpha < 1.0 else 0.0
        return np.asarray(of_group + (log_share if self.inner_alpha < 1.0 else 0.0))

    @cached_property
    def _reference(self) -> Floats:
        return self._mean(self.log_unit)

    def _log_equivalents(self, log_w: Floats) -> Floats:
        return self._mean(self.log_unit + log_w) - self._reference

    def _mean(self, log_utility: Floats) -> Floats:
        """Return the logarithms of groups' equivalents, 0 for groups without terms."""
        n_terms, power = self.sums(np.ones(len(self.group))), 1.0 - self.inner_alpha
        if power == 0.0:
            return self.sums(log_utility) / self.size
        top = np.full(len(self.size), -np.inf)
        np.maximum.at(top, self.group, power * log_utility)
        top = np.where(n_terms > 0, top, 0.0)
        # Right to the last digits as well where all are nearly the same, or the power is near 0.
        above = self.sums(np.expm1(power * log_utility - top[self.group])) - (self.size - n_terms)
        log_mean = np.log1p(np.where(n_terms > 0, above / self.size, 0.0))
        return np.asarray((top + log_mean) / power)

    def sums(self, numbers: Floats) -> Floats:
        """Return the sums of numbers of terms, group by group."""
        return np.asarray(np.bincount(self.group, numbers, minlength=len(self.size)))
