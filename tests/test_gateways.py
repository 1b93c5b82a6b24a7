"""Solvers behind CVXPY and Pyomo: the same claims as those of our own adapters, or none."""

import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

import librex_models as lm
import solvers
from solvers import Capability, Limit, Outcome, Program, Readiness, SolveOptions, Status
from solvers.errors import CapabilityError, LicenceError, OptionError, SolverFailure, UpdateError
from solvers.gateway import GatewaySession, Reply, outcome_of
from solvers.pyomo_program import pyomo_model
from solvers.pyomo_solvers import SETTLED, STOPPED
from tests.fair_programs import ALPHAS, best_whole, equivalent_of, fair
from tests.random_examples import examples
from tests.test_highs import assert_is_feasible, best_by_enumeration, hard, packing
from tests.test_program import program_of

INFINITY = float("inf")
PROGRAMS = {"pyomo:glpk": "glpsol", "pyomo:cbc": "cbc"}
GATEWAYS = [name for name in solvers.names() if ":" in name and name != "cvxpy:CLARABEL"]
PRECISE = [one for one in GATEWAYS if Capability.PRECISE in solvers.capabilities(one)]
WHOLE = [one for one in GATEWAYS if Capability.WHOLE in solvers.capabilities(one)]
TERMS = [one for one in GATEWAYS if Capability.ALPHA_FAIR_TERMS in solvers.capabilities(one)]


def ready(name: str) -> str:
    """Return the name; skip where a program that Pyomo calls is not there."""
    program = PROGRAMS.get(name)
    if program is not None and shutil.which(program) is None:
        pytest.skip(f"there is no program {program} here: install glpk-utils and coinor-cbc")
    return name


def solved(name: str, program: Program, **options: object) -> Outcome:
    session = solvers.find_adapter(ready(name)).open(program)
    try:
        return session.solve(SolveOptions(**options))  # type: ignore[arg-type]
    finally:
        session.close()


def knapsack(worth: float = 3.0, maximise: bool = True) -> Program:
    """Return 1 of the first and half of the second, worth 4."""
    sign = 1.0 if maximise else -1.0
    return program_of([sign * worth, sign * 2.0], [[1.0, 1.0]], -INFINITY, 1.5, maximise=maximise)


@pytest.mark.parametrize("name", GATEWAYS)
@pytest.mark.parametrize("maximise", [True, False])
def test_a_linear_optimum_is_that_of_arithmetic(name: str, maximise: bool) -> None:
    sign = 1.0 if maximise else -1.0
    outcome = solved(name, knapsack(maximise=maximise))
    assert outcome.status is Status.OPTIMAL
    assert outcome.objective is not None
    assert outcome.point is not None
    assert outcome.objective == pytest.approx(sign * 4.0, rel=1e-6)
    assert outcome.bound == pytest.approx(sign * 4.0, rel=1e-6)
    assert sign * outcome.bound >= sign * outcome.objective
    assert outcome.point == pytest.approx(np.array([1.0, 0.5]), abs=1e-6)


@pytest.mark.parametrize("name", GATEWAYS)
@pytest.mark.parametrize("maximise", [True, False])
def test_duals_have_one_sign(name: str, maximise: bool) -> None:
    if Capability.ROW_DUALS not in solvers.capabilities(name):
        assert solved(name, knapsack()).row_dual is None
        return
    sign = 1.0 if maximise else -1.0
    program = knapsack(maximise=maximise)
    negated = replace(
        program,
        matrix=-program.matrix,
        row_lower=-program.row_upper,
        row_upper=-program.row_lower,
    )
    dual, of_negated = solved(name, program).row_dual, solved(name, negated).row_dual
    assert dual == pytest.approx(np.array([sign * 2.0]), abs=1e-6)
    assert of_negated == pytest.approx(np.array([-sign * 2.0]), abs=1e-6)


