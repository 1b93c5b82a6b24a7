"""Threads: two sessions that re-solve in two threads, against one after the other.

The figure is how many times as fast two threads are; the bare one is that of two HiGHS objects
without Librex. The best of several counts: on a machine that does other work, both cores are
seldom free.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from librex_models import Session
from tests.benchmarks.bare_highs import Arrays, Floats, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement

SIZES = (10_000,)
N_SOLVES = 20
REPEATS = 15

Work = Callable[[Sequence[Floats]], None]


def run(
    choice: Choice = EVERYTHING,
    *,
    sizes: Sequence[int] = SIZES,
    n_solves: int = N_SOLVES,
    repeats: int = REPEATS,
) -> list[Measurement]:
    """Return one measurement for each number of options."""
    return [
        _measured(size, n_solves, repeats) for size in sizes if choice.takes(_case(size), LIBREX)
    ]


def _case(n_options: int) -> str:
    return f"N = {n_options:,}"


def _measured(n_options: int, n_solves: int, repeats: int) -> Measurement:
    arrays = Arrays(n_options)
    generator = np.random.default_rng(0)
    rewards = [
        [arrays.reward * generator.uniform(0.9, 1.1, n_options) for _ in range(n_solves)]
        for _ in range(2)
    ]
    best: dict[str, tuple[float, float]] = {}
    with ExitStack() as stack:
        sessions = [stack.enter_context(arrays.model().open(solver="highs")) for _ in range(2)]
        objects = [arrays.pass_to_highs() for _ in range(2)]
        ways: dict[str, list[Work]] = {
            LIBREX: [partial(_by_session, session) for session in sessions],
            BARE: [partial(_by_highs, arrays, highs) for highs in objects],
        }
        for _ in range(1 + repeats):
            for way, work in ways.items():
                taken = _in_turn(work, rewards), _at_once(work, rewards)
                before = best.get(way, (np.inf, np.inf))
                best[way] = min(taken[0], before[0]), min(taken[1], before[1])
        for session, highs in zip(sessions, objects, strict=True):
            check_agreement(session.solve(), objective_of(highs))
    return Measurement(
        benchmark="threads",
        case=_case(n_options),
        value=best[LIBREX][0] / best[LIBREX][1],
        bare=best[BARE][0] / best[BARE][1],
        unit="",
        repeats=repeats,
        remark="times as fast as one after the other",
    )


def _by_session(session: Session, rewards: Sequence[Floats]) -> None:
    for reward in rewards:
        session.write(reward=reward)
        session.solve()


# The type of `highs` is that of highspy, which has none for its native part.
def _by_highs(arrays: Arrays, highs: Any, rewards: Sequence[Floats]) -> None:
    for reward in rewards:
        highs.changeColsCost(arrays.n_options, arrays.columns, reward)
        highs.run()
        np.array(highs.getSolution().col_value)


def _in_turn(work: Sequence[Work], rewards: Sequence[Sequence[Floats]]) -> float:
    start = time.perf_counter()
    for one, own in zip(work, rewards, strict=True):
        one(own)
    return time.perf_counter() - start


def _at_once(work: Sequence[Work], rewards: Sequence[Sequence[Floats]]) -> float:
    threads = [
        threading.Thread(target=one, args=(own,)) for one, own in zip(work, rewards, strict=True)
    ]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start
