"""Derivatives of decisions: the equations of the optimum, differentiated.

Around an optimum that is unique, and whose active inequalities all have a price above zero, the
free coordinates w and the multipliers y satisfy, with the gradient f' of welfare,

    f'(w) = matrix' y,   matrix w = right_hand_side

for all parameters near by (Fiacco 1976, Math. Program. 10, 287-311). One linear system gives the
derivatives by all parameters.

May import the differentiable optimum.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from librex_models.analysis.differentiable_optimum import DifferentiableOptimum
from librex_models.analysis.kinks import not_differentiable
from librex_models.analysis.standard_form import Booleans
from solvers.program import Floats

CONSISTENT = 1e-7
LEAST_ENTRY = 1e-13
AT_ONCE = 500


def jacobian_of_reward(at: DifferentiableOptimum) -> sparse.csr_array:
    """Return d decision / d reward, (n_options, n_options): row = decision, column = reward.

    Raises
    ------
    NotDifferentiable
        Naming options.
    """
    check_decisions(at)
    problem = at.problem
    force, missing = _by_reward(at)
    n = problem.n_options
    # A reward that enters neither equation moves nothing.
    entering = np.flatnonzero((np.diff(force.indptr) > 0) | (np.diff(missing.indptr) > 0))
    has_answer = np.ones(n, dtype=np.bool_)
    rows, columns, entries = [], [], []
    for start in range(0, len(entering), AT_ONCE):
        some = entering[start : start + AT_ONCE]
        moved, answers = _moved(at, force[:, some].toarray(), missing[:, some].toarray())
        has_answer[some] = answers
        row, place = np.nonzero(np.abs(moved) > _rounding(at))
        rows.append(row)
        columns.append(some[place])
        entries.append(moved[row, place])
    if not has_answer.all():
        raise not_differentiable(
            problem,
            "the decision",
            "what their rewards would change is tied to more rows than can give way",
            options=~has_answer,
        )
    if not entries:
        return sparse.csr_array((n, n))
    where = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(entries), where), shape=(n, n))


def _by_reward(at: DifferentiableOptimum) -> tuple[sparse.csc_array, sparse.csc_array]:
    """Return what a unit of each reward adds to the two equations of the optimum."""
    form, problem, program = at.form, at.problem, at.program
    n = problem.n_options
    coordinate = form.coordinate[program.columns_of("x")]
    is_free = (coordinate >= 0) & at.optimum.is_free[coordinate]
    free = np.flatnonzero(is_free)
    pull, moves = np.full(n, np.exp(-form.log_welfare_unit)), np.zeros(n)
    row = np.zeros(n, dtype=np.int64)
    if at.question.family.compares_utilities:
        grouping = at.question.grouping
        group, share = grouping.of_option, grouping.share[grouping.of_option]
        doubtful = is_free & ~at.has_one_multiplier("utility_of")[group]
        doubtful |= at.without_income[group] & (problem.upper > 0)
        if doubtful.any():
            raise not_differentiable(
                problem, "the decision", "another price of utility is as good", options=doubtful
            )
        row = form.row[program.rows_of("utility_of")][group]
        moves = share * at.decision / form.row_unit[row]
        pull = share / form.row_unit[row] * at.optimum.multiplier[row]
    force = sparse.csc_array(
        (form.unit[coordinate[free]] * pull[free], (coordinate[free], free)),
        shape=(len(form.cost), n),
    )
    used = np.flatnonzero(moves)
    missing = sparse.csc_array(
        (moves[used], (row[used], used)), shape=(len(form.right_hand_side), n)
    )
    return force, missing


def _rounding(at: DifferentiableOptimum) -> float:
    """Return what rounding leaves of zeros: a decision moves by its size where a reward doubles."""
    reward = np.zeros(1) if at.problem.reward is None else at.problem.reward
    size = float(np.abs(reward).max(initial=0.0)) or 1.0
    return LEAST_ENTRY * float(np.abs(at.decision).max(initial=0.0)) / size


def jacobian_of_budget(at: DifferentiableOptimum) -> Floats:
    """Return d decision / d budget, (n_options, n_resources).

    Raises
    ------
    NotDifferentiable
        Naming options or resources.
    """
    check_decisions(at)
    form, problem = at.form, at.problem
    row = form.row[at.program.rows_of("budget_limit")]
    there = np.flatnonzero(row >= 0)
    force = np.zeros((len(form.cost), problem.n_resources))
    missing = np.zeros((len(form.right_hand_side), problem.n_resources))
    missing[row[there], there] = 1.0 / form.row_unit[row[there]]
    moved, is_consistent = _moved(at, force, missing)
    if not is_consistent.all():
        raise not_differentiable(
            problem, "the decision", "nothing can take up a change", resources=~is_consistent
        )
    return moved


def check_decisions(at: DifferentiableOptimum) -> None:
    """Raise NotDifferentiable where the decision is not unique, or an inequality is on edge."""
    problem = at.problem
    if not at.is_unique.all():
        raise not_differentiable(
            problem,
            "the decision",
            "other decisions are as good",
            options=~at.is_unique,
        )
    on_edge = np.flatnonzero(at.optimum.is_on_edge)
    if not on_edge.size:
        return
    form, program = at.form, at.program
    options = np.zeros(problem.n_options, dtype=np.bool_)
    resources = np.zeros(problem.n_resources, dtype=np.bool_)
    coordinate = form.coordinate[program.columns_of("x")]
    budget = form.row[program.rows_of("budget_limit")]
    for place in on_edge.tolist():
        own = coordinate == place
        rows = form.matrix[:, [place]].tocoo().coords[0]
        if not own.any() and np.isin(budget, rows).any() and place >= (form.coordinate >= 0).sum():
            resources |= np.isin(budget, rows)
            continue
        if not own.any():
            beside = sparse.csr_array(form.matrix[rows]).tocoo().coords[1]
            own = np.isin(coordinate, beside)
        options |= own
    if not (options.any() or resources.any()):
        options[:] = at.decision > problem.lower
    raise not_differentiable(
        problem,
        "the decision",
        "a limit is just reached, and to keep it costs nothing",
        options=options,
        resources=resources,
    )


def _moved(at: DifferentiableOptimum, force: Floats, missing: Floats) -> tuple[Floats, Booleans]:
    """Return how decisions move with each parameter, and which of these have an answer."""
    form, optimum = at.form, at.optimum
    dw, _ = optimum.factors.solve(force, missing)
    dw[~optimum.is_free] = 0.0
    wanting = np.abs(form.matrix @ dw - missing).max(axis=0, initial=0.0)
    size = np.abs(missing).max(axis=0, initial=0.0)
    size += np.abs(force).max(axis=0, initial=0.0)
    coordinate = form.coordinate[at.program.columns_of("x")]
    moved = dw[coordinate] * form.unit[coordinate][:, np.newaxis]
    moved = np.where((coordinate >= 0)[:, np.newaxis], moved, 0.0)
    return moved, np.asarray(wanting <= CONSISTENT * size)
