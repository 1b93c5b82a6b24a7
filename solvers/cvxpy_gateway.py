"""Solvers that CVXPY reaches, from a Program: fractional columns, alpha-fair terms by exact cones.

    p_t <= V(s_t),   V(s) = (s^(1 - alpha) - 1) / (1 - alpha),  log s (alpha = 1),   s_t = v_t / r_t

    alpha = 1    (p, 1, s) in the exponential cone
    alpha < 1    s^(1 - alpha) >= 1 + (1 - alpha) p
    alpha > 1    s^((alpha - 1) / alpha) (1 + (1 - alpha) p)^(1 / alpha) >= 1

With a reference r_t of the size of v_t the cones are well conditioned for every alpha and size. The
first references come from a linear program, the largest z with v_t >= z (weight_t m_t)^(1 / alpha),
where m_t is the most that v_t can be (what optimal utilities look like with one budget); a program
that turns out badly scaled is solved again with the utilities that were found. Bounds are ours, by
weak duality from the solver's multipliers: they hold whatever the solver's tolerances are, and an
answer is claimed to be optimal where they prove it. Where the solver is stuck, it is tried in other
ways; utilities that differ by more than some six powers of ten within one program may defeat it,
with alpha of 5 and more, which is then said (FEASIBLE, with the bound).

Goulart & Chen (2024), Clarabel, arXiv:2405.12762; Agrawal, Verschueren, Diamond & Boyd (2018), J.
Control Decis. 5, 42-60 (CVXPY). May import this package; loads CVXPY when a session first solves.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from solvers.capability import Availability, Capability, Readiness
from solvers.errors import CapabilityError, OptionError, UpdateError
from solvers.options import SolveOptions, unknown_option
from solvers.outcome import Limit, Outcome, Status
from solvers.program import AlphaFairTerms, Booleans, Floats, Integers, Program

LOGGER = logging.getLogger(__name__)

# Clarabel's statuses by name: the claim, or the limit, or that it stopped short of its tolerances.
# An almost solved program meets what the options ask for, see _settings.
SETTLED = {
    "Solved": Status.OPTIMAL,
    "AlmostSolved": Status.OPTIMAL,
    "PrimalInfeasible": Status.INFEASIBLE,
    # The program is unbounded if it is feasible, which is then asked.
    "DualInfeasible": Status.UNBOUNDED,
}
STOPPED = {
    "MaxIterations": Limit.ITERATIONS,
    "MaxTime": Limit.TIME,
    "CallbackTerminated": Limit.INTERRUPT,
}
FAILED = {
    "Unsolved",
    "AlmostPrimalInfeasible",
    "AlmostDualInfeasible",
    "NumericalError",
    "InsufficientProgress",
}

# What it costs nothing to reach, and what an almost solved program has to reach.
TIGHT = 1e-10
LOOSE = 1e-8
# Violations of rows that a claimed point may have, relative to what its columns could bring.
FEASIBLE = 1e-7
# A gap that no further round need improve, and one that is enough for a claim of optimality.
PROVEN = 1e-9
ENOUGH = 1e-7
MOST_ROUNDS = 4
# What is tried in turn until our bound proves an answer: by how much the rows give way, how much
# the objective is magnified, and which of the solver's sets of settings is used.
# * Where there is no point strictly inside its rows, as with a budget that is 0 or used up by
#   minimums, an interior-point method needs rows that give way a little.
# * With few terms and thousands of columns Clarabel often stops after some six iterations; whether
#   it does is a matter of luck, which another scale and shorter steps change.
ATTEMPTS = (
    (0.0, 1.0, 0),
    (0.0, 100.0, 1),
    (1e-9, 1.0, 2),
    (1e-8, 10.0, 1),
    (1e-9, 1000.0, 0),
    (1e-8, 1e4, 2),
)
# A utility this many times its reference, or this part of it, is badly scaled.
FAR = 16.0
LARGEST_FACTOR = 2.0**20


@dataclass(frozen=True, kw_only=True)
class _Native:
    """A solver behind CVXPY: the package it comes in, and how it is run.

    `manners` are three sets of settings for ATTEMPTS, the first for the first.
    """

    name: str
    package: str
    oldest_version: tuple[int, int]
    run: Callable[[Any, dict[str, Any], Callable[[], bool]], tuple[Any, list[str]]]
    options: Callable[[], list[str]]
    check: Callable[[str, Any], None]
    manners: tuple[dict[str, Any], ...]


class CvxpyGateway:
    """The adapter of a solver that CVXPY reaches.

    Parameters
    ----------
    solver : str
        Its name in CVXPY, such as ``CLARABEL``.

    Raises
    ------
    CapabilityError
        If the gateway does not offer it.
    """

    capabilities = frozenset(
        {
            Capability.ALPHA_FAIR_TERMS,
            Capability.ROW_DUALS,
            Capability.INFEASIBILITY_RAYS,
            Capability.TIME_LIMIT,
            Capability.ITERATION_LIMIT,
            Capability.INTERRUPT,
            Capability.DETERMINISTIC_SEED,
        }
    )

    def __init__(self, solver: str) -> None:
        if solver not in SOLVERS:
            raise CapabilityError(
                f"the gateway to CVXPY does not offer {solver!r}; it offers {', '.join(SOLVERS)}"
            )
        self.name = f"cvxpy:{solver}"
        self._native = SOLVERS[solver]

    def availability(self, probe: bool = False) -> Availability:  # noqa: ARG002
        """Return whether CVXPY and the solver are installed and new enough."""
        native = self._native
        oldest_of = {"cvxpy": (1, 9), native.package: native.oldest_version}
        versions = []
        for package, oldest in oldest_of.items():
            if importlib.util.find_spec(package) is None:
                return Availability(
                    readiness=Readiness.NOT_INSTALLED,
                    sentence=f"{package} is not installed: pip install {package}",
                )
            version = importlib.metadata.version(package)
            if tuple(int(part) for part in version.split(".")[:2]) < oldest:
                return Availability(
                    readiness=Readiness.VERSION_TOO_OLD,
                    sentence=(
                        f"{package} {version} is older than {oldest[0]}.{oldest[1]}: "
                        f"pip install -U {package}"
                    ),
                    version=version,
                )
            versions.append(version)
        return Availability(
            readiness=Readiness.READY,
            sentence=f"{native.package} {versions[1]}, through CVXPY {versions[0]}",
            version=versions[1],
        )

    def open(self, program: Program) -> CvxpySession:
        """Open a session that holds the Program.

        Raises
        ------
        CapabilityError
            If a column must be whole.
        """
        return CvxpySession(program, self.name, self._native)


class CvxpySession:
    """A Program, given to CVXPY anew at every solve."""

    def __init__(self, program: Program, name: str, native: _Native) -> None:
        self.updates_in_place = 0
        self.rebuilds = 0
        self.reasons: list[str] = []
        self._name = name
        self._native = native
        self._is_open = True
        self._task: _Task
        self._build(program)

    def update(self, program: Program) -> None:
        """Replace the Program by one of the same rows and columns; added rows are dropped."""
        self._check_open()
        if program.matrix.shape != self._program.matrix.shape:
            raise UpdateError(
                f"the new program has {program.matrix.shape} rows and columns, the open one "
                f"{self._program.matrix.shape}; nothing was changed"
            )
        self._update(program)

    def add_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> None:
        """Add rows behind those of the Program, until the next update."""
        self._check_open()
        self._task = self._task.with_rows(matrix, lower, upper)

    def solve(self, options: SolveOptions) -> Outcome:
        """Solve, and return what the solver claims."""
        self._check_open()
        settings = _settings(self._name, self._native, options)
        if not self._program.n_columns:
            return _without_columns(self._program, self._task)
        search = _Search(self._task, self._native, settings, options)
        with _keyboard_interrupt(search.interrupt), warnings.catch_warnings():
            # CVXPY warns of what the statuses say.
            warnings.simplefilter("ignore")
            self._solve(search)
        outcome = self._read(search)
        LOGGER.info(
            "%s: %s in %.3f s, objective %s, bound %s",
            self._name,
            outcome.status.value,
            outcome.seconds,
            outcome.objective,
            outcome.bound,
        )
        return outcome

    def close(self) -> None:
        """Forget the Program; a second call does nothing."""
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise UpdateError("the session is closed; open a new one")

    def _build(self, program: Program) -> None:
        program.check()
        if program.has_integers:
            raise CapabilityError(
                f"{self._name} has no whole columns, and the program has "
                f"{int(program.integer.sum())}: solve it with highs"
            )
        self._program = program
        self._task = _task(program)

    def _update(self, program: Program) -> None:
        self._build(program)
        self.rebuilds += 1
        self.reasons.append("rebuilt: CVXPY is given the program anew at every solve")

    def _solve(self, search: _Search) -> None:
        from cvxpy.error import SolverError

        try:
            search.go()
        except SolverError as error:
            search.fail(str(error))

    def _read(self, search: _Search) -> Outcome:
        return search.outcome(self._program)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """A maximised Program with the bounds that its rows imply.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of shape (n_rows, n_columns)
    row_lower, row_upper, lower, upper, cost : arrays
    least, most : arrays of shape (n_columns,)
        Bounds that rows and bounds imply together: valid, not needed for feasibility.
    columns, weight, alpha
        The alpha-fair terms of positive weight; alpha is 1 where there are none.
    tied_row, tied_column, tied_entry : arrays
        The equality rows that tie a term's column to columns without terms.
    """

    matrix: sparse.csr_array
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    cost: Floats
    least: Floats
    most: Floats
    columns: Integers
    weight: Floats
    alpha: float
    tied_row: Integers
    tied_column: Integers
    tied_entry: Floats

    @cached_property
    def row_size(self) -> Floats:
        """The most that one column can bring to each row, at least its side."""
        reach = np.maximum(np.abs(self.least), np.abs(self.most))
        reach = np.where(np.isfinite(reach), reach, 1.0)
        size = np.zeros(len(self.row_lower))
        for side in (self.row_lower, self.row_upper):
            size = np.maximum(size, np.where(np.isfinite(side), np.abs(side), 0.0))
        size = np.maximum(size, _largest_in_rows(self.matrix, reach))
        return np.where(size > 0, size, 1.0)

    def with_rows(self, matrix: sparse.csr_array, lower: Floats, upper: Floats) -> _Task:
        """Return the task with more rows."""
        return replace(
            self,
            matrix=sparse.csr_array(sparse.vstack([self.matrix, matrix], format="csr")),
            row_lower=np.concatenate([self.row_lower, lower]),
            row_upper=np.concatenate([self.row_upper, upper]),
        )

    @property
    def has_terms(self) -> bool:
        """Whether there are alpha-fair terms."""
        return self.columns.size > 0

    @property
    def is_bounded(self) -> bool:
        """Whether bounds and rows bound the objective by arithmetic."""
        best = np.where(self.cost > 0, self.most, np.where(self.cost < 0, self.least, 0.0))
        return bool(np.isfinite(best).all() and np.isfinite(self.most[self.columns]).all())

    def violation(self, point: Floats) -> float:
        """Return the largest violation of a row, relative to what its columns could bring."""
        activity = self.matrix @ point
        excess = np.maximum(activity - self.row_upper, self.row_lower - activity)
        broken = excess > 0
        return float((excess[broken] / self.row_size[broken]).max(initial=0.0))

    def polished(self, point: Floats) -> Floats:
        """Return the point within the bounds of columns, its terms' columns from their rows.

        A term's column that an equality row ties to others is what that row says.
        """
        point = np.clip(np.clip(point, self.least, self.most), self.lower, self.upper)
        row, column = self.tied_row, self.tied_column
        missing = self.row_lower[row] - self.matrix[row] @ point
        point[column] += missing / self.tied_entry
        return np.clip(point, self.lower, self.upper)


def _task(program: Program) -> _Task:
    matrix = sparse.csr_array(program.matrix)
    matrix.eliminate_zeros()
    terms = program.terms
    if terms is None:
        terms = AlphaFairTerms(columns=np.zeros(0, np.int64), weight=np.zeros(0), alpha=1.0)
    lower = program.column_lower.copy()
    # The terms are functions of what is at least zero.
    lower[terms.columns] = np.maximum(lower[terms.columns], 0.0)
    least, most = _implied_bounds(
        matrix, program.row_lower, program.row_upper, lower, program.column_upper
    )
    # Terms whose column is always zero count only where that is minus infinity.
    counts = (terms.weight > 0) & ((most[terms.columns] > 0) | (terms.alpha >= 1.0))
    row, column, entry = _ties(matrix, program, terms.columns[counts])
    return _Task(
        matrix=matrix,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
        lower=program.column_lower,
        upper=program.column_upper,
        cost=program.objective if program.maximise else -program.objective,
        least=least,
        most=most,
        columns=terms.columns[counts],
        weight=terms.weight[counts],
        alpha=terms.alpha,
        tied_row=row,
        tied_column=column,
        tied_entry=entry,
    )


def _ties(
    matrix: sparse.csr_array, program: Program, columns: Integers
) -> tuple[Integers, Integers, Floats]:
    """Return row, column and entry where an equality row holds one of these columns only."""
    of_terms = matrix[:, columns].tocoo()
    row, place = of_terms.coords
    is_alone = np.bincount(row, minlength=program.n_rows)[row] == 1
    is_tied = is_alone & (program.row_lower[row] == program.row_upper[row])
    # One row for each column.
    _, first = np.unique(place[is_tied], return_index=True)
    return row[is_tied][first], columns[place[is_tied][first]], of_terms.data[is_tied][first]


def _largest_in_rows(matrix: sparse.csr_array, unit: Floats) -> Floats:
    """Return the largest entry of each row, each entry times the unit of its column."""
    entries = matrix.tocoo()
    row, column = entries.coords
    largest = np.zeros(matrix.shape[0])
    np.maximum.at(largest, row, np.abs(entries.data) * unit[column])
    return largest


def _implied_bounds(
    matrix: sparse.csr_array, row_lower: Floats, row_upper: Floats, lower: Floats, upper: Floats
) -> tuple[Floats, Floats]:
    """Return bounds of the columns that follow from rows and bounds, rounded outwards."""
    entries = matrix.tocoo()
    row, column = (place.astype(np.int64) for place in entries.coords)
    entry = entries.data
    least, most = lower.copy(), upper.copy()
    # Decisions are bounded by budgets, then utilities by decisions, then what is below utilities.
    for _ in range(3):
        ends = np.stack([entry * least[column], entry * most[column]])
        above = _room(row_upper, ends.min(axis=0), row)
        below = -_room(-row_lower, -ends.max(axis=0), row)
        high = np.where(entry > 0, above, below) / entry
        low = np.where(entry > 0, below, above) / entry
        np.minimum.at(most, column, _raised(high))
        np.maximum.at(least, column, -_raised(-low))
    # Where rows contradict each other, the solver is to say so.
    crossed = least > most
    return np.where(crossed, lower, least), np.where(crossed, upper, most)


def _room(side: Floats, smallest: Floats, row: Integers) -> Floats:
    """Return what an upper side leaves to each entry, the others of its row at their smallest."""
    is_finite = np.isfinite(smallest)
    number = np.where(is_finite, smallest, 0.0)
    total = np.bincount(row, number, minlength=len(side))[row]
    size = np.bincount(row, np.abs(number), minlength=len(side))[row]
    n_infinite = np.bincount(row, ~is_finite, minlength=len(side))[row]
    room = side[row] - (total - number)
    # What is but a rounding error of the numbers in the row is nothing.
    room[np.abs(room) <= 1e-13 * (np.abs(side[row]) + size)] = 0.0
    room[n_infinite - ~is_finite > 0] = np.inf
    room[np.isinf(side[row])] = np.inf
    return room


def _raised(numbers: Floats) -> Floats:
    """Return numbers a little larger, for rounding errors."""
    return np.where(np.isfinite(numbers), numbers + 1e-9 * np.abs(numbers), numbers)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaled:
    """A task in units of its own.

    Parameters
    ----------
    task : _Task
        In the columns y = v / column_unit, rows times row_factor, and the objective over
        exp(log_unit), with terms weight * V(y) in place of weight * U_alpha(v).
    column_unit, row_factor : arrays
        Powers of two.
    log_unit : float
    shift : float
        The objective that V lacks beside U_alpha, over exp(log_unit).
    magnification : float
        How much larger the objective is than with coefficients of at most 1.
    """

    task: _Task
    column_unit: Floats
    row_factor: Floats
    log_unit: float
    shift: float
    magnification: float


def _scaled(task: _Task, reference: Floats, magnification: float = 1.0) -> _Scaled:
    """Return the task with terms in units of `reference`, its objective magnified."""
    reach = np.maximum(np.abs(task.least), np.abs(task.most))
    # Not the size of a rounding error, where rows leave a column no room.
    declared = np.maximum(np.abs(task.lower), np.abs(task.upper))
    reach = np.where(np.isfinite(declared) & (reach < 1e-5 * declared), declared, reach)
    column_unit = _power_of_two(_enough_for_terms(task, reach, reference))
    # Exactly: rounded by a factor 0.7, u^(1 - alpha) would be 1e15 for alpha = 100.
    column_unit[task.columns] = reference
    row_factor = 1.0 / _power_of_two(_largest_in_rows(task.matrix, column_unit))
    cost = task.cost * column_unit
    log_weight = np.log(task.weight) + (1.0 - task.alpha) * np.log(reference)
    with np.errstate(divide="ignore"):
        log_cost = np.log(np.abs(cost).max(initial=0.0))
    log_unit = max(log_weight.max(initial=-np.inf), log_cost)
    log_unit = (log_unit if np.isfinite(log_unit) else 0.0) - np.log(magnification)
    weight = np.exp(log_weight - log_unit)
    shift = float(weight @ np.log(reference))
    if task.alpha != 1.0:
        shift = float(weight.sum()) / (1.0 - task.alpha)
    factor = sparse.diags_array(row_factor) @ task.matrix @ sparse.diags_array(column_unit)
    return _Scaled(
        task=replace(
            task,
            matrix=sparse.csr_array(factor),
            row_lower=task.row_lower * row_factor,
            row_upper=task.row_upper * row_factor,
            lower=task.lower / column_unit,
            upper=task.upper / column_unit,
            least=task.least / column_unit,
            most=task.most / column_unit,
            cost=_times_exp(cost, -log_unit),
            weight=weight,
        ),
        column_unit=column_unit,
        row_factor=row_factor,
        log_unit=log_unit,
        shift=shift,
        magnification=magnification,
    )


def _enough_for_terms(task: _Task, reach: Floats, reference: Floats) -> Floats:
    """Return the reach of columns, but no more than lifts a term far above its reference."""
    if not task.has_terms:
        return reach
    unit = reach.copy()
    unit[task.columns] = reference
    entries = task.matrix[task.tied_row].tocoo()
    place, column = entries.coords
    lift = np.abs(task.tied_entry) * unit[task.tied_column]
    is_other = column != task.tied_column[place]
    enough = FAR * lift[place] / np.abs(entries.data)
    reach = reach.copy()
    np.minimum.at(reach, column[is_other], enough[is_other])
    return reach


def _power_of_two(numbers: Floats) -> Floats:
    """Return the nearest powers of two, 1 for what is not positive and finite."""
    usable = np.isfinite(numbers) & (numbers > 0)
    exponents = np.clip(np.round(np.log2(np.where(usable, numbers, 1.0))), -1000, 1000)
    return np.exp2(exponents)


def _times_exp(numbers: Floats, exponent: float) -> Floats:
    """Return numbers * exp(exponent), infinite where that is too large."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.sign(numbers) * np.exp(np.log(np.abs(numbers)) + exponent)


