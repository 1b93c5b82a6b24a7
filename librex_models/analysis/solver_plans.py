"""What each solver could do with a model: exactly, to a gap, or not at all, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import solvers
from librex_models.choices import wanted_solver
from librex_models.errors import ParameterError, UnsolvableError
from librex_models.model import Model
from librex_models.routes.planning import (
    SolverPlan,
    choose,
    program_of,
    ranked,
    why_not_here,
    with_size,
)
from librex_models.routes.route import Question
from librex_models.routes.solvable import check_solvable
from solvers import Program


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What each solver could do with a model, the best first.

    Parameters
    ----------
    solvers : tuple of SolverPlan
    chosen : SolverPlan or None
        What solving it would take.
    why_none : str
        Why nothing would be taken, where that is so.
    """

    solvers: tuple[SolverPlan, ...]
    chosen: SolverPlan | None
    why_none: str = ""

    def __str__(self) -> str:
        """Return one line a solver, and the choice."""
        return "\n".join([*(_line(one) for one in self.solvers), self.sentence])

    @property
    def sentence(self) -> str:
        """Which solver would be taken, and why."""
        if self.chosen is None:
            return f"None would be taken: {self.why_none}"
        return f"Taken: {self.chosen.solver}, {self.chosen.why}."


def plan(
    model: Model,
    solver: str | None = None,
    route: str = "auto",
    among: Iterable[str] | None = None,
) -> Plan:
    """Return what each solver could do with a model, installed or not.

    Parameters
    ----------
    model : Model
    solver : str, optional
        Who is asked for, as in ``model.solve``; the choice is made for it.
    route : str
        As in ``model.solve``.
    among : iterable of str, optional
        Whose plans are listed; by default that of the solver asked for, else those of all.

    Returns
    -------
    Plan
        Sizes are None where the problem has no reward yet.

    Raises
    ------
    ParameterError
        If nobody could solve the model, such as negative rewards under fairness.
    solvers.errors.CapabilityError
        If there is no such solver.

    Examples
    --------
    >>> from librex_models import BudgetOnly, AllocationProblem
    >>> best = plan(BudgetOnly(AllocationProblem([[2.0]], [1.0], reward=[3.0]))).solvers[0]
    >>> best.solver, best.exactness.value, best.route, best.n_columns
    ('highs', 'exact', 'plain', 1)
    """
    if not isinstance(model, Model):
        raise ParameterError(f"plan takes a model, not a {type(model).__name__}")
    question = model.question()
    if among is None:
        among = solvers.names() if solver in (None, "auto") else [solver]
    plans = ranked(question, among, route)
    if question.problem.reward is not None:
        check_solvable(question)
        plans = _with_sizes(question, plans)
    try:
        chosen = choose(question, wanted_solver(solver), route)
    except UnsolvableError as error:
        return Plan(solvers=tuple(plans), chosen=None, why_none=str(error))
    why_none = why_not_here(question, chosen)
    return Plan(solvers=tuple(plans), chosen=None if why_none else chosen, why_none=why_none)


def _with_sizes(question: Question, plans: Sequence[SolverPlan]) -> list[SolverPlan]:
    """Return the plans with the sizes of their programs, each program made once."""
    programs: dict[str, Program] = {}
    sized = []
    for one in plans:
        if one.can_solve:
            if one.route not in programs:
                programs[one.route] = program_of(question, one)
            sized.append(with_size(one, programs[one.route]))
        else:
            sized.append(replace(one, readiness=solvers.availability(one.solver).readiness))
    return sorted(sized, key=lambda one: one.rank)


def _line(one: SolverPlan) -> str:
    ready = "" if one.readiness is None else f", {one.readiness.value}"
    size = "" if one.n_rows is None else f", {one.n_rows:,} rows x {one.n_columns:,} columns"
    route = f", {one.route}" if one.route else ""
    return f"{one.solver}: {one.exactness.value}{route}{size}{ready}: {one.why}"
