"""A proof that no whole decision keeps all rules, where without wholeness there is one.

Bounds of whole decisions are split in two, and again, until in every part multipliers prove by
arithmetic that nothing is left: the solver of linear programs only says where to split and with
which multipliers; what is claimed is recomputed in `verification`. Parts in which all decisions are
fixed are checked as they are. Land & Doig (1960), Econometrica 28, 497-520.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from librex_models.families import AlphaFairness, NestedFairness
from librex_models.routes.leximin_service import needs_service
from librex_models.routes.limits import Deadline
from librex_models.routes.proving import relaxation
from librex_models.routes.route import Floats, Opener, Question
from librex_models.verification import (
    CouplingRows,
    Region,
    coupling_multipliers,
    coupling_rows,
    price_bound,
    region,
    violations,
)
from librex_models.verification.violations import is_feasible
from solvers import Program, SolveOptions
from solvers.scaled_session import ScaledSession

MOST_PARTS = 2000
SECONDS = 10.0
WHOLE = 1e-6


@dataclass(frozen=True, eq=False)
class _Part:
    """Bounds of decisions, shape (n_options,)."""

    lower: Floats
    upper: Floats

    def below(self, option: int, most: float) -> _Part:
        """Return the part of it in which a decision is at most this."""
        upper = self.upper.copy()
        upper[option] = most
        return _Part(self.lower, upper)

    def above(self, option: int, least: float) -> _Part:
        """Return the part of it in which a decision is at least this."""
        lower = self.lower.copy()
        lower[option] = least
        return _Part(lower, self.upper)


def branching_proof(
    question: Question, program: Program, linear_opener: Opener, deadline: Deadline
) -> str:
    """Return the proof that there is no decision, in a sentence; empty where none is found.

    Parameters
    ----------
    question : Question
        With whole decisions.
    program : Program
        Whose columns ``x`` are the decisions.
    linear_opener : callable of Program
    deadline : Deadline
    """
    own, relaxed = _own_rules(question), relaxation(program)
    rows = _with_service(coupling_rows(question.problem, question.grouping), relaxed)
    x = relaxed.columns_of("x")
    session = ScaledSession(linear_opener, relaxed)
    own_deadline = Deadline.after(SECONDS)
    parts, n_parts = [_Part(own.lower, np.maximum(own.upper, own.lower))], 0
    try:
        while parts:
            n_parts += 1
            if n_parts > MOST_PARTS or deadline.has_passed or own_deadline.has_passed:
                return ""
            part = parts.pop()
            if _fits_nobody(own, part):
                continue
            lower, upper = relaxed.column_lower.copy(), relaxed.column_upper.copy()
            lower[x], upper[x] = part.lower, part.upper
            session.update(replace(relaxed, column_lower=lower, column_upper=upper))
            outcome = session.solve(SolveOptions())
            if outcome.point is None:
                ray = outcome.infeasibility_ray
                if ray is None:
                    return ""
                bound = price_bound(
                    np.zeros(question.problem.n_options),
                    rows,
                    np.append(coupling_multipliers(ray, relaxed), _of_service(ray, relaxed)),
                    replace(own, lower=part.lower, upper=part.upper),
                )
                if bound >= 0.0:
                    return ""
                continue
            split = _split(question, part, outcome.point[x])
            if split is None:
                return ""
            parts += split
    finally:
        session.close()
    if n_parts == 1:
        return "Proven by multipliers, recomputed outside the solver: they leave no decision."
    return (
        f"Proven by enumeration: in each of {n_parts} parts of the whole decisions, multipliers "
        "recomputed outside the solver leave none."
    )


def _with_service(rows: CouplingRows, program: Program) -> CouplingRows:
    """Return the rows, and below them that welfare demands something for everybody."""
    matrix, sides = [rows.matrix], [rows.side]
    n_further = len(rows.further)
    for sign, side in _service(program):
        served = program.matrix[program.rows_of("served"), program.columns_of("x")]
        nothing = sparse.csc_array((served.shape[0], n_further))
        matrix.append(sparse.csc_array(sparse.hstack([sign * served, nothing])))
        sides.append(sign * side)
    stacked = sparse.csc_array(sparse.vstack(matrix))
    return CouplingRows(matrix=stacked, side=np.concatenate(sides), further=rows.further)


def _of_service(dual: Floats, program: Program) -> Floats:
    """Return the multipliers of these rows."""
    served = dual[program.rows_of("served")]
    parts = [np.maximum(sign * served, 0.0) for sign, _ in _service(program)]
    return np.concatenate([np.zeros(0), *parts])


def _service(program: Program) -> list[tuple[float, Floats]]:
    """Return the sides of the rows ``served``, as sign * row <= sign * side."""
    place = program.rows_of("served")
    lower, upper = program.row_lower[place], program.row_upper[place]
    sides = [(-1.0, lower), (1.0, upper)]
    return [(sign, side) for sign, side in sides if side.size and np.isfinite(side).all()]


def _own_rules(question: Question) -> Region:
    """Return what each agent may decide alone; at least one option where welfare demands it."""
    own, family = region(question.problem, by_budgets=True), question.family
    if isinstance(family, NestedFairness):
        is_needed = family.needs_every_group and family.inner_alpha >= 1.0
    else:
        is_over_agents = question.grouping.kind == "agent"
        is_needed = isinstance(family, AlphaFairness) and family.alpha >= 1.0 and is_over_agents
    if not is_needed:
        return own
    least = needs_service(question).astype(np.float64)
    return replace(own, agent_minimum=np.maximum(own.agent_minimum, least))


def _fits_nobody(own: Region, part: _Part) -> bool:
    """Return whether the rules of single agents leave nothing of a part."""
    is_empty = bool((part.lower > part.upper).any())
    if is_empty:
        return True
    return bool(replace(own, lower=part.lower, upper=part.upper).contradicts_itself().size)


def _split(question: Question, part: _Part, point: Floats) -> list[_Part] | None:
    """Return what a part is split into, nothing where it is a decision that breaks a rule.

    None where it cannot be split: it holds a decision, or one that is not whole.
    """
    problem = question.problem
    whole = np.flatnonzero(problem.integer)
    away = np.abs(point[whole] - np.rint(point[whole]))
    if away.max(initial=0.0) > WHOLE:
        option = int(whole[int(np.argmax(away))])
        below = float(np.floor(point[option]))
        return [part.below(option, below), part.above(option, below + 1.0)]
    if not problem.integer.all():
        return None
    decision = np.rint(point)
    if is_feasible(violations(problem, decision, question.grouping)):
        return None
    open_ones = np.flatnonzero(part.lower < part.upper)
    if not open_ones.size:
        return []
    option = int(open_ones[0])
    here = float(decision[option])
    return [
        part.below(option, here - 1.0),
        part.above(option, here + 1.0),
        part.below(option, here).above(option, here),
    ]
