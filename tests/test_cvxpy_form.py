"""The CVXPY form says what the arrays form says, and its reader reads it to the last bit."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import cvxpy
import numpy as np
import pytest

from librex_models.errors import FormError
from librex_models.families import (
    AlphaFairness,
    Family,
    MaxMinFairness,
    ProportionalFairness,
    TotalReward,
)
from librex_models.forms.arrays_form import arrays_form
from librex_models.forms.compile_cvxpy import compile_cvxpy, parameter_values
from librex_models.forms.cvxpy_form import cvxpy_form, labels_in_cvxpy
from librex_models.problem import AllocationProblem, Grouping
from solvers.program import Floats, Program
from solvers.program_differences import differences
from tests.random_examples import examples
from tests.random_problems import random_problem

FAMILIES: dict[str, Family] = {
    "total reward": TotalReward(),
    "proportional": ProportionalFairness(),
    "max-min": MaxMinFairness(),
    **{f"alpha {alpha:g}": AlphaFairness(alpha) for alpha in (0.0, 0.1, 0.3, 0.5, 2.0, 5.0)},
}
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
SEEDS = range(examples(1000))


def values(problem: AllocationProblem, grouping: Grouping) -> dict[str, Floats]:
    reward = np.zeros(problem.n_options) if problem.reward is None else problem.reward
    return {
        "reward": reward,
        "budget": problem.budget,
        "history": grouping.history,
        "weight": grouping.weight,
    }


def in_arrays(problem: AllocationProblem, grouping: Grouping, family: Family) -> Program:
    return arrays_form(problem, grouping, family).program(values(problem, grouping))


def in_cvxpy(problem: AllocationProblem, grouping: Grouping, family: Family) -> Program:
    model = cvxpy_form(problem, grouping, family)
    return read(model, labels_in_cvxpy(problem, grouping))


def read(model: cvxpy.Problem, labels: Mapping[str, Any] | None = None) -> Program:
    program = compile_cvxpy(model, labels).program(parameter_values(model))
    program.check()
    return program


def small_problem() -> AllocationProblem:
    """Return a problem that has every kind of number: limits, minimums, history, groups."""
    return AllocationProblem(
        [[2.0, 0.3], [1.0, 0.0], [0.7, 1.1]],
        {"gpu": 2.0, "memory": np.inf},
        reward=[3.0, 2.0, 0.1],
        agent=["ann", "ann", "bob"],
        weight={"ann": 0.7, "bob": 1.3},
        history={"ann": 0.1, "bob": 0.3},
        lower=[0.0, 0.1, 0.0],
        upper=[1.0, 2.0, 1.5],
        agent_limit={"ann": 1.7, "bob": np.inf},
        agent_minimum={"ann": 0.3, "bob": 0.0},
        integer=[True, False, False],
        option_names=["a", "b", "c"],
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_both_forms_say_the_same_to_the_last_bit(seed: int) -> None:
    generator = np.random.default_rng(seed)
    problem = random_problem(generator, infinite_upper=bool(seed % 2))
    over = ["groups"] if problem.history.any() else ["groups", "agents"]
    for grouping in [problem.grouping(each) for each in over]:  # type: ignore[arg-type]
        for name, family in FAMILIES.items():
            arrays = in_arrays(problem, grouping, family)
            found = differences(arrays, in_cvxpy(problem, grouping, family))
            assert found == [], (name, grouping.kind)


@EVERY_FAMILY
def test_the_form_is_affine_in_its_parameters(family: Family) -> None:
    problem = small_problem()
    assert cvxpy_form(problem, problem.grouping("groups"), family).is_dpp()


@EVERY_FAMILY
def test_a_user_can_solve_the_form(family: Family) -> None:
    problem = small_problem().replace(integer=False)
    grouping = problem.grouping("groups")
    model = cvxpy_form(problem, grouping, family)
    model.solve(solver="CLARABEL")
    assert model.status == cvxpy.OPTIMAL
    decision = model.var_dict["x"].value
    total = family.compares_utilities
    assert decision is not None
    utility = grouping.utility(values(problem, grouping)["reward"], decision)
    reward = np.array([values(problem, grouping)["reward"] @ decision])
    welfare = family.welfare(grouping.weight, utility if total else reward)
    # Clarabel's tolerances are 1e-8.
    assert welfare == pytest.approx(model.value, rel=1e-6)


def test_names_and_labels_reach_the_program() -> None:
    problem = small_problem()
    program = in_cvxpy(problem, problem.grouping("groups"), MaxMinFairness())
    assert {block.name for block in program.column_blocks} == {"x", "utility", "worst"}
    assert set(program.row_names) == {
        "budget_limit[gpu]",
        "budget_limit[memory]",
        "agent_limit[ann]",
        "agent_minimum[ann]",
        "utility_of[ann]",
        "utility_of[bob]",
        "worst_limit[ann]",
        "worst_limit[bob]",
    }


def test_without_a_reward_the_form_waits_for_one() -> None:
    problem = AllocationProblem([[1.0]], [2.0])
    model = cvxpy_form(problem, problem.grouping("groups"), TotalReward())
    with pytest.raises(FormError, match="parameter 'reward' has no value"):
        parameter_values(model)
    model.param_dict["reward"].value = np.array([3.0])
    assert read(model).objective.tolist() == [3.0]


CHANGES: dict[str, dict[str, Any]] = {
    "requests": {"requests": [[2.0, 0.3], [1.0, 0.0], [0.7, 1.2]]},
    "budget": {"budget": {"gpu": 2.1, "memory": np.inf}},
    "reward": {"reward": [3.0, 2.1, 0.1]},
    "weight": {"weight": {"ann": 0.7, "bob": 1.4}},
    "history": {"history": {"ann": 0.2, "bob": 0.3}},
    "lower": {"lower": [0.0, 0.2, 0.0]},
    "upper": {"upper": [1.0, 2.0, 1.4]},
    "agent_limit": {"agent_limit": {"ann": 1.8, "bob": np.inf}},
    "agent_minimum": {"agent_minimum": {"ann": 0.4, "bob": 0.0}},
    "integer": {"integer": [True, False, True]},
    "share": {"agent": ["ann", "ann", "bob"], "group": {"ann": "ann", "bob": "ann"}},
}


@pytest.mark.parametrize("changed", CHANGES.keys())
def test_a_changed_number_of_the_problem_is_seen(changed: str) -> None:
    problem, family = small_problem(), AlphaFairness(2.0)
    if changed == "share":
        plain = problem.replace(weight=None, history=None)
        other = AllocationProblem(
            plain.requests, plain.budget, plain.reward, agent=plain._arguments()["agent"]
        )
        grouped = AllocationProblem(
            plain.requests,
            plain.budget,
            plain.reward,
            agent=["ann", "ann", "bob"],
            group={"ann": "all", "bob": "all"},
        )
        first = in_arrays(other, other.grouping("groups"), family)
        second = in_cvxpy(grouped, grouped.grouping("groups"), family)
    else:
        other = problem.replace(**CHANGES[changed])
        first = in_arrays(problem, problem.grouping("groups"), family)
        second = in_cvxpy(other, other.grouping("groups"), family)
    assert differences(first, second)


# Which part of the Program one entry of each Parameter is, for every family that has it.
PARTS = {
    "budget": {"row_upper"},
    "history": {"row_lower", "row_upper"},
    "weight": {"terms.weight", "objective", "matrix.data"},
    "reward": {"matrix.data", "objective"},
}


@EVERY_FAMILY
def test_a_changed_parameter_changes_exactly_its_entry(family: Family) -> None:
    problem = small_problem()
    grouping = problem.grouping("groups")
    model = cvxpy_form(problem, grouping, family)
    labels = labels_in_cvxpy(problem, grouping)
    before = read(model, labels)
    for name, parameter in model.param_dict.items():
        for entry in range(parameter.size):
            old = parameter.value
            parameter.value = old + np.where(np.arange(parameter.size) == entry, 0.5, 0.0)
            expected = arrays_form(problem, grouping, family).program(
                values(problem, grouping) | parameter_values(model)
            )
            after = read(model, labels)
            assert differences(expected, after) == []
            found = set(differences(before, after))
            is_infinite = bool(np.isinf(old[entry]))
            assert found <= PARTS[name]
            assert bool(found) != is_infinite
            assert n_changed_numbers(before, after) == (0 if is_infinite else max(1, len(found)))
            parameter.value = old
    assert differences(before, read(model, labels)) == []


def n_changed_numbers(first: Program, second: Program) -> int:
    pairs = [
        (first.matrix.data, second.matrix.data),
        (first.objective, second.objective),
        (first.row_lower, second.row_lower),
        (first.row_upper, second.row_upper),
        (first.column_lower, second.column_lower),
        (first.column_upper, second.column_upper),
    ]
    if first.terms is not None and second.terms is not None:
        pairs.append((first.terms.weight, second.terms.weight))
    return sum(int(np.count_nonzero(one != other)) for one, other in pairs)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.3, 1 / 3, 0.5, 0.7, 0.999, 1.001, 1.1, 2.0, 7.7])
def test_alpha_comes_back_to_the_last_bit(alpha: float) -> None:
    problem = small_problem()
    terms = in_cvxpy(problem, problem.grouping("groups"), AlphaFairness(alpha)).terms
    assert terms is not None
    assert terms.alpha == alpha
    assert terms.weight.tolist() == [0.7, 1.3]


def welfare(name: str, u: cvxpy.Variable) -> Any:
    weight = np.array([0.7, 1.3])
    return {
        "weight @ log": weight @ cvxpy.log(u),
        "sum of multiply": cvxpy.sum(cvxpy.multiply(weight, cvxpy.log(u))),
        "entry by entry": 0.7 * cvxpy.log(u[0]) + 1.3 * cvxpy.log(u[1]),
        "entries of one log": 0.7 * cvxpy.log(u)[0] + 1.3 * cvxpy.log(u)[1:],
        "divided power": weight @ (cvxpy.power(u, Fraction(-3)) / -3.0),
        "power with its own factor": -weight @ cvxpy.power(u, -1),
        "twice a root": cvxpy.sum(cvxpy.multiply(2 * weight, cvxpy.sqrt(u))),
    }[name]


@pytest.mark.parametrize(
    ("name", "alpha"),
    [
        ("weight @ log", 1.0),
        ("sum of multiply", 1.0),
        ("entry by entry", 1.0),
        ("divided power", 4.0),
        ("power with its own factor", 2.0),
        ("twice a root", 0.5),
    ],
)
def test_alpha_fair_terms_are_read_in_other_words(name: str, alpha: float) -> None:
    u = cvxpy.Variable(2, name="u", nonneg=True)
    limit = (cvxpy.sum(u) <= 3.0).set_label("limit")
    terms = read(cvxpy.Problem(cvxpy.Maximize(welfare(name, u)), [limit])).terms
    assert terms is not None
    assert (terms.alpha, terms.columns.tolist()) == (alpha, [0, 1])
    assert terms.weight.tolist() == [0.7, 1.3]


def test_linear_and_alpha_fair_parts_stand_side_by_side() -> None:
    u = cvxpy.Variable(2, name="u", nonneg=True)
    objective = cvxpy.Maximize(cvxpy.log(u[1]) - 2.0 * u[0] + 5.0)
    program = read(cvxpy.Problem(objective))
    assert program.terms is not None
    assert program.terms.columns.tolist() == [1]
    assert program.objective.tolist() == [-2.0, 0.0]
    assert program.objective_constant == 5.0
    assert program.matrix.shape == (0, 2)


def test_rows_have_one_normal_form() -> None:
    x = cvxpy.Variable(2, name="x")
    total = x[0] + 2 * x[1]
    rows = {
        "at_most": total <= 4.0,
        "at_least": total >= 1.0,
        "at_least_the_other_way": cvxpy.Constant(1.0) <= total + 0.5,
        "equal": cvxpy.Constant(3.0) == total,
        "both_sides": x[0] + 1.0 <= 3.0 * x[1],
    }
    labelled = [row.set_label(name) for name, row in rows.items()]
    program = read(cvxpy.Problem(cvxpy.Minimize(x[0]), labelled))
    assert not program.maximise
    assert program.row_names == list(rows)
    assert program.matrix.toarray().tolist() == [[1, 2], [1, 2], [1, 2], [1, 2], [1, -3]]
    assert program.row_lower.tolist() == [-np.inf, 1.0, 0.5, 3.0, -np.inf]
    assert program.row_upper.tolist() == [4.0, np.inf, np.inf, 3.0, -1.0]


def test_bounds_and_wholeness_come_from_attributes() -> None:
    least = cvxpy.Parameter(2, name="least", value=[1.0, 2.0])
    one = cvxpy.Variable(2, name="one", bounds=[least, np.array([4.0, np.inf])])
    two = cvxpy.Variable(2, name="two", boolean=(np.array([1]),))
    three = cvxpy.Variable((2, 2), name="three", nonpos=True, integer=True)
    objective = cvxpy.Maximize(cvxpy.sum(one) + cvxpy.sum(two) + cvxpy.sum(three))
    model = cvxpy.Problem(objective)
    program = read(model)
    by_name = dict(
        zip(
            program.column_names,
            zip(program.column_lower, program.column_upper, program.integer, strict=True),
            strict=True,
        )
    )
    assert by_name == {
        "one[0]": (1.0, 4.0, False),
        "one[1]": (2.0, np.inf, False),
        "two[0]": (-np.inf, np.inf, False),
        "two[1]": (0.0, 1.0, True),
        "three[0,0]": (-np.inf, 0.0, True),
        "three[1,0]": (-np.inf, 0.0, True),
        "three[0,1]": (-np.inf, 0.0, True),
        "three[1,1]": (-np.inf, 0.0, True),
    }
    least.value = np.array([1.5, 2.0])
    assert differences(program, read(model)) == ["column_lower"]


def refused(name: str) -> cvxpy.Problem:
    x = cvxpy.Variable(2, name="x", nonneg=True)
    y = cvxpy.Variable(name="y", nonneg=True)
    p = cvxpy.Parameter(name="p", nonneg=True, value=2.0)
    q = cvxpy.Parameter(name="q", nonneg=True, value=2.0)
    unsigned = cvxpy.Parameter(2, name="unsigned", value=[1.0, 1.0])
    symmetric = cvxpy.Variable((2, 2), name="symmetric", PSD=True)
    alike = cvxpy.Variable(name="x")

    def maximise(expression: Any, *constraints: Any) -> cvxpy.Problem:
        return cvxpy.Problem(cvxpy.Maximize(expression), list(constraints))

    def row(constraint: Any, label: str = "limit") -> Any:
        return constraint.set_label(label)

    problems = {
        "no label": lambda: maximise(y, y <= 1),
        "label twice": lambda: maximise(y, row(y <= 1), row(y <= 2)),
        "no name": lambda: maximise(cvxpy.Variable()),
        "name twice": lambda: maximise(alike + y + cvxpy.sum(x)),
        "no parameter name": lambda: maximise(cvxpy.Parameter(value=1.0) * y),
        "cone": lambda: maximise(y, row(cvxpy.SOC(y, x))),
        "curved row": lambda: maximise(y, row(cvxpy.norm(x) <= 1)),
        "product": lambda: maximise(y, row(x[0] * y <= 1)),
        "products of parameters": lambda: maximise(y, row(p * q * y <= 1)),
        "function of a parameter": lambda: maximise(y, row(y <= cvxpy.exp(p))),
        "other atom": lambda: maximise(cvxpy.min(x)),
        "square": lambda: cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(x))),
        "two alphas": lambda: maximise(cvxpy.log(y) + cvxpy.sum(cvxpy.sqrt(x))),
        "expression": lambda: maximise(cvxpy.log(y + x[0])),
        "scaled variable": lambda: maximise(cvxpy.log(2 * y)),
        "nested": lambda: maximise(cvxpy.log(cvxpy.sqrt(y))),
        "column twice": lambda: maximise(cvxpy.log(y) + cvxpy.log(y)),
        "minimised": lambda: cvxpy.Problem(cvxpy.Minimize(-cvxpy.log(y))),
        "weight of any sign": lambda: maximise(unsigned @ cvxpy.log(x)),
        "convex power": lambda: maximise(cvxpy.power(y, 3)),
        "structure": lambda: maximise(cvxpy.trace(symmetric)),
    }
    return problems[name]()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no label", "has no label"),
        ("label twice", "two constraints bear the name 'limit'"),
        ("no name", "a variable of shape .* has no name"),
        ("name twice", "two variables bear the name 'x'"),
        ("no parameter name", "a parameter of shape .* has no name"),
        ("cone", "constraint 'limit' is a SOC constraint; handled are"),
        ("curved row", "constraint 'limit' holds the atom"),
        ("product", "constraint 'limit' is not linear in the variables"),
        ("products of parameters", r"constraint 'limit' is not affine in the Parameters"),
        ("function of a parameter", "constraint 'limit' holds the atom exp"),
        ("other atom", "the objective holds the atom min"),
        ("square", "the objective holds the atom quad_over_lin"),
        ("two alphas", "alpha 1.0 and 0.5"),
        ("expression", r"of y \+ x\[0\] is not of plain variables"),
        ("scaled variable", r"of 2.0 \* y is not of plain variables"),
        ("nested", "holds the atom Power"),
        ("column twice", "one entry of variable 'y'"),
        ("minimised", "it must maximise them"),
        ("weight of any sign", "not concave by CVXPY's rules"),
        ("convex power", "not concave by CVXPY's rules"),
        ("structure", "variable 'symmetric' is declared PSD"),
    ],
)
def test_what_is_not_handled_is_refused_by_name(name: str, words: str) -> None:
    with pytest.raises(FormError, match=words):
        compile_cvxpy(refused(name))


def test_labels_of_another_number_are_refused() -> None:
    x = cvxpy.Variable(2, name="x", nonneg=True)
    with pytest.raises(FormError, match="'x' has 2 entries, but 3 labels are given"):
        compile_cvxpy(cvxpy.Problem(cvxpy.Maximize(-cvxpy.sum(x))), {"x": ["a", "b", "c"]})


def test_the_reader_does_not_change_the_model() -> None:
    problem = small_problem().replace(integer=False)
    model = cvxpy_form(problem, problem.grouping("groups"), AlphaFairness(2.0))
    before = str(model)
    compile_cvxpy(model)
    assert str(model) == before
    assert model.solve(solver="CLARABEL") == pytest.approx(model.value)
