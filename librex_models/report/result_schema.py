"""The JSON schema of what `json_report` returns and ``librex solve --json`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from librex_models.families.family import FamilyKey
from librex_models.verification import Verdict
from solvers import Limit, Status

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FAMILIES: tuple[str, ...] = get_args(FamilyKey)
# What needs a decision, and is null without.
OF_A_DECISION = (
    *("objective", "equivalent", "reward", "used"),
    *("decision", "allocated", "utility", "utility_of_groups", "fairness"),
)

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_NUMBER: Schema = {"$ref": "#/$defs/number"}
_BY_LABEL: Schema = {"type": "object", "additionalProperties": _NUMBER}
_STATUS: Schema = {"enum": [one.name for one in Status]}
_LIMIT: Schema = {"enum": [None, *(one.name for one in Limit)]}


def result_schema() -> Schema:
    """Return the JSON schema of a result.

    Examples
    --------
    >>> schema = result_schema()
    >>> schema["properties"]["verdict"]["enum"]
    ['OPTIMAL', 'FEASIBLE', 'INFEASIBLE', 'UNDECIDED', 'REFUTED']
    """
    return {
        "$schema": DIALECT,
        "title": "Librex result",
        "description": "What librex solve --json prints.",
        **_object(_of_result()),
        "allOf": [_a_decision_where_the_status_says_so(), _a_limit_where_one_stopped()],
        "$defs": {
            "number": {
                "description": "JSON has no infinite numbers: they are texts, which Python's "
                "float reads.",
                "anyOf": [{"type": "number"}, {"enum": ["inf", "-inf", "nan"]}],
            },
            "certificate": _object(_of_certificate()),
            "level": _object(_of_level()),
            "attempt": {
                **_object(_of_attempt()),
                "allOf": [_a_limit_where_one_stopped()],
            },
        },
    }


def _of_result() -> dict[str, Schema]:
    return {
        "model": _said("The family.", {"enum": list(FAMILIES)}),
        "alpha": _said("Of proportional and alpha-fair families.", _or_null(_NUMBER)),
        "inner_alpha": _said("Aversion inside of groups.", _or_null(_NUMBER)),
        "over": _said("Whose utilities are compared.", {"enum": ["agents", "groups", None]}),
        "status": _said("What the solver claims.", _STATUS),
        "limit": _said("What stopped the solver, where it did not finish.", _LIMIT),
        "verdict": _said("What we checked.", {"enum": [one.name for one in Verdict]}),
        "reason": _said("Why there is no allocation to use.", _or_null(_TEXT)),
        "objective": _said("The welfare, recomputed.", _or_null(_NUMBER)),
        "bound": _said("No allocation has more welfare.", _NUMBER),
        "gap": _said("The gap reached, in equivalent utility.", _NUMBER),
        "equivalent": _said("Given to everybody, it has the same welfare.", _or_null(_NUMBER)),
        "reward": _said("The sum of all rewards.", _or_null(_NUMBER)),
        "certificate": {"$ref": "#/$defs/certificate"},
        "budget": _said("By resource.", _BY_LABEL),
        "used": _said("What is handed out, by resource.", _or_null(_BY_LABEL)),
        "price": _said("Welfare per unit of budget, by resource.", _or_null(_BY_LABEL)),
        "decision": _said("By option.", _or_null(_BY_LABEL)),
        "allocated": _said(
            "By agent, then by resource.",
            _or_null({"type": "object", "additionalProperties": _BY_LABEL}),
        ),
        "utility": _said("Of those whom the family compares.", _or_null(_BY_LABEL)),
        "utility_of_groups": _said("By group.", _or_null(_BY_LABEL)),
        "fairness": _said("Measures of the utilities, by name.", _or_null(_BY_LABEL)),
        "solver": _said("Who answered.", _TEXT),
        "route": _said("Which way.", _TEXT),
        "form": _said("The language of the model.", {"enum": ["arrays", "pyomo", "cvxpy"]}),
        "attempts": _said(
            "What was tried, in turn.",
            {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/attempt"}},
        ),
        "seconds": _said("Of the whole solve.", _SECONDS),
    }


def _of_certificate() -> dict[str, Schema]:
    """Return the keys of a certificate, whose numbers are equivalent utilities."""
    return {
        "sentence": _said("All of it in words.", _TEXT),
        "bound_from": _said("What proves the bound.", {"enum": ["prices", "solver", "none"]}),
        "value": _said("Of the decision, recomputed.", _or_null(_NUMBER)),
        "bound": _said("The better of the two.", _NUMBER),
        "price_bound": _said("Recomputed from prices.", _NUMBER),
        "solver_bound": _said("The solver's own.", _NUMBER),
        "price": _said("The multipliers of the bound, by resource.", _or_null(_BY_LABEL)),
        "violations": _said("The largest of each kind, by kind.", _BY_LABEL),
        "levels": _said(
            "Of lexicographic max-min, those that were maximised, the lowest first.",
            {"type": "array", "items": {"$ref": "#/$defs/level"}},
        ),
    }


def _of_level() -> dict[str, Schema]:
    return {
        "value": _said("The utility per weight.", _NUMBER),
        "bound": _said("What it can be at most, given the levels below.", _NUMBER),
        "gap": _said("The gap reached.", _NUMBER),
        "bound_from": _said(
            "What proves the bound.", {"enum": ["prices", "solver", "arithmetic", "none"]}
        ),
        "settled": _said(
            "Who cannot get more without less for somebody at this level or below; empty for "
            "whole decisions.",
            {"type": "array", "items": _TEXT},
        ),
    }


def _of_attempt() -> dict[str, Schema]:
    return {
        "solver": _said("Who was asked.", _TEXT),
        "route": _said("Which way.", _TEXT),
        "form": _said("The language of the model.", _TEXT),
        "status": _said(
            "What it claims; null where it could not be asked.", {"enum": [None, *_STATUS["enum"]]}
        ),
        "limit": _said("What stopped it, where it did not finish.", _LIMIT),
        "seconds": _said("How long it took.", _SECONDS),
        "rounds": _said("How often it was run.", _COUNT),
        "nodes": _said("Of its search.", _COUNT),
        "message": _said("Its own words.", _TEXT),
        "why": _said("Why this solver.", _TEXT),
    }


def _object(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _said(description: str, schema: Schema) -> Schema:
    return {"description": description, **schema}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _a_decision_where_the_status_says_so() -> Schema:
    """Return that there is a decision exactly with OPTIMAL and FEASIBLE."""
    null, present = {"type": "null"}, {"not": {"type": "null"}}
    return _exactly_with(
        (one for one in Status if one.has_point),
        dict.fromkeys(OF_A_DECISION, present),
        dict.fromkeys(OF_A_DECISION, null) | {"reason": present},
    )


def _a_limit_where_one_stopped() -> Schema:
    """Return that there is a limit exactly with FEASIBLE and NO_SOLUTION_FOUND."""
    return _exactly_with(
        (one for one in Status if one.is_stopped),
        {"limit": {"not": {"type": "null"}}},
        {"limit": {"type": "null"}},
    )


def _exactly_with(
    statuses: Iterable[Status], then: dict[str, Schema], otherwise: dict[str, Schema]
) -> Schema:
    return {
        "if": {"properties": {"status": {"enum": [one.name for one in statuses]}}},
        "then": {"properties": then},
        "else": {"properties": otherwise},
    }
