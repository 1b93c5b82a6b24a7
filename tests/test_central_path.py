"""The central path ends at optima whose closed forms are known, and proves them by arithmetic."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from solvers.central_path import Central, central_point
from solvers.conic_bound import bound_of
from solvers.conic_program import Task, task_of
from solvers.conic_scaling import scaled_task, value_of
from solvers.program import AlphaFairTerms, Block, Floats, Program
from solvers.term_barrier import Barrier
from tests.fair_programs import fair

INFINITY = float("inf")
ALPHAS = [0.01, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0, 20.0, 100.0]
GAP = 1e-8


def one_budget(alpha: float, reward: Floats, weight: Floats, budget: float) -> Program:
    """Return options x >= 0 of cost 1, one an agent, with utilities reward * x."""
    n = len(reward)
    matrix = np.block([[np.ones((1, n)), np.zeros((1, n))], [-np.diag(reward), np.eye(n)]])
    return Program(
        objective=np.zeros(2 * n),
        matrix=sparse.csc_array(matrix),
        row_lower=np.append(-INFINITY, np.zeros(n)),
        row_upper=np.append(budget, np.zeros(n)),
        column_lower=np.zeros(2 * n),
        column_upper=np.full(2 * n, INFINITY),
        integer=np.zeros(2 * n, dtype=np.bool_),
        row_blocks=(Block(name="row", labels=range(n + 1)),),
        column_blocks=(Block(name="column", labels=range(2 * n)),),
        terms=AlphaFairTerms(columns=n + np.arange(n), weight=weight, alpha=alpha),
    )


def spread(seed: int, decades: float) -> tuple[Floats, Floats]:
    """Return rewards over so many decades, and weights over two."""
    generator = np.random.default_rng(seed)
    half = 0.5 * decades
    return 10.0 ** generator.uniform(-half, half, 8), 10.0 ** generator.uniform(-1.0, 1.0, 8)


def found(task: Task, known: Floats | None = None, gap: float = GAP) -> Central:
    central = central_point(task, np.zeros(len(task.cost)) if known is None else known, gap)
    assert central is not None
    return central


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("decades", [1.0, 6.0])
def test_the_end_is_the_closed_form_of_one_budget(alpha: float, decades: float) -> None:
    reward, weight = spread(3, decades)
    central = found(task_of(one_budget(alpha, reward, weight, 7.0)))
    # Spending is softmax(e log w + (e - 1) log p) with e = 1 / alpha.
    exponent = np.log(weight) / alpha + (1.0 / alpha - 1.0) * np.log(reward)
    spent = 7.0 * np.exp(exponent - np.logaddexp.reduce(exponent))
    assert central.gap <= GAP
    # Welfare is flat at its top: an error of 1e-8 there is one of 1e-4 in spending.
    matters = spent > 1e-3
    np.testing.assert_allclose(central.point[:8][matters], spent[matters], rtol=3e-3)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_start_does_not_matter(alpha: float) -> None:
    reward, weight = spread(4, 6.0)
    task = task_of(one_budget(alpha, reward, weight, 7.0))
    generator = np.random.default_rng(5)
    for decades in (0.0, 2.0, 6.0):
        known = np.append(10.0 ** generator.uniform(-decades, 0.0, 8), np.zeros(8))
        assert found(task, known).gap <= GAP


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(3))
def test_its_multipliers_bound_every_point(alpha: float, seed: int) -> None:
    task = task_of(fair(seed, alpha, whole=False))
    central = found(task)
    scaled = central.scaled
    assert central.gap <= GAP
    assert task.violation(central.point) <= 1e-12
    assert bound_of(scaled.task, central.multiplier) == central.bound
    generator = np.random.default_rng(seed)
    for _ in range(50):
        x = generator.uniform(0.0, 1.0, 10)
        point = task.polished(np.append(x * 10.0 ** generator.uniform(-2.0, 0.0), np.zeros(5)))
        if task.violation(point) == 0.0:
            assert value_of(scaled.task, point / scaled.column_unit) <= central.bound


def test_a_lower_gap_is_reached_where_it_is_asked_for() -> None:
    task = task_of(fair(1, 2.0, whole=False))
    gaps = [found(task, gap=gap).gap for gap in (1e-3, 1e-6, 1e-10)]
    assert all(gap <= wanted for gap, wanted in zip(gaps, (1e-3, 1e-6, 1e-10), strict=True))


def test_bounds_from_below_and_rows_with_two_sides_are_kept() -> None:
    program = one_budget(1.0, np.ones(8), np.ones(8), 8.0)
    lower = np.append(program.row_lower[:1], program.row_lower[1:])
    lower[0] = 5.0
    columns = program.column_lower.copy()
    columns[0] = 2.0
    task = task_of(replace(program, row_lower=lower, column_lower=columns))
    known = np.append(np.full(8, 0.8), np.zeros(8))
    known[0] = 2.1
    # The first gets its 2, the others share what is left of 8.
    central = found(task, known)
    np.testing.assert_allclose(central.point[:8], [2.0, *([6.0 / 7.0] * 7)], rtol=1e-3)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_rows_that_ask_for_more_are_relieved_first(alpha: float) -> None:
    # Near their bounds of 0 columns are far from the 7.9 of 8 that a row asks for.
    program = one_budget(alpha, np.ones(8), np.ones(8), 8.0)
    lower = program.row_lower.copy()
    lower[0] = 7.9
    central = found(task_of(replace(program, row_lower=lower)))
    assert central.gap <= GAP
    np.testing.assert_allclose(central.point[:8], 1.0, rtol=1e-2)


def test_without_room_on_all_sides_there_is_no_path() -> None:
    program = one_budget(1.0, np.ones(8), np.ones(8), 8.0)
    lower = program.column_lower.copy()
    lower[:8] = 1.0
    task = task_of(replace(program, column_lower=lower))
    upper = task_of(replace(program, row_upper=np.append(-1.0, np.zeros(8))))
    nothing = np.zeros(16)
    # What uses the budget up is fixed by arithmetic, and a budget below zero has no point at all.
    for one in (task, upper):
        central = central_point(one, nothing, GAP)
        assert central is None or central.gap <= GAP


def test_it_stops_where_there_is_no_time() -> None:
    calls = itertools.count()
    task = task_of(fair(0, 5.0, whole=False))
    central = central_point(task, np.zeros(15), 1e-12, lambda: next(calls) >= 3)
    assert central is None or central.gap > 1e-12
    assert next(calls) == 4


@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_step_has_the_slope_that_it_states(alpha: float) -> None:
    task = task_of(fair(2, alpha, whole=False))
    point = task.polished(np.append(np.full(10, 0.05), np.zeros(5)))
    scaled = scaled_task(task, point[10:])
    barrier = Barrier(scaled.task)
    mu = 0.1
    at = barrier.start(barrier.free(point / scaled.column_unit), mu)
    step = barrier.step(at, mu)
    small = 1e-6 * min(1.0, barrier.longest(at, step))
    ahead = barrier.value(at.v + small * step.dv, at.s + small * step.ds, mu)
    behind = barrier.value(at.v - small * step.dv, at.s - small * step.ds, mu)
    assert (ahead - behind) / (2.0 * small) == pytest.approx(step.slope, rel=1e-4)
    assert step.slope < 0.0
