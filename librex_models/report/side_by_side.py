"""The content of a report on several allocations side by side: one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from librex_models.allocation import Allocation
from librex_models.errors import ShapeError
from librex_models.problem.labels import label_texts
from librex_models.report.measures import (
    earned_by_option,
    served_by_group,
    share_of_budget,
    shown_prices,
    two_digits,
    utility_of_agents,
    utility_of_groups,
)
from librex_models.report.tables import Cell, Table
from librex_models.verification import Verdict, fairness_measures

MOST_GROUPS = 8
DECIMALS_OF_SHARES = 6


def side_by_side_report(allocations: Mapping[str, Allocation]) -> list[Table]:
    """Return several allocations side by side.

    Parameters
    ----------
    allocations : mapping of str to Allocation
        By the name to be shown; of problems with the same agents, groups and resources. One
        without a point, or refuted, has empty cells.

    Returns
    -------
    list of Table
        Who gets what, reward and fairness, use of the budgets, prices, certificates.

    Raises
    ------
    ShapeError
        If there are none, or they differ in agents, groups or resources.
    """
    _check_comparable(allocations)
    problem = next(iter(allocations.values())).problem
    resources, groups = label_texts(problem.resources), label_texts(problem.groups)
    tables = []
    if len(groups) <= MOST_GROUPS:
        tables = [
            _side_by_side(
                "Who gets what: agents served, by group",
                groups,
                allocations,
                lambda one: served_by_group(one).tolist(),
            ),
            _side_by_side(
                "Who gets what: utility, by group",
                groups,
                allocations,
                lambda one: utility_of_groups(one).tolist(),
            ),
        ]
    return [
        *tables,
        _side_by_side(
            "Reward and fairness",
            ("reward", "given up", "agent gini", "agent jain", "group gini"),
            allocations,
            _reward_and_fairness(allocations),
            "given up: the share of the largest reward here. gini: 0 is even. jain: 1 is even.",
        ),
        _side_by_side(
            "Budget use: the share that is handed out", resources, allocations, share_of_budget
        ),
        _side_by_side(
            "Prices: welfare per unit of budget",
            resources,
            {name: one for name, one in allocations.items() if one.price is not None},
            shown_prices,
            "Whole decisions have none. Every family has its own unit of welfare.",
        ),
        certificate_table(allocations),
    ]


def certificate_table(allocations: Mapping[str, Allocation]) -> Table:
    """Return verdict, bound and gap of several allocations, one row each.

    The bound is one on the equivalent utility (of budget-only allocations: on the reward).
    """
    rows = [
        (
            name,
            one.verdict.value,
            one.certificate.bound,
            two_digits(one.gap),
            one.certificate.bound_from,
            one.solver,
        )
        for name, one in allocations.items()
    ]
    return Table(
        title="Certificates",
        columns=("", "verdict", "bound", "gap", "bound from", "solver"),
        rows=rows,
        note="bound: on the equivalent utility (budget-only: the reward). Bounds from prices are "
        "recomputed outside the solver.",
    )


def _reward_and_fairness(
    allocations: Mapping[str, Allocation],
) -> Callable[[Allocation], list[Cell]]:
    """Return a function that measures agents and groups alike, whatever the family compares."""
    most = max(
        (float(earned_by_option(one).sum()) for one in allocations.values() if _is_usable(one)),
        default=0.0,
    )

    def measures(one: Allocation) -> list[Cell]:
        reward = float(earned_by_option(one).sum())
        agents = fairness_measures(utility_of_agents(one))
        groups = fairness_measures(utility_of_groups(one))
        shares = (agents["gini"], agents["jain"], groups["gini"])
        given_up = round(1.0 - reward / most, DECIMALS_OF_SHARES) if most > 0 else None
        return [
            reward,
            given_up,
            *(round(share, DECIMALS_OF_SHARES) for share in shares),
        ]

    return measures


def _side_by_side(
    title: str,
    columns: Sequence[str],
    allocations: Mapping[str, Allocation],
    measure: Callable[[Allocation], Sequence[Cell]],
    note: str = "",
) -> Table:
    empty: list[Cell] = [None] * len(columns)
    rows = [
        (name, *(measure(one) if _is_usable(one) else empty)) for name, one in allocations.items()
    ]
    return Table(title=title, columns=("", *columns), rows=rows, note=note)


def _is_usable(allocation: Allocation) -> bool:
    return allocation.has_point and allocation.verdict is not Verdict.REFUTED


def _check_comparable(allocations: Mapping[str, Allocation]) -> None:
    if not allocations:
        raise ShapeError("there is no allocation to compare: give at least one")
    problems = {name: one.problem for name, one in allocations.items()}
    first = next(iter(problems))
    for kind in ("agents", "groups", "resources"):
        for name, problem in problems.items():
            if list(getattr(problem, kind)) != list(getattr(problems[first], kind)):
                raise ShapeError(
                    f"{name!r} has other {kind} than {first!r}: only allocations of the same "
                    f"{kind} stand side by side"
                )
