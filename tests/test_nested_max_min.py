"""Max-min between groups whose utility is fair among their members, level by level."""

import math
from itertools import product
from pathlib import Path
from typing import Any, cast

import cvxpy
import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import librex_models as lm
from librex_models.families import MaxMinLevel, NestedFairness
from librex_models.report.measures import family_name
from solvers.errors import OptionError
from solvers.program_differences import differences
from tests.form_entries import programs_of_forms
from tests.nested_problems import Floats, fits_exactly, group_utilities, nested_problem
from tests.random_examples import examples
from tests.ways import require_ready

INNER = (0.3, 1.0, 2.0, 5.0, math.inf)
SOLVERS = ("highs", "scip", "gurobi")


def mean_of_members(utility: Any, inner: float) -> Any:
    if math.isinf(inner):
        return cvxpy.min(utility)
    if inner == 1.0:
        return cvxpy.geo_mean(utility)
    mean = utility.size ** (-1.0 / (1.0 - inner))
    return cvxpy.pnorm(utility, cast("int", 1.0 - inner)) * mean


def levels_of(allocation: lm.Allocation) -> Floats:
    assert allocation.levels is not None
    return np.array(allocation.levels)


class Cones:
    """The levels one after another, by power cones that are not ours."""

    def __init__(self, problem: lm.AllocationProblem, inner: float) -> None:
        x = cvxpy.Variable(problem.n_options, nonneg=True)
        group = problem.group_of_agent
        size = np.bincount(group, minlength=problem.n_groups)
        share = size[group] if problem.group_utility == "sum" else np.ones(len(group))
        assert problem.reward is not None
        earned = problem.history[group] + cvxpy.multiply(share * problem.reward, x)
        self.per_weight = [
            mean_of_members(earned[np.flatnonzero(group == g)], inner) / problem.weight[g]
            for g in range(problem.n_groups)
        ]
        self.rows = [problem.usage @ x <= problem.budget, x <= problem.upper]

    def most(self, wanted: list[int], kept: dict[int, float]) -> float:
        """Return the largest minimum of some, where others keep what they have."""
        level = cvxpy.Variable()
        rows = [self.per_weight[g] >= level for g in wanted]
        rows += [self.per_weight[g] >= amount * (1.0 - 1e-7) for g, amount in kept.items()]
        found = cvxpy.Problem(cvxpy.Maximize(level), self.rows + rows).solve(solver="CLARABEL")
        return float(found)

    def levels(self) -> Floats:
        """Return the levels: who could have no more than one, alone, is settled there."""
        settled: dict[int, float] = {}
        while len(settled) < len(self.per_weight):
            left = [g for g in range(len(self.per_weight)) if g not in settled]
            level = self.most(left, settled)
            others = [{h: level for h in left if h != g} | settled for g in left]
            most = [self.most([g], kept) for g, kept in zip(left, others, strict=True)]
            near = max(level * (1.0 + 1e-4), min(most))
            settled |= {g: level for g, one in zip(left, most, strict=True) if one <= near}
        return np.sort(list(settled.values()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(examples(100)))
def test_the_levels_are_those_of_power_cones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem, inner = nested_problem(rng), float(rng.choice(INNER))
    solver = str(rng.choice(SOLVERS))
    require_ready(solver)
    allocation = lm.MaxMin(problem, inner_alpha=inner).solve(solver=solver)
    assert allocation.verdict is lm.Verdict.OPTIMAL, allocation.certificate.sentence
    wanted = [float(one) for one in group_utilities(problem, inner, allocation.decision)]
    levels = np.sort(wanted / problem.weight)
    np.testing.assert_allclose(levels_of(allocation), levels, rtol=1e-12)
    np.testing.assert_allclose(levels, Cones(problem, inner).levels(), rtol=1e-3)


def best_levels(problem: lm.AllocationProblem, inner: float) -> list[float]:
    """Return the best sorted utilities per weight of whole decisions, by enumeration."""
    best: list[float] = []
    for chosen in product(*(range(int(top) + 1) for top in problem.upper.tolist())):
        if fits_exactly(problem, chosen):
            utility = group_utilities(problem, inner, np.array(chosen, dtype=np.float64))
            per_weight = [float(one) for one in utility] / problem.weight
            best = max(best, sorted(per_weight.tolist()))
    return best


@pytest.mark.parametrize("seed", range(examples(200)))
def test_whole_levels_are_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem, inner = nested_problem(rng, whole=True), float(rng.choice([*INNER, 0.9]))
    solver = str(rng.choice(SOLVERS))
    require_ready(solver)
    allocation = lm.MaxMin(problem, inner_alpha=inner).solve(solver=solver, relative_gap=1e-5)
    best = best_levels(problem, inner)
    assert allocation.levels is not None
    if allocation.verdict is lm.Verdict.OPTIMAL:
        np.testing.assert_allclose(levels_of(allocation), best, rtol=1.1e-5)
    else:
        assert allocation.verdict is lm.Verdict.FEASIBLE
        assert list(allocation.levels) <= [one * (1.0 + 1e-9) for one in best]
    for level, most in zip(allocation.certificate.levels, best, strict=False):
        assert level.bound >= most * (1.0 - 1e-9) or level.value < most


def test_part_of_the_decisions_may_be_whole() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]],
        [2.5],
        [1.0, 1.0, 1.0],
        group=["a", "a", "b"],
        upper=2.0,
        integer=[True, False, False],
    )
    for solver in SOLVERS:
        require_ready(solver)
        allocation = lm.MaxMin(problem, inner_alpha=2.0).solve(solver=solver, relative_gap=1e-5)
        # With one unit to the first, a: 2 / (1 + 1 / x) = 1.5 - x has x = (sqrt(8.25) - 1.5) / 2.
        x = (math.sqrt(8.25) - 1.5) / 2.0
        assert allocation.verdict is lm.Verdict.OPTIMAL
        assert allocation.levels == pytest.approx([1.5 - x, 1.5 - x], rel=1e-5)


