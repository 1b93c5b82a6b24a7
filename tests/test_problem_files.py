"""Problem files and their tables: what they mean, and that what is wrong in them is named."""

import io
import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest

from librex_models.configuration import Configuration, read_configuration
from librex_models.errors import FileError
from librex_models.problem import AllocationProblem
from librex_models.problem.files import read_problem

PROBLEM = """
[resources]
gpu = 64
memory = 512.5

[options]
table = "jobs.csv"
"""
FAIRNESS = '[fairness]\nmodel = "proportional"\n'
TABLE = """agent,reward,gpu,memory
ann,3,2,10
bob,2.5,1,0
"""
FULL = (
    PROBLEM
    + """
[agents]
limit = { ann = 2, bob = 1.5 }
minimum = 0.25
weight = { ann = 3, bob = 4 }
history = { ann = 0, bob = 5 }

[groups]
utility = "sum"
weight = { research = 1.0, production = 2.0 }
history = { production = 7, research = 6 }

[fairness]
model = "group_alpha_fair"
alpha = 2.0

[decision]
integer = true
lower = 0.125
upper = 2

[solver]
name = "highs"
fallback = ["gurobi", "cvxpy:CLARABEL"]
isolate = true
memory_limit_mb = 500
form = "pyomo"
route = "plain"
time_limit_seconds = 30
relative_gap = 1e-4
absolute_gap = 0.5
node_limit = 1000
threads = 2
seed = 7
[solver.native.highs]
presolve = "on"
mip_rel_gap = 0.1
"""
)
FULL_TABLE = """group,agent,memory,gpu,reward,option
research,ann,10,2,3,a
research,ann,11,3,4,b
production,bob,0,1,2.5,c
"""

Folder = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Folder:
    """Return a function that writes a problem file and its table and returns the file's path."""

    def write(problem: str = PROBLEM, table: str | bytes = TABLE) -> Path:
        content = table if isinstance(table, bytes) else table.encode()
        (tmp_path / "jobs.csv").write_bytes(content)
        (tmp_path / "problem.toml").write_text(problem, encoding="utf-8")
        return tmp_path / "problem.toml"

    return write


def message_of(read: Callable[[Any], object], source: object) -> str:
    with pytest.raises(FileError) as caught:
        read(source)
    return str(caught.value)


def requests_of(problem: AllocationProblem) -> list[list[float]]:
    assert isinstance(problem.requests, np.ndarray)
    rows: list[list[float]] = problem.requests.tolist()
    return rows


# What a file means.


def test_a_small_file_gives_its_problem(written: Folder) -> None:
    expected = AllocationProblem(
        [[2.0, 10.0], [1.0, 0.0]],
        {"gpu": 64.0, "memory": 512.5},
        reward=[3.0, 2.5],
        agent=["ann", "bob"],
    )
    assert read_problem(written()) == expected
    assert read_problem(str(written())) == expected


def test_every_key_reaches_the_problem(written: Folder) -> None:
    assert read_problem(written(FULL, FULL_TABLE)) == AllocationProblem(
        [[2.0, 10.0], [3.0, 11.0], [1.0, 0.0]],
        [64.0, 512.5],
        reward=[3.0, 4.0, 2.5],
        agent=["ann", "ann", "bob"],
        group=["research", "production"],
        weight=[1.0, 2.0],
        history=[6.0, 7.0],
        agent_weight=[3.0, 4.0],
        agent_history=[0.0, 5.0],
        lower=0.125,
        upper=2.0,
        agent_limit=[2.0, 1.5],
        agent_minimum=0.25,
        integer=True,
        group_utility="sum",
        option_names=["a", "b", "c"],
        resource_names=["gpu", "memory"],
    )


def test_every_setting_reaches_the_configuration(written: Folder) -> None:
    path = written(FULL, FULL_TABLE)
    found = read_configuration(path)
    assert found.name == str(path)
    assert found.problem == read_problem(path)
    assert found.fairness.model == "group_alpha_fair"
    assert found.fairness.arguments() == {"alpha": 2.0, "inner_alpha": 0.0}
    assert found.solver.model_dump() == {
        "name": "highs",
        "fallback": ["gurobi", "cvxpy:CLARABEL"],
        "isolate": True,
        "memory_limit_mb": 500.0,
        "form": "pyomo",
        "route": "plain",
        "time_limit_seconds": 30.0,
        "relative_gap": 1e-4,
        "absolute_gap": 0.5,
        "node_limit": 1000,
        "threads": 2,
        "seed": 7,
        "native": {"highs": {"presolve": "on", "mip_rel_gap": 0.1}},
    }


