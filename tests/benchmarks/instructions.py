"""Instructions of a re-solve, which no other program on the machine changes.

Counted by Valgrind's callgrind, in processes of their own: those of more rounds less those of
fewer, by the number of rounds between. What an instruction takes is another matter: those of
Python wait for memory more often than those of a solver.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.bare_highs import AGREEMENT, Arrays, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SIZES = (1_000, 10_000)
FEWER, MORE = 10, 30
MILLION = 1e6
COUNTED = re.compile(r"Collected : (\d+)")


def run(
    choice: Choice = EVERYTHING,
    *,
    sizes: Sequence[int] = SIZES,
    fewer: int = FEWER,
    more: int = MORE,
) -> list[Measurement]:
    """Return one measurement for each number of options; without Valgrind, that it is missing."""
    rows = []
    for size in sizes:
        case = f"N = {size:,}"
        if choice.takes(case, LIBREX):
            rows.append(_row(case, size, fewer, more))
    return rows


def _row(case: str, n_options: int, fewer: int, more: int) -> Measurement:
    if shutil.which("valgrind") is None:
        missing = "valgrind not installed (Debian has a package of that name)"
        return Measurement(benchmark="instructions", case=case, value=None, remark=missing)
    counts: dict[str, int] = {}
    optima: list[float] = []
    for way in (LIBREX, BARE):
        few, many = (_counted(way, n_options, rounds) for rounds in (fewer, more))
        counts[way] = many.instructions - few.instructions
        optima.append(many.optimum)
    if not math.isclose(optima[0], optima[1], rel_tol=AGREEMENT):
        raise RuntimeError(f"Librex finds {optima[0]}, bare HiGHS {optima[1]}")
    value, bare = (counts[way] / (more - fewer) / MILLION for way in (LIBREX, BARE))
    return Measurement(
        benchmark="instructions",
        case=case,
        value=value,
        bare=bare,
        unit="million",
        repeats=more - fewer,
    )


class Counted(NamedTuple):
    """The instructions of a process, and the optimum that it found last."""

    instructions: int
    optimum: float


def _counted(way: str, n_options: int, rounds: int) -> Counted:
    """Return what a process takes for so many re-solves."""
    command = [
        *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
        *(sys.executable, "-m", "tests.benchmarks.instructions"),
        *(way, str(n_options), str(rounds)),
    ]
    # With other hashes, dictionaries take other paths.
    environment = os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, check=True, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    found = COUNTED.search(done.stderr)
    if found is None:
        raise RuntimeError(f"callgrind states no count:\n{done.stderr}")
    return Counted(int(found.group(1)), json.loads(done.stdout))


def resolve_in_this_process(way: str, n_options: int, rounds: int) -> float:
    """Solve, and re-solve so many times; return the value of the last optimum."""
    arrays = Arrays(n_options)
    generator = np.random.default_rng(0)
    if way == BARE:
        highs = arrays.pass_to_highs()
        highs.run()
        for _ in range(rounds):
            reward = arrays.reward * generator.uniform(0.9, 1.1, n_options)
            highs.changeColsCost(n_options, arrays.columns, reward)
            highs.run()
            np.array(highs.getSolution().col_value)
        return objective_of(highs)
    with arrays.model().open(solver="highs") as session:
        allocation = session.solve()
        for _ in range(rounds):
            session.write(reward=arrays.reward * generator.uniform(0.9, 1.1, n_options))
            allocation = session.solve()
    check_agreement(allocation, allocation.objective)
    return allocation.objective


if __name__ == "__main__":
    print(json.dumps(resolve_in_this_process(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
