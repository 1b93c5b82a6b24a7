"""A peer in this process: what it does is timed, and what its solver prints is not seen."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.measuring import timed
from tests.benchmarks.peers.peer import Floats, Model, Peer, UserArrays

STANDARD_OUTPUT = 1


class InProcess:
    """Builds the problem of a peer and solves it, one model at a time.

    Parameters
    ----------
    peer : Peer
    arrays : UserArrays
    """

    def __init__(self, peer: Peer, arrays: UserArrays) -> None:
        self._peer = peer
        self._arrays = arrays
        self._model: Model | None = None

    def build(self) -> float:
        """Build a model in place of the one before, and return the seconds."""
        self.close()
        with _unheard():
            seconds, self._model = timed(lambda: self._peer.build(self._arrays))
        return seconds

    def resolve(self, reward: Floats) -> tuple[float, Floats]:
        """Solve the model for other rewards; return the seconds and the decision."""
        if self._model is None:
            raise RuntimeError(f"{self._peer.name} has built nothing")
        model = self._model
        with _unheard():
            return timed(lambda: model.resolve(reward))

    def close(self) -> None:
        """Give back the model."""
        if self._model is not None:
            self._model.close()
        self._model = None


@contextmanager
def _unheard() -> Iterator[None]:
    """Close the ears to what is written to standard output, also by C."""
    sys.stdout.flush()
    heard = os.dup(STANDARD_OUTPUT)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), STANDARD_OUTPUT)
            yield
    finally:
        sys.stdout.flush()
        os.dup2(heard, STANDARD_OUTPUT)
        os.close(heard)
