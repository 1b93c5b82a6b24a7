"""JSON as solution files have it: no key twice, no number that is none, errors with their lines."""

from __future__ import annotations

import json
import math
from typing import Any

from librex_models.errors import FileError
from librex_models.solution_files.solution_file import INFINITE, quoted

LONGEST_NUMBER = 400


class JsonFile:
    """A JSON object of a file.

    Parameters
    ----------
    path : str
    text : str

    Raises
    ------
    FileError
        If it is no JSON object; the message names file and line.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text
        try:
            found = json.loads(
                text,
                object_pairs_hook=self._without_doubles,
                parse_constant=self._refused,
                parse_int=self._number,
                parse_float=self._number,
            )
        except json.JSONDecodeError as error:
            raise FileError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
        except RecursionError:
            raise FileError(
                f"{path}, line 1: not JSON that is read here: nested too deep"
            ) from None
        if not isinstance(found, dict):
            raise FileError(f"{path}, line 1: expected a JSON object")
        self.content: dict[str, Any] = found

    def error(self, message: str, key: str | None = None) -> FileError:
        """Return an error that names the file, and the line where a text stands first."""
        return FileError(f"{self.path}, line {self.line(key)}: {message}")

    def line(self, text: str | None) -> int:
        """Return the line where a text stands first; 1 where it stands nowhere."""
        if text is None:
            return 1
        wanted = {json.dumps(text), json.dumps(text, ensure_ascii=False)}
        places = [place for one in wanted if (place := self._text.find(one)) >= 0]
        return self._text.count("\n", 0, min(places)) + 1 if places else 1

    def lines(self, texts: list[str]) -> dict[str, int]:
        """Return the line of each text, as far as they stand behind each other."""
        found, place, line = {}, 0, 1
        for text in texts:
            for written in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
                there = self._text.find(written, place)
                if there >= 0:
                    line += self._text.count("\n", place, there)
                    place = there
                    break
            found[text] = line
        return found

    def number(
        self, value: Any, what: str, key: str | None = None, most: float = INFINITE
    ) -> float:
        """Return a value that has to be a finite number."""
        if not isinstance(value, float) or abs(value) >= most:
            raise self.error(f"{what} is {quoted(str(value))}, expected a finite number", key)
        return value

    def table(self, value: Any, what: str) -> dict[str, Any]:
        """Return a value that has to be an object."""
        if not isinstance(value, dict):
            raise self.error(f"{what} is {quoted(str(value))}, expected an object", what)
        return value

    def _without_doubles(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise self.error(f"{quoted(twice)} stands twice in one object", twice)
        return found

    def _number(self, text: str) -> float:
        number = float(text) if len(text) <= LONGEST_NUMBER else math.inf
        return number if math.isfinite(number) else self._refused(text)

    def _refused(self, text: str) -> float:
        place = self._text.find(text)
        line = self._text.count("\n", 0, max(place, 0)) + 1
        raise FileError(f"{self.path}, line {line}: {quoted(text)} is no finite number")
