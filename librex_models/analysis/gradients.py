"""Gradients: how welfare and decisions change with rewards, budgets and requests.

Welfare by the envelope theorem, with y_g the multiplier of what a utility is, of floors and caps as
well, and price_k that of a budget:

    d W / d reward_j = y_g share_g x_j,   d W / d budget_k = price_k,
    d W / d requests_jk = -price_k x_j

and d W / d reward_jg = y_g x_j where options serve several groups.

Milgrom & Segal (2002), Econometrica 70, 583-601. Both exist exactly where decisions and multipliers
are the same in all optima, as far as they enter. Decisions by the closed form of one budget, or by
the equations of the optimum, differentiated. `Gradient.pull_back` multiplies by their transposed
Jacobian without forming it.

May import models and allocations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np

from librex_models.allocation import Allocation
from librex_models.analysis import closed_form_jacobian, implicit_derivatives
from librex_models.analysis.closed_form_jacobian import ClosedForm, closed_form
from librex_models.analysis.differentiable_optimum import (
    DifferentiableOptimum,
    differentiable_optimum,
)
from librex_models.analysis.kinks import not_differentiable
from librex_models.analysis.standard_form import Booleans
from librex_models.errors import NotDifferentiable, ParameterError
from librex_models.families import AlphaFairness, MaxMinFairness, NestedFairness
from librex_models.model import Model
from librex_models.routes.route import Question
from librex_models.routes.solvable import family_words
from librex_models.verification import Verdict
from solvers.program import Floats


class Derivatives(Mapping[str, Any]):
    """Derivatives by the name of the parameter, each computed when it is first read.

    Reading one that does not exist raises NotDifferentiable; the others can be read all the same.
    """

    def __init__(self, by_name: Mapping[str, Callable[[], Any]]) -> None:
        self._by_name = dict(by_name)
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return the derivative by a parameter."""
        if name not in self._known:
            self._known[name] = self._by_name[name]()
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the parameters."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._by_name)


