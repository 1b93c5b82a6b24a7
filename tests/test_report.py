"""Reports: tables, plain text, terminals, JSON and data frames."""

import importlib.util
import io
import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from librex_models import (
    Allocation,
    AllocationProblem,
    AlphaFair,
    BudgetOnly,
    MaxMin,
    Proportional,
    Verdict,
)
from librex_models.errors import NoAllocationError, ParameterError, ShapeError
from librex_models.problem.decision_frame import BACKENDS
from librex_models.problem.labels import label_texts
from librex_models.report.json_report import json_report
from librex_models.report.labels import printable
from librex_models.report.side_by_side import side_by_side_report
from librex_models.report.tables import Part, Table, allocation_report
from librex_models.report.text import cell_text, plain_text, write_report


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def problem(**changes: Any) -> AllocationProblem:
    """Return three agents in two groups, one of them with two options."""
    arguments: dict[str, Any] = {
        "requests": [[2.0, 10.0], [4.0, 16.0], [1.0, 5.0], [1.0, 5.0]],
        "budget": {"gpu": 5.0, "memory": 22.0},
        "reward": [3.0, 5.0, 2.5, 1.0],
        "agent": ["ann", "ann", "bob", "eve"],
        "group": {"ann": "red", "bob": "red", "eve": "blue"},
        "option_names": ["ann x2", "ann x4", "bob x1", "eve x1"],
    }
    return AllocationProblem(**(arguments | changes))


def solved(**changes: Any) -> Allocation:
    return BudgetOnly(problem(**changes)).solve()


def without_point() -> Allocation:
    allocation = solved(agent_minimum=1.0, budget={"gpu": 1.0, "memory": 22.0})
    assert not allocation.has_point
    return allocation


def refuted() -> Allocation:
    allocation = solved()
    return replace(allocation, certificate=replace(allocation.certificate, verdict=Verdict.REFUTED))


def table(parts: list[Part], title: str) -> Table:
    [found] = [part for part in parts if isinstance(part, Table) and part.title.startswith(title)]
    return found


# Labels.


@pytest.mark.parametrize(
    "labels",
    [["a", "b"], [1, 2], [1, "1"], [(1, 2), "(1, 2)"], [1, "1", "'1'"], range(3), [True, "True"]],
)
def test_different_labels_get_different_texts(labels: list[Hashable]) -> None:
    texts = label_texts(labels)
    assert len(set(texts)) == len(labels)
    assert all(isinstance(text, str) for text in texts)


def test_labels_whose_texts_agree_in_every_way_are_told_apart() -> None:
    class Twin:
        def __repr__(self) -> str:
            return "twin"

    assert len(set(label_texts([Twin(), Twin()]))) == 2


@pytest.mark.parametrize("text", ["\x1b[31m", "a\nb", "a\tb", "\u202e", "\x9b1m"])
def test_what_controls_a_terminal_is_written_out(text: str) -> None:
    assert printable(text).isprintable()


# One allocation.


def test_the_report_says_who_gets_what() -> None:
    parts = allocation_report(solved(integer=True))
    options = table(parts, "Who gets what")
    assert list(options.columns) == [
        "agent", "option", "group", "decision", "earned", "gpu", "memory"
    ]  # fmt: skip
    assert [list(row) for row in options.rows] == [
        ["ann", "ann x4", "red", 1.0, 5.0, 4.0, 16.0],
        ["bob", "bob x1", "red", 1.0, 2.5, 1.0, 5.0],
    ]
    assert options.note == "1 agent without anything."
    groups = table(parts, "Groups")
    assert [list(row) for row in groups.rows] == [
        ["red", 2.0, 2.0, 3.75, 5.0, 21.0],
        ["blue", 1.0, 0.0, 0.0, 0.0, 0.0],
    ]


def test_what_says_nothing_new_is_left_out() -> None:
    alone = AllocationProblem([[1.0], [1.0]], [1.0], reward=[2.0, 1.0], agent=["ann", "bob"])
    parts = allocation_report(BudgetOnly(alone).solve())
    assert list(table(parts, "Who gets what").columns) == ["agent", "decision", "earned", "0"]
    assert not any(isinstance(part, Table) and part.title == "Groups" for part in parts)


def shared_by_twelve(**changes: Any) -> AllocationProblem:
    """Return one who wants a unit of 12.5 and eleven who want more than there is."""
    arguments: dict[str, Any] = {
        "requests": [[1.0]] * 12,
        "budget": [12.5],
        "reward": [1.0] * 12,
        "upper": [1.0, *[9.0] * 11],
        "agent": [f"a{i}" for i in range(12)],
    }
    return AllocationProblem(**(arguments | changes))


