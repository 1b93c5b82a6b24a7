"""The columns of a solution file as decisions, and its duals as those of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from librex_models.errors import FileError
from librex_models.families import AlphaFairness, NestedFairness, outer_of
from librex_models.problem.labels import label_texts
from librex_models.routes.route import Floats, Question
from librex_models.solution_files import Naming, SolutionFile
from solvers import Program
from solvers.file_names import CONSTANT, LOWER_SIDE, names_in_file
from solvers.file_rows import file_rows

KINDS = ("mps", "lp")
"""The kinds of exported files whose names differ; those of NL files are those of MPS files."""
OF_CURVED_FILES = ("welfare_of",)
"""Blocks of columns that stand for curved welfare in linear files."""
OBJECTIVE_OF_SCIP = "nlobjvar"
"""The column by which SCIP replaces an objective that is not linear."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """What a solution file says, in the terms of a model.

    Parameters
    ----------
    brought : array of shape (n_options,)
    row_dual : array of shape (n_rows,) or None
        The change of the welfare, as the Program has it, per unit of right-hand side.
    signs : tuple of float
        What turns the objective of the file into one that is maximised: 1 or -1, or either where
        the file does not say.
    is_curved : bool
        Whether the objective is the welfare itself where that is not linear.
    """

    brought: Floats
    row_dual: Floats | None
    signs: tuple[float, ...]
    is_curved: bool


def columns_of(
    file: SolutionFile, question: Question, program: Program, declared: Program
) -> Columns:
    """Return what a file with a point says.

    Parameters
    ----------
    file : SolutionFile
    question : Question
    program : Program
        As linear files hold it.
    declared : Program
        As NL files hold it.

    Raises
    ------
    FileError
        If it is of another model, or holds no value for an option; naming the line.
    """
    if file.naming is Naming.LABELS:
        _check_model(file, question)
        brought = _by_label(file, question)
        return Columns(brought=brought, row_dual=None, signs=(1.0,), is_curved=True)
    if file.naming is Naming.POSITIONS:
        brought = _by_position(file, question, program, declared)
        signs = _signs(file, program, None)
        return Columns(
            brought=brought,
            row_dual=_row_dual(file, program, _rows_by_position(file, program), signs[0]),
            signs=signs,
            is_curved=False,
        )
    kind = _kind(file, declared)
    signs = _signs(file, program, kind)
    names = names_in_file(program, kind or KINDS[0])
    return Columns(
        brought=_by_name(file, question, program, declared, kind or KINDS[0]),
        row_dual=_row_dual(file, program, names.rows, signs[0]),
        signs=signs,
        is_curved=OBJECTIVE_OF_SCIP in file.values,
    )


def _kind(file: SolutionFile, program: Program) -> str | None:
    """Return the kind of file whose names of columns there are; None where it does not show."""
    first, second = KINDS
    counts = [len(file.values.keys() & set(names_in_file(program, kind).columns)) for kind in KINDS]
    if counts[0] == counts[1]:
        return None
    return first if counts[0] > counts[1] else second


def _signs(file: SolutionFile, program: Program, kind: str | None) -> tuple[float, ...]:
    if file.is_maximised is not None:
        return (1.0,) if file.is_maximised else (-1.0,)
    if OBJECTIVE_OF_SCIP in file.values:
        return (1.0,)
    if kind == "mps" and file.costs:
        # SCIP reads NL files too, which have the names of MPS files and are maximised.
        cost = dict(zip(names_in_file(program, kind).columns, program.objective, strict=True))
        agreement = sum(cost.get(name, 0.0) * value for name, value in file.costs.items())
        if agreement:
            return (float(np.sign(agreement)),)
    if kind is None:
        return (-1.0, 1.0)
    return (1.0,) if kind == "lp" else (-1.0,)


def _by_name(
    file: SolutionFile, question: Question, program: Program, declared: Program, kind: str
) -> Floats:
    names = names_in_file(program, kind)
    wanted = names.columns[: question.problem.n_options]
    known = {*names.columns, *names_in_file(declared, kind).columns, CONSTANT}
    if declared.terms is not None:
        known.add(OBJECTIVE_OF_SCIP)
    # CBC may have printed rows among columns.
    known.update(names.rows, (f"{name}{LOWER_SIDE}" for name in names.rows))
    for name in file.values:
        is_curved = declared.terms is not None and name.startswith(OF_CURVED_FILES)
        if name not in known and not is_curved:
            raise file.error(
                f"the model has no column {name!r}: this is the solution of another one", name
            )
    return _taken(file, question, wanted, "column")


def _taken(file: SolutionFile, question: Question, names: Sequence[str], kind: str) -> Floats:
    """Return the values under names, in their order."""
    if not file.leaves_out_zeros:
        for name, option in zip(names, question.problem.options, strict=True):
            if name not in file.values:
                raise file.error(
                    f"there is no value for {kind} {name!r}, option {option!r}: the file is not "
                    "complete, or the solution of another model"
                )
    return np.array([file.values.get(name, 0.0) for name in names], dtype=np.float64)


def _by_position(
    file: SolutionFile, question: Question, program: Program, declared: Program
) -> Floats:
    sizes = {program.n_columns}
    if declared.terms is not None:
        sizes |= {declared.n_columns, declared.n_columns + len(declared.terms.columns)}
    if program.objective_constant or declared.terms is not None:
        sizes |= {size + 1 for size in sizes}
    if file.n_columns not in sizes:
        raise file.error(
            f"there are {file.n_columns} columns, and this model's file has {max(sizes)}: this is "
            "the solution of another one",
            "1",
        )
    names = [str(place) for place in range(1, question.problem.n_options + 1)]
    return _taken(file, question, names, "column")


def _rows_by_position(file: SolutionFile, program: Program) -> list[str]:
    """Return under which positions rows of the Program stand, empty where that is not known."""
    written = file_rows(program, program.row_names).names
    if file.n_rows not in (len(written), len(written) + 1):
        return [""] * program.n_rows
    # HiGHS has the objective as one more row, in MPS files the first, else the last.
    first = 1 if file.n_rows == len(written) or file.is_maximised else 2
    places = {name: str(place) for place, name in enumerate(written, first)}
    return [places.get(name, "") for name in program.row_names]


def _row_dual(
    file: SolutionFile, program: Program, names: Sequence[str], sign: float
) -> Floats | None:
    if not file.row_duals:
        return None
    other_sides = [f"{name}{LOWER_SIDE}" for name in names]
    dual = _numbers(file.row_duals, names) + _numbers(file.row_duals, other_sides)
    return sign * dual if program.maximise else -sign * dual


def _numbers(table: Mapping[str, float], names: Sequence[str]) -> Floats:
    return np.array([table.get(name, 0.0) for name in names], dtype=np.float64)


def _by_label(file: SolutionFile, question: Question) -> Floats:
    labels = label_texts(question.problem.options)
    known = set(labels)
    for label in file.values:
        if label not in known:
            raise file.error(
                f"the problem has no option {label!r}: this is the result of another one", label
            )
    return _taken(file, question, labels, "decision")


def _check_model(file: SolutionFile, question: Question) -> None:
    family, grouping, inner = question.family, question.grouping, None
    kind = grouping.kind if grouping.weighted is None else "group"
    if isinstance(family, NestedFairness):
        inner = family.inner_alpha
    elif family.key == "group_alpha_fair":
        inner = 0.0
    outer = outer_of(family)
    asked = {
        "model": family.key,
        "alpha": outer.alpha if isinstance(outer, AlphaFairness) else None,
        "inner_alpha": inner,
        "over": f"{kind}s" if family.compares_utilities else None,
    }
    for key, (said, line) in file.said.items():
        if said != asked[key]:
            raise FileError(
                f"{file.path}, line {line}: the result has {key} {said!r:.60}, and the model "
                f"{asked[key]!r}"
            )


def prices_of(file: SolutionFile, question: Question) -> Floats | None:
    """Return the prices of our own results by resource, None where some are not known."""
    labels = label_texts(question.problem.resources)
    if file.prices is None or not file.prices.keys() >= set(labels):
        return None
    return _numbers(file.prices, labels)
