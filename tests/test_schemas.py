"""The JSON schemas: what they accept is what is read and written, by a validator of others."""

import copy
import json
import math
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import numpy as np
import pytest

import librex_models as lm
from librex_models import cli
from librex_models.configuration import ConfigurationFile, read_configuration
from librex_models.errors import FileError
from librex_models.file_schema import problem_file_schema
from librex_models.problem.problem_file import RowTable
from librex_models.problem.problem_text import problem_text
from librex_models.report.json_report import json_report, json_text
from librex_models.report.result_schema import result_schema
from solvers import Limit, Status
from tests.random_examples import examples
from tests.random_problems import random_problem
from tests.test_documentation import DOCS, all_examples
from tests.troubled_adapters import register

Json = dict[str, Any]

OF_FILES = jsonschema.Draft202012Validator(problem_file_schema())
OF_RESULTS = jsonschema.Draft202012Validator(result_schema())

CSV = "agent,reward,gpu\nann,3,2\nbob,2,1\n"
FULL: Json = {
    "resources": {"gpu": 64, "memory": math.inf},
    "options": {
        "csv": CSV,
        "ignore": ["note"],
        "verbatim": True,
        "has_reward": False,
        "group_rewards": ["north"],
    },
    "labels": {
        "option": "integer",
        "agent": "text",
        "group": "text",
        "resource": "text",
        "row": "text",
    },
    "agents": {"limit": 1, "minimum": {"ann": 0.5}, "weight": {"ann": 2}, "history": {"ann": 0.0}},
    "groups": {"utility": "sum", "weight": {"a": 1.0}, "history": {"a": 0}},
    "fairness": {
        "model": "alpha_fair",
        "alpha": math.inf,
        "floor": {"ann": 0.1},
        "ceiling": 5,
        "gini_cap": 0.5,
        "spread_cap": 2.0,
    },
    "decision": {"integer": True, "lower": 0, "upper": math.inf},
    "rows": {"tie": {"at_least": -1, "at_most": 2.5, "coefficient": {"a": -1}}},
    "solver": {
        "name": "auto",
        "fallback": ["scip"],
        "isolate": True,
        "form": "pyomo",
        "route": "auto",
        "time_limit_seconds": 3,
        "relative_gap": 1e-4,
        "absolute_gap": 0,
        "node_limit": 10,
        "memory_limit_mb": 500,
        "threads": 2,
        "seed": 7,
        "native": {"highs": {"presolve": "on", "mip_rel_gap": 0.1, "output_flag": False}},
    },
}
SMALL: Json = {
    "resources": {"gpu": 1},
    "options": {"table": "jobs.csv"},
    "fairness": {"model": "budget_only"},
}
TABLES = sorted(FULL)
OF_OTHER_MODELS = {"over", "lexicographic", "inner_alpha", "owa_weights", "breakpoints", "slopes"}


def changed(document: Json, path: str, value: Any) -> Json:
    """Return a copy with another value; None takes the key out."""
    copied = copy.deepcopy(document)
    *tables, key = path.split(".")
    place = copied
    for table in tables:
        place = place.setdefault(table, {})
    if value is None:
        del place[key]
    else:
        place[key] = value
    return copied


def is_read(document: Json) -> bool:
    """Return whether the reader of problem files takes the keys and types of a document."""
    try:
        ConfigurationFile.model_validate(document)
    except ValueError:
        return False
    return True


# Problem files.


