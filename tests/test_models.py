"""The models and their allocations: what they take, refuse, say, and how they travel."""

import copy
import logging
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import librex_models as lm
from librex_models import errors
from solvers import Limit, Status

Build = Callable[[lm.AllocationProblem], lm.Model]

SOLVABLE_FRACTIONAL: dict[str, Build] = {
    "budget only": lm.BudgetOnly,
    "max-min": lambda p: lm.MaxMin(p, lexicographic=False),
    "max-min over agents": lambda p: lm.MaxMin(p, over="agents", lexicographic=False),
    "proportional": lm.Proportional,
    "proportional over agents": lambda p: lm.Proportional(p, over="agents"),
    "alpha 0": lambda p: lm.AlphaFair(p, 0.0),
    "alpha .3": lambda p: lm.AlphaFair(p, 0.3),
    "alpha 5": lambda p: lm.AlphaFair(p, 5.0),
    "group alpha .5": lambda p: lm.GroupAlphaFair(p, 0.5),
    "group alpha 2": lambda p: lm.GroupAlphaFair(p, 2.0),
}
SOLVABLE_WHOLE: dict[str, Build] = {
    "budget only": lm.BudgetOnly,
    "max-min": lambda p: lm.MaxMin(p, lexicographic=False),
    "proportional over agents": lambda p: lm.Proportional(p, over="agents"),
    "alpha .5": lambda p: lm.AlphaFair(p, 0.5),
    "alpha 2": lambda p: lm.AlphaFair(p, 2.0),
}


def small_problem(**changes: Any) -> lm.AllocationProblem:
    """Return two agents of group g with a choice, one of group h, and two resources."""
    arguments: dict[str, Any] = {
        "requests": [[1.0, 2.0], [3.0, 0.0], [1.0, 1.0], [2.0, 1.0]],
        "budget": {"gpu": 4.0, "memory": 5.0},
        "reward": [1.0, 2.0, 3.0, 1.0],
        "agent": ["ada", "ada", "bo", "cy"],
        "group": {"ada": "g", "bo": "h", "cy": "g"},
    }
    return lm.AllocationProblem(**(arguments | changes))


@pytest.mark.parametrize("form", ["arrays", "pyomo", "cvxpy"])
@pytest.mark.parametrize("build", SOLVABLE_FRACTIONAL.values(), ids=SOLVABLE_FRACTIONAL)
def test_every_fractional_family_is_solved_from_every_form(build: Build, form: str) -> None:
    model = build(small_problem())
    allocation = model.solve(form=form)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.form == form
    assert allocation.equivalent == pytest.approx(model.solve().equivalent, rel=1e-6)


@pytest.mark.parametrize("form", ["arrays", "pyomo", "cvxpy"])
@pytest.mark.parametrize("build", SOLVABLE_WHOLE.values(), ids=SOLVABLE_WHOLE)
def test_every_whole_family_is_solved_from_every_form(build: Build, form: str) -> None:
    model = build(small_problem(integer=True, budget={"gpu": 6.0, "memory": 5.0}))
    allocation = model.solve(form=form)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert (allocation.decision == model.solve().decision).all()


def test_proportional_is_group_alpha_fair_at_one() -> None:
    problem = small_problem()
    first, second = lm.Proportional(problem), lm.GroupAlphaFair(problem, 1.0)
    assert first.solve().objective == pytest.approx(second.solve().objective, rel=1e-6)


def test_alpha_zero_over_agents_is_budget_only_plus_history() -> None:
    problem = small_problem(agent_history={"ada": 1.0, "bo": 2.0, "cy": 0.5})
    total = lm.AlphaFair(problem, 0.0).solve().objective
    assert total == pytest.approx(lm.BudgetOnly(problem).solve().objective + 3.5)


@pytest.mark.parametrize("alpha", [-1.0, float("nan"), "2", True])
def test_an_alpha_that_cannot_be_is_refused(alpha: Any) -> None:
    with pytest.raises(errors.ParameterError, match="alpha is"):
        lm.AlphaFair(small_problem(), alpha)


