"""Entries of full and of sparse matrices, against the same in dense arrays."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from solvers.entries import (
    FEW_ROWS,
    by_column,
    least_of_columns,
    least_quotients,
    of_columns,
    products,
    with_entries,
)

Floats = npt.NDArray[np.float64]

SHAPES = {"few rows": (3, 40), "many rows": (FEW_ROWS + 1, 7), "one row": (1, 5)}


def random_matrix(shape: tuple[int, int], share: float) -> tuple[Floats, sparse.csc_array]:
    """Return a matrix of which a share is not zero, dense and stored."""
    generator = np.random.default_rng(shape[0])
    dense = generator.uniform(0.1, 5.0, shape) * (generator.random(shape) < share)
    return dense, sparse.csc_array(dense)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("share", [1.0, 0.5, 0.0], ids=["full", "half", "empty"])
def test_quotients_and_products_are_those_of_dense_arrays(
    shape: tuple[int, int], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvers.entries.COLUMNS_AT_ONCE", 16)
    dense, matrix = random_matrix(shape, share)
    generator = np.random.default_rng(1)
    row, column = generator.uniform(1.0, 9.0, shape[0]), generator.uniform(0.5, 2.0, shape[1])
    row[0] = np.inf
    quotient = np.full(shape, np.inf)
    np.divide(row[:, np.newaxis], dense, out=quotient, where=dense > 0)
    np.testing.assert_array_equal(least_quotients(row, matrix), quotient.min(axis=0))
    row[0] = 3.0
    expected = sparse.csc_array(dense * row[:, np.newaxis] * column)
    np.testing.assert_allclose(products(matrix, row, column), expected.data, rtol=1e-15)


def test_a_matrix_of_which_all_is_stored_is_seen_by_columns() -> None:
    dense, matrix = random_matrix((3, 40), 1.0)
    full = by_column(matrix)
    assert full is not None
    np.testing.assert_array_equal(full, dense.T)


def test_a_matrix_with_a_hole_or_out_of_order_is_not_seen_by_columns() -> None:
    _, with_holes = random_matrix((3, 40), 0.5)
    assert by_column(with_holes) is None
    rows, starts = np.array([1, 0]), np.array([0, 2])
    out_of_order = sparse.csc_array((np.array([1.0, 2.0]), rows, starts), shape=(2, 1))
    assert by_column(out_of_order) is None


def test_columns_without_entries_have_no_least() -> None:
    matrix = sparse.csc_array(np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 0.0]]))
    assert least_of_columns(matrix, matrix.data).tolist() == [1.0, np.inf, 2.0]
    assert of_columns(matrix, np.array([7, 8, 9])).tolist() == [7, 7, 9]


def test_other_entries_share_the_pattern_and_what_is_known_of_it() -> None:
    _, matrix = random_matrix((3, 40), 0.5)
    assert matrix.has_canonical_format
    other = with_entries(matrix, 2.0 * matrix.data)
    assert np.shares_memory(other.indices, matrix.indices)
    assert other.has_canonical_format
    np.testing.assert_array_equal(other.toarray(), 2.0 * matrix.toarray())
    twice = sparse.csc_array((np.ones(2), np.zeros(2, np.int32), np.array([0, 2])), shape=(1, 1))
    assert not with_entries(twice, np.ones(2)).has_canonical_format
