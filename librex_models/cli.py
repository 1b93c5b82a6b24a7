"""The command ``librex``: solve a problem file, and say which solvers there are.

Imports typer; everything else loads inside the commands, so that ``librex --help`` is quick.

Exit status: 0 solved, 1 no allocation, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from librex_models.environment import SOLVER_VARIABLE, solver_from_environment
from librex_models.errors import FileError, LibrexError, UnsolvableError
from solvers.errors import SolverError

if TYPE_CHECKING:
    from librex_models.configuration import Configuration
    from librex_models.model import Model

SOLVED, NO_ALLOCATION, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
STANDARD_INPUT = "-"
KNAPSACK_SUFFIXES = (".txt", ".dat")

# How an error says it in Python, and how it is said in a problem file.
IN_A_PROBLEM_FILE = {
    "lexicographic=False": "[fairness] model = 'max_min', lexicographic = false",
    "integer=False": "[decision] integer = false",
    "integer=True": "[decision] integer = true",
    "route='": "[solver] route = ...",
    "agent_limit": "[agents] limit = 1",
}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Form(StrEnum):
    """The language in which the model is declared on its way to the solver."""

    ARRAYS = "arrays"
    PYOMO = "pyomo"
    CVXPY = "cvxpy"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be solved, and how.

    Parameters
    ----------
    name : str
        The file, for messages.
    model : Model
    solver : str
    arguments : dict
        Further keywords of ``model.solve``.
    """

    name: str
    model: Model
    solver: str
    arguments: dict[str, Any]


def main() -> None:
    """Run the command line."""
    app(prog_name="librex")


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    import importlib.metadata

    try:
        version = importlib.metadata.version("librex-alloc")
    except importlib.metadata.PackageNotFoundError:
        version = "(not installed, run from its sources)"
    typer.echo(f"librex {version}")
    raise typer.Exit


