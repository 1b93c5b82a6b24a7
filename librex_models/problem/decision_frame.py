"""Decisions as data frames of the library that the user has; narwhals loads when one is made."""

from __future__ import annotations

import importlib.util
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from librex_models.errors import ParameterError
from librex_models.problem.allocation_problem import AllocationProblem
from librex_models.problem.labels import Floats, label_texts

Backend = Literal["pandas", "polars", "pyarrow"]
BACKENDS: tuple[Backend, ...] = ("pandas", "polars", "pyarrow")


def decision_frame(problem: AllocationProblem, decision: Floats, backend: str | None = None) -> Any:
    """Return a data frame with one row an option.

    Parameters
    ----------
    problem : AllocationProblem
    decision : array of shape (n_options,)
    backend : "pandas", "polars" or "pyarrow", optional
        By default the first of these that is installed.

    Returns
    -------
    data frame
        ``option``, ``agent``, ``group``, ``decision``, ``reward``, ``earned`` (reward times
        decision), and for each resource what the option uses of it. A resource whose name is one
        of these has its column called ``used <name>``. Labels are texts where they are not all
        texts or all whole numbers.

    Raises
    ------
    ParameterError
        If the backend is unknown or not installed.

    Examples
    --------
    >>> problem = AllocationProblem([[2.0]], {"gpu": 1.0}, reward=[3.0], option_names=["job"])
    >>> print(decision_frame(problem, np.array([0.5]), "pandas").to_string(index=False))
    option agent group  decision  reward  earned  gpu
       job   job   job       0.5     3.0     1.5  1.0
    """
    return frame_of_columns(_columns(problem, decision), backend)


def frame_of_columns(columns: Mapping[str, list[Any]], backend: str | None = None) -> Any:
    """Return a data frame with these columns.

    Parameters
    ----------
    columns : mapping of str to list
    backend : "pandas", "polars" or "pyarrow", optional
        By default the first of these that is installed.

    Raises
    ------
    ParameterError
        If the backend is unknown or not installed.
    """
    chosen = _backend(backend)
    import narwhals

    return narwhals.from_dict(dict(columns), backend=chosen).to_native()


def _columns(problem: AllocationProblem, decision: Floats) -> dict[str, list[Any]]:
    reward = problem.known_reward
    agents, groups = _labels(problem.agents), _labels(problem.groups)
    owner = problem.agent_of_option.tolist()
    used = problem.usage.multiply(decision[np.newaxis, :]).toarray()
    of_group: dict[str, list[Any]] = {}
    if problem.shared_reward is None:
        of_group = {"group": [groups[g] for g in problem.group_of_agent[owner].tolist()]}
    columns: dict[str, list[Any]] = {
        "option": _labels(problem.options),
        "agent": [agents[i] for i in owner],
        **of_group,
        "decision": decision.tolist(),
        "reward": reward.tolist(),
        "earned": (reward * decision).tolist(),
    }
    for k, name in enumerate(label_texts(problem.resources)):
        columns[_free_name(name, columns)] = used[k].tolist()
    return columns


def _labels(labels: Sequence[Hashable]) -> list[Any]:
    """Return labels of one type, as columns need them."""
    for kind in (str, int):
        if all(type(label) is kind for label in labels):
            return list(labels)
    return label_texts(labels)


def _free_name(name: str, taken: dict[str, list[Any]]) -> str:
    while name in taken:
        name = f"used {name}"
    return name


def _backend(wanted: str | None) -> Backend:
    if wanted is not None and wanted not in BACKENDS:
        raise ParameterError(f"backend is {wanted!r}, expected one of {', '.join(BACKENDS)}")
    for name in BACKENDS:
        if wanted in (None, name) and importlib.util.find_spec(name) is not None:
            return name
    if wanted is None:
        raise ParameterError(
            f"to_frame needs one of {', '.join(BACKENDS)}, and none is installed: "
            "pip install pandas"
        )
    raise ParameterError(f"{wanted} is not installed: pip install {wanted}")
