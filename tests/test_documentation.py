"""Every example of README.md and docs/ runs, and prints what the page says it prints."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from librex_models import MaxMin, Verdict, cli, read_problem
from librex_models.configuration import ConfigurationFile, read_configuration
from librex_models.problem.option_table import COLUMNS
from librex_models.problem.problem_file import Table
from librex_models.report.json_report import json_report
from solvers import Limit, Status

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]

# tests/with_torch/test_pages.py runs these.
WITH_TORCH = [page for page in PAGES if "\nimport torch\n" in page.read_text()]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?")


class Example(NamedTuple):
    """A block of code on a page, and what it is said to print, if anything."""

    page: Path
    language: str
    code: str
    printed: str | None


def examples(page: Path) -> Iterator[Example]:
    blocks = [(match[1], match[2]) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    for (language, code), (following, text) in pairwise([*blocks, ("", "")]):
        is_output = language == "python" and following == "text"
        yield Example(page, language, code, text if is_output else None)


def all_examples(language: str) -> list[Example]:
    return [example for page in PAGES for example in examples(page) if example.language == language]


def block(page: str, language: str) -> str:
    """Return the first block of a page in a language."""
    found, *_ = [example.code for example in examples(DOCS / page) if example.language == language]
    return found


def name(value: object) -> str:
    return str(value.relative_to(REPOSITORY)) if isinstance(value, Path) else ""


def same_but_for_last_digits(found: str, expected: str) -> bool:
    """Return whether texts agree but for blanks and one unit of the last digit of each number."""
    if NUMBER.sub("#", found).split() != NUMBER.sub("#", expected).split():
        return False
    return all(
        abs(float(one) - float(other)) <= 10.0 ** -len(other.partition(".")[2])
        for one, other in zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True)
    )


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.delenv("LIBREX_SOLVER", raising=False)


def check_python(page: Path) -> None:
    """Run the Python of a page, and compare what it prints with what the page says it prints."""
    names: dict[str, Any] = {}
    for example in examples(page):
        if example.language != "python":
            continue
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(example.code, str(page), "exec"), names)
        if example.printed is not None:
            assert same_but_for_last_digits(output.getvalue(), example.printed), output.getvalue()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if "```python" in page.read_text() and page not in WITH_TORCH],
    ids=name,
)
def test_the_python_of_a_page_runs_and_prints_what_it_says(
    page: Path, require_solver: Callable[[str], None]
) -> None:
    require_solver("clarabel")
    check_python(page)


@pytest.mark.parametrize(
    "command",
    sorted(
        {
            line.removeprefix("$ ")
            for example in all_examples("console")
            for line in example.code.splitlines()
            if line.startswith("$ librex ")
        }
    ),
)
def test_the_commands_of_the_pages_run(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    files = [link for link in links if "://" not in link]
    assert [link for link in files if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(REPOSITORY).as_posix() for page in DOCS.rglob("*.md")]
    assert [page for page in pages if f"]({page})" not in text] == []


def test_the_readme_says_what_to_install_as_make_does() -> None:
    [line] = re.findall(r"sudo apt-get install .*", (REPOSITORY / "README.md").read_text())
    assert line in (REPOSITORY / "Makefile").read_text()


# The demo.


def test_the_demo_solves_everything_three_times_with_equal_answers(
    require_solver: Callable[[str], None], tmp_path: Path
) -> None:
    require_solver("clarabel")
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", DOCS / "examples" / "demo.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert sum(line[-1:] == ["equal"] for line in lines) == 10
    assert "DIFFERENT" not in done.stdout
    assert "10 of 10 are equal in all 3 forms" in done.stdout


def test_the_demo_fails_where_answers_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    import demo  # type: ignore[import-not-found, unused-ignore]

    def less(model: Any, form: str) -> Any:
        # One form sees smaller budgets than the other two.
        share = 0.99 if form == "cvxpy" else 1.0
        smaller = type(model)(model.problem.replace(budget=share * model.problem.budget))
        return smaller.solve(relative_gap=demo.RELATIVE_GAP)

    def one_model(problem: Any) -> dict[str, Any]:
        return {demo.SHOWN: demo.lm.BudgetOnly(problem.replace(integer=False))}

    monkeypatch.setattr(demo, "solved", less)
    monkeypatch.setattr(demo, "models_of", one_model)
    assert demo.main() == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_the_engine_of_agents_is_shared_by_an_allocator_that_learns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    import agent_engine  # type: ignore[import-not-found, unused-ignore]

    agent_engine.main()
    none, proportional, maxmin = capsys.readouterr().out.splitlines()
    assert (none.split(":")[0], proportional.split(":")[0]) == ("none", "proportional")
    # Max-min evens out how much agents get done.
    spread = []
    for line in (none, maxmin):
        done = [int(one) for one in re.findall(r"\w+ (\d+)", line.partition(" tasks")[0])]
        assert len(done) == 3
        spread.append(max(done) - min(done))
    assert spread[1] < 0.5 * spread[0]


def test_the_problem_of_the_demo_is_as_described() -> None:
    problem = read_problem(DOCS / "examples" / "cluster.toml")
    assert (problem.n_agents, problem.n_groups, problem.n_resources) == (60, 3, 3)
    assert problem.n_options > problem.n_agents


# The reference.


def written(folder: Path, problem: str, table: str) -> Path:
    (folder / "jobs.csv").write_text(table, encoding="utf-8")
    (folder / "problem.toml").write_text(problem, encoding="utf-8")
    return folder / "problem.toml"


def test_the_problem_file_of_the_reference_can_be_solved(tmp_path: Path) -> None:
    page = "reference/problem_files.md"
    path = written(tmp_path, block(page, "toml"), block(page, "csv"))
    configuration = read_configuration(path)
    assert configuration.problem.n_options == 3
    assert configuration.fairness.alpha == 0.5


def test_the_errors_of_the_reference_are_those_that_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = "reference/problem_files.md"
    problem, table = block(page, "toml"), block(page, "csv")
    damaged = [
        (problem, table.replace("3.2,4,", "3.2,four,")),
        (problem.replace("alpha = ", "alhpa = "), table),
        (problem.replace("native.highs", "native.highz"), table),
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["librex", "solve", "problem.toml"])
    found = ""
    for texts in damaged:
        written(tmp_path, *texts)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        found += capsys.readouterr().err
    assert found == block(page, "text")


def test_every_key_of_a_problem_file_is_explained() -> None:
    text = (DOCS / "reference" / "problem_files.md").read_text(encoding="utf-8")
    keys = {
        f"{table}.{key}"
        for table, field in ConfigurationFile.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Table)
        for key in field.annotation.model_fields
    } - {"solver.native"}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []


def test_every_key_of_a_result_is_explained() -> None:
    problem = read_problem(DOCS / "examples" / "cluster.toml").replace(integer=False)
    report = json_report(MaxMin(problem).solve())
    text = (DOCS / "reference" / "result_files.md").read_text(encoding="utf-8")
    certificate = report["certificate"]
    keys = [*report, *certificate, *certificate["levels"][0], *report["attempts"][0]]
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize("name", ["solve", "compare", "schema"])
def test_every_option_of_a_command_is_explained(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["librex", name, "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    text = (DOCS / "reference" / "command_line.md").read_text(encoding="utf-8")
    assert [option for option in sorted(options) if f"`{option}" not in text] == []


@pytest.mark.parametrize("kind", [Status, Limit, Verdict])
def test_the_glossary_names_every_status_limit_and_verdict(
    kind: type[Status | Limit | Verdict],
) -> None:
    text = (DOCS / "reference" / "glossary.md").read_text(encoding="utf-8")
    assert [member.name for member in kind if member.name not in text] == []


def test_every_toml_block_is_toml() -> None:
    for example in all_examples("toml"):
        tomllib.loads(example.code)
