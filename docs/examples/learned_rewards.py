"""Rewards that have to be predicted: learn to predict well, or to decide well.

    python docs/examples/learned_rewards.py

Eight teams share GPU hours, week after week. What an hour is worth to a team is not known when the
hours are handed out; three features of its jobs are. A linear predictor is trained on 12 weeks in
two ways:

    two-stage    least squares between predicted and observed rewards; decisions come afterwards
    end to end   most welfare, at observed rewards, of the decisions made for predicted ones, which
                 needs derivatives of the decisions: `lm.torch.AllocationLayer`

and judged on 30 fresh weeks by its regret: how much less equivalent utility its decisions bring
than those of somebody who knows the true rewards, in percent. Intervals are of 95 %, over seeds.

Needs ``pip install "librex-alloc[torch]"``.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats

import librex_models as lm

ALPHA = 0.3
HOURS = 10.0
N_TEAMS, N_FEATURES = 8, 3
TRAINING_WEEKS, FRESH_WEEKS = 12, 30
EFFECT = np.array([0.6, -0.5, 0.4])
NOISE = 0.5

# What an hour is truly worth: nearly what a linear predictor can say, or far from it.
WORLDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "straight": lambda features: np.maximum(2.0 + features @ EFFECT, 0.1),
    "curved": lambda features: np.exp(features @ EFFECT),
}


class Weeks(NamedTuple):
    """Features (n_weeks, n_teams, n_features) and rewards (n_weeks, n_teams)."""

    features: torch.Tensor
    observed: torch.Tensor
    true: torch.Tensor


def draw(world: str, n_weeks: int, generator: np.random.Generator) -> Weeks:
    """Draw weeks; observed rewards are the true ones times noise of mean 1."""
    features = generator.normal(size=(n_weeks, N_TEAMS, N_FEATURES))
    true = WORLDS[world](features)
    noise = np.exp(NOISE * generator.normal(size=true.shape) - NOISE**2 / 2.0)
    return Weeks(*(torch.from_numpy(one) for one in (features, true * noise, true)))


def new_predictor(seed: int) -> torch.nn.Module:
    """Return a linear predictor, kept above zero; the same for the same seed."""
    torch.manual_seed(seed)
    layers = (torch.nn.Linear(N_FEATURES, 1), torch.nn.Softplus(), torch.nn.Flatten(-2))
    return torch.nn.Sequential(*layers).double()


def equivalent(reward: torch.Tensor, decision: torch.Tensor) -> torch.Tensor:
    """Return, for each week, the utility that has the same welfare if every team has it."""
    return ((reward * decision) ** (1.0 - ALPHA)).mean(-1) ** (1.0 / (1.0 - ALPHA))


def train(
    predictor: torch.nn.Module, loss: Callable[[], torch.Tensor], steps: int, rate: float
) -> None:
    """Take steps of Adam down a loss."""
    optimiser = torch.optim.Adam(predictor.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()


def regrets(world: str, seed: int, steps: int) -> tuple[float, float]:
    """Return the regrets of two-stage and end to end on fresh weeks, in percent."""
    generator = np.random.default_rng([6, seed])
    cost = generator.uniform(0.5, 2.0, (N_TEAMS, 1))
    problem = lm.AllocationProblem(cost, {"gpu hours": HOURS}, upper=1e3)
    allocate = lm.torch.AllocationLayer(lm.AlphaFair(problem, ALPHA))
    weeks, fresh = (draw(world, n, generator) for n in (TRAINING_WEEKS, FRESH_WEEKS))

    first = new_predictor(seed)
    train(first, lambda: ((first(weeks.features) - weeks.observed) ** 2).mean(), 400, 0.03)

    second = new_predictor(seed)
    best = equivalent(weeks.observed, allocate(weeks.observed))

    def lost() -> torch.Tensor:
        decision = allocate(second(weeks.features))
        return (1.0 - equivalent(weeks.observed, decision) / best).mean()

    train(second, lost, steps, 0.1)

    with torch.no_grad():
        most = equivalent(fresh.true, allocate(fresh.true))
        reached = [equivalent(fresh.true, allocate(one(fresh.features))) for one in (first, second)]
        two_stage, end_to_end = (100.0 * float((1.0 - one / most).mean()) for one in reached)
    return two_stage, end_to_end


def interval(numbers: np.ndarray) -> str:
    """Return mean and half of its interval of 95 %."""
    half = stats.t.ppf(0.975, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers))
    return f"{numbers.mean():6.2f} +- {half:.2f}"


def main() -> None:
    """Print a table of regrets."""
    parser = argparse.ArgumentParser(description="Compare two-stage and end-to-end learning.")
    parser.add_argument("--seeds", type=int, default=30, help="at least 2")
    parser.add_argument("--steps", type=int, default=25, help="of training end to end")
    chosen = parser.parse_args()
    print(f"regret in percent, {chosen.seeds} seeds")
    print(f"{'rewards':<10}{'two-stage':>16} {'end to end':>16} {'difference':>16}")
    for world in WORLDS:
        found = np.array([regrets(world, seed, chosen.steps) for seed in range(chosen.seeds)])
        two_stage, end_to_end = found.T
        columns = (two_stage, end_to_end, two_stage - end_to_end)
        print(f"{world:<10}" + " ".join(f"{interval(one):>16}" for one in columns), flush=True)


if __name__ == "__main__":
    main()
