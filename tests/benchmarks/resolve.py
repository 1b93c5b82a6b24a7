"""Re-solve: other rewards written into an open session, to a verified allocation.

The bare way changes the costs of an open HiGHS object, runs it and reads the point.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from librex_models import Allocation, Session
from tests.benchmarks.bare_highs import Arrays, Floats, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns

SIZES = (1_000, 10_000)
REPEATS = 60


def run(
    choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES, repeats: int = REPEATS
) -> list[Measurement]:
    """Return one measurement for each number of options."""
    return [
        _measured(Arrays(size), repeats) for size in sizes if choice.takes(f"N = {size:,}", LIBREX)
    ]


def _measured(arrays: Arrays, repeats: int) -> Measurement:
    highs = arrays.pass_to_highs()
    highs.run()
    with arrays.model().open(solver="highs") as session:
        check_agreement(session.solve(), objective_of(highs))
        watch = _timed(arrays, session, highs, repeats)
        if session.rebuilds:
            raise RuntimeError(f"a session was rebuilt: {'; '.join(session.reasons)}")
    return watch.measurement("resolve", f"N = {arrays.n_options:,}")


def _timed(arrays: Arrays, session: Session, highs: Any, repeats: int) -> Stopwatch:
    watch = Stopwatch()
    generator = np.random.default_rng(0)
    found: list[Allocation] = []
    points: list[Floats] = []

    for round_number in range(repeats):
        reward = arrays.reward * generator.uniform(0.9, 1.1, arrays.n_options)

        def librex(reward: Floats = reward) -> None:
            with watch.taking(LIBREX):
                session.write(reward=reward)
                found.append(session.solve())

        def bare(reward: Floats = reward) -> None:
            with watch.taking(BARE):
                highs.changeColsCost(arrays.n_options, arrays.columns, reward)
                highs.run()
                points.append(np.array(highs.getSolution().col_value))

        in_turns(round_number, librex, bare)
        check_agreement(found.pop(), objective_of(highs))
        points.clear()
    return watch
