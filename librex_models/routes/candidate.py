"""One of the solvers that may answer: opened when it is first asked, and followed by a fallback.

A fallback is asked only on solver trouble: not installed, no licence, a breakdown, a limit without
a point, an answer that arithmetic refutes. Never after INFEASIBLE, unless a plain decision keeps
every rule; never after an interrupt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import solvers
from librex_models.allocation import Attempt
from librex_models.families import NestedFairness
from librex_models.forms.declaration import Declaration
from librex_models.routes.earlier_decision import start_from
from librex_models.routes.endings import broken_down
from librex_models.routes.leximin import LeximinSession
from librex_models.routes.limits import Deadline
from librex_models.routes.nested import Nested
from librex_models.routes.nested_leximin import NestedLeximinSession
from librex_models.routes.planning import (
    LINEAR_SOLVER,
    NO_SOLVER,
    OUTER_APPROXIMATION,
    SolverPlan,
)
from librex_models.routes.route import Answer, Floats, Opener, OpenRoute, Question
from librex_models.routes.service import with_service
from librex_models.routes.solving import RouteSession
from librex_models.verification import Verdict
from solvers import Capability, Counts, Limit, SolveOptions, Status
from solvers.errors import LicenceError, SolverFailure, UpdateError

LOGGER = logging.getLogger(__name__)


class Candidate:
    """A solver with its plan and options, opened when it is first asked.

    Parameters
    ----------
    plan : SolverPlan
    options : SolveOptions
    opener : callable of str
        Returns the function that opens the named solver.
    """

    def __init__(
        self, plan: SolverPlan, options: SolveOptions, opener: Callable[[str], Opener]
    ) -> None:
        self.plan = plan
        self._options = options
        self._opener = opener
        self._route: OpenRoute | None = None
        self._declaration: Declaration | None = None
        self._question: Question | None = None
        self._before = Counts()
        self._earlier: Floats | None = None

    @property
    def counts(self) -> Counts:
        """How often the solver's program was changed in place and handed over again, and why."""
        return self._before if self._route is None else self._before.plus(self._route.counts)

    @property
    def is_open(self) -> bool:
        """Whether the solver holds a program."""
        return self._route is not None

    def open(self, question: Question, declaration: Declaration) -> None:
        """Hand the program over for the first time.

        Raises
        ------
        LicenceError, SolverFailure, CapabilityError
            What the solver raises.
        """
        self._question, self._declaration = question, declaration
        if self.plan.solver == NO_SOLVER:
            # Loaded when it is first used, like the engine of outer approximation below.
            from librex_models.routes.water_filling import WaterFilling

            self._route = WaterFilling(question)
            return
        opener, linear_opener = self._opener_by_plan(question), self._opener(LINEAR_SOLVER)
        program = declaration.program
        if self.plan.route == "leximin" and isinstance(question.family, NestedFairness):
            takes_start = Capability.START in solvers.capabilities(self.plan.solver)
            tangents = Nested(name=self.plan.route, takes_start=takes_start)
            self._route = NestedLeximinSession(question, program, tangents, opener, linear_opener)
        elif self.plan.route == "leximin":
            self._route = LeximinSession(question, program, opener, linear_opener)
        else:
            route = self.plan.reformulation(question)
            self._route = RouteSession(question, program, route, opener, linear_opener)

    def _opener_by_plan(self, question: Question) -> Opener:
        """Return the function that opens the solver, under tangents where the plan says so."""
        opener = self._opener(self.plan.solver)
        if self.plan.route != OUTER_APPROXIMATION or isinstance(question.family, NestedFairness):
            return opener
        from solvers.outer_approximation import open_under_lines

        takes_start = Capability.START in solvers.capabilities(self.plan.solver)
        return lambda program: open_under_lines(opener, takes_start, program)

    def update(
        self, question: Question, declaration: Declaration, forbid_rebuild: bool = False
    ) -> None:
        """Hand new numbers over, where the solver is open and they are new.

        Raises
        ------
        UpdateError
            If that needs a rebuild and `forbid_rebuild` says no; nothing was changed.
        """
        if self._route is None or self._question is question:
            return
        self._route.update(question, declaration.program, forbid_rebuild)
        self._question, self._declaration = question, declaration

    def prepare(self, question: Question, declaration: Declaration) -> None:
        """Hand the program over ahead of the first solve; a breakdown is left to that.

        Raises
        ------
        LicenceError, CapabilityError
            What the solver raises.
        """
        try:
            self.open(question, declaration)
        except SolverFailure as failure:
            LOGGER.warning("%s did not open: %s", self.plan.solver, failure)

    def ask(self, question: Question, declaration: Declaration) -> tuple[Attempt, Answer | None]:
        """Solve with the present numbers.

        Returns
        -------
        Attempt
            What happened.
        Answer or None
            None where the solver cannot be used here, or has no licence for this program.
        """
        missing = "" if self.is_open else self._why_not_here()
        if missing:
            return self._not_asked(declaration, missing), None
        start = time.perf_counter()
        try:
            answer = self._answer(question, declaration)
        except LicenceError as error:
            return self._not_asked(declaration, str(error)), None
        attempt = Attempt(
            solver=self.plan.solver,
            route=self.plan.route,
            form=declaration.form,
            status=answer.status,
            limit=answer.limit,
            seconds=time.perf_counter() - start,
            rounds=answer.rounds,
            nodes=answer.nodes,
            message=answer.message,
            why=self.plan.why,
        )
        return attempt, answer

    def _answer(self, question: Question, declaration: Declaration) -> Answer:
        """Return an answer; that of a breakdown is without a decision."""
        try:
            if self._route is None:
                self.open(question, declaration)
            self.update(question, declaration)
            deadline = Deadline.after(self._options.time_limit_seconds)
            answer = self._opened().solve(self._options_now(question))
            answer = with_service(question, answer, self._opener(LINEAR_SOLVER), deadline)
        except (SolverFailure, UpdateError) as failure:
            LOGGER.warning("%s broke down: %s", self.plan.solver, failure)
            self._give_up(f"{self.plan.solver} broke down")
            return broken_down(str(failure))
        if answer.decision is not None and answer.certificate.verdict is not Verdict.REFUTED:
            self._earlier = answer.decision
        return answer

    def _options_now(self, question: Question) -> SolveOptions:
        """Return the options; where decisions are whole, with the one before as the start."""
        if self._earlier is None or not question.problem.has_integers:
            return self._options
        if Capability.START not in solvers.capabilities(self.plan.solver):
            return self._options
        start = start_from(question, self._earlier)
        return self._options if start is None else replace(self._options, start=start)

    def _why_not_here(self) -> str:
        """Return why the solver cannot be used here; empty where it can, or none is needed."""
        if self.plan.solver == NO_SOLVER:
            return ""
        available = solvers.availability(self.plan.solver)
        return "" if available.is_ready else available.sentence

    def _not_asked(self, declaration: Declaration, sentence: str) -> Attempt:
        LOGGER.warning("%s was not asked: %s", self.plan.solver, sentence)
        return Attempt(
            solver=self.plan.solver,
            route=self.plan.route,
            form=declaration.form,
            status=None,
            limit=None,
            seconds=0.0,
            rounds=0,
            nodes=0,
            message=sentence,
            why=self.plan.why,
        )

    def close(self) -> None:
        """Free what the solver holds."""
        if self._route is not None:
            self._before = self.counts
            self._route.close()
            self._route = None

    def forget(self) -> None:
        """Drop the solver, in good order; the next solve opens it anew."""
        if self._route is not None:
            self._before = self.counts.rebuilt("what was known of earlier solves was forgotten")
            self._route.close()
            self._route = None
        self._earlier = None

    def _opened(self) -> OpenRoute:
        if self._route is None:
            raise SolverFailure(f"{self.plan.solver} did not open")
        return self._route

    def _give_up(self, reason: str) -> None:
        """Drop a solver in an unknown state; the next solve opens it anew."""
        self._before = self.counts.rebuilt(reason)
        self._route, route = None, self._route
        self._earlier = None
        if route is not None:
            try:
                route.close()
            except SolverFailure:
                # What broke down before need not close in order.
                return


def trouble(answer: Answer) -> int:
    """Return how much trouble a solver had, 0 where a fallback could do no better.

    A limit without a decision is 1, a breakdown 2, an answer that arithmetic refutes 3. What is the
    problem's trouble, infeasible or unbounded, is none of the solver's, and neither is an
    interrupt: whoever stops one solver does not want the next.
    """
    if answer.certificate.verdict is Verdict.REFUTED:
        return 3
    if answer.status is Status.NUMERICAL_FAILURE:
        return 2
    is_empty = answer.status is Status.NO_SOLUTION_FOUND
    return int(is_empty and answer.limit is not Limit.INTERRUPT)