def test_a_negative_reward_is_refused_by_fairness_and_names_the_option() -> None:
    problem = small_problem(reward=[1.0, -2.0, 3.0, 1.0], option_names=["a", "b", "c", "d"])
    with pytest.raises(errors.ParameterError, match="reward of option 'b' is -2"):
        lm.Proportional(problem)
    assert lm.BudgetOnly(problem).solve().decision[1] == 0.0


def test_a_group_without_a_reachable_utility_is_named() -> None:
    problem = small_problem(reward=[0.0, 0.0, 3.0, 0.0])
    with pytest.raises(errors.ParameterError, match="group 'g' cannot earn a positive utility"):
        lm.Proportional(problem).solve()
    assert lm.GroupAlphaFair(problem, 0.5).solve().verdict is lm.Verdict.OPTIMAL


def test_a_zero_budget_leaves_nobody_a_logarithm() -> None:
    with pytest.raises(errors.ParameterError, match="cannot earn a positive utility"):
        lm.Proportional(small_problem(budget=[0.0, 0.0])).solve()


@pytest.mark.parametrize(
    ("build", "arguments", "what_can"),
    [
        pytest.param(lm.MaxMin, {"route": "plain"}, "lexicographic=False", id="one program"),
        pytest.param(lm.BudgetOnly, {"route": "leximin"}, "plain", id="levels of one total"),
        pytest.param(
            lambda p: lm.AlphaFair(p, 2.0), {"route": "leximin"}, "auto", id="levels of a sum"
        ),
        pytest.param(
            lm.Proportional,
            {"solver": "highs", "route": "plain"},
            "cvxpy:CLARABEL",
            id="log on highs",
        ),
        pytest.param(
            lambda p: lm.Proportional(p.replace(integer=True)),
            {"solver": "highs", "route": "plain"},
            "solver '[a-z]+' with route='[a-z_]+'",
            id="whole groups of several choices",
        ),
        pytest.param(
            lambda p: lm.BudgetOnly(p.replace(integer=True)),
            {"solver": "cvxpy:CLARABEL"},
            "highs",
            id="whole on a conic solver",
        ),
        pytest.param(lm.BudgetOnly, {"route": "exact_linear"}, "plain", id="route of another"),
    ],
)
def test_what_cannot_be_solved_names_what_can(
    build: Build, arguments: dict[str, Any], what_can: str
) -> None:
    with pytest.raises(errors.UnsolvableError, match=what_can):
        build(small_problem()).solve(**arguments)


@pytest.mark.parametrize("argument", ["form", "route", "solver"])
def test_an_unknown_choice_names_the_known_ones(argument: str) -> None:
    with pytest.raises(Exception, match=r"highs|arrays|plain"):
        lm.BudgetOnly(small_problem()).solve(**{argument: "nonsense"})  # type: ignore[arg-type]


def test_leximin_has_no_single_program() -> None:
    with pytest.raises(errors.UnsolvableError, match="lexicographic=False"):
        lm.MaxMin(small_problem()).to_program()


def test_an_allocation_says_who_got_what() -> None:
    allocation = lm.BudgetOnly(small_problem()).solve()
    assert allocation.allocated.shape == (3, 2)
    assert allocation.utility.shape == (2,)
    assert allocation.objective == pytest.approx(5.0)
    assert allocation.bound >= allocation.objective
    assert "gpu" in str(allocation)
    assert "gpu: 4 of 4 used; a unit more is worth" in allocation.explain()
    assert allocation.fairness()["min_max_ratio"] == pytest.approx(
        allocation.utility.min() / allocation.utility.max()
    )


def test_prices_are_what_a_unit_more_is_worth() -> None:
    problem = small_problem()
    for build in SOLVABLE_FRACTIONAL.values():
        allocation = build(problem).solve(relative_gap=1e-9)
        step = 1e-4
        more = build(problem.replace(budget=problem.budget + np.array([step, 0.0]))).solve(
            relative_gap=1e-9
        )
        gained = (more.objective - allocation.objective) / step
        assert allocation.price is not None
        # Difference quotients of a step of 1e-4 on answers good to 1e-8.
        assert allocation.price[0] == pytest.approx(gained, rel=2e-3, abs=2e-3)


