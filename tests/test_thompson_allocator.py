"""A sampler draws, writes, solves and learns; outcomes count once, money lasts, floors are kept."""

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import librex_models as lm
from librex_models import thompson
from librex_models.errors import ParameterError, ShapeError
from librex_models.thompson.horizon import Horizon
from librex_models.thompson.service_floors import service_floors
from tests.random_examples import examples


def slots(n: int, budget: float, **changed: object) -> lm.AllocationProblem:
    """Return a problem of n agents with one whole option each, each of which takes a slot."""
    names = [f"a{i}" for i in range(n)]
    settings = {"agent": names, "group": names, "integer": True} | changed
    return lm.AllocationProblem(np.ones((n, 1)), [budget], **settings)  # type: ignore[arg-type]


def sampler_of(problem: lm.AllocationProblem, **settings: object) -> thompson.ThompsonAllocator:
    posterior = thompson.BetaBernoulli(problem.n_options)
    model = settings.pop("model", lm.BudgetOnly)(problem)  # type: ignore[operator]
    settings = {"solver": "highs", "seed": 0} | settings
    return thompson.ThompsonAllocator(model, posterior, **settings)  # type: ignore[arg-type]


@pytest.fixture
def sampler() -> Iterator[thompson.ThompsonAllocator]:
    with sampler_of(slots(3, 2.0)) as one:
        yield one


# Rounds.


def test_what_is_drawn_is_what_is_solved(sampler: thompson.ThompsonAllocator) -> None:
    allocation = sampler.allocate()
    decided = sampler.rounds[1]
    np.testing.assert_array_equal(allocation.problem.reward, decided.draw)
    np.testing.assert_array_equal(allocation.decision, decided.decision)
    assert allocation.verdict is lm.Verdict.OPTIMAL
    # The two largest draws.
    assert set(np.flatnonzero(allocation.decision)) == set(np.argsort(decided.draw)[1:])
    assert sampler.round == 1


def test_the_draw_is_that_of_the_posterior() -> None:
    with sampler_of(slots(3, 2.0), seed=7) as sampler:
        sampler.allocate()
        draw = thompson.BetaBernoulli(3).draw(np.random.default_rng(7))
        np.testing.assert_array_equal(sampler.rounds[1].draw, draw)


def test_a_seed_determines_all_rounds() -> None:
    found = []
    for _ in range(2):
        with sampler_of(slots(4, 2.0)) as sampler:
            for _ in range(10):
                chosen = np.flatnonzero(sampler.allocate().decision)
                sampler.update(chosen, chosen % 2)
            found.append([one.decision.tolist() for one in sampler.rounds.values()])
    assert found[0] == found[1]


def test_a_budget_is_of_one_round(sampler: thompson.ThompsonAllocator) -> None:
    assert sampler.allocate(budget=[1.0]).decision.sum() == 1
    assert sampler.allocate().decision.sum() == 2


def test_a_round_without_an_allocation_counts_for_nothing() -> None:
    problem = slots(2, 1.0, agent_minimum=1.0)
    with sampler_of(problem) as sampler:
        before = sampler._state()
        assert not sampler.allocate().has_point
        assert sampler.round == 0
        assert sampler._state() == before
        assert sampler.allocate(budget=[2.0]).decision.sum() == 2


def test_a_negative_draw_is_refused_by_name_where_utilities_are_compared() -> None:
    problem = slots(2, 1.0, integer=False)
    posterior = thompson.Gaussian(2).fit([0, 0, 1, 1], [-5.0, -5.1, 1.0, 1.1])
    with thompson.ThompsonAllocator(lm.Proportional(problem), posterior, seed=0) as sampler:
        before = sampler._state()
        with pytest.raises(ParameterError, match="reward of option 0 is -"):
            sampler.allocate()
        assert sampler._state() == before
    with thompson.ThompsonAllocator(lm.BudgetOnly(problem), posterior, seed=0) as sampler:
        assert sampler.allocate().decision[0] == 0.0


