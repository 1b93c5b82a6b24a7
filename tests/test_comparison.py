"""One model by every solver in every form: every row there, every contradiction named, no other."""

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models import cli
from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.decision_frame import BACKENDS
from librex_models.report.comparison_report import comparison_json, comparison_report
from librex_models.report.json_report import json_text
from librex_models.report.tables import Table
from librex_models.report.text import plain_text
from solvers import Limit, Outcome, SolveOptions, Status
from solvers.errors import CapabilityError, OptionError
from tests.random_examples import examples
from tests.random_problems import random_problem
from tests.troubled_adapters import ADAPTERS, Troubled, TroubledSession, register

FORMS = ["arrays", "pyomo", "cvxpy"]
# The one or the other of two wholes: 3.1 is the best, 3 is not.
BEST = 3.1


class _ShortSession(TroubledSession):
    """Serves the second option only, and proves by its own bound that this is the best."""

    knows_a_bound = True

    def solve(self, options: SolveOptions) -> Outcome:
        found = super().solve(options)
        assert found.point is not None
        assert found.objective is not None
        # In whatever unit the program has.
        objective = found.objective * 3.0 / BEST
        return Outcome(
            status=Status.OPTIMAL,
            point=found.point[::-1].copy(),
            objective=objective,
            bound=objective if self.knows_a_bound else np.inf,
        )


class _ModestSession(_ShortSession):
    knows_a_bound = False


class _BoundlessSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:  # noqa: ARG002
        return Outcome(status=Status.UNBOUNDED, bound=np.inf)


class _PrintingSession(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:
        # As C does, past what Python calls standard output.
        os.write(1, b"noise of a solver\n")
        return super().solve(options)


class FallsShort(Troubled):
    name = "falls_short"
    session = _ShortSession


class IsModest(Troubled):
    name = "is_modest"
    session = _ModestSession


class SaysUnbounded(Troubled):
    name = "says_unbounded"
    session = _BoundlessSession


class Prints(Troubled):
    name = "prints"
    session = _PrintingSession


@pytest.fixture
def _troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, monkeypatch, [*ADAPTERS, FallsShort, IsModest, SaysUnbounded, Prints])


def one_of_two(**changes: Any) -> lm.BudgetOnly:
    arguments: dict[str, Any] = {
        "requests": [[2.0], [2.0]],
        "budget": {"gpu": 3.0},
        "reward": [3.1, 3.0],
        "agent": ["ann", "bob"],
        "integer": True,
    }
    return lm.BudgetOnly(lm.AllocationProblem(**(arguments | changes)))


def by_name(found: lm.Comparison) -> dict[str, Any]:
    return {row.name: row for row in found.rows}


# Rows.


def test_every_solver_and_form_has_a_row() -> None:
    found = lm.compare(one_of_two())
    assert [(row.solver, row.form) for row in found.rows] == [
        (solver, form) for solver in solvers.names() for form in FORMS
    ]
    for row in found.rows:
        # An answer, or why there is none, and never both.
        assert row.is_answered is not bool(row.why_not)
        if row.is_answered:
            assert row.objective == pytest.approx(BEST)
            assert row.allocation is not None
            assert (row.allocation.solver, row.allocation.form) == (row.solver, row.form)
    assert found.agrees
    assert sum(row.is_answered for row in found.rows if row.solver in ("highs", "scip")) == 6


def test_who_is_asked_can_be_said() -> None:
    found = lm.compare(one_of_two(), solvers=["scip", "highs", "scip"], forms=("cvxpy",))
    assert [(row.solver, row.form) for row in found.rows] == [("scip", "cvxpy"), ("highs", "cvxpy")]


def test_solvers_that_are_not_listed_can_be_asked() -> None:
    assert "cvxpy:XPRESS" not in solvers.names()
    [row] = lm.compare(one_of_two(), solvers=["cvxpy:XPRESS"], forms=["arrays"]).rows
    assert not row.is_answered
    assert row.why_not


