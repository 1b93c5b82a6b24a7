"""What posteriors of every kind do: count, forget, grow and shrink, refuse."""

from typing import Any

import numpy as np
import pytest

from librex_models import thompson
from librex_models.errors import ParameterError, ProblemError, ShapeError
from tests.posterior_kinds import FEATURES, KINDS, MEMORIES, N_OPTIONS, learned, seen, some_outcomes

# A few hundred roundings of numbers near 1.
ROUNDINGS = 1e-12

every_kind = pytest.mark.parametrize("name", KINDS)
every_memory = pytest.mark.parametrize("memory", MEMORIES)


def assert_same(name: str, found: Any, expected: Any) -> None:
    """Assert that two posteriors say the same, where they can bit for bit."""
    tolerance = 0.0 if KINDS[name].is_exact else ROUNDINGS
    np.testing.assert_allclose(seen(found), seen(expected), rtol=tolerance, atol=tolerance)


@every_kind
def test_they_are_posteriors(name: str) -> None:
    posterior: thompson.Posterior = KINDS[name].make()
    assert isinstance(posterior, thompson.Posterior)
    assert posterior.n_options == N_OPTIONS


@every_kind
@every_memory
def test_a_batch_equals_its_sequence(name: str, memory: str) -> None:
    kind = KINDS[name]
    options, outcomes = some_outcomes(kind, 1)
    at_once, in_turn = kind.make(**MEMORIES[memory]), kind.make(**MEMORIES[memory])
    at_once.update(options, outcomes)
    for option, outcome in zip(options, outcomes, strict=True):
        in_turn.update([option], [outcome])
    assert_same(name, at_once, in_turn)


@every_kind
@every_memory
def test_outcomes_of_a_round_may_come_in_any_order(name: str, memory: str) -> None:
    kind = KINDS[name]
    options, outcomes = some_outcomes(kind, 2)
    forwards, backwards = kind.make(**MEMORIES[memory]), kind.make(**MEMORIES[memory])
    forwards.update(options, outcomes)
    backwards.update(options[::-1], outcomes[::-1])
    np.testing.assert_allclose(seen(forwards), seen(backwards), rtol=ROUNDINGS)


@every_kind
@every_memory
def test_a_late_outcome_weighs_as_if_it_had_come_in_time(name: str, memory: str) -> None:
    kind = KINDS[name]
    in_time, late = kind.make(**MEMORIES[memory]), kind.make(**MEMORIES[memory])
    history = [some_outcomes(kind, seed, 6) for seed in range(5)]
    for options, outcomes in history:
        in_time.update(options, outcomes)
        in_time.advance()
    late.advance(5)
    for rounds_ago, (options, outcomes) in zip((5, 4, 3, 2, 1), history, strict=True):
        late.update(options, outcomes, rounds_ago=rounds_ago)
    np.testing.assert_allclose(seen(late), seen(in_time), rtol=ROUNDINGS)


@every_kind
@every_memory
def test_a_fit_forgets_what_was_and_counts_the_history(name: str, memory: str) -> None:
    kind = KINDS[name]
    options, outcomes = some_outcomes(kind, 3)
    rounds_ago = np.arange(len(options)) // 9
    fresh = kind.make(**MEMORIES[memory])
    fresh.update(options, outcomes, rounds_ago=rounds_ago)
    fitted = learned(kind, MEMORIES[memory]).fit(options, outcomes, rounds_ago=rounds_ago)
    assert np.array_equal(seen(fitted), seen(fresh))


@every_kind
def test_a_window_leaves_nothing_of_what_has_left(name: str) -> None:
    kind = KINDS[name]
    window = 4
    posterior = kind.make(window=window)
    history = [some_outcomes(kind, seed, 1 + seed % 5) for seed in range(30)]
    for present, (options, outcomes) in enumerate(history):
        posterior.advance()
        posterior.update(options, outcomes)
        last = history[max(0, present - window + 1) : present + 1]
        refitted = kind.make(window=None).fit(
            np.concatenate([one for one, _ in last]), np.concatenate([one for _, one in last])
        )
        assert np.array_equal(seen(posterior), seen(refitted))


@every_kind
def test_a_window_that_nothing_came_into_is_the_prior(name: str) -> None:
    kind = KINDS[name]
    posterior = learned(kind, {"window": 2})
    posterior.advance()
    posterior.advance()
    assert np.array_equal(seen(posterior), seen(kind.make()))