def test_whole_decisions_have_no_price_but_multipliers_of_the_bound() -> None:
    allocation = lm.BudgetOnly(small_problem(integer=True)).solve()
    assert allocation.price is None
    assert allocation.certificate.price is not None


def test_reading_where_there_is_nothing_says_why() -> None:
    problem = small_problem(agent_minimum={"ada": 1.0, "bo": 1.0, "cy": 1.0}, integer=True)
    allocation = lm.BudgetOnly(problem.replace(budget=[2.0, 1.0])).solve()
    assert allocation.status is Status.INFEASIBLE
    assert allocation.verdict is lm.Verdict.INFEASIBLE
    assert not allocation.has_point
    for name in ("decision", "allocated", "utility", "objective", "equivalent"):
        with pytest.raises(errors.NoAllocationError, match="infeasible") as caught:
            getattr(allocation, name)
        assert caught.value.outcome.status is Status.INFEASIBLE
    assert allocation.bound == -np.inf
    assert "infeasible" in str(allocation)


def test_whole_service_for_all_that_is_impossible_is_infeasible_and_advises_history() -> None:
    problem = small_problem(integer=True, budget={"gpu": 3.0, "memory": 3.0})
    allocation = lm.AlphaFair(problem, 2.0).solve()
    assert allocation.status is Status.INFEASIBLE
    assert "history" in str(allocation)
    served = lm.AlphaFair(problem.replace(agent_history=[1.0, 1.0, 1.0]), 2.0).solve()
    assert served.verdict is lm.Verdict.OPTIMAL


def test_a_time_limit_of_zero_is_no_allocation_or_a_verified_one() -> None:
    for build in SOLVABLE_FRACTIONAL.values():
        allocation = build(small_problem()).solve(time_limit_seconds=0.0)
        if allocation.has_point:
            assert allocation.verdict in (lm.Verdict.OPTIMAL, lm.Verdict.FEASIBLE)
        else:
            assert allocation.status is Status.NO_SOLUTION_FOUND
            assert allocation.limit is Limit.TIME
            assert allocation.verdict is lm.Verdict.UNDECIDED


@pytest.mark.parametrize("seed", range(5))
def test_a_level_far_below_what_some_can_reach_is_found(seed: int) -> None:
    generator = np.random.default_rng([61, seed])
    n_options, n_resources = int(generator.integers(1, 8)), int(generator.integers(1, 4))
    problem = lm.AllocationProblem(
        10 ** generator.uniform(-9, 9, (n_options, n_resources)),
        10 ** generator.uniform(-9, 9, n_resources),
        reward=10 ** generator.uniform(-9, 9, n_options),
    )
    allocation = lm.MaxMin(problem, lexicographic=False).solve()
    assert allocation.verdict is lm.Verdict.OPTIMAL
    # Every option is its own group: the level z needs x_j = z / reward_j of each.
    reward = np.asarray(problem.reward)
    needed = np.asarray(problem.requests).T @ (1.0 / reward)
    level = min(float((problem.budget / needed).min()), float(reward.min()))
    assert allocation.objective == pytest.approx(level, rel=1e-6)


def test_models_travel() -> None:
    for build in (*SOLVABLE_FRACTIONAL.values(), lm.MaxMin):
        model = build(small_problem())
        for again in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
            assert again == model
            assert repr(again) == repr(model)
            assert str(again) == str(model)
        assert model != build(small_problem(budget=[9.0, 9.0]))
    assert lm.BudgetOnly(small_problem()) != lm.Proportional(small_problem())
    assert lm.AlphaFair(small_problem(), 2.0) != lm.AlphaFair(small_problem(), 3.0)


