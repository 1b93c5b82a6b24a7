"""A few small problems of every cell of the matrix; ``make matrix`` runs the whole."""

import pytest

from tests.coverage.cells import NESTED, Cell, cells
from tests.coverage.checks import checked

MOST_OPTIONS = 12


@pytest.mark.parametrize(
    ("cell", "seed"),
    [(cell, seed) for cell in cells() for seed in range(1 if cell.family in NESTED else 3)],
    ids=lambda value: (
        f"{value.family}-{value.kind}-{value.solver}" if isinstance(value, Cell) else str(value)
    ),
)
def test_every_family_is_solved_by_every_solver(cell: Cell, seed: int) -> None:
    assert checked(cell, seed, MOST_OPTIONS).trouble == ""
