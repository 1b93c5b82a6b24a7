"""Climb from level to level: one linear program each, changed in place.

    max worst    with  weight_g worst <= utility_g for all who are open,
                       utility_g >= floor_g for all who are settled

Whoever has a positive multiplier cannot get more without less for somebody who is no better off:
settled at this level. Where a level comes back, because multipliers of degenerate programs name
only some of them, the sum of what all could have above it is maximised instead:

    max  sum of above_g    with  weight_g (level + above_g) <= utility_g,  0 <= above_g <= a little

Whoever gets some is not settled, and is left out of the sum, until nobody gets any: then every
multiplier is at least 1 / weight_g, and all who are left are settled.

Ogryczak & Sliwinski (2006), Lect. Notes Comput. Sci. 3984; Nace & Orlin (2007), Oper. Res. 55.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from librex_models.routes.leximin_steps import Multipliers, Step, proof_of
from librex_models.routes.route import Floats, Question
from librex_models.verification import coupling_multipliers, coupling_rows, region
from solvers import Outcome, Program, Status
from solvers.program import Booleans, Integers

SURE = 3e-8
"""Who could get no more than this above a level, as a share of it, is settled there."""
STRICT = 1e-6
"""A worth of this much of what was added up to it is no rounding."""
LEAST_WORTH = 1e-9
"""And neither is what a whole decision of it adds to a level, if as a share of all that is more."""
AT_BOUND = 1e-7
NOTHING = 1e-8
"""So much of what can be reached is nothing."""
SLACK = 0.0
"""Floors are lower than what was reached by this much of it, and where that fails by more."""
MORE_SLACK = (1e-12, 1e-10, 1e-8)
SAME_LEVEL = 1e-8
RISING_SLACK = 1e-9
LEAST_SHARE = 1e-8
WEAKLY = 1e-4
MOST_SEPARATIONS = 20
LARGEST_RISE = 1e-3
LEAST_RISE = 1e-4

Solve = Callable[[Program], Outcome]


@dataclass(frozen=True, kw_only=True, eq=False)
class Climb:
    """How far the levels were found.

    Parameters
    ----------
    point : array of shape (n_columns,)
        Of the last program that was solved.
    steps : tuple of Step
    stopped : Outcome or None
        Of the program that was not solved; None where all levels are found.
    rounds : int
        How many programs were solved.
    """

    point: Floats
    steps: tuple[Step, ...]
    stopped: Outcome | None
    rounds: int


class Ladder:
    """The levels of one question.

    Parameters
    ----------
    question : Question
    program : Program
        Of the first level, with columns ``above``.
    unit : float
        In which ``above`` is measured.
    solve : callable of Program
        Solves a program of the same matrix.
    solve_afresh : callable of Program
        The same without anything left from the programs before.
    duals_of : callable of Program
        Solves it by a solver that has multipliers.
    """

    def __init__(
        self,
        question: Question,
        program: Program,
        unit: float,
        solve: Solve,
        solve_afresh: Solve,
        duals_of: Solve,
    ) -> None:
        self._question, self._unit = question, unit
        self._solve, self._solve_afresh, self._duals_of = solve, solve_afresh, duals_of
        self._program = program
        self._region = region(question.problem)
        self._rows = coupling_rows(question.problem, question.grouping)
        n_groups = len(question.grouping)
        self._is_open: Booleans = np.ones(n_groups, dtype=np.bool_)
        self._floor = np.zeros(n_groups)
        self._x, self._utility = program.columns_of("x"), program.columns_of("utility")
        self._worst, self._above = program.columns_of("worst"), program.columns_of("above")
        decisions = program.matrix[:, self._x]
        self._by_option = decisions.T.tocsr()
        # The worth of a utility in rows other than those of the level: what limits on it, and the
        # floors of who is settled, leave of its cost.
        self._by_utility = program.matrix[:, self._utility].T.tocsr()
        self._size_by_option = abs(self._by_option)
        self._steps: list[Step] = []
        self._rounds = 1

    def climb(self, first: Outcome) -> Climb:
        """Return all levels above the first, whose program is solved."""
        outcome, program, before = first, self._program, -np.inf
        self._settle_who_gets_nothing(first)
        if not self._is_open.all() and first.point is not None:
            if not self._is_open.any():
                return self._climbed(first.point, None)
            program = self._next_program()
            outcome = self._solved(program)
        while outcome.point is not None and outcome.status is Status.OPTIMAL:
            point, level = outcome.point, self._level(outcome.point)
            found = self._multipliers(outcome, program)
            if level - before <= self._near(level):
                found = self._separated(level, point) or self._weakly_tied(level) or found
            self._settle(found, level, point)
            if not self._is_open.any():
                return self._climbed(point, None)
            program, before = self._next_program(), level
            outcome = self._solved(program)
        return self._climbed(point, outcome)

    def _settle_who_gets_nothing(self, first: Outcome) -> None:
        """Settle those who have nothing within any bounds and budgets, if there are any.

        Solvers would say that they get 1e-17 at most, which is no proof.
        """
        question = self._question
        own = region(question.problem, by_budgets=True)
        hopeless = question.utility(np.maximum(own.upper, 0.0)) == 0.0
        if first.point is None or not hopeless.any():
            return
        nothing = np.zeros(question.problem.n_options)
        arithmetic = Multipliers(
            slope=hopeless / question.grouping.weight,
            price=coupling_multipliers(np.zeros(self._program.n_rows), self._program),
            worth=nothing,
            gross=nothing,
        )
        self._settle((arithmetic, hopeless), 0.0, first.point)

    def _climbed(self, point: Floats, stopped: Outcome | None) -> Climb:
        return Climb(point=point, steps=tuple(self._steps), stopped=stopped, rounds=self._rounds)

    def _level(self, point: Floats) -> float:
        weight = self._question.grouping.weight
        return float((point[self._utility] / weight)[self._is_open].min())

    def _near(self, level: float) -> float:
        """Return by how much a level may differ from another and count as the same."""
        return SAME_LEVEL * max(abs(level), NOTHING * self._unit)

    def _multipliers(self, outcome: Outcome, program: Program) -> tuple[Multipliers, Booleans]:
        """Return the multipliers of a program, and nobody who is known to be settled by them."""
        if outcome.row_dual is None:
            outcome = self._duals_of(program)
        dual = np.zeros(program.n_rows) if outcome.row_dual is None else outcome.row_dual
        found = Multipliers(
            slope=np.maximum(self._by_utility @ dual + dual[program.rows_of("worst_limit")], 0.0),
            price=coupling_multipliers(dual, program),
            worth=-(self._by_option @ dual),
            gross=self._size_by_option @ np.abs(dual),
        )
        return found, np.zeros_like(self._is_open)

    def _settle(self, found: tuple[Multipliers, Booleans], level: float, point: Floats) -> None:
        """Settle those whose multipliers prove it, and fix what stands at a bound in any optimum.

        Nobody who is open gets more than the level plus (bound - level) / share.
        """
        multipliers, proven = found
        beyond = self._beyond(multipliers, level)
        if np.isinf(beyond).all():
            beyond = np.where(self._alike(point), 1.0, np.inf)
        sure = SURE * max(abs(level), NOTHING * self._unit)
        settled = proven | (self._is_open & ((beyond <= sure) | (beyond <= beyond.min())))
        fixed = self._fix(multipliers, point)
        step = Step(
            is_open=self._is_open.copy(),
            settled=np.flatnonzero(settled),
            multipliers=multipliers,
            fixed=fixed,
        )
        self._steps.append(step)
        weight = self._question.grouping.weight
        self._floor[settled] = np.minimum(weight[settled] * level, point[self._utility][settled])
        self._is_open &= ~settled

    def _beyond(self, multipliers: Multipliers, level: float) -> Floats:
        """Return what each could have above a level at most, as multipliers prove it."""
        bound, share = proof_of(
            self._question,
            self._steps,
            multipliers,
            self._is_open,
            self._floor,
            self._region,
            self._rows,
        )
        # A point that is off by roundings may be above its bound.
        excess = max(abs(bound - level), np.finfo(np.float64).eps * abs(level))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(share > 0.0, excess / share, np.inf)

    def _alike(self, point: Floats) -> Booleans:
        """Return who is open and worst off, where a solver has no multipliers."""
        level = np.where(
            self._is_open, point[self._utility] / self._question.grouping.weight, np.inf
        )
        return np.asarray(level <= level.min(), dtype=np.bool_)

    def _fix(self, multipliers: Multipliers, point: Floats) -> Integers:
        """Fix decisions at the bound at which their worth holds them, and return which."""
        program, x = self._program, point[self._x]
        lower, upper = program.column_lower[self._x], program.column_upper[self._x]
        near = AT_BOUND * np.maximum(1.0, np.abs(x))
        width = self._region.upper - self._region.lower
        # Noise in what is worth nothing at all is no worth either.
        with np.errstate(divide="ignore"):
            strict = np.maximum(STRICT * multipliers.gross, LEAST_WORTH * self._unit / width)
        is_free = (lower < upper) & (width > 0.0)
        at_upper = is_free & (multipliers.worth > strict) & (x >= upper - near)
        at_lower = is_free & (multipliers.worth < -strict) & (x <= lower + near)
        column_lower, column_upper = program.column_lower.copy(), program.column_upper.copy()
        column_lower[self._x] = np.where(at_upper, upper, lower)
        column_upper[self._x] = np.where(at_lower, lower, upper)
        self._program = replace(program, column_lower=column_lower, column_upper=column_upper)
        return np.flatnonzero(at_upper | at_lower)

    def _next_program(self, slack: float = SLACK) -> Program:
        """Return the program of the next level."""
        program = self._program
        floors = self._program.column_lower.copy()
        settled = ~self._is_open
        floors[self._utility][settled] = (self._floor * (1.0 - slack))[settled]
        side = program.row_upper.copy()
        side[program.rows_of("worst_limit")][settled] = np.inf
        return replace(program, column_lower=floors, row_upper=side)

    def _solved(self, program: Program) -> Outcome:
        """Solve a program; the point before is feasible in it, so that infeasible is a slip."""
        outcome = self._solve(program)
        self._rounds += 1
        for slack in MORE_SLACK:
            if outcome.status.is_stopped or outcome.status is Status.OPTIMAL:
                break
            outcome = self._solve_afresh(self._next_program(slack))
            self._rounds += 1
        return outcome

    def _separated(self, level: float, point: Floats) -> tuple[Multipliers, Booleans] | None:
        """Return multipliers that tell all who are settled at a level, None where that fails."""
        weight = self._question.grouping.weight
        near = level + self._near(level)
        candidates = self._is_open & (point[self._utility] <= weight * near)
        most = LARGEST_RISE * max(abs(level) / self._unit, LARGEST_RISE)
        for _ in range(MOST_SEPARATIONS):
            if not candidates.any():
                break
            program = self._rising(level, candidates, most)
            outcome = self._solved_once(program)
            if outcome.status in (Status.NUMERICAL_FAILURE, Status.INFEASIBLE):
                self._rounds += 1
                outcome = self._solve_afresh(program)
            if outcome.point is None or outcome.status is not Status.OPTIMAL:
                return None
            found = self._multipliers(outcome, program)[0]
            beyond = self._beyond(found, level)[candidates]
            if (beyond <= SURE * max(abs(level), NOTHING * self._unit)).all():
                return found, candidates
            above = np.where(candidates, outcome.point[self._above], 0.0)
            candidates &= above <= LEAST_RISE * above.max()
        return None

    def _weakly_tied(self, level: float) -> tuple[Multipliers, Booleans] | None:
        """Return the multipliers of the step before, and who is settled by small shares in them.

        Where shares fall over many decades, whoever has a small one could get a lot for what others
        lose in their last digits: settled in exact arithmetic, and unproven in doubles.
        """
        multipliers = self._steps[-1].multipliers
        beyond = self._beyond(multipliers, level)
        part = multipliers.slope * self._question.grouping.weight
        tied = self._is_open & (part >= LEAST_SHARE * part.max()) & (beyond <= WEAKLY * abs(level))
        return (multipliers, tied) if tied.any() else None

    def _solved_once(self, program: Program) -> Outcome:
        self._rounds += 1
        return self._solve(program)

    def _rising(self, level: float, candidates: Booleans, most: float) -> Program:
        """Return the program that maximises what the candidates can have above a level."""
        program = self._next_program(RISING_SLACK)
        lower, upper = program.column_lower.copy(), program.column_upper.copy()
        lower[self._worst] = upper[self._worst] = level * (1.0 - RISING_SLACK)
        upper[self._above] = np.where(candidates, most, 0.0)
        objective = np.zeros(program.n_columns)
        objective[self._above] = candidates
        return replace(program, objective=objective, column_lower=lower, column_upper=upper)
