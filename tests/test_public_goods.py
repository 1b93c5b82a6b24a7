"""Options that serve several groups: committees and public goods, in all forms, by every solver."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import librex_models as lm
from librex_models import (
    AllocationProblem,
    AlphaFair,
    BudgetOnly,
    GroupAlphaFair,
    MaxMin,
    OrderedWeighted,
    PiecewiseLinear,
    Proportional,
    Verdict,
)
from librex_models.errors import FileError, ParameterError, ShapeError
from librex_models.model import Model
from tests.form_entries import entries_of, programs_of_forms
from tests.random_examples import examples

NAMES = ["highs", "scip", "gurobi", "cvxpy:CLARABEL"]


def drawn(seed: int, integer: bool) -> AllocationProblem:
    generator = np.random.default_rng([31, seed])
    n, groups = int(generator.integers(3, 7)), int(generator.integers(2, 5))
    reward = generator.integers(0, 4, (n, groups)) * generator.integers(0, 2, (n, groups)) / 2.0
    requests = generator.integers(1, 6, (n, 2)) / 2.0
    return AllocationProblem(
        requests,
        requests.sum(axis=0) * generator.uniform(0.3, 0.7, 2),
        sparse.csr_array(reward) if seed % 2 else reward,
        group=[f"g{k}" for k in range(groups)],
        weight=generator.integers(1, 4, groups) / 2.0,
        history=generator.integers(1, 4, groups) / 4.0,
        integer=integer,
    )


def models_of(problem: AllocationProblem) -> list[Model]:
    places = np.arange(problem.n_groups, 0.0, -1.0)
    return [
        BudgetOnly(problem),
        Proportional(problem),
        MaxMin(problem, lexicographic=False),
        MaxMin(problem),
        GroupAlphaFair(problem, 0.5),
        GroupAlphaFair(problem, 3.0),
        OrderedWeighted(problem, places),
        PiecewiseLinear(problem, [0.5, 1.5], [1.0, 0.5, 0.25]),
        GroupAlphaFair(problem, 0.5, gini_cap=0.5, ceiling=3.0),
    ]


@pytest.mark.parametrize("name", NAMES[:3])
@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("seed", range(examples(100)))
def test_whole_optima_equal_enumeration(seed: int, place: int, name: str) -> None:
    problem = drawn(seed, integer=True)
    model = models_of(problem)[place]
    allocation = model.solve(solver=name, relative_gap=1e-6)
    reward = problem.shared_reward
    assert reward is not None
    best: tuple[float, ...] = (-np.inf,)
    for choice in itertools.product((0.0, 1.0), repeat=problem.n_options):
        decision = np.array(choice)
        checked = lm.verify(model, decision)
        if checked.verdict is Verdict.REFUTED:
            continue
        utility = problem.history + reward @ decision
        value: tuple[float, ...] = (checked.equivalent,)
        if isinstance(model, MaxMin) and model.family == MaxMin(problem).family:
            value = tuple(np.sort(utility / problem.weight).tolist())
        best = max(best, value)
    if len(best) == 1:
        assert allocation.equivalent == pytest.approx(best[0], rel=3e-6, abs=1e-9)
    else:
        assert allocation.levels == pytest.approx(best, rel=3e-6)


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("seed", range(examples(100)))
def test_solvers_and_forms_agree_on_fractional_optima(seed: int, place: int) -> None:
    model = models_of(drawn(seed, integer=False))[place]
    forms = itertools.cycle(("arrays", "pyomo", "cvxpy"))
    found = [model.solve(solver=name, form=form) for name, form in zip(NAMES, forms, strict=False)]
    for allocation in found:
        assert allocation.verdict is found[0].verdict
        assert allocation.verdict in (Verdict.OPTIMAL, Verdict.INFEASIBLE)
        if allocation.has_point:
            assert allocation.equivalent == pytest.approx(found[0].equivalent, rel=3e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(examples(100)))
def test_all_forms_say_the_same(seed: int) -> None:
    question = Proportional(drawn(seed, integer=False)).question()
    entries = [entries_of(program) for program in programs_of_forms(question)]
    assert entries[0] == entries[1] == entries[2]


def committees(data: Any) -> list[dict[str, Any]]:
    import json

    loaded: list[dict[str, Any]] = json.loads((data / "committees/instances.json").read_text())
    return loaded


def committee_problem(instance: dict[str, Any]) -> AllocationProblem:
    """Return the choice of a committee: candidates are options, voters are groups."""
    approved = np.zeros((instance["num_cand"], len(instance["profile"])))
    for voter, candidates in enumerate(instance["profile"]):
        approved[candidates, voter] = 1.0
    return AllocationProblem(
        np.ones((instance["num_cand"], 1)),
        [float(instance["committeesize"])],
        approved,
        integer=True,
    )


def rule(name: str, size: int, problem: AllocationProblem) -> PiecewiseLinear:
    if name == "cc":
        return PiecewiseLinear(problem, [1.0], [1.0, 0.0])
    slopes = [1.0 / k for k in range(1, size + 1)]
    return PiecewiseLinear(problem, np.arange(1.0, size), slopes)


@pytest.mark.parametrize("name", ["highs", "scip", "gurobi"])
@pytest.mark.parametrize("of", ["cc", "pav"])
def test_committees_are_among_the_optimal_ones(of: str, name: str, shared_data: Any) -> None:
    instances = committees(shared_data)
    assert len(instances) == 60
    for instance in instances:
        problem = committee_problem(instance)
        model = rule(of, instance["committeesize"], problem)
        found = model.solve(solver=name)
        best = instance["optimal"].get(of)
        if best is None:
            continue
        optimal = np.zeros(instance["num_cand"])
        optimal[best[0]] = 1.0
        assert found.objective == pytest.approx(lm.verify(model, optimal).objective)
        chosen = np.flatnonzero(found.decision > 0.5).tolist()
        if len(chosen) == instance["committeesize"]:
            assert chosen in best, instance["name"]


def small(**changes: Any) -> AllocationProblem:
    arguments: dict[str, Any] = {"group": ["north", "south"], "option_names": ["park", "pool"]}
    return AllocationProblem(
        [[1.0], [1.0]], [1.0], [[2.0, 1.0], [0.0, 2.0]], **(arguments | changes)
    )


def test_a_public_good_is_worth_something_to_everybody() -> None:
    allocation = MaxMin(small()).solve()
    # 2 x for the north, x + 2 (1 - x) for the south.
    assert allocation.decision == pytest.approx([2 / 3, 1 / 3])
    assert allocation.utility == pytest.approx([4 / 3, 4 / 3])


def test_budget_only_counts_what_all_groups_get() -> None:
    assert BudgetOnly(small()).solve().objective == pytest.approx(3.0)


def test_the_columns_of_a_frame_are_the_groups() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"north": [2.0, 0.0], "south": [1.0, 2.0]})
    problem = small(group=None)
    problem = problem.replace(reward=frame, group=None)
    assert list(problem.groups) == ["north", "south"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"group": ["north"]}, ShapeError, "group has 1 label, expected 2"),
        ({"group": ["a", "a"]}, ParameterError, "group 'a' stands twice"),
    ],
)
def test_groups_that_do_not_fit_are_refused(
    changes: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        small(**changes)


def test_options_may_go_to_other_agents() -> None:
    problem = small().replace(agent=["city", "city"], weight=[1.0, 2.0])
    assert list(problem.agents) == ["city"]
    assert problem.weight.tolist() == [1.0, 2.0]
    assert list(problem.groups) == ["north", "south"]


def test_bad_rewards_are_named() -> None:
    with pytest.raises(ParameterError, match=r"option 'park' for group 'south' is -1\.0"):
        small().replace(reward=[[1.0, -1.0], [1.0, 1.0]])
    with pytest.raises(ShapeError, match=r"reward has shape \(1, 2\), expected \(2, 2\)"):
        small().replace(reward=[[1.0, 1.0]])


def test_agents_are_not_compared_where_groups_are_served() -> None:
    with pytest.raises(ParameterError, match="rewards are given for groups"):
        AlphaFair(small(), 2.0).solve()


def test_rewards_are_written_into_a_session() -> None:
    with MaxMin(small()).open(solver="highs") as session:
        session.solve()
        session.write(reward=[[1.0, 1.0], [0.0, 2.0]])
        written = session.solve()
    fresh = MaxMin(small().replace(reward=[[1.0, 1.0], [0.0, 2.0]])).solve(solver="highs")
    assert written.utility == pytest.approx(fresh.utility)


def test_a_problem_equals_its_copy_and_differs_by_rewards() -> None:
    assert small() == small().replace()
    assert small() != small().replace(reward=[[2.0, 1.0], [0.5, 2.0]])
    assert small() != AllocationProblem([[1.0], [1.0]], [1.0], [3.0, 2.0])


@pytest.mark.parametrize("seed", range(examples(100)))
def test_they_are_written_and_read_back(seed: int, tmp_path: Any) -> None:
    problem = drawn(seed, integer=bool(seed % 3))
    lm.write_problem(problem, tmp_path / "problem.toml")
    assert lm.read_problem(tmp_path / "problem.toml") == problem


def test_a_file_names_a_missing_column(tmp_path: Any) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(
        "[resources]\nmoney = 1\n[options]\ngroup_rewards = ['north', 'south']\n"
        "csv = '''\nagent,north,money\npark,2,1\n'''\n"
    )
    with pytest.raises(FileError, match="column 'south' is missing"):
        lm.read_problem(path)


def test_reports_show_utilities_and_no_owner() -> None:
    allocation = MaxMin(small(), lexicographic=False).solve()
    assert "group" not in list(allocation.to_frame().columns)
    assert "north: utility" in allocation.explain()


@pytest.mark.parametrize("alpha", [0.5, 2.0])
@pytest.mark.parametrize("integer", [False, True])
def test_exported_files_have_the_same_optimum(tmp_path: Any, alpha: float, integer: bool) -> None:
    import highspy

    model = GroupAlphaFair(drawn(4, integer), alpha)
    exported = model.export(tmp_path / "model.mps", relative_gap=1e-4)
    solver = highspy.Highs()
    solver.silent()
    solver.readModel(str(tmp_path / "model.mps"))
    solver.run()
    names = {name: place for place, name in enumerate(solver.getLp().col_names_)}
    point = solver.getSolution().col_value
    decision = [point[names[f"x[{option}]"]] for option in model.problem.options]
    best = model.solve().equivalent
    found = lm.verify(model, np.round(decision) if integer else decision).equivalent
    assert found == pytest.approx(best, rel=2.0 * exported.relative_gap + 1e-9)
