"""The programs that solve exported files and write solution files, each in its formats."""

from collections.abc import Callable
from pathlib import Path

import gurobipy
import highspy
import pyscipopt

from tests.file_readers import run_program

Write = Callable[[Path, Path], None]


def _solved_by_highs(model: Path) -> highspy.Highs:
    native = highspy.Highs()
    native.setOptionValue("output_flag", False)
    native.setOptionValue("mip_rel_gap", 0.0)
    native.setOptionValue("mip_abs_gap", 0.0)
    assert native.readModel(str(model)) == highspy.HighsStatus.kOk
    native.run()
    return native


def _highs(style: int) -> Write:
    def write(model: Path, solution: Path) -> None:
        native = _solved_by_highs(model)
        assert native.writeSolution(str(solution), style) == highspy.HighsStatus.kOk

    return write


def _scip(model: Path, solution: Path) -> None:
    native = pyscipopt.Model()
    native.hideOutput()
    native.setParam("limits/gap", 0.0)
    native.readProblem(str(model))
    native.optimize()
    native.writeBestSol(str(solution))


def _gurobi(detail: int | None) -> Write:
    def write(model: Path, solution: Path) -> None:
        with gurobipy.Env(params={"OutputFlag": 0}) as environment:
            native = gurobipy.read(str(model), env=environment)
            native.Params.MIPGap = 0.0
            if detail is not None:
                native.Params.JSONSolDetail = detail
            native.optimize()
            # Gurobi goes by the ending; we do not.
            written = solution.with_name(f"{solution.name}.{'sol' if detail is None else 'json'}")
            native.write(str(written))
            written.rename(solution)

    return write


def _glpk(option: str, *more: str) -> Write:
    def write(model: Path, solution: Path) -> None:
        kind = "--freemps" if ".mps" in model.name else "--lp"
        run_program("glpsol", kind, model, option, solution, *more)

    return write


def _cbc(*more: str) -> Write:
    def write(model: Path, solution: Path) -> None:
        gaps = ["-ratioGap", "0", "-allowableGap", "0"]
        run_program("cbc", model, *gaps, *more, "-solve", "-solution", solution)

    return write


WRITERS: dict[str, Write] = {
    "HiGHS raw": _highs(0),
    "HiGHS pretty": _highs(1),
    "HiGHS as GLPK for programs": _highs(2),
    "HiGHS as GLPK for people": _highs(3),
    "HiGHS raw without zeros": _highs(4),
    "SCIP": _scip,
    "Gurobi": _gurobi(None),
    "Gurobi JSON": _gurobi(0),
    "Gurobi JSON with duals": _gurobi(1),
    "GLPK for people": _glpk("-o"),
    "GLPK for programs": _glpk("-w"),
    "GLPK interior point for people": _glpk("-o", "--interior"),
    "GLPK interior point for programs": _glpk("-w", "--interior"),
    "CBC": _cbc(),
    "CBC with all": _cbc("-printi", "all"),
}
"""Who writes what; the model comes first, then the solution."""

FRACTIONAL_ONLY = {"GLPK interior point for people", "GLPK interior point for programs"}
WITH_DUALS = {
    "HiGHS raw",
    "HiGHS pretty",
    "HiGHS as GLPK for programs",
    "HiGHS as GLPK for people",
    "Gurobi JSON with duals",
    "GLPK for people",
    "GLPK for programs",
    "CBC with all",
}
"""Those whose files prove fractional optima."""
SIX_DIGITS = {
    "HiGHS pretty",
    "HiGHS as GLPK for people",
    "GLPK for people",
    "GLPK interior point for people",
}
