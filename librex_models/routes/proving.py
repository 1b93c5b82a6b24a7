"""What there is to say about a solver's answer: prices, bounds and the certificate.

Fractional decisions are proven by the solver's multipliers, or by those of the tangent of the
welfare; whole ones by the prices of the relaxation, and else by the solver's word.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from librex_models.families import NestedFairness
from librex_models.problem import AllocationProblem
from librex_models.routes.limits import Deadline
from librex_models.routes.plain import linearised
from librex_models.routes.route import Floats, Opener, Question, Reformulation
from librex_models.verification import (
    Certificate,
    Evidence,
    bound_from_prices,
    certify,
    coupling_multipliers,
    coupling_rows,
    region,
)
from solvers import Outcome, Program, SolveOptions, SolverSession
from solvers.scaled_session import ScaledSession

# The rows that tie utilities to a linear welfare, one of them in each linear family.
TYING_ROWS = ("worst_limit", "parts_of", "ordered_limit")

# How far from the size of what can be reached solvers may rightly be.
REACH_TOLERANCE = 2e-7


class Prover:
    """Evidence for answers to a question, and the certificates that rest on it.

    Parameters
    ----------
    reformulation : Reformulation
    linear_opener : callable of Program
        Opens a solver of linear programs, for relaxations and prices.
    """

    _question: Question
    _program: Program

    def __init__(self, reformulation: Reformulation, linear_opener: Opener) -> None:
        self._reformulation = reformulation
        self._linear_opener = linear_opener
        self._relaxed: SolverSession | None = None

    def take(self, question: Question, program: Program) -> None:
        """Take another question, with the program that the solver gets."""
        if self._relaxed is not None and self._program.matrix.shape == program.matrix.shape:
            self._relaxed.update(relaxation(program))
        else:
            self.close()
        self._question, self._program = question, program

    def close(self) -> None:
        """Free what the solver of relaxations holds."""
        if self._relaxed is not None:
            self._relaxed.close()
            self._relaxed = None

    def at(self, outcome: Outcome, utility: Floats, price: Floats | None) -> Evidence:
        """Return the evidence with the tangent at a utility; prices are in units of welfare."""
        unit = self._reformulation.unit(self._question, utility)
        usable = price is not None and 0.0 < unit < np.inf
        # Prices prove all that a linear program can prove, unless part of it was left out; the
        # bound of a conic solver is proven by its gateway.
        is_linear = self._program.terms is None and not self._reformulation.is_narrowed
        return self._evidence(
            outcome,
            utility,
            price / unit if price is not None and usable else None,
            self._multiplier(outcome, self._program),
            solver_bound_counts=not (usable and is_linear),
        )

    def utility_of_duals(self, outcome: Outcome) -> list[Floats]:
        """Return the utilities whose marginal welfare is the solver's dual, where it has them.

        With a large alpha they are far more precise than the point's own. None of them is beyond
        what can be reached: there the tangent at the last that can is the better one.
        """
        terms, family = self._program.terms, self._question.family
        if outcome.row_dual is None or (terms is None and not isinstance(family, NestedFairness)):
            return []
        marginal = outcome.row_dual[self._program.rows_of("utility_of")]
        if not (np.isfinite(marginal) & (marginal >= 0)).all():
            return []
        with np.errstate(over="ignore", divide="ignore"):
            if isinstance(family, NestedFairness):
                utility = family.utility_of_marginal(self._question.grouping.weight, marginal)
            elif terms is not None:
                utility = np.exp((np.log(terms.weight) - np.log(marginal)) / terms.alpha)
        problem, own = self._question.problem, region(self._question.problem, by_budgets=True)
        least = self._question.utility(np.minimum(problem.lower, own.upper))
        most = self._question.utility(np.maximum(own.upper, problem.lower))
        utility = np.clip(self._reformulation.utility_unit * utility, least, most)
        return [utility] if np.isfinite(utility).all() else []

    def within_budgets(self, evidence: Evidence) -> Evidence:
        """Return the evidence over what budgets allow of each option alone, a sharper region."""
        if evidence.linear is None:
            return evidence
        own = region(self._question.problem, by_budgets=True)
        return replace(evidence, linear=replace(evidence.linear, region=own))

    def sharper(
        self, evidence: Evidence, utility: Floats, price: Floats | None
    ) -> tuple[Floats | None, Evidence]:
        """Return the prices that make the bound at the tangent point least, and the evidence."""
        question = self._question
        unit = self._reformulation.utility_unit
        program = relaxation(linearised(question, self._program, utility, unit))
        session = ScaledSession(self._linear_opener, program)
        outcome = session.solve(SolveOptions())
        session.close()
        sharper = self.coupling_duals(outcome, program)
        if sharper is None:
            return price, evidence
        multiplier = self._multiplier(outcome, program)
        linear = self._reformulation.linear_welfare(question, utility, multiplier)
        found = replace(evidence, linear=linear, price=sharper)
        if self.better(evidence, found) is found:
            return _times(sharper, self._reformulation.unit(question, utility)), found
        return price, evidence

    def better(self, first: Evidence, second: Evidence) -> Evidence:
        """Return the evidence with the lower bound from prices."""
        rows = coupling_rows(self._question.problem, self._question.grouping)
        is_lower = bound_from_prices(second, rows) < bound_from_prices(first, rows)
        return second if is_lower else first

    def from_relaxation(self, outcome: Outcome, decision: Floats, deadline: Deadline) -> Evidence:
        """Return evidence whose tangent point and prices are those of the relaxation."""
        question = self._question
        utility = question.utility(decision)
        if deadline.has_passed:
            return self._evidence(outcome, utility, None, None)
        if self._program.terms is not None:
            # The prices of the tangent at the decision itself: valid, if not the best there are.
            evidence = self._evidence(outcome, utility, None, None)
            return self.sharper(evidence, utility, None)[1]
        relaxed = self.relax(deadline)
        if relaxed.point is None:
            return self._evidence(outcome, utility, None, None)
        x = relaxed.point[self._program.columns_of("x")]
        return self._evidence(
            outcome,
            question.utility(np.maximum(x, 0.0)),
            self.coupling_duals(relaxed, self._program),
            self._multiplier(relaxed, self._program),
        )

    def relax(self, deadline: Deadline) -> Outcome:
        """Solve the linear program that is left of the question's."""
        if self._relaxed is None:
            self._relaxed = ScaledSession(self._linear_opener, relaxation(self._program))
        return self._relaxed.solve(deadline.options(SolveOptions()))

    def coupling_duals(self, outcome: Outcome, program: Program) -> Floats | None:
        """Return multipliers of the coupling rows from a solver's duals, None if it has none."""
        if outcome.row_dual is None:
            return None
        price = coupling_multipliers(outcome.row_dual, program)
        if outcome.reduced_cost is None:
            return price
        worth = outcome.reduced_cost[program.columns_of("x")]
        return _with_prices_of_zero_budgets(self._question.problem, price, worth)

    def price_of_budgets(self, multiplier: Floats | None) -> Floats | None:
        """Return the budgets' part of multipliers of the coupling rows, in plain welfare."""
        price = self.in_welfare(multiplier)
        return None if price is None else price[: self._question.problem.n_resources]

    def in_welfare(self, price: Floats | None) -> Floats | None:
        """Return prices in units of the plain welfare, infinite where that overflows."""
        if price is None:
            return None
        log_unit = self._question.family.log_unit(self._reformulation.utility_unit)
        if log_unit == 0.0:
            return np.fmax(price, 0.0)
        with np.errstate(over="ignore"):
            return _times(price, float(np.exp(log_unit)))

    def equivalent_bound(self, bound: float) -> float:
        """Return a bound of the solver as an equivalent utility; what overflowed is unknown."""
        if not math.isfinite(bound):
            return np.inf
        return self._reformulation.equivalent(self._question, bound)

    def certificate(
        self, decision: Floats, evidence: Evidence, options: SolveOptions
    ) -> Certificate:
        """Return the certificate of a decision."""
        question = self._question
        return certify(
            question.problem,
            question.grouping,
            question.family,
            decision,
            evidence,
            coupling_rows(question.problem, question.grouping),
            relative_gap_wanted=options.relative_gap,
            absolute_gap_wanted=options.absolute_gap,
        )

    def _evidence(
        self,
        outcome: Outcome,
        utility: Floats,
        price: Floats | None,
        multiplier: Floats | None,
        solver_bound_counts: bool = True,
    ) -> Evidence:
        question, route = self._question, self._reformulation
        linear = route.linear_welfare(question, utility, multiplier)
        value = None
        says_value = outcome.objective is not None and not route.is_relaxed
        if outcome.objective is not None and says_value and math.isfinite(outcome.objective):
            value = route.equivalent(question, outcome.objective)
        upper = linear.region.upper
        is_linear = self._program.terms is None
        return Evidence(
            linear=linear,
            price=price,
            solver_bound=self.equivalent_bound(outcome.bound),
            solver_value=value if value is None or math.isfinite(value) else None,
            solver_tolerance=(
                partial(reach_tolerance, question, upper) if is_linear else lambda: 0.0
            ),
            solver_bound_counts=solver_bound_counts,
        )

    def _multiplier(self, outcome: Outcome, program: Program) -> Floats | None:
        is_nested = self._question.grouping.weighted is not None
        if outcome.row_dual is None:
            return None
        for name in ("utility_of",) if is_nested else TYING_ROWS:
            rows = program.rows_of(name)
            if rows.stop > rows.start:
                return outcome.row_dual[rows]
        return None


