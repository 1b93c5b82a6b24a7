"""Whether solvers behind modelling layers take values of their own options.

Pyomo and CVXPY hand some values on that the solver then ignores without a word, and some errors of
solvers do not tell a wrong value from a hard program. A solver loads when it is first asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse

from solvers.errors import OptionError
from solvers.options import SolveOptions, unknown_option

Takes = Callable[[str, Any], bool]
"""Whether a solver takes a value for an option, by its name and the value."""

_SWITCHES = ("presolve", "disp")
_COUNTS = ("maxiter", "node_limit")
_METHODS = ("highs", "highs-ds", "highs-ipm")
_EDGE_WEIGHTS = (None, "dantzig", "devex", "steepest-devex", "steepest")


def check_native(
    solver: str, known: Iterable[str], takes: Takes | None, options: SolveOptions
) -> None:
    """Raise OptionError for native options that a solver does not have, or whose values it refuses.

    Parameters
    ----------
    solver : str
    known : iterable of str
        The names of its options.
    takes : callable or None
        Which values it takes; None where it refuses wrong ones itself, and names are in any case.
    options : SolveOptions
    """
    names = {name.lower(): name for name in known}
    for name, value in options.native.items():
        spelled = names.get(str(name).lower())
        if spelled is None or (takes is not None and spelled != name):
            raise unknown_option(solver, str(name), names.values())
        if takes is not None and not takes(name, value):
            raise OptionError(f"{solver} does not take {value!r} for its option {name!r}")


def highs_takes(name: str, value: Any) -> bool:
    """Return whether HiGHS takes a value."""
    from solvers.highs_native import native

    scratch = native()._core._Highs()
    scratch.setOptionValue("output_flag", False)
    try:
        return bool(scratch.setOptionValue(name, value) == native().HighsStatus.kOk)
    except TypeError:
        return False


def scip_takes(name: str, value: Any) -> bool:
    """Return whether SCIP takes a value."""
    from solvers.scip_options import parameters

    return parameters()[name].takes(value)


def gurobi_takes(name: str, value: Any) -> bool:
    """Return whether Gurobi takes a value; starts an environment.

    Raises
    ------
    LicenceError
        If there is none.
    """
    from solvers.gurobi_native import native, new_environment
    from solvers.gurobi_options import write_option

    with new_environment() as environment, native().Model(env=environment) as model:
        try:
            write_option(model, name, value)
        except OptionError:
            return False
    return True


def scipy_takes(name: str, value: Any) -> bool:
    """Return whether SciPy's solvers take a value; they only warn of wrong ones."""
    if name in _SWITCHES:
        return isinstance(value, bool)
    if name == "method":
        return value in _METHODS
    if name == "simplex_dual_edge_weight_strategy":
        return value is None or value in _EDGE_WEIGHTS
    if name in _COUNTS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and not math.isnan(value) and value >= 0.0


def osqp_takes(name: str, value: Any) -> bool:
    """Return whether OSQP takes a value, for a program of one column."""
    import osqp

    one = sparse.csc_matrix([[1.0]])
    settings = {"verbose": False, name: value}
    try:
        osqp.OSQP().setup(one, np.ones(1), one, np.zeros(1), np.ones(1), **settings)
    except (TypeError, osqp.OSQPException):
        return False
    return True
