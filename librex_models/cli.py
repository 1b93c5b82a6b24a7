"""The command ``librex``: solve a problem file, plan who could, and say which solvers there are.

Imports typer; everything else loads inside the commands, so that ``librex --help`` is quick.

Exit status: 0 solved, 1 no allocation, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer

from librex_models.environment import SOLVER_VARIABLE
from librex_models.errors import FileError, LibrexError
from librex_models.standard_output import prints_to_standard_error
from librex_models.task import Task, check_solver, naming, task_of
from solvers.errors import SolverError

SOLVED, NO_ALLOCATION, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

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


File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A problem file (.toml), knapsacks of the OR-Library (.txt, .dat), "
        "or - for a problem file from standard input.",
    ),
]
Solver = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Who solves it; wins over the environment variable {SOLVER_VARIABLE}, "
        "which wins over the file. See: librex solvers.",
        show_default=False,
    ),
]
LanguageOfModel = Annotated[
    Form | None,
    typer.Option(help="The language of the model; wins over the file.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TimeLimit = Annotated[
    float | None,
    typer.Option(min=0.0, metavar="SECONDS", help="Stop after this time.", show_default=False),
]
Gap = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        metavar="SHARE",
        help="Stop when the answer is proven to be within this share of the best.",
        show_default=False,
    ),
]
Instance = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        help="Which problem of an OR-Library file, counted from 0.",
        show_default=False,
    ),
]


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
    file: File,
    solver: Solver = None,
    form: LanguageOfModel = None,
    as_json: AsJson = False,
    time_limit: TimeLimit = None,
    gap: Gap = None,
    instance: Instance = None,
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
        task = task_of(file, instance, solver)
        arguments = task.arguments | given | {"log": _log_line if log else None}
        if form is not None:
            arguments["form"] = form.value
        status = _solve_and_print(task, arguments, as_json, all_rows)
    raise typer.Exit(status)


@app.command()
def plan(
    file: File,
    solver: Solver = None,
    form: LanguageOfModel = None,  # noqa: ARG001
    as_json: AsJson = False,
    time_limit: TimeLimit = None,  # noqa: ARG001
    gap: Gap = None,  # noqa: ARG001
    instance: Instance = None,
) -> None:
    """Print what each solver could do with a problem, and who would be taken; solve nothing.

    Every option of `librex solve` is accepted; --form, --time-limit and --gap change no plan.

    Exit status: 0 somebody can solve it, 1 nobody here can, 2 bad input.
    """
    with _errors_in_words():
        task = task_of(file, instance, solver)
        status = _plan_and_print(task, as_json)
    raise typer.Exit(status)


@app.command()
def export(
    file: File,
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="Ends in .mps, .mps.gz, .lp or .nl; is replaced.")
    ],
    solver: Solver = None,
    form: LanguageOfModel = None,  # noqa: ARG001
    as_json: AsJson = False,
    time_limit: TimeLimit = None,  # noqa: ARG001
    gap: Gap = None,
    instance: Instance = None,
) -> None:
    """Write a problem's model into a file that any solver reads.

    Every option of `librex solve` is accepted; --instance and --gap change the file, --gap that of
    alpha-fair models in files that are linear: it is 1e-4 without.

    Exit status: 0 written, 2 bad input, or a model that no file can hold.
    """
    with _errors_in_words():
        task = task_of(file, instance, solver)
        _export_and_print(task, out, as_json, gap)
    raise typer.Exit(SOLVED)


@app.command()
def compare(
    file: File,
    solver: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Who is asked; may be given several times. Without: all of librex solvers.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        list[Form] | None,
        typer.Option(
            help="In which language; may be given several times. Without: in all.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    time_limit: TimeLimit = None,
    gap: Gap = None,
    instance: Instance = None,
) -> None:
    """Solve a problem by every solver in every form, and say what contradicts.

    --time-limit is for each solve.

    Exit status: 0 all that answered agree, 1 no allocation or a contradiction, 2 bad input.
    """
    with _errors_in_words():
        for name in solver or ():
            check_solver(name, "--solver")
        task = task_of(file, instance, "auto")
        wanted = {"relative_gap": gap, "time_limit_seconds": time_limit}
        given = {name: value for name, value in wanted.items() if value is not None}
        arguments = task.arguments | given
        for name in ("form", "fallback"):
            arguments.pop(name, None)
        forms = [one.value for one in form] if form else None
        status = _compare_and_print(task, solver or None, forms, arguments, as_json)
    raise typer.Exit(status)


@app.command()
def solvers(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the solvers, whether they can be used here, and what they can do."""
    with _errors_in_words():
        from librex_models.report.json_report import json_text
        from librex_models.report.solver_list import solver_list, solver_report
        from librex_models.report.text import write_report

        if as_json:
            _print(lambda stream: stream.write(json_text(solver_list())))
        else:
            _print(lambda stream: write_report(solver_report(), stream))


