"""Thompson sampling on top of any model: draw rewards, write them, solve, learn from outcomes.

    sampler = ThompsonAllocator(model, BetaBernoulli(problem.n_options), seed=0)
    allocation = sampler.allocate()
    sampler.update(options=chosen, outcomes=seen)

Thompson (1933), Biometrika 25, 285-294; Wang & Chen (2018), "Thompson sampling for combinatorial
semi-bandits", ICML.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from types import TracebackType
from typing import Any, Self

from librex_models.allocation import Allocation
from librex_models.errors import FileError, ParameterError
from librex_models.model import Model
from librex_models.problem.labels import Floats
from librex_models.thompson.fingerprint import fingerprint
from librex_models.thompson.happenings import (
    count_outcomes,
    count_round,
    outcomes_entry,
    replay,
    round_entry,
)
from librex_models.thompson.horizon import Horizon
from librex_models.thompson.kinds import posterior_from_dict
from librex_models.thompson.learned_state import checked_state
from librex_models.thompson.ledger import KEPT_EVENTS, KEPT_ROUNDS, Decided
from librex_models.thompson.one_thread import one_thread
from librex_models.thompson.other_options import carried_over
from librex_models.thompson.posterior import Posterior
from librex_models.thompson.record import Record
from librex_models.thompson.service_floors import service_floors as checked_floors
from librex_models.thompson.setting import Setting, setting_of
from librex_models.thompson.state_file import (
    Entry,
    naming_line,
    read_entries,
    write_state,
)
from solvers.atomic_file import Name


class ThompsonAllocator:
    """A model whose rewards are learned: each round draws them, and allocates.

    Use it as a context manager, or close it. It serves one thread at a time; another one is
    refused.

    Parameters
    ----------
    model : Model
        Its own reward, if any, is not read.
    posterior : Posterior
        Of as many options.
    solver : str
    seed : int or None
        With a seed all draws are determined.
    horizon : Horizon, optional
        Money for many rounds; without, each round has the budgets of the model.
    cumulates : bool
        Whether fairness is over all rounds together: what was earned, by the outcomes that were
        counted, is written into the history. For families that compare utilities. A gap is one of
        histories too: after a million rounds ask for a smaller one, such as 1e-12.
    service_floors : {agent: rate} or array_like of shape (n_agents,), optional
        At any time t each agent has been served floor(rate t) times at least.
    services_per_round : int
        How many agents a round can serve; of this, floors are served ahead of time.
    keep_rounds, keep_events : int
        How many rounds, and events of your own, are remembered for outcomes that are late.
    journal : path, optional
        A new file, to which everything that happens is written before it is acknowledged.
    **options
        What `Model.open` takes, such as ``form``, ``relative_gap`` or ``fallback``.

    Attributes
    ----------
    posterior : Posterior
        Update it through the sampler alone.

    Examples
    --------
    >>> from librex_models import AllocationProblem, BudgetOnly
    >>> from librex_models.thompson import BetaBernoulli, ThompsonAllocator
    >>> problem = AllocationProblem([[1.0], [1.0]], [1.0], option_names=["old", "new"])
    >>> posterior = BetaBernoulli(2).fit([0, 0, 0, 1, 1, 1], [1, 0, 0, 1, 1, 1])
    >>> with ThompsonAllocator(BudgetOnly(problem), posterior, solver="highs", seed=0) as sampler:
    ...     allocation = sampler.allocate()
    ...     sampler.update(options=[1], outcomes=[1])
    1
    >>> allocation.decision
    array([0., 1.])
    """

    def __init__(
        self,
        model: Model,
        posterior: Posterior,
        *,
        solver: str = "auto",
        seed: int | None = None,
        horizon: Horizon | None = None,
        cumulates: bool = False,
        service_floors: Any = None,
        services_per_round: int = 1,
        keep_rounds: int = KEPT_ROUNDS,
        keep_events: int = KEPT_EVENTS,
        journal: Name | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(model, Model):
            raise ParameterError(
                f"model is {type(model).__name__}, expected one such as BudgetOnly"
            )
        floors = None
        if service_floors is not None:
            floors = checked_floors(model.problem, service_floors, services_per_round)
        setting = Setting(
            model=model,
            horizon=horizon,
            cumulates=cumulates,
            floors=floors,
            keep_rounds=keep_rounds,
            keep_events=keep_events,
            opened_with={"solver": solver, **options},
        )
        self._begin(setting, posterior, seed)
        if journal is not None:
            try:
                self._record.begin(journal, self._state())
            except FileError:
                self._session.close()
                raise

    def _begin(self, setting: Setting, posterior: Posterior, seed: int | None) -> None:
        self._setting = setting
        self._learned = setting.untaught(posterior, seed)
        self._session = setting.model.open(**setting.opened_with)
        self._record, self._in_use = Record(), Lock()
        self._has_own_budget = False

    @property
    def posterior(self) -> Posterior:
        """What is believed about the rewards."""
        return self._learned.posterior

    @property
    def round(self) -> int:
        """How many rounds there were."""
        return self._learned.tally.round

    @property
    def rounds(self) -> Mapping[int, Decided]:
        """The last rounds by their numbers, with what was drawn and decided in each."""
        return dict(self._learned.ledger.rounds)

    @property
    def left(self) -> Floats | None:
        """What is left of the horizon's money, shape (n_resources,); None without a horizon."""
        purse = self._learned.tally.purse
        return None if purse is None else purse.left.copy()

    @property
    def earned(self) -> Floats:
        """The utility that counted outcomes add up to, by group or agent."""
        return self._learned.tally.earned.copy()

    @property
    def served(self) -> Floats:
        """The sum of the decisions of each agent, shape (n_agents,)."""
        return self._learned.tally.served.copy()

    @one_thread
    def allocate(self, budget: Any = None, features: Any = None) -> Allocation:
        """Draw rewards, write them, and solve.

        Parameters
        ----------
        budget : array_like of shape (n_resources,) or {resource: amount}, optional
            Of this round; with a horizon no more than is left.
        features : array_like of shape (n_options, n_features), optional
            The context of this round, where the posterior asks for one.

        Returns
        -------
        Allocation
            Always. Where it has no point, nothing else has happened: no round was counted.

        Raises
        ------
        ParameterError
            If the horizon is over, or a draw is negative and the family compares utilities.
        FileError
            If the journal cannot be written.
        """
        self._record.check(self._state)
        learned = self._learned
        before = learned.generator.bit_generator.state
        try:
            draw = learned.posterior.draw(learned.generator, features)
            values = self._setting.written(learned.tally, draw, budget)
            if self._has_own_budget and "budget" not in values:
                values["budget"] = self._setting.model.problem.budget
            if self._setting.is_solved_afresh(learned.tally.purse, values["reward"]):
                self._session.forget()
            self._session.write(**values)
            self._has_own_budget = budget is not None
            allocation = self._session.solve()
            if allocation.has_point:
                has_purse = learned.tally.purse is not None
                entry = round_entry(allocation, features, has_purse)
                self._record.write_down(entry)
        except BaseException:
            learned.generator.bit_generator.state = before
            raise
        if allocation.has_point:
            with self._record.following():
                count_round(self._setting, learned, draw, entry)
        else:
            learned.generator.bit_generator.state = before
        return allocation

    @one_thread
    def update(
        self,
        options: Any,
        outcomes: Any,
        *,
        rounds: Any = None,
        events: Any = None,
        features: Any = None,
    ) -> int:
        """Learn from outcomes, which may be late, in batches, out of order or sent twice.

        Parameters
        ----------
        options : array_like of int, shape (n_outcomes,)
            Numbers of options.
        outcomes : array_like of shape (n_outcomes,)
            Reward per unit of decision.
        rounds : int or array_like of int, shape (n_outcomes,), optional
            The number of the round each belongs to, see `round`. An option of a round is counted
            once. By default outcomes are of the last round, and counted as often as they come.
        events : list of str or int, optional
            Names of your own, one for each outcome: each is counted once.
        features : array_like of shape (n_outcomes, n_features), optional
            The contexts; by default those of the rounds.

        Returns
        -------
        int
            How many outcomes were counted; the others were counted before.

        Raises
        ------
        ShapeError, ParameterError
            Naming option and position; nothing was counted.
        FileError
            If the journal cannot be written.
        """
        self._record.check(self._state)
        learned = self._learned
        entry = outcomes_entry(learned, options, outcomes, rounds, events, features)
        if not len(entry["options"]):
            return 0
        with self._record.following():
            count_outcomes(self._setting, learned, entry)
            self._record.write_down(entry)
        return len(entry["options"])

    @one_thread
    def change_model(self, model: Model, **prior: Any) -> None:
        """Go on with other options: what was learned moves with their labels.

        Parameters
        ----------
        model : Model
            With the same resources. Options that stay keep their order, new ones come behind.
        **prior
            Of new options, the keywords of the posterior's ``add_options``, such as ``alpha``.

        Raises
        ------
        ParameterError
            Naming what cannot be; nothing was changed.
        FileError
            If the journal cannot be written.
        """
        self._record.check(self._state)
        learned = self._learned.with_own_posterior()
        setting, learned = carried_over(self._setting, learned, model, prior)
        session = model.open(**setting.opened_with)
        try:
            self._record.begin_anew(learned.to_dict(fingerprint(model), setting.to_dict()))
        except BaseException:
            session.close()
            raise
        self._session.close()
        self._session, self._has_own_budget = session, False
        self._setting, self._learned = setting, learned

    @one_thread
    def save(self, path: Name) -> None:
        """Write all that was learned into a file; on any failure the old file stays.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        self._record.check(self._state)
        write_state(path, self._state())

    @classmethod
    def load(
        cls,
        path: Name,
        model: Model,
        *,
        journal: bool = False,
        **changed: Any,
    ) -> ThompsonAllocator:
        """Return the sampler of a file that `save` wrote, or of a journal, as it was.

        Parameters
        ----------
        path : path
        model : Model
            The same one, but for its reward.
        journal : bool
            Whether to go on writing everything into this file.
        **changed
            Another ``solver``, or other options of `Model.open`; those that JSON cannot hold, such
            as ``log``, have to be given again.

        Raises
        ------
        FileError
            If the file is cut off, damaged, or of another model.
        """
        (state, *since), length = read_entries(path)
        with naming_line(path, 1):
            sampler = cls._of_state(state, model, changed)
        try:
            for number, entry in enumerate(since, start=2):
                with naming_line(path, number):
                    replay(sampler._setting, sampler._learned, entry)
            if journal:
                sampler._record.go_on(path, len(since), length)
        except FileError:
            sampler.close()
            raise
        return sampler

    @classmethod
    def _of_state(cls, state: Entry, model: Model, changed: Mapping[str, Any]) -> Self:
        said = checked_state(state)
        if said["model"] != fingerprint(model):
            raise ParameterError("the state is of another model: its problem or family differs")
        sampler = cls.__new__(cls)
        setting = setting_of(said["settings"], model, changed)
        sampler._begin(setting, posterior_from_dict(said["posterior"]), None)
        try:
            sampler._learned.restore(said)
        except BaseException:
            sampler.close()
            raise
        return sampler

    def _state(self) -> Entry:
        return self._learned.to_dict(fingerprint(self._setting.model), self._setting.to_dict())

    def close(self) -> None:
        """Free what the solver holds, and let others go on with the journal."""
        self._session.close()
        self._record.close()

    def __enter__(self) -> Self:
        """Return the sampler."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
