"""Answers to random problems against oracles that share no code with the package.

Whole decisions are enumerated, and kept where their sums in exact arithmetic keep every rule.
Linear programs are solved by a simplex method in fractions. Alpha-fair welfare with fractional
decisions is enclosed between the points and the bounds of a cutting-plane method on scipy's linear
programs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from scipy import optimize

from librex_models.allocation import Allocation
from librex_models.errors import ParameterError
from librex_models.model import Model
from librex_models.models import AlphaFair, BudgetOnly, GroupAlphaFair, MaxMin, Proportional
from librex_models.problem import AllocationProblem
from librex_models.verification import Verdict
from solvers import Status
from tests.random_examples import examples
from tests.random_problems import random_problem

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Row = tuple[list[Fraction], Fraction]

# Asked of the solver where answers are compared with an oracle to 1e-9.
TIGHT = 1e-10
ALPHAS = (0.01, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0)


# Random problems, one after the other, and the smallest that fails.


def described(problem: AllocationProblem) -> str:
    """Return the numbers of a problem as arguments that make it again."""
    requests = dense_requests(problem).tolist()
    agent, group = problem.agent_of_option.tolist(), problem.group_of_agent.tolist()
    names = ["reward", "lower", "upper", "agent_limit", "agent_minimum", "integer", "weight"]
    names += ["history", "agent_weight", "agent_history"]
    numbers = {name: getattr(problem, name) for name in names}
    listed = {name: None if value is None else value.tolist() for name, value in numbers.items()}
    rest = ", ".join(f"{name}={value}" for name, value in listed.items())
    return (
        f"AllocationProblem({requests}, {problem.budget.tolist()}, agent={agent}, group={group}, "
        f"group_utility={problem.group_utility!r}, {rest})"
    )


def each_random_problem(
    count: int,
    salt: int,
    draw: Callable[[np.random.Generator], AllocationProblem],
    check: Callable[[AllocationProblem], None],
) -> None:
    """Check random problems; fail with the seed and the text of the smallest that fails."""
    failures: list[tuple[int, list[int], str, str]] = []
    for index in range(examples(count)):
        seed = [salt, index]
        problem = draw(np.random.default_rng(seed))
        try:
            check(problem)
        except AssertionError as error:
            size = problem.n_options * problem.n_resources
            failures.append((size, seed, described(problem), str(error)))
        except BaseException as error:
            error.add_note(f"seed {seed}: {described(problem)}")
            raise
    if failures:
        _, seed, text, message = min(failures)
        seeds = [failure[1] for failure in failures]
        pytest.fail(
            f"{len(failures)} of {examples(count)} problems fail, seeds {seeds[:20]}; the smallest "
            f"has seed {seed}:\n{text}\n{message}"
        )


def known_reward(problem: AllocationProblem) -> Floats:
    """Return the rewards of a problem that has some."""
    assert problem.reward is not None
    return problem.reward


def dense_requests(problem: AllocationProblem) -> Floats:
    """Return the requests of a problem that was made from a dense array."""
    assert isinstance(problem.requests, np.ndarray)
    return problem.requests


# Oracle: all whole decisions, in exact arithmetic.


def _sum(numbers: Iterator[Fraction]) -> Fraction:
    return sum(numbers, Fraction(0))


def exact_use(problem: AllocationProblem, decision: Sequence[float], k: int) -> Fraction:
    """Return what a decision takes of a resource, exactly."""
    column = dense_requests(problem)[:, k].tolist()
    return _sum(
        Fraction(a) * Fraction(x)
        for a, x in zip(column, decision, strict=True)
        if a != 0 and x != 0
    )


def keeps_every_rule(problem: AllocationProblem, decision: Sequence[float]) -> bool:
    """Return whether a decision keeps budgets, limits and minimums in exact arithmetic."""
    for k, budget in enumerate(problem.budget.tolist()):
        if budget < math.inf and exact_use(problem, decision, k) > Fraction(budget):
            return False
    total = [Fraction(0)] * problem.n_agents
    for i, x in zip(problem.agent_of_option.tolist(), decision, strict=True):
        total[i] += Fraction(x)
    limits, minimums = problem.agent_limit.tolist(), problem.agent_minimum.tolist()
    return all(
        amount >= Fraction(least) and (most == math.inf or amount <= Fraction(most))
        for amount, least, most in zip(total, minimums, limits, strict=True)
    )


def _most(problem: AllocationProblem, j: int) -> int:
    """Return the largest whole decision of an option that its bound and the budgets allow."""
    most = math.inf if problem.upper[j] == math.inf else Fraction(float(problem.upper[j]))
    limit = float(problem.agent_limit[problem.agent_of_option[j]])
    if limit < math.inf:
        most = min(most, Fraction(limit))
    for request, budget in zip(
        dense_requests(problem)[j].tolist(), problem.budget.tolist(), strict=True
    ):
        if request > 0 and budget < math.inf:
            most = min(most, Fraction(budget) / Fraction(request))
    return math.floor(most)


def whole_decisions(problem: AllocationProblem) -> Floats:
    """Return every whole decision that keeps every rule, one a row.

    Sums in doubles settle what is clear, fractions what is within 1e-9 of a side.
    """
    ranges = [
        np.arange(math.ceil(problem.lower[j]), _most(problem, j) + 1, dtype=np.float64)
        for j in range(problem.n_options)
    ]
    if any(len(numbers) == 0 for numbers in ranges):
        return np.zeros((0, problem.n_options))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij")], axis=1)
    requests = dense_requests(problem)
    of_agent = np.equal.outer(problem.agent_of_option, np.arange(problem.n_agents)) * 1.0
    values = np.hstack([grid @ requests, grid @ of_agent, -grid @ of_agent])
    sides = np.concatenate([problem.budget, problem.agent_limit, -problem.agent_minimum])
    slack = 1e-9 * np.where(np.isfinite(sides), np.abs(sides), 0.0)
    possible = np.flatnonzero((values <= sides + slack).all(axis=1))
    grid, values = grid[possible], values[possible]
    doubtful = np.flatnonzero((values > sides - slack).any(axis=1))
    kept = np.ones(len(grid), dtype=np.bool_)
    for place in doubtful.tolist():
        kept[place] = keeps_every_rule(problem, grid[place].tolist())
    return grid[kept]


def utilities(problem: AllocationProblem, over: str, decisions: Floats) -> Floats:
    """Return utilities, one row a decision."""
    if over == "agents":
        owner, n_owners = problem.agent_of_option, problem.n_agents
        size, history = np.ones(n_owners), problem.agent_history
    else:
        owner, n_owners = problem.group_of_agent[problem.agent_of_option], problem.n_groups
        size = np.bincount(problem.group_of_agent).astype(np.float64)
        history = problem.history
        if problem.group_utility == "sum":
            size = np.ones(n_owners)
    serves = np.equal.outer(owner, np.arange(n_owners)) / size
    utility: Floats = history + (decisions * known_reward(problem)) @ serves
    return utility


def weights(problem: AllocationProblem, over: str) -> Floats:
    """Return the weights of agents or groups."""
    return problem.agent_weight if over == "agents" else problem.weight


def equivalent(weight: Floats, utility: Floats, alpha: float) -> Floats:
    """Return the utility that, given to everybody, has the same welfare; one a row."""
    share = weight / weight.sum()
    least, most = utility.min(axis=-1), utility.max(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if alpha == 1.0:
            mean: Floats = np.exp(np.log(utility) @ share)
            return mean
        # Measured in the smallest or largest utility no power overflows.
        unit = least if alpha > 1.0 else most
        ratio = utility / unit[..., np.newaxis]
        found = unit * (ratio ** (1.0 - alpha) @ share) ** (1.0 / (1.0 - alpha))
    return np.where(unit > 0.0, found, 0.0)


# Oracle: linear programs by the simplex method in fractions, with Bland's rule.


def _pivot(table: list[list[Fraction]], row: int, column: int) -> None:
    """Exchange a basic and a nonbasic variable; the last row is the objective."""
    pivot = table[row][column]
    own = [-entry / pivot for entry in table[row]]
    own[column] = 1 / pivot
    for i, line in enumerate(table):
        factor = line[column]
        if i == row or factor == 0:
            continue
        line[column] = Fraction(0)
        table[i] = [
            entry + factor * other if other else entry
            for entry, other in zip(line, own, strict=True)
        ]
    table[row] = own


def _improve(table: list[list[Fraction]], basic: list[int], nonbasic: list[int]) -> bool:
    """Pivot until no coefficient of the objective is positive; False where it grows for ever.

    Rows read basic = sum entry * nonbasic + constant, the constant last.
    """
    while True:
        gains = [j for j in range(len(nonbasic)) if table[-1][j] > 0]
        if not gains:
            return True
        column = min(gains, key=lambda j: nonbasic[j])
        limits = [
            (table[i][-1] / -table[i][column], basic[i], i)
            for i in range(len(basic))
            if table[i][column] < 0
        ]
        if not limits:
            return False
        row = min(limits)[2]
        _pivot(table, row, column)
        basic[row], nonbasic[column] = nonbasic[column], basic[row]


def exact_linear_program(objective: list[Fraction], rows: list[Row]) -> Fraction | None:
    """Return the largest objective . y over y >= 0 with entries . y <= side; None if infeasible."""
    n, zero = len(objective), Fraction(0)
    basic, nonbasic = list(range(n, n + len(rows))), list(range(n))
    table = [[*(-entry for entry in entries), side] for entries, side in rows]
    if rows and min(side for _, side in rows) < 0:
        # Phase 1: a variable that relaxes every row, as small as possible.
        relaxing = n + len(rows)
        table = [[*line[:-1], Fraction(1), line[-1]] for line in table]
        table.append([*([zero] * n), Fraction(-1), zero])
        nonbasic.append(relaxing)
        worst = min(range(len(rows)), key=lambda i: table[i][-1])
        _pivot(table, worst, n)
        basic[worst], nonbasic[n] = nonbasic[n], basic[worst]
        assert _improve(table, basic, nonbasic)
        if table[-1][-1] < 0:
            return None
        if relaxing in basic:
            row = basic.index(relaxing)
            column = next(j for j in range(n + 1) if table[row][j] != 0)
            _pivot(table, row, column)
            basic[row], nonbasic[column] = nonbasic[column], basic[row]
        gone = nonbasic.index(relaxing)
        nonbasic.pop(gone)
        table.pop()
        for line in table:
            line.pop(gone)
    line = [zero] * (n + 1)
    for variable, coefficient in enumerate(objective):
        if variable in nonbasic:
            line[nonbasic.index(variable)] += coefficient
        else:
            own = table[basic.index(variable)]
            line = [a + coefficient * b for a, b in zip(line, own, strict=True)]
    table.append(line)
    assert _improve(table, basic, nonbasic), "the oracle's program is unbounded"
    return table[-1][-1]


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A linear welfare: reward . x, weighted utilities, or the worst utility per weight."""

    kind: str
    over: str = "groups"


