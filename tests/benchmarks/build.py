"""Build: from the user's arrays to a HiGHS model that is ready to run.

Librex checks the problem, compiles and scales it; the bare way hands over arrays that are ready.
Peers build the same problem in HiGHS. In new memory, which the system hands out page by page when
it is first touched, as to a first build, what counts is how much of it is taken: Librex has a copy
of the requests, and the scaled program, beside what HiGHS keeps.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from librex_models import Session
from tests.benchmarks.bare_highs import Arrays, Floats, check_agreement, objective_of
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import (
    BARE,
    LIBREX,
    Measurement,
    Stopwatch,
    hand_memory_back,
    in_turns,
    rounds,
)
from tests.benchmarks.peers.comparing import error_of, row_of_peer, running
from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.registry import PEERS

SIZES = (1_000, 10_000, 100_000)
REPEATS = 15
SECONDS = 4.0
"""A row ends after that, if it has been repeated three times at least."""


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
    in_new = f"{case}, new memory"
    if choice.takes(in_new, LIBREX):
        yield _by_librex(in_new, arrays, repeats, hand_memory_back)
    for peer in peers:
        if peer.builds and choice.takes(case, peer.name):
            measure = partial(_by_peer, case, arrays, repeats, peer)
            yield row_of_peer("build", case, peer, n_options, measure)


def _by_librex(
    case: str, arrays: Arrays, repeats: int, prepare: Callable[[], None] = lambda: None
) -> Measurement:
    _check(arrays)
    watch = Stopwatch()
    opened: list[Session] = []

    def librex() -> None:
        prepare()
        with watch.taking(LIBREX):
            opened.append(arrays.model().open(solver="highs"))
        opened.pop().close()

    for round_number in range(repeats):
        in_turns(round_number, librex, lambda: _bare(watch, arrays, prepare))
    return watch.measurement("build", case)


def _bare(watch: Stopwatch, arrays: Arrays, prepare: Callable[[], None] = lambda: None) -> None:
    prepare()
    with watch.taking(BARE):
        highs = arrays.pass_to_highs()
    highs.clear()


def _by_peer(case: str, arrays: Arrays, repeats: int, peer: Peer) -> Measurement:
    watch = Stopwatch()
    reward, objective = _optimum(arrays)
    with running(peer, arrays.of_user()) as runner:
        # What is built first also loads all that is loaded once.
        runner.build()
        _, decision = runner.resolve(reward)
        error_of(peer, arrays.of_user()._replace(reward=reward), decision, objective)
        for round_number in rounds(repeats, SECONDS):
            in_turns(
                round_number,
                lambda: watch.add(peer.name, runner.build()),
                lambda: _bare(watch, arrays),
            )
    return watch.measurement("build", case, peer.name, remark=peer.ends_with)


def _check(arrays: Arrays) -> None:
    """Solve what either way built, which also loads all that is loaded once."""
    reward, objective = _optimum(arrays)
    with arrays.model().open(solver="highs") as session:
        session.write(reward=reward)
        check_agreement(session.solve(), objective)


def _optimum(arrays: Arrays) -> tuple[Floats, float]:
    """Return rewards for a check, and the optimum that the bare solver finds for them."""
    reward = arrays.rewards_to_check()
    highs = arrays.pass_to_highs()
    highs.changeColsCost(arrays.n_options, arrays.columns, reward)
    highs.run()
    return reward, objective_of(highs)
