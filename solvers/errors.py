"""The errors of `solvers`: one base class, and one subclass for each kind of trouble."""

from __future__ import annotations


class SolverError(Exception):
    """Base class of every error that `solvers` raises."""


class ProgramError(SolverError, ValueError):
    """A Program contradicts itself: lengths, bounds or numbers that cannot be."""


class CapabilityError(SolverError):
    """A solver was asked for something it cannot do; the message names what can."""


class OptionError(SolverError, ValueError):
    """An option that the solver does not know, or a value it does not take."""


class UpdateError(SolverError):
    """An update that cannot be written into an open session; nothing was changed."""


class LicenceError(SolverError):
    """The solver is installed and has no licence for this program."""


class SolverFailure(SolverError):
    """The solver broke down; the message holds its own words."""