class Gradient:
    """Derivatives of the optimum of a model.

    Attributes
    ----------
    welfare : mapping
        ``reward`` of shape (n_options,), ``budget`` of shape (n_resources,), ``requests`` of shape
        (n_options, n_resources).
    decision : mapping
        ``reward``, sparse, of shape (n_options, n_options), and ``budget`` of shape (n_options,
        n_resources): the row is the decision that moves, the column the parameter.
        Where options serve several groups, ``welfare["reward"]`` has shape (n_options, n_groups),
        and ``decision["reward"]`` shape (n_options, n_options * n_groups): its column for the
        reward of option j to group g is j * n_groups + g.
    optimum : array of shape (n_options,)
        The decision that they are derivatives of.
    """

    def __init__(self, question: Question, decision: Floats) -> None:
        self._question = question
        self._decision = decision
        self.welfare = Derivatives(
            {
                "reward": self._welfare_by_reward,
                "budget": self._welfare_by_budget,
                "requests": self._welfare_by_requests,
            }
        )
        self.decision = Derivatives(
            {"reward": self._decision_by_reward, "budget": self._decision_by_budget}
        )

    @cached_property
    def optimum(self) -> Floats:
        """The decision to rounding; that of the allocation, where others are as good."""
        if self._closed is not None:
            return _read_only(self._closed.decision)
        return _read_only(self._at.decision) if self._at.is_unique.all() else self._decision

    @cached_property
    def _closed(self) -> ClosedForm | None:
        """The closed form of one budget, None where it does not apply or two options are tied."""
        alpha = _alpha_of(self._question)
        reward = self._question.problem.reward
        if alpha is None or reward is None or self._question.problem.shared_reward is not None:
            return None
        form = closed_form(self._question.problem, self._question.grouping, alpha, reward)
        return None if form is None or form.tied.size else form

    @cached_property
    def _at(self) -> DifferentiableOptimum:
        return differentiable_optimum(self._question, self._decision)

    def _welfare_by_reward(self) -> Floats:
        problem, closed = self._question.problem, self._closed
        grouping = self._question.grouping
        if closed is not None:
            gradient = np.zeros(problem.n_options)
            given = closed.decision[closed.winner]
            gradient[closed.winner] = closed.marginal * closed.share * given
            return _read_only(gradient)
        at = self._at
        if not self._question.family.compares_utilities:
            _check(at, ~at.is_unique, "other decisions are as good")
            if problem.shared_reward is not None:
                return _read_only(np.outer(at.decision, np.ones(problem.n_groups)))
            return _read_only(at.decision.copy())
        worth, has_price = at.multiplier("utility_of"), at.has_price("utility_of")
        has_one, lacks = at.has_one_multiplier("utility_of"), at.without_income
        share = grouping.share
        if grouping.shared_reward is None:
            # One reward an option, to the group that it serves.
            group = grouping.of_option
            worth, has_price, share = worth[group], has_price[group], share[group]
            has_one, lacks = has_one[group], lacks[group]
            gets, unique, most, gives = self._gets, at.is_unique, problem.upper, at.decision
        else:
            gets, unique = self._gets[:, np.newaxis], at.is_unique[:, np.newaxis]
            most, gives = problem.upper[:, np.newaxis], at.decision[:, np.newaxis]
            share = np.ones(len(grouping))
        _check(at, ~unique & has_price, "other decisions are as good")
        _check(at, gets & ~has_one, "its utility is worth more, or less, on one side")
        _check(at, lacks & (most > 0), "utility would rise from zero")
        return _read_only(worth * share * gives)

    def _welfare_by_budget(self) -> Floats:
        if self._closed is not None:
            return _read_only(np.array([self._closed.price]))
        at = self._at
        has_one = at.has_one_multiplier("budget_limit")
        if not has_one.all():
            raise not_differentiable(
                at.problem,
                "welfare",
                "a unit more is worth less than a unit less costs",
                resources=~has_one,
            )
        return _read_only(at.multiplier("budget_limit"))

    def _welfare_by_requests(self) -> Floats:
        if self._closed is not None:
            return _read_only(-self._closed.price * self._closed.decision[:, np.newaxis])
        at = self._at
        price, has_one = at.multiplier("budget_limit"), at.has_one_multiplier("budget_limit")
        costs = (price > 0) | ~has_one
        of_price = self._gets[:, np.newaxis] & ~has_one
        kinked = np.asarray((~at.is_unique[:, np.newaxis] & costs) | of_price)
        if kinked.any():
            raise not_differentiable(
                at.problem,
                "welfare",
                "other decisions or prices are as good",
                options=np.asarray(kinked.any(axis=1)),
                resources=np.asarray(kinked.any(axis=0)),
            )
        return _read_only(-at.decision[:, np.newaxis] * price)

    def _decision_by_reward(self) -> Any:
        if self._closed is not None:
            return closed_form_jacobian.jacobian_of_reward(self._question.problem, self._closed)
        return implicit_derivatives.jacobian_of_reward(self._at)

    def _decision_by_budget(self) -> Floats:
        if self._closed is not None:
            problem = self._question.problem
            return _read_only(closed_form_jacobian.jacobian_of_budget(problem, self._closed))
        return _read_only(implicit_derivatives.jacobian_of_budget(self._at))

    def pull_back(self, by: Literal["reward", "budget"], cotangent: Floats) -> Floats:
        """Return ``decision[by].T @ cotangent`` without forming the Jacobian.

        Parameters
        ----------
        by : "reward" or "budget"
        cotangent : array of shape (n_options,)

        Returns
        -------
        array of shape (n_parameters,)
            As many as ``decision[by]`` has columns.

        Raises
        ------
        NotDifferentiable
            Where ``decision[by]`` raises it.
        """
        problem, closed = self._question.problem, self._closed
        if closed is not None and by == "budget":
            return np.asarray(closed.decision @ cotangent / problem.budget)
        if closed is not None:
            return closed_form_jacobian.pull_back_to_reward(problem, closed, cotangent)
        at = self._at
        entering = self._by_reward if by == "reward" else self._by_budget
        return implicit_derivatives.pull_back(at, entering, cotangent)

    @cached_property
    def _by_reward(self) -> implicit_derivatives.Entering:
        return implicit_derivatives.by_reward(self._at)

    @cached_property
    def _by_budget(self) -> implicit_derivatives.Entering:
        return implicit_derivatives.by_budget(self._at)

    @property
    def _gets(self) -> Booleans:
        """Which decisions are not zero in all optima."""
        return (self._at.decision > 0) | ~self._at.is_unique


