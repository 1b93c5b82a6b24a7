"""A question in one of the three forms, compiled to a Program with parameters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from librex_models.errors import ParameterError
from librex_models.families import Family
from librex_models.forms.arrays_form import arrays_form
from librex_models.problem import AllocationProblem, Grouping
from solvers.parametric import ParametricProgram

Floats = npt.NDArray[np.float64]
FORMS = ("arrays", "pyomo", "cvxpy")


def compile_form(
    form: str, problem: AllocationProblem, grouping: Grouping, family: Family
) -> tuple[ParametricProgram, dict[str, Floats]]:
    """Return the Program of a form, and the present values of its parameters.

    Parameters
    ----------
    form : str
        "arrays", "pyomo" or "cvxpy".

    Raises
    ------
    ParameterError
        If there is no such form.
    """
    if form == "arrays":
        return arrays_form(problem, grouping, family), values_of(problem, grouping)
    if form == "pyomo":
        from librex_models.forms import compile_pyomo as pyomo_reader
        from librex_models.forms.pyomo_form import pyomo_form

        model = pyomo_form(problem, grouping, family)
        return pyomo_reader.compile_pyomo(model), pyomo_reader.parameter_values(model)
    if form == "cvxpy":
        from librex_models.forms import compile_cvxpy as cvxpy_reader
        from librex_models.forms.cvxpy_form import cvxpy_form, labels_in_cvxpy

        declared = cvxpy_form(problem, grouping, family)
        program = cvxpy_reader.compile_cvxpy(declared, labels_in_cvxpy(problem, grouping))
        return program, cvxpy_reader.parameter_values(declared)
    raise ParameterError(f"form is {form!r}, expected one of {', '.join(FORMS)}")


def values_of(problem: AllocationProblem, grouping: Grouping) -> dict[str, Floats]:
    """Return the values of the parameters that all forms share."""
    values = {
        "budget": problem.budget,
        "history": grouping.history,
        "weight": grouping.weight,
    }
    if grouping.shared_reward is not None:
        return values
    reward = problem.known_reward
    return {"reward": reward, **values}
