"""A layer in a neural network: a batch forward and backward, with gradients by rewards and budgets.

The bare way is the layer of cvxpylayers with Clarabel, in one thread like ours. Needs
`make test-torch`; without it, the rows say so.
"""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

import librex_models as lm
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns
from tests.layer_problems import budgets, capped, rewards

AGAINST = "cvxpylayers"
ALPHA = 2.0
CASES = ((10, 1, False), (10, 1, True), (10, 3, True), (50, 3, True), (200, 3, True))
"""Options, resources, and whether there are caps; one budget without caps has a closed form."""
N_ROWS = 8
REPEATS = 10
AGREES = 1e-3
PEER = {
    "solve_method": "Clarabel",
    # By default, gradients near to kinks are off by some hundredths.
    "tol_gap_abs": 1e-12,
    "tol_gap_rel": 1e-12,
    "tol_feas": 1e-12,
    "mode": "lsmr",
    "n_jobs_forward": 1,
    "n_jobs_backward": 1,
}


def run(
    choice: Choice = EVERYTHING,
    *,
    cases: Sequence[tuple[int, int, bool]] = CASES,
    repeats: int = REPEATS,
) -> list[Measurement]:
    """Return one measurement for each case."""
    missing = [name for name in ("torch", "cvxpylayers") if find_spec(name) is None]
    return [
        _not_measured(_case(*case), missing) if missing else _measured(*case, repeats)
        for case in cases
        if choice.takes(_case(*case), LIBREX)
    ]


def _case(n: int, n_resources: int, has_caps: bool) -> str:
    return f"N = {n}, K = {n_resources}{'' if has_caps else ', no caps'}"


def _not_measured(case: str, missing: Sequence[str]) -> Measurement:
    return Measurement(
        benchmark="layer",
        case=case,
        value=None,
        against=AGAINST,
        repeats=0,
        remark=f"{' and '.join(missing)} not installed: make test-torch, then this row",
    )


def _measured(n: int, n_resources: int, has_caps: bool, repeats: int) -> Measurement:
    from tests.with_torch.cvxpy_layer import cvxpy_layer

    problem = capped(0, n, n_resources)
    if not has_caps:
        problem = problem.replace(upper=1e3)
    ours = lm.torch.AllocationLayer(lm.AlphaFair(problem, ALPHA))
    theirs = cvxpy_layer(problem, ALPHA)
    watch = Stopwatch()
    for round_number in range(repeats):
        batch = rewards(round_number, N_ROWS, n), budgets(round_number, problem, N_ROWS)
        found: dict[str, list[Any]] = {}

        def librex(batch: Any = batch, found: Any = found) -> None:
            with watch.taking(LIBREX):
                found["librex"] = _forward_and_backward(ours, batch)

        def bare(batch: Any = batch, found: Any = found) -> None:
            with watch.taking(BARE), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found["bare"] = _forward_and_backward(theirs, batch, solver_args=PEER)

        in_turns(round_number, librex, bare)
        check_same(found["librex"], found["bare"])
    return watch.measurement("layer", _case(n, n_resources, has_caps), against=AGAINST)


def _forward_and_backward(layer: Any, batch: Any, **options: Any) -> list[Any]:
    """Return decisions and the gradients of their squares by rewards and budgets."""
    import torch

    given = [torch.tensor(numbers, requires_grad=True) for numbers in batch]
    decision = layer(*given, **options)
    decision = decision[0] if isinstance(decision, tuple) else decision
    gradients = torch.autograd.grad((decision**2).sum(), given)
    return [one.detach().numpy() for one in (decision, *gradients)]


def check_same(ours: Sequence[Any], theirs: Sequence[Any]) -> None:
    """Raise RuntimeError where decisions or gradients differ."""
    names = ("decisions", "gradients by rewards", "gradients by budgets")
    for name, one, other in zip(names, ours, theirs, strict=True):
        apart = float(np.abs(one - other).max()) / max(1.0, float(np.abs(one).max()))
        if not apart <= AGREES:
            raise RuntimeError(f"{name} differ by {apart:.2g} from those of cvxpylayers")
