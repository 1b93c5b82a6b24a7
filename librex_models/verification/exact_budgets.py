"""Hard budgets: what is handed out never exceeds them, not by a rounding error.

Numbers are doubles taken for what they are. A whole decision fits if the exact sum of its requests
is at most the budget. A fractional decision is scaled back until the exact sum,
`allocated.sum(axis=0)` and `requests.T @ decision` are all at most the budget (a loss of some
1e-14 for few options, 1e-12 for many).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.problem import AllocationProblem

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

EPSILON = float(np.finfo(np.float64).eps)

# numpy sums pairwise: blocks of 128 in 8 lanes, then a tree. Error below 40 roundings up to 2^40
# terms.
PAIRWISE_ROUNDINGS = 40

# Scaling back starts with this many roundings of margin, and with one more for each option if that
# is not a lot: see _certain_margin. The margin is doubled until all sums fit.
FIRST_MARGIN = 64
MOST_FOR_CERTAINTY = 10_000
# Of so few options numbers may be round: scaled back without a margin, they may fit exactly.
FEW_OPTIONS = 100
DOUBLINGS = 30
MOST_LAST_BITS = 100
FEW_ROWS = 8
# Products are made for so many rows at once that they take some megabytes.
PRODUCTS_AT_ONCE = 2**20


def allocated(problem: AllocationProblem, decision: Floats) -> Floats:
    """Return what each agent gets of each resource, shape (n_agents, n_resources).

    Where the budgets hold exactly and only the rounding of sums exceeds one, the largest amount is
    taken down by the budget's last bit, until the rounded and the exact sum of what is stated fit.
    """
    amounts = _amounts(problem, decision)
    for _ in range(MOST_LAST_BITS):
        over = _stated_sums_exceed(amounts, problem.budget)
        for k in np.flatnonzero(over).tolist():
            largest = int(np.argmax(amounts[:, k]))
            amounts[largest, k] -= np.spacing(problem.budget[k])
        if not over.any():
            break
    return amounts


def _amounts(problem: AllocationProblem, decision: Floats) -> Floats:
    if not isinstance(problem.requests, np.ndarray):
        used = np.flatnonzero(decision)
        usage = problem.usage[:, used]
        option = used[np.repeat(np.arange(len(used)), np.diff(usage.indptr))]
        place = problem.agent_of_option[option] * problem.n_resources + usage.indices
        size = problem.n_agents * problem.n_resources
        summed = np.bincount(place, usage.data * decision[option], minlength=size)
        return summed.astype(np.float64, copy=False).reshape(problem.n_agents, problem.n_resources)
    if problem.n_agents == problem.n_options:
        # Agents stand in the order in which they appear: each has the one option of its place.
        return problem.requests * decision[:, np.newaxis]
    amounts = np.empty((problem.n_agents, problem.n_resources))
    for k in range(problem.n_resources):
        use = _row(problem, k) * decision
        amounts[:, k] = np.bincount(problem.agent_of_option, use, minlength=problem.n_agents)
    return amounts


def _stated_sums_exceed(amounts: Floats, budget: Floats) -> Booleans:
    total = amounts.sum(axis=0)
    rounding = (len(amounts) + 2) * EPSILON * total
    over = total > budget
    # An excess beyond roundings is a broken budget, which is not this function's to hide.
    over &= total <= budget + rounding
    unsure = ~over & (total + rounding > budget) & (total <= budget)
    for k in np.flatnonzero(unsure).tolist():
        over[k] = math.fsum([*amounts[:, k].tolist(), -float(budget[k])]) > 0
    return np.asarray(over, dtype=np.bool_)


def broken_budgets(problem: AllocationProblem, decision: Floats) -> Booleans:
    """Return which budgets the exact sum of the requests exceeds, shape (n_resources,)."""
    uses = _Uses(problem, decision)
    broken = np.zeros(problem.n_resources, dtype=np.bool_)
    # One number at a time: the arrays of so few are slower.
    for k, (total, budget) in enumerate(uses.totals_and_budgets()):
        doubt = PAIRWISE_ROUNDINGS * EPSILON * total
        if not total + doubt <= budget:
            broken[k] = total - doubt > budget or exceeds(*uses.of(k), budget)
    return broken


def used_up_budgets(problem: AllocationProblem, decision: Floats) -> Booleans:
    """Return which budgets the exact sum of the requests uses up or exceeds."""
    uses = _Uses(problem, decision)
    total = uses.totals()
    doubt = PAIRWISE_ROUNDINGS * EPSILON * total
    used_up = total - doubt >= problem.budget
    unsure = ~used_up & (total + doubt >= problem.budget)
    for k in np.flatnonzero(unsure).tolist():
        used_up[k] = _excess(*uses.of(k), float(problem.budget[k])) >= 0
    return used_up


def exceeds(request: Floats, decision: Floats, budget: float) -> bool:
    """Return whether sum request * decision exceeds the budget, in exact arithmetic.

    Examples
    --------
    >>> exceeds(np.array([0.1, 0.2]), np.array([1.0, 1.0]), 0.3)
    True
    """
    return _excess(request, decision, budget) > 0


def _excess(request: Floats, decision: Floats, budget: float) -> float:
    """Return sum request * decision - budget, rounded once, so that its sign is exact."""
    used = (request != 0) & (decision != 0)
    high, low = _exact_products(request[used], decision[used])
    return math.fsum([*high.tolist(), *low.tolist(), -budget])


def _exact_products(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return products and their rounding errors, by splitting the factors (Dekker 1971)."""
    # Mantissas are split, exponents set aside: no overflow for large requests.
    first_mantissa, first_exponent = np.frexp(first)
    second_mantissa, second_exponent = np.frexp(second)
    product = first_mantissa * second_mantissa
    first_high, first_low = _halves(first_mantissa)
    second_high, second_low = _halves(second_mantissa)
    error = first_low * second_low - (
        ((product - first_high * second_high) - first_low * second_high) - first_high * second_low
    )
    exponent = first_exponent + second_exponent
    return np.ldexp(product, exponent), np.ldexp(error, exponent)


