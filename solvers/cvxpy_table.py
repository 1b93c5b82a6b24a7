"""What is known of the solvers that CVXPY reaches. May import this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from solvers.capability import Capability
from solvers.option_names import names_of_gurobi, names_of_highs, names_of_scip
from solvers.option_values import (
    Takes,
    gurobi_takes,
    highs_takes,
    osqp_takes,
    scip_takes,
    scipy_takes,
)
from solvers.options import LONGEST_SECONDS, SolveOptions

LINEAR = frozenset({Capability.ROW_DUALS})
SIMPLEX = LINEAR | {Capability.WHOLE, Capability.PRECISE, Capability.TIME_LIMIT}
CONES = LINEAR | {Capability.ALPHA_FAIR_TERMS}

# What first-order solvers are asked for; they are slower the tighter it is.
FIRST_ORDER = 1e-9
MOST_ITERATIONS = 100_000


def _nothing(options: SolveOptions, is_whole: bool) -> dict[str, Any]:  # noqa: ARG001
    """Return the options of a solver of which nothing is known: its own."""
    return dict(options.native)


def _no_bound(stats: Any) -> float | None:  # noqa: ARG001
    """Return nothing: most solvers' bounds are not passed on."""
    return None


def _bound_of_highs(stats: Any) -> float | None:
    return float(stats.mip_dual_bound)


def _bound_of_scipy(stats: Any) -> float | None:
    return float(stats["mip_dual_bound"]) if "mip_dual_bound" in stats else None


