"""Columns of a data frame of any kind, and the problem that a data frame describes.

May import `librex_models.errors` and `narwhals`; is itself imported when a frame is first seen.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import (
    as_labels,
    as_numbers,
    check_unique,
    group_of_each_agent,
    label_index,
)

COLUMNS_OF_OPTIONS = ("reward", "lower", "upper", "integer")


def column_values(frame: Any, name: Any) -> Any:
    """Return the values of one column of a data frame.

    Parameters
    ----------
    frame : pandas, Polars, PyArrow or any other data frame that narwhals reads
    name : hashable
        The name of the column; in pandas it may be something else than a string.

    Returns
    -------
    array or list of shape (n_rows,)
        An array for numbers (NaN where one is missing), else a list of Python objects.

    Raises
    ------
    ParameterError
        If it is no data frame, or the column is missing; the message says what there is.

    Examples
    --------
    >>> import pandas
    >>> column_values(pandas.DataFrame({"agent": ["ann", "bob"]}), "agent")
    ['ann', 'bob']
    """
    return _values(_as_frame(frame), name)


def arguments_of_frame(frame: Any, resources: Sequence[Hashable]) -> dict[str, Any]:
    """Return the arguments of AllocationProblem that a data frame holds, one row an option.

    Parameters
    ----------
    frame : pandas, Polars, PyArrow or any other data frame that narwhals reads
        One column for each resource, and where present ``reward``, ``agent``, ``group``,
        ``lower``, ``upper``, ``integer`` and ``option`` (names). Other columns are not read.
    resources : sequence of labels
        The columns that are requests.

    Returns
    -------
    dict
        ``requests`` and ``resource_names``, and one argument for each column present. The names of
        the options come from the column ``option``, else from a pandas index that is not just
        positions.

    Raises
    ------
    ParameterError
        If a column is missing, or two options of one agent have different groups.

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"agent": ["ann", "bob"], "gpu": [1.0, 2.0]})
    >>> sorted(arguments_of_frame(frame, ["gpu"]))
    ['agent', 'requests', 'resource_names']
    """
    table = _as_frame(frame)
    names = as_labels(resources, "resources")
    check_unique(names, "resource")
    if not names:
        raise ShapeError("resources is empty: name the columns that are requests")
    arguments: dict[str, Any] = {
        "requests": np.column_stack(
            [as_numbers(_values(table, name), f"requests of resource {name!r}") for name in names]
        ),
        "resource_names": names,
    }
    found = [name for name in COLUMNS_OF_OPTIONS if name in table.columns and name not in names]
    arguments.update((name, _values(table, name)) for name in found)
    arguments.update(_names_of_options(frame, table))
    if "agent" in table.columns:
        arguments["agent"] = as_labels(_values(table, "agent"), "agent")
    if "group" in table.columns:
        group = as_labels(_values(table, "group"), "group")
        # Without agents every option is an agent, so that groups of options are groups of agents.
        owner = arguments.get("agent")
        arguments["group"] = group if owner is None else group_of_each_agent(owner, group)
    return arguments


def _as_frame(frame: Any) -> nw.DataFrame[Any]:
    try:
        table: nw.DataFrame[Any] = nw.from_native(frame, eager_only=True)
        check_unique(table.columns, "column")
    except (TypeError, nw.exceptions.NarwhalsError) as error:
        raise ParameterError(
            f"a {type(frame).__name__} cannot be read as a data frame: {error}"
        ) from None
    return table


def _values(table: nw.DataFrame[Any], name: Any) -> Any:
    if name not in table.columns:
        has = ", ".join(repr(column) for column in table.columns) or "none"
        raise ParameterError(f"the frame has no column {name!r}; its columns are {has}")
    column = table.get_column(name)
    return column.to_numpy() if column.dtype.is_numeric() else column.to_list()


def _names_of_options(frame: Any, table: nw.DataFrame[Any]) -> dict[str, Any]:
    if "option" in table.columns:
        return {"option_names": as_labels(_values(table, "option"), "option")}
    index = label_index(frame)
    if index is None or index == list(range(len(index))):
        return {}
    return {"option_names": index}
