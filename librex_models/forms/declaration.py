"""A question declared in one of the forms, and the Program that it compiles to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from librex_models.families import Family
from librex_models.forms.compiling import compile_form, values_of
from librex_models.problem import AllocationProblem, Grouping
from solvers.parametric import ParametricProgram
from solvers.program import Program

Floats = npt.NDArray[np.float64]

# What may be written into a problem, and which parameter of the Program it becomes.
PARAMETER_OF = {
    "reward": "reward",
    "budget": "budget",
    "weight": "weight",
    "history": "history",
    "agent_weight": "weight",
    "agent_history": "history",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Declaration:
    """A question in a form.

    Parameters
    ----------
    form : str
    parametric : ParametricProgram
    defaults : mapping of str to array
        Values of the parameters that only this form has.
    program : Program
    """

    form: str
    parametric: ParametricProgram
    defaults: Mapping[str, Floats]
    program: Program

    def rewritten(
        self, problem: AllocationProblem, grouping: Grouping, family: Family, changed: set[str]
    ) -> Declaration:
        """Return the declaration at the numbers of a problem of the same sizes and labels.

        Parameters
        ----------
        changed : set of str
            What differs from the problem before, see `problem.written_values`. Parameters of the
            Program are written into it; for other numbers the form is declared anew.
        """
        is_shared = "reward" in changed and grouping.shared_reward is not None
        if is_shared or not changed <= PARAMETER_OF.keys():
            return declare(self.form, problem, grouping, family)
        names = {PARAMETER_OF[name] for name in changed} & self.parametric.parameters.keys()
        values = {**self.defaults, **values_of(problem, grouping)}
        return Declaration(
            form=self.form,
            parametric=self.parametric,
            defaults=self.defaults,
            program=self.parametric.write(self.program, names, values),
        )


def declare(
    form: str, problem: AllocationProblem, grouping: Grouping, family: Family
) -> Declaration:
    """Declare a family on a problem in a form.

    Raises
    ------
    ParameterError
        If there is no such form.
    """
    parametric, defaults = compile_form(form, problem, grouping, family)
    program = parametric.program({**defaults, **values_of(problem, grouping)})
    return Declaration(form=form, parametric=parametric, defaults=defaults, program=program)
