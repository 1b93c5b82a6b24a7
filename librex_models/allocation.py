"""The result of a solve: the decision, what everybody got, and the certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from librex_models.errors import NoAllocationError
from librex_models.families import Family, MaxMinFairness, NestedFairness, outer_of
from librex_models.problem import AllocationProblem, Grouping
from librex_models.problem.labels import plural
from librex_models.verification import Certificate, Verdict, allocated, fairness_measures
from solvers import Limit, Status

Floats = npt.NDArray[np.float64]

# A budget counts as used up within this share of it.
USED_UP = 1e-9
_NOT_COMPARED = {"seconds", "attempts"}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One solver on the way to an allocation.

    Parameters
    ----------
    solver, route, form : str
    status : Status or None
        None where the solver could not be asked at all; the message says why.
    limit : Limit or None
    seconds : float
    rounds : int
        How often the solver was run: more than once where decisions had to be cut off.
    nodes : int
    message : str
        The solver's own words.
    why : str
        Why this solver.
    """

    solver: str
    route: str
    form: str
    status: Status | None
    limit: Limit | None
    seconds: float
    rounds: int
    nodes: int
    message: str
    why: str = ""

    @property
    def sentence(self) -> str:
        """What was tried, and what came of it."""
        if self.status is None:
            return f"{self.solver} was not asked: {self.message}"
        stopped = "" if self.limit is None else f" at the {self.limit.value}"
        words = f" ({self.message})" if self.message else ""
        return f"{self.solver} says {self.status.value}{stopped} in {self.seconds:.3f} s{words}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Allocation:
    """Who gets what, and how good it provably is.

    Attributes
    ----------
    problem : AllocationProblem
    status : Status
        What the solver claims.
    verdict : Verdict
        What we checked.
    limit : Limit or None
        What stopped the solver, exactly where it did not finish.
    certificate : Certificate
    price : array of shape (n_resources,) or None
        Welfare per unit of budget; None for whole decisions.
    solver, route, form : str
    attempts : tuple of Attempt
    seconds : float
    """

    problem: AllocationProblem
    family: Family
    grouping: Grouping
    status: Status
    limit: Limit | None
    certificate: Certificate
    price: Floats | None
    solver: str
    route: str
    form: str
    attempts: tuple[Attempt, ...]
    seconds: float
    point: Floats | None

    @property
    def verdict(self) -> Verdict:
        """What we checked."""
        return self.certificate.verdict

    @property
    def _answering(self) -> Attempt:
        """The attempt that this allocation is the answer of."""
        asked = [one for one in self.attempts if one.status is not None]
        return next((one for one in asked if one.solver == self.solver), self.attempts[-1])

    @property
    def has_point(self) -> bool:
        """Whether there is a decision."""
        return self.point is not None

    @property
    def decision(self) -> Floats:
        """The decision, shape (n_options,).

        Raises
        ------
        NoAllocationError
            If there is none.
        """
        if self.point is None:
            raise NoAllocationError(self._why_not(), self._answering)
        return self.point

    @cached_property
    def allocated(self) -> Floats:
        """What each agent got, shape (n_agents, n_resources); its sums never exceed the budget."""
        return read_only(allocated(self.problem, self.decision))

    @cached_property
    def utility(self) -> Floats:
        """The utilities, recomputed: of groups, or of agents for a family over agents."""
        if isinstance(self.family, NestedFairness):
            return read_only(self.family.group_utility(self._compared_utility()))
        reward = self.problem.reward
        nothing = np.zeros(self.problem.n_options)
        utility = self._reported.utility(nothing if reward is None else reward, self.decision)
        return read_only(utility)

    @property
    def objective(self) -> float:
        """The welfare, recomputed."""
        return self.family.welfare(self.grouping.weight, self._compared_utility())

    @property
    def equivalent(self) -> float:
        """The utility that, given to everybody, has the same welfare."""
        self._check_point()
        return self.certificate.value

    @property
    def bound(self) -> float:
        """A proven upper bound on the welfare; infinite where none is known."""
        bound = self.certificate.bound
        if np.isinf(bound):
            return bound
        return self.family.welfare_of_equivalent(self.grouping.weight, bound)

    @property
    def gap(self) -> float:
        """The proven gap, measured in equivalent utility; infinite where nothing is known."""
        return self.certificate.gap

    @property
    def levels(self) -> tuple[float, ...] | None:
        """The levels of a max-min allocation that were maximised; None for other families.

        All utilities per weight, the lowest first; of max-min that is not lexicographic the lowest.
        """
        family = outer_of(self.family)
        if not isinstance(family, MaxMinFairness):
            return None
        levels = np.sort(self.utility / self.grouping.weight)
        return tuple(levels.tolist()) if family.lexicographic else (self.objective,)

    def fairness(self) -> dict[str, float]:
        """Return measures of how evenly the utilities are spread.

        Returns
        -------
        dict
            ``gini``, ``jain``, ``min_max_ratio``, ``variance`` and others; see
            `librex_models.verification.fairness_measures`.
        """
        return fairness_measures(self.utility)

    def explain(self) -> str:
        """Return in words which budgets bind, what more is worth, and what limits each group."""
        used = self.used
        lines = []
        for k, resource in enumerate(self.problem.resources):
            budget = self.problem.budget[k]
            binding = self._is_used_up(k)
            line = f"{resource}: {used[k]:g} of {budget:g} used"
            if binding and self.price is not None:
                line += f"; a unit more is worth {self.price[k]:.6g}"
            lines.append(line + ("; used up" if binding else ""))
        lines += [self._what_limits(g) for g in range(len(self._reported))]
        return "\n".join(lines)

    @property
    def used(self) -> Floats:
        """What is handed out of each resource, shape (n_resources,)."""
        used: Floats = self.allocated.sum(axis=0)
        return used

    def to_frame(self, backend: str | None = None) -> Any:
        """Return a data frame with one row an option.

        Parameters
        ----------
        backend : str, optional
            "pandas", "polars" or "pyarrow"; by default the first that is installed.
        """
        from librex_models.problem.decision_frame import decision_frame

        return decision_frame(self.problem, self.decision, backend)

    @property
    def _reported(self) -> Grouping:
        is_own = self.family.compares_utilities and self.grouping.weighted is None
        return self.grouping if is_own else self.problem.grouping("groups")

    def _compared_utility(self) -> Floats:
        reward = self.problem.reward
        nothing = np.zeros(self.problem.n_options)
        return self.grouping.utility(nothing if reward is None else reward, self.decision)

    def _check_point(self) -> None:
        if self.point is None:
            raise NoAllocationError(self._why_not(), self._answering)

    def _is_used_up(self, k: int) -> bool:
        return bool(self.used[k] >= self.problem.budget[k] * (1 - USED_UP))

    def _what_limits(self, g: int) -> str:
        """Return of one group that it has all it asked for, or which budgets it runs into."""
        problem, grouping = self.problem, self._reported
        links = grouping.links(np.ones(problem.n_options))
        options = links.option[links.group == g]
        name = f"{grouping.kind} {grouping.labels[g]}: utility {self.utility[g]:g}"
        if (self.decision[options] >= problem.upper[options]).all():
            return f"{name}; gets all it asks for"
        if grouping.limits is not None:
            most = grouping.limits.ceiling[g]
            if self.utility[g] >= most * (1 - USED_UP):
                return f"{name}; at its ceiling"
        wanted = options[self.decision[options] < problem.upper[options]]
        resources = np.flatnonzero(np.asarray(problem.usage[:, wanted].sum(axis=1)) > 0)
        binding = [str(problem.resources[k]) for k in resources.tolist() if self._is_used_up(k)]
        if binding:
            return f"{name}; limited by {', '.join(binding)}"
        return f"{name}; limited by its agents' own limits, or by whole decisions"

    def _why_not(self) -> str:
        advice = {
            Status.NO_SOLUTION_FOUND: "raise the limit, or pass a start",
            Status.INFEASIBLE: "lower what is demanded at least, or raise budgets",
            Status.NUMERICAL_FAILURE: "try another solver, or numbers of more equal size",
        }.get(self.status, "check the problem's bounds")
        stopped = f" at the {self.limit.value}" if self.limit is not None else ""
        return (
            f"{self.solver} ended{stopped} with: {self.status.value}. {self.certificate.sentence} "
            f"There is no allocation to read; {advice}."
        )

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same answer to the same problem; times do not count."""
        if not isinstance(other, Allocation):
            return NotImplemented
        return all(
            _same(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
            if field.name not in _NOT_COMPARED
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return one line: verdict, welfare, solver."""
        value = f"objective={self.objective:.10g}, " if self.has_point else ""
        return (
            f"Allocation({self.family.key}, {value}verdict={self.verdict.name}, "
            f"status={self.status.name}, gap={self.gap:.2g}, solver={self.solver!r})"
        )

    def __str__(self) -> str:
        """Return a summary of a few lines."""
        head = f"{self.family.key} by {self.solver} ({self.route}, {self.form})"
        lines = [f"{head}: {self.verdict.value}", f"  {self.certificate.sentence}"]
        if len(self.attempts) > 1:
            lines += [f"  tried: {one.sentence}" for one in self.attempts]
        if self.has_point:
            chosen = int((self.decision > 0).sum())
            lines.append(
                f"  welfare {self.objective:.10g}; "
                f"{chosen} of {plural(self.problem.n_options, 'option')} served"
            )
            lines += [
                f"  {resource}: {amount:g} of {budget:g}"
                for resource, amount, budget in zip(
                    self.problem.resources, self.used, self.problem.budget, strict=True
                )
            ]
        else:
            lines.append(f"  {self._why_not()}")
        return "\n".join(lines)


def read_only(numbers: Floats) -> Floats:
    """Return the array, no longer writable."""
    numbers.setflags(write=False)
    return numbers


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.array_equal(first, second) if first is not None and second is not None else False
    if isinstance(first, (Certificate, Grouping)):
        return type(first) is type(second) and all(
            _same(getattr(first, field.name), getattr(second, field.name))
            for field in fields(first)
        )
    if isinstance(first, Mapping):
        return dict(first) == dict(second)
    return bool(first == second)
