"""Measures of how evenly utilities are spread. Utilities are at least zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def gini(utility: Floats) -> float:
    """Return the Gini coefficient, from 0 (all equal) to (n - 1) / n (one has everything).

    Notes
    -----
    sum_i (2 i - n - 1) u_(i) / (n sum u) over sorted utilities; 0 where all are zero.

    Examples
    --------
    >>> gini(np.array([0.0, 1.0]))
    0.5
    """
    n, total = len(utility), float(utility.sum())
    if total == 0.0:
        return 0.0
    rank = 2.0 * np.arange(1, n + 1) - n - 1
    return float(rank @ np.sort(utility) / (n * total))


def jain(utility: Floats) -> float:
    """Return Jain's index (sum u)^2 / (n sum u^2), from 1 / n to 1; 1 where all are zero.

    Notes
    -----
    Jain, Chiu & Hawe (1984), DEC Research Report TR-301.

    Examples
    --------
    >>> jain(np.array([1.0, 1.0, 1.0]))
    1.0
    """
    top = float(np.abs(utility).max(initial=0.0))
    if top == 0.0:
        return 1.0
    scaled = utility / top
    return float(scaled.sum() ** 2 / (len(utility) * (scaled @ scaled)))


def min_max_ratio(utility: Floats) -> float:
    """Return the smallest utility over the largest; 1 where all are zero.

    Examples
    --------
    >>> min_max_ratio(np.array([1.0, 4.0]))
    0.25
    """
    top = float(utility.max())
    return 1.0 if top == 0.0 else float(utility.min()) / top


def fairness_measures(utility: Floats) -> dict[str, float]:
    """Return all measures by name.

    Returns
    -------
    dict
        ``gini``, ``jain``, ``min_max_ratio``, ``variance``, ``coefficient_of_variation``,
        ``smallest``, ``largest``, ``mean``.
    """
    mean = float(utility.mean())
    deviation = float(utility.std())
    return {
        "gini": gini(utility),
        "jain": jain(utility),
        "min_max_ratio": min_max_ratio(utility),
        "variance": float(utility.var()),
        "coefficient_of_variation": 0.0 if mean == 0.0 else deviation / mean,
        "smallest": float(utility.min()),
        "largest": float(utility.max()),
        "mean": mean,
    }
