"""Three small problems of every cell of the matrix; ``make matrix`` runs the whole."""

import pytest

from tests.coverage.cells import Cell, cells
from tests.coverage.checks import checked

MOST_OPTIONS = 12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "cell", list(cells()), ids=lambda cell: f"{cell.family}-{cell.kind}-{cell.solver}"
)
def test_every_family_is_solved_by_every_solver(cell: Cell, seed: int) -> None:
    assert checked(cell, seed, MOST_OPTIONS).trouble == ""
