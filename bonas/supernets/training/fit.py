"""The loop that trains shared weights.

What is random in a step depends on the seed and the step's number alone, so that a training that is
resumed from a checkpoint gives the weights of one that was never interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from bonas.errors import InvalidData, NotFinite
from bonas.evaluation.runtime import in_precision, seeded
from bonas.evaluation.training.supervised import Supervised
from bonas.evaluation.training.suspension import Generators, active
from bonas.evaluation.training.trainer import check_loss
from bonas.supernets.training.checkpoint import Checkpoint, Unfinished, adopt, checkpoint_of
from bonas.supernets.training.distillation import losses
from bonas.supernets.training.optimizer import SharedOptimizer
from bonas.supernets.training.preparation import prepared, training_of
from bonas.supernets.training.record import FitRecord, Length, Progress
from bonas.supernets.training.rule import Rule, Step
from bonas.supernets.training.stream import Stream

if TYPE_CHECKING:
    from bonas.supernets.supernet import Supernet

_LOOK = 16  # steps between two looks at the loss, each of which waits for the device
_WRITES = 0.05  # share of the time that checkpoints may take, at most


class Fit:
    """A training of the shared weights of a supernet.

    Args:
        supernet: Whose weights are trained.
        rule: Which networks learn in a step.
        reason: Why the rule was chosen.
        length: How long.
        checkpoint: A file that holds the training; None keeps none.
        interval: Seconds between two writes of it, at least.
    """

    def __init__(
        self,
        supernet: Supernet,
        rule: Rule,
        reason: str,
        length: Length,
        checkpoint: Path | None,
        interval: float,
    ) -> None:
        self._supernet, self._rule, self._reason, self._length = supernet, rule, reason, length
        self._checkpoint, self._interval = checkpoint, interval
        self._number = len(supernet.state.fits)
        self._at = Progress()
        self._consistent = True  # whether weights, moments and progress are those of one step
        self._recent: list[Tensor] = []  # losses since the last look
        self._loss: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the training, as JSON values."""
        return {**self._rule.describe(), **self._length.describe(), "seed": self._supernet.seed}

    def run(self, begun: Unfinished | None, *, progress: bool) -> FitRecord:
        """Train to the end, from where an unfinished training stopped.

        Raises:
            NotFinite: if a loss diverges; the weights are then those of the last good state.
        """
        training, device = training_of(self._supernet), self._supernet.store.device
        generators = Generators(np.random.SeedSequence(self._seed), device)
        with active(generators, training.threads):
            self._prepare(begun)
            self._keep()
            with self._bar(progress) as bar:
                try:
                    self._train(bar)
                except NotFinite:
                    self._restore_good()
                    raise
                except BaseException:
                    if self._consistent and self._looks_good():
                        self._keep()
                    raise
        self._supernet.state.loss_weights = _copied(self._trainer.others.state_dict())
        return self._record()

    @property
    def _seed(self) -> tuple[int, ...]:
        return self._supernet.seed, self._number

    def _prepare(self, begun: Unfinished | None) -> None:
        """Set up everything that a step uses."""
        supernet = self._supernet
        self._sampler = self._rule.on(supernet.space)
        run = prepared(supernet)
        self._trainer = run.trainer
        step = run.trainer.step
        own = isinstance(step, Supervised)
        self._loss_of_batch = replace(step, running=None) if own else step  # type: ignore[type-var]  # own
        if begun is not None:
            self._at = begun.at
        self._optimizer = SharedOptimizer(run.trainer.recipe, supernet.store, run.trainer.others)
        if begun is not None:
            self._optimizer.restore(begun.optimizer)
        self._before = self._at.seconds, self._at.cpu_seconds
        self._began = time.perf_counter(), time.process_time()
        place = self._at.epoch, self._at.index
        self._stream = Stream(run.trainer.batches, self._seed, *place)

    def _train(self, bar: tqdm[NoReturn]) -> None:
        written, cost = time.perf_counter(), 0.0
        while (done := self._length.done(self._at)) < 1.0:
            seed = np.random.SeedSequence((*self._seed, self._at.steps))
            with seeded(seed, self._supernet.store.device):
                self._step(done)
            if self._at.steps % _LOOK == 0:
                self._look()
            self._show(bar)
            if time.perf_counter() - written > max(self._interval, cost / _WRITES):
                self._look()
                before = time.perf_counter()
                self._keep()
                written = time.perf_counter()
                cost = written - before
        self._look()

    def _step(self, done: float) -> None:
        """Train on one batch, and update the weights once."""
        rng = np.random.default_rng((*self._seed, self._at.steps))
        step = self._sampler.step(rng, done)
        builds = [partial(self._supernet.network, path) for path in step.paths]
        networks = self._supernet.store.settled(builds)
        self._optimizer.follow()
        self._optimizer.zero_grad()
        found = self._backward(networks, step)
        self._consistent = False
        self._optimizer.step(done)
        self._at.steps += 1
        self._at.paths += len(step.paths)
        self._at.epoch, self._at.index = self._stream.epoch, self._stream.index
        self._at.seconds = self._before[0] + time.perf_counter() - self._began[0]
        self._at.cpu_seconds = self._before[1] + time.process_time() - self._began[1]
        self._recent.append(found)
        self._consistent = True

    def _backward(self, networks: Sequence[nn.Module], step: Step) -> Tensor:
        """Add the gradients of all networks on the next batch that counts; return the mean loss.

        Raises:
            InvalidData: if no batch of an epoch counts.
            InvalidArgument: if no loss has a gradient.
        """
        first = self._stream.epoch
        while self._stream.epoch < first + 2:
            if (found := self._backward_on(self._stream.next(), networks, step)) is not None:
                return found
        raise InvalidData(
            "expected batches to train on, got none that counts in a whole epoch; give batches of "
            "at least two rows, or let the step return a loss"
        )

    def _backward_on(self, batch: Any, networks: Sequence[nn.Module], step: Step) -> Tensor | None:
        """Add the gradients of all networks on a batch; None for a batch to be left out."""
        device = self._supernet.store.device
        settings = partial(in_precision, self._trainer.recipe.precision, device)
        computed = losses(networks, batch, self._loss_of_batch, settings, taught=step.taught)
        found, graded = [], False
        for loss in computed:
            if loss is None:
                continue
            if not _is_constant(loss):  # as that of a network without weights, which cannot learn
                check_loss(loss)
                loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
                graded = True
            found.append(loss.detach())
        if found and not graded:
            check_loss(loss)
        return torch.stack(found).mean() if found else None

    def _look(self) -> None:
        """Refuse to go on if a loss is not finite.

        Raises:
            NotFinite: saying what to do.
        """
        if not self._recent:
            return
        found = float(torch.stack(self._recent).mean())
        if not np.isfinite(found) or not self._looks_good():
            rate = self._trainer.recipe.learning_rate
            kept = "the last checkpoint" if self._checkpoint else "the last good state"
            raise NotFinite(
                f"expected finite losses of the supernet, got {found} by step {self._at.steps} "
                f"({self._at.paths} paths) of the rule {self._rule.name!r}; the shared weights are "
                f"those of {kept} again: lower the learning rate ({rate}) of the training"
            )
        self._loss = found
        self._recent.clear()

    def _looks_good(self) -> bool:
        """Return whether all shared weights are finite."""
        finite = [weight.isfinite().all() for weight in self._supernet.store.parameters()]
        return bool(torch.stack(finite).all())

    def _keep(self) -> None:
        """Write the checkpoint, or keep a copy of the weights."""
        supernet = self._supernet
        supernet.state.loss_weights = _copied(self._trainer.others.state_dict())
        if self._checkpoint is None:
            store = supernet.store
            self._good = _copied({key: store[key] for key in store})
            return
        states = self._optimizer.states
        unfinished = Unfinished(self._number, self.settings, self._at, states)
        checkpoint_of(supernet, unfinished).write(self._checkpoint)

    def _restore_good(self) -> None:
        """Put back the weights of the last good state."""
        supernet = self._supernet
        if self._checkpoint is not None:
            adopt(supernet, Checkpoint.read(self._checkpoint))
            return
        for key, values in self._good.items():
            supernet.store.set(key, values, supernet.store.kernel(key))

    def _record(self) -> FitRecord:
        batches = len(self._trainer.batches)
        at = self._at
        return FitRecord(
            rule=self._rule.name,
            reason=self._reason,
            steps=at.steps,
            paths=at.paths,
            epochs=at.epoch + at.index / batches,
            seconds=at.seconds,
            cpu_seconds=at.cpu_seconds,
            loss=self._loss,
            device=str(self._supernet.store.device),
            settings=self.settings,
        )

    def _bar(self, visible: bool) -> tqdm[NoReturn]:
        """Return the bar over the length of the training."""
        by_paths = self._length.paths is not None
        bar: tqdm[NoReturn] = tqdm(
            total=self._length.paths if by_paths else self._length.seconds,
            initial=self._at.paths if by_paths else round(self._at.seconds),
            unit="path" if by_paths else "s",
            disable=not visible,
        )
        bar.set_description_str(f"supernet, {self._rule.name}")
        return bar

    def _show(self, bar: tqdm[NoReturn]) -> None:
        if bar.disable:
            return
        by_paths = self._length.paths is not None
        done = self._at.paths if by_paths else round(self._at.seconds)
        bar.update(done - bar.n)
        if self._loss is not None:
            bar.set_postfix_str(f"loss {self._loss:.3f}")


def _is_constant(loss: object) -> bool:
    return isinstance(loss, Tensor) and loss.numel() == 1 and not loss.requires_grad


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
