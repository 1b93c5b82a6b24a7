"""A Program with perspectives as a CVXPY problem with exact cones, for a point near its optimum.

    below <= scale V(argument / scale)

    alpha = 1    (below, scale, argument) in the exponential cone
    alpha < 1    argument^(1 - alpha) scale^alpha >= power,   power = scale + (1 - alpha) below
    alpha > 1    argument^((alpha - 1) / alpha) power^(1 / alpha) >= scale

The point shows where tangents are wanted; what it is worth, others prove. Loads CVXPY when called.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
from scipy import sparse

from solvers.cvxpy_cones import cone_of_terms, sides
from solvers.program import Floats, Program

LOGGER = logging.getLogger(__name__)
SOLVER = "CLARABEL"


def cone_of_perspective(below: Any, scale: Any, argument: Any, alpha: float) -> Any:
    """Return the CVXPY cone that says below <= scale V(argument / scale)."""
    import cvxpy

    if alpha == 1.0:
        return cvxpy.ExpCone(below, scale, argument)
    power = scale + (1.0 - alpha) * below
    if alpha < 1.0:
        return cvxpy.PowCone3D(argument, scale, power, 1.0 - alpha)
    return cvxpy.PowCone3D(argument, power, scale, (alpha - 1.0) / alpha)


def conic_point(program: Program, alpha: float) -> Floats | None:
    """Return a point near the optimum of a maximised Program without wholeness, None where none is.

    Parameters
    ----------
    program : Program
        Its terms are of utilities near 1.
    alpha : float
        That of the terms; another one gives another point.
    """
    import cvxpy

    y = cvxpy.Variable(program.n_columns)
    matrix = sparse.csr_array(program.matrix)
    rows = sides(matrix, y, program.row_lower, program.row_upper)
    identity = sparse.eye_array(program.n_columns, format="csr")
    rows += sides(identity, y, program.column_lower, program.column_upper)
    constraints = [constraint for _, _, constraint in rows]
    welfare = program.objective @ y
    if program.terms is not None:
        p = cvxpy.Variable(len(program.terms.columns))
        welfare += program.terms.weight @ p
        constraints.append(cone_of_terms(p, y[program.terms.columns], alpha))
    found = program.perspectives
    if found is not None:
        cone = cone_of_perspective(y[found.below], y[found.scale], y[found.argument], found.alpha)
        constraints.append(cone)
    problem = cvxpy.Problem(cvxpy.Maximize(welfare), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            problem.solve(solver=SOLVER)
        # Whatever it is, there is no point; tangents are found without.
        except (cvxpy.error.SolverError, ArithmeticError, ValueError) as error:
            LOGGER.info("no point by cones: %s", error)
            return None
    if y.value is None or not np.isfinite(y.value).all():
        return None
    return np.asarray(y.value, dtype=np.float64)
