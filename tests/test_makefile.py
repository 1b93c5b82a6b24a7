"""What `make` does before there is anything to run: the check of Python, and the environment.

The Makefile runs in a folder of its own with a stand-in for python3, so nothing is installed. The
stand-in makes an "environment" whose python only writes down what it is asked to do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
APT_LINE = "sudo apt-get install git make python3 python3-venv"

# `python3 -c CODE` is answered by the real Python, which first runs PRETEND.
STAND_IN = """#!/bin/sh
if [ "$1" = -c ]; then
    exec '{python}' -c "{pretend}
$2"
fi
echo "python3 $*" >> calls
if [ "$1 $2 $3" = "-m venv --clear" ]; then
    rm -rf "$4"
    mkdir -p "$4/bin"
    cp recorder "$4/bin/python"
fi
"""

RECORDER = """#!/bin/sh
echo "$*" >> calls
test ! -e broken || test "$2" != pip
"""

NEW_ENVIRONMENT = "python3 -m venv --clear .venv"
DEMO_INSTALL = "-m pip install --quiet --editable ."
TEST_INSTALL = "-m pip install --quiet --editable .[test]"
TORCH_INSTALL = (
    "-m pip install --quiet --constraint .ci/constraints-torch.txt --editable .[test-torch]"
)
BENCH_INSTALL = "-m pip install --quiet --editable .[bench]"
BENCH = [
    "-m tests.benchmarks --json docs/reference/benchmarks.json --page docs/reference/benchmarks.md"
]
DEDE_ENVIRONMENT = "python3 -m venv --clear .venv-dede"
DEDE_INSTALL = "-m pip install --quiet --requirement tests/benchmarks/peers/dede.txt"
DEMO = ["docs/examples/demo.py"]
TORCH_TESTS = ["-m pytest tests/with_torch librex_models/torch.py"]
PYTEST = "-m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal"
CHECKS = ["-m ruff format --check", "-m ruff check", "-m mypy", PYTEST]


class Checkout(NamedTuple):
    """A folder with the Makefile in it."""

    folder: Path

    def pretend(self, code: str) -> None:
        """Put a python3 in place that runs `code` before it answers a question."""
        self.write("bin/python3", STAND_IN.format(python=sys.executable, pretend=code))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # What an outer make and the CI hand down is no part of these tests.
        outer = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CI", "LIBREX_EXAMPLES"}
        environment = {name: value for name, value in os.environ.items() if name not in outer}
        environment["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, *arguments: str, **variables: str) -> list[str]:
        """Return what `make` asked the stand-ins to do; it must succeed."""
        (self.folder / "calls").write_text("")
        done = self.make(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    checkout = Checkout(tmp_path)
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    checkout.write("pyproject.toml", "")
    checkout.write(".ci/constraints.txt", "")
    checkout.write(".ci/constraints-torch.txt", "")
    checkout.write("tests/benchmarks/peers/dede.txt", "")
    checkout.write("recorder", RECORDER)
    checkout.pretend("")
    return checkout


@pytest.mark.parametrize(
    "lack",
    [
        pytest.param("import sys; sys.version_info = (3, 10, 12)", id="an old Python"),
        pytest.param("import sys; sys.modules['ensurepip'] = None", id="no ensurepip"),
    ],
)
@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_python_that_cannot_do_it_is_told_what_to_type(
    checkout: Checkout, target: str, lack: str
) -> None:
    checkout.pretend(lack)
    done = checkout.make(target)
    assert done.returncode != 0
    assert APT_LINE in done.stderr
    assert not (checkout.folder / ".venv").exists()


def test_no_python_at_all_is_told_what_to_type(checkout: Checkout) -> None:
    done = checkout.make("demo", "PYTHON=python-that-is-not-there")
    assert done.returncode != 0
    assert APT_LINE in done.stderr


def test_a_first_run_installs_and_a_second_does_not(checkout: Checkout) -> None:
    assert checkout.calls("demo") == [NEW_ENVIRONMENT, DEMO_INSTALL, *DEMO]
    assert checkout.calls("demo") == DEMO


def test_the_tests_run_in_order_with_pytest_last(checkout: Checkout) -> None:
    assert checkout.calls("test") == [NEW_ENVIRONMENT, TEST_INSTALL, *CHECKS]
    assert checkout.calls("test") == CHECKS


def test_the_test_tools_are_added_to_the_environment_of_the_demo(checkout: Checkout) -> None:
    checkout.calls("demo")
    assert checkout.calls("test") == [TEST_INSTALL, *CHECKS]


def test_the_demo_needs_no_install_after_the_tests(checkout: Checkout) -> None:
    checkout.calls("test")
    assert checkout.calls("demo") == DEMO


def test_pytorch_is_added_to_the_environment_of_the_tests(checkout: Checkout) -> None:
    checkout.calls("test")
    assert checkout.calls("test-torch") == [TORCH_INSTALL, *TORCH_TESTS]
    assert checkout.calls("test-torch") == TORCH_TESTS
    assert checkout.calls("test") == CHECKS


def test_another_pinned_pytorch_is_installed_again(checkout: Checkout) -> None:
    assert checkout.calls("test-torch") == [NEW_ENVIRONMENT, TORCH_INSTALL, *TORCH_TESTS]
    later = (checkout.folder / ".venv" / ".installed-torch").stat().st_mtime + 1
    os.utime(checkout.folder / ".ci" / "constraints-torch.txt", (later, later))
    assert checkout.calls("test-torch") == [TORCH_INSTALL, *TORCH_TESTS]


def test_peers_are_added_to_the_environment_of_the_tests(checkout: Checkout) -> None:
    checkout.calls("test")
    assert checkout.calls("bench") == [BENCH_INSTALL, DEDE_ENVIRONMENT, DEDE_INSTALL, *BENCH]
    assert checkout.calls("bench") == BENCH
    assert checkout.calls("test") == CHECKS


def test_benchmarks_run_without_a_peer_that_cannot_be_installed(checkout: Checkout) -> None:
    checkout.calls("bench")
    (checkout.folder / ".venv-dede" / ".installed").unlink()
    checkout.write("broken", "")
    assert checkout.calls("bench") == [DEDE_ENVIRONMENT, DEDE_INSTALL, *BENCH]
    assert not (checkout.folder / ".venv-dede" / ".installed").exists()


def test_two_targets_at_once_share_one_environment(checkout: Checkout) -> None:
    calls = checkout.calls("--jobs=4", "demo", "test")
    assert calls == [NEW_ENVIRONMENT, DEMO_INSTALL, *DEMO, TEST_INSTALL, *CHECKS]


def test_a_half_made_environment_is_made_anew(checkout: Checkout) -> None:
    leftover = checkout.folder / ".venv" / "lib" / "leftover"
    leftover.mkdir(parents=True)
    assert checkout.calls("demo") == [NEW_ENVIRONMENT, DEMO_INSTALL, *DEMO]
    assert not leftover.exists()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_an_install_that_broke_off_is_made_anew(checkout: Checkout, target: str) -> None:
    checkout.write("broken", "")
    assert checkout.make(target).returncode != 0
    (checkout.folder / "broken").unlink()
    assert checkout.calls(target)[0] == NEW_ENVIRONMENT


def test_test_tools_that_could_not_be_added_leave_the_demo_working(checkout: Checkout) -> None:
    checkout.calls("demo")
    checkout.write("broken", "")
    assert checkout.make("test").returncode != 0
    assert checkout.calls("demo") == DEMO
    (checkout.folder / "broken").unlink()
    assert checkout.calls("test") == [TEST_INSTALL, *CHECKS]


def test_a_changed_project_file_is_installed_again(checkout: Checkout) -> None:
    checkout.calls("demo")
    later = (checkout.folder / ".venv" / ".installed").stat().st_mtime + 1
    os.utime(checkout.folder / "pyproject.toml", (later, later))
    assert checkout.calls("demo") == [DEMO_INSTALL, *DEMO]


def test_the_ci_installs_the_pinned_versions(checkout: Checkout) -> None:
    pinned = "-m pip install --quiet --constraint .ci/constraints.txt --editable .[test]"
    assert checkout.calls("test", CI="true")[1] == pinned


@pytest.mark.parametrize(
    ("target", "variables", "share"),
    [
        ("test", {}, "0.02"),
        ("test", {"LIBREX_EXAMPLES": "0.5"}, "0.5"),
        ("test-long", {"LIBREX_EXAMPLES": "0.5"}, "1.0"),
    ],
)
def test_the_share_of_random_examples_reaches_the_tests(
    checkout: Checkout, target: str, variables: dict[str, str], share: str
) -> None:
    checkout.write("recorder", '#!/bin/sh\necho "$* $LIBREX_EXAMPLES" >> calls')
    assert checkout.calls(target, **variables)[-1] == f"{PYTEST} {share}"


def test_help_names_every_target(checkout: Checkout) -> None:
    targets = [line.split()[1] for line in checkout.make("help").stdout.splitlines()]
    names = "help demo test test-long test-torch bench matrix format clean"
    assert targets == names.split()
