"""Reading a problem from a file, whatever its format, and writing it to one.

May import `librex_models.errors`; what needs pydantic is imported when a TOML file is read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from librex_models.errors import FileError, ParameterError
from librex_models.problem.allocation_problem import AllocationProblem
from librex_models.problem.labels import plural
from librex_models.problem.orlib import read_knapsacks
from librex_models.problem.plain_text import write_text
from librex_models.problem.problem_text import problem_text

SUFFIXES = ".toml (a problem file), .txt or .dat (knapsacks of the OR-Library)"


def read_problem(
    source: str | os.PathLike[str] | IO[str], instance: int | None = None
) -> AllocationProblem:
    r"""Return the problem that a file describes.

    Parameters
    ----------
    source : path or text stream
        A problem file (``.toml``), whose tables ``[fairness]`` and ``[solver]`` are not looked
        into, or multi-dimensional knapsacks in the format of the OR-Library (``.txt``, ``.dat``).
        A stream is a problem file; the path to its table starts in the current folder.
    instance : int, optional
        Which problem of an OR-Library file, counted from 0; may be left out where there is one.

    Raises
    ------
    FileError
        If the file cannot be read or breaks a rule; the message names file, and line or key.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "jobs.csv").write_text("agent,reward,gpu\nann,3,2\nbob,2,1\n")
    >>> text = '[resources]\ngpu = 2\n[options]\ntable = "jobs.csv"\n'
    >>> _ = (folder / "problem.toml").write_text(text)
    >>> print(read_problem(folder / "problem.toml"))
    2 options of 2 agents in 2 groups, 1 resource, fractional decisions
      resource gpu: budget 2, requested 3
    """
    if not isinstance(source, (str, os.PathLike)):
        return _read_toml(source, instance)
    suffix = Path(source).suffix.lower()
    if suffix == ".toml":
        return _read_toml(source, instance)
    if suffix in (".txt", ".dat"):
        return _read_knapsack(source, instance)
    if suffix == ".csv":
        raise FileError(
            f"{source}: a table alone is no problem; give the problem file (.toml) whose [options] "
            "name it"
        )
    raise FileError(f"{source}: the suffix is {suffix!r}, expected {SUFFIXES}")


def write_problem(problem: AllocationProblem, path: str | os.PathLike[str]) -> None:
    """Write a problem file from which `read_problem` gives an equal problem, bit for bit.

    One file, the table of options inside it: it is there whole, or what was there before stays.

    Parameters
    ----------
    problem : AllocationProblem
        Labels of options, of agents, of groups and of resources are each all texts or all whole
        numbers. Rewards may be unknown.
    path : path
        Ends in ``.toml``.

    Raises
    ------
    FileError
        If the file cannot be written; what was there before stays.
    ParameterError
        If a problem file cannot hold a label; the message names it.

    Notes
    -----
    ``librex solve`` needs a table ``[fairness]`` too, which is of a model and not of its problem:
    add it to the file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "problem.toml"
    >>> problem = AllocationProblem([[2.0]], {"gpu": 2.5}, [3.0], agent=["ann"])
    >>> write_problem(problem, path)
    >>> read_problem(path) == problem
    True
    """
    if not isinstance(problem, AllocationProblem):
        raise ParameterError(
            f"write_problem takes an AllocationProblem, not a {type(problem).__name__}"
        )
    if Path(path).suffix.lower() != ".toml":
        raise FileError(f"{path}: the suffix is {Path(path).suffix!r}, expected .toml")
    write_text(path, problem_text(problem))


def _read_toml(source: str | os.PathLike[str] | IO[str], instance: int | None) -> AllocationProblem:
    from librex_models.problem.problem_file import (
        ProblemFile,
        folder_of,
        problem_of_tables,
        read_tables,
    )

    name, tables = read_tables(source, ProblemFile)
    if instance is not None:
        raise FileError(f"{name}: instance is {instance}, but a problem file holds one problem")
    return problem_of_tables(name, tables, folder_of(source))


def _read_knapsack(path: str | os.PathLike[str], instance: int | None) -> AllocationProblem:
    knapsacks = read_knapsacks(path)
    if instance is None:
        if len(knapsacks) > 1:
            raise FileError(
                f"{path}: holds {len(knapsacks)} problems; say which by instance=0 to "
                f"instance={len(knapsacks) - 1}"
            )
        return knapsacks[0].problem
    if not 0 <= instance < len(knapsacks):
        raise FileError(
            f"{path}: holds {plural(len(knapsacks), 'problem')}, counted from 0; there is no "
            f"instance={instance}"
        )
    return knapsacks[instance].problem
