"""Start-up: a new Python process that imports Librex, against one that imports its arrays only."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns

REPOSITORY = Path(__file__).resolve().parent.parent.parent
REPEATS = 11

WITH_LIBREX = "import librex_models"
ARRAYS_ONLY = "import numpy, scipy.sparse"
NO_SOLVER = "import sys; sys.exit('highspy' in sys.modules)"


def run(choice: Choice = EVERYTHING, *, repeats: int = REPEATS) -> list[Measurement]:
    """Return one measurement."""
    if not choice.takes("import", LIBREX):
        return []
    watch = Stopwatch()
    _import(f"{WITH_LIBREX}; {NO_SOLVER}")

    def librex() -> None:
        with watch.taking(LIBREX):
            _import(WITH_LIBREX)

    def bare() -> None:
        with watch.taking(BARE):
            _import(ARRAYS_ONLY)

    for round_number in range(repeats):
        in_turns(round_number, librex, bare)
    return [watch.measurement("start_up", "import", against=ARRAYS_ONLY)]


def _import(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)
