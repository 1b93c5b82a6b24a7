"""Nested fairness: alpha-fair over groups whose utility is fair among their members."""

import math
from itertools import product
from pathlib import Path

import cvxpy
import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import librex_models as lm
from librex_models.families import AlphaFairness, NestedFairness
from librex_models.report.json_report import json_report
from solvers.program_differences import differences
from tests.form_entries import programs_of_forms
from tests.nested_problems import (
    best_whole_welfare,
    group_utilities,
    nested_problem,
    nested_welfare,
)
from tests.random_examples import examples
from tests.ways import require_ready

ALPHAS = (0.0, 0.5, 1.0, 2.0, 5.0)
INNER = (0.3, 1.0, 2.0, 5.0, math.inf)
SOLVERS = ("highs", "scip", "gurobi", "cvxpy:CLARABEL")


def model_of(seed: int, alpha: float, inner: float, whole: bool = False) -> lm.GroupAlphaFair:
    problem = nested_problem(np.random.default_rng(seed), whole)
    return lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)


# The family.


@pytest.mark.parametrize("inner", [0.01, 0.3, 1.0, 2.0, 20.0, 100.0, math.inf])
def test_the_utility_of_a_group_is_the_equivalent_of_its_members(inner: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        problem = nested_problem(rng).replace(upper=math.inf)
        decision = 10.0 ** rng.uniform(-4, 4, problem.n_options)
        model = lm.GroupAlphaFair(problem, 2.0, inner_alpha=inner)
        family, question = model.family, model.question()
        assert isinstance(family, NestedFairness)
        found = family.group_utility(question.utility(decision))
        wanted = [float(one) for one in group_utilities(problem, inner, decision)]
        np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_somebody_with_nothing_leaves_a_group_nothing_from_the_logarithm_on() -> None:
    for inner, wanted in ((0.5, 2.0 / 4.0), (1.0, 0.0), (2.0, 0.0), (math.inf, 0.0)):
        family = NestedFairness(AlphaFairness(2.0), inner, ("a",), (0, 0))
        assert family.group_utility(np.array([0.0, 2.0])) == pytest.approx([wanted])


@given(
    inner=st.sampled_from([0.01, 0.3, 0.99, 1.0, 1.01, 2.0, 20.0, 100.0, math.inf]),
    at=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    other=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    multiplier=st.none() | st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
)
def test_the_slopes_are_a_majorant(
    inner: float, at: list[float], other: list[float], multiplier: list[float] | None
) -> None:
    family = NestedFairness(AlphaFairness(1.0), inner, ("a",), (0, 0, 0))
    shares = None if multiplier is None else np.array(multiplier)
    slope = family.slope(np.array(at), shares)
    utility = np.array(other)
    assert family.group_utility(utility)[0] <= float(slope @ utility) * (1 + 1e-12) + 1e-300


@pytest.mark.parametrize("inner", [0.3, 1.0, 2.0, 20.0])
def test_the_slopes_touch_at_their_point(inner: float) -> None:
    family = NestedFairness(AlphaFairness(1.0), inner, ("a", "b"), (0, 0, 1, 1, 1))
    utility = np.array([1.0, 3.0, 0.5, 0.6, 2.0])
    touched = np.bincount(family.members, family.slope(utility) * utility)
    np.testing.assert_allclose(touched, family.group_utility(utility), rtol=1e-12)


# The forms.


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("inner", [*INNER, 1.5, 0.123456])
def test_all_forms_say_the_same(alpha: float, inner: float) -> None:
    model = model_of(int(10 * alpha) + 1, alpha, inner)
    arrays, in_pyomo, in_cvxpy = programs_of_forms(model.question())
    assert not differences(arrays, in_pyomo)
    assert not differences(arrays, in_cvxpy)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("inner", INNER)
def test_cones_of_cvxpy_have_the_same_optimum(alpha: float, inner: float) -> None:
    model = model_of(int(10 * alpha) + 2, alpha, inner)
    allocation = model.solve(solver="highs")
    by_cones = float(model.to_cvxpy().solve(solver="CLARABEL"))
    family = model.family
    assert isinstance(family, NestedFairness)
    equivalent = family.equivalent_of_welfare(model.problem.weight, by_cones)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.equivalent == pytest.approx(equivalent, rel=2e-6)


def test_a_perspective_in_pyomo_is_read_by_its_alpha() -> None:
    model = model_of(3, 2.0, 0.3)
    declared = model.to_pyomo()
    declared.inner_alpha = 0.7
    from librex_models.forms.compile_pyomo import compile_pyomo

    perspectives = compile_pyomo(declared).constant.perspectives
    assert perspectives is not None
    assert perspectives.alpha == 0.7


# Answers.


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("alpha", "inner"),
    [(0.0, 2.0), (0.5, 0.5), (1.0, 2.0), (2.0, 1.0), (20.0, 5.0), (100.0, 2.0), (2.0, math.inf)],
)
def test_every_solver_proves_the_optimum(solver: str, alpha: float, inner: float) -> None:
    require_ready(solver)
    model = model_of(4, alpha, inner)
    allocation = model.solve(solver=solver, relative_gap=1e-5)
    assert allocation.verdict is lm.Verdict.OPTIMAL, allocation.certificate.sentence
    welfare = nested_welfare(model.problem, alpha, inner, allocation.decision)
    assert allocation.objective == pytest.approx(welfare, rel=1e-9)
    other = model.solve(solver="highs", relative_gap=1e-5)
    assert allocation.equivalent == pytest.approx(other.equivalent, rel=2e-5)


