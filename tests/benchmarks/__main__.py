"""Run all benchmarks, or those that are named, and print how Librex compares with the bare way."""

import argparse
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import (
    build,
    fairness,
    growth,
    instructions,
    layer,
    learning_round,
    memory,
    resolve,
    resolve_matrix,
    resolve_solvers,
    resolve_whole,
    start_up,
    threads,
    write,
)
from tests.benchmarks.choice import Choice
from tests.benchmarks.measuring import Measurement, machine
from tests.benchmarks.page import page, to_json
from tests.benchmarks.peers.own_process import versions_elsewhere
from tests.benchmarks.peers.registry import PEERS
from tests.benchmarks.table import table

Run = Callable[[Choice], list[Measurement]]

# A benchmark is a file with a function `run`, which returns the rows that are chosen. Rows that
# it returns beside those are left out.
BENCHMARKS: dict[str, Run] = {
    "start_up": start_up.run,
    "build": build.run,
    "memory": memory.run,
    "growth": growth.run,
    "resolve": resolve.run,
    "instructions": instructions.run,
    "resolve_solvers": resolve_solvers.run,
    "resolve_matrix": resolve_matrix.run,
    "resolve_whole": resolve_whole.run,
    "threads": threads.run,
    "fairness": fairness.run,
    "learning_round": learning_round.run,
    "write": write.run,
    "layer": layer.run,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that the command line names."""
    parser = _parser()
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}, only {', '.join(BENCHMARKS)}")
    choice = Choice(case=options.case, way=options.peer)
    names = options.names or list(BENCHMARKS)
    measurements = [row for name in names for row in _rows(name, choice)]
    if not measurements:
        parser.error(f"no row has {_named(choice)}")
    about = machine() | versions_elsewhere(PEERS)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(table(measurements))
    written = to_json(about, {name: _about(name) for name in names}, measurements)
    if options.json is not None:
        options.json.write_text(written, encoding="utf-8")
    if options.page is not None:
        options.page.write_text(page(written), encoding="utf-8")


def _rows(name: str, choice: Choice) -> list[Measurement]:
    start = time.perf_counter()
    rows = [row for row in BENCHMARKS[name](choice) if choice.takes(row.case, row.way)]
    # A run takes minutes: what is done is said.
    print(f"{name}: {len(rows)} rows in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return rows


def _about(name: str) -> str:
    """Return what a benchmark measures: the docstring of its file."""
    return inspect.cleandoc(sys.modules[BENCHMARKS[name].__module__].__doc__ or "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--case", help="one case, as the table has it, such as 'N = 1,000'")
    parser.add_argument("--peer", metavar="WAY", help="one way, librex or a peer, such as linopy")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page of documentation")
    return parser


def _named(choice: Choice) -> str:
    asked = (("case", choice.case), ("way", choice.way))
    return " and ".join(f"the {what} {name!r}" for what, name in asked if name is not None)


if __name__ == "__main__":
    main()