def test_the_schemas_are_schemas() -> None:
    for schema in (problem_file_schema(), result_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", sorted((DOCS / "examples").glob("*.toml")), ids=lambda p: p.name)
def test_the_example_files_are_valid(path: Path) -> None:
    OF_FILES.validate(tomllib.loads(path.read_text(encoding="utf-8")))


def test_the_problem_files_of_the_pages_are_valid() -> None:
    shown = [example for example in all_examples("toml") if "[fairness]" in example.code]
    assert shown
    for example in shown:
        OF_FILES.validate(tomllib.loads(example.code))


def test_every_key_is_in_the_schema() -> None:
    OF_FILES.validate(FULL)
    assert is_read(FULL)
    fields = ConfigurationFile.model_fields
    for table in TABLES:
        if table == "rows":
            assert RowTable.model_fields.keys() == FULL["rows"]["tie"].keys()
        elif table != "resources":
            known = getattr(fields[table].annotation, "model_fields").keys()  # noqa: B009
            left_out = {"options": {"table"}, "fairness": OF_OTHER_MODELS}
            assert known == FULL[table].keys() | left_out.get(table, set()), table


@pytest.mark.parametrize("table", ["", *(f"{table}." for table in TABLES if table != "resources")])
def test_a_wrong_key_is_refused(table: str) -> None:
    document = changed(SMALL, f"{table}wrong", 1)
    assert not is_read(document)
    assert not OF_FILES.is_valid(document)


WRONG = [
    ("resources", {}),
    ("resources", None),
    ("resources", {"": 1}),
    ("resources", {"gpu": "1"}),
    ("resources", {"gpu": True}),
    ("options", None),
    ("options", {}),
    ("options", {"table": ""}),
    ("options", {"table": 3}),
    ("options", {"table": "jobs.csv", "csv": CSV}),
    ("options.ignore", "note"),
    ("options.ignore", [3]),
    ("options.verbatim", 1),
    ("options.has_reward", "no"),
    ("labels.agent", "number"),
    ("agents.limit", "one"),
    ("agents.limit", [1]),
    ("agents.limit", True),
    ("agents.limit", {"ann": "1"}),
    ("agents.weight", 1),
    ("groups.utility", "median"),
    ("groups.history", {"a": [1]}),
    ("decision.integer", 1),
    ("decision.upper", "inf"),
    ("fairness", None),
    ("fairness.model", "fair"),
    ("fairness.model", None),
    ("fairness.model", "alpha_fair"),
    ("fairness.alpha", 2.0),
    ("fairness", {"model": "alpha_fair", "alpha": -1}),
    ("fairness", {"model": "alpha_fair", "alpha": "2"}),
    ("fairness", {"model": "alpha_fair", "alpha": 2, "over": "agents"}),
    ("fairness", {"model": "group_alpha_fair"}),
    ("fairness", {"model": "max_min", "alpha": 2}),
    ("fairness", {"model": "budget_only", "floor": 1}),
    ("fairness", {"model": "max_min", "gini_cap": 2}),
    ("fairness", {"model": "ordered_weighted"}),
    ("fairness", {"model": "piecewise_linear", "breakpoints": [1], "slopes": "falling"}),
    ("fairness", {"model": "max_min", "lexicographic": 0}),
    ("fairness", {"model": "proportional", "lexicographic": True}),
    ("fairness", {"model": "proportional", "over": "all"}),
    ("solver.name", ""),
    ("solver.form", "excel"),
    ("solver.fallback", "scip"),
    ("solver.time_limit_seconds", -1),
    ("solver.time_limit_seconds", "3"),
    ("solver.node_limit", 1.5),
    ("solver.node_limit", -1),
    ("solver.memory_limit_mb", 0),
    ("solver.threads", 0),
    ("solver.seed", -1),
    ("solver.native", 3),
    ("solver.native", {"highs": 3}),
    ("solver.native", {"highs": {"presolve": ["on"]}}),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=str)
def test_what_is_not_read_is_not_valid(path: str, value: Any) -> None:
    document = changed(SMALL, path, value)
    assert not is_read(document)
    assert not OF_FILES.is_valid(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("resources", {"gpu": 1, "title": 2.5, "default": 3}),
        ("options", {"csv": CSV}),
        ("agents.limit", 2.5),
        ("agents.limit", {"": 1, "ann": math.inf}),
        ("fairness", {"model": "proportional", "over": "agents"}),
        ("fairness", {"model": "max_min", "over": "groups", "lexicographic": False}),
        ("fairness", {"model": "group_alpha_fair", "alpha": 0}),
        ("solver", {}),
        ("solver.native", {"scip": {"limits/nodes": 3}}),
    ],
    ids=str,
)
def test_what_is_read_is_valid(path: str, value: Any) -> None:
    document = changed(SMALL, path, value)
    assert is_read(document)
    OF_FILES.validate(document)