def test_settings_that_are_left_out_have_the_defaults_of_solve(written: Folder) -> None:
    assert read_configuration(written(PROBLEM + FAIRNESS)).solver.model_dump() == {
        "name": "auto",
        "fallback": [],
        "isolate": False,
        "memory_limit_mb": None,
        "form": "arrays",
        "route": "auto",
        "time_limit_seconds": None,
        "relative_gap": 1e-6,
        "absolute_gap": 0.0,
        "node_limit": None,
        "threads": 1,
        "seed": 0,
        "native": {},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('model = "budget_only"', {}),
        ('model = "proportional"', {"over": "groups"}),
        ('model = "proportional"\nover = "agents"', {"over": "agents"}),
        ('model = "max_min"', {"over": "groups", "lexicographic": True, "inner_alpha": 0.0}),
        (
            'model = "max_min"\nlexicographic = false\ninner_alpha = 2',
            {"over": "groups", "lexicographic": False, "inner_alpha": 2.0},
        ),
        ('model = "alpha_fair"\nalpha = 0', {"alpha": 0.0}),
        ('model = "alpha_fair"\nalpha = inf', {"alpha": math.inf}),
        ('model = "group_alpha_fair"\nalpha = 0.5', {"alpha": 0.5, "inner_alpha": 0.0}),
    ],
)
def test_a_model_gets_its_own_keywords(
    written: Folder, text: str, expected: dict[str, object]
) -> None:
    found = read_configuration(written(f"{PROBLEM}[fairness]\n{text}\n"))
    assert found.fairness.arguments() == expected


def test_read_problem_does_not_look_into_the_settings(written: Folder) -> None:
    settings = '[fairness]\nmodell = 1\n[solver]\nname = "x"\n[thompson]\nrounds = 200\n'
    assert read_problem(written(PROBLEM + settings)) == read_problem(written())


def test_a_configuration_is_frozen(written: Folder) -> None:
    found = read_configuration(written(PROBLEM + FAIRNESS))
    with pytest.raises(AttributeError):
        found.name = "other"  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        found.solver.threads = 2
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        found.fairness.alpha = 2.0


def test_columns_of_the_table_are_per_option(written: Folder) -> None:
    table = (
        "agent,reward,gpu,memory,lower,upper,integer\n"
        "ann,-3,2,10,0.5,2,true\nann,1e1,.5,1.,0,inf,0\nbob,+1,1,0,0,1,YES\n"
    )
    problem = read_problem(written(PROBLEM, table))
    assert problem.reward is not None
    assert problem.reward.tolist() == [-3.0, 10.0, 1.0]
    assert requests_of(problem) == [[2.0, 10.0], [0.5, 1.0], [1.0, 0.0]]
    assert problem.lower.tolist() == [0.5, 0.0, 0.0]
    assert problem.upper.tolist() == [2.0, math.inf, 1.0]
    assert problem.integer.tolist() == [True, False, True]


@pytest.mark.parametrize(("text", "expected"), [("no", False), ("False", False), ("1", True)])
def test_truth_values_have_several_spellings(written: Folder, text: str, expected: bool) -> None:
    table = f"agent,reward,gpu,memory,integer\nann,3,2,10,{text}\n"
    assert read_problem(written(PROBLEM, table)).integer.tolist() == [expected]


@pytest.mark.parametrize(
    "table",
    [
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.removesuffix("\n"),
        "\n" + TABLE.replace("\n", "\n\n"),
        TABLE + "   \n,,,\n",
        TABLE.replace(",", " , "),
        TABLE.replace("ann", '"ann"').replace("agent", '"agent"').replace("2.5", '"2.5"'),
        "\ufeff" + TABLE,
    ],
    ids=["crlf", "cr", "no last line end", "blank lines", "empty rows", "blanks", "quotes", "bom"],
)
def test_the_same_table_may_be_written_in_many_ways(written: Folder, table: str) -> None:
    assert read_problem(written(PROBLEM, table)) == read_problem(written())


def test_labels_may_hold_commas_line_breaks_and_any_letter(written: Folder) -> None:
    table = TABLE.replace("ann", '"Ann, ""the"" one"').replace("bob", '"Bø\u2028b\nB"')
    agents = list(read_problem(written(PROBLEM, table)).agents)
    assert agents == ['Ann, "the" one', "Bø\u2028b\nB"]


