"""A model without alpha-fair terms, exactly or to a gap, for files that are linear.

Whole decisions of which each utility depends on one at most are linear for any alpha. All other
alpha-fair welfare is put under tangents, around the best decisions that can be found in short time:
the one without wholeness, which can always be had, and for whole models one of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from librex_models.allocation import Allocation
from librex_models.attainable import attainable
from librex_models.choices import Choices
from librex_models.chords import is_steep
from librex_models.errors import UnsolvableError
from librex_models.families import AlphaFairness, NestedFairness
from librex_models.nested_model import nested_model
from librex_models.problem import AllocationProblem
from librex_models.routes.exact_linear import ExactLinear, is_single_choice
from librex_models.routes.leximin_service import needs_service
from librex_models.routes.plain import in_units
from librex_models.routes.route import Floats, Question
from librex_models.session import Session
from librex_models.tangent_model import tangent_model
from librex_models.verification import Verdict, region
from solvers import Block, Program, SolveOptions, Status
from solvers.program import with_rows
from solvers.tangent_program import under_tangents

SECONDS = 20.0
"""For each of the two solves."""
NEAR = 1e-3
"""The gap to which a whole model is solved first: nearer makes fewer tangents."""
LEAST_GAP = 1e-7
"""Nearer, tangents are so many and so alike that solvers cannot tell them apart."""
MOST_VALUES = 128
"""Of one utility: where whole decisions give no more than these, their chords are taken."""
SHARE_OF_GAP = 0.1
LARGEST_DECADES = 2.0
"""Utilities, and welfare, are written in their own units if these are this near to 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearModel:
    """A linear Program, and how near it is to the model.

    Parameters
    ----------
    program : Program
    relative_gap : float
        In equivalent utility: 0 where the Program is exact.
    least_equivalent : float
        The gap is kept if the best equivalent utility is at least this,
    negligible : float
        and no utility of the best decision is above its least but below this.
    exponent : int
        Welfare is multiplied by 2^exponent in the objective.
    is_above : bool
        Whether the gap is by how much the optimum may be above the best welfare, rather than by how
        much a decision may be below that.
    """

    program: Program
    relative_gap: float = 0.0
    least_equivalent: float = 0.0
    negligible: float = 0.0
    exponent: int = 0
    is_above: bool = False


def linear_model(question: Question, program: Program, relative_gap: float) -> LinearModel:
    """Return the Program without alpha-fair terms.

    Parameters
    ----------
    question : Question
    program : Program
        The question in arrays.
    relative_gap : float
        Allowed in equivalent utility, between 0 and 1.

    Raises
    ------
    UnsolvableError
        If the gap is too small for tangents, or a whole decision is needed as a reference and none
        could be found.
    """
    family = question.family
    if isinstance(family, NestedFairness):
        linear, unit = nested_model(question, family, program, relative_gap, SECONDS)
        if not isinstance(family.outer, AlphaFairness) or not family.has_terms:
            return LinearModel(program=linear, relative_gap=relative_gap, is_above=True)
        written = _in_welfare(linear, family.outer, question.grouping.weight, unit)
        return replace(written, relative_gap=relative_gap, is_above=True)
    if program.terms is None or not isinstance(family, AlphaFairness):
        return LinearModel(program=program)
    if is_single_choice(question.problem, question.grouping):
        return _exact(question, program, family)
    if relative_gap < LEAST_GAP:
        raise UnsolvableError(
            f"alpha-fair welfare with alpha {family.alpha:g} is not linear: tangents keep a gap "
            f"of {LEAST_GAP:g} at least, not {relative_gap:g}; an .nl file has no gap"
        )
    return _under_tangents(question, program, family, relative_gap)


def scaled_terms(question: Question, program: Program) -> LinearModel:
    """Return the Program with terms whose size doubles and solvers can work with."""
    family, terms = question.family, program.terms
    if terms is None or not isinstance(family, AlphaFairness):
        return LinearModel(program=program)
    around = _answer(_without_wholeness(question), NEAR)
    if around is None or not around.has_point:
        return LinearModel(program=program)
    majorant = family.majorant(question.grouping.weight, question.utility(around.decision))
    exponent, unit = _exponent(family, majorant.reference), _unit(majorant.reference)
    of_unit = float(np.exp(family.log_unit(unit) + exponent * np.log(2.0)))
    scaled = replace(program, terms=replace(terms, weight=terms.weight * of_unit))
    if family.alpha == 1.0:
        # The logarithm of the unit, which is no factor.
        constant = program.objective_constant + float(terms.weight.sum() * np.log(unit))
        scaled = replace(scaled, objective_constant=constant)
    return LinearModel(program=in_units(scaled, unit), exponent=exponent)


