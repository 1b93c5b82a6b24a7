"""The classic interface: agents ask, an allocator that learns decides, and counts what was used."""

import numpy as np
import pytest

import librex_models as lm
from librex_models.errors import ParameterError, ShapeError
from tests.ways import require_ready

MODES = ("none", "proportional", "maxmin", "alpha")


def alloc_of(mode: str, n_agents: int = 3, n_resources: int = 2, **changed: object) -> lm.Alloc:
    alpha = 2.0 if mode == "alpha" else None
    return lm.Alloc(n_agents, n_resources, mode, alpha=alpha, seed=0, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi", "auto"])
def test_every_mode_by_every_solver_keeps_the_budget(mode: str, solver: str) -> None:
    if solver != "auto":
        require_ready(solver)
    alloc = alloc_of(mode, solver=solver)
    requests = {0: np.array([2.0, 1.0]), 2: np.array([1.0, 3.0])}
    granted = alloc.allocate(requests, np.array([1.7, 2.9]))
    assert set(granted) == {0, 2}
    assert (np.sum(list(granted.values()), axis=0) <= [1.7, 2.9]).all()
    for agent, vector in granted.items():
        # A part of the bundle, the same of each resource.
        part = vector / requests[agent]
        assert part[0] == pytest.approx(part[1])
        assert 0.0 <= part[0] <= 1.0
    assert alloc.last is not None
    assert alloc.last.verdict is lm.Verdict.OPTIMAL
    assert solver in ("auto", alloc.last.solver)


def test_max_min_gives_equal_agents_equal_parts_of_utility() -> None:
    alloc = alloc_of("maxmin", n_agents=2, n_resources=1)
    granted = alloc.allocate({0: [4.0], 1: [4.0]}, [4.0])
    assert alloc.last is not None
    reward = np.asarray(alloc.last.problem.reward)
    utility = reward * [granted[0][0] / 4.0, granted[1][0] / 4.0]
    assert utility[0] == pytest.approx(utility[1])


def test_without_fairness_the_better_agent_comes_first() -> None:
    alloc = alloc_of(
        "none", n_agents=2, n_resources=1, alpha_prior=[1.0, 99.0], beta_prior=[99.0, 1.0]
    )
    granted = alloc.allocate({0: [1.0], 1: [1.0]}, [1.0])
    assert granted[1] == pytest.approx([1.0])
    assert granted[0] == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("mode", "chance", "slots", "shares", "within"),
    [
        ("proportional", [0.9, 0.3], 1.0, [0.5, 0.5], 0.08),
        ("maxmin", [0.6, 0.6, 0.6], 2.0, [2 / 3, 2 / 3, 2 / 3], 0.06),
    ],
)
def test_shares_in_the_long_run(
    mode: str, chance: list[float], slots: float, shares: list[float], within: float
) -> None:
    n = len(chance)
    alloc, rng = alloc_of(mode, n, 1, whole=True, solver="highs"), np.random.default_rng(0)
    served = np.zeros(n)
    for _ in range(300):
        granted = alloc.allocate({i: [1.0] for i in range(n)}, [slots])
        for i, vector in granted.items():
            served[i] += vector[0]
            if vector[0]:
                alloc.update(i, {"success": bool(rng.random() < chance[i])})
    np.testing.assert_allclose(served / 300, shares, atol=within)


def test_what_is_learned_is_the_posterior() -> None:
    alloc = alloc_of("none", n_agents=2)
    alloc.update(0, {"success": True})
    alloc.update(0, {"success": False})
    alloc.update(1, {"reward": 0.7})
    np.testing.assert_allclose(alloc.posterior.mean(), [2 / 4, 1.7 / 3])


def test_utility_counts_by_the_part_that_was_had() -> None:
    alloc = alloc_of("maxmin", n_agents=2, n_resources=1)
    alloc.allocate({0: [2.0]}, [1.0])
    alloc.update(0, {"reward": 0.8})
    np.testing.assert_allclose(alloc.earned, [0.4, 0.0], rtol=1e-9)


