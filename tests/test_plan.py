"""What each solver could do with a model, in Python and on the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models import cli
from librex_models.routes.planning import Exactness, SolverPlan
from solvers.errors import CapabilityError, LicenceError

Build = Callable[[lm.AllocationProblem], Any]


def problem(n: int = 4, **changes: Any) -> lm.AllocationProblem:
    """Return a problem in which everybody has one option, and budgets for about a half."""
    numbers = np.arange(1.0, n + 1.0)
    requests = np.column_stack([numbers, numbers[::-1]])
    budget = requests.sum(axis=0) / 2
    return lm.AllocationProblem(requests, budget, reward=numbers, **changes)


def shared(**changes: Any) -> lm.AllocationProblem:
    """Return a problem whose two groups choose among several options."""
    return problem(6, group=[0, 0, 0, 1, 1, 1], **changes)


def by_name(plan: lm.Plan) -> dict[str, SolverPlan]:
    return {one.solver: one for one in plan.solvers}


FAMILIES: dict[str, Build] = {
    "budget_only": lm.BudgetOnly,
    "first level": lambda p: lm.MaxMin(p, lexicographic=False),
    "all levels": lm.MaxMin,
    "proportional": lm.Proportional,
    "group_alpha_fair": lambda p: lm.GroupAlphaFair(p, 2.0),
    "alpha_fair": lambda p: lm.AlphaFair(p, 0.5),
}


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("family", FAMILIES)
def test_who_can_by_the_plan_solves_and_who_cannot_refuses(family: str, integer: bool) -> None:
    before: dict[str, Any] = {"history": [1.0, 2.0]}
    if family == "alpha_fair":
        before = {"agent_history": np.ones(6)}
    model = FAMILIES[family](shared(integer=integer, **before))
    asked = 0
    for one in lm.plan(model).solvers:
        if not solvers.availability(one.solver).is_ready:
            continue
        asked += 1
        if one.can_solve:
            allocation = model.solve(solver=one.solver)
            assert allocation.route == one.route
            assert allocation.has_point, one
        else:
            with pytest.raises(lm.errors.UnsolvableError) as error:
                model.solve(solver=one.solver)
            assert one.why in str(error.value)
    assert asked >= 3


def test_each_solver_of_the_list_has_one_plan() -> None:
    plan = lm.plan(lm.BudgetOnly(problem()))
    assert sorted(one.solver for one in plan.solvers) == sorted(solvers.names())


@pytest.mark.parametrize(
    ("model", "solver", "exactness", "route"),
    [
        (lm.BudgetOnly(problem()), "highs", Exactness.EXACT, "plain"),
        (lm.BudgetOnly(problem(integer=True)), "highs", Exactness.EXACT, "plain"),
        (lm.BudgetOnly(problem(integer=True)), "cvxpy:CLARABEL", Exactness.NOT_AT_ALL, ""),
        (lm.Proportional(problem()), "highs", Exactness.TO_A_GAP, "outer_approximation"),
        (lm.Proportional(problem()), "cvxpy:CLARABEL", Exactness.EXACT, "plain"),
        (lm.Proportional(problem()), "gurobi", Exactness.TO_A_GAP, "plain"),
        (lm.Proportional(problem(integer=True)), "highs", Exactness.EXACT, "exact_linear"),
        (
            lm.Proportional(shared(integer=True)),
            "highs",
            Exactness.TO_A_GAP,
            "outer_approximation",
        ),
        (lm.Proportional(shared(integer=True)), "gurobi", Exactness.TO_A_GAP, "plain"),
    ],
)
def test_exactly_or_to_a_gap_or_not_at_all(
    model: Any, solver: str, exactness: Exactness, route: str
) -> None:
    one = by_name(lm.plan(model))[solver]
    assert (one.exactness, one.route) == (exactness, route)
    assert one.why


MANY = {"fractional": False, "whole": True, "mixed": np.arange(60) % 2 == 0}


@pytest.mark.parametrize(
    ("solver", "kind", "n_groups", "route"),
    [
        ("scip", "fractional", 30, "plain"),
        ("scip", "mixed", 30, "plain"),
        ("scip", "whole", 5, "plain"),
        ("scip", "whole", 30, "outer_approximation"),
        ("gurobi", "fractional", 4, "plain"),
        ("gurobi", "fractional", 30, "outer_approximation"),
        ("gurobi", "mixed", 5, "plain"),
        ("gurobi", "mixed", 30, "outer_approximation"),
        ("gurobi", "whole", 5, "plain"),
        ("gurobi", "whole", 30, "outer_approximation"),
        ("highs", "fractional", 4, "outer_approximation"),
        ("cvxpy:CLARABEL", "fractional", 30, "plain"),
    ],
)
def test_the_faster_way_is_taken(solver: str, kind: str, n_groups: int, route: str) -> None:
    group = (np.arange(60) % n_groups).tolist()
    model = lm.GroupAlphaFair(problem(60, group=group, integer=MANY[kind]), 2.0)
    one = by_name(lm.plan(model))[solver]
    assert one.route == route
    has_choice = solver in ("scip", "gurobi")
    assert (f"faster than {solver}'s own way" in one.why) == (has_choice and route != "plain")
    assert by_name(lm.plan(model, route="plain"))["scip"].route == "plain"


@pytest.mark.parametrize(
    ("solver", "kind", "route"),
    [
        ("scip", "fractional", "plain"),
        ("scip", "mixed", "outer_approximation"),
        ("scip", "whole", "outer_approximation"),
        ("gurobi", "mixed", "outer_approximation"),
        ("gurobi", "whole", "plain"),
    ],
)
def test_steep_terms_are_put_under_tangents_sooner(solver: str, kind: str, route: str) -> None:
    few = problem(60, group=(np.arange(60) % 5).tolist(), integer=MANY[kind])
    plans = [by_name(lm.plan(lm.GroupAlphaFair(few, alpha)))[solver] for alpha in (5.0, 6.0)]
    assert [one.route for one in plans] == ["plain", route]
    assert ("alpha above 5" in plans[1].why) == (route != "plain")


def test_a_solver_that_is_taken_before_others_says_why() -> None:
    chosen = lm.plan(lm.Proportional(shared(integer=True))).chosen
    assert chosen is not None
    assert chosen.solver == "highs"
    assert "no free solver was faster on whole alpha-fair problems" in chosen.why


def test_exact_comes_before_to_a_gap_before_not_at_all() -> None:
    order = list(Exactness)
    for model in (lm.Proportional(problem()), lm.Proportional(shared(integer=True))):
        ranks = [order.index(one.exactness) for one in lm.plan(model).solvers]
        assert ranks == sorted(ranks)


def test_the_size_is_that_of_the_program() -> None:
    model = lm.GroupAlphaFair(shared(), 2.0)
    program = model.to_program()
    one = by_name(lm.plan(model))["cvxpy:CLARABEL"]
    sizes = (one.n_rows, one.n_columns, one.n_entries)
    assert sizes == (program.n_rows, program.n_columns, program.matrix.nnz)


def test_a_reformulation_has_its_own_size() -> None:
    # Single choices: nothing but the six decisions and the two budgets is left.
    one = by_name(lm.plan(lm.Proportional(problem(6, integer=True))))["highs"]
    assert (one.n_columns, one.route) == (6, "exact_linear")


def test_a_problem_without_reward_has_no_size_yet() -> None:
    unknown = lm.AllocationProblem([[1.0]], [1.0])
    one = by_name(lm.plan(lm.BudgetOnly(unknown)))["highs"]
    assert (one.exactness, one.n_rows) == (Exactness.EXACT, None)


def test_what_is_too_large_for_a_licence_is_not_solved_at_all() -> None:
    if solvers.availability("gurobi").readiness is not solvers.Readiness.SIZE_LIMITED:
        pytest.skip("the licence of Gurobi has no limit here")
    one = by_name(lm.plan(lm.BudgetOnly(problem(2001))))["gurobi"]
    assert one.exactness is Exactness.NOT_AT_ALL
    assert "2,001 columns, and the licence ends at 2,000" in one.why
    assert by_name(lm.plan(lm.BudgetOnly(problem(2000))))["gurobi"].can_solve


@pytest.mark.parametrize("name", ["gurobi", "cvxpy:GUROBI", "pyomo:gurobi_direct"])
@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
def test_up_to_the_size_of_the_plan_a_licence_suffices(name: str, integer: bool) -> None:
    if solvers.availability("gurobi").readiness is not solvers.Readiness.SIZE_LIMITED:
        pytest.skip("the licence of Gurobi has no limit here")
    model = lm.BudgetOnly(problem(2000, integer=integer))
    assert by_name(lm.plan(model))[name].can_solve
    assert model.solve(name, relative_gap=0.01).has_point
    larger = lm.BudgetOnly(problem(2001, integer=integer))
    assert not by_name(lm.plan(larger))[name].can_solve
    with pytest.raises(LicenceError, match=name):
        larger.solve(name)
    plan = lm.plan(larger, solver=name)
    assert plan.chosen is None
    assert "the licence ends at 2,000" in plan.why_none


@pytest.mark.parametrize("family", FAMILIES)
def test_auto_takes_what_the_plan_says(family: str) -> None:
    model = FAMILIES[family](problem())
    plan = lm.plan(model)
    assert plan.chosen is not None
    ready = [one for one in plan.solvers if solvers.availability(one.solver).is_ready]
    assert plan.chosen.solver == ready[0].solver
    allocation = model.solve()
    assert allocation.solver == plan.chosen.solver
    assert allocation.attempts[0].why == plan.chosen.why
    assert plan.chosen.why.startswith("chosen from the plan: ")


def test_auto_passes_over_who_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = solvers.Availability(readiness=solvers.Readiness.NOT_INSTALLED, sentence="gone")
    monkeypatch.setattr("solvers.highs.Highs.availability", lambda *_: gone)
    plan = lm.plan(lm.BudgetOnly(problem()))
    assert by_name(plan)["highs"].readiness is solvers.Readiness.NOT_INSTALLED
    assert plan.chosen is not None
    assert plan.chosen.solver != "highs"


def test_the_choice_is_made_for_who_is_asked_for() -> None:
    plan = lm.plan(lm.BudgetOnly(problem()), solver="gurobi")
    assert plan.chosen is not None
    assert (plan.chosen.solver, plan.chosen.why.split(";")[0]) == ("gurobi", "asked for")


def test_who_is_asked_for_stands_alone_in_the_plan() -> None:
    model = lm.BudgetOnly(problem())
    assert [one.solver for one in lm.plan(model, solver="scip").solvers] == ["scip"]
    assert [one.solver for one in lm.plan(model, solver="pyomo:bonmin").solvers] == ["pyomo:bonmin"]
    assert [one.solver for one in lm.plan(model, solver="auto").solvers] != ["auto"]
    both = lm.plan(model, solver="scip", among=["highs", "scip"])
    assert {one.solver for one in both.solvers} == {"highs", "scip"}
    assert both.chosen is not None
    assert both.chosen.solver == "scip"


@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
@pytest.mark.parametrize("name", ["cvxpy:NOPE", "pyomo:nope", "cvxpy:MOSEK"])
def test_who_is_not_there_is_not_said_to_be_unable(name: str, integer: bool) -> None:
    model = lm.Proportional(problem(6, integer=integer, group=[0, 0, 0, 1, 1, 1]))
    with pytest.raises(lm.errors.UnsolvableError, match=f"^{name} cannot be used here: "):
        model.solve(name)
    plan = lm.plan(model, solver=name)
    assert plan.chosen is None
    assert plan.why_none.startswith(f"{name} cannot be used here: ")


def test_what_nobody_can_solve_says_why() -> None:
    plan = lm.plan(lm.MaxMin(problem()), route="plain")
    assert plan.chosen is None
    assert "lexicographic=False" in plan.why_none
    assert not any(one.can_solve for one in plan.solvers)
    assert str(plan).endswith(f"None would be taken: {plan.why_none}")


def test_a_plan_prints_a_line_for_each_solver() -> None:
    plan = lm.plan(lm.Proportional(problem()))
    lines = str(plan).splitlines()
    assert len(lines) == len(plan.solvers) + 1
    assert "highs: to a gap, outer_approximation" in str(plan)
    assert lines[-1] == f"Taken: cvxpy:CLARABEL, {plan.chosen.why}."  # type: ignore[union-attr]


def test_no_solver_of_a_plan_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a session was opened")

    monkeypatch.setattr("solvers.highs.Highs.open", refuse)
    monkeypatch.setattr("solvers.gurobi.Gurobi.open", refuse)
    assert lm.plan(lm.BudgetOnly(problem())).chosen


def test_odd_questions_are_refused() -> None:
    with pytest.raises(lm.errors.ParameterError, match="plan takes a model, not a"):
        lm.plan(problem())  # type: ignore[arg-type]
    with pytest.raises(lm.errors.ParameterError, match="route is 'best'"):
        lm.plan(lm.BudgetOnly(problem()), route="best")
    with pytest.raises(CapabilityError, match="no solver 'hihgs'"):
        lm.plan(lm.BudgetOnly(problem()), solver="hihgs")
    with pytest.raises(lm.errors.ParameterError, match="compares utilities"):
        lm.plan(lm.Proportional(problem().replace(reward=-np.ones(4))))


# The command.


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs ``librex plan`` on a small problem under a model."""

    def run(fairness: str, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "jobs.csv").write_text("agent,reward,gpu\nann,3,2\nbob,3,2\n")
        path = tmp_path / "problem.toml"
        path.write_text(
            '[resources]\ngpu = 3\n[options]\ntable = "jobs.csv"\n[fairness]\nmodel = ' + fairness
        )
        monkeypatch.setattr(sys, "argv", ["librex", "plan", str(path), *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, printed.out, printed.err

    return run


Run = Callable[..., tuple[int, str, str]]


def test_the_command_prints_who_could_and_who_would(run: Run) -> None:
    code, out, err = run('"proportional"')
    assert (code, err) == (0, "")
    assert "cvxpy:CLARABEL" in out
    assert "not at all" in out
    assert "Taken: librex, one budget" in out


def test_the_command_prints_json(run: Run) -> None:
    code, out, _ = run('"budget_only"', "--json")
    found = json.loads(out)
    assert (code, found["chosen"]) == (0, "highs")
    first = next(one for one in found["solvers"] if one["solver"] == "highs")
    assert first["exactness"] == "EXACT"
    assert (first["rows"], first["columns"], first["entries"]) == (1, 2, 2)
    assert first["readiness"] == "READY"


def test_the_command_ends_with_1_where_nobody_can(run: Run) -> None:
    whole = '"budget_only"\n[decision]\ninteger = true'
    code, _, err = run(whole, "--solver", "cvxpy:CLARABEL")
    assert code == 1
    assert "no solver: " in err
    assert "cannot solve whole decisions" in err


def test_the_command_lists_who_is_asked_for(run: Run) -> None:
    code, out, _ = run('"budget_only"', "--json", "--solver", "scip")
    assert code == 0
    assert [one["solver"] for one in json.loads(out)["solvers"]] == ["scip"]


def test_the_command_lists_everybody_where_the_file_names_one(run: Run) -> None:
    _, out, _ = run('"budget_only"\n[solver]\nname = "pyomo:bonmin"', "--json")
    listed = [one["solver"] for one in json.loads(out)["solvers"]]
    assert sorted(listed) == sorted([*solvers.names(), "pyomo:bonmin"])


def test_the_command_ends_with_2_on_bad_input(run: Run) -> None:
    code, _, err = run('"budget_only"', "--solver", "hihgs")
    assert code == 2
    assert "--solver: there is no solver 'hihgs'" in err


@pytest.mark.parametrize(
    "asked", [{"node_limit": 1000}, {"memory_limit_mb": 4000.0}, {"forbid_rebuild": True}]
)
def test_auto_passes_over_solvers_that_lack_what_is_asked(asked: dict[str, Any]) -> None:
    problem = lm.AllocationProblem([[1.0, 2.0], [2.0, 1.0]], [1.0, 1.0], [1.0, 1.0])
    with lm.AlphaFair(problem, 2.0).open(solver="auto", **asked) as session:
        allocation = session.solve()
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.solver != "cvxpy:CLARABEL"
