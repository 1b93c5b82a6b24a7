"""Models as files that any solver reads. For `Model.export`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from librex_models.errors import FileError, ParameterError
from librex_models.families import NestedFairness
from librex_models.linear_model import LinearModel, linear_model, scaled_terms
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
    relative_gap : float
        The best decision of the file is within this of the model's, in equivalent utility: 0 where
        the file is exact.
    least_equivalent : float
        The gap is kept if the best equivalent utility is at least this, also with less budget,
    negligible : float
        and no utility of the best decision is above its least but below this; 0 where that is all.
    exponent : int
        The objective is the welfare times 2^exponent: not 0 where welfare is huge or tiny.
    """

    path: Path
    sidecar: Path | None
    relative_gap: float = 0.0
    least_equivalent: float = 0.0
    negligible: float = 0.0
    exponent: int = 0


def export_model(
    question: Question,
    program: Program,
    path: str | os.PathLike[str],
    relative_gap: float = 1e-4,
) -> ExportedFile:
    """Write a model into a file; on any failure a file that was there stays whole.

    Parameters
    ----------
    question : Question
    program : Program
        The question in arrays.
    path : path
        Ends in ``.mps``, ``.mps.gz``, ``.lp`` or ``.nl``.
    relative_gap : float
        In equivalent utility, for alpha-fair welfare in files that are linear.

    Raises
    ------
    FileError
        If the name says no known kind, or the file cannot be written.
    ParameterError
        If the gap is not between 0 and 1.
    UnsolvableError
        If the gap is below 1e-7 and welfare is not linear.
    """
    if not 0.0 < relative_gap < 1.0:
        raise ParameterError(f"relative_gap is {relative_gap!r}, expected a number in (0, 1)")
    try:
        kind = kind_of(path)
        model = _in_file(question, program, kind, relative_gap)
        names = export(model.program, path, _notes(model))
    except CapabilityError as error:
        raise FileError(str(error)) from None
    except OSError as error:
        raise FileError(
            f"{os.fspath(path)}: cannot be written: {error.strerror or error}"
        ) from error
    changed = any(names.changed.values())
    return ExportedFile(
        path=Path(path),
        sidecar=sidecar_of(path) if changed else None,
        relative_gap=model.relative_gap,
        least_equivalent=model.least_equivalent,
        negligible=model.negligible,
        exponent=model.exponent,
    )


def _in_file(question: Question, program: Program, kind: str, relative_gap: float) -> LinearModel:
    """Return the Program as a kind of file can hold it."""
    if kind == "nl" and not isinstance(question.family, NestedFairness):
        return scaled_terms(question, program)
    return linear_model(question, program, relative_gap)


def _notes(model: LinearModel) -> list[str]:
    """Return what a reader of the file should know."""
    notes = []
    if model.relative_gap and model.is_above:
        notes.append(
            f"tangents of nested fairness: the optimum is at most {model.relative_gap:g} in"
            " equivalent utility above the best decision"
        )
    elif model.relative_gap:
        notes.append(
            f"tangents of alpha-fair welfare: the best decision is within {model.relative_gap:g} in"
            f" equivalent utility, wherever that is at least {model.least_equivalent!r}"
        )
    elif model.least_equivalent:
        notes.append(
            "alpha-fair welfare is exact wherever the best equivalent utility is at least"
            f" {model.least_equivalent!r}"
        )
    if model.negligible:
        notes.append(f"utilities below {model.negligible!r} count for less than they are")
    if model.exponent:
        notes.append(f"the objective is the welfare times 2^{model.exponent}")
    return notes
