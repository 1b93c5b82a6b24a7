"""What is left around an optimum, magnified, has its duals and a smaller error."""

import numpy as np
import pytest
from scipy import sparse

from solvers import Block, Program, SolveOptions, Status, find_adapter
from solvers.magnified import MagnifiedSession, magnified
from tests.ways import require_ready

SOLVERS = ("highs", "scip", "gurobi")
LESS_THAN_TOLERANCES = 2e-8


def program(seed: int, n: int = 8) -> Program:
    """Return a packing program, each row of which is there twice: once a little sharper."""
    rng = np.random.default_rng(seed)
    once = rng.uniform(0.1, 1.0, (n // 2, n))
    side = rng.uniform(1.0, 2.0, n // 2)
    return Program(
        objective=rng.uniform(0.5, 1.0, n),
        matrix=sparse.csc_array(np.vstack([once, once * (1.0 + 1e-3 * rng.random((n // 2, n)))])),
        row_lower=np.full(n, -np.inf),
        row_upper=np.append(side, side - LESS_THAN_TOLERANCES),
        column_lower=np.zeros(n),
        column_upper=rng.uniform(0.5, 2.0, n),
        integer=np.zeros(n, dtype=np.bool_),
        row_blocks=(Block(name="row", labels=range(n)),),
        column_blocks=(Block(name="x", labels=range(n)),),
    )


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_are_kept_to_far_below_the_tolerance(solver: str, seed: int) -> None:
    require_ready(solver)
    asked = program(seed)
    session = MagnifiedSession(find_adapter(solver).open, asked)
    outcome = session.solve(SolveOptions())
    session.close()
    assert outcome.status is Status.OPTIMAL
    assert outcome.point is not None
    excess = asked.matrix @ outcome.point - asked.row_upper
    assert excess.max() <= 1e-13
    value = float(asked.objective @ outcome.point)
    assert outcome.objective == pytest.approx(value, rel=1e-14)
    assert outcome.bound == pytest.approx(value, rel=1e-11)
    exact = find_adapter("highs").open(asked).solve(SolveOptions())
    assert exact.objective == pytest.approx(value, rel=1e-6)
    if outcome.row_dual is None:
        assert solver == "scip"
        return
    # Duality: no point is better than this one.
    dual = np.maximum(outcome.row_dual, 0.0)
    left = np.maximum(asked.objective - asked.matrix.T @ dual, 0.0)
    most = dual @ asked.row_upper + left @ asked.column_upper
    assert most == pytest.approx(value, rel=1e-11)


def test_a_program_that_changed_is_solved_as_it_is_now() -> None:
    asked, other = program(1), program(1)
    session = MagnifiedSession(find_adapter("highs").open, asked)
    session.solve(SolveOptions())
    changed = Program(**{**vars(other), "objective": asked.objective[::-1].copy()})
    session.update(changed)
    found = session.solve(SolveOptions())
    session.close()
    fresh = find_adapter("highs").open(changed).solve(SolveOptions())
    assert found.objective == pytest.approx(fresh.objective, rel=1e-7)


def test_what_cannot_be_solved_stays_so() -> None:
    asked = program(2)
    impossible = Program(**{**vars(asked), "row_lower": np.full(8, 100.0)})
    session = MagnifiedSession(find_adapter("highs").open, impossible)
    assert session.solve(SolveOptions()).status is Status.INFEASIBLE
    session.close()


def test_distances_from_a_point_have_the_same_rows() -> None:
    asked = program(3)
    around = 0.3 * asked.column_upper
    near = magnified(asked, around, 1024.0)
    point = 0.2 * asked.column_upper
    distance = 1024.0 * (point - around)
    np.testing.assert_allclose(
        near.row_upper - near.matrix @ distance,
        1024.0 * (asked.row_upper - asked.matrix @ point),
        rtol=1e-9,
    )
    np.testing.assert_allclose(near.column_upper, 1024.0 * 0.7 * asked.column_upper)
