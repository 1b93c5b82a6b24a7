"""Cases of multipliers: one sign for every solver and sense, and proofs that multiply out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.adapter import Adapter
from solvers.capability import Capability
from solvers.conformance.case import (
    TOLERANCE,
    expect,
    expect_near,
    fail,
    solved,
    statement,
)
from solvers.conformance.programs import INFINITY, covering, knapsack, packing, program_of
from solvers.outcome import Outcome, Status
from solvers.program import Floats, Program


def _duals(adapter: Adapter, program: Program) -> tuple[Floats, Floats, Outcome]:
    outcome = solved(adapter, program)
    expect(outcome.status is Status.OPTIMAL, f"the status is {outcome.status.value}")
    if outcome.row_dual is None or outcome.reduced_cost is None:
        fail("an optimum without duals")
    expect(outcome.row_dual.shape == (program.n_rows,), f"{outcome.row_dual.shape} row duals")
    return outcome.row_dual, outcome.reduced_cost, outcome


def _negated(program: Program) -> Program:
    return replace(
        program,
        matrix=-program.matrix,
        row_lower=-program.row_upper,
        row_upper=-program.row_lower,
    )


def a_dual_is_the_change_of_the_optimum_per_unit_of_side(adapter: Adapter) -> None:
    """The knapsack in both senses, against the optimum with a little more room.

    Trap: when maximising, HiGHS and Gurobi say -1 where SCIP says +1.
    """
    for maximise in (True, False):
        dual, _, outcome = _duals(adapter, knapsack(maximise=maximise))
        more = solved(adapter, knapsack(maximise=maximise, side=1.6))
        change = ((more.objective or 0.0) - (outcome.objective or 0.0)) / 0.1
        expect(
            abs(float(dual[0]) - change) <= 1e-5, f"{dual[0]!r}, and the optimum moves {change!r}"
        )


def a_row_times_minus_one_flips_its_dual(adapter: Adapter) -> None:
    """The same rows the other way round, maximised and minimised, and as equalities."""
    for program in (
        knapsack(),
        knapsack(maximise=False),
        covering(2),
        program_of([3.0, 2.0], [[1.0, 1.0]], row_lower=1.5, row_upper=1.5),
        program_of([3.0, 2.0], [[1.0, 1.0]], row_lower=0.25, row_upper=1.5),
    ):
        plain, cost, _ = _duals(adapter, program)
        flipped, same_cost, _ = _duals(adapter, _negated(program))
        expect(np.abs(plain + flipped).max() <= 1e-5, f"{plain!r} became {flipped!r}")
        expect(np.abs(cost - same_cost).max() <= 1e-5, f"{cost!r} became {same_cost!r}")


def duals_and_reduced_costs_prove_the_optimum(adapter: Adapter) -> None:
    """Weak duality multiplied out in numpy on linear programs in both senses."""
    for seed in range(4):
        for program in (packing(seed, whole=False), covering(seed)):
            dual, reduced_cost, outcome = _duals(adapter, program)
            slope = program.objective - program.matrix.T @ dual
            expect(
                np.abs(slope - reduced_cost).max() <= TOLERANCE * (1.0 + np.abs(slope).max()),
                "the reduced costs are not objective - matrix' duals",
            )
            expect_near(_bound(program, dual, slope), outcome.objective or 0.0, "the dual bound")


def _bound(program: Program, dual: Floats, reduced_cost: Floats) -> float:
    """Return the bound of multipliers, those that are rounding errors left out."""
    sense = 1.0 if program.maximise else -1.0
    total = program.objective_constant
    for weights, lower, upper in (
        (dual, program.row_lower, program.row_upper),
        (reduced_cost, program.column_lower, program.column_upper),
    ):
        counts = np.abs(weights) > 1e-9 * (1.0 + np.abs(weights).max(initial=0.0))
        side = np.where(sense * weights > 0, upper, lower)
        total += float(weights[counts] @ side[counts])
    return total


def a_row_that_does_not_bind_has_no_price(adapter: Adapter) -> None:
    """A second row with room to spare."""
    program = program_of([3.0, 2.0], [[1.0, 1.0], [1.0, 1.0]], row_upper=[1.5, 9.0])
    dual, _, _ = _duals(adapter, program)
    expect_near(float(dual[0]), 2.0, "the dual of the row that binds")
    expect(abs(float(dual[1])) <= TOLERANCE, f"the other dual is {dual[1]!r}")


def whole_programs_have_no_duals(adapter: Adapter) -> None:
    """The multipliers of the last linear program of a search mean nothing."""
    outcome = solved(adapter, packing(1))
    expect(outcome.row_dual is None, "there are duals")


def a_proof_of_infeasibility_multiplies_out(adapter: Adapter) -> None:
    """Rows that contradict each other: y matrix x is below y side for all x within bounds."""
    for program in (
        program_of([1.0, 1.0], [[1.0, 1.0]], row_lower=5.0),
        program_of([1.0, 1.0], [[1.0, 1.0], [1.0, -1.0]], row_lower=[1.5, 0.8]),
        program_of([0.0, 0.0], [[-1.0, -1.0]], row_upper=-5.0, maximise=False),
        program_of([1.0], [[1.0], [1.0]], [2.0, -INFINITY], [INFINITY, 1.0], -9.0, 9.0),
    ):
        outcome = solved(adapter, program)
        expect(outcome.status is Status.INFEASIBLE, f"the status is {outcome.status.value}")
        ray = outcome.infeasibility_ray
        if ray is None:
            fail("there is no proof")
        weights = program.matrix.T @ ray
        least = float(
            np.where(weights > 0, program.column_lower, program.column_upper)[weights != 0]
            @ weights[weights != 0]
        )
        side = np.where(ray > 0, program.row_upper, program.row_lower)
        most = float(side[ray != 0] @ ray[ray != 0])
        expect(most < least, f"the multipliers prove nothing: {most!r} is not below {least!r}")


CASES = (
    statement(
        a_dual_is_the_change_of_the_optimum_per_unit_of_side,
        Capability.ROW_DUALS,
        Capability.PRECISE,
    ),
    statement(a_row_times_minus_one_flips_its_dual, Capability.ROW_DUALS, Capability.PRECISE),
    statement(duals_and_reduced_costs_prove_the_optimum, Capability.ROW_DUALS, Capability.PRECISE),
    statement(a_row_that_does_not_bind_has_no_price, Capability.ROW_DUALS, Capability.PRECISE),
    statement(whole_programs_have_no_duals, Capability.WHOLE),
    statement(a_proof_of_infeasibility_multiplies_out, Capability.INFEASIBILITY_RAYS),
)