def _scaled_utility(ratio: Floats, alpha: float) -> Floats:
    """Return V for ratios v / reference."""
    with np.errstate(divide="ignore", over="ignore"):
        logarithm = np.log(ratio)
        if alpha == 1.0:
            return logarithm
        return np.expm1((1.0 - alpha) * logarithm) / (1.0 - alpha)


def _value(task: _Task, y: Floats) -> float:
    """Return the scaled objective of a point."""
    value = float(task.cost @ y)
    if task.has_terms:
        value += float(task.weight @ _scaled_utility(y[task.columns], task.alpha))
    return value


def _bound(task: _Task, multiplier: Floats) -> float:
    """Return what no point of a scaled task exceeds, by weak duality from multipliers of rows.

        objective <= multiplier . side + sum over columns of the most that the column can bring

    where a column brings reduced_cost y, and weight V(y) on top where it has a term.
    """
    upper, lower = np.maximum(multiplier, 0.0), np.minimum(multiplier, 0.0)
    upper[np.isinf(task.row_upper)] = 0.0
    lower[np.isinf(task.row_lower)] = 0.0
    total = _dot(upper, task.row_upper) + _dot(lower, task.row_lower)
    reduced_cost = task.cost - task.matrix.T @ (upper + lower)
    is_plain = np.ones(len(task.cost), dtype=np.bool_)
    is_plain[task.columns] = False
    most = np.where(reduced_cost > 0, task.most, task.least)
    total += _dot(reduced_cost[is_plain], most[is_plain])
    return total + _most_of_terms(task, reduced_cost[task.columns])


