"""Alpha-fair models in linear files: tangents, their error, and the gap that is stated."""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from librex_models import AllocationProblem, AlphaFair, GroupAlphaFair, Model
from librex_models.errors import ParameterError, UnsolvableError
from librex_models.families import AlphaFairness
from solvers.file_names import names_in_file
from solvers.scaled_utility import scaled_utility
from solvers.tangents import error_of, points_between, tangents_at
from tests.file_readers import READERS, read_with_highs
from tests.random_examples import examples

Floats = npt.NDArray[np.float64]

ALPHAS = [0.01, 0.3, 0.5, 0.9, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0]


def height(points: Floats, ratio: Floats, alpha: float) -> Floats:
    """Return the least of the tangents at each ratio."""
    slope, constant = tangents_at(points, alpha)
    least: Floats = (np.outer(ratio, slope) + constant).min(axis=1)
    return least


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_error_of_tangents_is_that_of_a_fine_grid(alpha: float) -> None:
    points = points_between(0.2, 30.0, 7, alpha)
    ratio = np.geomspace(0.2, 30.0, 200_001)
    above = height(points, ratio, alpha) - scaled_utility(ratio, alpha)
    assert above.min() >= -1e-13
    assert error_of(points, 0.2, 30.0, alpha) == pytest.approx(above.max(), rel=1e-6)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 0.9])
def test_the_error_of_tangents_from_zero_on(alpha: float) -> None:
    points = points_between(0.0, 30.0, 7, alpha)
    ratio = np.append(0.0, np.geomspace(1e-12, 30.0, 200_001))
    above = height(points, ratio, alpha) - scaled_utility(ratio, alpha)
    assert error_of(points, 0.0, 30.0, alpha) == pytest.approx(above.max(), rel=1e-3)


def random_model(seed: int) -> tuple[GroupAlphaFair, float]:
    """Return an alpha-fair model in which everybody can gain, and a gap."""
    generator = np.random.default_rng([seed, 4])
    n_groups, n_resources = int(generator.integers(2, 7)), int(generator.integers(1, 4))
    n_options = n_groups + int(generator.integers(0, 7))
    shape = (n_options, n_resources)
    requests = generator.uniform(0.1, 1.0, shape) * generator.choice([0, 1], shape, p=[0.2, 0.8])
    spread = 10.0 ** generator.uniform(0.0, 1.5)
    history = generator.uniform(0.0, 1.0, n_groups) * generator.integers(0, 2)
    size = 10.0 ** generator.integers(-4, 5)
    others = generator.integers(0, n_groups, n_options - n_groups)
    group = np.concatenate([np.arange(n_groups), others])
    problem = AllocationProblem(
        requests,
        np.maximum(
            requests.sum(axis=0) * generator.uniform(0.3, 0.7, n_resources), requests.max(axis=0)
        ),
        size * spread ** generator.uniform(-1.0, 1.0, n_options),
        group=group.tolist(),
        weight=(spread ** generator.uniform(-1.0, 1.0, n_groups)).tolist(),
        history=(size * history).tolist(),
        upper=float(generator.integers(1, 4)),
        agent_limit=np.inf,
        integer=generator.integers(0, 2, n_options) > 0 if seed % 3 == 2 else bool(seed % 3),
    )
    return GroupAlphaFair(problem, float(generator.choice(ALPHAS))), 10.0 ** -(2 + seed % 4)


def alpha_of(model: Model) -> float:
    assert isinstance(model.family, AlphaFairness)
    return model.family.alpha


def decision_in(path: Path, model: Model, reader: str) -> Floats | None:
    """Return what a reader decides from the file of a model."""
    reading = READERS[reader](path)
    if reading.objective is None:
        return None
    names = names_in_file(model.to_program(), path.suffix.removeprefix(".")).columns
    decisions = names[: model.problem.n_options]
    return np.array([reading.columns[name] for name in decisions])


def equivalent_of(model: Model, decision: Floats) -> float:
    """Return the equivalent utility of a decision."""
    question = model.question()
    utility = np.maximum(question.utility(decision), 0.0)
    return model.family.equivalent(question.grouping.weight, utility)


