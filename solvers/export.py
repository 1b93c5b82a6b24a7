"""Programs as files that any solver reads. May import this package.

MPS, compressed or not, LP and NL; see `write_mps`, `write_lp` and `write_nl`. Where names had to
change, a file beside it says what they were.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

from solvers.atomic_file import Name, write_all_whole
from solvers.errors import CapabilityError
from solvers.file_names import Names, names_in_file
from solvers.program import Program, check_no_perspectives
from solvers.whole_bounds import whole_bounds
from solvers.write_lp import lp_parts
from solvers.write_mps import mps_parts
from solvers.write_nl import column_names, nl_parts, row_names

KINDS = {".mps": "mps", ".mps.gz": "mps", ".lp": "lp", ".nl": "nl"}
"""The kinds of files, by how their names end."""


def export(program: Program, path: Name, notes: Sequence[str] = ()) -> Names:
    """Write a Program into a file; on any failure a file that was there stays whole.

    Parameters
    ----------
    program : Program
        Without alpha-fair terms, unless the file is an NL one.
    path : str or path
        Ends in ``.mps``, ``.mps.gz``, ``.lp`` or ``.nl``.
    notes : sequence of str
        Lines for the reader, as comments; NL files have none.

    Returns
    -------
    Names
        Of columns and rows in the file. What had to change is in ``path + ".names.json"`` too.
        Those of an NL file are in files that end in ``.col`` and ``.row``.

    Raises
    ------
    CapabilityError
        If the name says no known kind, or one that is linear and the Program has alpha-fair terms.
    ProgramError
        If the Program contradicts itself.
    OSError
        If the file cannot be written.
    """
    program.check()
    kind = kind_of(path)
    check_no_perspectives(program, Path(path).name)
    if program.terms is not None and kind != "nl":
        raise CapabilityError(
            f"{Path(path).name}: alpha-fair terms have no place in {kind} files, which are linear"
        )
    lower, upper = whole_bounds(program)
    if (lower <= upper).all():
        # Else there is nothing to find, and readers take crossed bounds for a mistake.
        program = replace(program, column_lower=lower, column_upper=upper)
    names = names_in_file(program, kind)
    files = _files(program, names, Path(path), kind, notes)
    sidecar = sidecar_of(path)
    if any(names.changed.values()):
        text = json.dumps({"file": Path(path).name, **names.changed}, indent=1, ensure_ascii=False)
        files[sidecar] = [text, "\n"]
    write_all_whole(files)
    if sidecar not in files:
        # That of another model would lead astray.
        with suppress(FileNotFoundError):
            os.unlink(sidecar)
    return names


def _files(
    program: Program, names: Names, path: Path, kind: str, notes: Sequence[str]
) -> dict[Name, Iterable[str]]:
    """Return the parts of the model's file, and of those that belong to it."""
    if kind == "nl":
        return {
            path: nl_parts(program, names),
            path.with_suffix(".col"): column_names(program, names),
            path.with_suffix(".row"): row_names(names),
        }
    mark, parts = ("*", mps_parts) if kind == "mps" else ("\\", lp_parts)
    return {path: chain((f"{mark} {note}\n" for note in notes), parts(program, names))}


def kind_of(path: Name) -> str:
    """Return the kind of file that a name says, in any case.

    Raises
    ------
    CapabilityError
        If it says none that is known.
    """
    name = Path(path).name.lower()
    for end, kind in sorted(KINDS.items(), key=lambda pair: -len(pair[0])):
        if name.endswith(end):
            return kind
    raise CapabilityError(f"{Path(path).name!r} ends in none of {', '.join(KINDS)}")


def sidecar_of(path: Name) -> Path:
    """Return where the names are written that had to change."""
    target = Path(path)
    return target.with_name(f"{target.name}.names.json")
