"""The problem tables of a TOML problem file: their keys, and the problem that they describe.

May import `librex_models.errors` and `pydantic`; is itself imported when a problem file is read.

The tables ``[fairness]`` and ``[solver]`` belong to `librex_models.configuration`.
"""

from __future__ import annotations

import difflib
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

import pydantic
from pydantic_core import PydanticCustomError

from librex_models.errors import FileError, ParameterError, ProblemError
from librex_models.problem.allocation_problem import AllocationProblem
from librex_models.problem.labels import group_of_each_agent
from librex_models.problem.option_table import (
    COLUMNS,
    LABELS,
    OptionTable,
    TableForm,
    option_table,
    read_option_table,
)
from librex_models.problem.plain_text import read_text, stream_text, whole_number_in
from librex_models.problem.rows import Rows

# The kind of error that a check of several keys at once raises: its message names the keys itself.
COMBINATION = "combination"

Source = str | os.PathLike[str] | IO[str]


class Table(pydantic.BaseModel):
    """A table of a problem file: known keys only, no value taken for another type, frozen."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)

    # Keys that have a meaning, but not yet.
    later: ClassVar[frozenset[str]] = frozenset()


def _kind_of_numbers(value: object) -> str:
    return "table" if isinstance(value, Mapping) else "number"


Label = Annotated[str, pydantic.Field(min_length=1)]
LabelKind = Literal["text", "integer"]
# A number for all, or one for each label: {label: number}.
Numbers = Annotated[
    Annotated[float, pydantic.Tag("number")] | Annotated[dict[str, float], pydantic.Tag("table")],
    pydantic.Discriminator(_kind_of_numbers),
]


class OptionsTable(Table):
    """``[options]``: the CSV file, relative to the problem file, or its text; how to read it."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["table"]}, {"required": ["csv"]}]}
    )

    table: Label | None = None
    csv: str | None = None
    ignore: list[Label] = []
    verbatim: bool = False
    has_reward: bool = True
    group_rewards: list[Label] = []

    @pydantic.model_validator(mode="after")
    def _check_one_table(self) -> Self:
        if self.table is None and self.csv is None:
            raise PydanticCustomError(
                COMBINATION,
                "key 'options.table' is missing: the path of a CSV file; or options.csv, its text",
            )
        if self.table is not None and self.csv is not None:
            raise PydanticCustomError(
                COMBINATION, "options.table and options.csv are both given: keep one"
            )
        return self


class LabelsTable(Table):
    """``[labels]``: whether labels are texts or whole numbers."""

    option: LabelKind = "text"
    agent: LabelKind = "text"
    group: LabelKind = "text"
    resource: LabelKind = "text"
    row: LabelKind = "text"


class AgentsTable(Table):
    """``[agents]``: limits for all or by name; weights and histories by name."""

    limit: Numbers | None = None
    minimum: Numbers | None = None
    weight: dict[str, float] | None = None
    history: dict[str, float] | None = None


class GroupsTable(Table):
    """``[groups]``: mean or sum; weights and histories by name."""

    utility: Literal["mean", "sum"] = "mean"
    weight: dict[str, float] | None = None
    history: dict[str, float] | None = None


class DecisionTable(Table):
    """``[decision]``: the same for every option; else these are columns of the table."""

    integer: bool | None = None
    lower: float | None = None
    upper: float | None = None


class RowTable(Table):
    """``[rows.NAME]``: a linear row over decisions, its coefficients by option."""

    at_least: float | None = None
    at_most: float | None = None
    coefficient: dict[str, float]


class ProblemTables(Table):
    """The tables that make the problem."""

    resources: Annotated[dict[Label, float], pydantic.Field(min_length=1)]
    options: OptionsTable
    labels: LabelsTable = LabelsTable()
    agents: AgentsTable = AgentsTable()
    groups: GroupsTable = GroupsTable()
    decision: DecisionTable = DecisionTable()
    rows: dict[str, RowTable] = {}


class ProblemFile(ProblemTables):
    """A problem file of which only the problem is wanted: the other tables are not looked into."""

    fairness: Any = None
    solver: Any = None
    thompson: Any = None


Schema = TypeVar("Schema", bound=Table)


