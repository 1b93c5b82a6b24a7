"""Lines above alpha-fair terms in ratios: tangents, and chords where whole columns leave gaps.

    V(r) <= V(p) + p^-alpha (r - p)    for every p > 0

Where a row ties a term's column to whole columns only, what it can be are single numbers, and the
chord between neighbours is above V at all of them; unlike a tangent it touches V at zero, where the
slope of V is infinite. Where these numbers are too many, the chord between the least and the next
is taken. May import the Program and its tangents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from solvers.program import Booleans, Floats, Integers, Program
from solvers.scaled_utility import scaled_utility
from solvers.sums import sums_with
from solvers.tangents import chords_between, tangents_at
from solvers.whole_bounds import whole_bounds

MOST_VALUES = 1024
"""Of one column: where whole columns give more, only the least two are looked at."""
MOST_CHORDS = 16
"""That a term begins with."""
FIRST_POINTS = 4.0 ** np.arange(-3, 4)
"""Where a term begins to have tangents, in ratios, between the bounds of its column."""
STEEPEST = 1e7
"""Slopes beyond which lines are of no use to solvers."""
LEVEL = 1e-7
"""Slopes below which lines are horizontal where the column has an upper bound."""
NEARLY = 1.0 - 1e-6

Lines = tuple[Floats, Floats]
"""Slopes and constants."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tie:
    """What whole columns make of a term's column.

    Parameters
    ----------
    least, following : float
        The least that it can be, and the least above that; the same where it is fixed.
    values : array or None
        All that it can be, and perhaps more, sorted; None where these are many.
    columns : array of int
        The whole columns without which it is the least, all of them zero.
    """

    least: float
    following: float
    values: Floats | None
    columns: Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One term's V between the bounds of its column.

    Parameters
    ----------
    low, high, alpha : float
    tie : Tie or None
        None where the column is continuous.
    """

    low: float
    high: float
    alpha: float
    tie: Tie | None

    def first_lines(self) -> Lines:
        """Return lines spread over all that the column can be."""
        if self._heights is not None:
            values = self._heights[0]
            step = max(1, (len(values) - 1) // MOST_CHORDS)
            places = np.arange(0, len(values) - 1, step)
            return self._usable(*self._chords(np.append(places, len(values) - 2)))
        low = max(self.low, STEEPEST ** (-1.0 / self.alpha), 1e-30)
        if self.tie is not None:
            low = max(low, self.tie.following)
        inside = FIRST_POINTS[(low < FIRST_POINTS) & (self.high > FIRST_POINTS)]
        ends = [low] if np.isinf(self.high) else [low, max(low, self.high)]
        slope, constant = tangents_at(np.unique(np.append(inside, ends)), self.alpha)
        steep, below = self._chord_of_least()
        return self._usable(np.append(slope, steep), np.append(constant, below))

    def lines_at(self, ratio: float) -> Lines:
        """Return the lines that touch V at a ratio, or next to it."""
        if self._heights is not None:
            values = self._heights[0]
            place = int(np.argmin(np.abs(values - ratio)))
            return self._usable(*self._chords(np.array([place - 1, place])))
        low = max(self.low, STEEPEST ** (-1.0 / self.alpha), 1e-30)
        if self.tie is not None:
            low = max(low, self.tie.following)
        point = np.array([min(max(ratio, low), max(low, self.high))])
        return self._usable(*tangents_at(point, self.alpha))

    @property
    def most(self) -> float:
        """The most that V can be, infinite where that says nothing."""
        most = float(scaled_utility(np.array([max(self.high, 0.0)]), self.alpha)[0])
        return most if most > -np.inf else np.inf

    @cached_property
    def _heights(self) -> Lines | None:
        """The ratios that there are, and V at each, without those at which it is infinite."""
        if self.tie is None or self.tie.values is None:
            return None
        height = scaled_utility(self.tie.values, self.alpha)
        is_finite = np.isfinite(height)
        return self.tie.values[is_finite], height[is_finite]

    def _chords(self, places: Integers) -> Lines:
        """Return the chords between neighbours, by the place of the first."""
        if self._heights is None:
            raise ValueError("the column is continuous")
        values, height = self._heights
        left = np.unique(places[(places >= 0) & (places < len(values) - 1)])
        slope, constant = chords_between(values, height)
        return slope[left], constant[left]

    def _chord_of_least(self) -> Lines:
        if self.tie is None or not self.tie.least < self.tie.following:
            return np.zeros(0), np.zeros(0)
        ends = np.array([max(self.tie.least, 0.0), self.tie.following])
        heights = scaled_utility(ends, self.alpha)
        if not np.isfinite(heights[0]):
            return np.zeros(0), np.zeros(0)
        return chords_between(ends, heights)

    def _usable(self, slope: Floats, constant: Floats) -> Lines:
        """Return the lines that solvers can work with: none too steep, nearly level ones level."""
        is_level = slope < LEVEL
        if np.isfinite(self.high):
            constant = np.where(is_level, constant + slope * self.high, constant)
            slope = np.where(is_level, 0.0, slope)
        is_usable = (slope <= STEEPEST) & np.isfinite(constant)
        return slope[is_usable], constant[is_usable]


def curves_of(program: Program) -> list[Curve]:
    """Return the curve of each term of a Program in ratios."""
    terms = program.terms
    if terms is None:
        return []
    by_row = sparse.csr_array(program.matrix)
    lower, upper = whole_bounds(program)
    is_free = lower < upper
    curves = []
    for column in terms.columns.tolist():
        low, high = float(program.column_lower[column]), float(program.column_upper[column])
        tie = _tie(program, by_row, column, lower, upper, is_free)
        if tie is not None and terms.alpha >= 1.0 and tie.least <= 0.0 < tie.following:
            # A bound below the tolerance of solvers does not exclude zero; this one may.
            low = max(low, NEARLY * tie.following)
        curves.append(Curve(low=max(low, 0.0), high=high, alpha=terms.alpha, tie=tie))
    return curves


def least_above_zero(program: Program) -> Floats:
    """Return what each column is at least where no term may be minus infinity: -inf if unknown.

    From alpha = 1 on, for columns that are single numbers, of which zero is one.
    """
    least = np.full(program.n_columns, -np.inf)
    terms = program.terms
    if terms is None or terms.alpha < 1.0 or not program.has_integers:
        return least
    for column, curve in zip(terms.columns.tolist(), curves_of(program), strict=True):
        tie = curve.tie
        if tie is not None and tie.least <= 0.0:
            least[column] = NEARLY * tie.following
    return least


def _tie(
    program: Program,
    by_row: sparse.csr_array,
    column: int,
    lower: Floats,
    upper: Floats,
    is_free: Booleans,
) -> Tie | None:
    """Return what a row ties a column to, None where no row ties it to whole columns alone."""
    matrix = program.matrix
    for place in range(matrix.indptr[column], matrix.indptr[column + 1]):
        row, entry = int(matrix.indices[place]), float(matrix.data[place])
        if program.row_lower[row] != program.row_upper[row] or entry == 0.0:
            continue
        entries = slice(by_row.indptr[row], by_row.indptr[row + 1])
        columns, factor = by_row.indices[entries], -by_row.data[entries] / entry
        is_other = (columns != column) & (factor != 0.0)
        columns, factor = columns[is_other], factor[is_other]
        moves = is_free[columns]
        if not program.integer[columns[moves]].all() or (factor[moves] < 0.0).any():
            continue
        least = float(program.row_upper[row]) / entry + float(factor @ lower[columns])
        if not np.isfinite(least):
            continue
        times = upper[columns[moves]] - lower[columns[moves]]
        return _tie_of(max(least, 0.0), factor[moves], times, columns[moves])
    return None


def _tie_of(least: float, gain: Floats, times: Floats, columns: Integers) -> Tie:
    """Return the tie of a column that is the least and so many times each gain."""
    following = least + float(gain.min()) if gain.size else least
    values: Floats | None = np.array([least])
    for one, most in zip(gain.tolist(), times.tolist(), strict=True):
        if values is None or len(values) * (most + 1.0) > MOST_VALUES**2:
            values = None
            break
        values = sums_with(values, one * np.arange(1.0, most + 1.0))
        if len(values) > MOST_VALUES:
            values = None
    return Tie(least=least, following=following, values=values, columns=columns)
