"""A cap on the Gini coefficient as linear rows: by pairs, or through a sorting network.

With the utilities in rising order u_(1) <= u_(2) <= ..., the cap is

    sum_k (2 k - n - 1) u_(k)  <=  n gini_cap sum_g utility_g

By pairs: |a - b| = 2 max(a - b, 0) - (a - b), with one difference for each of n (n - 1) / 2 pairs.

By a network: comparators, each of two places first < second, exchange what stands there. A
difference of at least max(a - b, 0) is moved from the first place to the second, so that

    place k holds  utility_k + sum of differences moved there - sum of those moved away
    sum_k (2 k - n - 1) place_k
        = sum_k (2 k - n - 1) utility_k + sum_c 2 (second - first) difference_c

and from time to time what a place holds becomes a column, so that rows stay short.

Where all differences are as small as they can be, places hold the utilities in rising order. No
larger ones do with less: this linear program is the dual of the one that finds the largest sum over
all orders in Goemans' description of the permutahedron. Some n log(n)^2 / 4 comparators suffice.

In both forms, with their own matrices,

    difference_of[p]   sum over utilities, earlier differences and places - difference_p <= 0
    place_of[q]        sum over utilities, earlier differences and places - place_q = 0
    gini_limit         sum_g coefficient_g utility_g + sum_p twice_p difference_p <= 0

Ogryczak & Sliwinski (2003), Eur. J. Oper. Res. 148, 80-91; Batcher (1968), AFIPS 32, 307-314;
Goemans (2015), Math. Program. 153, 5-11.

May import the labels of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem.labels import Floats, Integers

Term = tuple[str, int, float]
"""A column block, a column of it, and the number in it."""

MOST_BY_PAIRS = 60
"""Of more groups the network is faster. By pairs and through it, HiGHS took 7 and 7 ms for 20,
1.6 and .4 s for 100, 23 and 1.6 s for 200; SCIP 19 and 1.5 s for 100, and over 100 and 11 s for
200. Clarabel takes about as long either way."""
LONGEST = 10
"""So many differences are added up at a place before it becomes a column. Without such columns
Clarabel takes 5 times as long for 300 groups, HiGHS twice; with 5, SCIP 3 times for 200."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GiniRows:
    """Coefficients of the rows of a cap on the Gini coefficient.

    Parameters
    ----------
    difference_of, place_of : {column block: scipy.sparse.csr_array}
        Of the columns ``utility``, ``difference`` and ``place``.
    coefficient : array of shape (n_groups,)
        Of utilities in ``gini_limit``, without the part n gini_cap.
    twice : array of shape (n_differences,)
        Of differences in ``gini_limit``.
    """

    difference_of: Mapping[str, sparse.csr_array]
    place_of: Mapping[str, sparse.csr_array]
    coefficient: Floats
    twice: Floats

    @property
    def n_places(self) -> int:
        """How many columns ``place`` there are; none by pairs."""
        return int(self.place_of["place"].shape[0])

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
    n_pairs = len(first)
    entries = _Entries()
    for p, (g, h) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        entries.add("difference_of", p, [("utility", g, 1.0), ("utility", h, -1.0)])
        entries.add("difference_of", p, [("difference", p, -1.0)])
    return entries.rows(n_groups, 0, np.full(n_pairs, 2.0))


def rows_of_network(n_groups: int) -> GiniRows:
    """Return the rows with one difference for each comparator of a sorting network."""
    first, second = comparators(n_groups)
    entries, n_places = _Entries(), 0
    held: list[list[Term]] = [[("utility", g, 1.0)] for g in range(n_groups)]
    for c, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        for k in (i, j):
            if len(held[k]) > LONGEST:
                entries.add("place_of", n_places, [*held[k], ("place", n_places, -1.0)])
                held[k] = [("place", n_places, 1.0)]
                n_places += 1
        taken = [(block, column, -number) for block, column, number in held[j]]
        entries.add("difference_of", c, [*held[i], *taken, ("difference", c, -1.0)])
        held[i].append(("difference", c, -1.0))
        held[j].append(("difference", c, 1.0))
    return entries.rows(n_groups, n_places, 2.0 * (second - first))


class _Entries:
    """Entries of rows, collected one after another."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], list[tuple[int, int, float]]] = {}

    def add(self, rows: str, row: int, terms: list[Term]) -> None:
        """Add the terms of a row."""
        for block, column, number in terms:
            self._entries.setdefault((rows, block), []).append((row, column, number))

    def rows(self, n_groups: int, n_places: int, twice: npt.NDArray[np.floating]) -> GiniRows:
        """Return the rows that the entries make."""
        sizes = {"utility": n_groups, "difference": len(twice), "place": n_places}

        def matrices(rows: str, n_rows: int) -> dict[str, sparse.csr_array]:
            return {
                block: self._matrix(rows, block, (n_rows, size)) for block, size in sizes.items()
            }

        return GiniRows(
            difference_of=matrices("difference_of", len(twice)),
            place_of=matrices("place_of", n_places),
            coefficient=_fixed(2.0 * np.arange(n_groups) + 1.0 - n_groups),
            twice=_fixed(twice),
        )

    def _matrix(self, rows: str, block: str, shape: tuple[int, int]) -> sparse.csr_array:
        entries = self._entries.get((rows, block), [])
        row, column, number = np.array(entries, dtype=np.float64).reshape(-1, 3).T
        place = (row.astype(np.int64), column.astype(np.int64))
        matrix = sparse.csr_array((number, place), shape=shape)
        # What was moved from one place to the other counts twice, or cancels.
        matrix.eliminate_zeros()
        return matrix


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


def _fixed(numbers: npt.NDArray[np.floating]) -> Floats:
    """Return numbers that nobody can change: the rows are kept."""
    fixed = np.asarray(numbers, dtype=np.float64)
    fixed.setflags(write=False)
    return fixed