def read_tables(source: Source, schema: type[Schema]) -> tuple[str, Schema]:
    """Return the name of a problem file for messages, and its tables.

    Parameters
    ----------
    source : path or text stream
    schema : subclass of Table

    Raises
    ------
    FileError
        Naming the file, and the line of what is not TOML, or every key that is unknown, missing or
        of the wrong type.
    """
    if isinstance(source, (str, os.PathLike)):
        name, text = os.fspath(source), read_text(source)
    else:
        name = str(getattr(source, "name", "problem file"))
        text = stream_text(source, name)
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise FileError(f"{name}: not TOML that can be read: nested too deeply") from None
    except ValueError as error:
        last = text.rstrip("\n").count("\n") + 1
        message = str(error).replace("(at end of document)", f"(at the end of line {last})")
        raise FileError(f"{name}: not TOML: {message}") from None
    try:
        return name, schema.model_validate(document)
    except pydantic.ValidationError as error:
        complaints = list(_complaints(error, document, schema))
        raise FileError("\n".join(f"{name}: {line}" for line in complaints)) from None


def folder_of(source: Source) -> Path:
    """Return the folder in which relative paths of a problem file start."""
    return Path(source).parent if isinstance(source, (str, os.PathLike)) else Path()


def problem_of_tables(
    name: str, tables: ProblemTables, folder: str | os.PathLike[str]
) -> AllocationProblem:
    """Return the problem that the tables of a problem file describe.

    Parameters
    ----------
    name : str
        The problem file, for messages.
    tables : ProblemTables
    folder : path
        Where a relative path to the table of options starts.

    Raises
    ------
    FileError
        Naming the file, and where it is known the line, of what breaks a rule.
    """
    resources = list(tables.resources)
    for resource in resources:
        if resource in COLUMNS:
            raise FileError(
                f"{name}: resources.{resource}: {resource!r} is a column of its own, call the "
                "resource something else"
            )
    table = _option_table(name, tables, folder)
    arguments = dict(table.arguments)
    if tables.labels.resource == "integer":
        arguments["resource_names"] = [_label(name, "resources", one) for one in resources]
    for key, value in _given(tables.decision):
        if key in arguments:
            raise FileError(
                f"{name}: decision.{key} is given, and {table.path} has a column {key!r}: keep one"
            )
        arguments[key] = value
    arguments |= {
        f"agent_{key}": _by_label(name, f"agents.{key}", value, tables.labels.agent)
        for key, value in _given(tables.agents)
    }
    arguments |= {
        key: _by_label(name, f"groups.{key}", value, tables.labels.group)
        for key, value in _given(tables.groups)
    }
    arguments["group_utility"] = arguments.pop("utility")
    if tables.rows:
        has_names = "option_names" in arguments
        kind = tables.labels.option if has_names else "integer"
        arguments["extra_rows"] = _rows(name, tables, kind)
    try:
        if tables.options.group_rewards:
            if tables.labels.group == "integer":
                arguments["group"] = [
                    _label(name, "options.group_rewards", one) for one in arguments["group"]
                ]
        elif "group" in arguments:
            arguments["group"] = _group_of_each_agent(table)
        return AllocationProblem(budget=list(tables.resources.values()), **arguments)
    except ProblemError as error:
        raise FileError(f"{name}: {error}{_lines_of_option(str(error), table)}") from error


def _option_table(name: str, tables: ProblemTables, folder: str | os.PathLike[str]) -> OptionTable:
    options, resources = tables.options, list(tables.resources)
    for group in options.group_rewards:
        if group in COLUMNS or group in resources or options.group_rewards.count(group) > 1:
            what = "a resource" if group in resources else "a column of its own"
            what = "there twice" if options.group_rewards.count(group) > 1 else what
            raise FileError(
                f"{name}: options.group_rewards: {group!r} is {what}, call the group something else"
            )
    form = TableForm(
        ignore=options.ignore,
        is_verbatim=options.verbatim,
        has_reward=options.has_reward,
        group_rewards=options.group_rewards,
        whole_numbers=frozenset(
            kind for kind in LABELS if getattr(tables.labels, kind) == "integer"
        ),
    )
    if options.table is None:
        return option_table(f"{name}: options.csv", options.csv or "", resources, form)
    path = Path(folder) / options.table
    if not path.exists():
        raise FileError(f"{name}: options.table is {options.table!r}, but {path} is not there")
    return read_option_table(path, resources, form)


