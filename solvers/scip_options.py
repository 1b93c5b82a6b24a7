"""The options of SCIP: the common ones under its names, its own as they are.

SCIP prints an error where a value is out of range, whatever it was told about output, and pyscipopt
rounds 1.5 to 1 without a word; so values are checked here. May import the native SCIP object,
options and errors of this package.
"""

from __future__ import annotations

import math
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from solvers.errors import OptionError
from solvers.options import SolveOptions, unknown_option
from solvers.program import Program
from solvers.scip_native import new_model

UNLIMITED = NEVER = -1
LARGEST_INT, LARGEST_LONGINT = 2**31 - 1, 2**63 - 1
LARGEST_SECONDS = 1e20
LARGEST_MEGABYTES = 8796093022207.0
LARGEST_REAL = float(np.finfo(np.float64).max)
# In programs with alpha-fair terms: with the usual 1e-6 a term could be wrong by as much.
TOLERANCE_OF_TERMS = 1e-9
# What counts as equal is to be well below the tolerance. For tight tolerances presolving is wrong
# about one program in some hundred: infeasible, or the start its optimum; so it is off.
EPSILON_OF_TERMS = 1e-10
OPTIONS_OF_TERMS = {
    "numerics/feastol": TOLERANCE_OF_TERMS,
    "numerics/epsilon": EPSILON_OF_TERMS,
    "presolving/maxrounds": 0,
}

# SCIP 10.0 completes a start by programs of their own. What it learns from their conflicts cut the
# optimum off in one of twenty programs under tangents, and a poor decision was called the best.
WITH_PARTIAL_STARTS: dict[str, Any] = {"conflict/enable": False}

# A linear program is one linear program: nothing that changes rows or finds points beside it, for
# else the multipliers of the rows are those of other rows.
LINEAR: dict[str, Any] = {
    "presolving/maxrounds": 0,
    "propagating/maxrounds": 0,
    "propagating/maxroundsroot": 0,
    "separating/maxrounds": 0,
    "separating/maxroundsroot": 0,
    "conflict/enable": False,
    # Of 2,000 equal columns it makes a million rows, x_i >= x_j, in ten seconds.
    "misc/usesymmetry": 0,
    # The old optimum would cut the new one off before its multipliers are known.
    "limits/maxorigsol": 0,
}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """An option of SCIP.

    Parameters
    ----------
    kind : str
        ``bool``, ``int``, ``longint``, ``real``, ``char`` or ``string``.
    least, most : float
        The range of numbers.
    characters : str
        What a ``char`` may be, empty where it may be anything.
    """

    kind: str
    least: float
    most: float
    characters: str

    def takes(self, value: Any) -> bool:
        """Return whether SCIP takes the value."""
        if self.kind == "bool":
            return isinstance(value, (bool, np.bool_)) or (_is_whole(value) and value in (0, 1))
        if self.kind in ("int", "longint"):
            return _is_whole(value) and self.least <= value <= self.most
        if self.kind == "real":
            return _is_number(value) and self.least <= value <= self.most
        if not isinstance(value, str):
            return False
        if self.kind == "char":
            return len(value) == 1 and (not self.characters or value in self.characters)
        return True


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, (float, np.floating))


class WrittenOptions:
    """The options of one SCIP object, which keeps them from run to run.

    Parameters
    ----------
    model : SCIP object
    """

    # The type is that of pyscipopt.
    def __init__(self, model: Any) -> None:
        self._model = model
        self._written: dict[str, Any] = {}

    def write(
        self, program: Program, options: SolveOptions, completes_starts: bool = False
    ) -> None:
        """Write the options for a run; what was written for the one before has its default again.

        Parameters
        ----------
        program : Program
        options : SolveOptions
        completes_starts : bool
            Whether SCIP holds a start that leaves columns open.

        Raises
        ------
        OptionError
            If SCIP has no such option, or does not take its value.
        """
        check_native(options)
        wanted = _common(program, options)
        if completes_starts:
            wanted |= WITH_PARTIAL_STARTS
        wanted |= options.native
        for name in self._written.keys() - wanted.keys():
            self._model.resetParam(name)
            del self._written[name]
        for name, value in wanted.items():
            if name not in self._written or self._written[name] != value:
                self._model.setParam(name, value)
                self._written[name] = value


