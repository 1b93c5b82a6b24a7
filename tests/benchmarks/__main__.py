"""Run all benchmarks, or those that are named, and print how Librex compares with the bare way."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import build, layer, learning_round, resolve, start_up, write
from tests.benchmarks.measuring import Measurement, machine, table

BENCHMARKS: dict[str, Callable[[], list[Measurement]]] = {
    "build": build.run,
    "layer": layer.run,
    "learning_round": learning_round.run,
    "resolve": resolve.run,
    "start_up": start_up.run,
    "write": write.run,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}, only {', '.join(BENCHMARKS)}")
    measurements = [
        measurement for name in options.names or BENCHMARKS for measurement in BENCHMARKS[name]()
    ]
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(table(measurements))
    if options.json is not None:
        rows = [asdict(measurement) | {"ratio": measurement.ratio} for measurement in measurements]
        options.json.write_text(json.dumps({"machine": about, "measurements": rows}, indent=2))


if __name__ == "__main__":
    main()
