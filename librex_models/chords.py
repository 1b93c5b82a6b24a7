"""Chords of V between all ratios that a utility can be: exact, and none too steep for readers.

The steepest ones matter to nobody: a utility whose V is below a floor h, chosen so that

    weight_g h_g + sum of weight_k max V_k over all others k  =  limit

leaves welfare below the limit, whatever the others have. Where chords are steep, one from the floor
takes the place of all below it. It is above V, since it is less steep than they are, and welfare
under it is below the limit as well. For `tangent_model`.
"""

from __future__ import annotations

import numpy as np

from librex_models.routes.route import Floats
from solvers.scaled_utility import scaled_utility
from solvers.tangents import chords_between

STEEPEST = 1e6
"""Slopes from here on are too steep, in those where V is 0."""


def chords(ratios: Floats, alpha: float, floor: float) -> tuple[Floats, Floats, bool]:
    """Return slopes and constants, and whether what is below the floor was left out.

    Parameters
    ----------
    ratios : array of shape (n_ratios,)
        Increasing, at least zero; V of the last is above the floor.
    alpha : float
    floor : float

    Examples
    --------
    >>> slope, constant, is_cut = chords(np.array([1e-9, 1.0, 2.0]), 2.0, -3.0)
    >>> slope, constant, is_cut
    (array([3. , 0.5]), array([-3. , -0.5]), True)
    """
    height = scaled_utility(ratios, alpha)
    is_finite = np.isfinite(height)
    ratios, height = ratios[is_finite], height[is_finite]
    n_below = int((height < floor).sum())
    is_cut = n_below > 0 and is_steep(ratios, alpha)
    if is_cut:
        ratios = ratios[n_below - 1 :]
        height = np.append(floor, height[n_below:])
    return *chords_between(ratios, height), is_cut


def is_steep(ratios: Floats, alpha: float) -> bool:
    """Return whether the lowest chord is too steep, for increasing ratios."""
    height = scaled_utility(ratios, alpha)
    ratios, height = ratios[np.isfinite(height)], height[np.isfinite(height)]
    return len(ratios) > 1 and bool(height[1] - height[0] > STEEPEST * (ratios[1] - ratios[0]))
