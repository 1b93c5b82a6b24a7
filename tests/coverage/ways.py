"""How much time tangents take, as a share of a solver's own alpha-fair terms.

``python -m tests.coverage.ways`` solves problems of the matrix both ways and prints what
`librex_models.routes.faster_way` is made from.
"""

import argparse
import itertools
import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.coverage.cells import FAMILIES, KINDS, Cell

SOLVERS = ("scip", "gurobi")
ROUTES = ("plain", "outer_approximation")
LINEAR = ("BudgetOnly", "MaxMin")
MOST_TERMS = (5, 12, 25, math.inf)
MOST_OPTIONS = 60
SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One problem, by a solver's own terms and under tangents.

    Parameters
    ----------
    solver, kind : str
    is_steep : bool
        Whether alpha is above 5.
    n_terms : int
    seconds : tuple of two floats
        Of the processor.
    is_proven : tuple of two bools
        Whether the gap that was asked for was reached.
    """

    solver: str
    kind: str
    is_steep: bool
    n_terms: int
    seconds: tuple[float, float]
    is_proven: tuple[bool, bool]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of all problems with so many seeds."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage.ways", description=__doc__)
    parser.add_argument("--problems", type=int, default=10, metavar="N")
    options = parser.parse_args(arguments)
    print(table(compared(range(options.problems))))
    return 0


def compared(seeds: Iterable[int]) -> Iterator[Compared]:
    """Solve problems both ways; whole single choices have a linear program, and are left out."""
    families = [family for family in FAMILIES if family not in LINEAR]
    for seed, kind, family, solver in itertools.product(seeds, KINDS, families, SOLVERS):
        if kind == "whole" and family.startswith("AlphaFair"):
            continue
        cell = Cell(family=family, kind=kind, solver=solver)
        model = cell.model(seed, MOST_OPTIONS)
        seconds, is_proven = [], []
        for route in ROUTES:
            start = time.process_time()
            allocation = model.solve(
                solver=solver, route=route, relative_gap=cell.gap, time_limit_seconds=SECONDS
            )
            seconds.append(time.process_time() - start)
            is_proven.append(allocation.gap <= cell.gap)
        yield Compared(
            solver=solver,
            kind="whole" if kind == "several options" else kind,
            is_steep=family.endswith(" 10"),
            n_terms=len(model.question().grouping),
            seconds=(seconds[0], seconds[1]),
            is_proven=(is_proven[0], is_proven[1]),
        )


def table(every: Iterable[Compared]) -> str:
    """Return the median of ratios for each kind, alpha and number of terms."""
    rows: dict[tuple[str, bool, float], dict[str, list[Compared]]] = {}
    for one in every:
        most = next(most for most in MOST_TERMS if one.n_terms <= most)
        solvers = rows.setdefault((one.kind, one.is_steep, most), defaultdict(list))
        solvers[one.solver].append(one)
    lines = [f"| decisions | alpha | terms | {' | '.join(SOLVERS)} |", "|---|---|---|---|---|"]
    for kind, is_steep, most in sorted(rows):
        texts = [_text(rows[kind, is_steep, most][solver]) for solver in SOLVERS]
        terms = f"up to {most}" if math.isfinite(most) else f"above {MOST_TERMS[-2]}"
        alpha = "10" if is_steep else "up to 2"
        lines.append(f"| {kind} | {alpha} | {terms} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _text(found: Sequence[Compared]) -> str:
    if not found:
        return ""
    ratio = statistics.median(one.seconds[1] / one.seconds[0] for one in found)
    native, tangents = (sum(one.is_proven[way] for one in found) for way in (0, 1))
    return f"{ratio:.2f} ({native} and {tangents} of {len(found)})"


if __name__ == "__main__":
    sys.exit(main())
