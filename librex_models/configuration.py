"""A whole problem file: the problem, the idea of fairness and the solver that it asks for.

The tables of the problem are described in `librex_models.problem.problem_file`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import pydantic
from pydantic_core import PydanticCustomError

from librex_models.families.family import FamilyKey
from librex_models.problem import AllocationProblem
from librex_models.problem.problem_file import (
    COMBINATION,
    Label,
    Numbers,
    ProblemTables,
    Source,
    Table,
    folder_of,
    problem_of_tables,
    read_tables,
)

# What can be demanded of utilities by every model that compares them.
LIMITS = ("floor", "ceiling", "gini_cap", "spread_cap")

# The further keys of [fairness] that each model takes.
KEYS_OF_MODEL: dict[str, tuple[str, ...]] = {
    "budget_only": (),
    "proportional": ("over", *LIMITS),
    "max_min": ("over", "lexicographic", "inner_alpha", *LIMITS),
    "alpha_fair": ("alpha", *LIMITS),
    "group_alpha_fair": ("alpha", "inner_alpha", *LIMITS),
    "ordered_weighted": ("owa_weights", "over", *LIMITS),
    "piecewise_linear": ("breakpoints", "slopes", "over", *LIMITS),
}

# Those of them that must be there.
NEEDED = ("alpha", "owa_weights", "breakpoints", "slopes")


def _check_native(value: object) -> object:
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError("should be a number, a string, true or false")
    return value


Name = Annotated[str, pydantic.Field(min_length=1)]
AtLeastZero = Annotated[float, pydantic.Field(ge=0)]
Count = Annotated[int, pydantic.Field(ge=0)]
NativeValue = Annotated[
    Any,
    pydantic.BeforeValidator(_check_native),
    pydantic.WithJsonSchema({"type": ["number", "string", "boolean"]}),
]


def _keys_of_each_model(schema: dict[str, Any]) -> None:
    """Add to a JSON schema which further keys each model takes, and that alpha must be there."""
    every = sorted({key for keys in KEYS_OF_MODEL.values() for key in keys})
    schema["allOf"] = [
        {
            "if": {"properties": {"model": {"const": model}}, "required": ["model"]},
            "then": {
                "properties": {key: False for key in every if key not in keys},
                "required": [key for key in keys if key in NEEDED],
            },
        }
        for model, keys in KEYS_OF_MODEL.items()
    ]


class FairnessSettings(Table):
    """``[fairness]``: which model to solve.

    Parameters
    ----------
    model : str
        ``budget_only``, ``proportional``, ``max_min``, ``alpha_fair``, ``group_alpha_fair``,
        ``ordered_weighted`` or ``piecewise_linear``.
    alpha : float or None
        At least zero, may be infinite; for the alpha-fair models, which need it.
    inner_alpha : float
        At least zero, may be infinite: aversion to inequality inside of groups, for
        ``group_alpha_fair`` and ``max_min``.
    over : "groups" or "agents"
        Whose utilities are compared; not for the alpha-fair models.
    lexicographic : bool
        All levels, or the first only; for ``max_min``.
    floor, ceiling : float, dict of {label: float} or None
        The least and the most that utilities may be.
    gini_cap, spread_cap : float or None
        The largest Gini coefficient of the utilities, and difference between two of them.
    owa_weights : list of float
        For ``ordered_weighted``, the weight of the worst off first.
    breakpoints, slopes : list of float, or lists of them, one for each utility
        For ``piecewise_linear``.
    """

    model_config = pydantic.ConfigDict(json_schema_extra=_keys_of_each_model)

    model: FamilyKey
    alpha: AtLeastZero | None = None
    inner_alpha: AtLeastZero = 0.0
    over: Literal["groups", "agents"] = "groups"
    lexicographic: bool = True
    floor: Numbers | None = None
    ceiling: Numbers | None = None
    gini_cap: Annotated[float, pydantic.Field(ge=0, le=1)] | None = None
    spread_cap: AtLeastZero | None = None
    owa_weights: list[AtLeastZero] | None = None
    breakpoints: list[AtLeastZero] | list[list[AtLeastZero]] | None = None
    slopes: list[AtLeastZero] | list[list[AtLeastZero]] | None = None

    @pydantic.model_validator(mode="after")
    def _check_keys(self) -> Self:
        taken = KEYS_OF_MODEL[self.model]
        for key in ("alpha", "inner_alpha", "over", "lexicographic", *NEEDED, *LIMITS):
            if key in self.model_fields_set and key not in taken:
                raise PydanticCustomError(
                    COMBINATION, f"fairness.{key} is given, but model {self.model!r} takes none"
                )
        for key in NEEDED:
            if key in taken and getattr(self, key) is None:
                raise PydanticCustomError(
                    COMBINATION, f"key 'fairness.{key}' is missing: model {self.model!r} needs it"
                )
        return self

    def arguments(self) -> dict[str, Any]:
        """Return the keywords that the class of the model takes."""
        given = {key: getattr(self, key) for key in KEYS_OF_MODEL[self.model]}
        return {key: value for key, value in given.items() if value is not None}


class SolverSettings(Table):
    """``[solver]``: who solves the model, and when to stop; the keywords of ``model.solve``.

    Parameters
    ----------
    name, form, route : str
    fallback : list of str
        Who is asked in turn on trouble of the solvers before.
    isolate : bool
        Whether solvers run in a process of their own.
    time_limit_seconds, memory_limit_mb : float or None
    relative_gap, absolute_gap : float
    node_limit : int or None
    threads, seed : int
    native : dict of {solver: {option: value}}
        Options under the solvers' own names.
    """

    later: ClassVar[frozenset[str]] = frozenset({"start", "log"})

    name: Name = "auto"
    fallback: list[Name] = pydantic.Field(default_factory=list)
    isolate: bool = False
    form: Literal["arrays", "pyomo", "cvxpy"] = "arrays"
    route: Name = "auto"
    time_limit_seconds: AtLeastZero | None = None
    relative_gap: AtLeastZero = 1e-6
    absolute_gap: AtLeastZero = 0.0
    node_limit: Count | None = None
    memory_limit_mb: Annotated[float, pydantic.Field(gt=0)] | None = None
    threads: Annotated[int, pydantic.Field(ge=1)] = 1
    seed: Count = 0
    native: dict[Label, dict[Label, NativeValue]] = pydantic.Field(default_factory=dict)


class ConfigurationFile(ProblemTables):
    """Every table of a problem file."""

    later: ClassVar[frozenset[str]] = frozenset({"thompson"})

    fairness: FairnessSettings
    solver: SolverSettings = SolverSettings()


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a problem file asks for.

    Parameters
    ----------
    name : str
        The file, for messages.
    problem : AllocationProblem
    fairness : FairnessSettings
    solver : SolverSettings
    """

    name: str
    problem: AllocationProblem
    fairness: FairnessSettings
    solver: SolverSettings


def read_configuration(
    source: Source, folder: str | os.PathLike[str] | None = None
) -> Configuration:
    """Return what a problem file asks for.

    Parameters
    ----------
    source : path or text stream
    folder : path, optional
        Where a relative path to the table of options starts; by default the folder of the problem
        file, for a stream the current folder.

    Raises
    ------
    FileError
        Naming the file, and the line or key of what is wrong.
    """
    name, tables = read_tables(source, ConfigurationFile)
    problem = problem_of_tables(name, tables, folder_of(source) if folder is None else folder)
    return Configuration(name=name, problem=problem, fairness=tables.fairness, solver=tables.solver)
