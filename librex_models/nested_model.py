"""A model of nested fairness without its curves, for files that are linear.

It is the relaxation under tangents that proves the gap: solved here until its optimum is within the
gap of a decision, and written as it stands. What a solver finds to be the optimum of the file is at
most the gap above the best welfare.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from librex_models.errors import UnsolvableError
from librex_models.families import NestedFairness
from librex_models.routes.nested import Nested
from librex_models.routes.planning import LINEAR_SOLVER
from librex_models.routes.route import Question
from librex_models.routes.solvable import family_words
from librex_models.routes.solving import RouteSession
from solvers import Program, SolveOptions, Status, find_adapter

SHARPER = (0.5, 0.2, 0.1, 0.02)
"""Times the gap, to which it is solved."""


def nested_model(
    question: Question,
    family: NestedFairness,
    program: Program,
    relative_gap: float,
    seconds: float,
) -> tuple[Program, float]:
    """Return the linear Program, its objective in scaled terms, and the unit of its utilities.

    Raises
    ------
    UnsolvableError
        If the gap is not reached.
    """
    reformulation, opener = Nested(name="outer_approximation"), find_adapter(LINEAR_SOLVER).open
    session = RouteSession(question, program, reformulation, opener, opener)
    try:
        # Prices prove more than the optimum of the program, which is what the file has.
        for sharper in SHARPER:
            options = SolveOptions(relative_gap=sharper * relative_gap, time_limit_seconds=seconds)
            answer = session.solve(options)
            proof = answer.certificate
            # Nothing at all, or all that there is, is known without the solver's bound.
            is_known = np.isinf(proof.solver_bound) or proof.value == 0.0
            bound = proof.bound if is_known else proof.solver_bound
            is_near = bound * (1.0 - relative_gap) <= proof.value
            if answer.decision is None or is_near:
                break
    finally:
        session.close()
    if answer.status is not Status.INFEASIBLE and not is_near:
        raise UnsolvableError(
            f"{family_words(question)} could not be put under tangents to a gap of "
            f"{relative_gap:g}: {proof.sentence} Ask for a wider gap"
        )
    # Decisions that are worse than what was found are decisions all the same.
    reformulation.incumbent = None
    linear = reformulation.program(question, program)
    unit = reformulation.utility_unit
    if family.has_terms:
        return linear, unit
    return replace(linear, objective=linear.objective * unit), unit