@pytest.mark.parametrize("reader", ["HiGHS", "SCIP"])
@pytest.mark.parametrize("seed", range(examples(300)))
def test_the_best_decision_of_the_file_is_within_the_gap(
    seed: int, reader: str, tmp_path: Path
) -> None:
    model, gap = random_model(seed)
    if reader == "SCIP":
        # Its presolve loses optima among thousands of tangents, and where they are steepest.
        gap = max(gap, 1e-4)
        model = GroupAlphaFair(model.problem, min(alpha_of(model), 5.0))
    best = model.solve()
    path = tmp_path / ("model.lp" if seed % 2 else "model.mps")
    written = model.export(path, gap)
    decision = decision_in(path, model, reader)
    if not best.has_point:
        # Somebody can have nothing, in fractions: the file does not know how bad that is.
        assert decision is None or equivalent_of(model, decision) < written.least_equivalent
        return
    assert best.equivalent > 0.0
    assert decision is not None
    assert written.relative_gap in (0.0, gap)
    assert best.equivalent >= written.least_equivalent * (1 - 1e-9)
    # Readers work to tolerances of their own, and the best answer has a gap.
    lost = 1.0 - equivalent_of(model, decision) / best.certificate.bound
    assert lost <= written.relative_gap + best.gap + 2e-6


@pytest.mark.parametrize("alpha", [0.3, 0.5, 1.0, 2.0, 5.0, 10.0])
@pytest.mark.parametrize("integer", [False, True], ids=["fractional", "whole"])
def test_ten_groups_need_at_most_two_hundred_tangents_each(
    integer: bool, alpha: float, tmp_path: Path
) -> None:
    generator = np.random.default_rng(5)
    problem = AllocationProblem(
        generator.uniform(0.1, 1.0, (40, 3)),
        [4.0, 5.0, 5.0],
        generator.uniform(0.2, 2.0, 40),
        group=[option % 10 for option in range(40)],
        integer=integer,
    )
    model = GroupAlphaFair(problem, alpha)
    path = tmp_path / "model.lp"
    written = model.export(path, 1e-4)
    rows = [line for line in path.read_text().splitlines() if line.startswith(" tangent(")]
    counts = np.bincount([int(row.split("(")[1].split("_")[0]) for row in rows])
    assert len(counts) == 10
    assert counts.max() <= 200
    best = model.solve()
    decision = decision_in(path, model, "HiGHS")
    assert decision is not None
    assert equivalent_of(model, decision) >= best.equivalent * (1 - 1e-4)
    # The rows hold for more than the optimum; whole, four rewards a group are exact in chords.
    assert written.least_equivalent < 0.98 * best.equivalent
    assert written.relative_gap == (0.0 if integer else 1e-4)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["mps", "lp"])
def test_every_reader_finds_the_fair_decision(kind: str, reader: str, tmp_path: Path) -> None:
    # Two options for each of three groups, whole: all decisions are counted.
    problem = AllocationProblem(
        [[1.0], [2.0], [1.5], [1.0], [2.5], [0.5]],
        [7.0],
        [1.0, 3.0, 2.0, 1.0, 4.0, 0.5],
        group=["a", "a", "b", "b", "c", "c"],
        upper=2.0,
        agent_limit=np.inf,
        integer=True,
    )
    model = GroupAlphaFair(problem, 2.0)
    path = tmp_path / f"model.{kind}"
    model.export(path, 1e-3)
    decision = decision_in(path, model, reader)
    assert decision is not None
    everything = np.array(list(itertools.product(range(3), repeat=6)), dtype=np.float64)
    fitting = everything[everything @ problem.requests[:, 0] <= 7.0]
    best = max(equivalent_of(model, one) for one in fitting)
    assert equivalent_of(model, np.rint(decision)) >= best * (1 - 1e-3)


