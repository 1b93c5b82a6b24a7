"""A fractional Program in the form in which its optima are sharpened and differentiated.

    maximise   cost . w + sum_t weight_t U_alpha(w_t)
    subject to matrix w = right_hand_side,   w_i >= 0 where i has a sign

A column of the Program is shift + unit * w; fixed columns are part of the right-hand side. Every
inequality has a slack, so that each is active exactly where a coordinate is zero. Coordinates, rows
and welfare are in units that make their numbers about 1.

Under nested fairness the weight of a term moves with the utility of its group.

May import the types of a Program, and terms of nested fairness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.analysis.nested_terms import NestedTerms
from solvers.program import Floats, Integers, Program

Booleans = npt.NDArray[np.bool_]

IMPLIED = ("utility",)
"""Columns whose lower bounds say nothing that their rows do not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StandardForm:
    """A fractional Program in standard form.

    Parameters
    ----------
    matrix : scipy.sparse.csc_array of shape (n_rows, n_coordinates)
    right_hand_side : array of shape (n_rows,)
    cost : array of shape (n_coordinates,)
    has_sign : boolean array of shape (n_coordinates,)
        Which coordinates are at least zero.
    is_forced : boolean array of shape (n_coordinates,)
        Which are zero in all feasible points, since a row has nothing to hand out.
    terms : integer array of shape (n_terms,)
        The coordinates of alpha-fair terms.
    log_weight : array of shape (n_terms,)
        Logarithms of their weights.
    alpha : float
    nested : NestedTerms or None
        The groups of the terms, under nested fairness.
    coordinate : integer array of shape (n_columns,)
        Of each column of the Program, -1 where it is fixed.
    shift : array of shape (n_columns,)
    row : integer array of shape (n_rows of the Program,)
        Of each row of the Program, -1 where it has none.
    unit, row_unit : arrays of shape (n_coordinates,) and (n_rows,)
        What 1 is of each coordinate, and of each right-hand side, in the Program.
    log_welfare_unit : float
        The logarithm of the welfare that is 1: that of the largest marginal utility.
    """

    matrix: sparse.csc_array
    right_hand_side: Floats
    cost: Floats
    has_sign: Booleans
    is_forced: Booleans
    terms: Integers
    log_weight: Floats
    alpha: float
    nested: NestedTerms | None
    coordinate: Integers
    shift: Floats
    row: Integers
    unit: Floats
    row_unit: Floats
    log_welfare_unit: float

    @property
    def n_columns(self) -> int:
        """The number of coordinates that are columns of the Program; slacks follow."""
        return int((self.coordinate >= 0).sum())

    def marginal(self, w: Floats) -> Floats:
        """Return weight_t U_alpha'(w_t), shape (n_terms,)."""
        log_w = np.log(w[self.terms])
        return np.asarray(np.exp(self.log_weight + self.log_raised(log_w) - self.alpha * log_w))

    def log_raised(self, log_w: Floats) -> Floats:
        """Return the logarithm of by how much weights are raised, shape (n_terms,)."""
        return np.zeros(len(log_w)) if self.nested is None else self.nested.log_raised(log_w)

    @property
    def can_vanish(self) -> bool:
        """Whether utilities may be so near zero that they count for nothing."""
        least = self.alpha if self.nested is None else min(self.alpha, self.nested.alpha)
        return len(self.terms) > 0 and least < 1.0

    def log_importance(self, w: Floats) -> Floats:
        """Return the logarithm of what part of welfare a term is, as far as terms can vanish.

        They can for alpha < 1. In the unit of the largest.
        """
        log_w = np.log(w[self.terms])
        log_value = self.log_weight + self.log_raised(log_w) + (1.0 - self.alpha) * log_w
        if self.nested is not None:
            log_value = self.nested.log_importance(log_value, log_w)
        elif self.alpha >= 1.0:
            log_value = np.zeros(len(log_w))
        return np.asarray(log_value - log_value.max(initial=-np.inf))

    def gradient(self, marginal: Floats) -> Floats:
        """Return the gradient of the objective, shape (n_coordinates,)."""
        gradient = self.cost.copy()
        gradient[self.terms] += marginal
        return gradient

    def curvature(self, w: Floats, marginal: Floats) -> Floats:
        """Return minus the second derivatives of the objective, shape (n_coordinates,).

        Weights held as they are, and of marginal utilities that are not those of w: under nested
        fairness as much as keeps the whole concave.
        """
        curvature, at = np.zeros(len(self.cost)), w[self.terms]
        value = marginal * at
        if self.nested is not None:
            value = np.maximum(value, self.nested.shared_out(value, np.log(at)))
        curvature[self.terms] = self.alpha * value / at / at
        return curvature

    def columns(self, w: Floats) -> Floats:
        """Return the columns of the Program."""
        is_free = self.coordinate >= 0
        columns = self.shift.copy()
        columns[is_free] += (w * self.unit)[self.coordinate[is_free]]
        return columns

    def coordinates(self, columns: Floats) -> Floats:
        """Return the coordinates of columns of the Program, slacks as their rows say."""
        is_free, n_free = self.coordinate >= 0, self.n_columns
        w = np.zeros(len(self.cost))
        w[:n_free] = (columns - self.shift)[is_free] / self.unit[:n_free]
        slacks = self.matrix[:, n_free:].tocoo()
        missing = self.right_hand_side - self.matrix[:, :n_free] @ w[:n_free]
        w[n_free + slacks.coords[1]] = missing[slacks.coords[0]] / slacks.data
        return w


