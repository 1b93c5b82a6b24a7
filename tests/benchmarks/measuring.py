"""Times, taken in turns, and what they were taken on."""

import gc
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("highspy", "numpy", "scipy")
PEERS = ("torch", "cvxpylayers", "diffcp")
"""What some benchmarks compare with, where it is installed."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """How long Librex takes and how long the bare way does, as medians.

    Parameters
    ----------
    benchmark : str
    case : str
        What was varied, such as ``N = 1,000``.
    librex_seconds, bare_seconds : float
    repeats : int
    """

    benchmark: str
    case: str
    librex_seconds: float
    bare_seconds: float
    repeats: int

    @property
    def ratio(self) -> float:
        """How many times as long Librex takes."""
        return self.librex_seconds / self.bare_seconds


class Stopwatch:
    """Takes the times of the two ways, one after the other, and gives their medians."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {"librex": [], "bare": []}

    @contextmanager
    def taking(self, way: str) -> Iterator[None]:
        """Take the time of a block; the collector of garbage waits."""
        gc.disable()
        start = time.perf_counter()
        try:
            yield
            self._seconds[way].append(time.perf_counter() - start)
        finally:
            gc.enable()

    def measurement(self, benchmark: str, case: str) -> Measurement:
        """Return the medians of all times taken."""
        return Measurement(
            benchmark=benchmark,
            case=case,
            librex_seconds=statistics.median(self._seconds["librex"]),
            bare_seconds=statistics.median(self._seconds["bare"]),
            repeats=len(self._seconds["librex"]),
        )


def in_turns(round_number: int, first: Callable[[], None], second: Callable[[], None]) -> None:
    """Run both, the first one first in even rounds: neither finds the caches always warm."""
    for way in (first, second) if round_number % 2 == 0 else (second, first):
        way()


def machine() -> dict[str, str]:
    """Return what the times depend on: processor, system and versions."""
    there = [name for name in PEERS if importlib.util.find_spec(name) is not None]
    versions = {name: importlib.metadata.version(name) for name in (*PACKAGES, *there)}
    return {
        "processor": f"{_processor()}, {os.cpu_count()} logical",
        "system": platform.platform(),
        "python": platform.python_version(),
        **versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def table(measurements: list[Measurement]) -> str:
    """Return the measurements as a table, times in milliseconds."""
    head = f"{'benchmark':<10} {'case':<14} {'librex ms':>10} {'bare ms':>10} {'ratio':>7}"
    rows = [
        f"{m.benchmark:<10} {m.case:<14} {1e3 * m.librex_seconds:>10.3f} "
        f"{1e3 * m.bare_seconds:>10.3f} {m.ratio:>7.2f}"
        for m in measurements
    ]
    return "\n".join([head, *rows])
