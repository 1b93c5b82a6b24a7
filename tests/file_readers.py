"""The programs that read MPS and LP files, each asked for the optimum and the columns it saw."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gurobipy
import highspy
import pyscipopt
import pytest


@dataclass(frozen=True)
class Reading:
    """What a reader made of a file.

    Parameters
    ----------
    columns : dict
        The value of each column by its name, in the reader's order. CBC leaves out zeros.
    objective : float or None
        None where there is no optimum.
    """

    columns: dict[str, float]
    objective: float | None


def read_with_highs(path: Path) -> Reading:
    """Solve a file with HiGHS."""
    native = highspy.Highs()
    native.setOptionValue("output_flag", False)
    native.setOptionValue("mip_rel_gap", 0.0)
    native.setOptionValue("mip_abs_gap", 0.0)
    native.setOptionValue("mip_feasibility_tolerance", 1e-9)
    assert native.readModel(str(path)) == highspy.HighsStatus.kOk
    native.run()
    names = native.getLp().col_names_
    if native.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return Reading(dict.fromkeys(names, 0.0), None)
    values = list(native.getSolution().col_value)
    return Reading(dict(zip(names, values, strict=True)), native.getInfo().objective_function_value)


def read_with_scip(path: Path) -> Reading:
    """Solve a file with SCIP."""
    native = pyscipopt.Model()
    native.hideOutput()
    native.setParam("limits/gap", 0.0)
    # As small as its epsilon, 1e-9, SCIP loses optima.
    native.setParam("numerics/feastol", 1e-8)
    native.setParam("numerics/dualfeastol", 1e-9)
    native.readProblem(str(path))
    native.optimize()
    columns = native.getVars()
    if native.getStatus() != "optimal":
        return Reading(dict.fromkeys((column.name for column in columns), 0.0), None)
    values = {column.name: native.getVal(column) for column in columns}
    return Reading(values, native.getObjVal())


def read_with_gurobi(path: Path) -> Reading:
    """Solve a file with Gurobi."""
    with gurobipy.Env(params={"OutputFlag": 0}) as environment:
        native = gurobipy.read(str(path), env=environment)
        native.Params.MIPGap = 0.0
        native.Params.FeasibilityTol = 1e-9
        native.Params.IntFeasTol = 1e-9
        native.optimize()
        columns = native.getVars()
        if native.Status != gurobipy.GRB.OPTIMAL:
            return Reading(dict.fromkeys((column.VarName for column in columns), 0.0), None)
        return Reading({column.VarName: column.X for column in columns}, native.ObjVal)


def read_with_glpk(path: Path) -> Reading:
    """Solve a file with GLPK."""
    kind = "--freemps" if ".mps" in path.name else "--lp"
    answer, model = path.with_suffix(".answer"), path.with_suffix(".model")
    run_program("glpsol", kind, path, "-w", answer, "--wglp", model, "--nopresol")
    names = [line.split()[3] for line in model.read_text().splitlines() if line.startswith("n j")]
    lines = [line.split() for line in answer.read_text().splitlines()]
    (status,) = [words for words in lines if words[0] == "s"]
    is_whole = status[1] == "mip"
    values = [float(words[2 if is_whole else 3]) for words in lines if words[0] == "j"]
    is_found = status[4] == "o" if is_whole else status[4:6] == ["f", "f"]
    columns = dict(zip(names, values, strict=True))
    return Reading(columns, float(status[-1]) if is_found else None)


def read_with_cbc(path: Path) -> Reading:
    """Solve a file with CBC, which prints 8 digits of a value and 8 decimals of the optimum."""
    answer = path.with_suffix(".solution")
    tolerances = ["-primalT", "1e-9", "-integerT", "1e-9", "-ratioGap", "0", "-allowableGap", "0"]
    run_program("cbc", path, *tolerances, "-printi", "all", "-solve", "-solution", answer)
    first, *lines = answer.read_text().splitlines()
    columns: dict[str, float] = {}
    for line in lines:
        # What breaks a side is marked with two stars.
        number, name, value, _ = line.replace("**", "  ").split()
        if number == "0":
            # The rows come first; the numbers begin anew with the columns.
            columns = {}
        columns[name] = float(value)
    optimum = re.fullmatch(r"Optimal - objective value\s+(\S+)", first)
    return Reading(columns, float(optimum[1]) if optimum else None)


def run_program(program: str, *arguments: str | Path) -> None:
    """Run a program of the system; where it is missing, skip, and in the CI fail."""
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    words = [program, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


READERS: dict[str, Callable[[Path], Reading]] = {
    "HiGHS": read_with_highs,
    "SCIP": read_with_scip,
    "Gurobi": read_with_gurobi,
    "GLPK": read_with_glpk,
    "CBC": read_with_cbc,
}
