"""What somebody claims of a decision, checked by arithmetic alone: no solver is asked.

The value that is claimed is that of the decision as it was brought; the one that is certified is
that of what is handed out. Prices prove a bound whoever names them, since any are right; those of
zero, which bound by what each agent could get alone, are tried beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from librex_models.allocation import Allocation, Attempt, read_only
from librex_models.analysis.brought_decisions import handed_out
from librex_models.routes.proving import Prover
from librex_models.routes.route import Floats, Question, Reformulation
from librex_models.verification import (
    Certificate,
    Evidence,
    Verdict,
    certify_without_decision,
    coupling_rows,
    violations,
)
from librex_models.verification.certificate import CLAIM_TOLERANCE
from librex_models.verification.violations import is_feasible
from solvers import Limit, Outcome, Program, SolveOptions, SolverSession, Status
from solvers.errors import SolverFailure


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimedValue:
    """A value that is claimed, as an equivalent utility, between its roundings.

    Parameters
    ----------
    least, most : float
    """

    least: float
    most: float

    def nearest(self, value: float) -> float:
        """Return what is claimed, as near to a value as roundings allow."""
        return float(np.clip(value, self.least, self.most))


@dataclass(frozen=True, kw_only=True, eq=False)
class Claims:
    """What somebody claims.

    Parameters
    ----------
    by : str
        Who does.
    status : Status
    limit : Limit or None
    brought : array of shape (n_options,) or None
        The decision, finite; None exactly where the status has no point.
    precision : float
        By how much each entry may be off for its digits, relative.
    values : tuple of ClaimedValue
    bound : float
        Infinite where none is claimed; an equivalent utility.
    row_dual : array of shape (n_rows,) or None
        Of the Program.
    price : array of shape (n_resources,) or None
        In units of welfare.
    message : str
    """

    by: str
    status: Status
    limit: Limit | None
    brought: Floats | None
    precision: float = 0.0
    values: tuple[ClaimedValue, ...] = ()
    bound: float = np.inf
    row_dual: Floats | None = None
    price: Floats | None = None
    message: str = ""


def claimed_value(
    equivalent: Callable[[float], float], objective: float, error: float
) -> ClaimedValue:
    """Return the value that an objective claims.

    Parameters
    ----------
    equivalent : callable of float
        Turns an objective, maximised, into the equivalent utility.
    objective, error : float
        The error is what its digits may be off.
    """
    with np.errstate(all="ignore"):
        least, most = equivalent(objective - error), equivalent(objective + error)
    return ClaimedValue(least=least, most=most)


def checked(
    question: Question,
    program: Program,
    reformulation: Reformulation,
    claims: Claims,
    options: SolveOptions,
) -> Allocation:
    """Return the claims as an allocation with its certificate."""
    prover = Prover(reformulation, _no_solver)
    prover.take(question, program)
    decision, price = None, None
    if claims.brought is None:
        certificate = _without_decision(question, reformulation, claims)
    else:
        decision = handed_out(question.problem, claims.brought, claims.precision)
        certificate, price = _with_decision(prover, question, program, claims, decision, options)
        read_only(decision)
    if price is not None:
        read_only(price)
    return Allocation(
        problem=question.problem,
        family=question.family,
        grouping=question.grouping,
        status=claims.status,
        limit=claims.limit,
        certificate=certificate,
        price=price,
        solver=claims.by,
        route=reformulation.name,
        form="arrays",
        attempts=(_attempt(claims, reformulation),),
        seconds=0.0,
        point=decision,
    )


def _attempt(claims: Claims, reformulation: Reformulation) -> Attempt:
    return Attempt(
        solver=claims.by,
        route=reformulation.name,
        form="arrays",
        status=claims.status,
        limit=claims.limit,
        seconds=0.0,
        rounds=0,
        nodes=0,
        message=claims.message,
        why="its answer was brought, and is checked only",
    )


def _without_decision(
    question: Question, reformulation: Reformulation, claims: Claims
) -> Certificate:
    nothing = np.zeros(question.problem.n_options)
    linear = reformulation.linear_welfare(question, question.utility(nothing), None)
    claims_infeasible = claims.status is Status.INFEASIBLE
    certificate = certify_without_decision(
        question.problem,
        Evidence(linear=linear),
        coupling_rows(question.problem, question.grouping),
        claims_infeasible,
    )
    if not claims_infeasible:
        return certificate
    return replace(certificate, sentence=certificate.sentence + reformulation.advice(question))


def _with_decision(
    prover: Prover,
    question: Question,
    program: Program,
    claims: Claims,
    decision: Floats,
    options: SolveOptions,
) -> tuple[Certificate, Floats | None]:
    """Return the certificate, and the prices that prove a fractional decision optimal."""
    if not is_feasible(violations(question.problem, decision, question.grouping)):
        # Utilities may be no numbers at all.
        with np.errstate(all="ignore"):
            return prover.certificate(decision, Evidence(), options), None
    evidence, price = _evidence(prover, question, program, claims, decision)
    evidence = replace(
        evidence,
        solver_bound=claims.bound,
        solver_bound_counts=False,
        solver_value=_contradicting(question, claims, evidence.solver_tolerance()),
    )
    certificate = prover.certificate(decision, evidence, options)
    is_proven = certificate.verdict is Verdict.OPTIMAL and not question.problem.integer.any()
    return certificate, price if is_proven else None


def _evidence(
    prover: Prover, question: Question, program: Program, claims: Claims, decision: Floats
) -> tuple[Evidence, Floats | None]:
    """Return the evidence with the lowest bound, and the prices that were claimed."""
    utility = question.utility(decision)
    outcome = Outcome(status=Status.OPTIMAL, point=decision, bound=np.inf, row_dual=claims.row_dual)
    price = claims.price
    if price is None:
        price = prover.price_of_budgets(prover.coupling_duals(outcome, program))
    found: list[Evidence] = []
    nothing = np.zeros(question.problem.n_resources)
    for prices in (nothing,) if price is None else (price, nothing):
        at = prover.at(outcome, utility, prices)
        found += [at, prover.within_budgets(at)]
    best = found[0]
    for other in found[1:]:
        best = prover.better(best, other)
    tolerance = best.solver_tolerance() + claims.precision * _size(question, decision)
    return replace(best, solver_tolerance=lambda: tolerance), price


def _size(question: Question, decision: Floats) -> float:
    """Return what the parts of the largest utility add up to, in units of the equivalent."""
    gross = question.grouping.utility(np.abs(question.reward), decision)
    return float(gross.max(initial=0.0)) / min(1.0, float(question.grouping.weight.min()))


def _contradicting(question: Question, claims: Claims, tolerance: float) -> float | None:
    """Return the claimed value that is not that of what was brought; None where none is."""
    if claims.brought is None:
        return None
    utility = np.maximum(question.utility(claims.brought), 0.0)
    if not question.family.compares_utilities:
        utility = question.utility(claims.brought)
    value = question.family.equivalent(question.grouping.weight, utility)
    scale = max(CLAIM_TOLERANCE * abs(value), tolerance)
    nearest = [claimed.nearest(value) for claimed in claims.values]
    wrong = [claimed for claimed in nearest if not abs(claimed - value) <= scale]
    return wrong[0] if wrong else None


def _no_solver(program: Program) -> SolverSession:  # noqa: ARG001
    raise SolverFailure("a claim is checked without a solver")
