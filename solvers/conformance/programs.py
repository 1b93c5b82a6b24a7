"""Small programs for the cases, and their optima by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy import sparse

from solvers.conformance.case import objective_of
from solvers.program import AlphaFairTerms, Block, Floats, Program

INFINITY = float("inf")


def program_of(
    objective: npt.ArrayLike,
    matrix: npt.ArrayLike,
    row_lower: npt.ArrayLike = -INFINITY,
    row_upper: npt.ArrayLike = INFINITY,
    column_lower: npt.ArrayLike = 0.0,
    column_upper: npt.ArrayLike = 1.0,
    *,
    integer: npt.ArrayLike = False,
    maximise: bool = True,
    constant: float = 0.0,
    terms: AlphaFairTerms | None = None,
) -> Program:
    """Return a Program; sides, bounds and wholeness may be given once for all."""
    cost = np.asarray(objective, dtype=np.float64)
    entries = sparse.csc_array(np.asarray(matrix, dtype=np.float64))
    n_rows, n_columns = entries.shape

    def each(numbers: npt.ArrayLike, size: int) -> Floats:
        return np.broadcast_to(np.asarray(numbers, dtype=np.float64), size).copy()

    return Program(
        objective=cost,
        objective_constant=constant,
        matrix=entries,
        row_lower=each(row_lower, n_rows),
        row_upper=each(row_upper, n_rows),
        column_lower=each(column_lower, n_columns),
        column_upper=each(column_upper, n_columns),
        integer=np.broadcast_to(np.asarray(integer, dtype=np.bool_), n_columns).copy(),
        row_blocks=(Block(name="row", labels=range(n_rows)),),
        column_blocks=(Block(name="column", labels=range(n_columns)),),
        maximise=maximise,
        terms=terms,
    )


def knapsack(worth: float = 3.0, *, maximise: bool = True, side: float = 1.5) -> Program:
    """Return 1 of the first column and half of the second, worth 4; its dual is 2."""
    sign = 1.0 if maximise else -1.0
    return program_of([sign * worth, sign * 2.0], [[1.0, 1.0]], row_upper=side, maximise=maximise)


def packing(seed: int, n_columns: int = 9, n_rows: int = 4, whole: bool = True) -> Program:
    """Return a knapsack with several rows; the zero vector is feasible."""
    generator = np.random.default_rng(seed)
    request = generator.integers(5, 99, (n_rows, n_columns)).astype(np.float64)
    reward = request.mean(axis=0) + generator.integers(1, 20, n_columns)
    side = np.floor(request.sum(axis=1) / 2)
    return program_of(reward, request, row_upper=side, integer=whole, constant=3.0)


def covering(seed: int, n_columns: int = 12, n_rows: int = 4, whole: bool = False) -> Program:
    """Return a minimised program whose zero vector is infeasible."""
    generator = np.random.default_rng(seed)
    request = generator.integers(0, 9, (n_rows, n_columns)).astype(np.float64)
    cost = generator.integers(1, 30, n_columns).astype(np.float64)
    side = request.sum(axis=1) / 3
    return program_of(cost, request, row_lower=side, integer=whole, maximise=False)


def hard() -> Program:
    """Return a whole program whose gap stays open for minutes."""
    return packing(1, n_columns=100, n_rows=40)


def long() -> Program:
    """Return a linear program that takes some hundred iterations."""
    return packing(3, n_columns=300, n_rows=60, whole=False)


def best_by_enumeration(program: Program) -> float | None:
    """Return the optimum of a whole program with finite bounds, None where it is infeasible."""
    axes = [
        np.arange(np.ceil(lower), np.floor(upper) + 1.0)
        for lower, upper in zip(program.column_lower, program.column_upper, strict=True)
    ]
    sense = 1.0 if program.maximise else -1.0
    best: float | None = None
    for chosen in itertools.product(*axes):
        point = np.array(chosen, dtype=np.float64)
        activity = program.matrix @ point
        slack = 1e-9 * (1.0 + abs(program.matrix) @ np.abs(point))
        below, above = activity < program.row_lower - slack, activity > program.row_upper + slack
        if below.any() or above.any():
            continue
        value = objective_of(program, point)
        if best is None or sense * value > sense * best:
            best = value
    return best


def shared_budget(
    alpha: float, *, whole: bool = False, weight: npt.ArrayLike = (1.0, 2.0, 0.5)
) -> Program:
    """Return three agents of rewards 2, 1 and 4 per unit, who share a budget of 6 units.

    The columns are what each gets and what it is worth to each.
    """
    reward = np.array([2.0, 1.0, 4.0])
    matrix = np.zeros((4, 6))
    matrix[0, :3] = 1.0
    matrix[1:, :3] = np.diag(reward)
    matrix[1:, 3:] = -np.eye(3)
    return program_of(
        np.zeros(6),
        matrix,
        row_lower=[-INFINITY, 0.0, 0.0, 0.0],
        row_upper=[6.0, 0.0, 0.0, 0.0],
        column_upper=[6.0, 6.0, 6.0, INFINITY, INFINITY, INFINITY],
        integer=[whole, whole, whole, False, False, False],
        terms=AlphaFairTerms(
            columns=np.array([3, 4, 5]),
            weight=np.asarray(weight, dtype=np.float64),
            alpha=alpha,
        ),
    )


def best_shares(program: Program) -> Floats:
    """Return what each agent of `shared_budget` gets at the fractional optimum.

    Shares are proportional to weight^(1 / alpha) reward^(1 / alpha - 1).
    """
    terms = program.terms
    assert terms is not None
    reward = np.array([2.0, 1.0, 4.0])
    share = terms.weight ** (1.0 / terms.alpha) * reward ** (1.0 / terms.alpha - 1.0)
    amounts: Floats = 6.0 * share / share.sum()
    return amounts


def equivalent(program: Program, utility: Floats) -> float:
    """Return the utility that, given to all, is worth as much as these."""
    terms = program.terms
    assert terms is not None
    share = terms.weight / terms.weight.sum()
    if terms.alpha == 1.0:
        return float(np.exp(share @ np.log(utility)))
    return float((share @ utility ** (1.0 - terms.alpha)) ** (1.0 / (1.0 - terms.alpha)))