def _by_label(name: str, key: str, value: Any, kind: LabelKind) -> Any:
    """Return numbers by label, the labels of the kind that they have in the table."""
    if kind == "text" or not isinstance(value, Mapping):
        return value
    return {_label(name, key, label): number for label, number in value.items()}


def _label(name: str, key: str, label: str) -> int:
    number = whole_number_in(label)
    if number is None:
        raise FileError(f"{name}: {key}: found {label!r}, expected a whole number such as 7")
    return number


def _rows(name: str, tables: ProblemTables, options: LabelKind) -> Rows:
    """Return the linear rows by the labels that options and rows have in the problem."""
    rows = tables.rows.values()
    names: list[Any] = list(tables.rows)
    if tables.labels.row == "integer":
        names = [_label(name, "rows", one) for one in names]
    return Rows(
        [
            _by_label(name, f"rows.{key}.coefficient", row.coefficient, options)
            for key, row in tables.rows.items()
        ],
        lower=[-math.inf if row.at_least is None else row.at_least for row in rows],
        upper=[math.inf if row.at_most is None else row.at_most for row in rows],
        names=names,
    )


def _given(table: Table) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in table if value is not None)


def _group_of_each_agent(table: OptionTable) -> dict[Any, Any]:
    agent, group = table.arguments["agent"], table.arguments["group"]
    try:
        return group_of_each_agent(agent, group)
    except ParameterError as error:
        first: dict[str, int] = {}
        for place, owner in enumerate(agent):
            if group[first.setdefault(owner, place)] != group[place]:
                lines = f"{table.lines[first[owner]]} and {table.lines[place]}"
                break
        raise ParameterError(f"{error} ({table.path}, lines {lines})") from None


def _lines_of_option(message: str, table: OptionTable) -> str:
    """Return where the option stands that a message names, or nothing."""
    options = table.arguments.get("option_names", range(len(table.lines)))
    # Every message names an option in this way, and goes on with a blank.
    found = [
        str(line)
        for option, line in zip(options, table.lines, strict=True)
        if f"option {option!r} " in message
    ]
    if not found:
        return ""
    return f" ({table.path}, line{'' if len(found) == 1 else 's'} {' and '.join(found)})"


def _complaints(
    error: pydantic.ValidationError, document: Mapping[str, Any], schema: type[Table]
) -> Iterator[str]:
    """Yield a sentence for every key that is wrong."""
    for detail in error.errors(include_url=False):
        keys = _keys(detail["loc"], document)
        path = ".".join(keys)
        if detail["type"] == "extra_forbidden":
            yield _unknown_key(keys, schema)
        elif detail["type"] == "missing":
            yield f"key {path!r} is missing"
        elif detail["type"] == COMBINATION:
            yield detail["msg"]
        elif detail["type"] in ("model_type", "model_attributes_type"):
            yield f"{path} is {detail['input']!r}, expected a table [{path}]"
        else:
            wanted = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
            wanted = wanted[:1].lower() + wanted[1:]
            yield f"{path} is {detail['input']!r}, {wanted}"


def _keys(location: tuple[int | str, ...], document: Any) -> list[str]:
    """Return the keys that lead to a value, without the marks that pydantic adds itself."""
    keys = []
    for place, part in enumerate(location):
        is_inside = isinstance(document, Mapping) and part in document
        if is_inside or (isinstance(document, list) and isinstance(part, int)):
            document = document[part]
        elif place < len(location) - 1 or not isinstance(document, Mapping):
            continue
        keys.append(str(part))
    return keys


def _unknown_key(keys: list[str], schema: type[Table]) -> str:
    table: Any = schema
    for key in keys[:-1]:
        # Tables of tables, such as [rows.NAME], are dictionaries.
        inside = get_args(table)
        table = inside[1] if inside else table.model_fields[key].annotation
    path = ".".join(keys)
    if keys[-1] in table.later:
        return f"{path} is not supported yet: leave it out"
    known = list(table.model_fields)
    near = difflib.get_close_matches(keys[-1], known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here are {', '.join(known)}"
    return f"unknown key {path!r}; {hint}"
