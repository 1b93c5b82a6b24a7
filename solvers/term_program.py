"""Programs whose alpha-fair terms are functions of ratios, for solvers with nonlinear rows.

    maximise  cost . y + sum_t weight_t V(s_t),    s_t = u_t / reference_t,
    V(s) = (s^(1 - alpha) - 1) / (1 - alpha),   log s for alpha = 1

See `conic_scaling`, whose units these are; whole columns keep their own. From alpha = 1 on, V falls
without end near zero. A point of known value bounds every ratio from below: what its term has to
bring at least, where all else brings the most it can. What is lower than a solver can tell from
zero is left out, and bounded by arithmetic.

May import the Program, and the conic program with its scaling.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from solvers.conic_bound import dot
from solvers.conic_program import Task
from solvers.conic_scaling import ScaledTask
from solvers.program import AlphaFairTerms, Block, Booleans, Floats, Program
from solvers.scaled_utility import ratio_of, scaled_utility

# No ratio below the first, nor one whose term is below the second, is handed over for alpha >= 1.
LEAST_RATIO = 1e-8
LEAST_TERM = -1e6
# What bounds of ratios give way, for the rounding errors of what they are computed from.
SLACK = 1e-6
ROUNDING = 1e-12


def with_own_columns(program: Program) -> Program:
    """Return the Program with one more column for each term whose column is whole, tied to it.

    A whole column has to keep its unit, and a term is to be in ratios.
    """
    terms = program.terms
    if terms is None or not program.integer[terms.columns].any():
        return program
    is_whole = program.integer[terms.columns]
    whole = terms.columns[is_whole]
    n_rows, n_columns, n_own = program.n_rows, program.n_columns, len(whole)
    own = n_columns + np.arange(n_own)
    columns = terms.columns.copy()
    columns[is_whole] = own
    ties = sparse.csc_array(
        (
            np.concatenate([np.ones(n_own), -np.ones(n_own)]),
            (np.tile(np.arange(n_own), 2), np.concatenate([whole, own])),
        ),
        shape=(n_own, n_columns + n_own),
    )
    wider = sparse.hstack([program.matrix, sparse.csc_array((n_rows, n_own))])
    labels = range(n_own)
    return replace(
        program,
        objective=np.append(program.objective, np.zeros(n_own)),
        matrix=sparse.csc_array(sparse.vstack([wider, ties], format="csc")),
        row_lower=np.append(program.row_lower, np.zeros(n_own)),
        row_upper=np.append(program.row_upper, np.zeros(n_own)),
        column_lower=np.append(program.column_lower, program.column_lower[whole]),
        column_upper=np.append(program.column_upper, program.column_upper[whole]),
        integer=np.append(program.integer, np.zeros(n_own, dtype=np.bool_)),
        row_blocks=(*program.row_blocks, Block(name="a term's own row", labels=labels)),
        column_blocks=(*program.column_blocks, Block(name="a term's own column", labels=labels)),
        terms=replace(terms, columns=columns),
    )


def program_in_ratios(
    scaled: ScaledTask, integer: Booleans, least: Floats, n_rows: int
) -> tuple[Program, tuple[sparse.csr_array, Floats, Floats]]:
    """Return a Program of the first rows of a scaled task, and its other rows.

    Parameters
    ----------
    scaled : ScaledTask
    integer : boolean array of shape (n_columns,)
    least : array of shape (n_terms,)
        The ratios are at least this.
    n_rows : int
    """
    task = scaled.task
    lower, upper = task.lower.copy(), task.upper.copy()
    # Finite bounds, as near as they are known, spare the solver much branching.
    lower[task.columns] = np.maximum(lower[task.columns], least)
    upper[task.columns] = np.minimum(upper, task.most)[task.columns]
    terms = AlphaFairTerms(columns=task.columns, weight=task.weight, alpha=task.alpha)
    program = Program(
        objective=task.cost,
        matrix=sparse.csc_array(task.matrix[:n_rows]),
        row_lower=task.row_lower[:n_rows],
        row_upper=task.row_upper[:n_rows],
        column_lower=lower,
        column_upper=upper,
        integer=integer,
        row_blocks=(Block(name="row", labels=range(n_rows)),),
        column_blocks=(Block(name="column", labels=range(len(integer))),),
        terms=terms if task.has_terms else None,
    )
    added = sparse.csr_array(task.matrix[n_rows:])
    return program, (added, task.row_lower[n_rows:], task.row_upper[n_rows:])


def value_in_ratios(program: Program, point: Floats) -> float:
    """Return the objective of a point, its terms read as weight * V(s)."""
    value = float(program.objective @ point) + program.objective_constant
    if program.terms is not None:
        ratio = np.maximum(point[program.terms.columns], 0.0)
        value += float(program.terms.weight @ scaled_utility(ratio, program.terms.alpha))
    return value


def most_of_objective(task: Task) -> tuple[Floats, float]:
    """Return the most that each term of a scaled task can bring, and the most of all else."""
    most = task.weight * scaled_utility(np.maximum(task.most[task.columns], 0.0), task.alpha)
    return most, dot(task.cost, np.where(task.cost > 0, task.most, task.least))


def least_ratios(scaled: ScaledTask, value: float) -> Floats:
    """Return what each ratio has to be at least for a point to be as good as `value`."""
    task = scaled.task
    least = np.maximum(task.least[task.columns], 0.0)
    if not np.isfinite(value):
        return least
    most, of_rest = most_of_objective(task)
    is_finite = np.isfinite(most)
    total = float(most[is_finite].sum()) + of_rest
    others = np.where(is_finite, total - np.where(is_finite, most, 0.0), total)
    others[(~is_finite).sum() - ~is_finite > 0] = np.inf
    size = abs(value) + abs(of_rest) + float(np.abs(most[is_finite]).sum())
    room = (value - others - ROUNDING * size) / task.weight
    return np.maximum(least, (1.0 - SLACK) * ratio_of(room, task.alpha))


def floor_of_ratios(alpha: float) -> float:
    """Return the least ratio that a solver can tell from zero."""
    if alpha < 1.0:
        return 0.0
    return max(LEAST_RATIO, float(ratio_of(np.array([LEAST_TERM]), alpha)[0]))


def most_below(task: Task, least: Floats, floor: float) -> float:
    """Return what no point of a scaled task exceeds whose ratios are not all above the floor.

    Minus infinity where the ratios are at least `least`, and that is above the floor.
    """
    is_cut = least < floor
    if not is_cut.any():
        return -np.inf
    most, of_rest = most_of_objective(task)
    at_floor = task.weight * scaled_utility(np.array([floor]), task.alpha)
    loss = np.where(is_cut, most - at_floor, np.inf)
    if not np.isfinite(most).all():
        return np.inf
    return float(most.sum() + of_rest - loss.min())


def rounded(task: Task, point: Floats, integer: Booleans, tolerance: float) -> Floats:
    """Return a point with its whole columns whole, its terms' columns from their rows.

    Where rounding breaks a row by more than the tolerance, whole columns are left as they are.
    """
    whole = task.polished(np.where(integer, np.rint(point), point))
    return whole if task.violation(whole) <= tolerance else task.polished(point)
