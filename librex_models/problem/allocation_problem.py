"""AllocationProblem: requests, budgets, rewards, agents and groups, checked and frozen.

sum_j requests_jk x_j <= budget_k
agent_minimum_i <= sum over the options j of agent i of x_j <= agent_limit_i
lower_j <= x_j <= upper_j,   x_j whole where integer_j
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from librex_models.errors import ParameterError, ProblemError
from librex_models.problem.arguments import (
    is_shared,
    is_sparse,
    limits_of_agents,
    numbers_of_groups,
    numbers_of_options,
    requests_and_names,
    shared_rewards,
    who_is_served,
    who_owns_what,
)
from librex_models.problem.grouping import Grouping
from librex_models.problem.labels import Floats, Integers, Labels, once_each, plural
from librex_models.problem.rows import ExtraRows, checked_rows
from librex_models.problem.written_values import GROUP_NUMBERS, written_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Over = Literal["groups", "agents"]
Made = TypeVar("Made")

_COMPARED = (
    "budget",
    "reward",
    "agent_of_option",
    "group_of_agent",
    "weight",
    "history",
    "agent_weight",
    "agent_history",
    "lower",
    "upper",
    "agent_limit",
    "agent_minimum",
    "integer",
)
_LABELS = ("options", "resources", "agents", "groups")


class AllocationProblem:
    """Agents ask for bundles of resources; every bundle has a reward; budgets are limited.

    Parameters
    ----------
    requests : array_like, data frame or scipy.sparse array of shape (n_options, n_resources)
        Use of each resource per unit of decision, at least zero. The columns of a frame are
        resources; a pandas index that is not just positions names the options.
    budget : array_like of shape (n_resources,) or {resource: amount}
        At least zero; may be infinite.
    reward : array_like of shape (n_options,) or (n_options, n_groups), optional
        Utility per unit of decision. May be left out and written into a session later. Where
        options serve several groups (public goods), one column for each group, dense, sparse or a
        frame whose columns are the groups; `group` then names them.
    agent : sequence of labels of shape (n_options,), optional
        Whose option this is. By default every option is its own agent.
    group : sequence of labels of shape (n_agents,) or {agent: label}, optional
        Agents in order of first appearance. By default every agent is its own group.
    weight, history : array_like of shape (n_groups,) or {group: number}, optional
        Weight in the welfare (above zero, default 1) and utility earned before (at least zero,
        default 0); groups in order of first appearance.
    agent_weight, agent_history : array_like of shape (n_agents,) or {agent: number}, optional
        The same per agent, used by families over agents.
    lower, upper : float or array_like of shape (n_options,)
        Bounds of the decisions, 0 <= lower <= upper; upper may be infinite where a finite budget
        or an agent limit binds.
    agent_limit, agent_minimum : float, array_like of shape (n_agents,) or {agent: number}
        Most and least that the decisions of an agent may sum to. The limit is by default 1 for an
        agent with several options that all have upper = 1, else infinite.
    integer : bool or boolean array of shape (n_options,)
        Which decisions are whole.
    group_utility : "mean" or "sum"
        Whether the utility of a group is divided by the number of its agents.
    option_names, resource_names : sequences of labels, optional
        By default positions.
    extra_rows : Rows, optional
        The user's own linear rows over decisions.

    Attributes
    ----------
    n_options, n_agents, n_groups, n_resources : int
    options, agents, groups, resources : sequences of labels
    agent_of_option, group_of_agent : integer arrays

    Raises
    ------
    ShapeError, ParameterError, ProblemError
        Naming the option, agent, group or resource that breaks a rule.

    Notes
    -----
    Arrays are copied and read-only. Series, frames and dictionaries are matched by label.

    Examples
    --------
    >>> problem = AllocationProblem([[2.0], [1.0]], [2.0], reward=[3.0, 2.0])
    >>> print(problem)
    2 options of 2 agents in 2 groups, 1 resource, fractional decisions
      resource 0: budget 2, requested 3
    """

    requests: Floats | sparse.csr_array
    budget: Floats
    reward: Floats | None
    shared_reward: sparse.csr_array | None
    lower: Floats
    upper: Floats
    integer: npt.NDArray[np.bool_]
    agent_limit: Floats
    agent_minimum: Floats
    weight: Floats
    history: Floats
    agent_weight: Floats
    agent_history: Floats
    extra_rows: ExtraRows
    group_utility: str
    options: Labels
    agents: Labels
    groups: Labels
    resources: Labels

    def __init__(
        self,
        requests: Any,
        budget: Any,
        reward: Any = None,
        agent: Any = None,
        group: Any = None,
        weight: Any = None,
        history: Any = None,
        agent_weight: Any = None,
        agent_history: Any = None,
        lower: Any = 0.0,
        upper: Any = 1.0,
        agent_limit: Any = None,
        agent_minimum: Any = None,
        integer: Any = False,
        group_utility: str = "mean",
        option_names: Any = None,
        resource_names: Any = None,
        extra_rows: Any = None,
    ) -> None:
        fields = self.__dict__
        fields.update(requests_and_names(requests, budget, option_names, resource_names))
        shared = is_shared(reward)
        if shared:
            fields.update(who_is_served(fields["options"], agent, group, reward))
        else:
            fields.update(who_owns_what(fields["options"], agent, group))
        own = None if shared else reward
        fields.update(numbers_of_options(fields["options"], own, lower, upper, integer))
        fields["shared_reward"] = None
        if shared:
            fields.update(shared_rewards(fields["options"], fields["groups"], reward))
        fields.update(numbers_of_groups(fields, weight, history, agent_weight, agent_history))
        fields.update(limits_of_agents(fields, agent_limit, agent_minimum))
        fields["extra_rows"] = checked_rows(extra_rows, fields["options"])
        if group_utility not in ("mean", "sum"):
            raise ParameterError(f"group_utility is {group_utility!r}, expected 'mean' or 'sum'")
        fields["group_utility"] = group_utility
        fields["_agent_limit_given"] = agent_limit is not None
        _check_every_option_is_bounded(self)
        _freeze(fields)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a problem does not change."""
        raise AttributeError(
            f"a problem is frozen; problem.replace({name}=...) gives a changed copy"
        )

    def __delattr__(self, name: str) -> None:
        """Refuse: a problem does not change."""
        raise AttributeError(f"a problem is frozen; {name} cannot be deleted")

    @property
    def n_options(self) -> int:
        """Number of options."""
        return len(self.options)

    @property
    def n_agents(self) -> int:
        """Number of agents."""
        return len(self.agents)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @property
    def n_resources(self) -> int:
        """Number of resources."""
        return len(self.resources)

    @cached_property
    def agent_of_option(self) -> Integers:
        """The agent of each option; each has its own where nothing was said."""
        return _each(self.n_options)

    @cached_property
    def group_of_agent(self) -> Integers:
        """The group of each agent; each is its own where nothing was said."""
        return _each(self.n_agents)

    @cached_property
    def has_integers(self) -> bool:
        """Whether any decision must be whole."""
        return bool(self.integer.any())

    @property
    def known_reward(self) -> Floats:
        """The rewards, zeros where they are not known yet; shape (n_options,)."""
        return np.zeros(self.n_options) if self.reward is None else self.reward

    @cached_property
    def usage(self) -> sparse.csc_array:
        """The requests as columns of budget rows: shape (n_resources, n_options), no zeros."""
        shape = (self.n_resources, self.n_options)
        if isinstance(self.requests, np.ndarray) and self.requests.size and self.requests.all():
            # Nothing is zero: the rows of the requests are the columns, entry by entry.
            kind = sparse.get_index_dtype(maxval=self.requests.size)
            starts = np.arange(0, self.requests.size + 1, self.n_resources, dtype=kind)
            resources = np.tile(np.arange(self.n_resources, dtype=kind), self.n_options)
            usage = sparse.csc_array((self.requests.ravel(), resources, starts), shape=shape)
            usage.has_canonical_format = True
            return usage
        by_option = sparse.csr_array(self.requests)
        return sparse.csc_array((by_option.data, by_option.indices, by_option.indptr), shape=shape)

    def once(self, name: str, compute: Callable[[], Made]) -> Made:
        """Return what a function makes of all numbers but the rewards, made once under its name.

        Copies with other rewards share it.
        """
        if name not in self._made:
            self._made[name] = compute()
        made: Made = self._made[name]
        return made

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    def grouping(self, over: Over) -> Grouping:
        """Return the utilities compared by a family over groups or over agents.

        Raises
        ------
        ParameterError
            If `over` is "agents" and the problem holds a history of groups.
        """
        if over == "groups":
            return self._by_group
        if self.shared_reward is not None:
            raise ParameterError(
                "rewards are given for groups, and this family compares agents: use one over groups"
            )
        if self.history.any():
            place = int(np.flatnonzero(self.history)[0])
            raise ParameterError(
                f"history of group {self.groups[place]!r} is {self.history[place]}, but this "
                "family compares agents: give agent_history instead"
            )
        return self._by_agent

    @cached_property
    def _by_group(self) -> Grouping:
        if self.shared_reward is not None:
            return Grouping(
                labels=self.groups,
                of_option=np.full(self.n_options, self.n_groups),
                share=np.ones(self.n_groups),
                weight=self.weight,
                history=self.history,
                kind="group",
                shared_reward=self.shared_reward,
            )
        size = np.bincount(self.group_of_agent, minlength=self.n_groups)
        share = 1.0 / size if self.group_utility == "mean" else np.ones(self.n_groups)
        return Grouping(
            labels=self.groups,
            of_option=self.group_of_agent[self.agent_of_option],
            share=share,
            weight=self.weight,
            history=self.history,
            kind="group",
        )

    @cached_property
    def _by_agent(self) -> Grouping:
        return Grouping(
            labels=self.agents,
            of_option=self.agent_of_option,
            share=np.ones(self.n_agents),
            weight=self.agent_weight,
            history=self.agent_history,
            kind="agent",
        )

    def replace(self, **changes: Any) -> AllocationProblem:
        """Return a changed copy; takes the arguments of the constructor.

        Examples
        --------
        >>> problem = AllocationProblem([[1.0]], [2.0], reward=[1.0])
        >>> problem.replace(budget=[5.0]).budget
        array([5.])
        """
        arguments = self._arguments()
        unknown = changes.keys() - arguments.keys()
        if unknown:
            raise ParameterError(
                f"replace takes the arguments of AllocationProblem, not {sorted(unknown)[0]!r}"
            )
        if "agent" in changes or "group" in changes:
            # What belongs to the old agents and groups goes by label: their order may change.
            arguments.update(self._labelled_arguments())
        return AllocationProblem(**(arguments | changes))

    def with_values(self, **values: Any) -> AllocationProblem:
        """Return a copy with other numbers, checking only these.

        What a session writes (`librex_models.problem.written_values`); everything else is shared
        with this problem.

        Raises
        ------
        ShapeError, ParameterError, ProblemError
            Naming the offender.
        """
        written = written_fields(self, values)
        _freeze(written)
        fresh = object.__new__(AllocationProblem)
        fields = fresh.__dict__
        fields.update(self.__dict__, _made=self._made)
        fields.update(written)
        if written.keys() == {"reward"}:
            return fresh
        fields.pop("_made")
        if "requests" in written:
            fields.pop("usage", None)
        if not written.keys().isdisjoint((*GROUP_NUMBERS, "shared_reward")):
            fields.pop("_by_group", None)
            fields.pop("_by_agent", None)
        if not written.keys().isdisjoint(("upper", "agent_limit")):
            # The default limit of agents was fixed when the problem was made.
            fields["_agent_limit_given"] = True
        if not written.keys().isdisjoint(("budget", "upper", "agent_limit", "requests")):
            _check_every_option_is_bounded(fresh)
        return fresh

    @classmethod
    def from_frame(
        cls, frame: Any, resources: Sequence[str], budget: Any, **arguments: Any
    ) -> AllocationProblem:
        """Return the problem that a data frame describes, one row an option.

        Parameters
        ----------
        frame : pandas, Polars, PyArrow or any other data frame that narwhals reads
            One column for each resource, and where present ``reward``, ``agent``, ``group``,
            ``lower``, ``upper``, ``integer`` and ``option``.
        resources : sequence of str
            The columns that are requests.
        budget : array_like of shape (n_resources,) or {resource: amount}
        **arguments
            Further arguments of AllocationProblem; they win over columns of the frame.

        Raises
        ------
        ParameterError
            If a column is missing, or a group differs between two options of one agent.
        """
        from librex_models.problem.frames import arguments_of_frame

        return cls(**(arguments_of_frame(frame, resources) | {"budget": budget} | arguments))

    @classmethod
    def from_benefits(
        cls,
        benefit: Any,
        cost: Any,
        group: Any = None,
        budget: Any = None,
        *,
        agent_names: Any = None,
        treatment_names: Any = None,
        **arguments: Any,
    ) -> AllocationProblem:
        """Return the problem in which each agent gets at most one treatment, or none.

        Options are the pairs of agent and treatment, the treatments of the first agent first:
        ``allocation.decision.reshape(n_agents, n_treatments)``. The decisions of an agent sum to
        at most 1: with ``integer=True`` that is one treatment or none, else shares of treatments.
        No treatment costs nothing and earns nothing, so it needs no column of its own;
        ``agent_minimum=1`` gives everybody one.

        Parameters
        ----------
        benefit : array_like or data frame of shape (n_agents, n_treatments)
            What a treatment is worth to an agent. The index and columns of a frame are agents and
            treatments. NaN is an error: where an agent cannot get a treatment, give `upper` = 0.
        cost : array_like of shape (n_agents, n_treatments) or (n_agents, n_treatments, n_resources)
            What the treatment of an agent uses, at least zero. May be a frame of one resource.
        group : sequence of labels of shape (n_agents,) or {agent: label}, optional
        budget : float, array_like of shape (n_resources,) or {resource: amount}
            Must be given.
        agent_names, treatment_names : sequences of labels, optional
            By default positions, or the labels of a frame.
        **arguments
            Further arguments of AllocationProblem; `lower`, `upper` and `integer` may have the
            shape of `benefit`.

        Raises
        ------
        ShapeError, ParameterError
            Naming the agent, treatment or argument that breaks a rule.

        Examples
        --------
        >>> from librex_models import BudgetOnly
        >>> problem = AllocationProblem.from_benefits(
        ...     benefit=[[3.0, 6.0], [2.0, 4.0]],
        ...     cost=[[1.0, 2.0], [1.0, 2.0]],
        ...     budget=3.0,
        ...     integer=True,
        ... )
        >>> BudgetOnly(problem).solve().decision.reshape(2, 2)
        array([[0., 1.],
               [1., 0.]])
        """
        from librex_models.problem.benefits import arguments_of_benefits

        made = arguments_of_benefits(benefit, cost, budget, agent_names, treatment_names, arguments)
        return cls(group=group, **made)

    @classmethod
    def from_network(
        cls,
        graph: Any,  # noqa: ARG003
        demands: Any,  # noqa: ARG003
        paths: int = 4,  # noqa: ARG003
    ) -> AllocationProblem:
        """Raise: networks are not supported yet.

        Raises
        ------
        ProblemError
            Always; list the paths as options and the links as resources instead.
        """
        raise ProblemError(
            "from_network is not supported yet: give each path as an option (its demand as agent) "
            "and each link as a resource"
        )

    def _arguments(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "budget": self.budget,
            "reward": self.reward if self.shared_reward is None else self.shared_reward.T,
            "agent": [self.agents[i] for i in self.agent_of_option.tolist()],
            "group": self._group_argument(),
            "weight": self.weight,
            "history": self.history,
            "agent_weight": self.agent_weight,
            "agent_history": self.agent_history,
            "lower": self.lower,
            "upper": self.upper,
            "agent_limit": self.agent_limit if self.limits_are_given else None,
            "agent_minimum": self.agent_minimum,
            "integer": self.integer,
            "group_utility": self.group_utility,
            "option_names": self.options,
            "resource_names": self.resources,
            "extra_rows": self.extra_rows if len(self.extra_rows) else None,
        }

    def _group_argument(self) -> list[Any]:
        if self.shared_reward is not None:
            return list(self.groups)
        return [self.groups[g] for g in self.group_of_agent.tolist()]

    @property
    def limits_are_given(self) -> bool:
        """Whether the limits of agents were given, and are not the default."""
        return bool(self.__dict__["_agent_limit_given"])

    def _labelled_arguments(self) -> dict[str, Any]:
        """Return what belongs to agents and groups by label, None where it is the default."""
        by_agent = {
            "agent_weight": (self.agent_weight, 1.0),
            "agent_history": (self.agent_history, 0.0),
            "agent_minimum": (self.agent_minimum, 0.0),
            "agent_limit": (self.agent_limit, None if self.limits_are_given else self.agent_limit),
        }
        by_group = {"weight": (self.weight, 1.0), "history": (self.history, 0.0)}
        arguments: dict[str, Any] = {}
        for labels, values in ((self.agents, by_agent), (self.groups, by_group)):
            for name, (numbers, default) in values.items():
                is_default = default is not None and bool((numbers == default).all())
                by_label = dict(zip(labels, numbers.tolist(), strict=True))
                arguments[name] = None if is_default else by_label
        if self.shared_reward is not None:
            return arguments | {"group": self._group_argument()}
        groups = self._group_argument()
        is_own = groups == list(self.agents)
        arguments["group"] = None if is_own else dict(zip(self.agents, groups, strict=True))
        return arguments

    def __eq__(self, other: object) -> bool:
        """Whether both problems hold the same numbers and labels."""
        if not isinstance(other, AllocationProblem):
            return NotImplemented
        return (
            all(list(getattr(self, name)) == list(getattr(other, name)) for name in _LABELS)
            and self.group_utility == other.group_utility
            and all(
                np.array_equal(getattr(self, name), getattr(other, name))
                if getattr(self, name) is not None and getattr(other, name) is not None
                else getattr(self, name) is getattr(other, name)
                for name in _COMPARED
            )
            and not _requests_differ(self, other)
            and self.extra_rows.same_as(other.extra_rows)
            and _same_shared(self.shared_reward, other.shared_reward)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return one line with the sizes."""
        return (
            f"AllocationProblem(n_options={self.n_options}, n_agents={self.n_agents}, "
            f"n_groups={self.n_groups}, n_resources={self.n_resources})"
        )

    def __str__(self) -> str:
        """Return the sizes and, for each resource, budget and requests."""
        n_whole = int(self.integer.sum())
        kinds = {0: "fractional decisions", self.n_options: "whole decisions"}
        kind = kinds.get(n_whole, f"{n_whole} of the decisions whole")
        head = (
            f"{plural(self.n_options, 'option')} of {plural(self.n_agents, 'agent')} in "
            f"{plural(self.n_groups, 'group')}, {plural(self.n_resources, 'resource')}, {kind}"
        )
        if self.reward is None:
            head += ", rewards not yet known"
        asked = np.asarray(self.usage.sum(axis=1))
        lines = [
            f"  resource {name}: budget {amount:g}, requested {total:g}"
            for name, amount, total in zip(self.resources, self.budget, asked, strict=True)
        ]
        if len(self.extra_rows):
            lines.append(f"  {plural(len(self.extra_rows), 'extra row')}")
        return "\n".join([head, *lines])

    def __copy__(self) -> AllocationProblem:
        """Return the problem itself: it does not change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> AllocationProblem:
        """Return the problem itself: it does not change."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields without what can be computed again."""
        derived = {"usage", "has_integers", "_made", "_by_group", "_by_agent"}
        return {name: value for name, value in self.__dict__.items() if name not in derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the fields, read-only again."""
        self.__dict__.update(state)
        _freeze(self.__dict__)


def _each(count: int) -> Integers:
    """Return the first whole numbers, which nobody changes."""
    numbers = np.arange(count)
    numbers.setflags(write=False)
    return numbers


def _same_shared(one: sparse.csr_array | None, other: sparse.csr_array | None) -> bool:
    if one is None or other is None:
        return one is other
    different: Any = one != other
    return one.shape == other.shape and not different.nnz


def _requests_differ(one: AllocationProblem, other: AllocationProblem) -> bool:
    different: Any = sparse.csr_array(one.requests) != sparse.csr_array(other.requests)
    return bool(different.nnz)


def _freeze(fields: dict[str, Any]) -> None:
    for value in fields.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        elif is_sparse(value):
            for part in (value.data, value.indices, value.indptr):
                part.setflags(write=False)
        elif isinstance(value, ExtraRows):
            _freeze({"lower": value.lower, "upper": value.upper, "matrix": value.matrix})


def _check_every_option_is_bounded(problem: AllocationProblem) -> None:
    if once_each(problem.upper).max(initial=0.0) < np.inf:
        return
    unbounded = np.isinf(problem.upper) & np.isinf(problem.agent_limit[problem.agent_of_option])
    if not unbounded.any():
        return
    limited = np.isfinite(problem.budget).astype(np.float64)
    uses_limited = (problem.usage.T @ limited) > 0
    free = np.flatnonzero(unbounded & ~uses_limited)
    if free.size:
        raise ProblemError(
            f"option {problem.options[int(free[0])]!r} has no upper bound and uses no limited "
            "resource: give it an upper bound, or its agent a limit"
        )
