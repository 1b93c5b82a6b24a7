"""A peer in a process of its own, which takes the times; rewards and decisions go by a pipe.

OR-tools and highspy do not load into one process, and DeDe needs older packages than Librex.
"""

import pickle
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays

REPOSITORY = Path(__file__).resolve().parent.parent.parent.parent


class OwnProcess:
    """Does what InProcess does, elsewhere.

    Parameters
    ----------
    peer : Peer
        With its module.
    arrays : UserArrays
    """

    def __init__(self, peer: Peer, arrays: UserArrays) -> None:
        self._name = peer.name
        self._process = subprocess.Popen(
            [python_of(peer), "-m", "tests.benchmarks.peers.worker", str(peer.module)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=REPOSITORY,
        )
        self._ask(*arrays)

    def build(self) -> float:
        """Build a model in place of the one before, and return the seconds."""
        return float(self._ask("build"))

    def resolve(self, reward: Floats) -> tuple[float, Floats]:
        """Solve the model for other rewards; return the seconds and the decision."""
        seconds, decision = self._ask("resolve", reward)
        return seconds, decision

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._ask("close")
        self._process.communicate()

    def _ask(self, *request: Any) -> Any:
        """Return the answer of the process.

        Raises
        ------
        PeerFailed
            If it ends before it answers, or answers with an error.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError(f"{self._name} has no pipes")
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            error, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as lost:
            code = self._process.wait()
            raise PeerFailed(f"the process of {self._name} ended with code {code}") from lost
        if error:
            raise PeerFailed(f"{self._name} failed in its own process: {error}")
        return answer


def python_of(peer: Peer) -> str:
    """Return the interpreter that runs a peer."""
    if peer.environment is None:
        return sys.executable
    return str(REPOSITORY / peer.environment / "bin" / "python")


def versions_elsewhere(peers: Iterable[Peer]) -> dict[str, str]:
    """Return the versions of the packages of peers that have an environment of their own."""
    return {
        one.metadata["Name"]: one.version
        for peer in peers
        if peer.environment is not None and is_ready(peer)
        for one in _distributions(REPOSITORY / peer.environment)
        if one.metadata["Name"] in peer.packages
    }


def _distributions(environment: Path) -> Iterable[Distribution]:
    folders = [str(folder) for folder in environment.glob("lib/python*/site-packages")]
    return distributions(path=folders)


def is_ready(peer: Peer) -> bool:
    """Return whether the environment of a peer was made to its end: its stamp comes last."""
    return (REPOSITORY / str(peer.environment) / ".installed").exists()
