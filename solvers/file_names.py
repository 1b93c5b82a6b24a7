"""Names of columns and rows that every reader of MPS and LP files takes. May import the Program.

A name is the block's with its label in brackets, ``x[job_17]``; in LP files, which have no square
ones, ``x(job_17)``. What a format does not take becomes an underscore, what is too long is cut, and
what is no longer unique gets a number; names lead back to labels through `Names.changed`. A label
stands behind a bracket, so that only the names of blocks may begin with a digit, or be a word of
the format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from solvers.program import Block, Program

# Readers take 255 characters, but CBC no more than 160 in MPS files, and 100 in LP files, where it
# replaces all names if one is longer. A row with two sides adds LOWER_SIDE to its name.
LONGEST = 90
LOWER_SIDE = "~lower"
ROOM_FOR_NUMBERS = 20
BRACKETS = {"mps": ("[", "]"), "nl": ("[", "]"), "lp": ("(", ")")}
# What every reader takes in the middle of a name.
_ILLEGAL = re.compile(r"[^A-Za-z0-9_.]")
# What a reader of LP files takes for a number, or for a word of its own.
_NUMBER = re.compile(r"[eE]?[0-9.]|inf", re.IGNORECASE)
_WORD = re.compile(
    r"(max|min)(imi[sz]e|imum)?|subject|such|st|s\.t\.|bounds?|free|gen(erals?)?|int(egers?)?|"
    r"bin(ary|aries)?|semis?|sec|sos[12]?|end(ata)?|nan|rhs|rng|bnd|marker|name|rows|columns|ranges",
    re.IGNORECASE,
)
OBJECTIVE = "welfare"
CONSTANT = "constant"


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of a Program in a file.

    Parameters
    ----------
    columns, rows : lists of str
        In the order of the Program, legal and unique.
    changed : dict
        For ``columns`` and ``rows``, the full name by the name in the file, where they differ.
    """

    columns: list[str]
    rows: list[str]
    changed: dict[str, dict[str, str]]


def names_in_file(program: Program, kind: str) -> Names:
    """Return the names of a Program's columns and rows in a file.

    Parameters
    ----------
    program : Program
    kind : "mps", "lp" or "nl"
    """
    legal = _Legal(BRACKETS[kind])
    columns, changed_columns = legal.names(program.column_blocks)
    rows, changed_rows = legal.names(program.row_blocks)
    return Names(
        columns=columns,
        rows=rows,
        changed={"columns": changed_columns, "rows": changed_rows},
    )


def _stem(name: str) -> str:
    """Return the legal name of a block."""
    legal = _ILLEGAL.sub("_", name)
    return f"_{legal}" if _NUMBER.match(legal) or _WORD.fullmatch(legal) or not legal else legal


class _Legal:
    """Makes names legal, and none of them twice.

    Parameters
    ----------
    brackets : (str, str)
    """

    def __init__(self, brackets: tuple[str, str]) -> None:
        self._left, self._right = brackets
        self._taken = {OBJECTIVE, f"minus_{OBJECTIVE}", CONSTANT}
        # The next number for a name that is taken.
        self._numbers: dict[str, int] = {}

    def names(self, blocks: tuple[Block, ...]) -> tuple[list[str], dict[str, str]]:
        """Return names for the members of blocks, and the full ones of those that had to change."""
        names: list[str] = []
        changed: dict[str, str] = {}
        for block in blocks:
            stem = _stem(block.name)
            end = "" if block.labels is None else self._right
            for full, start in zip(block.names(), self._wanted(stem, block), strict=True):
                name = self._unique(start, end)
                names.append(name)
                if self._in_square_brackets(name) != full:
                    changed[name] = full
        return names, changed

    def _wanted(self, stem: str, block: Block) -> list[str]:
        """Return what the names of a block are to begin with: all but the closing bracket."""
        if block.labels is None:
            return [stem]
        return [f"{stem}{self._left}{_ILLEGAL.sub('_', str(label))}" for label in block.labels]

    def _in_square_brackets(self, name: str) -> str:
        return name.replace(self._left, "[").replace(self._right, "]")

    def _unique(self, start: str, end: str) -> str:
        """Return a name that begins and ends so, cut to the longest, numbered where it is taken."""
        name = f"{start[: LONGEST - len(end)]}{end}"
        if name in self._taken or len(start) + len(end) > LONGEST:
            body = start[: LONGEST - ROOM_FOR_NUMBERS]
            number = self._numbers.get(body, 2)
            while (name := f"{body}_{number}{end}") in self._taken:
                number += 1
            self._numbers[body] = number + 1
        self._taken.add(name)
        return name
