"""The pages and examples that need PyTorch run, and print what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_documentation import DOCS, REPOSITORY, WITH_TORCH, check_python, name


@pytest.mark.parametrize("page", WITH_TORCH, ids=name)
def test_the_python_of_a_page_runs_and_prints_what_it_says(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.delenv("LIBREX_SOLVER", raising=False)
    check_python(page)


def test_the_page_of_the_layer_is_among_them() -> None:
    assert DOCS / "how-to" / "learn_rewards.md" in WITH_TORCH


def test_the_example_prints_a_table_of_regrets(tmp_path: Path) -> None:
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
    example = DOCS / "examples" / "learned_rewards.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", example, "--seeds", "2", "--steps", "2"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert (done.returncode, done.stderr) == (0, "")
    title, head, *rows = done.stdout.splitlines()
    assert title == "regret in percent, 2 seeds"
    assert head.split() == ["rewards", "two-stage", "end", "to", "end", "difference"]
    assert [row.split()[0] for row in rows] == ["straight", "curved"]
    for row in rows:
        two_stage, _, _, end_to_end, _, _, difference, _, _ = row.split()[1:]
        # Nobody beats those who know the true rewards; rounded to .01.
        assert min(float(two_stage), float(end_to_end)) >= 0.0
        assert abs(float(two_stage) - float(end_to_end) - float(difference)) < 0.02
