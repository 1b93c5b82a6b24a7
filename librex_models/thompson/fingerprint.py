"""What a model is, in one line: two models have the same exactly if all but rewards are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from librex_models.model import Model

REWARDS = ("reward", "shared_reward")


def fingerprint(model: Model) -> str:
    """Return the SHA-256 of the family, of what is demanded, and of the problem but its rewards."""
    digest = hashlib.sha256()
    problem = [
        (name, value)
        for name, value in sorted(vars(model.problem).items())
        if name not in REWARDS and not name.startswith("_") and not _is_derived(model, name)
    ]
    for part in _parts([model.family, model.over, model.limits, problem]):
        digest.update(part)
    return digest.hexdigest()


def _is_derived(model: Model, name: str) -> bool:
    return isinstance(getattr(type(model.problem), name, None), cached_property)


def _parts(value: Any) -> Iterator[bytes]:
    # Labels that are a range are those of the list of the same numbers.
    kind = "list" if isinstance(value, (tuple, range)) else type(value).__name__
    yield f"{kind}(".encode()
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            yield from _parts(value.tolist())
        else:
            yield f"{value.shape}{value.dtype}".encode()
            yield np.ascontiguousarray(value).tobytes()
    elif sparse.issparse(value):
        matrix: Any = value
        matrix = matrix.tocsc()
        for one in (np.array(matrix.shape), matrix.indptr, matrix.indices, matrix.data):
            yield from _parts(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield one.name.encode()
            yield from _parts(getattr(value, one.name))
    elif isinstance(value, (list, tuple, range)):
        for entry in value:
            yield from _parts(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _parts(key)
            yield from _parts(entry)
    else:
        yield repr(value).encode()
    yield b")"
