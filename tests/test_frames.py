"""Data frames of several kinds give the same problem; what is wrong in them is named."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem import AllocationProblem
from librex_models.problem.frames import arguments_of_frame, column_values

MakeFrame = Callable[[dict[str, Any]], Any]

COLUMNS: dict[str, Any] = {
    "option": ["a1", "a2", "b1"],
    "agent": ["ann", "ann", "bob"],
    "group": ["red", "red", "blue"],
    "gpu": [1.0, 2.0, 3.0],
    "memory": [4, 5, 6],
    "reward": [7.0, 8.0, 9.0],
    "lower": [0.0, 0.0, 0.5],
    "upper": [1.0, 2.0, 3.0],
    "integer": [True, False, True],
    "comment": ["not", "read", None],
}


class Arrowlike:
    """A frame known by the protocol that PyArrow speaks, for where PyArrow is not installed."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._frame = pl.DataFrame(columns)

    @property
    def columns(self) -> list[Any]:
        return [self._frame.get_column(name) for name in self._frame.columns]

    @property
    def column_names(self) -> list[str]:
        return self._frame.columns

    def __narwhals_dataframe__(self) -> Any:
        import narwhals as nw

        return nw.from_native(self._frame)._compliant_frame


both_kinds = pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])


def without(*names: str) -> dict[str, Any]:
    return {name: values for name, values in COLUMNS.items() if name not in names}


@both_kinds
def test_every_column_becomes_an_argument(make: MakeFrame) -> None:
    arguments = arguments_of_frame(make(COLUMNS), ["memory", "gpu"])
    requests = arguments.pop("requests")
    assert requests.tolist() == [[4.0, 1.0], [5.0, 2.0], [6.0, 3.0]]
    assert {name: list(values) for name, values in arguments.items() if name != "group"} == {
        "resource_names": ["memory", "gpu"],
        "option_names": ["a1", "a2", "b1"],
        "agent": ["ann", "ann", "bob"],
        "reward": [7.0, 8.0, 9.0],
        "lower": [0.0, 0.0, 0.5],
        "upper": [1.0, 2.0, 3.0],
        "integer": [True, False, True],
    }
    assert arguments["group"] == {"ann": "red", "bob": "blue"}


@both_kinds
def test_absent_columns_leave_the_defaults(make: MakeFrame) -> None:
    arguments = arguments_of_frame(make({"gpu": [1.0, 2.0]}), ["gpu"])
    assert sorted(arguments) == ["requests", "resource_names"]


def test_both_kinds_of_frame_give_the_same_problem() -> None:
    budget = {"memory": 10.0, "gpu": 3.0}
    problems = [
        AllocationProblem.from_frame(make(COLUMNS), ["gpu", "memory"], budget)
        for make in (pd.DataFrame, pl.DataFrame)
    ]
    assert problems[0] == problems[1]
    assert problems[0].budget.tolist() == [3.0, 10.0]
    assert problems[0].groups == ["red", "blue"]


def test_columns_of_a_pyarrow_table_are_known_by_name() -> None:
    table = Arrowlike({"gpu": [1.0, 2.0], "memory": [3.0, 4.0]})
    problem = AllocationProblem(table, {"memory": 5.0, "gpu": 6.0})
    assert problem.resources == ["gpu", "memory"]
    assert np.asarray(problem.requests).tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_a_pyarrow_table_is_read() -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="PyArrow is not installed")
    problem = AllocationProblem.from_frame(pyarrow.table(without("comment")), ["gpu"], [3.0])
    assert problem == AllocationProblem.from_frame(pl.DataFrame(COLUMNS), ["gpu"], [3.0])


@both_kinds
def test_arguments_win_over_columns(make: MakeFrame) -> None:
    problem = AllocationProblem.from_frame(make(COLUMNS), ["gpu"], [3.0], reward=[1.0, 2.0, 3.0])
    assert problem.reward is not None
    assert problem.reward.tolist() == [1.0, 2.0, 3.0]


@both_kinds
def test_groups_without_agents_are_groups_of_options(make: MakeFrame) -> None:
    frame = make(without("agent"))
    problem = AllocationProblem.from_frame(frame, ["gpu"], [3.0])
    assert problem.agents == ["a1", "a2", "b1"]
    assert [problem.groups[g] for g in problem.group_of_agent] == ["red", "red", "blue"]


def test_a_named_index_names_the_options() -> None:
    frame = pd.DataFrame(without("option"), index=["a1", "a2", "b1"])
    reward = pd.Series({"b1": 3.0, "a1": 1.0, "a2": 2.0})
    problem = AllocationProblem.from_frame(frame, ["gpu"], [3.0], reward=reward)
    assert problem.options == ["a1", "a2", "b1"]
    assert problem.reward is not None
    assert problem.reward.tolist() == [1.0, 2.0, 3.0]