def test_contexts_are_those_of_the_round() -> None:
    problem = slots(2, 1.0)
    posterior = thompson.BayesianLinear(n_options=2, n_features=2)
    with thompson.ThompsonAllocator(lm.BudgetOnly(problem), posterior, seed=0) as sampler:
        contexts = np.array([[1.0, 0.0], [0.0, 1.0]])
        chosen = np.flatnonzero(sampler.allocate(features=contexts).decision)
        sampler.allocate(features=contexts[::-1])
        sampler.update(chosen, [2.0], rounds=1)
        other = thompson.BayesianLinear(n_options=2, n_features=2)
        other.update(chosen, [2.0], features=contexts[chosen])
        np.testing.assert_allclose(
            sampler.posterior.draw(np.random.default_rng(1), contexts),
            other.draw(np.random.default_rng(1), contexts),
        )


# Outcomes.


def test_outcomes_of_rounds_count_once_in_any_order() -> None:
    with sampler_of(slots(3, 2.0)) as sampler:
        for _ in range(3):
            sampler.allocate()
        chosen = {t: np.flatnonzero(one.decision) for t, one in sampler.rounds.items()}
        late = [(j, t) for t in (3, 1, 2) for j in chosen[t]]
        option, number = np.array(late).T
        assert sampler.update(option, np.ones(6), rounds=number) == 6
        once = sampler.posterior.to_dict()
        assert sampler.update(option[::-1], np.zeros(6), rounds=number[::-1]) == 0
        assert sampler.posterior.to_dict() == once
        served = np.bincount(option, minlength=3)
        np.testing.assert_allclose(sampler.posterior.mean(), (1 + served) / (2 + served))


def test_the_same_outcome_twice_in_a_batch_counts_once(
    sampler: thompson.ThompsonAllocator,
) -> None:
    chosen = np.flatnonzero(sampler.allocate().decision)
    twice = np.append(chosen, chosen)
    assert sampler.update(twice, np.ones(4), rounds=1) == 2


def test_events_of_your_own_count_once(sampler: thompson.ThompsonAllocator) -> None:
    assert sampler.update([0, 1, 0], [1, 1, 1], events=["x", "y", "x"]) == 2
    assert sampler.update([0, 2], [1, 1], events=["x", 7]) == 1
    np.testing.assert_allclose(sampler.posterior.mean(), [2 / 3, 2 / 3, 2 / 3])


def test_an_event_that_comes_again_when_its_round_is_forgotten_was_counted() -> None:
    posterior = thompson.BayesianLinear(2, 1, clip_at_zero=True)
    model = lm.BudgetOnly(slots(2, 2.0))
    with thompson.ThompsonAllocator(
        model,
        posterior,
        solver="highs",
        seed=0,
        keep_rounds=2,
        service_floors=[1.0, 1.0],
        services_per_round=2,
    ) as one:
        context = [[1.0], [2.0]]
        one.allocate(features=context)
        assert one.update([0], [1.0], rounds=1, events=["a"]) == 1
        for _ in range(3):
            one.allocate(features=context)
        assert one.update([0, 1], [1.0, 2.0], rounds=[1, 4], events=["a", "b"]) == 1
        # Outcomes 1 and 2 at features 1 and 2, beside a prior of one outcome 0 at feature 1.
        assert posterior.mean(context) == pytest.approx([5 / 6, 10 / 6])
        with pytest.raises(ParameterError, match="position 1 is of round 1"):
            one.update([1, 0], [2.0, 1.0], rounds=[4, 1], events=["b", "c"])


def test_without_names_every_outcome_counts(sampler: thompson.ThompsonAllocator) -> None:
    sampler.allocate()
    assert sampler.update([0, 0], [1, 1]) == 2
    assert sampler.update([], []) == 0
    assert sampler.posterior.mean()[0] == pytest.approx(3 / 4)


