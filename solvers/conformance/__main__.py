"""Run the suite: ``python -m solvers.conformance NAME... [--only WORDS] [--write FILE]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from solvers.conformance.page import page
from solvers.conformance.running import run
from solvers.errors import CapabilityError


def main(arguments: list[str]) -> int:
    """Run the suite on the solvers that are named, print what came of it, return the status."""
    parser = argparse.ArgumentParser(
        prog="python -m solvers.conformance", description="Check adapters of solvers."
    )
    parser.add_argument("solver", nargs="+", help="a name of solvers.names()")
    parser.add_argument("--only", default="", help="words that a case or its subject has to hold")
    parser.add_argument("--write", type=Path, help="write the page of the reference there")
    asked = parser.parse_args(arguments)
    try:
        reports = [run(name, asked.only) for name in asked.solver]
    except CapabilityError as error:
        print(error, file=sys.stderr)
        return 2
    for report in reports:
        print(report)
    if asked.write is not None:
        asked.write.write_text(page(reports), encoding="utf-8")
    return 0 if all(report.has_passed for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
