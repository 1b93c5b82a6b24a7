"""Problems written to a file and read back: equal bit for bit, or refused by name, never half."""

import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from librex_models import AllocationProblem, BudgetOnly, read_problem, write_problem
from librex_models.errors import FileError, ParameterError
from librex_models.problem.problem_text import problem_text
from tests.random_examples import examples
from tests.random_problems import random_problem

REPOSITORY = Path(__file__).resolve().parent.parent

NUMBERS = (
    "budget",
    "reward",
    "lower",
    "upper",
    "integer",
    "agent_of_option",
    "group_of_agent",
    "weight",
    "history",
    "agent_weight",
    "agent_history",
    "agent_limit",
    "agent_minimum",
)
PIECES = (
    *("a", "é", "🎉", " ", "\t", "\n", "\r", "\r\n", "\x00", "\x7f", "\x85", "\u2028", "\ufeff"),
    *('"', '""', '"""', "'", "'''", ",", ";", "\\", "\\n", "#", "=", "[", "]", "[x]", "."),
    *("1", "-0", "true", "inf", "nan", "1e5", ""),
)


def bits(problem: AllocationProblem) -> dict[str, Any]:
    """Return all that a problem is, every double by its bits, every label with its type."""
    requests = problem.requests
    dense = requests if isinstance(requests, np.ndarray) else requests.toarray()
    found: dict[str, Any] = {"requests": (dense.shape, dense.tobytes())}
    for name in NUMBERS:
        numbers = getattr(problem, name)
        found[name] = None if numbers is None else numbers.tobytes()
    for name in ("options", "agents", "groups", "resources"):
        found[name] = [(type(label), label) for label in getattr(problem, name)]
    return found | {
        "group_utility": problem.group_utility,
        # Whether another upper bound changes the limits of agents.
        "limits_are_given": problem.limits_are_given,
    }


def read_back(problem: AllocationProblem, folder: Path) -> AllocationProblem:
    write_problem(problem, folder / "problem.toml")
    return read_problem(folder / "problem.toml")


def assert_same(problem: AllocationProblem, folder: Path) -> None:
    found = read_back(problem, folder)
    assert bits(found) == bits(problem), (folder / "problem.toml").read_text(encoding="utf-8")
    assert found == problem


def problem(**changes: Any) -> AllocationProblem:
    arguments: dict[str, Any] = {
        "requests": [[2.0, 0.1], [1.0, 0.0], [0.3, 7.0]],
        "budget": {"gpu": 2.5, "memory": 20.0},
        "reward": [3.0, -2.5, 0.1],
        "agent": ["ann", "bob", "ann"],
    }
    return AllocationProblem(**(arguments | changes))


# Equal.


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"requests": [[0.1 + 0.2, 1e-300], [5e-324, 1e100], [1 / 3, 123456789012345.0]]},
        {"requests": [[-0.0, 1e15], [1e16, 2**53 + 2.0], [1e22, 1e23]]},
        {"requests": sparse.csr_array([[2.0, 0.0], [0.0, 0.0], [0.0, 1.5]])},
        {"budget": {"gpu": np.inf, "memory": -0.0}},
        {"budget": {"gpu": 0.1 + 0.2, "memory": np.inf}},
        {"reward": None},
        {"reward": [-0.0, 0.0, 1e-17]},
        {"option_names": ["small", "one", "large"]},
        {"option_names": [7, -3, 0]},
        {"option_names": [1, 2, 3]},
        {"option_names": [0, 1, 2]},
        {"agent": None},
        {"agent": None, "option_names": ["x", "y", "z"]},
        {"agent": [1, 0, 1]},
        {"agent": ["1", "0", "1"]},
        {"group": ["red", "blue"]},
        {"group": ["red", "red"]},
        {"group": ["bob", "ann"]},
        {"group": [10**18 - 1, 1 - 10**18]},
        {"group": {"ann": "g", "bob": "g"}, "weight": [0.5], "history": [2.0]},
        {"weight": [0.1, 3.0], "history": [0.0, 1e-9]},
        {"agent_weight": [2.0, 1.0], "agent_history": [0.0, 4.0]},
        {"history": [-0.0, 0.0]},
        {"lower": 0.25, "upper": 0.75},
        {"lower": [0.0, 0.5, 0.0], "upper": [np.inf, 0.5, 2.0]},
        {"upper": np.inf},
        {"upper": np.inf, "agent_limit": 2.0},
        {"lower": -0.0},
        {"agent_limit": 1.0},
        {"agent_limit": np.inf},
        {"agent_limit": [np.inf, 2.5]},
        {"agent_limit": 2.0, "agent_minimum": 2.0},
        {"agent_minimum": {"ann": 0.5, "bob": 0.1}},
        {"integer": True},
        {"integer": [True, False, True]},
        {"group_utility": "sum"},
        {"budget": [1.0, 2.0]},
        {"budget": [1.0, 2.0], "resource_names": [5, 4]},
        {"budget": [1.0, 2.0], "resource_names": ["true", "7"]},
    ],
    ids=str,
)
def test_what_is_written_is_read_bit_for_bit(changes: dict[str, Any], tmp_path: Path) -> None:
    assert_same(problem(**changes), tmp_path)


