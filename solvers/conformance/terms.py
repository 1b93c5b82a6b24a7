"""Cases of alpha-fair terms: closed forms, enumeration, and what has no finite welfare."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import (
    expect,
    expect_error,
    expect_near,
    fail,
    solved,
    sound,
    statement,
)
from solvers.conformance.programs import best_shares, equivalent, shared_budget
from solvers.errors import CapabilityError
from solvers.options import SolveOptions
from solvers.outcome import Outcome, Status
from solvers.program import Floats, Program

ALPHAS = (0.5, 1.0, 2.0, 5.0)
REWARD = np.array([2.0, 1.0, 4.0])


def _equivalent_of(program: Program, outcome: Outcome) -> float:
    expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
    if outcome.point is None:
        fail("there is no point")
    return equivalent(program, outcome.point[3:])


def one_budget_is_shared_as_the_closed_form_says(adapter: Adapter) -> None:
    """Three agents with weights and rewards, alpha .5, 1, 2 and 5."""
    for alpha in ALPHAS:
        program = shared_budget(alpha)
        outcome = solved(adapter, program)
        best = equivalent(program, best_shares(program) * REWARD)
        expect_near(_equivalent_of(program, outcome), best, f"alpha {alpha:g}: the equivalent")
        value = outcome.objective
        expect_near(value, _welfare(program, best), f"alpha {alpha:g}: the objective")


def _welfare(program: Program, value: float) -> float:
    """Return the welfare of everybody having the same utility."""
    terms = program.terms
    assert terms is not None
    total = float(terms.weight.sum())
    if terms.alpha == 1.0:
        return total * float(np.log(value))
    return total * float(value ** (1.0 - terms.alpha)) / (1.0 - terms.alpha)


def whole_shares_are_those_of_enumeration(adapter: Adapter) -> None:
    """Six units among three agents."""
    for alpha in ALPHAS:
        program = shared_budget(alpha, whole=True)
        best = max(
            equivalent(program, np.array(shares) * REWARD)
            for shares in itertools.product(range(1, 7), repeat=3)
            if sum(shares) <= 6
        )
        found = _equivalent_of(program, solved(adapter, program))
        expect_near(found, best, f"alpha {alpha:g}: the equivalent")


def a_weight_of_zero_does_not_count(adapter: Adapter) -> None:
    """The first agent's welfare is worth nothing."""
    for alpha in (0.5, 1.0, 2.0):
        program = shared_budget(alpha, weight=(0.0, 1.0, 1.0))
        outcome = solved(adapter, program)
        expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
        if outcome.point is None:
            fail("there is no point")
        share = REWARD[1:] ** (1.0 / alpha - 1.0)
        wanted = 6.0 * share / share.sum() * REWARD[1:]
        expected = _equal(wanted, alpha)
        expect_near(_equal(outcome.point[4:], alpha), expected, f"alpha {alpha:g}: the equivalent")


def _equal(utility: Floats, alpha: float) -> float:
    if alpha == 1.0:
        return float(np.exp(np.log(utility).mean()))
    return float((utility ** (1.0 - alpha)).mean() ** (1.0 / (1.0 - alpha)))


def who_cannot_get_anything_makes_it_infeasible(adapter: Adapter) -> None:
    """From alpha 1 on welfare is minus infinity then; below, the others count."""
    for alpha in (0.5, 1.0, 2.0):
        program = shared_budget(alpha)
        upper = program.column_upper.copy()
        upper[0] = 0.0
        outcome = solved(adapter, replace(program, column_upper=upper))
        if alpha >= 1.0:
            expect(outcome.status is Status.INFEASIBLE, f"{outcome.status.value} for {alpha:g}")
        else:
            expect(outcome.status is Status.OPTIMAL, f"{outcome.status.value} for {alpha:g}")


def other_weights_and_budgets_equal_a_fresh_solve(adapter: Adapter) -> None:
    """Updates there and back."""
    first = shared_budget(2.0)
    second = shared_budget(2.0, weight=(5.0, 1.0, 1.0))
    third = replace(first, row_upper=np.array([2.0, 0.0, 0.0, 0.0]))
    session = adapter.open(first)
    for program in (first, second, third, first):
        session.update(program)
        again = sound(program, session.solve(SolveOptions()))
        fresh = solved(adapter, program)
        expect_near(
            _equivalent_of(program, again), _equivalent_of(program, fresh), "the equivalent"
        )
    session.close()


def no_time_for_terms_claims_nothing(adapter: Adapter) -> None:
    """A time limit of zero."""
    program = shared_budget(2.0)
    outcome = solved(adapter, program, time_limit_seconds=0.0)
    expect(outcome.status.is_stopped, f"the status is {outcome.status.value}")


def terms_are_solved_or_refused(adapter: Adapter) -> None:
    """An adapter without them raises CapabilityError, it does not leave them out."""
    program = shared_budget(1.0)
    if Capability.ALPHA_FAIR_TERMS in adapter.capabilities:
        expect(solved(adapter, program).point is not None, "there is no point")
    else:
        expect_error(CapabilityError, "alpha-fair terms", lambda: solved(adapter, program))


TERMS = Capability.ALPHA_FAIR_TERMS
CASES = (
    statement(one_budget_is_shared_as_the_closed_form_says, TERMS),
    statement(whole_shares_are_those_of_enumeration, TERMS, Capability.WHOLE),
    statement(a_weight_of_zero_does_not_count, TERMS),
    statement(who_cannot_get_anything_makes_it_infeasible, TERMS),
    statement(other_weights_and_budgets_equal_a_fresh_solve, TERMS),
    statement(no_time_for_terms_claims_nothing, TERMS),
    statement(terms_are_solved_or_refused),
)
