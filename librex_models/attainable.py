"""The utilities that whole decisions can give, where they are few."""

from __future__ import annotations

import numpy as np

from librex_models.routes.route import Floats, Question
from librex_models.verification import Region
from solvers.program import Integers
from solvers.sums import sums_with


def attainable(question: Question, own: Region, most: int) -> list[Floats | None]:
    """Return all that each utility can be, sorted, or a little more than that.

    Parameters
    ----------
    question : Question
    own : Region
        What each agent may decide alone; rules over several options of an agent are left out,
        but for those that may have one of their options only.
    most : int
        Where there are more utilities than this, or continuous ones, None stands for them.
    """
    problem, grouping = question.problem, question.grouping
    option, group_of, earned = grouping.links(question.reward)
    earns = (earned > 0.0) & (own.upper > own.lower)[option]
    is_continuous = np.zeros(len(grouping), dtype=np.bool_)
    is_continuous[group_of[earns & ~problem.integer[option]]] = True
    least = question.utility(own.lower)
    found: list[Floats | None] = [
        None if continuous else np.array([start])
        for continuous, start in zip(is_continuous.tolist(), least.tolist(), strict=True)
    ]
    for some in _choices(option, group_of, own, np.flatnonzero(earns)):
        group = int(group_of[some[0]])
        before = found[group]
        if before is not None:
            added = earned[some]
            if len(some) == 1:
                j = option[some[0]]
                times = int(min(own.upper[j] - own.lower[j], most))
                added = added * np.arange(1, times + 1)
            after = sums_with(before, added)
            found[group] = after if len(after) <= most else None
    return found


def _choices(option: Integers, group: Integers, own: Region, links: Integers) -> list[np.ndarray]:
    """Return the links one by one, but together those of which an agent may have one only."""
    agent = own.agent_of_option
    is_single = (own.agent_limit[agent] < 2.0) & (own.lower <= 0.0) & (own.upper < 2.0)
    together: dict[tuple[int, int], list[int]] = {}
    for link in links.tolist():
        j = int(option[link])
        owner = int(agent[j]) if is_single[j] else -1 - j
        together.setdefault((int(group[link]), owner), []).append(link)
    return [np.array(some) for some in together.values()]
