"""Start-up: what loads with the packages and the command, and what waits until it is used."""

import pytest

from tests.test_imports import PUBLIC_NAMES, REPOSITORY, in_a_new_process, modules

CLUSTER = REPOSITORY / "docs" / "examples" / "cluster.toml"

# What loads when it is first used, beside numpy and scipy.sparse.
HEAVY = (
    "clarabel",
    "cvxpy",
    "gurobipy",
    "highspy",
    "narwhals",
    "networkx",
    "pydantic",
    "pyomo",
    "pyscipopt",
    "rich",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "torch",
    "typer",
)


def loaded_by(code: str, *watched: str) -> list[str]:
    """Return which of the watched modules are there after a line of code."""
    found = in_a_new_process(f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))")
    assert isinstance(found, list)
    return sorted(set(watched).intersection(found))


@pytest.mark.parametrize("package", PUBLIC_NAMES)
def test_importing_loads_nothing_heavy(package: str) -> None:
    assert loaded_by(f"import {package}", *HEAVY) == []


@pytest.mark.parametrize("code", ["import librex_models", "import solvers"])
def test_importing_loads_no_name_before_it_is_used(code: str) -> None:
    parts = [name for name in modules() if name not in ("librex_models", "solvers")]
    assert loaded_by(code, "numpy", "scipy", *parts) == ["solvers.names_on_demand"]


@pytest.mark.parametrize("package", ["librex_models", "solvers"])
def test_all_public_names_load_nothing_heavy(package: str) -> None:
    assert loaded_by(f"from {package} import *", *HEAVY) == []


def test_a_model_loads_no_engine_that_it_may_not_need() -> None:
    code = """
import librex_models as lm
problem = lm.AllocationProblem([[2.0], [1.0]], {"gpu": 2.0}, [3.0, 1.0])
lm.Proportional(problem)
"""
    engines = ("solvers.outer_approximation", "librex_models.routes.water_filling")
    assert loaded_by(code, *engines, *HEAVY) == []


def test_a_linear_solve_loads_no_solver_but_its_own() -> None:
    code = """
import librex_models as lm
problem = lm.AllocationProblem([[2.0], [1.0]], {"gpu": 2.0}, [3.0, 1.0], integer=True)
assert lm.BudgetOnly(problem).solve().decision.tolist() == [1.0, 0.0]
"""
    assert loaded_by(code, *HEAVY) == ["highspy"]


def test_the_command_loads_no_solver_but_the_one_it_asks() -> None:
    code = f"""
import contextlib, io
from librex_models.cli import main
sys.argv = ["librex", "solve", {str(CLUSTER)!r}, "--solver", "highs"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
"""
    # New releases of typer load pydantic, which reads the problem file too.
    assert loaded_by(code, *HEAVY) == ["highspy", "pydantic", "typer"]


def test_the_posteriors_load_when_they_are_first_asked_for() -> None:
    code = """
import json, sys
import librex_models as lm
before = "librex_models.thompson" in sys.modules
lm.thompson.BetaBernoulli
print(json.dumps([before, "librex_models.thompson" in sys.modules]))
"""
    assert in_a_new_process(code) == [False, True]


@pytest.mark.parametrize("package", ["librex_models", "solvers"])
def test_a_name_is_looked_up_once(package: str) -> None:
    code = f"""
import json, {package}
print(json.dumps([n for n in {package}.__all__ if getattr({package}, n) is not vars({package})[n]]))
"""
    assert in_a_new_process(code) == []