def standard_form(
    program: Program, near: Floats, nested: NestedTerms | None = None
) -> StandardForm:
    """Return the standard form of a Program without whole columns, in units of a point.

    Parameters
    ----------
    program : Program
        No row has two different finite sides.
    near : array of shape (n_columns,)
        A point near the optimum. Terms that are not above zero there, or nowhere, are left out.
    nested : NestedTerms, optional
        The groups of the terms of the Program.
    """
    gathered = _Gathered(program)
    unit = _units(program, near, gathered.shift)[gathered.free]
    scaled = gathered.rows @ sparse.diags_array(unit)
    right, slack = gathered.right, gathered.slack
    row_unit = np.zeros(len(right))
    if scaled.nnz:
        row_unit = abs(scaled).max(axis=1).toarray().ravel()
    row_unit = np.where(row_unit > 0, row_unit, np.maximum(np.abs(right), 1e-300))
    with_slack = np.flatnonzero(slack != 0)
    slack_unit = np.maximum(row_unit, np.abs(right))[with_slack]
    entries = slack[with_slack] * slack_unit / row_unit[with_slack]
    slacks = sparse.csr_array(
        (entries, (with_slack, np.arange(len(with_slack)))), shape=(len(right), len(with_slack))
    )
    full = sparse.hstack([sparse.diags_array(1.0 / row_unit) @ scaled, slacks], format="csc")
    has_sign = np.append(gathered.has_sign, np.ones(len(with_slack), dtype=np.bool_))
    is_forced = _forced(full, right, has_sign)
    cost = program.objective[gathered.free] * unit
    terms, log_weight, alpha = np.zeros(0, dtype=np.int64), np.zeros(0), 0.0
    if program.terms is not None:
        counts = near[program.terms.columns] > 0
        counts &= ~_stays_zero(full, right, is_forced)[gathered.coordinate[program.terms.columns]]
        terms = gathered.coordinate[program.terms.columns[counts]]
        alpha = program.terms.alpha
        log_weight = np.log(program.terms.weight[counts]) + (1.0 - alpha) * np.log(unit[terms])
        if nested is not None:
            nested = nested.among(counts, unit[terms])
            log_weight += nested.log_raised_by_units
    largest = np.abs(cost).max(initial=0.0)
    log_unit = float(log_weight.max() if len(terms) else np.log(largest or 1.0))
    return StandardForm(
        matrix=sparse.csc_array(full),
        right_hand_side=right / row_unit,
        cost=np.append(cost * np.exp(-log_unit), np.zeros(len(with_slack))),
        has_sign=has_sign,
        is_forced=is_forced,
        terms=terms,
        log_weight=log_weight - log_unit,
        alpha=alpha,
        nested=nested,
        coordinate=gathered.coordinate,
        shift=gathered.shift,
        row=gathered.row,
        unit=np.append(unit, slack_unit),
        row_unit=row_unit,
        log_welfare_unit=log_unit,
    )


