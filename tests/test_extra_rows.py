"""The user's own rows: checked, declared alike in all forms, kept by every answer, and proven."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import librex_models as lm
from librex_models import AllocationProblem, BudgetOnly, GroupAlphaFair, MaxMin, Rows, Verdict
from librex_models.errors import FileError, ParameterError, ShapeError
from solvers import Status
from tests.form_entries import programs_of_forms
from tests.random_examples import examples
from tests.random_problems import random_problem
from tests.test_random_answers import TOTAL, Linear, exact_optimum

NAMES = ["highs", "scip", "gurobi"]


def with_rows(generator: np.random.Generator, problem: AllocationProblem) -> AllocationProblem:
    """Return the problem with random rows around a point within its bounds."""
    n_rows = int(generator.integers(1, 4))
    matrix = generator.integers(-3, 4, (n_rows, problem.n_options)).astype(np.float64)
    matrix[(matrix == 0).all(axis=1), 0] = 1.0
    inside = problem.lower + generator.random(problem.n_options) * (problem.upper - problem.lower)
    value = matrix @ inside
    side = generator.integers(0, 3, n_rows)
    room = generator.uniform(0.0, 1.0, (2, n_rows))
    lower = np.where(side != 1, value - room[0], -np.inf)
    upper = np.where(side != 2, value + room[1], np.inf)
    if not problem.integer.any() and generator.random() < 0.3:
        lower[0] = upper[0] = value[0]
    return problem.replace(extra_rows=Rows(matrix, lower, upper))


def as_inequalities(problem: AllocationProblem) -> list[tuple[list[float], float]]:
    """Return the rows as entries . x <= side, for the oracle."""
    rows = problem.extra_rows
    matrix = rows.matrix.toarray()
    above = [(matrix[r].tolist(), rows.upper[r]) for r in np.flatnonzero(rows.upper < np.inf)]
    below = [(-matrix[r], -rows.lower[r]) for r in np.flatnonzero(rows.lower > -np.inf)]
    return [*above, *((entries.tolist(), side) for entries, side in below)]


def drawn(seed: int, **chosen: Any) -> AllocationProblem:
    generator = np.random.default_rng([17, seed])
    return with_rows(generator, random_problem(generator, fairness=True, **chosen))


@pytest.mark.parametrize("name", [*NAMES, "cvxpy:CLARABEL"])
@pytest.mark.parametrize("seed", range(examples(200)))
def test_linear_optima_equal_those_in_exact_arithmetic(seed: int, name: str) -> None:
    problem = drawn(seed, integer="none", n_options=5)
    total, worst = BudgetOnly(problem), MaxMin(problem, lexicographic=False)
    for model, welfare in ((total, TOTAL), (worst, Linear(kind="worst", over="groups"))):
        expected = exact_optimum(problem, welfare, extra_rows=as_inequalities(problem))
        allocation = model.solve(solver=name)
        if expected is None:
            assert allocation.verdict is Verdict.INFEASIBLE
            continue
        assert allocation.verdict is Verdict.OPTIMAL
        assert allocation.objective == pytest.approx(float(expected), rel=1e-6, abs=1e-6)
        assert allocation.certificate.bound_from == "prices"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(examples(200)))
def test_whole_optima_equal_enumeration(seed: int, name: str) -> None:
    problem = drawn(seed, integer="all", n_options=5, bounds=False)
    rows = problem.extra_rows
    best: dict[str, float] = {}
    models = {"total": BudgetOnly(problem), "fair": GroupAlphaFair(problem, 0.5)}
    for choice in itertools.product((0.0, 1.0), repeat=5):
        decision = np.array(choice)
        value = rows.matrix @ decision
        if (value > rows.upper + 1e-9).any() or (value < rows.lower - 1e-9).any():
            continue
        for key, model in models.items():
            checked = lm.verify(model, decision)
            if checked.verdict is not Verdict.REFUTED:
                best[key] = max(best.get(key, -np.inf), checked.equivalent)
    for key, model in models.items():
        allocation = model.solve(solver=name, relative_gap=1e-6)
        if key not in best:
            assert allocation.status is Status.INFEASIBLE
            continue
        assert allocation.equivalent == pytest.approx(best[key], rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("family", [BudgetOnly, lambda p: MaxMin(p, lexicographic=False)])
@pytest.mark.parametrize("seed", range(examples(100)))
def test_all_forms_say_the_same(seed: int, family: Any) -> None:
    question = family(drawn(seed)).question()
    programs = programs_of_forms(question)
    for other in programs[1:]:
        for name in ("extra_limit", "extra_minimum", "extra_equality"):
            ours, theirs = programs[0].rows_of(name), other.rows_of(name)
            x, their_x = programs[0].columns_of("x"), other.columns_of("x")
            ours_in = sparse.csr_array(programs[0].matrix)[ours, x].toarray()
            theirs_in = sparse.csr_array(other.matrix)[theirs, their_x].toarray()
            assert ours_in.tolist() == theirs_in.tolist()
            assert programs[0].row_lower[ours].tolist() == other.row_lower[theirs].tolist()
            assert programs[0].row_upper[ours].tolist() == other.row_upper[theirs].tolist()


def problem_with(rows: Any) -> AllocationProblem:
    return AllocationProblem(
        [[1.0], [1.0]], [1.0], [3.0, 1.0], option_names=["a", "b"], extra_rows=rows
    )


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([[1.0, 1.0]], ParameterError, "extra_rows is a list, expected lm.Rows"),
        (Rows([1.0, 1.0], upper=1.0), ShapeError, r"has shape \(2,\)"),
        (Rows([[1.0]], upper=1.0), ShapeError, r"has shape \(1, 1\), expected \(n_rows, 2\)"),
        (Rows([{"c": 1.0}], upper=1.0), ParameterError, "names option 'c'"),
        (Rows([[0.0, 0.0]], upper=1.0), ParameterError, "extra row 0 has no coefficients"),
        (Rows([[1.0, 1.0]]), ParameterError, "extra row 0 has neither lower nor upper"),
        (Rows([[1.0, 1.0]], 2.0, 1.0), ParameterError, "extra row 0 has lower 2.0 and upper 1.0"),
        (Rows([[1.0, np.nan]], upper=1.0), ParameterError, "coefficient nan for option 'b'"),
        (Rows([[1.0, 1.0]], upper=np.nan), ParameterError, "upper of extra row 0 is nan"),
        (
            Rows([[1.0, 1.0]] * 2, upper=1.0, names=["r", "r"]),
            ParameterError,
            "extra row 'r' stands twice",
        ),
        (
            Rows([[1.0, 1.0]], upper={"q": 1.0}, names=["r"]),
            ParameterError,
            "upper of extra_rows names extra row 'q'",
        ),
    ],
)
def test_bad_rows_are_refused(rows: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        problem_with(rows)


def test_rows_are_part_of_the_problem() -> None:
    rows = Rows(sparse.csr_array([[1.0, -1.0]]), upper=0.0, names=["tie"])
    problem = problem_with(rows)
    assert problem == problem_with(rows)
    assert problem != problem_with(None)
    assert problem.replace(budget=[2.0]).extra_rows.names == ["tie"]
    assert problem.replace(extra_rows=None) == problem_with(None)
    assert "1 extra row" in str(problem)


@pytest.mark.parametrize("seed", range(examples(100)))
def test_rows_are_written_and_read_back(seed: int, tmp_path: Any) -> None:
    names = ["positions", "strings"][seed % 2]
    problem = drawn(seed, names=names)
    lm.write_problem(problem, tmp_path / "problem.toml")
    assert lm.read_problem(tmp_path / "problem.toml") == problem


def test_a_file_names_the_row_that_is_wrong(tmp_path: Any) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(
        "[resources]\ngpu = 3\n[options]\ncsv = '''\nagent,option,reward,gpu\na,a,1,1\n'''\n"
        "[rows.tie]\nat_most = 1\ncoefficient = { b = 1 }\n"
    )
    with pytest.raises(FileError, match="extra_rows names option 'b'"):
        lm.read_problem(path)


def test_a_file_names_an_unknown_key_of_a_row(tmp_path: Any) -> None:
    path = tmp_path / "problem.toml"
    path.write_text(
        "[resources]\ngpu = 3\n[options]\ntable = 'jobs.csv'\n"
        "[rows.tie]\nat_mots = 1\ncoefficient = { 0 = 1 }\n"
    )
    with pytest.raises(FileError, match=r"unknown key 'rows\.tie\.at_mots'; did you mean"):
        lm.read_problem(path)


def test_a_brought_decision_that_breaks_a_row_is_refuted() -> None:
    problem = problem_with(Rows([[1.0, -1.0]], upper=0.0))
    checked = lm.verify(BudgetOnly(problem), [1.0, 0.0])
    assert checked.verdict is Verdict.REFUTED
    assert checked.certificate.violations["extra_rows"] == pytest.approx(1.0)


@pytest.mark.parametrize("ending", [".mps", ".lp"])
def test_rows_reach_exported_files(tmp_path: Any, ending: str) -> None:
    import highspy

    problem = problem_with(Rows([{"a": 1.0, "b": -1.0}], upper=0.0, names=["tie"]))
    path = tmp_path / f"model{ending}"
    BudgetOnly(problem).export(path)
    solver = highspy.Highs()
    solver.silent()
    solver.readModel(str(path))
    solver.run()
    assert abs(solver.getObjectiveValue()) == pytest.approx(2.0)


def test_rows_stay_when_rewards_are_written() -> None:
    problem = problem_with(Rows([[1.0, -1.0]], upper=0.0))
    with BudgetOnly(problem).open() as session:
        assert session.solve().decision == pytest.approx([0.5, 0.5])
        session.write(reward=[1.0, 3.0])
        assert session.solve().decision == pytest.approx([0.0, 1.0])
        assert session.rebuilds == 0
