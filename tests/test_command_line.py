"""The command `librex`: exit statuses, messages, precedence, JSON, pipes and interruptions."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from librex_models import BudgetOnly, Model, Verdict, cli, configuration, read_problem
from librex_models.allocation import Allocation

REPOSITORY = Path(__file__).resolve().parent.parent
CLUSTER = REPOSITORY / "docs" / "examples" / "cluster.toml"

PROBLEM = """[resources]
gpu = 2.5
memory = 20

[options]
table = "jobs.csv"

[fairness]
model = "budget_only"
"""
TABLE = """agent,reward,gpu,memory
ann,3,2,10
bob,2.5,1,5
eve,1,1,5
"""
KNAPSACKS = "2\n3 1 0\n1 2 3\n1 1 1\n2\n2 1 0\n5 4\n2 3\n3\n"
# Not pydantic: new releases of typer load it themselves.
HEAVY = ("clarabel", "cvxpy", "highspy", "narwhals", "networkx", "pyomo", "rich")


class Done(NamedTuple):
    """What a run of the command left behind."""

    status: int
    out: str
    error: str

    @property
    def report(self) -> Any:
        return json.loads(self.out, parse_constant=_refuse)


Run = Callable[..., Done]


SOLUTION = "objective value: -4\nx[1] 1 (obj:-2.5)\nx[0] 0.5 (obj:-3)\n"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which holds problem.toml and jobs.csv."""
    (tmp_path / "problem.toml").write_text(PROBLEM)
    (tmp_path / "jobs.csv").write_text(TABLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIBREX_SOLVER", raising=False)
    return tmp_path


@pytest.fixture
def librex(
    folder: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return a function that runs the command in this process."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["librex", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int | None)
        return Done(ended.value.code or 0, captured.out, captured.err)

    return run


def environment(**variables: str) -> dict[str, str]:
    """Return what a process of its own gets: this checkout, and no settings of the user."""
    kept = {name: value for name, value in os.environ.items() if name != "LIBREX_SOLVER"}
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [kept.get("PYTHONPATH")])])
    return kept | {"PYTHONPATH": path} | variables


