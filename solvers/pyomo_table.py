"""What is known of the solvers that Pyomo reaches. May import this package."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from solvers.capability import Capability
from solvers.option_names import names_of_gurobi, names_of_highs, names_of_scip
from solvers.option_values import Takes, highs_takes, scip_takes
from solvers.scip_options import OPTIONS_OF_TERMS

LINEAR = frozenset({Capability.WHOLE, Capability.PRECISE, Capability.TIME_LIMIT})
WITH_DUALS = LINEAR | {Capability.ROW_DUALS}
TERMS = frozenset({Capability.ALPHA_FAIR_TERMS})


def _names_of_glpk() -> Iterable[str]:
    return set(re.findall(r"--(\w+)", _help_of("glpsol", "--help")))


def _names_of_cbc() -> Iterable[str]:
    # What stands in brackets may be left out: ratio(Gap).
    listed = re.findall(r"(\w+)(?:\((\w+)\))?", _help_of("cbc", "-", stdin="?\nquit\n"))
    return {short for short, _ in listed} | {short + rest for short, rest in listed}


def _cbc_takes(name: str, value: Any) -> bool:
    """Return whether CBC takes a value; it says what it refuses, and goes on without."""
    if value in ("", None):
        # An action, such as preprocess, which takes none.
        return True
    if len(str(value).split()) != 1:
        return False
    said = _help_of("cbc", "-", stdin=f"{name} {value}\nquit\n")
    return not any(words in said for words in ("Possible options for", "is illegal", "No match"))


def _help_of(program: str, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [program, *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    return done.stdout


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a solver of Pyomo.

    Parameters
    ----------
    package, executable : str
        What has to be there: a Python package or a program.
    capabilities : frozenset of Capability
    gap, time : str
        Its names for the relative gap of whole programs and for the time limit; where there is no
        name, no gap is asked for, and Pyomo is handed the limit.
    least_seconds : float
        The shortest time limit, of which others are multiples; 0 where all will do.
    always, for_terms : mappings
        Options of its own, without which Pyomo is not told what it found; and those for programs
        with alpha-fair terms, whose tolerances have to be tight.
    states_bounds : bool
        Whether Pyomo passes the bound of a solver on that was stopped, and in the right sense.
    names : callable or None
        Returns the names of the solver's own options; None where they are not known, and the solver
        itself has to refuse wrong ones.
    takes : callable or None
        Which values it takes for them; None where it refuses wrong ones itself.
    """

    package: str = ""
    executable: str = ""
    capabilities: frozenset[Capability] = LINEAR
    gap: str = ""
    time: str = ""
    least_seconds: float = 0.0
    always: Mapping[str, Any] = field(default_factory=dict)
    for_terms: Mapping[str, Any] = field(default_factory=dict)
    states_bounds: bool = True
    names: Callable[[], Iterable[str]] | None = None
    takes: Takes | None = None


_HIGHS = Known(
    package="highspy",
    capabilities=WITH_DUALS,
    gap="mip_rel_gap",
    names=names_of_highs,
    takes=highs_takes,
)
_GUROBI = Known(
    package="gurobipy",
    capabilities=WITH_DUALS,
    gap="MIPGap",
    time="TimeLimit",
    names=names_of_gurobi,
)
_SCIP = Known(
    package="pyscipopt",
    capabilities=LINEAR | TERMS,
    gap="limits/gap",
    for_terms=OPTIONS_OF_TERMS,
    names=names_of_scip,
    takes=scip_takes,
)

KNOWN = {
    "glpk": Known(
        executable="glpsol",
        capabilities=WITH_DUALS,
        always={"nopresol": ""},
        time="tmlim",
        least_seconds=1.0,
        names=_names_of_glpk,
    ),
    "cbc": Known(
        executable="cbc",
        capabilities=WITH_DUALS,
        gap="ratioGap",
        time="sec",
        states_bounds=False,
        names=_names_of_cbc,
        takes=_cbc_takes,
    ),
    "highs": _HIGHS,
    "appsi_highs": _HIGHS,
    "gurobi": _GUROBI,
    "gurobi_direct": _GUROBI,
    "appsi_gurobi": _GUROBI,
    "scip_direct": _SCIP,
    "scip": Known(
        executable="scip",
        capabilities=LINEAR | TERMS,
        gap="limits/gap",
        for_terms=OPTIONS_OF_TERMS,
    ),
    "ipopt": Known(executable="ipopt", capabilities=frozenset({Capability.TIME_LIMIT}) | TERMS),
    "bonmin": Known(executable="bonmin", capabilities=LINEAR | TERMS),
    "couenne": Known(executable="couenne", capabilities=LINEAR | TERMS),
    "baron": Known(executable="baron", capabilities=LINEAR | TERMS),
    "cplex": Known(executable="cplex", capabilities=WITH_DUALS, gap="mip tolerances mipgap"),
    "xpress": Known(package="xpress", capabilities=WITH_DUALS),
}
"""What is known of the solvers of Pyomo, by their names there; of others it is assumed that they
solve linear and whole programs."""
