"""Growth: the exponent with which the time of building grows with the number of options.

One is linear: the slope of a line through the logarithms of least times and sizes, of Librex's and
of the bare way's. Of few options it is less, for a part takes as long for any number; the second
row is without them. What is built are the models of the benchmark `build`, which solves them.
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
    """Return one measurement over all numbers of options, and one over the last two."""
    cases = {f"N = {some[0]:,} to {some[-1]:,}": some for some in (sizes, sizes[-2:])}
    wanted = [case for case in cases if choice.takes(case, LIBREX)]
    if not wanted:
        return []
    least = _least_times(sizes, repeats)
    return [_row(case, cases[case], least, repeats) for case in wanted]


def _row(
    case: str, sizes: Sequence[int], least: dict[tuple[str, int], float], repeats: int
) -> Measurement:
    value, bare = (_exponent(sizes, [least[way, size] for size in sizes]) for way in (LIBREX, BARE))
    return Measurement(
        benchmark="growth", case=case, value=value, bare=bare, unit="", repeats=repeats
    )


def _least_times(sizes: Sequence[int], repeats: int) -> dict[tuple[str, int], float]:
    """Return the least time of each way for each number of options."""
    least: dict[tuple[str, int], float] = {}
    # The largest first: the system hands memory out slowly when it does so for the first time.
    for size in sorted(sizes, reverse=True):
        arrays = Arrays(size)
        arrays.pass_to_highs().clear()
        for way, build in _ways(arrays).items():
            least[way, size] = min(build() for _ in range(repeats))
        del arrays
        gc.collect()
    return least


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
