"""What each solver could do with a question, and which of them to take.

A solver takes a question `plain`, as it is declared, by the `exact_linear` form, or by
`outer_approximation`, its alpha-fair terms under tangents. It solves it exactly, to a gap, or not
at all; the choice is the first that can, exact before to a gap, in the order of `solvers.names`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import solvers
from librex_models.errors import ParameterError, UnsolvableError
from librex_models.families import AlphaFairness, Family, MaxMinFairness, NestedFairness
from librex_models.forms.arrays_form import arrays_form
from librex_models.forms.compiling import values_of
from librex_models.routes.exact_linear import ExactLinear, is_single_choice
from librex_models.routes.faster_way import why_first, why_tangents
from librex_models.routes.leximin import Lexicographic
from librex_models.routes.moves import why_not_one_budget
from librex_models.routes.nested import Nested
from librex_models.routes.plain import Plain
from librex_models.routes.route import Question, Reformulation
from librex_models.routes.solvable import family_words
from solvers import Capability, Program, Readiness, SizeLimit

LINEAR_SOLVER = "highs"
OUTER_APPROXIMATION = "outer_approximation"
WATER_FILLING = "water_filling"
ROUTES = ("auto", "plain", "exact_linear", OUTER_APPROXIMATION, "leximin", WATER_FILLING)
NO_SOLVER = "librex"
"""Who answers where no solver is needed."""
FIRST_ROWS = 16
"""Rows for each alpha-fair term that outer approximation begins with, about."""


class Exactness(Enum):
    """How well a solver could solve a question."""

    EXACT = "exact"
    TO_A_GAP = "to a gap"
    NOT_AT_ALL = "not at all"


_ORDER = tuple(Exactness)


@dataclass(frozen=True, kw_only=True)
class SolverPlan:
    """What one solver could do with a question.

    Parameters
    ----------
    solver : str
    exactness : Exactness
    route : str
        The reformulation: "plain", "exact_linear", "outer_approximation" or "leximin"; empty where
        there is none.
    why : str
        Why this well and no better, in a sentence.
    readiness : Readiness or None
        Whether the solver can be used here; None where nobody asked.
    n_rows, n_columns, n_entries : int or None
        The size of the program that it would get.
    """

    solver: str
    exactness: Exactness
    route: str = ""
    why: str
    readiness: Readiness | None = None
    n_rows: int | None = None
    n_columns: int | None = None
    n_entries: int | None = None

    @property
    def can_solve(self) -> bool:
        """Whether the solver solves the question at all."""
        return self.exactness is not Exactness.NOT_AT_ALL

    @property
    def rank(self) -> int:
        """Its place among others, the best at 0."""
        return _ORDER.index(self.exactness)

    def reformulation(self, question: Question) -> Reformulation:
        """Return the route itself, which knows nothing yet."""
        if isinstance(question.family, NestedFairness):
            can = solvers.capabilities(self.solver)
            return Nested(name=self.route, takes_start=Capability.START in can)
        if self.route == "leximin":
            return Lexicographic()
        return ExactLinear() if self.route == "exact_linear" else Plain(name=self.route)


def check_route(route: str) -> None:
    """Raise ParameterError for a route that there is not."""
    if route not in ROUTES:
        raise ParameterError(f"route is {route!r}, expected one of {', '.join(ROUTES)}")


def plan_for(question: Question, solver: str, route: str = "auto") -> SolverPlan:
    """Return what a solver could do with a question, installed or not.

    Parameters
    ----------
    question : Question
    solver : str
    route : str
        One of ROUTES.

    Raises
    ------
    ParameterError, solvers.errors.CapabilityError
        If there is no such route or solver.
    """
    check_route(route)
    if route == WATER_FILLING:
        return _not_at_all(solver, f"the route {WATER_FILLING!r} takes no solver")
    adapter = solvers.find_adapter(solver)
    family, can = question.family, adapter.capabilities
    if isinstance(family, MaxMinFairness) and family.lexicographic:
        return _leximin_plan(question, solver, can, route)
    if isinstance(family, NestedFairness):
        return _nested_plan(question, solver, can, route, family.outer)
    if isinstance(family, AlphaFairness) and family.alpha > 0.0:
        return _alpha_fair_plan(question, solver, can, route)
    return _linear_plan(question, solver, can, route)


def choose(
    question: Question,
    solver: str,
    route: str,
    needs_solver: bool = False,
    needed: frozenset[Capability] = frozenset(),
) -> SolverPlan:
    """Return the plan of the solver that was asked for, or of the best that can be used here.

    One budget needs no solver, unless one is asked for by name.

    Parameters
    ----------
    question : Question
    solver : str
        A solver's name or "auto".
    route : str
        One of ROUTES.
    needs_solver : bool
        Whether a solver has to be asked all the same.
    needed : frozenset of Capability
        What was asked of the solver, such as a node limit; "auto" passes over those that lack it.

    Raises
    ------
    UnsolvableError
        If it cannot solve the question this way; the message names what can.
    """
    if route == WATER_FILLING or (route == solver == "auto" and not needs_solver):
        plan = filling_plan(question)
        if plan.can_solve and (route == WATER_FILLING or question.family.compares_utilities):
            return plan
        if route == WATER_FILLING:
            raise UnsolvableError(f"the route {WATER_FILLING!r} cannot be taken: {plan.why}")
    if solver != "auto":
        plan = plan_for(question, solver, route)
        if not plan.can_solve:
            # What is not there may be unknown, and what it can do a guess.
            missing = why_not_here(question, plan)
            raise UnsolvableError(_what_can(question, replace(plan, why=missing or plan.why)))
        return replace(plan, why=f"asked for; {plan.why}")
    able = [plan for plan in ranked(question, solvers.names(), route) if plan.can_solve]
    # Where none has all that is needed, the first says what it lacks.
    having = [plan for plan in able if needed <= solvers.capabilities(plan.solver)]
    for plan in [*having, *able]:
        if not why_not_here(question, plan):
            words = ["chosen from the plan: " + plan.exactness.value, plan.why]
            if (plan.solver, plan.route) == (LINEAR_SOLVER, OUTER_APPROXIMATION):
                words.append(why_first(question))
            return replace(plan, why="; ".join(filter(None, words)))
    raise UnsolvableError(_what_can(question, plan_for(question, LINEAR_SOLVER, route)))


def filling_plan(question: Question) -> SolverPlan:
    """Return the plan of doing without a solver."""
    why_not = why_not_one_budget(question)
    if why_not:
        return _not_at_all(NO_SOLVER, f"{why_not}; filling takes one budget and simple bounds")
    return SolverPlan(
        solver=NO_SOLVER,
        exactness=Exactness.EXACT,
        route=WATER_FILLING,
        why="one budget, filled by sorting; a solver is asked only if the proof fails",
        readiness=Readiness.READY,
    )


def ranked(question: Question, names: Iterable[str], route: str = "auto") -> list[SolverPlan]:
    """Return the plans of solvers, the best first: exact before to a gap, else as they stand."""
    plans = [plan_for(question, name, route) for name in names]
    return sorted(plans, key=lambda plan: plan.rank)


def program_of(question: Question, plan: SolverPlan) -> Program:
    """Return the program that the solver would get."""
    problem, grouping = question.problem, question.grouping
    declared = arrays_form(problem, grouping, question.family)
    program = declared.program(values_of(problem, grouping))
    return plan.reformulation(question).program(question, program)


def why_not_here(question: Question, plan: SolverPlan) -> str:
    """Return why a solver cannot be used here, or its licence allows no such size; else empty."""
    if plan.solver == NO_SOLVER:
        return ""
    available = solvers.availability(plan.solver)
    if not available.is_ready:
        return f"{plan.solver} cannot be used here: {available.sentence}"
    if available.size_limit is None or question.problem.reward is None:
        return ""
    if not plan.can_solve:
        return ""
    sized = with_size(plan, program_of(question, plan))
    return "" if sized.can_solve else f"{plan.solver}: {sized.why}"


def with_size(plan: SolverPlan, program: Program) -> SolverPlan:
    """Return the plan with readiness and the size of its program; too large is not at all."""
    available = solvers.availability(plan.solver)
    plan = replace(
        plan,
        readiness=available.readiness,
        n_rows=program.n_rows,
        n_columns=program.n_columns,
        n_entries=program.matrix.nnz,
    )
    limit = available.size_limit
    if limit is None or not plan.can_solve:
        return plan
    too_large = _why_too_large(limit, program, plan.route)
    if too_large is None:
        return plan
    return replace(plan, exactness=Exactness.NOT_AT_ALL, route="", why=too_large)


def _why_too_large(limit: SizeLimit, program: Program, route: str) -> str | None:
    """Return why a licence does not allow a program, None where it does."""
    n_terms = 0 if program.terms is None else len(program.terms.columns)
    if route != OUTER_APPROXIMATION:
        return limit.why_too_large(program.n_rows, program.n_columns, n_terms)
    n_rows, n_columns = program.n_rows + FIRST_ROWS * n_terms, program.n_columns + n_terms
    return limit.why_too_large(n_rows, n_columns, 0)


def _not_at_all(solver: str, why: str) -> SolverPlan:
    return SolverPlan(solver=solver, exactness=Exactness.NOT_AT_ALL, why=why)


def _leximin_plan(
    question: Question, solver: str, can: frozenset[Capability], route: str
) -> SolverPlan:
    if route not in ("auto", "leximin"):
        return _not_at_all(
            solver,
            "lexicographic max-min is a sequence of programs: use route='leximin' or 'auto', or "
            "MaxMin(problem, lexicographic=False), its first level",
        )
    plan = _linear_plan(question, solver, can, "plain")
    if not plan.can_solve:
        return plan
    kind = (
        "linear programs" if not question.problem.integer.any() else "programs with whole columns"
    )
    near = "" if plan.exactness is Exactness.EXACT else ", by a method that stops near the optimum"
    return replace(plan, route="leximin", why=f"a sequence of {kind}, one a level{near}")


def _linear_plan(
    question: Question, solver: str, can: frozenset[Capability], route: str
) -> SolverPlan:
    if route in ("exact_linear", OUTER_APPROXIMATION, "leximin"):
        return _not_at_all(
            solver, f"{question.family.key} is linear as it is: use route='plain' or 'auto'"
        )
    is_whole = bool(question.problem.integer.any())
    if is_whole and Capability.WHOLE not in can:
        return _not_at_all(solver, f"{solver} cannot solve whole decisions")
    if Capability.PRECISE not in can:
        why = "a linear program as it is, by a method that stops near the optimum"
        return SolverPlan(solver=solver, exactness=Exactness.TO_A_GAP, route="plain", why=why)
    why = "a linear program as it is" + (", with whole columns" if is_whole else "")
    return SolverPlan(solver=solver, exactness=Exactness.EXACT, route="plain", why=why)


def _alpha_fair_plan(
    question: Question, solver: str, can: frozenset[Capability], route: str
) -> SolverPlan:
    is_whole = bool(question.problem.integer.any())
    if is_whole and Capability.WHOLE not in can:
        return _not_at_all(solver, f"{solver} cannot solve whole decisions")
    if route == "leximin":
        return _not_at_all(solver, f"{family_words(question)} have no levels: use route='auto'")
    is_single = is_whole and is_single_choice(question.problem, question.grouping)
    if route == "exact_linear" and not is_single:
        return _not_at_all(solver, _why_not_linear(question, is_whole))
    if is_single and route in ("auto", "exact_linear"):
        why = "whole single choices make it a 0/1 linear program"
        exactness = Exactness.EXACT if Capability.PRECISE in can else Exactness.TO_A_GAP
        return SolverPlan(solver=solver, exactness=exactness, route="exact_linear", why=why)
    if route == OUTER_APPROXIMATION or (Capability.ALPHA_FAIR_TERMS not in can and route == "auto"):
        return _outer_plan(solver, can, "")
    if Capability.ALPHA_FAIR_TERMS not in can:
        return _not_at_all(solver, _why_no_terms(question, solver, is_whole))
    because = _why_outer(question, solver, can) if route == "auto" else ""
    if because:
        return _outer_plan(solver, can, because)
    if Capability.PRICES_OF_TERMS in can:
        why = "alpha-fair terms as exact cones"
        return SolverPlan(solver=solver, exactness=Exactness.EXACT, route="plain", why=why)
    why = "alpha-fair terms to the solver's own tolerance"
    return SolverPlan(solver=solver, exactness=Exactness.TO_A_GAP, route="plain", why=why)


def _nested_plan(
    question: Question, solver: str, can: frozenset[Capability], route: str, outer: Family
) -> SolverPlan:
    is_leximin = isinstance(outer, MaxMinFairness) and outer.lexicographic
    taken = "leximin" if is_leximin else OUTER_APPROXIMATION
    if route not in ("auto", taken):
        words = family_words(question)
        return _not_at_all(solver, f"{words} need tangents: use route={taken!r} or 'auto'")
    if question.problem.integer.any() and Capability.WHOLE not in can:
        return _not_at_all(solver, f"{solver} cannot solve whole decisions")
    plan = _outer_plan(solver, can, " for members and for groups")
    if not is_leximin or not plan.can_solve:
        return plan
    return replace(plan, route="leximin", why=f"a sequence of programs, one a level; {plan.why}")


def _outer_plan(solver: str, can: frozenset[Capability], because: str) -> SolverPlan:
    if Capability.PRECISE not in can:
        why = "its linear programs end too far from the optimum to prove a gap by tangents"
        return _not_at_all(solver, f"{solver} has linear rows only, and {why}")
    why = f"alpha-fair terms under tangents, until the gap is proven{because}"
    return SolverPlan(
        solver=solver, exactness=Exactness.TO_A_GAP, route=OUTER_APPROXIMATION, why=why
    )


def _why_outer(question: Question, solver: str, can: frozenset[Capability]) -> str:
    """Return why tangents are better than a solver's own terms; empty where they are not.

    They are faster, or the licence does not allow the terms; but it has to allow the tangents.
    """
    if Capability.PRECISE not in can:
        return ""
    why = why_tangents(question, solver)
    faster = f", {why}" if why else ""
    limit = solvers.availability(solver).size_limit
    if limit is None or question.problem.reward is None:
        return faster
    program = program_of(question, SolverPlan(solver=solver, exactness=Exactness.EXACT, why=""))
    if _why_too_large(limit, program, OUTER_APPROXIMATION) is not None:
        return ""
    too_large = _why_too_large(limit, program, "plain")
    return faster if too_large is None else f", since the program has {too_large}"


def _why_not_linear(question: Question, is_whole: bool) -> str:
    if not is_whole:
        return "the exact linear form needs whole decisions: use integer=True, or route='plain'"
    return (
        "the exact linear form needs decisions that are 0/1 and at most one chosen option a "
        f"{question.grouping.kind} (one option, or one agent with agent_limit 1)"
    )


def _why_no_terms(question: Question, solver: str, is_whole: bool) -> str:
    kind = "whole" if is_whole else "fractional"
    words = family_words(question)
    return (
        f"{solver} has linear rows only and cannot solve {kind} {words} as declared: use "
        f"route={OUTER_APPROXIMATION!r} or 'auto'"
    )


def _what_can(question: Question, plan: SolverPlan) -> str:
    """Return why a solver cannot solve a question, and what can."""
    others = [one for one in ranked(question, solvers.names()) if one.can_solve]
    ready = [one for one in others if solvers.availability(one.solver).is_ready]
    ways = [f"solver {one.solver!r} with route={one.route!r}" for one in ready[:2]]
    if question.problem.integer.any() and not ready:
        ways.append("integer=False")
    missing = [one.solver for one in others if one not in ready]
    if missing:
        ways.append(f"{' and '.join(missing[:2])}, which cannot be used here yet")
    return f"{plan.why}. What can: {', or '.join(ways)}" if ways else f"{plan.why}."
