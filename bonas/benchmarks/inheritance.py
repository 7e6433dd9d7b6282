"""How inherited weights change what a short training says of an architecture.

Parents are trained; children differ from one of them in one or two choices. The truth of a child is
its value after a long training from scratch, the mean over several seeds. For shorter trainings,
from scratch and from inherited weights, two numbers count: the mean value, which inheritance
raises, and Spearman's rank correlation with the truth, which it lowers, since a value then says how
good the parent was. A correlation below that of the training from scratch is the bias that a search
with ``ShortTraining(inherit=True)`` accepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from optuna.trial import FrozenTrial, TrialState, create_trial
from scipy.stats import spearmanr
from torch import nn

from bonas.arguments import check_count
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, ShortTraining, inherit_weights
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.training.feed import Feed
from bonas.spaces import Choices, NASBench201, Space
from bonas.spaces.example import Example

_STEPS = (1, 2)  # choices in which a child differs from its parent
_ROWS = 64  # on which inherited weights are matched
_UNTRAINED = 1e-12  # learning rate of an epoch that trains no weight


@dataclass(frozen=True, slots=True)
class Inherited:
    """What trainings of one length say of the children.

    Attributes:
        start: ``"scratch"``, ``"inherited"``, or ``"parent"``: the parents' own values.
        epochs: Of the training; after 0 epochs only the statistics of the norms are new.
        value: The mean over the children, in the metric's unit.
        spearman: The rank correlation with the truth.
        error: Its standard error, by the bootstrap over the children.
    """

    start: str
    epochs: int
    value: float
    spearman: float
    error: float


@dataclass(frozen=True)
class _Heir(Candidate):
    """A candidate whose network starts with the weights of another."""

    parent: nn.Module = field(default_factory=nn.Module)
    inputs: Example = field(default_factory=lambda: Example.of(torch.zeros(1)))

    def build(self) -> nn.Module:
        network = super().build()
        inherit_weights(network, self.parent, self.inputs, seed=self.number)
        return network


class _Trained(Candidate):
    """A candidate that keeps the network of its training."""

    network: nn.Module

    def build(self) -> nn.Module:
        network = super().build()
        object.__setattr__(self, "network", network)  # it is frozen otherwise
        return network


def measure_inheritance(
    space: Space | None = None,
    training: ShortTraining | None = None,
    *,
    parents: int = 6,
    children: int = 36,
    epochs: Sequence[int] = (0, 1, 2, 4),
    truth: int = 12,
    seeds: int = 2,
    seed: int = 0,
) -> list[Inherited]:
    """Train parents and children, from scratch and from inherited weights, and compare them.

    Args:
        space: By default ``NASBench201(channels=8, cells=1)``.
        training: Its settings but for the epochs; by default those for digits.
        parents: How many are trained, for ``truth`` epochs each.
        children: How many are derived from them, as many from each.
        epochs: Lengths of the short trainings; 0 only from inherited weights.
        truth: Epochs of the long training.
        seeds: Trainings whose mean is the truth.
        seed: Of the architectures and of all trainings.

    Raises:
        InvalidArgument: for numbers that cannot work.
    """
    for name, value in (("parents", parents), ("truth", truth), ("seeds", seeds)):
        check_count(name, value)
    if children < 2 or any(n < 0 for n in epochs):
        raise InvalidArgument(
            f"expected at least 2 children and epochs of at least 0, got {children} and "
            f"{list(epochs)}"
        )
    bench = _Bench(space or NASBench201(channels=8, cells=1), training or ShortTraining(), seed)
    trained = bench.parents(parents, truth)
    heirs = bench.children(trained, children)
    wanted = [
        float(np.mean([bench.scratch(heir, truth, 1 + i) for i in range(seeds)])) for heir in heirs
    ]
    found = [_row("parent", truth, [heir.parent.value for heir in heirs], wanted)]
    for n in epochs:
        if n:
            found.append(_row("scratch", n, [bench.scratch(heir, n, 0) for heir in heirs], wanted))
        found.append(_row("inherited", n, [bench.inherited(heir, n) for heir in heirs], wanted))
    return found


def inheritance_table(found: Sequence[Inherited]) -> str:
    """Return a text table: the mean value, and the rank correlation with its standard error."""
    lines = ["start      epochs   value   Spearman", ""]
    lines += [
        f"{row.start:10} {row.epochs:6d} {row.value:7.1f}   {row.spearman:5.2f} ± {row.error:.2f}"
        for row in found
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Parent:
    choices: Choices
    network: nn.Module
    value: float


@dataclass(frozen=True)
class _Child:
    number: int
    choices: Choices
    parent: _Parent


class _Bench:
    """The trainings of one comparison."""

    def __init__(self, space: Space, training: ShortTraining, seed: int) -> None:
        self.space, self.training = space, training
        self._rng, self._seed = np.random.default_rng(seed), seed
        self._goal = training.objectives[0].name

    def parents(self, number: int, epochs: int) -> list[_Parent]:
        """Train architectures that are drawn at random."""
        found = []
        for i in range(number):
            choices = self.space.sample(self._rng)
            one = _Trained(self.space, choices, _trial(i))
            value = replace(self.training, epochs=epochs, seed=self._seed)(one)[self._goal]
            found.append(_Parent(choices, one.network.cpu().eval(), value))
        return found

    def children(self, parents: Sequence[_Parent], number: int) -> list[_Child]:
        """Derive architectures, no two the same, which differ from their parent by some steps."""
        taken = {self.space.architecture(parent.choices) for parent in parents}
        found: list[_Child] = []
        for tried in range(20 * number):
            parent = parents[tried % len(parents)]
            choices = parent.choices
            for _ in range(int(self._rng.choice(_STEPS))):
                choices = next(self.space.neighbours(choices, self._rng), choices)
            architecture = self.space.architecture(choices)
            if architecture not in taken:
                taken.add(architecture)
                found.append(_Child(1_000 + len(found), choices, parent))
            if len(found) == number:
                return found
        raise InvalidArgument(
            f"expected {number} children of {len(parents)} parents, got {len(found)} different "
            "ones; ask for fewer, or for more parents"
        )

    def scratch(self, child: _Child, epochs: int, draw: int) -> float:
        """Return the value of a child after a training from scratch."""
        one = Candidate(self.space, child.choices, _trial(child.number))
        training = replace(self.training, epochs=epochs, seed=self._seed + 100 * draw)
        return training(one)[self._goal]

    def inherited(self, child: _Child, epochs: int) -> float:
        """Return the value of a child after a training from its parent's weights."""
        trial, network = _trial(child.number), child.parent.network
        inputs = self._inputs(network)
        one = _Heir(self.space, child.choices, trial, parent=network, inputs=inputs)
        settings = {"epochs": epochs} if epochs else {"epochs": 1, "learning_rate": _UNTRAINED}
        return replace(self.training, seed=self._seed, **settings)(one)[self._goal]

    def _inputs(self, network: nn.Module) -> Example:
        splits = self.training.splits
        inputs, _ = next(iter(pairs(Batches(splits.train, _ROWS, torch.device("cpu")), splits)))
        return Feed.of(self.space, network)(inputs)


def _trial(number: int) -> FrozenTrial:
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = number
    return trial


def _row(start: str, epochs: int, values: Sequence[float], truth: Sequence[float]) -> Inherited:
    x, y = np.asarray(values), np.asarray(truth)
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(x), size=len(x)) for _ in range(200)]
    found = [rho for rho in (_spearman(x[i], y[i]) for i in draws) if not np.isnan(rho)]
    error = float(np.std(found)) if found else float("nan")
    return Inherited(start, epochs, float(x.mean()), _spearman(x, y), error)


def _spearman(x: Array, y: Array) -> float:
    """Return the rank correlation; NaN where one of them is constant."""
    if len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return float("nan")
    return float(spearmanr(x, y).statistic)
