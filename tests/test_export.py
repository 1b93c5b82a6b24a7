"""Files of Programs: what five readers make of them, names, numbers, and writes that fail."""

import itertools
import json
import re
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import highspy
import numpy as np
import pytest
from scipy import sparse

from librex_models import AllocationProblem, AlphaFair, BudgetOnly, MaxMin
from librex_models.errors import FileError, UnsolvableError
from solvers import find_adapter
from solvers.errors import CapabilityError, ProgramError
from solvers.export import export, sidecar_of
from solvers.file_names import names_in_file
from solvers.options import SolveOptions
from solvers.outcome import Outcome, Status
from solvers.program import Block, Program
from tests.file_readers import READERS, read_with_scip
from tests.random_examples import examples
from tests.random_problems import random_problem

HOSTILE: list[Hashable] = [
    "a b", "a_b", "a  b", "a+b", "x[1]", "x(1)", "]", "[", "'", '"', "a\\b", "a\nb", "\t", " ", "",
    "Größe", "日本", "\U0001f600", "3", 3, "3.0", 3.0, "-7", -7, "e1", "E5", "inf", "Infinity",
    "-inf", "nan", "free", "End", "Bounds", "st", "<=", ">=", "=", ":", "a:b", "2 x", "*", "$",
    "\\", "/", "minus_welfare", "welfare", "constant", "~lower", "x" * 300, "x" * 299 + "y",
    "x" * 249, "x" * 87, "x" * 88, "x" * 89, "RHS", "MARKER", "'MARKER'", "RNG", ("a", 1), ("a", 2),
    None, True, "x_2", "a_b_2", "a_b_3",
]  # fmt: skip


def hostile(program: Program, generator: np.random.Generator) -> Program:
    """Return the Program with other labels."""

    def renamed(block: Block) -> Block:
        if block.labels is None:
            return block
        chosen = generator.choice(len(HOSTILE), block.size, replace=False)
        return replace(block, labels=[HOSTILE[place] for place in chosen])

    return replace(
        program,
        row_blocks=tuple(map(renamed, program.row_blocks)),
        column_blocks=tuple(map(renamed, program.column_blocks)),
    )


def random_program(seed: int) -> Program:
    """Return a BudgetOnly or MaxMin Program with hostile names, maximised or minimised."""
    generator = np.random.default_rng([seed, 3])
    problem = random_problem(generator, names="strings", fairness=bool(seed % 2))
    model = MaxMin(problem, lexicographic=False) if seed % 2 else BudgetOnly(problem)
    program = hostile(model.to_program(), generator)
    # CBC prints eight decimals: with a large objective these are enough.
    scale = 1e6 * generator.choice([-1.0, 1.0])
    return replace(
        program,
        objective=program.objective * scale,
        objective_constant=float(generator.choice([0.0, 1e5 + 1 / 3])),
        maximise=bool(scale > 0.0),
        row_lower=np.where(
            np.isinf(program.row_lower) & (generator.uniform(size=program.n_rows) < 0.3),
            -generator.uniform(size=program.n_rows),
            program.row_lower,
        ),
    )


def solved(program: Program) -> Outcome:
    session = find_adapter("highs").open(program)
    try:
        return session.solve(SolveOptions(relative_gap=0.0))
    finally:
        session.close()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["mps", "lp"])
@pytest.mark.parametrize("seed", range(examples(300)))
def test_every_reader_finds_the_same_optimum(
    seed: int, kind: str, reader: str, tmp_path: Path
) -> None:
    program = random_program(seed)
    path = tmp_path / f"program.{kind}"
    names = export(program, path)
    outcome = solved(program)
    reading = READERS[reader](path)
    if outcome.status is not Status.OPTIMAL:
        assert outcome.status is Status.INFEASIBLE
        assert reading.objective is None
        return
    assert reading.objective is not None
    objective = reading.objective
    if kind == "mps" and program.maximise:
        objective = -objective
    size = 1.0 + np.abs(program.objective).sum()
    assert objective == pytest.approx(outcome.objective, rel=1e-9, abs=1e-9 * size)
    seen = [name for name in reading.columns if name != "constant"]
    assert seen == names.columns if reader != "SCIP" else sorted(seen) == sorted(names.columns)
    # The values, under the names that lead back to the columns, give that optimum.
    values = np.array([reading.columns[name] for name in names.columns])
    reached = float(program.objective @ values) + program.objective_constant
    digits = 1e-7 if reader == "CBC" else 1e-9
    assert reached == pytest.approx(outcome.objective, rel=digits, abs=digits * size)


