"""Solution files of five solvers and our own: verified allocations, and what is refused."""

import gzip
import json
import operator
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import librex_models as lm
from librex_models import AllocationProblem, BudgetOnly, MaxMin, Model, Proportional, Verdict
from librex_models.errors import FileError, NoAllocationError, UnsolvableError
from librex_models.report.json_report import json_report, json_text
from solvers import Limit, Status
from solvers.export import export
from tests.exported_models import FAMILIES
from tests.file_readers import read_with_scip
from tests.random_examples import examples
from tests.solution_writers import FRACTIONAL_ONLY, SIX_DIGITS, WITH_DUALS, WRITERS

REPOSITORY = Path(__file__).resolve().parent.parent

# Six digits: each value is off by up to 5e-6, and the budgets that are broken thereby take as much
# again; otherwise a solver's own tolerance of 1e-6, twice.
TOLERANCE = {True: 1.5e-5, False: 2e-6}


def model_of(integer: bool = False) -> BudgetOnly:
    """Return three jobs of which two fit; fractional, 3 / 2 a unit comes before 4 / 3 and 1."""
    return BudgetOnly(
        AllocationProblem(
            [[2.0], [3.0], [1.0]],
            {"gpu": 4.0},
            [3.0, 4.0, 1.0],
            integer=integer,
            option_names=["first", "a rather long name", "third"],
        )
    )


def written(model: Model, writer: str, folder: Path, kind: str = "mps") -> Path:
    """Return a solution file of a model."""
    path, solution = folder / f"model.{kind}", folder / "solution"
    model.export(path)
    WRITERS[writer](path, solution)
    return solution


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", ["mps", "lp"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(examples(100)))
def test_what_others_solved_is_worth_what_we_find(
    seed: int, family: str, kind: str, writer: str, tmp_path: Path
) -> None:
    model = FAMILIES[family](seed)
    is_whole = bool(model.problem.integer.any())
    if writer in FRACTIONAL_ONLY and is_whole:
        return
    wanted = model.solve()
    read = lm.read_solution(written(model, writer, tmp_path, kind), model)
    assert read.verdict in (Verdict.OPTIMAL, Verdict.FEASIBLE)
    tolerance = TOLERANCE[writer in SIX_DIGITS]
    assert read.equivalent == pytest.approx(wanted.equivalent, rel=tolerance, abs=1e-7)
    assert (read.allocated.sum(axis=0) <= model.problem.budget).all()
    if writer in WITH_DUALS and not is_whole:
        assert read.gap <= 2 * tolerance


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_duals_prove_a_fractional_optimum(writer: str, kind: str, tmp_path: Path) -> None:
    read = lm.read_solution(written(model_of(), writer, tmp_path, kind), model_of())
    assert read.decision == pytest.approx([1.0, 2 / 3, 0.0], abs=1e-6)
    if writer in WITH_DUALS or "interior" in writer:
        assert (read.verdict, read.certificate.bound_from) == (Verdict.OPTIMAL, "prices")
        # A unit more goes to the second job.
        assert read.price == pytest.approx([4 / 3], rel=1e-5)
    else:
        # Without prices: three jobs are worth no more than 3 + 4 + 1.
        assert (read.verdict, read.price) == (Verdict.FEASIBLE, None)
        assert read.bound == pytest.approx(8.0)


@pytest.mark.parametrize("writer", [one for one in WRITERS if one not in FRACTIONAL_ONLY])
def test_the_sense_of_the_file_is_ours(writer: str, tmp_path: Path) -> None:
    for kind in ("mps", "lp"):
        read = lm.read_solution(written(model_of(True), writer, tmp_path, kind), model_of(True))
        assert (read.verdict, read.objective) == (Verdict.FEASIBLE, 5.0)
        assert read.decision.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_an_objective_of_nothing_has_solutions(writer: str, kind: str, tmp_path: Path) -> None:
    # HiGHS leaves out the name of such an objective.
    model = BudgetOnly(AllocationProblem([[2.0], [3.0]], [4.0], [0.0, 0.0]))
    read = lm.read_solution(written(model, writer, tmp_path, kind), model)
    assert (read.verdict, read.objective) == (Verdict.OPTIMAL, 0.0)