@pytest.mark.parametrize("seed", range(examples(200)))
def test_whole_single_choices_are_exact_for_any_alpha(seed: int, tmp_path: Path) -> None:
    generator = np.random.default_rng([seed, 9])
    requests = generator.uniform(0.2, 1.0, (8, 1))
    reward = 10.0 ** generator.uniform(-2.0, 2.0, 8)
    agent = [0, 0, 1, 1, 2, 2, 3, 3]
    problem = AllocationProblem(
        requests, [generator.uniform(1.5, 3.0)], reward, agent=agent, integer=True
    )
    model = AlphaFair(problem, float(generator.choice([0.5, 1.0, 5.0, 10.0, 30.0])))
    path = tmp_path / "model.mps"
    written = model.export(path)
    assert written.relative_gap == 0.0
    choices = itertools.product([(0, 0), (1, 0), (0, 1)], repeat=4)
    everything = np.array([sum(choice, ()) for choice in choices], dtype=np.float64)
    fitting = everything[everything @ requests[:, 0] <= problem.budget[0]]
    values = [equivalent_of(model, one) for one in fitting]
    decision = decision_in(path, model, "HiGHS")
    if model.family.equivalent(np.ones(4), np.zeros(4)) == max(values) == 0.0:
        assert decision is None
        return
    assert decision is not None
    assert equivalent_of(model, np.rint(decision)) == pytest.approx(max(values), rel=1e-6)


def small_model(alpha: float = 2.0, reward: float = 1.0, integer: bool = False) -> Model:
    problem = AllocationProblem(
        [[1.0, 0.0], [1.0, 2.0], [2.0, 1.0]],
        {"gpu": 2.0, "disk": 1.5},
        np.array([3.0, 1.0, 4.0]) * reward,
        upper=2.0,
        agent_limit=np.inf,
        integer=integer,
    )
    return AlphaFair(problem, alpha)


@pytest.mark.parametrize("reward", [1e-5, 1.0, 1e5])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_the_objective_is_the_welfare_in_a_stated_unit(
    alpha: float, reward: float, tmp_path: Path
) -> None:
    model = small_model(alpha, reward)
    path = tmp_path / "model.lp"
    written = model.export(path, 1e-6)
    welfare = model.solve().objective * 2.0**written.exponent
    objective = read_with_highs(path).objective
    assert objective == pytest.approx(welfare, rel=1e-5, abs=1e-5)
    assert 1e-4 < abs(welfare) < 1e4
    has_note = f"the objective is the welfare times 2^{written.exponent}" in path.read_text()
    assert has_note == (written.exponent != 0)


def test_the_file_says_what_its_tangents_are_good_for(tmp_path: Path) -> None:
    path = tmp_path / "model.mps"
    written = small_model().export(path, 1e-3)
    first = path.read_text().splitlines()[0]
    assert first.startswith("* tangents of alpha-fair welfare: the best decision is within 0.001")
    assert first.endswith(f"at least {written.least_equivalent!r}")


def test_the_gap_is_kept_with_less_budget_down_to_the_least_equivalent(tmp_path: Path) -> None:
    model = small_model()
    path = tmp_path / "model.lp"
    written = model.export(path, 1e-3)
    text = path.read_text()
    assert " <= 2.0\n" in text
    for budget in (1.95, 1.9):
        path.write_text(text.replace(" <= 2.0\n", f" <= {budget}\n", 1))
        smaller = AlphaFair(model.problem.replace(budget=[budget, 1.5]), 2.0)
        best = smaller.solve()
        assert best.equivalent >= written.least_equivalent
        decision = decision_in(path, model, "HiGHS")
        assert decision is not None
        assert decision @ model.problem.requests[:, 0] <= budget + 1e-6
        assert equivalent_of(smaller, decision) >= best.equivalent * (1 - 1.01e-3)


def test_a_gap_below_what_tangents_can_keep_is_refused(tmp_path: Path) -> None:
    model = small_model()
    with pytest.raises(UnsolvableError, match=r"a gap of 1e-07 at least, not 9e-08; an \.nl file"):
        model.export(tmp_path / "model.mps", 9e-8)
    for wrong in (0.0, 1.0, -1.0, np.nan):
        with pytest.raises(ParameterError, match="relative_gap"):
            model.export(tmp_path / "model.mps", wrong)
    assert list(tmp_path.iterdir()) == []
    assert model.export(tmp_path / "model.mps", 1e-7).relative_gap == 1e-7
    # Where nothing is curved any gap will do.
    assert AlphaFair(model.problem, 0.0).export(tmp_path / "sum.mps", 1e-12).relative_gap == 0.0


