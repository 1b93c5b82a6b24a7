"""Every benchmark runs at a tiny size and checks its own answers; no time is judged."""

import json
from pathlib import Path

import numpy as np
import pytest

import librex_models as lm
from tests.benchmarks import __main__ as command
from tests.benchmarks import build, layer, learning_round, resolve, start_up, write
from tests.benchmarks.bare_highs import Arrays, check_agreement, objective_of
from tests.benchmarks.measuring import Measurement, Stopwatch, in_turns, table

pytest.importorskip("highspy")


def test_build_compares_with_bare_highs() -> None:
    [small, large] = build.run(sizes=(3, 30), repeats=1)
    assert (small.case, large.case, small.repeats) == ("N = 3", "N = 30", 1)
    assert small.ratio > 0


def test_resolve_compares_with_bare_highs() -> None:
    [measurement] = resolve.run(sizes=(50,), repeats=4)
    assert (measurement.benchmark, measurement.repeats) == ("resolve", 4)
    assert min(measurement.librex_seconds, measurement.bare_seconds) > 0


def test_a_learning_round_compares_with_bare_highs() -> None:
    [measurement] = learning_round.run(sizes=(50,), repeats=4)
    assert (measurement.benchmark, measurement.repeats) == ("learning round", 4)
    assert min(measurement.librex_seconds, measurement.bare_seconds) > 0


def test_start_up_compares_two_imports() -> None:
    [measurement] = start_up.run(repeats=1)
    assert measurement.librex_seconds > 0


def test_write_compares_with_the_writer_of_highs() -> None:
    [mps, lp] = write.run(sizes=(30,), repeats=2)
    assert (mps.benchmark, lp.benchmark, lp.repeats) == ("write mps", "write lp", 2)
    assert min(mps.ratio, lp.ratio) > 0


def test_the_layer_is_skipped_aloud_without_its_peer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(layer, "find_spec", lambda _: None)
    assert layer.run() == []
    assert "torch and cvxpylayers not installed" in capsys.readouterr().out


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


def test_a_block_that_fails_is_not_counted() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="broken"), watch.taking("librex"):
        raise ValueError("broken")
    for way in ("librex", "bare"):
        with watch.taking(way):
            pass
    assert watch.measurement("none", "none").repeats == 1


def measured() -> list[Measurement]:
    return [
        Measurement(
            benchmark="build", case="N = 3", librex_seconds=0.003, bare_seconds=0.002, repeats=5
        )
    ]


def test_the_table_states_the_ratio() -> None:
    [head, row] = table(measured()).splitlines()
    assert head.split() == ["benchmark", "case", "librex", "ms", "bare", "ms", "ratio"]
    assert row.split() == ["build", "N", "=", "3", "3.000", "2.000", "1.50"]


def test_the_command_runs_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BENCHMARKS", {"build": measured, "resolve": measured})
    file = tmp_path / "benchmarks.json"
    command.main(["build", "--json", str(file)])
    printed = capsys.readouterr().out
    assert "highspy" in printed
    assert printed.count("N = 3") == 1
    written = json.loads(file.read_text())
    assert written["measurements"][0]["ratio"] == pytest.approx(1.5)
    assert written["machine"]["python"]
    command.main([])
    assert capsys.readouterr().out.count("N = 3") == 2


def test_an_unknown_benchmark_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["bulid"])
    assert "there is no benchmark 'bulid', only build" in capsys.readouterr().err
