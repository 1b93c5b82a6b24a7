"""Every benchmark runs at a tiny size and checks its own answers; no time is judged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librex_models as lm
from tests.benchmarks import __main__ as command
from tests.benchmarks import (
    build,
    fairness,
    growth,
    instructions,
    layer,
    learning_round,
    memory,
    resolve,
    resolve_matrix,
    resolve_solvers,
    resolve_whole,
    start_up,
    threads,
    write,
)
from tests.benchmarks.bare_highs import Arrays, check_agreement, objective_of
from tests.benchmarks.choice import Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns, rounds
from tests.benchmarks.resolve_solvers import Bare, BareGurobi, BareLinearScip, BareScip
from tests.benchmarks.table import figure, table
from tests.benchmarks.targets import REASONS, TARGETS, Target, reason_of

pytest.importorskip("highspy")


def measured_both(measurement: Measurement) -> bool:
    assert measurement.value is not None
    assert measurement.bare is not None
    return min(measurement.value, measurement.bare) > 0


def test_build_compares_with_bare_highs() -> None:
    [small, new, large, _] = build.run(sizes=(3, 30), repeats=1, peers=())
    assert (small.case, large.case, small.repeats) == ("N = 3", "N = 30", 1)
    assert new.case == "N = 3, new memory"
    assert small.ratio is not None
    assert small.ratio > 0


def test_memory_is_that_of_new_processes() -> None:
    [measurement] = memory.run(sizes=(2_000,))
    assert (measurement.case, measurement.unit) == ("N = 2,000", "MB")
    assert measurement.value is not None
    assert measurement.bare is not None


def test_growth_is_the_slope_of_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    [measurement, last] = growth.run(sizes=(3, 30, 300), repeats=1)
    assert (measurement.case, last.case) == ("N = 3 to 300", "N = 30 to 300")
    assert measurement.value is not None
    # Of the larger one first, and of both ways.
    seconds = iter([8.0, 9.0, 1.0, 1.0])
    build = lambda: next(seconds)  # noqa: E731
    monkeypatch.setattr(growth, "_ways", lambda _: {"librex": build, "bare": build})
    [measurement] = growth.run(sizes=(10, 100), repeats=1)
    assert measurement.value == pytest.approx(np.log10(8.0))
    assert measurement.bare == pytest.approx(np.log10(9.0))


def test_instructions_are_those_of_the_rounds_between(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(way: str, _: int, rounds: int) -> instructions.Counted:
        return instructions.Counted(10**9 + rounds * of_round[way], optimum[way])

    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/valgrind")
    monkeypatch.setattr(instructions, "_counted", counted)
    of_round = {"librex": 3_000_000, "bare": 2_000_000}
    optimum = {"librex": 7.0, "bare": 7.0}
    [measurement] = instructions.run(sizes=(5,), fewer=2, more=6)
    assert (measurement.value, measurement.bare, measurement.unit) == (3.0, 2.0, "million")
    optimum["bare"] = 7.1
    with pytest.raises(RuntimeError, match=r"Librex finds 7\.0, bare HiGHS 7\.1"):
        instructions.run(sizes=(5,))


def test_instructions_are_not_counted_without_valgrind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    [measurement] = instructions.run(sizes=(5,))
    assert measurement.value is None
    assert "valgrind not installed" in measurement.remark


@pytest.mark.parametrize("n_options", [30, 300])
def test_both_ways_re_solve_to_the_same_optimum(n_options: int) -> None:
    librex, bare = (
        instructions.resolve_in_this_process(way, n_options, 3) for way in ("librex", "bare")
    )
    assert librex == pytest.approx(bare, rel=1e-6)


def test_resolve_compares_with_bare_highs() -> None:
    [measurement] = resolve.run(sizes=(50,), repeats=4, peers=())
    assert (measurement.benchmark, measurement.repeats) == ("resolve", 4)
    assert measured_both(measurement)


@pytest.mark.parametrize("kind", [BareLinearScip, BareScip, BareGurobi])
def test_resolve_compares_with_the_bare_solver(
    kind: type[Bare], require_solver: Callable[[str], None]
) -> None:
    require_solver(kind.solver)
    [measurement] = resolve_solvers.run(cases=(("small", kind, 50),), repeats=3)
    assert (measurement.against, measurement.repeats) == (kind.name, 3)
    assert measured_both(measurement)


def test_a_solver_that_is_not_installed_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve_solvers, "find_spec", lambda _: None)
    rows = resolve_solvers.run()
    assert {row.ratio for row in rows} == {None}
    assert rows[-1].remark == "gurobipy not installed"


def test_rewards_in_the_matrix_are_compared_with_either_bare_way() -> None:
    rows = resolve_matrix.run(sizes=(60,), repeats=3)
    assert [row.case for row in rows] == [
        "max-min, N = 60, entry by entry",
        "max-min, N = 60, new matrix, last basis",
    ]
    assert all(measured_both(row) for row in rows)


def test_whole_decisions_are_compared_with_bare_highs() -> None:
    [measurement] = resolve_whole.run(sizes=(30,), repeats=3)
    assert measured_both(measurement)


def test_threads_are_compared_with_one_after_the_other() -> None:
    [measurement] = threads.run(sizes=(50,), n_solves=3, repeats=2)
    assert (measurement.unit, measurement.case) == ("", "N = 50")
    assert measured_both(measurement)


def test_a_learning_round_compares_with_bare_highs() -> None:
    [measurement] = learning_round.run(sizes=(50,), repeats=4)
    assert (measurement.benchmark, measurement.repeats) == ("learning_round", 4)
    assert measured_both(measurement)


def test_fairness_compares_with_cvxpy() -> None:
    [ours, theirs] = fairness.run(cases=((12, 3),), repeats=2)
    assert (ours.way, theirs.way) == ("librex", "CVXPY + SCS")
    assert (ours.case, ours.against, ours.repeats) == ("N = 12, 3 groups", "CVXPY + Clarabel", 2)
    assert measured_both(ours)
    assert measured_both(theirs)


def test_start_up_compares_imports_and_times_commands() -> None:
    [package, model, *commands] = start_up.run(repeats=1)
    assert measured_both(package)
    assert measured_both(model)
    assert [one.case for one in commands] == [
        "librex --help",
        "librex solve",
        "librex solve, 60 jobs",
    ]
    assert all(one.value is not None and one.bare is None for one in commands)


def test_one_command_is_timed_alone() -> None:
    [measurement] = start_up.run(Choice(case="librex --help"), repeats=1)
    assert measurement.case == "librex --help"


def test_write_compares_with_the_writer_of_highs() -> None:
    [mps, lp] = write.run(sizes=(30,), repeats=2)
    assert (mps.case, lp.case, lp.repeats) == ("mps, N = 30", "lp, N = 30", 2)
    assert measured_both(mps)
    assert measured_both(lp)


def test_the_rows_of_the_layer_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "find_spec", lambda _: None)
    rows = layer.run()
    assert len(rows) == len(layer.CASES)
    assert {row.ratio for row in rows} == {None}
    assert all("torch and cvxpylayers not installed" in row.remark for row in rows)


def test_other_gradients_than_those_of_the_peer_are_an_error() -> None:
    ours = [np.ones(3), np.ones(3), np.ones(2)]
    layer.check_same(ours, ours)
    with pytest.raises(RuntimeError, match="gradients by rewards differ by 1"):
        layer.check_same(ours, [np.ones(3), np.full(3, 2.0), np.ones(2)])


def test_another_answer_than_that_of_bare_highs_is_an_error() -> None:
    arrays = Arrays(20)
    highs = arrays.pass_to_highs()
    with pytest.raises(RuntimeError, match="bare HiGHS ended with"):
        objective_of(highs)
    highs.run()
    allocation = arrays.model().solve(solver="highs")
    check_agreement(allocation, objective_of(highs))
    with pytest.raises(RuntimeError, match="Librex finds"):
        check_agreement(allocation, 1.01 * objective_of(highs))


def test_an_allocation_that_is_not_verified_is_an_error() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], reward=[2.0, 1.0], integer=True)
    allocation = lm.BudgetOnly(problem).solve(solver="highs", time_limit_seconds=0.0)
    with pytest.raises(RuntimeError, match="not verified"):
        check_agreement(allocation, 2.0)


def test_the_two_ways_take_turns() -> None:
    order: list[str] = []
    for round_number in range(3):
        in_turns(round_number, lambda: order.append("first"), lambda: order.append("second"))
    assert order == ["first", "second", "second", "first", "first", "second"]


def test_rounds_end_with_the_time_but_not_before_the_third() -> None:
    assert list(rounds(5, seconds=60.0)) == [0, 1, 2, 3, 4]
    assert list(rounds(5, seconds=0.0)) == [0, 1, 2]
    assert list(rounds(2, seconds=0.0)) == [0, 1]


def test_a_block_that_fails_is_not_counted() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="broken"), watch.taking(LIBREX):
        raise ValueError("broken")
    for way in (LIBREX, BARE):
        with watch.taking(way):
            pass
    assert watch.measurement("none", "none").repeats == 1


def row(value: float | None = 0.003, bare: float | None = 0.002, **other: Any) -> Measurement:
    given = {"benchmark": "build", "case": "N = 100,000"} | other
    return Measurement(value=value, bare=bare, **given)


def measured(_: Choice) -> list[Measurement]:
    return [row(), row(case="N = 3"), row(way="linopy")]


def test_the_table_states_the_ratio_and_the_target() -> None:
    head, line = table([row()]).splitlines()
    assert head.split() == ["benchmark", "case", "way", "takes", "bare", "ratio", "target"]
    cells = [cell.strip() for cell in line.split("  ") if cell]
    assert cells == ["build", "N = 100,000", "librex", "3 ms", "2 ms", "1.50", "≤ 2"]


def test_the_table_says_what_missed_its_target_and_what_was_not_measured() -> None:
    _, slow, missing = table([row(0.005), row(None, way="peer", remark="broken")]).splitlines()
    assert slow.endswith("missed")
    assert missing.endswith("broken")


def test_figures_are_shown_in_their_units() -> None:
    shown = [figure(0.5, "s"), figure(1234.5, "MB"), figure(1.0456, ""), figure(None, "s")]
    assert shown == ["500 ms", "1,234 MB", "1.05", "-"]


def test_targets_limit_ratios_and_values_from_above_and_below() -> None:
    assert Target(limit=1.5).is_met_by(row())
    assert not Target(limit=1.4).is_met_by(row())
    assert Target(limit=1.5, at_least=True).is_met_by(row())
    assert not Target(limit=1.6, at_least=True).is_met_by(row())
    assert Target(limit=0.003, figure="value").is_met_by(row())
    assert Target(limit=1.0).is_met_by(row(None)) is None


def test_a_missed_target_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = row(0.005)
    monkeypatch.delitem(REASONS, ("build", "N = 100,000"), raising=False)
    assert reason_of(slow) == "not explained yet"
    monkeypatch.setitem(REASONS, ("build", "N = 100,000"), "names are made")
    assert reason_of(slow) == "names are made"
    assert [reason_of(one) for one in (row(), row(0.005, way="linopy"))] == [None, None]


def test_targets_and_reasons_are_those_of_benchmarks() -> None:
    assert {benchmark for benchmark, _ in TARGETS} <= command.BENCHMARKS.keys()
    assert REASONS.keys() <= TARGETS.keys()


def test_the_command_runs_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BENCHMARKS", {"build": measured, "resolve": measured})
    file = tmp_path / "benchmarks.json"
    command.main(["build", "--json", str(file)])
    printed = capsys.readouterr().out
    assert "highspy" in printed
    assert printed.count("N = 3") == 1
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["measurements"][0]["ratio"] == pytest.approx(1.5)
    assert written["machine"]["python"]
    command.main([])
    assert capsys.readouterr().out.count("N = 3") == 2


def test_the_command_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BENCHMARKS", {"build": measured})
    file = tmp_path / "benchmarks.md"
    command.main(["--page", str(file)])
    written = file.read_text(encoding="utf-8")
    assert "| N = 100,000 | linopy |" in written
    assert "Every benchmark runs at a tiny size" in written


def test_the_command_repeats_one_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BENCHMARKS", {"build": measured})
    command.main(["build", "--case", "n = 100,000", "--peer", "Linopy"])
    *_, head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("benchmark")
    assert "linopy" in line


def test_a_row_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BENCHMARKS", {"build": measured})
    with pytest.raises(SystemExit):
        command.main(["build", "--case", "N = 4"])
    assert "no row has the case 'N = 4'" in capsys.readouterr().err


def test_an_unknown_benchmark_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["bulid"])
    assert "there is no benchmark 'bulid', only start_up" in capsys.readouterr().err
