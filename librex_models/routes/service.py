"""Whether everybody can be served at all, where alpha >= 1 asks for that.

Asked after the solve, and only where an answer raises the doubt: no decision, or somebody in it who
gets next to nothing. Solvers keep rules to a tolerance, and what a minimum is short of by 1e-9 is
then worth something to somebody for whom nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from librex_models.families import AlphaFairness, MaxMinFairness, TotalReward
from librex_models.forms.arrays_form import arrays_form
from librex_models.forms.compiling import values_of
from librex_models.problem import AllocationProblem, Grouping
from librex_models.routes.limits import Deadline
from librex_models.routes.plain import Plain
from librex_models.routes.route import Answer, Floats, Opener, Question
from librex_models.routes.solvable import advice_on_service, family_words
from librex_models.routes.solving import RouteSession
from librex_models.verification import Verdict, region
from solvers import Limit, SolveOptions, Status
from solvers.program import Booleans

Linear = MaxMinFairness | TotalReward
Solve = Callable[[AllocationProblem, Grouping, Linear], Answer]

NEXT_TO_NOTHING = 1e-6
"""A utility below this share of what its group could get alone raises the doubt."""
NOTHING = 1e-9
"""Who can get no more than this share of it, whatever the others get, can get nothing."""


@dataclass(frozen=True, kw_only=True)
class _Hopeless:
    """Somebody who can get nothing.

    Parameters
    ----------
    place : int
    share : float
        A proven bound on what it can get, as a share of what it could get alone.
    """

    place: int
    share: float


def with_service(
    question: Question, answer: Answer, linear_opener: Opener, deadline: Deadline
) -> Answer:
    """Return the answer, or one without a decision where somebody who must be served is not.

    Parameters
    ----------
    question : Question
    answer : Answer
    linear_opener : callable of Program
        Opens a solver of linear programs, with whole columns or without.
    deadline : Deadline
    """

    def solve(problem: AllocationProblem, grouping: Grouping, family: Linear) -> Answer:
        asked = Question(problem=problem, grouping=grouping, family=family)
        program = arrays_form(problem, grouping, family).program(values_of(problem, grouping))
        session = RouteSession(asked, program, Plain(), linear_opener, linear_opener)
        found = session.solve(deadline.options(SolveOptions()))
        session.close()
        return found

    is_needed = isinstance(question.family, AlphaFairness) and question.family.alpha >= 1.0
    if not is_needed or answer.certificate.verdict in (Verdict.REFUTED, Verdict.INFEASIBLE):
        return answer
    # Without an option these have a welfare of minus infinity.
    needy = question.grouping.history <= 0.0
    if not needy.any():
        return answer
    alone = _alone(question)
    needy &= alone > 0.0
    if answer.decision is not None:
        utility = question.utility(answer.decision)
        if (utility[needy] > NEXT_TO_NOTHING * alone[needy]).all():
            return answer
    elif not _may_deny(answer):
        return answer
    found = _hopeless(question, needy, alone, None, solve)
    if found is not None:
        return _proven(question, answer, found)
    if answer.decision is None or not question.problem.integer.any():
        return answer
    left_out = np.flatnonzero(needy & (question.utility(answer.decision) <= 0.0))
    place = int(left_out[0]) if left_out.size else None
    if place is None:
        found = _hopeless(question, needy, alone, answer.decision, solve)
        place = None if found is None else found.place
    if place is None:
        return answer
    # By another solver, and for what everybody gets alone.
    shares = _shares(question, needy, alone)
    served = solve(question.problem, shares, MaxMinFairness(lexicographic=False))
    is_impossible = served.decision is not None and served.certificate.bound <= NEXT_TO_NOTHING
    return _unserved(question, answer, place, is_impossible)


def _alone(question: Question) -> Floats:
    """Return what everybody could get alone."""
    return question.utility(region(question.problem, by_budgets=True).upper)


def _may_deny(answer: Answer) -> bool:
    """Return whether the solver says that there is no decision, or broke down."""
    is_denied = answer.status in (Status.INFEASIBLE, Status.NUMERICAL_FAILURE)
    gave_up = answer.status is Status.NO_SOLUTION_FOUND and answer.limit is Limit.OTHER
    return is_denied or gave_up


def _hopeless(
    question: Question,
    needy: Booleans,
    alone: Floats,
    decision: Floats | None,
    solve: Solve,
) -> _Hopeless | None:
    """Return somebody who can get nothing, whole decisions being fractional or those given.

    Without minimums and lower bounds there is nobody: a little of everything fits.
    """
    problem = question.problem
    if question.grouping.shared_reward is not None:
        return None
    lower, upper = problem.lower, problem.upper
    if decision is not None:
        lower = np.where(problem.integer, decision, lower)
        upper = np.where(problem.integer, decision, upper)
    if not (lower.any() or problem.agent_minimum.any()):
        return None
    fractional = problem.replace(integer=False).with_values(lower=lower, upper=upper)
    grouping = question.grouping
    shares = _shares(question, needy, alone)
    answer = solve(fractional, shares, MaxMinFairness(lexicographic=False))
    if answer.decision is None or answer.certificate.bound > NOTHING:
        return None
    share = question.utility(answer.decision) / shares.weight
    for place in np.flatnonzero(needy & (share <= NOTHING)).tolist():
        own = np.where(grouping.of_option == place, question.reward, 0.0)
        everything = replace(
            grouping,
            labels=(grouping.labels[place],),
            of_option=np.zeros(problem.n_options, dtype=np.int64),
            share=grouping.share[[place]],
            weight=np.ones(1),
            history=np.zeros(1),
        )
        most = solve(fractional.with_values(reward=own), everything, TotalReward())
        bound = most.certificate.bound * float(grouping.share[place] / alone[place])
        if bound <= NOTHING:
            return _Hopeless(place=place, share=bound)
    return None


def _shares(question: Question, needy: Booleans, alone: Floats) -> Grouping:
    """Return a grouping under which max-min compares shares of what everybody could get alone.

    Whoever has a history stays out of the way.
    """
    return replace(question.grouping, weight=np.where(needy, alone, question.grouping.history))


def _proven(question: Question, answer: Answer, found: _Hopeless) -> Answer:
    """Return that there is no decision, since somebody can get nothing."""
    grouping = question.grouping
    certificate = replace(
        answer.certificate,
        verdict=Verdict.INFEASIBLE,
        violations={},
        value=-np.inf,
        bound=-np.inf,
        gap=np.inf,
        sentence=(
            f"Proven by multipliers: minimums and lower bounds leave {grouping.kind} "
            f"{grouping.labels[found.place]!r} no more than {max(found.share, 0.0):.2g} of what it "
            f"could get alone.{advice_on_service(question)}"
        ),
    )
    return replace(
        answer,
        status=Status.INFEASIBLE,
        limit=None,
        decision=None,
        price=None,
        certificate=certificate,
    )


def _unserved(question: Question, answer: Answer, place: int, is_impossible: bool) -> Answer:
    """Return that the solver's decision, which does without somebody, is none."""
    grouping = question.grouping
    kind, label = grouping.kind, grouping.labels[place]
    sentence = (
        f"The best decision that was found leaves {kind} {label!r} without anything, and "
        f"{family_words(question)} need a positive utility of everybody."
    )
    if is_impossible:
        sentence += advice_on_service(question)
    certificate = replace(
        answer.certificate,
        verdict=Verdict.UNDECIDED,
        violations={},
        value=-np.inf,
        gap=np.inf,
        sentence=sentence,
    )
    return replace(
        answer,
        status=Status.INFEASIBLE if is_impossible else Status.NO_SOLUTION_FOUND,
        limit=None if is_impossible else answer.limit or Limit.OTHER,
        decision=None,
        price=None,
        certificate=certificate,
    )
