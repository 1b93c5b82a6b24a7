"""Lines above alpha-fair terms: never below them, and touching where utilities can be."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from solvers.program import AlphaFairTerms, Block, Floats, Program
from solvers.scaled_utility import scaled_utility
from solvers.term_lines import MOST_VALUES, Curve, Lines, curves_of

ALPHAS = [0.01, 0.5, 0.9, 1.0, 1.5, 2.0, 10.0]
INFINITY = float("inf")


def tied(
    gain: list[float],
    alpha: float,
    *,
    start: float = 0.0,
    upper: float = 1.0,
    whole: bool = True,
    entry: float = 1.0,
) -> Program:
    """Return a Program of one term: entry (s - gain . x) = entry start."""
    n = len(gain)
    return Program(
        objective=np.zeros(n + 1),
        matrix=sparse.csc_array(entry * np.array([[-one for one in gain] + [1.0]])),
        row_lower=np.array([entry * start]),
        row_upper=np.array([entry * start]),
        column_lower=np.zeros(n + 1),
        column_upper=np.append(np.full(n, upper), 1e3),
        integer=np.append(np.full(n, whole), False),
        row_blocks=(Block(name="row"),),
        column_blocks=(Block(name="column", labels=range(n + 1)),),
        terms=AlphaFairTerms(columns=np.array([n]), weight=np.ones(1), alpha=alpha),
    )


def above(lines: Lines, ratio: Floats) -> Floats:
    """Return the least of some lines at some ratios."""
    slope, constant = lines
    lowest: Floats = (slope[:, None] * ratio + constant[:, None]).min(axis=0, initial=INFINITY)
    return lowest


@pytest.mark.parametrize("alpha", ALPHAS)
def test_tangents_are_nowhere_below_the_term(alpha: float) -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        low, high = np.sort(10.0 ** generator.uniform(-6, 4, 2))
        curve = Curve(low=low, high=high, alpha=alpha, tie=None)
        ratio = np.geomspace(low, high, 50)
        value = scaled_utility(ratio, alpha)
        room = 1e-12 * (1.0 + np.abs(value))
        assert (above(curve.first_lines(), ratio) >= value - room).all()
        for one in ratio[::10]:
            assert (above(curve.lines_at(float(one)), ratio) >= value - room).all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_tangent_touches_the_term_at_its_point(alpha: float) -> None:
    curve = Curve(low=0.1, high=10.0, alpha=alpha, tie=None)
    for ratio in (0.5, 1.0, 3.0):
        value = scaled_utility(np.array([ratio]), alpha)
        assert above(curve.lines_at(ratio), np.array([ratio])) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("start", [0.0, 0.3])
def test_chords_touch_the_term_at_all_that_whole_columns_give(alpha: float, start: float) -> None:
    gain = [0.2, 0.7, 1.1, 2.5]
    (curve,) = curves_of(tied(gain, alpha, start=start, entry=-2.0))
    sums = [
        start + sum(one)
        for n in range(5)
        for one in itertools.combinations(gain, n)
        if alpha < 1.0 or start + sum(one) > 0.0
    ]
    ratio = np.unique(sums)
    value = scaled_utility(ratio, alpha)
    room = 1e-9 * (1.0 + np.abs(value))
    assert (above(curve.first_lines(), ratio) >= value - room).all()
    for one in ratio.tolist():
        at = np.array([one])
        expected = scaled_utility(at, alpha)
        assert (above(curve.lines_at(one), ratio) >= value - room).all()
        assert above(curve.lines_at(one), at) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.3, 0.9])
def test_where_utilities_are_many_the_chord_from_zero_is_there(alpha: float) -> None:
    gain = [0.01 * float(np.sqrt(number)) for number in range(1, 21)]
    (curve,) = curves_of(tied(gain, alpha))
    assert curve.tie is not None
    assert curve.tie.values is None
    ends = np.array([0.0, 0.01])
    value = scaled_utility(ends, alpha)
    assert above(curve.first_lines(), ends) == pytest.approx(value, rel=1e-9)


def test_general_whole_columns_give_multiples() -> None:
    (curve,) = curves_of(tied([0.5, 2.0], 0.5, upper=3.0))
    assert curve.tie is not None
    expected = sorted({0.5 * a + 2.0 * b for a in range(4) for b in range(4)})
    assert curve.tie.values is not None
    assert curve.tie.values.tolist() == expected
    assert (curve.tie.least, curve.tie.following) == (0.0, 0.5)


def test_small_utilities_beside_large_ones_stay_apart() -> None:
    (curve,) = curves_of(tied([1e-10, 1.0], 0.9))
    assert curve.tie is not None
    assert curve.tie.values is not None
    assert curve.tie.values[:2].tolist() == [0.0, 1e-10]


def test_from_alpha_one_on_zero_is_excluded_where_it_is_one_of_few() -> None:
    (curve,) = curves_of(tied([1e-3, 1.0], 1.0))
    assert curve.low == pytest.approx(1e-3, rel=1e-5)
    (continuous,) = curves_of(tied([1e-3, 1.0], 1.0, whole=False))
    assert continuous.low == 0.0
    assert continuous.tie is None


def test_a_column_that_may_fall_as_well_is_not_looked_into() -> None:
    (curve,) = curves_of(tied([1.0, -1.0], 0.5, start=1.0))
    assert curve.tie is None


def test_no_more_chords_are_begun_with_than_are_of_use() -> None:
    gain = [1.0 + 2.0**-number for number in range(9)]
    (curve,) = curves_of(tied(gain, 0.5))
    assert curve.tie is not None
    assert curve.tie.values is not None
    assert 100 < len(curve.tie.values) <= MOST_VALUES
    assert len(curve.first_lines()[0]) <= 40


def test_a_column_that_is_zero_has_no_lines_from_alpha_one_on() -> None:
    curve = Curve(low=0.0, high=0.0, alpha=1.0, tie=None)
    assert curve.most == INFINITY
    assert np.isfinite(curve.first_lines()[1]).all()