def test_late_outcomes_weigh_as_if_they_had_come_in_time() -> None:
    found = []
    for is_late in (False, True):
        posterior = thompson.BetaBernoulli(1, discount=0.5)
        model = lm.BudgetOnly(slots(1, 1.0))
        with thompson.ThompsonAllocator(model, posterior, solver="highs", seed=0) as sampler:
            sampler.allocate()
            if not is_late:
                sampler.update([0], [1], rounds=1)
            sampler.allocate()
            if is_late:
                sampler.update([0], [1], rounds=1)
            found.append(sampler.posterior.mean()[0])
    assert found[0] == pytest.approx(found[1])
    assert found[0] == pytest.approx(1.5 / 2.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"options": [3], "outcomes": [1]}, "option 3 at position 0"),
        ({"options": [0], "outcomes": [0.5]}, "outcome of option 0"),
        ({"options": [0], "outcomes": [1], "rounds": 2}, "round 2, and rounds 1 to 1"),
        ({"options": [2], "outcomes": [1], "rounds": 1}, "which did not choose it"),
        ({"options": [0], "outcomes": [1], "rounds": [0.5]}, "rounds holds float64"),
        ({"options": [0], "outcomes": [1], "events": [1.5]}, "event at position 0 is 1.5"),
    ],
)
def test_bad_outcomes_are_named_and_none_counts(arguments: dict[str, object], words: str) -> None:
    posterior = thompson.BetaBernoulli(3, alpha=[50.0, 50.0, 1.0], beta=[1.0, 1.0, 50.0])
    model = lm.BudgetOnly(slots(3, 2.0))
    with thompson.ThompsonAllocator(model, posterior, solver="highs", seed=0) as sampler:
        sampler.allocate()
        before = sampler._state()
        with pytest.raises(ParameterError, match=words):
            sampler.update(**arguments)
        assert sampler._state() == before


def test_a_batch_with_one_bad_outcome_counts_none(sampler: thompson.ThompsonAllocator) -> None:
    before = sampler._state()
    with pytest.raises(ParameterError, match="option 1 at position 1"):
        sampler.update([0, 1], [1, 2], events=["x", "y"])
    with pytest.raises(ShapeError, match="events has 1 entries"):
        sampler.update([0, 1], [1, 1], events=["x"])
    assert sampler._state() == before


def test_old_rounds_are_forgotten() -> None:
    with sampler_of(slots(2, 1.0), keep_rounds=2) as sampler:
        for _ in range(4):
            sampler.allocate()
        assert list(sampler.rounds) == [3, 4]
        with pytest.raises(ParameterError, match="round 1, and rounds 3 to 4 are remembered"):
            sampler.update([0], [1], rounds=1)


def test_memory_does_not_grow_with_rounds() -> None:
    import tracemalloc

    with sampler_of(slots(20, 5.0, integer=False), keep_rounds=10, keep_events=50) as sampler:
        sizes = []
        tracemalloc.start()
        for t in range(examples(10_000)):
            chosen = np.flatnonzero(sampler.allocate().decision)
            sampler.update(chosen, np.ones(len(chosen)), events=[f"{t}:{j}" for j in chosen])
            if t % 100 == 99:
                sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert sizes[-1] < sizes[0] + 200_000


# Fairness over all rounds.


@pytest.mark.parametrize(
    ("model", "chance", "budget", "shares", "within"),
    [
        (lm.Proportional, [0.9, 0.3], 1.0, [1 / 2, 1 / 2], 0.08),
        (lm.MaxMin, [0.6, 0.6, 0.6], 2.0, [2 / 3, 2 / 3, 2 / 3], 0.06),
        # Equal utility: the worse one is served three times as often.
        (lm.MaxMin, [0.9, 0.3], 1.0, [1 / 4, 3 / 4], 0.08),
    ],
)
def test_shares_in_the_long_run(
    model: type[lm.Model], chance: list[float], budget: float, shares: list[float], within: float
) -> None:
    n, rng = len(chance), np.random.default_rng(0)
    history = {f"a{i}": 0.01 for i in range(n)}
    with sampler_of(slots(n, budget, history=history), model=model, cumulates=True) as sampler:
        for _ in range(300):
            chosen = np.flatnonzero(sampler.allocate().decision)
            seen = rng.random(len(chosen)) < np.array(chance)[chosen]
            sampler.update(chosen, seen.astype(float))
        np.testing.assert_allclose(sampler.served / 300, shares, atol=within)


