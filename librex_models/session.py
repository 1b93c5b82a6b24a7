"""A model with its solver open: write parameters, solve often."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from types import TracebackType
from typing import Any

import numpy as np

from librex_models.allocation import Allocation, Attempt, read_only
from librex_models.errors import ParameterError, ShapeError
from librex_models.forms.compiling import compile_form, values_of
from librex_models.problem.labels import as_vector
from librex_models.routes.planning import LINEAR_SOLVER, check_signs, check_solvable, choose
from librex_models.routes.route import Answer, Floats, Question
from librex_models.routes.solving import RouteSession
from solvers import ParametricProgram, Program, SolveOptions, find_adapter

LOGGER = logging.getLogger(__name__)

WRITABLE = ("reward", "budget")


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
    """

    solver: str = "auto"
    form: str = "arrays"
    route: str = "auto"
    options: SolveOptions = field(default_factory=SolveOptions)
    start: Any = None
    native: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Session:
    """A model that is built once, written to and solved many times.

    Use it as a context manager; `write` and `solve` may alternate as often as you like.

    Attributes
    ----------
    updates_in_place, rebuilds : int
        How often numbers were changed in place, and how often a program was handed over again.
    reasons : tuple of str
        Why it was handed over again.
    """

    def __init__(self, question: Question, choices: Choices) -> None:
        self._question = question
        self._choices = choices
        self._plan = choose(question, choices.solver, choices.route)
        self._options = _options_for(self._plan.solver, choices, question)
        self._changed: set[str] = set()
        self._in_use = Lock()
        self._is_open = True
        self._route: RouteSession | None = None
        self._parametric: ParametricProgram
        self._defaults: dict[str, Floats]
        self._program: Program
        if question.problem.reward is not None:
            self._build()

    def write(self, **values: Any) -> None:
        """Write `reward` or `budget`, or both; either all is taken or nothing.

        Parameters
        ----------
        reward : array_like of shape (n_options,) or {option: reward}
        budget : array_like of shape (n_resources,) or {resource: amount}

        Raises
        ------
        ShapeError, ParameterError, ProblemError
            Naming the offender; nothing was changed.
        """
        with self._alone():
            self._write(values)

    def _write(self, values: dict[str, Any]) -> None:
        for name in values:
            if name not in WRITABLE:
                raise ParameterError(
                    f"{name!r} cannot be written into a session; {' and '.join(WRITABLE)} can"
                )
        question = replace(self._question, problem=self._question.problem.with_values(**values))
        if "reward" in values:
            check_signs(question)
        self._question = question
        self._changed |= values.keys()

    def solve(self) -> Allocation:
        """Solve with the parameters as they stand.

        Returns
        -------
        Allocation
            Always; where there is no point, reading one raises NoAllocationError.
        """
        with self._alone():
            return self._solve()

    def _solve(self) -> Allocation:
        start = time.perf_counter()
        check_solvable(self._question)
        if self._route is None:
            self._build()
        elif self._changed:
            values = self._defaults | values_of(self._question.problem, self._question.grouping)
            self._program = self._parametric.write(self._program, self._changed, values)
            self._route.update(self._question, self._program)
        self._changed.clear()
        answer = _solved(self._route, self._options)
        return self._allocation(answer, time.perf_counter() - start)

    def close(self) -> None:
        """Free what the solver holds; a second call does nothing."""
        if self._is_open and self._route is not None:
            self._route.close()
        self._is_open = False

    @property
    def updates_in_place(self) -> int:
        """How often numbers were changed in place."""
        return 0 if self._route is None else self._route.counts.updates_in_place

    @property
    def rebuilds(self) -> int:
        """How often a program was handed over again."""
        return 0 if self._route is None else self._route.counts.rebuilds

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it was handed over again."""
        return () if self._route is None else self._route.counts.reasons

    def __enter__(self) -> Session:
        """Return the session."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the session."""
        self.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the session, which serves one thread at a time."""
        if not self._is_open:
            raise ParameterError("the session is closed; model.open() gives a new one")
        if not self._in_use.acquire(blocking=False):
            raise ParameterError(
                "the session is in use in another thread; open one session for each thread"
            )
        try:
            yield
        finally:
            self._in_use.release()

    def _build(self) -> None:
        question = self._question
        check_solvable(question)
        self._parametric, self._defaults = compile_form(
            self._choices.form, question.problem, question.grouping, question.family
        )
        values = self._defaults | values_of(question.problem, question.grouping)
        self._program = self._parametric.program(values)
        self._route = RouteSession(
            question,
            self._program,
            self._plan.route,
            find_adapter(self._plan.solver).open,
            find_adapter(LINEAR_SOLVER).open,
        )

    def _allocation(self, answer: Answer, seconds: float) -> Allocation:
        plan, question = self._plan, self._question
        attempt = Attempt(
            solver=plan.solver,
            route=plan.route.name,
            form=self._choices.form,
            status=answer.status,
            limit=answer.limit,
            seconds=seconds,
            rounds=answer.rounds,
            nodes=answer.nodes,
            message=answer.message,
        )
        LOGGER.info(
            "%s by %s (%s, %s): %s, %s in %.3f s, gap %.2g",
            question.family.key,
            plan.solver,
            plan.route.name,
            self._choices.form,
            answer.status.value,
            answer.certificate.verdict.value,
            seconds,
            answer.certificate.gap,
        )
        for numbers in (answer.decision, answer.price, answer.certificate.price):
            if numbers is not None:
                read_only(numbers)
        return Allocation(
            problem=question.problem,
            family=question.family,
            grouping=question.grouping,
            status=answer.status,
            limit=answer.limit,
            certificate=answer.certificate,
            price=answer.price,
            solver=plan.solver,
            route=plan.route.name,
            form=self._choices.form,
            attempts=(attempt,),
            seconds=seconds,
            point=answer.decision,
        )


def _solved(route: RouteSession | None, options: SolveOptions) -> Answer:
    if route is None:
        raise ParameterError("the session has no reward yet: write one before solving")
    return route.solve(options)


def _options_for(solver: str, choices: Choices, question: Question) -> SolveOptions:
    for name in choices.native:
        find_adapter(name)
    options = replace(choices.options, native=choices.native.get(solver, {}))
    if choices.start is None:
        return options
    return replace(options, start=_start(choices.start, question))


def _start(start: Any, question: Question) -> Floats:
    options = question.problem.options
    point = as_vector(start, options, "start", "option")
    if not np.isfinite(point).all():
        raise ShapeError("start holds a number that is not finite")
    return point
