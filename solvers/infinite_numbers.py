"""Numbers that a solver would take for infinite. May import the Program and errors."""

from __future__ import annotations

import numpy as np

from solvers.errors import SolverFailure
from solvers.program import Floats, Program


def check_finite(
    program: Program, solver: str, infinite: float, known: Program | None = None
) -> None:
    """Raise SolverFailure where a solver would take a finite number for infinite.

    Parameters
    ----------
    program : Program
    solver : str
        As it is called in messages.
    infinite : float
        From here on it takes numbers for infinite.
    known : Program, optional
        One that was checked before; parts that are the same arrays are not checked again.
    """
    before = {} if known is None else _parts(known)
    for part, numbers in _parts(program).items():
        if numbers is before.get(part):
            continue
        size = np.abs(numbers)
        if not size.max(initial=0.0) >= infinite:
            continue
        too_large = (size >= infinite) & np.isfinite(numbers)
        if too_large.any():
            raise SolverFailure(
                f"{solver} could not take the program: {part} holds {numbers[too_large][0]:g}, and "
                f"from {infinite:g} on {solver} takes numbers for infinite"
            )


def _parts(program: Program) -> dict[str, Floats]:
    return {
        "objective": program.objective,
        "objective_constant": np.array([program.objective_constant]),
        "matrix": program.matrix.data,
        "row_lower": program.row_lower,
        "row_upper": program.row_upper,
        "column_lower": program.column_lower,
        "column_upper": program.column_upper,
    }
