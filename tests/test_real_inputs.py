"""Real inputs with known answers: knapsacks, assignments, network fairness, a GPU cluster."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import librex_models as lm
import solvers
from librex_models.problem.orlib import KnapsackInstance, read_knapsacks

# A linear relaxation of the table is stated to some ten digits.
RELATIVE = 1e-9

# The instance of mknapcb1 that is solved whole here: it takes some seconds.
WHOLE_INSTANCE = 6


def small_knapsacks(folder: Path) -> Iterator[tuple[str, KnapsackInstance]]:
    for file in (folder / "mknap1.txt", *sorted((folder / "mknap2").glob("*.dat"))):
        for number, instance in enumerate(read_knapsacks(file)):
            yield f"{file.name} {number}", instance


def numbers_after(text: str, heading: str) -> list[float]:
    """Return the numbers of the 30 problems 5.100 in the table under a heading."""
    found = []
    for line in text[text.index(heading) :].splitlines()[1:]:
        words = line.split()
        if len(words) == 2 and words[0].startswith("5.100"):
            found.append(float(words[1]))
    return found[:30]


def test_small_knapsacks_reach_their_stated_optima(shared_data: Path) -> None:
    solved = 0
    for name, instance in small_knapsacks(shared_data / "knapsack_orlib"):
        allocation = lm.BudgetOnly(instance.problem).solve()
        assert allocation.verdict is lm.Verdict.OPTIMAL, name
        assert allocation.objective == pytest.approx(instance.optimum, rel=RELATIVE), name
        solved += 1
    assert solved == 15


def test_large_knapsacks_reach_the_linear_bounds_of_the_table(shared_data: Path) -> None:
    folder = shared_data / "knapsack_orlib"
    text = (folder / "mkcbres.txt").read_text()
    relaxations = numbers_after(text, "LP optimal")
    instances = read_knapsacks(folder / "mknapcb1.txt")
    assert len(relaxations) == len(instances) == 30
    for instance, relaxation in zip(instances, relaxations, strict=True):
        allocation = lm.BudgetOnly(instance.problem.replace(integer=False)).solve()
        assert allocation.verdict is lm.Verdict.OPTIMAL
        assert allocation.certificate.bound_from == "prices"
        assert allocation.objective == pytest.approx(relaxation, rel=RELATIVE)


def test_a_large_knapsack_is_solved_whole_at_least_as_well_as_the_table(shared_data: Path) -> None:
    folder = shared_data / "knapsack_orlib"
    best_found = numbers_after((folder / "mkcbres.txt").read_text(), "Best Feasible")
    problem = read_knapsacks(folder / "mknapcb1.txt")[WHOLE_INSTANCE].problem
    allocation = lm.BudgetOnly(problem).solve()
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.objective >= best_found[WHOLE_INSTANCE]


def multiple_choice(instance: dict[str, Any], whole: bool) -> lm.AllocationProblem:
    classes = instance["classes"]
    sizes = [len(one["profit"]) for one in classes]
    return lm.AllocationProblem(
        np.concatenate([one["weight"] for one in classes])[:, np.newaxis],
        [instance["capacity"]],
        reward=np.concatenate([one["profit"] for one in classes]),
        agent=np.repeat(np.arange(len(classes)), sizes),
        agent_limit=1.0,
        agent_minimum=1.0,
        integer=whole,
    )


def test_multiple_choice_knapsacks_reach_their_optima(shared_data: Path) -> None:
    instances = json.loads((shared_data / "mckp" / "mckp_public.json").read_text())["instances"]
    assert len(instances) == 40
    proven = 0
    for instance in instances:
        # Some strongly correlated ones take minutes: their bounds must hold all the same.
        allocation = lm.BudgetOnly(multiple_choice(instance, whole=True)).solve(node_limit=200)
        optimum = instance["optimum"]
        if allocation.verdict is lm.Verdict.OPTIMAL:
            assert allocation.objective == optimum, instance["name"]
            proven += 1
        else:
            assert allocation.limit is solvers.Limit.NODES, instance["name"]
            assert allocation.objective <= optimum <= allocation.bound, instance["name"]
    assert proven >= 30


def test_multiple_choice_knapsacks_reach_their_linear_bounds(shared_data: Path) -> None:
    instances = json.loads((shared_data / "mckp" / "mckp_public.json").read_text())["instances"]
    for instance in instances:
        relaxed = lm.BudgetOnly(multiple_choice(instance, whole=False)).solve()
        assert relaxed.certificate.bound_from == "prices"
        # The file states six decimals.
        assert relaxed.objective == pytest.approx(instance["lp_relaxation"], abs=1e-6)


def assignment(path: Path) -> tuple[np.ndarray, lm.AllocationProblem]:
    """Return the costs and the problem without rewards: one option for each job and agent."""
    numbers = [int(word) for word in path.read_text().split()]
    n_agents, n_jobs = numbers[:2]
    size = n_agents * n_jobs
    cost = np.array(numbers[2 : 2 + size], dtype=np.float64).reshape(n_agents, n_jobs)
    weight = np.array(numbers[2 + size : 2 + 2 * size], dtype=np.float64).reshape(n_agents, n_jobs)
    requests = np.zeros((size, n_agents))
    requests[np.arange(size), np.repeat(np.arange(n_agents), n_jobs)] = weight.ravel()
    problem = lm.AllocationProblem(
        requests,
        numbers[2 + 2 * size :],
        agent=np.tile(np.arange(n_jobs), n_agents),
        agent_limit=1.0,
        agent_minimum=1.0,
        integer=True,
    )
    return cost, problem


def test_assignments_reach_their_least_cost(shared_data: Path) -> None:
    folder = shared_data / "gap"
    with (folder / "best_known.csv").open() as lines:
        table = {row["Path"].rpartition("/")[2]: row for row in csv.DictReader(lines)}
    assert len(table) == 10
    for name, row in table.items():
        cost, problem = assignment(folder / name)
        # The least cost is the largest negative reward, every job being assigned once.
        allocation = lm.BudgetOnly(problem.replace(reward=-cost.ravel())).solve()
        assert allocation.verdict is lm.Verdict.OPTIMAL, name
        assert -allocation.objective == pytest.approx(float(row["Optimum"]), rel=RELATIVE), name


def test_an_assignment_as_a_maximisation(shared_data: Path) -> None:
    cost, problem = assignment(shared_data / "gap" / "gap1-0")
    assert lm.BudgetOnly(problem.replace(reward=cost.ravel())).solve().objective == 336.0


def cluster(shared_data: Path) -> lm.AllocationProblem:
    """Return a cluster: time on three types of GPU, utility relative to an equal share of each.

    One job for every row of the table; an option is a share of the job's time on one type.
    """
    with (shared_data / "gavel" / "throughput.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    kinds = ("k80", "p100", "v100")
    throughput = np.array([[float(row[kind]) for kind in kinds] for row in rows])
    workers = np.array([float(row["workers"]) for row in rows])
    n_jobs = len(rows)
    requests = np.zeros((n_jobs * 3, 3))
    requests[np.arange(n_jobs * 3), np.tile(np.arange(3), n_jobs)] = np.repeat(workers, 3)
    relative = throughput / throughput.mean(axis=1, keepdims=True)
    family = [row["job_type"].split(" ")[0] for row in rows]
    return lm.AllocationProblem(
        requests,
        dict.fromkeys(kinds, 36.0),
        reward=relative.ravel(),
        agent=np.repeat(np.arange(n_jobs), 3),
        group=family,
    )


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lm.BudgetOnly, id="budget only"),
        pytest.param(lambda p: lm.MaxMin(p, lexicographic=False), id="max-min"),
        pytest.param(lm.Proportional, id="proportional"),
        pytest.param(lambda p: lm.AlphaFair(p, 0.5), id="alpha .5 over agents"),
        pytest.param(lambda p: lm.AlphaFair(p, 2.0), id="alpha 2 over agents"),
        pytest.param(lambda p: lm.GroupAlphaFair(p, 0.5), id="alpha .5 over groups"),
        pytest.param(lambda p: lm.GroupAlphaFair(p, 5.0), id="alpha 5 over groups"),
    ],
)
def test_the_cluster_is_solved_in_every_family(shared_data: Path, model: Any) -> None:
    problem = cluster(shared_data)
    allocation = model(problem).solve()
    assert allocation.verdict is lm.Verdict.OPTIMAL
    assert allocation.gap <= 1e-6
    assert (allocation.allocated.sum(axis=0) <= problem.budget).all()


def test_larger_alpha_serves_the_worst_off_of_the_cluster_better(shared_data: Path) -> None:
    problem = cluster(shared_data)
    smallest = [
        lm.AlphaFair(problem, alpha).solve().fairness()["smallest"] for alpha in (0.5, 1.0, 2.0)
    ]
    best = lm.MaxMin(problem, over="agents", lexicographic=False).solve().objective
    assert smallest[0] < smallest[1] < smallest[2] <= best * (1 + RELATIVE)


def network_cases(shared_data: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(
        (shared_data / "fair_cases" / "cases.json").read_text()
    )["cases"]
    return cases


def network(case: dict[str, Any]) -> lm.AllocationProblem:
    """Return a case as a problem; for dominant resources the reward is the dominant share."""
    usage = np.array(case["usage"], dtype=np.float64)
    return lm.AllocationProblem(
        usage.T,
        case["capacity"],
        reward=np.array(case.get("weights_dominant") or np.ones(usage.shape[1])),
        agent_weight=case["weights"],
        upper=np.inf if case["upper"] is None else case["upper"],
    )


def test_textbook_rates_come_out(shared_data: Path) -> None:
    cases = network_cases(shared_data)
    assert len(cases) == 14
    for case in cases:
        problem, expected = network(case), np.array(case["expected"])
        if case["alpha"] == "inf":
            # One level: here all utilities of the expected rates are equal.
            allocation = lm.MaxMin(problem, over="agents", lexicographic=False).solve()
            level = (expected * problem.reward).min()
            assert allocation.objective == pytest.approx(level, rel=RELATIVE), case["name"]
            continue
        allocation = lm.AlphaFair(problem, case["alpha"]).solve()
        assert allocation.verdict is lm.Verdict.OPTIMAL, case["name"]
        # A gap of 1e-6 in a strictly concave welfare leaves the rates right to its root.
        assert allocation.decision == pytest.approx(expected, abs=2e-4), case["name"]
