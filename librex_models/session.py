"""A model with its solver open: write parameters, solve often."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import Lock
from types import TracebackType
from typing import Any

from librex_models.allocation import Allocation, Attempt, read_only
from librex_models.choices import Choices, candidates, plans_of
from librex_models.errors import ParameterError
from librex_models.forms.declaration import Declaration, declare
from librex_models.problem import AllocationProblem, Grouping
from librex_models.routes.candidate import Candidate, trouble
from librex_models.routes.planning import SolverPlan
from librex_models.routes.route import Answer, Opener, Question
from librex_models.routes.solvable import check_signs, check_solvable
from solvers import Counts, find_adapter
from solvers.changes import check_may_rebuild
from solvers.errors import LicenceError, SolverError
from solvers.isolation import Child

LOGGER = logging.getLogger(__name__)

PLANNED_BY = ("lower", "upper", "agent_limit")
"""What decides, beside the model itself, which route can be taken."""

Ask = Callable[[AllocationProblem], Question]
"""Puts a problem under the family of the model."""


class Session:
    """A model that is built once, written to and solved many times.

    Use it as a context manager; `write` and `solve` may alternate as often as you like. Whole
    decisions are looked for from those of the solve before, repaired to the numbers of now.

    Attributes
    ----------
    updates_in_place, rebuilds : int
        How often numbers were changed in place, and how often a program was handed over again.
    reasons : tuple of str
        Why it was handed over again.
    """

    def __init__(self, ask: Ask, problem: AllocationProblem, choices: Choices) -> None:
        self._ask = ask
        self._question = ask(problem)
        self._choices = choices
        self._child = Child() if choices.isolate else None
        # No method: candidates that held their session would keep its memory after its last use.
        self._open_solver = opens_by(self._child)
        refusal = "the session is in use in another thread; open one session for each thread"
        self._turn = Turn(Lock(), refusal)
        self._is_open = True
        self._candidates = candidates(
            self._question, choices, self._open_solver, plans_of(self._question, choices)
        )
        self._retired = Counts()
        self._declaration: Declaration | None = None
        self._changed: set[str] = set()
        if problem.reward is not None:
            self._build()

    def write(self, **values: Any) -> None:
        """Write other numbers; either all are taken or nothing is.

        Parameters
        ----------
        reward, lower, upper : array_like of shape (n_options,) or {option: number}
            Bounds may be one number for all.
        requests : array_like, data frame or scipy.sparse array of shape (n_options, n_resources)
        budget : array_like of shape (n_resources,) or {resource: amount}
        weight, history : array_like of shape (n_groups,) or {group: number}
        agent_weight, agent_history : the same by agent, for families over agents
        agent_limit, agent_minimum : number, array_like of shape (n_agents,) or {agent: number}

        Raises
        ------
        ShapeError, ParameterError, ProblemError
            Naming the offender; nothing was changed.
        solvers.errors.UpdateError
            If the session was opened with ``forbid_rebuild`` and the program would have to be
            handed over again; nothing was changed.
        """
        with self._alone():
            self._write(values)

    def _write(self, values: dict[str, Any]) -> None:
        check_written(values, self._question.grouping)
        question = self._ask(self._question.problem.with_values(**values))
        if "reward" in values:
            check_signs(question)
        plans = self._new_plans(question, values)
        declaration = self._declaration
        if declaration is not None and not self._choices.forbid_rebuild:
            # Read when the next solve asks for it, together with what is written until then.
            self._changed |= values.keys()
        elif declaration is not None:
            rewritten = self._rewritten(declaration, question, set(values))
            self._update_in_place(question, rewritten, declaration)
            self._declaration = rewritten
        if plans is not None:
            self._take_plans(question, plans)
        self._question = question

    def _update_in_place(self, question: Question, new: Declaration, old: Declaration) -> None:
        """Hand new numbers to all solvers that are open, or to none."""
        written: list[Candidate] = []
        try:
            for candidate in self._candidates:
                candidate.update(question, new, forbid_rebuild=True)
                written.append(candidate)
        except SolverError:
            for candidate in written:
                candidate.update(self._question, old)
            raise

    def _new_plans(self, question: Question, values: Mapping[str, Any]) -> list[SolverPlan] | None:
        """Return the plans for other bounds or limits, None where they are those that there are."""
        if values.keys().isdisjoint(PLANNED_BY):
            return None
        plans = plans_of(question, self._choices)
        ways = [(plan.solver, plan.route) for plan in plans]
        if ways == [(one.plan.solver, one.plan.route) for one in self._candidates]:
            return None
        check_may_rebuild("other bounds need another route", self._choices.forbid_rebuild)
        return plans

    def _take_plans(self, question: Question, plans: list[SolverPlan]) -> None:
        for candidate in self._candidates:
            candidate.close()
        self._retired = self.counts.rebuilt("other bounds need another route")
        self._candidates = candidates(question, self._choices, self._open_solver, plans)

    def solve(self) -> Allocation:
        """Solve with the parameters as they stand.

        Returns
        -------
        Allocation
            Always; where there is no point, reading one raises NoAllocationError.

        Raises
        ------
        solvers.errors.LicenceError
            If no solver that was asked has a licence for this program.
        """
        with self._alone():
            return self._solve()

    def _solve(self) -> Allocation:
        start = time.perf_counter()
        check_solvable(self._question)
        if self._declaration is None:
            self._build()
        elif self._changed:
            self._declaration = self._rewritten(self._declaration, self._question, self._changed)
            self._changed = set()
        attempts, answer, candidate = self._answer()
        return self._allocation(attempts, answer, candidate, time.perf_counter() - start)

    def _answer(self) -> tuple[tuple[Attempt, ...], Answer, Candidate]:
        """Ask one candidate after the other until there is no trouble, and say what was tried."""
        declaration = self._declared()
        attempts: list[Attempt] = []
        answers: list[tuple[Answer, Candidate]] = []
        for candidate in self._candidates:
            if attempts:
                self._say(f"asking {candidate.plan.solver}, a fallback")
            attempt, answer = candidate.ask(self._question, declaration)
            attempts.append(attempt)
            if len(self._candidates) > 1:
                self._say(attempt.sentence)
            if answer is None:
                continue
            answers.append((answer, candidate))
            if trouble(answer) == 0:
                break
        if not answers:
            reasons = [
                f"{one.solver}: {one.message.removeprefix(f'{one.solver}: ')}" for one in attempts
            ]
            raise LicenceError("; ".join(reasons))
        answer, candidate = min(answers, key=lambda one: trouble(one[0]))
        return tuple(attempts), answer, candidate

    def _say(self, sentence: str) -> None:
        """Put a sentence into the log, and into that of the user."""
        LOGGER.info("%s", sentence)
        if self._choices.options.log is not None:
            self._choices.options.log(f"librex: {sentence}")

    def forget(self) -> None:
        """Drop what solvers keep of earlier solves.

        Where several decisions are as good to the gap, which of them is found may depend on the
        solves before: on tangents, on an incumbent. The next answer depends on the numbers alone.
        """
        with self._alone():
            for candidate in self._candidates:
                candidate.forget()

    def _declared(self) -> Declaration:
        if self._declaration is None:
            raise ParameterError("the session has no reward yet: write one before solving")
        return self._declaration

    def close(self) -> None:
        """Free what the solver holds; a second call does nothing."""
        if self._is_open:
            for candidate in self._candidates:
                candidate.close()
            if self._child is not None:
                self._child.close()
        self._is_open = False

    @property
    def counts(self) -> Counts:
        """How often numbers were changed in place and programs handed over again, and why."""
        total = self._retired
        for candidate in self._candidates:
            total = total.plus(candidate.counts)
        return total

    @property
    def updates_in_place(self) -> int:
        """How often numbers were changed in place."""
        return self.counts.updates_in_place

    @property
    def rebuilds(self) -> int:
        """How often a program was handed over again."""
        return self.counts.rebuilds

    @property
    def reasons(self) -> tuple[str, ...]:
        """What was changed in place, and why programs were handed over again."""
        return self.counts.reasons

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

    def _alone(self) -> Turn:
        """Return what holds the session, which serves one thread at a time."""
        if not self._is_open:
            raise ParameterError("the session is closed; model.open() gives a new one")
        return self._turn

    def _build(self) -> None:
        """Declare the question, and open the first candidate, which may refuse."""
        question = self._question
        check_solvable(question)
        self._declaration = declare(
            self._choices.form, question.problem, question.grouping, question.family
        )
        self._changed = set()
        if len(self._candidates) == 1:
            self._candidates[0].prepare(question, self._declaration)

    def _rewritten(
        self, declaration: Declaration, question: Question, changed: set[str]
    ) -> Declaration:
        return declaration.rewritten(question.problem, question.grouping, question.family, changed)

    def _allocation(
        self, attempts: tuple[Attempt, ...], answer: Answer, candidate: Candidate, seconds: float
    ) -> Allocation:
        plan, question, form = candidate.plan, self._question, self._choices.form
        LOGGER.info(
            "%s by %s (%s, %s): %s, %s in %.3f s, gap %.2g",
            question.family.key,
            plan.solver,
            plan.route,
            form,
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
            route=plan.route,
            form=form,
            attempts=attempts,
            seconds=seconds,
            point=answer.decision,
        )


def opens_by(child: Child | None) -> Callable[[str], Opener]:
    """Return what gives the function that opens a solver, in a process of its own if there is."""

    def opener(solver: str) -> Opener:
        return find_adapter(solver).open if child is None else child.opener(solver)

    return opener


class Turn:
    """A turn at what serves one thread at a time; another thread gets a ParameterError.

    Parameters
    ----------
    lock : threading.Lock
    refusal : str
    """

    def __init__(self, lock: Lock, refusal: str) -> None:
        self._lock = lock
        self._refusal = refusal

    def __enter__(self) -> None:
        """Take the turn."""
        if not self._lock.acquire(blocking=False):
            raise ParameterError(self._refusal)

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._lock.release()


def check_written(values: Mapping[str, Any], grouping: Grouping) -> None:
    """Raise ParameterError for numbers of groups that a family over agents never looks at."""
    if grouping.kind != "agent" or grouping.weighted is not None:
        return
    for name in ("weight", "history"):
        if name in values:
            raise ParameterError(
                f"{name} belongs to groups, and this family compares agents: write agent_{name}"
            )
