"""An upper bound from prices: weak duality, recomputed in numpy, valid for any prices at all.

For prices lam >= 0 on coupling rows C x <= d and a linear welfare c . x + constant,

    c . x + constant  <=  constant + lam . d + sum_i best_i
    best_i = max over the decisions of agent i alone of (c - lam . C) . x

for every feasible x. best_i fills the agent's options in the order of their worth: bounds, limit
and minimum of one agent leave nothing more to it. Rounding errors are added on the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem import AllocationProblem
from librex_models.verification.exact_budgets import used_up_budgets
from librex_models.verification.violations import TOLERANCE
from solvers.entries import least_quotients

Floats = npt.NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class CouplingRows:
    """Rows matrix x <= side that tie agents together: budgets, floors, caps, the user's own.

    Parameters
    ----------
    matrix : scipy.sparse.csc_array of shape (n_rows, n_options)
        Entries of either sign.
    side : array of shape (n_rows,)
        May be infinite: such a row binds nothing.
    by_option : array of shape (n_options, n_rows), dense or sparse, optional
        The same entries the other way round, where they are at hand.
    further : array of shape (n_further,)
        Upper bounds of columns behind the decisions, which are at least zero and belong to nobody.
    """

    matrix: sparse.csc_array
    side: Floats
    by_option: Floats | sparse.csr_array | None = None
    further: Floats = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def most_of_an_option(self) -> int:
        """The largest number of entries that one option has."""
        if isinstance(self.by_option, np.ndarray):
            return len(self.side)
        return int(np.diff(self.matrix.indptr).max(initial=0))

    @cached_property
    def finite_side(self) -> Floats:
        """The sides, zero where they are infinite."""
        return np.where(np.isfinite(self.side), self.side, 0.0)

    @cached_property
    def gross_side(self) -> Floats:
        """The sizes of the finite sides: those of floors are negative."""
        return np.abs(self.finite_side)

    def usable(self, price: Floats) -> Floats:
        """Return prices as multipliers that prove something, zero where they do not."""
        given = np.zeros(len(self.side))
        given[: len(price)] = price
        # A NaN fails these comparisons.
        return np.where((given > 0.0) & (given < np.inf) & self._is_bounded, given, 0.0)

    @cached_property
    def _is_bounded(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.side)

    def charge(self, multiplier: Floats) -> tuple[Floats, Floats]:
        """Return what multipliers >= 0 charge each option, and the sum of what went into it."""
        by_option = self.matrix.T if self.by_option is None else self.by_option
        charged: Floats = by_option @ multiplier
        if self._is_plain:
            return charged, charged
        if isinstance(by_option, np.ndarray):
            return charged, np.abs(by_option) @ multiplier
        return charged, abs(by_option) @ multiplier

    @cached_property
    def _is_plain(self) -> bool:
        """Whether no entry is negative."""
        return bool(self.matrix.data.min(initial=0.0) >= 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """What each agent may decide alone.

    Parameters
    ----------
    agent_of_option : integer array of shape (n_options,)
    lower, upper : arrays of shape (n_options,)
        Finite.
    agent_limit, agent_minimum : arrays of shape (n_agents,)
        The limit may be infinite.
    """

    agent_of_option: npt.NDArray[np.int64]
    lower: Floats
    upper: Floats
    agent_limit: Floats
    agent_minimum: Floats

    def contradicts_itself(self) -> npt.NDArray[np.int64]:
        """Return the agents whose own bounds, limit and minimum cannot all be met."""
        return self._contradictory

    @cached_property
    def ties_options(self) -> bool:
        """Whether some agent has more to keep than the bounds of its options."""
        is_free = (self.agent_limit == np.inf).all() and (self.lower >= 0).all()
        return not is_free or bool((self.agent_minimum > 0).any())

    @cached_property
    def begins_at_zero(self) -> bool:
        """Whether every option goes from zero to a finite bound."""
        return not self.lower.any() and bool(np.isfinite(self.upper).all())

    @cached_property
    def _contradictory(self) -> npt.NDArray[np.int64]:
        n_agents = len(self.agent_limit)
        least = np.bincount(self.agent_of_option, self.lower, minlength=n_agents)
        most = np.bincount(self.agent_of_option, self.upper, minlength=n_agents)
        slack = TOLERANCE * np.maximum(1.0, self.agent_minimum)
        unreachable = self.agent_minimum > most + slack
        exceeded = least > self.agent_limit + TOLERANCE * np.maximum(1.0, least)
        crossed = np.bincount(
            self.agent_of_option, self.lower > self.upper + TOLERANCE, minlength=n_agents
        )
        return np.flatnonzero(unreachable | exceeded | (crossed > 0))


def region(problem: AllocationProblem, by_budgets: bool = False) -> Region:
    """Return what each agent may decide alone, with finite upper bounds.

    Where an upper bound is infinite or whole, a budget zero, or if asked, min_k budget_k /
    request_jk is a bound too; where lower bounds use a budget up, they are the upper ones of all
    that use it. Whole decisions have whole bounds, and agents with whole decisions
    only a whole limit and minimum.
    """
    return problem.once(f"region, {by_budgets}", lambda: _region(problem, by_budgets))


def _region(problem: AllocationProblem, by_budgets: bool) -> Region:
    upper = np.minimum(problem.upper, problem.agent_limit[problem.agent_of_option])
    is_capped = problem.integer.any() or np.isinf(upper).any() or (problem.budget == 0).any()
    if by_budgets or is_capped:
        upper = np.minimum(upper, most_that_budgets_allow(problem))
    if problem.lower.any():
        upper = np.where(_meets_a_used_up_budget(problem), np.minimum(upper, problem.lower), upper)
    whole = problem.integer
    lower = np.where(whole, np.ceil(problem.lower - TOLERANCE), problem.lower)
    upper = np.where(whole, np.floor(upper + TOLERANCE), upper)
    limit, minimum = problem.agent_limit, problem.agent_minimum
    if whole.any():
        fractional = np.bincount(problem.agent_of_option, ~whole, minlength=problem.n_agents)
        all_whole = fractional == 0
        limit = np.where(all_whole, np.floor(limit + TOLERANCE), limit)
        minimum = np.where(all_whole, np.ceil(minimum - TOLERANCE), minimum)
    upper = upper if by_budgets else np.maximum(upper, lower)
    for numbers in (lower, upper, limit, minimum):
        numbers.setflags(write=False)
    return Region(
        agent_of_option=problem.agent_of_option,
        lower=lower,
        upper=upper,
        agent_limit=limit,
        agent_minimum=minimum,
    )


def _meets_a_used_up_budget(problem: AllocationProblem) -> npt.NDArray[np.bool_]:
    """Return which options use a budget of which lower bounds leave nothing."""
    is_used_up = used_up_budgets(problem, problem.lower) & (problem.budget > 0)
    met: npt.NDArray[np.bool_] = problem.usage.T @ is_used_up.astype(np.float64) > 0
    return met


def loosened(own: Region, found: Mapping[str, float]) -> Region:
    """Return the region with room for a decision that breaks rules within their tolerances.

    What a minimum is short of by 1e-9 may be worth a lot to others; a bound without it would refute
    what is allowed.

    Parameters
    ----------
    own : Region
    found : mapping of str to float
        Its violations, see `violations`.
    """
    if not any(found[kind] for kind in ("bounds", "agent_limit", "agent_minimum")):
        return own

    def room(kind: str, side: Floats) -> Floats:
        # A little more, for rounding.
        scale = np.where(np.isfinite(side), np.maximum(1.0, np.abs(side)), 0.0)
        return found[kind] * (1.0 + 1e-6) * scale

    return replace(
        own,
        lower=np.maximum(own.lower - room("bounds", own.lower), np.minimum(own.lower, 0.0)),
        upper=own.upper + room("bounds", own.upper),
        agent_limit=own.agent_limit + room("agent_limit", own.agent_limit),
        agent_minimum=np.maximum(own.agent_minimum - room("agent_minimum", own.agent_minimum), 0.0),
    )


def loosened_rows(rows: CouplingRows, n_exact: int, found: Mapping[str, float]) -> CouplingRows:
    """Return the rows with the same room, but for the first ones, budgets, which are exact."""
    kinds = ("extra_rows", "floor", "ceiling", "spread_cap", "gini_cap")
    amount = max(found.get(kind, 0.0) for kind in kinds)
    if not amount:
        return rows
    # No row weighs more than twice its coefficients at the bounds of further columns.
    further = abs(rows.matrix[:, rows.matrix.shape[1] - len(rows.further) :]) @ rows.further
    reach = 1.0 + 2.0 * float(further.max(initial=0.0))
    scale = np.maximum(reach, np.abs(rows.side))
    scale[:n_exact] = 0.0
    room = np.where(np.isfinite(rows.side), amount * (1.0 + 1e-6) * scale, 0.0)
    return replace(rows, side=rows.side + room)


def most_that_budgets_allow(problem: AllocationProblem) -> Floats:
    """Return the largest decision of each option alone within the budgets; may be infinite."""
    with np.errstate(over="ignore"):
        return least_quotients(problem.budget, problem.usage) * (1 + 4 * EPSILON)


def price_bound(coefficient: Floats, rows: CouplingRows, price: Floats, own: Region) -> float:
    """Return an upper bound on coefficient . x over all feasible x.

    Parameters
    ----------
    coefficient : array of shape (n_options,)
    rows : CouplingRows
    price : array of shape (n_rows,)
        Any numbers; negative and non-finite ones, those of infinite sides, and those that are left
        out at the end count as zero.
    own : Region

    Returns
    -------
    float
        Minus infinity where an agent's own rules contradict each other.

    Notes
    -----
    Lagrangian relaxation: Geoffrion (1974), Math. Program. Study 2, 82-114.
    """
    if own.contradicts_itself().size:
        return -np.inf
    if rows.further.size:
        coefficient = np.concatenate([coefficient, np.zeros(len(rows.further))])
        own = _with_further_columns(own, rows.further)
    multiplier = rows.usable(price)
    charge, gross_charge = rows.charge(multiplier)
    worth = coefficient - charge
    paid = multiplier * rows.finite_side
    filled, is_tied = best_alone(worth, own)
    gross = np.abs(coefficient) + gross_charge
    rounding = (8 + rows.most_of_an_option + 2 * math.log2(len(worth) + len(price))) * EPSILON
    decided = most_decided(worth, filled, is_tied, rounding * gross, own)
    error = float(gross @ decided) + float(multiplier @ rows.gross_side)
    value = np.add.reduce(paid) + np.add.reduce(worth * filled)
    return float(value + rounding * error)


def _with_further_columns(own: Region, most: Floats) -> Region:
    """Return the region with further columns, as if each were the only option of an agent."""
    n_agents, n_further = len(own.agent_limit), len(most)
    nothing = np.zeros(n_further)
    return Region(
        agent_of_option=np.concatenate([own.agent_of_option, n_agents + np.arange(n_further)]),
        lower=np.concatenate([own.lower, nothing]),
        upper=np.concatenate([own.upper, most]),
        agent_limit=np.concatenate([own.agent_limit, np.full(n_further, np.inf)]),
        agent_minimum=np.concatenate([own.agent_minimum, nothing]),
    )


def most_decided(
    worth: npt.NDArray[np.floating],
    filled: Floats,
    is_tied: npt.NDArray[np.bool_] | None,
    error: npt.NDArray[np.floating],
    own: Region,
) -> Floats:
    """Return the decisions by which errors of the worth can count.

    Every product and sum is off by at most a few roundings of its gross size. An option whose worth
    has a certain sign, and whose agent has room, is decided for certain.
    """
    is_certain = np.abs(worth) > error
    if is_tied is not None:
        is_certain &= ~is_tied
    return np.where(is_certain, filled, own.upper)


def best_alone(worth: Floats, own: Region) -> tuple[Floats, npt.NDArray[np.bool_] | None]:
    """Return the best decision of every agent alone, and the options that share what is scarce.

    None where no options share anything.

    Options are filled in the order of their worth.
    """
    is_worth = worth > 0
    best = own.upper * is_worth if own.begins_at_zero else np.where(is_worth, own.upper, own.lower)
    if not own.ties_options:
        return best, None
    total = np.bincount(own.agent_of_option, best, minlength=len(own.agent_limit))
    tied = (total > own.agent_limit) | (total < own.agent_minimum)
    is_tied: npt.NDArray[np.bool_] = tied[own.agent_of_option]
    options = np.flatnonzero(is_tied)
    if options.size == 0:
        return best, is_tied
    agent = own.agent_of_option[options]
    order = np.lexsort((-worth[options], agent))
    options, agent = options[order], agent[order]
    width = own.upper[options] - own.lower[options]
    starts = np.flatnonzero(np.concatenate([[True], agent[1:] != agent[:-1]]))
    before = np.cumsum(width) - width
    before -= np.repeat(before[starts], np.diff(np.append(starts, len(agent))))
    least = np.bincount(own.agent_of_option, own.lower, minlength=len(own.agent_limit))[agent]
    room = np.where(
        worth[options] > 0,
        np.maximum(own.agent_limit[agent], own.agent_minimum[agent]) - least,
        own.agent_minimum[agent] - least,
    )
    best[options] = own.lower[options] + np.clip(room - before, 0.0, width)
    return best, is_tied
