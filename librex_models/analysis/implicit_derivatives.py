"""Derivatives of decisions: the equations of the optimum, differentiated.

Around an optimum that is unique, and whose active inequalities all have a price above zero, the
free coordinates w and the multipliers y satisfy, with the gradient f' of welfare,

    f'(w) = matrix' y,   matrix w = right_hand_side

for all parameters near by (Fiacco 1976, Math. Program. 10, 287-311). One linear system gives the
derivatives by all parameters. It is symmetric: where it is solved for a vector over decisions, the
answer times what a unit of a parameter adds to the two equations is the vector times the Jacobian.

May import the differentiable optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from librex_models.analysis.differentiable_optimum import DifferentiableOptimum
from librex_models.analysis.kinks import not_differentiable
from solvers.program import Floats, Integers

LEAST_ENTRY = 1e-13
AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Entering:
    """What a unit of each parameter adds to the two equations of an optimum.

    Parameters
    ----------
    force, missing : scipy.sparse.csc_array of shape (n_coordinates or n_rows, n_parameters)
    """

    force: sparse.csc_array
    missing: sparse.csc_array


def jacobian_of_reward(at: DifferentiableOptimum) -> sparse.csr_array:
    """Return d decision / d reward, (n_options, n_options): row = decision, column = reward.

    Where options serve several groups there is a column for each option and group, (n_options,
    n_options * n_groups), those of the first option first.

    Raises
    ------
    NotDifferentiable
        Naming options.
    """
    entering = by_reward(at)
    n, n_parameters = at.problem.n_options, entering.force.shape[1]
    # A reward that enters neither equation moves nothing.
    enters = (np.diff(entering.force.indptr) > 0) | (np.diff(entering.missing.indptr) > 0)
    chosen, rounding = np.flatnonzero(enters), _rounding(at)
    parts = [sparse.csc_array((n, 0))]
    for start in range(0, len(chosen), AT_ONCE):
        some = chosen[start : start + AT_ONCE]
        force, missing = entering.force[:, some].toarray(), entering.missing[:, some].toarray()
        moved = _moved(at, force, missing)
        moved[np.abs(moved) <= rounding] = 0.0
        parts.append(sparse.csc_array(moved))
    whole = sparse.csc_array(sparse.hstack(parts, format="csc"))
    starts = np.zeros(n_parameters + 1, dtype=whole.indptr.dtype)
    starts[chosen + 1] = np.diff(whole.indptr)
    spread = sparse.csc_array(
        (whole.data, whole.indices, np.cumsum(starts)), shape=(n, n_parameters)
    )
    return sparse.csr_array(spread)


def jacobian_of_budget(at: DifferentiableOptimum) -> Floats:
    """Return d decision / d budget, (n_options, n_resources).

    Raises
    ------
    NotDifferentiable
        Naming options or resources.
    """
    entering = by_budget(at)
    return _moved(at, entering.force.toarray(), entering.missing.toarray())


def pull_back(at: DifferentiableOptimum, entering: Entering, cotangent: Floats) -> Floats:
    """Return the transposed Jacobian by some parameters times a vector over decisions."""
    form, optimum = at.form, at.optimum
    coordinate = form.coordinate[at.program.columns_of("x")]
    moves = (coordinate >= 0) & optimum.is_free[coordinate]
    force = np.zeros(len(form.cost))
    force[coordinate[moves]] = (cotangent * form.unit[coordinate])[moves]
    dw, dy = optimum.factors.solve(force, np.zeros(len(form.right_hand_side)))
    return np.asarray(entering.force.T @ dw + entering.missing.T @ dy)


def by_reward(at: DifferentiableOptimum) -> Entering:
    """Return what a unit of each reward adds to the two equations of the optimum.

    Raises
    ------
    NotDifferentiable
        Naming options, if the decision has no derivatives by rewards.
    """
    check_decisions(at)
    form, program, grouping = at.form, at.program, at.question.grouping
    n, n_groups = at.problem.n_options, 1
    option, share = np.arange(n), np.ones(n)
    if at.problem.shared_reward is not None:
        n_groups = at.problem.n_groups
        option, share = np.repeat(option, n_groups), np.ones(n * n_groups)
    if not at.question.family.compares_utilities:
        pull = np.full(n * n_groups, np.exp(-form.log_welfare_unit))
        return _entering(at, option, np.zeros_like(option), pull, 0.0 * pull)
    group = np.tile(np.arange(n_groups), n)
    if at.problem.shared_reward is None:
        group = grouping.of_option
        share = grouping.share[group]
    row = form.row[program.rows_of("utility_of")][group]
    moves = share * at.decision[option] / form.row_unit[row]
    pull = share / form.row_unit[row] * at.optimum.multiplier[row]
    coordinate = form.coordinate[program.columns_of("x")][option]
    is_free = (coordinate >= 0) & at.optimum.is_free[coordinate]
    has_one = at.has_one_multiplier("utility_of")[group]
    doubtful = is_free & ~has_one
    doubtful |= at.without_income[group] & (at.problem.upper[option] > 0)
    _refuse(at, option[doubtful], "another price of utility is as good")
    why = "what their rewards would change is tied to more rows than can give way"
    _refuse(at, option[(moves != 0) & ~has_one], why)
    return _entering(at, option, row, pull, moves)


def by_budget(at: DifferentiableOptimum) -> Entering:
    """Return what a unit of each budget adds to the two equations of the optimum.

    Raises
    ------
    NotDifferentiable
        Naming options or resources, if the decision has no derivatives by budgets.
    """
    check_decisions(at)
    form, n = at.form, at.problem.n_resources
    has_one = at.has_one_multiplier("budget_limit")
    if not has_one.all():
        raise not_differentiable(
            at.problem, "the decision", "nothing can take up a change", resources=~has_one
        )
    row = form.row[at.program.rows_of("budget_limit")]
    there = np.flatnonzero(row >= 0)
    missing = sparse.csc_array(
        (1.0 / form.row_unit[row[there]], (row[there], there)),
        shape=(len(form.right_hand_side), n),
    )
    return Entering(force=sparse.csc_array((len(form.cost), n)), missing=missing)


def _entering(
    at: DifferentiableOptimum, option: Integers, row: Integers, pull: Floats, moves: Floats
) -> Entering:
    """Return what each parameter, of an option and a row, adds: pulls to it, moves in the row."""
    form, n_parameters = at.form, len(option)
    coordinate = form.coordinate[at.program.columns_of("x")][option]
    free = np.flatnonzero((coordinate >= 0) & at.optimum.is_free[coordinate])
    force = sparse.csc_array(
        (form.unit[coordinate[free]] * pull[free], (coordinate[free], free)),
        shape=(len(form.cost), n_parameters),
    )
    used = np.flatnonzero(moves)
    missing = sparse.csc_array(
        (moves[used], (row[used], used)),
        shape=(len(form.right_hand_side), n_parameters),
    )
    return Entering(force=force, missing=missing)


def _refuse(at: DifferentiableOptimum, options: Integers, why: str) -> None:
    if options.size:
        named = np.zeros(at.problem.n_options, dtype=np.bool_)
        named[options] = True
        raise not_differentiable(at.problem, "the decision", why, options=named)


def _rounding(at: DifferentiableOptimum) -> float:
    """Return what rounding leaves of zeros: a decision moves by its size where a reward doubles."""
    shared = at.problem.shared_reward
    reward = at.problem.reward if shared is None else shared.data
    size = 1.0 if reward is None else float(np.abs(reward).max(initial=0.0)) or 1.0
    return LEAST_ENTRY * float(np.abs(at.decision).max(initial=0.0)) / size


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


def _moved(at: DifferentiableOptimum, force: Floats, missing: Floats) -> Floats:
    """Return how decisions move with each parameter."""
    form, optimum = at.form, at.optimum
    dw, _ = optimum.factors.solve(force, missing)
    coordinate = form.coordinate[at.program.columns_of("x")]
    moves = (coordinate >= 0) & optimum.is_free[coordinate]
    moved = dw[coordinate] * form.unit[coordinate][:, np.newaxis]
    moved[~moves] = 0.0
    return np.asarray(moved)