STATUSES = {
    "HiGHS raw": (Status.OPTIMAL, None),
    "HiGHS pretty": (Status.OPTIMAL, None),
    "SCIP": (Status.FEASIBLE, Limit.OTHER),
    "Gurobi": (Status.FEASIBLE, Limit.OTHER),
    "Gurobi JSON": (Status.OPTIMAL, None),
    "GLPK for people": (Status.OPTIMAL, None),
    "GLPK for programs": (Status.OPTIMAL, None),
    "CBC": (Status.OPTIMAL, None),
}


@pytest.mark.parametrize("writer", STATUSES)
def test_a_file_claims_what_it_says_and_no_more(writer: str, tmp_path: Path) -> None:
    read = lm.read_solution(written(model_of(), writer, tmp_path), model_of())
    assert (read.status, read.limit) == STATUSES[writer]
    assert read.solver == writer.split()[0].lower()
    assert len(read.attempts) == 1


@pytest.mark.parametrize("writer", ["HiGHS raw", "GLPK for people", "Gurobi JSON", "CBC with all"])
def test_compressed_files_are_read(writer: str, tmp_path: Path) -> None:
    solution = written(model_of(), writer, tmp_path)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(solution.read_bytes()))
    assert lm.read_solution(packed, model_of()) == lm.read_solution(solution, model_of())


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    for writer in WRITERS:
        solution = written(model_of(), writer, tmp_path)
        other = tmp_path / "other"
        other.write_bytes(solution.read_bytes().replace(b"\n", b"\r\n"))
        assert lm.read_solution(other, model_of()) == lm.read_solution(solution, model_of())


# NL files, which SCIP reads: with the names of MPS files, but maximised.


def test_a_linear_model_from_an_nl_file_is_maximised(tmp_path: Path) -> None:
    export(model_of().to_program(), tmp_path / "model.nl")
    WRITERS["SCIP"](tmp_path / "model.nl", tmp_path / "solution")
    assert read_with_scip(tmp_path / "model.nl").objective == pytest.approx(3 + 8 / 3)
    read = lm.read_solution(tmp_path / "solution", model_of())
    assert read.verdict is Verdict.FEASIBLE
    assert read.objective == pytest.approx(3 + 8 / 3)


def test_curved_welfare_from_an_nl_file_is_compared(tmp_path: Path) -> None:
    model = Proportional(model_of().problem)
    export(model.to_program(), tmp_path / "model.nl")
    solution = tmp_path / "solution"
    WRITERS["SCIP"](tmp_path / "model.nl", solution)
    read = lm.read_solution(solution, model)
    assert read.verdict is Verdict.FEASIBLE
    assert read.objective == pytest.approx(model.solve(solver="scip").objective, abs=1e-5)
    text = solution.read_text()
    (claimed,) = re.findall("objective value: +(.*)", text)
    solution.write_text(text.replace(claimed, str(float(claimed) + 1e-3), 1))
    assert lm.read_solution(solution, model).verdict is Verdict.REFUTED


# Our own results.


@pytest.mark.parametrize("family", FAMILIES)
def test_our_own_results_are_read(family: str, tmp_path: Path) -> None:
    for seed in range(examples(500)):
        model = FAMILIES[family](seed)
        solved = model.solve()
        path = tmp_path / "result"
        path.write_text(json_text(json_report(solved)))
        read = lm.read_solution(path, model)
        assert read.verdict in (Verdict.OPTIMAL, Verdict.FEASIBLE)
        assert (read.status, read.limit, read.solver) == (
            solved.status,
            solved.limit,
            solved.solver,
        )
        assert np.array_equal(read.decision, solved.decision)
        if family == "budget only" and solved.certificate.bound_from == "prices":
            assert read.verdict is Verdict.OPTIMAL


