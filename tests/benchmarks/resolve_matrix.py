"""Re-solve where rewards stand in the matrix: max-min fairness over 20 groups, all rewards others.

The bare ways write the same model into open HiGHS objects: entry by entry, or with a new matrix
and the last basis. Librex counts which is cheaper.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import librex_models as lm
from tests.benchmarks.bare_highs import (
    COLUMNWISE,
    MAXIMISE,
    Arrays,
    Floats,
    check_agreement,
    objective_of,
)
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns, rounds

N_GROUPS = 20
SIZES = (1_000, 10_000)
REPEATS = 40
SECONDS = 6.0


class BareMaxMin:
    """An open HiGHS object that maximises what the mean utility of every group is at least."""

    def __init__(self, arrays: Arrays) -> None:
        import highspy

        n, n_resources = arrays.requests.shape
        self._arrays = arrays
        self._group = np.arange(n) % N_GROUPS
        self._row = n_resources + self._group
        self._size = np.bincount(self._group)[self._group]
        places = np.column_stack([np.tile(np.arange(n_resources), (n, 1)), self._row])
        last = n_resources + np.arange(N_GROUPS)
        self._rows = np.concatenate([places.ravel(), last]).astype(np.int32)
        starts = (n_resources + 1) * np.arange(n + 1)
        self._starts = np.append(starts, len(self._rows)).astype(np.int32)
        self._cost = np.append(np.zeros(n), 1.0)
        self._upper = np.append(np.ones(n), np.inf)
        self._sides = np.concatenate([arrays.budget, np.zeros(N_GROUPS)])
        self.highs: Any = highspy._core._Highs()
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 1)
        self._pass(arrays.reward)
        self.highs.run()

    def entry_by_entry(self, reward: Floats) -> None:
        """Change the rewards in place."""
        entries = (-reward / self._size).tolist()
        for column, (row, entry) in enumerate(zip(self._row.tolist(), entries, strict=True)):
            self.highs.changeCoeff(row, column, entry)
        self._solve()

    def with_the_last_basis(self, reward: Floats) -> None:
        """Hand the model over again, and the basis back."""
        basis = self.highs.getBasis()
        self._pass(reward)
        self.highs.setBasis(basis)
        self._solve()

    def _solve(self) -> None:
        self.highs.run()
        np.array(self.highs.getSolution().col_value)

    def _pass(self, reward: Floats) -> None:
        columns = np.column_stack([self._arrays.requests, -reward / self._size])
        entries = np.concatenate([columns.ravel(), np.ones(N_GROUPS)])
        self.highs.passModel(
            len(self._cost),
            len(self._sides),
            len(entries),
            COLUMNWISE,
            MAXIMISE,
            0.0,
            self._cost,
            np.zeros(len(self._cost)),
            self._upper,
            np.full(len(self._sides), -np.inf),
            self._sides,
            self._starts,
            self._rows,
            entries,
            np.zeros(len(self._cost), dtype=np.int32),
        )


WAYS: dict[str, Callable[[BareMaxMin, Floats], None]] = {
    "entry by entry": BareMaxMin.entry_by_entry,
    "new matrix, last basis": BareMaxMin.with_the_last_basis,
}


def run(
    choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES, repeats: int = REPEATS
) -> list[Measurement]:
    """Return one measurement for each number of options and each bare way."""
    return [
        _measured(size, way, repeats)
        for size in sizes
        for way in WAYS
        if choice.takes(_case(size, way), LIBREX)
    ]


def _case(n_options: int, way: str) -> str:
    return f"max-min, N = {n_options:,}, {way}"


def _measured(n_options: int, way: str, repeats: int) -> Measurement:
    arrays, watch = Arrays(n_options), Stopwatch()
    bare = BareMaxMin(arrays)
    problem = lm.AllocationProblem(
        arrays.requests, arrays.budget, arrays.reward, group=np.arange(n_options) % N_GROUPS
    )
    found: list[lm.Allocation] = []

    def by_librex(reward: Floats) -> None:
        with watch.taking(LIBREX):
            session.write(reward=reward)
            found.append(session.solve())

    def by_highs(reward: Floats) -> None:
        with watch.taking(BARE):
            WAYS[way](bare, reward)

    generator = np.random.default_rng(0)
    with lm.MaxMin(problem, lexicographic=False).open(solver="highs") as session:
        session.solve()
        for round_number in rounds(repeats, SECONDS):
            reward = arrays.reward * generator.uniform(0.9, 1.1, n_options)
            in_turns(round_number, partial(by_librex, reward), partial(by_highs, reward))
            check_agreement(found.pop(), objective_of(bare.highs))
    return watch.measurement(
        "resolve_matrix", _case(n_options, way), remark=", ".join(session.reasons)
    )
