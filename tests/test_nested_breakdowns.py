"""A solver that breaks down above the first level of nested max-min leaves what was found."""

import pytest

import librex_models as lm
from tests.ways import require_ready


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi"])
def test_what_was_found_before_a_breakdown_stays(solver: str) -> None:
    """Below an aversion of 1, a group of which one has nothing has 2^-100 of what the other has."""
    require_ready(solver)
    problem = lm.AllocationProblem(
        [[1.83], [1.51], [0.85], [0.48]],
        [3.16],
        [0.85, 0.7, 2.29, 2.09],
        group=["a", "b", "c", "b"],
        lower=[1.0, 0.0, 1.0, 1.0],
        upper=2.0,
        integer=True,
    )
    allocation = lm.MaxMin(problem, inner_alpha=0.99).solve(solver=solver)
    assert allocation.verdict is lm.Verdict.FEASIBLE
    assert allocation.decision.tolist() == [1.0, 0.0, 1.0, 1.0]
    assert allocation.levels == pytest.approx([2.09 * 2.0**-100, 0.85, 2.29], rel=1e-9)
