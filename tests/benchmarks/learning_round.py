"""A round of a sampler: draw, write, solve, verify, result; against the bare solver alone.

The bare way changes the costs of an open HiGHS object to the same draw, runs it and reads the
point. Drawing is ours alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from librex_models import Allocation
from librex_models.thompson import BetaBernoulli, ThompsonAllocator
from tests.benchmarks.bare_highs import Arrays, Floats, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns

SIZES = (1_000,)
REPEATS = 200


def run(
    choice: Choice = EVERYTHING, *, sizes: Sequence[int] = SIZES, repeats: int = REPEATS
) -> list[Measurement]:
    """Return one measurement for each number of options."""
    return [
        _measured(Arrays(size), repeats) for size in sizes if choice.takes(f"N = {size:,}", LIBREX)
    ]


def _measured(arrays: Arrays, repeats: int) -> Measurement:
    highs = arrays.pass_to_highs()
    highs.run()
    posterior = BetaBernoulli(arrays.n_options, alpha=50.0 * arrays.reward, beta=50.0)
    model = arrays.model()
    with ThompsonAllocator(model, posterior, solver="highs", seed=0, keep_rounds=1) as sampler:
        sampler.allocate()
        watch = _timed(arrays, sampler, highs, repeats)
    return watch.measurement("learning_round", f"N = {arrays.n_options:,}")


def _timed(arrays: Arrays, sampler: ThompsonAllocator, highs: Any, repeats: int) -> Stopwatch:
    watch = Stopwatch()
    twin = np.random.default_rng(0)
    sampler.posterior.draw(twin)
    found: list[Allocation] = []
    points: list[Floats] = []

    for round_number in range(repeats):
        draw = sampler.posterior.draw(twin)

        def librex() -> None:
            with watch.taking(LIBREX):
                found.append(sampler.allocate())

        def bare(draw: Floats = draw) -> None:
            with watch.taking(BARE):
                highs.changeColsCost(arrays.n_options, arrays.columns, draw)
                highs.run()
                points.append(np.array(highs.getSolution().col_value))

        in_turns(round_number, librex, bare)
        allocation = found.pop()
        if not np.array_equal(np.asarray(allocation.problem.reward), draw):
            raise RuntimeError("the sampler and the bare solver were not given the same rewards")
        check_agreement(allocation, objective_of(highs))
        points.clear()
    return watch
