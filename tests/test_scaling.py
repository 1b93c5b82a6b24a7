"""Scaled and unscaled Programs say the same, and answers come back in the user's units."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from solvers import Outcome, Program, SolveOptions, Status
from solvers.adapter import SolverSession
from solvers.entries import with_entries
from solvers.errors import OptionError, UpdateError
from solvers.highs import HighsSession
from solvers.scaled_session import ScaledSession
from solvers.scaling import (
    LARGEST_EXPONENT,
    LARGEST_OBJECTIVE_ENTRY,
    scaled_program,
    scaling_of,
    unscaled_outcome,
)
from tests.random_examples import examples
from tests.test_program import program_of

pytest.importorskip("highspy")

Floats = npt.NDArray[np.float64]
INFINITY = np.inf


def solved(program: Program, scale: bool = True, **options: Any) -> Outcome:
    session: SolverSession = (
        ScaledSession(HighsSession, program) if scale else HighsSession(program)
    )
    try:
        return session.solve(SolveOptions(**options))
    finally:
        session.close()


def random_program(seed: int, whole: str = "none", magnitude: int = 0) -> Program:
    """Return a packing program with a minimum, its numbers up to 10^magnitude apart."""
    generator = np.random.default_rng(seed)
    n_columns, n_rows = 8, 4

    def sizes(n: int) -> Floats:
        return np.power(10.0, generator.integers(-magnitude, magnitude + 1, n))

    row, column = sizes(n_rows), np.where(whole == "none", sizes(n_columns), 1.0)
    request = generator.integers(0, 9, (n_rows, n_columns)) * row[:, np.newaxis] / column
    upper = column * generator.integers(1, 3, n_columns)
    side = request @ (upper * 0.4)
    lower = np.full(n_rows, -INFINITY)
    lower[0] = 0.1 * side[0]
    mask = {"none": False, "all": True, "mixed": np.arange(n_columns) % 2 == 0}[whole]
    reward = generator.integers(1, 20, n_columns) / column * 10.0**magnitude
    return program_of(reward, request, lower, np.maximum(side, lower), 0.0, upper, mask)


def is_a_power_of_two(numbers: npt.ArrayLike) -> bool:
    mantissa, exponent = np.frexp(np.asarray(numbers, dtype=np.float64))
    # The objective's factor is larger by that of its largest entry.
    largest = LARGEST_EXPONENT + 1 + np.log2(LARGEST_OBJECTIVE_ENTRY)
    return bool((mantissa == 0.5).all() and (np.abs(exponent) <= largest).all())


@pytest.mark.parametrize("whole", ["none", "all", "mixed"])
@pytest.mark.parametrize("seed", range(examples(200)))
def test_scaled_and_unscaled_solves_agree(seed: int, whole: str) -> None:
    program = random_program(seed, whole)
    scaled, unscaled = solved(program), solved(program, scale=False)
    assert scaled.status is unscaled.status
    # Whole programs are solved to a relative gap of 1e-6.
    assert scaled.objective == pytest.approx(unscaled.objective, rel=2e-6)
    assert scaled.bound == pytest.approx(unscaled.bound, rel=2e-6)
    assert scaled.point is not None
    assert float(program.objective @ scaled.point) == pytest.approx(scaled.objective)


@pytest.mark.parametrize("whole", ["none", "all", "mixed"])
@pytest.mark.parametrize("seed", range(examples(200)))
def test_factors_are_powers_of_two_and_change_no_digit(seed: int, whole: str) -> None:
    program = random_program(seed, whole, magnitude=9)
    scaling = scaling_of(program)
    for factors in (scaling.row, scaling.column, scaling.objective):
        assert is_a_power_of_two(factors)
    assert (scaling.column[program.integer] == 1.0).all()
    scaled = scaled_program(program, scaling)
    back = scaled.matrix.toarray() / scaling.row[:, np.newaxis] / scaling.column
    assert (back == program.matrix.toarray()).all()
    assert (scaled.objective / scaling.objective / scaling.column == program.objective).all()
    assert (scaled.row_upper / scaling.row == program.row_upper).all()
    assert (scaled.column_upper * scaling.column == program.column_upper).all()


@pytest.mark.parametrize("seed", range(examples(200)))
def test_a_linear_program_is_scaled_to_equal_sizes(seed: int) -> None:
    program = random_program(seed, magnitude=9)
    scaled = scaled_program(program, scaling_of(program))
    # Within a factor of two by the rounding to powers, and of two more where two meet.
    largest = np.abs(scaled.objective).max() / LARGEST_OBJECTIVE_ENTRY
    assert 1.0 <= largest < 2.0
    # A row may allow a column less than its own bound does.
    assert 1.0 <= scaled.column_upper.min() < 2.0
    used = abs(scaled.matrix).sum(axis=1) > 0
    assert (scaled.row_upper[used] < 4.0).all()
    assert (scaled.row_upper[used] > 0.25).all()


def test_rows_of_whole_numbers_on_whole_columns_stay() -> None:
    program = program_of(
        [1.0, 1.0], [[300.0, 500.0], [0.1, 0.2]], -INFINITY, [700.0, 0.25], integer=True
    )
    scaling = scaling_of(program)
    assert scaling.row[0] == 1.0
    assert scaling.row[1] > 1.0


DUAL_CASES: dict[str, Program] = {
    "small sides": program_of([3e-6, 1e-6], [[2e-9, 1e-9]], -INFINITY, 2e-9),
    "large sides": program_of([3e6, 1e6], [[2e9, 1e9]], -INFINITY, 2e9),
    "minimise": program_of([3e-6, 1e-6], [[2e-9, 1e-9]], 2e-9, INFINITY, maximise=False),
    "large columns": program_of([3.0, 1.0], [[2e-9, 1e-9]], -INFINITY, 2.0, 0.0, INFINITY),
}


@pytest.mark.parametrize("program", DUAL_CASES.values(), ids=DUAL_CASES)
def test_duals_come_back_in_the_units_of_the_program(program: Program) -> None:
    outcome = solved(program)
    assert outcome.status is Status.OPTIMAL
    assert outcome.row_dual is not None
    assert outcome.reduced_cost is not None
    side = "row_upper" if program.maximise else "row_lower"
    step = getattr(program, side) * 1e-3
    after = solved(replace(program, **{side: getattr(program, side) + step}))
    assert outcome.objective is not None
    assert after.objective is not None
    change = (after.objective - outcome.objective) / step[0]
    assert outcome.row_dual[0] == pytest.approx(change, rel=1e-6)
    charge = program.matrix.T @ outcome.row_dual
    size = np.abs(program.objective).max()
    assert outcome.reduced_cost == pytest.approx(program.objective - charge, abs=1e-7 * size)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_multipliers_that_prove_infeasibility_prove_it_in_the_units_of_the_program(
    size: float,
) -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 3.0]]) * np.array([[size], [1e3]])
    program = program_of([1.0, 1.0], matrix, [-INFINITY, 3.5e3], [size, INFINITY], 0.0, [1.0, 1.0])
    outcome = solved(program)
    assert outcome.status is Status.INFEASIBLE
    ray = outcome.infeasibility_ray
    assert ray is not None
    assert ray[0] > 0 > ray[1]
    coefficient = ray @ program.matrix.toarray()
    least = float(np.minimum(coefficient * program.column_upper, 0.0).sum())
    charged = ray[0] * program.row_upper[0] + ray[1] * program.row_lower[1]
    assert charged < least - 1e-9 * abs(least)


def test_a_billionth_beside_a_billion() -> None:
    # One budget is 1e-9, the other 1e9; both bind: x_0 + x_1 <= 1 and x_1 + x_2 <= 1.
    program = program_of(
        [1e9, 3e9, 1e9],
        [[1e-9, 1e-9, 0.0], [0.0, 1e9, 1e9]],
        -INFINITY,
        [1e-9, 1e9],
    )
    outcome = solved(program)
    assert outcome.point is not None
    assert outcome.point == pytest.approx([0.0, 1.0, 0.0], abs=1e-9)
    assert outcome.objective == pytest.approx(3e9)
    # Without scaling the first budget is within the tolerance of the solver, as if it were not.
    unscaled = solved(program, scale=False)
    assert unscaled.objective is not None
    assert unscaled.objective > 3.5e9


@settings(max_examples=examples(1000))
@given(
    st.lists(st.floats(1e-150, 1e150), min_size=6, max_size=6),
    st.lists(st.sampled_from([1e-300, 1e-9, 1.0, 1e9, 1e300, INFINITY]), min_size=5, max_size=5),
)
def test_no_program_is_scaled_to_nonsense(numbers: list[float], sides: list[float]) -> None:
    program = program_of(
        numbers[:3],
        [numbers[3:], numbers[:0:-2]],
        -INFINITY,
        sides[:2],
        0.0,
        sides[2:],
    )
    scaling = scaling_of(program)
    for factors in (scaling.row, scaling.column, scaling.objective):
        assert is_a_power_of_two(factors)


def test_where_nothing_is_known_nothing_is_scaled() -> None:
    program = program_of([0.0, 0.0], [[0.0, 0.0], [1.0, -1.0]], 0.0, 0.0, -INFINITY, INFINITY)
    scaling = scaling_of(program)
    assert scaling.column.tolist() == [1.0, 1.0]
    assert scaling.objective == LARGEST_OBJECTIVE_ENTRY
    empty = scaling_of(program_of([], np.zeros((0, 0)), [], []))
    assert empty.objective == LARGEST_OBJECTIVE_ENTRY


def test_a_column_that_others_tie_is_scaled_to_what_they_allow() -> None:
    # x_1 = 1000 x_0 and x_0 <= 8.
    program = program_of(
        [1.0, 1.0], [[1000.0, -1.0]], 0.0, 0.0, 0.0, [8.0, INFINITY], maximise=True
    )
    assert scaling_of(program).column.tolist() == [8.0, 4096.0]


@pytest.mark.parametrize("entry", [0.0, -0.0])
def test_a_stored_zero_limits_no_column_whatever_its_sign(entry: float) -> None:
    # Two columns of 5 and 8 at most, whose second row says nothing of the first.
    program = program_of(
        [1.0, 1.0], [[1.0, 1.0], [1.0, 1.0]], -INFINITY, [9.0, 9.0], 0.0, [5.0, 8.0]
    )
    matrix = with_entries(program.matrix, np.array([1.0, entry, 1.0, 1.0]))
    assert scaling_of(replace(program, matrix=matrix)).column.tolist() == [4.0, 8.0]


def test_an_outcome_without_numbers_stays_without() -> None:
    program = random_program(0, magnitude=9)
    outcome = Outcome(status=Status.INFEASIBLE, bound=INFINITY)
    back = unscaled_outcome(outcome, scaling_of(program), program)
    assert back.bound == INFINITY
    numbers = (back.point, back.objective, back.row_dual, back.infeasibility_ray)
    assert all(number is None for number in numbers)


# Sessions.


def moved(program: Program, generator: np.random.Generator, kind: str) -> Program:
    if kind == "objective":
        factor = 10.0 ** generator.integers(-6, 7, program.n_columns)
        return replace(program, objective=program.objective * factor)
    if kind == "sides":
        factor = 10.0 ** generator.integers(-6, 7, program.n_rows)
        lower = np.full(program.n_rows, -INFINITY)
        return replace(program, row_lower=lower, row_upper=program.row_upper * factor)
    if kind == "bounds":
        return replace(program, column_upper=program.column_upper * generator.uniform(0.1, 1e6))
    matrix = program.matrix.copy()
    matrix.data *= 10.0 ** generator.integers(-6, 7, matrix.nnz)
    return replace(program, matrix=matrix)


@pytest.mark.parametrize("whole", ["none", "all"])
@pytest.mark.parametrize("seed", range(examples(200)))
def test_updates_equal_fresh_solves(seed: int, whole: str) -> None:
    generator = np.random.default_rng(seed)
    first = program = random_program(seed, whole)
    session = ScaledSession(HighsSession, program)
    for _ in range(6):
        kind = str(generator.choice(["objective", "sides", "bounds", "matrix", "back"]))
        program = first if kind == "back" else moved(first, generator, kind)
        session.update(program)
        outcome, fresh = session.solve(SolveOptions()), solved(program)
        assert outcome.status is fresh.status
        if fresh.status is Status.OPTIMAL:
            assert outcome.objective == pytest.approx(fresh.objective, rel=2e-6)
    session.close()


@pytest.mark.parametrize("maximise", [True, False], ids=["maximise", "minimise"])
def test_the_bound_of_a_whole_program_leaves_room_for_what_the_solver_discards(
    maximise: bool,
) -> None:
    # HiGHS discards what is better by less than 1e-6, and calls the value of the rest its bound.
    best = 1.0 + 2e-10 if maximise else 1.0 - 2e-10
    program = program_of([1.0, best], [[1.0, 1.0]], 1.0, 1.0, integer=True, maximise=maximise)
    outcome = solved(program, start=np.array([1.0, 0.0]), relative_gap=0.0)
    assert outcome.bound >= best if maximise else outcome.bound <= best
    assert outcome.bound == pytest.approx(1.0, abs=1e-8)


def _sense(program: Program) -> Program:
    return replace(program, maximise=False)


def _wholeness(program: Program) -> Program:
    return replace(program, integer=np.ones(program.n_columns, dtype=np.bool_))


def _places(program: Program) -> Program:
    """Return a Program whose entries are the same numbers in other rows."""
    old = program.matrix
    matrix = sparse.csc_array((old.data, old.indices, old.indptr), shape=old.shape)
    matrix.data = old.data
    matrix.indices = (program.n_rows - 1 - old.indices).astype(old.indices.dtype)
    return replace(program, matrix=matrix)


@pytest.mark.parametrize("change", [_sense, _wholeness, _places])
def test_a_change_that_keeps_every_number_is_seen(change: Callable[[Program], Program]) -> None:
    program = program_of([2.0, 3.0], [[1.0, 2.0], [1.0, 1.0]], 0.1, [1.6, 1.9], 0.05)
    session = ScaledSession(HighsSession, program)
    before = session.solve(SolveOptions()).objective
    session.update(change(program))
    after = session.solve(SolveOptions()).objective
    assert after == pytest.approx(solved(change(program), scale=False).objective)
    assert after != pytest.approx(before)
    session.close()


def test_a_small_change_of_sides_and_objective_keeps_the_scale() -> None:
    program = random_program(0, magnitude=3)
    session = ScaledSession(HighsSession, program)
    for factor in (2.0, 3.0, 1.0):
        session.update(replace(program, row_upper=program.row_upper * factor))
        session.update(replace(program, objective=program.objective * factor))
    assert (session.counts.updates_in_place, session.counts.rebuilds) == (6, 0)
    session.close()


def test_sides_that_creep_away_are_scaled_anew() -> None:
    program = random_program(0)
    session = ScaledSession(HighsSession, program)
    for _ in range(12):
        # Each step is small; all of them are a factor of 10^6.
        program = replace(program, row_upper=program.row_upper * 10**-0.5)
        program = replace(program, row_lower=np.full(program.n_rows, -INFINITY))
        session.update(program)
    assert any("entries of the matrix" in reason for reason in session.counts.reasons)
    assert session.solve(SolveOptions()).objective == pytest.approx(solved(program).objective)
    session.close()


class Recording(HighsSession):
    """HiGHS, which keeps the Programs that it was handed."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.programs = [program]

    def update(self, program: Program, forbid_rebuild: bool = False) -> None:
        super().update(program, forbid_rebuild)
        self.programs.append(program)