def check_native(options: SolveOptions) -> None:
    """Raise OptionError where SCIP has no such option, or does not take its value."""
    for name, value in options.native.items():
        if name not in parameters():
            raise unknown_option("SCIP", name, parameters())
        if not parameters()[name].takes(value):
            raise OptionError(f"SCIP does not take {value!r} for its option {name!r}")


def _common(program: Program, options: SolveOptions) -> dict[str, Any]:
    """Return the common options under the names of SCIP."""
    if options.iteration_limit is not None:
        raise OptionError("SCIP has no iteration_limit: use node_limit or time_limit_seconds")
    seconds, megabytes = options.time_limit_seconds, options.memory_limit_mb
    is_linear = not program.has_integers and program.terms is None
    common: dict[str, Any] = {
        "limits/time": _at_most(seconds, LARGEST_SECONDS),
        "limits/memory": _at_most(megabytes, LARGEST_MEGABYTES),
        # SCIP divides by the smaller of value and bound, so its gap is no smaller than ours.
        "limits/gap": 0.0 if is_linear else _at_most(options.relative_gap, LARGEST_REAL),
        "limits/absgap": 0.0 if is_linear else _at_most(options.absolute_gap, LARGEST_REAL),
        "limits/totalnodes": _count(options.node_limit, LARGEST_LONGINT),
        "limits/bestsol": _count(options.solution_limit, LARGEST_INT),
        "randomization/randomseedshift": options.seed % (LARGEST_INT + 1),
    }
    if is_linear:
        common |= LINEAR | _without_heuristics()
    if program.terms is not None:
        common |= OPTIONS_OF_TERMS
    return common


def _at_most(number: float | None, most: float) -> float:
    return most if number is None else min(float(number), most)


def _count(limit: int | None, most: int) -> int:
    return UNLIMITED if limit is None else min(limit, most)


_ENTRY = re.compile(
    r"^# \[type: (?P<kind>\w+), advanced: \w+,(?: range: (?P<range>[\[{].*?[\]}]),)?"
    r" default: (?P<default>.*)\]\n(?P<name>\S+) = ",
    re.MULTILINE,
)


_HEURISTIC = re.compile(r"heuristics/\w+/freq")


@cache
def parameters() -> dict[str, Parameter]:
    """Return all options of SCIP by name.

    Their ranges are nowhere but in the file of settings that SCIP writes with comments.
    """
    model = new_model()
    with tempfile.TemporaryDirectory(prefix="scip") as folder:
        path = Path(folder, "all.set")
        model.writeParams(str(path), comments=True, onlychanged=False, verbose=False)
        text = path.read_text(encoding="utf-8")
    model.free()
    return {entry["name"]: _parameter(entry) for entry in _ENTRY.finditer(text)}


@cache
def _without_heuristics() -> dict[str, Any]:
    """Return the options that switch all heuristics off."""
    model = new_model()
    frequencies = {
        name: value for name, value in model.getParams().items() if _HEURISTIC.fullmatch(name)
    }
    model.free()
    return {name: NEVER for name, frequency in frequencies.items() if frequency != NEVER}


def _parameter(entry: re.Match[str]) -> Parameter:
    kind, described = entry["kind"], entry["range"] or ""
    least: float = -math.inf
    most: float = math.inf
    if described.startswith("["):
        number = float if kind == "real" else int
        least, most = (number(end) for end in described[1:-1].split(","))
    if kind == "real":
        # Rounded to 15 digits, the largest of all numbers is infinite.
        least, most = max(least, -LARGEST_REAL), min(most, LARGEST_REAL)
    return Parameter(
        kind=kind,
        least=least,
        most=most,
        characters=described.strip("{}") if kind == "char" else "",
    )
