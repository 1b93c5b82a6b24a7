"""The command ``librex``: solve problem files, plan, export and compare them, check solutions.

Imports typer; everything else loads inside the commands, so that ``librex --help`` is quick.

Exit status: 0 solved, 1 no allocation, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from librex_models.command_output import (
    NO_ALLOCATION,
    SOLVED,
    complain,
    errors_in_words,
    log_line,
    print_allocation,
    print_answer,
)
from librex_models.environment import SOLVER_VARIABLE
from librex_models.errors import UnsolvableError
from librex_models.standard_output import prints_to_standard_error
from librex_models.task import Task, check_solver, naming, task_of

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
AllRows = Annotated[bool, typer.Option("--all", help="Print every row of long tables.")]
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
    all_rows: AllRows = False,
    log: Annotated[
        bool, typer.Option("--log", help="Print what the solver prints, to standard error.")
    ] = False,
) -> None:
    """Solve a problem and print who gets what, with its certificate.

    Exit status: 0 solved, 1 no allocation (with the reason), 2 bad input (with file, line or key).
    """
    with errors_in_words():
        wanted = {"relative_gap": gap, "time_limit_seconds": time_limit}
        given = {name: value for name, value in wanted.items() if value is not None}
        task = task_of(file, instance, solver)
        arguments = task.arguments | given | {"log": log_line if log else None}
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
    with errors_in_words():
        task = task_of(file, instance, solver)
        status = _plan_and_print(task, as_json)
    raise typer.Exit(status)


@app.command()
def check(
    solution: Annotated[
        str,
        typer.Argument(
            metavar="SOLUTION",
            help="A solution file of HiGHS, SCIP, Gurobi, GLPK or CBC, or a result of "
            "librex solve --json.",
        ),
    ],
    file: File,
    solver: Solver = None,
    form: LanguageOfModel = None,  # noqa: ARG001
    as_json: AsJson = False,
    time_limit: TimeLimit = None,  # noqa: ARG001
    gap: Gap = None,
    instance: Instance = None,
    all_rows: AllRows = False,
) -> None:
    """Check a solution of what `librex export` wrote, without a solver, and print who gets what.

    Every option of `librex solve` is accepted; --solver, --form and --time-limit change nothing.

    Exit status: 0 it passes the verification, 1 it does not or there is none, 2 bad input.
    """
    with errors_in_words():
        task = task_of(file, instance, solver)
        wanted = task.arguments.get("relative_gap") if gap is None else gap
        status = _check_and_print(task, solution, wanted, as_json, all_rows)
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
    with errors_in_words():
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
    with errors_in_words():
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
    with errors_in_words():
        from librex_models.report.json_report import json_text
        from librex_models.report.solver_list import solver_list, solver_report
        from librex_models.report.text import write_report

        if as_json:
            print_answer(lambda stream: stream.write(json_text(solver_list())))
        else:
            print_answer(lambda stream: write_report(solver_report(), stream))


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
    with errors_in_words():
        from librex_models.file_schema import problem_file_schema
        from librex_models.problem.plain_text import write_text
        from librex_models.report.json_report import json_text
        from librex_models.report.result_schema import result_schema

        text = json_text(result_schema() if result else problem_file_schema())
        if out is None:
            print_answer(lambda stream: stream.write(text))
        else:
            write_text(out, text)


def _solve_and_print(task: Task, arguments: dict[str, Any], as_json: bool, all_rows: bool) -> int:
    task.check_readiness()
    with naming(task.name), prints_to_standard_error():
        allocation = task.model.solve(solver=task.solver, **arguments)
    return print_allocation(allocation, task.name, as_json, all_rows)


def _check_and_print(
    task: Task, solution: str, gap: float | None, as_json: bool, all_rows: bool
) -> int:
    from librex_models.analysis.solution_checks import first_level, read_solution

    with naming(task.name):
        # What is wrong with the problem is not said of the solution.
        first_level(task.model).to_program()
    given = {} if gap is None else {"relative_gap": gap}
    try:
        allocation = read_solution(solution, task.model, **given)
    except UnsolvableError:
        with naming(task.name):
            raise
    return print_allocation(allocation, solution, as_json, all_rows)


def _plan_and_print(task: Task, as_json: bool) -> int:
    from librex_models.analysis.solver_plans import plan as plan_of
    from librex_models.report.json_report import json_text
    from librex_models.report.plan_report import plan_json, plan_report
    from librex_models.report.text import write_report

    with naming(task.name):
        route = task.arguments.get("route", "auto")
        found = plan_of(task.model, task.solver, route, task.solvers_to_list())
    if as_json:
        print_answer(lambda stream: stream.write(json_text(plan_json(found))))
    else:
        print_answer(lambda stream: write_report(plan_report(found), stream))
    if found.chosen is not None:
        return SOLVED
    complain(f"no solver: {task.name}: {found.why_none}")
    return NO_ALLOCATION


def _export_and_print(task: Task, out: str, as_json: bool, gap: float | None) -> None:
    from librex_models.report.export_report import export_json, export_report
    from librex_models.report.json_report import json_text

    with naming(task.name):
        written = task.model.export(out) if gap is None else task.model.export(out, gap)
    text = json_text(export_json(written)) if as_json else export_report(written)
    print_answer(lambda stream: stream.write(text))


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
        print_answer(lambda stream: stream.write(json_text(comparison_json(found))))
    else:
        print_answer(lambda stream: write_report(comparison_report(found), stream))
    if found.differences:
        complain("\n".join([f"answers contradict: {task.name}", *found.differences]))
    elif found.best is None:
        complain(f"no allocation: {task.name}: no solver has one that passes the verification")
    return SOLVED if found.agrees and found.best is not None else NO_ALLOCATION


if __name__ == "__main__":
    main()
