"""What a sampler has learned survives: bit for bit, after a kill, and never as something else."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librex_models as lm
from librex_models import thompson
from librex_models.errors import FileError
from librex_models.thompson.state_file import Journal, line_of, read_entries
from tests.killed_sampler import begun, digest, model, step
from tests.random_examples import examples

REPOSITORY = Path(__file__).resolve().parent.parent

POSTERIORS: dict[str, Any] = {
    "beta": lambda n: thompson.BetaBernoulli(n, rewards="trial"),
    "gamma": lambda n: thompson.GammaPoisson(n, window=7),
    "gaussian": lambda n: thompson.Gaussian(n, clip_at_zero=True, discount=0.9),
    "linear": lambda n: thompson.BayesianLinear(
        n, 2, features=np.random.default_rng(0).random((n, 2)), clip_at_zero=True
    ),
}


def problem(whole: bool) -> lm.AllocationProblem:
    rng = np.random.default_rng(4)
    return lm.AllocationProblem(
        rng.uniform(0.1, 1.0, (8, 2)),
        [2.0, 2.0],
        group=["a", "b"] * 4,
        history={"a": 0.1, "b": 0.1},
        upper=1.0,
        integer=whole,
    )


def outcomes(kind: str, rng: np.random.Generator, n: int) -> Any:
    return {
        "beta": rng.random(n),
        "gamma": rng.poisson(1.0, n),
        "gaussian": np.abs(rng.normal(1.0, 1.0, n)),
        "linear": np.abs(rng.normal(1.0, 1.0, n)),
    }[kind]


@pytest.mark.parametrize("kind", POSTERIORS)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("family", [lm.BudgetOnly, lm.Proportional])
def test_after_a_restart_everything_goes_on_as_it_would_have(
    tmp_path: Path, kind: str, whole: bool, family: Callable[[lm.AllocationProblem], lm.Model]
) -> None:
    one = family(problem(whole))
    settings: dict[str, Any] = {"solver": "highs", "seed": 3}
    if family is lm.Proportional:
        settings |= {"cumulates": True}
    horizon = thompson.Horizon(rounds=130, budget=[150.0, 150.0])
    sampler = thompson.ThompsonAllocator(one, POSTERIORS[kind](8), horizon=horizon, **settings)
    rng = np.random.default_rng(5)
    for _ in range(20):
        chosen = np.flatnonzero(sampler.allocate().decision)
        sampler.update(chosen, outcomes(kind, rng, len(chosen)), rounds=sampler.round)
    sampler.save(tmp_path / "state.json")
    again = thompson.ThompsonAllocator.load(tmp_path / "state.json", one)
    assert again._state() == sampler._state()
    # A hundred with all examples.
    for _ in range(10 * examples(10)):
        first, second = sampler.allocate(), again.allocate()
        np.testing.assert_array_equal(
            sampler.rounds[sampler.round].draw, again.rounds[again.round].draw
        )
        if whole:
            np.testing.assert_array_equal(first.decision, second.decision)
        else:
            np.testing.assert_allclose(first.decision, second.decision, rtol=0, atol=1e-9)
        chosen = np.flatnonzero(np.minimum(first.decision, second.decision) > 1e-6)
        seen = outcomes(kind, rng, len(chosen))
        for each in (sampler, again):
            each.update(chosen, seen, rounds=each.round)
    sampler.close()
    again.close()


@pytest.mark.parametrize("family", [lm.BudgetOnly, lm.MaxMin])
def test_ties_are_broken_after_a_restart_as_before(
    tmp_path: Path, family: Callable[[lm.AllocationProblem], lm.Model]
) -> None:
    # Nearly all draws of such a prior are 1 to the last bit: linear programs have many answers,
    # and a solver that goes on from the round before finds another than one that begins.
    rng = np.random.default_rng(3)
    one = family(
        lm.AllocationProblem(
            rng.integers(1, 5, (8, 2)).astype(float), [9.0, 9.0], group=["a", "b"] * 4, upper=1.0
        )
    )
    posterior = thompson.BetaBernoulli(8, 0.5, 0.001)
    sampler = thompson.ThompsonAllocator(one, posterior, solver="highs", seed=0)
    for _ in range(10):
        sampler.allocate()
    sampler.save(tmp_path / "state.json")
    again = thompson.ThompsonAllocator.load(tmp_path / "state.json", one)
    for _ in range(30):
        first, second = sampler.allocate(), again.allocate()
        np.testing.assert_allclose(first.decision, second.decision, rtol=0, atol=1e-9)
    sampler.close()
    again.close()


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    one = problem(True)
    with thompson.ThompsonAllocator(lm.BudgetOnly(one), thompson.BetaBernoulli(8)) as sampler:
        sampler.save(path)
    others = [
        lm.Proportional(one),
        lm.BudgetOnly(one.replace(budget=[2.0, 2.5])),
        lm.BudgetOnly(one.replace(upper=2.0)),
        lm.BudgetOnly(problem(False)),
    ]
    for other in others:
        with pytest.raises(FileError, match="of another model"):
            thompson.ThompsonAllocator.load(path, other)
    # Rewards are not read.
    same = lm.BudgetOnly(one.replace(reward=np.ones(8)))
    thompson.ThompsonAllocator.load(path, same).close()


def test_settings_are_saved_and_solvers_can_be_changed(tmp_path: Path) -> None:
    path, one = tmp_path / "state.json", lm.BudgetOnly(problem(True))
    floors = {0: 0.5}
    with thompson.ThompsonAllocator(
        one,
        thompson.BetaBernoulli(8),
        solver="highs",
        service_floors=floors,
        relative_gap=1e-3,
        keep_rounds=7,
    ) as sampler:
        sampler.allocate()
        sampler.save(path)
        state = sampler._state()
    with thompson.ThompsonAllocator.load(path, one) as again:
        assert again._state() == state
        assert again.allocate().solver == "highs"
    with thompson.ThompsonAllocator.load(path, one, solver="scip") as other:
        assert other.allocate().solver == "scip"


# Journals.


def journal_of(path: Path, n_steps: int) -> list[str]:
    """Write a journal and return the hashes of all states that were acknowledged."""
    sampler = begun(str(path))
    hashes = [digest(sampler)]
    for _ in range(n_steps):
        step(sampler)
        hashes.append(digest(sampler))
    sampler.close()
    return hashes


def test_options_of_solvers_are_saved_where_json_can_hold_them(tmp_path: Path) -> None:
    options: dict[str, Any] = {"threads": np.int64(1), "time_limit_seconds": np.inf, "log": print}
    posterior = thompson.BetaBernoulli(model().problem.n_options)
    with thompson.ThompsonAllocator(model(), posterior, solver="highs", **options) as sampler:
        sampler.save(tmp_path / "state")
    (state,), _ = read_entries(tmp_path / "state")
    assert state["settings"]["opened_with"] == {"solver": "highs", "threads": 1}


def test_a_journal_is_the_state_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    hashes = journal_of(path, 30)
    with thompson.ThompsonAllocator.load(path, model(), journal=True) as sampler:
        assert digest(sampler) == hashes[-1]
        step(sampler)
        after = digest(sampler)
    with thompson.ThompsonAllocator.load(path, model()) as again:
        assert digest(again) == after


def test_a_file_that_was_cut_off_is_a_state_that_was_acknowledged(tmp_path: Path) -> None:
    path, cut = tmp_path / "journal", tmp_path / "cut"
    hashes = journal_of(path, 40)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    first_line = content.index(b"\n") + 1
    lengths = rng.integers(0, len(content), examples(1000))
    for length in [*lengths.tolist(), 0, first_line - 1, first_line, len(content) - 1]:
        cut.write_bytes(content[:length])
        if length < first_line:
            with pytest.raises(FileError, match="no whole state"):
                thompson.ThompsonAllocator.load(cut, model())
            continue
        with thompson.ThompsonAllocator.load(cut, model()) as sampler:
            finished = content[:length].count(b"\n") - 1
            assert digest(sampler) == hashes[finished]


def test_after_a_cut_the_journal_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    hashes = journal_of(path, 10)
    path.write_bytes(path.read_bytes()[:-7])
    with thompson.ThompsonAllocator.load(path, model(), journal=True) as sampler:
        assert digest(sampler) == hashes[-2]
        step(sampler)
        assert digest(sampler) == hashes[-1]
    with thompson.ThompsonAllocator.load(path, model()) as again:
        assert digest(again) == hashes[-1]


def test_what_is_damaged_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal_of(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        damaged = lines.copy()
        middle = len(damaged[number]) // 2
        byte = bytes([damaged[number][middle] ^ 1])
        damaged[number] = damaged[number][:middle] + byte + damaged[number][middle + 1 :]
        path.write_bytes(b"".join(damaged))
        with pytest.raises(FileError, match=f"line {number + 1}: is damaged"):
            thompson.ThompsonAllocator.load(path, model())


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other"
    with pytest.raises(FileError, match="cannot be read"):
        thompson.ThompsonAllocator.load(path, model())
    path.write_text("{}\n")
    with pytest.raises(FileError, match="line 1: is damaged, or no line"):
        thompson.ThompsonAllocator.load(path, model())
    path.write_text(line_of({"a": 1}))
    with pytest.raises(FileError, match="no state of a Thompson sampler"):
        thompson.ThompsonAllocator.load(path, model())


@pytest.mark.parametrize("key", ["posterior", "generator", "round", "purse", "earned", "settings"])
def test_a_state_that_lacks_something_is_named(tmp_path: Path, key: str) -> None:
    path = tmp_path / "journal"
    journal_of(path, 2)
    state = read_entries(path)[0][0]
    del state[key]
    path.write_text(line_of(state))
    with pytest.raises(FileError, match=f"lacks '{key}'"):
        thompson.ThompsonAllocator.load(path, model())


def test_a_journal_is_not_begun_over_another_file(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("mine")
    with pytest.raises(FileError, match="exists"):
        begun(str(path))
    assert path.read_text() == "mine"


def test_two_samplers_cannot_go_on_with_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = begun(str(path))
    with pytest.raises(FileError, match="another process goes on"):
        thompson.ThompsonAllocator.load(path, model(), journal=True)
    first.close()
    thompson.ThompsonAllocator.load(path, model(), journal=True).close()


def test_a_long_journal_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("librex_models.thompson.record.MOST_ENTRIES", 8)
    path = tmp_path / "journal"
    hashes = journal_of(path, 30)
    assert len(read_entries(path)[0]) <= 9
    with thompson.ThompsonAllocator.load(path, model()) as sampler:
        assert digest(sampler) == hashes[-1]


def test_a_journal_goes_on_with_other_options(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    fewer = lm.BudgetOnly(lm.AllocationProblem(np.ones((3, 1)), [2.0], integer=True))
    with begun(str(path)) as sampler:
        for _ in range(6):
            step(sampler)
        sampler.change_model(fewer)
        step(sampler)
        after = digest(sampler)
    with thompson.ThompsonAllocator.load(path, fewer) as again:
        assert digest(again) == after
    with pytest.raises(FileError, match="of another model"):
        thompson.ThompsonAllocator.load(path, model())


def test_what_cannot_be_written_down_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    sampler = begun(str(path))
    step(sampler)
    before = digest(sampler)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(FileError, match="No space left"):
            step(sampler)
    with pytest.raises(FileError, match="load it again"):
        sampler.allocate()
    sampler.close()
    with thompson.ThompsonAllocator.load(path, model()) as again:
        assert digest(again) == before


def test_an_interrupt_while_writing_leaves_no_half_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    sampler = begun(str(path))
    step(sampler)
    before, size = digest(sampler), path.stat().st_size

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sampler.allocate()
    assert path.stat().st_size == size
    with pytest.raises(FileError, match="load it again: KeyboardInterrupt"):
        sampler.allocate()
    sampler.close()
    with thompson.ThompsonAllocator.load(path, model()) as again:
        assert digest(again) == before


def test_other_options_that_cannot_be_written_down_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    fewer = lm.BudgetOnly(lm.AllocationProblem(np.ones((3, 1)), [2.0], integer=True))
    with begun(str(path)) as sampler:
        step(sampler)
        before = digest(sampler)

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("librex_models.thompson.state_file.write_whole", full)
            with pytest.raises(FileError, match="No space left"):
                sampler.change_model(fewer)
        assert digest(sampler) == before
        step(sampler)
        after = digest(sampler)
    with thompson.ThompsonAllocator.load(path, model()) as again:
        assert digest(again) == after


def test_a_journal_that_has_grown_since_it_was_read_is_not_cut_back(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with begun(str(path)) as sampler:
        step(sampler)
        _, length = read_entries(path)
        step(sampler)
    grown = path.read_bytes()
    with pytest.raises(FileError, match="changed by another process: load it again"):
        Journal(path, length=length)
    assert path.read_bytes() == grown


def test_an_interrupt_between_memory_and_journal_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    sampler = begun(str(path))
    before = digest(sampler)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("librex_models.thompson.allocator.count_round", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sampler.allocate()
    with pytest.raises(FileError, match="load it again"):
        sampler.allocate()
    sampler.close()
    with thompson.ThompsonAllocator.load(path, model()) as again:
        assert again.round == 1
        assert digest(again) != before


@pytest.mark.parametrize("seed", range(examples(50)))
def test_a_kill_leaves_a_state_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "journal"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.killed_sampler", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    said = [process.stdout.readline().strip()]
    time.sleep(float(np.random.default_rng(seed).uniform(0.0, 0.5)))
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    said += rest.split("\n")[:-1]
    assert process.returncode == -signal.SIGKILL
    with thompson.ThompsonAllocator.load(path, model()) as sampler:
        found = digest(sampler)
    # What is on the disk may be one call further than what the process could say.
    assert found in {said[-1], _after(tmp_path, len(said))}
    assert sampler.left is not None


def _after(folder: Path, n_steps: int) -> str:
    """Return the state that an undisturbed process has after so many steps."""
    return journal_of(folder / "undisturbed", n_steps)[-1]


def test_a_line_is_its_own_proof() -> None:
    line = line_of({"what": "round", "x": [0.1, 1e300]})
    said, text = line[:8], line[9:-1]
    assert json.loads(text) == {"what": "round", "x": [0.1, 1e300]}
    assert len(said) == 8
    with pytest.raises(ValueError, match="not JSON compliant"):
        line_of({"x": float("nan")})