def test_labels_of_the_table_are_texts(written: Folder) -> None:
    table = TABLE.replace("ann", "7").replace("bob", "08")
    problem = read_problem(written(PROBLEM + "[agents]\nlimit = { 08 = 2, 7 = 1 }\n", table))
    assert problem.agents == ["7", "08"]
    assert problem.agent_limit.tolist() == [1.0, 2.0]


def test_columns_can_be_ignored(written: Folder) -> None:
    table = "agent,comment,reward,gpu,memory,group\nann,nothing,3,2,10,x\nbob,,2.5,1,0,\n"
    problem = PROBLEM + 'ignore = ["comment", "group"]\n'
    assert read_problem(written(problem, table)) == read_problem(written())


def test_a_table_may_stand_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "jobs.csv").write_text(TABLE)
    path = tmp_path / "problem.toml"
    path.write_text(PROBLEM.replace("jobs.csv", "tables/jobs.csv"))
    assert read_problem(path).n_options == 2
    path.write_text(PROBLEM.replace("jobs.csv", str(tmp_path / "tables" / "jobs.csv")))
    assert read_problem(path).n_options == 2


def test_a_stream_finds_its_table_in_the_current_folder(
    written: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(PROBLEM + FAIRNESS)
    monkeypatch.chdir(path.parent)
    assert read_problem(io.StringIO(PROBLEM)) == read_problem(path)
    found = read_configuration(io.StringIO("\ufeff" + PROBLEM + FAIRNESS))
    assert isinstance(found, Configuration)
    assert found.problem == read_problem(path)


def test_the_folder_of_a_stream_can_be_given(written: Folder) -> None:
    path = written(PROBLEM + FAIRNESS)
    found = read_configuration(io.StringIO(PROBLEM + FAIRNESS), folder=path.parent)
    assert found.problem == read_problem(path)


def test_the_name_of_a_stream_stands_in_messages() -> None:
    stream = io.StringIO("gpu")
    assert message_of(read_problem, stream).startswith("problem file: not TOML")
    stream = io.StringIO("gpu")
    stream.name = "<stdin>"
    assert message_of(read_configuration, stream).startswith("<stdin>: not TOML")


def test_a_stream_of_bytes_is_refused() -> None:
    assert "open it as text" in message_of(read_problem, io.BytesIO(b"gpu"))


def test_the_table_may_stand_in_the_problem_file(written: Folder) -> None:
    path = written()
    inside = PROBLEM.replace('table = "jobs.csv"', f"csv = '''\n{TABLE}'''")
    expected = read_problem(path)
    path.write_text(inside)
    (path.parent / "jobs.csv").unlink()
    assert read_problem(path) == expected
    assert read_problem(io.StringIO(inside)) == expected


def test_a_verbatim_table_keeps_blanks_and_empty_labels(written: Folder) -> None:
    table = 'agent,reward,gpu,memory\n ann ,3,2,10\n"",2.5,1,0\n'
    found = read_problem(written(PROBLEM + "verbatim = true\n", table))
    assert found.agents == [" ann ", ""]


def test_rewards_may_be_unknown(written: Folder) -> None:
    table = "agent,gpu,memory\nann,2,10\nbob,1,0\n"
    found = read_problem(written(PROBLEM + "has_reward = false\n", table))
    assert found.reward is None
    assert found == read_problem(written()).replace(reward=None)


def test_labels_may_be_whole_numbers(written: Folder) -> None:
    text = """[resources]
-1 = 64
5 = 512.5
[options]
table = "jobs.csv"
[labels]
option = "integer"
agent = "integer"
group = "integer"
resource = "integer"
[agents]
limit = { 2 = 1, 7 = 3 }
[groups]
weight = { 0 = 2, 10 = 3 }
"""
    table = "agent,option,group,reward,5,-1\n7,30,10,3,10,2\n2,20,0,2.5,0,1\n"
    found = read_problem(written(text, table))
    assert found == AllocationProblem(
        [[2.0, 10.0], [1.0, 0.0]],
        {-1: 64.0, 5: 512.5},
        reward=[3.0, 2.5],
        agent=[7, 2],
        group=[10, 0],
        weight=[3.0, 2.0],
        agent_limit=[3.0, 1.0],
        option_names=[30, 20],
    )
    assert [type(label) for label in (*found.agents, *found.resources)] == [int] * 4


# Files that cannot be read.


@pytest.mark.parametrize("read", [read_problem, read_configuration])
def test_a_missing_file_is_named(read: Callable[[Any], object], tmp_path: Path) -> None:
    assert "nowhere.toml: cannot be read: No such file" in message_of(
        read, tmp_path / "nowhere.toml"
    )


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "problem.toml").mkdir()
    assert "problem.toml: cannot be read: Is a directory" in message_of(
        read_problem, tmp_path / "problem.toml"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(written: Folder) -> None:
    path = written()
    path.chmod(stat.S_IWUSR)
    assert "problem.toml: cannot be read: Permission denied" in message_of(read_problem, path)


def test_an_impossible_file_name_is_refused() -> None:
    assert "cannot be read: embedded null byte" in message_of(read_problem, "a\0b.toml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("problem.json", "the suffix is '.json', expected .toml"),
        ("problem", "the suffix is '', expected .toml"),
        ("jobs.csv", "a table alone is no problem; give the problem file (.toml)"),
    ],
)
def test_an_unknown_suffix_is_refused(tmp_path: Path, name: str, expected: str) -> None:
    message = message_of(read_problem, tmp_path / name)
    assert name in message
    assert expected in message


