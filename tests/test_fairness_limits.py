"""Floors, ceilings and caps on inequality: in all forms, kept, proven, and infeasible with a proof.

The oracles are linear programs written out over every pair of groups and solved by scipy, and
enumeration.
"""

import itertools
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import librex_models as lm
from librex_models import (
    AllocationProblem,
    AlphaFair,
    GroupAlphaFair,
    MaxMin,
    Proportional,
    Verdict,
)
from librex_models.configuration import read_configuration
from librex_models.errors import FileError, ParameterError, ShapeError
from librex_models.task import task_of
from librex_models.verification import fairness_measures
from solvers import Status
from tests.form_entries import entries_of, programs_of_forms
from tests.random_examples import examples
from tests.random_problems import random_problem

NAMES = ["highs", "scip", "gurobi", "cvxpy:CLARABEL"]


def drawn(seed: int, **chosen: Any) -> tuple[AllocationProblem, dict[str, Any]]:
    """Return a problem of several groups, and what is demanded of their utilities."""
    generator = np.random.default_rng([23, seed])
    while True:
        problem = random_problem(generator, fairness=True, minimums=False, **chosen)
        if problem.n_groups < 2:
            continue
        history = generator.uniform(0.05, 0.5, problem.n_groups)
        problem = problem.replace(history=dict(zip(problem.groups, history, strict=True)))
        best = GroupAlphaFair(problem, 0.5).solve(solver="highs")
        if best.has_point:
            break
    utility = best.utility
    demanded: dict[str, Any] = {}
    wanted = generator.random(4) < 0.5
    wanted[int(generator.integers(4))] = True
    first, second = generator.permutation(problem.n_groups)[:2].tolist()
    if wanted[0]:
        floor = float(utility.mean() * generator.uniform(0.2, 1.2))
        demanded["floor"] = {problem.groups[first]: floor}
    if wanted[1]:
        ceiling = float(utility.max() * generator.uniform(0.4, 1.1))
        demanded["ceiling"] = {problem.groups[second]: ceiling}
    if wanted[2]:
        spread = float(utility.max() - utility.min())
        demanded["spread_cap"] = spread * float(generator.uniform(0.2, 0.9))
    if wanted[3]:
        demanded["gini_cap"] = float(generator.uniform(0.05, 0.4))
    return problem, demanded


def keeps(problem: AllocationProblem, demanded: dict[str, Any], utility: np.ndarray) -> bool:
    """Return whether utilities keep what is demanded, by its definition."""
    by_label = dict(zip(problem.groups, utility.tolist(), strict=True))
    near = 1e-6 * max(1.0, float(utility.max()))
    n = len(utility)
    apart = sum(abs(a - b) for a, b in itertools.combinations(utility.tolist(), 2))
    return (
        all(by_label[g] >= least - near for g, least in demanded.get("floor", {}).items())
        and all(by_label[g] <= most + near for g, most in demanded.get("ceiling", {}).items())
        and utility.max() - utility.min() <= demanded.get("spread_cap", np.inf) + near
        and apart <= n * demanded.get("gini_cap", 1.0) * utility.sum() + n * n * near
    )


def best_smallest(problem: AllocationProblem, demanded: dict[str, Any]) -> float | None:
    """Return the largest smallest utility per weight, by scipy over signs of all differences."""
    n, groups = problem.n_options, problem.n_groups
    grouping = problem.grouping("groups")
    earned = np.zeros((groups, n + 1))
    assert problem.reward is not None
    earned[grouping.of_option, np.arange(n)] = grouping.share[grouping.of_option] * problem.reward
    rows: list[np.ndarray] = []
    sides: list[float] = []

    def at_most(entries: np.ndarray, side: float) -> None:
        if side < np.inf:
            rows.append(entries)
            sides.append(side)

    for g in range(groups):
        level = -earned[g].copy()
        level[n] = grouping.weight[g]
        at_most(level, grouping.history[g])
    requests = problem.usage.toarray()
    for k in range(problem.n_resources):
        at_most(np.append(requests[k], 0.0), problem.budget[k])
    for i in range(problem.n_agents):
        own = np.append((problem.agent_of_option == i).astype(float), 0.0)
        at_most(own, problem.agent_limit[i])
    for label, least in demanded.get("floor", {}).items():
        g = list(problem.groups).index(label)
        at_most(-earned[g], grouping.history[g] - least)
    for label, most in demanded.get("ceiling", {}).items():
        g = list(problem.groups).index(label)
        at_most(earned[g], most - grouping.history[g])
    for g, h in itertools.permutations(range(groups), 2):
        cap = demanded.get("spread_cap", np.inf)
        at_most(earned[g] - earned[h], cap + grouping.history[h] - grouping.history[g])
    if "gini_cap" in demanded:
        # One row for each order of the groups: the sorted sum is the largest of them.
        for order in itertools.permutations(range(groups)):
            factor = 2.0 * np.arange(1, groups + 1) - groups - 1.0
            coefficient = np.empty(groups)
            coefficient[list(order)] = factor
            coefficient -= groups * demanded["gini_cap"]
            at_most(coefficient @ earned, -float(coefficient @ grouping.history))
    bounds = [*zip(problem.lower, problem.upper, strict=True), (None, None)]
    objective = np.append(np.zeros(n), -1.0)
    found = optimize.linprog(objective, np.array(rows), np.array(sides), bounds=bounds)
    return None if found.fun is None else -float(found.fun)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(examples(200)))
