"""Nested fairness as a linear program that is made sharper around its own answers.

The perspectives that say a group's utility (see `families.nested`) are put under tangents at some
ratios of a member's utility to its group's, and the terms of welfare under tangents at some
utilities of groups. That is a relaxation for every solver, with whole decisions too; where its
answer is not yet proven, tangents at that answer are added, and it is solved again. The lines hold
for any numbers that are written later: ratios say nothing of sizes, and terms do not change.

Kelley (1960), SIAM J. 8, 703-712, in one dimension a member and one a group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from librex_models.errors import ParameterError
from librex_models.families import MaxMinFairness, NestedFairness
from librex_models.families.alpha_fair import ratio_of_scaled
from librex_models.routes.nested_rows import (
    bounded,
    most_of_groups,
    with_rows_of_no_welfare,
)
from librex_models.routes.plain import Plain, in_units
from librex_models.routes.route import Floats, Question
from solvers import Program
from solvers.perspective_cones import conic_point
from solvers.perspectives_under_lines import with_tangents
from solvers.program import Integers
from solvers.scaled_utility import ratio_of, scaled_utility
from solvers.tangent_program import TangentsOfTerm, under_tangents

FIRST_RATIOS = 10.0 ** np.array([-2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0])
"""Of members to their groups: where there are tangents from the beginning."""
FIRST_SHARES = 4.0 ** np.arange(-4.0, 4.0)
"""Of groups: times what each would have if all had the same share of what they can have alone."""
STEEPEST = 1e5
"""No tangents are."""
STEP_TO_ZERO = 0.1
"""Times the smallest ratio: where somebody gets nothing, the next one."""
SMALLEST_RATIO = 1e-9
SHARE_OF_GAP = 0.4
"""That the solver of whole programs may leave; the tangents have the rest."""
LOOSE = 10.0
"""Times this share: how near the first whole program is solved."""
FIRST_SLOPES = 10.0 ** np.arange(-5.0, 6.0)
"""Of a term around the unit of utilities, where there are tangents."""
MILD = 2.0
HARDER = 4.0
"""Times the alpha before, the next one."""
WIDEST = 50.0
"""The logarithm of ratios that are looked at."""
ENOUGH_FOR_CONES = 30
"""With fewer members, tangents are found as fast without."""
SMALLEST_OF_CONES, LARGEST_OF_CONES = 0.01, 8.0
"""Between which alpha the point of a conic solver is good enough."""
FAR = 5.0
"""The logarithm of a change of sizes, times alpha, after which tangents begin anew."""
BEYOND = 2.0
"""Times what a group can have: no tangents touch there."""
AROUND = (0.999, 1.0, 1.001)
ROUNDING = 1e-12
SURELY = 1.0 - 1e-5
NEAR = 1e-5
"""Points that differ by less, relative, are one."""


@dataclass(frozen=True, eq=False)
class Points:
    """Where lines touch: which of them, and at what number."""

    of: Integers
    at: Floats

    def plus(self, of: Integers, at: Floats) -> Points:
        """Return these and others, but for those that are there already."""
        is_positive = at > 0.0
        of, at = np.append(self.of, of[is_positive]), np.append(self.at, at[is_positive])
        place = np.rint(np.log(at) / NEAR).astype(np.int64)
        _, first = np.unique(np.column_stack([of, place]), axis=0, return_index=True)
        first.sort()
        return Points(of[first], at[first])

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.of)


@dataclass
class Nested(Plain):
    """A Program whose perspectives and terms are under tangents.

    Parameters
    ----------
    ratios : Points or None
        Of members.
    utilities : Points or None
        Of groups, in plain units.
    incumbent : array of shape (n_groups,) or None
        The utilities of the best decision that was found; no group needs to be looked at below
        what it then has to have at least.
    is_looked_at : bool
        Whether a decision that is whole where it has to be was found.
    tempered : float
        The largest alpha that is taken: a large one says nothing until utilities are known.
    begun_at : float
        The unit that tangents began with.
    has_new_numbers : bool
        Whether numbers were written since.
    n_in_program : int
        How many points the last program had.
    takes_start : bool
        Whether the solver does.
    """

    ratios: Points | None = None
    utilities: Points | None = None
    incumbent: Floats | None = None
    is_looked_at: bool = False
    tempered: float = MILD
    begun_at: float = 1.0
    has_new_numbers: bool = False
    n_in_program: int = 0
    takes_start: bool = True

    @property
    def is_relaxed(self) -> bool:
        """Return True: tangents are above the welfare."""
        return True

    @property
    def starts_again(self) -> bool:
        """Whether the solver takes a start."""
        return self.takes_start

    @property
    def is_narrowed(self) -> bool:
        """Return True: the solver's bound of the relaxation counts, where prices prove less."""
        return True

    def program(self, question: Question, program: Program) -> Program:
        """Return the linear Program under the tangents that there are."""
        family = nested_family(question)
        most = most_of_groups(question, family)
        program = bounded(question, family, program, most)
        if self.utilities is None or self._is_of_another_size(question, family, most):
            self._begin(question, family, most)
            self._begin_at_cones(question, family, program)
        self.n_in_program = self._n_lines
        lower = program.column_lower.copy()
        groups = program.columns_of("group_utility")
        lower[groups] = np.maximum(lower[groups], self._least(question, family, most))
        program = in_units(replace(program, column_lower=lower), self.utility_unit)
        if program.perspectives is not None and self.ratios is not None:
            at = np.maximum(self.ratios.at, _smallest_ratio(family))
            program = with_tangents(program, self.ratios.of, at)
        if program.terms is None or self.utilities is None:
            return program
        program = under_tangents(program, self._lines(family, most), family.groups)
        return with_rows_of_no_welfare(question, family, program, most / self.utility_unit)

    def equivalent(self, question: Question, objective: float) -> float:
        """Return the equivalent utility of an objective, which is in scaled terms."""
        family, total = nested_family(question), float(question.grouping.weight.sum())
        if isinstance(family.outer, MaxMinFairness):
            return self.utility_unit * objective
        if family.outer.alpha == 0.0:
            return self.utility_unit * objective / total
        if self._alpha(family) < family.outer.alpha:
            # Of a milder question.
            return np.inf
        found = self.utility_unit * ratio_of_scaled(objective / total, family.outer.alpha)
        # Above alpha 1, a rounding error can push a bound beyond all that welfare can be.
        return min(found, float(most_of_groups(question, family).max()))

    def gaps(self, question: Question, relative_gap: float) -> tuple[float, float]:
        """Return the gaps in the objective, the first time wide: lines around it come first."""
        family = nested_family(question)
        share = SHARE_OF_GAP * relative_gap * (1.0 if self.is_looked_at else LOOSE)
        if not family.has_terms:
            return share, 0.0
        # Near the unit, the equivalent utility moves by as much as the mean of the terms.
        return 0.0, share * float(question.grouping.weight.sum())

    def refined(self, question: Question, decision: Floats, bound: float) -> bool:
        """Add tangents at a decision, and take its size as the unit."""
        family, was_loose = nested_family(question), not self.is_looked_at
        utility = question.utility(decision)
        group = family.group_utility(utility)
        if self.ratios is not None:
            own = group[family.members]
            smallest = np.full(len(utility), np.inf)
            np.minimum.at(smallest, self.ratios.of, self.ratios.at)
            who = np.flatnonzero(own > 0.0)
            ratio = np.maximum(utility[who] / own[who], STEP_TO_ZERO * smallest[who])
            self.ratios = self.ratios.plus(who, ratio)
            # Groups without anything have no ratios: whoever has nothing is looked at further down.
            lacking = (own <= 0.0) & (utility <= 0.0) & (smallest > _smallest_ratio(family))
            who = np.flatnonzero(lacking)
            self.ratios = self.ratios.plus(who, STEP_TO_ZERO * smallest[who])
            if 0.0 < bound < np.inf:
                who = np.flatnonzero((own <= 0.0) & (utility > 0.0))
                self.ratios = self.ratios.plus(who, utility[who] / bound)
        if self.utilities is not None:
            self.utilities = self.utilities.plus(np.arange(len(group)), group)
        has_new_unit = self._take_size(question, family, group, bound)
        if has_new_unit:
            self._add_around_unit(family)
        whole = decision[question.problem.integer]
        if (whole == np.rint(whole)).all():
            self.is_looked_at = True
            self._take_incumbent(question, family, group)
        was_mild = family.has_terms and self._alpha(family) < family.outer.alpha
        self.tempered *= HARDER
        return has_new_unit or was_mild or was_loose or self._n_lines > self.n_in_program

    def forget(self) -> None:
        """Drop the decision that was found: other numbers may not allow it."""
        super().forget()
        self.incumbent = None
        self.has_new_numbers = True

    def _is_of_another_size(self, question: Question, family: NestedFairness, most: Floats) -> bool:
        """Return whether numbers were written since that leave the unit of tangents far off."""
        if not self.has_new_numbers:
            return False
        self.has_new_numbers = False
        size = _size(family, question.grouping.weight, most / len(most))
        size_matters = max(family.outer.alpha, 1.0) if family.has_terms else 1.0
        return 0.0 < size < np.inf and (abs(np.log(size / self.begun_at)) * size_matters > FAR)

    def _alpha(self, family: NestedFairness) -> float:
        return min(family.outer.alpha, self.tempered)

    def _add_around_unit(self, family: NestedFairness) -> None:
        """Add tangents of all slopes that count, at sizes around the unit."""
        if self.utilities is None or not family.has_terms:
            return
        for slope in FIRST_SLOPES.tolist():
            n_groups, log_ratio = len(family.groups), -np.log(slope) / family.outer.alpha
            if abs(log_ratio) < WIDEST:
                at = np.full(n_groups, self.utility_unit * np.exp(log_ratio))
                self.utilities = self.utilities.plus(np.arange(n_groups), at)

    def _least(self, question: Question, family: NestedFairness, most: Floats) -> Floats:
        """Return what every group has at least where welfare is that of the incumbent or more."""
        alpha, weight, unit = self._alpha(family), question.grouping.weight, self.utility_unit
        if self.incumbent is None or not family.has_terms:
            return np.zeros(len(most))
        top = weight * scaled_utility(most / unit, alpha)
        value = weight * scaled_utility(SURELY * self.incumbent / unit, alpha)
        error = ROUNDING * (np.abs(top).sum() + np.abs(value).sum())
        room = (value.sum() - (top.sum() - top) - error) / weight
        return np.minimum(SURELY * unit * ratio_of(room, alpha), SURELY * most)

    def _take_incumbent(self, question: Question, family: NestedFairness, group: Floats) -> None:
        """Keep the utilities of a decision where they are the best that there are."""
        weight, before = question.grouping.weight, self.incumbent
        if group.min() > 0.0 and (
            before is None
            or family.outer.equivalent(weight, group) > family.outer.equivalent(weight, before)
        ):
            self.incumbent = group

    def _take_size(
        self, question: Question, family: NestedFairness, group: Floats, bound: float
    ) -> bool:
        """Measure utilities in the equivalent one: with a large alpha, others are far from it.

        Where it is nothing, the bound says of what size utilities are.
        """
        equivalent = _size(family, question.grouping.weight, group) or bound
        is_near = abs(equivalent / self.utility_unit - 1.0) * max(self._alpha(family), 1.0) < 1.0
        if not 0.0 < equivalent < np.inf or is_near or not family.has_terms:
            return False
        self.utility_unit = equivalent
        return True

    @property
    def _n_lines(self) -> int:
        return sum(len(points) for points in (self.ratios, self.utilities) if points is not None)

    def _begin(self, question: Question, family: NestedFairness, most: Floats) -> None:
        n_members, n_groups = len(family.members), len(family.groups)
        if np.isfinite(family.inner_alpha):
            every = np.repeat(np.arange(n_members), len(FIRST_RATIOS))
            self.ratios = Points(every, np.tile(FIRST_RATIOS, n_members))
        share = most / n_groups
        points = Points(np.zeros(0, dtype=np.int64), np.zeros(0))
        for factor in FIRST_SHARES.tolist():
            points = points.plus(np.arange(n_groups), factor * share)
        self.utilities = points
        equivalent = _size(family, question.grouping.weight, share)
        if 0.0 < equivalent < np.inf:
            self.utility_unit = self.begun_at = equivalent
        self.tempered = MILD
        self._add_around_unit(family)

    def _begin_at_cones(self, question: Question, family: NestedFairness, program: Program) -> None:
        """Add tangents around the point that a conic solver finds, where there are many members."""
        is_linear = program.terms is None and program.perspectives is None
        if is_linear or len(family.members) < ENOUGH_FOR_CONES or self.ratios is None:
            return
        alpha = min(max(family.outer.alpha, SMALLEST_OF_CONES), LARGEST_OF_CONES)
        point = conic_point(in_units(program, self.utility_unit), alpha)
        if point is None:
            return
        x = np.clip(point[program.columns_of("x")], question.problem.lower, question.problem.upper)
        utility = question.utility(x)
        group = family.group_utility(utility)
        own = group[family.members]
        who, every = np.flatnonzero(own > 0.0), np.arange(len(group))
        for factor in AROUND:
            self.ratios = self.ratios.plus(who, factor * utility[who] / own[who])
            if self.utilities is not None:
                self.utilities = self.utilities.plus(every, factor * group)
        if self._take_size(question, family, group, 0.0):
            self._add_around_unit(family)

    def _lines(self, family: NestedFairness, most: Floats) -> list[TangentsOfTerm]:
        """Return the tangents of each group's term, in the units of the program."""
        alpha, points = self._alpha(family), self.utilities
        if points is None:
            return []
        ratio = points.at / self.utility_unit
        ratio = np.maximum(ratio, STEEPEST ** (-1.0 / alpha))
        slope = ratio**-alpha
        constant = scaled_utility(ratio, alpha) - slope * ratio
        top = scaled_utility(np.maximum(most, 0.0) / self.utility_unit, alpha)
        # What is nearly level is no sharper than the most.
        steep = slope * STEEPEST > 1.0
        # So are those at more than a group can have; their constants can be huge.
        steep &= points.at <= BEYOND * most[points.of]
        return [
            TangentsOfTerm(
                slope=slope[steep & (points.of == g)],
                constant=constant[steep & (points.of == g)],
                most=float(top[g]),
            )
            for g in range(len(family.groups))
        ]


def _smallest_ratio(family: NestedFairness) -> float:
    return float(max(SMALLEST_RATIO, STEEPEST ** (-1.0 / family.inner_alpha)))


def _size(family: NestedFairness, weight: Floats, group: Floats) -> float:
    """Return the equivalent of utilities of groups; of those who have something, alpha below 1."""
    counts = (group > 0.0) | (family.outer.alpha >= 1.0)
    return family.outer.equivalent(weight[counts], group[counts]) if counts.any() else 0.0


def nested_family(question: Question) -> NestedFairness:
    """Return the family of a question, which is a nested one."""
    if not isinstance(question.family, NestedFairness):
        raise ParameterError(f"{question.family.key} is not nested")
    return question.family
