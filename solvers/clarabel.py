"""Clarabel: its settings, and a run on the cones that CVXPY makes.

Goulart & Chen (2024), Clarabel, arXiv:2405.12762. May import the options of this package; loads
Clarabel when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from solvers.errors import OptionError
from solvers.options import SolveOptions, unknown_option

# What it costs nothing to reach, and what an almost solved program has to reach.
TIGHT = 1e-10
LOOSE = 1e-8
# Ways of going about a hard task: slower, the later ones get through where the defaults, 0.99 and
# 0.8, are stuck.
MANNERS: tuple[dict[str, float], ...] = (
    {},
    {"max_step_fraction": 0.9},
    {"max_step_fraction": 0.9, "linesearch_backtrack_step": 0.5},
)


def check(name: str, options: SolveOptions) -> None:
    """Raise OptionError for options that Clarabel, which the caller knows by `name`, lacks."""
    import clarabel

    for unknown in ("node_limit", "solution_limit", "memory_limit_mb", "start"):
        if getattr(options, unknown) is not None:
            raise OptionError(f"{name} has no {unknown}: leave it out")
    settings = clarabel.DefaultSettings()
    words = [word for word in dir(settings) if not word.startswith("_")]
    known = [word for word in words if not callable(getattr(settings, word))]
    for option, value in options.native.items():
        if option not in known:
            raise unknown_option(name, option, known)
        try:
            setattr(settings, option, value)
        except (TypeError, ValueError, OverflowError) as error:
            message = f"Clarabel does not take {value!r} for its option {option!r}"
            raise OptionError(message) from error
        _check_value(settings, option, value)


# The types are those of Clarabel.
def _check_value(settings: Any, option: str, value: Any) -> None:
    """Raise OptionError where Clarabel refuses a value when it is handed a program."""
    import clarabel

    one, nothing = sparse.csc_matrix([[1.0]]), sparse.csc_matrix((1, 1))
    try:
        clarabel.DefaultSolver(
            nothing, np.ones(1), one, np.ones(1), [clarabel.NonnegativeConeT(1)], settings
        )
    # Clarabel raises nothing more special.
    except Exception as error:
        raise OptionError(
            f"Clarabel does not take {value!r} for its option {option!r}: {error}"
        ) from error


def settings(
    options: SolveOptions, manner: int, iterations: int | None, seconds: float | None
) -> dict[str, Any]:
    """Return Clarabel's settings, with these iterations and seconds left."""
    loose = max(TIGHT, min(options.relative_gap, 1e-6))
    written: dict[str, Any] = {
        "verbose": options.log is not None,
        "max_threads": options.threads,
        **dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), TIGHT),
        "reduced_tol_gap_abs": loose,
        "reduced_tol_gap_rel": loose,
        "reduced_tol_feas": LOOSE,
        **MANNERS[manner],
    }
    if iterations is not None:
        written["max_iter"] = iterations
    if seconds is not None:
        written["time_limit"] = seconds
    return written | dict(options.native)


def run(
    data: Any, settings: dict[str, Any], is_interrupted: Callable[[], bool]
) -> tuple[Any, list[str]]:
    """Solve CVXPY's cones; CVXPY's own call takes no function that stops it."""
    import clarabel
    from cvxpy.reductions.solvers.conic_solvers.clarabel_conif import dims_to_solver_cones

    native = clarabel.DefaultSettings()
    for name, value in settings.items():
        setattr(native, name, value)
    n_columns = len(data["c"])
    quadratic = sparse.csc_array((n_columns, n_columns))
    cones = dims_to_solver_cones(data["dims"])
    solver = clarabel.DefaultSolver(quadratic, data["c"], data["A"], data["b"], cones, native)
    if native.verbose:
        solver.print_to_buffer()
    solver.set_termination_callback(lambda _: is_interrupted())
    raw = solver.solve()
    return raw, solver.get_print_buffer().splitlines() if native.verbose else []
