"""Start-up: new Python processes that import Librex or run its command, compiled files in place.

An import is compared with that of the arrays only. Nothing of Librex loads before it is used, so
that `import` alone says little: the next row is what a program needs before its first problem.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CLUSTER = str(REPOSITORY / "docs" / "examples" / "cluster.toml")
REPEATS = 11

SMALL = """[resources]
gpu = 4

[options]
csv = '''
agent,reward,gpu
ann,3,2
bob,2,1
eve,1,2
'''

[fairness]
model = "budget_only"

[decision]
integer = true
"""

ARRAYS_ONLY = "import numpy, scipy.sparse"
IMPORTS = {
    "import": "import librex_models",
    "import of a model": "from librex_models import AllocationProblem, Proportional",
}
NO_SOLVER = "import sys; sys.exit('highspy' in sys.modules)"


def run(choice: Choice = EVERYTHING, *, repeats: int = REPEATS) -> list[Measurement]:
    """Return one measurement for each import, against that of the arrays, and for each command."""
    found = [
        _import(case, code, repeats) for case, code in IMPORTS.items() if choice.takes(case, LIBREX)
    ]
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.toml"
        small.write_text(SMALL)
        commands = {
            "librex --help": ["--help"],
            "librex solve": ["solve", str(small)],
            "librex solve, 60 jobs": ["solve", CLUSTER],
        }
        found += [
            _command(case, words, repeats)
            for case, words in commands.items()
            if choice.takes(case, LIBREX)
        ]
    return found


def _import(case: str, code: str, repeats: int) -> Measurement:
    watch = Stopwatch()
    _python("-c", f"{code}; {NO_SOLVER}")

    def librex() -> None:
        with watch.taking(LIBREX):
            _python("-c", code)

    def bare() -> None:
        with watch.taking(BARE):
            _python("-c", ARRAYS_ONLY)

    for round_number in range(repeats):
        in_turns(round_number, librex, bare)
    return watch.measurement("start_up", case, against=ARRAYS_ONLY)


def _command(case: str, words: list[str], repeats: int) -> Measurement:
    watch = Stopwatch()
    _python("-m", "librex_models", *words)
    for _ in range(repeats):
        with watch.taking(LIBREX):
            # Only an answer that passes the verification is exit status 0.
            _python("-m", "librex_models", *words)
    return watch.measurement("start_up", case)


def _python(*arguments: str) -> None:
    """Run Python, which may keep what it compiles: the first run does so for all others."""
    variables = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        cwd=REPOSITORY,
        env=variables,
        stdout=subprocess.DEVNULL,
    )
