"""Peers of the benchmarks: they answer rightly, or their row says why there is no figure.

Those that are not installed are skipped here; how the benchmarks deal with peers is tested with a
stand-in.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import build, resolve
from tests.benchmarks.bare_highs import Arrays, Floats, objective_of
from tests.benchmarks.choice import Choice
from tests.benchmarks.measuring import Measurement
from tests.benchmarks.peers import own_process
from tests.benchmarks.peers.comparing import absence, accuracy, error_of, row_of_peer, running
from tests.benchmarks.peers.in_process import InProcess
from tests.benchmarks.peers.peer import Peer, PeerFailed, UserArrays
from tests.benchmarks.peers.registry import PEERS
from tests.stand_in_peer import BREAKS, ELSEWHERE, ENDS, OVERSPENDS, PEER, StandInModel

ARRAYS = Arrays(30)
OF_OURS = [peer for peer in PEERS if peer.environment is None]
WAYS = [PEER, ELSEWHERE]


def optimum(reward: Floats) -> float:
    highs = ARRAYS.pass_to_highs()
    highs.changeColsCost(ARRAYS.n_options, ARRAYS.columns, reward)
    highs.run()
    return objective_of(highs)


def first(reward: float) -> Floats:
    return np.concatenate([[reward], ARRAYS.reward[1:]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("peer", [*OF_OURS, *WAYS], ids=lambda peer: peer.name)
def test_a_peer_finds_the_optimum_for_one_reward_after_another(peer: Peer) -> None:
    reason = absence(peer, ARRAYS.n_options)
    if reason is not None:
        pytest.skip(reason)
    generator = np.random.default_rng(1)
    with running(peer, ARRAYS.of_user()) as runner:
        for _ in range(2):
            assert runner.build() > 0
        for _ in range(3):
            reward = generator.permutation(ARRAYS.reward)
            seconds, decision = runner.resolve(reward)
            given = ARRAYS.of_user()._replace(reward=reward)
            assert error_of(peer, given, decision, optimum(reward)) <= peer.tolerance
            assert seconds > 0


def test_names_of_peers_are_their_own() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_a_peer_of_another_process_is_found_by_its_module() -> None:
    modules = [peer.module for peer in PEERS if peer.module is not None]
    assert len(set(modules)) == len(modules)
    assert all(peer.module is not None for peer in PEERS if peer.environment is not None)


@pytest.mark.parametrize(
    ("decision", "problem"),
    [
        pytest.param([1.0, 0.0], "its reward differs by 0.33", id="less than the optimum"),
        pytest.param([0.6, 0.6], "a budget is exceeded by 0.2", id="too much spent"),
        pytest.param([-0.1, 1.1], "a bound is exceeded by 0.1", id="out of bounds"),
        pytest.param([np.nan, 1.0], "differs by nan", id="no number"),
    ],
)
def test_a_wrong_answer_is_refused(decision: list[float], problem: str) -> None:
    arrays = UserArrays(np.array([[1.0], [1.0]]), np.array([1.0]), np.array([1.0, 1.5]))
    objective = 1.5 if problem.startswith("its") else float(arrays.reward @ decision)
    with pytest.raises(PeerFailed, match=f"stand-in answers wrongly: .*{problem}"):
        error_of(PEER, arrays, np.array(decision), objective)


def test_an_answer_within_the_tolerance_of_its_solver_says_how_far_it_is_off() -> None:
    arrays = UserArrays(np.array([[1.0], [1.0]]), np.array([1.0]), np.array([1.0, 1.5]))
    rough = replace(PEER, tolerance=1e-2)
    error = error_of(rough, arrays, np.array([0.001, 1.0]), 1.5)
    assert error == pytest.approx(1e-3)
    assert accuracy([0.0, error]) == "; answers are off by up to 0.001"
    assert accuracy([0.0, 1e-9]) == ""


@pytest.mark.parametrize("peer", WAYS, ids=lambda peer: peer.name)
def test_what_is_built_and_solved_gets_a_row(peer: Peer) -> None:
    for benchmark in (build, resolve):
        choice = Choice(way=peer.name)
        [row] = benchmark.run(choice, sizes=(20,), repeats=3, peers=[peer])
        assert (row.case, row.way, row.repeats) == ("N = 20", peer.name, 3)
        assert row.ratio is not None
        assert row.ratio > 0


def test_a_peer_that_builds_no_model_of_highs_has_no_row_of_building() -> None:
    rows = build.run(sizes=(20,), repeats=1, peers=[replace(PEER, builds=False)])
    assert {row.way for row in rows} == {"librex"}


@pytest.mark.parametrize("peer", WAYS, ids=lambda peer: peer.name)
@pytest.mark.parametrize(
    ("reward", "reason"),
    [(BREAKS, "broke down"), (OVERSPENDS, "answers wrongly: a budget is exceeded")],
    ids=["breaks down", "answers wrongly"],
)
def test_a_peer_that_fails_has_the_reason_in_its_row(
    peer: Peer, reward: float, reason: str
) -> None:
    def measure() -> Measurement:
        with running(peer, ARRAYS.of_user()) as runner:
            runner.build()
            _, decision = runner.resolve(first(reward))
            error_of(peer, ARRAYS.of_user(), decision, optimum(ARRAYS.reward))
        raise AssertionError("it did not fail")

    row = row_of_peer("build", "N = 30", peer, 30, measure)
    assert row.value is None
    assert reason in row.remark


def test_a_process_that_ends_is_reported_with_its_code() -> None:
    with running(ELSEWHERE, ARRAYS.of_user()) as runner:
        runner.build()
        with pytest.raises(PeerFailed, match="the process of elsewhere ended with code 7"):
            runner.resolve(first(ENDS))


def test_what_goes_wrong_elsewhere_is_said_in_one_line() -> None:
    with running(ELSEWHERE, ARRAYS.of_user()) as runner:
        runner.build()
        with pytest.raises(PeerFailed, match=r"elsewhere failed in its own process: broke down$"):
            runner.resolve(first(BREAKS))
        _, decision = runner.resolve(ARRAYS.reward)
    assert len(decision) == 30


def test_nothing_is_solved_before_it_is_built() -> None:
    with pytest.raises(RuntimeError, match="stand-in has built nothing"):
        InProcess(PEER, ARRAYS.of_user()).resolve(ARRAYS.reward)


def test_a_model_is_closed_when_another_one_is_built() -> None:
    built: list[StandInModel] = []

    def remembered(arrays: UserArrays) -> StandInModel:
        built.append(StandInModel(arrays))
        return built[-1]

    with running(replace(PEER, build=remembered), ARRAYS.of_user()) as runner:
        runner.build()
        runner.build()
        assert [model.is_open for model in built] == [False, True]
    assert [model.is_open for model in built] == [False, False]


def test_what_a_peer_prints_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    for peer in WAYS:
        with running(peer, ARRAYS.of_user()) as runner:
            runner.build()
            runner.resolve(ARRAYS.reward)
    print("this is")
    assert capfd.readouterr().out == "this is\n"


def test_a_peer_that_is_not_there_has_a_row_that_says_so() -> None:
    missing = replace(PEER, packages=("scipy", "no-such-package"))
    [_, row] = resolve.run(sizes=(20,), repeats=1, peers=[missing])
    assert (row.value, row.repeats, row.ratio) == (None, 0, None)
    assert row.remark == "not installed: no-such-package (make bench)"


def test_a_peer_is_not_asked_for_more_than_it_can_do() -> None:
    small = replace(PEER, most_options=1_000, beyond="it fails")
    assert absence(small, 1_000) is None
    assert absence(small, 1_001) == "not asked for more than 1,000 options: it fails"


def test_an_environment_that_is_not_made_to_its_end_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_process, "REPOSITORY", tmp_path)
    away = replace(ELSEWHERE, environment="away")
    (tmp_path / "away").mkdir()
    assert "needs an environment of its own, away (make bench)" in str(absence(away, 10))
    (tmp_path / "away" / ".installed").touch()
    assert absence(away, 10) is None


def test_versions_of_packages_elsewhere_are_those_of_their_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_process, "REPOSITORY", tmp_path)
    for name, version in (("scipy", "0.1"), ("numpy", "0.2")):
        folder = tmp_path / "away" / "lib" / "python3" / "site-packages" / f"{name}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    peers = [PEER, replace(ELSEWHERE, environment="away")]
    assert own_process.versions_elsewhere(peers) == {}
    (tmp_path / "away" / ".installed").touch()
    assert own_process.versions_elsewhere(peers) == {"scipy": "0.1"}


def test_rewards_for_a_check_of_many_options_leave_few_in_question() -> None:
    many = Arrays(20_000)
    reward = many.rewards_to_check()
    clear = (reward == 0.0) | (reward == 2.0)
    assert 0.96 < clear.mean() < 0.99
    np.testing.assert_array_equal(reward[~clear], many.reward[~clear])
    np.testing.assert_array_equal(ARRAYS.rewards_to_check(), ARRAYS.reward)
