"""Agents and treatments: the problem in which each agent gets at most one treatment.

    options are pairs of agent i and treatment t:   reward = benefit_it,   requests = cost_it

May import `librex_models.errors` and the arguments of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.arguments import frame_columns
from librex_models.problem.labels import (
    Floats,
    Labels,
    as_labels,
    as_numbers,
    check_unique,
    label_index,
    matched,
)

# What from_benefits makes itself.
MADE_OF_BENEFITS = ("requests", "reward", "agent", "option_names")
BY_OPTION = ("lower", "upper", "integer")


def arguments_of_benefits(
    benefit: Any,
    cost: Any,
    budget: Any,
    agent_names: Any,
    treatment_names: Any,
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the arguments of AllocationProblem; see `AllocationProblem.from_benefits`.

    Raises
    ------
    ShapeError, ParameterError
        Naming the agent, treatment or argument that breaks a rule.
    """
    _check_given(budget, further)
    names = _names(benefit, agent_names, treatment_names)
    benefits = _matrix(benefit, *names, "benefit")
    if benefits.ndim != 2 or not benefits.size:
        raise ShapeError(
            f"benefit has shape {benefits.shape}, expected (n_agents, n_treatments): at least one "
            "agent and one treatment"
        )
    agents = _labels(names[0], "agent", benefits.shape[0])
    treatments = _labels(names[1], "treatment", benefits.shape[1])
    costs = _costs(_matrix(cost, agents, treatments, "cost"), benefits)
    _check_entries(benefits[:, :, np.newaxis], agents, treatments, "benefit", signed=True)
    _check_entries(costs, agents, treatments, "cost", signed=False)
    by_option = {name: _by_option(name, value, benefits.shape) for name, value in further.items()}
    return {
        "requests": costs.reshape(benefits.size, -1),
        "budget": budget if isinstance(budget, Mapping) or np.ndim(budget) else [budget],
        "reward": benefits.ravel(),
        "agent": [agent for agent in agents for _ in treatments],
        "option_names": None
        if all(one is None for one in names)
        else _option_names(agents, treatments),
        "agent_limit": 1.0,
    } | by_option


def _check_given(budget: Any, further: Mapping[str, Any]) -> None:
    for name in MADE_OF_BENEFITS:
        if name in further:
            raise ParameterError(f"from_benefits makes {name} itself: leave it out")
    if budget is None:
        raise ParameterError("budget is missing: give what there is of each resource")


def _labels(names: Any, kind: str, size: int) -> Labels:
    if names is None:
        return range(size)
    labels = as_labels(names, f"{kind}_names", size)
    check_unique(labels, kind)
    return labels


def _names(benefit: Any, agent_names: Any, treatment_names: Any) -> tuple[Any, Any]:
    """Return the names of agents and treatments, None where there are none; a frame has its own."""
    columns, index = frame_columns(benefit), label_index(benefit)
    if columns is not None and treatment_names is None and columns != list(range(len(columns))):
        treatment_names = columns
    if columns is not None and agent_names is None and index is not None:
        agent_names = None if index == list(range(len(index))) else index
    return agent_names, treatment_names


def _matrix(value: Any, agents: Any, treatments: Any, name: str) -> Floats:
    """Return an array, a frame's rows and columns in the order of agents and treatments."""
    columns, index = frame_columns(value), label_index(value)
    if columns is None:
        return as_numbers(value, name)
    from librex_models.problem.frames import column_values

    check_unique(columns, f"{name}: treatment")
    wanted = columns if treatments is None else list(treatments)
    place = dict(zip(columns, range(len(columns)), strict=True))
    by_position = columns == list(range(len(columns)))
    order = range(len(columns)) if by_position else matched(place, wanted, name, "treatment")
    numbers = np.column_stack(
        [as_numbers(column_values(value, columns[k]), f"{name} of {columns[k]!r}") for k in order]
    )
    if index is None or agents is None or index == list(range(len(index))):
        return numbers
    check_unique(index, f"{name}: agent")
    rows = matched(dict(zip(index, range(len(index)), strict=True)), agents, name, "agent")
    ordered: Floats = numbers[rows]
    return ordered


def _costs(costs: Floats, benefits: Floats) -> Floats:
    """Return the costs with an axis of resources."""
    if costs.ndim not in (2, 3) or costs.shape[:2] != benefits.shape:
        n_agents, n_treatments = benefits.shape
        raise ShapeError(
            f"cost has shape {costs.shape}, expected ({n_agents}, {n_treatments}) as benefit has, "
            f"or ({n_agents}, {n_treatments}, n_resources)"
        )
    return costs[:, :, np.newaxis] if costs.ndim == 2 else costs


def _check_entries(
    numbers: Floats, agents: Labels, treatments: Labels, name: str, signed: bool
) -> None:
    bad = ~np.isfinite(numbers)
    if not signed:
        bad |= numbers < 0
    if not bad.any():
        return
    i, t, k = (int(place[0]) for place in np.nonzero(bad))
    wanted = "a finite number" if signed else "a finite number at least zero"
    resource = f" in resource {k}" if numbers.shape[2] > 1 else ""
    raise ParameterError(
        f"{name} of agent {agents[i]!r} for treatment {treatments[t]!r}{resource} is "
        f"{numbers[i, t, k]}, expected {wanted}; where an agent cannot get a treatment, give "
        "upper = 0"
    )


def _option_names(agents: Labels, treatments: Labels) -> list[str]:
    names = [f"{agent}: {treatment}" for agent in agents for treatment in treatments]
    check_unique(names, "agent and treatment")
    return names


def _by_option(name: str, value: Any, shape: tuple[int, ...]) -> Any:
    """Return what is given for each agent and treatment as one entry for each option."""
    if name not in BY_OPTION or isinstance(value, Mapping) or np.ndim(value) != 2:
        return value
    if np.shape(value) != shape:
        raise ShapeError(f"{name} has shape {np.shape(value)}, expected {shape} as benefit has")
    return np.asarray(value).ravel()
