"""What all tests share: the real inputs, the solvers a run insists on, the random examples."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.random_examples import examples

REPOSITORY = Path(__file__).resolve().parent.parent

# The Python package behind each solver or gateway.
PACKAGE_OF_SOLVER = {
    "clarabel": "clarabel",
    "cvxpy": "cvxpy",
    "gurobi": "gurobipy",
    "highs": "highspy",
    "pyomo": "pyomo",
    "scip": "pyscipopt",
}

# The same examples in every run, so that a failure comes back; a slow machine is no failure.
settings.register_profile(
    "librex",
    derandomize=True,
    deadline=None,
    max_examples=examples(2000),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("librex")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-solvers",
        default="",
        metavar="NAMES",
        help="solvers, separated by commas, whose absence is a failure and not a skip",
    )


def pytest_configure(config: pytest.Config) -> None:
    unknown = _required_solvers(config) - PACKAGE_OF_SOLVER.keys()
    if unknown:
        raise pytest.UsageError(
            f"--require-solvers does not know {', '.join(sorted(unknown))}; "
            f"it knows {', '.join(PACKAGE_OF_SOLVER)}"
        )


@pytest.fixture(scope="session")
def require_solver(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return a function that skips the test where the named solver is not installed.

    It fails instead in the CI, and where --require-solvers names the solver.
    """
    required = _required_solvers(pytestconfig)

    def require(name: str) -> None:
        try:
            importlib.import_module(PACKAGE_OF_SOLVER[name])
        except ImportError as error:
            _missing(f"{name} cannot be used: {error}", is_failure=_in_ci() or name in required)

    return require


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real inputs; where it is missing, skip, and in the CI fail."""
    folder = Path(os.environ.get("LIBREX_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        _missing(
            f"no folder of real inputs at {folder}; set LIBREX_DATA to where it is",
            is_failure=_in_ci(),
        )
    return folder


def _required_solvers(config: pytest.Config) -> set[str]:
    names: str = config.getoption("--require-solvers")
    return {name.strip() for name in names.split(",") if name.strip()}


def _in_ci() -> bool:
    return bool(os.environ.get("CI"))


def _missing(reason: str, *, is_failure: bool) -> NoReturn:
    if is_failure:
        pytest.fail(reason)
    pytest.skip(reason)
