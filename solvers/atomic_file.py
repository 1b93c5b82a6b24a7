"""Files that are there whole, or as they were. May import nothing of this package."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

Name = str | os.PathLike[str]


def write_whole(path: Name, parts: Iterable[str]) -> None:
    """Write a text, compressed where the name ends in ``.gz``; on any failure the old file stays.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full.
    """
    write_all_whole({path: parts})


def write_all_whole(files: Mapping[Name, Iterable[str]]) -> None:
    """Write files that belong together: none takes its place before all are complete.

    Each text goes into a file beside it, which takes its place when all are on the disk.

    Parameters
    ----------
    files : mapping of path to iterable of str
        The parts of each text. They take their places in this order.

    Raises
    ------
    OSError
        If a folder cannot be written to, or the disk is full.
    """
    written: dict[str, Path] = {}
    try:
        for path, parts in files.items():
            # A link stays one.
            target = Path(path).resolve()
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            written[name] = target
            _write(descriptor, parts, is_packed=Path(path).suffix.lower() == ".gz")
            _keep_mode(target, name)
        for name, target in written.items():
            os.replace(name, target)
        for folder in {target.parent for target in written.values()}:
            _keep_names(folder)
    except BaseException:
        for name in written:
            with suppress(FileNotFoundError):
                os.unlink(name)
        raise


def _write(descriptor: int, parts: Iterable[str], is_packed: bool) -> None:
    """Write a text, and wait until it is on the disk."""
    with os.fdopen(descriptor, "wb") as file:
        if is_packed:
            # Without a time the same model is the same file.
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                for part in parts:
                    packed.write(part.encode())
        else:
            for part in parts:
                file.write(part.encode())
        file.flush()
        os.fsync(file.fileno())


def _keep_names(folder: Path) -> None:
    """Wait until the names of a folder are on the disk too, where the system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_mode(target: Path, name: str) -> None:
    """Give the new file the rights of the old one, or those that new files have here."""
    if target.exists():
        mode = target.stat().st_mode & 0o777
    else:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    os.chmod(name, mode)
