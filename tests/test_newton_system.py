"""Newton's equations are solved as a dense solver does, whatever the units of rows and columns."""

import numpy as np
import pytest
from scipy import sparse

from solvers.errors import SolverFailure
from solvers.newton_system import NewtonSystem


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


def test_equations_without_a_solution_are_refused() -> None:
    newton = NewtonSystem(sparse.csr_array(np.array([[1.0, 1.0], [1.0, 1.0]])))
    with pytest.raises(SolverFailure, match="Newton step"):
        newton.solved(np.ones(2), np.zeros(2), np.ones(2), np.array([0.0, 1.0]))


def test_numbers_that_are_none_are_refused() -> None:
    newton = NewtonSystem(sparse.csr_array(np.array([[1.0, 1.0]])))
    with pytest.raises(SolverFailure, match="too large"):
        newton.solved(np.ones(2), np.zeros(1), np.array([1.0, np.inf]), np.ones(1))