def _bound_of_gurobi(stats: Any) -> float | None:
    # A model that Gurobi did not run on has none.
    bound = getattr(stats, "ObjBound", None)
    return None if bound is None else float(bound)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a solver of CVXPY.

    Parameters
    ----------
    package : str
        The package it comes in.
    capabilities : frozenset of Capability
    settings : callable of SolveOptions and whether there are whole columns
        Returns what CVXPY hands over to the solver.
    names : callable or None
        Returns the names of the solver's own options; None where they are not known, and the solver
        itself has to refuse wrong ones.
    takes : callable or None
        Which values it takes for them; None where it refuses wrong ones itself.
    bound : callable of what CVXPY passes on of the solver
        Returns the solver's bound of the minimised objective of a whole program.
    tolerance : float
        By how much it may break a row that belongs to an alpha-fair term.
    """

    package: str
    capabilities: frozenset[Capability] = LINEAR
    settings: Callable[[SolveOptions, bool], dict[str, Any]] = _nothing
    names: Callable[[], Iterable[str]] | None = None
    takes: Takes | None = None
    bound: Callable[[Any], float | None] = _no_bound
    tolerance: float = 1e-7


def _highs(options: SolveOptions, is_whole: bool) -> dict[str, Any]:
    # Not the threads: HiGHS refuses to run with others than it first ran with in a process.
    written: dict[str, Any] = {"random_seed": _seed(options)}
    if is_whole:
        written |= {"mip_rel_gap": options.relative_gap, "mip_abs_gap": options.absolute_gap}
    return written | _seconds("time_limit", options) | dict(options.native)


def _gurobi(options: SolveOptions, is_whole: bool) -> dict[str, Any]:
    from solvers.gurobi_native import new_environment
    from solvers.gurobi_options import MOST_THREADS, UNLIMITED

    threads = min(options.threads, MOST_THREADS)
    seed = options.seed % (UNLIMITED + 1)
    written: dict[str, Any] = {"Threads": threads, "Seed": seed}
    if is_whole:
        written |= {"MIPGap": options.relative_gap, "MIPGapAbs": options.absolute_gap}
    silent = {"env": new_environment()}
    return written | _seconds("TimeLimit", options) | dict(options.native) | silent


def _scip(options: SolveOptions, is_whole: bool) -> dict[str, Any]:  # noqa: ARG001
    # Not the gap: CVXPY takes the optimum of a gap for that of a limit.
    written: dict[str, Any] = {"randomization/randomseedshift": _seed(options)}
    return {"scip_params": written | _seconds("limits/time", options) | dict(options.native)}


def _scipy(options: SolveOptions, is_whole: bool) -> dict[str, Any]:
    written = {"mip_rel_gap": options.relative_gap} if is_whole else {}
    return {"scipy_options": written | _seconds("time_limit", options) | dict(options.native)}


def _scs(options: SolveOptions, is_whole: bool) -> dict[str, Any]:  # noqa: ARG001
    written = {"eps_abs": FIRST_ORDER, "eps_rel": FIRST_ORDER}
    return (
        written
        | {"max_iters": _iterations(options)}
        | _seconds("time_limit_secs", options)
        | dict(options.native)
    )


def _osqp(options: SolveOptions, is_whole: bool) -> dict[str, Any]:  # noqa: ARG001
    written: dict[str, Any] = {"eps_abs": FIRST_ORDER, "eps_rel": FIRST_ORDER}
    # Adapted by count, not by time, for the same answer every time.
    written |= {"max_iter": _iterations(options), "adaptive_rho_interval": 50}
    return written | _seconds("time_limit", options) | dict(options.native)


def _iterations(options: SolveOptions) -> int:
    limit = options.iteration_limit
    return MOST_ITERATIONS if limit is None else max(1, limit)


def _seconds(name: str, options: SolveOptions) -> dict[str, Any]:
    limit = options.time_limit_seconds
    return {} if limit is None or limit > LONGEST_SECONDS else {name: limit}


def _seed(options: SolveOptions) -> int:
    return options.seed % 2**31


def _names_of_scipy() -> Iterable[str]:
    return (
        "method",
        "maxiter",
        "disp",
        "presolve",
        "time_limit",
        "dual_feasibility_tolerance",
        "primal_feasibility_tolerance",
        "ipm_optimality_tolerance",
        "simplex_dual_edge_weight_strategy",
        "mip_rel_gap",
        "node_limit",
    )


def _names_of_osqp() -> Iterable[str]:
    import osqp

    return [name for name in dir(osqp.OSQP().ext.OSQPSettings) if not name.startswith("_")]


SEED, ITERATIONS = Capability.DETERMINISTIC_SEED, Capability.ITERATION_LIMIT
TIME, THREADS = Capability.TIME_LIMIT, Capability.THREADS

KNOWN = {
    "SCS": Known(
        package="scs",
        capabilities=CONES | {TIME, ITERATIONS, SEED},
        settings=_scs,
        tolerance=1e-6,
    ),
    "OSQP": Known(
        package="osqp",
        capabilities=LINEAR | {TIME, ITERATIONS, SEED},
        settings=_osqp,
        names=_names_of_osqp,
        takes=osqp_takes,
    ),
    "HIGHS": Known(
        package="highspy",
        capabilities=SIMPLEX | {SEED},
        settings=_highs,
        names=names_of_highs,
        takes=highs_takes,
        bound=_bound_of_highs,
    ),
    "SCIPY": Known(
        package="scipy",
        capabilities=SIMPLEX | {SEED},
        settings=_scipy,
        names=_names_of_scipy,
        takes=scipy_takes,
        bound=_bound_of_scipy,
    ),
    "SCIP": Known(
        package="pyscipopt",
        capabilities=(SIMPLEX | {SEED}) - {Capability.ROW_DUALS},
        settings=_scip,
        names=names_of_scip,
        takes=scip_takes,
    ),
    "GUROBI": Known(
        package="gurobipy",
        capabilities=SIMPLEX | {SEED, THREADS},
        settings=_gurobi,
        names=names_of_gurobi,
        takes=gurobi_takes,
        bound=_bound_of_gurobi,
    ),
    "MOSEK": Known(package="mosek", capabilities=CONES | {Capability.WHOLE, Capability.PRECISE}),
    "CPLEX": Known(package="cplex", capabilities=LINEAR | {Capability.WHOLE, Capability.PRECISE}),
    "XPRESS": Known(package="xpress", capabilities=LINEAR | {Capability.WHOLE, Capability.PRECISE}),
    "COPT": Known(package="coptpy", capabilities=LINEAR | {Capability.WHOLE, Capability.PRECISE}),
    "GLPK": Known(package="cvxopt", capabilities=LINEAR | {Capability.PRECISE}),
    "GLPK_MI": Known(package="cvxopt", capabilities=LINEAR | {Capability.WHOLE}),
    "CBC": Known(package="cylp", capabilities=LINEAR | {Capability.WHOLE}),
}
"""What is known of the solvers of CVXPY, by their names there; of others it is assumed that they
solve linear programs."""
