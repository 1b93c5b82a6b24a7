"""One budget, fractional decisions: welfare by sorting, without a solver.

Alpha-fair welfare is filled to one price, max-min to one level after another; see `filling`. The
answer is proven by the same prices as a solver's, recomputed in `verification`.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from librex_models.families import AlphaFairness, MaxMinFairness, NestedFairness
from librex_models.routes.closed_form import NEAREST_TO_ZERO
from librex_models.routes.filled import Filled
from librex_models.routes.filled_levels import best_proof, certificate_of_levels, is_max_min
from librex_models.routes.filling import Filling, filled, filled_in_order
from librex_models.routes.moves import why_not_one_budget
from librex_models.routes.nested_filling import nested_filled, worth_of_members
from librex_models.routes.route import Answer, Floats, Question
from librex_models.routes.segments import Segments, between_limits, market_of
from librex_models.routes.unfillable import denial
from librex_models.verification import Evidence, Verdict, scaled_back
from solvers import Counts, Program, SolveOptions, Status
from solvers.errors import SolverFailure

NAMED = 3
"""So many tied options or groups are named."""


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


def filled_answer(question: Question, options: SolveOptions) -> Answer:
    """Return the answer of a question of one budget, with its certificate.

    Raises
    ------
    SolverFailure
        If rules are broken by a rounding error only, or more, and nothing proves it.
    """
    market = market_of(question)
    limits, n_groups = question.grouping.limits, len(question.grouping)
    floor = np.zeros(n_groups) if limits is None else limits.floor
    ceiling = np.full(n_groups, np.inf) if limits is None else limits.ceiling
    limited = between_limits(market.segments, floor, ceiling)
    denied = denial(question, market, limited)
    if denied is not None:
        return denied
    filling = _filling(question, limited.segments, market.base)
    decision = market.decided(limited.in_all(filling.spent))
    problem = question.problem
    decision, _ = scaled_back(problem, np.clip(decision, problem.lower, problem.upper))
    found = Filled(
        question=question,
        market=market,
        limited=limited,
        filling=filling,
        decision=decision,
        utility=question.utility(decision),
    )
    if is_max_min(question.family):
        certificate, price = certificate_of_levels(found, options)
    else:
        certificate, price = best_proof(found, [_tangent(found)], options)
    return Answer(
        status=Status.OPTIMAL,
        limit=None,
        decision=decision,
        certificate=certificate,
        price=price,
        message=_message(found),
        rounds=0,
    )


def _filling(question: Question, segments: Segments, base: Floats) -> Filling:
    family = question.family
    if isinstance(family, NestedFairness):
        return nested_filled(segments, family, question.grouping.weight, base)
    log_weight = np.log(question.grouping.weight)[segments.group]
    if isinstance(family, MaxMinFairness):
        return filled(segments, log_weight, np.inf)
    if isinstance(family, AlphaFairness) and not _is_straight(question):
        return filled(segments, log_weight, family.alpha)
    return filled_in_order(segments, log_weight + np.log(segments.rate))


def _tangent(found: Filled) -> tuple[Evidence, Floats]:
    """Return the evidence by the tangent at the utilities, and the price in units of welfare."""
    question = found.question
    multiplier = None
    if isinstance(question.family, NestedFairness):
        multiplier = worth_of_members(found.market.segments, question.family, found.utility)
    majorant = question.family.majorant(question.grouping.weight, found.utility, multiplier)
    if not np.isfinite(majorant.slope).all():
        raise SolverFailure("filled, but utilities are too small to prove anything")
    evidence, price = found.evidence(majorant.slope, multiplier)
    with np.errstate(over="ignore"):
        unit = float(np.exp(question.family.log_unit(majorant.reference)))
        in_welfare = np.multiply(price, unit, out=np.zeros_like(price), where=price > 0)
    return evidence, in_welfare


def _is_straight(question: Question) -> bool:
    """Return whether a unit of the budget is worth the same however much is spent."""
    family = question.family
    if isinstance(family, AlphaFairness):
        return family.alpha < NEAREST_TO_ZERO
    return not isinstance(family, (MaxMinFairness, NestedFairness))


def _message(found: Filled) -> str:
    """Return how the answer came about, and where it is one of several that are as good."""
    question, said = found.question, ["one budget, filled by sorting"]
    options = found.market.tied_options(found.spent, found.decision)
    if options.size:
        names = [question.problem.options[j] for j in options.tolist()]
        said.append(f"options {_listed(names)} are equally good and share in proportion")
    rising = found.market.segments.group[found.filling.is_rising]
    if _is_straight(question) and rising.size > 1:
        names = [question.grouping.labels[g] for g in rising.tolist()]
        kind = question.grouping.kind
        said.append(f"{kind}s {_listed(names)} are equally good and get equal parts of the budget")
    return "; ".join(said)


def _listed(names: list[Hashable]) -> str:
    """Return the first of some names and how many more there are."""
    shown, more = names[:NAMED], len(names) - NAMED
    words = ", ".join(repr(name) for name in shown)
    return f"{words} and {more} more" if more > 0 else words
