"""What a training step costs in a supernet, beside a step of the same network alone.

Both train the same random networks on the same batches, in turn: for the supernet, each step has
one network, is built of shared weights, and updates these. CPU seconds of one process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bonas.arguments import check_count
from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.tables.scale import Array
from bonas.evaluation.training.suspension import Generators, active
from bonas.spaces import Choices, Space
from bonas.supernets.supernet import Supernet
from bonas.supernets.training.preparation import prepared
from bonas.supernets.training.rule import Step

_NETWORKS = 16


@dataclass(frozen=True)
class StepCosts:
    """CPU seconds of a step in some rounds.

    Attributes:
        problem: Its name.
        alone: Of networks that are trained alone, per round.
        shared: Of the same networks in a supernet, per round.
    """

    problem: str
    alone: Array
    shared: Array

    @property
    def overheads(self) -> Array:
        """By how much the shared step takes longer, in % of the other, per round."""
        return 100.0 * (self.shared / self.alone - 1.0)


def step_costs(problem: Problem, rounds: int = 7) -> StepCosts:
    """Measure the steps of both, in turn.

    Args:
        problem: The space, and how its networks are trained.
        rounds: How often 16 networks are trained for an epoch each; one more is not counted.

    Raises:
        InvalidArgument: if a setting is out of its range.
    """
    check_count("rounds", rounds)
    networks = problem.networks(_NETWORKS)
    supernet = Supernet(problem.space, problem.training)
    generators = Generators(np.random.SeedSequence(supernet.seed), supernet.store.device)
    settings = partial(active, generators, problem.training.threads)  # those of a fit
    with settings():
        trainer = prepared(supernet).trainer
    batches = len(trainer.batches)
    one = replace(trainer, recipe=replace(trainer.recipe, epochs=1))

    def alone() -> float:
        seconds = 0.0
        with settings():
            for choices in networks:
                network = problem.space.build(choices).to(supernet.store.device)
                began = time.process_time()
                for _ in one.epochs(network):
                    seconds += time.process_time() - began
        return seconds / (batches * len(networks))

    def shared() -> float:
        steps = batches * len(networks)
        found = supernet.fit(steps, rule=_Given(networks), progress=False)
        return found.cpu_seconds / steps

    found = np.array([(alone(), shared()) for _ in range(1 + rounds)])[1:]
    return StepCosts(problem.name, found[:, 0], found[:, 1])


def step_table(found: Sequence[StepCosts]) -> str:
    """Return a text table with one row per problem: medians, and the range of the overhead."""
    lines = ["problem         alone   shared  overhead", ""]
    for each in found:
        alone, shared = (1e3 * float(np.median(x)) for x in (each.alone, each.shared))
        low, middle, high = np.quantile(each.overheads, (0.0, 0.5, 1.0))
        lines.append(
            f"{each.problem:13} {alone:5.2f} ms {shared:5.2f} ms  "
            f"{middle:.0f} % [{low:.0f}, {high:.0f}]"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class _Given:
    """The rule that draws one of given networks per step."""

    networks: Sequence[Choices]
    name = "given"

    def describe(self) -> dict[str, Any]:
        """Return its name."""
        return {"rule": self.name}

    def on(self, space: Space) -> _Drawn:
        """Apply the rule."""
        return _Drawn(self.networks)


@dataclass(frozen=True)
class _Drawn:
    networks: Sequence[Choices]

    def step(self, rng: np.random.Generator, progress: float) -> Step:
        """Draw one of the networks."""
        return Step((self.networks[int(rng.integers(len(self.networks)))],))