def test_what_was_earned_is_outcomes_times_decisions() -> None:
    problem = lm.AllocationProblem(
        [[1.0], [1.0], [1.0]],
        [1.5],
        agent=["x", "y", "z"],
        group=["g", "g", "h"],
        history={"g": 1.0, "h": 1.0},
    )
    with sampler_of(problem, model=lm.Proportional, cumulates=True) as sampler:
        first = sampler.allocate().decision
        sampler.allocate()
        chosen = np.flatnonzero(first)
        outcome = (chosen % 2).astype(float)
        sampler.update(chosen, outcome, rounds=1)
        worth = np.zeros(3)
        worth[chosen] = outcome * first[chosen]
        np.testing.assert_allclose(sampler.earned, [worth[:2].mean(), worth[2]])
        allocation = sampler.allocate()
        np.testing.assert_allclose(allocation.problem.history, 1.0 + sampler.earned)


def test_families_over_agents_cumulate_for_agents() -> None:
    problem = slots(2, 1.0, integer=False, agent_history={"a0": 0.5, "a1": 0.5})
    with sampler_of(problem, model=lambda one: lm.AlphaFair(one, 2.0), cumulates=True) as sampler:
        decision = sampler.allocate().decision
        sampler.update([0, 1], [1, 1], rounds=1)
        allocation = sampler.allocate()
        np.testing.assert_allclose(allocation.problem.agent_history, 0.5 + decision)


def test_outcomes_that_leave_less_than_nothing_are_refused() -> None:
    problem = slots(2, 1.0, integer=False, history={"a0": 0.5, "a1": 0.5})
    posterior = thompson.Gaussian(2, clip_at_zero=True)
    model = lm.Proportional(problem)
    with thompson.ThompsonAllocator(model, posterior, seed=0, cumulates=True) as sampler:
        sampler.allocate(budget=[2.0])
        before = sampler._state()
        with pytest.raises(ParameterError, match=r"leave group 'a1' with a utility of -1\.5"):
            sampler.update([1], [-2.0], rounds=1)
        assert sampler._state() == before


def test_what_cannot_cumulate_says_so() -> None:
    problem = slots(2, 1.0)
    with pytest.raises(ParameterError, match="budget_only compares no utilities"):
        sampler_of(problem, cumulates=True)
    with pytest.raises(ParameterError, match="inner_alpha is above 0"):
        sampler_of(problem, model=lambda one: lm.MaxMin(one, inner_alpha=1.0), cumulates=True)


# Floors of service.


@pytest.mark.parametrize("seed", range(examples(60)))
def test_floors_are_kept_at_any_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, per_round = int(rng.integers(2, 6)), int(rng.integers(1, 3))
    rate = rng.dirichlet(np.ones(n)) * per_round * rng.choice([1.0, 0.99, 0.6])
    rate = np.minimum(rate.round(2), 1.0)
    while rate.sum() > per_round:
        rate[np.argmax(rate)] -= 0.01
    problem = slots(n, float(per_round))
    # The posterior is sure of the first: nobody else would be served.
    posterior = thompson.BetaBernoulli(
        n, alpha=[1e4] + [1.0] * (n - 1), beta=[1.0] + [1e4] * (n - 1)
    )
    with thompson.ThompsonAllocator(
        lm.BudgetOnly(problem),
        posterior,
        solver="highs",
        seed=0,
        service_floors=rate,
        services_per_round=per_round,
    ) as sampler:
        for t in range(1, 61):
            assert sampler.allocate().has_point, (rate, t)
            promised = [int(Fraction(str(round(float(one), 2))) * t) for one in rate]
            assert (sampler.served >= promised).all(), (rate, t)


