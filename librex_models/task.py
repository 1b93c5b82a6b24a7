"""What a command line asks to be solved: the file, the model, the solver and its options.

Whose word counts for the solver: the option, else the environment, else the file, else "auto".
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from librex_models.environment import SOLVER_VARIABLE, solver_from_environment
from librex_models.errors import FileError, LibrexError, UnsolvableError
from solvers.errors import SolverError

if TYPE_CHECKING:
    from librex_models.configuration import Configuration
    from librex_models.model import Model

STANDARD_INPUT = "-"
SOLVER_OPTION = "--solver"
KNAPSACK_SUFFIXES = (".txt", ".dat")

# How an error says it in Python, and how it is said in a problem file.
IN_A_PROBLEM_FILE = {
    "lexicographic=False": "[fairness] model = 'max_min', lexicographic = false",
    "integer=False": "[decision] integer = false",
    "integer=True": "[decision] integer = true",
    "route='": "[solver] route = ...",
    "agent_limit": "[agents] limit = 1",
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be solved, and how.

    Parameters
    ----------
    name : str
        The file, for messages.
    model : Model
    solver : str
    place : str
        Where the solver was named, for messages; empty where nowhere.
    arguments : dict
        Further keywords of ``model.solve``.
    """

    name: str
    model: Model
    solver: str
    place: str
    arguments: dict[str, Any]

    def solvers_to_list(self) -> list[str]:
        """Return whose plans are asked for: of the one on the command line, else of all."""
        import solvers

        if self.solver == "auto":
            return solvers.names()
        if self.place == SOLVER_OPTION:
            return [self.solver]
        return [*solvers.names(), *({self.solver} - set(solvers.names()))]

    def check_readiness(self) -> None:
        """Raise FileError naming the place where the only solver to ask cannot be used here."""
        import solvers

        if self.solver == "auto" or self.arguments.get("fallback"):
            return
        available = solvers.availability(self.solver)
        if not available.is_ready:
            raise FileError(
                f"{self.place}: {self.solver} cannot be used here: {available.sentence}"
            )


def task_of(file: str, instance: int | None, solver: str | None) -> Task:
    """Read what is to be solved; the solver is the one that is asked for most loudly."""
    if Path(file).suffix.lower() in KNAPSACK_SUFFIXES:
        model = _knapsack(file, instance)
        name, place = _solver_and_place(solver, None)
        return Task(name=file, model=model, solver=name, place=place, arguments={})
    configuration = _configuration(file, instance)
    _check_named(configuration)
    name, place = _solver_and_place(solver, configuration)
    return Task(
        name=configuration.name,
        model=_model(configuration),
        solver=name,
        place=place,
        arguments=configuration.solver.model_dump(exclude={"name"}),
    )


def _knapsack(file: str, instance: int | None) -> Model:
    from librex_models.models import BudgetOnly
    from librex_models.problem.files import read_problem

    try:
        return BudgetOnly(read_problem(file, instance))
    except FileError as error:
        # The words of Python for the option of the command line.
        raise FileError(str(error).replace("instance=", "--instance ")) from None


def _configuration(file: str, instance: int | None) -> Configuration:
    from librex_models.configuration import read_configuration
    from librex_models.problem.files import read_problem

    if instance is not None:
        raise FileError(
            f"{file}: --instance is {instance}, but a problem file holds one problem: leave it out"
        )
    if file == STANDARD_INPUT:
        return read_configuration(_standard_input())
    if Path(file).suffix.lower() != ".toml":
        # It says what is wrong with any other suffix.
        read_problem(file)
    return read_configuration(file)


def _standard_input() -> TextIO:
    if sys.stdin is None:
        raise FileError("standard input is closed: give a file, or pipe a problem file in")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="strict")
    return sys.stdin


def _model(configuration: Configuration) -> Model:
    from librex_models.models import (
        AlphaFair,
        BudgetOnly,
        GroupAlphaFair,
        MaxMin,
        OrderedWeighted,
        PiecewiseLinear,
        Proportional,
    )

    classes: dict[str, Callable[..., Model]] = {
        "budget_only": BudgetOnly,
        "proportional": Proportional,
        "max_min": MaxMin,
        "alpha_fair": AlphaFair,
        "group_alpha_fair": GroupAlphaFair,
        "ordered_weighted": OrderedWeighted,
        "piecewise_linear": PiecewiseLinear,
    }
    fairness = configuration.fairness
    with naming(configuration.name):
        return classes[fairness.model](configuration.problem, **_fairness_arguments(configuration))


def _fairness_arguments(configuration: Configuration) -> dict[str, Any]:
    """Return the keywords of the model, limits by the labels that the problem has."""
    fairness, problem = configuration.fairness, configuration.problem
    arguments = fairness.arguments()
    over_agents = arguments.get("over") == "agents" or fairness.model == "alpha_fair"
    by_text = {str(label): label for label in (problem.agents if over_agents else problem.groups)}
    for name in ("floor", "ceiling"):
        if isinstance(arguments.get(name), dict):
            arguments[name] = {
                by_text.get(label, label): number for label, number in arguments[name].items()
            }
    return arguments


def _solver_and_place(option: str | None, configuration: Configuration | None) -> tuple[str, str]:
    """Return the solver to use, the option, else the environment, else the file, and which."""
    environment = solver_from_environment()
    if option is not None:
        place, name = SOLVER_OPTION, option
    elif environment:
        place, name = f"environment variable {SOLVER_VARIABLE}", environment
    elif configuration is not None:
        place, name = f"{configuration.name}: solver.name", configuration.solver.name
    else:
        return "auto", ""
    if name != "auto":
        check_solver(name, place)
    return name, place


def _check_named(configuration: Configuration) -> None:
    """Check the solvers that the file names beside the one to take."""
    for k, name in enumerate(configuration.solver.fallback):
        check_solver(name, f"{configuration.name}: solver.fallback[{k}]")
    for name in configuration.solver.native:
        check_solver(name, f"{configuration.name}: solver.native.{name}")


def check_solver(name: str, place: str) -> None:
    """Raise FileError naming the place where a solver is named that there is not."""
    import solvers

    try:
        solvers.find_adapter(name)
    except SolverError as error:
        raise FileError(f"{place}: {error}") from None


@contextlib.contextmanager
def naming(file: str) -> Iterator[None]:
    """Put the file's name before an error, and say how to follow its advice in a file."""
    try:
        yield
    except (LibrexError, SolverError) as error:
        advice = _in_a_problem_file(str(error)) if isinstance(error, UnsolvableError) else ""
        raise FileError(f"{file}: {error}{advice}") from error


def _in_a_problem_file(message: str) -> str:
    meant = [there for here, there in IN_A_PROBLEM_FILE.items() if here in message]
    return f" (In a problem file: {'; '.join(meant)}.)" if meant else ""
