"""Run a route: open a solver on the reformulated Program, solve, make it exact, prove it.

Fractional decisions are scaled back into the budgets. Whole decisions are rounded, checked
exactly, and cut off and solved again where a budget is exceeded; their prices come from the
relaxation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from librex_models.routes.branching_proof import branching_proof
from librex_models.routes.denials import refutation_of_denial
from librex_models.routes.endings import gave_up, interrupted, said_by_arithmetic
from librex_models.routes.hard_budgets import (
    cover_cut,
    tightened,
    with_a_step_down,
    with_residuals,
    without_what_zero_budgets_forbid,
)
from librex_models.routes.limits import Deadline
from librex_models.routes.proving import Prover
from librex_models.routes.route import Answer, Floats, Opener, Question, Reformulation
from librex_models.verification import (
    Evidence,
    Verdict,
    broken_budgets,
    certify_without_decision,
    coupling_multipliers,
    coupling_rows,
    scaled_back,
)
from solvers import Counts, Limit, Outcome, Program, SolveOptions, SolverSession, Status
from solvers.changes import check_may_rebuild
from solvers.errors import UpdateError
from solvers.magnified import MagnifiedSession
from solvers.program import Booleans, Integers, has_wide_rows
from solvers.scaled_session import ScaledSession

MOST_ROUNDS = 500
MOST_REFINEMENTS = 24
SHARE_OF_RELAXED = 0.3
"""Of the gap, that the solver of a relaxation may leave."""

# How far from whole numbers solvers may rightly be.
INTEGRALITY_TOLERANCE = 1e-5


class RouteSession:
    """A question under a route, with its solver open.

    Parameters
    ----------
    question : Question
    program : Program
        As its form declared it.
    reformulation : Reformulation
    opener : callable of Program
        Opens the chosen solver.
    linear_opener : callable of Program
        Opens a solver of linear programs, for relaxations and prices.
    """

    def __init__(
        self,
        question: Question,
        program: Program,
        reformulation: Reformulation,
        opener: Opener,
        linear_opener: Opener,
    ) -> None:
        self._question = question
        self._declared = program
        self._reformulation = reformulation
        self._opener = opener
        self._linear_opener = linear_opener
        self._prover = Prover(reformulation, linear_opener)
        self._covers: list[tuple[Integers, int]] = []
        self._has_steps = False
        self._before = Counts()
        self._set_program()
        self._session = self._open(self._work, opener)

    @property
    def counts(self) -> Counts:
        """How often the solver's program was changed in place and handed over again, and why."""
        return self._before.plus(self._session.counts)

    def update(self, question: Question, program: Program, forbid_rebuild: bool = False) -> None:
        """Take new numbers.

        Raises
        ------
        UpdateError
            If the solver has to be handed the whole program and `forbid_rebuild` says no; nothing
            was changed.
        """
        before = self._question, self._declared
        self._question, self._declared = question, program
        self._reformulation.forget()
        try:
            self._renew("limits of agents came to bind, or no longer do", forbid_rebuild)
        except UpdateError:
            self._question, self._declared = before
            self._set_program()
            raise

    def _renew(self, reason: str, forbid_rebuild: bool = False) -> None:
        """Hand the program over again, as the reformulation has it now; a reason for new rows."""
        old = self._program.matrix.shape
        self._set_program()
        has_old_shape = self._program.matrix.shape == old
        if self._has_steps:
            # Not for the new numbers' sake: exact budgets needed columns that are in the way now.
            self._reopen(self._work, "decisions are no longer cut off")
        elif not has_old_shape:
            check_may_rebuild(reason, forbid_rebuild)
            self._reopen(self._work, reason)
        else:
            self._session.update(self._work, forbid_rebuild)
        self._has_steps = False
        self._covers.clear()

    def solve(self, options: SolveOptions) -> Answer:
        """Solve and verify."""
        problem = self._question.problem
        if problem.once("too little", lambda: broken_budgets(problem, problem.lower).any()):
            return self._without_decision(said_by_arithmetic())
        deadline = Deadline.after(options.time_limit_seconds)
        if self._is_whole and self._reformulation.is_relaxed:
            self._sharpen(deadline, options)
        for _ in range(MOST_REFINEMENTS):
            answer = self._solve_once(deadline, options)
            settled = answer.certificate.verdict is not Verdict.FEASIBLE
            if settled or self._is_stopped(answer) or answer.decision is None:
                break
            bound = answer.certificate.bound
            if not self._reformulation.refined(self._question, answer.decision, bound):
                break
            self._renew("the program was refined around an answer")
            if self._is_whole and self._reformulation.starts_again:
                options = replace(options, start=answer.decision)
        return answer

    def _sharpen(self, deadline: Deadline, options: SolveOptions) -> None:
        """Make a relaxation sharper around what is best without wholeness: linear programs only."""
        question = self._question
        for _ in range(MOST_REFINEMENTS):
            relaxed = self._prover.relax(deadline)
            if relaxed.point is None:
                return
            x = np.maximum(relaxed.point[self._program.columns_of("x")], 0.0)
            value = question.family.equivalent(question.grouping.weight, question.utility(x))
            bound = self._prover.equivalent_bound(relaxed.bound)
            is_sharp = bound - value <= SHARE_OF_RELAXED * options.relative_gap * bound
            if is_sharp or not self._reformulation.refined(question, x, bound):
                return
            self._renew("the program was refined around its relaxation")

    def _is_stopped(self, answer: Answer) -> bool:
        """Return whether the solver ended before the optimum of the program.

        A relaxation can be made sharper all the same where it is merely not solved to the end.
        """
        is_near = self._reformulation.is_relaxed and answer.limit is Limit.OTHER
        return answer.status is not Status.OPTIMAL and not is_near

    def close(self) -> None:
        """Free what the solvers hold."""
        self._session.close()
        self._prover.close()

    def _set_program(self) -> None:
        reformulated = self._reformulation.program(self._question, self._declared)
        self._program = without_what_zero_budgets_forbid(reformulated)
        self._is_whole = self._program.has_integers
        self._work = tightened(self._program) if self._is_whole else self._program
        self._prover.take(self._question, self._program)

    def _open(self, program: Program, opener: Opener) -> SolverSession:
        if program.terms is None:
            # Around the answers of a relaxation, what a solver cannot see is still to be gained.
            is_relaxed = self._reformulation.is_relaxed and not program.has_integers
            return (MagnifiedSession if is_relaxed else ScaledSession)(opener, program)
        # Alpha-fair terms are scaled by the adapter that takes them.
        return opener(program)

    def _reopen(self, program: Program, reason: str) -> None:
        self._before = self.counts.rebuilt(reason)
        self._session.close()
        self._session = self._open(program, self._opener)

    def _solve_once(self, deadline: Deadline, options: SolveOptions) -> Answer:
        if self._is_whole:
            return self._solve_whole(deadline, options)
        wanted = options
        if self._reformulation.is_relaxed:
            wanted = replace(options, relative_gap=SHARE_OF_RELAXED * options.relative_gap)
        outcome = self._session.solve(self._started(deadline.options(wanted), self._program))
        if outcome.point is None:
            return self._without_decision(outcome)
        decision, _ = scaled_back(self._question.problem, self._within_bounds(outcome.point))
        return self._fractional_answer(outcome, decision, options)

    def _started(self, options: SolveOptions, program: Program) -> SolveOptions:
        """Return the options with the start, a decision, in the columns of a program."""
        if options.start is None:
            return options
        start = np.full(program.n_columns, np.nan)
        start[program.columns_of("x")] = options.start
        return replace(options, start=start)

    def _within_bounds(self, point: Floats) -> Floats:
        problem = self._question.problem
        decision = point[self._program.columns_of("x")]
        if not self._is_whole:
            return np.minimum(np.maximum(decision + 0.0, problem.lower), problem.upper)
        whole = np.rint(decision)
        is_whole = problem.integer & (np.abs(decision - whole) <= INTEGRALITY_TOLERANCE)
        # Adding zero turns -0.0 into 0.0.
        decision = np.where(is_whole, whole, decision) + 0.0
        return np.where(is_whole, decision, np.clip(decision, problem.lower, problem.upper))

    # Fractional decisions.

    def _fractional_answer(
        self, outcome: Outcome, decision: Floats, options: SolveOptions
    ) -> Answer:
        utility = self._question.utility(decision)
        price = self._prover.coupling_duals(outcome, self._program)
        evidence = self._prover.at(outcome, utility, price)
        for point in self._prover.utility_of_duals(outcome):
            other = self._prover.at(outcome, point, price)
            evidence = self._prover.better(evidence, other)
        certificate = self._prover.certificate(decision, evidence, options)
        if certificate.verdict is Verdict.FEASIBLE or certificate.bound_from == "solver":
            evidence = self._prover.within_budgets(evidence)
            certificate = self._prover.certificate(decision, evidence, options)
        has_tangent = self._program.terms is not None
        is_open = certificate.verdict is Verdict.FEASIBLE
        if (is_open and has_tangent) or (price is None and (is_open or has_tangent)):
            price, evidence = self._prover.sharper(evidence, utility, price)
            certificate = self._prover.certificate(decision, evidence, options)
        return Answer(
            status=outcome.status,
            limit=outcome.limit,
            decision=decision,
            certificate=certificate,
            price=self._prover.price_of_budgets(price),
            message=outcome.message,
            nodes=outcome.nodes,
        )

    # Whole decisions.

    def _solve_whole(self, deadline: Deadline, options: SolveOptions) -> Answer:
        relative, absolute = self._reformulation.gaps(self._question, options.relative_gap)
        wanted = replace(
            options, relative_gap=relative, absolute_gap=max(absolute, options.absolute_gap)
        )
        bound, nodes, work = np.inf, 0, self._work
        for round_number in range(1, MOST_ROUNDS + 1):
            left = deadline.options(wanted).after(nodes=nodes)
            outcome = self._session.solve(self._started(left, work))
            nodes += outcome.nodes
            bound = min(bound, outcome.bound)
            if outcome.point is None:
                answer = self._without_decision(replace(outcome, bound=bound))
                answer = self._with_enumeration(answer, deadline)
                return replace(answer, rounds=round_number, nodes=nodes)
            decision, broken = self._whole_decision(outcome.point)
            if not broken.any():
                break
            if outcome.limit is Limit.INTERRUPT:
                return self._without_decision(interrupted(bound))
            work = self._cut_off(work, decision, int(np.flatnonzero(broken)[0]), round_number)
        else:
            return self._without_decision(gave_up(bound, MOST_ROUNDS))
        outcome = replace(outcome, bound=bound, objective=None)
        evidence = self._prover.from_relaxation(outcome, decision, deadline)
        # On such rows solvers were seen to be wrong: their bound is stated, and proves nothing.
        evidence = replace(evidence, solver_bound_counts=not has_wide_rows(self._work))
        return Answer(
            status=outcome.status,
            limit=outcome.limit,
            decision=decision,
            certificate=self._prover.certificate(decision, evidence, options),
            message=outcome.message,
            rounds=round_number,
            nodes=nodes,
        )

    def _whole_decision(self, point: Floats) -> tuple[Floats, Booleans]:
        """Return the decision of a point, its fractional part made best, and what is broken."""
        problem = self._question.problem
        decision, broken = scaled_back(problem, self._within_bounds(point))
        if broken.any() or problem.integer.all():
            return decision, broken
        fixed = self._with_whole_part_fixed(decision)
        opener = self._linear_opener if fixed.terms is None else self._opener
        session = self._open(fixed, opener)
        again = session.solve(SolveOptions())
        session.close()
        if again.status is not Status.OPTIMAL or again.point is None:
            return decision, broken
        better, still_broken = scaled_back(problem, self._within_bounds(again.point))
        return (decision, broken) if still_broken.any() else (better, still_broken)

    def _with_whole_part_fixed(self, decision: Floats) -> Program:
        program, problem = self._program, self._question.problem
        lower, upper = program.column_lower.copy(), program.column_upper.copy()
        columns = np.arange(program.n_columns)[program.columns_of("x")][problem.integer]
        lower[columns] = upper[columns] = decision[problem.integer]
        nothing_whole = np.zeros(program.n_columns, dtype=np.bool_)
        return replace(program, column_lower=lower, column_upper=upper, integer=nothing_whole)

    def _cut_off(self, work: Program, decision: Floats, resource: int, number: int) -> Program:
        """Cut a decision off and return the program that is open now."""
        problem = self._question.problem
        exact = with_residuals(work, problem, resource)
        cover = cover_cut(problem, decision, resource) if exact is None else None
        if cover is not None:
            self._covers.append(cover)
            self._add_cover(work, cover)
            return work
        if exact is None:
            exact = with_a_step_down(work, problem, decision, resource, number)
        self._extend(exact)
        return exact

    def _extend(self, work: Program) -> None:
        """Open the program with new columns that cut a decision off, and the earlier cuts."""
        self._has_steps = True
        self._reopen(work, "a decision that exceeded a budget was cut off by new columns")
        for earlier in self._covers:
            self._add_cover(work, earlier)

    def _add_cover(self, work: Program, cover: tuple[Integers, int]) -> None:
        options, most = cover
        columns = options + work.columns_of("x").start
        row = sparse.csr_array(
            (np.ones(len(columns)), (np.zeros(len(columns), dtype=np.int64), columns)),
            shape=(1, work.n_columns),
        )
        self._session.add_rows(row, np.array([-np.inf]), np.array([float(most)]))

    def _with_enumeration(self, answer: Answer, deadline: Deadline) -> Answer:
        """Return the answer with a proof, where only wholeness leaves no decision."""
        certificate = answer.certificate
        is_open = certificate.verdict is Verdict.UNDECIDED
        if answer.status is not Status.INFEASIBLE or not is_open:
            return answer
        proof = branching_proof(self._question, self._program, self._linear_opener, deadline)
        if not proof:
            return answer
        sentence = proof + self._reformulation.advice(self._question)
        proven = replace(certificate, verdict=Verdict.INFEASIBLE, bound=-np.inf, sentence=sentence)
        return replace(answer, certificate=proven)

    def _without_decision(self, outcome: Outcome) -> Answer:
        question = self._question
        ray = outcome.infeasibility_ray
        claims_infeasible = outcome.status is Status.INFEASIBLE
        if claims_infeasible and ray is None:
            ray = self._prover.relax(Deadline.after(None)).infeasibility_ray
        nothing = np.zeros(question.problem.n_options)
        linear = self._reformulation.linear_welfare(question, question.utility(nothing), None)
        evidence = Evidence(
            linear=linear,
            infeasibility_price=None if ray is None else coupling_multipliers(ray, self._program),
            solver_bound=self._prover.equivalent_bound(outcome.bound),
            solver_bound_counts=not (self._is_whole and has_wide_rows(self._work)),
        )
        certificate = certify_without_decision(
            question.problem,
            evidence,
            coupling_rows(question.problem, question.grouping),
            claims_infeasible,
        )
        denial = refutation_of_denial(question, outcome.status)
        if denial and certificate.verdict is not Verdict.INFEASIBLE:
            certificate = replace(certificate, verdict=Verdict.REFUTED, sentence=denial)
            claims_infeasible = False
        if claims_infeasible:
            sentence = certificate.sentence + self._reformulation.advice(question)
            certificate = replace(certificate, sentence=sentence)
        return Answer(
            status=outcome.status,
            limit=outcome.limit,
            decision=None,
            certificate=certificate,
            message=outcome.message,
            nodes=outcome.nodes,
        )
