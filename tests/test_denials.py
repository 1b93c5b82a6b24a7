"""Solvers that say there is no decision, or no best one, against arithmetic."""

import numpy as np
import pytest
from scipy import optimize

import librex_models as lm
from librex_models.routes.denials import refutation_of_denial
from solvers import Status
from tests.random_examples import examples

DENIALS = (Status.INFEASIBLE, Status.UNBOUNDED, Status.INFEASIBLE_OR_UNBOUNDED)


def problem_of(**changes: object) -> lm.AllocationProblem:
    problem = lm.AllocationProblem([[2.0], [2.0]], [3.0], reward=[3.0, 3.0])
    return problem.replace(**changes)


@pytest.mark.parametrize("status", DENIALS)
@pytest.mark.parametrize("integer", [False, True])
def test_lower_bounds_that_keep_every_rule_refute_a_denial(status: Status, integer: bool) -> None:
    model = lm.BudgetOnly(problem_of(integer=integer))
    assert refutation_of_denial(model.question(), status)


@pytest.mark.parametrize("status", [one for one in Status if one not in DENIALS])
def test_what_denies_nothing_is_not_refuted(status: Status) -> None:
    assert refutation_of_denial(lm.BudgetOnly(problem_of()).question(), status) == ""


def test_a_little_of_everything_refutes_where_the_lower_bounds_are_worth_nothing() -> None:
    found = refutation_of_denial(lm.Proportional(problem_of()).question(), Status.INFEASIBLE)
    assert "a little of every option" in found


def test_a_welfare_of_minus_infinity_refutes_nothing() -> None:
    # The budget serves one of the two, and the other's zero counts as minus infinity.
    question = lm.Proportional(problem_of(integer=True)).question()
    assert refutation_of_denial(question, Status.INFEASIBLE) == ""


def test_no_infeasible_problem_is_said_to_have_a_decision() -> None:
    n_infeasible = n_refuted = 0
    for seed in range(examples(300)):
        generator = np.random.default_rng([38, seed])
        n, k = int(generator.integers(1, 6)), int(generator.integers(1, 3))
        requests = generator.integers(0, 5, (n, k)).astype(float)
        lower = generator.choice([0.0, 0.25, 0.5, 1.0], n) * (generator.random() < 0.5)
        whole = generator.random(n) < 0.5
        agent = generator.integers(0, 2, n)
        agent = np.unique(agent, return_inverse=True)[1]
        minimum = float(generator.choice([0.0, 0.5, 1.0, 2.0]))
        budget = generator.integers(0, 9, k).astype(float)
        try:
            problem = lm.AllocationProblem(
                requests, budget, np.ones(n), agent=agent, lower=lower, agent_minimum=minimum,
                agent_limit=2.0, integer=whole,
            )  # fmt: skip
        except lm.errors.LibrexError:
            continue
        serves = np.equal.outer(np.arange(agent.max() + 1), agent).astype(float)
        found = optimize.milp(
            np.zeros(n),
            integrality=whole.astype(int),
            bounds=optimize.Bounds(lower, np.ones(n)),
            constraints=[
                optimize.LinearConstraint(requests.T, -np.inf, budget),
                optimize.LinearConstraint(serves, minimum, 2.0),
            ],
        )
        is_infeasible = found.status == 2
        denial = refutation_of_denial(lm.BudgetOnly(problem).question(), Status.INFEASIBLE)
        assert not (denial and is_infeasible), seed
        n_infeasible += is_infeasible
        n_refuted += bool(denial)
    assert n_infeasible > 0
    assert n_refuted > 0
