"""The arguments of an AllocationProblem, checked one by one: what is wrong is named.

Each function returns the fields of the problem that its arguments become. May import the labels of
this package.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import (
    LARGEST_NUMBER,
    Floats,
    Integers,
    Labels,
    as_labels,
    as_numbers,
    as_vector,
    check_one_for_each,
    check_range,
    check_unique,
    filled,
    first_appearance,
    label_index,
    matched,
    once_each,
)


def requests_and_names(
    requests: Any, budget: Any, option_names: Any, resource_names: Any
) -> dict[str, Any]:
    """Return requests and budget with the names of options and resources."""
    columns, named_by = frame_columns(requests), "resource_names"
    if columns is not None:
        resource_names, requests, option_names = _from_frame_of_requests(
            requests, columns, resource_names, option_names
        )
    elif isinstance(budget, Mapping) and resource_names is None:
        resource_names, named_by = list(budget), "budget"
    matrix = _as_matrix(requests)
    n_options, n_resources = matrix.shape
    if n_options == 0:
        raise ShapeError("requests has no rows: a problem needs at least one option")
    options: Labels = range(n_options)
    if option_names is not None:
        options = as_labels(option_names, "option_names", n_options)
    resources: Labels = range(n_resources)
    if resource_names is not None:
        resources = as_labels(resource_names, named_by, n_resources)
    check_unique(options, "option")
    check_unique(resources, "resource")
    _check_requests(matrix, options, resources)
    amounts = as_vector(budget, resources, "budget", "resource")
    check_range(amounts, resources, "budget", "resource", infinite=True)
    return {
        "requests": matrix,
        "budget": amounts,
        "options": options,
        "resources": resources,
    }


def checked_requests(
    options: Labels, resources: Labels, requests: Any
) -> Floats | sparse.csr_array:
    """Return other requests for the same options and resources."""
    columns = frame_columns(requests)
    if columns is not None:
        names = None if isinstance(options, range) else options
        _, requests, _ = _from_frame_of_requests(requests, columns, resources, names)
    matrix = _as_matrix(requests)
    if matrix.shape != (len(options), len(resources)):
        raise ShapeError(
            f"requests has shape {matrix.shape}, expected {(len(options), len(resources))}: one "
            "row for each option, one column for each resource"
        )
    _check_requests(matrix, options, resources)
    return matrix


def frame_columns(requests: Any) -> list[Any] | None:
    """Return the names of the columns of a data frame, None for anything else."""
    if isinstance(requests, np.ndarray) or is_sparse(requests):
        return None
    # In a PyArrow table `columns` are the columns themselves.
    columns = getattr(requests, "column_names", None)
    if columns is None:
        columns = getattr(requests, "columns", None)
    return None if columns is None else list(columns)


def _from_frame_of_requests(
    frame: Any, columns: list[Any], resource_names: Any, option_names: Any
) -> tuple[list[Hashable], Any, Any]:
    from librex_models.problem.frames import column_values

    check_unique(columns, "requests: column")
    wanted = columns if resource_names is None else as_labels(resource_names, "resource_names")
    for name in wanted:
        if name not in columns:
            raise ParameterError(f"requests has no column for resource {name!r}")
    for name in columns:
        if name not in wanted:
            raise ParameterError(f"requests names resource {name!r}, which resource_names lacks")
    matrix = np.column_stack(
        [
            as_numbers(column_values(frame, name), f"requests of resource {name!r}")
            for name in wanted
        ]
    )
    index = label_index(frame)
    if index is None or index == list(range(len(index))):
        return list(wanted), matrix, option_names
    if option_names is None:
        return list(wanted), matrix, index
    check_unique(index, "requests: option")
    names = as_labels(option_names, "option_names")
    rows = matched(dict(zip(index, range(len(index)), strict=True)), names, "requests", "option")
    return list(wanted), matrix[rows], names


def _as_matrix(requests: Any) -> Floats | sparse.csr_array:
    given = requests if is_sparse(requests) else as_numbers(requests, "requests")
    if given.ndim != 2:
        raise ShapeError(
            f"requests has shape {given.shape}, expected (n_options, n_resources): one row for "
            "each option, one column for each resource"
        )
    if is_sparse(requests):
        if requests.dtype.kind == "c":
            raise ParameterError(
                f"requests is not made of numbers: its entries are {requests.dtype}"
            )
        matrix = sparse.csr_array(requests, dtype=np.float64, copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return matrix
    # Rows stay together in memory: they become the columns of the solver's matrix.
    return np.ascontiguousarray(given, dtype=np.float64)


def _check_requests(matrix: Floats | sparse.csr_array, options: Labels, resources: Labels) -> None:
    numbers = matrix if isinstance(matrix, np.ndarray) else matrix.data
    # A NaN fails every comparison.
    if numbers.size == 0 or (numbers.min() >= 0 and numbers.max() <= LARGEST_NUMBER):
        return
    if isinstance(matrix, np.ndarray):
        rows, columns = np.nonzero(~((matrix >= 0) & (matrix <= LARGEST_NUMBER)))
        option, resource = int(rows[0]), int(columns[0])
        value = matrix[option, resource]
    else:
        entries = matrix.tocoo()
        is_fine = (entries.data >= 0) & (entries.data <= LARGEST_NUMBER)
        place = int(np.flatnonzero(~is_fine)[0])
        option, resource = int(entries.coords[0][place]), int(entries.coords[1][place])
        value = entries.data[place]
    raise ParameterError(
        f"requests of option {options[option]!r} for resource {resources[resource]!r} is {value}, "
        "expected a finite number at least zero"
        + (f" of at most {LARGEST_NUMBER:g}: choose a larger unit" if 0 < value < np.inf else "")
    )


def is_shared(reward: Any) -> bool:
    """Return whether rewards are given for each group: options serve several groups."""
    columns = frame_columns(reward)
    if columns is not None:
        return getattr(reward, "ndim", 2) == 2
    if reward is None or isinstance(reward, Mapping):
        return False
    try:
        return is_sparse(reward) or np.ndim(reward) == 2
    except ValueError:
        return False


def checked_shared_reward(options: Labels, groups: Labels, reward: Any) -> sparse.csr_array:
    """Return rewards for each group, shape (n_groups, n_options)."""
    if is_sparse(reward):
        matrix = sparse.csr_array(reward, dtype=np.float64, copy=True)
    else:
        columns = frame_columns(reward)
        values = reward if columns is None else reward.to_numpy()
        matrix = sparse.csr_array(as_numbers(values, "reward"))
    if matrix.shape != (len(options), len(groups)):
        raise ShapeError(
            f"reward has shape {matrix.shape}, expected {(len(options), len(groups))}: one row for "
            "each option, one column for each group"
        )
    matrix.sum_duplicates()
    bad = np.flatnonzero(~((matrix.data >= 0) & (matrix.data <= LARGEST_NUMBER)))
    if bad.size:
        option = int(np.searchsorted(matrix.indptr, bad[0], side="right")) - 1
        raise ParameterError(
            f"reward of option {options[option]!r} for group "
            f"{groups[int(matrix.indices[bad[0]])]!r} is {matrix.data[bad[0]]}, expected a finite "
            "number at least zero"
        )
    matrix.eliminate_zeros()
    by_group = sparse.csr_array(matrix.T)
    by_group.sort_indices()
    return by_group


def shared_rewards(options: Labels, groups: Labels, reward: Any) -> dict[str, Any]:
    """Return the rewards for each group, and what an option earns all of them together."""
    matrix = checked_shared_reward(options, groups, reward)
    return {"shared_reward": matrix, "reward": np.asarray(matrix.sum(axis=0)).ravel()}


def who_is_served(options: Labels, agent: Any, group: Any, reward: Any) -> dict[str, Any]:
    """Return agents, and the groups that are the columns of the rewards."""
    fields = who_owns_what(options, agent, None)
    columns = frame_columns(reward)
    n_groups = len(columns) if columns is not None else np.shape(reward)[1]
    groups: Labels = range(n_groups)
    if group is not None:
        groups = as_labels(group, "group", n_groups)
    elif columns is not None:
        groups = columns
    check_unique(groups, "group")
    # Nobody belongs to a group: options serve them.
    nowhere = np.full(len(fields["agents"]), n_groups)
    return fields | {"groups": groups, "group_of_agent": nowhere}


def who_owns_what(options: Labels, agent: Any, group: Any) -> dict[str, Any]:
    """Return agents and groups, and who belongs to whom where that was said."""
    fields: dict[str, Any] = {"agents": options}
    if agent is not None:
        owner = as_labels(matched(agent, options, "agent", "option"), "agent", len(options))
        fields["agents"], fields["agent_of_option"] = first_appearance(owner)
    agents = fields["agents"]
    fields["groups"] = agents
    if group is not None:
        member = as_labels(matched(group, agents, "group", "agent"), "group", len(agents))
        fields["groups"], fields["group_of_agent"] = first_appearance(member)
    return fields


def checked_reward(options: Labels, reward: Any) -> Floats:
    """Return one reward for each option."""
    values = matched(reward, options, "reward", "option")
    is_matrix = is_sparse(values) and values.ndim == 2
    numbers = values if is_matrix else as_numbers(values, "reward")
    if numbers.ndim == 2:
        raise ShapeError(
            f"reward has shape {numbers.shape}, expected one number for each option, shape "
            f"({len(options)},)"
        )
    check_one_for_each(numbers, options, "reward", "option")
    check_range(numbers, options, "reward", "option", signed=True)
    return numbers


def numbers_of_options(
    options: Labels, reward: Any, lower: Any, upper: Any, integer: Any
) -> dict[str, Any]:
    """Return rewards, bounds and wholeness of decisions."""
    least = as_vector(lower, options, "lower", "option", scalar=True)
    check_range(least, options, "lower", "option")
    most = as_vector(upper, options, "upper", "option", scalar=True)
    check_range(most, options, "upper", "option", infinite=True)
    if once_each(least).max() > once_each(most).min():
        _check_bounds_do_not_cross(options, least, most)
    return {
        "reward": None if reward is None else checked_reward(options, reward),
        "lower": least,
        "upper": most,
        "integer": _as_mask(matched(integer, options, "integer", "option"), options),
    }


def _check_bounds_do_not_cross(options: Labels, least: Floats, most: Floats) -> None:
    crossed = np.flatnonzero(least > most)
    if crossed.size:
        j = int(crossed[0])
        raise ParameterError(
            f"lower of option {options[j]!r} is {least[j]}, above its upper {most[j]}"
        )


def _as_mask(integer: Any, options: Labels) -> npt.NDArray[np.bool_]:
    mask = np.array(integer)
    if mask.dtype != np.bool_ and not np.isin(mask, (0, 1)).all():
        raise ParameterError("integer is not made of truth values")
    if mask.ndim == 0:
        return np.full(len(options), bool(mask))
    if mask.shape != (len(options),):
        raise ShapeError(
            f"integer has shape {mask.shape}, expected ({len(options)},): one truth value for each "
            "option"
        )
    return mask.astype(np.bool_)


def numbers_of_groups(
    fields: Mapping[str, Any], weight: Any, history: Any, agent_weight: Any, agent_history: Any
) -> dict[str, Any]:
    """Return weights and histories of groups and agents."""
    wanted = {
        "weight": (weight, 1.0, "groups", "group"),
        "history": (history, 0.0, "groups", "group"),
        "agent_weight": (agent_weight, 1.0, "agents", "agent"),
        "agent_history": (agent_history, 0.0, "agents", "agent"),
    }
    found = {}
    for name, (value, default, labels, kind) in wanted.items():
        if value is None:
            found[name] = filled(len(fields[labels]), default)
            continue
        numbers = as_vector(value, fields[labels], name, kind)
        check_range(numbers, fields[labels], name, kind, positive="weight" in name)
        found[name] = numbers
    return found


def limits_of_agents(
    fields: Mapping[str, Any], agent_limit: Any, agent_minimum: Any
) -> dict[str, Any]:
    """Return the most and the least that the decisions of each agent may sum to."""
    agents = fields["agents"]
    if agent_limit is None:
        limit = _default_limit(fields.get("agent_of_option"), len(agents), fields["upper"])
    else:
        limit = as_vector(agent_limit, agents, "agent_limit", "agent", scalar=True)
        check_range(limit, agents, "agent_limit", "agent", infinite=True)
    if agent_minimum is None:
        # At most any limit.
        return {"agent_limit": limit, "agent_minimum": filled(len(agents), 0.0)}
    minimum = as_vector(agent_minimum, agents, "agent_minimum", "agent", scalar=True)
    check_range(minimum, agents, "agent_minimum", "agent")
    crossed = np.flatnonzero(minimum > limit)
    if crossed.size:
        i = int(crossed[0])
        raise ParameterError(
            f"agent_minimum of agent {agents[i]!r} is {minimum[i]}, above its agent_limit "
            f"{limit[i]}"
        )
    return {"agent_limit": limit, "agent_minimum": minimum}


def _default_limit(agent_of_option: Integers | None, n_agents: int, upper: Floats) -> Floats:
    if agent_of_option is None or n_agents == len(agent_of_option):
        # Each agent has one option, whose upper bound is its limit.
        return filled(n_agents, np.inf)
    n_options = np.bincount(agent_of_option, minlength=n_agents)
    n_unit = np.bincount(agent_of_option, upper == 1.0, minlength=n_agents)
    return np.where((n_options > 1) & (n_unit == n_options), 1.0, np.inf)


def is_sparse(value: Any) -> bool:
    """Return whether a value is a matrix or array of scipy.sparse."""
    # Without the narrowing of types that issparse declares: it loses the attributes.
    return bool(sparse.issparse(value))
