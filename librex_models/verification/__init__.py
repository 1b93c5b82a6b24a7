"""What we check ourselves, in numpy, from the problem: no solver and no Program is trusted here.

May import `librex_models.problem`, `librex_models.families` and `librex_models.errors`.
"""

from librex_models.verification.certificate import (
    Certificate,
    Evidence,
    Level,
    LinearWelfare,
    Verdict,
    bound_from_prices,
    certify,
    certify_without_decision,
    relative_gap,
    rounding_of_nothing,
)
from librex_models.verification.coupling_rows import coupling_multipliers, coupling_rows
from librex_models.verification.exact_budgets import allocated, broken_budgets, scaled_back
from librex_models.verification.fairness_measures import fairness_measures
from librex_models.verification.level_bound import (
    Compared,
    bounds_of_levels,
    level_bound,
    most_alone,
)
from librex_models.verification.price_bound import (
    CouplingRows,
    Region,
    price_bound,
    region,
)
from librex_models.verification.violations import violations

__all__ = [
    "Certificate",
    "Compared",
    "CouplingRows",
    "Evidence",
    "Level",
    "LinearWelfare",
    "Region",
    "Verdict",
    "allocated",
    "bound_from_prices",
    "bounds_of_levels",
    "broken_budgets",
    "certify",
    "certify_without_decision",
    "coupling_multipliers",
    "coupling_rows",
    "fairness_measures",
    "level_bound",
    "most_alone",
    "price_bound",
    "region",
    "relative_gap",
    "rounding_of_nothing",
    "scaled_back",
    "violations",
]
