"""Programs, Programs with parameters, and the builder that puts both together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from solvers.builder import Affine, ProgramBuilder, constant, entries_of
from solvers.errors import ProgramError, UpdateError
from solvers.parametric import ParametricProgram
from solvers.program import AlphaFairTerms, Block, Program
from solvers.program_differences import differences, ordered

INFINITY = np.inf


def program_of(
    objective: npt.ArrayLike,
    matrix: npt.ArrayLike,
    row_lower: npt.ArrayLike,
    row_upper: npt.ArrayLike,
    column_lower: npt.ArrayLike = 0.0,
    column_upper: npt.ArrayLike = 1.0,
    integer: npt.ArrayLike = False,
    maximise: bool = True,
    objective_constant: float = 0.0,
) -> Program:
    """Return a Program; bounds, sides and wholeness may be given once for all."""
    cost = np.asarray(objective, dtype=np.float64)
    entries = sparse.csc_array(np.asarray(matrix, dtype=np.float64))
    n_rows, n_columns = entries.shape

    def rows(numbers: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.broadcast_to(np.asarray(numbers, dtype=np.float64), n_rows).copy()

    def columns(numbers: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.broadcast_to(np.asarray(numbers, dtype=np.float64), n_columns).copy()

    return Program(
        objective=cost,
        objective_constant=objective_constant,
        matrix=entries,
        row_lower=rows(row_lower),
        row_upper=rows(row_upper),
        column_lower=columns(column_lower),
        column_upper=columns(column_upper),
        integer=np.broadcast_to(np.asarray(integer, dtype=np.bool_), n_columns).copy(),
        row_blocks=(Block(name="row", labels=range(n_rows)),),
        column_blocks=(Block(name="x", labels=range(n_columns)),),
        maximise=maximise,
    )


def small(terms: bool = True) -> Program:
    """Return two rows and three columns, with one alpha-fair term."""
    program = program_of([1.0, 2.0, 3.0], [[1, 0, 2], [0, 3, 4]], -INFINITY, [5.0, 6.0])
    if not terms:
        return program
    fair = AlphaFairTerms(columns=np.array([1]), weight=np.array([2.0]), alpha=1.0)
    return replace(program, terms=fair)


def reordered(program: Program) -> Program:
    """Return the same Program with its rows and columns the other way round."""
    terms = program.terms
    return replace(
        program,
        objective=program.objective[::-1],
        matrix=sparse.csc_array(program.matrix[::-1][:, ::-1]),
        row_lower=program.row_lower[::-1],
        row_upper=program.row_upper[::-1],
        column_lower=program.column_lower[::-1],
        column_upper=program.column_upper[::-1],
        integer=program.integer[::-1],
        row_blocks=tuple(Block(name=name) for name in program.row_names[::-1]),
        column_blocks=tuple(Block(name=name) for name in program.column_names[::-1]),
        terms=terms and replace(terms, columns=program.n_columns - 1 - terms.columns),
    )


# Names and checks.


def test_names_are_those_of_the_blocks() -> None:
    program = replace(small(), column_blocks=(Block(name="worst"), Block(name="x", labels="ab")))
    assert program.column_names == ["worst", "x[a]", "x[b]"]
    assert program.columns_of("x") == slice(1, 3)
    assert program.columns_of("worst") == slice(0, 1)
    assert program.columns_of("utility") == slice(0, 0)
    assert program.rows_of("row") == slice(0, 2)


def test_a_program_without_contradictions_passes() -> None:
    small().check()
    program_of([], np.zeros((2, 0)), -1.0, 1.0).check()
    program_of([1.0], np.zeros((0, 1)), [], []).check()


def test_crossed_bounds_are_no_contradiction() -> None:
    program_of([1.0], [[1.0]], [3.0], [2.0], column_lower=[2.0], column_upper=[1.0]).check()


NAN = np.array([np.nan, 1.0, 1.0])
CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "a matrix of another shape": ({"matrix": sparse.csc_array((2, 4))}, "matrix has shape"),
    "a matrix stored by rows": (
        {"matrix": sparse.csr_array(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 4.0]]))},
        "matrix is a csr_array, expected a scipy.sparse.csc_array",
    ),
    "a matrix that is not sparse": ({"matrix": np.ones((2, 3))}, "matrix is a ndarray"),
    "an entry twice": (
        {
            "matrix": sparse.csc_array(
                (np.ones(3), np.array([1, 0, 1]), np.array([0, 3, 3, 3])), shape=(2, 3)
            )
        },
        "matrix holds an entry twice",
    ),
    "an objective with two axes": ({"objective": np.ones((3, 1))}, "objective has shape"),
    "a missing upper side": ({"row_upper": np.ones(1)}, "row_upper has shape"),
    "a missing lower bound": ({"column_lower": np.zeros(2)}, "column_lower has shape"),
    "a missing upper bound": ({"column_upper": np.zeros(2)}, "column_upper has shape"),
    "too few truth values": ({"integer": np.zeros(2, dtype=np.bool_)}, "integer has shape"),
    "numbers for truth values": ({"integer": np.zeros(3)}, "expected truth values"),
    "too few row names": ({"row_blocks": (Block(name="row"),)}, "row_blocks has shape"),
    "too few column names": ({"column_blocks": ()}, "column_blocks has shape"),
    "two blocks of one name": (
        {"row_blocks": (Block(name="row"), Block(name="row"))},
        "row_blocks holds a name twice",
    ),
    "a NaN in the objective": ({"objective": NAN}, "objective holds a number"),
    "an infinite objective": ({"objective": NAN * INFINITY}, "objective holds a number"),
    "an infinite constant": ({"objective_constant": INFINITY}, "objective_constant is inf"),
    "an infinite entry": (
        {"matrix": sparse.csc_array(np.full((2, 3), INFINITY))},
        "matrix holds a number",
    ),
    "a NaN as lower side": ({"row_lower": NAN[:2]}, "row_lower holds a NaN"),
    "a NaN as upper side": ({"row_upper": NAN[:2]}, "row_upper holds a NaN"),
    "a NaN as lower bound": ({"column_lower": NAN}, "column_lower holds a NaN"),
    "a NaN as upper bound": ({"column_upper": NAN}, "column_upper holds a NaN"),
    "a lower side of infinity": ({"row_lower": np.full(2, INFINITY)}, "plus infinity"),
    "an upper bound of minus infinity": (
        {"column_upper": np.full(3, -INFINITY)},
        "minus infinity",
    ),
    "terms to be minimised": ({"maximise": False}, "need a maximised objective"),
}
BAD_TERMS: dict[str, tuple[dict[str, Any], str]] = {
    "alpha zero": ({"alpha": 0.0}, "alpha is 0.0"),
    "alpha infinite": ({"alpha": INFINITY}, "alpha is inf"),
    "no such column": ({"columns": np.array([3])}, "outside of 0 to 2"),
    "a negative column": ({"columns": np.array([-1])}, "outside of 0 to 2"),
    "a column twice": (
        {"columns": np.array([1, 1]), "weight": np.ones(2)},
        "names a column twice",
    ),
    "too many weights": ({"weight": np.ones(2)}, "one weight for each column"),
    "a negative weight": ({"weight": np.array([-1.0])}, "a weight that is not"),
    "a NaN as weight": ({"weight": np.array([np.nan])}, "a weight that is not"),
}


@pytest.mark.parametrize(("changes", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        replace(small(), **changes).check()


@pytest.mark.parametrize(("changes", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_an_error_beside_a_program_without(
    changes: dict[str, Any], message: str
) -> None:
    known = small()
    other = replace(known, **changes)
    with pytest.raises(ProgramError, match=message):
        other.check(known)


def test_other_numbers_leave_what_is_known_of_the_rest() -> None:
    program = small(terms=False)
    assert not program.has_integers
    assert program.rows_of("row") == slice(0, 2)
    other = program.with_numbers(objective=np.arange(3.0), objective_constant=4.0)
    assert differences(other, replace(program, objective=np.arange(3.0))) == ["objective_constant"]
    assert program.objective.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("changes", "message"), BAD_TERMS.values(), ids=BAD_TERMS)
def test_terms_that_contradict_the_program_are_an_error(
    changes: dict[str, Any], message: str
) -> None:
    program = small()
    assert program.terms is not None
    with pytest.raises(ProgramError, match=message):
        replace(program, terms=replace(program.terms, **changes)).check()


def test_entries_of_a_column_may_stand_in_any_order() -> None:
    entries = sparse.csc_array((np.ones(2), np.array([1, 0]), np.array([0, 2, 2, 2])), shape=(2, 3))
    replace(small(), matrix=entries).check()


# Comparing two Programs.


def test_order_makes_no_difference() -> None:
    assert differences(small(), reordered(small())) == []
    assert ordered(reordered(small())).column_names == ["x[0]", "x[1]", "x[2]"]


def test_stored_zeros_and_split_entries_make_no_difference() -> None:
    program = small()
    rows, columns = np.array([0, 1, 0, 0, 1, 0]), np.array([0, 1, 2, 2, 2, 1])
    entries = np.array([1.0, 3.0, 0.5, 1.5, 4.0, 0.0])
    order = np.argsort(columns, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(columns))])
    split = sparse.csc_array((entries[order], rows[order], starts), shape=(2, 3))
    assert differences(program, replace(program, matrix=split)) == []


CHANGES: dict[str, Callable[[Program], Program]] = {
    "row_names": lambda p: replace(p, row_blocks=(Block(name="line", labels=range(2)),)),
    "column_names": lambda p: replace(p, column_blocks=(Block(name="y", labels=range(3)),)),
    "maximise": lambda p: replace(p, maximise=False),
    "objective_constant": lambda p: replace(p, objective_constant=1e-300),
    "objective": lambda p: replace(p, objective=np.nextafter(p.objective, 9.0)),
    "row_lower": lambda p: replace(p, row_lower=np.array([-INFINITY, 0.0])),
    "row_upper": lambda p: replace(p, row_upper=p.row_upper + 1.0),
    "column_lower": lambda p: replace(p, column_lower=p.column_lower - 1.0),
    "column_upper": lambda p: replace(p, column_upper=p.column_upper + 1.0),
    "integer": lambda p: replace(p, integer=np.array([True, False, False])),
    "matrix.data": lambda p: replace(p, matrix=p.matrix * (1 + 2.0**-52)),
    "matrix.indices": lambda p: replace(
        p, matrix=sparse.csc_array(np.array([[0.0, 3.0, 4.0], [1.0, 0.0, 2.0]]))
    ),
    "terms": lambda p: replace(p, terms=None),
}


@pytest.mark.parametrize("part", CHANGES)
def test_every_kind_of_change_is_seen(part: str) -> None:
    changed = CHANGES[part](small())
    assert part in differences(small(), changed)
    assert part in differences(changed, small())


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("terms.alpha", {"alpha": 2.0}),
        ("terms.columns", {"columns": np.array([2])}),
        ("terms.weight", {"weight": np.array([2.5])}),
    ],
)
def test_every_change_of_terms_is_seen(part: str, changes: dict[str, Any]) -> None:
    terms = small().terms
    assert terms is not None
    assert differences(small(), replace(small(), terms=replace(terms, **changes))) == [part]


def test_only_what_changed_is_named() -> None:
    assert differences(small(), CHANGES["row_upper"](small())) == ["row_upper"]


# The builder.


def builder_of_all_kinds() -> ProgramBuilder:
    """Return a builder with two blocks of rows and of columns, touched by four parameters."""
    builder = ProgramBuilder({"reward": 2, "budget": 1, "history": 1, "weight": 1})
    builder.add_columns(
        Block(name="x", labels="ab"), np.zeros(2), np.ones(2), np.array([True, False])
    )
    builder.add_columns(Block(name="utility", labels="g"), np.zeros(1), np.array([INFINITY]))
    budget = entries_of("budget", np.array([0]), np.array([2.0]))
    builder.add_rows(Block(name="budget_limit"), constant(np.array([-INFINITY])), budget)
    history = entries_of("history", np.array([0]), np.ones(1))
    builder.add_rows(Block(name="utility_of", labels="g"), history, history)
    one_row = sparse.csc_array(np.ones((1, 2)))
    builder.add_entries("budget_limit", "x", one_row, constant(np.array([3.0, 4.0])))
    earned = entries_of("reward", np.array([0, 1]), np.array([-1.0, -0.5]))
    builder.add_entries("utility_of", "x", one_row, earned)
    one = sparse.csc_array(np.ones((1, 1)))
    builder.add_entries("utility_of", "utility", one, constant(np.ones(1)))
    weight = entries_of("weight", np.array([0]), np.ones(1))
    builder.add_terms("utility", weight, 2.0)
    builder.maximise("x", Affine(constant=np.array([0.25, 0.5])))
    return builder


VALUES = {
    "reward": np.array([10.0, 20.0]),
    "budget": np.array([7.0]),
    "history": np.array([0.5]),
    "weight": np.array([3.0]),
}


def test_a_built_program_has_every_number_in_its_place() -> None:
    program = builder_of_all_kinds().build().program(VALUES)
    program.check()
    assert program.matrix.toarray().tolist() == [[3.0, 4.0, 0.0], [-10.0, -10.0, 1.0]]
    assert program.objective.tolist() == [0.25, 0.5, 0.0]
    assert program.row_lower.tolist() == [-INFINITY, 0.5]
    assert program.row_upper.tolist() == [14.0, 0.5]
    assert program.column_upper.tolist() == [1.0, 1.0, INFINITY]
    assert program.integer.tolist() == [True, False, False]
    assert program.row_names == ["budget_limit", "utility_of[g]"]
    assert program.terms is not None
    assert (program.terms.columns.tolist(), program.terms.weight.tolist()) == ([2], [3.0])


def test_a_single_block_of_entries_keeps_the_order_of_its_pattern() -> None:
    builder = ProgramBuilder({"request": 2})
    builder.add_columns(Block(name="x", labels="ab"), np.zeros(2), np.ones(2))
    builder.add_rows(Block(name="limit"), constant(np.zeros(1)), constant(np.ones(1)))
    request = entries_of("request", np.array([1, 0]), np.ones(2))
    builder.add_entries("limit", "x", sparse.csc_array(np.ones((1, 2))), request)
    program = builder.build().program({"request": np.array([5.0, 6.0])})
    assert program.matrix.toarray().tolist() == [[6.0, 5.0]]


def test_nothing_at_all_can_be_built() -> None:
    program = ProgramBuilder({}).build().program({})
    program.check()
    assert (program.n_rows, program.n_columns) == (0, 0)


def _entries_under_unknown_columns(builder: ProgramBuilder) -> None:
    one = sparse.csc_array(np.ones((1, 1)))
    builder.add_entries("budget_limit", "worst", one, constant(np.ones(1)))


def _entries_of_unknown_rows(builder: ProgramBuilder) -> None:
    one = sparse.csc_array(np.ones((1, 2)))
    builder.add_entries("agent_limit", "x", one, constant(np.ones(2)))


def _entries_of_another_shape(builder: ProgramBuilder) -> None:
    two = sparse.csc_array(np.ones((2, 1)))
    builder.add_entries("budget_limit", "utility", two, constant(np.ones(2)))


def _too_few_numbers(builder: ProgramBuilder) -> None:
    one = sparse.csc_array(np.ones((1, 1)))
    builder.add_entries("budget_limit", "utility", one, constant(np.ones(0)))


def _an_objective_of_unknown_columns(builder: ProgramBuilder) -> None:
    builder.maximise("worst", constant(np.ones(1)))


def _an_objective_of_another_size(builder: ProgramBuilder) -> None:
    builder.maximise("utility", constant(np.ones(2)))


def _terms_of_unknown_columns(builder: ProgramBuilder) -> None:
    builder.add_terms("worst", constant(np.ones(1)), 1.0)


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (_entries_under_unknown_columns, "'budget_limit' under columns 'worst' .* no such columns"),
        (_entries_of_unknown_rows, "'agent_limit' under columns 'x' .* no such rows"),
        (_entries_of_another_shape, r"have shape \(2, 1\)"),
        (_too_few_numbers, "are 0 numbers, expected 1"),
        (_an_objective_of_unknown_columns, "objective of columns 'worst' cannot be placed"),
        (_an_objective_of_another_size, "are 2 numbers, expected 1"),
        (_terms_of_unknown_columns, "terms of columns 'worst' cannot be placed"),
    ],
)
def test_what_has_no_place_is_an_error(
    misuse: Callable[[ProgramBuilder], None], message: str
) -> None:
    builder = builder_of_all_kinds()
    misuse(builder)
    with pytest.raises(ProgramError, match=message):
        builder.build()


def test_nothing_is_declared_twice() -> None:
    builder = builder_of_all_kinds()
    one = sparse.csc_array(np.ones((1, 2)))
    with pytest.raises(ProgramError, match="stand twice"):
        builder.add_entries("budget_limit", "x", one, constant(np.ones(2)))
    with pytest.raises(ProgramError, match="stands twice"):
        builder.maximise("x", constant(np.ones(2)))


# Parameters.

ARRAYS = ("objective", "row_lower", "row_upper", "column_lower", "column_upper", "integer")
TOUCHED = {
    "reward": {"matrix"},
    "budget": {"row_upper"},
    "history": {"row_lower", "row_upper"},
    "weight": {"term_weight"},
}


def untouched_parts(before: Program, after: Program) -> set[str]:
    """Return the parts that are the same objects."""
    same = {part for part in ARRAYS if getattr(before, part) is getattr(after, part)}
    if before.matrix is after.matrix:
        same.add("matrix")
    assert before.terms is not None
    assert after.terms is not None
    if before.terms.weight is after.terms.weight:
        same.add("term_weight")
    return same


@pytest.fixture
def parametric() -> ParametricProgram:
    return builder_of_all_kinds().build()


@pytest.mark.parametrize("name", TOUCHED)
def test_a_write_touches_only_what_it_should(parametric: ParametricProgram, name: str) -> None:
    before = parametric.program(VALUES)
    values = VALUES | {name: VALUES[name] + 1.0}
    after = parametric.write(before, {name}, values)
    assert parametric.touched({name}) == TOUCHED[name]
    assert untouched_parts(before, after) == {*ARRAYS, "matrix", "term_weight"} - TOUCHED[name]
    assert differences(after, parametric.program(values)) == []
    assert differences(after, before) != []
    assert differences(parametric.write(after, {name}, VALUES), before) == []


def test_a_write_keeps_the_pattern_of_the_matrix(parametric: ParametricProgram) -> None:
    before = parametric.program(VALUES)
    after = parametric.write(before, {"reward"}, VALUES | {"reward": np.zeros(2)})
    assert after.matrix.nnz == before.matrix.nnz
    assert after.matrix.indices.tolist() == before.matrix.indices.tolist()


def test_writing_nothing_changes_nothing(parametric: ParametricProgram) -> None:
    program = parametric.program(VALUES)
    assert parametric.write(program, set(), VALUES) is program


def test_an_infinite_parameter_reaches_its_side_alone(parametric: ParametricProgram) -> None:
    program = parametric.program(VALUES | {"budget": np.array([INFINITY])})
    assert program.row_upper.tolist() == [INFINITY, 0.5]


@pytest.mark.parametrize("is_read_only", [False, True])
def test_numbers_that_are_copied_are_those_of_the_write(is_read_only: bool) -> None:
    # As pandas hands out its columns: views that cannot be written to, of what can.
    held = np.array([2.0, 3.0])
    seen = held.view()
    seen.flags.writeable = not is_read_only
    parametric = ParametricProgram(
        constant=replace(small(terms=False), objective=np.zeros(2)),
        parameters={"price": slice(0, 2)},
        slope={"objective": "price"},
    )
    program = parametric.program({"price": seen})
    held[0] = 50.0
    assert program.objective.tolist() == [2.0, 3.0]


def test_numbers_that_cannot_change_are_not_copied() -> None:
    price = np.array([2.0, 3.0])
    price.flags.writeable = False
    parametric = ParametricProgram(
        constant=replace(small(terms=False), objective=np.zeros(2)),
        parameters={"price": slice(0, 2)},
        slope={"objective": "price"},
    )
    assert parametric.program({"price": price}).objective is price


def test_the_constant_of_the_objective_may_depend_on_a_parameter() -> None:
    slope = sparse.csr_array(np.array([[1.0, 10.0]]))
    parametric = ParametricProgram(
        constant=replace(small(terms=False), objective_constant=0.5),
        parameters={"price": slice(0, 2)},
        slope={"objective_constant": slope},
    )
    program = parametric.program({"price": np.array([2.0, 3.0])})
    assert program.objective_constant == 32.5
    assert isinstance(program.objective_constant, float)


@pytest.mark.parametrize(
    "slope",
    [
        np.eye(3, 4, 1),
        np.eye(3, 4),
        2.0 * np.eye(3, 4),
        np.eye(3, 4)[::-1],
        np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]),
        np.zeros((3, 4)),
    ],
    ids=["behind one", "in place", "doubled", "turned round", "shared", "none"],
)
def test_numbers_are_their_slopes_times_the_parameters(slope: npt.NDArray[np.float64]) -> None:
    parametric = ParametricProgram(
        constant=small(terms=False),
        parameters={"price": slice(0, 4)},
        slope={"objective": sparse.csr_array(slope)},
    )
    price = np.array([5.0, 7.0, 11.0, 13.0])
    expected = np.array([1.0, 2.0, 3.0]) + slope @ price
    assert parametric.program({"price": price}).objective.tolist() == expected.tolist()


COPIES: dict[str, sparse.csr_array | str] = {
    "by name": "price",
    "by its slope": sparse.csr_array(np.eye(3, 4, 1)),
}


@pytest.mark.parametrize("slope", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("constant_part", [0.0, 2.5])
def test_numbers_may_be_the_entries_of_a_parameter(
    slope: sparse.csr_array | str, constant_part: float
) -> None:
    parametric = ParametricProgram(
        constant=replace(small(terms=False), objective=np.full(3, constant_part)),
        parameters={"other": slice(0, 1), "price": slice(1, 4)},
        slope={"objective": slope},
    )
    assert parametric.touched({"other"}) == set()
    assert parametric.touched({"price"}) == {"objective"}
    price = np.array([5.0, 7.0, 11.0])
    program = parametric.program({"other": np.ones(1), "price": price})
    price[:] = 0.0
    assert program.objective.tolist() == [
        5.0 + constant_part,
        7.0 + constant_part,
        11.0 + constant_part,
    ]


@pytest.mark.parametrize(
    ("changed", "values", "message"),
    [
        (
            {"budget"},
            VALUES | {"budget": np.ones(2)},
            r"'budget' has shape \(2,\), expected \(1,\)",
        ),
        ({"price"}, VALUES, "there is no parameter 'price', only reward"),
        ({"budget"}, {"budget": np.ones(1)}, "parameter 'reward' has no value"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    parametric: ParametricProgram, changed: set[str], values: dict[str, Any], message: str
) -> None:
    program = parametric.program(VALUES)
    with pytest.raises(UpdateError, match=message):
        parametric.write(program, changed, values)
