"""The table of options of a problem file: CSV, one row an option.

May import `librex_models.errors` only.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from librex_models.errors import FileError
from librex_models.problem.labels import plural
from librex_models.problem.plain_text import number_in, read_text, whole_number_in

REQUIRED = ("agent", "reward")
OPTIONAL = ("option", "group", "lower", "upper", "integer")
COLUMNS = (*REQUIRED, *OPTIONAL)
LABELS = ("option", "agent", "group")

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, kw_only=True, eq=False)
class OptionTable:
    """What a table of options holds.

    Parameters
    ----------
    path : str
        The file, for messages.
    arguments : dict
        Arguments of AllocationProblem, of one entry for each option, `group` too.
    lines : sequence of int
        The line of the file in which each option begins.
    """

    path: str
    arguments: dict[str, Any]
    lines: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class TableForm:
    """How a table of options is to be read.

    Parameters
    ----------
    ignore : sequence of str
        Columns that are not read.
    is_verbatim : bool
        Whether blanks at the ends of a field belong to it, and labels may be empty.
    has_reward : bool
        Whether there is a column of rewards.
    whole_numbers : frozenset of str
        Those of ``option``, ``agent`` and ``group`` whose labels are whole numbers.
    group_rewards : sequence of str
        The groups whose rewards are columns of their own; there are then no columns ``reward`` and
        ``group``.
    """

    ignore: Sequence[str] = ()
    is_verbatim: bool = False
    has_reward: bool = True
    whole_numbers: frozenset[str] = frozenset()
    group_rewards: Sequence[str] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that must be there, beside those of the resources."""
        if self.group_rewards:
            return ("agent", *self.group_rewards)
        return tuple(name for name in REQUIRED if name != "reward" or self.has_reward)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that there may be, beside those of the resources."""
        optional = [name for name in OPTIONAL if name != "group" or not self.group_rewards]
        return (*self.required, *optional)

    def readers(self) -> Mapping[str, Callable[[str, str], Any]]:
        """Return what reads the fields of a column; what is not here are numbers."""
        readers = dict(_READERS)
        if self.is_verbatim:
            readers |= dict.fromkeys(LABELS, _any_label)
        return readers | dict.fromkeys(self.whole_numbers, _whole_number)


def read_option_table(
    path: str | os.PathLike[str], resources: Sequence[str], form: TableForm | None = None
) -> OptionTable:
    """Return the options that a CSV file lists.

    Parameters
    ----------
    path : str or path
        UTF-8.
    resources : sequence of str
    form : TableForm, optional

    Raises
    ------
    FileError
        Naming the file, and the line and column of what is wrong.
    """
    return option_table(str(path), read_text(path), resources, form)


def option_table(
    name: str, text: str, resources: Sequence[str], form: TableForm | None = None
) -> OptionTable:
    """Return the options that a text lists.

    Parameters
    ----------
    name : str
        Where the text stands, for messages.
    text : str
        Separated by commas, the first row being the names of the columns: ``agent``, ``reward``
        and one for each resource; where wanted ``option``, ``group``, ``lower``, ``upper`` and
        ``integer``. Blank rows are passed over.
    resources : sequence of str
    form : TableForm, optional

    Raises
    ------
    FileError
        Naming the place, and the line and column of what is wrong.
    """
    form = TableForm() if form is None else form
    rows = _rows(name, text, form.is_verbatim)
    header_line, header = next(rows, (1, []))
    _check_header(f"{name}, line {header_line}", header, resources, form)
    readers = form.readers()
    lines: list[int] = []
    cells: dict[str, list[Any]] = {column: [] for column in header if column not in form.ignore}
    for line, row in rows:
        where = f"{name}, line {line}"
        if len(row) != len(header):
            raise FileError(
                f"{where}: {plural(len(row), 'field')}, expected {len(header)}: {', '.join(header)}"
            )
        lines.append(line)
        for column, field_text in zip(header, row, strict=True):
            if column in cells:
                read = readers.get(column, _number)
                cells[column].append(read(f"{where}, column {column!r}", field_text))
    if not lines:
        raise FileError(f"{name}: the table has no rows, expected one for each option")
    arguments = _arguments(cells, resources, form.group_rewards)
    return OptionTable(path=name, arguments=arguments, lines=lines)


def _rows(name: str, text: str, is_verbatim: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each row begins, and its fields; blank rows are left out."""
    # Line ends stay as they are: those inside quotes belong to the field.
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, skipinitialspace=not is_verbatim, strict=True)
    line = 1
    try:
        for row in reader:
            fields = row if is_verbatim else [field.strip() for field in row]
            if any(fields):
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise FileError(f"{name}, line {line}: not a CSV row: {error}") from None


def _check_header(
    where: str, header: Sequence[str], resources: Sequence[str], form: TableForm
) -> None:
    ignore = form.ignore
    if not header:
        raise FileError(
            f"{where}: the table is empty, expected a row with the names of the columns"
        )
    known = [*form.columns, *resources]
    for position, name in enumerate(header):
        if not name:
            raise FileError(f"{where}: column {position + 1} has no name")
        if name in header[:position]:
            raise FileError(f"{where}: column {name!r} stands twice")
        if name not in known and name not in ignore:
            raise FileError(f"{where}: {_unknown_column(name, known, header)}")
    for name in ignore:
        if name not in header:
            raise FileError(f"{where}: there is no column {name!r} to ignore")
    for name in (*form.required, *resources):
        if name not in header or name in ignore:
            kind = "" if name in form.required else " (a resource)"
            raise FileError(
                f"{where}: column {name!r}{kind} is missing; the columns are {', '.join(header)}"
            )


def _unknown_column(name: str, known: Sequence[str], header: Sequence[str]) -> str:
    free = [column for column in known if column not in header]
    near = difflib.get_close_matches(name.lower(), free, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
    return (
        f"unknown column {name!r}; {hint} A column that is not to be read goes into "
        f'ignore = ["{name}"] of [options]'
    )


def _number(where: str, text: str) -> float:
    number = number_in(text)
    if number is None:
        raise FileError(f"{where}: found {text!r}, expected a number such as 2.5")
    return number


def _upper_bound(where: str, text: str) -> float:
    return float("inf") if text.lower() in ("inf", "+inf") else _number(where, text)


def _label(where: str, text: str) -> str:
    if not text:
        raise FileError(f"{where}: found nothing, expected a label")
    return text


def _any_label(where: str, text: str) -> str:  # noqa: ARG001
    return text


def _whole_number(where: str, text: str) -> int:
    number = whole_number_in(text)
    if number is None:
        raise FileError(f"{where}: found {text!r}, expected a whole number such as 7")
    return number


def _truth_value(where: str, text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise FileError(f"{where}: found {text!r}, expected true or false")
    return _TRUTH[text.lower()]


_READERS: dict[str, Callable[[str, str], Any]] = {
    "agent": _label,
    "option": _label,
    "group": _label,
    "upper": _upper_bound,
    "integer": _truth_value,
}


def _arguments(
    cells: dict[str, list[Any]], resources: Sequence[str], group_rewards: Sequence[str]
) -> dict[str, Any]:
    arguments: dict[str, Any] = {name: cells[name] for name in COLUMNS if name in cells}
    if "option" in arguments:
        arguments["option_names"] = arguments.pop("option")
    arguments["requests"] = np.column_stack([cells[name] for name in resources])
    arguments["resource_names"] = list(resources)
    if group_rewards:
        arguments["reward"] = np.column_stack([cells[name] for name in group_rewards])
        arguments["group"] = list(group_rewards)
    return arguments
