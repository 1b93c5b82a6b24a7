"""What holds for a model on every solver and form that can be used here."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import librex_models as lm
from librex_models.model import Model
from librex_models.problem import AllocationProblem
from librex_models.verification import Verdict
from solvers import Limit, Status
from tests.test_agreement import FORMS, able_solvers

MODELS: dict[str, Callable[[AllocationProblem], Model]] = {
    "budget_only": lm.BudgetOnly,
    "max_min": lambda problem: lm.MaxMin(problem, lexicographic=False),
    "proportional": lm.Proportional,
    "alpha_fair": lambda problem: lm.GroupAlphaFair(problem, 2.0),
}


def problem_of(whole: bool, budget: float = 0.4) -> AllocationProblem:
    """Return nine options of six agents in three groups; the minimums rule zeros out."""
    generator = np.random.default_rng(4)
    requests = generator.uniform(0.5, 2.0, (9, 2))
    return AllocationProblem(
        requests,
        budget * requests.sum(axis=0),
        generator.uniform(0.5, 3.0, 9),
        agent=[0, 0, 1, 1, 2, 2, 3, 4, 5],
        group=[0, 0, 1, 1, 2, 2],
        history=np.full(3, 0.2),
        agent_minimum=[1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        integer=whole,
    )


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_no_time_is_no_answer_or_a_verified_one(name: str, whole: bool) -> None:
    model = MODELS[name](problem_of(whole))
    for solver in able_solvers(model):
        for form in FORMS:
            allocation = model.solve(solver=solver, form=form, time_limit_seconds=0.0)
            said = f"{solver} from {form}: {allocation}"
            assert allocation.verdict is not Verdict.REFUTED, said
            if allocation.has_point:
                assert allocation.verdict in (Verdict.FEASIBLE, Verdict.OPTIMAL), said
            else:
                assert allocation.status is Status.NO_SOLUTION_FOUND, said
                assert allocation.limit is Limit.TIME, said
                with pytest.raises(lm.errors.NoAllocationError):
                    _ = allocation.decision


@pytest.mark.parametrize("whole", [False, True])
def test_no_time_for_an_infeasible_problem_is_no_claim_or_a_proof(whole: bool) -> None:
    model = lm.BudgetOnly(problem_of(whole, budget=0.01))
    for solver in able_solvers(model):
        allocation = model.solve(solver=solver, time_limit_seconds=0.0)
        assert not allocation.has_point
        assert allocation.status in (Status.NO_SOLUTION_FOUND, Status.INFEASIBLE), solver
        if allocation.status is Status.INFEASIBLE:
            assert allocation.verdict is Verdict.INFEASIBLE, solver


@pytest.mark.parametrize("whole", [False, True])
def test_all_solvers_say_infeasible_and_prove_it(whole: bool) -> None:
    model = lm.BudgetOnly(problem_of(whole, budget=0.01))
    for solver in able_solvers(model):
        allocation = model.solve(solver=solver)
        assert not allocation.has_point, solver
        if solver != "pyomo:glpk":
            # GLPK does not always tell which of infeasible and unbounded it is.
            assert allocation.status is Status.INFEASIBLE, solver
            assert allocation.verdict is Verdict.INFEASIBLE, solver


def hard_problem() -> AllocationProblem:
    """Return a whole problem whose gap stays open for minutes."""
    generator = np.random.default_rng(1)
    requests = generator.integers(5, 99, (100, 40)).astype(np.float64)
    reward = requests.mean(axis=1) + generator.integers(1, 20, 100)
    return AllocationProblem(requests, requests.sum(axis=0) / 2, reward, integer=True)


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi"])
def test_two_sessions_solve_at_once_in_two_threads(solver: str) -> None:
    model = lm.BudgetOnly(hard_problem())
    found: list[tuple[float, lm.Allocation]] = []

    def work() -> None:
        with model.open(solver=solver, time_limit_seconds=1.0) as session:
            start = time.perf_counter()
            allocation = session.solve()
            found.append((time.perf_counter() - start, allocation))

    threads = [threading.Thread(target=work) for _ in range(2)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert time.perf_counter() - start < sum(seconds for seconds, _ in found)
    for _, allocation in found:
        assert allocation.verdict in (Verdict.FEASIBLE, Verdict.OPTIMAL)


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi"])
def test_a_session_in_each_of_three_threads_gives_the_answers_of_one(solver: str) -> None:
    model = lm.MaxMin(problem_of(False), lexicographic=False)
    rewards = [np.random.default_rng(seed).uniform(0.5, 3.0, 9) for seed in range(10)]

    def answers() -> list[float]:
        found = []
        with model.open(solver=solver) as session:
            for reward in rewards:
                session.write(reward=reward)
                found.append(session.solve().objective)
        return found

    expected, together = answers(), []
    threads = [threading.Thread(target=lambda: together.append(answers())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [pytest.approx(expected, rel=1e-9)] * 3