def moved_entries(entry: float, factors: Sequence[Sequence[float]]) -> list[Program]:
    """Return the scaled Programs after entries were multiplied by factors; check their answers."""
    program = program_of([2.0, 3.0], [[1.0, entry], [1.0, 0.7]], -INFINITY, [1.6, 1.9], 0.0, 9.0)
    opened: list[Recording] = []

    def opener(first: Program) -> Recording:
        opened.append(Recording(first))
        return opened[0]

    session = ScaledSession(opener, program)
    for factor in factors:
        matrix = with_entries(program.matrix, program.matrix.data * np.array(factor))
        program = program.with_numbers(matrix=matrix)
        session.update(program)
        outcome, fresh = session.solve(SolveOptions()), solved(program, scale=False)
        assert outcome.status is fresh.status is Status.OPTIMAL
        assert outcome.objective == pytest.approx(fresh.objective)
    session.close()
    return opened[0].programs


def test_entries_that_hardly_move_keep_the_scale() -> None:
    first, *others = moved_entries(2.0, [[1.9, 0.6, 0.6, 1.9], [0.55, 1.6, 1.5, 0.6]])
    for other in others:
        assert np.array_equal(other.column_upper, first.column_upper)
        assert not np.array_equal(other.matrix.data, first.matrix.data)


