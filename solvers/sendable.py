"""What of a Program and its options can be sent to another process.

May import the Program, options and errors of this package.
"""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Sequence
from dataclasses import fields, replace
from typing import Any

from solvers.errors import OptionError
from solvers.options import SolveOptions
from solvers.program import Block, Program

BLOCKS = ("row_blocks", "column_blocks")


def with_plain_labels(program: Program) -> Program:
    """Return a Program with texts for labels: an object may be of a class only the caller knows."""
    return replace(
        program,
        row_blocks=_plain_blocks(program.row_blocks),
        column_blocks=_plain_blocks(program.column_blocks),
    )


def changed_parts(old: Program, new: Program) -> dict[str, Any]:
    """Return the parts of a Program that are not those of another."""
    parts = {
        field.name: getattr(new, field.name)
        for field in fields(Program)
        if getattr(new, field.name) is not getattr(old, field.name)
    }
    for name in parts.keys() & set(BLOCKS):
        parts[name] = _plain_blocks(parts[name])
    return parts


def _plain_blocks(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(Block(name=one.name, labels=_plain(one.labels)) for one in blocks)


def _plain(labels: Sequence[Hashable] | None) -> Sequence[Hashable] | None:
    if labels is None or isinstance(labels, range):
        return labels
    return [f"{label}" for label in labels]


def sendable(options: SolveOptions) -> dict[str, Any]:
    """Return the options without the log, which stays here.

    Raises
    ------
    OptionError
        If a native option cannot be sent.
    """
    for name, value in options.native.items():
        if not can_travel(value):
            raise OptionError(
                f"the native option {name!r} is {value!r}, which cannot be sent to a process of "
                "its own: leave it or the isolation out"
            )
    parts = {field.name: getattr(options, field.name) for field in fields(SolveOptions)}
    del parts["log"]
    return parts | {"native": dict(options.native)}


def can_travel(value: object) -> bool:
    """Return whether another process can be sent an object and knows what it is made of."""
    try:
        pickled = pickle.dumps(value)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError):
        return False
    # What stands in the script that was started is not found under this name elsewhere.
    return b"__main__" not in pickled