def test_the_smallest_utility_is_that_of_a_program_over_all_orders(seed: int, name: str) -> None:
    problem, demanded = drawn(seed, integer="none", n_options=5)
    allocation = MaxMin(problem, lexicographic=False, **demanded).solve(solver=name)
    expected = best_smallest(problem, demanded)
    if expected is None:
        assert allocation.verdict is Verdict.INFEASIBLE
        return
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.certificate.bound_from == "prices"
    assert allocation.objective == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert keeps(problem, demanded, allocation.utility)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_solvers_agree_on_welfare_under_limits(seed: int, alpha: float) -> None:
    problem, demanded = drawn(seed, integer="none")
    model = GroupAlphaFair(problem, alpha, **demanded)
    found = [model.solve(solver=name) for name in NAMES]
    for allocation in found:
        if found[0].verdict is Verdict.INFEASIBLE:
            assert allocation.verdict is Verdict.INFEASIBLE
            continue
        assert allocation.verdict is Verdict.OPTIMAL
        assert keeps(problem, demanded, allocation.utility)
        assert allocation.equivalent == pytest.approx(found[0].equivalent, rel=3e-6, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(examples(100)))
def test_every_level_of_leximin_is_proven_under_limits(seed: int, name: str) -> None:
    problem, demanded = drawn(seed, integer="none")
    allocation = MaxMin(problem, **demanded).solve(solver=name)
    assert allocation.verdict in (Verdict.OPTIMAL, Verdict.INFEASIBLE)
    if allocation.has_point:
        assert keeps(problem, demanded, allocation.utility)


@pytest.mark.parametrize("name", NAMES[:3])
@pytest.mark.parametrize("alpha", [0.5, 2.0, np.inf])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_whole_optima_under_limits_equal_enumeration(seed: int, alpha: float, name: str) -> None:
    problem, demanded = drawn(seed, integer="all", n_options=5, bounds=False)
    allocation = GroupAlphaFair(problem, alpha, **demanded).solve(solver=name, relative_gap=1e-6)
    free = GroupAlphaFair(problem, alpha)
    best = -np.inf
    for choice in itertools.product((0.0, 1.0), repeat=5):
        checked = lm.verify(free, choice)
        if checked.verdict is Verdict.REFUTED or not keeps(problem, demanded, checked.utility):
            continue
        best = max(best, checked.equivalent)
    if best == -np.inf:
        assert allocation.status is Status.INFEASIBLE
        return
    assert allocation.equivalent == pytest.approx(best, rel=3e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(examples(100)))
def test_all_forms_demand_the_same(seed: int) -> None:
    problem, demanded = drawn(seed)
    question = MaxMin(problem, lexicographic=False, **demanded).question()
    entries = [entries_of(program) for program in programs_of_forms(question)]
    assert entries[0] == entries[1] == entries[2]


def small(**demanded: Any) -> GroupAlphaFair:
    return GroupAlphaFair(small_problem(), 0.0, **demanded)


def small_problem() -> AllocationProblem:
    return AllocationProblem(
        [[1.0], [1.0]], [1.0], [3.0, 1.0], group=["rich", "poor"], upper=np.inf
    )


def test_a_floor_moves_money_to_who_would_get_none() -> None:
    allocation = small(floor={"poor": 0.25}).solve()
    assert allocation.utility == pytest.approx([2.25, 0.25])
    assert "floor" in allocation.certificate.violations


def test_a_floor_for_all_is_one_number() -> None:
    assert small(floor=0.25).solve().utility == pytest.approx([2.25, 0.25])


