"""The plain route: the Program as it was declared, linear or with alpha-fair terms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from librex_models.routes.route import Floats, Question
from librex_models.verification import LinearWelfare, region
from solvers import Program

# A whole program is asked for a little more than the user wants: rounding decisions moves the
# value.
SHARE_OF_GAP = 0.9


@dataclass(frozen=True)
class Plain:
    """The Program as it is."""

    name: str = "plain"

    def advice(self, question: Question) -> str:  # noqa: ARG002
        """Return nothing: a plain program says what the problem says."""
        return ""

    def program(self, question: Question, program: Program) -> Program:  # noqa: ARG002
        """Return the Program as it is."""
        return program

    def linear_welfare(
        self, question: Question, utility: Floats, multiplier: Floats | None
    ) -> LinearWelfare:
        """Return the family's majorant as a function of the decision."""
        grouping = question.grouping
        majorant = question.family.majorant(grouping.weight, utility, multiplier)
        slope = (majorant.slope * grouping.share)[grouping.of_option]
        return LinearWelfare(
            coefficient=slope * question.reward,
            constant=majorant.constant + float(majorant.slope @ grouping.history),
            to_equivalent=majorant.to_equivalent,
            region=region(question.problem),
        )

    def equivalent(self, question: Question, objective: float) -> float:
        """Return the equivalent utility of a welfare."""
        return question.family.equivalent_of_welfare(question.grouping.weight, objective)

    def unit(self, question: Question, utility: Floats) -> float:
        """Return the welfare per unit of the majorant."""
        return question.family.majorant(question.grouping.weight, utility).unit

    def gaps(self, question: Question, relative_gap: float) -> tuple[float, float]:  # noqa: ARG002
        """Return the wanted gap, a little tightened."""
        return SHARE_OF_GAP * relative_gap, 0.0

    def refined(self, question: Question, decision: Floats) -> bool:  # noqa: ARG002
        """Return False: nothing here depends on a decision."""
        return False


def linearised(program: Program, slope: Floats) -> Program:
    """Return the Program with its alpha-fair terms replaced by slope . utility.

    The duals of this linear program are the prices that make the bound at the tangent point least.
    """
    if program.terms is None:
        return program
    objective = np.zeros(program.n_columns)
    objective[program.terms.columns] = slope
    return replace(program, objective=objective, objective_constant=0.0, terms=None)