@pytest.mark.parametrize("name", GATEWAYS)
def test_infeasible_and_unbounded_are_told(name: str) -> None:
    infeasible = program_of([3.0, 2.0], [[1.0, 1.0]], 5.0, INFINITY)
    # Of some infeasible programs GLPK does not tell which it is.
    doubtful = (Status.INFEASIBLE, Status.INFEASIBLE_OR_UNBOUNDED)
    expected = doubtful if name == "pyomo:glpk" else (Status.INFEASIBLE,)
    assert solved(name, infeasible).status in expected
    unbounded = program_of([3.0, 2.0], [[1.0, -1.0]], -INFINITY, 1.0, 0.0, INFINITY)
    outcome = solved(name, unbounded)
    assert outcome.status is Status.UNBOUNDED
    assert outcome.point is None


@pytest.mark.parametrize("name", GATEWAYS)
def test_programs_that_need_no_solver_are_answered_by_arithmetic(name: str) -> None:
    crossed = program_of([1.0], [[1.0]], 2.0, 1.0)
    assert solved(name, crossed).status is Status.INFEASIBLE
    empty = program_of([], np.zeros((1, 0)), -1.0, 1.0)
    assert solved(name, empty).status is Status.OPTIMAL
    assert solved(name, replace(empty, row_lower=np.ones(1))).status is Status.INFEASIBLE


@pytest.mark.parametrize("name", GATEWAYS)
def test_no_time_is_no_claim(name: str) -> None:
    for program in (knapsack(), program_of([3.0, 2.0], [[1.0, 1.0]], 5.0, INFINITY)):
        outcome = solved(name, program, time_limit_seconds=0.0)
        assert (outcome.status, outcome.limit) == (Status.NO_SOLUTION_FOUND, Limit.TIME)
        assert outcome.bound == INFINITY


@pytest.mark.parametrize("name", GATEWAYS)
@pytest.mark.parametrize("seconds", [1e-9, 1e-4, 1e-3])
def test_hardly_any_time_is_no_claim_of_infeasibility(name: str, seconds: float) -> None:
    program = packing(0, n_columns=40, n_rows=20)
    if name not in WHOLE:
        program = replace(program, integer=np.zeros(40, dtype=np.bool_))
    outcome = solved(name, program, time_limit_seconds=seconds)
    assert outcome.status is Status.OPTIMAL or outcome.limit is Limit.TIME
    if outcome.point is not None:
        assert_is_feasible(program, outcome.point)


@pytest.mark.parametrize("status", [Status.INFEASIBLE, Status.UNBOUNDED, None])
def test_a_claim_without_a_point_after_the_time_was_over_is_none(status: Status | None) -> None:
    solver = SimpleNamespace(
        name="late",
        capabilities=frozenset({Capability.PRECISE, Capability.TIME_LIMIT}),
        check_native=lambda _: None,
        ask=lambda *_: Reply(status=status),
    )
    outcome = GatewaySession(solver, knapsack()).solve(SolveOptions(time_limit_seconds=1e-12))
    assert (outcome.status, outcome.limit) == (Status.NO_SOLUTION_FOUND, Limit.TIME)
    in_time = GatewaySession(solver, knapsack()).solve(SolveOptions(time_limit_seconds=1e9))
    assert in_time.limit is None


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("seed", range(3))
def test_whole_optima_are_those_of_enumeration(name: str, seed: int) -> None:
    program = packing(seed, n_columns=8, n_rows=3)
    outcome = solved(name, program)
    assert outcome.status is Status.OPTIMAL
    best = best_by_enumeration(program)
    assert outcome.objective == pytest.approx(best, rel=1e-6)
    assert outcome.bound >= best - 1e-6 * abs(best)
    assert_is_feasible(program, outcome.point)