TOTAL = Linear(kind="total")


def exact_optimum(
    problem: AllocationProblem,
    welfare: Linear = TOTAL,
    *,
    budget: Sequence[Fraction | float] | None = None,
    minimums_relaxed_by: float = 0.0,
    reward: Sequence[Fraction | float] | None = None,
    extra_rows: Sequence[tuple[Sequence[float], float]] = (),
) -> Fraction | None:
    """Return the optimum over fractional decisions, in exact arithmetic; None if infeasible.

    Budgets and rewards may be others than those of the problem; extra rows are entries . x <= side.
    """
    n, agents = problem.n_options, problem.agent_of_option.tolist()
    lower = [Fraction(number) for number in problem.lower.tolist()]
    requests = dense_requests(problem).tolist()
    worst = welfare.kind == "worst"
    zero, one = Fraction(0), Fraction(1)

    def shifted(entries: list[Fraction], side: Fraction) -> Row:
        # Written in y = x - lower >= 0, and the worst utility as a last variable.
        moved = side - _sum(a * b for a, b in zip(entries, lower, strict=True))
        return ([*entries, zero] if worst else entries), moved

    rows: list[Row] = []
    for k, amount in enumerate(problem.budget.tolist() if budget is None else budget):
        if amount != math.inf:
            rows.append(shifted([Fraction(requests[j][k]) for j in range(n)], Fraction(amount)))
    for j, most in enumerate(problem.upper.tolist()):
        if most < math.inf:
            rows.append(shifted([one if i == j else zero for i in range(n)], Fraction(most)))
    for i in range(problem.n_agents):
        own = [one if agents[j] == i else zero for j in range(n)]
        limit, least = float(problem.agent_limit[i]), float(problem.agent_minimum[i])
        if limit < math.inf:
            rows.append(shifted(own, Fraction(limit)))
        least -= minimums_relaxed_by * max(1.0, least)
        if least > 0:
            rows.append(shifted([-entry for entry in own], -Fraction(least)))
    for extra, extra_side in extra_rows:
        rows.append(shifted([Fraction(entry) for entry in extra], Fraction(extra_side)))
    gain = [
        Fraction(number)
        for number in (known_reward(problem).tolist() if reward is None else reward)
    ]
    if welfare.kind == "total":
        value = exact_linear_program(gain, rows)
        return None if value is None else value + _sum(map(Fraction.__mul__, gain, lower))
    owner, size, weight, history = _who_shares(problem, welfare.over)
    earned = [
        [gain[j] / size[g] if owner[j] == g else zero for j in range(n)] for g in range(len(size))
    ]
    if worst:
        for g in range(len(size)):
            entries, side = shifted([-entry for entry in earned[g]], history[g])
            entries[-1] = weight[g]
            rows.append((entries, side))
        return exact_linear_program([zero] * n + [one], rows)
    total = [weight[owner[j]] * earned[owner[j]][j] for j in range(n)]
    value = exact_linear_program(total, rows)
    constant = _sum(map(Fraction.__mul__, weight, history))
    return None if value is None else value + constant + _sum(map(Fraction.__mul__, total, lower))


