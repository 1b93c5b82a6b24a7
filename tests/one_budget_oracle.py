"""Optimal utilities of one budget in 40 digits, by bisection on the price: an oracle for tests."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np

DIGITS = 40
STEPS = 150


@dataclass(frozen=True)
class Bought:
    """What a group can buy: utility per unit of budget, and the most that can be spent on it."""

    rate: Decimal
    cost: Decimal


def optimal_utilities(
    reward: np.ndarray,
    cost: np.ndarray,
    upper: np.ndarray,
    group: np.ndarray,
    weight: np.ndarray,
    history: np.ndarray,
    budget: float,
    alpha: float,
    floor: np.ndarray | None = None,
    ceiling: np.ndarray | None = None,
) -> list[Decimal]:
    """Return the utilities of the best allocation, sums of reward times decision and history.

    Floors have to be within reach, and ceilings above what is there before.
    """
    with localcontext() as context:
        context.prec = DIGITS
        offers: list[list[Bought]] = [[] for _ in weight]
        for r, c, most, g in zip(reward, cost, upper, group, strict=True):
            offers[g].append(Bought(Decimal(r) / Decimal(c), Decimal(c) * Decimal(most)))
        for one in offers:
            one.sort(key=lambda offer: -offer.rate)
        low, high = Decimal(-20000), Decimal(20000)
        least = np.zeros(len(weight)) if floor is None else floor
        most = np.full(len(weight), np.inf) if ceiling is None else ceiling
        numbers = [
            (Decimal(w), Decimal(h), Decimal(low), Decimal(high))
            for w, h, low, high in zip(weight, history, least, most, strict=True)
        ]

        def bought(price: Decimal) -> list[tuple[Decimal, Decimal]]:
            pairs = zip(offers, numbers, strict=True)
            return [_bought(one, *its, price, Decimal(alpha)) for one, its in pairs]

        for _ in range(STEPS):
            middle = (low + high) / 2
            spent = sum(one[0] for one in bought(middle))
            low, high = (middle, high) if spent > Decimal(budget) else (low, middle)
        return [utility for _, utility in bought(high)]


def _bought(
    offers: list[Bought],
    weight: Decimal,
    history: Decimal,
    floor: Decimal,
    ceiling: Decimal,
    log_price: Decimal,
    alpha: Decimal,
) -> tuple[Decimal, Decimal]:
    """Return what a group spends at a price, and its utility.

    For max-min the price stands for the level: it is that of the level's inverse.
    """
    spent, utility = Decimal(0), history
    for offer in offers:
        log_wanted = weight.ln() - log_price
        if alpha.is_finite():
            log_wanted = (log_wanted + offer.rate.ln()) / alpha
        wanted = min(max(log_wanted.exp(), floor), ceiling)
        room = min(max(wanted - utility, Decimal(0)), offer.rate * offer.cost)
        spent += room / offer.rate
        utility += room
    return spent, utility


def equivalent(utilities: list[Decimal], weight: np.ndarray, alpha: float) -> Decimal:
    """Return the utility that, given to everybody, has the same welfare."""
    with localcontext() as context:
        context.prec = DIGITS
        share = [Decimal(w) / sum(Decimal(one) for one in weight) for w in weight]
        if alpha == 1.0:
            pairs = zip(share, utilities, strict=True)
            return sum((s * u.ln() for s, u in pairs), Decimal(0)).exp()
        power = 1 - Decimal(alpha)
        total = sum(
            (s * (u.ln() * power).exp() for s, u in zip(share, utilities, strict=True) if u > 0),
            Decimal(0),
        )
        return (total.ln() / power).exp()
