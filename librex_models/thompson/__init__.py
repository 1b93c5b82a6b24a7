"""Rewards that are not known yet: posteriors that draw them and learn from outcomes.

    from librex_models import thompson

    posterior = thompson.BetaBernoulli(problem.n_options, alpha=1.0, beta=1.0)
    posterior.draw(rng), posterior.update(options, outcomes), posterior.advance()

May import `librex_models.errors` and the labels of `librex_models.problem`; posteriors never see a
solver.
"""

from librex_models.thompson.alloc import Alloc
from librex_models.thompson.allocator import ThompsonAllocator
from librex_models.thompson.bayesian_linear import BayesianLinear
from librex_models.thompson.beta_bernoulli import BetaBernoulli
from librex_models.thompson.budget_tracker import BudgetTracker
from librex_models.thompson.gamma_poisson import GammaPoisson
from librex_models.thompson.gaussian import Gaussian
from librex_models.thompson.horizon import Horizon
from librex_models.thompson.kinds import posterior_from_dict
from librex_models.thompson.posterior import Posterior
from librex_models.thompson.resource_manager import ResourceManager

__all__ = [
    "Alloc",
    "BayesianLinear",
    "BetaBernoulli",
    "BudgetTracker",
    "GammaPoisson",
    "Gaussian",
    "Horizon",
    "Posterior",
    "ResourceManager",
    "ThompsonAllocator",
    "posterior_from_dict",
]
