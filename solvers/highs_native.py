"""One native HiGHS object, and what it calls back while it runs. Loads highspy when first used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any


# highspy has no types for its native part.
@cache
def native() -> Any:
    """Return the package highspy."""
    import highspy

    return highspy


def loaded_version() -> str | None:
    """Return the version of highspy, None where it is not loaded."""
    loaded = sys.modules.get("highspy")
    if loaded is None:
        return None
    numbers = (getattr(loaded, f"HIGHS_VERSION_{part}") for part in ("MAJOR", "MINOR", "PATCH"))
    return ".".join(map(str, numbers))


class Listener:
    """What HiGHS calls back while it runs: it hands over lines, and asks whether to stop.

    Knows no session, so that a session that nobody closed can still be freed.
    """

    def __init__(self) -> None:
        self._logging = int(native().cb.HighsCallbackType.kCallbackLogging)
        self.listen(None)

    def listen(self, log: Callable[[str], None] | None) -> None:
        """Begin anew."""
        self._log = log
        self._is_stopped = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Stop HiGHS when it asks next."""
        self._is_stopped = True

    def raise_error(self) -> None:
        """Raise what `log` raised, if it did."""
        if self._error is not None:
            raise self._error

    # The types are those of highspy, which has none for its native part.
    def __call__(self, kind: Any, message: str, out: Any, into: Any, _: Any) -> None:  # noqa: ARG002
        """Take a line, or tell HiGHS whether to stop."""
        if int(kind) != self._logging:
            into.user_interrupt = self._is_stopped
        elif self._log is not None and self._error is None:
            try:
                for line in message.removesuffix("\n").split("\n"):
                    self._log(line)
            except BaseException as error:
                # Raised through HiGHS's own frames it would leave them half done.
                self._error = error
                self._is_stopped = True


def new_highs(listener: Listener, asks_often: bool) -> Any:
    """Return a silent HiGHS object that calls the listener back.

    Parameters
    ----------
    listener : Listener
    asks_often : bool
        Whether it asks at every iteration of the simplex method whether to stop.
    """
    package = native()
    highs = package._core._Highs()
    highs.setOptionValue("output_flag", False)
    highs.setCallback(listener, None)
    kinds = package.cb.HighsCallbackType
    asked = [kinds.kCallbackLogging, kinds.kCallbackIpmInterrupt, kinds.kCallbackMipInterrupt]
    if asks_often:
        asked.append(kinds.kCallbackSimplexInterrupt)
    for kind in asked:
        highs.startCallback(kind)
    return highs


@cache
def pristine_highs() -> Any:
    """Return the one HiGHS object whose options nobody changes."""
    highs = native()._core._Highs()
    highs.setOptionValue("output_flag", False)
    return highs
