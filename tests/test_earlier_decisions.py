"""Whole decisions start from those before, made to keep the rules of now."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.problem import AllocationProblem
from librex_models.routes.earlier_decision import repaired, start_from
from librex_models.routes.route import Question
from solvers import Outcome, SolveOptions
from solvers.completed_start import completed
from solvers.gurobi import GurobiSession
from solvers.highs import HighsSession
from solvers.scip import ScipSession
from tests.random_examples import examples

Floats = npt.NDArray[np.float64]

N_OPTIONS = 14
SESSIONS: dict[str, type[Any]] = {
    "highs": HighsSession,
    "scip": ScipSession,
    "gurobi": GurobiSession,
}
WORDS = {"highs": "MIP start solution is feasible", "gurobi": "Loaded user MIP start"}


def problem(seed: int, integer: Any = True) -> AllocationProblem:
    generator = np.random.default_rng(seed)
    requests = generator.uniform(0.1, 1.0, (N_OPTIONS, 2)) * (
        generator.random((N_OPTIONS, 2)) < 0.9
    )
    return AllocationProblem(
        requests,
        0.6 * requests.sum(axis=0),
        generator.uniform(0.5, 1.5, N_OPTIONS),
        group=np.arange(N_OPTIONS) % 3,
        upper=2.0,
        integer=integer,
    )


def question(of: AllocationProblem) -> Question:
    return lm.BudgetOnly(of).question()


def keeps_budgets(of: AllocationProblem, decision: Floats) -> bool:
    """Return whether exact sums are within the budgets."""
    requests = of.usage.toarray()
    for k, budget in enumerate(of.budget.tolist()):
        pairs = zip(requests[k].tolist(), decision.tolist(), strict=True)
        if sum(Fraction(one) * Fraction(other) for one, other in pairs) > Fraction(budget):
            return False
    return True


@pytest.mark.parametrize("whole", ["all", "some"])
@pytest.mark.parametrize("seed", range(examples(40)))
def test_a_repaired_decision_keeps_every_rule_of_now(seed: int, whole: str) -> None:
    generator = np.random.default_rng(seed)
    integer = generator.random(N_OPTIONS) < 0.6 if whole == "some" else True
    before = problem(seed, integer)
    decision = np.where(before.integer, generator.integers(0, 3, N_OPTIONS), 1.7)
    now = before.replace(
        budget=before.budget * generator.uniform(0.1, 1.2),
        upper=generator.choice([0.5, 1.0, 2.0, 2.5], N_OPTIONS),
    )
    found = repaired(question(now), decision)
    assert found is not None
    assert keeps_budgets(now, found)
    assert (found >= now.lower).all()
    assert (found <= now.upper).all()
    assert (found[now.integer] == np.rint(found[now.integer])).all()


def test_a_decision_that_keeps_the_rules_stays() -> None:
    decision = lm.BudgetOnly(problem(1)).solve(solver="highs").decision
    found = repaired(question(problem(1)), decision)
    assert found is not None
    assert found.tolist() == decision.tolist()


def test_what_earns_least_for_a_budget_is_given_up() -> None:
    # Each uses 1 of a budget of 2, and the second earns least.
    now = AllocationProblem(np.ones((3, 1)), [2.0], [3.0, 1.0, 2.0], integer=True)
    found = repaired(question(now), np.ones(3))
    assert found is not None
    assert found.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"agent_minimum": 1.0, "budget": 1.5},
        {"lower": 1.0, "budget": 1.5},
        {"lower": 0.2, "upper": 0.8},
    ],
    ids=["minimums", "lower bounds", "no whole number"],
)
def test_what_cannot_be_repaired_is_no_start(changes: dict[str, Any]) -> None:
    now = AllocationProblem(
        np.ones((3, 1)),
        np.array([changes.pop("budget", 2.0)]),
        [3.0, 1.0, 2.0],
        integer=True,
        **changes,
    )
    assert start_from(question(now), np.ones(3)) is None


def test_where_utilities_are_compared_a_start_leaves_fractional_decisions_open() -> None:
    now = problem(2, np.arange(N_OPTIONS) < 4)
    start = start_from(lm.MaxMin(now).question(), np.ones(N_OPTIONS))
    assert start is not None
    assert np.isnan(start).tolist() == [False] * 4 + [True] * 10
    alone = start_from(question(now), np.ones(N_OPTIONS))
    assert alone is not None
    assert not np.isnan(alone).any()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Floats | None]:
    """Return the starts that native sessions are given, in turn."""
    given: list[Floats | None] = []

    def recording(session: type[Any]) -> Callable[[Any, SolveOptions], Outcome]:
        solve = session.solve

        def solve_and_record(self: Any, options: SolveOptions) -> Outcome:
            if self._held.program.has_integers:
                given.append(options.start)
            outcome: Outcome = solve(self, options)
            return outcome

        return solve_and_record

    for session in SESSIONS.values():
        monkeypatch.setattr(session, "solve", recording(session))
    return given


@pytest.mark.parametrize("solver", SESSIONS)
def test_every_solve_but_the_first_starts_from_the_one_before(
    solver: str, starts: list[Floats | None], require_solver: Callable[[str], None]
) -> None:
    require_solver(solver)
    now = problem(3)
    with lm.BudgetOnly(now).open(solver=solver) as session:
        before = session.solve().decision
        assert starts == [None]
        for factor in (1.3, 0.5):
            now = now.replace(budget=now.budget * factor)
            session.write(budget=now.budget)
            expected = repaired(question(now), before)
            before = session.solve().decision
            assert expected is not None
            assert starts[-1] is not None
            assert starts[-1].tolist() == expected.tolist()
            assert keeps_budgets(now, starts[-1])


@pytest.mark.parametrize("solver", WORDS)
def test_the_solver_takes_the_start(solver: str, require_solver: Callable[[str], None]) -> None:
    require_solver(solver)
    lines: list[str] = []
    with lm.BudgetOnly(problem(3)).open(solver=solver, log=lines.append) as session:
        session.solve()
        assert not any(WORDS[solver] in line for line in lines)
        session.write(budget=0.8 * problem(3).budget)
        session.solve()
        assert any(WORDS[solver] in line for line in lines)


@pytest.mark.parametrize("solver", SESSIONS)
def test_where_there_is_no_time_the_decision_before_is_kept(
    solver: str, require_solver: Callable[[str], None]
) -> None:
    require_solver(solver)
    nothing = np.zeros(N_OPTIONS)
    with lm.BudgetOnly(problem(4)).open(solver=solver, node_limit=0, start=nothing) as session:
        first = session.solve()
        for factor in (0.9, 0.8, 0.7):
            now = problem(4).replace(budget=problem(4).budget * factor)
            start = repaired(question(now), first.decision)
            session.write(budget=now.budget)
            first = session.solve()
            assert start is not None
            assert first.objective >= float(np.asarray(now.reward) @ start) - 1e-9


@pytest.mark.parametrize("solver", SESSIONS)
def test_what_was_forgotten_is_no_start(
    solver: str, starts: list[Floats | None], require_solver: Callable[[str], None]
) -> None:
    require_solver(solver)
    with lm.BudgetOnly(problem(3)).open(solver=solver) as session:
        session.solve()
        session.forget()
        session.solve()
    assert starts == [None, None]


def test_a_start_of_the_user_gives_way_to_the_decision_before(
    starts: list[Floats | None],
) -> None:
    own = np.zeros(N_OPTIONS)
    with lm.BudgetOnly(problem(3)).open(solver="highs", start=own) as session:
        found = session.solve().decision
        session.solve()
    assert [None if one is None else one.tolist() for one in starts] == [
        own.tolist(),
        found.tolist(),
    ]


@pytest.mark.parametrize("solver", SESSIONS)
@pytest.mark.parametrize("family", ["budget_only", "max_min", "mixed"])
@pytest.mark.parametrize("seed", range(examples(3)))
def test_from_a_start_the_optimum_is_that_of_a_fresh_model(
    solver: str, family: str, seed: int, require_solver: Callable[[str], None]
) -> None:
    require_solver(solver)
    generator = np.random.default_rng(seed)
    now = problem(seed, np.arange(N_OPTIONS) % 2 == 0 if family == "mixed" else True)

    def model(of: AllocationProblem) -> lm.BudgetOnly | lm.MaxMin:
        return lm.MaxMin(of, lexicographic=False) if family == "max_min" else lm.BudgetOnly(of)

    with model(now).open(solver=solver) as session:
        for _ in range(12 if solver == "scip" else 5):
            values = {
                "budget": problem(seed).budget * generator.uniform(0.3, 1.3),
                "reward": generator.uniform(0.5, 1.5, N_OPTIONS),
            }
            now = now.replace(**values)
            session.write(**values)
            allocation, fresh = session.solve(), model(now).solve(solver=solver)
            assert allocation.verdict is fresh.verdict is lm.Verdict.OPTIMAL
            # Both are within the gap asked for, 1e-6.
            assert allocation.objective == pytest.approx(fresh.objective, rel=2e-6)
            assert keeps_budgets(now, allocation.decision)
        assert not any("starts" in reason for reason in session.reasons)


def test_utilities_and_the_worst_of_them_follow_from_decisions() -> None:
    model = lm.MaxMin(problem(5), lexicographic=False)
    program = model.to_program()
    decision = np.random.default_rng(5).integers(0, 3, N_OPTIONS).astype(np.float64)
    start = np.full(program.n_columns, np.nan)
    start[program.columns_of("x")] = decision
    found = completed(program, start)
    utility = model.question().utility(decision)
    assert found[program.columns_of("x")].tolist() == decision.tolist()
    assert found[program.columns_of("utility")] == pytest.approx(utility)
    assert found[program.columns_of("worst")] == pytest.approx(utility.min())


def test_columns_that_do_not_follow_stay_open() -> None:
    program = lm.BudgetOnly(problem(5)).to_program()
    start = np.where(np.arange(N_OPTIONS) < 3, 1.0, np.nan)
    assert np.isnan(completed(program, start)).sum() == N_OPTIONS - 3