def _who_shares(
    problem: AllocationProblem, over: str
) -> tuple[list[int], list[Fraction], list[Fraction], list[Fraction]]:
    """Return the owner of each option, and size, weight and history of each owner."""
    if over == "agents":
        owner, n_owners = problem.agent_of_option, problem.n_agents
        size, weight, history = [1] * n_owners, problem.agent_weight, problem.agent_history
    else:
        owner, n_owners = problem.group_of_agent[problem.agent_of_option], problem.n_groups
        size = np.bincount(problem.group_of_agent, minlength=n_owners).tolist()
        size = [1] * n_owners if problem.group_utility == "sum" else size
        weight, history = problem.weight, problem.history
    return (
        owner.tolist(),
        [Fraction(number) for number in size],
        [Fraction(number) for number in weight.tolist()],
        [Fraction(number) for number in history.tolist()],
    )


# What every answer must keep.


def check_rules(allocation: Allocation) -> None:
    """Assert that a decision keeps its problem's rules: budgets and wholeness exactly."""
    problem, decision = allocation.problem, allocation.decision
    for k, budget in enumerate(problem.budget.tolist()):
        if budget < math.inf:
            assert exact_use(problem, decision.tolist(), k) <= Fraction(budget), f"budget {k}"
    whole = decision[problem.integer]
    assert (whole == np.rint(whole)).all(), "wholeness"
    # The stated tolerance of bounds, limits and minimums; whole ones have no use for it.
    slack = 1e-6
    assert (decision >= problem.lower - slack * np.maximum(1.0, problem.lower)).all(), "lower"
    assert (decision <= problem.upper + slack * np.maximum(1.0, problem.upper)).all(), "upper"
    total = np.bincount(problem.agent_of_option, decision, minlength=problem.n_agents)
    most = problem.agent_limit + slack * np.maximum(1.0, problem.agent_limit)
    least = problem.agent_minimum - slack * np.maximum(1.0, problem.agent_minimum)
    assert (total <= most).all(), "agent_limit"
    assert (total >= least).all(), "agent_minimum"


