"""Text of a file and numbers in a text.

May import `librex_models.errors` and `solvers.atomic_file`.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from librex_models.errors import FileError
from solvers.atomic_file import write_whole

# No underscores, no "nan", no digits but 0 to 9: float() would take them.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# One text for each number, so that different texts stay different labels.
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
LARGEST_WHOLE_NUMBER = 10**18 - 1


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file in UTF-8, with its line ends, without a byte order mark.

    Raises
    ------
    FileError
        If there is no such file, it is a folder, or it is not UTF-8; the message names the file.
    """
    return text_of(content_of(path), path)


def content_of(path: str | os.PathLike[str]) -> bytes:
    """Return what a file holds.

    Raises
    ------
    FileError
        If there is no such file, or it is a folder; the message names the file.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        # A file name with a null character.
        raise FileError(f"{str(path)!r} cannot be read: {error}") from None


def text_of(content: bytes, path: str | os.PathLike[str]) -> str:
    """Return what a file holds as text, which is UTF-8, without a byte order mark.

    Raises
    ------
    FileError
        If it is not UTF-8; the message names the file and the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{path}, line {line}: not UTF-8 (byte 0x{error.object[error.start]:02x}); save the "
            "file as UTF-8"
        ) from None


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text in UTF-8: whole, or what was there before stays.

    Raises
    ------
    FileError
        If the file cannot be written; the message names it.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        # A folder or a device, which another file would take the place of.
        raise FileError(f"{path}: cannot be written: it is no ordinary file")
    try:
        write_whole(path, [text])
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from None
    except ValueError as error:
        # A file name with a null character.
        raise FileError(f"{str(path)!r} cannot be written: {error}") from None


def stream_text(stream: Any, name: str) -> str:
    """Return what is left in a text stream.

    Raises
    ------
    FileError
        If the stream yields something else than UTF-8 text.
    """
    try:
        text = stream.read()
    except UnicodeDecodeError as error:
        raise FileError(f"{name}: not UTF-8: {error.reason}") from None
    if not isinstance(text, str):
        raise FileError(f"{name}: yields {type(text).__name__}; open it as text, not as bytes")
    return text.removeprefix("\ufeff")


def number_in(text: str) -> float | None:
    """Return the finite decimal number that a text is, or None.

    Examples
    --------
    >>> number_in("2.5e3"), number_in("1_000"), number_in("nan"), number_in("1e999")
    (2500.0, None, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def whole_number_in(text: str) -> int | None:
    """Return the whole number of at most 18 digits that a text is, or None.

    Examples
    --------
    >>> whole_number_in("-7"), whole_number_in("007"), whole_number_in("7.0")
    (-7, None, None)
    """
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None
