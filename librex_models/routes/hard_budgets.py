"""Whole decisions under hard budgets: budget rows for the solver, and cuts for what slips through.

Solvers accept a row that is exceeded by some 1e-6, and may lose a point that fits exactly. So the
rows they are handed are a relaxation: whole numbers where the requests are multiples of a unit,
else a side raised by a millionth. A point that then fails the exact check is cut off and the
program solved again: by an extended minimal cover of the broken row for 0/1 decisions, else by
asking that at least one decision of the row is smaller than in the point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

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
TRACE = 1e-6
DECIMALS = 9
RESIDUAL_SLACK = 1e-6
LARGEST_DENOMINATOR = 1000
LARGEST_NUMBER_OF_UNITS = 1e9
UNIT_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def without_what_zero_budgets_forbid(program: Program) -> Program:
    """Return the Program with every column at zero that needs some of a budget of zero.

    A solver's tolerance lets the row of such a budget be exceeded, and with it all small requests.
    """
    rows = program.rows_of("budget_limit")
    if (program.row_upper[rows] > 0.0).all():
        return program
    empty = np.zeros(program.n_rows, dtype=np.bool_)
    empty[rows] = program.row_upper[rows] <= 0.0
    entry = empty[program.matrix.indices] & (program.matrix.data > 0)
    column = np.repeat(np.arange(program.n_columns), np.diff(program.matrix.indptr))
    forbidden = np.zeros(program.n_columns, dtype=np.bool_)
    forbidden[column[entry]] = True
    upper = np.where(forbidden & (program.column_lower <= 0.0), 0.0, program.column_upper)
    return replace(program, column_upper=upper)


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
    units = units_of(request, budget)
    if units is None:
        return _without_traces(request, budget), budget * (1 + WHOLE_SLACK)
    return units.count, units.side


def _without_traces(request: Floats, budget: float) -> Floats:
    """Return the requests without the smallest, which all together are a trace of the budget.

    Below its tolerance a solver's presolve goes wrong; without them the row only gets looser, and
    the exact check sees them.
    """
    # Few are: sorting all would take half the time of a build.
    small = np.flatnonzero(request <= TRACE * budget)
    order = small[np.argsort(request[small], kind="stable")]
    traces = order[np.cumsum(request[order]) <= TRACE * budget]
    kept = request.copy()
    kept[traces] = 0.0
    return kept


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """A row of requests as whole numbers of one unit, up to the rounding of decimals.

    Parameters
    ----------
    unit : Fraction
        Such as 1/10, or a third of a double.
    count : array of shape (n_entries,)
        Whole numbers of units.
    side : float
        The most units that any exactly feasible sum has, a whole number.
    """

    unit: Fraction
    count: Floats
    side: float


def units_of(request: Floats, budget: float) -> Units | None:
    """Return the row in units: decimals, or a fraction of its smallest request; None without one.

    Examples
    --------
    >>> units = units_of(np.array([0.1, 0.2]), 0.3)
    >>> units.count, units.side
    (array([1., 2.]), 3.0)
    >>> units_of(np.array([1 / 3, 1 / 2]), 1.0).count
    array([2., 3.])
    """
    unit = _decimal_unit(request) or _unit_of_fractions(request)
    if unit is None:
        return None
    count = np.rint(request / float(unit))
    # A sum that fits exactly is above the side by roundings only, far below one unit.
    side = math.floor(float(Fraction(budget) / unit) * (1 + UNIT_ROUNDING) + 1e-6)
    return Units(unit=unit, count=count, side=float(side))


def _decimal_unit(request: Floats) -> Fraction | None:
    for decimals in range(DECIMALS + 1):
        scaled = request * 10.0**decimals
        count = np.rint(scaled)
        if count.max() > LARGEST_NUMBER_OF_UNITS:
            return None
        if (np.abs(scaled - count) <= UNIT_ROUNDING * np.maximum(count, 1.0)).all():
            divisor = int(np.gcd.reduce(count.astype(np.int64))) or 1
            return Fraction(divisor, 10**decimals)
    return None


def _unit_of_fractions(request: Floats) -> Fraction | None:
    """Return the unit of which all requests are whole multiples, such as 1/6 for 1/3 and 1/2."""
    smallest = float(request[request > 0].min(initial=np.inf))
    if not np.isfinite(smallest):
        return None
    parts = 1
    for ratio in (request[request > 0] / smallest).tolist():
        fraction = Fraction(ratio).limit_denominator(LARGEST_DENOMINATOR)
        if abs(float(fraction) - ratio) > UNIT_ROUNDING * ratio:
            return None
        parts = math.lcm(parts, fraction.denominator)
        if parts > LARGEST_DENOMINATOR or ratio * parts > LARGEST_NUMBER_OF_UNITS:
            return None
    return Fraction(smallest) / parts


def with_residuals(program: Program, problem: AllocationProblem, resource: int) -> Program | None:
    """Return the Program in which a row in units is exact to the last bit of its doubles.

    With requests count_j unit + residual_j, a sum fits exactly if it has fewer units than the
    side, or as many and residuals that fit into the budget's residual. A 0/1 column chooses. None
    where the row has no unit, holds fractional decisions, or is exact already.
    """
    name = f"residual_limit_{resource}"
    request, budget = _requests_for(problem, resource), float(problem.budget[resource])
    used = np.flatnonzero((request > 0) & (request <= budget))
    is_split = any(block.name == name for block in program.row_blocks)
    units = units_of(request[used], budget) if used.size else None
    if units is None or is_split or not problem.integer[request > 0].all():
        return None
    residual, room = _residuals(request[used], budget, units)
    most = np.minimum(problem.upper[used], np.floor(budget / request[used]))
    largest = max(float(np.maximum(residual, 0.0) @ most) - room, 0.0)
    if largest == 0.0:
        return None
    x = program.columns_of("x").start
    row = program.rows_of("budget_limit").start + resource
    row_upper = program.row_upper.copy()
    row_upper[row] = units.side - 1.0
    fewer_units = sparse.coo_array(([-1.0], ([row], [0])), shape=(program.n_rows, 1))
    fits = sparse.coo_array(
        (residual, (np.zeros(len(used), dtype=np.int64), used + x)), shape=(1, program.n_columns)
    )
    matrix = sparse.vstack(
        [
            sparse.hstack([program.matrix, fewer_units]),
            sparse.hstack([fits, sparse.coo_array([[largest]])]),
        ]
    )
    return _extended(
        replace(program, matrix=sparse.csc_array(matrix), row_upper=row_upper),
        Block(name=f"has_all_units_{resource}"),
        Block(name=name),
        row_lower=np.array([-np.inf]),
        row_upper=np.array([room + largest + RESIDUAL_SLACK]),
    )


def _residuals(request: Floats, budget: float, units: Units) -> tuple[Floats, float]:
    """Return what requests and budget are beyond their units, exactly, as shares of the largest."""
    exact = [
        Fraction(amount) - int(count) * units.unit
        for amount, count in zip(request.tolist(), units.count.tolist(), strict=True)
    ]
    room = Fraction(budget) - int(units.side) * units.unit
    largest = max((abs(one) for one in exact), default=Fraction(0)) or Fraction(1)
    return np.array([float(one / largest) for one in exact]), float(room / largest)


def _extended(
    program: Program, columns: Block, rows: Block, row_lower: Floats, row_upper: Floats
) -> Program:
    """Return the Program, whose matrix is extended already, with 0/1 columns and rows added."""
    n = columns.size
    return replace(
        program,
        objective=np.concatenate([program.objective, np.zeros(n)]),
        row_lower=np.concatenate([program.row_lower, row_lower]),
        row_upper=np.concatenate([program.row_upper, row_upper]),
        column_lower=np.concatenate([program.column_lower, np.zeros(n)]),
        column_upper=np.concatenate([program.column_upper, np.ones(n)]),
        integer=np.concatenate([program.integer, np.ones(n, dtype=np.bool_)]),
        row_blocks=(*program.row_blocks, rows),
        column_blocks=(*program.column_blocks, columns),
    )


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
    binary = problem.integer & (problem.upper < 2.0) & (problem.lower <= 0.0)
    if not binary[chosen].all():
        return None
    order = chosen[np.argsort(-request[chosen], kind="stable")]
    cover = order[: _smallest_prefix_that_exceeds(request[order], budget)]
    if cover.size == 0:
        return None
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
    x = program.columns_of("x").start
    own = sparse.coo_array((np.ones(n), (steps, options + x)), shape=(n + 1, first))
    switch = sparse.coo_array(
        (
            np.concatenate([most - decision[options] + 1.0, np.ones(n)]),
            (np.concatenate([steps, np.full(n, n)]), np.concatenate([steps, steps])),
        ),
        shape=(n + 1, n),
    )
    empty = sparse.coo_array((program.n_rows, n))
    matrix = sparse.vstack([sparse.hstack([program.matrix, empty]), sparse.hstack([own, switch])])
    return _extended(
        replace(program, matrix=sparse.csc_array(matrix)),
        Block(name=f"step_{cut}", labels=range(n)),
        Block(name=f"step_down_{cut}", labels=range(n + 1)),
        row_lower=np.concatenate([np.full(n, -np.inf), [1.0]]),
        row_upper=np.concatenate([most, [np.inf]]),
    )


def _requests_for(problem: AllocationProblem, resource: int) -> Floats:
    return np.asarray(problem.usage[[resource], :].toarray()).ravel()
