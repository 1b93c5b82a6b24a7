"""Logarithms and powers in a CVXPY objective as alpha-fair terms.

They stay symbolic: each ``log(u)`` and ``power(u, p)`` is replaced by a placeholder variable that
stands for U_alpha(u), alpha = 1 - p. May import CVXPY, and its affine expressions as read.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cvxpy
import numpy as np
from cvxpy.atoms.affine.affine_atom import AffAtom
from cvxpy.atoms.affine.binary_operators import DivExpression
from scipy import sparse

from librex_models.errors import FormError
from librex_models.forms.cvxpy_expressions import (
    HANDLED,
    Affine,
    AffineMap,
    Expression,
    Reader,
    check_affine,
)
from solvers.program import AlphaFairTerms, Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """The terms U_alpha(argument), and the variable that stands for them."""

    placeholder: cvxpy.Variable
    argument: Expression
    alpha: float


def without_terms(expression: Expression, terms: list[Term]) -> Expression:
    """Return the expression with placeholders for its alpha-fair terms.

    The terms are added to `terms`.
    """
    if not expression.variables() or not expression.args:
        return expression
    if isinstance(expression, cvxpy.log):
        return _placeholder(expression.args[0], 1.0, terms)
    if isinstance(expression, cvxpy.Power):
        exponent = _exponent(expression)
        if exponent == 1:
            return without_terms(expression.args[0], terms)
        # u^p = p U_alpha(u)
        return float(exponent) * _placeholder(expression.args[0], float(1 - exponent), terms)
    if isinstance(expression, DivExpression) and isinstance(expression.args[0], cvxpy.Power):
        power, divisor = expression.args
        exponent = _exponent(power)
        # Not p * U / p, which may be another number than U.
        if exponent != 1 and _is_number(divisor, float(exponent)):
            return _placeholder(power.args[0], float(1 - exponent), terms)
    if not isinstance(expression, AffAtom):
        raise FormError(
            f"the objective holds the atom {type(expression).__name__} ({expression}); handled are "
            f"{HANDLED}"
        )
    return expression.copy([without_terms(argument, terms) for argument in expression.args])


def _is_number(expression: Expression, number: float) -> bool:
    is_fixed = not expression.variables() and not expression.parameters()
    return is_fixed and bool(np.all(expression.value == number))


def _placeholder(argument: Expression, alpha: float, terms: list[Term]) -> cvxpy.Variable:
    if terms and terms[0].alpha != alpha:
        raise FormError(
            f"the objective has alpha-fair terms with alpha {terms[0].alpha} and {alpha} "
            f"({argument}): all terms must have the same"
        )
    check_affine(argument, f"the alpha-fair term of {argument}")
    placeholder = cvxpy.Variable(argument.shape)
    terms.append(Term(placeholder=placeholder, argument=argument, alpha=alpha))
    return placeholder


def _exponent(power: Any) -> Fraction:
    """Return the exponent as it was given, before CVXPY approximates it."""
    exponent: Any = power.get_data()[0]
    if isinstance(exponent, cvxpy.Constant):
        exponent = float(exponent.value)
    if isinstance(exponent, cvxpy.Expression):
        raise FormError(f"the exponent of {power} is {exponent}, expected a number")
    return Fraction(exponent)


def check_objective(objective: Any, welfare: Expression, terms: list[Term]) -> None:
    """Raise FormError unless `welfare` is linear, and concave with the terms themselves."""
    check_affine(welfare, "the objective")
    if not terms:
        return
    if not isinstance(objective, cvxpy.Maximize):
        raise FormError("the objective minimises alpha-fair terms: it must maximise them")
    if not objective.is_dcp():
        raise FormError(
            f"the objective {objective.args[0]} is not concave by CVXPY's rules: are the weights "
            "of its terms numbers of at least zero, or Parameters with nonneg=True?"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class AlphaFair:
    """The columns and weights of all terms."""

    columns: Integers
    weight: Affine
    alpha: float

    def terms(self) -> AlphaFairTerms:
        """Return the terms with the constant parts of their weights."""
        return AlphaFairTerms(columns=self.columns, weight=self.weight.constant, alpha=self.alpha)


def alpha_fair_terms(terms: list[Term], objective: AffineMap, reader: Reader) -> AlphaFair | None:
    """Return the terms that an objective holds in the places of their placeholders, if any."""
    if not terms:
        return None
    column_of_entry = np.concatenate([_plain_columns(term, reader) for term in terms])
    n_entries = len(column_of_entry)
    weight = objective.numbers_of_columns(reader.n_columns, reader.n_columns + n_entries)
    # An objective may leave entries out, as log(u)[0] does.
    used = np.flatnonzero((weight.constant != 0.0) | (np.diff(weight.slope.indptr) > 0))
    used = used[np.argsort(column_of_entry[used])]
    columns = column_of_entry[used]
    repeated = np.flatnonzero(np.diff(columns) == 0)
    if repeated.size:
        variable = reader.variable_at(int(columns[repeated[0]]))
        raise FormError(
            f"two alpha-fair terms are functions of one entry of variable {variable!r}: write them "
            "as one term with the sum of their weights"
        )
    slope = sparse.csr_array(weight.slope[used])
    weight = Affine(constant=weight.constant[used], slope=slope)
    return AlphaFair(columns=columns, weight=weight, alpha=terms[0].alpha)


def _plain_columns(term: Term, reader: Reader) -> Integers:
    """Return the columns that the entries of a term's argument are."""
    argument = reader.read([term.argument])
    every_entry = np.arange(argument.n_rows)
    order = np.argsort(argument.row, kind="stable")
    is_plain = (
        np.array_equal(argument.row[order], every_entry)
        and bool((argument.column < reader.n_columns).all())
        and bool((argument.parameter == argument.n_parameters).all())
        and bool((argument.number == 1.0).all())
    )
    if not is_plain:
        raise FormError(
            f"the alpha-fair term of {term.argument} is not of plain variables: name the "
            "expression by a variable and an equality constraint"
        )
    return argument.column[order]