def test_a_ceiling_leaves_money_to_others() -> None:
    assert small(ceiling={"rich": 1.5}).solve().utility == pytest.approx([1.5, 0.5])


def test_a_cap_on_the_spread() -> None:
    # 3 x - (1 - x) = 1
    assert small(spread_cap=1.0).solve().utility == pytest.approx([1.5, 0.5])


def test_a_cap_on_the_gini_coefficient_is_reached() -> None:
    allocation = small(gini_cap=0.25).solve()
    assert fairness_measures(allocation.utility)["gini"] == pytest.approx(0.25)


@pytest.mark.parametrize("name", NAMES)
def test_floors_that_cannot_be_met_are_infeasible_with_a_proof(name: str) -> None:
    for family in (Proportional, MaxMin):
        allocation = family(small_problem(), floor=1.0).solve(solver=name)
        assert allocation.verdict is Verdict.INFEASIBLE
        assert "Proven" in allocation.certificate.sentence


@pytest.mark.parametrize(
    ("demanded", "error", "words"),
    [
        ({"floor": {"nobody": 1.0}}, ParameterError, "floor names group 'nobody'"),
        ({"floor": -1.0}, ParameterError, "floor of group 'rich' is -1.0"),
        ({"floor": [1.0]}, ShapeError, "floor has shape"),
        ({"floor": 2.0, "ceiling": 1.0}, ParameterError, "group 'rich' has the floor 2 above"),
        ({"gini_cap": 1.5}, ParameterError, "gini_cap is 1.5, expected a number from 0 to 1"),
        ({"gini_cap": "low"}, ParameterError, "gini_cap is 'low'"),
        ({"spread_cap": -1.0}, ParameterError, "spread_cap is -1.0"),
        ({"spread_cap": True}, ParameterError, "spread_cap is True"),
    ],
)
def test_what_cannot_be_demanded_is_refused(
    demanded: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        small(**demanded)


def test_limits_of_agents_name_agents() -> None:
    with pytest.raises(ParameterError, match="floor names agent 'rich'"):
        AlphaFair(small_problem(), 0.0, floor={"rich": 1.0})


def test_a_model_says_what_it_demands_and_differs_by_it() -> None:
    model = small(floor={"poor": 0.25}, gini_cap=0.5)
    assert "floor={'poor': 0.25}, gini_cap=0.5" in repr(model)
    assert model == small(floor={"poor": 0.25}, gini_cap=0.5)
    assert model != small(floor={"poor": 0.25})
    assert model != small()


def test_limits_are_read_from_a_file(tmp_path: Any) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(
        "[resources]\nmoney = 1\n[options]\n"
        "csv = '''\nagent,group,reward,money\nann,1,3,1\nbob,2,1,1\n'''\n"
        "[labels]\ngroup = 'integer'\n"
        "[fairness]\nmodel = 'group_alpha_fair'\nalpha = 0\nfloor = { 2 = 0.25 }\n"
        "gini_cap = 0.9\nspread_cap = 3\n"
    )
    limits = task_of(str(path), None, None).model.limits
    assert limits is not None
    assert limits.floor.tolist() == [0.0, 0.25]
    assert (limits.gini_cap, limits.spread_cap) == (0.9, 3.0)


def test_a_file_for_budget_only_takes_no_limits(tmp_path: Any) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(
        "[resources]\nmoney = 1\n[options]\ncsv = '''\nagent,reward,money\nann,3,1\n'''\n"
        "[fairness]\nmodel = 'budget_only'\nfloor = 1\n"
    )
    with pytest.raises(FileError, match=r"fairness\.floor is given, but model 'budget_only'"):
        read_configuration(path)


def test_what_is_demanded_under_an_unknown_name_is_refused() -> None:
    problem = AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 1.0])
    misspelt: dict[str, Any] = {"flor": 0.5}
    with pytest.raises(ParameterError, match="Proportional has no argument 'flor'; did you mean"):
        Proportional(problem, **misspelt)
    foreign: dict[str, Any] = {"inner_alpha": 1.0}
    with pytest.raises(ParameterError, match="AlphaFair has no argument 'inner_alpha'"):
        AlphaFair(problem, 1.0, **foreign)


def test_a_floor_by_label_may_be_any_mapping() -> None:
    problem = AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 1.0], group=["a", "b"])
    allocation = GroupAlphaFair(problem, 0.0, floor=MappingProxyType({"b": 0.25})).solve()
    assert allocation.utility == pytest.approx([2.25, 0.25])
