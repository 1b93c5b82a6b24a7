"""What a route is: a way from a Program to a verified answer.

A route is handed a function that opens a solver; it imports no session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from librex_models.errors import ParameterError
from librex_models.families import Family
from librex_models.problem import AllocationProblem, Grouping
from librex_models.verification import Certificate, LinearWelfare
from solvers import Counts, Limit, Program, SolveOptions, SolverSession, Status

Floats = npt.NDArray[np.float64]
Opener = Callable[[Program], SolverSession]


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What is asked: a problem under a family.

    Parameters
    ----------
    problem : AllocationProblem
        With a reward.
    grouping : Grouping
        The utilities that the family compares.
    family : Family
    """

    problem: AllocationProblem
    grouping: Grouping
    family: Family

    @property
    def reward(self) -> Floats:
        """The rewards, shape (n_options,)."""
        if self.problem.reward is None:
            raise ParameterError("the problem has no reward yet: write one before solving")
        return self.problem.reward

    def utility(self, decision: Floats) -> Floats:
        """Return the utilities of a decision."""
        return self.grouping.utility(self.reward, decision)


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What came out of a route.

    Parameters
    ----------
    status : Status
        What the solver claims.
    limit : Limit or None
    decision : array of shape (n_options,) or None
    certificate : Certificate
    price : array of shape (n_resources,) or None
        Welfare per unit of budget; None for whole decisions.
    message : str
    rounds : int
        How often the solver was run.
    nodes : int
    """

    status: Status
    limit: Limit | None
    decision: Floats | None
    certificate: Certificate
    price: Floats | None = None
    message: str = ""
    rounds: int = 1
    nodes: int = 0


class OpenRoute(Protocol):
    """A question under a route, ready to be solved again and again."""

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and programs handed over again, and why."""

    def update(self, question: Question, program: Program, forbid_rebuild: bool = False) -> None:
        """Take new numbers."""

    def solve(self, options: SolveOptions) -> Answer:
        """Solve and verify."""

    def close(self) -> None:
        """Free what solvers hold."""


class Reformulation(Protocol):
    """What a route makes of a Program before a solver gets it, and how to read the result."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    def advice(self, question: Question) -> str:
        """Return what to do where this route finds no decision, empty where it adds nothing."""

    def program(self, question: Question, program: Program) -> Program:
        """Return the Program that the solver gets; its columns ``x`` are the decisions."""

    def linear_welfare(
        self, question: Question, utility: Floats, multiplier: Floats | None
    ) -> LinearWelfare:
        """Return the linear majorant of the welfare that touches it at `utility`."""

    def equivalent(self, question: Question, objective: float) -> float:
        """Return the equivalent utility of an objective of the solver."""

    @property
    def is_relaxed(self) -> bool:
        """Whether the program's objective may be above the welfare of its point."""

    @property
    def is_narrowed(self) -> bool:
        """Whether the program leaves decisions out that are feasible but of no use."""

    @property
    def starts_again(self) -> bool:
        """Whether a whole program that was made sharper starts at the answer before."""

    @property
    def utility_unit(self) -> float:
        """The unit in which the program measures utilities."""

    def unit(self, question: Question, utility: Floats) -> float:
        """Return the solver's objective per unit of the linear majorant at `utility`."""

    def gaps(self, question: Question, relative_gap: float) -> tuple[float, float]:
        """Return the relative and the absolute gap to ask of the solver for a whole program."""

    def refined(self, question: Question, decision: Floats, bound: float) -> bool:
        """Return whether the program can be made sharper around an answer, and do so.

        `bound` is the proven bound on the equivalent utility.
        """

    def forget(self) -> None:
        """Drop what was learned from earlier numbers and does not hold for others."""