def test_an_instance_of_a_problem_file_is_refused(written: Folder) -> None:
    with pytest.raises(FileError, match="instance is 0, but a problem file holds one problem"):
        read_problem(written(), instance=0)


def test_a_problem_file_must_be_utf_8(written: Folder) -> None:
    path = written()
    path.write_bytes(PROBLEM.encode() + b'name = "caf\xe9"')
    assert "problem.toml, line 8: not UTF-8 (byte 0xe9)" in message_of(read_problem, path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[resources]\ngpu = \n", "(at line 2, column 7)"),
        ("[resources]\ngpu = 1\ngpu = 2", "line 3"),
        ("[resources\n", "(at line 1, column 11)"),
        ("[resources]\ngpu =", "(at the end of line 2)"),
        ("gpu = 1__0", "line 1"),
        (
            "gpu = 1 2",
            "Expected newline or end of document after a statement (at line 1, column 9)",
        ),
        pytest.param(f"gpu = {'1' * 5000}", "not TOML", id="many digits"),
        pytest.param(f"gpu = {'[' * 100_000}", "nested too deeply", id="deep"),
    ],
)
def test_what_is_not_toml_is_named_by_its_line(written: Folder, text: str, expected: str) -> None:
    message = message_of(read_problem, written(text))
    assert "problem.toml: not TOML" in message
    assert expected in message


# Keys.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[resource]\ngpu = 1", "unknown key 'resource'; did you mean 'resources'?"),
        ("[agents]\nlimits = 1", "unknown key 'agents.limits'; did you mean 'limit'?"),
        ("[agents]\nminimun = 1", "unknown key 'agents.minimun'; did you mean 'minimum'?"),
        ("[groups]\nutilty = 'sum'", "unknown key 'groups.utilty'; did you mean 'utility'?"),
        ("[decision]\nwhole = true", "unknown key 'decision.whole'; known here are integer, lower"),
        ("[fairnes]\nx = 1", "unknown key 'fairnes'; did you mean 'fairness'?"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(
    written: Folder, text: str, expected: str
) -> None:
    message = message_of(read_problem, written(f"{PROBLEM}\n{text}\n"))
    assert f"problem.toml: {expected}" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[agents]\nlimit = true", "agents.limit is True, should be a valid number"),
        ("[agents]\nlimit = 'one'", "agents.limit is 'one', should be a valid number"),
        ("[agents]\nlimit = [1]", "agents.limit is [1], should be a valid number"),
        ("[agents.limit]\nann = '1'", "agents.limit.ann is '1', should be a valid number"),
        ("[agents]\nweight = 1", "agents.weight is 1, should be a valid dictionary"),
        ("[groups]\nutility = 'median'", "groups.utility is 'median', should be 'mean' or 'sum'"),
        ("[groups.weight]\na = 2020-01-01", "groups.weight.a is "),
        ("[decision]\ninteger = 1", "decision.integer is 1, should be a valid boolean"),
        ("[decision]\nlower = '0'", "decision.lower is '0', should be a valid number"),
        ("[[agents]]\nlimit = 1", "agents is [{'limit': 1}], expected a table [agents]"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(written: Folder, text: str, expected: str) -> None:
    message = message_of(read_problem, written(f"{PROBLEM}\n{text}\n"))
    assert f"problem.toml: {expected}" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "key 'resources' is missing"),
        ("", "key 'options' is missing"),
        ("[resources]\ngpu = 1\n[options]", "key 'options.table' is missing"),
        ("resources = 3\n[options]\ntable = 'jobs.csv'", "resources is 3, should be a valid"),
        ("[resources]\n[options]\ntable = 'jobs.csv'", "resources is {}, dictionary should have"),
        ("[resources]\ngpu = '1'\n[options]\ntable = 'jobs.csv'", "resources.gpu is '1', should"),
        ("[resources]\ngpu = true\n[options]\ntable = 'jobs.csv'", "resources.gpu is True"),
        ("[resources]\n'' = 1\n[options]\ntable = 'jobs.csv'", "at least 1 character"),
        ("[resources]\ngpu = 1\n[options]\ntable = ''", "options.table is '', string should have"),
        ("[resources]\ngpu = 1\n[options]\ntable = 3", "options.table is 3, should be a valid"),
        ("[resources]\nreward = 1\n[options]\ntable = 'jobs.csv'", "resources.reward: 'reward' is"),
    ],
)
def test_the_tables_that_make_a_problem_are_checked(
    written: Folder, text: str, expected: str
) -> None:
    message = message_of(read_problem, written(text))
    assert "problem.toml: " in message
    assert expected in message


