"""Growth: the exponent with which the time of building grows with the number of options.

One is linear: the slope of a line through the logarithms of least times and sizes, of Librex's and
of the bare way's.
"""

import gc
from collections.abc import Callable, Sequence

import numpy as np

from tests.benchmarks.bare_highs import Arrays
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, hand_memory_back, timed

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
REPEATS = 3


def run(
    choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES, repeats: int = REPEATS
) -> list[Measurement]:
    """Return one measurement over all numbers of options."""
    case = f"N = {sizes[0]:,} to {sizes[-1]:,}"
    if not choice.takes(case, LIBREX):
        return []
    least: dict[str, list[float]] = {LIBREX: [], BARE: []}
    # The largest first: the system hands memory out slowly when it does so for the first time.
    for size in sorted(sizes, reverse=True):
        arrays = Arrays(size)
        arrays.pass_to_highs().clear()
        for way, build in _ways(arrays).items():
            least[way].append(min(build() for _ in range(repeats)))
        del arrays
        gc.collect()
    value, bare = (_exponent(sorted(sizes, reverse=True), least[way]) for way in (LIBREX, BARE))
    return [
        Measurement(benchmark="growth", case=case, value=value, bare=bare, unit="", repeats=repeats)
    ]


def _ways(arrays: Arrays) -> dict[str, Callable[[], float]]:
    def librex() -> float:
        hand_memory_back()
        seconds, session = timed(lambda: arrays.model().open(solver="highs"))
        session.close()
        return seconds

    def bare() -> float:
        hand_memory_back()
        seconds, highs = timed(arrays.pass_to_highs)
        highs.clear()
        return seconds

    return {LIBREX: librex, BARE: bare}


def _exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope of the line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
