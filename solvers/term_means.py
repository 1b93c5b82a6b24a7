"""What a search for alpha-fair terms may still spend: time, nodes and iterations over many solves.

May import options, outcomes and the session of a solver.
"""

from __future__ import annotations

import time
from dataclasses import replace

from solvers.adapter import SolverSession
from solvers.options import SolveOptions
from solvers.outcome import Limit, Outcome

# A level is but a guess: it need not be near the largest.
GAP_OF_LEVEL = 0.2
# The share of the time that the level may take.
SHARE_OF_TIME = 0.25
# The share of the time that a solver may take where its answer is proven afterwards.
SHARE_BEFORE_PROOF = 0.7


class Means:
    """The limits of a search, and what it has spent.

    Parameters
    ----------
    options : SolveOptions
    enough_nodes : int or None
        After so many the solver's answer is taken as it is, and proven; None without a proof.
    """

    def __init__(self, options: SolveOptions, enough_nodes: int | None) -> None:
        self.start = time.perf_counter()
        self.nodes = self.iterations = 0
        self.words: list[str] = []
        self._options = options
        self._enough_nodes = enough_nodes

    def ask(self, session: SolverSession, options: SolveOptions) -> Outcome:
        """Solve, and count what that took."""
        outcome = session.solve(options)
        self.nodes += outcome.nodes
        self.iterations += outcome.iterations
        self.words.append(outcome.message)
        return outcome

    def seconds_left(self) -> float | None:
        """Return the time that is left, None where there is no limit."""
        limit = self._options.time_limit_seconds
        return None if limit is None else max(0.0, limit - (time.perf_counter() - self.start))

    def left(self) -> SolveOptions:
        """Return the options, with what is left of their limits."""
        passed = time.perf_counter() - self.start
        left = self._options.after(passed, self.nodes, self.iterations)
        return replace(left, start=None, relative_gap=0.0, absolute_gap=0.0)

    def for_level(self, has_integers: bool) -> SolveOptions:
        """Return the options for a level."""
        left = replace(self.left(), solution_limit=None)
        seconds = left.time_limit_seconds
        if seconds is not None:
            left = replace(left, time_limit_seconds=SHARE_OF_TIME * seconds)
        return replace(left, relative_gap=GAP_OF_LEVEL) if has_integers else left

    def before_proof(self) -> SolveOptions:
        """Return the options for a solve that leaves time for a proof, and has nodes enough."""
        left = self.left()
        seconds, nodes = left.time_limit_seconds, left.node_limit
        if seconds is not None:
            seconds *= SHARE_BEFORE_PROOF
        if self._enough_nodes is not None:
            nodes = self._enough_nodes if nodes is None else min(nodes, self._enough_nodes)
        return replace(left, time_limit_seconds=seconds, node_limit=nodes)

    def are_left_after(self, outcome: Outcome) -> bool:
        """Return whether a solve before a proof has ended by limits that were not the caller's."""
        if self.seconds_left() == 0.0:
            return False
        most = self._options.node_limit
        if outcome.limit is Limit.NODES:
            return self._enough_nodes is not None and (most is None or self.nodes < most)
        return outcome.limit is Limit.TIME and self._options.time_limit_seconds is not None

    def need_more_nodes(self) -> None:
        """Take back that nodes are enough: the proof failed."""
        self._enough_nodes = None