@pytest.mark.parametrize(
    ("text", "table", "expected"),
    [
        ("csv = 'x'", TABLE, "problem.toml: options.table and options.csv are both given"),
        ("has_reward = 0", TABLE, "problem.toml: options.has_reward is 0, should be a valid"),
        ("has_reward = false", TABLE, "jobs.csv, line 1: unknown column 'reward'"),
        ("verbatim = true", TABLE.replace("3,2", "3, 2"), "jobs.csv, line 2, column 'gpu': found "),
        ("[labels]\nagents = 'text'", TABLE, "unknown key 'labels.agents'; did you mean 'agent'?"),
        ("[labels]\nagent = 'number'", TABLE, "labels.agent is 'number', should be 'text' or 'in"),
        (
            "[labels]\nagent = 'integer'",
            TABLE,
            "jobs.csv, line 2, column 'agent': found 'ann', expected a whole number such as 7",
        ),
        (
            "[labels]\nagent = 'integer'",
            TABLE.replace("ann", "07"),
            "jobs.csv, line 2, column 'agent': found '07', expected a whole number such as 7",
        ),
        (
            "[labels]\nresource = 'integer'",
            TABLE,
            "problem.toml: resources: found 'gpu', expected a whole number such as 7",
        ),
        (
            "[labels]\nagent = 'integer'\n[agents.limit]\n1 = 1\nbob = 2",
            TABLE.replace("ann", "1").replace("bob", "2"),
            "problem.toml: agents.limit: found 'bob', expected a whole number such as 7",
        ),
    ],
)
def test_how_a_table_is_to_be_read_is_checked(
    written: Folder, text: str, table: str, expected: str
) -> None:
    assert expected in message_of(read_problem, written(f"{PROBLEM}{text}\n", table))


def test_a_table_inside_is_named_with_the_line_in_it(written: Folder) -> None:
    inside = PROBLEM.replace('table = "jobs.csv"', f"csv = '''\n{TABLE}'''")
    message = message_of(read_problem, written(inside.replace("bob,2.5", "bob,two")))
    assert "problem.toml: options.csv, line 3, column 'reward': found 'two'" in message
    message = message_of(read_problem, written(inside.replace("bob,2.5,1", "bob,2.5,-1")))
    assert message.endswith("problem.toml: options.csv, line 3)")


