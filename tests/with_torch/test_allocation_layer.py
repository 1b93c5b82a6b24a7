"""The layer for PyTorch: gradients by central differences, shapes, copies, threads, errors."""

from __future__ import annotations

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

import librex_models as lm
from librex_models.errors import NotDifferentiable, ParameterError, ShapeError
from librex_models.model import Model
from tests.layer_problems import budgets, capped, rewards

Tensor = Any
"""Types of torch are not read: see the settings of mypy."""


def layer_of(alpha: float = 2.0, seed: int = 1, **options: Any) -> Any:
    return lm.torch.AllocationLayer(lm.AlphaFair(capped(seed), alpha), **options)


def batch(seed: int, n_rows: int, dtype: Any = torch.float64) -> tuple[Tensor, Tensor]:
    """Return rewards and budgets that ask for gradients."""
    reward = torch.tensor(rewards(seed, n_rows), dtype=dtype, requires_grad=True)
    budget = torch.tensor(budgets(seed, capped(seed), n_rows), dtype=dtype, requires_grad=True)
    return reward, budget


def one_budget() -> Any:
    """Return a layer with x_j = Q (r_j / c_j) / sum r / c / c_j."""
    problem = lm.AllocationProblem([[1.0], [2.0]], [6.0], upper=100.0, option_names=["a", "b"])
    return lm.torch.AllocationLayer(lm.AlphaFair(problem, 0.5))


def test_every_way_to_import_it_leads_to_the_same() -> None:
    from librex_models import torch as ours
    from librex_models.torch import AllocationLayer

    assert lm.torch.AllocationLayer is ours.AllocationLayer is AllocationLayer
    assert ours is not torch


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_gradcheck(alpha: float) -> None:
    assert torch.autograd.gradcheck(layer_of(alpha), batch(1, 2))


