"""Texts that a terminal can show."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text in one line, with control characters written out.

    Examples
    --------
    >>> printable("a\x1b[31m\nb")
    'a\\x1b[31m\\nb'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
