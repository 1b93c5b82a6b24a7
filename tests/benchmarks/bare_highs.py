"""HiGHS without Librex: the same model, handed over and solved by highspy's own calls."""

from typing import Any

import numpy as np
import numpy.typing as npt

import librex_models as lm
from tests.benchmarks.peers.peer import UserArrays

Floats = npt.NDArray[np.float64]

N_RESOURCES = 4
COLUMNWISE, MAXIMISE = 1, -1
# Both sides solve to HiGHS's tolerance of 1e-7 in rows and reduced costs.
AGREEMENT = 1e-6
AT_ONCE = 10_000


class Arrays:
    """A random problem as its user has it, and as HiGHS takes it."""

    def __init__(self, n_options: int) -> None:
        generator = np.random.default_rng(n_options)
        self.n_options = n_options
        self.requests = generator.uniform(0.1, 1.0, (n_options, N_RESOURCES))
        self.budget = 0.3 * self.requests.sum(axis=0)
        self.reward = generator.uniform(0.1, 1.0, n_options)
        self.lower, self.upper = np.zeros(n_options), np.ones(n_options)
        self.no_side = np.full(N_RESOURCES, -np.inf)
        self.starts = np.arange(n_options + 1, dtype=np.int32) * np.int32(N_RESOURCES)
        self.rows = np.tile(np.arange(N_RESOURCES, dtype=np.int32), n_options)
        self.entries = self.requests.ravel()
        self.continuous = np.zeros(n_options, dtype=np.int32)
        self.columns = np.arange(n_options, dtype=np.int32)

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

        highs = highspy._core._Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.passModel(
            self.n_options,
            N_RESOURCES,
            len(self.entries),
            COLUMNWISE,
            MAXIMISE,
            0.0,
            self.reward,
            self.lower,
            self.upper,
            self.no_side,
            self.budget,
            self.starts,
            self.rows,
            self.entries,
            self.continuous,
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
