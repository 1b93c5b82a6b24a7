"""References of alpha-fair terms: what their columns are measured in.

May import the conic program with its scaling.
"""

from __future__ import annotations

import numpy as np

from solvers.conic_program import Task
from solvers.conic_scaling import guessed_utilities
from solvers.program import Floats
from solvers.scaled_utility import ratio_of, scaled_utility


def guess_of(task: Task) -> tuple[Floats, float]:
    """Return what the utilities look like up to a factor, and the most that this can be."""
    reach = task.most[task.columns]
    reach = np.where(np.isfinite(reach) & (reach > 0), reach, 1.0)
    guess = guessed_utilities(task, reach)
    return guess, float((reach / guess).min())


def first_reference(task: Task) -> Floats:
    """Return a reference for each term, from the bounds of its column alone."""
    if not task.has_terms:
        return np.zeros(0)
    guess, most = guess_of(task)
    return guess * (most / len(guess))


def proportional_reference(task: Task, point: Floats) -> Floats:
    """Return the guess in the size of a point: where all utilities are this, welfare is the same.

    With whole columns and a large alpha, utilities that are far above the others tell nothing of
    those that matter around another point.
    """
    guess, _ = guess_of(task)
    ratio = point[task.columns] / guess
    log_weight = np.log(task.weight) + (1.0 - task.alpha) * np.log(guess)
    weight = np.exp(log_weight - log_weight.max())
    least = float(ratio.min())
    mean = float(weight @ scaled_utility(ratio / least, task.alpha) / weight.sum())
    return guess * least * float(ratio_of(np.array([mean]), task.alpha)[0])


def within_reach(task: Task, reference: Floats) -> Floats:
    """Return the references, none of them more than its column can be."""
    most = task.most[task.columns]
    return np.where(most > 0, np.minimum(reference, most), reference)