def test_gradcheck_without_a_solver() -> None:
    reward = torch.tensor([[1.0, 4.0], [2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(one_budget(), (reward,))


@pytest.mark.parametrize(("reward_rows", "budget_rows"), [(0, 3), (3, 0), (0, 0), (1, 1)])
def test_a_shared_row_is_as_good_as_its_copies(reward_rows: int, budget_rows: int) -> None:
    layer = layer_of()
    rows = max(reward_rows, budget_rows, 1)
    reward, budget = batch(1, rows)
    one_reward = reward.detach()[0] if not reward_rows else reward.detach()
    one_budget = budget.detach()[0] if not budget_rows else budget.detach()
    shared = [one_reward.clone().requires_grad_(), one_budget.clone().requires_grad_()]
    found = layer(*shared)
    copies = [
        (one if one.ndim == 2 else one.expand(rows, -1)).clone().detach().requires_grad_()
        for one in shared
    ]
    expected = layer(*copies)
    assert found.shape == ((6,) if not reward_rows and not budget_rows else (rows, 6))
    torch.testing.assert_close(found.reshape(rows, 6), expected)
    (found.reshape(rows, 6) ** 2).sum().backward()
    (expected**2).sum().backward()
    for one, other in zip(shared, copies, strict=True):
        torch.testing.assert_close(one.grad, other.grad if one.ndim == 2 else other.grad.sum(0))


def test_a_single_row_and_a_batch_of_one_agree() -> None:
    layer, (reward, _) = layer_of(), batch(1, 1)
    torch.testing.assert_close(layer(reward[0]), layer(reward)[0])


def test_a_batch_of_nothing() -> None:
    layer, (reward, budget) = layer_of(), batch(1, 1)
    nothing = reward.detach()[:0].requires_grad_()
    found = layer(nothing, budget[0])
    assert found.shape == (0, 6)
    found.sum().backward()
    assert nothing.grad.shape == (0, 6)
    torch.testing.assert_close(budget.grad, torch.zeros_like(budget))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_decisions_and_gradients_have_the_dtype_of_their_inputs(dtype: Any) -> None:
    layer = layer_of()
    reward = batch(1, 2)[0].detach().to(dtype).requires_grad_()
    budget = batch(1, 2)[1].detach().requires_grad_()
    found = layer(reward, budget)
    assert found.dtype == dtype
    found.sum().backward()
    assert (reward.grad.dtype, budget.grad.dtype) == (dtype, torch.float64)
    exact = reward.detach().double().requires_grad_()
    layer(exact, budget).sum().backward()
    torch.testing.assert_close(reward.grad, exact.grad.to(dtype))


@pytest.mark.parametrize("asked", [(True, False), (False, True), (False, False)])
def test_only_what_is_asked_for_gets_a_gradient(asked: tuple[bool, bool]) -> None:
    given = [
        one.detach().requires_grad_(is_asked)
        for one, is_asked in zip(batch(1, 2), asked, strict=True)
    ]
    found = layer_of()(*given)
    assert found.requires_grad == any(asked)
    if any(asked):
        found.sum().backward()
    assert [one.grad is not None for one in given] == list(asked)


def test_budgets_can_be_the_parameters_of_a_module() -> None:
    class Budgeted(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.budget = torch.nn.Parameter(torch.tensor(capped(1).budget))
            self.allocate = layer_of()

        def forward(self, reward: Tensor) -> Tensor:
            return self.allocate(reward, self.budget)

    module = Budgeted()
    reward = torch.tensor(rewards(1, 4))
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    assert [name for name, _ in module.named_parameters()] == ["budget"]
    before = float((reward * module(reward).detach()).sum())
    for _ in range(3):
        optimiser.zero_grad()
        (-(reward * module(reward)).sum()).backward()
        optimiser.step()
    assert float((reward * module(reward).detach()).sum()) > before


def test_values_are_the_same_with_and_without_gradients() -> None:
    layer, (reward, budget) = layer_of(), batch(1, 2)
    with torch.no_grad():
        without = layer(reward, budget)
    assert not without.requires_grad
    torch.testing.assert_close(without, layer(reward, budget), rtol=0.0, atol=1e-12)


def test_two_layers_and_two_calls_in_one_graph() -> None:
    reward, _ = batch(1, 1)
    budget = torch.tensor(capped(1).budget)
    first, second = layer_of(2.0), layer_of(0.5)

    def both(reward: Tensor) -> Tensor:
        of_first = first(reward)
        return first(reward + 0.1 * of_first) + second(reward, 0.9 * budget)

    assert torch.autograd.gradcheck(both, (reward,))


def test_several_backward_passes_add_up() -> None:
    layer, (reward, budget) = layer_of(), batch(1, 2)
    found = (layer(reward, budget) ** 2).sum()
    found.backward(retain_graph=True)
    once = reward.grad.clone()
    # Solves in between leave what was found as it was.
    layer(2.0 * reward.detach(), budget.detach())
    found.backward(retain_graph=True)
    torch.testing.assert_close(reward.grad, 2.0 * once)


def test_a_tensor_that_changes_afterwards_leaves_gradients_alone() -> None:
    layer, (reward, _) = one_budget(), batch(1, 1)
    reward = torch.tensor([1.0, 4.0], dtype=torch.float64)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    product = weight * reward
    found = layer(product)
    with torch.no_grad():
        product.fill_(1.0)
    found[0].backward()
    # Twice the reward of both changes nothing.
    assert abs(float(weight.grad)) < 1e-12


def test_second_derivatives_are_refused_and_not_taken_for_zero() -> None:
    reward = torch.tensor([1.0, 4.0], dtype=torch.float64, requires_grad=True)
    [first] = torch.autograd.grad(one_budget()(reward)[0], reward, create_graph=True)
    with pytest.raises(NotDifferentiable, match="second"):
        (first.sum() + reward.sum()).backward()


def test_a_tie_is_raised_by_backward_and_names_row_and_options() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], option_names=["a", "b"])
    layer = lm.torch.AllocationLayer(lm.BudgetOnly(problem))
    reward = torch.tensor([[3.0, 2.0], [2.0, 2.0]], requires_grad=True)
    found = layer(reward)
    with pytest.raises(NotDifferentiable, match="'a', 'b'") as caught:
        found.sum().backward()
    assert caught.value.options == ("a", "b")
    assert caught.value.__notes__ == ["in row 1 of the batch of 2"]
    layer(reward)[0].sum().backward()
    torch.testing.assert_close(reward.grad, torch.zeros_like(reward))


def test_whole_decisions_can_be_asked_for() -> None:
    problem = lm.AllocationProblem([[1.0], [1.0]], [1.0], integer=True)
    layer = lm.torch.AllocationLayer(lm.BudgetOnly(problem))
    reward = torch.tensor([2.0, 3.0], requires_grad=True)
    found = layer(reward)
    torch.testing.assert_close(found.detach(), torch.tensor([0.0, 1.0]))
    with pytest.raises(NotDifferentiable, match="whole"):
        found.sum().backward()


@pytest.mark.parametrize(
    ("reward", "budget", "error", "message"),
    [
        ([1.0, 2.0], None, ParameterError, "reward is a list, expected a torch.Tensor"),
        (torch.tensor([1, 2]), None, ParameterError, "reward is of torch.int64"),
        (torch.ones(2, dtype=torch.complex64), None, ParameterError, "torch.complex64"),
        (torch.ones(3), None, ShapeError, r"shape \(3,\), expected \(2,\) or \(batch, 2\)"),
        (torch.ones(1, 1, 2), None, ShapeError, r"shape \(1, 1, 2\)"),
        (torch.ones(()), None, ShapeError, r"shape \(\)"),
        (torch.ones(2), torch.ones(2), ShapeError, r"budget has shape \(2,\), expected \(1,\)"),
        (torch.ones(2), [1.0], ParameterError, "budget is a list"),
        (torch.ones(2, 2), torch.ones(3, 1), ShapeError, "reward has 2 rows and budget 3"),
        (torch.tensor([1.0, torch.nan]), None, ParameterError, "option 'b'"),
        (torch.tensor([1.0, -1.0]), None, ParameterError, "option 'b'"),
        (torch.ones(2), torch.tensor([-1.0]), ParameterError, "resource 0"),
    ],
)
def test_bad_tensors_are_refused(reward: Any, budget: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        one_budget()(reward, budget)


def test_a_model_is_asked_for() -> None:
    with pytest.raises(ParameterError, match="expected a model"):
        lm.torch.AllocationLayer(capped(1))  # type: ignore[arg-type]


def saved_and_loaded(layer: Any) -> Any:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), saved_and_loaded],
    ids=["copy", "deepcopy", "pickle", "torch.save"],
)
def test_a_copy_finds_the_same(copied: Any) -> None:
    layer, (reward, budget) = layer_of(solver="highs"), batch(1, 1)
    before = layer(reward, budget)
    other = copied(torch.nn.Sequential(layer))[0]
    assert isinstance(other.model, Model)
    assert other.model == layer.model
    torch.testing.assert_close(other(reward, budget), before)


