"""Re-solve of whole decisions: rewards and budgets a few per cent other, to a gap of 0.3 %.

Librex starts from the decision before, repaired to the budgets of now; the bare way changes the
costs and sides of an open HiGHS object and runs it, without a start. A start spares the search for
a first good decision; what takes longest is mostly the proof, which it does not spare.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

import librex_models as lm
from tests.benchmarks.bare_highs import N_RESOURCES, Arrays, Floats, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns, rounds

SIZES = (1_000,)
REPEATS = 20
SECONDS = 20.0
GAP = 3e-3


def run(
    choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES, repeats: int = REPEATS
) -> list[Measurement]:
    """Return one measurement for each number of options."""
    return [_measured(size, repeats) for size in sizes if choice.takes(_case(size), LIBREX)]


def _case(n_options: int) -> str:
    return f"N = {n_options:,}"


class BareWhole:
    """An open HiGHS object with whole columns, whose costs and sides are changed."""

    def __init__(self, arrays: Arrays) -> None:
        import highspy

        self._arrays = arrays
        self.highs: Any = arrays.pass_to_highs()
        kinds = [highspy.HighsVarType.kInteger] * arrays.n_options
        self.highs.changeColsIntegrality(arrays.n_options, arrays.columns, np.array(kinds))
        self.highs.setOptionValue("mip_rel_gap", GAP)
        self.highs.run()

    def resolve(self, reward: Floats, budget: Floats) -> None:
        """Change the numbers, run, read the point."""
        rows = np.arange(N_RESOURCES, dtype=np.int32)
        no_side = self._arrays.of_highs.no_side
        self.highs.changeColsCost(self._arrays.n_options, self._arrays.columns, reward)
        self.highs.changeRowsBounds(N_RESOURCES, rows, no_side, budget)
        self.highs.run()
        np.array(self.highs.getSolution().col_value)


def _measured(n_options: int, repeats: int) -> Measurement:
    arrays, watch = _close_ones(n_options), Stopwatch()
    bare = BareWhole(arrays)
    problem = lm.AllocationProblem(arrays.requests, arrays.budget, arrays.reward, integer=True)
    found: list[lm.Allocation] = []

    def by_librex(reward: Floats, budget: Floats) -> None:
        with watch.taking(LIBREX):
            session.write(reward=reward, budget=budget)
            found.append(session.solve())

    def by_highs(reward: Floats, budget: Floats) -> None:
        with watch.taking(BARE):
            bare.resolve(reward, budget)

    generator = np.random.default_rng(0)
    with lm.BudgetOnly(problem).open(solver="highs", relative_gap=GAP) as session:
        session.solve()
        for round_number in rounds(repeats, SECONDS):
            reward = arrays.reward * generator.uniform(0.98, 1.02, n_options)
            budget = arrays.budget * generator.uniform(0.97, 1.03, N_RESOURCES)
            in_turns(
                round_number, partial(by_librex, reward, budget), partial(by_highs, reward, budget)
            )
            _check(found.pop(), objective_of(bare.highs))
    return watch.measurement("resolve_whole", _case(n_options))


def _close_ones(n_options: int) -> Arrays:
    """Return a problem in which rewards are much like requests, so that it is not easy."""
    arrays = Arrays(n_options)
    arrays.reward = arrays.requests.mean(axis=1) * np.random.default_rng(1).uniform(
        0.8, 1.2, n_options
    )
    return arrays


def _check(allocation: lm.Allocation, objective: float) -> None:
    """Compare Librex's answer with that of the bare solver: both are within the gap.

    Raises
    ------
    RuntimeError
        If it is not verified, or too far off.
    """
    if allocation.verdict is not lm.Verdict.OPTIMAL:
        raise RuntimeError(f"the allocation is not verified: {allocation.certificate.sentence}")
    if abs(allocation.objective - objective) > 2.0 * GAP * abs(objective):
        raise RuntimeError(f"Librex finds {allocation.objective}, bare HiGHS {objective}")
