"""An engine of agents whose tokens and tool calls are shared by an allocator that learns.

    python docs/examples/agent_engine.py

Engines of agents let a workflow be registered for each stage of a round. Here is a small one of
that kind, and the allocation workflow: agents estimate what they need, `lm.Alloc` decides, agents
work with what they got and report back whether they succeeded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import librex_models as lm

RESOURCES = ("tokens", "tool calls")
BUDGET = [10_000.0, 20.0]
ROUNDS = 60

Workflow = Callable[["Engine"], None]


@dataclass
class Agent:
    """Somebody who does tasks: how large they are varies, how often they succeed does not."""

    name: str
    tokens: float
    calls: float
    success: float

    def estimate(self, rng: np.random.Generator) -> list[float]:
        """Return what the next task needs."""
        size = rng.uniform(0.5, 1.5)
        return [self.tokens * size, self.calls * size]

    def work(self, rng: np.random.Generator) -> dict[str, bool]:
        """Do the part of the task that the resources allow."""
        return {"success": bool(rng.random() < self.success)}


@dataclass
class Engine:
    """Runs the workflows that are registered, round after round."""

    agents: list[Agent]
    rng: np.random.Generator
    workflows: dict[str, Workflow] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)

    def register(self, stage: str, workflow: Workflow) -> None:
        """Take a workflow for a stage."""
        self.workflows[stage] = workflow

    def run(self, rounds: int) -> None:
        """Run all stages of all rounds."""
        for _ in range(rounds):
            for workflow in self.workflows.values():
                workflow(self)


def allocation_workflow(manager: lm.ResourceManager) -> Workflow:
    """Return the workflow that asks, decides, lets work, and learns."""

    def workflow(engine: Engine) -> None:
        needs = {agent.name: agent.estimate(engine.rng) for agent in engine.agents}
        granted = manager.decide(needs, BUDGET)
        for agent in engine.agents:
            part = float(granted[agent.name][0]) / needs[agent.name][0]
            if part == 0.0:
                continue
            outcome = agent.work(engine.rng)
            manager.report(agent.name, outcome)
            done = engine.done.get(agent.name, 0.0)
            engine.done[agent.name] = done + part * outcome["success"]

    return workflow


def main() -> None:
    """Run the engine under each idea of fairness, and print what came of it."""
    for mode in ("none", "proportional", "maxmin"):
        agents = [
            Agent("planner", tokens=4_000, calls=2, success=0.9),
            Agent("coder", tokens=6_000, calls=9, success=0.6),
            Agent("tester", tokens=3_000, calls=12, success=0.5),
        ]
        alloc = lm.Alloc(len(agents), len(RESOURCES), mode, solver="highs", seed=0)
        manager = lm.ResourceManager(alloc)
        for agent in agents:
            manager.register(agent.name)
        engine = Engine(agents, np.random.default_rng(1))
        engine.register("allocation", allocation_workflow(manager))
        engine.run(ROUNDS)
        used = ", ".join(
            f"{part:.0%} of {name}"
            for name, part in zip(RESOURCES, manager.utilization(), strict=True)
        )
        gini = alloc.compute_fairness_metrics()["gini"]
        done = ", ".join(f"{name} {tasks:.0f}" for name, tasks in engine.done.items())
        print(f"{mode}: {done} tasks done; {used}; gini {gini:.2f}")


if __name__ == "__main__":
    main()