def test_modes_moves_and_states_change_nothing() -> None:
    layer, (reward, budget) = layer_of(), batch(1, 1)
    before = layer(reward, budget)
    layer.load_state_dict(layer.state_dict())
    moved = layer.to(torch.float32).to("cpu").eval()
    torch.testing.assert_close(moved(reward, budget), before)


def test_a_closed_layer_opens_anew() -> None:
    layer, (reward, budget) = layer_of(), batch(1, 1)
    found = layer(reward, budget)
    layer.close()
    found.sum().backward()
    torch.testing.assert_close(layer(reward, budget), found)


def test_threads_share_a_layer() -> None:
    layer, (reward, budget) = layer_of(), batch(1, 8)

    def gradient(place: int) -> Tensor:
        own = reward[place].detach().requires_grad_()
        (layer(own, budget[place].detach()) ** 2).sum().backward()
        return own.grad

    (layer(reward, budget) ** 2).sum().backward()
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = torch.stack(list(pool.map(gradient, range(8))))
    torch.testing.assert_close(found, reward.grad)


class Decisions(torch.utils.data.Dataset):  # type: ignore[misc]
    """Decisions that are found where they are loaded."""

    def __init__(self, layer: Any, reward: Tensor) -> None:
        self.layer, self.reward = layer, reward

    def __len__(self) -> int:
        return len(self.reward)

    def __getitem__(self, place: int) -> Tensor:
        return self.layer(self.reward[place])


# Later Pythons warn of any fork beside threads, such as those of torch.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_of_a_loader_open_their_own(context: str) -> None:
    layer, reward = layer_of(), torch.tensor(rewards(1, 4))
    expected = layer(reward)
    loader = torch.utils.data.DataLoader(
        Decisions(layer, reward), batch_size=2, num_workers=2, multiprocessing_context=context
    )
    torch.testing.assert_close(torch.cat(list(loader)), expected)
    torch.testing.assert_close(layer(reward), expected)


def test_a_compiled_module_may_hold_a_layer() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softplus(), one_budget())
    features = torch.randn(4, 3)
    compiled = torch.compile(module, backend="eager")
    found = torch.autograd.grad(compiled(features)[:, 0].sum(), module[0].weight)
    expected = torch.autograd.grad(module(features)[:, 0].sum(), module[0].weight)
    torch.testing.assert_close(found, expected)


def test_what_it_is_can_be_read() -> None:
    text = repr(layer_of(solver="highs"))
    assert text.startswith("AllocationLayer(AlphaFair(")
    assert "solver='highs'" in text
