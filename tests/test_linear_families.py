"""Ordered weighted and piecewise-linear welfare against their definitions, by every solver."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import librex_models as lm
from librex_models import (
    AllocationProblem,
    GroupAlphaFair,
    MaxMin,
    OrderedWeighted,
    PiecewiseLinear,
    Verdict,
)
from librex_models.configuration import read_configuration
from librex_models.errors import FileError, ParameterError, ShapeError
from librex_models.families import OrderedWelfare, PiecewiseLinearWelfare
from librex_models.model import Model
from librex_models.task import task_of
from tests.form_entries import entries_of, objective_of, programs_of_forms
from tests.random_examples import examples
from tests.random_problems import random_problem

NAMES = ["highs", "scip", "gurobi", "cvxpy:CLARABEL"]


def ordered(generator: np.random.Generator, problem: AllocationProblem) -> Model:
    weights = np.sort(generator.integers(0, 5, problem.n_groups).astype(float))[::-1]
    weights[0] += 1.0
    return OrderedWeighted(problem, np.maximum.accumulate(weights[::-1])[::-1])


def piecewise(generator: np.random.Generator, problem: AllocationProblem) -> Model:
    n = int(generator.integers(1, 4))
    each = bool(generator.integers(2))
    shape = (problem.n_groups, n) if each else (n,)
    breakpoints = np.cumsum(generator.uniform(0.1, 1.0, shape), axis=-1)
    shape = (*shape[:-1], n + 1)
    slopes = np.sort(generator.integers(0, 5, shape) / 2.0, axis=-1)[..., ::-1]
    return PiecewiseLinear(problem, breakpoints, slopes)


MODELS = {"ordered": ordered, "piecewise": piecewise}


def drawn(seed: int, family: str, **chosen: Any) -> Model:
    generator = np.random.default_rng([29, seed, list(MODELS).index(family)])
    problem = random_problem(generator, fairness=True, **chosen)
    return MODELS[family](generator, problem)


def by_definition(model: Model, utility: np.ndarray) -> float:
    """Return the welfare of utilities as the formula says, place by place and piece by piece."""
    family, weight = model.family, model.problem.weight
    if isinstance(family, OrderedWelfare):
        in_order = sorted((utility / weight).tolist())
        return float(np.dot(family.owa_weights, in_order))
    assert isinstance(family, PiecewiseLinearWelfare)
    total = 0.0
    for g, u in enumerate(utility.tolist()):
        before, value = 0.0, 0.0
        ends = [*family.breakpoints[g].tolist(), np.inf]
        for end, slope in zip(ends, family.slopes[g].tolist(), strict=True):
            value += slope * max(min(u, end) - before, 0.0)
            before = end
        total += float(weight[g]) * value
    return total


def largest(model: Model) -> float | None:
    """Return the largest welfare by scipy, welfare being the least of all its linear pieces."""
    problem, family = model.problem, model.family
    grouping = problem.grouping("groups")
    n, groups = problem.n_options, problem.n_groups
    assert problem.reward is not None
    earned = grouping.earnings(problem.reward).toarray()
    # Columns: decisions, then one value a group, or one in all.
    n_values = groups if isinstance(family, PiecewiseLinearWelfare) else 1
    rows: list[np.ndarray] = []
    sides: list[float] = []

    def value_at_most(place: int, of_utility: np.ndarray, constant: float) -> None:
        row = np.zeros(n + n_values)
        row[:n] = -of_utility @ earned
        row[n + place] = 1.0
        rows.append(row)
        sides.append(constant + float(of_utility @ grouping.history))

    if isinstance(family, OrderedWelfare):
        for order in itertools.permutations(range(groups)):
            coefficient = np.empty(groups)
            coefficient[list(order)] = family.owa_weights
            value_at_most(0, coefficient / problem.weight, 0.0)
    elif isinstance(family, PiecewiseLinearWelfare):
        for g in range(groups):
            unit = np.eye(groups)[g]
            starts = [0.0, *family.breakpoints[g].tolist()]
            value = 0.0
            for p, slope in enumerate(family.slopes[g].tolist()):
                if p:
                    value += family.slopes[g, p - 1] * (starts[p] - starts[p - 1])
                weight = float(problem.weight[g])
                value_at_most(g, weight * slope * unit, weight * (value - slope * starts[p]))
    for k in range(problem.n_resources):
        if problem.budget[k] < np.inf:
            rows.append(np.append(problem.usage.toarray()[k], np.zeros(n_values)))
            sides.append(float(problem.budget[k]))
    for i in range(problem.n_agents):
        own = np.append((problem.agent_of_option == i).astype(float), np.zeros(n_values))
        for sign, side in ((1.0, problem.agent_limit[i]), (-1.0, -problem.agent_minimum[i])):
            if side < np.inf:
                rows.append(sign * own)
                sides.append(float(side))
    bounds = [*zip(problem.lower, problem.upper, strict=True), *[(None, None)] * n_values]
    objective = np.append(np.zeros(n), -np.ones(n_values))
    found = optimize.linprog(objective, np.array(rows), np.array(sides), bounds=bounds)
    return None if found.fun is None else -float(found.fun)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("seed", range(examples(150)))
def test_fractional_optima_are_those_of_all_linear_pieces(
    seed: int, family: str, name: str
) -> None:
    model = drawn(seed, family, integer="none", n_options=5)
    allocation = model.solve(solver=name)
    expected = largest(model)
    if expected is None:
        assert allocation.verdict is Verdict.INFEASIBLE
        return
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.certificate.bound_from == "prices"
    assert allocation.objective == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert allocation.objective == pytest.approx(by_definition(model, allocation.utility))


@pytest.mark.parametrize("name", NAMES[:3])
@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("seed", range(examples(150)))
def test_whole_optima_equal_enumeration(seed: int, family: str, name: str) -> None:
    model = drawn(seed, family, integer="all", n_options=5, bounds=False, minimums=False)
    allocation = model.solve(solver=name)
    best = -np.inf
    for choice in itertools.product((0.0, 1.0), repeat=5):
        checked = lm.verify(model, choice)
        if checked.verdict is not Verdict.REFUTED:
            best = max(best, by_definition(model, checked.utility))
    assert allocation.objective == pytest.approx(best, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("seed", range(examples(100)))
def test_all_forms_say_the_same(seed: int, family: str) -> None:
    programs = programs_of_forms(drawn(seed, family).question())
    entries = [entries_of(program) for program in programs]
    objectives = [objective_of(program) for program in programs]
    assert entries[0] == entries[1] == entries[2]
    assert objectives[0] == objectives[1] == objectives[2]


@pytest.mark.parametrize("family", MODELS)
def test_weights_and_rewards_that_are_written_give_what_a_fresh_model_gives(family: str) -> None:
    model = drawn(3, family, integer="none", n_options=4, minimums=False)
    problem = model.problem
    weight = {g: 1.0 + place for place, g in enumerate(problem.groups)}
    reward = np.arange(1.0, problem.n_options + 1.0)
    with model.open(solver="highs") as session:
        session.solve()
        session.write(weight=weight, reward=reward)
        written = session.solve()
    fresh = type(model)(problem.replace(weight=weight, reward=reward), **arguments_of(model)).solve(
        solver="highs"
    )
    assert written.objective == pytest.approx(fresh.objective, rel=1e-9)


def arguments_of(model: Model) -> dict[str, Any]:
    family = model.family
    if isinstance(family, OrderedWelfare):
        return {"owa_weights": family.owa_weights}
    assert isinstance(family, PiecewiseLinearWelfare)
    return {"breakpoints": family.breakpoints, "slopes": family.slopes}


def small() -> AllocationProblem:
    return AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 1.0], weight={0: 1.0, 1: 2.0})


def test_all_weight_on_the_worst_off_is_max_min() -> None:
    worst = OrderedWeighted(small(), [1.0, 0.0]).solve()
    level = MaxMin(small(), lexicographic=False).solve()
    assert worst.objective == pytest.approx(level.objective)


def test_equal_weights_are_the_sum() -> None:
    problem = small().replace(weight=None)
    total = OrderedWeighted(problem, [1.0, 1.0]).solve()
    assert total.objective == pytest.approx(GroupAlphaFair(problem, 0.0).solve().objective)


def test_slopes_for_each_group_are_its_own() -> None:
    model = PiecewiseLinear(small(), [[1.0], [0.5]], [[1.0, 0.0], [2.0, 0.0]])
    # The first group is full at 1 for a third of the budget, the second at .5 for half of it.
    allocation = model.solve()
    assert allocation.objective == pytest.approx(1.0 + 2.0 * 1.0)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda p: OrderedWeighted(p, [1.0]), ShapeError, r"owa_weights has shape \(1,\)"),
        (lambda p: OrderedWeighted(p, [1.0, 2.0]), ParameterError, "rise at place 1"),
        (lambda p: OrderedWeighted(p, [1.0, -1.0]), ParameterError, "at place 1 is -1.0"),
        (lambda p: OrderedWeighted(p, [0.0, 0.0]), ParameterError, "are all zero"),
        (lambda p: PiecewiseLinear(p, [1.0], [1.0]), ShapeError, "1 slopes for 1 breakpoints"),
        (lambda p: PiecewiseLinear(p, [0.0], [1.0, 0.0]), ParameterError, "breakpoints of group 0"),
        (lambda p: PiecewiseLinear(p, [1.0], [1.0, 2.0]), ParameterError, "slopes of group 0"),
        (
            lambda p: PiecewiseLinear(p, [[1.0], [2.0]], [[1.0, 0.5], [1.0, 2.0]]),
            ParameterError,
            "slopes of group 1",
        ),
        (lambda p: PiecewiseLinear(p, [[1.0]], [[1.0, 0.0]]), ShapeError, "2 rows"),
    ],
)
def test_bad_functions_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make(small())


CSV = "[resources]\ngpu = 1\n[options]\ncsv = '''\nagent,reward,gpu\na,3,1\nb,1,1\n'''\n"


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("model = 'ordered_weighted'\nowa_weights = [2, 1]", OrderedWeighted),
        ("model = 'piecewise_linear'\nbreakpoints = [1]\nslopes = [1, 0.5]", PiecewiseLinear),
    ],
)
def test_they_are_read_from_files(tmp_path: Any, text: str, model: type[Model]) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(f"{CSV}[fairness]\n{text}\n")
    found = task_of(str(path), None, None).model
    assert isinstance(found, model)
    assert found.solve().verdict is Verdict.OPTIMAL


def test_a_file_without_weights_says_so(tmp_path: Any) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(f"{CSV}[fairness]\nmodel = 'ordered_weighted'\n")
    with pytest.raises(FileError, match=r"key 'fairness\.owa_weights' is missing"):
        read_configuration(path)
