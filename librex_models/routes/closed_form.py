"""One budget that meets no limit but itself: the best sharing in closed form, in logarithms.

Group g has the utility p_g y_g where it spends y_g of a budget Q. With e = 1 / alpha,

    y = Q softmax(e log weight + (e - 1) log p),    D = sum weight^e p^(e - 1)
    W = Q^(1 - alpha) D^alpha / (1 - alpha),        dW / dQ = (D / Q)^alpha
    alpha = 1    y = Q weight / sum weight,         dW / dQ = sum weight / Q
    alpha = 0    all to the largest weight p,       W = Q max weight p,   ties get equal parts
    alpha = inf  y ~ weight / p,                    W = Q / sum (weight / p), the level of max-min

Rates, weights and D are held as logarithms: p^(1 / alpha - 1) soon leaves the range of doubles.
Mo & Walrand (2000), IEEE/ACM Trans. Netw. 8, 556-567.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from librex_models.errors import ParameterError, ShapeError
from librex_models.routes.route import Floats

NEAREST_TO_ZERO = 1e-300
"""Nothing tells a smaller alpha from zero."""
AS_GOOD = 8 * float(np.finfo(np.float64).eps)
"""Rates that are no further apart, relative, are one: they are quotients, rounded."""


def log_shares(log_rate: Floats, log_weight: Floats, alpha: float) -> Floats:
    """Return the logarithms of the parts of the budget that groups spend, shape (n_groups,).

    Parameters
    ----------
    log_rate : array of shape (n_groups,)
        log p: of the utility that a unit of the budget earns.
    log_weight : array of shape (n_groups,)
    alpha : float
        From 0 to infinity.
    """
    if alpha < NEAREST_TO_ZERO:
        worth = log_weight + log_rate
        size = 1.0 + np.abs(log_weight) + np.abs(log_rate)
        is_best = worth >= worth.max() - AS_GOOD * size
        return np.where(is_best, -np.log(np.count_nonzero(is_best)), -np.inf)
    exponent = _exponent(log_rate, log_weight, alpha)
    # Small numbers, which do not vanish beside large ones.
    exponent = exponent - exponent.max()
    return np.asarray(exponent - log_of_sum(exponent))


def log_price(log_rate: Floats, log_weight: Floats, alpha: float, budget: float) -> float:
    """Return log dW / dQ; for alpha = inf, of the level by the budget."""
    if alpha < NEAREST_TO_ZERO:
        return float((log_weight + log_rate).max())
    total = log_of_sum(_exponent(log_rate, log_weight, alpha))
    return -total if np.isinf(alpha) else alpha * (total - float(np.log(budget)))


def log_of_sum(logarithms: Floats) -> float:
    """Return log(sum e^l) without overflow."""
    top = float(logarithms.max())
    if not np.isfinite(top):
        return top
    return top + float(np.log(np.exp(logarithms - top).sum()))


def _exponent(log_rate: Floats, log_weight: Floats, alpha: float) -> Floats:
    if np.isinf(alpha):
        return log_weight - log_rate
    # (log weight + log p) / alpha - log p, without a difference of two large numbers near 1.
    return np.asarray(log_weight / alpha + ((1.0 - alpha) / alpha) * log_rate)


@dataclass(frozen=True, kw_only=True, eq=False)
class BudgetShares:
    """The best sharing of one budget.

    Attributes
    ----------
    spending, utility : arrays of shape (n_groups,)
    welfare : float
        Infinite where no double is as large; max-min: the level.
    equivalent : float
        The utility that, given to everybody, has the same welfare.
    price : float
        Welfare per unit of the budget.
    """

    spending: Floats
    utility: Floats
    welfare: float
    equivalent: float
    price: float


def share_budget(rate: Any, budget: float, alpha: float, weight: Any = 1.0) -> BudgetShares:
    """Return the alpha-fair sharing of a budget among groups that nothing else limits.

    Parameters
    ----------
    rate : array_like of shape (n_groups,)
        The utility that each group earns per unit of the budget, above zero.
    budget : float
        Above zero.
    alpha : float
        From 0, the sum of utilities, to infinity, max-min.
    weight : float or array_like of shape (n_groups,)
        Above zero.

    Returns
    -------
    BudgetShares

    Raises
    ------
    ShapeError, ParameterError
        Naming the argument and the place.

    Examples
    --------
    >>> shares = share_budget([1.0, 4.0], budget=10.0, alpha=2.0)
    >>> shares.spending
    array([6.66666667, 3.33333333])
    >>> round(shares.price, 6)
    0.0225
    """
    rates = np.array(rate, dtype=np.float64)
    if rates.ndim != 1 or not rates.size:
        raise ShapeError(f"rate has shape {rates.shape}, expected one number for each group")
    weights = np.array(weight, dtype=np.float64)
    if weights.shape not in ((), rates.shape):
        raise ShapeError(f"weight has shape {weights.shape}, rate has {rates.shape}: must agree")
    weights = np.broadcast_to(weights, rates.shape)
    amount = np.array([budget], dtype=np.float64)
    for name, numbers in (("rate", rates), ("weight", weights), ("budget", amount)):
        wrong = np.flatnonzero(~((numbers > 0) & np.isfinite(numbers)))
        if wrong.size:
            where = f"{name}[{wrong[0]}]" if numbers.size > 1 else name
            raise ParameterError(f"{where} is {numbers[wrong[0]]}, expected a number above zero")
    if not alpha >= 0.0:
        raise ParameterError(f"alpha is {alpha}, expected a number from 0 to infinity")
    return _shares(np.log(rates), np.log(weights), float(alpha), float(budget))


def _shares(log_rate: Floats, log_weight: Floats, alpha: float, budget: float) -> BudgetShares:
    shares = log_shares(log_rate, log_weight, alpha)
    log_utility = np.log(budget) + shares + log_rate
    price = log_price(log_rate, log_weight, alpha, budget)
    with np.errstate(over="ignore"):
        return BudgetShares(
            spending=budget * np.exp(shares),
            utility=np.exp(log_utility),
            welfare=_welfare(log_utility, log_weight, alpha, price + float(np.log(budget))),
            equivalent=float(np.exp(_log_equivalent(log_utility, log_weight, alpha))),
            price=float(np.exp(price)),
        )


def _welfare(log_utility: Floats, log_weight: Floats, alpha: float, log_value: float) -> float:
    """Return W from log (Q dW / dQ), of which it is the part 1 / (1 - alpha)."""
    if alpha == 1.0:
        return float(np.exp(log_weight) @ log_utility)
    value = float(np.exp(log_value))
    return value if np.isinf(alpha) else value / (1.0 - alpha)


def _log_equivalent(log_utility: Floats, log_weight: Floats, alpha: float) -> float:
    """Return the logarithm of the mean of power 1 - alpha, for max-min of the level."""
    if np.isinf(alpha):
        return float((log_utility - log_weight).min())
    power = 1.0 - alpha
    log_share = log_weight - log_of_sum(log_weight)
    # Nothing is above 1 beside this one, where utilities count by a power.
    top = float(log_utility.max() if power >= 0 else log_utility.min())
    beside = log_utility - top
    if power == 0.0:
        return top + float(np.exp(log_share) @ beside)
    scaled = power * beside
    if scaled.min() < -1.0:
        return top + log_of_sum(scaled + log_share) / power
    # Near alpha = 1 the sum is hardly less than 1: from what it lacks.
    return top + float(np.log1p(np.exp(log_share) @ np.expm1(scaled))) / power