def test_every_wrong_key_is_named_at_once(written: Folder) -> None:
    message = message_of(read_problem, written(PROBLEM + "[agents]\nlimits = 1\nminimum = '0'\n"))
    assert len(message.splitlines()) == 2
    assert "agents.limits" in message
    assert "agents.minimum" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "key 'fairness' is missing"),
        ("[fairness]", "key 'fairness.model' is missing"),
        ("[fairness]\nmodel = 'fair'", "fairness.model is 'fair', should be 'budget_only', "),
        ("[fairness]\nmodell = 'max_min'", "unknown key 'fairness.modell'; did you mean 'model'?"),
        ("[fairness]\nmodel = 'alpha_fair'", "key 'fairness.alpha' is missing: model 'alpha_fair'"),
        ("[fairness]\nmodel = 'alpha_fair'\nalpha = -1", "fairness.alpha is -1, should be greater"),
        ("[fairness]\nmodel = 'alpha_fair'\nalpha = nan", "fairness.alpha is nan, should be"),
        ("[fairness]\nmodel = 'alpha_fair'\nalpha = '2'", "fairness.alpha is '2', should be"),
        (
            "[fairness]\nmodel = 'max_min'\nalpha = 2",
            "fairness.alpha is given, but model 'max_min'",
        ),
        (
            "[fairness]\nmodel = 'alpha_fair'\nalpha = 2\nover = 'agents'",
            "fairness.over is given, but model 'alpha_fair' takes none",
        ),
        (
            "[fairness]\nmodel = 'proportional'\nlexicographic = true",
            "fairness.lexicographic is given, but model 'proportional' takes none",
        ),
        ("[fairness]\nmodel = 'max_min'\nover = 'all'", "fairness.over is 'all', should be"),
        ("[fairness]\nmodel = 'max_min'\nlexicographic = 1", "fairness.lexicographic is 1"),
        ("fairness = 'max_min'", "fairness is 'max_min', expected a table [fairness]"),
    ],
)
def test_the_fairness_table_is_checked(written: Folder, text: str, expected: str) -> None:
    # Before the tables, so that a bare key stays one.
    message = message_of(read_configuration, written(f"{text}\n{PROBLEM}"))
    assert f"problem.toml: {expected}" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nam = 'highs'", "unknown key 'solver.nam'; did you mean 'name'?"),
        ("time_limit = 3", "unknown key 'solver.time_limit'; did you mean 'time_limit_seconds'?"),
        ("name = ''", "solver.name is '', string should have at least 1 character"),
        ("form = 'array'", "solver.form is 'array', should be 'arrays', 'pyomo' or 'cvxpy'"),
        ("time_limit_seconds = -1", "solver.time_limit_seconds is -1, should be greater than or"),
        ("time_limit_seconds = nan", "solver.time_limit_seconds is nan"),
        ("relative_gap = '1e-6'", "solver.relative_gap is '1e-6', should be a valid number"),
        ("absolute_gap = -0.1", "solver.absolute_gap is -0.1"),
        ("node_limit = 1.5", "solver.node_limit is 1.5, should be a valid integer"),
        ("threads = 0", "solver.threads is 0, should be greater than or equal to 1"),
        ("threads = true", "solver.threads is True, should be a valid integer"),
        ("seed = -1", "solver.seed is -1"),
        ("native = 3", "solver.native is 3, should be a valid dictionary"),
        ("native.highs = 3", "solver.native.highs is 3, should be a valid dictionary"),
        ("native.highs.x = [1]", "solver.native.highs.x is [1], should be a number, a string"),
    ],
)
def test_the_solver_table_is_checked(written: Folder, text: str, expected: str) -> None:
    message = message_of(read_configuration, written(f"{PROBLEM}{FAIRNESS}[solver]\n{text}\n"))
    assert f"problem.toml: {expected}" in message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (FAIRNESS + "[solver]\nstart = [1.0]", "solver.start"),
        (FAIRNESS + "[thompson]\nrounds = 200", "thompson"),
    ],
)
def test_what_comes_later_is_refused_by_name(written: Folder, text: str, key: str) -> None:
    message = message_of(read_configuration, written(f"{PROBLEM}{text}\n"))
    assert f"problem.toml: {key} is not supported yet" in message


