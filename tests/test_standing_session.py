"""A standing session opens once; copies, other processes and what was closed open anew."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.analysis.standing_session import StandingSession
from librex_models.errors import ParameterError
from librex_models.model import Model
from tests.layer_problems import capped, rewards

Floats = npt.NDArray[np.float64]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every opening of a session adds the process."""
    processes: list[int] = []
    genuine = Model.open

    def counted(self: Model, **options: Any) -> Any:
        processes.append(os.getpid())
        return genuine(self, **options)

    monkeypatch.setattr(Model, "open", counted)
    return processes


def standing(**options: Any) -> StandingSession:
    return StandingSession(lm.AlphaFair(capped(1), 2.0), **options)


def test_one_session_serves_all_solves(opened: list[int]) -> None:
    session = standing()
    for reward in rewards(1, 3):
        session.solve(reward)
    assert len(opened) == 1


def test_an_unknown_option_is_refused_at_once() -> None:
    with pytest.raises(ParameterError, match="relative_gapp"):
        standing(relative_gapp=1e-6)


def test_a_closed_one_opens_anew(opened: list[int]) -> None:
    session, [reward] = standing(), rewards(1, 1)
    before = session.solve(reward).decision
    session.close()
    session.close()
    np.testing.assert_allclose(session.solve(reward).decision, before, atol=1e-9)
    assert len(opened) == 2


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_a_copy_opens_its_own(copied: Any, opened: list[int]) -> None:
    session, [reward] = standing(solver="highs"), rewards(1, 1)
    before = session.solve(reward)
    other = copied(session)
    assert len(opened) == 1
    found = other.solve(reward)
    assert found.solver == "highs"
    np.testing.assert_allclose(found.decision, before.decision, atol=1e-9)
    other.close()
    # The copy was closed, not this one.
    session.solve(reward)
    assert len(opened) == 2


# Later Pythons warn of any fork beside threads, such as those of numpy.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("solver", ["auto", "highs"])
def test_another_process_opens_its_own(solver: str) -> None:
    session, both = standing(solver=solver), rewards(1, 2)
    before = [session.solve(reward).decision for reward in both]
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def work() -> None:
        sending.send(np.stack([session.solve(reward).decision for reward in both]))
        session.close()

    process = context.Process(target=work)
    process.start()
    assert receiving.poll(60.0)
    np.testing.assert_allclose(receiving.recv(), before, atol=1e-9)
    process.join(60.0)
    assert process.exitcode == 0
    np.testing.assert_allclose(session.solve(both[0]).decision, before[0], atol=1e-9)


def test_threads_take_turns(opened: list[int]) -> None:
    session, many = standing(), rewards(1, 12)
    expected = [session.solve(reward).decision for reward in many]
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(lambda reward: session.solve(reward).decision, many))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert len(opened) == 1
