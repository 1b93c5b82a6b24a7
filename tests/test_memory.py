"""What models and sessions hold, and for how long."""

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import librex_models as lm

MANY = 50_000


@pytest.fixture
def _without_collector() -> Iterator[None]:
    """Leave memory to what counts references."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_collector")
@pytest.mark.parametrize("solver", ["highs", "scip", "gurobi", "auto"])
def test_a_session_is_freed_with_its_last_use(solver: str) -> None:
    requests, budget = np.array([[1.0], [2.0], [3.0]]), [4.0]
    model = lm.MaxMin(lm.AllocationProblem(requests, budget, [3.0, 2.0, 1.0]))
    with model.open(solver=solver) as session:
        session.solve()
        session.write(reward=[1.0, 2.0, 3.0])
        session.solve()
    held = weakref.ref(session)
    del session
    assert held() is None


def test_numbers_that_are_one_for_all_take_the_memory_of_one() -> None:
    problem = lm.AllocationProblem(np.ones((MANY, 1)), [1.0], np.ones(MANY))
    for name in ("lower", "upper", "weight", "history", "agent_limit", "agent_minimum"):
        numbers = getattr(problem, name)
        assert numbers.shape == (MANY,)
        assert numbers.strides == (0,), name
        assert not numbers.flags.writeable
