"""How a search ends that no solver ended: outcomes without a decision, in words of our own."""

from __future__ import annotations

import numpy as np

from librex_models.routes.route import Answer
from librex_models.verification import Certificate, Verdict
from solvers import Limit, Outcome, Status


def said_by_arithmetic() -> Outcome:
    """Return the outcome where lower bounds alone exceed a budget."""
    return Outcome(
        status=Status.INFEASIBLE,
        bound=-np.inf,
        message="the lower bounds alone exceed a budget; no solver was run",
    )


def interrupted(bound: float) -> Outcome:
    """Return the outcome of an interrupt while a decision had to be cut off."""
    return Outcome(
        status=Status.NO_SOLUTION_FOUND,
        limit=Limit.INTERRUPT,
        bound=bound,
        message="interrupted while the best decision found exceeded a budget by a rounding error",
    )


def gave_up(bound: float, n_rounds: int) -> Outcome:
    """Return the outcome where so many decisions had to be cut off."""
    return Outcome(
        status=Status.NO_SOLUTION_FOUND,
        limit=Limit.OTHER,
        bound=bound,
        message=f"{n_rounds} decisions in a row exceeded a budget by less than the tolerance",
    )


def broken_down(words: str) -> Answer:
    """Return the answer of a solver that broke down: nothing is known."""
    return Answer(
        status=Status.NUMERICAL_FAILURE,
        limit=None,
        decision=None,
        certificate=Certificate(verdict=Verdict.UNDECIDED, sentence=f"The solver failed: {words}."),
        message=words,
    )
