"""One model by every solver in every form, side by side; what contradicts is said.

Every answer is verified on its own, as ``model.solve`` does. Then each is laid beside the best that
was verified: nobody may claim a bound below it, an optimum short of it, or that there is nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import solvers as known_solvers
from librex_models.allocation import Allocation
from librex_models.analysis.contradictions import Allowance, allowance_of, contradiction
from librex_models.errors import FormError, ParameterError, UnsolvableError
from librex_models.forms.compiling import FORMS
from librex_models.model import Model
from librex_models.problem.decision_frame import frame_of_columns
from librex_models.routes.planning import Exactness, SolverPlan, plan_for
from librex_models.routes.solvable import check_solvable
from librex_models.verification import Verdict
from solvers import Limit, SolveOptions, Status
from solvers.errors import SolverError

NOT_TAKEN = ("solver", "form", "fallback")


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedAnswer:
    """What one solver made of the model in one form.

    Attributes
    ----------
    solver, form : str
    exactness : Exactness
        How well the solver could solve the model, by its plan.
    allocation : Allocation or None
        None where the solver was not asked, or gave no answer.
    why_not : str
        Why there is none; empty where there is one.
    difference : str
        What contradicts the other answers, or arithmetic; empty where nothing does.
    """

    solver: str
    form: str
    exactness: Exactness
    allocation: Allocation | None = None
    why_not: str = ""
    difference: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether the solver said anything about the model."""
        return self.allocation is not None

    @property
    def is_verified(self) -> bool:
        """Whether there is a decision that passes the verification."""
        return (
            self.allocation is not None
            and self.allocation.has_point
            and self.verdict is not Verdict.REFUTED
        )

    @property
    def status(self) -> Status | None:
        """What the solver claims; None without an answer, here and below."""
        return None if self.allocation is None else self.allocation.status

    @property
    def limit(self) -> Limit | None:
        """What stopped the solver, where it did not finish."""
        return None if self.allocation is None else self.allocation.limit

    @property
    def verdict(self) -> Verdict | None:
        """What we checked."""
        return None if self.allocation is None else self.allocation.verdict

    @property
    def objective(self) -> float | None:
        """The welfare, recomputed; None without a decision too."""
        answer = self.allocation
        return None if answer is None or not answer.has_point else answer.objective

    @property
    def bound(self) -> float | None:
        """A proven upper bound on the welfare; infinite where none is known."""
        return None if self.allocation is None else self.allocation.bound

    @property
    def gap(self) -> float | None:
        """The proven gap, measured in equivalent utility."""
        return None if self.allocation is None else self.allocation.gap

    @property
    def seconds(self) -> float | None:
        """How long the solve took, its verification included."""
        return None if self.allocation is None else self.allocation.seconds

    @property
    def name(self) -> str:
        """Solver and form, for messages."""
        return f"{self.solver} ({self.form})"

    def cells(self) -> dict[str, str | float | None]:
        """Return the row of a table: a text or a number by the name of the column, or None."""
        return {
            "solver": self.solver,
            "form": self.form,
            "route": None if self.allocation is None else self.allocation.route,
            "status": None if self.status is None else self.status.name,
            "limit": None if self.limit is None else self.limit.name,
            "verdict": None if self.verdict is None else self.verdict.name,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "seconds": self.seconds,
            "why_not": self.why_not or None,
            "difference": self.difference or None,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What every solver made of a model in every form.

    Attributes
    ----------
    rows : tuple of ComparedAnswer
        One for each solver and form, in the order of the solvers; also of those that could not be
        asked.
    """

    rows: tuple[ComparedAnswer, ...]

    @property
    def differences(self) -> tuple[str, ...]:
        """What contradicts, in sentences; empty where all that answered agree."""
        return tuple(f"{row.name}: {row.difference}" for row in self.rows if row.difference)

    @property
    def agrees(self) -> bool:
        """Whether nothing contradicts."""
        return not self.differences

    @property
    def best(self) -> ComparedAnswer | None:
        """The verified answer of most welfare, the first of several; None where there is none."""
        return _best(self.rows)

    def to_frame(self, backend: str | None = None) -> Any:
        """Return a data frame with one row a solver and form.

        Parameters
        ----------
        backend : str, optional
            "pandas", "polars" or "pyarrow"; by default the first that is installed.
        """
        rows = [row.cells() for row in self.rows]
        return frame_of_columns({name: [row[name] for row in rows] for name in rows[0]}, backend)

    @property
    def sentence(self) -> str:
        """How many answered, and whether they agree."""
        answered = sum(row.is_answered for row in self.rows)
        head = f"{answered} of {len(self.rows)} answered"
        if not answered:
            return f"{head}."
        if self.agrees:
            return f"{head}; nothing contradicts."
        return f"{head}; {_contradict(len(self.differences))}."

    @property
    def unanswered(self) -> dict[str, str]:
        """Why there is no answer, by solver, or by solver and form where the forms differ."""
        reasons: dict[str, dict[str, str]] = {}
        for row in self.rows:
            reasons.setdefault(row.solver, {})[row.form] = row.why_not
        found = {}
        for solver, by_form in reasons.items():
            if len(set(by_form.values())) == 1:
                found[solver] = next(iter(by_form.values()))
            else:
                found |= {f"{solver} ({form})": why for form, why in by_form.items()}
        return {name: why for name, why in found.items() if why}

    def __str__(self) -> str:
        """Return a table of the answers, why others have none, and what contradicts."""
        columns = ("solver", "form", "status", "verdict", "objective", "bound", "gap", "seconds")
        lines = [columns] + [
            tuple(_text(row.cells()[name]) for name in columns)
            for row in self.rows
            if row.is_answered
        ]
        width = [max(map(len, texts)) for texts in zip(*lines, strict=True)]
        table = [
            "  ".join(text.ljust(width[k]) for k, text in enumerate(line)).rstrip()
            for line in lines
        ]
        without = [f"{name}: {why}" for name, why in self.unanswered.items()]
        return "\n".join([*table, *without, *self.differences, self.sentence])


def compare(
    model: Model,
    solvers: Sequence[str] | None = None,
    forms: Sequence[str] | None = None,
    **arguments: Any,
) -> Comparison:
    """Solve a model by every solver in every form and lay the answers side by side.

    Parameters
    ----------
    model : Model
    solvers : sequence of str, optional
        By default all of ``solvers.names()``; the gateways take others too, such as
        ``cvxpy:ECOS``.
    forms : sequence of str, optional
        By default "arrays", "pyomo" and "cvxpy".
    **arguments
        What ``model.solve`` takes beside `solver`, `form` and `fallback`, such as
        ``time_limit_seconds``, for each solve.

    Returns
    -------
    Comparison
        One row for each solver and form. A solver that cannot be used here, cannot solve the model
        or does not take an argument has rows that say so.

    Raises
    ------
    ParameterError
        If nobody could solve the model, such as rewards that are missing.
    solvers.errors.CapabilityError
        If there is no such solver.
    solvers.errors.OptionError
        If an argument has a value that makes no sense.

    Notes
    -----
    What contradicts: an answer that arithmetic refutes; a bound below the best verified value; a
    claim of optimality by a solver that is exact, short of it by more than the gaps asked for; a
    claim that there is nothing where there is something. Each by more than the tolerance that a
    certificate allows. All are measured in equivalent utility.

    Examples
    --------
    >>> from librex_models import AllocationProblem, BudgetOnly
    >>> problem = AllocationProblem([[2.0], [1.0]], [2.0], reward=[3.0, 2.0])
    >>> found = compare(BudgetOnly(problem), solvers=["highs", "scip"], forms=["arrays"])
    >>> [(row.solver, row.objective) for row in found.rows], found.agrees
    ([('highs', 3.5), ('scip', 3.5)], True)
    """
    if not isinstance(model, Model):
        raise ParameterError(f"compare takes a model, not a {type(model).__name__}")
    names = _names("solvers", solvers, known_solvers.names())
    wanted_forms = _names("forms", forms, FORMS)
    for form in wanted_forms:
        if form not in FORMS:
            raise ParameterError(f"form is {form!r}, expected one of {', '.join(FORMS)}")
    given, options = _checked(arguments)
    question = model.question()
    allowance = allowance_of(question, options)
    check_solvable(question)
    plans = [plan_for(question, name, given.get("route", "auto")) for name in names]
    rows: list[ComparedAnswer] = []
    for plan, form in itertools.product(plans, wanted_forms):
        rows.append(_answered(model, plan, form, given, may_ask=not _are_interrupted(rows)))
    return Comparison(rows=_with_differences(rows, allowance))


def _names(what: str, given: Sequence[str] | None, default: Sequence[str]) -> list[str]:
    """Return names, each once."""
    if given is None:
        return list(default)
    is_list = isinstance(given, Sequence) and not isinstance(given, str)
    if not is_list or not given or not all(isinstance(name, str) for name in given):
        raise ParameterError(f"{what} is {given!r}, expected a list of names")
    return list(dict.fromkeys(given))


def _checked(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], SolveOptions]:
    """Return the arguments of every solve, and those that all solvers understand, checked."""
    for name in arguments:
        if name in NOT_TAKEN:
            raise ParameterError(
                f"compare takes no {name}: solvers=[...] and forms=[...] say who is asked, and "
                "each answers alone"
            )
        if name not in signature(Model.solve).parameters:
            raise ParameterError(f"compare takes no {name!r}: it takes what model.solve takes")
    for name in arguments.get("native") or {}:
        known_solvers.find_adapter(name)
    common = SolveOptions.__dataclass_fields__.keys() - {"start", "native"}
    options = SolveOptions(**{name: arguments[name] for name in arguments.keys() & common})
    # A log that is a file is begun anew by the first solve only.
    log = {"log": options.log} if "log" in arguments else {}
    return dict(arguments) | log, options


def _answered(
    model: Model, plan: SolverPlan, form: str, arguments: Mapping[str, Any], may_ask: bool
) -> ComparedAnswer:
    row = ComparedAnswer(solver=plan.solver, form=form, exactness=plan.exactness)
    if not plan.can_solve:
        return replace(row, why_not=f"cannot solve it: {plan.why}")
    available = known_solvers.availability(plan.solver)
    if not available.is_ready:
        return replace(row, why_not=f"cannot be used here: {available.sentence}")
    if not may_ask:
        return replace(row, why_not="not asked: interrupted before")
    try:
        allocation = model.solve(plan.solver, form, **arguments)
    except (FormError, UnsolvableError, SolverError) as error:
        return replace(row, why_not=str(error))
    return replace(row, allocation=allocation)


def _are_interrupted(rows: Sequence[ComparedAnswer]) -> bool:
    """Return whether somebody stopped a solver, and does not want the next."""
    return any(row.limit is Limit.INTERRUPT for row in rows)


def _with_differences(
    rows: Sequence[ComparedAnswer], allowance: Allowance
) -> tuple[ComparedAnswer, ...]:
    best = _best(rows)
    return tuple(
        row
        if row.allocation is None
        else replace(
            row,
            difference=contradiction(
                row.allocation,
                row.exactness is Exactness.EXACT,
                None if best is None else best.allocation,
                "" if best is None else best.name,
                allowance,
            ),
        )
        for row in rows
    )


def _best(rows: Sequence[ComparedAnswer]) -> ComparedAnswer | None:
    values = [
        row.allocation.equivalent if row.allocation is not None and row.is_verified else -math.inf
        for row in rows
    ]
    place = max(range(len(rows)), key=values.__getitem__)
    return rows[place] if rows[place].is_verified else None


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6g}"


def _contradict(count: int) -> str:
    return f"{count} contradicts" if count == 1 else f"{count} contradict"
