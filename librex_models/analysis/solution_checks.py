"""Decisions that others found, as verified allocations; no solver is needed, or loaded."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from librex_models.allocation import Allocation
from librex_models.analysis.claims import (
    ClaimedValue,
    Claims,
    checked,
    claimed_value,
)
from librex_models.analysis.solution_columns import Columns, columns_of, prices_of
from librex_models.errors import ParameterError
from librex_models.families import AlphaFairness, Family, MaxMinFairness, NestedFairness, outer_of
from librex_models.model import Model
from librex_models.problem.labels import as_vector
from librex_models.routes.exact_linear import ExactLinear, is_single_choice
from librex_models.routes.plain import Plain
from librex_models.routes.route import Question, Reformulation
from librex_models.solution_files import INFINITE, Naming, SolutionFile, read_solution_file
from librex_models.verification import Verdict
from solvers import Limit, Program, SolveOptions, Status

CALLER = "the caller"


def read_solution(
    path: str | os.PathLike[str],
    model: Model,
    *,
    relative_gap: float = 1e-6,
    absolute_gap: float = 0.0,
) -> Allocation:
    """Return a solver's solution file as a verified allocation, without any solver.

    Parameters
    ----------
    path : path
        A solution of the file that ``model.export`` writes, by HiGHS, SCIP, Gurobi, GLPK or CBC,
        or what ``librex solve --json`` printed; compressed by gzip or not. What it is shows in what
        it holds, not in its name.
    model : Model
        With the numbers that it was exported with.
    relative_gap, absolute_gap : float
        OPTIMAL is said of what prices prove to be within either.

    Returns
    -------
    Allocation
        What the file claims, checked: the decision within the budgets, whole and within bounds by
        our own arithmetic, and its value ours. Its verdict is OPTIMAL where the duals of the file
        prove it, FEASIBLE where nothing does, REFUTED where rules are broken or the objective of
        the file is not that of its decision. A file that says "infeasible" has no decision.

    Raises
    ------
    FileError
        Naming file and line, if it is no such file, not complete, or of another model.
    UnsolvableError
        If the model is not one that is exported, lexicographic max-min, and the file not our own.

    Notes
    -----
    Of lexicographic max-min the lowest level is proven only: its verdict is FEASIBLE at best.
    """
    file = read_solution_file(path)
    options = SolveOptions(relative_gap=relative_gap, absolute_gap=absolute_gap)
    one = first_level(model) if file.naming is Naming.LABELS else model
    question = one.question()
    declared = one.to_program()
    reformulation = _reformulation(question, declared)
    program = reformulation.program(question, declared)
    claims = _claims(file, question, program, declared)
    return _of_all_levels(checked(question, program, reformulation, claims, options), model)


def verify(
    model: Model, decision: Any, *, relative_gap: float = 1e-6, absolute_gap: float = 0.0
) -> Allocation:
    """Return a decision that anybody found as a verified allocation, without a solver.

    Parameters
    ----------
    model : Model
    decision : array_like of shape (n_options,) or {option: decision}
        What breaks a rule by no more than a solver's tolerance, a millionth, is made exact.
    relative_gap, absolute_gap : float
        OPTIMAL is said of what is proven to be within either.

    Returns
    -------
    Allocation
        With the verdict REFUTED where the decision breaks a rule, else FEASIBLE, or OPTIMAL where
        nobody could have more. Of lexicographic max-min the lowest level is looked at only: its
        verdict is FEASIBLE at best.

    Raises
    ------
    ShapeError, ParameterError
        If there is not one finite number for each option.
    """
    one = first_level(model)
    question = one.question()
    brought = as_vector(decision, question.problem.options, "decision", "option")
    wrong = np.flatnonzero(~(np.abs(brought) < INFINITE))
    if wrong.size:
        option = question.problem.options[int(wrong[0])]
        raise ParameterError(
            f"decision of option {option!r} is {brought[wrong[0]]}, expected a finite number "
            f"below {INFINITE:g}"
        )
    declared = one.to_program()
    reformulation = _reformulation(question, declared)
    claims = Claims(by=CALLER, status=Status.FEASIBLE, limit=Limit.OTHER, brought=brought)
    options = SolveOptions(relative_gap=relative_gap, absolute_gap=absolute_gap)
    program = reformulation.program(question, declared)
    return _of_all_levels(checked(question, program, reformulation, claims, options), model)


def first_level(model: Model) -> Model:
    """Return the model, or that of the lowest level where it is one of all levels."""
    family = model.family
    outer = outer_of(family)
    if not isinstance(outer, MaxMinFairness) or not outer.lexicographic:
        return model
    own: Family = replace(outer, lexicographic=False)
    if isinstance(family, NestedFairness):
        own = replace(family, outer=replace(outer, lexicographic=False))
    return Model(model.problem, own, model.over)


def _of_all_levels(allocation: Allocation, model: Model) -> Allocation:
    """Return the allocation as one of the model: what is proven of one level is not of all."""
    if allocation.family == model.family:
        return allocation
    certificate = allocation.certificate
    if certificate.verdict is Verdict.OPTIMAL:
        sentence = f"Of the lowest level: {certificate.sentence} Those above it were not looked at."
        certificate = replace(certificate, verdict=Verdict.FEASIBLE, sentence=sentence)
    return replace(allocation, family=model.family, certificate=certificate)


def _reformulation(question: Question, declared: Program) -> Reformulation:
    """Return how linear files hold the model: see `librex_models.linear_model`."""
    is_curved = declared.terms is not None and isinstance(question.family, AlphaFairness)
    if is_curved and is_single_choice(question.problem, question.grouping):
        return ExactLinear()
    return Plain()


def _claims(
    file: SolutionFile,
    question: Question,
    program: Program,
    declared: Program,
) -> Claims:
    status, limit = file.claim
    claims = Claims(by=file.solver, status=status, limit=limit, brought=None, message=file.message)
    if not status.has_point:
        return claims
    columns = columns_of(file, question, program, declared)
    # Linear files of curved welfare have an objective above it, in a unit that is not stated.
    is_linear = declared.terms is None and declared.perspectives is None
    has_unit = is_linear or columns.is_curved
    bound = np.inf
    if file.bound is not None and is_linear:
        bound = Plain().equivalent(question, columns.signs[0] * file.bound)
    return Claims(
        by=file.solver,
        status=status,
        limit=limit,
        brought=columns.brought,
        precision=file.precision,
        values=_values(file, question, columns, has_unit),
        bound=bound if np.isfinite(bound) else np.inf,
        row_dual=columns.row_dual,
        price=prices_of(file, question) if file.naming is Naming.LABELS else None,
        message=file.message,
    )


def _values(
    file: SolutionFile, question: Question, columns: Columns, has_unit: bool
) -> tuple[ClaimedValue, ...]:
    """Return the values that the file claims, by its objective and otherwise."""
    values: list[ClaimedValue] = []
    if file.objective is not None and has_unit:
        utility = question.utility(columns.brought)
        with np.errstate(all="ignore"):
            welfare = question.family.welfare(question.grouping.weight, utility)
            value = question.family.equivalent(question.grouping.weight, utility)
        unit = 1.0
        if columns.is_curved and file.naming is not Naming.LABELS:
            unit = _unit(file.objective, welfare, question)

        def equivalent(objective: float) -> float:
            return Plain().equivalent(question, objective / unit)

        claimed = [
            claimed_value(equivalent, sign * file.objective, file.objective_error)
            for sign in columns.signs
        ]
        values.append(min(claimed, key=lambda one: abs(one.nearest(value) - value)))
    if file.equivalent is not None:
        error = file.precision * abs(file.equivalent)
        values.append(claimed_value(float, file.equivalent, error))
    return tuple(values)


def _unit(objective: float, welfare: float, question: Question) -> float:
    """Return the power of two that an NL file has for the welfare: 1 for logarithms.

    The file alone knows which it is; of an objective that is wrong no power makes the welfare.
    """
    is_log = isinstance(question.family, AlphaFairness) and question.family.alpha == 1.0
    with np.errstate(all="ignore"):
        share = np.float64(objective) / welfare
    if is_log or not 0.0 < share < np.inf:
        return 1.0
    return float(2.0 ** np.rint(np.log2(share)))