@every_kind
def test_an_outcome_from_before_the_window_is_not_counted(name: str) -> None:
    kind = KINDS[name]
    posterior = kind.make(window=2)
    posterior.update(*some_outcomes(kind, 4, 5), rounds_ago=[0, 1, 2, 3, 2**62])
    options, outcomes = some_outcomes(kind, 4, 5)
    assert np.array_equal(seen(posterior), seen(kind.make().fit(options[:2], outcomes[:2])))


@every_kind
@every_memory
def test_rounds_pass_one_by_one_or_several_at_a_time(name: str, memory: str) -> None:
    one_by_one, at_once = (learned(KINDS[name], MEMORIES[memory]) for _ in range(2))
    one_by_one.advance()
    one_by_one.advance()
    at_once.advance(2)
    np.testing.assert_allclose(seen(one_by_one), seen(at_once), rtol=ROUNDINGS)


@every_kind
@pytest.mark.parametrize("memory", ["discount", "window"])
def test_what_was_long_ago_is_forgotten(name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior = learned(kind, MEMORIES[memory])
    posterior.advance(10_000)
    posterior.update(*some_outcomes(kind, 5, 3), rounds_ago=9_999)
    assert np.array_equal(seen(posterior), seen(kind.make()))


@every_kind
@every_memory
def test_a_round_without_outcomes_changes_nothing_but_time(name: str, memory: str) -> None:
    posterior = learned(KINDS[name], MEMORIES[memory])
    before = seen(posterior)
    posterior.update([], [])
    posterior.update([], [], rounds_ago=[])
    posterior.advance(0)
    assert np.array_equal(seen(posterior), before)


@every_kind
@every_memory
def test_options_that_are_added_begin_at_their_prior(name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior = learned(kind, MEMORIES[memory])
    before = seen(posterior)[:3]
    added = posterior.add_options(3, **kind.more)
    assert added.tolist() == [4, 5, 6]
    assert posterior.n_options == 7
    assert np.array_equal(seen(posterior)[:3, :4], before)
    untouched = kind.make()
    untouched.add_options(3, **kind.more)
    if "linear" not in name:
        assert np.array_equal(seen(posterior)[:3, 4:], seen(untouched)[:3, 4:])


@every_kind
@every_memory
def test_options_that_are_added_learn_as_those_from_the_beginning(name: str, memory: str) -> None:
    kind = KINDS[name]
    early, late = kind.make(**MEMORIES[memory]), kind.make(**MEMORIES[memory])
    early.add_options(3, **kind.more)
    for posterior in (early, late):
        posterior.update(*some_outcomes(kind, 6, 9))
        posterior.advance()
    late.add_options(3, **kind.more)
    for posterior in (early, late):
        posterior.update([5, 4, 6, 0, 5], kind.outcomes(np.random.default_rng(1), 5))
        posterior.advance()
    assert np.array_equal(seen(early), seen(late))


@pytest.mark.parametrize("name", [name for name in KINDS if "linear" not in name])
@every_memory
def test_an_option_that_is_removed_leaves_no_trace(name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior, without = kind.make(**MEMORIES[memory]), kind.make(**MEMORIES[memory])
    options, outcomes = some_outcomes(kind, 7)
    stays = np.isin(options, [1, 3])
    posterior.update(options, outcomes)
    without.update(options[stays], outcomes[stays])
    without.remove_options([0, 2])
    posterior.remove_options([2, 0])
    assert posterior.n_options == 2
    for one in (posterior, without):
        one.advance()
        one.update([1, 0, 1], outcomes[:3])
    assert np.array_equal(seen(posterior), seen(without))
    assert posterior.to_dict() == without.to_dict()


@every_kind
@every_memory
def test_an_option_may_be_removed_and_another_take_its_place(name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior = learned(kind, MEMORIES[memory])
    before = seen(posterior)[:3]
    posterior.remove_options([1])
    assert np.array_equal(seen(posterior)[:3], before[:, [0, 2, 3]])
    posterior.add_options(3, **kind.more)
    posterior.update([5, 0], kind.outcomes(np.random.default_rng(2), 2))
    posterior.advance()
    assert seen(posterior).shape == (4, 6)


@every_kind
@every_memory
def test_what_is_handed_in_may_change_later(name: str, memory: str) -> None:
    kind = KINDS[name]
    options, outcomes = some_outcomes(kind, 8)
    rounds_ago = np.zeros(len(options), dtype=np.int64)
    kept = kind.make(**MEMORIES[memory]).fit(options.copy(), outcomes.copy())
    posterior = kind.make(**MEMORIES[memory]).fit(options, outcomes, rounds_ago=rounds_ago)
    options[:], outcomes[:], rounds_ago[:] = 0, 1.0, 9
    assert np.array_equal(seen(posterior), seen(kept))


@every_kind
@every_memory
def test_what_is_handed_out_may_be_changed(name: str, memory: str) -> None:
    posterior = learned(KINDS[name], MEMORIES[memory])
    before = seen(posterior)
    for array in (posterior.mean(), *posterior.interval(0.5)):
        array[:] = 1e6
    posterior.draw(np.random.default_rng(0))[:] = 1e6
    posterior.to_dict()["arguments"].clear()
    assert np.array_equal(seen(posterior), before)


def test_the_prior_that_is_handed_in_may_change_later() -> None:
    alpha, features = np.ones(2), FEATURES.copy()
    beta = thompson.BetaBernoulli(2, alpha=alpha)
    linear = thompson.BayesianLinear(4, 2, features=features, mean=alpha, precision=alpha)
    before = linear.mean()
    alpha[:], features[:] = 7.0, 7.0
    assert beta.mean().tolist() == [0.5, 0.5]
    assert np.array_equal(linear.mean(), before)


@every_kind
def test_draws_are_those_of_the_generator(name: str) -> None:
    posterior = learned(KINDS[name], {})
    generator = np.random.default_rng(11)
    first, second = posterior.draw(generator), posterior.draw(generator)
    assert np.array_equal(posterior.draw(np.random.default_rng(11)), first)
    assert not np.array_equal(first, second)


@every_kind
@every_memory
@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        (([0, 4], [1, 1]), {}, "options names option 4 at position 1; there are 4"),
        (([0, -1], [1, 1]), {}, "options names option -1 at position 1"),
        (([0.0, 1.0], [1, 1]), {}, "options holds float64, expected whole numbers"),
        (([True, False], [1, 1]), {}, "options holds bool"),
        (([[0, 1]], [1, 1]), {}, "options has shape"),
        ((0, 1), {}, r"options has shape \(\)"),
        (([0, [1]], [1, 1]), {}, "options is not made of whole numbers"),
        (([0, 1], [1]), {}, r"outcomes has shape \(1,\), options \(2,\)"),
        (([0, 1], [1, np.nan]), {}, "outcome of option 1 at position 1 is nan"),
        (([0, 3], [1, np.inf]), {}, "outcome of option 3 at position 1 is inf"),
        (([0, 3], [1, 1e101]), {}, "outcome of option 3 at position 1 is 1e\\+101"),
        (([0, 1], [1, "1"]), {}, "outcomes is not made of numbers"),
        (([0, 1], [1, 1]), {"rounds_ago": [0, -1]}, "rounds_ago of option 1 at position 1 is -1"),
        (([0, 1], [1, 1]), {"rounds_ago": -1}, "rounds_ago is -1, expected at least 0"),
        (([0, 1], [1, 1]), {"rounds_ago": 0.5}, "rounds_ago is 0.5, expected a whole number"),
        (([0, 1], [1, 1]), {"rounds_ago": [0, 0.5]}, "rounds_ago holds float64"),
        (([0, 1], [1, 1]), {"rounds_ago": [0]}, r"rounds_ago has shape \(1,\)"),
        (([0, 1], [1, 1]), {"rounds_ago": [0, 2**62 + 1]}, "rounds_ago of option 1 at position 1"),
        (([0, 1], [1, 1]), {"features": [[1.0]]}, "features"),
    ],
)
def test_a_refused_update_changes_nothing(
    name: str, memory: str, arguments: Any, more: Any, message: str
) -> None:
    posterior = learned(KINDS[name], MEMORIES[memory])
    before = posterior.to_dict()
    for count in (posterior.update, posterior.fit):
        with pytest.raises(ProblemError, match=message):
            count(*arguments, **more)
    assert posterior.to_dict() == before


@every_kind
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([4], "names option 4"),
        ([1, 1], "names option 1 twice"),
        ([0, 1, 2, 3], "no option would be left"),
    ],
)
def test_options_that_cannot_be_removed_stay(name: str, options: list[int], message: str) -> None:
    posterior = learned(KINDS[name], {})
    before = posterior.to_dict()
    with pytest.raises(ParameterError, match=message):
        posterior.remove_options(options)
    assert posterior.to_dict() == before


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ({"discount": 0.0}, "discount is 0.0, expected a number above 0, at most 1"),
        ({"discount": 1.5}, "discount is 1.5"),
        ({"discount": np.nan}, "discount is nan"),
        ({"discount": [0.5, 0.5]}, "discount is"),
        ({"window": 0}, "window is 0, expected at least 1"),
        ({"window": 2.5}, "window is 2.5, expected a whole number"),
        ({"discount": 0.5, "window": 3}, "outcomes fade or leave, not both"),
    ],
)
@every_kind
def test_a_memory_that_cannot_be_is_refused(name: str, memory: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        KINDS[name].make(**memory)


@every_kind
@pytest.mark.parametrize("rounds", [-1, 1.0, True, None])
def test_rounds_that_cannot_pass_are_refused(name: str, rounds: Any) -> None:
    with pytest.raises(ParameterError, match="rounds is"):
        KINDS[name].make().advance(rounds)


@every_kind
@pytest.mark.parametrize("level", [0.0, 1.0, np.nan, -0.1, [0.5]])
def test_an_interval_that_cannot_be_is_refused(name: str, level: Any) -> None:
    with pytest.raises(ParameterError, match="level is"):
        KINDS[name].make().interval(level)


@every_kind
@pytest.mark.parametrize("rng", [0, None, np.random])
def test_a_draw_takes_a_generator(name: str, rng: Any) -> None:
    with pytest.raises(ParameterError, match="expected a generator"):
        KINDS[name].make().draw(rng)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("BetaBernoulli", {"n_options": 0}, "n_options is 0, expected at least 1"),
        ("BetaBernoulli", {"n_options": True}, "n_options is True"),
        ("BetaBernoulli", {"n_options": 2.0}, "n_options is 2.0"),
        ("BetaBernoulli", {"alpha": [1, 0]}, "alpha of option 1 is 0.0, expected"),
        ("BetaBernoulli", {"beta": np.inf}, "beta of option 0 is inf"),
        ("BetaBernoulli", {"beta": 1e-200}, "beta of option 0 is 1e-200"),
        ("BetaBernoulli", {"alpha": [1, 1, 1]}, r"alpha has shape \(3,\)"),
        ("BetaBernoulli", {"rewards": "half"}, "rewards is 'half', expected None, 'trial' or"),
        ("GammaPoisson", {"rate": [1, -1]}, "rate of option 1 is -1.0"),
        ("Gaussian", {"mean": [0, np.nan]}, "mean of option 1 is nan"),
        ("Gaussian", {"pseudo_count": 0}, "pseudo_count of option 0 is 0.0"),
        ("Gaussian", {"variance": [1, 0]}, "variance of option 1 is 0.0"),
        ("Gaussian", {"variance": 1, "shape": 1}, "shape is given beside variance"),
        ("Gaussian", {"clip_at_zero": 1}, "clip_at_zero is 1"),
    ],
)
def test_a_prior_that_cannot_be_is_refused(name: str, arguments: Any, message: str) -> None:
    with pytest.raises((ParameterError, ShapeError), match=message):
        getattr(thompson, name)(**({"n_options": 2} | arguments))


@pytest.mark.parametrize(
    "posterior",
    [
        thompson.BetaBernoulli(2, alpha=[1.0, 1e50], beta=[1.0, 1e20]),
        thompson.Gaussian(2, shape=[1.0, 1e-4]),
    ],
)
def test_an_interval_whose_ends_cannot_be_told_is_refused(posterior: thompson.Posterior) -> None:
    with pytest.raises(ParameterError, match="the interval of option 1 is from"):
        posterior.interval(0.9)


def test_a_prior_that_differs_must_be_given_for_new_options() -> None:
    posterior = thompson.BetaBernoulli(2, alpha=[1.0, 2.0])
    with pytest.raises(ParameterError, match="add_options needs alpha of the new ones"):
        posterior.add_options(1)
    posterior.add_options(1, alpha=3.0)
    assert posterior.mean().tolist() == [1 / 2, 2 / 3, 3 / 4]
