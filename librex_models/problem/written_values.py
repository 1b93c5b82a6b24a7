"""What a session may write into a problem, checked as the constructor checks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from librex_models.errors import ParameterError
from librex_models.problem.arguments import (
    checked_requests,
    checked_reward,
    limits_of_agents,
    numbers_of_groups,
    numbers_of_options,
    shared_rewards,
)
from librex_models.problem.labels import as_vector, check_range

if TYPE_CHECKING:
    from librex_models.problem.allocation_problem import AllocationProblem

GROUP_NUMBERS = ("weight", "history", "agent_weight", "agent_history")
CHECKED_ALONE = frozenset({"reward", "budget", "requests"})
WRITABLE = (
    "reward",
    "budget",
    "lower",
    "upper",
    "requests",
    "agent_limit",
    "agent_minimum",
    *GROUP_NUMBERS,
)
"""The parameters of a problem that change while its sizes and labels stay."""


def written_fields(problem: AllocationProblem, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a problem that these values replace.

    Raises
    ------
    ShapeError, ParameterError, ProblemError
        Naming the offender.
    """
    for name in values:
        if name not in WRITABLE:
            raise ParameterError(
                f"{name!r} cannot be written into a session; {', '.join(WRITABLE)} can"
            )
    fields: dict[str, Any] = {}
    if "reward" in values:
        reward = values["reward"]
        if problem.shared_reward is not None:
            fields.update(shared_rewards(problem.options, problem.groups, reward))
        else:
            fields["reward"] = checked_reward(problem.options, reward)
    if "budget" in values:
        fields["budget"] = as_vector(values["budget"], problem.resources, "budget", "resource")
        check_range(fields["budget"], problem.resources, "budget", "resource", infinite=True)
    if "requests" in values:
        fields["requests"] = checked_requests(
            problem.options, problem.resources, values["requests"]
        )
    if values.keys() <= CHECKED_ALONE:
        return fields
    for names, check in (
        (("lower", "upper"), _bounds),
        (GROUP_NUMBERS, _numbers_of_groups),
        (("agent_limit", "agent_minimum"), _limits),
    ):
        given = {name: values[name] for name in names if name in values}
        if given:
            checked = check(problem, {name: getattr(problem, name) for name in names} | given)
            fields.update({name: checked[name] for name in given})
    return fields


def _bounds(problem: AllocationProblem, numbers: dict[str, Any]) -> dict[str, Any]:
    return numbers_of_options(problem.options, None, integer=problem.integer, **numbers)


def _numbers_of_groups(problem: AllocationProblem, numbers: dict[str, Any]) -> dict[str, Any]:
    return numbers_of_groups({"groups": problem.groups, "agents": problem.agents}, **numbers)


def _limits(problem: AllocationProblem, numbers: dict[str, Any]) -> dict[str, Any]:
    fields = {"agents": problem.agents, "agent_of_option": problem.agent_of_option}
    return limits_of_agents(fields, **numbers)
