"""Programs as files that any solver reads. May import this package.

MPS, compressed or not, and LP; see `write_mps` and `write_lp`. Where names had to change, a file
beside it says what they were.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from solvers.atomic_file import write_whole
from solvers.errors import CapabilityError
from solvers.file_names import Names, names_in_file
from solvers.program import Program
from solvers.write_lp import lp_parts
from solvers.write_mps import mps_parts

KINDS = {".mps": "mps", ".mps.gz": "mps", ".lp": "lp"}
"""The kinds of files, by how their names end."""


def export(program: Program, path: str | os.PathLike[str]) -> Names:
    """Write a Program into a file; on any failure a file that was there stays whole.

    Parameters
    ----------
    program : Program
        Without alpha-fair terms.
    path : str or path
        Ends in ``.mps``, ``.mps.gz`` or ``.lp``.

    Returns
    -------
    Names
        Of columns and rows in the file. What had to change is in ``path + ".names.json"`` too.

    Raises
    ------
    CapabilityError
        If the name says no known kind, or the Program has alpha-fair terms.
    ProgramError
        If the Program contradicts itself.
    OSError
        If the file cannot be written.
    """
    program.check()
    kind = kind_of(path)
    if program.terms is not None:
        raise CapabilityError(
            f"{Path(path).name}: alpha-fair terms have no place in {kind} files, which are linear"
        )
    names = names_in_file(program, kind)
    parts = mps_parts if kind == "mps" else lp_parts
    write_whole(path, parts(program, names))
    sidecar = sidecar_of(path)
    if any(names.changed.values()):
        text = json.dumps({"file": Path(path).name, **names.changed}, indent=1, ensure_ascii=False)
        write_whole(sidecar, [text, "\n"])
    else:
        # That of another model would lead astray.
        with suppress(FileNotFoundError):
            os.unlink(sidecar)
    return names


def kind_of(path: str | os.PathLike[str]) -> str:
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


def sidecar_of(path: str | os.PathLike[str]) -> Path:
    """Return where the names are written that had to change."""
    target = Path(path)
    return target.with_name(f"{target.name}.names.json")