@pytest.mark.parametrize("seed", range(examples(400)))
def test_whole_decisions_are_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha, inner = float(rng.choice(ALPHAS)), float(rng.choice([*INNER, 0.9]))
    model = model_of(seed, alpha, inner, whole=True)
    solver = str(rng.choice(["highs", "scip", "gurobi"]))
    require_ready(solver)
    best = best_whole_welfare(model.problem, alpha, inner)
    allocation = model.solve(solver=solver, relative_gap=1e-4)
    assert allocation.verdict is not lm.Verdict.REFUTED
    if best == -math.inf:
        assert not allocation.has_point or allocation.equivalent == 0.0
        return
    assert allocation.objective <= best + 1e-9 * abs(best)
    assert allocation.bound >= best - 1e-9 * abs(best)
    if allocation.verdict is lm.Verdict.OPTIMAL:
        family = model.family
        assert isinstance(family, NestedFairness)
        equivalent = family.equivalent_of_welfare(model.problem.weight, best)
        assert allocation.equivalent >= equivalent * (1.0 - 1.1e-4)


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi"])
def test_a_group_of_which_one_has_nothing_has_exactly_no_welfare(solver: str) -> None:
    """Solvers take 1e-6 for nothing, and 1e-6 to the power of .1 is no little."""
    require_ready(solver)
    problem = lm.AllocationProblem(
        [[1.89], [1.51], [0.78]],
        [4.01],
        [2.85, 1.2, 0.6],
        group=["a", "b", "a"],
        weight={"a": 0.8904, "b": 18.0087},
        upper=[1.0, 2.0, 2.0],
        integer=True,
    )
    allocation = lm.GroupAlphaFair(problem, 0.9, inner_alpha=20.0).solve(solver=solver)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    best = best_whole_welfare(problem, 0.9, 20.0)
    assert allocation.objective == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_the_same_aversion_inside_is_alpha_fairness_over_agents(alpha: float) -> None:
    problem = nested_problem(np.random.default_rng(5)).replace(history=None, group_utility="mean")
    size = np.bincount(problem.group_of_agent)
    weight = (problem.weight / size)[problem.group_of_agent]
    nested = lm.GroupAlphaFair(problem, alpha, inner_alpha=alpha).solve()
    over_agents = lm.AlphaFair(problem.replace(agent_weight=weight), alpha).solve()
    assert nested.objective == pytest.approx(over_agents.objective, rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(nested.decision, over_agents.decision, atol=5e-3)


def test_tangents_leave_out_what_no_group_can_have() -> None:
    """With alpha about .3 they spanned 17 decades, and an interior point ended nowhere."""
    require_ready("cvxpy:CLARABEL")
    problem = nested_problem(np.random.default_rng(123))
    model = lm.GroupAlphaFair(problem, 0.3, inner_alpha=0.3)
    allocation = model.solve(solver="cvxpy:CLARABEL", time_limit_seconds=60)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    # It is alpha-fairness over agents, each counting with its part of the group's weight.
    group = problem.group_of_agent
    size = np.bincount(group)
    weight = problem.weight[group] / size[group]
    share = size[group] if problem.group_utility == "sum" else np.ones(len(group))
    x = cvxpy.Variable(problem.n_options, nonneg=True)
    assert problem.reward is not None
    utility = problem.history[group] + cvxpy.multiply(share * problem.reward, x)
    welfare = weight @ cvxpy.power(utility, 0.7, approx=False) / 0.7
    rows = [problem.usage.toarray() @ x <= problem.budget, x <= problem.upper]
    best = cvxpy.Problem(cvxpy.Maximize(welfare), rows).solve(solver="CLARABEL")
    assert allocation.objective == pytest.approx(best, rel=3e-6)


def test_no_aversion_inside_is_the_mean() -> None:
    problem = nested_problem(np.random.default_rng(6))
    plain = lm.GroupAlphaFair(problem, 2.0)
    assert lm.GroupAlphaFair(problem, 2.0, inner_alpha=0.0) == plain
    nearly = lm.GroupAlphaFair(problem, 2.0, inner_alpha=1e-4).solve()
    assert nearly.equivalent == pytest.approx(plain.solve().equivalent, rel=1e-3)


def test_utilities_are_those_of_groups() -> None:
    model = model_of(7, 2.0, 2.0)
    allocation = model.solve()
    assert allocation.utility.shape == (model.problem.n_groups,)
    wanted = [float(one) for one in group_utilities(model.problem, 2.0, allocation.decision)]
    np.testing.assert_allclose(allocation.utility, wanted, rtol=1e-12)
    assert str(model.problem.groups[0]) in allocation.explain()


def test_a_group_that_wants_nothing_gets_nothing() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [3.0], [1.0, 1.0, 5.0], group=["a", "a", "b"], upper=3.0
    )
    allocation = lm.GroupAlphaFair(problem, 0.0, inner_alpha=2.0).solve()
    assert allocation.verdict is lm.Verdict.OPTIMAL
    np.testing.assert_allclose(allocation.decision, [0.0, 0.0, 3.0], atol=1e-9)


