"""Whether a question has an answer at all, before any solver is asked."""

from __future__ import annotations

import numpy as np

from librex_models.errors import ParameterError
from librex_models.families import AlphaFairness, NestedFairness, ProportionalFairness
from librex_models.problem import AllocationProblem
from librex_models.routes.route import Floats, Question
from librex_models.verification import region
from solvers.program import Booleans

ROUNDING = 1e-9


def family_words(question: Question) -> str:
    """Return the family in words, such as "alpha_fair models with alpha 2"."""
    family = question.family
    if isinstance(family, NestedFairness):
        alpha = f"alpha {family.outer.alpha:g} and " if family.key != "max_min" else ""
        return f"{family.key} models with {alpha}inner_alpha {family.inner_alpha:g}"
    if isinstance(family, ProportionalFairness) or not isinstance(family, AlphaFairness):
        return f"{family.key} models"
    return f"{family.key} models with alpha {family.alpha:g}"


def advice_on_service(question: Question) -> str:
    """Return what to do where everybody must be served and no allocation does; else empty."""
    family, grouping = question.family, question.grouping
    is_needed = isinstance(family, AlphaFairness) and family.alpha >= 1.0
    if not is_needed or not (grouping.history <= 0.0).any():
        return ""
    kind = grouping.kind
    return (
        f" With alpha >= 1 every {kind} without history must be served, and no allocation "
        f"serves them all: give the {kind}s a history, or raise budgets."
    )


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
    if isinstance(family, NestedFairness):
        _check_nested(question, family)
    if isinstance(family, AlphaFairness) and family.alpha >= 1.0:
        _check_everybody_can_gain(question, question.reward)


def _check_everybody_can_gain(question: Question, reward: Floats) -> None:
    grouping = question.grouping
    links = grouping.links(reward)
    useful = _may_be_chosen(question.problem)[links.option] & (links.earned > 0)
    gains = np.bincount(links.group, useful, minlength=len(grouping))
    hopeless = np.flatnonzero((gains == 0) & (grouping.history <= 0))
    if hopeless.size:
        label = grouping.labels[int(hopeless[0])]
        raise ParameterError(
            f"{grouping.kind} {label!r} cannot earn a positive utility within bounds and budgets, "
            f"and {family_words(question)} need one from everybody: give it a history, a reward "
            "or an option that fits"
        )


def _check_nested(question: Question, family: NestedFairness) -> None:
    """Raise ParameterError where a group's utility must be positive, and cannot be."""
    if not family.needs_every_group:
        return
    if family.inner_alpha >= 1.0:
        _check_everybody_can_gain(question, question.reward)
        return
    grouping = question.grouping
    links = grouping.links(question.reward)
    useful = _may_be_chosen(question.problem)[links.option] & (links.earned > 0)
    gains = np.bincount(family.members[links.group], useful, minlength=len(family.groups))
    history = np.bincount(family.members, grouping.history, minlength=len(family.groups))
    hopeless = np.flatnonzero((gains == 0) & (history <= 0))
    if hopeless.size:
        raise ParameterError(
            f"nobody in group {family.groups[int(hopeless[0])]!r} can earn a positive utility "
            f"within bounds and budgets, and {family_words(question)} need one from every group: "
            "give it a history, a reward or an option that fits"
        )


def _may_be_chosen(problem: AllocationProblem) -> Booleans:
    """Return which options fit above zero, where nobody else has more than lower bounds ask for."""
    lower = problem.lower
    most = region(problem, by_budgets=True).upper
    if not lower.any():
        return most > 0.0
    asked = np.bincount(problem.agent_of_option, lower, minlength=problem.n_agents)
    limit = problem.agent_limit[problem.agent_of_option]
    room = limit - (asked[problem.agent_of_option] - lower)
    least = np.where(problem.integer, 1.0, 0.0) * (1.0 - ROUNDING)
    is_left = np.isinf(limit) | (room > ROUNDING * limit)
    return (lower > 0.0) | ((most > 0.0) & is_left & (room >= least))