def test_who_cannot_be_served_is_infeasible_in_the_file(tmp_path: Path) -> None:
    model = small_model(integer=True)
    scarce = AlphaFair(model.problem.replace(budget=[3.0, 2.5]), 2.0)
    path = tmp_path / "model.lp"
    scarce.export(path)
    assert all(decision_in(path, scarce, reader) is None for reader in READERS)


def test_utilities_that_nobody_can_change(tmp_path: Path) -> None:
    problem = small_model().problem.replace(upper=[0.0, 2.0, 2.0], agent_history=[0.7, 0.0, 0.0])
    model = AlphaFair(problem, 3.0)
    path = tmp_path / "model.lp"
    model.export(path, 1e-5)
    decision = decision_in(path, model, "HiGHS")
    assert decision is not None
    best = model.solve()
    assert equivalent_of(model, decision) == pytest.approx(best.equivalent, rel=1e-5)


@pytest.mark.parametrize("reward", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 5.0])
def test_nl_files_hold_the_welfare_itself(alpha: float, reward: float, tmp_path: Path) -> None:
    model = small_model(alpha, reward)
    written = model.export(tmp_path / "model.nl")
    assert (written.relative_gap, written.least_equivalent) == (0.0, 0.0)
    best = model.solve()
    reading = READERS["SCIP"](tmp_path / "model.nl")
    assert reading.objective is not None
    welfare = best.objective * 2.0**written.exponent
    assert reading.objective == pytest.approx(welfare, rel=1e-5, abs=1e-5)


def test_welfare_that_no_double_holds_has_a_unit_in_files(tmp_path: Path) -> None:
    # Utilities near 1e-5 to the power of -99.
    model = small_model(alpha=100.0, reward=1e-5)
    best = model.solve().equivalent
    for kind, reader in (("lp", "HiGHS"), ("nl", "SCIP")):
        path = tmp_path / f"model.{kind}"
        assert model.export(path, 1e-3).exponent < -1000
        decision = decision_in(path, model, reader)
        assert decision is not None
        assert equivalent_of(model, decision) >= best * (1 - 1.01e-3)


def test_negligible_utilities_are_stated(tmp_path: Path) -> None:
    # One group's fractional option has so little weight that its utility may be next to nothing.
    problem = AllocationProblem(
        [[1.0], [1.0], [1.0]],
        [1.5],
        [1.0, 1.0, 1.0],
        weight=[1.0, 1.0, 0.01],
        group=["a", "b", "c"],
        integer=[True, True, False],
    )
    model = GroupAlphaFair(problem, 0.9)
    written = model.export(tmp_path / "model.lp", 1e-2)
    assert 0.0 < written.negligible < 1e-5
    assert f"below {written.negligible!r} count" in (tmp_path / "model.lp").read_text()
    decision = decision_in(tmp_path / "model.lp", model, "HiGHS")
    assert decision is not None
    assert equivalent_of(model, decision) >= model.solve().equivalent * (1 - 1.01e-2)


def test_slopes_of_whole_utilities_are_those_that_readers_take(tmp_path: Path) -> None:
    # Rewards over four decades to the power of -20: 1e80, where HiGHS reads less than 1e15.
    reward = [700.0, 0.09, 13.0, 0.1]
    problem = AllocationProblem(
        [[2.4], [4.9], [4.5], [0.9]], [12.0], reward, group=[0] * 4, integer=True, agent_limit=1
    )
    model = GroupAlphaFair(problem.replace(group=[0, 0, 1, 1]), 20.0)
    path = tmp_path / "model.mps"
    written = model.export(path)
    decisions = [
        np.array(some)
        for some in itertools.product((0.0, 1.0), repeat=4)
        if problem.requests[:, 0] @ some <= 12.0
    ]
    best = max(equivalent_of(model, some) for some in decisions)
    assert written.relative_gap == 0.0
    assert 0.0 < written.least_equivalent < best
    note = f"least {written.least_equivalent!r}"
    assert path.read_text().splitlines()[0].endswith(note)
    for reader in READERS:
        decision = decision_in(path, model, reader)
        assert decision is not None
        assert equivalent_of(model, np.rint(decision)) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("alpha", [5.0, 20.0, 50.0])
