"""The ways to an answer that tests go: a solver and a route, by a name."""

import os

import pytest

import solvers

WAYS = {
    "auto": ("auto", "auto"),
    "highs": ("highs", "auto"),
    "scip": ("scip", "plain"),
    "scip under tangents": ("scip", "outer_approximation"),
    "gurobi": ("gurobi", "plain"),
    "gurobi under tangents": ("gurobi", "outer_approximation"),
    "clarabel": ("cvxpy:CLARABEL", "auto"),
}


def require_ready(solver: str) -> None:
    """Skip a test of a solver that cannot be used here, and fail it in the CI."""
    available = solvers.availability(solver)
    if available.is_ready:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{solver} cannot be used: {available.sentence}")
    pytest.skip(f"{solver} cannot be used: {available.sentence}")


def solver_and_route(way: str) -> tuple[str, str]:
    """Return the solver, which can be used, and the route of a way."""
    solver, route = WAYS[way]
    if solver != "auto":
        require_ready(solver)
    return solver, route