def test_the_levels_of_max_min_are_a_table() -> None:
    parts = allocation_report(MaxMin(shared_by_twelve()).solve())
    first, second = table(parts, "Levels").rows
    assert first[:3] == (1, pytest.approx(1.0), pytest.approx(1.0))
    assert first[4:] == ("prices", "a0")
    assert second[:3] == (2, pytest.approx(11.5 / 11), pytest.approx(11.5 / 11))
    assert second[4:] == ("prices", "a1, a2, a3, 8 more")


def test_whole_levels_name_nobody() -> None:
    parts = allocation_report(MaxMin(shared_by_twelve(integer=True)).solve(), most_rows=5)
    levels = table(parts, "Levels")
    assert "settled" not in levels.columns
    assert [row[1] for row in levels.rows] == [1.0] * 5
    assert "7 more levels" in levels.note
    assert "not who" in levels.note


def test_other_models_have_no_levels() -> None:
    first = MaxMin(shared_by_twelve(), lexicographic=False).solve()
    assert not any(
        isinstance(part, Table) and part.title == "Levels" for part in allocation_report(first)
    )


def test_budgets_stand_beside_use_and_price() -> None:
    allocation = solved(budget={"gpu": 5.0, "memory": np.inf})
    rows = table(allocation_report(allocation), "Resources").rows
    assert [list(row)[:4] for row in rows] == [
        ["gpu", 5.0, pytest.approx(5.0), pytest.approx(1.0)],
        ["memory", np.inf, pytest.approx(allocation.used[1]), None],
    ]
    assert allocation.price is not None
    assert [row[4] for row in rows] == pytest.approx(allocation.price)


def test_long_tables_end_and_count_the_rest() -> None:
    parts = allocation_report(solved(integer=True), most_rows=1)
    assert len(table(parts, "Who gets what").rows) == 1
    assert "1 more option." in table(parts, "Who gets what").note
    assert table(parts, "Groups").note == "... and 1 more group."


def test_traces_of_interior_points_are_no_service(require_solver: Callable[[str], None]) -> None:
    require_solver("clarabel")
    # With these rewards there is one best answer, whose decisions are 0 or 1.
    reward = [3.0, 5.5, 2.5, 1.0]
    allocation = BudgetOnly(problem(reward=reward)).solve(solver="cvxpy:CLARABEL")
    exact = solved(reward=reward)
    assert len(table(allocation_report(allocation), "Who gets what").rows) == len(
        table(allocation_report(exact), "Who gets what").rows
    )


@pytest.mark.parametrize("allocation", [without_point, refuted])
def test_without_an_allocation_there_are_sentences_only(
    allocation: Callable[[], Allocation],
) -> None:
    parts = allocation_report(allocation())
    assert all(isinstance(part, str) for part in parts)
    assert str(parts[-1]).startswith("No allocation: ")


# Several allocations.


def test_several_allocations_stand_side_by_side() -> None:
    whole, fractional = solved(integer=True), solved()
    level = MaxMin(problem(), lexicographic=False).solve()
    parts: list[Part] = list(
        side_by_side_report({"whole": whole, "fractional": fractional, "level": level})
    )
    reward = table(parts, "Reward").rows
    assert [row[0] for row in reward] == ["whole", "fractional", "level"]
    assert [row[1] for row in reward] == pytest.approx(
        [7.5, fractional.objective, float(level.problem.reward @ level.decision)]  # type: ignore[operator]
    )
    assert reward[1][2] == 0.0
    assert [row[0] for row in table(parts, "Prices").rows] == ["fractional", "level"]
    assert [row[1] for row in table(parts, "Certificates").rows] == ["optimal"] * 3


def test_families_over_agents_and_over_groups_are_measured_alike() -> None:
    over_groups = MaxMin(problem(), lexicographic=False).solve()
    over_agents = replace(over_groups, grouping=problem().grouping("agents"))
    rows = table(list(side_by_side_report({"a": over_groups, "b": over_agents})), "Reward").rows
    assert list(rows[0])[1:] == list(rows[1])[1:]


def test_one_without_a_point_has_empty_cells() -> None:
    tables = side_by_side_report({"none": without_point(), "refuted": refuted(), "one": solved()})
    used = table(list(tables), "Budget use").rows
    assert list(used[0]) == ["none", None, None]
    assert list(used[1]) == ["refuted", None, None]
    plain_text(tables)


