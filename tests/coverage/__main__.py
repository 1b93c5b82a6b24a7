"""Solve random problems of every cell, print the matrix, and write it as a page."""

import argparse
import importlib.metadata
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.coverage.cells import FAMILIES, FRACTIONAL_ONLY, KINDS, SOLVERS, Cell
from tests.coverage.checks import checked

PROBLEMS, MOST_OPTIONS = 50, 60
PACKAGES = ("highspy", "pyscipopt", "gurobipy", "clarabel", "cvxpy", "numpy", "scipy")
HEAD = """# What every solver solves

Made by `make matrix`. Each cell is {problems} random problems of {fewest} to {most} options, solved
to a proven relative gap of 1e-6 (fractional) or 1e-4 (whole, several options an agent, mixed), and
compared with enumeration or another solver; every certificate is verified. A cell says how many are
right, the largest proven gap and the median of seconds. Native terms above alpha 5, on SCIP and
Gurobi, are held to a gap of 1e-3.

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells that the command line names; 1 if any problem is in trouble."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--problems", type=int, default=PROBLEMS, metavar="N")
    parser.add_argument("--most", type=int, default=MOST_OPTIONS, metavar="N", help="options")
    parser.add_argument("--family", action="append", choices=list(FAMILIES), metavar="NAME")
    parser.add_argument("--solver", action="append", choices=SOLVERS, metavar="NAME")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page")
    options = parser.parse_args(arguments)
    solvers = options.solver or SOLVERS
    lines, troubles = [], []
    for family in options.family or FAMILIES:
        for kind in KINDS:
            texts = []
            for solver in solvers:
                if kind != "fractional" and solver in FRACTIONAL_ONLY:
                    texts.append("")
                    continue
                cell = Cell(family=family, kind=kind, solver=solver)
                text, found = _run(cell, options.problems, options.most)
                texts.append(text)
                troubles += found
            lines.append(f"| {family} | {kind} | {' | '.join(texts)} |")
            print(lines[-1], flush=True)
    print("\n".join(troubles), file=sys.stderr)
    if options.write is not None:
        head = HEAD.format(problems=options.problems, fewest=5, most=options.most)
        options.write.write_text(head + _page(lines, solvers))
    return 1 if troubles else 0


def _run(cell: Cell, problems: int, most_options: int) -> tuple[str, list[str]]:
    """Return what stands in a cell, and the troubles."""
    found = [checked(cell, seed, most_options) for seed in range(problems)]
    troubles = [
        f"{cell.family}, {cell.kind}, {cell.solver}, problem {seed}: {one.trouble}"
        for seed, one in enumerate(found)
        if one.trouble
    ]
    gap = max(one.gap for one in found)
    seconds = statistics.median(one.seconds for one in found)
    return f"{problems - len(troubles)} of {problems}, {gap:.0e}, {seconds:.2f} s", troubles


def _page(lines: list[str], solvers: Sequence[str]) -> str:
    names = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    head = f"| family | decisions | {' | '.join(solvers)} |\n|---|---|{'---|' * len(solvers)}\n"
    return f"{', '.join(names)}.\n\n{head}" + "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