# Tables.


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", "line 1: the table is empty"),
        ("\n \n", "line 1: the table is empty"),
        ("agent,reward,gpu,memory\n", "the table has no rows"),
        ("agent,gpu,memory\na,1,2\n", "line 1: column 'reward' is missing; the columns are agent"),
        ("option,reward,gpu,memory\na,1,2,3\n", "line 1: column 'agent' is missing"),
        ("agent,reward,gpu\na,1,2\n", "line 1: column 'memory' (a resource) is missing"),
        ("agent,reward,gpu,memory,gpu\n", "line 1: column 'gpu' stands twice"),
        ("agent,reward,gpu,memory,\n", "line 1: column 5 has no name"),
        ("agent,reward,gpu,memory,uper\n", "line 1: unknown column 'uper'; did you mean 'upper'?"),
        ("Agent,reward,gpu,memory\n", "line 1: unknown column 'Agent'; did you mean 'agent'?"),
        (
            "agent,reward,gpu,memory,note\n",
            "unknown column 'note'; known are agent, reward, option, group, lower, upper, integer, "
            'gpu, memory. A column that is not to be read goes into ignore = ["note"] of [options]',
        ),
        ("agent;reward;gpu;memory\n", "line 1: unknown column 'agent;reward;gpu;memory'"),
        (TABLE.replace("2.5", "two"), "line 3, column 'reward': found 'two', expected a number"),
        (TABLE.replace("2.5", ""), "line 3, column 'reward': found '', expected a number"),
        (TABLE.replace("2.5", '"2,5"'), "line 3, column 'reward': found '2,5'"),
        (TABLE.replace("2.5", "1_000"), "line 3, column 'reward': found '1_000'"),
        (TABLE.replace("2.5", "nan"), "line 3, column 'reward': found 'nan'"),
        (TABLE.replace("2.5", "inf"), "line 3, column 'reward': found 'inf'"),
        (TABLE.replace("2.5", "1e999"), "line 3, column 'reward': found '1e999'"),
        (TABLE.replace("2.5", "٣"), "line 3, column 'reward': found '٣'"),
        (TABLE.replace("2.5", "0x1"), "line 3, column 'reward': found '0x1'"),
        (TABLE.replace("ann,3,2,10", "ann,3,x,10"), "line 2, column 'gpu': found 'x'"),
        (TABLE.replace("bob", ""), "line 3, column 'agent': found nothing, expected a label"),
        (TABLE.replace("ann,3,", "ann,3,4,"), "line 2: 5 fields, expected 4: agent, reward, gpu"),
        (TABLE.replace("ann,3,2,10", "ann"), "line 2: 1 field, expected 4"),
        (TABLE.replace("bob", '"bob'), "line 3: not a CSV row: unexpected end of data"),
        (TABLE.replace("bob", '"bob"x'), "line 3: not a CSV row"),
        pytest.param(
            TABLE.replace("bob", "b" * 200_000),
            "line 3: not a CSV row: field larger than",
            id="a long field",
        ),
    ],
)
def test_a_damaged_table_is_refused(written: Folder, table: str, expected: str) -> None:
    message = message_of(read_problem, written(PROBLEM, table))
    assert "jobs.csv" in message
    assert expected in message


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("lower", "", "found '', expected a number"),
        ("upper", "nan", "found 'nan', expected a number"),
        ("upper", "-inf", "found '-inf', expected a number"),
        ("integer", "maybe", "found 'maybe', expected true or false"),
        ("integer", "2", "found '2', expected true or false"),
        ("integer", "", "found '', expected true or false"),
        ("group", "", "found nothing, expected a label"),
        ("option", " ", "found nothing, expected a label"),
    ],
)
def test_optional_columns_are_read_as_strictly(
    written: Folder, column: str, text: str, expected: str
) -> None:
    table = f"agent,reward,gpu,memory,{column}\nann,3,2,10,{text}\n"
    message = message_of(read_problem, written(PROBLEM, table))
    assert f"jobs.csv, line 2, column {column!r}: {expected}" in message


def test_lines_are_those_of_the_file(written: Folder) -> None:
    table = 'agent,reward,gpu,memory\n\n"a\nn\nn",3,2,10\n\n\nbob,2,1,x\n'
    message = message_of(read_problem, written(PROBLEM, table))
    assert "jobs.csv, line 8, column 'memory': found 'x'" in message


def test_a_table_must_be_utf_8(written: Folder) -> None:
    table = TABLE.encode().replace(b"bob", b"b\xf6b")
    message = message_of(read_problem, written(PROBLEM, table))
    assert "jobs.csv, line 3: not UTF-8 (byte 0xf6)" in message


def test_a_missing_table_is_named_with_its_key(written: Folder) -> None:
    message = message_of(read_problem, written(PROBLEM.replace("jobs", "job")))
    assert "problem.toml: options.table is 'job.csv', but " in message
    assert "is not there" in message


