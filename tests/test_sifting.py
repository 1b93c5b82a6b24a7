"""Sifting finds what the whole program has."""

import numpy as np
import pytest
from scipy import sparse

import solvers.sifting
from solvers import Block, Program, SolveOptions, Status, find_adapter
from solvers.errors import CapabilityError
from solvers.sifting import SiftedSession, has_many_columns


def program(seed: int, n_columns: int = 400, n_rows: int = 6) -> Program:
    """Return a random packing program, some columns of which must have a value."""
    generator = np.random.default_rng(seed)
    matrix = generator.uniform(0.0, 1.0, (n_rows, n_columns))
    matrix *= generator.random((n_rows, n_columns)) < 0.5
    lower = np.where(generator.random(n_columns) < 0.02, 0.1, 0.0)
    # One column is what is maximised, tied to the others by its row.
    worth = np.append(generator.uniform(0.0, 1.0, n_columns), -1.0)
    matrix = np.vstack([np.hstack([matrix, np.zeros((n_rows, 1))]), worth])
    return Program(
        objective=np.append(np.zeros(n_columns), 1.0),
        matrix=sparse.csc_array(matrix),
        row_lower=np.append(np.full(n_rows, -np.inf), 0.0),
        row_upper=np.append(np.full(n_rows, 20.0), np.inf),
        column_lower=np.append(lower, 0.0),
        column_upper=np.append(np.ones(n_columns), np.inf),
        integer=np.zeros(n_columns + 1, dtype=np.bool_),
        row_blocks=(Block(name="row", labels=range(n_rows + 1)),),
        column_blocks=(Block(name="x", labels=range(n_columns)), Block(name="most")),
    )


@pytest.mark.parametrize("seed", range(10))
def test_the_optimum_is_that_of_all_columns(seed: int) -> None:
    asked = program(seed)
    whole = find_adapter("highs").open(asked).solve(SolveOptions())
    session = SiftedSession(find_adapter("highs").open, asked)
    found = session.solve(SolveOptions())
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(whole.objective, rel=1e-8)
    assert found.point is not None
    assert found.reduced_cost is not None
    assert len(found.point) == len(found.reduced_cost) == asked.n_columns
    assert (asked.matrix @ found.point <= asked.row_upper + 1e-7).all()


def test_an_update_is_answered_like_a_fresh_program() -> None:
    session = SiftedSession(find_adapter("highs").open, program(0))
    session.solve(SolveOptions())
    for seed in (1, 2, 0):
        session.update(program(seed))
        fresh = find_adapter("highs").open(program(seed)).solve(SolveOptions())
        assert session.solve(SolveOptions()).objective == pytest.approx(fresh.objective, rel=1e-8)


def test_what_a_few_columns_cannot_do_is_asked_of_all() -> None:
    asked = program(3)
    lower = asked.row_lower.copy()
    lower[:-1] = 15.0
    tight = Program(**{**vars(asked), "row_lower": lower})
    whole = find_adapter("highs").open(tight).solve(SolveOptions())
    found = SiftedSession(find_adapter("highs").open, tight).solve(SolveOptions())
    assert found.status is whole.status


def test_rows_are_refused() -> None:
    session = SiftedSession(find_adapter("highs").open, program(0))
    with pytest.raises(CapabilityError, match="sifted"):
        session.add_rows(sparse.csr_array((1, 401)), np.zeros(1), np.zeros(1))


def test_only_wide_linear_programs_are_sifted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_many_columns(program(0))
    monkeypatch.setattr(solvers.sifting, "MANY_COLUMNS", 100)
    assert has_many_columns(program(0))
    assert not has_many_columns(program(0, n_columns=400, n_rows=60))
