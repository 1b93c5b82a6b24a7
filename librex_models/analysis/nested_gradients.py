"""Nested fairness as alpha-fairness with the same slopes, for derivatives of its welfare.

At its optimum nested welfare has the slopes of alpha-fair welfare over all members for the inner
aversion b, each counting with

    omega_g = weight_g group_utility_g^(b - alpha) / (size of g).

So the two share their optimum and all multipliers, and by the envelope theorem the derivatives of
the best welfare, with omega held fixed.

Decisions move differently, since omega moves with them. With s_i = (utility_i / group_utility)^(1 -
b) / size, the share of a member in its group, and C_g = sum_i q_i utility_i of its marginal
utilities q_i,

    d log q_i = (b - alpha) sum_j s_j d log utility_j - b d log utility_i

so that the group adds to the equations of the alpha-fair optimum (b - alpha) C_g v v' with v_i =
s_i / utility_i.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from librex_models.analysis.coupled_equations import CoupledFactors
from librex_models.analysis.differentiable_optimum import (
    DifferentiableOptimum,
    differentiable_optimum,
)
from librex_models.errors import ParameterError
from librex_models.families import AlphaFairness, NestedFairness
from librex_models.routes.route import Floats, Question
from librex_models.routes.solvable import family_words

MOST_ROUNDS = 40
CLOSE = 1e-12
LARGEST = 600.0
"""The logarithm of what doubles can hold."""
INSIDE = 1e-9
"""A decision this far from its bounds, of the room between them, may move."""


def with_same_slopes(question: Question, decision: Floats) -> Question:
    """Return the alpha-fair question over members that has the optimum of a nested one.

    Parameters
    ----------
    question : Question
        Of nested fairness.
    decision : array of shape (n_options,)
        Near its optimum.

    Raises
    ------
    ParameterError
        If the optimum could not be found precisely enough, or there are no such slopes: alpha is 0
        or the inner aversion infinite.
    NotDifferentiable
        If decisions are not unique.
    """
    family = question.family
    if not isinstance(family, NestedFairness) or not family.is_smooth:
        raise ParameterError(f"gradients of {family_words(question)} are not offered")
    b, aversion = family.inner_alpha, family.inner_alpha - family.outer.alpha
    log_weight = np.log(question.grouping.weight) - np.log(family.size)
    log_omega = log_weight + aversion * np.log(_utilities(question, decision))
    for _ in range(MOST_ROUNDS):
        alike = _alike(question, family, log_omega)
        decision = differentiable_optimum(alike, decision).decision
        missing = log_weight + aversion * np.log(_utilities(question, decision)) - log_omega
        if np.abs(missing).max() <= CLOSE * (1.0 + np.abs(log_omega).max()):
            return alike
        moved = _elasticity(question, family, decision)
        # A factor that all share moves no utility.
        common = float(np.average(missing, weights=moved)) if moved.any() else 0.0
        log_omega = log_omega + common + (missing - common) / (1.0 - aversion * moved)
        if not np.abs(log_omega).max() < LARGEST:
            break
    raise ParameterError(
        f"the optimum of {family_words(question)} could not be found precisely enough for "
        f"derivatives: the weights of groups differ by {np.abs(missing).max():.1e} still, at inner "
        f"alpha {b:g}"
    )


def with_moving_weights(
    at: DifferentiableOptimum, family: NestedFairness
) -> DifferentiableOptimum:
    """Return the optimum of `with_same_slopes` with the equations by which the nested one moves."""
    coupled, _ = _coupled(at, family)
    return replace(at, optimum=replace(at.optimum, factors=coupled))


def _coupled(at: DifferentiableOptimum, family: NestedFairness) -> tuple[CoupledFactors, Floats]:
    """Return the equations by which a nested optimum moves, and the root of C of each group."""
    form, optimum, n_groups = at.form, at.optimum, len(family.groups)
    member = np.full(len(form.cost), -1)
    member[form.coordinate[at.program.columns_of("utility")]] = np.arange(len(family.members))
    group = family.members[member[form.terms]]
    utility = optimum.point[form.terms]
    worth = form.marginal(optimum.point) * utility
    size = np.sqrt(np.bincount(group, worth, minlength=n_groups))
    along = sparse.csc_array(
        (worth / size[group] / utility, (form.terms, group)), shape=(len(form.cost), n_groups)
    )
    strength = family.inner_alpha - family.outer.alpha
    return CoupledFactors(optimum.factors, along, strength), size


def _alike(question: Question, family: NestedFairness, log_omega: Floats) -> Question:
    weight = np.exp(log_omega)[family.members]
    grouping = replace(question.grouping, weight=weight, weighted=None)
    return replace(question, grouping=grouping, family=AlphaFairness(family.inner_alpha))


def _utilities(question: Question, decision: Floats) -> Floats:
    family = question.family
    if not isinstance(family, NestedFairness):
        raise TypeError(f"{family.key} is not nested")
    utility = family.group_utility(question.utility(decision))
    if utility.min() <= 0.0:
        raise ParameterError("a group has nothing: its welfare has no finite slope")
    return utility


def _elasticity(question: Question, family: NestedFairness, decision: Floats) -> Floats:
    """Return by how much log utility of each group rises with the logarithm of its weight."""
    problem, b = question.problem, family.inner_alpha
    with np.errstate(invalid="ignore"):
        room = INSIDE * np.where(
            np.isfinite(problem.upper), problem.upper - problem.lower, decision
        )
    may_move = (decision > problem.lower + room) & (decision < problem.upper - room)
    n_members = len(family.members)
    moves = np.bincount(problem.agent_of_option, may_move, minlength=n_members) > 0
    utility = question.utility(decision)
    with np.errstate(divide="ignore"):
        ratio = utility / family.group_utility(utility)[family.members]
        share = np.where(moves & (ratio > 0.0), ratio ** (1.0 - b), 0.0)
    total = np.bincount(family.members, share, minlength=len(family.groups)) / family.size
    return np.minimum(total, 1.0) / b
