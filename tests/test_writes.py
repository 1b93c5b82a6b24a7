"""What is written into an open session counts, and no more: every step equals a fresh solve."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models.allocation import Allocation
from librex_models.errors import ParameterError
from librex_models.model import Model
from librex_models.problem import AllocationProblem
from librex_models.routes.solvable import check_solvable
from librex_models.verification import Verdict
from solvers import Capability, Status
from solvers.errors import CapabilityError, UpdateError
from tests.random_examples import examples
from tests.test_agreement import able_solvers

FAMILIES: dict[str, Callable[[AllocationProblem], Model]] = {
    "budget_only": lm.BudgetOnly,
    "max_min": lambda problem: lm.MaxMin(problem, lexicographic=False),
    "alpha_fair": lambda problem: lm.GroupAlphaFair(problem, 2.0),
}
CASES = [
    (solver, family, whole)
    for solver in ("highs", "scip", "gurobi", "cvxpy:CLARABEL")
    for family in FAMILIES
    for whole in (False, True)
    if solver != "cvxpy:CLARABEL" or not whole
    if (solver, family) != ("highs", "alpha_fair")
]
PARAMETERS = (
    "reward",
    "budget",
    "lower",
    "upper",
    "history",
    "weight",
    "requests",
    "agent_limit",
    "agent_minimum",
)


def first_problem(whole: bool) -> AllocationProblem:
    """Return six agents in three groups, two options each."""
    generator = np.random.default_rng(1)
    requests = generator.uniform(0.2, 2.0, (12, 2))
    return AllocationProblem(
        requests,
        0.4 * requests.sum(axis=0),
        generator.uniform(0.5, 3.0, 12),
        agent=np.repeat(np.arange(6), 2),
        group=np.repeat(np.arange(3), 2),
        history=np.full(3, 0.1),
        agent_limit=1.5,
        integer=whole,
    )


def other_values(generator: np.random.Generator, problem: AllocationProblem) -> dict[str, Any]:
    """Return other values of one parameter or of several; now and then nothing is feasible."""
    n, k, agents, groups = (
        problem.n_options,
        problem.n_resources,
        problem.n_agents,
        problem.n_groups,
    )
    values = {
        "reward": generator.uniform(0.5, 3.0, n) * (generator.random(n) < 0.9),
        "budget": generator.uniform(2.0, 9.0, k),
        "lower": generator.uniform(0.0, 0.3, n) * (generator.random(n) < 0.2),
        "upper": generator.choice([0.5, 1.0, 2.0], n),
        "history": generator.uniform(0.1, 1.0, groups),
        "weight": generator.uniform(0.2, 2.0, groups),
        "requests": generator.uniform(0.2, 2.0, (n, k)) * (generator.random((n, k)) < 0.8),
        "agent_limit": generator.choice([1.0, 1.5, np.inf], agents),
        "agent_minimum": generator.uniform(0.0, 1.0, agents) * (generator.random(agents) < 0.3),
    }
    chosen = generator.choice(PARAMETERS, int(generator.integers(1, 4)), replace=False)
    return {name: values[name] for name in chosen.tolist()}


def assert_alike(written: Allocation, fresh: Allocation) -> None:
    assert written.status is fresh.status
    assert Verdict.REFUTED not in (written.verdict, fresh.verdict)
    if fresh.has_point:
        assert written.equivalent == pytest.approx(fresh.equivalent, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize(("solver", "family", "whole"), CASES)
def test_writes_in_a_row_equal_fresh_solves(solver: str, family: str, whole: bool) -> None:
    generator = np.random.default_rng([400, CASES.index((solver, family, whole))])
    model = FAMILIES[family](first_problem(whole))
    with model.open(solver=solver) as session:
        for step in range(examples(200)):
            values = other_values(generator, model.problem)
            try:
                changed = FAMILIES[family](model.problem.replace(**values))
                check_solvable(changed.question())
            except (ParameterError, lm.errors.ProblemError):
                continue
            session.write(**values)
            model = changed
            try:
                assert_alike(session.solve(), model.solve(solver=solver))
            except AssertionError as error:
                error.add_note(f"step {step}: {values}")
                raise


IN_PLACE = ["highs", "scip", "gurobi"]


@pytest.mark.parametrize("solver", IN_PLACE)
@pytest.mark.parametrize("name", [one for one in PARAMETERS if one not in ("upper", "agent_limit")])
def test_every_parameter_is_written_in_place_where_rebuilds_are_forbidden(
    solver: str, name: str
) -> None:
    model = lm.MaxMin(first_problem(whole=False), lexicographic=False)
    generator = np.random.default_rng(5)
    values: dict[str, Any] = {}
    while name not in values:
        values = other_values(generator, model.problem)
    values = {name: values[name]}
    with model.open(solver=solver, forbid_rebuild=True) as session:
        session.solve()
        session.write(**values)
        fresh = lm.MaxMin(model.problem.replace(**values), lexicographic=False)
        assert_alike(session.solve(), fresh.solve(solver=solver))
        assert (session.updates_in_place, session.rebuilds) == (1, 0)


@pytest.mark.parametrize("solver", IN_PLACE)
@pytest.mark.parametrize(
    ("fits", "does_not"),
    [({"agent_limit": 1.2}, {"agent_limit": np.inf}), ({"upper": 0.8}, {"upper": 0.5})],
)
def test_limits_that_come_to_bind_or_no_longer_do_need_a_rebuild(
    solver: str, fits: dict[str, Any], does_not: dict[str, Any]
) -> None:
    model = lm.BudgetOnly(first_problem(whole=False))
    with model.open(solver=solver, forbid_rebuild=True) as session:
        session.write(**fits)
        after = session.solve()
        assert_alike(after, lm.BudgetOnly(model.problem.replace(**fits)).solve(solver=solver))
        with pytest.raises(UpdateError, match=r"limits of agents .*; nothing was changed"):
            session.write(**does_not)
        assert_alike(session.solve(), after)
        assert (session.updates_in_place, session.rebuilds) == (1, 0)


@pytest.mark.parametrize("solver", IN_PLACE)
def test_a_new_reward_of_a_linear_model_is_written_in_place(solver: str) -> None:
    with lm.BudgetOnly(first_problem(whole=False)).open(solver=solver) as session:
        session.solve()
        session.write(reward=np.linspace(1.0, 2.0, 12))
        session.solve()
        assert (session.updates_in_place, session.rebuilds) == (1, 0)
        assert "objective" in " ".join(session.reasons)


def test_a_solver_that_is_always_rebuilt_is_refused_where_that_is_forbidden() -> None:
    assert Capability.IN_PLACE_UPDATES not in solvers.capabilities("cvxpy:CLARABEL")
    with pytest.raises(CapabilityError, match="forbid_rebuild"):
        lm.BudgetOnly(first_problem(whole=False)).open(solver="cvxpy:CLARABEL", forbid_rebuild=True)


@pytest.mark.parametrize("solver", IN_PLACE)
def test_an_infeasible_step_leaves_nothing_behind(solver: str) -> None:
    problem = first_problem(whole=True)
    model = lm.BudgetOnly(problem)
    with model.open(solver=solver) as session:
        before = session.solve()
        session.write(budget=[0.1, 0.1], agent_minimum=1.0)
        assert session.solve().status is Status.INFEASIBLE
        session.write(budget=problem.budget, agent_minimum=0.0)
        assert_alike(session.solve(), before)


@pytest.mark.parametrize(
    "bad",
    [
        {"reward": [1.0]},
        {"reward": np.full(12, np.nan)},
        {"budget": [-1.0, 1.0]},
        {"rewards": np.ones(12)},
        {"budget": [3.0, 3.0], "weight": [0.0, 1.0, 1.0]},
    ],
)
def test_a_write_with_one_bad_value_changes_nothing(bad: dict[str, Any]) -> None:
    model = lm.GroupAlphaFair(first_problem(whole=False), 2.0)
    with model.open(solver="scip") as session:
        before = session.solve()
        with pytest.raises((lm.errors.LibrexError, TypeError)):
            session.write(**bad)
        assert_alike(session.solve(), before)
    assert able_solvers(model)