@pytest.mark.usefixtures("_troubled")
@pytest.mark.parametrize(
    ("solver", "words"),
    [
        ("not_installed", "cannot be used here: nobody installed it"),
        ("cvxpy:CLARABEL", "cannot solve it: cvxpy:CLARABEL cannot solve whole decisions"),
        ("unlicensed", "the licence ended yesterday"),
    ],
)
def test_a_solver_that_cannot_has_a_row_with_the_reason(solver: str, words: str) -> None:
    found = lm.compare(one_of_two(), solvers=["highs", solver], forms=FORMS)
    without = [row for row in found.rows if row.solver == solver]
    assert [row.form for row in without] == FORMS
    assert all(words in row.why_not and row.objective is None for row in without)
    assert found.agrees
    assert found.best is not None
    assert words in found.unanswered[solver]
    assert words in str(found)


def test_a_solver_that_does_not_take_an_argument_has_a_row_that_says_so() -> None:
    found = lm.compare(
        one_of_two(), solvers=["highs", "scip"], forms=["arrays"], memory_limit_mb=500.0
    )
    highs, scip = found.rows
    assert "memory_limit_mb" in highs.why_not
    assert scip.objective == pytest.approx(BEST)


def test_the_arguments_of_solve_reach_every_solver() -> None:
    found = lm.compare(
        one_of_two(), solvers=["highs", "scip"], forms=["arrays"], time_limit_seconds=0.0
    )
    for row in found.rows:
        assert row.limit is Limit.TIME
    assert found.best is None
    assert found.agrees


def test_the_route_is_that_of_the_argument() -> None:
    model = lm.AlphaFair(one_of_two().problem.replace(integer=True), alpha=0.5)
    found = lm.compare(model, ["highs", "scip"], ["arrays"], route="plain")
    highs, scip = found.rows
    assert "linear rows only" in highs.why_not
    assert scip.allocation is not None
    assert scip.allocation.route == "plain"


