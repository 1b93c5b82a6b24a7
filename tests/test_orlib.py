"""Multi-dimensional knapsacks of the OR-Library: the real files, and files damaged by hand."""

from pathlib import Path

import numpy as np
import pytest

from librex_models.errors import FileError
from librex_models.problem.files import read_problem
from librex_models.problem.orlib import read_knapsacks

ONE = "3 2 11\n5 6 7\n1 2 3\n4 0 6\n4 9\n"
TWO = f"2\n{ONE}1 1 0\n8.5\n2\n1\n"


def written(folder: Path, text: str, name: str = "knapsacks.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def message_of(folder: Path, text: str) -> str:
    with pytest.raises(FileError) as caught:
        read_knapsacks(written(folder, text))
    message = str(caught.value)
    assert "knapsacks.txt" in message
    return message


def test_mknap1_has_the_sizes_and_optima_that_it_states(shared_data: Path) -> None:
    knapsacks = read_knapsacks(shared_data / "knapsack_orlib" / "mknap1.txt")
    found = [(k.problem.n_options, k.problem.n_resources, k.optimum) for k in knapsacks]
    assert found == [
        (6, 10, 3800.0),
        (10, 10, 8706.1),
        (15, 10, 4015.0),
        (20, 10, 6120.0),
        (28, 10, 12400.0),
        (39, 5, 10618.0),
        (50, 5, 16537.0),
    ]


def test_the_first_problem_of_mknap1_has_its_optimum_by_enumeration(shared_data: Path) -> None:
    knapsack = read_knapsacks(shared_data / "knapsack_orlib" / "mknap1.txt")[0]
    problem = knapsack.problem
    assert problem.reward is not None
    decisions = (np.arange(2**6)[:, np.newaxis] >> np.arange(6)) & 1
    fits = (decisions @ problem.requests <= problem.budget).all(axis=1)
    assert (decisions[fits] @ problem.reward).max() == knapsack.optimum


def test_mknapcb1_holds_thirty_problems_without_optima(shared_data: Path) -> None:
    knapsacks = read_knapsacks(shared_data / "knapsack_orlib" / "mknapcb1.txt")
    assert len(knapsacks) == 30
    assert {(k.problem.n_options, k.problem.n_resources) for k in knapsacks} == {(100, 5)}
    assert {k.optimum for k in knapsacks} == {None}


@pytest.mark.parametrize(
    ("name", "n_options", "n_resources", "optimum", "last_capacity"),
    [
        ("hp1", 28, 4, 3418, 180),
        ("pb2", 34, 4, 3186, 168),
        ("pet2", 10, 10, 87061, 480),
        ("sento1", 60, 30, 7772, 4000),
        ("weing1", 28, 2, 141278, 600),
        ("weing7", 105, 2, 1095445, 3000),
        ("weish01", 30, 5, 4554, 600),
        ("weish30", 90, 5, 11191, 3600),
    ],
)
def test_mknap2_files_hold_one_problem_each(
    shared_data: Path,
    name: str,
    n_options: int,
    n_resources: int,
    optimum: float,
    last_capacity: float,
) -> None:
    [knapsack] = read_knapsacks(shared_data / "knapsack_orlib" / "mknap2" / f"{name}.dat")
    assert knapsack.problem.requests.shape == (n_options, n_resources)
    assert knapsack.problem.budget[-1] == last_capacity
    assert knapsack.optimum == optimum


def test_a_list_of_results_is_refused(shared_data: Path) -> None:
    with pytest.raises(FileError, match=r"mkcbres\.txt, line 1: found 'The', expected a number"):
        read_knapsacks(shared_data / "knapsack_orlib" / "mkcbres.txt")


def test_numbers_reach_their_places(tmp_path: Path) -> None:
    first, second = read_knapsacks(written(tmp_path, TWO))
    problem = first.problem
    assert problem.reward is not None
    assert second.problem.reward is not None
    assert problem.reward.tolist() == [5.0, 6.0, 7.0]
    assert np.asarray(problem.requests).tolist() == [[1.0, 4.0], [2.0, 0.0], [3.0, 6.0]]
    assert problem.budget.tolist() == [4.0, 9.0]
    assert list(problem.options) == ["item_1", "item_2", "item_3"]
    assert list(problem.agents) == list(problem.options)
    assert list(problem.resources) == ["knapsack_1", "knapsack_2"]
    assert problem.integer.all()
    assert (problem.upper == 1.0).all()
    assert np.isinf(problem.agent_limit).all()
    assert (first.optimum, second.optimum) == (11.0, None)
    assert second.problem.reward.tolist() == [8.5]


@pytest.mark.parametrize("between", [" ", "\n", "\r\n", "\t \n\n"])
def test_line_breaks_of_a_collection_may_stand_anywhere(tmp_path: Path, between: str) -> None:
    knapsacks = read_knapsacks(written(tmp_path, between.join(TWO.split())))
    assert knapsacks == read_knapsacks(written(tmp_path, TWO))


def test_a_single_problem_may_stand_in_one_line(tmp_path: Path) -> None:
    assert read_knapsacks(written(tmp_path, " ".join(ONE.split())))[0].optimum == 11.0


def test_a_single_problem_may_leave_its_optimum_out(tmp_path: Path) -> None:
    [with_optimum] = read_knapsacks(written(tmp_path, ONE))
    [without] = read_knapsacks(written(tmp_path, ONE.replace("3 2 11", "3 2")))
    assert without.optimum is None
    assert without.problem == with_optimum.problem


def test_an_optimum_elsewhere_is_refused_and_not_guessed(tmp_path: Path) -> None:
    text = ONE.replace("3 2 11", "3 2") + "11\n"
    message = message_of(tmp_path, text)
    assert "line 6: 1 number too many" in message
    assert "an optimum stands after the sizes" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        (ONE.replace("7", "seven"), "line 2: found 'seven', expected a number"),
        (ONE.replace("7", "1_0"), "line 2: found '1_0'"),
        (ONE.replace("7", "nan"), "line 2: found 'nan'"),
        (ONE.replace("7", "inf"), "line 2: found 'inf'"),
        (ONE.replace("7", "1e999"), "line 2: found '1e999'"),
        (ONE.removesuffix("4 9\n"), "line 4: the file ends after 0 of 2 numbers (capacities)"),
        (ONE.removesuffix(" 9\n"), "line 5: the file ends after 1 of 2 numbers (capacities)"),
        (ONE + "\n77 78\n", "line 7: 2 numbers too many for the sizes in the file, from 77 on"),
        (ONE.replace("3 2", "2.5 2"), "line 1: number of items is 2.5, expected a whole number"),
        (ONE.replace("3 2", "3 0"), "line 1: number of knapsacks is 0"),
        (ONE.replace("3 2", "-3 2"), "line 1: number of items is -3"),
        (TWO.replace("2\n", "3\n", 1), "line 10: the file ends after 0 of 1 numbers"),
        (TWO.replace("2\n", "1\n", 1), "line 7: 6 numbers too many"),
        (TWO.removesuffix("1\n"), "line 9: the file ends after 0 of 1 numbers (capacities)"),
        (TWO + "4", "line 11: 1 number too many"),
        ("7", "line 1: the file ends after 0 of 1 numbers (number of items)"),
        (TWO.replace("4 0 6", "4 -1 6"), "from line 2 on: requests of option 'item_2'"),
        (TWO.replace("4 9", "4 -9"), "from line 2 on: budget of resource 'knapsack_2' is -9"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in message_of(tmp_path, text)


@pytest.mark.parametrize("instance", [0, 1])
def test_read_problem_takes_the_instance_that_is_asked_for(tmp_path: Path, instance: int) -> None:
    path = written(tmp_path, TWO)
    assert read_problem(path, instance=instance) == read_knapsacks(path)[instance].problem


@pytest.mark.parametrize("name", ["one.txt", "one.dat", "ONE.TXT"])
def test_read_problem_needs_no_instance_for_a_single_problem(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, ONE, name)
    assert read_problem(str(path)).n_options == 3


def test_read_problem_asks_which_of_several(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"holds 2 problems; say which by instance=0 to instance=1"):
        read_problem(written(tmp_path, TWO))


@pytest.mark.parametrize("instance", [-1, 2])
def test_read_problem_refuses_an_instance_that_is_not_there(tmp_path: Path, instance: int) -> None:
    with pytest.raises(FileError, match=f"holds 2 problems.* there is no instance={instance}"):
        read_problem(written(tmp_path, TWO), instance=instance)
