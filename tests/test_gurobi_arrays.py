"""Arrays to and from Gurobi by its C interface, against the calls of gurobipy."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from solvers import Program, SolveOptions, Status
from solvers.errors import OptionError
from solvers.gurobi import GurobiSession
from solvers.gurobi_arrays import NativeArrays, native_arrays
from tests.test_program import program_of

N_OPTIONS = 30
GENERATOR_SEED = 12


@pytest.fixture(autouse=True)
def _needs_gurobi(require_solver: Callable[[str], None]) -> None:
    require_solver("gurobi")


@pytest.fixture(params=[True, False], ids=["by arrays", "by gurobipy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the C interface is used; else Gurobi is as if it were built otherwise."""
    if not request.param:
        monkeypatch.setattr("solvers.gurobi_program.native_arrays", lambda _: None)
    return bool(request.param)


def packing() -> Program:
    generator = np.random.default_rng(GENERATOR_SEED)
    request = generator.uniform(0.1, 1.0, (3, N_OPTIONS))
    reward = generator.uniform(0.1, 1.0, N_OPTIONS)
    return program_of(reward, request, -np.inf, 0.3 * request.sum(axis=1))


def held() -> tuple[Any, NativeArrays]:
    """Return a Gurobi model with a program, solved, and its arrays."""
    import gurobipy

    program = packing()
    environment = gurobipy.Env(empty=True)
    environment.setParam("OutputFlag", 0)
    environment.start()
    model = gurobipy.Model(env=environment)
    columns = model.addMVar(N_OPTIONS, ub=1.0, obj=program.objective)
    model.addMConstr(program.matrix.toarray(), columns, "<", program.row_upper)
    model.ModelSense = gurobipy.GRB.MAXIMIZE
    model.optimize()
    arrays = native_arrays(model)
    if arrays is None:
        pytest.skip("gurobipy's calls serve here")
    return model, arrays


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere its calls serve")
def test_the_native_model_of_the_installed_gurobipy_is_found() -> None:
    assert isinstance(held()[1], NativeArrays)


def test_an_object_of_another_kind_has_no_arrays() -> None:
    class Other:
        NumVars = 0
        _cmodel = 1234

    assert native_arrays(Other()) is None
    assert native_arrays(object()) is None


@pytest.mark.parametrize("attribute", ["X", "RC", "Obj"])
def test_numbers_of_columns_are_those_of_gurobipy(attribute: str) -> None:
    model, arrays = held()
    found = arrays.read(attribute, N_OPTIONS)
    assert found is not None
    assert found.tolist() == model.getAttr(attribute, model.getVars())


def test_where_gurobi_has_no_numbers_there_are_none() -> None:
    _, arrays = held()
    assert arrays.read("UnbdRay", N_OPTIONS) is None
    assert arrays.read("X", N_OPTIONS + 1) is None


def test_costs_of_neighbours_arrive() -> None:
    model, arrays = held()
    before = np.array(model.getAttr("Obj", model.getVars()))
    assert arrays.write("Obj", 7, np.array([0.5, 0.25]))
    model.update()
    after = np.array(model.getAttr("Obj", model.getVars()))
    assert after[7:9].tolist() == [0.5, 0.25]
    assert np.flatnonzero(after != before).tolist() == [7, 8]


def test_costs_that_gurobi_does_not_take_are_not_taken() -> None:
    _, arrays = held()
    assert not arrays.write("Obj", N_OPTIONS - 1, np.array([1.0, 1.0]))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("places", [[0], [4, 17], list(range(30))], ids=["one", "two", "all"])
def test_after_other_rewards_the_answer_is_that_of_a_fresh_session(places: list[int]) -> None:
    first = packing()
    other = first.objective.copy()
    other[places] *= 5.0
    second = first.with_numbers(objective=other)
    session, fresh = GurobiSession(first), GurobiSession(second)
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.update(second, forbid_rebuild=True)
    again, alone = session.solve(SolveOptions()), fresh.solve(SolveOptions())
    assert again.objective == pytest.approx(alone.objective, rel=1e-9)
    assert again.point == pytest.approx(alone.point, abs=1e-9)
    assert again.reduced_cost == pytest.approx(
        other - second.matrix.T @ np.asarray(again.row_dual), abs=1e-9
    )
    session.close()
    fresh.close()


def test_a_value_that_gurobi_refuses_is_refused_though_it_equals_the_one_before() -> None:
    session = GurobiSession(packing())
    assert session.solve(SolveOptions(native={"Presolve": 1})).status is Status.OPTIMAL
    for _ in range(2):
        with pytest.raises(OptionError, match=r"does not take 1\.0 for its option 'Presolve'"):
            session.solve(SolveOptions(native={"Presolve": 1.0}))
    session.close()


def test_after_a_refused_option_the_others_have_their_defaults_again() -> None:
    session = GurobiSession(packing())
    with pytest.raises(OptionError):
        session.solve(SolveOptions(iteration_limit=0, native={"Presolve": "much"}))
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.close()


def test_an_option_of_one_run_is_not_that_of_the_next() -> None:
    session = GurobiSession(packing())
    for _ in range(2):
        limited = session.solve(SolveOptions(iteration_limit=0))
        assert limited.status is Status.NO_SOLUTION_FOUND
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.close()
