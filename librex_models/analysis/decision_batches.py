"""Decisions of a batch of rewards and budgets, forward, and vector-Jacobian products, backward.

    forward:   x_b = the best decision at reward_b and budget_b, for each row b of the batch
    backward:  (d x_b / d reward_b)' v_b and (d x_b / d budget_b)' v_b, for v_b = d loss / d x_b

In numpy: what a layer of any library of automatic differentiation is made of. Decisions are
sharpened to rounding, so that they agree with their derivatives, and fit into their budgets.

May import gradients and sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from librex_models.allocation import Allocation
from librex_models.analysis.gradients import Gradient, check_is_smooth, gradient
from librex_models.analysis.standing_session import StandingSession
from librex_models.errors import (
    LibrexError,
    NoAllocationError,
    NotDifferentiable,
    ParameterError,
    ShapeError,
)
from librex_models.model import Model
from librex_models.problem import AllocationProblem
from librex_models.verification import Verdict, scaled_back
from solvers.errors import SolverError
from solvers.program import Floats

By = Literal["reward", "budget"]

FOUND_SHARP = "water_filling"
"""The route whose decisions are right to rounding already."""


class SolvedRow:
    """The optimum at one row of a batch.

    Parameters
    ----------
    model : Model
    allocation : Allocation
        With the verdict OPTIMAL.
    """

    def __init__(self, model: Model, allocation: Allocation) -> None:
        self._model = model
        self._allocation = allocation

    @cached_property
    def _gradient(self) -> Gradient:
        return gradient(self._model, self._allocation)

    @cached_property
    def decision(self) -> Floats:
        """The decision to rounding, or the solver's where that is not found; shape (n_options,)."""
        if self._allocation.route == FOUND_SHARP:
            return self._allocation.decision
        try:
            sharp = self._gradient.optimum
        except NotDifferentiable:
            return self._allocation.decision
        problem = self._allocation.problem
        return scaled_back(problem, np.clip(sharp, problem.lower, problem.upper))[0]

    def pulled_back(self, by: By, cotangent: Floats) -> Floats:
        """Return the Jacobian of the decision by a parameter, transposed, times a vector.

        Raises
        ------
        NotDifferentiable
            Naming options and resources.
        """
        return self._gradient.pull_back(by, cotangent)


@dataclass(frozen=True, kw_only=True, eq=False)
class SolvedBatch:
    """The optima of all rows of a batch.

    Parameters
    ----------
    problem : AllocationProblem
        Of the model, whose sizes all rows share.
    rows : tuple of SolvedRow
    decision : array of shape (n_rows, n_options)
    """

    problem: AllocationProblem
    rows: tuple[SolvedRow, ...]
    decision: Floats


def forward(session: StandingSession, reward: Floats, budget: Floats | None = None) -> SolvedBatch:
    """Return the best decisions of a batch, and what `backward` needs.

    Parameters
    ----------
    session : StandingSession
    reward : array of shape (n_rows, n_options)
    budget : array of shape (n_rows, n_resources), optional
        By default that of the model's problem, for all rows.

    Raises
    ------
    ShapeError, ParameterError
        Naming the option or resource; a note on the error names the row.
    NoAllocationError
        If a row has no decision, or none that is proven optimal.
    """
    problem = session.model.problem
    check_batch(problem, reward, budget)
    decision = np.empty(reward.shape)
    rows: list[SolvedRow] = []
    for place in range(len(reward)):
        with _naming_the_row(place, len(reward)):
            allocation = session.solve(reward[place], None if budget is None else budget[place])
            _check_optimal(allocation)
            rows.append(SolvedRow(session.model, allocation))
            decision[place] = rows[-1].decision
    return SolvedBatch(problem=problem, rows=tuple(rows), decision=decision)


def backward(batch: SolvedBatch, by: By, cotangent: Floats) -> Floats:
    """Return what a batch pulls back of a vector over decisions to a parameter.

    Parameters
    ----------
    batch : SolvedBatch
    by : "reward" or "budget"
    cotangent : array of shape (n_rows, n_options)
        Derivatives of the loss by decisions.

    Returns
    -------
    array of shape (n_rows, n_options) or (n_rows, n_resources)
        Derivatives of the loss by the parameter.

    Raises
    ------
    NotDifferentiable
        Naming options and resources; a note on the error names the row.
    """
    count = batch.problem.n_options if by == "reward" else batch.problem.n_resources
    pulled = np.zeros((len(batch.rows), count))
    for place, row in enumerate(batch.rows):
        # Zeros ask for no derivative.
        if cotangent[place].any():
            with _naming_the_row(place, len(batch.rows)):
                pulled[place] = row.pulled_back(by, cotangent[place])
    return pulled


def check_differentiable_model(model: object) -> Model:
    """Return the model, if its decisions are a function of one reward an option.

    Raises
    ------
    ParameterError
        If it is no model, its options serve several groups, or gradients are not offered.
    """
    if not isinstance(model, Model):
        raise ParameterError(
            f"model is a {type(model).__name__}, expected a model such as AlphaFair"
        )
    if model.problem.shared_reward is not None:
        raise ParameterError(
            "the options of this model serve several groups, with a reward for each: a layer takes "
            "one reward an option"
        )
    check_is_smooth(model.question())
    return model


def check_batch(problem: AllocationProblem, reward: Floats, budget: Floats | None) -> None:
    """Raise ShapeError unless both have one row for each row of the batch."""
    for name, numbers, count, kind in (
        ("reward", reward, problem.n_options, "option"),
        ("budget", budget, problem.n_resources, "resource"),
    ):
        if numbers is not None and numbers.shape != (len(reward), count):
            raise ShapeError(
                f"{name} has shape {numbers.shape}, expected {(len(reward), count)}: one row for "
                f"each row of the batch, one number for each {kind}"
            )


def _check_optimal(allocation: Allocation) -> None:
    verdict = allocation.verdict
    if allocation.has_point and verdict is not Verdict.OPTIMAL:
        raise NoAllocationError(
            f"the decision is {verdict.name} with a gap of {allocation.gap:.2g}, expected OPTIMAL: "
            "a layer gives optima; raise limits, or relative_gap",
            allocation.attempts[-1],
        )


@contextmanager
def _naming_the_row(place: int, n_rows: int) -> Iterator[None]:
    """Say in a note on an error in which row of a batch it happened."""
    try:
        yield
    except (LibrexError, SolverError) as error:
        if n_rows > 1:
            error.add_note(f"in row {place} of the batch of {n_rows}")
        raise
