"""The optimum of a fractional model to rounding, as a table of what derivatives are made of.

May import forms, models' questions, and the standard form with its optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from librex_models.analysis.end_of_path import Middle, end_of_path
from librex_models.analysis.nested_terms import NestedTerms
from librex_models.analysis.optimal_set import unique_multiplier, unique_point
from librex_models.analysis.optimum_equations import Equations
from librex_models.analysis.sharp_optimum import SharpOptimum, sharp_optimum
from librex_models.analysis.standard_form import Booleans, StandardForm, standard_form
from librex_models.errors import NotDifferentiable
from librex_models.families import AlphaFairness, NestedFairness
from librex_models.forms.arrays_form import arrays_form
from librex_models.forms.compiling import values_of
from librex_models.problem import AllocationProblem
from librex_models.routes.route import Question
from solvers.program import Floats, Program

NEGLIGIBLE = 1e-13
"""The share of welfare below which a utility near zero is left out; its derivatives are smaller."""
NEAR_ZERO = 1e-6
ROUNDING = 1e-13
ROUNDS = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class DifferentiableOptimum:
    """The optimum of a question, in the units of its problem.

    Parameters
    ----------
    question : Question
    program : Program
    form : StandardForm
    optimum : SharpOptimum
    without_income : boolean array of shape (n_groups,)
        Whose utility is zero whatever is decided, and whose marginal utility is infinite.
    """

    question: Question
    program: Program
    form: StandardForm
    optimum: SharpOptimum
    without_income: Booleans

    @property
    def problem(self) -> AllocationProblem:
        """The problem."""
        return self.question.problem

    @cached_property
    def decision(self) -> Floats:
        """The decision, shape (n_options,)."""
        columns = self.form.columns(self.optimum.point)
        return columns[self.program.columns_of("x")]

    @cached_property
    def is_unique(self) -> Booleans:
        """Which decisions are the same in all optima."""
        place = self.form.coordinate[self.program.columns_of("x")]
        unique = unique_point(self.form, self.optimum)
        return np.where(place >= 0, unique[place], True)

    @cached_property
    def _has_one_multiplier(self) -> Booleans:
        return unique_multiplier(self.form, self.optimum)

    def multiplier(self, block: str) -> Floats:
        """Return welfare per unit of right-hand side of rows, 0 where that is not one number."""
        row = self.form.row[self.program.rows_of(block)]
        counts = self.has_price(block) & self.has_one_multiplier(block)
        relative = np.where(counts, self.optimum.multiplier[row], 0.0)
        log_unit = self.form.log_welfare_unit - np.log(self.form.row_unit[row])
        with np.errstate(over="ignore", divide="ignore"):
            multiplier = np.sign(relative) * np.exp(np.log(np.abs(relative)) + log_unit)
        if not np.isfinite(multiplier).all():
            raise NotDifferentiable("the derivatives of welfare are too large for numbers")
        return np.asarray(multiplier)

    def has_price(self, block: str) -> Booleans:
        """Return which rows of a block have a multiplier that is more than rounding."""
        row = self.form.row[self.program.rows_of(block)]
        size = np.abs(self.optimum.multiplier[row])
        return np.asarray((row >= 0) & (size > ROUNDING * self.optimum.row_scale[row]))

    def has_one_multiplier(self, block: str) -> Booleans:
        """Return which rows of a block have one multiplier."""
        row = self.form.row[self.program.rows_of(block)]
        return np.where(row >= 0, self._has_one_multiplier[row], True)


def differentiable_optimum(question: Question, decision: Floats) -> DifferentiableOptimum:
    """Return the optimum near a decision.

    Raises
    ------
    NotDifferentiable
        If it is not found to rounding, or no derivative exists anywhere.
    """
    problem, grouping = question.problem, question.grouping
    family, nested = question.family, None
    if isinstance(family, NestedFairness):
        nested = NestedTerms.of(family)
        weight = grouping.weight[family.members] / family.size[family.members]
        grouping = replace(grouping, weight=weight, weighted=None)
        family = AlphaFairness(family.inner_alpha)
    parametric = arrays_form(problem, grouping, family)
    program = parametric.program(values_of(problem, grouping))
    near, without_income = _start(question, program, decision)
    optimum = None
    for _ in range(ROUNDS):
        form = standard_form(program, near, nested)
        equations = Equations(form.matrix)
        middle = end_of_path(form, equations, form.coordinates(near))
        if middle is None:
            break
        near, is_same = _without_negligible(program, form, middle)
        if is_same:
            optimum = sharp_optimum(form, equations, middle)
            break
    if optimum is None:
        raise NotDifferentiable(
            "the optimum could not be found precisely enough to tell what its derivatives are"
        )
    return DifferentiableOptimum(
        question=question,
        program=program,
        form=form,
        optimum=optimum,
        without_income=without_income,
    )


def _start(question: Question, program: Program, decision: Floats) -> tuple[Floats, Booleans]:
    """Return a point near the optimum, and whose utility is always zero."""
    problem, grouping = question.problem, question.grouping
    near = np.zeros(program.n_columns)
    near[program.columns_of("x")] = np.clip(decision, problem.lower, problem.upper)
    without_income = np.zeros(len(grouping), dtype=np.bool_)
    if not question.family.compares_utilities:
        return near, without_income
    reward = problem.reward if problem.reward is not None else np.zeros(problem.n_options)
    utility = grouping.utility(reward, near[program.columns_of("x")])
    if program.terms is not None:
        can = grouping.earnings(reward) @ (problem.upper > 0).astype(np.float64) > 0
        without_income = ~can & (grouping.history <= 0)
        typical = float(utility.max(initial=0.0)) or 1.0
        least = np.maximum(utility, NEAR_ZERO * typical)
        utility = np.where(without_income, 0.0, least)
    near[program.columns_of("utility")] = utility
    return near, without_income


def _without_negligible(
    program: Program, form: StandardForm, middle: Middle
) -> tuple[Floats, bool]:
    """Return a point nearer to the optimum, and whether it has the same terms.

    Utilities may be so near zero that they count for nothing: they are left out.
    """
    found = form.columns(middle.point)
    counts = form.log_importance(middle.point) > np.log(NEGLIGIBLE)
    has_term = np.zeros(len(form.cost), dtype=np.bool_)
    has_term[form.terms[counts]] = True
    place = program.columns_of("utility")
    found[place] = np.where(has_term[form.coordinate[place]], found[place], 0.0)
    return found, bool(counts.all())