def test_entries_that_creep_away_are_scaled_anew() -> None:
    first, *_, last = moved_entries(2.0, [[2.0**-0.5] * 4] * 30)
    # By then the entries were smaller by 2^15.
    assert last.matrix.data.max() > 2.0**-11 * first.matrix.data.max()


def test_an_entry_of_another_sign_is_scaled_anew() -> None:
    first, last = moved_entries(5000.0, [[1.0, 1.0, -1.0, 1.0]])
    # The first row, which kept the second column below 0.0004, does not limit it any more.
    assert last.column_upper[1] < first.column_upper[1]


def test_an_update_that_is_refused_leaves_the_scale() -> None:
    program = random_program(0, magnitude=3)
    session = ScaledSession(HighsSession, program)
    before = session.solve(SolveOptions())
    with pytest.raises(UpdateError):
        session.update(program_of(np.ones(9), 1e6 * np.ones((4, 9)), 0.0, 1e3))
    after = session.solve(SolveOptions())
    assert after.objective == before.objective
    assert after.point == pytest.approx(before.point)
    session.close()


def test_added_rows_are_in_the_units_of_the_program() -> None:
    program = random_program(1, magnitude=6)
    session = ScaledSession(HighsSession, program)
    free = session.solve(SolveOptions())
    assert free.point is not None
    column = int(np.argmax(free.point))
    most = free.point[column] / 4
    row = sparse.csr_array((np.ones(1), (np.zeros(1, dtype=int), [column])), shape=(1, 8))
    session.add_rows(row, np.array([-INFINITY]), np.array([most]))
    held = session.solve(SolveOptions())
    assert held.point is not None
    assert held.point[column] <= most * (1 + 1e-6)
    session.update(program)
    assert session.solve(SolveOptions()).objective == pytest.approx(free.objective)
    session.close()


def test_a_start_and_an_absolute_gap_are_in_the_units_of_the_program() -> None:
    seen: list[SolveOptions] = []

    class Recorder(HighsSession):
        def solve(self, options: SolveOptions) -> Outcome:
            seen.append(options)
            return super().solve(options)

    program = random_program(2, magnitude=6)
    scaling = scaling_of(program)
    session = ScaledSession(Recorder, program)
    session.solve(SolveOptions(start=scaling.column * 3.0, absolute_gap=5.0))
    assert seen[0].start is not None
    assert seen[0].start.tolist() == [3.0] * 8
    assert seen[0].absolute_gap == 5.0 * scaling.objective
    options = SolveOptions()
    session.solve(options)
    assert seen[1] is options
    with pytest.raises(OptionError, match="start has shape"):
        session.solve(SolveOptions(start=np.zeros(1)))
    session.close()
