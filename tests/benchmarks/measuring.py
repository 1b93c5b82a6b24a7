"""Figures of two ways, taken in turns, and the machine that they were taken on.

One measurement is one row of the table: a way, mostly Librex or a peer, beside the bare way. Times
are medians; other units (megabytes, a fitted exponent) come in as they are.
"""

import ctypes
import gc
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

LIBREX = "librex"
BARE = "bare"
BARE_HIGHS = "bare HiGHS"

PACKAGES = ("highspy", "numpy", "scipy")
PEERS = (
    "pyscipopt",
    "gurobipy",
    "linopy",
    "pyoptinterface",
    "ortools",
    "pulp",
    "pyomo",
    "cvxpy",
    "clarabel",
    "scs",
    "torch",
    "cvxpylayers",
    "diffcp",
)
"""What some benchmarks compare with, where it is installed."""

FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What a way takes and what the bare way takes for the same.

    Parameters
    ----------
    benchmark : str
        Its name on the command line.
    case : str
        What was varied, such as ``N = 1,000``.
    way : str
        Who was measured: Librex or a peer.
    value, bare : float or None
        What the way and the bare way take; None where it was not measured or where there is none.
    against : str
        What the bare way is.
    unit : str
        Of both: ``s``, ``MB``, or nothing for a plain number.
    repeats : int
    remark : str
        Why there is no value, or what a reader should know of it.
    """

    benchmark: str
    case: str
    way: str = LIBREX
    value: float | None
    bare: float | None = None
    against: str = BARE_HIGHS
    unit: str = "s"
    repeats: int = 1
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as much as the bare way."""
        if self.value is None or self.bare is None:
            return None
        return self.value / self.bare


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that a piece of work takes, and its result; garbage waits."""
    gc.disable()
    try:
        start = time.perf_counter()
        result = work()
        return time.perf_counter() - start, result
    finally:
        gc.enable()


class Stopwatch:
    """Takes the times of several ways, one after the other, and gives their medians."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    @contextmanager
    def taking(self, way: str) -> Iterator[None]:
        """Take the time of a block; the collector of garbage waits."""
        gc.disable()
        start = time.perf_counter()
        try:
            yield
            self.add(way, time.perf_counter() - start)
        finally:
            gc.enable()

    def add(self, way: str, seconds: float) -> None:
        """Take a time that was measured elsewhere, such as in another process."""
        self._seconds.setdefault(way, []).append(seconds)

    def measurement(
        self,
        benchmark: str,
        case: str,
        way: str = LIBREX,
        *,
        against: str = BARE_HIGHS,
        remark: str = "",
    ) -> Measurement:
        """Return the medians of all times taken of a way and of the bare one."""
        bare = self._seconds.get(BARE)
        return Measurement(
            benchmark=benchmark,
            case=case,
            way=way,
            value=statistics.median(self._seconds[way]),
            bare=None if bare is None else statistics.median(bare),
            against=against,
            repeats=len(self._seconds[way]),
            remark=remark,
        )


def hand_memory_back() -> None:
    """Give the system the memory that was freed, where the C library can.

    Whoever comes next finds new memory, as a first build does, and not what the one before left.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def in_turns(round_number: int, *ways: Callable[[], None]) -> None:
    """Run all, another one first in every round: nobody finds the caches always warm."""
    first = round_number % len(ways)
    for way in (*ways[first:], *ways[:first]):
        way()


def rounds(repeats: int, seconds: float) -> Iterator[int]:
    """Count rounds until there are enough, or the time is up and there are three at least."""
    end = time.perf_counter() + seconds
    for round_number in range(repeats):
        if round_number >= FEWEST and time.perf_counter() > end:
            return
        yield round_number


def machine() -> dict[str, str]:
    """Return what the times depend on: processor, system and versions."""
    versions = {name: version_of(name) for name in (*PACKAGES, *PEERS)}
    return {
        "processor": f"{_processor()}, {os.cpu_count()} logical",
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version for name, version in versions.items() if version is not None},
    }


def version_of(package: str) -> str | None:
    """Return the version of a package, or None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
