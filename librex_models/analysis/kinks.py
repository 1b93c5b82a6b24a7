"""What is said where a derivative does not exist.

May import errors and problems.
"""

from __future__ import annotations

import numpy as np

from librex_models.analysis.standard_form import Booleans
from librex_models.errors import NotDifferentiable
from librex_models.problem import AllocationProblem

MOST_NAMED = 5


def not_differentiable(
    problem: AllocationProblem,
    what: str,
    why: str,
    options: Booleans | None = None,
    resources: Booleans | None = None,
) -> NotDifferentiable:
    """Return the error that names options and resources."""
    of_options = _chosen(problem.options, options)
    of_resources = _chosen(problem.resources, resources)
    named = [_named("option", of_options), _named("resource", of_resources)]
    places = " and ".join(words for words in named if words)
    return NotDifferentiable(
        f"{what} has no derivative at {places}: {why}", of_options, of_resources
    )


def _chosen(labels: object, chosen: Booleans | None) -> tuple[object, ...]:
    if chosen is None:
        return ()
    return tuple(labels[i] for i in np.flatnonzero(chosen).tolist())  # type: ignore[index]


def _named(kind: str, labels: tuple[object, ...]) -> str:
    if not labels:
        return ""
    words = ", ".join(repr(label) for label in labels[:MOST_NAMED])
    more = f" and {len(labels) - MOST_NAMED} more" if len(labels) > MOST_NAMED else ""
    return f"{kind}{'s' if len(labels) > 1 else ''} {words}{more}"