def one_row(labels: list[Hashable], row: str = "row", column: str = "x") -> Program:
    """Return the largest sum of columns in [0, 1] that is at most 1."""
    size = len(labels)
    return Program(
        objective=np.ones(size),
        matrix=sparse.csc_array(np.ones((1, size))),
        row_lower=np.array([-np.inf]),
        row_upper=np.ones(1),
        column_lower=np.zeros(size),
        column_upper=np.ones(size),
        integer=np.zeros(size, dtype=np.bool_),
        row_blocks=(Block(name=row),),
        column_blocks=(Block(name=column, labels=labels),),
    )


def highs_lp(path: Path) -> highspy.HighsLp:
    native = highspy.Highs()
    native.setOptionValue("output_flag", False)
    native.setOptionValue("small_matrix_value", 1e-12)
    assert native.readModel(str(path)) == highspy.HighsStatus.kOk
    return native.getLp()


@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_readable_labels_stay_readable(kind: str, tmp_path: Path) -> None:
    names = export(one_row(["job_17", "Job.18", 19]), tmp_path / f"program.{kind}")
    wanted = ["x[job_17]", "x[Job.18]", "x[19]"]
    if kind == "lp":
        wanted = [name.replace("[", "(").replace("]", ")") for name in wanted]
    assert names.columns == wanted
    assert names.changed == {"columns": {}, "rows": {}}


