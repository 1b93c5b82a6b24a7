"""A cap on the Gini coefficient as linear rows: by pairs, or through a sorting network.

With the utilities in rising order u_(1) <= u_(2) <= ..., the cap is

    sum_k (2 k - n - 1) u_(k)  <=  n gini_cap sum_g utility_g

By pairs: |a - b| = 2 max(a - b, 0) - (a - b), with one difference for each of n (n - 1) / 2 pairs.

By a network: comparators, each of two places first < second, exchange what stands there. A
difference of at least max(a - b, 0) is moved from the first place to the second, so that

    place k holds  utility_k + sum of differences moved there - sum of those moved away
    sum_k (2 k - n - 1) place_k
        = sum_k (2 k - n - 1) utility_k + sum_c 2 (second - first) difference_c

Where all differences are as small as they can be, places hold the utilities in rising order. No
larger ones do with less: this linear program is the dual of the one that finds the largest sum over
all orders in Goemans' description of the permutahedron. Some n log(n)^2 / 4 comparators suffice.

In both forms, with their own matrices,

    difference_of[p]   sum over utilities and earlier differences - difference_p <= 0
    gini_limit         sum_g coefficient_g utility_g + sum_p twice_p difference_p <= 0

Ogryczak & Sliwinski (2003), Eur. J. Oper. Res. 148, 80-91; Batcher (1968), AFIPS 32, 307-314;
Goemans (2015), Math. Program. 153, 5-11.

May import the labels of this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from librex_models.problem.labels import Floats, Integers

MOST_BY_PAIRS = 40
"""Of more groups the network is faster: by pairs and through it, HiGHS took 7 and 7 ms for 20, 1.2
and .3 s for 100, 20 and 1.5 s for 200, and 39 and 3.7 s for 300 groups."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GiniRows:
    """Coefficients of the rows of a cap on the Gini coefficient.

    Parameters
    ----------
    of_utility : scipy.sparse.csr_array of shape (n_differences, n_groups)
    of_difference : scipy.sparse.csr_array of shape (n_differences, n_differences)
        Of ``difference_of``.
    coefficient : array of shape (n_groups,)
        Of utilities in ``gini_limit``, without the part n gini_cap.
    twice : array of shape (n_differences,)
        Of differences in ``gini_limit``.
    """

    of_utility: sparse.csr_array
    of_difference: sparse.csr_array
    coefficient: Floats
    twice: Floats

    def of_utilities(self, gini_cap: float) -> Floats:
        """Return the coefficients of utilities in ``gini_limit``, shape (n_groups,)."""
        return np.asarray(self.coefficient - len(self.coefficient) * gini_cap, dtype=np.float64)


@lru_cache(maxsize=8)
def gini_rows(n_groups: int) -> GiniRows:
    """Return the rows for so many utilities, in the form that is faster."""
    by_pairs = n_groups <= MOST_BY_PAIRS
    return rows_of_pairs(n_groups) if by_pairs else rows_of_network(n_groups)


def rows_of_pairs(n_groups: int) -> GiniRows:
    """Return the rows with one difference for each pair of utilities."""
    first, second = np.triu_indices(n_groups, k=1)
    minus_one = sparse.csr_array(-sparse.eye_array(len(first), format="csr"))
    return GiniRows(
        of_utility=_apart(first, second, n_groups),
        of_difference=minus_one,
        coefficient=_places(n_groups),
        twice=_fixed(np.full(len(first), 2.0)),
    )


def rows_of_network(n_groups: int) -> GiniRows:
    """Return the rows with one difference for each comparator of a sorting network."""
    first, second = comparators(n_groups)
    moved: list[list[int]] = [[] for _ in range(n_groups)]
    sign: list[list[float]] = [[] for _ in range(n_groups)]
    column: list[int] = []
    entry: list[float] = []
    ends = [0]
    for c, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        column += [*moved[i], *moved[j], c]
        entry += [*sign[i], *(-one for one in sign[j]), -1.0]
        ends.append(len(column))
        moved[i].append(c)
        sign[i].append(-1.0)
        moved[j].append(c)
        sign[j].append(1.0)
    of_difference = sparse.csr_array((entry, column, ends), shape=(len(first), len(first)))
    of_difference.sum_duplicates()
    of_difference.eliminate_zeros()
    return GiniRows(
        of_utility=_apart(first, second, n_groups),
        of_difference=of_difference,
        coefficient=_places(n_groups),
        twice=_fixed(2.0 * (second - first)),
    )


def comparators(n_places: int) -> tuple[Integers, Integers]:
    """Return the places that a network compares, in order, so that it sorts anything.

    Examples
    --------
    >>> comparators(3)
    (array([0, 0, 1]), array([2, 1, 2]))

    Notes
    -----
    Batcher's merge exchange for any number of places: Knuth (1998), The Art of Computer Programming
    3, 5.2.2, algorithm M.
    """
    first: list[Integers] = [np.zeros(0, dtype=np.int64)]
    second = first.copy()
    widest = 1 << max(n_places - 1, 0).bit_length() >> 1
    p = widest
    while p > 0:
        q, r, distance = widest, 0, p
        while True:
            i = np.arange(max(n_places - distance, 0))
            i = i[(i & p) == r]
            first.append(i)
            second.append(i + distance)
            if q == p:
                break
            q, r, distance = q // 2, p, q - p
        p //= 2
    return np.concatenate(first), np.concatenate(second)


def _apart(first: Integers, second: Integers, n_groups: int) -> sparse.csr_array:
    """Return the matrix that takes the second utility from the first."""
    row = np.arange(len(first))
    ones = np.ones(len(first))
    return sparse.csr_array(
        (
            np.concatenate([ones, -ones]),
            (np.concatenate([row, row]), np.concatenate([first, second])),
        ),
        shape=(len(first), n_groups),
    )


def _places(n_groups: int) -> Floats:
    return _fixed(2.0 * np.arange(n_groups) + 1.0 - n_groups)


def _fixed(numbers: Floats) -> Floats:
    """Return numbers that nobody can change: the rows are kept."""
    fixed = np.asarray(numbers, dtype=np.float64)
    fixed.setflags(write=False)
    return fixed