@pytest.mark.parametrize(
    ("solver", "whole"),
    [*product(["auto", "highs", "scip"], [False, True]), ("cvxpy:CLARABEL", False)],
)
def test_lower_bounds_may_leave_a_member_nothing(solver: str, whole: bool) -> None:
    problem = lm.AllocationProblem(
        [[1.0, 1.0], [1.0, 2.0]],
        [1.0, 1.0],
        [1.0, 1.0],
        group=["a", "a"],
        lower=[1.0, 0.0],
        integer=whole,
    )
    allocation = lm.GroupAlphaFair(problem, 0.5, inner_alpha=2.0).solve(solver=solver)
    assert allocation.decision == pytest.approx([1.0, 0.0])
    assert allocation.objective == 0.0


def test_where_no_group_can_have_anything_nothing_is_the_best() -> None:
    """A bound that is nothing but for roundings is compared with what members can have."""
    problem = lm.AllocationProblem(
        [
            [1.14, 0.0, 1.1],
            [0.93, 0.0, 1.12],
            [0.0, 0.37, 0.0],
            [0.82, 1.09, 1.98],
            [1.77, 0.18, 0.86],
            [0.01, 0.0, 0.05],
        ],
        [1.92, 3.29, 3.35],
        [0.21, 2.33, 0.0, 1.15, 2.72, 0.0],
        group=["a", "b", "a", "b", "a", "b"],
        weight={"a": 0.05271753252161644, "b": 10.248506647884808},
        lower=[0.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        upper=[3.0, 1.0, 3.0, 1.0, 1.0, 2.0],
        integer=True,
        agent_limit=1.0,
    )
    allocation = lm.GroupAlphaFair(problem, 0.99, inner_alpha=20.0).solve(solver="highs")
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.objective == 0.0


def test_more_aversion_inside_evens_out_a_group() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [3.0], [4.0, 1.0, 2.0], group=["a", "a", "b"], upper=3.0
    )
    apart = []
    for inner in (0.5, 1.0, 2.0, 10.0):
        decision = lm.GroupAlphaFair(problem, 1.0, inner_alpha=inner).solve().decision
        apart.append(float(4.0 * decision[0] - decision[1]))
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] > 0.0


