"""Newton's equations are solved as a dense solver does, whatever the units of rows and columns."""

import numpy as np
import pytest
from scipy import sparse

from solvers.errors import SolverFailure
from solvers.newton_system import FEW_ROWS, NewtonSystem


@pytest.fixture(params=[FEW_ROWS, 0], ids=["by rows", "all at once"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.newton_system.FEW_ROWS", request.param)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decades", [0.0, 6.0])
def test_the_solution_is_that_of_a_dense_solver(seed: int, decades: float) -> None:
    generator = np.random.default_rng(seed)
    matrix = generator.uniform(-1.0, 1.0, (4, 9)) * (generator.uniform(size=(4, 9)) < 0.7)
    matrix[np.arange(4), np.arange(4)] = 1.0
    give = np.array([0.0, 0.0, 1.0, 3.0])
    curvature = generator.uniform(0.5, 2.0, 9)
    force, missing = generator.normal(size=9), generator.normal(size=4)
    system = np.block([[np.diag(curvature), matrix.T], [matrix, -np.diag(give)]])
    solution = np.linalg.solve(system, np.append(force, missing))
    # In other units: columns times c, rows times r.
    c, r = 10.0 ** generator.uniform(-decades, decades, (2, 9))
    r = r[:4]
    newton = NewtonSystem(sparse.csr_array(r[:, None] * matrix * c))
    dv, row = newton.solved(curvature * c**2, give * r**2, force * c, missing * r)
    np.testing.assert_allclose(dv * c, solution[:9], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(row * r, solution[9:], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("apart", [1e-4, 1e-7, 1e-9])
def test_rows_that_nearly_depend_on_each_other_leave_nothing_of_the_right_side(
    apart: float,
) -> None:
    matrix = np.array([[1.0, 1.0, 1.0], [1.0, 1.0 + apart, 1.0], [0.0, 1.0, 2.0]])
    curvature, give = np.array([1.0, 2.0, 3.0]), np.zeros(3)
    force, missing = np.array([1.0, -1.0, 2.0]), np.array([1.0, 1.0 + apart, 0.5])
    dv, row = NewtonSystem(sparse.csr_array(matrix)).solved(curvature, give, force, missing)
    largest = max(np.abs(row).max(), np.abs(dv).max(), 1.0)
    np.testing.assert_allclose(curvature * dv + matrix.T @ row, force, atol=1e-11 * largest)
    np.testing.assert_allclose(matrix @ dv, missing, atol=1e-11)


def test_equations_without_a_solution_are_refused() -> None:
    newton = NewtonSystem(sparse.csr_array(np.array([[1.0, 1.0], [1.0, 1.0]])))
    with pytest.raises(SolverFailure, match="Newton step"):
        newton.solved(np.ones(2), np.zeros(2), np.ones(2), np.array([0.0, 1.0]))


def test_numbers_that_are_none_are_refused() -> None:
    newton = NewtonSystem(sparse.csr_array(np.array([[1.0, 1.0]])))
    with pytest.raises(SolverFailure, match="too large"):
        newton.solved(np.ones(2), np.zeros(1), np.array([1.0, np.inf]), np.ones(1))
