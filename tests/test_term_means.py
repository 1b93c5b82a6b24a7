"""What a search may spend: the caller's limits, and its own where an answer will be proven."""

import pytest

from solvers import Limit, Outcome, SolveOptions, Status
from solvers.term_means import Means


def stopped(limit: Limit | None, nodes: int = 0) -> Outcome:
    """Return an outcome without a point that a limit stopped, or that is infeasible."""
    status = Status.INFEASIBLE if limit is None else Status.NO_SOLUTION_FOUND
    return Outcome(status=status, limit=limit, bound=float("inf"), nodes=nodes, message="words")


class Stopping:
    """A session that always ends in the same way."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def solve(self, options: SolveOptions) -> Outcome:
        assert options.relative_gap == 0.0
        return self._outcome


def after(means: Means, outcome: Outcome) -> Outcome:
    return means.ask(Stopping(outcome), means.before_proof())  # type: ignore[arg-type]


def test_nodes_that_are_enough_are_asked_for() -> None:
    assert Means(SolveOptions(), 100).before_proof().node_limit == 100
    assert Means(SolveOptions(node_limit=7), 100).before_proof().node_limit == 7
    assert Means(SolveOptions(node_limit=7), None).before_proof().node_limit == 7
    assert Means(SolveOptions(), None).before_proof().node_limit is None


def test_only_our_own_limit_leaves_means() -> None:
    ours, theirs = Means(SolveOptions(), 100), Means(SolveOptions(node_limit=50), 100)
    assert ours.are_left_after(after(ours, stopped(Limit.NODES, 100)))
    assert not theirs.are_left_after(after(theirs, stopped(Limit.NODES, 50)))


def test_a_node_limit_counts_over_all_solves() -> None:
    means = Means(SolveOptions(node_limit=150), 100)
    assert means.are_left_after(after(means, stopped(Limit.NODES, 100)))
    assert means.before_proof().node_limit == 50
    assert not means.are_left_after(after(means, stopped(Limit.NODES, 50)))


def test_nodes_are_no_longer_enough_where_the_proof_failed() -> None:
    means = Means(SolveOptions(), 100)
    means.need_more_nodes()
    assert means.before_proof().node_limit is None
    assert not means.are_left_after(after(means, stopped(Limit.NODES, 100)))


def test_time_is_left_for_the_proof() -> None:
    means = Means(SolveOptions(time_limit_seconds=1000.0), None)
    assert means.before_proof().time_limit_seconds == pytest.approx(700.0, rel=1e-3)
    assert means.left().time_limit_seconds == pytest.approx(1000.0, rel=1e-3)
    assert means.are_left_after(stopped(Limit.TIME))


def test_no_time_is_left_after_the_caller_s_limit() -> None:
    means = Means(SolveOptions(time_limit_seconds=0.0), 100)
    assert not means.are_left_after(stopped(Limit.TIME))
    assert not means.are_left_after(stopped(Limit.NODES))


@pytest.mark.parametrize("limit", [Limit.INTERRUPT, Limit.MEMORY, Limit.SOLUTIONS, None])
def test_other_ends_leave_no_means_of_ours(limit: Limit | None) -> None:
    means = Means(SolveOptions(), 100)
    assert not means.are_left_after(stopped(limit))


def test_what_was_spent_is_counted() -> None:
    means = Means(SolveOptions(), 100)
    for _ in range(2):
        after(means, stopped(Limit.NODES, 3))
    assert (means.nodes, means.words) == (6, ["words", "words"])
