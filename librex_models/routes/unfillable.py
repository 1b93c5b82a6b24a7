"""One budget: where floors, ceilings, minimums and lower bounds cannot all be met, with the proof.

Three ways: what is given at least exceeds a ceiling; nobody can buy as much as a floor; or the
cheapest way to all of them costs more than the budget. Each is proven by multipliers, those of
floors being what their last unit costs.
"""

from __future__ import annotations

import numpy as np

from librex_models.routes.plain import Plain
from librex_models.routes.route import Answer, Floats, Question
from librex_models.routes.segments import Limited, Market
from librex_models.verification import (
    Certificate,
    Evidence,
    Verdict,
    certify_without_decision,
    coupling_rows,
    region,
)
from solvers import Status
from solvers.errors import SolverFailure

ROUNDING = 1e-9
"""As a share of what there is; rules hold to a tolerance, but for budgets."""


def denial(question: Question, market: Market, limited: Limited) -> Answer | None:
    """Return the answer that there is no decision, with its proof; None where nothing is amiss.

    Raises
    ------
    SolverFailure
        If something is, but nothing proves it.
    """
    tried = _multipliers(question, market, limited)
    for infeasibility_price, short in tried:
        certificate = _certificate(question, infeasibility_price)
        if certificate.verdict is Verdict.INFEASIBLE:
            return Answer(
                status=Status.INFEASIBLE,
                limit=None,
                decision=None,
                certificate=certificate,
                message="limits cannot all be met within the budget",
            )
        if short > ROUNDING:
            raise SolverFailure("not filled: limits cannot be met, but multipliers do not prove it")
    return None


def _certificate(question: Question, infeasibility_price: Floats) -> Certificate:
    nothing = np.zeros(question.problem.n_options)
    linear = Plain().linear_welfare(question, question.utility(nothing), None)
    rows = coupling_rows(question.problem, question.grouping)
    evidence = Evidence(linear=linear, infeasibility_price=infeasibility_price)
    return certify_without_decision(question.problem, evidence, rows, claims_infeasible=True)


def _multipliers(
    question: Question, market: Market, limited: Limited
) -> list[tuple[Floats, float]]:
    """Return multipliers that may prove that there is no decision, and how far it is from one."""
    problem, segments = question.problem, market.segments
    n_groups, limits = len(question.grouping), question.grouping.limits
    floor = np.zeros(n_groups) if limits is None else limits.floor
    ceiling = np.full(n_groups, np.inf) if limits is None else limits.ceiling

    def prices(on_budget: float, on_floors: Floats, on_ceilings: Floats) -> Floats:
        price = np.zeros(problem.n_resources)
        if problem.n_resources:
            price[market.resource] = on_budget
        if limits is None:
            return price
        rows = [price, on_floors[limits.with_floor], on_ceilings[limits.with_ceiling]]
        return np.concatenate(rows)

    nobody = np.zeros(n_groups)
    found = []
    if region(problem).contradicts_itself().size:
        found.append((prices(0.0, nobody, nobody), np.inf))
    above = np.flatnonzero(market.base > ceiling)
    reach = market.base.copy()
    np.maximum.at(reach, segments.group, segments.end)
    below = np.flatnonzero(reach < floor)
    for g in above.tolist():
        only = np.where(np.arange(n_groups) == g, 1.0, 0.0)
        found.append((prices(0.0, nobody, only), _share(market.base[g], ceiling[g])))
    for g in below.tolist():
        only = np.where(np.arange(n_groups) == g, 1.0, 0.0)
        found.append((prices(0.0, only, nobody), _share(floor[g], reach[g])))
    left = limited.segments.room
    if left < 0.0:
        is_due = limited.due > 0
        cost = np.zeros(n_groups)
        np.maximum.at(cost, segments.group[is_due], 1.0 / segments.rate[is_due])
        budget = float(problem.budget[market.resource])
        found.append((prices(1.0, cost, nobody), _share(budget - left, budget)))
    return found


def _share(more: float, less: float) -> float:
    """Return how far the first is above the second, as violations are measured."""
    return (more - less) / max(1.0, less)
