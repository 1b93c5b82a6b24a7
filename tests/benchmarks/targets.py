"""What Librex is to reach, and why where it does not.

A row that misses its target stays in the table, with its figure and the reason from here.
"""

from dataclasses import dataclass
from typing import Literal

from tests.benchmarks.measuring import LIBREX, Measurement


@dataclass(frozen=True, kw_only=True)
class Target:
    """A limit for a figure of one row of Librex's.

    Parameters
    ----------
    limit : float
    figure : {"ratio", "value"}
        Which figure; a value is in the unit of the row.
    at_least : bool
        Whether more is better.
    """

    limit: float
    figure: Literal["ratio", "value"] = "ratio"
    at_least: bool = False

    def is_met_by(self, measurement: Measurement) -> bool | None:
        """Return whether a row reaches it; None where the row has no such figure."""
        found = measurement.ratio if self.figure == "ratio" else measurement.value
        if found is None:
            return None
        return found >= self.limit if self.at_least else found <= self.limit

    def text(self, unit: str) -> str:
        """Return it as the table shows it."""
        sign = "≥" if self.at_least else "≤"
        of_value = f" {unit}" if self.figure == "value" and unit else ""
        return f"{sign} {self.limit:g}{of_value}"


TARGETS = {
    ("build", "N = 100,000"): Target(limit=2.0),
    ("build", "N = 100,000, new memory"): Target(limit=2.0),
    ("memory", "N = 100,000"): Target(limit=2.0),
    ("growth", "N = 10,000 to 10,000,000"): Target(limit=1.1, figure="value"),
    ("growth", "N = 1,000,000 to 10,000,000"): Target(limit=1.1, figure="value"),
    ("resolve", "N = 1,000"): Target(limit=1.5),
    ("resolve", "N = 10,000"): Target(limit=1.15),
    ("instructions", "N = 1,000"): Target(limit=1.5),
    ("instructions", "N = 10,000"): Target(limit=1.15),
    ("resolve_solvers", "SCIP, N = 1,000"): Target(limit=1.5),
    ("resolve_solvers", "SCIP, N = 10,000"): Target(limit=1.15),
    ("resolve_solvers", "Gurobi, N = 1,000"): Target(limit=1.5),
    ("threads", "N = 10,000"): Target(limit=1.7, figure="value", at_least=True),
    ("learning_round", "N = 1,000"): Target(limit=1.3),
    ("start_up", "import"): Target(limit=1.5),
    ("start_up", "import of a model"): Target(limit=1.5),
    ("start_up", "librex --help"): Target(limit=0.3, figure="value"),
    ("start_up", "librex solve"): Target(limit=1.0, figure="value"),
    ("start_up", "librex solve, 60 jobs"): Target(limit=1.0, figure="value"),
}
"""By benchmark and case."""

REASONS = {
    ("build", "N = 100,000"): "memory is new to a part of the builds, see the next row",
    ("build", "N = 100,000, new memory"): (
        "the system hands out 22 MB of new memory, page by page, where bare HiGHS takes 9: the"
        " scaled program stands beside the copy in HiGHS"
    ),
    ("start_up", "import of a model"): (
        "the arrays are two thirds of it, and the rest is read from a hundred small files"
    ),
    ("resolve_solvers", "Gurobi, N = 1,000"): (
        "as for HiGHS at this size; and Gurobi, which has to call back to hear of interrupts, takes"
        " a tenth longer for that"
    ),
    ("resolve_solvers", "SCIP, N = 1,000"): "as for HiGHS at this size, beside a slower solver",
    ("threads", "N = 10,000"): (
        "both cores have to be free; HiGHS without Librex is slower still in two threads, for its"
        " lists are made under the interpreter's lock"
    ),
    ("resolve", "N = 1,000"): (
        "half of it is HiGHS; the certificate, budgets that hold to the last digit and the update"
        " of the program are calls of numpy that cost the same for few options; in instructions it"
        " is 1.1 times the bare solver"
    ),
    ("learning_round", "N = 1,000"): (
        "as for a re-solve of this size, and the draw of rewards, which the bare way is given"
    ),
    ("start_up", "librex solve, 60 jobs"): (
        "0.3 s of it is HiGHS, which searches among whole decisions until the gap is 1e-6"
    ),
}
"""By benchmark and case: why the target is missed, or may be on another machine."""


def target_of(measurement: Measurement) -> Target | None:
    """Return what a row is to reach; peers have nothing to reach."""
    if measurement.way != LIBREX:
        return None
    return TARGETS.get((measurement.benchmark, measurement.case))


def reason_of(measurement: Measurement) -> str | None:
    """Return why a row misses its target; None if it does not, or has none."""
    target = target_of(measurement)
    if target is None or target.is_met_by(measurement) is not False:
        return None
    return REASONS.get((measurement.benchmark, measurement.case), "not explained yet")
