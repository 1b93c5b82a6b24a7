"""A file that takes the lines of a log. May import the errors of this package."""

from __future__ import annotations

import os

from solvers.errors import OptionError


class LogFile:
    """What writes lines into a file, which is begun anew.

    Parameters
    ----------
    path : str or os.PathLike

    Raises
    ------
    OptionError
        If the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._write("", "w")

    def __call__(self, line: str) -> None:
        """Write a line; it is in the file when this returns."""
        self._write(f"{line}\n", "a")

    def _write(self, text: str, mode: str) -> None:
        try:
            with open(self._path, mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            words = f"log is {self._path!r}, which cannot be written: {error.strerror or error}"
            raise OptionError(words) from error
