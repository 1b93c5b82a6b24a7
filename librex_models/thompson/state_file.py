"""States on disk: one line for a whole state, one more for each thing that happened since.

Every line begins with the CRC-32 of what follows. A line that was not finished, as when a process
is killed, is left out: what it says was never acknowledged. Anything else that is wrong is an error
that names the line.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from librex_models.errors import FileError, LibrexError
from solvers.atomic_file import Name, write_whole

Entry = dict[str, Any]


def line_of(entry: Entry) -> str:
    """Return the line that says an entry."""
    text = json.dumps(entry, separators=(",", ":"), allow_nan=False, default=_listed)
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _listed(array: npt.NDArray[Any] | np.generic) -> Any:
    return array.tolist()


@contextmanager
def naming_line(path: Name, number: int) -> Iterator[None]:
    """Turn what is wrong with an entry into an error that names its line."""
    try:
        yield
    except (LibrexError, KeyError, TypeError, ValueError, IndexError) as error:
        raise FileError(f"{path}, line {number}: {error}") from None


def write_state(path: Name, state: Entry) -> None:
    """Write a file that holds a state and nothing else; on any failure the old file stays.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    try:
        write_whole(path, [line_of(state)])
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from None


def read_entries(path: Name) -> tuple[list[Entry], int]:
    """Return the entries of a file, the state first, and how many bytes they take.

    Raises
    ------
    FileError
        If the file cannot be read, has no whole first line, or a finished line is damaged.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from None
    finished = content[: content.rfind(b"\n") + 1]
    lines = finished.splitlines()
    if not lines:
        raise FileError(f"{path}: holds no whole state: the file was cut off, or is another's")
    entries = [_entry(path, number, line) for number, line in enumerate(lines, start=1)]
    return entries, len(finished)


def _entry(path: Name, number: int, line: bytes) -> Entry:
    said, _, text = line.partition(b" ")
    try:
        is_whole = len(said) == 8 and int(said, 16) == zlib.crc32(text)
        entry = json.loads(text) if is_whole else None
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise FileError(f"{path}, line {number}: is damaged, or no line of a saved state")
    return entry


class Journal:
    """A file that grows by a line for each thing that happened.

    Parameters
    ----------
    path : path
    state : dict, optional
        A file is begun with it; without, the file that is there is gone on with.
    length : int, optional
        How many bytes the entries took when they were read.

    Raises
    ------
    FileError
        If the file cannot be written, has grown since it was read, or another process goes on
        with it.
    """

    def __init__(self, path: Name, state: Entry | None = None, length: int | None = None) -> None:
        self._path = path
        if state is not None:
            write_state(path, state)
        self._file = self._opened(length)

    def append(self, entry: Entry) -> None:
        """Write a line, and wait until it is on the disk.

        Raises
        ------
        FileError
            If it cannot be written; the file is as it was.
        """
        before = self._file.tell()
        try:
            self._file.write(line_of(entry).encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise FileError(f"{self._path}: {_cut_back(self._file, before, error)}") from None
        except BaseException as error:
            _cut_back(self._file, before, error)
            raise

    def open_anew(self) -> None:
        """Go on with another file that has taken the place of this one."""
        self._file.close()
        self._file = self._opened(None)

    def close(self) -> None:
        """Let others go on with the file."""
        self._file.close()

    def _opened(self, length: int | None) -> BinaryIO:
        try:
            # It stays open until the journal is closed.
            file = Path(self._path).open("r+b")  # noqa: SIM115
        except OSError as error:
            reason = error.strerror or error
            raise FileError(f"{self._path}: cannot be written: {reason}") from None
        try:
            _lock(file, self._path)
            _, found = read_entries(self._path)
            if length not in (None, found) or not _is_at(file, self._path):
                raise FileError(f"{self._path}: was changed by another process: load it again")
            # What was never finished is overwritten.
            file.truncate(found)
            file.seek(found)
        except BaseException:
            file.close()
            raise
        return file


def _is_at(file: BinaryIO, path: Name) -> bool:
    """Return whether a file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _cut_back(file: BinaryIO, length: int, error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or error
    try:
        file.truncate(length)
        file.seek(length)
    except OSError:
        return f"cannot be written, nor cut back: {reason}"
    return f"cannot be written: {reason}"


def _lock(file: BinaryIO, path: Name) -> None:
    """Keep other processes from going on with the file, where the system can do that."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise FileError(f"{path}: another process goes on with this journal") from None
