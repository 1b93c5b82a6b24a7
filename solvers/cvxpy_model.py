"""A Program as a CVXPY problem. Loads CVXPY when a problem is made; may import the Program."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from solvers.cvxpy_cones import cone_of_terms, sides
from solvers.program import Floats, Program


class CvxpyModel:
    """A Program as a CVXPY problem that is maximised."""

    def __init__(self, program: Program) -> None:
        import cvxpy

        self.program = program
        n, whole = program.n_columns, np.flatnonzero(program.integer)
        # CVXPY turns them into rows for the solvers that need that.
        bounds = [program.column_lower, program.column_upper]
        integer = (whole,) if whole.size else False
        y = self._columns = cvxpy.Variable(n, bounds=bounds, integer=integer)
        matrix = sparse.csr_array(program.matrix)
        self._rows = sides(matrix, y, program.row_lower, program.row_upper)
        constraints = [constraint for _, _, constraint in self._rows]
        sense = 1.0 if program.maximise else -1.0
        welfare = (sense * program.objective) @ y
        if program.terms is not None and program.terms.columns.size:
            p = cvxpy.Variable(len(program.terms.columns))
            welfare += program.terms.weight @ p
            constraints.append(cone_of_terms(p, y[program.terms.columns], program.terms.alpha))
        self.problem: Any = cvxpy.Problem(cvxpy.Maximize(welfare), constraints)

    def point_of(self, solution: Any) -> Floats | None:
        """Return the values of the columns, None where there are none."""
        values = (solution.primal_vars or {}).get(self._columns.id)
        return None if values is None else np.atleast_1d(np.asarray(values, dtype=np.float64))

    def row_dual_of(self, solution: Any) -> Floats | None:
        """Return the multipliers of the rows, None where there are none."""
        duals = solution.dual_vars
        if self.program.has_integers or not duals:
            return None
        multiplier = np.zeros(self.program.n_rows)
        for chosen, sign, constraint in self._rows:
            values = duals.get(constraint.id)
            if values is None:
                return None
            multiplier[chosen] += sign * np.atleast_1d(values)
        if not np.isfinite(multiplier).all():
            return None
        return multiplier if self.program.maximise else -multiplier
