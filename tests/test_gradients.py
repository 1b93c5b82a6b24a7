"""Gradients of welfare and decisions: central differences, closed forms, kinks that are raised."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.analysis.differentiable_optimum import differentiable_optimum
from librex_models.analysis.gradients import Gradient
from librex_models.errors import NoAllocationError, NotDifferentiable, ParameterError
from librex_models.model import Model
from tests.random_examples import examples

Floats = npt.NDArray[np.float64]

INFINITY = float("inf")
ALPHAS = [0.0, 0.01, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0, INFINITY]
FAMILIES: dict[str, Callable[[lm.AllocationProblem], Model]] = {
    "budget only": lm.BudgetOnly,
    "the first level of max-min": lambda problem: lm.MaxMin(problem, lexicographic=False),
    "ordered weights": lambda problem: lm.OrderedWeighted(
        problem, np.linspace(2.0, 1.0, problem.n_groups)
    ),
    "pieces": lambda problem: lm.PiecewiseLinear(problem, [0.3, 0.6], [2.0, 1.0, 0.3]),
    "alpha = 2": lambda problem: lm.GroupAlphaFair(problem, 2.0),
}


def one_budget(seed: int, n: int = 6, n_groups: int = 3) -> lm.AllocationProblem:
    """Return a problem of one budget, with weights, in which no bound is reached."""
    generator = np.random.default_rng([51, seed])
    group = [*range(n_groups), *generator.integers(0, n_groups, n - n_groups).tolist()]
    return lm.AllocationProblem(
        generator.uniform(0.5, 2.0, (n, 1)),
        [3.0],
        generator.uniform(0.8, 1.25, n),
        group=group,
        weight=generator.uniform(0.5, 2.0, n_groups),
        upper=1e4,
    )


def three_budgets(seed: int) -> lm.AllocationProblem:
    """Return a problem of three budgets with caps and limits of agents that are reached."""
    generator = np.random.default_rng([52, seed])
    n = int(generator.integers(3, 12))
    n_agents = int(generator.integers(2, n + 1))
    n_groups = int(generator.integers(1, n_agents + 1))
    requests = generator.uniform(0.1, 2.0, (n, 3))
    more = generator.integers(0, n_agents, n - n_agents).tolist()
    others = generator.integers(0, n_groups, n_agents - n_groups).tolist()
    return lm.AllocationProblem(
        requests,
        requests.sum(axis=0) * generator.uniform(0.2, 0.7, 3),
        generator.uniform(0.3, 2.0, n),
        agent=[*range(n_agents), *more],
        group=[*range(n_groups), *others],
        weight=generator.uniform(0.5, 2.0, n_groups),
        upper=generator.uniform(0.3, 1.0, n),
        agent_limit=generator.uniform(0.4, 1.5, n_agents),
    )


def differences(value: Callable[[Floats], Floats], at: Floats, step: float = 1e-5) -> Floats:
    """Return central differences of a function, one column for each parameter."""
    columns = []
    for place in range(len(at)):
        move = np.zeros(len(at))
        move[place] = step * max(1.0, abs(at[place]))
        columns.append((value(at + move) - value(at - move)) / (2.0 * move[place]))
    return np.stack(columns, axis=-1)


def spending(problem: lm.AllocationProblem, reward: Floats, alpha: float, budget: float) -> Floats:
    """Return the best decision of one budget, group by group from Lagrange's conditions."""
    cost = problem.usage.toarray()[0]
    decision = np.zeros(problem.n_options)
    group = problem.group_of_agent[problem.agent_of_option]
    size = np.bincount(problem.group_of_agent)
    winner = np.array(
        [
            max(np.flatnonzero(group == g), key=lambda j: reward[j] / cost[j])
            for g in range(len(size))
        ]
    )
    p = reward[winner] / cost[winner] / size
    w = problem.weight
    if alpha == 0.0:
        spent = budget * (w * p == (w * p).max())
    elif np.isinf(alpha):
        spent = budget * (w / p) / (w / p).sum()
    else:
        # w p^(1 - alpha) spent^(-alpha) is the same for all.
        exponent = (np.log(w) + (1.0 - alpha) * np.log(p)) / alpha
        part = np.exp(exponent - exponent.max())
        spent = budget * part / part.sum()
    decision[winner] = spent / cost[winner]
    return decision


