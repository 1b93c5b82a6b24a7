"""Texts, keys and numbers as TOML writes them. May import nothing of this package."""

from __future__ import annotations

import math
import re

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\f": "\\f", "\r": "\\r"}
# What no TOML text holds as it is.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

# Above it, doubles are not whole numbers digit by digit.
_LARGEST_SHORT = 1e15


def toml_key(text: str) -> str:
    r"""Return a key, in quotes where TOML needs them.

    Examples
    --------
    >>> print(toml_key("gpu"), toml_key("Größe \"1\""))
    gpu "Größe \"1\""
    """
    return text if _BARE_KEY.fullmatch(text) else toml_string(text)


def toml_string(text: str) -> str:
    r"""Return a text in quotes, in one line.

    Examples
    --------
    >>> print(toml_string('a "b"\n'))
    "a \"b\"\n"
    """
    escaped = _control_escaped(text.replace("\\", "\\\\").replace('"', '\\"'))
    return '"' + escaped.replace("\t", "\\t").replace("\n", "\\n") + '"'


def toml_lines(text: str) -> str:
    """Return a text of whole lines, each of which ends with a line feed, in three quotes."""
    if "'''" not in text and not _CONTROL.search(text):
        # Read as it stands, which is fast.
        return f"'''\n{text}'''"
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{_control_escaped(escaped)}"""'


def number_text(value: float) -> str:
    """Return the shortest digits that read back to the same double.

    Examples
    --------
    >>> number_text(64.0), number_text(0.1), number_text(-0.0), number_text(1e300)
    ('64', '0.1', '-0.0', '1e+300')
    """
    if abs(value) < _LARGEST_SHORT and value.is_integer() and math.copysign(1.0, value) > 0:
        return str(int(value))
    return repr(value)


def _control_escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}", text)