def test_allocations_of_other_agents_are_not_compared() -> None:
    other = AllocationProblem([[1.0]], [1.0], reward=[1.0])
    with pytest.raises(ShapeError, match=r"'other' has other agents than 'one'"):
        side_by_side_report({"one": solved(), "other": BudgetOnly(other).solve()})
    with pytest.raises(ShapeError, match="no allocation"):
        side_by_side_report({})


# Text.


def test_plain_text_is_aligned_and_complete() -> None:
    name = "a label of more than eighty letters " * 5
    one = Table(
        title="Title", columns=("name", "amount"), rows=[(name, 1 / 3), ("b", None)], note="Note."
    )
    lines = plain_text(["First.", one]).splitlines()
    assert lines == [
        "First.",
        "",
        "Title",
        f"  {'name'.ljust(len(name))}    amount",
        f"  {name}  0.333333",
        "  b",
        "  Note.",
    ]


def test_a_table_without_rows_is_its_head() -> None:
    assert plain_text([Table(title="T", columns=("a", "b"), rows=[])]) == "T\n  a  b\n"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (-0.0, "0"),
        (1e-9, "1e-09"),
        (123456.7, "123457"),
        (float("nan"), "nan"),
        (-np.inf, "-inf"),
        ("a\nb", "a\\nb"),
        (None, ""),
    ],
)
def test_a_cell_shows_six_digits(cell: str | float | None, text: str) -> None:
    assert cell_text(cell) == text


def test_a_narrow_terminal_cuts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    label = "[red]a label that is markup elsewhere[/red]"
    one = Table(title="[b]T[/b]", columns=("[i]", "n"), rows=[(label, 0.123456)], note="[x]")
    write_report([one], stream)
    assert "\x1b[" in stream.getvalue()
    for text in (label, "0.123456", "[b]T[/b]", "[i]", "[x]"):
        assert text in stream.getvalue()


def test_a_pipe_gets_the_plain_text() -> None:
    stream = io.StringIO()
    parts = allocation_report(solved())
    write_report(parts, stream)
    assert stream.getvalue() == plain_text(parts)


# JSON.


@pytest.mark.parametrize(
    "allocation",
    [
        solved,
        without_point,
        refuted,
        lambda: solved(budget={"gpu": 5.0, "memory": np.inf}),
        lambda: BudgetOnly(problem(integer=True)).solve(time_limit_seconds=0),
        # Nobody can be served, so that welfare is -inf.
        lambda: replace(
            MaxMin(problem(budget=[0.0, 0.0]), lexicographic=False).solve(),
            family=Proportional(problem()).family,
        ),
    ],
)
def test_the_json_report_is_legal_json(allocation: Callable[[], Allocation]) -> None:
    with np.errstate(all="ignore"):
        report = json_report(allocation())
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_infinities_are_texts_and_what_is_missing_is_null() -> None:
    report = json_report(solved(budget={"gpu": 5.0, "memory": np.inf}))
    assert report["budget"] == {"gpu": 5.0, "memory": "inf"}
    assert report["limit"] is None
    assert report["alpha"] is None
    assert report["over"] is None
    assert float(report["budget"]["memory"]) == np.inf


def test_the_json_report_holds_every_number_of_the_allocation() -> None:
    allocation = AlphaFair(problem(integer=True), alpha=0.5).solve()
    report = json_report(allocation)
    assert report["decision"] == dict(
        zip(allocation.problem.options, allocation.decision.tolist(), strict=True)
    )
    assert report["allocated"]["ann"] == {
        "gpu": allocation.allocated[0, 0],
        "memory": allocation.allocated[0, 1],
    }
    assert list(report["utility"]) == ["ann", "bob", "eve"]
    assert list(report["utility_of_groups"]) == ["red", "blue"]
    assert report["certificate"]["sentence"] == allocation.certificate.sentence
    assert report["certificate"]["bound_from"] == allocation.certificate.bound_from
    assert (report["over"], report["alpha"]) == ("agents", 0.5)
    assert len(report["attempts"]) == len(allocation.attempts)


