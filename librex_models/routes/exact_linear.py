"""The exact linear form: alpha-fair welfare of whole, single-choice utilities without curvature.

Where each utility depends on at most one chosen option,

    U(utility_g) = U(history_g) + sum_j x_j [U(history_g + share_g reward_j) - U(history_g)]

so any alpha is an ordinary linear program. With history_g = 0 and alpha >= 1 exactly one option
with a positive reward is chosen, at the value U(share_g reward_j). Values are the scaled terms V
of `families.alpha_fair` around a reference utility; those too low to be part of any decision as
good as the reference are raised to where they are just as hopeless: the coefficients keep one
size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.families import AlphaFairness
from librex_models.families.alpha_fair import ratio_of_scaled
from librex_models.problem import AllocationProblem, Grouping
from librex_models.routes.route import Floats, Question
from librex_models.routes.solvable import advice_on_service
from librex_models.verification import LinearWelfare, Region, region
from solvers import Program
from solvers.scaled_utility import scaled_utility

SHARE_OF_GAP = 0.3
# A new reference counts as sharper if it is further than this from the old one, relative.
NEAR = 1e-9


def is_single_choice(problem: AllocationProblem, grouping: Grouping) -> bool:
    """Return whether every utility depends on at most one chosen 0/1 option."""
    if grouping.shared_reward is not None or not (problem.integer & (problem.upper < 2.0)).all():
        return False
    n_options = np.bincount(grouping.of_option, minlength=len(grouping))
    first = np.full(len(grouping), -1)
    first[grouping.of_option[::-1]] = problem.agent_of_option[::-1]
    one_agent = first[grouping.of_option] == problem.agent_of_option
    mixed = np.bincount(grouping.of_option, ~one_agent, minlength=len(grouping)) > 0
    one_choice = problem.agent_limit[first] < 2.0
    return bool(((n_options == 1) | (one_choice & ~mixed)).all())


@dataclass
class ExactLinear:
    """The exact linear form around a reference utility.

    Parameters
    ----------
    reference : float
        Zero until the first decision is known.
    """

    name: str = "exact_linear"
    reference: float = 0.0

    def advice(self, question: Question) -> str:
        """Return that everybody must be served, where that is so."""
        return advice_on_service(question)

    def program(self, question: Question, program: Program) -> Program:
        """Return the 0/1 linear program over the columns ``x``.

        The rows ``utility_of`` become rows ``served``: who has no history must be served.
        """
        x, utility = program.columns_of("x"), program.columns_of("utility")
        utility_of, n_columns = program.rows_of("utility_of"), program.n_columns

        def over_decisions(part: sparse.csr_array) -> sparse.csr_array:
            shape = (part.shape[0], n_columns)
            return sparse.csr_array((part.data, part.indices + x.start, part.indptr), shape=shape)

        # Rows over utilities are written out in decisions.
        matrix = sparse.csr_array(program.matrix)
        of_utility = sparse.csr_array(matrix[:, utility.start : utility.stop])
        earned = over_decisions(question.grouping.earnings(question.reward))
        known = of_utility @ question.grouping.history
        written = sparse.csr_array(matrix + of_utility @ earned)
        served, needy = self._served(question)
        stacked = [
            written[: utility_of.start],
            over_decisions(served),
            written[utility_of.stop :],
        ]
        kept = np.r_[0 : utility.start, utility.stop : n_columns]
        objective = np.zeros(n_columns)
        objective[x] = self._value(question)
        lower, upper = program.row_lower - known, program.row_upper - known
        return Program(
            objective=objective[kept],
            objective_constant=self._constant(question),
            matrix=sparse.csc_array(sparse.csc_array(sparse.vstack(stacked))[:, kept]),
            row_lower=_around(lower, utility_of, needy.astype(np.float64)),
            row_upper=_around(upper, utility_of, np.full(len(needy), np.inf)),
            column_lower=program.column_lower[kept],
            column_upper=program.column_upper[kept],
            integer=program.integer[kept],
            row_blocks=tuple(
                replace(block, name="served") if block.name == "utility_of" else block
                for block in program.row_blocks
            ),
            column_blocks=tuple(
                block for block in program.column_blocks if block.name != "utility"
            ),
        )

    def least_equivalent(self, question: Question) -> float:
        """Return from which equivalent of the best decision on the program is exact; 0: for all."""
        grouping = question.grouping
        floor = self._hopeless(question)
        is_low = self._scaled(question, grouping.history) < floor
        chosen = grouping.history[grouping.of_option] + _earned(question)
        is_low[grouping.of_option[self._scaled(question, chosen) < floor[grouping.of_option]]] = (
            True
        )
        matters = is_low & ~_needs_service(question)
        return self.reference_for(question) if matters.any() else 0.0

    def linear_welfare(
        self,
        question: Question,
        utility: Floats,  # noqa: ARG002
        multiplier: Floats | None,  # noqa: ARG002
    ) -> LinearWelfare:
        """Return the welfare itself, which is linear in single choices."""
        return LinearWelfare(
            coefficient=self._value(question),
            constant=self._constant(question),
            to_equivalent=lambda value: self.equivalent(question, value),
            region=self._region(question),
        )

    def equivalent(self, question: Question, objective: float) -> float:
        """Return the equivalent utility of a scaled welfare."""
        mean = objective / float(question.grouping.weight.sum())
        return self.reference_for(question) * ratio_of_scaled(mean, _alpha(question))

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
        """No decision is left out."""
        return False

    @property
    def utility_unit(self) -> float:
        """Utilities are not columns here: 1."""
        return 1.0

    def unit(self, question: Question, utility: Floats) -> float:  # noqa: ARG002
        """Return 1: objective and majorant are the same function."""
        return 1.0

    def gaps(self, question: Question, relative_gap: float) -> tuple[float, float]:
        """Return the absolute gap in scaled welfare that moves the equivalent by the wanted gap."""
        return 0.0, SHARE_OF_GAP * relative_gap * float(question.grouping.weight.sum())

    def forget(self) -> None:
        """Keep the reference: any reference is right, a near one is only sharper."""

    def refined(self, question: Question, decision: Floats, bound: float) -> bool:  # noqa: ARG002
        """Take the equivalent of a decision as reference; False if it is that already."""
        equivalent = question.family.equivalent(
            question.grouping.weight, question.utility(decision)
        )
        near = abs(equivalent - self.reference) <= NEAR * equivalent
        if equivalent <= 0.0 or near:
            return False
        self.reference = equivalent
        return True

    def reference_for(self, question: Question) -> float:
        """Return the reference: before any decision, what the worst off can get alone."""
        if self.reference > 0.0:
            return self.reference
        best = _best_alone(question)
        positive = best[best > 0]
        return float(positive.min()) if positive.size else 1.0

    def _value(self, question: Question) -> Floats:
        """Return what choosing each option adds to the scaled welfare."""
        grouping = question.grouping
        weight = grouping.weight[grouping.of_option]
        utility = grouping.history[grouping.of_option] + _earned(question)
        floor = self._hopeless(question)
        chosen = np.maximum(self._scaled(question, utility), floor[grouping.of_option])
        return weight * (chosen - self._of_nothing(question, floor)[grouping.of_option])

    def _constant(self, question: Question) -> float:
        floor = self._hopeless(question)
        return float(question.grouping.weight @ self._of_nothing(question, floor))

    def _of_nothing(self, question: Question, floor: Floats) -> Floats:
        """Return V(history), 0 for those who must be served."""
        value = np.maximum(self._scaled(question, question.grouping.history), floor)
        return np.where(_needs_service(question), 0.0, value)

    def _scaled(self, question: Question, utility: Floats) -> Floats:
        return scaled_utility(utility / self.reference_for(question), _alpha(question))

    def _hopeless(self, question: Question) -> Floats:
        """Return, for each utility, a V so low that no decision with it reaches the reference.

        The reference has welfare 0, and the others add at most their best values.
        """
        weight = question.grouping.weight
        best = self._scaled(question, _best_alone(question))
        total = float(weight @ np.maximum(best, 0.0))
        return -2.0 * (total + weight) / weight

    def _served(self, question: Question) -> tuple[sparse.csr_array, npt.NDArray[np.bool_]]:
        """Return the rows that count positive options, and which of them must be at least 1."""
        grouping = question.grouping
        n_options = question.problem.n_options
        counts = (_earned(question) > 0).astype(np.float64)
        rows = sparse.csr_array(
            (counts, (grouping.of_option, np.arange(n_options))), shape=(len(grouping), n_options)
        )
        return rows, _needs_service(question)

    def _region(self, question: Question) -> Region:
        """Return what each agent may decide alone, who must be served being served."""
        own = region(question.problem)
        grouping = question.grouping
        must = _needs_service(question)[grouping.of_option]
        idle = must & (_earned(question) <= 0)
        minimum = own.agent_minimum.copy()
        agents = np.unique(question.problem.agent_of_option[must & ~idle])
        minimum[agents] = np.maximum(minimum[agents], 1.0)
        upper = np.where(idle, np.minimum(own.upper, own.lower), own.upper)
        return replace(own, agent_minimum=minimum, upper=upper)


def _alpha(question: Question) -> float:
    family = question.family
    if not isinstance(family, AlphaFairness):
        raise TypeError(f"{family.key} is not an alpha-fair family")
    return family.alpha


def _earned(question: Question) -> Floats:
    grouping = question.grouping
    return grouping.share[grouping.of_option] * question.reward


def _best_alone(question: Question) -> Floats:
    """Return the utility of each group when its best option is chosen."""
    grouping = question.grouping
    best = grouping.history.copy()
    np.maximum.at(
        best, grouping.of_option, grouping.history[grouping.of_option] + _earned(question)
    )
    return best


def _needs_service(question: Question) -> npt.NDArray[np.bool_]:
    """Return who would have welfare minus infinity without a choice."""
    without = question.grouping.history <= 0.0
    return without if _alpha(question) >= 1.0 else np.zeros_like(without)


def _around(numbers: Floats, place: slice, replacement: Floats) -> Floats:
    return np.concatenate([numbers[: place.start], replacement, numbers[place.stop :]])
