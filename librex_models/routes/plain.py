"""The plain route: the Program as it was declared, linear or with alpha-fair terms."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from librex_models.families import (
    AlphaFairness,
    MaxMinFairness,
    NestedFairness,
    TotalReward,
    compared_utility,
)
from librex_models.families.family import Majorant
from librex_models.routes.route import Floats, Question
from librex_models.routes.solvable import advice_on_service
from librex_models.verification import LinearWelfare, region
from solvers import Program
from solvers.entries import products, with_entries

# A whole program is asked for a little more than the user wants: rounding decisions moves the
# value.
SHARE_OF_GAP = 0.9


# What is measured in units of utility, and the rows that tie them.
IN_UNITS = (
    "utility_of",
    "utility",
    "group_utility",
    "member_part",
    "mean_of",
    "member_limit",
    "worst",
    "worst_limit",
)


@dataclass
class Plain:
    """The Program as it is, as long as its numbers are of a size that solvers can work with.

    Parameters
    ----------
    level : float
        Where a max-min level turns out tiny: a bound on it twice over, and the program does without
        what lies above. Infinite until it is known to be needed.
    utility_unit : float
        Where alpha-fair welfare overflows in plain utilities: the size of the equivalent utility.
    """

    name: str = "plain"
    level: float = np.inf
    utility_unit: float = 1.0

    @property
    def is_relaxed(self) -> bool:
        """Return False: the objective is the welfare."""
        return False

    @property
    def starts_again(self) -> bool:
        """Return False: it is not made sharper."""
        return False

    @property
    def is_narrowed(self) -> bool:
        """Whether utilities are capped at a level."""
        return math.isfinite(self.level)

    def advice(self, question: Question) -> str:
        """Return that everybody must be served, where whole decisions may not do that."""
        return advice_on_service(question) if question.problem.integer.any() else ""

    def program(self, question: Question, program: Program) -> Program:
        """Return the Program as it is, or in other units, or without utilities above the level."""
        if self.utility_unit != 1.0:
            return in_units(program, self.utility_unit)
        return program if math.isinf(self.level) else _capped(question, program, self.level)

    def linear_welfare(
        self, question: Question, utility: Floats, multiplier: Floats | None
    ) -> LinearWelfare:
        """Return the family's majorant as a function of the decision."""
        grouping, own = question.grouping, region(question.problem)
        majorant = _majorant(question, utility, multiplier)
        return LinearWelfare(
            coefficient=grouping.worth(question.reward, majorant.slope),
            constant=majorant.constant + float(majorant.slope @ grouping.history),
            to_equivalent=majorant.to_equivalent,
            region=own,
        )

    def equivalent(self, question: Question, objective: float) -> float:
        """Return the equivalent utility of a welfare."""
        weight = question.grouping.weight
        return self.utility_unit * question.family.equivalent_of_welfare(weight, objective)

    def unit(self, question: Question, utility: Floats) -> float:
        """Return the welfare, as the program has it, per unit of the majorant."""
        family = question.family
        if isinstance(family, TotalReward):
            return 1.0
        reference = family.majorant(question.grouping.weight, utility).reference
        with np.errstate(over="ignore"):
            return float(np.exp(family.log_unit(reference) - family.log_unit(self.utility_unit)))

    def gaps(self, question: Question, relative_gap: float) -> tuple[float, float]:  # noqa: ARG002
        """Return the wanted gap, a little tightened."""
        return SHARE_OF_GAP * relative_gap, 0.0

    def forget(self) -> None:
        """Drop the level; a unit of utility is right for any numbers."""
        self.level = np.inf

    def refined(self, question: Question, decision: Floats, bound: float) -> bool:
        """Take other units, or cap utilities, where that can sharpen the answer."""
        if isinstance(question.family, MaxMinFairness):
            return self._take_level(question, bound)
        if isinstance(question.family, AlphaFairness) and question.family.alpha > 0.0:
            return self._take_unit(question, decision)
        return False

    def _take_level(self, question: Question, bound: float) -> bool:
        """Cap utilities at twice a bound on the max-min level, where nothing asks for more.

        A level far below what some can reach is lost in the solver's tolerances; without the rest
        the program is scaled to it.
        """
        problem = question.problem
        asks_for_more = (
            problem.lower.any()
            or problem.agent_minimum.any()
            or problem.integer.any()
            or len(problem.extra_rows) > 0
            or question.grouping.limits is not None
            or question.grouping.shared_reward is not None
        )
        if asks_for_more or not 0.0 < 2.0 * bound < 0.5 * self.level:
            return False
        self.level = 2.0 * bound
        return True

    def _take_unit(self, question: Question, decision: Floats) -> bool:
        """Measure utilities in the power of two below the equivalent one."""
        weight = question.grouping.weight
        equivalent = question.family.equivalent(weight, question.utility(decision))
        if not 0.0 < equivalent < np.inf:
            return False
        unit = float(2.0 ** np.floor(np.log2(equivalent)))
        if unit == self.utility_unit:
            return False
        self.utility_unit = unit
        return True


def _majorant(question: Question, utility: Floats, multiplier: Floats | None) -> Majorant:
    """Return the family's majorant; exact for whoever can never have anything, alpha below 1.

    A tangent near zero is off by a little there.
    """
    family, weight = question.family, question.grouping.weight
    if not isinstance(family, (AlphaFairness, NestedFairness)):
        return family.majorant(weight, utility, multiplier)
    alpha = family.outer.alpha if isinstance(family, NestedFairness) else family.alpha
    if alpha >= 1.0 or utility.min(initial=1.0) > 0.0:
        return family.majorant(weight, utility, multiplier)
    own = region(question.problem, by_budgets=True)
    most = question.utility(np.maximum(own.upper, own.lower))
    is_stuck = compared_utility(family, most) <= 0.0
    return family.majorant(weight, utility, multiplier, is_stuck if is_stuck.any() else None)


def in_units(program: Program, unit: float) -> Program:
    """Return the Program with its utilities measured in a unit, a power of two."""
    row_scale, column_scale = np.ones(program.n_rows), np.ones(program.n_columns)
    for name in IN_UNITS:
        row_scale[program.rows_of(name)] = 1.0 / unit
        column_scale[program.columns_of(name)] = unit
    entries = products(program.matrix, row_scale, column_scale)
    return replace(
        program,
        matrix=with_entries(program.matrix, entries),
        row_lower=program.row_lower * row_scale,
        row_upper=program.row_upper * row_scale,
        column_lower=program.column_lower / column_scale,
        column_upper=program.column_upper / column_scale,
    )


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


def linearised(question: Question, program: Program, utility: Floats, unit: float) -> Program:
    """Return the Program with its welfare replaced by the majorant that touches it at `utility`.

    The duals of this linear program are the prices that make the bound at the tangent point least.
    What is linear stays as it is. `unit` is that of the utilities in the program.
    """
    family, weight, columns = question.family, question.grouping.weight, "utility"
    if isinstance(family, NestedFairness) and family.has_terms:
        # The slopes inside of a group are duals then.
        majorant = family.outer.majorant(weight, family.group_utility(utility))
        columns = "group_utility"
    elif program.terms is None:
        return program
    else:
        majorant = family.majorant(weight, utility)
    objective = np.zeros(program.n_columns)
    objective[program.columns_of(columns)] = majorant.slope * unit
    return replace(program, objective=objective, objective_constant=0.0, terms=None)
