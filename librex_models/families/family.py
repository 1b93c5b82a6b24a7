"""What a family of allocations is: its welfare in three languages, and the algebra of its proof.

May import numpy, `solvers` (the builder of Programs) and `librex_models.problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from librex_models.problem import Grouping
from solvers.builder import ProgramBuilder

Floats = npt.NDArray[np.float64]

FamilyKey = Literal[
    "budget_only",
    "proportional",
    "max_min",
    "alpha_fair",
    "group_alpha_fair",
    "ordered_weighted",
    "piecewise_linear",
]
"""The names of the families in files and reports."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Majorant:
    """A linear function of the utilities that no feasible welfare exceeds.

        measure(welfare) <= constant + slope . utility    for every utility

    Parameters
    ----------
    slope : array of shape (n_groups,)
    constant : float
    to_equivalent : callable of float
        Turns a value of the linear function into the equally-distributed equivalent.
    reference : float
        The utility around which the function is scaled; see `Family.log_unit`.
    """

    slope: Floats
    constant: float
    to_equivalent: Callable[[float], float]
    reference: float = 1.0


class OwnMeasure:
    """Welfare that is compared as it is: it needs no equivalent utility, and no scaling."""

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return the welfare of utilities."""
        raise NotImplementedError

    def equivalent(self, weight: Floats, utility: Floats) -> float:
        """Return the welfare itself."""
        return self.welfare(weight, utility)

    def welfare_of_equivalent(self, weight: Floats, equivalent: float) -> float:  # noqa: ARG002
        """Return the same number."""
        return equivalent

    def equivalent_of_welfare(self, weight: Floats, welfare: float) -> float:  # noqa: ARG002
        """Return the same number."""
        return welfare

    def log_unit(self, reference: float) -> float:  # noqa: ARG002
        """Return 0: welfare is not scaled."""
        return 0.0


class Family(Protocol):
    """A family of allocations."""

    @property
    def key(self) -> str:
        """Its name in files and reports, such as ``max_min``."""

    @property
    def compares_utilities(self) -> bool:
        """Whether it has utilities; without, welfare is the sum of rewards."""

    def welfare_in_arrays(self, builder: ProgramBuilder, grouping: Grouping) -> None:
        """Declare the welfare on the columns ``x`` or ``utility`` of a builder."""

    def welfare_in_pyomo(self, model: Any) -> None:
        """Declare the objective ``welfare`` on a Pyomo model that holds the feasible set."""

    def welfare_in_cvxpy(
        self, variables: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Return the CVXPY objective and its constraints, from named variables and parameters."""

    def welfare(self, weight: Floats, utility: Floats) -> float:
        """Return the welfare of utilities."""

    def equivalent(self, weight: Floats, utility: Floats) -> float:
        """Return the utility that, given to everybody, has the same welfare."""

    def welfare_of_equivalent(self, weight: Floats, equivalent: float) -> float:
        """Return the welfare when everybody has the equivalent utility."""

    def equivalent_of_welfare(self, weight: Floats, welfare: float) -> float:
        """Return the equivalent utility of a welfare."""

    def log_unit(self, reference: float) -> float:
        """Return the logarithm of welfare per unit of welfare scaled around a reference."""

    def majorant(
        self, weight: Floats, utility: Floats, multiplier: Floats | None = None
    ) -> Majorant:
        """Return the linear majorant that touches the welfare at `utility`.

        `multiplier`, of shape (n_groups,), is a dual of the rows that tie the utilities, where
        the solver has one and the family can use it.
        """
