"""Re-solve with SCIP and Gurobi: other rewards written into an open session, to an allocation.

The bare way writes the objective of an open model of pyscipopt or gurobipy, solves it and reads the
point. SCIP as it comes presolves and separates; Librex does not, and so is also compared with bare
SCIP under the same options.
"""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from librex_models import Allocation
from solvers.scip_options import LINEAR
from tests.benchmarks.bare_highs import Arrays, Floats, check_agreement
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns, rounds

REPEATS = 60
SECONDS = 6.0


class BareScip:
    """An open model of pyscipopt."""

    solver, package, name = "scip", "pyscipopt", "bare SCIP"
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, arrays: Arrays) -> None:
        import pyscipopt

        # Its types do not cover what is used here.
        self._package: Any = pyscipopt
        self._model: Any = pyscipopt.Model()
        self._model.hideOutput()
        self._model.setParams(self.options)
        self._columns = [self._model.addVar(lb=0.0, ub=1.0) for _ in range(arrays.n_options)]
        for request, budget in zip(arrays.requests.T, arrays.budget.tolist(), strict=True):
            self._model.addCons(self._sum(request) <= budget)

    def resolve(self, reward: Floats) -> Floats:
        """Write the objective, solve, return the point."""
        self._model.freeTransform()
        self._model.setObjective(self._sum(reward), "maximize")
        self._model.optimize()
        best = self._model.getBestSol()
        return np.array([best[column] for column in self._columns])

    def objective(self) -> float:
        """Return the value of the optimum."""
        return float(self._model.getObjVal())

    # The type is that of pyscipopt.
    def _sum(self, factors: Floats) -> Any:
        pairs = zip(factors.tolist(), self._columns, strict=True)
        return self._package.quicksum(factor * column for factor, column in pairs)


class BareLinearScip(BareScip):
    """An open model of pyscipopt under the options that make it solve one linear program."""

    name = "bare SCIP, same options"
    options = LINEAR


class BareGurobi:
    """An open model of gurobipy."""

    solver, package, name = "gurobi", "gurobipy", "bare Gurobi"

    def __init__(self, arrays: Arrays) -> None:
        import gurobipy

        environment = gurobipy.Env(empty=True)
        environment.setParam("OutputFlag", 0)
        environment.start()
        self._model = gurobipy.Model(env=environment)
        self._model.Params.Threads = 1
        self._model.ModelSense = gurobipy.GRB.MAXIMIZE
        self._columns = self._model.addMVar(arrays.n_options, lb=0.0, ub=1.0)
        self._model.addConstr(arrays.requests.T @ self._columns <= arrays.budget)

    def resolve(self, reward: Floats) -> Floats:
        """Write the objective, solve, return the point."""
        self._columns.setAttr("Obj", reward)
        self._model.optimize()
        return np.asarray(self._columns.X)

    def objective(self) -> float:
        """Return the value of the optimum."""
        return float(self._model.ObjVal)


Bare = BareScip | BareGurobi

CASES: tuple[tuple[str, type[Bare], int], ...] = (
    ("SCIP, N = 1,000", BareLinearScip, 1_000),
    ("SCIP, N = 10,000", BareLinearScip, 10_000),
    ("SCIP as it comes, N = 1,000", BareScip, 1_000),
    ("SCIP as it comes, N = 10,000", BareScip, 10_000),
    ("Gurobi, N = 1,000", BareGurobi, 1_000),
)


def run(
    choice: Choice = EVERYTHING,
    *,
    cases: Sequence[tuple[str, type[Bare], int]] = CASES,
    repeats: int = REPEATS,
) -> list[Measurement]:
    """Return one measurement for each case."""
    return [_measured(*case, repeats) for case in cases if choice.takes(case[0], LIBREX)]


def _measured(case: str, kind: type[Bare], n_options: int, repeats: int) -> Measurement:
    if find_spec(kind.package) is None:
        remark = f"{kind.package} not installed"
        return Measurement(
            benchmark="resolve_solvers", case=case, value=None, against=kind.name, remark=remark
        )
    arrays, watch = Arrays(n_options), Stopwatch()
    bare = kind(arrays)
    found: list[Allocation] = []

    def by_librex(reward: Floats) -> None:
        with watch.taking(LIBREX):
            session.write(reward=reward)
            found.append(session.solve())

    def by_itself(reward: Floats) -> None:
        with watch.taking(BARE):
            bare.resolve(reward)

    generator = np.random.default_rng(0)
    with arrays.model().open(solver=kind.solver) as session:
        session.solve()
        bare.resolve(arrays.reward)
        for round_number in rounds(repeats, SECONDS):
            reward = arrays.reward * generator.uniform(0.9, 1.1, n_options)
            in_turns(round_number, partial(by_librex, reward), partial(by_itself, reward))
            check_agreement(found.pop(), bare.objective())
        if session.rebuilds:
            raise RuntimeError(f"a session was rebuilt: {'; '.join(session.reasons)}")
    return watch.measurement("resolve_solvers", case, against=kind.name)
