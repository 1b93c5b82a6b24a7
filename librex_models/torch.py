"""A layer for PyTorch: rewards in, the best decisions out, and derivatives back.

    import librex_models as lm

    layer = lm.torch.AllocationLayer(lm.AlphaFair(problem, alpha=0.5))
    decision = layer(predictor(features))     # (batch, n_options)
    loss_of(decision).backward()

Loads when it is first used, and needs ``librex-alloc[torch]``. All mathematics is in
`librex_models.analysis.decision_batches`; here are tensors only.

May import that, and torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from librex_models.analysis.decision_batches import (
    By,
    SolvedBatch,
    backward,
    check_differentiable_model,
    forward,
)
from librex_models.analysis.standing_session import StandingSession
from librex_models.errors import NotDifferentiable, ParameterError, ShapeError
from librex_models.model import Model
from solvers.program import Floats

try:
    import torch
except ImportError as error:
    raise ModuleNotFoundError(
        f"lm.torch needs PyTorch, which cannot be imported ({error}); install it with: pip install "
        '"librex-alloc[torch]"',
        name="torch",
    ) from error

__all__ = ["AllocationLayer"]


# The checker of types knows nothing of torch: with it or without, the same is said.
class AllocationLayer(torch.nn.Module):  # type: ignore[misc]
    """The best decisions of a model as a function of rewards and budgets, with derivatives.

    Without parameters of its own. The solver is opened once, for all calls; a copy of the layer,
    one that was pickled or one in another process opens its own when it is first called, and
    threads take turns.

    Parameters
    ----------
    model : Model
        Its problem may be without rewards; those it has are not looked at.
    solver : str, optional
        As in `Model.solve`: by default "auto".
    **options
        Whatever else `Model.open` takes, such as ``relative_gap``.

    Raises
    ------
    ParameterError
        If the options of the model serve several groups.
    """

    def __init__(self, model: Model, solver: str | None = None, **options: Any) -> None:
        super().__init__()
        self._session = StandingSession(check_differentiable_model(model), solver=solver, **options)

    @property
    def model(self) -> Model:
        """The model."""
        return self._session.model

    # Solvers cannot be traced. (To disable tracing loads what an optimiser loads as well.)
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, reward: torch.Tensor, budget: torch.Tensor | None = None) -> torch.Tensor:
        """Return the best decisions.

        Parameters
        ----------
        reward : tensor of shape (n_options,) or (batch, n_options)
            Of floating-point numbers, at least zero for all families but BudgetOnly.
        budget : tensor of shape (n_resources,) or (batch, n_resources), optional
            By default that of the problem. Where only one of the two is a batch, all its rows share
            the other.

        Returns
        -------
        tensor of shape (n_options,) or (batch, n_options)
            Of the dtype and on the device of `reward`. Solved in float64: to rounding, where the
            best decision is the only one, and in float64 within hard budgets.

        Raises
        ------
        ShapeError, ParameterError
            Naming the option or resource; a note on the error names the row of the batch.
        NoAllocationError
            If a row has no decision, or none that is proven optimal.
        NotDifferentiable
            From ``backward``, naming options and resources: where there is no derivative. The error
            is raised only for rows that the loss depends on.
        """
        problem = self.model.problem
        _check(reward, "reward", problem.n_options)
        is_batch = reward.ndim == 2
        if budget is not None:
            _check(budget, "budget", problem.n_resources)
            is_batch = is_batch or budget.ndim == 2
            reward, budget = _as_batches(reward, budget)
        elif not is_batch:
            reward = reward.unsqueeze(0)
        decision = _Decisions.apply(self._session, reward, budget)
        return decision if is_batch else decision.squeeze(0)

    def close(self) -> None:
        """Free what the solver holds; the next call opens it anew."""
        self._session.close()

    def extra_repr(self) -> str:
        """Return the model, and the options of the solver that were given."""
        given = {k: v for k, v in self._session.options.items() if v is not None}
        return ", ".join([repr(self.model), *(f"{k}={v!r}" for k, v in given.items())])


class _Decisions(torch.autograd.Function):  # type: ignore[misc]
    """The decisions of a batch, and their vector-Jacobian products."""

    @staticmethod
    def forward(
        ctx: Any, session: StandingSession, reward: torch.Tensor, budget: torch.Tensor | None
    ) -> torch.Tensor:
        """Solve each row."""
        ctx.batch = forward(
            session, _to_numpy(reward), None if budget is None else _to_numpy(budget)
        )
        ctx.given = (("reward", reward), ("budget", budget))
        return _like(reward, ctx.batch.decision)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Pull back to those parameters that are asked for."""
        is_needed = ctx.needs_input_grad[1:]
        return None, *(
            _PulledBack.apply(ctx.batch, by, cotangent, given) if asked else None
            for (by, given), asked in zip(ctx.given, is_needed, strict=True)
        )


class _PulledBack(torch.autograd.Function):  # type: ignore[misc]
    """What is pulled back to a parameter, on which it depends: second derivatives are refused.

    Torch's `once_differentiable` takes them for zero where the loss is linear in the decisions.
    """

    @staticmethod
    def forward(
        ctx: Any, batch: SolvedBatch, by: By, cotangent: torch.Tensor, given: torch.Tensor
    ) -> torch.Tensor:
        """Pull back."""
        del ctx
        return _like(given, backward(batch, by, _to_numpy(cotangent)))

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[None, ...]:
        """Refuse."""
        del ctx, cotangent
        raise NotDifferentiable("decisions have no second derivatives here, only first ones")


def _check(tensor: object, name: By, count: int) -> None:
    """Raise an error unless this is a tensor of one row of numbers, or of a batch of rows."""
    if not isinstance(tensor, torch.Tensor):
        raise ParameterError(f"{name} is a {type(tensor).__name__}, expected a torch.Tensor")
    if not tensor.is_floating_point():
        raise ParameterError(
            f"{name} is of {tensor.dtype}, expected floating-point numbers such as torch.float64"
        )
    if tensor.ndim not in (1, 2) or tensor.shape[-1] != count:
        raise ShapeError(
            f"{name} has shape {tuple(tensor.shape)}, expected ({count},) or (batch, {count})"
        )


def _as_batches(reward: torch.Tensor, budget: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both as batches, of one row if neither is one."""
    if reward.ndim == budget.ndim == 2 and len(reward) != len(budget):
        raise ShapeError(
            f"reward has {len(reward)} rows and budget {len(budget)}: batches must be of one size"
        )
    n_rows = len(reward) if reward.ndim == 2 else len(budget) if budget.ndim == 2 else 1
    return (
        reward if reward.ndim == 2 else reward.expand(n_rows, -1),
        budget if budget.ndim == 2 else budget.expand(n_rows, -1),
    )


def _like(tensor: torch.Tensor, numbers: Floats) -> torch.Tensor:
    """Return a tensor of the dtype of another, on its device."""
    return torch.from_numpy(numbers).to(dtype=tensor.dtype, device=tensor.device)


def _to_numpy(tensor: torch.Tensor) -> Floats:
    """Return the numbers of a tensor in an array of its own."""
    return np.array(tensor.detach().to(device="cpu", dtype=torch.float64).numpy())
