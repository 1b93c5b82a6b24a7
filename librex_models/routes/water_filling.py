"""One budget, fractional decisions: welfare by sorting, without a solver.

Alpha-fair welfare is filled to one price, max-min to one level after another; see `filling`. The
answer is proven by the same prices as a solver's, recomputed in `verification`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from librex_models.families import AlphaFairness, MaxMinFairness
from librex_models.routes.filling import Filling, filled, filled_in_order, shared_among_equals
from librex_models.routes.leximin import with_levels
from librex_models.routes.plain import Plain
from librex_models.routes.route import Answer, Floats, Question
from librex_models.routes.segments import Segments, segments_of, why_not_one_budget
from librex_models.verification import (
    Certificate,
    Evidence,
    Level,
    Region,
    Verdict,
    bound_from_prices,
    bounds_of_levels,
    certify,
    certify_without_decision,
    coupling_rows,
    region,
    relative_gap,
    rounding_of_nothing,
    scaled_back,
    violations,
)
from librex_models.verification.certificate import CLAIM_TOLERANCE
from librex_models.verification.price_bound import EPSILON, loosened
from solvers import Counts, Program, SolveOptions, Status
from solvers.errors import SolverFailure
from solvers.program import Integers

# What is filled to a common price is worth that price but for roundings: a hair more decides.
HAIR = 256 * EPSILON
SAME_LEVEL = 1e-12


class WaterFilling:
    """A question of one budget; there is nothing to open or to close.

    Parameters
    ----------
    question : Question
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._counts = Counts()

    @property
    def counts(self) -> Counts:
        """How often numbers were changed; nothing is ever handed over."""
        return self._counts

    def update(
        self,
        question: Question,
        program: Program,  # noqa: ARG002
        forbid_rebuild: bool = False,  # noqa: ARG002
    ) -> None:
        """Take new numbers."""
        self._question = question
        self._counts = self._counts.updated("numbers of one budget")

    def solve(self, options: SolveOptions) -> Answer:
        """Fill and verify.

        Raises
        ------
        SolverFailure
            If the numbers are not those of one budget, or the answer is refuted: a solver has to
            be asked.
        """
        why_not = why_not_one_budget(self._question)
        if why_not:
            raise SolverFailure(f"not filled: {why_not}")
        answer = filled_answer(self._question, options)
        if answer.certificate.verdict is Verdict.REFUTED:
            raise SolverFailure(f"filled wrongly: {answer.certificate.sentence}")
        return answer

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Filled:
    """A question with its filling."""

    question: Question
    segments: Segments
    filling: Filling
    decision: Floats
    utility: Floats


def filled_answer(question: Question, options: SolveOptions) -> Answer:
    """Return the answer of a question of one budget, with its certificate."""
    segments = segments_of(question)
    if segments.room < 0.0:
        return _without_decision(question)
    filling = _filling(question, segments)
    spent = shared_among_equals(segments, filling.spent)
    problem = question.problem
    decision = np.clip(segments.decided(spent), problem.lower, problem.upper)
    decision, _ = scaled_back(problem, decision)
    found = _Filled(
        question=question,
        segments=segments,
        filling=filling,
        decision=decision,
        utility=question.utility(decision),
    )
    if isinstance(question.family, MaxMinFairness):
        return _level_answer(found, options)
    certificate, price = _best_proof(found, [_tangent(found)], options)
    return _answer(decision, certificate, price)


def _without_decision(question: Question) -> Answer:
    """Return the answer where what is given at least exceeds the budget.

    Raises
    ------
    SolverFailure
        If lower bounds alone do not prove it: by a rounding error only, or by minimums of agents.
    """
    nothing = np.zeros(question.problem.n_options)
    linear = Plain().linear_welfare(question, question.utility(nothing), None)
    rows = coupling_rows(question.problem, question.grouping)
    certificate = certify_without_decision(
        question.problem, Evidence(linear=linear), rows, claims_infeasible=True
    )
    if certificate.verdict is not Verdict.INFEASIBLE:
        raise SolverFailure("not filled: lower bounds and minimums exceed the budget")
    return Answer(
        status=Status.INFEASIBLE,
        limit=None,
        decision=None,
        certificate=certificate,
        message="the lower bounds alone exceed a budget",
    )


def _filling(question: Question, segments: Segments) -> Filling:
    family = question.family
    log_weight = np.log(question.grouping.weight)[segments.group]
    if isinstance(family, MaxMinFairness):
        return filled(segments, log_weight)
    worth = log_weight + np.log(segments.rate)
    if isinstance(family, AlphaFairness) and family.alpha > 0.0:
        return filled(segments, worth / family.alpha)
    return filled_in_order(segments, worth)


def _answer(decision: Floats, certificate: Certificate, price: Floats) -> Answer:
    return Answer(
        status=Status.OPTIMAL,
        limit=None,
        decision=decision,
        certificate=certificate,
        price=price,
        message="one budget, filled by sorting",
        rounds=0,
    )


def _is_scarce(filling: Filling) -> bool:
    """Return whether the budget does not last for all; where there is none, the height is -inf."""
    return filling.height < np.inf


def _prices(found: _Filled, slope: Floats) -> Floats:
    """Return the price at which nothing more is worth buying, shape (n_resources,)."""
    segments, price = found.segments, np.zeros(found.question.problem.n_resources)
    is_open = found.filling.spent < segments.cost
    if _is_scarce(found.filling):
        marginal = slope[segments.group[is_open]] * segments.rate[is_open]
        price[segments.resource] = float(marginal.max(initial=0.0))
    return price