# One budget.


def one_budget(rng: np.random.Generator, decades: float) -> lm.AllocationProblem:
    n, n_groups = int(rng.integers(2, 12)), int(rng.integers(1, 5))
    labels = [f"g{i % n_groups}" for i in range(n)]
    groups = labels[: min(n, n_groups)]
    history = 10.0 ** rng.uniform(-3, 1, len(groups)) * (rng.random(len(groups)) < 0.3)
    return lm.AllocationProblem(
        10.0 ** rng.uniform(-decades, decades, (n, 1)),
        [10.0 ** rng.uniform(-decades, decades)],
        10.0 ** rng.uniform(-decades, decades, n),
        group=labels,
        weight=dict(zip(groups, rng.uniform(0.5, 2.0, len(groups)).tolist(), strict=True)),
        history=dict(zip(groups, history.tolist(), strict=True)),
        upper=float(rng.choice([np.inf, 1.0, 10.0 ** rng.uniform(-2, 1)])),
        group_utility=rng.choice(["mean", "sum"]),
    )


@pytest.mark.parametrize("seed", range(examples(300)))
def test_one_budget_is_filled_level_by_level(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem, inner = one_budget(rng, 0.5), float(rng.choice([0.1, 0.3, 0.9, 1.0, 2.0, 5.0]))
    model = lm.MaxMin(problem, inner_alpha=inner)
    allocation = model.solve()
    assert allocation.solver == "librex"
    asked = model.solve(solver="highs")
    if asked.verdict is lm.Verdict.OPTIMAL:
        np.testing.assert_allclose(levels_of(allocation), levels_of(asked), rtol=1e-4)
    wanted = [float(one) for one in group_utilities(problem, inner, allocation.decision)]
    np.testing.assert_allclose(levels_of(allocation), np.sort(wanted / problem.weight), rtol=1e-11)
    assert allocation.verdict is lm.Verdict.OPTIMAL, allocation.certificate.sentence
    assert allocation.gap < 1e-8


@pytest.mark.parametrize("inner", [0.01, 0.3, 1.0, 2.0, 20.0])
def test_one_budget_without_caps_has_a_closed_form(inner: float) -> None:
    rng = np.random.default_rng(12)
    cost, reward = rng.uniform(0.5, 2.0, 7), rng.uniform(0.5, 2.0, 7)
    group, weight, budget = np.array([0, 0, 0, 1, 1, 2, 2]), np.array([1.0, 2.0, 0.7]), 3.0
    problem = lm.AllocationProblem(
        cost[:, np.newaxis], [budget], reward, group=group.tolist(), weight=weight, upper=np.inf
    )
    size, each = np.bincount(group), cost / reward
    if inner == 1.0:
        bought = np.exp(-np.bincount(group, np.log(each)) / size) / size
    else:
        total = np.bincount(group, each ** (1.0 - 1.0 / inner))
        bought = size ** (-1.0 / (1.0 - inner)) * total ** (inner / (1.0 - inner))
    level = budget / (weight / bought).sum()
    allocation = lm.GroupAlphaFair(problem, math.inf, inner_alpha=inner).solve()
    assert allocation.solver == "librex"
    assert allocation.verdict is lm.Verdict.OPTIMAL
    np.testing.assert_allclose(levels_of(allocation), [level] * 3, rtol=1e-10)


def test_what_an_averse_group_hardly_gains_by_is_left_to_others() -> None:
    """Its second member adds 1e-17 to what its first leaves it, at any price."""
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]], [10.0], [1.0, 1.0, 1.0], group=["a", "a", "b"], upper=[0.1, 9.0, 9.0]
    )
    allocation = lm.MaxMin(problem, inner_alpha=20.0).solve()
    most = 0.1 * 2.0 ** (1.0 / 19.0)
    assert allocation.levels is not None
    assert allocation.levels[0] == pytest.approx(most, rel=1e-12)
    assert allocation.levels[1] > 8.5


