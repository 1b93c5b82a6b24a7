"""Whose solution file it is, by what it holds."""

from __future__ import annotations

import os
from collections.abc import Callable

from librex_models.errors import FileError
from librex_models.solution_files import (
    cbc_file,
    glpk_files,
    gurobi_files,
    highs_files,
    scip_file,
)
from librex_models.solution_files.json_text import JsonFile
from librex_models.solution_files.result_file import read_result
from librex_models.solution_files.solution_file import SolutionFile, quoted, solution_text

Reader = Callable[[str, str], SolutionFile]

FORMATS: tuple[tuple[Callable[[str, str], bool], Reader], ...] = (
    (highs_files.is_raw, highs_files.read_raw),
    (highs_files.is_pretty, highs_files.read_pretty),
    (glpk_files.is_for_people, glpk_files.read_for_people),
    (glpk_files.is_for_programs, glpk_files.read_for_programs),
    (gurobi_files.is_gurobi, gurobi_files.read_gurobi),
    (scip_file.is_scip, scip_file.read_scip),
    (cbc_file.is_cbc, cbc_file.read_cbc),
)
KNOWN = "HiGHS, SCIP, Gurobi, GLPK, CBC and librex solve --json"
WITHOUT_NAMES = "Number of columns and rows for primal or dual solution or basis"


def read_solution_file(path: str | os.PathLike[str]) -> SolutionFile:
    """Read a solution file, compressed or not, whatever its name.

    Raises
    ------
    FileError
        Naming file and line, if it cannot be read, or is none that is known.
    """
    name, text = os.fspath(path), solution_text(path)
    if text.lstrip().startswith("{"):
        return _json(JsonFile(name, text))
    said = [line.strip() for line in text.split("\n") if line.strip()]
    first, second = said[0], said[1] if len(said) > 1 else ""
    for is_it, read in FORMATS:
        if is_it(first, second):
            return read(name, text)
    if first.endswith(WITHOUT_NAMES):
        raise FileError(
            f"{name}, line 1: the old style of HiGHS has no names: write it with "
            "write_solution_style 0"
        )
    raise FileError(f"{name}, line 1: {quoted(first)} begins no solution file of {KNOWN}")


def _json(file: JsonFile) -> SolutionFile:
    if "SolutionInfo" in file.content:
        return gurobi_files.read_gurobi_json(file)
    if {"status", "decision"} <= file.content.keys():
        return read_result(file)
    raise file.error(
        f"the object is no solution of Gurobi and no result of librex; read are {KNOWN}"
    )
