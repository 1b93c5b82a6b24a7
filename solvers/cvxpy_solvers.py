"""Any solver of CVXPY, from a Program, and what is known of each.

Linear rows and whole columns go to all that take them, alpha-fair terms to those with exponential
and power cones. Clarabel has a gateway of its own, `cvxpy_gateway`, which proves more. May import
this package; loads CVXPY when a session first solves.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from solvers.adapter import Adapter, SolverSession
from solvers.capability import Availability, Capability, Readiness
from solvers.cvxpy_gateway import OLDEST_CVXPY, SOLVERS, CvxpyGateway
from solvers.cvxpy_model import CvxpyModel
from solvers.cvxpy_table import KNOWN, Known
from solvers.errors import LicenceError, OptionError, SolverFailure
from solvers.gateway import Reply, open_behind
from solvers.installation import installed
from solvers.option_values import check_native
from solvers.options import SolveOptions
from solvers.outcome import Limit, Status
from solvers.program import Program

# CVXPY's statuses: the claim, or the limit. All others claim nothing.
SETTLED = {
    "optimal": Status.OPTIMAL,
    "infeasible": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "infeasible_or_unbounded": Status.INFEASIBLE_OR_UNBOUNDED,
}
# What is inaccurate is what some solvers of CVXPY have at a limit: Gurobi without a point is
# "infeasible_inaccurate" then.
STOPPED = (
    "user_limit",
    "optimal_inaccurate",
    "infeasible_inaccurate",
    "unbounded_inaccurate",
)


def through_cvxpy(solver: str) -> Adapter:
    """Return the adapter of a solver of CVXPY, its name in any case."""
    name = solver.upper()
    return CvxpyGateway(name) if name in SOLVERS else CvxpySolver(name)


class CvxpySolver:
    """The adapter of a solver that CVXPY reaches.

    Parameters
    ----------
    solver : str
        Its name in CVXPY.
    """

    def __init__(self, solver: str) -> None:
        self.name = f"cvxpy:{solver}"
        self._solver = solver
        self._known = KNOWN.get(solver)
        known = self._known or Known(package="")
        self.capabilities = known.capabilities
        self.tolerance = known.tolerance
        self._settings, self._bound_of = known.settings, known.bound

    def availability(self, probe: bool = False) -> Availability:
        """Return whether CVXPY and the solver are installed; a licence is that of its adapter."""
        cvxpy = installed("cvxpy", OLDEST_CVXPY)
        if not cvxpy.is_ready:
            return cvxpy
        if self._solver == "GUROBI":
            from solvers.gurobi import Gurobi

            return Gurobi().availability(probe)
        if self._known is None:
            return _listed_by_cvxpy(self._solver, cvxpy)
        found = installed(self._known.package, (0, 0))
        sentence = f"{found.sentence}, through CVXPY {cvxpy.version}"
        return Availability(readiness=found.readiness, sentence=sentence, version=found.version)

    def open(self, program: Program) -> SolverSession:
        """Open a session that holds the Program.

        Raises
        ------
        CapabilityError
            If the solver lacks what the Program needs.
        """
        return open_behind(self, program)

    def check_native(self, options: SolveOptions) -> None:
        """Raise OptionError for options the solver does not have, or take, where that is known."""
        known = self._known
        if known is not None and known.names is not None and options.native:
            check_native(self.name, known.names(), known.takes, options)

    def ask(self, program: Program, options: SolveOptions) -> Reply:
        """Solve a Program whose terms, if any, mean weight * V(s).

        Raises
        ------
        LicenceError
            If the program is larger than the licence allows; CVXPY keeps that to itself.
        SolverFailure
            If the solver breaks down.
        """
        self._check_size(program)
        model = CvxpyModel(program)
        settings = self._settings(options, program.has_integers)
        with warnings.catch_warnings():
            # CVXPY warns of what the statuses say.
            warnings.simplefilter("ignore")
            return self._answer(model, settings, options)

    def _answer(self, model: CvxpyModel, settings: dict[str, Any], options: SolveOptions) -> Reply:
        try:
            data, chain, inverse = model.problem.get_problem_data(self._solver, solver_opts={})
            raw = chain.solve_via_data(model.problem, data, False, False, settings)
            if Capability.ROW_DUALS not in self.capabilities and isinstance(raw, dict):
                # Those of SCIP are fewer than there are rows, which CVXPY falls over.
                raw.pop("eq_dual", None)
            solution = chain.invert(raw, inverse)
        # The solvers behind CVXPY raise errors of any class.
        except Exception as error:
            if options.native and isinstance(error, (TypeError, ValueError, KeyError)):
                names = ", ".join(options.native)
                raise OptionError(
                    f"{self.name} does not take its options {names}: {error}"
                ) from error
            raise SolverFailure(f"{self.name} could not solve the program: {error}") from error
        status = str(solution.status)
        return Reply(
            status=SETTLED.get(status),
            limit=_limit_of(options) if status in STOPPED else None,
            point=model.point_of(solution),
            row_dual=model.row_dual_of(solution),
            bound=self._bound(model.program, solution),
            message=f"CVXPY: {status}",
            iterations=_count(solution.attr.get("num_iters")),
        )

    def _check_size(self, program: Program) -> None:
        limit = self.availability().size_limit
        if limit is None:
            return
        # Rows with two sides are two rows for CVXPY, unless they are equations.
        lower, upper = program.row_lower, program.row_upper
        twice = np.isfinite(lower) & np.isfinite(upper) & (lower < upper)
        n_rows = program.n_rows + int(twice.sum())
        too_large = limit.why_too_large(n_rows, program.n_columns, 0)
        if too_large is not None:
            raise LicenceError(f"{self.name}: {too_large}")

    def _bound(self, program: Program, solution: Any) -> float | None:
        """Return the solver's own bound of a whole program, None where it is not passed on."""
        stats = solution.attr.get("solver_specific_stats")
        if not program.has_integers or stats is None:
            return None
        least = self._bound_of(stats)
        if least is None or not np.isfinite(least):
            return None
        # What CVXPY minimises is what we maximise, without the constant.
        sense = -1.0 if program.maximise else 1.0
        return sense * least + program.objective_constant


def _limit_of(options: SolveOptions) -> Limit:
    """Return which limit has stopped a solver, by what was asked for."""
    if options.iteration_limit is not None and options.time_limit_seconds is None:
        return Limit.ITERATIONS
    return Limit.OTHER if options.time_limit_seconds is None else Limit.TIME


def _count(number: Any) -> int:
    return int(number) if isinstance(number, (int, float)) and number > 0 else 0


def _listed_by_cvxpy(solver: str, cvxpy: Availability) -> Availability:
    """Return whether CVXPY itself lists a solver of which nothing is known here."""
    import cvxpy as layer

    listed = layer.installed_solvers()
    if solver in listed:
        sentence = f"{solver}, through CVXPY {cvxpy.version}"
        return Availability(readiness=Readiness.READY, sentence=sentence)
    return Availability(
        readiness=Readiness.NOT_INSTALLED,
        sentence=f"CVXPY has no {solver} here; it has {', '.join(listed)}",
    )
