"""Labels of any kind as texts that differ, and that a terminal can show."""

from __future__ import annotations

from collections.abc import Hashable, Iterable


def label_texts(labels: Iterable[Hashable]) -> list[str]:
    """Return one text for each label; different labels get different texts.

    Examples
    --------
    >>> label_texts(["ann", 1])
    ['ann', '1']
    >>> label_texts(["1", 1])
    ["'1'", '1']
    """
    kept = list(labels)
    for text in (str, repr):
        texts = [text(label) for label in kept]
        if len(set(texts)) == len(texts):
            return texts
    return [f"{text} ({position})" for position, text in enumerate(texts)]


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
