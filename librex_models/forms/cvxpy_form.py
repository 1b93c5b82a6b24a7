"""The feasible set in CVXPY: to read, to extend, to embed.

    budget_limit[k]     sum_j requests_jk x_j <= budget_k
    agent_limit[i]      sum over the options of i of x_j <= agent_limit_i     where it can bind
    agent_minimum[i]    sum over the options of i of x_j >= agent_minimum_i   where it can bind
    extra_limit[r], extra_minimum[r], extra_equality[r]                       the user's own rows
    utility_of[g]       utility_g == history_g + share_g sum over g of reward_j x_j

`arrays_form` and `pyomo_form` say the same with the same names. ``utility`` is a variable, tied by
``utility_of``: a concave function of ``reward * x`` would not be DPP, and changing a Parameter
would then mean building anew. May import CVXPY, the problem, the families and `arrays_form`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import cvxpy
import numpy as np
from scipy import sparse

from librex_models.families import Family
from librex_models.forms.arrays_form import agents_with_limit, agents_with_minimum, extra_parts
from librex_models.forms.cvxpy_limits import labelled, labels_of_limits, limits_in_cvxpy
from librex_models.problem import AllocationProblem, Grouping
from solvers.program import Floats, Integers

# CVXPY declares its operators without types.
Expression = Any


def cvxpy_form(problem: AllocationProblem, grouping: Grouping, family: Family) -> cvxpy.Problem:
    """Return a family on a problem as a CVXPY problem with named variables and Parameters.

    Parameters
    ----------
    problem : AllocationProblem
        Where it has no reward yet, the Parameter ``reward`` has no value yet.
    grouping : Grouping
        The utilities that the family compares.
    family : Family

    Returns
    -------
    cvxpy.Problem
        Variables ``x``, ``utility`` and ``worst``; Parameters ``reward``, ``budget``, ``history``
        and ``weight``; constraints with labels. Only those that the family needs.

    Examples
    --------
    >>> from librex_models.families import TotalReward
    >>> problem = AllocationProblem([[2.0], [1.0]], [2.0], reward=[3.0, 2.0])
    >>> model = cvxpy_form(problem, problem.grouping("groups"), TotalReward())
    >>> [constraint.label for constraint in model.constraints]
    ['budget_limit']
    >>> float(round(model.solve(solver="CLARABEL"), 6))
    3.5
    """
    variables = {"x": _decisions(problem)}
    parameters = {}
    if grouping.shared_reward is None:
        parameters["reward"] = cvxpy.Parameter(
            problem.n_options, name="reward", value=problem.reward
        )
    constraints = []
    if problem.n_resources:
        parameters["budget"] = _at_least_zero("budget", problem.budget)
        constraints.append(_budget_limit(problem, variables["x"], parameters["budget"]))
    constraints += _agent_limits(problem, variables["x"])
    constraints += _extra_rows(problem, variables["x"])
    if family.compares_utilities:
        variables["utility"] = cvxpy.Variable(len(grouping), name="utility", nonneg=True)
        parameters["history"] = _at_least_zero("history", grouping.history)
        parameters["weight"] = _at_least_zero("weight", grouping.weight)
        constraints.append(_utility_of(problem, grouping, variables, parameters))
        constraints += limits_in_cvxpy(grouping, variables["utility"])
    objective, further = family.welfare_in_cvxpy(variables, parameters)
    return cvxpy.Problem(objective, [*constraints, *further])


def labels_in_cvxpy(
    problem: AllocationProblem, grouping: Grouping
) -> dict[str, Sequence[Hashable]]:
    """Return the labels of the variables and constraints of `cvxpy_form`, for `compile_cvxpy`.

    Examples
    --------
    >>> problem = AllocationProblem([[2.0], [1.0]], {"gpu": 2.0}, option_names=["a", "b"])
    >>> labels_in_cvxpy(problem, problem.grouping("groups"))["x"]
    ['a', 'b']
    """
    return {
        "x": problem.options,
        "utility": grouping.labels,
        "budget_limit": problem.resources,
        "agent_limit": [problem.agents[i] for i in agents_with_limit(problem).tolist()],
        "agent_minimum": [problem.agents[i] for i in agents_with_minimum(problem).tolist()],
        **{part.name: part.labels for part in extra_parts(problem)},
        "utility_of": grouping.labels,
        **labels_of_limits(grouping),
        "worst_limit": grouping.compared,
        "parts_of": grouping.labels,
        "member_part": grouping.labels,
        "member_limit": grouping.labels,
        "group_utility": grouping.compared,
        "mean_of": grouping.compared,
    }


def _decisions(problem: AllocationProblem) -> cvxpy.Variable:
    whole = np.flatnonzero(problem.integer)
    # One index array for each dimension; an empty one would still make a mixed-integer problem.
    integer: Any = (whole,) if whole.size else False
    if whole.size == problem.n_options:
        integer = True
    return cvxpy.Variable(
        problem.n_options, name="x", bounds=[problem.lower, problem.upper], integer=integer
    )


def _at_least_zero(name: str, value: Floats) -> cvxpy.Parameter:
    return cvxpy.Parameter(len(value), name=name, nonneg=True, value=value)


def _budget_limit(
    problem: AllocationProblem, x: cvxpy.Variable, budget: cvxpy.Parameter
) -> Expression:
    return labelled("budget_limit", problem.usage @ x <= budget)


def _agent_limits(problem: AllocationProblem, x: cvxpy.Variable) -> list[Expression]:
    limited, obliged = agents_with_limit(problem), agents_with_minimum(problem)
    constraints = []
    if limited.size:
        total = _sums_over(problem, limited) @ x
        constraints.append(labelled("agent_limit", total <= problem.agent_limit[limited]))
    if obliged.size:
        total = _sums_over(problem, obliged) @ x
        constraints.append(labelled("agent_minimum", total >= problem.agent_minimum[obliged]))
    return constraints


def _extra_rows(problem: AllocationProblem, x: cvxpy.Variable) -> list[Expression]:
    constraints = []
    for part in extra_parts(problem):
        body: Expression = part.matrix @ x
        relation = {
            "extra_limit": body <= part.upper,
            "extra_minimum": body >= part.lower,
            "extra_equality": body == part.lower,
        }
        constraints.append(labelled(part.name, relation[part.name]))
    return constraints


def _sums_over(problem: AllocationProblem, agents: Integers) -> sparse.csr_array:
    """Return the matrix that sums the decisions of each of the agents."""
    every_option = np.arange(problem.n_options)
    ownership = sparse.csr_array(
        (np.ones(problem.n_options), (problem.agent_of_option, every_option)),
        shape=(problem.n_agents, problem.n_options),
    )
    return sparse.csr_array(ownership[agents])


def _utility_of(
    problem: AllocationProblem,
    grouping: Grouping,
    variables: dict[str, cvxpy.Variable],
    parameters: dict[str, cvxpy.Parameter],
) -> Expression:
    if grouping.shared_reward is not None:
        shared = grouping.shared_reward @ variables["x"]
        return labelled("utility_of", variables["utility"] == parameters["history"] + shared)
    group = grouping.of_option
    membership = sparse.csr_array(
        (grouping.share[group], (group, np.arange(problem.n_options))),
        shape=(len(grouping), problem.n_options),
    )
    earned = membership @ cvxpy.multiply(parameters["reward"], variables["x"])
    return labelled("utility_of", variables["utility"] == parameters["history"] + earned)