@given(
    rates=st.lists(st.integers(0, 20), min_size=1, max_size=5),
    rounds=st.integers(1, 200),
)
def test_what_is_asked_for_keeps_all_floors(rates: list[int], rounds: int) -> None:
    total = max(sum(rates), 20)
    rate = np.array(rates) / total
    floors = service_floors(slots(len(rates), 1.0), rate)
    served = np.zeros(len(rates))
    for t in range(1, rounds + 1):
        least = floors.minimum(served, t)
        assert least.sum() in (0.0, 1.0)
        served += least
        due = np.array([one * t // total for one in rates])
        assert (served >= due).all()
    # What was done ahead is no more than what is ever due.
    assert served.sum() <= np.ceil(rate * rounds).sum() + len(rates)


def test_bad_floors_are_named() -> None:
    problem = slots(2, 1.0)
    with pytest.raises(ParameterError, match=r"promise 1\.2 services a round"):
        sampler_of(problem, service_floors=[0.6, 0.6])
    with pytest.raises(ParameterError, match=r"agent 'a1' is 1\.5"):
        sampler_of(problem, service_floors={"a1": 1.5})
    with pytest.raises(ParameterError, match="names 'b'"):
        sampler_of(problem, service_floors={"b": 0.5})


# Money for many rounds.


def test_money_carries_over_and_is_never_exceeded() -> None:
    rng = np.random.default_rng(3)
    requests = rng.uniform(0.1, 1.0, (6, 2))
    problem = lm.AllocationProblem(requests, [1.0, 1.0], upper=1.0)
    total = [7.3, 5.1]
    with sampler_of(problem, horizon=Horizon(rounds=20, budget=total)) as sampler:
        spent = [Fraction(0), Fraction(0)]
        for t in range(20):
            before = sampler.left
            assert before is not None
            allocation = sampler.allocate(budget=[0.2, 0.2] if t == 3 else None)
            assert (allocation.problem.budget <= before).all()
            for k in range(2):
                spent[k] += sum(
                    Fraction(x) * Fraction(row[k])
                    for x, row in zip(allocation.decision.tolist(), requests.tolist(), strict=True)
                )
        left = sampler.left
        assert left is not None
        for k in range(2):
            assert spent[k] + Fraction(left[k]) <= Fraction(total[k])
            assert float(spent[k]) + left[k] == pytest.approx(total[k], rel=1e-12)
        # One of the two was used up, by rounds that got what an earlier one left.
        assert left.min() < 1e-9
        with pytest.raises(ParameterError, match="horizon of 20 rounds is over"):
            sampler.allocate()


@given(
    left=st.floats(0.0, 1e6),
    parts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20),
)
def test_what_is_left_is_never_more_than_was_not_spent(left: float, parts: list[float]) -> None:
    purse = Horizon(rounds=len(parts), budget=[left]).purse(slots(1, 1.0))
    exact = Fraction(left)
    for part in parts:
        spent = part * purse.left
        exact -= Fraction(float(spent[0]))
        purse = purse.after(spent, None)
        assert Fraction(float(purse.left[0])) <= max(exact, Fraction(0))


def test_crumbs_of_money_are_not_handed_to_a_solver() -> None:
    # Roundings are counted as spent: what is left of all money is not exactly nothing.
    requests = [[0.7, 1.3], [1.1, 0.3], [0.9, 2.1]]
    model = lm.Proportional(lm.AllocationProblem(requests, [9.0, 9.0], history=[0.1] * 3))
    with thompson.ThompsonAllocator(
        model,
        thompson.GammaPoisson(3),
        solver="highs",
        seed=0,
        horizon=thompson.Horizon(rounds=40, budget=[3.3, 40.7]),
    ) as sampler:
        for t in range(40):
            budget = [np.inf, 2.0] if t % 5 == 1 else None
            assert sampler.allocate(budget=budget).has_point, (t, sampler.left)


def test_pacing_by_price_waits_for_rounds_that_are_worth_it() -> None:
    """Half of the rounds are worth ten times as much as the others."""
    earned = {}
    for pacing in ("even", "price"):
        problem = lm.AllocationProblem(np.ones((10, 1)), [10.0], upper=1.0)
        # As good as known: draws are the contexts themselves.
        posterior = thompson.BayesianLinear(10, 1, mean=1.0, precision=1e8, variance=1.0)
        rng, total = np.random.default_rng(0), 0.0
        with thompson.ThompsonAllocator(
            lm.BudgetOnly(problem),
            posterior,
            solver="highs",
            seed=0,
            horizon=Horizon(rounds=200, budget=[600.0], pacing=pacing),
        ) as sampler:
            for _ in range(200):
                worth = float(rng.choice([1.0, 10.0])) * rng.uniform(0.5, 1.5, (10, 1))
                total += float(sampler.allocate(features=worth).decision @ worth[:, 0])
            left = sampler.left
        assert left is not None
        assert left[0] >= 0.0
        earned[pacing] = total
    # 3 of 10 a round, where 6 of 10 in every second round are worth nearly twice as much.
    assert earned["price"] > 1.3 * earned["even"]


def test_whole_decisions_are_paced_too() -> None:
    """They have no prices of their own: what a unit that was spent has earned begins."""
    horizon = Horizon(rounds=40, budget=[40.0], pacing="price")
    problem = lm.AllocationProblem(np.ones((6, 1)), [6.0], upper=1.0, integer=True)
    with sampler_of(problem, horizon=horizon) as sampler:
        spent = [float(sampler.allocate().decision.sum()) for _ in range(40)]
    assert sum(spent) <= 40.0
    # Without a price the first twenty rounds would have spent it all.
    assert sum(spent[20:]) > 8.0


def test_the_last_round_holds_no_money_back() -> None:
    horizon = Horizon(rounds=3, budget=[30.0], pacing="price")
    problem = lm.AllocationProblem(np.ones((4, 1)), [4.0], upper=1.0)
    with sampler_of(problem, horizon=horizon) as sampler:
        for _ in range(3):
            allocation = sampler.allocate()
    np.testing.assert_allclose(allocation.decision, 1.0)


def test_pacing_by_price_is_for_sums_of_rewards() -> None:
    horizon = Horizon(rounds=2, budget=[1.0], pacing="price")
    with pytest.raises(ParameterError, match="proportional compares utilities"):
        sampler_of(slots(2, 1.0), model=lm.Proportional, horizon=horizon)


def test_bad_horizons_are_named() -> None:
    with pytest.raises(ParameterError, match=r"horizon\.rounds is 0"):
        Horizon(rounds=0, budget=[1.0])
    with pytest.raises(ParameterError, match=r"horizon\.pacing is 'fast'"):
        Horizon(rounds=1, budget=[1.0], pacing="fast")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"horizon\.most is 0\.5"):
        Horizon(rounds=1, budget=[1.0], most=0.5)
    with pytest.raises(ShapeError, match=r"horizon\.budget has shape"):
        sampler_of(slots(2, 1.0), horizon=Horizon(rounds=1, budget=[1.0, 2.0]))


