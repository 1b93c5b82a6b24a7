"""Files that are there whole, or as they were: disks that are full, rights, kills."""

import gzip
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from solvers.atomic_file import write_all_whole, write_whole

# Writes a file as long as nobody stops it.
ENDLESS = """
import sys
from solvers.atomic_file import write_whole
def parts():
    print("writing", flush=True)
    while True:
        yield "x" * 100_000
write_whole(sys.argv[1], parts())
"""


def only(path: Path) -> list[str]:
    """Return the names in the file's folder."""
    return [entry.name for entry in path.parent.iterdir()]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "model.mps"
    path.write_text("as it was")
    return path


def test_the_parts_are_the_text(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", ["Grö", "ße", "\n"])
    assert (tmp_path / "text").read_bytes() == "Größe\n".encode()
    assert only(tmp_path / "text") == ["text"]


def test_a_name_that_ends_in_gz_is_compressed(tmp_path: Path) -> None:
    write_whole(tmp_path / "text.gz", ["one", "two"])
    assert gzip.decompress((tmp_path / "text.gz").read_bytes()) == b"onetwo"


def test_what_is_compressed_is_in_the_name_that_was_given(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("old")
    (tmp_path / "link.gz").symlink_to(target)
    for name in ("a.txt.GZ", "link.gz"):
        write_whole(tmp_path / name, ["one"])
        assert gzip.decompress((tmp_path / name).read_bytes()) == b"one"
    assert (tmp_path / "link.gz").is_symlink()


def test_an_error_half_way_leaves_the_old_file(old: Path) -> None:
    def parts() -> Iterator[str]:
        yield "new"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_whole(old, parts())
    assert old.read_text() == "as it was"
    assert only(old) == [old.name]


def test_a_full_disk_leaves_the_old_file(old: Path) -> None:
    # A limit on the size of files fails in the same call as a full disk.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_whole(old, ["x" * 1_000] * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert old.read_text() == "as it was"
    assert only(old) == [old.name]


def test_a_kill_half_way_leaves_the_old_file(old: Path) -> None:
    words = [sys.executable, "-c", ENDLESS, str(old)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert old.read_text() == "as it was"


def test_files_that_belong_together_stay_together(old: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        write_all_whole({old: ["new"], old.parent / "missing" / "file": ["new"]})
    assert old.read_text() == "as it was"
    assert only(old) == [old.name]
    beside = old.with_suffix(".col")
    write_all_whole({old: ["new"], beside: ["names"]})
    assert (old.read_text(), beside.read_text()) == ("new", "names")
    assert sorted(only(old)) == [beside.name, old.name]


def test_a_folder_without_rights_leaves_the_old_file(old: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    old.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(PermissionError):
            write_whole(old, ["new"])
    finally:
        old.parent.chmod(stat.S_IRWXU)
    assert old.read_text() == "as it was"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        write_whole(tmp_path / "missing" / "file", ["text"])


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_the_rights_of_the_old_file_stay(mode: int, old: Path) -> None:
    old.chmod(mode)
    write_whole(old, ["new"])
    assert stat.S_IMODE(old.stat().st_mode) == mode


def test_a_new_file_has_the_rights_that_new_files_have(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_whole(tmp_path / "whole", [""])
    modes = [(tmp_path / name).stat().st_mode for name in ("plain", "whole")]
    assert modes[0] == modes[1]
