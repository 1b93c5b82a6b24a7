"""States of posteriors: saved through JSON and taken up again without the loss of a bit."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from librex_models import thompson
from librex_models.errors import ProblemError
from tests.posterior_kinds import KINDS, MEMORIES, N_OPTIONS, learned, seen, some_outcomes

every_kind = pytest.mark.parametrize("name", KINDS)
every_memory = pytest.mark.parametrize("memory", MEMORIES)


def through_json(posterior: Any) -> Any:
    """Return what a program that is started anew makes of a state."""
    return thompson.posterior_from_dict(
        json.loads(json.dumps(posterior.to_dict(), allow_nan=False))
    )


@every_kind
@every_memory
def test_a_posterior_goes_on_where_it_was_saved(name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior = learned(kind, MEMORIES[memory])
    taken_up = through_json(posterior)
    assert type(taken_up) is type(posterior)
    for one in range(3):
        assert taken_up.to_dict() == posterior.to_dict()
        assert np.array_equal(seen(taken_up), seen(posterior))
        for either in (posterior, taken_up):
            either.advance()
            either.update(*some_outcomes(kind, one, 5), rounds_ago=one)


@every_kind
@every_memory
def test_options_of_a_posterior_that_was_saved_come_and_go(name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior = learned(kind, MEMORIES[memory])
    taken_up = through_json(posterior)
    for one in (posterior, taken_up):
        one.remove_options([0])
        one.add_options(3, **kind.more)
    again = through_json(taken_up)
    assert again.to_dict() == taken_up.to_dict() == posterior.to_dict()
    assert np.array_equal(seen(again), seen(posterior))


@given(
    data=st.data(), name=st.sampled_from(sorted(KINDS)), memory=st.sampled_from(["all", *MEMORIES])
)
def test_every_number_is_saved_to_the_last_bit(data: Any, name: str, memory: str) -> None:
    kind = KINDS[name]
    posterior = kind.make(**MEMORIES[memory])
    if "gaussian" in name or "linear" in name:
        outcome = st.floats(-1e100, 1e100)
    elif "fractions" in name:
        outcome = st.floats(0.0, 1.0)
    else:
        outcome = st.integers(0, 1).map(float)
    batch = st.lists(st.tuples(st.integers(0, N_OPTIONS - 1), outcome), max_size=5)
    for pairs in data.draw(st.lists(batch, max_size=4)):
        posterior.update([option for option, _ in pairs], [one for _, one in pairs])
        posterior.advance(data.draw(st.integers(0, 2)))
    taken_up = through_json(posterior)
    assert taken_up.to_dict() == posterior.to_dict()
    assert np.array_equal(seen(taken_up), seen(posterior))


def test_a_trial_is_saved_by_its_result() -> None:
    posterior = thompson.BetaBernoulli(2, rewards="trial", window=3)
    posterior.update([0, 1] * 20, [0.3, 0.6] * 20, rng=np.random.default_rng(5))
    assert through_json(posterior).to_dict() == posterior.to_dict()


@every_kind
def test_a_state_of_another_kind_is_refused(name: str) -> None:
    state = KINDS[name].make().to_dict()
    for other in (thompson.BetaBernoulli, thompson.GammaPoisson, thompson.Gaussian):
        if other.kind != state["posterior"]:
            with pytest.raises(
                ProblemError, match=f"the state is of a posterior '{name.split()[0]}'"
            ):
                other.from_dict(state)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "the state of a posterior is None, expected a dictionary"),
        ([], "expected a dictionary"),
        ({}, "lacks 'posterior'"),
        ({"posterior": "dirichlet"}, "'dirichlet', which is none of bayesian_linear, beta_b"),
        ({"posterior": ["gaussian"]}, "which is none of"),
        ({"posterior": "gaussian"}, "the version None, expected 1"),
        ({"posterior": "gaussian", "version": 2}, "the version 2, expected 1"),
    ],
)
def test_what_is_no_state_is_refused(state: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        thompson.posterior_from_dict(state)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("sums", "successes"), [1.0], r"successes of the state has shape \(1,\), expected \(4,\)"),
        (("sums", "successes"), [0, 0, 0, -1], "successes of option 3 in the state is -1.0"),
        (("sums", "failures"), [0, 0, 0, np.nan], "failures of the state holds a number that is"),
        (("sums", "failures"), ["0"] * 4, "failures of the state is not made of numbers"),
        (("sums",), None, "'sums' of the state is None, expected a dictionary"),
        (("sums", "rest"), [], "'sums' of the state holds 'rest', which it should not"),
        (("recent",), {}, "holds 'recent' outcomes, but has no window"),
        (("window",), 3, "the state holds 'sums', but has a window"),
        (("discount",), 2.0, "discount is 2.0"),
        (("arguments",), None, "'arguments' of the state is None"),
        (("arguments", "n_options"), 5, r"alpha of the state has shape \(4,\), expected \(5,\)"),
        (("arguments", "n_options"), 2**61, "alpha of the state has shape"),
        (("arguments", "prior", "alpha"), [0.0] * 4, "alpha of option 0 is 0.0"),
        (("arguments", "prior"), {}, "'prior' in 'arguments' of the state lacks 'alpha'"),
        (("arguments", "shared_prior", "alpha"), -1.0, "alpha of option 0 is -1.0"),
        (("arguments", "choices"), {}, "lacks 'rewards'"),
        (("arguments", "choices", "rewards"), "all", "rewards is 'all'"),
    ],
)
def test_a_broken_state_is_refused(path: tuple[str, ...], value: Any, message: str) -> None:
    state = learned(KINDS["beta_bernoulli"], {}).to_dict()
    place = state
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ProblemError, match=message):
        thompson.posterior_from_dict(state)


@every_kind
@every_memory
def test_a_state_with_an_entry_missing_is_refused(name: str, memory: str) -> None:
    state = learned(KINDS[name], MEMORIES[memory]).to_dict()
    for holder in (state, state["arguments"], state["sums"] or state["recent"]):
        for key in list(holder):
            value = holder.pop(key)
            with pytest.raises(ProblemError, match=key):
                thompson.posterior_from_dict(state)
            holder[key] = value


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to everything in a state but itself."""
    keys: Any = ()
    if isinstance(value, dict):
        keys = value.keys()
    elif isinstance(value, list):
        keys = range(len(value))
    inside = [one for key in keys for one in places(value[key], (*path, key))]
    return ([path] if path else []) + inside


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.sampled_from([2**61, -(2**70), 10**400, 1e-320, 1e101]),
    st.text(max_size=3),
    st.lists(
        st.one_of(st.floats(), st.text(max_size=2), st.lists(st.floats(), max_size=3)), max_size=5
    ),
    st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
)


@given(
    data=st.data(),
    name=st.sampled_from(sorted(KINDS)),
    memory=st.sampled_from(sorted(MEMORIES)),
    junk=JUNK,
)
def test_damage_is_refused_or_leaves_a_posterior(
    data: Any, name: str, memory: str, junk: Any
) -> None:
    state = learned(KINDS[name], MEMORIES[memory], rounds=2).to_dict()
    path = data.draw(st.sampled_from(places(state)))
    place: Any = state
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = junk
    try:
        posterior = thompson.posterior_from_dict(state)
        drawn = posterior.draw(np.random.default_rng(0))
    except ProblemError:
        return
    assert drawn.shape == (N_OPTIONS,)
    assert np.isfinite(drawn).all()
