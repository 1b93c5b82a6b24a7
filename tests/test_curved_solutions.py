"""Solutions of alpha-fair models that went through files: tangents, chords and NL files."""

import re
from pathlib import Path

import pytest

import librex_models as lm
from librex_models import AllocationProblem, GroupAlphaFair, Model, Verdict
from tests.solution_writers import FRACTIONAL_ONLY, WRITERS


def curved_model(reward: float = 1.0, *, integer: bool = False, alpha: float = 2.0) -> Model:
    problem = AllocationProblem(
        [[1.0, 0.0], [1.0, 2.0], [2.0, 1.0], [1.0, 1.0]],
        {"gpu": 4.0, "disk": 3.0},
        [3.0 * reward, 1.0 * reward, 4.0 * reward, 2.0 * reward],
        group=["a", "b", "b", "c"],
        upper=2.0,
        integer=integer,
        option_names=["a 1", "b 1", "b 2", "c"],
    )
    return GroupAlphaFair(problem, alpha)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("kind", ["mps", "lp"])
@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
def test_an_answer_under_tangents_is_worth_what_we_find(
    integer: bool, kind: str, writer: str, tmp_path: Path
) -> None:
    if integer and writer in FRACTIONAL_ONLY:
        return
    model = curved_model(integer=integer)
    path, solution = tmp_path / f"model.{kind}", tmp_path / "solution"
    model.export(path)
    WRITERS[writer](path, solution)
    read = lm.read_solution(solution, model)
    assert read.verdict in (Verdict.FEASIBLE, Verdict.OPTIMAL)
    assert read.equivalent == pytest.approx(model.solve().equivalent, rel=1.2e-4)


@pytest.mark.parametrize("reward", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_the_objective_of_an_nl_file_is_compared_in_any_unit(
    alpha: float, reward: float, tmp_path: Path
) -> None:
    model = curved_model(reward, alpha=alpha)
    written = model.export(tmp_path / "model.nl")
    assert (written.exponent != 0) == (alpha != 1.0 and reward != 1.0)
    solution = tmp_path / "solution"
    WRITERS["SCIP"](tmp_path / "model.nl", solution)
    read = lm.read_solution(solution, model)
    assert read.verdict is Verdict.FEASIBLE
    assert read.equivalent == pytest.approx(model.solve().equivalent, rel=1e-4)
    text = solution.read_text()
    (claimed,) = re.findall("objective value: +(.*)", text)
    solution.write_text(text.replace(claimed, str(float(claimed) * 1.01), 1))
    assert lm.read_solution(solution, model).verdict is Verdict.REFUTED