def in_a_shell(command: str, stdin: str | bytes = "", **variables: str) -> Done:
    """Run a shell command in which `$librex` is the command."""
    librex = f"'{sys.executable}' -m librex_models.cli"
    done = subprocess.run(
        ["sh", "-c", command.replace("$librex", librex)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=environment(**variables),
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


# Solved.


def test_a_solved_problem_ends_with_0_and_says_who_gets_what(librex: Run) -> None:
    done = librex("solve", "problem.toml")
    assert (done.status, done.error) == (0, "")
    assert "optimal" in done.out
    lines = [line.split() for line in done.out.splitlines()]
    assert ["bob", "1", "2.5", "1", "5"] in lines
    assert ["gpu", "2.5", "2.5", "1", "1.5"] in lines


def test_the_levels_of_max_min_are_in_json_that_is_read_back(librex: Run, folder: Path) -> None:
    (folder / "fair.toml").write_text(PROBLEM.replace("budget_only", "max_min"))
    solved = librex("solve", "fair.toml", "--json")
    # By hand: eve gets 1, all she asks for, and leaves 1.5 of 2.5 gpu; of it a utility of z needs
    # 2 z/3 for ann and z/2.5 for bob.
    levels = solved.report["certificate"]["levels"]
    assert [level["settled"] for level in levels] == [["eve"], ["ann", "bob"]]
    assert [level["value"] for level in levels] == pytest.approx([1.0, 1.5 / (2 / 3 + 1 / 2.5)])
    (folder / "result.json").write_text(solved.out)
    read = librex("check", "result.json", "fair.toml", "--json")
    assert read.report["decision"] == solved.report["decision"]
    assert read.report["verdict"] == "FEASIBLE"


def test_json_is_the_allocation(librex: Run) -> None:
    report = librex("solve", CLUSTER, "--json").report
    problem = read_problem(CLUSTER)
    assert report["model"] == "alpha_fair"
    assert report["alpha"] == 0.5
    assert report["status"] == report["verdict"] == "OPTIMAL"
    assert report["reason"] is None
    assert list(report["decision"]) == list(problem.options)
    assert list(report["allocated"]) == list(problem.agents)
    used = dict.fromkeys(problem.resources, 0.0)
    for option, decision in report["decision"].items():
        for k, resource in enumerate(problem.resources):
            used[resource] += float(problem.requests[list(problem.options).index(option), k]) * (
                decision
            )
    assert report["used"] == pytest.approx(used, rel=1e-12)
    for resource, amount in report["used"].items():
        assert amount <= report["budget"][resource]


def test_a_problem_from_standard_input_finds_its_table_in_the_current_folder(
    folder: Path,
) -> None:
    (folder / "problem.toml").unlink()
    done = in_a_shell("$librex solve - --json", stdin=PROBLEM)
    assert done.error == ""
    assert done.report["objective"] == pytest.approx(2.5 + 3 * 0.75)


def test_knapsacks_of_the_or_library_are_solved_whole(librex: Run, folder: Path) -> None:
    (folder / "two.txt").write_text(KNAPSACKS)
    report = librex("solve", "two.txt", "--instance", "0", "--json").report
    assert report["model"] == "budget_only"
    assert report["objective"] == 5.0
    assert librex("solve", "two.txt", "--instance", "1", "--json").report["objective"] == 5.0


def test_export_writes_a_file_and_says_so(librex: Run, folder: Path) -> None:
    done = librex("export", "problem.toml", "problem.lp")
    assert (done.status, done.out) == (0, "wrote problem.lp\n")
    assert "+ 3.0 x(" in (folder / "problem.lp").read_text()
    done = librex("export", "problem.toml", "problem.mps.gz", "--json")
    assert done.report == {
        "path": "problem.mps.gz",
        "sidecar": None,
        "relative_gap": 0.0,
        "least_equivalent": 0.0,
        "negligible": 0.0,
        "exponent": 0,
    }


def test_export_says_what_tangents_are_good_for(librex: Run, folder: Path) -> None:
    text = PROBLEM.replace('"budget_only"', '"alpha_fair"\nalpha = 2')
    (folder / "fair.toml").write_text(text)
    done = librex("export", "fair.toml", "fair.lp", "--gap", "1e-3")
    assert done.status == 0
    assert done.out.startswith("wrote fair.lp\ntangents: the best decision is within 0.001 in")
    report = librex("export", "fair.toml", "fair.lp", "--json").report
    assert (report["relative_gap"], report["negligible"]) == (1e-4, 0.0)
    assert report["least_equivalent"] > 0.0
    assert librex("export", "fair.toml", "fair.nl").out == "wrote fair.nl\n"
    done = librex("export", "fair.toml", "fair.lp", "--gap", "1e-8")
    assert (done.status, done.out) == (2, "")
    assert "an .nl file" in done.error


def test_what_cannot_be_exported_ends_with_2_and_the_reason(librex: Run, folder: Path) -> None:
    done = librex("export", "problem.toml", "problem.xls")
    assert (done.status, done.out) == (2, "")
    assert "problem.xls" in done.error
    text = PROBLEM.replace("budget_only", "max_min")
    (folder / "fair.toml").write_text(text)
    done = librex("export", "fair.toml", "fair.lp")
    assert done.status == 2
    assert "fair.toml" in done.error
    assert "lexicographic = false" in done.error


def test_long_tables_end_and_say_so_unless_all_is_wanted(librex: Run) -> None:
    problem = CLUSTER.read_text().replace('"jobs.csv"', f"'{CLUSTER.parent / 'jobs.csv'}'")
    Path("all.toml").write_text(problem.replace("= 92 ", "= 999 ").replace("= 44.7", "= 999"))
    short = librex("solve", "all.toml", "--gap", "0.1").out
    everything = librex("solve", "all.toml", "--gap", "0.1", "--all").out
    assert "more option" in short
    assert "more option" not in everything
    assert everything.count("\n") > short.count("\n")


def test_the_gap_and_the_time_limit_of_the_command_line_win_over_the_file(
    librex: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("problem.toml").write_text(
        PROBLEM + "[solver]\nrelative_gap = 0.5\ntime_limit_seconds = 9\nseed = 3\n"
    )
    seen: list[dict[str, Any]] = []
    solve = Model.solve

    def watched(self: Model, **arguments: Any) -> Allocation:
        seen.append(arguments)
        return solve(self, **arguments)

    monkeypatch.setattr(Model, "solve", watched)
    librex("solve", "problem.toml")
    librex("solve", "problem.toml", "--gap", "0.25", "--time-limit", "7")
    names = ("relative_gap", "time_limit_seconds", "seed")
    assert [[arguments[name] for name in names] for arguments in seen] == [
        [0.5, 9, 3],
        [0.25, 7, 3],
    ]


def test_the_log_of_the_solver_goes_to_standard_error(librex: Run) -> None:
    done = librex("solve", "problem.toml", "--log", "--json")
    assert done.report["solver"] == "highs"
    assert done.error.strip()


# Who solves: option, environment, file, auto.


@pytest.mark.parametrize(
    ("file", "variable", "option", "expected"),
    [
        ("", "", "", "highs"),
        ("cvxpy:CLARABEL", "", "", "cvxpy:CLARABEL"),
        ("cvxpy:CLARABEL", "highs", "", "highs"),
        ("highs", "highs", "cvxpy:CLARABEL", "cvxpy:CLARABEL"),
        ("cvxpy:CLARABEL", "cvxpy:CLARABEL", "auto", "highs"),
        ("cvxpy:CLARABEL", "auto", "", "highs"),
    ],
)
def test_the_loudest_wish_for_a_solver_wins(
    librex: Run,
    monkeypatch: pytest.MonkeyPatch,
    require_solver: Callable[[str], None],
    file: str,
    variable: str,
    option: str,
    expected: str,
) -> None:
    require_solver("clarabel")
    if file:
        Path("problem.toml").write_text(f'{PROBLEM}[solver]\nname = "{file}"\n')
    monkeypatch.setenv("LIBREX_SOLVER", variable)
    wish = ["--solver", option] if option else []
    assert librex("solve", "problem.toml", "--json", *wish).report["solver"] == expected


def test_the_form_of_the_command_line_wins_over_the_file(librex: Run) -> None:
    Path("problem.toml").write_text(f'{PROBLEM}[solver]\nform = "pyomo"\n')
    assert librex("solve", "problem.toml", "--json").report["form"] == "pyomo"
    report = librex("solve", "problem.toml", "--json", "--form", "arrays").report
    assert report["form"] == "arrays"


# No allocation.


def test_a_limit_without_a_point_ends_with_1_and_the_reason(librex: Run) -> None:
    done = librex("solve", CLUSTER, "--time-limit", "0")
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("librex: no allocation: ")
    assert "time limit" in done.error


def test_a_limit_without_a_point_is_json_without_numbers(librex: Run) -> None:
    done = librex("solve", CLUSTER, "--time-limit", "0", "--json")
    assert done.status == 1
    assert done.report["status"] == "NO_SOLUTION_FOUND"
    assert done.report["limit"] == "TIME"
    assert done.report["bound"] == "inf"
    assert done.report["reason"] in done.error
    for name in ("objective", "equivalent", "decision", "allocated", "utility", "used", "price"):
        assert done.report[name] is None


def test_an_infeasible_problem_ends_with_1_and_the_proof(librex: Run) -> None:
    Path("problem.toml").write_text(PROBLEM + "[agents]\nminimum = 1\n")
    done = librex("solve", "problem.toml", "--json")
    assert done.status == 1
    assert done.report["verdict"] == "INFEASIBLE"
    assert "Proven" in done.error


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_refuted_answer_is_no_allocation(
    librex: Run, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    solve = Model.solve

    def refuted(self: Model, **arguments: Any) -> Allocation:
        allocation = solve(self, **arguments)
        certificate = replace(
            allocation.certificate, verdict=Verdict.REFUTED, sentence="It breaks a rule."
        )
        return replace(allocation, certificate=certificate)

    monkeypatch.setattr(Model, "solve", refuted)
    done = librex("solve", "problem.toml", *options)
    assert done.status == 1
    assert "It breaks a rule." in done.error
    assert done.out == "" if not options else done.report["verdict"] == "REFUTED"


# Bad input.


@pytest.mark.parametrize(
    ("changes", "arguments", "words"),
    [
        pytest.param({}, ["nothing.toml"], ["nothing.toml", "cannot be read"], id="no file"),
        pytest.param({}, ["."], [".", "suffix"], id="a folder"),
        pytest.param({}, ["jobs.csv"], ["jobs.csv", "[options]"], id="a table alone"),
        pytest.param({}, ["a.xlsx"], ["a.xlsx", ".toml"], id="another suffix"),
        pytest.param({"problem.toml": "[resources"}, [], ["problem.toml", "line 1"], id="no TOML"),
        pytest.param(
            {"problem.toml": PROBLEM + "alhpa = 1\n"},
            [],
            ["problem.toml", "fairness.alhpa", "'alpha'"],
            id="an unknown key",
        ),
        pytest.param(
            {"problem.toml": PROBLEM.replace("[fairness]\nmodel", "#")},
            [],
            ["problem.toml", "'fairness' is missing"],
            id="a missing table",
        ),
        pytest.param(
            {"jobs.csv": TABLE.replace("2.5,1", "2.5,one")},
            [],
            ["jobs.csv, line 3, column 'gpu'", "'one'"],
            id="a cell that is no number",
        ),
        pytest.param(
            {"problem.toml": PROBLEM.replace("jobs", "job")},
            [],
            ["options.table", "'job.csv'"],
            id="no table",
        ),
        pytest.param(
            {"jobs.csv": TABLE.replace("ann,3", "ann,-3"), "model": "proportional"},
            [],
            ["problem.toml", "option 0", "-3"],
            id="a reward below zero",
        ),
        pytest.param(
            {"jobs.csv": TABLE.replace("ann,3", "ann,0"), "model": "proportional"},
            [],
            ["problem.toml", "'ann'", "history"],
            id="an agent that cannot earn",
        ),
        pytest.param(
            {
                "problem.toml": PROBLEM.replace("budget_only", "max_min")
                + '[solver]\nroute = "plain"\n'
            },
            [],
            ["problem.toml", "lexicographic = false"],
            id="all levels of max-min in one program",
        ),
        pytest.param({}, ["--solver", "highz"], ["--solver", "'highs'"], id="an unknown solver"),
        pytest.param(
            {"problem.toml": PROBLEM + '[solver]\nname = "highz"\n'},
            [],
            ["problem.toml: solver.name", "'highs'"],
            id="an unknown solver in the file",
        ),
        pytest.param(
            {"problem.toml": PROBLEM + "[solver.native.highz]\npresolve = 'on'\n"},
            [],
            ["problem.toml: solver.native.highz", "'highs'"],
            id="options of an unknown solver",
        ),
        pytest.param(
            {"problem.toml": PROBLEM + "[solver.native.highs]\npresolv = 'on'\n"},
            [],
            ["problem.toml", "'presolv'", "'presolve'"],
            id="an unknown option of a solver",
        ),
        pytest.param(
            {"problem.toml": PROBLEM + "[decision]\ninteger = true\n"},
            ["--solver", "cvxpy:CLARABEL"],
            ["problem.toml", "whole", "'highs'"],
            id="a solver that cannot",
        ),
        pytest.param({}, ["--instance", "0"], ["--instance"], id="an instance of a problem file"),
        pytest.param(
            {"two.txt": KNAPSACKS}, ["two.txt"], ["two.txt", "--instance 0"], id="several knapsacks"
        ),
        pytest.param(
            {"two.dat": "3 1 x"}, ["two.dat"], ["two.dat, line 1", "'x'"], id="a damaged knapsack"
        ),
    ],
)
def test_bad_input_ends_with_2_and_names_what_is_wrong(
    librex: Run, changes: dict[str, str], arguments: list[str], words: list[str]
) -> None:
    for name, text in changes.items():
        if name == "model":
            Path("problem.toml").write_text(PROBLEM.replace("budget_only", text))
        else:
            Path(name).write_text(text)
    is_file = arguments and not arguments[0].startswith("--")
    done = librex("solve", *(arguments if is_file else ["problem.toml", *arguments]))
    assert (done.status, done.out) == (2, "")
    assert done.error.startswith("librex: error: ")
    for word in words:
        assert word in done.error


def test_an_unknown_solver_of_the_environment_is_named(
    librex: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBREX_SOLVER", "highz")
    done = librex("solve", "problem.toml")
    assert done.status == 2
    assert "LIBREX_SOLVER" in done.error


def test_every_wrong_key_has_a_line_of_its_own(librex: Run) -> None:
    Path("problem.toml").write_text(PROBLEM + "one = 1\ntwo = 2\n")
    lines = librex("solve", "problem.toml").error.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("librex: error: ")
    assert lines[1].startswith("  ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["solve"],
        ["solve", "problem.toml", "--gap", "-1"],
        ["solve", "problem.toml", "--gap", "much"],
        ["solve", "problem.toml", "--gap", "nan"],
        ["solve", "problem.toml", "--time-limit", "-1"],
        ["solve", "problem.toml", "--form", "excel"],
        ["solve", "problem.toml", "--nothing"],
        ["sovle", "problem.toml"],
    ],
)
def test_wrong_usage_ends_with_2(librex: Run, arguments: list[str]) -> None:
    done = librex(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.error


@pytest.mark.parametrize(
    ("command", "stdin", "word"),
    [
        ("$librex solve nothing.toml", "", "nothing.toml"),
        ("$librex solve -", "[resources", "line 1"),
        ("$librex solve -", b"\xff\xfe\x00", "UTF-8"),
        ("$librex solve - <&-", "", "standard input is closed"),
        ("$librex solve problem.toml >&-", "", "standard output is closed"),
        ("$librex solve problem.toml >/dev/full", "", "standard output"),
    ],
)
def test_no_bad_input_shows_a_traceback(
    folder: Path,  # noqa: ARG001
    command: str,
    stdin: str | bytes,
    word: str,
) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = in_a_shell(command, stdin)
    assert done.status == 2
    assert done.error.startswith("librex: error: ")
    assert word in done.error
    assert "Traceback" not in done.error


# Pipes, terminals, interruptions.


@pytest.mark.parametrize("options", ["", "--json"])
def test_a_reader_that_stops_reading_changes_nothing(options: str) -> None:
    done = in_a_shell(f"{{ $librex solve '{CLUSTER}' {options}; echo $? >&2; }} | head -c 1")
    assert len(done.out) == 1
    assert done.error == "0\n"


def test_a_pipe_gets_no_escape_codes(folder: Path) -> None:
    (folder / "jobs.csv").write_text(TABLE.replace("bob", "b\x1b[31mob [red]"))
    done = in_a_shell("$librex solve problem.toml", FORCE_COLOR="1", TERM="xterm-256color")
    assert done.status == 0
    assert "\x1b" not in done.out
    assert "b\\x1b[31mob [red]" in done.out


def test_a_terminal_without_the_letters_of_a_label_gets_their_codes(folder: Path) -> None:
    (folder / "jobs.csv").write_text(TABLE.replace("bob", "bøb"), encoding="utf-8")
    done = in_a_shell("$librex solve problem.toml", PYTHONIOENCODING="ascii")
    assert (done.status, done.error) == (0, "")
    assert "b\\xf8b" in done.out
    done = in_a_shell("$librex solve problem.toml --json", PYTHONIOENCODING="ascii")
    assert "bøb" in done.report["allocated"]


def test_an_interruption_before_the_solver_runs_is_a_status_of_its_own(
    librex: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(configuration, "read_configuration", interrupted)
    assert librex("solve", "problem.toml") == Done(130, "", "librex: interrupted\n")


# The rest.


def test_the_solvers_are_listed_with_what_they_can_do(librex: Run) -> None:
    done = librex("solvers")
    assert done.status == 0
    assert "highs" in done.out
    [highs] = [one for one in librex("solvers", "--json").report if one["name"] == "highs"]
    assert highs["is_ready"] is True
    assert highs["readiness"] == "READY"
    assert "WHOLE" in highs["capabilities"]
    assert highs["version"] in done.out


@pytest.mark.parametrize(
    ("arguments", "variables", "place"),
    [
        (["--solver", "cvxpy:nope"], {}, "--solver"),
        ([], {"LIBREX_SOLVER": "cvxpy:nope"}, "environment variable LIBREX_SOLVER"),
    ],
)
def test_a_solver_that_is_not_there_is_blamed_on_who_named_it(
    librex: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variables: dict[str, str],
    place: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = librex("solve", "problem.toml", *arguments)
    assert done.status == 2
    words = f"librex: error: {place}: cvxpy:NOPE cannot be used here: CVXPY has no NOPE here"
    assert done.error.replace("cvxpy:nope", "cvxpy:NOPE").startswith(words)


def test_a_solver_that_is_not_there_has_its_fallback(librex: Run, folder: Path) -> None:
    path = folder / "problem.toml"
    path.write_text(path.read_text() + '\n[solver]\nfallback = ["highs"]\n')
    report = librex("solve", "problem.toml", "--solver", "pyomo:nope", "--json").report
    assert [one["solver"] for one in report["attempts"]] == ["pyomo:nope", "highs"]
    assert report["verdict"] == "OPTIMAL"


def test_the_package_can_be_run() -> None:
    command = [sys.executable, "-m", "librex_models", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.startswith("librex ")


def test_an_error_of_the_system_without_words_is_not_none() -> None:
    code = (
        "import sys\nfrom librex_models import cli\nfrom librex_models.report import text\n"
        "def fail(*_):\n    raise OSError\n"
        "text.write_report = fail\nsys.argv = ['librex', 'solvers']\ncli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("librex: error: standard output: cannot be written: it says not")


def test_the_version_is_told(librex: Run) -> None:
    done = librex("--version")
    assert done.status == 0
    assert done.out.startswith("librex ")


@pytest.mark.parametrize("arguments", [["--help"], ["solve", "--help"], ["solvers", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom librex_models.cli import main\n"
        f"sys.argv = ['librex', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert "Usage" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_answer_is_that_of_python(librex: Run, folder: Path) -> None:
    report = librex("solve", "problem.toml", "--json").report
    allocation = BudgetOnly(read_problem(folder / "problem.toml")).solve()
    assert list(report["decision"].values()) == allocation.decision.tolist()
    assert report["bound"] == allocation.bound


# Solutions of others.


def test_check_prints_the_report_of_solve(librex: Run, folder: Path) -> None:
    (folder / "model.sol").write_text(SOLUTION)
    # Half of ann and bob use 2 of 2.5 units: 1 of 3 units short of the best.
    done = librex("check", "model.sol", "problem.toml", "--json")
    assert (done.status, done.error) == (0, "")
    assert done.report.keys() == librex("solve", "problem.toml", "--json").report.keys()
    assert (done.report["verdict"], done.report["solver"]) == ("FEASIBLE", "scip")
    assert done.report["decision"] == {"0": 0.5, "1": 1.0, "2": 0.0}
    assert librex("check", "model.sol", "problem.toml").out


def test_check_of_what_solve_printed_is_optimal(librex: Run, folder: Path) -> None:
    (folder / "result.json").write_text(librex("solve", "problem.toml", "--json").out)
    done = librex("check", "result.json", "problem.toml", "--json")
    assert (done.status, done.report["verdict"]) == (0, "OPTIMAL")


def test_a_refuted_solution_has_status_1_and_the_reason(librex: Run, folder: Path) -> None:
    (folder / "model.sol").write_text(SOLUTION.replace("value: -4", "value: -5"))
    done = librex("check", "model.sol", "problem.toml", "--json")
    assert (done.status, done.report["verdict"]) == (1, "REFUTED")
    assert done.error == (
        "librex: no allocation: model.sol: the answer of scip does not pass the verification. "
        "The solver claims the value 5, the decision is worth 4.\n"
    )
    assert librex("check", "model.sol", "problem.toml").out == ""


def test_a_solution_that_cannot_be_read_has_status_2(librex: Run, folder: Path) -> None:
    (folder / "model.sol").write_text("objective value: -4\nx[tom] 1 (obj:-2.5)\n")
    done = librex("check", "model.sol", "problem.toml")
    assert (done.status, done.out) == (2, "")
    assert "model.sol, line 2: the model has no column 'x[tom]'" in done.error


def test_check_says_what_is_wrong_with_the_problem(librex: Run, folder: Path) -> None:
    (folder / "model.sol").write_text(SOLUTION)
    (folder / "problem.toml").write_text(PROBLEM.replace("budget_only", "max_min"))
    done = librex("check", "model.sol", "problem.toml")
    assert done.status == 2
    assert done.error.startswith("librex: error: problem.toml: lexicographic")
    assert "lexicographic = false" in done.error
