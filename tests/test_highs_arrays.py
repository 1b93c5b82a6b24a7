"""Arrays to and from HiGHS by its C interface, against the calls of highspy."""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from solvers import SolveOptions, Status
from solvers.highs import HighsSession
from solvers.highs_arrays import KNOWN_VERSIONS, native_arrays
from tests.benchmarks.bare_highs import N_RESOURCES, Arrays
from tests.test_program import program_of

highspy = pytest.importorskip("highspy")

Floats = npt.NDArray[np.float64]
GENERATOR_SEED = 11


def held(n_options: int = 30) -> tuple[Any, Any]:
    """Return a HiGHS object with a program, solved, and its arrays."""
    highs = Arrays(n_options).pass_to_highs()
    highs.run()
    return highs, native_arrays(highs)


@pytest.fixture(params=[True, False], ids=["by arrays", "by highspy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the C interface is used; else HiGHS is as if it were built otherwise."""
    if not request.param:
        monkeypatch.setattr("solvers.highs_program.native_arrays", lambda _: None)
    return bool(request.param)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere highspy's calls serve")
def test_the_native_object_of_a_known_highspy_is_found() -> None:
    highs, arrays = held()
    if not highs.version().startswith(KNOWN_VERSIONS):
        pytest.skip(f"highspy {highs.version()} is served by its calls")
    assert arrays is not None


def test_another_version_is_served_by_the_calls_of_highspy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("solvers.highs_arrays.KNOWN_VERSIONS", ("0.9.",))
    assert held()[1] is None


def test_an_object_of_another_kind_has_no_arrays() -> None:
    class Other:
        __slots__ = ("first", "second", "third")

        def __init__(self) -> None:
            self.first, self.second, self.third = 1.0, 2.0, 3.0

    assert native_arrays(Other()) is None
    assert native_arrays(object()) is None


def test_a_solution_is_that_of_highspy() -> None:
    highs, arrays = held()
    if arrays is None:
        pytest.skip("highspy's calls serve here")
    found, expected = arrays.solution(N_RESOURCES), highs.getSolution()
    assert found.point.tolist() == list(expected.col_value)
    assert found.reduced_cost.tolist() == list(expected.col_dual)
    assert found.row_dual.tolist() == list(expected.row_dual)


def test_a_solution_holds_the_duals_of_rows_that_were_added() -> None:
    highs, arrays = held()
    if arrays is None:
        pytest.skip("highspy's calls serve here")
    row = np.array([0, 1], dtype=np.int32)
    highs.addRow(-np.inf, 0.5, 2, row, np.ones(2))
    highs.run()
    found = arrays.solution(N_RESOURCES + 1)
    assert found.row_dual.tolist() == list(highs.getSolution().row_dual)
    assert len(found.row_dual) == N_RESOURCES + 1


def test_what_highs_does_not_have_is_no_number() -> None:
    arrays = native_arrays(Arrays(3).pass_to_highs())
    if arrays is None:
        pytest.skip("highspy's calls serve here")
    assert np.isnan(arrays.solution(N_RESOURCES).point).all()


def test_a_later_solution_leaves_an_earlier_one_as_it_was() -> None:
    highs, arrays = held()
    if arrays is None:
        pytest.skip("highspy's calls serve here")
    before = arrays.solution(N_RESOURCES).point
    kept = before.copy()
    highs.changeColsCost(30, np.arange(30, dtype=np.int32), np.arange(30.0))
    highs.run()
    assert arrays.solution(N_RESOURCES).point.tolist() != kept.tolist()
    assert before.tolist() == kept.tolist()


def test_costs_of_neighbours_arrive() -> None:
    highs, arrays = held()
    if arrays is None:
        pytest.skip("highspy's calls serve here")
    before = np.array(highs.getLp().col_cost_)
    assert arrays.change_costs(7, np.array([0.5, 0.25]))
    after = np.array(highs.getLp().col_cost_)
    assert after[7:9].tolist() == [0.5, 0.25]
    assert np.flatnonzero(after != before).tolist() == [7, 8]


def test_costs_that_highs_does_not_take_are_not_taken() -> None:
    _, arrays = held()
    if arrays is not None:
        assert not arrays.change_costs(29, np.array([1.0, 1.0]))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("places", [[0], [4, 17], list(range(30))], ids=["one", "two", "all"])
def test_after_other_rewards_the_answer_is_that_of_a_fresh_session(places: list[int]) -> None:
    generator = np.random.default_rng(GENERATOR_SEED)
    request = generator.uniform(0.1, 1.0, (3, 30))
    reward = generator.uniform(0.1, 1.0, 30)
    first = program_of(reward, request, -np.inf, 0.3 * request.sum(axis=1))
    other = reward.copy()
    other[places] *= 5.0
    second = first.with_numbers(objective=other)
    session, fresh = HighsSession(first), HighsSession(second)
    assert session.solve(SolveOptions()).status is Status.OPTIMAL
    session.update(second, forbid_rebuild=True)
    again, alone = session.solve(SolveOptions()), fresh.solve(SolveOptions())
    assert again.objective == pytest.approx(alone.objective, rel=1e-9)
    assert again.point == pytest.approx(alone.point, abs=1e-9)
    session.close()
    fresh.close()
