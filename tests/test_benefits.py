"""Problems of agents and treatments: at most one treatment each, compared with enumeration."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas
import polars
import pytest

from librex_models import AllocationProblem, BudgetOnly, MaxMin, Verdict
from librex_models.errors import ParameterError, ShapeError
from tests.random_examples import examples

Floats = npt.NDArray[np.float64]
from_benefits = AllocationProblem.from_benefits

BENEFIT = [[3.0, 6.0], [2.0, 4.0], [1.0, 0.0]]
COST = [[1.0, 2.0], [1.0, 2.0], [1.0, 0.5]]


def assignments(costs: Floats, budget: Floats) -> Iterator[tuple[int | None, ...]]:
    """Yield every choice of a treatment or none for each agent that the budgets allow.

    `costs` has the shape (n_agents, n_treatments, n_resources) and is whole.
    """
    n_agents, n_treatments, n_resources = costs.shape
    for chosen in itertools.product([None, *range(n_treatments)], repeat=n_agents):
        used = [
            sum(costs[i, t, k] for i, t in enumerate(chosen) if t is not None)
            for k in range(n_resources)
        ]
        if all(used[k] <= budget[k] for k in range(n_resources)):
            yield chosen


def earned(benefits: Floats, chosen: tuple[int | None, ...]) -> list[float]:
    return [0.0 if t is None else float(benefits[i, t]) for i, t in enumerate(chosen)]


def drawn(seed: int, n_resources: int) -> tuple[Floats, Floats, Floats]:
    """Return benefits, costs and budgets made of whole numbers."""
    generator = np.random.default_rng(seed)
    n_agents, n_treatments = int(generator.integers(1, 5)), int(generator.integers(1, 4))
    benefits = generator.integers(0, 20, (n_agents, n_treatments)).astype(float)
    costs = generator.integers(0, 8, (n_agents, n_treatments, n_resources)).astype(float)
    budget = np.floor(costs.max(axis=1).sum(axis=0) * generator.uniform(0.2, 0.9))
    return benefits, costs, budget


# What the problem is.


def test_options_are_pairs_of_agent_and_treatment() -> None:
    found = from_benefits(BENEFIT, COST, budget=3.0)
    assert found == AllocationProblem(
        [[1.0], [2.0], [1.0], [2.0], [1.0], [0.5]],
        [3.0],
        [3.0, 6.0, 2.0, 4.0, 1.0, 0.0],
        agent=[0, 0, 1, 1, 2, 2],
        agent_limit=1.0,
    )


def test_an_agent_gets_at_most_one_treatment_even_if_there_is_only_one() -> None:
    found = from_benefits([[1.0], [1.0]], [[1.0], [1.0]], budget=9.0, upper=5.0)
    assert found.agent_limit.tolist() == [1.0, 1.0]
    assert BudgetOnly(found).solve().objective == pytest.approx(2.0)


def test_costs_of_several_resources_are_requests() -> None:
    costs = np.arange(12.0).reshape(3, 2, 2)
    found = from_benefits(BENEFIT, costs, budget={"money": 3.0, "hours": 4.0})
    assert list(found.resources) == ["money", "hours"]
    assert np.asarray(found.requests).tolist() == costs.reshape(6, 2).tolist()


def test_names_make_labels() -> None:
    found = from_benefits(
        BENEFIT, COST, budget=3.0, agent_names=["ann", "bob", "eve"], treatment_names=["a", "b"]
    )
    assert list(found.agents) == ["ann", "bob", "eve"]
    assert list(found.options)[:3] == ["ann: a", "ann: b", "bob: a"]
    found = from_benefits(BENEFIT, COST, budget=3.0, treatment_names=["a", "b"])
    assert list(found.agents) == [0, 1, 2]


def test_groups_and_further_arguments_reach_the_problem() -> None:
    found = from_benefits(
        BENEFIT,
        COST,
        {0: "x", 2: "y", 1: "x"},
        3.0,
        weight={"y": 2.0, "x": 1.0},
        agent_minimum=0.5,
        integer=[[True, False], [True, True], [False, False]],
        upper=np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]),
        group_utility="sum",
    )
    assert (list(found.groups), found.weight.tolist()) == (["x", "y"], [1.0, 2.0])
    assert found.agent_minimum.tolist() == [0.5] * 3
    assert found.integer.tolist() == [True, False, True, True, False, False]
    assert found.upper.tolist() == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert found.group_utility == "sum"


def test_frames_are_matched_by_label() -> None:
    agents, treatments = ["ann", "bob", "eve"], ["a", "b"]
    benefit = pandas.DataFrame(BENEFIT, index=agents, columns=treatments)
    cost = pandas.DataFrame(COST, index=agents, columns=treatments).loc[
        ["eve", "ann", "bob"], ["b", "a"]
    ]
    expected = from_benefits(
        BENEFIT, COST, budget=3.0, agent_names=agents, treatment_names=treatments
    )
    assert from_benefits(benefit, cost, budget=3.0) == expected
    assert from_benefits(benefit, COST, budget=3.0) == expected


def test_the_columns_of_a_polars_frame_are_treatments() -> None:
    benefit = polars.DataFrame(BENEFIT, schema=["a", "b"], orient="row")
    cost = benefit.select("b", "a") * 0 + polars.Series([1.0, 2.0, 3.0])
    found = from_benefits(benefit, cost, budget=3.0)
    assert list(found.options)[:2] == ["0: a", "0: b"]
    assert np.asarray(found.requests).ravel().tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


def test_a_frame_of_costs_with_other_labels_is_refused() -> None:
    benefit = pandas.DataFrame(BENEFIT, index=["ann", "bob", "eve"], columns=["a", "b"])
    with pytest.raises(ParameterError, match="cost names treatment 'c', which the problem does"):
        from_benefits(benefit, benefit.rename(columns={"b": "c"}), budget=3.0)
    with pytest.raises(ParameterError, match="cost names agent 'zoe', which the problem does not"):
        from_benefits(benefit, benefit.rename(index={"bob": "zoe"}), budget=3.0)


# Compared with enumeration.


@pytest.mark.parametrize("n_resources", [1, 2])
def test_the_largest_benefit_is_that_of_enumeration(n_resources: int) -> None:
    for seed in range(examples(1000)):
        benefits, costs, budget = drawn(seed, n_resources)
        given = costs[:, :, 0] if n_resources == 1 else costs
        allocation = BudgetOnly(from_benefits(benefits, given, budget=budget, integer=True)).solve()
        best = max(sum(earned(benefits, chosen)) for chosen in assignments(costs, budget))
        assert allocation.verdict is Verdict.OPTIMAL, seed
        assert allocation.objective == pytest.approx(best), seed
        treated = allocation.decision.reshape(benefits.shape).sum(axis=1)
        assert set(treated.tolist()) <= {0.0, 1.0}, seed


def test_the_worst_group_is_that_of_enumeration() -> None:
    for seed in range(examples(500)):
        benefits, costs, budget = drawn(seed, 1)
        group = ["odd" if i % 2 else "even" for i in range(len(benefits))]
        problem = from_benefits(benefits, costs[:, :, 0], group, budget, integer=True)
        allocation = MaxMin(problem, lexicographic=False).solve()
        best = max(
            min(
                math.fsum(one for one, g in zip(values, group, strict=True) if g == name)
                / group.count(name)
                for name in set(group)
            )
            for values in (earned(benefits, chosen) for chosen in assignments(costs, budget))
        )
        assert allocation.objective == pytest.approx(best, abs=1e-9), seed


def test_everybody_gets_exactly_one_treatment_with_a_minimum_of_one() -> None:
    for seed in range(examples(500)):
        benefits, costs, budget = drawn(seed, 1)
        problem = from_benefits(
            benefits, costs[:, :, 0], budget=budget, integer=True, agent_minimum=1
        )
        allocation = BudgetOnly(problem).solve()
        full = [
            sum(earned(benefits, chosen))
            for chosen in assignments(costs, budget)
            if None not in chosen
        ]
        assert allocation.has_point is bool(full), seed
        if full:
            assert allocation.objective == pytest.approx(max(full)), seed


def test_a_treatment_that_is_worth_less_than_nothing_is_not_given() -> None:
    problem = from_benefits([[-1.0, -2.0], [-3.0, 1.0]], np.zeros((2, 2)), budget=0.0, integer=True)
    assert BudgetOnly(problem).solve().decision.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_shares_of_treatments_sum_to_at_most_one() -> None:
    # One unit of budget buys half of the second treatment, which is worth more per cost than the
    # first: 1.0 for the whole first, or 1.5 for half of the second; mixed, x + 3 y <= 1.5 and
    # x + y <= 1 meet at x = 0.75, y = 0.25.
    problem = from_benefits([[1.0, 3.0]], [[1.0, 3.0]], budget=1.5)
    allocation = BudgetOnly(problem).solve()
    assert allocation.objective == pytest.approx(1.5)
    assert allocation.decision.sum() <= 1.0 + 1e-9


# Errors.


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"benefit": [1.0, 2.0]}, ShapeError, "benefit has shape (2,), expected (n_agents, n_tr"),
        ({"benefit": np.zeros((0, 2))}, ShapeError, "benefit has shape (0, 2), expected"),
        ({"cost": [1.0, 2.0]}, ShapeError, "cost has shape (2,), expected (3, 2) as benefit has"),
        ({"cost": np.transpose(COST)}, ShapeError, "cost has shape (2, 3), expected (3, 2)"),
        ({"cost": np.ones((3, 2, 2))}, ShapeError, "budget has shape (1,), expected (2,)"),
        ({"cost": np.ones((3, 2, 1, 1))}, ShapeError, "cost has shape (3, 2, 1, 1), expected"),
        ({"budget": None}, ParameterError, "budget is missing"),
        ({"budget": [1.0, 2.0]}, ShapeError, "budget"),
        ({"budget": -1.0}, ParameterError, "budget of resource 0 is -1.0"),
        ({"group": ["x", "y"]}, ShapeError, "group has 2 labels, expected 3"),
        ({"agent_names": ["a", "b"]}, ShapeError, "agent_names has 2 labels, expected 3"),
        ({"agent_names": ["a", "b", "a"]}, ParameterError, "agent 'a' stands twice"),
        ({"treatment_names": ["a"]}, ShapeError, "treatment_names has 1 label, expected 2"),
        ({"treatment_names": ["a", "a"]}, ParameterError, "treatment 'a' stands twice"),
        ({"upper": np.ones((2, 3))}, ShapeError, "upper has shape (2, 3), expected (3, 2)"),
        ({"reward": [1.0]}, ParameterError, "from_benefits makes reward itself"),
        ({"agent": [1.0]}, ParameterError, "from_benefits makes agent itself"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(
    changes: dict[str, Any], kind: type[Exception], words: str
) -> None:
    arguments: dict[str, Any] = {"benefit": BENEFIT, "cost": COST, "budget": 3.0}
    with pytest.raises(kind) as caught:
        from_benefits(**(arguments | changes))
    assert words in str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_benefit_that_is_no_number_names_agent_and_treatment(bad: float) -> None:
    with pytest.raises(ParameterError) as caught:
        from_benefits([[1.0, 2.0], [bad, 1.0]], np.ones((2, 2)), budget=1.0)
    assert f"benefit of agent 1 for treatment 0 is {bad}, expected a finite number;" in str(
        caught.value
    )
    assert "give upper = 0" in str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_a_cost_that_cannot_be_names_agent_treatment_and_resource(bad: float) -> None:
    costs = np.ones((2, 2, 2))
    costs[1, 0, 1] = bad
    with pytest.raises(ParameterError) as caught:
        from_benefits(np.ones((2, 2)), costs, budget=[1.0, 1.0], agent_names=["ann", "bob"])
    assert f"cost of agent 'bob' for treatment 0 in resource 1 is {bad}, expected" in str(
        caught.value
    )


def test_names_that_run_together_are_refused() -> None:
    with pytest.raises(ParameterError, match="agent and treatment 'a: b: c' stands twice"):
        from_benefits(
            np.ones((2, 2)),
            np.ones((2, 2)),
            budget=1.0,
            agent_names=["a", "a: b"],
            treatment_names=["b: c", "c"],
        )