@pytest.mark.parametrize("name", WHOLE)
def test_a_time_limit_claims_no_optimum(name: str) -> None:
    outcome = solved(name, hard(), time_limit_seconds=1.0)
    assert outcome.limit is Limit.TIME
    assert outcome.status in (Status.FEASIBLE, Status.NO_SOLUTION_FOUND)
    if outcome.objective is not None:
        assert_is_feasible(hard(), outcome.point)
        assert outcome.bound > outcome.objective * (1 + 1e-3)


@pytest.mark.parametrize("name", [one for one in GATEWAYS if one not in WHOLE])
def test_solvers_without_whole_columns_refuse_them(name: str) -> None:
    with pytest.raises(CapabilityError, match="no whole columns"):
        solvers.find_adapter(name).open(packing(0, n_columns=4, n_rows=2))


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("alpha", ALPHAS)
def test_fractional_terms_agree_with_clarabel(name: str, alpha: float) -> None:
    program = fair(0, alpha, whole=False)
    expected = equivalent_of(program, solved("cvxpy:CLARABEL", program).point)
    outcome = solved(name, program)
    assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_whole_terms_through_pyomo_have_the_optimum_of_enumeration(alpha: float) -> None:
    program = fair(1, alpha, whole=True)
    outcome = solved("pyomo:scip_direct", program)
    assert outcome.status is Status.OPTIMAL
    assert equivalent_of(program, outcome.point) == pytest.approx(best_whole(program), rel=1e-6)


@pytest.mark.parametrize("name", [one for one in GATEWAYS if one not in TERMS])
def test_solvers_without_terms_refuse_them(name: str) -> None:
    with pytest.raises(CapabilityError, match="no alpha-fair terms"):
        solvers.find_adapter(name).open(fair(0, 1.0, whole=False))


@pytest.mark.parametrize("name", GATEWAYS)
def test_sessions_are_updated_and_take_rows(name: str) -> None:
    session = solvers.find_adapter(ready(name)).open(knapsack())
    assert session.solve(SolveOptions()).objective == pytest.approx(4.0)
    session.update(knapsack(worth=5.0))
    assert session.solve(SolveOptions()).objective == pytest.approx(6.0)
    row = sparse.csr_array(np.array([[1.0, 0.0]]))
    session.add_rows(row, np.array([-INFINITY]), np.array([0.5]))
    outcome = session.solve(SolveOptions())
    assert outcome.objective == pytest.approx(4.5)
    assert outcome.row_dual is None or outcome.row_dual.shape == (1,)
    with pytest.raises(UpdateError, match="nothing was changed"):
        session.update(knapsack(), forbid_rebuild=True)
    session.update(knapsack())
    assert session.solve(SolveOptions()).objective == pytest.approx(4.0)
    assert (session.counts.updates_in_place, session.counts.rebuilds) == (0, 2)
    session.close()
    session.close()
    with pytest.raises(UpdateError, match="closed"):
        session.solve(SolveOptions())


@pytest.mark.parametrize("name", PRECISE)
def test_random_linear_programs_agree_with_highs(name: str) -> None:
    for seed in range(examples(50)):
        generator = np.random.default_rng([11, seed])
        shape = (int(generator.integers(1, 5)), int(generator.integers(1, 6)))
        program = program_of(
            generator.integers(-5, 6, shape[1]).astype(float),
            generator.integers(-3, 4, shape).astype(float),
            -generator.integers(0, 9, shape[0]).astype(float),
            generator.integers(0, 9, shape[0]).astype(float),
            -1.0,
            3.0,
            maximise=bool(generator.integers(2)),
        )
        found, expected = solved(name, program), solved("highs", program)
        assert found.status is expected.status
        assert found.objective == pytest.approx(expected.objective, rel=1e-6, abs=1e-6)


# Options.


@pytest.mark.parametrize("name", GATEWAYS)
def test_what_a_solver_does_not_have_is_refused(name: str) -> None:
    session = solvers.find_adapter(ready(name)).open(knapsack())
    for option in ({"node_limit": 5}, {"log": print}, {"start": np.zeros(2)}):
        with pytest.raises(OptionError, match=f"{name} has no {next(iter(option))}"):
            session.solve(SolveOptions(**option))


