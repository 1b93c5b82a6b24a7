"""A Program as a Pyomo model. Loads Pyomo when a model is made; may import the Program."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from solvers.program import Floats, Program
from solvers.whole_bounds import whole_bounds


def pyomo_model(program: Program, has_duals: bool) -> Any:
    """Return a Program as a Pyomo model.

    Parameters
    ----------
    program : Program
        Whose terms mean weight * V(s): columns p below V(s) stand for them.
    has_duals : bool
        Whether multipliers of the rows are to be read.
    """
    import pyomo.environ as pyomo
    from pyomo.core.expr import LinearExpression

    model = pyomo.ConcreteModel()
    domains = [pyomo.Integers if whole else pyomo.Reals for whole in program.integer.tolist()]
    # GLPK takes no other bounds for whole columns than whole ones.
    lower, upper = (_sides(bounds) for bounds in whole_bounds(program))
    columns = range(program.n_columns)
    model.x = pyomo.Var(
        columns,
        domain=lambda _, column: domains[column],
        bounds=lambda _, column: (lower[column], upper[column]),
    )
    x = [model.x[column] for column in columns]
    matrix = sparse.csr_array(program.matrix)
    least, most = _sides(program.row_lower), _sides(program.row_upper)
    model.rows = pyomo.Constraint(range(program.n_rows))
    for row, (first, last) in enumerate(
        zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True)
    ):
        # Empty rows hold, see `gateway`, and rows without sides say nothing.
        if first == last or (least[row] is None and most[row] is None):
            continue
        activity = LinearExpression(
            constant=0.0,
            linear_coefs=matrix.data[first:last].tolist(),
            linear_vars=[x[column] for column in matrix.indices[first:last].tolist()],
        )
        if least[row] == most[row]:
            model.rows[row] = activity == least[row]
        else:
            model.rows[row] = (least[row], activity, most[row])
    welfare = LinearExpression(
        constant=program.objective_constant,
        linear_coefs=program.objective.tolist(),
        linear_vars=x,
    )
    sense = pyomo.maximize if program.maximise else pyomo.minimize
    model.welfare = pyomo.Objective(expr=welfare + _terms(model, program, x), sense=sense)
    if has_duals:
        model.dual = pyomo.Suffix(direction=pyomo.Suffix.IMPORT)
    return model


def _terms(model: Any, program: Program, x: list[Any]) -> Any:
    """Return the sum of weight * p, with p <= V(s) declared in the model."""
    import pyomo.environ as pyomo

    terms = program.terms
    if terms is None:
        return 0.0
    alpha, factor = terms.alpha, 0.0 if terms.alpha == 1.0 else 1.0 / (1.0 - terms.alpha)
    places = terms.columns.tolist()
    model.p = pyomo.Var(range(len(places)))
    model.below = pyomo.Constraint(range(len(places)))
    for number, place in enumerate(places):
        if alpha == 1.0:
            model.below[number] = model.p[number] - pyomo.log(x[place]) <= 0.0
        else:
            power = factor * x[place] ** (1.0 - alpha)
            model.below[number] = model.p[number] - power <= -factor
    return sum(weight * model.p[number] for number, weight in enumerate(terms.weight.tolist()))


def _sides(numbers: Floats) -> list[float | None]:
    return [number if np.isfinite(number) else None for number in numbers.tolist()]
