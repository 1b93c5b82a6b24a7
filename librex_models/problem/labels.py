"""Labels, and arrays matched by label: dictionaries and Series never go by position."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models.errors import ParameterError, ShapeError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Labels = Sequence[Hashable]

LARGEST_NUMBER = 1e100
"""Finite numbers beyond this are refused: sums and products of them would overflow."""


NEVER_MISSING = "biuU"
"""Kinds of arrays, truth values, whole numbers and texts, all of whose entries are labels."""


def label_texts(labels: Iterable[Hashable]) -> list[str]:
    """Return one text for each label; different labels get different texts.

    Examples
    --------
    >>> label_texts(["ann", 1])
    ['ann', '1']
    >>> label_texts(["1", 1])
    ["'1'", '1']
    """
    kept = list(labels)
    for text in (str, repr):
        texts = [text(label) for label in kept]
        if len(set(texts)) == len(texts):
            return texts
    return [f"{text} ({position})" for position, text in enumerate(texts)]


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, such as ``1 agent`` or ``3 agents``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def label_index(value: Any) -> list[Hashable] | None:
    """Return the labels of a Series or frame that has an index, None for anything else."""
    if isinstance(value, (np.ndarray, list, tuple)) or not hasattr(value, "index"):
        return None
    index = value.index
    return None if callable(index) else list(index.tolist())


def as_labels(values: Any, what: str, size: int | None = None) -> list[Hashable]:
    """Return labels as a list of Python objects.

    Raises
    ------
    ShapeError
        If there are not `size` of them.
    ParameterError
        If a label is missing (None or NaN) or cannot be hashed.
    """
    # A set has no order, so that nothing tells whose label is which.
    if isinstance(values, (str, bytes, Mapping, Set)) or not isinstance(values, Iterable):
        raise ShapeError(f"{what} is {values!r}, expected a list of labels")
    if hasattr(values, "to_list"):
        labels = values.to_list()
    elif hasattr(values, "to_pylist"):
        labels = values.to_pylist()
    else:
        labels = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if size is not None and len(labels) != size:
        raise ShapeError(f"{what} has {plural(len(labels), 'label')}, expected {size}")
    if type(values) is np.ndarray and values.ndim == 1 and values.dtype.kind in NEVER_MISSING:
        return list(labels)
    for position, label in enumerate(labels):
        if not isinstance(label, Hashable):
            raise ParameterError(f"{what}: label {label!r} at position {position} cannot be hashed")
        if _is_missing(label):
            raise ParameterError(f"{what}: the label at position {position} is missing")
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _is_missing(label: Hashable) -> bool:
    if label is None:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        # pandas.NA differs from itself neither truly nor falsely.
        return True


def check_unique(labels: Labels, what: str) -> None:
    """Raise ParameterError naming the first label that stands twice."""
    if isinstance(labels, range) or len(set(labels)) == len(labels):
        return
    seen: set[Hashable] = set()
    for label in labels:
        if label in seen:
            raise ParameterError(f"{what} {label!r} stands twice; names must differ")
        seen.add(label)


def first_appearance(labels: Labels) -> tuple[Labels, Integers]:
    """Return the distinct labels in order of first appearance, and the code of each label."""
    code_of: dict[Hashable, int] = {}
    codes = np.fromiter(
        (code_of.setdefault(label, len(code_of)) for label in labels),
        dtype=np.int64,
        count=len(labels),
    )
    return list(code_of), codes


def matched(value: Any, labels: Labels, name: str, kind: str) -> Any:
    """Return the values of a dictionary or labelled Series in the order of `labels`.

    Anything without labels comes back as it is.

    Raises
    ------
    ParameterError
        If a label is unknown, missing or stands twice.
    """
    if not isinstance(value, Mapping):
        index = label_index(value)
        if index is None:
            return value
        check_unique(index, f"{name}: {kind}")
        value = dict(zip(index, value.to_numpy().tolist(), strict=True))
    known = set(labels)
    for label in value:
        if label not in known:
            raise ParameterError(f"{name} names {kind} {label!r}, which the problem does not have")
    missing = [label for label in labels if label not in value]
    if missing:
        raise ParameterError(f"{name} has no entry for {kind} {missing[0]!r}")
    return [value[label] for label in labels]


def as_numbers(value: Any, name: str) -> Floats:
    """Return a fresh array of doubles, NaN where an entry is masked.

    Raises
    ------
    ParameterError
        If something in it is not a number.
    """
    try:
        raw = np.asarray(value)
        _check_is_numeric(raw)
        numbers = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError(f"{name} is not made of numbers: {error}") from None
    if isinstance(value, np.ma.MaskedArray):
        numbers[np.ma.getmaskarray(value)] = np.nan
    return numbers


def _check_is_numeric(values: npt.NDArray[Any]) -> None:
    """Refuse what numpy turns into numbers unasked: texts, dates and complex numbers."""
    if values.dtype.kind not in "biufO":
        raise TypeError(f"its entries are {values.dtype.name}")
    if values.dtype.kind == "O":
        for entry in values.flat:
            if isinstance(entry, (str, bytes)):
                raise TypeError(f"it holds the text {entry!r}")


def as_vector(value: Any, labels: Labels, name: str, kind: str, scalar: bool = False) -> Floats:
    """Return one number for each label, matched by label where the value has labels.

    Parameters
    ----------
    value : array_like, mapping, Series or (where `scalar`) a number
    labels : sequence of hashable
    name, kind : str
        For messages: the parameter, and what the labels are (``agent``, ``resource``, ...).

    Raises
    ------
    ShapeError, ParameterError
    """
    numbers = as_numbers(matched(value, labels, name, kind), name)
    if scalar and numbers.ndim == 0:
        return filled(len(labels), float(numbers))
    check_one_for_each(numbers, labels, name, kind)
    return numbers


def filled(size: int, number: float) -> Floats:
    """Return an array of one number, read-only, which takes the memory of one."""
    one = np.array(number, dtype=np.float64)
    one.flags.writeable = False
    return np.broadcast_to(one, (size,))


def once_each(numbers: Floats) -> Floats:
    """Return an array, or only the first of numbers that are all the same place in memory."""
    return numbers[:1] if numbers.strides == (0,) else numbers


def check_one_for_each(numbers: Floats, labels: Labels, name: str, kind: str) -> None:
    """Raise ShapeError unless there is one number for each label."""
    if numbers.shape != (len(labels),):
        raise ShapeError(
            f"{name} has shape {numbers.shape}, expected ({len(labels)},): one number for each "
            f"{kind}"
        )


def check_range(
    numbers: Floats,
    labels: Labels,
    name: str,
    kind: str,
    *,
    positive: bool = False,
    signed: bool = False,
    infinite: bool = False,
) -> None:
    """Raise ParameterError naming the first entry that is NaN, infinite or of the wrong sign."""
    least = np.finfo(np.float64).tiny if positive else (-LARGEST_NUMBER if signed else 0.0)
    looked_at = once_each(numbers)
    # A NaN fails these comparisons.
    if looked_at.min(initial=np.inf) >= least and looked_at.max(initial=-np.inf) <= LARGEST_NUMBER:
        return
    bad = np.isnan(numbers)
    if not infinite:
        bad |= np.isinf(numbers)
    if not signed:
        bad |= (numbers <= 0) if positive else (numbers < 0)
    bad |= (np.abs(numbers) > LARGEST_NUMBER) & np.isfinite(numbers)
    if not bad.any():
        return
    place = int(np.flatnonzero(bad)[0])
    rule = "above zero" if positive else "at least zero"
    wanted = "a number" if signed else f"a number {rule}"
    if not infinite:
        wanted = f"a finite number{'' if signed else ' ' + rule}"
    if LARGEST_NUMBER < abs(numbers[place]) < np.inf:
        wanted += f" of at most {LARGEST_NUMBER:g}: choose a larger unit"
    raise ParameterError(
        f"{name} of {kind} {labels[place]!r} is {numbers[place]}, expected {wanted}"
    )


def group_of_each_agent(agent: Iterable[Hashable], group: Labels) -> dict[Hashable, Hashable]:
    """Return {agent: group} from one label of each kind for every option.

    Raises
    ------
    ParameterError
        Naming the first agent with two groups, and both groups.

    Examples
    --------
    >>> group_of_each_agent(["ann", "bob", "ann"], ["red", "blue", "red"])
    {'ann': 'red', 'bob': 'blue'}
    """
    group_of: dict[Hashable, Hashable] = {}
    for owner, label in zip(agent, group, strict=True):
        if group_of.setdefault(owner, label) != label:
            raise ParameterError(
                f"agent {owner!r} has an option in group {group_of[owner]!r} and one in group "
                f"{label!r}; all options of an agent belong to one group"
            )
    return group_of