def _with_prices_of_zero_budgets(
    problem: AllocationProblem, price: Floats, worth: Floats
) -> Floats:
    """Return the prices, budgets of zero priced so that no option they forbid is worth its price.

    Those options are left out of the program, and with them the duals of these rows.
    """
    if problem.once("all budgets", lambda: bool(problem.budget.all())):
        return price
    price, left = price.copy(), worth.copy()
    for k in np.flatnonzero(problem.budget == 0.0).tolist():
        request = np.asarray(problem.usage[[k], :].toarray()).ravel()
        uses = request > 0
        most = float((left[uses] / request[uses]).max(initial=0.0))
        price[k] += most
        left -= most * request
    return price


def reach_tolerance(question: Question, upper: Floats) -> float:
    """Return by how much solvers may be off, of what can be reached within upper bounds.

    Where nothing can be reached, nothing sets a scale, and solvers work to that of 1.
    """
    grouping = question.grouping
    most = max(grouping.utility(np.abs(question.reward), upper).tolist(), default=0.0)
    return REACH_TOLERANCE * (max(most, 0.0) or 1.0) / min(1.0, grouping.least_weight)


def relaxation(program: Program) -> Program:
    """Return the linear program that is left of a Program."""
    nothing_whole = np.zeros(program.n_columns, dtype=np.bool_)
    return replace(program, integer=nothing_whole, terms=None)


def _times(price: Floats, unit: float) -> Floats:
    """Return prices in another unit: nothing stays nothing, even where the unit is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(price > 0, price * unit, 0.0)
