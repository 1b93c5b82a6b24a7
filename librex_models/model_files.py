"""Models as files that any solver reads. For `Model.export`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from librex_models.errors import FileError, UnsolvableError
from librex_models.families import AlphaFairness
from librex_models.routes.exact_linear import ExactLinear, is_single_choice
from librex_models.routes.route import Question
from solvers import Program
from solvers.errors import CapabilityError
from solvers.export import export, kind_of, sidecar_of


@dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """What was written.

    Parameters
    ----------
    path : Path
    sidecar : Path or None
        Where the names are that had to change, by those in the file; None where none had to.
    """

    path: Path
    sidecar: Path | None


def export_model(
    question: Question, program: Program, path: str | os.PathLike[str]
) -> ExportedFile:
    """Write a model into a file; on any failure a file that was there stays whole.

    Parameters
    ----------
    question : Question
    program : Program
        The question in arrays.
    path : path
        Ends in ``.mps``, ``.mps.gz`` or ``.lp``.

    Raises
    ------
    FileError
        If the name says no known kind, or the file cannot be written.
    UnsolvableError
        If the welfare has no exact place in a linear file.
    """
    try:
        kind_of(path)
        names = export(_linear(question, program), path)
    except CapabilityError as error:
        raise FileError(str(error)) from None
    except OSError as error:
        raise FileError(
            f"{os.fspath(path)}: cannot be written: {error.strerror or error}"
        ) from error
    changed = any(names.changed.values())
    return ExportedFile(path=Path(path), sidecar=sidecar_of(path) if changed else None)


def _linear(question: Question, program: Program) -> Program:
    """Return the Program without alpha-fair terms."""
    family = question.family
    if program.terms is None or not isinstance(family, AlphaFairness):
        return program
    if is_single_choice(question.problem, question.grouping):
        return ExactLinear().program(question, program)
    raise UnsolvableError(
        f"alpha-fair welfare with alpha {family.alpha:g} is not linear, and files are: only whole "
        "decisions of which each utility depends on one at most can be exported"
    )
