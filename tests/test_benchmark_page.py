"""The page of the benchmarks: every row that was measured, and every one that was not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import page as page_file
from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.measuring import Measurement
from tests.benchmarks.page import command_of, page, to_json
from tests.benchmarks.peers.registry import PEERS
from tests.benchmarks.targets import REASONS

DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference"
MACHINE = {"processor": "two cores", "highspy": "1.15.1"}
ABOUT = {"build": "Build: from arrays to a model.", "empty": "Nothing was chosen."}


def row(value: float | None = 0.003, **other: Any) -> Measurement:
    given: dict[str, Any] = {"benchmark": "build", "case": "N = 100,000", "bare": 0.002} | other
    return Measurement(value=value, **given)


def lines(*rows: Measurement) -> list[str]:
    return page(to_json(MACHINE, ABOUT, rows)).splitlines()


def test_a_row_has_its_figures_and_its_target() -> None:
    assert "| N = 100,000 | librex | 3 ms | bare HiGHS: 2 ms | 1.50 | ≤ 2 met |  |" in lines(row())


def test_a_missed_target_stays_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REASONS, ("build", "N = 100,000"), "names are made")
    [shown] = [line for line in lines(row(0.005)) if "N = 100,000 |" in line]
    assert shown.endswith("| 2.50 | ≤ 2 missed | names are made |")


def test_a_row_without_a_figure_stays_with_its_reason() -> None:
    missing = row(None, way="peer", bare=None, remark="not installed")
    assert "| N = 100,000 | peer | - |  | - |  | not installed |" in lines(missing)


def test_values_of_other_units_keep_them() -> None:
    shown = lines(row(1.04, bare=None, unit="", case="exponent"), row(512.0, unit="MB", bare=256.0))
    assert "| exponent | librex | 1.04 |  | - |  |  |" in shown
    assert any("| 512 MB | bare HiGHS: 256 MB | 2.00 |" in line for line in shown)


def test_the_page_names_machine_versions_and_commands() -> None:
    shown = lines(row())
    assert "| highspy | 1.15.1 |" in shown
    assert any('tests.benchmarks build --case "CASE" --peer "WAY"' in line for line in shown)
    assert "Build: from arrays to a model." in shown


def test_a_benchmark_without_rows_has_no_section() -> None:
    assert "## empty" not in lines(row())


def test_the_numbers_hold_what_the_page_shows_and_the_command_of_each_row() -> None:
    [written] = json.loads(to_json(MACHINE, ABOUT, [row(way="linopy")]))["measurements"]
    assert written["ratio"] == pytest.approx(1.5)
    assert (written["target"], written["met"]) == (None, None)
    assert written["command"] == command_of(row(way="linopy"))
    assert written["command"].endswith('build --case "N = 100,000" --peer "linopy"')


def test_the_page_is_written_again_from_the_numbers(tmp_path: Path) -> None:
    numbers, target = tmp_path / "numbers.json", tmp_path / "page.md"
    numbers.write_text(to_json(MACHINE, ABOUT, [row()]))
    page_file.main(str(numbers), str(target))
    assert target.read_text() == page(numbers.read_text())


def test_the_page_of_the_documentation_is_that_of_its_numbers() -> None:
    numbers = (DOCS / "benchmarks.json").read_text(encoding="utf-8")
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page(numbers)


def test_every_benchmark_and_every_peer_has_rows_in_the_documentation() -> None:
    rows = json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8"))["measurements"]
    assert {row["benchmark"] for row in rows} == BENCHMARKS.keys()
    assert {row["way"] for row in rows if row["benchmark"] == "resolve"} == {
        "librex",
        *(peer.name for peer in PEERS),
    }


def test_every_target_that_the_documentation_shows_as_missed_has_a_reason() -> None:
    assert "not explained yet" not in (DOCS / "benchmarks.md").read_text(encoding="utf-8")
