"""How a model is to be solved, and who is asked in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import solvers
from librex_models.environment import SOLVER_VARIABLE, solver_from_environment
from librex_models.errors import ParameterError, ShapeError, UnsolvableError
from librex_models.problem.labels import as_vector
from librex_models.routes.candidate import Candidate
from librex_models.routes.planning import NO_SOLVER, SolverPlan, choose
from librex_models.routes.route import Floats, Opener, Question
from solvers import Capability, SolveOptions, find_adapter
from solvers.errors import CapabilityError


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices:
    """How a model is to be solved.

    Parameters
    ----------
    solver, form, route : str
    options : SolveOptions
        Without a start.
    start : array_like of shape (n_options,) or {option: decision}, optional
    native : mapping of solver name to its own options
    fallback : tuple of str
        Solvers that are asked in turn on trouble of those before.
    isolate : bool
        Whether solvers run in a process of their own.
    forbid_rebuild : bool
        Whether writing what cannot be changed in place is an error.
    """

    solver: str = "auto"
    form: str = "arrays"
    route: str = "auto"
    options: SolveOptions = field(default_factory=SolveOptions)
    start: Any = None
    native: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fallback: Sequence[str] = ()
    isolate: bool = False
    forbid_rebuild: bool = False

    @property
    def needed(self) -> frozenset[Capability]:
        """What is asked of a solver that not every one has."""
        options = self.options
        asked = {
            Capability.TIME_LIMIT: options.time_limit_seconds is not None,
            Capability.NODE_LIMIT: options.node_limit is not None,
            Capability.ITERATION_LIMIT: options.iteration_limit is not None,
            Capability.SOLUTION_LIMIT: options.solution_limit is not None,
            Capability.MEMORY_LIMIT: options.memory_limit_mb is not None,
            Capability.THREADS: options.threads > 1,
            Capability.DETERMINISTIC_SEED: options.seed != 0,
            Capability.IN_PLACE_UPDATES: self.forbid_rebuild,
        }
        return frozenset(one for one, is_asked in asked.items() if is_asked)

    def __post_init__(self) -> None:
        """Refuse what is no name and no list of names."""
        for name in ("solver", "form", "route"):
            if not isinstance(getattr(self, name), str):
                raise ParameterError(f"{name} is {getattr(self, name)!r}, expected a name")
        for name in ("isolate", "forbid_rebuild"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise ParameterError(f"{name} is {getattr(self, name)!r}, expected True or False")
        is_list = isinstance(self.fallback, Sequence) and not isinstance(self.fallback, str)
        if not is_list or not all(isinstance(name, str) for name in self.fallback):
            raise ParameterError(f"fallback is {self.fallback!r}, expected a list of names")
        object.__setattr__(self, "fallback", tuple(self.fallback))
        if not isinstance(self.native, Mapping):
            raise ParameterError(
                f"native is {self.native!r}, expected options by solver, such as "
                "{'highs': {'presolve': 'off'}}"
            )


def wanted_solver(solver: str | None) -> str:
    """Return the solver of the keyword, else of the environment, else "auto"."""
    if solver is not None:
        return solver
    named = solver_from_environment()
    if named is not None and named != "auto":
        try:
            find_adapter(named)
        except CapabilityError as error:
            message = f"environment variable {SOLVER_VARIABLE}: {error}"
            raise CapabilityError(message) from None
    return named or "auto"


def plans_of(question: Question, choices: Choices) -> list[SolverPlan]:
    """Return the plans of the solvers to ask in turn.

    Raises
    ------
    UnsolvableError
        If one of them cannot solve the question, or none can be used here.
    solvers.errors.CapabilityError
        If there is no such solver, or rebuilds are forbidden to one that does nothing else.
    """
    plans = _plans_in_turn(question, choices)
    asked = [plan for plan in plans if plan.solver != NO_SOLVER]
    for plan in asked:
        if choices.forbid_rebuild and _rebuilds(plan):
            raise CapabilityError(
                f"{plan.solver} is handed the whole program at every change, which forbid_rebuild "
                "forbids: take another solver, or leave it out"
            )
    available = [solvers.availability(plan.solver) for plan in asked]
    if len(asked) == len(plans) and not any(one.is_ready for one in available):
        reasons = [
            f"{plan.solver} cannot be used here: {one.sentence}"
            for plan, one in zip(asked, available, strict=True)
        ]
        raise UnsolvableError("; ".join(reasons))
    for name in choices.native:
        _check_native(name)
    return plans


def _rebuilds(plan: SolverPlan) -> bool:
    return Capability.IN_PLACE_UPDATES not in solvers.capabilities(plan.solver)


def _plans_in_turn(question: Question, choices: Choices) -> list[SolverPlan]:
    """Return the plan of the solver that is wanted, and those of its fallbacks.

    Where no solver is needed, the one that would be taken otherwise stands by.
    """
    needs_solver = choices.form != "arrays"
    needed = choices.needed
    plans = [choose(question, choices.solver, choices.route, needs_solver, needed)]
    route = choices.route
    if plans[0].solver == NO_SOLVER:
        route = "auto"
        try:
            stand_by = choose(question, choices.solver, route, needs_solver=True, needed=needed)
        except UnsolvableError:
            # The proof will not often fail.
            stand_by = None
        if stand_by is not None and not (choices.forbid_rebuild and _rebuilds(stand_by)):
            plans.append(replace(stand_by, why="asked where filling proves nothing"))
    for name in choices.fallback:
        plans.append(replace(choose(question, name, route), why="asked for as a fallback"))
    return plans


def _check_native(name: Any) -> None:
    """Raise CapabilityError where native options are given to a solver that there is not."""
    try:
        find_adapter(str(name))
    except CapabilityError as error:
        message = f"native holds options by solver, such as {{'highs': {{...}}}}: {error}"
        raise CapabilityError(message) from None


def candidates(
    question: Question,
    choices: Choices,
    opener: Callable[[str], Opener],
    plans: Sequence[SolverPlan],
) -> list[Candidate]:
    """Return the solvers to ask in turn, by their plans."""
    return [Candidate(plan, _options_for(plan.solver, choices, question), opener) for plan in plans]


def _options_for(solver: str, choices: Choices, question: Question) -> SolveOptions:
    if solver == NO_SOLVER:
        return choices.options
    # Names of solvers of CVXPY are in any case.
    name = find_adapter(solver).name
    native: dict[str, Any] = {}
    for one, given in choices.native.items():
        if one == solver or (":" in one and find_adapter(one).name == name):
            native |= SolveOptions(native=given).native
    options = replace(choices.options, native=native)
    if choices.start is None:
        return options
    return replace(options, start=_start(choices.start, question))


def _start(start: Any, question: Question) -> Floats:
    options = question.problem.options
    point = as_vector(start, options, "start", "option")
    if not np.isfinite(point).all():
        raise ShapeError("start holds a number that is not finite")
    return point