def test_a_table_that_is_a_folder_is_refused(written: Folder) -> None:
    path = written(PROBLEM.replace("jobs.csv", "jobs"))
    (path.parent / "jobs").mkdir()
    assert "jobs: cannot be read: Is a directory" in message_of(read_problem, path)


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        ('["note"]', "jobs.csv, line 1: there is no column 'note' to ignore"),
        ('["reward"]', "jobs.csv, line 1: column 'reward' is missing"),
        ('["gpu"]', "jobs.csv, line 1: column 'gpu' (a resource) is missing"),
        ('"note"', "problem.toml: options.ignore is 'note', should be a valid list"),
        ("[3]", "problem.toml: options.ignore.0 is 3, should be a valid string"),
    ],
)
def test_ignored_columns_are_checked(written: Folder, ignore: str, expected: str) -> None:
    assert expected in message_of(read_problem, written(f"{PROBLEM}ignore = {ignore}\n"))


# Rules of the problem.


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            TABLE.replace("bob,2.5,1", "bob,2.5,-1"),
            "requests of option 1 for resource 'gpu' is -1.0, expected a finite number at least "
            "zero (*jobs.csv, line 3)",
        ),
        (
            "agent,option,reward,gpu,memory\na,x,1,1,1\na,y,1,1,1\n\na,x,1,1,1\n",
            "option 'x' stands twice; names must differ (*jobs.csv, lines 2 and 5)",
        ),
        (
            "agent,reward,gpu,memory,lower\na,1,1,1,0\na,1,1,1,1.5\n",
            "lower of option 1 is 1.5, above its upper 1.0 (*jobs.csv, line 3)",
        ),
        (
            "agent,option,reward,gpu,memory,upper\na,x,1,1,1,1\na,y,1,0,0,inf\n",
            "option 'y' has no upper bound and uses no limited resource",
        ),
        (
            "agent,group,reward,gpu,memory\na,red,1,1,1\nb,red,1,1,1\na,blue,1,1,1\n",
            "agent 'a' has an option in group 'red' and one in group 'blue'; all options of an "
            "agent belong to one group (*jobs.csv, lines 2 and 4)",
        ),
    ],
)
def test_a_broken_rule_names_file_and_line(written: Folder, table: str, expected: str) -> None:
    path = written(PROBLEM, table)
    message = message_of(read_problem, path).replace(str(path.parent) + os.sep, "*")
    assert f"*problem.toml: {expected}" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[agents.limit]\nann = 1", "agent_limit has no entry for agent 'bob'"),
        ("[agents.limit]\nann = 1\nbob = 1\neve = 1", "agent_limit names agent 'eve'"),
        ("[agents]\nlimit = -1", "agent_limit of agent 'ann' is -1.0"),
        ("[agents]\nminimum = 2\nlimit = 1", "agent_minimum of agent 'ann' is 2.0, above its"),
        ("[agents.weight]\nann = 0\nbob = 1", "agent_weight of agent 'ann' is 0.0"),
        ("[groups.weight]\nann = 1\nbob = nan", "weight of group 'bob' is nan"),
        ("[groups.history]\nann = 1", "history has no entry for group 'bob'"),
        ("[decision]\nlower = -1", "lower of option 0 is -1.0"),
        ("[decision]\nlower = 3", "lower of option 0 is 3.0, above its upper 1.0"),
    ],
)
def test_a_broken_rule_of_the_problem_file_names_the_file(
    written: Folder, text: str, expected: str
) -> None:
    message = message_of(read_problem, written(f"{PROBLEM}\n{text}\n"))
    assert f"problem.toml: {expected}" in message


@pytest.mark.parametrize("amount", ["-1", "nan"])
def test_a_budget_that_cannot_be_names_file_and_resource(written: Folder, amount: str) -> None:
    message = message_of(read_problem, written(PROBLEM.replace("64", amount)))
    assert "problem.toml: budget of resource 'gpu' is " in message


def test_an_infinite_budget_is_allowed(written: Folder) -> None:
    assert read_problem(written(PROBLEM.replace("64", "inf"))).budget.tolist() == [math.inf, 512.5]


@pytest.mark.parametrize("key", ["integer = true", "lower = 0", "upper = 2"])
def test_a_key_and_a_column_of_one_name_are_refused(written: Folder, key: str) -> None:
    name = key.partition(" ")[0]
    table = f"agent,reward,gpu,memory,{name}\nann,3,2,10,1\n"
    message = message_of(read_problem, written(f"{PROBLEM}[decision]\n{key}\n", table))
    assert f"problem.toml: decision.{name} is given, and " in message
    assert f"jobs.csv has a column {name!r}: keep one" in message
