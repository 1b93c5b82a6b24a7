"""CVXPY, vectorised, with rewards as a parameter: compiled once (disciplined parametrisation)."""

from functools import partial
from typing import Any

from tests.benchmarks.peers.peer import Floats, Peer, PeerFailed, UserArrays


class CvxpyModel:
    """A problem with a parameter, compiled for one solver."""

    def __init__(self, arrays: UserArrays, solver: str, **options: Any) -> None:
        import cvxpy

        self._solver, self._options = solver, options
        self._decision: Any = cvxpy.Variable(len(arrays.reward), bounds=[0, 1])
        self._reward = cvxpy.Parameter(len(arrays.reward), value=arrays.reward)
        self._problem: Any = cvxpy.Problem(
            cvxpy.Maximize(self._reward @ self._decision),
            [arrays.requests.T @ self._decision <= arrays.budget],
        )
        self._problem.get_problem_data(solver)

    def resolve(self, reward: Floats) -> Floats:
        """Change the parameter; CVXPY writes it into the compiled problem."""
        self._reward.value = reward
        self._problem.solve(solver=self._solver, warm_start=True, **self._options)
        if self._problem.status != "optimal":
            raise PeerFailed(f"CVXPY with {self._solver} ended with {self._problem.status}")
        decision: Floats = self._decision.value
        return decision

    def close(self) -> None:
        """Nothing is held outside of Python."""


PEER = Peer(
    name="CVXPY",
    packages=("cvxpy",),
    build=partial(CvxpyModel, solver="HIGHS", threads=1),
    updates="parameter changed, HiGHS filled anew",
    ends_with="ends with arrays, which it hands to HiGHS when it solves",
)
CLARABEL = Peer(
    name="CVXPY + Clarabel",
    packages=("cvxpy", "clarabel"),
    build=partial(CvxpyModel, solver="CLARABEL"),
    updates="parameter changed, interior points",
    builds=False,
)