def welfare_of(model: Model, problem: lm.AllocationProblem, decision: Floats) -> float:
    question = model.question_of(problem)
    assert problem.reward is not None
    utility = question.grouping.utility(problem.reward, decision)
    return question.family.welfare(question.grouping.weight, utility)


def sharp(model: Model, problem: lm.AllocationProblem, near: Floats) -> Floats:
    """Return the optimal decision to rounding, by Newton's method on its active set."""
    return differentiable_optimum(model.question_of(problem), near).decision


def dense(matrix: Any) -> Floats:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def general(model: Model, allocation: lm.Allocation) -> Gradient:
    """Return the gradient as for problems without a closed form."""
    gradient = lm.gradient(model, allocation)
    gradient.__dict__["_closed"] = None
    return gradient


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(3))
def test_one_budget_agrees_with_central_differences(alpha: float, seed: int) -> None:
    problem = one_budget(seed)
    model = lm.GroupAlphaFair(problem, alpha)
    gradient = lm.gradient(model, model.solve())
    reward = problem.reward
    assert reward is not None

    def by_reward(r: Floats) -> Floats:
        return spending(problem, r, alpha, 3.0)

    def by_budget(b: Floats) -> Floats:
        return spending(problem, reward, alpha, float(b[0]))

    def welfare(r: Floats, b: float) -> Floats:
        return np.asarray(
            welfare_of(model, problem.replace(reward=r), spending(problem, r, alpha, b))
        )

    found = dense(gradient.decision["reward"])
    # Second-order errors of the differences are about step^2 = 1e-10 times third derivatives,
    # rounding about 1e-16 / step = 1e-11.
    np.testing.assert_allclose(found, differences(by_reward, reward), atol=1e-7)
    np.testing.assert_allclose(
        gradient.decision["budget"], differences(by_budget, problem.budget), atol=1e-7
    )
    # Welfare to the power 1 - alpha: its third derivative is about alpha^2 times the first.
    step = 1e-5 / max(1.0, alpha if np.isfinite(alpha) else 1.0)
    expected = differences(lambda r: welfare(r, 3.0), reward, step)
    size = np.abs(expected).max()
    np.testing.assert_allclose(gradient.welfare["reward"] / size, expected / size, atol=1e-7)
    expected = differences(lambda b: welfare(reward, float(b[0])), problem.budget, step)
    np.testing.assert_allclose(gradient.welfare["budget"], expected, rtol=1e-7)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_closed_form_and_the_equations_of_the_optimum_agree(alpha: float) -> None:
    problem = one_budget(9)
    model = lm.GroupAlphaFair(problem, alpha)
    allocation = model.solve()
    closed, other = lm.gradient(model, allocation), general(model, allocation)
    assert closed._closed is not None
    for ours, theirs in ((closed.welfare, other.welfare), (closed.decision, other.decision)):
        for name in ours:
            expected = dense(ours[name])
            np.testing.assert_allclose(
                dense(theirs[name]), expected, atol=1e-9 * max(1e-3, np.abs(expected).max())
            )


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_costs_of_a_column_sum_to_zero(alpha: float) -> None:
    problem = one_budget(4)
    model = lm.GroupAlphaFair(problem, alpha)
    jacobian = lm.gradient(model, model.solve()).decision["reward"]
    costs = problem.usage.toarray() @ jacobian.toarray()
    np.testing.assert_allclose(costs, 0.0, atol=1e-12)


@pytest.mark.parametrize("solver", ["highs", "scip", "cvxpy:CLARABEL"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0, INFINITY])
def test_the_price_is_every_solvers_dual(alpha: float, solver: str) -> None:
    problem = one_budget(2)
    model = lm.GroupAlphaFair(problem, alpha)
    route = "leximin" if np.isinf(alpha) else "auto"
    allocation = model.solve(solver=solver, route=route, relative_gap=1e-8)
    assert allocation.price is not None
    price = lm.gradient(model, model.solve()).welfare["budget"]
    # Where welfare is curved, duals are as precise as the root of the gap, times alpha.
    np.testing.assert_allclose(allocation.price, price, rtol=1e-3)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_decisions_of_three_budgets_agree_with_central_differences(seed: int) -> None:
    problem = three_budgets(seed)
    model = lm.GroupAlphaFair(problem, [0.5, 1.0, 2.0, 5.0][seed % 4])
    allocation = model.solve()
    gradient = general(model, allocation)
    near = allocation.decision
    for name, at in (("reward", problem.reward), ("budget", problem.budget)):
        assert at is not None

        def moved(numbers: Floats, name: str = name) -> Floats:
            return sharp(model, problem.replace(**{name: numbers}), near)

        expected = differences(moved, at)
        size = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(dense(gradient.decision[name]), expected, atol=1e-5 * size)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(examples(100)))