def test_a_column_named_option_wins_over_the_index() -> None:
    frame = pd.DataFrame(COLUMNS, index=["x", "y", "z"])
    assert arguments_of_frame(frame, ["gpu"])["option_names"] == ["a1", "a2", "b1"]


def test_names_of_columns_may_be_numbers() -> None:
    problem = AllocationProblem.from_frame(pd.DataFrame(np.eye(2)), [1, 0], [3.0, 4.0])  # type: ignore[list-item]
    assert problem.resources == [1, 0]
    assert np.asarray(problem.requests).tolist() == [[0.0, 1.0], [1.0, 0.0]]


@both_kinds
def test_a_missing_column_is_named_with_those_there(make: MakeFrame) -> None:
    frame = make({"cpu": [1.0], "agent": ["ann"]})
    expected = r"the frame has no column 'gpu'; its columns are 'cpu', 'agent'"
    with pytest.raises(ParameterError, match=expected):
        arguments_of_frame(frame, ["gpu"])
    with pytest.raises(ParameterError, match=expected):
        column_values(frame, "gpu")


@both_kinds
def test_an_agent_in_two_groups_is_named(make: MakeFrame) -> None:
    frame = make(COLUMNS | {"group": ["red", "green", "blue"]})
    with pytest.raises(ParameterError, match=r"agent 'ann' .* group 'red' .* group 'green'"):
        arguments_of_frame(frame, ["gpu"])


@both_kinds
def test_a_missing_number_is_named(make: MakeFrame) -> None:
    frame = make(COLUMNS | {"gpu": [1.0, None, 3.0]})
    with pytest.raises(ParameterError, match=r"option 'a2' for resource 'gpu' is nan"):
        AllocationProblem.from_frame(frame, ["gpu"], [3.0])


@both_kinds
@pytest.mark.parametrize("name", ["agent", "group", "option"])
def test_a_missing_label_is_named(make: MakeFrame, name: str) -> None:
    labels = [*COLUMNS[name][:1], None, *COLUMNS[name][2:]]
    with pytest.raises(ParameterError, match=f"{name}: the label at position 1 is missing"):
        arguments_of_frame(make(COLUMNS | {name: labels}), ["gpu"])


def test_a_missing_label_of_any_kind_is_named() -> None:
    frame = pd.DataFrame({"gpu": [1.0, 2.0], "agent": pd.Series(["ann", pd.NA], dtype="string")})
    with pytest.raises(ParameterError, match="agent: the label at position 1 is missing"):
        arguments_of_frame(frame, ["gpu"])


@both_kinds
@pytest.mark.parametrize("name", ["gpu", "reward", "upper"])
def test_texts_are_no_numbers(make: MakeFrame, name: str) -> None:
    frame = make(COLUMNS | {name: ["1", "2", "3"]})
    with pytest.raises(ParameterError, match=f"^{'requests' if name == 'gpu' else name}"):
        AllocationProblem.from_frame(frame, ["gpu"], [3.0])


@pytest.mark.parametrize("frame", [[[1.0]], {"gpu": [1.0]}, None, pl.LazyFrame({"gpu": [1.0]})])
def test_what_is_no_frame_is_refused(frame: object) -> None:
    with pytest.raises(ParameterError, match="cannot be read as a data frame"):
        arguments_of_frame(frame, ["gpu"])


def test_a_column_that_stands_twice_is_refused() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["gpu", "gpu"])
    with pytest.raises(ParameterError, match="gpu"):
        arguments_of_frame(frame, ["gpu"])


def test_resources_must_be_a_list_of_different_names() -> None:
    frame = pd.DataFrame(COLUMNS)
    with pytest.raises(ParameterError, match="resource 'gpu' stands twice"):
        arguments_of_frame(frame, ["gpu", "gpu"])
    with pytest.raises(ShapeError, match="resources is 'gpu', expected a list"):
        arguments_of_frame(frame, "gpu")
    with pytest.raises(ShapeError, match="resources is empty"):
        arguments_of_frame(frame, [])


@both_kinds
def test_numbers_come_as_arrays_and_labels_as_lists(make: MakeFrame) -> None:
    frame = make(COLUMNS)
    assert isinstance(column_values(frame, "memory"), np.ndarray)
    assert column_values(frame, "agent") == ["ann", "ann", "bob"]
    assert column_values(frame, "integer") == [True, False, True]