# The family and its forms.


@given(
    at=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    other=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    multiplier=st.none() | st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    kept=st.floats(0.0, 1e6),
)
def test_a_level_has_a_majorant(
    at: list[float], other: list[float], multiplier: list[float] | None, kept: float
) -> None:
    weight = np.array([1.0, 2.0, 0.5])
    level = MaxMinLevel(is_open=np.array([True, False, True]), kept=np.array([0.0, kept, 0.0]))
    shares = None if multiplier is None else np.array(multiplier)
    found = level.majorant(weight, np.array(at), shares)
    utility = np.maximum(other, level.kept)
    gross = float(found.slope @ utility) + abs(found.constant)
    bound = float(found.slope @ utility) + found.constant
    assert level.welfare(weight, utility) <= bound + 1e-12 * gross + 1e-300


def test_who_gets_less_than_was_kept_makes_a_level_nothing() -> None:
    level = MaxMinLevel(is_open=np.array([True, False]), kept=np.array([0.0, 2.0]))
    assert level.welfare(np.ones(2), np.array([5.0, 2.0])) == 5.0
    assert level.welfare(np.ones(2), np.array([5.0, 1.9])) == 0.0


@pytest.mark.parametrize("inner", [*INNER, 1.5])
def test_all_forms_say_the_same(inner: float) -> None:
    problem = nested_problem(np.random.default_rng(1))
    model = lm.MaxMin(problem, lexicographic=False, inner_alpha=inner)
    arrays, in_pyomo, in_cvxpy = programs_of_forms(model.question())
    assert not differences(arrays, in_pyomo)
    assert not differences(arrays, in_cvxpy)


@pytest.mark.parametrize("inner", INNER)
def test_cones_of_cvxpy_have_the_same_first_level(inner: float) -> None:
    problem = nested_problem(np.random.default_rng(2))
    model = lm.MaxMin(problem, lexicographic=False, inner_alpha=inner)
    allocation = model.solve(solver="highs")
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.levels == (allocation.objective,)
    by_cones = float(model.to_cvxpy().solve(solver="CLARABEL"))
    assert allocation.objective == pytest.approx(by_cones, rel=2e-6)


