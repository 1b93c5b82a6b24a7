"""AllocationProblem: every broken rule names the offender, labels decide, nothing can change."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from librex_models.errors import LibrexError, ParameterError, ProblemError, ShapeError
from librex_models.problem import AllocationProblem

REQUESTS = [[2.0, 1.0], [0.0, 3.0], [4.0, 5.0]]


def problem_with(**changes: Any) -> AllocationProblem:
    """Return a small problem: two options of ann and one of bob, two resources."""
    arguments: dict[str, Any] = {
        "requests": REQUESTS,
        "budget": [6.0, 7.0],
        "reward": [1.0, 2.0, 3.0],
        "agent": ["ann", "ann", "bob"],
        "group": ["red", "blue"],
        "option_names": ["a1", "a2", "b1"],
        "resource_names": ["gpu", "memory"],
    }
    return AllocationProblem(**(arguments | changes))


def rewards_of(problem: AllocationProblem) -> list[float]:
    assert problem.reward is not None
    rewards: list[float] = problem.reward.tolist()
    return rewards


def dense(problem: AllocationProblem) -> list[list[float]]:
    rows: list[list[float]] = sparse.csr_array(problem.requests).toarray().tolist()
    return rows


# Defaults and labels.


def test_by_default_every_option_is_an_agent_and_a_group() -> None:
    problem = AllocationProblem(REQUESTS, [6.0, 7.0])
    assert list(problem.options) == list(problem.agents) == list(problem.groups) == [0, 1, 2]
    assert list(problem.resources) == [0, 1]
    assert problem.reward is None
    assert problem.weight.tolist() == problem.agent_weight.tolist() == [1.0, 1.0, 1.0]
    assert problem.history.tolist() == problem.agent_history.tolist() == [0.0, 0.0, 0.0]
    assert problem.lower.tolist() == [0.0, 0.0, 0.0]
    assert problem.upper.tolist() == [1.0, 1.0, 1.0]
    assert problem.agent_minimum.tolist() == [0.0, 0.0, 0.0]
    assert not problem.integer.any()
    assert problem.group_utility == "mean"


def test_sizes_are_counted() -> None:
    problem = problem_with()
    sizes = (problem.n_options, problem.n_agents, problem.n_groups, problem.n_resources)
    assert sizes == (3, 2, 2, 2)


def test_agents_and_groups_come_in_order_of_first_appearance() -> None:
    problem = problem_with(agent=["zoe", "ann", "zoe"], group=["red", "blue"])
    assert problem.agents == ["zoe", "ann"]
    assert problem.agent_of_option.tolist() == [0, 1, 0]
    assert problem.groups == ["red", "blue"]


def test_the_limit_is_one_for_agents_with_several_unit_options() -> None:
    assert problem_with().agent_limit.tolist() == [1.0, math.inf]
    assert problem_with(upper=[1.0, 2.0, 1.0]).agent_limit.tolist() == [math.inf, math.inf]
    assert problem_with(agent_limit=3.0).agent_limit.tolist() == [3.0, 3.0]


def test_a_dictionary_of_budgets_names_the_resources() -> None:
    problem = AllocationProblem(REQUESTS, {"gpu": 6.0, "memory": 7.0})
    assert problem.resources == ["gpu", "memory"]


@pytest.mark.parametrize(
    "labels",
    [
        ("ann", "ann", "bob"),
        np.array(["ann", "ann", "bob"]),
        pd.Series(["ann", "ann", "bob"], index=["a1", "a2", "b1"]),
        pd.Index(["ann", "ann", "bob"]),
        pl.Series(["ann", "ann", "bob"]),
        {"b1": "bob", "a2": "ann", "a1": "ann"},
        (name for name in ("ann", "ann", "bob")),
    ],
    ids=["tuple", "array", "Series", "Index", "Polars", "dictionary", "generator"],
)
def test_labels_come_in_many_shapes(labels: Any) -> None:
    assert problem_with(agent=labels) == problem_with()


def test_labels_of_numpy_become_plain_ones() -> None:
    problem = problem_with(agent=np.array([7, 7, 8]), group=None)
    assert [type(agent) for agent in problem.agents] == [int, int]


# Matching by label.


@pytest.mark.parametrize("kind", ["dictionary", "Series"])
@pytest.mark.parametrize(
    ("name", "values", "default"),
    [
        ("budget", {"memory": 9.0, "gpu": 8.0}, [8.0, 9.0]),
        ("reward", {"b1": 6.0, "a1": 4.0, "a2": 5.0}, [4.0, 5.0, 6.0]),
        ("lower", {"b1": 0.6, "a1": 0.4, "a2": 0.5}, [0.4, 0.5, 0.6]),
        ("upper", {"b1": 6.0, "a1": 4.0, "a2": 5.0}, [4.0, 5.0, 6.0]),
        ("integer", {"b1": True, "a1": False, "a2": True}, [False, True, True]),
        ("weight", {"blue": 3.0, "red": 2.0}, [2.0, 3.0]),
        ("history", {"blue": 3.0, "red": 2.0}, [2.0, 3.0]),
        ("agent_weight", {"bob": 3.0, "ann": 2.0}, [2.0, 3.0]),
        ("agent_history", {"bob": 3.0, "ann": 2.0}, [2.0, 3.0]),
        ("agent_limit", {"bob": 3.0, "ann": 2.0}, [2.0, 3.0]),
        ("agent_minimum", {"bob": 0.3, "ann": 0.2}, [0.2, 0.3]),
    ],
)
def test_numbers_are_matched_by_label(
    kind: str, name: str, values: dict[str, Any], default: list[Any]
) -> None:
    given = values if kind == "dictionary" else pd.Series(values)
    problem = problem_with(**{name: given})
    assert getattr(problem, name).tolist() == default
    assert problem == problem_with(**{name: default})


def test_groups_are_matched_by_agent() -> None:
    by_label = problem_with(group={"bob": "blue", "ann": "red"})
    assert by_label == problem_with(group=["red", "blue"])
    assert by_label == problem_with(group=pd.Series({"bob": "blue", "ann": "red"}))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "Polars"])
def test_columns_of_a_frame_are_matched_by_resource(make: Callable[[Any], Any]) -> None:
    frame = make({"memory": [1.0, 3.0, 5.0], "gpu": [2.0, 0.0, 4.0]})
    assert problem_with(requests=frame) == problem_with()
    unnamed = problem_with(requests=frame, resource_names=None, budget={"gpu": 6.0, "memory": 7.0})
    assert unnamed.resources == ["memory", "gpu"]
    assert unnamed.budget.tolist() == [7.0, 6.0]


def test_rows_of_a_pandas_frame_are_matched_by_option() -> None:
    frame = pd.DataFrame(REQUESTS, index=["a1", "a2", "b1"], columns=["gpu", "memory"])
    assert problem_with(requests=frame.iloc[[2, 0, 1]]) == problem_with()
    assert problem_with(requests=frame, option_names=None) == problem_with()


def test_a_series_of_positions_is_matched_to_positions() -> None:
    rewards = pd.Series([3.0, 1.0, 2.0], index=[2, 0, 1])
    problem = AllocationProblem(REQUESTS, [6.0, 7.0], reward=rewards)
    assert rewards_of(problem) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("budget", "resource", ["gpu", "memory"]),
        ("reward", "option", ["a1", "a2", "b1"]),
        ("upper", "option", ["a1", "a2", "b1"]),
        ("integer", "option", ["a1", "a2", "b1"]),
        ("agent", "option", ["a1", "a2", "b1"]),
        ("group", "agent", ["ann", "bob"]),
        ("weight", "group", ["red", "blue"]),
        ("history", "group", ["red", "blue"]),
        ("agent_weight", "agent", ["ann", "bob"]),
        ("agent_history", "agent", ["ann", "bob"]),
        ("agent_limit", "agent", ["ann", "bob"]),
        ("agent_minimum", "agent", ["ann", "bob"]),
    ],
)
def test_missing_and_unknown_labels_are_named(name: str, kind: str, labels: list[str]) -> None:
    values = dict.fromkeys(labels, 1.0)
    with pytest.raises(ParameterError, match=f"{name} names {kind} 'eve', which the problem does"):
        problem_with(**{name: values | {"eve": 1.0}})
    missing = labels[-1]
    del values[missing]
    with pytest.raises(ParameterError, match=f"{name} has no entry for {kind} '{missing}'"):
        problem_with(**{name: values})


def test_a_series_with_a_label_twice_is_refused() -> None:
    rewards = pd.Series([1.0, 2.0, 3.0, 4.0], index=["a1", "a2", "b1", "a1"])
    with pytest.raises(ParameterError, match="reward: option 'a1' stands twice"):
        problem_with(reward=rewards)


def test_columns_that_are_no_resources_are_named() -> None:
    frame = pd.DataFrame(REQUESTS, columns=["gpu", "disk"])
    with pytest.raises(ParameterError, match="requests has no column for resource 'memory'"):
        problem_with(requests=frame)
    with pytest.raises(ParameterError, match="requests names resource 'disk'"):
        problem_with(requests=frame, resource_names=["gpu"], budget=[6.0])


# Broken rules.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"requests": [1.0, 2.0, 3.0]}, "requests has shape (3,), expected (n_options, n_resou"),
        ({"requests": np.ones((1, 1, 1))}, "requests has shape (1, 1, 1)"),
        ({"requests": np.ones((0, 2))}, "requests has no rows"),
        ({"requests": sparse.coo_array(np.ones(3))}, "requests has shape (3,)"),
        ({"budget": [6.0]}, "budget has shape (1,), expected (2,): one number for each resource"),
        ({"budget": 6.0}, "budget has shape ()"),
        ({"budget": [[6.0, 7.0]]}, "budget has shape (1, 2)"),
        ({"reward": 1.0}, "reward has shape ()"),
        ({"reward": [1.0]}, "reward has shape (1,), expected (3,): one number for each option"),
        ({"reward": np.ones((2, 2))}, "reward has shape (2, 2), expected (3, 2): one row for each"),
        ({"reward": sparse.csr_array(np.ones((2, 2)))}, "reward has shape (2, 2), expected (3, 2)"),
        ({"agent": ["ann"]}, "agent has 1 label, expected 3"),
        ({"agent": "ann"}, "agent is 'ann', expected a list of labels"),
        ({"agent": {"ann", "bob", "eve"}}, "agent is {"),
        ({"group": ["red"]}, "group has 1 label, expected 2"),
        ({"group": 3}, "group is 3, expected a list of labels"),
        ({"weight": 1.0}, "weight has shape ()"),
        ({"weight": [1.0]}, "weight has shape (1,), expected (2,): one number for each group"),
        ({"history": [1.0]}, "history has shape (1,)"),
        ({"agent_weight": [1.0]}, "agent_weight has shape (1,), expected (2,): one number for e"),
        ({"agent_history": [1.0]}, "agent_history has shape (1,)"),
        ({"lower": [0.0]}, "lower has shape (1,), expected (3,)"),
        ({"upper": [[1.0]]}, "upper has shape (1, 1)"),
        ({"agent_limit": [1.0]}, "agent_limit has shape (1,), expected (2,)"),
        ({"agent_minimum": [1.0]}, "agent_minimum has shape (1,)"),
        ({"integer": [True]}, "integer has shape (1,), expected (3,)"),
        ({"option_names": ["a"]}, "option_names has 1 label, expected 3"),
        ({"resource_names": ["a"]}, "resource_names has 1 label, expected 2"),
    ],
)
def test_wrong_shapes_are_named(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ShapeError) as caught:
        problem_with(**changes)
    assert expected in str(caught.value)


PLACES = [
    ("requests", "requests of option 'a2' for resource 'gpu'"),
    ("budget", "budget of resource 'memory'"),
    ("reward", "reward of option 'a2'"),
    ("lower", "lower of option 'a2'"),
    ("upper", "upper of option 'a2'"),
    ("weight", "weight of group 'blue'"),
    ("history", "history of group 'blue'"),
    ("agent_weight", "agent_weight of agent 'bob'"),
    ("agent_history", "agent_history of agent 'bob'"),
    ("agent_limit", "agent_limit of agent 'bob'"),
    ("agent_minimum", "agent_minimum of agent 'bob'"),
]


def spoilt(name: str, value: float) -> Any:
    """Return a good argument whose second entry (of `requests`: second row) is spoilt."""
    if name == "requests":
        return [[2.0, 1.0], [value, 3.0], [4.0, 5.0]]
    good = np.array(getattr(problem_with(agent_limit=1.0), name))
    good[1] = value
    return good


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_nan_is_named(name: str, place: str) -> None:
    with pytest.raises(ParameterError, match=f"{place} is nan, expected"):
        problem_with(**{name: spoilt(name, math.nan)})


@pytest.mark.parametrize(("name", "place"), [p for p in PLACES if p[0] != "reward"])
def test_negative_numbers_are_named(name: str, place: str) -> None:
    with pytest.raises(ParameterError, match=f"{place} is -1.0, expected"):
        problem_with(**{name: spoilt(name, -1.0)})


@pytest.mark.parametrize(
    ("name", "place"), [p for p in PLACES if p[0] not in ("budget", "upper", "agent_limit")]
)
def test_infinities_are_named(name: str, place: str) -> None:
    with pytest.raises(ParameterError, match=f"{place} is inf, expected a finite number"):
        problem_with(**{name: spoilt(name, math.inf)})


@pytest.mark.parametrize("name", ["weight", "agent_weight"])
def test_a_weight_of_zero_is_named(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name} of .* is 0.0, expected .* above zero"):
        problem_with(**{name: spoilt(name, 0.0)})


def test_infinite_budgets_and_limits_and_negative_rewards_are_allowed() -> None:
    problem = problem_with(
        budget=[math.inf, 7.0], upper=math.inf, agent_limit=math.inf, reward=[-1.0, 0.0, 1.0]
    )
    assert problem.budget.tolist() == [math.inf, 7.0]
    assert rewards_of(problem) == [-1.0, 0.0, 1.0]


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_sparse_requests_are_checked_too(value: float) -> None:
    with pytest.raises(ParameterError, match=r"requests of option 'a2' for resource 'gpu' is "):
        problem_with(requests=sparse.csr_array(np.array(spoilt("requests", value))))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget", ["6", "7"]),
        ("budget", [6.0, "7"]),
        ("budget", np.array(["6", "7"], dtype=object)),
        ("budget", np.array(["2020", "2021"], dtype="M8[Y]")),
        ("budget", [6.0, 7.0j]),
        ("budget", None),
        ("reward", [[1.0], [2.0, 3.0], []]),
        ("requests", {"gpu": [1.0]}),
        ("requests", sparse.csr_array(np.array([[1j, 0.0], [0.0, 0.0], [0.0, 0.0]]))),
        ("reward", [10**400, 1, 1]),
    ],
)
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ProblemError, match=f"^{name} (is not made of numbers|has shape)"):
        problem_with(**{name: value})


def test_a_masked_entry_is_no_number() -> None:
    rewards = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    with pytest.raises(ParameterError, match="reward of option 'a2' is nan"):
        problem_with(reward=rewards)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("option_names", ["a", "b", "a"], "option 'a' stands twice; names must differ"),
        ("resource_names", ["a", "a"], "resource 'a' stands twice; names must differ"),
        ("option_names", ["a", None, "c"], "option_names: the label at position 1 is missing"),
        ("agent", ["ann", math.nan, "bob"], "agent: the label at position 1 is missing"),
        ("agent", ["ann", pd.NA, "bob"], "agent: the label at position 1 is missing"),
        ("agent", ["ann", pd.NaT, "bob"], "agent: the label at position 1 is missing"),
        ("group", [["red"], "blue"], "group: label ['red'] at position 0 cannot be hashed"),
    ],
)
def test_labels_that_cannot_be_are_named(name: str, labels: list[Any], expected: str) -> None:
    with pytest.raises(ParameterError) as caught:
        problem_with(**{name: labels})
    assert expected in str(caught.value)


def test_lower_above_upper_is_named() -> None:
    with pytest.raises(ParameterError, match=r"lower of option 'a2' is 0.5, above its upper 0.25"):
        problem_with(lower=[0.0, 0.5, 0.0], upper=[1.0, 0.25, 1.0])


def test_a_minimum_above_the_limit_is_named() -> None:
    with pytest.raises(ParameterError, match=r"of agent 'ann' is 2.0, above its agent_limit 1.0"):
        problem_with(agent_minimum=[2.0, 0.0])


def test_an_option_that_nothing_limits_is_named() -> None:
    unlimited = {"upper": math.inf, "budget": [6.0, math.inf], "agent_limit": math.inf}
    with pytest.raises(ProblemError, match="option 'a2' has no upper bound and uses no limited"):
        problem_with(**unlimited)
    problem_with(**(unlimited | {"agent_limit": [1.0, math.inf]}))
    problem_with(**(unlimited | {"upper": [math.inf, 5.0, math.inf]}))


@pytest.mark.parametrize("integer", ["yes", [0, 1, 2], [0.0, math.nan, 1.0], None])
def test_a_mask_must_hold_truth_values(integer: Any) -> None:
    with pytest.raises(ParameterError, match="integer is not made of truth values"):
        problem_with(integer=integer)


@pytest.mark.parametrize("integer", [True, [True, True, True], [1, 1, 1], np.ones(3)])
def test_a_mask_may_be_written_in_many_ways(integer: Any) -> None:
    assert problem_with(integer=integer).integer.tolist() == [True, True, True]


def test_an_unknown_group_utility_is_refused() -> None:
    with pytest.raises(ParameterError, match="group_utility is 'median', expected 'mean' or 'sum'"):
        problem_with(group_utility="median")


def test_what_comes_later_says_so() -> None:
    with pytest.raises(ProblemError, match="from_network is not supported yet"):
        AllocationProblem.from_network(None, None)


def test_every_error_is_of_one_kind() -> None:
    for kind in (ShapeError, ParameterError):
        assert issubclass(kind, ProblemError)
    assert issubclass(ProblemError, LibrexError)
    assert issubclass(ProblemError, ValueError)


# Copies.


def test_arrays_are_copied_and_read_only() -> None:
    requests, budget, reward = np.array(REQUESTS), np.array([6.0, 7.0]), np.array([1.0, 2.0, 3.0])
    problem = problem_with(requests=requests, budget=budget, reward=reward)
    for array in (requests, budget, reward):
        array[:] = 99.0
    assert problem == problem_with()
    for name in ("requests", "budget", "reward", "lower", "upper", "integer", "agent_limit"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(problem, name)[0] = 0.0


def test_sparse_requests_are_copied_and_read_only() -> None:
    requests = sparse.csr_array(np.array(REQUESTS))
    problem = problem_with(requests=requests)
    requests.data[:] = 99.0
    assert problem == problem_with()
    assert isinstance(problem.requests, sparse.csr_array)
    with pytest.raises(ValueError, match="read-only"):
        problem.requests.data[0] = 0.0


def test_attributes_cannot_be_set_or_deleted() -> None:
    problem = problem_with()
    with pytest.raises(AttributeError, match=r"frozen; problem.replace\(budget=...\)"):
        problem.budget = np.zeros(2)
    with pytest.raises(AttributeError, match="frozen"):
        del problem.budget
    with pytest.raises(TypeError):
        hash(problem)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_a_pickled_problem_is_equal_and_read_only(is_sparse: bool) -> None:
    requests = sparse.csr_array(np.array(REQUESTS)) if is_sparse else REQUESTS
    problem = problem_with(requests=requests)
    assert problem.usage.shape == (2, 3)
    assert len(problem.grouping("groups")) == 2
    again = pickle.loads(pickle.dumps(problem))
    assert again == problem
    for array in (again.budget, again.requests.data if is_sparse else again.requests):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    assert again.replace(upper=2.0) == problem.replace(upper=2.0)


def test_copies_are_the_problem_itself() -> None:
    problem = problem_with()
    assert copy.copy(problem) is problem
    assert copy.deepcopy(problem) is problem


# Equality, printing, sparse requests.


@pytest.mark.parametrize(
    "changes",
    [
        {"requests": [[2.0, 1.0], [0.0, 3.0], [4.0, 5.5]]},
        {"budget": [6.0, 7.5]},
        {"reward": [1.0, 2.0, 3.5]},
        {"reward": None},
        {"agent": ["ann", "bob", "bob"]},
        {"group": ["red", "red"]},
        {"weight": [1.0, 2.0]},
        {"history": [1.0, 2.0]},
        {"agent_weight": [1.0, 2.0]},
        {"agent_history": [1.0, 2.0]},
        {"lower": 0.5},
        {"upper": 0.5},
        {"agent_limit": 1.0},
        {"agent_minimum": 0.5},
        {"integer": True},
        {"group_utility": "sum"},
        {"option_names": ["a", "b", "c"]},
        {"resource_names": ["a", "b"]},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_problems_that_differ_are_not_equal(changes: dict[str, Any]) -> None:
    assert problem_with(**changes) != problem_with()
    assert problem_with(**changes) == problem_with(**changes)


def test_a_problem_of_another_size_is_not_equal() -> None:
    assert AllocationProblem([[1.0]], [1.0]) != AllocationProblem([[1.0], [1.0]], [1.0])
    assert AllocationProblem([[1.0]], [1.0]) != "problem"


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok"])
def test_sparse_and_dense_requests_are_equal(kind: str) -> None:
    dense_matrix = np.array(REQUESTS)
    for matrix in (sparse.coo_array(dense_matrix), sparse.coo_matrix(dense_matrix)):
        problem = problem_with(requests=matrix.asformat(kind))  # type: ignore[call-overload]
        assert problem == problem_with()
        assert problem.usage.toarray().T.tolist() == REQUESTS


@pytest.mark.parametrize(
    "labels", [[3, 1, 3], [True, False, True], ["eve", "ann", "eve"], [0.5, 2.5, 0.5]]
)
def test_labels_of_an_array_are_those_of_its_list(labels: list[Any]) -> None:
    problems = [
        AllocationProblem(np.ones((3, 1)), [1.0], np.ones(3), agent=agent)
        for agent in (labels, np.array(labels))
    ]
    assert [(one.agents, [type(agent) for agent in one.agents]) for one in problems] == 2 * [
        (labels[:2], [type(labels[0])] * 2)
    ]
    assert all(one.agent_of_option.tolist() == [0, 1, 0] for one in problems)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ma.masked_array([3, 1, 3], [False, True, False]), "position 1 is missing"),
        (np.array([3.0, np.nan, 3.0]), "position 1 is missing"),
        (np.array(["eve", None, "eve"], dtype=object), "position 1 is missing"),
        (np.array([[3], [1], [3]]), r"label \[3\] at position 0 cannot be hashed"),
    ],
    ids=["masked", "not a number", "none", "two axes"],
)
def test_arrays_that_are_no_labels_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        AllocationProblem(np.ones((3, 1)), [1.0], np.ones(3), agent=labels)


def test_entries_of_a_sparse_array_that_stand_twice_are_added() -> None:
    entries = ([1.0, 1.0, 1.0, 3.0, 4.0, 5.0], ([0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 0, 1]))
    assert dense(problem_with(requests=sparse.coo_array(entries, shape=(3, 2)))) == REQUESTS


def test_usage_holds_no_zeros() -> None:
    assert problem_with().usage.nnz == 5


def test_repr_is_one_line_and_print_shows_the_resources() -> None:
    problem = problem_with()
    assert repr(problem) == (
        "AllocationProblem(n_options=3, n_agents=2, n_groups=2, n_resources=2)"
    )
    assert str(problem).splitlines() == [
        "3 options of 2 agents in 2 groups, 2 resources, fractional decisions",
        "  resource gpu: budget 6, requested 6",
        "  resource memory: budget 7, requested 9",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"integer": True}, "whole decisions"),
        ({"integer": [True, False, False]}, "1 of the decisions whole"),
        ({"reward": None}, "rewards not yet known"),
        ({"budget": [math.inf, 7.0]}, "resource gpu: budget inf"),
    ],
)
def test_print_says_what_is_special(changes: dict[str, Any], expected: str) -> None:
    assert expected in str(problem_with(**changes))


# Replacing.


def test_replace_changes_one_thing_and_keeps_the_problem() -> None:
    problem = problem_with()
    assert problem.replace(budget={"memory": 1.0, "gpu": 2.0}) == problem_with(budget=[2.0, 1.0])
    assert problem == problem_with()
    assert problem.replace() == problem


def test_replace_computes_a_limit_anew_that_was_not_given() -> None:
    assert problem_with().replace(upper=2.0).agent_limit.tolist() == [math.inf, math.inf]
    given = problem_with(agent_limit=[1.0, 5.0])
    assert given.replace(upper=2.0).agent_limit.tolist() == [1.0, 5.0]


def test_replace_keeps_what_belongs_to_an_agent_with_the_agent() -> None:
    by_agent = {
        "agent_limit": {"ann": 3.0, "bob": 4.0},
        "agent_minimum": {"ann": 0.3, "bob": 0.4},
        "agent_weight": {"ann": 5.0, "bob": 6.0},
        "agent_history": {"ann": 7.0, "bob": 8.0},
    }
    agent = ["bob", "ann", "ann"]
    found = problem_with(**by_agent).replace(agent=agent)
    assert found == problem_with(agent=agent, group={"ann": "red", "bob": "blue"}, **by_agent)
    assert found.agents == ["bob", "ann"]


def test_replace_keeps_what_belongs_to_a_group_with_the_group() -> None:
    by_group = {"weight": {"red": 2.0, "blue": 3.0}, "history": {"red": 4.0, "blue": 5.0}}
    found = problem_with(**by_group).replace(group=["blue", "red"])
    assert found == problem_with(group=["blue", "red"], **by_group)
    assert found.weight.tolist() == [3.0, 2.0]


def test_replace_refuses_to_guess_for_new_agents_and_groups() -> None:
    with pytest.raises(ParameterError, match="group names agent 'bob', which the problem does not"):
        problem_with().replace(agent=["ann", "ann", "eve"])
    with pytest.raises(ParameterError, match="weight names group 'blue'"):
        problem_with(weight=[1.0, 2.0]).replace(group=["red", "green"])


def test_replace_gives_new_agents_the_defaults() -> None:
    problem = problem_with(group=None).replace(agent=["eve", "eve", "kim"])
    assert problem.groups == ["eve", "kim"]
    assert problem.agent_limit.tolist() == [1.0, math.inf]


def test_replace_checks_again() -> None:
    with pytest.raises(ParameterError, match=r"budget of resource 'gpu' is -1.0"):
        problem_with().replace(budget=[-1.0, 1.0])
    with pytest.raises(ParameterError, match=r"replace takes the arguments of .*, not 'budgets'"):
        problem_with().replace(budgets=[1.0, 1.0])


WRITTEN: dict[str, dict[str, Any]] = {
    "reward and budget": {"reward": {"b1": 6.0, "a1": 4.0, "a2": 5.0}, "budget": [1.0, 2.0]},
    "bounds": {"lower": 0.25, "upper": [0.5, 1.0, 0.75]},
    "upper alone": {"upper": {"a1": 0.5, "a2": 0.25, "b1": 0.75}},
    "requests": {"requests": [[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]]},
    "sparse requests": {"requests": sparse.csr_array(np.eye(3, 2))},
    "groups": {"weight": [2.0, 3.0], "history": [0.5, 0.0]},
    "agents": {"agent_weight": [2.0, 3.0], "agent_history": [0.5, 0.0]},
    "limits": {"agent_limit": [2.0, 1.0], "agent_minimum": 0.5},
}


@pytest.mark.parametrize("changes", WRITTEN.values(), ids=WRITTEN)
def test_with_values_is_replace_for_what_a_session_writes(changes: dict[str, Any]) -> None:
    problem = problem_with()
    assert len(problem.grouping("groups")) == 2
    assert problem.usage.nnz
    written = problem.with_values(**changes)
    # The default limit of agents is fixed at construction; replace makes it anew.
    expected = problem.replace(**({"agent_limit": problem.agent_limit} | changes))
    assert written == expected
    assert np.array_equal(written.usage.toarray(), expected.usage.toarray())
    for over in ("groups", "agents"):
        if over == "agents" and written.history.any():
            continue
        ours, theirs = written.grouping(over), expected.grouping(over)
        assert ours.weight.tolist() == theirs.weight.tolist()
        assert ours.history.tolist() == theirs.history.tolist()
    assert problem == problem_with()
    with pytest.raises(ValueError, match="read-only"):
        written.lower[0] = 9.0


@pytest.mark.parametrize("changes", WRITTEN.values(), ids=WRITTEN)
def test_what_is_made_once_is_made_anew_for_all_but_rewards(changes: dict[str, Any]) -> None:
    problem = problem_with()
    first = problem.once("total", problem.budget.sum)
    written = problem.with_values(**changes)
    again = written.once("total", lambda: "made anew")
    assert again == (first if changes.keys() == {"reward"} else "made anew")
    assert problem.once("total", lambda: "made anew") == first


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"reward": [1.0, math.nan, 3.0]}, "reward of option 'a2' is nan"),
        ({"budget": [1.0, -2.0]}, "budget of resource 'memory' is -2.0"),
        ({"weight": [1.0, 0.0]}, "weight of group 'blue' is 0.0"),
        ({"lower": 2.0}, "lower of option 'a1' is 2.0, above its upper"),
        ({"upper": np.inf, "budget": np.full(2, np.inf)}, "no upper bound"),
        ({"agent_minimum": 5.0}, "agent_minimum of agent 'ann' is 5.0, above its agent_limit"),
        ({"requests": [[1.0, 2.0]]}, r"requests has shape \(1, 2\), expected \(3, 2\)"),
        ({"requests": -np.ones((3, 2))}, "requests of option 'a1' for resource 'gpu' is -1.0"),
        ({"colour": [1.0]}, "'colour' cannot be written into a session; reward, budget, "),
    ],
)
def test_with_values_checks(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(ProblemError, match=expected):
        problem_with().with_values(**values)


# Groupings.


def test_utilities_of_groups_are_means_or_sums() -> None:
    arguments: dict[str, Any] = {"group": ["all", "all"], "history": [10.0]}
    decision, reward = np.array([1.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0])
    mean = problem_with(**arguments).grouping("groups")
    assert mean.utility(reward, decision).tolist() == [13.0]
    total = problem_with(**arguments, group_utility="sum").grouping("groups")
    assert total.utility(reward, decision).tolist() == [16.0]


def test_utilities_of_agents_use_their_own_weight_and_history() -> None:
    problem = problem_with(agent_weight=[2.0, 3.0], agent_history=[10.0, 20.0])
    grouping = problem.grouping("agents")
    assert grouping.weight.tolist() == [2.0, 3.0]
    assert grouping.utility(np.array([1.0, 2.0, 3.0]), np.ones(3)).tolist() == [13.0, 23.0]


def test_a_history_of_groups_has_no_meaning_over_agents() -> None:
    with pytest.raises(ParameterError, match=r"history of group 'blue' is 5.0.*agent_history"):
        problem_with(history=[0.0, 5.0]).grouping("agents")
