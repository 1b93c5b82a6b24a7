"""What HiGHS found in a run, as highspy's calls tell it."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from solvers.entries import by_column
from solvers.highs_native import native
from solvers.program import Floats, Program


class Information(NamedTuple):
    """Numbers about a run.

    Parameters
    ----------
    objective : float
        Of the point.
    dual_bound : float
        Of programs with whole columns.
    nodes, iterations : int
    has_point : bool
        Whether there is a point that HiGHS calls feasible.
    """

    objective: float
    dual_bound: float
    nodes: int
    iterations: int
    has_point: bool


class Solution(NamedTuple):
    """A point, and the duals that go with it where they are valid.

    Parameters
    ----------
    point, reduced_cost : arrays of shape (n_columns,)
    row_dual : array of shape (n_rows,)
        Of all rows, added ones too.
    """

    point: Floats
    reduced_cost: Floats
    row_dual: Floats


# The types are those of highspy, which has none for its native part.
def information_of(highs: Any) -> Information:
    """Return the numbers about the last run."""
    found = highs.getInfo()
    feasible = native().SolutionStatus.kSolutionStatusFeasible
    simplex, interior = found.simplex_iteration_count, found.ipm_iteration_count
    return Information(
        objective=float(found.objective_function_value),
        dual_bound=float(found.mip_dual_bound),
        nodes=max(int(found.mip_node_count), 0),
        iterations=max(int(simplex), 0) + max(int(interior), 0),
        has_point=found.primal_solution_status == int(feasible),
    )


def solution_of(highs: Any, program: Program | None) -> Solution:
    """Return the solution of the last run.

    Parameters
    ----------
    highs : HiGHS object
    program : Program or None
        What HiGHS holds; None where it holds more rows.
    """
    found = highs.getSolution()
    row_dual = _as_array(found.row_dual)
    if program is None or not found.dual_valid:
        reduced_cost = _as_array(found.col_dual)
    else:
        # The same numbers, and faster than one Python number for each column.
        reduced_cost = program.objective - _charged(program.matrix, row_dual)
    return Solution(point=_as_array(found.col_value), reduced_cost=reduced_cost, row_dual=row_dual)


def _charged(matrix: sparse.csc_array, row_dual: Floats) -> Floats:
    full = by_column(matrix)
    charge: Floats = matrix.T @ row_dual if full is None else full @ row_dual
    return charge


def _as_array(numbers: list[float]) -> Floats:
    """Return a list of numbers as an array; no way through numpy is as fast."""
    packed = struct.pack(f"{len(numbers)}d", *numbers)
    return np.ndarray(len(numbers), dtype=np.float64, buffer=packed)
