"""An allocation as numbers, texts, lists and dictionaries: what ``--json`` prints.

Labels are texts. Where there is no number stands None; where a number is not finite stands the text
"inf", "-inf" or "nan", which JSON has no numbers for and `float` reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models.allocation import Allocation, Attempt
from librex_models.problem.labels import label_texts
from librex_models.report.measures import (
    alpha_of,
    earned_by_option,
    inner_alpha_of,
    reported_grouping,
    settled_texts,
    utility_of_groups,
    why_not,
)

Floats = npt.NDArray[np.float64]
Json = dict[str, Any]


def json_report(allocation: Allocation) -> Json:
    """Return an allocation as a dictionary that JSON can hold.

    Parameters
    ----------
    allocation : Allocation
        Without a point, the entries that need one are None.

    Returns
    -------
    dict
        The keys are those of `Allocation`; ``reason`` says why there is no allocation to use, and
        is None where there is one.
    """
    problem, certificate = allocation.problem, allocation.certificate
    resources = label_texts(problem.resources)
    has_point = allocation.has_point
    return {
        "model": allocation.family.key,
        "alpha": json_number(alpha_of(allocation)),
        "inner_alpha": json_number(inner_alpha_of(allocation)),
        "over": _over(allocation),
        "status": allocation.status.name,
        "limit": None if allocation.limit is None else allocation.limit.name,
        "verdict": allocation.verdict.name,
        "reason": why_not(allocation) or None,
        "objective": json_number(allocation.objective) if has_point else None,
        "bound": json_number(allocation.bound),
        "gap": json_number(allocation.gap),
        "equivalent": json_number(allocation.equivalent) if has_point else None,
        "reward": json_number(earned_by_option(allocation).sum()) if has_point else None,
        "certificate": {
            "sentence": certificate.sentence,
            "bound_from": certificate.bound_from,
            "value": json_number(certificate.value) if has_point else None,
            "bound": json_number(certificate.bound),
            "price_bound": json_number(certificate.price_bound),
            "solver_bound": json_number(certificate.solver_bound),
            "price": _by_label(resources, certificate.price),
            "violations": {
                kind: json_number(most) for kind, most in certificate.violations.items()
            },
            "levels": _levels(allocation),
        },
        "budget": _by_label(resources, problem.budget),
        "used": _by_label(resources, allocation.used if has_point else None),
        "price": _by_label(resources, allocation.price),
        **_who_gets_what(allocation, resources),
        "solver": allocation.solver,
        "route": allocation.route,
        "form": allocation.form,
        "attempts": [_attempt(attempt) for attempt in allocation.attempts],
        "seconds": allocation.seconds,
    }


def _over(allocation: Allocation) -> str | None:
    is_over = allocation.family.compares_utilities
    return f"{reported_grouping(allocation).kind}s" if is_over else None


def _levels(allocation: Allocation) -> list[Json]:
    return [
        {
            "value": json_number(level.value),
            "bound": json_number(level.bound),
            "gap": json_number(level.gap),
            "bound_from": level.bound_from,
            "settled": texts,
        }
        for level, texts in zip(
            allocation.certificate.levels, settled_texts(allocation), strict=True
        )
    ]


def _who_gets_what(allocation: Allocation, resources: list[str]) -> Json:
    names = ("decision", "allocated", "utility", "utility_of_groups", "fairness")
    if not allocation.has_point:
        return dict.fromkeys(names)
    problem = allocation.problem
    compared = label_texts(reported_grouping(allocation).labels)
    return {
        "decision": _by_label(label_texts(problem.options), allocation.decision),
        "allocated": {
            agent: _by_label(resources, amounts)
            for agent, amounts in zip(
                label_texts(problem.agents), allocation.allocated, strict=True
            )
        },
        "utility": _by_label(compared, allocation.utility),
        "utility_of_groups": _by_label(label_texts(problem.groups), utility_of_groups(allocation)),
        "fairness": {name: json_number(value) for name, value in allocation.fairness().items()},
    }


def _attempt(attempt: Attempt) -> Json:
    return {
        "solver": attempt.solver,
        "route": attempt.route,
        "form": attempt.form,
        "status": None if attempt.status is None else attempt.status.name,
        "limit": None if attempt.limit is None else attempt.limit.name,
        "seconds": attempt.seconds,
        "rounds": attempt.rounds,
        "nodes": attempt.nodes,
        "message": attempt.message,
        "why": attempt.why,
    }


def _by_label(labels: Iterable[str], numbers: Floats | None) -> Json | None:
    if numbers is None:
        return None
    return {
        label: json_number(value) for label, value in zip(labels, numbers.tolist(), strict=True)
    }


def json_number(value: float | None) -> float | str | None:
    """Return a number that JSON has, or the text of one that it has not.

    Examples
    --------
    >>> json_number(0.5), json_number(float("inf")), json_number(None)
    (0.5, 'inf', None)
    """
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else str(number)


def json_text(content: Any) -> str:
    """Return JSON as every reader takes it: no NaN and no Infinity.

    Raises
    ------
    ValueError
        If there is a number that JSON does not have.
    """
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
