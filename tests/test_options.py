"""The options common to all solvers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librex_models as lm
from solvers import SolveOptions
from solvers.errors import OptionError
from solvers.options import unknown_option

GOOD: list[dict[str, Any]] = [
    {},
    {"relative_gap": 0},
    {"relative_gap": np.float32(0.5), "absolute_gap": np.int64(1)},
    {"time_limit_seconds": 0.0},
    {"time_limit_seconds": np.inf},
    {"time_limit_seconds": np.int64(5)},
    {"memory_limit_mb": 100},
    {"node_limit": 0, "iteration_limit": 0, "solution_limit": 1},
    {"node_limit": np.int64(7), "seed": np.uint32(3), "threads": np.int8(2)},
    {"seed": 2**40},
]
BAD: list[tuple[str, Any]] = [
    ("relative_gap", -1e-9),
    ("relative_gap", np.nan),
    ("relative_gap", "0.1"),
    ("relative_gap", None),
    ("relative_gap", [0.1]),
    ("relative_gap", True),
    ("absolute_gap", -1),
    ("time_limit_seconds", -1),
    ("time_limit_seconds", np.nan),
    ("time_limit_seconds", "5"),
    ("time_limit_seconds", np.True_),
    ("memory_limit_mb", -1),
    ("node_limit", -1),
    ("node_limit", 1.0),
    ("node_limit", True),
    ("node_limit", np.True_),
    ("iteration_limit", "3"),
    ("iteration_limit", -1),
    ("solution_limit", 0),
    ("threads", 0),
    ("threads", None),
    ("threads", 1.5),
    ("seed", -1),
    ("seed", None),
]


@pytest.mark.parametrize("options", GOOD, ids=str)
def test_sensible_values_are_taken(options: dict[str, Any]) -> None:
    taken = SolveOptions(**options)
    assert {name: getattr(taken, name) for name in options} == options


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_that_makes_no_sense_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"{name} is .*, expected a (whole )?number of at least"):
        SolveOptions(**{name: value})


def test_native_options_are_copied_and_cannot_be_changed() -> None:
    given = {"presolve": "off"}
    options = SolveOptions(native=given)
    given["presolve"] = "on"
    assert dict(options.native) == {"presolve": "off"}
    with pytest.raises(TypeError):
        options.native["presolve"] = "on"  # type: ignore[index]


def test_an_unknown_option_names_the_nearest_known_one() -> None:
    error = unknown_option("HiGHS", "time_limitt", ["presolve", "time_limit"])
    assert isinstance(error, OptionError)
    assert "HiGHS has no option 'time_limitt'; did you mean 'time_limit'?" in str(error)
    assert "time_limit_seconds" in str(error)


def test_an_unknown_option_like_no_other_gets_no_guess() -> None:
    message = str(unknown_option("HiGHS", "qwertz", ["presolve", "time_limit"]))
    assert message.startswith("HiGHS has no option 'qwertz'. Options common")


def test_a_log_may_be_a_file_that_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "solver.log"
    path.write_text("of another day\n")
    for wanted in (path, str(path)):
        options = SolveOptions(log=wanted)  # type: ignore[arg-type]
        assert path.read_text() == ""
        assert options.log is not None
        options.log("first")
        replace(options, seed=1).log("second")  # type: ignore[misc]
        assert path.read_text() == "first\nsecond\n"


def test_a_log_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no_such_folder.*cannot be written: No such file"):
        SolveOptions(log=tmp_path / "no_such_folder" / "solver.log")  # type: ignore[arg-type]


@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi"])
def test_the_lines_of_a_session_are_in_the_file(solver: str, tmp_path: Path) -> None:
    path = tmp_path / "solver.log"
    problem = lm.AllocationProblem([[2.0], [2.0]], [3.0], reward=[3.0, 3.0])
    with lm.BudgetOnly(problem).open(solver=solver, log=path) as session:
        session.solve()
        first = path.read_text()
        session.write(budget=[4.0])
        session.solve()
    assert len(first.splitlines()) > 3
    assert path.read_text().startswith(first)
    assert len(path.read_text()) > len(first)
