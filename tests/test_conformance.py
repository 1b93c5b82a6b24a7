"""The conformance suite: our adapters pass it, broken ones do not, and the page is what it says."""

import importlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import solvers
from solvers import Capability, Outcome, Program, SolveOptions, Status, conformance
from solvers.conformance.__main__ import main
from solvers.conformance.page import page
from solvers.conformance.running import SUBJECTS, Report
from solvers.highs import Highs
from tests.example_adapter import ScipyMilp
from tests.troubled_adapters import Lies, NotInstalled, Troubled, TroubledSession

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "reference" / "solvers.md"
NAMES = ("highs", "scip", "gurobi", "cvxpy:CLARABEL")


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """Return what came of the suite on each of our adapters."""
    return [conformance.run(name) for name in NAMES]


@pytest.mark.parametrize("place", range(len(NAMES)))
def test_our_adapters_pass(place: int, reports: list[Report]) -> None:
    report = reports[place]
    assert report.has_passed, str(report)
    assert len(report.with_outcome("passed")) > 50


def test_every_skip_names_a_capability_that_is_missing(reports: list[Report]) -> None:
    for report in reports:
        for result in report.with_outcome("skipped"):
            missing = result.case.needs - solvers.capabilities(report.name)
            assert missing
            assert all(one.value in result.reason for one in missing)
            assert f"skipped: {result.case.name}" in str(report)


def test_gurobi_skips_nothing(reports: list[Report]) -> None:
    assert not reports[NAMES.index("gurobi")].with_outcome("skipped")


def test_the_page_of_the_reference_is_that_of_a_run(reports: list[Report]) -> None:
    """Versions may differ, what holds may not."""

    def without_versions(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("with ")]

    made = without_versions(page(reports))
    assert without_versions(PAGE.read_text(encoding="utf-8")) == made, (
        f"make it anew: python -m solvers.conformance {' '.join(NAMES)} "
        "--write docs/reference/solvers.md"
    )


def test_every_capability_is_needed_by_a_case() -> None:
    needed = {one for group in SUBJECTS.values() for case in group for one in case.needs}
    # What an option asks for is in a table of its own.
    asked = {Capability.THREADS, Capability.IN_PLACE_UPDATES, Capability.PRICES_OF_TERMS}
    assert set(Capability) == needed | asked


def test_statements_are_named_once() -> None:
    names = [case.name for case in conformance.cases("highs")]
    assert len(set(names)) == len(names)
    assert all(case.situation.endswith((".", ":")) for case in conformance.cases("highs"))


# Adapters that are wrong.


class _Flipped(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:
        outcome = super().solve(options)
        dual = outcome.row_dual
        return outcome if dual is None else replace(outcome, row_dual=-dual)


class Flips(Troubled):
    name = "flips"
    session = _Flipped


class _Stale(TroubledSession):
    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        program.check()
        self._session.update(replace(program, row_upper=self.first.row_upper), forbid_rebuild)

    first: Program


class Stale(Troubled):
    name = "stale"

    def open(self, program: Program) -> solvers.SolverSession:
        session = _Stale(Highs().open(program))
        session.first = program
        return session


class _Zeros(TroubledSession):
    def solve(self, options: SolveOptions) -> Outcome:
        if options.time_limit_seconds == 0.0:
            return Outcome(status=Status.INFEASIBLE, bound=-np.inf)
        return super().solve(options)


class SaysInfeasibleWithoutTime(Troubled):
    name = "hasty"
    session = _Zeros


class Boasts(Troubled):
    name = "boasts"
    capabilities = Highs.capabilities | {Capability.MEMORY_LIMIT, Capability.ALPHA_FAIR_TERMS}


@pytest.mark.parametrize(
    ("adapter", "statement"),
    [
        (Flips(), "a row times minus one flips its dual"),
        (Flips(), "a dual is the change of the optimum per unit of side"),
        (Stale(), "another side equals a fresh solve"),
        (SaysInfeasibleWithoutTime(), "no time claims nothing"),
        (Lies(), "an optimum is claimed with its point value and bound"),
        (Boasts(), "a memory limit stops the solver"),
        (Boasts(), "terms are solved or refused"),
    ],
)
def test_an_adapter_that_is_wrong_fails(adapter: Troubled, statement: str) -> None:
    if isinstance(adapter, Flips) and "flips" in statement:
        # Flipped twice it is as it was.
        statement = "a dual is the change of the optimum per unit of side"
    report = conformance.run(adapter, only=statement)
    assert [result.outcome for result in report.results] == ["failed"]
    assert not report.has_passed
    assert f"failed: {statement}" in str(report)


def test_a_case_raises_what_was_found_and_expected() -> None:
    (case,) = conformance.cases(Lies(), only="a constant counts")
    with pytest.raises(conformance.ConformanceFailure):
        case.run()


def test_a_solver_that_is_not_there_has_not_passed() -> None:
    report = conformance.run(NotInstalled())
    assert {result.outcome for result in report.results} == {"skipped"}
    assert not report.has_passed


def test_the_suite_loads_with_its_first_use() -> None:
    script = (
        "import solvers, sys; print('solvers.conformance' in sys.modules);"
        "print(len(solvers.conformance.cases('highs')) > 50)"
    )
    done = python({**os.environ, "PYTHONPATH": str(REPOSITORY)}, "-c", script)
    assert done.stdout == "False\nTrue\n", done.stderr
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = importlib.import_module("solvers").nonsense


# The command.


def test_the_command_prints_and_returns_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["highs", "--only", "constant"]) == 0
    assert "1 passed, 0 failed, 0 skipped" in capsys.readouterr().out
    assert main(["nonsense"]) == 2
    assert "there is no solver 'nonsense'" in capsys.readouterr().err


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    assert main(["highs", "--only", "constant", "--write", str(tmp_path / "page.md")]) == 0
    assert (
        "| a constant counts in objective and bound | yes |" in (tmp_path / "page.md").read_text()
    )


# An adapter of another package.


def test_the_example_adapter_passes() -> None:
    report = conformance.run(ScipyMilp())
    assert report.has_passed, str(report)


def installed(folder: Path, entry: str) -> dict[str, str]:
    """Return an environment in which a package with an entry point is installed."""
    metadata = folder / "example-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[librex.solvers]\n{entry}\n")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}"}


def python(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_an_entry_point_makes_an_adapter_known(tmp_path: Path) -> None:
    environment = installed(tmp_path, "scipy_milp = tests.example_adapter:ScipyMilp")
    script = (
        "import librex_models as lm, solvers\n"
        "problem = lm.AllocationProblem([[2.0], [2.0]], [3.0], reward=[3.0, 3.0])\n"
        "allocation = lm.BudgetOnly(problem).solve(solver='scipy_milp')\n"
        "print('scipy_milp' in solvers.names(), allocation.objective, allocation.solver)\n"
        "print(allocation.verdict.value)\n"
    )
    done = python(environment, "-c", script)
    assert done.stdout == "True 4.5 scipy_milp\noptimal\n", done.stderr
    checked = python(environment, "-m", "solvers.conformance", "scipy_milp", "--only", "claims")
    assert checked.returncode == 0, checked.stdout
    assert "0 failed" in checked.stdout


def test_a_broken_entry_point_is_listed_with_its_reason(tmp_path: Path) -> None:
    environment = installed(tmp_path, "broken = no_such_module:Nothing")
    script = (
        "import solvers\n"
        "print('broken' in solvers.names(), solvers.availability('broken').sentence)\n"
    )
    done = python(environment, "-c", script)
    assert done.stdout.startswith("True "), done.stderr
    assert "no_such_module" in done.stdout
