"""The certificate: what was checked of a decision and of a bound, and the verdict.

OPTIMAL     feasible by our own check, and the better bound is within the requested gap
FEASIBLE    feasible by our own check
INFEASIBLE  proven by multipliers or by arithmetic
UNDECIDED   no decision, and no proof that there is none
REFUTED     a claim of the solver is contradicted by arithmetic beyond its tolerance
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models.families import Family
from librex_models.problem import AllocationProblem, Grouping
from librex_models.verification.exact_budgets import broken_budgets
from librex_models.verification.price_bound import (
    EPSILON,
    CouplingRows,
    Region,
    loosened,
    loosened_rows,
    price_bound,
    region,
)
from librex_models.verification.violations import is_feasible, violations

Floats = npt.NDArray[np.float64]

CLAIM_TOLERANCE = 2e-6
"""A solver's bound or value may be off by this much, relative, before it counts as wrong."""
ROUNDINGS_OF_NOTHING = 2.0**12
"""A bound of so many roundings of what can be reached is one of nothing."""


class Verdict(Enum):
    """What we checked."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNDECIDED = "undecided"
    REFUTED = "refuted"


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearWelfare:
    """A linear function of the decision that no feasible welfare exceeds.

    Parameters
    ----------
    coefficient : array of shape (n_options,)
    constant : float
    to_equivalent : callable of float
        Turns its value into the equally-distributed equivalent.
    region : Region
        What each agent may decide alone.
    """

    coefficient: Floats
    constant: float
    to_equivalent: Callable[[float], float]
    region: Region


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What a route hands over to be checked.

    Parameters
    ----------
    linear : LinearWelfare or None
        Without it there is no bound from prices.
    price : array of shape (n_rows,) or None
        Multipliers of the coupling rows, in units of `linear`.
    infeasibility_price : array of shape (n_rows,) or None
        Multipliers that are said to prove infeasibility.
    solver_bound : float
        The solver's own bound as an equivalent utility; infinite when unknown.
    solver_value : float or None
        The solver's own value of its point as an equivalent utility.
    solver_tolerance : callable
        Returns by how much these two may be off, in units of utility, because the solver works to
        a tolerance of what can be reached rather than of what is. Asked only where they are off.
    solver_bound_counts : bool
        Whether the solver's bound may prove a gap; it can be refuted all the same.
    """

    linear: LinearWelfare | None = None
    price: Floats | None = None
    infeasibility_price: Floats | None = None
    solver_bound: float = np.inf
    solver_value: float | None = None
    solver_tolerance: Callable[[], float] = lambda: 0.0
    solver_bound_counts: bool = True


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level of a lexicographic max-min decision, and what no other decision can exceed.

    Parameters
    ----------
    value : float
        The smallest utility per weight among those that lower levels do not settle.
    bound : float
        What that can be in no decision that gives as much to all whom lower levels settle.
    gap : float
        (bound - value) / bound; or if that is more, the same of somebody settled here, and what
        that one could get with nobody below the level.
    bound_from : str
        "prices", "solver", "arithmetic" (somebody alone can have no more) or "none".
    settled : tuple of hashable
        Who cannot get more without less for somebody at this level or below; for whole decisions,
        where nobody is settled but only their number, empty.
    """

    value: float
    bound: float
    gap: float
    bound_from: str
    settled: tuple[Hashable, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate:
    """What was checked, and what came out.

    Attributes
    ----------
    verdict : Verdict
    violations : mapping of str to float
        The largest violation of each kind; empty without a decision.
    value, bound : float
        Equivalent utility of the decision and its proven upper bound.
    gap : float
        (bound - value) / bound.
    bound_from : str
        "prices", "solver" or "none". Only prices are independent of the solver.
    price_bound, solver_bound : float
        Both bounds; infinite where there is none.
    price : array of shape (n_resources,) or None
        The multipliers of the bound from prices.
    levels : tuple of Level
        Of a lexicographic max-min decision, the lowest first; empty for other models.
    sentence : str
        All of this in words.
    """

    verdict: Verdict
    violations: Mapping[str, float] = field(default_factory=dict)
    value: float = -np.inf
    bound: float = np.inf
    gap: float = np.inf
    bound_from: str = "none"
    price_bound: float = np.inf
    solver_bound: float = np.inf
    price: Floats | None = None
    levels: tuple[Level, ...] = ()
    sentence: str


def relative_gap(bound: float, value: float) -> float:
    """Return |bound - value| / max(|bound|, |value|), 0 for 0 and 0.

    Examples
    --------
    >>> relative_gap(4.0, 3.0)
    0.25
    """
    if bound == value:
        return 0.0
    if not (math.isfinite(bound) and math.isfinite(value)):
        return np.inf
    return abs(bound - value) / max(abs(bound), abs(value))


def certify(
    problem: AllocationProblem,
    grouping: Grouping,
    family: Family,
    decision: Floats,
    evidence: Evidence,
    rows: CouplingRows,
    *,
    relative_gap_wanted: float,
    absolute_gap_wanted: float,
) -> Certificate:
    """Return the certificate of a decision.

    Parameters
    ----------
    problem, grouping, family
        What was asked.
    decision : array of shape (n_options,)
    evidence : Evidence
    rows : CouplingRows
    relative_gap_wanted, absolute_gap_wanted : float
        OPTIMAL is said within either.
    """
    found = violations(problem, decision, grouping)
    utility = grouping.utility(problem.known_reward, decision)
    value = family.equivalent(grouping.weight, utility)
    if evidence.linear is not None and any(found.values()):
        loose = loosened(evidence.linear.region, found)
        if loose is not evidence.linear.region:
            evidence = replace(evidence, linear=replace(evidence.linear, region=loose))
        rows = loosened_rows(rows, problem.n_resources, found)
    by_prices = bound_from_prices(evidence, rows)
    refutation = _refutation(found, value, by_prices, evidence)
    price = None if evidence.price is None else evidence.price[: problem.n_resources]
    bounds = {"price_bound": by_prices, "solver_bound": evidence.solver_bound}
    checked: dict[str, Any] = {"violations": found, "value": value, "price": price, **bounds}
    if refutation:
        return Certificate(verdict=Verdict.REFUTED, sentence=refutation, **checked)

    def proves(bound: float) -> bool:
        lifted = max(bound, value)
        gap = relative_gap(lifted, value)
        return gap <= relative_gap_wanted or lifted - value <= absolute_gap_wanted

    by_solver = evidence.solver_bound if evidence.solver_bound_counts else np.inf
    source, bound = _better_bound(by_prices, by_solver, proves)
    if value == 0.0 and bound > 0.0 and bound < _least_positive(problem, grouping, family):
        # Nothing positive is as small as the bound.
        bound = 0.0
    elif value == 0.0 and source == "prices" and bound < rounding_of_nothing(problem, grouping):
        bound = 0.0
    lifted = max(bound, value)
    gap = relative_gap(lifted, value)
    verdict = Verdict.OPTIMAL if proves(bound) else Verdict.FEASIBLE
    return Certificate(
        verdict=verdict,
        bound=lifted,
        gap=gap,
        bound_from=source,
        sentence=_sentence(verdict, lifted, gap, source),
        **checked,
    )


def certify_without_decision(
    problem: AllocationProblem, evidence: Evidence, rows: CouplingRows, claims_infeasible: bool
) -> Certificate:
    """Return the certificate where there is no decision: INFEASIBLE if proven, else UNDECIDED."""
    by_prices = bound_from_prices(evidence, rows)
    by_solver = evidence.solver_bound if evidence.solver_bound_counts else np.inf
    source, bound = _better_bound(by_prices, by_solver, lambda _: False)
    sentence = "No decision was found; whether there is one is not known."
    if claims_infeasible:
        sentence = "The solver says that there is no decision; we have no proof of our own."
    checked = Certificate(
        verdict=Verdict.UNDECIDED,
        bound=bound,
        bound_from=source,
        price_bound=by_prices,
        solver_bound=evidence.solver_bound,
        sentence=sentence,
    )
    proof = _proof_of_infeasibility(problem, evidence, rows)
    if not proof:
        return checked
    return replace(checked, verdict=Verdict.INFEASIBLE, bound=-np.inf, sentence=proof)


def _least_positive(problem: AllocationProblem, grouping: Grouping, family: Family) -> float:
    """Return a bound below which no positive equivalent utility lies.

    Infinite where none can be reached; else zero where decisions are fractional, or where negative
    rewards may be forced on somebody.
    """
    reward, own = problem.known_reward, region(problem, by_budgets=True)
    if family.equivalent(grouping.weight, grouping.utility(np.abs(reward), own.upper)) == 0.0:
        return np.inf
    is_free = not (
        problem.lower.any()
        or problem.agent_minimum.any()
        or len(problem.extra_rows) > 0
        or grouping.limits is not None
    )
    if not problem.integer.all() or ((reward < 0).any() and not is_free):
        return 0.0
    links = grouping.links(reward)
    gains = (links.earned > 0) & (own.upper > 0)[links.option]
    smallest = np.full(len(grouping), np.inf)
    np.minimum.at(smallest, links.group[gains], links.earned[gains])
    utility = np.where(grouping.history > 0, grouping.history, smallest)
    if np.isinf(utility).all():
        return np.inf
    alone = [
        family.equivalent(grouping.weight, np.where(np.arange(len(utility)) == g, utility[g], 0.0))
        for g in np.flatnonzero(np.isfinite(utility)).tolist()
    ]
    if min(alone) > 0.0:
        return min(alone)
    # Everybody needs something: nothing is positive without the least of each.
    return family.equivalent(grouping.weight, utility) if np.isfinite(utility).all() else np.inf


def rounding_of_nothing(problem: AllocationProblem, grouping: Grouping) -> float:
    """Return a bound on a utility per weight below which there is nothing but rounding errors.

    Where lower bounds, minimums or floors use a budget up, nothing is left to somebody, and the
    sums that say so are off by a few roundings of what there is. Zero where nothing is forced.
    """
    is_floored = grouping.limits is not None and grouping.limits.floor.any()
    if not (is_floored or problem.lower.any() or problem.agent_minimum.any()):
        return 0.0
    most = grouping.utility(np.abs(problem.known_reward), region(problem, by_budgets=True).upper)
    weight = grouping.weight if grouping.weighted is None else grouping.weight.min()
    return ROUNDINGS_OF_NOTHING * EPSILON * float((most / weight).max())


def bound_from_prices(evidence: Evidence, rows: CouplingRows) -> float:
    """Return the bound from prices as an equivalent utility; infinite where there are none."""
    linear = evidence.linear
    if linear is None or evidence.price is None:
        return np.inf
    value = price_bound(linear.coefficient, rows, evidence.price, linear.region)
    total = value + linear.constant
    # One more rounding, of the sum, on the safe side.
    return linear.to_equivalent(total + 4 * EPSILON * (abs(value) + abs(linear.constant)))


def _better_bound(
    by_prices: float, by_solver: float, proves: Callable[[float], bool]
) -> tuple[str, float]:
    """Return the source and the bound: prices where they suffice, else the smaller of the two."""
    if math.isinf(by_prices) and math.isinf(by_solver):
        return "none", np.inf
    if proves(by_prices) or by_prices <= by_solver:
        return "prices", by_prices
    return "solver", by_solver


def _refutation(
    found: Mapping[str, float], value: float, by_prices: float, evidence: Evidence
) -> str:
    if not is_feasible(found):
        broken = ", ".join(
            f"{kind} by {amount:.3g}" for kind, amount in found.items() if amount > 0
        )
        return f"The decision breaks the rules of the problem: {broken}."

    def is_off(difference: float) -> bool:
        is_seen = difference > CLAIM_TOLERANCE * abs(value)
        return is_seen and difference > evidence.solver_tolerance()

    if is_off(value - evidence.solver_bound):
        return (
            f"The solver's bound {evidence.solver_bound:.12g} is below the verified value "
            f"{value:.12g}."
        )
    if is_off(value - by_prices):
        return f"The bound from prices {by_prices:.12g} is below the verified value {value:.12g}."
    claimed = evidence.solver_value
    if claimed is not None and is_off(abs(claimed - value)):
        return f"The solver claims the value {claimed:.12g}, the decision is worth {value:.12g}."
    return ""


def _proof_of_infeasibility(
    problem: AllocationProblem, evidence: Evidence, rows: CouplingRows
) -> str:
    if evidence.linear is None:
        return ""
    capped = region(problem, by_budgets=True).upper
    own = replace(evidence.linear.region, upper=np.minimum(evidence.linear.region.upper, capped))
    impossible = broken_budgets(problem, problem.lower)
    if impossible.any():
        resource = problem.resources[int(np.flatnonzero(impossible)[0])]
        return f"Proven by arithmetic: the lower bounds alone exceed the budget of {resource!r}."
    contradictory = own.contradicts_itself()
    if contradictory.size:
        agent = problem.agents[int(contradictory[0])]
        return f"Proven by arithmetic: the rules of agent {agent!r} alone cannot all be met."
    if evidence.infeasibility_price is None:
        return ""
    nothing = np.zeros(problem.n_options)
    if price_bound(nothing, rows, evidence.infeasibility_price, own) < 0:
        return (
            "Proven by multipliers: at the certificate's prices the least that agents must take "
            "costs more than the budgets are worth."
        )
    return ""


def _sentence(verdict: Verdict, bound: float, gap: float, source: str) -> str:
    words = {"prices": "prices, recomputed outside the solver", "solver": "the solver's own bound"}
    if source == "none":
        return "Feasible by our own check; nothing bounds it from above."
    degree = "optimal" if verdict is Verdict.OPTIMAL else "feasible"
    return f"Verified {degree}: at most {bound:.10g}, a gap of {gap:.2g}, by {words[source]}."
