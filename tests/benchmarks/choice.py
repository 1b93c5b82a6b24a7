"""Which rows of the table are measured: all, or those that the command line names."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The cases and ways to measure, in capitals or not; None stands for all of them.

    Parameters
    ----------
    case : str or None
        One case, such as ``N = 1,000``.
    way : str or None
        Librex or one peer.
    """

    case: str | None = None
    way: str | None = None

    def takes(self, case: str, way: str) -> bool:
        """Return whether a row is to be measured."""
        return _fits(self.case, case) and _fits(self.way, way)


def _fits(asked: str | None, name: str) -> bool:
    return asked is None or asked.casefold() == name.casefold()


EVERYTHING = Choice()
