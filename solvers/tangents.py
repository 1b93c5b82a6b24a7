"""Tangents of the concave V of `scaled_utility`, as few as keep within an error.

    V(r) <= V(p) + p^-alpha (r - p)    for every point p > 0

The least of the tangents at points of a grid exceeds V by no more than an error that is measured
here where it is largest: where neighbours meet, and at both ends. In s(r) = V of the exponent
(1 + alpha) / 2 the curvature of V is alpha everywhere, so that equal steps of s make equal errors
of alpha step^2 / 8. May import `scaled_utility`.
"""

from __future__ import annotations

import numpy as np

from solvers.program import Floats
from solvers.scaled_utility import ratio_of, scaled_utility


def length_of(low: Floats, high: Floats, alpha: float) -> Floats:
    """Return how long intervals of ratios are where the curvature of V is alpha.

    Parameters
    ----------
    low, high : arrays of shape (n_intervals,)
        At least zero; `low` above zero if alpha >= 1.
    alpha : float
    """
    even = 0.5 * (1.0 + alpha)
    return scaled_utility(high, even) - scaled_utility(low, even)


def points_between(low: float, high: float, n_points: int, alpha: float) -> Floats:
    """Return the middles of equal steps between two ratios, in their order.

    Examples
    --------
    >>> points_between(1.0, 10_000.0, 2, 1.0)
    array([  10., 1000.])
    """
    even = 0.5 * (1.0 + alpha)
    first, last = scaled_utility(np.array([low, high]), even)
    middles = (np.arange(n_points) + 0.5) / n_points
    return ratio_of(first + (last - first) * middles, even)


def tangents_at(points: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Return slopes and constants: V(r) <= slope r + constant."""
    with np.errstate(over="ignore"):
        slope = np.exp(-alpha * np.log(points))
    return slope, scaled_utility(points, alpha) - slope * points


def chords_between(ratios: Floats, height: Floats) -> tuple[Floats, Floats]:
    """Return slopes and constants of the lines through neighbouring points.

    Between two neighbours the concave V is above their chord, and outside of them below it.

    Examples
    --------
    >>> chords_between(np.array([1.0, 2.0, 4.0]), np.array([0.0, 3.0, 4.0]))
    (array([3. , 0.5]), array([-3.,  2.]))
    """
    slope = np.diff(height) / np.diff(ratios)
    return slope, height[:-1] - slope * ratios[:-1]


def error_of(points: Floats, low: float, high: float, alpha: float) -> float:
    """Return by how much the least of the tangents exceeds V between two ratios, at most.

    Parameters
    ----------
    points : array of shape (n_points,)
        Increasing, above zero.
    low, high : float
        `low` at most the first point, `high` at least the last.
    alpha : float
    """
    slope, constant = tangents_at(points, alpha)
    fall = slope[:-1] - slope[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        meeting = np.where(fall > 0.0, np.diff(constant) / fall, points[:-1])
    meeting = np.clip(meeting, points[:-1], points[1:])
    at = np.concatenate([[low], meeting, [high]])
    above = np.concatenate([slope[:1], slope]) * at + np.concatenate([constant[:1], constant])
    return float((above - scaled_utility(at, alpha)).max())