def test_what_is_no_model_or_posterior_is_said() -> None:
    with pytest.raises(ParameterError, match="model is AllocationProblem"):
        thompson.ThompsonAllocator(slots(2, 1.0), thompson.BetaBernoulli(2))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="posterior is list"):
        thompson.ThompsonAllocator(lm.BudgetOnly(slots(2, 1.0)), [1.0, 2.0])  # type: ignore[arg-type]


def test_what_came_with_an_event_and_its_round_counts_as_of_the_round() -> None:
    with sampler_of(slots(3, 2.0)) as sampler:
        chosen = np.flatnonzero(sampler.allocate().decision)
        assert sampler.update(chosen, [1, 1], rounds=1, events=["x", "y"]) == 2
        assert sampler.update(chosen, [1, 1], rounds=1) == 0


def test_a_posterior_of_other_options_is_refused() -> None:
    with pytest.raises(ParameterError, match="posterior has 2 options, and the problem 3"):
        thompson.ThompsonAllocator(lm.BudgetOnly(slots(3, 1.0)), thompson.BetaBernoulli(2))


# Options that come and go.


def test_what_was_learned_moves_with_the_labels_of_options() -> None:
    def model(names: list[str]) -> lm.Model:
        one = lm.AllocationProblem(
            np.ones((len(names), 1)), [2.0], agent=names, option_names=names, integer=True
        )
        return lm.BudgetOnly(one)

    floors = {"b": 0.25, "c": 0.1}
    posterior = thompson.BetaBernoulli(3)
    with thompson.ThompsonAllocator(
        model(["a", "b", "c"]), posterior, solver="highs", seed=0, service_floors=floors
    ) as sampler:
        for _ in range(6):
            chosen = np.flatnonzero(sampler.allocate().decision)
            sampler.update(chosen, np.ones(len(chosen)), rounds=sampler.round)
        mean, served, last = sampler.posterior.mean(), sampler.served, sampler.rounds[6]
        sampler.change_model(model(["b", "c", "d", "e"]), alpha=3.0, beta=1.0)
        np.testing.assert_array_equal(sampler.posterior.mean(), [*mean[1:], 0.75, 0.75])
        np.testing.assert_array_equal(sampler.served, [*served[1:], 0.0, 0.0])
        np.testing.assert_array_equal(sampler.rounds[6].decision, [*last.decision[1:], 0.0, 0.0])
        allocation = sampler.allocate()
        assert allocation.decision.shape == (4,)
        assert sampler.round == 7
        assert sampler.update([2], [1], events=["of d"]) == 1


