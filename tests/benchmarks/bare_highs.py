"""HiGHS without Librex: the same model, handed over and solved by highspy's own calls."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import librex_models as lm
from tests.benchmarks.peers.peer import UserArrays

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]

N_RESOURCES = 4
COLUMNWISE, MAXIMISE = 1, -1
# Both sides solve to HiGHS's tolerance of 1e-7 in rows and reduced costs.
AGREEMENT = 1e-6
AT_ONCE = 10_000


class HighsArrays(NamedTuple):
    """The arrays of a model, ready for HiGHS."""

    lower: Floats
    upper: Floats
    no_side: Floats
    starts: Integers
    rows: Integers
    entries: Floats
    continuous: Integers


class Arrays:
    """A random problem as its user has it, and as HiGHS takes it from its first model on."""

    def __init__(self, n_options: int) -> None:
        generator = np.random.default_rng(n_options)
        self.n_options = n_options
        self.requests = generator.uniform(0.1, 1.0, (n_options, N_RESOURCES))
        self.budget = 0.3 * self.requests.sum(axis=0)
        self.reward = generator.uniform(0.1, 1.0, n_options)

    @cached_property
    def of_highs(self) -> HighsArrays:
        """What HiGHS takes, made once."""
        n_options = self.n_options
        return HighsArrays(
            lower=np.zeros(n_options),
            upper=np.ones(n_options),
            no_side=np.full(N_RESOURCES, -np.inf),
            starts=np.arange(n_options + 1, dtype=np.int32) * np.int32(N_RESOURCES),
            rows=np.tile(np.arange(N_RESOURCES, dtype=np.int32), n_options),
            entries=self.requests.ravel(),
            continuous=np.zeros(n_options, dtype=np.int32),
        )

    @cached_property
    def columns(self) -> Integers:
        """The numbers of all columns, made once."""
        return np.arange(self.n_options, dtype=np.int32)

    def model(self) -> lm.BudgetOnly:
        """Return Librex's model."""
        return lm.BudgetOnly(lm.AllocationProblem(self.requests, self.budget, self.reward))

    def rewards_to_check(self) -> Floats:
        """Return rewards of which HiGHS finds the optimum in less than a second.

        Where there are many options, the reward of all but 2 % is so high or so low that nobody
        need compare them; with those of all, the simplex of HiGHS is at it for a quarter of a
        minute.
        """
        if self.n_options <= AT_ONCE:
            return self.reward
        generator = np.random.default_rng(0)
        in_question = generator.random(self.n_options) < 0.02
        clear = np.where(generator.random(self.n_options) < 0.295, 2.0, 0.0)
        return np.where(in_question, self.reward, clear)

    def of_user(self) -> UserArrays:
        """Return what a peer is given."""
        return UserArrays(self.requests, self.budget, self.reward)

    def pass_to_highs(self) -> Any:
        """Return a HiGHS object that holds the model."""
        import highspy

        ready = self.of_highs
        highs = highspy._core._Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.passModel(
            self.n_options,
            N_RESOURCES,
            len(ready.entries),
            COLUMNWISE,
            MAXIMISE,
            0.0,
            self.reward,
            ready.lower,
            ready.upper,
            ready.no_side,
            self.budget,
            ready.starts,
            ready.rows,
            ready.entries,
            ready.continuous,
        )
        return highs


def objective_of(highs: Any) -> float:
    """Return the value of the optimum that HiGHS found.

    Raises
    ------
    RuntimeError
        If it found none.
    """
    status = highs.getModelStatus()
    if status.name != "kOptimal":
        raise RuntimeError(f"bare HiGHS ended with {highs.modelStatusToString(status)}")
    return float(highs.getInfo().objective_function_value)


def check_agreement(allocation: lm.Allocation, objective: float) -> None:
    """Compare Librex's answer with that of the bare solver.

    Raises
    ------
    RuntimeError
        If it is not verified, or another one.
    """
    if allocation.verdict is not lm.Verdict.OPTIMAL:
        raise RuntimeError(f"the allocation is not verified: {allocation.certificate.sentence}")
    if abs(allocation.objective - objective) > AGREEMENT * abs(objective):
        raise RuntimeError(f"Librex finds {allocation.objective}, bare HiGHS {objective}")
