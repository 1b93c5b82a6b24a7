"""Where HiGHS cannot be taken at its word. May import this package.

Measured with HiGHS 1.15: of 600 small random programs with whole columns, its presolve makes two
wrong, one with a gap left open under the word optimal, one with half of a whole column.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from solvers.outcome import Limit, Outcome, Status
from solvers.program import Program

# Native default; a column that is as near as this to a whole number is whole to HiGHS.
WHOLE_TOLERANCE = 1e-6
# A gap that is wider than asked for by this much is not rounding.
ROUNDING = 1e-9


def contradicts_itself(
    program: Program, outcome: Outcome, relative_gap: float, absolute_gap: float
) -> bool:
    """Return whether an outcome claims an optimum that its own numbers deny.

    Parameters
    ----------
    program : Program
    outcome : Outcome
    relative_gap, absolute_gap : float
        Those that HiGHS was asked for.
    """
    if outcome.status is not Status.OPTIMAL or not program.has_integers:
        return False
    return not _is_whole(program, outcome) or not _is_closed(outcome, relative_gap, absolute_gap)


def claiming_less(program: Program, outcome: Outcome) -> Outcome:
    """Return the outcome of a contradiction without what cannot be believed."""
    message = f"{outcome.message}, which its own numbers deny"
    if _is_whole(program, outcome):
        return replace(outcome, status=Status.FEASIBLE, limit=Limit.OTHER, message=message)
    return replace(
        outcome,
        status=Status.NUMERICAL_FAILURE,
        point=None,
        objective=None,
        bound=np.inf if program.maximise else -np.inf,
        message=message,
    )


def agreed(
    program: Program, first: Outcome, second: Outcome, relative_gap: float, absolute_gap: float
) -> Outcome:
    """Return the better point of two outcomes and the more modest bound.

    Parameters
    ----------
    program : Program
    first : Outcome
        Optimal or infeasible.
    second : Outcome
        One that claims nothing leaves the first as it is.
    relative_gap, absolute_gap : float
        Those that HiGHS was asked for.
    """
    nodes, iterations = first.nodes + second.nodes, first.iterations + second.iterations
    if second.point is None or not _is_whole(program, second):
        return replace(first, nodes=nodes, iterations=iterations, seconds=second.seconds)
    if first.objective is None or second.objective is None:
        # A point denies that there is none.
        return claiming_less(program, replace(second, nodes=nodes, iterations=iterations))
    looser = max if program.maximise else min
    best = looser(first, second, key=lambda one: one.objective or 0.0)
    bound = first.bound
    if second.status is Status.OPTIMAL:
        bound = looser(first.bound, second.bound)
    outcome = replace(
        best,
        status=Status.OPTIMAL,
        limit=None,
        bound=looser(bound, best.objective or 0.0),
        nodes=nodes,
        iterations=iterations,
        seconds=second.seconds,
    )
    is_closed = _is_closed(outcome, relative_gap, absolute_gap)
    return outcome if is_closed else claiming_less(program, outcome)


def _is_whole(program: Program, outcome: Outcome) -> bool:
    if outcome.point is None:
        return True
    whole = outcome.point[program.integer]
    return bool((np.abs(whole - np.rint(whole)) <= WHOLE_TOLERANCE).all())


def _is_closed(outcome: Outcome, relative_gap: float, absolute_gap: float) -> bool:
    """Return whether the gap is as small as was asked, or infinite: HiGHS then gives none."""
    if outcome.objective is None or not np.isfinite(outcome.bound):
        return True
    size = abs(outcome.objective)
    asked = max(relative_gap * size, absolute_gap, ROUNDING * max(size, 1.0))
    return abs(outcome.bound - outcome.objective) <= 2.0 * asked


def without_columns(program: Program, seconds: float) -> Outcome:
    """Return the outcome of rows without columns, which HiGHS calls empty whatever their sides."""
    too_high, too_low = program.row_lower > 0, program.row_upper < 0
    common: dict[str, Any] = {"seconds": seconds, "message": "a program without columns"}
    if too_high.any() or too_low.any():
        return Outcome(
            status=Status.INFEASIBLE,
            bound=np.inf if program.maximise else -np.inf,
            infeasibility_ray=np.where(too_high, -1.0, np.where(too_low, 1.0, 0.0)),
            **common,
        )
    return Outcome(
        status=Status.OPTIMAL,
        point=np.zeros(0),
        objective=program.objective_constant,
        bound=program.objective_constant,
        row_dual=np.zeros(program.n_rows),
        reduced_cost=np.zeros(0),
        **common,
    )
