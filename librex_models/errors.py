"""The errors of `librex_models`: one base class, and one subclass for each kind of trouble."""

from __future__ import annotations

from typing import Any


class LibrexError(Exception):
    """Base class of every error that `librex_models` raises."""


class ProblemError(LibrexError, ValueError):
    """An allocation problem that breaks a rule; the message names the offender."""


class ShapeError(ProblemError):
    """An array of the wrong shape."""


class ParameterError(ProblemError):
    """A number or label that cannot be, such as a negative budget or an unknown agent."""


class FormError(LibrexError):
    """A Pyomo or CVXPY model with a component that the readers do not handle."""


class UnsolvableError(LibrexError):
    """A model that the chosen solver cannot solve; the message names what can."""


class FileError(LibrexError, ValueError):
    """A file that cannot be read or written; the message names file, line or key."""


class NoAllocationError(LibrexError):
    """A point was asked for where there is none.

    Attributes
    ----------
    outcome : object
        What the solver said.
    """

    def __init__(self, message: str, outcome: Any = None) -> None:
        super().__init__(message)
        self.outcome = outcome

    def __reduce__(self) -> tuple[type[NoAllocationError], tuple[str, Any]]:
        """Keep the outcome when pickled."""
        return (NoAllocationError, (str(self), self.outcome))


class NotDifferentiable(LibrexError):
    """A derivative was asked for where there is none, or only one on each side.

    Attributes
    ----------
    options, resources : tuples of labels
        Where it fails; empty where it fails for all.
    """

    def __init__(
        self, message: str, options: tuple[Any, ...] = (), resources: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message)
        self.options = options
        self.resources = resources

    def __reduce__(self) -> tuple[type[NotDifferentiable], tuple[Any, ...]]:
        """Keep options and resources when pickled."""
        return (NotDifferentiable, (str(self), self.options, self.resources))
