"""Solve random problems of every cell, print the matrix, and write it as a page."""

import argparse
import importlib.metadata
import itertools
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.coverage.cells import (
    FAMILIES,
    FEWEST_OPTIONS,
    FRACTIONAL_ONLY,
    KINDS,
    NESTED,
    NESTED_OPTIONS,
    NESTED_PROBLEMS,
    SOLVERS,
    Cell,
)
from tests.coverage.checks import checked

PROBLEMS, MOST_OPTIONS = 50, 60
PACKAGES = ("highspy", "pyscipopt", "gurobipy", "clarabel", "cvxpy", "numpy", "scipy")
HEAD = """# What every solver solves

Made by `make matrix`. Each cell is {problems} random problems of {fewest} to {most} options, solved
to a proven relative gap of 1e-6 (fractional) or 1e-4 (whole, several options an agent, mixed), and
compared with enumeration or another solver; every certificate is verified. A cell says how many are
right, the largest proven gap and the median of seconds of the wall clock. Every solver goes the way
that its plan takes; where SCIP and Gurobi keep terms of their own above alpha 5, a gap of 1e-3 is
enough. Of nested families, {nested} problems of up to {nested_most} options.

"""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found for the problems of a cell.

    Parameters
    ----------
    family, kind, solver : str
    problems, most_options : int
    right : int
        How many problems have nothing wrong.
    gap, seconds : float
        The largest and the median.
    troubles : sequence of str
    """

    family: str
    kind: str
    solver: str
    problems: int
    most_options: int
    right: int
    gap: float
    seconds: float
    troubles: Sequence[str]

    @property
    def text(self) -> str:
        """What stands in the page."""
        return f"{self.right} of {self.problems}, {self.gap:.0e}, {self.seconds:.2f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells that the command line names; 1 if any problem is in trouble."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--problems", type=int, default=PROBLEMS, metavar="N")
    parser.add_argument("--most", type=int, default=MOST_OPTIONS, metavar="N", help="options")
    parser.add_argument("--family", action="append", choices=list(FAMILIES), metavar="NAME")
    parser.add_argument("--kind", action="append", choices=KINDS, metavar="NAME")
    parser.add_argument("--solver", action="append", choices=SOLVERS, metavar="NAME")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="add what is found; cells in it are not run again"
    )
    options = parser.parse_args(arguments)
    solvers, kinds = options.solver or SOLVERS, options.kind or KINDS
    known = _kept(options.keep, options.problems, options.most)
    lines: list[str] = []
    troubles: list[str] = []
    for family, kind in itertools.product(options.family or FAMILIES, kinds):
        texts = []
        for solver in solvers:
            if kind != "fractional" and solver in FRACTIONAL_ONLY:
                texts.append("")
                continue
            cell = Cell(family=family, kind=kind, solver=solver)
            found = known.get(cell) or _run(cell, *_sizes(family, options.problems, options.most))
            if options.keep is not None and cell not in known:
                with options.keep.open("a") as file:
                    file.write(json.dumps(asdict(found)) + "\n")
            texts.append(found.text)
            troubles += found.troubles
        lines.append(f"| {family} | {kind} | {' | '.join(texts)} |")
        print(lines[-1], flush=True)
    print("\n".join(troubles), file=sys.stderr)
    if options.write is not None:
        nested, nested_most = _sizes(NESTED[0], options.problems, options.most)
        head = HEAD.format(
            problems=options.problems,
            fewest=FEWEST_OPTIONS,
            most=options.most,
            nested=nested,
            nested_most=nested_most,
        )
        options.write.write_text(head + _page(lines, solvers, troubles))
    return 1 if troubles else 0


def _kept(path: Path | None, problems: int, most_options: int) -> dict[Cell, Found]:
    """Return the cells of a file whose problems are as many and as large."""
    if path is None or not path.exists():
        return {}
    every = [Found(**json.loads(line)) for line in path.read_text().splitlines()]
    return {
        Cell(family=found.family, kind=found.kind, solver=found.solver): found
        for found in every
        if (found.problems, found.most_options) == _sizes(found.family, problems, most_options)
    }


def _sizes(family: str, problems: int, most_options: int) -> tuple[int, int]:
    """Return how many problems of a family, and of how many options at most."""
    if family not in NESTED:
        return problems, most_options
    return min(problems, NESTED_PROBLEMS), min(most_options, NESTED_OPTIONS)


def _run(cell: Cell, problems: int, most_options: int) -> Found:
    """Solve the problems of a cell."""
    found = [checked(cell, seed, most_options) for seed in range(problems)]
    troubles = [
        f"{cell.family}, {cell.kind}, {cell.solver}, problem {seed}: {one.trouble}"
        for seed, one in enumerate(found)
        if one.trouble
    ]
    return Found(
        family=cell.family,
        kind=cell.kind,
        solver=cell.solver,
        problems=problems,
        most_options=most_options,
        right=problems - len(troubles),
        gap=max(one.gap for one in found),
        seconds=statistics.median(one.seconds for one in found),
        troubles=troubles,
    )


def _page(lines: Sequence[str], solvers: Sequence[str], troubles: Sequence[str]) -> str:
    names = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    head = f"| family | decisions | {' | '.join(solvers)} |\n|---|---|{'---|' * len(solvers)}\n"
    short = "".join(f"- {trouble}\n" for trouble in troubles)
    page = f"{', '.join(names)}.\n\n{head}" + "".join(f"{line}\n" for line in lines)
    return f"{page}\nWhat falls short:\n\n{short}" if short else page


if __name__ == "__main__":
    sys.exit(main())
