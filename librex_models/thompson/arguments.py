"""The arguments of posteriors, checked: what is wrong is named by option and value."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models.errors import ParameterError, ShapeError
from librex_models.problem.labels import (
    LARGEST_NUMBER,
    Floats,
    Integers,
    as_numbers,
    as_vector,
    check_range,
)

SMALLEST_NUMBER = 1.0 / LARGEST_NUMBER
"""Parameters of a prior nearer to zero are refused: quotients of them would overflow."""


LARGEST_COUNT = 2**62
"""Twice as much is the end of 64 bits."""


def as_count(value: Any, name: str, least: int = 1) -> int:
    """Return a whole number of at least `least`."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        count = operator.index(value)
    except TypeError:
        raise ParameterError(f"{name} is {value!r}, expected a whole number") from None
    if count < least:
        raise ParameterError(f"{name} is {count}, expected at least {least}")
    if count > LARGEST_COUNT:
        raise ParameterError(f"{name} is {count}, expected at most 2**62")
    return count


def option_numbers(options: Any, n_options: int) -> Integers:
    """Return the numbers of options, each of which is there, in a fresh array."""
    numbers = _fresh_array(options, "options")
    if numbers.ndim != 1:
        raise ShapeError(
            f"options has shape {numbers.shape}, expected (n,): a list of numbers of options"
        )
    if numbers.size == 0:
        return np.zeros(0, dtype=np.int64)
    if numbers.dtype.kind not in "iu":
        raise ParameterError(f"options holds {numbers.dtype}, expected whole numbers of options")
    unknown = np.flatnonzero((numbers < 0) | (numbers >= n_options))
    if unknown.size:
        raise ParameterError(
            f"options names option {numbers[unknown[0]]} at position {unknown[0]}; there are "
            f"{n_options}, numbered from 0"
        )
    return numbers.astype(np.int64)


