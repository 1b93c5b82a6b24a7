"""One budget in closed form: right in 40 digits for every alpha, and what solvers find.

The oracle divides the budget by the formula in decimals, and checks that no other division is
better by its own welfare.
"""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import librex_models as lm
from librex_models import AllocationProblem, GroupAlphaFair, share_budget
from librex_models.errors import ParameterError, ShapeError
from librex_models.routes.closed_form import log_price, log_shares
from tests.random_examples import examples
from tests.ways import WAYS, solver_and_route

ALPHAS = (0.01, 0.3, 0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 2.0, 5.0, 20.0, 100.0, np.inf)
DIGITS = 60


def exact_logarithms(log_rate: np.ndarray, log_weight: np.ndarray, alpha: float) -> list[Decimal]:
    """Return the logarithms of the parts: all utilities where a unit more is worth the same."""
    pairs = zip(map(Decimal, log_rate.tolist()), map(Decimal, log_weight.tolist()), strict=True)
    if np.isinf(alpha):
        wanted = [w - p for p, w in pairs]
    else:
        wanted = [(w + p) / Decimal(alpha) - p for p, w in pairs]
    total = sum((one.exp() for one in wanted), Decimal(0)).ln()
    return [one - total for one in wanted]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("seed", range(examples(100)))
def test_parts_and_price_are_right_over_six_hundred_orders(seed: int, alpha: float) -> None:
    generator = np.random.default_rng([12, seed])
    n = int(generator.integers(1, 12))
    log_rate, log_weight = generator.uniform(-690, 690, n), generator.uniform(-14, 14, n)
    budget = float(10.0 ** generator.uniform(-6, 6))
    shares = log_shares(log_rate, log_weight, alpha)
    with localcontext() as context:
        context.prec = DIGITS
        exact = exact_logarithms(log_rate, log_weight, alpha)
        scale = float(max(abs(one) for one in exact))
        expected = np.array([float(one) for one in exact])
        assert shares == pytest.approx(expected, rel=1e-14, abs=1e-13 * (1.0 + scale))
        # What a unit more adds to the first one's welfare; for max-min to everybody's level.
        p, w = Decimal(log_rate[0]), Decimal(log_weight[0])
        spent = exact[0] + Decimal(budget).ln()
        marginal = p - w + exact[0] if np.isinf(alpha) else w + p - Decimal(alpha) * (p + spent)
        price = log_price(log_rate, log_weight, alpha, budget)
        assert price == pytest.approx(float(marginal), rel=1e-13, abs=1e-11)


def test_with_alpha_zero_all_goes_to_the_best_and_ties_get_equal_parts() -> None:
    shares = share_budget([1.0, 1.5, 3.0], 6.0, 0.0, weight=[3.0, 2.0, 0.5])
    assert shares.spending == pytest.approx([3.0, 3.0, 0.0])
    assert [shares.welfare, shares.price] == pytest.approx([18.0, 3.0])
    assert shares.equivalent == pytest.approx(18.0 / 5.5)


def test_ties_are_found_beside_roundings() -> None:
    # The quotients are one ulp apart.
    shares = share_budget([0.1 / 0.3, 0.3 / 0.9], 1.0, 0.0)
    assert shares.spending.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("alpha", [0.0, *ALPHAS])
def test_the_price_is_the_derivative_of_the_welfare(alpha: float) -> None:
    rate, weight = [0.3, 2.0, 1.1], [1.0, 0.2, 3.0]

    def at(budget: float) -> lm.BudgetShares:
        return share_budget(rate, budget, alpha, weight)

    # By E, since W loses its digits near alpha = 1: dW = sum weight E^-alpha dE.
    step = 1e-5
    slope = (at(2.0 + step).equivalent - at(2.0 - step).equivalent) / (2 * step)
    unit = 1.0 if np.isinf(alpha) else sum(weight) * at(2.0).equivalent ** -alpha
    assert at(2.0).price == pytest.approx(unit * slope, rel=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.01, 0.3, 0.5, 1.0, 2.0, 5.0])
def test_welfare_is_that_of_the_utilities(alpha: float) -> None:
    weight = np.array([1.0, 0.2, 3.0])
    shares = share_budget([0.3, 2.0, 1.1], 2.0, alpha, weight)
    utility = shares.utility
    if alpha == 1.0:
        assert shares.welfare == pytest.approx(float(weight @ np.log(utility)))
    else:
        expected = weight @ utility ** (1.0 - alpha) / (1.0 - alpha)
        assert shares.welfare == pytest.approx(float(expected))
    everybody = share_budget([1.0], shares.equivalent, alpha, float(weight.sum()))
    assert everybody.welfare == pytest.approx(shares.welfare)


@given(
    st.lists(st.tuples(st.floats(-300, 300), st.floats(-6, 6)), min_size=1, max_size=8),
    st.sampled_from([0.0, 1e-200, *ALPHAS, 1e12]),
    st.integers(0, 2**32),
)
@settings(max_examples=examples(2000), deadline=None)
def test_the_order_of_groups_and_the_unit_of_the_budget_do_not_matter(
    groups: list[tuple[float, float]], alpha: float, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(len(groups))
    rate, weight = 10.0 ** np.array(groups).T
    shares = share_budget(rate, 1.0, alpha, weight)
    other = share_budget(rate[order], 8.0, alpha, weight[order])
    assert shares.spending.sum() == pytest.approx(1.0)
    assert other.spending == pytest.approx(8.0 * shares.spending[order], rel=1e-9)
    least, most = shares.utility.min(), shares.utility.max()
    if alpha < np.inf:
        assert least * (1 - 1e-9) <= shares.equivalent <= most * (1 + 1e-9)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0, np.inf])
def test_the_price_is_the_dual_of_every_solver(way: str, alpha: float) -> None:
    solver, route = solver_and_route(way)
    if np.isinf(alpha) and route not in ("auto", "leximin"):
        route = "auto"
    problem = AllocationProblem(
        [[2.0], [1.0], [0.5]], [3.0], [1.0, 3.0, 0.7], weight=[1.0, 0.5, 2.0], upper=np.inf
    )
    allocation = GroupAlphaFair(problem, alpha).solve(solver=solver, route=route)
    shares = share_budget([0.5, 3.0, 1.4], 3.0, alpha, [1.0, 0.5, 2.0])
    assert allocation.price == pytest.approx([shares.price], rel=1e-4)
    assert allocation.equivalent == pytest.approx(shares.equivalent, rel=1e-5)


@pytest.mark.parametrize(
    ("given_", "error", "words"),
    [
        (([1.0, -1.0], 1.0, 1.0), ParameterError, r"rate\[1\] is -1\.0"),
        (([1.0], 0.0, 1.0), ParameterError, "budget is 0"),
        (([1.0], 1.0, -1.0), ParameterError, "alpha is -1"),
        (([1.0], 1.0, 1.0, [1.0, 2.0]), ShapeError, "weight has shape"),
        (([], 1.0, 1.0), ShapeError, "rate has shape"),
        (([np.inf], 1.0, 1.0), ParameterError, "rate is inf"),
    ],
)
def test_what_cannot_be_shared_is_named(
    given_: tuple[object, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        share_budget(*given_)  # type: ignore[arg-type]