def _tangent(found: _Filled) -> tuple[Evidence, Floats]:
    """Return the evidence by the tangent at the utilities, and the price in units of welfare."""
    question = found.question
    majorant = question.family.majorant(question.grouping.weight, found.utility)
    if not np.isfinite(majorant.slope).all():
        raise SolverFailure("filled, but utilities are too small to prove anything")
    price = _prices(found, majorant.slope)
    linear = Plain().linear_welfare(question, found.utility, None)
    with np.errstate(over="ignore"):
        unit = float(np.exp(question.family.log_unit(majorant.reference)))
        in_welfare = np.multiply(price, unit, out=np.zeros_like(price), where=price > 0)
    return Evidence(linear=linear, price=price * (1.0 + HAIR)), in_welfare


def _best_proof(
    found: _Filled, tried: list[tuple[Evidence, Floats]], options: SolveOptions
) -> tuple[Certificate, Floats]:
    """Return the certificate by the evidence with the lowest bound, and its price."""
    question = found.question
    rows = coupling_rows(question.problem, question.grouping)
    evidence, price = min(tried, key=lambda one: bound_from_prices(one[0], rows))
    certificate = certify(
        question.problem,
        question.grouping,
        question.family,
        found.decision,
        evidence,
        rows,
        relative_gap_wanted=options.relative_gap,
        absolute_gap_wanted=options.absolute_gap,
    )
    return certificate, price


# Max-min: levels.


def _level_answer(found: _Filled, options: SolveOptions) -> Answer:
    question = found.question
    slope = _cost_of_utility(found)
    level = _level_of_each(found)
    lowest = np.flatnonzero(level == 0)
    together = np.where(level == 0, slope, 0.0)
    alone = np.zeros(len(slope))
    alone[lowest[int(np.argmin((found.utility / question.grouping.weight)[lowest]))]] = 1.0
    tried = [_multipliers(found, y) for y in (together, alone)]
    certificate, price = _best_proof(found, tried, options)
    family = question.family
    if isinstance(family, MaxMinFairness) and family.lexicographic:
        certificate = with_levels(certificate, _levels(found, slope, level), options)
    return _answer(found.decision, certificate, price)


def _multipliers(found: _Filled, share: Floats) -> tuple[Evidence, Floats]:
    """Return the evidence by multipliers of the utilities, and the price of the budget."""
    total = float(share @ found.question.grouping.weight)
    y = share / total if total > 0.0 else share
    linear = Plain().linear_welfare(found.question, found.utility, y)
    price = _prices(found, y)
    return Evidence(linear=linear, price=price * (1.0 + HAIR)), price


def _cost_of_utility(found: _Filled) -> Floats:
    """Return what the last unit of each utility cost, or the next would; shape (n_groups,)."""
    segments, spent = found.segments, found.filling.spent
    n_groups = len(found.question.grouping)
    touched = spent > 0
    # Rates fall, so the last one that was touched counts; who got nothing would begin with the
    # first.
    side = np.where(spent < segments.cost, 1.0 - HAIR, 1.0 + HAIR) / segments.rate
    last, first = np.zeros(n_groups), np.full(n_groups, np.inf)
    np.maximum.at(last, segments.group[touched], side[touched])
    np.minimum.at(first, segments.group[~touched], side[~touched])
    return np.where(last > 0, last, np.where(np.isfinite(first), first, 0.0))


def _level_of_each(found: _Filled) -> Integers:
    """Return the number of the level that each utility is on, the lowest being 0."""
    per_weight = found.utility / found.question.grouping.weight
    rising = found.segments.group[found.filling.is_rising]
    if rising.size:
        # They are one level but for roundings.
        per_weight[rising] = per_weight[rising].min()
    order = np.argsort(per_weight, kind="stable")
    ordered = per_weight[order]
    is_new = np.diff(ordered, prepend=ordered[:1]) > SAME_LEVEL * ordered
    level = np.empty(len(order), dtype=np.int64)
    level[order] = np.cumsum(is_new)
    return level


def _with_minimums_as_bounds(own: Region) -> Region:
    """Return the region with the minimum of whoever has one option as its lower bound."""
    has_one = np.bincount(own.agent_of_option, minlength=len(own.agent_minimum)) == 1
    least = np.where(has_one, own.agent_minimum, 0.0)[own.agent_of_option]
    return replace(own, lower=np.maximum(own.lower, np.minimum(least, own.upper)))


def _levels(found: _Filled, slope: Floats, level: Integers) -> tuple[Level, ...]:
    question = found.question
    problem, grouping = question.problem, question.grouping
    own = _with_minimums_as_bounds(loosened(region(problem), violations(problem, found.decision)))
    price = np.zeros(problem.n_resources)
    if _is_scarce(found.filling):
        price[found.segments.resource] = 1.0
    bound, most = bounds_of_levels(problem, grouping, slope, price, found.utility, level, own)
    nothing = rounding_of_nothing(problem, grouping)
    per_weight = found.utility / grouping.weight
    most = np.where((per_weight == 0.0) & (most < nothing), 0.0, most)
    order = np.argsort(level, kind="stable")
    ends = np.searchsorted(level[order], np.arange(len(bound) + 1))
    levels = []
    for number in range(len(bound)):
        members = order[ends[number] : ends[number + 1]]
        value = float(per_weight[members].min())
        most_here = float(bound[number])
        if value == 0.0 and most_here < nothing:
            most_here = 0.0
        if most_here > value - CLAIM_TOLERANCE * abs(value):
            most_here = max(most_here, value)
        got = per_weight[members]
        beyond = np.maximum(most[members], got)
        scale = np.where(beyond > 0, beyond, 1.0)
        gap = max(relative_gap(most_here, value), float(((beyond - got) / scale).max()))
        levels.append(
            Level(
                value=value,
                bound=most_here,
                gap=gap,
                bound_from="prices",
                settled=tuple(grouping.labels[g] for g in members.tolist()),
            )
        )
    return tuple(levels)
