"""What the environment says about the solver."""

from __future__ import annotations

import os

SOLVER_VARIABLE = "LIBREX_SOLVER"
"""The environment variable that names the solver where no keyword and no option does."""


def solver_from_environment() -> str | None:
    """Return the solver that the environment names, None where it names none."""
    return os.environ.get(SOLVER_VARIABLE) or None