def check_proof(allocation: Allocation, relative_gap: float = 1e-6) -> None:
    """Assert that an answer is verified as optimal within the gap that was asked for."""
    assert allocation.status is Status.OPTIMAL, repr(allocation)
    check_rules(allocation)
    if allocation.equivalent == 0.0 and 0.0 < allocation.certificate.bound <= 1e-13:
        assert allocation.verdict in (Verdict.OPTIMAL, Verdict.FEASIBLE), repr(allocation)
        # A gap to zero is relative to nothing: a bound of a few roundings is all that can be had.
        return
    assert allocation.verdict is Verdict.OPTIMAL, f"{allocation!r}: {allocation.certificate}"
    assert allocation.gap <= relative_gap, repr(allocation)


def check_infeasible(allocation: Allocation) -> None:
    """Assert that nothing is handed out where nothing is possible."""
    assert not allocation.has_point, repr(allocation)
    assert allocation.status is Status.INFEASIBLE, repr(allocation)
    assert allocation.verdict in (Verdict.INFEASIBLE, Verdict.UNDECIDED), repr(allocation)


def close(found: float, expected: float, relative: float, scale: float = 0.0) -> bool:
    """Return whether two numbers agree relative to the larger, or to 1e-15 of a scale."""
    return abs(found - expected) <= relative * max(abs(found), abs(expected)) + 1e-15 * scale


# Whole decisions.


def draw_whole(generator: np.random.Generator, fairness: bool = False) -> AllocationProblem:
    return random_problem(generator, integer="all", fairness=fairness)


def check_whole_answer(
    problem: AllocationProblem,
    model: Callable[[AllocationProblem], Model],
    value: Callable[[AllocationProblem, Floats], Floats],
    sharp_to: float = 1e-9,
) -> None:
    """Compare with enumeration: an answer to a tight gap, and the proof of one to the usual gap."""
    decisions = whole_decisions(problem)
    usual = model(problem).solve()
    if len(decisions) == 0:
        check_infeasible(usual)
        return
    worth = value(problem, decisions)
    best = float(worth.max())
    check_proof(usual)
    sharp = model(problem).solve(relative_gap=TIGHT)
    check_rules(sharp)
    scale = float(np.abs(worth).max())
    found = sharp.equivalent
    assert close(found, best, sharp_to, scale), f"best {best!r}, found {found!r}"
    assert close(usual.equivalent, best, 1.001e-6, scale), f"{best!r}, found {usual.equivalent!r}"
    for allocation in (usual, sharp):
        bound = allocation.certificate.bound
        assert bound >= best - 1e-9 * abs(best) - 1e-15 * scale, f"bound {bound!r} below {best!r}"
        again = float(value(problem, allocation.decision[np.newaxis])[0])
        assert close(allocation.equivalent, again, 1e-12, scale)


def total_reward(problem: AllocationProblem, decisions: Floats) -> Floats:
    total: Floats = decisions @ known_reward(problem)
    return total


def worst_utility(problem: AllocationProblem, decisions: Floats, over: str) -> Floats:
    worst: Floats = (utilities(problem, over, decisions) / weights(problem, over)).min(axis=1)
    return worst


def mean_utility(problem: AllocationProblem, decisions: Floats) -> Floats:
    share = problem.weight / problem.weight.sum()
    mean: Floats = utilities(problem, "groups", decisions) @ share
    return mean


def test_whole_total_rewards_are_those_of_enumeration() -> None:
    check = partial(check_whole_answer, model=BudgetOnly, value=total_reward)
    each_random_problem(400, 1, draw_whole, check)


@pytest.mark.parametrize("over", ["groups", "agents"])
def test_whole_worst_utilities_are_those_of_enumeration(over: str) -> None:
    def model(problem: AllocationProblem) -> Model:
        return MaxMin(problem, over=over, lexicographic=False)  # type: ignore[arg-type]

    def draw(generator: np.random.Generator) -> AllocationProblem:
        history = None if over == "groups" else False
        return random_problem(generator, integer="all", fairness=True, history=history)

    check = partial(check_whole_answer, model=model, value=partial(worst_utility, over=over))
    each_random_problem(150, 2, draw, check)


def test_whole_weighted_mean_utilities_are_those_of_enumeration() -> None:
    def model(problem: AllocationProblem) -> Model:
        return GroupAlphaFair(problem, alpha=0.0)

    check = partial(check_whole_answer, model=model, value=mean_utility)
    each_random_problem(150, 3, partial(draw_whole, fairness=True), check)


