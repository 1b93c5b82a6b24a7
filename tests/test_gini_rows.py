"""A cap on the Gini coefficient by pairs and through a sorting network: the same cap.

Oracles: sorting, scipy's linear programs, and the pairs.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from librex_models import AllocationProblem, GroupAlphaFair, MaxMin, Verdict
from librex_models.problem import gini_rows as module
from librex_models.problem.gini_rows import (
    MOST_BY_PAIRS,
    GiniRows,
    comparators,
    gini_rows,
    rows_of_network,
    rows_of_pairs,
)
from librex_models.verification import fairness_measures
from tests.form_entries import entries_of, programs_of_forms
from tests.random_examples import examples

amounts = st.one_of(st.integers(0, 3).map(float), st.floats(0.0, 10.0, allow_subnormal=False))


def exchanged(numbers: np.ndarray) -> np.ndarray:
    """Return the numbers after every comparator has put its two in order."""
    moved = numbers.copy()
    for i, j in zip(*(one.tolist() for one in comparators(len(numbers))), strict=True):
        moved[i], moved[j] = min(moved[i], moved[j]), max(moved[i], moved[j])
    return moved


@pytest.mark.parametrize("n", range(13))
def test_a_network_sorts_all_zeros_and_ones_and_therefore_anything(n: int) -> None:
    for numbers in itertools.product((0.0, 1.0), repeat=n):
        assert (np.diff(exchanged(np.array(numbers))) >= 0.0).all()


@given(st.lists(amounts, min_size=1, max_size=150))
@settings(max_examples=examples(1000), deadline=None)
def test_a_network_sorts_any_number_of_places(numbers: list[float]) -> None:
    assert exchanged(np.array(numbers)).tolist() == sorted(numbers)


def least_sum(rows: GiniRows, utility: np.ndarray) -> float:
    """Return the least left side of the cap, without its part of the sum, over all differences."""
    above, equal = rows.difference_of, rows.place_of
    found = optimize.linprog(
        np.append(rows.twice, np.zeros(rows.n_places)),
        sparse.hstack([above["difference"], above["place"]]).toarray(),
        -(above["utility"] @ utility),
        sparse.hstack([equal["difference"], equal["place"]]).toarray(),
        -(equal["utility"] @ utility),
        bounds=(0.0, None),
    )
    return float(rows.coefficient @ utility + found.fun)


@given(st.lists(amounts, min_size=2, max_size=12))
@settings(max_examples=examples(1000), deadline=None)
def test_no_differences_say_less_than_the_utilities_in_order(numbers: list[float]) -> None:
    utility, n = np.array(numbers), len(numbers)
    expected = float((2.0 * np.arange(n) + 1.0 - n) @ np.sort(utility))
    for rows in (rows_of_pairs(n), rows_of_network(n)):
        assert least_sum(rows, utility) == pytest.approx(expected, rel=1e-7, abs=1e-6)


@given(st.lists(amounts, min_size=50, max_size=100))
@settings(max_examples=examples(200), deadline=None)
def test_no_differences_of_many_groups_say_less(numbers: list[float]) -> None:
    utility, n = np.array(numbers), len(numbers)
    expected = float((2.0 * np.arange(n) + 1.0 - n) @ np.sort(utility))
    assert least_sum(rows_of_network(n), utility) == pytest.approx(expected, rel=1e-6, abs=1e-4)


def test_the_network_grows_little_faster_than_the_groups() -> None:
    sizes = {n: (len(gini_rows(n).twice), gini_rows(n).n_places) for n in (MOST_BY_PAIRS, 1000)}
    assert sizes[MOST_BY_PAIRS] == (1770, 0)
    n_comparators, n_places = sizes[1000]
    assert n_comparators == 23499
    assert n_places < 6 * 1000


def many_groups(seed: int, n_groups: int) -> AllocationProblem:
    generator = np.random.default_rng([13, seed])
    n_options = 2 * n_groups
    requests = generator.uniform(0.5, 2.0, (n_options, 2))
    return AllocationProblem(
        requests,
        0.3 * requests.sum(axis=0),
        generator.uniform(0.1, 1.0, n_options),
        group=np.arange(n_options) % n_groups,
        group_utility="sum",
    )


@pytest.mark.parametrize("cap", [0.0, 0.07, 0.2])
@pytest.mark.parametrize("seed", range(examples(50)))
def test_the_optimum_is_that_by_pairs_and_proven(
    seed: int, cap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_groups = 3 + 7 * (seed % 6)
    model = GroupAlphaFair(many_groups(seed, n_groups), [0.0, 0.5, 2.0][seed % 3], gini_cap=cap)
    by_pairs = model.solve(solver="highs")
    monkeypatch.setattr(module, "MOST_BY_PAIRS", 1)
    gini_rows.cache_clear()
    by_network = model.solve(solver="highs")
    gini_rows.cache_clear()
    assert by_network.verdict is by_pairs.verdict is Verdict.OPTIMAL
    assert by_network.certificate.bound_from == "prices"
    assert by_network.equivalent == pytest.approx(by_pairs.equivalent, rel=3e-6)
    assert fairness_measures(by_network.utility)["gini"] <= cap + 1e-5


@pytest.mark.parametrize("cap", [0.0, 0.1])
@pytest.mark.parametrize("n_groups", [61, 64])
def test_all_forms_have_the_same_network(n_groups: int, cap: float) -> None:
    model = MaxMin(many_groups(0, n_groups), lexicographic=False, gini_cap=cap)
    entries = [entries_of(program) for program in programs_of_forms(model.question())]
    assert entries[0] == entries[1] == entries[2]


@pytest.mark.parametrize("solver", ["highs", "scip"])
def test_two_hundred_groups_are_solved_and_proven(solver: str) -> None:
    model = GroupAlphaFair(many_groups(1, 200), 0.0, gini_cap=0.1)
    allocation = model.solve(solver=solver)
    assert allocation.verdict is Verdict.OPTIMAL
    assert allocation.certificate.bound_from == "prices"
    assert fairness_measures(allocation.utility)["gini"] == pytest.approx(0.1, abs=1e-5)


def test_a_cap_that_many_groups_cannot_keep_is_infeasible_with_a_proof() -> None:
    # One group has ten times what the others can have.
    problem = many_groups(2, 120).replace(history={g: 500.0 * (g == 0) for g in range(120)})
    allocation = GroupAlphaFair(problem, 0.0, gini_cap=0.1).solve(solver="highs")
    assert allocation.verdict is Verdict.INFEASIBLE
