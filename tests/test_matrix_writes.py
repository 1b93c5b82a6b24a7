"""Rewards that stand in the matrix: in place or with a new matrix, answers are the same."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import librex_models as lm
from librex_models.model import Model
from librex_models.problem import AllocationProblem
from solvers import Program, SolveOptions, Status
from solvers.adapter import SolverSession
from solvers.entries import with_entries
from solvers.gurobi import GurobiSession
from solvers.highs import HighsSession
from solvers.scip import ScipSession
from tests.random_examples import examples
from tests.test_program import program_of

Floats = npt.NDArray[np.float64]

N_OPTIONS = 40
FAMILIES: dict[str, Callable[[AllocationProblem], Model]] = {
    "max_min": lambda problem: lm.MaxMin(problem, lexicographic=False),
    "leximin": lm.MaxMin,
    "alpha_fair": lambda problem: lm.GroupAlphaFair(problem, 2.0),
}
SESSIONS: dict[str, Callable[[Program], SolverSession]] = {
    "highs": HighsSession,
    "scip": ScipSession,
    "gurobi": GurobiSession,
}
# For how many numbers of a new matrix, or of a new row, a changed entry counts.
WAYS = {"a new matrix": 1e9, "in place": 0.0}
LIMITS = {
    "highs": "solvers.highs_program.NUMBERS_PER_ENTRY",
    "scip": "solvers.scip_program.ENTRIES_PER_CHANGE",
}


def problem() -> AllocationProblem:
    """Return five groups of eight options each."""
    generator = np.random.default_rng(5)
    requests = generator.uniform(0.1, 1.0, (N_OPTIONS, 3))
    return AllocationProblem(
        requests,
        0.3 * requests.sum(axis=0),
        generator.uniform(0.5, 1.5, N_OPTIONS),
        group=np.arange(N_OPTIONS) % 5,
    )


def other_rewards(generator: np.random.Generator, reward: Floats) -> Floats:
    """Return rewards of which one, some or all are others."""
    other = reward.copy()
    n_others = int(generator.choice([1, 4, N_OPTIONS]))
    places = generator.choice(N_OPTIONS, n_others, replace=False)
    other[places] = generator.uniform(0.5, 1.5, n_others)
    return other


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("solver", LIMITS)
@pytest.mark.parametrize("seed", range(examples(3)))
def test_either_way_every_answer_is_that_of_a_fresh_model(
    solver: str,
    family: str,
    way: str,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
    require_solver: Callable[[str], None],
) -> None:
    require_solver(solver)
    monkeypatch.setattr(LIMITS[solver], WAYS[way])
    generator = np.random.default_rng(seed)
    reward = np.asarray(problem().reward)
    with FAMILIES[family](problem()).open(solver=solver) as session:
        for _ in range(5):
            reward = other_rewards(generator, reward)
            session.write(reward=reward)
            allocation = session.solve()
            fresh = FAMILIES[family](problem().replace(reward=reward)).solve(solver=solver)
            assert allocation.verdict is fresh.verdict is lm.Verdict.OPTIMAL
            # Both are within the gap asked for, 1e-6.
            assert allocation.objective == pytest.approx(fresh.objective, rel=2e-6)


def dense() -> Program:
    """Return three rows over thirty columns, each entry stored."""
    generator = np.random.default_rng(7)
    request = generator.uniform(0.1, 1.0, (3, 30))
    return program_of(generator.uniform(0.5, 1.5, 30), request, -np.inf, 0.3 * request.sum(axis=1))


def with_others(program: Program, n_others: int) -> Program:
    """Return the program with hardly other entries in some places."""
    entries = program.matrix.data.copy()
    entries[:n_others] *= 1.0 + 1e-9
    return program.with_numbers(matrix=with_entries(program.matrix, entries))


@pytest.mark.parametrize(
    ("solver", "n_others", "reason"),
    [
        ("highs", 1, "in place: entries of the matrix"),
        (
            "highs",
            90,
            "rebuilt: so many entries of the matrix changed that this is cheaper",
        ),
        ("gurobi", 1, "in place: entries of the matrix"),
        ("gurobi", 90, "in place: entries of the matrix"),
        ("scip", 1, "in place: entries of the matrix"),
        ("scip", 90, "in place: entries of the matrix"),
    ],
)
def test_what_was_done_is_counted(
    solver: str, n_others: int, reason: str, require_solver: Callable[[str], None]
) -> None:
    require_solver(solver)
    session = SESSIONS[solver](dense())
    session.solve(SolveOptions())
    session.update(with_others(dense(), n_others))
    assert session.counts.reasons == (reason,)
    assert session.counts.updates_in_place + session.counts.rebuilds == 1
    session.close()


@pytest.mark.parametrize("n_others", [1, 90], ids=["one entry", "all entries"])
@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_the_old_basis_is_where_the_next_solve_begins(
    solver: str, n_others: int, require_solver: Callable[[str], None]
) -> None:
    require_solver(solver)
    session = SESSIONS[solver](dense())
    first = session.solve(SolveOptions())
    session.update(with_others(dense(), n_others))
    second = session.solve(SolveOptions())
    assert first.iterations > 0
    assert second.iterations == 0
    assert second.status is Status.OPTIMAL
    session.close()


@pytest.mark.parametrize("by_arrays", [True, False], ids=["by arrays", "by gurobipy"])
def test_entries_of_rows_of_two_sides_are_others_in_both(
    by_arrays: bool, monkeypatch: pytest.MonkeyPatch, require_solver: Callable[[str], None]
) -> None:
    require_solver("gurobi")
    if not by_arrays:
        monkeypatch.setattr("solvers.gurobi_program.native_arrays", lambda _: None)
    # x + y between 1 and 2, x - y below 5; the least of x + 3 y is had at the lower side.
    program = program_of(
        [1.0, 3.0], [[1.0, 1.0], [1.0, -1.0]], [1, -np.inf], [2, 5], 0, 9, maximise=False
    )
    session = GurobiSession(program)
    assert session.solve(SolveOptions()).objective == pytest.approx(1.0)
    halved = with_entries(program.matrix, program.matrix.data * np.array([0.5, 1.0, 0.5, 1.0]))
    session.update(program.with_numbers(matrix=halved), forbid_rebuild=True)
    assert session.solve(SolveOptions()).objective == pytest.approx(2.0)
    session.update(
        program.with_numbers(matrix=halved, maximise=program.maximise, objective=-program.objective)
    )
    # Now the upper side: 0.5 x + 0.5 y = 2, all of it y.
    assert session.solve(SolveOptions()).objective == pytest.approx(-12.0)
    session.close()