@app.command()
def schema(
    out: Annotated[
        str | None,
        typer.Argument(
            metavar="[OUT]", help="The file to write; without, it is printed.", show_default=False
        ),
    ] = None,
    result: Annotated[
        bool, typer.Option("--result", help="Of what librex solve --json prints.")
    ] = False,
) -> None:
    """Print the JSON schema of problem files, or of results.

    Exit status: 0 done, 2 the file cannot be written.
    """
    with _errors_in_words():
        from librex_models.file_schema import problem_file_schema
        from librex_models.problem.plain_text import write_text
        from librex_models.report.json_report import json_text
        from librex_models.report.result_schema import result_schema

        text = json_text(result_schema() if result else problem_file_schema())
        if out is None:
            _print(lambda stream: stream.write(text))
        else:
            write_text(out, text)


def _solve_and_print(task: Task, arguments: dict[str, Any], as_json: bool, all_rows: bool) -> int:
    from librex_models.report.json_report import json_report, json_text
    from librex_models.report.measures import why_not
    from librex_models.report.tables import MOST_ROWS, allocation_report
    from librex_models.report.text import write_report

    task.check_readiness()
    with naming(task.name), prints_to_standard_error():
        allocation = task.model.solve(solver=task.solver, **arguments)
    reason = why_not(allocation)
    if as_json:
        _print(lambda stream: stream.write(json_text(json_report(allocation))))
    elif not reason:
        parts = allocation_report(allocation, None if all_rows else MOST_ROWS)
        _print(lambda stream: write_report(parts, stream))
    if not reason:
        return SOLVED
    _complain(f"no allocation: {task.name}: {reason}")
    return NO_ALLOCATION


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


def _plan_and_print(task: Task, as_json: bool) -> int:
    from librex_models.analysis.solver_plans import plan as plan_of
    from librex_models.report.json_report import json_text
    from librex_models.report.plan_report import plan_json, plan_report
    from librex_models.report.text import write_report

    with naming(task.name):
        route = task.arguments.get("route", "auto")
        found = plan_of(task.model, task.solver, route, task.solvers_to_list())
    if as_json:
        _print(lambda stream: stream.write(json_text(plan_json(found))))
    else:
        _print(lambda stream: write_report(plan_report(found), stream))
    if found.chosen is not None:
        return SOLVED
    _complain(f"no solver: {task.name}: {found.why_none}")
    return NO_ALLOCATION


def _export_and_print(task: Task, out: str, as_json: bool, gap: float | None) -> None:
    from librex_models.report.export_report import export_json, export_report
    from librex_models.report.json_report import json_text

    with naming(task.name):
        written = task.model.export(out) if gap is None else task.model.export(out, gap)
    text = json_text(export_json(written)) if as_json else export_report(written)
    _print(lambda stream: stream.write(text))


def _compare_and_print(
    task: Task,
    solvers: list[str] | None,
    forms: list[str] | None,
    arguments: dict[str, Any],
    as_json: bool,
) -> int:
    from librex_models.analysis.solver_comparison import compare as comparison_of
    from librex_models.report.comparison_report import comparison_json, comparison_report
    from librex_models.report.json_report import json_text
    from librex_models.report.text import write_report

    with naming(task.name), prints_to_standard_error():
        found = comparison_of(task.model, solvers, forms, **arguments)
    if as_json:
        _print(lambda stream: stream.write(json_text(comparison_json(found))))
    else:
        _print(lambda stream: write_report(comparison_report(found), stream))
    if found.differences:
        _complain("\n".join([f"answers contradict: {task.name}", *found.differences]))
    elif found.best is None:
        _complain(f"no allocation: {task.name}: no solver has one that passes the verification")
    return SOLVED if found.agrees and found.best is not None else NO_ALLOCATION


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
            why = error.strerror or str(error) or "it says not why"
            raise FileError(f"standard output: cannot be written: {why}") from None


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    stream.write(text)
    stream.flush()


if __name__ == "__main__":
    main()