@pytest.mark.parametrize(
    "label",
    [
        "",
        " ",
        " ann",
        "ann ",
        "\tann\n",
        "\u2028ann",
        "a,b",
        'a "b"',
        '"',
        '""',
        '"""',
        "'''",
        "'''\"\"\"",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\n",
        "a\\nb",
        "\\",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\ufeffann",
        "Größe 🎉",
        "007",
        "-7",
        "1e5",
        "inf",
        "nan",
        "true",
        "false",
        "agent",
        "reward",
        "#",
        "[agents]",
        "a.b",
        "a = 1",
        "x" * 300,
        "é" * 100_000,
    ],
    ids=lambda label: repr(label)[:20],
)
def test_a_label_may_hold_anything(label: str, tmp_path: Path) -> None:
    asked = problem(
        agent=[label, "bob", label],
        group=[label, "blue"],
        option_names=["one", label, "three"],
        weight={label: 2.0, "blue": 3.0},
        agent_limit={label: 1.5, "bob": np.inf},
        agent_history={label: 0.0, "bob": 0.5},
    )
    assert_same(asked, tmp_path)
    if label not in ("", "agent", "reward"):
        assert_same(problem(budget={label: 1.0, "other": 2.0}), tmp_path)


def hostile(random_choice: random.Random, size: int, may_be_empty: bool) -> list[str]:
    labels: dict[str, None] = {}
    while len(labels) < size:
        count = random_choice.randint(0 if may_be_empty else 1, 6)
        label = "".join(random_choice.choice(PIECES) for _ in range(count))
        if label or may_be_empty:
            labels[label] = None
    return list(labels)


def test_random_problems_with_hostile_labels_are_read_bit_for_bit(tmp_path: Path) -> None:
    for seed in range(examples(5000)):
        drawn = random_problem(np.random.default_rng(seed), names="positions")
        choice = random.Random(seed)
        options, agents, groups = (
            hostile(choice, size, True)
            for size in (drawn.n_options, drawn.n_agents, drawn.n_groups)
        )
        named = drawn.replace(
            option_names=options,
            agent=[agents[i] for i in drawn.agent_of_option],
            group=[groups[g] for g in drawn.group_of_agent],
            resource_names=hostile(choice, drawn.n_resources, False),
            weight=drawn.weight,
            history=drawn.history,
            agent_weight=drawn.agent_weight,
            agent_limit=drawn.agent_limit if drawn.limits_are_given else None,
            agent_minimum=drawn.agent_minimum,
        )
        for asked in (drawn, named):
            assert bits(read_back(asked, tmp_path)) == bits(asked), seed


def test_the_answer_is_the_same_to_the_last_bit(tmp_path: Path) -> None:
    for seed in range(examples(500)):
        asked = random_problem(np.random.default_rng(seed), names="strings", fairness=True)
        first = BudgetOnly(asked).solve("highs")
        assert BudgetOnly(read_back(asked, tmp_path)).solve("highs") == first, seed


def test_writing_what_was_read_changes_nothing(tmp_path: Path) -> None:
    asked = read_problem(REPOSITORY / "docs" / "examples" / "cluster.toml")
    write_problem(asked, tmp_path / "one.toml")
    write_problem(read_problem(tmp_path / "one.toml"), tmp_path / "two.toml")
    assert (tmp_path / "one.toml").read_bytes() == (tmp_path / "two.toml").read_bytes()
    assert bits(read_problem(tmp_path / "two.toml")) == bits(asked)


