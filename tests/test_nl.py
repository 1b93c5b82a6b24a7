"""NL files: the optimum that SCIP finds in them, with and without alpha-fair terms, and names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from librex_models import AllocationProblem, GroupAlphaFair
from solvers.errors import ProgramError
from solvers.export import export
from solvers.outcome import Status
from solvers.program import AlphaFairTerms, Block, Program
from solvers.write_nl import column_order
from tests.file_readers import read_with_scip
from tests.random_examples import examples
from tests.test_export import HOSTILE, one_row, random_program, solved

# Columns that SCIP puts beside those of the file.
OWN = {"objconstant", "nlobjvar"}


def named_values(path: Path) -> dict[str, float]:
    """Return SCIP's answer to a file, by the names beside it."""
    columns = {
        name: value for name, value in read_with_scip(path).columns.items() if name not in OWN
    }
    names = path.with_suffix(".col").read_text().splitlines()
    assert sorted(columns) == sorted(names)
    return columns


@pytest.mark.parametrize("seed", range(examples(300)))
def test_a_linear_program_has_the_same_optimum(seed: int, tmp_path: Path) -> None:
    program = random_program(seed)
    path = tmp_path / "program.nl"
    names = export(program, path)
    outcome = solved(program)
    if outcome.status is not Status.OPTIMAL:
        assert outcome.status is Status.INFEASIBLE
        assert read_with_scip(path).objective is None
        return
    values = named_values(path)
    decision = np.array([values[name] for name in names.columns])
    size = 1.0 + np.abs(program.objective).sum()
    reached = float(program.objective @ decision) + program.objective_constant
    assert reached == pytest.approx(outcome.objective, rel=1e-9, abs=1e-9 * size)


def test_columns_stand_in_the_order_of_the_format() -> None:
    program = Program(
        objective=np.zeros(5),
        matrix=sparse.csc_array((0, 5)),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
        column_lower=np.zeros(5),
        column_upper=np.array([1.0, 3.0, 1.0, 9.0, 9.0]),
        integer=np.array([True, True, False, False, False]),
        row_blocks=(),
        column_blocks=(Block(name="x", labels=list("abcde")),),
        terms=AlphaFairTerms(columns=np.array([3]), weight=np.ones(1), alpha=2.0),
    )
    # The term's, then continuous, 0/1 and other whole ones.
    assert column_order(program).tolist() == [3, 2, 4, 0, 1]


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_alpha_fair_terms_are_written_as_they_are(alpha: float, tmp_path: Path) -> None:
    # One unit for two groups of weights 1 and 4: by hand u_2 / u_1 = (4 / 1)^(1 / alpha).
    problem = AllocationProblem(
        [[1.0], [1.0]], [1.0], [1.0, 1.0], group=["a b", "c"], weight=[1.0, 4.0]
    )
    program = GroupAlphaFair(problem, alpha=alpha).to_program()
    path = tmp_path / "program.nl"
    names = export(program, path)
    values = named_values(path)
    chosen = [values[name] for name in names.columns if name.startswith("x[")]
    ratio = 4.0 ** (1.0 / alpha)
    assert chosen == pytest.approx([1 / (1 + ratio), ratio / (1 + ratio)], abs=1e-4)


def test_hostile_names_are_beside_the_file_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "program.nl"
    # Whole columns come last in the file, and keep their names.
    whole = np.arange(len(HOSTILE)) % 2 == 0
    cost = np.arange(1.0, len(HOSTILE) + 1.0)
    program = replace(one_row(HOSTILE), integer=whole, objective=cost)
    names = export(program, path)
    values = named_values(path)
    assert values[names.columns[-1]] == pytest.approx(1.0)
    assert (tmp_path / "program.row").read_text().splitlines() == [*names.rows, "welfare"]


def test_a_program_that_contradicts_itself_leaves_all_files(tmp_path: Path) -> None:
    paths = [tmp_path / f"program.{end}" for end in ("nl", "col", "row")]
    for path in paths:
        path.write_text("as it was")
    with pytest.raises(ProgramError, match="objective"):
        export(replace(one_row(["a"]), objective=np.array([np.nan])), paths[0])
    assert [path.read_text() for path in paths] == ["as it was"] * 3
