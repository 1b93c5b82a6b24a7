"""The kinds of posteriors, by the names that stand in their states."""

from __future__ import annotations

from typing import Any

from librex_models.errors import ParameterError
from librex_models.thompson.bayesian_linear import BayesianLinear
from librex_models.thompson.beta_bernoulli import BetaBernoulli
from librex_models.thompson.gamma_poisson import GammaPoisson
from librex_models.thompson.gaussian import Gaussian
from librex_models.thompson.posterior import Posterior
from librex_models.thompson.written_state import kind_of

KINDS: dict[str, type[Posterior]] = {
    one.kind: one for one in (BayesianLinear, BetaBernoulli, GammaPoisson, Gaussian)
}


def posterior_from_dict(state: Any) -> Posterior:
    """Return the posterior of a state that its `to_dict` returned, equal bit for bit.

    Parameters
    ----------
    state : dict

    Raises
    ------
    ShapeError, ParameterError
        If it is of no posterior that is known, or broken.

    Examples
    --------
    >>> from librex_models import thompson
    >>> posterior = thompson.BetaBernoulli(2, alpha=3.0)
    >>> thompson.posterior_from_dict(posterior.to_dict()).mean()
    array([0.75, 0.75])
    """
    kind = kind_of(state)
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise ParameterError(f"the state is of a posterior {kind!r}, which is none of {known}")
    return KINDS[kind].from_dict(state)
