"""Start-up: a new Python process that imports Librex, against one that imports its arrays only."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measuring import Measurement, Stopwatch, in_turns

REPOSITORY = Path(__file__).resolve().parent.parent.parent
REPEATS = 11

LIBREX = "import librex_models"
BARE = "import numpy, scipy.sparse"
NO_SOLVER = "import sys; sys.exit('highspy' in sys.modules)"


def run(repeats: int = REPEATS) -> list[Measurement]:
    """Return one measurement."""
    watch = Stopwatch()
    _import(f"{LIBREX}; {NO_SOLVER}")

    def librex() -> None:
        with watch.taking("librex"):
            _import(LIBREX)

    def bare() -> None:
        with watch.taking("bare"):
            _import(BARE)

    for round_number in range(repeats):
        in_turns(round_number, librex, bare)
    return [watch.measurement("start_up", "import")]


def _import(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
