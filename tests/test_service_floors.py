"""Floors of service against whatever the rest of a round is used for, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from librex_models.thompson.service_floors import ServiceFloors
from tests.random_examples import examples


def kept_floors(
    rates: list[Fraction], per_round: int, rounds: int, favourites: list[int], part: Fraction
) -> None:
    """Serve who must be served, then the favourites by a part each, and check every round."""
    floors = ServiceFloors(np.array([float(one) for one in rates]), per_round)
    served = [Fraction(0)] * len(rates)
    for t in range(1, rounds + 1):
        least = floors.minimum(np.array([float(one) for one in served]), t)
        assert ((least >= 0.0) & (least <= 1.0)).all(), (rates, t, least)
        given = [Fraction(float(one)).limit_denominator(10**6) for one in least]
        n_left = per_round - int(np.count_nonzero(least))
        assert n_left >= 0, (rates, t, least)
        for i in [i for i in favourites if not given[i]][:n_left]:
            given[i] = part
        served = [before + now for before, now in zip(served, given, strict=True)]
        for i, rate in enumerate(rates):
            assert served[i] >= floor(rate * t), (rates, t, i)


def test_what_is_due_together_is_served_ahead_however_much_others_got() -> None:
    # All rounds that are free go to the first; the others fall due in the same round again and
    # again: 3 in rounds 4, 7, 10, 14, ...
    kept_floors([Fraction(0), *[Fraction(3, 10)] * 3], 1, 200, [0], Fraction(1))


def test_nobody_has_to_be_served_twice_in_a_round() -> None:
    floors = ServiceFloors(np.array([1.0, 1 / 3, 2 / 3]), 2)
    assert floors.minimum(np.zeros(3), 1).tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("part", [Fraction(1), Fraction(1, 3)], ids=["whole", "thirds"])
@pytest.mark.parametrize("seed", range(examples(200)))
def test_floors_are_kept_whatever_is_done_with_the_rest(seed: int, part: Fraction) -> None:
    rng = np.random.default_rng(seed)
    per_round = int(rng.integers(1, 4))
    n_agents = int(rng.integers(per_round, 7))
    whole = int(rng.integers(2, 25))
    counts = rng.integers(0, whole + 1, n_agents)
    while counts.sum() > whole * per_round:
        counts[rng.choice(np.flatnonzero(counts))] -= 1
    favourites = rng.permutation(n_agents)[: int(rng.integers(0, n_agents + 1))].tolist()
    rates = [Fraction(int(one), whole) for one in counts]
    kept_floors(rates, per_round, 100, favourites, part)


@pytest.mark.parametrize("seed", range(examples(40)))
def test_no_more_is_asked_for_than_has_to_be(seed: int) -> None:
    # By trying every way to serve later rounds, for few agents and rounds.
    rng = np.random.default_rng(seed)
    whole = int(rng.integers(2, 7))
    counts = rng.integers(0, whole + 1, 3)
    while counts.sum() >= whole:
        counts[rng.choice(np.flatnonzero(counts))] -= 1
    rates = [Fraction(int(one), whole) for one in counts]
    floors = ServiceFloors(np.array([float(one) for one in rates]), 1)
    served: tuple[int, ...] = (0, 0, 0)
    for t in range(1, 13):
        least = floors.minimum(np.array(served, dtype=np.float64), t)
        is_free = can_be_kept(rates, served, t, nobody_now=True)
        assert is_free == (not least.any()), (rates, served, t)
        choice = [i for i in range(3) if least[i] or (is_free and i == rng.integers(3))][:1]
        served = tuple(n + (i in choice) for i, n in enumerate(served))


def can_be_kept(
    rates: list[Fraction], served: tuple[int, ...], t: int, nobody_now: bool = False
) -> bool:
    """Return whether one service a round can keep all floors for 12 rounds more."""
    reached = {served}
    for s in range(t, t + 12):
        if s > t or not nobody_now:
            reached |= {
                tuple(n + (i == j) for i, n in enumerate(one)) for one in reached for j in range(3)
            }
        reached = {
            one
            for one in reached
            if all(n >= floor(rate * s) for n, rate in zip(one, rates, strict=True))
        }
    return bool(reached)