def test_what_write_problem_writes_is_valid() -> None:
    for seed in range(examples(500)):
        problem = random_problem(np.random.default_rng(seed), names="positions")
        text = problem_text(problem) + '[fairness]\nmodel = "budget_only"\n'
        OF_FILES.validate(tomllib.loads(text))


def test_toml_has_no_null_and_neither_has_the_schema() -> None:
    assert "null" not in json.dumps(problem_file_schema())


# Results.


def problem(**changes: Any) -> lm.AllocationProblem:
    arguments: Json = {
        "requests": [[2.0, 1.0], [1.0, 0.0], [1.0, 2.0]],
        "budget": {"gpu": 2.0, "memory": math.inf},
        "reward": [3.0, 2.0, 1.0],
        "agent": ["ann", "bob", "ann"],
        "group": ["red", "blue"],
    }
    return lm.AllocationProblem(**(arguments | changes))


def refuted() -> lm.Allocation:
    found = lm.BudgetOnly(problem()).solve()
    certificate = replace(found.certificate, verdict=lm.Verdict.REFUTED, sentence="It is wrong.")
    return replace(found, certificate=certificate)


SITUATIONS: dict[str, tuple[Callable[[], lm.Allocation], Status, Limit | None]] = {
    "fractional": (lambda: lm.BudgetOnly(problem()).solve(), Status.OPTIMAL, None),
    "whole": (lambda: lm.BudgetOnly(problem(integer=True)).solve(), Status.OPTIMAL, None),
    "max-min": (
        lambda: lm.MaxMin(problem(), lexicographic=False).solve(),
        Status.OPTIMAL,
        None,
    ),
    "lexicographic max-min": (lambda: lm.MaxMin(problem()).solve(), Status.OPTIMAL, None),
    "lexicographic max-min, whole": (
        lambda: lm.MaxMin(problem(integer=True)).solve(),
        Status.OPTIMAL,
        None,
    ),
    "proportional": (lambda: lm.Proportional(problem()).solve(), Status.OPTIMAL, None),
    "alpha-fair": (lambda: lm.AlphaFair(problem(), 2.0).solve(), Status.OPTIMAL, None),
    "group alpha-fair, whole": (
        lambda: lm.GroupAlphaFair(problem(integer=True), 0.5).solve(),
        Status.OPTIMAL,
        None,
    ),
    "whole numbers as labels": (
        lambda: lm.BudgetOnly(lm.AllocationProblem([[1.0]], [1.0], [1.0])).solve(),
        Status.OPTIMAL,
        None,
    ),
    "infeasible": (
        lambda: lm.BudgetOnly(problem(agent_minimum=1.0, budget=[1.0, 0.0])).solve(),
        Status.INFEASIBLE,
        None,
    ),
    "no time": (
        lambda: lm.BudgetOnly(problem(agent_minimum=0.5)).solve(
            "stops_empty", time_limit_seconds=0.0
        ),
        Status.NO_SOLUTION_FOUND,
        Limit.TIME,
    ),
    "a breakdown": (
        lambda: lm.BudgetOnly(problem()).solve("breaks_down"),
        Status.NUMERICAL_FAILURE,
        None,
    ),
    "a fallback after one that is not there": (
        lambda: lm.BudgetOnly(problem()).solve("not_installed", fallback=["stops_empty", "highs"]),
        Status.OPTIMAL,
        None,
    ),
    "refuted": (refuted, Status.OPTIMAL, None),
}


@pytest.fixture
def _troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, monkeypatch)


def strictly(text: str) -> Any:
    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.usefixtures("_troubled")
@pytest.mark.parametrize("name", SITUATIONS)
def test_results_are_valid(name: str) -> None:
    solve, status, limit = SITUATIONS[name]
    allocation = solve()
    assert (allocation.status, allocation.limit) == (status, limit)
    OF_RESULTS.validate(strictly(json_text(json_report(allocation))))


@pytest.mark.usefixtures("_troubled")
def test_every_attempt_of_a_fallback_is_there() -> None:
    solve, _, _ = SITUATIONS["a fallback after one that is not there"]
    statuses = [one["status"] for one in json_report(solve())["attempts"]]
    assert statuses == [None, "NO_SOLUTION_FOUND", "OPTIMAL"]


