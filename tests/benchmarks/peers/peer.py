"""What a peer is: a way to build the problem of the benchmarks, and to solve it for new rewards.

Peers that run in a process of their own are loaded there as well, in an environment without Librex
maybe: these files import numpy and their own package only, and the package when it is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class UserArrays(NamedTuple):
    """The problem as its user has it: max reward @ decision, within budgets, decisions 0 to 1.

    Requests have a row for each option and a column for each resource.
    """

    requests: Floats
    budget: Floats
    reward: Floats


class PeerFailed(RuntimeError):
    """A peer broke down or answered wrongly: its row has the reason in place of a figure."""


class Model(Protocol):
    """The problem as a peer holds it, ready to run."""

    def resolve(self, reward: Floats) -> Floats:
        """Put other rewards in place, solve, and return the decision."""

    def close(self) -> None:
        """Give back what the model holds."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another way to the same answer.

    Parameters
    ----------
    name : str
        As the table and the command line have it.
    packages : tuple of str
        What has to be installed, by its name on PyPI.
    build : callable
        Takes the user's arrays and returns a model that is ready to run.
    updates : str
        How other rewards get in, for the table.
    tolerance : float
        How far rewards, budgets and bounds may be off, relative to their size: what its solver
        promises.
    builds : bool
        Whether its build ends where that of the bare solver ends, with a model for HiGHS.
    ends_with : str
        What its build ends with, where that is not a model inside of HiGHS.
    most_options : int
        Of the problems that it is asked to solve.
    beyond : str
        What happens with more options.
    module : str or None
        The file to load in a process of its own, for a peer that needs one.
    environment : str or None
        The folder of the environment of its own, for a peer that needs other versions than ours.
    """

    name: str
    packages: tuple[str, ...]
    build: Callable[[UserArrays], Model]
    updates: str
    tolerance: float = 1e-6
    builds: bool = True
    ends_with: str = ""
    most_options: int = 1_000_000
    beyond: str = ""
    module: str | None = None
    environment: str | None = None