@pytest.mark.parametrize("name", GATEWAYS)
def test_unknown_native_options_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="nonsense"):
        solved(name, knapsack(), native={"nonsense": 1})


NATIVE = {
    "cvxpy:SCS": {"max_iters": 2},
    "cvxpy:OSQP": {"max_iter": 2},
    "cvxpy:HIGHS": {"presolve": "off"},
    "cvxpy:SCIPY": {"presolve": False},
    "cvxpy:SCIP": {"presolving/maxrounds": 0},
    "cvxpy:GUROBI": {"Presolve": 0},
    "pyomo:glpk": {"nopresol": ""},
    "pyomo:cbc": {"presolve": "off"},
    "pyomo:highs": {"presolve": "off"},
    "pyomo:appsi_highs": {"presolve": "off"},
    "pyomo:gurobi_direct": {"Presolve": 0},
    "pyomo:scip_direct": {"presolving/maxrounds": 0},
}


@pytest.mark.parametrize("name", NATIVE)
def test_native_options_are_taken(name: str) -> None:
    outcome = solved(name, knapsack(), native=NATIVE[name])
    if name in ("cvxpy:SCS", "cvxpy:OSQP"):
        # With so few iterations there is no optimum.
        assert outcome.status is not Status.OPTIMAL
    else:
        assert outcome.objective == pytest.approx(4.0)


@pytest.mark.parametrize("name", GATEWAYS)
def test_huge_numbers_are_options_like_others(name: str) -> None:
    can = solvers.capabilities(name)
    options: dict[str, object] = {"time_limit_seconds": 1e300}
    if Capability.DETERMINISTIC_SEED in can:
        options["seed"] = 2**40 + 3
    if Capability.THREADS in can:
        options["threads"] = 5000
    assert solved(name, knapsack(), **options).objective == pytest.approx(4.0)


@pytest.mark.parametrize("name", WHOLE)
def test_a_gap_without_end_bounds_nothing_by_a_number_that_is_none(name: str) -> None:
    program = replace(knapsack(), integer=np.ones(2, dtype=np.bool_))
    outcome = solved(name, program, relative_gap=INFINITY)
    assert outcome.point is not None
    assert_is_feasible(program, outcome.point)
    assert outcome.bound >= 3.0


@pytest.mark.parametrize("name", ["cvxpy:GUROBI", "pyomo:gurobi_direct"])
def test_what_a_licence_does_not_allow_is_told_before_it_is_solved(name: str) -> None:
    limit = solvers.availability(name).size_limit
    if limit is None:
        pytest.skip("the licence of Gurobi has no limit here")
    n = limit.columns + 1
    large = program_of(np.ones(n), np.ones((1, n)), -INFINITY, 5.0)
    with pytest.raises(LicenceError, match=f"{name}: 1 rows and {n:,} columns"):
        solvers.find_adapter(name).open(large)


def test_rows_with_two_sides_are_two_rows_of_a_licence_behind_cvxpy() -> None:
    limit = solvers.availability("cvxpy:GUROBI").size_limit
    if limit is None:
        pytest.skip("the licence of Gurobi has no limit here")
    n = limit.rows // 2 + 1
    program = program_of(np.ones(n), np.eye(n), 0.0, 0.5)
    with pytest.raises(LicenceError, match=f"cvxpy:GUROBI: {2 * n:,} rows"):
        solved("cvxpy:GUROBI", program)


