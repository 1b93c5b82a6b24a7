"""A process that learns until it is killed: run by `tests.test_sampler_files`.

Before each call it says the state that it will have reached after it, so that whatever is on the
disk when it is killed can be compared.
"""

import hashlib
import json
import sys

import numpy as np

from librex_models import AllocationProblem, BudgetOnly, thompson


def digest(sampler: thompson.ThompsonAllocator) -> str:
    """Return the hash of everything that was learned."""
    text = json.dumps(sampler._state(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def model() -> BudgetOnly:
    """Return a small model of whole decisions."""
    return BudgetOnly(AllocationProblem(np.ones((4, 1)), [2.0], integer=True))


def begun(journal: str) -> thompson.ThompsonAllocator:
    """Return a sampler that has not begun to learn."""
    horizon = thompson.Horizon(rounds=10_000, budget=[15_000.0])
    posterior = thompson.BetaBernoulli(4, discount=0.9)
    return thompson.ThompsonAllocator(
        model(), posterior, solver="highs", seed=1, horizon=horizon, journal=journal, keep_rounds=5
    )


def step(sampler: thompson.ThompsonAllocator) -> None:
    """Decide, or learn from the last decision: which of both, the state says."""
    last = sampler.rounds.get(sampler.round)
    if last is None or last.is_counted.any():
        sampler.allocate()
        return
    chosen = np.flatnonzero(last.decision)
    sampler.update(chosen, (chosen + sampler.round) % 2, rounds=sampler.round)


def main(journal: str) -> None:
    """Learn, and acknowledge every state on the standard output."""
    sampler = begun(journal)
    print(digest(sampler), flush=True)
    while True:
        step(sampler)
        print(digest(sampler), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
