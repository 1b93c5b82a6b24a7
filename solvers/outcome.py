"""What a solver claims about a Program. May import numpy and the errors of this package."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from solvers.errors import SolverFailure
from solvers.program import Floats


class Status(Enum):
    """What the solver says about the program."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    NO_SOLUTION_FOUND = "no solution found"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    INFEASIBLE_OR_UNBOUNDED = "infeasible or unbounded"
    NUMERICAL_FAILURE = "numerical failure"

    @property
    def has_point(self) -> bool:
        """Whether an outcome with this status holds a point."""
        return self in WITH_POINT

    @property
    def is_stopped(self) -> bool:
        """Whether an outcome with this status was stopped by a limit."""
        return self in STOPPED


WITH_POINT = (Status.OPTIMAL, Status.FEASIBLE)
STOPPED = (Status.FEASIBLE, Status.NO_SOLUTION_FOUND)


class Limit(Enum):
    """What stopped the solver before it was done."""

    TIME = "time limit"
    NODES = "node limit"
    ITERATIONS = "iteration limit"
    SOLUTIONS = "solution limit"
    MEMORY = "memory limit"
    INTERRUPT = "interrupt"
    OTHER = "another limit"


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """The claims of one solve.

    Parameters
    ----------
    status : Status
    limit : Limit or None
        Present exactly with FEASIBLE and NO_SOLUTION_FOUND.
    point : array of shape (n_columns,) or None
        Present exactly with OPTIMAL and FEASIBLE.
    objective : float or None
        Value of the point as the solver states it; None without a point, as are the duals.
    bound : float
        No point is better than this, says the solver; infinite when nothing is known, no NaN.
    row_dual : array of shape (n_rows,) or None
        Change of the optimum per unit of right-hand side, for every solver and sense.
    reduced_cost : array of shape (n_columns,) or None
        The same for the bounds of columns.
    infeasibility_ray : array of shape (n_rows,) or None
        Multipliers y of the rows that prove infeasibility: y >= 0 weighs upper sides, y <= 0
        weighs lower sides, and y . side is below the least value of (y . matrix) v over the
        column bounds.
    nodes, iterations : int
    seconds : float
        Wall-clock time of the solve.
    message : str
        The solver's own words.
    """

    status: Status
    limit: Limit | None = None
    point: Floats | None = None
    objective: float | None = None
    bound: float
    row_dual: Floats | None = None
    reduced_cost: Floats | None = None
    infeasibility_ray: Floats | None = None
    nodes: int = 0
    iterations: int = 0
    seconds: float = 0.0
    message: str = ""

    def with_numbers(self, **numbers: Any) -> Outcome:
        """Return the Outcome with other numbers where it has some already.

        Several times as fast as a copy that is checked.
        """
        changed = object.__new__(Outcome)
        changed.__dict__.update(self.__dict__, **numbers)
        return changed

    def __post_init__(self) -> None:
        """Refuse an outcome that contradicts itself."""
        if self.status.has_point != (self.point is not None):
            raise SolverFailure(f"status {self.status.name} and a point do not go together")
        if self.status.is_stopped != (self.limit is not None):
            raise SolverFailure(f"status {self.status.name} and limit {self.limit} disagree")
        if self.point is None:
            for name in ("objective", "row_dual", "reduced_cost"):
                if getattr(self, name) is not None:
                    raise SolverFailure(f"status {self.status.name} has no point, and yet {name}")
        if self.bound != self.bound:
            raise SolverFailure(f"status {self.status.name} has a bound that is not a number")
