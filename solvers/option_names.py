"""The names of the options of solvers, which load when they are asked for theirs."""

from __future__ import annotations

from collections.abc import Iterable


def names_of_highs() -> Iterable[str]:
    """Return the names of HiGHS's options."""
    from solvers.highs_options import option_names

    return option_names()


def names_of_gurobi() -> Iterable[str]:
    """Return the names of Gurobi's options."""
    from solvers.gurobi_options import option_names

    return option_names()


def names_of_scip() -> Iterable[str]:
    """Return the names of SCIP's options."""
    from solvers.scip_options import parameters

    return parameters()
