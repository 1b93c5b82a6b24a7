"""The utilities that whole decisions can give, where they are few."""

from __future__ import annotations

import numpy as np

from librex_models.routes.route import Floats, Question
from librex_models.verification import Region
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
    earned = grouping.share[grouping.of_option] * question.reward
    earns = (earned > 0.0) & (own.upper > own.lower)
    is_continuous = np.zeros(len(grouping), dtype=np.bool_)
    is_continuous[grouping.of_option[earns & ~problem.integer]] = True
    least = question.utility(own.lower)
    found: list[Floats | None] = [
        None if continuous else np.array([start])
        for continuous, start in zip(is_continuous.tolist(), least.tolist(), strict=True)
    ]
    for options in _choices(question, own, np.flatnonzero(earns)):
        group = int(grouping.of_option[options[0]])
        before = found[group]
        if before is not None:
            added = earned[options]
            if len(options) == 1:
                times = int(min(own.upper[options[0]] - own.lower[options[0]], most))
                added = added * np.arange(1, times + 1)
            after = sums_with(before, added)
            found[group] = after if len(after) <= most else None
    return found


def _choices(question: Question, own: Region, options: np.ndarray) -> list[np.ndarray]:
    """Return the options one by one, but together those of which an agent may have one only."""
    grouping, agent = question.grouping, own.agent_of_option
    is_single = (own.agent_limit[agent] < 2.0) & (own.lower <= 0.0) & (own.upper < 2.0)
    together: dict[tuple[int, int], list[int]] = {}
    for option in options.tolist():
        owner = int(agent[option]) if is_single[option] else -1 - option
        together.setdefault((int(grouping.of_option[option]), owner), []).append(option)
    return [np.array(some) for some in together.values()]