# Sessions.


@pytest.mark.parametrize("form", ["arrays", "pyomo", "cvxpy"])
def test_what_is_written_counts(form: str) -> None:
    model = model_of(8, 2.0, 2.0)
    problem = model.problem
    reward = np.asarray(problem.reward) * np.linspace(0.8, 1.4, problem.n_options)
    written = {"reward": reward, "budget": 0.7 * problem.budget, "weight": 2.0 / problem.weight}
    with model.open(solver="highs", form=form) as session:
        session.solve()
        session.write(**written, history=problem.history + 0.2)
        allocation = session.solve()
    fresh = problem.replace(**written, history=problem.history + 0.2)
    again = lm.GroupAlphaFair(fresh, 2.0, inner_alpha=2.0).solve(solver="highs")
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.equivalent == pytest.approx(again.equivalent, rel=2e-6)


# Bad input.


@pytest.mark.parametrize("factor", [1e-4, 0.05, 30.0, 1e4])
def test_rewards_of_another_size_may_be_written(factor: float) -> None:
    problem = nested_problem(np.random.default_rng([3, 5]))
    model = lm.GroupAlphaFair(problem, 5.0, inner_alpha=5.0)
    with model.open(solver="highs") as session:
        before = session.solve()
        assert problem.reward is not None
        session.write(reward=factor * problem.reward, history=factor * problem.history)
        after = session.solve()
    assert after.verdict is lm.Verdict.OPTIMAL
    # Welfare is homogeneous of degree 1 - alpha.
    assert after.objective == pytest.approx(factor**-4.0 * before.objective, rel=1e-5)


def test_what_is_not_offered_is_refused_by_name() -> None:
    problem = nested_problem(np.random.default_rng(9))
    with pytest.raises(lm.errors.ParameterError, match="floor is given together with inner_alpha"):
        lm.GroupAlphaFair(problem, 1.0, inner_alpha=1.0, floor=0.1)
    with pytest.raises(lm.errors.ParameterError, match="inner_alpha is -1"):
        lm.GroupAlphaFair(problem, 1.0, inner_alpha=-1)
    with pytest.raises(lm.errors.ParameterError, match="inner_alpha is nan"):
        lm.GroupAlphaFair(problem, 1.0, inner_alpha=math.nan)


def test_options_that_serve_several_groups_have_no_members() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0]], [1.0], np.array([[1.0, 2.0], [2.0, 1.0]]), group=["a", "b"]
    )
    with pytest.raises(lm.errors.ParameterError, match="rewards are given for groups"):
        lm.GroupAlphaFair(problem, 1.0, inner_alpha=1.0).solve()


def test_a_member_who_cannot_earn_is_named() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]],
        [1.0],
        [1.0, 0.0, 1.0],
        agent=["ann", "bob", "cid"],
        group=["a", "a", "b"],
    )
    with pytest.raises(lm.errors.ParameterError, match="'bob' cannot earn"):
        lm.GroupAlphaFair(problem, 1.0, inner_alpha=1.0).solve()
    mild = lm.GroupAlphaFair(problem, 1.0, inner_alpha=0.5).solve()
    assert mild.verdict is lm.Verdict.OPTIMAL
    hopeless = problem.replace(reward=[0.0, 0.0, 1.0])
    with pytest.raises(lm.errors.ParameterError, match="nobody in group 'a'"):
        lm.GroupAlphaFair(hopeless, 1.0, inner_alpha=0.5).solve()


# Files.


def test_a_problem_file_says_inner_alpha(tmp_path: Path) -> None:
    file = tmp_path / "problem.toml"
    file.write_text(
        '[resources]\ngpu = 3.0\n[options]\ncsv = """\noption,agent,group,reward,gpu\n'
        'one,ann,a,2,1\ntwo,bob,a,1,1\nthree,cid,b,1,1\n"""\n[decision]\nupper = 3\n'
        '[fairness]\nmodel = "group_alpha_fair"\nalpha = 1\ninner_alpha = 2\n'
    )
    from librex_models.task import task_of

    task = task_of(str(file), None, None)
    assert task.model == lm.GroupAlphaFair(task.model.problem, 1.0, inner_alpha=2.0)
    assert json_report(task.model.solve())["inner_alpha"] == 2.0


