"""What an outcome may claim, and what contradicts itself."""

from typing import Any

import numpy as np
import pytest

from solvers import Limit, Outcome, Status
from solvers.errors import SolverFailure

POINT = np.zeros(2)
CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "an optimum without a point": {"status": Status.OPTIMAL},
    "a point of an infeasible program": {"status": Status.INFEASIBLE, "point": POINT},
    "a limit of an optimum": {"status": Status.OPTIMAL, "point": POINT, "limit": Limit.TIME},
    "a stop without a limit": {"status": Status.FEASIBLE, "point": POINT},
    "a value without a point": {"status": Status.INFEASIBLE, "objective": 0.0},
    "duals without a point": {"status": Status.UNBOUNDED, "row_dual": POINT},
    "reduced costs without a point": {"status": Status.UNBOUNDED, "reduced_cost": POINT},
    "a bound that is no number": {"status": Status.UNBOUNDED, "bound": np.nan},
}


@pytest.mark.parametrize("claims", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_an_outcome_that_contradicts_itself_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(SolverFailure):
        Outcome(**({"bound": np.inf} | claims))


def test_a_limit_without_a_point_claims_no_value() -> None:
    stopped: dict[str, Any] = {
        "status": Status.NO_SOLUTION_FOUND,
        "limit": Limit.TIME,
        "bound": np.inf,
    }
    assert Outcome(**stopped).point is None
    with pytest.raises(SolverFailure, match="no point, and yet objective"):
        Outcome(**stopped, objective=0.0)