@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_hostile_labels_are_legal_unique_short_and_lead_back(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"program.{kind}"
    names = export(one_row(HOSTILE), path)
    assert len(set(names.columns)) == len(HOSTILE)
    assert all(len(name) <= 255 for name in names.columns)
    assert all(re.fullmatch(r"x[\[(][A-Za-z0-9_.]*[\])]", name) for name in names.columns)
    changed = json.loads(sidecar_of(path).read_text())["columns"]
    plain = [name.replace("(", "[").replace(")", "]") for name in names.columns]
    back = [changed.get(name, full) for name, full in zip(names.columns, plain, strict=True)]
    assert back == [f"x[{label}]" for label in HOSTILE]


@pytest.mark.parametrize("name", ["e1", "E5x", "3rd", ".5", "inf", "Infinity", "free", "End", "st"])
@pytest.mark.parametrize("reader", READERS)
def test_blocks_named_like_numbers_and_words(name: str, reader: str, tmp_path: Path) -> None:
    path = tmp_path / "program.lp"
    labelled = one_row(["a"], row=name)
    program = replace(labelled, column_blocks=(Block(name=name),))
    names = export(program, path)
    assert READERS[reader](path).columns == {names.columns[0]: 1.0}
    assert json.loads(sidecar_of(path).read_text())["columns"] == {names.columns[0]: name}


@pytest.mark.parametrize("kind", ["mps", "mps.gz", "lp"])
def test_every_number_reads_back_to_the_same_double(kind: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    size = 400
    numbers = generator.uniform(-1, 1, (4, size)) * 10.0 ** generator.integers(-8, 9, (4, size))
    numbers[0, :3] = 1 / 3, 0.1 + 0.2, np.nextafter(1.0, 2.0)
    program = replace(
        one_row(list(range(size))),
        objective=numbers[0],
        matrix=sparse.csc_array(numbers[1:2]),
        row_lower=np.array([-0.1 - 0.2]),
        row_upper=np.array([1e9 / 3]),
        column_lower=np.minimum(numbers[2], numbers[3]),
        column_upper=np.maximum(numbers[2], numbers[3]),
    )
    path = tmp_path / f"program.{kind}"
    export(program, path)
    read = highs_lp(path)
    sign = 1.0 if kind == "lp" else -1.0
    assert np.array_equal(read.col_cost_, sign * program.objective)
    assert np.array_equal(read.col_lower_, program.column_lower)
    assert np.array_equal(read.col_upper_, program.column_upper)
    values = sparse.csc_array(
        (read.a_matrix_.value_, read.a_matrix_.index_, read.a_matrix_.start_), shape=(2, size)
    )
    assert np.array_equal(values.toarray(), np.vstack([numbers[1], numbers[1]]))
    assert (read.row_upper_[0], read.row_lower_[1]) == (1e9 / 3, -0.1 - 0.2)


def test_numbers_have_the_fewest_digits(tmp_path: Path) -> None:
    program = replace(one_row(["a"]), objective=np.array([0.1]), row_upper=np.array([1e22]))
    export(program, tmp_path / "program.lp")
    text = (tmp_path / "program.lp").read_text()
    assert "+ 0.1 x(a)" in text
    assert "<= 1e+22" in text


def test_columns_and_rows_are_in_the_order_of_the_program(tmp_path: Path) -> None:
    program = random_program(8)
    export(program, tmp_path / "program.mps")
    read = highs_lp(tmp_path / "program.mps")
    names = names_in_file(program, "mps")
    places = [names.rows.index(name.removesuffix("~lower")) for name in read.row_names_]
    assert places == sorted(places)
    assert [name for name in read.col_names_ if name != "constant"] == names.columns


def test_a_row_without_sides_is_left_out(tmp_path: Path) -> None:
    program = replace(one_row(["a", "b"]), row_upper=np.array([np.inf]))
    for kind, wanted in {"mps": ["x[a]", "x[b]"], "lp": ["x(a)", "x(b)"]}.items():
        path = tmp_path / f"program.{kind}"
        export(program, path)
        assert list(highs_lp(path).row_names_) in ([], ["nothing"])
        for read in READERS.values():
            assert read(path).columns == dict.fromkeys(wanted, 1.0)


@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_whole_columns_have_whole_bounds(kind: str, tmp_path: Path) -> None:
    program = replace(
        one_row(["a", "b", "c"]),
        column_lower=np.array([-0.5, 0.5, 1.0 - 1e-9]),
        column_upper=np.array([2.5, 2.5, 2.0 + 1e-9]),
        integer=np.array([True, False, True]),
    )
    path = tmp_path / f"program.{kind}"
    export(program, path)
    read = highs_lp(path)
    assert (list(read.col_lower_), list(read.col_upper_)) == ([0.0, 0.5, 1.0], [2.0, 2.5, 2.0])


def test_the_sidecar_of_another_model_does_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "program.mps"
    export(one_row(["a b"]), path)
    assert sidecar_of(path).exists()
    export(one_row(["a"]), path)
    assert not sidecar_of(path).exists()


def test_the_same_program_is_the_same_file(tmp_path: Path) -> None:
    paths = [tmp_path / "first.mps.gz", tmp_path / "second.mps.gz"]
    for path in paths:
        export(random_program(4), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("name", ["program", "program.txt", "program.gz", "program.lp.gz", "mps"])
def test_an_unknown_kind_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match=re.escape(name)):
        export(one_row(["a"]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_contradicts_itself_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "program.mps"
    path.write_text("as it was")
    with pytest.raises(ProgramError, match="objective"):
        export(replace(one_row(["a"]), objective=np.array([np.nan])), path)
    assert path.read_text() == "as it was"


ODD_LABELS = ["job 1", "job_1", "Größe", "e1"]


def odd_problem(*, integer: bool) -> AllocationProblem:
    return AllocationProblem(
        [[2.0], [1.0], [3.0], [2.0]],
        {"gpu hours": 4.0},
        [3.0, 1.0, 4.0, 2.5],
        integer=integer,
        option_names=ODD_LABELS,
    )


def value_of_file(path: Path) -> float:
    objective = read_with_scip(path).objective
    assert objective is not None
    return objective if path.suffix == ".lp" else -objective


@pytest.mark.parametrize("kind", ["mps", "mps.gz", "lp"])
@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
def test_a_model_in_a_file_has_the_optimum_of_the_model(
    kind: str, integer: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"model.{kind}"
    written = BudgetOnly(odd_problem(integer=integer)).export(path)
    # By hand: 3 / 2, 4 / 3, 2.5 / 2 and 1 a unit; whole, 3 and 1 units or twice 2.
    assert value_of_file(path) == pytest.approx(5.5 if integer else 3 + 2 * 4 / 3, rel=1e-9)
    assert (written.path, written.sidecar) == (path, sidecar_of(path))


def test_whole_single_choices_are_exported_for_any_alpha(tmp_path: Path) -> None:
    # Each agent has one option and a history, so that leaving anybody out is possible.
    problem = odd_problem(integer=True).replace(agent_history=[1.0, 1.0, 0.1, 2.0])
    model = AlphaFair(problem, alpha=2.0)
    path = tmp_path / "model.lp"
    model.export(path)
    chosen = read_with_scip(path).columns
    decision = [chosen[f"x({name})"] for name in ("job_1", "job_1_2", "Gr__e", "e1")]
    subsets = [np.array(one) for one in itertools.product([0, 1], repeat=4)]
    reward, history = np.array([3.0, 1.0, 4.0, 2.5]), np.array([1.0, 1.0, 0.1, 2.0])
    fitting = [one for one in subsets if one @ np.array([2.0, 1.0, 3.0, 2.0]) <= 4.0]
    best = max(fitting, key=lambda one: float(-(1 / (history + reward * one)).sum()))
    assert decision == pytest.approx(best.tolist(), abs=1e-6)


@pytest.mark.parametrize("kind", ["mps", "lp", "nl"])
def test_a_sequence_of_models_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UnsolvableError, match="lexicographic=False"):
        MaxMin(odd_problem(integer=False)).export(tmp_path / f"model.{kind}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    model = BudgetOnly(odd_problem(integer=True))
    with pytest.raises(FileError, match=r"missing/model\.mps: cannot be written: No such file"):
        model.export(tmp_path / "missing" / "model.mps")
    with pytest.raises(FileError, match=r"'model\.xlsx' ends in none of \.mps"):
        model.export(tmp_path / "model.xlsx")
