"""Solvers that are asked in turn: what counts as trouble, and what is told of it."""

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models import cli
from librex_models.report.json_report import json_report
from solvers import Limit, Status
from solvers.errors import CapabilityError, LicenceError, OptionError, UpdateError
from tests.troubled_adapters import ADAPTERS, register

# The better half of a knapsack: 1 of the first, half of the second.
BEST = 4.5


@pytest.fixture(autouse=True)
def troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the troubled adapters as an installed package would."""
    register(tmp_path, monkeypatch)


def knapsack(**changes: object) -> lm.BudgetOnly:
    problem = lm.AllocationProblem([[2.0], [2.0]], [3.0], reward=[3.0, 3.0])
    return lm.BudgetOnly(problem.replace(**changes))


def test_solvers_of_other_packages_are_listed() -> None:
    assert {one.name for one in ADAPTERS} <= set(solvers.names())


TROUBLE = {
    "not_installed": "nobody installed it",
    "unlicensed": "the licence ended yesterday",
    "fails_to_open": "it is out of memory",
    "breaks_down": "it fell over",
    "fails_numerically": "singular",
    "stops_empty": "",
    "lies": "",
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_of_a_solver_is_followed_by_the_fallback(name: str) -> None:
    allocation = knapsack().solve(solver=name, fallback=["highs"])
    assert allocation.objective == pytest.approx(BEST)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.solver == "highs"
    assert [one.solver for one in allocation.attempts] == [name, "highs"]
    assert TROUBLE[name] in allocation.attempts[0].message
    assert allocation.attempts[1].why == "asked for as a fallback"


@pytest.mark.parametrize("name", ["not_installed", "unlicensed"])
def test_a_solver_that_could_not_be_asked_has_no_status(name: str) -> None:
    first, second = knapsack().solve(solver=name, fallback=["highs"]).attempts
    assert first.status is None
    assert second.status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("name", "status"),
    [("says_infeasible", Status.INFEASIBLE), ("interrupted", Status.NO_SOLUTION_FOUND)],
)
def test_what_is_no_trouble_of_the_solver_is_the_answer(name: str, status: Status) -> None:
    # Each has to get so much that only one decision keeps all rules, which no arithmetic sees.
    allocation = knapsack(agent_minimum=0.75).solve(solver=name, fallback=["highs"])
    assert allocation.status is status
    assert [one.solver for one in allocation.attempts] == [name]
    assert not allocation.has_point


@pytest.mark.parametrize("integer", [False, True])
def test_infeasible_where_the_lower_bounds_are_a_decision_is_refuted(integer: bool) -> None:
    model = knapsack(integer=integer)
    alone = model.solve(solver="says_infeasible")
    assert (alone.status, alone.verdict) == (Status.INFEASIBLE, lm.Verdict.REFUTED)
    allocation = model.solve(solver="says_infeasible", fallback=["highs"])
    assert allocation.solver == "highs"
    assert allocation.verdict is lm.Verdict.OPTIMAL


def test_nobody_else_is_asked_where_the_first_can() -> None:
    allocation = knapsack().solve(solver="highs", fallback=["breaks_down"])
    assert [one.solver for one in allocation.attempts] == ["highs"]


def test_fallbacks_are_asked_in_their_order() -> None:
    names = ["breaks_down", "stops_empty", "fails_to_open", "highs"]
    allocation = knapsack().solve(solver=names[0], fallback=names[1:])
    assert [one.solver for one in allocation.attempts] == names


def test_where_all_are_in_trouble_the_least_is_the_answer() -> None:
    allocation = knapsack().solve(solver="breaks_down", fallback=["stops_empty", "lies"])
    assert allocation.solver == "stops_empty"
    assert (allocation.status, allocation.limit) == (Status.NO_SOLUTION_FOUND, Limit.TIME)
    assert len(allocation.attempts) == 3


def test_a_lie_without_fallback_is_refuted_and_kept() -> None:
    allocation = knapsack().solve(solver="lies")
    assert allocation.verdict is lm.Verdict.REFUTED


def test_where_nobody_can_be_asked_every_reason_is_told() -> None:
    with pytest.raises(lm.errors.UnsolvableError, match="nobody installed it"):
        knapsack().solve(solver="not_installed")
    with pytest.raises(LicenceError, match=r"ended yesterday.*nobody installed"):
        knapsack().solve(solver="unlicensed", fallback=["not_installed"])


def test_a_fallback_that_cannot_solve_the_model_is_refused_at_once() -> None:
    with pytest.raises(lm.errors.UnsolvableError, match="cvxpy:CLARABEL cannot solve whole"):
        knapsack(integer=True).solve(solver="highs", fallback=["cvxpy:CLARABEL"])


def test_a_session_asks_the_first_again_after_trouble() -> None:
    with knapsack().open(solver="breaks_down", fallback=["highs"]) as session:
        assert session.solve().objective == pytest.approx(BEST)
        session.write(budget=[4.0])
        allocation = session.solve()
    assert allocation.objective == pytest.approx(6.0)
    assert [one.solver for one in allocation.attempts] == ["breaks_down", "highs"]


def test_an_update_that_a_fallback_refuses_reaches_nobody() -> None:
    model = knapsack()
    with model.open(solver="stops_empty", fallback=["stubborn"], forbid_rebuild=True) as session:
        # Both are open now.
        assert session.solve().objective == pytest.approx(BEST)
        with pytest.raises(UpdateError, match="nothing was changed"):
            session.write(budget=[4.0])
        allocation = session.solve()
        assert allocation.objective == pytest.approx(BEST)
        assert allocation.problem.budget.tolist() == [3.0]


# In a process of its own.


@pytest.mark.parametrize("name", ["aborts", "aborts_at_opening"])
def test_a_solver_that_aborts_its_process_is_followed_by_the_fallback(name: str) -> None:
    allocation = knapsack().solve(solver=name, fallback=["highs"], isolate=True)
    assert allocation.objective == pytest.approx(BEST)
    first, second = allocation.attempts
    assert (first.status, first.solver) == (Status.NUMERICAL_FAILURE, name)
    assert "was ended by SIGABRT" in first.message
    assert (second.status, second.solver) == (Status.OPTIMAL, "highs")


def test_a_solver_that_is_killed_while_it_solves_is_followed_by_the_fallback() -> None:
    """A real SIGKILL of the real process, which sleeps in its solve."""
    with knapsack().open(solver="sleeps", fallback=["scip"], isolate=True) as session:
        timer = threading.Timer(1.5, kill_children)
        timer.start()
        allocation = session.solve()
        timer.join()
    assert allocation.objective == pytest.approx(BEST)
    assert "was ended by SIGKILL" in allocation.attempts[0].message
    assert allocation.solver == "scip"


def kill_children() -> None:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        number, parent = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()[1]
        if int(parent) == os.getpid():
            os.kill(number, signal.SIGKILL)


def test_a_solver_that_aborts_without_a_fallback_leaves_the_caller_a_reason() -> None:
    allocation = knapsack().solve(solver="aborts", isolate=True)
    assert allocation.status is Status.NUMERICAL_FAILURE
    with pytest.raises(lm.errors.NoAllocationError, match="SIGABRT"):
        _ = allocation.decision


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi", "cvxpy:CLARABEL"])
def test_isolated_sessions_are_written_to_as_others_are(solver: str) -> None:
    with knapsack().open(solver=solver, isolate=True) as session:
        assert session.solve().objective == pytest.approx(BEST)
        session.write(budget=[4.0])
        allocation = session.solve()
    assert allocation.objective == pytest.approx(6.0)
    assert allocation.verdict is lm.Verdict.OPTIMAL


def test_the_command_line_isolates_where_the_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobs.csv").write_text("agent,reward,gpu\na,3,2\nb,3,2\n")
    (tmp_path / "problem.toml").write_text(
        '[resources]\ngpu = 3\n[options]\ntable = "jobs.csv"\n[fairness]\nmodel = "budget_only"\n'
        '[solver]\nname = "aborts"\nfallback = ["highs"]\nisolate = true\n'
    )
    monkeypatch.setattr(sys, "argv", ["librex", "solve", str(tmp_path / "problem.toml"), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    attempts = json.loads(capsys.readouterr().out)["attempts"]
    assert [one["solver"] for one in attempts] == ["aborts", "highs"]
    assert "SIGABRT" in attempts[0]["message"]


# What is told.


def test_attempts_and_their_reasons_are_in_the_json_report() -> None:
    allocation = knapsack().solve(solver="breaks_down", fallback=["highs"])
    attempts = json_report(allocation)["attempts"]
    assert [one["solver"] for one in attempts] == ["breaks_down", "highs"]
    assert attempts[0]["status"] == "NUMERICAL_FAILURE"
    assert "it fell over" in attempts[0]["message"]


def test_attempts_are_in_the_printed_summary() -> None:
    allocation = knapsack().solve(solver="not_installed", fallback=["highs"])
    assert "not_installed was not asked: nobody installed it" in str(allocation)


def test_attempts_are_in_both_logs(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []
    with caplog.at_level(logging.INFO, logger="librex_models"):
        knapsack().solve(solver="breaks_down", fallback=["highs"], log=lines.append)
    told = [line for line in lines if line.startswith("librex: ")]
    assert "it fell over" in told[0]
    assert told[1] == "librex: asking highs, a fallback"
    assert "it fell over" in caplog.text


def test_the_command_line_prints_the_attempts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobs.csv").write_text("agent,reward,gpu\nann,3,2\nbob,3,2\n")
    path = tmp_path / "problem.toml"
    path.write_text(
        '[resources]\ngpu = 3\n[options]\ntable = "jobs.csv"\n[fairness]\nmodel = "budget_only"\n'
        '[solver]\nname = "not_installed"\nfallback = ["breaks_down", "highs"]\n'
    )
    monkeypatch.setattr(sys, "argv", ["librex", "solve", str(path), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["solver"] for one in found["attempts"]] == ["not_installed", "breaks_down", "highs"]
    assert [one["status"] for one in found["attempts"]] == [None, "NUMERICAL_FAILURE", "OPTIMAL"]


# Whose word counts.


def written(folder: Path, solver: str) -> Path:
    (folder / "jobs.csv").write_text("agent,reward,gpu\nann,3,2\nbob,3,2\n")
    path = folder / "problem.toml"
    path.write_text(
        '[resources]\ngpu = 3\n[options]\ntable = "jobs.csv"\n[fairness]\nmodel = "budget_only"\n'
        f"{solver}"
    )
    return path


@pytest.mark.parametrize(
    ("option", "environment", "file", "expected"),
    [
        ("highs", "gurobi", "cvxpy:CLARABEL", "highs"),
        (None, "gurobi", "cvxpy:CLARABEL", "gurobi"),
        (None, None, "cvxpy:CLARABEL", "cvxpy:CLARABEL"),
        (None, "", "cvxpy:CLARABEL", "cvxpy:CLARABEL"),
        ("auto", "gurobi", "cvxpy:CLARABEL", "highs"),
        (None, "auto", "cvxpy:CLARABEL", "highs"),
        (None, None, None, "highs"),
    ],
)
def test_the_option_wins_over_the_environment_over_the_file(
    option: str | None,
    environment: str | None,
    file: str | None,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = written(tmp_path, "" if file is None else f'[solver]\nname = "{file}"\n')
    monkeypatch.delenv("LIBREX_SOLVER", raising=False)
    if environment is not None:
        monkeypatch.setenv("LIBREX_SOLVER", environment)
    arguments = [] if option is None else ["--solver", option]
    monkeypatch.setattr(sys, "argv", ["librex", "solve", str(path), "--json", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    assert json.loads(capsys.readouterr().out)["solver"] == expected


def test_a_keyword_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBREX_SOLVER", "gurobi")
    assert knapsack().solve().solver == "gurobi"
    assert knapsack().solve(solver="cvxpy:CLARABEL").solver == "cvxpy:CLARABEL"
    assert knapsack().solve(solver="auto").solver == "highs"


def test_an_unknown_solver_of_the_environment_is_named_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIBREX_SOLVER", "hihgs")
    with pytest.raises(solvers.errors.CapabilityError, match=r"LIBREX_SOLVER.*'hihgs'.*'highs'"):
        knapsack().solve()


def test_an_unknown_fallback_of_a_file_is_named_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, '[solver]\nfallback = ["highs", "hihgs"]\n')
    monkeypatch.setattr(sys, "argv", ["librex", "solve", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "solver.fallback[1]: there is no solver 'hihgs'" in capsys.readouterr().err


def test_a_tie_is_broken_by_the_order_of_names() -> None:
    assert knapsack().solve().solver == "highs"
    assert np.isfinite(knapsack().solve().bound)


@pytest.mark.parametrize("name", ["isolate", "forbid_rebuild"])
@pytest.mark.parametrize("value", ["yes", "false", 1, None])
def test_what_is_neither_true_nor_false_is_refused(name: str, value: object) -> None:
    with pytest.raises(lm.errors.ParameterError, match=f"{name} is {value!r}, expected True or"):
        knapsack().open(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("native", "error", "words"),
    [
        (5, lm.errors.ParameterError, "native is 5, expected options by solver"),
        ({"highs": 5}, OptionError, "native is 5, expected options by their names"),
        ({"highs": {5: "off"}}, OptionError, "native has an option 5, expected a name"),
        ({"presolve": "off"}, CapabilityError, "native holds options by solver"),
    ],
)
def test_native_options_stand_under_solver_and_name(
    native: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        knapsack().solve(solver="highs", native=native)


@pytest.mark.parametrize("solver", ["cvxpy:scs", "cvxpy:SCS"])
@pytest.mark.parametrize("key", ["cvxpy:scs", "cvxpy:SCS"])
def test_native_options_are_found_whatever_the_case_of_the_solver(solver: str, key: str) -> None:
    with pytest.raises(OptionError, match="nonsense"):
        knapsack().solve(solver=solver, native={key: {"nonsense": 1}})
