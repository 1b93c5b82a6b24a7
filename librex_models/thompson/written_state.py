"""States of posteriors as dictionaries, read with distrust: what is wrong is named by its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import Floats, as_numbers

VERSION = 1
"""Of the form of states. A change that older programs would misread raises it."""


def entries(value: Any, names: Iterable[str], what: str) -> dict[str, Any]:
    """Return the entries of a dictionary that holds these names and no others."""
    if not isinstance(value, Mapping):
        raise ParameterError(f"{what} is {value!r}, expected a dictionary")
    wanted = set(names)
    missing = sorted(wanted - value.keys())
    if missing:
        raise ParameterError(f"{what} lacks {missing[0]!r}")
    unknown = sorted(repr(key) for key in value.keys() - wanted)
    if unknown:
        raise ParameterError(f"{what} holds {unknown[0]}, which it should not")
    return dict(value)


def check_kind(state: Any, kind: str) -> None:
    """Raise ParameterError where a state is of another posterior, or of another version."""
    found = kind_of(state)
    if found != kind:
        raise ParameterError(f"the state is of a posterior {found!r}, expected {kind!r}")
    version = state.get("version")
    if version != VERSION:
        raise ParameterError(f"the state has the version {version!r}, expected {VERSION}")


def kind_of(state: Any) -> Any:
    """Return which posterior a state is of."""
    if not isinstance(state, Mapping):
        raise ParameterError(f"the state of a posterior is {state!r}, expected a dictionary")
    if "posterior" not in state:
        raise ParameterError("the state lacks 'posterior', which says what it is of")
    return state["posterior"]


def finite_array(value: Any, shape: tuple[int, ...], name: str) -> Floats:
    """Return an array of finite numbers, of a known shape."""
    array = as_numbers(value, f"{name} of the state")
    if array.shape != shape:
        raise ShapeError(f"{name} of the state has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise ParameterError(f"{name} of the state holds a number that is not finite")
    return array