@app.callback()
def _librex(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Fair allocation of several resources under hard budgets, with a proof."""


@app.command()
def solve(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A problem file (.toml), knapsacks of the OR-Library (.txt, .dat), "
            "or - for a problem file from standard input.",
        ),
    ],
    solver: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Who solves it; wins over the environment variable {SOLVER_VARIABLE}, "
            "which wins over the file. See: librex solvers.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(help="The language of the model; wins over the file.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="SECONDS", help="Stop after this time.", show_default=False),
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="SHARE",
            help="Stop when the answer is proven to be within this share of the best.",
            show_default=False,
        ),
    ] = None,
    instance: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="Which problem of an OR-Library file, counted from 0.",
            show_default=False,
        ),
    ] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every row of long tables.")
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", help="Print what the solver prints, to standard error.")
    ] = False,
) -> None:
    """Solve a problem and print who gets what, with its certificate.

    Exit status: 0 solved, 1 no allocation (with the reason), 2 bad input (with file, line or key).
    """
    with _errors_in_words():
        wanted = {"relative_gap": gap, "time_limit_seconds": time_limit}
        given = {name: value for name, value in wanted.items() if value is not None}
        task = _task(file, instance, solver)
        arguments = task.arguments | given | {"log": _log_line if log else None}
        if form is not None:
            arguments["form"] = form.value
        status = _solve_and_print(task, arguments, as_json, all_rows)
    raise typer.Exit(status)


@app.command()
def solvers(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the solvers, whether they can be used here, and what they can do."""
    with _errors_in_words():
        from librex_models.report.solver_list import solver_list, solver_report
        from librex_models.report.text import write_report

        if as_json:
            _print(lambda stream: stream.write(json.dumps(solver_list(), indent=2) + "\n"))
        else:
            _print(lambda stream: write_report(solver_report(), stream))


def _solve_and_print(task: Task, arguments: dict[str, Any], as_json: bool, all_rows: bool) -> int:
    from librex_models.report.json_report import json_report
    from librex_models.report.measures import why_not
    from librex_models.report.tables import MOST_ROWS, allocation_report
    from librex_models.report.text import write_report

    with _naming(task.name):
        allocation = task.model.solve(solver=task.solver, **arguments)
    reason = why_not(allocation)
    if as_json:
        _print(lambda stream: stream.write(json.dumps(json_report(allocation), indent=2) + "\n"))
    elif not reason:
        parts = allocation_report(allocation, None if all_rows else MOST_ROWS)
        _print(lambda stream: write_report(parts, stream))
    if not reason:
        return SOLVED
    _complain(f"no allocation: {task.name}: {reason}")
    return NO_ALLOCATION


def _task(file: str, instance: int | None, solver: str | None) -> Task:
    """Read what is to be solved; the solver is the one that is asked for most loudly."""
    if Path(file).suffix.lower() in KNAPSACK_SUFFIXES:
        model = _knapsack(file, instance)
        return Task(name=file, model=model, solver=_solver_name(solver, None), arguments={})
    configuration = _configuration(file, instance)
    _check_native(configuration)
    return Task(
        name=configuration.name,
        model=_model(configuration),
        solver=_solver_name(solver, configuration),
        arguments=configuration.solver.model_dump(exclude={"name"}),
    )


def _knapsack(file: str, instance: int | None) -> Model:
    from librex_models.model import BudgetOnly
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
    from librex_models.model import AlphaFair, BudgetOnly, GroupAlphaFair, MaxMin, Proportional

    classes: dict[str, Callable[..., Model]] = {
        "budget_only": BudgetOnly,
        "proportional": Proportional,
        "max_min": MaxMin,
        "alpha_fair": AlphaFair,
        "group_alpha_fair": GroupAlphaFair,
    }
    fairness = configuration.fairness
    with _naming(configuration.name):
        return classes[fairness.model](configuration.problem, **fairness.arguments())


def _solver_name(option: str | None, configuration: Configuration | None) -> str:
    """Return the solver to use: the option, else the environment, else the file."""
    environment = solver_from_environment()
    if option is not None:
        place, name = "--solver", option
    elif environment:
        place, name = f"environment variable {SOLVER_VARIABLE}", environment
    elif configuration is not None:
        place, name = f"{configuration.name}: solver.name", configuration.solver.name
    else:
        return "auto"
    if name != "auto":
        _check_solver(name, place)
    return name


def _check_native(configuration: Configuration) -> None:
    for name in configuration.solver.native:
        _check_solver(name, f"{configuration.name}: solver.native.{name}")


def _check_solver(name: str, place: str) -> None:
    import solvers

    try:
        solvers.find_adapter(name)
    except SolverError as error:
        raise FileError(f"{place}: {error}") from None


@contextlib.contextmanager
def _naming(file: str) -> Iterator[None]:
    """Put the file's name before an error, and say how to follow its advice in a file."""
    try:
        yield
    except (LibrexError, SolverError) as error:
        advice = _in_a_problem_file(str(error)) if isinstance(error, UnsolvableError) else ""
        raise FileError(f"{file}: {error}{advice}") from error


def _in_a_problem_file(message: str) -> str:
    meant = [there for here, there in IN_A_PROBLEM_FILE.items() if here in message]
    return f" (In a problem file: {'; '.join(meant)}.)" if meant else ""


@contextlib.contextmanager
def _errors_in_words() -> Iterator[None]:
    """Turn the errors of both packages into one message and exit status 2."""
    try:
        yield
    except (LibrexError, SolverError) as error:
        _complain(f"error: {error}")
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        _complain("interrupted")
        raise typer.Exit(INTERRUPTED) from None


def _complain(message: str) -> None:
    from librex_models.report.labels import printable

    first, *others = message.split("\n")
    lines = [f"librex: {first}", *(f"  {line}" for line in others)]
    # Whoever closed standard error does not want to read it.
    with contextlib.suppress(OSError, ValueError):
        _write(sys.stderr, "".join(f"{printable(line)}\n" for line in lines))


def _log_line(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        _write(sys.stderr, f"{line}\n")


def _print(write: Callable[[TextIO], object]) -> None:
    """Write to standard output; a reader that has gone away is no error, a full disk is one."""
    if sys.stdout is None:
        raise FileError("standard output is closed: nobody would see the answer")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail again when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            raise FileError(f"standard output: cannot be written: {error.strerror}") from None


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    stream.write(text)
    stream.flush()


if __name__ == "__main__":
    main()
