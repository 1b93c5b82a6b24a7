"""Choose a solver and a route for a question, or say what could solve it instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from librex_models.errors import ParameterError, UnsolvableError
from librex_models.families import AlphaFairness, MaxMinFairness, ProportionalFairness
from librex_models.routes.exact_linear import ExactLinear, is_single_choice
from librex_models.routes.plain import Plain
from librex_models.routes.route import Floats, Question, Reformulation
from solvers import Capability, find_adapter

LINEAR_SOLVER = "highs"
CONIC_SOLVER = "cvxpy:CLARABEL"
ROUTES = ("auto", "plain", "exact_linear")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which solver takes which route.

    Parameters
    ----------
    solver : str
    route : Reformulation
    """

    solver: str
    route: Reformulation


def choose(question: Question, solver: str, route: str) -> Plan:
    """Return the plan for a question.

    Parameters
    ----------
    question : Question
    solver : str
        A solver's name or "auto".
    route : str
        "auto", "plain" or "exact_linear".

    Raises
    ------
    UnsolvableError
        If the solver cannot solve it this way; the message names what can.
    """
    if route not in ROUTES:
        raise ParameterError(f"route is {route!r}, expected one of {', '.join(ROUTES)}")
    family = question.family
    if isinstance(family, MaxMinFairness) and family.lexicographic:
        raise UnsolvableError(
            "lexicographic max-min cannot be solved yet. What can: MaxMin(problem, "
            f"lexicographic=False), its first level, with solver {LINEAR_SOLVER!r}"
        )
    if isinstance(family, AlphaFairness) and family.alpha > 0.0:
        plan = _alpha_fair_plan(question, solver, route)
    else:
        plan = _linear_plan(question, solver, route)
    _check_ready(plan.solver)
    return plan


def _linear_plan(question: Question, solver: str, route: str) -> Plan:
    if route == "exact_linear":
        raise UnsolvableError(
            f"{question.family.key} is linear as it is: use route='plain' or 'auto'"
        )
    chosen = LINEAR_SOLVER if solver == "auto" else solver
    if question.problem.integer.any() and Capability.WHOLE not in find_adapter(chosen).capabilities:
        raise UnsolvableError(
            f"{chosen} cannot solve whole decisions. What can: solver {LINEAR_SOLVER!r}, or "
            "integer=False"
        )
    return Plan(solver=chosen, route=Plain())


def _alpha_fair_plan(question: Question, solver: str, route: str) -> Plan:
    problem = question.problem
    if problem.integer.any():
        return _whole_alpha_fair_plan(question, solver, route)
    if route == "exact_linear":
        raise UnsolvableError(
            "the exact linear form needs whole decisions: use integer=True, or route='plain'"
        )
    chosen = CONIC_SOLVER if solver == "auto" else solver
    if Capability.ALPHA_FAIR_TERMS not in find_adapter(chosen).capabilities:
        raise UnsolvableError(
            f"{chosen} cannot solve fractional {_words(question)} yet. What can: solver "
            f"{CONIC_SOLVER!r}"
        )
    return Plan(solver=chosen, route=Plain())


def _whole_alpha_fair_plan(question: Question, solver: str, route: str) -> Plan:
    chosen = LINEAR_SOLVER if solver == "auto" else solver
    if route == "plain":
        raise UnsolvableError(
            f"whole {_words(question)} cannot be solved as declared yet. What can: "
            "route='exact_linear' where each utility depends on one 0/1 choice, or integer=False "
            f"with solver {CONIC_SOLVER!r}"
        )
    if not is_single_choice(question.problem, question.grouping):
        raise UnsolvableError(
            f"whole {_words(question)} can be solved only where every decision is 0/1 and each "
            f"{question.grouping.kind} has at most one chosen option (one option, or one agent "
            f"with agent_limit 1). What else can: integer=False with solver {CONIC_SOLVER!r}, or "
            f"BudgetOnly and MaxMin(lexicographic=False) with solver {LINEAR_SOLVER!r}"
        )
    if Capability.WHOLE not in find_adapter(chosen).capabilities:
        raise UnsolvableError(
            f"{chosen} cannot solve whole decisions. What can: solver {LINEAR_SOLVER!r}"
        )
    return Plan(solver=chosen, route=ExactLinear())


def _words(question: Question) -> str:
    family = question.family
    if isinstance(family, ProportionalFairness) or not isinstance(family, AlphaFairness):
        return f"{family.key} models"
    return f"{family.key} models with alpha {family.alpha:g}"


def _check_ready(solver: str) -> None:
    availability = find_adapter(solver).availability()
    if not availability.is_ready:
        raise UnsolvableError(f"{solver} cannot be used here: {availability.sentence}")


def check_signs(question: Question) -> None:
    """Raise ParameterError naming the first option with a negative reward under fairness."""
    if not question.family.compares_utilities:
        return
    negative = np.flatnonzero(question.reward < 0)
    if negative.size:
        option = question.problem.options[int(negative[0])]
        raise ParameterError(
            f"reward of option {option!r} is {question.reward[negative[0]]}: "
            f"{question.family.key} compares utilities and needs rewards at least zero; only "
            "BudgetOnly takes negative ones"
        )


def check_solvable(question: Question) -> None:
    """Raise ParameterError where no allocation can have a finite welfare, or rewards are negative.

    With alpha >= 1 everybody needs a history, or an option with a reward that a budget allows.
    """
    check_signs(question)
    family = question.family
    if isinstance(family, AlphaFairness) and family.alpha >= 1.0:
        _check_everybody_can_gain(question, question.reward)


def _check_everybody_can_gain(question: Question, reward: Floats) -> None:
    problem, grouping = question.problem, question.grouping
    usage = problem.usage
    column = np.repeat(np.arange(problem.n_options), np.diff(usage.indptr))
    budget = problem.budget[usage.indices]
    whole = problem.integer[column]
    forbids = np.where(whole, usage.data > budget, budget <= 0)
    forbidden = np.bincount(column, forbids, minlength=problem.n_options) > 0
    least = np.where(problem.integer, 1.0, 0.0)
    room = np.minimum(problem.upper, problem.agent_limit[problem.agent_of_option])
    allowed = ~forbidden & (room >= least) & (room > 0)
    gains = np.bincount(grouping.of_option, allowed & (reward > 0), minlength=len(grouping))
    hopeless = np.flatnonzero((gains == 0) & (grouping.history <= 0))
    if hopeless.size:
        label = grouping.labels[int(hopeless[0])]
        raise ParameterError(
            f"{grouping.kind} {label!r} cannot earn a positive utility within bounds and budgets, "
            f"and {_words(question)} need one from everybody: give it a history, a reward or an "
            "option that fits"
        )
