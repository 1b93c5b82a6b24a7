"""What is known of each level of a lexicographic max-min decision, and how it proves the level.

A level is a linear program; its multipliers say who is settled and which decisions stand at a bound
in every optimum. The next program leaves those decisions out, so that its own multipliers say
nothing of them: a multiple of the earlier level's makes up for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from librex_models.routes.route import Floats, Question
from librex_models.verification import (
    CouplingRows,
    Level,
    coupling_rows,
    level_bound,
    relative_gap,
    rounding_of_nothing,
)
from librex_models.verification.certificate import CLAIM_TOLERANCE
from librex_models.verification.price_bound import Region
from solvers.program import Booleans, Integers

TRACE = 1e-13


@dataclass(frozen=True, kw_only=True, eq=False)
class Multipliers:
    """The multipliers of one linear program.

    Parameters
    ----------
    slope : array of shape (n_groups,)
        Of the utilities.
    price : array of shape (n_rows,)
        Of the coupling rows, the budgets first.
    worth : array of shape (n_options,)
        Of a unit of each decision at these multipliers; zero for those strictly between bounds.
    gross : array of shape (n_options,)
        The size of what was added up to it.
    """

    slope: Floats
    price: Floats
    worth: Floats
    gross: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One level, or part of one that needs several programs.

    Parameters
    ----------
    is_open : boolean array of shape (n_groups,)
        Who is not settled by the steps before.
    settled : integer array
        Who is settled at this step.
    multipliers : Multipliers
    fixed : integer array
        The options that stand at a bound in every optimum.
    """

    is_open: Booleans
    settled: Integers
    multipliers: Multipliers
    fixed: Integers


def proving_multipliers(
    steps: Sequence[Step], multipliers: Multipliers
) -> tuple[Floats, Floats, bool]:
    """Return slopes and prices that count every decision, and whether earlier steps were needed.

    Parameters
    ----------
    steps : sequence of Step
        Those before.
    multipliers : Multipliers
        Of a program in which what these steps fixed is fixed.
    """
    slope, price, worth = multipliers.slope, multipliers.price, multipliers.worth
    is_mixed = False
    # An earlier step says nothing of what later ones fixed, so one way back suffices.
    for step in reversed(steps):
        own = step.multipliers.worth[step.fixed]
        lacking = -np.sign(own) * worth[step.fixed]
        factor = float((lacking / np.abs(own)).max(initial=0.0))
        if factor > 0.0:
            slope = slope + factor * step.multipliers.slope
            price = price + factor * step.multipliers.price
            worth = worth + factor * step.multipliers.worth
            is_mixed = True
    return slope, price, is_mixed


def proof_of(
    question: Question,
    steps: Sequence[Step],
    multipliers: Multipliers,
    is_open: Booleans,
    floor: Floats,
    own: Region,
    rows: CouplingRows,
) -> tuple[float, Floats]:
    """Return the best bound on a level that its multipliers and those before can prove.

    Returns
    -------
    bound : float
    share : array of shape (n_groups,)
        The mean of all open utilities per weight, weighed by this, is at most the bound.
    """
    slope, price, is_mixed = proving_multipliers(steps, multipliers)
    tried = [(_without_traces(multipliers.slope), _without_traces(multipliers.price))]
    if is_mixed:
        tried.append((slope, price))
    bounds = [
        level_bound(question.problem, question.grouping, slope, price, is_open, floor, own, rows)
        for slope, price in tried
    ]
    best = int(np.argmin(bounds))
    part = np.where(is_open, tried[best][0] * question.grouping.weight, 0.0)
    return bounds[best], part / (part.sum() or 1.0)


def _without_traces(multiplier: Floats) -> Floats:
    """Return multipliers without those that are nothing but roundings of others.

    Where a level is zero, they alone would make its bound positive.
    """
    return np.where(multiplier > TRACE * multiplier.max(initial=0.0), multiplier, 0.0)


def levels_of(
    question: Question, steps: Sequence[Step], decision: Floats, own: Region
) -> tuple[Level, ...]:
    """Return the levels of a decision with their bounds, given what it gives to lower ones."""
    grouping = question.grouping
    utility = question.utility(decision)
    per_weight = utility / grouping.weight
    nothing = rounding_of_nothing(question.problem, grouping)
    rows = coupling_rows(question.problem, grouping)
    levels = []
    for number, step in enumerate(steps):
        value = float(per_weight[step.is_open].min())
        bound, share = proof_of(
            question, steps[:number], step.multipliers, step.is_open, utility, own, rows
        )
        if value == 0.0 and bound < nothing:
            bound = 0.0
        if bound > value - CLAIM_TOLERANCE * abs(value):
            bound = max(bound, value)
        levels.append(
            Level(
                value=value,
                bound=bound,
                gap=gap_of_level(share[step.settled], value, bound, per_weight[step.settled]),
                bound_from="prices" if np.isfinite(bound) else "none",
                settled=tuple(grouping.labels[g] for g in step.settled.tolist()),
            )
        )
    return tuple(levels)


def gap_of_level(share: Floats, value: float, bound: float, got: Floats) -> float:
    """Return the gap of a level: its own, or that of somebody who is settled at it.

    Parameters
    ----------
    share, got : arrays of shape (n_settled,)
        The part of each in what the bound proves, and what each got per weight.
    value, bound : float
        Of the level.
    """
    most = most_of_settled(share, value, bound)
    gaps = [relative_gap(bound, value)]
    gaps += [
        relative_gap(one, own)
        for one, own in zip(most.tolist(), got.tolist(), strict=True)
        if one > own
    ]
    return max(gaps)


def most_of_settled(share: Floats, value: float, bound: float) -> Floats:
    """Return what those who are settled can get at most where nobody falls below the level.

    The mean of all open utilities per weight, weighed by their shares, is at most the bound.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.where(share > 0.0, (bound - value) / share, np.inf)
    return value + np.maximum(beyond, 0.0)
