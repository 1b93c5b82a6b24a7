"""What a release holds: built as it would be, installed where nothing else is."""

import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TOP_PACKAGES = ("librex_models", "solvers")


def files_of_packages() -> set[str]:
    """Return every file of both packages on disk, caches left out."""
    return {
        file.relative_to(REPOSITORY).as_posix()
        for top in TOP_PACKAGES
        for file in (REPOSITORY / top).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the source distribution and the wheel built from it.

    Built from a copy, so that neither an old build in the checkout gets in nor a new one stays. Not
    isolated: the build backend comes with the test tools, and no network is needed.
    """
    folder = tmp_path_factory.mktemp("release")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for top in TOP_PACKAGES:
        shutil.copytree(
            REPOSITORY / top, source / top, ignore=shutil.ignore_patterns("__pycache__")
        )
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(release: Path) -> Path:
    return only(release.glob("*.whl"))


def only(paths: Iterable[Path]) -> Path:
    [path] = paths
    return path


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_packages_listed_are_those_on_disk() -> None:
    configuration = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    folders = {Path(file).parent for file in files_of_packages() if file.endswith(".py")}
    assert sorted(configuration["tool"]["setuptools"]["packages"]) == sorted(
        folder.as_posix().replace("/", ".") for folder in folders
    )


def test_every_package_has_an_init_file() -> None:
    files = files_of_packages()
    folders = {Path(file).parent for file in files if file.endswith(".py")}
    assert {folder for folder in folders if f"{folder}/__init__.py" not in files} == set()


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == files_of_packages()
    assert {f"{top}/py.typed" for top in TOP_PACKAGES} <= packed


def test_the_source_distribution_holds_the_licence_and_every_file(release: Path) -> None:
    with tarfile.open(only(release.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert files_of_packages() | {"LICENSE", "README.md", "pyproject.toml"} <= packed


def test_the_wheel_installs_into_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    # Without pip, which takes seconds to come in: the pip that runs these tests does the work.
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    options = ("--no-deps", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel)

    show = (
        "import importlib.metadata as m, json; d = m.distribution('librex-alloc'); "
        "print(json.dumps([[str(f) for f in d.files], d.metadata['License-Expression']]))"
    )
    files, licence = json.loads(run(python, "-I", "-c", show))
    assert files_of_packages() <= set(files)
    assert licence == "Apache-2.0"
    assert (environment / "bin" / "librex").is_file()
