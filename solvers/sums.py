"""What a number can be to which others may be added. May import the types of a Program."""

from __future__ import annotations

import numpy as np

from solvers.program import Floats

SAME = 1e-9
"""Sums nearer than this, relative, count as one."""


def sums_with(values: Floats, added: Floats) -> Floats:
    """Return what values become when one number, or nothing, is added to each; sorted, each once.

    Parameters
    ----------
    values, added : arrays of shape (n_values,) and (n_added,)
        At least zero.

    Examples
    --------
    >>> sums_with(np.array([0.0, 0.1]), np.array([0.2, 0.1]))
    array([0. , 0.1, 0.2, 0.3])
    """
    sums = np.unique((values[:, None] + np.append(0.0, added)).ravel())
    distinct: Floats = sums[np.append(True, np.diff(sums) > SAME * sums[1:])]
    return distinct