def test_welfare_agrees_with_central_differences_of_solvers(seed: int, family: str) -> None:
    problem = three_budgets(seed)
    make = FAMILIES[family]
    solver = "auto" if family == "alpha = 2" else "highs"
    model = make(problem)
    allocation = model.solve(solver=solver, relative_gap=1e-10)
    gradient = general(model, allocation)

    def welfare(name: str) -> Callable[[Floats], Floats]:
        def value(numbers: Floats) -> Floats:
            changed = make(problem.replace(**{name: numbers.reshape(getattr(problem, name).shape)}))
            return np.asarray(changed.solve(solver=solver, relative_gap=1e-10).objective)

        return value

    for name in ("reward", "budget", "requests"):
        at = getattr(problem, name)
        expected = differences(welfare(name), at.ravel(), 1e-4).reshape(at.shape)
        # Welfare is solved to 1e-10 of itself, over steps of 2e-4.
        size = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(gradient.welfare[name], expected, atol=2e-5 * size)


def test_the_users_rows_and_floors_have_their_part() -> None:
    # Group 1 is held at its floor of 1: a unit of its reward frees budget worth 3 / 2 elsewhere.
    problem = lm.AllocationProblem([[1.0], [1.0]], [2.0], [3.0, 2.0])
    model = lm.PiecewiseLinear(problem, [100.0], [1.0, 0.0], floor=[0.0, 1.0])
    tight = problem.replace(budget=[1.2])
    allocation = lm.PiecewiseLinear(tight, [100.0], [1.0, 0.0], floor=[0.0, 1.0]).solve()
    gradient = lm.gradient(model, allocation)
    # x = (.7, .5), W = 3 (1.2 - 1 / r_1) + 1: dW / dr_1 = 3 / r_1^2 = 3 / 4.
    np.testing.assert_allclose(gradient.welfare["reward"], [0.7, 0.75], atol=1e-12)
    np.testing.assert_allclose(gradient.welfare["budget"], [3.0], atol=1e-12)
    rows = tight.replace(extra_rows=lm.Rows([[1.0, 0.0]], upper=[0.4]))
    capped = lm.BudgetOnly(rows)
    gradient = lm.gradient(capped, capped.solve())
    # The row holds option 0 at .4, so the budget buys option 1.
    np.testing.assert_allclose(gradient.welfare["budget"], [2.0], atol=1e-12)
    np.testing.assert_allclose(dense(gradient.decision["budget"]), [[0.0], [1.0]], atol=1e-12)


def test_a_vertex_that_stays_has_derivatives() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.5], [3.0, 2.0])
    model = lm.BudgetOnly(problem)
    gradient = lm.gradient(model, model.solve())
    assert gradient.decision["reward"].nnz == 0
    np.testing.assert_allclose(gradient.decision["budget"], [[0.0], [1.0]], atol=1e-12)
    np.testing.assert_allclose(gradient.welfare["requests"], [[-2.0], [-1.0]], atol=1e-12)


def test_equal_options_are_named() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [1.5], [3.0, 2.0, 2.0], option_names=["a", "b", "c"]
    )
    model = lm.BudgetOnly(problem)
    gradient = lm.gradient(model, model.solve())
    with pytest.raises(NotDifferentiable, match="'b', 'c'") as caught:
        _ = gradient.welfare["reward"]
    assert caught.value.options == ("b", "c")
    with pytest.raises(NotDifferentiable, match="'b', 'c'"):
        _ = gradient.decision["budget"]
    # The price is the same on both sides.
    np.testing.assert_allclose(gradient.welfare["budget"], [2.0], atol=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, INFINITY])
def test_a_tie_inside_a_group_is_raised(alpha: float) -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [1.0], [2.0, 2.0, 1.0], group=["g", "g", "h"], upper=9.0
    )
    model = lm.GroupAlphaFair(problem, alpha)
    gradient = lm.gradient(model, model.solve())
    for derivatives in (gradient.welfare, gradient.decision):
        with pytest.raises(NotDifferentiable) as caught:
            _ = derivatives["reward"]
        assert caught.value.options == (0, 1)