def _halves(number: Floats) -> tuple[Floats, Floats]:
    shifted = 134217729.0 * number  # 2^27 + 1
    high = shifted - (shifted - number)
    return high, number - high


def scaled_back(problem: AllocationProblem, decision: Floats) -> tuple[Floats, Booleans]:
    """Return the decision with its fractional part made to fit, and the budgets that stay broken.

    Parameters
    ----------
    problem : AllocationProblem
    decision : array of shape (n_options,)
        Within its bounds, whole where it must be.

    Returns
    -------
    decision : array of shape (n_options,)
        Fractional entries moved towards their lower bounds, by as little as makes every sum fit.
    broken : boolean array of shape (n_resources,)
        Budgets that whole decisions and lower bounds exceed on their own.
    """
    fits = _sums_fit(problem, decision)
    broken = np.zeros(problem.n_resources, dtype=np.bool_)
    if all(fits):
        return decision, broken
    fixed, spare = _fixed_and_spare(problem, decision)
    taken = [0.0] * problem.n_resources
    if fixed is not None:
        taken, broken = _used(problem, fixed).tolist(), broken_budgets(problem, fixed)
    wanted, budget = _used(problem, spare).tolist(), problem.budget.tolist()
    adjustable = [k for k in range(len(fits)) if wanted[k] > 0 and not broken[k]]
    share = [1.0] * problem.n_resources
    scaled = decision
    for margin in _margins(problem):
        over = [k for k in adjustable if not fits[k]]
        if not over:
            break
        for k in over:
            room = budget[k] * (1 - margin) - taken[k]
            share[k] = min(max(room / wanted[k], 0.0), share[k])
        scaled = spare * _least_share(problem, share)
        if fixed is not None:
            scaled += fixed
        if margin < _certain_margin(problem):
            fits = _sums_fit(problem, scaled)
            continue
        for k in over:
            fits[k] = True
    if all(fits):
        return scaled, broken
    return scaled, broken | broken_budgets(problem, scaled)


def _fixed_and_spare(problem: AllocationProblem, decision: Floats) -> tuple[Floats | None, Floats]:
    """Return what has to stay of a decision, None where nothing has, and what may be less."""
    has_lower = problem.once("has lower bounds", lambda: bool(problem.lower.any()))
    if not has_lower and not problem.has_integers and decision.min(initial=0.0) >= 0.0:
        return None, decision
    spare = np.maximum(decision - problem.lower, 0.0)
    if problem.has_integers:
        spare[problem.integer] = 0.0
    return decision - spare, spare


def _margins(problem: AllocationProblem) -> Iterator[float]:
    """Yield the shares of the budgets to stay below, one after the other; the last is all."""
    if problem.n_options <= FEW_OPTIONS:
        yield 0.0
    first = EPSILON * FIRST_MARGIN
    if problem.n_options <= MOST_FOR_CERTAINTY:
        first = _certain_margin(problem)
    for n in range(DOUBLINGS):
        yield first * 2.0**n
    yield 1.0


def _certain_margin(problem: AllocationProblem) -> float:
    """Return a margin with which what is left fits in every order of summation.

    Half an epsilon for each option is what the sums to scale by may be short of, as much what
    other sums may exceed; a few more are what factors and products are rounded by.
    """
    return EPSILON * (problem.n_options + FIRST_MARGIN)


def _used(problem: AllocationProblem, decision: Floats) -> Floats:
    """Return what is used of each resource, rounded in whatever order is fastest."""
    requests = problem.requests
    is_dense = isinstance(requests, np.ndarray)
    return np.asarray((by_resource(problem) if is_dense else problem.usage) @ decision)