SENSELESS: dict[str, list[tuple[str, object]]] = {
    "cvxpy:CLARABEL": [("max_iter", -1), ("direct_solve_method", "banana")],
    "cvxpy:SCS": [("max_iters", -1)],
    "cvxpy:OSQP": [("max_iter", "x"), ("rho", -1.0), ("linsys_solver", "banana")],
    "cvxpy:HIGHS": [("presolve", "banana"), ("mip_rel_gap", -1.0)],
    "cvxpy:SCIPY": [("presolve", "banana"), ("maxiter", -1), ("mip_rel_gap", -1.0)],
    "cvxpy:SCIP": [("presolving/maxrounds", "banana"), ("presolving/maxrounds", -99)],
    "cvxpy:GUROBI": [("Presolve", 99), ("TimeLimit", -1.0)],
    "pyomo:glpk": [("tmlim", "x")],
    "pyomo:cbc": [("presolve", "banana"), ("ratioGap", "x")],
    "pyomo:highs": [("presolve", "banana"), ("mip_rel_gap", -1.0)],
    "pyomo:appsi_highs": [("presolve", "banana"), ("simplex_strategy", 99)],
    "pyomo:gurobi_direct": [("Presolve", 99)],
    "pyomo:scip_direct": [("presolving/maxrounds", -99)],
}


def test_senseless_values_are_listed_for_every_gateway() -> None:
    assert set(SENSELESS) == {*GATEWAYS, "cvxpy:CLARABEL"}


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [(name, option, value) for name, pairs in SENSELESS.items() for option, value in pairs],
)
def test_a_senseless_value_of_a_native_option_is_refused(
    name: str, option: str, value: object
) -> None:
    with pytest.raises(OptionError, match=option):
        solved(name, knapsack(), native={option: value})


@pytest.mark.parametrize("name", ["cvxpy:HIGHS", "pyomo:highs", "pyomo:scip_direct"])
def test_names_in_another_case_are_unknown_where_the_solver_would_ignore_them(name: str) -> None:
    option = "Presolving/maxrounds" if "scip" in name else "Presolve"
    with pytest.raises(OptionError, match=f"has no option '{option}'; did you mean"):
        solved(name, knapsack(), native={option: "off"})


@pytest.mark.parametrize("name", GATEWAYS)
def test_nothing_is_printed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    solved(name, knapsack())
    assert capfd.readouterr() == ("", "")


# Claims.


def claimed(reply: Reply, is_precise: bool = True, program: Program | None = None) -> Outcome:
    return outcome_of(program or knapsack(), reply, SolveOptions(), is_precise)


def test_a_point_that_breaks_rules_is_no_point() -> None:
    reply = Reply(status=Status.OPTIMAL, point=np.array([1.0, 1.0]))
    assert claimed(reply).status is Status.NUMERICAL_FAILURE
    stopped = Reply(status=None, limit=Limit.TIME, point=np.array([1.0, 1.0]))
    assert claimed(stopped).status is Status.NO_SOLUTION_FOUND
    assert claimed(stopped).point is None


def test_a_bound_that_denies_the_optimum_is_believed() -> None:
    whole = replace(knapsack(), integer=np.ones(2, dtype=np.bool_))
    point = np.array([1.0, 0.0])
    denied = claimed(Reply(status=Status.OPTIMAL, point=point, bound=3.5), program=whole)
    assert (denied.status, denied.limit, denied.bound) == (Status.FEASIBLE, Limit.OTHER, 3.5)
    agreed = claimed(Reply(status=Status.OPTIMAL, point=point, bound=3.0), program=whole)
    assert (agreed.status, agreed.bound) == (Status.OPTIMAL, 3.0)
    silent = claimed(Reply(status=Status.OPTIMAL, point=point), program=whole)
    assert silent.bound == pytest.approx(3.0 * (1 + 1e-6))


