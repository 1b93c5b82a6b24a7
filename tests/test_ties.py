"""Equally good options and groups of one budget: alike, said so, and in no order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librex_models import (
    Allocation,
    AllocationProblem,
    AlphaFair,
    BudgetOnly,
    GroupAlphaFair,
    MaxMin,
    Model,
)
from tests.random_examples import examples


def message(allocation: Allocation) -> str:
    return allocation.attempts[-1].message


def test_equally_good_options_that_share_are_named() -> None:
    problem = AllocationProblem(
        [[1.0], [1.0], [2.0]],
        [4.0],
        [1.0, 1.0, 2.0],
        group=["a", "a", "b"],
        upper=[9.0, 3.0, 9.0],
        option_names=["first", "second", "third"],
    )
    allocation = GroupAlphaFair(problem, 2.0).solve()
    assert allocation.decision[0] == pytest.approx(3.0 * allocation.decision[1])
    assert "options 'first', 'second' are equally good" in message(allocation)


def test_options_that_are_bought_in_full_are_no_tie() -> None:
    problem = AllocationProblem([[1.0], [1.0], [2.0]], [4.0], np.ones(3), group=["a", "a", "b"])
    problem = problem.replace(upper=[1.0, 1.0, 9.0], group_utility="sum")
    allocation = GroupAlphaFair(problem, 1.0).solve()
    assert allocation.decision == pytest.approx([1.0, 1.0, 1.0])
    assert message(allocation) == "one budget, filled by sorting"


def test_equally_good_groups_get_equal_parts_of_the_budget_and_are_named() -> None:
    # Two options of one group, one of the other; the third is worth less.
    problem = AllocationProblem(
        np.ones((4, 1)),
        [6.0],
        [2.0, 2.0, 2.0, 1.0],
        group=["a", "a", "b", "c"],
        upper=np.inf,
        group_utility="sum",
    )
    allocation = GroupAlphaFair(problem, 0.0).solve()
    assert allocation.decision == pytest.approx([1.5, 1.5, 3.0, 0.0])
    assert "groups 'a', 'b' are equally good" in message(allocation)
    assert "options 0, 1 are equally good" in message(allocation)


def test_who_can_take_less_than_an_equal_part_takes_all() -> None:
    problem = AllocationProblem(np.ones((3, 1)), [6.0], np.ones(3), upper=[1.0, 9.0, 9.0])
    assert AlphaFair(problem, 0.0).solve().decision == pytest.approx([1.0, 2.5, 2.5])


def test_weights_that_make_up_for_rates_tie_beside_roundings() -> None:
    # 3 times a third, and a weight of 7 on a seventh.
    problem = AllocationProblem(
        [[3.0], [7.0], [1.0]], [4.0], [1.0, 1.0, 0.5], agent_weight=[3.0, 7.0, 1.0], upper=9.0
    )
    allocation = AlphaFair(problem, 0.0).solve()
    assert allocation.allocated[:, 0] == pytest.approx([2.0, 2.0, 0.0])


def test_of_many_ties_three_are_named() -> None:
    problem = AllocationProblem(np.ones((9, 1)), [6.0], np.ones(9), group=["a"] * 9)
    assert "options 0, 1, 2 and 6 more are" in message(MaxMin(problem).solve())


def test_the_report_and_the_attempts_say_that_there_is_a_tie() -> None:
    problem = AllocationProblem(np.ones((2, 1)), [1.0], np.ones(2), group=["a", "a"])
    allocation = MaxMin(problem).solve()
    assert "options 0, 1 are equally good" in allocation.attempts[-1].sentence


small = st.integers(0, 3)
offers = st.lists(st.tuples(st.integers(1, 3), small, st.integers(1, 4), small), min_size=1)


@pytest.mark.parametrize("family", ["max-min", "budget only", 0.0, 0.5, 1.0, 3.0])
@given(offers=offers, budget=st.integers(0, 20), limited=st.booleans(), seed=st.integers(0, 2**32))
@settings(max_examples=examples(1000), deadline=None)
def test_in_another_order_everybody_gets_the_same(
    family: str | float,
    offers: list[tuple[int, int, int, int]],
    budget: int,
    limited: bool,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    cost, reward, upper, owner = np.array(offers).T
    limit = np.inf if not limited else 2.0
    groups = np.unique(owner)
    of_pair = {i: i // 2 for i in groups.tolist()}
    weight = {g: float(generator.integers(1, 4)) for g in set(of_pair.values())}
    history = {g: float(generator.choice([0.25, 0.5])) for g in weight}

    def solved(order: np.ndarray) -> np.ndarray:
        problem = AllocationProblem(
            cost[order].astype(float)[:, np.newaxis],
            [float(budget)],
            reward[order].astype(float),
            agent=owner[order],
            group=of_pair,
            weight=weight,
            history=history,
            agent_limit=limit,
            upper=2.0 if limited else upper[order].astype(float),
        )
        model: Model = {
            "max-min": MaxMin(problem),
            "budget only": BudgetOnly(problem),
        }.get(str(family)) or GroupAlphaFair(problem, float(family))
        allocation = model.solve(route="water_filling")
        decision = np.empty(len(order))
        decision[order] = allocation.decision
        return decision

    order = generator.permutation(len(cost))
    assert solved(order) == pytest.approx(solved(np.arange(len(cost))), rel=1e-9, abs=1e-12)
