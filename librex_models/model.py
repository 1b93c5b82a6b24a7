"""A model: a problem under a family, with solve, open and the three forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from librex_models.allocation import Allocation
from librex_models.choices import Choices, wanted_solver
from librex_models.errors import ParameterError, UnsolvableError
from librex_models.families import (
    AlphaFairness,
    Family,
    MaxMinFairness,
    NestedFairness,
    ProportionalFairness,
    outer_of,
)
from librex_models.families.nested import members_of
from librex_models.forms.arrays_form import arrays_form
from librex_models.forms.compiling import values_of
from librex_models.problem import AllocationProblem, Grouping
from librex_models.problem.allocation_problem import Over
from librex_models.problem.fairness_limits import (
    Demanded,
    FairnessLimits,
    check_demanded,
    checked_limits,
)
from librex_models.routes.route import Question
from librex_models.routes.solvable import check_signs, check_solvable
from librex_models.session import Session
from solvers import Program, SolveOptions

if TYPE_CHECKING:
    import cvxpy
    import pyomo.environ as pyomo

    from librex_models.model_files import ExportedFile


class Model:
    """A problem under a family of allocations.

    Attributes
    ----------
    problem : AllocationProblem
    family : Family
    over : "groups" or "agents"
        Whose utilities are compared.
    limits : FairnessLimits or None
        What is demanded of utilities beside the welfare.
    """

    # Whether its argument `over` can be one or the other.
    says_over: ClassVar[bool] = False

    def __init__(
        self,
        problem: AllocationProblem,
        family: Family,
        over: Over = "groups",
        **demanded: Unpack[Demanded],
    ) -> None:
        if not isinstance(problem, AllocationProblem):
            raise ParameterError(
                f"problem is a {type(problem).__name__}, expected an AllocationProblem"
            )
        if over not in ("groups", "agents"):
            raise ParameterError(f"over is {over!r}, expected 'groups' or 'agents'")
        check_demanded(demanded, type(self).__name__)
        self.problem = problem
        self.family = family
        self.over: Over = over
        self.limits: FairnessLimits | None = None
        if any(value is not None for value in demanded.values()):
            grouping = problem.grouping(over)
            given = {name: demanded.get(name) for name in Demanded.__annotations__}
            self.limits = checked_limits(grouping.labels, grouping.kind, **given)
        if problem.reward is not None:
            check_signs(self.question())

    def solve(
        self,
        solver: str | None = None,
        form: str = "arrays",
        route: str = "auto",
        relative_gap: float = 1e-6,
        absolute_gap: float = 0.0,
        time_limit_seconds: float | None = None,
        node_limit: int | None = None,
        memory_limit_mb: float | None = None,
        threads: int = 1,
        seed: int = 0,
        start: Any = None,
        fallback: Sequence[str] = (),
        isolate: bool = False,
        log: Callable[[str], None] | str | PathLike[str] | None = None,
        native: Mapping[str, Mapping[str, Any]] | None = None,
        iteration_limit: int | None = None,
        solution_limit: int | None = None,
    ) -> Allocation:
        """Solve the model and verify the answer.

        Parameters
        ----------
        solver : str, optional
            A name of `solvers.names()`, or "auto", which takes the first of ``lm.plan`` that can.
            By default the environment variable ``LIBREX_SOLVER``, else "auto".
        form : "arrays", "pyomo" or "cvxpy"
            The language in which the model is declared on its way to the solver.
        route : str
            "plain": as it is declared; "exact_linear": whole single choices as a 0/1 linear
            program; "outer_approximation": alpha-fair welfare under tangents until the gap is
            proven; "leximin": max-min level by level; "water_filling": one budget by sorting,
            without a solver; "auto": what ``lm.plan`` says.
        relative_gap, absolute_gap : float
            OPTIMAL is said of what is proven to be within either.
        time_limit_seconds : float, optional
            For the whole solve; a fallback has as long again.
        node_limit, iteration_limit, solution_limit : int, optional
        memory_limit_mb : float, optional
            Only for solvers that have one.
        threads, seed : int
        start : array_like of shape (n_options,) or {option: decision}, optional
        fallback : sequence of str
            Solvers that are asked in turn where those before are not installed, have no licence,
            break down, reach a limit without a decision, or are refuted. Never after INFEASIBLE.
        isolate : bool
            Whether to run the solver in a process of its own, whose death is survived.
        log : callable of str or path of a file, optional
            Called with each line the solver prints, or the file that takes them, begun anew.
        native : {solver: {option: value}}, optional
            Options under the solver's own names.

        Returns
        -------
        Allocation
            Always; where there is no point, reading one raises NoAllocationError.

        Raises
        ------
        UnsolvableError
            If the solver cannot solve this model; the message names what can.
        ParameterError
            If nobody could solve it, such as rewards that are missing.
        solvers.errors.OptionError
            If an option is unknown or has a value that makes no sense.
        """
        arguments = {name: value for name, value in locals().items() if name != "self"}
        with self.open(**arguments) as session:
            return session.solve()

    def open(
        self,
        solver: str | None = None,
        form: str = "arrays",
        route: str = "auto",
        start: Any = None,
        fallback: Sequence[str] = (),
        isolate: bool = False,
        native: Mapping[str, Mapping[str, Any]] | None = None,
        forbid_rebuild: bool = False,
        **options: Any,
    ) -> Session:
        """Open a session: built once, written to and solved often. Takes what `solve` takes.

        Parameters
        ----------
        forbid_rebuild : bool
            Whether to refuse what cannot be written into the open solver in place.
        """
        choices = Choices(
            solver=wanted_solver(solver),
            form=form,
            route=route,
            options=SolveOptions(**_known_options(options)),
            start=start,
            native={} if native is None else native,
            fallback=fallback,
            isolate=isolate,
            forbid_rebuild=forbid_rebuild,
        )
        return Session(self.question_of, self.problem, choices)

    def to_program(self) -> Program:
        """Return the model as a Program, at the present values of its parameters."""
        question = self.question()
        check_solvable(question)
        self._check_one_level()
        parametric = arrays_form(question.problem, question.grouping, question.family)
        return parametric.program(values_of(question.problem, question.grouping))

    def to_pyomo(self) -> pyomo.ConcreteModel:
        """Return the model as a Pyomo model with named components and mutable parameters."""
        from librex_models.forms.pyomo_form import pyomo_form

        self._check_one_level()
        question = self.question()
        return pyomo_form(question.problem, question.grouping, question.family)

    def to_cvxpy(self) -> cvxpy.Problem:
        """Return the model as a CVXPY problem with named variables and parameters."""
        from librex_models.forms.cvxpy_form import cvxpy_form

        self._check_one_level()
        question = self.question()
        return cvxpy_form(question.problem, question.grouping, question.family)

    def export(self, path: str | PathLike[str], relative_gap: float = 1e-4) -> ExportedFile:
        """Write the model into a file that any solver reads, at the present parameters.

        Columns and rows are in the order of the model, under names such as ``x[job_17]``, in LP
        files ``x(job_17)``; numbers read back to the same doubles. MPS files are minimised, with
        the objective ``minus_welfare``: readers do not agree on how to say otherwise.

        Alpha-fair welfare is exact in NL files. In MPS and LP files, which are linear, whole single
        choices are exact too; all else is put under tangents, after a solve or two. Nested welfare
        (`inner_alpha`) is under tangents in every kind of file, whose optimum is at most the gap
        above the best.

        Parameters
        ----------
        path : path
            Ends in ``.mps``, ``.mps.gz``, ``.lp`` or ``.nl``, with names in ``.col`` and ``.row``
            beside it. A file that is there is replaced when the new one is complete.
        relative_gap : float
            How far in equivalent utility the best decision under tangents may be from the best.

        Returns
        -------
        ExportedFile
            With the path of the sidecar, ``PATH.names.json``, where names had to change, and the
            gap that is kept.

        Raises
        ------
        FileError
            If the name says no known kind, or the file cannot be written.
        UnsolvableError
            If the model is not one model: lexicographic max-min; or the gap is below 1e-7 where
            tangents are needed.
        """
        from librex_models.model_files import export_model

        return export_model(self.question(), self.to_program(), path, relative_gap)

    def question(self) -> Question:
        """Return what is asked: the problem, whose utilities are compared, and the family."""
        return self.question_of(self.problem)

    def question_of(self, problem: AllocationProblem) -> Question:
        """Put a problem under the family: this one, or one with other numbers."""
        if isinstance(self.family, NestedFairness):
            grouping = members_of(problem)
        elif self.family.compares_utilities:
            grouping = replace(problem.grouping(self.over), limits=self.limits)
        else:
            grouping = problem.once("everything", lambda: _everything(problem))
        return Question(problem=problem, grouping=grouping, family=self.family)

    def _check_one_level(self) -> None:
        outer = outer_of(self.family)
        if isinstance(outer, MaxMinFairness) and outer.lexicographic:
            raise UnsolvableError(
                "lexicographic max-min is a sequence of models: use MaxMin with "
                "lexicographic=False for the first level, which is one"
            )

    def __eq__(self, other: object) -> bool:
        """Whether both put the same problem under the same family."""
        if not isinstance(other, Model):
            return NotImplemented
        has_same_limits = (
            other.limits is None if self.limits is None else self.limits.same_as(other.limits)
        )
        return (
            (self.family, self.over) == (other.family, other.over)
            and has_same_limits
            and self.problem == other.problem
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the family and the sizes of the problem."""
        return f"{type(self).__name__}({self.problem!r}{self._settings()})"

    def __str__(self) -> str:
        """Return the family and a summary of the problem."""
        return f"{type(self).__name__}{self._settings()} of {self.problem}"

    def _settings(self) -> str:
        family = self.family
        settings = ""
        inner = ""
        if isinstance(family, NestedFairness):
            inner = f", inner_alpha={family.inner_alpha:g}"
            family = family.outer
            if isinstance(family, MaxMinFairness):
                settings += inner
        if self.over == "agents" and self.says_over:
            settings = ", over='agents'"
        if isinstance(family, AlphaFairness) and not isinstance(family, ProportionalFairness):
            settings += f", alpha={family.alpha:g}{inner}"
        if isinstance(family, MaxMinFairness) and not family.lexicographic:
            settings += ", lexicographic=False"
        if self.limits is not None:
            settings += self.limits.words(self.question().grouping.labels)
        return settings


def _everything(problem: AllocationProblem) -> Grouping:
    """Return the one utility of BudgetOnly: the sum of all rewards."""
    return Grouping(
        labels=("everything",),
        of_option=np.broadcast_to(np.int64(0), (problem.n_options,)),
        share=np.ones(1),
        weight=np.ones(1),
        history=np.zeros(1),
        kind="total",
    )


def _known_options(options: dict[str, Any]) -> dict[str, Any]:
    known = SolveOptions.__dataclass_fields__.keys()
    for name in options:
        if name not in known:
            raise ParameterError(
                f"open takes no option {name!r}; it takes {', '.join(sorted(known))}"
            )
    return options
