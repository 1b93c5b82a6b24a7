"""A peer beside the bare solver: whether it is there, whether its answer is right, its row."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from tests.benchmarks.measuring import Measurement, version_of
from tests.benchmarks.peers.in_process import InProcess
from tests.benchmarks.peers.own_process import OwnProcess, is_ready
from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays

EXACT = 1e-6


class Runner(Protocol):
    """A peer that builds and solves, in this process or in another one."""

    def build(self) -> float:
        """Build a model and return the seconds."""

    def resolve(self, reward: Floats) -> tuple[float, Floats]:
        """Solve for other rewards; return the seconds and the decision."""

    def close(self) -> None:
        """Give back what is held."""


@contextmanager
def running(peer: Peer, arrays: UserArrays) -> Iterator[Runner]:
    """Open a peer, in a process of its own if it needs one."""
    runner = InProcess(peer, arrays) if peer.module is None else OwnProcess(peer, arrays)
    try:
        yield runner
    finally:
        runner.close()


def absence(peer: Peer, n_options: int) -> str | None:
    """Return why a peer is not measured; None if it can be."""
    if n_options > peer.most_options:
        return f"not asked for more than {peer.most_options:,} options: {peer.beyond}"
    if peer.environment is not None:
        if is_ready(peer):
            return None
        return f"not installed: it needs an environment of its own, {peer.environment} (make bench)"
    missing = [package for package in peer.packages if version_of(package) is None]
    return f"not installed: {' and '.join(missing)} (make bench)" if missing else None


def row_of_peer(
    benchmark: str, case: str, peer: Peer, n_options: int, measure: Callable[[], Measurement]
) -> Measurement:
    """Return the row of a peer, with the reason where there is no figure."""
    reason = absence(peer, n_options)
    if reason is None:
        try:
            return measure()
        except PeerFailed as failure:
            reason = str(failure)
    return Measurement(
        benchmark=benchmark, case=case, way=peer.name, value=None, repeats=0, remark=reason
    )


def error_of(peer: Peer, arrays: UserArrays, decision: Floats, objective: float) -> float:
    """Return how far an answer is off: its reward, its budgets or its bounds, relatively.

    Raises
    ------
    PeerFailed
        If that is more than the peer's tolerance.
    """
    reward = float(arrays.reward @ decision)
    errors = {
        "its reward differs": abs(reward / objective - 1.0),
        "a budget is exceeded": float(np.max(decision @ arrays.requests / arrays.budget)) - 1.0,
        "a bound is exceeded": max(float(-decision.min()), float(decision.max()) - 1.0),
    }
    what = max(errors, key=lambda name: errors[name])
    if not errors[what] <= peer.tolerance:
        raise PeerFailed(f"{peer.name} answers wrongly: {what} by {errors[what]:.2g}")
    return max(errors[what], 0.0)


def accuracy(errors: list[float]) -> str:
    """Return what a remark says of answers that are not exact."""
    worst = max(errors)
    return "" if worst <= EXACT else f"; answers are off by up to {worst:.1g}"
