"""What each solver could do with a model, as a table and as what JSON can hold."""

from __future__ import annotations

from typing import Any

from librex_models.analysis.solver_plans import Plan
from librex_models.report.tables import Part, Table
from librex_models.routes.planning import SolverPlan


def plan_report(plan: Plan) -> list[Part]:
    """Return one row a solver, the best first, and who would be taken."""
    return [
        Table(
            title="What each solver could do",
            columns=(
                "solver",
                "solves it",
                "route",
                "rows",
                "columns",
                "entries",
                "here",
                "why",
            ),
            rows=[
                (
                    one.solver,
                    one.exactness.value,
                    one.route or None,
                    one.n_rows,
                    one.n_columns,
                    one.n_entries,
                    None if one.readiness is None else one.readiness.value,
                    one.why,
                )
                for one in plan.solvers
            ],
        ),
        plan.sentence,
    ]


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the same as a dictionary: ``solvers``, ``chosen`` (a name or None) and ``why``."""
    return {
        "solvers": [_solver_json(one) for one in plan.solvers],
        "chosen": None if plan.chosen is None else plan.chosen.solver,
        "why": plan.sentence,
    }


def _solver_json(one: SolverPlan) -> dict[str, Any]:
    return {
        "solver": one.solver,
        "exactness": one.exactness.name,
        "route": one.route or None,
        "rows": one.n_rows,
        "columns": one.n_columns,
        "entries": one.n_entries,
        "readiness": None if one.readiness is None else one.readiness.name,
        "why": one.why,
    }
