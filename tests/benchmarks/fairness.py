"""Fairness: proportional fairness from the user's arrays to an answer, built and solved once.

There is no bare way to logarithms but cones, which nobody writes by hand: Librex, which chooses
its solver itself, is compared with CVXPY and Clarabel. Its answer comes with a proof, for which it
solves again around the first answer and follows the central path; theirs comes as it is.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

import librex_models as lm
from tests.benchmarks.bare_highs import Arrays, Floats
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns, rounds

Whole = npt.NDArray[np.int64]

CASES = ((1_000, 20), (1_000, 1_000))
"""Options and groups."""
REPEATS = 15
SECONDS = 4.0
AGAINST = "CVXPY + Clarabel"
SCS = "CVXPY + SCS"
TOLERANCES = {LIBREX: 1e-6, SCS: 1e-4}
"""How far means of logarithms may be off from those of Clarabel."""


def run(
    choice: Choice = EVERYTHING,
    *,
    cases: Sequence[tuple[int, int]] = CASES,
    repeats: int = REPEATS,
) -> list[Measurement]:
    """Return measurements of Librex and of SCS for each case."""
    return [
        _measured(way, *case, repeats)
        for case in cases
        for way in TOLERANCES
        if choice.takes(_case(*case), way)
    ]


def _case(n_options: int, n_groups: int) -> str:
    return f"N = {n_options:,}, {n_groups:,} groups"


def _measured(way: str, n_options: int, n_groups: int, repeats: int) -> Measurement:
    arrays, group = Arrays(n_options), np.arange(n_options) % n_groups
    watch = Stopwatch()
    found: dict[str, float] = {}
    ways: dict[str, Callable[[Arrays, Whole], Floats]] = {
        LIBREX: _by_librex,
        SCS: partial(_by_cvxpy, "SCS"),
        BARE: partial(_by_cvxpy, "CLARABEL"),
    }

    def take(one: str) -> None:
        with watch.taking(one):
            decision = ways[one](arrays, group)
        found[one] = _mean_of_logarithms(arrays, group, decision)

    # The first solve also loads all that is loaded once.
    for one in (way, BARE):
        ways[one](arrays, group)
    for round_number in rounds(repeats, SECONDS):
        in_turns(round_number, partial(take, way), partial(take, BARE))
        if not abs(found[way] - found[BARE]) <= TOLERANCES[way]:
            raise RuntimeError(f"{way} finds {found[way]}, {AGAINST} {found[BARE]}")
    return watch.measurement("fairness", _case(n_options, n_groups), way, against=AGAINST)


def _by_librex(arrays: Arrays, group: Whole) -> Floats:
    problem = lm.AllocationProblem(arrays.requests, arrays.budget, arrays.reward, group=group)
    allocation = lm.Proportional(problem).solve()
    if allocation.verdict is not lm.Verdict.OPTIMAL:
        raise RuntimeError(f"the allocation is not verified: {allocation.certificate.sentence}")
    return allocation.decision


def _by_cvxpy(solver: str, arrays: Arrays, group: Whole) -> Floats:
    import cvxpy

    decision = cvxpy.Variable(arrays.n_options, bounds=[0, 1])
    utility = _utilities(arrays, group) @ decision
    # No types that mypy could follow: problems are made by operators.
    problem: Any = cvxpy.Problem(
        cvxpy.Maximize(cvxpy.sum(cvxpy.log(utility))),
        [arrays.requests.T @ decision <= arrays.budget],
    )
    problem.solve(solver=solver)
    return np.asarray(decision.value)


def _utilities(arrays: Arrays, group: Whole) -> sp.csr_array:
    """Return the rows that lead from decisions to the mean utility of each group."""
    places = (group, np.arange(arrays.n_options))
    return sp.csr_array((arrays.reward / np.bincount(group)[group], places))


def _mean_of_logarithms(arrays: Arrays, group: Whole, decision: Floats) -> float:
    return float(np.mean(np.log(_utilities(arrays, group) @ decision)))