def test_options_of_another_order_are_refused_and_nothing_changes() -> None:
    def model(names: list[str], resource: str = "slot") -> lm.Model:
        one = lm.AllocationProblem(np.ones((len(names), 1)), {resource: 2.0}, option_names=names)
        return lm.BudgetOnly(one)

    with thompson.ThompsonAllocator(model(["a", "b"]), thompson.BetaBernoulli(2)) as sampler:
        sampler.allocate()
        before = sampler._state()
        for other, words in (
            (model(["b", "a"]), "keep their order"),
            (model(["c", "a", "b"]), "new ones come behind them: see 'c'"),
            (model(["c", "d"]), "no option of the old model is left"),
            (model(["a", "b"], "money"), "resources of the new model differ"),
        ):
            with pytest.raises(ParameterError, match=words):
                sampler.change_model(other)
            assert sampler._state() == before
        with pytest.raises(ParameterError, match="no option is new"):
            sampler.change_model(model(["a"]), alpha=2.0)
        assert sampler._state() == before


# What cannot be.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "seed is -1, expected a whole number"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"seed": np.random.default_rng(0)}, "seed is Generator"),
        ({"horizon": {"rounds": 3, "budget": [1.0]}}, "expected a thompson.Horizon"),
    ],
    ids=["below zero", "text", "generator", "dictionary"],
)
def test_bad_settings_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        thompson.ThompsonAllocator(
            lm.BudgetOnly(slots(2, 1.0)), thompson.BetaBernoulli(2), **arguments
        )


@pytest.mark.parametrize("events", [2.5, b"a", {"a": 1}])
def test_what_is_no_list_of_events_is_refused(
    sampler: thompson.ThompsonAllocator, events: object
) -> None:
    with pytest.raises(ParameterError, match="expected one event for each outcome"):
        sampler.update([0], [1.0], events=events)


def test_a_horizon_keeps_its_own_budget() -> None:
    budget = np.array([5.0])
    horizon = thompson.Horizon(rounds=3, budget=budget)
    budget[:] = 0.0
    assert horizon.purse(slots(2, 1.0)).left.tolist() == [5.0]


def test_another_thread_is_refused(
    sampler: thompson.ThompsonAllocator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a second thread would meet in the middle of the first one's round.
    refused: list[ParameterError] = []
    draw = type(sampler.posterior).draw

    def meanwhile(*arguments: Any) -> Any:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return draw(*arguments)

    def ask() -> None:
        for call in (sampler.allocate, lambda: sampler.update([0], [1.0])):
            try:
                call()
            except ParameterError as error:
                refused.append(error)

    monkeypatch.setattr(type(sampler.posterior), "draw", meanwhile)
    sampler.allocate()
    assert ["in use in another thread" in str(one) for one in refused] == [True, True]
    assert sampler.round == 1
