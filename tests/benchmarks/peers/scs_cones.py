"""SCS by its own interface: first-order, with costs changed in place."""

from typing import Any

import numpy as np

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class ScsModel:
    """Budgets and bounds as rows of one cone; the factorisation is kept."""

    def __init__(self, arrays: UserArrays) -> None:
        import scipy.sparse as sp
        import scs

        n_options = len(arrays.reward)
        one_each = sp.eye_array(n_options)
        # One residual is asked of all rows: shares of budgets, or bounds are off by tenths.
        shares = sp.csc_array((arrays.requests / arrays.budget).T)
        rows = sp.vstack([shares, one_each, -one_each], format="csc")
        sides = np.repeat([1.0, 1.0, 0.0], [len(arrays.budget), n_options, n_options])
        self._solver: Any = scs.SCS(
            {"A": rows, "b": sides, "c": -arrays.reward}, {"l": len(sides)}, verbose=False
        )

    def resolve(self, reward: Floats) -> Floats:
        """Change the costs in place; from the last point it would take five times as long."""
        self._solver.update(c=-reward)
        answer = self._solver.solve(warm_start=False)
        if answer["info"]["status"] != "solved":
            raise PeerFailed(f"SCS ended with {answer['info']['status']}")
        decision: Floats = answer["x"]
        return decision

    def close(self) -> None:
        """Nothing to free by hand."""


PEER = Peer(
    name="SCS",
    packages=("scs",),
    build=ScsModel,
    updates="costs changed in place, first-order",
    tolerance=1e-2,
    builds=False,
)
