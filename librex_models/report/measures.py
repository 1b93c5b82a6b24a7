"""Numbers of an allocation that several reports show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from librex_models.allocation import Allocation
from librex_models.errors import NoAllocationError
from librex_models.families import AlphaFairness, NestedFairness, ProportionalFairness, outer_of
from librex_models.problem import Grouping
from librex_models.problem.labels import label_texts
from librex_models.verification import Verdict

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TRACE = 1e-6
TRACE_OF_WORTH = 1e-9


def why_not(allocation: Allocation) -> str:
    """Return why there is no allocation to use; an empty text where there is one."""
    if allocation.verdict is Verdict.REFUTED:
        return (
            f"the answer of {allocation.solver} does not pass the verification. "
            f"{allocation.certificate.sentence}"
        )
    try:
        allocation.decision  # noqa: B018
    except NoAllocationError as error:
        return str(error)
    return ""


def family_name(allocation: Allocation) -> str:
    """Return the family in words, such as ``alpha_fair (alpha 2) over agents``."""
    family = allocation.family
    name = family.key
    words = []
    if alpha_of(allocation) is not None and not isinstance(family, ProportionalFairness):
        words.append(f"alpha {alpha_of(allocation):g}")
    if isinstance(family, NestedFairness):
        words.append(f"inner_alpha {family.inner_alpha:g}")
    if words:
        name += f" ({', '.join(words)})"
    if family.compares_utilities:
        name += f" over {reported_grouping(allocation).kind}s"
    return name


def alpha_of(allocation: Allocation) -> float | None:
    """Return the alpha of an alpha-fair or proportional allocation, None for other families."""
    family = allocation.family
    outer = outer_of(family)
    return outer.alpha if isinstance(outer, AlphaFairness) else None


def inner_alpha_of(allocation: Allocation) -> float | None:
    """Return the aversion inside of groups, zero for their mean, None where there are no groups."""
    family = allocation.family
    if isinstance(family, NestedFairness):
        return family.inner_alpha
    return 0.0 if family.key == "group_alpha_fair" else None


def reported_grouping(allocation: Allocation) -> Grouping:
    """Return whose utilities `allocation.utility` holds."""
    if allocation.family.compares_utilities and allocation.grouping.weighted is None:
        return allocation.grouping
    return allocation.problem.grouping("groups")


def settled_texts(allocation: Allocation) -> list[list[str]]:
    """Return who is settled at each level of the certificate, by the texts of all labels."""
    grouping = allocation.grouping
    labels = grouping.compared
    text_of = dict(zip(labels, label_texts(labels), strict=True))
    return [[text_of[label] for label in level.settled] for level in allocation.certificate.levels]


def earned_by_option(allocation: Allocation) -> Floats:
    """Return reward times decision, shape (n_options,)."""
    reward = allocation.problem.reward
    return (
        np.zeros(allocation.problem.n_options) if reward is None else reward * allocation.decision
    )


def used_by_option(allocation: Allocation) -> Floats:
    """Return what each option uses of each resource, shape (n_options, n_resources)."""
    problem, decision = allocation.problem, allocation.decision
    used = np.zeros((problem.n_options, problem.n_resources))
    usage = problem.usage.tocoo()
    resource, option = usage.coords
    used[option, resource] = usage.data * decision[option]
    return used


def utility_of_agents(allocation: Allocation) -> Floats:
    """Return what each agent earns, with its own history, whatever the family compares."""
    problem = allocation.problem
    earned = np.bincount(
        problem.agent_of_option, earned_by_option(allocation), minlength=problem.n_agents
    )
    return problem.agent_history + earned


def utility_of_groups(allocation: Allocation) -> Floats:
    """Return the utility of each group, whatever the family compares."""
    grouping = allocation.problem.grouping("groups")
    reward = allocation.problem.reward
    nothing = np.zeros(allocation.problem.n_options)
    return grouping.utility(nothing if reward is None else reward, allocation.decision)


def chosen_options(allocation: Allocation) -> Integers:
    """Return the options that get something: decisions above a millionth of the largest one.

    Interior-point solvers leave traces of some 1e-9 where others leave zeros.
    """
    decision = allocation.decision
    return np.flatnonzero(decision > TRACE * decision.max(initial=0.0))


def served_by_group(allocation: Allocation) -> Integers:
    """Return the number of agents of each group with an option that gets something.

    Where options serve several groups, the number of such options.
    """
    problem = allocation.problem
    if problem.shared_reward is not None:
        links = problem.grouping("groups").links(np.ones(problem.n_options))
        chosen = np.isin(links.option, chosen_options(allocation)) & (links.earned > 0)
        return np.bincount(links.group[chosen], minlength=problem.n_groups)
    served = np.unique(problem.agent_of_option[chosen_options(allocation)])
    return np.bincount(problem.group_of_agent[served], minlength=problem.n_groups)


def shown_prices(allocation: Allocation) -> list[float | None]:
    """Return the prices; zero where a budget is worth less than a billionth of all budgets."""
    budget, price = allocation.problem.budget, allocation.price
    if price is None:
        return [None] * len(budget)
    worth = price * np.where(np.isfinite(budget), budget, 0.0)
    return [float(one) for one in np.where(worth > TRACE_OF_WORTH * worth.sum(), price, 0.0)]


def share_of_budget(allocation: Allocation) -> list[float | None]:
    """Return the share of each budget that is handed out; None for budgets of zero or infinity."""
    budget = allocation.problem.budget
    return [
        float(used / amount) if 0 < amount < np.inf else None
        for used, amount in zip(allocation.used, budget, strict=True)
    ]


def two_digits(number: float) -> float:
    """Return a number rounded to two digits, for gaps and times.

    Examples
    --------
    >>> two_digits(0.12345)
    0.12
    """
    return float(f"{number:.2g}")
