"""What reports say of max-min between groups that are fair inside."""

import json

import pytest

import librex_models as lm
from librex_models.report.json_report import json_report, json_text
from librex_models.report.measures import settled_texts
from librex_models.report.tables import Table, allocation_report
from tests.ways import require_ready


@pytest.mark.parametrize("solver", ["auto", "highs"])
def test_reports_name_the_groups_of_levels(solver: str) -> None:
    require_ready("highs")
    problem = lm.AllocationProblem(
        [[1.0]] * 3,
        [8.0],
        [1.0, 1.0, 2.0],
        agent=["ann", "bob", "cid"],
        group=["vision", "vision", "search"],
        upper=1.0,
    )
    allocation = lm.MaxMin(problem, inner_alpha=2.0).solve(solver=solver)
    assert settled_texts(allocation) == [["vision"], ["search"]]
    levels = json.loads(json_text(json_report(allocation)))["certificate"]["levels"]
    assert [level["settled"] for level in levels] == [["vision"], ["search"]]
    tables = [part for part in allocation_report(allocation) if isinstance(part, Table)]
    (table,) = (part for part in tables if part.title == "Levels")
    assert [row[-1] for row in table.rows] == ["vision", "search"]


def test_the_table_of_groups_has_the_utilities_that_are_compared() -> None:
    problem = lm.AllocationProblem(
        [[1.0]] * 3, [2.0], [4.0, 1.0, 2.0], group=["a", "a", "b"], upper=2.0
    )
    allocation = lm.GroupAlphaFair(problem, 1.0, inner_alpha=2.0).solve()
    tables = [part for part in allocation_report(allocation) if isinstance(part, Table)]
    (table,) = (part for part in tables if part.title == "Groups")
    column = table.columns.index("utility")
    assert [row[column] for row in table.rows] == allocation.utility.tolist()
