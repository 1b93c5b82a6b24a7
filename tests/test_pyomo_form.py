"""The Pyomo form says what the arrays form says; the reader reads any Pyomo model or refuses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyomo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librex_models.errors import FormError
from librex_models.families import (
    AlphaFairness,
    Family,
    MaxMinFairness,
    ProportionalFairness,
    TotalReward,
)
from librex_models.families.alpha_fair import plain_utility
from librex_models.forms.arrays_form import arrays_form
from librex_models.forms.compile_pyomo import compile_pyomo, parameter_values
from librex_models.forms.pyomo_form import pyomo_block, pyomo_form
from librex_models.problem import AllocationProblem
from solvers.program import Program
from solvers.program_differences import differences
from tests.random_examples import examples
from tests.random_problems import random_problem

Floats = npt.NDArray[np.float64]

FAMILIES: dict[str, Family] = {
    "total_reward": TotalReward(),
    "proportional": ProportionalFairness(),
    "max_min": MaxMinFairness(),
    **{f"alpha_{alpha}": AlphaFairness(alpha) for alpha in (0.0, 0.3, 0.5, 1.0, 2.0, 5.0)},
}
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
random_choices = given(
    seed=st.integers(0, 2**32 - 1),
    n_options=st.integers(1, 8),
    infinite_upper=st.booleans(),
    over=st.sampled_from(["groups", "agents"]),
)


def from_arrays(problem: AllocationProblem, family: Family, over: Any = "groups") -> Program:
    grouping = problem.grouping(over)
    assert problem.reward is not None
    values = {"reward": problem.reward, "budget": problem.budget}
    if family.compares_utilities:
        values |= {"history": grouping.history, "weight": grouping.weight}
    return arrays_form(problem, grouping, family).program(values)


def from_pyomo(model: Any) -> Program:
    return compile_pyomo(model).program(parameter_values(model))


def rich_problem() -> AllocationProblem:
    """Return a problem in which every kind of number appears."""
    return AllocationProblem(
        [[1.0, 0.3], [0.5, 0.0], [0.2, 0.7], [0.4, 0.1]],
        [2.0, 0.9],
        [3.0, 2.0, 1.0, 0.1],
        agent=["ann", "ann", "bob", "cat"],
        group=["north", "south", "north"],
        weight=[1.5, 0.7],
        history=[0.25, 0.125],
        lower=[0.0, 0.0, 0.25, 0.0],
        upper=[1.0, 1.0, 2.0, 1.0],
        agent_limit={"ann": 1.5, "bob": np.inf, "cat": np.inf},
        agent_minimum={"ann": 0.5, "bob": 0.0, "cat": 0.125},
        integer=[True, False, False, True],
    )


# The two forms


@every_family
@random_choices
def test_pyomo_and_arrays_say_exactly_the_same(
    family: Family, seed: int, n_options: int, infinite_upper: bool, over: str
) -> None:
    generator = np.random.default_rng(seed)
    problem = random_problem(
        generator,
        n_options=n_options,
        infinite_upper=infinite_upper,
        history=False if over == "agents" else None,
    )
    grouping = problem.grouping("groups" if over == "groups" else "agents")
    model = pyomo_form(problem, grouping, family)
    assert differences(from_arrays(problem, family, over), from_pyomo(model)) == []


@every_family
def test_a_block_says_the_same_as_a_model(family: Family) -> None:
    problem = rich_problem()
    block = pyomo_block(problem, problem.grouping("groups"), family)
    assert differences(from_arrays(problem, family), from_pyomo(block)) == []


def test_a_resource_that_nobody_uses_has_an_empty_row() -> None:
    problem = AllocationProblem([[1.0, 0.0]], [0.5, 0.5], [1.0])
    program = from_pyomo(pyomo_form(problem, problem.grouping("groups"), TotalReward()))
    assert program.row_names == ["budget_limit[0]", "budget_limit[1]"]
    assert program.matrix.toarray().tolist() == [[1.0], [0.0]]
    assert program.row_upper.tolist() == [0.5, 0.5]


def _changed(name: str, value: Any) -> Callable[[AllocationProblem], AllocationProblem]:
    return lambda problem: problem.replace(**{name: value})


MUTATIONS = {
    "reward": (_changed("reward", [3.0, 2.0, 1.0, 0.2]), ["matrix.data"]),
    "request": (
        _changed("requests", [[1.0, 0.3], [0.5, 0.0], [0.2, 0.7], [0.4, 0.2]]),
        ["matrix.data"],
    ),
    "request_to_zero": (
        _changed("requests", [[1.0, 0.3], [0.5, 0.0], [0.2, 0.7], [0.4, 0.0]]),
        ["matrix.indptr", "matrix.indices", "matrix.data"],
    ),
    "budget": (_changed("budget", [2.0, np.inf]), ["row_upper"]),
    "history": (_changed("history", [0.25, 0.0]), ["row_lower", "row_upper"]),
    "weight": (_changed("weight", [1.5, 0.8]), ["terms.weight"]),
    "share": (_changed("group_utility", "sum"), ["matrix.data"]),
    "lower": (_changed("lower", [0.0, 0.0, 0.5, 0.0]), ["column_lower"]),
    "upper": (_changed("upper", [1.0, 1.0, 3.0, 1.0]), ["column_upper"]),
    "integer": (_changed("integer", True), ["integer"]),
    "limit": (_changed("agent_limit", {"ann": 1.25, "bob": 9.0, "cat": 9.0}), ["row_upper"]),
    "minimum": (
        _changed("agent_minimum", {"ann": 0.75, "bob": 0.0, "cat": 0.125}),
        ["row_lower"],
    ),
    "minimum_of_nobody": (
        _changed("agent_minimum", {"ann": 0.5, "bob": 0.0, "cat": 0.0}),
        ["row_names", "row_lower", "row_upper", "matrix.indptr", "matrix.indices", "matrix.data"],
    ),
}


@pytest.mark.parametrize(("mutate", "parts"), MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_mutation_of_one_form_is_seen(
    mutate: Callable[[AllocationProblem], AllocationProblem], parts: list[str]
) -> None:
    problem, family = rich_problem(), AlphaFairness(2.0)
    mutated = mutate(problem)
    model = pyomo_form(mutated, mutated.grouping("groups"), family)
    assert differences(from_arrays(problem, family), from_pyomo(model)) == parts
    assert differences(from_arrays(mutated, family), from_pyomo(model)) == []


def test_another_alpha_is_seen() -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), AlphaFairness(0.3))
    expected = from_arrays(problem, AlphaFairness(0.30000000000000004))
    assert differences(expected, from_pyomo(model)) == ["terms.alpha"]


PYOMO_MUTATIONS: dict[str, tuple[Callable[[Any], object], list[str]]] = {
    "upper": (lambda model: model.x[2].setub(3.0), ["column_upper"]),
    "lower": (lambda model: model.x[2].setlb(0.5), ["column_lower"]),
    "integer": (lambda model: setattr(model.x[2], "domain", pyomo.Integers), ["integer"]),
    "fixed": (lambda model: model.x[2].fix(0.5), ["column_lower", "column_upper"]),
    "alpha": (lambda model: setattr(model, "alpha", 3.0), ["terms.alpha"]),
    "inactive_row": (
        lambda model: model.agent_limit["ann"].deactivate(),
        ["row_names", "row_lower", "row_upper", "matrix.indptr", "matrix.indices", "matrix.data"],
    ),
}


@pytest.mark.parametrize(("mutate", "parts"), PYOMO_MUTATIONS.values(), ids=PYOMO_MUTATIONS.keys())
def test_a_mutation_of_the_pyomo_model_is_seen(
    mutate: Callable[[Any], object], parts: list[str]
) -> None:
    problem, family = rich_problem(), AlphaFairness(2.0)
    model = pyomo_form(problem, problem.grouping("groups"), family)
    mutate(model)
    assert differences(from_arrays(problem, family), from_pyomo(model)) == parts


# Params


def _numbers(program: Program) -> dict[str, Floats]:
    weight = np.zeros(0) if program.terms is None else program.terms.weight
    names = ("objective", "row_lower", "row_upper", "column_lower", "column_upper")
    numbers = {name: getattr(program, name) for name in names}
    return numbers | {"matrix": program.matrix.data, "weight": weight}


# Where a Param appears, and with which factor. The equality `utility_of` has two bounds.
APPEARANCES: dict[str, dict[str, int]] = {
    "reward": {"matrix": 1},
    "request": {"matrix": 1},
    "budget": {"row_upper": 1},
    "history": {"row_lower": 1, "row_upper": 1},
    "weight": {"weight": 1},
    "limit": {"row_upper": 1},
    "minimum": {"row_lower": 1},
}


@pytest.mark.parametrize("name", APPEARANCES)
def test_a_changed_param_changes_exactly_its_entry(name: str) -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), AlphaFairness(2.0))
    parametric = compile_pyomo(model)
    before = _numbers(parametric.program(parameter_values(model)))
    param = model.component(name)
    for index in param:
        old = pyomo.value(param[index])
        param[index] = 7.25
        written = parametric.program(parameter_values(model))
        after = _numbers(written)
        counts = {part: int((before[part] != after[part]).sum()) for part in before}
        assert {part: count for part, count in counts.items() if count} == APPEARANCES[name]
        for part in APPEARANCES[name]:
            (number,) = after[part][before[part] != after[part]]
            share = problem.grouping("groups").share
            assert number in (7.25, *(-share * 7.25))
        assert differences(written, from_pyomo(model)) == []
        param[index] = old
    assert differences(parametric.program(parameter_values(model)), from_pyomo(model)) == []


def test_params_are_laid_out_in_the_order_of_their_index_sets() -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), TotalReward())
    places = compile_pyomo(model).parameters
    sizes = {name: place.stop - place.start for name, place in places.items()}
    assert sizes == {"request": 7, "budget": 2, "limit": 1, "minimum": 2, "reward": 4}
    assert parameter_values(model)["reward"].tolist() == [3.0, 2.0, 1.0, 0.1]
    assert parameter_values(model)["budget"].tolist() == [2.0, 0.9]


def test_a_param_with_a_default_and_a_scalar_param_are_read() -> None:
    model = pyomo.ConcreteModel()
    model.goods = pyomo.Set(initialize=["b", "a"])
    model.price = pyomo.Param(model.goods, initialize={"a": 2.0}, default=5.0, mutable=True)
    model.tax = pyomo.Param(initialize=0.5, mutable=True)
    model.x = pyomo.Var(model.goods)
    model.cost = pyomo.Objective(
        expr=sum(model.price[i] * model.x[i] for i in model.goods) + 3 * model.tax
    )
    program = from_pyomo(model)
    assert not program.maximise
    assert program.objective.tolist() == [5.0, 2.0]
    assert program.objective_constant == 1.5
    values = parameter_values(model)
    assert {name: value.tolist() for name, value in values.items()} == {
        "price": [5.0, 2.0],
        "tax": [0.5],
    }


def test_rewards_that_are_not_known_yet_are_asked_for_by_name() -> None:
    problem = AllocationProblem([[1.0]], [1.0])
    model = pyomo_form(problem, problem.grouping("groups"), TotalReward())
    parametric = compile_pyomo(model)
    with pytest.raises(FormError, match=r"'reward\[0\]' has the value None"):
        parameter_values(model)
    model.reward[0] = 4.0
    assert parametric.program(parameter_values(model)).objective.tolist() == [4.0]


def test_a_limit_is_a_param_only_where_there_is_a_row_to_change() -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), TotalReward())
    with pytest.raises(KeyError):
        model.limit["bob"] = 0.5


# Alpha


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.7, 0.9999, 1.0001, 1.1, 2.0, 5.0, 1 / 3])
def test_alpha_comes_back_to_the_last_bit(alpha: float) -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), AlphaFairness(alpha))
    terms = from_pyomo(model).terms
    assert terms is not None
    assert terms.alpha == alpha
    assert "alpha" not in compile_pyomo(model).parameters


def test_alpha_may_be_set_to_zero_and_not_to_one() -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), AlphaFairness(2.0))
    model.alpha = 0.0
    assert differences(from_arrays(problem, AlphaFairness(0.0)), from_pyomo(model)) == []
    model.alpha = 1.0
    with pytest.raises(FormError, match=r"'welfare'.*alpha = 1 write a logarithm"):
        compile_pyomo(model)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_alpha_cannot_be_changed_where_it_would_change_nothing(alpha: float) -> None:
    problem = rich_problem()
    model = pyomo_form(problem, problem.grouping("groups"), AlphaFairness(alpha))
    with pytest.raises(TypeError):
        model.alpha = 2.0


def _one_term(term: Callable[[Any], Any]) -> Any:
    model = pyomo.ConcreteModel()
    model.p = pyomo.Param(initialize=0.3, mutable=True)
    model.q = pyomo.Param(initialize=4.0, mutable=True)
    model.c = pyomo.Param(initialize=0.3)
    model.u = pyomo.Var(bounds=(0, 9))
    model.v = pyomo.Var()
    model.two = pyomo.Expression(expr=2.0)
    model.root = pyomo.Expression(expr=model.u**0.5)
    model.welfare = pyomo.Objective(expr=term(model), sense=pyomo.maximize)
    return model


WRITTEN_BY_HAND: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "square_root": (lambda m: 3 * m.u**0.5 / 0.5, 0.5, 3.0),
    "sqrt": (lambda m: 2 * pyomo.sqrt(m.u), 0.5, 1.0),
    "divided_by_the_exponent": (lambda m: 3 * m.u**0.7 / 0.7, 1 - 0.7, 3.0),
    "not_divided": (lambda m: 3 * m.u**0.25, 0.75, 0.75),
    "reciprocal": (lambda m: -1 / m.u, 2.0, 1.0),
    "reciprocal_times": (lambda m: -5 * (1 / m.u), 2.0, 5.0),
    "reciprocal_square": (lambda m: -2 / m.u**2, 3.0, 4.0),
    "negative_power": (lambda m: -(m.u**-1), 2.0, 1.0),
    "log": (lambda m: 2 * pyomo.log(m.u), 1.0, 2.0),
    "log_halved": (lambda m: pyomo.log(m.u) / 2, 1.0, 0.5),
    "log_twice": (lambda m: pyomo.log(m.u) + 2 * pyomo.log(m.u), 1.0, 3.0),
    "weight_in_a_param": (lambda m: m.q * pyomo.log(m.u), 1.0, 4.0),
    "weight_outside": (lambda m: 3 * (m.q * m.u**0.5 / 0.5), 0.5, 12.0),
    "param_in_the_exponent": (lambda m: m.q * m.u ** (1 - m.p) / (1 - m.p), 0.3, 4.0),
    "exponent_itself_a_param": (lambda m: m.u**m.p / m.p, 1 - 0.3, 1.0),
    "named": (lambda m: 3 * (m.two * m.root) / 0.5, 0.5, 6.0),
    "named_and_turned": (lambda m: m.root / 0.5 * m.two, 0.5, 2.0),
    "fixed_param": (lambda m: 2 * m.u ** (1 - m.c) / (1 - m.c), 1 - (1 - 0.3), 2.0),
}


@pytest.mark.parametrize(
    ("term", "alpha", "weight"), WRITTEN_BY_HAND.values(), ids=WRITTEN_BY_HAND.keys()
)
def test_concave_terms_written_by_hand_are_recognised(
    term: Callable[[Any], Any], alpha: float, weight: float
) -> None:
    model = _one_term(lambda m: term(m) + 2 * m.v + 1)
    program = from_pyomo(model)
    assert program.terms is not None
    assert program.terms.columns.tolist() == [0]
    assert program.terms.weight.tolist() == [weight]
    assert program.terms.alpha == alpha
    assert program.objective.tolist() == [0.0, 2.0]
    assert program.objective_constant == 1.0


NOT_CONCAVE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "square": (lambda m: m.u**2, "exponent is above 1"),
    "convex_power": (lambda m: m.u**1.5, "exponent is above 1"),
    "negative_weight": (lambda m: -pyomo.log(m.u), "weight -1.0 below zero"),
    "negative_square_root": (lambda m: -(m.u**0.5), "weight -0.5 below zero"),
    "positive_reciprocal": (lambda m: 1 / m.u, "weight -1.0 below zero"),
    "negative_param": (lambda m: -m.q * pyomo.log(m.u), "weight -4.0 below zero"),
    "product": (lambda m: m.u * m.v, r"product of variables u\*v"),
    "power_of_a_variable": (lambda m: m.u**m.v, "variables in v"),
    "log_of_a_sum": (lambda m: pyomo.log(m.u + 1), "variable of its own"),
    "log_of_a_multiple": (lambda m: pyomo.log(2 * m.u), "variable of its own"),
    "log_of_a_multiple_by_a_param": (lambda m: pyomo.log(m.q * m.u), "variable of its own"),
    "sine": (lambda m: pyomo.sin(m.u), r"nonlinear expression sin\(u\)"),
    "absolute_value": (lambda m: abs(m.u), r"nonlinear expression abs\(u\)"),
    "several_alpha": (lambda m: pyomo.log(m.u) + m.v**0.5, "several alpha"),
    "undivided": (lambda m: m.u ** (1 - m.p), "not divided by its exponent"),
    "two_params": (lambda m: m.p * m.q * m.u, "product of two mutable Params"),
    "divided_by_a_param": (lambda m: m.u / m.p, "division by a mutable Param"),
    "square_of_a_param": (lambda m: m.p**2 * m.u, "not affine"),
    "quotient_of_variables": (lambda m: m.u / m.v, "variables in u"),
}


@pytest.mark.parametrize(("term", "reason"), NOT_CONCAVE.values(), ids=NOT_CONCAVE.keys())
def test_an_objective_that_is_not_handled_is_refused_by_name(
    term: Callable[[Any], Any], reason: str
) -> None:
    with pytest.raises(FormError, match=f"objective 'welfare' holds .*{reason}.*; handled are"):
        compile_pyomo(_one_term(term))


def test_a_param_both_in_the_exponent_and_elsewhere_is_refused() -> None:
    model = _one_term(lambda m: m.u ** (1 - m.p) / (1 - m.p) + m.p * m.v)
    with pytest.raises(FormError, match="Param 'p' stands in the exponent"):
        compile_pyomo(model)


def test_a_minimised_logarithm_is_refused() -> None:
    model = _one_term(lambda m: -pyomo.log(m.u))
    model.welfare.sense = pyomo.minimize
    with pytest.raises(FormError, match=r"'welfare' holds the nonlinear .* is minimised"):
        compile_pyomo(model)


# Refusals of components


def _plain_model() -> Any:
    model = pyomo.ConcreteModel()
    model.p = pyomo.Param(initialize=2.0, mutable=True)
    model.x = pyomo.Var([1, 2], bounds=(0, 1))
    model.total = pyomo.Objective(expr=model.x[1] + model.x[2], sense=pyomo.maximize)
    return model


def _add(name: str, make: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda model: model.add_component(name, make(model))


def _second_objective(model: Any) -> None:
    model.other = pyomo.Objective(expr=model.x[1])


def _fixed_without_value(model: Any) -> None:
    model.x[2].fixed = True


def _without_expression(model: Any) -> Any:
    model.nothing = pyomo.Expression()
    return model.nothing


# Pyomo forgets the names of a model that is gone.
ANOTHER_MODEL = _plain_model()


def _variable_of_another_model(model: Any) -> None:
    model.stranger = pyomo.Constraint(expr=model.x[1] + ANOTHER_MODEL.x[2] <= 1)


def _param_of_another_model(model: Any) -> None:
    model.stranger = pyomo.Constraint(expr=model.x[1] <= ANOTHER_MODEL.p)


def _variable_of_an_inactive_block(model: Any) -> None:
    model.part = pyomo.Block()
    model.part.y = pyomo.Var()
    model.tie = pyomo.Constraint(expr=model.x[1] == model.part.y)
    model.part.deactivate()


REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "no_objective": (lambda m: m.total.deactivate(), "no active objective"),
    "two_objectives": (_second_objective, "'total', 'other' are all active"),
    "sos": (
        _add("special", lambda m: pyomo.SOSConstraint(var=m.x, sos=1)),
        "'special' is a SOSConstraint",
    ),
    "boolean": (_add("choice", lambda _: pyomo.BooleanVar()), "'choice' is a BooleanVar"),
    "quadratic": (
        _add("curve", lambda m: pyomo.Constraint([3], rule=lambda _, i: m.x[1] ** 2 <= i)),
        r"constraint 'curve\[3\]' holds the nonlinear expression x\[1\]\*\*2",
    ),
    "product": (
        _add("curve", lambda m: pyomo.Constraint(expr=m.x[1] * m.x[2] <= 1)),
        "constraint 'curve' holds the product of variables",
    ),
    "logarithm": (
        _add("curve", lambda m: pyomo.Constraint(expr=pyomo.log(m.x[1]) >= 0)),
        "constraint 'curve' holds the nonlinear expression log",
    ),
    "piecewise_expression": (
        _add(
            "curve",
            lambda m: pyomo.Constraint(expr=pyomo.Expr_if(m.x[1] >= 0.5, m.x[2], 0) <= 1),
        ),
        "constraint 'curve' holds the expression",
    ),
    "two_params": (
        _add("row", lambda m: pyomo.Constraint(expr=m.p * (m.p * m.x[1]) <= 1)),
        "constraint 'row' holds a product of two mutable Params",
    ),
    "infinite": (
        _add("row", lambda m: pyomo.Constraint(expr=float("inf") * m.x[1] <= 1)),
        "constraint 'row' holds the coefficient inf",
    ),
    "division_by_zero": (
        _add("row", lambda m: pyomo.Constraint(expr=m.x[1] / (m.p - m.p) <= 1)),
        "constraint 'row' holds a division by zero",
    ),
    "empty_expression": (
        _add("row", lambda m: pyomo.Constraint(expr=m.x[1] + _without_expression(m) <= 1)),
        "constraint 'row' holds the expression None",
    ),
    "domain": (
        _add("y", lambda _: pyomo.Var(within=pyomo.RangeSet(0, 10, 2))),
        "variable 'y' holds a domain",
    ),
    "any_domain": (_add("y", lambda _: pyomo.Var(within=pyomo.Any)), "variable 'y' holds a domain"),
    "bound_in_a_param": (
        _add("y", lambda m: pyomo.Var(within=pyomo.UnitInterval, bounds=(0, m.p))),
        "variable 'y' holds .* needs a domain without a bound",
    ),
    "fixed_without_value": (_fixed_without_value, r"variable 'x\[2\]' holds no value"),
    "variable_of_another_model": (
        _variable_of_another_model,
        r"'stranger' holds the variable 'x\[2\]', which is outside",
    ),
    "param_of_another_model": (
        _param_of_another_model,
        "'stranger' holds the Param 'p', which is declared outside",
    ),
    "variable_of_an_inactive_block": (
        _variable_of_an_inactive_block,
        "'tie' holds the variable 'part.y', which is outside",
    ),
}


@pytest.mark.parametrize(("damage", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_component_that_is_not_handled_is_refused_by_name(
    damage: Callable[[Any], object], reason: str
) -> None:
    model = _plain_model()
    damage(model)
    with pytest.raises(FormError, match=reason):
        compile_pyomo(model)


def test_a_disjunction_is_refused_by_name() -> None:
    disjunctive = pytest.importorskip("pyomo.gdp")
    model = _plain_model()
    model.choice = disjunctive.Disjunction(expr=[[model.x[1] <= 0], [model.x[2] <= 0]])
    with pytest.raises(FormError, match=r"'choice\w*' is a Disjunct"):
        compile_pyomo(model)


def test_a_model_without_data_and_an_indexed_block_are_refused() -> None:
    with pytest.raises(FormError, match="create_instance"):
        compile_pyomo(pyomo.AbstractModel())
    model = pyomo.ConcreteModel()
    model.parts = pyomo.Block([1, 2])
    with pytest.raises(FormError, match="'parts' is not one constructed model"):
        compile_pyomo(model.parts)


# Reading models that people write


def big_model() -> Any:
    """Return a model with nested blocks, and every way to write a linear relation."""
    model = pyomo.ConcreteModel()
    model.p = pyomo.Param([1, 2], initialize={1: 0.3, 2: -1.7}, mutable=True)
    model.c = pyomo.Param(initialize=0.7)
    model.x = pyomo.Var([1, 2, 3], bounds=(-1, 2))
    model.y = pyomo.Var(within=pyomo.Binary)
    model.cap = pyomo.Var(within=pyomo.Reals, bounds=(model.p[2], 3 * model.p[1] + 1))
    model.mixed = pyomo.Expression(expr=2 * model.x[1] + model.p[1] * model.x[2] - 4)
    model.scale = pyomo.Expression(expr=model.c * 3)
    model.slope = pyomo.Expression(expr=2 * model.p[1] + 1)
    model.both_sides = pyomo.Constraint(expr=model.mixed + model.p[2] <= 3 * model.x[1] - model.y)
    model.ranged = pyomo.Constraint(expr=pyomo.inequality(model.p[2], model.mixed + 1, 8.5))
    model.equal = pyomo.Constraint(expr=model.scale * (model.mixed - 1) == model.p[1])
    model.turned = pyomo.Constraint(expr=2 * model.p[1] + 3 >= -(model.x[1] - model.x[2]) / 4)
    model.scaled = pyomo.Constraint(expr=model.slope * (model.x[3] + 2) >= model.cap)
    model.skipped = pyomo.Constraint(
        [1, 2, 3],
        rule=lambda m, i: pyomo.Constraint.Skip if i == 2 else m.x[i] + m.x[i] <= 3 * i,
    )
    model.listed = pyomo.ConstraintList()
    model.listed.add(sum(model.x[i] for i in model.x) <= 4)
    model.listed.add(model.p[1] >= 0)
    model.part = pyomo.Block(["a", "b"])
    for letter in ("a", "b"):
        model.part[letter].z = pyomo.Var(within=pyomo.NonNegativeIntegers)
        model.part[letter].q = pyomo.Param(initialize=2.5, mutable=True)
        model.part[letter].row = pyomo.Constraint(
            expr=model.part[letter].q * model.part[letter].z <= model.x[1] + model.part[letter].q
        )
    model.view = pyomo.Reference(model.x)
    model.note = pyomo.Suffix()
    model.idle = pyomo.Objective(expr=model.x[1] ** 2)
    model.idle.deactivate()
    model.welfare = pyomo.Objective(
        expr=model.slope * (model.x[1] - 3) + model.part["a"].z + 0.5 * model.mixed,
        sense=pyomo.maximize,
    )
    return model


def _variables(model: Any) -> list[Any]:
    return list(model.component_data_objects(pyomo.Var, active=True))


def _check_against_pyomo(model: Any, generator: np.random.Generator) -> None:
    """Compare a Program with what Pyomo itself evaluates at random points."""
    program = from_pyomo(model)
    variables = _variables(model)
    rows = list(model.component_data_objects(pyomo.Constraint, active=True))
    (objective,) = model.component_data_objects(pyomo.Objective, active=True)
    assert len(variables) == program.n_columns
    assert len(rows) == program.n_rows
    for variable, lower, upper, integer in zip(
        variables, program.column_lower, program.column_upper, program.integer, strict=True
    ):
        least, most = variable.lb, variable.ub
        assert lower == (-np.inf if least is None else least)
        assert upper == (np.inf if most is None else most)
        assert integer == variable.is_integer()
    for _ in range(3):
        point = generator.uniform(0.1, 3.0, len(variables))
        for variable, number in zip(variables, point.tolist(), strict=True):
            variable.set_value(number, skip_validation=True)
        activity = program.matrix @ point
        for row, value, lower, upper in zip(
            rows, activity, program.row_lower, program.row_upper, strict=True
        ):
            body = pyomo.value(row.body)
            for ours, theirs in ((lower, row.lb), (upper, row.ub)):
                if theirs is None:
                    assert not np.isfinite(ours)
                else:
                    # Sums of fewer than 100 terms below 1e4, added in another order.
                    assert value - ours == pytest.approx(body - theirs, abs=1e-9)
        total = program.objective @ point + program.objective_constant
        if program.terms is not None:
            utility = plain_utility(point[program.terms.columns], program.terms.alpha)
            total += program.terms.weight @ utility
        # Powers up to 0.1 ** -4 / 4 with weights up to 3 may stand in the sum.
        assert total == pytest.approx(pyomo.value(objective), rel=1e-9, abs=1e-9)


@every_family
@settings(max_examples=examples(500))
@random_choices
def test_the_program_of_a_form_agrees_with_what_pyomo_evaluates(
    family: Family, seed: int, n_options: int, infinite_upper: bool, over: str
) -> None:
    generator = np.random.default_rng(seed)
    problem = random_problem(
        generator,
        n_options=n_options,
        infinite_upper=infinite_upper,
        history=False if over == "agents" else None,
    )
    grouping = problem.grouping("groups" if over == "groups" else "agents")
    _check_against_pyomo(pyomo_form(problem, grouping, family), generator)


@pytest.mark.parametrize("seed", range(5))
def test_the_program_of_a_big_model_agrees_with_what_pyomo_evaluates(seed: int) -> None:
    generator = np.random.default_rng(seed)
    model = big_model()
    for param in model.component_data_objects(pyomo.Param):
        if param.parent_component().mutable:
            param.set_value(float(generator.uniform(0.1, 2.0)))
    _check_against_pyomo(model, generator)


def _random_expression(generator: np.random.Generator, model: Any, depth: int, bare: bool) -> Any:
    """Return an expression that is linear in variables; where `bare`, without mutable Params."""
    if depth == 0:
        leaves = [model.x[int(generator.integers(1, 4))], float(generator.integers(-3, 4)), model.c]
        return (
            leaves[int(generator.integers(3))] if bare else model.p[int(generator.integers(1, 3))]
        )
    inner = [_random_expression(generator, model, depth - 1, bare) for _ in range(2)]
    plain = _random_expression(generator, model, depth - 1, True)
    number = float(generator.integers(1, 5))
    kinds: list[Callable[[], Any]] = [
        lambda: inner[0] + inner[1],
        lambda: inner[0] - plain,
        lambda: number * inner[0],
        lambda: inner[0] * model.c,
        lambda: -(inner[0] / number),
        lambda: sum([inner[0], plain, inner[1]]),
        lambda: model.named.add(len(model.named), inner[0] + 1),
        lambda: plain * model.c if bare else plain * (model.p[1] + 1),
    ]
    return kinds[int(generator.integers(len(kinds)))]()


@given(seed=st.integers(0, 2**32 - 1), depth=st.integers(0, 5))
def test_random_linear_expressions_agree_with_what_pyomo_evaluates(seed: int, depth: int) -> None:
    generator = np.random.default_rng(seed)
    model = pyomo.ConcreteModel()
    model.p = pyomo.Param([1, 2], initialize={1: 0.3, 2: -1.7}, mutable=True)
    model.c = pyomo.Param(initialize=0.7)
    model.x = pyomo.Var([1, 2, 3])
    model.named = pyomo.Expression(pyomo.Any)
    model.row = pyomo.Constraint([1, 2])
    sides = [_random_expression(generator, model, depth, bare) for bare in (False, True, False)]
    # Without a variable in it, a relation of two numbers is no constraint.
    model.row[1] = sides[0] + model.x[1] <= sides[1]
    model.row[2] = sides[0] - 3.5 * model.x[2] == sides[2]
    model.total = pyomo.Objective(expr=sides[2] + model.x[3])
    _check_against_pyomo(model, generator)


def test_a_side_whose_variables_cancel_is_no_number() -> None:
    model = pyomo.ConcreteModel()
    model.x = pyomo.Var([1, 2])
    nothing = model.x[1] - model.x[1]
    model.below = pyomo.Constraint(expr=nothing + 1 <= model.x[2])
    model.above = pyomo.Constraint(expr=model.x[2] <= nothing + 5)
    model.total = pyomo.Objective(expr=model.x[2])
    _check_against_pyomo(model, np.random.default_rng(0))


def test_names_are_those_of_the_components() -> None:
    program = from_pyomo(big_model())
    assert program.column_names == [
        *(f"x[{i}]" for i in (1, 2, 3)),
        *("y", "cap", "part[a].z", "part[b].z"),
    ]
    assert program.row_names == [
        *("both_sides", "ranged", "equal", "turned", "scaled", "skipped[1]", "skipped[3]"),
        *("listed[1]", "listed[2]", "part[a].row", "part[b].row"),
    ]
    assert set(compile_pyomo(big_model()).parameters) == {"p", "part[a].q", "part[b].q"}


def test_an_inactive_component_is_left_out_even_if_it_is_not_handled() -> None:
    model = _plain_model()
    model.special = pyomo.SOSConstraint(var=model.x, sos=1)
    model.curve = pyomo.Constraint(expr=model.x[1] ** 2 <= 1)
    model.special.deactivate()
    model.curve.deactivate()
    assert from_pyomo(model).n_rows == 0


def test_repeated_variables_add_up_from_left_to_right() -> None:
    model = _plain_model()
    x, y = model.x[1], model.x[2]
    model.row = pyomo.Constraint(expr=0.1 * x + 0.2 * x + 0.3 * x + y - y <= 1)
    program = from_pyomo(model)
    assert program.matrix.nnz == 1
    assert program.matrix.toarray().tolist() == [[0.1 + 0.2 + 0.3, 0.0]]


def test_an_inactive_block_is_left_out() -> None:
    model = big_model()
    model.part["b"].deactivate()
    program = from_pyomo(model)
    assert "part[b].z" not in program.column_names
    assert "part[b].row" not in program.row_names


def test_an_embedded_block_keeps_its_names_behind_the_name_of_the_block() -> None:
    problem = rich_problem()
    family = MaxMinFairness()
    model = pyomo.ConcreteModel()
    model.allocation = pyomo_block(problem, problem.grouping("groups"), family)
    model.allocation.welfare.deactivate()
    model.extra = pyomo.Var(bounds=(0, 1))
    model.coupling = pyomo.Constraint(expr=model.extra <= model.allocation.x[0])
    model.goal = pyomo.Objective(expr=model.allocation.worst + model.extra, sense=pyomo.maximize)
    program = from_pyomo(model)
    assert {"allocation.x[0]", "allocation.worst", "extra"} <= set(program.column_names)
    assert {"allocation.budget_limit[0]", "coupling"} <= set(program.row_names)
    assert "allocation.reward" in compile_pyomo(model).parameters
    model.allocation.welfare.activate()
    assert differences(from_pyomo(model.allocation), from_arrays(problem, family)) == []


def test_an_extended_form_has_one_row_more() -> None:
    problem = rich_problem()
    family = ProportionalFairness()
    model = pyomo_form(problem, problem.grouping("groups"), family)
    model.together = pyomo.Constraint(expr=model.x[0] + model.x[2] <= 1.25)
    program = from_pyomo(model)
    plain = from_arrays(problem, family)
    assert program.row_names == [*plain.row_names, "together"]
    assert program.row_upper[-1] == 1.25
    without = replace(
        program,
        matrix=program.matrix[:-1],
        row_lower=program.row_lower[:-1],
        row_upper=program.row_upper[:-1],
        row_blocks=program.row_blocks[:-1],
    )
    assert differences(plain, without) == []


DOMAINS = {
    "Reals": (pyomo.Reals, -np.inf, np.inf, False),
    "NonNegativeReals": (pyomo.NonNegativeReals, 0.0, np.inf, False),
    "NonPositiveReals": (pyomo.NonPositiveReals, -np.inf, 0.0, False),
    "UnitInterval": (pyomo.UnitInterval, 0.0, 1.0, False),
    "Integers": (pyomo.Integers, -np.inf, np.inf, True),
    "PositiveIntegers": (pyomo.PositiveIntegers, 1.0, np.inf, True),
    "Binary": (pyomo.Binary, 0.0, 1.0, True),
    "RangeSet": (pyomo.RangeSet(2, 5), 2.0, 5.0, True),
}


@pytest.mark.parametrize(
    ("domain", "lower", "upper", "integer"), DOMAINS.values(), ids=DOMAINS.keys()
)
def test_domains_and_bounds_combine(domain: Any, lower: float, upper: float, integer: bool) -> None:
    model = pyomo.ConcreteModel()
    model.x = pyomo.Var(within=domain)
    model.y = pyomo.Var(within=domain, bounds=(-1.5, 3.5))
    model.total = pyomo.Objective(expr=model.x + model.y)
    program = from_pyomo(model)
    assert program.column_lower.tolist() == [lower, max(lower, -1.5)]
    assert program.column_upper.tolist() == [upper, min(upper, 3.5)]
    assert program.integer.tolist() == [integer, integer]


# Labels


def test_tuples_and_odd_strings_may_be_labels() -> None:
    labels = [("a", 1), ("a", 2), "b c", "d[1]", "Größe", -7, ("x", "y", 3)]
    problem = AllocationProblem(
        np.ones((7, 2)),
        [2.0, 3.0],
        np.arange(7.0),
        option_names=labels,
        resource_names=["r", (0, 1)],
    )
    for family in FAMILIES.values():
        model = pyomo_form(problem, problem.grouping("groups"), family)
        program = from_pyomo(model)
        assert differences(from_arrays(problem, family), program) == []
        assert program.column_names[:3] == ["x[('a', 1)]", "x[('a', 2)]", "x[b c]"]
        assert pyomo.value(model.request[("a", 1), "r"]) == 1.0


@pytest.mark.parametrize("label", [("a", ("b", 1)), ("a",), range(2)])
def test_a_label_that_pyomo_would_change_is_refused(label: Any) -> None:
    problem = AllocationProblem([[1.0], [1.0]], [1.0], [1.0, 2.0], option_names=["plain", label])
    with pytest.raises(FormError, match=r"option .* cannot be a label in Pyomo"):
        pyomo_form(problem, problem.grouping("groups"), TotalReward())
