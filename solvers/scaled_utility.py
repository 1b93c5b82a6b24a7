"""Alpha-fair utility V of a ratio to a reference, which neither overflows nor loses its digits.

    V(r) = (r^(1 - alpha) - 1) / (1 - alpha),   V(r) = log r (alpha = 1)

May import numpy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def scaled_utility(ratio: Floats, alpha: float) -> Floats:
    """Return V for ratios at least zero; minus infinity for zero if alpha >= 1.

    Examples
    --------
    >>> scaled_utility(np.array([1.0, 2.0]), 2.0)
    array([0. , 0.5])
    """
    with np.errstate(divide="ignore", over="ignore"):
        logarithm = np.log(ratio)
        if alpha == 1.0:
            return logarithm
        return np.expm1((1.0 - alpha) * logarithm) / (1.0 - alpha)


def ratio_of(utility: Floats, alpha: float) -> Floats:
    """Return the ratios of which V is this; 0 and infinity where V is never so low or high.

    Examples
    --------
    >>> ratio_of(np.array([0.0, 0.5, 1.0]), 2.0)
    array([ 1.,  2., inf])
    """
    if alpha == 1.0:
        with np.errstate(over="ignore"):
            return np.exp(utility)
    outside = 0.0 if alpha < 1.0 else np.inf
    exponent = (1.0 - alpha) * utility
    is_reached = exponent > -1.0
    logarithm = np.log1p(np.where(is_reached, exponent, 0.0)) / (1.0 - alpha)
    with np.errstate(over="ignore"):
        return np.where(is_reached, np.exp(logarithm), outside)
