"""A solver's false optimum of fractional alpha-fair terms is found out by the tangent at it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from solvers import Outcome, Program, SolveOptions, Status
from solvers.conic_program import task_of
from solvers.conic_scaling import scaled_task, value_of
from solvers.highs import Highs
from solvers.program import Floats
from solvers.scip import Scip, ScipSession
from solvers.term_scaling import ScaledTermsSession
from solvers.term_tangent import best_between, tangent_at
from tests.fair_programs import ALPHAS, equivalent_of, fair

TOLERANCE = 1e-9


class Lying:
    """A native session that calls the start the optimum, as long as it has lies left."""

    def __init__(self, program: Program, lies: int, status: Status = Status.OPTIMAL) -> None:
        self._inner = ScipSession(program)
        self._has_terms = program.terms is not None
        self._lies = lies
        self._status = status

    @property
    def counts(self) -> Any:
        return self._inner.counts

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        self._inner.update(program, forbid_rebuild)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        self._inner.add_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        if not self._has_terms or self._lies == 0:
            return self._inner.solve(options)
        self._lies -= 1
        if self._status is not Status.OPTIMAL:
            return Outcome(status=self._status, bound=np.inf, message="lied")
        # In ratios of a point, the point itself is worth nothing.
        return Outcome(
            status=Status.OPTIMAL, point=options.start, objective=0.0, bound=0.0, message="lied"
        )

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("status", [Status.OPTIMAL, Status.INFEASIBLE])
def test_one_lie_is_found_out_and_mended(alpha: float, status: Status) -> None:
    program = fair(0, alpha, whole=False)
    honest = Scip().open(program).solve(SolveOptions())
    session = ScaledTermsSession(lambda one: Lying(one, 1, status), program, TOLERANCE)
    outcome = session.solve(SolveOptions())
    session.close()
    assert "lied; which a better point refutes" in outcome.message
    assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(
        equivalent_of(program, honest.point), rel=1e-6
    )


@pytest.mark.parametrize("alpha", ALPHAS)
def test_lies_in_every_round_do_not_hide_the_optimum(alpha: float) -> None:
    program = fair(0, alpha, whole=False)
    honest = Scip().open(program).solve(SolveOptions())
    session = ScaledTermsSession(lambda one: Lying(one, 100), program, TOLERANCE)
    outcome = session.solve(SolveOptions())
    session.close()
    assert "lied; which a better point refutes" in outcome.message
    assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(
        equivalent_of(program, honest.point), rel=1e-6
    )


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_tangent_at_any_point_bounds_the_optimum(alpha: float) -> None:
    program = fair(1, alpha, whole=False)
    honest = Scip().open(program).solve(SolveOptions())
    assert honest.point is not None
    scaled = scaled_task(task_of(program), honest.point[program.terms.columns])  # type: ignore[union-attr]
    nothing = np.concatenate([np.zeros(10), np.ones(5)]) / scaled.column_unit
    tangent = tangent_at(scaled, nothing, SolveOptions(), Highs().open)
    assert tangent is not None
    best = value_of(scaled.task, honest.point / scaled.column_unit)
    assert tangent.bound >= best - 1e-9
    assert value_of(scaled.task, nothing) < value_of(scaled.task, tangent.point) <= best + 1e-9


def test_the_best_between_two_points_is_where_the_objective_turns() -> None:
    program = replace(
        fair(0, 1.0, whole=False), objective=np.concatenate([np.zeros(10), np.full(5, -1.0)])
    )
    task = replace(task_of(program), weight=np.full(5, 2.0))
    first, last = np.ones(15), np.concatenate([np.ones(10), np.full(5, 5.0)])
    # 2 log s - s is largest at s = 2.
    np.testing.assert_allclose(best_between(task, first, last)[10:], 2.0)