def test_lexicographic_models_have_no_single_form() -> None:
    model = lm.MaxMin(nested_problem(np.random.default_rng(3)), inner_alpha=2.0)
    with pytest.raises(lm.errors.UnsolvableError, match="lexicographic=False"):
        model.to_pyomo()


# The interface.


def test_it_is_alpha_fairness_at_infinity() -> None:
    problem = nested_problem(np.random.default_rng(4))
    model = lm.GroupAlphaFair(problem, math.inf, inner_alpha=2.0)
    assert model == lm.MaxMin(problem, inner_alpha=2.0)
    assert "inner_alpha=2" in repr(model)
    alike = problem.replace(weight=None)
    limit = lm.GroupAlphaFair(alike, 100.0, inner_alpha=2.0).solve(solver="highs")
    wanted = lm.MaxMin(alike, inner_alpha=2.0).solve(solver="highs")
    assert limit.utility.min() == pytest.approx(wanted.equivalent, rel=0.02)


def test_no_aversion_inside_is_plain_max_min() -> None:
    problem = nested_problem(np.random.default_rng(4))
    assert lm.MaxMin(problem, inner_alpha=0.0) == lm.MaxMin(problem)


def test_agents_have_nothing_inside() -> None:
    problem = nested_problem(np.random.default_rng(4))
    with pytest.raises(lm.errors.ParameterError, match="over is 'agents'"):
        lm.MaxMin(problem, over="agents", inner_alpha=1.0)


@pytest.mark.parametrize("form", ["arrays", "pyomo", "cvxpy"])
def test_what_is_written_counts(form: str) -> None:
    problem = nested_problem(np.random.default_rng(8))
    model = lm.MaxMin(problem, inner_alpha=2.0)
    assert problem.reward is not None
    written = {"reward": 1.3 * problem.reward, "budget": 0.7 * problem.budget}
    with model.open(solver="highs", form=form) as session:
        session.solve()
        session.write(**written)
        allocation = session.solve()
    again = lm.MaxMin(problem.replace(**written), inner_alpha=2.0).solve(solver="highs")
    assert allocation.verdict is lm.Verdict.OPTIMAL
    np.testing.assert_allclose(levels_of(allocation), levels_of(again), rtol=2e-6)


def test_a_problem_file_says_inner_alpha(tmp_path: Path) -> None:
    file = tmp_path / "problem.toml"
    file.write_text(
        '[resources]\ngpu = 3.0\n[options]\ncsv = """\noption,agent,group,reward,gpu\n'
        'one,ann,a,2,1\ntwo,bob,a,1,1\nthree,cid,b,1,1\n"""\n[decision]\nupper = 3\n'
        '[fairness]\nmodel = "max_min"\ninner_alpha = 2\n'
    )
    from librex_models.task import task_of

    model = task_of(str(file), None, None).model
    assert model == lm.MaxMin(model.problem, inner_alpha=2.0)
    assert family_name(model.solve()) == "max_min (inner_alpha 2) over groups"


def test_the_answer_of_a_file_is_verified() -> None:
    model = lm.MaxMin(nested_problem(np.random.default_rng(5)), inner_alpha=2.0)
    allocation = model.solve()
    checked = lm.verify(model, allocation.decision)
    assert checked.verdict is not lm.Verdict.REFUTED
    np.testing.assert_allclose(levels_of(checked), levels_of(allocation))


@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_the_optimum_of_an_exported_file_is_near_the_best(tmp_path: Path, kind: str) -> None:
    problem = nested_problem(np.random.default_rng(6))
    model = lm.MaxMin(problem, lexicographic=False, inner_alpha=2.0)
    path = tmp_path / f"model.{kind}"
    model.export(path, relative_gap=1e-3)
    reader = highspy.Highs()
    reader.setOptionValue("output_flag", False)
    reader.readModel(str(path))
    reader.run()
    best = model.solve(solver="highs").objective
    optimum = abs(reader.getInfo().objective_function_value)
    assert best * (1.0 - 1e-6) <= optimum <= best * (1.0 + 1.1e-3)


