"""Which solvers there are, whether they can be used here, and what they can do."""

from __future__ import annotations

from typing import Any

import solvers
from librex_models.report.tables import Part, Table


def solver_list() -> list[dict[str, Any]]:
    """Return one dictionary a solver, made of texts, truth values and lists.

    Returns
    -------
    list of dict
        ``name``; ``readiness``, ``is_ready`` and ``sentence``: whether it can be used here, and
        why not; ``version``, None where it is not known; ``capabilities``.
    """
    found = []
    for name in solvers.names():
        availability = solvers.availability(name)
        found.append(
            {
                "name": name,
                "readiness": availability.readiness.name,
                "is_ready": availability.is_ready,
                "sentence": availability.sentence,
                "version": availability.version or None,
                "capabilities": sorted(one.name for one in solvers.capabilities(name)),
            }
        )
    return found


def solver_report() -> list[Part]:
    """Return the same as two tables: readiness, and one row a capability."""
    names = solvers.names()
    available = {name: solvers.availability(name) for name in names}
    can = {name: solvers.capabilities(name) for name in names}
    return [
        Table(
            title="Solvers",
            columns=("solver", "readiness", "version", "says"),
            rows=[
                (name, one.readiness.value, one.version, one.sentence)
                for name, one in available.items()
            ],
        ),
        Table(
            title="What they can do",
            columns=("", *names),
            rows=[
                (one.value, *("yes" if one in can[name] else "-" for name in names))
                for one in solvers.Capability
            ],
        ),
    ]