def test_a_log_that_is_a_file_holds_the_lines_of_all(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    lm.compare(one_of_two(), ["highs", "scip"], ["arrays"], log=str(log))
    text = log.read_text()
    assert "HiGHS" in text
    assert "SCIP" in text or "presolving" in text


# Contradictions.


@pytest.mark.usefixtures("_troubled")
@pytest.mark.parametrize(
    ("solver", "words"),
    [
        ("says_infeasible", "refuted: The solver says that there is no decision, yet the lower"),
        ("says_unbounded", "refuted: The solver says that there is no best decision, yet every"),
        ("falls_short", "its bound 3.0000000"),
        ("is_modest", "says optimal at 3, below the value 3.1 verified for scip (arrays)"),
    ],
)
def test_what_contradicts_is_named(solver: str, words: str) -> None:
    found = lm.compare(one_of_two(), solvers=[solver, "scip"], forms=["arrays"])
    assert not found.agrees
    [difference] = found.differences
    assert difference.startswith(f"{solver} (arrays): {words}")
    assert by_name(found)["scip (arrays)"].difference == ""
    assert difference in str(found)
    assert found.best is by_name(found)["scip (arrays)"]


@pytest.mark.usefixtures("_troubled")
def test_infeasible_is_contradicted_by_a_decision_of_another_solver() -> None:
    # Its lower bounds serve nobody, and somebody must be served.
    model = one_of_two(agent=["one", "one"], agent_minimum=1.0)
    found = lm.compare(model, ["says_infeasible", "scip"], ["arrays"])
    [difference] = found.differences
    words = "says infeasible, against a decision verified for scip (arrays)"
    assert difference.startswith(f"says_infeasible (arrays): {words}")


@pytest.mark.usefixtures("_troubled")
def test_what_arithmetic_refutes_is_named() -> None:
    found = lm.compare(one_of_two(integer=False), solvers=["lies", "highs"], forms=["arrays"])
    [difference] = found.differences
    assert difference.startswith("lies (arrays): refuted: The solver claims the value ")
    assert found.best is by_name(found)["highs (arrays)"]


@pytest.mark.usefixtures("_troubled")
def test_alone_a_wrong_bound_is_not_seen() -> None:
    # What makes the comparison worth its time: nothing in the answer itself is wrong.
    allocation = one_of_two().solve("falls_short")
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert lm.compare(one_of_two(), ["falls_short"], ["arrays"]).agrees


@pytest.mark.usefixtures("_troubled")
@pytest.mark.parametrize("solver", ["breaks_down", "fails_numerically", "stops_empty"])
def test_a_solver_in_trouble_contradicts_nobody(solver: str) -> None:
    found = lm.compare(one_of_two(), solvers=[solver, "highs"], forms=["arrays"])
    assert found.agrees
    row = by_name(found)[f"{solver} (arrays)"]
    assert row.is_answered
    assert row.objective is None


@pytest.mark.usefixtures("_troubled")
@pytest.mark.parametrize(
    ("gaps", "agrees"),
    [
        ({}, False),
        ({"relative_gap": 0.03}, False),
        # (3.1 - 3) / 3.1 is 0.0323.
        ({"relative_gap": 0.033}, True),
        ({"absolute_gap": 0.09}, False),
        ({"absolute_gap": 0.11}, True),
    ],
)
def test_values_may_differ_by_the_gaps_asked_for(gaps: dict[str, float], agrees: bool) -> None:
    found = lm.compare(one_of_two(), ["is_modest", "highs"], ["arrays"], **gaps)
    assert found.agrees is agrees


def test_values_of_a_solver_that_stops_near_the_optimum_may_differ_by_its_proven_gap() -> None:
    model = one_of_two(integer=False, reward=[3.1, 3.0])
    found = lm.compare(model, ["highs", "cvxpy:SCS", "cvxpy:OSQP"], ["arrays"], relative_gap=0.0)
    assert found.agrees, found


@pytest.mark.usefixtures("_troubled")
def test_an_infeasible_problem_has_no_best_and_no_contradiction() -> None:
    model = one_of_two(agent_minimum=1.0)
    found = lm.compare(model, ["highs", "scip", "says_infeasible"], FORMS)
    assert found.agrees
    assert found.best is None
    assert {row.status for row in found.rows} == {Status.INFEASIBLE}


def test_infeasible_is_right_to_say_where_every_decision_has_a_welfare_of_minus_infinity() -> None:
    # The budget serves one of the two, and with alpha 2 the other's zero counts as minus infinity.
    problem = one_of_two(group=["red", "blue"], budget={"gpu": 2.0}).problem
    found = lm.compare(lm.GroupAlphaFair(problem, 2.0), ["highs", "scip", "gurobi"], ["arrays"])
    assert found.agrees, found


def test_a_point_of_no_welfare_contradicts_nobody() -> None:
    # Serving agent 0 uses the first budget up, which agent 2 needs: somebody always gets nothing.
    problem = lm.AllocationProblem(
        [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [1.0, 7.0, 7.0], [1.0, 8.0, 0.0]],
        [1.0, 10.0, 4.0],
        [4.0, 1.0, 5.0, 5.0],
        agent=[0, 1, 1, 2],
        agent_limit=np.inf,
        integer=[True, True, False, False],
    )
    found = lm.compare(lm.AlphaFair(problem, 2.0), ["scip", "gurobi"], ["arrays"])
    assert found.agrees, found


@pytest.mark.usefixtures("_troubled")
def test_after_an_interruption_nobody_else_is_asked() -> None:
    found = lm.compare(one_of_two(), ["highs", "interrupted", "scip"], ["arrays"])
    highs, interrupted, scip = found.rows
    assert highs.is_answered
    assert interrupted.limit is Limit.INTERRUPT
    assert scip.why_not == "not asked: interrupted before"


@pytest.mark.parametrize(
    "family",
    [
        lm.BudgetOnly,
        lambda problem: lm.MaxMin(problem, lexicographic=False),
        lambda problem: lm.GroupAlphaFair(problem, 0.5),
    ],
)
def test_solvers_of_random_problems_agree(family: Callable[..., lm.Model]) -> None:
    asked = ["highs", "scip", "pyomo:glpk", "cvxpy:CLARABEL"]
    for seed in range(examples(500)):
        problem = random_problem(np.random.default_rng(seed), fairness=True)
        found = lm.compare(family(problem), asked, [FORMS[seed % 3]])
        assert found.agrees, f"seed {seed}: {found}"


# What is wrong with the question.


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"solvers": ["highz"]}, CapabilityError, "did you mean 'highs'?"),
        ({"solvers": "highs"}, ParameterError, "solvers is 'highs', expected a list of names"),
        ({"solvers": []}, ParameterError, "solvers is [], expected a list of names"),
        ({"forms": ["excel"]}, ParameterError, "form is 'excel', expected one of arrays, pyomo"),
        ({"route": "fast"}, ParameterError, "route is 'fast'"),
        ({"solver": "highs"}, ParameterError, "compare takes no solver: solvers=[...]"),
        ({"fallback": ["scip"]}, ParameterError, "compare takes no fallback"),
        ({"time_limit": 3}, ParameterError, "compare takes no 'time_limit'"),
        ({"relative_gap": -1.0}, OptionError, "relative_gap is -1.0"),
        ({"native": {"highz": {}}}, CapabilityError, "did you mean 'highs'?"),
        ({"start": [1.0]}, ShapeError, "start has shape (1,), expected (2,)"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(
    arguments: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        lm.compare(one_of_two(), **arguments)
    assert words in str(caught.value)


def test_a_problem_is_no_model() -> None:
    with pytest.raises(ParameterError, match="compare takes a model, not a AllocationProblem"):
        lm.compare(one_of_two().problem)  # type: ignore[arg-type]


def test_rewards_must_be_known() -> None:
    with pytest.raises(ParameterError, match="the problem has no reward yet"):
        lm.compare(one_of_two(reward=None))


# What it looks like.


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_frame_has_one_row_a_solver_and_form(backend: str) -> None:
    pytest.importorskip(backend)
    found = lm.compare(one_of_two(), ["highs", "cvxpy:CLARABEL"], FORMS)
    frame = found.to_frame(backend)
    columns = list(frame.columns if backend != "pyarrow" else frame.column_names)
    assert columns == [
        *("solver", "form", "route", "status", "limit", "verdict", "objective", "bound"),
        *("gap", "seconds", "why_not", "difference"),
    ]
    assert len(frame) == 6
    if backend == "polars":
        assert frame["objective"].to_list() == [pytest.approx(BEST)] * 3 + [None] * 3
        assert frame["solver"].to_list() == ["highs"] * 3 + ["cvxpy:CLARABEL"] * 3


def test_it_prints_as_a_table() -> None:
    found = lm.compare(one_of_two(), ["highs", "cvxpy:CLARABEL"], FORMS)
    head, *rows = str(found).splitlines()
    assert head.split() == [
        *("solver", "form", "status", "verdict", "objective", "bound", "gap", "seconds")
    ]
    assert rows[0].split()[:6] == ["highs", "arrays", "OPTIMAL", "OPTIMAL", "3.1", "3.1"]
    assert rows[3] == "cvxpy:CLARABEL: cannot solve it: cvxpy:CLARABEL cannot solve whole decisions"
    assert rows[-1] == "3 of 6 answered; nothing contradicts."


@pytest.mark.usefixtures("_troubled")
def test_the_report_says_the_same() -> None:
    found = lm.compare(one_of_two(), ["highs", "not_installed", "is_modest"], ["arrays"])
    parts = comparison_report(found)
    answers, without = (part for part in parts if isinstance(part, Table))
    assert [row[:2] for row in answers.rows] == [("highs", "arrays"), ("is_modest", "arrays")]
    assert without.rows == [("not_installed", "cannot be used here: nobody installed it")]
    text = plain_text(parts)
    assert found.differences[0] in text
    assert text.endswith("2 of 3 answered; 1 contradicts.\n")


@pytest.mark.usefixtures("_troubled")
def test_json_holds_every_row_and_no_number_that_json_lacks() -> None:
    found = lm.compare(one_of_two(), ["highs", "stops_empty", "not_installed"], ["arrays"])

    def refuse(name: str) -> NoReturn:
        raise AssertionError(name)

    content = json.loads(json_text(comparison_json(found)), parse_constant=refuse)
    highs, empty, missing = content["rows"]
    assert highs["objective"] == pytest.approx(BEST)
    assert (empty["status"], empty["limit"]) == ("NO_SOLUTION_FOUND", "TIME")
    assert (empty["objective"], empty["bound"], empty["gap"]) == (None, "inf", "inf")
    assert missing["status"] is None
    assert missing["why_not"] == "cannot be used here: nobody installed it"
    assert content["best"] == {"solver": "highs", "form": "arrays"}
    assert (content["agrees"], content["differences"]) == (True, [])


# The command.

PROBLEM = """[resources]
gpu = 3
[options]
csv = '''
agent,reward,gpu
ann,3.1,2
bob,3,2
'''
[fairness]
model = "budget_only"
[decision]
integer = true
"""


@pytest.fixture
def librex(
    tmp_path: Path,
    _troubled: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, str]]:
    (tmp_path / "problem.toml").write_text(PROBLEM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIBREX_SOLVER", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["librex", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capfd.readouterr()
        assert isinstance(ended.value.code, int | None)
        return ended.value.code or 0, printed.out, printed.err

    return run


Run = Callable[..., tuple[int, str, str]]
TWO = ("--solver", "highs", "--solver", "scip", "--form", "arrays", "--form", "cvxpy")


def test_the_command_ends_with_0_where_all_agree(librex: Run) -> None:
    status, out, error = librex("compare", "problem.toml", *TWO)
    assert (status, error) == (0, "")
    assert out.endswith("4 of 4 answered; nothing contradicts.\n")


@pytest.mark.parametrize("solver", ["says_infeasible", "falls_short", "is_modest"])
def test_the_command_ends_with_1_where_something_contradicts(librex: Run, solver: str) -> None:
    status, out, error = librex("compare", "problem.toml", *TWO, "--solver", solver)
    assert status == 1
    assert "What contradicts:" in out
    assert error.startswith("librex: answers contradict: problem.toml\n")
    assert f"{solver} (cvxpy): " in error


@pytest.mark.parametrize("solver", ["cvxpy:CLARABEL", "not_installed", "stops_empty"])
def test_the_command_ends_with_1_where_there_is_no_allocation(librex: Run, solver: str) -> None:
    status, out, error = librex("compare", "problem.toml", "--solver", solver)
    assert status == 1
    assert out
    assert error.startswith("librex: no allocation: problem.toml: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.toml"], "nothing.toml: cannot be read"),
        (["problem.toml", "--solver", "highz"], "--solver: there is no solver 'highz'; did you"),
        (["problem.toml", "--form", "excel"], "excel"),
        (["problem.toml", "--gap", "-1"], "--gap"),
        (["problem.toml", "--instance", "0"], "--instance"),
        (["no_reward.toml"], "no_reward.toml: the problem has no reward yet"),
    ],
)
def test_the_command_ends_with_2_for_bad_input(
    librex: Run, arguments: list[str], words: str
) -> None:
    text = PROBLEM.replace("agent,reward,", "agent,").replace("3.1,2", "2").replace("3,2", "2")
    Path("no_reward.toml").write_text(text.replace("[options]", "[options]\nhas_reward = false"))
    status, out, error = librex("compare", *arguments)
    assert (status, out) == (2, "")
    assert words in error


