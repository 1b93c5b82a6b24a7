"""One problem of a cell: solved, verified, and compared with enumeration or another solver."""

import itertools
import time
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

import librex_models as lm
from librex_models.families import NestedFairness
from tests.coverage.cells import FRACTIONAL_ONLY, Cell

Floats = npt.NDArray[np.float64]

FEW_OPTIONS = 12
"""Whole decisions over no more options than these are enumerated."""
NATIVE, STEEP_GAP = ("scip", "gurobi"), 1e-3
"""Who has terms of its own, and what they may be held to above alpha 5."""
SECONDS = 300.0
TOLERANCE = 1e-6
"""Solvers' own, relative."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came out for one problem.

    Parameters
    ----------
    trouble : str
        Empty where all is well.
    gap : float
        The proven one.
    seconds : float
    oracle : str
        Who was asked for comparison.
    """

    trouble: str
    gap: float
    seconds: float
    oracle: str


def checked(cell: Cell, seed: int, most_options: int) -> Checked:
    """Solve a problem of a cell and compare."""
    allocation, seconds = _solved(cell, seed, most_options)
    oracle, best, proven = _oracle(cell, seed, most_options)
    return Checked(
        trouble=_trouble(cell, allocation, best, proven),
        gap=allocation.gap,
        seconds=seconds,
        oracle=oracle,
    )


@lru_cache(maxsize=1024)
def _solved(cell: Cell, seed: int, most_options: int) -> tuple[lm.Allocation, float]:
    """Return the answer for a problem, which others may be compared with too, and seconds."""
    model = cell.model(seed, most_options)
    start = time.perf_counter()
    allocation = model.solve(solver=cell.solver, relative_gap=cell.gap, time_limit_seconds=SECONDS)
    return allocation, time.perf_counter() - start


def _trouble(cell: Cell, allocation: lm.Allocation, best: Floats, proven: float) -> str:
    """Return what is wrong with an answer."""
    if not allocation.has_point or allocation.verdict is lm.Verdict.REFUTED:
        return f"{allocation.verdict.name}: {allocation.certificate.sentence}"
    problem = allocation.problem
    if (allocation.allocated.sum(axis=0) > problem.budget).any():
        return "a budget is exceeded"
    if (allocation.decision != np.rint(allocation.decision))[problem.integer].any():
        return "a decision is not whole"
    is_steep = cell.family.endswith(" 10") and allocation.route == "plain"
    allowed = STEEP_GAP if is_steep and cell.solver in NATIVE else cell.gap
    if allocation.gap > allowed:
        return f"the gap is {allocation.gap:.2g}"
    found = _measured(allocation)
    apart = np.abs(found - best) / np.maximum(np.abs(best), 1e-12)
    if (apart > allocation.gap + proven + TOLERANCE).any():
        return f"{found} where the best is {best}"
    return ""


def _measured(allocation: lm.Allocation) -> Floats:
    """Return what is compared: the equivalent utility, or all levels from the lowest on."""
    if allocation.family.key == "max_min":
        return np.sort(allocation.utility / allocation.grouping.weight)
    return np.array([allocation.equivalent])


def _oracle(cell: Cell, seed: int, most_options: int) -> tuple[str, Floats, float]:
    """Return who else was asked, the best that there is by them, and to which gap."""
    model = cell.model(seed, most_options)
    problem = model.problem
    if problem.integer.all() and problem.n_options <= FEW_OPTIONS:
        return "enumeration", _enumerated(model), 0.0
    first, second = ("scip", "gurobi") if cell.kind != "fractional" else FRACTIONAL
    other = second if cell.solver == first else first
    found, _ = _solved(replace(cell, solver=other), seed, most_options)
    return other, _measured(found), found.gap


FRACTIONAL = (*FRACTIONAL_ONLY, "scip")


def _enumerated(model: lm.Model) -> Floats:
    """Return the best of all whole decisions."""
    problem, grouping = model.problem, model.question().grouping
    count = [int(most) + 1 for most in np.minimum(problem.upper, 2.0)]
    decisions = np.array(list(itertools.product(*map(range, count))), dtype=np.float64)
    owned = np.zeros((problem.n_options, problem.n_agents))
    owned[np.arange(problem.n_options), problem.agent_of_option] = 1.0
    fits = (decisions @ problem.requests <= problem.budget).all(axis=1)
    fits &= (decisions @ owned <= problem.agent_limit).all(axis=1)
    utility = [model.question().utility(decision) for decision in decisions[fits]]
    if model.family.key == "max_min":
        if isinstance(model.family, NestedFairness):
            utility = [model.family.group_utility(one) for one in utility]
        return max((np.sort(one / grouping.weight) for one in utility), key=lambda one: tuple(one))
    return np.array([max(model.family.equivalent(grouping.weight, one) for one in utility)])