def draw_single_choice(
    generator: np.random.Generator, history: bool, over: str
) -> AllocationProblem:
    problem = random_problem(
        generator,
        integer="all",
        fairness=True,
        limits="default",
        bounds=False,
        several_agents=False,
        history=history and over == "groups",
    )
    if history and over == "agents":
        before = generator.choice([0.0, 0.5, 3.0], problem.n_agents, p=[0.1, 0.5, 0.4])
        return problem.replace(agent_history=before)
    return problem


def check_single_choice(problem: AllocationProblem, alpha: float, over: str) -> None:
    def build(problem: AllocationProblem) -> Model:
        if over == "agents":
            return AlphaFair(problem, alpha)
        return Proportional(problem) if alpha == 1.0 else GroupAlphaFair(problem, alpha)

    def value(problem: AllocationProblem, decisions: Floats) -> Floats:
        return equivalent(weights(problem, over), utilities(problem, over, decisions), alpha)

    decisions = whole_decisions(problem)
    best = float(value(problem, decisions).max()) if len(decisions) else 0.0
    if alpha >= 1.0 and best == 0.0:
        try:
            allocation = build(problem).solve()
        except ParameterError:
            return
        check_infeasible(allocation)
        return
    # Large alpha leaves differences between decisions that a solver does not see at any gap.
    check_whole_answer(problem, build, value, 1e-9 if alpha <= 2.0 else 1.001e-6)


@pytest.mark.parametrize("over", ["agents", "groups"])
@pytest.mark.parametrize("history", [True, False], ids=["history", "no_history"])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_whole_alpha_fair_answers_are_those_of_enumeration(
    alpha: float, history: bool, over: str
) -> None:
    draw = partial(draw_single_choice, history=history, over=over)
    each_random_problem(20, 4, draw, partial(check_single_choice, alpha=alpha, over=over))


@pytest.mark.parametrize("alpha", [5.0, 8.0, 20.0, 100.0])
def test_whole_alpha_fair_answers_are_right_where_utilities_differ_by_decades(alpha: float) -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        size = (int(generator.integers(2, 10)), int(generator.integers(1, 3)))
        requests = generator.uniform(0.1, 1.0, size)
        return AllocationProblem(
            requests,
            requests.sum(axis=0) * generator.uniform(0.3, 0.8),
            10.0 ** generator.uniform(-generator.uniform(0.0, 2.0), 1.0, size[0]),
            agent_history=10.0 ** generator.uniform(-generator.uniform(0.0, 2.0), 0.0, size[0]),
            integer=True,
        )

    each_random_problem(50, 8, draw, partial(check_single_choice, alpha=alpha, over="agents"))


# Some decisions whole, some fractional.


def mixed_optimum(problem: AllocationProblem) -> float | None:
    """Enumerate the whole part; scipy's linear programs decide the rest. None if infeasible."""
    whole = np.flatnonzero(problem.integer)
    free = np.flatnonzero(~problem.integer)
    requests = dense_requests(problem)
    grid = [range(math.ceil(problem.lower[j]), _most(problem, int(j)) + 1) for j in whole]
    parts = np.array(np.meshgrid(*grid, indexing="ij"), dtype=np.float64).reshape(len(whole), -1).T
    most = np.where(known_reward(problem)[free] > 0, problem.upper[free], problem.lower[free])
    promise = parts @ known_reward(problem)[whole] + known_reward(problem)[free] @ most
    best: float | None = None
    of_agent = np.equal.outer(np.arange(problem.n_agents), problem.agent_of_option) * 1.0
    matrix = np.vstack([requests.T, of_agent, -of_agent])
    side = np.concatenate([problem.budget, problem.agent_limit, -problem.agent_minimum])
    finite = np.isfinite(side)
    matrix, side = matrix[finite], side[finite]
    for place in np.argsort(-promise, kind="stable").tolist():
        if best is not None and promise[place] <= best:
            break
        least = problem.lower.copy()
        least[whole] = parts[place]
        used = [exact_use(problem, least.tolist(), k) for k in range(problem.n_resources)]
        if any(
            b < math.inf and a > Fraction(b)
            for a, b in zip(used, problem.budget.tolist(), strict=True)
        ):
            continue
        outcome = optimize.linprog(
            -known_reward(problem)[free],
            A_ub=matrix[:, free],
            b_ub=side - matrix[:, whole] @ parts[place],
            bounds=list(
                zip(problem.lower[free].tolist(), problem.upper[free].tolist(), strict=True)
            ),
        )
        assert outcome.status in (0, 2), outcome.message
        if outcome.status == 0:
            value = float(parts[place] @ known_reward(problem)[whole] - outcome.fun)
            best = value if best is None else max(best, value)
    return best


def check_mixed(problem: AllocationProblem) -> None:
    best = mixed_optimum(problem)
    allocation = BudgetOnly(problem).solve()
    if best is None:
        check_infeasible(allocation)
        return
    check_proof(allocation)
    scale = float(np.abs(known_reward(problem)) @ problem.upper)
    # Scipy's rows hold to 1e-7, so its optimum may be that much too large.
    assert (
        abs(allocation.objective - best)
        <= 1e-6 * max(abs(best), abs(allocation.objective)) + 1e-7 * scale
    )
    assert allocation.bound >= best - 1e-7 * scale


