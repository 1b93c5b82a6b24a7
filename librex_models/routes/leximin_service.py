"""How many can get anything at all, where what somebody gets may be as small as one likes.

Of whole decisions nobody gets less than the least reward, and a bound below it is zero. Decisions
that are whole in part have no such least utility, and a solver's bound of 1e-10 on a level does not
say that it is zero. Counting does:

    max  sum of served_g    with  served_g <= sum of x_i over the whole options of g that earn, 0/1

over all who have whole options only and nothing before. Everybody else may get something.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from librex_models.problem.grouping import Links
from librex_models.routes.route import Question
from librex_models.verification import region
from solvers import Block, Program
from solvers.program import Booleans

INTEGRALITY = 1e-6
"""By so much a solver's bound on a number of groups may be too small."""


def needs_service(question: Question) -> Booleans:
    """Return who has nothing unless a whole option is chosen."""
    grouping, problem = question.grouping, question.problem
    links = grouping.links(question.reward)
    earns = _earns(question, links) & ~problem.integer[links.option]
    has_fractions = np.zeros(len(grouping), dtype=np.bool_)
    has_fractions[links.group[earns]] = True
    return np.asarray((grouping.history == 0.0) & ~has_fractions, dtype=np.bool_)


def service_program(question: Question, program: Program) -> Program:
    """Return the program that serves as many as possible of those who need it.

    Parameters
    ----------
    question : Question
    program : Program
        Of the first level.
    """
    grouping, needing = question.grouping, np.flatnonzero(needs_service(question))
    n = len(needing)
    links = grouping.links(question.reward)
    useful = _earns(question, links) & question.problem.integer[links.option]
    useful &= np.isin(links.group, needing)
    row = np.searchsorted(needing, links.group[useful])
    columns = links.option[useful] + program.columns_of("x").start
    chosen = sparse.csr_array((np.ones(len(row)), (row, columns)), shape=(n, program.n_columns))
    served = sparse.vstack([sparse.csr_array((program.n_rows, n)), -sparse.eye_array(n)])
    matrix = sparse.hstack([sparse.vstack([program.matrix, chosen]), served])
    return replace(
        program,
        objective=np.concatenate([np.zeros(program.n_columns), np.ones(n)]),
        matrix=sparse.csc_array(matrix),
        row_lower=np.concatenate([program.row_lower, np.zeros(n)]),
        row_upper=np.concatenate([program.row_upper, np.full(n, np.inf)]),
        column_lower=np.concatenate([program.column_lower, np.zeros(n)]),
        column_upper=np.concatenate([program.column_upper, np.ones(n)]),
        integer=np.concatenate([program.integer, np.ones(n, dtype=np.bool_)]),
        row_blocks=(*program.row_blocks, Block(name="service", labels=range(n))),
        column_blocks=(*program.column_blocks, Block(name="served", labels=range(n))),
    )


def number_left_out(question: Question, bound: float) -> int:
    """Return how many get nothing at least, from a bound on how many can be served."""
    needing = int(needs_service(question).sum())
    if not np.isfinite(bound):
        return 0
    return max(needing - int(np.floor(bound + INTEGRALITY)), 0)


def _earns(question: Question, links: Links) -> Booleans:
    """Return which links earn anything, within bounds and budgets."""
    own = region(question.problem, by_budgets=True)
    return np.asarray((links.earned > 0.0) & (own.upper > 0.0)[links.option], dtype=np.bool_)
