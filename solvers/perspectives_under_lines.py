"""A Program whose perspectives became linear rows: each below its tangents at some ratios.

    tangent_of_part[i_k]    below_i - slope_ik argument_i - constant_ik scale_i <= 0

May import the Program and its perspectives.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.perspectives import Floats, Integers, tangent_rows
from solvers.program import Block, Program, with_rows


def with_tangents(program: Program, row: Integers, ratio: Floats) -> Program:
    """Return the linear Program, which is a relaxation.

    Parameters
    ----------
    program : Program
        With perspectives.
    row : integer array of shape (n_tangents,)
        Which of them each tangent is for.
    ratio : array of shape (n_tangents,)
        Where it touches: argument per scale, above zero.

    Raises
    ------
    ValueError
        If there are no perspectives.
    """
    perspectives = program.perspectives
    if perspectives is None:
        raise ValueError("the Program has no perspectives")
    n_tangents = len(row)
    tangents = tangent_rows(perspectives, row, ratio, program.n_columns)
    nothing = np.full(n_tangents, -np.inf)
    block = Block(name="tangent_of_part", labels=range(n_tangents))
    linear = replace(program, perspectives=None)
    return with_rows(linear, tangents, nothing, np.zeros(n_tangents), block)
