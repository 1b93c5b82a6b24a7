"""Small Programs with alpha-fair terms, and their optima by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import sparse

from solvers.program import AlphaFairTerms, Block, Floats, Program

INFINITY = float("inf")
ALPHAS = [0.5, 1.0, 2.0, 5.0]


def fair(seed: int, alpha: float, whole: bool, n_agents: int = 5) -> Program:
    """Return agents of two options each, a utility of one without any, and two budgets."""
    generator = np.random.default_rng(seed)
    value = generator.integers(1, 40, (n_agents, 2)).astype(np.float64)
    request = generator.integers(5, 50, (2, 2 * n_agents)).astype(np.float64)
    n_options = 2 * n_agents
    matrix = np.zeros((2 * n_agents + 2, 3 * n_agents))
    for agent in range(n_agents):
        matrix[agent, 2 * agent : 2 * agent + 2] = value[agent]
        matrix[agent, n_options + agent] = -1.0
        matrix[n_agents + agent, 2 * agent : 2 * agent + 2] = 1.0
    matrix[2 * n_agents :, :n_options] = request
    sides = [np.full(n_agents, -1.0), np.ones(n_agents), 0.4 * request.sum(axis=1)]
    n_rows, n_columns = matrix.shape
    return Program(
        objective=np.zeros(n_columns),
        matrix=sparse.csc_array(matrix),
        row_lower=np.concatenate([sides[0], np.full(n_agents + 2, -INFINITY)]),
        row_upper=np.concatenate(sides),
        column_lower=np.zeros(n_columns),
        column_upper=np.concatenate([np.ones(n_options), np.full(n_agents, INFINITY)]),
        integer=np.arange(n_columns) < (n_options if whole else 0),
        row_blocks=(Block(name="row", labels=range(n_rows)),),
        column_blocks=(Block(name="column", labels=range(n_columns)),),
        terms=AlphaFairTerms(
            columns=n_options + np.arange(n_agents),
            weight=generator.integers(1, 5, n_agents).astype(np.float64),
            alpha=alpha,
        ),
    )


def equivalent(program: Program, utility: Floats) -> float:
    """Return the utility that, given to all, is worth as much."""
    terms = program.terms
    assert terms is not None
    share = terms.weight / terms.weight.sum()
    if terms.alpha == 1.0:
        return float(np.exp(share @ np.log(utility)))
    return float((share @ utility ** (1 - terms.alpha)) ** (1 / (1 - terms.alpha)))


def equivalent_of(program: Program, point: Floats | None) -> float:
    assert point is not None
    assert program.terms is not None
    return equivalent(program, point[program.terms.columns])


def best_whole(program: Program) -> float:
    """Return the best equivalent of a whole program of `fair`, by enumeration."""
    assert program.terms is not None
    n_agents = len(program.terms.columns)
    n_options = 2 * n_agents
    matrix = program.matrix.toarray()
    best = 0.0
    for chosen in itertools.product([(0, 0), (1, 0), (0, 1)], repeat=n_agents):
        options = np.array(chosen, dtype=np.float64).ravel()
        used = matrix[n_options:, :n_options] @ options
        if (used <= program.row_upper[n_options:]).all():
            utility = matrix[:n_agents, :n_options] @ options + 1.0
            best = max(best, equivalent(program, utility))
    return best


def rows_without_options(program: Program) -> tuple[sparse.csr_array, Floats, Floats]:
    """Return the row, with its sides, by which no agent has any option: every utility is one."""
    assert program.terms is not None
    columns, n_agents = program.terms.columns, len(program.terms.columns)
    row = sparse.csr_array(
        (np.ones(n_agents), (np.zeros(n_agents, dtype=np.int64), columns)),
        shape=(1, program.n_columns),
    )
    return row, np.array([-INFINITY]), np.array([float(n_agents)])