def test_a_degenerate_price_names_the_resource() -> None:
    # The budget is used up exactly when all have all they ask for: a unit less costs, one more
    # is worth nothing.
    problem = lm.AllocationProblem(
        [[1.0], [1.0]], [2.0], [3.0, 2.0], resource_names=["gpu"], option_names=["a", "b"]
    )
    model = lm.BudgetOnly(problem)
    gradient = lm.gradient(model, model.solve())
    with pytest.raises(NotDifferentiable, match="'gpu'") as caught:
        _ = gradient.welfare["budget"]
    assert caught.value.resources == ("gpu",)
    np.testing.assert_allclose(gradient.welfare["reward"], [1.0, 1.0], atol=1e-12)
    with pytest.raises(NotDifferentiable):
        _ = gradient.decision["budget"]


def test_a_budget_of_nothing_has_one_side_only() -> None:
    problem = lm.AllocationProblem([[1.0, 1.0], [1.0, 0.0]], [1.5, 0.0], [3.0, 2.0], upper=2.0)
    model = lm.BudgetOnly(problem)
    gradient = lm.gradient(model, model.solve())
    # Only option 1 gets anything; had it to request what is not there, it would get nothing.
    for name, options in (("budget", ()), ("requests", (1,))):
        with pytest.raises(NotDifferentiable) as caught:
            _ = gradient.welfare[name]
        assert (caught.value.options, caught.value.resources) == (options, (1,))
    np.testing.assert_allclose(gradient.welfare["reward"], [0.0, 1.5], atol=1e-12)


def test_a_limit_that_is_just_reached_is_raised() -> None:
    # Proportional: each spends 1 of the budget of 2, and option 0 may spend no more than 1.
    problem = lm.AllocationProblem([[1.0], [1.0]], [2.0], [3.0, 2.0], upper=[1.0, 5.0])
    model = lm.Proportional(problem)
    gradient = lm.gradient(model, model.solve())
    np.testing.assert_allclose(gradient.welfare["budget"], [1.0], atol=1e-9)
    with pytest.raises(NotDifferentiable) as caught:
        _ = gradient.decision["budget"]
    assert caught.value.options == (0,)


def test_whole_decisions_have_no_derivatives() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 2.0], integer=[True, False])
    model = lm.BudgetOnly(problem)
    with pytest.raises(NotDifferentiable) as caught:
        lm.gradient(model, model.solve())
    assert caught.value.options == (0,)


def test_an_allocation_of_another_model_is_refused() -> None:
    problem = one_budget(1)
    allocation = lm.Proportional(problem).solve()
    with pytest.raises(ParameterError, match="not one of this model"):
        lm.gradient(lm.GroupAlphaFair(problem, 2.0), allocation)


def test_the_optimum_is_that_to_rounding() -> None:
    # Proportional: everybody's cost is a third of the budget of 3.
    problem = lm.AllocationProblem([[1.0, 1.0], [2.0, 1.0], [4.0, 0.0]], [3.0, 9.0], np.ones(3))
    model = lm.Proportional(problem.replace(upper=9.0))
    gradient = lm.gradient(model, model.solve(relative_gap=1e-4))
    np.testing.assert_allclose(gradient.optimum, [1.0, 0.5, 0.25], rtol=1e-12)


def test_of_several_optima_the_allocations_own_is_kept() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], [2.0, 2.0])
    model = lm.BudgetOnly(problem)
    for decision in ([1.0, 0.0], [0.0, 1.0]):
        allocation = replace(model.solve(), point=np.array(decision))
        np.testing.assert_array_equal(lm.gradient(model, allocation).optimum, decision)


def test_without_an_allocation_there_is_no_gradient() -> None:
    problem = lm.AllocationProblem([[1.0]], [1.0], [1.0], lower=1.0, upper=2.0, agent_minimum=2.0)
    model = lm.BudgetOnly(problem)
    with pytest.raises(NoAllocationError):
        lm.gradient(model, model.solve())


def test_what_a_session_wrote_counts() -> None:
    problem = one_budget(1)
    model = lm.Proportional(problem)
    with model.open() as session:
        session.write(budget=[6.0])
        gradient = lm.gradient(model, session.solve())
    np.testing.assert_allclose(gradient.welfare["budget"], [problem.weight.sum() / 6.0])


def test_the_error_keeps_what_it_names_when_pickled() -> None:
    error = pickle.loads(pickle.dumps(NotDifferentiable("m", options=("a",), resources=("k",))))
    assert (str(error), error.options, error.resources) == ("m", ("a",), ("k",))
