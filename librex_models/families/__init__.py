"""The families of allocations, one file each.

May import `librex_models.problem`, `librex_models.errors` and `solvers`.
"""

from librex_models.families.alpha_fair import AlphaFairness
from librex_models.families.budget_only import TotalReward
from librex_models.families.family import Family, Majorant
from librex_models.families.max_min import MaxMinFairness, MaxMinLevel
from librex_models.families.nested import NestedFairness, compared_utility, outer_of
from librex_models.families.ordered_weighted import OrderedWelfare
from librex_models.families.piecewise_linear import PiecewiseLinearWelfare
from librex_models.families.proportional import ProportionalFairness

__all__ = [
    "AlphaFairness",
    "Family",
    "Majorant",
    "MaxMinFairness",
    "MaxMinLevel",
    "NestedFairness",
    "OrderedWelfare",
    "PiecewiseLinearWelfare",
    "ProportionalFairness",
    "TotalReward",
    "compared_utility",
    "outer_of",
]