def _fresh_array(value: Any, name: str) -> npt.NDArray[Any]:
    try:
        return np.array(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError(f"{name} is not made of whole numbers: {error}") from None


def removable(options: Any, n_options: int) -> Integers:
    """Return the numbers of options that may be removed: none twice, and not all."""
    numbers = option_numbers(options, n_options)
    values, counts = np.unique(numbers, return_counts=True)
    if values.size < numbers.size:
        raise ParameterError(f"options names option {values[counts > 1][0]} twice")
    if values.size == n_options:
        raise ParameterError("no option would be left; a posterior needs at least one")
    return numbers


def checked_outcomes(outcomes: Any, option: Integers) -> Floats:
    """Return one finite number for each option that was chosen, in a fresh array."""
    numbers = as_numbers(outcomes, "outcomes")
    if numbers.shape != option.shape:
        raise ShapeError(
            f"outcomes has shape {numbers.shape}, options {option.shape}: one outcome for each"
        )
    is_fine = np.abs(numbers) <= LARGEST_NUMBER
    refuse_outcome(~is_fine, numbers, option, f"a finite number of at most {LARGEST_NUMBER:g}")
    return numbers


def refuse_outcome(
    is_bad: npt.NDArray[np.bool_], outcome: Floats, option: Integers, expected: str
) -> None:
    """Raise ParameterError that names the first outcome that is bad."""
    bad = np.flatnonzero(is_bad)
    if bad.size:
        place = int(bad[0])
        raise ParameterError(
            f"the outcome of option {option[place]} at position {place} is {outcome[place]}, "
            f"expected {expected}"
        )


def checked_rounds(rounds_ago: Any, option: Integers) -> Integers:
    """Return how many rounds ago each option was chosen, in a fresh array."""
    rounds = _fresh_array(rounds_ago, "rounds_ago")
    if rounds.ndim == 0:
        return np.full(option.shape, as_count(rounds_ago, "rounds_ago", least=0))
    if rounds.shape != option.shape:
        raise ShapeError(
            f"rounds_ago has shape {rounds.shape}, options {option.shape}: one number for each, "
            "or one for all"
        )
    if rounds.size == 0:
        return np.zeros(0, dtype=np.int64)
    if rounds.dtype.kind not in "iu":
        raise ParameterError(f"rounds_ago holds {rounds.dtype}, expected whole numbers")
    bad = np.flatnonzero((rounds < 0) | (rounds > LARGEST_COUNT))
    if bad.size:
        place = int(bad[0])
        raise ParameterError(
            f"rounds_ago of option {option[place]} at position {place} is {rounds[place]}, "
            "expected at least 0, for the present round, and at most 2**62"
        )
    return rounds.astype(np.int64)


def checked_rows(features: Any, n_rows: int, n_features: int, row: str) -> Floats:
    """Return features, one row for each `row`, in a fresh array."""
    rows = as_numbers(features, "features")
    if n_rows == 0 and rows.size == 0:
        return np.zeros((0, n_features))
    if rows.shape != (n_rows, n_features):
        raise ShapeError(
            f"features has shape {rows.shape}, expected {(n_rows, n_features)}: one row for each "
            f"{row}, one column for each feature"
        )
    bad = np.argwhere(~(np.abs(rows) <= LARGEST_NUMBER))
    if bad.size:
        i, j = bad[0].tolist()
        raise ParameterError(
            f"feature {j} of {row} {i} is {rows[i, j]}, expected a finite number of at most "
            f"{LARGEST_NUMBER:g}"
        )
    return np.ascontiguousarray(rows)


def prior_of_options(value: Any, n_options: int, name: str, signed: bool = False) -> Floats:
    """Return a parameter of the prior for each option, above zero unless it is signed."""
    labels = range(n_options)
    numbers = as_vector(value, labels, name, "option", scalar=True)
    check_range(numbers, labels, name, "option", signed=signed, positive=not signed)
    if not signed:
        refuse_too_small(numbers, name)
    return numbers


def refuse_too_small(numbers: Floats, name: str) -> None:
    """Raise ParameterError where a parameter is so near to zero that quotients overflow."""
    small = np.flatnonzero(numbers < SMALLEST_NUMBER)
    if small.size:
        raise ParameterError(
            f"{name} of option {small[0]} is {numbers[small[0]]}, expected at least "
            f"{SMALLEST_NUMBER:g}: choose a smaller unit"
        )


def positive_number(value: Any, name: str) -> float:
    """Return a number well above zero."""
    numbers = as_numbers(value, name)
    if numbers.ndim or not SMALLEST_NUMBER <= numbers <= LARGEST_NUMBER:
        raise ParameterError(
            f"{name} is {value!r}, expected one number from {SMALLEST_NUMBER:g} to "
            f"{LARGEST_NUMBER:g}"
        )
    return float(numbers)


def shared_number(value: Any) -> float | None:
    """Return the number that all options share, None where each has its own."""
    if isinstance(value, Mapping) or np.ndim(value) > 0:
        return None
    return float(value)


def checked_discount(discount: Any, window: Any) -> tuple[float, int | None]:
    """Return how outcomes are forgotten: one way, or none."""
    numbers = as_numbers(discount, "discount")
    if numbers.ndim or not 0.0 < numbers <= 1.0:
        raise ParameterError(f"discount is {discount!r}, expected a number above 0, at most 1")
    if window is None:
        return float(numbers), None
    if numbers < 1.0:
        raise ParameterError(
            f"discount is {discount!r} and window is {window!r}: outcomes fade or leave, not both"
        )
    return 1.0, as_count(window, "window")


def checked_generator(rng: Any) -> np.random.Generator:
    """Return a generator of random numbers."""
    if not isinstance(rng, np.random.Generator):
        raise ParameterError(
            f"rng is {rng!r}, expected a generator such as numpy.random.default_rng(0)"
        )
    return rng


def generator_of(seed: Any) -> np.random.Generator:
    """Return the generator of a seed: a whole number, or None for any."""
    try:
        if isinstance(seed, (bool, np.bool_)):
            raise TypeError
        number = None if seed is None else operator.index(seed)
    except TypeError:
        number = -1
    if number is not None and number < 0:
        raise ParameterError(f"seed is {seed!r}, expected a whole number of at least 0, or None")
    return np.random.default_rng(number)


def checked_tail(level: Any) -> float:
    """Return the probability on each side of a central interval."""
    numbers = as_numbers(level, "level")
    if numbers.ndim or not 0.0 < numbers < 1.0:
        raise ParameterError(f"level is {level!r}, expected a number between 0 and 1")
    return (1.0 - float(numbers)) / 2.0


def finished_draw(draw: Floats, clip_at_zero: bool = False) -> Floats:
    """Return a draw that a model can take: finite, and at least zero where that is asked."""
    infinite = np.flatnonzero(~np.isfinite(draw))
    if infinite.size:
        raise ParameterError(
            f"the draw of option {infinite[0]} is {draw[infinite[0]]}: its prior is too vague, "
            "narrow it"
        )
    return np.maximum(draw, 0.0) if clip_at_zero else draw


def finished_interval(lower: Any, upper: Any) -> tuple[Floats, Floats]:
    """Return the ends of intervals, all of which are numbers."""
    ends = np.array([lower, upper], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(ends).all(axis=0))
    if bad.size:
        first, last = ends[:, bad[0]].tolist()
        raise ParameterError(
            f"the interval of option {bad[0]} is from {first} to {last}: its prior is too vague, "
            "or too firm, for its ends to be told"
        )
    return ends[0], ends[1]


def checked_truth(value: Any, name: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{name} is {value!r}, expected True or False")
    return bool(value)
