"""A report as plain text, or with colours and frames on a terminal.

May import this package and rich, which is imported when a report is shown on a terminal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from librex_models.report.labels import printable
from librex_models.report.tables import Cell, Part, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

DIGITS = 6
WIDEST = 10_000
INDENT = "  "


def plain_text(parts: Iterable[Part]) -> str:
    """Return a report as text without colours, nothing cut off, lines as long as they are.

    Examples
    --------
    >>> table = Table(title="Budgets", columns=("resource", "budget"), rows=[("gpu", 64.0)])
    >>> print(plain_text(["One table.", table]), end="")
    One table.
    <BLANKLINE>
    Budgets
      resource  budget
      gpu           64
    """
    return (
        "\n\n".join(
            _lines_of(part) if isinstance(part, Table) else _sentences(part) for part in parts
        )
        + "\n"
    )


def write_report(parts: Iterable[Part], stream: TextIO) -> None:
    """Write a report: with frames and colours where the stream is a terminal, else as plain text.

    Parameters
    ----------
    parts : iterable of str and Table
    stream : text stream
    """
    kept = list(parts)
    if not stream.isatty():
        stream.write(plain_text(kept))
        return
    from rich.console import Console
    from rich.measure import Measurement
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    width = console.width
    for place, part in enumerate(kept):
        if place:
            console.print()
        if isinstance(part, str):
            # Text and not str: a label such as [red] is no markup.
            console.print(Text(_sentences(part)))
            continue
        table = _rich_table(part)
        # A table that is wider than the terminal wraps there: a number that is cut is another one.
        console.print(Text(_sentences(part.title), style="bold"))
        console.width = WIDEST
        console.width = max(width, Measurement.get(console, console.options, table).maximum)
        console.print(table)
        console.width = width
        if part.note:
            console.print(Text(_sentences(part.note), style="dim"))


def cell_text(cell: Cell) -> str:
    """Return what a cell shows: six digits of a number, nothing for None.

    Examples
    --------
    >>> cell_text(1 / 3), cell_text(None), cell_text(float("inf"))
    ('0.333333', '', 'inf')
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        return printable(cell)
    # Adding zero turns -0.0 into 0.0.
    return f"{cell + 0.0:.{DIGITS}g}" if math.isfinite(cell) else str(float(cell))


def _sentences(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def _lines_of(table: Table) -> str:
    cells = [[cell_text(cell) for cell in row] for row in table.rows]
    names = [printable(name) for name in table.columns]
    is_number = _columns_of_numbers(table)
    width = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = [
        INDENT
        + INDENT.join(
            text.rjust(width[k]) if is_number[k] else text.ljust(width[k])
            for k, text in enumerate(row)
        ).rstrip()
        for row in [names, *cells]
    ]
    if table.note:
        lines.append(INDENT + _sentences(table.note))
    return "\n".join([_sentences(table.title), *lines])


def _columns_of_numbers(table: Table) -> list[bool]:
    return [
        bool(table.rows) and not any(isinstance(row[k], str) for row in table.rows)
        for k in range(len(table.columns))
    ]


def _rich_table(table: Table) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for name, is_number in zip(table.columns, _columns_of_numbers(table), strict=True):
        shown.add_column(
            Text(printable(name)), justify="right" if is_number else "left", no_wrap=True
        )
    for row in table.rows:
        shown.add_row(*(Text(cell_text(cell)) for cell in row))
    return shown
