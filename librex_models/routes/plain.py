"""The plain route: the Program as it was declared, linear or with alpha-fair terms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from librex_models.families import MaxMinFairness
from librex_models.routes.route import Floats, Question
from librex_models.verification import LinearWelfare, region
from solvers import Program

# A whole program is asked for a little more than the user wants: rounding decisions moves the
# value.
SHARE_OF_GAP = 0.9


@dataclass
class Plain:
    """The Program as it is; for a max-min level that turns out tiny, without what lies above it.

    Parameters
    ----------
    level : float
        A bound on the level twice over; infinite until it is known to be needed.
    """

    name: str = "plain"
    level: float = np.inf

    def advice(self, question: Question) -> str:  # noqa: ARG002
        """Return nothing: a plain program says what the problem says."""
        return ""

    def program(self, question: Question, program: Program) -> Program:
        """Return the Program as it is, or without utilities above the level."""
        return program if np.isinf(self.level) else _capped(question, program, self.level)

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

    def forget(self) -> None:
        """Drop the level."""
        self.level = np.inf

    def refined(self, question: Question, decision: Floats, bound: float) -> bool:  # noqa: ARG002
        """Cap utilities at twice a bound on the max-min level, where nothing asks for more.

        A level far below what some can reach is lost in the solver's tolerances; without the rest
        the program is scaled to it.
        """
        problem = question.problem
        asks_for_more = problem.lower.any() or problem.agent_minimum.any() or problem.integer.any()
        if not isinstance(question.family, MaxMinFairness) or asks_for_more:
            return False
        if not 0.0 < 2.0 * bound < 0.5 * self.level:
            return False
        self.level = 2.0 * bound
        return True


def _capped(question: Question, program: Program, level: float) -> Program:
    """Return the Program in which no option earns its group more than the level asks for."""
    grouping = question.grouping
    most = np.maximum(grouping.weight * level, grouping.history)
    earned = grouping.share[grouping.of_option] * question.reward
    room = (most - grouping.history)[grouping.of_option]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        enough = np.where(earned > 0, room / earned, np.inf)
    upper = program.column_upper.copy()
    x, utility = program.columns_of("x"), program.columns_of("utility")
    upper[x] = np.minimum(upper[x], enough)
    upper[utility] = most
    return replace(program, column_upper=upper)


def linearised(program: Program, slope: Floats) -> Program:
    """Return the Program with its alpha-fair terms replaced by slope . utility.

    The duals of this linear program are the prices that make the bound at the tangent point least.
    """
    if program.terms is None:
        return program
    objective = np.zeros(program.n_columns)
    objective[program.terms.columns] = slope
    return replace(program, objective=objective, objective_constant=0.0, terms=None)
