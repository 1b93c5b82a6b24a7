"""Whole decisions under hard budgets: budget rows for the solver, and cuts for what slips through.

Solvers accept a row that is exceeded by some 1e-6, and may lose a point that fits exactly. So the
rows they are handed are a relaxation: whole numbers where the requests are multiples of a unit,
else a side raised by a millionth. A point that then fails the exact check is cut off and the
program solved again: by an extended minimal cover of the broken row for 0/1 decisions, else by
asking that at least one decision of the row is smaller than in the point.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem import AllocationProblem
from librex_models.verification.exact_budgets import exceeds
from solvers.program import Block, Program

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

WHOLE_SLACK = 1e-6
MIXED_SLACK = 1e-9
DECIMALS = 6
LARGEST_NUMBER_OF_UNITS = 1e9
UNIT_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def tightened(program: Program) -> Program:
    """Return the Program with budget rows that no exactly feasible point breaks, even in doubles.

    Rows over whole columns become whole numbers where a unit is found; the side of others is
    raised. A whole column that a budget does not allow even once is fixed at its lower bound.
    """
    rows = program.rows_of("budget_limit")
    by_row = sparse.csr_array(program.matrix)
    data, side = by_row.data.copy(), program.row_upper.copy()
    # Whole bounds: HiGHS 1.15 loses optima when a whole column has a bound that is not.
    lower = np.where(program.integer, np.ceil(program.column_lower), program.column_lower)
    upper = np.where(program.integer, np.floor(program.column_upper), program.column_upper)
    for i in range(rows.start, rows.stop):
        place = slice(by_row.indptr[i], by_row.indptr[i + 1])
        columns, budget = by_row.indices[place], float(side[i])
        if not np.isfinite(budget) or columns.size == 0:
            continue
        too_large = _never_fits(program, columns, data[place], budget)
        upper[columns[too_large]] = 0.0
        data[place][too_large] = 0.0
        if not program.integer[columns].all():
            side[i] = budget * (1 + MIXED_SLACK)
            continue
        data[place], side[i] = _in_units(data[place], budget)
    matrix = sparse.csc_array(
        sparse.csr_array((data, by_row.indices, by_row.indptr), shape=by_row.shape)
    )
    return replace(program, matrix=matrix, row_upper=side, column_lower=lower, column_upper=upper)


def _never_fits(
    program: Program, columns: npt.NDArray[np.integer], request: Floats, budget: float
) -> npt.NDArray[np.bool_]:
    """Return the whole columns of a row that a budget does not allow even once."""
    may_be_zero = program.column_lower[columns] <= 0
    return np.asarray((request > budget) & program.integer[columns] & may_be_zero, dtype=np.bool_)


def _in_units(request: Floats, budget: float) -> tuple[Floats, float]:
    """Return a row and its side in whole units, or in doubles with a raised side."""
    for decimals in range(DECIMALS + 1):
        scaled = request * 10.0**decimals
        units = np.rint(scaled)
        if units.max() > LARGEST_NUMBER_OF_UNITS:
            break
        if (np.abs(scaled - units) <= UNIT_ROUNDING * np.maximum(units, 1.0)).all():
            divisor = float(np.gcd.reduce(units.astype(np.int64))) or 1.0
            # A sum that fits exactly is above the side by roundings only, far below one unit.
            side = budget * 10.0**decimals / divisor
            return units / divisor, math.floor(side * (1 + UNIT_ROUNDING) + 1e-6)
    return request, budget * (1 + WHOLE_SLACK)


def cover_cut(
    problem: AllocationProblem, decision: Floats, resource: int
) -> tuple[Integers, int] | None:
    """Return the options of an extended minimal cover and how many of them fit at most.

    None where the broken row holds a decision that is not 0/1.

    Notes
    -----
    Balas (1975), Math. Program. 8, 146-164.
    """
    request = _requests_for(problem, resource)
    budget = float(problem.budget[resource])
    chosen = np.flatnonzero((decision > 0) & (request > 0) & problem.integer)
    if (decision[chosen] != 1.0).any() or problem.lower[chosen].any():
        return None
    order = chosen[np.argsort(-request[chosen], kind="stable")]
    cover = order[: _smallest_prefix_that_exceeds(request[order], budget)]
    if cover.size == 0:
        return None
    binary = problem.integer & (problem.upper < 2.0) & (problem.lower <= 0.0)
    extension = np.flatnonzero(binary & (request >= request[cover].max()))
    return np.union1d(cover, extension), len(cover) - 1


def _smallest_prefix_that_exceeds(request: Floats, budget: float) -> int:
    """Return how many of the largest requests exceed the budget exactly; 0 for never."""
    ones = np.ones(len(request))
    low, high = 0, len(request)
    if not exceeds(request, ones, budget):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        if exceeds(request[:middle], ones[:middle], budget):
            high = middle
        else:
            low = middle
    return high


def with_a_step_down(
    program: Program, problem: AllocationProblem, decision: Floats, resource: int, cut: int
) -> Program:
    """Return the Program in which one whole decision of a broken row is below its present value.

    One 0/1 column for each whole decision of the row: where it is 1, x_j <= decision_j - 1.
    """
    request = _requests_for(problem, resource)
    options = np.flatnonzero(problem.integer & (request > 0) & (decision > problem.lower))
    n = len(options)
    first = program.n_columns
    most = np.floor(problem.budget[resource] / request[options] + 1.0)
    most = np.maximum(np.minimum(problem.upper[options], most), decision[options])
    steps = np.arange(n)
    own = sparse.coo_array((np.ones(n), (steps, options)), shape=(n + 1, first))
    switch = sparse.coo_array(
        (
            np.concatenate([most - decision[options] + 1.0, np.ones(n)]),
            (np.concatenate([steps, np.full(n, n)]), np.concatenate([steps, steps])),
        ),
        shape=(n + 1, n),
    )
    empty = sparse.coo_array((program.n_rows, n))
    matrix = sparse.csc_array(
        sparse.vstack([sparse.hstack([program.matrix, empty]), sparse.hstack([own, switch])])
    )
    return replace(
        program,
        objective=np.concatenate([program.objective, np.zeros(n)]),
        matrix=matrix,
        row_lower=np.concatenate([program.row_lower, np.full(n, -np.inf), [1.0]]),
        row_upper=np.concatenate([program.row_upper, most, [np.inf]]),
        column_lower=np.concatenate([program.column_lower, np.zeros(n)]),
        column_upper=np.concatenate([program.column_upper, np.ones(n)]),
        integer=np.concatenate([program.integer, np.ones(n, dtype=np.bool_)]),
        row_blocks=(*program.row_blocks, Block(name=f"step_down_{cut}", labels=range(n + 1))),
        column_blocks=(*program.column_blocks, Block(name=f"step_{cut}", labels=range(n))),
    )


def _requests_for(problem: AllocationProblem, resource: int) -> Floats:
    return np.asarray(problem.usage[[resource], :].toarray()).ravel()
