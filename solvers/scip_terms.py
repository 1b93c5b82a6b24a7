"""Alpha-fair terms in SCIP: columns below concave functions of columns, with terms in ratios.

    maximise  ... + sum_t weight_t p_t,      p_t <= V(s_t),
    V(s) = (s^(1 - alpha) - 1) / (1 - alpha),   log s for alpha = 1

for columns s_t around 1, see `term_scaling`. Every row is in the units of p_t, so that SCIP's
tolerance is one of the objective, and concave as written, so that SCIP need not branch on s_t. May
import the Program and the native SCIP object.
"""

from __future__ import annotations

from typing import Any

from solvers.program import Floats, Program
from solvers.scaled_utility import scaled_utility
from solvers.scip_native import native


# The types are those of pyscipopt.
def declare_terms(model: Any, columns: list[Any], program: Program) -> list[Any]:
    """Return a new column for each term, its weight in the objective, tied to the term's column."""
    terms = program.terms
    if terms is None:
        return []
    below = []
    pairs = zip(terms.columns.tolist(), terms.weight.tolist(), strict=True)
    for number, (place, weight) in enumerate(pairs):
        value = model.addVar(f"p{number}", "C", None, None, weight)
        model.addCons(_row(value, columns[place], terms.alpha))
        below.append(value)
    return below


def _row(value: Any, column: Any, alpha: float) -> Any:
    if alpha == 1.0:
        return value - native().log(column) <= 0.0
    factor = 1.0 / (1.0 - alpha)
    return value - factor * column ** (1.0 - alpha) <= -factor


def values_of_terms(program: Program, point: Floats) -> Floats:
    """Return the largest value of each term's own column at a point."""
    if program.terms is None:
        return point[:0]
    return scaled_utility(point[program.terms.columns], program.terms.alpha)