def test_a_model_says_its_inner_alpha() -> None:
    assert "alpha=2, inner_alpha=0.5" in repr(model_of(10, 2.0, 0.5))


# One budget.


@pytest.mark.parametrize("seed", range(examples(400)))
def test_one_budget_is_filled_to_rounding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_groups = int(rng.integers(1, 30)), int(rng.integers(1, 6))
    labels = [f"g{i % n_groups}" for i in range(n)]
    groups = labels[: min(n, n_groups)]
    problem = lm.AllocationProblem(
        10.0 ** rng.uniform(-1, 1, (n, 1)),
        [10.0 ** rng.uniform(-1, 1)],
        10.0 ** rng.uniform(-1, 1, n),
        group=labels,
        weight=dict(zip(groups, 10.0 ** rng.uniform(-1, 1, len(groups)), strict=True)),
        history=dict(zip(groups, rng.uniform(0.1, 1.0, len(groups)), strict=True))
        if rng.random() < 0.4
        else None,
        upper=np.where(rng.random(n) < rng.choice([0.0, 0.5, 1.0]), rng.uniform(0.1, 2, n), np.inf),
        group_utility=rng.choice(["mean", "sum"]),
    )
    alpha = float(rng.choice([0.01, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0]))
    inner = float(rng.choice([0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0]))
    allocation = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner).solve(relative_gap=1e-8)
    assert allocation.solver == "librex"
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.certificate.bound_from == "prices"
    welfare = nested_welfare(problem, alpha, inner, allocation.decision)
    assert allocation.objective == pytest.approx(welfare, rel=1e-9 * max(alpha, 1.0), abs=1e-12)


@pytest.mark.parametrize("alpha", [0.01, 0.3, 0.5, 1.0, 2.0, 5.0, 20.0, 100.0])
@pytest.mark.parametrize("inner", [0.01, 0.3, 1.0, 1.0 + 1e-9, 2.0, 20.0])
def test_one_budget_without_caps_has_a_closed_form(alpha: float, inner: float) -> None:
    rng = np.random.default_rng(12)
    cost, reward = rng.uniform(0.5, 2.0, 7), rng.uniform(0.5, 2.0, 7)
    group, weight, budget = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([1.0, 2.0, 0.7]), 3.0
    problem = lm.AllocationProblem(
        cost[:, np.newaxis], [budget], reward, group=group.tolist(), weight=weight, upper=np.inf
    )
    size, each = np.bincount(group), cost / reward
    if abs(inner - 1.0) < 1e-6:
        # The formula itself has no digits there.
        bought = np.exp(-np.bincount(group, np.log(each)) / size) / size
    else:
        total = np.bincount(group, each ** (1.0 - 1.0 / inner))
        bought = size ** (-1.0 / (1.0 - inner)) * total ** (inner / (1.0 - inner))
    log_part = np.log(weight) / alpha + (1.0 / alpha - 1.0) * np.log(bought)
    part = np.exp(log_part - log_part.max())
    utility = bought * budget * part / part.sum()
    allocation = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner).solve(solver="auto")
    assert allocation.solver == "librex"
    assert allocation.verdict is lm.Verdict.OPTIMAL
    np.testing.assert_allclose(allocation.utility, utility, rtol=1e-8)


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("inner", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("solver", ["auto", "highs", "scip"])
def test_a_group_that_can_never_have_anything_leaves_no_gap(
    alpha: float, inner: float, solver: str
) -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 4, [8.0], [0.0, 0.0, 2.0, 2.0], group=["a", "a", "b", "b"], upper=8.0
    )
    model = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)
    allocation = model.solve(solver=solver)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    wanted = 8.0 ** (1.0 - alpha) / (1.0 - alpha)
    assert allocation.objective == pytest.approx(wanted, rel=1e-6)


def test_where_alpha_is_far_above_inner_alpha_a_solver_is_asked() -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 4, [8.0], [4.0, 1.0, 2.0, 2.0], group=["a", "a", "b", "b"], upper=8.0
    )
    allocation = lm.GroupAlphaFair(problem, 1.0, inner_alpha=1e-12).solve(solver="auto")
    assert allocation.solver != "librex"
    assert allocation.verdict is lm.Verdict.OPTIMAL
    # But for roundings utilities are means: 4 to whoever earns 4, 4 to the others.
    assert allocation.objective == pytest.approx(np.log(8.0) + np.log(4.0), abs=2e-6)


