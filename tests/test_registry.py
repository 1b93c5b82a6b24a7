"""Solvers by name, and whether they can be used here."""

import importlib.metadata
import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

import solvers
from solvers.capability import Availability, Capability, Readiness
from solvers.errors import CapabilityError
from solvers.highs import OLDEST_VERSION, Highs

REPOSITORY = Path(__file__).resolve().parent.parent


def test_names_are_those_of_the_adapters() -> None:
    assert {"highs", "gurobi", "cvxpy:CLARABEL"} <= set(solvers.names())
    assert len(set(solvers.names())) == len(solvers.names())
    assert [solvers.find_adapter(name).name for name in solvers.names()] == solvers.names()


def test_the_list_of_names_is_a_copy() -> None:
    solvers.names().clear()
    assert solvers.names()


@pytest.mark.parametrize("name", solvers.names())
def test_capabilities_are_declared(name: str) -> None:
    declared = solvers.capabilities(name)
    assert declared
    assert all(isinstance(capability, Capability) for capability in declared)


def test_highs_takes_whole_columns_and_no_alpha_fair_terms() -> None:
    assert Capability.WHOLE in solvers.capabilities("highs")
    assert Capability.ALPHA_FAIR_TERMS not in solvers.capabilities("highs")


@pytest.mark.parametrize(("wrong", "right"), [("high", "highs"), ("clarabel", "CLARABEL")])
def test_an_unknown_name_is_answered_with_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(CapabilityError, match=f"'{wrong}'; did you mean '.*{right}'"):
        solvers.find_adapter(wrong)


def test_an_unknown_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(CapabilityError, match=r"no solver 'qwertz'\. Known are: highs, "):
        solvers.availability("qwertz")


# Availability of HiGHS, with highspy not yet loaded, as in a process that only asks.


def availability_of_highs(
    monkeypatch: pytest.MonkeyPatch, is_installed: bool = True, version: str | None = None
) -> Availability:
    monkeypatch.delitem(sys.modules, "highspy", raising=False)
    if not is_installed:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    def version_of(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", version_of)
    return solvers.availability("highs")


def test_highs_is_ready_here() -> None:
    availability = solvers.availability("highs")
    assert availability.is_ready
    assert availability.readiness is Readiness.READY
    assert availability.version in availability.sentence
    assert availability == solvers.availability("highs", probe=True)


def test_a_loaded_highspy_tells_the_same_version_as_an_unloaded_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("highspy")
    loaded = solvers.availability("highs")
    monkeypatch.delitem(sys.modules, "highspy")
    assert solvers.availability("highs") == loaded
    assert "highspy" not in sys.modules


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    availability = availability_of_highs(monkeypatch, is_installed=False)
    assert availability.readiness is Readiness.NOT_INSTALLED
    assert not availability.is_ready
    assert "pip install highspy" in availability.sentence


def test_a_folder_that_is_only_called_highspy_is_not_highspy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    availability = availability_of_highs(monkeypatch, version=None)
    assert availability.readiness is Readiness.NOT_INSTALLED


@pytest.mark.parametrize("version", ["1.14.9", "0.99", "1.5.3.post1"])
def test_an_old_version_is_too_old(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    availability = availability_of_highs(monkeypatch, version=version)
    assert availability.readiness is Readiness.VERSION_TOO_OLD
    assert not availability.is_ready
    assert availability.version == version
    assert f"highspy {version} is older than 1.15" in availability.sentence


@pytest.mark.parametrize("version", ["1.15.0", "1.15rc1", "1.100.2", "2.0"])
def test_a_new_version_is_ready(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    assert availability_of_highs(monkeypatch, version=version).readiness is Readiness.READY


def test_the_oldest_version_is_the_one_that_is_installed_with_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    oldest = ".".join(map(str, OLDEST_VERSION))
    assert any(line.startswith(f"highspy>={oldest},") for line in project["dependencies"])


def test_asking_loads_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "highspy", raising=False)
    Highs().availability()
    assert "highspy" not in sys.modules