def test_mixed_total_rewards_are_those_of_enumeration_and_linear_programs() -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        size = int(generator.integers(2, 7))
        problem = random_problem(generator, integer="mixed", n_options=size)
        mask = problem.integer.copy()
        mask[0], mask[1] = True, False
        return problem.replace(integer=mask, lower=0.0)

    each_random_problem(150, 5, draw, check_mixed)


# Fractional decisions, linear welfare.


def check_fractional(
    problem: AllocationProblem, model: Callable[[AllocationProblem], Model], welfare: Linear
) -> None:
    allocation = model(problem).solve()
    exact = exact_optimum(problem, welfare)
    if exact is None:
        # Minimums hold to a tolerance: what they miss by less may be found.
        relaxed = exact_optimum(problem, welfare, minimums_relaxed_by=1e-9)
        if relaxed is None or not allocation.has_point:
            check_infeasible(allocation)
            return
        exact = relaxed
    best = float(exact)
    check_proof(allocation)
    reach = float(np.abs(known_reward(problem)) @ np.abs(allocation.decision))
    found = allocation.objective
    assert abs(found - best) <= 1e-8 * abs(best) + 1e-12 * reach, f"best {best!r}, found {found!r}"
    assert allocation.bound >= best - 1e-12 * reach, f"bound {allocation.bound!r} below {best!r}"
    check_prices(problem, welfare, allocation, exact)


def check_prices(
    problem: AllocationProblem, welfare: Linear, allocation: Allocation, best: Fraction
) -> None:
    """Assert that each price lies between the two one-sided derivatives of the optimum."""
    assert allocation.price is not None
    for k in range(problem.n_resources):
        amount = float(problem.budget[k])
        price = float(allocation.price[k])
        if amount == math.inf:
            assert price == 0.0
            continue
        budget: list[Fraction | float] = [*problem.budget.tolist()]
        # The optimum is concave in a budget: a difference quotient over any step is safe.
        step = Fraction(1, 2**20) * max(Fraction(amount), Fraction(1, 2**10))
        budget[k] = Fraction(amount) + step
        above = exact_optimum(problem, welfare, budget=budget)
        assert above is not None
        right = float((above - best) / step)
        slack = 1e-7 * max(1.0, abs(right), abs(price))
        assert price >= right - slack, f"price {price!r} of resource {k} below {right!r}"
        if amount > 0:
            step = min(step, Fraction(amount))
            budget[k] = Fraction(amount) - step
            below = exact_optimum(problem, welfare, budget=budget)
            if below is not None:
                left = float((best - below) / step)
                assert price <= left + slack, f"price {price!r} of resource {k} above {left!r}"


FRACTIONAL: dict[str, tuple[Callable[[AllocationProblem], Model], Linear]] = {
    "total": (BudgetOnly, TOTAL),
    "worst_group": (partial(MaxMin, lexicographic=False), Linear(kind="worst")),
    "worst_agent": (
        partial(MaxMin, over="agents", lexicographic=False),
        Linear(kind="worst", over="agents"),
    ),
    "weighted_sum": (partial(GroupAlphaFair, alpha=0.0), Linear(kind="weighted")),
    "agents_sum": (partial(AlphaFair, alpha=0.0), Linear(kind="weighted", over="agents")),
}


@pytest.mark.parametrize("name", FRACTIONAL)
def test_fractional_linear_answers_are_those_of_exact_linear_programs(name: str) -> None:
    model, welfare = FRACTIONAL[name]

    def draw(generator: np.random.Generator) -> AllocationProblem:
        history = None if welfare.over == "groups" else False
        return random_problem(
            generator,
            integer="none",
            fairness=name != "total",
            history=history,
            infinite_upper=bool(generator.integers(2)),
        )

    each_random_problem(80, 6, draw, partial(check_fractional, model=model, welfare=welfare))


# Fractional decisions, alpha-fair welfare.


MOST_ROUNDS = 100
STEEPEST = 1e4