def test_an_optimum_of_an_imprecise_solver_needs_a_proof() -> None:
    poor = Reply(status=Status.OPTIMAL, point=np.array([1.0, 0.4]), row_dual=np.array([2.0]))
    outcome = claimed(poor, is_precise=False)
    assert (outcome.status, outcome.limit) == (Status.FEASIBLE, Limit.OTHER)
    assert outcome.bound == pytest.approx(4.0)
    unproven = Reply(status=Status.OPTIMAL, point=np.array([1.0, 0.5]))
    assert claimed(unproven, is_precise=False).bound == INFINITY
    proven = Reply(status=Status.OPTIMAL, point=np.array([1.0, 0.5]), row_dual=np.array([-2.0]))
    assert claimed(proven, is_precise=False).status is Status.OPTIMAL
    assert claimed(proven, is_precise=False).row_dual == pytest.approx(np.array([2.0]))


def test_a_claim_of_nothing_is_a_failure() -> None:
    assert claimed(Reply(status=None)).status is Status.NUMERICAL_FAILURE


def test_infeasible_and_unbounded_are_told_apart() -> None:
    replies = {
        True: Reply(status=Status.INFEASIBLE_OR_UNBOUNDED),
        False: Reply(status=Status.OPTIMAL, point=np.zeros(2)),
    }
    solver = SimpleNamespace(
        name="doubtful",
        capabilities=frozenset({Capability.PRECISE}),
        check_native=lambda _: None,
        ask=lambda program, _: replies[bool(program.objective.any())],
    )
    session = GatewaySession(solver, knapsack())
    assert session.solve(SolveOptions()).status is Status.UNBOUNDED
    replies[False] = Reply(status=Status.INFEASIBLE)
    assert session.solve(SolveOptions()).status is Status.INFEASIBLE
    replies[False] = Reply(status=None)
    assert session.solve(SolveOptions()).status is Status.INFEASIBLE_OR_UNBOUNDED


def test_the_table_of_pyomo_conditions_has_names_of_pyomo() -> None:
    from pyomo.opt import TerminationCondition

    names = {condition.value for condition in TerminationCondition}
    assert SETTLED.keys() | STOPPED.keys() <= names


# Where they are found.


def test_names_of_cvxpy_may_be_in_any_case() -> None:
    assert solvers.find_adapter("cvxpy:scs").name == "cvxpy:SCS"
    assert solvers.find_adapter("cvxpy:clarabel").name == "cvxpy:CLARABEL"


@pytest.mark.parametrize("name", ["cvxpy:NONSENSE", "pyomo:nonsense", "cvxpy:MOSEK"])
def test_a_solver_that_is_not_there_says_so(name: str) -> None:
    available = solvers.availability(name)
    assert available.readiness is Readiness.NOT_INSTALLED
    assert name.partition(":")[2].lower() in available.sentence.lower()


def test_pyomo_in_a_second_thread_is_refused_at_once() -> None:
    refused: list[SolverFailure] = []
    inside, done = threading.Event(), threading.Event()

    def first() -> None:
        from solvers import pyomo_solvers

        with pyomo_solvers._IN_USE:
            inside.set()
            done.wait(30.0)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(30.0)
    try:
        solved("pyomo:highs", knapsack())
    except SolverFailure as error:
        refused.append(error)
    done.set()
    thread.join()
    assert "another thread" in str(refused[0])
    assert solved("pyomo:highs", knapsack()).status is Status.OPTIMAL


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_model_is_solved_through_a_gateway(name: str) -> None:
    problem = lm.AllocationProblem([[2.0], [2.0]], [3.0], reward=[3.0, 3.0])
    with lm.BudgetOnly(problem).open(solver=ready(name)) as session:
        allocation = session.solve()
        assert allocation.verdict is lm.Verdict.OPTIMAL
        assert allocation.objective == pytest.approx(4.5)
        session.write(budget=[4.0])
        assert session.solve().objective == pytest.approx(6.0)


def test_a_pyomo_model_has_the_rows_of_the_program() -> None:
    program = packing(0, n_columns=4, n_rows=2)
    model = pyomo_model(program, has_duals=False)
    assert len(model.rows) == 2
    assert [model.x[column].is_integer() for column in range(4)] == program.integer.tolist()
