"""Re-solve: other rewards written into an open session, to a verified allocation.

The bare way changes the costs of an open HiGHS object, runs it and reads the point. Peers put the
rewards into what they hold, or build anew where they hold nothing.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from librex_models import Allocation, Session
from tests.benchmarks.bare_highs import Arrays, Floats, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns, rounds
from tests.benchmarks.peers.comparing import Runner, accuracy, error_of, row_of_peer, running
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.registry import PEERS

SIZES = (1_000, 10_000)
REPEATS = 300
SECONDS = 4.0
"""The row of a peer ends after that, if it has been repeated three times at least."""


def run(
    choice: Choice = EVERYTHING,
    *,
    sizes: Sequence[int] = SIZES,
    repeats: int = REPEATS,
    peers: Sequence[Peer] = PEERS,
) -> list[Measurement]:
    """Return one measurement for each number of options and each way."""
    return [row for size in sizes for row in _rows(choice, size, repeats, peers)]


def _rows(
    choice: Choice, n_options: int, repeats: int, peers: Sequence[Peer]
) -> Iterator[Measurement]:
    case, arrays = f"N = {n_options:,}", Arrays(n_options)
    if choice.takes(case, LIBREX):
        yield _by_librex(case, arrays, repeats)
    for peer in peers:
        if choice.takes(case, peer.name):
            measure = partial(_by_peer, case, arrays, repeats, peer)
            yield row_of_peer("resolve", case, peer, n_options, measure)


class Bare:
    """An open HiGHS object whose costs are changed."""

    def __init__(self, arrays: Arrays, watch: Stopwatch) -> None:
        self.arrays, self.watch = arrays, watch
        self.highs = arrays.pass_to_highs()
        self.highs.run()

    def resolve(self, reward: Floats) -> None:
        """Change the costs, run, read the point."""
        with self.watch.taking(BARE):
            self.highs.changeColsCost(self.arrays.n_options, self.arrays.columns, reward)
            self.highs.run()
            np.array(self.highs.getSolution().col_value)


def _by_librex(case: str, arrays: Arrays, repeats: int) -> Measurement:
    watch = Stopwatch()
    bare = Bare(arrays, watch)
    with arrays.model().open(solver="highs") as session:
        check_agreement(session.solve(), objective_of(bare.highs))
        _take_turns(session, bare, repeats)
        if session.rebuilds:
            raise RuntimeError(f"a session was rebuilt: {'; '.join(session.reasons)}")
    return watch.measurement("resolve", case)


def _take_turns(session: Session, bare: Bare, repeats: int) -> None:
    found: list[Allocation] = []

    def librex(reward: Floats) -> None:
        with bare.watch.taking(LIBREX):
            session.write(reward=reward)
            found.append(session.solve())

    generator = np.random.default_rng(0)
    for round_number in range(repeats):
        reward = _other_rewards(bare.arrays, generator)
        in_turns(round_number, partial(librex, reward), partial(bare.resolve, reward))
        check_agreement(found.pop(), objective_of(bare.highs))


def _by_peer(case: str, arrays: Arrays, repeats: int, peer: Peer) -> Measurement:
    watch = Stopwatch()
    bare = Bare(arrays, watch)
    with running(peer, arrays.of_user()) as runner:
        runner.build()
        # The first solve also loads all that is loaded once.
        runner.resolve(arrays.reward)
        errors = _take_turns_with_peer(peer, runner, bare, repeats)
    return watch.measurement("resolve", case, peer.name, remark=peer.updates + accuracy(errors))


def _take_turns_with_peer(peer: Peer, runner: Runner, bare: Bare, repeats: int) -> list[float]:
    found: list[Floats] = []
    errors: list[float] = []

    def theirs(reward: Floats) -> None:
        seconds, decision = runner.resolve(reward)
        bare.watch.add(peer.name, seconds)
        found.append(decision)

    generator = np.random.default_rng(0)
    for round_number in rounds(repeats, SECONDS):
        reward = _other_rewards(bare.arrays, generator)
        in_turns(round_number, partial(theirs, reward), partial(bare.resolve, reward))
        given = bare.arrays.of_user()._replace(reward=reward)
        errors.append(error_of(peer, given, found.pop(), objective_of(bare.highs)))
    return errors


def _other_rewards(arrays: Arrays, generator: np.random.Generator) -> Floats:
    return arrays.reward * generator.uniform(0.9, 1.1, arrays.n_options)