def best_equivalent(
    problem: AllocationProblem, over: str, alpha: float, start: Floats, wanted: float
) -> tuple[float, float]:
    """Return a proven upper bound on the equivalent utility, and the best that was found below it.

    Kelley's cutting planes: each concave term lies below its tangents. They begin at the utilities
    `start`, and stop once the bound is `wanted` or a better point than that is found.
    """
    owner, size, weight, history = _in_doubles(problem, over)
    n, n_owners = problem.n_options, len(size)
    share = weight / weight.sum()
    # Measured in the equivalent of the start, weighted slopes there are at most unit / utility, for
    # every alpha, and the 1e-7 to which scipy's rows hold is relative.
    unit = float(equivalent(weight, start, alpha))
    earned = np.zeros((n_owners, n))
    earned[owner, np.arange(n)] = known_reward(problem) / size[owner] / unit
    before = history / unit
    of_agent = np.equal.outer(np.arange(problem.n_agents), problem.agent_of_option) * 1.0
    matrix = np.vstack([dense_requests(problem).T, of_agent, -of_agent])
    side = np.concatenate([problem.budget, problem.agent_limit, -problem.agent_minimum])
    finite = np.isfinite(side)
    rows = [np.hstack([matrix[finite], np.zeros((int(finite.sum()), n_owners))])]
    sides = [side[finite]]
    objective = np.append(np.zeros(n), -np.ones(n_owners))
    # No term is above that of the most its options allow: a utility that stays 0 has no tangent.
    ceiling = share * _scaled(before + earned @ _most_of_each(problem), alpha)
    bounds: list[tuple[float | None, float]] = [
        *zip(problem.lower.tolist(), problem.upper.tolist(), strict=True),
        *((None, most) for most in ceiling.tolist()),
    ]
    # A tangent anywhere is a bound; those that are too steep only harm the linear program.
    least = np.maximum((share / STEEPEST) ** (1.0 / alpha), 1e-12)
    best, bound, point = unit, math.inf, start / unit
    best_point = point
    for _ in range(MOST_ROUNDS):
        for utility in (point, 0.5 * (point + best_point)):
            at = np.maximum(utility, least)
            slope = share * at**-alpha
            term = share * _scaled(at, alpha)
            rows.append(np.hstack([-slope[:, np.newaxis] * earned, np.eye(n_owners)]))
            sides.append(term + slope * (before - at))
        outcome = optimize.linprog(
            objective, A_ub=np.vstack(rows), b_ub=np.concatenate(sides), bounds=bounds
        )
        assert outcome.status == 0, outcome.message
        assert outcome.fun is not None
        assert outcome.x is not None
        bound = min(bound, unit * _unscaled(-float(outcome.fun), alpha))
        point = np.maximum(before + earned @ outcome.x[:n], 0.0)
        for utility in (point, 0.5 * (point + best_point)):
            value = unit * float(equivalent(weight, utility, alpha))
            if value > best:
                best, best_point = value, utility
        if bound <= wanted or best > wanted:
            break
    return bound, best


def _most_of_each(problem: AllocationProblem) -> Floats:
    """Return the most that bounds, limits and budgets allow of each decision alone."""
    most = np.minimum(problem.upper, problem.agent_limit[problem.agent_of_option])
    requests = dense_requests(problem)
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = np.where(requests > 0, problem.budget / requests, np.inf)
    allowed: Floats = np.minimum(most, fits.min(axis=1))
    return allowed


def _scaled(ratio: Floats, alpha: float) -> Floats:
    """Return (ratio^(1 - alpha) - 1) / (1 - alpha), log(ratio) for alpha = 1."""
    with np.errstate(divide="ignore"):
        logarithm: Floats = np.log(ratio)
    return logarithm if alpha == 1.0 else np.expm1((1.0 - alpha) * logarithm) / (1.0 - alpha)


def _unscaled(value: float, alpha: float) -> float:
    if alpha == 1.0:
        return math.exp(value)
    inner = (1.0 - alpha) * value
    return math.inf if inner <= -1.0 else math.exp(math.log1p(inner) / (1.0 - alpha))


def _in_doubles(problem: AllocationProblem, over: str) -> tuple[Integers, Floats, Floats, Floats]:
    owner, size, weight, history = _who_shares(problem, over)
    doubles = (
        np.array([float(number) for number in numbers]) for numbers in (size, weight, history)
    )
    return (np.array(owner), *doubles)  # type: ignore[return-value]


def check_fractional_alpha_fair(problem: AllocationProblem, alpha: float, over: str) -> None:
    model = AlphaFair(problem, alpha) if over == "agents" else GroupAlphaFair(problem, alpha)
    try:
        allocation = model.solve()
    except ParameterError:
        most = exact_optimum(problem, Linear(kind="worst", over=over))
        assert alpha >= 1.0
        assert not most, f"a utility of {most} for everybody is possible"
        return
    if not allocation.has_point:
        most = exact_optimum(problem, Linear(kind="worst", over=over))
        assert not most or alpha < 1.0, f"a utility of {most} for everybody is possible"
        assert most is None or alpha >= 1.0
        check_infeasible(allocation)
        return
    utility = utilities(problem, over, allocation.decision[np.newaxis])[0]
    found = float(equivalent(weights(problem, over), utility, alpha))
    assert close(found, allocation.equivalent, 1e-10)
    if found == 0.0:
        most = exact_optimum(problem, Linear(kind="weighted", over=over))
        assert most == 0, f"the answer has the equivalent 0, a total of {most} is possible"
        return
    check_proof(allocation)
    wanted = found * (1 + 1e-6)
    bound, best = best_equivalent(problem, over, alpha, utility, wanted)
    assert best <= wanted, f"found {found!r}, a better point has {best!r}"
    assert bound <= found * (1 + 2e-6), f"found {found!r}, at most {bound!r}: not decided"
    assert allocation.certificate.bound >= best * (1 - 1e-12)


