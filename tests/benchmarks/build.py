"""Build: from the user's arrays to a HiGHS model that is ready to run.

Librex checks the problem, compiles and scales it; the bare way hands over arrays that are ready.
"""

from collections.abc import Sequence

from librex_models import Session
from tests.benchmarks.bare_highs import Arrays, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns

SIZES = (1_000, 10_000, 100_000)
REPEATS = 15


def run(
    choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES, repeats: int = REPEATS
) -> list[Measurement]:
    """Return one measurement for each number of options."""
    return [
        _measured(Arrays(size), repeats) for size in sizes if choice.takes(f"N = {size:,}", LIBREX)
    ]


def _measured(arrays: Arrays, repeats: int) -> Measurement:
    _check(arrays)
    watch = Stopwatch()
    opened: list[Session] = []

    def librex() -> None:
        with watch.taking(LIBREX):
            opened.append(arrays.model().open(solver="highs"))
        opened.pop().close()

    def bare() -> None:
        with watch.taking(BARE):
            highs = arrays.pass_to_highs()
        highs.clear()

    for round_number in range(repeats):
        in_turns(round_number, librex, bare)
    return watch.measurement("build", f"N = {arrays.n_options:,}")


def _check(arrays: Arrays) -> None:
    """Solve what either way built, which also loads all that is loaded once."""
    highs = arrays.pass_to_highs()
    highs.run()
    with arrays.model().open(solver="highs") as session:
        check_agreement(session.solve(), objective_of(highs))