def test_somebody_who_can_have_nothing_is_the_first_level() -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 4, [8.0], [0.0, 1.0, 2.0, 2.0], group=["a", "a", "b", "b"], upper=8.0
    )
    for solver in ("auto", *SOLVERS):
        allocation = lm.MaxMin(problem, inner_alpha=2.0).solve(solver=solver)
        assert allocation.verdict is lm.Verdict.OPTIMAL, solver
        assert allocation.levels == pytest.approx([0.0, 8.0], rel=1e-6)


def test_levels_are_named_by_groups() -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 3, [8.0], [1.0, 1.0, 2.0], group=["a", "a", "b"], upper=1.0
    )
    levels = lm.MaxMin(problem, inner_alpha=2.0).solve(solver="highs").certificate.levels
    assert [level.settled for level in levels] == [("a",), ("b",)]
    family = lm.MaxMin(problem, inner_alpha=2.0).family
    assert isinstance(family, NestedFairness)
    assert family.key == "max_min"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("form", ["arrays", "cvxpy"])
def test_a_level_that_hangs_on_the_last_digits_of_another_is_proven(solver: str, form: str) -> None:
    """The row ties the second group's members to the first group's, which are at their best."""
    require_ready(solver)
    problem = lm.AllocationProblem(
        [[0.56, 0.59], [0, 0], [0.95, 0], [0.31, 1.02], [0, 0], [0, 1.43], [0, 1.54]],
        [5.96, 2.55],
        [0.93, 0.73, 1.64, 2.31, 1.51, 2.14, 0.64],
        group=["a", "b", "a", "a", "b", "a", "a"],
        upper=[1.0, 3.780165589581759, 1.0, 2.0, 3.780165589581759, 1.0, 1.0],
        extra_rows=lm.Rows([[-0.7, 0.4, -0.1, -0.6, 0.9, -0.5, 0.6]], upper=0.6336916094981462),
    )
    allocation = lm.MaxMin(problem, inner_alpha=1.01).solve(solver=solver, form=form)
    assert allocation.verdict is lm.Verdict.OPTIMAL, allocation.certificate.sentence
    assert allocation.levels == pytest.approx([0.9007616, 1.5626], rel=1e-3)


@pytest.mark.parametrize("solver", ["cvxpy:HIGHS", "cvxpy:SCIP", "pyomo:appsi_highs"])
def test_a_solver_that_takes_no_start_climbs_whole_levels_without(solver: str) -> None:
    require_ready(solver)
    problem = lm.AllocationProblem(
        [[1.29, 0.5], [0.51, 1.2], [0.7, 0.9], [1.6, 0.3], [1.0, 1.0]],
        [4.0, 3.5],
        [2.2, 1.3, 1.7, 0.9, 1.1],
        group=["a", "b", "c", "a", "b"],
        upper=2.0,
        integer=True,
    )
    allocation = lm.MaxMin(problem, inner_alpha=0.3).solve(solver=solver)
    best = best_levels(problem, 0.3)
    assert allocation.levels == pytest.approx(best, rel=1e-5)
    start = np.zeros(5)
    with pytest.raises(OptionError, match="no start"):
        lm.MaxMin(problem, inner_alpha=0.3).solve(solver=solver, start=start)


def test_with_hardly_any_aversion_inside_a_solver_is_asked() -> None:
    rng = np.random.default_rng(0)
    problem = lm.AllocationProblem(
        rng.uniform(0.5, 2.0, (6, 1)),
        [3.0],
        rng.uniform(0.5, 2.0, 6),
        group=list("aabbcc"),
        upper=2.0,
    )
    allocation = lm.MaxMin(problem, inner_alpha=1e-9).solve()
    assert allocation.solver != "librex"
    assert allocation.verdict is lm.Verdict.OPTIMAL
    # But for roundings utilities are means.
    assert allocation.equivalent == pytest.approx(lm.MaxMin(problem).solve().equivalent, rel=1e-6)
