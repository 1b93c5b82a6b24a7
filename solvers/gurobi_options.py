"""The options of Gurobi: the common ones under its names, its own as they are.

May import the native Gurobi objects, options and errors of this package.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from solvers.errors import OptionError
from solvers.gurobi_native import native
from solvers.options import SolveOptions, unknown_option
from solvers.program import Program, begins_steeply

UNLIMITED = 2_000_000_000
MEGABYTES_PER_GIGABYTE = 1000.0
MOST_THREADS = 1024
# Gurobi takes whole numbers 1e-5 and rows 1e-6 off, too much beside large coefficients.
# With 1e-9, its smallest, one in a hundred programs with terms has a wrong optimum.
TOLERANCE, TOLERANCE_OF_TERMS = 1e-7, 1e-8
# Names that getParamInfo takes and that set nothing on a model, or that print.
NOT_FOR_MODELS = ("logtoconsole", "outputflag")


class WrittenOptions:
    """The options of one Gurobi model, which keeps them from run to run.

    Parameters
    ----------
    model : Gurobi model
    """

    # The type is that of gurobipy.
    def __init__(self, model: Any) -> None:
        self._model = model
        self._written: dict[str, tuple[type, Any]] | None = None

    def write(self, program: Program, options: SolveOptions) -> None:
        """Write the options for a run, if they are others; all else has its default again.

        Raises
        ------
        OptionError
            If Gurobi has no such option, or does not take its value.
        """
        wanted = _common(program, options)
        for name, value in options.native.items():
            known = _known_name(self._model, name)
            if known.lower() in NOT_FOR_MODELS:
                raise OptionError(f"{known} is not for callers: use log")
            wanted[known] = value
        has_log = options.log is not None
        # With their types: what Gurobi does not take may equal what it does.
        asked = {name: (type(value), value) for name, value in (wanted | {"": has_log}).items()}
        if asked == self._written:
            return
        self._written = None
        # Gurobi reports each change of a parameter to its log, which is off while it does.
        self._model.setParam("OutputFlag", 0)
        self._model.resetParams()
        for name, value in {"OutputFlag": 0, "LogToConsole": 0, **wanted}.items():
            write_option(self._model, name, value)
        self._model.setParam("OutputFlag", int(has_log))
        self._written = asked


# The types are those of gurobipy.
def write_option(model: Any, name: str, value: Any) -> None:
    """Write one option to a model of Gurobi.

    Raises
    ------
    OptionError
        If Gurobi does not take its value.
    """
    try:
        # gurobipy cuts the fraction of a number off.
        if model.getParamInfo(name)[1] is int:
            value = operator.index(value)
        model.setParam(name, value)
    except (native().GurobiError, TypeError, ValueError, OverflowError) as error:
        raise OptionError(
            f"Gurobi does not take {value!r} for its option {name!r}: {error}"
        ) from error


def _common(program: Program, options: SolveOptions) -> dict[str, Any]:
    """Return the common options under the names of Gurobi."""
    tolerance = TOLERANCE if program.terms is None else TOLERANCE_OF_TERMS
    wanted: dict[str, Any] = {
        "MIPGap": float(options.relative_gap),
        "MIPGapAbs": float(options.absolute_gap),
        "Threads": min(options.threads, MOST_THREADS),
        "Seed": options.seed % (UNLIMITED + 1),
        "FeasibilityTol": tolerance,
        "OptimalityTol": TOLERANCE,
        "IntFeasTol": TOLERANCE,
        "InfUnbdInfo": int(is_linear(program)),
    }
    if begins_steeply(program):
        # Where Gurobi 13.0 aggregates, it calls a wrong point optimal on 2 in 100 of these.
        wanted["Aggregate"] = 0
    if options.time_limit_seconds is not None:
        wanted["TimeLimit"] = float(options.time_limit_seconds)
    if options.node_limit is not None:
        wanted["NodeLimit"] = float(options.node_limit)
    if options.iteration_limit is not None:
        wanted["IterationLimit"] = float(options.iteration_limit)
        wanted["BarIterLimit"] = min(options.iteration_limit, UNLIMITED)
    if options.solution_limit is not None:
        wanted["SolutionLimit"] = min(options.solution_limit, UNLIMITED)
    if options.memory_limit_mb is not None:
        wanted["SoftMemLimit"] = options.memory_limit_mb / MEGABYTES_PER_GIGABYTE
    return wanted


def is_linear(program: Program) -> bool:
    """Return whether a Program has fractional columns only, and no terms."""
    return not program.has_integers and program.terms is None


def _known_name(model: Any, name: str) -> str:
    """Return an option's name as Gurobi spells it."""
    found = model.getParamInfo(name) if isinstance(name, str) else None
    if found is None:
        raise unknown_option("Gurobi", str(name), option_names())
    spelled = {known.lower(): known for known in option_names()}
    return spelled.get(name.lower(), name)


def option_names() -> list[str]:
    """Return the names of Gurobi's options."""
    return [name for name in dir(native().GRB.Param) if not name.startswith("_")]


def start_values(program: Program, options: SolveOptions) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return what a start gives for each column, Gurobi's own mark where it gives nothing."""
    undefined = float(native().GRB.UNDEFINED)
    if options.start is None:
        return np.full(program.n_columns, undefined)
    point = np.asarray(options.start, dtype=np.float64)
    if point.shape != (program.n_columns,):
        raise OptionError(f"start has shape {point.shape}, expected ({program.n_columns},)")
    within = np.clip(point, program.column_lower, program.column_upper)
    return np.where(np.isnan(point), undefined, within)
