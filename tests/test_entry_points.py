"""Solvers of other packages: those that cannot be loaded are listed, and stop nobody else."""

import itertools
import sys
from pathlib import Path

import pytest

import librex_models as lm
import solvers
from librex_models import cli
from solvers import Readiness
from solvers.errors import CapabilityError
from tests.test_program import program_of

BROKEN = {
    "raises": ("raise RuntimeError('it needs a card')", "it needs a card"),
    "no_syntax": ("def (", "invalid syntax"),
    "gone": ("Solver = None.x", "NoneType"),
    "empty": ("", "Solver"),
    "no_adapter": ("class Solver:\n    name = 'x'", "it has no capabilities and no availability"),
    "wants_a_key": ("class Solver:\n    def __init__(self, key):\n        pass", "key"),
    "silent": (
        "class Solver:\n    name, capabilities, open = 'silent', frozenset(), print\n"
        "    def availability(self, probe=False):\n        raise OSError('the server is down')",
        "the server is down",
    ),
}
_COUNT = itertools.count()


@pytest.fixture(autouse=True)
def _broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package whose entry points are broken, one kind each."""
    # A path of its own, for what has been loaded from a path is kept.
    site = tmp_path / f"site_{next(_COUNT)}"
    installed = site / "broken-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    lines = [f"{name} = broken_{name}:Solver" for name in BROKEN]
    (installed / "entry_points.txt").write_text("\n".join(["[librex.solvers]", *lines, ""]))
    for name, (text, _) in BROKEN.items():
        (site / f"broken_{name}.py").write_text(text + "\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_listed_with_its_reason(name: str) -> None:
    assert name in solvers.names()
    available = solvers.availability(name)
    assert available.readiness is Readiness.NOT_INSTALLED
    assert BROKEN[name][1] in available.sentence
    assert solvers.capabilities(name) == frozenset()


@pytest.mark.parametrize("name", [one for one in BROKEN if one != "silent"])
def test_what_is_broken_cannot_be_opened(name: str) -> None:
    with pytest.raises(CapabilityError, match=f"{name} cannot be used: "):
        solvers.find_adapter(name).open(program_of([1.0], [[1.0]], 0.0, 1.0))


def test_all_others_can_be_planned_for_and_asked() -> None:
    model = lm.BudgetOnly(lm.AllocationProblem([[2.0]], [1.0], reward=[3.0]))
    assert model.solve().verdict is lm.Verdict.OPTIMAL
    plan = lm.plan(model)
    assert {one.solver for one in plan.solvers} == set(solvers.names())
    assert plan.chosen is not None
    assert plan.chosen.solver == "highs"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_solver_has_its_fallback(name: str) -> None:
    model = lm.BudgetOnly(lm.AllocationProblem([[2.0]], [1.0], reward=[3.0]))
    first, second = model.solve(name, fallback=["highs"]).attempts
    assert BROKEN[name][1] in first.message
    assert second.solver == "highs"


def test_the_command_lists_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["librex", "solvers"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert "it needs a card" in capsys.readouterr().out