@pytest.mark.parametrize("over", ["agents", "groups"])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_fractional_alpha_fair_answers_are_those_of_cutting_planes(alpha: float, over: str) -> None:
    def draw(generator: np.random.Generator) -> AllocationProblem:
        return random_problem(
            generator,
            integer="none",
            fairness=True,
            history=None if over == "groups" else False,
            infinite_upper=bool(generator.integers(2)),
        )

    check = partial(check_fractional_alpha_fair, alpha=alpha, over=over)
    each_random_problem(20, 9, draw, check)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_prices_of_alpha_fair_answers_are_supergradients(alpha: float) -> None:
    """The optimum is concave in a budget: no other budget gives more than the price promises."""

    def check(problem: AllocationProblem) -> None:
        allocation = AlphaFair(problem, alpha).solve(relative_gap=1e-8)
        assert allocation.price is not None
        for k in range(problem.n_resources):
            for factor in (0.99, 1.01):
                budget = problem.budget.copy()
                budget[k] *= factor
                other = AlphaFair(problem.replace(budget=budget), alpha).solve(relative_gap=1e-8)
                promised = float(allocation.price[k] * (budget[k] - problem.budget[k]))
                gained = other.objective - allocation.objective
                # Both welfares are known to a relative gap of about 1e-8 in equivalent utility.
                slack = 1e-7 * _elasticity(allocation) + 1e-3 * abs(promised)
                assert gained <= promised + slack, f"resource {k}: {gained!r} above {promised!r}"

    def draw(generator: np.random.Generator) -> AllocationProblem:
        size = (int(generator.integers(1, 8)), int(generator.integers(1, 4)))
        requests = generator.uniform(0.1, 2.0, size)
        return AllocationProblem(
            requests,
            requests.sum(axis=0) * generator.uniform(0.2, 0.8, size[1]),
            generator.uniform(0.1, 2.0, size[0]),
            agent_weight=generator.uniform(0.5, 2.0, size[0]),
        )

    each_random_problem(20, 10, draw, check)


def _elasticity(allocation: Allocation) -> float:
    """Return the change of welfare per relative change of the equivalent utility."""
    assert allocation.family.compares_utilities
    alpha = float(getattr(allocation.family, "alpha", 0.0))
    total = float(allocation.problem.agent_weight.sum())
    return total * math.pow(allocation.equivalent, 1.0 - alpha)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_one_budget_without_limits_is_the_closed_form(alpha: float) -> None:
    """Spending is softmax(e log w + (e - 1) log p) with e = 1 / alpha, for reward per cost p."""

    def check(problem: AllocationProblem) -> None:
        allocation = AlphaFair(problem, alpha).solve()
        check_proof(allocation)
        budget, weight = float(problem.budget[0]), problem.agent_weight
        cost = dense_requests(problem)[:, 0]
        worth = known_reward(problem) / cost
        exponent = np.log(weight) / alpha + (1 / alpha - 1) * np.log(worth)
        spent = budget * np.exp(exponent - np.logaddexp.reduce(exponent))
        best = float(equivalent(weight, worth * spent, alpha))
        assert close(allocation.equivalent, best, 1.001e-6), f"best {best!r}"
        assert allocation.certificate.bound >= best * (1 - 1e-12)
        welfare = allocation.objective
        total = float(weight.sum())
        price = (total if alpha == 1.0 else (1 - alpha) * welfare) / budget
        assert allocation.price is not None
        if np.isfinite(price) and price > 0:
            # An error of 1e-6 in the equivalent is one of (alpha - 1) times that in welfare.
            assert close(float(allocation.price[0]), price, 1e-4 * max(1.0, alpha))

    def draw(generator: np.random.Generator) -> AllocationProblem:
        n = int(generator.integers(1, 9))
        return AllocationProblem(
            generator.uniform(0.1, 2.0, (n, 1)),
            [generator.uniform(0.1, 10.0)],
            generator.uniform(0.1, 2.0, n),
            upper=np.inf,
            agent_weight=generator.uniform(0.2, 3.0, n),
        )

    each_random_problem(30, 11, draw, check)


@pytest.mark.parametrize("solver", ["highs", "scip", "cvxpy:CLARABEL", "cvxpy:SCS", "cvxpy:OSQP"])
def test_a_level_of_zero_where_nothing_can_be_reached_is_not_refuted(solver: str) -> None:
    # Solvers that stop near the optimum say 1e-16.
    problem = AllocationProblem([[0.0]], [1.3], [1.4], upper=0.0, weight=[1.3])
    allocation = MaxMin(problem, lexicographic=False).solve(solver)
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.objective == 0.0
    assert allocation.bound == 0.0


@pytest.mark.parametrize("solver", ["scip", "cvxpy:CLARABEL", "cvxpy:SCS"])
@pytest.mark.parametrize("model", [Proportional, partial(GroupAlphaFair, alpha=0.5)])
def test_a_minimum_that_uses_a_budget_up_refutes_nobody(
    solver: str, model: Callable[[AllocationProblem], Model]
) -> None:
    # Two of the second use the last budget up, and what they miss by 1e-9 the first one gets.
    problem = AllocationProblem(
        [[0.0, 0.8, 0.4], [0.9, 0.6, 0.3]],
        [1.8, 1.2, 0.6],
        [1.4, 0.9],
        agent=[0, 1],
        weight=[2.8, 1.6],
        upper=math.inf,
        agent_limit=[1.0, 2.5],
        agent_minimum=[0.0, 2.0],
    )
    allocation = model(problem).solve(solver)
    # A logarithm of nothing is no number: then there is no decision.
    right = (Verdict.OPTIMAL, Verdict.FEASIBLE)
    assert allocation.verdict in ((Verdict.INFEASIBLE,) if model is Proportional else right)
    if allocation.has_point:
        assert allocation.bound >= allocation.objective
