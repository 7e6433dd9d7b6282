"""The shared weights of a gradient search: trained on one half of the rows, asked on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import ShortTraining
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.supervised import Supervised
from bonas.gradient_search.halves import halves
from bonas.spaces import Choices, Space
from bonas.supernets.supernet import Supernet
from bonas.supernets.training.optimizer import SharedOptimizer
from bonas.supernets.training.preparation import prepared

T = TypeVar("T")


def own_supernet(
    space: Space, training: ShortTraining, seed: int, initial: Supernet | None
) -> Supernet:
    """Return a supernet that is trained along; one that is given is not changed.

    Raises:
        InvalidArgument: if ``initial`` is no supernet of the space.
        MissingBuilder: if the space builds no networks.
    """
    supernet = Supernet(space, training, seed=seed)
    if initial is None:
        return supernet
    if not isinstance(initial, Supernet):
        raise InvalidArgument(f"expected a bonas.supernets Supernet as initial, got {initial!r}")
    if initial.space.describe() != space.describe():
        raise InvalidArgument(
            f"expected a supernet of the space {space!r}, got one of {initial.space!r}"
        )
    for key in initial.store:
        supernet.store.set(key, initial.store[key], initial.store.kernel(key))
    supernet.state.loss_weights = dict(initial.state.loss_weights)
    return supernet


class SharedWeights:
    """A supernet that is trained along with a policy.

    Batch norms use the statistics of the batch at hand, in both steps.

    Args:
        supernet: With a training, which gives rows, loss and recipe.
        generator: Splits and shuffles the rows.

    Raises:
        InvalidData: if networks do not fit the data, or there are too few rows.
    """

    def __init__(self, supernet: Supernet, generator: torch.Generator) -> None:
        training = supernet.training
        assert training is not None
        self._supernet, self._device = supernet, supernet.store.device
        trainer = prepared(supernet).trainer
        step, self._recipe = trainer.step, trainer.recipe
        self._loss = replace(step, running=None) if isinstance(step, Supervised) else step
        self._optimizer = SharedOptimizer(trainer.recipe, supernet.store, trainer.others)
        both = halves(training.splits.train, generator)
        parts = [Batches(p, training.batch_size, self._device, generator) for p in both]
        self.steps_per_pass = max(1, len(parts[0]))
        self._passes = [max(1, len(part)) for part in parts]
        self._train, self._validation = (_endless(part) for part in parts)

    def built(self, builds: Sequence[Callable[[], T]]) -> list[T]:
        """Build networks, none of which holds a part that has grown since."""
        return self._supernet.store.settled(builds)

    def learn(self, choices: Choices, progress: float) -> Tensor:
        """Take a step of the weights of one network; return its loss.

        Args:
            choices: Of the network.
            progress: The share of the search that is over, in [0, 1].
        """
        network = self._supernet.network(choices)
        self._optimizer.follow()
        self._optimizer.zero_grad()
        (loss,) = self._losses([network], self._train, self._passes[0])
        if loss.requires_grad:  # a network without weights learns nothing
            loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
            self._optimizer.step(progress)
        return loss.detach()

    def judged(self, networks: Sequence[nn.Module]) -> Tensor:
        """Return the losses of networks on one batch of the other half, with gradient: ``n``."""
        return torch.stack(self._losses(networks, self._validation, self._passes[1]))

    def _losses(
        self, networks: Sequence[nn.Module], batches: Iterator[Any], of_a_pass: int
    ) -> list[Tensor]:
        """Return the losses on the next batch that counts for all networks."""
        for batch in _some(batches, of_a_pass + 1):
            with in_precision(self._recipe.precision, self._device):
                found = [self._loss(network, batch) for network in networks]
            known = [loss for loss in found if loss is not None]
            if len(known) == len(found):
                return known
        raise InvalidData(
            "expected batches to train on, got none that counts in a whole pass; give batches of "
            "at least two rows, or let the step return a loss"
        )


def _endless(batches: Batches) -> Iterator[Any]:
    while True:
        yield from batches


def _some(batches: Iterator[Any], n: int) -> Iterator[Any]:
    for _ in range(n):
        yield next(batches)
