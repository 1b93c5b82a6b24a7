"""Whether tangents or a solver's own alpha-fair terms are faster, as far as that was measured.

The table comes from random problems of every kind of the coverage matrix, up to 400 options; its
ratios are in ``docs/explanation/outer_approximation.md``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from librex_models.families import AlphaFairness
from librex_models.routes.route import Question

MOST_NATIVE_TERMS: Mapping[str, Mapping[str, float]] = {
    "scip": {"fractional": np.inf, "mixed": np.inf, "whole": 12},
    "gurobi": {"fractional": 5, "mixed": 12, "whole": 25},
}
"""Up to so many terms a solver's own way is no slower than tangents, for each kind of decisions."""
STEEP = 5.0
MOST_STEEP_TERMS: Mapping[str, Mapping[str, float]] = {
    "scip": {**MOST_NATIVE_TERMS["scip"], "mixed": 0, "whole": 0},
    "gurobi": {**MOST_NATIVE_TERMS["gurobi"], "mixed": 0},
}
"""The same for alpha above 5, where a solver's own way may leave a gap too."""


def why_tangents(question: Question, solver: str) -> str:
    """Return why tangents are faster than a solver's own terms; empty where they are not.

    Parameters
    ----------
    question : Question
        Of alpha-fair welfare.
    solver : str
        With terms of its own.
    """
    family = question.family
    is_steep = isinstance(family, AlphaFairness) and family.alpha > STEEP
    most = (MOST_STEEP_TERMS if is_steep else MOST_NATIVE_TERMS).get(solver, {})
    kind, n_terms = kind_of(question), len(question.grouping)
    if n_terms <= most.get(kind, np.inf):
        return ""
    words = f"{n_terms} terms over {kind} decisions" + (", alpha above 5" if is_steep else "")
    return f"faster than {solver}'s own way for {words}"


def why_first(question: Question) -> str:
    """Return why HiGHS is taken before others that solve to a gap too; empty where it is not."""
    kind = kind_of(question)
    if kind == "fractional":
        return ""
    return f"no free solver was faster on {kind} alpha-fair problems"


def kind_of(question: Question) -> str:
    """Return "fractional", "whole" or "mixed"."""
    is_whole = question.problem.integer
    if is_whole.all():
        return "whole"
    return "mixed" if is_whole.any() else "fractional"