def test_the_settings_of_the_file_are_taken_and_its_solver_is_not(librex: Run) -> None:
    settings = '[solver]\nname = "scip"\nform = "pyomo"\nfallback = ["scip"]\nnode_limit = 7\n'
    Path("problem.toml").write_text(PROBLEM + settings)
    asked = ("--solver", "stops_empty", "--solver", "cvxpy:SCIPY", "--form", "arrays", "--json")
    status, out, _ = librex("compare", "problem.toml", *asked)
    empty, scipy = json.loads(out)["rows"]
    assert status == 1
    assert (empty["solver"], empty["form"]) == ("stops_empty", "arrays")
    assert empty["status"] == "NO_SOLUTION_FOUND"
    assert "node_limit" in scipy["why_not"]


def test_the_environment_names_no_solver_to_compare(
    librex: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBREX_SOLVER", "scip")
    status, out, _ = librex("compare", "problem.toml", "--solver", "highs", "--json")
    assert status == 0
    assert {row["solver"] for row in json.loads(out)["rows"]} == {"highs"}


@pytest.mark.parametrize("command", ["solve", "compare"])
def test_what_a_solver_prints_is_not_in_the_answer(librex: Run, command: str) -> None:
    status, out, error = librex(command, "problem.toml", "--solver", "prints", "--json")
    assert status == 0
    assert json.loads(out)
    assert "noise of a solver\n" in error


def test_the_answers_stand_in_a_report_on_a_terminal() -> None:
    from librex_models.report.text import write_report

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    write_report(comparison_report(lm.compare(one_of_two(), ["highs"], ["arrays"])), stream)
    assert "The answers" in stream.getvalue()