def changed_result(tmp_path: Path, **changes: object) -> Path:
    content = json_report(model_of().solve()) | changes
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content, indent=1))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": 5.7}, "claims the value 5.7"),
        ({"equivalent": 5.6}, "claims the value 5.6"),
        (
            {"decision": {"first": 1.0, "a rather long name": 0.7, "third": 0.0}},
            "breaks the rules of the problem: budget by 0.025",
        ),
        (
            {"decision": {"first": 1.1, "a rather long name": 0.0, "third": 0.0}},
            "breaks the rules of the problem: bounds by",
        ),
        ({"decision": {"first": -0.1, "a rather long name": 0.0, "third": 0.0}}, "bounds by 0.1"),
        ({"decision": {"first": 0.0, "a rather long name": 0.0, "third": 0.0}}, "worth 0"),
    ],
)
def test_a_changed_result_is_refuted(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    read = lm.read_solution(changed_result(tmp_path, **changes), model_of())
    assert read.verdict is Verdict.REFUTED
    assert words in read.certificate.sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "max_min"}, "line 2: the result has model 'max_min', and the model 'budget_on"),
        ({"status": "GREAT"}, "the status 'GREAT' is not known"),
        ({"status": []}, "the status '[]' is not known"),
        ({"status": "INFEASIBLE"}, "INFEASIBLE and a decision do not go together"),
        ({"decision": None}, "OPTIMAL and a decision do not go together: there is none"),
        ({"limit": "TIME"}, "status OPTIMAL and limit TIME do not go together"),
        ({"decision": {"first": 1.0}}, "no value for decision 'a rather long name'"),
        ({"decision": {"fifth": 1.0}}, "the problem has no option 'fifth'"),
        ({"decision": {"first": True}}, "the decision of 'first' is 'True', expected a finite"),
        ({"decision": [1.0]}, "decision is '[1.0]', expected an object"),
        ({"objective": float("nan")}, "'NaN' is no finite number"),
    ],
)
def test_a_result_that_makes_no_sense_is_refused(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    path = changed_result(tmp_path, **changes)
    with pytest.raises(FileError, match=re.escape(words)) as caught:
        lm.read_solution(path, model_of())
    assert str(path) in str(caught.value)


def test_the_line_of_an_unknown_option_is_that_of_the_decision(tmp_path: Path) -> None:
    decision = {"first": 1.0, "a rather long name": 0.0, "third": 0.0, "gpu": 1.0}
    path = changed_result(tmp_path, decision=decision)
    line = path.read_text().split('"decision"')[0].count("\n") + 5
    with pytest.raises(FileError, match=f"line {line}: the problem has no option 'gpu'"):
        lm.read_solution(path, model_of())


# Files that somebody changed.


def changed_number(text: str, name: str, change: Callable[[float], float]) -> str:
    """Return the text with the first number behind a name changed."""
    place = text.index(name) + len(name)
    number = re.compile(r"-?[0-9][0-9.e+-]*").search(text, place)
    assert number is not None
    new = f"{change(float(number[0])):.10g}"
    # The places of columns in a table stay where they are.
    width = len(number[0])
    return text[: number.start()] + new[:width].ljust(width) + text[number.end() :]


PLACES = {
    "HiGHS raw": ("x[a_rather_long_name]", "Objective"),
    "HiGHS raw without zeros": ("x[a_rather_long_name]", "Objective"),
    "HiGHS as GLPK for programs": ("\nj 2 b", "s bas 2 3 f f"),
    "SCIP": ("x[a_rather_long_name]", "objective value:"),
    "Gurobi": ("x[a_rather_long_name]", "Objective value ="),
    "Gurobi JSON": ('x[a_rather_long_name]", "X":', '"ObjVal":'),
    "GLPK for people": ("x[a_rather_long_name]\n                    B ", "minus_welfare ="),
    "GLPK for programs": ("\nj 2 b", "s bas 1 3 f f"),
    "CBC": ("x[a_rather_long_name]", "objective value"),
    "CBC with all": ("x[a_rather_long_name]", "objective value"),
}


@pytest.mark.parametrize("writer", PLACES)
def test_a_raised_value_breaks_a_budget_and_is_refuted(writer: str, tmp_path: Path) -> None:
    solution = written(model_of(), writer, tmp_path)
    name, _ = PLACES[writer]
    # Three units each: 4e-5 units, a share of 1e-5 of the budget.
    solution.write_text(changed_number(solution.read_text(), name, lambda value: value + 1.4e-5))
    read = lm.read_solution(solution, model_of())
    assert read.verdict is Verdict.REFUTED
    assert "budget by 1" in read.certificate.sentence
    assert read.certificate.violations["budget"] == pytest.approx(1e-5, rel=0.2)


@pytest.mark.parametrize("writer", PLACES)
def test_a_lowered_value_is_not_worth_the_objective(writer: str, tmp_path: Path) -> None:
    solution = written(model_of(), writer, tmp_path)
    name, _ = PLACES[writer]
    solution.write_text(changed_number(solution.read_text(), name, lambda value: value - 2e-5))
    read = lm.read_solution(solution, model_of())
    assert read.verdict is Verdict.REFUTED
    assert re.search(r"claims the value 5\.6666.*is worth 5\.6665", read.certificate.sentence)


@pytest.mark.parametrize("writer", PLACES)
@pytest.mark.parametrize("factor", [1.00002, -1.0])
def test_a_changed_objective_is_refuted(writer: str, factor: float, tmp_path: Path) -> None:
    solution = written(model_of(), writer, tmp_path)
    _, name = PLACES[writer]
    text = solution.read_text()
    solution.write_text(changed_number(text, name, lambda value: value * factor))
    read = lm.read_solution(solution, model_of())
    assert read.verdict is Verdict.REFUTED
    assert "claims the value" in read.certificate.sentence


def test_duals_that_somebody_changed_prove_less_and_never_more(tmp_path: Path) -> None:
    solution = written(model_of(), "HiGHS raw", tmp_path)
    text = solution.read_text()
    head, duals = text.split("# Dual solution values")
    for factor in (-1.0, 0.0, 0.5, 0.9, 1.1, 10.0):
        changed = changed_number(duals, "budget_limit[gpu]", partial(operator.mul, factor))
        solution.write_text(f"{head}# Dual solution values{changed}")
        read = lm.read_solution(solution, model_of())
        assert read.verdict is Verdict.FEASIBLE
        assert read.bound >= 3 + 8 / 3


def test_a_bound_below_the_value_is_refuted(tmp_path: Path) -> None:
    solution = written(model_of(True), "Gurobi JSON", tmp_path)
    text = solution.read_text()
    solution.write_text(changed_number(text, '"ObjBound":', lambda _: -4.0))
    # One digit longer than what was there would be another number.
    assert '"ObjBound": -4' in solution.read_text()
    read = lm.read_solution(solution, model_of(True))
    assert "bound 4 is below the verified value 5" in read.certificate.sentence


# Whole decisions and hard budgets.


def scip_file(folder: Path, values: dict[str, float], objective: float) -> Path:
    lines = [f"objective value: {objective!r}"]
    lines += [f"x[{name}] {value!r} \t(obj:-1)" for name, value in values.items()]
    path = folder / "solution"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_whole_decisions_within_a_millionth_are_rounded(tmp_path: Path) -> None:
    values = {"a_rather_long_name": 1 - 9e-7, "third": 1 + 9e-7}
    read = lm.read_solution(scip_file(tmp_path, values, -5.0), model_of(True))
    assert read.verdict is Verdict.FEASIBLE
    assert read.decision.tolist() == [0.0, 1.0, 1.0]


def test_other_whole_decisions_are_refuted(tmp_path: Path) -> None:
    values = {"a_rather_long_name": 1 - 2e-6}
    read = lm.read_solution(scip_file(tmp_path, values, -4.0), model_of(True))
    assert read.verdict is Verdict.REFUTED
    assert "wholeness by 2e-06" in read.certificate.sentence


def test_whole_decisions_above_a_budget_by_a_rounding_error_are_refuted(tmp_path: Path) -> None:
    model = BudgetOnly(
        AllocationProblem([[0.1], [0.2]], [0.3], [1.0, 1.0], integer=True, option_names=["a", "b"])
    )
    read = lm.read_solution(scip_file(tmp_path, {"a": 1.0, "b": 1.0}, -2.0), model)
    assert read.verdict is Verdict.REFUTED
    assert "budget by" in read.certificate.sentence


def test_fractional_decisions_above_a_budget_by_a_tolerance_are_taken_back(
    tmp_path: Path,
) -> None:
    values = {"first": 1.0, "a_rather_long_name": 2 / 3 + 1e-7}
    read = lm.read_solution(scip_file(tmp_path, values, -(3 + 8 / 3)), model_of())
    assert read.verdict is Verdict.FEASIBLE
    assert read.used[0] <= 4.0


# No allocation.

CROWDED = BudgetOnly(
    AllocationProblem([[2.0], [3.0]], [4.0], [3.0, 1.0], agent_minimum=1.0, integer=True)
)
TOO_LOW = BudgetOnly(AllocationProblem([[2.0], [3.0]], [4.0], [3.0, 1.0], lower=0.9))


@pytest.mark.parametrize("writer", sorted(WRITERS.keys() - FRACTIONAL_ONLY - {"Gurobi"}))
def test_no_solution_is_no_allocation(writer: str, tmp_path: Path) -> None:
    read = lm.read_solution(written(CROWDED, writer, tmp_path), CROWDED)
    nothing = (Status.NO_SOLUTION_FOUND, Limit.OTHER)
    claims = nothing if writer == "SCIP" else (Status.INFEASIBLE, None)
    assert (read.status, read.limit, read.verdict) == (*claims, Verdict.UNDECIDED)
    with pytest.raises(NoAllocationError):
        read.decision  # noqa: B018


@pytest.mark.parametrize("writer", ["HiGHS raw", "HiGHS pretty", "CBC", "Gurobi JSON"])
def test_what_arithmetic_can_prove_infeasible_is_proven(writer: str, tmp_path: Path) -> None:
    read = lm.read_solution(written(TOO_LOW, writer, tmp_path), TOO_LOW)
    assert (read.status, read.verdict) == (Status.INFEASIBLE, Verdict.INFEASIBLE)
    assert "lower bounds alone exceed" in read.certificate.sentence


@pytest.mark.parametrize(
    ("text", "status", "limit"),
    [
        ("Stopped on time - objective value -3.00000000\n 0 x[first] 1 -3\n", "FEASIBLE", "TIME"),
        (
            "Stopped on time (no integer solution - continuous used) - objective value -5.66\n"
            " 0 x[first] 0.5 -3\n",
            "NO_SOLUTION_FOUND",
            "TIME",
        ),
        (
            "solution status: time limit reached\nno solution available\n",
            *("NO_SOLUTION_FOUND", "TIME"),
        ),
        (
            "solution status: node limit reached\nobjective value: -3\nx[first] 1 (obj:-3)\n",
            "FEASIBLE",
            "NODES",
        ),
        ("solution status: infeasible\nno solution available\n", "INFEASIBLE", None),
        ('{"SolutionInfo": {"Status": 9}}', "NO_SOLUTION_FOUND", "TIME"),
        (
            '{"SolutionInfo": {"Status": 9, "ObjVal": -3}, '
            '"Vars": [{"VarName": "x[first]", "X": 1}]}',
            "FEASIBLE",
            "TIME",
        ),
        ("s mip 1 3 f -3\ni 1 2\nj 1 1\nj 2 0\nj 3 0\ne o f\n", "FEASIBLE", "OTHER"),
        ("s mip 1 3 u 0\ni 1 0\nj 1 0\nj 2 0\nj 3 0\ne o f\n", "NO_SOLUTION_FOUND", "OTHER"),
    ],
)
def test_limits_are_read(text: str, status: str, limit: str | None, tmp_path: Path) -> None:
    path = tmp_path / "solution"
    path.write_text(text)
    read = lm.read_solution(path, model_of(True))
    assert read.status is Status[status]
    assert read.limit is (None if limit is None else Limit[limit])
    assert read.verdict in (Verdict.FEASIBLE, Verdict.UNDECIDED)


# Files that cannot be read.


@pytest.mark.parametrize("writer", WRITERS)
def test_a_truncated_file_is_refused_or_says_the_same_or_is_refuted(
    writer: str, tmp_path: Path
) -> None:
    solution = written(model_of(), writer, tmp_path)
    content = solution.read_bytes()
    whole = lm.read_solution(solution, model_of())
    cut, messages = tmp_path / "cut", list[str]()
    for size in range(len(content)):
        cut.write_bytes(content[:size])
        try:
            read = lm.read_solution(cut, model_of())
        except FileError as error:
            messages.append(str(error))
            continue
        if read.verdict is not Verdict.REFUTED:
            assert np.array_equal(read.decision, whole.decision)
    assert [one for one in messages if not re.search(r"cut, line \d+: ", one)] == []


@pytest.mark.parametrize("writer", WRITERS)
def test_a_truncated_compressed_file_is_refused(writer: str, tmp_path: Path) -> None:
    solution = written(model_of(), writer, tmp_path)
    content = gzip.compress(solution.read_bytes())
    for size in range(2, len(content), 7):
        solution.write_bytes(content[:size])
        with pytest.raises(FileError, match="cannot be decompressed"):
            lm.read_solution(solution, model_of())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1: the file is empty"),
        (b"\n \n", "line 1: the file is empty"),
        (b"objective value: 1\nx[first] \x00 1\n", "line 2: not a text: it holds byte 0x00"),
        (b"objective value: 1\n\xff\xfe\n", "line 2: not UTF-8 (byte 0xff)"),
        (b"NAME librex FREE\nROWS\n", "line 1: 'NAME librex FREE' begins no solution file of"),
        (b"{", "line 1: not JSON"),
        (b'{"a": 1}', "line 1: the object is no solution of Gurobi"),
        (b'{"SolutionInfo": []}', "SolutionInfo is '[]', expected an object"),
        (b'{"SolutionInfo": {"Status": 99}}', "the status '99.0' is not known"),
        (b'{"SolutionInfo": {"Status": []}}', "the status '[]' is not known"),
        (b"[" * 100000, "begins no solution file"),
        (b'{"a":' * 100000, "nested too deep"),
        (b"objective value: nan\n", "line 1: the objective is 'nan', expected a finite number"),
        (b"objective value: -3\nx[first] one\n", "line 2: the value of 'x[first]' is 'one'"),
        (b"objective value: -3\nx[first] inf\n", "line 2: the value of 'x[first]' is 'inf'"),
        (b"objective value: -3\nx[first] 1e999\n", "line 2: the value of 'x[first]' is '1e999'"),
        (b"objective value: -3\nx[first] 1\n\nx[first] 1\n", "line 3: expected a column"),
        (b"objective value: -3\nx[first] 1\nx[first] 1\n", "line 3: 'x[first]' stands in line 2"),
        (b"objective value: -3\nx[first] 1\nx[other] 1\n", "line 3: the model has no column 'x[o"),
        (b"objective value: -3\nx(first) 1\nx[first] 1\n", "the model has no column 'x"),
        (b"objective value: -3\nfirst 1\n", "line 2: the model has no column 'first'"),
        (b"# Objective value = -3\nx[first] 1\n", "no value for column 'x[a_rather_long_name]'"),
        (b"Great - objective value 3\n", "line 1: the status 'Great' is not known"),
        (b"Optimal - objective value 3\nx 1\n", "line 2: expected a number, a name"),
        (b"s bas 1 4 f f -3\n", "line 1: the file ends where 'i 1'"),
        (b"s mip 1 9 o -3\ni 1 2\n" + b"".join(b"j %d 0\n" % k for k in range(1, 10)) + b"e o f\n",
         "line 3: there are 9 columns, and this model's file has 3"),
        (b"s mip 1 3 o -3\ni 1 2\nj 2 0\n", "line 3: expected 'j 1', found 'j 2'"),
        (b"s bas 1 3 o -3\n", "line 1: expected 's bas ROWS"),
        (b"4 2 : Number of columns and rows for primal or dual solution or basis\n",
         "the old style of HiGHS has no names"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_line(
    content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "solution.sol"
    path.write_bytes(content)
    with pytest.raises(FileError, match=re.escape(words)) as caught:
        lm.read_solution(path, model_of(True))
    assert "solution.sol, line " in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.sol: cannot be read: No such file"):
        lm.read_solution(tmp_path / "none.sol", model_of())


@pytest.mark.parametrize("writer", WRITERS)
def test_the_solution_of_another_model_is_refused(writer: str, tmp_path: Path) -> None:
    other = model_of().problem.replace(option_names=["first", "second", "third"])
    if "programs" in writer:
        # Without names, only the number of columns says so.
        other = AllocationProblem([[2.0], [3.0]], {"gpu": 4.0}, [3.0, 4.0])
    solution = written(model_of(), writer, tmp_path)
    with pytest.raises(FileError, match=r"solution, line \d+: .*another one"):
        lm.read_solution(solution, BudgetOnly(other))


def test_all_levels_of_max_min_are_no_model_of_a_file(tmp_path: Path) -> None:
    solution = written(model_of(), "SCIP", tmp_path)
    with pytest.raises(UnsolvableError, match="lexicographic=False"):
        lm.read_solution(solution, MaxMin(model_of().problem))


def all_levels() -> MaxMin:
    """Return two groups, of which the second can have more once the first has all it asks for."""
    return MaxMin(AllocationProblem([[1.0], [1.0]], [3.0], [1.0, 1.0], upper=[1.0, 4.0]))


def test_all_levels_of_our_own_result_are_feasible(tmp_path: Path) -> None:
    model = all_levels()
    solution = tmp_path / "result.json"
    solution.write_text(json_text(json_report(model.solve())))
    read = lm.read_solution(solution, model)
    assert read.verdict is Verdict.FEASIBLE
    assert read.levels == pytest.approx((1.0, 2.0))


def test_a_decision_that_is_best_at_the_lowest_level_is_not_called_optimal() -> None:
    read = lm.verify(all_levels(), [1.0, 1.0])
    # (1, 2) is better: by hand.
    assert (read.verdict, read.levels) == (Verdict.FEASIBLE, (1.0, 1.0))
    assert lm.verify(all_levels(), [1.0, 2.5]).verdict is Verdict.REFUTED


# Without a solver.


def test_no_solver_is_loaded(tmp_path: Path) -> None:
    # By all ways: fractional with duals, whole, curved, and without a decision.
    written(model_of(), "HiGHS raw", tmp_path)
    code = """
import sys
import librex_models as lm
problem = lm.AllocationProblem(
    [[2.0], [3.0], [1.0]], {"gpu": 4.0}, [3.0, 4.0, 1.0],
    option_names=["first", "a rather long name", "third"],
)
print(lm.read_solution(sys.argv[1], lm.BudgetOnly(problem)).verdict.name)
for model in (lm.BudgetOnly(problem), lm.Proportional(problem), lm.AlphaFair(problem, 0.5)):
    print(lm.verify(model, [1, 0.3, 0.2]).verdict.name)
whole = problem.replace(integer=True)
print(lm.verify(lm.BudgetOnly(whole), [0, 1, 1]).verdict.name)
print(lm.verify(lm.AlphaFair(whole, 0.5), [1, 1, 1]).verdict.name)
heavy = {"highspy", "pyscipopt", "gurobipy", "cvxpy", "pyomo", "clarabel", "scs", "osqp"}
print(sorted(heavy.intersection(sys.modules)), "scipy.optimize" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "solution")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.stderr == ""
    verdicts = ["OPTIMAL", *["FEASIBLE"] * 4, "REFUTED"]
    assert done.stdout.split("\n")[:-1] == [*verdicts, "[] False"]


# The allocations that anybody produced.


def test_a_decision_of_anybody_is_verified() -> None:
    found = lm.verify(model_of(), {"first": 1.0, "third": 1.0, "a rather long name": 1 / 3})
    assert (found.verdict, found.status, found.solver) == (
        Verdict.FEASIBLE,
        Status.FEASIBLE,
        "the caller",
    )
    assert found.objective == pytest.approx(3 + 1 + 4 / 3)
    assert lm.verify(model_of(), [1.0, 1.0, 1.0]).verdict is Verdict.REFUTED


def test_a_decision_that_gives_everybody_everything_is_optimal() -> None:
    model = BudgetOnly(model_of().problem.replace(budget=[6.0]))
    assert lm.verify(model, [1.0, 1.0, 1.0]).verdict is Verdict.OPTIMAL
    assert lm.verify(Proportional(model.problem), [1.0, 1.0, 1.0]).verdict is Verdict.OPTIMAL


def test_what_is_no_decision_is_refused() -> None:
    with pytest.raises(lm.errors.ShapeError, match="decision"):
        lm.verify(model_of(), [1.0, 1.0])
    with pytest.raises(lm.errors.ParameterError, match="decision"):
        lm.verify(model_of(), {"first": 1.0, "third": 1.0})
    with pytest.raises(lm.errors.ParameterError, match="option 'third' is nan, expected a finite"):
        lm.verify(model_of(), [1.0, 1.0, np.nan])


@pytest.mark.parametrize("size", [1e9, 1e19, -1e19])
def test_absurd_decisions_are_refuted(size: float) -> None:
    for model in (
        model_of(),
        Proportional(model_of().problem),
        lm.AlphaFair(model_of().problem, 5),
    ):
        found = lm.verify(model, [size, 0.0, 0.0])
        assert found.verdict is Verdict.REFUTED
        assert json_text(json_report(found))