def gradient(model: Model, allocation: Allocation) -> Gradient:
    """Return the derivatives of the optimum of a model.

    They are those of the optimum that the allocation is near to, which is sharpened to rounding
    first, at the numbers of the allocation's problem. Whole decisions have none.

    Parameters
    ----------
    model : Model
    allocation : Allocation
        Of this model, or of a session of it; its verdict is OPTIMAL.

    Returns
    -------
    Gradient
        With ``welfare`` and ``decision``, each computed when it is read.

    Raises
    ------
    NotDifferentiable
        If decisions are whole, and when a derivative is read that does not exist, naming options
        and resources: where the sides differ, neither is given.
    NoAllocationError
        If the allocation holds no decision.
    ParameterError
        If it is of another model, or not proven optimal; or under nested fairness with alpha 0 or
        an infinite inner aversion.

    Examples
    --------
    >>> from librex_models import AllocationProblem, Proportional
    >>> problem = AllocationProblem([[1.0], [2.0]], [1.0], [3.0, 4.0], weight=[1.0, 3.0], upper=9)
    >>> model = Proportional(problem)
    >>> gradient(model, model.solve()).welfare["budget"]
    array([4.])
    """
    decision = allocation.decision
    question = model.question_of(allocation.problem)
    _check_is_of(model, question, allocation)
    check_is_smooth(question)
    whole = allocation.problem.integer
    if whole.any():
        raise not_differentiable(
            allocation.problem, "the optimum", "decisions are whole, and jump", options=whole
        )
    if allocation.verdict is not Verdict.OPTIMAL:
        raise ParameterError(
            f"the allocation is {allocation.verdict.name}, expected OPTIMAL: derivatives are those "
            "of the optimum; solve to the end first"
        )
    return Gradient(question, decision)


def _check_is_of(model: Model, question: Question, allocation: Allocation) -> None:
    ours, theirs = question.grouping, allocation.grouping
    is_same = (
        model.family == allocation.family
        and tuple(ours.labels) == tuple(theirs.labels)
        and (ours.limits is None if theirs.limits is None else theirs.limits.same_as(ours.limits))
        and tuple(model.problem.options) == tuple(allocation.problem.options)
        and tuple(model.problem.resources) == tuple(allocation.problem.resources)
    )
    if not is_same:
        raise ParameterError(
            f"the allocation is not one of this model: it is of {allocation.family.key} over "
            f"{len(allocation.problem.options)} options, the model of {model.family.key} over "
            f"{len(model.problem.options)}"
        )


def check_is_smooth(question: Question) -> None:
    """Raise ParameterError where groups are compared in corners: no derivatives are offered."""
    family = question.family
    if isinstance(family, NestedFairness) and not family.is_smooth:
        raise ParameterError(f"gradients of {family_words(question)} are not offered")


def _alpha_of(question: Question) -> float | None:
    family = question.family
    if isinstance(family, MaxMinFairness):
        return float("inf")
    if isinstance(family, AlphaFairness):
        return family.alpha
    return None if family.compares_utilities else 0.0


def _check(at: DifferentiableOptimum, kinked: Booleans, why: str) -> None:
    if kinked.any():
        options = np.asarray(kinked if kinked.ndim == 1 else kinked.any(axis=1))
        raise not_differentiable(at.problem, "welfare", why, options=options)


def _read_only(numbers: Floats) -> Floats:
    numbers.setflags(write=False)
    return numbers


__all__ = ["Derivatives", "Gradient", "NotDifferentiable", "gradient"]