def test_allocations_travel() -> None:
    for build in SOLVABLE_FRACTIONAL.values():
        allocation = build(small_problem()).solve()
        copies = (
            pickle.loads(pickle.dumps(allocation)),
            copy.copy(allocation),
            copy.deepcopy(allocation),
        )
        for again in copies:
            assert again == allocation
            assert repr(again) == repr(allocation)
            assert (again.allocated == allocation.allocated).all()
    assert lm.BudgetOnly(small_problem()).solve() == lm.BudgetOnly(small_problem()).solve()
    other = lm.BudgetOnly(small_problem(budget=[9.0, 9.0])).solve()
    assert lm.BudgetOnly(small_problem()).solve() != other


@pytest.mark.parametrize("build", SOLVABLE_WHOLE.values(), ids=SOLVABLE_WHOLE)
def test_a_start_is_a_decision_in_every_family(build: Build) -> None:
    problem = small_problem(integer=True, budget={"gpu": 6.0, "memory": 5.0})
    allocation = build(problem).solve(start={0: 1.0, 1: 0.0, 2: 1.0, 3: 1.0})
    assert allocation.objective == pytest.approx(build(problem).solve().objective)


def test_a_start_survives_the_cut_of_a_decision() -> None:
    problem = lm.AllocationProblem([[0.1], [0.2]], [0.3], [1.0, 1.5], upper=3.0, integer=True)
    assert (lm.BudgetOnly(problem).solve(start=[0.0, 0.0]).decision == [2.0, 0.0]).all()


def test_an_allocation_is_read_only() -> None:
    allocation = lm.BudgetOnly(small_problem()).solve()
    with pytest.raises(ValueError, match="read-only"):
        allocation.decision[0] = 2.0


def test_a_session_without_rewards_waits_for_them() -> None:
    with lm.BudgetOnly(small_problem(reward=None)).open() as session:
        with pytest.raises(errors.ParameterError, match="no reward"):
            session.solve()
        session.write(reward=[1.0, 2.0, 3.0, 1.0])
        assert session.solve().objective == pytest.approx(5.0)


def test_a_session_counts_what_it_does() -> None:
    with lm.BudgetOnly(small_problem()).open() as session:
        session.solve()
        session.write(reward=[3.0, 2.0, 1.0, 1.0])
        session.solve()
        session.write(budget={"gpu": 1.0, "memory": 5.0})
        session.solve()
        assert (session.updates_in_place, session.rebuilds) == (2, 0)
    with lm.MaxMin(small_problem(), lexicographic=False).open(solver="highs") as session:
        session.solve()
        session.write(reward=[3.0, 2.0, 1.0, 1.0])
        session.solve()
        assert (session.updates_in_place, session.rebuilds) == (1, 0)
        assert session.reasons == ("in place: entries of the matrix",)


def test_a_bad_write_changes_nothing() -> None:
    with lm.Proportional(small_problem()).open() as session:
        before = session.solve()
        bad: dict[str, dict[str, Any]] = {
            "cannot be written": {"weights": [1.0, 1.0]},
            "shape": {"reward": [1.0]},
            "budget of resource 'memory'": {"reward": [9.0, 9.0, 9.0, 9.0], "budget": [1.0, -1.0]},
            "reward of option 1 is -1": {"reward": [1.0, -1.0, 1.0, 1.0]},
        }
        for message, values in bad.items():
            with pytest.raises(errors.ProblemError, match=message):
                session.write(**values)
            assert session.solve().objective == pytest.approx(before.objective, rel=1e-7)


def test_a_closed_session_says_so() -> None:
    session = lm.BudgetOnly(small_problem()).open()
    session.close()
    session.close()
    with pytest.raises(errors.ParameterError, match="closed"):
        session.solve()


def test_an_unknown_option_of_open_is_named() -> None:
    with pytest.raises(errors.ParameterError, match="'time_limit'"):
        lm.BudgetOnly(small_problem()).open(time_limit=3)


def test_each_solve_logs_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="librex_models"):
        lm.BudgetOnly(small_problem()).solve()
    lines = [record for record in caplog.records if record.name.startswith("librex_models")]
    assert len(lines) == 1
    assert "budget_only by highs" in lines[0].getMessage()
