"""A peer for tests: scipy's linprog, and what it takes to fail in every way."""

import os

import numpy as np
from scipy.optimize import linprog

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays

BREAKS, ENDS, OVERSPENDS = -1.0, -2.0, -3.0
"""First rewards that make it raise, end its process, or hand out everything."""


class StandInModel:
    """The arrays, solved anew each time."""

    def __init__(self, arrays: UserArrays) -> None:
        _talk()
        self._arrays = arrays
        self.is_open = True

    def resolve(self, reward: Floats) -> Floats:
        _talk()
        if reward[0] == BREAKS:
            raise PeerFailed("it\nbroke down")
        if reward[0] == ENDS:
            os._exit(7)
        if reward[0] == OVERSPENDS:
            return np.ones(len(reward))
        rows, sides = self._arrays.requests.T, self._arrays.budget
        return np.asarray(linprog(-reward, rows, sides, bounds=(0, 1)).x)

    def close(self) -> None:
        self.is_open = False


def _talk() -> None:
    os.write(1, b"what a solver prints is not heard")


PEER = Peer(
    name="stand-in", packages=("scipy",), build=StandInModel, updates="solved anew", builds=True
)
ELSEWHERE = Peer(
    name="elsewhere",
    packages=("scipy",),
    build=StandInModel,
    updates="solved anew",
    module=__name__,
)
