"""The options of HiGHS: the common ones under its names, its own as they are.

May import the native HiGHS object, options and errors of this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.errors import OptionError
from solvers.highs_native import native, pristine_highs
from solvers.options import SolveOptions, unknown_option
from solvers.program import Program, has_wide_rows

UNLIMITED = 2**31 - 1


class WrittenOptions:
    """The options of one HiGHS object, which keeps them from run to run.

    Parameters
    ----------
    highs : HiGHS object
    """

    # The type is that of highspy, which has none for its native part.
    def __init__(self, highs: Any) -> None:
        self._highs = highs
        self._written: dict[str, Any] = {}
        self._lasting: SolveOptions | None = None

    def __getitem__(self, name: str) -> Any:
        return self._written[name]

    def write(self, program: Program, options: SolveOptions) -> None:
        """Write the options for a run; what was written for the one before has its default again.

        Raises
        ------
        OptionError
            If HiGHS has no such option, or does not take its value.
        """
        if options is self._lasting and not program.has_integers:
            return
        self._lasting = None
        wanted = _common(program, options)
        for name, value in options.native.items():
            _check_known(name)
            wanted[name] = value
        seconds = wanted["time_limit"]
        if isinstance(seconds, (int, float)) and not program.has_integers:
            # For linear programs HiGHS counts the time of all runs of one object.
            wanted["time_limit"] = seconds + self._highs.getRunTime()
        for name in self._written.keys() - wanted.keys():
            wanted[name] = _default_value(name)
        for name, value in wanted.items():
            if self._written.get(name) != value:
                self._write(name, value)
        # What has been written for a linear program serves the next one, too, unless time runs.
        if not program.has_integers and self._written["time_limit"] == np.inf:
            self._lasting = options

    def _write(self, name: str, value: Any) -> None:
        try:
            is_taken = self._highs.setOptionValue(name, value) == native().HighsStatus.kOk
        except TypeError:
            is_taken = False
        if not is_taken:
            raise OptionError(f"HiGHS does not take {value!r} for its option {name!r}")
        self._written[name] = value


def _common(program: Program, options: SolveOptions) -> dict[str, Any]:
    """Return the common options under the names of HiGHS."""
    if options.memory_limit_mb is not None:
        raise OptionError("HiGHS has no memory limit: leave memory_limit_mb out")
    if options.iteration_limit is not None and program.has_integers:
        raise OptionError(
            "HiGHS has no iteration limit for whole columns: use node_limit or time_limit_seconds"
        )
    seconds = options.time_limit_seconds
    iterations = _count(options.iteration_limit)
    return {
        "output_flag": options.log is not None,
        "log_to_console": False,
        "time_limit": np.inf if seconds is None else float(seconds),
        "mip_rel_gap": float(options.relative_gap),
        "mip_abs_gap": float(options.absolute_gap),
        "mip_max_nodes": _count(options.node_limit),
        "mip_max_improving_sols": _count(options.solution_limit),
        "simplex_iteration_limit": iterations,
        "ipm_iteration_limit": iterations,
        "threads": options.threads,
        "random_seed": options.seed % (UNLIMITED + 1),
        "presolve": "off" if program.has_integers and has_wide_rows(program) else "choose",
    }


def _count(limit: int | None) -> int:
    return UNLIMITED if limit is None else min(limit, UNLIMITED)


def _check_known(name: str) -> None:
    done, _ = pristine_highs().getOptionType(name)
    if done != native().HighsStatus.kOk:
        raise unknown_option("HiGHS", name, option_names())


def option_names() -> list[str]:
    """Return the names of HiGHS's options."""
    return [word for word in dir(native().HighsOptions()) if not word.startswith("_")]


def _default_value(name: str) -> Any:
    return pristine_highs().getOptionValue(name)[1]
