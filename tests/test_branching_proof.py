"""Whole decisions that cannot keep all rules are proven to be none, if only wholeness says so."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

import librex_models as lm
from tests.random_examples import examples
from tests.ways import require_ready

TOLERANCE = 1e-6


def exists(problem: lm.AllocationProblem, floor: float, ceiling: float, spread: float) -> bool:
    """Return whether some whole decision keeps the budgets exactly and the limits nearly."""
    requests = [[Fraction(one) for one in row] for row in problem.usage.toarray().T.tolist()]
    budget = [Fraction(one) for one in problem.budget.tolist()]
    reward = np.asarray(problem.reward)
    for chosen in product(*(range(int(top) + 1) for top in problem.upper.tolist())):
        used = [
            sum((x * row[k] for x, row in zip(chosen, requests, strict=True)), Fraction(0))
            for k in range(len(budget))
        ]
        utility = reward * np.array(chosen)
        is_between = (utility >= floor - TOLERANCE).all() and (utility <= ceiling + TOLERANCE).all()
        is_even = utility.max() - utility.min() <= spread + TOLERANCE
        if is_between and is_even and all(a <= b for a, b in zip(used, budget, strict=True)):
            return True
    return False


@pytest.mark.parametrize("seed", range(examples(400)))
def test_what_cannot_be_met_is_proven_infeasible_on_every_solver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_resources = int(rng.integers(2, 6)), int(rng.integers(1, 3))
    problem = lm.AllocationProblem(
        rng.uniform(0.2, 2.0, (n, n_resources)).round(1),
        rng.uniform(2.0, 8.0, n_resources).round(1),
        rng.uniform(0.5, 2.0, n).round(1),
        upper=float(rng.integers(1, 4)),
        integer=True,
    )
    floor = float(rng.uniform(0.1, 1.5))
    kind = int(rng.integers(3))
    ceiling = floor * 1.3 if kind == 1 else np.inf
    spread = float(rng.uniform(0.01, 0.5)) if kind == 2 else np.inf
    limits = {"floor": floor} | ({"ceiling": ceiling} if kind == 1 else {})
    limits |= {"spread_cap": spread} if kind == 2 else {}
    is_possible = exists(problem, floor, ceiling, spread)
    for solver in ("highs", "scip", "gurobi"):
        require_ready(solver)
        model = lm.AlphaFair(problem, 0.5, **limits)
        allocation = model.solve(solver=solver, relative_gap=1e-4)
        assert allocation.has_point is is_possible
        if not is_possible:
            assert allocation.verdict is lm.Verdict.INFEASIBLE, allocation.certificate.sentence


def test_a_floor_between_whole_numbers_is_proven_by_parts() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [4.0], [1.0, 1.0, 1.0], upper=3.0, integer=True
    )
    allocation = lm.MaxMin(problem, over="agents", floor=1.3, lexicographic=False).solve()
    assert allocation.verdict is lm.Verdict.INFEASIBLE
    assert "Proven by enumeration: in each of" in allocation.certificate.sentence
    fractional = problem.replace(integer=False)
    met = lm.MaxMin(fractional, over="agents", floor=1.3, lexicographic=False).solve()
    assert met.verdict is lm.Verdict.OPTIMAL


def test_a_decision_that_there_is_is_never_proven_away() -> None:
    from librex_models.routes.branching_proof import branching_proof
    from librex_models.routes.limits import Deadline
    from solvers import find_adapter

    problem = lm.AllocationProblem([[1.0], [2.0]], [3.0], [1.0, 1.0], upper=3.0, integer=True)
    model = lm.MaxMin(problem, over="agents", floor=1.0, lexicographic=False)
    opener = find_adapter("highs").open
    assert not branching_proof(model.question(), model.to_program(), opener, Deadline.after(None))
