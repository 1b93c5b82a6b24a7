"""Files that are there whole, or as they were. May import nothing of this package."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | os.PathLike[str], parts: Iterable[str]) -> None:
    """Write a text, compressed where the name ends in ``.gz``; on any failure the old file stays.

    The text goes into a file beside it, which takes its place when it is complete and on the disk.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full.
    """
    # A link stays one.
    target = Path(path).resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if target.suffix == ".gz":
                # Without a time the same model is the same file.
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                    for part in parts:
                        packed.write(part.encode())
            else:
                for part in parts:
                    file.write(part.encode())
            file.flush()
            os.fsync(file.fileno())
        _keep_mode(target, name)
        os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _keep_mode(target: Path, name: str) -> None:
    """Give the new file the rights of the old one, or those that new files have here."""
    if target.exists():
        mode = target.stat().st_mode & 0o777
    else:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    os.chmod(name, mode)