def test_measures_before_the_first_round_are_even() -> None:
    measures = alloc_of("proportional").compute_fairness_metrics()
    assert measures == {"gini": 0.0, "allocation_variance": 0.0, "min_allocation_ratio": 1.0}


def test_measures_are_of_the_shares_of_all_budgets() -> None:
    alloc = alloc_of("none", n_agents=2, n_resources=1)
    alloc.allocate({0: [1.0]}, [4.0])
    alloc.allocate({0: [1.0], 1: [2.0]}, [8.0])
    share = np.array([1 / 4 + 1 / 8, 2 / 8])
    measures = alloc.compute_fairness_metrics()
    assert measures["allocation_variance"] == pytest.approx(share.var())
    assert measures["min_allocation_ratio"] == pytest.approx(share.min() / share.max())
    assert measures["gini"] == pytest.approx(
        np.abs(np.subtract.outer(share, share)).sum() / (2 * 2 * share.sum())
    )


def test_a_seed_determines_everything() -> None:
    found = []
    for _ in range(2):
        alloc = alloc_of("proportional", n_agents=2, n_resources=1)
        for _ in range(5):
            granted = alloc.allocate({0: [1.0], 1: [1.0]}, [1.0])
            alloc.update(0, {"reward": float(granted[0][0])})
        found.append([granted[i][0] for i in (0, 1)])
    assert found[0] == found[1]


def test_nothing_of_the_caller_is_held_on_to() -> None:
    alloc = alloc_of("none", n_agents=1, n_resources=1)
    request, budget = np.array([2.0]), np.array([1.0])
    granted = alloc.allocate({0: request}, budget)
    granted[0][:] = 99.0
    request[:], budget[:] = 50.0, 50.0
    assert alloc.tracker.get_utilization() == pytest.approx([1.0])
    assert alloc.compute_fairness_metrics()["min_allocation_ratio"] == 1.0


def test_who_asks_for_nothing_gets_nothing_and_no_round_is_lost() -> None:
    alloc = alloc_of("proportional")
    assert alloc.allocate({}, [1.0, 1.0]) == {}
    assert alloc.tracker.rounds == 1


def test_after_a_round_in_which_nobody_asked_nobody_had_a_part() -> None:
    alloc = alloc_of("none")
    alloc.allocate({0: [1.0, 1.0]}, [1.0, 1.0])
    alloc.allocate({}, [1.0, 1.0])
    alloc.update(0, {"success": True})
    assert alloc.earned.tolist() == [0.0, 0.0, 0.0]
    assert alloc.last is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda alloc: alloc.allocate({3: [1, 1]}, [1, 1]), "agent 3 is not one of 0 to 2"),
        (lambda alloc: alloc.allocate({"a": [1, 1]}, [1, 1]), "agent 'a' is not"),
        (lambda alloc: alloc.allocate({True: [1, 1]}, [1, 1]), "agent True is not"),
        (lambda alloc: alloc.allocate({0: [1, -1]}, [1, 1]), "the request of agent 0 holds -1"),
        (lambda alloc: alloc.allocate({0: [1, 1]}, [1, np.nan]), "budget holds nan"),
        (lambda alloc: alloc.update(5, {"success": True}), "agent 5 is not"),
        (lambda alloc: alloc.update(0, {"succes": True}), "'succes'"),
        (lambda alloc: alloc.update(0, {"success": 1}), "'success': 1"),
        (lambda alloc: alloc.update(0, {"reward": 1.5}), "'reward': 1.5"),
        (lambda alloc: alloc.update(0, {"reward": 0.5, "success": True}), "expected"),
        (lambda alloc: alloc.update(0, None), "None"),
    ],
)
def test_bad_input_is_named(call: object, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        call(alloc_of("none"))  # type: ignore[operator]


def test_bad_settings_are_named() -> None:
    with pytest.raises(ParameterError, match="fairness_mode is 'max-min'"):
        lm.Alloc(2, 1, "max-min")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="'alpha' needs alpha="):
        lm.Alloc(2, 1, "alpha")
    with pytest.raises(ParameterError, match="'none' takes no alpha"):
        lm.Alloc(2, 1, "none", alpha=2.0)
    for alpha in (-1.0, np.nan, True, "2"):
        with pytest.raises(ParameterError, match=r"alpha is .*expected a number in"):
            lm.Alloc(2, 1, "alpha", alpha=alpha)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="whole is 'no'"):
        lm.Alloc(2, 1, whole="no")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="seed is -1"):
        lm.Alloc(2, 1, seed=-1)
    with pytest.raises(ParameterError, match="n_agents is 0"):
        lm.Alloc(0, 1)
    with pytest.raises(ShapeError, match="request of agent 0 has shape"):
        lm.Alloc(1, 2).allocate({0: [1.0]}, [1.0, 1.0])


