"""linopy, vectorised over options, with HiGHS kept between solves."""

from typing import Any

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class LinopyModel:
    """Variables and rows as labelled arrays; HiGHS is told what has changed."""

    def __init__(self, arrays: UserArrays) -> None:
        import linopy
        import pandas as pd
        import xarray as xr
        from linopy.solvers import Solver

        self._options = pd.RangeIndex(len(arrays.reward), name="option")
        resources = pd.RangeIndex(len(arrays.budget), name="resource")
        requests = xr.DataArray(arrays.requests, coords=[self._options, resources])
        budget = xr.DataArray(arrays.budget, coords=[resources])
        # No types that mypy could follow: expressions and rows are made by operators.
        self._model: Any = linopy.Model()
        self._decision: Any = self._model.add_variables(
            lower=0, upper=1, coords=[self._options], name="decision"
        )
        self._model.add_constraints((requests * self._decision).sum("option") <= budget)
        self._set(arrays.reward)
        self._solver: Any = Solver.from_name(
            "highs",
            model=self._model,
            io_api="direct",
            options={"output_flag": False, "threads": 1},
            track_updates=True,
            set_names=False,
        )

    def _set(self, reward: Floats) -> None:
        import xarray as xr

        weights = xr.DataArray(reward, coords=[self._options])
        self._model.add_objective((weights * self._decision).sum(), sense="max", overwrite=True)

    def resolve(self, reward: Floats) -> Floats:
        """Replace the objective, of which linopy writes what differs, and solve."""
        self._set(reward)
        result = self._solver.solve(self._model, assign=True)
        if not result.status.is_ok:
            raise PeerFailed(f"linopy ended with {result.status}")
        decision: Floats = self._decision.solution.to_numpy()
        return decision

    def close(self) -> None:
        """Free HiGHS."""
        self._solver.close()


PEER = Peer(
    name="linopy",
    packages=("linopy",),
    build=LinopyModel,
    updates="objective replaced, difference written into HiGHS",
)
