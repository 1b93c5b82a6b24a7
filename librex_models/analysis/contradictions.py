"""Whether an answer contradicts another one that was verified, or what every problem is.

All numbers are equivalent utilities, in which gaps are measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.allocation import Allocation
from librex_models.families import AlphaFairness
from librex_models.routes.proving import reach_tolerance
from librex_models.routes.route import Question
from librex_models.verification import Verdict, region, relative_gap
from librex_models.verification.certificate import CLAIM_TOLERANCE
from solvers import SolveOptions, Status


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """By how much answers may differ.

    Parameters
    ----------
    tolerance : float
        What solvers may rightly be off, because they work to a tolerance of what can be reached.
    relative_gap, absolute_gap : float
        The gaps that were asked for.
    """

    tolerance: float
    relative_gap: float
    absolute_gap: float

    def of(self, value: float) -> float:
        """Return what a solver may be off near a value, as a certificate allows it."""
        return max(CLAIM_TOLERANCE * abs(value), self.tolerance)


def allowance_of(question: Question, options: SolveOptions) -> Allowance:
    """Return by how much answers to a question may differ."""
    problem, tolerance = question.problem, 0.0
    if problem.integer.any() or not isinstance(question.family, AlphaFairness):
        tolerance = reach_tolerance(question, region(problem, by_budgets=True).upper)
    return Allowance(
        tolerance=tolerance,
        relative_gap=options.relative_gap,
        absolute_gap=options.absolute_gap,
    )


def contradiction(
    answer: Allocation,
    is_exact: bool,
    best: Allocation | None,
    best_name: str,
    allowance: Allowance,
) -> str:
    """Return what an answer contradicts, in words; an empty text where nothing.

    Parameters
    ----------
    answer : Allocation
    is_exact : bool
        Whether the solver's optimum is one, and not only near it.
    best : Allocation or None
        The best answer with a verified decision.
    best_name : str
        Whose it is.
    allowance : Allowance
    """
    if answer.verdict is Verdict.REFUTED:
        return f"refuted: {answer.certificate.sentence}"
    if answer.status is Status.UNBOUNDED:
        return "says unbounded, and every problem is bounded"
    if best is None:
        return ""
    value, allowed = best.equivalent, allowance.of(best.equivalent)
    verified = f"verified for {best_name}"
    if answer.verdict is Verdict.INFEASIBLE:
        return f"is proven infeasible, against a decision {verified}"
    # Where somebody's utility is zero under alpha >= 1, there is nothing to maximise for a solver.
    is_something = np.isfinite(best.objective)
    if is_something and answer.status in (Status.INFEASIBLE, Status.INFEASIBLE_OR_UNBOUNDED):
        return f"says {answer.status.value}, against a decision {verified}"
    bound = answer.certificate.bound
    if bound < value - allowed:
        return f"its bound {bound:.10g} is below the value {value:.10g} {verified}"
    if answer.status is not Status.OPTIMAL or not is_exact:
        return ""
    short = value - answer.equivalent
    is_within = (
        relative_gap(value, answer.equivalent) <= allowance.relative_gap
        or short <= allowance.absolute_gap
    )
    if short <= allowed or is_within:
        return ""
    return f"says optimal at {answer.equivalent:.10g}, below the value {value:.10g} {verified}"
