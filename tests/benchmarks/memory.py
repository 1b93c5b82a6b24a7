"""Memory: the peak of a process that builds a model, over what it held before it had any arrays.

Librex is given what a user has: requests, budget and rewards. The bare way makes the arrays that
HiGHS takes of them, and hands these over. Each in a process of its own.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.bare_highs import Arrays, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement

REPOSITORY = Path(__file__).resolve().parent.parent.parent
STATUS = Path("/proc/self/status")
SIZES = (100_000, 1_000_000)
KILOBYTES = 1024.0
FEW = 10


def run(choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES) -> list[Measurement]:
    """Return one measurement for each number of options."""
    cases = {f"N = {size:,}": size for size in sizes}
    return [
        Measurement(
            benchmark="memory",
            case=case,
            value=_peak(LIBREX, size),
            bare=_peak(BARE, size),
            unit="MB",
        )
        for case, size in cases.items()
        if choice.takes(case, LIBREX)
    ]


def _peak(way: str, n_options: int) -> float | None:
    """Return the megabytes that a new process needs at most; None where the system does not say."""
    if not STATUS.exists():
        return None
    command = [sys.executable, "-m", "tests.benchmarks.memory", way, str(n_options)]
    done = subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True, text=True)
    found: float = json.loads(done.stdout)
    return found


def peak_of_this_process(way: str, n_options: int) -> float:
    """Build in this process, and return by how many megabytes its memory grew at most."""
    _check()
    before = _kilobytes("VmRSS")
    arrays = Arrays(n_options)
    built = arrays.pass_to_highs() if way == BARE else arrays.model().open(solver="highs")
    peak = _kilobytes("VmHWM")
    del built
    return (peak - before) / KILOBYTES


def _check() -> None:
    """Solve a small problem either way, which also loads all that is loaded once."""
    few = Arrays(FEW)
    highs = few.pass_to_highs()
    highs.run()
    with few.model().open(solver="highs") as session:
        check_agreement(session.solve(), objective_of(highs))


def _kilobytes(name: str) -> float:
    lines = STATUS.read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    print(json.dumps(peak_of_this_process(sys.argv[1], int(sys.argv[2]))))