# Utilisation.


def test_utilisation_is_of_each_rounds_budget() -> None:
    tracker = lm.BudgetTracker()
    with pytest.raises(ParameterError, match="no round was recorded"):
        tracker.get_utilization()
    np.testing.assert_array_equal(tracker.get_utilization([1.0, 2.0]), [0.0, 0.0])
    tracker.record({"a": [1.0, 0.0]}, [2.0, 0.0])
    tracker.record({"a": [1.0, 1.0], "b": [2.0, 1.0]}, [8.0, 4.0])
    np.testing.assert_allclose(tracker.get_utilization(), [4 / 10, 2 / 4])
    np.testing.assert_allclose(tracker.get_utilization([8.0, 4.0]), [3 / 8, 2 / 4])


def test_what_cannot_be_recorded_changes_nothing() -> None:
    tracker = lm.BudgetTracker()
    tracker.record({"a": [1.0]}, [2.0])
    with pytest.raises(ShapeError, match="agent 'b' has shape"):
        tracker.record({"a": [1.0], "b": [1.0, 2.0]}, [2.0])
    with pytest.raises(ShapeError, match="budget has shape"):
        tracker.record({}, [2.0, 1.0])
    assert tracker.rounds == 1
    np.testing.assert_allclose(tracker.get_utilization(), [0.5])


# Agents with names.


def succeed(got: np.ndarray) -> dict[str, bool]:
    """Return the outcome of an agent that makes something of whatever it gets."""
    return {"success": bool(got.any())}


def test_agents_estimate_the_allocator_decides_and_they_report() -> None:
    alloc = alloc_of("maxmin", n_agents=2, n_resources=1)
    manager = lm.ResourceManager(alloc)
    got: list[float] = []

    def work(vector: np.ndarray) -> dict[str, bool]:
        got.append(float(vector[0]))
        return {"success": True}

    manager.register("writer", estimate=lambda: [3.0], work=work)
    manager.register("idle", estimate=lambda: None, work=work)
    granted = manager.run_round([2.0])
    assert granted["writer"] == pytest.approx([2.0])
    assert got == pytest.approx([2.0])
    np.testing.assert_allclose(alloc.posterior.mean(), [2 / 3, 1 / 2])
    assert manager.utilization() == pytest.approx([1.0])


def test_agents_that_are_unknown_twice_or_too_many_are_named() -> None:
    manager = lm.ResourceManager(alloc_of("none", n_agents=1, n_resources=1))
    manager.register("a", estimate=lambda: [1.0], work=succeed)
    with pytest.raises(ParameterError, match="'a' is registered already"):
        manager.register("a", estimate=lambda: [1.0], work=succeed)
    with pytest.raises(ParameterError, match="'b' is one too many"):
        manager.register("b", estimate=lambda: [1.0], work=succeed)
    with pytest.raises(ParameterError, match="'c' is not registered"):
        manager.report("c", {"success": True})
    with pytest.raises(ParameterError, match="expected an Alloc"):
        lm.ResourceManager("alloc")  # type: ignore[arg-type]
