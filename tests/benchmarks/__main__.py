"""Run all benchmarks, or those that are named, and print how Librex compares with the bare way."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import build, layer, learning_round, resolve, start_up, write
from tests.benchmarks.choice import Choice
from tests.benchmarks.measuring import Measurement, machine
from tests.benchmarks.table import table

Run = Callable[[Choice], list[Measurement]]

# A benchmark is a file with a function `run`, which returns the rows that are chosen. Rows that
# it returns beside those are left out.
BENCHMARKS: dict[str, Run] = {
    "start_up": start_up.run,
    "build": build.run,
    "resolve": resolve.run,
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
    measurements: list[Measurement] = []
    for name in options.names or BENCHMARKS:
        found = BENCHMARKS[name](choice)
        measurements += [one for one in found if choice.takes(one.case, one.way)]
    if not measurements:
        parser.error(f"no row has {_named(choice)}")
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(table(measurements))
    if options.json is not None:
        rows = [asdict(one) | {"ratio": one.ratio} for one in measurements]
        options.json.write_text(json.dumps({"machine": about, "measurements": rows}, indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--case", help="one case, as the table has it, such as 'N = 1,000'")
    parser.add_argument("--peer", metavar="WAY", help="one way, librex or a peer, such as linopy")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file")
    return parser


def _named(choice: Choice) -> str:
    asked = (("case", choice.case), ("way", choice.way))
    return " and ".join(f"the {what} {name!r}" for what, name in asked if name is not None)


if __name__ == "__main__":
    main()
