"""Solve every family on a small cluster, print who gets what with its proof, and do it again.

The problem stands in cluster.toml and jobs.csv beside this file. Every model is solved from its
arrays form, from its Pyomo form and from its CVXPY form. Exit status 1 if the answers differ by
more than the gap asked for, or if one of them is not proven.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import librex_models as lm
from librex_models.report.side_by_side import side_by_side_report
from librex_models.report.tables import Part, Table, option_table
from librex_models.report.text import write_report
from librex_models.verification import relative_gap

PROBLEM = Path(__file__).resolve().parent / "cluster.toml"
RELATIVE_GAP = 1e-6
FORMS = ("arrays", "pyomo", "cvxpy")
SHOWN, MOST_ROWS = "alpha-fair 0.5, whole", 15


def main() -> int:
    """Print the demo and return the exit status."""
    start = time.perf_counter()
    problem = lm.read_problem(PROBLEM)
    models = models_of(problem)
    show(
        f"The problem of {PROBLEM.name}: {problem}",
        f"Solving {len(models)} models, each declared as {', '.join(FORMS)} ...",
    )
    answers, *others = ({name: solved(models[name], form) for name in models} for form in FORMS)
    shown = answers[SHOWN]
    show(
        f"One of the answers, {SHOWN}. {shown.certificate.sentence}",
        option_table(shown, MOST_ROWS),
        *side_by_side_report(answers),
    )
    agree = {name: all(is_same(answers[name], other[name]) for other in others) for name in models}
    proven = sum(one.verdict is lm.Verdict.OPTIMAL for one in answers.values())
    show(
        forms_table([answers, *others], agree),
        f"{proven} of {len(answers)} answers are proven to be within {RELATIVE_GAP:g} of the best; "
        f"{sum(agree.values())} of {len(agree)} are equal in all {len(FORMS)} forms. "
        f"{len(models) * len(FORMS)} solves in {time.perf_counter() - start:.1f} s.",
    )
    return 0 if all(agree.values()) and proven == len(answers) else 1


def models_of(whole: lm.AllocationProblem) -> dict[str, lm.Model]:
    """Return the models by name: first with fractional, then with whole decisions."""
    fractional = whole.replace(integer=False)
    return {
        "budget-only": lm.BudgetOnly(fractional),
        "proportional": lm.Proportional(fractional),
        "max-min": lm.MaxMin(fractional, lexicographic=False),
        "alpha-fair 0.5": lm.AlphaFair(fractional, alpha=0.5),
        "alpha-fair 2": lm.AlphaFair(fractional, alpha=2.0),
        "group alpha-fair 0.5": lm.GroupAlphaFair(fractional, alpha=0.5),
        "group alpha-fair 2": lm.GroupAlphaFair(fractional, alpha=2.0),
        "budget-only, whole": lm.BudgetOnly(whole),
        "max-min, whole": lm.MaxMin(whole, lexicographic=False),
        SHOWN: lm.AlphaFair(whole, alpha=0.5),
    }


def solved(model: lm.Model, form: str) -> lm.Allocation:
    """Return the allocation of a model that is declared in one form."""
    return model.solve(form=form, relative_gap=RELATIVE_GAP)


def is_same(one: lm.Allocation, other: lm.Allocation) -> bool:
    """Return whether two answers have the same verdict, value and bound, within the gap."""
    first, second = one.certificate, other.certificate
    if one.verdict is not other.verdict or one.has_point is not other.has_point:
        return False
    if not one.has_point:
        return True
    # Each value is within the gap of the best, and so is each bound.
    return (
        relative_gap(first.value, second.value) <= RELATIVE_GAP
        and relative_gap(first.bound, second.bound) <= RELATIVE_GAP
    )


def forms_table(by_form: list[dict[str, lm.Allocation]], agree: Mapping[str, bool]) -> Table:
    """Return the welfare of every form side by side."""
    rows = []
    for name, same in agree.items():
        found = [answers[name] for answers in by_form]
        welfare = [one.objective if one.has_point else None for one in found]
        rows.append((name, *welfare, "equal" if same else "DIFFERENT"))
    return Table(
        title="Welfare, by the form in which the model was declared",
        columns=("", *FORMS, "answers"),
        rows=rows,
        note=f"equal: the same verdict, and equivalent utility and bound within {RELATIVE_GAP:g}.",
    )


def show(*parts: Part) -> None:
    """Print parts of the report at once, while the next are computed."""
    write_report(parts, sys.stdout)
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
