"""A problem as the text of a problem file, the table of options inside it.

May import `librex_models.errors` and the plain texts of this package. What is at its default is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.labels import Floats, Labels
from librex_models.problem.option_table import COLUMNS
from librex_models.problem.plain_text import LARGEST_WHOLE_NUMBER
from librex_models.problem.toml_text import number_text, toml_key, toml_lines, toml_string

if TYPE_CHECKING:
    from librex_models.problem.allocation_problem import AllocationProblem

# A reader of CSV takes no longer field.
LONGEST_LABEL = 100_000

_FIELD_NEEDS_QUOTES = frozenset(',"\r\n')


def problem_text(problem: AllocationProblem) -> str:
    """Return the text of a problem file.

    Raises
    ------
    ParameterError
        If a problem file cannot hold a label, or that there is no resource; the message names it.
    """
    _check_resources(problem)
    _check_groups_served(problem)
    kinds = {
        "option": _kind_of("option", problem.options),
        "agent": _kind_of("agent", problem.agents),
        "group": _kind_of("group", problem.groups),
        "resource": _kind_of("resource", problem.resources),
    }
    if len(problem.extra_rows):
        kinds["row"] = _kind_of("extra row", problem.extra_rows.names)
    if _are_positions(problem.options):
        # What options are called without a column of their names.
        del kinds["option"]
    names = _Names(problem)
    tables = {
        "resources": _by_label(names.resources, problem.budget),
        "labels": [f'{key} = "integer"' for key, kind in kinds.items() if kind is int],
        "options": _options(problem, names),
        **_agents(problem, names),
        **_groups(problem, names),
        "decision": _decision(problem),
        **_rows(problem, names),
    }
    return "\n".join(
        "".join(f"{line}\n" for line in (f"[{name}]", *lines))
        for name, lines in tables.items()
        if lines
    )


class _Names:
    """The labels of a problem as texts."""

    def __init__(self, problem: AllocationProblem) -> None:
        self.options = [str(label) for label in problem.options]
        self.agents = [str(label) for label in problem.agents]
        self.groups = [str(label) for label in problem.groups]
        self.resources = [str(label) for label in problem.resources]
        self.rows = [str(label) for label in problem.extra_rows.names]

    @property
    def are_verbatim(self) -> bool:
        """Whether a reader that strips blanks would change one of them."""
        every = (self.options, self.agents, self.groups, self.resources, self.rows)
        return any(not name or name != name.strip() for names in every for name in names)


def _check_resources(problem: AllocationProblem) -> None:
    if not problem.n_resources:
        raise ParameterError("resources: there are none, and a problem file needs at least one")
    for resource in problem.resources:
        if resource in COLUMNS or resource == "":
            what = "is a column of its own" if resource else "is empty"
            raise ParameterError(
                f"resources: {resource!r} {what} in a problem file: call the resource something "
                "else"
            )


def _check_groups_served(problem: AllocationProblem) -> None:
    """Raise ParameterError where groups whose rewards are columns cannot be called so."""
    if problem.shared_reward is None:
        return
    taken = {*COLUMNS, *(str(resource) for resource in problem.resources), ""}
    for group in problem.groups:
        if str(group) in taken:
            raise ParameterError(
                f"group {group!r} has rewards of its own, and a problem file has another column of "
                "that name: call the group something else"
            )


def _kind_of(kind: str, labels: Labels) -> type:
    """Return whether all labels are texts or whole numbers; raise where they are not."""
    if isinstance(labels, range):
        return int
    wanted = type(labels[0])
    for label in labels:
        if type(label) is not wanted or wanted not in (str, int):
            raise ParameterError(
                f"{kind} {label!r} is of type {type(label).__name__}: in a problem file the labels "
                f"of {kind}s are all texts or all whole numbers"
            )
        if isinstance(label, int):
            if abs(label) > LARGEST_WHOLE_NUMBER:
                raise ParameterError(f"{kind} {label!r} has more than 18 digits: make it a text")
        elif isinstance(label, str):
            _check_text(kind, label)
    return wanted


def _are_positions(labels: Labels) -> bool:
    return list(labels) == list(range(len(labels)))


def _check_text(kind: str, label: str) -> None:
    if len(label) > LONGEST_LABEL:
        raise ParameterError(
            f"{kind} {label[:20]!r}... has {len(label):,} letters; a problem file holds at most "
            f"{LONGEST_LABEL:,}"
        )
    try:
        label.encode()
    except UnicodeEncodeError:
        raise ParameterError(
            f"{kind} {label!r} holds half of a surrogate pair, which UTF-8 cannot: rename it"
        ) from None


def _options(problem: AllocationProblem, names: _Names) -> list[str]:
    lines = ["verbatim = true"] if names.are_verbatim else []
    if problem.reward is None:
        lines.append("has_reward = false")
    if problem.shared_reward is not None:
        quoted = ", ".join(toml_string(name) for name in names.groups)
        lines.append(f"group_rewards = [{quoted}]")
    columns = _columns(problem, names)
    rows = zip(*columns.values(), strict=True)
    head = ",".join(_fields(columns))
    table = "".join(f"{line}\n" for line in (head, *(",".join(row) for row in rows)))
    return [*lines, f"csv = {toml_lines(table)}"]


def _columns(problem: AllocationProblem, names: _Names) -> dict[str, list[str]]:
    """Return the columns of the table of options, field by field."""
    agents, groups, owner = _fields(names.agents), _fields(names.groups), problem.agent_of_option
    columns = {"agent": [agents[i] for i in owner.tolist()]}
    if not _are_positions(problem.options):
        columns["option"] = _fields(names.options)
    is_own = list(problem.groups) == list(problem.agents)
    if problem.shared_reward is not None:
        dense = problem.shared_reward.toarray()
        columns |= {name: _numbers(dense[g]) for g, name in enumerate(names.groups)}
    elif not is_own or (problem.group_of_agent != np.arange(problem.n_agents)).any():
        columns["group"] = [groups[g] for g in problem.group_of_agent[owner].tolist()]
    if problem.reward is not None and problem.shared_reward is None:
        columns["reward"] = _numbers(problem.reward)
    requests = problem.requests
    dense = requests if isinstance(requests, np.ndarray) else requests.toarray()
    for k, name in enumerate(names.resources):
        columns[name] = _numbers(dense[:, k])
    for name, bounds in (("lower", problem.lower), ("upper", problem.upper)):
        if _the_same(bounds) is None:
            columns[name] = _numbers(bounds)
    if problem.integer.any() and not problem.integer.all():
        columns["integer"] = ["true" if whole else "false" for whole in problem.integer.tolist()]
    return columns


def _decision(problem: AllocationProblem) -> list[str]:
    lines = ["integer = true"] if problem.integer.all() else []
    for name, bounds, default in (("lower", problem.lower, 0.0), ("upper", problem.upper, 1.0)):
        bound = _the_same(bounds)
        if bound is not None and not _are_all(bounds, default):
            lines.append(f"{name} = {number_text(bound)}")
    return lines


def _agents(problem: AllocationProblem, names: _Names) -> dict[str, list[str]]:
    limits = {}
    if problem.limits_are_given:
        limits["limit"] = problem.agent_limit
    if not _are_all(problem.agent_minimum, 0.0):
        limits["minimum"] = problem.agent_minimum
    shared = {name: _the_same(numbers) for name, numbers in limits.items()}
    lines = [f"{name} = {number_text(one)}" for name, one in shared.items() if one is not None]
    by_agent = {name: numbers for name, numbers in limits.items() if shared[name] is None}
    return {
        "agents": lines,
        **_tables("agents", names.agents, by_agent),
        **_weights("agents", names.agents, problem.agent_weight, problem.agent_history),
    }


def _groups(problem: AllocationProblem, names: _Names) -> dict[str, list[str]]:
    return {
        "groups": ['utility = "sum"'] if problem.group_utility == "sum" else [],
        **_weights("groups", names.groups, problem.weight, problem.history),
    }


def _weights(table: str, names: list[str], weight: Floats, history: Floats) -> dict[str, list[str]]:
    given = {
        name: numbers
        for name, numbers, default in (("weight", weight, 1.0), ("history", history, 0.0))
        if not _are_all(numbers, default)
    }
    return _tables(table, names, given)


def _rows(problem: AllocationProblem, names: _Names) -> dict[str, list[str]]:
    rows, tables = problem.extra_rows, {}
    for i, name in enumerate(names.rows):
        sides = {"at_least": float(rows.lower[i]), "at_most": float(rows.upper[i])}
        place = slice(int(rows.matrix.indptr[i]), int(rows.matrix.indptr[i + 1]))
        options = [names.options[j] for j in rows.matrix.indices[place].tolist()]
        key = f"rows.{toml_key(name)}"
        tables[key] = [
            f"{side} = {number_text(number)}"
            for side, number in sides.items()
            if abs(number) < np.inf
        ]
        tables[f"{key}.coefficient"] = _by_label(options, rows.matrix.data[place])
    return tables


def _tables(table: str, names: list[str], given: dict[str, Floats]) -> dict[str, list[str]]:
    return {f"{table}.{name}": _by_label(names, numbers) for name, numbers in given.items()}


def _by_label(names: list[str], numbers: Floats) -> list[str]:
    texts = _numbers(numbers)
    return [f"{toml_key(name)} = {text}" for name, text in zip(names, texts, strict=True)]


def _numbers(numbers: Floats) -> list[str]:
    return [number_text(number) for number in numbers.tolist()]


def _fields(texts: Iterable[str]) -> list[str]:
    """Return fields of a CSV table, in quotes where it needs them."""
    return [_field(text) for text in texts]


def _field(text: str) -> str:
    if _FIELD_NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _the_same(numbers: Floats) -> float | None:
    """Return the number that all are, None where they differ."""
    first = float(numbers[0])
    return first if _are_all(numbers, first) else None


def _are_all(numbers: Floats, value: float) -> bool:
    """Return whether all numbers are this one, a negative zero being another than zero."""
    is_equal = (numbers == value) & (np.signbit(numbers) == np.signbit(value))
    return bool(is_equal.all())