def _exact(question: Question, program: Program, family: AlphaFairness) -> LinearModel:
    """Return the exact linear form, around a decision that is not better than the best."""
    known = _answer(question, NEAR)
    if known is None or not (_is_verified(known) or known.status is Status.INFEASIBLE):
        raise UnsolvableError(
            f"no decision was found within {SECONDS:g} seconds, and alpha-fair welfare needs one "
            "before it can be written in linear terms: export it as an .nl file"
        )
    form = ExactLinear(reference=known.equivalent if known.has_point else 0.0)
    linear = form.program(question, program)
    written = _in_welfare(linear, family, question.grouping.weight, form.reference_for(question))
    return replace(written, least_equivalent=form.least_equivalent(question))


def _under_tangents(
    question: Question, program: Program, family: AlphaFairness, relative_gap: float
) -> LinearModel:
    """Return the Program with tangents in the place of its terms."""
    relaxed = _without_wholeness(question)
    fractional = _answer(relaxed, SHARE_OF_GAP * relative_gap)
    own = region(question.problem, by_budgets=True)
    around, price = own.upper, None
    if fractional is not None and fractional.has_point:
        around, price = fractional.decision, fractional.certificate.price
    few = attainable(question, own, MOST_VALUES)
    known = fractional
    if question.problem.integer.any():
        known = _answer(question, NEAR) if _needs_known(question, family, around, few) else None
    decision, most_equivalent = None, np.inf
    if known is not None and _is_verified(known):
        decision, most_equivalent = known.decision, known.certificate.bound
    made = tangent_model(
        question, few, around, decision, price, relative_gap, most_equivalent=most_equivalent
    )
    grouping = question.grouping
    linear = under_tangents(program, made.lines, grouping.labels)
    linear = in_units(_with_service(question, family, linear), _unit(made.reference))
    return replace(
        _in_welfare(linear, family, grouping.weight, made.reference),
        relative_gap=0.0 if made.is_exact else relative_gap,
        least_equivalent=made.least_equivalent,
        negligible=made.negligible,
    )


def _needs_known(
    question: Question, family: AlphaFairness, around: Floats, few: list[Floats | None]
) -> bool:
    """Return whether a whole decision has to be known to say what utilities matter."""
    majorant = family.majorant(question.grouping.weight, question.utility(around))
    return any(some is None or is_steep(some / majorant.reference, family.alpha) for some in few)


def _answer(question: Question, relative_gap: float) -> Allocation | None:
    """Return what is found in short time by whichever solver can; None if none can."""
    options = SolveOptions(relative_gap=relative_gap, time_limit_seconds=SECONDS)

    def ask(problem: AllocationProblem) -> Question:
        return replace(question, problem=problem)

    try:
        with Session(ask, question.problem, Choices(options=options)) as session:
            return session.solve()
    except UnsolvableError:
        return None


def _is_verified(answer: Allocation) -> bool:
    return answer.verdict in (Verdict.OPTIMAL, Verdict.FEASIBLE)


def _without_wholeness(question: Question) -> Question:
    return replace(question, problem=question.problem.replace(integer=False))


def _in_welfare(
    linear: Program, family: AlphaFairness, weight: Floats, reference: float
) -> LinearModel:
    """Return the Program whose objective is the welfare, and not that of ratios to a reference."""
    exponent = _exponent(family, reference)
    log_unit = family.log_unit(reference)
    unit = float(np.exp(log_unit + exponent * np.log(2.0)))
    alpha, total = family.alpha, float(weight.sum())
    constant = total * (np.log(reference) if alpha == 1.0 else unit / (1.0 - alpha))
    program = replace(
        linear,
        objective=linear.objective * unit,
        objective_constant=linear.objective_constant * unit + float(constant),
    )
    return LinearModel(program=program, exponent=exponent)


def _unit(reference: float) -> float:
    """Return 1, or a power of two as the unit of utilities, for slopes that no reader drops."""
    if abs(np.log10(reference)) <= LARGEST_DECADES:
        return 1.0
    return float(2.0 ** np.rint(np.log2(reference)))


def _exponent(family: AlphaFairness, reference: float) -> int:
    """Return 0, or the power of two by which welfare at the reference is near its weight."""
    log_unit = family.log_unit(reference)
    if abs(log_unit) <= LARGEST_DECADES * np.log(10.0):
        return 0
    return -int(np.rint(log_unit / np.log(2.0)))


def _with_service(question: Question, family: AlphaFairness, program: Program) -> Program:
    """Return the Program with rows by which everybody gets something where welfare demands it.

    Rows ``served[g]``: at least one of the options that earn, where all of these are whole.
    """
    grouping = question.grouping
    if family.alpha < 1.0:
        return program
    option, group, earned = grouping.links(question.reward)
    needy = np.flatnonzero(needs_service(question))
    links = np.flatnonzero((earned > 0.0) & np.isin(group, needy))
    row = np.searchsorted(needy, group[links])
    column = option[links] + program.columns_of("x").start
    shape = (len(needy), program.n_columns)
    served = sparse.csc_array((np.ones(len(links)), (row, column)), shape=shape)
    labels = [grouping.labels[g] for g in needy.tolist()]
    block = Block(name="served", labels=labels)
    return with_rows(program, served, np.ones(len(needy)), np.full(len(needy), np.inf), block)
