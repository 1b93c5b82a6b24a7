"""One budget without limits that bind: derivatives of the closed form of alpha-fair allocations.

The best option of a group has rho_g = max_j r_j / c_j, p_g = share_g rho_g. The spending y of
groups and the price d W / d Q are those of `closed_form`; with e = 1 / alpha (0 for max-min),
q = y / Q and x_l = y_l / c_l

    d x_l / d r_g = (1 / c_l) Q (e - 1) / p_g (q_l [l = g] - q_l q_g) share_g / c_g
    d W / d r_g = (d W / d Q) / p_g share_g x_g

alpha = 0: all goes to the largest weight_g p_g, and stays there.

May import problems, groupings and the closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from librex_models.problem import AllocationProblem, Grouping
from librex_models.routes.closed_form import log_price, log_shares
from solvers.program import Floats, Integers

TIED = 1e-9
"""Within this share of the best, an option is as good."""
ROOM = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class ClosedForm:
    """The optimum of one budget.

    Parameters
    ----------
    winner : integer array of shape (n_served,)
        The options that get anything, one a group.
    tied : integer array
        Options that are as good as a winner, and the winners they are as good as; empty without.
    decision : array of shape (n_options,)
    marginal : array of shape (n_served,)
        Welfare per unit of the winner's utility.
    price : float
    power : float
        e = 1 / alpha; 1 where spending does not depend on rewards.
    rate : array of shape (n_served,)
        p of the winner's group.
    share : array of shape (n_served,)
        Of the utility that goes to the group.
    """

    winner: Integers
    tied: Integers
    decision: Floats
    marginal: Floats
    price: float
    power: float
    rate: Floats
    share: Floats


def closed_form(
    problem: AllocationProblem, grouping: Grouping, alpha: float, reward: Floats
) -> ClosedForm | None:
    """Return the closed form, None where it does not apply or a limit binds."""
    if not _is_plain(problem, grouping):
        return None
    cost, budget = problem.usage.toarray()[0], float(problem.budget[0])
    group, n_groups = grouping.of_option, len(grouping)
    rate = reward / cost
    order = np.lexsort((rate, group))
    last = np.flatnonzero(np.append(np.diff(group[order]) > 0, True))
    winner = order[last]
    served = group[winner]
    if len(served) < n_groups or (rate[winner] <= 0).any():
        return None
    best = np.zeros(n_groups)
    best[served] = rate[winner]
    is_tied = rate >= (1.0 - TIED) * best[group]
    p = grouping.share[served] * rate[winner]
    weight = grouping.weight[served]
    if alpha == 0.0:
        value = weight * p
        top = value >= (1.0 - TIED) * value.max()
        is_tied &= top[np.argsort(served)][group]
        chosen = np.array([int(np.argmax(value))])
        winner, p, weight, served = winner[chosen], p[chosen], weight[chosen], served[chosen]
    log_p, log_weight = np.log(p), np.log(weight)
    decision = np.zeros(problem.n_options)
    spent = budget * np.exp(log_shares(log_p, log_weight, alpha))
    decision[winner] = spent / cost[winner]
    if not _has_room(problem, decision):
        return None
    price = log_price(log_p, log_weight, alpha, budget)
    with np.errstate(over="ignore"):
        marginal, price = np.exp(price - log_p), float(np.exp(price))
    tied = np.flatnonzero(is_tied) if is_tied.sum() > len(winner) else np.zeros(0, dtype=np.int64)
    return ClosedForm(
        winner=winner,
        tied=tied,
        decision=decision,
        marginal=marginal,
        price=price,
        power=1.0 if alpha == 0.0 else 1.0 / alpha,
        rate=p,
        share=grouping.share[served],
    )


def _is_plain(problem: AllocationProblem, grouping: Grouping) -> bool:
    """Return whether nothing is demanded but one budget."""
    return (
        problem.n_resources == 1
        and grouping.limits is None
        and len(problem.extra_rows) == 0
        and bool(0.0 < problem.budget[0] < np.inf)
        and not problem.lower.any()
        and not problem.agent_minimum.any()
        and not grouping.history.any()
        and bool((problem.usage.toarray() > 0).all())
    )


def _has_room(problem: AllocationProblem, decision: Floats) -> bool:
    total = np.bincount(problem.agent_of_option, decision, minlength=problem.n_agents)
    within = decision < (1.0 - ROOM) * problem.upper
    # An option that may have nothing is no winner; what has nothing runs into no bound.
    within |= (decision == 0.0) & (problem.upper > 0.0)
    is_small = total < (1.0 - ROOM) * problem.agent_limit
    is_small |= (total == 0.0) & (problem.agent_limit > 0.0)
    return bool(within.all() and is_small.all())


def jacobian_of_reward(problem: AllocationProblem, form: ClosedForm) -> sparse.csr_array:
    """Return d decision / d reward, (n_options, n_options): row = decision, column = reward."""
    n, winner = problem.n_options, form.winner
    cost, budget = problem.usage.toarray()[0][winner], float(problem.budget[0])
    part = form.decision[winner] * cost / budget
    inner = np.diag(part) - np.outer(part, part)
    scale = budget * (form.power - 1.0) * form.share / (form.rate * cost)
    entries = inner * scale[np.newaxis, :] / cost[:, np.newaxis]
    if form.power == 1.0:
        return sparse.csr_array((n, n))
    row, column = np.repeat(winner, len(winner)), np.tile(winner, len(winner))
    return sparse.csr_array((entries.ravel(), (row, column)), shape=(n, n))


def jacobian_of_budget(problem: AllocationProblem, form: ClosedForm) -> Floats:
    """Return d decision / d budget, (n_options, 1)."""
    return form.decision[:, np.newaxis] / problem.budget[np.newaxis, :]


def pull_back_to_reward(problem: AllocationProblem, form: ClosedForm, cotangent: Floats) -> Floats:
    """Return the transposed Jacobian of the decision by rewards times a vector over decisions."""
    pulled = np.zeros(problem.n_options)
    if form.power != 1.0:
        winner, budget = form.winner, float(problem.budget[0])
        cost = problem.usage.toarray()[0][winner]
        part = form.decision[winner] * cost / budget
        scale = budget * (form.power - 1.0) * form.share / (form.rate * cost)
        each = cotangent[winner] / cost
        pulled[winner] = scale * part * (each - part @ each)
    return pulled
