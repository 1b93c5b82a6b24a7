"""A task as a CVXPY problem with exact cones, and the solver's answer in the words of the task.

    p_t <= V(s_t),   V(s) = (s^(1 - alpha) - 1) / (1 - alpha),  log s (alpha = 1)

    alpha = 1    (p, 1, s) in the exponential cone
    alpha < 1    s^(1 - alpha) >= 1 + (1 - alpha) p
    alpha > 1    s^((alpha - 1) / alpha) (1 + (1 - alpha) p)^(1 / alpha) >= 1

Agrawal, Verschueren, Diamond & Boyd (2018), J. Control Decis. 5, 42-60 (CVXPY). May import the
conic program; loads CVXPY when a task is solved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from solvers.conic_program import Task
from solvers.options import SolveOptions
from solvers.outcome import Limit, Status
from solvers.program import Booleans, Floats


@dataclass(frozen=True, kw_only=True)
class NativeSolver:
    """A solver behind CVXPY: the package it comes in, what its statuses mean, how it is run.

    Parameters
    ----------
    name : str
        As CVXPY calls it.
    package, oldest_version
    settled, stopped : mappings
        What its statuses claim, and which limit they mean; all others claim nothing.
    check : callable of the adapter's name and SolveOptions
        Raises OptionError for what the solver does not know.
    settings : callable of SolveOptions, manner, iterations and seconds left
        Returns its own settings; a manner is 0, 1 or 2, a way of going about a hard task.
    run : callable of CVXPY's cones, settings and a function that says whether to stop
        Returns the solver's answer and the lines that it printed.
    """

    name: str
    package: str
    oldest_version: tuple[int, int]
    settled: Mapping[str, Status]
    stopped: Mapping[str, Limit]
    check: Callable[[str, SolveOptions], None]
    settings: Callable[[SolveOptions, int, int | None, float | None], dict[str, Any]]
    run: Callable[[Any, dict[str, Any], Callable[[], bool]], tuple[Any, list[str]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What the solver returns for a scaled task.

    `multiplier` is the change of the optimum per unit of right-hand side, or where the task is
    infeasible the proof of it; `bound` is the solver's own.
    """

    status: str
    claim: Status | None
    limit: Limit | None
    point: Floats
    multiplier: Floats
    bound: float
    iterations: int
    log: list[str]


def solve_cones(
    task: Task, native: NativeSolver, settings: dict[str, Any], is_interrupted: Callable[[], bool]
) -> Answer:
    """Give a scaled task to CVXPY, the cones that it makes to the solver, and read the answer."""
    cones = _cones(task)
    data, chain, inverse = cones.problem.get_problem_data(native.name, solver_opts={})
    raw, log = native.run(data, settings, is_interrupted)
    point = data["param_prob"].split_solution(np.array(raw.x))[cones.columns.id]
    duals = chain.invert(raw, inverse).dual_vars
    multiplier = np.zeros(len(task.row_lower))
    for chosen, sign, constraint in cones.rows:
        if constraint.id in duals:
            multiplier[chosen] += sign * np.atleast_1d(duals[constraint.id])
    status = str(raw.status)
    return Answer(
        status=status,
        claim=native.settled.get(status),
        limit=native.stopped.get(status),
        point=np.asarray(point, dtype=np.float64),
        multiplier=multiplier,
        # CVXPY minimises what we maximise.
        bound=-float(raw.obj_val_dual),
        iterations=int(raw.iterations),
        log=log,
    )


# CVXPY declares its problems and expressions without types.
@dataclass(frozen=True, kw_only=True)
class _Cones:
    """A scaled task as a CVXPY problem, with the constraints that say a row's sides."""

    problem: Any
    columns: Any
    rows: list[tuple[Booleans, float, Any]]


def _cones(task: Task) -> _Cones:
    """Return the task as a CVXPY problem."""
    import cvxpy

    y = cvxpy.Variable(len(task.cost))
    rows = sides(task.matrix, y, task.row_lower, task.row_upper)
    bounds = sides(sparse.eye_array(len(task.cost), format="csr"), y, task.lower, task.upper)
    constraints = [constraint for _, _, constraint in rows + bounds]
    welfare = task.cost @ y
    if task.has_terms:
        p = cvxpy.Variable(len(task.columns))
        welfare += task.weight @ p
        constraints.append(cone_of_terms(p, y[task.columns], task.alpha))
    problem = cvxpy.Problem(cvxpy.Maximize(welfare), constraints)
    return _Cones(problem=problem, columns=y, rows=rows)


def sides(
    matrix: sparse.csr_array, y: Any, lower: Floats, upper: Floats
) -> list[tuple[Booleans, float, Any]]:
    """Return for equal, upper and lower sides: which rows, the sign of the dual, the constraint."""
    is_equal = lower == upper
    is_above = np.isfinite(upper) & ~is_equal
    is_below = np.isfinite(lower) & ~is_equal
    sides = []
    if is_equal.any():
        sides.append((is_equal, 1.0, matrix[is_equal] @ y == upper[is_equal]))
    if is_above.any():
        sides.append((is_above, 1.0, matrix[is_above] @ y <= upper[is_above]))
    if is_below.any():
        sides.append((is_below, -1.0, matrix[is_below] @ y >= lower[is_below]))
    return sides


def cone_of_terms(p: Any, s: Any, alpha: float) -> Any:
    """Return the cone that says p <= V(s), see the head of this file."""
    import cvxpy

    one = np.ones(p.size)
    if alpha == 1.0:
        return cvxpy.ExpCone(p, one, s)
    power = 1.0 + (1.0 - alpha) * p
    if alpha < 1.0:
        return cvxpy.PowCone3D(s, one, power, 1.0 - alpha)
    return cvxpy.PowCone3D(s, power, one, (alpha - 1.0) / alpha)