def _least_share(problem: AllocationProblem, share: list[float]) -> Floats | float:
    """Return, for each option, the least share over the budgets that it uses; one for all."""
    if problem.once("uses all", lambda: problem.usage.nnz == np.prod(problem.requests.shape)):
        return min(share, default=1.0)
    least = np.ones(problem.n_options)
    short = [k for k, part in enumerate(share) if part < 1.0]
    if len(short) > FEW_ROWS:
        usage = problem.usage
        option = np.repeat(np.arange(problem.n_options), np.diff(usage.indptr))
        uses = usage.data > 0
        np.minimum.at(least, option[uses], np.array(share)[usage.indices[uses]])
        return least
    for k in short:
        uses = _row(problem, k) > 0
        least[uses] = np.minimum(least[uses], share[k])
    return least


def _sums_fit(problem: AllocationProblem, decision: Floats) -> list[bool]:
    """Return which budgets hold: by every sum where all is fractional, else by the exact one."""
    if problem.has_integers:
        return [not is_broken for is_broken in broken_budgets(problem, decision).tolist()]
    uses = _Uses(problem, decision)
    # A product is rounded, and each of the at most n_options + 1 sums that it goes through, all by
    # half of an epsilon at most.
    most_roundings = problem.n_options / 2 + 1 + PAIRWISE_ROUNDINGS
    fits, is_close = [], False
    for k, (total, budget) in enumerate(uses.totals_and_budgets()):
        fit = total * (1 + PAIRWISE_ROUNDINGS * EPSILON) <= budget
        # Exact sums of multiples of 2^-20 are such multiples, too.
        if not fit and total <= budget and (total * 2.0**20).is_integer():
            fit = _is_summed_exactly(*uses.of(k))
        is_close = is_close or (fit and total * (1 + most_roundings * EPSILON) > budget)
        fits.append(fit)
    if not is_close:
        return fits
    in_order = np.asarray(problem.requests.T @ decision) <= problem.budget
    stated = _amounts(problem, decision).sum(axis=0) <= problem.budget
    both = (in_order & stated).tolist()
    return [fit and other for fit, other in zip(fits, both, strict=True)]


def _is_summed_exactly(request: Floats, decision: Floats) -> bool:
    """Return whether all products are exact, small multiples of 2^-20: nothing is rounded."""
    product, error = _exact_products(request, decision)
    units = product * 2.0**20
    return bool(not error.any() and (units == np.rint(units)).all() and units.sum() < 2.0**53)


class _Uses:
    """The requests for each resource with the decisions, of sparse requests only what is used."""

    def __init__(self, problem: AllocationProblem, decision: Floats) -> None:
        self._problem, self._decision = problem, decision
        self._by_resource: sparse.csr_array | None = None
        if not isinstance(problem.requests, np.ndarray):
            used = np.flatnonzero(decision)
            self._by_resource = sparse.csr_array(problem.usage[:, used])
            self._decision = decision[used]

    def of(self, k: int) -> tuple[Floats, Floats]:
        """Return the requests for a resource and their decisions."""
        if self._by_resource is None:
            return _row(self._problem, k), self._decision
        place = slice(self._by_resource.indptr[k], self._by_resource.indptr[k + 1])
        return self._by_resource.data[place], self._decision[self._by_resource.indices[place]]

    def totals_and_budgets(self) -> Iterator[tuple[float, float]]:
        """Return what is used of each resource, as `totals` has it, beside its budget."""
        return zip(self.totals().tolist(), self._problem.budget.tolist(), strict=True)

    def totals(self) -> Floats:
        """Return what is used of each resource, off by at most PAIRWISE_ROUNDINGS roundings."""
        requests, n_resources = self._problem.requests, self._problem.n_resources
        if not isinstance(requests, np.ndarray):
            products = (
                request * decision for request, decision in map(self.of, range(n_resources))
            )
            return np.array([np.add.reduce(product) for product in products])
        # numpy sums pairwise along what lies together in memory.
        rows = by_resource(self._problem)
        if rows.size <= PRODUCTS_AT_ONCE:
            sums: Floats = np.add.reduce(rows * self._decision, axis=1)
            return sums
        total = np.empty(n_resources)
        step = max(1, PRODUCTS_AT_ONCE // self._problem.n_options)
        for first in range(0, n_resources, step):
            part = slice(first, first + step)
            total[part] = np.add.reduce(rows[part] * self._decision, axis=1)
        return total


def by_resource(problem: AllocationProblem) -> Floats:
    """Return dense requests, for each resource together in memory: (n_resources, n_options)."""
    rows: Floats = problem.once(
        "requests by resource", lambda: np.ascontiguousarray(np.asarray(problem.requests).T)
    )
    return rows


def _row(problem: AllocationProblem, k: int) -> Floats:
    requests = problem.requests
    if isinstance(requests, np.ndarray):
        row: Floats = by_resource(problem)[k]
        return row
    return requests[:, [k]].toarray().ravel()