def test_results_of_random_problems_are_valid() -> None:
    families: list[Callable[[lm.AllocationProblem], lm.Model]] = [
        lm.BudgetOnly,
        lambda asked: lm.MaxMin(asked, lexicographic=False),
        lambda asked: lm.GroupAlphaFair(asked, 0.5),
    ]
    for seed in range(examples(1000)):
        asked = random_problem(np.random.default_rng(seed), fairness=True)
        for family in families:
            allocation = family(asked).solve("scip", time_limit_seconds=0.0 if seed % 4 else None)
            OF_RESULTS.validate(strictly(json_text(json_report(allocation))))


def damaged(result: Json) -> Iterator[tuple[str, Json]]:
    """Yield results that are wrong in one place each."""
    for key in result:
        yield f"without {key}", changed(result, key, None)
        yield f"{key} of another type", changed(result, key, [[]])
    for key in result["certificate"]:
        yield f"certificate without {key}", changed(result, f"certificate.{key}", None)
    yield "another key", changed(result, "another", 1)
    yield "another key in the certificate", changed(result, "certificate.another", 1)
    yield "a limit of a solver that finished", changed(result, "limit", "TIME")
    yield "a decision without a status that has one", changed(result, "status", "INFEASIBLE")
    yield "an unknown status", changed(result, "status", "SOLVED")
    yield "an unknown verdict", changed(result, "verdict", "SOLVED")
    yield "nothing tried", changed(result, "attempts", [])
    yield "a number as a text", changed(result, "objective", "3.5")
    level = {"value": 1.0, "bound": 1.0, "gap": 0.0, "bound_from": "prices", "settled": ["ann"]}
    for key in level:
        others = {one: value for one, value in level.items() if one != key}
        yield f"a level without {key}", changed(result, "certificate.levels", [others])
        odd = {**level, key: [[]]}
        yield f"{key} of a level of another type", changed(result, "certificate.levels", [odd])
    without = {**result, "decision": None}
    yield "no decision with a status that has one", without


def test_damaged_results_are_not_valid() -> None:
    result = strictly(json_text(json_report(lm.BudgetOnly(problem()).solve())))
    OF_RESULTS.validate(result)
    found = list(damaged(result))
    assert len(found) > 50
    assert [what for what, one in found if OF_RESULTS.is_valid(one)] == []


def test_json_without_its_own_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"gap": math.inf})


# The command.


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["librex", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


@pytest.mark.parametrize(
    ("options", "expected"), [([], problem_file_schema), (["--result"], result_schema)]
)
def test_the_command_prints_a_schema_or_writes_it(
    options: list[str],
    expected: Callable[[], Json],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "schema", *options) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == expected()
    path = tmp_path / "schema.json"
    assert run(monkeypatch, "schema", str(path), *options) == 0
    assert capsys.readouterr().out == ""
    assert path.read_text(encoding="utf-8") == printed


def test_a_schema_that_cannot_be_written_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "schema", str(tmp_path / "nowhere" / "schema.json")) == 2
    assert "schema.json: cannot be written: No such file or directory" in capsys.readouterr().err
    assert run(monkeypatch, "schema", str(tmp_path)) == 2
    assert "it is no ordinary file" in capsys.readouterr().err


def test_what_the_command_solves_is_a_valid_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LIBREX_SOLVER", raising=False)
    path = tmp_path / "problem.toml"
    path.write_text(problem_text(problem()) + '[fairness]\nmodel = "proportional"\n')
    assert read_configuration(path).problem == problem()
    assert run(monkeypatch, "solve", str(path), "--json") == 0
    OF_RESULTS.validate(strictly(capsys.readouterr().out))


def test_a_file_that_is_valid_may_still_break_a_rule(tmp_path: Path) -> None:
    document = changed(SMALL, "resources", {"gpu": -1})
    OF_FILES.validate(document)
    path = tmp_path / "problem.toml"
    path.write_text(f"[resources]\ngpu = -1\n[options]\ncsv = '''\n{CSV}'''\n")
    with pytest.raises(FileError, match="budget of resource 'gpu' is -1"):
        lm.read_problem(path)
