"""The rows of a problem that tie agents together, all as matrix x <= side.

Utilities are written out as what decisions earn. Caps on inequality need columns of their own
(`arrays_limits` has their meaning), which stand behind the decisions; no utility is above what can
be reached, so neither are they.

The blocks of a Program that say the same stand in COUPLING in the same order: their duals, each
with its sign, are the multipliers of these rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem import AllocationProblem, Grouping
from librex_models.problem.fairness_limits import FairnessLimits
from librex_models.problem.gini_rows import gini_rows
from librex_models.verification.exact_budgets import by_resource
from librex_models.verification.price_bound import EPSILON, CouplingRows, region
from solvers import Program

Floats = npt.NDArray[np.float64]

COUPLING = (
    ("budget_limit", 1.0),
    ("extra_limit", 1.0),
    ("extra_minimum", -1.0),
    ("extra_equality", 1.0),
    ("extra_equality", -1.0),
    ("utility_floor", -1.0),
    ("utility_ceiling", 1.0),
    ("below_highest", 1.0),
    ("above_lowest", -1.0),
    ("spread_limit", 1.0),
    ("difference_of", 1.0),
    ("place_of", 1.0),
    ("place_of", -1.0),
    ("gini_limit", 1.0),
)


def coupling_rows(problem: AllocationProblem, grouping: Grouping) -> CouplingRows:
    """Return the budgets, which come first, the user's own rows, and limits on utilities."""
    extra, limits = problem.extra_rows, grouping.limits
    if not len(extra) and limits is None:
        return problem.once("budget rows", lambda: _budget_rows(problem))
    above, below, equal = extra.with_upper, extra.with_lower, extra.equations
    matrix = sparse.vstack(
        [
            problem.usage,
            extra.matrix[above],
            -extra.matrix[below],
            extra.matrix[equal],
            -extra.matrix[equal],
        ]
    )
    side = [problem.budget, extra.upper[above], -extra.lower[below]]
    side += [extra.upper[equal], -extra.upper[equal]]
    rows = CouplingRows(matrix=sparse.csc_array(matrix), side=np.concatenate(side))
    return rows if limits is None else _with_limits(rows, problem, grouping, limits)


def _budget_rows(problem: AllocationProblem) -> CouplingRows:
    requests = problem.requests
    by_option = by_resource(problem).T if isinstance(requests, np.ndarray) else requests
    return CouplingRows(matrix=problem.usage, side=problem.budget, by_option=by_option)


def coupling_multipliers(dual: Floats, program: Program) -> Floats:
    """Return the multipliers of the coupling rows from the duals of a Program, shape (n_rows,)."""
    names = {block.name for block in program.row_blocks}
    signed = [sign * dual[program.rows_of(name)] for name, sign in COUPLING if name in names]
    if len(signed) == 1:
        return np.maximum(signed[0], 0.0)
    return np.maximum(np.concatenate(signed), 0.0) if signed else np.zeros(0)


def _with_limits(
    rows: CouplingRows, problem: AllocationProblem, grouping: Grouping, limits: FairnessLimits
) -> CouplingRows:
    """Return the rows and those over utilities, written out in decisions and further columns."""
    reward = problem.known_reward
    earned = grouping.earnings(reward)
    n_groups = len(grouping)
    own = region(problem, by_budgets=True)
    reach = grouping.utility(np.maximum(reward, 0.0), np.maximum(own.upper, own.lower))
    most = float(reach.max(initial=0.0)) * (1.0 + 64 * EPSILON)
    # Each part: coefficients of utilities, those of further columns by name, and the side.
    parts: list[tuple[sparse.csr_array, dict[str, sparse.csr_array], Floats]] = []
    identity = sparse.csr_array(sparse.eye_array(n_groups, format="csr"))
    who = limits.with_floor
    parts.append((-identity[who], {}, -limits.floor[who]))
    who = limits.with_ceiling
    parts.append((identity[who], {}, limits.ceiling[who]))
    further: dict[str, int] = {}
    if limits.has_spread_cap:
        further |= {"highest": 1, "lowest": 1}
        one = sparse.csr_array(np.ones((n_groups, 1)))
        nothing, single = np.zeros(n_groups), sparse.csr_array(np.ones((1, 1)))
        parts.append((identity, {"highest": -one}, nothing))
        parts.append((-identity, {"lowest": one}, nothing))
        spread = {"highest": single, "lowest": -single}
        parts.append((_no_rows(1, n_groups), spread, np.array([limits.spread_cap])))
    if limits.has_gini_cap:
        gini = gini_rows(n_groups)
        n_differences = len(gini.twice)
        further |= {"difference": n_differences, "place": gini.n_places}
        for matrices, sign in (
            (gini.difference_of, 1.0),
            (gini.place_of, 1.0),
            (gini.place_of, -1.0),
        ):
            of_further = {name: sign * matrices[name] for name in ("difference", "place")}
            of_utility = sign * matrices["utility"]
            parts.append((of_utility, of_further, np.zeros(of_utility.shape[0])))
        twice = sparse.csr_array(gini.twice.reshape(1, -1))
        own_row = sparse.csr_array(gini.of_utilities(limits.gini_cap).reshape(1, -1))
        parts.append((own_row, {"difference": twice}, np.zeros(1)))
    stacked = [
        sparse.hstack([rows.matrix, *(_no_rows(len(rows.side), n) for n in further.values())])
    ]
    sides = [rows.side]
    for of_utility, of_further, side in parts:
        n_rows = len(side)
        blocks = [of_further.get(name, _no_rows(n_rows, n)) for name, n in further.items()]
        stacked.append(sparse.hstack([of_utility @ earned, *blocks]))
        sides.append(side - of_utility @ grouping.history)
    return CouplingRows(
        matrix=sparse.csc_array(sparse.vstack(stacked)),
        side=np.concatenate(sides),
        further=np.full(sum(further.values()), most),
    )


def _no_rows(n_rows: int, n_columns: int) -> sparse.csr_array:
    return sparse.csr_array((n_rows, n_columns))
