"""The content of a report on one allocation: sentences and tables, whatever they are shown on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from librex_models.allocation import Allocation
from librex_models.families import NestedFairness
from librex_models.problem.labels import label_texts, plural
from librex_models.report.measures import (
    chosen_options,
    earned_by_option,
    family_name,
    reported_grouping,
    served_by_group,
    settled_texts,
    share_of_budget,
    shown_prices,
    two_digits,
    used_by_option,
    utility_of_groups,
    why_not,
)

Cell = str | float | None

MOST_ROWS = 50
MOST_NAMES = 3


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: texts stand left, numbers right, None is an empty cell.

    Parameters
    ----------
    title : str
    columns : sequence of str
    rows : sequence of rows
        A row has one cell for each column.
    note : str
        A sentence below the table.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


Part = str | Table


def allocation_report(allocation: Allocation, most_rows: int | None = MOST_ROWS) -> list[Part]:
    """Return what there is to say about an allocation.

    Parameters
    ----------
    allocation : Allocation
        Without a point, or refuted, there are sentences only.
    most_rows : int or None
        Tables of groups and options end here, and say so; None for all rows.

    Returns
    -------
    list of str and Table
        What was solved and how, the certificate, budgets and prices, who gets what, fairness.
    """
    parts: list[Part] = [_headline(allocation), *_attempts(allocation), _certificate(allocation)]
    reason = why_not(allocation)
    if reason:
        return [*parts, f"No allocation: {reason}"]
    parts.append(_welfare_table(allocation))
    if allocation.certificate.levels:
        parts.append(_level_table(allocation, most_rows))
    parts.append(_resource_table(allocation))
    if allocation.problem.n_groups < allocation.problem.n_agents:
        parts.append(_group_table(allocation, most_rows))
    return [*parts, option_table(allocation, most_rows), _fairness_table(allocation)]


def option_table(allocation: Allocation, most_rows: int | None = MOST_ROWS) -> Table:
    """Return the options that get something: whose they are, what they earn and use."""
    problem = allocation.problem
    chosen = chosen_options(allocation).tolist()
    shown = chosen if most_rows is None else chosen[:most_rows]
    names = _names_of_options(allocation)
    earned, used = earned_by_option(allocation), used_by_option(allocation)
    rows = [
        (
            *(texts[j] for texts in names.values()),
            float(allocation.decision[j]),
            float(earned[j]),
            *used[j].tolist(),
        )
        for j in shown
    ]
    without = problem.n_agents - len(np.unique(problem.agent_of_option[chosen]))
    notes = [_and_more(len(chosen) - len(shown), "option")]
    notes += [f"{plural(without, 'agent')} without anything."] if without else []
    return Table(
        title="Who gets what",
        columns=(*names, "decision", "earned", *label_texts(problem.resources)),
        rows=rows,
        note=" ".join(note for note in notes if note),
    )


def _headline(allocation: Allocation) -> str:
    return (
        f"{family_name(allocation)}, by {allocation.solver} "
        f"({allocation.route} route, {allocation.form} form) in {allocation.seconds:.3f} s"
    )


def _attempts(allocation: Allocation) -> list[str]:
    """Return what was tried, where one attempt was not enough."""
    if len(allocation.attempts) == 1:
        return []
    return ["\n".join(f"Tried: {one.sentence}." for one in allocation.attempts)]


def _certificate(allocation: Allocation) -> str:
    stopped = f" at the {allocation.limit.value}" if allocation.limit is not None else ""
    return (
        f"The solver says: {allocation.status.value}{stopped}. "
        f"Our verdict: {allocation.verdict.value}. {allocation.certificate.sentence}"
    )


def _welfare_table(allocation: Allocation) -> Table:
    rows: list[tuple[str, Cell]] = [
        ("total reward", float(earned_by_option(allocation).sum())),
        ("welfare", allocation.objective),
        ("bound on welfare", allocation.bound),
        ("gap", two_digits(allocation.gap)),
    ]
    if allocation.family.compares_utilities:
        rows.insert(3, ("equivalent utility", allocation.equivalent))
    return Table(title="Welfare", columns=("measure", "value"), rows=rows)


def _level_table(allocation: Allocation, most_rows: int | None) -> Table:
    levels = allocation.certificate.levels
    settled = [_first_names(texts) for texts in settled_texts(allocation)]
    names_somebody = any(settled)
    rows = [
        (number, level.value, level.bound, two_digits(level.gap), level.bound_from)
        + ((names,) if names_somebody else ())
        for number, (level, names) in enumerate(zip(levels, settled, strict=True), start=1)
    ][:most_rows]
    columns = ["level", "utility per weight", "bound", "gap", "bound from"]
    notes = [_and_more(len(levels) - len(rows), "level")]
    if names_somebody:
        columns.append("settled")
    else:
        notes.append("Whole decisions settle how many get less than a level, and not who.")
    return Table(
        title="Levels",
        columns=columns,
        rows=rows,
        note=" ".join(note for note in notes if note),
    )


def _first_names(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_NAMES
    return ", ".join([*texts[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])])


def _resource_table(allocation: Allocation) -> Table:
    problem = allocation.problem
    numbers = zip(
        label_texts(problem.resources),
        problem.budget.tolist(),
        allocation.used.tolist(),
        share_of_budget(allocation),
        shown_prices(allocation),
        strict=True,
    )
    return Table(
        title="Resources",
        columns=("resource", "budget", "handed out", "share", "price"),
        rows=list(numbers),
        note="Whole decisions have no prices." if allocation.price is None else "",
    )


def _served_group_table(allocation: Allocation, most_rows: int | None) -> Table:
    """Return the utilities of groups that options serve in common: nothing is theirs alone."""
    problem = allocation.problem
    names = label_texts(problem.groups)[:most_rows]
    utility = utility_of_groups(allocation).tolist()
    served = served_by_group(allocation).tolist()
    return Table(
        title="Groups",
        columns=("group", "options that serve it", "utility"),
        rows=list(zip(names, served, utility, strict=False)),
        note=_and_more(problem.n_groups - len(names), "group"),
    )


def _group_table(allocation: Allocation, most_rows: int | None) -> Table:
    problem = allocation.problem
    if problem.shared_reward is not None:
        return _served_group_table(allocation, most_rows)
    size = np.bincount(problem.group_of_agent, minlength=problem.n_groups)
    amounts = np.zeros((problem.n_groups, problem.n_resources))
    np.add.at(amounts, problem.group_of_agent, allocation.allocated)
    # Where groups are fair inside, their utility is that of the family, and no mean.
    is_nested = isinstance(allocation.family, NestedFairness)
    utility = allocation.utility if is_nested else utility_of_groups(allocation)
    numbers = np.column_stack([size, served_by_group(allocation), utility, amounts])
    names = label_texts(problem.groups)[:most_rows]
    return Table(
        title="Groups",
        columns=("group", "agents", "served", "utility", *label_texts(problem.resources)),
        rows=[(name, *row) for name, row in zip(names, numbers.tolist(), strict=False)],
        note=_and_more(problem.n_groups - len(names), "group"),
    )


def _fairness_table(allocation: Allocation) -> Table:
    problem, kind = allocation.problem, reported_grouping(allocation).kind
    kind = "agent" if problem.n_groups == problem.n_agents else kind
    return Table(
        title=f"Fairness of the utilities of {kind}s",
        columns=("measure", "value"),
        rows=[(name.replace("_", " "), value) for name, value in allocation.fairness().items()],
    )


def _names_of_options(allocation: Allocation) -> dict[str, list[str]]:
    """Return agent, option and group of every option, leaving out what says nothing new."""
    problem = allocation.problem
    agents = label_texts(problem.agents)
    names = {"agent": [agents[i] for i in problem.agent_of_option.tolist()]}
    options = label_texts(problem.options)
    is_position = isinstance(problem.options, range) and problem.n_options == problem.n_agents
    if options != names["agent"] and not is_position:
        names["option"] = options
    if problem.n_groups < problem.n_agents and problem.shared_reward is None:
        groups = label_texts(problem.groups)
        of_option = problem.group_of_agent[problem.agent_of_option]
        names["group"] = [groups[g] for g in of_option.tolist()]
    return names


def _and_more(count: int, noun: str) -> str:
    return f"... and {plural(count, f'more {noun}')}." if count > 0 else ""