def _most_of_terms(task: _Task, reduced_cost: Floats) -> float:
    """Return the sum over terms of the largest weight V(y) + reduced_cost y."""
    if not task.has_terms:
        return 0.0
    least, most = task.least[task.columns], task.most[task.columns]
    with np.errstate(divide="ignore", over="ignore"):
        best = np.where(reduced_cost < 0, (task.weight / -reduced_cost) ** (1 / task.alpha), np.inf)
    best = np.clip(best, np.maximum(least, 0.0), most)
    if not np.isfinite(best).all():
        return np.inf
    return float(task.weight @ _scaled_utility(best, task.alpha) + reduced_cost @ best)


def _dot(numbers: Floats, sides: Floats) -> float:
    """Return the product, where 0 times infinity is 0."""
    present = numbers != 0
    return float(numbers[present] @ sides[present])


def _gap(scaled: _Scaled, value: float, bound: float) -> float:
    """Return the gap: of the equally-distributed equivalent, or for linear programs relative."""
    task = scaled.task
    if not np.isfinite(bound) or not np.isfinite(value):
        return np.inf
    if bound <= value:
        return 0.0
    if not task.has_terms:
        # With coefficients of at most 1, below this there are only rounding errors.
        is_rounding = bound - value < 1e-14 * scaled.magnification
        return 0.0 if is_rounding else (bound - value) / max(abs(bound), abs(value))
    if task.alpha == 1.0:
        return float(-np.expm1((value - bound) / task.weight.sum()))
    value, bound = value + scaled.shift, bound + scaled.shift
    if (bound >= 0) == (task.alpha > 1.0):
        return 1.0
    return float(-np.expm1(np.log1p((value - bound) / bound) / (1.0 - task.alpha)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answer:
    """What the solver returns for a scaled task.

    `multiplier` is the change of the optimum per unit of right-hand side, or where the task is
    infeasible the proof of it; `bound` is the solver's own.
    """

    status: str
    point: Floats
    multiplier: Floats
    bound: float
    iterations: int
    log: list[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """A point, a bound and their gap; all but `point` in the units of one scaling.

    The gap is infinite where the point is not feasible.
    """

    scaled: _Scaled
    y: Floats
    point: Floats
    multiplier: Floats
    bound: float
    gap: float


class _Search:
    """Solves a task in rounds, each scaled by what the one before has found."""

    def __init__(
        self, task: _Task, native: _Native, settings: dict[str, Any], options: SolveOptions
    ) -> None:
        self._task = task
        self._native = native
        self._settings = settings
        self._options = options
        self._start = time.perf_counter()
        self._interrupted = False
        self._iterations = 0
        self._words: list[str] = []
        self._relaxation = 0.0
        self._manner: dict[str, Any] = {}
        self._reference: Floats | None = None
        self._has_level = True
        self._best: _Found | None = None
        self._feasible: Floats | None = None
        # What ended the search, if anything did: a limit, or a claim without a point.
        self._limit: Limit | None = None
        self._claim: Status | None = None
        self._ray: Floats | None = None

    def interrupt(self) -> None:
        """Stop at the next iteration."""
        self._interrupted = True

    def fail(self, words: str) -> None:
        """Note that CVXPY gave up."""
        self._words.append(words)

    def go(self) -> None:
        """Solve, in one attempt after the other."""
        for relaxation, magnification, which in ATTEMPTS:
            self._relaxation = relaxation
            self._manner = self._native.manners[which]
            self._solve_in_rounds(magnification)
            if self._is_over or (self._best is not None and self._best.gap <= ENOUGH):
                return

    def _solve_in_rounds(self, magnification: float) -> None:
        """Solve, until our bound proves the answer or scaling anew does not help."""
        reference = self._first_reference()
        for _ in range(MOST_ROUNDS):
            scaled = _scaled(self._task, reference, magnification)
            answer = None if self._is_over else self._run(scaled)
            if answer is None:
                return
            found = self._take(scaled, answer)
            finer = _finer_reference(self._task, found.point, reference)
            larger = magnification * _larger(scaled, found)
            is_well_scaled = larger == magnification and _is_near(finer, reference)
            if found.gap <= PROVEN or is_well_scaled:
                return
            reference, magnification = finer, larger

    @property
    def _has_optimum(self) -> bool:
        wanted = max(self._options.relative_gap, ENOUGH)
        return self._best is not None and self._best.gap <= wanted

    @property
    def _is_over(self) -> bool:
        return self._limit is not None or self._claim is not None

    def _first_reference(self) -> Floats:
        """Return a utility for each term, of the size of the optimal ones."""
        task = self._task
        if not task.has_terms:
            return np.zeros(0)
        if self._reference is not None:
            return self._reference
        reach = task.most[task.columns]
        if task.alpha >= 1.0 and not reach.min() > 0:
            self._claim = Status.INFEASIBLE
            self._words.append("a column with an alpha-fair term cannot be above zero")
            return np.ones(len(reach))
        reach = np.where(np.isfinite(reach) & (reach > 0), reach, 1.0)
        guess = _guess(task, reach)
        most = float((reach / guess).min())
        scaled = _scaled(_level_task(task, guess, most), np.zeros(0))
        answer = self._run(scaled)
        level = 0.0 if answer is None else float(answer.point[-1] * scaled.column_unit[-1])
        self._has_level = level > 1e-7 * most
        reference: Floats = guess * (level if level > 1e-12 * most else most / len(guess))
        if answer is not None and SETTLED.get(answer.status) is Status.OPTIMAL:
            self._reference = reference
        return reference

    def _run(self, scaled: _Scaled) -> _Answer | None:
        """Return an answer with a point, or None where there is none."""
        answer = self._ask(_relaxed(scaled.task, self._relaxation))
        if answer is None:
            return None
        # The task may be ours with rows and columns behind it.
        n_rows, n_columns = self._task.matrix.shape
        point = (answer.point * scaled.column_unit)[:n_columns]
        multiplier = (answer.multiplier * scaled.row_factor)[:n_rows]
        has_point = bool(np.isfinite(point).all())
        if has_point:
            self._keep(self._task.polished(point))
        if answer.status in STOPPED:
            self._limit = STOPPED[answer.status]
        elif SETTLED.get(answer.status) is Status.INFEASIBLE:
            self._settle_infeasible(multiplier)
        elif SETTLED.get(answer.status) is Status.UNBOUNDED:
            if not self._task.is_bounded:
                self._settle_unbounded(scaled)
        elif has_point:
            return answer
        return None

    def _ask(self, task: _Task) -> _Answer | None:
        """Ask the solver with what is left of time and iterations; None if nothing is left."""
        settings = dict(self._settings)
        settings.update(self._manner)
        iterations, seconds = self._options.iteration_limit, self._options.time_limit_seconds
        if self._interrupted:
            self._limit = Limit.INTERRUPT
        if iterations is not None:
            settings["max_iter"] = iterations - self._iterations
            if settings["max_iter"] <= 0:
                self._limit = Limit.ITERATIONS
        if seconds is not None:
            settings["time_limit"] = seconds - (time.perf_counter() - self._start)
            if settings["time_limit"] <= 0:
                self._limit = Limit.TIME
        if self._limit is not None:
            return None
        settings.update(self._options.native)
        answer = _solve_cones(task, self._native, settings, lambda: self._interrupted)
        self._iterations += answer.iterations
        self._words.append(f"{answer.status} after {answer.iterations} iterations")
        for line in answer.log:
            if self._options.log is not None:
                self._options.log(line)
        return answer

    def _settle_infeasible(self, multiplier: Floats) -> None:
        """Claim infeasibility if arithmetic proves it, or if giving way does not help."""
        self._ray = _proof(self._task, multiplier)
        is_last = self._relaxation == max(relaxation for relaxation, _, _ in ATTEMPTS)
        if self._ray is not None or (is_last and self._feasible is None):
            self._claim = Status.INFEASIBLE
        elif self._task.alpha >= 1.0 and self._feasible is not None and not self._has_level:
            # There are points, but none with a finite welfare.
            self._claim = Status.INFEASIBLE

    def _settle_unbounded(self, scaled: _Scaled) -> None:
        """Claim that a program with an unbounded direction is unbounded, if it has a point."""
        feasible = self._ask(replace(scaled.task, cost=np.zeros_like(scaled.task.cost)))
        if feasible is None or feasible.status in STOPPED:
            self._limit = self._limit or STOPPED[feasible.status if feasible else "MaxTime"]
            return
        claim = SETTLED.get(feasible.status)
        if claim is Status.OPTIMAL:
            self._claim = Status.UNBOUNDED
        elif claim is Status.INFEASIBLE:
            self._claim = claim
            self._ray = _proof(self._task, feasible.multiplier * scaled.row_factor)
        else:
            self._claim = Status.INFEASIBLE_OR_UNBOUNDED

    def _take(self, scaled: _Scaled, answer: _Answer) -> _Found:
        """Return the answer with our bound; keep it if it is the best."""
        point = self._task.polished(answer.point * scaled.column_unit)
        y = point / scaled.column_unit
        value, bound = _value(scaled.task, y), _bound(scaled.task, answer.multiplier)
        # Without finite bounds of the columns there is only the solver's word.
        bound = bound if np.isfinite(bound) else answer.bound
        gap = _gap(scaled, value, bound) if self._keep(point) else np.inf
        found = _Found(
            scaled=scaled,
            y=y,
            point=point,
            multiplier=answer.multiplier,
            bound=max(bound, value),
            gap=gap,
        )
        if self._best is None or found.gap < self._best.gap:
            self._best = found
        return found

    def _keep(self, point: Floats) -> bool:
        """Keep a point if it is feasible, and return whether it is."""
        is_feasible = self._task.violation(point) <= FEASIBLE
        if is_feasible:
            self._feasible = point
        return is_feasible

    def outcome(self, program: Program) -> Outcome:
        """Return what was found, in the units and the sense of the Program."""
        best, (status, limit) = self._best, self._status()
        point = best.point if best is not None and np.isfinite(best.gap) else self._feasible
        return Outcome(
            status=status,
            limit=limit,
            bound=_plain_bound(program, best),
            infeasibility_ray=self._ray,
            iterations=self._iterations,
            seconds=time.perf_counter() - self._start,
            message="; ".join(self._words),
            **_claims_of_point(program, point, best, status),
        )

    def _status(self) -> tuple[Status, Limit | None]:
        if self._has_optimum:
            return Status.OPTIMAL, None
        if self._claim is not None:
            return self._claim, None
        if self._limit is not None and self._feasible is None:
            return Status.NO_SOLUTION_FOUND, self._limit
        if self._feasible is not None:
            # Without a limit of ours the solver stopped short of the gap for its own reasons.
            return Status.FEASIBLE, self._limit or Limit.OTHER
        return Status.NUMERICAL_FAILURE, None


def _claims_of_point(
    program: Program, point: Floats | None, best: _Found | None, status: Status
) -> dict[str, Any]:
    """Return point, objective and, at an optimum, duals, as the Program states them."""
    if point is None or not status.has_point:
        return {}
    claims: dict[str, Any] = {"point": point, "objective": _objective(program, point)}
    if best is not None and status is Status.OPTIMAL:
        scaled, sense = best.scaled, 1.0 if program.maximise else -1.0
        task = scaled.task
        row_dual = _times_exp(sense * best.multiplier * scaled.row_factor, scaled.log_unit)
        slope = task.cost - task.matrix.T @ best.multiplier
        with np.errstate(divide="ignore", over="ignore"):
            slope[task.columns] += task.weight * best.y[task.columns] ** -task.alpha
        reduced_cost = _times_exp(sense * slope / scaled.column_unit, scaled.log_unit)
        # Numbers that overflow in plain units say nothing.
        if np.isfinite(row_dual).all():
            claims["row_dual"] = row_dual[: program.n_rows]
        if np.isfinite(reduced_cost).all():
            claims["reduced_cost"] = reduced_cost
    return claims


def _objective(program: Program, point: Floats) -> float:
    value = float(program.objective @ point) + program.objective_constant
    if program.terms is not None:
        counts = program.terms.weight > 0
        utility = point[program.terms.columns[counts]]
        value += float(program.terms.weight[counts] @ _utility(utility, program.terms.alpha))
    return value


def _utility(utility: Floats, alpha: float) -> Floats:
    """Return U_alpha itself, which may overflow to infinity."""
    with np.errstate(divide="ignore", over="ignore"):
        if alpha == 1.0:
            return np.log(utility)
        return utility ** (1.0 - alpha) / (1.0 - alpha)


def _plain_bound(program: Program, best: _Found | None) -> float:
    """Return the bound in the sense of the Program, infinite where nothing is known."""
    sense = 1.0 if program.maximise else -1.0
    if best is None or not np.isfinite(best.bound):
        return sense * np.inf
    number = np.array([best.bound + best.scaled.shift])
    bound = float(_times_exp(number, best.scaled.log_unit)[0])
    if not np.isfinite(bound):
        return sense * np.inf
    stated = sense * bound + program.objective_constant
    # Never worse than the point by rounding alone.
    value = _objective(program, best.point)
    return max(stated, value) if program.maximise else min(stated, value)


def _guess(task: _Task, reach: Floats) -> Floats:
    """Return what optimal utilities look like, up to a factor: (weight reach)^(1 / alpha)."""
    logarithm = (np.log(task.weight) + np.log(reach)) / task.alpha
    # For small alpha the losers get next to nothing, and matter as little.
    least = np.log(1e-3) if task.alpha < 1.0 else -600.0
    guess: Floats = np.exp(np.maximum(logarithm - logarithm.max(), least)) * reach.max()
    return guess


def _level_task(task: _Task, guess: Floats, most: float) -> _Task:
    """Return the linear task of the largest z <= most with every term's column >= z guess."""
    n_rows, n_columns = task.matrix.shape
    n_terms = len(guess)
    picked = sparse.csr_array(
        (np.ones(n_terms), (np.arange(n_terms), task.columns)), shape=(n_terms, n_columns)
    )
    matrix = sparse.block_array(
        [[task.matrix, sparse.csr_array((n_rows, 1))], [picked, sparse.csr_array(-guess[:, None])]]
    )
    return replace(
        task,
        matrix=sparse.csr_array(matrix),
        row_lower=np.append(task.row_lower, np.zeros(n_terms)),
        row_upper=np.append(task.row_upper, np.full(n_terms, np.inf)),
        lower=np.append(task.lower, 0.0),
        upper=np.append(task.upper, most),
        least=np.append(task.least, 0.0),
        most=np.append(task.most, most),
        cost=np.append(np.zeros(n_columns), 1.0),
        columns=np.zeros(0, dtype=np.int64),
        weight=np.zeros(0),
    )


def _finer_reference(task: _Task, point: Floats, reference: Floats) -> Floats:
    """Return the utilities found, but none so small or so large that its term would not count."""
    if not task.has_terms:
        return reference
    utility = point[task.columns]
    mean = float(task.weight @ utility / task.weight.sum())
    if task.alpha <= 1.0:
        utility = np.maximum(utility, 1e-4 * mean if task.alpha < 1.0 else 1e-12 * mean)
    utility = np.where(utility > 0, utility, reference)
    if task.alpha <= 1.0:
        return utility
    log_importance = np.log(task.weight) + (1.0 - task.alpha) * np.log(utility)
    least = log_importance.max() + np.log(1e-12)
    log_most = (np.log(task.weight) - least) / (task.alpha - 1.0)
    finer: Floats = np.minimum(utility, np.exp(np.minimum(log_most, 600.0)))
    return finer


def _is_near(finer: Floats, reference: Floats) -> bool:
    return bool((np.maximum(finer / reference, reference / finer) <= FAR).all())


def _relaxed(task: _Task, relaxation: float) -> _Task:
    """Return a scaled task whose rows give way by this much."""
    if relaxation == 0.0:
        return task
    slack = relaxation * task.row_size
    return replace(task, row_lower=task.row_lower - slack, row_upper=task.row_upper + slack)


def _larger(scaled: _Scaled, found: _Found) -> float:
    """Return the factor that makes a small linear objective count against the tolerances."""
    if scaled.task.has_terms or not np.isfinite(found.bound):
        return 1.0
    value = max(abs(_value(scaled.task, found.y)), abs(found.bound))
    if value == 0.0 or value >= 0.25:
        return 1.0
    return float(np.minimum(_power_of_two(np.array([1.0 / value]))[0], LARGEST_FACTOR))


def _proof(task: _Task, multiplier: Floats) -> Floats | None:
    """Return multipliers that prove infeasibility by arithmetic, None if these do not.

    With y >= 0 on upper and y <= 0 on lower sides: y . side < the least of (y matrix) v over the
    bounds of the columns. Small multipliers are noise, and are left out in turn.
    """
    largest = np.abs(multiplier).max(initial=0.0)
    if not (np.isfinite(largest) and largest > 0):
        return None
    for threshold in (0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4):
        ray = np.where(np.abs(multiplier) > threshold * largest, multiplier / largest, 0.0)
        ray[(ray > 0) & np.isinf(task.row_upper)] = 0.0
        ray[(ray < 0) & np.isinf(task.row_lower)] = 0.0
        weights = task.matrix.T @ ray
        least = _dot(weights, np.where(weights > 0, task.lower, task.upper))
        side = _dot(np.maximum(ray, 0.0), task.row_upper) + _dot(
            np.minimum(ray, 0.0), task.row_lower
        )
        if side < least:
            return ray
    return None


def _without_columns(program: Program, task: _Task) -> Outcome:
    """Return the outcome for a Program of rows alone: each holds 0, or it is infeasible."""
    ray = np.where(task.row_upper < 0, 1.0, np.where(task.row_lower > 0, -1.0, 0.0))
    if ray.any():
        bound = np.inf if program.maximise else -np.inf
        return Outcome(status=Status.INFEASIBLE, bound=bound, infeasibility_ray=ray)
    return Outcome(
        status=Status.OPTIMAL,
        point=np.zeros(0),
        objective=program.objective_constant,
        bound=program.objective_constant,
        row_dual=np.zeros(program.n_rows),
        reduced_cost=np.zeros(0),
    )


# CVXPY declares its problems and expressions without types.
@dataclass(frozen=True, kw_only=True)
class _Cones:
    """A scaled task as a CVXPY problem, with the constraints that say a row's sides."""

    problem: Any
    columns: Any
    rows: list[tuple[Booleans, float, Any]]


def _cones(task: _Task) -> _Cones:
    """Return the task as a CVXPY problem."""
    import cvxpy

    y = cvxpy.Variable(len(task.cost))
    rows = _sides(task.matrix, y, task.row_lower, task.row_upper)
    bounds = _sides(sparse.eye_array(len(task.cost), format="csr"), y, task.lower, task.upper)
    constraints = [constraint for _, _, constraint in rows + bounds]
    welfare = task.cost @ y
    if task.has_terms:
        p = cvxpy.Variable(len(task.columns))
        welfare += task.weight @ p
        constraints.append(_cone_of_terms(p, y[task.columns], task.alpha))
    problem = cvxpy.Problem(cvxpy.Maximize(welfare), constraints)
    return _Cones(problem=problem, columns=y, rows=rows)


def _sides(
    matrix: sparse.csr_array, y: Any, lower: Floats, upper: Floats
) -> list[tuple[Booleans, float, Any]]:
    """Return for equal, upper and lower sides: which rows, the sign of the dual, the constraint."""
    is_equal = lower == upper
    is_above = np.isfinite(upper) & ~is_equal
    is_below = np.isfinite(lower) & ~is_equal
    sides = []
    if is_equal.any():
        sides.append((is_equal, 1.0, matrix[is_equal] @ y == upper[is_equal]))
    if is_above.any():
        sides.append((is_above, 1.0, matrix[is_above] @ y <= upper[is_above]))
    if is_below.any():
        sides.append((is_below, -1.0, matrix[is_below] @ y >= lower[is_below]))
    return sides


def _cone_of_terms(p: Any, s: Any, alpha: float) -> Any:
    """Return the cone that says p <= V(s), see the head of this file."""
    import cvxpy

    one = np.ones(p.size)
    if alpha == 1.0:
        return cvxpy.ExpCone(p, one, s)
    power = 1.0 + (1.0 - alpha) * p
    if alpha < 1.0:
        return cvxpy.PowCone3D(s, one, power, 1.0 - alpha)
    return cvxpy.PowCone3D(s, power, one, (alpha - 1.0) / alpha)


def _solve_cones(
    task: _Task, native: _Native, settings: dict[str, Any], is_interrupted: Callable[[], bool]
) -> _Answer:
    """Give a scaled task to CVXPY, the cones that it makes to the solver, and read the answer."""
    cones = _cones(task)
    data, chain, inverse = cones.problem.get_problem_data(native.name, solver_opts={})
    raw, log = native.run(data, settings, is_interrupted)
    point = data["param_prob"].split_solution(np.array(raw.x))[cones.columns.id]
    duals = chain.invert(raw, inverse).dual_vars
    multiplier = np.zeros(len(task.row_lower))
    for chosen, sign, constraint in cones.rows:
        if constraint.id in duals:
            multiplier[chosen] += sign * np.atleast_1d(duals[constraint.id])
    return _Answer(
        status=str(raw.status),
        point=np.asarray(point, dtype=np.float64),
        multiplier=multiplier,
        # CVXPY minimises what we maximise.
        bound=-float(raw.obj_val_dual),
        iterations=int(raw.iterations),
        log=log,
    )


def _run_clarabel(
    data: Any, settings: dict[str, Any], is_interrupted: Callable[[], bool]
) -> tuple[Any, list[str]]:
    """Solve CVXPY's cones; CVXPY's own call takes no function that stops it."""
    import clarabel
    from cvxpy.reductions.solvers.conic_solvers.clarabel_conif import dims_to_solver_cones

    native = clarabel.DefaultSettings()
    for name, value in settings.items():
        setattr(native, name, value)
    n_columns = len(data["c"])
    quadratic = sparse.csc_array((n_columns, n_columns))
    cones = dims_to_solver_cones(data["dims"])
    solver = clarabel.DefaultSolver(quadratic, data["c"], data["A"], data["b"], cones, native)
    if native.verbose:
        solver.print_to_buffer()
    solver.set_termination_callback(lambda _: is_interrupted())
    raw = solver.solve()
    return raw, solver.get_print_buffer().splitlines() if native.verbose else []


def _clarabel_options() -> list[str]:
    import clarabel

    settings = clarabel.DefaultSettings()
    names = [name for name in dir(settings) if not name.startswith("_")]
    return [name for name in names if not callable(getattr(settings, name))]


def _settings(name: str, native: _Native, options: SolveOptions) -> dict[str, Any]:
    """Return the solver's settings for the common options, once the native ones are checked."""
    for unknown in ("node_limit", "solution_limit", "memory_limit_mb", "start"):
        if getattr(options, unknown) is not None:
            raise OptionError(f"{name} has no {unknown}: leave it out")
    loose = max(TIGHT, min(options.relative_gap, 1e-6))
    settings = {
        "verbose": options.log is not None,
        "max_threads": options.threads,
        **dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), TIGHT),
        "reduced_tol_gap_abs": loose,
        "reduced_tol_gap_rel": loose,
        "reduced_tol_feas": LOOSE,
    }
    known = native.options()
    for option, value in options.native.items():
        if option not in known:
            raise unknown_option(name, option, known)
        native.check(option, value)
    return settings


def _check_clarabel(option: str, value: Any) -> None:
    import clarabel

    try:
        setattr(clarabel.DefaultSettings(), option, value)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(f"Clarabel does not take {value!r} for its option {option!r}") from error


@contextmanager
def _keyboard_interrupt(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call `interrupt` instead of raising KeyboardInterrupt, in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.getsignal(signal.SIGINT)
    if previous is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


SOLVERS = {
    "CLARABEL": _Native(
        name="CLARABEL",
        package="clarabel",
        oldest_version=(0, 11),
        run=_run_clarabel,
        options=_clarabel_options,
        check=_check_clarabel,
        # Slower, and get through where the defaults, 0.99 and 0.8, are stuck.
        manners=(
            {},
            {"max_step_fraction": 0.9},
            {"max_step_fraction": 0.9, "linesearch_backtrack_step": 0.5},
        ),
    ),
}
"""The solvers that the gateway offers, by their names in CVXPY."""
