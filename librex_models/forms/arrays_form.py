"""The feasible set in arrays: the fast path.

    budget_limit[k]     sum_j requests_jk x_j <= budget_k
    agent_limit[i]      sum over the options of i of x_j <= agent_limit_i     where it can bind
    agent_minimum[i]    sum over the options of i of x_j >= agent_minimum_i   where it can bind
    extra_limit[r]      sum_j matrix_rj x_j <= upper_r     the user's own rows,
    extra_minimum[r]    sum_j matrix_rj x_j >= lower_r     a row with two sides stands twice
    extra_equality[r]   sum_j matrix_rj x_j  = side_r      unless they are the same
    utility_of[g]       utility_g - share_g sum over g of reward_j x_j = history_g

`pyomo_form` and `cvxpy_form` say the same with the same names.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from librex_models.families import Family
from librex_models.forms.arrays_limits import limits_in_arrays
from librex_models.problem import AllocationProblem, Grouping
from solvers.builder import ProgramBuilder, constant, copied, entries_of
from solvers.parametric import ParametricProgram
from solvers.program import Block, Floats, Integers


def arrays_form(
    problem: AllocationProblem, grouping: Grouping, family: Family
) -> ParametricProgram:
    """Return the Program of a family on a problem, affine in its parameters.

    Parameters of the Program: ``reward`` unless options serve several groups, ``budget``, and for
    families that compare utilities
    ``history`` and ``weight``.
    """
    sizes = {"budget": problem.n_resources}
    if grouping.shared_reward is None:
        sizes = {"reward": problem.n_options} | sizes
    if family.compares_utilities:
        sizes |= {"history": len(grouping), "weight": len(grouping.weight)}
    builder = ProgramBuilder(sizes)
    _declare_decisions(builder, problem)
    if family.compares_utilities:
        _declare_utilities(builder, problem, grouping)
        limits_in_arrays(builder, grouping)
    family.welfare_in_arrays(builder, grouping)
    return builder.build()


def agents_with_limit(problem: AllocationProblem) -> Integers:
    """Return the agents whose limit can bind: it is below the sum of their upper bounds."""
    if problem.agent_limit.min(initial=np.inf) == np.inf:
        return np.zeros(0, dtype=np.int64)
    limited = np.flatnonzero(problem.agent_limit < np.inf)
    most = np.bincount(problem.agent_of_option, problem.upper, minlength=problem.n_agents)
    return limited[problem.agent_limit[limited] < most[limited]]


def agents_with_minimum(problem: AllocationProblem) -> Integers:
    """Return the agents whose minimum can bind: it is above the sum of their lower bounds."""
    if not problem.agent_minimum.any():
        return np.zeros(0, dtype=np.int64)
    obliged = np.flatnonzero(problem.agent_minimum)
    least = np.bincount(problem.agent_of_option, problem.lower, minlength=problem.n_agents)
    return obliged[problem.agent_minimum[obliged] > least[obliged]]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExtraPart:
    """Those of the user's own rows that are bounded alike: above, below, or equations."""

    name: str
    labels: list[Hashable]
    matrix: sparse.csr_array
    lower: Floats
    upper: Floats


def extra_parts(problem: AllocationProblem) -> list[ExtraPart]:
    """Return the user's own rows by what bounds them; parts without rows are left out."""
    rows = problem.extra_rows
    nothing = np.full(len(rows), np.inf)
    parts = [
        ("extra_limit", rows.with_upper, -nothing, rows.upper),
        ("extra_minimum", rows.with_lower, rows.lower, nothing),
        ("extra_equality", rows.equations, rows.lower, rows.upper),
    ]
    return [
        ExtraPart(
            name=name,
            labels=[rows.names[r] for r in chosen.tolist()],
            matrix=sparse.csr_array(rows.matrix[chosen]),
            lower=lower[chosen],
            upper=upper[chosen],
        )
        for name, chosen, lower, upper in parts
        if chosen.size
    ]


def _declare_decisions(builder: ProgramBuilder, problem: AllocationProblem) -> None:
    builder.add_columns(
        Block(name="x", labels=problem.options), problem.lower, problem.upper, problem.integer
    )
    n_resources = problem.n_resources
    builder.add_rows(
        Block(name="budget_limit", labels=problem.resources),
        constant(np.full(n_resources, -np.inf)),
        copied("budget", n_resources),
    )
    usage = problem.usage
    builder.add_entries("budget_limit", "x", usage, constant(usage.data))
    limited, obliged = agents_with_limit(problem), agents_with_minimum(problem)
    _declare_sums(builder, problem, "agent_limit", limited, None, problem.agent_limit[limited])
    _declare_sums(builder, problem, "agent_minimum", obliged, problem.agent_minimum[obliged], None)
    for part in extra_parts(problem):
        builder.add_rows(
            Block(name=part.name, labels=part.labels), constant(part.lower), constant(part.upper)
        )
        pattern = sparse.csc_array(part.matrix)
        pattern.sort_indices()
        builder.add_entries(part.name, "x", pattern, constant(pattern.data))


def _declare_sums(
    builder: ProgramBuilder,
    problem: AllocationProblem,
    name: str,
    agents: Integers,
    lower: Floats | None,
    upper: Floats | None,
) -> None:
    if not agents.size:
        return
    labels = [problem.agents[i] for i in agents.tolist()]
    least = np.full(len(agents), -np.inf) if lower is None else lower
    most = np.full(len(agents), np.inf) if upper is None else upper
    builder.add_rows(Block(name=name, labels=labels), constant(least), constant(most))
    row_of_agent = np.full(problem.n_agents, -1)
    row_of_agent[agents] = np.arange(len(agents))
    row = row_of_agent[problem.agent_of_option]
    pattern = _one_row_a_column(row, len(agents))
    builder.add_entries(name, "x", pattern, constant(pattern.data))


def _one_row_a_column(row: Integers, n_rows: int) -> sparse.csc_array:
    """Return ones at (row[j], j), none where row[j] is negative."""
    present = row >= 0
    starts = np.concatenate([[0], np.cumsum(present)])
    return sparse.csc_array(
        (np.ones(int(starts[-1])), row[present], starts), shape=(n_rows, len(row))
    )


def _declare_utilities(
    builder: ProgramBuilder, problem: AllocationProblem, grouping: Grouping
) -> None:
    n_groups = len(grouping)
    block = Block(name="utility", labels=grouping.labels)
    builder.add_columns(block, np.zeros(n_groups), np.full(n_groups, np.inf))
    history = copied("history", n_groups)
    builder.add_rows(Block(name="utility_of", labels=grouping.labels), history, history)
    diagonal = sparse.eye_array(n_groups, format="csc")
    builder.add_entries("utility_of", "utility", diagonal, constant(np.ones(n_groups)))
    if grouping.shared_reward is not None:
        shared = sparse.csc_array(-grouping.shared_reward)
        shared.sort_indices()
        builder.add_entries("utility_of", "x", shared, constant(shared.data))
        return
    earned = entries_of("reward", np.arange(problem.n_options), -grouping.share[grouping.of_option])
    pattern = _one_row_a_column(grouping.of_option, n_groups)
    builder.add_entries("utility_of", "x", pattern, earned)