def test_every_level_of_max_min_is_in_the_json_report() -> None:
    # By hand: a unit for ann, who wants no more; the two others share what is left.
    shared = AllocationProblem(
        [[1.0]] * 3, [4.0], [1.0] * 3, upper=[1.0, 9.0, 9.0], agent=["ann", 1, "1"]
    )
    certificate = json_report(MaxMin(shared).solve())["certificate"]
    levels = certificate["levels"]
    assert [level["settled"] for level in levels] == [["'ann'"], ["1", "'1'"]]
    assert [level["value"] for level in levels] == pytest.approx([1.0, 1.5])
    assert [level["bound"] for level in levels] == pytest.approx([1.0, 1.5])
    assert [level["bound_from"] for level in levels] == ["prices", "prices"]
    assert max(level["gap"] for level in levels) < 1e-6
    for model in (BudgetOnly(shared), MaxMin(shared, lexicographic=False)):
        assert json_report(model.solve())["certificate"]["levels"] == []


def test_a_level_whose_bound_is_not_known_is_legal_json() -> None:
    allocation = MaxMin(problem()).solve()
    levels = tuple(
        replace(level, bound=np.inf, gap=np.inf, bound_from="none")
        for level in allocation.certificate.levels
    )
    unknown = replace(allocation, certificate=replace(allocation.certificate, levels=levels))
    shown = json_report(unknown)["certificate"]["levels"]
    assert {(level["bound"], level["gap"]) for level in shown} == {("inf", "inf")}


def test_labels_of_any_kind_become_texts_that_differ() -> None:
    report = json_report(solved(option_names=[1, "1", (2, 3), 2.5]))
    assert list(report["decision"]) == ["1", "'1'", "(2, 3)", "2.5"]


# Data frames.


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def columns(frame: Any) -> dict[str, list[Any]]:
    """Return the columns of a frame of any kind."""
    import narwhals

    found: dict[str, list[Any]] = narwhals.from_native(frame, eager_only=True).to_dict(
        as_series=False
    )
    return found


def test_a_frame_has_one_row_an_option(backend: str) -> None:
    allocation = solved(integer=True)
    found = columns(allocation.to_frame(backend))
    assert found == {
        "option": ["ann x2", "ann x4", "bob x1", "eve x1"],
        "agent": ["ann", "ann", "bob", "eve"],
        "group": ["red", "red", "red", "blue"],
        "decision": [0.0, 1.0, 1.0, 0.0],
        "reward": [3.0, 5.0, 2.5, 1.0],
        "earned": [0.0, 5.0, 2.5, 0.0],
        "gpu": [0.0, 4.0, 1.0, 0.0],
        "memory": [0.0, 16.0, 5.0, 0.0],
    }
    assert type(allocation.to_frame(backend)).__module__.startswith(backend)


def test_a_frame_takes_labels_of_mixed_kinds(backend: str) -> None:
    found = columns(solved(option_names=[1, "1", (2, 3), 2.5]).to_frame(backend))
    assert found["option"] == ["1", "'1'", "(2, 3)", "2.5"]
    found = columns(solved(option_names=[4, 3, 2, 1]).to_frame(backend))
    assert found["option"] == [4, 3, 2, 1]


def test_a_resource_may_be_called_like_a_column(backend: str) -> None:
    found = columns(solved(budget={"agent": 5.0, "reward": 22.0}).to_frame(backend))
    assert list(found)[-2:] == ["used agent", "used reward"]
    assert found["agent"] == ["ann", "ann", "bob", "eve"]


def test_a_frame_of_sparse_requests_has_the_same_numbers(backend: str) -> None:
    from scipy import sparse

    dense = solved()
    changed = problem(
        requests=sparse.csr_array(np.asarray(problem().requests)),
        resource_names=["gpu", "memory"],
    )
    assert columns(BudgetOnly(changed).solve().to_frame(backend)) == columns(
        dense.to_frame(backend)
    )


def test_without_a_point_there_is_no_frame(backend: str) -> None:
    with pytest.raises(NoAllocationError):
        without_point().to_frame(backend)


def test_the_first_library_that_is_installed_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without_pandas(name: str) -> Any:
        return None if name == "pandas" else find(name)

    pytest.importorskip("polars")
    monkeypatch.setattr(importlib.util, "find_spec", without_pandas)
    assert type(solved().to_frame()).__module__.startswith("polars")
    with pytest.raises(ParameterError, match="pandas is not installed: pip install pandas"):
        solved().to_frame("pandas")


def test_without_any_library_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allocation = solved()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ParameterError, match="pip install pandas"):
        allocation.to_frame()


def test_an_unknown_library_is_refused() -> None:
    with pytest.raises(ParameterError, match="expected one of pandas, polars, pyarrow"):
        solved().to_frame("excel")