class _Gathered:
    """Rows over the free columns of a Program, those of upper bounds last."""

    def __init__(self, program: Program) -> None:
        lower = program.column_lower.copy()
        for block in IMPLIED:
            lower[program.columns_of(block)] = -np.inf
        is_free = program.column_lower < program.column_upper
        self.free = np.flatnonzero(is_free)
        self.has_sign = np.isfinite(lower[self.free])
        self.shift = np.where(
            is_free, np.where(np.isfinite(lower), lower, 0.0), program.column_lower
        )
        self.coordinate = np.where(is_free, np.cumsum(is_free) - 1, -1)
        matrix = sparse.csr_array(program.matrix)
        own = sparse.csr_array(matrix[:, self.free])
        is_equal = program.row_lower == program.row_upper
        is_above, is_below = np.isfinite(program.row_upper), np.isfinite(program.row_lower)
        is_empty = np.diff(own.indptr) == 0
        kept = np.flatnonzero((is_above | is_below) & ~(is_equal & is_empty))
        self.row = np.full(program.n_rows, -1)
        self.row[kept] = np.arange(len(kept))
        side = np.where(is_above, program.row_upper, program.row_lower) - matrix @ self.shift
        sign = np.where(is_equal, 0.0, np.where(is_above, 1.0, -1.0))
        capped = np.flatnonzero(np.isfinite(program.column_upper[self.free]))
        n_caps = len(capped)
        caps = sparse.csr_array(
            (np.ones(n_caps), (np.arange(n_caps), capped)), shape=(n_caps, len(self.free))
        )
        self.rows = sparse.csr_array(sparse.vstack([own[kept], caps], format="csr"))
        most = (program.column_upper - self.shift)[self.free][capped]
        self.right = np.concatenate([side[kept], most])
        self.slack = np.concatenate([sign[kept], np.ones(n_caps)])


def _units(program: Program, near: Floats, shift: Floats) -> Floats:
    """Return what is much of each column: of decisions what rows and bounds leave to them."""
    matrix = program.matrix
    room = (program.row_upper - matrix @ shift)[matrix.indices]
    column = np.repeat(np.arange(program.n_columns), np.diff(matrix.indptr))
    counts = (matrix.data > 0) & np.isfinite(room) & (room > 0)
    most = program.column_upper - shift
    np.minimum.at(most, column[counts], room[counts] / matrix.data[counts])
    of_utility, of_decision = program.columns_of("utility"), program.columns_of("x")
    typical = float(near[of_utility].max(initial=0.0)) or 1.0
    unit = np.full(program.n_columns, typical)
    unit[of_utility] = np.where(near[of_utility] > 0, near[of_utility], typical)
    most = most[of_decision]
    unit[of_decision] = np.where(np.isfinite(most) & (most > 0), most, 1.0)
    return unit


def _forced(matrix: sparse.csc_array, right: Floats, has_sign: Booleans) -> Booleans:
    """Return which coordinates are in a row of what is not below zero and sums to zero."""
    rows = sparse.csr_array(matrix)
    adds = sparse.csr_array(rows > 0) @ has_sign.astype(np.float64)
    entries = np.asarray(abs(rows).sign().sum(axis=1)).ravel()
    sums_to_zero = (right == 0.0) & (adds == entries)
    return np.asarray(sparse.csc_array(rows > 0).T @ sums_to_zero.astype(np.float64) > 0)


def _stays_zero(matrix: sparse.csc_array, right: Floats, is_forced: Booleans) -> Booleans:
    """Return which coordinates are in one row only, which leaves them nothing."""
    used = abs(sparse.csr_array(matrix)).sign()
    is_empty = (right == 0.0) & (used @ (~is_forced).astype(np.float64) <= 1)
    of_column = sparse.csc_array(used).T
    return np.asarray((of_column.sum(axis=1) == 1) & (of_column @ is_empty.astype(np.float64) > 0))