def test_a_group_with_a_hopeless_member_leaves_the_budget_to_the_others() -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 6,
        [3.0],
        [0.0, 1.0, 1.0, 4.0, 2.0, 3.0],
        group=["a", "a", "b", "b", "c", "c"],
        weight={"a": 300.0, "b": 1.0, "c": 2.0},
        upper=np.inf,
    )
    allocation = lm.GroupAlphaFair(problem, 0.3, inner_alpha=1.0).solve(solver="auto")
    assert allocation.solver == "librex"
    assert allocation.certificate.gap < 1e-9
    # Both of b get as much, and so do both of c: utilities are sqrt(4) and sqrt(6) halves of it.
    worth = np.array([1.0 * (2.0 / 2.0) ** 0.7, 2.0 * (np.sqrt(6.0) / 2.0) ** 0.7])
    part = worth ** (1.0 / 0.3) / (worth ** (1.0 / 0.3)).sum()
    np.testing.assert_allclose(
        allocation.decision, 1.5 * np.array([0.0, 0.0, *part.repeat(2)]), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi"])
def test_members_who_earn_far_less_than_others_are_served(solver: str) -> None:
    require_ready(solver)
    reward, b = np.array([1e3, 1e-3, 3e2, 1e-2]), 1.1
    problem = lm.AllocationProblem(
        [[1.0, 0.5], [1.0, 1.0], [1.0, 1.5], [1.0, 1.0]],
        [3.0, 9.0],
        reward,
        group=["a"] * 4,
        upper=9.0,
    )
    model = lm.GroupAlphaFair(problem, 1.0, inner_alpha=b)
    # The first budget alone binds; shares of it are as r^(1 / b - 1) then.
    share = reward ** (1.0 / b - 1.0)
    utility = 3.0 * share / share.sum() * reward
    best = float(np.mean(utility ** (1.0 - b)) ** (1.0 / (1.0 - b)))
    assert (problem.usage.toarray() @ (utility / reward) <= [3.0 + 1e-9, 9.0]).all()
    allocation = model.solve(solver=solver)
    assert allocation.utility[0] == pytest.approx(best, rel=1e-4)
    assert allocation.certificate.bound >= best * (1.0 - 1e-9)


# Exported files.


@pytest.mark.parametrize("kind", ["mps", "lp", "nl"])
@pytest.mark.parametrize(("alpha", "inner"), [(0.0, 2.0), (1.0, 0.5), (5.0, 5.0), (2.0, math.inf)])
def test_the_optimum_of_an_exported_file_is_near_the_best(
    tmp_path: Path, kind: str, alpha: float, inner: float
) -> None:
    model = model_of(11, alpha, inner)
    family = model.family
    assert isinstance(family, NestedFairness)
    file = model.export(tmp_path / f"model.{kind}", relative_gap=1e-3)
    assert file.relative_gap == 1e-3
    if kind == "nl":
        return
    reader = highspy.Highs()
    reader.setOptionValue("output_flag", False)
    reader.readModel(str(file.path))
    reader.run()
    optimum = reader.getInfo().objective_function_value * (-1.0 if kind == "mps" else 1.0)
    weight = model.problem.weight
    bound = family.equivalent_of_welfare(weight, optimum / 2.0**file.exponent)
    best = model.solve().equivalent
    assert best * (1.0 - 1e-6) <= bound <= best * (1.0 + 1.1e-3)
    reader.writeSolution(str(tmp_path / "model.sol"), 0)
    allocation = lm.read_solution(tmp_path / "model.sol", model)
    assert allocation.verdict is not lm.Verdict.REFUTED
    assert allocation.equivalent >= best * (1.0 - 1.1e-3)


def test_where_a_group_can_have_nothing_or_all_get_all_there_is_a_file(tmp_path: Path) -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [2.0], [1.0, 1.0, 1.0], group=["a", "a", "b"], integer=True
    )
    assert lm.GroupAlphaFair(problem, 0.0, inner_alpha=1.0).export(tmp_path / "one.mps").path
    lasting = problem.replace(budget=[5.0])
    assert lm.GroupAlphaFair(lasting, 2.0, inner_alpha=2.0).export(tmp_path / "all.mps").path