def test_numbers_are_written_in_the_shortest_digits() -> None:
    text = problem_text(problem(reward=[0.1, 3.0, 1e100], budget={"gpu": 1 / 3, "memory": 20.0}))
    assert "gpu = 0.3333333333333333\n" in text
    assert "memory = 20\n" in text
    assert [
        line.split(",")[1] for line in text.splitlines() if line.startswith(("ann,", "bob,"))
    ] == [
        "0.1",
        "3",
        "1e+100",
    ]


def test_a_plain_problem_is_written_as_one_would_write_it() -> None:
    assert problem_text(problem(integer=True, group_utility="sum")) == (
        "[resources]\ngpu = 2.5\nmemory = 20\n\n"
        "[options]\ncsv = '''\nagent,reward,gpu,memory\n"
        "ann,3,2,0.1\nbob,-2.5,1,0\nann,0.1,0.3,7\n'''\n\n"
        '[groups]\nutility = "sum"\n\n'
        "[decision]\ninteger = true\n"
    )


# Refused by name.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agent": [("a", 1), "b", "c"]}, "agent ('a', 1) is of type tuple"),
        ({"agent": ["a", 1, "c"]}, "agent 1 is of type int"),
        ({"agent": [1.5, 2.5, 1.5]}, "agent 1.5 is of type float"),
        ({"agent": [True, False, True]}, "agent True is of type bool"),
        ({"group": [b"x", b"y"]}, "group b'x' is of type bytes"),
        ({"option_names": ["a", "b", None.__class__]}, "option <class 'NoneType'> is of type type"),
        ({"budget": {"gpu": 1.0, ("m", 1): 2.0}}, "resource ('m', 1) is of type tuple"),
        ({"agent": [10**18, 1, 2]}, "agent 1000000000000000000 has more than 18 digits"),
        ({"agent": ["a\ud800", "b", "c"]}, "agent 'a\\ud800' holds half of a surrogate pair"),
        ({"agent": ["x" * 100_001, "b", "c"]}, "has 100,001 letters"),
        ({"budget": {"gpu": 1.0, "reward": 2.0}}, "resources: 'reward' is a column of its own"),
        ({"budget": {"gpu": 1.0, "": 2.0}}, "resources: '' is empty"),
        ({"requests": np.zeros((3, 0)), "budget": []}, "resources: there are none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_file_cannot_hold_is_named_and_nothing_is_written(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError) as caught:
        write_problem(problem(**changes), tmp_path / "problem.toml")
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_no_problem(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="takes an AllocationProblem, not a BudgetOnly"):
        write_problem(BudgetOnly(problem()), tmp_path / "problem.toml")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("problem.csv", "the suffix is '.csv', expected .toml"),
        ("problem", "the suffix is '', expected .toml"),
        ("nowhere/problem.toml", "cannot be written: No such file or directory"),
        ("a\0b.toml", "cannot be written: embedded null byte"),
        ("folder.toml", "cannot be written: it is no ordinary file"),
    ],
)
def test_a_path_that_cannot_be_written_is_named(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(FileError) as caught:
        write_problem(problem(), tmp_path / name)
    assert words in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.toml"]


# Whole, or as it was.


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    write_problem(problem(), path)
    before = path.read_bytes()
    large = AllocationProblem(np.ones((20_000, 2)), [1.0, 2.0], np.ones(20_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(FileError, match=r"problem\.toml: cannot be written: File too"):
            write_problem(large, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["problem.toml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    write_problem(problem(), path)
    before = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileError, match="cannot be written: Permission denied"):
            write_problem(problem(integer=True), path)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before


WRITE_FOREVER = """
import sys
import numpy as np
from librex_models import AllocationProblem, write_problem
problems = [AllocationProblem(np.full((n, 2), n), [n, n], np.full(n, n)) for n in (500, 900)]
for count in range(10**9):
    write_problem(problems[count % 2], sys.argv[1])
    print(count, flush=True)
"""


def test_a_killed_write_leaves_one_problem_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "problem.toml"
    for attempt in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOREVER, path], stdout=subprocess.PIPE, cwd=REPOSITORY
        )
        assert writer.stdout is not None
        for _ in itertools.islice(writer.stdout, 2):
            pass
        # Somewhere in a later write.
        time.sleep(0.01 + 0.007 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        found = read_problem(path)
        n_options = found.n_options
        assert n_options in (500, 900)
        assert found.reward is not None
        assert (found.reward == n_options).all()
        assert (np.asarray(found.requests) == n_options).all()
        assert found.budget.tolist() == [n_options, n_options]