@pytest.mark.parametrize("gap", [1e-4, 1e-2])
def test_tangents_are_few_where_wholeness_costs_most_of_the_welfare(
    gap: float, alpha: float, tmp_path: Path
) -> None:
    # In fractions both get six times as much, which counts 6^49 times.
    earned = np.append(np.linspace(1.0, 1.9, 9), 13.0)
    reward = np.concatenate([earned, earned * 1.1 + 0.01 * np.arange(10) ** 2])
    budget = 2.9
    problem = AllocationProblem(
        np.ones((20, 1)),
        [budget],
        reward,
        group=[0] * 10 + [1] * 10,
        integer=True,
        agent_limit=np.inf,
    )
    model = GroupAlphaFair(problem.replace(requests=_dear_last(20)), alpha)
    path = tmp_path / "model.mps"
    written = model.export(path, gap)
    assert written.relative_gap == gap
    assert path.read_text().count("<=") + path.read_text().count(" L tangent") < 800
    decision = decision_in(path, model, "HiGHS")
    assert decision is not None
    assert equivalent_of(model, np.rint(decision)) >= model.solve().equivalent * (1.0 - gap)


def _dear_last(n_options: int) -> Floats:
    """Return requests of one, but more than half the budget for the last of each half."""
    requests = np.ones((n_options, 1))
    requests[n_options // 2 - 1 :: n_options // 2] = 2.0
    return requests


def test_a_wide_gap_may_hold_all_that_somebody_can_have(tmp_path: Path) -> None:
    # Nobody minds half of everything, and one group has a fiftieth of the weight.
    generator = np.random.default_rng(14)
    problem = AllocationProblem(
        generator.uniform(0.2, 0.6, (12, 1)),
        [3.9],
        generator.uniform(0.2, 2.5, 12),
        group=[0] * 4 + [1] * 4 + [2] * 4,
        weight=[0.6, 3.5, 0.1],
        integer=[True] * 4 + [False] * 8,
    )
    model = GroupAlphaFair(problem, 0.1)
    path = tmp_path / "model.lp"
    model.export(path, 0.5)
    decision = decision_in(path, model, "HiGHS")
    assert decision is not None
    assert equivalent_of(model, decision) >= 0.5 * model.solve().equivalent


def test_an_equivalent_that_no_double_holds_has_a_file(tmp_path: Path) -> None:
    # Who has no reward has nearly all the weight: (0.1 / 7.1)^1000 of the other's utility.
    problem = AllocationProblem(
        [[4.4], [2.6]], [10.0], [2.0, 0.0], weight=[0.1, 7.0], integer=[False, True]
    )
    model = GroupAlphaFair(problem, 0.999)
    path = tmp_path / "model.mps"
    model.export(path, 1e-5)
    decision = decision_in(path, model, "HiGHS")
    assert decision is not None
    assert decision[0] == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", [20.0, 50.0, 100.0])
def test_a_wide_gap_needs_no_slope_that_readers_refuse(alpha: float, tmp_path: Path) -> None:
    # Half of everything counts 2^(alpha - 1) times as much.
    model = small_model(alpha)
    path = tmp_path / "model.mps"
    assert model.export(path, 0.5).relative_gap == 0.5
    decision = decision_in(path, model, "HiGHS")
    assert decision is not None
    assert equivalent_of(model, decision) >= 0.5 * model.solve().equivalent


def test_single_choices_are_exact_down_to_the_stated_equivalent(tmp_path: Path) -> None:
    # All three fit. With less budget two go without, which the best decision says nothing of.
    problem = AllocationProblem(
        [[1.0]] * 3,
        [3.0],
        [1.0, 1.1, 1.2],
        agent_history=[0.01, 0.02, 0.03],
        integer=True,
    )
    path = tmp_path / "model.mps"
    model = AlphaFair(problem, 5.0)
    written = model.export(path)
    best = model.solve().equivalent
    assert 0.1 < written.least_equivalent <= best * (1 + 1e-9)
    assert decision_in(path, model, "HiGHS") == pytest.approx([1.0, 1.0, 1.0])
    scarce = AlphaFair(problem.replace(budget=[1.0]), 5.0)
    assert scarce.solve().equivalent < written.least_equivalent
    # Where histories are near what can be earned there is nothing to leave out.
    near = AlphaFair(problem.replace(agent_history=[10.0, 10.0, 10.0]), 5.0)
    assert near.export(path).least_equivalent == 0.0