@pytest.mark.parametrize("inner", [0.5, 2.0])
def test_groups_that_cannot_all_be_served_are_proven_to_be_so(inner: float) -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [1.0], [1.0, 1.0, 1.0], group=["a", "a", "b"], integer=True
    )
    allocation = lm.GroupAlphaFair(problem, 2.0, inner_alpha=inner).solve()
    assert allocation.verdict is lm.Verdict.INFEASIBLE
    enough = problem.replace(budget=[2.0 if inner < 1.0 else 3.0])
    assert lm.GroupAlphaFair(enough, 2.0, inner_alpha=inner).solve().has_point


def test_whole_decisions_that_nobody_can_take_are_exported_all_the_same(tmp_path: Path) -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0]], [1.0], [1.0, 1.0], group=["a", "b"], integer=True
    )
    model = lm.GroupAlphaFair(problem, 1.0, inner_alpha=2.0)
    model.export(tmp_path / "model.mps")
    reader = highspy.Highs()
    reader.setOptionValue("output_flag", False)
    reader.readModel(str(tmp_path / "model.mps"))
    reader.run()
    assert reader.getModelStatus() == highspy.HighsModelStatus.kInfeasible


# Gradients.


@pytest.mark.parametrize("seed", range(examples(200)))
def test_the_gradient_of_welfare_is_that_of_central_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_groups = int(rng.integers(3, 9)), 3
    problem = lm.AllocationProblem(
        rng.uniform(0.2, 2.0, (n, 1)),
        rng.uniform(1.0, 3.0, 1),
        rng.uniform(0.3, 3.0, n),
        group=[i % n_groups for i in range(n)],
        weight=rng.uniform(0.5, 2.0, n_groups),
        history=rng.uniform(0.1, 0.5, n_groups) * (rng.random() < 0.4),
        upper=rng.uniform(0.3, 3.0, n),
    )
    alpha = float(rng.choice([0.3, 0.5, 1.0, 2.0, 5.0, 20.0]))
    inner = float(rng.choice([0.3, 0.5, 1.0, 2.0, 5.0, 20.0]))
    model = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)
    gradient = lm.gradient(model, model.solve())

    def best(**changes: object) -> float:
        changed = lm.GroupAlphaFair(problem.replace(**changes), alpha, inner_alpha=inner)
        return changed.solve(relative_gap=1e-8).objective

    reward, step = np.asarray(problem.reward), 1e-5
    found = gradient.welfare["reward"]
    for j in range(n):
        moved = step * reward * (np.arange(n) == j)
        difference = (best(reward=reward + moved) - best(reward=reward - moved)) / 2.0 / moved[j]
        assert found[j] == pytest.approx(difference, abs=1e-6 * np.abs(found).max())
    rise = best(budget=problem.budget * (1 + step)) - best(budget=problem.budget * (1 - step))
    difference = rise / (2.0 * step * problem.budget[0])
    price = gradient.welfare["budget"][0]
    assert price == pytest.approx(difference, rel=1e-6, abs=1e-9)


def test_prices_of_several_budgets_are_the_duals_of_the_cones() -> None:
    rng = np.random.default_rng(13)
    problem = lm.AllocationProblem(
        rng.uniform(0.2, 2.0, (8, 2)),
        [2.0, 2.0],
        rng.uniform(0.5, 2.0, 8),
        group=[i % 3 for i in range(8)],
        upper=2.0,
    )
    for alpha, inner in ((1.0, 2.0), (2.0, 0.5)):
        model = lm.GroupAlphaFair(problem, alpha, inner_alpha=inner)
        prices = lm.gradient(model, model.solve()).welfare["budget"]
        cones = model.to_cvxpy()
        cones.solve(solver="CLARABEL")
        limit = next(one for one in cones.constraints if one.label == "budget_limit")
        np.testing.assert_allclose(prices, np.abs(limit.dual_value), rtol=1e-3, atol=1e-5)


def test_what_gradients_of_nested_fairness_do_not_have_is_said() -> None:
    linear = model_of(14, 2.0, math.inf)
    with pytest.raises(lm.errors.ParameterError, match="inner_alpha inf are not offered"):
        lm.gradient(linear, linear.solve())
