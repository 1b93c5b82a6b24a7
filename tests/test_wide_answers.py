"""Fractional alpha-fair answers where numbers spread over six decades, on every solver.

The oracle proves optima by weak duality: it is told prices, and searches the best marginal welfare
of each group by golden sections. It shares no code with the package; wrong prices could only make
it prove less.
"""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import solvers
from librex_models.allocation import Allocation
from librex_models.problem import AllocationProblem
from librex_models.verification import Verdict
from tests.random_examples import examples
from tests.test_random_answers import (
    check_rules,
    dense_requests,
    equivalent,
    known_reward,
    utilities,
    weights,
)
from tests.ways import require_ready
from tests.wide_problems import WideProblem, wide_problem

Floats = npt.NDArray[np.float64]

COUNT = 200
GAP = 1e-6
SHARE = 0.95
"""Of the problems: what each solver has to close to the gap."""
BY_TOLERANCE = 1e-8
"""What a decision may be worth more than any that keeps its agents' limits exactly."""

WAYS = [
    ("highs", "auto"),
    ("scip", "plain"),
    ("scip", "outer_approximation"),
    ("gurobi", "plain"),
    ("gurobi", "outer_approximation"),
    ("cvxpy:CLARABEL", "plain"),
]

SECTIONS = 50
GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def least_of(function: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Return the least values between two sides of functions that fall, then rise.

    Where they are infinite they are still to fall.
    """
    found = np.full(low.shape, np.inf)
    for _ in range(SECTIONS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = function(left), function(right)
        found = np.minimum(found, np.minimum(at_left, at_right))
        goes_left = at_left < at_right
        high, low = np.where(goes_left, right, high), np.where(goes_left, low, left)
    return found


def most_of_agents(wide: WideProblem, worth: Floats) -> Floats:
    """Return the most that the options of each owner can bring, each agent for itself."""
    problem = wide.problem
    requests = dense_requests(problem)
    with np.errstate(divide="ignore"):
        alone = np.where(requests > 0, problem.budget / requests, np.inf).min(axis=1)
    most = np.minimum(problem.upper, alone)
    agent = problem.agent_of_option
    order = np.lexsort((-worth, agent))
    total = np.zeros(len(weights(problem, wide.over)))
    owner = agent if wide.over == "agents" else problem.group_of_agent[agent]
    room = problem.agent_limit.copy()
    # One option of every agent at a time, the most worth first.
    rank = np.arange(len(order)) - np.searchsorted(agent[order], agent[order])
    for turn in range(int(rank.max()) + 1):
        option = order[rank == turn]
        taken = np.where(worth[option] > 0, np.minimum(most[option], room[agent[option]]), 0.0)
        room[agent[option]] -= taken
        np.add.at(total, owner[option], worth[option] * taken)
    return total


def welfare_bound(wide: WideProblem, unit: float, price: Floats, decision: Floats) -> float:
    """Return what no welfare exceeds, of utilities over a unit, per sum of weights."""
    problem, alpha = wide.problem, wide.alpha
    weight = weights(problem, wide.over)
    ones = np.ones((1, problem.n_options))
    history = utilities(problem, wide.over, 0.0 * ones)[0] / unit
    agent = problem.agent_of_option
    owner = agent if wide.over == "agents" else problem.group_of_agent[agent]
    size = np.ones(len(weight))
    if wide.over == "groups" and problem.group_utility == "mean":
        size = np.bincount(problem.group_of_agent).astype(np.float64)
    gain = known_reward(problem) / size[owner] / unit
    charge = dense_requests(problem) @ price

    def bound(log_marginal: Floats) -> Floats:
        # The most of weight U(v) - t v, at v = (weight / t)^(1 / alpha), and t times earnings.
        marginal = np.exp(log_marginal)
        log_v = (np.log(weight) - log_marginal) / alpha
        with np.errstate(over="ignore", invalid="ignore"):
            at_best = weight * log_v
            if alpha != 1.0:
                at_best = weight * np.expm1((1.0 - alpha) * log_v) / (1.0 - alpha)
            at_best = at_best - np.exp(log_v + log_marginal)
        earned = most_of_agents(wide, marginal[owner] * gain - charge)
        total = at_best + marginal * history + earned
        return np.where(np.isnan(total), np.inf, total)

    ratio = utilities(problem, wide.over, decision[np.newaxis])[0] / unit
    near = np.log(weight) - alpha * np.log(np.maximum(ratio, 1e-15))
    least = least_of(bound, near - 40.0, near + 40.0)
    return float(least.sum() + price @ problem.budget) / float(weight.sum())


def proven_bound(wide: WideProblem, allocation: Allocation) -> float:
    """Return what no equivalent utility exceeds, from prices: those of the answer, or in its size.

    Prices in plain welfare overflow for large alpha; then those of the certificate, in another
    scale, are tried in many.
    """
    unit, alpha = allocation.equivalent, wide.alpha
    price, decision = allocation.price, allocation.decision
    assert price is not None
    with np.errstate(over="ignore", invalid="ignore"):
        price = price * math.pow(unit, alpha - 1.0)

    def bound(log_scale: Floats) -> Floats:
        scaled = np.exp(log_scale[0]) * allocation.certificate.price
        return np.array([welfare_bound(wide, unit, scaled, decision)])

    if np.isfinite(price).all() and price.any():
        welfare = welfare_bound(wide, unit, price, decision)
    else:
        ratio = utilities(wide.problem, wide.over, decision[np.newaxis])[0].min() / unit
        about = np.array([(1.0 - alpha) * math.log(ratio)])
        welfare = float(least_of(bound, about - 5.0, about + 5.0)[0])
    if alpha == 1.0:
        return unit * math.exp(welfare)
    inner = (1.0 - alpha) * welfare
    return math.inf if inner <= -1.0 else unit * math.exp(math.log1p(inner) / (1.0 - alpha))


def solved(wide: WideProblem) -> dict[str, Allocation]:
    """Return the answer of every solver that is here."""
    return {
        f"{solver} {route}": wide.model().solve(solver, route=route, relative_gap=GAP)
        for solver, route in WAYS
        if solvers.availability(solver).is_ready
    }


def check_answers(wide: WideProblem, found: dict[str, Allocation]) -> None:
    """Assert that no answer is wrong: worth what it says, nowhere above a bound, gaps true."""
    for way, allocation in found.items():
        assert allocation.verdict in (Verdict.OPTIMAL, Verdict.FEASIBLE), f"{way}: {allocation!r}"
        check_rules(allocation)
        utility = utilities(wide.problem, wide.over, allocation.decision[np.newaxis])[0]
        worth = float(equivalent(weights(wide.problem, wide.over), utility, wide.alpha))
        assert math.isclose(worth, allocation.equivalent, rel_tol=1e-9), way
    best = max(allocation.equivalent for allocation in found.values()) * (1.0 - BY_TOLERANCE)
    proven = min(proven_bound(wide, allocation) for allocation in found.values())
    assert proven >= best, f"the oracle says at most {proven!r}, and a decision is worth {best!r}"
    for way, allocation in found.items():
        assert allocation.certificate.bound >= best, f"{way}: {allocation.certificate}"
        if allocation.verdict is Verdict.OPTIMAL:
            assert allocation.gap <= GAP, way
            least = proven * (1.0 - 2.0 * GAP)
            assert allocation.equivalent >= least, f"{way}: {allocation!r}, at most {proven!r}"


def test_answers_over_six_decades_are_right_and_nearly_all_proven() -> None:
    proven: Counter[str] = Counter()
    count, failures = examples(COUNT), []
    for index in range(count):
        wide = wide_problem(index)
        found = solved(wide)
        proven.update({way: one.verdict is Verdict.OPTIMAL for way, one in found.items()})
        try:
            check_answers(wide, found)
        except AssertionError as error:
            failures.append(f"problem {index}, alpha {wide.alpha}: {error}")
    assert not failures, "\n".join(failures)
    assert proven
    short = {way: number for way, number in proven.items() if number < SHARE * count}
    assert not short, f"proven to {GAP}, of {count}: {dict(proven)}"


# Problems in which solvers were seen to claim that there is no decision, because the least utility
# has to be far smaller than others, and SCIP's optimum was less than half of the best.
@pytest.mark.parametrize("index", [104, 173, 45])
@pytest.mark.parametrize(("solver", "route"), WAYS)
def test_hard_ones_are_solved(index: int, solver: str, route: str) -> None:
    require_ready(solver)
    wide = wide_problem(index)
    allocation = wide.model().solve(solver, route=route, relative_gap=GAP)
    assert allocation.verdict is Verdict.OPTIMAL, repr(allocation)
    check_answers(wide, {solver: allocation})


def test_the_oracle_proves_a_closed_form() -> None:
    # One budget of 6 for costs of 1 and rewards of 1 and 2: equal shares at alpha = 1.
    problem = AllocationProblem([[1.0], [1.0]], [6.0], [1.0, 2.0], upper=np.inf)
    wide = WideProblem(problem=problem, alpha=1.0, over="agents")
    unit, decision = math.sqrt(18.0), np.array([3.0, 3.0])
    # Welfare per unit of budget: 1 / 3.
    bound = welfare_bound(wide, unit, np.array([1.0 / 3.0]), decision)
    assert abs(bound) < 1e-9
    for wrong in (0.2, 0.5):
        assert welfare_bound(wide, unit, np.array([wrong]), decision) > 0.01
