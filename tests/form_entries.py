"""What the three forms of a question say, number by number under the names of rows and columns."""

from librex_models.forms.compiling import FORMS, compile_form
from librex_models.routes.route import Question
from solvers import Program


def programs_of_forms(question: Question) -> list[Program]:
    """Return the Programs of a question in arrays, Pyomo and CVXPY."""
    programs = []
    for form in FORMS:
        parametric, values = compile_form(
            form, question.problem, question.grouping, question.family
        )
        programs.append(parametric.program(values))
    return programs


def entries_of(program: Program) -> dict[tuple[str, str], float]:
    """Return the entries of the matrix that are not zero."""
    rows, columns, matrix = program.row_names, program.column_names, program.matrix.tocoo()
    return {
        (rows[r], columns[c]): number
        for r, c, number in zip(*matrix.coords, matrix.data, strict=True)
        if number != 0.0
    }


def objective_of(program: Program) -> dict[str, float]:
    """Return the coefficients of the objective that are not zero."""
    pairs = zip(program.column_names, program.objective, strict=True)
    return {column: number for column, number in pairs if number != 0.0}
